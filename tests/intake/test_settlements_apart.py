"""Law 2: lines without an identifier of two settlements are two; whether one without a settlement is one of them, nobody knows."""

import itertools
import json
from pathlib import Path
from typing import Any

import pytest

from tests.depth import some_of
from tests.intake.conftest import Desk
from tests.intake.test_batches import DAY, SOURCES, adyen, paid
from tests.intake.test_packing import zipped
from tieout.config import load_workspace
from tieout.intake import derive, stage
from tieout.intake.accept import accept


def fee(settlement: str | None = None, **more: Any) -> dict[str, Any]:
    said = {"kind": "fee", "counted": True, "amount": -120, "booked_on": "2026-10-01", "text": "payout fee"}
    return said | {"settlement_id": settlement} | more


def jsonl(*rows: dict[str, Any]) -> bytes:
    return "\n".join(json.dumps(row) for row in rows).encode()


def moved(word: str, net: str) -> list[str]:
    """A row of Adyen's without a payment."""
    debit, credit = (net.lstrip("-"), "") if net.startswith("-") else ("", net)
    return f"M1,,{DAY},CET,{word},{word} of batch 11,EUR,,,,EUR,{debit},{credit},,11".split(",")


def stand(desk: Desk) -> list[tuple[Any, ...]]:
    return desk.records("record_id", "settlement_id", "amount", "text", "counted")


def test_lines_of_two_settlements_are_two_in_every_order_and_packing(tmp_path: Path) -> None:
    files = [jsonl(fee("11"), fee("11")), jsonl(fee("12")), jsonl(fee("13"))]
    worlds = [list(order) for order in some_of(itertools.permutations(files), 3)]
    worlds += [*[[zipped(*order)] for order in some_of(itertools.permutations(files), 2)], [b"\n".join(files)]]
    seen = []
    for number, deliveries in enumerate(worlds):
        desk = Desk(tmp_path / str(number))
        for data in deliveries:
            desk.deliver_bytes(data, name="paper.zip" if data[:2] == b"PK" else "paper.jsonl")
        assert desk.findings() == []
        seen.append(stand(desk))
        desk.store.close()
    assert [row[1] for row in sorted(seen[0], key=str)].count("11") == 2
    assert len(seen[0]) == 4
    assert all(rows == seen[0] for rows in seen)


@pytest.mark.parametrize("order", [1, -1])
def test_a_line_that_may_be_of_a_settlement_is_counted_once_and_doubted(desk: Desk, order: int) -> None:
    for row in [fee(), fee("11")][::order]:
        desk.deliver(row)
    assert desk.records("settlement_id") == ["11"]
    assert [reason for reason, _ in desk.findings()] == ["conflict"]


def test_in_one_container_too(desk: Desk) -> None:
    desk.deliver_bytes(zipped(jsonl(fee("11")), jsonl(fee())), name="paper.zip")
    assert desk.records("settlement_id") == ["11"]
    assert [reason for reason, _ in desk.findings()] == ["conflict"]


def test_each_line_of_several_settlements_goes_to_its_own(desk: Desk) -> None:
    desk.deliver(fee("11", amount=-100), fee("12", amount=-100), fee("12"))
    again = [fee("12", amount=-100, counterparty="Bank"), fee("11", amount=-100, counterparty="Bank")]
    desk.deliver(*again)
    assert sorted(desk.records("settlement_id", "counterparty"), key=str) == [
        ("11", "Bank"),
        ("12", "Bank"),
        ("12", None),
    ]


def test_a_report_of_whole_batches_with_other_columns_is_no_contradiction(desk: Desk) -> None:
    toml = desk.folder / "tieout.toml"
    toml.write_text(toml.read_text() + SOURCES)
    desk.workspace = load_workspace(desk.folder, {})
    cost, back = moved("Fee", "-1.20"), moved("Balancetransfer", "100.00")
    rows = [back, cost, cost, paid(11, "97.60")]
    for without in (frozenset[str](), frozenset({"Gross Currency", "Exchange Rate"})):
        desk.deliver_bytes(adyen(*rows, without=without), "adyen", "batch.csv")
        assert desk.findings() == []
        assert sorted(desk.records("net")) == [-9760, -120, -120, 10000]


def test_records_that_were_named_without_their_settlement_stay(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as before:
        before.setattr(derive, "_IN_SETTLEMENT", "")
        before.setattr(stage, "common_ids", lambda *_args: ([], []))
        delivery = desk.deliver(fee("11"), fee("11")).delivery_id
    known = stand(desk)
    replay = accept(desk.store, desk.workspace, delivery, replay="a newer program")
    assert replay is not None
    assert (replay.versions, replay.withdrawn) == (0, 0)
    assert stand(desk) == known
    desk.deliver(fee("12"))
    assert sorted(desk.records("settlement_id")) == ["11", "11", "12"]
    assert desk.findings() == []
