"""
One spelling for identifiers and names, and the 64-bit keys that joins use.

Computed once, at intake, because engines fold text differently. The normal form of an identifier is upper-case
letters and digits: marks on letters fall away, separators, blanks and leading zeros too (``"inv-0012 "`` is ``INV0012``,
``"000815"`` is ``815``), and digits of other scripts are the digits that they are. Letters of other scripts stay what
they are: which Latin letters stand for them depends on the language (Иван is Ivan, Iwan or Yvan), so that an alias of
the rule set says it, where somebody knows. A key is the XXH64 of the normal form, as a signed integer. Two different
spellings may share a key, so every join compares text as well.
"""

from __future__ import annotations

import hashlib
import unicodedata
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt
    import pyarrow as pa

__all__ = ["NORMALISER", "key_of", "keys_of", "normal", "normal_column"]

#: The version of the rules in this module; written beside every key, raised by any change of a result.
NORMALISER = 2

# Letters that Unicode does not decompose into a base letter and a mark.
_LETTERS = str.maketrans(
    {
        "ß": "SS", "ẞ": "SS", "Æ": "AE", "æ": "AE", "Œ": "OE", "œ": "OE", "Ø": "O", "ø": "O", "Đ": "D", "đ": "D",
        "Ð": "D", "ð": "D", "Þ": "TH", "þ": "TH", "Ł": "L", "ł": "L", "\u0131": "I", "Ħ": "H", "ħ": "H",
    },
)  # fmt: skip
# Every byte's capital, and the bytes that fall away: whatever is no ASCII letter or digit.
_UPPER = bytes(range(256)).upper()
_DROPPED = bytes(byte for byte in range(256) if not (byte < 128 and chr(byte).isalnum()))
# An identifier longer than this is replaced by its SHA-256 before hashing: one absurd value costs no more than others.
_LONGEST = 128


def normal(text: str) -> str:
    """Write an identifier or a name in its normal form; empty when no letter or digit is left."""
    folded = unicodedata.normalize("NFKD", text.translate(_LETTERS)).upper()
    kept = "".join(_digit(c) for c in folded if c.isalnum() and not unicodedata.combining(c))
    kept = kept.lstrip("0")
    return hashlib.sha256(kept.encode()).hexdigest().upper() if len(kept.encode()) > _LONGEST else kept


def _digit(sign: str) -> str:
    """Write a digit of any script as ours; anything else stays as it is."""
    value = None if sign.isascii() else unicodedata.decimal(sign, None)
    return sign if value is None else str(value)


def key_of(text: str) -> int | None:
    """Give the key of one identifier; None when its normal form is empty."""
    import pyarrow as pa

    return keys_of(pa.array([text], pa.string()))[0].as_py()  # type: ignore[no-any-return] # pyarrow has no types


def normal_column(column: pa.Array) -> pa.Array:
    """Normal forms of a text column; null stays null, an empty normal form becomes null."""
    import pyarrow as pa
    import pyarrow.compute as pc

    column = column.cast(pa.string())
    folded = _folded(column)
    result = _gather(folded.data, folded.starts, folded.lengths, column)
    if folded.slow.any():
        slow = pa.array(folded.slow)
        spelled = [normal(text) if text is not None else None for text in column.filter(slow).to_pylist()]
        result = pc.replace_with_mask(result, slow, pa.array(spelled, pa.string()))
    return pc.if_else(pc.equal(result, ""), pa.scalar(None, pa.string()), result)


def keys_of(column: pa.Array) -> pa.Array:
    """
    Keys of a text column: signed 64-bit integers.

    :param column: identifiers as written, any case, any separators.
    :return: int64, null where there is no value or its normal form is empty.
    """
    import numpy as np
    import pyarrow as pa

    from tieout.model.hashing import xxh64

    if len(column) == 0:
        return pa.array([], pa.int64())
    folded = _folded(column.cast(pa.string()))
    data, starts, lengths = folded.data, folded.starts, folded.lengths
    if folded.slow.any():
        data, offsets = _buffers(normal_column(column))
        starts, lengths = offsets[:-1], np.diff(offsets)
    missing = lengths == 0
    if column.null_count:
        missing |= column.is_null().to_numpy(zero_copy_only=False)
    return pa.array(xxh64(data, starts, lengths).view(np.int64), mask=missing if missing.any() else None)


class _Folded(NamedTuple):
    """
    A text column in capitals, without what falls away: where each value stands in the bytes.

    :ivar slow: rows that must be folded one by one instead.
    """

    data: npt.NDArray[np.uint8]
    starts: npt.NDArray[np.int64]
    lengths: npt.NDArray[np.int64]
    slow: npt.NDArray[np.bool_]


def _folded(column: pa.Array) -> _Folded:
    import numpy as np

    data, offsets = _buffers(column)
    folded = np.frombuffer(data.tobytes().translate(_UPPER, _DROPPED), np.uint8)
    ends = offsets if len(folded) == len(data) else _kept_before(data, offsets)
    starts, lengths = _without_leading_zeros(folded, ends[:-1], np.diff(ends))
    return _Folded(folded, starts, lengths, _rows_to_fold_slowly(data, offsets, lengths))


def _kept_before(data: npt.NDArray[np.uint8], offsets: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
    """Count, for each place in the bytes, the letters and digits before it: one bit a byte, summed by words of 64."""
    import numpy as np

    kept = ((data | np.uint8(0x20)) - np.uint8(ord("a"))) < 26
    kept |= (data - np.uint8(ord("0"))) < 10
    bits = np.zeros((len(data) // 64 + 1) * 8, np.uint8)
    packed = np.packbits(kept, bitorder="little")
    bits[: len(packed)] = packed
    words = bits.view("<u8")
    before = np.zeros(len(words), np.int64)
    np.cumsum(np.bitwise_count(words[:-1]), out=before[1:])
    place = offsets >> 6
    below = (np.uint64(1) << (offsets & 63).astype(np.uint64)) - np.uint64(1)
    counted: npt.NDArray[np.int64] = before[place] + np.bitwise_count(words[place] & below)
    return counted


def _buffers(column: pa.Array) -> tuple[npt.NDArray[np.uint8], npt.NDArray[np.int64]]:
    """Give the bytes and the offsets behind a text column, without copying the bytes."""
    import numpy as np

    _, offsets, data = column.buffers()
    if offsets is None or len(column) == 0:
        return np.zeros(0, np.uint8), np.zeros(len(column) + 1, np.int64)
    bounds = np.frombuffer(offsets, np.int32)[column.offset : column.offset + len(column) + 1].astype(np.int64)
    text = np.frombuffer(data, np.uint8) if data is not None else np.zeros(0, np.uint8)
    return text[bounds[0] : bounds[-1]], bounds - bounds[0]


def _without_leading_zeros(
    data: npt.NDArray[np.uint8],
    starts: npt.NDArray[np.int64],
    lengths: npt.NDArray[np.int64],
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    import numpy as np

    starts, lengths = starts.copy(), lengths.copy()
    padded = np.append(data, np.uint8(0))
    while True:
        zero = (lengths > 0) & (padded[np.minimum(starts, len(data))] == ord("0"))
        if not zero.any():
            return starts, lengths
        starts[zero] += 1
        lengths[zero] -= 1


def _gather(
    data: npt.NDArray[np.uint8],
    starts: npt.NDArray[np.int64],
    lengths: npt.NDArray[np.int64],
    like: pa.Array,
) -> pa.Array:
    """Build a text column from slices of a buffer, with the nulls of another column."""
    import numpy as np
    import pyarrow as pa

    ends = np.concatenate([[0], np.cumsum(lengths)])
    if ends[-1] != len(data):  # leading zeros left holes
        keep = np.zeros(len(data) + 1, np.int8)
        np.add.at(keep, starts, 1)
        np.add.at(keep, starts + lengths, -1)
        data = data[np.cumsum(keep[:-1]) > 0]
    mask = like.is_null().to_numpy(zero_copy_only=False)
    bitmap = pa.array(~mask).buffers()[1]
    buffers = [bitmap, pa.py_buffer(ends.astype(np.int32)), pa.py_buffer(np.ascontiguousarray(data))]
    return pa.Array.from_buffers(pa.string(), len(lengths), buffers)


def _rows_to_fold_slowly(
    data: npt.NDArray[np.uint8],
    offsets: npt.NDArray[np.int64],
    lengths: npt.NDArray[np.int64],
) -> npt.NDArray[np.bool_]:
    """Rows with a letter outside ASCII, or absurdly long: one by one, by the rules in :func:`normal`."""
    import numpy as np

    slow = lengths > _LONGEST
    if len(data) and data.max() >= 128:
        foreign = np.flatnonzero(data >= 128)
        slow = slow.copy()
        slow[np.searchsorted(offsets, foreign, side="right") - 1] = True
    return slow
