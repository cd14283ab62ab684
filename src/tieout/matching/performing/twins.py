"""
Twins: things of one side that a rule cannot tell apart. Two of them say as much as six thousand.

Where a match must be the only or the best candidate of both its things, nothing is matched with one of several twins:
whatever it could be matched with could have the other as well. So two are laid beside the other side, and not all.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tieout.matching.grammar.rules import Rule
    from tieout.matching.performing.perform import Performance

__all__ = ["leave_two_of_twins", "make_order"]

_SIDES = (("l", "left"), ("r", "right"))


def leave_two_of_twins(work: Performance, rule: Rule) -> None:
    """
    Leave two of all twins in what a rule compares: in ``l_party`` and ``r_party`` where it is names, else in ``l`` and ``r``.

    Whatever a person took something apart from is nobody's twin, nor is what has several names.
    """
    if not _tells_twins_apart_by_nothing(rule):
        return
    engine, named = work.engine, bool(rule.keys)
    for short, side in _SIDES:
        name = f"{short}_party" if named else short
        by = ["p.ccy", "p.amount", "p.base", f"p.{short}_day", "p.calendar"]
        by += ["p.plain", "p.form", "p.block", "o.names"] if named else []
        joined = (
            f"join (select thing, count(distinct plain) as names from {name} group by thing) o on o.thing = p.thing"
            if named
            else ""
        )
        if work.by_entity:
            by.append("a.entity_id")
            joined += f" join {side}_all a on a.thing = p.thing"
        single = "where o.names = 1" if named else ""
        engine.create(
            "twins",
            f"""select thing from (
                    select p.thing, row_number() over (partition by {", ".join(by)} order by p.thing) as place
                    from (select * from {name} anti join forbidden f on f.{short} = {name}.thing) p {joined} {single}
                ) where place > 2""",
        )
        if engine.count("twins"):
            engine.create("rest", f"select p.* from {name} p anti join twins t on t.thing = p.thing")
            engine.rename("rest", name)


def _tells_twins_apart_by_nothing(rule: Rule) -> bool:
    """Whether a rule pairs single things by amount, days and names, each the only or the best of the other."""
    searched = rule.subset or rule.consecutive or rule.together or rule.interchangeable or rule.learn
    if searched or rule.shape != "1:1" or any(key.how != "name" for key in rule.keys):
        return False
    # Equal amounts alone are bounded where they meet.
    return bool(rule.keys) or rule.amount is None or not rule.amount.exact or rule.amount.base


def make_order(work: Performance) -> None:
    """Make ``l_order`` and ``r_order`` (thing, place): which of equal things comes first, whatever stood first in a file."""
    first = "a.account_id, a.settlement_id, a.external_id, a.record_key, a.record_id"
    for short, side in (("l", "left"), ("r", "right")):
        work.engine.create(
            f"{short}_order",
            f'select s.thing, row_number() over (order by {first}) as place from {short} s join "{side}_all" a using (thing)',
        )
