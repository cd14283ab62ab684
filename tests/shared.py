"""
Folders that take long to make, made once for all workers of a run; each takes a copy.
"""

import fcntl
import os
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from tieout import pipeline
from tieout.clock import system_clock, system_entropy
from tieout.config import load_workspace
from tieout.simulation.company import make_company
from tieout.store.workplace import open_store

__all__ = ["DEMO_SEED", "copied", "demo_read_in"]

#: Of the company that tests look at together.
DEMO_SEED = 1


def copied(factory: pytest.TempPathFactory, name: str, make: Callable[[Path], object]) -> Path:
    """Give a folder of one's own with what ``make`` puts there; whoever comes first makes it, the others wait for it."""
    base = factory.getbasetemp()
    if "PYTEST_XDIST_WORKER" in os.environ:
        base = base.parent
    made = base / f"shared-{name}"
    with (base / f"shared-{name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not made.exists():
            make(base / f"making-{name}")
            (base / f"making-{name}").rename(made)
    return Path(shutil.copytree(made, factory.mktemp(name) / "here"))


def demo_read_in(factory: pytest.TempPathFactory) -> Path:
    """Give the demo company (with its ``truth``), its files read, nothing matched yet."""
    return copied(factory, "demo", _read_in)


def _read_in(folder: Path) -> None:
    make_company(folder, seed=DEMO_SEED)
    workspace = load_workspace(folder)
    store = open_store(workspace, system_clock, system_entropy, "tester")
    try:
        assert not [found for found in pipeline.ingest(store, workspace) if isinstance(found, Exception)]
    finally:
        store.close()
