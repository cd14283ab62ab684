"""The name that the journals of a ledger of weeks carry is a period to be asked for."""

import datetime as dt

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tieout.accounting.periods import period_of
from tieout.errors import WrongUse
from tieout.observe.exporting.exports import period_days


@given(year=st.integers(1990, 2100), period=st.integers(1, 12), kind=st.sampled_from(["4-4-5", "4-5-4", "5-4-4"]))
def test_a_period_of_weeks_has_the_days_that_journals_name_so(year: int, period: int, kind: str) -> None:
    name = f"{year}-P{period:02}"
    first, last = period_days(name, {kind, "monthly"})
    day = dt.timedelta(days=1)
    assert [period_of(kind, one) == name for one in (first - day, first, last, last + day)] == [
        False,
        True,
        True,
        False,
    ]
    assert (last - first).days + 1 in (28, 35, 42)


@pytest.mark.parametrize("kinds", [(), ("monthly",), ("4-4-5", "4-5-4")])
def test_a_period_that_no_ledger_has_or_that_two_have_differently_is_refused(kinds: tuple[str, ...]) -> None:
    with pytest.raises(WrongUse, match="expected a period of a ledger, got '2026-P02'"):
        period_days("2026-P02", kinds)
    with pytest.raises(WrongUse, match="expected a period of a ledger, got '2026-P13'"):
        period_days("2026-P13", ("4-4-5",))
