"""The commands that look at the facts: what they print, and the exit status that says whether a person is needed."""

import io
import json
from pathlib import Path
from typing import Any

import pytest

from tests.observe.company import Company, found_company, statement, with_files
from tieout.cli import main
from tieout.intake.receive import receive


@pytest.fixture(scope="module")
def company(tmp_path_factory: pytest.TempPathFactory) -> Company:
    made = with_files(tmp_path_factory.mktemp("company") / "acme")
    made.store.close()
    return made


@pytest.fixture
def quiet(tmp_path: Path) -> Company:
    """Give a company in which everything came."""
    made = found_company(tmp_path / "acme")
    made.bring("bank", "b1.sta", statement(1, 1, 2, "100,00", "196,80"))
    made.store.close()
    return made


def run(company: Company, *arguments: str, capsys: pytest.CaptureFixture[str]) -> tuple[int, str, str]:
    status = main([*arguments, "--workspace", str(company.workspace.folder)])
    said = capsys.readouterr()
    return status, said.out, said.err


def answer(company: Company, *arguments: str, capsys: pytest.CaptureFixture[str]) -> tuple[int, dict[str, Any]]:
    status, out, _ = run(company, *arguments, "--json", capsys=capsys)
    (line,) = out.splitlines()
    said = json.loads(line)
    assert said["peak_mb"] > 0
    assert all(seconds >= 0 for seconds in said["seconds"].values())
    return status, said


def test_deliveries_come_newest_first(company: Company, capsys: pytest.CaptureFixture[str]) -> None:
    status, out, _ = run(company, "deliveries", "--limit", "2", capsys=capsys)
    assert status == 0
    assert [line.split()[4] for line in out.splitlines()[1:3]] == ["b3.sta", "b1.sta"]
    assert "and 3 more" in out
    status, said = answer(company, "deliveries", capsys=capsys)
    assert (status, said["count"], len(said["deliveries"])) == (0, 5, 5)
    assert said["deliveries"][0]["received_at"] == "2026-11-01T04:00:00Z"


def test_what_waits_to_be_read_is_named_below_the_newest_deliveries(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    made = found_company(tmp_path / "acme")
    waiting = receive(made.store, "bank", io.BytesIO(b"x"), "waits.sta")
    made.bring("bank", "b1.sta", statement(1, 1, 2, "100,00", "196,80"))
    made.store.close()
    status, out, _ = run(made, "deliveries", "--limit", "1", capsys=capsys)
    assert status == 0
    assert f"kept and not read yet: waits.sta ({waiting.delivery_id[:12]}): `tieout ingest` reads" in out


def test_quarantine_asks_for_a_person(company: Company, quiet: Company, capsys: pytest.CaptureFixture[str]) -> None:
    status, said = answer(company, "quarantine", capsys=capsys)
    assert (status, said["count"]) == (1, 1)
    assert (said["quarantine"][0]["file"], said["quarantine"][0]["line"]) == ("second.csv", 4)
    assert run(quiet, "quarantine", capsys=capsys)[:2] == (0, "no quarantine\n")


def test_exceptions_ask_for_a_person(company: Company, quiet: Company, capsys: pytest.CaptureFixture[str]) -> None:
    status, out, _ = run(company, "exceptions", capsys=capsys)
    assert status == 1
    assert "incomplete" in out
    status, said = answer(company, "exceptions", capsys=capsys)
    assert (status, said["count"], said["as_of"]) == (1, 1, "2026-10-06")
    assert said["exceptions"][0]["candidates"] == []
    assert answer(company, "exceptions", "--entity", "other", capsys=capsys)[0] == 0
    assert answer(quiet, "exceptions", capsys=capsys)[0] == 0


def test_completeness_asks_for_a_person(company: Company, capsys: pytest.CaptureFixture[str]) -> None:
    status, said = answer(company, "completeness", "--as-of", "2026-10-02", capsys=capsys)
    assert (status, said["as_of"], said["received"], said["outstanding"]) == (1, "2026-10-02", 3, 1)
    status, out, _ = run(company, "completeness", capsys=capsys)
    assert status == 1
    assert "received" not in out.splitlines()[1]
    assert out.splitlines()[-1] == "as of 2026-10-06: of what is expected, 5 received, 5 missing or late"
    assert " received " in run(company, "completeness", "--all", capsys=capsys)[1]


def test_export_says_what_it_wrote(company: Company, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    to = tmp_path / "records.csv"
    status, out, _ = run(company, "export", "records", "--to", str(to), "--period", "2026-10", capsys=capsys)
    assert (status, out) == (0, f"{to}: 6 rows of records\n")
    status, said = answer(company, "export", "records", "--to", str(to), "--as-of", "2026-10-01", capsys=capsys)
    assert (status, said["table"], said["rows"], said["version"]) == (0, "records", 2, 5)
    assert len(to.read_text().splitlines()) == 3


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["export", "nonsense", "--to", "x.csv"], "records"),
        (["export", "records", "--to", "x.doc"], ".xlsx"),
        (["export", "records"], "--to"),
        (["export", "records", "--to", "x.csv", "--as-of", "yesterday"], "2026-10-31"),
        (["completeness", "--as-of", "2026-02-30"], "--as-of"),
        (["exceptions", "--account", "nobody"], "'nobody'"),
        (["deliveries", "--limit", "0"], "limit"),
    ],
)
def test_wrong_use_is_one_sentence(
    company: Company, arguments: list[str], said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    status, out, error = run(company, *arguments, capsys=capsys)
    assert (status, out, error.count("\n")) == (2, "", 1)
    assert said in error


def test_explain_tells_the_whole_story(company: Company, capsys: pytest.CaptureFixture[str]) -> None:
    status, out, _ = run(company, "explain", "CH 2", capsys=capsys)
    assert status == 0
    assert out.startswith("record ")
    for said in ("charge 2000 JPY", "superseded (corrected)", "amount 1000 -> 2000", "third.csv line 2", "ch_2,charge"):
        assert said in out
    assert "match" not in out
    status, out, _ = run(company, "explain", "po_1", capsys=capsys)
    assert (status, out.splitlines()[0]) == (0, "po_1: 6 records")
    status, out, _ = run(company, "explain", "b3.sta", capsys=capsys)
    assert "exception" in out
    status, content = answer(company, "explain", "ch_1", capsys=capsys)
    assert (status, content["count"], len(content["records"][0]["witnesses"])) == (0, 1, 2)


def test_explain_says_what_it_looked_for_in_vain(company: Company, capsys: pytest.CaptureFixture[str]) -> None:
    status, out, _ = run(company, "explain", "nothing\x1b[31m", capsys=capsys)
    assert status == 1
    assert out.startswith("nothing is known of")
    assert "\x1b" not in out
    assert answer(company, "explain", "nothing", capsys=capsys)[0] == 1
