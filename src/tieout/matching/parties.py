"""
Names as evidence: who a thing is about, in forms that compare, and how likely it is to be met by accident.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlglot import condition

from tieout.matching.columns import name_forms
from tieout.matching.operators import tolerance_sql
from tieout.model.normal import normal_column

if TYPE_CHECKING:
    from tieout.matching.perform import Performance
    from tieout.matching.rules import Rule

__all__ = ["make_parties"]

#: So many amounts are enough to know which are common.
_SAMPLE = 200_000


def make_parties(work: Performance, rule: Rule) -> None:
    """
    Make ``l_party`` and ``r_party``: things with a name (block, form, plain, n) and how likely their amount is (chance).

    ``n``: how many accidental candidates of that name a thing must expect, in millionths, before the amount is looked at:
    open things of the other side whose name begins alike, times the share of all days that the window covers.
    """
    import pyarrow as pa

    engine = work.engine
    key = next(key for key in rule.keys if key.how == "name")
    for short, side in (("l", "left"), ("r", "right")):
        (column,) = getattr(key, side)
        rows = engine.arrow(
            f'select a.thing, a."{column}" as said from "{side}_all" a semi join {short} s on s.thing = a.thing'
            f' where a."{column}" is not null'
        )
        said = rows["said"].combine_chunks()
        forms = name_forms(said)
        table = pa.table({"thing": rows["thing"].combine_chunks(), "plain": normal_column(said)})
        for name in forms.column_names:
            table = table.append_column(name, forms[name])
        engine.take(f"{short}_named", table)
    engine.create("r_names", "select * from r_named")
    width = 1 if rule.days is None else rule.days.last - rule.days.first + 1
    span = "select greatest(max(r_day) - min(r_day) + 1, 1) as days from r"
    engine.create(
        "l_names",
        f"""select a.*, coalesce(b.n, 0) * least({width} * 1000000 // (select days from ({span})), 1000000) as n
            from l_named a left join (select block, count(*) as n from r_names group by block) b on b.block = a.block""",
    )
    _make_chances(work, rule)
    for short in ("l", "r"):
        engine.create(
            f"{short}_party",
            f"select s.*, n.* exclude (thing) from {short} s join {short}_names n on n.thing = s.thing",
        )


def _make_chances(work: Performance, rule: Rule) -> None:
    """
    Give each thing of the left the share of the right's amounts that its tolerance lets pass: ``chance``, in millionths.

    Measured on all of the right, also what is matched: what is left over says too little of what amounts are common.
    """
    import numpy as np
    import pyarrow as pa

    engine = work.engine
    tolerance = "0"
    if rule.amount is not None:
        tolerance = condition(tolerance_sql(rule.amount, "l", work.money.currencies)).sql(dialect=engine.dialect)
    lefts = engine.arrow(f"select thing, ccy, amount, {tolerance} as reach from l")
    every = engine.count("right_all") // _SAMPLE + 1
    rights = engine.arrow(f"select ccy, amount from right_all where abs(record_key % {every}) = 0")
    things, ccys, amounts, reach = (lefts[n].to_numpy() for n in ("thing", "ccy", "amount", "reach"))
    r_ccys, r_amounts = rights["ccy"].to_numpy(), rights["amount"].to_numpy()
    chance = np.full(len(things), 1_000_000, np.int64)
    for ccy in np.unique(ccys):
        mine, known = ccys == ccy, np.sort(r_amounts[r_ccys == ccy])
        if len(known):
            low = np.searchsorted(known, amounts[mine] - reach[mine], "left")
            high = np.searchsorted(known, amounts[mine] + reach[mine], "right")
            chance[mine] = np.maximum(high - low, 1) * 1_000_000 // len(known)
    engine.take("chances", pa.table({"thing": things, "chance": chance}))
    engine.create("l_weighed", "select l.*, c.chance from l join chances c on c.thing = l.thing")
    engine.rename("l_weighed", "l")
