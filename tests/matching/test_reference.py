"""The engine agrees with the slow, obvious reference on thousands of random small worlds (law 8: two derivations)."""

import random
from typing import Any

import pytest

from tests.laws.checker import broken
from tests.matching.reference import Found, perform
from tests.matching.small_worlds import CURRENCIES, MENU, small_world
from tests.matching.worlds import World, rule, rules_text, world
from tieout.matching.reading import read_rules

FEW, MANY = range(4), range(100, 200)


def _cascade(draw: random.Random) -> str:
    names = draw.sample(sorted(MENU), draw.randint(1, 4))
    return rules_text(*(rule(name, **MENU[name]) for name in names))


def _engine_found(w: World, currency: str) -> set[Found]:
    found: dict[bytes, list[dict[str, Any]]] = {}
    for row in w.rows():
        if row["currency"] == currency:
            found.setdefault(row["match_id"], []).append(row)
    return {
        Found(rows[0]["rule"], _side(rows, "left"), _side(rows, "right"), rows[0]["difference"])
        for rows in found.values()
    }


def _side(rows: list[dict[str, Any]], side: str) -> frozenset[tuple[str, int]]:
    return frozenset((row["external_id"], row["allocated"]) for row in rows if row["side"] == side)


def _agree(seed: int) -> None:
    draw = random.Random(seed)
    text = _cascade(draw)
    rules = read_rules(text, "own.toml").rules
    smalls = [small_world(draw, number) for number in range(len(CURRENCIES))]
    with world(text, *(fact for small in smalls for fact in [*small.left, *small.right])) as w:
        w.match()
        assert broken(w) == []
        found: dict[str, set[Found]] = {}
        for currency in CURRENCIES:
            found[currency] = _engine_found(w, currency)
    for small, currency in zip(smalls, CURRENCIES, strict=True):
        expected = perform(rules, small.left, small.right)
        assert found[currency] == expected, (text, small)


@pytest.mark.slow
@pytest.mark.parametrize("seed", FEW)
def test_the_engine_finds_what_a_pencil_finds(seed: int) -> None:
    _agree(seed)


@pytest.mark.deep
@pytest.mark.parametrize("seed", MANY)
def test_the_engine_finds_what_a_pencil_finds_in_many_worlds(seed: int) -> None:
    _agree(seed)
