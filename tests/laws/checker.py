"""
Holds the matches that stand against the laws, row by row, in plain Python: the engine's own answers are never asked.

``broken(world)`` lists what does not hold; empty when everything does.
"""

from collections import defaultdict
from collections.abc import Iterable
from typing import Any

from tests.matching.worlds import World, nine
from tieout.matching.grammar.rules import REASONS
from tieout.model.kinds import KINDS
from tieout.model.money import exponent_of

__all__ = ["EXCEPTION_REASONS", "broken", "broken_rows"]

#: As interface.md lists them, and what a rule only proposes.
EXCEPTION_REASONS = {
    *("missing_left", "missing_right", "amount_difference", "ambiguous", "undecided", "duplicate", "conflict", "late"),
    *("incomplete", "balance_difference", "ledger_difference", "currency_mismatch", "fee_variance", "closed_period"),
    *("impossible_transition", "refund_without_credit_note", "returned", "unknown_account", "master_data"),
    *("unreadable", "not_fulfilled", "not_captured", "rejected", "proposed"),
}
#: What leaves one place of ours and arrives at another with the other sign (architecture.md, signs).
_TURNED = {"payout", "payout_reversal", "top_up", "sweep", "internal_transfer"}
_NINE = 9
Row = dict[str, Any]


def broken(world: World, *, polarity: str = "same") -> list[str]:
    """Say what does not hold in a world at rest."""
    records = {row["record_id"]: row for row in world.records()}
    matches, adjustments = world.rows(), world.rows("adjustments")
    found = broken_rows(records, matches, adjustments, polarity=polarity)
    found += [
        f"an exception for {e['external_id']} has the reason {e['reason']}"
        for e in world.exceptions()
        if e["reason"] not in EXCEPTION_REASONS
    ]
    return [*found, *_positions_that_do_not_add_up(records, matches, world.positions())]


def broken_rows(
    records: dict[bytes, Row], matches: list[Row], adjustments: list[Row], *, polarity: str = "same"
) -> list[str]:
    """Hold rows of matches and of adjustments against the records that stand."""
    return [
        *_beyond_the_measure(records, matches),
        *_entry_and_part(records, matches),
        *_unexplained(records, matches, adjustments, polarity),
    ]


def measure(record: Row, claim: str) -> int:
    """Say how much a claim measures of a record, at nine decimals: of a payout what arrives, without the fee of paying out."""
    is_net = claim == "settlement" and record["kind"] not in {"payout", "payout_reversal", "top_up"}
    amount = record["net"] if is_net and record["net"] is not None else record["amount"]
    exponent = exponent_of(record["currency"]) if record["exponent"] is None else record["exponent"]
    return nine(amount, exponent)


def _confirmed(matches: Iterable[Row]) -> list[Row]:
    return [row for row in matches if row["status"] == "confirmed"]


def _beyond_the_measure(records: dict[bytes, Row], matches: list[Row]) -> list[str]:
    """Law 6: per claim no record is ever allocated beyond what the claim measures."""
    used: dict[tuple[str, bytes], int] = defaultdict(int)
    found = []
    for row in _confirmed(matches):
        record = records.get(row["record_id"])
        if record is None:
            found.append(f"{row['external_id']} is matched and does not stand")
            continue
        if row["claim"] not in KINDS[record["kind"]].claims:
            found.append(f"{row['external_id']}, a {record['kind']}, has no claim {row['claim']}")
        if row["currency"] != record["currency"]:
            found.append(f"{row['external_id']} of {record['currency']} is matched in {row['currency']}")
        if nine(row["amount"], row["exponent"]) != measure(record, row["claim"]):
            found.append(f"{row['external_id']} is matched at {row['amount']}, and measures something else")
        if row["allocated"] == 0 or (row["allocated"] < 0) != (measure(record, row["claim"]) < 0):
            found.append(f"{row['external_id']}: {row['allocated']} is no part of {measure(record, row['claim'])}")
        used[row["claim"], row["record_id"]] += nine(row["allocated"], row["exponent"])
    for (claim, record_id), taken in used.items():
        record = records.get(record_id)
        if record is not None and abs(taken) > abs(measure(record, claim)):
            found.append(f"{record['external_id']}: {taken} of {measure(record, claim)} is used up as {claim}")
    return found


def _entry_and_part(records: dict[bytes, Row], matches: list[Row]) -> list[str]:
    """A match uses a bank's entry or the transactions inside it, never both."""
    used = {row["record_id"] for row in _confirmed(matches) if row["claim"] == "bank"}
    mine = [records[i] for i in used if i in records]
    entries = {(r["external_id"], r["account_id"]) for r in mine if r["kind"] == "bank_entry"}
    return [
        f"{r['external_id']} is matched, and so is the entry {r['parent_external_id']} that it is a part of"
        for r in mine
        if r["kind"] == "bank_detail" and (r["parent_external_id"], r["account_id"]) in entries
    ]


def _turned(row: Row, record: Row, polarity: str) -> int:
    amount = nine(row["allocated"], row["exponent"])
    if polarity == "by kind" and record["kind"] in _TURNED:
        return -amount
    return -amount if polarity == "opposite" and row["side"] == "right" else amount


def _unexplained(records: dict[bytes, Row], matches: list[Row], adjustments: list[Row], polarity: str) -> list[str]:
    """Law 10: what both sides differ by is what the match says, and is split into adjustments with a reason."""
    bundles: dict[bytes, list[Row]] = defaultdict(list)
    for row in matches:
        bundles[row["match_id"]].append(row)
    reasons: dict[bytes, list[Row]] = defaultdict(list)
    for row in adjustments:
        reasons[row["match_id"]].append(row)
    found = [f"an adjustment has the reason {row['reason']}" for row in adjustments if row["reason"] not in REASONS]
    found += [
        f"an adjustment belongs to no match: {row['reason']}" for row in adjustments if row["match_id"] not in bundles
    ]
    for match_id, rows in bundles.items():
        names = sorted(row["external_id"] for row in rows)
        said = {nine(row["difference"], row["exponent"]) for row in rows}
        explained = sum(nine(row["amount"], row["exponent"]) for row in reasons[match_id])
        if len({row["currency"] for row in rows}) > 1:
            if not reasons[match_id] and said != {0}:
                found.append(f"{names}: a difference in rates has no reason")
            continue
        if any(row["record_id"] not in records for row in rows):
            continue
        turned = [(row["side"], _turned(row, records[row["record_id"]], polarity)) for row in rows]
        sides = {side for side, _ in turned}
        real = sum(amount if side == "left" or len(sides) == 1 else -amount for side, amount in turned)
        if rows[0]["rule"].startswith("held back"):
            real = sum(amount for _, amount in turned)
        if {real} != said:
            found.append(f"{names}: both sides differ by {real}, the match says {sorted(said)}")
        if explained != real:
            found.append(f"{names}: {real} differ, {explained} are explained")
    return found


def _positions_that_do_not_add_up(records: dict[bytes, Row], matches: list[Row], positions: list[Row]) -> list[str]:
    """Per claim and record, positions add up to what the claim measures."""
    told: dict[tuple[str, bytes], int] = defaultdict(int)
    for row in positions:
        told[row["claim"], row["record_id"]] += nine(row["amount"], row["exponent"])
    found = []
    for (claim, record_id), amount in told.items():
        record = records.get(record_id)
        if record is None or amount != measure(record, claim):
            name = record["external_id"] if record else record_id.hex()
            found.append(
                f"{name}: positions of {claim} add up to {amount}, it measures {record and measure(record, claim)}"
            )
    matched = {(row["claim"], row["record_id"]) for row in _confirmed(matches)}
    return [
        *found,
        *(
            f"{records[r]['external_id']}: matched as {c}, and has no position"
            for c, r in matched - set(told)
            if r in records
        ),
    ]
