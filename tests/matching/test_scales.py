"""One record with many decimals neither stops a run nor changes what is used up of others, and no rate overflows."""

import datetime as dt

import pytest

from tests.laws.checker import broken
from tests.matching.worlds import Fact, invoice, line, rule, rules_text, world
from tieout.config.rates import Rates
from tieout.errors import WrongUse
from tieout.matching.facts.records import day_number
from tieout.matching.facts.scales import Money, _groups, base_rates

KEYED = rules_text(rule(reference="exact"))
LARGE = 2_000_000_000_000  # 20 billion rupiah, at two decimals


def test_a_line_with_nine_decimals_is_an_exception_of_its_own() -> None:
    facts = [
        *(invoice("i", LARGE, currency="IDR"), line("b", LARGE, "i", currency="IDR")),
        line("x", 123_456_789, exponent=9, currency="IDR"),
        *(invoice("j", 100), line("c", 100_000, "j", exponent=5)),
    ]
    with world(KEYED, *facts) as w:
        assert w.matched() == {frozenset({"i", "b"}), frozenset({"j", "c"})}
        (left,) = w.exceptions()
        assert (left["external_id"], left["reason"]) == ("x", "missing_left")
        assert (left["amount"], left["exponent"], left["currency"]) == (123_456_789, 9, "IDR")
        assert broken(w) == []


@pytest.mark.deep
def test_records_with_many_decimals_are_still_matched_with_each_other() -> None:
    facts = [
        *(invoice("i", LARGE, currency="IDR"), line("b", LARGE, "i", currency="IDR")),
        invoice("x", 123_456_789, exponent=9, currency="IDR"),
        line("y", 123_456_789, "x", exponent=9, currency="IDR"),
    ]
    with world(KEYED, *facts) as w:
        assert w.matched() == {frozenset({"i", "b"}), frozenset({"x", "y"})}
        assert broken(w) == []


def test_what_was_used_up_at_other_decimals_stays_used_up() -> None:
    """The first run counts rupiah in nine decimals, as all of its are few; the second cannot."""
    both = "".join(
        f'[[reconciliation]]\nid = "{left}b"\nleft = {{ source = "{left}" }}\nright = {{ source = "b" }}\nrules = "rules/own.toml"\n'
        for left in "ac"
    )

    def of_c(own_id: str, amount: int, **more: int) -> Fact:
        return Fact(source="c", id=own_id, amount=amount, currency="IDR", **more)  # type: ignore[arg-type]  # fields by name

    text = rules_text(rule(keys='[{ left = "external_id", right = "references" }]'))
    facts = [
        *(invoice("i", 500, currency="IDR"), invoice("x", 1, exponent=9, currency="IDR")),
        line("b", 500, "i", "k", currency="IDR"),
    ]
    with world(text, *facts, sources=("a", "b", "c"), reconciliations=both) as w:
        assert w.matched("ab") == {frozenset({"i", "b"})}
        w.add(of_c("k", 500), of_c("large", LARGE), of_c("tiny", 3, exponent=9))
        assert w.matched("cb") == {frozenset({"i", "b"})}
        assert broken(w) == []
    with world(
        text, *facts[:-1], line("b", 900, "i", "k", currency="IDR"), sources=("a", "b", "c"), reconciliations=both
    ) as w:
        w.add(of_c("k", 900), of_c("large", LARGE), of_c("tiny", 3, exponent=9))
        assert w.matched("cb") == {frozenset({"k", "b"})}


def test_exponents_are_together_as_long_as_everything_fits() -> None:
    assert _groups({2}, {}) == [[2]]
    assert _groups({2, 9}, {2: 10**11, 9: 5}) == [[2, 9]]
    assert _groups({2, 9}, {2: 10**12, 9: 5}) == [[2], [9]]
    assert _groups({0, 2, 4, 9}, {0: 10**15, 2: 5, 4: 1, 9: 7}) == [[0, 2], [4, 9]]
    assert _groups({2, 9}, {2: 2**63, 9: 5}) == [[2], [9]]


FIRST = dt.date(2026, 9, 30)


def rate_of(currency: str, exponent: int, **stated: tuple[int, int]) -> tuple[int, int]:
    """Give what one minor unit is worth in cents of the euro, by rates such as ``USD_JPY``."""
    pairs = {(name[:3], name[4:]): [rate] for name, rate in stated.items()}
    rates = Rates(days={pair: [FIRST] for pair in pairs}, values=pairs)
    (row,) = base_rates(Money(((0, currency, exponent),)), rates, "EUR", [(0, day_number(FIRST))]).to_pylist()
    return row["numerator"], row["denominator"]


def test_a_rate_of_nine_decimals_through_a_third_currency_is_exact() -> None:
    # 0.921450321 / 162.123456789, and 100 cents.
    crossed = rate_of("JPY", 0, USD_JPY=(162_123_456_789, 10**9), USD_EUR=(921_450_321, 10**9))
    assert crossed[0] * 162_123_456_789 == 92_145_032_100 * crossed[1]
    turned = rate_of("IDR", 2, EUR_IDR=(16_200_550_000_001, 10**9))
    assert turned == (10**9, 16_200_550_000_001)
    assert rate_of("KWD", 9, KWD_EUR=(3_000_000_001, 10**9)) == (3_000_000_001, 10**16)


def test_a_rate_that_cannot_be_is_said() -> None:
    with pytest.raises(
        WrongUse, match=r"expected exchange rates of fewer digits: IDR in EUR of 2026-09-30 is .*rates/"
    ):
        rate_of("IDR", 9, USD_IDR=(123_456_789_123_456_789, 10**9), USD_EUR=(123_456_789_123_456_787, 10**9))
