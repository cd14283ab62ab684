"""
How much tax is in a difference: the two ways of writing the rule agree, and both with fractions; and what becomes of it in the books.
"""

import random
from fractions import Fraction

import duckdb
import pytest

from tests.matching.test_adjustments import adjusted, less
from tests.matching.worlds import Fact, invoice, line, world
from tieout.matching.results.taxes import document_taxes_sql, tax_in, tax_in_sql

Documents = list[tuple[int, int, int | None]]


def by_sql(reason: str, difference: int, documents: Documents) -> int | None:
    con = duckdb.connect()
    con.execute("create table documents (match_id int, side int, thing int, taken bigint)")
    con.execute("create table rows (thing int, measure bigint, inside bigint)")
    for thing, (amount, taken, tax) in enumerate(documents):
        con.execute("insert into documents values (1, 0, ?, ?)", [thing, taken])
        con.execute("insert into rows values (?, ?, ?)", [thing, amount, tax])
    said = tax_in_sql(f"'{reason}'", f"({difference})::bigint", "whole", "tax")
    found = con.execute(f"select ({said})::bigint from ({document_taxes_sql('documents', 'rows')})").fetchall()
    return None if not found or found[0][0] is None else int(found[0][0])


def some_documents(draw: random.Random) -> Documents:
    found: Documents = []
    for _ in range(draw.randint(1, 4)):
        amount = draw.choice([1, 1, 1, -1]) * draw.choice([draw.randint(1, 500), draw.randint(1, 10**14)])
        sign = 1 if amount > 0 else -1
        tax = draw.choice([None, sign * draw.randint(0, abs(amount) // 4), sign * abs(amount) * 19 // 119])
        found.append((amount, draw.choice([amount, sign * draw.randint(1, abs(amount))]), tax))
    return found


@pytest.mark.parametrize("seed", range(3))
def test_both_ways_of_writing_the_rule_agree_and_are_near_the_fraction(seed: int) -> None:
    draw = random.Random(seed)
    for _ in range(30):
        documents = some_documents(draw)
        total = sum(taken for _, taken, _ in documents)
        if not total:
            continue
        difference = draw.choice([-1, 1]) * draw.randint(1, abs(total))
        found = tax_in("discount", difference, documents)
        assert by_sql("discount", difference, documents) == found
        carry = [one for one in documents if one[1] * total > 0]
        whole = sum(abs(taken) for _, taken, _ in carry)
        exact = sum(Fraction(abs(taken) * abs(tax or 0), abs(amount)) for amount, taken, tax in carry)
        share = abs(difference) * exact / whole
        assert abs(abs(found or 0) - share) <= Fraction(1, 2) + Fraction(len(carry) * abs(difference), 2 * whole)
        assert (found or 0) * difference >= 0
        assert abs(found or 0) <= abs(difference)


@pytest.mark.parametrize(
    ("difference", "documents", "tax"),
    [
        (238, [(11900, 11900, 1900)], 38),
        (-2380, [(-119000, -119000, -19000)], -380),
        (-238, [(11900, 11900, 1900)], -38),  # documents on the right: money - documents
        (1, [(200, 200, 100)], 1),  # half up
        (100, [(11900, 5950, 1900)], 16),  # a part of a document
        (200, [(11900, 11900, 1900), (10700, 10700, 700)], 23),  # 2.00 * 26.00 / 226.00
        (198, [(11900, 11900, 1900), (-2000, -2000, None)], 32),  # the invoice carries it, not the credit note
        (200, [(11900, 11900, None)], None),
        (200, [(11900, 11900, 11900)], None),  # nothing can be all tax
    ],
)
def test_the_tax_in_a_discount(difference: int, documents: Documents, tax: int | None) -> None:
    assert tax_in("discount", difference, documents) == tax
    assert by_sql("discount", difference, documents) == tax


def test_what_no_document_is_about_has_no_tax_of_a_document() -> None:
    for reason in ("bank_charge", "fee", "fx", "rounding", "over_payment", "withholding_tax"):
        assert tax_in(reason, 200, [(11900, 11900, 1900)]) is None
        assert by_sql(reason, 200, [(11900, 11900, 1900)]) is None


SOLD = (invoice("RE-7003", 11900, tax=1900), line("k4", 11662, text="RE-7003 Skonto"))
BOUGHT = (invoice("BILL-1001", -119000, tax=-19000, kind="bill"), line("k5", -116620, text="BILL-1001 Skonto"))
SALE = (("bank", 11662), ("discounts_allowed", 200), ("output_vat", 38), ("receivable", -11900))
PURCHASE = (("bank", -116620), ("discounts_received", -2000), ("input_vat", -380), ("payable", 119000))


@pytest.mark.parametrize(("facts", "booked"), [(SOLD, SALE), (BOUGHT, PURCHASE)])
@pytest.mark.parametrize("how", ["by rule", "by hand"])
def test_the_tax_in_a_discount_is_booked_whoever_said_that_it_is_one(
    facts: tuple[Fact, Fact], booked: tuple[tuple[str, int], ...], how: str
) -> None:
    with world("generic" if how == "by hand" else less(), *facts) as w:
        w.match()
        if how == "by hand":
            w.resolve(facts[1].id, facts[0].id, difference="discount")
        assert w.drafts() == {booked}


@pytest.mark.parametrize("reason", ["write_off", "short_payment"])
def test_what_is_not_paid_of_a_bill_takes_its_input_tax(reason: str) -> None:
    with world("generic", *BOUGHT) as w:
        w.match()
        w.resolve("k5", "BILL-1001", difference=reason)
        assert [tax for _, _, tax, _ in adjusted(w)] == [-380]
        assert {name for lines in w.drafts() for name, _ in lines} == {"bank", "payable", "input_vat", f"{reason}s"}


def test_one_payment_for_an_invoice_and_a_bill_books_its_difference_as_the_larger_one_does() -> None:
    facts = invoice("RE-1", 11900, tax=1900), invoice("B-1", -1000, kind="bill"), line("k", 10662)
    with world("generic", *facts) as w:
        w.match()
        w.resolve("k", "RE-1", "B-1", difference="discount")
        (lines,) = w.drafts()
        assert {("discounts_allowed", 200), ("output_vat", 38)} <= set(lines)
