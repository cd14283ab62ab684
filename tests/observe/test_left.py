"""What ``tieout match`` says is left is what is left when all reconciliations have run."""

import json

from tests.matching.worlds import Fact, World, invoice, line, rule, rules_text, world
from tieout import pipeline
from tieout.matching.run import RunOutcome
from tieout.store.runs import results_at

SOURCES = ("a", "p", "b")
TWO = """
[[reconciliation]]
id = "cards"
left = { source = "a" }
right = { source = "p" }
rules = "rules/own.toml"
[[reconciliation]]
id = "receipts"
left = { source = "a" }
right = { source = "b" }
rules = "open-items-to-bank"
"""
KEY = '[{ left = "external_id", right = "references", how = "normalised" }]'
CARDS = rules_text(rule("part", keys=KEY, partial="true")).replace('right = "bank"', 'right = "payment"')
#: An invoice of which a part is paid by card, and the rest to the bank.
CARD = Fact(source="p", id="ch_1", amount=4_000, kind="charge", refs=("RE-90001",))
PARTS = (invoice("RE-90001", 10_000), CARD, line("b1", 6_000, "RE-90001", day=5))


def matched(w: World) -> list[RunOutcome]:
    return list(pipeline.match(w.store, w.workspace))


def counted(runs: list[RunOutcome]) -> dict[str, tuple[int, int]]:
    return {run.reconciliation: (run.counts["open"], run.counts["exceptions"]) for run in runs}


def test_what_a_later_reconciliation_takes_is_not_open_in_an_earlier_one() -> None:
    with world(CARDS, *PARTS, sources=SOURCES, reconciliations=TWO) as w:
        runs = matched(w)
        assert w.together() == {frozenset({"RE-90001", "ch_1"}), frozenset({"RE-90001", "b1"})}
        assert counted(runs) == {"cards": (0, 0), "receipts": (0, 0)}
        assert {row["state"] for row in w.positions()} == {"provisional"}  # exactly the rest that a part left
        again = matched(w)
        assert all(run.unchanged for run in again)
        assert counted(again) == counted(runs)


def test_what_nobody_takes_is_counted_as_its_run_left_it() -> None:
    facts = (*PARTS[:2], invoice("RE-90002", 700), line("b9", 3, text="?", day=40))
    with world(CARDS, *facts, sources=SOURCES, reconciliations=TWO) as w:
        runs = matched(w)
        with w.store.book.reading() as connection:
            last = results_at(connection).last
        assert {run.reconciliation: run.counts for run in runs} == {
            name: json.loads(row["counts"]) for name, row in last.items()
        }
        assert counted(runs) == {"cards": (1, 0), "receipts": (1, 2)}
