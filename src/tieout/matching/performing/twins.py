"""
Twins: things of one side that a rule cannot tell apart. Two of them say as much as six thousand.

Where a match must be the only or the best candidate of both its things, nothing is matched with one of several twins:
whatever it could be matched with could have the other as well. So two are laid beside the other side, and not all. What
names something in full is a twin only of what names the same: what it is left out of, the others are not.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from tieout.matching.comparing.naming import make_telling

if TYPE_CHECKING:
    from tieout.matching.backends.engine import Engine
    from tieout.matching.grammar.rules import Rule
    from tieout.matching.performing.perform import Performance

__all__ = ["leave_two_of_twins", "make_order", "make_twins", "with_twins"]

_SIDES = (("l", "left"), ("r", "right"))
#: An id whose numbers are compared as numbers: 2 before 10.
_BY_NUMBER = (
    r"regexp_replace(regexp_replace(a.external_id, '([0-9]+)', '00000000000000000000\1', 'g'),"
    r" '[0-9]*([0-9]{20})', '\1', 'g')"
)
#: Which of equal things comes first, whatever stood first in a file.
_FIRST = f"a.account_id, a.settlement_id, {_BY_NUMBER}, a.external_id, a.record_key, a.record_id"


def make_twins(engine: Engine) -> None:
    """Make ``twins`` (thing, kept): nothing, before each rule."""
    engine.create("twins", "select 0::bigint as thing, 0::bigint as kept where false")


def leave_two_of_twins(work: Performance, rule: Rule) -> None:
    """
    Leave two of all twins in what a rule compares: in ``l_party`` and ``r_party`` where it is names, else in ``l`` and ``r``.

    Whatever a person took something apart from is nobody's twin, nor is what has several names.
    Adds to ``twins`` (thing, kept) what is left out, and the first of those that it is like.
    """
    if not _tells_twins_apart_by_nothing(rule):
        return
    engine, named = work.engine, bool(rule.keys)
    read = {short: f"{short}_party" if named else short for short, _ in _SIDES}
    several = 0
    for short, side in _SIDES:
        by = ["p.ccy", "p.amount", "p.base", f"p.{short}_day", "p.calendar"]
        by += ["p.plain", "p.form", "p.block", "o.names"] if named else []
        by += ["a.entity_id"] if work.by_entity else []
        names = f"select thing, count(distinct plain) as names from {read[short]} group by thing"
        joined = f"join ({names}) o on o.thing = p.thing and o.names = 1" if named else ""
        alike = f"over (partition by {', '.join(by)})"
        engine.create(
            f"alike_{side}",
            f"""select thing, alike from (
                    select p.thing, min(p.thing) {alike} as alike, count(*) {alike} as many
                    from {read[short]} p {joined} join "{side}_all" a on a.thing = p.thing
                    anti join forbidden f on f.{short} = p.thing) where many > 2""",
        )
        several += engine.count(f"alike_{side}")
    if not several:
        return
    for short, side in _SIDES:
        engine.create(f"halves_{side}", f"select distinct thing from {read[short]}")
    make_telling(work, confirm=rule.confirm)
    told = f"over (partition by e.alike, t.names, t.said order by {_FIRST})"
    for short, side in _SIDES:
        engine.create(
            "placed",
            f"""select e.thing, row_number() {told} as place, first_value(e.thing) {told} as kept from alike_{side} e
                join "{side}_all" a on a.thing = e.thing left join telling t on t.thing = e.thing""",
        )
        engine.add("twins", "select thing, kept from placed where place > 2")
        engine.create("rest", f"select p.* from {read[short]} p anti join twins t on t.thing = p.thing")
        engine.rename("rest", read[short])


def with_twins(engine: Engine, pairs: str) -> str:
    """Name the relation of pairs (l, r), and those that twins left out have with the other halves that are left."""
    if not engine.count("twins"):
        return pairs
    engine.create(
        "with_twins",
        f"""select l, r from {pairs}
            union select t.thing, p.r from {pairs} p join twins t on t.kept = p.l
            union select p.l, t.thing from {pairs} p join twins t on t.kept = p.r""",
    )
    return "with_twins"


def _tells_twins_apart_by_nothing(rule: Rule) -> bool:
    """Whether a rule pairs single things by amount, days and names, each the only or the best of the other."""
    searched = rule.subset or rule.consecutive or rule.together or rule.interchangeable or rule.learn
    if searched or rule.shape != "1:1" or any(key.how != "name" for key in rule.keys):
        return False
    # Equal amounts alone are bounded where they meet.
    return bool(rule.keys) or rule.amount is None or not rule.amount.exact or rule.amount.base


def make_order(work: Performance, rule: Rule) -> None:
    """
    Make ``l_order`` and ``r_order`` (thing, place, party): which of equal things comes first, by day and then by id, and
    whose it is, where the rule compares nothing that says so.
    """
    party = "'known'" if rule.keys else "''" if any(work.grouped) else "coalesce(trim(a.counterparty), '')"
    for short, side in _SIDES:
        work.engine.create(
            f"{short}_order",
            f"""select s.thing, row_number() over (order by s.{short}_day, {_FIRST}) as place, {party} as party
                from {short} s join "{side}_all" a using (thing)""",
        )
