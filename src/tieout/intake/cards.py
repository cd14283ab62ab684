"""
Full card numbers do not stay: whoever keeps one must protect it as PCI DSS asks, so tieout keeps none.

What looks like one is enough in free text. In columns that nobody mapped, where identifiers of 16 digits stand too (one
in ten of which passes by chance), at least half of the candidates must pass; so it is with whatever else of the file
stands in no text of a record. What a record is known by is never masked: two identifiers that become one lose money, and
references with a check digit (OCR, KID) pass as card numbers do. Among references only a number that is out of place is
taken for one: the only long one beside others.
"""

from __future__ import annotations

import re
from contextlib import suppress
from dataclasses import dataclass, field
from itertools import chain
from typing import TYPE_CHECKING, BinaryIO

import pyarrow as pa
import pyarrow.compute as pc

from tieout.errors import BadInput
from tieout.intake.card_numbers import LONG_NUMBER, could_hold, find_cards, mask
from tieout.intake.derive import whole
from tieout.model.cross_references import IDENTIFIERS

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator


__all__ = ["CardScan", "find_cards", "mask"]

_COLUMNS = ("text", "counterparty", "details")
_REFERENCES = ("counterparty_account", "references")
_CARDS_MAX = 100_000
_WINDOW = 1 << 20
# Candidates of a column after which it is one of identifiers, if few of them pass.
_CANDIDATES_ENOUGH = 10_000
_AT_ONCE = 1_000
# The number of a subfield touches the text behind it (``?20``).
_SUBFIELD = re.compile(r"\?[0-9]{2}")


@dataclass(slots=True)
class _Column:
    """
    What a column of references holds.

    :ivar long: its values that hold a number of a card's length, whatever it begins with; no more than two of them.
    :ivar short: whether any value holds none.
    :ivar passed: the card numbers among them, with (line, column).
    """

    long: set[str] = field(default_factory=set)
    short: bool = False
    passed: list[tuple[str, int]] = field(default_factory=list)

    def holds_cards(self) -> bool:
        """Whether one is out of place there; several long numbers are what the column is made of."""
        return self.short and len(self.long) == 1

    def is_plain(self) -> bool:
        """Whether looking on is of no use."""
        return len(self.long) > 1


@dataclass(slots=True)
class _Unmapped:
    """
    What a column that nobody mapped holds.

    :ivar candidates: how many of its values hold something of the length and beginning of a card number.
    :ivar passed: the card numbers among them, each with its lines.
    """

    candidates: int = 0
    passed: dict[str, list[int]] = field(default_factory=dict)

    def holds_cards(self) -> bool:
        """Whether numbers that pass are more than those that pass by chance."""
        return sum(map(len, self.passed.values())) * 2 >= self.candidates > 0

    def is_plain(self) -> bool:
        """Whether looking on is of no use, as it is full of numbers that are none of a card."""
        return self.candidates > _CANDIDATES_ENOUGH and sum(map(len, self.passed.values())) * 4 < self.candidates


@dataclass(slots=True)
class CardScan:
    """
    Looks through the rows of one delivery.

    :ivar numbers: card numbers as written, in no order.
    :ivar places: (line, column) of the first ones; line 0 is the name of a file.
    """

    numbers: set[str] = field(default_factory=set)
    places: list[tuple[int, str]] = field(default_factory=list)
    _unmapped: dict[str, _Unmapped] = field(default_factory=dict)
    _references: dict[str, _Column] = field(default_factory=dict)

    def look(self, stated: pa.Table) -> None:
        """Look through the free text and the references of a chunk."""
        for column in _COLUMNS:
            values = stated[column]
            if values.null_count == len(values):
                continue
            rows = could_hold(whole(values))
            if len(rows):
                self._look_closely(stated.select([*IDENTIFIERS, *_REFERENCES, "line", column]).take(rows), column)
        for column in _REFERENCES:
            if stated[column].null_count < stated.num_rows:
                self._look_at_references(stated, column)

    def look_at_name(self, member: str | None) -> None:
        """Look at the name of a file in a container: it is a text like any other."""
        for number in find_cards(member or "")[0]:
            self._note(number, 0, "the name of a file in it")

    def _look_closely(self, rows: pa.Table, column: str) -> None:
        for row in rows.to_pylist():
            found, candidates = find_cards(row[column])
            # What is an identifier or a reference as well is judged as that.
            known = {row[name] for name in (*IDENTIFIERS, "counterparty_account")} | set(row["references"] or ())
            found = [number for number in found if number not in known]
            if column == "details":
                self._note_unmapped(column, row["line"], found, candidates)
                continue
            for number in found:
                self._note(number, row["line"], column)

    def _note_unmapped(self, column: str, line: int, found: list[str], candidates: int) -> None:
        judged = self._unmapped.setdefault(column, _Unmapped())
        judged.candidates += candidates
        for number in found:
            judged.passed.setdefault(number, []).append(line)

    def look_at_unseen(self, unseen: Iterable[tuple[str, pa.Array, pa.Array]]) -> None:
        """
        Look through what of the file stands in no text of the rows.

        :param unseen: as for :class:`~tieout.formats.reading.Chunk`.
        """
        for column, lines, values in unseen:
            if column in IDENTIFIERS:
                continue
            if column in _REFERENCES:
                self._look_at_values(column, lines, values)
                continue
            judged = self._unmapped.setdefault(column, _Unmapped())
            places = pa.array([], pa.uint64()) if judged.is_plain() else could_hold(values)
            for begin in range(0, len(places), _AT_ONCE):
                part = places[begin : begin + _AT_ONCE]
                for line, value in zip(lines.take(part).to_pylist(), values.take(part).to_pylist(), strict=True):
                    self._note_unmapped(column, line, *find_cards(value))
                if judged.is_plain():
                    break

    def _look_at_references(self, stated: pa.Table, column: str) -> None:
        lines, values = whole(stated["line"]), whole(stated[column])
        if pa.types.is_list(values.type):
            lines, values = lines.take(pc.list_parent_indices(values)), pc.list_flatten(values)
        self._look_at_values(column, lines, values)

    def _look_at_values(self, column: str, lines: pa.Array, values: pa.Array) -> None:
        judged = self._references.setdefault(column, _Column())
        if judged.is_plain():
            return
        places = could_hold(values, LONG_NUMBER)
        judged.short = judged.short or len(places) < len(values) - values.null_count
        for begin in range(0, len(places), _AT_ONCE):
            part = places[begin : begin + _AT_ONCE]
            for value, line in zip(values.take(part).to_pylist(), lines.take(part).to_pylist(), strict=True):
                judged.long.add(value)
                if judged.is_plain():
                    return
                judged.passed += [(number, line) for number in find_cards(value)[0]]

    def _note(self, number: str, line: int, column: str) -> None:
        if len(self.numbers) < _CARDS_MAX:
            self.numbers.add(number)
        if len(self.places) < 10:
            self.places.append((line, column))

    def look_at_unread(
        self,
        members: Iterable[tuple[str | None, BinaryIO]],
        lines: set[tuple[str | None, int | None]] | None,
        messages: Iterable[tuple[int, str]] = (),
    ) -> None:
        """
        Look through what could not be read: what stood in which column is not known.

        :param lines: which raw lines of which member, (member, None) for all of it; None: everything.
        :param messages: what is said of them, with its line: a text may be cut out of more than lines (a workbook).
        """
        candidates, found = 0, []
        for number, text in chain(_chosen(members, lines), messages):
            hits, seen = find_cards(text)
            if "?" in text:
                inside, more = find_cards(_SUBFIELD.sub("? ", text))
                hits, seen = [*hits, *inside], max(seen, more)
            candidates += seen
            found += [(hit, number) for hit in hits]
        if found and len(found) * 2 >= candidates:
            for hit, number in found:
                self._note(hit, number, "(a row that cannot be read)")

    def close(self) -> None:
        """Judge the columns of references and those that nobody mapped, now that all of them were seen."""
        for column, judged in self._references.items():
            if judged.passed and judged.holds_cards():
                for number, line in judged.passed:
                    self._note(number, line, column)
        for column, unmapped in self._unmapped.items():
            if unmapped.holds_cards():
                for number, lines in unmapped.passed.items():
                    for line in lines:
                        self._note(number, line, column)


def _chosen(
    members: Iterable[tuple[str | None, BinaryIO]], lines: set[tuple[str | None, int | None]] | None
) -> Iterator[tuple[int, str]]:
    """Give lines with their numbers; a container that is broken ends them."""
    with suppress(BadInput):
        for member, stream in members:
            every = lines is None or (member, None) in lines
            with suppress(BadInput):
                for number, line in enumerate(_lines(stream), 1):
                    if every or (member, number) in (lines or ()):
                        yield number, line


def _lines(stream: BinaryIO) -> Iterator[str]:
    """Cut a stream into lines, absurdly long ones into pieces."""
    while line := stream.readline(_WINDOW):
        plain = line.replace(b"\0", b"")  # two bytes for each digit, in UTF-16
        try:
            yield plain.decode()
        except UnicodeDecodeError:
            yield plain.decode("latin-1")
