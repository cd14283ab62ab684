"""Two of all twins are enough to say that nothing is matched with one of them: the same matches, without the square."""

import random
from dataclasses import replace
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
        text = draw.choice(
            [None, None, None, f"Anzahlung RE-{draw.randint(1001, 1006)}", f"zu B-{draw.randint(7001, 7003)}"]
        )
        fact: Fact = make(own_id, amount, day=draw.choice([0, 0, 0, 1, 2, 30]), name=name, text=text)
        return fact

    many = range(draw.randint(5, 40)), range(draw.randint(5, 40))
    return [one(invoice, f"RE-{1001 + n}") for n in many[0]] + [one(line, f"B-{7001 + n}") for n in many[1]]


def found_and_undone(w: World) -> list[Any]:
    """Run, take a match apart, and run again: what a person took apart has no twin."""
    w.match()
    said: list[Any] = [w.together(), w.reasons()]
    if w.rows():
        w.undo(min(r["match_id"].hex() for r in w.rows()))
        w.match()
        said += [w.together(), w.reasons()]
    return said


@pytest.mark.deep
@pytest.mark.parametrize("seed", range(60))
def test_leaving_out_twins_changes_nothing(seed: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """It finds the same matches and reasons; which of twins are named as candidates is the same in any order of rows."""
    facts = drawn(seed)
    digests = []
    for _ in range(2):
        with world(RULES, *facts) as w:
            digests.append(w.match()[0].digest)
        random.Random(seed).shuffle(facts)
    assert digests[0] == digests[1]
    with world(RULES, *facts) as w:
        mine = found_and_undone(w)
    monkeypatch.setattr(perform, "leave_two_of_twins", lambda *_: None)
    with world(RULES, *facts) as w:
        assert found_and_undone(w) == mine


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


def said_in_orders(which: str, documents: list[Fact], lines: list[Fact]) -> tuple[set[str], list[set[Any]]]:
    """Give the digests of three orders of the lines, in which each stands at another place, and what each matched."""
    digests, found = set(), []
    for order in (lines, lines[::-1], lines[1:] + lines[:1]):
        with world(which, *documents, *order) as w:
            digests.add(w.match()[0].digest)
            found.append(w.together())
    return digests, found


MEIER: dict[str, Any] = {"name": "Meier"}
NAMED = rule("by name", keys=NAMES, days="{ from = 0, to = 5 }")


@pytest.mark.parametrize(
    "which",
    [
        rules_text(NAMED),
        rules_text(rule("near", days="{ from = -2, to = 3 }", amount='{ abs = "0.05" }')),
        rules_text(rule("number", keys='[{ left = "external_id", right = "references" }]'), NAMED),
        rules_text(rule("points", keys=NAMES, days=DAYS, score="{ days = 50, name = 50 }", at_least="50", margin="2")),
    ],
)
@pytest.mark.parametrize("twice", [False, True])
def test_what_names_another_is_no_twin_of_what_names_none(which: str, twice: bool) -> None:
    """Where those that name RE-8002 are left out, the others are still two; and where one is left, it is the only one."""
    documents = [invoice("RE-7001", 10_000, **MEIER), invoice("RE-8002", 55_500, **MEIER)]
    naming = [line(f"x{n}", 10_000, text="RE-8002 Anzahlung", day=1, **MEIER) for n in range(1 + twice)]
    silent = [line(f"b{n}", 10_000, text="danke", day=1, **MEIER) for n in range(2 - twice)]
    digests, found = said_in_orders(which, documents, naming + silent)
    assert len(digests) == 1
    assert all(one == ({frozenset({"RE-7001", "b0"})} if twice else set()) for one in found)


def test_charges_that_name_another_document_are_no_twins_in_a_shipped_set() -> None:
    payer: dict[str, Any] = {"name": "Quillmeier Verlag"}
    documents = [invoice("RE-7001", 10_000, **payer), invoice("RE-8002", 55_500, **payer)]
    for n in range(150):
        documents.append(invoice(f"X{n}", 777_700 + n * 1_313, name=f"Kunde Nr{n}xyz", day=(n * 7) % 200))
        paid = Fact(source="b", id=f"y{n}", amount=555_500 + n * 1_717, kind="charge", day=(n * 11) % 200)
        documents.append(replace(paid, name=f"Zahler Nr{n}abc"))
    charge = Fact(source="b", id="x", amount=10_000, kind="charge", day=1, **payer)
    lines = [replace(charge, text="Anzahlung RE-8002"), replace(charge, id="b2"), replace(charge, id="b3")]
    digests, found = said_in_orders("invoice-to-payment", documents, lines)
    assert len(digests) == 1
    assert found == [set()] * 3


def test_a_twin_left_out_still_competes_where_a_weaker_rule_looks() -> None:
    """RE-1 fits three lines alike; by its due day one of them alone fits RE-5, too, which rests on nothing more."""
    stronger = rule("near", days="{ from = 0, to = 3 }", amount='{ abs = "0.05" }')
    weaker = rule("by due day", days='{ from = 0, to = 1, right = "due_on" }')
    documents = [invoice("RE-1", 6_000), invoice("RE-5", 6_000, day=20)]
    lines = [line(f"b{n}", 6_000, day=1, due=21 if n == 2 else 9) for n in range(3)]
    digests, found = said_in_orders(rules_text(stronger, weaker), documents, lines)
    assert len(digests) == 1
    assert found == [set()] * 3
