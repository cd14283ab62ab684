"""
XXH64 of many strings at once: the hash behind every join key.

A key only has to be the same on every machine, engine and version, and cheap: whoever joins on it compares the
text as well. So it is the published XXH64 (seed 0), computed over Arrow's own buffers with numpy, not a
cryptographic digest; identities, which nobody compares again, are SHA-256.

Source: the XXH64 specification, https://github.com/Cyan4973/xxHash/blob/dev/doc/xxhash_spec.md
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Iterator

    import numpy.typing as npt

    Words = npt.NDArray[np.uint64]
    Bytes = npt.NDArray[np.uint8]
    Offsets = npt.NDArray[np.int64]

__all__ = ["following_words", "xxh64"]

_P1 = np.uint64(0x9E3779B185EBCA87)
_P2 = np.uint64(0xC2B2AE3D27D4EB4F)
_P3 = np.uint64(0x165667B19E3779F9)
_P4 = np.uint64(0x85EBCA77C2B2AE63)
_P5 = np.uint64(0x27D4EB2F165667C5)
# Seeds of the four lanes of a long string: P1 + P2, P2, 0 and -P1, modulo 2**64.
_LANES = (0x60EA27EEADC0B5D6, 0xC2B2AE3D27D4EB4F, 0, 0x61C8864E7A143579)
_STRIPE = 32
# How far each lane is turned before the four are added.
_TURNS = (1, 7, 12, 18)
# Rows hashed together: few enough that the intermediate words stay in the processor's cache.
_BLOCK = 16_384


def xxh64(data: Bytes, starts: Offsets, lengths: Offsets) -> Words:
    """
    Hash every string of a buffer.

    :param data: the bytes of all strings.
    :param starts, lengths: where each string begins and how many bytes it has; meant for short strings.
    :return: one unsigned 64-bit hash per string.
    """
    # Whole words, and two beyond: a string's last bytes are taken out of a word that may end behind it.
    padded = np.zeros((len(data) // 8 + 3) * 8, dtype=np.uint8)
    padded[: len(data)] = data
    words = padded.view("<u8")
    hashes = np.empty(len(starts), dtype=np.uint64)
    with np.errstate(over="ignore"):
        counts = np.bincount(lengths)
        for length in np.flatnonzero(counts):
            all_equal = counts[length] == len(lengths)
            rows = None if all_equal else np.flatnonzero(lengths == length)
            for begin in range(0, int(counts[length]), _BLOCK):
                block = slice(begin, begin + _BLOCK) if rows is None else rows[begin : begin + _BLOCK]
                hashes[block] = _of_one_length(following_words(words, starts[block]), int(length), len(starts[block]))
    return hashes


def following_words(words: Words, at: Offsets) -> Iterator[Words]:
    """
    Give, for strings that begin at any byte, their first eight bytes as a number, then the next eight, and so on.

    Each is put together from two aligned words, which numpy gathers several times as fast as one that is not.
    """
    place = at >> 3
    right = ((at & 7) << 3).astype(np.uint64)
    left = np.uint64(64) - right
    low = words[place]
    while True:
        place += 1
        high = words[place]
        low >>= right
        low |= high << left  # numpy shifts by 64 to nothing, as is meant here
        yield low
        low = high


def _of_one_length(following: Iterator[Words], length: int, count: int) -> Words:
    """Hash strings that all have the same length, so that one instruction serves them all."""
    left, spare = length, np.empty(count, dtype=np.uint64)
    if length >= _STRIPE:
        state = _stripes(following, length, spare)
        left = length % _STRIPE
    else:
        state = np.full(count, _P5, dtype=np.uint64)
    state += np.uint64(length)
    for _ in range(left // 8):
        word = next(following)
        word *= _P2
        state ^= _rotated_times(word, 31, _P1, spare)
        _rotated_times(state, 27, _P1, spare)
        state += _P4
    if left % 8:
        _last_bytes(state, next(following), left % 8, spare)
    for bits, prime in ((33, _P2), (29, _P3)):
        state ^= np.right_shift(state, np.uint64(bits), out=spare)
        state *= prime
    state ^= np.right_shift(state, np.uint64(32), out=spare)
    return state


def _last_bytes(state: Words, word: Words, left: int, spare: Words) -> None:
    """Take the last one to seven bytes of strings, which stand in the lower end of a word."""
    if left >= 4:
        state ^= (word & np.uint64(0xFFFFFFFF)) * _P1
        _rotated_times(state, 23, _P2, spare)
        state += _P3
        word >>= np.uint64(32)
    for _ in range(left % 4):
        state ^= (word & np.uint64(0xFF)) * _P5
        _rotated_times(state, 11, _P1, spare)
        word >>= np.uint64(8)


def _stripes(following: Iterator[Words], length: int, spare: Words) -> Words:
    """Take the whole 32-byte stripes of long strings."""
    lanes: list[Words] = [np.full(len(spare), seed, dtype=np.uint64) for seed in _LANES]
    for _ in range(length // _STRIPE):
        for lane in lanes:
            np.add(lane, next(following) * _P2, out=lane)
            _rotated_times(lane, 31, _P1, spare)
    state = np.zeros_like(spare)
    for lane, bits in zip(lanes, _TURNS, strict=True):
        state += (lane << np.uint64(bits)) | (lane >> np.uint64(64 - bits))
    for lane in lanes:
        state ^= _rotated_times(lane * _P2, 31, _P1, spare)
        state *= _P1
        state += _P4
    return state


def _rotated_times(words: Words, bits: int, prime: np.uint64, spare: Words) -> Words:
    """Rotate in place, then multiply: without new memory, since that is what such short steps would wait for."""
    np.right_shift(words, np.uint64(64 - bits), out=spare)
    words <<= np.uint64(bits)
    words |= spare
    words *= prime
    return words
