"""
Following chains of payouts over the lines of one account: which runs of lines there are, and how seldom each would be
found by accident.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from tieout.matching.pools.verdicts import LAMBDA_MAX

if TYPE_CHECKING:
    from collections.abc import Iterable

    import numpy.typing as npt

    Whole = npt.NDArray[np.int64]

__all__ = ["Runs", "Search", "Targets"]

_MICRO = 1_000_000
#: At so many places it is tried how often the amount of a payout is found by accident, or that of so many other runs.
_SAMPLE = 1_024
_OTHERS = 32
#: An amount that more runs have begins no chain: it is a price, and no sum.
_HITS_MAX = 4_096


@dataclass(frozen=True, slots=True)
class Targets:
    """
    Payouts in their order.

    :ivar day: ascending; which of one day came first is not known.
    :ivar first, last: lines ``first`` to ``last - 1`` could belong to each.
    """

    amount: Whole
    day: Whole
    first: Whole
    last: Whole

    @classmethod
    def anywhere(cls, amounts: Iterable[int], lines: int) -> Targets:
        """Give payouts of days of their own, to which every line could belong."""
        amount = np.array(list(amounts), np.int64)
        return cls(amount, np.arange(len(amount)), np.zeros(len(amount), np.int64), np.full(len(amount), lines))


@dataclass(slots=True)
class Runs:
    """
    Every run that was found, in columns, in the order of time.

    :ivar bits: of the run itself. ``up``: of the best chain that ends with it, without what its beginning costs.
    :ivar before: the run that it follows; -1: none.
    :ivar place_of: the best run that ends at a place.
    """

    target: list[int] = field(default_factory=list)
    start: list[int] = field(default_factory=list)
    end: list[int] = field(default_factory=list)
    bits: list[int] = field(default_factory=list)
    up: list[int] = field(default_factory=list)
    before: list[int] = field(default_factory=list)
    place_of: dict[int, int] = field(default_factory=dict)

    def add(self, target: int, start: int, end: int, bits: int, before: int) -> bool:
        """Add a run; says whether it is the best one that ends there."""
        number = len(self.target)
        up = bits + (self.up[before] if before >= 0 else 0)
        for column, value in zip(
            (self.target, self.start, self.end, self.bits, self.up, self.before),
            (target, start, end, bits, up, before),
            strict=True,
        ):
            column.append(value)
        best = self.place_of.get(end)
        if best is not None and self.up[best] >= up:
            return False
        self.place_of[end] = number
        return True

    def holds(self, run: int, target: int, since: int) -> bool:
        """Say whether a chain has a target already, as far back as targets from ``since`` on go."""
        while run >= 0 and self.target[run] >= since:
            if self.target[run] == target:
                return True
            run = self.before[run]
        return False


class Search:
    """The search in one pool: places are the gaps between lines, from 0 on; runs lead from one to another."""

    def __init__(self, amounts: Whole, targets: Targets, sure_micro: int, operations_max: int) -> None:
        self.amounts, self.targets, self.sure_micro = amounts, targets, sure_micro
        self.left = operations_max
        self.sums = np.concatenate((np.zeros(1, np.int64), np.cumsum(amounts, dtype=np.int64)))
        self.order = np.argsort(self.sums, kind="stable")
        self.sorted = self.sums[self.order]
        unit = int(np.gcd.reduce(amounts)) if len(amounts) else 1
        #: So many whole sums lie between the least and the greatest; so many of them are there.
        self.room = int(self.sorted[-1] - self.sorted[0]) // (unit or 1) + 1
        self.there = int(np.count_nonzero(np.diff(self.sorted))) + 1
        width = np.maximum(targets.last - targets.first, 0)
        #: What the beginning of a chain costs: it could have begun anywhere, with any target.
        self.begin_bits = max(int(width.sum()) - 1, 0).bit_length()
        #: So many targets may be tried behind a sure chain until one that fits would be no surprise.
        self.tried_max = self.room * sure_micro // (self.there * _MICRO)
        self.chains = 0
        self.runs = Runs()
        self.undecided_from = len(targets.amount)
        self._chance: dict[int, tuple[int, int, npt.NDArray[np.bool_]]] = {}
        self._repeats: dict[int, tuple[int, int]] = {}

    # -- finding

    def follow(self) -> None:
        """Find one chain after the other."""
        day = self.targets.day
        bounds = np.flatnonzero(np.concatenate(([True], day[1:] != day[:-1], [True]))) if len(day) else np.zeros(1, int)
        begin = after = 0
        while begin < len(day):
            last = self._stretch(bounds, begin, after)
            if self.left < 0:
                self.undecided_from = begin
                return
            if last is None:
                return
            chain, run = [], last
            while run >= 0:
                chain.append(self.runs.target[run])
                run = self.runs.before[run]
            begin, after = max(*chain, begin) + 1, self.runs.end[last]
            self.chains += 1

    def _stretch(self, bounds: npt.NDArray[np.intp], begin: int, after: int) -> int | None:
        """
        Follow chains from a target on until none that is sure goes on; gives the last run of the best sure one.

        :param bounds: where the targets of each day begin.
        :param after: the place from which on a chain may begin.
        """
        heads: dict[int, int] = {}  # place: targets that were tried there
        best: int | None = None
        group = int(np.searchsorted(bounds, begin, "right")) - 1
        while group < len(bounds) - 1 and self.left >= 0:
            first, last = max(int(bounds[group]), begin), int(bounds[group + 1])
            gone = int(self.targets.first[first:last].min())
            tried_max = self.tried_max if best is not None else self.room // self.there
            heads = {place: tried for place, tried in heads.items() if place >= gone and tried <= tried_max}
            if best is not None and not any(self.is_sure(self._up(place)) for place in heads):
                return best
            reached = self._from_heads(heads, first, last)
            if best is None:
                for target in range(first, last):
                    reached |= self._anywhere(target, after, heads)
            self._same_day(reached, first, last)
            heads = {place: tried + last - first for place, tried in heads.items()} | dict.fromkeys(reached, 0)
            for place in reached:
                if self.is_sure(self._up(place)) and (best is None or self._up(place) > self.runs.up[best]):
                    best = self.runs.place_of[place]
            group += 1
        return best

    def _up(self, place: int) -> int:
        return self.runs.up[self.runs.place_of[place]]

    def _anywhere(self, target: int, after: int, heads: dict[int, int]) -> set[int]:
        """Begin chains with a target wherever its amount is found; gives where they end."""
        first, last = max(int(self.targets.first[target]), after), int(self.targets.last[target])
        if first >= last:
            return set()
        self.left -= last - first
        wanted = self.sums[first:last] + self.targets.amount[target]
        hits = np.flatnonzero(self._exist(wanted))
        if len(hits) > _HITS_MAX:
            return set()
        return {
            end
            for hit in hits.tolist()
            if first + hit not in heads
            for end in self._ends(first + hit, target)
            if self.runs.add(target, first + hit, end, self.bits_of(target, first + hit, end, 1), -1)
        }

    def _from_heads(self, heads: dict[int, int], first: int, last: int) -> set[int]:
        """Let chains go on with targets of one day; gives where they end now."""
        if not heads:
            return set()
        self.left -= len(heads) * (last - first)
        places = np.fromiter(heads, np.int64, len(heads))
        wanted = self.sums[places][:, None] + self.targets.amount[first:last][None, :]
        reached = set()
        for row, column in np.argwhere(self._exist(wanted.ravel()).reshape(wanted.shape)).tolist():
            place, target = int(places[row]), first + column
            before = self.runs.place_of[place]
            if place < self.targets.first[target] or self.runs.holds(before, target, first):
                continue
            tried = heads[place] + last - first
            for end in self._ends(place, target):
                if self.runs.add(target, place, end, self.bits_of(target, place, end, tried), before):
                    reached.add(end)
        return reached

    def _same_day(self, reached: set[int], first: int, last: int) -> None:
        """Let what was reached go on with other targets of the day: payouts of three days may arrive on one."""
        fresh = reached
        for _ in range(last - first - 1):
            fresh = self._from_heads(dict.fromkeys(sorted(fresh), 0), first, last)
            if not fresh:
                return
            reached |= fresh

    def _exist(self, wanted: Whole) -> npt.NDArray[np.bool_]:
        places = np.minimum(np.searchsorted(self.sorted, wanted), len(self.sorted) - 1)
        found: npt.NDArray[np.bool_] = self.sorted[places] == wanted
        return found

    def _ends(self, place: int, target: int) -> list[int]:
        """Give the places behind one from which it is as far as a target's amount."""
        wanted = self.sums[place] + self.targets.amount[target]
        low, high = (int(np.searchsorted(self.sorted, wanted, side)) for side in ("left", "right"))
        self.left -= high - low
        return sorted(int(p) for p in self.order[low:high] if place < p <= self.targets.last[target])

    # -- weighing

    def bits_of(self, target: int, start: int, end: int, tried: int) -> int:
        """
        Weigh a run: how seldom one of so many targets would be found at a place by accident.

        How often is measured, by this sum and by the sums of other runs that are about as long: where everything has one
        of six prices, sums repeat. A single line is no sum: others pay the same price.
        """
        if end - start == 1:
            return 0
        first, step, found = self._found_by_accident(target)
        hits = int(np.count_nonzero(found))
        at = start - first
        if at % step == 0 and at // step < len(found) and found[at // step]:
            hits -= 1
        rare = self.room // (self.there * tried)
        for often, among in ((hits, len(found)), self._repeated((end - start).bit_length())):
            if often:
                rare = min(rare, among // (often * tried))
        return max(rare.bit_length() - 1, 0)

    def _repeated(self, size: int) -> tuple[int, int]:
        """
        Count how often sums of other runs are found elsewhere, and at how many places that was tried.

        :param size: of as many lines as have so many bits.
        """
        known = self._repeats.get(size)
        if known is None:
            length = 3 << size >> 2
            begins = np.arange(0, len(self.amounts) - length + 1, max((len(self.amounts) - length) // _OTHERS, 1))
            places = np.arange(0, len(self.sums), max(len(self.sums) // _SAMPLE, 1))
            sums = self.sums[begins + length] - self.sums[begins]
            wanted = self.sums[places][None, :] + sums[:, None]
            self.left -= wanted.size
            own = places[None, :] == begins[:, None]
            hits = self._exist(wanted.ravel()).reshape(wanted.shape) & ~own
            known = self._repeats[size] = (int(np.count_nonzero(hits)), max(wanted.size, 1))
        return known

    def _found_by_accident(self, target: int) -> tuple[int, int, npt.NDArray[np.bool_]]:
        """Try a target at places here and there: the first of them, their distance, and where it is found."""
        known = self._chance.get(target)
        if known is None:
            first, last = int(self.targets.first[target]), int(self.targets.last[target])
            step = max((last - first) // _SAMPLE, 1)
            found = self._exist(self.sums[first:last:step] + self.targets.amount[target])
            self.left -= len(found)
            known = self._chance[target] = (first, step, found)
        return known

    def accidents(self, bits: int) -> int:
        """Say how many accidents are expected that look like so many bits, in millionths."""
        if bits >= 0:
            return max(_MICRO >> bits, 1)
        return min(_MICRO << min(-bits, 64), LAMBDA_MAX)

    def is_sure(self, up: int) -> bool:
        return self.accidents(up - self.begin_bits) <= self.sure_micro
