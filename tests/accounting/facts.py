"""Facts and matches of a small company, written in a line each, and its draft journals as text."""

import datetime as dt
import hashlib
import tempfile
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa

from tieout.accounting.drafting import JournalDrafts, draft_journals
from tieout.accounting.reading import read_postings
from tieout.config import Workspace, read_workspace
from tieout.config.rates import Rates, read_rates
from tieout.model.money import exponent_of, format_minor, parse_money
from tieout.store.engine import open_engine
from tieout.store.tables import RESULTS, table_schema

TOML = """
[workspace]
name = "Acme"
base_currency = "EUR"

[[entity]]
id = "acme"
name = "Acme GmbH"
currency = "EUR"

[[source]]
id = "psp"
format = "stripe.payout_reconciliation"

[[source]]
id = "bank"
format = "camt.053"

[[source]]
id = "shop"
format = "stripe.objects"

[[account]]
id = "psp-eur"
source = "psp"
kind = "platform"
currency = "EUR"
ledger_account = "1361"

[[account]]
id = "bank-eur"
source = "bank"
kind = "bank"
currency = "EUR"
ledger_account = "1800"

[[ledger]]
id = "books"
entity = "acme"
system = "files"
"""

ACCOUNTS = """
[accounts]
platform_clearing = "1360"
bank = "1810"
reserve = "1365"
cash_in_transit = "1460"
receivable = "1400"
payable = "3300"
customer_deposits = "3250"
supplier_deposits = "1510"
disputed_receivable = "1410"
sales = "4400"
output_vat = "3806"
input_vat = "1406"
fee_expense = "6855"
fee_income = "4830"
dispute_fees = "6856"
dispute_losses = "6930"
bank_charges = "6850"
interest_income = "7100"
interest_expense = "7300"
withholding_tax = "1420"
withholding_tax_payable = "3780"
platform_loans = "3560"
discounts_allowed = "4730"
discounts_received = "5730"
short_payments = "6931"
over_payments = "4831"
write_offs = "6932"
fx_clearing = "1461"
fx_gain = "4840"
fx_loss = "6880"
rounding = "6960"
"""


def identity(name: str) -> bytes:
    return hashlib.sha256(name.encode()).digest()[:16]


def day(text: str) -> dt.date:
    return dt.date.fromisoformat(f"2026-{text}")


@dataclass(slots=True)
class Facts:
    """What stands in the lake: rows as the lake has them. An amount is decimal text with its currency."""

    workspace: Workspace = field(default_factory=lambda: read_workspace(TOML, Path("/acme"), {}))
    texts: dict[str, str] = field(default_factory=lambda: {"postings/acme.toml": ACCOUNTS})
    rates: str = ""
    records: list[dict[str, Any]] = field(default_factory=list)
    matches: list[dict[str, Any]] = field(default_factory=list)
    adjustments: list[dict[str, Any]] = field(default_factory=list)
    outcomes: list[dict[str, Any]] = field(default_factory=list)

    def record(self, name: str, kind: str, amount: str, on: str = "10-05", **more: Any) -> str:
        """Add a record: ``record("ch_1", "charge", "100.00 EUR", fee="3.20")``; its name is its external id."""
        number, currency = amount.split()
        money = parse_money(number, currency)
        at = {"bank_entry": "bank", "bank_detail": "bank"}.get(kind, "psp")
        if kind in {"invoice", "credit_note", "deposit", "bill", "bill_credit", "receipt"}:
            at = "shop"
        row: dict[str, Any] = {
            "record_id": identity(name),
            "record_key": int.from_bytes(identity(name)[:8], "big", signed=True),
            "version": 1,
            "source_id": at,
            "entity_id": "acme",
            "account_id": f"{at}-{currency.lower()}" if at != "shop" else "shop/" + currency,
            "kind": kind,
            "status": "booked",
            "booked_on": day(on),
            "amount": money.minor,
            "currency": currency,
            "exponent": money.exponent,
            "external_id": name,
            "counterparty": None,
        }
        for key in ("fee", "fee_tax", "tax"):
            if key in more:
                row[key] = parse_money(more.pop(key), currency).scaled(money.exponent)
        row["net"] = money.minor - row.get("fee", 0) - row.get("fee_tax", 0)
        self.records.append(row | more)
        return name

    def match(self, name: str, left: Mapping[str, str | None], right: Mapping[str, str | None], **more: Any) -> str:
        """
        Add a match: each side is record to what is allocated of it (None: all), with the claim by its kind.

        ``differences={"discount": "2.00 EUR"}`` or ``{"fee": ("3.20 EUR", "0.20")}`` adds adjustments.
        """
        known = {row["external_id"]: row for row in self.records}
        kinds = {known[one]["kind"] for one in (*left, *right)}
        for side, things in (("left", left), ("right", right)):
            for thing, allocated in things.items():
                row = known[thing]
                claim = more.get(f"{side}_claim") or self._claim(row["kind"], kinds)
                measured = row["net"] if claim == "settlement" else row["amount"]
                used = (
                    measured if allocated is None else parse_money(allocated, row["currency"]).scaled(row["exponent"])
                )
                self.matches.append(
                    {
                        "match_id": identity(name),
                        "reconciliation": "r",
                        "rule": "rule",
                        "status": more.get("status", "confirmed"),
                        "side": side,
                        "claim": claim,
                        "amount": measured,
                        "allocated": used,
                        **{k: row[k] for k in ("record_id", "record_key", "version", "currency", "exponent")},
                    }
                )
        for reason, said in more.get("differences", {}).items():
            text, tax = said if isinstance(said, tuple) else (said, "0")
            number, currency = text.split()
            money = parse_money(number, currency)
            self.adjustments.append(
                {
                    "match_id": identity(name),
                    "reason": reason,
                    "amount": money.minor,
                    "tax_amount": parse_money(tax, currency).scaled(money.exponent),
                    "currency": currency,
                    "exponent": money.exponent,
                }
            )
        return name

    @staticmethod
    def _claim(kind: str, kinds: Iterable[str]) -> str:
        documents = {"invoice", "credit_note", "deposit", "bill", "bill_credit", "receipt"}
        if kind in documents:
            return "document"
        if kind in {"bank_entry", "bank_detail"}:
            return "bank"
        if documents & set(kinds):
            return "payment"
        return "transfer" if kind in {"payout", "payout_reversal", "top_up", "conversion"} else "settlement"

    def connection(self, threads: int = 2) -> duckdb.DuckDBPyConnection:
        con = open_engine()
        con.execute(f"set threads = {threads}")
        tables = {
            "records": pa.Table.from_pylist(self.records, schema=table_schema("records")),
            "matches": pa.Table.from_pylist(self.matches, schema=RESULTS["matches"]),
            "adjustments": pa.Table.from_pylist(self.adjustments, schema=RESULTS["adjustments"]),
        }
        if self.outcomes:
            schema = {"record_id": pa.binary(16), "outcome": pa.string(), "decided_on": pa.date32()}
            tables["outcomes"] = pa.Table.from_pylist(self.outcomes, schema=pa.schema(schema))
        for name, table in tables.items():
            con.register(f"given_{name}", table)
            con.execute(f"create table {name} as select * from given_{name}")
        return con

    def draft(self, con: duckdb.DuckDBPyConnection | None = None, **more: Any) -> tuple[pa.Table, JournalDrafts]:
        """Draft the journals: the lines, and what came beside."""
        con = con or self.connection()
        postings = read_postings(self.texts, self.workspace)
        drafts = draft_journals(con, postings, self.workspace, rates_of(self.rates), **more)
        return drafts.table(con), drafts

    def text(self, **more: Any) -> str:
        """Draft the journals and write them as a person reads them."""
        return written(self.draft(**more)[0])


def rates_of(text: str) -> Rates:
    """Read rates as a workspace has them."""
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "rates").mkdir()
        if text:
            (Path(folder) / "rates" / "ecb.csv").write_text(text, encoding="utf-8")
        return read_rates(Path(folder))


def written(journals: pa.Table) -> str:
    """Write journals as text: one block each, a line per line; base amounts where they differ."""
    blocks: dict[bytes, list[str]] = {}
    for row in journals.to_pylist():
        if row["journal_id"] not in blocks:
            head = f"{row['document_date']} {row['description']} | {row['posting']} | {row['period']}"
            blocks[row["journal_id"]] = [head]
        debit, value = row["debit"] > 0 or row["base_debit"] > 0, row["debit"] + row["credit"]
        text = f"{'Dr' if debit else '   Cr'} {row['account']} {row['name']}"
        amount = f"{format_minor(value, row['exponent'])} {row['currency']}"
        base = row["base_debit"] + row["base_credit"]
        if row["currency"] != row["base_currency"] or row["exponent"] != row["base_exponent"] or value != base:
            amount += f" = {format_minor(base, row['base_exponent'])} {row['base_currency']}"
        if row["rate"]:
            amount += f" at {row['rate']} of {row['rate_on']}"
        blocks[row["journal_id"]].append(f"  {text:<40} {amount}".rstrip())
    return "\n\n".join(sorted("\n".join(block) for block in blocks.values())) + "\n"


def minor(text: str, currency: str) -> int:
    return parse_money(text, currency).scaled(exponent_of(currency))
