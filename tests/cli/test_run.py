"""One command does the whole job, and what it leaves is what its stages leave one after the other."""

import shutil
from pathlib import Path

import pytest
import sqlalchemy as sa

from tests.cli.office import Answer, typed
from tieout.clock import system_clock, system_entropy
from tieout.config import load_workspace
from tieout.store import schema
from tieout.store.workplace import open_store

PAYOUTS = """
[[reconciliation]]
id = "payouts"
left = { source = "stripe-payouts" }
right = { source = "bank-main" }
rules = "payout-to-bank"
"""


@pytest.fixture(scope="module")
def company(tmp_path_factory: pytest.TempPathFactory) -> Path:
    place = tmp_path_factory.mktemp("company") / "here"
    assert typed("demo", "--tutorial", "--no-serve", place).status == 0
    shutil.rmtree(place / ".tieout")
    toml = place / "tieout.toml"
    toml.write_text(toml.read_text(encoding="utf-8") + PAYOUTS, encoding="utf-8")
    return place


def worked(company: Path, folder: Path, *commands: str) -> tuple[Path, Answer]:
    """Copy the company, and do these commands in the copy; gives what the last one answered."""
    shutil.copytree(company, folder)
    answers = [typed("--workspace", folder, *command.split()) for command in commands]
    return folder, answers[-1]


def runs_of(folder: Path) -> list[tuple[str, str]]:
    store = open_store(load_workspace(folder, {}), system_clock, system_entropy, "tester")
    try:
        with store.book.reading() as connection:
            run = schema.run
            return [
                tuple(row) for row in connection.execute(sa.select(run.c.kind, run.c.digest).order_by(run.c.sequence))
            ]
    finally:
        store.close()


def test_it_leaves_what_its_stages_leave(company: Path, tmp_path: Path) -> None:
    one, answer = worked(company, tmp_path / "one", "--json run")
    other, _ = worked(company, tmp_path / "other", "ingest", "match", "journal")
    assert runs_of(one) == runs_of(other) != []
    said = answer.said
    assert answer.status == 1
    assert said["files"] == 12
    assert said["rows"]["new"] > 100
    assert [run["reconciliation"] for run in said["runs"]] == ["payouts"]
    assert said["runs"][0]["matches"] >= 3
    assert said["work"]["count"] > 0
    proofs = {proof["account"]: proof for proof in said["proofs"]}
    alone = typed("--workspace", one, "--json", "proof", "bank-main-eur").said
    same = ("closing", "residual", "verdict", "as_of")
    assert {name: proofs["bank-main-eur"][name] for name in same} == {name: alone[name] for name in same}


def test_a_second_time_nothing_is_new_and_the_same_is_said(company: Path, tmp_path: Path) -> None:
    folder, first = worked(company, tmp_path / "twice", "run")
    before = runs_of(folder)
    again = typed("--workspace", folder, "run")
    assert (first.status, again.status) == (1, 1)
    assert runs_of(folder) == before
    assert "12 files, 12 of them known already" in again.out
    for part in ("payouts", "Needs a person: ", "bank-main-eur", "Books: "):
        assert part in first.out
        assert part in again.out


def test_a_file_that_cannot_be_read_stops_nothing_and_ends_with_3(company: Path, tmp_path: Path) -> None:
    folder = tmp_path / "broken"
    shutil.copytree(company, folder)
    (folder / "inbox" / "bank-main" / "broken.xml").write_text("no statement")
    (folder / "inbox" / "nobody.csv").write_text("a,b\n1,2\n")
    answer = typed("--workspace", folder, "run")
    assert answer.status == 3
    assert "broken.xml" in answer.err
    assert "nobody.csv" in answer.out
    assert "payouts" in answer.out


def test_files_that_are_named_are_the_only_ones(company: Path, tmp_path: Path) -> None:
    folder = tmp_path / "named"
    shutil.copytree(company, folder)
    [file, *_] = sorted((folder / "inbox" / "bank-second").iterdir())
    answer = typed("--workspace", folder, "--json", "run", file)
    assert answer.said["files"] == 1
    assert "stripe-payouts/EUR" not in {proof["account"] for proof in answer.said["proofs"]}
