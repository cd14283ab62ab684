"""
How many accidents as good as a candidate are to be expected: lambda, the gate beside the points.

Whoever has no partner on the other side may meet a stranger there. So many are expected as there are strangers that are
as good as the one who was met: of like name and the same currency, and so near in amount and days that they would have
no fewer points. What has a partner there is no stranger: beside it the partner would be seen, as a rival.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
from sqlglot import condition

from tieout.matching.comparing.evidence import make_rates
from tieout.matching.facts.scales import in_base
from tieout.matching.planning.operators import tolerance_sql
from tieout.matching.planning.points import ALIKE, day_points

if TYPE_CHECKING:
    import numpy.typing as npt

    from tieout.matching.backends.engine import Engine
    from tieout.matching.grammar.rules import Rule, Score
    from tieout.matching.performing.perform import Performance

__all__ = ["note_gated", "prepare_gated", "weigh_accidents"]

#: So many amounts are enough to know which are common.
_SAMPLE = 200_000
#: A share is a whole number of these parts.
_PARTS = 1_000_000_000
_CHANCES = pa.schema({"l": pa.int64(), "lost": pa.int32(), "chance": pa.int64()})


def weigh_accidents(work: Performance, rule: Rule, score: Score) -> None:
    """
    Make ``weighed`` (l, r, score, coincidence) of ``points`` (l, r, score, lost, same).

    ``coincidence``: accidents that are as good, in millionths. What an identifier brings together is none.

    :param score: of the rule.
    """
    engine = work.engine
    names = any(key.how == "name" for key in rule.keys)
    if rule.keys and not names:
        engine.view("weighed", "select l, r, score, 0::bigint as coincidence from points")
        return
    engine.create("good_points", f"select l, r, lost from points where score >= {score.at_least}")
    _make_chances(work, rule, score)
    base = rule.amount is not None and rule.amount.base
    if names:
        _count_strangers(work, "0" if base else "s.ccy")
    else:
        _count_all(work, "0" if base else "ccy")
    # What has no rate may be as common as all of them.
    counted = f"coalesce(n.n, 1) * coalesce(c.chance, {_PARTS}) // {_PARTS // 1_000_000}"
    engine.view(
        "weighed",
        f"""select p.l, p.r, p.score, case when p.same > 0 then 0 else {counted} end::bigint as coincidence
            from points p left join chances c on c.l = p.l and c.lost = p.lost left join strangers n on n.l = p.l""",
    )


def prepare_gated(engine: Engine) -> None:
    """Make ``by_gate`` (l, r, coincidence, most), to which rules add what nothing but accidents keeps apart."""
    engine.create(
        "by_gate", "select 0::bigint as l, 0::bigint as r, 0::bigint as coincidence, 0::bigint as most where false"
    )


def note_gated(work: Performance, rule: Rule, score: Score) -> None:
    """Add to ``by_gate`` what is the best of both its sides in ``ranked``, and may be an accident."""
    if score.coincidence_micro is None or rule.together:
        return
    work.engine.add(
        "by_gate",
        f"""select l, r, coincidence, {score.coincidence_micro}::bigint as most from ranked
            where place_l = 1 and place_r = 1 and margin >= {max(score.margin, 1)} and coincidence > {score.coincidence_micro}""",
    )


def _count_strangers(work: Performance, ccy: str) -> None:
    """
    Make ``strangers`` (l, n): things of the right of like name that met nothing of the left that is good enough, and one.

    The one is what was met, so that a gate is never open because nothing else was seen.
    """
    engine = work.engine
    engine.create(
        "free_names",
        f"""select n.block, n.plain, n.form, n.words, {ccy} as ccy, count(distinct n.thing) as n
            from r_names n join r s on s.thing = n.thing
            anti join (select distinct r from good_points) p on p.r = n.thing group by all""",
    )
    asked = f"""select distinct n.thing, n.block, n.plain, n.form, n.words, {ccy} as ccy
        from l_names n join l s on s.thing = n.thing semi join good_points p on p.l = n.thing"""
    engine.create("asked_names", asked)
    spelled = "block, plain, form, words, ccy"
    engine.create(
        "met_names",
        f"""select {", ".join(f"lt.{name}" for name in spelled.split(", "))}, sum(rt.n) as n
            from (select distinct {spelled} from asked_names) lt
            join free_names rt on rt.block = lt.block and rt.ccy = lt.ccy where ({ALIKE}) > 0 group by all""",
    )
    engine.create(
        "strangers",
        """select a.thing as l, (1 + max(coalesce(m.n, 0)))::bigint as n from asked_names a
            left join met_names m on m.block = a.block and m.plain = a.plain and m.form = a.form
                and m.words is not distinct from a.words and m.ccy = a.ccy
            group by a.thing""",
    )


def _count_all(work: Performance, ccy: str) -> None:
    """Make ``strangers`` (l, n) where no name is compared: as many as the larger side has, of the currency."""
    counted = " union all ".join(f"select {ccy} as ccy, count(*) as n from {side} group by 1" for side in ("l", "r"))
    most = f"select ccy, max(n) as n from ({counted}) group by ccy"
    work.engine.create(
        "strangers",
        f"""select l.thing as l, m.n from l join ({most}) m on m.ccy = {ccy.replace("ccy", "l.ccy")}
            semi join good_points p on p.l = l.thing""",
    )


def _make_chances(work: Performance, rule: Rule, score: Score) -> None:
    """
    Make ``chances`` (l, lost, chance): the share of all days and amounts of the right by which no more points are lost.

    Measured on all of the right, also what is matched, by whichever run: what is left over says too little of what amounts
    are common, and a later run would take back what an earlier one found.
    """
    engine, measured = work.engine, _measured(work)
    days = _days(work, rule, score, measured)
    asked = "from (select distinct l, lost from good_points) p join l on l.thing = p.l"
    if rule.amount is None:  # any amount would do
        lefts = f"select p.l, p.lost, 0 as ccy, 0::bigint as amount, 0::bigint as reach {asked}"
        rights = "select 0 as ccy, 0::bigint as amount"
    else:
        base = rule.amount.base
        reach = condition(tolerance_sql(rule.amount, "l", work.currencies, base=base)).sql(dialect=engine.dialect)
        lefts = f"select p.l, p.lost, l.ccy, l.amount, {reach} as reach {asked}"
        rights = f"select a.ccy, a.amount from {measured} a"
        if base:  # whatever their currency, they are compared in the entity's
            lefts = f"select p.l, p.lost, 0 as ccy, l.base as amount, {reach} as reach {asked} where l.base is not null"
            make_rates(work, measured)
            rights = f"""select 0 as ccy, {in_base("a.amount", "b")} as amount from {measured} a
                join base_of_{measured} b on b.ccy = a.ccy and b.day = a.booked"""
    weight = 0 if rule.amount is None else score.amount
    engine.combine("chances", (lefts, rights), "ccy", partial(_chances, days=days, weight=weight), _CHANCES)


def _measured(work: Performance) -> str:
    """Make the relation of what amounts the right has, and when (ccy, amount, booked), of many a sample; once per run."""
    engine, name = work.engine, "right_measured"
    if name not in work.made:
        work.made.add(name)
        whole = work.whole_right or "right_all"
        (count,) = engine.arrow(f"select count(*) as n from {whole} a")["n"].to_pylist()
        sampled = f"abs(a.record_key % {count // _SAMPLE + 1}) = 0"
        engine.create(name, f"select a.ccy, a.amount, a.booked from {whole} a where {sampled}")
    return name


def _days(work: Performance, rule: Rule, score: Score, measured: str) -> list[tuple[int, int]]:
    """
    Give the days of a window by how many points they lose: (points, share of all days of the right), in parts.

    Ten business days are a fortnight.
    """
    if rule.days is None:
        return [(0, _PARTS)]
    ways = 'select calendar, l_day, abs(apart) as apart, count(*) as n from "window" group by all'
    found = work.engine.arrow(f"select apart, max(n) as n from ({ways}) group by apart order by apart").to_pylist()
    span = work.engine.arrow(f"select max(booked) - min(booked) + 1 as span from {measured}")["span"][0].as_py() or 1
    span = max(span, sum(row["n"] for row in found))
    most = day_points(rule.days, score, 0)
    return [(most - day_points(rule.days, score, row["apart"]), row["n"] * _PARTS // span) for row in found]


def _chances(lefts: pa.Table, rights: pa.Table, *, days: list[tuple[int, int]], weight: int) -> pa.Table:
    """
    Say of each left amount which share of all days and of the right amounts of its currency loses no more points than it did.

    :param days: as :func:`_days` gives them.
    :param weight: the most points of the amount; none: all that a tolerance lets pass is alike.
    """
    ccys, amounts, reach, lost = (lefts[name].to_numpy() for name in ("ccy", "amount", "reach", "lost"))
    r_ccys, r_amounts = rights["ccy"].to_numpy(), rights["amount"].to_numpy()
    chance = np.full(len(lefts), _PARTS, np.int64)
    for ccy in np.unique(ccys):
        mine, known = ccys == ccy, np.sort(r_amounts[r_ccys == ccy])
        if len(known):
            chance[mine] = _chances_among(known, amounts[mine], reach[mine], lost[mine].astype(np.int64), days, weight)
    return pa.table({"l": lefts["l"], "lost": lefts["lost"], "chance": chance})


def _chances_among(
    known: npt.NDArray[np.int64],
    amounts: npt.NDArray[np.int64],
    reach: npt.NDArray[np.int64],
    lost: npt.NDArray[np.int64],
    days: list[tuple[int, int]],
    weight: int,
) -> npt.NDArray[np.int64]:
    """Do so for one currency; ``known``: its right amounts, in order."""
    total = np.zeros(len(amounts), np.int64)
    for points, share in days:
        left = lost - points
        # As ``points.candidate_points`` takes them off: half of the weight over the whole tolerance.
        near = reach if not weight else np.minimum(np.maximum(left, 0) * 2 * np.maximum(reach, 1) // weight, reach)
        low = np.searchsorted(known, amounts - near, "left")
        high = np.searchsorted(known, amounts + near, "right")
        total += np.where(left >= 0, np.maximum(high - low, 1) * share // len(known), 0)
    return np.minimum(total, _PARTS)
