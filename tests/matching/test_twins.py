"""Two of all twins are enough to say that nothing is matched with one of them: same digest, without the square."""

import random
from typing import Any

import pytest

from tests.matching.worlds import Fact, World, invoice, line, rule, rules_text, world
from tieout.matching.backends.duckdb import DuckDB
from tieout.matching.performing import perform

NAMES = '[{ left = "counterparty", right = "counterparty", how = "name" }]'
DAYS = "{ from = -3, to = 3 }"
RULES = rules_text(
    rule("exact by name", keys=NAMES, days="{ from = 0, to = 0 }"),
    rule("near", days=DAYS, amount='{ abs = "0.01" }'),
    rule(
        "points", keys=NAMES, days=DAYS, amount='{ abs = "0.05" }', score="{ amount = 40, days = 30, name = 30 }",
        at_least="50", margin="2",
    ),
)  # fmt: skip


def drawn(seed: int) -> list[Fact]:
    """Draw few amounts, days and names, so that most have twins; some name another's identifier."""
    draw = random.Random(seed)

    def one(make: Any, own_id: str) -> Fact:
        name = draw.choice([None, "Meier GmbH", "MEIER", "Otto", "Meier Handel"])
        amount = draw.choice([1000, 1000, 1001, 1004, 5000 + draw.randint(0, 400)])
        fact: Fact = make(own_id, amount, day=draw.choice([0, 0, 0, 1, 2, 30]), name=name)
        return fact

    return [one(make, f"{mark}{n}") for make, mark in ((invoice, "i"), (line, "b")) for n in range(draw.randint(5, 40))]


def digest_and_undone(w: World) -> list[Any]:
    """Run, take a match apart, and run again: what a person took apart has no twin."""
    said: list[Any] = [w.match()[0].digest, w.together()]
    if w.rows():
        w.undo(min(r["match_id"].hex() for r in w.rows()))
        said += [w.match()[0].digest, w.together()]
    return said


@pytest.mark.deep
@pytest.mark.parametrize("seed", range(60))
def test_leaving_out_twins_changes_nothing(seed: int, monkeypatch: pytest.MonkeyPatch) -> None:
    facts = drawn(seed)
    with world(RULES, *facts) as w:
        mine = digest_and_undone(w)
    monkeypatch.setattr(perform, "leave_two_of_twins", lambda *_: None)
    with world(RULES, *facts) as w:
        assert digest_and_undone(w) == mine


@pytest.mark.parametrize("which", ["invoice-to-payment", pytest.param(RULES, marks=pytest.mark.deep)])
def test_no_step_makes_many_rows_of_twins(which: str, monkeypatch: pytest.MonkeyPatch) -> None:
    most = 0
    create = DuckDB.create

    def counted(engine: DuckDB, name: str, query: Any) -> None:
        nonlocal most
        create(engine, name, query)
        most = max(most, engine.count(name))

    monkeypatch.setattr(DuckDB, "create", counted)
    many = 300
    twins = {"name": "Amazon Payments"}
    kind = "bank_entry" if which == RULES else "charge"
    facts = [invoice(f"INV-2026-{n:04}", 1000, **twins) for n in range(many)]
    facts += [line(f"ch-{n:06}", 1000, kind=kind, **twins) for n in range(many)]
    with world(which, *facts) as w:
        assert w.matched() == set()
    assert most <= 20 * many
