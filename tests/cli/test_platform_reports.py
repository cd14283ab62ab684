"""Two reports of one platform account, and summaries of its balance: one account, and a chain; laws 2, 4 and 10."""

import json
from pathlib import Path

import pytest

from tests.cli.office import typed

TOML = """[workspace]
name = "Acme"
base_currency = "EUR"
[[entity]]
id = "acme"
currency = "EUR"
[[source]]
id = "payouts"
format = "stripe.payout_reconciliation"
[[source]]
id = "changes"
format = "stripe.balance"
accounts_of = "payouts"
"""
ACCOUNT = """[[account]]
id = "platform"
source = "payouts"
kind = "platform"
currency = "EUR"
timezone = "Europe/Berlin"
"""
HEADER = "balance_transaction_id,created_utc,currency,gross,fee,net,reporting_category,source_id"
ROWS = (
    "txn_1,2026-10-24 22:30:00,eur,10.00,0.50,9.50,charge,ch_1",
    "txn_2,2026-10-25 23:30:00,eur,-9.50,0,-9.50,payout,po_1",
)
REPORTS = {
    "payouts": f"{HEADER},automatic_payout_id\n" + "".join(f"{row},po_1\n" for row in ROWS),
    "changes": f"{HEADER},description\n" + "".join(f"{row},said\n" for row in ROWS),
}


def exported(folder: Path, table: str) -> list[dict[str, str]]:
    typed("--workspace", folder, "export", table, "--to", folder / "out.jsonl")
    return [json.loads(line) for line in (folder / "out.jsonl").read_text().splitlines()]


@pytest.mark.parametrize("order", [("payouts", "changes"), ("changes", "payouts")])
@pytest.mark.parametrize("declared", [True, False])
def test_two_reports_of_one_account_tell_of_one_account(order: tuple[str, str], declared: bool, tmp_path: Path) -> None:
    (tmp_path / "tieout.toml").write_text(TOML + ACCOUNT * declared)
    for source in order:
        (tmp_path / f"{source}.csv").write_text(REPORTS[source])
        typed("--workspace", tmp_path, "ingest", tmp_path / f"{source}.csv", "--source", source)
    rows = exported(tmp_path, "records")
    told = sorted((row["external_id"], row["account_id"], row["booked_on"], row["net"]) for row in rows)
    account, first, second = ("platform", "25", "26") if declared else ("payouts/EUR", "24", "25")
    assert told == [
        ("ch_1", account, f"2026-10-{first}", "9.50"),
        ("po_1", account, f"2026-10-{second}", "-9.50"),
    ]
    assert exported(tmp_path, "exceptions") == []


@pytest.mark.parametrize(
    ("named", "says"),
    [
        ("changes", "expected the source that has the accounts, 'changes', for 'accounts_of'"),
        ("nobody", "expected a declared source for 'accounts_of' in [[source]] 'changes', got 'nobody'"),
    ],
)
def test_accounts_are_those_of_a_source_that_has_some(named: str, says: str, tmp_path: Path) -> None:
    (tmp_path / "tieout.toml").write_text(TOML.replace('accounts_of = "payouts"', f'accounts_of = "{named}"'))
    answer = typed("--workspace", tmp_path, "deliveries")
    assert answer.status == 2
    assert says in answer.err


def summary(opening: str, closing: str, first: str, last: str, *changes: str) -> str:
    rows = [f"starting_balance,Starting balance ({first}),{opening},eur"]
    rows += [f"activity,Activity,{change},eur" for change in changes]
    rows += ["payouts,Payouts,-20.00,eur", f"ending_balance,Ending balance ({last}),{closing},eur"]
    return "\n".join(["category,description,net_amount,currency", *rows, ""])


def test_a_summary_must_begin_where_the_one_before_ended(tmp_path: Path) -> None:
    (tmp_path / "tieout.toml").write_text(TOML)
    for month, text in {
        "10": summary("100.00", "130.00", "2026-10-01", "2026-10-31", "30.00", "20.00"),
        "11": summary("999.00", "1029.00", "2026-11-01", "2026-11-30", "50.00"),
        "12": summary("1029.00", "1059.00", "2026-12-01", "2026-12-31", "50.00"),
    }.items():
        (tmp_path / f"{month}.csv").write_text(text)
        typed("--workspace", tmp_path, "ingest", tmp_path / f"{month}.csv", "--source", "changes")
    [gap] = exported(tmp_path, "exceptions")
    assert gap["reason"] == "incomplete"
    assert "of payouts/EUR to open with 130.00 EUR" in gap["note"]
    assert "got 999.00 EUR" in gap["note"]
