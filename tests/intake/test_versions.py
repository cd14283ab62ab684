"""Law 5: the order of arrival does not matter; what differs later is a correction, what cannot be ordered a conflict."""

import itertools
import random
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.depth import some_of
from tests.intake.conftest import Desk, charge
from tieout.intake import fold
from tieout.intake.findings import open_findings


def test_a_later_delivery_that_differs_is_a_correction(desk: Desk) -> None:
    desk.deliver(charge("a", 1000))
    outcome = desk.deliver(charge("a", 2000))
    assert outcome.versions == 1
    assert desk.records("amount", "version") == [(2000, 2)]
    assert desk.query("select version, reason from {superseded}") == [{"version": 1, "reason": "corrected"}]
    assert desk.findings() == []


def test_two_contents_in_one_delivery_are_a_conflict_and_the_first_stands(desk: Desk) -> None:
    desk.deliver(charge("a", 1000), charge("a", 2000))
    assert desk.records("amount", "line") == [(1000, 1)]
    [(reason, note)] = desk.findings()
    assert (reason, note) == ("conflict", "amount is reported as 10.00 and as 20.00: nothing says which is later")


def test_a_correction_settles_a_conflict(desk: Desk) -> None:
    desk.deliver(charge("a", 1000), charge("a", 2000))
    desk.deliver(charge("a", 3000))
    assert desk.records("amount") == [3000]
    assert desk.findings() == []


def test_the_same_row_twice_in_one_delivery_is_one_record(desk: Desk) -> None:
    outcome = desk.deliver(charge("a"), charge("a"))
    assert (outcome.rows_in, outcome.rows_new, outcome.rows_repeated) == (2, 1, 1)
    assert desk.findings() == []


@pytest.mark.parametrize("order", some_of(list(itertools.permutations(range(3))), 4))
def test_the_sources_own_revisions_decide_in_any_order_of_arrival(desk: Desk, order: tuple[int, ...]) -> None:
    says = [
        charge("a", 1000, revision=1, due_on="2026-12-01"),
        charge("a", 3000, revision=2),
        charge("a", 2000, revision=3, settlement_id="po_1"),
    ]
    for index in order:
        desk.deliver(says[index])
    assert desk.records("amount", "settlement_id", "external_id") == [(2000, "po_1", "a")]
    assert [str(day) for day in desk.records("due_on")] == ["2026-12-01"]
    assert desk.findings() == []


@pytest.mark.parametrize("order", some_of(list(itertools.permutations(("hook 1", "hook 2", "report"))), 4))
def test_a_late_webhook_never_wins_over_a_newer_one_because_a_report_came_too(
    desk: Desk, order: tuple[str, ...]
) -> None:
    says = {
        "hook 1": charge("a", net=None, revision=1, value_on="2026-10-03"),
        "hook 2": charge("a", net=None, revision=2, value_on="2026-10-05"),
        "report": charge("a", fee=30, net=970, settlement_id="po_1"),
    }
    for name in order:
        desk.deliver(says[name], source="psp" if name == "report" else "hook")
    assert [str(day) for day in desk.records("value_on")] == ["2026-10-05"]
    assert desk.findings() == []


def test_revisions_within_one_delivery_are_no_conflict_beside_a_report_without_one(desk: Desk) -> None:
    desk.deliver(charge("a", 1000))
    desk.deliver(charge("a", 3000, revision=2), charge("a", 2000, revision=1))
    assert desk.records("amount") == [3000]
    assert desk.findings() == []


def test_revisions_within_one_delivery_are_no_conflict(desk: Desk) -> None:
    desk.deliver(charge("a", 1000, revision=2), charge("a", 2000, revision=1))
    assert desk.records("amount") == [1000]
    assert desk.findings() == []


def test_what_one_report_does_not_state_the_others_do(desk: Desk) -> None:
    desk.deliver(charge("a", fee=None, net=None))
    desk.deliver(charge("a", fee=30, net=970, settlement_id="po_1"))
    desk.deliver(charge("a", fee=None, net=None, payment_id="pi_1"))
    assert desk.records("fee", "net", "settlement_id", "payment_id") == [(30, 970, "po_1", "pi_1")]
    assert desk.findings() == []


def test_booked_wins_over_pending_whatever_comes_later(desk: Desk) -> None:
    desk.deliver(charge("a", 1000))
    desk.deliver(charge("a", 900, status="pending"))
    assert desk.records("amount", "status") == [(1000, "booked")]
    assert desk.findings() == []


def test_the_deliverys_own_creation_time_decides_over_the_order_of_landing(desk: Desk) -> None:
    late = {"statement": {"created_at": "2026-10-02T00:00:00", "final": False}}
    early = {"statement": {"created_at": "2026-10-01T00:00:00", "final": False}}
    desk.deliver(late, charge("a", 2000))
    desk.deliver(early, charge("a", 1000))
    assert desk.records("amount") == [2000]
    assert desk.findings() == []


@pytest.mark.parametrize(
    "order", some_of([order for order in itertools.permutations(("early", "late", "plain")) if order[2] != "plain"], 3)
)
def test_a_report_that_does_not_say_when_it_was_made_leaves_the_others_in_their_order(
    desk: Desk, order: tuple[str, ...]
) -> None:
    says = {
        "early": [{"statement": {"created_at": "2026-10-02T00:00:00", "final": False}}, charge("a", text="first")],
        "late": [{"statement": {"created_at": "2026-10-04T00:00:00", "final": False}}, charge("a", text="second")],
        "plain": [charge("a", text="third")],
    }
    for name in order:
        desk.deliver(*says[name])
    assert desk.records("text") == ["second"]
    assert desk.findings() == []


@pytest.mark.parametrize("amounts", [(1000, 2000), (2000, 1000)])
def test_the_same_creation_time_and_different_amounts_are_a_conflict(desk: Desk, amounts: tuple[int, int]) -> None:
    said = {"statement": {"created_at": "2026-10-02T00:00:00", "final": False}}
    for amount in amounts:
        desk.deliver(said, charge("a", amount))
    assert desk.records("amount") == [1000]  # the same whichever came first: the content decides
    assert [reason for reason, _ in desk.findings()] == ["conflict"]


def test_said_again_later_an_old_content_wins_again(desk: Desk) -> None:
    desk.deliver(charge("a", 1000))
    desk.deliver(charge("a", 2000))
    desk.deliver(charge("a", 1000), charge("b"))
    assert desk.records("external_id", "amount", "version") == [("a", 1000, 3), ("b", 1000, 1)]


def test_amounts_with_more_decimals_are_the_same_amount(desk: Desk) -> None:
    desk.deliver(charge("a", 1000, exponent=2))
    desk.deliver(charge("a", 10000, exponent=3))
    assert desk.findings() == []
    assert len(desk.records("amount")) == 1


@pytest.mark.parametrize("turned", [False, True])
def test_decimals_for_which_64_bits_have_no_room_leave_each_report_its_own(desk: Desk, *, turned: bool) -> None:
    large, fine = charge("a", 999_999_999_900, exponent=2), charge("a", 1_000_000_001, exponent=9)
    for one in (fine, large) if turned else (large, fine):
        desk.deliver(one)
    last = large if turned else fine
    assert desk.records("amount", "net", "exponent") == [(last["amount"], last["amount"], last["exponent"])]
    desk.deliver(large, fine)
    assert [reason for reason, _ in desk.findings()] == ["conflict"]


@pytest.mark.parametrize("order", [(0, 1), (1, 0)])
def test_a_fee_told_apart_from_its_tax_is_the_fee_that_another_channel_gives_whole(
    desk: Desk, order: tuple[int, int]
) -> None:
    says = [charge("a", fee=250, fee_tax=50, net=700), charge("a", fee=300, net=700)]
    for index in order:
        desk.deliver(says[index])
    assert desk.records("fee", "fee_tax", "net") == [(250, 50, 700)]
    assert desk.findings() == []


def test_fees_with_other_sums_in_one_delivery_are_a_conflict(desk: Desk) -> None:
    desk.deliver(charge("a", fee=250, fee_tax=50, net=700), charge("a", fee=310, net=690))
    assert desk.records("fee", "fee_tax", "net") == [(250, 50, 700)]
    assert [reason for reason, _ in desk.findings()] == ["conflict"]


@pytest.mark.parametrize("order", some_of(list(itertools.permutations(("charge", "transaction", "report"))), 3))
def test_references_of_several_channels_add_up_in_any_order_of_arrival(desk: Desk, order: tuple[str, ...]) -> None:
    says = {
        "charge": charge("a", fee=None, net=None, references=["pi_1", "INV-7"]),
        "transaction": charge("a", fee=30, net=970, references=["txn_1"]),
        "report": charge("a", fee=30, net=970, settlement_id="po_1", references=["txn_1", "O-1"]),
    }
    for name in order:
        desk.deliver(says[name], source="psp" if name == "report" else "hook")
    assert desk.records("references") == [["txn_1", "pi_1", "INV-7", "O-1"]]


def test_a_reference_that_its_own_channel_corrects_is_gone(desk: Desk) -> None:
    desk.deliver(charge("a", references=["INV-1"]))
    desk.deliver(charge("a", references=["INV-2"]))
    assert desk.records("references") == [["INV-2"]]


@pytest.mark.parametrize("order", [(0, 1), (1, 0)])
def test_a_report_that_only_tells_fewer_references_corrects_none(desk: Desk, order: tuple[int, int]) -> None:
    says = [charge("a", references=["INV-1", "txn_1"]), charge("a", references=["txn_1"])]
    for number in order:
        desk.deliver(says[number])
    assert desk.records("references") == [["INV-1", "txn_1"]]


@pytest.mark.parametrize("order", [("psp", "hook"), ("hook", "psp")])
def test_whose_a_record_is_does_not_depend_on_which_file_came_first(desk: Desk, order: tuple[str, str]) -> None:
    says = {"psp": charge("a", fee=30, net=970, settlement_id="po_1"), "hook": charge("a", net=None)}
    for source in order:
        desk.deliver(says[source], source=source)
    assert desk.records("source_id", "account_id", "net") == [("psp", "psp/EUR", 970)]


@pytest.mark.parametrize("order", [(0, 1, 2), (1, 0, 2), (2, 0, 1)])
def test_who_names_the_payment_is_believed_over_who_only_knows_the_charge(desk: Desk, order: tuple[int, ...]) -> None:
    says = [
        charge("ch_1", payment_id="ch_1", text="hook"),
        charge("ch_1", payment_id="pi_1", text="report"),
        charge("ch_1", payment_id="ch_1", text="transaction"),
    ]
    for index in order:
        desk.deliver(says[index])
    assert desk.records("payment_id") == ["pi_1"]
    assert desk.findings() == []


def test_one_delivery_may_name_a_payment_and_its_charge_without_a_conflict(desk: Desk) -> None:
    desk.deliver(charge("ch_1", payment_id="ch_1", text="one"), charge("ch_1", payment_id="pi_1", text="one"))
    assert (desk.records("payment_id"), desk.findings()) == (["pi_1"], [])


def test_two_names_of_a_payment_in_one_delivery_are_a_conflict(desk: Desk) -> None:
    desk.deliver(charge("ch_1", payment_id="pi_1"), charge("ch_1", payment_id="pi_2"))
    assert [reason for reason, _ in desk.findings()] == ["conflict"]


def conflicts(desk: Desk) -> list[dict[str, Any]]:
    """Everything that an open conflict says, but for when it was opened."""
    with desk.store.book.reading() as connection:
        found = open_findings(connection)
    said = [{k: v for k, v in row.items() if k not in {"opened_at", "token", "version", "rank"}} for row in found]
    return sorted(said, key=lambda row: str(row["exception_id"]))


def tell_in_two_orders(folder: Path, draw: random.Random) -> None:
    """Deliver drawn reports, made at drawn times, in two orders, and compare the conflicts to the letter."""
    deliveries = []
    for position in range(draw.randint(2, 5)):
        made = f"2026-10-0{draw.choice([2, 2, 2, 3])}T00:00:00"
        rows = [
            charge(draw.choice("aab"), draw.choice([1000, 1000, 2000]), net=None, **draw.choice(MORE))
            for _ in range(draw.randint(1, 3))
        ]
        source = draw.choice(["psp", "hook"])
        deliveries.append(
            (source, [{"statement": {"created_at": made, "final": False}}, *rows, charge(f"only-{position}")])
        )
    said: list[list[dict[str, Any]]] = []
    for order in (deliveries, draw.sample(deliveries, len(deliveries))):
        desk = Desk(folder / str(len(said)))
        for source, rows in order:
            desk.deliver(*rows, source=source)
        said.append(conflicts(desk))
        desk.store.close()
    assert said[0] == said[1], deliveries


MORE: list[dict[str, Any]] = [{}, {}, {"fee": 30}, {"payment_id": "pi_1"}, {"payment_id": "pi_2"}, {"text": "by card"}]


def test_a_further_witness_of_what_stands_is_heard_in_a_conflict_in_any_order(tmp_path: Path) -> None:
    made = {"statement": {"created_at": "2026-10-02T00:00:00", "final": False}}
    told = [("psp", 1000, "x"), ("hook", 2000, "y"), ("psp", 1000, "z"), ("hook", 2000, "w")]
    said: list[list[dict[str, Any]]] = []
    for order in (told, told[::-1]):
        desk = Desk(tmp_path / str(len(said)))
        for source, amount, other in order:
            desk.deliver(made, charge("a", amount), charge(other), source=source)
        said.append(conflicts(desk))
        desk.store.close()
    assert [len(one) for one in said] == [1, 1]
    assert said[0] == said[1]
    assert said[0][0]["candidates"].count("states amount as") == 4


@pytest.mark.parametrize("seed", [5])
def test_the_words_of_a_conflict_do_not_depend_on_the_order_of_arrival(tmp_path: Path, seed: int) -> None:
    tell_in_two_orders(tmp_path, random.Random(seed))


@pytest.mark.deep
@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.integers(0, 2**32))
def test_no_drawn_order_changes_the_words_of_a_conflict(tmp_path_factory: pytest.TempPathFactory, seed: int) -> None:
    tell_in_two_orders(tmp_path_factory.mktemp("ws"), random.Random(seed))


def test_what_is_folded_in_parts_is_what_is_folded_at_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    told = [charge(f"c{n}", 1000 + n) for n in range(7)]
    corrected = [charge(f"c{n}", 2000 + n) for n in range(5)]
    in_dispute = [charge("c2", 9000), charge("c6", 9000), charge("c6", 9100), charge("new", 1), charge("new", 2)]

    def tables(name: str) -> list[list[dict[str, Any]]]:
        desk = Desk(tmp_path / name)
        desk.deliver(*told)
        outcome = desk.deliver(*corrected, *in_dispute)
        assert (outcome.versions, outcome.rows_new) == (6, 1)
        kept = [desk.query(f"select * from {{{one}}} order by all") for one in ("all", "superseded", "witnesses")]
        with desk.store.book.reading() as connection:
            found = [{k: v for k, v in row.items() if k != "token"} for row in open_findings(connection)]
        assert [row["reason"] for row in found] == ["conflict"] * 3
        desk.store.close()
        return [*kept, found]

    at_once = tables("at once")
    monkeypatch.setattr(fold, "_FOLDED_AT_ONCE", 2)
    assert tables("in parts") == at_once
