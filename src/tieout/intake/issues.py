"""
One statement, several deliveries: which of them are pages of it, which are issues of it, and which issue holds.

A bank may issue a statement again with other entries. The later issue supersedes the earlier one where three things are
proven: it is the same statement (account, currency, and number with closing day, or the same days and opening balance),
it is later (its own creation time, else landing), and it is complete (all pages are here, every row could be read, and
it closes). A copy or an overlapping export proves nothing of the kind and changes nothing. Pure functions.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field
from itertools import combinations
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

__all__ = [
    "Family",
    "Issues",
    "StatementPlace",
    "are_one_statement",
    "days_within",
    "issues",
    "number_of",
    "relation",
    "standing",
]

#: First day, last day, opening and closing balance at one exponent.
Span = tuple[int | None, int | None, int | None, int | None]
# Pages of one statement close within a month of each other; numbers start again with the year, or the month.
_SAME_STATEMENT_DAYS_MAX = 27


@dataclass(frozen=True, slots=True, kw_only=True)
class StatementPlace:
    """
    A statement, or a page of one, and where in a delivery its rows begin.

    Days are counted from 1970; balances and ``net`` (credits less debits) are minor units at ``exponent``.

    :ivar entity_id: whose source it came from, where its account is not declared and its number is not an IBAN: two
        banks may give one number to accounts of two entities. Else empty.
    :ivar page: its number; None where none is counted. ``begins``, ``ends``: whether it is the first, the last page.
    :ivar sequence: when its delivery landed.
    :ivar sound: whether every row of its delivery could be read.
    """

    delivery_id: str
    source_id: str
    entity_id: str
    member: str | None
    line: int
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


@dataclass(frozen=True, slots=True)
class Family:
    """
    The deliveries of one statement, by position.

    :ivar scope: names it.
    :ivar run: the pages of the issue that is the latest; empty while none is complete.
    :ivar superseded: what that issue supersedes.
    :ivar rivals: what may hold instead of it, and ``why`` nothing decides.
    """

    scope: str
    members: tuple[int, ...]
    run: tuple[int, ...] = ()
    superseded: frozenset[int] = frozenset()
    rivals: tuple[int, ...] = ()
    why: str = ""


@dataclass(slots=True)
class Issues:
    """All families of some places; ``family_of`` says in which one a place is, where it is in any."""

    families: list[Family] = field(default_factory=list)
    family_of: dict[int, int] = field(default_factory=dict)


def number_of(place: StatementPlace) -> str | None:
    """Give the number without leading zeros; zero is no number."""
    return (place.number or "").strip().lstrip("0") or None


def issues(places: Sequence[StatementPlace]) -> Issues:
    """Find the families among the booked statements of any accounts, and judge each."""
    accounts: defaultdict[tuple[str, str, str], list[int]] = defaultdict(list)
    for position, place in enumerate(places):
        if place.final and place.to_day is not None:
            accounts[place.account_id, place.currency or "", place.entity_id].append(position)
    found = Issues()
    for (account, currency, entity), positions in sorted(accounts.items()):
        owner = f"{account} {entity}".strip()
        for group in _groups(places, positions):
            for position in group.members:
                found.family_of[position] = len(found.families)
            found.families.append(_judged(places, f"issue {owner} {currency} {group.name}", group))
    return found


@dataclass(slots=True)
class _Group:
    """Deliveries of one statement. ``numbered``: its number names it, and not only its days and balance do."""

    name: str
    members: list[int]
    numbered: bool = True


def _groups(places: Sequence[StatementPlace], positions: list[int]) -> list[_Group]:
    """Group the statements of one account: by number and closing day, or by days and opening balance."""
    numbered: defaultdict[tuple[str, int], list[int]] = defaultdict(list)
    unnumbered: defaultdict[tuple[int, int, int], list[int]] = defaultdict(list)
    for position in positions:
        p = places[position]
        name, opening = number_of(p), _nine(p, p.opening)
        if name is not None:
            # A bank that writes whole statements as 5/1 and 5/2 numbers them so.
            further = f"/{p.page}" if p.is_whole and (p.page or 1) > 1 else ""
            numbered[name + further, p.to_day or 0].append(position)
        elif p.is_whole and p.from_day is not None and opening is not None:
            unnumbered[p.from_day, p.to_day or 0, opening].append(position)
    groups = [
        part
        for (name, day), members in sorted(numbered.items())
        for part in _told_apart(places, f"{name} {day}", members)
    ]
    for (first, day, opening), members in sorted(unnumbered.items()):
        same = [group for group in groups if group.numbered and _spans(places, group, first, day)]
        if len(same) == 1 and any(_nine(places[i], places[i].opening) == opening for i in same[0].members):
            same[0].members.extend(members)
        else:
            groups.append(_Group(f"{first} {day} {opening}", members, numbered=False))
    return groups


def _spans(places: Sequence[StatementPlace], group: _Group, first: int, day: int) -> bool:
    return any(
        places[i].is_whole and (places[i].from_day, places[i].to_day) == (first, day) and number_of(places[i])
        for i in group.members
    )


def _told_apart(places: Sequence[StatementPlace], name: str, members: list[int]) -> list[_Group]:
    """
    Split what has one number and closing day where it cannot be one statement.

    One statement begins on one day or with one balance. A bank that gives all statements of a day one number shows it by
    statements that follow each other; then only the opening balance names a statement.
    """
    whole = [i for i in members if places[i].is_whole]
    pages = [i for i in members if not places[i].is_whole]
    in_turn = any(_follows(places[a], places[b]) or _follows(places[b], places[a]) for a, b in combinations(whole, 2))
    parts: list[list[int]] = []
    for position in whole:
        alike = [
            part for part in parts if any(_begin_alike(places[position], places[i], in_turn=in_turn) for i in part)
        ]
        parts = [part for part in parts if part not in alike]
        parts.append(sorted([position, *(i for part in alike for i in part)]))
    if len(parts) <= 1:
        return [_Group(name, sorted([*pages, *(i for part in parts for i in part)]))]
    groups = [_Group(name, part, numbered=not in_turn) for part in sorted(parts)]
    return [*groups, *([_Group(name, pages)] if pages else [])]


def _begin_alike(one: StatementPlace, other: StatementPlace, *, in_turn: bool) -> bool:
    if not in_turn and one.from_day == other.from_day:
        return True
    return one.opening is not None and _nine(one, one.opening) == _nine(other, other.opening)


def _nine(place: StatementPlace, minor: int | None) -> int | None:
    return None if minor is None else minor * int(10 ** (9 - place.exponent))


def _follows(earlier: StatementPlace, later: StatementPlace) -> bool:
    """Whether something moved in the earlier one and the later one opens with what it closed with."""
    return earlier.moves and _nine(earlier, earlier.closing) == _nine(later, later.opening)


def _judged(places: Sequence[StatementPlace], scope: str, group: _Group) -> Family:
    """Find the latest complete issue of a statement, and what it supersedes."""
    members = group.members
    by_creation = all(places[i].created_at is not None for i in members)
    mixed = len({number_of(places[i]) is None for i in members}) > 1

    def rank(position: int) -> int:
        return (places[position].created_at or 0) if by_creation else places[position].sequence

    family = Family(scope, tuple(members))
    ends = [i for i in members if places[i].ends]
    if len(members) == 1 or not ends:
        return family
    last = max(ends, key=lambda i: (rank(i), _content(places[i])))
    run = _run_back(places, members, last, rank)
    if run is None:
        return family
    top = max(rank(i) for i in run)
    others = [i for i in members if i not in run]
    earlier, equal = [i for i in others if rank(i) < top], [i for i in others if rank(i) == top]
    if equal:
        how = "creation time" if by_creation else "delivery"
        return Family(scope, tuple(members), run, rivals=tuple(others), why=f"both have the same {how}")
    if not _is_complete(places, run):
        why = "the later one does not prove to be complete"
    elif mixed and not by_creation:
        why = "one of them has no number and no creation time"
    elif not group.numbered and any(_may_continue(places[i], places[run[0]]) for i in earlier):
        why = "without a number the later one may as well continue the earlier one"
    else:
        return Family(scope, tuple(members), run, frozenset(earlier))
    return Family(scope, tuple(members), run, rivals=tuple(earlier), why=why)


def _may_continue(earlier: StatementPlace, later: StatementPlace) -> bool:
    """Whether both fit: the later one is the earlier one again, or goes on where it ended."""
    return earlier.entries > 0 and _nine(earlier, earlier.closing) == _nine(later, later.opening)


def _run_back(
    places: Sequence[StatementPlace], members: list[int], last: int, rank: Callable[[int], int]
) -> tuple[int, ...] | None:
    """Walk from the last page of an issue to its first, taking of each page the latest that fits; None: one is missing."""
    run = [last]
    while not places[run[0]].begins:
        after = places[run[0]]
        before = [i for i in members if i not in run and _hands_on(places[i], after)]
        if not before:
            return None
        run.insert(0, max(before, key=lambda i: (rank(i), _content(places[i]))))
    return tuple(run)


def _content(place: StatementPlace) -> tuple[object, ...]:
    """Order what nothing else orders, whichever came first."""
    return place.opening or 0, place.closing or 0, place.net, place.delivery_id, place.member or "", place.line


def _hands_on(page: StatementPlace, after: StatementPlace) -> bool:
    """Whether a page is the one before another."""
    if page.ends or (page.page is None) != (after.page is None):
        return False
    if page.page is not None and after.page is not None and page.page + 1 != after.page:
        return False
    closing, opening = _nine(page, page.closing), _nine(after, after.opening)
    counted = page.page is not None
    return closing == opening if closing is not None and opening is not None else counted


def _is_complete(places: Sequence[StatementPlace], run: tuple[int, ...]) -> bool:
    """Whether an issue could be read whole, and closes."""
    opening, closing = (_nine(places[run[0]], places[run[0]].opening), _nine(places[run[-1]], places[run[-1]].closing))
    if opening is None or closing is None or not all(places[i].sound for i in run):
        return False
    return opening + sum(_nine(places[i], places[i].net) or 0 for i in run) == closing


def relation(one: StatementPlace, other: StatementPlace, *, family: bool = False) -> str:
    """
    Say whether two places cover the same lines: ``same``, ``issue``, ``disjoint``, ``within``, ``around`` or ``unknown``.

    The same needs a name or number, or a day with both balances, and everything equal. Disjoint are different pages of
    one statement; else it needs two different numbers and either balances that chain (one opens with what the other
    closed) or days that do not touch. Within another that closes is what closes and has only days of the other.

    :param family: that both are deliveries of one statement: then, but for different pages, one is another issue.
    """
    identity = (
        "account_id",
        "entity_id",
        "currency",
        "statement_id",
        "number",
        "page",
        "from_day",
        "to_day",
        "opening",
        "closing",
    )
    named = one.statement_id is not None or one.number is not None
    bounded = None not in {one.opening, one.closing, one.to_day}
    if (named or bounded) and all(getattr(one, name) == getattr(other, name) for name in identity):
        return "issue" if family else "same"
    if are_one_statement(one, other):
        return "disjoint"
    return "issue" if family else _apart(one, other)


def _apart(one: StatementPlace, other: StatementPlace) -> str:
    """Relate places of which nothing says that they are one statement."""
    numbered = one.number is not None and other.number is not None and one.number != other.number
    if numbered and (_comes_before(one, other) or _comes_before(other, one)):
        return "disjoint"
    if not numbered and _is_within(one, other):
        return "within"
    return "around" if not numbered and _is_within(other, one) else "unknown"


def _is_within(inner: StatementPlace, outer: StatementPlace) -> bool:
    """Whether all that one statement holds must stand in another, such as a day's in a month's."""
    if (inner.account_id, inner.entity_id, inner.currency) != (outer.account_id, outer.entity_id, outer.currency):
        return False
    if not (inner.final and outer.final and inner.is_whole and outer.is_whole):
        return False
    if not all(_is_complete([place], (0,)) for place in (inner, outer)):
        return False
    return days_within(
        (inner.from_day, inner.to_day, _nine(inner, inner.opening), _nine(inner, inner.closing)),
        (outer.from_day, outer.to_day, _nine(outer, outer.opening), _nine(outer, outer.closing)),
    )


def days_within(inner: Span, outer: Span) -> bool:
    """
    Whether the days of one statement lie within the longer ones of another.

    Where both begin or end on one day, they must do so with one balance; what opens or closes at an end of the longer one
    by balance alone may stand beside it.
    """
    if None in {*inner, *outer} or inner[:2] == outer[:2]:
        return False
    first, last, opening, closing = (value or 0 for value in inner)
    begins, ends, opened, closed = (value or 0 for value in outer)
    fits = (first > begins or (first == begins and opening == opened)) and (
        last < ends or (last == ends and closing == closed)
    )
    return fits and opening != closed and closing != opened


def are_one_statement(one: StatementPlace, other: StatementPlace) -> bool:
    """Whether two places are different pages of one statement."""
    if one.is_whole or other.is_whole or number_of(one) is None or number_of(one) != number_of(other):
        return False
    if any(getattr(one, n) != getattr(other, n) for n in ("account_id", "entity_id", "currency", "final")):
        return False
    if one.page is None or other.page is None or one.page == other.page:
        return False
    if None in {one.to_day, other.to_day} or one.to_day == other.to_day:
        return True
    first, second = (one, other) if one.page < other.page else (other, one)
    if second.page == (first.page or 0) + 1 and None not in {first.closing, second.opening}:
        return _nine(first, first.closing) == _nine(second, second.opening)
    return abs((one.to_day or 0) - (other.to_day or 0)) <= _SAME_STATEMENT_DAYS_MAX


def _comes_before(earlier: StatementPlace, later: StatementPlace) -> bool:
    if _follows(earlier, later):
        return True
    return earlier.to_day is not None and later.from_day is not None and earlier.to_day < later.from_day


def standing(places: Sequence[StatementPlace], found: Issues) -> list[StatementPlace]:
    """Give the booked statements of which each stands once: without what is superseded, and without rivals."""
    out = {position for family in found.families for position in (*family.superseded, *family.rivals)}
    return [place for position, place in enumerate(places) if place.final and position not in out]
