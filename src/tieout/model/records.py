"""
The record: one line of money, or one open document, as one source reported it.

The dataclass below is the only definition; the Arrow schema of the lake, the tables of an export and the
checks at intake are derived from it. What a format states stands first; what intake adds (identity, keys,
lineage) stands behind. Amounts are whole minor units of ``currency`` at ``exponent`` decimals.

Signs: ``amount`` is the effect on the balance of the account, seen from the entity; ``fee`` and ``fee_tax`` are
costs as positive numbers; ``net = amount - fee - fee_tax``.
"""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass, fields
from functools import cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pyarrow as pa

__all__ = ["AUTHORISED", "ONLY_NET", "SCHEMA_VERSION", "STATED", "Record", "record_schema", "stated_schema"]

#: Written beside every lake file; a new column raises it, a column never changes its meaning.
SCHEMA_VERSION = 2

#: In ``details`` of a record of which only a part was captured: the whole, in minor units at its exponent. A platform may
#: book the whole and give the rest back by a line of its own.
AUTHORISED = "authorised_minor"

#: In ``details`` (true) of a record of which the source told what arrives and not all costs: its amount is the net and such
#: costs as were told, not the gross.
ONLY_NET = "only_net"


@dataclass(frozen=True, slots=True, kw_only=True)
class Record:
    """
    What one source reported about one movement of money or one open document.

    Only ``kind`` and ``currency`` must always be there; which others a kind needs is in ``model.kinds``.

    :ivar line: where it stands in the file: its line for text, its row for tables, from 1.
    :ivar statement_place: of which statement, or page of one, it is an entry: its place among those of the file, from 1.
        Many may stand on one line.
    :ivar account_number: the account as the file names it (IBAN, number, merchant account).
    :ivar sub_account: a part of the account (a store, a balance account).
    :ivar namespace: what ``identity`` numbers: ``"charge"``, ``"balance transaction"``, ``"entry"``.
    :ivar identity: what tells this record from every other of its account and namespace; None when the source
        gives no identifier (then dates, amount, currency, references and text are the identity).
    :ivar counted: True when two rows of one file with equal identity are two records (no identifier says
        otherwise); False when they are the same record twice.
    :ivar aliases: other identities of the same record, each ``"namespace:identity"``, by which another channel
        (a webhook beside a report) may name it.
    :ivar revision: the source's own revision number, or its time in microseconds since 1970; orders versions.
    :ivar booked_on: the day it counts in the account's balance, in the account's time zone.
    :ivar value_on: the day from which it bears interest.
    :ivar occurred_at: the moment it happened, UTC.
    :ivar due_on: the day an open document should be paid.
    :ivar bank_code: the bank's own transaction code, as written.
    :ivar tax: the VAT contained in a document, or in a fee that is a line of its own; signed as the amount.
    :ivar rate: the exchange rate as the source wrote it (decimal text).
    :ivar references: every identifier that may tie it to something else.
    :ivar counterparty_account: the other side's account.
    :ivar details: JSON text of everything else that the source said; nothing is thrown away.
    """

    line: int
    kind: str
    currency: str
    account_number: str | None = None
    sub_account: str | None = None
    namespace: str = "entry"
    identity: str | None = None
    counted: bool = False
    aliases: tuple[str, ...] = ()
    revision: int | None = None
    status: str = "booked"
    booked_on: dt.date | None = None
    value_on: dt.date | None = None
    occurred_at: dt.datetime | None = None
    due_on: dt.date | None = None
    bank_code: str | None = None
    amount: int | None = None
    fee: int | None = None
    fee_tax: int | None = None
    tax: int | None = None
    net: int | None = None
    exponent: int | None = None
    original_amount: int | None = None
    original_currency: str | None = None
    original_exponent: int | None = None
    rate: str | None = None
    base_amount: int | None = None
    base_currency: str | None = None
    base_exponent: int | None = None
    external_id: str | None = None
    payment_id: str | None = None
    settlement_id: str | None = None
    parent_external_id: str | None = None
    references: tuple[str, ...] = ()
    text: str | None = None
    counterparty: str | None = None
    counterparty_account: str | None = None
    details: str | None = None
    statement_place: int | None = None


#: The columns that a format states, in order.
STATED = tuple(field.name for field in fields(Record))

# What intake adds: identity, lineage and the keys that joins use.
_DERIVED = {
    "record_id": "bytes",
    "record_key": "int",
    "version": "int32",
    "system": "str",
    "source_id": "str",
    "entity_id": "str",
    "account_id": "str",
    "delivery_id": "str",
    "member": "str",
    "seen_at": "dt.datetime",
    "normaliser": "int32",
    "external_key": "int",
    "payment_key": "int",
    "settlement_key": "int",
    "parent_key": "int",
    "reference_keys": "tuple[int, ...]",
    "text_normal": "str",
}


@cache
def _arrow_types() -> dict[str, pa.DataType]:
    import pyarrow as pa

    return {
        "str": pa.string(),
        "int": pa.int64(),
        "int32": pa.int32(),
        "bool": pa.bool_(),
        "bytes": pa.binary(16),
        "dt.date": pa.date32(),
        "dt.datetime": pa.timestamp("us", tz="UTC"),
        "tuple[str, ...]": pa.list_(pa.string()),
        "tuple[int, ...]": pa.list_(pa.int64()),
    }


@cache
def stated_schema() -> pa.Schema:
    """The Arrow schema of what formats yield: one column per field of :class:`Record`, in its order."""
    import pyarrow as pa

    types = _arrow_types()
    return pa.schema(
        [(f.name, types[str(f.type).removesuffix(" | None")]) for f in fields(Record)],
    )


@cache
def record_schema() -> pa.Schema:
    """The Arrow schema of the lake's ``records`` table: identity and lineage first, then what was stated."""
    import pyarrow as pa

    types = _arrow_types()
    derived = [pa.field(name, types[kind]) for name, kind in _DERIVED.items()]
    return pa.schema([*derived, *stated_schema()])
