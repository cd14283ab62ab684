"""Replay: read again with today's reader, withdraw what is not said any more; laws 1 and 11."""

from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from tests.intake.conftest import Desk, Paper, charge, coffee
from tieout.config import load_workspace
from tieout.errors import BadInput
from tieout.formats import registry
from tieout.intake.accept import accept
from tieout.intake.verify import verify


class Fixed(Paper):
    """The paper format after a fix: ``rewrite`` changes, drops (None) or adds what each line says."""

    def __init__(self, rewrite: Any, system: str = "paper") -> None:
        super().__init__("paper", system)
        self.rewrite = rewrite

    def read(self, stream: Any, options: Any) -> Any:
        import io
        import json

        lines = [json.loads(text) for text in stream.read().decode().splitlines()]
        said = [new for line in lines for new in self.rewrite(line)]
        yield from super().read(io.BytesIO("\n".join(json.dumps(line) for line in said).encode()), options)


@pytest.fixture
def fixed(monkeypatch: pytest.MonkeyPatch) -> Any:
    def use(rewrite: Any) -> None:
        monkeypatch.setattr(registry, "format_of", lambda _name: Fixed(rewrite))

    return use


def replay(desk: Desk, delivery_id: str) -> Any:
    return accept(desk.store, desk.workspace, delivery_id, replay="the format was fixed")


def test_nothing_changed_changes_nothing(desk: Desk) -> None:
    delivery = desk.deliver(charge("a"), coffee(), coffee()).delivery_id
    before = desk.query("select * from {records} order by record_id")
    outcome = replay(desk, delivery)
    assert (outcome.versions, outcome.withdrawn, outcome.rows_new) == (0, 0, 0)
    assert desk.query("select * from {records} order by record_id") == before


def test_what_is_not_said_any_more_is_withdrawn_and_can_come_back(desk: Desk, fixed: Any) -> None:
    delivery = desk.deliver(charge("a"), charge("b")).delivery_id
    fixed(lambda line: [] if line["identity"] == "b" else [line])
    assert replay(desk, delivery).withdrawn == 1
    assert desk.records("external_id") == ["a"]
    fixed(lambda line: [line])
    replay(desk, delivery)
    assert desk.records("external_id") == ["a", "b"]


def test_another_content_is_a_correction_not_a_conflict(desk: Desk, fixed: Any) -> None:
    delivery = desk.deliver(charge("a", 1000), charge("b", 500)).delivery_id
    fixed(lambda line: [line | {"amount": line["amount"] * 2, "net": line["amount"] * 2}])
    assert replay(desk, delivery).versions == 2
    assert desk.records("external_id", "amount") == [("a", 2000), ("b", 1000)]
    assert desk.findings() == []


def test_a_record_with_another_witness_stays_when_one_withdraws(desk: Desk, fixed: Any) -> None:
    first = desk.deliver(charge("a"), charge("b")).delivery_id
    second = desk.deliver(charge("a"), charge("c")).delivery_id
    fixed(lambda line: [] if line["identity"] == "a" else [line])
    assert replay(desk, first).withdrawn == 0
    assert desk.records("external_id") == ["a", "b", "c"]
    assert replay(desk, second).withdrawn == 1
    assert desk.records("external_id") == ["b", "c"]


def test_the_other_witness_is_believed_when_the_corrector_withdraws(desk: Desk, fixed: Any) -> None:
    desk.deliver(charge("a", 1000))
    second = desk.deliver(charge("a", 2000)).delivery_id
    assert desk.records("amount") == [2000]
    fixed(lambda _line: [])
    replay(desk, second)
    assert desk.records("amount") == [1000]


def test_one_of_two_coffees_is_withdrawn(desk: Desk, fixed: Any) -> None:
    delivery = desk.deliver(coffee(), coffee(), source="bank").delivery_id
    seen = []

    def drop_first(line: dict[str, Any]) -> list[dict[str, Any]]:
        seen.append(line)
        return [line] if len(seen) > 1 else []

    fixed(drop_first)
    replay(desk, delivery)
    assert desk.records("text") == ["coffee"]


def test_quarantined_rows_come_in_after_the_fix_and_leave_quarantine(desk: Desk, fixed: Any) -> None:
    outcome = desk.deliver(charge("a"), {"fault": "expected a decimal, got 'ten'"})
    assert (outcome.rows_in, outcome.rows_new, outcome.rows_quarantined) == (2, 1, 1)
    assert len(desk.query("select * from {quarantine}")) == 1
    fixed(lambda line: [charge("b")] if "fault" in line else [line])
    assert replay(desk, outcome.delivery_id).rows_new == 1
    assert desk.records("external_id") == ["a", "b"]
    assert desk.query("select * from {quarantine}") == []


def test_a_refused_delivery_is_read_after_the_fix(desk: Desk, fixed: Any) -> None:
    outcome = desk.deliver({"refuse": "expected paper, got stone"})
    assert (outcome.state, desk.findings()) == (
        "refused",
        [("unreadable", "paper.jsonl: line 1: expected paper, got stone")],
    )
    fixed(lambda _line: [charge("a")])
    assert replay(desk, outcome.delivery_id).state == "accepted"
    assert desk.findings() == []


def test_what_cannot_be_read_today_keeps_what_it_brought(desk: Desk, fixed: Any) -> None:
    delivery = desk.deliver(charge("a")).delivery_id
    fixed(lambda _line: [{"refuse": "broken reader"}])
    with pytest.raises(BadInput, match="what it brought before stands"):
        replay(desk, delivery)
    assert desk.records("external_id") == ["a"]


def test_statements_of_a_replay_take_the_place_of_the_old_ones(desk: Desk, fixed: Any) -> None:
    def statement(opening: str) -> dict[str, Any]:
        return {"statement": {"number": "2", "opening": opening, "closing": "9.00", "to_on": "2026-10-02"}}

    desk.deliver(
        {"statement": {"number": "1", "opening": "0", "closing": "5.00", "to_on": "2026-10-01"}}, source="bank"
    )
    second = desk.deliver(statement("6.00"), source="bank").delivery_id
    assert [reason for reason, _ in desk.findings()] == ["incomplete"]
    fixed(lambda _line: [statement("5.00")])
    replay(desk, second)
    assert desk.findings() == []
    assert len(desk.query("select * from {balances}")) == 4


def test_every_commit_can_be_performed_again(desk: Desk) -> None:
    first = desk.deliver(charge("a"), coffee(), {"fault": "x"}).delivery_id
    desk.deliver(charge("a", 2000), coffee(), charge("a", 3000))
    desk.deliver({"refuse": "no"})
    replay(desk, first)
    verdict = verify(desk.store, desk.workspace)
    assert verdict.faults == []
    assert verdict.commits == 4


def test_a_commit_that_differs_is_found(desk: Desk, fixed: Any) -> None:
    desk.deliver(charge("a"))
    fixed(lambda line: [line | {"amount": 1, "net": 1}])
    [fault] = verify(desk.store, desk.workspace).faults
    assert "performing it again gave digest" in fault


@pytest.mark.parametrize(
    "tampering",
    [
        "delete from lake_file where table_name = 'records'",
        "update lake_file set removed_version = 9 where table_name = 'balances'",
        "update exception set state = 'closed'",
        "delete from exception",
        "delete from statement",
    ],
)
def test_a_book_whose_rows_were_changed_is_found(desk: Desk, tampering: str) -> None:
    desk.deliver(
        {"statement": {"number": "1", "opening": "0", "closing": "5.00", "to_on": "2026-10-01"}}, source="bank"
    )
    desk.deliver(
        {"statement": {"number": "3", "opening": "6.00", "closing": "9.00", "to_on": "2026-10-03"}}, source="bank"
    )
    desk.deliver(charge("a"))
    with desk.store.book.writing() as connection:
        connection.execute(sa.text(tampering))
    [fault] = verify(desk.store, desk.workspace).faults
    assert "was changed" in fault


def test_verifying_leaves_a_mapping_outside_the_workspace_alone(tmp_path: Path) -> None:
    desk = Desk(tmp_path / "w")
    mapping = tmp_path / "elsewhere.toml"
    mapping.write_text(
        '[mapping]\nid = "m"\nformat = "csv"\n[fields]\nexternal_id = "id"\nkind = "\'charge\'"\namount = "amount"\n'
        'currency = "\'EUR\'"\nbooked_on = "day"\n'
    )
    toml = desk.folder / "tieout.toml"
    toml.write_text(toml.read_text() + f'\n[[source]]\nid = "table"\nmapping = "{mapping}"\n')
    desk.workspace = load_workspace(desk.folder, {})
    desk.deliver_bytes(b"id,amount,day\na,1.00,2026-10-01\n", "table", "t.csv")
    desk.deliver(charge("b"))
    changed = mapping.read_text() + "# a new remark\n"
    mapping.write_text(changed)
    assert verify(desk.store, desk.workspace).faults == []
    assert mapping.read_text() == changed
    desk.store.close()
