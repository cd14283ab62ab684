"""Candidates that compete, settled together: what every best assignment has is matched, and nothing else."""

import json
import random
from itertools import combinations, permutations
from typing import Any

import pytest

from tests.laws.checker import broken
from tests.matching.worlds import Fact, invoice, line, rule, rules_text, world

KEYS = '[{ left = "counterparty", right = "counterparty", how = "name" }]'
POINTS: dict[str, str] = {
    "keys": KEYS, "days": "{ from = -9, to = 9 }", "score": "{ days = 50, name = 30 }", "at_least": "40", "margin": "1",
}  # fmt: skip
TOGETHER = rules_text(rule("all together", **POINTS, together="true"))
EACH = rules_text(rule("each its best", **POINTS))


def papers(*days: int, amount: int = 500, **more: Any) -> list[Fact]:
    return [invoice(f"i{n}", amount, day=day, name="Meier GmbH", **more) for n, day in enumerate(days)]


def lines(*days: int, amount: int = 500) -> list[Fact]:
    return [line(f"b{n}", amount, day=day, name="MEIER") for n, day in enumerate(days)]


def test_a_best_pair_that_stands_in_the_way_of_two_gives_way() -> None:
    """b0 is nearest to i1; but i0 could have nothing else within the days."""
    facts = [*papers(0, 5), *lines(6, 11)]
    with world(EACH, *facts) as w:
        assert w.matched() == {frozenset({"i1", "b0"})}
    with world(TOGETHER, *facts) as w:
        assert w.matched() == {frozenset({"i0", "b0"}), frozenset({"i1", "b1"})}
        assert {r["evidence"] for r in w.rows()} == {'{"together":{"things":4}}'}
        assert broken(w) == []


def test_what_competes_with_nothing_is_as_without_the_word() -> None:
    facts = [*papers(0), *lines(2)]
    figures = []
    for rules in (EACH, TOGETHER):
        with world(rules, *facts) as w:
            assert w.matched() == {frozenset({"i0", "b0"})}
            figures.append([(r["score"], r["margin"], r["coincidence"], r["evidence"]) for r in w.rows()])
    assert figures[0] == figures[1]


def test_pairs_that_another_best_assignment_lacks_are_ambiguous_and_held() -> None:
    """Two equal papers and two equal lines: also a weaker rule takes none of them; a third pair beside them is sure."""
    weaker = rule("only", days="{ from = 0, to = 3 }")
    rules = rules_text(rule("all together", **POINTS, together="true"), weaker)
    facts = [
        *papers(0, 0),
        *lines(2, 2),
        invoice("far", 500, day=30, name="Otto"),
        line("off", 500, day=31, name="Otto"),
    ]
    with world(rules, *facts) as w:
        assert w.matched() == {frozenset({"far", "off"})}
        assert w.reasons() == dict.fromkeys(("i0", "i1", "b0", "b1"), "ambiguous")


def test_two_that_compete_for_one_are_ambiguous() -> None:
    with world(TOGETHER, *papers(0, 0), *lines(2)) as w:
        assert w.matched() == set()
        assert set(w.reasons().values()) == {"ambiguous"}


def test_the_loser_of_a_sure_assignment_is_missing_and_free_for_weaker_rules() -> None:
    rules = rules_text(rule("all together", **POINTS, together="true"), rule("only", days="{ from = 0, to = 20 }"))
    with world(rules, *papers(0, 4), *lines(5), line("later", 500, day=18)) as w:
        assert w.matched() == {frozenset({"i1", "b0"}), frozenset({"i0", "later"})}


def test_the_margin_is_what_all_together_lose() -> None:
    facts = [*papers(0, 5), *lines(6, 11)]
    with world(rules_text(rule(**POINTS | {"margin": "60"}, together="true")), *facts) as w:
        assert w.matched() == set()
        assert set(w.reasons()) == {"i0", "i1", "b0", "b1"}


def test_a_pool_beyond_the_bound_is_undecided(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tieout.matching.performing.together.POOL_MAX", 3)
    with world(TOGETHER, *papers(0, 5), *lines(6, 11)) as w:
        assert w.matched() == set()
        assert set(w.reasons().values()) == {"undecided"}


def test_the_order_of_rows_changes_nothing() -> None:
    draw = random.Random(3)
    facts = [*papers(*(draw.randint(0, 30) for _ in range(25))), *lines(*(draw.randint(0, 30) for _ in range(25)))]
    digests = []
    for seed in range(3):
        random.Random(seed).shuffle(facts)
        with world(TOGETHER, *facts) as w:
            digests.append(w.match(threads=seed + 1)[0].digest)
    assert len(set(digests)) == 1


def test_matches_are_what_every_best_assignment_has() -> None:
    """Against all assignments, written out, in forty pools of one run."""
    draw = random.Random(4)
    pools = []
    for number in range(40):
        name = f"{chr(65 + number // 26)}{chr(65 + number % 26)}{chr(90 - number % 26)} Handel"
        pools.append(
            (
                [invoice(f"i{number}_{n}", 500, day=draw.randint(0, 12), name=name) for n in range(draw.randint(1, 4))],
                [line(f"b{number}_{n}", 500, day=draw.randint(0, 12), name=name) for n in range(draw.randint(1, 4))],
            )
        )
    with world(TOGETHER, *(fact for pool in pools for side in pool for fact in side)) as w:
        assert w.matched() == {pair for pool in pools for pair in _in_every_best(*pool)}
        assert len(w.matches()) > 20
        assert any(json.loads(r["evidence"] or "{}") for r in w.rows())


def _in_every_best(lefts: list[Fact], rights: list[Fact]) -> set[frozenset[str]]:
    def points(left: Fact, right: Fact) -> int:
        apart = abs(left.day - right.day)
        found = 30 + 50 * (10 - apart) // 10
        return found if apart <= 9 and found >= 40 else 0

    best, every = 0, [frozenset[frozenset[str]]()]
    few, many = sorted((lefts, rights), key=len)
    for size in range(1, len(few) + 1):
        for some in combinations(few, size):
            for order in permutations(many, size):
                pairs = [(a, b) if few is lefts else (b, a) for a, b in zip(some, order, strict=True)]
                each = [points(*pair) for pair in pairs]
                if not all(each) or sum(each) < best:
                    continue
                every = every if sum(each) == best else []
                best = sum(each)
                every.append(frozenset(frozenset({a.id, b.id}) for a, b in pairs))
    return set(frozenset.intersection(*every))


def test_pairs_of_two_parties_take_no_place_and_no_margin() -> None:
    """i2 is Kranz's and b2 Meier's: what is left is i1 and b2, i2 and b1, and together they have more than i1 and b1."""
    rules = rules_text(
        rule(
            "together", days="{ from = 0, to = 9 }", amount='{ abs = "5" }', score="{ amount = 50, days = 50 }",
            at_least="20", margin="1", together="true",
        )
    )  # fmt: skip
    facts = [invoice("i1", 10_000, name="Meier GmbH"), invoice("i2", 10_100, name="Kranz AG"), line("b1", 10_000)]
    with world(rules, *facts, line("b2", 10_100, day=1, name="Meier GmbH")) as w:
        assert w.matched() == {frozenset({"i1", "b2"}), frozenset({"i2", "b1"})}
        assert {row["margin"] for row in w.rows()} == {85}
