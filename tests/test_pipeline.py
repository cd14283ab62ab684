"""The whole job on a company that does not exist: files, facts, matches, decisions, journals; and its repetition."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pyarrow.parquet as pq
import pytest

from tests.shared import DEMO_SEED, demo_read_in
from tieout import pipeline
from tieout.clock import system_clock, system_entropy
from tieout.config import Workspace, load_workspace
from tieout.errors import TieoutError, WrongUse
from tieout.observe.exporting.exports import Filters, export
from tieout.observe.exporting.overview import overview
from tieout.observe.money.books import balances_of_trial
from tieout.simulation.company import make_company
from tieout.store.tables import RESULTS
from tieout.store.workplace import Store, open_store

if TYPE_CHECKING:
    from tieout.matching.run import RunOutcome

pytestmark = pytest.mark.slow

MONTH_END_RUNS = ["receivables", "payouts-stripe", "payouts-adyen", "bank-receipts", "bank-ledger"]


class Office:
    """A workspace in which the job was done."""

    def __init__(self, folder: Path, *, tables: bool = False, more: str = "") -> None:
        if tables:
            _two_tables(folder, more)
        self.workspace: Workspace = load_workspace(folder)
        self.store: Store = open_store(self.workspace, system_clock, system_entropy, "ann")
        failed = [o for o in pipeline.ingest(self.store, self.workspace) if isinstance(o, TieoutError)]
        assert failed == []
        self.runs = self.match()

    def match(self) -> list[RunOutcome]:
        return list(pipeline.match(self.store, self.workspace))

    def rows(self, name: str, condition: str = "true") -> list[dict[str, Any]]:
        return overview(self.store, self.workspace, name, None, condition).rows


_TABLES = """
[workspace]
name = "Small"
base_currency = "EUR"
[[entity]]
id = "small"
[[source]]
id = "erp"
mapping = "mapping.toml"
path = "erp.csv"
[[source]]
id = "psp"
mapping = "mapping.toml"
path = "psp.csv"
[[reconciliation]]
id = "paid"
left = { source = "erp" }
right = { source = "psp" }
rules = "invoice-to-payment"
"""
_MAPPING = """
[mapping]
id = "table"
format = "csv"
csv = { delimiter = ";" }
identify = ["id", "ref"]
[fields]
external_id = "id"
kind = "kind"
amount = "amount"
currency = "currency"
booked_on = "day::date"
due_on = "day::date"
references = "[ref]"
"""


def _two_tables(folder: Path, more: str) -> None:
    """An invoice, and the charge that pays it."""
    folder.mkdir()
    heading = "id;kind;amount;currency;day;ref\n"
    (folder / "tieout.toml").write_text(_TABLES)
    (folder / "mapping.toml").write_text(_MAPPING)
    (folder / "erp.csv").write_text(heading + "R-1;invoice;100.00;EUR;2026-10-01;ORD-1\n")
    (folder / "psp.csv").write_text(heading + "P-1;charge;100.00;EUR;2026-10-02;ORD-1\n" + more)


@pytest.fixture(scope="module")
def office(tmp_path_factory: pytest.TempPathFactory) -> Office:
    return Office(demo_read_in(tmp_path_factory))


def test_every_reconciliation_is_run_in_the_order_of_tieout_toml(office: Office) -> None:
    assert [run.reconciliation for run in office.runs] == MONTH_END_RUNS
    assert all(run.counts["matches"] > 0 and run.digest for run in office.runs)


def test_a_second_run_says_that_the_first_stands(office: Office) -> None:
    before = {run.reconciliation: run.digest for run in office.runs}
    again = office.match()
    assert all(run.unchanged for run in again)
    assert {run.reconciliation: run.digest for run in again} == before


@pytest.mark.deep
def test_the_same_files_elsewhere_give_the_same_digests(office: Office, tmp_path: Path) -> None:
    make_company(tmp_path / "again", seed=DEMO_SEED)
    other = Office(tmp_path / "again")
    assert [run.digest for run in other.runs] == [run.digest for run in office.runs]
    other.store.close()


# What is deferred stands among the exceptions, if nobody later knew better.
@pytest.mark.parametrize("name", [name for name in RESULTS if name not in {"journals", "exceptions", "deferred"}])
def test_results_can_be_exported(office: Office, tmp_path: Path, name: str) -> None:
    for ending in ("csv", "parquet", "jsonl", "xlsx"):
        done = export(office.store, office.workspace, name, tmp_path / f"{name}.{ending}")
        assert done.rows > 0
    (run_id, *_) = {row["run_id"] for row in pq.read_table(tmp_path / f"{name}.parquet").to_pylist()}
    only = export(office.store, office.workspace, name, tmp_path / "run.parquet", Filters(run=run_id))
    assert {row["run_id"] for row in pq.read_table(only.path).to_pylist()} == {run_id}


def test_nothing_is_allocated_beyond_what_it_measures(office: Office, tmp_path: Path) -> None:
    rows = pq.read_table(export(office.store, office.workspace, "matches", tmp_path / "m.parquet").path).to_pylist()
    used: dict[tuple[str, str], Any] = {}
    for row in rows:
        key = row["claim"], row["record_id"]
        used[key] = used.get(key, 0) + row["allocated"]
        assert abs(used[key]) <= abs(row["amount"])
        assert used[key] * row["amount"] >= 0


def test_positions_add_up_to_what_the_claim_measures(office: Office, tmp_path: Path) -> None:
    positions = pq.read_table(
        export(office.store, office.workspace, "positions", tmp_path / "p.parquet").path
    ).to_pylist()
    matches = pq.read_table(export(office.store, office.workspace, "matches", tmp_path / "m.parquet").path).to_pylist()
    measure = {(row["claim"], row["record_id"]): row["amount"] for row in matches}
    total: dict[tuple[str, str], Any] = {}
    for row in positions:
        key = row["claim"], row["record_id"]
        total[key] = total.get(key, 0) + row["amount"]
    assert {key: total[key] for key in measure} == measure


def test_what_a_person_takes_apart_stays_apart_until_a_person_says_otherwise(tmp_path: Path) -> None:
    small = Office(tmp_path / "small", tables=True)
    (match_id,) = {row["match_id"] for row in small.rows("matches")}
    sides = {row["side"]: row["record_id"] for row in small.rows("matches")}
    pipeline.undo(small.store, small.workspace, match_id, "not theirs")
    assert small.rows("matches") == []
    assert {row["record_id"] for row in small.rows("exceptions")} == set(sides.values())
    exception = small.rows("exceptions", "t.side = 'right'")[0]
    wanted = pipeline.Resolution(others=(sides["left"],))
    said, runs = pipeline.resolve(small.store, small.workspace, exception["exception_id"], wanted, "theirs after all")
    assert "match" in said
    assert [run.reconciliation for run in runs] == ["paid"]
    assert {(row["rule"], row["decided_by"]) for row in small.rows("matches")} == {("by hand", "ann")}
    assert small.rows("exceptions") == []
    small.store.close()


def test_a_record_that_is_used_up_cannot_be_matched_again(tmp_path: Path) -> None:
    small = Office(tmp_path / "small", tables=True, more="P-2;charge;40.00;EUR;2026-10-03;nothing\n")
    invoice = next(row["record_id"] for row in small.rows("matches") if row["side"] == "left")
    (exception,) = small.rows("exceptions")
    with pytest.raises(WrongUse, match="another match has used up"):
        pipeline.resolve(
            small.store, small.workspace, exception["exception_id"], pipeline.Resolution(others=(invoice,)), "theirs"
        )
    small.store.close()


def test_the_drafts_balance(office: Office) -> None:
    outcome = pipeline.journal(office.store, office.workspace)
    assert outcome.counts["journals"] > 1000
    totals: dict[tuple[str, str], Decimal] = {}
    for row in balances_of_trial(office.store, office.workspace):
        # What rates and rounding leave over stands in the currency of the books only.
        if row["currency"] != row["base_currency"]:
            key = row["entity"], row["currency"]
            totals[key] = totals.get(key, Decimal(0)) + Decimal(row["debit"]) - Decimal(row["credit"])
        books = row["entity"], f"books in {row['base_currency']}"
        totals[books] = totals.get(books, Decimal(0)) + Decimal(row["base_debit"]) - Decimal(row["base_credit"])
    assert len(totals) >= 4
    assert set(totals.values()) == {Decimal(0)}
    assert pipeline.journal(office.store, office.workspace).unchanged


def test_what_the_platform_converted_leaves_nothing_on_fx_clearing(office: Office) -> None:
    pipeline.journal(office.store, office.workspace)
    halves = {row["record_id"]: row for row in office.rows("records", "t.kind = 'conversion'")}
    truth = pq.read_table(office.workspace.folder / "truth" / "conversions.parquet").to_pylist()
    assert len(halves) == 2 * len(truth) == 4
    left: dict[str, Decimal] = {}
    for line in office.rows("journals", "t.name = 'fx_clearing'"):
        for record_id in set(line["record_ids"]) & halves.keys():
            moment = str(halves[record_id]["occurred_at"])
            moved = Decimal(line["base_debit"] or 0) - Decimal(line["base_credit"] or 0)
            left[moment] = left.get(moment, Decimal(0)) + moved
    assert len(left) == len(truth)
    assert set(left.values()) == {Decimal(0)}
