"""
The search of pools where the rows lie on other machines: each pool on the worker that has it, one after the other.

The same answers as :mod:`tieout.matching.performing.selections` gives, whose bounds these are.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa

from tieout.matching.performing.selections import POOL_MAX, POOLS_MAX, Selections, crowded_sql, judge
from tieout.matching.pools.subset import OPERATIONS_MAX, subset_sum

if TYPE_CHECKING:
    from tieout.matching.backends.spark import Spark
    from tieout.matching.grammar.rules import Rule

__all__ = ["select_spread"]

#: What is said of a thing: it is of the only answer, or was before its equals; held back as the one or as one of the
#: several, or because it may be chance; not decided. From there on: it is in an answer of several, the first, the second, ...
_CHOSEN, _IN_ORDER, _HELD_ONE, _HELD_OTHER, _BY_CHANCE, _BEYOND, _CHOICES = range(7)
_SAID = pa.schema(
    {"anchor": pa.int64(), "said": pa.int32(), "thing": pa.int64(), "coincidence": pa.int64(), "many": pa.int64()}
)


def select_spread(engine: Spark, rule: Rule, candidates: str, *, anchor: str) -> None:
    """Search the pools of a rule; leaves the relations that ``select_from_pools`` does."""
    one, other = (("left", "l"), ("right", "r")) if anchor == "l" else (("right", "r"), ("left", "l"))
    mine, theirs = one[1], other[1]
    engine.create("crowded_pools", crowded_sql(candidates, mine, theirs))
    engine.create(
        "pools",
        f"""select c.{mine} as anchor, f.place as first, a.amount as target, c.{theirs} as thing, o.amount,
                o.{theirs}_day as day, g.place
            from {candidates} c join {mine} a on a.thing = c.{mine} join {theirs} o on o.thing = c.{theirs}
            join {mine}_order f on f.thing = a.thing join {theirs}_order g on g.thing = o.thing
            where a.ccy = o.ccy
            qualify count(*) over (partition by c.{mine}) <= {POOL_MAX}""",
    )
    pools = _leave_out_the_last(engine)

    def searched(rows: pa.Table) -> pa.Table:
        return _search(rows, rule)

    engine.group("judged", "select anchor, target, thing, amount, day, place from pools", "anchor", searched, _SAID)
    chosen = f"select anchor, thing, said, coincidence from judged where said <= {_IN_ORDER}"
    named = f"select thing from ({chosen}) group by thing having count(*) > 1"
    spoilt = f"select thing from judged where said in ({_HELD_OTHER}, {_BY_CHANCE}) union {named}"
    engine.create("torn", f"select distinct c.anchor from ({chosen}) c semi join ({spoilt}) s on s.thing = c.thing")
    engine.create("whole", f"select c.* from ({chosen}) c anti join torn t on t.anchor = c.anchor")
    # The margin over its equals is none, and the match says so.
    figures = f"""0::bigint as difference, null::bigint as taken,
        (case when said = {_IN_ORDER} then 0 end)::integer as margin, coincidence, null::integer as beside"""
    engine.create(
        "summed",
        f"""select distinct anchor as bundle, '{one[0]}' as side, anchor as thing, {figures} from whole
            union all select anchor, '{other[0]}', thing, {figures} from whole""",
    )
    engine.create(
        "held_equal",
        f"""select thing from judged where said in ({_HELD_ONE}, {_HELD_OTHER}) union select anchor from torn
            union select c.thing from ({chosen}) c semi join torn t on t.anchor = c.anchor""",
    )
    chance = f"select distinct thing from judged where said = {_BY_CHANCE}"
    engine.create("chance_now", f"select c.thing from ({chance}) c anti join held_equal h on h.thing = c.thing")
    engine.create("held_now", "select thing from held_equal union select thing from chance_now")
    engine.create(
        "unsure_now",
        f"""select anchor as one, thing, case said when {_HELD_OTHER} then 'several' else 'chance' end as how
            from judged where said = {_HELD_OTHER} or said = {_BY_CHANCE} and thing <> anchor
            union select c.anchor, c.thing, 'shared' from ({chosen}) c semi join torn t on t.anchor = c.anchor""",
    )
    engine.create(
        "choices_now",
        f"""select anchor as one, (said - {_CHOICES})::bigint as nth, thing, many from judged where said >= {_CHOICES}""",
    )
    engine.create(
        "beyond_now",
        f"""select thing, 'operations' as bound, many as had, {OPERATIONS_MAX}::bigint as most from judged where said = {_BEYOND}
            union all select anchor, 'pools', {pools}::bigint, {POOLS_MAX}::bigint from unsearched
            union all select anchor, 'candidates', n::bigint, {POOL_MAX}::bigint from crowded_pools""",
    )


def _leave_out_the_last(engine: Spark) -> int:
    """
    Make ``unsearched`` (anchor): the pools that are too many, the last of them; and leave them out of ``pools``.

    :return: how many there were.
    """
    engine.create("pool_firsts", "select anchor, min(first) as first from pools group by anchor")
    several = engine.count("pool_firsts")
    if several <= POOLS_MAX:
        engine.create("unsearched", "select 0::bigint as anchor where false")
        return several
    engine.create("in_time", f"select anchor from pool_firsts order by first limit {POOLS_MAX}")
    engine.create("unsearched", "select f.anchor from pool_firsts f anti join in_time t on t.anchor = f.anchor")
    engine.create("rest", "select p.* from pools p semi join in_time t on t.anchor = p.anchor")
    engine.rename("rest", "pools")
    return several


def _search(rows: pa.Table, rule: Rule) -> pa.Table:
    """Search one pool."""
    rows = rows.sort_by([("amount", "ascending"), ("day", "ascending"), ("place", "ascending")])
    anchor, target = (int(rows[name][0].as_py()) for name in ("anchor", "target"))
    things, amounts = rows["thing"].to_numpy(), rows["amount"].to_numpy()
    found = Selections()
    pool = amounts.astype(np.int64)
    judge(found, anchor, things, pool, subset_sum(pool, target), rule)
    chosen = [(_IN_ORDER if one.in_order else _CHOSEN, thing) for one in found.bundles for thing in one.several]
    accidents = max((one.coincidence for one in found.bundles), default=None)
    said = [*chosen, *((_HELD_ONE, thing) for thing in sorted(found.held_ones))]
    said += [(_HELD_OTHER, thing) for thing in sorted(found.held_others)]
    said += [(_BY_CHANCE, thing) for thing in sorted(found.by_chance)]
    said += [(_BEYOND, thing) for thing in sorted(found.beyond)]
    said += [(_CHOICES + nth, thing) for _, nth, thing, _ in sorted(found.choices)]
    had = [had for _, had, _ in found.beyond.values()]
    many = max((*had, *(many for _, _, _, many in found.choices)), default=None)
    rows = [(anchor, what, thing, accidents, many) for what, thing in said]
    return pa.table([[row[n] for row in rows] for n in range(len(_SAID))], schema=_SAID)
