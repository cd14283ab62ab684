"""Selections in a run: their keys hold, they say how likely they are an accident, and none of several is taken."""

from tests.laws.checker import broken
from tests.matching.worlds import invoice, line, rule, rules_text, world
from tieout.matching.planning.operators import CARRIED_MAX

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
    # Of 61 that could be meant nothing is known.
    *(invoice(f"u{n}", 1000 + 7 * n, currency="USD") for n in range(61)), line("many", 2007, currency="USD"),
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
