"""
Payouts without a reference: each is a run of consecutive lines of its account, and the next begins where it ends.

A run from s to e sums to the difference of two prefix sums. One payout alone has many accidental runs among a million
lines; that the next payouts must begin where the last one ended leaves one chain. Where a chain breaks (a line is
missing, a payout is not of this account) the next begins anew, and what rests on one payout only is judged by how
many accidental runs are to be expected.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np

from tieout.matching.pools.verdicts import LAMBDA_MAX

if TYPE_CHECKING:
    import numpy.typing as npt

    from tieout.matching.pools.verdicts import Outcome

__all__ = ["OPERATIONS_MAX", "Window", "prefix_windows"]

#: The usual bound: looking up one prefix sum is one operation.
OPERATIONS_MAX = 1 << 26
#: Sums of all lines and of all payouts must stay below this.
_SUM_MAX = 1 << 61
_MICRO = 1_000_000
_SURE_MICRO = 10_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Window:
    """
    What is known of the lines of one payout.

    :ivar start, end: of a unique one: lines ``start`` to ``end - 1``; else 0.
    :ivar chain: how many consecutive payouts lie end to end with this one, itself included.
    :ivar lambda_micro: how many such chains are to be expected by accident, in millionths.
    """

    outcome: Outcome
    start: int = 0
    end: int = 0
    chain: int = 0
    lambda_micro: int = 0


def prefix_windows(
    amounts: npt.NDArray[np.int64], targets: npt.NDArray[np.int64], *, operations_max: int = OPERATIONS_MAX
) -> list[Window]:
    """
    Find the runs of consecutive amounts that add up to consecutive targets.

    :param amounts: lines of one account and currency in the order in which they were booked; may be negative.
    :param targets: payouts in their order; each sums lines that come after those of the one before.
    :returns: one answer for each target. unique: one chain of runs fits it and its neighbours. ambiguous: several do,
        a boundary lies among lines that sum to zero, or the chain is broken off next to it. infeasible: no run has its sum. undecided: the bound came first.
    """
    if any(sum(map(abs, numbers.tolist())) >= _SUM_MAX for numbers in (amounts, targets)):
        return [Window(outcome="undecided")] * len(targets)
    prefix = _Prefix(amounts)
    found: list[Window] = []
    operations = after = 0
    while len(found) < len(targets):
        operations += prefix.starts(after)
        if operations > operations_max:
            return found + [Window(outcome="undecided")] * (len(targets) - len(found))
        windows = prefix.chain(targets[len(found) :], after)
        # A chain that may be an accident says nothing about where the next one begins.
        after = max([after, *(window.end for window in windows if window.lambda_micro <= _SURE_MICRO)])
        broken = bool(found), len(found) + len(windows) < len(targets)
        found += [
            _torn(window) if torn else window for window, torn in zip(windows, _ends(broken, len(windows)), strict=True)
        ]
    return found


def _ends(broken: tuple[bool, bool], length: int) -> list[bool]:
    """Mark the ends of a chain at which it was broken off."""
    return [(n == 0 and broken[0]) or (n == length - 1 and broken[1]) for n in range(length)]


def _torn(window: Window) -> Window:
    """
    Call a run next to a break ambiguous, which its chain supports on one side only.

    The payout beyond the break lacks a line or has one too many, and where that line's amount is a common price, a
    wrong boundary fits just as well.
    """
    return replace(window, outcome="ambiguous", start=0, end=0) if window.outcome == "unique" else window


class _Prefix:
    """
    The sums of the first lines, and where each stands.

    :ivar values: every different sum, ascending.
    """

    def __init__(self, amounts: npt.NDArray[np.int64]) -> None:
        sums = np.concatenate((np.zeros(1, np.int64), np.cumsum(amounts, dtype=np.int64)))
        order = np.argsort(sums, kind="stable")
        ordered = sums[order]
        begins = np.flatnonzero(np.concatenate(([True], ordered[1:] != ordered[:-1])))
        self.values = ordered[begins]
        self._first = order[begins]
        self._last = order[np.concatenate((begins[1:], [len(order)])) - 1]
        unit = int(np.gcd.reduce(amounts)) if len(amounts) else 1
        self._room = int(self.values[-1] - self.values[0]) // (unit or 1) + 1

    def starts(self, after: int) -> int:
        """How many sums stand at or behind a line."""
        return int(np.count_nonzero(self._last >= after))

    def chain(self, targets: npt.NDArray[np.int64], after: int) -> list[Window]:
        """Follow the runs of the first targets from every line on, for as long as one is left; at least one answer."""
        places = np.flatnonzero(self._last >= after)
        boundaries = [places]
        for target in targets:
            wanted = self.values[places] + target
            ends = np.minimum(np.searchsorted(self.values, wanted), len(self.values) - 1)
            there = (self.values[ends] == wanted) & (self._last[ends] > self._first[places])
            if not there.any():
                break
            kept = np.flatnonzero(there)
            boundaries = [boundary[kept] for boundary in boundaries] if len(kept) < len(places) else boundaries
            places = ends[kept]
            boundaries.append(places)
        length = len(boundaries) - 1
        if not length:
            return [Window(outcome="infeasible")]
        if len(places) > 1:
            return [Window(outcome="ambiguous", chain=length, lambda_micro=self._expected(length))] * length
        return self._windows([int(boundary[0]) for boundary in boundaries])

    def _windows(self, boundaries: list[int]) -> list[Window]:
        """Give the runs between boundaries; one that stands at several places bounds nothing."""
        length = len(boundaries) - 1
        expected = self._expected(length)
        found = []
        for begin, end in pairwise(boundaries):
            start, stop = int(self._first[begin]), int(self._first[end])
            sure = start == self._last[begin] and stop == self._last[end] and start < stop
            found.append(
                Window(
                    outcome="unique" if sure else "ambiguous",
                    start=start if sure else 0,
                    end=stop if sure else 0,
                    chain=length,
                    lambda_micro=expected,
                )
            )
        return found

    def _expected(self, length: int) -> int:
        """How many chains of a length are to be expected: each boundary is hit by as many sums as there are a unit."""
        expected = len(self.values) * _MICRO
        for _ in range(length):
            expected = -(-expected * len(self.values) // self._room)
            if expected == 1:
                break
        return min(expected, LAMBDA_MAX)
