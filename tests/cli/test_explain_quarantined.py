"""An identifier that only rows in quarantine have leads to them, with their place and what is wrong; law 1."""

import json
from pathlib import Path

import pytest

from tests.cli.office import HEADER, Office

STRIPE = '\n[[source]]\nid = "api"\nformat = "stripe.objects"\n'


@pytest.fixture
def office(tmp_path: Path) -> Office:
    office = Office(tmp_path)
    path = office.files / "october.csv"
    path.write_text(f"{HEADER}\nt-1,charge,1.00,EUR,01.10.2026,\nINV-0042,charge,about ten,EUR,01.10.2026,po-7\n")
    assert office.run("ingest", path, "--source", "psp").status == 1
    return office


@pytest.mark.parametrize("asked", ["INV-0042", "inv 0042", "INV0042"])
def test_a_row_that_could_not_be_read_is_found_by_its_name(office: Office, asked: str) -> None:
    answer = office.run("explain", asked)
    assert answer.status == 0, answer
    assert answer.out.startswith("quarantined: october.csv line 3, column gross, psp, delivery ")
    assert "expected a decimal such as" in answer.out
    [row] = json.loads(office.run("explain", asked, "--json").out)["quarantined"]
    assert (row["file"], row["line"], row["column"], row["source_id"]) == ("october.csv", 3, "gross", "psp")


def test_what_could_be_read_is_told_without_it(office: Office) -> None:
    told = json.loads(office.run("explain", "t-1", "--json").out)
    assert (told["count"], told["quarantined"]) == (1, [])
    assert office.run("explain", "INV-0043").status == 1


def test_a_row_is_gone_from_it_once_it_can_be_read(office: Office) -> None:
    path = office.files / "better.csv"
    path.write_text(f"{HEADER}\nINV-0042,charge,10.00,EUR,01.10.2026,po-7\n")
    assert office.run("ingest", path, "--source", "psp").status == 0
    told = json.loads(office.run("explain", "INV-0042", "--json").out)
    assert (told["count"], told["quarantined"]) == (1, [])


def test_a_stripe_object_that_could_not_be_read_is_found_by_its_names(office: Office) -> None:
    toml = office.folder / "tieout.toml"
    toml.write_text(toml.read_text() + STRIPE)
    path = office.files / "api.json"
    path.write_text(
        '{"id":"re_9","object":"refund","amount":"5","charge":"ch_9","currency":"eur","balance_transaction":"txn_9"}'
    )
    assert office.run("ingest", path, "--source", "api").status == 1
    for asked in ("re_9", "ch_9"):
        answer = office.run("explain", asked)
        assert (answer.status, answer.out.startswith("quarantined: api.json line 1")) == (0, True), answer
