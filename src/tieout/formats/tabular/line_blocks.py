"""
Text cut into blocks of whole lines, for the formats in which every line is a row.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from tieout.formats.tabular.raw import Unreadable

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tieout.formats.tabular.raw import Outside

__all__ = ["LINE_BYTES_MAX", "LineBlock", "line_blocks"]

#: The longest line.
LINE_BYTES_MAX = 16 * 2**20


@dataclass(frozen=True, slots=True)
class LineBlock:
    """
    Whole lines.

    :ivar first: the number of the first one in the file, from 1.
    """

    data: bytes
    first: int

    def lines(self) -> Iterator[tuple[int, bytes]]:
        """Give every line with its number, without its end."""
        return enumerate(self.data.removesuffix(b"\n").split(b"\n"), start=self.first)


def line_blocks(blocks: Iterator[bytes], skip: int, footer: int, outside: Outside) -> Iterator[LineBlock]:
    """
    Cut text into blocks of whole lines, without the first ``skip`` and the last ``footer`` that are not blank.

    :param outside: takes those.
    :raises Unreadable: a line is too long.
    """
    rest, number, ending = b"", 1, False
    while not ending:
        more = next(blocks, None)
        ending = more is None
        data = rest + (more or b"")
        if ending and data and not data.endswith(b"\n"):
            data += b"\n"
        while number <= skip and b"\n" in data:
            end = data.index(b"\n")
            outside.note(number, data[:end])
            data, number = data[end + 1 :], number + 1
        cut = 0 if number <= skip else _cut(data, footer)
        if cut:
            yield LineBlock(data[:cut], number)
        number += data.count(b"\n", 0, cut)
        rest = data[cut:]
        for line, text in LineBlock(rest, number).lines() if ending and number > skip else ():
            outside.note(line, text, footer=True)
        if not ending and len(rest) > LINE_BYTES_MAX:
            message = f"line {number}: expected a line of at most {LINE_BYTES_MAX} bytes, got a longer one"
            raise Unreadable(message, number)


def _cut(data: bytes, footer: int) -> int:
    """Where the lines before the last ``footer`` ones that are not blank end."""
    cut = data.rfind(b"\n") + 1
    while footer and cut:
        start = data.rfind(b"\n", 0, cut - 1) + 1
        footer -= bool(data[start:cut].strip())
        cut = start
    return cut
