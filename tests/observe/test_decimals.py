"""One amount with more decimals than its currency's own changes no other figure."""

import csv
from pathlib import Path
from typing import Any

import pytest

from tests.cli.office import typed

TOML = """[workspace]
name = "Acme"
base_currency = "EUR"
[[entity]]
id = "acme"
currency = "EUR"
{sources}
[[reconciliation]]
id = "receipts"
left = {{ source = "erp" }}
right = {{ source = "psp" }}
rules = "invoice-to-payment"
[[reconciliation]]
id = "payouts"
left = {{ source = "out" }}
right = {{ source = "bank" }}
rules = "payout-to-bank"
[[reconciliation]]
id = "incoming"
left = {{ source = "erp" }}
right = {{ source = "bank" }}
rules = "open-items-to-bank"
"""
SOURCE = '[[source]]\nid = "{0}"\nmapping = "mappings/{0}.toml"\npath = "{0}.csv"\n'
MAPPING = """[mapping]
id = "{0}"
format = "csv"
identify = ["{0}_id"]
[fields]
external_id = "{0}_id"
kind = "'{1}'"
amount = "amount"
currency = "currency"
booked_on = "day::date"
references = "[ref]"
settlement_id = "{2}"
"""
KINDS = {"erp": "invoice", "psp": "charge", "out": "payout", "bank": "bank_entry"}


class Books:
    """A workspace of four small tables."""

    def __init__(self, folder: Path, **rows: list[str]) -> None:
        self.folder = folder
        (folder / "mappings").mkdir(parents=True)
        sources = "".join(SOURCE.format(name) for name in KINDS)
        (folder / "tieout.toml").write_text(TOML.format(sources=sources), encoding="utf-8")
        for name, kind in KINDS.items():
            settlement = "ref" if name == "out" else "null"
            (folder / f"mappings/{name}.toml").write_text(MAPPING.format(name, kind, settlement), encoding="utf-8")
            if name in rows:
                self.write(name, *rows[name])
        self.run("ingest")
        self.run("match")

    def write(self, name: str, *rows: str) -> None:
        text = "\n".join([f"{name}_id,amount,currency,day,ref", *rows, ""])
        (self.folder / f"{name}.csv").write_text(text, encoding="utf-8")

    def number_accounts(self) -> None:
        """Say which accounts the ledger has, so that journals can be drafted."""
        (self.folder / "postings").mkdir()
        names = "platform_clearing = '1361'\nreceivable = '1400'\n"
        (self.folder / "postings/acme.toml").write_text(f"[accounts]\n{names}", encoding="utf-8")

    def run(self, *arguments: str) -> dict[str, Any]:
        answer = typed("--workspace", self.folder, "--json", *arguments)
        assert answer.status in {0, 1}, answer.err
        return answer.said

    def table(self, name: str) -> list[dict[str, str]]:
        path = self.folder / f"{name}-out.csv"
        self.run("export", name, "--to", str(path))
        with path.open(encoding="utf-8", newline="") as file:
            return list(csv.DictReader(file))


@pytest.mark.parametrize(
    ("currency", "plain", "finer"),
    [("EUR", "1000.00", "7.125"), ("JPY", "1000", "1000.50"), ("KWD", "10.001", "10.0015")],
)
def test_a_finer_amount_beside_it_leaves_a_paid_invoice_paid(
    tmp_path: Path, currency: str, plain: str, finer: str
) -> None:
    books = Books(
        tmp_path / "books",
        erp=[f"RE-90001,{plain},{currency},2026-10-01,RE-90001", f"RE-90002,{finer},{currency},2026-10-01,RE-90002"],
        psp=[f"ch_1,{plain},{currency},2026-10-02,RE-90001"],
    )
    told = books.run("open-items")
    assert [(row["external_id"], row["open"]) for row in told["open_items"]] == [("RE-90002", finer.rstrip("0"))]
    assert [row["total"] for row in told["ageing"]] == [finer.rstrip("0")]
    assert {row["allocated"] for row in books.table("matches")} == {plain}
    (match,) = books.run("explain", "ch_1")["records"][0]["matches"]
    assert match["allocated"] == plain
    assert {row["external_id"]: row["amount"] for row in books.table("exceptions")}.get("ch_1") is None


def test_positions_of_a_claim_that_two_reconciliations_share_add_up(tmp_path: Path) -> None:
    """What is matched by the one, at finer decimals, is taken off what was open by the other."""
    books = Books(
        tmp_path / "books",
        erp=["RE-1,1000,JPY,2026-10-01,RE-1", "RE-2,2000.50,JPY,2026-10-01,RE-2"],
        bank=["B-1,1000,JPY,2026-10-02,RE-1"],
        out=["po_1,-300,JPY,2026-10-01,st_1"],
    )
    rows = [row for row in books.table("positions") if row["external_id"] == "B-1"]
    assert sum(float(row["amount"]) for row in rows) == 1000
    assert [row["amount"] for row in rows] == ["1000"]


def test_a_payout_arrives_beside_a_finer_one(tmp_path: Path) -> None:
    books = Books(
        tmp_path / "books",
        out=["po_1,-300.00,EUR,2026-10-01,st_1", "po_2,-7.125,EUR,2026-10-01,st_2"],
        bank=["B-1,300.00,EUR,2026-10-02,st_1"],
    )
    assert [(row["external_id"], row["outstanding"]) for row in books.run("in-transit")["in_transit"]] == [
        ("po_2", "7.125")
    ]
    assert {row["external_id"]: row["state"] for row in books.table("payouts")}["po_1"] == "arrived"
