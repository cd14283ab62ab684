"""Selections in a run: their keys hold, they say how likely they are an accident, and none of several is taken."""

from tests.laws.checker import broken
from tests.matching.worlds import invoice, line, rule, rules_text, world
from tieout.matching.operators import CARRIED_MAX

_NAME = '{ left = "counterparty", right = "counterparty", how = "name" }'
_ACCOUNT = '{ left = "counterparty_account", right = "counterparty_account" }'
_SUBSET = {"shape": '"n:1"', "subset": "true", "coincidence": '"1"'}
ACCOUNT = rules_text(rule("of one account", keys=f"[{_ACCOUNT}]", **_SUBSET))
BOTH = rules_text(rule("of one name and account", keys=f"[{_NAME}, {_ACCOUNT}]", **_SUBSET))
ANYBODY = rules_text(rule("anybody's", **_SUBSET), rule("only", days="{ from = -5, to = 5 }"))
FIFO = rules_text(rule("in order", keys=f"[{_NAME}]", equal='"fifo"', **_SUBSET))


def test_a_selection_has_only_what_all_its_keys_name() -> None:
    facts = [
        invoice("i1", 123457, their_account="DE11"), invoice("i2", 765431, their_account="DE22"),
        line("b", 888888, their_account="DE99"),
        # The same of one account, beside another whose amounts would fit as well.
        invoice("u1", 123457, their_account="DE11", currency="USD"), invoice("u2", 765431, their_account="DE11", currency="USD"),
        invoice("u3", 888888, their_account="DE22", currency="USD"), line("ub", 888888, their_account="DE11", currency="USD"),
    ]  # fmt: skip
    with world(ACCOUNT, *facts) as w:
        assert w.matched() == {frozenset({"u1", "u2", "ub"})}
        assert {row["coincidence"] for row in w.rows()} == {3}
        assert broken(w) == []


def test_a_name_and_another_key_both_hold() -> None:
    named = [
        invoice(f"i{n}", amount, name="Meier", their_account=account)
        for n, (amount, account) in enumerate([(123457, "DE11"), (765431, "DE22"), (600001, "DE99"), (288887, "DE99")])
    ]
    with world(BOTH, *named, line("b", 888888, name="Meier", their_account="DE99")) as w:
        assert w.matched() == {frozenset({"i2", "i3", "b"})}


def test_several_selections_of_anybodys_documents_are_ambiguous_and_held() -> None:
    """100 is 30 + 70 and 40 + 60, and a weaker rule does not take the 70; of 61 that could be meant nothing is known."""
    items = [invoice(f"i{amount}", amount) for amount in (3000, 4000, 6000, 7000)]
    crowd = [invoice(f"u{n}", 1000 + 7 * n, currency="USD") for n in range(61)]
    lines = [line("b", 10000), line("b70", 7000, day=1), line("many", 2007, currency="USD")]
    with world(ANYBODY, *items, *crowd, *lines) as w:
        assert w.matched() == set()
        assert w.reasons()["b"] == w.reasons()["i7000"] == "ambiguous"
        assert w.reasons()["many"] == "undecided"


def test_documents_of_other_parties_are_nothing_that_could_be_meant() -> None:
    """61 documents of others say nothing of a line whose payer has two, nor do sums with theirs."""
    others = [invoice(f"u{n}", 1000 + 7 * n, name="Zorn KG") for n in range(61)]
    own = [invoice("i1", 123457, name="Abel GmbH"), invoice("i2", 765431)]
    with world(ANYBODY, *others, *own, line("b", 888888, name="ABEL")) as w:
        assert w.matched() == {frozenset({"i1", "i2", "b"})}


def test_equal_amounts_are_settled_in_order_where_the_rule_says_so() -> None:
    items = [invoice(f"i{n}", amount, name="Meier", day=-n) for n, amount in enumerate((120107, 450713, 450713))]
    two = [invoice(f"u{n}", amount, name="Otto", currency="USD") for n, amount in enumerate((120107, 450713, 450713))]
    lines = [line("b", 570820, name="MEIER"), *(line(f"ub{n}", 570820, name="OTTO", currency="USD") for n in range(2))]
    with world(FIFO, *items, *two, *lines) as w:
        assert w.matched() == {frozenset({"i0", "i2", "b"})}  # i2 is the older one
        assert {row["margin"] for row in w.rows()} == {0}
        assert w.reasons()["ub0"] == w.reasons()["u1"] == "ambiguous"  # two lines, and one document of 1,201.07
        assert broken(w) == []


def test_more_lines_that_name_one_document_than_are_looked_at_are_undecided() -> None:
    """A hundred instalments are summed; of one more, nobody says that their amounts differ."""
    token = '[{ left = "external_id", right = ["references", "text"], how = "token" }]'
    facts = [
        fact
        for count, currency in ((CARRIED_MAX, "EUR"), (CARRIED_MAX + 1, "USD"))
        for fact in (
            invoice(f"INV-{count}", 100 * count, currency=currency),
            *(line(f"b{currency}{n}", 100, text=f"INV-{count}", currency=currency) for n in range(count)),
        )
    ]
    with world(rules_text(rule("instalments", keys=token, shape='"1:n"')), *facts) as w:
        (found,) = w.matched()
        assert len(found) == CARRIED_MAX + 1
        assert set(w.reasons().values()) == {"undecided"}
        assert len(w.reasons()) == CARRIED_MAX + 2
