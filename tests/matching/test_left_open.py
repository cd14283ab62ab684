"""What a stronger rule leaves open between several, or undecided, no rule settles that knows no more; it still competes."""

import pytest

from tests.depth import some_of
from tests.laws.checker import broken
from tests.matching.worlds import Fact, invoice, line, rule, rules_text, world
from tieout.matching.performing.asked_pools import POOL_MAX

NAME = '[{ left = "counterparty", right = "counterparty", how = "name" }]'
TOKEN = '[{ left = "external_id", right = "text", how = "token" }]'
SOON = "{ from = 0, to = 3 }"
SUBSET = {"keys": NAME, "shape": '"n:1"', "subset": "true", "coincidence": '"1"'}
POINTS = {
    "keys": NAME, "amount": '{ abs = "1.00" }', "days": "{ from = -3, to = 3 }", "at_least": "60", "margin": "15",
    "score": "{ amount = 40, days = 30, name = 30 }",
}  # fmt: skip
MEIER = {"name": "Meier"}
ONE = [invoice("i", 12_345, **MEIER)]
TWO = [line("b1", 12_345, day=1, **MEIER), line("b2", 12_345, day=-1, **MEIER)]
STRONGER = {
    "points": POINTS,
    "points together": POINTS | {"together": "true"},
    "name": {"keys": NAME},
    "amount": {},
    "nearly": {"amount": '{ abs = "1.00" }', "days": "{ from = -3, to = 3 }"},
}


@pytest.mark.parametrize("stronger", some_of(STRONGER, 3))
@pytest.mark.parametrize("turned", [False, True])
def test_a_tie_is_settled_by_no_narrower_window(stronger: str, turned: bool) -> None:
    facts = (
        [*ONE, *TWO]
        if not turned
        else [line("b", 12_345, **MEIER), *(invoice(f.id, f.amount, day=-f.day, **MEIER) for f in TWO)]
    )
    with world(rules_text(rule("first", **STRONGER[stronger]), rule("then", days=SOON)), *facts) as w:
        assert w.matched() == set()
        assert set(w.reasons().values()) == {"ambiguous"}
        assert broken(w) == []


@pytest.mark.parametrize("stronger", sorted({*STRONGER} - {"points together"}))  # which holds from every weaker rule
def test_an_identifier_settles_it(stronger: str) -> None:
    lines = [TWO[0], line("b2", 12_345, day=-1, text="pays RE-1001", **MEIER)]
    rules = rules_text(rule("first", **STRONGER[stronger]), rule("named", keys=TOKEN))
    with world(rules, invoice("RE-1001", 12_345, **MEIER), *lines) as w:
        assert w.matched() == {frozenset({"RE-1001", "b2"})}


SPELLED = '[{ left = "external_id", right = ["references", "text"], how = "token" }]'


@pytest.mark.parametrize(
    ("keys", "then"),
    [(TOKEN, {"keys": TOKEN}), (TOKEN, {"keys": SPELLED}), (TOKEN, {"keys": TOKEN, "equal": '"fifo"'})],
)
def test_a_tie_of_an_identifier_is_settled_by_no_narrower_window(keys: str, then: dict[str, str]) -> None:
    lines = [line("b1", 12_345, day=1, text="pays RE-1001"), line("b2", 12_345, day=9, text="pays RE-1001")]
    rules = rules_text(rule("first", keys=keys), rule("then", **then, days=SOON))
    with world(rules, invoice("RE-1001", 12_345), *lines) as w:
        assert w.matched() == set()
        assert set(w.reasons().values()) == {"ambiguous"}
        assert broken(w) == []


def test_another_identifier_settles_a_tie_of_identifiers() -> None:
    lines = [line("b1", 12_345, text="pays RE-1001"), line("b2", 12_345, text="pays RE-1001", refs=["RE-1001"])]
    settles = '[{ left = "external_id", right = "references" }]'
    rules = rules_text(rule("first", keys=TOKEN), rule("then", keys=settles))
    with world(rules, invoice("RE-1001", 12_345), *lines) as w:
        assert w.matched() == {frozenset({"RE-1001", "b2"})}


def test_two_lines_that_name_one_payout_are_no_matter_of_days() -> None:
    """The rule for another currency has a narrower window: it takes no line of the payout's own."""
    payout = Fact(source="a", id="PAYOUT-98004", kind="payout", amount=-7_000, settlement="PAYOUT-98004")
    lines = [line("b4", 7_000, day=1, text="PAYOUT-98004"), line("f4", 7_000, day=12, text="PAYOUT-98004")]
    with world("payout-to-bank", payout, *lines) as w:
        assert w.matched() == set()
        assert set(w.reasons().values()) == {"ambiguous"}


def test_a_name_settles_what_was_open_by_amounts_and_what_is_settled_competes_no_more() -> None:
    """b1 bears the name of i; then j and b2 are left, each the only one of the other."""
    facts = [*ONE, invoice("j", 12_345), TWO[0], line("b2", 12_345, day=2)]
    rules = rules_text(rule("amount"), rule("name", keys=NAME), rule("again", days=SOON))
    with world(rules, *facts) as w:
        assert w.matched() == {frozenset({"i", "b1"}), frozenset({"j", "b2"})}


def test_in_order_is_what_a_rule_says() -> None:
    rules = rules_text(rule("amount"), rule("in order", days=SOON, equal='"fifo"'))
    with world(rules, *ONE, line("b1", 12_345, day=1), line("b2", 12_345, day=1)) as w:
        assert w.matched() == {frozenset({"i", "b1"})}


def items(count: int) -> list[Fact]:
    """One item, and a pair, that come to 1,234.57, and further ones of the same payer that come to nothing near."""
    parts = [invoice(f"i{n}", amount, **MEIER) for n, amount in enumerate((123_457, 40_013, 83_444))]
    return parts + [invoice(f"f{n}", 100_000 + 331 * n, **MEIER) for n in range(count - 3)]


@pytest.mark.parametrize(("count", "reason"), [(3, "ambiguous"), (61, "ambiguous"), (POOL_MAX + 1, "undecided")])
def test_a_search_beyond_its_bound_is_overruled_by_no_weaker_rule(count: int, reason: str) -> None:
    with world("open-items-to-bank", *items(count), line("b", 123_457, day=1, **MEIER)) as w:
        assert w.matched() == set()
        assert w.reasons()["b"] == w.reasons()["i0"] == reason


def test_what_is_undecided_competes() -> None:
    """The line of nobody could be i0's, as the payer's own line could."""
    with world(
        "open-items-to-bank", *items(POOL_MAX + 1), line("b", 123_457, day=1, **MEIER), line("c", 123_457, day=1)
    ) as w:
        assert w.matched() == set()


def test_what_fits_several_selections_competes() -> None:
    """70 may be part of the payer's line, which is 30 + 70 or 40 + 60: so another 70 is not the only one for a line of 70."""
    parts = [invoice(f"i{amount}", amount, **MEIER) for amount in (30, 40, 60, 70)]
    rules = rules_text(rule("selection", **SUBSET), rule("only", days="{ from = -9, to = 9 }"))
    facts = [*parts, line("b", 100, **MEIER), invoice("other", 70), line("c", 70, day=1)]
    with world(rules, *facts) as w:
        assert w.matched() == set()
        assert w.reasons()["c"] == "ambiguous"


@pytest.mark.parametrize(
    ("amounts", "reason"),
    [
        ([100_000 + 77 * n for n in range(61)], "missing_left"),  # each more than the line
        ([1 + n % 7 for n in range(61)], "missing_left"),  # all of them too little
        ([100_000 + 77 * n for n in range(60)] + [2_000], "missing_left"),  # which a search tells
        ([100_000 + 77 * n for n in range(POOL_MAX)] + [2_000], "undecided"),
        ([100_000 + 77 * n for n in range(POOL_MAX)] + [-101_000], "undecided"),  # which brings one down
    ],
)
@pytest.mark.parametrize("sign", [1, -1])
def test_of_a_crowd_of_which_nothing_can_be_part_no_search_is_needed(
    amounts: list[int], reason: str, sign: int
) -> None:
    crowd = [invoice(f"i{n}", sign * amount, **MEIER) for n, amount in enumerate(amounts)]
    with world(rules_text(rule("selection", **SUBSET)), *crowd, line("b", sign * 2_007, **MEIER)) as w:
        assert w.matched() == set()
        assert w.reasons()["b"] == reason
