"""Laws 7 and 8: what is found only because a provisional match had used something up is as provisional as that match."""

import pytest

from tests.matching.test_first_come import BOTH
from tests.matching.worlds import Fact, World, invoice, line, rule, rules_text, world

ORDER = "PO-777777"
FIRST, SECOND = (invoice(own, 10_000, refs=(ORDER,)) for own in ("A-10001", "A-10002"))
CARD = Fact(source="c", id="ch_1", amount=10_000, kind="charge", refs=(ORDER,), day=1)


def final(w: World) -> set[str]:
    """Give what final matches hold."""
    return {row["external_id"] for row in w.rows() if not row["provisional"]}


def found(w: World) -> tuple[set[frozenset[str]], dict[str, str]]:
    w.match()
    w.match()
    return w.together(), w.reasons()


def test_of_two_that_an_order_names_the_one_that_a_provisional_match_left_is_not_final() -> None:
    """A transfer names one of two invoices of an order: the card's is the other one, until the transfer is corrected."""
    transfer = line("b1", 10_000, text="A-10001", day=2)
    with world("generic", FIRST, SECOND, transfer, CARD, sources=("a", "b", "c"), reconciliations=BOTH) as w:
        found(w)
        assert w.together() == {frozenset({"A-10001", "b1"}), frozenset({"A-10002", "ch_1"})}
        assert final(w) == set()
        w.correct("b", "b1", text="A-10002")
        corrected = found(w)
    transfer = line("b1", 10_000, text="A-10002", day=2)
    with world("generic", FIRST, SECOND, transfer, CARD, sources=("a", "b", "c"), reconciliations=BOTH) as w:
        assert found(w) == corrected
        assert corrected[0] == {frozenset({"A-10002", "b1"}), frozenset({"A-10001", "ch_1"})}


@pytest.mark.parametrize("other", [invoice("A-10001", 20_000, refs=(ORDER,)), invoice("A-10001", 10_000)])
def test_what_could_not_have_been_taken_instead_keeps_nothing_from_being_final(other: Fact) -> None:
    transfer = line("b1", other.amount, text="A-10001", day=2)
    with world("generic", other, SECOND, transfer, CARD, sources=("a", "b", "c"), reconciliations=BOTH) as w:
        found(w)
        assert w.together() == {frozenset({"A-10001", "b1"}), frozenset({"A-10002", "ch_1"})}
        assert final(w) == {"A-10002", "ch_1"}


TOKEN = '[{ left = "external_id", right = ["references", "text"], how = "token" }]'
PART_FIRST = rules_text(
    rule("part", keys=TOKEN, partial="true", right='{ bank_codes = ["PART"] }'),
    rule("exact", keys='[{ left = "external_id", right = "references" }]'),
)
TEXT_FIRST = rules_text(
    rule("text", keys=TOKEN, right='{ bank_codes = ["PART"] }'),
    rule("exact", keys='[{ left = "references", right = "references" }]'),
)


def test_within_one_set_a_rest_rests_on_the_part_before_it() -> None:
    def of(amount: int) -> tuple[Fact, ...]:
        part = line("b1", amount, text="A-10001", day=1, bank_code="PART")
        return invoice("A-10001", 10_000), part, line("b2", 4_000, "A-10001", day=2)

    with world(PART_FIRST, *of(6_000)) as w:
        found(w)
        assert w.together() == {frozenset({"A-10001", "b1"}), frozenset({"A-10001", "b2"})}
        assert final(w) == set()
        w.correct("b", "b1", amount=10_000)
        corrected = found(w)
    with world(PART_FIRST, *of(10_000)) as w:
        assert found(w) == corrected


def test_within_one_set_what_is_left_of_two_rests_on_what_took_the_other() -> None:
    def of(text: str) -> tuple[Fact, ...]:
        told = line("b1", 10_000, text=text, day=1, bank_code="PART")
        return FIRST, SECOND, told, line("b2", 10_000, ORDER, day=2)

    with world(TEXT_FIRST, *of("A-10001")) as w:
        found(w)
        assert w.together() == {frozenset({"A-10001", "b1"}), frozenset({"A-10002", "b2"})}
        assert final(w) == set()
        w.correct("b", "b1", text="A-10002")
        corrected = found(w)
    with world(TEXT_FIRST, *of("A-10002")) as w:
        assert found(w) == corrected
