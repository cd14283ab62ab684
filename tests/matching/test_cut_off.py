"""An identifier that was cut off finds its other also where amounts need not be equal."""

import random

import pytest

from tests.laws.checker import broken
from tests.matching.worlds import invoice, line, rule, rules_text, world
from tieout.matching.planning.operators import CARRIED_MAX

KEYS = '[{ left = "external_id", right = "references", how = "prefix" }]'
WAYS = {
    "tolerance": ({"amount": '{ abs = "0.05" }'}, 9998),
    "partial": ({"partial": "true"}, 5000),
    "any": ({"amount": '"any"', "confirm": "false"}, 9990),
    "points": ({"amount": '{ abs = "0.05" }', "score": "{ amount = 50, reference = 50 }", "at_least": "60"}, 9998),
    "days": ({"amount": '{ abs = "0.05" }', "days": "{ from = 0, to = 1 }"}, 9998),
}


@pytest.mark.parametrize(
    ("how", "paid"),
    [pytest.param(*way, id=name, marks=() if name == "tolerance" else pytest.mark.deep) for name, way in WAYS.items()],
)
def test_a_beginning_is_enough_whatever_may_differ(how: dict[str, str], paid: int) -> None:
    """On either side; another number, and one of five signs, is none."""
    facts = [
        *(invoice("INV-20261001", 10000), line("b1", paid, "inv 20261")),
        *(invoice("PAY-7", 10000), line("b2", paid, "PAY-7-4711")),  # too short
        *(invoice("ORD-334", 10000), line("b3", paid, "ORD-334-4711")),
        line("b4", paid, "INV-20262"),
    ]
    with world(rules_text(rule(keys=KEYS, **how)), *facts) as w:
        w.match()
        status = "proposed" if "confirm" in how else "confirmed"
        assert w.together(status) == {frozenset({"INV-20261001", "b1"}), frozenset({"ORD-334", "b3"})}
        assert broken(w) == []


def test_a_beginning_that_many_have_names_none_of_them() -> None:
    facts = [invoice(f"INV-2026{n:04}", 10000 + 50 * n) for n in range(CARRIED_MAX + 1)]
    with world(rules_text(rule(keys=KEYS, amount='{ abs = "0.05" }')), *facts, line("b", 10001, "INV-2026")) as w:
        assert w.matched() == set()


@pytest.mark.deep
@pytest.mark.parametrize("amount", ['"exact"', '{ abs = "0.01" }'])
def test_it_finds_what_comparing_everything_finds(amount: str) -> None:
    draw = random.Random(7)
    whole = ["".join(draw.choice("AB") for _ in range(12)) for _ in range(50)]
    words = [draw.choice(whole)[: draw.choice([5, 6, 7, 9, 12])] for _ in range(120)]
    left = [invoice(f"i{n}", draw.choice([100, 101, 300]), payment=word) for n, word in enumerate(words[:60])]
    right = [line(f"b{n}", draw.choice([100, 101, 300]), word) for n, word in enumerate(words[60:])]
    apart = 0 if "exact" in amount else 1
    pairs = {
        (le.id, ri.id)
        for le in left
        for ri in right
        if abs(le.amount - ri.amount) <= apart
        and min(len(str(le.payment)), len(ri.refs[0])) >= 6
        and (str(le.payment).startswith(ri.refs[0]) or ri.refs[0].startswith(str(le.payment)))
    }
    only = {p for p in pairs if sum(q[0] == p[0] for q in pairs) == 1 == sum(q[1] == p[1] for q in pairs)}
    assert only
    keys = '[{ left = "payment_id", right = "references", how = "prefix" }]'
    with world(rules_text(rule(keys=keys, amount=amount)), *left, *right) as w:
        assert w.matched() == {frozenset(pair) for pair in only}
