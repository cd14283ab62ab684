"""
Full card numbers do not stay: whoever keeps one must protect it as PCI DSS asks, so tieout keeps none.

What looks like one is enough in free text. In columns that nobody mapped, where identifiers of 16 digits stand too (one
in ten of which passes by chance), at least half of the candidates must pass. In columns of identifiers every long number
is held against those that pass, and a column with one value says nothing.
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

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator


__all__ = ["CardScan", "find_cards", "mask"]

_COLUMNS = ("text", "counterparty", "details")
_IDENTIFIERS = ("external_id", "payment_id", "settlement_id", "parent_external_id", "counterparty_account")
_CARDS_MAX = 100_000
_WINDOW = 1 << 20
# Long numbers of a column of identifiers after which it is one, if few of them pass.
_IDENTIFIERS_ENOUGH = 10_000
_IDENTIFIERS_AT_ONCE = 1_000
# The number of a subfield touches the text behind it (``?20``).
_SUBFIELD = re.compile(r"\?[0-9]{2}")


@dataclass(slots=True)
class _Column:
    """
    What a column of identifiers holds.

    :ivar long: how many of its values hold a number of a card's length, whatever it begins with.
    :ivar short: whether any value holds none.
    :ivar passed: the card numbers among them, with (line, column).
    """

    long: int = 0
    short: bool = False
    passed: list[tuple[str, int]] = field(default_factory=list)

    def holds_cards(self) -> bool:
        """Whether they are out of place there, or what the column is made of: one in forty numbers passes by chance."""
        return (self.short or self.long > 1) and len(self.passed) * 2 >= self.long

    def is_plain(self) -> bool:
        """Whether looking on is of no use, as it is full of long numbers that are none of a card."""
        return self.long > _IDENTIFIERS_ENOUGH and len(self.passed) * 4 < self.long


@dataclass(slots=True)
class CardScan:
    """
    Looks through the rows of one delivery.

    :ivar numbers: card numbers as written, in no order.
    :ivar places: (line, column) of the first ones; line 0 is the name of a file.
    """

    numbers: set[str] = field(default_factory=set)
    places: list[tuple[int, str]] = field(default_factory=list)
    _unmapped: dict[str, list[tuple[int, str]]] = field(default_factory=dict)
    _candidates: int = 0
    _identifiers: dict[str, _Column] = field(default_factory=dict)

    def look(self, stated: pa.Table) -> None:
        """Look through the free text and the identifiers of a chunk."""
        for column in _COLUMNS:
            values = stated[column]
            if values.null_count == len(values):
                continue
            rows = could_hold(whole(values))
            if len(rows):
                self._look_closely(stated.select([*_IDENTIFIERS, "references", "line", column]).take(rows), column)
        for column in (*_IDENTIFIERS, "references"):
            if stated[column].null_count < stated.num_rows:
                self._look_at_identifiers(stated, column)

    def look_at_name(self, member: str | None) -> None:
        """Look at the name of a file in a container: it is a text like any other."""
        for number in find_cards(member or "")[0]:
            self._note(number, 0, "the name of a file in it")

    def _look_closely(self, rows: pa.Table, column: str) -> None:
        for row in rows.to_pylist():
            found, candidates = find_cards(row[column])
            # What is an identifier as well is judged with its column.
            known = {row[name] for name in _IDENTIFIERS} | set(row["references"] or ())
            found = [number for number in found if number not in known]
            if column == "details":
                self._candidates += candidates
                for number in found:
                    self._unmapped.setdefault(number, []).append((row["line"], column))
                continue
            for number in found:
                self._note(number, row["line"], column)

    def _look_at_identifiers(self, stated: pa.Table, column: str) -> None:
        judged = self._identifiers.setdefault(column, _Column())
        if judged.is_plain():
            return
        values = whole(stated[column])
        rows = None
        if pa.types.is_list(values.type):
            rows, values = pc.list_parent_indices(values), pc.list_flatten(values)
        places = could_hold(values, LONG_NUMBER)
        judged.short = judged.short or len(places) < len(values) - values.null_count
        for begin in range(0, len(places), _IDENTIFIERS_AT_ONCE):
            if judged.is_plain():
                return
            part = places[begin : begin + _IDENTIFIERS_AT_ONCE]
            judged.long += len(part)
            lines = stated["line"].take(part if rows is None else rows.take(part)).to_pylist()
            for value, line in zip(values.take(part).to_pylist(), lines, strict=True):
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
        """Judge the columns of identifiers and those that nobody mapped, now that all of them were seen."""
        for column, judged in self._identifiers.items():
            if judged.passed and judged.holds_cards():
                for number, line in judged.passed:
                    self._note(number, line, column)
        passed = sum(len(places) for places in self._unmapped.values())
        if passed and passed * 2 >= self._candidates:
            for number, places in self._unmapped.items():
                for line, column in places:
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
