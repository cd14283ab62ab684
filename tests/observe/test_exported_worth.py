"""Exported exceptions are worth what the console says, with their sign."""

from contextlib import closing
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from tests.observe.test_decimals import Books
from tests.observe.test_exports import read_back
from tieout.clock import system_clock, system_entropy
from tieout.config import load_workspace
from tieout.observe.exporting.writing import ENDINGS
from tieout.observe.work.worklist import Wanted, total
from tieout.store.workplace import open_store

RATES = "date,base,quote,rate\n2026-10-01,EUR,USD,1.25\n2026-10-01,KWD,EUR,3\n"


@pytest.fixture(scope="module")
def books(tmp_path_factory: pytest.TempPathFactory) -> Books:
    folder = tmp_path_factory.mktemp("worth") / "books"
    rows = ["B1,100.00,EUR", "B2,-100.00,USD", "B3,1.0005,KWD", "B4,500,JPY"]
    made = Books(folder, bank=[f"{row},2026-10-02,nobody knows" for row in rows])
    (folder / "rates").mkdir()
    (folder / "rates/all.csv").write_text(RATES, encoding="utf-8")
    made.run("match")
    return made


@pytest.mark.parametrize("ending", ENDINGS)
def test_an_exception_is_worth_what_the_rate_of_its_day_says(books: Books, tmp_path: Path, ending: str) -> None:
    path = tmp_path / f"exceptions.{ending}"
    books.run("export", "exceptions", "--to", str(path))
    rows, columns = read_back(path)
    told: list[dict[str, Any]] = [
        dict(zip(columns, row, strict=True)) if isinstance(row, tuple) else row for row in rows
    ]
    worth = {row["external_id"]: row["base_amount"] and Decimal(row["base_amount"]) for row in told}
    assert worth == {
        "B1": Decimal("100.00"),
        "B2": Decimal("-80.00"),
        "B3": Decimal("3.00"),  # half up in minor units: 3.0015
        "B4": "" if ending == "csv" else None,
    }


def test_the_console_weighs_them_alike(books: Books) -> None:
    workspace = load_workspace(books.folder)
    with closing(open_store(workspace, system_clock, system_entropy, "tester")) as store:
        weighed = total(store.book, Wanted())
    told = [row["base_amount"] for row in books.table("exceptions")]
    assert (weighed.count, weighed.weight) == (4, sum(abs(int(Decimal(each) * 100)) for each in told if each))
