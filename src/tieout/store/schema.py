"""
The tables of the book.

The book is the only commit point: a lake file, a statement or an exception exists because a row here says so, and
it says so in the transaction that adds the ``ledger_commit`` row. Rows carry the ``token`` of their commit; rows of
a token without a ``ledger_commit`` row are drafts that nobody sees.

Alembic's migrations build these tables; a test holds the two against each other.
"""

from typing import Any

import sqlalchemy as sa

from tieout.model.texts import storable

__all__ = ["HEAD_REVISION", "WORKLIST_FILTERED", "Text", "metadata", "stored_columns"]

#: The newest migration: a book that stands elsewhere is migrated before use.
HEAD_REVISION = "0009"

metadata = sa.MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "pk": "pk_%(table_name)s",
        "fk": "fk_%(table_name)s_%(column_0_N_name)s",
    },
)


class Text(sa.types.TypeDecorator[str]):
    """A text that every database keeps alike: what one of them refuses is written, and looked for, as an escape."""

    impl = sa.Text
    cache_ok = True

    def process_bind_param(self, value: str | None, dialect: sa.Dialect) -> str | None:
        """Write what cannot be kept as an escape."""
        del dialect
        return None if value is None else storable(value)


def _moment(name: str, *, nullable: bool = False) -> sa.Column[int]:
    """Microseconds since 1970, UTC: the same in every database, exact, sortable."""
    return sa.Column(name, sa.BigInteger, nullable=nullable)


#: What this book is: workspace identity, where it moved to.
about = sa.Table(
    "about",
    metadata,
    sa.Column("name", Text, primary_key=True),
    sa.Column("value", Text, nullable=False),
)

#: Versions that compare-and-swap: ``facts`` counts commits of the lake, ``claim:NAME`` the runs that use up a claim,
#: ``worklist`` the changes of the list.
head = sa.Table(
    "head",
    metadata,
    sa.Column("name", Text, primary_key=True),
    sa.Column("version", sa.BigInteger, nullable=False),
)

#: The exact texts that a result rests on (tieout.toml, mappings, calendars, rules), by digest, so that any run can be
#: repeated. One of kind "workspace" lists those of one moment: JSON {"files": {path: digest}, "environment": {...}}.
text_version = sa.Table(
    "text_version",
    metadata,
    sa.Column("digest", Text, primary_key=True),
    sa.Column("kind", Text, nullable=False),
    sa.Column("body", Text, nullable=False),
)

#: One row per delivery that came in. state: landed, accepted, refused, withdrawn, erased.
delivery = sa.Table(
    "delivery",
    metadata,
    sa.Column("delivery_id", Text, primary_key=True),
    sa.Column("sequence", sa.BigInteger, nullable=False, unique=True),
    sa.Column("source_id", Text, nullable=False),
    # Of its bytes (store.fingerprints).
    sa.Column("fingerprint", Text, nullable=False),
    sa.Column("bytes", sa.BigInteger, nullable=False),
    sa.Column("name", Text, nullable=False),
    _moment("received_at"),
    sa.Column("received_by", Text, nullable=False),
    sa.Column("state", Text, nullable=False),
    sa.Column("path", Text, nullable=False),
    sa.Column("wrapped_key", sa.LargeBinary, nullable=True),
    sa.Column("key_id", Text, nullable=False),
    sa.Column("format", Text, nullable=True),
    _moment("created_at", nullable=True),
    sa.Column("rows_in", sa.BigInteger, nullable=False, server_default="0"),
    sa.Column("rows_new", sa.BigInteger, nullable=False, server_default="0"),
    sa.Column("rows_changed", sa.BigInteger, nullable=False, server_default="0"),
    sa.Column("rows_repeated", sa.BigInteger, nullable=False, server_default="0"),
    sa.Column("rows_quarantined", sa.BigInteger, nullable=False, server_default="0"),
    sa.Column("rows_skipped", sa.BigInteger, nullable=False, server_default="0"),
    sa.Column("times_seen", sa.BigInteger, nullable=False, server_default="1"),
    sa.Column("version", sa.BigInteger, nullable=True),
    sa.Column("redacts", Text, nullable=True),
    sa.Column("reason", Text, nullable=True),
    # Of a container: the fingerprint of each file in it, by name (empty unless in a ZIP), as JSON.
    sa.Column("member_fingerprints", Text, nullable=True),
    sa.UniqueConstraint("source_id", "fingerprint", name="uq_delivery_source_id_sha256"),  # as it was named first
)

#: Every change of the facts: accept, refuse, replay, withdraw. ``version`` is the head ``facts`` after it.
ledger_commit = sa.Table(
    "ledger_commit",
    metadata,
    sa.Column("version", sa.BigInteger, primary_key=True, autoincrement=False),
    sa.Column("token", Text, nullable=False, unique=True),
    sa.Column("kind", Text, nullable=False),
    sa.Column("delivery_id", Text, nullable=False, index=True),
    _moment("at"),
    sa.Column("actor", Text, nullable=False),
    sa.Column("reason", Text, nullable=True),
    sa.Column("config_digest", Text, nullable=False),
    sa.Column("reader_digest", Text, nullable=True),
    sa.Column("program", Text, nullable=False),
    sa.Column("digest", Text, nullable=False),
    sa.Column("texts_digest", Text, nullable=True),
)

#: The files that the lake consists of. A file without a row does not belong to it.
lake_file = sa.Table(
    "lake_file",
    metadata,
    sa.Column("path", Text, primary_key=True),
    sa.Column("table_name", Text, nullable=False),
    sa.Column("version", sa.BigInteger, nullable=False, index=True),
    sa.Column("sha256", Text, nullable=False),
    sa.Column("bytes", sa.BigInteger, nullable=False),
    sa.Column("rows", sa.BigInteger, nullable=False),
    sa.Column("digest", Text, nullable=False),
    sa.Column("min_day", sa.Integer, nullable=True),
    sa.Column("max_day", sa.Integer, nullable=True),
    sa.Column("schema_version", sa.Integer, nullable=False),
    sa.Column("delivery_id", Text, nullable=False),
    sa.Column("sibling", Text, nullable=True),
    sa.Column("removed_version", sa.BigInteger, nullable=True),
)

#: What each delivery said an account's statements are (model.statements.Statement), for chains and coverage.
statement = sa.Table(
    "statement",
    metadata,
    sa.Column("token", Text, primary_key=True),
    sa.Column("position", sa.Integer, primary_key=True),
    sa.Column("delivery_id", Text, nullable=False),
    sa.Column("source_id", Text, nullable=False),
    sa.Column("account_id", Text, nullable=False),
    sa.Column("line", sa.BigInteger, nullable=False),
    # Its place, or its first page's, among the statements and pages of its file.
    sa.Column("place", sa.Integer, nullable=False, server_default="0"),
    sa.Column("member", Text, nullable=True),
    sa.Column("statement_id", Text, nullable=True),
    sa.Column("number", Text, nullable=True),
    sa.Column("currency", Text, nullable=True),
    sa.Column("final", sa.Boolean, nullable=False),
    sa.Column("from_day", sa.Integer, nullable=True),
    sa.Column("to_day", sa.Integer, nullable=True),
    # The first day of which it holds everything that was booked.
    sa.Column("covered_from", sa.Integer, nullable=True),
    _moment("created_at", nullable=True),
    sa.Column("exponent", sa.Integer, nullable=False),
    sa.Column("opening", sa.BigInteger, nullable=True),
    sa.Column("closing", sa.BigInteger, nullable=True),
    sa.Column("entries", sa.BigInteger, nullable=False),
    sa.Column("credits", Text, nullable=False),
    sa.Column("debits", Text, nullable=False),
    sa.Column("closes", sa.Boolean, nullable=True),
    # Which pages stand here: [[place, number, opening, closing, credits, debits], ...], amounts at ``exponent``.
    sa.Column("pages", Text, nullable=False, server_default="[]"),
    sa.Column("begins", sa.Boolean, nullable=False, server_default=sa.true()),
    sa.Column("ends", sa.Boolean, nullable=False, server_default=sa.true()),
    sa.Index("ix_statement_account", "account_id", "to_day"),
)

#: What needs a person. One row per state: the newest committed row of an ``exception_id`` is its state.
exception = sa.Table(
    "exception",
    metadata,
    sa.Column("token", Text, primary_key=True),
    sa.Column("exception_id", Text, primary_key=True),
    sa.Column("scope", Text, nullable=False, index=True),
    sa.Column("state", Text, nullable=False),
    sa.Column("reason", Text, nullable=False),
    sa.Column("source_id", Text, nullable=True),
    sa.Column("delivery_id", Text, nullable=True),
    sa.Column("entity_id", Text, nullable=True),
    sa.Column("account_id", Text, nullable=True),
    sa.Column("record_id", Text, nullable=True),
    sa.Column("external_id", Text, nullable=True),
    sa.Column("kind", Text, nullable=True),
    sa.Column("amount", sa.BigInteger, nullable=True),
    sa.Column("exponent", sa.Integer, nullable=True),
    sa.Column("currency", Text, nullable=True),
    sa.Column("booked_day", sa.Integer, nullable=True),
    sa.Column("counterparty", Text, nullable=True),
    sa.Column("settlement_id", Text, nullable=True),
    _moment("opened_at"),
    sa.Column("note", Text, nullable=False),
    sa.Column("candidates", Text, nullable=False, server_default="[]"),
    sa.Index("ix_exception_id", "exception_id"),
    sa.Index("ix_exception_delivery", "delivery_id"),
)

#: Who did what, when and why; each entry's digest covers the one before.
audit = sa.Table(
    "audit",
    metadata,
    sa.Column("sequence", sa.BigInteger, primary_key=True, autoincrement=False),
    _moment("at"),
    sa.Column("actor", Text, nullable=False),
    sa.Column("action", Text, nullable=False),
    sa.Column("subject", Text, nullable=False),
    sa.Column("reason", Text, nullable=True),
    sa.Column("body", Text, nullable=False),
    sa.Column("previous", Text, nullable=False),
    sa.Column("digest", Text, nullable=False),
)

#: Every run: a pure function of facts, decisions, rules and calendars at stated versions (store.runs).
#: kind: rules (a reconciliation's rules), hand (a person's match), undo (a person takes matches back, or an undo back), journal.
run = sa.Table(
    "run",
    metadata,
    sa.Column("run_id", Text, primary_key=True),
    sa.Column("sequence", sa.BigInteger, nullable=False, unique=True),
    sa.Column("kind", Text, nullable=False),
    sa.Column("reconciliation", Text, nullable=False),
    sa.Column("through_day", sa.Integer, nullable=True),
    sa.Column("facts_version", sa.BigInteger, nullable=False),
    # JSON {claim: version of its head before}
    sa.Column("heads", Text, nullable=False),
    # JSON {name: digest of a text}: tieout.toml, rules, calendars, rates
    sa.Column("inputs", Text, nullable=False),
    _moment("at"),
    sa.Column("actor", Text, nullable=False),
    sa.Column("reason", Text, nullable=True),
    sa.Column("program", Text, nullable=False),
    # JSON {name: rows}
    sa.Column("counts", Text, nullable=False),
    sa.Column("digest", Text, nullable=False),
    sa.Index("ix_run_reconciliation", "reconciliation", "sequence"),
)

#: The result files of runs. provisional: its matches stand only until the next run of the same reconciliation.
run_file = sa.Table(
    "run_file",
    metadata,
    sa.Column("path", Text, primary_key=True),
    sa.Column("run_id", Text, nullable=False, index=True),
    sa.Column("table_name", Text, nullable=False),
    sa.Column("provisional", sa.Boolean, nullable=False),
    sa.Column("sha256", Text, nullable=False),
    sa.Column("bytes", sa.BigInteger, nullable=False),
    sa.Column("rows", sa.BigInteger, nullable=False),
    sa.Column("digest", Text, nullable=False),
    sa.Column("min_day", sa.Integer, nullable=True),
    sa.Column("max_day", sa.Integer, nullable=True),
    sa.Column("schema_version", sa.Integer, nullable=False),
)

#: Matches that do not stand any more. blocks: rules do not make the same match again, for its last row says so: a person
#: took it back, and nobody took that back since.
void = sa.Table(
    "void",
    metadata,
    sa.Column("match_id", Text, primary_key=True),
    sa.Column("run_id", Text, primary_key=True),
    sa.Column("blocks", sa.Boolean, nullable=False),
    sa.Column("reason", Text, nullable=False),
)

#: What a person decided about an exception, a proposal or a match; a later row about one subject supersedes.
#: kind: resolve, reopen, assign, approve, reject, match, undo, allow. body: JSON, its particulars.
decision = sa.Table(
    "decision",
    metadata,
    sa.Column("decision_id", Text, primary_key=True),
    sa.Column("sequence", sa.BigInteger, nullable=False, unique=True),
    _moment("at"),
    sa.Column("actor", Text, nullable=False),
    sa.Column("kind", Text, nullable=False),
    sa.Column("subject", Text, nullable=False, index=True),
    sa.Column("reason", Text, nullable=True),
    sa.Column("body", Text, nullable=False),
)

#: Who does a piece of work that only one process should do at a time, and until when (store.lease).
lease = sa.Table(
    "lease",
    metadata,
    sa.Column("name", Text, primary_key=True),
    sa.Column("holder", Text, nullable=False),
    _moment("until"),
)

#: The columns of ``ix_worklist_filter``.
WORKLIST_FILTERED = (
    *("state", "reason", "reconciliation", "source_id", "account_id", "entity_id", "currency", "booked_day", "weight"),
    *("opened_at", "exception_id", "found_by"),
)
_FOUND_BY = (
    "lower(substr(coalesce(external_id, ''), 1, 120) || ' ' || substr(coalesce(settlement_id, ''), 1, 120)"
    " || ' ' || substr(coalesce(counterparty, ''), 1, 160))"
)

#: Everything that needs a person, as the console lists it: rebuilt from exceptions, results and decisions.
worklist = sa.Table(
    "worklist",
    metadata,
    sa.Column("exception_id", Text, primary_key=True),
    # open, assigned or resolved
    sa.Column("state", Text, nullable=False),
    sa.Column("reason", Text, nullable=False),
    sa.Column("reconciliation", Text, nullable=True),
    sa.Column("run_id", Text, nullable=True),
    sa.Column("source_id", Text, nullable=True),
    sa.Column("entity_id", Text, nullable=True),
    sa.Column("account_id", Text, nullable=True),
    sa.Column("record_id", Text, nullable=True),
    sa.Column("external_id", Text, nullable=True),
    sa.Column("kind", Text, nullable=True),
    sa.Column("amount", sa.BigInteger, nullable=True),
    sa.Column("currency", Text, nullable=True),
    sa.Column("exponent", sa.Integer, nullable=True),
    # absolute, in minor units of the workspace's base currency: what sorts by value
    sa.Column("weight", sa.BigInteger, nullable=True),
    sa.Column("booked_day", sa.Integer, nullable=True),
    sa.Column("due_day", sa.Integer, nullable=True),
    sa.Column("counterparty", Text, nullable=True),
    sa.Column("settlement_id", Text, nullable=True),
    _moment("opened_at"),
    sa.Column("assignee", Text, nullable=True),
    sa.Column("note", Text, nullable=False),
    sa.Column("candidates", Text, nullable=False),
    # what a person may type to find it, small; the database writes it. Cut, because PostgreSQL's indexes hold 2 KB a row
    sa.Column("found_by", Text, sa.Computed(_FOUND_BY, persisted=True)),
    sa.Index("ix_worklist_weight", "state", "weight", "exception_id"),
    sa.Index("ix_worklist_reason", "state", "reason", "weight", "exception_id"),
    sa.Index("ix_worklist_booked", "state", "booked_day", "exception_id"),
    # every column that the list is filtered, sorted or summed by: any mixture of filters reads this index alone
    sa.Index("ix_worklist_filter", *WORKLIST_FILTERED),
    sa.Index("ix_worklist_record", "record_id"),
)


def stored_columns(table: sa.Table) -> list[sa.Column[Any]]:
    """List the columns that are written, leaving out those that the database computes by itself."""
    return [column for column in table.columns if column.computed is None]
