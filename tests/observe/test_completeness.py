"""Completeness: what should have come is judged by what is in the files, never by the day they arrived."""

import datetime as dt
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.observe.company import HEADINGS, TOML, Company, found_company, statement
from tieout.config.calendars import Calendar
from tieout.observe.arrivals.completeness import ExpectedFile, completeness
from tieout.observe.arrivals.coverage import Coverage, units_between

WEEKDAYS = Calendar(frozenset())


def rows_of(company: Company, as_of: dt.date | None = None) -> dict[str, list[ExpectedFile]]:
    found: dict[str, list[ExpectedFile]] = {}
    for row in completeness(company.store, company.workspace, as_of).rows:
        found.setdefault(row.source, []).append(row)
    return found


def states(rows: list[ExpectedFile]) -> list[tuple[str, str]]:
    return [(str(row.day), row.state) for row in rows]


def test_a_hole_is_missing_and_the_end_is_late(company: Company) -> None:
    found = completeness(company.store, company.workspace)
    assert found.as_of == dt.date(2026, 10, 6)
    rows = rows_of(company)
    assert states(rows["psp"]) == [
        ("2026-10-01", "received"),
        ("2026-10-02", "received"),
        ("2026-10-03", "missing"),
        ("2026-10-04", "received"),
        ("2026-10-05", "late"),
        ("2026-10-06", "late"),
    ]
    assert rows["psp"][0].owner == "payments"
    assert len(rows["psp"][0].evidence) == 32


def test_a_break_in_a_chain_is_proof_that_a_statement_is_missing(company: Company) -> None:
    rows = rows_of(company)["bank"]
    assert states(rows) == [("2026-10-02", "received"), ("2026-10-05", "missing"), ("2026-10-06", "received")]
    assert "196.80 EUR" in rows[1].evidence
    assert rows[1].account == "DE89370400440532013000"


def test_a_source_that_never_delivered_is_said_so(company: Company) -> None:
    (row,) = rows_of(company)["silent"]
    assert (row.state, row.day, row.expected) == ("missing", None, "a first file")
    assert "inbox/silent/*" in row.evidence


def test_holidays_of_the_sources_calendar_are_not_expected(company: Company) -> None:
    rows = rows_of(company, dt.date(2026, 10, 9))["bank"]
    assert states(rows)[3:] == [("2026-10-08", "late"), ("2026-10-09", "late")]


def test_an_earlier_day_asks_for_less(company: Company) -> None:
    found = completeness(company.store, company.workspace, dt.date(2026, 10, 2))
    assert [row.source for row in found.outstanding] == ["silent"]


def test_days_without_movement_are_proved_by_the_balances(empty: Company) -> None:
    empty.bring("bank", "b1.sta", statement(1, 1, 2, "100,00", "196,80"))
    empty.bring("bank", "b2.sta", statement(2, 8, 9, "196,80", "293,60"))
    rows = rows_of(empty)["bank"]
    assert states(rows) == [(f"2026-10-{day:02}", "received") for day in (2, 5, 6, 8, 9)]
    assert "nothing moved" in rows[1].evidence


def test_a_file_that_was_refused_was_not_received(empty: Company) -> None:
    empty.bring("psp", "bad.csv", "neither\nof it\n")
    (row,) = rows_of(empty)["psp"]
    assert row.state == "missing"
    assert row.evidence.startswith("bad.csv, which came on 2026-11-01, was refused:")
    empty.bring("psp", "good.csv", HEADINGS + "ch_1,charge,1.00,0,EUR,2026-10-01,,,\n")
    rows = rows_of(empty, dt.date(2026, 10, 2))["psp"]
    assert states(rows) == [("2026-10-01", "received"), ("2026-10-02", "late")]
    assert "bad.csv" in rows[1].evidence


def test_the_same_file_under_two_sources_counts_for_each(tmp_path_factory: pytest.TempPathFactory) -> None:
    folder = tmp_path_factory.mktemp("two") / "acme"
    again = '[[source]]\nid = "again"\nentity = "acme"\nformat = "mt940"\nexpects = "daily"\n'
    company = found_company(folder, TOML + again)
    text = statement(1, 1, 2, "100,00", "196,80")
    company.bring("bank", "b1.sta", text)
    company.bring("again", "copy.sta", text)
    rows = rows_of(company)
    assert states(rows["again"]) == states(rows["bank"]) == [("2026-10-02", "received")]
    company.store.close()


def test_nothing_at_all_is_expected_of_an_empty_company_but_a_first_file(empty: Company) -> None:
    found = completeness(empty.store, empty.workspace)
    assert found.as_of is None
    assert [(row.source, row.expected) for row in found.outstanding] == [
        ("bank", "a first file"),
        ("psp", "a first file"),
        ("silent", "a first file"),
    ]


@pytest.mark.parametrize("expects", ["weekly", "monthly"])
def test_the_last_day_covered_is_no_later_than_the_last_statement(expects: str, tmp_path: Path) -> None:
    toml = TOML.replace('expects = "business-daily"', f'expects = "{expects}"')
    assert toml != TOML
    company = found_company(tmp_path / "acme", toml)
    company.bring("bank", "b1.sta", statement(1, 1, 2, "100,00", "196,80"))
    late = [row for row in rows_of(company, dt.date(2026, 11, 30))["bank"] if row.state == "late"]
    assert {row.evidence for row in late} == {"the last day covered is 2026-10-02"}
    company.store.close()


def test_nobody_waits_for_a_source_that_expects_nothing_but_its_refused_file_is_said(
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    folder = tmp_path_factory.mktemp("unasked") / "acme"
    unasked = '[[source]]\nid = "unasked"\nentity = "acme"\nformat = "mt940"\npath = "inbox/*"\n'
    company = found_company(folder, TOML + unasked)
    assert "unasked" not in rows_of(company)
    company.bring("unasked", "a.sta", "nothing like it\n")
    (row,) = rows_of(company)["unasked"]
    assert (row.state, row.expected) == ("missing", "a first file")
    assert "a.sta" in row.evidence
    company.store.close()


def test_a_file_without_rows_speaks_for_the_day_before_it_came() -> None:
    days = {dt.date(2026, 10, 1): "first"}
    units = units_between("daily", dt.date(2026, 10, 1), dt.date(2026, 10, 3), WEEKDAYS)
    row = {"delivery_id": "empty", "state": "accepted", "received_at": dt.datetime(2026, 10, 3, tzinfo=dt.UTC)}
    coverage = Coverage(days=days, speaking={"first"})
    coverage.place_empty([row, {**row, "delivery_id": "more"}, {**row, "delivery_id": "third"}], units, days)
    assert days == {dt.date(2026, 10, 1): "first", dt.date(2026, 10, 2): "empty", dt.date(2026, 10, 3): "more"}


def test_a_month_that_is_not_over_is_not_missing() -> None:
    units = units_between("monthly", dt.date(2026, 9, 30), dt.date(2026, 10, 30), WEEKDAYS)
    assert [(unit.last, unit.over) for unit in units] == [
        (dt.date(2026, 9, 30), True),
        (dt.date(2026, 10, 31), False),
    ]


DAYS = st.dates(dt.date(2000, 1, 1), dt.date(2030, 1, 1))


@given(expects=st.sampled_from(["daily", "business-daily", "weekly", "monthly"]), first=DAYS, span=st.integers(0, 500))
def test_every_working_day_lies_in_exactly_one_unit(expects: str, first: dt.date, span: int) -> None:
    last = first + dt.timedelta(days=span)
    units = units_between(expects, first, last, WEEKDAYS)
    days = [day for unit in units for day in unit.days]
    assert days == sorted(set(days))
    asked = {first + dt.timedelta(days=n) for n in range(span + 1)}
    if expects == "business-daily":
        asked = {day for day in asked if day.weekday() < 5}
    assert asked <= set(days)
    assert all(unit.over is (unit.last <= last) for unit in units)


def test_each_account_of_a_bank_has_statements_of_its_own(tmp_path: Path) -> None:
    account = '[[account]]\nid = "{id}"\nentity = "acme"\nsource = "bank"\nnumber = "{number}"\ncurrency = "EUR"\n'
    numbers = {"main": "DE89370400440532013000", "second": "DE02120300000000202051", "third": "DE02500105170137075030"}
    company = found_company(
        tmp_path / "acme", TOML + "".join(account.format(id=i, number=n) for i, n in numbers.items())
    )
    company.bring("bank", "a.sta", statement(1, 1, 2, "100,00", "196,80"))
    company.bring("bank", "b.sta", statement(2, 2, 5, "196,80", "293,60"))
    text = statement(1, 1, 2, "100,00", "196,80").replace(numbers["main"], numbers["second"])
    company.bring("bank", "c.sta", text)
    rows = rows_of(company)["bank"]
    assert [(row.account, str(row.day), row.state) for row in rows] == [
        ("main", "2026-10-02", "received"),
        ("main", "2026-10-05", "received"),
        ("second", "2026-10-02", "received"),
        ("second", "2026-10-05", "late"),
        ("third", "None", "missing"),
    ]
    company.store.close()
