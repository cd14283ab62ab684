"""
Cash in transit and payouts: what left a platform, what it is made of, and whether it has arrived.

A settlement with payout records is those records; one without is its lines, once a run has looked for them at the bank.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pyarrow as pa

from tieout.config.arrivals import arrival_days
from tieout.model.kinds import KINDS
from tieout.observe.by_day import PAID_OUT, left_of_claim
from tieout.observe.columns import Column, ExportedTable, amounts_of, same
from tieout.observe.proof_lines import named
from tieout.observe.results import run_exceptions
from tieout.store.views import current_records

if TYPE_CHECKING:
    from tieout.observe.columns import Opened
    from tieout.observe.snapshot import Snapshot
    from tieout.store.lake import Lake

__all__ = ["IN_TRANSIT", "PAYOUTS", "in_transit_relation", "payouts_relation"]

_LINES = tuple(kind.name for kind in KINDS.values() if "settlement" in kind.claims)
_RETURNED = ("refund", "refund_reversal", "dispute", "dispute_reversal")
_COSTS = ("fee", "application_fee", "application_fee_refund", "dispute_fee", "bank_charge", "tax_withheld")
_AMOUNTS = ("amount", "fee", "fee_tax", "effect")
_HELD = ("reserve_hold", "reserve_release")


def _lay_settlement_lines(opened: Opened) -> None:
    """
    Make ``settlement_line``: every line of a platform up to the day, with what has arrived of it.

    ``arriving`` marks those that are looked for at the bank: payouts, and lines of settlements that have none.
    """
    con, files, lake = opened.con, opened.snapshot.files, opened.store.lake
    net = "coalesce(net, amount - coalesce(fee, 0) - coalesce(fee_tax, 0))"
    con.execute(f"""
        create or replace temp table settlement_line as
        with x as (
            select record_key, record_id, any_value(exception_id) as exception_id, any_value(reason) as reason
            from {run_exceptions(lake, opened.snapshot)} where claim = 'settlement' group by all
        ), looked_for as (select distinct record_key, record_id from result_positions
            where claim = 'settlement' and state in ('in_transit', 'exception')
        ), line as (
            select source_id, entity_id, account_id, settlement_id, external_id, record_key, record_id, kind, currency,
                coalesce(exponent, own_exponent(currency)) as own, booked_on, amount, coalesce(fee, 0) as fee,
                coalesce(fee_tax, 0) as fee_tax, {net} as effect, kind in ({named(PAID_OUT)}) as paid_out
            from {current_records(lake, files["records"], files["superseded"])}
            where status = 'booked' and amount is not null and booked_on <= as_of_day() and kind in ({named(_LINES)})
        ), scaled as (
            -- A settlement is summed: all of its lines are brought to one number of decimals.
            select l.* exclude (own, amount, fee, fee_tax, effect), u.* exclude (record_key, record_id),
                max(decimals_for(coalesce(u.used, 0), l.own)) over one as decimals,
                {", ".join(f"from_nine(nine({name}, l.own), decimals) as {name}" for name in _AMOUNTS)},
                from_nine(coalesce(u.used, 0), decimals) as arrived
            from line l left join {left_of_claim(lake, opened.snapshot, "settlement", arrived=True)} u using (record_key, record_id)
            window one as (partition by account_id, coalesce(settlement_id, external_id), currency)
        )
        select l.* exclude (used, other_on, later_on, matches), l.other_on as arrived_on, l.later_on, x.exception_id, x.reason,
            l.paid_out or (coalesce(l.matches, 0) + (f.record_id is not null)::integer > 0 and l.settlement_id is not null
                and not bool_or(l.paid_out) over (partition by l.account_id, l.settlement_id, l.currency)) as arriving
        from scaled l left join x using (record_key, record_id) left join looked_for f using (record_key, record_id)
    """)
    left = con.execute("""
        select distinct account_id, booked_on from settlement_line where arriving order by account_id nulls first, booked_on
    """).fetchall()
    days = arrival_days(opened.workspace.accounts, opened.workspace.folder, left)
    con.register(
        "arrival_given",
        pa.table(
            {
                "account_id": pa.array([account for account, _ in left], pa.string()),
                "booked_on": pa.array([day for _, day in left], pa.date32()),
                "expected_on": pa.array(days, pa.date32()),
            },
        ),
    )


def in_transit_relation(lake: Lake, snapshot: Snapshot) -> str:
    """
    Give what left a platform by ``as_of_day()`` and has not arrived, payout by payout.

    Amounts are what should arrive: positive for money on its way to us. ``late``: it should have arrived by that day.
    """
    del lake, snapshot
    return """(
        with leaving as (
            select any_value(source_id) as source_id, any_value(entity_id) as entity_id, account_id,
                coalesce(settlement_id, external_id) as settlement_id, any_value(external_id) as external_id, kind,
                case when paid_out then record_id end as record_id, currency, decimals, max(booked_on) as booked_on,
                sum(case when paid_out then -effect else effect end)::bigint as amount,
                sum(case when paid_out then arrived - effect else effect - arrived end)::bigint as outstanding,
                any_value(exception_id) as exception_id, any_value(reason) as reason, max(later_on) as arrives_on
            from (select * replace (case when paid_out then kind else 'settlement' end as kind,
                case when paid_out then external_id end as external_id) from settlement_line where arriving)
            group by account_id, coalesce(settlement_id, external_id), kind, currency, decimals,
                case when paid_out then record_id end
        ), back as (
            -- A payout that the bank returned is on no way any more: it and its return carry one name and sum to nothing.
            select account_id, currency, external_id from leaving where external_id is not null
            group by all having count(*) > 1 and sum(nine(outstanding, decimals)) = 0
        )
        select l.*, a.expected_on, greatest(0, as_of_day() - a.expected_on) as days_late,
            case when a.expected_on < as_of_day() then 'late' else 'in_transit' end as how
        from leaving l left join arrival_given a on a.account_id is not distinct from l.account_id
            and a.booked_on = l.booked_on
        where l.outstanding <> 0 and not exists (select 1 from back b where b.account_id = l.account_id
            and b.currency = l.currency and b.external_id = l.external_id)
    )"""


def payouts_relation(lake: Lake, snapshot: Snapshot) -> str:
    """
    Give what each payout is made of: the lines of its settlement by sort, their sum, and the payout.

    ``difference`` is what the lines do not explain; empty where the platform reports no lines or no payout.
    """
    del lake, snapshot
    part = "coalesce(sum({}) filter (where {}), 0)::bigint"
    return f"""(
        with made as (
            select any_value(source_id) as source_id, any_value(entity_id) as entity_id, account_id,
                coalesce(settlement_id, external_id) as settlement_id, currency, max(decimals) as decimals,
                max(external_id) filter (where paid_out) as external_id, count(*) filter (where paid_out) as payouts,
                max(booked_on) filter (where paid_out) as paid_on, max(booked_on) as booked_on,
                count(*) filter (where not paid_out) as lines,
                {part.format("amount", "kind = 'charge'")} as charges,
                {part.format("amount", f"kind in ({named(_RETURNED)})")} as returned,
                {part.format("effect - amount", "not paid_out")}
                    + {part.format("amount", f"kind in ({named(_COSTS)})")} as fees,
                {part.format("amount", f"kind in ({named(_HELD)})")} as reserve,
                {part.format("amount", f"not paid_out and kind not in ('charge', {named((*_RETURNED, *_COSTS, *_HELD))})")} as other,
                {part.format("effect", "not paid_out")} as total, {part.format("-effect", "paid_out")} as paid,
                {part.format("case when paid_out then -arrived else arrived end", "arriving")} as came,
                max(arrived_on) filter (where arriving) as arrived_on, bool_or(arriving) as leaves,
                count(distinct decimals) as exponents
            from settlement_line where settlement_id is not null or paid_out
            group by account_id, coalesce(settlement_id, external_id), currency
        )
        select m.*, case when payouts > 0 then paid end as payout,
            case when payouts > 0 and lines > 0 then total - paid end as difference, a.expected_on,
            case when payouts = 0 and total = 0 then 'nothing_due' when not leaves then 'not_paid_out'
                when came = case when payouts > 0 then paid else total end then 'arrived'
                when came <> 0 then 'partly_arrived' when a.expected_on < as_of_day() then 'late' else 'in_transit' end as how
        from made m left join arrival_given a on a.account_id is not distinct from m.account_id
            and a.booked_on = coalesce(m.paid_on, m.booked_on)
    )"""


_WHERE = (
    Column("source", "word", "t.source_id"),
    Column("entity", "word", "t.entity_id"),
    Column("account", "text", "t.account_id"),
)

#: The exported tables.
IN_TRANSIT = ExportedTable(
    name="in_transit",
    columns=(
        *_WHERE,
        *same("text", "settlement_id", "external_id"),
        Column("record_id", "word", "lower(hex(t.record_id))"),
        *same("word", "kind"),
        Column("paid_on", "day", "t.booked_on"),
        *same("day", "expected_on"),
        *same("integer", "days_late"),
        *amounts_of("t.decimals", "amount", "outstanding"),
        *same("word", "currency"),
        Column("state", "word", "t.how"),
        *same("word", "reason", "exception_id"),
        *same("day", "arrives_on"),
    ),
    relation=in_transit_relation,
    order="t.account_id, t.currency, t.booked_on, t.settlement_id, t.record_id",
    needs=("matches", "positions", "exceptions"),
    ready=_lay_settlement_lines,
)
PAYOUTS = ExportedTable(
    name="payouts",
    columns=(
        *_WHERE,
        *same("text", "settlement_id", "external_id"),
        *same("day", "paid_on"),
        *same("integer", "lines"),
        *amounts_of("t.decimals", "charges", "returned", "fees", "reserve", "other"),
        Column("sum", "amount", "t.total", "t.decimals"),
        *amounts_of("t.decimals", "payout", "difference"),
        *same("word", "currency"),
        Column("state", "word", "t.how"),
        *same("day", "expected_on", "arrived_on"),
        Column("arrived", "amount", "t.came", "t.decimals"),
    ),
    relation=payouts_relation,
    order="t.account_id, t.currency, t.booked_on, t.settlement_id",
    needs=("matches", "positions", "exceptions"),
    ready=_lay_settlement_lines,
)
