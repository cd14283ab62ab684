"""
What rules only propose: it waits for a person once, at one of its records, and the others wait with it.

The one record is of the side that has fewer of them, and of the right where both have as many (of a match of one side
only, its first): a bank's line, rather than
each of the invoices that it seems to pay. It says which rule proposes it and with what.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from tieout.matching.facts.sides import listed
from tieout.matching.results.found import SIDES, records_found

if TYPE_CHECKING:
    from tieout.matching.performing.perform import Performance

__all__ = ["PROPOSED", "note_proposals", "pass_proposals_on"]

#: What a person is to look at because a rule proposes it; also why the other records of a proposal are open.
PROPOSED = "proposed"


def note_proposals(work: Performance) -> None:
    """
    Make ``proposals`` (thing, proposal): rows that rules propose; ``proposal`` is told at the one that stands for all.

    Of the others it is empty. Of several proposals of one row the first one's rule says it.
    """
    parts = []
    for number, shape, found in work.found:
        rule = work.rules.rules[number]
        if rule.confirm:
            continue
        for side, (row, _, rows_found) in zip(SIDES, records_found(work, number, shape, found), strict=True):
            parts.append(
                f"""select {number} as rule, {listed((rule.name,))} as name, t.bundle as bundle, '{side}' as side, {row} as thing
                    from {rows_found}"""
            )
    engine = work.engine
    if not parts:
        engine.create("proposals", "select 0::bigint as thing, '' as proposal where false")
        return
    told = "thing, record_id, record_key, external_id"
    engine.create("proposed_parts", " union all ".join(parts))
    engine.create(
        "proposed_rows",
        f"""select p.rule, p.name, p.bundle, p.side, a.*,
                row_number() over (partition by p.rule, p.bundle, p.side order by a.record_key, a.record_id) as place,
                min(p.side) over (partition by p.rule, p.bundle) = max(p.side) over (partition by p.rule, p.bundle) as alone,
                count(*) over (partition by p.rule, p.bundle, p.side) as many
            from proposed_parts p
            join (select {told} from left_all union all select {told} from right_all) a on a.thing = p.thing""",
    )
    engine.create(
        "proposals",
        """select thing, case when stands then concat('''', name, ''' proposes it with ', coalesce(other, 'a record without an id'),
                    case when others > 1 then concat(' and ', (others - 1)::varchar, ' more') else '' end,
                    ': approve or reject it') else '' end as proposal
            from (
                select r.thing, r.name, f.external_id as other, case when r.alone then f.many - 1 else f.many end as others,
                    r.place = 1 and (r.alone or r.many < f.many or r.many = f.many and r.side = 'right') as stands,
                    row_number() over (partition by r.thing order by r.rule, r.bundle) as turn
                from proposed_rows r join proposed_rows f
                    on f.rule = r.rule and f.bundle = r.bundle and (f.side <> r.side) = (not r.alone)
                        and f.place = case when r.alone and r.place = 1 then 2 else 1 end
            ) p where turn = 1""",
    )


def pass_proposals_on() -> str:
    """Write ``left_over`` as it is where an earlier reconciliation proposes a row at another one: that one waits for a person."""
    return f"""select o.* replace (
            case when e.record_id is not null then 'open' else o.state end as state,
            case when e.record_id is not null then '{PROPOSED}' else o.why end as why)
        from left_over o left join earlier e on e.record_id = o.record_id and e.claim = o.claim and e.version = o.version
            and e.reason = '{PROPOSED}' and e.note = '' and o.state = 'exception' and o.proposal is null and not o.deferred"""
