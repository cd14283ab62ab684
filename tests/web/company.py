"""
The sample company with results: its files really ingested, its matches, positions and work list written by hand.

The engine that will write them is not asked: these tests are about what the console shows of what stands in the book
and in the lake.
"""

import datetime as dt
import json
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa
import sqlalchemy as sa

from tieout import pipeline
from tieout.cli._tutorial import _copy
from tieout.clock import FixedClock, FixedEntropy
from tieout.config import Workspace, load_workspace
from tieout.observe.proofs.proof import AccountProof, Movement, ProofItem, ProofSide
from tieout.store import schema
from tieout.store.engine import connect
from tieout.store.lake import LakeFile
from tieout.store.tables import RESULTS
from tieout.store.views import current_records
from tieout.store.workplace import Store, files_at, open_store

EPOCH = dt.date(1970, 1, 1)


@dataclass(slots=True)
class Office:
    """The sample company, open."""

    workspace: Workspace
    store: Store
    clock: FixedClock

    def records(self, condition: str) -> list[dict[str, Any]]:
        """Read records that stand."""
        with self.store.book.reading() as connection:
            files = files_at(connection, ("records", "superseded"))
        relation = current_records(self.store.lake, files["records"], files["superseded"])
        self.store.spill.mkdir(parents=True, exist_ok=True)
        with closing(connect(self.store.spill)) as con:
            rows = con.sql(
                f"select * exclude (seen_at, occurred_at) from {relation} where {condition} order by booked_on, record_id"
            )
            return [dict(zip(rows.columns, values, strict=True)) for values in rows.fetchall()]

    def run(self, name: str, kind: str = "rules", *, provisional: bool = False, **tables: list[dict[str, Any]]) -> None:
        """Commit a run with result files; ``matches`` and so on are lists of rows, absent columns are null."""
        files: list[LakeFile] = []
        for table, rows in tables.items():
            own = RESULTS[table]
            filled = [{field.name: row.get(field.name) for field in own} for row in rows]
            with self.store.lake.writer(table, own, name) as writer:
                writer.write(pa.Table.from_pylist(filled, schema=own))
            files.append(writer.file)
        with self.store.book.writing() as connection:
            sequence = (connection.scalar(sa.select(sa.func.max(schema.run.c.sequence))) or 0) + 1
            row: dict[str, Any] = {
                "run_id": name,
                "sequence": sequence,
                "kind": kind,
                "reconciliation": "payouts",
                "facts_version": 1,
            }
            row |= {"heads": "{}", "inputs": "{}", "at": self.store.now_us(), "actor": "tester", "program": "test"}
            connection.execute(sa.insert(schema.run).values(**row, counts="{}", digest=name))
            for file in files:
                known = {c.name for c in schema.run_file.columns} & set(LakeFile.__dataclass_fields__)
                stored = {name: getattr(file, name) for name in known}
                connection.execute(sa.insert(schema.run_file).values(**stored, run_id=name, provisional=provisional))

    def open_items(self, *rows: dict[str, Any]) -> None:
        """Put rows on the work list."""
        with self.store.book.writing() as connection:
            ids = [row["exception_id"] for row in rows]  # ingest may have listed the same
            connection.execute(sa.delete(schema.worklist).where(schema.worklist.c.exception_id.in_(ids)))
            connection.execute(sa.insert(schema.worklist), [{**_BLANK, **row} for row in rows])


_BLANK: dict[str, Any] = {
    **{c.name: None for c in schema.stored_columns(schema.worklist)},
    "state": "open",
    "note": "",
    "candidates": "[]",
    "opened_at": 1_793_500_000_000_000,
}


def claim(record: dict[str, Any], match: bytes, side: str, name: str, **more: Any) -> dict[str, Any]:
    """Write a row of a match that uses a record up."""
    amount = record["net"] if name == "settlement" and record["net"] is not None else record["amount"]
    row: dict[str, Any] = {"match_id": match, "reconciliation": "payouts", "rule": "settlement id in the bank's text"}
    row |= {"status": "confirmed", "side": side, "claim": name, "record_id": record["record_id"], "amount": amount}
    row |= {"record_key": record["record_key"], "version": record["version"], "allocated": amount, "difference": 0}
    row |= {"currency": record["currency"], "exponent": record["exponent"], "score": 100, "margin": 60}
    return row | {"evidence": json.dumps({"amount": {"left": "1", "right": "1", "agree": True}}), **more}


def position(record: dict[str, Any], state: str, name: str = "settlement", **more: Any) -> dict[str, Any]:
    """Write a row that says what no match uses up of a record."""
    amount = record["net"] if name == "settlement" and record["net"] is not None else record["amount"]
    row: dict[str, Any] = {
        "reconciliation": "payouts",
        "claim": name,
        "side": "left",
        "record_id": record["record_id"],
        "state": state,
    }
    row |= {"record_key": record["record_key"], "version": record["version"], "amount": amount}
    return row | {"currency": record["currency"], "exponent": record["exponent"], **more}


def listed(record: dict[str, Any], number: int, reason: str, **more: Any) -> dict[str, Any]:
    """Write a row of the work list about a record."""
    names = ("source_id", "entity_id", "account_id", "external_id", "kind", "amount", "currency", "exponent")
    row: dict[str, Any] = {name: record[name] for name in (*names, "counterparty", "settlement_id")}
    day = None if record["booked_on"] is None else (record["booked_on"] - EPOCH).days
    row |= {"exception_id": f"{number:016x}", "reason": reason, "record_id": bytes(record["record_id"]).hex()}
    row |= {"booked_day": day, "weight": abs(record["amount"] or 0), "reconciliation": "payouts"}
    return row | more


def found_office(folder: Path) -> Office:
    """Found the company without any file."""
    _copy(folder)
    clock = FixedClock(dt.datetime(2026, 11, 2, 9, 14, tzinfo=dt.UTC))
    workspace = load_workspace(folder)
    return Office(workspace, open_store(workspace, clock, FixedEntropy(), "tester"), clock)


def ingested(folder: Path) -> Office:
    """Found the company and read its files."""
    office = found_office(folder)
    assert len(list(pipeline.ingest(office.store, office.workspace))) == 12
    return office


def matched(folder: Path) -> Office:
    """Found the company, read its files, and write what an engine would have found."""
    office = ingested(folder)
    payouts = office.records("kind = 'payout' and currency = 'EUR'")
    bank = office.records("kind = 'bank_entry' and currency = 'EUR' and status = 'booked'")
    pairs = [(p, b) for p in payouts for b in bank if b["amount"] == -p["amount"]]
    assert pairs
    rows, positions = [], []
    for number, (payout, line) in enumerate(pairs):
        match = bytes([number + 1]) * 16
        rows += [claim(payout, match, "left", "settlement"), claim(line, match, "right", "bank")]
    used = {bytes(record["record_id"]) for pair in pairs for record in pair}
    open_bank = [line for line in bank if bytes(line["record_id"]) not in used]
    # by name, because ids are made of content; the first one is the one that two answers fit
    open_bank.sort(key=lambda line: line["external_id"] != "B26A01")
    waits = [payout for payout in payouts if bytes(payout["record_id"]) not in used]
    positions += [position(payout, "in_transit", expected_on=dt.date(2026, 11, 3)) for payout in waits]
    waiting = office.records("kind in ('charge', 'refund', 'dispute') and settlement_id is null")
    positions += [position(line, "in_transit", expected_on=dt.date(2026, 11, 4)) for line in waiting]
    positions += [position(line, "exception", "bank", side="right") for line in open_bank[:3]]
    office.run("run-1", matches=rows, positions=positions)
    items = [listed(line, 100 + n, "missing_left", note=_NOTE) for n, line in enumerate(open_bank[1:3])]
    items.append(_two_fit(open_bank[0], open_bank[1:3]))
    gap = {"exception_id": "d5f2d3dc48697eef", "reason": "incomplete", "source_id": "bank-second", "amount": 219670}
    gap |= {"account_id": "bank-second-eur", "currency": "EUR", "exponent": 2, "weight": 219670, "booked_day": 20754}
    items.append(gap | {"note": "expected statement 00214 to open with 11488.10 EUR, got 13684.80 EUR"})
    office.open_items(*items)
    return office


_NOTE = "no payout and no open item has this amount, and no identifier of it is known"


def _two_fit(line: dict[str, Any], others: list[dict[str, Any]]) -> dict[str, Any]:
    candidates = [
        {
            "source": other["source_id"],
            "external_id": other["external_id"],
            "record_id": bytes(other["record_id"]).hex(),
            "amount": "12.50",
            "score": 80 - 10 * number,
            "why": {
                "amount": {"left": "12.50", "right": "12.50", "agree": True},
                "name": {"left": "Ann", "right": "Anna", "agree": False},
            },
        }
        for number, other in enumerate(others)
    ]
    return listed(line, 200, "ambiguous", note="two answers fit equally well", candidates=json.dumps(candidates))


def crowd(office: Office, count: int) -> None:
    """Put many invented items on the work list, some with what a page must not obey."""
    rows = []
    for number in range(count):
        row: dict[str, Any] = {
            "exception_id": f"{number:08x}c0ffee00",
            "reason": ("late", "ambiguous", "conflict")[number % 3],
        }
        row |= {
            "kind": "bank_entry",
            "external_id": f"TX-{number:05}",
            "counterparty": _STRANGE[number % len(_STRANGE)],
        }
        row |= {"amount": 100_000 - number * 7, "weight": 100_000 - number * 7, "currency": "EUR", "exponent": 2}
        row |= {"booked_day": 20_700 + number % 50, "source_id": "bank-main", "account_id": "bank-main-eur"}
        rows.append(row | {"entity_id": "acme-de", "note": "what a bank wrote: " + _STRANGE[number % len(_STRANGE)]})
    office.open_items(*rows)


#: Names as a bank could pass them on: markup, a terminal's escapes, a change of direction, something very long.
_STRANGE = (
    "Globex",
    "<script>document.title='owned'</script>",
    "\x1b[2J\x1b]0;owned\x07",
    "\u202eetisoppo",
    '"><img src=x onerror=alert(1)>',
    "{{ 7 * 7 }}",
    "Donaudampfschifffahrtsgesellschaftskapitänswitwenrentenversicherung" * 2,
)


def proof_of(account_id: str, as_of: dt.date | None, known_at: dt.datetime | None) -> AccountProof | None:
    """Prove two of the accounts: one to the cent, one not."""
    if account_id not in ("bank-main-eur", "bank-second-eur"):
        return None
    ties = account_id == "bank-main-eur"
    return AccountProof(
        account_id=account_id,
        entity_id="acme-de",
        kind="bank",
        currency="EUR",
        exponent=2,
        as_of=as_of or dt.date(2026, 10, 30),
        known_at=known_at or dt.datetime(2026, 11, 2, 9, 14, tzinfo=dt.UTC),
        outside=ProofSide(
            source="Statement 212 of 29 Oct",
            balance=4_565_030,
            items=(
                ProofItem(label="in transit to the bank", amount=9_710, reference="po_1QF2a9LkdIwHu7ixPt01"),
                ProofItem(label="payments not yet presented", amount=-400_000, count=2),
            ),
        ),
        ledger=ProofSide(
            source="Account 1200 in the ledger",
            balance=4_176_240 if ties else 4_123_362,
            items=(ProofItem(label="bank charge not yet booked", amount=-1_500, booked_on=dt.date(2026, 10, 29)),),
        ),
        opening=4_300_000,
        opened_on=dt.date(2026, 9, 30),
        movements=(
            Movement(kind="payout", count=41, amount=280_000, state="tied"),
            Movement(kind="bank_charge", count=1, amount=-1_500, state="on its way"),
            Movement(kind="disbursement", count=7, amount=-13_470, state="tied" if ties else "unexplained"),
        ),
        ledger_account="1200",
        reported=4_565_030,
        reported_on=dt.date(2026, 10, 29),
    )
