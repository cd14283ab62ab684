"""Selections in a run: their keys hold, they say how likely they are an accident, and none of several is taken."""

import random

import pytest

from tests.laws.checker import broken
from tests.matching.worlds import Fact, World, invoice, line, rule, rules_text, world
from tieout.matching.performing import asked_pools
from tieout.matching.performing.asked_pools import POOL_MAX
from tieout.matching.planning.operators import CARRIED_MAX
from tieout.matching.pools.subset import OPERATIONS_MAX

_NAME = '{ left = "counterparty", right = "counterparty", how = "name" }'
_ACCOUNT = '{ left = "counterparty_account", right = "counterparty_account" }'
_TOKEN = '[{ left = "external_id", right = ["references", "text"], how = "token" }]'
_SUBSET = {"shape": '"n:1"', "subset": "true", "coincidence": '"1"'}
KEYED = rules_text(
    rule("of one name and account", keys=f"[{_NAME}, {_ACCOUNT}]", **_SUBSET),
    rule("of one account", keys=f"[{_ACCOUNT}]", **_SUBSET),
    rule("instalments", keys=_TOKEN, shape='"1:n"'),
)
ANYBODY = rules_text(rule("anybody's", **_SUBSET), rule("only", days="{ from = -5, to = 5 }"))
FIFO = rules_text(rule("in order", keys=f"[{_NAME}]", equal='"fifo"', **_SUBSET))

OF_ACCOUNTS = [
    invoice("i1", 123457, their_account="DE11"), invoice("i2", 765431, their_account="DE22"),
    line("b", 888888, their_account="DE99"),
    # The same of one account, beside another whose amount would fit as well.
    invoice("u1", 123457, their_account="DE11", currency="USD"), invoice("u2", 765431, their_account="DE11", currency="USD"),
    invoice("u3", 888888, their_account="DE22", currency="USD"), line("ub", 888888, their_account="DE11", currency="USD"),
    # Of one name, two of which have the account of the line.
    *(
        invoice(f"g{n}", amount, name="Meier", their_account=account, currency="GBP")
        for n, (amount, account) in enumerate([(123457, "DE11"), (765431, "DE22"), (600001, "DE99"), (288887, "DE99")])
    ),
    line("gb", 888888, name="Meier", their_account="DE99", currency="GBP"),
]  # fmt: skip

OF_ANYBODY = [
    # 100 is 30 + 70 and 40 + 60, and a weaker rule must not take the 70.
    *(invoice(f"i{amount}", amount) for amount in (3000, 4000, 6000, 7000)), line("b", 10000), line("b70", 7000, day=1),
    # Of more that could be meant than are searched nothing is known.
    *(invoice(f"u{n}", 1000 + 7 * n, currency="USD") for n in range(POOL_MAX + 1)), line("many", 2007, currency="USD"),
    # 61 documents of others say nothing of a line whose payer has two.
    *(invoice(f"g{n}", 1000 + 7 * n, name="Zorn KG", currency="GBP") for n in range(61)),
    invoice("g-1", 123457, name="Abel GmbH", currency="GBP"), invoice("g-2", 765431, currency="GBP"),
    line("gb", 888888, name="ABEL", currency="GBP"),
]  # fmt: skip

EQUALS = [
    *(invoice(f"i{n}", amount, name="Meier", day=-n) for n, amount in enumerate((120107, 450713, 450713))),
    line("b", 570820, name="MEIER"),
    # Two lines, and one document of 1,201.07.
    *(invoice(f"u{n}", amount, name="Otto", currency="USD") for n, amount in enumerate((120107, 450713, 450713))),
    *(line(f"ub{n}", 570820, name="OTTO", currency="USD") for n in range(2)),
]

MANY_PARTS = [
    fact
    for count, currency in ((CARRIED_MAX, "CHF"), (CARRIED_MAX + 1, "SEK"))
    for fact in (
        invoice(f"INV-{count}", 100 * count, currency=currency),
        *(line(f"b{currency}{n}", 100, text=f"INV-{count}", currency=currency) for n in range(count)),
    )
]


def test_a_selection_has_only_what_all_its_keys_name() -> None:
    """And a hundred instalments are summed; of one more, nobody says that their amounts differ."""
    with world(KEYED, *OF_ACCOUNTS, *MANY_PARTS) as w:
        found = w.matched()
        assert {ids for ids in found if len(ids) < CARRIED_MAX} == {
            frozenset({"u1", "u2", "ub"}), frozenset({"g2", "g3", "gb"}),
        }  # fmt: skip
        assert [len(ids) for ids in found if len(ids) >= CARRIED_MAX] == [CARRIED_MAX + 1]
        assert all(0 < row["coincidence"] < 10 for row in w.rows() if "account" in row["rule"])
        reasons = w.reasons()
        assert (
            {reasons[name] for name in reasons if "SEK" in name} == {"undecided"} == {reasons[f"INV-{CARRIED_MAX + 1}"]}
        )
        assert broken(w) == []


def test_a_selection_of_anybodys_documents_is_ambiguous_undecided_or_nobody_elses() -> None:
    with world(ANYBODY, *OF_ANYBODY) as w:
        assert w.matched() == {frozenset({"g-1", "g-2", "gb"})}
        assert w.reasons()["b"] == w.reasons()["i7000"] == "ambiguous"
        assert w.reasons()["many"] == "undecided"


def test_equal_amounts_are_settled_in_order_where_the_rule_says_so() -> None:
    with world(FIFO, *EQUALS) as w:
        assert w.matched() == {frozenset({"i0", "i2", "b"})}  # i2 is the older one
        assert {row["margin"] for row in w.rows()} == {0}
        assert w.reasons()["ub0"] == w.reasons()["u1"] == "ambiguous"
        assert broken(w) == []


def large(count: int, *parts: int, **more: str) -> list[Fact]:
    """Some documents, and others that are each more than any line here."""
    fitting = [invoice(f"p{n}", amount, **more) for n, amount in enumerate(parts)]
    return fitting + [invoice(f"f{n}", 50_000_000 + 1_013 * n, **more) for n in range(count - len(parts))]


SOLE = rules_text(rule("selection", **_SUBSET | {"coincidence": '"0.01"'}), rule("only", days="{ from = -9, to = 9 }"))


def told(w: World, name: str) -> str:
    """Give the note of an exception."""
    (note,) = [e["note"] for e in w.exceptions() if e["external_id"] == name]
    return str(note)


def test_of_a_thousand_items_the_only_selection_is_taken_and_of_two_none() -> None:
    """Nothing of these is few: all could be meant."""
    parts = (1_203_407, 2_750_013, 3_377_781, 4_111_999)
    with world(SOLE, *large(POOL_MAX, *parts), line("b", parts[0] + parts[2])) as w:
        assert w.matched() == {frozenset({"p0", "p2", "b"})}
        assert {row["coincidence"] < 10_000 for row in w.rows()} == {True}
    two = (*parts, parts[0] + parts[2] - parts[1])
    with world(SOLE, *large(POOL_MAX, *two), line("b", parts[0] + parts[2]), line("c", parts[1], day=1)) as w:
        assert w.matched() == set()  # p1 could be the other line's as well
        assert w.reasons()["b"] == "ambiguous"
        assert told(w, "b") == "2 selections come to the sum: p1 + p4, or p0 + p2: choose one"


def test_what_fits_a_line_more_often_than_is_listed_keeps_only_one_payers_items_from_weaker_rules() -> None:
    """Among everybody's items some always come to the sum; a payer's are whose they are."""
    many = tuple(1_000_003 + 7 * n for n in range(40))
    for keys, found in (({}, {frozenset({"p3", "c"})}), ({"keys": f"[{_NAME}]"}, set())):
        rules = rules_text(
            rule("selection", days="{ from = 0, to = 1 }", **_SUBSET, **keys), rule("only", days="{ from = 2, to = 9 }")
        )
        lines = [line("b", sum(many[10:30]), name="Meier", day=1), line("c", many[3], day=3)]
        with world(rules, *large(100, *many, name="Meier"), *lines) as w:
            assert w.matched() == found
            assert w.reasons()["b"] == "ambiguous"


def test_a_search_that_hits_its_bound_says_which_it_was(monkeypatch: pytest.MonkeyPatch) -> None:
    drawn = random.Random(5)
    hard = [invoice(f"i{n}", drawn.randrange(10**14, 2 * 10**14)) for n in range(90)]
    facts = [*hard, line("b", sum(one.amount for one in hard[::2]))]
    rules = rules_text(rule("selection", **_SUBSET))
    with world(rules, *facts) as w:
        assert w.matched() == set()
        assert told(w, "b") == (
            f"90 could be part of it, and to look for a selection among them takes more than {OPERATIONS_MAX} operations:"
            " choose one"
        )
    # What two lines share, each has half of.
    monkeypatch.setattr(asked_pools, "_SHARED_MAX", 2_000_000)
    with world(rules, *facts, line("c", sum(one.amount for one in hard[::3]))) as w:
        assert w.matched() == set()
        assert " more than 1000000 operations" in told(w, "b")
        assert " more than 1000000 operations" in told(w, "c")
    # More lines than are looked at: the first by day and id are.
    monkeypatch.setattr(asked_pools, "_LARGE_POOLS_MAX", 1)
    monkeypatch.setattr(asked_pools, "_SHARED_MAX", 3_000_000)
    for second in (line("a", facts[-1].amount), line("c", facts[-1].amount)):
        with world(rules, second, *facts) as w:
            assert w.matched() == set()
            first, last = sorted(("b", second.id))
            assert " more than 3000000 operations" in told(w, first)
            assert told(w, last) == (
                "90 could be part of it, and it stands behind the first 1 for which a selection of so many is looked for: choose one"
            )
