"""Days that go together reach as far as the rule says, whatever else is there."""

import datetime as dt
from pathlib import Path

import pytest

from tests.matching.worlds import Fact, World, invoice, line, rule, rules_text, world
from tests.observe.test_why import nearest
from tieout.config import calendars
from tieout.matching.facts.records import day_number
from tieout.matching.grammar.rules import Days
from tieout.matching.planning.days import window

MONDAY = day_number(dt.date(2026, 10, 5))


@pytest.mark.parametrize("others", [(), pytest.param((300,), marks=pytest.mark.deep)])
def test_a_long_business_window_reaches_without_help_from_unrelated_days(others: tuple[int, ...]) -> None:
    rules = rules_text(rule(days='{ from = 0, to = 600, calendar = "business" }'))
    unrelated = [invoice(f"x{day}", 5, day=day) for day in others]
    with world(rules, invoice("i", 100), line("b", 100, day=500), *unrelated) as w:
        w.through = dt.date(2030, 1, 1)
        assert w.matched() == {frozenset({"i", "b"})}


@pytest.mark.parametrize(("first", "last"), [(-3660, -3655), (3655, 3660), (0, 5), (-1, 1)])
@pytest.mark.parametrize("name", [None, "DE-BY", "slow"])
def test_it_lists_every_day_that_a_count_by_hand_finds(tmp_path: Path, first: int, last: int, name: str | None) -> None:
    (tmp_path / "calendars").mkdir()
    weekend = '["monday", "tuesday", "wednesday", "thursday", "saturday", "sunday"]'
    (tmp_path / "calendars" / "slow.toml").write_text(f"weekend = {weekend}\n")
    if name == "slow" and max(abs(first), abs(last)) > 1000:
        first, last = first // 10, last // 10  # one day a week, as far as forty years go
    days = Days(first=first, last=last, calendar="business")
    found = window(days, {7: name}, tmp_path, [MONDAY], "rule").to_pylist()
    assert {row["calendar"] for row in found} == {7}
    worked = sorted({row["r_day"] for row in found})
    assert len(worked) >= last - first + 1
    if name is None:
        weekdays = [day for day in range(MONDAY - 6000, MONDAY + 6000) if (day - MONDAY) % 7 < 5]
        at = weekdays.index(MONDAY)
        assert set(weekdays[at + first : at + last + 1]) <= set(worked)


def test_a_calendar_without_business_days_ends(tmp_path: Path) -> None:
    (tmp_path / "calendars").mkdir()
    every = ", ".join(f'"{d}day"' for d in ("mon", "tues", "wednes", "thurs", "fri", "satur", "sun"))
    (tmp_path / "calendars" / "never.toml").write_text(f"weekend = [{every}]\n")
    found = window(Days(first=1, last=5, calendar="never"), {0: None}, tmp_path, [MONDAY], "rule")
    assert found.num_rows == 0


def top_up(day: int) -> Fact:
    return Fact(source="a", id="TOPUP-50001", kind="top_up", amount=4_000, day=day)


@pytest.mark.parametrize("day", [-10, -1, 0, 2, 20])
@pytest.mark.parametrize("named", [True, False])
def test_money_sent_to_a_platform_leaves_the_bank_first_or_is_collected(day: int, named: bool) -> None:
    text = {"text": "TOPUP-50001"} if named else {}
    with world("payout-to-bank", top_up(7), line("b", -4_000, day=7 + day, **text)) as w:
        fits = named or abs(day) <= 2
        assert w.matched() == ({frozenset({"TOPUP-50001", "b"})} if fits else set())


def test_two_that_could_be_what_was_sent_are_ambiguous_whichever_came_first() -> None:
    lines = [line("b1", -4_000, day=5, text="TOPUP-50001"), line("b2", -4_000, day=13, text="TOPUP-50001")]
    with world("payout-to-bank", top_up(7), *lines) as w:
        assert w.matched() == set()
        assert set(w.reasons().values()) == {"ambiguous"}


def test_a_payout_does_not_arrive_before_it_left() -> None:
    payout = Fact(source="a", id="PAYOUT-50009", kind="payout", amount=-5_000, day=7)
    with world("payout-to-bank", payout, top_up(7), line("b", 5_000, day=5, text="PAYOUT-50009")) as w:
        assert w.matched() == set()


PUBLIC = rules_text(rule("day", days='{ from = 0, to = 1, calendar = "ECB" }'))


def test_another_version_of_a_public_calendar_is_another_text_to_rest_on(monkeypatch: pytest.MonkeyPatch) -> None:
    """What the library says is part of a run: the same is not run again, and what it says otherwise is."""
    with world(PUBLIC, invoice("i", 100, day=5), line("b", 100, day=8)) as w:  # Tuesday, Friday
        assert w.matched() == set()
        assert [run.unchanged for run in w.match()] == [True]
        closed = "holidays = [2026-10-07, 2026-10-08]"
        monkeypatch.setattr(calendars, "_public_text", lambda name: {"ECB": closed}[name])
        assert w.matched() == {frozenset({"i", "b"})}


@pytest.mark.parametrize("calendar", ["own", "business"])
def test_people_are_told_of_days_as_the_run_counted_them(tmp_path: Path, calendar: str) -> None:
    """By the calendar of that run, also that of the account, whatever became of it since."""
    rules = rules_text(
        rule(
            "points", keys='[{ left = "counterparty", right = "counterparty", how = "name" }]',
            days=f'{{ from = 0, to = 2, calendar = "{calendar}" }}', amount='{ abs = "0.50" }', at_least="99",
            score="{ amount = 40, days = 30, name = 30 }",
        )
    )  # fmt: skip
    own = tmp_path / "calendars" / "own.toml"
    own.parent.mkdir()
    own.write_text("holidays = [2026-10-07, 2026-10-08]\n")
    account = '[[account]]\nid = "b/EUR"\nentity = "acme"\nkind = "bank"\ncurrency = "EUR"\ncalendar = "own"\n'
    w = World(tmp_path, rules, extra=account)
    try:
        w.add(invoice("i", 100, day=5, name="Meier"), line("b", 100, day=8, name="Meier"))  # Tuesday, Friday
        w.match()
        own.unlink()
        assert nearest(w, "b") == "missed 'points' by 9 points"  # one of at most two days: 40 + 20 + 30
    finally:
        w.close()
