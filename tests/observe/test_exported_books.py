"""Draft journals and their trial balance leave as files, in every kind."""

from collections import defaultdict
from decimal import Decimal
from pathlib import Path

import pytest

from tests.cli.office import typed
from tests.observe.test_decimals import Books
from tests.observe.test_exports import read_back
from tieout.observe.exporting.writing import ENDINGS

#: The columns that docs and integrations rely on, in order; others follow.
CONTRACT = [
    "journal_id", "entity", "ledger", "period", "document_date", "posting_date", "line_no", "account", "debit",
    "credit", "currency", "base_debit", "base_credit", "rate", "rate_on", "tax_code", "tax_base", "counterparty",
    "partner_entity", "clears", "description", "dimensions", "record_ids", "match_id", "reverses", "reverse_on",
    "state", "posting_id", "document_no",
]  # fmt: skip


@pytest.fixture(scope="module")
def books(tmp_path_factory: pytest.TempPathFactory) -> Books:
    made = Books(
        tmp_path_factory.mktemp("journals") / "books",
        erp=["RE-1,1000.00,EUR,2026-10-01,RE-1"],
        psp=["ch_1,1000.00,EUR,2026-10-02,RE-1"],
    )
    made.number_accounts()
    made.run("journal")
    return made


@pytest.mark.parametrize("ending", ENDINGS)
@pytest.mark.parametrize("name", ["journals", "trial_balance"])
def test_the_books_go_into_every_kind_of_file(books: Books, tmp_path: Path, name: str, ending: str) -> None:
    path = tmp_path / f"{name}.{ending}"
    assert books.run("export", name, "--to", str(path))["rows"] > 0
    rows, columns = read_back(path)
    assert rows
    if name == "journals":
        assert columns[: len(CONTRACT)] == CONTRACT


def test_exported_lines_balance_and_make_the_trial_balance(books: Books) -> None:
    sums: defaultdict[str, Decimal] = defaultdict(Decimal)
    journals: defaultdict[str, Decimal] = defaultdict(Decimal)
    for row in books.table("journals"):
        value = Decimal(row["debit"]) - Decimal(row["credit"])
        sums[row["account"]] += value
        journals[row["journal_id"]] += value
    assert journals
    assert not any(journals.values())
    assert {row["account"]: Decimal(row["balance"]) for row in books.table("trial_balance")} == sums


def test_what_cannot_be_exported_yet_is_answered_with_what_can(books: Books, tmp_path: Path) -> None:
    answer = typed("--workspace", books.folder, "export", "audit", "--to", tmp_path / "audit.csv")
    assert answer.status == 2
    assert "journals" in answer.err
    assert "trial_balance" in answer.err


def test_drafts_that_no_longer_follow_from_what_is_matched_say_so(tmp_path: Path) -> None:
    made = Books(
        tmp_path / "books",
        erp=["RE-1,1000.00,EUR,2026-10-01,RE-1"],
        psp=["ch_1,1000.00,EUR,2026-10-02,RE-1"],
    )
    made.number_accounts()
    file = str(tmp_path / "journals.csv")
    asked = ("export", "journals", "--to", file)
    assert made.run(*asked)["outdated"] is False  # none were made
    made.run("journal")
    assert made.run(*asked)["outdated"] is False
    (match,) = made.run("explain", "ch_1")["records"][0]["matches"]
    made.run("undo", match["match_id"], "--reason", "another customer")
    assert made.run(*asked)["outdated"] is True
    assert "`tieout journal` drafts them anew" in typed("--workspace", made.folder, *asked).out
    assert "outdated" not in made.run("export", "records", "--to", file)
    made.run("journal")
    assert made.run(*asked)["outdated"] is False
