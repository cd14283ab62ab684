"""
The raw form in which FinTS (HBCI) hands over statement messages: ``@@`` where a line ends, and no line end at all.

Source: FinTS 3.0, Financial Transaction Services, "Multibankfaehige Geschaeftsvorfaelle", MT940 in HIKAZ.
"""

import re
from collections.abc import Iterable, Iterator

__all__ = ["AT_SIGNS", "is_joined", "plain_blocks"]

#: What stands for a line end.
AT_SIGNS = b"@@"

# A message that begins, and its next field behind two signs: no line of a message has that in its middle.
_JOINED = re.compile(rb"[\s\x01]*(?:\xef\xbb\xbf)?(?:-?@@)*:20:[^@\r\n]{0,64}@@:(?:2[158][CDP]?|13D?|34F|60[FM]):")


def is_joined(head: bytes) -> bool:
    """Whether a file begins as one in which ``@@`` ends the lines."""
    return _JOINED.match(head) is not None


def plain_blocks(blocks: Iterable[bytes]) -> Iterator[bytes]:
    """Give a line end for each ``@@`` of such a file, block by block; any other file is given as it is."""
    rest, joined = b"", None
    for block in blocks:
        joined = is_joined(block) if joined is None else joined
        if not joined:
            yield block
            continue
        held = rest + block
        # A sign at the end may be half of a line end.
        cut = len(held) - (len(held) - len(held.rstrip(b"@"))) % 2
        rest = held[cut:]
        if cut:
            yield held[:cut].replace(AT_SIGNS, b"\n")
    if rest:
        yield rest
