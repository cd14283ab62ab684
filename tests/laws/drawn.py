"""
Small worlds as Hypothesis draws them: few amounts, names, numbers and days, so that most things get into each other's way.

A document is numbered in its references and not by its own id: so two that say the same are told apart by nothing.
"""

from typing import Any

from hypothesis import Phase, settings
from hypothesis import strategies as st

from tests.depth import DEEP
from tests.matching.worlds import Fact, invoice, line, rule, rules_text

__all__ = ["AMOUNT_RULES", "NUMBER_RULES", "facts", "few_worlds", "rule_names", "set_of", "strong_and_weak"]

#: Each example is a run or several: a few in every run of the tests, many in a deep one. A world that breaks a law is told
#: as it was drawn, since making it smaller takes hundreds of runs.
few_worlds = settings(max_examples=200 if DEEP else 4, phases=(Phase.explicit, Phase.reuse, Phase.generate))

_CURRENCIES = ("EUR", "USD", "GBP", "CHF", "SEK", "PLN")
_KINDS = ("credit_note", "invoice")
_NAMES = st.sampled_from([None, None, "Meier GmbH", "MEIER", "Otto AG"])
#: Those of one part of a world: all alike; sums of each other; nearly alike, and one of the other sign.
_AMOUNTS = ((100_00,), (30_00, 40_00, 60_00, 70_00, 100_00), (50_00, 100_00, 100_01, -100_00))
_DAYS = st.integers(0, 3)
_TOKEN = '[{ left = "references", right = ["references", "text"], how = "token" }]'
_NAME = '[{ left = "counterparty", right = "counterparty", how = "name" }]'
_NEAR = "{ from = -2, to = 5 }"
#: Rules that compare a number, strongest first.
NUMBER_RULES = {
    "number": {"keys": '[{ left = "references", right = "references", how = "exact" }]'},
    "number in words": {"keys": _TOKEN},
    "number, nearly": {"keys": _TOKEN, "amount": '{ abs = "0.05" }'},
    "numbers of one line": {"keys": _TOKEN, "shape": '"n:1"'},
    "lines of one number": {"keys": _TOKEN, "shape": '"1:n"'},
    "part": {"keys": _TOKEN, "partial": "true"},
    "parts": {"keys": _TOKEN, "partial": "true", "shape": '"1:n"'},
}
#: Rules that compare none, strongest first.
AMOUNT_RULES = {
    "selection by name": {"keys": _NAME, "shape": '"n:1"', "subset": "true", "coincidence": '"1"'},
    "name": {"keys": _NAME, "days": _NEAR},
    "points": {
        "keys": _NAME, "days": "{ from = -3, to = 3 }", "amount": '{ abs = "0.05" }', "at_least": "60", "margin": "1",
        "score": "{ amount = 40, days = 30, name = 30 }",
    },
    "only amount": {"days": _NEAR},
    "only amount, nearly": {"days": _NEAR, "amount": '{ abs = "0.05" }'},
    "selection": {"days": _NEAR, "shape": '"n:1"', "subset": "true", "coincidence": '"1"'},
}  # fmt: skip
_RULES = NUMBER_RULES | AMOUNT_RULES


def rule_names(among: dict[str, dict[str, str]] = _RULES, *, most: int = 3) -> st.SearchStrategy[list[str]]:
    """Draw a cascade: some rules, strongest first."""
    order = list(among)
    return st.lists(st.sampled_from(order), min_size=1, max_size=most, unique=True).map(
        lambda some: sorted(some, key=order.index)
    )


def strong_and_weak() -> st.SearchStrategy[tuple[list[str], list[str]]]:
    """Draw a cascade, and rules that stand behind it and compare no number: what is named is nobody else's anyway."""
    order = list(_RULES)

    def behind(strong: list[str]) -> st.SearchStrategy[tuple[list[str], list[str]]]:
        weaker = {name: said for name, said in AMOUNT_RULES.items() if order.index(name) > order.index(strong[-1])}
        return st.tuples(st.just(strong), rule_names(weaker, most=2))

    return rule_names({name: _RULES[name] for name in order[:-1]}).flatmap(behind)


def set_of(names: list[str]) -> str:
    """Write a rule set of them."""
    return rules_text(*(rule(name, **_RULES[name]) for name in names))


@st.composite
def facts(draw: st.DrawFn, parts: int = 6, most: int = 4) -> list[Fact]:
    """
    Draw documents and a bank's lines, most of which name some of them, or bear a name.

    :param parts: so many small worlds in one, each with a currency of its own: what is alike is so within one.
    """
    found = []
    for part in range(parts):
        numbers = [f"RE-{part}{n:04}" for n in range(1, 4)]
        amounts = st.sampled_from(draw(st.sampled_from(_AMOUNTS)))
        for n in range(draw(st.integers(1, most))):
            amount = draw(amounts)
            said = {"refs": tuple(draw(st.lists(st.sampled_from(numbers), max_size=1))), "kind": _KINDS[amount > 0]}
            found.append(invoice(f"i{part}{n}", amount, **said, **_common(draw, part)))
        for n in range(draw(st.integers(1, most))):
            named = draw(st.lists(st.sampled_from(numbers), max_size=2, unique=True))
            text = draw(st.sampled_from([None, "pays " + " and ".join(named)])) if named else None
            found.append(line(f"b{part}{n}", draw(amounts), *(() if text else named), text=text, **_common(draw, part)))
    return found


def _common(draw: st.DrawFn, part: int) -> dict[str, Any]:
    return {"currency": _CURRENCIES[part], "day": draw(_DAYS), "name": draw(_NAMES)}
