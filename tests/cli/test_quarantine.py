"""What ends an entry of the quarantine: a replay, evidence that proves it, or a person with a reason; laws 1, 5, 11, 16."""

import json
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from tests.cli.office import CAMT_FOOT, CAMT_HEAD, HEADER, MAPPING, TOML, Office, entry
from tieout.intake import settle
from tieout.store import schema

GOOD, BAD = "a,charge,10.00,EUR,01.10.2026,one", "b,charge,ten,EUR,01.10.2026,two"
MENDED = BAD.replace("ten", "10.00")
OTHER = '\n[[source]]\nid = "other"\nmapping = "mappings/psp.toml"\n'


@pytest.fixture
def office(tmp_path: Path) -> Office:
    return Office(tmp_path)


def bring(office: Office, *rows: str, source: str = "psp") -> str:
    """Ingest a table; gives the delivery's id."""
    content = "\n".join([HEADER, *rows, ""])
    [told] = office.ingest(f"{abs(hash(content)) % 10**8}.csv", content, source).said["deliveries"]
    return str(told["delivery_id"])


def waiting(office: Office, *more: str) -> list[tuple[int | None, str | None]]:
    """List (line, what closed it); the exit status must say whether anything is open."""
    answer = office.run("--json", "quarantine", *more)
    rows: list[dict[str, Any]] = answer.said["quarantine"]
    assert answer.status == int(any(row["settled"] is None for row in rows))
    return [(row["line"], row["settled"]) for row in rows]


def test_a_later_delivery_that_states_the_same_identifier_closes_it(office: Office) -> None:
    bring(office, GOOD, BAD)
    assert waiting(office) == [(3, None)]
    later = bring(office, MENDED)
    assert waiting(office) == []
    assert waiting(office, "--all") == [(3, "evidence")]
    assert f"delivery {later} states it, " in office.run("quarantine", "--all").out
    assert office.run("verify").status == 0


@pytest.mark.parametrize(
    ("later", "what"),
    [
        (("c,charge,10.00,EUR,01.10.2026,two",), "another identifier proves nothing"),
        ((MENDED.replace("10.00", "still ten"),), "a row that cannot be read either proves nothing"),
        ((MENDED.replace("b,", ","),), "a row without identifier proves nothing"),
    ],
)
def test_what_is_not_proven_stays_open(later: tuple[str, ...], what: str, office: Office) -> None:
    bring(office, GOOD, BAD)
    bring(office, *later)
    assert (3, None) in waiting(office), what


def test_what_was_known_before_proves_nothing_and_the_same_file_neither(office: Office) -> None:
    bring(office, MENDED)
    bring(office, GOOD, BAD, MENDED)
    assert waiting(office) == [(3, None)]
    bring(office, MENDED, "c,charge,1.00,EUR,01.10.2026,new")
    assert waiting(office) == []


def test_another_source_proves_nothing(office: Office) -> None:
    (office.folder / "tieout.toml").write_text(TOML + OTHER)
    office.write_mapping(MAPPING.replace('id = "psp"', 'id = "psp"\nsystem = "shared"'))
    bring(office, BAD)
    bring(office, MENDED, source="other")
    assert waiting(office) == [(2, None)]


def test_a_row_that_nothing_names_is_closed_by_a_person_only(office: Office) -> None:
    office.write_mapping(MAPPING.replace('external_id = "id"\n', ""))
    bring(office, GOOD, BAD)
    bring(office, MENDED)
    assert waiting(office) == [(3, None)]


def test_evidence_that_is_withdrawn_opens_it_again(office: Office) -> None:
    bring(office, BAD)
    later = bring(office, MENDED, GOOD)
    assert waiting(office) == []
    office.write_mapping(MAPPING.replace("identify", "where = \"id <> 'b'\"\nidentify"))
    office.run("replay", later, "--reason", "b is not ours")
    assert waiting(office) == [(2, None)]


def test_a_replay_that_reads_it_ends_it(office: Office) -> None:
    delivery = bring(office, BAD.replace("ten", "10.00").replace("charge", "sale"))
    office.write_mapping(MAPPING + '\n[kinds]\nsale = "charge"\n')
    office.run("replay", delivery, "--reason", "the word is known")
    assert waiting(office, "--all") == []


def test_a_person_closes_a_line_and_the_audit_log_says_who_and_why(office: Office) -> None:
    delivery = bring(office, BAD, BAD.replace("b,", "c,"))
    answer = office.run("quarantine", "--settle", f"{delivery[:8]}:2", "--reason", "booked by hand as 4711")
    assert (answer.status, answer.out) == (1, "1 closed, 1 open\n")
    assert waiting(office) == [(3, None)]
    assert office.run("quarantine", "--settle", f"{delivery}:3", "--reason", "the same").status == 0
    assert waiting(office, "--all") == [(2, "decision"), (3, "decision")]
    told = office.run("quarantine", "--all").out
    assert "booked by hand as 4711" in told
    store = office.store()
    with store.book.reading() as connection:
        entries = connection.execute(
            sa.select(schema.audit)
            .where(schema.audit.c.action == "settle quarantine")
            .order_by(schema.audit.c.sequence)
        ).all()
        decisions = connection.execute(sa.select(schema.decision)).all()
    store.close()
    assert [(e.subject, e.reason) for e in entries] == [
        (f"quarantine {delivery} line 2", "booked by hand as 4711"),
        (f"quarantine {delivery} line 3", "the same"),
    ]
    assert json.loads(entries[0].body) == {"delivery_id": delivery, "line": 2, "member": None}
    assert [decision.kind for decision in decisions] == ["settle quarantine", "settle quarantine"]
    assert office.run("verify").status == 0


def test_a_whole_delivery_is_closed_at_once_and_opened_again(office: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(settle, "_AT_ONCE", 2)
    delivery = bring(office, *(BAD.replace("b,", f"b{n},") for n in range(5)))
    assert office.run("quarantine", "--settle", delivery, "--reason", "test rows").status == 0
    assert waiting(office) == []
    assert office.run("quarantine", "--reopen", f"{delivery}:4", "--reason", "this one counts").status == 1
    assert waiting(office) == [(4, None)]
    assert len(waiting(office, "--all")) == 5


def test_a_decision_holds_after_a_replay_and_new_entries_are_open(office: Office) -> None:
    delivery = bring(office, BAD, GOOD)
    office.run("quarantine", "--settle", delivery, "--reason", "known")
    office.write_mapping(MAPPING.replace("'%d.%m.%Y'", "'%Y'"))
    office.run("replay", delivery, "--reason", "to see")
    assert waiting(office) == [(3, None)]


def test_a_file_that_could_not_be_read_is_closed_by_a_person(office: Office) -> None:
    office.ingest("a.xml", CAMT_HEAD + entry("1.00") + CAMT_FOOT[:9], "bank")
    delivery = office.deliveries()[0].delivery_id
    assert waiting(office) == [(1, None)]
    assert office.run("quarantine", "--settle", delivery, "--reason", "sent again").status == 0
    assert waiting(office, "--all") == [(1, "decision")]


@pytest.mark.parametrize(
    ("typed", "said"),
    [
        (("--settle", "{0}:9", "--reason", "x"), "none in its line 9"),
        (("--settle", "{0}:2"), "expected --reason"),
        (("--settle", "{0}:2", "--reason", "  "), "expected words behind --reason"),
        (("--reason", "x"), "expected --settle DELIVERY[:LINE] or --reopen"),
        (("--settle", "{0}", "--reopen", "{0}", "--reason", "x"), "and one of them"),
        (("--settle", "{0}:two", "--reason", "x"), "such as 7a2bf463:5, got"),
        (("--settle", "nothing", "--reason", "x"), "none begins so"),
        (("--reopen", "{0}", "--reason", "x"), "that a person closed"),
        (("--settle", "", "--reason", "x"), "expected DELIVERY"),
    ],
)
def test_what_cannot_be_decided_is_said_and_nothing_is_written(
    typed: tuple[str, ...], said: str, office: Office
) -> None:
    delivery = bring(office, BAD)
    answer = office.run("quarantine", *(word.format(delivery) for word in typed))
    assert (answer.status, said in answer.err) == (2, True), answer
    assert waiting(office) == [(2, None)]


def test_exports_say_what_closed_each_entry(office: Office) -> None:
    delivery = bring(office, BAD, BAD.replace("b,", "c,"))
    bring(office, MENDED)
    office.run("quarantine", "--settle", f"{delivery}:3", "--reason", "known")
    office.run("export", "quarantine", "--to", office.files / "q.jsonl")
    rows = [json.loads(line) for line in (office.files / "q.jsonl").read_text().splitlines()]
    assert [(row["line"], row["settled"], row["settled_because"][:8]) for row in rows] == [
        (2, "evidence", "delivery"),
        (3, "decision", "known"),
    ]
