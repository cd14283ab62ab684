"""After a power cut that drops what was not synced, nothing answered is missing, and the same command finishes."""

import hashlib
import random
import shutil
import sqlite3
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.crash.facts import commit_digests, facts, faults, opened
from tests.crash.papers import errors_told, make_workspace
from tests.crash.power import Disk, Event, Kind, Luck, read_journal
from tests.crash.victim import SECRET
from tests.crash.zygote import Zygote, tell
from tests.depth import DEEP, some_of
from tieout.clock import system_entropy
from tieout.errors import TieoutError
from tieout.store.fingerprints import Fingerprints
from tieout.store.landing import Landing, Vault

pytestmark = pytest.mark.slow

#: Syncs that a power cut must show to be missing, when they are taken out of the product one at a time.
FORGOTTEN = [
    *("no fsync of files", "no fsync of folders", "no fsync of landed files", "no fsync of the landing's folders"),
    *("no fsync of lake files", "no fsync of the lake's folders", "book not synced"),
]


@dataclass(frozen=True, slots=True)
class Recorded:
    """A run, and everything that it wrote, in order."""

    folder: Path
    events: list[Event]
    facts: dict[str, Any]
    commits: list[str]


def record(watched: Zygote, folder: Path, scene: str, *faults_: str, kill_at: int | None = None) -> Recorded:
    """Run a scene under the watcher; killed first where asked, and then again in the same journal."""
    workspace = make_workspace(folder / "recorded", scene)
    journal = str(folder / "journal")
    if kill_at:
        killed = watched.run(
            workspace, "ingest", calls=True, journal=journal, faults=faults_, kill_at=kill_at, after=True
        )
        assert killed.killed, killed
        tell(f"killed {killed.report}")
    ended = watched.run(workspace, "ingest", calls=True, journal=journal, faults=faults_)
    assert errors_told(ended.output) == [], ended
    with opened(workspace) as store:
        return Recorded(workspace, read_journal(folder / "journal"), facts(store), commit_digests(store))


@pytest.fixture(scope="module")
def recorded(watched: Zygote, tmp_path_factory: pytest.TempPathFactory) -> Recorded:
    return record(watched, tmp_path_factory.mktemp("power"), "everything")


def cut(run: Recorded, target: Path, seed: int) -> dict[str, str]:
    """
    Cut the power at a moment drawn by the seed; ``target`` becomes what is left.

    :return: what had been answered by then: the last word on each delivery.
    """
    draw = random.Random(seed)
    moment = draw.randint(1, len(run.events))
    luck = Luck(seed % len(Luck))
    disk = Disk(run.folder)
    answered = {}
    for event in run.events[:moment]:
        disk.feed(event)
        if event.kind is Kind.NOTE:
            state, delivery = event.path.split()
            answered[delivery] = state
    disk.cut(target, luck, draw)
    last = run.events[moment - 1]
    name = Path(last.path).name
    tell(
        f"seed {seed}: power cut after event {moment} of {len(run.events)} ({last.kind.name} {name}), luck {luck.name}"
    )
    return answered


def missing(folder: Path, answered: dict[str, str]) -> list[str]:
    """Say what was answered and is not there, reading the book with SQLite alone."""
    state = folder / ".tieout"
    if not answered:
        return []
    if not (state / "book.db").exists():
        return ["the book is gone"]
    try:
        with closing(sqlite3.connect(state / "book.db")) as book:
            book.row_factory = sqlite3.Row
            whole = book.execute("pragma integrity_check").fetchone()[0]
            rows = {row["delivery_id"]: row for row in book.execute("select * from delivery")}
            files = book.execute("select path, sha256 from lake_file").fetchall()
    except sqlite3.DatabaseError as error:
        return [f"the book cannot be read: {error}"]
    found = [] if whole == "ok" else [f"the book is damaged: {whole}"]
    for delivery, said in answered.items():
        if delivery not in rows:
            found.append(f"delivery {delivery} was answered {said} and is not in the book")
        elif said != "received" and rows[delivery]["state"] == "landed":
            found.append(f"delivery {delivery} was answered {said} and is only landed")
    found += [f for row in rows.values() if row["wrapped_key"] is not None for f in _landed_faults(state, row)]
    for file in files:
        path = state / "lake" / file["path"]
        if not path.exists() or hashlib.sha256(path.read_bytes()).hexdigest() != file["sha256"]:
            found.append(f"lake file {file['path']} is not what the book says")
    return found


def _landed_faults(state: Path, row: sqlite3.Row) -> list[str]:
    if not (state / "key").exists():
        return ["the key file is gone"]
    entropy = system_entropy.token_bytes
    try:
        key = Vault(state / "key", entropy).unwrap(row["wrapped_key"])
        landing = Landing(state / "landing", entropy, Fingerprints(SECRET))
        with landing.open(row["path"], key, row["bytes"]) as stream:
            same = landing.fingerprints.of(hashlib.sha256(stream.read()).hexdigest()) == row["fingerprint"]
    except TieoutError as error:
        return [str(error)]
    return [] if same else [f"landed delivery {row['name']} differs"]


def check_goes_on(watched: Zygote, run: Recorded, folder: Path, seed: int) -> None:
    """Cut, look, run the same command again, and compare with the run that nobody disturbed."""
    make_workspace(folder)
    answered = cut(run, folder, seed)
    assert missing(folder, answered) == []
    again = watched.run(folder, "ingest")
    assert again.status in {0, 1, 3}, again
    assert errors_told(again.output) == [], again
    with opened(folder) as store:
        assert faults(store) == []
        assert facts(store) == run.facts
        assert commit_digests(store) == run.commits
    verified = watched.run(folder, "verify")
    assert verified.status == 0, verified


@pytest.mark.parametrize("seed", range(60 if DEEP else 20))
def test_nothing_answered_is_missing_after_a_power_cut(recorded: Recorded, quick_path: Path, seed: int) -> None:
    assert missing(quick_path, cut(recorded, quick_path, seed)) == []


@pytest.mark.deep
def test_nothing_answered_is_missing_after_many_power_cuts(recorded: Recorded, quick_path: Path) -> None:
    for seed in range(1_000, 2_000):
        folder = quick_path / str(seed)
        folder.mkdir()
        assert missing(folder, cut(recorded, folder, seed)) == []


@pytest.mark.parametrize("seed", some_of([1, 5, 9, 13], 2))
def test_the_same_command_finishes_after_a_power_cut(
    watched: Zygote, recorded: Recorded, quick_path: Path, seed: int
) -> None:
    check_goes_on(watched, recorded, quick_path, seed)


@pytest.mark.deep
@pytest.mark.parametrize("seed", range(100, 140))
def test_the_same_command_finishes_after_any_power_cut(
    watched: Zygote, recorded: Recorded, quick_path: Path, seed: int
) -> None:
    check_goes_on(watched, recorded, quick_path, seed)


@pytest.mark.parametrize("fault", FORGOTTEN)
def test_a_forgotten_sync_would_be_found(watched: Zygote, quick_path: Path, fault: str) -> None:
    """The test is tested: take one sync out of the product, and a power cut must show the loss."""
    careless = record(watched, quick_path, "corrected", fault)
    for seed in range(100):
        folder = quick_path / str(seed)
        folder.mkdir()
        if found := missing(folder, cut(careless, folder, seed)):
            tell(f"found with seed {seed}: {found[0]}")
            return
    pytest.fail(f"expected '{fault}' to be found within 100 power cuts, got none")


def check_kill_then_power_cut(watched: Zygote, folder: Path, kill_at: int) -> None:
    """Kill a run after a call, let a second one answer, and cut the power: what it answered rests on the first, too."""
    folder.mkdir(exist_ok=True)
    run = record(watched, folder, "till", kill_at=kill_at)
    ends = [n for n, event in enumerate(run.events) if event.kind is Kind.NOTE]
    for end in (ends[0], ends[-1]):
        target = folder / f"cut {end}"
        target.mkdir()
        disk, answered = Disk(run.folder), {}
        for event in run.events[: end + 1]:
            disk.feed(event)
            if event.kind is Kind.NOTE:
                state, delivery = event.path.split()
                answered[delivery] = state
        disk.cut(target, Luck.NONE, random.Random(kill_at))
        assert missing(target, answered) == [], f"killed after call {kill_at}, power cut after event {end}"


def calls_of(watched: Zygote, folder: Path, *kinds: Kind) -> list[int]:
    """Number the calls of some kinds in a run that nobody disturbed."""
    folder.mkdir()
    return [event.call for event in record(watched, folder, "till").events if event.kind in kinds]


def test_a_folder_that_a_killed_run_made_survives_a_later_power_cut(watched: Zygote, quick_path: Path) -> None:
    calls = calls_of(watched, quick_path / "counted", Kind.MKDIR)
    assert len(calls) >= 8
    for call in calls:
        check_kill_then_power_cut(watched, quick_path / str(call), call)


def test_a_key_that_a_killed_run_made_survives_a_later_power_cut(watched: Zygote, quick_path: Path) -> None:
    calls = calls_of(watched, quick_path / "counted", Kind.LINK)
    assert len(calls) == 1
    check_kill_then_power_cut(watched, quick_path / "killed", calls[0])


@pytest.mark.deep
def test_no_killed_run_leaves_anything_that_a_later_power_cut_takes(watched: Zygote, quick_path: Path) -> None:
    calls = calls_of(watched, quick_path / "counted", *set(Kind) - {Kind.NOTE, Kind.WRITE})
    for call in calls[:-1]:
        check_kill_then_power_cut(watched, quick_path / str(call), call)
        shutil.rmtree(quick_path / str(call))


def test_the_model_disk_keeps_what_was_synced_and_only_that(tmp_path: Path) -> None:
    root = tmp_path / "root"

    def left(*events: Event, luck: Luck = Luck.NONE) -> dict[str, bytes]:
        target = tmp_path / f"target-{len(list(tmp_path.iterdir()))}"
        target.mkdir()
        disk = Disk(root)
        for event in events:
            disk.feed(event)
        disk.cut(target, luck, random.Random(1))
        return {str(p.relative_to(target)): p.read_bytes() for p in target.rglob("*") if p.is_file()}

    create = Event(Kind.CREATE, 1, 7, 0, 0o600, f"{root}/a.partial", "", b"")
    write = Event(Kind.WRITE, 1, 7, 0, 0, f"{root}/a.partial", "", b"hello")
    sync = Event(Kind.SYNC, 1, 7, 0, 0, f"{root}/a.partial", "", b"")
    rename = Event(Kind.RENAME, 1, 7, 0, 0, f"{root}/a.partial", f"{root}/a", b"")
    names = Event(Kind.SYNC_FOLDER, 1, 1, 0, 0, str(root), "", b"")
    assert left(create, write) == {}
    assert left(create, write, sync, rename) == {}
    assert left(create, write, rename, names) == {"a": b""}
    assert left(create, write, sync, names) == {"a.partial": b"hello"}
    assert left(create, write, sync, rename, names) == {"a": b"hello"}
    assert left(create, write, rename, luck=Luck.NAMES_ONLY) == {"a": b""}
