"""A balance report (MT941) beside the statement of its day, through the real command line."""

import json
from pathlib import Path
from typing import Any

import pytest

from tests.cli.office import Office
from tests.formats.test_mt940 import REPORT

STATEMENT = (
    ":20:S\n:25:DE89370400440532013000\n:28C:12/1\n:60F:C261027EUR1000,00\n:61:2610281028C50,00NTRFONE\n"
    ":61:2610281028D100,00NTRFTWO\n:61:2610281028D200,00NTRFTHREE\n:62F:C261028EUR750,00\n-\n"
)


@pytest.fixture
def office(tmp_path: Path) -> Office:
    return Office(tmp_path)


def balances(office: Office) -> list[dict[str, Any]]:
    to = office.files / "balances.jsonl"
    assert office.run("export", "balances", "--to", to).status == 0
    return [json.loads(line) for line in to.read_text(encoding="utf-8").splitlines()]


def test_its_balances_are_facts_and_its_statement_is_neither_missing_nor_told_twice(office: Office) -> None:
    assert office.ingest("a.941", REPORT, "swift").status == 0
    assert sorted((b["kind"], b["amount"]) for b in balances(office)) == [
        ("available", "700.00"),
        ("closing", "750.00"),
        ("forward_available", "700.00"),
        ("opening", "1000.00"),
    ]
    assert office.ingest("a.940", STATEMENT, "swift").status == 0
    proven = office.run("proof", "DE89370400440532013000")
    assert (
        "750.00" in proven.out,
        "difference                                                   0.00" in proven.out,
    ) == (True, True)
    assert "reports 2 closing balances" not in proven.out
    assert office.run("exceptions").status == 0
    assert office.run("verify").status == 0


def test_it_is_called_what_it_is(office: Office) -> None:
    """A statement that lost its entries looks the same: who inspects it must see for what it is taken."""
    for name, content in (("a.941", REPORT), ("a.940", STATEMENT)):
        path = office.files / name
        path.write_text(content, encoding="utf-8")
        said = office.run("inspect", path).out
        assert ("by totals alone: a balance report without entries" in said) is (name == "a.941")
