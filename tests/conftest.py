"""What every test may ask for."""

import json
import os
import shutil
import zlib
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, settings

from tests.peers import missing_peer
from tests.postgres import Cluster, private_cluster

ROOT = Path(__file__).resolve().parent.parent

#: Fixtures that start a real system, or need its program; a test that asks for one is marked ``peers`` by itself.
PEERS = {"browser", "hledger", "postgres", "postgres_url", "fresh_postgres", "spark", "spark_settings"}
#: Those of Spark, whose tests are minutes of a Java machine's time: ``make test-spark`` runs them.
SPARK = {"spark", "spark_settings"}
#: Of the tests of what a delivery becomes, one in so many runs on PostgreSQL as well; in a deep run all do.
_OF_SO_MANY = 3
#: Where a case is a delivery or a run, not a function: of more cases of one test than these the rest is for deep runs.
_SLOW_FOLDERS = {"accounting", "cli", "intake", "matching", "observe"}
_CASES_MAX = 2

# The same examples every time, so that a change and not a draw decides; no deadline, since the machine is shared.
settings.register_profile("steady", derandomize=True, deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.register_profile("deep", settings.get_profile("steady"), derandomize=False, max_examples=2_000)
settings.load_profile("steady")


def samples_folder() -> Path | None:
    """Where the real sample files lie, if they are on this machine."""
    folder = Path(os.environ.get("TIEOUT_SAMPLES", ROOT.parent / "shared" / "samples"))
    return folder if (folder / "index.json").exists() else None


@pytest.fixture(scope="session")
def samples() -> Callable[[str], list[tuple[Path, dict[str, Any], str]]]:
    """
    Give the real files of one format: ``samples("camt")`` is a list of (path, truth, verdict).

    Skips the test, saying so, where the sample folder is not on this machine.
    """

    def of_format(name: str) -> list[tuple[Path, dict[str, Any], str]]:
        folder = samples_folder()
        if folder is None:
            pytest.skip("the real sample files are not here: set TIEOUT_SAMPLES to the folder with index.json")
        index = json.loads((folder / "index.json").read_text())
        entries = index["files"] if isinstance(index, dict) else index
        return [
            (folder / e["path"], json.loads((folder / e["truth"]).read_text()).get("truth") or {}, e["verdict"])
            for e in entries
            if e["format"] == name
        ]

    return of_format


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark the tests that need a real system, so that a fast run can leave them out."""
    for item in items:
        asked = set(getattr(item, "fixturenames", ()))
        if PEERS & asked:
            item.add_marker("peers")
        if SPARK & asked:
            item.add_marker("spark")
        if _on_postgresql(item) and zlib.crc32(item.nodeid.encode()) % _OF_SO_MANY:
            item.add_marker("deep")
    _leave_combinations_to_deep_runs(items)
    _leave_long_lists_to_deep_runs(items)


def _leave_combinations_to_deep_runs(items: list[pytest.Item]) -> None:
    """
    Of a test that is multiplied by several lists, let every value of each be in the usual runs, in some combination.

    Every combination is for the deep ones; but of the laws and of the pages (a theme, a width) each is usual.
    """
    met: dict[str, set[object]] = {}
    for item in items:
        lists = [mark.args[0] for mark in item.iter_markers("parametrize")]
        if len(lists) < 2 or item.get_closest_marker("deep") or item.path.parent.name in {"laws", "web"}:
            continue
        values = {(names, _given_by(names, item)) for names in map(_names, lists)}
        known = met.setdefault(item.nodeid.partition("[")[0], set())
        if values <= known:
            item.add_marker("deep")
        known |= values


def _leave_long_lists_to_deep_runs(items: list[pytest.Item]) -> None:
    """
    Of a test that takes deliveries and runs of a second each, let a few cases be in the usual runs, from all its list.

    The first and the last are among them: where a list grows, the newest case is usual.
    """
    cases: dict[str, list[pytest.Item]] = {}
    for item in items:
        if item.path.parent.name in _SLOW_FOLDERS and not item.get_closest_marker("deep"):
            cases.setdefault(item.nodeid.partition("[")[0], []).append(item)
    for listed in cases.values():
        usual = {round(n * (len(listed) - 1) / (_CASES_MAX - 1)) for n in range(_CASES_MAX)}
        for number, item in enumerate(listed):
            if len(listed) > _CASES_MAX and number not in usual:
                item.add_marker("deep")


def _names(listed: str | Sequence[str]) -> tuple[str, ...]:
    return tuple(name.strip() for name in listed.split(",")) if isinstance(listed, str) else tuple(listed)


def _given_by(names: tuple[str, ...], item: pytest.Item) -> tuple[int, ...]:
    """Give what one list has given to a test, by the objects themselves: not every value can be compared."""
    return tuple(id(item.callspec.params[name]) for name in names)  # type: ignore[attr-defined]  # only items of functions have it


def _on_postgresql(item: pytest.Item) -> bool:
    """Say whether a test of what a delivery becomes runs once more, on PostgreSQL."""
    callspec = getattr(item, "callspec", None)
    return callspec is not None and callspec.params.get("desk") == "postgresql"


@pytest.fixture(scope="session")
def postgres() -> Iterator[Cluster]:
    """Give a PostgreSQL server of our own, started once for the tests of a session."""
    with private_cluster() as cluster:
        yield cluster


@pytest.fixture(scope="session")
def postgres_url(postgres: Cluster) -> str:
    """Give the URL of that server's own database, for those who make databases themselves."""
    return postgres.url()


@pytest.fixture
def fresh_postgres(postgres: Cluster) -> Iterator[str]:
    """Give the URL of an empty database, ``postgresql+psycopg://...``, dropped after the test."""
    with postgres.fresh_database() as url:
        yield url


@pytest.fixture(scope="session")
def hledger() -> str:
    """Give the path of hledger, another program that adds up journals."""
    found = shutil.which("hledger")
    if found is None:
        missing_peer("hledger", "apt-get install hledger")
    return found
