"""
What came nearest to an exception that nothing near leads to: farther off in days, in amount, or in another currency.

It is told and decides nothing: the reason of such an exception is that nothing answers to it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pyarrow as pa

from tieout.matching.comparing.two_names import names_agree, names_of_two
from tieout.matching.facts.scales import base_rates, in_base
from tieout.matching.facts.sides import listed
from tieout.matching.planning import operators as op
from tieout.matching.unmatched.nearest import CROWD_MAX, DAYS_MAX, NEAR_PART, compares_currencies
from tieout.model.kinds import PAID_OUT

if TYPE_CHECKING:
    from tieout.matching.performing.perform import Performance

__all__ = ["find_farther"]

#: Of a name, amounts that differ by more than this part of the one that asks are not told.
_FAR_PART = 2
#: Without a name amounts are near that differ by at most this part; of a day that more than so many of the other side
#: have, none is called the only one.
_ALONE_PART = 100
_OF_A_DAY_MAX = 200
_BY_NAME = ("other_amount", "near_currency")
_FAR = pa.schema({"thing": pa.int64(), "other": pa.int64(), "why": pa.string(), "far": pa.int64()})


def find_farther(work: Performance, met: str) -> None:
    """
    Make ``met_last`` (thing, other, why): of each exception that met nothing what is nearest in one respect.

    - ``other_day``: the same amount, more days apart than are looked at else.
    - ``other_amount``: the same name, and farther off in the amount than is looked at else.
    - ``near_currency``: the same name, nearly the amount by the rates, in another currency, where a rule compares such.
    - ``near_on_day``: nearly the amount on the same day, the only one that is, where one of the two bears no name.

    Of what bears names none is told that bears another party's, and none of which one names another number.

    :param met: the query for what met something: (thing).
    """
    engine = work.engine
    plain = f"and (o.claim <> 'settlement' or o.kind in ({listed(PAID_OUT)}))" if any(work.grouped) else ""
    engine.create(
        "met_nothing",
        f"""select o.* from left_over o anti join ({met}) m on m.thing = o.thing
            where o.state = 'exception' and o.claim <> 'transfer' and o.whole <> 0 and o.booked is not null""",
    )
    engine.create("met_last", "select 0::bigint as thing, 0::bigint as other, '' as why where false")
    if not engine.count("met_nothing"):
        return
    engine.create(
        "offered",
        """select o.* from left_over o where o.why is distinct from 'not settled yet' and o.state <> 'excluded'
            and o.claim <> 'transfer' and o.booked is not null""",
    )
    parts = [_other_day(), _far_amount(), _on_day(plain)]
    if compares_currencies(work):
        parts.append(_other_currency(work))
    company = "where coalesce(a.entity_id = b.entity_id, true)" if work.by_entity else ""
    pairs = f"""select p.thing, p.other, p.why, p.far::bigint as far, a.counterparty as one, b.counterparty as another
        from ({" union all ".join(parts)}) p join met_nothing a on a.thing = p.thing
        join offered b on b.thing = p.other {company}"""
    engine.derive("met_far", [(pairs, _of_one)], _FAR)
    engine.create(
        "met_last",
        """select thing, other, why from (
                select f.thing, f.other, f.why, row_number() over (
                    partition by f.thing, f.why order by f.far, o.record_key, o.record_id) as turn
                from met_far f join offered o on o.thing = f.other
            ) f where turn = 1""",
    )


def _of_one(rows: pa.Table) -> pa.Table:
    """Keep what bears one name, where that is what the two have in common; of the rest what does not bear two parties'."""
    ones, others = ([name or "" for name in rows[column].to_pylist()] for column in ("one", "another"))
    apart = names_of_two(ones, others)
    by_name = [why in _BY_NAME for why in rows["why"].to_pylist()]
    kept = [
        names_agree(one, other) if named else not two
        for one, other, named, two in zip(ones, others, by_name, apart, strict=True)
    ]
    return rows.select(_FAR.names).filter(pa.array(kept, pa.bool_()))


def _other_day() -> str:
    return f"""select a.thing, b.thing as other, 'other_day' as why, abs(b.booked - a.booked) as far
        from met_nothing a join offered b on b.origin <> a.origin and b.ccy = a.ccy and b.whole = a.whole
        semi join (select ccy, whole from offered group by ccy, whole having count(distinct family) <= {CROWD_MAX}) c
            on c.ccy = a.ccy and c.whole = a.whole
        where abs(b.booked - a.booked) > {DAYS_MAX}"""


def _far_amount() -> str:
    return f"""select distinct a.thing, b.thing as other, 'other_amount' as why, abs(a.whole - b.whole)::bigint as far
        from near_asked k join near_offered m on m.key = k.key
        semi join (select key from near_offered group by key having count(*) <= {CROWD_MAX}) c on c.key = k.key
        join met_nothing a on a.thing = k.thing join offered b on b.thing = m.thing
        where a.origin <> b.origin and a.ccy = b.ccy and abs(b.booked - a.booked) <= {DAYS_MAX}
            and abs(a.whole - b.whole) * {_FAR_PART} <= abs(a.whole)"""


def _on_day(plain: str) -> str:
    """Write the query for what alone is near on a day; of a settlement's lines none is by itself."""
    on = f"b.ccy = a.ccy and b.booked = a.booked and {op.same_sign('b.whole', 'a.whole')}"
    by = "o.origin, o.ccy, o.booked, sign(o.whole)"
    return f"""select p.thing, p.other, 'near_on_day' as why, 0::bigint as far from (
            select a.thing, min(b.thing) as other
            from (select o.* from met_nothing o where true {plain}) a
            join (select o.* from offered o where true {plain}) b on b.origin <> a.origin and {on}
            semi join (select {by.replace("sign(o.whole)", "sign(o.whole) as way")} from offered o
                group by {by} having count(*) <= {_OF_A_DAY_MAX}) c
                on c.origin = b.origin and c.ccy = b.ccy and c.booked = b.booked and c.way = sign(b.whole)
            where abs(a.whole - b.whole) * {_ALONE_PART} <= abs(a.whole)
            group by a.thing having count(*) = 1
        ) p join met_nothing a on a.thing = p.thing join offered b on b.thing = p.other
        where a.counterparty is null or b.counterparty is null"""


def _other_currency(work: Performance) -> str:
    engine = work.engine
    engine.create(
        "far_exchanged",
        f"""select distinct a.thing, b.thing as other, a.ccy, a.booked, a.whole::bigint as whole, b.ccy as other_ccy,
                b.booked as other_booked, b.whole::bigint as other_whole
            from near_asked k join near_offered m on m.key = k.key
            semi join (select key from near_offered group by key having count(*) <= {CROWD_MAX}) c on c.key = k.key
            join met_nothing a on a.thing = k.thing join offered b on b.thing = m.thing
            where a.origin <> b.origin and a.ccy <> b.ccy and abs(b.booked - a.booked) <= {DAYS_MAX}""",
    )
    asked = engine.arrow(
        "select ccy, booked from far_exchanged union select other_ccy, other_booked from far_exchanged"
    )
    spans = [(row["ccy"], row["booked"]) for row in asked.to_pylist()]
    engine.take("rates_of_far", base_rates(work.money, work.rates, work.base_currency, spans))
    return f"""select thing, other, 'near_currency' as why, abs(here - there) as far from (
            select f.thing, f.other, {in_base("f.whole", "x")} as here, {in_base("f.other_whole", "y")} as there
            from far_exchanged f join rates_of_far x on x.ccy = f.ccy and x.day = f.booked
            join rates_of_far y on y.ccy = f.other_ccy and y.day = f.other_booked
        ) f where abs(here - there) * {NEAR_PART} <= abs(here)"""
