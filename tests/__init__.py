import os

# before torch is loaded: these networks are so small that a second thread mostly waits
os.environ.setdefault("OMP_NUM_THREADS", "1")
