"""Law 2: nothing is counted twice, and genuine repeats are kept."""

import itertools
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.depth import examples, some_of
from tests.intake.conftest import Desk, charge, coffee


def test_the_same_delivery_again_changes_nothing(desk: Desk) -> None:
    first = desk.deliver(charge("a"), coffee())
    again = desk.deliver(charge("a"), coffee())
    assert (first.rows_new, again.repeat) == (2, True)
    assert len(desk.records("external_id")) == 2
    assert desk.query("select count(*) as n from {all}") == [{"n": 2}]


def test_a_row_in_two_deliveries_is_one_record_with_two_witnesses(desk: Desk) -> None:
    desk.deliver(charge("a"), charge("b"))
    outcome = desk.deliver(charge("b"), charge("c"))
    assert (outcome.rows_in, outcome.rows_new, outcome.rows_repeated) == (2, 1, 1)
    assert desk.records("external_id") == ["a", "b", "c"]
    assert desk.query("select line, withdrawn from {witnesses}") == [{"line": 1, "withdrawn": False}]
    assert desk.findings() == []


def test_two_identical_coffees_in_one_delivery_are_two_records(desk: Desk) -> None:
    desk.deliver(coffee(), coffee(), coffee(text="tea"), source="bank")
    assert desk.records("text") == ["coffee", "coffee", "tea"]
    assert len(set(desk.records("record_id"))) == 3


def test_a_coffee_in_two_deliveries_of_which_nothing_is_provable_is_the_larger_count_and_a_conflict(desk: Desk) -> None:
    desk.deliver(coffee(), coffee(), source="bank")
    desk.deliver(coffee(), coffee(), coffee(), coffee(text="tea"), source="bank")
    assert desk.records("text") == ["coffee", "coffee", "coffee", "tea"]
    [(reason, note)] = desk.findings()
    assert reason == "conflict"
    assert "row(s) from line 1 equal " in note
    assert (
        "no identifier that both state tells such lines apart, and nothing proves whether they are the same: the larger count stands"
        in note
    )


@pytest.mark.parametrize("counts", [(1, 3), (3, 1), (2, 2)])
def test_the_larger_count_does_not_depend_on_which_came_first(desk: Desk, counts: tuple[int, int]) -> None:
    desk.deliver(*[coffee()] * counts[0], source="bank")
    desk.deliver(*[coffee()] * counts[1], charge("x"), source="bank")
    assert len(desk.query("select * from {records} where text = 'coffee'")) == max(counts)


def statement(number: str, opening: str, closing: str, **more: Any) -> dict[str, Any]:
    said = {"number": number, "opening": opening, "closing": closing, "from_on": "2026-09-30", "to_on": "2026-10-01"}
    return {"statement": said | more}


def test_coffees_in_numbered_statements_that_chain_add_up(desk: Desk) -> None:
    desk.deliver(statement("1", "10.00", "7.00"), coffee(), source="bank")
    desk.deliver(statement("2", "7.00", "4.00"), coffee(), source="bank")
    desk.deliver(statement("3", "4.00", "-2.00"), coffee(), coffee(), source="bank")
    # 1 and 3 do not touch, but 2 leads from one to the other.
    assert desk.records("text") == ["coffee"] * 4
    assert desk.findings() == []


def test_coffees_in_numbered_statements_that_do_not_chain_are_a_conflict(desk: Desk) -> None:
    desk.deliver(statement("1", "10.00", "7.00"), coffee(), source="bank")
    desk.deliver(statement("3", "4.00", "-2.00"), coffee(), coffee(), source="bank")
    assert desk.records("text") == ["coffee"] * 2
    assert [reason for reason, _ in desk.findings()] == ["incomplete", "conflict"]


def test_two_chained_statements_with_a_coffee_each_hold_two(desk: Desk) -> None:
    desk.deliver(statement("1", "10.00", "7.00"), coffee(), source="bank")
    desk.deliver(statement("2", "7.00", "4.00"), coffee(), source="bank")
    assert desk.records("text") == ["coffee", "coffee"]
    assert desk.findings() == []


def test_the_same_statement_in_another_file_adds_nothing_and_needs_nobody(desk: Desk) -> None:
    desk.deliver(statement("1", "10.00", "4.00"), coffee(), coffee(), source="bank")
    desk.deliver(statement("1", "10.00", "4.00"), coffee(), coffee(), charge("x", kind="bank_entry"), source="bank")
    assert len(desk.query("select * from {records} where text = 'coffee'")) == 2
    assert desk.findings() == []


def test_two_intraday_files_with_one_coffee_each_are_one_until_proven_two(desk: Desk) -> None:
    at_ten = {"statement": {"number": None, "final": False, "created_at": "2026-10-01T10:00:00"}}
    at_two = {"statement": {"number": None, "final": False, "created_at": "2026-10-01T14:00:00"}}
    desk.deliver(at_ten, coffee(status="provisional"), source="intraday")
    desk.deliver(at_two, coffee(status="provisional"), source="intraday")
    assert desk.records("text", "status") == [("coffee", "provisional")]
    assert [reason for reason, _ in desk.findings()] == ["conflict"]


@pytest.mark.parametrize("order", some_of(list(itertools.permutations(range(3))), 3))
def test_what_is_booked_settles_the_doubt_about_what_was_announced(tmp_path: Path, order: tuple[int, ...]) -> None:
    text = "coffee" if order[0] else "COFFEE SHOP"
    desk = Desk(tmp_path / "workspace")
    at_ten = {"statement": {"number": None, "final": False, "created_at": "2026-10-01T10:00:00"}}
    at_two = {"statement": {"number": None, "final": False, "created_at": "2026-10-01T14:00:00"}}
    deliveries = [
        ((at_ten, coffee(status="provisional")), "intraday"),
        ((at_two, coffee(status="provisional")), "intraday"),
        ((statement("1", "10.00", "4.00"), coffee(text=text), coffee(text=text)), "bank"),
    ]
    for index in order:
        rows, source = deliveries[index]
        desk.deliver(*rows, source=source)
    assert desk.records("text", "status") == [(text, "booked")] * 2
    assert desk.findings() == []
    desk.store.close()


def test_two_numbered_intraday_files_that_chain_hold_two_coffees(desk: Desk) -> None:
    desk.deliver(statement("1", "10.00", "7.00", final=False), coffee(status="provisional"), source="intraday")
    desk.deliver(statement("2", "7.00", "4.00", final=False), coffee(status="provisional"), source="intraday")
    assert desk.records("text", "status") == [("coffee", "provisional")] * 2
    assert desk.findings() == []


@pytest.mark.parametrize("booked_first", [True, False])
def test_what_was_announced_is_superseded_by_what_was_booked_whichever_comes_first(
    desk: Desk, booked_first: bool
) -> None:
    announced = (
        {"statement": {"final": False}},
        coffee(status="provisional"),
        coffee(status="pending", text="not booked yet", booked_on="2026-10-05"),
    )
    booked = (statement("1", "10.00", "7.00"), coffee(text="COFFEE SHOP"))
    deliveries = (
        [(booked, "bank"), (announced, "intraday")] if booked_first else [(announced, "intraday"), (booked, "bank")]
    )
    for rows, source in deliveries:
        desk.deliver(*rows, source=source)
    assert desk.records("text", "status") == [("COFFEE SHOP", "booked"), ("not booked yet", "pending")]
    assert desk.query("select reason from {superseded}") == [{"reason": "booked"}]


def test_a_day_that_no_booked_statement_covers_keeps_what_was_announced(desk: Desk) -> None:
    desk.deliver(
        {"statement": {"final": False}}, coffee(status="provisional", booked_on="2026-09-30"), source="intraday"
    )
    desk.deliver(statement("1", "10.00", "7.00"), coffee(), source="bank")
    assert desk.records("booked_on", "status") == [
        (desk.records("booked_on")[0], "provisional"),
        (desk.records("booked_on")[1], "booked"),
    ]


@pytest.mark.parametrize("order", [1, -1])
def test_a_name_and_what_it_names_in_one_delivery_are_one(desk: Desk, order: int) -> None:
    for number in range(4):  # whose identity is the lesser is chance
        names = charge(f"ch_{number}", namespace="charge", aliases=[f"transaction:txn_{number}"])
        rows = [names, charge(f"txn_{number}", namespace="transaction")]
        desk.deliver(*rows[::order])
    assert len(desk.records("record_id")) == 4


@pytest.mark.parametrize("first", ["hook", "psp"])
def test_a_webhook_and_a_report_of_one_charge_are_one_record(desk: Desk, first: str) -> None:
    hook = charge("ch_1", net=None, namespace="charge", aliases=["balance_transaction:txn_1"], text="told by webhook")
    report = charge("txn_1", fee=30, net=970, namespace="balance_transaction", settlement_id="po_1")
    for source in [first, "psp" if first == "hook" else "hook"]:
        desk.deliver(hook if source == "hook" else report, source=source)
    assert desk.records("amount", "fee", "net", "settlement_id", "text") == [
        (1000, 30, 970, "po_1", "told by webhook"),
    ]
    assert desk.findings() == []


@settings(max_examples=examples(6), suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(st.lists(st.lists(st.sampled_from("abc"), max_size=4), min_size=1, max_size=4), st.randoms())
def test_any_order_of_overlapping_deliveries_gives_the_same_records(
    tmp_path_factory: pytest.TempPathFactory, deliveries: list[list[str]], random: Any
) -> None:
    """Against a slow and obvious reference: identified rows once each; counted rows, the largest count."""
    shuffled = deliveries[:]
    random.shuffle(shuffled)
    expected = {name: max(d.count(name) for d in deliveries) for name in "abc"}
    results = []
    for order in (deliveries, shuffled):
        desk = Desk(tmp_path_factory.mktemp("ws") / "w")
        for position, names in enumerate(order):
            rows = [coffee(text=name) for name in names] + [charge(f"id-{name}") for name in names]
            desk.deliver(*rows, charge(f"only-{position}"), source="bank")
        rows = desk.query(
            "select text, external_id, record_id from {records} where coalesce(external_id, '') not like 'only%'"
        )
        counts = Counter(row["text"] for row in rows if row["text"])
        assert {name: counts.get(name, 0) for name in "abc"} == expected
        assert sum(row["external_id"] is not None for row in rows) == sum(n > 0 for n in expected.values())
        results.append(sorted(row["record_id"] for row in rows))
        desk.store.close()
    assert results[0] == results[1]


A = (statement("1", "10.00", "7.00"), coffee())
B = (statement("2", "7.00", "4.00"), coffee())
B_THEN_A = (statement("2", "7.00", "4.00"), coffee(), statement("1", "10.00", "7.00"), coffee())
UNNUMBERED = (coffee(),)


@pytest.mark.parametrize(
    "deliveries",
    some_of([(A, B_THEN_A, B), (A, B, B_THEN_A), (B, A, B_THEN_A), (B_THEN_A, A, B), (B, B_THEN_A), (A, B_THEN_A)], 5),
)
def test_two_statements_hold_two_coffees_however_they_are_packed(desk: Desk, deliveries: Any) -> None:
    for rows in deliveries:
        desk.deliver(*rows, source="bank")
    assert desk.records("text") == ["coffee", "coffee"]
    assert desk.findings() == []


@pytest.mark.parametrize(
    "order", some_of([(A, B, UNNUMBERED), (UNNUMBERED, A, B), (UNNUMBERED, B, A), (A, UNNUMBERED, B)], 3)
)
def test_an_extract_without_number_does_not_hide_what_statements_prove(desk: Desk, order: Any) -> None:
    for rows in order:
        desk.deliver(*rows, source="bank")
    assert desk.records("text") == ["coffee", "coffee"]


def test_one_statement_twice_in_one_delivery_counts_once(desk: Desk) -> None:
    outcome = desk.deliver(*A, *A, source="bank")
    assert (outcome.rows_in, outcome.rows_new, outcome.rows_repeated) == (2, 1, 1)
    assert desk.records("text") == ["coffee"]


@pytest.mark.parametrize("booked_first", [True, False])
def test_a_pending_entry_booked_on_the_next_day_is_superseded(desk: Desk, booked_first: bool) -> None:
    entry = {"kind": "bank_entry", "counted": True, "amount": -300, "account_number": "DE1", "external_id": "R1"}
    pending = entry | {"identity": "R1|d1|-300", "status": "pending", "booked_on": "2026-10-01"}
    booked = entry | {"identity": "R1|d2|-300", "booked_on": "2026-10-02"}
    deliveries = [
        (statement("1", "10.00", "10.00"), pending),
        (statement("2", "10.00", "7.00", from_on="2026-10-01", to_on="2026-10-02"), booked),
    ]
    for rows in reversed(deliveries) if booked_first else deliveries:
        desk.deliver(*rows, source="bank")
    assert desk.records("external_id", "status") == [("R1", "booked")]


@pytest.mark.parametrize("order", [(0, 1), (1, 0)])
def test_a_day_inside_a_week_with_a_number_of_its_own_is_not_proven_apart_by_its_balance(
    desk: Desk, order: tuple[int, int]
) -> None:
    """An account that is swept to zero every evening opens a week with what it closed with on any day of it."""
    day = statement("277", "1000.00", "0.00", from_on="2026-10-02", to_on="2026-10-02")
    week = statement("40", "0.00", "500.00", from_on="2026-10-01", to_on="2026-10-05")
    sweep = coffee(amount=-100_000, text="sweep", booked_on="2026-10-02")
    sales = [coffee(amount=n, text="sale", booked_on="2026-10-03") for n in (100_000, 50_000)]
    files = [[day, sweep], [week, *sales, sweep]]
    for n in order:
        desk.deliver(*files[n], source="bank")
    assert sorted(desk.records("amount")) == [-100_000, 50_000, 100_000]
    assert [reason for reason, _ in desk.findings() if reason == "conflict"] == ["conflict"]


@pytest.mark.parametrize("order", [(0, 1), (1, 0)])
def test_equal_rows_of_two_kinds_never_become_one_another(desk: Desk, order: tuple[int, int]) -> None:
    both = [coffee(kind=kind, amount=-n, text=None) for n in range(100, 900, 100) for kind in ("fee", "adjustment")]
    some = [row for n, row in enumerate(both) if n % 4 in (0, 3)]
    files = [both, some]
    for n in order:
        desk.deliver(*files[n], source="bank")
    assert sorted(desk.records("kind", "amount")) == sorted((row["kind"], row["amount"]) for row in both)
