"""Fingerprints in the places of SHA-256: a digest beside a redacted copy tells the card number that was masked."""

from alembic import op

revision = "0009"
down_revision = "0008"


def upgrade() -> None:
    """
    Rename the columns.

    The key file, which a migration does not have, wraps the secret: an empty one asks whoever opens the book next to
    draw it, and to put fingerprints where SHA-256 stand.
    """
    op.execute("alter table delivery rename column sha256 to fingerprint")
    op.execute("alter table delivery rename column members to member_fingerprints")
    op.execute(
        "insert into about (name, value)"
        " select 'fingerprint_secret', '' where exists (select delivery_id from delivery)"
    )
