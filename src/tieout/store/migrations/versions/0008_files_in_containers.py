"""What each file in a container digests to, so that it is known when it comes again, packed otherwise."""

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"


def upgrade() -> None:
    """Of the containers of before nobody noted it: their files are compared by what they say, until they are replayed."""
    op.add_column("delivery", sa.Column("members", sa.Text(), nullable=True))
