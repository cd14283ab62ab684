"""
Who came next: of each match that is the best of several candidates by its points, the record that has the next most.

Asked of matches only, once nothing speaks against them any more.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from tieout.matching.results.found import SIDES

if TYPE_CHECKING:
    from tieout.matching.grammar.rules import Rule
    from tieout.matching.performing.perform import Performance

__all__ = ["name_runners_up"]


def name_runners_up(work: Performance, rule: Rule) -> None:
    """
    Give ``paired`` the column ``runner_up``: the row of who came next; null: nobody did, or more than two compete together.

    Of several the first by its record, whatever the order of rows; of a thing of several records the first of them.
    Reads ``points`` (l, r, score): what everything that met has, whether it was enough or not.
    """
    contested = "p.margin <> p.score" + (" and p.beside is null" if rule.together else "")
    rivals = " union all ".join(
        f"select p.l as bundle, q.{theirs} as thing from paired p join points q on q.{mine} = p.{mine}"
        f" and q.{theirs} <> p.{theirs} and q.score = p.score - p.margin where {contested}"
        for mine, theirs in (("l", "r"), ("r", "l"))
    )
    rows = " union all ".join(
        f"select m.thing, a.thing as row, a.record_key, a.record_id from members_of_{side} m"
        f' join "{side}_all" a on a.thing = m.row'
        if grouped
        else f'select thing, thing as row, record_key, record_id from "{side}_all"'
        for side, grouped in zip(SIDES, work.grouped, strict=True)
    )
    engine = work.engine
    engine.create("rivals", rivals)
    named = f"""select bundle, row from (
            select v.bundle, a.row, row_number() over (partition by v.bundle order by a.record_key, a.record_id) as place
            from rivals v join ({rows}) a on a.thing = v.thing
        ) n where place = 1"""
    engine.create("ahead", f"select p.*, n.row as runner_up from paired p left join ({named}) n on n.bundle = p.l")
    engine.rename("ahead", "paired")
