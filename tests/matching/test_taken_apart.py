"""What a person took apart is told as that, and is no answer any more."""

import pytest

from tests.matching.test_reasons import notes, shown
from tests.matching.worlds import Fact, invoice, line, rule, rules_text, world


def _settled(currency: str, sign: int) -> list[Fact]:
    earned = invoice(
        "k5",
        sign * 10_000,
        kind="charge" if sign > 0 else "refund",
        currency=currency,
        settlement="PAYOUT-20005",
        day=1,
    )
    paid = invoice("PAYOUT-20005", -sign * 10_000, kind="payout", currency=currency, settlement="PAYOUT-20005", day=1)
    return [earned, paid, line("b6", sign * 10_000, text="PSP PAYOUT-20005", currency=currency, day=2)]


@pytest.mark.parametrize(("currency", "sign"), [("EUR", 1), ("EUR", -1), ("JPY", 1)])
def test_both_say_that_a_person_took_them_apart(currency: str, sign: int) -> None:
    with world("payout-to-bank", *_settled(currency, sign), line("b9", 77, text="rent", day=60)) as w:
        w.match()
        (found,) = {row["match_id"].hex() for row in w.rows() if row["external_id"] == "b6"}
        w.undo(found)
        w.match()
        assert frozenset({"PAYOUT-20005", "b6"}) not in w.together()
        for one, other in (("PAYOUT-20005", "b6"), ("b6", "PAYOUT-20005")):
            assert notes(w)[one] == f"{other} shares its number, and a person took the two apart"
            assert shown(w, one)[0] == (other, "apart")


def test_what_is_open_and_named_comes_before_what_was_taken_apart() -> None:
    with world("open-items-to-bank", invoice("RE-70001", 10_000), line("k1", 10_000, text="RE-70001")) as w:
        w.match()
        (found,) = {row["match_id"].hex() for row in w.rows()}
        w.undo(found)
        w.add(line("k2", 12_000, text="RE-70001", day=3))
        w.match()
        assert notes(w)["k1"] == "RE-70001 shares its number, and a person took the two apart"
        assert shown(w, "RE-70001")[:2] == [("k2", "amount_difference"), ("k1", "apart")]


def test_a_document_that_is_not_due_needs_nobody_because_it_was_taken_apart() -> None:
    document = invoice("RE-70001", 10_000, due=900)
    with world("open-items-to-bank", document, line("k1", 10_000, text="RE-70001")) as w:
        w.match()
        (found,) = {row["match_id"].hex() for row in w.rows()}
        w.undo(found)
        w.match()
        assert set(w.reasons()) == {"k1"}


_OWN = '[{ left = ["external_id", "references"], how = "normalised" }]'


@pytest.mark.parametrize(
    ("shape", "amounts"),
    [({"shape": '"reversal"', "days": "{ from = 0, to = 9 }"}, (-10_000,)), ({"shape": '"net"'}, (-6_000, -4_000))],
)
def test_what_settled_within_a_side_says_so_too(shape: dict[str, str], amounts: tuple[int, ...]) -> None:
    notes_of = [invoice(f"GS-{n}", one, kind="credit_note", refs=("RE-70001",), day=1) for n, one in enumerate(amounts)]
    rules = rules_text(rule("within", keys=_OWN, **shape))
    with world(rules, invoice("RE-70001", 10_000), *notes_of, line("b9", 77, text="rent")) as w:
        w.match()
        w.undo(w.match_id("RE-70001", *(one.id for one in notes_of)))
        w.match()
        assert w.reasons() == dict.fromkeys(("RE-70001", *(one.id for one in notes_of)), "missing_right") | {
            "b9": "missing_left"
        }
        for one in notes_of:
            assert ("RE-70001", "apart") in shown(w, one.id)
            assert (one.id, "apart") in shown(w, "RE-70001")
        first = shown(w, "RE-70001")[0][0]
        assert notes(w)["RE-70001"] == f"{first} shares its number, and a person took the two apart"
