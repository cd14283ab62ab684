"""
What matches had used up of records by a day: as much as both sides of a match had been booked by then.

Seen from an earlier day, an invoice that was paid later is open, one that was paid in part by then is open with the
rest, and a payout that arrived later is on its way. So what comes later changes no figure of a day that is past.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from tieout.model.kinds import MOVED, PAID_OUT
from tieout.observe.exporting.writing import literal
from tieout.store.views import current_records

if TYPE_CHECKING:
    import duckdb

    from tieout.observe.snapshot import Snapshot
    from tieout.store.lake import Lake

__all__ = ["DOCUMENT_KINDS", "lay_arrivals", "left_of_claim"]

#: What is owed to us or by us.
DOCUMENT_KINDS = ("invoice", "credit_note", "deposit", "bill", "bill_credit", "receipt", "disbursement", "write_off")


def lay_arrivals(con: duckdb.DuckDBPyConnection, lake: Lake, snapshot: Snapshot) -> None:
    """
    Make ``arrival`` (match_id, direct): matches of what a platform pays with what shows that it came.

    Not those that its report proves by itself. ``direct``: of lines that no payout was reported for; the money leaves the
    platform's account when the bank has it, and is on no way in between.
    """
    records = current_records(lake, snapshot.files["records"], snapshot.files["superseded"])
    con.execute(f"""
        create or replace temp table arrival as
        with settled as (
            select match_id from result_matches where status = 'confirmed' group by match_id
            having bool_or(claim = 'settlement') and not bool_or(claim = 'transfer') and count(distinct side) > 1
        )
        select m.match_id, not bool_or(r.kind in ({_quoted(PAID_OUT)})) and not bool_and(r.kind in ({_quoted(MOVED)})) as direct
        from result_matches m semi join settled s on s.match_id = m.match_id
        join (select record_key, record_id, kind from {records}) r using (record_key, record_id)
        where m.claim = 'settlement' group by m.match_id
    """)


def left_of_claim(lake: Lake, snapshot: Snapshot, claim: str, among: str | None = None) -> str:
    """
    Give what matches have used up of one claim by ``as_of_day()``: record_key, record_id, used, other_on, later_on, matches.

    A match whose records are all booked by then counts whole, with what makes up its difference. Of any other, as much
    counts as its other side had booked by then, spread over this side's records in the order of their days; between
    two currencies, that share of the whole. What runs against the sum of its side counts with the whole only.

    ``used`` is at nine decimals (``from_nine``), as runs count in different ones. ``other_on`` is the last day by then on
    which a record of the other side was booked, ``later_on`` the last day after it. ``matches``: how many there are.

    :param among: SQL for the matches that count, by match_id; None: all.
    """
    records = current_records(lake, snapshot.files["records"], snapshot.files["superseded"])
    chosen = f"semi join ({among}) x on x.match_id = r.match_id" if among else ""
    return f"""(
        with ids as (
            select distinct r.match_id from result_matches r {chosen} where r.status = 'confirmed' and r.claim = {literal(claim)}
        ), member as (
            select m.match_id, m.claim, m.side, m.record_key, m.record_id, m.currency, b.booked_on,
                coalesce(b.booked_on <= as_of_day(), false) as there, nine(m.allocated, m.exponent) as taken, m.exponent
            from result_matches m semi join ids using (match_id)
            left join (select record_key, record_id, booked_on from {records}) b using (record_key, record_id)
            where m.status = 'confirmed'
        ), side as (
            select match_id, side, min(currency) as currency, power_of_ten(9 - max(exponent)) as unit, sum(taken) as total,
                coalesce(sum(taken) filter (where there), 0) as came, bool_and(there) as whole, max(booked_on) as last_on,
                max(booked_on) filter (where there) as there_on
            from member group by match_id, side
        ), met as (
            select s.match_id, s.side, s.whole and coalesce(o.whole, true) as whole, sign(s.total) as way,
                -- What the other side had by the day, in this side's currency.
                case when o.side is null or o.total = 0 then 0
                    when o.currency = s.currency then o.came * sign(o.total)
                    else abs(s.total) // s.unit * (o.came * sign(o.total) // o.unit) // (abs(o.total) // o.unit) * s.unit
                    end as came,
                coalesce(o.last_on, s.last_on) as last_on, coalesce(o.there_on, s.there_on) as there_on
            from side s left join side o on o.match_id = s.match_id and o.side <> s.side
        ), counted as (
            select m.*, t.there_on, t.last_on, taken as counts from member m join met t using (match_id, side) where t.whole
            union all
            select m.*, t.there_on, t.last_on, case when not m.there or sign(m.taken) <> t.way then 0
                else t.way * greatest(0, least(abs(m.taken), t.came - coalesce(
                    sum(abs(m.taken)) filter (where m.there and sign(m.taken) = t.way) over (
                        partition by m.match_id, m.side order by m.booked_on, m.record_key, m.record_id
                        rows between unbounded preceding and 1 preceding), 0))) end
            from member m join met t using (match_id, side) where not t.whole
        )
        select record_key, record_id, sum(counts)::hugeint as used, max(there_on) as other_on,
            max(last_on) filter (where last_on > as_of_day()) as later_on, count(*) as matches
        from counted where claim = {literal(claim)} group by record_key, record_id
    )"""


def _quoted(kinds: tuple[str, ...]) -> str:
    return ", ".join(literal(kind) for kind in kinds)
