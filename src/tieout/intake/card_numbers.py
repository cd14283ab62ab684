"""
What looks like the full number of a payment card in a text, and how it is masked.

A number counts as a card's when it has the length and beginning of an issuer's range and passes the Luhn check. Digits
in groups may hold it anywhere (an expiry date behind it, an order's number before it), so every window of neighbouring
groups is tried; within one group nothing is cut. Digits of other scripts are the digits that they are (model.normal).
"""

from __future__ import annotations

import re
import unicodedata
from bisect import bisect_left
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from stdnum import iban

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    import numpy.typing as npt

__all__ = [
    "DIGITS_MAX",
    "DIGITS_MIN",
    "LONG_NUMBER",
    "OTHER_DIGITS",
    "OTHER_NUMBER",
    "WIDE_SIGNS",
    "could_hold",
    "digits_of",
    "find_cards",
    "mask",
]

#: The decimal digits of other scripts, each with ours, and the signs that are written between full-width ones.
OTHER_DIGITS = {sign: str(unicodedata.decimal(sign)) for sign in map(chr, range(0x80, 0x20000)) if sign.isdecimal()}
WIDE_SIGNS = {"\u3000": " ", "\uff0d": "-"}
_PLAIN = str.maketrans(OTHER_DIGITS | WIDE_SIGNS)
#: Blanks stand between groups, and the breaks of a line; with a dash between blanks three signs.
_BLANKS = "\u0020\u00a0\u2007\u202f\t\n\r"
#: Signs that part other things far more often: each only where it is the same between all groups.
_SIGNS = "_/\u2013"
_BETWEEN = rf"[{_BLANKS}{_SIGNS}{''.join(WIDE_SIGNS)}.\-]"
_RUN = re.compile(rf"[0-9]+(?:{_BETWEEN}{{1,3}}[0-9]+)*")
# Where a card number could stand, for an engine that cannot look around.
_ANYWHERE = rf"[2-6](?:{_BETWEEN}{{0,3}}[0-9]){{12}}"
#: What one may be taken for: digits enough, whatever they begin with.
LONG_NUMBER = _ANYWHERE.replace("[2-6]", "[0-9]", 1)
#: The same in digits of any script.
OTHER_NUMBER = LONG_NUMBER.replace("[0-9]", r"\p{Nd}")
_OTHER_DIGIT = f"[{''.join(OTHER_DIGITS)}]"
# Behind a word of letters alone: an account number such as DE89... has other digits before the ones in question.
_BEGINNING = "(?:^|[^0-9A-Za-z]|[A-Za-z]{40})[A-Za-z]*"
# What a text matches, all of it, in which there is one.
_CLOSELY = (
    _BEGINNING + _ANYWHERE,
    # One group that is not too long, or a first group with another behind it.
    rf"{_BEGINNING}[2-6](?:[0-9]{{12,18}}(?:$|[^0-9])|[0-9]{{0,17}}{_BETWEEN}{{1,3}}[0-9])",
)
#: The lengths of card numbers.
DIGITS_MIN, DIGITS_MAX = 13, 19
# Issuer ranges: (first and last prefix, lengths). ISO/IEC 7812 as the networks publish them.
_RANGES = (
    ("4", "4", (13, 16, 19)),
    ("51", "55", (16,)),
    ("2221", "2720", (16,)),
    ("34", "34", (15,)),
    ("37", "37", (15,)),
    ("300", "305", (14,)),
    ("36", "36", (14,)),
    ("38", "39", (14,)),
    ("3528", "3589", (16,)),
    ("6011", "6011", (16,)),
    ("644", "649", (16,)),
    ("65", "65", (16,)),
    ("62", "62", (16, 17, 18, 19)),
)
# Longer names of other things, in which every run of digits is theirs.
_UUID = re.compile(r"(?i)(?<![0-9a-z])[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}(?![0-9a-z])")
_IBAN = re.compile(r"(?<![0-9A-Za-z])[A-Z]{2}[0-9]{2}(?: ?[0-9A-Z]){11,30}")
_IBAN_LENGTHS = range(15, 35)
# A word of letters alone may touch the number (PAN4111...); letters and digits mixed make an identifier.
_WORD_BEFORE = re.compile(r"(?:^|[^0-9A-Za-z])[A-Za-z]*$")
_WORD_BEHIND = re.compile(r"[A-Za-z]*(?![0-9A-Za-z])")
_WORD_MAX = 40
# Of groups between signs: cards have three or more, of four digits at least but for the last.
_GROUPS_MIN, _GROUP_MIN = 3, 4


def _issued(digits: str) -> bool:
    """Whether an issuer gives out numbers like this."""
    return (
        any(low <= digits[: len(low)] <= high and len(digits) in lengths for low, high, lengths in _RANGES)
        and len(set(digits)) > 1
    )


def _luhn(digits: str) -> bool:
    total = 0
    for place, digit in enumerate(reversed(digits)):
        value = int(digit) * (2 if place % 2 else 1)
        total += value - 9 if value > 9 else value
    return total % 10 == 0


def find_cards(text: str) -> tuple[list[str], int]:
    """
    Find card numbers in a text.

    :return: the numbers as written, what stands between their groups included; and how many runs of digit groups hold
        something of the length and beginning of one.
    """
    found: list[str] = []
    candidates = 0
    written, text = text, _in_our_digits(text)
    taken: list[tuple[int, int]] | None = None
    for run in _RUN.finditer(text):
        if run.end() - run.start() < DIGITS_MIN:
            continue
        windows = list(_windows(text, run))
        if not windows:
            continue
        taken = _other_names(text) if taken is None else taken
        windows = [window for window in windows if not _within(window, taken)]
        candidates += bool(windows)
        passed = [(b, e, n) for b, e, n in windows if _luhn(digits_of(text[b:e]))]
        found += [written[begin:end] for begin, end in _apart(passed)]
    return found, candidates


def _in_our_digits(text: str) -> str:
    """Write a text sign by sign as it would be with ours."""
    return text if text.isascii() else text.translate(_PLAIN)


def digits_of(number: str) -> str:
    """Give the digits of a number as written, in ours."""
    return "".join(c for c in _in_our_digits(number) if "0" <= c <= "9")


def _windows(text: str, run: re.Match[str]) -> Iterator[tuple[int, int, int]]:
    """Give begin, end and number of groups of every window of a run that has a card's length and beginning."""
    groups = [(m.start(), m.end()) for m in re.finditer("[0-9]+", run[0])]
    at = run.start()
    for first, (begin, _) in enumerate(groups):
        if not "2" <= run[0][begin] <= "6":
            continue
        digits = ""
        for last in range(first, len(groups)):
            digits += run[0][groups[last][0] : groups[last][1]]
            if len(digits) > DIGITS_MAX:
                break
            end = groups[last][1]
            if len(digits) < DIGITS_MIN or not _issued(digits) or not _written_alike(run[0][begin:end]):
                continue
            if first == 0 and not _WORD_BEFORE.search(text[max(0, at - _WORD_MAX) : at]):
                continue
            if last == len(groups) - 1 and not _WORD_BEHIND.match(text, at + end):
                continue
            yield at + begin, at + end, last - first


def _written_alike(window: str) -> bool:
    """
    Whether dots stand between all groups or between none: days and amounts beside each other are no number.

    The other signs have to be alike, and to part groups as cards have them: days, paths and orders are written so.
    """
    if any(sign in window for sign in _SIGNS):
        *groups, last = re.split("[^0-9]+", window)
        alike = len(set(re.findall("[^0-9]+", window))) == 1
        return alike and len(groups) + 1 >= _GROUPS_MIN and min(map(len, groups)) >= _GROUP_MIN and last != ""
    return "." not in window or not any(c in window for c in f"{_BLANKS}-")


def _other_names(text: str) -> list[tuple[int, int]]:
    """Find where account numbers and universal identifiers stand, in their order."""
    spans = [match.span() for match in _UUID.finditer(text)]
    for match in _IBAN.finditer(text):
        places = [place for place, c in enumerate(match[0]) if c != " "]
        ends = [places[length - 1] + 1 for length in _IBAN_LENGTHS if length <= len(places)]
        spans += [(match.start(), match.start() + end) for end in ends if iban.is_valid(match[0][:end])]
    return sorted(spans)


def _within(window: tuple[int, int, int], spans: Sequence[tuple[int, int]]) -> bool:
    """Whether a window shares a digit with one of the spans, which do not overlap."""
    behind = bisect_left(spans, (window[1], 0))
    return behind > 0 and spans[behind - 1][1] > window[0]


def _apart(windows: list[tuple[int, int, int]]) -> list[tuple[int, int]]:
    """Choose windows that share no digit, those of the fewest groups first: each can then be masked by itself."""
    chosen: list[tuple[int, int]] = []
    for begin, end, _ in sorted(windows, key=lambda window: (window[2], window[0])):
        if all(end <= other[0] or begin >= other[1] for other in chosen):
            chosen.append((begin, end))
    return sorted(chosen)


def mask(number: str) -> str:
    """Keep the first six and the last four digits of a card number as written."""
    count = len(digits_of(number))
    seen, out = 0, []
    for c in number:
        digit = c.isdecimal()
        seen += digit
        out.append("*" if digit and 6 < seen <= count - 4 else c)
    return "".join(out)


def could_hold(column: pa.Array, *patterns: str) -> pa.Array:
    """
    Find the rows in which a card number could stand, so that the interpreter, which is slow, sees only them.

    :param patterns: what they must match; without one, what a card number cannot be without.
    """
    _, offsets, data = column.buffers()
    bounds = np.frombuffer(offsets, np.int32)[column.offset : column.offset + len(column) + 1]
    # Nearly always there is no such run anywhere, which is cheap to see: even across the rows' ends.
    if (
        data is None
        or int(np.diff(bounds).max(initial=0)) < DIGITS_MIN
        or not _long_run(text := np.frombuffer(data, np.uint8)[bounds[0] : bounds[-1]])
    ):
        return pa.array([], pa.uint64())
    rows = _matching(column, patterns or _CLOSELY)
    if text.max(initial=0) < 0x80:
        return rows
    others = _matching(column, (_OTHER_DIGIT, OTHER_NUMBER))
    return pc.unique(pa.concat_arrays([rows, others])).sort() if len(others) else rows


def _matching(column: pa.Array, patterns: Sequence[str]) -> pa.Array:
    """Find the rows that match all of some patterns, each looked for in those that matched the ones before."""
    first, *others = patterns
    rows = pc.indices_nonzero(pc.match_substring_regex(column, first))
    for pattern in others:
        rows = rows.filter(pc.match_substring_regex(column.take(rows), pattern))
    return rows


def _long_run(text: npt.NDArray[np.uint8]) -> bool:
    """
    Whether 13 digits, or what stands between them, follow each other somewhere: no card number is without.

    Wherever such a run begins, it fills two groups of four bytes that follow each other; only where there are such is
    each byte held against the next ones.
    """
    run = (text - np.uint8(ord("-"))) < 13  # hyphen, dot, slash, digits
    run |= (text == ord(" ")) | (text == ord("_"))
    run |= text >= 0x80  # blanks that do not break a line, and dashes
    full = run[: len(run) // 4 * 4].view(np.uint32) == 0x01010101
    if not (full[:-1] & full[1:]).any():
        return False
    for step in (1, 2, 4, 5):  # runs of 2, 4, 8 and 13 begin here
        run = run[:-step] & run[step:]
    return bool(run.any())
