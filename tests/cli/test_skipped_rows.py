"""Rows that a mapping leaves out: seen by whoever brings the file, and counted with the rest (law 1)."""

from pathlib import Path

from tests.cli.office import MAPPING, Office

ROWS = ("a,charge,1.00,EUR,01.10.2026,ok", "b,charge,2.00,EUR,01.10.2026,failed", "c,charge,3.00,EUR,01.10.2026,")


def test_what_a_mapping_leaves_out_is_shown_and_counted(tmp_path: Path) -> None:
    office = Office(tmp_path)
    office.write_mapping(MAPPING.replace("identify", "where = \"note <> 'failed'\"\nidentify"))
    [told] = office.table(*ROWS).said["deliveries"]
    assert [told[f"rows_{n}"] for n in ("in", "new", "repeated", "quarantined", "skipped")] == [3, 1, 0, 1, 1]
    [waiting] = office.quarantined()
    assert (waiting["line"], waiting["column"]) == (4, "note")
    assert office.lost() == []
    again = office.files / "more.csv"
    again.write_text((office.files / "psp.csv").read_text() + "\nd,charge,4.00,EUR,01.10.2026,failed\n")
    for shown in (office.run("ingest", again, "--source", "psp").out, office.run("deliveries").out):
        heading, first = (line.split() for line in shown.splitlines()[:2])
        assert (heading[-1], first[-1]) == ("skipped", "2")


def test_rows_of_the_footer_are_counted_as_skipped(tmp_path: Path) -> None:
    office = Office(tmp_path)
    office.write_mapping(MAPPING.replace("identify", "skip_footer = 2\nidentify"))
    [told] = office.table(*ROWS, "").said["deliveries"]
    assert [told[f"rows_{n}"] for n in ("in", "new", "quarantined", "skipped")] == [3, 1, 0, 2]
    assert "skipped" in office.run("deliveries").out
    assert office.lost() == []


def test_nothing_is_said_of_skipped_rows_where_there_are_none(tmp_path: Path) -> None:
    office = Office(tmp_path)
    office.table(*ROWS)
    assert "skipped" not in office.run("deliveries").out
    assert "skipped" not in office.run("ingest", office.files / "psp.csv", "--source", "psp").out
