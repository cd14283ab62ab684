"""What every plan keeps to, whatever the rule: an engine must not be led to join everything with everything."""

import re
from importlib.resources import files
from itertools import chain

import pytest

from tests.matching.worlds import rule, rules_text
from tieout.matching.grammar.reading import read_rules
from tieout.matching.grammar.rules import RuleSet
from tieout.matching.planning.plan import plan_of

CURRENCIES = ((0, "EUR", 2), (1, "JPY", 0), (-1, "EUR", 2))
#: Of any function of a column an engine believes that as few share it as the column itself.
EQUAL_SIGNS = re.compile(r"\bSIGN\([^()]*\) = SIGN\(", re.IGNORECASE)
IDS = '[{ left = "external_id", right = "references" }]'
NAMES = '[{ left = "counterparty", right = "counterparty", how = "name" }]'
MORE = rules_text(
    rule("any", keys=IDS, amount='"any"', confirm="false"),
    rule("partial", keys=IDS, partial="true"),
    rule("n", keys=IDS, amount='{ pct = "1" }', shape='"n:1"'),
    rule("learn", learn='[{ left = "text", right = "text" }]', days="{ from = 0, to = 3 }"),
    rule("points", keys=NAMES, amount='{ pct = "1", base = true }', score="{ amount = 50, name = 50 }", at_least="60"),
)


def sets() -> list[RuleSet]:
    shipped = [file for file in files("tieout.matching.sets").iterdir() if file.name.endswith(".toml")]
    return [read_rules(file.read_text(encoding="utf-8"), file.name) for file in shipped] + [
        read_rules(MORE, "more.toml")
    ]


@pytest.mark.parametrize("dialect", ["duckdb", "spark"])
def test_no_plan_joins_by_the_sign_of_an_amount(dialect: str) -> None:
    plans = [plan_of(one, CURRENCIES, dialect, by_entity=True) for rules in sets() for one in rules.rules]
    queries = list(chain.from_iterable((step.query for step in plan.steps) for plan in plans))
    assert any("SIGN(" in query for query in queries)
    assert [query for query in queries if EQUAL_SIGNS.search(query)] == []
