"""Law 5: what Stripe moved is one statement, whichever of its channels tells of it first, last or twice."""

import itertools
import json
from pathlib import Path
from typing import Any

import pytest

from tests.depth import some_of
from tests.intake.conftest import Desk
from tieout.config import load_workspace

SOURCES = "".join(
    f'\n[[source]]\nid = "{name}"\nformat = "stripe.{form}"\n{whose}'
    for name, form, whose in (
        ("api", "objects", ""),
        ("events", "objects", 'accounts_of = "api"\n'),
        ("payouts", "payout_reconciliation", 'accounts_of = "api"\n'),
        ("balance", "balance", 'accounts_of = "api"\n'),
    )
)
SECONDS = 1_793_000_000
DAY = "2026-10-26 10:13:20"


def charge(presented: int, currency: str, authorised: int | None = None, **more: Any) -> dict[str, Any]:
    """A charge as the API answers it; with ``authorised`` only a part of it was captured."""
    return {
        "id": "ch_1", "object": "charge", "amount": authorised or presented, "amount_captured": presented,
        "balance_transaction": "txn_1", "captured": True, "created": SECONDS, "currency": currency, "paid": True,
        "payment_intent": "pi_1", "status": "succeeded",
    } | more  # fmt: skip


def refund(presented: int, currency: str) -> dict[str, Any]:
    return {
        "id": "re_1", "object": "refund", "amount": presented, "balance_transaction": "txn_1", "charge": "ch_1",
        "created": SECONDS, "currency": currency, "payment_intent": "pi_1", "status": "succeeded",
    }  # fmt: skip


def transaction(item: dict[str, Any], gross: int, fee: int) -> dict[str, Any]:
    return {
        "id": "txn_1", "object": "balance_transaction", "amount": gross, "available_on": SECONDS, "created": SECONDS,
        "currency": "eur", "fee": fee, "fee_details": [], "net": gross - fee, "reporting_category": item["object"],
        "source": item["id"], "status": "available", "type": item["object"],
    }  # fmt: skip


def channels(item: dict[str, Any], gross: int, fee: int) -> dict[str, bytes]:
    """Everything that Stripe may send of one object."""

    def major(minor: int) -> str:
        return f"{'-' if minor < 0 else ''}{abs(minor) // 100}.{abs(minor) % 100:02d}"

    moved = transaction(item, gross, fee)
    event = {
        "id": "evt_1", "object": "event", "api_version": "2024-06-20", "created": SECONDS + 5, "livemode": True,
        "pending_webhooks": 0, "type": f"{item['object']}.created", "data": {"object": item},
    }  # fmt: skip
    money = f"eur,{major(gross)},{major(fee)},{major(gross - fee)},{item['object']},{item['id']}"
    named = "currency,gross,fee,net,reporting_category,source_id"
    return {
        "events": json.dumps(event).encode(),
        "api": json.dumps(item).encode(),
        "api expanded": json.dumps(item | {"balance_transaction": moved}).encode(),
        "api transaction": json.dumps(moved).encode(),
        "balance": f"balance_transaction_id,created_utc,available_on_utc,{named}\ntxn_1,{DAY},{DAY},{money}\n".encode(),
        "payouts": (
            f"automatic_payout_id,automatic_payout_effective_at_utc,balance_transaction_id,created_utc,{named}\n"
            f"po_1,{DAY},txn_1,{DAY},{money}\n"
        ).encode(),
    }


CASES = {
    "one currency": (charge(1000, "eur"), 1000, 30),
    "seen in dollars": (charge(1100, "usd"), 1000, 30),
    "seen in yen": (charge(160_000, "jpy"), 1000, 30),
    "a part captured": (charge(600, "eur", 1000), 600, 30),
    "a part captured, seen in dollars": (charge(660, "usd", 1100), 600, 30),
    # The whole was booked, and the rest goes back by a balance transaction of its own.
    "a part captured, booked in full": (charge(600, "eur", 1000), 1000, 30),
    "a part captured, booked in full, seen in dollars": (charge(660, "usd", 1100), 1000, 30),
    "a refund seen in dollars": (refund(1100, "usd"), -1000, 0),
}
# Every pair of channels in both orders, and all of them turned round.
_NAMES = ("events", "api", "api expanded", "api transaction", "balance", "payouts")
_RICH = {"api expanded", "api transaction", "balance", "payouts"}
_PAIRS = [pair for pair in itertools.permutations(_NAMES, 2) if _RICH & set(pair)]
_TURNS = [(*_NAMES[n:], *_NAMES[:n]) for n in range(len(_NAMES))]


def opened_for_stripe(folder: Path) -> Desk:
    """Give a workspace with a source for each channel."""
    desk = Desk(folder)
    toml = desk.folder / "tieout.toml"
    toml.write_text(toml.read_text() + SOURCES)
    desk.workspace = load_workspace(desk.folder, {})
    return desk


def told(folder: Path, said: dict[str, bytes], order: tuple[str, ...]) -> tuple[list[Any], list[tuple[str, str]]]:
    """What stands after the channels have told of the object in some order."""
    desk = opened_for_stripe(folder)
    try:
        for name in order:
            outcome = desk.deliver_bytes(said[name], name.partition(" ")[0], f"{name}.json")
            assert (outcome.state, outcome.rows_quarantined) == ("accepted", 0), (name, outcome)
        return desk.records("currency", "exponent", "amount", "fee", "net", "account_id"), desk.findings()
    finally:
        desk.store.close()


@pytest.mark.parametrize("order", [("balance", "events"), _TURNS[0][::-1]])
def test_the_money_of_a_charge_does_not_depend_on_the_order_of_arrival(tmp_path: Path, order: tuple[str, ...]) -> None:
    item, gross, fee = CASES["a part captured, seen in dollars"]
    found, findings = told(tmp_path / "workspace", channels(item, gross, fee), order)
    assert found == [("EUR", 2, gross, fee, gross - fee, "api/EUR")]
    assert findings == []


@pytest.mark.parametrize("order", [("api", "balance"), ("payouts", "api expanded", "events")])
def test_a_charge_that_was_booked_in_full_though_a_part_was_captured_is_no_conflict(
    tmp_path: Path, order: tuple[str, ...]
) -> None:
    item, gross, fee = CASES["a part captured, booked in full"]
    found, findings = told(tmp_path / "workspace", channels(item, gross, fee), order)
    assert (found, findings) == ([("EUR", 2, gross, fee, gross - fee, "api/EUR")], [])


def test_what_was_neither_captured_nor_authorised_is_a_conflict_still(tmp_path: Path) -> None:
    said = channels(charge(600, "eur", 1000), 900, 30)
    found, findings = told(tmp_path / "workspace", said, ("api", "balance"))
    assert found == [("EUR", 2, 900, 30, 870, "api/EUR")]
    assert [note.partition(":")[0] for _, note in findings] == ["amount is reported as 6.00 and as 9.00"]


@pytest.mark.deep
@pytest.mark.parametrize("case", CASES)
@pytest.mark.parametrize("order", [*_PAIRS, *_TURNS])
def test_the_money_of_an_object_does_not_depend_on_the_order_of_arrival(
    tmp_path: Path, case: str, order: tuple[str, ...]
) -> None:
    item, gross, fee = CASES[case]
    found, findings = told(tmp_path / "workspace", channels(item, gross, fee), order)
    assert found == [("EUR", 2, gross, fee, gross - fee, "api/EUR")]
    assert findings == []


@pytest.mark.parametrize("order", [("events", "balance"), ("balance", "events")])
def test_another_amount_in_the_same_currency_is_a_conflict_in_any_order(tmp_path: Path, order: tuple[str, ...]) -> None:
    said = channels(charge(1000, "eur"), 1000, 30) | {"events": json.dumps(charge(1100, "eur")).encode()}
    found, findings = told(tmp_path / "workspace", said, order)
    assert found == [("EUR", 2, 1000, 30, 970, "api/EUR")]
    assert [reason for reason, _ in findings] == ["conflict"]
    assert findings[0][1].startswith("amount is reported as 10.00 and as 11.00")


# Every column but those of the delivery that the record was last told by.
WHOLE = (
    "kind", "status", "external_id", "payment_id", "settlement_id", "account_id", "booked_on", "value_on", "currency",
    "exponent", "amount", "fee", "fee_tax", "net", "original_amount", "original_currency", "original_exponent",
)  # fmt: skip


def payout() -> dict[str, Any]:
    return {
        "id": "po_1", "object": "payout", "amount": 581, "arrival_date": SECONDS + 2 * 86_400, "automatic": True,
        "balance_transaction": "txn_1", "created": SECONDS, "currency": "eur", "status": "paid",
    }  # fmt: skip


def whole(folder: Path, said: dict[str, bytes], order: tuple[str, ...]) -> list[Any]:
    desk = opened_for_stripe(folder)
    try:
        for name in order:
            desk.deliver_bytes(said[name], name.partition(" ")[0], f"{name}.json")
        [record] = desk.records(*WHOLE, "references")
        return [*record[:-1], sorted(record[-1])]
    finally:
        desk.store.close()


@pytest.mark.parametrize("order", [("api", "payouts"), ("payouts", "api")])
def test_a_payout_arrives_when_its_object_says(tmp_path: Path, order: tuple[str, ...]) -> None:
    found = whole(tmp_path / "w", channels(payout(), -581, 0), order)
    assert found[WHOLE.index("value_on")].isoformat() == "2026-10-28"
    assert found[WHOLE.index("settlement_id")] == "po_1"


@pytest.mark.parametrize("order", [("api", "api transaction"), ("api transaction", "api")])
def test_what_the_customer_saw_is_kept_when_the_balance_transaction_comes_alone(
    tmp_path: Path, order: tuple[str, ...]
) -> None:
    found = whole(tmp_path / "w", channels(charge(1100, "usd"), 1000, 30), order)
    seen = [found[WHOLE.index(name)] for name in ("original_amount", "original_currency", "original_exponent")]
    assert seen == [1100, "USD", 2]
    assert "txn_1" in found[-1]


ITEMS = {
    "charge": (charge(1000, "eur"), 1000, 30),
    "seen in yen": (charge(160_000, "jpy"), 1000, 30),
    "refund": (refund(1100, "usd"), -1000, 0),
    "payout": (payout(), -581, 0),
}


@pytest.mark.deep
@pytest.mark.parametrize("case", ITEMS)
def test_no_field_of_an_object_depends_on_the_order_of_arrival(tmp_path: Path, case: str) -> None:
    said = channels(*ITEMS[case])
    for n, names in enumerate([("events", "api transaction", "payouts"), ("api", "balance", "payouts")]):
        found = [
            whole(tmp_path / f"{n}-{'-'.join(order)}", said, order)
            for order in some_of(itertools.permutations(names), 3)
        ]
        assert [one for one in found if one != found[0]] == []


_DISPUTED = {
    "id": "dp_1", "object": "dispute", "amount": 1000, "charge": "ch_1", "created": SECONDS, "currency": "eur",
    "status": "needs_response",
}  # fmt: skip
_TAKEN = {
    "id": "txn_9", "object": "balance_transaction", "amount": -1000, "available_on": SECONDS, "created": SECONDS,
    "currency": "eur", "fee": 1500, "fee_details": [], "net": -2500, "source": "ch_1", "type": "adjustment",
}  # fmt: skip
# The same two lines by channels with categories and by channels of before there were any: a dispute and a fee of Stripe's.
_UNTOLD = {
    "balance": (
        "id,Type,Source,Amount,Fee,Net,Currency,Created (UTC),Available On (UTC),Description\n"
        f"txn_9,adjustment,ch_1,-10.00,15.00,-25.00,eur,{DAY},{DAY},x\n"
        f"txn_8,adjustment,,-2.00,0.00,-2.00,eur,{DAY},{DAY},y\n"
    ).encode(),
    "balance by category": (
        "balance_transaction_id,created_utc,available_on_utc,currency,gross,fee,net,reporting_category,source_id,charge_id\n"
        f"txn_9,{DAY},{DAY},eur,-10.00,15.00,-25.00,dispute,dp_1,ch_1\n"
        f"txn_8,{DAY},{DAY},eur,-2.00,0.00,-2.00,fee,,\n"
    ).encode(),
    "payouts": (
        "automatic_payout_id,automatic_payout_effective_at_utc,balance_transaction_id,created_utc,currency,gross,fee,net,"
        f"reporting_category,source_id,charge_id\npo_1,{DAY},txn_9,{DAY},eur,-10.00,15.00,-25.00,dispute,dp_1,ch_1\n"
        f"po_1,{DAY},txn_8,{DAY},eur,-2.00,0.00,-2.00,fee,,\n"
    ).encode(),
    "api": json.dumps(_TAKEN).encode(),
    "events": json.dumps(
        {"id": "evt_1", "object": "event", "created": SECONDS + 5, "api_version": "2016-03-07"}
        | {"data": {"object": _DISPUTED | {"balance_transactions": [_TAKEN]}}}
    ).encode(),
}


@pytest.mark.parametrize(
    "order",
    [
        *itertools.permutations(("balance", "payouts")),
        *itertools.permutations(("balance", "balance by category")),
        *itertools.permutations(("api", "events")),
        ("payouts", "events", "api", "balance"),
        ("balance", "events", "payouts", "api"),
    ],
)
def test_who_knows_a_dispute_only_as_an_adjustment_neither_corrects_nor_contradicts_who_knows_more(
    tmp_path: Path, order: tuple[str, ...]
) -> None:
    desk = opened_for_stripe(tmp_path / "workspace")
    try:
        for name in order:
            desk.deliver_bytes(_UNTOLD[name], name.partition(" ")[0], name)
        lines = {row[0]: row[1:] for row in desk.records("identity", "kind", "external_id", "net")}
        assert lines["txn_9"] == ("dispute", "dp_1", -2500)
        assert lines.get("txn_8", ("fee", "txn_8", -200)) == ("fee", "txn_8", -200)
        assert desk.findings() == []
    finally:
        desk.store.close()


# A payout of before 2017, which only its object tells from a transfer to another account.
_OLD_PAYOUT = {
    "balance": (
        "id,Type,Source,Amount,Fee,Net,Currency,Created (UTC),Available On (UTC),Description\n"
        f"txn_9,transfer,tr_1,-25.00,0.00,-25.00,eur,{DAY},{DAY},x\n"
    ).encode(),
    "api": json.dumps(_TAKEN | {"type": "transfer", "source": "tr_1", "amount": -2500, "fee": 0}).encode(),
    "events": json.dumps(
        {"id": "evt_1", "object": "event", "created": SECONDS + 5, "api_version": "2016-03-07"}
        | {
            "data": {
                "object": {
                    "id": "tr_1", "object": "transfer", "type": "bank_account", "destination": "ba_1", "amount": 2500,
                    "balance_transaction": "txn_9", "created": SECONDS, "currency": "eur", "status": "paid",
                }
            }
        }
    ).encode(),
}  # fmt: skip


@pytest.mark.parametrize("order", [*itertools.permutations(_OLD_PAYOUT)])
def test_a_payout_that_others_call_a_transfer_is_one_whoever_comes_last(tmp_path: Path, order: tuple[str, ...]) -> None:
    desk = opened_for_stripe(tmp_path / "workspace")
    try:
        for name in order:
            desk.deliver_bytes(_OLD_PAYOUT[name], name, name)
        assert desk.records("identity", "kind", "external_id", "settlement_id", "net") == [
            ("tr_1", "payout", "tr_1", "tr_1", -2500)
        ]
        assert desk.findings() == []
    finally:
        desk.store.close()


def test_a_correction_of_a_kind_by_another_platform_stands(tmp_path: Path) -> None:
    desk = Desk(tmp_path / "workspace")
    try:
        for kind in ("dispute", "adjustment"):
            line = {"kind": kind, "identity": "1", "external_id": "1", "amount": -5, "booked_on": "2026-10-01"}
            desk.deliver(line)
        assert desk.records("kind") == ["adjustment"]
    finally:
        desk.store.close()
