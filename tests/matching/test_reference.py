"""The engine agrees with the slow, obvious reference on thousands of random small worlds (law 8: two derivations)."""

import random
import subprocess
import sys
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from tests.laws.checker import broken
from tests.matching.other_worlds import FAMILIES, RATES, Family
from tests.matching.pencil_rules import head_of
from tests.matching.reference import Found, perform
from tests.matching.small_worlds import CURRENCIES, tag_of
from tests.matching.worlds import World, rule, rules_text, world

ROOT = Path(__file__).parents[2]
#: So many of a hundred worlds share an ordinary run.
SOME = 40
MANY = range(100, 120)


def _cascade(draw: random.Random, family: Family) -> str:
    names = draw.sample(sorted(family.menu), draw.randint(1, 4))
    return rules_text(*(rule(name, **family.menu[name]) for name in names), **family.head)


def _engine_found(w: World) -> dict[str, set[Found]]:
    """Give what was found by what all identifiers of a small world begin with."""
    found: dict[bytes, list[dict[str, Any]]] = {}
    for row in w.rows():
        found.setdefault(row["match_id"], []).append(row)
    told: dict[str, set[Found]] = {}
    for rows in found.values():
        (tag,) = {row["external_id"].partition("Q")[0] + "Q" for row in rows}
        match = Found(rows[0]["rule"], _side(rows, "left"), _side(rows, "right"), rows[0]["difference"])
        told.setdefault(tag, set()).add(match)
    return told


def _side(rows: list[dict[str, Any]], side: str) -> frozenset[tuple[str, int]]:
    return frozenset((row["external_id"], row["allocated"]) for row in rows if row["side"] == side)


def _write_rates(folder: Path) -> None:
    rows = [f"2026-09-30,{code},EUR,{Decimal(one) / per}" for code, (one, per) in RATES.items()]
    (folder / "rates").mkdir()
    (folder / "rates" / "rates.csv").write_text("\n".join(["date,base,quote,rate", *rows]) + "\n")


def _agree(name: str, seed: int, worlds: int = len(CURRENCIES)) -> int:
    """Hold one cascade in many worlds against the pencil; gives how many matches there were."""
    draw, family = random.Random(f"{name} {seed}"), FAMILIES[name]
    text = _cascade(draw, family)
    smalls = [family.small(draw, number) for number in range(worlds)]
    with world(text, *(fact for small in smalls for fact in [*small.left, *small.right])) as w:
        _write_rates(w.folder)
        w.match()
        assert broken(w, polarity=head_of(text).polarity) == []
        found = _engine_found(w)
    for number, small in enumerate(smalls):
        expected = perform(text, small.left, small.right, RATES)
        assert found.get(tag_of(number), set()) == expected, (text, small)
    return sum(map(len, found.values()))


def test_the_pencil_imports_nothing_from_matching() -> None:
    code = "import sys, tests.matching.reference; print([m for m in sys.modules if m.startswith('tieout.matching')])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT)
    assert done.stdout.strip() == "[]"


@pytest.mark.slow
@pytest.mark.parametrize("family", FAMILIES)
def test_the_engine_finds_what_a_pencil_finds(family: str) -> None:
    assert _agree(family, 0, SOME) > 0


@pytest.mark.deep
@pytest.mark.parametrize("seed", MANY)
@pytest.mark.parametrize("family", FAMILIES)
def test_the_engine_finds_what_a_pencil_finds_in_many_worlds(family: str, seed: int) -> None:
    _agree(family, seed)
