"""
What no rule looks at: sweeps, what an earlier match has in another form, and pairs that a person took apart.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from tieout.matching.facts.sides import swept_sql
from tieout.matching.results.found import SIDES

if TYPE_CHECKING:
    from tieout.matching.performing.perform import Performance

__all__ = ["leave_out_kin", "leave_out_sweeps", "make_forbidden"]


def make_forbidden(work: Performance) -> None:
    """Make ``forbidden`` (l, r): things that a person took apart."""
    spread = []
    for side, grouped in zip(("left", "right"), work.grouped, strict=True):
        thing = "coalesce(m.thing, a.thing)" if grouped else "a.thing"
        joined = f"left join members_of_{side} m on m.row = a.thing" if grouped else ""
        spread.append(f'(select {thing} as thing, a.record_id from "{side}_all" a {joined})')
    pairs = [(spread[0], spread[1])]
    if any(rule.within for rule in work.rules.rules):
        pairs += [(spread[0], spread[0]), (spread[1], spread[1])]
    work.engine.create(
        "forbidden",
        " union ".join(
            f"""select distinct a.thing as l, b.thing as r from apart p
                join {one} a on a.record_id = p.left_id join {other} b on b.record_id = p.right_id"""
            for one, other in pairs
        ),
    )


def leave_out_sweeps(work: Performance) -> None:
    """Make ``swept`` (thing): what moves money between accounts of one owner pays nothing, whatever its amount or text."""
    engine = work.engine
    engine.create("swept", " union all ".join(swept_sql(f"{side}_all") for side in SIDES))
    if not engine.count("swept"):
        return
    engine.add("swept", "select f.child from family f semi join swept s on s.thing = f.parent")
    for side in SIDES:
        engine.create("rest", f'select s.* from "{side}" s anti join swept w on w.thing = s.thing')
        engine.rename("rest", side)


def leave_out_kin(work: Performance) -> None:
    """Take off what an earlier match has in another form: the entry of a transaction, or a transaction of an entry."""
    if not work.engine.count("kin_used"):
        return
    for side in ("left", "right"):
        kin = f'select a.thing from "{side}_all" a semi join kin_used k on k.record_id = a.record_id'
        work.engine.create("rest", f'select s.* from "{side}" s where s.thing not in ({kin})')
        work.engine.rename("rest", side)
