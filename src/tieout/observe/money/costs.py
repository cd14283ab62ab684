"""
Fees: what platforms and banks kept, per settlement and sort of line.

What should have been kept is not declared anywhere yet: ``expected`` is empty rather than invented.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from tieout.observe.exporting.columns import Column, ExportedTable, amounts_of, same
from tieout.store.views import current_records

if TYPE_CHECKING:
    from tieout.observe.snapshot import Snapshot
    from tieout.store.lake import Lake

__all__ = ["FEES", "fees_relation"]

#: Lines that are a cost by themselves; of all others, what was kept back from them is.
_COST_KINDS = "'fee', 'application_fee', 'application_fee_refund', 'dispute_fee', 'bank_charge', 'tax_withheld'"


def fees_relation(lake: Lake, snapshot: Snapshot) -> str:
    """
    Give what was kept, as positive amounts, up to ``as_of_day()``; one exponent and currency a row.

    ``what`` is ``fee`` or ``fee_tax``: of a line that states both apart, or is a fee of which a part, or all, is tax.
    """
    files = snapshot.files
    names = "source_id, entity_id, account_id, settlement_id, kind, currency, decimals"
    return f"""(
        with line as (
            select *, coalesce(exponent, own_exponent(currency)) as decimals
            from {current_records(lake, files["records"], files["superseded"])}
            where status = 'booked' and booked_on <= as_of_day()
        ), cost as (
            select {names}, booked_on, 'fee' as what, fee as amount, 1 as place from line where fee <> 0
            union all select {names}, booked_on, 'fee_tax', fee_tax, 2 from line where fee_tax <> 0
            union all select {names}, booked_on, 'fee', coalesce(tax, 0) - amount, 1 from line
                where kind in ({_COST_KINDS}) and amount <> coalesce(tax, 0)
            union all select {names}, booked_on, 'fee_tax', -tax, 2 from line where kind in ({_COST_KINDS}) and tax <> 0
        )
        select {names}, what, place, count(*) as lines, sum(amount)::bigint as actual, max(booked_on) as booked_on
        from cost group by all
    )"""


#: The exported table.
FEES = ExportedTable(
    name="fees",
    columns=(
        Column("source", "word", "t.source_id"),
        Column("entity", "word", "t.entity_id"),
        Column("account", "text", "t.account_id"),
        *same("text", "settlement_id"),
        *same("word", "kind", "what"),
        *same("integer", "lines"),
        *amounts_of("t.decimals", "actual"),
        Column("expected", "decimal", "null::varchar"),
        Column("difference", "decimal", "null::varchar"),
        *same("word", "currency"),
        Column("last_on", "day", "t.booked_on"),
    ),
    relation=fees_relation,
    order="t.account_id, t.currency, t.settlement_id nulls last, t.kind, t.place, t.source_id",
)
