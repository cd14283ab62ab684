"""The reason of an exception is true: several answers are several, what is late is late, a reversal is no duplicate."""

from typing import Any

from tests.matching.worlds import invoice, line, world


def notes(w: Any) -> dict[str, str]:
    return {row["external_id"]: row["note"] for row in w.exceptions()}


def test_the_only_one_that_fits_long_after_is_late() -> None:
    payout = invoice("po_90001", -10_000, kind="payout", settlement="S1", day=1)
    with world("payout-to-bank", payout, line("b", 10_000, text="PSP po_90001", day=75)) as w:
        w.match()
        assert w.reasons() == {"po_90001": "late", "b": "late"}
        assert "74 days apart" in notes(w)["b"]


def test_what_a_person_took_apart_is_no_candidate_of_the_other() -> None:
    with world("open-items-to-bank", invoice("RE-90001", 10_000), line("b", 10_000, "RE-90001")) as w:
        w.match()
        w.undo(w.match_id("RE-90001", "b"))
        w.match()
        assert set(w.reasons().values()) <= {"missing_left", "missing_right"}


def test_a_dispute_that_was_won_is_no_duplicate_of_the_charge() -> None:
    charge = invoice("ch_2", 5_000, kind="charge", payment="ch_2")
    won = invoice("dp_2", 5_000, kind="dispute_reversal", refs=("ch_2",), day=9)
    with world("payout-to-bank", charge, won, line("b", 1, text="x")) as w:
        w.match()
        assert "duplicate" not in w.reasons().values()


def test_ambiguous_says_whose_others_there_are() -> None:
    documents = [invoice("RE-1", 10_000, day=1), invoice("RE-2", 10_000, day=1)]
    with world("open-items-to-bank", *documents, line("b", 10_000, day=3)) as w:
        w.match()
        assert w.reasons()["b"] == "ambiguous"
        told = notes(w)
        assert told["b"] == "several answers fit equally well: choose one"
        assert {told.get("RE-1", ""), told.get("RE-2", "")} <= {
            "", "the only one that it fits has others that fit as well: choose one"
        }  # fmt: skip


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
