"""Numbers and words as the pages show them."""

from __future__ import annotations

from ui import access


def plain(text: str) -> str:
    """Text from outside, shown as it is: Markdown's signs lose their meaning."""
    text = access.without_paths(text)
    for sign in "\\`*_{}[]<>#|~$:":
        text = text.replace(sign, f"\\{sign}")
    return text


def sentence(text: str) -> str:
    """Text from outside that is part of a sentence, as a whole one."""
    return plain(f"{text[:1].upper()}{text[1:]}.")
