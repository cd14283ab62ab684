"""
What shares an identifier with one thing that nothing matched, and what it comes to together.

A rule over several things is missed by a sum, which no two of them show. All that an identifier names has to come to the
sum; where it does not, and more than one selection of it does, each of them is as good an answer.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa

from tieout.matching.pools.verdicts import COUNT_MAX, LISTED_MAX

if TYPE_CHECKING:
    from tieout.matching.performing.perform import Performance

__all__ = ["sum_up_named"]

#: Of more things every selection is too many to look at for a sentence.
_SELECTED_MAX = 12
_SELECTED = pa.schema(
    {"one": pa.int64(), "nth": pa.int64(), "thing": pa.int64(), "many": pa.int64(), "nearest": pa.int64()}
)


def sum_up_named(work: Performance) -> None:
    """
    Make ``named_sums`` (thing, several, total, nearest) of ``near``, where a rule is over several things.

    ``nearest``: the sum of the selection that comes nearest to the thing, where a rule selects by an identifier. And add
    to ``choices`` the selections that come to just the thing, where they are several.
    """
    engine, rules = work.engine, work.rules.rules
    nothing = "select 0::bigint as thing, 0::bigint as several, 0::bigint as total, 0::bigint as nearest where false"
    several = [
        rule for rule in rules if rule.shape in {"1:n", "n:1", "n:m"} and any(k.how != "name" for k in rule.keys)
    ]
    engine.create("named_choices", "from choices where false")
    if not several:
        engine.create("named_sums", nothing)
        return
    # Lines of one settlement are one answer.
    engine.create(
        "named_wholes",
        """select thing, other_family, max(other_turned)::bigint as amount, max(other_turned + apart)::bigint as own
            from near where by_key and not inside and not is_anothers and not is_apart and same_currency and not used group by thing, other_family""",
    )
    engine.create(
        "named_totals",
        "select thing, count(*) as several, sum(amount)::bigint as total from named_wholes group by thing",
    )
    # Of two things no two selections of several come to one sum.
    selects = any(rule.subset for rule in several)
    least = 2 if selects else 3
    query = f"""select w.thing, w.other_family, w.own, w.amount from named_wholes w join named_totals t on t.thing = w.thing
        where t.several between {least} and {_SELECTED_MAX}"""
    engine.group("named_selected", query, "thing", _selected, _SELECTED)
    engine.create("named_choices", "select one, nth, thing, many from named_selected where many > 1")
    engine.add("choices", "from named_choices")
    nearest = "n.nearest" if selects else "null::bigint"
    engine.create(
        "named_sums",
        f"""select t.*, {nearest} as nearest from named_totals t
            left join (select one, min(nearest) as nearest from named_selected group by one) n on n.one = t.thing""",
    )


def _selected(rows: pa.Table) -> pa.Table:
    """Give of all selections beside one thing those that come to its amount, else what the nearest one comes to."""
    rows = rows.sort_by("other_family")
    own, names = rows["own"][0].as_py(), rows["other_family"].to_pylist()
    sums = np.zeros(1, np.int64)
    for amount in rows["amount"].to_pylist():
        sums = np.concatenate([sums, sums + amount])
    some = np.unique(sums[1:])
    nearest = int(some[np.argmin(np.abs(some - own))])
    # Two single ones that come to it are two answers by themselves, and no selections.
    fitting = [chosen for chosen in np.flatnonzero(sums == own).tolist() if chosen.bit_count() > 1]
    listed = [
        (nth, name)
        for nth, chosen in enumerate(fitting[:LISTED_MAX])
        for n, name in enumerate(names)
        if chosen >> n & 1
    ]
    one, many = rows["thing"][0].as_py(), min(len(fitting), COUNT_MAX)
    told = [(one, nth, name, many, nearest) for nth, name in listed] or [(one, 0, one, 0, nearest)]
    return pa.table([[row[n] for row in told] for n in range(len(_SELECTED))], schema=_SELECTED)
