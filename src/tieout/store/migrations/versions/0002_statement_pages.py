"""Pages of statements: which of them a delivery holds."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    """Statements that were read before are taken as whole, as they were read."""
    op.add_column("statement", sa.Column("pages", sa.Text(), server_default="[]", nullable=False))
    op.add_column("statement", sa.Column("begins", sa.Boolean(), server_default=sa.true(), nullable=False))
    op.add_column("statement", sa.Column("ends", sa.Boolean(), server_default=sa.true(), nullable=False))
