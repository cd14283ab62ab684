"""
The set operators that bring several things together with one, by their sum: see ``operators`` for what they see.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from tieout.matching.planning.building import Query, select

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["anchored_sums", "came_before", "came_first", "torn_anchors", "within_reach"]

#: Of the other; behind every day: what bears none came last.
_DAY = "coalesce(o.r_day, 10000000)"
_SAME = "sign(o.amount) = sign(a.amount)"


def within_reach(pairs: str, anchors: str, others: str, *, anchor: str) -> Query:
    """
    Keep the pairs of which the one has another of its own sign: else no sum of what points to it could be its amount.

    :param anchor: ``l`` or ``r``: which half of a pair is the one.
    """
    other = "r" if anchor == "l" else "l"
    reached = (
        select(f"q.{anchor} as reached")
        .distinct()
        .from_(f"{pairs} as q")
        .join(f"{anchors} as a", on=f"a.thing = q.{anchor}")
        .join(f"{others} as o", on=f"o.thing = q.{other} and sign(o.amount) = sign(a.amount)")
        .subquery("s")
    )
    return select("p.*").from_(f"{pairs} as p").join(reached, on=f"s.reached = p.{anchor}", join_type="semi")


def anchored_sums(
    met: tuple[str, str | None],
    sides: tuple[str, str],
    *,
    anchor: str,
    least: int,
    conditions: Sequence[str],
    base: bool = False,
    is_torn: bool = False,
) -> Query:
    """
    Sum what points to one thing, where the sum fits: (anchor, other, total, difference).

    An anchor that is torn is left out: which one of several it is that something belongs to is not known.

    :param met: the pairs (l, r), and the anchors that are torn (torn); None: there are none.
    :param sides: the anchors, and the others.
    :param anchor: ``l`` or ``r``: which half of a pair is the one.
    :param least: how many must point to it.
    :param conditions: when a sum fits, as SQL over ``a.amount`` (the one), ``s.total`` and ``a.ccy``.
    :param base: the one may have another currency than the others: the difference is in the entity's then, and conditions
        may ask for ``a.base`` and ``s.base_total``, null where a rate is not known.
    :param is_torn: give the torn ones, and no others: what would fit if it were known.
    """
    (pairs, torn), (anchors, others) = met, sides
    other = "r" if anchor == "l" else "l"
    sums = (
        select(
            f"p.{anchor} as anchor", "sum(o.amount) as total", "count(*) as several", "count(distinct o.ccy) as ccys"
        )
        .select("min(o.ccy) as ccy", "count(distinct sign(o.amount)) as signs")
        .select("case when count(o.base) = count(*) then sum(o.base) end as base_total")
        .from_(f"{pairs} as p")
        .join(f"{others} as o", on=f"o.thing = p.{other}")
        .group_by(f"p.{anchor}")
    )
    if torn is not None:
        sums = sums.join(f"{torn} as d", on=f"d.torn = p.{anchor}", join_type="semi" if is_torn else "anti")
    sign = "a.amount - s.total" if anchor == "l" else "s.total - a.amount"
    if base:
        sign = f"case when a.ccy = s.ccy then {sign} else {sign.replace('a.amount', 'a.base').replace('s.total', 's.base_total')} end"
    return (
        select(
            "s.anchor",
            f"p.{other} as other",
            "cast(s.total as bigint) as total",
            f"cast({sign} as bigint) as difference",
        )
        .from_(sums.subquery("s"))
        .join(f"{anchors} as a", on="a.thing = s.anchor" + ("" if base else " and a.ccy = s.ccy"))
        .join(f"{pairs} as p", on=f"p.{anchor} = s.anchor")
        .where("s.ccys = 1", f"s.several >= {least}", *conditions)
    )


def torn_anchors(pairs: str, anchor: str) -> Query:
    """List the anchors to which something points that points to another anchor as well: (torn)."""
    other = "r" if anchor == "l" else "l"
    return (
        select(f"p.{anchor} as torn")
        .distinct()
        .from_(f"{pairs} as p")
        .join(_pointing_twice(pairs, other).subquery("t"), on=f"t.{other} = p.{other}")
    )


def came_first(pairs: str) -> Query:
    """
    Keep of what points to one thing of the left what came first, day by day, as far as it is no more than that: (l, r).

    What came on one day came together, and what may belong to another ends it. Only where all that came later is less than
    the least of it: then nothing else of what points to the one comes to as much.

    :param pairs: everything that names the one.
    """
    amount = "abs(o.amount)"
    each = (
        _each(pairs)
        .select(f"sum(case when {_SAME} then {amount} else 0 end) over (partition by p.l order by {_DAY}) as came")
        .select(f"sum(case when {_SAME} then {amount} else 0 end) over (partition by p.l) as every", f"{amount} as own")
        .subquery("e")
    )
    first = (
        select("l", "r", "every - max(came) over (partition by l) as later", "min(own) over (partition by l) as least")
        .from_(each)
        .where("alike", "came <= most", "coalesce(day < torn_on, true)")
        .subquery("f")
    )
    return select("l", "r").from_(first).where("later < least")


def came_before(pairs: str) -> Query:
    """
    Keep of what points to one thing of the left what points to nothing else, where that came before all that does: (l, r).

    Nothing is kept of what has money of the other sign beside it, whenever that came.

    :param pairs: everything that names the one.
    """
    each = (
        _each(pairs)
        .select(f"max(case when t.r is null then {_DAY} end) over (partition by p.l) as last_alone")
        .select(f"max(case when {_SAME} then 0 else 1 end) over (partition by p.l) as mixed", "t.r is null as alone")
        .subquery("e")
    )
    return select("l", "r").from_(each).where("alone", "mixed = 0", "coalesce(last_alone < torn_on, true)")


def _each(pairs: str) -> Query:
    return (
        select("p.l", "p.r", "abs(a.amount) as most", f"{_DAY} as day", f"{_SAME} as alike")
        .select(f"min(case when t.r is not null then {_DAY} end) over (partition by p.l) as torn_on")
        .from_(f"{pairs} as p")
        .join("l as a", on="a.thing = p.l")
        .join("r as o", on="o.thing = p.r and o.ccy = a.ccy")
        .join(_pointing_twice(pairs, "r").subquery("t"), on="t.r = p.r", join_type="left")
    )


def _pointing_twice(pairs: str, other: str) -> Query:
    return select(other).from_(pairs).group_by(other).having("count(*) > 1")
