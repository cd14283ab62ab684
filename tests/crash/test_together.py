"""Several processes at once, one of them killed: each delivery once, one set of facts; laws 2 and 18."""

import random
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.crash.facts import contents, faults, opened
from tests.crash.papers import errors_told, make_workspace, psp_rows, statement, till_rows, write
from tests.crash.zygote import Ended, Run, Zygote, tell

ROUNDS = 10

#: What each of several processes is given: the same file, overlapping files, different files of one source.
MEETINGS = {
    "the same file": [{"a.csv": psp_rows(0, 30)}] * 3,
    "overlapping files": [
        {"a.csv": psp_rows(0, 30)},
        {"b.csv": psp_rows(20, 50)},
        {"c.csv": psp_rows(10, 60)},
    ],
    "different files": [{"a.csv": psp_rows(0, 20)}, {"b.csv": psp_rows(20, 40)}, {"c.csv": psp_rows(40, 60)}],
    "files without identifiers": [
        {"a.csv": till_rows(3, 1)},
        {"b.csv": till_rows(2, 4)},
        {"c.csv": till_rows(0, 2, 5)},
    ],
    "statements": [{"a.xml": statement(1)}, {"b.xml": statement(2)}, {"c.xml": statement(3)}],
    "a file with a card number": [{"a.csv": psp_rows(0, 3, note="paid by 4111111111111111 till")}] * 3,
}
_SOURCES = {"files without identifiers": "till", "statements": "bank"}


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.peers)])
def book(request: pytest.FixtureRequest) -> Iterator[dict[str, str]]:
    """Give the environment that says where the book is."""
    if request.param == "sqlite":
        yield {}
        return
    yield {"TIEOUT_BOOK": request.getfixturevalue("fresh_postgres")}


def runs(folder: Path, meeting: str, count: int, environment: dict[str, str]) -> list[Run]:
    """Prepare the commands of a meeting: each process has files of its own and the same workspace."""
    started = []
    for files in MEETINGS[meeting][:count]:
        write(folder, files)
        source = _SOURCES.get(meeting, "psp")
        started.append(Run(str(folder), ("ingest", *files, "--source", source), environment=environment))
    return started


def check_end(zygote: Zygote, folder: Path, environment: dict[str, str], deliveries: int) -> list[tuple[object, ...]]:
    """Say what stands after a meeting, when everything that must hold does."""
    with opened(folder, environment) as store:
        assert faults(store) == []
        said = contents(store)
    verified = zygote.run(folder, "verify", "--json", environment=environment)
    assert verified.status == 0, verified
    assert verified.said()["deliveries"] == deliveries, verified
    return said


def no_errors(ended: list[Ended]) -> None:
    for end in ended:
        assert end.status in {0, 1}, end
        assert errors_told(end.output) == [], end


def alone(zygote: Zygote, folder: Path, meeting: str, count: int) -> list[tuple[object, ...]]:
    """Give what stands when the same files come one after the other."""
    make_workspace(folder, "nothing")
    for run in runs(folder, meeting, count, {}):
        no_errors(zygote.together(run))
    with opened(folder) as store:
        return contents(store)


def _distinct(meeting: str, count: int) -> int:
    return len({tuple(files.values()) for files in MEETINGS[meeting][:count]})


@pytest.mark.slow
@pytest.mark.parametrize("meeting", sorted(MEETINGS))
def test_processes_at_once_give_the_facts_of_one_after_the_other(
    zygote: Zygote, book: dict[str, str], quick_path: Path, meeting: str
) -> None:
    folder = make_workspace(quick_path / "together", "nothing")
    no_errors(zygote.together(*runs(folder, meeting, 3, book)))
    said = check_end(zygote, folder, book, _distinct(meeting, 3))
    assert said == alone(zygote, quick_path / "alone", meeting, 3)


@pytest.mark.slow
def test_one_of_two_killed_does_not_hinder_the_other(zygote: Zygote, book: dict[str, str], quick_path: Path) -> None:
    killed_one(zygote, book, quick_path, "overlapping files", seed=1)


@pytest.mark.deep
@pytest.mark.parametrize("count", [2, 3])
@pytest.mark.parametrize("meeting", sorted(MEETINGS))
def test_many_meetings(zygote: Zygote, quick_path: Path, meeting: str, count: int) -> None:
    expected = alone(zygote, quick_path / "alone", meeting, count)
    for number in range(ROUNDS):
        folder = make_workspace(quick_path / str(number), "nothing")
        no_errors(zygote.together(*runs(folder, meeting, count, {})))
        assert check_end(zygote, folder, {}, _distinct(meeting, count)) == expected, f"round {number}"


@pytest.mark.deep
@pytest.mark.parametrize("meeting", sorted(MEETINGS))
@pytest.mark.parametrize("seed", range(3))
def test_one_of_two_killed_anywhere(
    zygote: Zygote, book: dict[str, str], quick_path: Path, meeting: str, seed: int
) -> None:
    killed_one(zygote, book, quick_path, meeting, seed)


def killed_one(zygote: Zygote, book: dict[str, str], folder: Path, meeting: str, seed: int) -> None:
    """Let two processes meet, kill one at a boundary, and let it come again."""
    expected = alone(zygote, folder / "alone", meeting, 2)
    make_workspace(folder / "together", "nothing")
    first, second = runs(folder / "together", meeting, 2, book)
    at = random.Random(seed).randint(1, 60)
    victim = Run(first.folder, first.arguments, kill_at=at, after=bool(seed % 2), environment=book)
    died, survived = zygote.together(victim, second)
    # Who finds the other's delivery has less to write: then the drawn boundary is not there.
    assert died.killed or died.boundaries < at, died
    tell(f"seed {seed}: killed {died.report}")
    no_errors([survived])
    no_errors(zygote.together(first))
    assert check_end(zygote, folder / "together", book, _distinct(meeting, 2)) == expected


@pytest.mark.deep
def test_two_that_accept_without_looking_would_be_found(zygote: Zygote, quick_path: Path) -> None:
    """The test is tested: without the check inside the one transaction, a delivery is accepted twice."""
    for number in range(20):
        folder = make_workspace(quick_path / str(number), "nothing")
        careless = [
            Run(run.folder, run.arguments, faults=("commit not checked",))
            for run in runs(folder, "the same file", 3, {})
        ]
        zygote.together(*careless)
        with opened(folder) as store:
            if found := faults(store):
                tell(f"found in round {number}: {found[0]}")
                return
    pytest.fail("expected a delivery that is accepted twice within 20 rounds, got none")
