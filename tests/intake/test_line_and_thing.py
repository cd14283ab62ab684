"""Law 2: a report that names a charge by its own number alone, and one that names its balance transaction alone."""

import itertools
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.depth import some_of
from tests.intake.conftest import Desk
from tests.intake.test_stripe_money import SOURCES, opened_for_stripe
from tests.packing import zipped
from tieout import pipeline
from tieout.config import load_workspace

MONEY = "created_utc,currency,gross,fee,net,reporting_category"
NOON = "2026-10-26 12:00:00"
#: Sources of reports of whole payouts, and of reports of the balance, which promise none.
WHOLE, BALANCE = "payouts", "balance"
COLUMNS = {"ch": "source_id", "txn": "balance_transaction_id"}


def report(source: str, *names: str, moment: str = NOON, payout: str = "po_1", net: str = "97.00") -> tuple[str, bytes]:
    """Tell a charge for each name: ``ch_1``, ``txn_1``, or both as ``ch_1=txn_1``; an empty one names nothing."""
    split = [{COLUMNS[part.partition("_")[0]]: part for part in name.split("=") if part} for name in names]
    told = list(dict.fromkeys(column for named in split for column in named)) or ["balance_transaction_id"]
    money = f"{moment},eur,{float(net) + 3:.2f},3.00,{net},charge"
    settled = ("", "") if source == BALANCE else (",automatic_payout_id", f",{payout}")
    lines = [f"{','.join(told)},{MONEY}{settled[0]}"]
    lines += [f"{','.join(named.get(column, '') for column in told)},{money}{settled[1]}" for named in split]
    return source, "\n".join([*lines, ""]).encode()


@pytest.fixture
def fresh(tmp_path: Path) -> Iterator[Callable[[], Desk]]:
    desks: list[Desk] = []

    def opened() -> Desk:
        desks.append(opened_for_stripe(tmp_path / str(len(desks))))
        return desks[-1]

    yield opened
    for desk in desks:
        desk.store.close()


def told(fresh: Callable[[], Desk], *reports: tuple[str, bytes]) -> tuple[list[Any], list[str]]:
    """What stands, and what is said of it, after reports that came in some orders; it is the same in all."""
    found = []
    for order in some_of(itertools.permutations(range(len(reports))), 3):
        desk = fresh()
        for number in order:
            source, data = reports[number]
            desk.deliver_bytes(data, source, f"{number}.csv")
        found.append((desk.records("external_id", "net", "aliases"), [reason for reason, _ in desk.findings()]))
    assert all(one == found[0] for one in found)
    rows, reasons = found[0]
    return rows, reasons


def test_a_charge_that_two_reports_name_otherwise_is_counted_once_and_in_doubt(fresh: Callable[[], Desk]) -> None:
    rows, reasons = told(fresh, report(BALANCE, "ch_1"), report(BALANCE, "txn_1"))
    assert rows == [("ch_1", 9700, [])]
    assert reasons == ["conflict"]


def test_two_reports_of_a_whole_payout_prove_it(fresh: Callable[[], Desk]) -> None:
    rows, reasons = told(fresh, report(WHOLE, "ch_1", "ch_2"), report(WHOLE, "txn_1", "txn_2"))
    assert rows == [("ch_1", 9700, []), ("ch_2", 9700, [])]
    assert reasons == []


@pytest.mark.parametrize("more", [("ch_1", "ch_2"), ("txn_1", "txn_2")])
def test_the_larger_count_stands(fresh: Callable[[], Desk], more: tuple[str, ...]) -> None:
    fewer = "txn_1" if "ch_1" in more else "ch_1"
    rows, reasons = told(fresh, report(WHOLE, *more), report(WHOLE, fewer))
    assert len(rows) == 2
    assert reasons == ["conflict"]


@pytest.mark.parametrize("source", [WHOLE, BALANCE])
def test_who_names_both_ends_the_doubt(fresh: Callable[[], Desk], source: str) -> None:
    three = report(source, "ch_1"), report(source, "txn_1"), report(BALANCE, "ch_1=txn_1")
    rows, reasons = told(fresh, *three)
    assert [row[:2] for row in rows] == [("ch_1", 9700)]
    assert reasons == []


def told_in_all_orders(fresh: Callable[[], Desk], *reports: tuple[str, bytes]) -> tuple[list[Any], list[str]]:
    found = []
    for order in some_of(itertools.permutations(reports), 3):
        desk = fresh()
        for number, (source, data) in enumerate(order):
            desk.deliver_bytes(data, source, f"{number}.csv")
        found.append((desk.records("external_id", "net"), [reason for reason, _ in desk.findings()]))
    assert [one for one in found if one != found[0]] == []
    return found[0]


def test_a_report_that_proves_two_others_one_ends_their_doubt_whenever_it_comes(fresh: Callable[[], Desk]) -> None:
    """A whole payout without names, a balance by its transactions, and the whole payout that names all."""
    of_payout, of_balance = report(WHOLE, "", ""), report(BALANCE, "txn_1", "txn_2")
    assert told_in_all_orders(fresh, of_payout, of_balance)[1] == ["conflict"]
    rows, reasons = told_in_all_orders(fresh, of_payout, of_balance, report(WHOLE, "ch_1=txn_1", "ch_2=txn_2"))
    assert rows == [("ch_1", 9700), ("ch_2", 9700)]
    assert reasons == []


def test_a_report_that_proves_another_number_ends_no_doubt(fresh: Callable[[], Desk]) -> None:
    more = report(WHOLE, "ch_1=txn_1", "ch_2=txn_2", "ch_3=txn_3")
    rows, reasons = told(fresh, report(WHOLE, "", ""), report(BALANCE, "txn_1", "txn_2"), more)
    assert [row[:2] for row in rows] == [("ch_1", 9700), ("ch_2", 9700), ("ch_3", 9700)]
    assert set(reasons) == {"conflict"}


@pytest.mark.parametrize("more", ["charge_id", "payment_intent_id", "description"])
def test_what_two_reports_call_the_same_and_lack_the_line_of_is_counted_once_and_in_doubt(
    fresh: Callable[[], Desk], more: str
) -> None:
    """Two reports that both say dp_1, and lack its transaction."""
    head, line = "source_id,reporting_category,created_utc,currency,gross,fee,net", f"{NOON},eur,-6.00,15.00,-21.00"
    reports = [
        (BALANCE, f"{head}\ndp_1,dispute,{line}\n".encode()),
        (BALANCE, f"{head},{more}\ndp_1,dispute,{line},x_1\n".encode()),
    ]
    assert told_in_all_orders(fresh, *reports) == ([("dp_1", -2100)], ["conflict"])
    desk = fresh()
    for number, (source, data) in enumerate(reports):
        desk.deliver_bytes(data, source, f"{number}.csv")
    [(_, note)] = desk.findings()
    assert "no identifier that both state tells such lines apart, and nothing proves whether they are the same" in note
    other = (BALANCE, f"{head},{more}\ndp_2,dispute,{line},x_1\n".encode())
    assert told_in_all_orders(fresh, reports[0], other) == ([("dp_1", -2100), ("dp_2", -2100)], [])


@pytest.mark.parametrize("proof", ["ch_1=txn_2", "ch_2=txn_1"])
def test_who_names_both_otherwise_proves_them_two(fresh: Callable[[], Desk], proof: str) -> None:
    rows, reasons = told(fresh, report(BALANCE, "ch_1"), report(BALANCE, "txn_1"), report(BALANCE, proof))
    assert len(rows) == 2
    assert {row[0] for row in rows} == ({"ch_1", "txn_1"} if proof == "ch_1=txn_2" else {"ch_1", "ch_2"})
    assert reasons == []


def test_two_names_of_one_kind_are_two(fresh: Callable[[], Desk]) -> None:
    """One charge may be either of two transactions, and never both."""
    rows, reasons = told(fresh, report(BALANCE, "ch_1"), report(BALANCE, "txn_1"), report(WHOLE, "txn_1", "txn_2"))
    assert len(rows) == 2
    assert set(reasons) == {"conflict"}


@pytest.mark.parametrize(
    ("source", "other"),
    [(BALANCE, {"moment": "2026-10-26 12:00:01"}), (BALANCE, {"net": "96.00"}), (WHOLE, {"payout": "po_2"})],
    ids=["another second", "another net", "another payout"],
)
def test_what_differs_in_anything_that_both_say_is_two(
    fresh: Callable[[], Desk], source: str, other: dict[str, str]
) -> None:
    rows, reasons = told(fresh, report(source, "ch_1"), report(source, "txn_1", **other))
    assert len(rows) == 2
    assert reasons == []


def test_names_within_one_report_are_two(fresh: Callable[[], Desk]) -> None:
    rows, reasons = told(fresh, report(BALANCE, "ch_1", "txn_1"))
    assert len(rows) == 2
    assert reasons == []


@pytest.mark.parametrize(("source", "said"), [(WHOLE, []), (BALANCE, ["conflict"])])
@pytest.mark.parametrize("other", some_of([("txn_1", "txn_2"), ("ch_1", "txn_2"), ("", "")], 3), ids=str)
def test_two_files_of_one_container_are_two_reports(
    fresh: Callable[[], Desk], source: str, said: list[str], other: tuple[str, ...]
) -> None:
    (_, first), (_, second) = report(source, "ch_1", "ch_2"), report(source, *other)
    for files in ({"a.csv": first, "b.csv": second}, {"a.csv": second, "b.csv": first}):
        rows, reasons = told(fresh, (source, zipped(**files)))
        assert [row[:2] for row in rows] == [("ch_1", 9700), ("ch_2", 9700)]
        assert reasons == said


@pytest.mark.parametrize("which", [0, 1, 2])
def test_reading_any_again_changes_nothing(fresh: Callable[[], Desk], which: int) -> None:
    desk = fresh()
    reports = report(BALANCE, "ch_1"), report(BALANCE, "txn_1"), report(WHOLE, "txn_1")
    names = [desk.deliver_bytes(data, source, f"{n}.csv").delivery_id for n, (source, data) in enumerate(reports)]
    known = desk.records("record_id", "external_id", "net", "namespace", "identity", "counted", "aliases")
    said = desk.findings()
    pipeline.replay(desk.store, desk.workspace, names[which], "looked again")
    assert desk.records("record_id", "external_id", "net", "namespace", "identity", "counted", "aliases") == known
    assert desk.findings() == said


@pytest.mark.parametrize("order", [(0, 1), (1, 0)])
@pytest.mark.parametrize("names", [("ch_1", "txn_1"), ("ch_1", ""), ("txn_1", "")])
def test_either_database_keeps_the_doubt_and_ends_it(
    desk: Desk, names: tuple[str, str], order: tuple[int, int]
) -> None:
    toml = desk.folder / "tieout.toml"
    toml.write_text(toml.read_text() + SOURCES)
    desk.workspace = load_workspace(desk.folder, {})
    reports = [report(BALANCE if name else WHOLE, name) for name in names]
    for number in order:
        source, data = reports[number]
        desk.deliver_bytes(data, source, f"payout_reconciliation_{number}.csv" if source == WHOLE else f"{number}.csv")
    assert desk.records("net") == [9700]
    assert [reason for reason, _ in desk.findings()] == ["conflict"]
    _, both = report(BALANCE, "ch_1=txn_1")
    desk.deliver_bytes(both, BALANCE, "both.csv")
    assert desk.records("external_id", "net") == [("ch_1", 9700)]
    # Each pair of deliveries in doubt belongs to one of the two.
    assert {reason for reason, _ in desk.findings()} == (set() if all(names) else {"conflict"})


def test_an_adjustment_may_be_the_dispute_that_another_report_names(fresh: Callable[[], Desk]) -> None:
    """The one names the line and the charge, the other the dispute: counted once, and in doubt."""
    line = "id,Type,Source,Amount,Fee,Net,Currency,Created (UTC),Available On (UTC)\n"
    line += "txn_3,adjustment,ch_1,-6.00,15.00,-21.00,eur,2026-10-26 12:00,2026-10-30 00:00\n"
    thing = "source_id,reporting_category,created_utc,currency,gross,fee,net\n"
    thing += "dp_1,dispute,2026-10-26 12:00:00,eur,-6.00,15.00,-21.00\n"
    rows, reasons = told(fresh, (BALANCE, line.encode()), (BALANCE, thing.encode()))
    assert [(name, net) for name, net, _ in rows] == [("dp_1", -2100)]
    assert reasons == ["conflict"]
