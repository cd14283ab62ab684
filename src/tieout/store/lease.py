"""
A lease: one process at a time does a piece of work, and one that dies loses it by itself.

A lease keeps others from doing the same work at the same time; it never protects data. A process that was stopped may go
on after its lease ran out, so what it writes must also be safe by itself (a compare-and-swap).
"""

from __future__ import annotations

from contextlib import contextmanager
from threading import Event
from typing import TYPE_CHECKING

import sqlalchemy as sa

from tieout.errors import Transient
from tieout.store import schema

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tieout.store.workplace import Store

__all__ = ["LEASE_S", "Lease", "leased"]

#: Seconds for which a lease holds unless it is renewed.
LEASE_S = 20
_ASK_AGAIN_S = 0.25
_US = 1_000_000


class Lease:
    """The right to do a piece of work, until it runs out."""

    def __init__(self, store: Store, name: str) -> None:
        """Use :func:`leased`."""
        self._store, self.name = store, name
        self._holder = store.entropy.token_bytes(8).hex()
        self._taken = 0.0

    def take(self) -> bool:
        """Take the lease, or go on holding it; False: somebody else has it."""
        table, now, begin = schema.lease, self._store.now_us(), self._store.clock.monotonic()
        mine = {"holder": self._holder, "until": now + LEASE_S * _US}
        with self._store.book.writing() as connection:
            held = connection.execute(sa.select(table).where(table.c.name == self.name)).first()
            # One that runs out later than any could was written by a clock that has been put right since.
            live = held is not None and now < held.until <= now + 2 * LEASE_S * _US
            if held is not None and live and held.holder != self._holder:
                return False
            if held is None:
                connection.execute(sa.insert(table).values(name=self.name, **mine))
            else:
                connection.execute(sa.update(table).where(table.c.name == self.name).values(**mine))
        self._taken = begin
        return True

    def renew(self) -> None:
        """
        Hold it for another while, if a quarter of this one is over.

        :raises Transient: it ran out, and somebody else has it now.
        """
        if self._store.clock.monotonic() - self._taken >= LEASE_S / 4 and not self.take():
            message = f"the lease {self.name!r} ran out, and another process has it now: try again"
            raise Transient(message)

    def give_back(self) -> None:
        """Let the next one have it at once."""
        table = schema.lease
        with self._store.book.writing() as connection:
            connection.execute(sa.delete(table).where(table.c.name == self.name, table.c.holder == self._holder))


@contextmanager
def leased(store: Store, name: str, wait_s: float) -> Iterator[Lease]:
    """
    Hold a lease while the body runs; it must renew it in between.

    :param wait_s: how long to wait for whoever has it.
    :raises Transient: somebody still has it then.
    """
    lease = Lease(store, name)
    begin = store.clock.monotonic()
    while not lease.take():
        if store.clock.monotonic() - begin >= wait_s:
            message = f"another process holds the lease {name!r} for {wait_s:g} s already: try again later"
            raise Transient(message)
        Event().wait(_ASK_AGAIN_S)
    try:
        yield lease
    finally:
        lease.give_back()
