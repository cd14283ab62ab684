"""
Who is spoken for: what names something of the other side, so that no amount may pair it with something else.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from tieout.matching.comparing.evidence import FEW, together
from tieout.matching.facts.sides import speaking_sql
from tieout.matching.results.found import SIDES

if TYPE_CHECKING:
    from tieout.matching.performing.perform import Performance

__all__ = ["make_spoken_for"]


def make_spoken_for(work: Performance) -> None:
    """
    Make ``spoken_for`` (thing): what names something of the other side by an identifier that few share.

    A rule that looks at amounts, days and names alone must not pair it with something else. What is named may be used
    up: by an earlier rule of this run (its keys are still there), or by an earlier run (``used_keys_left``,
    ``used_keys_right``: record_id, key, sign, entity_id). A rule that only proposes leaves out ``spoken_for_here`` alone:
    without what none but another company's record names.
    """
    engine = work.engine
    now = (len(work.found), sum(map(len, work.keys_ready.values())))
    if work.spoken_for_after == now:
        return
    work.spoken_for_after = now
    if not all(work.keys_ready.values()):
        for name in ("spoken_for", "spoken_for_here"):
            engine.create(name, "select 0::bigint as thing where false")
        return
    # An invoice speaks for no refund that names its order: what is named has the same sign.
    for side, names in work.keys_ready.items():
        engine.create(
            f"known_{side}",
            f"""select k.thing, k.key, sign(s.amount)::tinyint as sign, max(k.raw) <> 0 as whole from ({together(names)}) k
                join "{side}" s on s.thing = k.thing group by all""",
        )
    for grouped, side, other in zip(work.grouped, SIDES, reversed(SIDES), strict=True):
        work.used_keys.look_up(engine, side, f"known_{other}")
        # How many know a key is counted before it is met: a word that many texts have would meet every one of them.
        engine.create(
            f"rare_{side}",
            f"""select key, sign, bool_or(whole) as whole from (
                    select a.thing::varchar as named, k.key, a.sign, max(k.raw) <> 0 as whole
                    from ({together(work.keys_ready[side])}) k semi join known_{other} o on o.key = k.key
                    join ({speaking_sql(side, grouped=grouped)}) a on a.row = k.thing
                    where k.raw <> 0 or a.thing in (select thing from "{side}") group by all
                    union all select hex(record_id), key, sign, true from used_keys_{side}
                ) group by key, sign having count(*) <= {FEW}""",
        )
    engine.create(
        "spoken_for",
        " union all ".join(
            f"""select distinct k.thing from known_{side} k
                join rare_{other} q on q.key = k.key and q.sign = k.sign where k.whole or q.whole"""
            for side, other in (("left", "right"), ("right", "left"))
        ),
    )
    engine.create("spoken_for_here", "select thing from spoken_for")
    if work.by_entity:
        _leave_out_named_over_there(work)


def _leave_out_named_over_there(work: Performance) -> None:
    """
    Leave out of ``spoken_for_here`` what has a number of its own that none but another company's records state.

    A line of another company may name our payout by mistake, or have come in at the wrong account: what our own line fits
    by amount is no certain answer then, but one for a person to see.
    """
    engine = work.engine
    over_there, here = [], []
    for side, other in (SIDES, SIDES[::-1]):
        over_there.append(
            f"""select k.thing from known_{side} k join rare_{other} q on q.key = k.key and q.sign = k.sign where k.whole"""
        )
        said = f"""select k.key, o.entity_id from ({together(work.keys_ready[other])}) k
            join {other}_all o on o.thing = k.thing union all select key, entity_id from used_keys_{other}"""
        here.append(
            f"""select k.thing from known_{side} k join {side}_all a on a.thing = k.thing
                join ({said}) q on q.key = k.key and coalesce(q.entity_id = a.entity_id, true)
                semi join rare_{other} r on r.key = k.key"""
        )
    engine.create("named_over_there", " union ".join(over_there))
    engine.create("named_here", " union ".join(here))
    engine.create(
        "rest",
        """select thing from spoken_for
            where thing not in (select thing from named_over_there) or thing in (select thing from named_here)""",
    )
    engine.rename("rest", "spoken_for_here")
