"""Charges explain what is missing between transactions and their entry only where they are exactly that."""

import io

import pytest

from tests.formats.camt_documents import document, entry
from tieout.formats.camt.messages import CAMT_053
from tieout.formats.reading import ReadOptions


def record(amount: str, included: str = "", direction: str = "", currency: str = "EUR") -> str:
    marks = f"<CdtDbtInd>{direction}</CdtDbtInd>" if direction else ""
    marks += f"<ChrgInclInd>{included}</ChrgInclInd>" if included else ""
    return f"<Rcrd><Amt Ccy='{currency}'>{amount}</Amt>{marks}</Rcrd>"


def total(amount: str) -> str:
    return f"<TtlChrgsAndTaxAmt Ccy='EUR'>{amount}</TtlChrgsAndTaxAmt>"


def found(amount: str, *parts: str, mark: str = "CRDT", of_entry: str = "", of_last: str = "") -> list[str]:
    """What is said of an entry of transactions of these amounts; charges may stand at it, and at the last of them."""
    inside = [f"<Amt Ccy='EUR'>{part}</Amt>" for part in parts]
    inside[-1] += f"<Chrgs>{of_last}</Chrgs>" if of_last else ""
    details = "".join(f"<TxDtls>{each}</TxDtls>" for each in inside)
    charges = f"<Chrgs>{of_entry}</Chrgs>" if of_entry else ""
    text = document(entry(amount, f"{charges}<NtryDtls>{details}</NtryDtls>", debit=mark == "DBIT"))
    chunks = CAMT_053.read(io.BytesIO(text.encode()), ReadOptions())
    return [problem.reason for chunk in chunks for problem in chunk.problems if problem.column == "TxDtls"]


EXPLAINED = {
    "a record": {"of_last": record("25")},
    "a record that is part of the amount": {"of_last": record("25", "true", "DBIT")},
    "two records": {"of_last": record("20") + record("5", "1")},
    "a record less a rebate": {"of_last": record("30", "true", "DBIT") + record("5", "true", "CRDT")},
    "one that is booked elsewhere beside it": {"of_last": record("25", "true") + record("9", "false")},
    "the total": {"of_last": total("25")},
    "the total with the tax, beside its records without": {"of_last": total("25") + record("21")},
    "the total beside records that say so, once": {"of_last": total("25") + record("25")},
    "the entry's": {"of_entry": record("25")},
    "the entry's, which sum up its transactions'": {"of_entry": total("25"), "of_last": total("25")},
    "the entry's and its transactions'": {"of_entry": record("20"), "of_last": record("5")},
    "version 2": {"of_last": "<Amt Ccy='EUR'>25</Amt><CdtDbtInd>DBIT</CdtDbtInd><ChrgInclInd>true</ChrgInclInd>"},
}
UNEXPLAINED = {
    "more than is missing": {"of_last": record("25.01")},
    "less than is missing": {"of_last": record("24.99")},
    "the same twice": {"of_last": record("25") + record("25")},
    "what is booked elsewhere": {"of_last": record("25", "false")},
    "a total of what is booked elsewhere": {"of_last": total("25") + record("25", "0")},
    "what was given back": {"of_last": record("25", "true", "CRDT")},
    "another currency": {"of_last": record("25", currency="USD")},
    "no amount": {"of_last": record("x")},
    "nothing": {},
}


@pytest.mark.parametrize("case", EXPLAINED)
def test_charges_that_are_exactly_what_is_missing_explain_it(case: str) -> None:
    assert found("975", "600", "400", **EXPLAINED[case]) == []
    assert found("1025", "600", "400", mark="DBIT", **EXPLAINED[case]) == []
    assert found("975", "1000", **EXPLAINED[case]) == []
    assert found("1025", "1000", mark="DBIT", **EXPLAINED[case]) == []


@pytest.mark.parametrize("case", UNEXPLAINED)
def test_other_charges_do_not(case: str) -> None:
    for parts in (("600", "400"), ("1000",)):
        assert found("975", *parts, **UNEXPLAINED[case]) == ["amount_difference"]
        assert found("1025", *parts, mark="DBIT", **UNEXPLAINED[case]) == ["amount_difference"]


@pytest.mark.parametrize("case", EXPLAINED)
def test_a_charge_never_makes_a_credit_larger_or_a_debit_smaller(case: str) -> None:
    """A transaction of that amount may as well be missing."""
    for parts in (("600", "400"), ("1000",)):
        assert found("1025", *parts, **EXPLAINED[case]) == ["amount_difference"]
        assert found("975", *parts, mark="DBIT", **EXPLAINED[case]) == ["amount_difference"]


def test_charges_beside_a_sum_that_agrees_say_nothing() -> None:
    for each in (*EXPLAINED.values(), *UNEXPLAINED.values()):
        assert found("1000", "600", "400", **each) == []


def test_a_missing_transaction_smaller_than_the_charges_is_said() -> None:
    assert found("1000", "600", "380", of_last=total("25.00")) == ["amount_difference"]
