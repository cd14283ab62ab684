"""The nearest miss: what bears the name of an exception and has nearly its amount, how far it is apart, and the rule that it missed."""

from typing import Any

import pytest

from tests.matching.test_reasons import notes, shown
from tests.matching.worlds import invoice, line, world


@pytest.mark.parametrize(
    ("came", "day", "words"),
    [
        (9_999, 3, "0.01 EUR less, 2 days later"),
        (10_001, 1, "0.01 EUR more, on the same day"),
        (9_500, 2, "5.00 EUR less, 1 day later"),
    ],
)
def test_the_nearest_says_how_far_it_is_and_no_rule_that_is_none(came: int, day: int, words: str) -> None:
    document = invoice("RE-88001", 10_000, name="Meier GmbH", day=1, due=2)
    paid = line("k1", came, text="Danke", name="Meier Gmbh", day=day)
    with world("open-items-to-bank", document, paid) as w:
        w.match()
        assert w.reasons() == {"RE-88001": "missing_right", "k1": "missing_left"}
        assert shown(w, "RE-88001") == [("k1", "near_amount")]
        assert shown(w, "k1") == [("RE-88001", "near_amount")]
        assert notes(w)["RE-88001"] == f"k1 bears its name: {words}"


@pytest.mark.parametrize(
    "other",
    [
        {"name": "Bauer AG"},
        {"amount": 8_000},
        {"day": 60},
        {"amount": -9_999},
        {"name": "Meierhofer Holz"},
    ],
)
def test_what_is_not_near_is_not_shown(other: dict[str, Any]) -> None:
    document = invoice("RE-88001", 10_000, name="Meier Söhne GmbH", day=1, due=2)
    told: dict[str, Any] = {"amount": 9_999, "text": "Danke", "name": "Meier Söhne", "day": 3} | other
    with world("open-items-to-bank", document, line("k1", told.pop("amount"), **told)) as w:
        w.match()
        assert shown(w, "RE-88001") == shown(w, "k1") == []


def test_of_several_the_nearest_three_are_shown_in_order() -> None:
    document = invoice("RE-88001", 10_000, name="Meier GmbH", day=1, due=2)
    paid = [line(f"k{n}", 9_900 + n, text="Danke", name="Meier GmbH", day=3 + n) for n in range(5)]
    with world("open-items-to-bank", document, *paid) as w:
        w.match()
        assert shown(w, "RE-88001") == [(name, "near_amount") for name in ("k4", "k3", "k2")]


def test_a_selection_that_is_exact_comes_before_one_document_that_nearly_is() -> None:
    documents = [
        invoice(f"INV-{n}", amount, name="Zeta AG", day=1, due=31)
        for n, amount in ((9, 11_820), (10, 24_075), (11, 35_190))
    ]
    paid = line("k1", 35_895, text="Sammelzahlung", name="Zeta AG", day=16)
    with world("open-items-to-bank", *documents, paid) as w:
        w.match()
        assert w.reasons()["k1"] == "missing_left"
        assert shown(w, "k1") == [("INV-10", "selection"), ("INV-9", "selection"), ("INV-11", "near_amount")]
        assert notes(w)["k1"] == "one selection of what could be meant comes to the sum, which may be chance"


def test_a_payout_is_near_by_the_name_of_the_platform() -> None:
    payout = invoice("po_Y10001", -100_000, kind="payout", name="Stripe Payments Europe", day=2)
    with world(
        "payout-to-bank", payout, line("k1", 99_999, text="Auszahlung", name="Stripe Payments Europe", day=2)
    ) as w:
        w.match()
        assert shown(w, "k1") == [("po_Y10001", "near_amount")]
