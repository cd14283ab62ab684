"""What is wrong with what was typed, or with a source, is said before the first file is kept."""

from pathlib import Path

import pytest

from tests.cli.office import HEADER, MAPPING, TOML, Office

TABLE = f"{HEADER}\na,charge,1.00,EUR,01.10.2026,fine\n"


@pytest.fixture
def office(tmp_path: Path) -> Office:
    office = Office(tmp_path)
    (office.files / "a.csv").write_text(TABLE)
    return office


def test_a_name_among_several_that_is_not_there(office: Office) -> None:
    answer = office.run("ingest", office.files / "a.csv", office.files / "b.csv", "--source", "psp")
    assert (answer.status, office.deliveries()) == (2, [])
    assert "b.csv: expected a file that can be read, got no such file" in answer.err


def test_a_source_that_is_not_there_although_no_file_waits(office: Office) -> None:
    answer = office.run("ingest", "--source", "pps")
    assert answer.status == 2
    assert "expected a declared source, got 'pps'" in answer.err


def test_a_fault_of_one_source_among_those_whose_files_wait(office: Office) -> None:
    paths = TOML.replace('mapping = "mappings/psp.toml"', 'mapping = "mappings/psp.toml"\npath = "../files/*.csv"')
    second = '\n[[source]]\nid = "two"\nmapping = "mappings/two.toml"\npath = "../files/*.csv"\n'
    (office.folder / "tieout.toml").write_text(paths + second)
    (office.folder / "mappings" / "two.toml").write_text(MAPPING.replace('"upper(ccy)"', '"upper(ccy"'))
    assert (office.run("ingest").status, office.deliveries()) == (2, [])


def test_a_format_that_does_not_exist_is_named_with_its_source(office: Office) -> None:
    (office.folder / "tieout.toml").write_text(TOML.replace('"camt.053"', '"camt.05"'))
    answer = office.run("ingest", office.files / "a.csv", "--source", "bank")
    assert (answer.status, office.deliveries()) == (2, [])
    assert answer.err.startswith("tieout: tieout.toml line 12: expected a format that tieout knows")
    assert "[[source]] 'bank'" in answer.err


@pytest.mark.parametrize("written", ["{0}", "../files", "../files/*.csv", "{0}/a.csv"])
def test_a_path_may_be_a_folder_or_a_pattern(written: str, office: Office) -> None:
    path = f'mapping = "mappings/psp.toml"\npath = "{written.format(office.files)}"'
    (office.folder / "tieout.toml").write_text(TOML.replace('mapping = "mappings/psp.toml"', path))
    assert office.run("ingest").status == 0
    assert [row.name for row in office.deliveries()] == ["a.csv"]


def test_an_export_to_where_nothing_can_be_written(office: Office) -> None:
    answer = office.run("export", "records", "--to", "/proc/records.csv")
    assert (answer.status, "expected a folder that can be written" in answer.err) == (2, True)


def test_a_header_that_is_looked_for(office: Office) -> None:
    office.write_mapping(MAPPING.replace("identify", "header_row = 0\nidentify"))
    [told] = office.ingest("b.csv", "Report of October\n\n" + TABLE, "psp").said["deliveries"]
    assert told["rows_new"] == 1
    office.write_mapping(MAPPING.replace('identify = ["id", "type", "gross", "day"]', "header_row = 0"))
    assert "expected 'identify'" in office.run("ingest", office.files / "a.csv", "--source", "psp").err


def test_a_match_of_no_facts_says_what_is_missing(office: Office) -> None:
    assert "no reconciliation is declared" in office.run("match").out
    sides = 'left = { source = "psp" }\nright = { source = "bank" }\n'
    with (office.folder / "tieout.toml").open("a", encoding="utf-8") as config:
        config.write(f'\n[[reconciliation]]\nid = "payouts"\nrules = "payout-to-bank"\n{sides}')
    answer = office.run("match")
    assert (answer.status, answer.out) == (
        0,
        "nothing to match: no fact is there yet; `tieout ingest` brings them in\n",
    )
