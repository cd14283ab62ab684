"""The nearest miss: what bears the name of an exception and has nearly its amount, how far it is apart, and the rule that it missed."""

from typing import Any

import pytest

from tests.matching.test_exchanged import with_rates
from tests.matching.test_reasons import notes, shown
from tests.matching.worlds import Fact, invoice, line, rule, rules_text, world
from tests.observe.test_why import nearest


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
        {"amount": 4_000},
        {"day": 60},
        {"amount": -9_999},
        {"name": "Meierhofer Holz"},
        {"name": "Meier Transporte"},
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


ONLY = rules_text(rule("only", days="{ from = -5, to = 5 }"))


@pytest.mark.parametrize(
    ("mine", "theirs", "why", "said", "missed"),
    [
        ({}, {"day": 40}, "other_day", "b has its amount, 40 days later", "missed 'only' by 35 days"),
        ({"day": 41}, {"day": 1}, "other_day", "b has its amount, 40 days earlier", "missed 'only' by 35 days"),
        (
            {"name": "Meier GmbH"}, {"name": "Meier", "amount": 8_500}, "other_amount",
            "b bears its name: 15.00 EUR less, on the same day", "missed 'only' by 15.00 EUR",
        ),
        (
            {"name": "Meier"}, {"amount": 10_010}, "near_on_day",
            "b is the only one near its amount on that day: 0.10 EUR more", "missed 'only' by 0.10 EUR",
        ),
        ({}, {"amount": 9_990}, "near_on_day", "b is the only one near its amount on that day: 0.10 EUR less", "missed 'only' by 0.10 EUR"),
    ],
)  # fmt: skip
@pytest.mark.parametrize("sign", [1, -1])
def test_what_is_farther_off_is_told_where_nothing_is_near(
    mine: dict[str, Any], theirs: dict[str, Any], why: str, said: str, missed: str, sign: int
) -> None:
    paid = theirs | {"amount": sign * theirs.get("amount", 10_000)}
    with world(ONLY, invoice("i", sign * 10_000, **mine), line("b", paid.pop("amount"), **paid)) as w:
        w.match()
        assert w.reasons() == {"i": "missing_right", "b": "missing_left"}
        assert shown(w, "i") == [("b", why)]
        assert shown(w, "b") == [("i", why)]
        assert notes(w)["i"] == said
        assert nearest(w, "i") == missed


@pytest.mark.parametrize(
    "facts",
    [
        [invoice("i", 10_000, name="Meier"), line("b", 10_000, name="Kranz", day=40)],
        [invoice("i", 10_000, name="Meier"), line("b", 10_010, name="Kranz")],
        [invoice("i", 10_000, name="Meier"), line("b", 4_000, name="Meier")],
        [invoice("i", 10_000, name="Deutsche Wohnen SE"), line("b", 8_500, name="Deutsche Glasfaser GmbH")],
        [invoice("i", 10_000), line("b", 10_200)],
        [invoice("i", 10_000), line("b", 10_010, day=1)],
        [invoice("i", 10_000), line("b", -10_010)],
        [invoice("i", 10_000), line("b", 10_010), line("c", 9_990)],
        [invoice("i", 10_000), line("b", 10_010), line("c", 9_990, name="Kranz")],
        [invoice("i", 10_000), line("b", 10_010), *(line(f"c{n}", 20_000 + n) for n in range(200))],
        [invoice("i", 10_000), *(line(f"b{n}", 10_000, day=40 + n) for n in range(21))],
    ],
)
def test_what_is_not_the_only_one_or_too_far_is_not_told(facts: list[Fact]) -> None:
    with world(ONLY, *facts) as w:
        w.match()
        assert shown(w, "i") == []


def test_what_is_near_or_named_comes_alone() -> None:
    """Where something nearer is told, what is farther off is not."""
    facts = [
        invoice("i", 10_000, name="Meier"),
        line("b", 9_990, name="Meier"),
        line("c", 8_500, name="Meier"),
        line("d", 10_000, day=50),
    ]
    with world(ONLY, *facts) as w:
        w.match()
        assert shown(w, "i") == [("b", "near_amount")]


def test_the_name_and_nearly_the_amount_in_another_currency() -> None:
    rules = rules_text(
        rule(
            "points", keys='[{ left = "counterparty", right = "counterparty", how = "name" }]', days="{ from = 0, to = 9 }",
            amount='{ abs = "5", base = true }', score="{ amount = 60, name = 40 }", at_least="95", difference='{ currency = "fx" }',
        )
    )  # fmt: skip
    document = invoice("i", 160_000, currency="JPY", name="Meier")
    others = [
        line("b", 99_900, name="Meier", day=4),
        line("c", 50_000, name="Meier", day=1),
        line("d", 99_950, name="Kranz"),
    ]
    with world(rules) as w:
        with_rates(w, "2026-10-01,EUR,JPY,160\n")
        w.add(document, *others)
        w.match()
        assert w.reasons()["i"] == "missing_right"
        assert shown(w, "i") == [("b", "near_currency")]
        assert notes(w)["i"] == (
            "b bears its name: 999.00 EUR, 4 days later: by the rates 1000.00 against 999.00 EUR, differs by 1.00 EUR"
        )
        assert nearest(w, "i") == nearest(w, "b") == "missed 'points' by 1 point"
