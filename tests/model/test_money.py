"""Law 3: money is exact."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tieout.errors import BadInput, Rejected
from tieout.model.money import MINOR_MAX, Money, exponent_of, exponents, format_minor, parse_decimal, parse_money

amounts = st.decimals(min_value=-(10**9), max_value=10**9, places=4, allow_nan=False, allow_infinity=False)


@pytest.mark.parametrize(
    ("currency", "exponent"), [("JPY", 0), ("EUR", 2), ("KWD", 3), ("CLF", 4), ("HRK", 2), ("ITL", 0), ("BGN", 2)]
)
def test_a_currency_has_its_own_decimals(currency: str, exponent: int) -> None:
    assert exponent_of(currency) == exponent


@pytest.mark.parametrize("currency", ["EURO", "eur", "XYZ", "", "XXX", "XAU"])
def test_what_is_no_currency_is_refused(currency: str) -> None:
    with pytest.raises(BadInput, match="expected an ISO 4217 currency"):
        exponent_of(currency)


@given(amounts, st.sampled_from(sorted(exponents())))
def test_reading_what_was_written_gives_the_same_money(amount: Decimal, currency: str) -> None:
    money = parse_money(format(amount, "f"), currency)
    assert money.decimal == amount
    assert parse_money(format_minor(money.minor, money.exponent), currency) == money


@given(amounts, amounts)
def test_sums_agree_with_decimals_to_the_last_digit(one: Decimal, other: Decimal) -> None:
    total = parse_money(format(one, "f"), "EUR") + parse_money(format(other, "f"), "EUR")
    assert total.decimal == one + other


def test_a_sum_across_currencies_is_an_error() -> None:
    with pytest.raises(Rejected, match="EUR and USD cannot be added"):
        parse_money("1", "EUR") + parse_money("1", "USD")


@pytest.mark.parametrize("minor", [1.0, "1", True, MINOR_MAX + 1, None])
def test_no_float_is_money(minor: object) -> None:
    with pytest.raises(BadInput):
        Money(minor, "EUR", 2)  # type: ignore[arg-type]  # what no checker lets through


@pytest.mark.parametrize(
    "text",
    ["", "-", ".", "1e5", "1_000", " 1", "1 ", "1,5", "0x10", "NaN", "Infinity", "1.2.3", "--1", "٣", "1.0000000001"],
)
def test_what_is_no_plain_decimal_is_refused(text: str) -> None:
    with pytest.raises(BadInput, match="expected a"):
        parse_decimal(text)


def test_more_decimals_than_the_currencys_are_kept_and_trailing_zeros_are_not() -> None:
    assert parse_money("10.12345", "EUR") == Money(1012345, "EUR", 5)
    assert parse_money("10.100", "EUR") == Money(1010, "EUR", 2)
    assert parse_money("1000.00", "JPY") == Money(1000, "JPY", 0)
    assert str(parse_money("-3.2", "EUR")) == "-3.20 EUR"


def test_no_digit_is_lost_when_the_exponent_shrinks() -> None:
    assert Money(1010, "EUR", 2).scaled(3) == 10100
    with pytest.raises(Rejected, match="does not fit 2 decimals"):
        Money(10101, "EUR", 3).scaled(2)
