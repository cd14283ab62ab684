"""Selections, with a pencil: every one that there is, and an answer only where there is one."""

import re
from collections.abc import Callable
from itertools import combinations

from tests.matching.pencil_sides import Thing

__all__ = ["by_number", "chosen", "selections"]


def selections(amounts: list[int], target: int) -> list[tuple[int, ...]]:
    """List every selection of amounts with a sum, as sorted amounts, each once."""
    return sorted(
        {
            tuple(sorted(chosen))
            for size in range(1, len(amounts) + 1)
            for chosen in combinations(amounts, size)
            if sum(chosen) == target
        }
    )


def by_number(name: str) -> tuple[str, str]:
    """Give what an id is sorted by: 2 comes before 10."""
    return re.sub("[0-9]+", lambda digits: digits[0].zfill(20), name), name


def chosen(
    pools: dict[str, list[Thing]], target: Callable[[str], int], amount: Callable[[str], int], *, fifo: bool
) -> tuple[dict[str, list[str]], set[str]]:
    """
    Search every pool: (the one: its several) where there is one answer, and what stays unclear and is held back.

    :param pools: of each one, what could be of it. Of equal amounts the oldest come first where a rule says so, then
        those with the first numbers.
    """
    found: dict[str, list[str]] = {}
    held: set[str] = set()
    for one, pool in pools.items():
        in_order = sorted(pool, key=lambda thing: (amount(thing.key), thing.day, by_number(thing.key)))
        amounts = [amount(thing.key) for thing in in_order]
        answers = selections(amounts, target(one))
        first = [_first(in_order, answer, amount) for answer in answers]
        # Some of several equal things: which of them is not known.
        torn = any(0 < answer.count(size) < amounts.count(size) for answer in answers for size in answer)
        if len(answers) == 1 and (fifo or not torn):
            found[one] = first[0]
        elif answers:
            sizes = {size for answer in answers for size in answer}
            held |= {one, *(thing.key for thing in pool if amount(thing.key) in sizes)}
    named = [name for some in found.values() for name in some]
    for one, some in list(found.items()):
        if any(named.count(name) > 1 or name in held for name in some):
            held |= {one, *some}
            del found[one]
    return found, held


def _first(pool: list[Thing], answer: tuple[int, ...], amount: Callable[[str], int]) -> list[str]:
    """Take of equal amounts the first."""
    rest = list(answer)
    names = []
    for thing in pool:
        if amount(thing.key) in rest:
            rest.remove(amount(thing.key))
            names.append(thing.key)
    return names
