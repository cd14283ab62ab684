"""
Identifiers that were cut off: pairs of which one form begins the other, found by equality.

Of each form as many signs are laid beside it as some form of the other side has that begins with the same six: the
shorter of two then equals one of the longer's beginnings, and nobody need compare everything with everything.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from tieout.matching.planning import operators as op
from tieout.matching.planning.building import Query, select

if TYPE_CHECKING:
    from tieout.matching.grammar.rules import Rule
    from tieout.matching.planning.plan import Plan

__all__ = ["PREFIX_MIN", "prefix_pairs"]

#: Below this an identifier's beginning says nothing.
PREFIX_MIN = 6


def prefix_pairs(plan: Plan, number: int, rule: Rule) -> Query:
    """
    Pair identifiers of which one begins the other (l_forms_N, r_forms_N: thing, form): (l, r), distinct.

    Where amounts must be equal, among equal ones only, of one name if that is asked for: many have a beginning, few have
    its amount, too. Else a beginning that many have names none of them, as it is with words.
    """
    for side, other in (("l", "r"), ("r", "l")):
        plan.add(f"{side}k_{number}", _with_beginnings(f"{side}_forms_{number}", f"{other}_forms_{number}"))
    if rule.amount is not None and rule.amount.exact and not rule.amount.base:
        return _of_one_amount(plan, number, named=any(key.how == "name" for key in rule.keys))
    shared = plan.add(f"met_{number}", op.keys_met(f"lk_{number}", f"rk_{number}"))
    plan.crowds.append(number)
    used = plan.add(f"used_{number}", op.keys_in_use(f"lk_{number}", shared))
    return op.pairs_by_key(used, f"rk_{number}", raw=False, words=True)


def _with_beginnings(forms: str, others: str) -> Query:
    """Give forms as keys (raw 1), and their beginnings that could be whole forms of the others (raw 0): (thing, key, raw)."""
    head = f"substr({{}}form, 1, {PREFIX_MIN})"
    lengths = select(f"{head.format('')} as head", "length(form) as size").distinct().from_(others).subquery("n")
    begun = (
        select("f.thing", "substr(f.form, 1, n.size) as key", "0 as raw")
        .distinct()
        .from_(f"{forms} as f")
        .join(lengths, on=f"n.head = {head.format('f.')} and n.size < length(f.form)")
    )
    return select("thing", "form as key", "1 as raw").distinct().from_(forms).union(begun, distinct=False)


def _of_one_amount(plan: Plan, number: int, *, named: bool) -> Query:
    by = ["key", "ccy", "amount", *(["block"] if named else [])]
    for side in ("l", "r"):
        of_side = select("k.thing", "k.key", "k.raw", *(f"s.{name}" for name in by[1:])).distinct()
        of_side = of_side.from_(f"{side}k_{number} as k")
        plan.add(
            f"{side}f_{number}", of_side.join(f"{side}_party as s" if named else f"{side} as s", on="s.thing = k.thing")
        )

    def same(one: str, other: str) -> str:
        return " and ".join(f"{one}.{name} = {other}.{name}" for name in by)

    counted = [
        select(*by, "count(*) as n").from_(f"{side}f_{number}").group_by(*by).subquery(alias)
        for side, alias in (("l", "a"), ("r", "b"))
    ]
    rare = select(*(f"a.{name}" for name in by)).from_(counted[0]).join(counted[1], on=same("a", "b"))
    rare = rare.where(f"a.n * b.n <= {op.PAIRS_MAX * 100}")
    return (
        select("l.thing as l", "r.thing as r")
        .distinct()
        .from_(f"lf_{number} as l")
        .join(rare.subquery("rare"), on=same("rare", "l"))
        .join(f"rf_{number} as r", on=same("r", "l"))
        .where("l.raw = 1 or r.raw = 1")
    )
