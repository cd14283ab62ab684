"""
What a rule set would match, found out without keeping anything: neither book nor lake is written.
"""

from __future__ import annotations

from contextlib import closing
from dataclasses import replace
from typing import TYPE_CHECKING

import pyarrow as pa

from tieout.config.rates import read_rates
from tieout.matching.backends.duckdb import DuckDB
from tieout.matching.facts.followers import others_text
from tieout.matching.facts.opening import Reading, open_sides
from tieout.matching.run import find_matches
from tieout.store.engine import connect

if TYPE_CHECKING:
    from collections.abc import Iterable

    from tieout.config import Workspace
    from tieout.config.workspace import Reconciliation
    from tieout.matching.grammar.rules import RuleSet
    from tieout.store.workplace import Store

__all__ = ["as_if_open", "matches_tried"]

_TOLD = ("match_id", "rule", "status", "side", "claim", "record_id", "amount", "allocated", "currency", "exponent")


def as_if_open(reading: Reading, matches: Iterable[bytes], *, forget: bool) -> Reading:
    """
    Give what the book says as if some matches did not stand: their records are open.

    :param forget: what a person took apart or rejected may be put together, too.
    """
    results = reading.results
    kept = [(match_id, at, blocks and not forget) for match_id, at, blocks in results.voids]
    lifted = [(match_id, results.sequence + 1, False) for match_id in matches]
    return Reading(reading.facts_version, reading.files, replace(results, voids=tuple(kept + lifted)))


def matches_tried(
    store: Store,
    workspace: Workspace,
    reconciliation: Reconciliation,
    rules: RuleSet,
    reading: Reading,
    through_day: int,
) -> pa.Table:
    """
    Perform a rule set on what is open, and give the rows of its matches as the lake would have them.

    :param reading: which facts there are, and which matches stand.
    :param through_day: since 1970; later bookings are not looked at.
    :return: with ``final``: whether a rule is exact.
    :raises WrongUse: a rate has a fault; or one record is on both sides.
    """
    asked = (reconciliation, rules, read_rates(workspace.folder), through_day)
    store.spill.mkdir(parents=True, exist_ok=True)
    with closing(connect(store.spill)) as con:
        con.execute("set parquet_metadata_cache = true")  # files of the lake never change
        others = others_text(workspace, reconciliation, rules)
        opened = open_sides(DuckDB(con), store.lake, workspace, asked, reading, None, others=others)
        found = find_matches(opened, reconciliation.id)
        parts = []
        for final in (True, False):
            for part in found.matches(opened.work, reconciliation.id, final=final):
                told = part.select(list(_TOLD))
                parts.append(told.append_column("final", pa.array([final] * told.num_rows, pa.bool_())))
    return pa.concat_tables(parts).unify_dictionaries() if parts else _nothing()


def _nothing() -> pa.Table:
    from tieout.store.tables import table_schema

    told = [table_schema("matches").field(name) for name in _TOLD]
    return pa.schema([*told, pa.field("final", pa.bool_())]).empty_table()
