"""Who may look, what is said of the host, and the link to a view. Part of every page's frame."""

from __future__ import annotations

from urllib.parse import urlencode

import streamlit as st

from core.data import folders
from core.jobs import queue
from core.runs import limits, store

TEMPORARY = (
    "Storage on this host is temporary: runs made here are gone when it restarts. Keep the zip "
    "of a run; it can be taken in again."
)


def without_paths(text: str) -> str:
    """Text for the screen: on a hosted installation no folder of the server is named in it."""
    if not limits.hosted():
        return text
    named = {"artifacts": store.root(), "data": folders.data_root(), "app": folders.CODE}
    for name, folder in named.items():
        for path in {str(folder.resolve()), str(folder.absolute()), str(folder)} - {".", name}:
            text = text.replace(path, name)
    return text


def copy_link() -> None:
    """The address of this view, to be copied; it is made when somebody asks for it."""
    with st.popover(
        "", icon=":material/link:", help="Link to this view", key="link", on_change="rerun"
    ) as opened:
        if opened.open:
            query = urlencode(st.query_params.to_dict(), doseq=True)
            address = f"{st.context.url or ''}{'?' if query else ''}{query}"
            st.code(address[:2000], language=None, wrap_lines=True)
            st.caption("Opens exactly this view, for whoever can reach this server.")


def visitor() -> str | None:
    """The visitor's address, for the limits; None on the machine itself."""
    address = st.context.ip_address
    return address if isinstance(address, str) else None


def own(done: queue.Submitted) -> None:
    """Remember that this visitor put the training in line, as long as the tab is open."""
    if not done.already:
        st.session_state["own_runs"] = {*st.session_state.get("own_runs", ()), done.run_id}


def is_own(run: store.Run) -> bool:
    return run.id in st.session_state.get("own_runs", ())


def may_steer(run: store.Run) -> bool:
    """Whether this visitor may stop and resume a training: strangers only their own."""
    return is_own(run) or not limits.changes_off()


def signed_in() -> None:
    """Stop here until the visitor has signed in with the provider of secrets.toml."""
    known = getattr(st.user, "is_logged_in", None)
    if known:
        return
    if known is None:
        st.error(
            "LIGHTBOX_SIGN_IN is on, but `.streamlit/secrets.toml` has no `[auth]` section: see "
            "`docs/hosting.md`.",
            icon=":material/lock:",
        )
    else:
        st.info("Sign in to see the runs of this installation.", icon=":material/lock:")
        st.button("Sign in", icon=":material/login:", key="sign_in", on_click=st.login)
    st.stop()
