"""
What the exported tables hold: their columns, where each value comes from, and the order of their rows.

A table is a relation in SQL over the lake's files and the book's rows, and a list of columns over it; how a value is
written in a file is decided by its column's kind (observe.writing). To add a table, name it in :data:`TABLES`.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

from tieout.observe.relations import (
    OWN_EXPONENT,
    balances_relation,
    exceptions_relation,
    parties_relation,
    quarantine_relation,
    records_relation,
    references_relation,
    witnesses_relation,
)
from tieout.observe.results import adjustments_relation, matches_relation, positions_relation

if TYPE_CHECKING:
    from collections.abc import Callable

    from tieout.observe.snapshot import Snapshot
    from tieout.store.lake import Lake

__all__ = ["TABLES", "Column", "ExportedTable", "Kind"]

#: How a column's values are written. word: our own vocabulary and ids; text: what somebody outside wrote, guarded
#: against formulas; amount: minor units with an exponent; decimal: an amount that is decimal text already.
Kind = Literal["word", "text", "amount", "decimal", "integer", "flag", "day", "moment", "json"]


@dataclass(frozen=True, slots=True)
class Column:
    """
    One column of an exported table.

    :ivar sql: the value, over the relation's alias ``t``.
    :ivar exponent: for an amount: its exponent, as SQL.
    """

    name: str
    kind: Kind
    sql: str
    exponent: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class ExportedTable:
    """
    One table that can be exported.

    :ivar relation: gives the rows as SQL: those that stand, or for a snapshot with history whatever was ever true.
    :ivar needs: which rows of the book the relation reads.
    :ivar order: of the rows, total; only integers, days and bytes of our own decide.
    :ivar entity, account, day, run: what the filters compare; empty: the filter has no meaning here.
    :ivar history: columns that a history shows beside the others.
    """

    name: str
    columns: tuple[Column, ...]
    relation: Callable[[Lake, Snapshot], str]
    order: str
    entity: str = "t.entity_id"
    account: str = "t.account_id"
    day: str = "t.booked_on"
    needs: tuple[str, ...] = ()
    run: str = ""
    history: tuple[Column, ...] = field(default=())


def _same(kind: Kind, *names: str) -> list[Column]:
    return [Column(name, kind, f't."{name}"') for name in names]


def _amounts(exponent: str, *names: str) -> list[Column]:
    return [Column(name, "amount", f't."{name}"', exponent) for name in names]


_WHO = (
    Column("source", "word", "t.source_id"),
    Column("entity", "word", "t.entity_id"),
    Column("account", "text", "t.account_id"),
)
# Amounts without an exponent of their own have their currency's.
_EXPONENT = OWN_EXPONENT.format("t")
_ORIGINAL = "coalesce(t.original_exponent, own_exponent(t.original_currency))"
_BASE = "coalesce(t.base_exponent, own_exponent(t.base_currency))"
# The day that places a record in a period: when it counts in its account, else the nearest thing that is known.
_RECORD_DAY = "coalesce(t.booked_on, t.value_on, t.occurred_at::date, t.seen_at::date)"

_RECORDS = (
    Column("record_id", "word", "lower(hex(t.record_id))"),
    *_same("integer", "version"),
    *_WHO,
    *_same("text", "sub_account"),
    *_same("word", "delivery_id"),
    *_same("integer", "line"),
    *_same("text", "member"),
    *_same("moment", "seen_at"),
    *_same("word", "kind", "status"),
    *_same("day", "booked_on", "value_on"),
    *_same("moment", "occurred_at"),
    *_same("day", "due_on"),
    *_same("text", "bank_code"),
    *_amounts(_EXPONENT, "amount", "fee", "fee_tax", "tax", "net"),
    *_same("word", "currency"),
    Column("exponent", "integer", f"case when t.amount is null then t.exponent else {_EXPONENT} end"),
    *_amounts(_ORIGINAL, "original_amount"),
    *_same("word", "original_currency"),
    *_same("text", "rate"),
    *_amounts(_BASE, "base_amount"),
    *_same("word", "base_currency"),
    *_same("text", "external_id", "payment_id", "settlement_id", "parent_external_id"),
    Column("references", "json", 'to_json(coalesce(t."references", []))::varchar'),
    *_same("text", "text", "counterparty", "counterparty_account"),
    *_same("json", "details"),
    *_same("text", "account_number", "system", "namespace"),
)

_BALANCES = (
    *_WHO,
    *_same("text", "sub_account"),
    *_same("word", "delivery_id"),
    *_same("integer", "line"),
    *_same("text", "member"),
    *_same("word", "kind"),
    *_same("text", "code", "statement_id"),
    *_same("day", "booked_on"),
    *_amounts(_EXPONENT, "amount"),
    *_same("word", "currency"),
    *_same("integer", "exponent"),
)

_DELIVERIES = (
    *_same("word", "delivery_id"),
    *_same("integer", "sequence"),
    *_WHO[:2],
    *_same("text", "name"),
    *_same("word", "format", "state"),
    *_same("moment", "received_at"),
    *_same("text", "received_by"),
    *_same("moment", "created_at"),
    *_same("integer", "bytes"),
    *_same("word", "sha256"),
    *_same("integer", "rows_in", "rows_new", "rows_changed", "rows_repeated", "rows_quarantined", "rows_skipped"),
    *_same("integer", "times_seen", "version"),
    *_same("word", "redacts"),
    *_same("text", "reason"),
)

_STATEMENTS = (
    *_WHO,
    *_same("word", "delivery_id"),
    *_same("text", "statement_id", "number"),
    *_same("word", "currency"),
    *_same("flag", "final"),
    Column("from_on", "day", "t.from_day"),
    Column("to_on", "day", "t.to_day"),
    *_same("moment", "created_at"),
    *_same("decimal", "opening", "closing"),
    *_same("integer", "entries"),
    *_same("decimal", "credits", "debits"),
    *_same("flag", "closes"),
    *_same("text", "member"),
    *_same("integer", "line"),
)

_WITNESSES = (
    Column("record_id", "word", "lower(hex(t.record_id))"),
    *_same("text", "external_id"),
    *_same("word", "delivery_id"),
    Column("source", "word", "t.source_id"),
    *_same("text", "member"),
    *_same("integer", "line"),
    *_same("moment", "seen_at"),
    *_same("flag", "first"),
)

_REFERENCES = (
    Column("record_id", "word", "lower(hex(t.record_id))"),
    Column("source", "word", "t.source_id"),
    *_same("text", "system"),
    *_same("word", "role"),
    *_same("text", "value"),
    Column("key", "integer", "key_of(t.value)"),
)

_PARTIES = (
    *_same("word", "party_id"),
    Column("entity", "word", "t.entity_id"),
    *_same("text", "system", "counterparty", "counterparty_account"),
    *_same("integer", "records"),
    *_same("day", "first_on", "last_on"),
)

_QUARANTINE = (
    *_same("word", "delivery_id"),
    *_WHO[:2],
    Column("file", "text", "t.name"),
    *(*_same("text", "member"), *_same("integer", "line"), *_same("text", "column")),
    *_same("word", "severity", "reason"),
    *_same("text", "message"),
    *_same("moment", "received_at"),
    *(*_same("word", "settled"), *_same("text", "settled_by", "settled_because"), *_same("moment", "settled_at")),
)

_ID = Column("record_id", "word", "lower(hex(t.record_id))")
_MATCH_ID = Column("match_id", "word", "lower(hex(t.match_id))")
_MATCHES = (
    _MATCH_ID,
    *_same("word", "reconciliation"),
    *_same("text", "rule"),
    *_same("word", "status"),
    *_same("flag", "provisional"),
    *_same("word", "side", "claim"),
    Column("source", "word", "t.source_id"),
    *_same("text", "external_id"),
    _ID,
    *_same("word", "kind"),
    *_amounts("t.exponent", "amount", "allocated"),
    *_same("word", "currency"),
    *_amounts(_BASE, "base_amount"),
    *_amounts("t.exponent", "difference"),
    *_same("integer", "score", "margin"),
    *_same("json", "evidence"),
    Column("decided_by", "text", "t.decider"),
    *_same("moment", "known_at"),
    *_same("word", "run_id"),
)
_ADJUSTMENTS = (
    _MATCH_ID,
    *_same("word", "reason"),
    *_amounts("t.exponent", "amount"),
    *_same("word", "currency"),
    *_amounts("t.exponent", "tax_amount"),
    *_same("text", "policy"),
    *_same("word", "reconciliation", "run_id"),
)
_POSITIONS = (
    *_same("word", "reconciliation", "claim"),
    _ID,
    Column("source", "word", "t.source_id"),
    *_same("text", "external_id"),
    *_same("word", "state"),
    *_amounts("t.exponent", "amount"),
    *_same("word", "currency"),
    *_same("day", "expected_on"),
    *_same("word", "reason"),
    *_same("word", "kind"),
    *_same("day", "booked_on"),
    *_same("text", "counterparty", "settlement_id"),
    *_same("word", "run_id"),
)

_NOT_YET = "null::varchar"
_EXCEPTIONS = (
    *_same("word", "exception_id"),
    *_same("word", "reconciliation", "reason"),
    Column("source", "word", "t.source_id"),
    *_same("text", "external_id"),
    *_same("word", "record_id", "kind"),
    Column("entity", "word", "t.entity_id"),
    Column("account", "text", "t.account_id"),
    *_same("decimal", "amount"),
    *_same("word", "currency"),
    Column("base_amount", "decimal", _NOT_YET),
    *_same("day", "booked_on"),
    *_same("text", "counterparty", "settlement_id"),
    Column("opened_on", "day", "t.opened_at::date"),
    *_same("day", "due_on"),
    Column("age_days", "integer", "greatest(0, as_of_day() - coalesce(t.booked_on, t.opened_at::date))"),
    *_same("json", "candidates"),
    *_same("text", "assignee"),
    Column("state", "word", "case when t.state = 'open' then coalesce(t.decided, 'open') else t.state end"),
    *_same("text", "decided_by"),
    *_same("moment", "decided_at"),
    *_same("word", "resolution"),
    *_same("text", "note"),
    *_same("word", "run_id", "side"),
)

_STATE = tuple(_same("word", "state"))
_GONE = (*_STATE, Column("superseded_by", "word", "t.gone"), Column("superseded_in", "word", "t.gone_in"))


#: Every table that can be exported, by name.
TABLES = {
    table.name: table
    for table in (
        ExportedTable(
            name="records",
            columns=_RECORDS,
            relation=records_relation,
            order="t.account_id, t.booked_on, t.record_id, t.version",
            day=_RECORD_DAY,
            history=_GONE,
        ),
        ExportedTable(
            name="balances",
            columns=_BALANCES,
            relation=balances_relation,
            order="t.account_id, t.currency, t.booked_on, t.delivery_id, t.member, t.line, t.kind, t.code",
            history=_STATE,
        ),
        ExportedTable(
            name="witnesses",
            columns=_WITNESSES,
            relation=witnesses_relation,
            order="t.record_id, t.sequence, t.member, t.line, t.state",
            day="coalesce(t.booked_on, t.seen_at::date)",
            needs=("deliveries",),
            history=_STATE,
        ),
        ExportedTable(
            name="deliveries",
            columns=_DELIVERIES,
            relation=lambda _lake, _snapshot: "book_deliveries",
            order="t.sequence",
            account="",
            day="t.received_at::date",
            needs=("deliveries",),
        ),
        ExportedTable(
            name="references",
            columns=_REFERENCES,
            relation=references_relation,
            order="t.record_id, t.place, t.value",
            day="t.day",
        ),
        ExportedTable(
            name="parties",
            columns=_PARTIES,
            relation=parties_relation,
            order="t.party_id, t.entity_id, t.counterparty, t.counterparty_account",
            account="",
            day="",
        ),
        ExportedTable(
            name="exceptions",
            columns=_EXCEPTIONS,
            relation=exceptions_relation,
            order="t.booked_on, t.opened_at, t.exception_id, t.version",
            day="coalesce(t.booked_on, t.opened_at::date)",
            needs=("exceptions", "matches", "decisions"),
            run="t.run_id",
        ),
        ExportedTable(
            name="matches",
            columns=_MATCHES,
            relation=matches_relation,
            order="t.reconciliation, t.match_id, t.side, t.claim, t.record_id",
            needs=("matches",),
            run="t.run_id",
        ),
        ExportedTable(
            name="adjustments",
            columns=_ADJUSTMENTS,
            relation=adjustments_relation,
            order="t.reconciliation, t.match_id, t.reason",
            needs=("adjustments",),
            entity="",
            account="",
            day="",
            run="t.run_id",
        ),
        ExportedTable(
            name="positions",
            columns=_POSITIONS,
            relation=positions_relation,
            order="t.reconciliation, t.claim, t.record_id, t.state",
            needs=("matches", "positions"),
            run="t.run_id",
        ),
        ExportedTable(
            name="quarantine",
            columns=_QUARANTINE,
            relation=quarantine_relation,
            order="t.sequence, t.member, t.line, t.column, t.message",
            account="",
            day="t.received_at::date",
            needs=("deliveries", "settled"),
            history=_STATE,
        ),
        ExportedTable(
            name="statements",
            columns=_STATEMENTS,
            relation=lambda _lake, _snapshot: "book_statements",
            order="t.account_id, t.currency, t.to_day, t.version, t.position",
            day="t.to_day",
            needs=("statements",),
            history=_STATE,
        ),
    )
}
