"""The engine agrees with the slow, obvious reference on thousands of random small worlds (law 8: two derivations)."""

import random
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.laws.checker import broken
from tests.matching.pencil_rules import rules_of
from tests.matching.reference import Found, perform
from tests.matching.small_worlds import CURRENCIES, MENU, small_world
from tests.matching.worlds import World, rule, rules_text, world

ROOT = Path(__file__).parents[2]
FEW, MANY = range(2), range(100, 200)


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
    rules = rules_of(text)
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


def test_the_pencil_imports_nothing_from_matching() -> None:
    code = "import sys, tests.matching.reference; print([m for m in sys.modules if m.startswith('tieout.matching')])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT)
    assert done.stdout.strip() == "[]"


@pytest.mark.slow
@pytest.mark.parametrize("seed", FEW)
def test_the_engine_finds_what_a_pencil_finds(seed: int) -> None:
    _agree(seed)


@pytest.mark.deep
@pytest.mark.parametrize("seed", MANY)
def test_the_engine_finds_what_a_pencil_finds_in_many_worlds(seed: int) -> None:
    _agree(seed)
