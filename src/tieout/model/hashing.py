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
    import numpy.typing as npt

    Words = npt.NDArray[np.uint64]
    Bytes = npt.NDArray[np.uint8]
    Offsets = npt.NDArray[np.int64]

__all__ = ["xxh64"]

_P1 = np.uint64(0x9E3779B185EBCA87)
_P2 = np.uint64(0xC2B2AE3D27D4EB4F)
_P3 = np.uint64(0x165667B19E3779F9)
_P4 = np.uint64(0x85EBCA77C2B2AE63)
_P5 = np.uint64(0x27D4EB2F165667C5)
# Seeds of the four lanes of a long string: P1 + P2, P2, 0 and -P1, modulo 2**64.
_LANES = (0x60EA27EEADC0B5D6, 0xC2B2AE3D27D4EB4F, 0, 0x61C8864E7A143579)
_STRIPE = 32
# Rows hashed together: few enough that the intermediate words stay in the processor's cache.
_BLOCK = 32_768


def xxh64(data: Bytes, starts: Offsets, lengths: Offsets) -> Words:
    """
    Hash every string of a buffer.

    :param data: the bytes of all strings.
    :param starts, lengths: where each string begins and how many bytes it has; meant for short strings.
    :return: one unsigned 64-bit hash per string.
    """
    padded = np.concatenate([data, np.zeros(8, dtype=np.uint8)])
    # Every position read as a little-endian word: overlapping views, no copy.
    wide = np.ndarray((len(data) + 1,), "<u8", padded.data, strides=(1,))
    half = np.ndarray((len(data) + 1,), "<u4", padded.data, strides=(1,))
    hashes = np.empty(len(starts), dtype=np.uint64)
    with np.errstate(over="ignore"):
        counts = np.bincount(lengths)
        for length in np.flatnonzero(counts):
            all_equal = counts[length] == len(lengths)
            rows = np.arange(len(lengths)) if all_equal else np.flatnonzero(lengths == length)
            for begin in range(0, len(rows), _BLOCK):
                block = rows[begin : begin + _BLOCK]
                hashes[block] = _of_one_length(padded, wide, half, starts[block], int(length))
    return hashes


def _of_one_length(data: Bytes, wide: Words, half: npt.NDArray[np.uint32], at: Offsets, length: int) -> Words:
    """Hash strings that all have the same length, so that one instruction serves them all."""
    at = at.copy()
    left = length
    if length >= _STRIPE:
        state = _stripes(wide, at, length)
        left = length % _STRIPE
    else:
        state = np.full(len(at), _P5, dtype=np.uint64)
    state += np.uint64(length)
    for _ in range(left // 8):
        state = _rotate(state ^ _round(np.zeros_like(state), wide[at]), 27) * _P1 + _P4
        at += 8
    if left % 8 >= 4:
        state = _rotate(state ^ (half[at].astype(np.uint64) * _P1), 23) * _P2 + _P3
        at += 4
    for _ in range(left % 4):
        state = _rotate(state ^ (data[at].astype(np.uint64) * _P5), 11) * _P1
        at += 1
    state = (state ^ (state >> np.uint64(33))) * _P2
    state = (state ^ (state >> np.uint64(29))) * _P3
    return state ^ (state >> np.uint64(32))


def _stripes(wide: Words, at: Offsets, length: int) -> Words:
    """Take the whole 32-byte stripes of long strings; moves ``at`` behind them."""
    lanes: list[Words] = [np.full(len(at), seed, dtype=np.uint64) for seed in _LANES]
    for _ in range(length // _STRIPE):
        for lane in range(4):
            lanes[lane] = _round(lanes[lane], wide[at])
            at += 8
    state = _rotate(lanes[0], 1) + _rotate(lanes[1], 7) + _rotate(lanes[2], 12) + _rotate(lanes[3], 18)
    for done in lanes:
        state = (state ^ _round(np.zeros_like(done), done)) * _P1 + _P4
    return state


def _round(state: Words, word: Words) -> Words:
    return _rotate(state + word * _P2, 31) * _P1


def _rotate(words: Words, bits: int) -> Words:
    return (words << np.uint64(bits)) | (words >> np.uint64(64 - bits))
