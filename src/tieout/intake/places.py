"""
Statements and their pages, as places in deliveries: what each says of its account, and which follows which.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from tieout.model.statements import should_close

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["StatementPlace", "follows", "is_complete", "is_unfinished", "nine", "number_of"]


@dataclass(frozen=True, slots=True, kw_only=True)
class StatementPlace:
    """
    A statement, or a page of one, as a delivery brought it.

    Days are counted from 1970; balances and ``net`` (credits less debits) are minor units at ``exponent``.

    :ivar entity_id: whose source it came from, where its account is not declared and its number is not an IBAN: two
        banks may give one number to accounts of two entities. Else empty.
    :ivar place: among the statements and pages of its file, from 1.
    :ivar page: its number; None where none is counted. ``begins``, ``ends``: whether it is the first, the last page.
    :ivar structured: whether its format tells apart what another puts into one text: XML does, SWIFT's lines do not.
    :ivar sequence: when its delivery landed.
    :ivar sound: whether every row of its delivery could be read.
    """

    delivery_id: str
    source_id: str
    entity_id: str
    member: str | None
    place: int
    account_id: str
    currency: str | None
    final: bool
    statement_id: str | None
    number: str | None
    page: int | None
    begins: bool
    ends: bool
    from_day: int | None
    to_day: int | None
    opening: int | None
    closing: int | None
    net: int
    entries: int
    exponent: int
    created_at: int | None
    structured: bool
    sequence: int
    sound: bool

    @property
    def is_whole(self) -> bool:
        """Whether no other page belongs to it."""
        return self.begins and self.ends

    @property
    def moves(self) -> bool:
        """Whether its balances are known and differ."""
        return None not in {self.opening, self.closing} and self.opening != self.closing


def number_of(place: StatementPlace) -> str | None:
    """Give the number without leading zeros; zero is no number."""
    return (place.number or "").strip().lstrip("0") or None


def nine(place: StatementPlace, minor: int | None) -> int | None:
    """Give one of its balances at nine decimals."""
    return None if minor is None else minor * int(10 ** (9 - place.exponent))


def follows(earlier: StatementPlace, later: StatementPlace) -> bool:
    """Whether something moved in the earlier one and the later one opens with what it closed with."""
    return earlier.moves and nine(earlier, earlier.closing) == nine(later, later.opening)


def is_complete(places: Sequence[StatementPlace], run: tuple[int, ...]) -> bool:
    """Whether an issue could be read whole, and closes."""
    opening, closing = (nine(places[run[0]], places[run[0]].opening), nine(places[run[-1]], places[run[-1]].closing))
    if opening is None or closing is None or not all(places[i].sound for i in run):
        return False
    return opening + sum(nine(places[i], places[i].net) or 0 for i in run) == closing


def is_unfinished(place: StatementPlace) -> bool:
    """Whether a booked statement, or its last page, should state with what it closes and does not."""
    return place.closing is None and should_close(
        final=place.final, ends=place.ends, opens=place.opening is not None, structured=place.structured
    )
