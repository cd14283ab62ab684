"""What `ingest` does around a delivery: finds its source, goes on after faults, loses nothing."""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.intake.conftest import Desk, Paper, charge, coffee
from tieout import pipeline
from tieout.errors import BadInput, Broken, TieoutError, WrongUse
from tieout.formats import registry
from tieout.intake import fold
from tieout.intake.receive import receive


def write(desk: Desk, name: str, *rows: dict[str, Any]) -> Path:
    path = desk.folder / name
    path.write_text("\n".join(json.dumps(row) for row in rows))
    return path


def ingest(desk: Desk, *files: Path, source: str | None = "psp") -> list[Any]:
    return list(pipeline.ingest(desk.store, desk.workspace, list(files), source))


def test_what_was_landed_and_not_read_is_read_first(desk: Desk) -> None:
    with write(desk, "left.jsonl", charge("left")).open("rb") as file:
        receive(desk.store, "psp", file, "left.jsonl")
    outcomes = ingest(desk, write(desk, "new.jsonl", charge("new")))
    assert [outcome.name for outcome in outcomes] == ["left.jsonl", "new.jsonl"]
    assert desk.records("external_id") == ["left", "new"]


def test_a_file_that_our_own_reader_fails_on_stays_kept_and_the_rest_goes_on(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Faulty(Paper):
        def read(self, stream: Any, options: Any) -> Iterator[Any]:
            data = stream.read()
            if b"bad" in data:
                raise KeyError(data[:5])
            stream.seek(0)
            yield from super().read(stream, options)

    monkeypatch.setattr(registry, "format_of", lambda _name: Faulty("paper", "paper"))
    outcomes = ingest(desk, write(desk, "1.jsonl", charge("bad")), write(desk, "2.jsonl", charge("good")))
    assert "tieout itself failed to read 1.jsonl (KeyError)" in str(outcomes[0])
    assert outcomes[1].state == "accepted"
    assert desk.records("external_id") == ["good"]
    monkeypatch.setattr(registry, "format_of", lambda _name: Paper("paper", "paper"))
    assert [outcome.state for outcome in ingest(desk)] == ["accepted"]
    assert desk.records("external_id") == ["bad", "good"]


def test_a_fault_of_ours_with_one_delivery_keeps_no_other_from_being_read(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    decide = fold.decide

    def faulty(con: Any, *others: Any) -> Any:
        if con.sql("select 1 from incoming where external_id = 'bad'").fetchall():
            con.sql("select '5000-1'::bigint").fetchall()
        return decide(con, *others)

    desk.deliver(charge("bad"), charge("good"))
    monkeypatch.setattr(fold, "decide", faulty)
    files = [write(desk, "1.jsonl", charge("bad", 2000)), write(desk, "2.jsonl", charge("good", 2000))]
    fault, outcome = ingest(desk, *files)
    assert isinstance(fault, Broken)
    assert re.match(r"1\.jsonl \(delivery [0-9a-f]{12}\): a fault of tieout itself while it was read", str(fault))
    assert "5000-1" not in str(fault)  # what is in a file is in no message
    assert outcome.state == "accepted"
    again, other = ingest(desk, write(desk, "3.jsonl", charge("good", 3000)))
    assert str(again) == str(fault)
    assert other.state == "accepted"
    assert desk.records("external_id", "amount") == [("bad", 1000), ("good", 3000)]
    monkeypatch.setattr(fold, "decide", decide)
    assert [outcome.state for outcome in ingest(desk)] == ["accepted"]
    assert desk.records("external_id", "amount") == [("bad", 2000), ("good", 3000)]


def test_a_file_that_no_source_takes_is_an_error_and_the_rest_goes_on(desk: Desk) -> None:
    stranger = desk.folder / "stranger.bin"
    stranger.write_bytes(b"\x00\x01")
    first, second = ingest(desk, stranger, write(desk, "1.jsonl", charge("a")), source=None)
    assert isinstance(first, BadInput)
    assert "it is " in str(first)
    assert "say which with --source" in str(first)
    assert isinstance(second, TieoutError)  # several paper sources could take it: nobody guesses
    assert "several sources take it" in str(second)


def test_a_missing_file_is_wrong_use(desk: Desk) -> None:
    with pytest.raises(WrongUse, match="expected a file that can be read, got no such file"):
        ingest(desk, desk.folder / "nowhere.jsonl")
    with pytest.raises(WrongUse, match="expected a file that can be read, got no such file"):
        ingest(desk, desk.folder / "nowhere.jsonl", source=None)


def test_rows_in_are_rows_kept_and_rows_quarantined(desk: Desk) -> None:
    desk.deliver(charge("a"))
    outcome = desk.deliver(charge("a"), charge("b"), {"fault": "one"}, {"fault": "two"}, charge("b"))
    assert (outcome.rows_in, outcome.rows_new, outcome.rows_repeated, outcome.rows_quarantined) == (5, 1, 2, 2)


def test_an_undeclared_account_is_an_exception_where_accounts_are_declared(tmp_path: Path) -> None:
    desk = Desk(tmp_path / "w", "")
    toml = desk.folder / "tieout.toml"
    toml.write_text(
        toml.read_text()
        + '\n[[account]]\nid = "main"\nsource = "bank"\nnumber = "DE1"\ncurrency = "EUR"\nkind = "bank"\n'
    )
    from tieout.config import load_workspace

    desk.workspace = load_workspace(desk.folder, {})
    desk.deliver(charge("a", account_number="DE1"), charge("b", account_number="DE2"), source="bank")
    [(reason, note)] = desk.findings()
    assert reason == "unknown_account"
    assert "got DE2 in EUR" in note
    assert desk.records("external_id", "account_id") == [("a", "main"), ("b", "DE2")]
    desk.store.close()


def test_accounts_of_one_platform_source_in_two_time_zones_are_refused(tmp_path: Path) -> None:
    from tieout.config import load_workspace
    from tieout.intake.reader import reader_for

    accounts = "".join(
        f'\n[[account]]\nid = "{name}"\nsource = "stripe"\ncurrency = "{currency}"\ntimezone = "{zone}"\n'
        for name, currency, zone in (("eur", "EUR", "Europe/Berlin"), ("usd", "USD", "America/New_York"))
    )
    (tmp_path / "tieout.toml").write_text(
        '[workspace]\nname = "x"\nbase_currency = "EUR"\n[[entity]]\nid = "e"\nname = "E"\ncurrency = "EUR"\n'
        '[[source]]\nid = "stripe"\nformat = "stripe.balance"\n' + accounts
    )
    workspace = load_workspace(tmp_path, {})
    with pytest.raises(WrongUse, match="expected the accounts of source 'stripe' in one time zone"):
        reader_for(workspace, workspace.source("stripe"))


def declare(desk: Desk) -> None:
    from tieout.config import load_workspace

    toml = desk.folder / "tieout.toml"
    account = '\n[[account]]\nid = "main"\nnumber = "DE1"\ncurrency = "EUR"\nkind = "bank"\n'
    toml.write_text(toml.read_text() + account)
    desk.workspace = load_workspace(desk.folder, {})


def test_an_account_declared_later_keeps_its_history(tmp_path: Path) -> None:
    desk = Desk(tmp_path / "w")
    first = {"number": "1", "opening": "10.00", "closing": "7.00", "from_on": "2026-09-30", "to_on": "2026-10-01"}
    second = {"number": "2", "opening": "7.00", "closing": "4.00", "from_on": "2026-10-01", "to_on": "2026-10-02"}
    desk.deliver({"statement": first}, coffee(), source="bank")
    desk.deliver(coffee(status="provisional", booked_on="2026-10-02", text="announced"), source="intraday")
    declare(desk)
    desk.deliver({"statement": second}, coffee(), source="bank")
    assert desk.records("text", "status", "account_id") == [("coffee", "booked", "DE1"), ("coffee", "booked", "main")]
    assert desk.findings() == []
    ninth = {"number": "9", "opening": "1.00", "closing": "0.00", "from_on": "2026-10-08", "to_on": "2026-10-09"}
    desk.deliver({"statement": ninth}, source="bank")
    assert [reason for reason, _ in desk.findings()] == ["incomplete"]
    desk.store.close()
