"""A number that is written as a part of a longer one is that longer one's; an amount and a date are no numbers at all."""

import pytest

from tests.depth import some_of
from tests.matching.given import Fact
from tests.matching.worlds import World, invoice, line, rule, rules_text, world
from tieout.matching.comparing.columns import token_places

SET = "open-items-to-bank"


def found(w: World) -> set[tuple[str, ...]]:
    w.match()
    return {tuple(sorted(ids)) for ids in w.together("confirmed") | w.together("proposed")}


def matched(*facts: Fact, rules: str = SET) -> set[tuple[str, ...]]:
    with world(rules, *facts) as w:
        return found(w)


def of_text(text: str) -> tuple[set[str], set[str]]:
    """Give the words of a text, and those that are only parts of longer numbers."""
    import pyarrow as pa

    rows = token_places(pa.array([0]), pa.array([text])).to_pylist()
    whole = {row["word"] for row in rows if not row["is_part"]}
    return whole, {row["word"] for row in rows} - whole


@pytest.mark.parametrize(
    ("text", "whole", "parts"),
    [
        ("Rechnung RE-4711-1", {"RE47111"}, {"RE4711", "4711"}),
        ("INV/2031/0007.2", {"INV203100072"}, {"INV20310007", "20310007"}),
        ("AB_900155_b", {"AB900155B"}, {"AB900155"}),
        ("RE10077-1", {"RE100771"}, {"RE10077", "10077"}),
        ("2026-4711", {"20264711"}, {"4711"}),
        ("RE-4711/2026", {"RE47112026"}, {"RE4711"}),
        ("RE-2026/2041", {"RE20262041"}, {"RE2026", "2041"}),
        ("RE-4711/RE-4712", {"RE4711", "RE4712"}, set()),
        ("RE-4711/4712/4713", {"RE4711", "4712", "4713"}, set()),
        ("KD77001-RE4711", {"KD77001", "RE4711"}, set()),
        ("RE4711-ACME", {"RE4711"}, set()),
        ("RE-4711. Danke", {"RE4711"}, set()),
        ("RE-4711, 1. Rate", {"RE4711"}, set()),
        ("RE-4711 - 1", {"RE4711"}, set()),
        ("RE-4711-1 und RE-4711", {"RE4711", "RE47111"}, set()),
    ],
)
def test_what_goes_on_without_a_blank_is_a_longer_number(text: str, whole: set[str], parts: set[str]) -> None:
    of_whole, of_parts = of_text(text)
    assert whole <= of_whole
    assert parts <= of_parts


@pytest.mark.parametrize(
    "text",
    [
        "100,00 EUR", "EUR 1.234,56", "1,234.56", "1'234.50", "1 234,56", "USD10000", "10000 JPY", "10.001 KWD",
        "1234.567 KWD", "€ 1234", "2026-10-02", "02.10.2026", "2/10/26", "10/31/2026", "10:02:33",
    ],
)  # fmt: skip
def test_amounts_dates_and_times_are_no_numbers(text: str) -> None:
    for said in (text, f"Zahlung {text} danke", f"({text})"):
        assert not [word for word in set().union(*of_text(said)) if word.isdigit()], said


def test_what_stands_around_such_digits_is_still_a_number() -> None:
    for text in ("PO-2026-10-02", "PO 2026-10-02"):
        assert "PO20261002" in of_text(text)[0]
    assert "RE4711" in of_text("RE-4711 100,00 EUR 02.10.2026")[0]
    assert "RE4711" in of_text("€ 100,00 / 2,00 € RE-4711 10.02.2026")[0]
    assert "20261002" in of_text("20261002")[0]


WOLF, MEIER = {"name": "Wolf AG"}, {"name": "Meier GmbH"}
SERIES = [("RE-4711", "RE-4711-1"), ("PO/1000", "PO/1000/7"), ("AB.2031.05", "AB.2031.05.B"), ("90017", "90017_2")]


@pytest.mark.parametrize(("short", "long", "currency"), some_of([(*n, c) for n in SERIES for c in ("EUR", "JPY")], 3))
def test_a_line_that_names_the_longer_one_in_full_does_not_pay_the_shorter(
    short: str, long: str, currency: str
) -> None:
    facts = [invoice(long, 10_200, currency=currency, **WOLF), invoice(short, 10_000, currency=currency, **MEIER)]
    bank = line("b", 10_000, text=f"Rechnung {long}", currency=currency, **WOLF)
    assert matched(*facts, bank) == {(long, "b")}


@pytest.mark.parametrize(("short", "long"), some_of(SERIES, 2))
def test_nor_if_the_longer_one_was_paid_before(short: str, long: str) -> None:
    with world(SET, invoice(long, 10_000, **WOLF), line("b1", 10_000, long, **WOLF)) as w:
        assert found(w) == {(long, "b1")}
        w.add(invoice(short, 10_000, day=1, **MEIER), line("b2", 10_000, long, day=2, **WOLF))
        assert found(w) == {(long, "b1")}
        assert w.reasons()["b2"] == "duplicate"


@pytest.mark.parametrize(
    ("short", "long", "amount"), some_of([(*n, a) for n in SERIES for a in (10_000, 9_800, 5_000)], 4)
)
def test_of_one_that_nobody_knows_only_the_name_says_whose_it_is(short: str, long: str, amount: int) -> None:
    for payer, some in ((WOLF, set()), ({}, set()), (MEIER, {(short, "b")})):
        facts = [invoice(short, 10_000, day=1, **MEIER), line("b", amount, text=f"zu {long}", day=3, **payer)]
        assert matched(*facts) == some, payer
        facts = [invoice(short, 10_000, day=1, **MEIER), line("b", amount, long, day=3, **payer)]
        assert matched(*facts) == some, payer


def test_a_settlement_is_not_named_by_a_part_either() -> None:
    payout = Fact(source="a", id="PO-1000", amount=-10_000, kind="payout", settlement="PO-1000")
    for text, some in (("PO-1000-1", set()), ("Auszahlung PO-1000.", {("PO-1000", "b")})):
        assert matched(payout, line("b", 10_000, text=text, day=1), rules="payout-to-bank") == some


def test_lists_go_on_naming_all_that_is_in_them() -> None:
    owed = [invoice("RE-4711", 10_000, **MEIER), invoice("RE-4712", 20_000, **MEIER), invoice("4713", 5_000, **MEIER)]
    for text in ("RE-4711/RE-4712/4713", "RE-4711-RE-4712-KD 4713", "RE4711,RE4712,4713", "RE-4711; RE-4712; 4713"):
        assert matched(*owed, line("b", 35_000, text=text, **WOLF)) == {("4713", "RE-4711", "RE-4712", "b")}, text


def test_an_amount_or_a_date_is_not_the_number_that_its_digits_are() -> None:
    for number, text in (("10000", "100,00 EUR"), ("20261002", "Valuta 2026-10-02"), ("10002", "EUR 100.02")):
        assert matched(invoice(number, 10_000, **MEIER), line("b", 10_000, text=text, **WOLF)) == set(), text


def test_the_sides_may_be_the_other_way_round() -> None:
    keys = '[{ left = ["references", "text"], right = ["external_id", "references"], how = "token" }]'
    turned = rules_text(rule(keys=keys), claims='{ left = "bank", right = "document" }')

    def on_the_right(number: str, amount: int, name: str) -> Fact:
        return Fact(source="b", id=number, amount=amount, kind="invoice", name=name)

    bank = Fact(source="a", id="k", amount=10_000, kind="bank_entry", text="Rechnung RE-4711-1", name="Wolf AG")
    both = [on_the_right("RE-4711-1", 10_200, "Wolf AG"), on_the_right("RE-4711", 10_000, "Meier GmbH")]
    assert matched(bank, *both, rules=turned) == set()
    assert matched(bank, on_the_right("RE-4711-1", 10_000, "Wolf AG"), both[1], rules=turned) == {("RE-4711-1", "k")}


def test_whoever_says_a_number_that_is_known_does_not_mean_a_longer_one_by_it() -> None:
    keys = '[{ left = ["external_id", "references"], right = ["references", "text"], how = "token" }]'
    named = line("b", 10_000, "RE-4711", **WOLF)
    longer = invoice("RE-4711-1", 10_000, **WOLF)
    assert matched(longer, named, rules=rules_text(rule(keys=keys))) == {("RE-4711-1", "b")}
    assert matched(longer, invoice("RE-4711", 10_200, **MEIER), named, rules=rules_text(rule(keys=keys))) == set()
