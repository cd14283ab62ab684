"""The same seed gives the same company, another seed another one, and every trouble happens to each."""

import hashlib
from pathlib import Path

import pytest

from tests.simulation.conftest import MONTHS, Make, positions
from tieout.config import load_workspace
from tieout.errors import WrongUse
from tieout.simulation.company import make_company

#: What real life does, as truth/positions.parquet names it.
TROUBLES = set(
    """
balance_transfer bank_charge_deducted batch_entry booked_in_base_currency booked_late booked_without_reference
booked_wrong carried_over cash_discount charge converted corrected_document cut_token duplicated_document hosting
identical_amounts in_transit_at_month_end insurance interest invoices_less_credit_note late_reference
mangled_reference mangled_token manual_payout missing_charge missing_document missing_reference missing_refund
negative_payout no_token not_at_bank not_booked not_settled_yet other_spelling over_beyond_tolerance over_payment
over_within_tolerance overdue paid_in_parts paid_in_three_parts paid_twice part_paid payout_converted payout_failed
payout_in_two_lines payout_late payout_missing_at_bank payout_of_last_month plain prefix_lost
refund_without_credit_note rent reserve_held reserve_partly_released reserve_released reserve_released_in_parts returned_debit salary several_invoices
several_without_references short_beyond_tolerance short_within_tolerance supplier_paid sweep tax truncated_reference
two_payouts_in_one_line two_sums_fit unknown_payer unpaid zero_sum
""".split()  # noqa: SIM905 - a list of seventy lines would say no more
)
#: The exceptions that the files of one month give reason for.
REASONS = {"ambiguous", "amount_difference", "missing_left", "missing_right", "refund_without_credit_note", "returned"}


def digests(folder: Path) -> dict[str, str]:
    return {
        path.relative_to(folder).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


def test_the_same_seed_gives_the_same_bytes(company: Make, tmp_path: Path) -> None:
    first = company(1).folder
    make_company(tmp_path, seed=1, month=MONTHS[1])
    assert digests(tmp_path) == digests(first)


def test_the_same_seed_gives_the_same_bytes_where_columns_are_cut_into_parts(tmp_path: Path) -> None:
    for name in ("one", "other"):
        make_company(tmp_path / name, seed=9, size=60_000)
    assert digests(tmp_path / "one") == digests(tmp_path / "other")


def test_another_seed_gives_another_company(company: Make, tmp_path: Path) -> None:
    first = company(1).folder
    make_company(tmp_path, seed=1_001, month=MONTHS[1])
    same = {name for name, digest in digests(first).items() if digests(tmp_path).get(name) == digest}
    # Only what does not depend on the company.
    assert same <= {f"mappings/{name}.toml" for name in ("erp-de", "erp-us", "ledger-de", "ledger-us")} | {
        "truth/README.md"
    }


@pytest.mark.parametrize("seed", MONTHS)
def test_every_trouble_happens(company: Make, seed: int) -> None:
    expected = positions(company(seed).truth)
    assert TROUBLES - {position["trouble"] for position in expected} == set()
    assert {position["reason"] for position in expected} == REASONS | {None}
    outcomes = {"matched", "exception", "in_transit", "open", "excluded"}
    assert {position["expected"] for position in expected} == outcomes
    assert {position["reason"] for position in expected if not position["decidable"]} == {"ambiguous"}


@pytest.mark.parametrize("seed", MONTHS)
def test_its_workspace_can_be_loaded_and_declares_what_its_files_carry(company: Make, seed: int) -> None:
    made = company(seed)
    workspace = load_workspace(made.folder)
    assert {entity.currency for entity in workspace.entities} == {"EUR", "USD"}
    assert {account.currency for account in workspace.accounts} == {"EUR", "USD", "JPY", "KWD"}
    waiting = {source.id for source in workspace.sources if any(made.folder.glob(str(source.path)))}
    assert waiting == {source.id for source in workspace.sources}
    assert {r.id for r in workspace.reconciliations} == {
        "receivables", "payouts-stripe", "payouts-adyen", "bank-receipts", "bank-ledger",
    }  # fmt: skip
    left = {path for source in workspace.sources for path in made.folder.glob(str(source.path))}
    assert {path for path in (made.folder / "inbox").rglob("*") if path.is_file()} == left


def test_the_demo_is_of_a_size_that_a_person_can_look_through(company: Make) -> None:
    made = company(1)
    assert 2_000 <= made.platform_rows + made.documents + made.bank_lines <= 4_000
    assert len(digests(made.folder)) < 100


def test_a_size_is_about_how_many_rows_the_platforms_report(tmp_path: Path) -> None:
    made = make_company(tmp_path, seed=2, size=20_000)
    assert 18_000 <= made.platform_rows <= 22_000


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"size": "huge"}, "expected a size such as demo"),
        ({"size": 0}, "expected a size such as demo"),
        ({"month": "2026-13"}, "expected a month such as 2026-10"),
        ({"month": "October"}, "expected a month such as 2026-10"),
    ],
)
def test_what_cannot_be_made_is_refused(tmp_path: Path, given: dict[str, str], message: str) -> None:
    with pytest.raises(WrongUse, match=message):
        make_company(tmp_path, seed=1, **given)
