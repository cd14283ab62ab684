"""
Amounts as files usually write them, read for a whole column at once: ``-1.234,56``.

Only what is beyond doubt is read here; everything else (more digits than 64 bits are sure to hold, more decimals than
the run has, no number at all) is left to the engine, which computes exactly and says what is wrong.
"""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa

from tieout.model.hashing import following_words

if TYPE_CHECKING:
    import numpy.typing as npt

    from tieout.formats.tabular.typed import Digits

    Texts = npt.NDArray[np.uint8]
    Words = npt.NDArray[np.uint64]
    Places = npt.NDArray[np.int64]
    Sure = npt.NDArray[np.bool_]

__all__ = ["IN_DOUBT", "amounts_of"]

#: Stands for an amount that was not read: beyond whatever is, and small enough for sums of several to fit 64 bits.
IN_DOUBT = -(10**18)

# Rows read at once: few enough that what is known of each stays in the processor's cache.
_BLOCK_ROWS = 8_192
_LONGEST = 24
_WORD = 8
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
    # Reading on before and behind a short value must stay within the buffer.
    found = np.frombuffer(data, np.uint8)[bounds[0] : bounds[-1]]
    text = np.zeros((len(found) // _WORD + 3) * _WORD + _LONGEST, np.uint8)
    text[2 * _WORD : 2 * _WORD + len(found)] = found
    bounds += 2 * _WORD - bounds[0]
    values = np.empty(len(column), np.int64)
    grouped = signs[1] is not None and bool((found == signs[1]).any())
    read = _read if grouped else _read_at_once
    for begin in range(0, len(column), _BLOCK_ROWS):
        here = slice(begin, begin + _BLOCK_ROWS)
        values[here] = read(text, bounds[:-1][here], bounds[1:][here], signs, digits)
    return pa.array(values, mask=column.is_null().to_numpy(zero_copy_only=False) if column.null_count else None)


def _read_at_once(text: Texts, starts: Places, ends: Places, signs: tuple[int, int | None], digits: Digits) -> Places:
    """Read values at once where they are short and without thousands signs, the others sign by sign."""
    first = text[starts]
    negative = first == _MINUS
    lengths = ends - starts
    lengths -= negative | (first == _PLUS)
    values, sure = _short(text.view("<u8"), ends, lengths, signs[0], digits)
    flipped = -negative.astype(np.int64)
    values ^= flipped
    values -= flipped
    if not sure.all():
        rest = np.flatnonzero(~sure)
        values[rest] = _read(text, starts[rest], ends[rest], signs, digits)
    return values


def _short(words: Words, ends: Places, lengths: Places, decimal: int, digits: Digits) -> tuple[Places, Sure]:
    """
    Read values of at most sixteen bytes, all rows side by side, as numbers of one or two words that end with them.

    :param ends, lengths: of the digits and the decimal point, without a sign before them.
    :return: the values, and of which rows they can be relied upon.
    """
    wide = int(lengths.max()) > _WORD
    place = np.minimum(lengths, 2 * _WORD + 1)
    following = following_words(words, ends - (2 * _WORD if wide else _WORD))
    high = (next(following) ^ _ZEROS) & _KEPT_HIGH[place] if wide else None
    low = (next(following) ^ _ZEROS) & _KEPT_LOW[place]
    marks = _equal(low, decimal ^ _ZERO)
    before = np.bitwise_count(marks - _ONE) >> 3  # bytes before the decimal point; eight: there is none
    low = (low & _BEHIND[before]) | ((low & _BEFORE[before]) << _BYTE)
    power = _powers(digits.scale)[before]
    pointed = marks != 0
    sure = (lengths > pointed) & (power != 0)
    if high is not None:
        moved = pointed.astype(np.uint64) << np.uint64(3)
        low |= high >> (np.uint64(64) - moved)  # a shift by 64 leaves nothing
        high <<= moved
        sure &= (lengths <= 2 * _WORD) & _all_digits(high)
        sure &= lengths - pointed - np.where(pointed, 7 - before.astype(np.int64), 0) <= digits.whole
    sure &= _all_digits(low)
    value = _eight_digits(low)
    if high is not None:
        value += _eight_digits(high) * np.uint64(10**_WORD)
    value *= power
    return value.view(np.int64), sure


def _equal(word: Words, sign: int) -> Words:
    """Mark each byte that is a sign by its highest bit."""
    other = word ^ np.uint64(sign * 0x0101010101010101)
    found = other & ~_TOPS
    found += ~_TOPS
    found |= other
    found |= ~_TOPS
    return ~found


def _all_digits(word: Words) -> Sure:
    """Whether every byte is below ten."""
    found: Sure = ((word + _TO_TOP) | word) & _TOPS == 0
    return found


def _eight_digits(word: Words) -> Words:
    """Read eight digits, one a byte, the first in the lowest: pairs, then fours, then all."""
    word = word * np.uint64(10 * 2**8 + 1)
    word >>= _BYTE
    word &= np.uint64(0x00FF00FF00FF00FF)
    word *= np.uint64(100 * 2**16 + 1)
    word >>= np.uint64(16)
    word &= np.uint64(0x0000FFFF0000FFFF)
    word *= np.uint64(10_000 * 2**32 + 1)
    word >>= np.uint64(32)
    return word


@cache
def _powers(scale: int) -> Words:
    """By how many bytes stand before the point in a word: what brings a value to the scale; 0: it has more decimals."""
    decimals = [7 - before for before in range(_WORD)] + [0]
    return np.array([10 ** (scale - n) if n <= scale else 0 for n in decimals], np.uint64)


def _read(text: Texts, starts: Places, ends: Places, signs: tuple[int, int | None], digits: Digits) -> Places:
    """Read values sign by sign, all rows side by side."""
    decimal, thousands = signs
    lengths = ends - starts
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
        # Nobody groups what begins with zero: 0.500 is a half with the other sign.
        sure &= ~grouped | ((group == _GROUP) & (text[at] != _ZERO))
    sure &= (whole + decimals > 0) & (whole <= digits.whole) & (decimals <= digits.scale)
    value *= _POWERS[np.clip(digits.scale - decimals, 0, digits.scale)]
    return np.where(sure, np.where(negative, -value, value), IN_DOUBT)


_ONE, _BYTE = np.uint64(1), np.uint64(8)
_TOPS, _ZEROS = np.uint64(0x8080808080808080), np.uint64(0x3030303030303030)
# Added to a byte below ten, it leaves the highest bit clear; to any other below 0x80, it sets it.
_TO_TOP = np.uint64(0x7676767676767676)
_ALL = 2**64 - 1
# By how many bytes stand before the point in a word: what stands before it, and behind it.
_BEFORE = np.array([(1 << 8 * n) - 1 for n in range(_WORD)] + [0], np.uint64)
_BEHIND = np.array([_ALL << 8 * (n + 1) & _ALL for n in range(_WORD)] + [_ALL], np.uint64)
# By length: which bytes of the last two words belong to the value.
_KEPT_LOW = np.array([_ALL << 8 * (_WORD - min(n, _WORD)) & _ALL for n in range(2 * _WORD + 2)], np.uint64)
_KEPT_HIGH = np.concatenate([np.zeros(_WORD, np.uint64), _KEPT_LOW[: _WORD + 1], _KEPT_LOW[_WORD : _WORD + 1]])
_POWERS = 10 ** np.arange(10, dtype=np.int64)
