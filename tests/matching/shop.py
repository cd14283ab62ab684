"""
A shop whose facts come from files, through the real pipeline: invoices and two banks' lines as CSV.
"""

import csv
import datetime as dt
import io
from collections.abc import Iterable, Mapping
from contextlib import closing
from pathlib import Path
from typing import Any

from tieout.clock import FixedClock, FixedEntropy
from tieout.config import Workspace, load_workspace
from tieout.intake.ingest import ingest_file
from tieout.matching.run import run_reconciliation
from tieout.observe.results import matches_relation, prepare_results
from tieout.observe.snapshot import take_snapshot
from tieout.observe.work.gathering import gather_worklist
from tieout.store.engine import connect
from tieout.store.workplace import Store, open_store

__all__ = ["THROUGH", "Shop", "lay_out"]

THROUGH = dt.date(2027, 6, 30)
_TOML = """[workspace]
name = "Shop"
base_currency = "EUR"

[[entity]]
id = "shop"
currency = "EUR"

[[source]]
id = "invoices"
mapping = "mappings/invoices.toml"
path = "inbox/invoices/*.csv"

[[source]]
id = "bank"
mapping = "mappings/bank.toml"
path = "inbox/bank/*.csv"

[[source]]
id = "other"
mapping = "mappings/other.toml"
path = "inbox/other/*.csv"

[[reconciliation]]
id = "items"
left = { source = "invoices" }
right = { source = "bank" }
rules = "rules/own.toml"

[[reconciliation]]
id = "rest"
left = { source = "invoices" }
right = { source = "other" }
rules = "open-items-to-bank"
"""
_BANK = """[mapping]
id = "{name}"
format = "csv"
identify = ["Purpose", "Payer", "{name}"]

[fields]
kind = "'bank_entry'"
external_id = "{name}"
amount = "Amount"
currency = "Currency"
booked_on = "Day::date"
text = "Purpose"
counterparty = "Payer"
"""
_INVOICES = """[mapping]
id = "invoices"
format = "csv"
identify = ["Number", "Open"]

[fields]
kind = "'invoice'"
external_id = "Number"
amount = "Open"
currency = "Currency"
booked_on = "Day::date"
counterparty = "Customer"
"""
RULES = """[rules]
id = "own"
claims = { left = "document", right = "bank" }

[[rule]]
name = "number and amount"
keys = [{ left = "external_id", right = ["external_id", "text"], how = "token" }]

[[rule]]
name = "several numbers"
keys = [{ left = "external_id", right = "text", how = "token" }]
shape = "n:1"

[[rule]]
name = "less a discount"
keys = [{ left = "external_id", right = "text", how = "token" }]
amount = { pct = "3", only = "short" }
difference = { short = "discount" }

[[rule]]
name = "a part"
keys = [{ left = "external_id", right = "text", how = "token" }]
partial = true
shape = "1:n"

[[rule]]
name = "name and amount"
keys = [{ left = "counterparty", right = "counterparty", how = "name" }]
days = { from = 0, to = 30 }
confirm = false

[[rule]]
name = "the only amount"
days = { from = -5, to = 5, calendar = "business" }
"""
_HEADINGS = {
    "invoices": ("Number", "Day", "Customer", "Open", "Currency"),
    "bank": ("bank", "Day", "Amount", "Payer", "Purpose", "Currency"),
    "other": ("other", "Day", "Amount", "Payer", "Purpose", "Currency"),
}


def lay_out(folder: Path, rules: str = RULES) -> Path:
    """Write the shop's tieout.toml, mappings and rules."""
    files = {
        "tieout.toml": _TOML,
        "mappings/invoices.toml": _INVOICES,
        "mappings/bank.toml": _BANK.format(name="bank"),
        "mappings/other.toml": _BANK.format(name="other"),
        "rules/own.toml": rules,
        "calendars/own.toml": "holidays = [2026-10-07]\n",
        "rates/ecb.csv": "date,base,quote,rate\n2026-10-01,EUR,USD,1.1\n",
    }
    for name, text in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)
    return folder


class Shop:
    """A workspace with its stores and a clock that stands still."""

    def __init__(self, folder: Path, rules: str = RULES, environment: Mapping[str, str] | None = None) -> None:
        self.folder = lay_out(folder, rules)
        self.workspace: Workspace = load_workspace(folder, environment or {})
        self.clock = FixedClock(dt.datetime(2026, 11, 1, tzinfo=dt.UTC))
        self.store: Store = open_store(self.workspace, self.clock, FixedEntropy(), "tester")
        self.delivered = 0

    def close(self) -> None:
        """Give back the book's connections."""
        self.store.close()

    def deliver(self, source: str, rows: Iterable[tuple[str, ...]]) -> None:
        """Deliver a file."""
        self.delivered += 1
        self.deliver_text(f"{source}{self.delivered}.csv", source, table(source, rows))

    def deliver_text(self, name: str, source: str, text: str) -> None:
        """Deliver a file as it is written."""
        path = self.folder / name
        path.write_text(text)
        ingest_file(self.store, self.workspace, self.workspace.source(source), path)
        self.clock.advance(dt.timedelta(hours=1))

    def match(self, *names: str, threads: int | None = None) -> list[str]:
        """Run every reconciliation; gives the digest of each run."""
        wanted = [r for r in self.workspace.reconciliations if not names or r.id in names]
        return [run_reconciliation(self.store, self.workspace, r, THROUGH, threads=threads).digest for r in wanted]

    def rows(self) -> list[dict[str, Any]]:
        """Give the rows of matches as an export shows them."""
        snapshot = take_snapshot(self.store, self.workspace)
        with closing(connect()) as con:
            prepare_results(con, self.store.lake, snapshot, ("matches", "adjustments"))
            relation = matches_relation(self.store.lake, snapshot)
            rows: list[dict[str, Any]] = con.sql(f"select * from {relation}").to_arrow_table().to_pylist()
        return rows

    def matches(self) -> set[tuple[str, str, str, frozenset[tuple[str, int]]]]:
        """Give the matches that stand: reconciliation, rule, status, and what each takes of which id."""
        found: dict[bytes, list[dict[str, Any]]] = {}
        for row in self.rows():
            found.setdefault(row["match_id"], []).append(row)
        return {
            (
                r[0]["reconciliation"],
                r[0]["rule"],
                r[0]["status"],
                frozenset((x["external_id"], x["allocated"]) for x in r),
            )
            for r in found.values()
        }

    def match_id(self, *names: str) -> str:
        """Name the match that has exactly these."""
        found: dict[str, set[str]] = {}
        for row in self.rows():
            found.setdefault(row["match_id"].hex(), set()).add(row["external_id"])
        (one,) = [match_id for match_id, ids in found.items() if ids == set(names)]
        return one

    def exception_id(self, name: str) -> str:
        """Name the open exception of a record."""
        from tieout.observe.exporting.overview import overview

        gather_worklist(self.store, self.workspace)
        rows = overview(self.store, self.workspace, "exceptions", None, "true", 10_000).rows
        return str(next(row["exception_id"] for row in rows if row["external_id"] == name))


def table(source: str, rows: Iterable[tuple[str, ...]]) -> str:
    """Write a source's file."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(_HEADINGS[source])
    writer.writerows(rows)
    return out.getvalue()
