"""
What matches had used up of records by a day: a match counts once all its records are booked.

Seen from an earlier day, an invoice that was paid later is open, and a payout that arrived later is on its way.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from tieout.observe.writing import literal
from tieout.store.views import current_records

if TYPE_CHECKING:
    from tieout.observe.snapshot import Snapshot
    from tieout.store.lake import Lake

__all__ = ["DOCUMENT_KINDS", "PAID_OUT", "left_of_claim"]

#: What ends a settlement: money that leaves a platform for a bank, or comes back.
PAID_OUT = ("payout", "payout_reversal", "top_up")
#: What is owed to us or by us.
DOCUMENT_KINDS = ("invoice", "credit_note", "deposit", "bill", "bill_credit", "receipt", "disbursement", "write_off")


def left_of_claim(lake: Lake, snapshot: Snapshot, claim: str) -> str:
    """
    Give what matches have used up of one claim by ``as_of_day()``: record_key, record_id, used, other_on, matches.

    ``used`` is at nine decimals (``from_nine``), as runs count in different ones. ``other_on`` is the last day on which a record of the other claim in those matches was booked, ``later_on`` of those
    that do not count yet.
    """
    records = current_records(lake, snapshot.files["records"], snapshot.files["superseded"])
    return f"""(
        with mine as (select * from result_matches where claim = {literal(claim)} and status = 'confirmed'),
        ids as (select distinct match_id from mine),
        members as (
            select m.match_id, m.claim, b.booked_on from result_matches m semi join ids using (match_id)
            left join (select record_key, record_id, booked_on from {records}) b using (record_key, record_id)
            where m.status = 'confirmed'
        ), counted as (
            select match_id, bool_and(coalesce(booked_on <= as_of_day(), false)) as whole,
                max(booked_on) filter (where claim <> {literal(claim)}) as other_on, max(booked_on) as last_on
            from members group by match_id
        )
        select record_key, record_id, coalesce(sum(nine(allocated, exponent)) filter (where whole), 0) as used,
            max(coalesce(other_on, last_on)) filter (where whole) as other_on,
            max(coalesce(other_on, last_on)) filter (where not whole) as later_on,
            count(*) filter (where whole) as matches
        from mine join counted using (match_id) group by record_key, record_id
    )"""
