"""The texts that a commit rested on: every mapping, calendar and rule file that its tieout.toml named."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    """Commits of before name the mapping that they read with, and nothing else."""
    op.add_column("ledger_commit", sa.Column("texts_digest", sa.Text(), nullable=True))
