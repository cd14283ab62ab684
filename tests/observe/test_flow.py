"""Where the money is: the parts add up to what was charged, and agree with a slow derivation line by line."""

import datetime as dt
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from tests.observe.company import HEADINGS, Company, found_company
from tests.web.company import Office, claim, position
from tieout.observe.money.flow import MADE_OF, PARTS, lines, money
from tieout.observe.money.tying import PARTS as COMPARED
from tieout.observe.money.tying import compared, reconciled
from tieout.observe.scope import Scope
from tieout.store import schema

EUR = Scope(currency="EUR")
ROWS = HEADINGS + (
    "c1,charge,100.00,3.20,EUR,2026-10-01,po_1,r1,Ann\n"  # paid out, found at the bank and in the books
    "c2,refund,-20.00,0.50,EUR,2026-10-02,po_1,r1,Ann\n"
    "f1,fee,-2.00,0,EUR,2026-10-02,po_1,,\n"
    "p1,payout,-74.30,0,EUR,2026-10-03,po_1,,\n"
    "c3,charge,50.00,1.00,EUR,2026-10-04,po_2,r3,Bob\n"  # paid out, and nobody knows where it went
    "p2,payout,-49.00,0,EUR,2026-10-05,po_2,,\n"
    "c4,charge,10.00,0.30,EUR,2026-10-06,po_3,r4,Cid\n"  # paid out, on its way
    "p3,payout,-9.70,0,EUR,2026-10-07,po_3,,\n"
    "c5,charge,7.00,0.20,EUR,2026-11-08,,r5,Dora\n"  # not paid out yet
    "a1,adjustment,-1.00,0,EUR,2026-10-08,po_3,,\n"
    "c6,charge,1000,30,JPY,2026-10-08,po_9,r6,Eve\n"
    "c7,charge,5.001,0,KWD,2026-10-08,po_8,r7,Fay\n"
)


def statement(day: int, amount: str, name: str) -> str:
    return (
        f":20:S{day}\n:25:DE89370400440532013000\n:28C:{day}/1\n:60F:C2610{day:02}EUR0,00\n"
        f":61:2610{day:02}10{day:02}C{amount}NTRFPO//{name}\n:62F:C2610{day:02}EUR{amount}\n"
    )


@pytest.fixture(scope="module")
def company(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Company]:
    made = found_company(tmp_path_factory.mktemp("flow") / "acme")
    made.bring("psp", "lines.csv", ROWS)
    made.bring("bank", "b.sta", statement(5, "74,30", "B1"))
    yield made
    made.store.close()


@pytest.fixture(scope="module")
def office(company: Company) -> Office:
    """Give it results: po_1 at the bank and in the books, po_2 unexplained, po_3 on its way."""
    made = Office(company.workspace, company.store, company.clock)
    known = {row["external_id"] or row["kind"]: row for row in made.records("true")}
    bank = made.records("kind = 'bank_entry'")[0]
    one, two, three = bytes([1]) * 16, bytes([2]) * 16, bytes([3]) * 16
    made.run(
        "run-1",
        matches=[
            claim(known["p1"], one, "left", "settlement"),
            claim(bank, one, "right", "bank"),
            claim(bank, two, "left", "booking"),
            # a composition: no line of a bank, so it does not bring money there
            claim(known["c4"], three, "left", "settlement"),
            claim(known["p3"], three, "right", "transfer"),
            claim(known["p2"], bytes([4]) * 16, "left", "settlement", status="proposed"),
        ],
        positions=[
            position(known["p2"], "exception"),
            position(known["p3"], "in_transit", expected_on=dt.date(2026, 10, 9)),
            position(known["c5"], "in_transit", expected_on=dt.date(2026, 12, 1)),
        ],
    )
    return made


def slowly(office: Office) -> Counter[str]:
    """Follow each line of EUR by hand: what became of po_1, po_2 and po_3 is known here."""
    place = {"po_1": "bank", "po_2": "unexplained", "po_3": "on_its_way", None: "on_its_way"}
    found: Counter[str] = Counter()
    for row in office.records("currency = 'EUR' and account_id like 'psp%' and kind <> 'payout'"):
        cost = (row["fee"] or 0) + (row["fee_tax"] or 0)
        names = {"charge": ("charged", 1), "refund": ("refunds", -1), "fee": ("fees", -1), "adjustment": ("other", -1)}
        name, sign = names[row["kind"]]
        found[name] += sign * row["amount"]
        found["fees"] += cost
        found[place[row["settlement_id"]]] += row["amount"] - cost
    return found


def test_the_parts_add_up_and_agree_with_a_slow_derivation(office: Office) -> None:
    flow, _, latest = money(office.store, EUR)
    truth = slowly(office)
    assert flow.residual == 0
    assert flow.charged.amount == truth["charged"] == 16_700
    assert {name: part.amount for name, part in flow.parts.items()} == {name: truth[name] for name in PARTS}
    assert flow.books.amount == flow.parts["bank"].amount == 7_430
    assert flow.parts["bank"].count == 1
    assert flow.compared
    assert latest == dt.date(2026, 11, 8)


@pytest.mark.parametrize("part", MADE_OF)
def test_every_figure_opens_the_lines_that_it_is_made_of(office: Office, part: str) -> None:
    flow, _, _ = money(office.store, EUR)
    figure = {**flow.parts, "charged": flow.charged, "books": flow.books}[part]
    found = lines(office.store, EUR, part)
    assert found.total.amount == figure.amount
    assert sum(line.amount for line in found.rows) == figure.amount
    assert lines(office.store, EUR, part, 2).rows == []


@pytest.mark.parametrize(
    ("scope", "charged"),
    [
        (Scope(currency="JPY"), 1_000),
        (Scope(currency="KWD"), 5_001),
        (Scope(currency="USD"), 0),
        (Scope(currency="EUR", entity="other"), 0),
        (Scope(currency="EUR", first=dt.date(2026, 10, 4), last=dt.date(2026, 10, 31)), 6_000),
        (Scope(currency="EUR", as_of=dt.date(2026, 10, 2)), 10_000),
        (Scope(currency="EUR", known_at=dt.datetime(2026, 10, 1, tzinfo=dt.UTC)), 0),
    ],
)
def test_a_scope_narrows(office: Office, scope: Scope, charged: int) -> None:
    flow, _, _ = money(office.store, scope)
    assert flow.charged.amount == charged
    assert flow.residual == 0


def test_what_ties_is_a_part_of_what_was_compared(office: Office) -> None:
    _, tied, _ = money(office.store, EUR)
    assert tied.matched == 7_430 + 7_430 + 7_430 + 970 + 970
    assert (tied.waiting, tied.open) == (970 + 680, 4_900)
    assert tied.hundredths == (tied.compared - 4_900) * 10_000 // tied.compared
    (one,) = reconciled(office.store, EUR)
    assert (one.reconciliation, one.matched, one.open) == ("payouts", tied.matched, tied.open)


@pytest.mark.parametrize("name", [None, "payouts", "nobody's"])
def test_what_was_compared_is_listed_record_by_record(office: Office, name: str | None) -> None:
    (one,) = reconciled(office.store, EUR)
    for part in (None, *COMPARED):
        found = compared(office.store, EUR, name, part)
        figure = one.compared if part is None else getattr(one, part)
        assert found.amount == (0 if name == "nobody's" else figure)
        assert sum(row.amount for row in found.rows) == found.amount
        assert len(found.rows) == found.count
        assert compared(office.store, EUR, name, part, 2).rows == []
    assert set(compared(office.store, EUR, None, "waiting").states) == {"in_transit"}


def test_before_a_run_nothing_is_said_to_be_on_its_way(tmp_path: Path) -> None:
    made = found_company(tmp_path / "acme")
    made.bring("psp", "lines.csv", ROWS)
    flow, tied, _ = money(made.store, EUR)
    assert flow.residual == 0
    assert flow.parts["bank"].amount == flow.parts["unexplained"].amount == 0
    assert flow.parts["not_compared"].amount == 7_430 + 4_900 + 970 - 100
    assert tied.hundredths is None
    made.store.close()


def test_results_count_until_they_are_taken_back_or_superseded(tmp_path: Path) -> None:
    made = found_company(tmp_path / "acme")
    made.bring("psp", "lines.csv", ROWS)
    made.bring("bank", "b.sta", statement(5, "74,30", "B1"))
    office = Office(made.workspace, made.store, made.clock)
    payout, bank = (office.records(f"kind = '{kind}'")[0] for kind in ("payout", "bank_entry"))
    match = bytes([7]) * 16
    rows = [claim(payout, match, "left", "settlement"), claim(bank, match, "right", "bank")]

    def at_bank(**more: Any) -> int:
        return money(made.store, Scope(currency="EUR", **more))[0].parts["bank"].amount

    office.run("run-1", matches=rows, positions=[])
    first = made.clock.now()
    made.clock.advance(dt.timedelta(hours=1))
    assert at_bank() == 7_430
    office.run("undo-1", kind="undo")
    with made.store.book.writing() as connection:
        values = {"match_id": match.hex(), "run_id": "undo-1", "blocks": True, "reason": "not this one"}
        connection.execute(sa.insert(schema.void).values(**values))
    assert at_bank() == 0
    assert at_bank(known_at=first) == 7_430
    office.run("hand-1", kind="hand", matches=rows)
    assert at_bank() == 7_430
    office.run("undo-2", kind="undo")
    with made.store.book.writing() as connection:
        connection.execute(sa.insert(schema.void).values(**values | {"run_id": "undo-2"}))
    office.run("run-2", provisional=True, matches=rows)
    assert at_bank() == 7_430
    office.run("run-3", positions=[])
    assert at_bank() == 0  # what was provisional stands until the next run
    made.store.close()
