"""Law 2: rows that are alike are found by a few numbers, and none that is alike in its texts is missed by them."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.intake.conftest import Desk, charge
from tests.intake.test_stripe_money import SOURCES
from tieout.config import load_workspace

HEADER = "automatic_payout_id,created_utc,currency,gross,fee,net,reporting_category"


@pytest.fixture
def stripe(tmp_path: Path) -> Iterator[Desk]:
    desk = Desk(tmp_path / "workspace")
    toml = desk.folder / "tieout.toml"
    toml.write_text(toml.read_text() + SOURCES)
    desk.workspace = load_workspace(desk.folder, {})
    yield desk
    desk.store.close()


def report(payout: str, time: str, name: str | None = None) -> bytes:
    row = f"{payout},2026-10-01 {time},eur,10.00,0.30,9.70,charge"
    return f"{HEADER}\n{row}\n".encode() if name is None else f"source_id,{HEADER}\n{name},{row}\n".encode()


@pytest.mark.parametrize("payout", ["po_1", "--"], ids=["a name", "a name without letters or digits"])
@pytest.mark.parametrize("named_first", [True, False])
def test_a_settlement_finds_its_rows_whatever_it_is_called(stripe: Desk, payout: str, *, named_first: bool) -> None:
    reports = [report(payout, "10:00:00", "ch_1"), report(payout, "11:00:00")]
    for number, data in enumerate(reports if named_first else reports[::-1]):
        stripe.deliver_bytes(data, "payouts", f"payout_reconciliation_{number}.csv")
    assert stripe.records("external_id", "net", "settlement_id") == [("ch_1", 970, payout)]


@pytest.mark.parametrize("named_first", [True, False])
def test_decimals_do_not_hide_an_amount(desk: Desk, *, named_first: bool) -> None:
    unnamed = {"counted": True, "amount": 10_000, "exponent": 3, "booked_on": "2026-10-01", "payment_id": "P1"}
    deliveries = [charge("a", payment_id="P1"), unnamed]
    for row in deliveries if named_first else deliveries[::-1]:
        desk.deliver(row, source="psp" if row is unnamed else "hook")
    assert desk.records("external_id") == ["a"]


def test_more_than_one_file_and_version_is_looked_at(desk: Desk) -> None:
    """What was corrected is found where it stands now, and not where it stood."""
    desk.deliver(charge("a", amount=900, payment_id="P1"), charge("b", amount=700, payment_id="P2"))
    desk.deliver(charge("a", amount=1000, payment_id="P1"), source="psp")
    unnamed = {"counted": True, "booked_on": "2026-10-01", "payment_id": "P1"}
    outcome = desk.deliver(unnamed | {"amount": 900}, unnamed | {"amount": 1000}, source="hook")
    assert outcome.rows_new == 1
    assert desk.records("external_id", "amount") == [("a", 1000), ("b", 700), (None, 900)]
