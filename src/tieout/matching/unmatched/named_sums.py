"""
What shares an identifier with one thing that nothing matched, and what it comes to together.

A rule over several things is missed by a sum, which no two of them show.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa

if TYPE_CHECKING:
    from tieout.matching.performing.perform import Performance

__all__ = ["sum_up_named"]

#: Of more things every selection is too many to look at for a sentence.
_SELECTED_MAX = 12
_NEAREST = pa.schema({"thing": pa.int64(), "nearest": pa.int64()})


def sum_up_named(work: Performance) -> None:
    """
    Make ``named_sums`` (thing, several, total, nearest) of ``near``, where a rule is over several things.

    ``nearest``: the sum of the selection that comes nearest to the thing, where a rule selects by an identifier.
    """
    engine, rules = work.engine, work.rules.rules
    nothing = "select 0::bigint as thing, 0::bigint as several, 0::bigint as total, 0::bigint as nearest where false"
    several = [
        rule for rule in rules if rule.shape in {"1:n", "n:1", "n:m"} and any(k.how != "name" for k in rule.keys)
    ]
    if not several:
        engine.create("named_sums", nothing)
        return
    # Lines of one settlement are one answer.
    engine.create(
        "named_wholes",
        """select thing, other_family, max(other_turned)::bigint as amount, max(other_turned + apart)::bigint as own
            from near where by_key and not inside and not is_anothers and same_currency and not used group by thing, other_family""",
    )
    engine.create(
        "named_totals",
        "select thing, count(*) as several, sum(amount)::bigint as total from named_wholes group by thing",
    )
    query = f"""select w.thing, w.own, w.amount from named_wholes w join named_totals t on t.thing = w.thing
        where t.several between 2 and {_SELECTED_MAX}"""
    if any(rule.subset for rule in several):
        engine.group("named_nearest", query, "thing", _nearest, _NEAREST)
    else:
        engine.create("named_nearest", "select 0::bigint as thing, 0::bigint as nearest where false")
    engine.create(
        "named_sums", "select t.*, n.nearest from named_totals t left join named_nearest n on n.thing = t.thing"
    )


def _nearest(rows: pa.Table) -> pa.Table:
    """Give the sum, of all selections of the amounts beside one thing, that comes nearest to its own."""
    sums = np.zeros(1, np.int64)
    for amount in rows["amount"].to_pylist():
        sums = np.concatenate([sums, sums + amount])
    some = np.unique(sums[1:])
    best = some[np.argmin(np.abs(some - rows["own"][0].as_py()))]
    return pa.table({"thing": rows["thing"].slice(0, 1), "nearest": pa.array([int(best)], pa.int64())})
