r"""
Which texts can be kept: PostgreSQL keeps no NUL, and UTF-8 no half of a surrogate pair, which JSON can write (``\ud83d``).
"""

__all__ = ["storable", "unstorable"]


def unstorable(text: str) -> str | None:
    """Say what in a text cannot be kept; None where all of it can."""
    if "\0" in text:
        return "a NUL byte"
    if text.isascii():
        return None
    try:
        text.encode()
    except UnicodeEncodeError:
        return "half a character (a lone surrogate)"
    return None


def storable(text: str) -> str:
    r"""Give a text with what cannot be kept written as an escape: ``\x00``, ``\ud83d``; any other text is unchanged."""
    if unstorable(text) is None:
        return text
    return text.replace("\0", r"\x00").encode("utf-8", "backslashreplace").decode()
