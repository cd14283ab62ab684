"""A publisher that is killed, or that is one of two, leaves a view that the next one makes right; law 18."""

import datetime as dt
import shutil
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

from tests.crash.test_kill import killed_somewhere
from tests.crash.zygote import Ended, Run, Zygote
from tests.matching.worlds import World, invoice
from tests.store.outsiders import book_says, by_pyiceberg, catalog_of, planned, published
from tests.store.test_publisher import FACTS, NUMBERS
from tieout.store.open_view import SHOWN

#: Odd seeds count system calls, even ones the product's own boundaries; every third begins without a view.
FEW = range(2)
MANY = range(100, 180)


@pytest.fixture(scope="module")
def publishing(watcher: Path) -> Iterator[Zygote]:
    """Give a process that has PyIceberg loaded, and whose commands' system calls are watched."""
    started = Zygote(watcher, also=("pyiceberg.catalog.sql", "pyiceberg.io.pyarrow", "tieout.store.publisher"))
    yield started
    started.close()


@pytest.fixture
def w(quick_path: Path) -> Iterator[World]:
    """A world in which something was matched, at a day when every lease of a killed process has run out."""
    made = World(quick_path / "w", NUMBERS)
    made.add(*FACTS)
    made.match()
    made.clock.advance(dt.timedelta(days=1))
    yield made
    made.close()


def lake(w: World) -> dict[Path, bytes]:
    return {path: path.read_bytes() for path in w.store.lake.root.rglob("*.parquet")}


def happens(w: World, seed: int) -> None:
    """Let a file lose a row, another one come, and for some seeds the view be lost."""
    w.correct("a", "i-1", amount=1_000 + seed)
    w.add(invoice(f"n{seed}", seed))
    if seed % 3 == 0:
        shutil.rmtree(w.store.lake.open_view, ignore_errors=True)


def killed_again_and_again(publishing: Zygote, w: World, seeds: Sequence[int]) -> None:
    boundaries: dict[tuple[bool, bool], int] = {}
    killed = 0
    published(w.store)
    for seed in seeds:
        kind = (bool(seed % 2), seed % 3 == 0)
        if kind not in boundaries:
            happens(w, seed + 9_996)  # of the same kind
            ended = publishing.run(w.folder, "publish", calls=kind[0])
            assert ended.status == 0, ended
            boundaries[kind] = ended.boundaries
        happens(w, seed)
        before = lake(w)
        ended = killed_somewhere(publishing, w.folder, boundaries[kind], seed, "publish")
        if ended.killed:
            killed += 1
        else:  # less was to be done than when it was counted
            assert ended.status == 0, ended
            boundaries[kind] = ended.boundaries
        published(w.store)
        assert lake(w) == before
    assert killed * 4 >= len(seeds) * 3
    assert not published(w.store).changed
    # What killed ones left is needed by nothing, and goes after a day.
    w.clock.advance(dt.datetime.now(dt.UTC) - w.clock.now() + dt.timedelta(days=2))
    w.add(invoice("last", 1))
    published(w.store)
    shown = {file for name in SHOWN for file in planned(catalog_of(w.store), name)}
    assert {f"file://{path}" for path in w.store.lake.open_view.glob("*/data/*")} <= shown


@pytest.mark.slow
def test_a_publisher_killed_leaves_what_the_next_one_makes_right(publishing: Zygote, w: World) -> None:
    killed_again_and_again(publishing, w, FEW)


@pytest.mark.deep
@pytest.mark.parametrize("seeds", [MANY[n : n + 20] for n in range(0, len(MANY), 20)], ids=lambda seeds: str(seeds[0]))
def test_a_publisher_killed_anywhere(publishing: Zygote, w: World, seeds: Sequence[int]) -> None:
    killed_again_and_again(publishing, w, seeds)


def at_once(publishing: Zygote, w: World, *faults: str) -> list[Ended]:
    return publishing.together(*(Run(str(w.folder), ("publish",), faults=faults) for _ in range(2)))


@pytest.mark.slow
@pytest.mark.parametrize("faults", [(), ("leases shared",)], ids=["leased", "leases shared"])
def test_two_publishers_at_once_show_everything_once(publishing: Zygote, w: World, faults: tuple[str, ...]) -> None:
    for seed in range(2):
        happens(w, seed)
        ended = at_once(publishing, w, *faults)
        assert [end.status for end in ended] == [0, 0], ended
        assert by_pyiceberg(catalog_of(w.store)) == book_says(w.store)
    assert not published(w.store).changed


@pytest.mark.deep
def test_two_that_send_lost_commits_again_would_be_found(publishing: Zygote, w: World) -> None:
    """The test is tested: without the comparison both add the same files, and the next publisher mends it."""
    for seed in range(0, 60, 3):
        happens(w, seed)
        at_once(publishing, w, "leases shared", "commits sent again")
        if by_pyiceberg(catalog_of(w.store)) != book_says(w.store):
            published(w.store)
            return
    pytest.fail("20 times two publishers met without a comparison, and nothing was shown twice")
