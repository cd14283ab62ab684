"""
Cash in transit and payouts: what left a platform, what it is made of, and whether it has arrived.

A settlement with payout records is those records; one without is its lines, once a run has looked for them at the bank.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pyarrow as pa

from tieout.config.arrivals import arrival_days
from tieout.model.kinds import KINDS, MOVED, PAID_OUT, THROUGH_TRANSIT
from tieout.observe.exporting.columns import Column, ExportedTable, amounts_of, same
from tieout.observe.exporting.writing import literal
from tieout.observe.money.by_day import lay_arrivals, left_of_claim
from tieout.observe.proofs.lines import named
from tieout.observe.results import FREED, positions_relation, run_exceptions
from tieout.store.views import current_records

if TYPE_CHECKING:
    from tieout.observe.exporting.columns import Opened
    from tieout.observe.snapshot import Snapshot
    from tieout.store.lake import Lake

__all__ = ["IN_TRANSIT", "PAYOUTS", "in_transit_relation", "lay_settlement_lines", "payouts_relation"]

_LINES = tuple(kind.name for kind in KINDS.values() if "settlement" in kind.claims)
_RETURNED = ("refund", "refund_reversal", "dispute", "dispute_reversal")
_COSTS = ("fee", "application_fee", "application_fee_refund", "dispute_fee", "bank_charge", "tax_withheld")
_AMOUNTS = ("amount", "fee", "fee_tax", "effect")
#: The other half of a sweep is booked within so many days.
_SWEPT_DAYS = 5
_HELD = ("reserve_hold", "reserve_release")


def lay_settlement_lines(opened: Opened) -> None:
    """
    Make ``settlement_line``: every line of a platform up to the day, with what has arrived of it.

    ``arriving`` marks those that are looked for at the bank: payouts, and lines of settlements that have none.
    """
    con, files, lake = opened.con, opened.snapshot.files, opened.store.lake
    net = "coalesce(net, amount - coalesce(fee, 0) - coalesce(fee_tax, 0))"
    lay_arrivals(con, lake, opened.snapshot)
    con.execute(f"""
        create or replace temp table settlement_line as
        with x as (
            select record_key, record_id, any_value(exception_id) as exception_id, any_value(reason) as reason
            from {run_exceptions(lake, opened.snapshot)} where claim = 'settlement' group by all
        ), looked_for as (select distinct record_key, record_id from result_positions
            where claim = 'settlement' and (state in ('in_transit', 'exception') or reason = {literal(FREED)})
        ), line as (
            select source_id, entity_id, account_id, settlement_id, external_id, record_key, record_id, kind, currency,
                case when kind = 'payout_reversal' then parent_external_id end as came_of,
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
            from line l left join {left_of_claim(lake, opened.snapshot, "settlement", "from arrival")} u using (record_key, record_id)
            window one as (partition by account_id, coalesce(settlement_id, external_id), currency)
        )
        -- What the bank has of lines whose payout was reported afterwards arrived of that payout.
        select l.* exclude (used, other_on, later_on, matches) replace (l.arrived - case when l.paid_out and row_number() over (
                    partition by l.account_id, l.settlement_id, l.currency order by l.paid_out desc, l.booked_on, l.record_id) = 1
                then coalesce(sum(l.arrived) filter (where not l.paid_out and l.kind not in ({named(MOVED)})) over (
                    partition by l.account_id, l.settlement_id, l.currency), 0) else 0 end as arrived), l.other_on as arrived_on, l.later_on, x.exception_id, x.reason,
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


def _moved_away(lake: Lake, snapshot: Snapshot) -> str:
    """
    Give what moved from a platform to another place of ours by ``as_of_day()`` and is not found there, as ``leaving`` has it.

    What comes back stands against what left. Where nothing left it, what came back was there before the first day, but
    for a balance below zero that is carried over: a settlement that pays nothing out ends with its one line, of either
    sign (so has ``proofs.rolling`` it).
    """
    records = current_records(lake, snapshot.files["records"], snapshot.files["superseded"])
    found = [
        left_of_claim(lake, snapshot, "transfer"),
        left_of_claim(lake, snapshot, "settlement", "select match_id from arrival where not direct"),
    ]
    joined = " ".join(
        f"left join {used} u{n} on u{n}.record_key = r.record_key and u{n}.record_id = r.record_id"
        for n, used in enumerate(found)
    )
    return f"""
        select * exclude (own, whole, ends), from_nine(whole, decimals) as outstanding,
            null as exception_id, null as reason
        from (
            select r.source_id, r.entity_id, r.account_id, coalesce(r.settlement_id, r.external_id) as settlement_id,
                r.external_id, r.kind, r.record_id, r.currency, coalesce(r.exponent, own_exponent(r.currency)) as own,
                coalesce(u0.used, 0) + coalesce(u1.used, 0) - nine(r.amount, own) as whole, decimals_for(whole, own) as decimals, r.booked_on,
                -from_nine(nine(r.amount, own), decimals) as amount, greatest(u0.later_on, u1.later_on) as arrives_on,
                r.kind = 'balance_transfer' and e.settlement_id is not null as ends
            from {records} r {joined}
            left join (select account_id, settlement_id, currency from settlement_line where settlement_id is not null
                group by all having not bool_or(paid_out) and sum(effect) = 0) e
                on e.account_id = r.account_id and e.settlement_id = r.settlement_id and e.currency = r.currency
            where r.kind in ({named(MOVED)}) and r.status = 'booked' and r.amount is not null and r.booked_on <= as_of_day()
        ) where whole <> 0
        qualify bool_or(whole > 0) over (partition by account_id, currency)
            or (ends and count(*) over (partition by account_id, settlement_id, currency) = 1)
    """


def _swept(lake: Lake, snapshot: Snapshot) -> str:
    """
    Give what a bank swept to or from another account by ``as_of_day()`` and is not found there, as ``leaving`` has it.

    A sweep is told by its bank code, and no rule matches it. What left one account stands against as much that came to
    another within days, one against one: which of several equal ones it was makes no difference to what is missing.
    """
    return f"""
        with swept as (
            select *, nine(amount, exponent) as whole,
                row_number() over (partition by entity_id, currency, nine(amount, exponent) order by booked_on, record_id) as nth
            from {positions_relation(lake, snapshot)}
            where state = 'excluded' and reason = 'sweep' and kind = 'bank_entry' and booked_on <= as_of_day()
        )
        select s.source_id, s.entity_id, s.account_id, s.settlement_id, s.external_id, s.kind, s.record_id, s.currency,
            s.exponent as decimals, s.booked_on, -s.amount as amount, -s.amount as outstanding, null as expected_on,
            null as days_late, 'sweep' as how
        from swept s left join swept o on o.entity_id is not distinct from s.entity_id and o.currency = s.currency
            and o.whole = -s.whole and o.nth = s.nth and o.account_id is distinct from s.account_id
            and abs(o.booked_on - s.booked_on) <= {_SWEPT_DAYS}
        where o.record_id is null
    """


def _sent_ahead(lake: Lake, snapshot: Snapshot) -> str:
    """
    Give what a bank had moved by ``as_of_day()`` and the platform only later, as ``leaving`` has it.

    Money sent to a platform is on its way (+); a payout that arrived before its platform says that it left has arrived
    too early (-), as the platform's balance still has it. Of a match of which the bank had a part by then, that much is
    what left first; what is beyond that, the lines that left later have received already, in the order of their days
    (as ``left_of_claim`` spreads it).
    """
    records = current_records(lake, snapshot.files["records"], snapshot.files["superseded"])
    # What the bank had by the day, in the platform's currency.
    came = """case when p.currency = b.currency then b.came else p.total // p.unit * (b.came // b.unit)
        // (b.total // b.unit) * p.unit end"""
    return f"""
        with member as (
            select m.match_id, m.claim, m.side, r.source_id, r.entity_id, r.account_id, r.settlement_id, r.external_id, r.kind,
                r.record_key, r.record_id, m.currency, r.booked_on, sign(r.amount) as way, nine(m.allocated, m.exponent) as whole,
                m.exponent, coalesce(r.exponent, own_exponent(r.currency)) as own
            from result_matches m join {records} r using (record_key, record_id)
            where m.status = 'confirmed' and m.match_id in (select match_id from arrival where not direct)
        ), paid as (
            select match_id, any_value(currency) as currency, power_of_ten(9 - max(exponent)) as unit,
                sign(sum(way * abs(whole))) as way, abs(sum(way * abs(whole))) as total
            from member where claim = 'settlement' group by match_id
        ), brought as (
            select match_id, any_value(currency) as currency, power_of_ten(9 - max(exponent)) as unit,
                abs(sum(way * abs(whole))) as total,
                coalesce(sum(way * abs(whole)) filter (where booked_on <= as_of_day()), 0) * sign(sum(way * abs(whole))) as came,
                max(booked_on) filter (where booked_on <= as_of_day()) as left_on
            from member where claim = 'bank' group by match_id having came > 0 and total <> 0
        ), ahead as (
            select m.*, b.left_on, m.way * greatest(0, least(abs(m.whole), {came} - coalesce(sum(abs(m.whole)) over (
                partition by m.match_id order by m.booked_on, m.record_key, m.record_id
                rows between unbounded preceding and 1 preceding), 0)))::hugeint as nines
            from member m join paid p on p.match_id = m.match_id and p.way = m.way join brought b on b.match_id = m.match_id
            where m.claim = 'settlement'
        )
        select source_id, entity_id, account_id, coalesce(settlement_id, external_id) as settlement_id, external_id, kind, record_id,
            currency, decimals_for(nines, own) as decimals, left_on as booked_on, from_nine(nines, decimals)::bigint as amount,
            from_nine(nines, decimals)::bigint as outstanding, booked_on as arrives_on, null as expected_on, null as days_late,
            'in_transit' as how
        from ahead where kind in ({named(THROUGH_TRANSIT)}) and booked_on > as_of_day() and nines <> 0
    """


def in_transit_relation(lake: Lake, snapshot: Snapshot) -> str:
    """
    Give what left a platform by ``as_of_day()`` and has not arrived, payout by payout.

    Amounts are what should arrive: positive for money on its way to us. ``late``: it should have arrived by that day.
    ``expected``: a settlement that no payout is reported for; until the bank has it, it is part of the account's balance.
    ``sweep``: what a bank swept from (+) or to (-) an account, as long as the other half is not found.
    """
    return f"""(
        with leaving as (
            select any_value(source_id) as source_id, any_value(entity_id) as entity_id, account_id,
                coalesce(settlement_id, external_id) as settlement_id, any_value(external_id) as external_id, any_value(came_of) as came_of, kind,
                case when paid_out then record_id end as record_id, currency, decimals, max(booked_on) as booked_on,
                sum(case when paid_out then -amount else effect end)::bigint as amount,
                sum(case when paid_out then arrived - amount else effect - arrived end)::bigint as outstanding,
                any_value(exception_id) as exception_id, any_value(reason) as reason, max(later_on) as arrives_on
            from (select * replace (case when paid_out then kind else 'settlement' end as kind,
                case when paid_out then external_id end as external_id) from settlement_line where arriving and kind not in ({named(MOVED)}))
            group by account_id, coalesce(settlement_id, external_id), kind, currency, decimals,
                case when paid_out then record_id end
        ), back as (
            -- A payout that the bank returned is on no way any more: it and its return carry one name, or the return says whose
            -- money it is, and they sum to nothing.
            select account_id, currency, coalesce(came_of, external_id) as name from leaving where external_id is not null
            group by all having count(*) > 1 and sum(nine(outstanding, decimals)) = 0
        )
        select l.* exclude (came_of), a.expected_on, greatest(0, as_of_day() - a.expected_on) as days_late,
            case when a.expected_on < as_of_day() then 'late' when l.kind = 'settlement' then 'expected'
                else 'in_transit' end as how
        from (from leaving union all by name {_moved_away(lake, snapshot)}) l
        left join arrival_given a on a.account_id is not distinct from l.account_id and a.booked_on = l.booked_on
            and l.kind not in ({named(MOVED)})
        where l.outstanding <> 0 and not exists (select 1 from back b where b.account_id = l.account_id
            and b.currency = l.currency and b.name = coalesce(l.came_of, l.external_id))
        union all by name select * from ({_swept(lake, snapshot)})
        union all by name select * from ({_sent_ahead(lake, snapshot)})
    )"""


def payouts_relation(lake: Lake, snapshot: Snapshot) -> str:
    """
    Give what each payout is made of: the lines of its settlement by sort, their sum, and the payout.

    The fee of paying out is one of its fees. ``difference`` is what the lines do not explain; empty where the platform
    reports no lines or no payout.
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
                {part.format("effect - amount", "true")}
                    + {part.format("amount", f"kind in ({named(_COSTS)})")} as fees,
                {part.format("amount", f"kind in ({named(_HELD)})")} as reserve,
                {part.format("amount", f"not paid_out and kind not in ('charge', {named((*_RETURNED, *_COSTS, *_HELD))})")} as other,
                {part.format("case when paid_out then effect - amount else effect end", "true")} as total, {part.format("-amount", "paid_out")} as paid,
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
    ready=lay_settlement_lines,
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
    ready=lay_settlement_lines,
)
