"""What is undecided says which bound its search hit: how many there were, and how many are looked at."""

import pytest

from tests.matching.sales import paid, sales
from tests.matching.test_together import TOGETHER, lines, papers
from tests.matching.worlds import World, invoice, line, rule, rules_text, world
from tieout.matching.performing.asked_pools import POOL_MAX
from tieout.matching.pools.subset import OPERATIONS_MAX

NAME = '[{ left = "counterparty", right = "counterparty", how = "name" }]'
SUBSET = {"shape": '"n:1"', "subset": "true", "keys": NAME}


def told(w: World, name: str) -> str:
    (note,) = {row["note"] for row in w.exceptions() if (row["external_id"], row["reason"]) == (name, "undecided")}
    return str(note)


def test_a_pool_of_too_many_candidates() -> None:
    items = [invoice(f"i{n}", 1000 + 7 * n, name="Meier GmbH") for n in range(POOL_MAX + 1)]
    with world(rules_text(rule(**SUBSET)), *items, line("b", 2007, name="MEIER")) as w:
        w.match()
        assert told(w, "b") == "1001 could be part of it, and a selection is looked for among at most 1000: choose one"


def test_a_search_of_too_many_operations() -> None:
    """60 amounts of no common step, and a target far away from each."""
    items = [invoice(f"i{n}", 1_000_003 + 7_919 * n * n + n, name="Meier GmbH") for n in range(60)]
    with world(rules_text(rule(**SUBSET)), *items, line("b", 87_654_321, name="MEIER")) as w:
        w.match()
        assert told(w, "b") == (
            f"60 could be part of it, and to look for a selection among them takes more than {OPERATIONS_MAX} operations:"
            " choose one"
        )


def test_what_fits_only_what_is_undecided() -> None:
    items = [invoice(f"i{n}", 1000 + 7 * n, name="Meier GmbH") for n in range(POOL_MAX + 1)]
    rules = rules_text(rule("some", **SUBSET), rule("only", days="{ from = -9, to = 9 }"))
    with world(rules, *items, invoice("i", 2_009), line("b", 2_009, name="MEIER")) as w:
        w.match()
        assert told(w, "b").startswith("1001 could be part of it")
        assert told(w, "i") == "what it fits is undecided itself: choose one"


def test_more_pools_than_are_searched(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tieout.matching.performing.asked_pools._SMALL_POOLS_MAX", 0)
    facts = [invoice("i1", 1_201, name="Meier"), invoice("i2", 4_507, name="Meier"), line("b", 5_708, name="Meier")]
    with world(rules_text(rule(**SUBSET)), *facts) as w:
        w.match()
        assert told(w, "b") == (
            "2 could be part of it, and it stands behind the first 0 for which a selection of so many is looked for: choose one"
        )


def test_more_that_compete_than_are_settled_together(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tieout.matching.performing.together.POOL_MAX", 3)
    with world(TOGETHER, *papers(0, 5), *lines(6, 11)) as w:
        w.match()
        assert told(w, "i0") == told(w, "b1") == "4 compete, and at most 3 are settled together: choose one"


def test_more_accounts_than_are_laid_end_to_end(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tieout.matching.performing.consecutive._LAID_MAX", 5)
    sold = sales(60)
    rules = rules_text(
        rule("in a row", shape='"n:1"', consecutive="true", days="{ from = 0, to = 7 }"),
        claims='{ left = "settlement", right = "bank" }',
    )
    with world(rules, *sold, *paid(sold)) as w:
        w.match()
        assert told(w, "b0").endswith("pairs, and at most 5 are laid end to end: choose one")


def test_an_identifier_that_too_many_share(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tieout.matching.comparing.evidence.PAIRS_MAX", 3)
    monkeypatch.setattr("tieout.matching.planning.operators.PAIRS_MAX", 3)
    keys = '[{ left = "references", right = "references", how = "normalised" }]'
    facts = [invoice(f"i{n}", 100 + n, refs=("X-9000",)) for n in range(2)]
    facts += [line(f"b{n}", 300 + n, "X-9000") for n in range(2)]
    rules = rules_text(rule(keys=keys, amount='{ abs = "0.05" }'))
    with world(rules, *facts) as w:
        w.match()
        said = "an identifier of it brings 4 pairs together, and of at most 3 they are looked at: choose one"
        assert told(w, "i0") == told(w, "b1") == said


def test_a_word_that_too_many_bear(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tieout.matching.comparing.evidence.CARRIED_MAX", 2)
    monkeypatch.setattr("tieout.matching.planning.operators.CARRIED_MAX", 2)
    keys = '[{ left = "external_id", right = "text", how = "token" }]'
    facts = [invoice("RE-90001", 100), *(line(f"b{n}", 300 + n, text="RE-90001") for n in range(3))]
    with world(rules_text(rule(keys=keys, amount='{ abs = "0.05" }')), *facts) as w:
        w.match()
        said = "an identifier of it is a word that 3 bear, and of more than 2 it names none: choose one"
        assert told(w, "RE-90001") == told(w, "b1") == said


@pytest.mark.slow
def test_an_amount_that_too_many_have() -> None:
    facts = [invoice(f"i{n}", 999) for n in range(1001)] + [line(f"b{n}", 999) for n in range(1000)]
    with world(rules_text(rule(days="{ from = -2, to = 2 }")), *facts) as w:
        w.match()
        assert told(w, "i7") == "1001000 pairs have its amount, and at most 1000000 are looked at: choose one"
