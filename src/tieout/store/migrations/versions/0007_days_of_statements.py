"""From which day on a statement holds everything that was booked, so that it overtakes what was announced."""

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"


def upgrade() -> None:
    """Of the statements of before nobody noted it: for them the day of the opening balance stands in."""
    op.add_column("statement", sa.Column("covered_from", sa.Integer(), nullable=True))
