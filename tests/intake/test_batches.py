"""Law 4: a batch that once summed to its payout is looked at again whenever one of its lines changes or leaves it."""

import io
import itertools
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any, BinaryIO

import pytest

from tests.depth import some_of
from tests.intake.conftest import Desk
from tieout.config import load_workspace
from tieout.formats import registry
from tieout.formats.reading import Chunk, ReadOptions
from tieout.intake.accept import accept
from tieout.intake.batch_numbers import Batch, missing_batches
from tieout.observe.arrivals.completeness import completeness
from tieout.observe.things.explain import explain

SOURCES = """
[[source]]
id = "adyen"
format = "adyen.settlement_detail"

[[source]]
id = "payouts"
format = "stripe.payout_reconciliation"

[[source]]
id = "api"
format = "stripe.objects"
accounts_of = "payouts"
"""
ADYEN = [
    "Merchant Account", "Psp Reference", "Creation Date", "TimeZone", "Type", "Modification Reference", "Gross Currency",
    "Gross Debit (GC)", "Gross Credit (GC)", "Exchange Rate", "Net Currency", "Net Debit (NC)", "Net Credit (NC)",
    "Commission (NC)", "Batch Number",
]  # fmt: skip
STRIPE = "automatic_payout_id,automatic_payout_effective_at,balance_transaction_id,created,available_on,currency,gross,fee,net,reporting_category,source_id"
DAY = "2026-10-01 10:00:00"


@pytest.fixture
def platforms(desk: Desk) -> Desk:
    toml = desk.folder / "tieout.toml"
    toml.write_text(toml.read_text() + SOURCES)
    desk.workspace = load_workspace(desk.folder, {})
    return desk


def settled(batch: int, payment: str, gross: str, commission: str, net: str) -> list[str]:
    return f"M1,{payment},{DAY},CET,Settled,{payment},EUR,,{gross},1,EUR,,{net},{commission},{batch}".split(",")


def paid(batch: int, net: str) -> list[str]:
    return f"M1,,{DAY},CET,MerchantPayout,TX{batch}XT batch {batch},EUR,,,,EUR,{net},,,{batch}".split(",")


def adyen(*rows: list[str], without: frozenset[str] = frozenset()) -> bytes:
    kept = [i for i, name in enumerate(ADYEN) if name not in without]
    return "".join(",".join(row[i] for i in kept) + "\n" for row in [ADYEN, *rows]).encode()


def stripe(*rows: str) -> bytes:
    return "\n".join([STRIPE, *rows, ""]).encode()


def moved(payout: str, number: str, net: str, category: str = "charge", of: str = "ch_1") -> str:
    return f"{payout},{DAY},{number},{DAY},{DAY},eur,{net},0.00,{net},{category},{of}"


def transaction(minor: int) -> bytes:
    said = {
        "id": "txn_1", "object": "balance_transaction", "amount": minor, "fee": 0, "net": minor, "currency": "eur",
        "type": "charge", "reporting_category": "charge", "source": "ch_1", "created": 1790848800,
        "available_on": 1790848800, "status": "available", "fee_details": [],
    }  # fmt: skip
    return json.dumps(said).encode()


ELEVEN = adyen(
    settled(11, "P1", "100.00", "2.00", "98.00"), settled(11, "P2", "50.00", "1.00", "49.00"), paid(11, "147.00")
)
TWELVE = adyen(
    settled(12, "P1", "100.00", "2.00", "98.00"), settled(12, "P3", "10.00", "1.00", "9.00"), paid(12, "107.00")
)


def said(desk: Desk) -> list[str]:
    """What is found of batches, in short."""
    notes = [note for reason, note in desk.findings() if reason == "balance_difference"]
    short = (note.replace(" to sum to its payout, got a difference of", ":") for note in notes)
    return sorted(note.removeprefix("expected the lines of settlement ") for note in short)


@pytest.mark.parametrize(("files", "left"), [((ELEVEN, TWELVE), "M1/11"), ((TWELVE, ELEVEN), "M1/12")])
def test_a_line_that_moves_to_another_batch_leaves_its_own_open(
    platforms: Desk, files: tuple[bytes, ...], left: str
) -> None:
    for data in files:
        platforms.deliver_bytes(data, "adyen", "batch.csv")
    assert said(platforms) == [f"{left}: -98.00 EUR"]
    [told] = explain(platforms.store, "P2" if left == "M1/11" else "P3").records
    assert [found["reason"] for found in told["exceptions"]] == ["balance_difference"]


def test_of_stripe_as_well(platforms: Desk) -> None:
    for payout in ("po_1", "po_2"):
        lines = moved(payout, "txn_1", "97.00"), moved(payout, f"txn_{payout}", "-97.00", "payout", payout)
        platforms.deliver_bytes(stripe(*lines), "payouts", "report.csv")
    assert said(platforms) == ["po_1: -97.00 EUR"]


def test_another_channel_may_open_a_batch_and_close_it_again(platforms: Desk) -> None:
    whole = stripe(moved("po_1", "txn_1", "97.00"), moved("po_1", "txn_2", "-97.00", "payout", "po_1"))
    platforms.deliver_bytes(whole, "payouts", "report.csv")
    assert said(platforms) == []
    platforms.deliver_bytes(transaction(9600), "api", "transaction.json")
    assert said(platforms) == ["po_1: -1.00 EUR"]
    platforms.deliver_bytes(transaction(9700), "api", "transaction.json")
    assert said(platforms) == []


def test_a_payout_that_no_report_breaks_down_is_no_open_batch(platforms: Desk) -> None:
    payout: dict[str, Any] = {
        "id": "po_1", "object": "payout", "amount": 9700, "currency": "eur", "status": "paid", "created": 1790848800,
        "arrival_date": 1790848800, "automatic": True, "balance_transaction": "txn_2",
    }  # fmt: skip
    platforms.deliver_bytes(json.dumps(payout).encode(), "api", "payout.json")
    assert said(platforms) == []
    platforms.deliver_bytes(stripe(moved("po_1", "txn_1", "96.00")), "payouts", "report.csv")
    assert said(platforms) == ["po_1: -1.00 EUR"]


class Without:
    """A format of reports after a fix: lines that hold a word are none."""

    def __init__(self, real: Any, word: bytes) -> None:
        self._real, self._word = real, word

    def __getattr__(self, name: str) -> Any:
        return getattr(self._real, name)

    def read(self, stream: BinaryIO, options: ReadOptions) -> Iterator[Chunk]:
        kept = [line for line in stream.read().splitlines(keepends=True) if self._word not in line]
        yield from self._real.read(io.BytesIO(b"".join(kept)), options)


def test_what_a_replay_withdraws_leaves_its_batch_open(platforms: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    delivery = platforms.deliver_bytes(ELEVEN, "adyen", "batch.csv").delivery_id
    real = registry.format_of
    monkeypatch.setattr(registry, "format_of", lambda name: Without(real(name), b"P2"))
    replay = accept(platforms.store, platforms.workspace, delivery, replay="the format was fixed")
    assert replay is not None
    assert replay.withdrawn == 1
    assert said(platforms) == ["M1/11: -49.00 EUR"]
    monkeypatch.setattr(registry, "format_of", real)
    accept(platforms.store, platforms.workspace, delivery, replay="and back")
    assert said(platforms) == []


@pytest.mark.parametrize("files", some_of(list(itertools.permutations(range(3))), 3))
def test_in_every_order_the_same_is_found(tmp_path: Path, files: tuple[int, ...]) -> None:
    desk = Desk(tmp_path / "workspace")
    toml = desk.folder / "tieout.toml"
    toml.write_text(toml.read_text() + SOURCES)
    desk.workspace = load_workspace(desk.folder, {})
    parts = (
        adyen(settled(11, "P1", "100.00", "2.00", "98.00"), paid(11, "147.00")),
        adyen(settled(11, "P2", "49.00", "1.00", "48.00")),
        adyen(settled(12, "P3", "10.00", "1.00", "9.00"), paid(12, "9.00")),
    )
    for file in files:
        desk.deliver_bytes(parts[file], "adyen", "batch.csv")
    assert said(desk) == ["M1/11: -1.00 EUR"]
    desk.store.close()


NINE = adyen(settled(9, "P9", "10.00", "1.00", "9.00"), paid(9, "9.00"))


def test_a_report_without_its_end_is_told_until_the_whole_one_came(platforms: Desk) -> None:
    platforms.deliver_bytes(adyen(settled(9, "P9", "10.00", "1.00", "9.00")), "adyen", "cut.csv")
    [(reason, note)] = platforms.findings()
    assert reason == "incomplete"
    assert "M1/9 to end with a payout or a balance transfer, got none that brings 9.00 EUR to zero" in note
    platforms.deliver_bytes(NINE, "adyen", "batch.csv")
    assert platforms.findings() == []


def test_a_batch_may_end_with_a_balance_transfer(platforms: Desk) -> None:
    carried = f"M1,,{DAY},CET,Balancetransfer,to batch 10,EUR,,,,EUR,9.00,,,9".split(",")
    platforms.deliver_bytes(adyen(settled(9, "P9", "10.00", "1.00", "9.00"), carried), "adyen", "batch.csv")
    assert platforms.findings() == []


def test_of_stripe_a_report_without_the_payout_is_whole(platforms: Desk) -> None:
    platforms.deliver_bytes(stripe(moved("po_1", "txn_1", "97.00")), "payouts", "report.csv")
    assert platforms.findings() == []


@pytest.mark.parametrize("files", list(itertools.permutations((ELEVEN, NINE))))
def test_a_batch_between_two_others_is_missing_until_it_comes(platforms: Desk, files: tuple[bytes, ...]) -> None:
    for data in files:
        platforms.deliver_bytes(data, "adyen", "batch.csv")
    note = "expected the batches of M1 without gaps, got 11 after 9: batch 10 is missing"
    assert platforms.findings() == [("incomplete", note)]
    rows = completeness(platforms.store, platforms.workspace).rows
    missing = [(row.source, row.account, row.expected, row.state) for row in rows if row.evidence == note]
    assert missing == [("adyen", "M1", "batch before", "missing")]
    platforms.deliver_bytes(adyen(settled(10, "P10", "10.00", "1.00", "9.00"), paid(10, "9.00")), "adyen", "batch.csv")
    assert platforms.findings() == []


def test_batches_of_another_merchant_account_are_numbered_by_themselves() -> None:
    whose = {"source_id": "adyen", "delivery_id": "d", "entity_id": "acme", "account_id": "M"}
    numbered = (("A", 1), ("A", 2), ("B", 7), ("B", 10), ("C", 4))
    batches = [Batch(series=series, number=number, closed_on=None, **whose) for series, number in numbered]
    [found] = missing_batches("adyen", batches)
    assert (found.scope, found.reason) == ("batches adyen B", "incomplete")
    assert found.note == "expected the batches of B without gaps, got 10 after 7: batches 8 to 9 are missing"
