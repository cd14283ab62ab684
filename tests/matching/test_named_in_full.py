"""What names something in full is matched with nothing else by a rule that asks for less than that, in any order of rules."""

import pytest

from tests.depth import some_of
from tests.matching.worlds import Fact, World, invoice, line, rule, rules_text, world

NEAR = "{ from = -5, to = 5 }"
WORDS = '[{ left = ["external_id", "references"], right = ["references", "text"], how = "token" }]'
BY_NAME = '[{ left = "counterparty", right = "counterparty", how = "name" }]'


def found(w: World) -> set[tuple[str, ...]]:
    w.match()
    return {tuple(sorted(ids)) for ids in w.together("confirmed") | w.together("proposed")}


def matched(rules: str, *facts: Fact) -> set[tuple[str, ...]]:
    with world(rules, *facts) as w:
        return found(w)


OTHERS = [
    rules_text(rule(days=NEAR)),
    rules_text(rule("by amount", days=NEAR), rule("by number", keys=WORDS)),
    rules_text(rule("by number", keys=WORDS), rule("by amount", days=NEAR)),
    rules_text(rule(days=NEAR, equal='"fifo"')),
    rules_text(rule(keys=BY_NAME, days=NEAR)),
    rules_text(rule(keys=BY_NAME, days=NEAR, shape='"n:1"', subset="true", coincidence='"1"')),
    rules_text(
        rule(
            keys=BY_NAME,
            days=NEAR,
            amount='{ pct = "1" }',
            score="{ amount = 40, days = 30, name = 30 }",
            at_least="60",
            margin="10",
        )
    ),
]


@pytest.mark.parametrize("rules", some_of(OTHERS, 3))
@pytest.mark.parametrize("text", ["pays I-1001", "I 1001", "zu 77001234"])
def test_a_rule_by_amounts_takes_nothing_that_names_another(rules: str, text: str) -> None:
    named = invoice("I-1001", 912_390, refs=("77001234",), name="Kranz AG")
    facts = [named, invoice("I-1002", 1_012_347, name="Kranz AG")]
    with world(rules, *facts, line("b", 1_012_347, text=text, name="Kranz AG", day=1)) as w:
        assert found(w) == set()
        assert w.reasons()["b"] == "amount_difference"
    assert matched(rules, *facts, line("b", 1_012_347, text="danke", name="Kranz AG", day=1)) == {("I-1002", "b")}


@pytest.mark.parametrize("rules", some_of(OTHERS, 3))
def test_it_takes_what_is_named(rules: str) -> None:
    facts = [invoice("I-1001", 912_390, name="Kranz AG"), invoice("I-1002", 1_012_347, name="Kranz AG")]
    assert matched(rules, *facts, line("b", 1_012_347, text="I-1002", name="Kranz AG", day=1)) == {("I-1002", "b")}
    assert matched(rules, *facts, line("b", 1_012_347, "I-1002", name="Kranz AG", day=1)) == {("I-1002", "b")}


@pytest.mark.parametrize("number", ["U26100200002", "RE10077"])
def test_the_digits_behind_letters_are_no_number_in_full(number: str) -> None:
    """Two banks number their lines alike but for a letter: what one of them says names none of the other's."""
    facts = [
        invoice("I-1", 912_390, refs=(number.lstrip("URE"),)),
        invoice("I-2", 1_012_347),
        line("b", 1_012_347, number, day=1),
    ]
    assert matched(OTHERS[0], *facts) == {("I-2", "b")}


@pytest.mark.parametrize("rules", [OTHERS[0], OTHERS[3]])
def test_of_two_equal_ones_it_takes_the_one_that_is_named(rules: str) -> None:
    facts = [invoice("I-1001", 100), invoice("I-1002", 100)]
    assert matched(rules, *facts, line("b", 100, text="I-1002")) == {("I-1002", "b")}
    assert matched(rules, *facts, line("b", 100, text="I-1002"), line("c", 100, text="I-1001")) == {
        ("I-1001", "c"),
        ("I-1002", "b"),
    }


def test_what_was_paid_before_is_named_all_the_same() -> None:
    rules = rules_text(rule(days=NEAR))
    with world(rules, invoice("I-1001", 90), line("b1", 90, text="I-1001", day=1)) as w:
        assert found(w) == {("I-1001", "b1")}
        w.add(invoice("I-1002", 100), line("b2", 100, text="nochmals I-1001", day=2))
        assert ("I-1002", "b2") not in found(w)


def test_the_sides_may_be_the_other_way_round() -> None:
    bank = Fact(source="a", id="k", amount=100, kind="bank_entry", text="pays I-1001")
    owed = [Fact(source="b", id=f"I-100{n}", amount=amount) for n, amount in ((1, 90), (2, 100))]
    for rules in (OTHERS[0], OTHERS[3]):
        assert (
            matched(
                rules.replace('left = "document", right = "bank"', 'left = "bank", right = "document"'), bank, *owed
            )
            == set()
        )


CUT = [
    ("INV-100", "INV-1007", '{ left = "external_id", right = "references", how = "normalised", drop = { right = { last = 1 } } }'),
    ("4711", "RE-4711", '{ left = "external_id", right = "references", how = "normalised", drop = { right = { prefix = "RE" } } }'),
    ("RE-202617", "RE-20261", '{ left = "external_id", right = "references", how = "prefix" }'),
]  # fmt: skip


@pytest.mark.parametrize(("number", "said", "key"), some_of(CUT, 3))
@pytest.mark.parametrize("before", [True, False])
def test_a_number_that_is_anothers_in_full_is_no_other_one_less_something(
    number: str, said: str, key: str, *, before: bool
) -> None:
    exact = rule("exact", keys='[{ left = "external_id", right = "references" }]') if before else ""
    rules = rules_text(exact + rule("cut", keys=f"[{key}]"))
    mine, paid = invoice(number, 12_345), line("b", 12_345, said)
    assert matched(rules, mine, paid) == {(number, "b")}
    assert matched(rules, mine, invoice(said, 999), paid) == set()
    # Who names both says which.
    both = line("b", 12_345, said, text=number)
    assert matched(rules, mine, invoice(said, 999), both) == {(number, "b")}


def test_a_document_that_another_line_names_may_still_be_cut_off() -> None:
    rules = rules_text(rule("cut", keys='[{ left = "external_id", right = "references", how = "prefix" }]'))
    facts = [invoice("RE-202617", 12_345), line("b1", 12_345, "RE-20261"), line("b2", 777, "RE-202617")]
    assert matched(rules, *facts) == {("RE-202617", "b1")}
