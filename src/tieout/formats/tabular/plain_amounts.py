"""
Amounts as files usually write them, read for a whole column at once: ``-1.234,56``.

Only what is beyond doubt is read here; everything else (more digits than 64 bits are sure to hold, more decimals than
the run has, no number at all) is left to the engine, which computes exactly and says what is wrong.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa

if TYPE_CHECKING:
    import numpy.typing as npt

    from tieout.formats.tabular.typed import Digits

    Texts = npt.NDArray[np.uint8]
    Places = npt.NDArray[np.int64]

__all__ = ["IN_DOUBT", "amounts_of"]

#: Stands for an amount that was not read: beyond whatever is, and small enough for sums of several to fit 64 bits.
IN_DOUBT = -(10**18)

# Rows read at once: few enough that what is known of each stays in the processor's cache.
_BLOCK_ROWS = 16_384
_LONGEST = 24
_GROUP = 3
_ZERO, _PLUS, _MINUS = ord("0"), ord("+"), ord("-")


def amounts_of(column: pa.ChunkedArray, decimal: str, thousands: str, digits: Digits) -> pa.ChunkedArray:
    """
    Read a column of text as whole numbers at the scale of ``digits``, :data:`IN_DOUBT` where that is; null stays null.

    :param decimal, thousands: the signs of the file, one ASCII character each; no thousands sign: empty.
    """
    signs = (ord(decimal), ord(thousands) if thousands else None)
    return pa.chunked_array([_chunk(chunk, signs, digits) for chunk in column.chunks], type=pa.int64())


def _chunk(column: pa.Array, signs: tuple[int, int | None], digits: Digits) -> pa.Array:
    _, offsets, data = column.buffers()
    if not len(column) or data is None:
        return pa.nulls(len(column), pa.int64())
    bounds = np.frombuffer(offsets, np.int32)[column.offset : column.offset + len(column) + 1].astype(np.int64)
    # Reading on behind a short value must stay within the buffer.
    text = np.concatenate([np.frombuffer(data, np.uint8)[bounds[0] : bounds[-1]], np.zeros(_LONGEST, np.uint8)])
    bounds -= bounds[0]
    values = np.empty(len(column), np.int64)
    for begin in range(0, len(column), _BLOCK_ROWS):
        here = slice(begin, begin + _BLOCK_ROWS)
        starts, ends = bounds[:-1][here], bounds[1:][here]
        values[here] = _read(text, starts, ends - starts, signs, digits)
    return pa.array(values, mask=column.is_null().to_numpy(zero_copy_only=False) if column.null_count else None)


def _read(text: Texts, starts: Places, lengths: Places, signs: tuple[int, int | None], digits: Digits) -> Places:
    """Read values sign by sign, all rows side by side."""
    decimal, thousands = signs
    first = text[starts]
    negative = first == _MINUS
    signed = negative | (first == _PLUS)
    at, left = starts + signed, lengths - signed
    sure = (left > 0) & (left <= _LONGEST - 1)
    value = np.zeros(len(starts), np.int64)
    whole, decimals, group = (np.zeros(len(starts), np.int8) for _ in range(3))
    pointed, grouped = np.zeros(len(starts), np.bool_), np.zeros(len(starts), np.bool_)
    for place in range(min(int(left.max(initial=0)), _LONGEST - 1)):
        inside = left > place
        sign = text[at + place]
        digit = sign - np.uint8(_ZERO)
        counts = (digit < 10) & inside
        value = np.where(counts, value * 10 + digit, value)
        decimals += counts & pointed
        whole += counts & ~pointed
        point = (sign == decimal) & inside
        sure &= ~(point & pointed) & (counts | ~inside | point | (sign == thousands if thousands else False))
        if thousands is not None:
            comma = (sign == thousands) & inside
            sure &= ~(comma & (pointed | (group == 0) | (group > _GROUP) | (grouped & (group != _GROUP))))
            sure &= ~(point & grouped & (group != _GROUP))
            grouped |= comma
            group = np.where(comma, np.int8(0), group + (counts & ~pointed))
        pointed |= point
    if thousands is not None:
        sure &= ~grouped | (group == _GROUP)
    sure &= (whole + decimals > 0) & (whole <= digits.whole) & (decimals <= digits.scale)
    value *= _POWERS[np.clip(digits.scale - decimals, 0, digits.scale)]
    return np.where(sure, np.where(negative, -value, value), IN_DOUBT)


_POWERS = 10 ** np.arange(10, dtype=np.int64)
