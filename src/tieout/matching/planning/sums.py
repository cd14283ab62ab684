"""
The set operators that bring several things together with one, by their sum: see ``operators`` for what they see.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from tieout.matching.planning import operators as op
from tieout.matching.planning.building import Query, select

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tieout.matching.grammar.rules import Rule
    from tieout.matching.planning.plan import Plan

__all__ = [
    "anchored_sums",
    "as_summed",
    "came_before",
    "came_before_others",
    "came_first",
    "torn_anchors",
    "touching",
    "uncontested",
    "within_reach",
]

#: Of a line; behind every day: what bears none came last.
_DAY = "coalesce(o.r_day, 10000000)"
_SAME = op.same_sign("o.amount", "a.amount")


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
        .join(f"{others} as o", on=f"o.thing = q.{other} and {_SAME}")
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
    Keep of what points to one thing of the left what points to nothing else and came before all that does: (l, r).

    Nothing is kept of what has money of the other sign beside it, nor where all that came later, and is not what points
    to others, is as much as the least of it: that could be the part instead, or have taken it back.

    :param pairs: everything that names the one.
    """
    each = _each(pairs).select("abs(o.amount) as own", "t.r is null as alone").subquery("e")
    early = select("e.*", "coalesce(day < torn_on, true) as early").from_(each).subquery("f")
    weighed = (
        select("l", "r", "alone and early as kept")
        .select("max(case when early and not alike then 1 else 0 end) over (partition by l) as mixed")
        .select("min(case when alone and early then own end) over (partition by l) as least")
        .select("sum(case when not early and (alone or not alike) then own else 0 end) over (partition by l) as later")
        .from_(early)
        .subquery("g")
    )
    return select("l", "r").from_(weighed).where("kept", "mixed = 0", "later < least")


def came_before_others(torn: str, pairs: str) -> Query:
    """
    Keep of torn sums of one thing of the right those that came before all that tears them: (anchor, other, total, difference).

    What tears one came later, is together less than the least of its parts, and is no such sum itself: then nothing else
    comes to as much. Where something is missing, it is not what is missing either, of which a thing that points to
    others, too, could bring any part.

    :param torn: relation of :func:`anchored_sums`.
    :param pairs: what brought it together.
    """
    tearing = (
        select("s.anchor", "p.r").distinct().from_(f"{torn} as s").join(f"{pairs} as p", on="p.l = s.other")
    ).where("p.r <> s.anchor")
    parts = select("s.anchor", "min(abs(a.amount)) as least", "max(abs(s.difference)) as missing").from_(f"{torn} as s")
    parts = parts.join("l as a", on="a.thing = s.other").group_by("s.anchor")
    first = (
        select("d.anchor")
        .from_(tearing.subquery("d"))
        .join(parts.subquery("f"), on="f.anchor = d.anchor")
        .join("r as b", on="b.thing = d.anchor")
        .join("r as o", on="o.thing = d.r")
        .join(_pointing_twice(pairs, "r").subquery("t"), on="t.r = d.r", join_type="left")
        .join(select("anchor").distinct().from_(torn).subquery("q"), on="q.anchor = d.r", join_type="left")
        .group_by("d.anchor")
        .having(f"min({_DAY}) > min({_DAY.replace('o.', 'b.')})", "sum(abs(o.amount)) < min(f.least)")
        .having("min(f.missing) = 0 or (min(abs(o.amount)) > min(f.missing) and count(t.r) = 0)", "count(q.anchor) = 0")
    )
    return select("s.*").from_(f"{torn} as s").join(first.subquery("c"), on="c.anchor = s.anchor", join_type="semi")


def _contested(found: str, met: str) -> Query:
    """
    Keep of pairs those of which a half may belong to something else, as exactly as to the other: (l, r).

    All that points to something else comes to just that, this half among it. Or both halves have something beside them:
    what else points to the one and to nothing that the other could be split with, and is no more than that is.

    :param found: pairs that are taken if nothing contests them.
    :param met: everything that the keys bring together, whatever its amount: (l, r).
    """
    whole = [op.same_sign("s.total", "a.amount"), "s.total = a.amount"]
    sums = [
        anchored_sums((met, None), sides, anchor=anchor, least=2, conditions=whole).subquery("s")
        for anchor, sides in (("l", ("l", "r")), ("r", ("r", "l")))
    ]
    completing = [
        select("p.l", "p.r").from_(f"{found} as p").join(one, on=f"s.other = p.{other} and s.anchor <> p.{anchor}")
        for one, anchor, other in zip(sums, "lr", "rl", strict=True)
    ]
    split = (
        select("p.l", "p.r")
        .from_(f"{found} as p")
        .join(f"{met} as x", on="x.r = p.r and x.l <> p.l")
        .join(f"{met} as y", on="y.l = p.l and y.r <> p.r")
        .join("l as a", on="a.thing = p.l")
        .join("l as b", on=f"b.thing = x.l and {op.same_sign('b.amount', 'a.amount')}")
        .join("r as o", on=f"o.thing = y.r and {_SAME}")
        .join(f"{met} as z", on="z.l = x.l and z.r = y.r", join_type="anti")
        .join(f"{found} as v", on="v.l = x.l", join_type="anti")
        .join(f"{found} as w", on="w.r = y.r", join_type="anti")
        .where("abs(o.amount) < abs(a.amount)", "abs(o.amount) <= abs(b.amount)")
    )
    return completing[0].union(completing[1]).union(split)


def touching(pairs: str, torn: str, half: str) -> Query:
    """Keep the pairs of which a half stands in others, whatever its other half is: (l, r)."""
    return select("p.l", "p.r").from_(f"{pairs} as p").join(f"{torn} as t", on=f"t.{half} = p.{half}", join_type="semi")


def as_summed(sums: str, anchor: str, *, partial: bool) -> Query:
    """
    Write sums as matches: (bundle, side, thing, difference, taken).

    :param sums: relation of :func:`anchored_sums`.
    :param partial: as much of the one is taken as the others are.
    """
    one, many = ("left", "right") if anchor == "l" else ("right", "left")
    difference = "cast(0 as bigint)" if partial else "difference"
    ones = (
        select("anchor as bundle", f"'{one}' as side", "anchor as thing", f"min({difference}) as difference")
        .select("min(total) as taken" if partial else "cast(null as bigint) as taken")
        .from_(sums)
        .group_by("anchor")
    )
    several = select("anchor as bundle", f"'{many}' as side", "other as thing", f"{difference} as difference")
    return ones.union(several.select("cast(null as bigint) as taken").from_(sums), distinct=False)


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


def uncontested(plan: Plan, rule: Rule, found: str, met: str, beside: list[Query]) -> str:
    """
    Leave out the pairs of which what is missing came elsewhere, or another reading explains as much: noted ``beside``.

    Such a candidate is none, and yet it is no evidence for another one.
    """
    if rule.amount is not None and rule.amount.base:
        return plan.add(f"{found}_whole", op.exchanged_elsewhere(found, met))
    if not rule.equal_amounts:
        found = plan.add(f"{found}_whole", op.missing_elsewhere(found, met))
    rivals = plan.add(f"{found}_contested", _contested(found, met))
    beside.extend(touching(met, rivals, half) for half in "lr")
    without = (
        select("p.*").from_(f"{found} as p").join(f"{rivals} as c", on="c.l = p.l and c.r = p.r", join_type="anti")
    )
    return plan.add(f"{found}_alone", without)
