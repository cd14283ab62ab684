"""
How far apart amounts may be, as conditions of SQL: of pairs (``lt``, ``rt``), and of one thing (``a``) and a sum (``s``).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from tieout.matching.planning import operators as op
from tieout.matching.planning.building import Query, select

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tieout.matching.grammar.rules import Rule

__all__ = ["amount_conditions", "near_amounts", "sum_fits", "with_difference"]


def amount_conditions(rule: Rule, currencies: Sequence[tuple[int, str, int]], *, sums: bool = False) -> list[str]:
    """
    Write the tolerance over ``lt`` and ``rt``.

    :param sums: what is compared is a sum, later: parts of it may have any sign.
    """
    if sums and rule.amount is not None and rule.amount.base:
        return []
    if rule.amount is None:
        return ["lt.ccy = rt.ccy", *([] if sums else [op.same_sign("lt.amount", "rt.amount")])]
    if rule.amount.exact and not rule.amount.base:
        return ["lt.ccy = rt.ccy", "lt.amount = rt.amount"]
    tolerance = op.tolerance_sql(rule.amount, "lt", currencies, base=rule.amount.base)
    same = f"(lt.ccy = rt.ccy and abs(lt.amount - rt.amount) <= {tolerance})"
    signs = [op.same_sign("lt.amount", "rt.amount"), *_only(rule, "lt.amount", "rt.amount")]
    if not rule.amount.base:
        return [same, *signs]
    same = "(lt.ccy = rt.ccy and lt.amount = rt.amount)"  # the tolerance is for the rate
    other = f"(lt.ccy <> rt.ccy and abs(lt.base - rt.base) <= {tolerance})"
    return [other if rule.amount.apart else f"({same} or {other})", *signs]


def _only(rule: Rule, left: str, right: str) -> list[str]:
    """Write which side may have less, where a rule says so; two currencies are compared in the third."""
    if rule.amount is not None and rule.amount.base:
        left, right = (f"case when lt.ccy = rt.ccy then {s}.amount else {s}.base end" for s in ("lt", "rt"))
    return _less(rule, left, right)


def _less(rule: Rule, left: str, right: str) -> list[str]:
    if rule.amount is None or rule.amount.only is None:
        return []
    return [f"abs({right}) {'<=' if rule.amount.only == 'short' else '>='} abs({left})"]


def sum_fits(rule: Rule, currencies: Sequence[tuple[int, str, int]], anchor: str) -> list[str]:
    """Write how far a sum (``s``) may be from the one (``a``); a share is one of the left's amount, whichever side has it."""
    base = rule.amount is not None and rule.amount.base
    one, total = ("a.base", "s.base_total") if base else ("a.amount", "s.total")
    left, right = (one, total) if anchor == "l" else (total, one)
    allowed = "0" if rule.amount is None else op.tolerance_sql(rule.amount, "a", currencies, base=base)
    allowed = allowed.replace(one, left)
    if rule.amount is None or not base:
        return [f"abs({one} - {total}) <= {allowed}", *_less(rule, left, right)]
    other = [f"a.ccy <> s.ccy and abs({one} - {total}) <= {allowed}", *_less(rule, left, right)]
    if rule.amount.apart:
        return [f"({' and '.join(other)})"]
    # The tolerance is for the rate.
    return [f"((a.ccy = s.ccy and a.amount = s.total) or ({' and '.join(other)}))"]


def near_amounts(conditions: Sequence[str]) -> Query:
    """Pair what the days allow and the tolerance does not keep apart: (l, r)."""
    query = select("lt.thing as l", "rt.thing as r").from_("l as lt").join("window as w", on="w.l_day = lt.l_day")
    return query.join("r as rt", on="w.calendar = rt.calendar and w.r_day = rt.r_day").where(*conditions)


def with_difference(pairs: str, rule: Rule, margin: str = "null") -> Query:
    """Add the difference of each pair: none where amounts are equal, or where only a part is taken (``partial``)."""
    query = select("p.l", "p.r").from_(f"{pairs} as p")
    if rule.partial or (rule.amount is not None and rule.amount.exact and not rule.amount.base):
        query = query.select("cast(0 as bigint) as difference")
    else:
        difference = "case when lt.ccy = rt.ccy then lt.amount - rt.amount else lt.base - rt.base end"
        query = query.select(f"cast({difference} as bigint) as difference")
        query = query.join("l as lt", on="lt.thing = p.l").join("r as rt", on="rt.thing = p.r")
    return query.select("null as score", f"cast({margin} as integer) as margin", "null as coincidence")
