"""
How disputes ended, as platforms say it: what was lost for good, and on which day.

Won: the money comes back as a ``dispute_reversal``, which is booked as such. Lost: nothing moves any more, so a platform
says it by a word: a record of the kind ``dispute_lost`` (Stripe's closed dispute; a mapping's own word), or a second
chargeback (Adyen), after which there is no defence. Where money comes back even then, the loss is taken back on that day.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import duckdb

__all__ = ["make_outcomes"]

# Adyen's words for a dispute that is lost as it is booked.
_LOST_AT_ONCE = ("secondchargeback",)
_WORDS = ("Type", "Record Type", "type", "record_type")

# A dispute and what follows it bear one identifier of the dispute (Stripe), else of the payment (Adyen).
_SAME = """
    disputes as (select * from draft_disputed where kind = 'dispute'
    ), follows as (select * from draft_disputed where kind <> 'dispute'
    ), by_dispute as (
        select d.record_id, f.record_id as other from disputes d join follows f
            on f.system = d.system and f.external_id = d.external_id
        union select d.record_id, f.record_id from disputes d join follows f
            on f.system = d.system and f.parent_external_id = d.external_id
    ), same_ids as (
        from by_dispute union all
        select d.record_id, f.record_id from disputes d join follows f
            on f.system = d.system and f.payment_id = d.payment_id
        where f.record_id not in (select other from by_dispute)
    )"""


def make_outcomes(con: duckdb.DuckDBPyConnection) -> None:
    """
    Make ``outcomes`` (record_id, outcome, decided_on) from ``records``: each lost dispute once, and what takes a loss back.

    A dispute that was given back before the platform called it lost is not: nothing of it is left to lose. And make
    ``reversals`` (record_id, dispute): of which dispute a reversal is.
    """
    words = ", ".join(f"""json_extract_string(details, '$."{word}"')""" for word in _WORDS)
    at_once = ", ".join(f"'{word}'" for word in _LOST_AT_ONCE)
    con.execute(f"""
        create or replace temp table draft_disputed as
        select record_id, system, kind, external_id, payment_id, parent_external_id,
            coalesce(booked_on, date '1970-01-01' + (epoch_us(seen_at) // 86_400_000_000)::integer) as day,
            coalesce(epoch_us(occurred_at), epoch_us(booked_on::timestamp)) as moment,
            kind = 'dispute' and lower(coalesce({words})) in ({at_once}) as at_once
        from records where kind in ('dispute', 'dispute_reversal', 'dispute_lost') and status = 'booked'
    """)
    con.execute(f"""
        create or replace temp table reversals as
        with {_SAME} select f.record_id, s.record_id as dispute from same_ids s join follows f on f.record_id = s.other
        where f.kind = 'dispute_reversal'
    """)
    con.execute(f"""
        create or replace temp table outcomes as
        with {_SAME}, same as (
            select d.record_id, d.day, d.moment, f.kind, s.other, f.day as other_day, f.moment as other_moment
            from same_ids s join disputes d using (record_id) join follows f on f.record_id = s.other
        ), said as (
            select record_id, day, moment, other_day as lost_on from same where kind = 'dispute_lost' and other_day >= day
            union all select record_id, day, moment, day from draft_disputed where at_once
        ), lost as (
            select record_id, day, moment, min(lost_on) as lost_on from said group by all
        ), back as (
            select l.record_id, l.lost_on, s.other, s.other_day from lost l join same s using (record_id)
            where s.kind = 'dispute_reversal' and s.other_moment >= l.moment
        ), stays as (
            select record_id, lost_on from lost l
            where not exists (from back b where b.record_id = l.record_id and b.other_day < b.lost_on)
        )
        select record_id, 'lost' as outcome, lost_on as decided_on from stays
        union all
        select b.other, 'lost', min(b.other_day) from back b semi join stays using (record_id) group by b.other
    """)
