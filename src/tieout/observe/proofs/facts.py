"""
What proofs are made of, opened once for all that is asked of it.
"""

from __future__ import annotations

import datetime as dt
from contextlib import closing, contextmanager
from typing import TYPE_CHECKING

from tieout.observe.exporting.columns import Opened
from tieout.observe.exporting.exports import prepare
from tieout.observe.snapshot import take_snapshot
from tieout.store.engine import connect

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tieout.config import Workspace
    from tieout.store.workplace import Store

__all__ = ["facts_opened"]


@contextmanager
def facts_opened(
    store: Store, workspace: Workspace, as_of: dt.date | None, known_at: dt.datetime | None
) -> Iterator[Opened]:
    """Open what proofs are made of, in an engine of its own; ``as_of`` and ``known_at`` as in ``proving.prove``."""
    snapshot = take_snapshot(store, workspace, wanted=("deliveries", "exceptions"), known_at=known_at)
    day = as_of or snapshot.latest or dt.date(1970, 1, 1)
    store.spill.mkdir(parents=True, exist_ok=True)
    with closing(connect(store.spill)) as con:
        prepare(con, snapshot, day)
        yield Opened(
            con=con, store=store, workspace=workspace, snapshot=snapshot, as_of=day, known_at=known_at,
            open_end=as_of is None,
        )  # fmt: skip
