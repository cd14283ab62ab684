"""The reason of an exception is true: several answers are several, what is late is late, a reversal is no duplicate."""

import datetime as dt
import json
from typing import Any

import pytest

from tests.matching.worlds import DAY, Fact, invoice, line, rule, rules_text, world


def notes(w: Any) -> dict[str, str]:
    return {row["external_id"]: row["note"] for row in w.exceptions()}


def test_the_only_one_that_fits_long_after_is_late() -> None:
    payout = invoice("po_90001", -10_000, kind="payout", settlement="S1", day=1)
    with world("payout-to-bank", payout, line("b", 10_000, text="PSP po_90001", day=75)) as w:
        w.match()
        assert w.reasons() == {"po_90001": "late", "b": "late"}
        assert "74 days apart" in notes(w)["b"]


def test_what_a_person_took_apart_is_told_as_that_and_is_missing() -> None:
    with world("open-items-to-bank", invoice("RE-90001", 10_000), line("b", 10_000, "RE-90001")) as w:
        w.match()
        w.undo(w.match_id("RE-90001", "b"))
        w.match()
        assert w.reasons() == {"RE-90001": "missing_right", "b": "missing_left"}
        assert (shown(w, "RE-90001"), shown(w, "b")) == ([("b", "apart")], [("RE-90001", "apart")])


def test_a_dispute_that_was_won_is_no_duplicate_of_the_charge() -> None:
    document = invoice("RE-90002", 5_000, refs=("ORD-90001",))
    charge = line("ch_90002", 5_000, "ORD-90001", kind="charge")
    for kind, paid, left, reason in (
        ("dispute_reversal", "ch_90002", "again", "missing_left"),
        ("charge", "again", "ch_90002", "duplicate"),
    ):
        again = line("again", 5_000, "ORD-90001", "RE-90002", kind=kind, day=40)
        with world("invoice-to-payment", document, charge, again) as w:
            w.match()
            assert w.together() == {frozenset({"RE-90002", paid})}
            assert w.reasons() == {left: reason}


def test_ambiguous_says_whose_others_there_are() -> None:
    documents = [invoice(name, 10_000, day=1, due=2) for name in ("RE-1", "RE-2")]
    with world("open-items-to-bank", *documents, line("b", 10_000, day=3)) as w:
        w.match()
        assert w.reasons() == dict.fromkeys(("b", "RE-1", "RE-2"), "ambiguous")
        only = "the only one that it fits has others that fit as well: choose one"
        assert notes(w) == {"b": "several answers fit equally well: choose one", "RE-1": only, "RE-2": only}
        assert sorted(shown(w, "b")) == [("RE-1", "same_amount"), ("RE-2", "same_amount")]


def test_a_payout_that_its_lines_do_not_add_up_to_is_said_once() -> None:
    lines = [
        invoice("ch_1", 10_000, kind="charge", fee=300, settlement="po_90001"),
        invoice("po_90001", -14_700, kind="payout", settlement="po_90001", day=1),
    ]
    with world("payout-to-bank", *lines, line("b", 14_700, text="po_90001", day=3)) as w:
        w.match()
        assert w.together() == {frozenset({"po_90001", "b"})}
        assert w.reasons() == {"po_90001": "balance_difference"}
        assert "97.00 EUR" in notes(w)["po_90001"]
        w.add(invoice("ch_2", 5_000, kind="charge", settlement="po_90001"))
        w.match()
        assert w.reasons() == {}


def shown(w: Any, name: str) -> list[tuple[str, str]]:
    (told,) = (row["candidates"] for row in w.exceptions() if row["external_id"] == name)
    return [(one["external_id"], one["why"]) for one in json.loads(told)]


@pytest.mark.parametrize(
    ("first", "late"),
    [
        ((9_700, 5_000), 2_000),
        ((9_700, 5_000), -2_000),
        ((9_700, 5_000), 5_000),
        ((14_700,), 2_000),
        ((14_700,), 14_700),
    ],
)
def test_a_settlement_that_gets_a_late_line_differs_by_what_it_comes_to(first: tuple[int, ...], late: int) -> None:
    lines = [invoice(f"ch_{n}", amount, kind="charge", settlement="S900001") for n, amount in enumerate((*first, late))]
    # Lines of the bank that equal one of the settlement's lines say nothing: its lines arrive together.
    others = [line(f"x{n}", late, text="rent", day=2 + n) for n in range(2) if late == first[-1]]
    with world("payout-to-bank", *lines[:-1], *others, line("b", 14_700, text="PSP S900001", day=3)) as w:
        w.match()
        assert w.together() == {frozenset({*(one.id for one in lines[:-1]), "b"})}
        w.add(lines[-1])
        w.match()
        assert w.together() == set()
        asked = {"b", *(one.id for one in lines)}
        assert {name: why for name, why in w.reasons().items() if name in asked} == dict.fromkeys(
            asked, "amount_difference"
        )
        whole, apart = f"{(14_700 + late) / 100:.2f}", f"{abs(late) / 100:.2f}"
        assert notes(w)["b"] == f"147.00 EUR here, {whole} there: differs by {apart} EUR"
        for one in lines:
            expected = f"its settlement comes to {whole} EUR, 147.00 there: differs by {apart} EUR"
            assert notes(w)[one.id] == expected


def test_lines_of_a_settlement_are_one_answer_and_two_lines_of_the_bank_are_two() -> None:
    lines = [
        invoice(f"ch_{n}", amount, kind="charge", settlement="S900001") for n, amount in enumerate((10_000, 5_000))
    ]
    with world("payout-to-bank", *lines, *(line(f"x{n}", 15_000, text="PSP", day=2 + n) for n in range(2))) as w:
        w.match()
        assert w.together() == set()
        assert w.reasons() == dict.fromkeys(("ch_0", "ch_1", "x0", "x1"), "ambiguous")


def test_lines_of_one_settlement_that_agree_on_another_day_are_late_and_not_several_answers() -> None:
    lines = [
        invoice(f"ch_{n}", amount, kind="charge", settlement="S900001", day=40)
        for n, amount in enumerate((10_000, 5_000))
    ]
    with world("payout-to-bank", *lines, line("b", 15_000, text="PSP S900001", day=1)) as w:
        w.match()
        assert w.together() == set()
        assert w.reasons() == dict.fromkeys(("ch_0", "ch_1", "b"), "late")


@pytest.mark.parametrize(
    ("paid", "currency", "reason"),
    [
        ((12_000,), "EUR", "amount_difference"),
        ((10_000, 10_000), "EUR", "ambiguous"),
        ((10_000,), "USD", "currency_mismatch"),
    ],
)
def test_money_that_names_a_document_needs_a_person_before_the_document_is_due(
    paid: tuple[int, ...], currency: str, reason: str
) -> None:
    lines = [line(f"b{n}", amount, "RE-90001", currency=currency, day=3 + n) for n, amount in enumerate(paid)]
    document, other = (invoice(name, 10_000, due=300) for name in ("RE-90001", "RE-90002"))
    with world("open-items-to-bank", document, other, *lines) as w:
        w.match()
        assert w.together() == set()
        assert w.reasons() == dict.fromkeys(("RE-90001", *(one.id for one in lines)), reason)
        assert {row["external_id"]: row["state"] for row in w.positions()}["RE-90002"] == "open"


def test_a_document_that_is_not_due_stays_open_while_no_money_names_it_or_the_money_is_matched() -> None:
    documents = [
        invoice("RE-90001", 10_000, due=300),
        invoice("RE-90002", 7_000, due=300),
        invoice("RE-90003", 7_000, due=300),
    ]
    # Another number, the same amount only, and one that is paid.
    lines = [line("b1", 9_000, "RE-90099", day=3), line("b2", 7_000, "RE-90003", day=3)]
    with world("open-items-to-bank", *documents, *lines) as w:
        w.match()
        assert w.together() == {frozenset({"RE-90003", "b2"})}
        assert set(w.reasons()) == {"b1"}
        assert all(row["reason"] is None for row in w.positions())


def test_a_refund_that_nothing_answers_to_lacks_its_credit_note() -> None:
    facts = (
        line("re_1", -500, kind="refund", payment="pi_1"),
        line("ch_1", 700, kind="charge", payment="pi_2"),
        line("re_2", -900, "CN-2", kind="refund"),
        invoice("CN-2", -800, kind="credit_note"),
    )
    with world("invoice-to-payment", *facts) as w:
        w.match()
        assert w.reasons() == {
            "re_1": "refund_without_credit_note", "ch_1": "missing_left", "re_2": "amount_difference",
            "CN-2": "amount_difference",
        }  # fmt: skip
        assert notes(w)["re_1"] == "no credit note answers to it"


def test_money_that_runs_the_other_way_is_no_difference_of_an_amount() -> None:
    """A refund is no part of its invoice: it lacks a credit note, and a returned debit pays no document."""
    facts = (
        line("re_1", -671, "RE-90001", kind="refund"),
        invoice("RE-90001", 1_776),
        line("re_2", -900, "RE-90002", kind="refund"),
        invoice("RE-90002", 900),
        invoice("CN-90003", -800, kind="credit_note"),
        line("ch_3", 700, "CN-90003", kind="charge"),
    )
    with world("invoice-to-payment", *facts) as w:
        w.match()
        assert w.reasons() == {
            "re_1": "refund_without_credit_note", "re_2": "refund_without_credit_note", "ch_3": "missing_left",
            "RE-90001": "missing_right", "RE-90002": "missing_right", "CN-90003": "missing_right",
        }  # fmt: skip
        assert shown(w, "re_1") == [("RE-90001", "other_way")]
        assert notes(w)["ch_3"] == "CN-90003 shares its number, and its money runs the other way"
        assert notes(w)["RE-90001"] == "re_1 shares its number, and its money runs the other way"


def test_what_runs_the_same_way_is_told_before_what_runs_the_other_way() -> None:
    facts = (
        line("re_1", -500, "RE-90001 CN-90001", kind="refund"),
        invoice("RE-90001", 500),
        invoice("CN-90001", -800, kind="credit_note"),
    )
    with world("invoice-to-payment", *facts) as w:
        w.match()
        assert w.reasons()["re_1"] == "amount_difference"
        assert shown(w, "re_1") == [("CN-90001", "amount_difference"), ("RE-90001", "other_way")]


def test_a_rival_whose_name_contradicts_is_no_rival() -> None:
    documents = [
        invoice(f"RE-7000{n}", 10_000, name=name, day=1, due=2) for n, name in ((1, "Adler GmbH"), (2, "Bauer GmbH"))
    ]
    paid = [line(f"k{n}", 10_000, text="danke", name=name, day=4) for n, name in ((1, "Adler GmbH"), (2, "Cramer AG"))]
    with world("open-items-to-bank", *documents, *paid) as w:
        w.match()
        missing = {"RE-70001": "missing_right", "RE-70002": "missing_right", "k1": "missing_left", "k2": "missing_left"}
        assert w.reasons() == missing
        assert notes(w)["k1"] == "RE-70001 has its amount and name, which others may have by chance"


def test_the_only_selection_of_a_payer_that_may_be_chance_is_not_several() -> None:
    amounts = {"RE-90001": 5_000, "RE-90002": 3_000, "RE-90003": 2_000}
    documents = [invoice(name, amount, name="Meier GmbH", day=1, due=2) for name, amount in amounts.items()]
    other = invoice("RE-90004", 7_000, name="Kranz AG", day=1, due=2)
    with world(
        "open-items-to-bank", *documents, other, line("k1", 7_000, text="Sammelzahlung", name="Meier GmbH", day=4)
    ) as w:
        w.match()
        assert set(w.reasons().values()) == {"missing_right", "missing_left"}
        words = "one selection of what could be meant comes to the sum, which may be chance"
        assert {name for name, note in notes(w).items() if note == words} == {"k1", "RE-90001", "RE-90003"}
        assert {name for name, why in shown(w, "k1") if why == "selection"} == {"RE-90001", "RE-90003"}
    several = [invoice(name, 3_500, name="Meier GmbH", day=1, due=2) for name in ("RE-1", "RE-2", "RE-3")]
    with world("open-items-to-bank", *several, line("k1", 7_000, text="Sammelzahlung", name="Meier GmbH", day=4)) as w:
        w.match()
        assert w.reasons()["k1"] == "ambiguous"


def test_several_selections_are_told_with_what_they_have() -> None:
    """Of 100, 100 and 60 two come to 160: whichever is taken, the other 100 is in it as well."""
    amounts = {"RE-1004": 10_000, "RE-1005": 10_000, "RE-1006": 6_000}
    documents = [invoice(name, amount, name="Sun", day=1, due=2) for name, amount in amounts.items()]
    with world("open-items-to-bank", *documents, line("B11", 16_000, text="Zahlung", name="Sun", day=4)) as w:
        w.match()
        assert w.reasons() == dict.fromkeys(("B11", *amounts), "ambiguous")
        assert notes(w)["B11"] == "several selections of what could be meant come to the sum: choose one"
        assert sorted(shown(w, "B11")) == [(name, "selection") for name in amounts]
        for name in amounts:
            assert notes(w)[name] == "may be part of B11, to which more than one selection comes: choose one"
            assert shown(w, name) == [("B11", "selection")]


def test_two_lines_that_could_have_one_document_each_name_what_they_could_have() -> None:
    amounts = {"RE-1": 123_457, "RE-2": 765_431, "RE-3": 654_323}
    documents = [invoice(name, amount, name="Sun", day=1, due=2) for name, amount in amounts.items()]
    lines = [line("B1", 888_888, name="Sun", day=4), line("B2", 777_780, name="Sun", day=4)]
    with world("open-items-to-bank", *documents, *lines) as w:
        w.match()
        assert w.together() == set()
        shared = "the selection that comes to the sum has something that another selection has, too: choose one"
        assert {notes(w)[name] for name in ("B1", "B2")} == {shared}
        assert {name for name, _ in shown(w, "B1")} == {"RE-1", "RE-2"}
        assert {name for name, _ in shown(w, "RE-1")} == {"B1", "B2"}


def test_of_equal_documents_of_which_one_is_in_a_selection_none_is_the_only_one_of_another_line() -> None:
    documents = [
        invoice(f"RE-{n}", amount, name="Sun", day=1, due=2) for n, amount in enumerate((10_000, 10_000, 6_000))
    ]
    lines = [line("B1", 16_000, name="Sun", day=4), line("B2", 10_000, day=4)]
    with world("open-items-to-bank", *documents, *lines) as w:
        w.match()
        assert w.together() == set()


def test_on_the_day_that_it_is_due_a_document_is_not_overdue() -> None:
    """As the list of open items has it: from the day after."""
    for day, reasons in ((4, {}), (5, {}), (6, {"RE-90001": "missing_right"})):
        with world("open-items-to-bank", invoice("RE-90001", 10_000, due=5), line("b0", -7, day=day, text="fee")) as w:
            w.through = DAY + dt.timedelta(days=day)
            w.match()
            assert {name: reason for name, reason in w.reasons().items() if name == "RE-90001"} == reasons


def test_a_settlement_that_a_refund_came_to_since_differs_by_it() -> None:
    """Its lines are on their way, and what they come to together is what the bank's line is held against."""
    charge = invoice("ch_1", 10_000, kind="charge", settlement="BAT50001", day=0)
    with world("payout-to-bank", charge, line("b", 10_000, text="BAT50001", day=4)) as w:
        w.through = DAY + dt.timedelta(days=4)
        assert w.matched() == {frozenset({"ch_1", "b"})}
        w.add(invoice("rf_1", -2_000, kind="refund", settlement="BAT50001", day=0))
        w.match()
        assert w.reasons()["b"] == "amount_difference"
        assert notes(w)["b"] == "100.00 EUR here, 80.00 there: differs by 20.00 EUR"
        assert dict(shown(w, "b")).keys() == {"ch_1", "rf_1"}
        assert {why for _, why in shown(w, "b")} == {"amount_difference"}


@pytest.mark.parametrize(("text", "amount"), [("RE-70001", 10_000), ("RE-70001", 9_000), ("danke", 10_000)])
def test_another_companys_record_is_said_to_be_that(text: str, amount: int) -> None:
    theirs = invoice("RE-70001", 10_000, entity="beta", name="Meier", day=1, due=2)
    more = '[[entity]]\nid = "beta"\ncurrency = "EUR"\n'
    sides = 'left = { source = "a" }\nright = { source = "b" }\n'
    ab = f'[[reconciliation]]\nid = "ab"\n{sides}rules = "open-items-to-bank"\n'
    bank = line("k1", amount, text=text, name="Meier", day=3)
    with world("open-items-to-bank", theirs, bank, extra=more, reconciliations=ab) as w:
        w.match()
        assert w.reasons() == {"RE-70001": "missing_right", "k1": "missing_left"}
        named = text != "danke"
        assert shown(w, "k1") == ([("RE-70001", "other_company")] if named else [])
        assert notes(w)["k1"] == (
            "RE-70001 shares its number, and is another company's, beta"
            if named
            else "nothing on the other side explains it"
        )


def carried(amount: int) -> list[Any]:
    """Give a settlement that carries 100.00 over, and the next one, which opens with an amount."""
    return [
        invoice("ch_1", 10_000, kind="charge", settlement="BAT1"),
        invoice("bt_1", -10_000, kind="balance_transfer", settlement="BAT1", day=1),
        invoice("bt_2", amount, kind="balance_transfer", settlement="BAT2", day=2),
        invoice("ch_2", 5_000, kind="charge", settlement="BAT2", day=2),
        line("k1", 5_000 + amount, text="BAT2", day=4),
    ]


def test_a_balance_that_opens_the_next_settlement_with_something_else_needs_a_person_once_it_is_overdue() -> None:
    for days, some in ((11, set()), (12, {"bt_1"}), (40, {"bt_1", "bt_2"})):
        with world("payout-to-bank", *carried(9_000)) as w:
            w.through = DAY + dt.timedelta(days=days)
            w.match()
            assert w.reasons() == dict.fromkeys(some, "amount_difference")
            if "bt_2" in some:
                assert shown(w, "bt_1") == [("bt_2", "amount_difference")]
                assert shown(w, "bt_2") == [("bt_1", "amount_difference")]
                assert notes(w) == {
                    "bt_1": "-100.00 EUR carried over, and 90.00 opens the next settlement: differs by 10.00 EUR",
                    "bt_2": "90.00 EUR opens the settlement, and -100.00 was carried over: differs by 10.00 EUR",
                }
                assert {str(row["due_on"]) for row in w.exceptions()} == {"2026-10-12", "2026-10-13"}
    with world("payout-to-bank", *carried(10_000)) as w:
        w.match()
        assert w.reasons() == {}
    with world("payout-to-bank", *carried(9_000)[:2], line("k2", 1, day=90)) as w:
        w.match()
        assert "bt_1" not in w.reasons()  # its other half is absent


def test_a_line_that_names_a_payout_which_was_given_away_shows_it_as_taken() -> None:
    payout = invoice("po_50001", -13_000, kind="payout", name="Stripe", day=1)
    with world("payout-to-bank", payout, line("k1", 13_000, text="Gutschrift", name="Hans Mieter", day=4)) as w:
        w.match()
        w.judge(w.match_id("po_50001", "k1"), approved=True)
        w.match()
        w.add(line("k2", 13_000, text="po_50001", name="Stripe", day=5))
        w.match()
        assert w.together() == {frozenset({"po_50001", "k1"})}
        assert shown(w, "k2") == [("po_50001", "taken")]
        assert notes(w)["k2"] == "po_50001 shares its number, and is matched with something else"


@pytest.mark.parametrize("others", [(), pytest.param((invoice("RE-90009", 777),), marks=pytest.mark.deep)])
def test_what_a_text_names_is_told_though_it_was_the_last_that_was_open(others: tuple[Fact, ...]) -> None:
    """The rule that compares texts has nothing left to look at."""
    facts = [invoice("RE-90001", 10_000), line("k", 10_000, "RE-90001", day=60), line("b", 6_000, text="RE-90001")]
    with world("open-items-to-bank", *facts, *others) as w:
        w.match()
        assert notes(w)["b"] == "RE-90001 shares its number, and is matched with something else"
        assert shown(w, "b") == [("RE-90001", "taken")]


def test_a_payout_is_compared_with_what_arrives_by_its_other_sign() -> None:
    payout = invoice("po_90001", -10_000, kind="payout", settlement="S1", day=1)
    with world("payout-to-bank", payout, line("b", 4_000, text="PSP po_90001", day=2)) as w:
        w.match()
        assert notes(w) == {
            "b": "40.00 EUR here, -100.00 there, which counts as 100.00 here: differs by 60.00 EUR",
            "po_90001": "-100.00 EUR here, 40.00 there, which counts as -40.00 here: differs by 60.00 EUR",
        }


def test_of_a_crowd_of_one_amount_the_one_that_alone_bears_its_name_is_told() -> None:
    """30 open on either side have 9.95, none of them Meier's: nothing is to be chosen, and who it may be is said."""
    crowd = [
        made(f"{mark}{n}", 995, name=f"{'Kunde' if mark == 'x' else 'Firma'} {letter}{letter} Handel", day=n % 7, due=2)
        for mark, made in (("x", invoice), ("y", line))
        for n, letter in enumerate("abcdefghijklmnopqrstuvwxyzäöüß"[:30])
    ]
    pair = [invoice("RE-70001", 995, name="Meier", day=1, due=2), line("k1", 995, name="Meier", day=1)]
    rules = rules_text(
        rule(
            keys='[{ left = "counterparty", right = "counterparty", how = "name" }]', amount='{ pct = "0.5" }',
            days="{ from = -3, to = 3 }", score="{ amount = 40, days = 30, name = 30 }", at_least="70", margin="31",
            coincidence='"0.01"',
        )
    )  # fmt: skip
    with world(rules, *pair, *crowd) as w:
        w.match()
        assert w.matched() == set()
        assert w.reasons()["RE-70001"] == "missing_right"
        assert w.reasons()["k1"] == "missing_left"
        # Itself, on one of seven days, with the one amount that there is.
        gate = "others may have by chance: 0.142857 are expected to be as good by accident, at most 0.01 may be"
        assert notes(w)["RE-70001"] == f"k1 has its amount and name, which {gate}"
        assert notes(w)["k1"] == f"RE-70001 has its amount and name, which {gate}"
        assert w.reasons()["x1"] == "ambiguous"
