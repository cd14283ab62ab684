"""What settles within a side, with a pencil: all that one identifier names, and an item with its reversal."""

from collections.abc import Callable, Iterable
from itertools import combinations

from tests.matching.pencil_rules import Key, Rule
from tests.matching.pencil_sides import Thing

__all__ = ["netted", "taken_back"]

#: A thing, its side, and what is open of it.
Open = tuple[str, Thing, int]


def netted(
    rule: Rule, things: list[Open], marks: Callable[[Thing, Key, str], Iterable[str]], tolerance: int
) -> list[set[str]]:
    """
    Give the groups of one identifier that come to zero, or nearly, and share nothing with another such group.

    :param marks: what an identifier of a thing is compared by.
    """
    (key,) = rule.keys
    sides = rule.within
    signed = {thing.key: (-amount if len(sides) == 2 and side == "right" else amount) for side, thing, amount in things}
    named: dict[tuple[str, str], list[Thing]] = {}
    for side, thing, _ in things:
        for mark in set(marks(thing, key, side)):
            named.setdefault((mark, thing.currency), []).append(thing)
    groups = set()
    for some in named.values():
        for group in _without_gaps(rule, some):
            nets = [signed[thing.key] for thing in group]
            if min(nets) < 0 < max(nets) and abs(sum(nets)) <= tolerance:
                groups.add(frozenset(thing.key for thing in group))
    return [set(group) for group in groups if not any(group & other for other in groups if other != group)]


def _without_gaps(rule: Rule, things: list[Thing]) -> list[list[Thing]]:
    """Begin a new group where more than the days lie between one thing and the next."""
    groups: list[list[Thing]] = []
    for thing in sorted(things, key=lambda one: one.day):
        if groups and (rule.days is None or thing.day - groups[-1][-1].day <= rule.days.last):
            groups[-1].append(thing)
        else:
            groups.append([thing])
    return groups


def taken_back(rule: Rule, things: list[Open], agrees: Callable[[Key, Thing, Thing], bool]) -> list[tuple[str, str]]:
    """Pair what is opposite and shares every identifier, where neither half could be another's."""
    side, days = rule.within[0], rule.days
    assert days is not None

    def follows(first: Thing, second: Thing) -> bool:
        known = not rule.reversal or (first.kind not in rule.reversal and second.kind in rule.reversal)
        return known and days.first <= second.day - first.day <= days.last

    pairs = [
        (one.key, other.key)
        for (_, one, mine), (_, other, theirs) in combinations(things, 2)
        if mine == -theirs and one.currency == other.currency and (follows(one, other) or follows(other, one))
        and all(agrees(key.between(side, side), one, other) for key in rule.keys)
    ]  # fmt: skip
    ends = [name for pair in pairs for name in pair]
    return [pair for pair in pairs if all(ends.count(name) == 1 for name in pair)]
