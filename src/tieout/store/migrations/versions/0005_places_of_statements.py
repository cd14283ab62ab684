"""Where a statement stands among those of its file: several may stand on one line."""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"


def upgrade() -> None:
    """The entries of before name no statement, so that theirs have no place either."""
    op.add_column("statement", sa.Column("place", sa.Integer(), nullable=False, server_default="0"))
