"""
What matches had used up of records by a day: as much as both sides of a match had been booked by then.

Seen from an earlier day, an invoice that was paid later is open, one that was paid in part by then is open with the
rest, and a payout that arrived later is on its way. So what comes later changes no figure of a day that is past.
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


def left_of_claim(lake: Lake, snapshot: Snapshot, claim: str, *, arrived: bool = False) -> str:
    """
    Give what matches have used up of one claim by ``as_of_day()``: record_key, record_id, used, other_on, later_on, matches.

    A match whose records are all booked by then counts whole, with what makes up its difference. Of any other, as much
    counts as its other side had booked by then, spread over this side's records in the order of their days; between
    two currencies, that share of the whole. What runs against the sum of its side counts with the whole only.

    ``used`` is at nine decimals (``from_nine``), as runs count in different ones. ``other_on`` is the last day by then on which a record of the other side was booked, ``later_on`` the last day after it.
    ``matches``: how many there are, whatever was booked of them by then.

    :param arrived: only matches with money that came from elsewhere, not those that a platform's report proves by itself.
    """
    records = current_records(lake, snapshot.files["records"], snapshot.files["superseded"])
    by_itself = "having count(distinct side) > 1 and not bool_or(claim = 'transfer')" if arrived else ""
    return f"""(
        with ids as (
            select match_id from result_matches where status = 'confirmed' group by match_id {by_itself}
        ), member as (
            select m.match_id, m.claim, m.side, m.record_key, m.record_id, m.currency, b.booked_on,
                coalesce(b.booked_on <= as_of_day(), false) as there, nine(m.allocated, m.exponent) as taken,
                max(m.exponent) over (partition by m.match_id, m.side) as finest
            from result_matches m semi join (
                select match_id from ids semi join result_matches r on r.match_id = ids.match_id and r.claim = {literal(claim)}
            ) i on i.match_id = m.match_id
            left join (select record_key, record_id, booked_on from {records}) b using (record_key, record_id)
            where m.status = 'confirmed'
        ), side as (
            select match_id, side, min(currency) as currency, max(finest) as finest, sum(taken) as total,
                coalesce(sum(taken) filter (where there), 0) as came, bool_and(there) as whole, max(booked_on) as last_on,
                max(booked_on) filter (where there) as there_on
            from member group by match_id, side
        ), met as (
            select s.match_id, s.side, s.whole and coalesce(o.whole, true) as whole, sign(s.total) as way,
                -- What the other side had by the day, in this side's currency.
                case when o.side is null or o.total = 0 then 0
                    when o.currency = s.currency then o.came * sign(o.total)
                    else abs(s.total) // power_of_ten(9 - s.finest) * (o.came * sign(o.total) // power_of_ten(9 - o.finest))
                        // (abs(o.total) // power_of_ten(9 - o.finest)) * power_of_ten(9 - s.finest) end as came,
                coalesce(o.last_on, s.last_on) as last_on, coalesce(o.there_on, s.there_on) as there_on
            from side s left join side o on o.match_id = s.match_id and o.side <> s.side
        ), filled as (
            select m.*, t.way, t.came, t.whole, t.there_on, t.last_on, m.there and sign(m.taken) = t.way as fills,
                coalesce(sum(abs(m.taken)) filter (where m.there and sign(m.taken) = t.way) over (
                    partition by m.match_id, m.side order by m.booked_on, m.record_key, m.record_id
                    rows between unbounded preceding and 1 preceding), 0) as before
            from member m join met t using (match_id, side)
        )
        select record_key, record_id, sum(case when whole then taken when not fills then 0
                else way * greatest(0, least(abs(taken), came - before)) end)::hugeint as used,
            max(there_on) as other_on, max(last_on) filter (where last_on > as_of_day()) as later_on, count(*) as matches
        from filled where claim = {literal(claim)} group by record_key, record_id
    )"""
