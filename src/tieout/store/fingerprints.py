"""
Fingerprints: how the book knows contents again without telling what they are.

Where a card number came in, only a copy with its first six and last four digits is kept. Whoever has the copy and a
digest of the original could try the million numbers that the copy leaves open; so what is kept of an original is a
digest with a secret of the workspace. The secret stands in the book, wrapped by the key file.
"""

from __future__ import annotations

import hmac
import json
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from tieout.errors import Broken
from tieout.store import schema
from tieout.store.book import append_audit

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from tieout.store.book import Book
    from tieout.store.landing import Vault

__all__ = ["SECRET", "Fingerprints", "draw_secret", "open_fingerprints"]

#: The row of the book's table ``about`` that holds the wrapped secret, hexadecimal; empty: fingerprints are to be made
#: of the SHA-256 that a book of before has in their places.
SECRET = "fingerprint_secret"  # noqa: S105 - the name of a row
_SECRET_BYTES = 32


class Fingerprints:
    """Makes fingerprints: HMAC-SHA-256, with the workspace's secret, of the SHA-256 of the bytes."""

    def __init__(self, secret: bytes) -> None:
        """Use a secret of 32 random bytes."""
        self._secret = secret

    def of(self, sha256: str) -> str:
        """
        Give the fingerprint, 64 hexadecimal digits, of content by its SHA-256.

        :param sha256: hexadecimal, as ``sha256sum`` prints it.
        """
        return hmac.digest(self._secret, bytes.fromhex(sha256), "sha256").hex()

    def instead(self, said: Mapping[str, Any]) -> dict[str, Any]:
        """Give what an entry of the audit log says of a delivery; those of before have SHA-256 in place of fingerprints."""
        now = dict(said)
        if (sha256 := now.pop("sha256", None)) is not None:
            now["fingerprint"] = self.of(sha256)
        if "members" in now:
            now["member_fingerprints"] = self.instead_of_members(now.pop("members"))
        return now

    def instead_of_members(self, members: str | None) -> str | None:
        """Give the fingerprints of the files in a container for their SHA-256, both as JSON, by name."""
        found = json.loads(members) if members else None
        return found and json.dumps({name: self.of(sha256) for name, sha256 in found.items()}, sort_keys=True)


def draw_secret(entropy: Callable[[int], bytes]) -> bytes:
    """Draw the secret of a new book."""
    return entropy(_SECRET_BYTES)


def open_fingerprints(book: Book, vault: Vault, entropy: Callable[[int], bytes], at: int, actor: str) -> Fingerprints:
    """
    Open the secret of a book, or give it one; what stands in a book of before gets its fingerprints.

    :param at: microseconds since 1970.
    :raises Broken: the secret is missing, or was wrapped by another key file.
    """
    with book.reading() as connection:
        secret = _secret(connection, vault)
    if secret is None:
        with book.writing() as connection:
            secret = _secret(connection, vault)  # a second process finds the one of the first
            if secret is None:
                secret = draw_secret(entropy)
                _keep(connection, vault, secret, at, actor)
    return Fingerprints(secret)


def _secret(connection: sa.Connection, vault: Vault) -> bytes | None:
    """
    Read the secret; None: one has to be drawn.

    :raises Broken: fingerprints were made with one that is missing, or that another key file wrapped.
    """
    about = schema.about
    wrapped = connection.scalar(sa.select(about.c.value).where(about.c.name == SECRET))
    if wrapped == "":
        return None
    if wrapped is not None:
        try:
            return vault.unwrap(bytes.fromhex(wrapped))
        except Broken:
            if _has_deliveries(connection):
                raise
            return None
    if _has_deliveries(connection):
        message = (
            "the book has deliveries, and the secret that their fingerprints were made with is missing (the row"
            f" {SECRET!r} of its table about): restore the book from a backup"
        )
        raise Broken(message)
    return None


def _has_deliveries(connection: sa.Connection) -> bool:
    return connection.execute(sa.select(schema.delivery.c.delivery_id).limit(1)).first() is not None


def _keep(connection: sa.Connection, vault: Vault, secret: bytes, at: int, actor: str) -> None:
    """Keep a new secret; deliveries that stand there already have SHA-256 where fingerprints belong."""
    about = schema.about
    connection.execute(sa.delete(about).where(about.c.name == SECRET))
    connection.execute(sa.insert(about).values(name=SECRET, value=vault.wrap(secret).hex()))
    if count := _take_fingerprints(connection, Fingerprints(secret)):
        append_audit(
            connection,
            at=at,
            actor=actor,
            action="take fingerprints",
            subject="book",
            reason="a SHA-256 beside a redacted copy would tell the card number",
            body={"deliveries": count},
        )


def _take_fingerprints(connection: sa.Connection, fingerprints: Fingerprints) -> int:
    """Put fingerprints in the places of SHA-256."""
    table = schema.delivery
    rows = connection.execute(sa.select(table.c.delivery_id, table.c.fingerprint, table.c.member_fingerprints)).all()
    for row in rows:
        of_members = fingerprints.instead_of_members(row.member_fingerprints)
        mine = sa.update(table).where(table.c.delivery_id == row.delivery_id)
        connection.execute(mine.values(fingerprint=fingerprints.of(row.fingerprint), member_fingerprints=of_members))
    return len(rows)
