"""Draft journals and their trial balance leave as files, in every kind."""

from collections import defaultdict
from decimal import Decimal
from pathlib import Path

import pytest

from tests.cli.office import typed
from tests.observe.test_decimals import Books
from tests.observe.test_exports import read_back
from tieout.accounting.daily_rates import written_rate
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


#: The account whose lines are valued at the rate of their day.
CLEARING = "1361"
#: One rate as it is meant, and one as those publish it who count from the euro.
RATES = "date,base,quote,rate\n2026-10-01,GBP,EUR,1.1500\n2026-10-01,EUR,USD,1.082154\n2026-10-01,EUR,JPY,162.35\n"


@pytest.fixture(scope="module")
def abroad(tmp_path_factory: pytest.TempPathFactory) -> Books:
    amounts = {"GBP": "200.00", "USD": "100.00", "JPY": "10000", "EUR": "10.00"}
    made = Books(
        tmp_path_factory.mktemp("abroad") / "books",
        erp=[f"RE-{code},{amount},{code},2026-10-01,RE-{code}" for code, amount in amounts.items()],
        psp=[f"ch_{code},{amount},{code},2026-10-02,RE-{code}" for code, amount in amounts.items()],
    )
    made.number_accounts()
    (made.folder / "rates").mkdir()
    (made.folder / "rates/all.csv").write_text(RATES, encoding="utf-8")
    made.run("journal")
    return made


@pytest.mark.parametrize("ending", ENDINGS)
def test_a_rate_is_a_decimal_in_every_kind_of_file_whichever_way_it_is_stated(
    abroad: Books, tmp_path: Path, ending: str
) -> None:
    path = tmp_path / f"journals.{ending}"
    abroad.run("export", "journals", "--to", str(path))
    rows, columns = read_back(path)
    told = [dict(zip(columns, row, strict=True)) if isinstance(row, tuple) else row for row in rows]
    told = [row for row in told if row["account"] == CLEARING]
    found = {row["currency"]: (row["rate"] or None, row["rate_stated"] or None) for row in told}
    assert {currency: None if rate is None else Decimal(rate) for currency, (rate, _) in found.items()} == {
        "GBP": Decimal("1.15"),
        "USD": Decimal("0.924082893932"),
        "JPY": Decimal("0.006159531876"),
        "EUR": None,
    }
    assert [found[each][1] for each in ("GBP", "USD", "JPY", "EUR")] == ["1.1500", "1/1.082154", "1/162.35", None]
    for row in told:
        own, books = (Decimal(row[f"{base}debit"]) - Decimal(row[f"{base}credit"]) for base in ("", "base_"))
        assert abs(books - own * Decimal(row["rate"] or 1)) <= Decimal("0.005")


def test_what_is_told_of_a_draft_has_the_rate_that_is_exported(abroad: Books) -> None:
    (journal,) = abroad.run("explain", "ch_USD")["journals"]
    exported = [row for row in abroad.table("journals") if row["journal_id"] == journal["journal_id"]]
    told = [(line["rate"] or "", line["rate_stated"] or "") for line in journal["lines"]]
    assert told == [(row["rate"], row["rate_stated"]) for row in exported]
    assert ("0.924082893932", "1/1.082154") in told


@pytest.mark.parametrize(
    ("stated", "written"),
    [
        ("1.0870", "1.0870"),
        ("1/1.2500", "0.8"),
        ("1/1.082154", "0.924082893932"),
        ("1/3", "0.333333333333"),
        ("1/1.5", "0.666666666667"),
        ("1/1.082154 * 0.84", "0.776229630903"),
        ("1/3 * 3", "1"),
        ("0.1234567890125", "0.123456789013"),
        ("1/400", "0.0025"),
        ("1/0.0001", "10000"),
    ],
)
def test_a_rate_is_written_half_up_with_twelve_decimals(stated: str, written: str) -> None:
    assert written_rate(stated) == written
