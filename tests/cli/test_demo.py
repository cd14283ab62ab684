"""The sample company: it is consistent, it is found to be so, and every command that the demo names works."""

import json
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from tests.cli.office import Answer, typed


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Answer]:
    """One demo, for the tests that only look."""
    place = tmp_path_factory.mktemp("demo") / "here"
    return place, typed("demo", "--tutorial", "--no-serve", "--json", place)


@pytest.fixture(scope="module")
def records(made: tuple[Path, Answer]) -> list[dict[str, Any]]:
    place, _ = made
    target = place.parent / "records.jsonl"
    assert typed("--workspace", place, "export", "records", "--to", target).status == 0
    return [json.loads(line) for line in target.read_text().splitlines()]


def test_it_says_what_came_in_what_closes_and_what_needs_a_person(made: tuple[Path, Answer]) -> None:
    _, answer = made
    assert (answer.status, answer.err) == (0, "")
    said = answer.said
    assert said["new"] is True
    files = {source["source"]: source["files"] for source in said["sources"]}
    assert len(files) == 8
    assert sum(files.values()) == said["files"] == 12
    assert (files["bank-main"], files["bank-second"], files["stripe-webhooks"]) == (2, 3, 1)
    assert all(s["rows"] == s["new"] + s["known"] + s["quarantined"] + s["skipped"] for s in said["sources"])
    assert sum(s["skipped"] for s in said["sources"]) == 2
    assert (said["statements"], said["statements_closing"]) == (5, 5)
    assert (said["settlements"], said["settlements_closing"]) == (3, 3)
    assert said["repeats"] == 6
    [missing] = said["exceptions"]
    assert "a statement is missing between them" in missing
    assert "00214" in missing
    assert ["zwölfhundert" in note or "31.02.2027" in note for note in said["quarantined"]] == [True, True]
    assert said["errors"] == []


def test_a_person_reads_it_on_one_screen(tmp_path: Path) -> None:
    place = tmp_path / "demo"
    answer = typed("demo", "--tutorial", "--no-serve", place)
    assert (answer.status, answer.err) == (0, "")
    assert len(answer.out.splitlines()) <= 25
    for line in ("12 files came in", "5 of 5 bank statements", "3 of 3 settlements", "Needs a person: "):
        assert line in answer.out
    assert "serve" not in answer.out


def test_the_commands_that_it_names_work(made: tuple[Path, Answer], monkeypatch: pytest.MonkeyPatch) -> None:
    place, answer = made
    monkeypatch.chdir(place)
    named = answer.said["next"]
    assert len(named) >= 5
    answers = {command: typed(*command.split()[1:]) for command in named}
    assert {command: a.err for command, a in answers.items() if a.status not in {0, 1}} == {}
    assert answers["tieout verify"].status == 0
    assert (place / "records.xlsx").stat().st_size > 0


def test_every_payout_of_a_platform_arrives_at_the_bank(records: list[dict[str, Any]]) -> None:
    entries = [record for record in records if record["kind"] == "bank_entry"]
    payouts = [record for record in records if record["kind"] == "payout"]
    assert len(payouts) == 3
    for payout in payouts:
        [arrived] = [one for one in entries if payout["external_id"] in (one["text"] or "")]
        assert Decimal(arrived["amount"]) == -Decimal(payout["amount"])
        assert arrived["booked_on"] >= payout["booked_on"]


def test_one_charge_told_by_two_files_is_one_record_in_one_account(
    made: tuple[Path, Answer], records: list[dict[str, Any]]
) -> None:
    place, _ = made
    target = place.parent / "witnesses.jsonl"
    typed("--workspace", place, "export", "witnesses", "--to", target)
    rows = [json.loads(line) for line in target.read_text().splitlines()]
    [charge] = [record for record in records if record["external_id"] == "ch_3QE03LkdIwHu7ix1c03"]
    sources = {row["source_id"] for row in rows if row["record_id"] == charge["record_id"]}
    assert sources == {"stripe-webhooks", "stripe-payouts"}
    assert {record["account_id"] for record in records if record["source_id"].startswith("stripe")} == {
        "stripe-payouts/EUR"
    }


def test_it_shows_what_is_hard(records: list[dict[str, Any]]) -> None:
    amounts = {(record["currency"], record["amount"]) for record in records}
    assert {("JPY", "12800"), ("KWD", "18.500")} <= amounts
    parking = [record for record in records if record["counterparty"] == "PARKHAUS AM MARKT"]
    assert len([record for record in parking if record["kind"] == "bank_entry"]) == 2
    announced = [r for r in records if r["source_id"] == "bank-main-intraday" and r["booked_on"] == "2026-10-29"]
    assert announced == []  # the statement of that day took their place
    assert {record["status"] for record in records if record["source_id"] == "bank-main-intraday"} == {
        "provisional",
        "pending",
    }


def test_a_second_time_changes_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    first, second = typed("demo", "--tutorial", "--json").said, typed("demo", "--tutorial", "--json").said
    assert (tmp_path / "tieout-demo" / "tieout.toml").is_file()
    changing = {"new", "seconds", "peak_mb"}
    assert {k: v for k, v in first.items() if k not in changing} == {
        k: v for k, v in second.items() if k not in changing
    }
    assert (first["new"], second["new"]) == (True, False)


def test_what_was_mended_in_it_is_kept(tmp_path: Path) -> None:
    typed("demo", "--tutorial", tmp_path / "demo")
    [items] = (tmp_path / "demo" / "inbox" / "erp").iterdir()
    items.write_text(items.read_text(encoding="utf-8").replace("zwölfhundert", "1.200,00"), encoding="utf-8")
    said = typed("demo", "--tutorial", "--json", tmp_path / "demo").said
    assert said["sources"][-1] == {
        "source": "erp",
        "files": 2,
        "rows": 32,
        "new": 15,
        "known": 14,
        "quarantined": 3,
        "skipped": 0,
    }


def test_a_copy_that_was_interrupted_goes_on(tmp_path: Path) -> None:
    place = tmp_path / "demo"
    typed("demo", "--tutorial", place)
    (place / "tieout.toml").unlink()
    (place / "mappings" / "acme-erp.toml").unlink()
    for kept in sorted((place / ".tieout").rglob("*"), reverse=True):
        kept.rmdir() if kept.is_dir() else kept.unlink()
    (place / ".tieout").rmdir()
    (place / "inbox" / "erp" / ".offene_posten_2026-10-30.csv.part").write_bytes(b"half")
    assert typed("demo", "--tutorial", "--json", place).said["quarantined"] != []
    assert not list(place.rglob("*.part"))


@pytest.mark.parametrize("what", ["a file", "another workspace", "other files"])
def test_it_never_mixes_itself_into_something_else(what: str, tmp_path: Path) -> None:
    place = tmp_path / "mine"
    if what == "a file":
        place.write_text("mine")
    else:
        place.mkdir()
        (place / ("tieout.toml" if what == "another workspace" else "notes.txt")).write_text("# mine\n")
    before = sorted(path.name for path in tmp_path.rglob("*"))
    answer = typed("demo", "--tutorial", place)
    assert (answer.status, answer.out) == (2, "")
    assert "expected" in answer.err
    assert sorted(path.name for path in tmp_path.rglob("*")) == before
