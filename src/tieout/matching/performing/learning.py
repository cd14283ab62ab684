"""
Performing a rule that learns: which pairs could be meant, what their likeness is worth, which of them are matches.

Candidates agree in the amount, or begin alike in one of the texts, within the days and the tolerance of the rule. What
was learned is kept with the run, as a text that the run names by its digest.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
from sqlglot import condition

from tieout.matching.learned.fixed import points_of
from tieout.matching.learned.levels import AMOUNTS, amount_levels, count_amounts, day_levels
from tieout.matching.learned.rivals import RIVALS_MAX, candidates_of
from tieout.matching.learned.texts import LEVELS, UNLIKE, Texts, alike, begin_together, texts_of
from tieout.matching.learned.weights import Compared, learn
from tieout.matching.performing.left_open import note_undecided
from tieout.matching.planning import operators as op
from tieout.matching.planning.building import select

if TYPE_CHECKING:
    import numpy.typing as npt

    from tieout.matching.grammar.rules import Likeness, Rule
    from tieout.matching.learned.weights import Learned
    from tieout.matching.performing.perform import Performance
    from tieout.matching.planning.building import Query

__all__ = ["Weighed", "learn_matches"]

#: Texts that begin alike share so many bytes; more where so many texts begin alike that pairs would be too many.
_BEGINNINGS = (3, 4, 6, 8, 12, 16, 24)
#: So many pairs of like texts are looked through, and so many candidates weighed; beyond, the answer is *undecided*.
_LOOKED_THROUGH_MAX = 100_000_000
_CANDIDATES_MAX = 10_000_000
#: Pairs that days and amounts allow are counted up to here.
_EVERY_MAX = 1 << 40
_MICRO = 1_000_000
#: The points of no rival.
_NOBODY = np.int64(-(1 << 40))


@dataclass(slots=True)
class _Sides:
    """
    What a rule looks at of both sides, in columns by thing.

    :ivar reach: how far from a left amount the right one may be.
    """

    left: dict[str, npt.NDArray[np.int64]]
    right: dict[str, npt.NDArray[np.int64]]
    reach: npt.NDArray[np.int64]
    texts: list[Texts]


@dataclass(frozen=True, slots=True)
class Weighed:
    """
    What a rule learned, and how likely each of its candidates is.

    :ivar told: what was learned, for people and for performing the run again.
    :ivar left, right: the things of each candidate, with ``difference`` of their amounts and ``odds``.
    """

    told: dict[str, Any]
    left: npt.NDArray[np.int64]
    right: npt.NDArray[np.int64]
    difference: npt.NDArray[np.int64]
    odds: npt.NDArray[np.float64]


def learn_matches(work: Performance, rule: Rule) -> None:
    """
    Make ``paired`` of a rule that learns, and add to ``undecided`` what its bounds left undecided.

    Reads ``l``, ``r`` and ``window``, as a plan does. What compares the same things in the same days and amounts learns
    once, from all that the first of such rules looks at.
    """
    same = replace(rule, name="", confirm=True, coincidence_micro=0)
    weighed = work.learned.get(same)
    if weighed is None:
        weighed = work.learned[same] = _weigh(work, rule)
    kept = np.ones(len(weighed.odds), np.bool_)
    for short, things in (("l", weighed.left), ("r", weighed.right)):
        kept &= np.isin(things, work.engine.arrow(f"select thing from {short}")["thing"].to_numpy())
    _keep(work, weighed, np.flatnonzero(kept), rule.coincidence_micro)


def _weigh(work: Performance, rule: Rule) -> Weighed:
    """Learn, and weigh all candidates."""
    sides = _read(work, rule)
    begins = _candidates(work, rule, sides)
    pairs = _within_bounds(work, sides, begins)
    nothing = np.zeros(0, np.int64)
    if begins is None or pairs is None or not len(pairs["l"]):
        return Weighed({"rule": rule.name, "candidates": 0}, nothing, nothing, nothing, np.zeros(0))
    left, right = (np.searchsorted(own["thing"], pairs[name]) for own, name in ((sides.left, "l"), (sides.right, "r")))
    compared, every = _compare(work, rule, sides, begins, (left, right), pairs["apart"])
    among = candidates_of(left, right)
    found = learn(among, compared, (len(sides.left["thing"]), len(sides.right["thing"])), every)
    told = _told(rule, compared, found, every)
    if found.odds is None:
        return Weighed(told, nothing, nothing, nothing, np.zeros(0))
    return Weighed(told, pairs["l"], pairs["r"], sides.left["amount"][left] - sides.right["amount"][right], found.odds)


def _read(work: Performance, rule: Rule) -> _Sides:
    engine = work.engine
    amount = rule.amount
    allowed = "0" if amount is None else op.tolerance_sql(amount, "l", work.money.currencies)
    reach = condition(allowed).sql(dialect=engine.dialect)
    columns = ("thing", "ccy", "amount")
    sides = []
    for short, more in (("l", f", {reach} as reach"), ("r", "")):
        rows = engine.arrow(f"select thing, ccy, amount{more} from {short} order by thing")
        sides.append({name: rows[name].to_numpy().astype(np.int64) for name in rows.column_names})
    texts = [_texts(work, likeness) for likeness in rule.learn]
    return _Sides({n: sides[0][n] for n in columns}, sides[1], sides[0]["reach"], texts)


def _texts(work: Performance, likeness: Likeness) -> Texts:
    said = []
    for short, side, name in (("l", "left", likeness.left), ("r", "right", likeness.right)):
        rows = work.engine.arrow(
            f'select a."{name}" as said from {short} s join "{side}_all" a on a.thing = s.thing order by s.thing'
        )
        said.append(rows["said"].combine_chunks().cast(pa.string()))
    return texts_of(*said)


def _candidates(work: Performance, rule: Rule, sides: _Sides) -> list[int] | None:
    """
    Make ``candidates`` (l, r, apart): what could be meant.

    :return: of each text, how many bytes of it candidates share; None: there are more than may be looked through.
    """
    parts = [_met(work, rule, None)]
    begins = []
    for number, texts in enumerate(sides.texts):
        for length in _BEGINNINGS:
            for short, own, numbers in zip("lr", (sides.left, sides.right), begin_together(texts, length), strict=True):
                told = {"thing": own["thing"], "begins": numbers}
                work.engine.take(f"{short}_begins_{number}", pa.table(told).filter(pa.array(numbers >= 0)))
            if _how_many(work, number) <= _LOOKED_THROUGH_MAX:
                begins.append(length)
                break
        else:
            return None
        parts.append(_met(work, rule, number))
    every = parts[0]
    for part in parts[1:]:
        every = every.union(part)
    work.engine.create("candidates", op.allowed(every, by_entity=work.by_entity))
    return begins


def _how_many(work: Performance, number: int) -> int:
    """Count the pairs that begin alike and lie within the days, whatever their amounts."""
    counted = [
        f"""(select b.begins, s.{short}_day as day{calendar}, count(*) as n
             from {short} s join {short}_begins_{number} b on b.thing = s.thing group by all)"""
        for short, calendar in (("l", ""), ("r", ", s.calendar"))
    ]
    found = work.engine.arrow(
        f"""select coalesce(sum(a.n * b.n), 0)::bigint as pairs from {counted[0]} a
            join "window" w on w.l_day = a.day
            join {counted[1]} b on b.begins = a.begins and b.day = w.r_day and b.calendar = w.calendar"""
    )
    return int(found["pairs"][0].as_py())


def _met(work: Performance, rule: Rule, number: int | None) -> Query:
    """
    Bring together what agrees within days and tolerance.

    :param number: of the text that must begin alike; None: amounts must be equal.
    """
    sides = {short: f"{short} as s" for short in "lr"}
    more = ""
    if number is not None:
        sides = {short: f"{short} as s join {short}_begins_{number} b on b.thing = s.thing" for short in "lr"}
        more = ", b.begins"
    # A thing and the days that go with it are one key, so that the day is met together with what agrees.
    work.engine.create(
        f"l_placed_{number}",
        f"""select s.thing, s.ccy, s.amount, s.l_day, w.r_day, w.calendar{more}
            from {sides["l"]} join "window" w on w.l_day = s.l_day""",
    )
    work.engine.create(
        f"r_placed_{number}", f"select s.thing, s.ccy, s.amount, s.r_day, s.calendar{more} from {sides['r']}"
    )
    allowed = "0" if rule.amount is None else op.tolerance_sql(rule.amount, "lt", work.money.currencies)
    agrees = "rt.amount = lt.amount" if number is None else "rt.begins = lt.begins"
    query = select("lt.thing as l", "rt.thing as r", "lt.r_day - lt.l_day as apart").from_(f"l_placed_{number} as lt")
    query = query.join(
        f"r_placed_{number} as rt",
        on=f"rt.ccy = lt.ccy and rt.r_day = lt.r_day and rt.calendar = lt.calendar and {agrees}",
    )
    return query.where(op.same_sign("lt.amount", "rt.amount"), f"abs(lt.amount - rt.amount) <= {allowed}")


def _within_bounds(
    work: Performance, sides: _Sides, begins: list[int] | None
) -> dict[str, npt.NDArray[np.int64]] | None:
    """Give the candidates, without the things that have too many; None: all have too many."""
    engine = work.engine
    every = 0 if begins is None else engine.count("candidates")
    if begins is None or every > _CANDIDATES_MAX:
        bound = ("begin alike", _LOOKED_THROUGH_MAX) if begins is None else ("alike", _CANDIDATES_MAX)
        for own in (sides.left, sides.right):
            _add_to_undecided(work, own["thing"], np.full(len(own["thing"]), every), *bound)
        return None
    rows = engine.arrow("select l, r, apart from candidates")
    pairs = {name: rows[name].to_numpy().astype(np.int64) for name in rows.column_names}
    kept = np.ones(len(pairs["l"]), np.bool_)
    for name in ("l", "r"):
        things, place, count = np.unique(pairs[name], return_inverse=True, return_counts=True)
        kept &= count[place] <= RIVALS_MAX
        _add_to_undecided(work, things[count > RIVALS_MAX], count[count > RIVALS_MAX], "rivals", RIVALS_MAX)
    return {name: column[kept] for name, column in pairs.items()}


def _add_to_undecided(
    work: Performance, things: npt.NDArray[np.int64], had: npt.NDArray[np.int64], bound: str, most: int
) -> None:
    work.engine.take("beyond_now", pa.table({"thing": pa.array(things, pa.int64()), "had": pa.array(had, pa.int64())}))
    note_undecided(work.engine, f"select thing, '{bound}' as bound, had, {most}::bigint as most from beyond_now")


def _compare(
    work: Performance,
    rule: Rule,
    sides: _Sides,
    begins: list[int],
    pair: tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]],
    apart: npt.NDArray[np.int64],
) -> tuple[list[Compared], int]:
    """Give the levels of all candidates, and count the pairs that days and amounts allow."""
    left, right = pair
    days, amounts, every = _count_pairs(work, sides)
    every = min(max(every, len(left)), _EVERY_MAX)
    known = np.array(sorted(days))
    level_of = day_levels(list(days))
    numbers = np.array([level_of[int(distance)] for distance in known])
    by_day = np.array([days[distance] for distance in level_of])
    mine, theirs = sides.left["amount"][left], sides.right["amount"][right]
    of_amount = amount_levels(mine, theirs, sides.reach[left], _how_many_have(sides)[right])
    of_day = numbers[np.searchsorted(known, apart)]
    compared = [
        Compared("amount", AMOUNTS, of_amount, amounts),
        Compared("days", tuple(f"{distance:+d}" for distance in level_of), of_day, by_day),
    ]
    for likeness, texts, least in zip(rule.learn, sides.texts, begins, strict=True):
        level = alike(texts, left, right, least)
        count = np.bincount(level[level >= 0], minlength=len(LEVELS)).astype(np.int64)
        both_say = every
        for own in (texts.left, texts.right):
            both_say = both_say * int((own >= 0).sum()) // len(own)
        # All that begin alike are candidates; of the others only those of equal amount.
        count[UNLIKE] = max(both_say - int(count[:UNLIKE].sum()), int(count[UNLIKE]))
        compared.append(Compared(f"{likeness.left} with {likeness.right}", LEVELS, level, count))
    return compared, every


def _count_pairs(work: Performance, sides: _Sides) -> tuple[dict[int, int], npt.NDArray[np.int64], int]:
    """
    Count the pairs that days and amounts allow: by their distance in days, by the level of their amounts, and all.

    Days and amounts have nothing to do with each other in pairs that do not belong together.
    """
    rows = work.engine.arrow(
        """select a.ccy, w.r_day - w.l_day as apart, sum(a.n * b.n)::varchar as pairs
            from (select ccy, l_day, count(*) as n from l group by all) a join "window" w on w.l_day = a.l_day
            join (select ccy, r_day, calendar, count(*) as n from r group by all) b
                on b.ccy = a.ccy and b.r_day = w.r_day and b.calendar = w.calendar group by all order by all"""
    ).to_pylist()
    days: dict[int, int] = {}
    met: dict[int, int] = {}
    for row in rows:
        days[row["apart"]] = days.get(row["apart"], 0) + int(row["pairs"])
        met[row["ccy"]] = met.get(row["ccy"], 0) + int(row["pairs"])
    amounts, every = np.zeros(len(AMOUNTS), np.int64), 0
    for ccy, pairs in met.items():
        own, other = sides.left["ccy"] == ccy, sides.right["ccy"] == ccy
        counted = count_amounts(sides.left["amount"][own], sides.reach[own], sides.right["amount"][other])
        within = pairs * int(counted.sum()) // (int(own.sum()) * int(other.sum()))
        amounts += counted
        every += within
    return days, amounts, every


def _how_many_have(sides: _Sides) -> npt.NDArray[np.int64]:
    """Say of each thing of the right how many of the right have its amount."""
    pairs = np.stack([sides.right["ccy"], sides.right["amount"]])
    _, place, count = np.unique(pairs, axis=1, return_inverse=True, return_counts=True)
    return count[place.reshape(-1)].astype(np.int64)


def _keep(work: Performance, weighed: Weighed, kept: npt.NDArray[np.int64], accident_micro: int) -> None:
    """
    Make ``paired`` of the candidates that are hardly an accident and the best of both their things, without a tie.

    And ``points`` (l, r, score) of those that have rivals.

    :param accident_micro: how likely a match may be an accident, in millionths.
    """
    points = points_of(weighed.odds[kept])
    left, right = weighed.left[kept], weighed.right[kept]
    accident = np.ceil(_MICRO / (1.0 + weighed.odds[kept])).astype(np.int64)
    rival = np.full(len(kept), _NOBODY)
    if len(kept):
        among = candidates_of(left, right)
        rival = np.maximum(
            _best_other(points, among.by_left, among.left_starts, among.left_of),
            _best_other(points, among.by_right, among.right_starts, among.right_of),
        )
    chosen = np.flatnonzero((accident <= accident_micro) & (points > rival))
    columns = {
        "l": (left, pa.int64()),
        "r": (right, pa.int64()),
        "difference": (weighed.difference[kept], pa.int64()),
        "score": (points, pa.int32()),
        "margin": (np.where(rival > _NOBODY, points - rival, points), pa.int32()),
        "coincidence": (accident, pa.int64()),
    }
    told = {name: pa.array(values[chosen], kind) for name, (values, kind) in columns.items()}
    work.engine.take("paired", pa.table(told))
    some = np.flatnonzero(rival > _NOBODY)  # only they can be who came next
    points_of_some = {name: pa.array(columns[name][0][some], columns[name][1]) for name in ("l", "r", "score")}
    work.engine.take("points", pa.table(points_of_some))


def _best_other(
    points: npt.NDArray[np.int64],
    order: npt.NDArray[np.int64],
    starts: npt.NDArray[np.int64],
    thing: npt.NDArray[np.int64],
) -> npt.NDArray[np.int64]:
    """Give the points of each pair's best rival for one of its things."""
    best = np.maximum.reduceat(points[order], starts)[thing]
    is_best = points == best
    several = np.add.reduceat(is_best[order].astype(np.int64), starts)[thing] > 1
    second = np.maximum.reduceat(np.where(is_best, _NOBODY, points)[order], starts)[thing]
    return np.where(is_best & ~several, second, best)


def _told(rule: Rule, compared: list[Compared], found: Learned, every: int) -> dict[str, Any]:
    """Describe what was learned; levels that no candidate has are left out."""
    weights = {}
    for one, points in zip(compared, found.weights, strict=True):
        had = np.bincount(one.level[one.level >= 0], minlength=len(one.names))
        weights[one.what] = {name: points[n] for n, name in enumerate(one.names) if had[n]}
    return {
        "rule": rule.name,
        "candidates": len(compared[0].level),
        "pairs": every,
        "expected": found.expected,
        "rounds": found.rounds,
        "settled": found.settled,
        "beforehand": found.beforehand,
        "weights": weights,
    }
