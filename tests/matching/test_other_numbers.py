"""A line that names one number pays no other, whatever its amount, its day and its payer's name."""

import pytest

from tests.matching.given import Fact
from tests.matching.worlds import World, invoice, line, rule, rules_text, world
from tieout.matching.comparing.numbers import number_of_another

SET = "open-items-to-bank"


def found(w: World) -> set[tuple[str, ...]]:
    w.match()
    return {tuple(sorted(ids)) for ids in w.together("confirmed") | w.together("proposed")}


def told(w: World) -> dict[str, tuple[str, list[str]]]:
    import json

    return {
        row["external_id"]: (row["note"], [one["why"] for one in json.loads(row["candidates"])])
        for row in w.exceptions()
    }


FEE = invoice("RE-2001", 33_300, name="Kranz AG", day=1, due=2)


def test_the_fee_of_another_month_is_not_paid_and_both_say_why() -> None:
    with world(SET, FEE, line("k1", 33_300, text="Miete RE-2002", name="Kranz AG", day=3)) as w:
        assert found(w) == set()
        assert told(w)["k1"] == ("names RE-2002, and not RE-2001, which has its amount", ["other_number"])
        assert told(w)["RE-2001"] == ("k1 has its amount, and names RE-2002", ["other_number"])


def test_without_a_number_it_is_paid_and_so_it_is_by_its_own_among_others() -> None:
    for text in ("Miete", "Miete RE-20025", "Miete 2002", "Miete R-2002", "AB-2002"):
        with world(SET, FEE, line("k1", 33_300, text=text, name="Kranz AG", day=3)) as w:
            assert found(w) == {("RE-2001", "k1")}, text
    with world(SET, FEE, line("k1", 33_300, text="RE-2002 und RE 2001", name="Kranz AG", day=3)) as w:
        assert found(w) == {("RE-2001", "k1")}


def test_nor_is_a_selection_of_documents_of_which_one_is_another() -> None:
    owed = [invoice(f"RE-200{n}", amount, name="Kranz AG", day=1) for n, amount in ((1, 12_341), (2, 23_457))]
    for text, some in (("danke", {("RE-2001", "RE-2002", "k1")}), ("RE-2001 RE-2003", set()), ("RE-2009", set())):
        with world(SET, *owed, line("k1", 35_798, text=text, name="Kranz AG", day=3)) as w:
            assert found(w) == some, text


def test_a_document_of_another_series_does_not_take_its_place() -> None:
    other = invoice("RE-2003", 33_300, name="Kranz AG", day=1)
    with world(SET, FEE, other, line("k1", 33_300, text="RE-2002", name="Kranz AG", day=3)) as w:
        assert found(w) == set()


@pytest.mark.parametrize(("text", "some"), [("STRIPE po_10002", set()), ("STRIPE", {("k1", "po_10001")})])
def test_a_line_that_names_another_payout_is_not_this_ones(text: str, some: set[tuple[str, ...]]) -> None:
    payout = Fact(source="a", id="po_10001", amount=-33_300, kind="payout", day=1)
    with world("payout-to-bank", payout, line("k1", 33_300, text=text, day=2)) as w:
        assert found(w) == some


@pytest.mark.parametrize(("ref", "some"), [("RE-2002", set()), ("AB-2002", {("RE-2001", "ch_1")})])
def test_a_charge_that_names_another_document_does_not_pay_this_one(ref: str, some: set[tuple[str, ...]]) -> None:
    charge = Fact(source="b", id="ch_1", amount=33_300, kind="charge", refs=(ref,), name="Kranz AG", day=1)
    with world("generic", FEE, charge) as w:
        assert found(w) == some
    # The other way round: what the document names is another charge.
    named = Fact(source="b", id="TX-2001", amount=33_300, kind="charge", name="Kranz AG", day=1)
    document = invoice("RE-2001", 33_300, name="Kranz AG", day=1, refs=(ref.replace("RE", "TX"),))
    with world("generic", document, named) as w:
        assert bool(found(w)) is bool(some)


def test_what_is_learned_rests_on_no_number_either() -> None:
    own = rules_text(
        rule(
            days="{ from = 0, to = 5 }",
            keys='[{ left = "counterparty", right = "counterparty", how = "name" }]',
            score="{ amount = 40, days = 30, name = 30 }",
            amount='{ pct = "1" }',
            at_least="60",
            margin="10",
        )
    )
    for text, some in (("RE-2002", set()), ("danke", {("RE-2001", "k1")})):
        with world(own, FEE, line("k1", 33_300, text=text, name="Kranz AG", day=3)) as w:
            assert found(w) == some


def test_what_is_written_alike() -> None:
    said = [
        (["RE-2001"], "RE-2002", "RE-2002"),
        (["RE-2001"], "SVWZ+RE2002/RE2003", "RE2002"),
        (["RE-2026-0012"], "zu RE 2026 0013.", "RE-2026-0013"),
        (["po_10001"], "STRIPE PO 10002", "PO-10002"),
        (["RE-2001", "X1"], "re 2002 / x-1", None),
        (["2001"], "2002", None),
        (["RE-2001"], "Rechnung 2002, R2002, RE-20022, RE200", None),
        (["R1"], "R2", None),
    ]
    for own, text, number in said:
        assert number_of_another(own, [text]) == number, text
