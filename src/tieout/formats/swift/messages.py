"""
SWIFT MT940 (customer statement) and MT942 (intraday report), as banks really send them.

A message starts at ``:20:``; ``:61:`` is an entry, the ``:86:`` behind it says what it was for. MT950 is read as
MT940; MT941, which has no entries, gives its balances. What is unusual is read without complaint (no trailer, no balance, 30 February, funds letters, decimal
points); what contradicts itself is reported; an entry that cannot be read is one row in quarantine.

Source: SWIFT User Handbook, category 9; DK "Anlage 3 des DFUe-Abkommens", chapter 8.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, BinaryIO

from tieout.formats.reading import Chunk, Head, ReadOptions, refusal
from tieout.formats.swift.blocks import MESSAGE_FORMATS, message_types
from tieout.formats.swift.joined import AT_SIGNS, is_joined
from tieout.formats.swift.letters import Letters, decoded, marked_blocks
from tieout.formats.swift.lines import Unreadable, fields, tags
from tieout.formats.swift.reader import Reader

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["MT940", "MT942", "StatementMessage"]

_BALANCES = frozenset({"60", "62"})
_INTRADAY = frozenset({"34F", "13D", "13", "90C", "90D"})
_FRAGMENTS = frozenset({"61", "62F", "62M", "64", "65", "86", "NS"})
# Fields of payments and confirmations (MT103, MT900, MT920), which also begin with :20: and :25:.
_OTHER_MESSAGES = frozenset(
    [
        "12",
        "23B",
        "32A",
        "32B",
        "32C",
        "32D",
        "33B",
        "50A",
        "50F",
        "50H",
        "50K",
        "52A",
        "57A",
        "59",
        "59A",
        "59F",
        "71A",
    ]
)


class StatementMessage:
    """A format of the SWIFT statement family; ``mt940`` books, ``mt942`` announces."""

    system = "bank"
    takes_encoding = True

    def __init__(self, format_id: str) -> None:
        """Name the format."""
        self.id = format_id

    def identify(self, head: Head) -> str | None:
        """Say ``mt940`` or ``mt942`` if the file is one and is this format's, else None."""
        return self.id if _identified(head.data) == self.id else None

    def read(self, stream: BinaryIO, options: ReadOptions) -> Iterator[Chunk]:
        """Yield entries, statements and balances in order; memory holds one message's fields and one chunk."""
        reader, letters = Reader(self.id, options), Letters(options.encoding)
        try:
            for field in fields(stream, letters):
                reader.take(field)
                if reader.gathered.full:
                    yield reader.gathered.chunk()
        except Unreadable as fault:
            yield refusal(str(fault), fault.line)
            return
        if not reader.recognised:
            yield refusal("expected a SWIFT statement message with fields such as :20:, :60F: and :61:, got none", 1)
            return
        reader.gathered.problems += letters.problems()
        yield reader.gathered.last_chunk()


MT940 = StatementMessage("mt940")
MT942 = StatementMessage("mt942")


def _identified(data: bytes) -> str | None:
    """Decide by the SWIFT block if there is one, else by which fields stand at line starts."""
    data = b"".join(marked_blocks([data]))
    if is_joined(data):
        data = data.replace(AT_SIGNS, b"\n")
    text = decoded(data.removeprefix(b"\xef\xbb\xbf")).lstrip(" \t\r\n\x01")
    types = message_types(text)
    if types:
        return next((MESSAGE_FORMATS[t] for t in types if t in MESSAGE_FORMATS), None)
    found = tags(data)
    present = set(found)
    foreign = present & _OTHER_MESSAGES and not present & {"61", "60F", "60M", "62F", "62M"}
    if foreign or text.startswith("<"):
        return None
    if any(tag[:2] in _BALANCES for tag in present):
        return "mt940" if present & {"20", "25", "61"} or found[0] in _FRAGMENTS else None
    if present & _INTRADAY and present & {"20", "25"} and present & {"61", "13D", "13", "90C", "90D"}:
        return "mt942"
    whole = {"20", "25"} <= present and present & {"28", "28C", "61", "86"}
    # A piece of a statement, without its header.
    piece = bool(found) and found[0] in _FRAGMENTS and text.startswith(":")
    return "mt940" if whole or piece or {"20", "61"} <= present else None
