"""Performing everything again with the texts of its own time, whatever became of them and of what came in; laws 1, 8, 16."""

import gzip
import json
from pathlib import Path

import pytest
import sqlalchemy as sa

from tests.cli.office import HEADER, MAPPING, TOML, Office, camt, entry
from tieout.model.normal import NORMALISER
from tieout.store import schema
from tieout.store.book import audit_digest
from tieout.store.bound import RECEIVED

CARD = "4111111111111111"
WITHOUT_NOTE = MAPPING.replace('text = "note"\n', "").replace("identify", 'details = ["id"]\nidentify')
IN_DETAILS = MAPPING.replace('text = "note"\n', "")
CALENDAR = '\n[[source]]\nid = "late"\nformat = "mt940"\ncalendar = "own"\n'


@pytest.fixture
def office(tmp_path: Path) -> Office:
    return Office(tmp_path)


def bring(office: Office, name: str, *rows: str) -> str:
    """Ingest a table; gives the delivery's id."""
    content = "\n".join([HEADER, *rows, ""]).encode()
    content = gzip.compress(content, mtime=0) if name.endswith(".gz") else content
    [told] = office.ingest(name, content, "psp").said["deliveries"]
    return str(told["delivery_id"])


def row(identity: str, note: str = "", amount: str = "1.00") -> str:
    return f"{identity},charge,{amount},EUR,01.10.2026,{note}"


def book(office: Office, *statements: str) -> None:
    store = office.store()
    with store.book.writing() as connection:
        for statement in statements:
            connection.execute(sa.text(statement))
    store.close()


def test_the_mapping_and_the_calendar_of_that_time_are_used_whatever_became_of_them(office: Office) -> None:
    (office.folder / "calendars").mkdir()
    (office.folder / "calendars" / "own.toml").write_text("holidays = [2026-12-24]\n")
    (office.folder / "tieout.toml").write_text(TOML + CALENDAR)
    first = bring(office, "a.csv", row("a"), "b,charge,2.00,EUR,01.10.2026,x,y")
    office.write_mapping(MAPPING.replace('"gross"\n', '"gross::decimal + 1"\n'))
    (office.folder / "calendars" / "own.toml").write_text("holidays = []\n")
    bring(office, "b.csv", row("c"))
    assert office.run("replay", first, "--reason", "a charge more").status == 1
    (office.folder / "mappings" / "psp.toml").unlink()
    (office.folder / "calendars" / "own.toml").unlink()
    answer = office.run("verify")
    assert (answer.status, answer.err) == (0, "")
    assert "3 commits and 0 runs performed again" in answer.out
    (office.folder / "tieout.toml").write_text('[workspace]\nname = "Other"\nbase_currency = "USD"\n')
    assert office.run("verify").status == 0


def test_every_commit_names_the_texts_that_it_rested_on(office: Office) -> None:
    (office.folder / "calendars").mkdir()
    (office.folder / "calendars" / "own.toml").write_text("holidays = [2026-12-24]\n")
    (office.folder / "tieout.toml").write_text(TOML + CALENDAR)
    bring(office, "a.csv", row("a"))
    store = office.store()
    with store.book.reading() as connection:
        texts = dict(connection.execute(sa.select(schema.text_version.c.digest, schema.text_version.c.body)).all())
        [commit] = connection.execute(sa.select(schema.ledger_commit)).all()
    store.close()
    assert {"holidays = [2026-12-24]\n", MAPPING, TOML + CALENDAR} < set(texts.values())
    assert "calendars/own.toml" in texts[commit.texts_digest]


def test_a_mapping_outside_of_the_workspace_is_kept_too(office: Office) -> None:
    (office.folder / "tieout.toml").write_text(TOML.replace("mappings/psp.toml", "../shared.toml"))
    (office.folder.parent / "shared.toml").write_text(MAPPING)
    bring(office, "a.csv", row("a"))
    (office.folder.parent / "shared.toml").unlink()
    assert office.run("verify").status == 0


def test_what_the_environment_said_then_is_said_again(office: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    (office.folder / "tieout.toml").write_text(TOML.replace('base_currency = "EUR"\n', ""))
    monkeypatch.setenv("TIEOUT_BASE_CURRENCY", "EUR")
    bring(office, "a.csv", row("a"))
    (office.folder / "tieout.toml").write_text(TOML)
    monkeypatch.delenv("TIEOUT_BASE_CURRENCY")
    assert office.run("verify").status == 0


@pytest.mark.parametrize("kind", ["mapping", "tieout.toml", "workspace"])
def test_a_kept_text_that_was_changed_or_is_gone_is_found(office: Office, kind: str) -> None:
    bring(office, "a.csv", row("a"))
    book(office, f"update text_version set body = body || ' ' where kind = '{kind}'")
    changed = office.run("verify")
    assert (changed.status, "that the book keeps was changed" in changed.err) == (3, True)
    book(office, f"delete from text_version where kind = '{kind}'")
    gone = office.run("verify")
    assert (gone.status, "is missing from the book" in gone.err) == (3, True)


def test_a_delivery_whose_counts_were_changed_in_the_book_is_found(office: Office) -> None:
    bring(office, "a.csv", row("a"))
    book(office, "update delivery set rows_skipped = 7")
    assert "rows_skipped is 7, bound is 0" in office.run("verify").err


def test_what_was_erased_is_performed_from_its_redacted_copy(office: Office) -> None:
    office.write_mapping(MAPPING.replace('text = "note"', 'payment_id = "substr(note, 1, 6)"'))
    first = bring(office, "a.csv", row("a", CARD), row("b"))
    bring(office, "b.csv", row("b"), row("c"))
    office.write_mapping(MAPPING)
    assert office.run("replay", first, "--reason", "the note counts").status == 1
    bring(office, "c.csv", row("a", "again"), row("d"))
    answer = office.run("verify")
    assert (answer.status, answer.err) == (0, "")
    assert (
        "5 commits and 0 runs performed again from landing, same digests, 2 of them from redacted copies" in answer.out
    )
    [tombstone] = [line for line in answer.out.splitlines() if line.startswith("tombstone of ")]
    assert first in tombstone
    assert "erased on 20" in tombstone
    assert "a full card number came in" in tombstone
    assert "its redacted copy is delivery" in tombstone
    assert CARD[6:12] not in answer.out


LOOKALIKES = [row(f"x{n}", f"4{n:014}1") for n in (11, 22, 44, 55)]


def test_what_a_redacted_copy_cannot_give_is_named_and_the_rest_is_still_verified(office: Office) -> None:
    office.write_mapping(IN_DETAILS)
    first = bring(office, "a.csv", row("a", CARD), *LOOKALIKES)
    bring(office, "b.csv", row("a", "other", "2.00"), row("c"))
    office.write_mapping(MAPPING)
    office.run("replay", first, "--reason", "the note counts")
    bring(office, "c.csv", row("a", "again"), row("d"))
    answer = office.run("verify")
    assert (answer.status, answer.err) == (0, "")
    [told] = [line for line in answer.out.splitlines() if line.startswith("commit 1 ")]
    assert "cannot be performed again: erased on 20" in told
    assert "gives the same figures" in told
    assert "3 commits and 0 runs performed again" in answer.out
    book(office, "update ledger_commit set digest = 'x' where version = 4")
    told = office.run("verify").err
    assert "commit 4 " in told
    assert "what the book holds of it is not what was written then" in told


def upgrade(monkeypatch: pytest.MonkeyPatch, version: str) -> None:
    """Go on with another version of tieout, which reads every row a little otherwise."""
    monkeypatch.setattr("tieout.intake.derive.NORMALISER", NORMALISER + 1)
    for module in ("commit", "verify"):
        monkeypatch.setattr(f"tieout.intake.{module}.program", lambda: version)


def test_what_another_version_read_otherwise_is_no_damage_and_a_replay_brings_it_up(
    office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    first, second = (bring(office, f"{name}.csv", row(name), "b,charge,ten,EUR,01.10.2026,x") for name in ("a", "c"))
    upgrade(monkeypatch, "9.0")
    answer = office.run("verify")
    assert (answer.status, answer.err) == (1, "")
    assert "it stands as tieout 0" in answer.out
    assert "this is 9.0, which reads it otherwise" in answer.out
    assert f"`tieout replay {first[:12]} --reason" in answer.out
    assert "same digests" not in answer.out
    for delivery in (first, second):
        office.run("replay", delivery, "--reason", "a newer version")
    told = office.run("--json", "verify")
    assert (told.status, told.said["faults"], told.said["to_do"]) == (0, [], [])
    assert len(told.said["otherwise"]) == 2  # history says so still


@pytest.mark.parametrize(
    "change",
    [
        "update exception set note = 'x' where token in (select token from ledger_commit where version = 1)",
        "update statement set closes = true where token in (select token from ledger_commit where version = 1)",
        "delete from exception where token in (select token from ledger_commit where version = 1)",
        "update ledger_commit set digest = 'x' where version = 1",
    ],
)
def test_what_was_changed_is_damage_whatever_version_read_it(
    office: Office, monkeypatch: pytest.MonkeyPatch, change: str
) -> None:
    lies = camt("1.00", "5.00", entry("1.00"))
    office.ingest("a.xml", lies, "bank")
    upgrade(monkeypatch, "9.0")
    assert office.run("verify").status == 1
    book(office, change)
    answer = office.run("verify")
    assert answer.status == 3
    assert "what the book holds of it is not what was written then" in answer.err


def test_a_commit_that_the_same_version_gives_otherwise_is_a_fault_of_the_program(
    office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    bring(office, "a.csv", row("a"))
    upgrade(monkeypatch, office.run("--version").out.split()[-1])
    answer = office.run("verify")
    assert answer.status == 3
    assert "what the book holds of it is what was written then, so that the program differs" in answer.err


def test_without_a_copy_everything_else_is_verified_and_a_later_fault_is_found(office: Office) -> None:
    office.write_mapping(WITHOUT_NOTE)
    first = bring(office, "a.csv", row(CARD[10:], CARD[:10]), row("b"))
    bring(office, "b.csv", row("b", amount="5.00"), row("c"))
    office.write_mapping(MAPPING.replace('text = "note"', 'text = "note || id"'))
    assert office.run("replay", first, "--reason", "the note counts").status == 3
    answer = office.run("--json", "verify")
    assert (answer.status, answer.said["commits"], answer.said["faults"]) == (0, 1, [])
    [told] = answer.said["not_performed"]
    assert told.startswith(f"commit 1 (accept of delivery {first}, a.csv) cannot be performed again: erased on ")
    assert answer.said["erased"] == [first]
    book(office, "update ledger_commit set digest = 'x' where version = 2")
    assert "commit 2 " in office.run("verify").err


def test_one_fault_does_not_hide_the_next(office: Office) -> None:
    for name in "abc":
        bring(office, f"{name}.csv", row(name), row("common"))
    book(office, "update ledger_commit set digest = 'x' where version in (1, 3)")
    answer = office.run("--json", "verify")
    assert (answer.status, answer.said["commits"]) == (3, 1)
    assert [fault[:8] for fault in answer.said["faults"]] == [
        "commit 1",
        "commit 3",
    ] * 2  # by the log, and performed again


def test_a_key_that_nobody_destroyed_by_the_log_is_a_fault(office: Office) -> None:
    bring(office, "a.csv", row("a"))
    book(office, "update delivery set wrapped_key = null, state = 'erased'")
    answer = office.run("verify")
    assert answer.status == 3
    assert "no entry of the audit log says who destroyed it" in answer.err


def test_a_verification_destroys_nothing_where_it_sees_a_card_number_first(
    office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tieout.intake.card_numbers._RANGES", ())
    bring(office, "a.csv", row("a", f"paid by {CARD}"))
    before = office.landed()
    monkeypatch.undo()
    answer = office.run("verify")
    assert answer.status == 3
    assert "a full card number was found in it now" in answer.err
    assert office.landed() == before


def test_a_lost_row_is_named_and_no_fault_of_tieout(office: Office) -> None:
    bring(office, "a.csv", row("a"))
    bring(office, "b.csv", row("b"))
    book(office, "delete from head where name = 'facts'")
    again = office.ingest("c.csv", f"{HEADER}\n{row('c')}\n", "psp")
    assert (again.status, "head of the facts says 0, and the last commit is 2" in again.err) == (3, True), again
    assert "head 'facts' is missing" in office.run("verify").err
    book(office, "insert into head values ('facts', 2)", "delete from delivery where name = 'b.csv'")
    answer = office.run("verify")
    assert answer.status == 3
    assert "(b.csv) is in the audit log, and was removed from the book" in answer.err
    assert "commit 2: its delivery" in answer.err
    assert "fault of tieout" not in answer.err


def test_entries_of_before_are_not_compared_in_what_they_lack(office: Office) -> None:
    bring(office, "a.csv", row("a"))
    store = office.store()
    log = schema.audit
    with store.book.writing() as connection:
        previous = ""
        for entry in connection.execute(sa.select(log).order_by(log.c.sequence)).mappings().all():
            said = json.loads(entry["body"])
            said = {k: v for k, v in said.items() if k not in {*RECEIVED, "delivery", "token", "program"}}
            changed = {**entry, "body": json.dumps(said, sort_keys=True), "previous": previous}
            previous = changed["digest"] = audit_digest(changed)
            connection.execute(sa.update(log).where(log.c.sequence == entry["sequence"]).values(changed))
    (office.folder / ".tieout/landing.bound.json").unlink()
    store.close()
    assert office.run("verify").status == 0
    book(office, "update delivery set received_by = 'eve'")
    assert office.run("verify").status == 0
    book(office, "update delivery set name = 'x'")
    assert office.run("verify").status == 3
