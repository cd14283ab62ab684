"""What a line names is taken by no rule that looks at amounts, also where another reconciliation has what is named."""

import random
from typing import Any

import pytest

from tests.matching.test_left_to_later import TWO, charge, payout
from tests.matching.worlds import Fact, World, invoice, line, rule, rules_text, world

SOURCES = ("a", "p", "q", "b")
PAYOUTS, RECEIPTS = (f"[[reconciliation]]{part}" for part in TWO.split("[[reconciliation]]")[1:])
OTHER_PAYOUTS = PAYOUTS.replace('"payouts"', '"others"').replace('"p"', '"q"')


def matched(*facts: Fact, order: str = PAYOUTS + RECEIPTS) -> set[tuple[str, ...]]:
    with world("generic", *facts, sources=SOURCES, reconciliations=order) as w:
        return names(w)


def names(w: World) -> set[tuple[str, ...]]:
    w.match()
    return {tuple(sorted(ids)) for ids in w.together("confirmed") | w.together("proposed")}


PO = payout("po_R10001", 5_000, day=1)
NAMING = line("k1", 5_000, text="Rechnung RE-90001", day=4)


@pytest.mark.parametrize("order", [PAYOUTS + RECEIPTS, RECEIPTS + PAYOUTS])
def test_a_payout_takes_no_line_that_names_a_document(order: str) -> None:
    assert matched(PO, invoice("RE-90001", 5_000), NAMING, order=order) == {("RE-90001", "k1")}
    # Also if the document is of another amount, so that nothing takes the line at all; or paid already.
    assert matched(PO, invoice("RE-90001", 4_000), NAMING, order=order) == set()
    paid = line("k0", 5_000, "RE-90001", day=2)
    assert matched(PO, invoice("RE-90001", 5_000), paid, NAMING, order=order) == {("RE-90001", "k0")}


def test_as_long_as_nothing_names_it_a_line_is_taken() -> None:
    assert matched(PO, NAMING) == {("k1", "po_R10001")}
    unnamed = line("k2", 5_000, text="Auszahlung", day=4)
    assert matched(PO, invoice("RE-90001", 5_000), NAMING, unnamed) == {("RE-90001", "k1"), ("k2", "po_R10001")}


@pytest.mark.parametrize("order", [PAYOUTS + RECEIPTS, RECEIPTS + PAYOUTS])
def test_a_document_takes_no_line_that_names_a_payout(order: str) -> None:
    facts = [
        payout("po_R10001", 7_000, day=1),
        invoice("RE-90001", 5_000),
        line("k1", 5_000, text="po_R10001 1/2", day=2),
    ]
    assert matched(*facts, order=order) == set()


def test_a_payout_takes_no_line_that_names_another_platforms() -> None:
    other = Fact(source="q", id="tr_77777777", amount=-5_100, kind="payout", day=1)
    assert matched(PO, other, line("k1", 5_000, text="tr_77777777", day=2), order=PAYOUTS + OTHER_PAYOUTS) == set()


def test_what_many_have_in_common_names_none_of_them() -> None:
    many = [invoice(f"RE-9000{n}", 1_000 + n, refs=("Kunde 4711",)) for n in range(6)]
    by_number = line("k1", 5_000, text="Kunde 4711", day=4)
    assert ("k1", "po_R10001") in matched(PO, *many, by_number)
    assert ("k1", "po_R10001") not in matched(PO, *many[:5], by_number)


def test_a_credit_note_is_not_named_by_money_that_came_in_nor_a_line_by_its_own_number() -> None:
    assert ("k1", "po_R10001") in matched(PO, invoice("RE-90001", -5_000, kind="credit_note"), NAMING)
    assert ("k1", "po_R10001") in matched(PO, invoice("k1", 4_000), line("k1", 5_000, day=4))


def test_an_invoice_that_names_a_charge_is_paid_by_no_line_of_its_amount() -> None:
    cards = '[[reconciliation]]\nid = "cards"\nleft = { source = "a" }\nright = { source = "p" }\nrules = "invoice-to-payment"\n'
    facts = [invoice("RE-90001", 5_000, refs=("ch_5001",)), charge("ch_5001", 9_900), line("k1", 5_000, day=4)]
    for order in (cards + RECEIPTS, RECEIPTS + cards):
        assert matched(*facts, order=order) == set()


def test_a_document_that_comes_later_takes_the_line_back_from_a_provisional_match() -> None:
    with world("generic", PO, NAMING, sources=SOURCES, reconciliations=PAYOUTS + RECEIPTS) as w:
        assert names(w) == {("k1", "po_R10001")}
        w.add(invoice("RE-90001", 5_000))
        assert names(w) == {("RE-90001", "k1")}
        w.withdraw("a", "RE-90001")
        w.match("receipts")
        assert names(w) == {("k1", "po_R10001")}


def test_the_order_of_facts_changes_nothing() -> None:
    facts = [PO, payout("po_R10002", 5_000, day=3), invoice("RE-90001", 5_000), NAMING, line("k2", 5_000, day=4)]
    found = set()
    for seed in range(3):
        random.Random(seed).shuffle(facts)
        with world("generic", *facts, sources=SOURCES, reconciliations=PAYOUTS + RECEIPTS) as w:
            found.add(tuple(run.digest for run in w.match()))
    assert len(found) == 1


STRIPE = {"text": "Auszahlung", "name": "Stripe Technology Europe"}


def of_names(*facts: Fact, **options: Any) -> tuple[set[frozenset[str]], set[frozenset[str]]]:
    with world("payout-to-bank", *(facts), **options) as w:
        w.match()
        return w.together("confirmed"), w.together("proposed")


def paid_out(own_id: str, amount: int, **more: Any) -> Fact:
    return Fact(source="a", id=own_id, amount=-amount, kind="payout", day=1, **more)


def test_a_line_of_a_name_that_payouts_never_bear_is_not_taken_for_one() -> None:
    known = [paid_out("po_R10001", 7_000), line("k1", 7_000, day=2, **(STRIPE | {"text": "po_R10001"}))]
    stranger = line("k2", 5_000, name="Hans Mieter", text="Miete", day=2)
    assert of_names(*known, paid_out("po_R10002", 5_000), stranger) == ({frozenset({"po_R10001", "k1"})}, set())
    same = line("k3", 5_000, day=2, **(STRIPE | {"name": "STRIPE TECHNOLOGY EUROPE LTD"}))
    both = {frozenset({"po_R10001", "k1"}), frozenset({"po_R10002", "k3"})}
    assert of_names(*known, paid_out("po_R10002", 5_000), same) == (both, set())
    assert of_names(*known, paid_out("po_R10002", 5_000), line("k3", 5_000, day=2))[0] == both


def test_where_no_name_is_known_yet_a_person_confirms() -> None:
    pair = {frozenset({"po_R10002", "k2"})}
    named = line("k2", 5_000, name="Hans Mieter", day=2)
    assert of_names(paid_out("po_R10002", 5_000), named) == (set(), pair)
    assert of_names(paid_out("po_R10002", 5_000, name="Mieter, Hans"), named) == (pair, set())


def test_what_a_person_confirmed_is_known() -> None:
    with world("payout-to-bank", paid_out("po_R10001", 7_000), line("k1", 7_000, day=2, **STRIPE)) as w:
        w.match()
        assert w.together("proposed") == {frozenset({"po_R10001", "k1"})}
        w.resolve("k1", "po_R10001")
        w.add(paid_out("po_R10002", 5_000), line("k2", 5_000, day=3, **STRIPE), line("k3", 6_000, name="Mieter", day=3))
        w.add(paid_out("po_R10003", 6_000))
        w.match()
        assert w.together() == {frozenset({"po_R10001", "k1"}), frozenset({"po_R10002", "k2"})}
        assert not w.together("proposed")


def test_the_name_of_the_source_is_known() -> None:
    own = rules_text(rule("id", keys='[{ left = "external_id", right = "text", how = "token" }]'), rule("amount"),
        claims='{ left = "settlement", right = "bank" }', group='{ left = "settlement_id" }', polarity='"by kind"',
    )  # fmt: skip
    for name, text, found in (
        ("Novalnet AG", None, True), ("Citibank", "NOVALNET 17", True), ("Hans Mieter", "Miete", False)
    ):  # fmt: skip
        facts = [
            Fact(source="novalnet", id="po_1", amount=-5_000, kind="payout", day=1),
            line("k1", 5_000, name=name, text=text),
        ]
        side = '[[reconciliation]]\nid = "ab"\nleft = { source = "novalnet" }\nright = { source = "b" }\nrules = "rules/own.toml"\n'
        with world(own, *facts, sources=("novalnet", "b"), reconciliations=side) as w:
            assert bool(w.matched()) is found, name
