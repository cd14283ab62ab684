"""
Payouts without a reference: each is a run of consecutive lines of its account, and the next begins where it ends.

A run from s to e sums to the difference of two prefix sums. One payout alone has many accidental runs among a million
lines; that the next payouts must begin where the last one ended leaves one chain. What stands between the payouts and
is none (rent, other people's money) is passed over; every one that is tried at the end of a run makes it likelier that
one fits by accident, and is counted. Where a chain breaks (a line is missing) the next begins anew.

Evidence is counted in bits: n bits say that one of 2^n accidents looks like it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from tieout.matching.pools._chains import Search, Targets

if TYPE_CHECKING:
    import numpy.typing as npt

    from tieout.matching.pools.verdicts import Outcome

    Whole = npt.NDArray[np.int64]

__all__ = ["OPERATIONS_MAX", "Targets", "Window", "prefix_windows"]

#: The usual bound: looking up one prefix sum is one operation.
OPERATIONS_MAX = 1 << 26
#: Sums of all lines and of all payouts must stay below this.
_SUM_MAX = 1 << 61
_SURE_MICRO = 10_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Window:
    """
    What is known of the lines of one payout.

    :ivar start, end: of a unique one: lines ``start`` to ``end - 1``; of an ambiguous one that is no accident, those of
        one of its answers; else 0.
    :ivar chain: how many consecutive payouts lie end to end with this one, itself included.
    :ivar lambda_micro: how many such chains are to be expected by accident among these lines, in millionths.
    """

    outcome: Outcome
    start: int = 0
    end: int = 0
    chain: int = 0
    lambda_micro: int = 0


def prefix_windows(
    amounts: Whole, targets: Targets, *, sure_micro: int = _SURE_MICRO, operations_max: int = OPERATIONS_MAX
) -> list[Window]:
    """
    Find the runs of consecutive amounts that add up to targets, which lie end to end.

    :param amounts: lines of one account and currency in the order in which they were booked; may be negative.
    :param targets: payouts, and whatever stands between them.
    :param sure_micro: how many accidental answers may be expected, in millionths, of what is called sure.
    :returns: one answer for each target. unique: one chain of runs fits it and its neighbours. ambiguous: several do, or
        it may be an accident, or a boundary rests on one side only and a common amount stands at it. infeasible: it is in
        no chain. undecided: the bound came first.
    """
    count = len(targets.amount)
    if any(_beyond(numbers) for numbers in (amounts, targets.amount)):
        return [Window(outcome="undecided")] * count
    search = Search(amounts, targets, sure_micro, operations_max)
    search.follow()
    return _Judge(search).judged()


def _beyond(numbers: Whole) -> bool:
    """Say whether sums could become too large to count."""
    most = max(abs(int(numbers.max(initial=0))), abs(int(numbers.min(initial=0))))
    return most * len(numbers) >= _SUM_MAX and sum(map(abs, numbers.tolist())) >= _SUM_MAX


@dataclass(frozen=True, slots=True)
class _Judge:
    """Says of every target what the runs that were found say of it."""

    search: Search

    def judged(self) -> list[Window]:
        """Give the answer for each target."""
        runs, found = self.search.runs, [Window(outcome="infeasible")] * len(self.search.targets.amount)
        down, chain = self._onwards()
        total = [up + on for up, on in zip(runs.up, down, strict=True)]
        best: dict[int, int] = {}
        for run, target in enumerate(runs.target):
            if target not in best or total[run] > total[best[target]]:
                best[target] = run
        sure = {run for run in best.values() if self.search.is_sure(total[run])}
        doubtful = self._contested(sure, total)
        standing = {run for run in sure - doubtful if self._needed(run, down[run])}
        certain = standing & self._borders(standing)
        certain -= self._has_equals(certain)
        for target, run in best.items():
            accidents = self.search.accidents(total[run] - self.search.begin_bits)
            told = {"chain": chain[run], "lambda_micro": accidents}
            if run not in sure:
                found[target] = Window(outcome="ambiguous", **told)
                continue
            outcome: Outcome = "unique" if run in certain else "ambiguous"
            found[target] = Window(outcome=outcome, start=runs.start[run], end=runs.end[run], **told)
        for target in range(self.search.undecided_from, len(found)):
            if found[target].outcome != "unique":
                found[target] = Window(outcome="undecided")
        return found

    def _onwards(self) -> tuple[list[int], list[int]]:
        """Give the bits of the best chain that goes on behind each run, and how many runs its whole chain has."""
        runs = self.search.runs
        down, behind = [0] * len(runs.target), [0] * len(runs.target)
        ahead: dict[int, tuple[int, int]] = {}
        day = self.search.targets.day
        # Of one day what begins farther behind comes later, whichever was found first.
        for run in sorted(range(len(runs.target)), key=lambda run: (-int(day[runs.target[run]]), -runs.start[run])):
            down[run], behind[run] = ahead.get(runs.end[run], (0, 0))
            here = (runs.bits[run] + down[run], behind[run] + 1)
            ahead[runs.start[run]] = max(ahead.get(runs.start[run], (0, 0)), here)
        depth: list[int] = []
        for before in runs.before:
            depth.append(1 + (depth[before] if before >= 0 else 0))
        return down, [up + on for up, on in zip(depth, behind, strict=True)]

    def _contested(self, sure: set[int], total: list[int]) -> set[int]:
        """Name the sure runs that contradict another run whose chain is nearly as good."""
        runs, contested = self.search.runs, set()
        ordered = sorted(sure, key=lambda run: (runs.start[run], runs.end[run]))
        starts = [runs.start[run] for run in ordered]
        reach = np.maximum.accumulate(np.array([runs.end[run] for run in ordered], np.int64)) if ordered else None
        by_target = {runs.target[run]: run for run in ordered}
        for rival, target in enumerate(runs.target):
            same = by_target.get(target)
            touched = {same} if same is not None and same != rival else set()
            place = int(np.searchsorted(starts, runs.end[rival], "left")) - 1
            while reach is not None and place >= 0 and reach[place] > runs.start[rival]:
                if runs.end[ordered[place]] > runs.start[rival] and ordered[place] != rival:
                    touched.add(ordered[place])
                place -= 1
            for run in touched:
                if self.search.accidents(total[run] - total[rival]) > self.search.sure_micro:
                    contested.add(run)
        return contested

    def _has_equals(self, certain: set[int]) -> set[int]:
        """Name the runs whose lines another target of the same amount could have, which has none for certain."""
        runs, targets = self.search.runs, self.search.targets
        taken = {runs.target[run] for run in certain}
        free: dict[int, list[int]] = {}
        for target, amount in enumerate(targets.amount.tolist()):
            if target not in taken:
                free.setdefault(amount, []).append(target)
        return {
            run
            for run in certain
            for other in free.get(int(targets.amount[runs.target[run]]), ())
            if targets.first[other] <= runs.start[run] and runs.end[run] <= targets.last[other]
        }

    def _borders(self, sure: set[int]) -> set[int]:
        """
        Name the sure runs of which both borders are certain.

        One is if another run lies on its other side, or no line does. Else the run could lack a line, and have one of
        the same amount too many; so no line at it may have an amount that another line has.
        """
        runs = self.search.runs
        starts, ends = {runs.start[run] for run in sure}, {runs.end[run] for run in sure}
        values, counts = np.unique(self.search.amounts, return_counts=True)

        def is_certain(place: int, others: set[int]) -> bool:
            if place in others or place in (0, len(self.search.amounts)):
                return True
            at = np.searchsorted(values, self.search.amounts[place - 1 : place + 1])
            return bool((counts[at] == 1).all())

        return {run for run in sure if is_certain(runs.start[run], ends) and is_certain(runs.end[run], starts)}

    def _needed(self, run: int, down: int) -> bool:
        """
        Say whether a run, and what begins or ends with it, would hardly stand there by accident.

        Between two others some evidence of its own is enough, because what belongs there is seldom missing; at an end of
        a chain it must be all that is asked, and the more chains there are, the more ends.
        """
        runs, first, last = self.search.runs, self.search.targets.first, self.search.targets.last
        if self.search.accidents(2 * runs.bits[run]) > self.search.sure_micro:
            return False
        if runs.before[run] >= 0:
            return self.search.accidents(runs.bits[run] + down) * max(self.search.chains, 1) <= self.search.sure_micro
        if not down:
            return True
        # What could have stood in front of the chain: every target before whose lines reach its second run.
        place, target = runs.end[run], runs.target[run]
        earlier = slice(0, target + 1)
        tried = int(np.count_nonzero((first[earlier] < place) & (last[earlier] >= place)))
        bits = self.search.bits_of(target, runs.start[run], place, max(tried, 1))
        return self.search.accidents(bits) * max(self.search.chains, 1) <= self.search.sure_micro
