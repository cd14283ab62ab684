"""
The stages of tieout, in their order: the first file to read.

    deliveries -> facts        intake      keep, recognise, canonicalise, prove complete
    facts -> views             observe     what came in, what is missing, the story of one thing

Money flows down this list and never up. What stands here is what the command line, the console and workers call; each
stage is a function of what the one above it left in the stores.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from tieout.errors import BadInput, Broken, TieoutError
from tieout.intake.accept import accept
from tieout.intake.ingest import expected_files, ingest_file, ingest_landed, source_for
from tieout.intake.verify import verify
from tieout.store.sweep import sweep

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from pathlib import Path

    from tieout.config import Source, Workspace
    from tieout.intake.work import Outcome
    from tieout.store.workplace import Store

__all__ = ["ingest", "replay", "verify"]


def ingest(
    store: Store,
    workspace: Workspace,
    files: Sequence[Path] | None = None,
    source_id: str | None = None,
    progress: Callable[[str, int], None] = lambda _name, _rows: None,
) -> Iterator[Outcome | TieoutError]:
    """
    Keep files and make their facts true, one after the other; first what an earlier run left unfinished.

    What a crash left behind is swept at the end.

    :param files: None: what waits at the path of each source (of the one named).
    :param source_id: whose files they are; None: each file's path, or what it is, tells.
    :return: what became of each; a file that no source takes gives its error, and the rest goes on.
    """
    yield from ingest_landed(store, workspace, progress)
    waiting: list[tuple[Source | None, Path]]
    if files is None:
        waiting = [(s, path) for s, path in expected_files(workspace) if source_id in (None, s.id)]
    else:
        named = workspace.source(source_id) if source_id else None
        waiting = [(named, path) for path in files]
    for source, path in waiting:
        try:
            yield ingest_file(store, workspace, source or source_for(workspace, path), path, progress)
        except (BadInput, Broken) as error:
            yield error
    sweep(store)


def replay(store: Store, workspace: Workspace, delivery_id: str, reason: str) -> Outcome | None:
    """
    Read a delivery again with today's formats and mappings, and withdraw what it no longer yields.

    :raises BadInput: it cannot be read now: what it brought before stands.
    """
    return accept(store, workspace, delivery_id, replay=reason)
