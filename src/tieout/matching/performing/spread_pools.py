"""
The search of pools where the rows lie on other machines: each pool on the worker that has it, one after the other.

The same answers as :mod:`tieout.matching.performing.selections` gives, whose bounds these are.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa

from tieout.matching.performing.asked_pools import ask_pools
from tieout.matching.performing.selections import Selections, search_pool

if TYPE_CHECKING:
    from tieout.matching.backends.engine import Engine
    from tieout.matching.grammar.rules import Rule

__all__ = ["select_spread"]

#: What is said of a thing: it is of the only answer, or was before its equals; held back as the one or as one of the
#: several, or because it may be chance; not decided; in an answer of several, and not held back for it. From there on: it
#: is in an answer of several, the first, the second, ...
#: Beside it: how many answers there are, or of what is not decided how many could be meant, and the bound of the search.
_CHOSEN, _IN_ORDER, _HELD_ONE, _HELD_OTHER, _BY_CHANCE, _BEYOND, _LISTED, _CHOICES = range(8)
_SAID = pa.schema(
    {
        "anchor": pa.int64(), "said": pa.int32(), "thing": pa.int64(), "coincidence": pa.int64(), "many": pa.int64(),
        "operations": pa.int64(),
    }
)  # fmt: skip


def select_spread(engine: Engine, rule: Rule, candidates: str, *, anchor: str) -> None:
    """Search the pools of a rule; leaves the relations that ``select_from_pools`` does."""
    one, other = (("left", "l"), ("right", "r")) if anchor == "l" else (("right", "r"), ("left", "l"))
    mine, theirs = one[1], other[1]
    large_max = ask_pools(engine, candidates, mine, theirs)
    pools = f"""
        select c.{mine} as anchor, a.amount as target, c.{theirs} as thing, o.amount, o.{theirs}_day as day, g.place
        from {candidates} c semi join asked q on q.anchor = c.{mine}
        join {mine} a on a.thing = c.{mine} join {theirs} o on o.thing = c.{theirs}
        join {theirs}_order g on g.thing = o.thing
        where a.ccy = o.ccy"""

    def searched(rows: pa.Table) -> pa.Table:
        return _search(rows, rule, large_max)

    engine.group("judged", pools, "anchor", searched, _SAID)
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
        f"""select anchor as one, thing, case said when {_BY_CHANCE} then 'chance' else 'several' end as how
            from judged where said in ({_HELD_OTHER}, {_LISTED}) or said = {_BY_CHANCE} and thing <> anchor
            union select c.anchor, c.thing, 'shared' from ({chosen}) c semi join torn t on t.anchor = c.anchor""",
    )
    engine.create(
        "choices_now",
        f"""select anchor as one, (said - {_CHOICES})::bigint as nth, thing, many from judged where said >= {_CHOICES}""",
    )
    engine.create(
        "beyond_now",
        f"""select thing, many as several, operations from judged where said = {_BEYOND}
            union all select anchor, several, 0::bigint from unasked""",
    )


def _search(rows: pa.Table, rule: Rule, large_max: int) -> pa.Table:
    """Search one pool."""
    rows = rows.sort_by([("amount", "ascending"), ("day", "ascending"), ("place", "ascending")])
    anchor, target = (int(rows[name][0].as_py()) for name in ("anchor", "target"))
    things, amounts = rows["thing"].to_numpy(), rows["amount"].to_numpy()
    found = Selections()
    search_pool(found, anchor, target, things, amounts.astype(np.int64), rule, large_max)
    chosen = [(_IN_ORDER if one.in_order else _CHOSEN, thing) for one in found.bundles for thing in one.several]
    accidents = max((one.coincidence for one in found.bundles), default=None)
    said = [*chosen, *((_HELD_ONE, thing) for thing in sorted(found.held_ones))]
    said += [(_HELD_OTHER, thing) for thing in sorted(found.held_others)]
    said += [(_BY_CHANCE, thing) for thing in sorted(found.by_chance)]
    said += [(_BEYOND, thing) for thing in sorted(found.beyond)]
    several = {thing for _, thing, how in found.unsure if how == "several"}
    said += [(_LISTED, thing) for thing in sorted(several - found.held_others)]
    said += [(_CHOICES + nth, thing) for _, nth, thing, _ in sorted(found.choices)]
    many, operations = found.beyond.get(anchor, (max((many for _, _, _, many in found.choices), default=None), None))
    rows = [(anchor, what, thing, accidents, many, operations) for what, thing in said]
    return pa.table([[row[n] for row in rows] for n in range(len(_SAID))], schema=_SAID)
