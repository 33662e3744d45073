"""Numbers and words as the pages show them."""

from ui import access


def plain(text: str) -> str:
    """Text from outside, shown as it is: Markdown's signs lose their meaning."""
    text = access.without_paths(text)
    for sign in "\\`*_{}[]<>#|~$:":
        text = text.replace(sign, f"\\{sign}")
    return text


def percent(share: float, digits: int = 2) -> str:
    return f"{100 * share:.{digits}f} %"
