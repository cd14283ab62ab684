"""``tieout verify`` performs every run again from landing, with what it rested on, and sees whatever was changed."""

import datetime as dt
import shutil
import sqlite3
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import sqlalchemy as sa

from tests.depth import some_of
from tests.matching.shop import RULES, Shop
from tests.shared import copied
from tieout import pipeline
from tieout.clock import FixedClock, FixedEntropy
from tieout.config import calendars, load_workspace
from tieout.errors import WrongUse
from tieout.intake.verify import Verdict, check_files
from tieout.pipeline import Resolution
from tieout.store import schema
from tieout.store.workplace import open_store

LATER = FixedClock(dt.datetime(2027, 1, 1, tzinfo=dt.UTC))
INVOICES = [
    ("RE-1001", "2026-10-01", "Meier GmbH", "1190.00", "EUR"),
    ("RE-1002", "2026-10-02", "Sommer KG", "500.00", "EUR"),
    ("RE-1003", "2026-10-05", "Kranz AG", "238.00", "EUR"),
    ("RE-1004", "2026-10-06", "Kranz AG", "75.20", "EUR"),
    ("RE-1005", "2026-10-07", "Oster", "60.00", "EUR"),
    ("RE-1006", "2026-10-07", "Wolf", "61.00", "EUR"),
    ("RE-1007", "2026-10-07", "Fuchs", "62.00", "EUR"),
    ("RE-1008", "2026-10-08", "Hahn", "63.00", "EUR"),
]
BANK = [
    ("B1", "2026-10-14", "1190.00", "MEIER GMBH", "Rechnung RE 1001 danke", "EUR"),
    ("B2", "2026-10-15", "490.00", "Sommer", "RE-1002 abzgl. Skonto", "EUR"),
    ("B3", "2026-10-19", "313.20", "Kranz AG", "RE-1003 und RE-1004", "EUR"),
    ("B4", "2026-10-12", "60.00", "", "Ueberweisung", "EUR"),
    ("B5", "2026-10-20", "62.00", "FUCHS", "", "EUR"),
    ("B6", "2026-10-20", "63.00", "HAHN", "", "EUR"),
    ("B7", "2026-10-30", "59.00", "", "?", "EUR"),
    ("B8", "2026-11-30", "0.07", "", "", "EUR"),  # by when invoices are due
]


def busy(folder: Path) -> Path:
    """Let everything happen to a shop that can: runs, people, corrections, changed rules, calendars and rates."""
    shop = Shop(folder)
    shop.deliver("invoices", INVOICES)
    shop.deliver("bank", BANK)
    shop.match()
    assert len(shop.matches()) == 6
    pipeline.judge(shop.store, shop.workspace, [shop.match_id("RE-1007", "B5")], "is him", approved=True)
    pipeline.judge(shop.store, shop.workspace, [shop.match_id("RE-1008", "B6")], "is not", approved=False)
    bank = shop.exception_id("RE-1006")
    pipeline.resolve(shop.store, shop.workspace, bank, Resolution(assignee="ann"), "hers")
    pipeline.undo(shop.store, shop.workspace, shop.match_id("RE-1005", "B4"), "was another")
    how = Resolution(others=("B7",), difference="bank_charge")
    pipeline.resolve(shop.store, shop.workspace, shop.exception_id("RE-1006"), how, "he called")
    shop.deliver("invoices", [("RE-1001", "2026-10-01", "Meier GmbH", "1200.00", "EUR")])
    shop.match()
    (folder / "calendars" / "own.toml").write_text("holidays = [2026-10-08]\n")
    (folder / "rates" / "boe.csv").write_text("date,base,quote,rate\n2026-10-02,EUR,GBP,0.9\n")
    (folder / "rules" / "own.toml").write_text(RULES.replace('pct = "3"', 'pct = "1"'))
    shop.deliver("other", [("O1", "2026-10-16", "500.00", "Sommer", "RE-1002", "EUR")])
    shop.match()
    pipeline.journal(shop.store, shop.workspace)
    (folder / "postings").mkdir()
    (folder / "postings" / "own.toml").write_text('[accounts]\nbank_charges = "6855"\n')
    pipeline.journal(shop.store, shop.workspace)
    pipeline.undo(shop.store, shop.workspace, shop.match_id("RE-1006", "B7"), "he lied")
    pipeline.journal(shop.store, shop.workspace)
    pipeline.undo(shop.store, shop.workspace, run_that_took(shop, "was another"), "was not")
    assert shop.match_id("RE-1005", "B4")
    shop.close()
    return folder


def run_that_took(shop: Shop, why: str) -> str:
    run = schema.run
    with shop.store.book.reading() as connection:
        return str(connection.scalars(sa.select(run.c.run_id).where(run.c.kind == "undo", run.c.reason == why)).one())


@pytest.fixture(scope="module")
def before(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return copied(tmp_path_factory, "busy", busy)


@pytest.fixture
def folder(before: Path, tmp_path: Path) -> Path:
    shutil.copytree(before, tmp_path / "shop")
    return tmp_path / "shop"


def verified(
    folder: Path,
    run: str | None = None,
    progress: Callable[[str, int, int], None] = lambda *_: None,
    *,
    rebuild: bool = False,
) -> Verdict:
    workspace = load_workspace(folder, {})
    store = open_store(workspace, LATER, FixedEntropy(7), "auditor")
    try:
        return pipeline.verify(store, workspace, run, progress, rebuild=rebuild)
    finally:
        store.close()


def runs(folder: Path) -> list[str]:
    with sqlite3.connect(folder / ".tieout" / "book.db") as book:
        return [row[0] for row in book.execute("select run_id from run order by sequence")]


def test_every_run_and_decision_is_performed_again(folder: Path) -> None:
    heard: list[tuple[str, int, int]] = []
    found = verified(folder, progress=lambda *step: heard.append(step))
    assert found.faults == []
    assert found.runs == len(runs(folder)) >= 10
    assert [step for step in heard if step[0] == "runs"] == [("runs", n + 1, found.runs) for n in range(found.runs)]


def test_performing_again_needs_neither_the_lake_nor_todays_rules(folder: Path) -> None:
    shutil.rmtree(folder / ".tieout" / "lake")
    (folder / "rules" / "own.toml").write_text(RULES.replace("partial = true", "partial = true\nconfirm = false"))
    shutil.rmtree(folder / "calendars")
    (folder / "calendars").mkdir()
    [fault] = verified(folder).faults
    assert "tieout verify --rebuild" in fault
    again = verified(folder, rebuild=True)
    assert again.faults == []
    assert again.rebuilt == again.files > 10
    assert verified_files(folder) == []


def test_performing_again_may_end_with_a_run(folder: Path) -> None:
    third = runs(folder)[2]
    assert verified(folder, third[:10]).runs == 3
    with pytest.raises(WrongUse, match="expected the id of a run, or how it begins, got 'nothing'"):
        verified(folder, "nothing")


#: What somebody may change in the book, and what verify says without performing anything again.
CHANGES = {
    "update run set digest = 'x' where sequence = 1": "digest",
    "update run set counts = '{}' where sequence = 2": "counts",
    "update run set through_day = through_day - 1 where sequence = 1": "through_day",
    "update run set heads = '{}' where sequence = 3": "heads",
    "update run set facts_version = 1 where sequence = 1": "facts_version",
    "update run set reason = 'other' where kind = 'undo'": "reason",
    "update run set actor = 'nobody' where sequence = 4": "actor",
    "delete from run where sequence = (select max(sequence) from run)": "removed",
    "update run_file set digest = 'x' where rowid = (select min(rowid) from run_file)": "files",
    "update run_file set provisional = 1 where provisional = 0 and table_name = 'matches'": "files",
    "delete from run_file where rowid = (select max(rowid) from run_file)": "files",
    "delete from void": "voids",
    "update void set blocks = 1 - blocks": "voids",
    "insert into void select 'ff', run_id, 0, 'x' from run limit 1": "voids",
    "update text_version set body = replace(body, 'pct', 'abs') where kind = 'rules'": "text",
    "insert into decision values ('x', 99, 9999999999999999, 'eve', 'resolve', 'e', 'r', '{}')": "decision x",
    "insert into decision select 'x', 99, at + 1, actor, kind, subject, reason, body from decision": "decision x",
    "update decision set reason = 'other' where sequence = 2": "reason is 'other'",
    "update decision set subject = 'other' where kind = 'resolve'": "subject is 'other'",
    "update decision set sequence = 99 where sequence = 1": "has the number",
    "delete from decision where sequence = 1": "was removed",
    "delete from decision where kind = 'assign'": "was removed",
    "update delivery set received_by = 'eve'": "received_by is 'eve'",
    "update delivery set received_at = 1 where sequence = 2": "received_at is 1",
    "update delivery set name = 'x' where sequence = 1": "name is 'x'",
    "update delivery set times_seen = 5 where sequence = 1": "times_seen is 5",
    "update delivery set rows_in = 5 where sequence = 1": "rows_in is 5",
    "delete from delivery where sequence = 1": "removed from the book",
    "update ledger_commit set actor = 'eve' where version = 1": "actor is 'eve'",
    "update ledger_commit set kind = 'refuse' where version = 1": "kind is 'refuse'",
    "update ledger_commit set reason = 'x' where version = 1": "reason is 'x'",
    "update ledger_commit set at = at + 1 where version = 1": "at is",
    "update ledger_commit set program = 'x' where version = 1": "program is 'x'",
    "delete from ledger_commit where version = 1": "commit 1 is in the audit log",
    "update lake_file set rows = 9 where version = 1": "commit 1 was changed: its lake files",
    "update head set version = version + 1 where name = 'facts'": "head 'facts'",
    "update head set version = version - 1 where name like 'claim:%'": "head 'claim:",
    "delete from head where name = 'facts'": "head 'facts' is missing",
}
#: What only shows when runs are performed again: here the audit log is taken to agree.
FORGERIES = {
    "update run set digest = 'x' where sequence = 1": "digest",
    "update run set heads = '{}' where sequence = 3": "heads",
    "delete from text_version where kind = 'decision'": "decision",
    "update void set blocks = 1 - blocks where run_id = (select run_id from run where kind = 'undo')": "void",
}


def changed(folder: Path, change: str) -> None:
    book = sqlite3.connect(folder / ".tieout" / "book.db")
    limited = f"{change} limit 1" if change.startswith("insert into decision select") else change
    assert book.execute(limited).rowcount > 0
    book.commit()
    book.close()


def test_a_changed_book_is_noticed(before: Path, tmp_path: Path) -> None:
    for number, (change, said) in enumerate(CHANGES.items()):
        folder = tmp_path / str(number)
        shutil.copytree(before, folder)
        changed(folder, change)
        faults = verified_files(folder)
        assert any(said in fault for fault in faults), (change, faults)


@pytest.mark.slow
@pytest.mark.parametrize("change", some_of(sorted(FORGERIES), 2))
def test_a_forged_run_comes_out_differently(folder: Path, change: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tieout.intake.verify.check_runs", lambda _connection: [])
    changed(folder, change)
    faults = verified(folder).faults
    assert any(FORGERIES[change] in fault for fault in faults), faults


def result_files(folder: Path) -> Iterator[Path]:
    for name in ("matches", "adjustments", "positions", "exceptions"):
        yield from (folder / ".tieout" / "lake" / name).glob("*.parquet")


def test_a_changed_result_file_is_noticed(folder: Path) -> None:
    for path in sorted(result_files(folder)):
        content = path.read_bytes()
        path.write_bytes(content[:-9] + bytes([content[-9] ^ 1]) + content[-8:])
        assert any(path.name in fault and "was changed" in fault for fault in verified_files(folder)), path
        path.write_bytes(content)
    assert verified_files(folder) == []


def test_a_lost_result_file_is_noticed(folder: Path) -> None:
    lost = min(result_files(folder))
    lost.unlink()
    assert any(lost.name in fault and "missing" in fault for fault in verified_files(folder))


def verified_files(folder: Path) -> list[str]:
    workspace = load_workspace(folder, {})
    store = open_store(workspace, LATER, FixedEntropy(7), "auditor")
    verdict = Verdict()
    check_files(store, verdict)
    store.close()
    return verdict.faults


def test_a_run_is_repeated_with_the_public_calendar_of_its_time(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The library that says which days are worked has another version now: what was is proven all the same."""
    shop = Shop(tmp_path, RULES.replace('calendar = "business"', 'calendar = "ECB"'))
    shop.deliver("invoices", INVOICES)
    shop.deliver("bank", BANK)
    shop.match()
    assert shop.match_id("RE-1005", "B4")
    shop.close()
    monkeypatch.setattr(calendars, "_public_text", lambda _name: 'weekend = ["monday"]')
    found = verified(tmp_path)
    assert (found.faults, found.otherwise) == ([], [])
    assert found.runs == len(runs(tmp_path)) > 0


def test_a_decision_is_repeated_where_the_workspace_has_a_calendar_of_its_own(tmp_path: Path) -> None:
    """No decision rests on a calendar, so that none is kept with it: rules and accounts may name one all the same."""
    shop = Shop(tmp_path, RULES.replace('calendar = "business"', 'calendar = "own"'))
    text = (tmp_path / "tieout.toml").read_text()
    account = '[[account]]\nid = "giro"\nentity = "shop"\nsource = "bank"\nkind = "bank"\ncurrency = "EUR"\ncalendar = "own"\n'
    (tmp_path / "tieout.toml").write_text(text + account)
    shop.workspace = load_workspace(tmp_path, {})
    shop.deliver("invoices", INVOICES)
    shop.deliver("bank", BANK)
    shop.match()
    how = Resolution(others=("B7",), difference="bank_charge")
    pipeline.resolve(shop.store, shop.workspace, shop.exception_id("RE-1006"), how, "he called")
    pipeline.undo(shop.store, shop.workspace, shop.match_id("RE-1005", "B4"), "was another")
    shop.close()
    found = verified(tmp_path)
    assert (found.faults, found.otherwise) == ([], [])
    assert found.runs == len(runs(tmp_path)) > 4
