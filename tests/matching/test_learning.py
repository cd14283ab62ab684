"""A rule that learns, from files to matches: an insurer whose payments are written otherwise by the bank."""

import json
import random
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
import sqlalchemy as sa

from tests.matching.shop import Shop
from tieout import reperformance
from tieout.matching.deciding.decide import take_back
from tieout.matching.performing import learning
from tieout.observe.exporting.overview import overview
from tieout.observe.work.gathering import gather_worklist
from tieout.store import schema

RULES = """
[rules]
id = "own"
claims = { left = "document", right = "bank" }

[[rule]]
name = "alike"
learn = [{ left = "counterparty", right = "text" }]
amount = { pct = "10" }
days = { from = 0, to = 20 }

[[rule]]
name = "likely"
learn = [{ left = "counterparty", right = "text" }]
amount = { pct = "10" }
days = { from = 0, to = 20 }
coincidence = "0.5"
confirm = false
"""
NAMES = ("Adam", "Berta", "Clara", "Dora", "Emil", "Frieda", "Gustav", "Hanna", "Ida", "Jakob", "Karl", "Lena")
PLACES = ("Aachen", "Bonn", "Celle", "Dresden", "Essen", "Fulda", "Gera", "Hagen", "Ilmenau", "Jena", "Kiel", "Lahr")


def world(seed: int, count: int = 400) -> tuple[list[tuple[str, ...]], list[tuple[str, ...]]]:
    """Draw invoices and the bank's lines for most of them: cut names, a few days later, some with a little less."""
    entropy = random.Random(seed)
    invoices: list[tuple[str, ...]] = []
    lines: list[tuple[str, ...]] = []
    for number in range(count):
        name = f"{entropy.choice(NAMES)} {entropy.choice(PLACES)} {entropy.choice('ABCDEFGHKLM')}."
        day, amount = entropy.randint(1, 28), entropy.randint(1000, 90_000)
        invoices.append((f"I-{number}", f"2026-10-{day:02}", name, f"{amount / 100:.2f}", "EUR"))
        if entropy.random() < 0.9:
            paid = amount - (amount * entropy.randint(1, 60) // 1000 if entropy.random() < 0.3 else 0)
            booked = day + entropy.choice((1, 1, 1, 2, 2, 3, 5))
            when = f"2026-10-{booked:02}" if booked <= 31 else f"2026-11-{booked - 31:02}"
            text = f"{name} premium"[: entropy.choice((12, 16, 40))]
            lines.append((f"B-{number}", when, f"{paid / 100:.2f}", "", text, "EUR"))
    return invoices, lines


@pytest.fixture
def shop(tmp_path: Path) -> Iterator[Shop]:
    with closing(Shop(tmp_path, RULES)) as found:
        yield found


def pairs(shop: Shop) -> set[tuple[str, str, str]]:
    found = set()
    for _, rule, _, taken in shop.matches():
        left, right = sorted((name for name, _ in taken), reverse=True)
        found.add((rule, left, right))
    return found


def test_what_belongs_together_is_found_without_an_identifier(shop: Shop) -> None:
    invoices, lines = world(1)
    shop.deliver("invoices", invoices)
    shop.deliver("bank", lines)
    shop.match("items")
    sure = {(left, right) for rule, left, right in pairs(shop) if rule == "alike"}
    assert all(left[2:] == right[2:] for left, right in sure)
    assert len(sure) > 0.85 * len(lines)
    rows = [row for row in shop.rows() if row["rule"] == "alike"]
    assert all(row["provisional"] and row["score"] > 9_000 and row["margin"] > 0 for row in rows)
    assert all(0 < row["coincidence"] <= 1_000 for row in rows)
    assert all(bool(row["evidence"]) == (row["margin"] != row["score"]) for row in rows)  # who came next


def test_the_run_keeps_what_it_learned_and_gives_it_again(shop: Shop) -> None:
    invoices, lines = world(2)
    shop.deliver("invoices", invoices)
    shop.deliver("bank", lines)
    shop.match("items")
    with shop.store.book.reading() as connection:
        (inputs,) = connection.execute(sa.select(schema.run.c.inputs)).scalars()
        texts = dict(connection.execute(sa.select(schema.text_version.c.digest, schema.text_version.c.body)).all())
    (told,) = json.loads(texts[json.loads(inputs)["learned"]])
    assert told["settled"]
    assert abs(told["expected"] - len(lines)) < 0.05 * len(lines)
    assert told["weights"]["days"]["+1"] > 0 > told["weights"]["days"]["+10"]
    verdict = reperformance.verify(shop.store, shop.workspace)
    assert (verdict.faults, verdict.runs) == ([], 1)
    before = pairs(shop)
    shop.match("items")  # nothing happened since: the run stands
    with shop.store.book.reading() as connection:
        assert len(connection.execute(sa.select(schema.run.c.run_id)).all()) == 1
    assert pairs(shop) == before


def test_the_order_of_rows_and_threads_changes_nothing(tmp_path: Path) -> None:
    invoices, lines = world(3)
    digests = set()
    for number, threads in enumerate((1, 2, 2)):
        with closing(Shop(tmp_path / str(number), RULES)) as shop:
            entropy = random.Random(number)
            for source, rows in (("bank", lines), ("invoices", invoices)):
                shop.deliver(source, entropy.sample(rows, len(rows)))
            digests.update(shop.match("items", threads=threads))
    assert len(digests) == 1


def test_two_that_fit_equally_well_are_no_match(shop: Shop) -> None:
    invoices, lines = world(4)
    twins = [(f"T-{n}", "2026-10-09", "Zacharias Zittau Q.", "123.45", "EUR") for n in (1, 2)]
    shop.deliver("invoices", [*invoices, *twins])
    shop.deliver("bank", [*lines, ("B-T", "2026-10-10", "123.45", "", "Zacharias Zittau Q. premium", "EUR")])
    shop.match("items")
    assert not any({"T-1", "T-2", "B-T"} & {left, right} for _, left, right in pairs(shop))


def test_sides_that_have_nothing_to_do_with_each_other_give_nothing(shop: Shop) -> None:
    invoices, _ = world(5)
    _, lines = world(6)
    shop.deliver("invoices", invoices)
    shop.deliver("bank", lines)
    shop.match("items")
    assert not [pair for pair in pairs(shop) if pair[0] == "alike"]


def test_a_few_facts_teach_nothing(shop: Shop) -> None:
    invoices, lines = world(7, 30)
    shop.deliver("invoices", invoices)
    shop.deliver("bank", lines)
    shop.match("items")
    assert pairs(shop) == set()


@pytest.mark.parametrize("bound", ["_CANDIDATES_MAX", "_LOOKED_THROUGH_MAX", "RIVALS_MAX"])
def test_beyond_the_bound_the_answer_is_undecided(shop: Shop, monkeypatch: pytest.MonkeyPatch, bound: str) -> None:
    monkeypatch.setattr(learning, bound, 0)
    invoices, lines = world(8, 60)
    shop.deliver("invoices", invoices)
    shop.deliver("bank", lines)
    shop.match("items")
    assert pairs(shop) == set()
    gather_worklist(shop.store, shop.workspace)
    rows = overview(shop.store, shop.workspace, "exceptions", None, "true", 10_000).rows
    assert {row["reason"] for row in rows if row["external_id"] == "B-1"} == {"undecided"}


def test_a_person_who_takes_a_pair_apart_is_heard(shop: Shop) -> None:
    invoices, lines = world(9)
    shop.deliver("invoices", invoices)
    shop.deliver("bank", lines)
    shop.match("items")
    _, left, right = min(pair for pair in pairs(shop) if pair[0] == "alike")
    take_back(shop.store, shop.workspace, [bytes.fromhex(shop.match_id(left, right))], "not this one", "tester")
    shop.match("items")
    assert (left, right) not in {pair[1:] for pair in pairs(shop)}
