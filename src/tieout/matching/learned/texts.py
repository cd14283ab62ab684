"""
How alike two texts are, where banks cut them off and leave words out.

Two texts are compared by how they begin: how far they agree, how few others begin so, and how each of them goes on.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

if TYPE_CHECKING:
    import numpy.typing as npt

__all__ = ["LEVELS", "UNLIKE", "Texts", "alike", "begin_together", "texts_of"]

#: More of a text than this is not looked at (bytes).
_LONGEST = 64
#: A word is known by its first so many bytes.
_WORD = 16
#: How many others begin so is told apart in doublings, up to 2^11.
_CROWDS = 12
#: Pairs compared at a time.
_AT_ONCE = 1 << 17
_BLANK = 32
#: How two texts go on after their common beginning, the most alike first.
_GOING_ON = (
    "the same",
    "the left is the beginning",
    "the right is the beginning",
    "and then the last word of the one follows in the other",
    "other words follow",
    "a word goes on otherwise",
)
#: What levels are called, by number.
LEVELS = (
    *(f"{how}; about {2**crowd} more begin so" for crowd in range(_CROWDS) for how in _GOING_ON),
    "they begin otherwise",
)
#: The level of texts that do not begin alike.
UNLIKE = len(LEVELS) - 1


@dataclass(frozen=True, slots=True)
class Texts:
    """
    All different texts of both sides, in order.

    :ivar bytes_: of each text, filled up with zeros; ``lengths``: without them.
    :ivar shared: how many bytes each has in common with the one before it; the first: none.
    :ivar carried: how many things of both sides carry each.
    :ivar left, right: which text each thing of a side has; -1: none.
    """

    bytes_: npt.NDArray[np.uint8]
    lengths: npt.NDArray[np.int64]
    shared: npt.NDArray[np.int64]
    carried: npt.NDArray[np.int64]
    left: npt.NDArray[np.int64]
    right: npt.NDArray[np.int64]

    def beginnings(self, length: int) -> npt.NDArray[np.int64]:
        """Number the texts by how they begin, shorter ones whole."""
        return np.cumsum(self.shared < np.minimum(length, self.lengths)) - 1


def texts_of(left: pa.Array, right: pa.Array) -> Texts:
    """Take in the texts of both sides, null where a thing has none."""
    said = pa.concat_arrays([_plain(left), _plain(right)])
    coded = pc.dictionary_encode(said)
    words = np.array([text.encode()[:_LONGEST] for text in coded.dictionary.to_pylist()], f"S{_LONGEST}")
    different, place = np.unique(words, return_inverse=True)
    code = pc.fill_null(coded.indices, -1).to_numpy().astype(np.int64)
    found = np.where(code >= 0, np.r_[place, -1][code], -1)
    carried = np.bincount(found[found >= 0], minlength=len(different))
    table = different.view(np.uint8).reshape(len(different), _LONGEST)
    shared = np.zeros(len(different), np.int64)
    shared[1:] = _common(table[1:], table[:-1])
    lengths = (table != 0).sum(axis=1)
    return Texts(table, lengths, np.minimum(shared, lengths), carried, found[: len(left)], found[len(left) :])


def begin_together(texts: Texts, length: int) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """Give the number of its beginning to each thing of (left, right); -1 where it has no text."""
    numbers = np.r_[texts.beginnings(length), -1]
    return numbers[texts.left], numbers[texts.right]


def alike(texts: Texts, left: npt.NDArray[np.int64], right: npt.NDArray[np.int64], least: int) -> npt.NDArray[np.int64]:
    """
    Give the level of each pair (places of things in ``texts.left`` and ``texts.right``), -1 where one has no text.

    :param least: texts that have less than this in common, in bytes, are unlike; shorter ones must be equal.
    """
    one, other = texts.left[left], texts.right[right]
    level = np.full(len(one), -1, np.int64)
    said = (one >= 0) & (other >= 0)
    pairs, place = np.unique(one[said] * len(texts.lengths) + other[said], return_inverse=True)
    found = np.empty(len(pairs), np.int64)
    for first in range(0, len(pairs), _AT_ONCE):
        part = pairs[first : first + _AT_ONCE]
        one_text, other_text = np.divmod(part, len(texts.lengths))
        found[first : first + _AT_ONCE] = _levels(texts, one_text, other_text, least)
    level[said] = found[place]
    return level


def _levels(
    texts: Texts, one: npt.NDArray[np.int64], other: npt.NDArray[np.int64], least: int
) -> npt.NDArray[np.int64]:
    common = np.minimum(_common(texts.bytes_[one], texts.bytes_[other]), texts.lengths[one])
    ends_one, ends_other = texts.lengths[one] == common, texts.lengths[other] == common
    how = np.where(_breaks(texts, one, common) & _breaks(texts, other, common), 4, 5)
    apart = np.flatnonzero(~ends_one & ~ends_other & (how == 4))
    how[apart[_resumes(texts, one[apart], other[apart], common[apart])]] = 3
    how = np.where(ends_one & ends_other, 0, np.where(ends_one, 1, np.where(ends_other, 2, how)))
    more = np.maximum(_carried_by(texts, one, common) - 2, 0)
    crowd = np.minimum(np.frexp(more.astype(np.float64))[1], _CROWDS - 1)
    return np.where((common >= least) | (how == 0), crowd * len(_GOING_ON) + how, UNLIKE)


def _plain(column: pa.Array) -> pa.Array:
    """Write texts in capitals without marks, one blank for whatever is neither letter nor digit."""
    bare = pc.replace_substring_regex(pc.utf8_normalize(column.cast(pa.string()), "NFKD"), r"\p{M}+", "")
    plain = pc.utf8_trim_whitespace(pc.replace_substring_regex(pc.utf8_upper(bare), r"[^\p{L}\p{N}]+", " "))
    return pc.if_else(pc.equal(plain, ""), pa.scalar(None, pa.string()), plain)


def _common(one: npt.NDArray[np.uint8], other: npt.NDArray[np.uint8]) -> npt.NDArray[np.int64]:
    """Count the bytes with which two texts begin alike."""
    same = one == other
    common: npt.NDArray[np.int64] = np.where(same.all(axis=1), one.shape[1], same.argmin(axis=1)).astype(np.int64)
    return common


def _carried_by(texts: Texts, one: npt.NDArray[np.int64], common: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
    """Count the things whose text begins as much like ``one`` as the pair does."""
    found = np.zeros(len(one), np.int64)
    for length in np.unique(common):
        mine = common == length
        numbers = np.cumsum(texts.shared < length) - 1 if length else np.zeros(len(texts.lengths), np.int64)
        sizes = np.bincount(numbers[numbers >= 0], texts.carried[numbers >= 0]).astype(np.int64)
        found[mine] = sizes[numbers[one[mine]]]
    return found


def _breaks(texts: Texts, which: npt.NDArray[np.int64], at: npt.NDArray[np.int64]) -> npt.NDArray[np.bool_]:
    """Say whether a word begins or ends there."""
    here = texts.bytes_[which, np.minimum(at, _LONGEST - 1)]
    before = texts.bytes_[which, np.maximum(at - 1, 0)]
    breaks: npt.NDArray[np.bool_] = (at >= _LONGEST) | (at == 0) | (here == 0) | (here == _BLANK) | (before == _BLANK)
    return breaks


def _resumes(
    texts: Texts, one: npt.NDArray[np.int64], other: npt.NDArray[np.int64], at: npt.NDArray[np.int64]
) -> npt.NDArray[np.bool_]:
    """Say whether words were left out of one of two texts: the next word of the one is the last of the other, or cut off."""
    if not len(one):
        return np.zeros(0, np.bool_)
    return _same_word(_word(texts, one, at), _last_word(texts, other)) | _same_word(
        _word(texts, other, at), _last_word(texts, one)
    )


def _word(texts: Texts, which: npt.NDArray[np.int64], at: npt.NDArray[np.int64]) -> npt.NDArray[np.uint8]:
    """Give the word that begins there, after a blank if there is one; zeros after its end."""
    begin = at + (texts.bytes_[which, np.minimum(at, _LONGEST - 1)] == _BLANK)
    places = begin[:, None] + np.arange(_WORD)
    found = np.where(places < _LONGEST, texts.bytes_[which[:, None], np.minimum(places, _LONGEST - 1)], 0)
    over = np.logical_or.accumulate((found == 0) | (found == _BLANK), axis=1)
    return np.where(over, 0, found).astype(np.uint8)


def _last_word(texts: Texts, which: npt.NDArray[np.int64]) -> npt.NDArray[np.uint8]:
    reversed_ = texts.bytes_[which, ::-1] == _BLANK
    begin = np.where(reversed_.any(axis=1), _LONGEST - reversed_.argmax(axis=1), 0)
    return _word(texts, which, begin)


def _same_word(one: npt.NDArray[np.uint8], other: npt.NDArray[np.uint8]) -> npt.NDArray[np.bool_]:
    """Say whether two words are one, either of them possibly cut off."""
    agree = (one == other) | (one == 0) | (other == 0)
    same: npt.NDArray[np.bool_] = agree.all(axis=1) & (one[:, 0] != 0) & (other[:, 0] != 0)
    return same
