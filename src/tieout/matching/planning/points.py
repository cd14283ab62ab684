"""
Points instead of conditions: how much a candidate has, and how far it is ahead of its rivals.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from tieout.matching.planning import operators as op
from tieout.matching.planning.building import Query, select

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tieout.matching.grammar.rules import Days, Rule, Score

__all__ = ["ALIKE", "CUT_MIN", "candidate_points", "day_points", "near_rivals", "ranked", "with_rivals"]

#: A name that is cut in the middle of a word is at least so long, blanks counted: so long is the shortest field that banks
#: have for one (NACHA's company name). Schmidt is no Schmidtke that was cut off.
CUT_MIN = 16


def _begins(one: str, other: str) -> str:
    """Write that a name begins another: with whole words, or as much of it as a field had room for."""
    cut = f"starts_with({one}.words, {other}.words) and length({other}.words) >= {CUT_MIN}"
    return f"starts_with({one}.words, concat({other}.words, ' ')) or {cut}"


#: How alike two names are, in points of 100: the same but for case, order of words, marks and legal form; or one cut off.
ALIKE = (
    "case when lt.form = rt.form or lt.plain = rt.plain then 100"
    f" when {_begins('lt', 'rt')} or {_begins('rt', 'lt')} then 85 else 0 end"
)


def day_points(days: Days, score: Score, apart: int) -> int:
    """Give the points for days that are so far apart, as :func:`candidate_points` gives them."""
    reach = max(abs(days.first), abs(days.last)) + 1
    return score.days * (reach - min(apart, reach)) // reach


def candidate_points(pairs: str, rule: Rule, currencies: Sequence[tuple[int, str, int]], *, named: bool) -> Query:
    """
    Give each candidate its points, whole numbers: amount and days fall off linearly with the distance.

    ``lost``: how many its amount and its days lack; ``same``: more than 0 where an identifier agrees.
    """
    score = rule.score
    if score is None:
        raise AssertionError
    apart = "abs(case when lt.ccy = rt.ccy then lt.amount - rt.amount else lt.base - rt.base end)"
    base = rule.amount is not None and rule.amount.base
    allowed = "1" if rule.amount is None else op.tolerance_sql(rule.amount, "lt", currencies, base=base)
    allowed = (
        f"greatest({allowed}, 1)" if not base else f"case when lt.ccy = rt.ccy then 1 else greatest({allowed}, 1) end"
    )
    parts = [f"{score.amount} * (2 * {allowed} - {apart}) div (2 * {allowed})"]
    most = score.amount
    if rule.days is not None and score.days:
        reach = max(abs(rule.days.first), abs(rule.days.last)) + 1
        parts.append(f"{score.days} * ({reach} - least(abs(w.apart), {reach})) div {reach}")
        most += score.days
    lost = f"cast({most} - ({' + '.join(parts)}) as integer) as lost"
    if named and score.name:
        parts.append(f"{score.name} * p.alike div 100")
    if score.reference:
        parts.append(f"{score.reference} * p.same div 100")
    query = (
        select("p.l", "p.r", f"cast({' + '.join(parts)} as integer) as score", lost, "p.same")
        .from_(f"{pairs} as p")
        .join("l as lt", on="lt.thing = p.l")
        .join("r as rt", on="rt.thing = p.r")
    )
    # The days are those of the window, counted as it counts them.
    return query.join("window as w", on=op.in_window("lt", "rt")) if rule.days is not None and score.days else query


def ranked(points: str, at_least: int) -> Query:
    """
    Rank each candidate among those of either side; its margin is the distance to the best rival, whatever that one has.
    """
    inner = (
        select("l", "r", "score", "coincidence")
        .select("row_number() over (partition by l order by score desc) as place_l")
        .select("row_number() over (partition by r order by score desc) as place_r")
        .select("lead(score) over (partition by l order by score desc) as next_l")
        .select("lead(score) over (partition by r order by score desc) as next_r")
        .from_(points)
    )
    rival = "greatest(coalesce(next_l, 0), coalesce(next_r, 0))"
    return select("*", f"score - {rival} as margin").from_(inner.subquery("i")).where(f"score >= {at_least}")


def near_rivals(points: str, best_first: str, margin: int) -> Query:
    """Give the candidates of which none is far enough ahead of the others: (l, r), also those with too few points."""
    query = select("p.l", "p.r").from_(f"{points} as p")
    for mine in ("l", "r"):
        most = select(mine, "max(score) as score").from_(best_first).group_by(mine)
        most = most.where(f"margin < {margin}", f"margin > -{margin}")
        query = query.join(most.subquery(f"by_{mine}"), on=f"by_{mine}.{mine} = p.{mine}", join_type="left")
    return query.where(f"p.score > by_l.score - {margin} or p.score > by_r.score - {margin}")


def with_rivals(points: str, at_least: int) -> Query:
    """Give the candidates that have enough points, each with the most that a candidate of its things has which has too few."""
    few = f"case when score < {at_least} then score else 0 end"
    rival = f"greatest(max({few}) over (partition by l), max({few}) over (partition by r)) as rival"
    inner = select("l", "r", "score", "coincidence", rival).from_(points)
    return select("*").from_(inner.subquery("i")).where(f"score >= {at_least}")
