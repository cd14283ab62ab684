"""
One statement, several deliveries: which of them are pages of it, which are issues of it, and which issue holds.

A bank may issue a statement again with other entries. The later issue supersedes the earlier one where three things are
proven: it is the same statement (account, currency, and number with closing day, or the same days and opening balance),
it is later (its own creation time, else landing), and it is complete (all pages are here, every row could be read, and
it closes). What stops without a closing balance is the beginning of the whole one, whichever came first. A copy or an overlapping export proves nothing of the kind and changes nothing. One statement as XML and as
SWIFT lines is told twice in other words: the XML holds, in any order, and nobody need know. Pure functions.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field, replace
from itertools import combinations
from typing import TYPE_CHECKING

from tieout.intake.places import follows, is_complete, is_unfinished, nine, number_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tieout.intake.places import StatementPlace

__all__ = ["Family", "Issues", "issues", "standing"]


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


def issues(places: Sequence[StatementPlace]) -> Issues:
    """Find the families among the booked statements of any accounts, and judge each."""
    accounts: defaultdict[tuple[str, str, str], list[int]] = defaultdict(list)
    for position, place in enumerate(places):
        if place.final and (place.to_day is not None or is_unfinished(place)):
            accounts[place.account_id, place.currency or "", place.entity_id].append(position)
    found = Issues()
    for (account, currency, entity), positions in sorted(accounts.items()):
        owner = f"{account} {entity}".strip()
        begun = [i for i in positions if is_unfinished(places[i])]
        begun = [i for i in begun if any(_tells_whole(places[j], places[i]) for j in positions)]
        for group in _groups(places, [i for i in positions if i not in begun and places[i].to_day is not None]):
            group.begun = [i for i in begun if any(_tells_whole(places[j], places[i]) for j in group.members)]
            for position in (*group.members, *group.begun):
                found.family_of[position] = len(found.families)
            found.families.append(_judged(places, f"issue {owner} {currency} {group.name}", group))
    return found


@dataclass(slots=True)
class _Group:
    """
    Deliveries of one statement.

    :ivar numbered: its number names it, and not only its days and balance do.
    :ivar begun: what has only the beginning of it.
    """

    name: str
    members: list[int]
    numbered: bool = True
    begun: list[int] = field(default_factory=list)


def _tells_whole(whole: StatementPlace, begun: StatementPlace) -> bool:
    """
    Whether a complete statement, or page, is the one that another has only the beginning of.

    Without a number they must have one name of the bank's and begin on a day that is known; and what comes back to the
    balance that it opens with may as well be the one before.
    """
    alike = (number_of(whole), whole.page, whole.from_day, nine(whole, whole.opening)) == (
        number_of(begun),
        begun.page,
        begun.from_day,
        nine(begun, begun.opening),
    )
    alike = alike and begun.opening is not None and begun.to_day in {None, whole.to_day}
    if number_of(begun) is None:
        named = (whole.is_whole, whole.statement_id) == (begun.is_whole, begun.statement_id) and begun.is_whole
        alike = alike and named and begun.from_day is not None and whole.moves
    return alike and whole.entries >= begun.entries and is_complete([whole], (0,))


def _groups(places: Sequence[StatementPlace], positions: list[int]) -> list[_Group]:
    """Group the statements of one account: by number and closing day, or by days and opening balance."""
    numbered: defaultdict[tuple[str, int], list[int]] = defaultdict(list)
    unnumbered: defaultdict[tuple[int, int, int], list[int]] = defaultdict(list)
    for position in positions:
        p = places[position]
        name, opening = number_of(p), nine(p, p.opening)
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
        if len(same) == 1 and any(nine(places[i], places[i].opening) == opening for i in same[0].members):
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
    in_turn = any(follows(places[a], places[b]) or follows(places[b], places[a]) for a, b in combinations(whole, 2))
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
    return one.opening is not None and nine(one, one.opening) == nine(other, other.opening)


def _judged(places: Sequence[StatementPlace], scope: str, group: _Group) -> Family:
    """Find the latest complete issue of a statement, and what it supersedes."""
    poorer = _told_poorer(places, group.members)
    less = poorer.union(group.begun)
    found = _latest(places, scope, replace(group, members=[i for i in group.members if i not in poorer]))
    if not less:
        return found
    run = found.run or found.members
    members = (*group.members, *group.begun)
    return replace(found, members=members, run=run, superseded=found.superseded | less)


def _told_poorer(places: Sequence[StatementPlace], members: list[int]) -> frozenset[int]:
    """Find what tells the figures of another member in a poorer format: the same lines in other words, whichever came first."""

    def figures(i: int) -> tuple[int | None, ...]:
        place = places[i]
        return nine(place, place.opening), nine(place, place.closing), nine(place, place.net)

    rich = {figures(i) for i in members if places[i].structured and is_complete(places, (i,))}
    return frozenset(i for i in members if not places[i].structured and places[i].is_whole and figures(i) in rich)


def _latest(places: Sequence[StatementPlace], scope: str, group: _Group) -> Family:
    members = group.members
    by_creation = all(places[i].created_at is not None for i in members)
    mixed = len({number_of(places[i]) is None for i in members}) > 1

    ranks = _ranks(places, members)
    family = Family(scope, tuple(members))
    ends = [i for i in members if places[i].ends]
    if len(members) == 1 or not ends:
        return family
    last = max(ends, key=lambda i: (ranks[i], _content(places[i])))
    run = _run_back(places, members, last, ranks)
    if run is None:
        return family
    top = max(ranks[i] for i in run)
    others = [i for i in members if i not in run]
    earlier, equal = [i for i in others if ranks[i] < top], [i for i in others if ranks[i] == top]
    if equal:
        how = "creation time" if by_creation else "delivery"
        return Family(scope, tuple(members), run, rivals=tuple(others), why=f"both have the same {how}")
    if not is_complete(places, run):
        why = "the later one does not prove to be complete"
    elif mixed and not by_creation:
        why = "one of them has no number and no creation time"
    elif not group.numbered and any(_may_continue(places[i], places[run[0]]) for i in earlier):
        why = "without a number the later one may as well continue the earlier one"
    else:
        return Family(scope, tuple(members), run, frozenset(earlier))
    return Family(scope, tuple(members), run, rivals=tuple(earlier), why=why)


def _ranks(places: Sequence[StatementPlace], members: list[int]) -> dict[int, tuple[int, int]]:
    """
    Order what was told: by landing, and what says when it was made by that, in the turns in which it landed.

    So one issue that does not say it (MT940) leaves the others in their own order.
    """
    ranks = {i: (places[i].sequence, 0) for i in members}
    made = {i: created for i in members if (created := places[i].created_at) is not None}
    order = sorted(made, key=lambda i: (made[i], places[i].sequence))
    turns = sorted(places[i].sequence for i in made)
    last = {made[i]: turn for i, turn in zip(order, turns, strict=True)}  # of equal times, the last turn
    return ranks | {i: (last[created], created) for i, created in made.items()}


def _may_continue(earlier: StatementPlace, later: StatementPlace) -> bool:
    """Whether both fit: the later one is the earlier one again, or goes on where it ended."""
    return earlier.entries > 0 and nine(earlier, earlier.closing) == nine(later, later.opening)


def _run_back(
    places: Sequence[StatementPlace], members: list[int], last: int, ranks: dict[int, tuple[int, int]]
) -> tuple[int, ...] | None:
    """Walk from the last page of an issue to its first, taking of each page the latest that fits; None: one is missing."""
    run = [last]
    while not places[run[0]].begins:
        after = places[run[0]]
        before = [i for i in members if i not in run and _hands_on(places[i], after)]
        if not before:
            return None
        run.insert(0, max(before, key=lambda i: (ranks[i], _content(places[i]))))
    return tuple(run)


def _content(place: StatementPlace) -> tuple[object, ...]:
    """Order what nothing else orders by what it says, whichever came first; ids say nothing, and come last."""
    days = place.from_day or 0, place.to_day or 0
    said = place.entries, *days, place.statement_id or "", place.number or "", place.source_id, place.exponent
    here = place.member or "", place.place
    return place.opening or 0, place.closing or 0, place.net, *said, *here, place.delivery_id


def _hands_on(page: StatementPlace, after: StatementPlace) -> bool:
    """Whether a page is the one before another."""
    if page.ends or (page.page is None) != (after.page is None):
        return False
    if page.page is not None and after.page is not None and page.page + 1 != after.page:
        return False
    closing, opening = nine(page, page.closing), nine(after, after.opening)
    counted = page.page is not None
    return closing == opening if closing is not None and opening is not None else counted


def standing(places: Sequence[StatementPlace], found: Issues) -> list[StatementPlace]:
    """Give the booked statements of which each stands once: without what is superseded, and without rivals."""
    out = {position for family in found.families for position in (*family.superseded, *family.rivals)}
    return [place for position, place in enumerate(places) if place.final and position not in out]
