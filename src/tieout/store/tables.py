"""
The Arrow schemas of the lake's tables beside ``records``.
"""

from __future__ import annotations

import pyarrow as pa

from tieout.model.records import record_schema, stated_schema

__all__ = ["INDEX_GROUP_ROWS", "TABLES", "table_schema"]

#: Small row groups, so that a look-up reads little.
INDEX_GROUP_ROWS = 16_384

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
            "revision": pa.int64(),
            "withdrawn": pa.bool_(),
        },
    ),
    # Versions that are not current any more, and why: corrected, completed, booked, withdrawn.
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
        },
    ),
    # Look-up by identity: (first 64 bits of an identity or alias, row of the sibling records file), sorted by key.
    "identities": pa.schema({"key": pa.int64(), "row": pa.int32()}),
    # Look-up by any identifier: (key of its normal form, row of the sibling records file), sorted by key.
    "references": pa.schema({"key": pa.int64(), "row": pa.int32()}),
}


def table_schema(name: str) -> pa.Schema:
    """Give the schema of a lake table."""
    return record_schema() if name == "records" else TABLES[name]


#: The columns in which two reports of one record can contradict each other; null is "not stated".
MATERIAL = tuple(
    name
    for name in stated_schema().names
    if name
    not in {"line", "account_number", "namespace", "identity", "counted", "aliases", "revision", "text", "details"}
    | {"counterparty", "counterparty_account", "references", "occurred_at", "bank_code", "sub_account", "rate"}
)
