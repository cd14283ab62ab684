"""Typical mistakes of somebody who is new: each answer names the next step, and the step works."""

import re
from pathlib import Path
from typing import NamedTuple

import pytest
import sqlalchemy as sa

from tests.cli.office import Answer, typed
from tieout.store import schema
from tieout.store.book import open_book

TOML = """[workspace]
name = "Acme"
base_currency = "EUR"
[[entity]]
id = "acme"
currency = "EUR"
[[source]]
id = "paylane"
mapping = "mappings/paylane.toml"
path = "inbox/paylane/*.csv"
[[source]]
id = "bank"
mapping = "mappings/bank.toml"
path = "inbox/bank/*.csv"
"""
MAPPING = """[mapping]
id = "{name}"
format = "csv"
csv = {{ delimiter = ";", decimal = "," }}
identify = ["{key}", "{amount}"]
[fields]
external_id = "{key}"
kind = "'{kind}'"
amount = "{amount}"
currency = "'EUR'"
booked_on = "Tag::date"
"""
PAYLANE = "Vorgang;Tag;Gebühr\nPL-1;2026-10-01;10,00\n"
BANK = "Buchung;Tag;Umsatz\nB-1;2026-10-02;10,00\n"


class Told(NamedTuple):
    """A command's exit status, and all that it printed."""

    status: int
    told: str


def run(folder: Path, *arguments: str) -> Told:
    answer: Answer = typed("--workspace", folder, *arguments)
    return Told(answer.status, answer.out + answer.err)


@pytest.fixture
def acme(tmp_path: Path) -> Path:
    files = {
        "tieout.toml": TOML,
        "mappings/paylane.toml": MAPPING.format(name="paylane", key="Vorgang", amount="Gebühr", kind="charge"),
        "mappings/bank.toml": MAPPING.format(name="bank", key="Buchung", amount="Umsatz", kind="bank_entry"),
        "inbox/paylane/a.csv": PAYLANE,
        "inbox/bank/b.csv": BANK,
    }
    for name, text in files.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text, encoding="utf-8")
    return tmp_path


def test_a_file_in_the_folder_of_another_system_is_sent_to_its_own(acme: Path) -> None:
    (acme / "inbox/paylane/a.csv").rename(acme / "inbox/bank/a.csv")
    told = run(acme, "ingest")
    assert told.status == 3
    assert "a.csv looks like a file of paylane: move it to inbox/paylane/*.csv" in told.told
    (acme / "inbox/bank/a.csv").rename(acme / "inbox/paylane/a.csv")
    assert run(acme, "ingest").status == 0
    begin = re.search(r"--settle (\w+)", told.told)
    assert begin
    assert run(acme, "quarantine", "--settle", begin[1], "--reason", "wrong folder").status == 0
    # Settled once, not again as an exception.
    assert "no exceptions" in run(acme, "exceptions").told
    assert run(acme, "quarantine", "--reopen", begin[1], "--reason", "it was not").status == 1
    assert "unreadable" in run(acme, "exceptions").told


def test_a_file_that_was_refused_is_read_after_its_mapping_is_mended(acme: Path) -> None:
    mapping = acme / "mappings/paylane.toml"
    right = mapping.read_text(encoding="utf-8")
    mapping.write_text(right.replace('amount = "Gebühr"', 'amount = "Betrag"'), encoding="utf-8")
    assert run(acme, "ingest").status == 3
    mapping.write_text(right, encoding="utf-8")
    again = run(acme, "ingest")
    assert again.status == 3
    begin = re.search(r"when it came first.*`tieout replay (\w+) --reason", again.told)
    assert begin
    assert run(acme, "replay", begin[1], "--reason", "mended").status == 0
    assert run(acme, "ingest").status == 0
    assert "no exceptions" in run(acme, "exceptions").told


def test_a_file_that_no_source_looks_for_is_named(acme: Path) -> None:
    (acme / "inbox/.gitkeep").write_text("")
    assert "no source looks for" not in run(acme, "ingest").told
    (acme / "inbox/c.csv").write_text(PAYLANE, encoding="utf-8")
    assert "no source looks for inbox/c.csv: move" in run(acme, "ingest").told


@pytest.mark.parametrize(
    ("content", "answer"),
    [
        (PAYLANE.encode("cp1252"), 'csv = { encoding = "cp1252" }'),
        (bytes.fromhex("d0cf11e0a1b11ae1") + bytes(4000), "a workbook of an old Excel (.xls): save it as"),
    ],
)
def test_a_file_that_is_no_plain_table_says_what_it_is(acme: Path, content: bytes, answer: str) -> None:
    (acme / "inbox/paylane/a.csv").write_bytes(content)
    told = run(acme, "ingest")
    assert told.status == 3
    assert answer in told.told
    assert "the nearest is" not in told.told


def test_a_workbook_that_is_called_csv_says_so(acme: Path) -> None:
    assert run(acme, "ingest").status == 0
    assert run(acme, "export", "records", "--to", str(acme / "r.xlsx")).status == 0
    (acme / "r.xlsx").rename(acme / "inbox/paylane/r.csv")
    assert "got a workbook (.xlsx)" in run(acme, "ingest").told


def test_a_payout_is_no_account_and_is_explained(acme: Path) -> None:
    assert run(acme, "ingest").status == 0
    told = run(acme, "proof", "PL-1")
    assert told.status == 2
    assert "`tieout explain PL-1`" in told.told


def test_what_intake_finds_is_on_the_work_list_at_once(acme: Path) -> None:
    """The console lists it without a run of matching."""
    (acme / "inbox/paylane/a.csv").write_text("")
    run(acme, "ingest")
    book = open_book(f"sqlite:///{acme}/.tieout/book.db")
    with book.reading() as connection:
        assert connection.scalars(sa.select(schema.worklist.c.reason)).all() == ["unreadable"]
    book.close()
