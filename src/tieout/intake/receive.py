"""
Taking in a delivery: kept unaltered before anything reads it, and recognised when it comes again.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, BinaryIO

import sqlalchemy as sa

from tieout.errors import WrongUse
from tieout.intake.card_numbers import find_cards, mask
from tieout.store import schema
from tieout.store.book import append_audit
from tieout.store.bound import RECEIVED

if TYPE_CHECKING:
    from tieout.store.workplace import Store

__all__ = ["Received", "delivery_id_of", "delivery_named", "kept_name", "landed", "receive"]

#: As for matches, runs and exceptions.
_NAMED_BY_AT_LEAST = 6


@dataclass(frozen=True, slots=True)
class Received:
    """
    A delivery that is safe.

    :ivar repeat: the same bytes had come from the same source before.
    :ivar state: landed, accepted, refused, withdrawn or erased.
    """

    delivery_id: str
    repeat: bool
    state: str


def delivery_id_of(source_id: str, fingerprint: str) -> str:
    """Name a delivery by its source and its content."""
    return hashlib.sha256(f"{source_id}\x00{fingerprint}".encode()).hexdigest()[:32]


def kept_name(name: str) -> str:
    r"""
    Write the name of a file as it may be kept and shown: a card number in it is masked as in any text.

    Bytes that are no UTF-8 (``M\xe4rz.xml``) are written as escapes: the file is taken in all the same.
    """
    try:
        written = name.encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")
    except UnicodeEncodeError:  # half a character, which no byte of a name stands for
        written = name.encode("utf-8", "backslashreplace").decode()
    for number in find_cards(written)[0]:
        written = written.replace(number, mask(number))
    return written


def receive(store: Store, source_id: str, stream: BinaryIO, name: str, redacts: str | None = None) -> Received:
    """
    Land a delivery and enter it in the book; when this returns, it survives a power cut.

    :param redacts: the delivery that this one replaces without its card numbers.
    """
    name, kept = kept_name(name), store.landing.land(stream)
    table = schema.delivery
    same = table.c.source_id == source_id, table.c.fingerprint == kept.fingerprint
    with store.book.writing() as connection:
        known = connection.execute(sa.select(table.c.delivery_id, table.c.state).where(*same)).first()
        # Those of before fingerprints have ids of their SHA-256.
        delivery_id = delivery_id_of(source_id, kept.fingerprint) if known is None else known.delivery_id
        if known is None:
            latest = connection.scalar(sa.select(sa.func.max(table.c.sequence))) or 0
            row = {
                "delivery_id": delivery_id,
                "sequence": latest + 1,
                "source_id": source_id,
                "fingerprint": kept.fingerprint,
                "bytes": kept.size,
                "name": name,
                "received_at": store.now_us(),
                "received_by": store.actor,
                "state": "landed",
                "path": kept.path,
                "wrapped_key": store.vault.wrap(kept.key),
                "key_id": store.vault.key_id,
                "redacts": redacts,
            }
            connection.execute(sa.insert(table).values(row))
            said: dict[str, object] = {"fingerprint": kept.fingerprint, "source": source_id, "name": name}
            said |= {key: row[key] for key in RECEIVED}
            _note(store, connection, delivery_id, "receive", said)
        else:
            again = sa.update(table).where(table.c.delivery_id == delivery_id)
            connection.execute(again.values(times_seen=table.c.times_seen + 1))
            _note(store, connection, delivery_id, "receive again", {"name": name})
    if known is not None:
        store.landing.remove(kept.path)
        return Received(delivery_id, repeat=True, state=known.state)
    return Received(delivery_id, repeat=False, state="landed")


def _note(store: Store, connection: sa.Connection, delivery_id: str, action: str, body: dict[str, object]) -> None:
    append_audit(
        connection,
        at=store.now_us(),
        actor=store.actor,
        action=action,
        subject=f"delivery {delivery_id}",
        reason=None,
        body=body,
    )


def delivery_named(store: Store, beginning: str) -> str:
    """
    Find a delivery by the name of its file, or by the beginning of its id, of at least six characters: less names
    whatever is there.

    :raises WrongUse: none, or several, are called so.
    """
    table = schema.delivery
    with store.book.reading() as connection:
        found = list(connection.scalars(sa.select(table.c.delivery_id).where(table.c.name == beginning).limit(2)))
        if not found and len(beginning.strip()) < _NAMED_BY_AT_LEAST:
            message = (
                f"expected the id of a delivery, or at least its first {_NAMED_BY_AT_LEAST} characters, or the name of its"
                f" file, got {beginning!r}: `tieout deliveries` lists them"
            )
            raise WrongUse(message)
        if not found:
            query = sa.select(table.c.delivery_id).where(table.c.delivery_id.startswith(beginning, autoescape=True))
            found = list(connection.scalars(query.limit(2)))
    if len(found) != 1:
        message = (
            f"expected the id of a delivery, got {beginning!r}: {'several are called' if found else 'none begins'} so"
        )
        raise WrongUse(message)
    return str(found[0])


def landed(store: Store) -> list[str]:
    """List deliveries that were kept and not read yet (a crash came between), in the order of landing."""
    table = schema.delivery
    with store.book.reading() as connection:
        query = sa.select(table.c.delivery_id).where(table.c.state == "landed").order_by(table.c.sequence)
        return list(connection.scalars(query))
