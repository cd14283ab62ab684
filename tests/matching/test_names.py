"""Spellings of one name, and names that only begin alike; and what a name that agrees never prevents."""

import pytest

from tests.matching.worlds import Fact, World, invoice, line, rule, rules_text, world

BY_NAME = rules_text(rule(keys='[{ left = "counterparty", right = "counterparty", how = "name" }]'))
SET = "open-items-to-bank"
ALIKE = [
    ("Anna Schmidt", "Schmidt Anna"),
    ("Anna Schmidt", "SCHMIDT, Anna"),
    ("Kranz Maschinenbau GmbH", "Maschinenbau Kranz"),
    ("Société Générale Lyon", "Lyon Societe Generale"),
    ("Meier Handel", "Meier Handel Nord"),
    ("Kranz Maschinenbau und Anlagen", "Kranz Maschinenb"),
    ("Meier GmbH & Co. KG", "Meier"),
    ("Meier GmbH&Co.KG", "Meier oHG"),
    ("Smith & Co", "Smith and Co. Ltd."),
    ("Meier GmbH", "Meier GmbH, Berlin"),
    ("Meier GmbH & Co KGaA Niederlassung Nord", "Meier"),
    ("Kim Se Hoon", "HOON, Kim Se"),
    ("Anna Co Schmidt", "Co Schmidt Anna"),
]
APART = [
    ("Schmidt", "Schmidtke"),
    ("Anna Schmidt", "Anna Schmidtke"),
    ("Peters Anna", "Peterson Anna"),
    ("Kranz AG", "Kranzler AG"),
    ("Anna Schmidt", "Anna Maria Schmitt"),
    # A legal form is one at the end of a name only.
    ("Smith & Co Plumbing", "Smith & Co Bakery"),
    ("Becker & Co Sued GmbH", "Becker & Co Nord GmbH"),
    ("Kim Se Hoon", "Kim Se Young"),
    ("Joao Sa Lima", "Joao Costa"),
    ("Joao Sa", "Joao Lima"),
    ("Rewe Markt GmbH Meier oHG", "Rewe Markt GmbH Wolf oHG"),
    ("Hotel NV Brugge", "Hotel Adler"),
    ("Lidl SA Lyon", "Lidl SA Marseille"),
]


def found(w: World) -> set[tuple[str, ...]]:
    w.match()
    return {tuple(sorted(ids)) for ids in w.together("confirmed") | w.together("proposed")}


@pytest.mark.parametrize(("names", "agree"), [*((pair, True) for pair in ALIKE), *((pair, False) for pair in APART)])
def test_who_is_whom(names: tuple[str, str], *, agree: bool) -> None:
    facts: list[Fact] = []
    for n, (one, other) in enumerate((names, names[::-1])):
        currency = ("EUR", "USD")[n]
        facts += [
            invoice(f"i{n}", 1_234_567, name=one, currency=currency),
            line(f"b{n}", 1_234_567, name=other, currency=currency),
        ]
    with world(BY_NAME, *facts) as w:
        assert found(w) == ({("b0", "i0"), ("b1", "i1")} if agree else set())


@pytest.mark.parametrize("amount", [10_000, 50_000])
def test_a_name_that_agrees_does_not_prevent_what_is_matched_without_it(amount: int) -> None:
    for payer in ("Meier", None, "Meier GmbH"):
        facts = [invoice("I-1001", amount, name="Meier"), line("b1", amount, name=payer, day=1)]
        with world(SET, *facts) as w:
            assert found(w) == {("I-1001", "b1")}, payer


def test_but_nobody_elses_document_takes_its_place() -> None:
    # The payer's own document has that amount as well, long ago.
    facts = [invoice("I-1001", 10_000, name="Meier"), invoice("I-1002", 10_000, day=40)]
    with world(SET, *facts, line("b1", 10_000, name="Meier", day=41)) as w:
        assert found(w) == set()
