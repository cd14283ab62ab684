"""Every match says what agrees and what does not, and every non-match which rule it missed by how much, in all three places."""

import json
from typing import Any

import pytest

from tests.matching.test_exchanged import with_rates
from tests.matching.worlds import Fact, World, invoice, line, rule, rules_text, world
from tests.observe.test_past import told
from tieout.matching.comparing.agreeing import allowed_minor, compared_by
from tieout.matching.grammar.rules import Alias, Amount, Drop, Key
from tieout.observe.exporting.exports import export
from tieout.observe.things.story import chain_of

EXACT = rule("ref", reference="exact")


def match_of(w: World, name: str) -> dict[str, Any]:
    matches: list[dict[str, Any]] = told(w, name)["matches"]
    (match,) = matches
    return match


def nearest(w: World, name: str) -> str | None:
    (exception,) = told(w, name)["run_exceptions"]
    said: str | None = exception["candidates"][0]["missed"]
    return said


def test_a_match_says_the_same_in_explain_in_the_story_and_in_the_export() -> None:
    facts = [invoice("INV-1", 10_000, name="Meier"), line("b", 10_000, "INV-1", name="Otto")]
    with world(rules_text(EXACT), *facts) as w:
        w.match()
        match = match_of(w, "b")
        assert match["evidence"] == {
            "external_id/references": {"left": "INV-1", "right": "INV-1", "agree": True},
            "amount": {"left": "100.00", "right": "100.00", "agree": True},
            "currency": {"left": "EUR", "right": "EUR", "agree": True},
            "booked_on": {"left": "2026-10-01", "right": "2026-10-01", "agree": True},
            "counterparty": {"left": "Meier", "right": "Otto", "agree": False},
        }
        assert match["why"] == (
            "same external id and references, amount, currency, booking day; other counterparty (Meier against Otto); "
            "no other candidate on either side"
        )
        (shown,) = chain_of(w.store, w.record_id("b").hex()).matches
        assert (shown.why, shown.evidence) == (match["why"], match["evidence"])
        export(w.store, w.workspace, "matches", w.folder / "m.jsonl")
        rows = [json.loads(row) for row in (w.folder / "m.jsonl").read_text().splitlines()]
        assert [json.loads(r["evidence"]) if isinstance(r["evidence"], str) else r["evidence"] for r in rows] == [
            match["evidence"]
        ] * 2


@pytest.mark.parametrize(
    ("mine", "theirs", "agree", "said"),
    [
        ("Anna Schmidt", "Anna Meier", None, "; counterparty written otherwise (Anna Schmidt against Anna Meier)"),
        (
            "Bob Builder Ltd",
            "Robert Builder",
            None,
            "; counterparty written otherwise (Bob Builder Ltd against Robert Builder)",
        ),
        ("Ann Arbor", "ann@x.org", None, "; counterparty written otherwise (Ann Arbor against ann@x.org)"),
        ("Anna Meier", "MEIER, Anna", True, ", counterparty"),
        ("Meier GmbH", "Meier", True, ", counterparty"),
        ("Meier", "Otto", False, "; other counterparty (Meier against Otto)"),
    ],
)
def test_only_one_name_is_called_the_same(mine: str, theirs: str, agree: bool | None, said: str) -> None:
    facts = [invoice("INV-1", 10_000, name=mine), line("b", 10_000, "INV-1", name=theirs)]
    with world(rules_text(EXACT), *facts) as w:
        w.match()
        match = match_of(w, "b")
        assert match["evidence"]["counterparty"] == {"left": mine, "right": theirs, "agree": agree}
        assert match["why"] == (
            f"same external id and references, amount, currency, booking day{said}; no other candidate on either side"
        )


def test_a_name_that_a_rule_set_declares_is_the_same() -> None:
    text = rules_text(EXACT).replace("[[rule]]", '[[alias]]\nleft = "Meier"\nright = "Otto"\n\n[[rule]]', 1)
    with world(text, invoice("INV-1", 10_000, name="Meier"), line("b", 10_000, "INV-1", name="Otto")) as w:
        w.match()
        assert match_of(w, "b")["evidence"]["counterparty"] == {"left": "Meier", "right": "Otto", "agree": True}


BY_TEXT = '[{ left = "external_id", right = "text", how = "token" }]'


@pytest.mark.parametrize(
    ("came", "said"),
    [
        ([(6_000, 1), (4_000, 30), (500, 60)], "come to the sum; whatever else shares it came later, and is less than any of them"),
        ([(4_000, 1)], "as much as both have; no other candidate on either side"),
    ],
)  # fmt: skip
def test_why_it_is_the_only_one_is_true_of_it(came: list[tuple[int, int]], said: str) -> None:
    """Interest after the last instalment shares the number, and so does not all of it come to the sum; a part is no amount."""
    rules = rules_text(rule("sum", keys=BY_TEXT, shape='"1:n"'), rule("part", keys=BY_TEXT, partial="true"))
    lines = [line(f"b{n}", amount, text="RE-90001", day=day) for n, (amount, day) in enumerate(came)]
    with world(rules, invoice("RE-90001", 10_000), *lines) as w:
        w.match()
        match = match_of(w, "RE-90001")
        assert match["why"].endswith(said)
        assert ("amount" in match["why"].split(";")[0]) == (len(came) > 1)


@pytest.mark.parametrize(
    ("rules", "facts", "said"),
    [
        (
            rule("fifo", days="{ from = 0, to = 5 }", equal='"fifo"'),
            [invoice("i1", 60), invoice("i2", 60), line("b1", 60), line("b2", 60)],
            "settled by date, then by id",
        ),
        (
            rule("some", shape='"n:1"', subset="true", coincidence='"1"', keys='[{ left = "counterparty", right = "counterparty", how = "name" }]'),
            [invoice("i1", 1201, name="Meier GmbH"), invoice("i2", 4507, name="Meier GmbH"), line("b", 5708, name="Meier")],
            "same counterparty, amount, currency, booking day; the only selection with that sum",
        ),
        (
            rule(
                "points", days="{ from = -9, to = 9 }", amount='{ abs = "0.50" }', score="{ amount = 40, days = 30, name = 30 }",
                at_least="60", margin="10", keys='[{ left = "counterparty", right = "counterparty", how = "name" }]',
            ),
            [invoice("i", 100, name="Meier"), line("b", 100, name="Meier", day=8)],
            "76 points, and nothing else competes",
        ),
    ],
)  # fmt: skip
def test_a_match_says_why_there_was_no_choice(rules: str, facts: list[Fact], said: str) -> None:
    with world(rules_text(rules), *facts) as w:
        w.match()
        match = match_of(w, facts[0].id)
        assert said in match["why"]
        assert ("by accident: " in match["why"]) == ("coincidence" in rules)  # told where a rule asks for it


TWO = rule("two percent", reference="exact", amount='{ pct = "2" }')
DAYS = rule("amount and day", days="{ from = 0, to = 3 }")
POINTS = rule(
    "points", days="{ from = -9, to = 9 }", amount='{ abs = "0.50" }', score="{ amount = 40, days = 30, name = 30 }",
    at_least="90", keys='[{ left = "counterparty", right = "counterparty", how = "name" }]',
)  # fmt: skip


@pytest.mark.parametrize(
    ("rules", "left", "right", "said"),
    [
        ([EXACT, TWO], invoice("i", 10_000), line("b", 9_750, "i"), "missed 'two percent' by 0.50 EUR"),
        ([EXACT, DAYS], invoice("i", 5_555), line("b", 5_555, day=4), "missed 'amount and day' by 1 day"),
        ([DAYS], invoice("i", 5_555), line("b", 5_555, day=9), "missed 'amount and day' by 6 days"),
        ([POINTS], invoice("i", 100, name="Meier"), line("b", 100, name="Meier", day=8), "missed 'points' by 14 points"),
        (
            [EXACT], invoice("i", 100, name="Meier"), line("b", 100, "j", name="Meier"),
            "missed 'ref': external id 'i' is not references 'j'",
        ),
    ],
)  # fmt: skip
def test_what_came_nearest_says_which_rule_it_missed_by_how_much(
    rules: list[str], left: Fact, right: Fact, said: str
) -> None:
    with world(rules_text(*rules), left, right) as w:
        w.match()
        assert w.together() == set()
        assert nearest(w, "b") == said
        assert nearest(w, "i") == said


ACCOUNT = '[{ left = "counterparty_account", right = "counterparty_account" }]'
NUMBERS = '[{ left = "external_id", right = "text", how = "token" }]'
ORDER = '[{ left = "payment_id", right = "payment_id" }]'
OVER_SEVERAL = rules_text(
    rule("selection of an account", keys=ACCOUNT, shape='"n:1"', subset="true"),
    rule("numbers in a line", keys=NUMBERS, shape='"n:1"', amount='{ abs = "0.20" }', days="{ from = 0, to = 9 }"),
    rule("all of an order", keys=ORDER, shape='"n:m"'),
)


def test_a_sum_or_a_selection_that_was_missed_says_by_how_much() -> None:
    def of(currency: str, **more: Any) -> dict[str, Any]:
        return {"currency": currency, **more}

    facts = [
        invoice("RE-1003", 23_800), invoice("RE-1004", 7_520), line("b", 31_420, text="RE-1003 und RE-1004"),
        *(invoice(f"u{n}", a, **of("USD", their_account="DE11")) for n, a in enumerate((123_457, 765_431, 200_000, 7))),
        line("ub", 888_889, **of("USD", their_account="DE11")),
        *(invoice(f"g{n}", a, **of("GBP", payment="o-1")) for n, a in enumerate((10_000, 5_000))),
        *(line(f"gb{n}", a, **of("GBP", payment="o-1")) for n, a in enumerate((9_000, 5_000))),
        *(invoice(f"RE-2{n:03}", a, **of("CHF")) for n, a in enumerate((300, 400))),
        line("cb", 700, text="RE-2000 RE-2001", **of("CHF", day=12)),
    ]  # fmt: skip
    with world(OVER_SEVERAL, *facts) as w:
        w.match()
        assert w.together() == set()
        said = "missed 'numbers in a line' by 0.80 EUR: 2 on the left come to 313.20 EUR and 1 on the right comes to 314.20 EUR"
        assert nearest(w, "b") == nearest(w, "RE-1003") == nearest(w, "RE-1004") == said
        selected = (
            "missed 'selection of an account' by 0.01 USD: the nearest selection of 4 on the left comes to 8888.88 USD"
            " and 1 on the right comes to 8888.89 USD"
        )
        assert nearest(w, "ub") == nearest(w, "u1") == selected
        both = "missed 'all of an order' by 10.00 GBP: 2 on the left come to 150.00 GBP and 2 on the right come to 140.00 GBP"
        assert nearest(w, "gb0") == nearest(w, "g1") == both
        late = (
            "missed 'numbers in a line' by 3 days: 2 on the left come to 7.00 CHF and 1 on the right comes to 7.00 CHF"
        )
        assert nearest(w, "cb") == late


BY_RATE = rules_text(
    rule("by the rate", keys=NUMBERS, amount='{ abs = "0.01", base = true }', difference='{ currency = "fx" }')
)
_RATES = "2026-10-01,EUR,USD,3\n2026-10-01,EUR,JPY,160\n2026-10-01,EUR,KWD,0.36\n"


@pytest.mark.parametrize(
    ("document", "paid", "said", "rule_said"),
    [
        (
            invoice("RE-3001", 3_000, currency="USD"), line("b", 1_005, text="RE-3001"),
            "10.05 EUR here, 30.00 USD there: by the rates 10.05 against 10.00 EUR, differs by 0.05 EUR",
            "missed 'by the rate' by 0.04 EUR",
        ),
        (
            invoice("RE-3001", 16_000, currency="JPY"), line("b", 36_720, text="RE-3001", currency="KWD"),
            "36.720 KWD here, 16000 JPY there: by the rates 102.00 against 100.00 EUR, differs by 2.00 EUR",
            "missed 'by the rate' by 1.99 EUR",
        ),
        (
            invoice("RE-3001", 9_000, currency="CHF"), line("b", 10_000, text="RE-3001"),
            "100.00 EUR here, 90.00 CHF there: no rate for CHF on 2026-10-01, nor in the 10 days before",
            "missed 'by the rate': no rate for CHF on 2026-10-01",
        ),
        (
            invoice("RE-3001", 3_000), line("b", 1_000, text="RE-3001", currency="USD", day=20),
            "10.00 USD here, 30.00 EUR there: no rate for USD on 2026-10-21, nor in the 10 days before",
            "missed 'by the rate': no rate for USD on 2026-10-21",
        ),
        (  # the tolerance is for the rate
            invoice("RE-3001", 3_000), line("b", 3_001, text="RE-3001"),
            "30.01 EUR here, 30.00 there: differs by 0.01 EUR", "missed 'by the rate' by 0.01 EUR",
        ),
    ],
)  # fmt: skip
def test_what_another_currency_is_worth_is_told_and_what_the_rule_allows_of_it(
    document: Fact, paid: Fact, said: str, rule_said: str
) -> None:
    with world(BY_RATE, document, paid) as w:
        with_rates(w, _RATES)
        w.match()
        (exception,) = told(w, "b")["run_exceptions"]
        assert exception["note"] == said
        assert nearest(w, "b") == nearest(w, "RE-3001") == rule_said


@pytest.mark.parametrize("sign", [1, -1])
@pytest.mark.parametrize(
    ("others", "said"),
    [
        ((2_200, 3_300), ": together, by the rates, 18.30 against 18.33 EUR, differs by 0.03 EUR"),
        ((2_200, 3_300, 1_500), ": together, by the rates, 18.30 against 23.33 EUR, differs by 5.03 EUR"),
        ((2_200, 3_300, 900, 600), ""),  # not all of them are told
    ],
)
def test_of_several_in_another_currency_it_is_told_what_they_are_together(
    others: tuple[int, ...], said: str, sign: int
) -> None:
    documents = [invoice(f"RE-300{n}", sign * amount, currency="USD") for n, amount in enumerate(others)]
    paid = line("b", sign * 1_830, text=" ".join(one.id for one in documents))
    with world(BY_RATE, *documents, paid) as w:
        with_rates(w, _RATES)
        w.match()
        (exception,) = told(w, "b")["run_exceptions"]
        assert (
            exception["note"]
            == f"{'-' if sign < 0 else ''}18.30 EUR here, and {len(others)} are named there in another currency{said.replace(' 18', ' -18').replace(' 23', ' -23') if sign < 0 else said}"
        )


def test_no_rate_is_told_where_no_rule_compares_by_rates() -> None:
    facts = [invoice("RE-3001", 3_000, currency="USD"), line("b", 1_005, text="RE-3001")]
    with world("open-items-to-bank", *facts) as w:
        with_rates(w, _RATES)
        w.match()
        (exception,) = told(w, "b")["run_exceptions"]
        assert exception["note"] == "10.05 EUR here, 30.00 USD there"
        assert nearest(w, "b") is None


def test_a_name_that_begins_another_is_not_said_to_be_the_same() -> None:
    name = '[{ left = "counterparty", right = "counterparty", how = "name" }]'
    facts = [invoice("i", 12_345, name="Meierhofer Holzbau"), line("b", 12_345, name="Meierhofer Holzb")]
    with world(rules_text(rule(keys=name, days="{ from = 0, to = 5 }")), *facts) as w:
        w.match()
        assert match_of(w, "b")["why"].startswith(
            "same amount, currency, booking day; counterparty begins alike (Meierhofer Holzbau against Meierhofer Holzb)"
        )


def test_a_pair_that_meets_a_rule_is_told_no_more_than_that() -> None:
    lines = [line(f"b{n}", 10_000, day=n) for n in (1, 2)]
    with world(rules_text(DAYS), invoice("i", 10_000), *lines) as w:
        w.match()
        assert nearest(w, "b1") == nearest(w, "i") == "meets all that 'amount and day' asks of the two by themselves"


def _record(**said: Any) -> dict[str, Any]:
    return {"external_id": None, "references": [], "text": None, "counterparty": None} | said


@pytest.mark.parametrize(
    ("key", "left", "right", "agree"),
    [
        (Key(("external_id",), ("references",)), {"external_id": "a-1"}, {"references": ["x", "a-1"]}, 100),
        (Key(("external_id",), ("references",)), {"external_id": "a-1"}, {"references": ["A1"]}, 0),
        (Key(("external_id",), ("references",), "normalised"), {"external_id": "a-1"}, {"references": ["00 A1"]}, 100),
        (Key(("external_id",), ("text",), "token"), {"external_id": "RE-1001"}, {"text": "pays RE 1001 now"}, 100),
        (Key(("external_id",), ("text",), "token"), {"external_id": "RE-1001"}, {"text": "pays RE 10012 now"}, 0),
        (Key(("external_id",), ("references",), "prefix"), {"external_id": "ABCDEF123"}, {"references": ["abcdef1"]}, 100),
        (Key(("counterparty",), ("counterparty",), "name"), {"counterparty": "Meier GmbH"}, {"counterparty": "MEIER"}, 100),
        (
            Key(("counterparty",), ("counterparty",), "name"),
            {"counterparty": "Meierhofer Holzbau"}, {"counterparty": "MEIERHOFER HOLZB"}, 85,
        ),
        (Key(("counterparty",), ("counterparty",), "name"), {"counterparty": "Meierholz"}, {"counterparty": "MEIERH"}, 0),
        (Key(("counterparty",), ("counterparty",), "name"), {"counterparty": "Meier"}, {"counterparty": "Otto"}, 0),
        (
            Key(("external_id",), ("references",), "normalised", (Drop(prefix="INV"), Drop(last=1))),
            {"external_id": "INV-123"}, {"references": ["1239"]}, 100,
        ),
    ],
)  # fmt: skip
def test_a_key_is_compared_as_the_rule_does(key: Key, left: dict[str, Any], right: dict[str, Any], agree: int) -> None:
    assert compared_by(key, _record(**left), _record(**right)).agree == agree


def test_an_alias_is_the_same_name_from_left_to_right() -> None:
    key, alias = Key(("counterparty",), ("counterparty",), "name"), Alias("Sunrise Retail", "SRX Holding")
    ours, theirs = _record(counterparty="Sunrise Retail"), _record(counterparty="SRX HOLDING")
    assert compared_by(key, ours, theirs, [alias]).agree == 100
    assert compared_by(key, theirs, ours, [alias]).agree == 0


@pytest.mark.parametrize(
    ("amount", "allowed"),
    [
        (Amount(), 0),
        (Amount(pct_micro=2_000_000), 199),
        (Amount(pct_micro=2_000_000, abs_micro=500_000), 50),
        (Amount(pct_micro=2_000_000, abs_micro=500_000, take="wider"), 199),
        (Amount(pct_micro=1, minor_units=1), 1),
        (Amount(abs_micro=500_000, per_currency=(("EUR", 30_000),)), 3),
    ],
)
def test_what_is_allowed_is_counted_in_minor_units(amount: Amount, allowed: int) -> None:
    assert allowed_minor(amount, 9_999, "EUR", 2) == allowed


RANKED = {
    "days": "{ from = -9, to = 9 }", "amount": '{ abs = "0.50" }', "score": "{ amount = 40, days = 30, name = 30 }",
    "at_least": "60", "margin": "1", "keys": '[{ left = "counterparty", right = "counterparty", how = "name" }]',
}  # fmt: skip


def next_best(w: World) -> set[tuple[str, str, str]]:
    """Name who came next to each match: (document, what it is matched with, who came next)."""
    ids = {row["record_id"].hex(): row["external_id"] for row in w.records()}
    told = {(row["match_id"], row["evidence"]) for row in w.rows() if row["evidence"]}
    names = {match: sorted(r["external_id"] for r in w.rows() if r["match_id"] == match) for match, _ in told}
    return {(*names[match], ids[json.loads(said)["runner_up"]["record_id"]]) for match, said in told}


@pytest.mark.parametrize("mirrored", [False, True])
def test_who_came_next_is_named(mirrored: bool) -> None:
    """Two came equally near: the one whose record is first, in whatever order they came, and in later runs as well."""
    found = set()
    for order in ((1, 2, 3), (3, 2, 1)):
        with world(rules_text(rule("points", **RANKED))) as w:
            make = (line, invoice) if mirrored else (invoice, line)
            w.add(make[0]("i", 10_000, name="Meier"), *(make[1](f"b{n}", 10_000 + n // 2, name="Meier") for n in order))
            w.match()
            second = next_best(w)
            assert second in ({(*sorted(("i", "b1")), "b2")}, {(*sorted(("i", "b1")), "b3")})
            w.add(make[0]("j", 777, name="Otto"))
            w.match()
            assert next_best(w) == second
            ((_, _, name),) = second
            match = match_of(w, "i")
            assert match["why"].endswith(f"100 points, 1 ahead of the next best, {name}")
            assert match["evidence"]["runner_up"] == {"record_id": w.record_id(name).hex(), "external_id": name}
            found |= second
    assert len(found) == 1


def test_what_came_next_with_too_few_points_is_named_as_well() -> None:
    """Also where candidates that compete are settled together, and this one competes with none that has enough."""
    facts = [
        invoice("i", 10_000, name="Meier"),
        line("b1", 10_000, name="Meier"),
        line("b2", 10_050, name="Meier", day=9),
    ]
    for together in ("false", "true"):
        with world(rules_text(rule("points", **RANKED, together=together)), *facts) as w:
            w.match()
            assert next_best(w) == {("b1", "i", "b2")}


def test_nobody_is_named_where_nobody_came_next() -> None:
    with world(
        rules_text(rule("points", **RANKED)), invoice("i", 100, name="Meier"), line("b", 100, name="Meier")
    ) as w:
        w.match()
        assert next_best(w) == set()
        assert match_of(w, "i")["why"].endswith("100 points, and nothing else competes")
