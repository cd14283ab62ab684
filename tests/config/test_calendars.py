"""Business days come from the holidays library or from the workspace's own calendar."""

import datetime as dt
from pathlib import Path

import pytest

from tieout.config.calendars import calendar_named
from tieout.errors import WrongUse

FIRST, LAST = dt.date(2026, 1, 1), dt.date(2027, 12, 31)


@pytest.mark.parametrize(
    ("name", "day", "worked"),
    [
        (None, dt.date(2026, 12, 25), True),
        (None, dt.date(2026, 12, 26), False),
        ("ECB", dt.date(2026, 12, 25), False),
        ("ECB", dt.date(2027, 5, 1), False),
        ("DE", dt.date(2026, 10, 3), False),
        ("DE", dt.date(2026, 1, 6), True),
        ("DE-BY", dt.date(2026, 1, 6), False),
        ("US", dt.date(2026, 11, 26), False),
    ],
)
def test_a_calendar_knows_its_holidays(tmp_path: Path, name: str | None, day: dt.date, worked: bool) -> None:
    assert calendar_named(name, tmp_path, FIRST, LAST).is_business_day(day) is worked


def test_a_calendar_of_ones_own(tmp_path: Path) -> None:
    (tmp_path / "calendars").mkdir()
    (tmp_path / "calendars" / "gulf.toml").write_text('holidays = [2026-12-02]\nweekend = ["friday", "saturday"]\n')
    calendar = calendar_named("gulf", tmp_path, FIRST, LAST)
    assert [calendar.is_business_day(dt.date(2026, 12, day)) for day in (2, 3, 4, 5, 6)] == [
        False,
        True,
        False,
        False,
        True,
    ]


@pytest.mark.parametrize(
    "text",
    ["holidays = 5", 'holidays = ["2026-12-24"]', 'weekend = ["sun"]', "holiday = []", "holidays = [", "\x00"],
)
def test_a_calendar_with_a_fault_is_named(tmp_path: Path, text: str) -> None:
    (tmp_path / "calendars").mkdir()
    (tmp_path / "calendars" / "own.toml").write_text(text)
    with pytest.raises(WrongUse, match=r"expected .*own\.toml"):
        calendar_named("own", tmp_path, FIRST, LAST)


def test_an_unknown_calendar_is_named(tmp_path: Path) -> None:
    with pytest.raises(WrongUse, match=r"calendars/nowhere\.toml"):
        calendar_named("nowhere", tmp_path, FIRST, LAST)
