"""
The exported tables of money: proofs and their items, open items, cash in transit, payouts and fees.

To add one, write its relation beside the view that it belongs to, and name it in :data:`MONEY`.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pyarrow as pa

from tieout.observe.exporting.columns import Column, ExportedTable, amounts_of, same
from tieout.observe.money.costs import FEES
from tieout.observe.money.owed import OPEN_ITEMS
from tieout.observe.money.transit import IN_TRANSIT, PAYOUTS

if TYPE_CHECKING:
    from tieout.observe.exporting.columns import Opened
    from tieout.observe.proofs.proof import AccountProof

__all__ = ["MONEY"]

_WORDS = ("account_id", "entity_id", "account_kind", "currency", "ledger_account")
_DAYS = ("as_of", "opened_on", "reported_on", "breaks_on")
_SUMS = (
    "opening", "moved", "closing", "reported", "since", "rolled", "outside_balance", "outside_items", "outside_adjusted",
    "ledger_balance", "ledger_items", "ledger_adjusted", "residual", "reserve",
)  # fmt: skip
_SCHEMA = pa.schema(
    [
        *((name, pa.string()) for name in (*_WORDS, *_SUMS, "movements", "items", "faults", "notes", "outside_source")),
        *((name, pa.date32()) for name in _DAYS),
        *((name, pa.timestamp("us", tz="UTC")) for name in ("known_at", "reported_at")),
        ("not_compared", pa.int64()),
        ("closes", pa.bool_()),
        ("proven", pa.bool_()),
    ],
)


def _lay_proofs(opened: Opened) -> None:
    """Make every proof, and keep all of its items, also those that it shows as one sum."""
    from tieout.observe.proofs.proving import proofs_of

    con = opened.con
    con.execute("""
        create or replace temp table proof_item (account_id varchar, entity_id varchar, currency varchar, decimals integer,
            side varchar, state varchar, reason varchar, kind varchar, record_id varchar, external_id varchar,
            booked_on date, amount bigint, match_id varchar, exception_id varchar, other_on date)
    """)
    rows = []
    for proof in proofs_of(opened):
        rows.append(_row(proof))
        if proof.ledger_account is not None:
            con.execute(
                """insert into proof_item select $1, $2, $3, $4, place, state, reason, kind, record_id, external_id,
                booked_on, amount::bigint, match_id, exception_id, other_on from item""",
                [proof.account_id, proof.entity_id, proof.currency, proof.exponent],
            )
    con.register("proof_given", pa.Table.from_pylist(rows, schema=_SCHEMA))


def _row(proof: AccountProof) -> dict[str, object]:
    told = proof.as_json()
    sides: dict[str, int | None] = {}
    for name, side in (("outside", proof.outside), ("ledger", proof.ledger)):
        items = None if side.balance is None else sum(item.amount for item in side.items)
        sides |= {f"{name}_balance": side.balance, f"{name}_items": items, f"{name}_adjusted": side.adjusted}
    moved = sum(movement.amount for movement in proof.movements)
    plain = {name: getattr(proof, name) for name in ("opening", "closing", "reported", "since", "rolled", "residual")}
    reserve = None if proof.reserve is None else proof.reserve.held
    sums = {**plain, **sides, "moved": moved, "reserve": reserve}
    named = {name: told[name]["items"] for name in ("outside", "ledger")}
    return {
        **{name: getattr(proof, name) for name in ("account_id", "entity_id", "currency", "ledger_account", *_DAYS)},
        **{name: proof.written(amount) for name, amount in sums.items()},
        "account_kind": proof.kind,
        "known_at": proof.known_at,
        "reported_at": proof.reported_at,
        "outside_source": proof.outside.source,
        "movements": json.dumps(told["movements"]),
        "items": json.dumps(named, ensure_ascii=False),
        "faults": json.dumps(told["faults"], ensure_ascii=False),
        "notes": json.dumps(told["notes"], ensure_ascii=False),
        "not_compared": proof.not_compared,
        "closes": proof.closes,
        "proven": proof.is_proven,
    }


_WHOSE = (Column("account", "text", "t.account_id"), Column("entity", "word", "t.entity_id"))
_PROOFS = ExportedTable(
    name="proofs",
    columns=(
        *_WHOSE,
        Column("kind", "word", "t.account_kind"),
        *same("word", "currency"),
        *same("day", "as_of"),
        *same("moment", "known_at"),
        *same("day", "opened_on"),
        *same("decimal", "opening"),
        Column("moved", "decimal", "t.moved"),
        *same("decimal", "closing"),
        *same("day", "reported_on"),
        *same("decimal", "reported", "since"),
        Column("difference", "decimal", "t.rolled"),
        *same("day", "breaks_on"),
        *same("text", "outside_source"),
        *same("decimal", "outside_balance", "outside_items", "outside_adjusted"),
        *same("text", "ledger_account"),
        *same("decimal", "ledger_balance", "ledger_items", "ledger_adjusted", "residual", "reserve"),
        *same("integer", "not_compared"),
        *same("flag", "closes", "proven"),
        *same("json", "movements", "items", "faults"),
        *same("moment", "reported_at"),
        *same("json", "notes"),
    ),
    relation=lambda _lake, _snapshot: "proof_given",
    order="t.account_id, t.currency",
    day="",
    needs=("deliveries", "exceptions"),
    ready=_lay_proofs,
)
_PROOF_ITEMS = ExportedTable(
    name="proof_items",
    columns=(
        *_WHOSE,
        *same("word", "side", "state", "reason", "kind", "record_id"),
        *same("text", "external_id"),
        *same("day", "booked_on"),
        *amounts_of("t.decimals", "amount"),
        *same("word", "currency", "match_id", "exception_id"),
        *same("day", "other_on"),
    ),
    relation=lambda _lake, _snapshot: "proof_item",
    order="t.account_id, t.currency, t.side, t.booked_on, t.record_id, t.match_id, t.reason, t.amount",
    day="",
    needs=("deliveries", "exceptions"),
    ready=_lay_proofs,
)

#: The tables of money.
MONEY = (_PROOFS, _PROOF_ITEMS, OPEN_ITEMS, IN_TRANSIT, PAYOUTS, FEES)
