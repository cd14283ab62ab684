"""A bank's entry with several transactions inside is matched by its sum only where they say nothing of their own."""

import pytest

from tests.matching.given import Fact
from tests.matching.worlds import World, invoice, line, world

BOTH = """
[[reconciliation]]
id = "{0}"
left = {{ source = "{1}" }}
right = {{ source = "b" }}
rules = "{2}"
[[reconciliation]]
id = "{3}"
left = {{ source = "{4}" }}
right = {{ source = "b" }}
rules = "{5}"
"""
ITEMS, PAYOUTS = ("items", "a", "open-items-to-bank"), ("payouts", "p", "payout-to-bank")


def batch(*parts: Fact, text: str | None = None) -> tuple[Fact, ...]:
    """Give an entry E1 over parts."""
    return line("E1", sum(part.amount for part in parts), text=text, day=4), *parts


def part(own_id: str, amount: int, text: str | None = None, name: str | None = None, *refs: str) -> Fact:
    return line(own_id, amount, *refs, kind="bank_detail", parent="E1", day=4, text=text, name=name)


def found(w: World) -> set[tuple[str, ...]]:
    w.match()
    return {tuple(sorted(ids)) for ids in w.together("confirmed") | w.together("proposed")}


TWO = batch(part("d1", 10_000, "Anzahlung", "Meier GmbH"), part("d2", 20_000, "Anzahlung", "Kranz AG"))
OWED = invoice("RE-10009", 30_000, name="Wolf AG", day=1)


def test_the_sum_of_two_customers_is_no_third_ones_invoice() -> None:
    with world("open-items-to-bank", OWED, *TWO) as w:
        assert found(w) == set()
        assert "E1" in w.reasons()
    # Nor is it a selection of the third one's invoices.
    two = [invoice(f"RE-1000{n}", amount, name="Wolf AG", day=1) for n, amount in enumerate((12_341, 17_659))]
    with world("open-items-to-bank", *two, *TWO) as w:
        assert found(w) == set()


@pytest.mark.parametrize(
    "said",
    [{"name": "Meier"}, {"text": "Auftrag 4711"}, {"refs": ("AB-4711",)}],
    ids=lambda said: next(iter(said)),
)
def test_whatever_a_transaction_says_of_its_own(said: dict[str, object]) -> None:
    told = Fact(source="b", id="d1", amount=10_000, kind="bank_detail", parent="E1", day=4, **said)  # type: ignore[arg-type]  # fields by name
    with world("open-items-to-bank", OWED, *batch(told, part("d2", 20_000))) as w:
        assert found(w) == set()


def test_transactions_that_say_nothing_leave_the_sum_to_be_matched() -> None:
    with world("open-items-to-bank", OWED, *batch(part("d1", 10_000, "Zahlung"), part("d2", 20_000))) as w:
        assert found(w) == {("E1", "RE-10009")}


def test_a_number_of_the_entry_is_enough() -> None:
    parts = TWO[1:]
    with world("open-items-to-bank", OWED, *batch(*parts, text="RE-10009")) as w:
        assert found(w) == {("E1", "RE-10009")}


def test_the_ledger_is_told_the_sum_and_the_entry_with_it() -> None:
    booked = Fact(source="a", id="J1", amount=30_000, kind="journal_line", day=4)
    with world("bank-to-ledger", booked, *TWO) as w:
        assert found(w) == {("E1", "J1")}


@pytest.mark.parametrize("order", [(ITEMS, PAYOUTS), (PAYOUTS, ITEMS)], ids=["items first", "payouts first"])
def test_which_reconciliation_stands_first_does_not_decide(order: tuple[tuple[str, str, str], ...]) -> None:
    payout = Fact(source="p", id="po_X10001", amount=-30_000, kind="payout", day=1)
    named = batch(part("d1", 10_000, "RE-10001", "Meier GmbH"), part("d2", 20_000, "Anzahlung", "Kranz AG"))
    owed = invoice("RE-10001", 10_000, name="Meier GmbH", day=1)
    text = BOTH.format(*order[0], *order[1])
    with world("generic", owed, payout, *named, sources=("a", "b", "p"), reconciliations=text) as w:
        assert found(w) == {("RE-10001", "d1")}
        assert found(w) == {("RE-10001", "d1")}


@pytest.mark.parametrize("first", ["items", "payouts"])
def test_nor_does_it_decide_that_a_side_leaves_the_transactions_out(first: str) -> None:
    payout = Fact(source="p", id="po_X10001", amount=-30_000, kind="payout", day=1)
    named = batch(part("d1", 10_000, "RE-10001", "Meier GmbH"), part("d2", 20_000, "Anzahlung", "Kranz AG"))
    owed = invoice("RE-10001", 10_000, name="Meier GmbH", day=1)
    both = BOTH.format(*PAYOUTS, *ITEMS).split("[[reconciliation]]")[1:]
    both[0] = both[0].replace('right = { source = "b" }', 'right = { source = "b", kinds = ["bank_entry"] }')
    text = "".join(f"[[reconciliation]]{one}" for one in (both if first == "payouts" else both[::-1]))
    with world("generic", owed, *named, sources=("a", "b", "p"), reconciliations=text) as w:
        assert found(w) == {("RE-10001", "d1")}
        w.add(payout)
        assert found(w) == {("RE-10001", "d1")}
        # Nor by its number: its transaction is used up.
        w.add(Fact(source="p", id="E1", amount=-30_000, kind="payout", day=1))
        assert found(w) == {("RE-10001", "d1")}
