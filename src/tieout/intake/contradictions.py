"""
Where the reports of a record contradict each other, which only a person can settle: laws 2 and 5.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tieout.intake.ranking import KIND_TOLD, NAMED, NAMES_PAYMENT
from tieout.intake.resolution import Conflict
from tieout.model.money import format_minor
from tieout.model.records import AUTHORISED
from tieout.store.tables import MATERIAL

if TYPE_CHECKING:
    import duckdb

__all__ = ["contradictions"]

_AMOUNTS = ("amount", "fee", "fee_tax", "tax", "net")
_OF_MONEY = {"currency", "exponent", *_AMOUNTS}
_CANDIDATES_MAX = 10


def contradictions(con: duckdb.DuckDBPyConnection) -> list[Conflict]:
    """Find material fields on which the highest-ranked reports of a record disagree."""
    compared = {name: f'"{name}"' for name in MATERIAL if name not in {"status", "exponent", "fee", "fee_tax"}}
    compared["external_id"] = f"case when {NAMED} = best_named then external_id end"
    compared["kind"] = f"case when {KIND_TOLD} then kind end"
    compared["fee"] = "case when costed and not only_net then coalesce(fee, 0) + coalesce(fee_tax, 0) end"
    # Who leaves the costs out states either what arrives or the gross; the other of the two only follows from it.
    compared["amount"] = "case when not only_net then amount end"
    compared["net"] = "case when costed or only_net or not costs_told then net end"
    compared["payment_id"] = f"case when {NAMES_PAYMENT} then payment_id end"
    # Who does not say what arrives contradicts who does by another amount of the same currency, whichever is later: one of
    # them is no statement about this money. Another currency is what the customer saw. Of what was captured in part, either
    # the part or the whole may be booked.
    fields = " union all ".join(
        f"select target, '{name}' as field, basis, ({sql})::varchar as value, exponent, delivery_id, line, source_id,"
        f" external_id, amount, {'grossly' if name == 'amount' else 'false'} as grossly"
        f" from top where ({sql}) is not null"
        + (
            ""
            if name not in _OF_MONEY
            else " and (settles or not grossly) and not whole_booked"
            if name == "amount"
            else " and not grossly"
        )
        for name, sql in compared.items()
    )
    rows = con.execute(f"""
        with top as (
            select *, net is null and bool_or(net is not null) over (partition by target) as grossly,
                bool_or(costed or only_net) over (partition by target) as costs_told,
                coalesce(net is null and json_valid(details) and json_extract_string(details, '$.{AUTHORISED}')
                    = (max(amount) filter (net is not null and not only_net) over (partition by target))::varchar,
                    false) as whole_booked
            from (select *, max({NAMED}) over (partition by target) as best_named from ranked
                qualify booked = max(booked) over (partition by target))
        ), fields as ({fields}),
        latest as (select * from fields qualify basis = max(basis) over (partition by target, field, grossly))
        select lower(hex(target)), field, list(struct_pack(delivery_id := delivery_id, line := line,
            source := source_id, external_id := external_id, amount := amount, exponent := exponent, value := value)
            order by source_id, line, external_id, amount, exponent, value, delivery_id)
        from latest group by target, field having count(distinct value) > 1 order by target, field
    """).fetchall()
    found: dict[str, Conflict] = {}
    for record_id, name, said in rows:
        candidates = [_candidate(record_id, name, one) for one in said[:_CANDIDATES_MAX]]
        note = f"{name} is reported as " + " and as ".join(sorted({str(c["value"]) for c in candidates})[:4])
        if record_id in found:
            found[record_id].candidates.extend(candidates)
        else:
            found[record_id] = Conflict(record_id, f"{note}: nothing says which is later", candidates)
    return list(found.values())


def _candidate(record_id: str, name: str, said: dict[str, Any]) -> dict[str, object]:
    """Say what one report states, with amounts in major units."""
    exponent = said.pop("exponent") or 0
    value, amount = said["value"], said["amount"]
    shown = format_minor(int(value), exponent) if name in _AMOUNTS else value
    return said | {
        "record_id": record_id,
        "amount": None if amount is None else format_minor(amount, exponent),
        "value": shown,
        "why": f"states {name} as {shown}",
    }
