# Lightbox for a host: CPU only, an ordinary user, the hosted profile. docs/hosting.md has the commands.
FROM python:3.11-slim-bookworm

# tini reaps what workers leave behind and passes signals on; `docker run --init` is then not needed
RUN apt-get update \
    && apt-get install -y --no-install-recommends tini \
    && rm -rf /var/lib/apt/lists/* \
    && useradd --uid 1000 --create-home lightbox

WORKDIR /app

# The index's Linux wheel of torch brings CUDA, several GB: the same versions come from PyTorch's CPU wheels first
COPY requirements.txt ./
RUN grep -E '^torch(vision)?==' requirements.txt > /tmp/torch.txt \
    && pip install --no-cache-dir --index-url https://download.pytorch.org/whl/cpu -r /tmp/torch.txt \
    && pip install --no-cache-dir -r requirements.txt \
    && rm /tmp/torch.txt

COPY --chown=1000:1000 . .
RUN mkdir -p data && chown 1000:1000 /app artifacts data

# STREAMLIT_SERVER_ALLOWED_HOSTS: the names under which it is reached, set apart by spaces
ENV LIGHTBOX_PROFILE=hosted \
    LIGHTBOX_ARTIFACTS=/app/artifacts \
    LIGHTBOX_DATA=/app/data \
    MPLCONFIGDIR=/tmp/matplotlib \
    PYTHONDONTWRITEBYTECODE=1 \
    PYTHONUNBUFFERED=1 \
    PORT=8501 \
    STREAMLIT_SERVER_ADDRESS=0.0.0.0 \
    STREAMLIT_SERVER_HEADLESS=true \
    STREAMLIT_SERVER_FILE_WATCHER_TYPE=none \
    STREAMLIT_SERVER_MAX_UPLOAD_SIZE=10 \
    STREAMLIT_SERVER_ENABLE_XSRF_PROTECTION=true \
    STREAMLIT_SERVER_ALLOWED_HOSTS="localhost 127.0.0.1" \
    STREAMLIT_CLIENT_SHOW_ERROR_DETAILS=none \
    STREAMLIT_CLIENT_TOOLBAR_MODE=viewer

USER 1000
VOLUME /app/artifacts
EXPOSE 8501

HEALTHCHECK --interval=30s --timeout=5s --start-period=30s --retries=3 \
    CMD ["python", "-c", "import os, urllib.request as r; r.urlopen(f'http://127.0.0.1:{os.environ[\"PORT\"]}/_stcore/health', timeout=4)"]

ENTRYPOINT ["tini", "--"]
# SPACE_HOST is the name that a Docker space gives itself
CMD ["sh", "-c", "STREAMLIT_SERVER_ALLOWED_HOSTS=\"$STREAMLIT_SERVER_ALLOWED_HOSTS $SPACE_HOST\" exec python -m streamlit run streamlit_app.py --server.port \"$PORT\""]
