"""
How a text may be written in bytes: which names of encodings are known, and which of them leave the signs of ASCII alone.
"""

import codecs
from collections.abc import Collection

__all__ = ["encoding_names", "is_encoding", "writes_ascii"]

# What some encodings take for a beginning of something else.
_ASCII = bytes(range(128)) + b"\\u0041+AGE-~{VPND~}.xn--mller-kva"


def is_encoding(name: str) -> bool:
    """Whether Python knows an encoding of text by this name (``utf-8``, ``cp1250``, ``iso8859-2``)."""
    try:
        codecs.lookup(name)
        "".encode(name)
    except (LookupError, ValueError, UnicodeError):
        return False
    return True


def writes_ascii(name: str) -> bool:
    """
    Whether an encoding that is known writes each sign of ASCII as ASCII does, so that lines and fields can be found.

    Code pages do, and UTF-8; UTF-16 and EBCDIC do not.
    """
    try:
        alone = all(bytes([sign]).decode(name) == chr(sign) for sign in range(128))
        return alone and _ASCII.decode(name) == _ASCII.decode("ascii")
    except UnicodeError:
        return False


def encoding_names() -> Collection[str]:
    """Give the names of encodings that a wrong one may be meant to be."""
    from encodings.aliases import aliases

    known = {name.replace("_", "-") for name in (*aliases, *aliases.values())}
    return {name for name in known if is_encoding(name)}  # rot13 is none of text
