"""Law 2: equal entries on two pages of a bank's statement are two, and no page is a statement told twice."""

import re

import pytest

from tests.formats.camt_documents import balance, document, entry
from tests.formats.test_camt_dialects import closing, in_one_file, page
from tests.intake.conftest import Desk

OPENING = balance("OPBD", "100.00", "2026-10-29")
BETWEEN = balance("ITBD", "1.00", "2026-10-30")


@pytest.mark.parametrize(
    "balances",
    [[OPENING, BETWEEN, BETWEEN, closing("104.00")], [OPENING + closing("104.00")] * 4],
    ids=["interim", "of the whole"],
)
def test_equal_entries_on_four_pages_are_four(desk: Desk, balances: list[str]) -> None:
    pages = [document(page(n, last=n == 4), said, entry()) for n, said in enumerate(balances, 1)]
    lines = re.sub("(?=<(Stmt|Ntry)>)", "\n", in_one_file(*pages))
    outcome = desk.deliver_bytes(lines.encode(), "camt", "pages.xml")
    assert (outcome.rows_in, outcome.rows_new, outcome.findings) == (4, 4, 0)
    assert desk.records("amount") == [100] * 4
