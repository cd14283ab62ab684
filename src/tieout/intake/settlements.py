"""
Does a platform's batch sum to its payout: law 4, for reports that carry whole batches.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pyarrow as pa

from tieout.intake.findings import Finding
from tieout.model.money import format_minor

if TYPE_CHECKING:
    import duckdb

__all__ = ["batch_findings", "batch_scope"]

_FINDINGS_MAX = 10_000


def batch_scope(system: str, settlement_id: str) -> str:
    """Name the scope of one batch."""
    return f"settlement {system} {settlement_id}"


def batch_findings(
    con: duckdb.DuckDBPyConnection, records: str, touched: list[str], system: str, source_id: str, delivery_id: str
) -> list[Finding]:
    """
    Find batches with a payout line whose lines do not sum to zero.

    :param records: the records that stand, this delivery's among them, as a relation.
    :param touched: the settlements that this delivery speaks of.
    """
    con.register("touched", pa.table({"settlement_id": pa.array(touched, pa.string())}))
    rows = con.sql(
        f"""
        select settlement_id, currency, max(exponent), any_value(account_id), any_value(entity_id),
            sum(net::hugeint * (10::hugeint ** (9 - exponent))::hugeint)::varchar,
            min(booked_on) filter (where kind = 'payout') - date '1970-01-01'
        from {records} r
        where system = $system and settlement_id in (select settlement_id from touched) and status = 'booked'
        group by settlement_id, currency
        having count(*) filter (where kind = 'payout') > 0
            and sum(net::hugeint * (10::hugeint ** (9 - exponent))::hugeint) <> 0
        order by settlement_id, currency limit {_FINDINGS_MAX}
    """,
        params={"system": system},
    ).fetchall()
    con.unregister("touched")
    found = []
    for settlement_id, currency, exponent, account_id, entity_id, total, day in rows:
        left = int(total) // 10 ** (9 - exponent)
        note = (
            f"expected the lines of settlement {settlement_id} to sum to its payout,"
            f" got a difference of {format_minor(left, exponent)} {currency}"
        )
        found.append(
            Finding(
                scope=batch_scope(system, settlement_id),
                reason="balance_difference",
                note=note,
                source_id=source_id,
                delivery_id=delivery_id,
                entity_id=entity_id,
                account_id=account_id,
                amount=left,
                exponent=exponent,
                currency=currency,
                settlement_id=settlement_id,
                booked_day=day,
            ),
        )
    return found
