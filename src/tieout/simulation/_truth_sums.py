"""
The sums of the truth: balances, cash in transit, fees, and the final state of each payment.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pyarrow as pa

from tieout.simulation._profile import EXPONENTS
from tieout.simulation._sales import Line
from tieout.simulation._tables import write_parquet

if TYPE_CHECKING:
    from pathlib import Path

    import duckdb

    from tieout.simulation._banks import Statement
    from tieout.simulation._own_moves import Conversion
    from tieout.simulation._settling import Settlement
    from tieout.simulation._world import World

__all__ = [
    "write_balances", "write_conversions", "write_fees", "write_in_transit", "write_payments", "write_transit",
]  # fmt: skip


def write_balances(con: duckdb.DuckDBPyConnection, world: World, statements: list[Statement], folder: Path) -> None:
    """Closing balances: of banks by their statements, of all others by their lines."""
    rows: list[dict[str, object]] = [
        {"account": s.bank.id, "day": s.day, "closing": s.closing, "currency": s.bank.currency} for s in statements
    ]
    booked = [(f"gl-{b.account}", b.day, b.amount) for b in world.bookings]
    passed = [(p.transit.id, p.day, p.amount) for p in world.passages]
    opened = {f"gl-{bank.ledger_account}": (bank.opening, bank.currency) for bank in world.profile.banks}
    for transit in world.profile.transits:
        opened |= dict.fromkeys((transit.id, f"gl-{transit.ledger_account}"), (0, transit.currency))
    for account, (opening, currency) in opened.items():
        by_day = {}
        for _, day, amount in sorted(move for move in (*booked, *passed) if move[0] == account):
            opening += amount  # noqa: PLW2901 - the balance goes on
            by_day[day] = opening
        rows += [
            {"account": account, "day": day, "closing": closing, "currency": currency}
            for day, closing in by_day.items()
        ]
    con.register("balances_given", pa.Table.from_pylist(rows))
    openings = " ".join(f"when {p.place} then {p.opening}" for p in world.profile.platforms)
    write_parquet(
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


def write_in_transit(con: duckdb.DuckDBPyConnection, world: World, settlements: list[Settlement], folder: Path) -> None:
    """Payouts that the banks had not booked when the month ended."""
    waiting = {
        p.settlement_id: p
        for p in world.positions
        if p.trouble in {"in_transit_at_month_end", "payout_missing_at_bank"}
    }
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
    write_parquet(con, query, folder / "in_transit.parquet")
    con.unregister("transit_given")


def write_transit(con: duckdb.DuckDBPyConnection, world: World, folder: Path) -> None:
    """What passed through cash in transit, and how the ERP booked it."""
    rows = [
        {
            "account": p.transit.id, "name": p.name, "moved_day": p.day, "amount": p.amount, "currency": p.transit.currency,
            "how": p.how, "entry": p.booking and p.booking.number, "booked_day": p.booking and p.booking.day,
            "booked_amount": p.booking and p.booking.amount,
        }
        for p in world.passages
    ]  # fmt: skip
    con.register("passages_given", pa.Table.from_pylist(rows))
    query = """
        select * exclude (moved_day, booked_day), date '1970-01-01' + moved_day::integer as moved_on,
            date '1970-01-01' + booked_day::integer as booked_on
        from passages_given order by account, moved_on, name, amount
    """
    write_parquet(con, query, folder / "transit.parquet")
    con.unregister("passages_given")


def write_conversions(con: duckdb.DuckDBPyConnection, conversions: list[Conversion], folder: Path) -> None:
    """Balances that a platform turned into others."""
    kinds = {"number": pa.int64(), "day": pa.int64(), "from_account": pa.string(), "given": pa.int64(),
             "from_currency": pa.string(), "to_account": pa.string(), "received": pa.int64(), "to_currency": pa.string()}  # fmt: skip
    rows = [
        (c.number, c.day, c.source.id, c.given, c.source.currency, c.target.id, c.received, c.target.currency)
        for c in conversions
    ]
    columns = zip(*rows, strict=True) if rows else ((),) * len(kinds)
    arrays = [pa.array(column, kind) for column, kind in zip(columns, kinds.values(), strict=True)]
    con.register("conversions_given", pa.Table.from_arrays(arrays, names=list(kinds)))
    query = (
        "select * exclude (day), date '1970-01-01' + day::integer as booked_on from conversions_given order by number"
    )
    write_parquet(con, query, folder / "conversions.parquet")
    con.unregister("conversions_given")


def write_fees(con: duckdb.DuckDBPyConnection, folder: Path) -> None:
    """What the platforms kept, per settlement and sort of cost."""
    query = f"""
        select platform_id as account, settlement_id, currency,
            case kind when {int(Line.CHARGE)} then 'processing' when {int(Line.DISPUTE)} then 'dispute'
                when {int(Line.FEE_TAX)} then 'fee_tax' when {int(Line.FEE)} then 'service' else 'other' end as what,
            sum(case when kind in ({int(Line.FEE)}, {int(Line.FEE_TAX)}) then -amount else fee end)::bigint as amount
        from lines where fee <> 0 or kind in ({int(Line.FEE)}, {int(Line.FEE_TAX)})
        group by all order by all
    """
    write_parquet(con, query, folder / "fees.parquet")


def write_payments(con: duckdb.DuckDBPyConnection, folder: Path) -> None:
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
        where kind = {int(Line.CHARGE)} order by l.i
    """
    write_parquet(con, query, folder / "payments.parquet")
