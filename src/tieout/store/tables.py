"""
The Arrow schemas of the lake's tables beside ``records``.
"""

from __future__ import annotations

import pyarrow as pa

from tieout.model.records import record_schema, stated_schema

__all__ = ["ALWAYS", "INDEX_GROUP_ROWS", "RESULTS", "TABLES", "table_schema"]

#: Small row groups, so that a look-up reads little.
INDEX_GROUP_ROWS = 16_384

#: Columns of ``records`` that no record lacks: files say so, because marking the presence of every value takes 3 ns
#: each, and a row that lacks one cannot be written.
ALWAYS = frozenset({
    "record_id", "record_key", "version", "system", "source_id", "entity_id", "account_id", "delivery_id", "seen_at",
    "normaliser", "line", "kind", "currency", "namespace", "status", "counted",
})  # fmt: skip

_DAY = pa.date32()
_ID = pa.binary(16)

#: Every table of the lake; what a record looks like is in model.records.
TABLES: dict[str, pa.Schema] = {
    # Further contents that were reported of a record which has more than one; the first stands in ``records``.
    "assertions": pa.schema([*record_schema(), pa.field("content", pa.int64())]),
    # Further deliveries of a record. withdrawn: this delivery does not say so any more (after a replay).
    "witnesses": pa.schema(
        {
            "record_id": _ID,
            "record_key": pa.int64(),
            "content": pa.int64(),
            "delivery_id": pa.string(),
            "source_id": pa.string(),
            "member": pa.string(),
            "line": pa.int64(),
            "statement_place": pa.int64(),
            "revision": pa.int64(),
            "withdrawn": pa.bool_(),
        },
    ),
    # Versions that are not current any more, and why: corrected, completed, booked, reissued, or withdrawn: by all
    # who told of it, or by who brought it, and others tell of it still.
    "superseded": pa.schema(
        {
            "record_id": _ID,
            "record_key": pa.int64(),
            "version": pa.int32(),
            "reason": pa.string(),
            "delivery_id": pa.string(),
        },
    ),
    "balances": pa.schema(
        {
            "delivery_id": pa.string(),
            "source_id": pa.string(),
            "entity_id": pa.string(),
            "account_id": pa.string(),
            "sub_account": pa.string(),
            "member": pa.string(),
            "line": pa.int64(),
            "kind": pa.string(),
            "code": pa.string(),
            "statement_id": pa.string(),
            "booked_on": _DAY,
            "amount": pa.int64(),
            "currency": pa.string(),
            "exponent": pa.int32(),
            "told_at": pa.timestamp("us", tz="UTC"),
        },
    ),
    # Rows that could not be read, and findings about files that were.
    "quarantine": pa.schema(
        {
            "delivery_id": pa.string(),
            "source_id": pa.string(),
            "severity": pa.string(),
            "member": pa.string(),
            "line": pa.int64(),
            "column": pa.string(),
            "reason": pa.string(),
            "message": pa.string(),
            # The record that the row would have been, where what it is called could be read.
            "record_id": _ID,
            # The keys of the normal forms of its identifiers, as far as they could be read.
            "name_keys": pa.list_(pa.int64()),
        },
    ),
    # Look-up by identity: (first 64 bits of an identity or alias, row of the sibling records file), sorted by key.
    "identities": pa.schema({"key": pa.int64(), "row": pa.int32()}),
    # Look-up by any identifier: (key of its normal form, row of the sibling records file), sorted by key.
    "references": pa.schema({"key": pa.int64(), "row": pa.int32()}),
}

#: What runs found (store.runs): files of these tables belong to a run, not to a delivery; which one says ``run_file``.
RESULTS: dict[str, pa.Schema] = {
    # One row per record of a match. amount: what the claim measures of the record; allocated: what this match uses up.
    # difference: left - right of the whole match. score, margin: points; coincidence: expected accidental candidates,
    # in millionths. version: of the record that was matched. decided_by: a person; absent where a rule decided.
    "matches": pa.schema(
        {
            "match_id": _ID,
            "reconciliation": pa.string(),
            "rule": pa.string(),
            "status": pa.string(),
            "side": pa.string(),
            "claim": pa.string(),
            "record_id": _ID,
            "record_key": pa.int64(),
            "version": pa.int32(),
            "amount": pa.int64(),
            "allocated": pa.int64(),
            "currency": pa.string(),
            "exponent": pa.int32(),
            "difference": pa.int64(),
            "score": pa.int32(),
            "margin": pa.int32(),
            "coincidence": pa.int64(),
            "evidence": pa.string(),
            "decided_by": pa.string(),
        },
    ),
    # Every difference of a match, split into reasons. policy: the rule's permission that it rests on.
    "adjustments": pa.schema(
        {
            "match_id": _ID,
            "reconciliation": pa.string(),
            "reason": pa.string(),
            "amount": pa.int64(),
            "tax_amount": pa.int64(),
            "currency": pa.string(),
            "exponent": pa.int32(),
            "policy": pa.string(),
        },
    ),
    # What no match uses up, per claim and record: open, in_transit, on_account, exception or excluded.
    "positions": pa.schema(
        {
            "reconciliation": pa.string(),
            "claim": pa.string(),
            "side": pa.string(),
            "record_id": _ID,
            "record_key": pa.int64(),
            "version": pa.int32(),
            "state": pa.string(),
            "amount": pa.int64(),
            "currency": pa.string(),
            "exponent": pa.int32(),
            "expected_on": _DAY,
            "reason": pa.string(),
        },
    ),
    # What a run leaves to a person. candidates: JSON, the nearest ones and why they were not taken.
    "exceptions": pa.schema(
        {
            "exception_id": pa.string(),
            "reconciliation": pa.string(),
            "reason": pa.string(),
            "side": pa.string(),
            "claim": pa.string(),
            "record_id": _ID,
            "record_key": pa.int64(),
            "source_id": pa.string(),
            "entity_id": pa.string(),
            "account_id": pa.string(),
            "external_id": pa.string(),
            "settlement_id": pa.string(),
            "kind": pa.string(),
            "counterparty": pa.string(),
            "amount": pa.int64(),
            "currency": pa.string(),
            "exponent": pa.int32(),
            "booked_on": _DAY,
            "due_on": _DAY,
            "note": pa.string(),
            "candidates": pa.string(),
        },
    ),
    # What a run would say of what it leaves to later reconciliations: it stands if none of them explains it. named: told by
    # an identifier, not by the amount alone.
    "deferred": pa.schema(
        {
            "reconciliation": pa.string(),
            "side": pa.string(),
            "claim": pa.string(),
            "record_id": _ID,
            "record_key": pa.int64(),
            "version": pa.int32(),
            "reason": pa.string(),
            "named": pa.bool_(),
            "note": pa.string(),
            "candidates": pa.string(),
        },
    ),
    # Draft journals, one row per line, in total order. Amounts stand on one side and are never negative; a line about a
    # difference of rates or of rounding has an amount in the books' currency only. name: what the posting calls the
    # account. account_id: the account of ours that the line moves. clears: the document that it pays.
    "journals": pa.schema(
        {
            "journal_id": _ID,
            "entity_id": pa.string(),
            "ledger": pa.string(),
            "period": pa.string(),
            "posting": pa.string(),
            "document_date": _DAY,
            "posting_date": _DAY,
            "line_no": pa.int32(),
            "account": pa.string(),
            "name": pa.string(),
            "account_id": pa.string(),
            "debit": pa.int64(),
            "credit": pa.int64(),
            "currency": pa.string(),
            "exponent": pa.int32(),
            "base_debit": pa.int64(),
            "base_credit": pa.int64(),
            "base_currency": pa.string(),
            "base_exponent": pa.int32(),
            "rate": pa.string(),
            "rate_on": _DAY,
            "tax_code": pa.string(),
            "tax_base": pa.int64(),
            "counterparty": pa.string(),
            "partner_entity": pa.string(),
            "clears": _ID,
            "description": pa.string(),
            "dimensions": pa.string(),
            "record_ids": pa.list_(_ID),
            "match_id": _ID,
            "reverses": _ID,
            "reverse_on": _DAY,
            "state": pa.string(),
        },
    ),
}


def table_schema(name: str) -> pa.Schema:
    """Give the schema of a lake table."""
    if name == "records":
        return record_schema()
    return TABLES[name] if name in TABLES else RESULTS[name]


#: The columns in which two reports of one record can contradict each other; null is "not stated".
MATERIAL = tuple(
    name
    for name in stated_schema().names
    if name
    not in {"line", "account_number", "namespace", "identity", "counted", "aliases", "revision", "text", "details"}
    | {
        "statement_place",
        "counterparty",
        "counterparty_account",
        "references",
        "occurred_at",
        "bank_code",
        "sub_account",
        "rate",
    }
)
