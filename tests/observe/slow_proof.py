"""
The proof of an account, derived slowly from exported tables, in decimals: it shares nothing with the product's.
"""

import datetime as dt
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

Row = Mapping[str, Any]
_ZERO = Decimal(0)
_NOT_MONEY = {
    *("order", "fulfilment", "invoice", "credit_note", "deposit", "bill", "bill_credit", "receipt", "disbursement"),
    *("write_off", "bank_detail", "authorisation", "capture", "void", "payment_order", "payment_status"),
}


@dataclass
class SlowProof:
    """What a proof must say."""

    closing: Decimal
    reported: Decimal | None
    reported_on: dt.date | None
    ledger: Decimal
    carried: Decimal
    #: {(side, record id or match id): what stands there for it}
    items: dict[tuple[str, str], Decimal] = field(default_factory=dict)


def effect(row: Row) -> Decimal:
    """What a line does to the balance of its account."""
    if row["kind"] in {"bank_entry", "journal_line"} or row["net"] is None:
        return Decimal(row["amount"])
    return Decimal(row["net"])


def slow_proof(
    records: Sequence[Row], balances: Sequence[Row], matches: Sequence[Row], account: Any, ledger: Any, until: dt.date
) -> SlowProof:
    """Add up line by line what stands in an account and in its ledger account by a day."""

    def lines_of(account_id: str) -> list[Row]:
        return [r for r in records if r["account_id"] == account_id and r["kind"] not in _NOT_MONEY]

    outside, inside = lines_of(account.id), lines_of(ledger.id)
    closing = account.opening.amount.decimal + sum((effect(r) for r in outside if _booked(r) <= until), _ZERO)
    stands = ledger.opening.amount.decimal + sum((effect(r) for r in inside if _booked(r) <= until), _ZERO)
    # what a settlement carries over into the next one never leaves the platform that reports no balances
    carries = not any(b["account_id"] == account.id for b in balances)
    over = [r for r in outside if carries and r["kind"] == "balance_transfer"]
    outside = [r for r in outside if r not in over]
    told = [b for b in balances if b["account_id"] == account.id and b["kind"] == "closing" and _booked(b) <= until]
    last = max(told, key=_booked, default=None)
    proof = SlowProof(
        closing=closing,
        reported=None if last is None else Decimal(last["amount"]),
        reported_on=None if last is None else _booked(last),
        ledger=stands,
        carried=-sum((effect(r) for r in over if _booked(r) <= until), _ZERO),
    )
    proof.items = _items(outside, inside, matches, until)
    return proof


def _booked(row: Row) -> dt.date:
    return dt.date.fromisoformat(row["booked_on"])


def _items(
    outside: Sequence[Row], inside: Sequence[Row], matches: Sequence[Row], until: dt.date
) -> dict[tuple[str, str], Decimal]:
    """Find what each side lacks: what no match has used up whose lines were all booked by the day."""
    items: dict[tuple[str, str], Decimal] = {}
    members: defaultdict[str, list[Row]] = defaultdict(list)
    for row in matches:
        if row["claim"] == "booking" and row["status"] == "confirmed":
            members[row["match_id"]].append(row)
    days = {r["record_id"]: _booked(r) for r in (*outside, *inside)}
    counted = {
        match_id for match_id, rows in members.items()
        if all(r["record_id"] in days and days[r["record_id"]] <= until for r in rows)
    }  # fmt: skip
    used: dict[str, Decimal] = defaultdict(lambda: _ZERO)
    for match_id in counted:
        for row in members[match_id]:
            used[row["record_id"]] += Decimal(row["allocated"])
    for side, lines in (("ledger", outside), ("outside", inside)):
        for row in lines:
            left = effect(row) - used[row["record_id"]]
            if _booked(row) <= until and left:
                items[side, row["record_id"]] = left
    own = {r["record_id"] for r in outside}
    for match_id in counted:
        signs = [(1 if r["record_id"] in own else -1) * Decimal(r["allocated"]) for r in members[match_id]]
        if sum(signs):
            items["ledger", match_id] = sum(signs, _ZERO)
    return items
