"""What a rule could have taken twice over is ambiguous, with what it could have taken, and is never called missing."""

from dataclasses import replace
from typing import Any

import pytest

from tests.depth import some_of
from tests.matching.test_reasons import notes, shown
from tests.matching.worlds import Fact, invoice, line, rule, rules_text, world
from tests.observe.test_past import told

_NUMBER = '[{ left = "external_id", right = ["references", "text"], how = "token" }]'
_NAME = '[{ left = "counterparty", right = "counterparty", how = "name" }]'
_ALIASES = "".join(f'\n[[alias]]\nleft = "{name}"\nright = "SRX Holding"\n' for name in ("Sunrise Retail", "Moon Shop"))
_DAYS = "{ from = -3, to = 3 }"
_POINTS = rule(
    keys=_NAME, amount='{ abs = "10.00" }', days=_DAYS, score="{ amount = 40, days = 30, name = 30 }", at_least="60",
    margin="15",
)  # fmt: skip
ITEMS = "open-items-to-bank"
SEVERAL = "several answers fit equally well: choose one"
ONE = "the only one that it fits has others that fit as well: choose one"


def _paid(one: int, other: int, *, text: str = "", **more: Any) -> list[Fact]:
    return [line("b1", one, text=text, day=1, **more), line("b2", other, text=text, day=2, **more)]


@pytest.mark.parametrize("currency", ["EUR", "JPY"])
@pytest.mark.parametrize(
    ("rules", "document", "lines"),
    some_of([
        (ITEMS, invoice("I-1001", 10_000), _paid(10_000, 10_000)),
        (ITEMS, invoice("I-1001", -10_000), _paid(-10_000, -10_000)),
        (ITEMS, invoice("I-1001", 10_000), _paid(9_800, 9_800, text="I-1001")),
        (ITEMS, invoice("I-1001", 10_000), _paid(9_800, 9_750, text="I-1001")),
        (rules_text(rule(keys=_NUMBER, amount='{ pct = "5" }')), invoice("I-1001", 10_000), _paid(10_100, 9_900, text="I-1001")),
        (rules_text(rule(amount='{ pct = "20" }', days=_DAYS)), invoice("I-1001", 10_000), _paid(8_500, 11_800)),
        (rules_text(_POINTS), invoice("I-1001", 10_000, name="Meier"), _paid(10_001, 10_002, name="Meier")),
    ], 4),
)  # fmt: skip
def test_two_lines_that_fit_one_document_are_ambiguous_with_both_as_candidates(
    rules: str, document: Fact, lines: list[Fact], currency: str
) -> None:
    with world(rules, *(replace(one, currency=currency) for one in (document, *lines))) as w:
        w.match()
        assert w.together() == set()
        assert w.reasons() == dict.fromkeys(("I-1001", "b1", "b2"), "ambiguous")
        assert notes(w) == {"I-1001": SEVERAL, "b1": ONE, "b2": ONE}
        assert {name for name, _ in shown(w, "I-1001")} == {"b1", "b2"}
        assert [name for name, _ in shown(w, "b1")] == [name for name, _ in shown(w, "b2")] == ["I-1001"]


def test_a_line_that_names_two_documents_which_it_could_pay_in_part_is_ambiguous() -> None:
    documents = [invoice(f"I-100{n}", 10_000, day=1, due=2) for n in (1, 2)]
    with world(ITEMS, *documents, line("b", 6_000, text="I-1001 I-1002", day=3)) as w:
        w.match()
        assert w.reasons() == dict.fromkeys(("I-1001", "I-1002", "b"), "ambiguous")
        assert sorted(shown(w, "b")) == [("I-1001", "ambiguous"), ("I-1002", "ambiguous")]


def test_another_name_of_two_customers_is_as_good_for_the_one_as_for_the_other() -> None:
    rules = rules_text(rule(keys=_NAME, days=_DAYS) + _ALIASES)
    facts = [invoice("i", 12_345, name="Sunrise Retail GmbH"), invoice("j", 12_345, name="Moon Shop")]
    with world(rules, *facts, line("b", 12_345, name="srx holding ag")) as w:
        w.match()
        assert w.reasons() == dict.fromkeys("ijb", "ambiguous")
        assert sorted(shown(w, "b")) == [("i", "same_name"), ("j", "same_name")]


def test_what_names_another_or_was_taken_since_is_no_second_answer() -> None:
    """b3 bears another name; and of the two that fit I-2 one is settled by a number that a later rule reads."""
    rules = rules_text(rule("amount", days=_DAYS), rule("number", keys=_NUMBER, amount='{ abs = "1" }'))
    facts = [
        invoice("I-1001", 5_000, name="Adler"), line("b1", 5_000, name="Adler"), line("b3", 5_000, name="Kranz"),
        invoice("I-2001", 7_000, currency="USD"), line("c1", 7_000, currency="USD"), line("c2", 7_000, currency="USD"),
        invoice("I-2002", 7_050, currency="USD"),
    ]  # fmt: skip
    with world(rules, *facts) as w:
        w.match()
        assert w.reasons()["b1"] == "missing_left"
        assert w.reasons()["I-2001"] == "ambiguous"
        w.add(line("c3", 7_000, "I-2001", currency="USD"))
        w.match()
        assert frozenset({"I-2001", "c3"}) in w.together()
        assert {w.reasons()[name] for name in ("c1", "c2")} == {"missing_left"}


@pytest.mark.parametrize(
    ("amounts", "said"),
    [
        ((6_000, 4_000, 4_000), "2 selections come to the sum: b0 + b1, or b0 + b2: choose one"),
        ((6_000, 4_000, 7_000, 3_000), "2 selections come to the sum: b0 + b1, or b2 + b3: choose one"),
        ((6_000, 4_000, 4_000, 6_000), "more than 3 selections come to the sum, such as "),
        ((10_100, -100, -100), "2 selections come to the sum: b0 + b1, or b0 + b2: choose one"),
    ],
)
def test_of_what_names_a_document_more_than_one_selection_may_come_to_it(amounts: tuple[int, ...], said: str) -> None:
    lines = [line(f"b{n}", amount, "I-1001", day=n) for n, amount in enumerate(amounts)]
    with world(ITEMS, invoice("I-1001", 10_000), *lines) as w:
        w.match()
        assert w.together() == set()
        assert set(w.reasons().values()) == {"ambiguous"}
        assert notes(w)["I-1001"].startswith(said)
        assert {name for name, _ in shown(w, "I-1001")} == {one.id for one in lines}
        assert notes(w)["b1"] == "may be part of I-1001, to which more than one selection comes: choose one"


def test_what_is_in_none_of_the_selections_is_not_part_of_them() -> None:
    lines = [line(f"b{n}", amount, "I-1001", day=n) for n, amount in enumerate((6_000, 4_000, 4_000, 7_777))]
    with world(ITEMS, invoice("I-1001", 10_000), *lines) as w:
        w.match()
        assert w.reasons() == {"I-1001": "ambiguous", "b0": "ambiguous", "b1": "ambiguous", "b2": "ambiguous", "b3": "amount_difference"}  # fmt: skip


def test_the_selections_of_a_payers_documents_are_told_with_all_that_they_have() -> None:
    amounts = {"RE-4001": 4_002, "RE-4002": 6_011, "RE-4003": 5_550, "RE-4004": 4_463}
    documents = [invoice(name, amount, name="Oster", day=1, due=2) for name, amount in amounts.items()]
    with world(ITEMS, *documents, line("B5", 10_013, text="transfer", name="Oster", day=5)) as w:
        w.match()
        said = "2 selections come to the sum: RE-4001 + RE-4002, or RE-4003 + RE-4004: choose one"
        assert notes(w)["B5"] == said
        assert {name for name, _ in shown(w, "B5")} == {*amounts}
        (exception,) = told(w, "B5")["run_exceptions"]
        assert exception["note"] == said


def test_of_long_selections_the_first_five_are_named() -> None:
    pairs = [(1_000 + 37 * n, 1_001 + 37 * n) for n in range(6)]
    documents = [
        invoice(f"RE-{n}{m}", pair[m], name="Oster", day=1, due=2) for n, pair in enumerate(pairs) for m in (0, 1)
    ]
    with world(ITEMS, *documents, line("B5", sum(max(pair) for pair in pairs) - 1, name="Oster", day=5)) as w:
        w.match()
        assert w.reasons()["B5"] == "ambiguous"
        assert notes(w)["B5"].startswith("more than 3 selections come to the sum, such as RE-")
        assert " + 1 more" in notes(w)["B5"]


def test_what_fits_together_is_no_choice_between_its_parts() -> None:
    """b2 is the sum of both documents, and of nothing else; but b1 names one of them as well."""
    both = line("b2", 15_000, text="RE-40001 RE-40002", day=30)
    documents = (invoice("RE-40001", 10_000), invoice("RE-40002", 5_000))
    with world("open-items-to-bank", *documents, line("b1", 4_000, text="RE-40001", day=30), both) as w:
        w.match()
        assert w.matched() == set()
        whole = "all that shares a number with it fits it together, and some of that shares one with something else"
        part = "fits b2 together with all else that shares a number with that, and some of it shares one with something else"
        said = notes(w)
        assert {said[name] for name in ("RE-40001", "RE-40002")} == {f"{part}: choose one"}
        assert said["b2"] == f"{whole}: choose one"


def test_one_selection_that_two_lines_could_have_is_one() -> None:
    rules = rules_text(
        rule(
            "sub",
            keys='[{ left = "counterparty", right = "counterparty", how = "name" }]',
            shape='"n:1"',
            subset="true",
        )
    )
    documents = [invoice(f"i{n}", amount, name="Meier GmbH") for n, amount in enumerate((3_011, 4_053))]
    with world(rules, *documents, *(line(f"b{n}", 7_064, day=n, name="Meier GmbH") for n in (1, 2))) as w:
        w.match()
        assert set(w.reasons().values()) == {"ambiguous"}
        said = "may be part of b2, whose selection has something that another selection has, too: choose one"
        assert {notes(w)[name] for name in ("i0", "i1")} == {said}


@pytest.mark.parametrize(
    ("second", "found"),
    [
        (("B", "B", "B", "B"), True),  # order and delivery name the same four
        pytest.param(("B", "", "", ""), True, marks=pytest.mark.deep),  # nothing is brought together by B
        (("B", "", "", "B"), False),  # 1.00 is 1.00, too
    ],
)
def test_two_identifiers_that_name_the_same_things_are_one_answer(second: tuple[str, ...], found: bool) -> None:
    rules = rules_text(
        rule("all", keys='[{ left = "references", right = "references", how = "normalised" }]', shape='"n:m"')
    )
    refs = [tuple(one for one in ("A", more) if one) for more in second]
    documents = (invoice("i1", 100, refs=refs[0]), invoice("i2", 250, refs=refs[1]))
    lines = (line("b1", 250, *refs[2]), line("b2", 70, *refs[3]), line("b3", 30, *refs[3]))
    with world(rules, *documents, *lines) as w:
        assert w.matched() == ({frozenset({"i1", "i2", "b1", "b2", "b3"})} if found else set())
