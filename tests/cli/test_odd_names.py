"""Files whose names are odd: none of them keeps the others from coming in."""

import os
from pathlib import Path

import pytest

from tests.cli.office import HEADER, Office, typed

ROW = f"{HEADER}\nNAME,charge,10.00,EUR,01.10.2026,fine\n"
INBOX = '\n[[source]]\nid = "inbox"\nmapping = "mappings/psp.toml"\npath = "inbox/*"\n'


@pytest.fixture
def office(tmp_path: Path) -> Office:
    office = Office(tmp_path)
    with (office.folder / "tieout.toml").open("a", encoding="utf-8") as config:
        config.write(INBOX)
    (office.folder / "inbox").mkdir()
    return office


def put(office: Office, name: str | bytes) -> Path:
    path = office.folder / "inbox" / (name if isinstance(name, str) else os.fsdecode(name))
    try:
        path.write_text(ROW.replace("NAME", ascii(name).strip("b'")), encoding="utf-8")
    except OSError:
        pytest.skip("this file system takes names in UTF-8 only")
    return path


def test_hidden_files_at_a_path_are_nobodys(office: Office) -> None:
    put(office, "a.csv")
    put(office, ".gitkeep")
    put(office, ".a.csv.partial")
    answer = office.run("--json", "ingest")
    assert (answer.status, [told["name"] for told in answer.said["deliveries"]]) == (0, ["a.csv"])
    assert answer.said["unclaimed"] == []


def test_a_path_that_names_hidden_files_finds_them(office: Office) -> None:
    put(office, ".a.csv")
    config = office.folder / "tieout.toml"
    config.write_text(config.read_text().replace('"inbox/*"', '"inbox/.*.csv"'))
    assert [told["name"] for told in office.run("--json", "ingest").said["deliveries"]] == [".a.csv"]


def test_what_init_makes_is_no_delivery(tmp_path: Path) -> None:
    assert typed("init", tmp_path / "ws").status == 0
    with (tmp_path / "ws" / "tieout.toml").open("a", encoding="utf-8") as config:
        config.write(
            '\n[[entity]]\nid = "e2"\nname = "A"\ncurrency = "EUR"\n'
            '[[source]]\nid = "bank-main"\nentity = "e2"\nformat = "camt.053"\npath = "inbox/*"\n'
        )
    answer = typed("--json", "--workspace", tmp_path / "ws", "ingest")
    assert (answer.status, answer.said["deliveries"]) == (0, [])
