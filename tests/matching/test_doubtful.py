"""What a bare number in a text, or two companies' records, must not bring together; and a fee beside a payment."""

from dataclasses import replace
from itertools import product
from typing import Any

import pytest

from tests.depth import some_of
from tests.matching.sales import RULES, paid, sales
from tests.matching.worlds import Fact, invoice, line, rule, rules_text, world

SET = "open-items-to-bank"


def found(*facts: Fact, rules: str = SET, **options: Any) -> set[tuple[str, ...]]:
    with world(rules, *facts, **options) as w:
        w.match()
        return {tuple(sorted(ids)) for ids in w.together("confirmed") | w.together("proposed")}


MEIER = invoice("10115", 90_000, name="Meier GmbH", day=1)
ADDRESS = "BEITRAGSRUECKERSTATTUNG INVALIDENSTR. 3, 10115 BERLIN"


def test_a_postal_code_in_another_partys_text_is_no_part_payment() -> None:
    other = line("k1", 2_000, text=ADDRESS, name="Allianz Versicherung", day=3)
    with world(SET, MEIER, other) as w:
        w.match()
        assert w.together() == set()
        assert w.reasons()["k1"] == "amount_difference"


@pytest.mark.parametrize("amount", [89_500, 88_000])
def test_nor_is_it_one_less_a_charge_or_a_discount(amount: int) -> None:
    assert found(MEIER, line("k1", amount, text=ADDRESS, name="Allianz Versicherung", day=3)) == set()
    assert found(MEIER, line("k1", amount, text=ADDRESS, name="Meier", day=3)) == {("10115", "k1")}


def test_nor_on_a_day_before_the_document_whoever_pays() -> None:
    assert found(MEIER, line("k1", 2_000, text="10115", name="Meier", day=0)) == set()
    assert found(MEIER, line("k1", 2_000, text="10115", name="Meier", day=1)) == {("10115", "k1")}


@pytest.mark.parametrize(
    ("text", "amount"),
    some_of(product(("Ticket 10115", "Kundennr KD10115 Erstattung", "B10115"), (2_000, 88_000, 89_500)), 4),
)
def test_a_name_that_is_not_told_is_nothing(text: str, amount: int) -> None:
    nobody = invoice("10115", 90_000, day=1)
    for document, payer in ((MEIER, None), (nobody, "Meier GmbH"), (nobody, None), (MEIER, "A. GmbH"), (MEIER, "Wolf")):
        assert found(document, line("k1", amount, text=text, name=payer, day=3)) == set()
    assert found(MEIER, line("k1", amount, text=text, name="Fritz Meier", day=3)) == {("10115", "k1")}


@pytest.mark.parametrize(
    ("document", "payer"),
    [
        ("Pflegedienst Berlin GmbH", "Hausverwaltung Berlin GmbH"),
        ("De Boer BV", "Deutsche Post"),
        ("La Perla", "Landeskasse"),
        ("Deutsche Wohnen SE", "Deutsche Glasfaser GmbH"),
        ("Kim Se Hoon", "Kim Se Young"),
        ("Joao Sa", "Joao Lima"),
        ("Anna Schmidt", "Anna Schmidtke"),
    ],
)
def test_nor_is_a_name_that_has_a_word_in_common(document: str, payer: str) -> None:
    owed = invoice("10115", 90_000, name=document, day=1)
    for amount in (2_000, 85_000, 88_000):
        with world(SET, owed, line("k1", amount, text="Miete 10115 Berlin", name=payer, day=3)) as w:
            w.match()
            assert w.together("confirmed") | w.together("proposed") == set()
            assert w.reasons()["k1"] == "amount_difference"


@pytest.mark.parametrize(
    ("document", "payer"),
    [
        ("Pflegedienst Berlin GmbH", "PFLEGEDIENST BERLIN"),
        ("Meier GmbH & Co. KG", "Meier Fritz"),
        ("Müller, Anna", "Frau Anna Mueller"),
        ("Lidl SA", "Lidl"),
        ("Kranz Maschinenbau und Anlagen", "Kranz Maschinenb"),
    ],
)
def test_but_one_that_says_the_same_is(document: str, payer: str) -> None:
    owed = invoice("10115", 90_000, name=document, day=1)
    assert found(owed, line("k1", 2_000, text="Miete 10115", name=payer, day=3)) == {("10115", "k1")}


def test_a_name_that_an_alias_tells_is_enough() -> None:
    aliased = rules_text(
        rule(keys='[{ left = "external_id", right = "text", how = "token" }]', partial="true", shape='"1:n"'),
        '[[alias]]\nleft = "Meier GmbH"\nright = "Fritz Huber"\n',
    )
    assert found(MEIER, line("k1", 2_000, text="10115", name="Fritz Huber", day=3), rules=aliased) == {("10115", "k1")}
    assert found(MEIER, line("k1", 2_000, text="10115", name="Fritz Bauer", day=3), rules=aliased) == set()


def test_so_many_digits_are_enough_where_nobody_is_named() -> None:
    assert found(invoice("1011577", 90_000, day=1), line("k1", 2_000, text="1011577", day=3)) == {("1011577", "k1")}


def test_a_number_that_says_more_is_enough_whoever_pays_and_so_is_the_amount() -> None:
    paid = {"name": "Allianz Versicherung", "day": 3}
    longer = invoice("RE-10115", 90_000, name="Meier GmbH", day=1)
    assert found(longer, line("k1", 2_000, text="Rechnung RE 10115", **paid)) == {("RE-10115", "k1")}
    known = invoice("10115", 90_000, name="Meier GmbH", refs=("AB-2026-77",), day=1)
    assert found(known, line("k1", 2_000, text="10115 zu AB-2026-77", **paid)) == {("10115", "k1")}
    assert found(MEIER, line("k1", 90_000, text="10115", **paid)) == {("10115", "k1")}


def test_money_that_came_and_money_that_went_are_no_part_together() -> None:
    lines = [line("k1", 50_000, text="RE-10115", day=3), line("k2", -1_000, text="Entgelt RE-10115", day=3)]
    with world(SET, invoice("RE-10115", 90_000), *lines) as w:
        w.match()
        assert w.together() == set()
        assert {"k1", "k2"} <= w.reasons().keys()


def test_a_fee_that_names_the_invoice_too_does_not_change_the_reason_of_a_difference() -> None:
    paid = [invoice("INV-7003", 11_900), line("k4", 11_662, text="INV-7003 2% Skonto", day=2)]
    fee = line("k5", -150, text="Entgelt zu INV-7003", day=2)
    for facts in (paid, [*paid, fee]):
        with world(SET, *facts) as w:
            assert w.matched() == {frozenset({"INV-7003", "k4"})}
            assert [(row["reason"], row["amount"]) for row in w.rows("adjustments")] == [("discount", 238)]


ENTITIES = '[[entity]]\nid = "beta"\ncurrency = "EUR"\n'


def of_two_companies(rules: str, *facts: Fact, sides: tuple[str, str] = ("", "")) -> set[tuple[str, ...]]:
    ab = f"""[[reconciliation]]\nid = "ab"\nleft = {{ source = "a"{sides[0]} }}\nright = {{ source = "b"{sides[1]} }}\nrules = "{rules}"\n"""
    return found(*facts, rules=rules, extra=ENTITIES, reconciliations=ab)


def beta(fact: Fact) -> Fact:
    return replace(fact, entity="beta")


@pytest.mark.parametrize("text", ["danke", "RE-70001"])
def test_records_of_two_companies_are_none_of_each_others(text: str) -> None:
    bank = line("k1", 10_000, text=text, day=2)
    ours, theirs = invoice("RE-70001", 10_000), beta(invoice("RE-70001", 10_000))
    assert of_two_companies(SET, ours, bank) == {("RE-70001", "k1")}
    assert of_two_companies(SET, theirs, bank) == set()
    assert of_two_companies(SET, beta(invoice("RE-70009", 10_000)), ours, bank) == {("RE-70001", "k1")}


def test_nor_are_payouts_nor_what_one_key_names_on_both_sides() -> None:
    payout = Fact(source="a", id="po_1", amount=-10_000, kind="payout", day=1)
    bank = line("k1", 10_000, text="po_1", day=2)
    assert of_two_companies("payout-to-bank", payout, bank) == {("k1", "po_1")}
    assert of_two_companies("payout-to-bank", beta(payout), bank) == set()


def test_nor_are_lines_that_are_laid_end_to_end() -> None:
    lines = sales(40)
    for payouts, some in ((paid(lines), True), ([beta(one) for one in paid(lines)], False)):
        with world(RULES, *lines, *payouts, extra=ENTITIES) as w:
            assert bool(w.matched()) is some


def test_where_a_reconciliation_is_of_one_company_with_another_they_are() -> None:
    theirs = beta(invoice("RE-70001", 10_000))
    sides = (', entity = "beta"', ', entity = "acme"')
    assert of_two_companies(SET, theirs, line("k1", 10_000, day=2), sides=sides) == {("RE-70001", "k1")}
    owed = Fact(source="b", id="RE-70001", amount=-10_000, kind="bill")
    assert of_two_companies("intercompany", theirs, owed) == {("RE-70001",)}
