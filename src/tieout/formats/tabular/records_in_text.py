"""
Where records end in delimited text, and how many columns each has: quotes respected, whole blocks at a time.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

__all__ = ["Marks", "marks_of"]

_LF = 10
Places = npt.NDArray[np.int64]
_NOWHERE: Places = np.empty(0, np.int64)


@dataclass(frozen=True, slots=True)
class Marks:
    """
    The places of a block that matter, as offsets of bytes.

    :ivar newlines: every line end.
    :ivar ends: the line ends that end a record (outside of quotes).
    :ivar open_quote: the quote that opens and does not close within the block.
    :ivar stray: quotes that close, and behind which text stands all the same (``"bad"x``).
    """

    newlines: Places
    ends: Places
    quotes: Places
    open_quote: int | None
    stray: Places

    def outside(self, places: Places) -> Places:
        """Keep the places that are not within quotes."""
        if not len(self.quotes):
            return places
        kept: Places = places[np.searchsorted(self.quotes, places) % 2 == 0]
        return kept


def marks_of(data: bytes, quote: str, delimiter: str) -> Marks:
    """
    Find the records of a block that starts at the start of a record.

    A quote counts only where a value starts, and the one that closes it; any other is text (``5" pipe``). Blanks may stand
    behind one that closes.
    """
    array = np.frombuffer(data, np.uint8)
    newlines = np.flatnonzero(array == _LF)
    if not quote or quote.encode() not in data:
        return Marks(newlines, newlines, _NOWHERE, None, _NOWHERE)
    quotes = np.flatnonzero(array == ord(quote))
    stray = _NOWHERE
    if not _well_formed(array, quotes, ord(quote), ord(delimiter)):
        quotes = _walked(data, quote.encode(), delimiter.encode())
        ended = re.compile(rb"[ \t\r]*(?:%b|\n|$)" % re.escape(delimiter.encode()))
        stray = np.array([place for place in quotes[1::2].tolist() if not ended.match(data, place + 1)], np.int64)
    open_quote = int(quotes[-1]) if len(quotes) % 2 else None
    ends = newlines[np.searchsorted(quotes, newlines) % 2 == 0]
    return Marks(newlines, ends, quotes, open_quote, stray)


def _well_formed(array: npt.NDArray[np.uint8], quotes: Places, quote: int, delimiter: int) -> bool:
    """Whether every quote opens where a value starts, closes where one ends, or is doubled."""
    opening, closing = quotes[::2], quotes[1::2]
    before = array[np.maximum(opening - 1, 0)]
    opens = (opening == 0) | (before == delimiter) | (before == _LF)
    opens[1:] |= (before[1:] == quote) & (closing[: len(opening) - 1] == opening[1:] - 1)
    after = array[np.minimum(closing + 1, len(array) - 1)]
    closes = (closing == len(array) - 1) | (after == delimiter) | (after == _LF) | (after == quote)
    return bool(opens.all() and closes.all())


def _walked(data: bytes, quote: bytes, delimiter: bytes) -> Places:
    """Find the quotes that open and close, one by one, where some are only text."""
    starts = (delimiter, b"\n", b"")
    found: list[int] = []
    place = data.find(quote)
    while place >= 0:
        if data[max(place - 1, 0) : place] not in starts:
            place = data.find(quote, place + 1)
            continue
        found.append(place)
        close = data.find(quote, place + 1)
        while close >= 0 and data[close + 1 : close + 2] == quote:
            close = data.find(quote, close + 2)
        if close < 0:
            break
        found.append(close)
        place = data.find(quote, close + 1)
    return np.array(found, np.int64)
