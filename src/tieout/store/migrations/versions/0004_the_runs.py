"""The runs: what matching found, what was undone and decided, and the work list."""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"

_FOUND_BY = (
    "lower(substr(coalesce(external_id, ''), 1, 120) || ' ' || substr(coalesce(settlement_id, ''), 1, 120)"
    " || ' ' || substr(coalesce(counterparty, ''), 1, 160))"
)
_FILTERED = [
    *("state", "reason", "reconciliation", "source_id", "account_id", "entity_id", "currency", "booked_day", "weight"),
    *("opened_at", "exception_id", "found_by"),
]


def upgrade() -> None:
    """Create the tables of results and decisions."""
    op.create_table(
        "decision",
        sa.Column("decision_id", sa.Text(), nullable=False),
        sa.Column("sequence", sa.BigInteger(), nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.Column("actor", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("subject", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=True),
        sa.Column("body", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("decision_id", name=op.f("pk_decision")),
        sa.UniqueConstraint("sequence", name=op.f("uq_decision_sequence")),
    )
    op.create_index(op.f("ix_decision_subject"), "decision", ["subject"], unique=False)
    op.create_table(
        "run",
        sa.Column("run_id", sa.Text(), nullable=False),
        sa.Column("sequence", sa.BigInteger(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("reconciliation", sa.Text(), nullable=False),
        sa.Column("through_day", sa.Integer(), nullable=True),
        sa.Column("facts_version", sa.BigInteger(), nullable=False),
        sa.Column("heads", sa.Text(), nullable=False),
        sa.Column("inputs", sa.Text(), nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.Column("actor", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=True),
        sa.Column("program", sa.Text(), nullable=False),
        sa.Column("counts", sa.Text(), nullable=False),
        sa.Column("digest", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("run_id", name=op.f("pk_run")),
        sa.UniqueConstraint("sequence", name=op.f("uq_run_sequence")),
    )
    op.create_index("ix_run_reconciliation", "run", ["reconciliation", "sequence"], unique=False)
    op.create_table(
        "run_file",
        sa.Column("path", sa.Text(), nullable=False),
        sa.Column("run_id", sa.Text(), nullable=False),
        sa.Column("table_name", sa.Text(), nullable=False),
        sa.Column("provisional", sa.Boolean(), nullable=False),
        sa.Column("sha256", sa.Text(), nullable=False),
        sa.Column("bytes", sa.BigInteger(), nullable=False),
        sa.Column("rows", sa.BigInteger(), nullable=False),
        sa.Column("digest", sa.Text(), nullable=False),
        sa.Column("min_day", sa.Integer(), nullable=True),
        sa.Column("max_day", sa.Integer(), nullable=True),
        sa.Column("schema_version", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("path", name=op.f("pk_run_file")),
    )
    op.create_index(op.f("ix_run_file_run_id"), "run_file", ["run_id"], unique=False)
    op.create_table(
        "void",
        sa.Column("match_id", sa.Text(), nullable=False),
        sa.Column("run_id", sa.Text(), nullable=False),
        sa.Column("blocks", sa.Boolean(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("match_id", "run_id", name=op.f("pk_void")),
    )
    op.create_table(
        "worklist",
        sa.Column("exception_id", sa.Text(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("reconciliation", sa.Text(), nullable=True),
        sa.Column("run_id", sa.Text(), nullable=True),
        sa.Column("source_id", sa.Text(), nullable=True),
        sa.Column("entity_id", sa.Text(), nullable=True),
        sa.Column("account_id", sa.Text(), nullable=True),
        sa.Column("record_id", sa.Text(), nullable=True),
        sa.Column("external_id", sa.Text(), nullable=True),
        sa.Column("kind", sa.Text(), nullable=True),
        sa.Column("amount", sa.BigInteger(), nullable=True),
        sa.Column("currency", sa.Text(), nullable=True),
        sa.Column("exponent", sa.Integer(), nullable=True),
        sa.Column("weight", sa.BigInteger(), nullable=True),
        sa.Column("booked_day", sa.Integer(), nullable=True),
        sa.Column("due_day", sa.Integer(), nullable=True),
        sa.Column("counterparty", sa.Text(), nullable=True),
        sa.Column("settlement_id", sa.Text(), nullable=True),
        sa.Column("opened_at", sa.BigInteger(), nullable=False),
        sa.Column("assignee", sa.Text(), nullable=True),
        sa.Column("note", sa.Text(), nullable=False),
        sa.Column("candidates", sa.Text(), nullable=False),
        sa.Column("found_by", sa.Text(), sa.Computed(_FOUND_BY, persisted=True), nullable=True),
        sa.PrimaryKeyConstraint("exception_id", name=op.f("pk_worklist")),
    )
    op.create_index("ix_worklist_booked", "worklist", ["state", "booked_day", "exception_id"], unique=False)
    op.create_index("ix_worklist_filter", "worklist", _FILTERED, unique=False)
    op.create_index("ix_worklist_reason", "worklist", ["state", "reason", "weight", "exception_id"], unique=False)
    op.create_index("ix_worklist_record", "worklist", ["record_id"], unique=False)
    op.create_index("ix_worklist_weight", "worklist", ["state", "weight", "exception_id"], unique=False)
