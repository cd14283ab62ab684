"""What came twice in other bytes is told once; the history tells it again."""

import json
from collections import Counter
from pathlib import Path
from typing import Any

from tests.cli.office import HEADER, Office, camt, entry


def test_a_statement_in_two_deliveries_is_told_once_and_again_in_the_history(tmp_path: Path) -> None:
    office = Office(tmp_path)
    statement = camt("100.00", "150.00", entry("50.00"))
    office.ingest("a.xml", statement, "bank")
    office.ingest("b.xml", statement.replace("<Stmt>", " <Stmt>"), "bank")
    later = statement.replace("22:00:00", "23:00:00")
    office.ingest("c.xml", later, "bank")

    def told(table: str, *more: str) -> list[dict[str, Any]]:
        path = office.files / f"{table}.jsonl"
        path.unlink(missing_ok=True)
        assert office.run("export", table, "--to", path, *more).status == 0
        return [json.loads(line) for line in path.read_text().splitlines()]

    assert [row["kind"] for row in told("balances")] == ["closing", "opening"]
    assert [row["statement_id"] for row in told("statements")] == ["S1"]
    assert Counter(row["state"] for row in told("balances", "--history")) == {"current": 2, "repeated": 4}
    assert Counter(row["state"] for row in told("statements", "--history")) == {"current": 1, "repeated": 2}
    assert office.run("explain", "S1").out.count("statement 7") == 1
    again = statement.replace("50.00", "40.00").replace("150.00", "140.00").replace("22:00:00", "23:30:00")
    office.ingest("d.xml", again, "bank")
    assert len(told("statements")) == 2


def test_the_place_of_a_fault_is_told_once(tmp_path: Path) -> None:
    office = Office(tmp_path)
    content = f"{HEADER}\na,charge,much,EUR,01.10.2026,x\n"
    path = office.files / "a.csv"
    path.write_text(content)
    assert office.run("inspect", path).out.count("line 2, column gross") == 1
    [problem] = office.inspected("a.csv", content).said["problems"]
    assert (problem["line"], problem["column"]) == (2, "gross")
    assert problem["message"].startswith("expected ")
    office.ingest("a.csv", content, "psp")
    [row] = office.quarantined()
    assert (row["line"], row["column"], row["message"]) == (2, "gross", problem["message"])
    assert "line 2" not in office.run("quarantine").out


def test_the_same_bytes_under_another_source_are_remarked(tmp_path: Path) -> None:
    office = Office(tmp_path)
    toml = office.folder / "tieout.toml"
    toml.write_text(toml.read_text() + '\n[[source]]\nid = "second"\nmapping = "mappings/psp.toml"\n')
    content = f"{HEADER}\na,charge,1.00,EUR,01.10.2026,x\n"
    [first] = office.ingest("a.csv", content, "psp").said["deliveries"]
    answer = office.run("ingest", office.files / "a.csv", "--source", "second")
    assert first["also_under"] == []
    assert "a.csv: the same bytes stand under source psp too, and what is new counts twice" in answer.out
    assert answer.status == 0


def test_so_they_are_when_a_source_was_renamed_and_not_where_nothing_is_new(tmp_path: Path) -> None:
    office = Office(tmp_path)
    toml = office.folder / "tieout.toml"
    content = f"{HEADER}\na,charge,1.00,EUR,01.10.2026,x\n"
    office.ingest("a.csv", content, "psp")
    statement = camt("100.00", "150.00", entry("50.00"))
    office.ingest("b.xml", statement, "bank")
    second = '\n[[source]]\nid = "second"\nformat = "camt.053"\n'
    toml.write_text(toml.read_text().replace('id = "psp"', 'id = "shop"', 1) + second)
    assert "stand under source psp too" in office.run("ingest", office.files / "a.csv", "--source", "shop").out
    assert "stand under source" not in office.run("ingest", office.files / "b.xml", "--source", "second").out


def test_that_a_mapping_changed_is_said_once(tmp_path: Path) -> None:
    """An overlapping file could count twice under another identity: what came before is not read anew by itself."""
    office = Office(tmp_path)
    mapping = office.folder / "mappings" / "psp.toml"
    said = "c.csv: the mapping of psp changed; what came before stands as it was read"
    for name in "abcd":
        if name == "c":
            mapping.write_text(mapping.read_text() + "# mended\n")
        path = office.files / f"{name}.csv"
        path.write_text(f"{HEADER}\n{name},charge,1.00,EUR,01.10.2026,x\n")
        answer = office.run("ingest", path, "--source", "psp")
        assert (said in answer.out) is (name == "c")
        assert answer.status == 0
