"""Killed at any write boundary, the same command again leaves what it would have left; laws 6, 11 and 18."""

import random
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import pytest

from tests.crash.facts import opened
from tests.crash.office import SCENES, STAGES, command, copied, left, prepared, standing
from tests.crash.test_kill import killed_somewhere
from tests.crash.zygote import Run, Zygote, tell
from tests.matching.shop import lay_out, table

#: Odd seeds count system calls, even ones the product's own boundaries.
FEW = [(scene, seed) for seed, scene in enumerate(("match", "resolve", "undo", "journal"), 1)]
MANY = [(scene, seed) for scene in SCENES for seed in range(100, 200 if scene in {"match", "journal"} else 117)]

INVOICES = [(f"RE-{1000 + n}", f"2026-10-{n + 1:02}", f"Firma {n}", f"{100 + n}.00", "EUR") for n in range(12)]


@dataclass(frozen=True, slots=True)
class Undisturbed:
    """
    A scene's command without a kill.

    :ivar before: the workspace in which it comes next; ``after``: what it leaves.
    :ivar status: what it ends with.
    :ivar left: all that the book says after it.
    :ivar boundaries: how many it crosses.
    """

    before: Path
    after: Path
    arguments: tuple[str, ...]
    status: int
    left: dict[str, list[str]]
    boundaries: int


#: Gives a scene, by its name and whether system calls are counted.
Scene = Callable[[str, bool], Undisturbed]


@pytest.fixture(scope="module")
def undisturbed(watched: Zygote, tmp_path_factory: pytest.TempPathFactory) -> Scene:
    """Give a scene without a kill, performed once; a workspace is made once, each stage from the one before."""
    stages: list[Path] = []

    def at(stage: str) -> Path:
        while len(stages) <= STAGES.index(stage):
            folder = tmp_path_factory.mktemp("stage")
            if stages:
                copied(stages[-1], folder)
            stages.append(prepared(watched, folder, STAGES[len(stages)]))
        return stages[STAGES.index(stage)]

    @cache
    def of(scene: str, calls: bool) -> Undisturbed:
        before = at(SCENES[scene])
        arguments = command(before, scene)
        after = copied(before, tmp_path_factory.mktemp("after"))
        ended = watched.run(after, *arguments, calls=calls)
        assert ended.status in {0, 1}, ended
        return Undisturbed(before, after, arguments, ended.status, left(after), ended.boundaries)

    return of


def check(watched: Zygote, undisturbed: Scene, folder: Path, scene: str, seed: int) -> None:
    expected = undisturbed(scene, bool(seed % 2))
    copied(expected.before, folder)
    total = expected.boundaries
    ended = killed_somewhere(watched, folder, total, seed, *expected.arguments)
    # Threads may write together what they wrote apart when it was counted: then the last boundaries are not there.
    assert ended.killed or ended.boundaries * 10 >= total * 9, ended
    if seed % 5 == 0:  # and once more, while it recovers
        killed_somewhere(watched, folder, total, seed + 1000, *expected.arguments)
    again = watched.run(folder, *expected.arguments)
    assert again.status == expected.status, again
    assert left(folder) == expected.left
    if seed % 6 == 0:
        verified = watched.run(folder, "verify")
        assert verified.status == 0, verified


@pytest.mark.slow
@pytest.mark.parametrize(("scene", "seed"), FEW)
def test_killed_commands_finish_when_repeated(
    watched: Zygote, undisturbed: Scene, quick_path: Path, scene: str, seed: int
) -> None:
    check(watched, undisturbed, quick_path, scene, seed)


@pytest.mark.deep
@pytest.mark.parametrize(("scene", "seed"), MANY)
def test_commands_killed_anywhere_finish_when_repeated(
    watched: Zygote, undisturbed: Scene, quick_path: Path, scene: str, seed: int
) -> None:
    check(watched, undisturbed, quick_path, scene, seed)


@pytest.mark.deep
@pytest.mark.parametrize("scene", SCENES)
def test_a_command_given_twice_changes_nothing(
    watched: Zygote, undisturbed: Scene, quick_path: Path, scene: str
) -> None:
    """A kill may come when all is done: then the same command again leaves everything as it is."""
    once = undisturbed(scene, False)
    assert watched.run(copied(once.after, quick_path), *once.arguments).status == once.status
    assert left(quick_path) == once.left


@pytest.mark.slow
def test_a_decision_that_is_forgotten_would_be_found(watched: Zygote, undisturbed: Scene, quick_path: Path) -> None:
    """The test is tested: where a repeated command does not find its own decision, some kill must show it."""
    expected = undisturbed("undo", False)
    for seed in range(40):
        folder = copied(expected.before, quick_path / str(seed))
        killed_somewhere(watched, folder, expected.boundaries, 2 * seed, *expected.arguments)
        again = watched.run(folder, *expected.arguments, faults=("decisions forgotten",))
        if again.status != expected.status or left(folder) != expected.left:
            tell(f"found with seed {seed}: {again.output}")
            return
    pytest.fail("expected a decision that is forgotten to be found within 40 kills, got none")


@pytest.mark.deep
def test_a_head_that_is_not_compared_would_be_found(zygote: Zygote, quick_path: Path) -> None:
    """The test below is tested: without the comparison of heads, two processes use one record up twice."""
    for number in range(20):
        folder = two_reconciliations(zygote, quick_path / str(number))
        together(zygote, folder, {}, faults=("heads not compared",))
        if used_twice(folder, {}):
            tell(f"found in round {number}")
            return
    pytest.fail("expected a record that is used up twice within 20 rounds, got none")


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.peers)])
def book(request: pytest.FixtureRequest) -> dict[str, str]:
    """Give the environment that says where the book is."""
    return {} if request.param == "sqlite" else {"TIEOUT_BOOK": request.getfixturevalue("fresh_postgres")}


@pytest.mark.deep
def test_two_processes_of_one_claim_use_nothing_up_twice(
    zygote: Zygote, book: dict[str, str], quick_path: Path
) -> None:
    for number in range(1 if book else 3):
        folder = two_reconciliations(zygote, quick_path / str(number), book)
        together(zygote, folder, book)
        assert used_twice(folder, book) == []
        with opened(folder, book) as store:
            assert len({row["match_id"] for row in standing(store)}) == len(INVOICES)


def two_reconciliations(zygote: Zygote, folder: Path, environment: dict[str, str] | None = None) -> Path:
    """Let both reconciliations of a shop want the same invoices: each has a line for every one."""
    lay_out(folder)
    for source, mark in (("bank", "B"), ("other", "O")):
        rows = [
            (f"{mark}{n}", day, amount, "", f"RE-{1000 + n}", "EUR")
            for n, (_, day, _, amount, _) in enumerate(INVOICES)
        ]
        (folder / f"{source}.csv").write_text(table(source, rows))
    (folder / "invoices.csv").write_text(table("invoices", INVOICES))
    ended = zygote.run(folder, "ingest", "invoices.csv", "bank.csv", "other.csv", environment=environment or {})
    assert ended.status == 0, ended
    return folder


def together(zygote: Zygote, folder: Path, environment: dict[str, str], faults: tuple[str, ...] = ()) -> None:
    wanted = [
        Run(str(folder), ("match", name), faults=faults, environment=environment)
        for name in random.Random(1).sample(["items", "rest"] * 2, 4)
    ]
    for ended in zygote.together(*wanted):
        assert faults or ended.status in {0, 1}, ended


def used_twice(folder: Path, environment: dict[str, str]) -> list[str]:
    """Name the records of which more is used up than they have."""
    used: dict[str, int] = {}
    with opened(folder, environment) as store:
        for row in standing(store):
            if row["status"] == "confirmed" and row["external_id"].startswith("RE"):
                used[row["external_id"]] = used.get(row["external_id"], 0) + row["allocated"]
    amounts = {number: int(amount.replace(".", "")) for number, _, _, amount, _ in INVOICES}
    return [name for name, taken in used.items() if taken > amounts[name]]
