"""
What the exported tables hold: their columns, where each value comes from, and the order of their rows.

A table is a relation in SQL over the lake's files and the book's rows, and a list of columns over it; how a value is
written in a file is decided by its column's kind (observe.writing). To add a table, name it in :data:`TABLES`.
"""

from __future__ import annotations

from tieout.observe.exporting.columns import Column, ExportedTable, Kind, amounts_of, same
from tieout.observe.exporting.exported_books import BOOKS
from tieout.observe.exporting.exported_evidence import matches_with_evidence, ready_evidence
from tieout.observe.exporting.exported_money import MONEY
from tieout.observe.exporting.exported_worth import ready_worth
from tieout.observe.exporting.relations import (
    OWN_EXPONENT,
    balances_relation,
    exceptions_relation,
    parties_relation,
    quarantine_relation,
    records_relation,
    references_relation,
    witnesses_relation,
)
from tieout.observe.results import adjustments_relation, positions_relation

__all__ = ["TABLES", "Column", "ExportedTable", "Kind"]

# Facts are named as the record names them; results, which people read, say "source", "entity" and "account".
_WHO = (*same("word", "source_id", "entity_id"), *same("text", "account_id"))
# Amounts without an exponent of their own have their currency's.
_EXPONENT = OWN_EXPONENT.format("t")
_ORIGINAL = "coalesce(t.original_exponent, own_exponent(t.original_currency))"
_BASE = "coalesce(t.base_exponent, own_exponent(t.base_currency))"
# The day that places a record in a period: when it counts in its account, else the nearest thing that is known.
_RECORD_DAY = "coalesce(t.booked_on, t.value_on, t.occurred_at::date, t.seen_at::date)"

_RECORDS = (
    Column("record_id", "word", "lower(hex(t.record_id))"),
    *same("integer", "version"),
    *_WHO,
    *same("text", "sub_account"),
    *same("word", "delivery_id"),
    *same("integer", "line"),
    *same("text", "member"),
    *same("moment", "seen_at"),
    *same("word", "kind", "status"),
    *same("day", "booked_on", "value_on"),
    *same("moment", "occurred_at"),
    *same("day", "due_on"),
    *same("text", "bank_code"),
    *amounts_of(_EXPONENT, "amount", "fee", "fee_tax", "tax", "net"),
    *same("word", "currency"),
    Column("exponent", "integer", f"case when t.amount is null then t.exponent else {_EXPONENT} end"),
    *amounts_of(_ORIGINAL, "original_amount"),
    *same("word", "original_currency"),
    *same("text", "rate"),
    *amounts_of(_BASE, "base_amount"),
    *same("word", "base_currency"),
    *same("text", "external_id", "payment_id", "settlement_id", "parent_external_id"),
    Column("references", "json", 'to_json(coalesce(t."references", []))::varchar'),
    *same("text", "text", "counterparty", "counterparty_account"),
    *same("json", "details"),
    *same("text", "account_number", "system", "namespace"),
)

_BALANCES = (
    *_WHO,
    *same("text", "sub_account"),
    *same("word", "delivery_id"),
    *same("integer", "line"),
    *same("text", "member"),
    *same("word", "kind"),
    *same("text", "code", "statement_id"),
    *same("day", "booked_on"),
    *amounts_of(_EXPONENT, "amount"),
    *same("word", "currency"),
    *same("integer", "exponent"),
    *same("moment", "told_at"),
)

_DELIVERIES = (
    *same("word", "delivery_id"),
    *same("integer", "sequence"),
    *_WHO[:2],
    *same("text", "name"),
    *same("word", "format", "state"),
    *same("moment", "received_at"),
    *same("text", "received_by"),
    *same("moment", "created_at"),
    *same("integer", "bytes"),
    *same("word", "fingerprint"),
    *same("integer", "rows_in", "rows_new", "rows_changed", "rows_repeated", "rows_quarantined", "rows_skipped"),
    *same("integer", "times_seen", "version"),
    *same("word", "redacts"),
    *same("text", "reason"),
)

_STATEMENTS = (
    *_WHO,
    *same("word", "delivery_id"),
    *same("text", "statement_id", "number"),
    *same("word", "currency"),
    *same("flag", "final"),
    Column("from_on", "day", "t.from_day"),
    Column("to_on", "day", "t.to_day"),
    *same("moment", "created_at"),
    *same("decimal", "opening", "closing"),
    *same("integer", "entries"),
    *same("decimal", "credits", "debits"),
    *same("flag", "closes"),
    *same("text", "member"),
    *same("integer", "line"),
)

_WITNESSES = (
    Column("record_id", "word", "lower(hex(t.record_id))"),
    *same("text", "external_id"),
    *same("word", "delivery_id"),
    *same("word", "source_id"),
    *same("text", "member"),
    *same("integer", "line"),
    *same("moment", "seen_at"),
    *same("flag", "first"),
)

_REFERENCES = (
    Column("record_id", "word", "lower(hex(t.record_id))"),
    *same("word", "source_id"),
    *same("text", "system"),
    *same("word", "role"),
    *same("text", "value"),
    Column("key", "integer", "key_of(t.value)"),
)

_PARTIES = (
    *same("word", "party_id", "entity_id"),
    *same("text", "system", "counterparty", "counterparty_account"),
    *same("integer", "records"),
    *same("day", "first_on", "last_on"),
)

_QUARANTINE = (
    *same("word", "delivery_id"),
    *_WHO[:2],
    Column("file", "text", "t.name"),
    *(*same("text", "member"), *same("integer", "line"), *same("text", "column")),
    *same("word", "severity", "reason"),
    *same("text", "message"),
    *same("moment", "received_at"),
    *(*same("word", "settled"), *same("text", "settled_by", "settled_because"), *same("moment", "settled_at")),
)

_ID = Column("record_id", "word", "lower(hex(t.record_id))")
_MATCH_ID = Column("match_id", "word", "lower(hex(t.match_id))")
_MATCHES = (
    _MATCH_ID,
    *same("word", "reconciliation"),
    *same("text", "rule"),
    *same("word", "status"),
    *same("flag", "provisional"),
    *same("word", "side", "claim"),
    Column("source", "word", "t.source_id"),
    *same("text", "external_id"),
    _ID,
    *same("word", "kind"),
    *amounts_of("t.exponent", "amount", "allocated"),
    *same("word", "currency"),
    *amounts_of(_BASE, "base_amount"),
    *amounts_of("t.difference_exponent", "difference"),
    *same("word", "difference_currency"),
    *same("integer", "score", "margin"),
    *same("json", "evidence"),
    Column("decided_by", "text", "t.decider"),
    *same("moment", "known_at"),
    *same("word", "run_id"),
)
_ADJUSTMENTS = (
    _MATCH_ID,
    *same("word", "reason"),
    *amounts_of("t.exponent", "amount"),
    *same("word", "currency"),
    *amounts_of("t.exponent", "tax_amount"),
    *same("text", "policy"),
    *same("word", "reconciliation", "run_id"),
)
_POSITIONS = (
    *same("word", "reconciliation", "claim"),
    _ID,
    Column("source", "word", "t.source_id"),
    *same("text", "external_id"),
    *same("word", "state"),
    *amounts_of("t.exponent", "amount"),
    *same("word", "currency"),
    *same("day", "expected_on"),
    *same("word", "reason"),
    *same("word", "kind"),
    *same("day", "booked_on"),
    *same("text", "counterparty", "settlement_id"),
    *same("word", "run_id"),
)

_EXCEPTIONS = (
    *same("word", "exception_id"),
    *same("word", "reconciliation", "reason"),
    Column("source", "word", "t.source_id"),
    *same("text", "external_id"),
    *same("word", "record_id", "kind"),
    Column("entity", "word", "t.entity_id"),
    Column("account", "text", "t.account_id"),
    *same("decimal", "amount"),
    *same("word", "currency"),
    Column("base_amount", "decimal", "worth_of(t.amount, t.currency, t.booked_on)"),
    *same("day", "booked_on"),
    *same("text", "counterparty", "settlement_id"),
    Column("opened_on", "day", "t.opened_at::date"),
    *same("day", "due_on"),
    Column("age_days", "integer", "greatest(0, as_of_day() - coalesce(t.booked_on, t.opened_at::date))"),
    *same("json", "candidates"),
    *same("text", "assignee"),
    Column("state", "word", "case when t.state = 'open' then coalesce(t.decided, 'open') else t.state end"),
    *same("text", "decided_by"),
    *same("moment", "decided_at"),
    *same("word", "resolution"),
    *same("text", "note"),
    *same("word", "run_id", "side"),
)

_STATE = tuple(same("word", "state"))
_ENDED = (
    *_STATE,
    *same("moment", "ended_at"),
    *same("text", "ended_by", "ended_because"),
    *same("word", "ended_in"),
)
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
            order="t.account_id, t.currency, t.booked_on, t.sequence, t.member, t.line, t.kind, t.code",
            needs=("deliveries",),
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
            ready=ready_worth,
            order="t.booked_on, t.opened_at, t.exception_id, t.version",
            day="coalesce(t.booked_on, t.opened_at::date)",
            needs=("exceptions", "matches", "decisions"),
            run="t.run_id",
        ),
        ExportedTable(
            name="matches",
            columns=_MATCHES,
            relation=matches_with_evidence,
            ready=ready_evidence,
            order="t.reconciliation, t.match_id, t.side, t.claim, t.record_id, t.run_sequence",
            needs=("matches", "adjustments"),
            run="t.run_id",
            history=_ENDED,
            past=True,
        ),
        ExportedTable(
            name="adjustments",
            columns=_ADJUSTMENTS,
            relation=adjustments_relation,
            order="t.reconciliation, t.match_id, t.reason, t.run_sequence",
            needs=("adjustments",),
            entity="",
            account="",
            day="",
            run="t.run_id",
            history=_ENDED,
            past=True,
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
        *MONEY,
        *BOOKS,
    )
}
