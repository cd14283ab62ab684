"""
Whether two statements cover the same lines: what lets equal lines of both be counted once, or twice (laws.md 2).

Pure functions over places.
"""

from __future__ import annotations

from collections import defaultdict, deque
from collections.abc import Mapping
from typing import TYPE_CHECKING

from tieout.intake.places import follows, is_complete, nine, number_of

if TYPE_CHECKING:
    from collections.abc import Iterable

    from tieout.intake.places import StatementPlace

__all__ = ["TOLD", "Chains", "are_one_statement", "days_within", "relation"]

#: First day, last day, opening and closing balance at one exponent.
Span = tuple[int | None, int | None, int | None, int | None]
#: Account, entity and currency; and from which balance statements lead to which.
Owner = tuple[str, str, str | None]
Steps = Mapping[int | None, list[int]]
#: What a statement says of itself, whichever delivery brought it.
TOLD = (
    "account_id", "entity_id", "currency", "statement_id", "number", "page", "from_day", "to_day", "opening", "closing",
)  # fmt: skip
# Pages of one statement close within a month of each other; numbers start again with the year, or the month.
_SAME_STATEMENT_DAYS_MAX = 27
# So many balances are remembered that others lead to, of all that were asked for.
_REACHED_MAX = 1_000_000


def relation(one: StatementPlace, other: StatementPlace, *, family: bool = False) -> str:
    """
    Say whether two places cover the same lines: ``same``, ``issue``, ``disjoint``, ``within``, ``around`` or ``unknown``.

    The same needs a name or number, or a day with both balances, and everything equal. Disjoint are different pages of
    one statement; else it needs two different numbers and either balances that chain (one opens with what the other
    closed) or days that do not touch. Within another that closes is what closes and has only days of the other.

    :param family: that both are deliveries of one statement: then, but for different pages, one is another issue.
    """
    named = one.statement_id is not None or one.number is not None
    bounded = None not in {one.opening, one.closing, one.to_day}
    if (named or bounded) and all(getattr(one, name) == getattr(other, name) for name in TOLD):
        return "issue" if family else "same"
    if are_one_statement(one, other):
        return "disjoint"
    return "issue" if family else _apart(one, other)


def _apart(one: StatementPlace, other: StatementPlace) -> str:
    """Relate places of which nothing says that they are one statement."""
    numbered = _are_numbered(one, other)
    if numbered and (_comes_before(one, other) or _comes_before(other, one)):
        return "disjoint"
    if not numbered and _is_within(one, other):
        return "within"
    return "around" if not numbered and _is_within(other, one) else "unknown"


def _are_numbered(one: StatementPlace, other: StatementPlace) -> bool:
    """Whether two places have numbers, and two of them."""
    return None not in {number_of(one), number_of(other)} and number_of(one) != number_of(other)


def _is_within(inner: StatementPlace, outer: StatementPlace) -> bool:
    """Whether all that one statement holds must stand in another, such as a day's in a month's."""
    if (inner.account_id, inner.entity_id, inner.currency) != (outer.account_id, outer.entity_id, outer.currency):
        return False
    if not (inner.final and outer.final and inner.is_whole and outer.is_whole):
        return False
    if not all(is_complete([place], (0,)) for place in (inner, outer)):
        return False
    return days_within(_span(inner), _span(outer))


def days_within(inner: Span, outer: Span) -> bool:
    """
    Whether the days of one statement lie within the longer ones of another.

    Where both begin or end on one day, they must do so with one balance; what opens or closes at an end of the longer one
    by balance alone may stand beside it.
    """
    return _lies_in(inner, outer) and inner[2] != outer[3] and inner[3] != outer[2]


def _lies_in(inner: Span, outer: Span) -> bool:
    """Whether the days of one lie within the longer ones of another; with one balance where both begin or end."""
    if None in {*inner, *outer} or inner[:2] == outer[:2]:
        return False
    first, last, opening, closing = (value or 0 for value in inner)
    begins, ends, opened, closed = (value or 0 for value in outer)
    begun = first > begins or (first == begins and opening == opened)
    return begun and (last < ends or (last == ends and closing == closed))


def are_one_statement(one: StatementPlace, other: StatementPlace) -> bool:
    """Whether two places are different pages of one statement. Where it has no number, one file must count them through."""
    if one.is_whole or other.is_whole or (number_of(one) is None and not _are_counted_through(one, other)):
        return False
    alike = ("account_id", "entity_id", "currency", "final")
    if number_of(one) != number_of(other) or any(getattr(one, name) != getattr(other, name) for name in alike):
        return False
    if one.page is None or other.page is None or one.page == other.page:
        return False
    if None in {one.to_day, other.to_day} or one.to_day == other.to_day:
        return True
    first, second = (one, other) if one.page < other.page else (other, one)
    if second.page == (first.page or 0) + 1 and None not in {first.closing, second.opening}:
        return nine(first, first.closing) == nine(second, second.opening)
    return abs((one.to_day or 0) - (other.to_day or 0)) <= _SAME_STATEMENT_DAYS_MAX


def _are_counted_through(one: StatementPlace, other: StatementPlace) -> bool:
    """Whether two pages stand in one file as far from each other as their numbers say."""
    if (one.delivery_id, one.member) != (other.delivery_id, other.member) or one.page is None or other.page is None:
        return False
    return one.page - one.place == other.page - other.place


def _comes_before(earlier: StatementPlace, later: StatementPlace) -> bool:
    """
    Whether one ends where the other begins, by day or by balance.

    A balance proves nothing of a day inside a week: an account that is swept opens a week with what it closes with on any
    day of it.
    """
    if follows(earlier, later):
        spans = _span(earlier), _span(later)
        return not (_lies_in(*spans) or _lies_in(*reversed(spans)))
    return earlier.to_day is not None and later.from_day is not None and earlier.to_day < later.from_day


def _span(place: StatementPlace) -> Span:
    return (place.from_day, place.to_day, nine(place, place.opening), nine(place, place.closing))


class Chains:
    """The numbered statements of every account, by day: what leads from one to another through those between them."""

    def __init__(self, places: Iterable[StatementPlace]) -> None:
        """Take the booked statements of which each stands once."""
        self._known: tuple[tuple[Owner, tuple[int, int]] | None, Steps] = (None, {})
        self._held = 0
        self._reached: dict[tuple[Owner, tuple[int, int], int | None], dict[int | None, int]] = {}
        self._steps: defaultdict[tuple[str, str, str | None, int], list[tuple[int, int]]] = defaultdict(list)
        for place in places:
            opening, closing = nine(place, place.opening), nine(place, place.closing)
            if (
                number_of(place) is None
                or place.to_day is None
                or opening is None
                or closing is None
                or opening == closing
            ):
                continue
            self._steps[place.account_id, place.entity_id, place.currency, place.to_day].append((opening, closing))

    def tie(self, one: StatementPlace, other: StatementPlace) -> bool:
        """Whether statements that close on the days between lead from one of two numbered statements to the other."""
        owners = {(p.account_id, p.entity_id, p.currency) for p in (one, other)}
        if not _are_numbered(one, other) or len(owners) > 1 or one.to_day is None or other.to_day is None:
            return False
        return self._leads(one, other) or self._leads(other, one)

    def _leads(self, earlier: StatementPlace, later: StatementPlace) -> bool:
        """
        Walk from what one closed with to what the other opens with.

        What the earlier one opened with, and what the later one closes with, may not stand between: then one of them may
        be a part of the other under a number of its own.
        """
        if not (earlier.moves and later.moves) or (earlier.to_day or 0) > (later.to_day or 0):
            return False
        begin, end = nine(earlier, earlier.closing), nine(later, later.opening)
        barred = {nine(earlier, earlier.opening), nine(later, later.closing)}
        if begin in barred or end in barred:
            return False
        owner = earlier.account_id, earlier.entity_id, earlier.currency
        days = earlier.to_day or 0, later.to_day or 0
        if begin != end:
            away = self._away(owner, days, begin)
            if end not in away:
                return False
            if all(away.get(balance, away[end]) >= away[end] for balance in barred):
                return True  # the shortest way leads past neither
        return _is_led(self._between(owner, days), begin, end, barred)

    def _between(self, owner: Owner, days: tuple[int, int]) -> Steps:
        """Give what the statements that close on some days lead from, and to."""
        if self._known[0] != (owner, days):
            steps: defaultdict[int | None, list[int]] = defaultdict(list)
            for day in range(days[0], days[1] + 1):
                for opening, closing in self._steps.get((*owner, day), ()):
                    steps[opening].append(closing)
            self._known = (owner, days), steps
        return self._known[1]

    def _away(self, owner: Owner, days: tuple[int, int], begin: int | None) -> dict[int | None, int]:
        """Give how many statements lead from a balance to each that they lead to; many pairs ask for the same."""
        asked = owner, days, begin
        if asked not in self._reached:
            steps, away, waiting = self._between(owner, days), {begin: 0}, deque([begin])
            while waiting:
                at = waiting.popleft()
                for balance in steps.get(at, ()):
                    if balance not in away:
                        away[balance] = away[at] + 1
                        waiting.append(balance)
            self._held += len(away)
            if self._held > _REACHED_MAX:
                self._reached.clear()
                self._held = len(away)
            self._reached[asked] = away
        return self._reached[asked]


def _is_led(steps: Steps, begin: int | None, end: int | None, barred: set[int | None]) -> bool:
    """Whether steps lead from one balance to another without what may not stand between."""
    reached, waiting = {begin, *barred}, [begin]
    while waiting:
        for balance in steps.get(waiting.pop(), ()):
            if balance == end:
                return True
            if balance not in reached:
                reached.add(balance)
                waiting.append(balance)
    return False
