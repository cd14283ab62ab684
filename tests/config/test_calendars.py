"""Business days come from the holidays library or from the workspace's own calendar."""

import datetime as dt
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tieout.config.calendars import Calendar, Calendars, business_days, business_index, calendar_named, public_texts
from tieout.errors import WrongUse


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
    assert calendar_named(name, tmp_path).is_business_day(day) is worked


def test_a_calendar_of_ones_own(tmp_path: Path) -> None:
    (tmp_path / "calendars").mkdir()
    (tmp_path / "calendars" / "gulf.toml").write_text('holidays = [2026-12-02]\nweekend = ["friday", "saturday"]\n')
    calendar = calendar_named("gulf", tmp_path)
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
        calendar_named("own", tmp_path)


def test_an_unknown_calendar_is_named(tmp_path: Path) -> None:
    with pytest.raises(WrongUse, match=r"calendars/nowhere\.toml"):
        calendar_named("nowhere", tmp_path)


@pytest.mark.parametrize("name", ["ECB", "DE-BY", "SA", "CN"])
def test_a_public_calendar_is_kept_as_a_file_of_ones_own(tmp_path: Path, name: str) -> None:
    """Which days the library knows is written down, so that a result rests on a text and not on a version."""
    ((path, text),) = public_texts([name], tmp_path).items()
    asked = calendar_named(name, tmp_path)
    (tmp_path / "calendars").mkdir()
    (tmp_path / path).write_text(text)
    assert calendar_named(name, tmp_path) == asked
    assert Calendars({name: text}).of(name, None) == asked
    assert dt.date(1970, 1, 1) <= min(asked.holidays) <= dt.date(2001, 12, 31)
    assert public_texts([name], tmp_path) == {}


def test_an_account_has_its_own_calendar_or_that_of_its_source() -> None:
    content = (
        '[[source]]\nid = "s"\ncalendar = "calendars/a.toml"\n[[account]]\nid = "one"\nsource = "s"\n'
        '[[account]]\nid = "two"\nsource = "s"\ncalendar = "b"\n[[account]]\nid = "three"\n'
    )
    days = {"a": "holidays = [2026-10-05]", "b": "holidays = [2026-10-06]"}
    kept = Calendars.kept({"tieout.toml": content, **{f"calendars/{name}.toml": text for name, text in days.items()}})
    closed = {one: kept.of("business", one).holidays for one in ("one", "two", "three", None)}
    assert closed == {
        "one": {dt.date(2026, 10, 5)}, "two": {dt.date(2026, 10, 6)}, "three": frozenset(), None: frozenset(),
    }  # fmt: skip
    assert kept.of("b", "one").holidays == {dt.date(2026, 10, 6)}


DAYS = st.dates(dt.date(2026, 1, 1), dt.date(2026, 3, 31))
CALENDARS = st.builds(Calendar, st.frozensets(DAYS, max_size=20), st.frozensets(st.integers(0, 6)))


def counted(calendar: Calendar, left: dt.date, right: dt.date) -> int:
    """Count business days one by one: those after the earlier day up to the later one."""
    if right < left:
        return -counted(calendar, right, left)
    found, day = 0, left
    while day < right:
        day += dt.timedelta(days=1)
        found += calendar.is_business_day(day)
    return found


@given(calendar=CALENDARS, left=DAYS, right=DAYS)
def test_business_days_between_are_a_subtraction(calendar: Calendar, left: dt.date, right: dt.date) -> None:
    index = business_index(calendar, dt.date(2026, 1, 1), dt.date(2026, 3, 31))
    assert index[right] - index[left] == counted(calendar, left, right) == business_days(calendar, left, right)


@given(calendar=CALENDARS, first=DAYS, last=DAYS)
def test_business_days_are_those_that_the_index_counts(calendar: Calendar, first: dt.date, last: dt.date) -> None:
    index = business_index(calendar, first, last)
    days = [day for day in index if calendar.is_business_day(day)]
    assert list(index) == sorted(index)
    assert len(index) == max((last - first).days + 1, 0)
    assert list(index.values())[-1:] == [len(days)] * (first <= last)


def test_from_friday_to_monday_is_one_business_day() -> None:
    index = business_index(Calendar(frozenset()), dt.date(2026, 11, 26), dt.date(2026, 11, 30))
    thursday, friday, saturday, _, monday = index.values()
    assert (friday - thursday, saturday - friday, monday - friday, monday - saturday) == (1, 0, 1, 1)


def test_a_span_has_a_limit() -> None:
    with pytest.raises(WrongUse, match="expected a span of at most"):
        business_index(Calendar(frozenset()), dt.date.min, dt.date.max)
