"""What one reconciliation leaves to a later one: if that explains nothing either, the earlier reason stands."""

import json
from typing import Any

import pytest

from tests.matching.worlds import Fact, invoice, line, world

SOURCES = ("a", "p", "b")
TWO = """
[[reconciliation]]
id = "payouts"
left = { source = "p" }
right = { source = "b" }
rules = "payout-to-bank"
[[reconciliation]]
id = "receipts"
left = { source = "a" }
right = { source = "b" }
rules = "open-items-to-bank"
"""
PAPERS = """
[[reconciliation]]
id = "cards"
left = { source = "a" }
right = { source = "p" }
rules = "invoice-to-payment"
[[reconciliation]]
id = "receipts"
left = { source = "a" }
right = { source = "b" }
rules = "open-items-to-bank"
"""


def payout(name: str, amount: int, **more: Any) -> Fact:
    return Fact(source="p", id=name, amount=-amount, kind="payout", **more)


def charge(own_id: str, amount: int, /, *refs: str, **more: Any) -> Fact:
    return Fact(source="p", id=own_id, amount=amount, kind="charge", refs=refs, **more)


def told(w: Any, name: str) -> dict[str, Any]:
    (found,) = (row for row in w.exceptions() if row["external_id"] == name)
    return dict(found)


def test_two_payouts_of_one_amount_make_the_lines_of_the_bank_ambiguous() -> None:
    payouts = [payout(f"po_{n}", 50_000, day=1) for n in range(2)]
    lines = [line(f"b{n}", 50_000, text="payout", day=2) for n in range(2)]
    with world("generic", *payouts, *lines, sources=SOURCES, reconciliations=TWO) as w:
        w.match()
        assert w.together() == set()
        asked = [f"po_{n}" for n in range(2)] + [one.id for one in lines]
        reasons = w.reasons()
        assert {name: reasons[name] for name in asked} == dict.fromkeys(asked, "ambiguous")
        of_line = told(w, "b0")
        assert {one["external_id"] for one in json.loads(of_line["candidates"])} == {"po_0", "po_1"}
        # It is settled where the candidates are: between the platform and the bank.
        assert of_line["reconciliation"] == "payouts"
        places = {row["external_id"]: row for row in w.positions() if row["claim"] == "bank"}
        assert {(row["reconciliation"], row["state"], row["amount"]) for row in places.values()} == {
            ("payouts", "exception", 50_000)
        }
        w.resolve("b0", "po_1")
        w.match()
        assert frozenset({"b0", "po_1"}) in w.together()
        assert "b0" not in w.reasons()


def test_what_the_later_one_explains_is_no_exception_of_the_earlier() -> None:
    payouts = [payout(f"po_{n}", 50_000, day=1) for n in range(2)]
    lines = [line("b0", 50_000, "RE-90001", day=2), line("b1", 50_000, text="payout", day=2)]
    with world("generic", *payouts, *lines, invoice("RE-90001", 50_000), sources=SOURCES, reconciliations=TWO) as w:
        w.match()
        assert frozenset({"b0", "RE-90001"}) in w.together()
        assert "b0" not in w.reasons()
        assert {row["state"] for row in w.positions() if row["external_id"] == "b0" and row["claim"] == "bank"} == {
            "matched"
        }


@pytest.mark.parametrize(("paid", "reason"), [((12_000,), "amount_difference"), ((10_000, 10_000), "ambiguous")])
@pytest.mark.parametrize("due", [2, 400])
def test_a_paper_that_a_card_paid_too_much_or_twice_says_so_after_the_bank_was_asked(
    paid: tuple[int, ...], reason: str, due: int
) -> None:
    charges = [charge(f"ch_{n}", amount, "RE-90001", day=1 + n) for n, amount in enumerate(paid)]
    papers = [invoice("RE-90001", 10_000, due=due), invoice("RE-90002", 7_000, due=due)]
    with world("generic", *papers, *charges, sources=SOURCES, reconciliations=PAPERS) as w:
        w.match()
        reasons = w.reasons()
        assert reasons.pop("RE-90002", None) == (None if due > 300 else "missing_right")
        assert reasons == dict.fromkeys(("RE-90001", *(one.id for one in charges)), reason)
        of_paper = told(w, "RE-90001")
        assert of_paper["reconciliation"] == "cards"
        assert {one["external_id"] for one in json.loads(of_paper["candidates"])} == {one.id for one in charges}


def test_a_number_in_the_bank_says_more_than_an_amount_before_it() -> None:
    payouts = [payout(f"po_{n}", 50_000, day=1) for n in range(2)]
    paper = invoice("RE-90001", 60_000)
    with world(
        "generic", *payouts, paper, line("b0", 50_000, "RE-90001", day=400), sources=SOURCES, reconciliations=TWO
    ) as w:
        w.match("payouts")
        w.match("receipts")
        assert told(w, "RE-90001")["reconciliation"] == "receipts"


def test_a_later_run_hears_what_the_earlier_one_knows_by_then() -> None:
    lines = [line(f"b{n}", 50_000, text="payout", day=2) for n in range(2)]
    with world("generic", *lines, sources=SOURCES, reconciliations=TWO) as w:
        w.match()
        assert w.reasons() == dict.fromkeys(("b0", "b1"), "missing_left")
        before = {row["exception_id"] for row in w.exceptions()}
        w.add(*(payout(f"po_{n}", 50_000, day=1) for n in range(2)))
        w.match()
        assert w.reasons() == dict.fromkeys(("b0", "b1", "po_0", "po_1"), "ambiguous")
        # Whoever was asked to look at it still is.
        assert before < {row["exception_id"] for row in w.exceptions()}
        w.correct("p", "po_1", amount=-40_000)
        w.match()
        assert frozenset({"b0", "po_0"}) not in w.together()


def test_the_same_amount_by_another_name_is_no_answer() -> None:
    papers = [invoice(f"RE-{n}", 4_900, name=name, due=2) for n, name in enumerate(("Anna Berger", "José Braun"))]
    lone = charge("ch_0", 4_900, name="Pavel Huber", day=1)
    with world("generic", *papers, lone, sources=SOURCES, reconciliations=PAPERS) as w:
        w.match()
        assert w.reasons() == {"ch_0": "missing_left", "RE-0": "missing_right", "RE-1": "missing_right"}
        shown = json.loads(told(w, "ch_0")["candidates"])
        assert {one["why"] for one in shown} == {"other_name"}


def test_a_payout_made_of_no_lines_is_one_answer_and_not_two() -> None:
    with world(
        "generic", payout("po_0", 50_000, day=1), line("b0", 50_000, day=25), sources=SOURCES, reconciliations=TWO
    ) as w:
        w.match()
        assert w.reasons() == {"po_0": "missing_right", "b0": "missing_left"}
        assert len(json.loads(told(w, "po_0")["candidates"])) == 1


def test_what_an_undo_frees_is_looked_for_by_the_later_one_too() -> None:
    facts = [payout("po_70001", 50_000, day=1), line("b0", 50_000, text="po_70001", day=2)]
    with world("generic", *facts, sources=SOURCES, reconciliations=TWO) as w:
        assert w.matched() == {frozenset({"po_70001", "b0"})}
        w.undo(w.match_id("po_70001", "b0"))
        assert w.reasons()["b0"] == "missing_left"
        later = invoice("RE-20001", 50_000)
        w.add(later, line("b1", 50_000, text="RE-20001", day=3))
        w.match()
        assert frozenset({"RE-20001", "b1"}) in w.together()
        assert w.reasons()["b0"] == "missing_left"


def test_what_a_rejection_frees_is_looked_for_by_the_later_one_too() -> None:
    with world("generic", payout("po_0", 50_000, day=1), line("b0", 50_000, text="transfer", name="Other Ltd", day=2),
               sources=SOURCES, reconciliations=TWO) as w:  # fmt: skip
        w.match()
        (proposed,) = {row["match_id"].hex() for row in w.rows() if row["status"] == "proposed"}
        w.judge(proposed, approved=False)
        assert w.reasons()["b0"] == "missing_left"


@pytest.mark.parametrize("currency", ["EUR", "JPY"])
@pytest.mark.parametrize("sign", [1, -1])
def test_what_shares_a_number_and_is_matched_is_told_although_a_later_one_looked_in_vain(
    sign: int, currency: str
) -> None:
    """A payout that the bank returned names the payout, which is matched with the line that brought it."""
    settled = payout("PAYOUT-20004", sign * 7_700, currency=currency, day=1)
    came = line("b4", sign * 7_700, text="PSP PAYOUT-20004", currency=currency, day=2)
    returned = line("b4r", -sign * 7_700, text="RETURN PSP PAYOUT-20004", currency=currency, day=4)
    alone = line("b9", 9_900, text="rent", currency=currency, day=4)
    with world("generic", settled, came, returned, alone, sources=SOURCES, reconciliations=TWO) as w:
        w.match()
        of_line = told(w, "b4r")
        assert of_line["note"] == "PAYOUT-20004 shares its number, and is matched with something else"
        assert [one["external_id"] for one in json.loads(of_line["candidates"])] == ["PAYOUT-20004"]
        assert (of_line["reason"], of_line["reconciliation"]) == ("missing_left", "payouts")
        assert (told(w, "b9")["note"], told(w, "b9")["candidates"]) == ("nothing on the other side explains it", "[]")


def test_what_the_later_one_names_itself_comes_before_what_the_earlier_one_named_in_vain() -> None:
    settled = payout("PAYOUT-20004", 7_700, day=1)
    came = line("b4", 7_700, text="PSP PAYOUT-20004", day=2)
    owed, paid = invoice("RE-90001", 5_500), line("b5", 5_500, text="RE-90001", day=2)
    both = line("b6", 9_900, text="PAYOUT-20004 RE-90001", day=4)
    with world("generic", settled, came, owed, paid, both, sources=SOURCES, reconciliations=TWO) as w:
        w.match()
        of_line = told(w, "b6")
        assert of_line["note"] == "RE-90001 shares its number, and is matched with something else"
        assert of_line["reconciliation"] == "receipts"


def test_a_reason_that_says_more_comes_before_one_that_only_names() -> None:
    """Of two earlier ones the first names what is matched already, and the second what has another amount."""
    receipts = "[[reconciliation]]" + TWO.split("[[reconciliation]]")[2]
    three = TWO.replace('id = "receipts"', 'id = "cards"').replace('source = "a"', 'source = "c"') + receipts
    settled, came = payout("PAYOUT-20004", 7_700, day=1), line("b4", 7_700, text="PSP PAYOUT-20004", day=2)
    owed = Fact(source="c", id="RE-90001", amount=9_000, kind="invoice")
    both = line("b6", 9_900, text="PAYOUT-20004 RE-90001", day=4)
    with world("generic", settled, came, owed, both, sources=(*SOURCES, "c"), reconciliations=three) as w:
        w.match()
        of_line = told(w, "b6")
        assert (of_line["reason"], of_line["reconciliation"]) == ("amount_difference", "cards")
