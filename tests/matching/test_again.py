"""
A later run reads what is open and what is new. What it sees must be what a run that reads everything sees.
"""

import random
from collections import Counter
from contextlib import closing
from dataclasses import replace
from typing import Any

import pytest

from tests.depth import DEEP
from tests.matching.worlds import DAY, Fact, World, invoice, line, world
from tieout.config.rates import read_rates
from tieout.matching.backends.duckdb import DuckDB
from tieout.matching.facts.opening import open_sides, read_before, read_book
from tieout.matching.facts.records import day_number
from tieout.matching.grammar.reading import rule_set
from tieout.store.engine import connect

#: What is somebody's to match in a world of each make.
OPEN = {"documents": invoice("x", 4_000), "settlements": invoice("x", -4_000, kind="payout", settlement="X")}
TWO = """
[[reconciliation]]
id = "ab"
left = { source = "a" }
right = { source = "b" }
rules = "open-items-to-bank"
[[reconciliation]]
id = "cb"
left = { source = "c" }
right = { source = "b" }
rules = "generic"
"""


def sides_of(w: World, name: str, *, everything: bool) -> dict[str, Any]:
    """Open both sides as the next run would, or as if there had been none, and say what is in them."""
    own = w.workspace.reconciliation(name)
    with w.store.book.reading() as connection:
        reading = read_book(connection)
        last = reading.results.last.get(name)
        before = None if last is None or everything else read_before(connection, last)
    asked = (own, rule_set(w.workspace, own), read_rates(w.folder), day_number(w.through))
    with closing(connect()) as con:
        engine = DuckDB(con)
        opened = open_sides(engine, w.store.lake, w.workspace, asked, reading, before)
        said: dict[str, Any] = {"money": opened.work.money, "claims": opened.claims, "used": opened.used}
        said |= {"stale": opened.stale, "kinds": opened.work.kinds}
        for side in ("left", "right"):
            rows = engine.arrow(f'select * exclude (thing) from "{side}_all" order by record_id, claim, version')
            said[side] = rows.to_pylist()
            asked_for = f"(select r.record_id from {side}_all a join kin_used r on r.record_id = a.record_id)"
            said[f"kin of {side}"] = sorted(row["record_id"] for row in engine.arrow(asked_for).to_pylist())
        said["read"] = None if before is None else engine.count("looked_at")
    return said


def some_facts(draw: random.Random, number: int, kinds: str) -> list[Fact]:
    """Invent one delivery: what belongs together, and what does not."""
    found: list[Fact] = []
    for place in range(draw.randrange(1, 4)):
        name, amount, day = (
            f"{number}-{place}-{draw.randrange(10**9)}",
            draw.choice([100, 250, 5_000]),
            draw.randrange(60),
        )
        if kinds == "settlements":
            paid = draw.random() < 0.5
            found += [invoice(f"c{name}", amount, kind="charge", settlement=f"S{draw.randrange(6)}", day=day)]
            found += [invoice(f"p{name}", -amount, kind="payout", settlement=f"S{draw.randrange(6)}", day=day)] * paid
            found += [line(f"b{name}", amount, text=f"S{draw.randrange(6)}", day=day + 1)] * (draw.random() < 0.6)
            continue
        named = f"RE-{draw.randrange(12):05}"
        found += [invoice(named + f"/{name}", amount, refs=(named,), day=day)] * (draw.random() < 0.7)
        found += [line(f"b{name}", amount, named, day=day + 3)] * (draw.random() < 0.7)
        if draw.random() < 0.3:
            found += [line(f"e{name}", amount * 2, kind="bank_entry", day=day)]
            found += [
                line(f"d{name}{n}", amount, named, kind="bank_detail", parent=f"e{name}", day=day) for n in (1, 2)
            ]
        found += [Fact(source="c", id=f"o{name}", amount=amount, refs=(named,), day=day)] * (draw.random() < 0.3)
    return found


def put_together(w: World, draw: random.Random) -> None:
    """Let a person match two things of which nothing is matched yet, with or without a difference that has a name."""
    w.match()
    taken = {row["external_id"] for row in w.rows() if row["status"] == "confirmed"}
    left_over = [e for e in w.exceptions() if e["external_id"] not in taken]
    told = Counter(e["external_id"] for e in left_over)
    facts = {name: fact for (_, name), (fact, _) in w._versions.items()}
    # A bank's entry and what it is made of are one thing.
    sides: dict[str, list[tuple[str, str, int]]] = {"left": [], "right": []}
    for e in left_over:
        fact = facts[e["external_id"]]
        if told[fact.id] == 1 and fact.kind != "bank_detail" and not fact.id.startswith("e"):
            sides[e["side"]].append(
                (e["reconciliation"], fact.id, -fact.amount if fact.kind == "payout" else fact.amount)
            )
    pairs = sorted(
        (left[1], right[1], left[2] == right[2])
        for left in sides["left"]
        for right in sides["right"]
        if left[0] == right[0] and (left[2] > 0) == (right[2] > 0)
    )
    one, other, are_equal = draw.choice(pairs)
    how: dict[str, Any] = draw.choice([{"part": True}, {"difference": "write_off"}])
    made = w.resolve(one, other, **({} if are_equal else how))
    assert {row["decided_by"] for row in w.rows() if row["match_id"].hex() == made} == {"tester"}


def one_step(w: World, draw: random.Random, number: int, kinds: str, what: str) -> None:
    """Let something happen: a delivery, a correction, a withdrawal, a decision, an undo, another day."""
    known = sorted(w._versions)
    if what == "day":
        w.through = DAY.replace(year=2027) if draw.random() < 0.5 else DAY.replace(day=draw.randrange(5, 28))
    elif what == "add" or not known:
        w.add(*some_facts(draw, number, kinds))
    elif what == "correct":
        w.correct(*draw.choice(known), amount=draw.choice([100, 250, 777]))
    elif what == "withdraw":
        w.withdraw(*draw.choice(known))
    elif what == "undo" and (rows := w.rows()):
        row = draw.choice(sorted(rows, key=lambda r: (r["match_id"], r["record_id"])))
        w.undo(draw.choice([row["match_id"].hex(), row["run_id"]]))
    elif what == "resolve":
        # Two that no rule puts together, so that there always is something to decide.
        w.add(replace(OPEN[kinds], id=f"x{number}", day=number), line(f"y{number}", 3_000 + number, day=99))
        put_together(w, draw)


@pytest.mark.parametrize(
    ("kinds", "rules", "options"),
    [
        ("documents", "open-items-to-bank", {"sources": ("a", "b", "c"), "reconciliations": TWO}),
        ("settlements", "payout-to-bank", {}),
    ],
)
@pytest.mark.parametrize("seed", [0, *(pytest.param(seed, marks=pytest.mark.deep) for seed in range(1, 12))])
def test_a_later_run_sees_what_a_first_one_would(seed: int, kinds: str, rules: str, options: dict[str, Any]) -> None:
    draw = random.Random(f"{kinds} {seed}")
    with world(rules, *some_facts(draw, 0, kinds), **options) as w:
        for number in range(1, 7 if DEEP else 5):
            w.match()
            steps = draw.choices(
                ["add", "add", "correct", "withdraw", "resolve", "undo", "day"], k=draw.randrange(1, 3)
            )
            for what in ["resolve", *steps] if number == 1 else steps:
                one_step(w, draw, number, kinds, what)
            for own in w.workspace.reconciliations:
                first, later = (sides_of(w, own.id, everything=flag) for flag in (True, False))
                del first["read"], later["read"]
                assert later == first


def test_what_is_used_up_is_not_read_again() -> None:
    facts = [fact for n in range(20) for fact in (invoice(f"RE-{n}", 100 + n), line(f"b{n}", 100 + n, f"RE-{n}"))]
    with world("open-items-to-bank", *facts, invoice("RE-77", 9)) as w:
        w.match()
        w.add(line("b77", 9, "RE-77"))
        assert sides_of(w, "ab", everything=False)["read"] == 2
        w.match()
        assert frozenset({"RE-77", "b77"}) in w.together()
