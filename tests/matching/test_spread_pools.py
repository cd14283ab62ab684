"""The search that a cluster's workers do, one pool each, says of drawn pools what the search in one process says."""

import random
from collections.abc import Callable

import duckdb
import pytest

from tests.depth import DEEP
from tests.matching.worlds import rule, rules_text
from tieout.matching.backends.duckdb import DuckDB
from tieout.matching.grammar.reading import read_rules
from tieout.matching.grammar.rules import Rule
from tieout.matching.performing import asked_pools, selections, spread_pools

_SAID = ("summed", "held_now", "chance_now", "beyond_now", "unsure_now", "choices_now")
_NAME = '[{ left = "counterparty", right = "counterparty", how = "name" }]'


def drawn_pools(seed: int) -> DuckDB:
    """Lay out things of both sides, their order, and candidates."""
    draw = random.Random(seed)
    amounts = [draw.choice([5, 10, 15, 20, 35, 50, -10]) * draw.choice([1, 1, 7]) for _ in range(draw.randint(1, 16))]
    sides = {"l": [(n, amount, draw.randint(0, 3)) for n, amount in enumerate(amounts)], "r": []}
    for n in range(draw.randint(1, 6)):
        some = draw.sample(amounts, min(len(amounts), draw.randint(1, 3)))
        sides["r"].append((100 + n, sum(some) or 5, draw.randint(0, 3)))
    engine = DuckDB(duckdb.connect())
    for short, rows in sides.items():
        said = ", ".join(map(str, rows))
        engine.create(
            short,
            f"select thing, 1 as ccy, amount::bigint as amount, {short}_day from (values {said}) v(thing, amount, {short}_day)",
        )
        engine.create(
            f"{short}_order", f"select thing, row_number() over (order by {short}_day, thing) as place from {short}"
        )
    pairs = [(left[0], right[0]) for left in sides["l"] for right in sides["r"] if draw.random() < 0.8]
    engine.create(
        "candidates", f"select l, r from (values (-1, -1){''.join(f', {pair}' for pair in pairs)}) v(l, r) where l >= 0"
    )
    return engine


def test_both_searches_say_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    for module in (asked_pools, selections):
        monkeypatch.setattr(module, "FEW", 6)
    monkeypatch.setattr(asked_pools, "POOL_MAX", 12)
    for seed in range(400 if DEEP else 20):
        keys = {"keys": _NAME} if seed % 2 else {}
        text = rule("selection", shape='"n:1"', subset="true", coincidence='"1"', **keys)
        (one,) = read_rules(rules_text(text), "own.toml").rules
        assert _said(_in_one_process, drawn_pools(seed), one) == _said(_spread, drawn_pools(seed), one), seed


def _said(search: Callable[[DuckDB, Rule], None], engine: DuckDB, one: Rule) -> dict[str, set[tuple[object, ...]]]:
    search(engine, one)
    columns = {name: ", ".join(sorted(engine.arrow(f"select * from {name}").column_names)) for name in _SAID}
    return {name: set(engine.con.sql(f"select {columns[name]} from {name}").fetchall()) for name in _SAID}


def _in_one_process(engine: DuckDB, one: Rule) -> None:
    selections.select_from_pools(engine, one, "candidates", anchor="r")


def _spread(engine: DuckDB, one: Rule) -> None:
    spread_pools.select_spread(engine, one, "candidates", anchor="r")
