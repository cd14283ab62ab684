"""A simulated company, matched: its stores, its truth, and its tables as plain rows."""

import datetime as dt
import json
import tempfile
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from tests.shared import copied
from tieout import pipeline
from tieout.clock import FixedClock, FixedEntropy
from tieout.config import Workspace, load_workspace
from tieout.observe.exporting.exports import Filters, export
from tieout.simulation.company import make_company
from tieout.store.workplace import Store, open_store

START = dt.datetime(2026, 11, 3, 9, tzinfo=dt.UTC)
#: Days on which proofs are held against the slow derivation.
DAYS = (None, dt.date(2026, 10, 30), dt.date(2026, 10, 21), dt.date(2026, 10, 9), dt.date(2026, 10, 1))


@dataclass(slots=True)
class Traded:
    """The company, and its exported tables, read once."""

    workspace: Workspace
    store: Store
    clock: FixedClock
    _tables: dict[tuple[str, dt.date | None], list[dict[str, Any]]] = field(default_factory=dict)

    def truth(self, name: str) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = []
        for path in sorted((self.workspace.folder / "truth").glob(f"{name}*.parquet")):
            found += pq.read_table(path).to_pylist()
        return found

    def table(self, name: str, as_of: dt.date | None = None) -> list[dict[str, Any]]:
        """Give an exported table as its rows in JSON."""
        if (name, as_of) not in self._tables:
            with tempfile.TemporaryDirectory() as folder:
                path = Path(folder) / "table.jsonl"
                export(self.store, self.workspace, name, path, Filters(as_of=as_of))
                lines = path.read_text(encoding="utf-8").splitlines()
            self._tables[name, as_of] = [json.loads(line) for line in lines]
        return self._tables[name, as_of]


def traded(factory: pytest.TempPathFactory, seed: int) -> Traded:
    """Give a small company, its files read and matched."""
    made = opened(copied(factory, f"traded-{seed}", lambda folder: _trade(folder, seed)))
    made.clock.advance(dt.timedelta(hours=1))
    return made


def _trade(folder: Path, seed: int) -> None:
    made = founded(folder, seed)
    for outcome in pipeline.ingest(made.store, made.workspace):
        if isinstance(outcome, Exception):
            raise outcome
    made.clock.advance(dt.timedelta(hours=1))
    assert len(list(pipeline.match(made.store, made.workspace))) == 5
    made.store.close()


def founded(folder: Path, seed: int) -> Traded:
    """Make a small company whose files nobody has read."""
    make_company(folder, seed=seed, size=120)
    return opened(folder)


def opened(folder: Path) -> Traded:
    """Open a company that was made."""
    workspace, clock = load_workspace(folder), FixedClock(START)
    return Traded(workspace, open_store(workspace, clock, FixedEntropy(7), "tester"), clock)


def amount(text: str | None) -> Decimal:
    return Decimal(text or "0")


def day(text: str | None) -> dt.date | None:
    return None if text is None else dt.date.fromisoformat(text)
