"""`equal = "fifo"` settles only among what is interchangeable: by date, then by id, and never against a name or a number."""

from typing import Any

import pytest

from tests.matching.worlds import Fact, invoice, line, rule, rules_text, world

BY_DAYS = rules_text(rule("in order", days="{ from = 0, to = 9 }", equal='"fifo"'))
NAME = '[{ left = "counterparty", right = "counterparty", how = "name" }]'
BY_NAME = rules_text(rule("in order by name", keys=NAME, equal='"fifo"'))
MEIER: dict[str, Any] = {"name": "Meier GmbH"}
KRANZ: dict[str, Any] = {"name": "Kranz AG"}


def found(rules: str, *facts: Fact) -> set[frozenset[str]]:
    with world(rules, *facts) as w:
        return w.matched()


def pairs(*both: str) -> set[frozenset[str]]:
    return {frozenset(pair.split()) for pair in both}


def test_a_name_that_speaks_against_a_pair_is_heard_first() -> None:
    """The nameless line may pay Meier's invoice or Kranz's, and Meier's line only one; two alike are interchangeable."""
    facts = [invoice("i1", 6_000, **MEIER), invoice("i2", 6_000, **KRANZ), line("b1", 6_000, day=1)]
    assert found(BY_DAYS, *facts, line("b2", 6_000, day=1, **MEIER)) == set()
    assert found(BY_DAYS, *facts, line("b2", 6_000, day=1)) == pairs("i1 b1", "i2 b2")


def test_a_number_that_speaks_against_a_pair_is_heard_first() -> None:
    facts = [invoice("RE-7001", 6_000), invoice("ZZ-1", 6_000), line("b1", 6_000, day=1)]
    assert found(BY_DAYS, *facts, line("b2", 6_000, day=1, text="RE-9999")) == set()


@pytest.mark.parametrize("order", [(0, 1, 2), (2, 1, 0), (1, 2, 0)])
def test_what_is_anothers_stands_in_nobodys_way(order: tuple[int, ...]) -> None:
    lines = [line("b1", 6_000, day=1, **KRANZ), line("b2", 6_000, day=1, **MEIER), line("b3", 6_000, day=1, **MEIER)]
    papers = [invoice("i1", 6_000, **MEIER), invoice("i2", 6_000, **MEIER)]
    assert found(BY_DAYS, *papers, *(lines[n] for n in order)) == pairs("i1 b2", "i2 b3")


def test_which_of_several_is_left_over_is_no_choice_between_parties() -> None:
    """Three lines, one of Meier, for two of his invoices: who sent the other two is not known."""
    papers = [invoice("i1", 6_000, **MEIER), invoice("i2", 6_000, **MEIER)]
    nameless = [line("b1", 6_000, day=1), line("b2", 6_000, day=1)]
    assert found(BY_DAYS, *papers, *nameless, line("b3", 6_000, day=1, **MEIER)) == set()
    assert found(BY_DAYS, *papers, nameless[0], line("b3", 6_000, day=1, **MEIER)) == pairs("i1 b1", "i2 b3")


@pytest.mark.parametrize("rules", [BY_DAYS, BY_NAME])
def test_the_earlier_is_paid_first_and_of_one_day_the_lower_number(rules: str) -> None:
    payment = line("b1", 6_000, day=5, **MEIER)
    papers = [invoice("RE-9", 6_000, day=2, **MEIER), invoice("RE-10", 6_000, day=0, **MEIER)]
    papers.append(invoice("RE-11", 6_000, day=0, **MEIER))
    for order in (papers, papers[::-1]):
        assert found(rules, *order, payment) == pairs("RE-10 b1")
    assert found(rules, papers[0], payment, invoice("RE-10", 6_000, day=2, **MEIER)) == pairs("RE-9 b1")
    assert found(rules, *(invoice(n, 6_000, **MEIER) for n in ("2026/9", "2025/10")), payment) == pairs("2025/10 b1")


def test_a_selection_takes_the_lower_number_of_one_day() -> None:
    rules = rules_text(rule("sel", keys=NAME, shape='"n:1"', subset="true", equal='"fifo"', coincidence='"1"'))
    papers = [invoice("RE-10", 45_671, **MEIER), invoice("RE-9", 45_671, **MEIER), invoice("RE-11", 12_387, **MEIER)]
    assert found(rules, *papers, line("b1", 58_058, day=3, **MEIER)) == pairs("RE-9 RE-11 b1")
