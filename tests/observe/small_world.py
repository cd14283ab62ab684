"""A small company by mappings: open items, a platform, a bank and a ledger, whose few lines a test writes down."""

import csv
import datetime as dt
import io
import json
import tempfile
from collections.abc import Mapping
from decimal import Decimal
from pathlib import Path
from typing import Any

from tests.accounting.facts import ACCOUNTS
from tieout import pipeline
from tieout.clock import FixedClock, FixedEntropy
from tieout.config import load_workspace
from tieout.observe.exporting.exports import Filters, export
from tieout.observe.money.cash import Cash, cash
from tieout.observe.proofs.proof import AccountProof
from tieout.observe.proofs.proving import prove
from tieout.store.workplace import open_store

_TOML = """[workspace]
name = "Small"
base_currency = "EUR"

[[entity]]
id = "de"
currency = "EUR"
{sources}
[[account]]
id = "psp-eur"
source = "psp"
kind = "platform"
currency = "EUR"
ledger_account = "1361"
opening = {{ on = "2026-09-30", amount = "0.00" }}

[[account]]
id = "bank-eur"
source = "bank"
kind = "bank"
currency = "EUR"
ledger_account = "1200"
opening = {{ on = "2026-09-30", amount = "{opening}" }}
{reconciliations}"""
#: Per source: the columns that it has beside its number and amount, with the canonical field of each.
_SHARED = {"external_id": '"number"', "amount": '"amount"', "currency": "'EUR'", "booked_on": '"day"::date'}
_FIELDS = {
    "erp": {"kind": '"kind"', "due_on": '"due"::date', "counterparty": '"who"', "references": '["ref"]'},
    "psp": {"kind": '"kind"', "fee": '"fee"', "settlement_id": '"batch"', "references": '["ref"]', "counterparty": '"who"', "parent_external_id": '"parent"'},
    "bank": {"kind": "'bank_entry'", "text": '"text"', "counterparty": '"who"'},
    "gl": {"kind": "'journal_line'", "account_number": '"account"', "references": '["ref"]'},
}  # fmt: skip
_COLUMNS = {
    "erp": {"kind": "invoice", "due": "2026-10-10", "who": "", "ref": ""},
    "psp": {"kind": "charge", "fee": "0", "batch": "", "ref": "", "who": "", "parent": ""},
    "bank": {"text": "", "who": ""},
    "gl": {"account": "", "ref": ""},
}
_SIDES = {
    "items": ("erp", "bank", "open-items-to-bank"),
    "orders": ("erp", "psp", "invoice-to-payment"),
    "payouts": ("psp", "bank", "payout-to-bank"),
    "book": ("bank", "gl", "bank-to-ledger"),
}
_DAY = "2026-10-01"


class SmallWorld:
    """
    A workspace in a folder of its own.

    :param reconciliations: of ``items``, ``orders``, ``payouts`` and ``book``, in this order.
    :param opening: what the bank opened with at the end of 30 September.
    """

    def __init__(self, folder: Path, *reconciliations: str, more: str = "", opening: str = "0.00") -> None:
        sources, pairs = [], []
        for name, fields in _FIELDS.items():
            (folder / "inbox" / name).mkdir(parents=True)
            (folder / "mappings").mkdir(exist_ok=True)
            identify = ", ".join(f'"{column}"' for column in ("number", *_COLUMNS[name]))
            lines = [f"{field} = '''{text}'''" for field, text in (_SHARED | fields).items()]
            head = f'[mapping]\nid = "{name}"\nformat = "csv"\nidentify = [{identify}]\n[fields]\n'
            (folder / "mappings" / f"{name}.toml").write_text(head + "\n".join(lines) + "\n")
            sources.append(
                f'[[source]]\nid = "{name}"\nmapping = "mappings/{name}.toml"\npath = "inbox/{name}/*.csv"\n'
            )
        for name in reconciliations:
            left, right, rules = _SIDES[name]
            pairs.append(
                f'[[reconciliation]]\nid = "{name}"\nleft = {{ source = "{left}" }}\nright = {{ source = "{right}" }}\nrules = "{rules}"\n'
            )
        (folder / "postings").mkdir()
        (folder / "postings" / "accounts.toml").write_text(ACCOUNTS)
        text = _TOML.format(sources="".join(sources), reconciliations="".join(pairs), opening=opening) + more
        (folder / "tieout.toml").write_text(text)
        self.folder, self.clock, self.files = folder, FixedClock(dt.datetime(2026, 11, 2, 9, tzinfo=dt.UTC)), 0
        self.workspace = load_workspace(folder)
        self.store = open_store(self.workspace, self.clock, FixedEntropy(7), "tester")

    def put(self, source: str, *rows: Mapping[str, str], inbox: str | None = None) -> None:
        """
        Lay a file into the inbox: each row has a number, an amount and whatever differs from the usual.

        :param inbox: of another source that has the same columns.
        """
        self.files += 1
        usual = {"number": "", "amount": "", "day": _DAY, **_COLUMNS[source]}
        text = io.StringIO()
        writer = csv.DictWriter(text, list(usual), quoting=csv.QUOTE_ALL)
        writer.writeheader()
        writer.writerows({**usual, **row} for row in rows)
        (self.folder / "inbox" / (inbox or source)).mkdir(exist_ok=True)
        (self.folder / "inbox" / (inbox or source) / f"f{self.files}.csv").write_text(text.getvalue())

    def go(self, *, journal: bool = False) -> None:
        """Read what is new, match, and draft journals if asked."""
        for outcome in pipeline.ingest(self.store, self.workspace):
            assert not isinstance(outcome, Exception), outcome
        self.clock.advance(dt.timedelta(hours=1))
        list(pipeline.match(self.store, self.workspace))
        if journal:
            self.clock.advance(dt.timedelta(hours=1))
            pipeline.journal(self.store, self.workspace)

    def match_by_hand(self, name: str, *others: str, difference: str | None = None) -> None:
        """Settle the exception of a record by matching it with others."""
        found = next(row["exception_id"] for row in self.table("exceptions") if row["external_id"] == name)
        pipeline.resolve(
            self.store, self.workspace, found, pipeline.Resolution(others=others, difference=difference), "seen"
        )

    def table(self, name: str, as_of: str | None = None) -> list[dict[str, Any]]:
        """Give an exported table as its rows in JSON."""
        day = None if as_of is None else dt.date.fromisoformat(as_of)
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "table.jsonl"
            export(self.store, self.workspace, name, path, Filters(as_of=day))
            return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]

    def proof(self, account: str, as_of: str | None = None) -> AccountProof:
        """Prove an account."""
        day = None if as_of is None else dt.date.fromisoformat(as_of)
        return prove(self.store, self.workspace, account, day)

    def cash(self, as_of: str | None = None) -> Cash:
        """Say what every account holds."""
        return cash(self.store, self.workspace, None if as_of is None else dt.date.fromisoformat(as_of))

    def books(self) -> dict[str, Decimal]:
        """Give the balance of each ledger account by the drafts."""
        return {row["account"]: Decimal(row["balance"]) for row in self.table("trial_balance")}
