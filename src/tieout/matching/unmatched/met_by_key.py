"""
What shares an identifier with what nothing matched: on the other side, open or used up, and on its own.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from tieout.matching.comparing.evidence import said_by
from tieout.matching.comparing.naming import made_in_full
from tieout.matching.results.found import SIDES

if TYPE_CHECKING:
    from tieout.matching.performing.perform import Performance

__all__ = ["known_keys", "make_known", "meet_by_key"]


def known_keys(work: Performance, side: str) -> str:
    """Give every identifier and word of a side that rules compared: (thing, key, whole)."""
    parts = [f'select thing, key, (raw <> 0)::integer as whole from "{name}"' for name in work.keys_ready[side]]
    return " union all ".join(parts) or "select 0::bigint as thing, 0::bigint as key, 0 as whole where false"


def make_known(work: Performance) -> None:
    """
    Make what both sides say where a rule was not performed, since a side had nothing open: what is used up may be named.
    """
    if not (work.used_keys.any_used or all(work.engine.count(f"{side}_all") for side in SIDES)):
        return
    for rule in work.rules.rules:
        for key in rule.keys:
            if key.how not in {"name", "prefix"} and not rule.within:
                for side in SIDES:
                    said_by(work, side, key)
    # Where no rule compares identifiers, what names another in full was left out all the same.
    if not any(work.keys_ready.values()):
        work.keys_ready.update({side: [*names] for side, names in made_in_full(work).items()})


def meet_by_key(work: Performance) -> None:
    """
    Make ``met_by_key`` (thing, other, inside) of what shares an identifier, and ``asked_keys_left``, ``_right``.

    On its own side: what looks like it a second time, and what a person took apart from it.
    """
    engine = work.engine
    for side in ("left", "right"):
        mine = f"(select k.* from ({known_keys(work, side)}) k semi join unmatched u on u.thing = k.thing)"
        engine.create(f"asked_keys_{side}", f"select thing, key, max(whole) as whole from {mine} group by all")
    asked = "select key from asked_keys_left union select key from asked_keys_right"
    for side in ("left", "right"):
        engine.create(
            f"near_keys_{side}",
            f"""select k.thing, k.key, max(k.whole) as whole from ({known_keys(work, side)}) k
                semi join ({asked}) q on q.key = k.key group by all""",
        )
    # What was taken back or netted is no first of which this is the second.
    within = [name for number, _, name in work.found if work.rules.rules[number].within]
    nothing = "select 0::bigint as thing where false"
    engine.create("settled_within", " union all ".join(f"select thing from {name}" for name in within) or nothing)
    parts = []
    for side, other in (("left", "right"), ("right", "left")):
        mine = f"asked_keys_{side}"
        crowd = f"(select key from near_keys_{other} group by key having count(*) <= 100)"
        parts.append(
            f"""select distinct a.thing, b.thing as other, false as inside
                from {mine} a join near_keys_{other} b on b.key = a.key semi join {crowd} c on c.key = a.key
                where a.whole + b.whole > 0"""
        )
        parts.append(
            f"""select distinct a.thing, b.thing, true
                from {mine} a join near_keys_{side} b on b.key = a.key and b.thing <> a.thing
                semi join (select key from near_keys_{side} group by key having count(*) <= 100) c on c.key = a.key
                join {side}_all x on x.thing = a.thing join {side}_all y on y.thing = b.thing
                where x.ccy = y.ccy and x.measure = y.measure and x.kind = y.kind and a.whole = 1 and b.whole = 1
                    and b.thing not in (select thing from settled_within)"""
        )
    engine.create("met_by_key", " union all ".join(parts))
    two_ways = "select l as thing, r as other from forbidden union select r, l from forbidden"
    engine.add(
        "met_by_key",
        " union ".join(
            f"""select a.thing, b.thing as other, true as inside from asked_keys_{side} a
                join near_keys_{side} b on b.key = a.key and a.whole + b.whole > 0
                semi join ({two_ways}) f on f.thing = a.thing and f.other = b.thing
                anti join met_by_key m on m.thing = a.thing and m.other = b.thing"""
            for side in SIDES
        ),
    )
