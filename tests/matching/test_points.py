"""Points: what comes about by accident is counted whatever a rule compares, and every candidate is a rival."""

import random
from collections.abc import Callable
from dataclasses import replace

import pytest

from tests.matching.worlds import Fact, invoice, line, rule, rules_text, world
from tests.observe.test_why import nearest
from tieout.errors import WrongUse
from tieout.matching.grammar.reading import read_rules

NAMES = '[{ left = "counterparty", right = "counterparty", how = "name" }]'
IDS = '[{ left = "external_id", right = "references" }]'


def unnamed(coincidence: str, days: str = "{ from = -5, to = 5 }") -> str:
    return rules_text(
        rule(
            days=days, amount='{ abs = "0.50" }', score="{ amount = 50, days = 50 }", at_least="30",
            coincidence=f'"{coincidence}"',
        )
    )  # fmt: skip


def test_two_sides_that_have_nothing_to_do_with_each_other_are_not_matched() -> None:
    """200 a side in 21 days, within 590.00: of 200 strangers one in six fits each of them."""
    draw = random.Random(1)

    def strangers(make: Callable[..., Fact], mark: str) -> list[Fact]:
        return [make(f"{mark}{n}", draw.randint(1000, 60000), day=draw.randint(0, 20)) for n in range(200)]

    facts = strangers(invoice, "i") + strangers(line, "b")
    with world(unnamed("0.01"), *facts) as w:
        assert w.matched() == set()
    with world(unnamed("1"), *facts) as w:
        assert w.matched() != set()
        assert all(10_000 < r["coincidence"] <= 1_000_000 for r in w.rows())


def test_what_is_rare_in_amount_and_day_passes_the_gate() -> None:
    """Amounts far apart, over nine months: of 250 lines a window of two days holds hardly any of that amount."""
    far = [line(f"x{n}", 100_000 + 977 * n, day=n) for n in range(250)]
    with world(unnamed("0.01", "{ from = 0, to = 1 }"), invoice("i", 10_000), line("b", 10_010), *far) as w:
        assert w.matched() == {frozenset({"i", "b"})}
        # 251 lines, 1 of 250 days (the next day would lose 25 points, and 5 were lost), one of 251 amounts
        assert {r["coincidence"] for r in w.rows()} == {3_999}


@pytest.mark.deep
def test_the_larger_side_says_how_many_accidents_there_may_be() -> None:
    """Each line has a thousand documents of other amounts to be confused with, though few lines are there."""
    many = [invoice(f"x{n}", 100_000 + 977 * n) for n in range(1000)]
    lines = [line("b", 10_010, day=1), *(line(f"y{n}", 7_000_000 + n * 1000, day=60 * n) for n in range(20))]
    with world(unnamed("0.01"), invoice("i", 10_000), *many, *lines) as w:
        assert w.matched() == set()


@pytest.mark.deep
def test_with_any_amount_every_amount_counts() -> None:
    """The name of 200 is rare among 400, but any amount would do: each of these names is an accident waiting."""
    rules = rules_text(
        rule(
            keys=NAMES, days="{ from = -5, to = 5 }", amount='"any"', score="{ days = 50, name = 50 }", at_least="60",
            coincidence='"0.01"', confirm="false",
        )
    )  # fmt: skip
    others = [line(f"x{n}", 999 * n + 7, name="Meier", day=40 + n) for n in range(20)]
    with world(rules, invoice("i", 10_000, name="Meier"), line("b", 4_000, name="Meier"), *others) as w:
        w.match()
        assert w.together("proposed") == set()


def meiers(many: int, *, paid: bool) -> list[Fact]:
    """Give lines of one name over half a year, each of another amount; with the documents that they pay, or without."""
    lines = [line(f"x{n}", 50_000 + 1_000 * n, name="Meier", day=7 * (n % 30)) for n in range(many)]
    bills = [invoice(f"y{n}", 50_000 + 1_000 * n, name="Meier", day=7 * (n % 30)) for n in range(many)]
    return lines + bills * paid


def gated(facts: list[Fact], coincidence: str = "0.01", days: str = "{ from = -3, to = 3 }", *, day: int = 1) -> int:
    """Give how many accidents a pair of one name must expect, in millionths; 0: it is no match."""
    rules = rules_text(
        rule(
            keys=NAMES, days=days, amount='{ pct = "0.5" }', score="{ amount = 40, days = 30, name = 30 }", at_least="70",
            margin="15", coincidence=f'"{coincidence}"',
        )
    )  # fmt: skip
    with world(rules, invoice("i", 10_000, name="Meier"), line("b", 10_000, name="Meier", day=day), *facts) as w:
        w.match()
        found = [row["coincidence"] for row in w.rows() if row["external_id"] == "i"]
        return int(found[0]) if found else 0


def test_only_who_has_no_partner_can_be_met_by_accident() -> None:
    """Of 60 other payments of Meier's each has its invoice: beside it that would be seen. Without them all are strangers."""
    paid, unpaid = gated(meiers(60, paid=True), "1"), gated(meiers(60, paid=False), "1")
    assert paid > 0
    assert unpaid == pytest.approx(61 * paid, rel=0.01)
    assert gated(meiers(60, paid=True)) == paid
    assert gated(meiers(60, paid=False)) == 0


def test_strangers_are_of_like_name_and_of_the_same_currency() -> None:
    facts = meiers(60, paid=False)
    usual = gated(facts, "1")
    others = [replace(fact, name="Meierhofer") for fact in facts]
    dollars = [replace(fact, currency="USD") for fact in facts]
    # One stranger, itself, instead of 61; and without dollars its amount is one of one.
    assert gated(others, "1") == pytest.approx(usual / 61, rel=0.01)
    assert gated(dollars, "1") == pytest.approx(usual, rel=0.01)


def test_accidents_are_as_near_as_what_was_found() -> None:
    """On the day itself, on one of three days, on one of five: the farther the day, the more are as good."""
    facts = meiers(60, paid=False)
    same, one, two = (gated(facts, "1", day=day) for day in (0, 1, 2))
    assert one == pytest.approx(3 * same, rel=0.01)
    assert two == pytest.approx(5 * same, rel=0.01)
    assert same == pytest.approx(
        61 * 1_000_000 / 204 / 61, rel=0.01
    )  # 61 strangers, one of 204 days, one of 61 amounts


@pytest.mark.deep
def test_business_days_cover_more_days_than_they_count() -> None:
    """Ten business days are a fortnight of a year, so that more is expected than ten days of it would say."""
    figures = []
    for calendar in ("", ', calendar = "business"'):
        days = f"{{ from = 0, to = 9{calendar} }}"
        rules = rules_text(
            rule(
                keys=NAMES,
                days=days,
                amount='{ abs = "0.50" }',
                score="{ name = 90 }",
                at_least="50",
                coincidence='"1"',
            )
        )
        facts = [invoice("i", 10_000, name="Meier"), line("b", 10_010, day=1, name="Meier"), line("x", 1, day=270)]
        with world(rules, *facts) as w:
            w.match()
            figures += [r["coincidence"] for r in w.rows()][:1]
    assert figures[1] > figures[0] > 0


def test_an_identifier_is_no_accident_so_a_gate_beside_it_is_refused() -> None:
    text = rules_text(
        rule(
            keys=IDS,
            amount='{ abs = "0.50" }',
            score="{ amount = 50, reference = 50 }",
            at_least="60",
            coincidence='"0.01"',
        )
    )
    with pytest.raises(WrongUse, match=r"own.toml line \d+: expected no 'coincidence'"):
        read_rules(text, "own.toml")
    read_rules(text.replace('coincidence = "0.01"', ""), "own.toml")


POINTS = {
    "keys": NAMES, "days": "{ from = -9, to = 9 }", "amount": '{ abs = "0.50" }',
    "score": "{ amount = 40, days = 30, name = 30 }", "at_least": "76", "margin": "15",
}  # fmt: skip


@pytest.mark.parametrize(
    ("together", "turned"),
    [
        ("false", False),
        ("true", True),
        pytest.param("false", True, marks=pytest.mark.deep),
        pytest.param("true", False, marks=pytest.mark.deep),
    ],
)
def test_a_rival_counts_whatever_its_points(together: str, turned: bool) -> None:
    """76 points are 3 ahead of 73, on either side, though 73 would be no match."""
    two = [Fact(source="b", id=f"b{day}", amount=10_000, kind="bank_entry", name="Meier", day=day) for day in (8, -9)]
    one = [invoice("i", 10_000, name="Meier")]
    if turned:
        two = [invoice(f"b{day}", 10_000, name="Meier", day=-day) for day in (8, -9)]
        one = [line("i", 10_000, name="Meier")]
    with world(rules_text(rule(**POINTS, together=together)), *one, *two) as w:
        assert w.matched() == set()
    with world(rules_text(rule(**POINTS | {"margin": "3"}, together=together)), *one, *two) as w:
        assert w.matched() == {frozenset({"i", "b8"})}
        assert {r["margin"] for r in w.rows()} == {3}


@pytest.mark.parametrize("calendar", ["business", "DE"])
@pytest.mark.parametrize(
    ("day", "paid", "points"),
    [(1, 4, 95), (1, 2, 100), (4, 1, 95), (1, 8, 75)],  # Friday to Monday, to Saturday, back to Friday, to Friday
)
def test_points_count_the_days_that_the_window_counts(calendar: str, day: int, paid: int, points: int) -> None:
    """From Friday to Monday is one business day, as far as the window and the points are concerned."""
    days = f'{{ from = -5, to = 5, calendar = "{calendar}" }}'
    found = {}
    for at_least in (1, 99):
        rules = rules_text(rule("points", **POINTS | {"days": days, "at_least": str(at_least), "margin": "1"}))
        facts = [invoice("i", 10_000, name="Meier", day=day), line("b", 10_000, name="Meier", day=paid)]
        with world(rules, *facts) as w:
            w.match()
            found[at_least] = {row["score"] for row in w.rows()}
            if at_least > points:
                assert nearest(w, "b") == f"missed 'points' by {99 - points} points"
    assert found == {1: {points}, 99: {points} if points >= 99 else set()}


RATES = "date,base,quote,rate\n2026-09-28,EUR,JPY,160\n2026-09-28,EUR,KWD,0.33\n2026-09-28,EUR,USD,1.0\n"


@pytest.mark.parametrize(
    ("currency", "amount", "paid", "points"),
    [
        # 1.00 of 5.00 EUR off is a tenth of the points for the amount, whatever the currency and its decimals.
        pytest.param("USD", 100_000, 99_900, 96, marks=pytest.mark.deep),
        ("JPY", 160_000, 99_900, 96),
        pytest.param("KWD", 330_000, 99_900, 96, marks=pytest.mark.deep),
        pytest.param("USD", 100_000, 100_490, 80, marks=pytest.mark.deep),
        pytest.param("JPY", 160_000, 100_490, 80, marks=pytest.mark.deep),
        ("KWD", 330_000, 100_490, 80),
        pytest.param("KWD", 330_000, 100_000, 100, marks=pytest.mark.deep),
        pytest.param("EUR", 100_000, 100_000, 100, marks=pytest.mark.deep),
        pytest.param("EUR", 100_000, 99_999, None, marks=pytest.mark.deep),
        pytest.param("JPY", 160_000, 100_501, None, marks=pytest.mark.deep),
    ],
)
def test_points_for_an_amount_in_the_entitys_currency_are_counted_in_it(
    currency: str, amount: int, paid: int, points: int | None
) -> None:
    rules = rules_text(
        rule(
            keys=NAMES, amount='{ abs = "5", base = true }', days="{ from = 0, to = 9 }",
            score="{ amount = 40, days = 30, name = 30 }", at_least="1", difference='{ currency = "fx" }',
        )
    )  # fmt: skip
    with world(rules) as w:
        (w.folder / "rates").mkdir()
        (w.folder / "rates" / "r.csv").write_text(RATES)
        w.add(invoice("i", amount, currency=currency, name="Meier"), line("b", paid, name="Meier"))
        w.match()
        assert {row["score"] for row in w.rows()} == (set() if points is None else {points})


@pytest.mark.parametrize("currency", ["JPY", pytest.param("USD", marks=pytest.mark.deep)])
def test_accidents_of_two_currencies_are_counted_in_the_entitys(currency: str) -> None:
    """Of 101 amounts one is within 5.00 EUR of what the document is worth, whatever currency it has."""
    rules = rules_text(
        rule(
            keys=NAMES, amount='{ abs = "5", base = true }', days="{ from = 0, to = 9 }",
            score="{ amount = 40, days = 30, name = 30 }", at_least="70", coincidence='"0.02"',
        )
    )  # fmt: skip
    far = [line(f"x{n}", 200_000 + 7_000 * n, day=5) for n in range(100)]
    with world(rules) as w:
        (w.folder / "rates").mkdir()
        (w.folder / "rates" / "r.csv").write_text(RATES)
        amount = 160_000 if currency == "JPY" else 100_000
        w.add(invoice("i", amount, currency=currency, name="Meier"), line("b", 99_900, name="Meier"), *far)
        w.match()
        # One of its name, on 2 of 10 days (the day after loses 3 points, two days lose 6, and 5 were lost), 1 of 101.
        assert {row["coincidence"] for row in w.rows()} == {1_980}
