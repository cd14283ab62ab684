"""
Full card numbers do not stay: whoever keeps one must protect it as PCI DSS asks, so tieout keeps none.

A number counts as a card's when it has the length and beginning of an issuer's range and passes the Luhn check. In free
text that is enough. In columns that nobody mapped, where identifiers of 16 digits stand too (one in ten of which passes
by chance), at least half of the candidates must pass.
"""

from __future__ import annotations

import re
import tempfile
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, BinaryIO

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from tieout.intake.derive import whole

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    import numpy.typing as npt

__all__ = ["CardScan", "find_cards", "mask", "redact"]

_CANDIDATE = re.compile(r"(?<![0-9A-Za-z])[2-6](?:[ -]?[0-9]){12,18}(?![0-9A-Za-z])")
# The same for an engine that cannot look around: what stands beside the number is part of the hit.
_CANDIDATE_ANYWHERE = "(?:^|[^0-9A-Za-z])[2-6](?:[ -]?[0-9]){12,18}(?:$|[^0-9A-Za-z])"
_COLUMNS = ("text", "counterparty", "details")
_IDENTIFIERS = ("external_id", "payment_id", "settlement_id", "parent_external_id", "counterparty_account")
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
_CARDS_MAX = 100_000
_WINDOW = 1 << 20
_REACH = 128  # longer than any card number with blanks and line breaks


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

    :return: the numbers as written, blanks and hyphens included; and how many candidates there were.
    """
    found, candidates = [], 0
    for match in _CANDIDATE.finditer(text):
        digits = re.sub("[ -]", "", match[0])
        if _issued(digits):
            candidates += 1
            if _luhn(digits):
                found.append(match[0])
    return found, candidates


def mask(number: str) -> str:
    """Keep the first six and the last four digits of a card number as written."""
    count = sum(c.isdigit() for c in number)
    seen, out = 0, []
    for c in number:
        seen += c.isdigit()
        out.append("*" if c.isdigit() and 6 < seen <= count - 4 else c)
    return "".join(out)


@dataclass(slots=True)
class CardScan:
    """
    Looks through the rows of one delivery.

    :ivar numbers: card numbers as written, in no order.
    :ivar places: (line, column) of the first ones.
    """

    numbers: set[str] = field(default_factory=set)
    places: list[tuple[int, str]] = field(default_factory=list)
    _unmapped: dict[str, list[tuple[int, str]]] = field(default_factory=dict)
    _candidates: int = 0

    def look(self, stated: pa.Table) -> None:
        """Look through the free text of a chunk."""
        for column in _COLUMNS:
            values = stated[column]
            if values.null_count == len(values):
                continue
            rows = _candidates(whole(values))
            if len(rows):
                self._look_closely(stated.select([*_IDENTIFIERS, "references", "line", column]).take(rows), column)

    def _look_closely(self, rows: pa.Table, column: str) -> None:
        for row in rows.to_pylist():
            found, candidates = find_cards(row[column])
            known = {row[name] for name in _IDENTIFIERS} | set(row["references"] or ())
            found = [number for number in found if number not in known]
            if column == "details":
                self._candidates += candidates
                for number in found:
                    self._unmapped.setdefault(number, []).append((row["line"], column))
                continue
            for number in found:
                self._note(number, row["line"], column)

    def _note(self, number: str, line: int, column: str) -> None:
        if len(self.numbers) < _CARDS_MAX:
            self.numbers.add(number)
        if len(self.places) < 10:
            self.places.append((line, column))

    def look_at_lines(self, stream: BinaryIO, lines: set[int]) -> None:
        """Look through raw lines, of rows that could not be read: what stood in which column is not known."""
        candidates, found = 0, []
        for number, line in enumerate(_lines(stream), 1):
            if number in lines:
                hits, seen = find_cards(line)
                candidates += seen
                found += [(hit, number) for hit in hits]
        if found and len(found) * 2 >= candidates:
            for hit, number in found:
                self._note(hit, number, "(a row that cannot be read)")

    def close(self) -> None:
        """Judge the columns that nobody mapped, now that all of them were seen."""
        passed = sum(len(places) for places in self._unmapped.values())
        if passed and passed * 2 >= self._candidates:
            for number, places in self._unmapped.items():
                for line, column in places:
                    self._note(number, line, column)


def _lines(stream: BinaryIO) -> Iterator[str]:
    """Cut a stream into lines, absurdly long ones into pieces."""
    while line := stream.readline(_WINDOW):
        yield line.decode("latin-1")


def _candidates(column: pa.Array) -> pa.Array:
    """Find the rows in which a card number could stand, so that the interpreter, which is slow, sees only them."""
    _, offsets, data = column.buffers()
    bounds = np.frombuffer(offsets, np.int32)[column.offset : column.offset + len(column) + 1]
    # Nearly always there is no such run anywhere, which is cheap to see: even across the rows' ends.
    if data is None or not _long_run(np.frombuffer(data, np.uint8)[bounds[0] : bounds[-1]]):
        return pa.array([], pa.uint64())
    return pc.indices_nonzero(pc.match_substring_regex(column, _CANDIDATE_ANYWHERE))


def _long_run(text: npt.NDArray[np.uint8]) -> bool:
    """
    Whether 13 digits, blanks or hyphens may follow each other somewhere: no card number is without such a run.

    Wherever the run begins, it fills two groups of four bytes that follow each other.
    """
    run = (text - np.uint8(ord("0"))) < 10
    run |= text == ord(" ")
    run |= text == ord("-")
    full = run[: len(run) // 4 * 4].view(np.uint32) == 0x01010101
    return bool((full[:-1] & full[1:]).any())


def redact(stream: BinaryIO, numbers: Iterable[str]) -> BinaryIO | None:
    """
    Copy a delivery with its card numbers masked.

    :return: the copy; None where a number does not stand in the bytes as it was read (a compressed file), so that no
        safe copy can be made.
    """
    patterns = [_pattern(number) for number in sorted(numbers)]
    left = set(range(len(patterns)))
    copy = tempfile.SpooledTemporaryFile(max_size=1 << 24)  # noqa: SIM115 - given to the caller
    window = b""
    while True:
        part = stream.read(_WINDOW)
        window += part
        for index, pattern in enumerate(patterns):
            window, hits = pattern.subn(_masked, window)
            if hits:
                left.discard(index)
        safe = len(window) if not part else max(0, len(window) - _REACH)
        copy.write(window[:safe])
        window = window[safe:]
        if not part:
            break
    if left:
        copy.close()
        return None
    copy.seek(0)
    return copy  # type: ignore[return-value] # a spooled file is a BinaryIO in all but name


def _pattern(number: str) -> re.Pattern[bytes]:
    """Match a number in the raw bytes, also where a line was wrapped within it."""
    between = rb"[ -]?(?:\r?\n)?"
    return re.compile(between.join(c.encode() for c in number if c.isdigit()))


def _masked(match: re.Match[bytes]) -> bytes:
    return mask(match[0].decode("latin-1")).encode("latin-1")
