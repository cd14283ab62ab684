"""Laws 6 to 8: what came first pays first, where nothing else could; what only names a document later undoes nothing."""

import pytest

from tests.matching.worlds import Fact, invoice, line, world

RE = "RE-2026-1001"


def paid(*lines: Fact, document: int = 100_000, also: tuple[Fact, ...] = ()) -> dict[str, dict[str, int]]:
    """Say for each match, by its lines' ids, what it takes of each; the same whether the lines came at once or one by one."""
    found = []
    for cut in (1, len(lines)):
        with world("open-items-to-bank", invoice(RE, document), *also) as w:
            for begin in range(0, len(lines), cut):
                w.add(*lines[begin : begin + cut])
                w.match()
            found.append({",".join(sorted(m.ids)): {p[2]: p[3] // 10**7 for p in m.parts} for m in w.matches()})
    assert found[0] == found[1]
    return found[0]


def part(own_id: str, amount: int, day: int, text: str = RE) -> Fact:
    return line(own_id, amount, text=text, day=day)


def test_interest_after_the_last_part_leaves_the_document_paid() -> None:
    found = paid(part("b1", 40_000, 1), part("b2", 60_000, 30), part("b3", 5_000, 60, f"{RE} Verzugszinsen"))
    assert found == {f"{RE},b1,b2": {RE: 100_000, "b1": 40_000, "b2": 60_000}}


@pytest.mark.parametrize(
    "amounts",
    [(40_000, 70_000), (40_000, 40_000, 40_000), (60_000, 40_000, 40_000), (60_000, 60_000), (100_000, 100_000)],
)
def test_where_others_would_fit_as_well_nothing_is_taken(amounts: tuple[int, ...]) -> None:
    assert paid(*(part(f"b{n}", amount, 1 + 30 * n) for n, amount in enumerate(amounts))) == {}


def test_what_is_left_of_one_and_another_are_paid_by_one_line() -> None:
    also = (invoice("RE-2026-1011", 20_000),)
    found = paid(part("b1", 40_000, 1), part("b2", 80_000, 30, f"{RE} Rest, RE-2026-1011"), also=also)
    assert found == {
        f"{RE},b1": {RE: 40_000, "b1": 40_000},
        f"{RE},RE-2026-1011,b2": {RE: 60_000, "RE-2026-1011": 20_000, "b2": 80_000},
    }


def test_what_is_left_less_a_credit_note_is_paid_by_one_line() -> None:
    also = (invoice("GU-2026-1006", -10_000, kind="credit_note"),)
    found = paid(part("b1", 40_000, 1), part("b2", 50_000, 30, f"{RE} Rest abzgl GU-2026-1006"), also=also)
    assert found == {
        f"{RE},b1": {RE: 40_000, "b1": 40_000},
        f"GU-2026-1006,{RE},b2": {RE: 60_000, "GU-2026-1006": -10_000, "b2": 50_000},
    }


def test_a_part_after_a_line_that_may_be_anothers_is_none() -> None:
    also = (invoice("RE-2026-1011", 20_000),)
    assert paid(part("b1", 80_000, 1, f"{RE} RE-2026-1011"), part("b2", 40_000, 30), also=also) == {}


@pytest.mark.parametrize("later", [-150, 900, -3_000, -10_000])
def test_a_payout_that_arrived_in_two_lines_has_arrived_whatever_names_it_later(later: int) -> None:
    payout = invoice("po_90001", -10_000, kind="payout", settlement="S1", day=1)
    lines = [part("b1", 6_000, 2, "PSP po_90001"), part("b2", 4_000, 3, "PSP po_90001")]
    with world("payout-to-bank", payout, *lines) as w:
        w.match()
        before = w.together()
        w.add(part("b3", later, 10, "Gebuehr po_90001"))
        w.match()
        assert w.together() == before == {frozenset({"po_90001", "b1", "b2"})}


@pytest.mark.parametrize("amount", [-3_000, -10_000])
def test_a_refund_does_not_take_a_document_from_the_charges_that_paid_it(amount: int) -> None:
    def of_order(own_id: str, amount: int, day: int, kind: str) -> Fact:
        return Fact(source="b", id=own_id, amount=amount, kind=kind, refs=("A-1001",), day=day)

    document = invoice("A-1001", 10_000)
    charges = [of_order("ch_1", 6_000, 1, "charge"), of_order("ch_2", 4_000, 2, "charge")]
    with world("invoice-to-payment", document, *charges) as w:
        w.match()
        before = w.together()
        w.add(of_order("re_1", amount, 30, "refund"))
        w.match()
        assert w.together() == before == {frozenset({"A-1001", "ch_1", "ch_2"})}


BOTH = """
[[reconciliation]]
id = "items"
left = { source = "a" }
right = { source = "b" }
rules = "open-items-to-bank"
[[reconciliation]]
id = "orders"
left = { source = "a" }
right = { source = "c" }
rules = "invoice-to-payment"
"""


def test_what_is_exact_for_a_rest_rests_on_what_left_it() -> None:
    """600.00 by transfer leave exactly what a card paid; that all of it came by transfer is found when it is corrected."""
    facts = (invoice(RE, 100_000), part("b1", 60_000, 2))
    card = Fact(source="c", id="ch_1", amount=40_000, kind="charge", refs=(RE,), day=1)
    with world("generic", *facts, card, sources=("a", "b", "c"), reconciliations=BOTH) as w:
        w.match()
        assert w.together() == {frozenset({RE, "b1"}), frozenset({RE, "ch_1"})}
        w.correct("b", "b1", amount=100_000)
        w.match()
        w.match()
        corrected = w.together(), w.reasons()
    facts = (invoice(RE, 100_000), part("b1", 100_000, 2))
    with world("generic", *facts, card, sources=("a", "b", "c"), reconciliations=BOTH) as w:
        w.match()
        assert w.together() == {frozenset({RE, "b1"})}
        assert (w.together(), w.reasons()) == corrected
