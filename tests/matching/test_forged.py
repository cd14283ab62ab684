"""A key of 64 bits can be forged in seconds: what shares the key of an identifier, and not the identifier, is no match."""

import pytest

from tests.matching.worlds import Fact, invoice, line, rule, rules_text, world
from tieout.model.normal import key_of

MINE, FORGED = "INV-2026-1001", "ADNNWTWSZ30W4DDL"
OF_TEXT = 'keys = [{ left = "external_id", right = ["references", "text"], how = "token" }]'
RULES = {
    "exact": rules_text(rule(reference="exact")),
    "normalised": rules_text(rule(reference="normalised")),
    "with days": rules_text(rule(reference="normalised", days="{ from = 0, to = 60 }")),
    "tolerance": rules_text(rule(reference="normalised", amount='{ abs = "1" }')),
    "in parts": rules_text(rule(reference="normalised", partial="true")),
    "points": rules_text(rule(reference="normalised", score="{ amount = 50, reference = 50 }", at_least="60")),
    "word": rules_text('[[rule]]\nname = "rule"\n' + OF_TEXT),
    "generic": "generic",
    "open-items-to-bank": "open-items-to-bank",
}


def test_the_forged_identifier_has_the_key_of_the_other() -> None:
    assert key_of(MINE) == key_of(FORGED)


@pytest.mark.parametrize(
    "rules",
    [
        pytest.param(text, id=name, marks=() if name == "normalised" else pytest.mark.deep)
        for name, text in RULES.items()
    ],
)
def test_a_forged_identifier_takes_nothing(rules: str) -> None:
    """Beside it the same identifier, written otherwise where the rule allows it, is still found."""
    far = {"day": 40, "name": "Someone Else"}
    kind = "charge" if rules == "generic" else "bank_entry"
    said = {"text": f"order {FORGED} thanks"} if rules in {RULES["word"], "open-items-to-bank"} else {}
    theirs = line("b", 11900, *(() if said else (FORGED,)), **far, **said, kind=kind)
    with world(rules, invoice(MINE, 11900, name="Meier"), theirs) as w:
        assert w.matched() == set()
    spelled = MINE if rules == RULES["exact"] else "inv 2026/1001"
    said = {name: text.replace(FORGED, spelled) for name, text in said.items()}
    theirs = line("b", 11900, *(() if said else (spelled,)), day=3, **said, kind=kind)
    with world(rules, invoice(MINE, 11900), theirs) as w:
        assert w.matched() == {frozenset({MINE, "b"})}


@pytest.mark.parametrize("shape", ["n:m", *(pytest.param(one, marks=pytest.mark.deep) for one in ("n:1", "1:n"))])
def test_a_forged_identifier_is_no_part_of_a_sum(shape: str) -> None:
    text = rules_text(
        rule(keys='[{ left = "references", right = "references", how = "normalised" }]', shape=f'"{shape}"')
    )
    ones, others = ([invoice("i", 300, refs=("INV 2026 1001",))], [line("b1", 100, MINE), line("b2", 200, MINE)])
    if shape == "n:1":
        ones = [invoice("i1", 100, refs=(MINE,)), invoice("i2", 200, refs=("inv-2026-1001",))]
        others = [line("b", 300, MINE)]
    with world(text, *ones, *others) as w:
        assert w.matched() == {frozenset(fact.id for fact in [*ones, *others])}
    forged = [Fact(source="b", id=f.id, amount=f.amount, kind=f.kind, refs=(FORGED,)) for f in others]
    with world(text, *ones, *forged) as w:
        assert w.matched() == set()


@pytest.mark.deep
def test_without_a_prefix_it_is_no_other_identifier_either() -> None:
    drop = 'drop = { left = { prefix = "RE" } }'
    keys = f'[{{ left = "external_id", right = "references", how = "normalised", {drop} }}]'
    for theirs, found in ((FORGED, set()), ("INV 2026-1001", {frozenset({f"RE{MINE}", "b"})})):
        with world(rules_text(rule(keys=keys)), invoice(f"RE{MINE}", 100), line("b", 100, theirs)) as w:
            assert w.matched() == found
