"""
What a run found, as files of the lake.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pyarrow as pa

from tieout.matching.leftovers import exceptions_sql, positions_sql
from tieout.matching.outcome import adjustments_sql, matches_of
from tieout.store.lake import LakeFile
from tieout.store.tables import table_schema

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from tieout.matching.leftovers import Leftovers
    from tieout.matching.outcome import Outcome
    from tieout.matching.perform import Performance
    from tieout.store.lake import Lake

__all__ = ["Kept", "keep_matches", "keep_the_rest"]

#: A file of results, and whether it is provisional.
Kept = tuple[LakeFile, bool]


def keep_matches(lake: Lake, token: str, work: Performance, found: Outcome, reconciliation: str) -> list[Kept]:
    """Write the matches: final ones, and those that stay provisional. Uses nothing of the engine."""
    return [
        kept
        for final in (True, False)
        for kept in _keep(lake, token, "matches", matches_of(found, work, reconciliation, final=final), not final)
    ]


def keep_the_rest(lake: Lake, token: str, work: Performance, found: Outcome, judged: Leftovers) -> list[Kept]:
    """Write adjustments, positions and exceptions."""
    own = judged.reconciliation
    queries = (
        ("adjustments", False, adjustments_sql(found, work, own, final=True)),
        ("adjustments", True, adjustments_sql(found, work, own, final=False)),
        ("positions", True, positions_sql(work, judged)),
        ("exceptions", True, exceptions_sql(work, judged)),
    )
    return [
        kept
        for name, provisional, query in queries
        for kept in _keep(lake, token, name, _rows_of(work, name, query), provisional)
    ]


def _keep(lake: Lake, token: str, name: str, parts: Iterable[pa.Table], provisional: bool) -> Iterator[Kept]:  # noqa: FBT001 - what Kept says
    """Write a file of results, if there are any."""
    with lake.writer(name, table_schema(name), token) as writer:
        for part in parts:
            writer.write(part)
    if writer.rows:
        yield writer.file, provisional
    else:
        lake.remove(writer.file.path)


def _rows_of(work: Performance, name: str, query: str) -> Iterator[pa.Table]:
    """Give the rows of a query as a table of the lake has them."""
    schema = table_schema(name)
    for batch in work.engine.batches(query):
        table = pa.Table.from_batches([batch])
        yield pa.table([table[field.name].cast(field.type) for field in schema], schema=schema)
