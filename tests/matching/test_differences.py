"""A difference is only what its rule is for: another currency's rate, a bank's charge, a discount; all else is looked at."""

import pytest

from tests.matching.worlds import invoice, line, rule, rules_text, world


@pytest.mark.parametrize("arrived", [9_700, 9_985, 10_100, 10_300])
def test_a_payout_that_arrives_with_another_amount_of_its_own_currency_is_an_exception(arrived: int) -> None:
    payout = invoice("po_90001", -10_000, kind="payout", settlement="S1", day=1)
    with world("payout-to-bank", payout, line("b", arrived, text="PSP po_90001", day=3)) as w:
        w.match()
        assert w.together() == set()
        assert set(w.reasons().values()) == {"amount_difference"}


@pytest.mark.parametrize(
    ("currency", "billed", "paid"),
    [("EUR", 1_600, 150), ("JPY", 2_600, 120), ("KWD", 16_000, 1_100), ("EUR", 3_000, 1_500)],
)
def test_what_is_left_of_a_small_document_is_no_bank_charge(currency: str, billed: int, paid: int) -> None:
    document = invoice("RE-90002", billed, currency=currency)
    with world("open-items-to-bank", document, line("b", paid, text="RE-90002", currency=currency)) as w:
        w.match()
        (match,) = w.matches()
        assert match.rule == "same reference, less money"
        assert match.difference == 0


def test_a_few_percent_of_a_small_document_are_a_bank_charge() -> None:
    with world("open-items-to-bank", invoice("RE-90002", 15_000), line("b", 14_000, text="RE-90002")) as w:
        w.match()
        (match,) = w.matches()
        assert match.rule == "same reference of a small document, less a bank's charge"


@pytest.mark.parametrize(
    ("billed", "paid"), [((100_000,), 97_000), ((100_000, 100_000), 194_000), ((-100_000,), -97_000)]
)
def test_a_discount_of_three_percent_is_three_percent_of_what_was_billed(billed: tuple[int, ...], paid: int) -> None:
    documents = [
        invoice(f"RE-9{n}001", amount, kind="invoice" if amount > 0 else "bill") for n, amount in enumerate(billed)
    ]
    text = " ".join(document.id for document in documents)
    with world("open-items-to-bank", *documents, line("b", paid, text=text)) as w:
        w.match()
        (match,) = w.matches()
        assert match.rule == "same reference, less a discount of up to 3 %"
        assert len(match.parts) == len(billed) + 1


def test_a_part_of_a_minor_unit_is_no_tolerance() -> None:
    """Half a percent of 129.99 is 0.64995: 0.64 may be missing, and 0.65 may not."""
    near = rule("near", reference="normalised", amount='{ pct = "0.5" }', difference='{ short = "discount" }')
    for missing, found in ((64, {frozenset({"RE-1", "b1"})}), (65, set())):
        with world(rules_text(near), invoice("RE-1", 12_999), line("b1", 12_999 - missing, "RE-1")) as w:
            assert w.matched() == found, missing
