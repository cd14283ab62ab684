"""
Which selection of open items adds up to one bank line: exactly one, several, none, or too many to know.

The limit is information, not speed: of 20 items of about 40.00 there are a million selections and hardly 80,000
sums, so that many selections fit by accident. A unique answer therefore comes with the number of accidental ones to
be expected (``lambda_micro``), and nothing is ever picked among several.

The search counts *operations* against a stated bound, so that its answer is the same on every machine. Everything is
whole numbers.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from tieout.matching.pools._accidents import accidents
from tieout.matching.pools._classes import Classes, classes_of
from tieout.matching.pools._halves import Halves, halves_cost, halves_within
from tieout.matching.pools._reachable import Reachable, reachable_cost
from tieout.matching.pools._witness import WITNESS_COST, last_digits_fit, two_answers
from tieout.matching.pools.verdicts import COUNT_MAX, LISTED_MAX, Verdict

if TYPE_CHECKING:
    from collections.abc import Iterable

    import numpy as np
    import numpy.typing as npt

__all__ = ["OPERATIONS_MAX", "subset_sum"]

#: The usual bound: well below a second, enough for 40 different amounts of any size, or for 1,000 up to 5,000.00.
OPERATIONS_MAX = 1 << 28
#: Sums of a pool must stay below this.
_SUM_MAX = 1 << 55
#: More amounts than this are not looked at.
_AMOUNTS_MAX = 20_000


def subset_sum(amounts: npt.NDArray[np.int64], target: int, *, operations_max: int = OPERATIONS_MAX) -> Verdict:
    """
    Decide which amounts add up to a target; some may be negative, and equal ones are interchangeable.

    :param amounts: whole minor units of one currency. Indices of the answer point into it, and among equal amounts
        the first ones are named: bring them into the order in which they should be settled.
    :param target: the sum; for 0, "none of them" is no answer.
    :param operations_max: the bound.
    :returns: see :class:`~tieout.matching.pools.verdicts.Verdict`.
    """
    if len(amounts) > _AMOUNTS_MAX or sum(map(abs, amounts.tolist()), abs(target)) >= _SUM_MAX:
        return Verdict(outcome="undecided", operations=operations_max)
    classes = classes_of(amounts, target)
    if classes is None or not last_digits_fit(classes):
        return Verdict(outcome="infeasible", operations=len(amounts))
    found = _two_at_once(classes, operations_max)
    if found:
        return replace(_verdict(found, WITNESS_COST), is_counted=len(found) == COUNT_MAX)
    # With what is near the target, so that accidents can be counted; where that is too much, nearer, or without.
    for width in (abs(target) // 4, abs(target) // 32, 0):
        pool = classes_of(amounts, target, width) if width else classes
        search = _search(pool, width // pool.unit, operations_max) if pool else None
        if pool and search:
            verdict = _verdict(_different(pool, search.answers(), COUNT_MAX), search.operations)
            if verdict.outcome != "unique":
                return verdict
            expected = accidents(amounts, target, width, pool, search, verdict.solutions[0])
            return replace(verdict, lambda_micro=expected)
    return Verdict(outcome="undecided", operations=operations_max)


def _search(classes: Classes, width: int, operations_max: int) -> Halves | Reachable | None:
    """Choose the cheaper way to search a pool; None where all go beyond the bound."""
    by_reach = reachable_cost(classes, width)
    if by_reach <= min(halves_cost(classes), operations_max):
        return Reachable(classes, width)
    return halves_within(classes, width, operations_max)


def _two_at_once(classes: Classes, operations_max: int) -> list[tuple[tuple[int, ...], bool]]:
    """Look for two answers in a large pool, where a search would take long and mostly find several."""
    if halves_cost(classes) <= WITNESS_COST or operations_max < WITNESS_COST:
        return []
    found = _different(classes, two_answers(classes), COUNT_MAX)
    return found if len(found) > 1 else []


def _different(classes: Classes, answers: Iterable[list[int]], most: int) -> list[tuple[tuple[int, ...], bool]]:
    """Take the first answers that select something; the same one twice is one."""
    selections = (classes.selection(answer) for answer in answers)
    found: dict[tuple[int, ...], bool] = {}
    for indices, equals in selections:
        if indices:
            found[indices] = equals
        if len(found) == most:
            break
    return list(found.items())


def _verdict(found: list[tuple[tuple[int, ...], bool]], operations: int) -> Verdict:
    return Verdict(
        outcome="infeasible" if not found else "unique" if len(found) == 1 else "ambiguous",
        solutions=tuple(indices for indices, _ in found[:LISTED_MAX]),
        count=len(found),
        interchangeable=len(found) == 1 and found[0][1],
        operations=operations,
    )
