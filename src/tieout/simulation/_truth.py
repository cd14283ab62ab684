"""
What a correct tieout must find in a company's files, by construction; no product code reads it.

``truth/README.md`` says what each table means.
"""

from __future__ import annotations

import csv
import io
from dataclasses import fields
from typing import TYPE_CHECKING

import pyarrow as pa

from tieout.simulation._documents import How
from tieout.simulation._profile import EXPONENTS
from tieout.simulation._sales import Line
from tieout.simulation._truth_text import README
from tieout.simulation._world import Position

if TYPE_CHECKING:
    from pathlib import Path

    import duckdb

    from tieout.simulation._banks import Statement
    from tieout.simulation._settling import Settlement
    from tieout.simulation._world import World

__all__ = ["write_truth"]

# how -> expected, reason, decidable, also
_JUDGED: dict[How, tuple[str, str | None, bool, str]] = {
    How.PLAIN: ("matched", None, True, ""),
    How.OTHER_SPELLING: ("matched", None, True, ""),
    How.LATE_REFERENCE: ("matched", None, True, ""),
    How.CORRECTED_DOCUMENT: ("matched", None, True, ""),
    How.PREFIX_LOST: ("matched", None, True, ""),
    How.TRUNCATED_REFERENCE: ("matched", None, True, ""),
    How.MANGLED_REFERENCE: ("matched", None, True, ""),
    How.MISSING_REFERENCE: ("matched", None, True, ""),
    How.SHORT_WITHIN_TOLERANCE: ("matched", None, True, "exception:amount_difference"),
    How.OVER_WITHIN_TOLERANCE: ("matched", None, True, "exception:amount_difference"),
    How.SHORT_BEYOND_TOLERANCE: ("exception", "amount_difference", True, "exception:missing_left;exception:missing_right"),
    How.OVER_BEYOND_TOLERANCE: ("exception", "amount_difference", True, "exception:missing_left;exception:missing_right"),
    How.BOOKED_IN_BASE_CURRENCY: ("matched", None, True, "exception:currency_mismatch"),
    How.DUPLICATED_DOCUMENT: ("exception", "ambiguous", False, "exception:duplicate;matched"),
    How.PAID_TWICE: ("exception", "ambiguous", False, "exception:duplicate;matched;exception:missing_left"),
    How.MISSING_DOCUMENT: ("exception", "missing_left", True, "open"),
    How.MISSING_CHARGE: ("exception", "missing_right", True, "exception:late;open"),
    How.MISSING_REFUND: ("exception", "missing_right", True, "exception:late;open"),
    How.REFUND_WITHOUT_CREDIT_NOTE: ("exception", "refund_without_credit_note", True, "exception:missing_left;open"),
    How.RETURNED_DEBIT: ("exception", "returned", True, "exception:refund_without_credit_note;exception:missing_left;open"),
}
#: References that do not join: amount, day and name must do.
_NAMELESS = (How.PREFIX_LOST, How.TRUNCATED_REFERENCE, How.MANGLED_REFERENCE, How.MISSING_REFERENCE)
_COLUMNS = (
    "reconciliation, claim, side, source, external_id, settlement_id, kind, booked_on, amount, currency, expected, reason,"
    " group_id, allocated, decidable, trouble, also"
)


def write_truth(
    con: duckdb.DuckDBPyConnection,
    world: World,
    settlements: list[Settlement],
    statements: list[Statement],
    spoiled: list[dict[str, object]],
    folder: Path,
) -> None:
    """Write every table of the truth."""
    folder.mkdir(parents=True, exist_ok=True)
    _lay_positions(con, world)
    _write(con, f"select {_COLUMNS} from positions order by all", folder / "positions.parquet")
    _write_balances(con, world, statements, folder)
    _write_in_transit(con, world, settlements, folder)
    _write_fees(con, folder)
    _write_payments(con, folder)
    text = io.StringIO(newline="")
    writer = csv.DictWriter(text, ["source", "file", "column", "external_id", "content"], lineterminator="\n")
    writer.writeheader()
    writer.writerows(spoiled)
    (folder / "unreadable.csv").write_text(text.getvalue(), encoding="utf-8")
    (folder / "README.md").write_text(README, encoding="utf-8")


def _write(con: duckdb.DuckDBPyConnection, query: str, path: Path) -> None:
    con.execute(f"copy ({query}) to '{path}' (format parquet, compression zstd)")


def _case(values: dict[How, str | None], column: str) -> str:
    arms = " ".join(f"when {int(how)} then " + ("null" if value is None else f"'{value}'") for how, value in values.items())
    return f"case {column} {arms} end"


def _lay_positions(con: duckdb.DuckDBPyConnection, world: World) -> None:
    names = [field.name for field in fields(Position)]
    columns = {name: [getattr(position, name) for position in world.positions] for name in names}
    con.register("drawn_given", pa.table(columns))
    con.execute(
        f"""
        create table drawn as
        select * exclude (day, "group"), date '1970-01-01' + day::integer as booked_on, "group" as group_id
        from drawn_given
    """
    )
    con.unregister("drawn_given")
    _lay_pool(con)
    billed = f"({int(Line.CHARGE)}, {int(Line.REFUND)}, {int(Line.DEBIT_RETURNED)})"
    con.execute(
        f"""
        create view positions as
        select reconciliation, claim, side, source, external_id, settlement_id, kind, booked_on, amount, currency,
            expected, reason, group_id, coalesce(allocated, amount) as allocated, decidable, trouble, also
        from drawn
        union all {_judged("document_side")}
        union all {_judged("payment_side")}
        union all {_settled()}
    """
        .replace("{billed}", billed)
    )


def _lay_pool(con: duckdb.DuckDBPyConnection) -> None:
    """Lay out both sides of the receivables, and which of those without a usable reference cannot be told apart."""
    nameless = ", ".join(str(int(how)) for how in _NAMELESS)
    con.execute(f"""
        create view document_side as
        select 'document' as claim, 'left' as side, case entity when 0 then 'erp-de' else 'erp-us' end as source,
            number as external_id, null::varchar as settlement_id, kind, date '1970-01-01' + day::integer as booked_on,
            amount, currency, how, full_name as name, line,
            case when how = {int(How.PAID_TWICE)} then (select min(t.i) from line_columns t
                where t.how = {int(How.PAID_TWICE)} and t.order_place = (select order_place from line_columns x where x.i = d.line)
                and t.platform = (select platform from line_columns x where x.i = d.line)) else line end as tied
        from documents d
    """)
    con.execute(f"""
        create view payment_side as
        select 'payment' as claim, 'right' as side,
            case when source = 'stripe' and (settlement = -1) then 'stripe-balance' else source end as source,
            own_id as external_id, settlement_id, case kind when {int(Line.CHARGE)} then 'charge' else 'refund' end as kind,
            booked_on, amount, currency, how, customer_name as name, i as line,
            case when how = {int(How.PAID_TWICE)} then min(case when how = {int(How.PAID_TWICE)} then i end)
                over (partition by platform, order_place, how) else i end as tied
        from lines_named where kind in ({int(Line.CHARGE)}, {int(Line.REFUND)}, {int(Line.DEBIT_RETURNED)})
    """)
    # Left over once the references have joined what they can: the same amount, and the same name or no other amount.
    left_over = f"({nameless}, {int(How.MISSING_CHARGE)}, {int(How.MISSING_REFUND)}, {int(How.MISSING_DOCUMENT)})"
    con.execute(f"""
        create table undecidable as
        with pool as (
            select side, currency, amount, name, line, how from document_side where how in {left_over}
            union all
            select side, currency, amount, name, line, how from payment_side where how in {left_over}
        ), named as (
            select *, count(*) over (partition by side, currency, amount, name) as same from pool
        )
        select distinct line from named where how in ({nameless}) and same > 1
    """)


def _judged(side: str) -> str:
    """Judge one side of the receivables by how each document stands to its line."""
    hows = list(_JUDGED)
    expected = _case({how: _JUDGED[how][0] for how in hows}, "how")
    reason = _case({how: _JUDGED[how][1] for how in hows}, "how")
    also = _case({how: _JUDGED[how][3] for how in hows}, "how")
    trouble = _case({how: how.name.lower() for how in hows}, "how")
    decided = ", ".join(str(int(how)) for how in hows if _JUDGED[how][2])
    vague = "line in (select line from undecidable)"
    alone = ", ".join(
        str(int(how))
        for how in (
            How.MISSING_CHARGE, How.MISSING_REFUND, How.MISSING_DOCUMENT, How.REFUND_WITHOUT_CREDIT_NOTE, How.RETURNED_DEBIT,
        )
    )  # fmt: skip
    return f"""
        select 'receivables', claim, side, source, external_id, settlement_id, kind, booked_on, amount, currency,
            case when {vague} then 'exception' else {expected} end, case when {vague} then 'ambiguous' else {reason} end,
            case when how not in ({alone}) then 'receivables/' || tied end, amount, how in ({decided}) and not {vague},
            {trouble}, case when {vague} then 'matched' else {also} end
        from {side}
    """


def _settled() -> str:
    """Say of every line which settlement it is part of, and of every transfer where it was found again."""
    kinds = {
        Line.CHARGE: "charge", Line.REFUND: "refund", Line.DISPUTE: "dispute", Line.DISPUTE_WON: "dispute_reversal",
        Line.FEE: "fee", Line.FEE_TAX: "fee", Line.HOLD: "reserve_hold", Line.RELEASE: "reserve_release",
        Line.ADJUSTMENT: "adjustment", Line.CORRECTION: "adjustment", Line.PAYOUT: "payout",
        Line.PAYOUT_FAILED: "payout_reversal", Line.CARRIED_OUT: "balance_transfer", Line.CARRIED_IN: "balance_transfer",
        Line.DEBIT_RETURNED: "refund",
    }  # fmt: skip
    kind = "case kind " + " ".join(f"when {int(line)} then '{word}'" for line, word in kinds.items()) + " end"
    payout, out, into = int(Line.PAYOUT), int(Line.CARRIED_OUT), int(Line.CARRIED_IN)
    hold, release, failed = int(Line.HOLD), int(Line.RELEASE), int(Line.PAYOUT_FAILED)
    source = "case when source = 'stripe' and (settlement = -1 or state = 'manual') then 'stripe-balance' else source end"
    same = f"'payouts-' || source, %s, 'left', {source}, coalesce(own_id, transaction_id), settlement_id, {kind}, booked_on"
    return f"""
        select {same % "'settlement'"}, amount - fee, currency, case when settlement = -1 then 'open' else 'matched' end, null,
            case when settlement >= 0 then 'settlement/' || settlement_id end, amount - fee, true,
            case when settlement = -1 then 'not_settled_yet' when state in ('carried', 'last') then 'carried_over'
                when state = 'zero' then 'zero_sum' else 'composition' end,
            case when settlement = -1 then 'in_transit' else '' end
        from lines_named where kind <> {payout}
        union all
        select {same % "'transfer'"}, amount, currency, case when state = 'manual' then 'open' else 'matched' end, null,
            case when state <> 'manual' then 'settlement/' || settlement_id end, amount, true,
            case when state = 'manual' then 'manual_payout' else 'composition' end,
            case when state = 'manual' then 'exception:missing_left;in_transit' else '' end
        from lines_named where kind = {payout}
        union all
        select {same % "'transfer'"}, amount, currency, case when state = 'last' and kind = {out} then 'in_transit' else 'matched' end,
            null, case when not (state = 'last' and kind = {out})
                then 'carried/' || account || '/' || (case kind when {into} then batch - 1 else batch end) end,
            amount, true, 'balance_transfer', case when state = 'last' and kind = {out} then 'open' else '' end
        from lines_named where kind in ({out}, {into})
        union all
        select {same % "'transfer'"}, amount, currency, case when pairs > 1 then 'matched' else 'in_transit' end, null,
            case when pairs > 1 then 'reserve/' || platform_id || '/' || abs(amount) end, amount, true,
            case when pairs > 1 then 'reserve_released' else 'reserve_held' end, case when pairs > 1 then 'open;in_transit' else 'open' end
        from (select *, count(*) over (partition by platform, abs(amount)) as pairs from lines_named where kind in ({hold}, {release}))
        union all
        select {same % "'transfer'"}, amount, currency, 'exception', 'returned', null, amount, true, 'payout_failed',
            'matched;open;in_transit'
        from lines_named where kind = {failed}
    """


def _write_balances(con: duckdb.DuckDBPyConnection, world: World, statements: list[Statement], folder: Path) -> None:
    """Closing balances: of banks by their statements, of platforms and ledger accounts by their lines."""
    rows: list[dict[str, object]] = [
        {"account": s.bank.id, "day": s.day, "closing": s.closing, "currency": s.bank.currency} for s in statements
    ]
    for bank in world.profile.banks:
        balance = bank.opening
        mine = sorted((b for b in world.bookings if b.account == bank.ledger_account), key=lambda b: b.day)
        by_day = {}
        for booking in mine:
            balance += booking.amount
            by_day[booking.day] = balance
        rows += [
            {"account": f"gl-{bank.ledger_account}", "day": day, "closing": closing, "currency": bank.currency}
            for day, closing in by_day.items()
        ]
    con.register("balances_given", pa.Table.from_pylist(rows))
    openings = " ".join(f"when {p.place} then {p.opening}" for p in world.profile.platforms)
    _write(
        con,
        f"""
        select account, date '1970-01-01' + day::integer as day, closing, currency from balances_given
        union all
        select platform_id, booked_on, (case platform {openings} end + sum(sum(amount - fee)) over (
            partition by platform order by booked_on))::bigint, currency
        from lines group by platform, platform_id, booked_on, currency
        order by account, day
    """,
        folder / "balances.parquet",
    )
    con.unregister("balances_given")


def _write_in_transit(con: duckdb.DuckDBPyConnection, world: World, settlements: list[Settlement], folder: Path) -> None:
    """Payouts that the banks had not booked when the month ended."""
    waiting = {p.settlement_id: p for p in world.positions if p.trouble in {"in_transit_at_month_end", "payout_missing_at_bank"}}
    rows = [
        {
            "account": s.platform.id, "settlement_id": s.id, "external_id": waiting[s.id].external_id, "amount": s.amount,
            "currency": s.platform.currency, "exponent": EXPONENTS[s.platform.currency], "paid_day": s.day, "due_day": s.due,
            "trouble": waiting[s.id].trouble,
        }
        for s in settlements
        if s.id in waiting
    ]  # fmt: skip
    con.register("transit_given", pa.Table.from_pylist(rows))
    query = """
        select * exclude (paid_day, due_day), date '1970-01-01' + paid_day::integer as paid_on,
            date '1970-01-01' + due_day::integer as expected_on
        from transit_given order by account, settlement_id
    """
    _write(con, query, folder / "in_transit.parquet")
    con.unregister("transit_given")


def _write_fees(con: duckdb.DuckDBPyConnection, folder: Path) -> None:
    """What the platforms kept, per settlement and sort of cost."""
    query = f"""
        select platform_id as account, settlement_id, currency,
            case kind when {int(Line.CHARGE)} then 'processing' when {int(Line.DISPUTE)} then 'dispute'
                when {int(Line.FEE_TAX)} then 'fee_tax' when {int(Line.FEE)} then 'service' else 'other' end as what,
            sum(case when kind in ({int(Line.FEE)}, {int(Line.FEE_TAX)}) then -amount else fee end)::bigint as amount
        from lines where fee <> 0 or kind in ({int(Line.FEE)}, {int(Line.FEE_TAX)})
        group by all order by all
    """
    _write(con, query, folder / "fees.parquet")


def _write_payments(con: duckdb.DuckDBPyConnection, folder: Path) -> None:
    """The final state of each payment, with what was captured, given back and disputed."""
    query = f"""
        with moved as (
            select payment, sum(amount) filter (where kind = {int(Line.REFUND)}) as refunded,
                sum(amount) filter (where kind = {int(Line.DEBIT_RETURNED)}) as returned,
                sum(amount) filter (where kind = {int(Line.DISPUTE)}) as disputed,
                sum(amount) filter (where kind = {int(Line.DISPUTE_WON)}) as won
            from line_columns where kind in ({int(Line.REFUND)}, {int(Line.DEBIT_RETURNED)}, {int(Line.DISPUTE)}, {int(Line.DISPUTE_WON)})
            group by payment
        )
        select l.source, own_id as external_id, case l.source when 'stripe' then stripe_id('pi', 'i', payment) else own_id end
            as payment_id, platform_id as account, l.currency, l.amount as captured,
            coalesce(-refunded, 0)::bigint as refunded, coalesce(-disputed, 0)::bigint as disputed, coalesce(won, 0)::bigint as won,
            case when returned is not null then 'returned' when won is not null then 'dispute_won'
                when disputed is not null then 'dispute_lost' when -refunded = l.amount then 'refunded'
                when refunded is not null then 'partially_refunded' else 'captured' end as state,
            l.settlement >= 0 as is_settled
        from lines_named l left join moved using (payment)
        where kind = {int(Line.CHARGE)} order by l.source, external_id
    """
    _write(con, query, folder / "payments.parquet")
