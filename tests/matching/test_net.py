"""Netting to zero: all that one identifier names settles among itself if it comes to zero, and only all of it."""

import json
import random
from typing import Any

import pytest

from tests.laws.checker import broken
from tests.matching.worlds import Fact, World, invoice, line, rule, rules_text, world
from tests.observe.test_why import match_of

_FIELDS = '["external_id", "references"]'
OWN = f'[{{ left = {_FIELDS}, how = "normalised" }}]'
BOTH = f'[{{ left = {_FIELDS}, right = {_FIELDS}, how = "normalised" }}]'
NET = rules_text(rule("nets", keys=OWN, shape='"net"'), rule("amount", days="{ from = 0, to = 9 }"))
CENTS = rules_text(
    rule(
        "nets", keys=BOTH, shape='"net"', amount='{ abs = "0.02" }', difference='{ short = "write_off" }',
        days="{ from = 0, to = 10 }",
    )
)  # fmt: skip
BETA = '[[entity]]\nid = "beta"\ncurrency = "EUR"\n'


def note(own_id: str, amount: int, *refs: str, **more: Any) -> Fact:
    return invoice(own_id, amount, kind="credit_note", refs=refs, **more)


def together(w: World, currency: str) -> set[frozenset[str]]:
    found: dict[bytes, set[str]] = {}
    for row in w.rows():
        if row["currency"] == currency:
            found.setdefault(row["match_id"], set()).add(row["external_id"])
    return set(map(frozenset, found.values()))


def told(w: World, name: str) -> tuple[str, str, list[str]]:
    (found,) = [e for e in w.exceptions() if e["external_id"] == name]
    return found["reason"], found["note"], sorted(c["external_id"] for c in json.loads(found["candidates"]))


#: Of each currency one case.
WHOLE = [
    invoice("RE-1", 10_000),
    note("GS-1", -12_000, "re 1"),
    invoice("RE-1b", 2_000, refs=("RE-1",)),
    invoice("RE-2", 5),
]
PART = [
    invoice("u1", 10_000, currency="USD"), note("u2", -10_000, "u1", currency="USD"),
    invoice("u3", 5_000, refs=("u1",), currency="USD"),
]  # fmt: skip
PART_OF_FOUR = [invoice(f"g{n}", a, refs=("K",), currency="GBP") for n, a in enumerate((300, 400, -700, 2_000))]
PAIR_OF_MANY = [invoice(f"c{n}", 100 + n, refs=("C",), currency="CHF") for n in range(24)]
PAIR_OF_MANY.append(note("c-", -107, "C", currency="CHF"))
APART = [
    invoice("s1", 100), note("s2", -100, "s1", currency="SEK"),
    invoice("s3", 7, currency="SEK"), note("s4", -7, "s3", currency="SEK", entity="beta"),
]  # fmt: skip
TWO_KEYS = [
    invoice("n1", 100, refs=("o-1",), currency="NOK"), note("n2", -100, "n1", "o-1", currency="NOK"),
    invoice("n3", 100, refs=("o-2",), currency="NOK"), note("n4", -100, "n3", currency="NOK"),
    note("n5", -100, "o-2", currency="NOK"),
]  # fmt: skip
#: Its amount is a line's: netting is the stronger rule.
STRONGER = [
    invoice("d1", 777, currency="DKK"),
    note("d2", -777, "d1", currency="DKK"),
    line("db", 777, day=1, currency="DKK"),
]
FORGED = [  # the second has the key of the first
    invoice("f1", 100, refs=("INV-2026-1001",), currency="CAD"), note("f2", -100, "ADNNWTWSZ30W4DDL", currency="CAD"),
]  # fmt: skip


def test_all_of_an_identifier_settles_and_never_a_part() -> None:
    facts = [*WHOLE, *PART, *PART_OF_FOUR, *PAIR_OF_MANY, *APART, *TWO_KEYS, *STRONGER, *FORGED]
    with world(NET, *facts, extra=BETA) as w:
        w.match()
        assert together(w, "EUR") == {frozenset({"RE-1", "GS-1", "RE-1b"})}
        assert together(w, "NOK") == {frozenset({"n1", "n2"})}  # two identifiers, one group
        assert together(w, "DKK") == {frozenset({"d1", "d2"})}
        assert len(w.together()) == 3
        rows = [r for r in w.rows() if r["currency"] == "EUR"]
        assert {(r["side"], r["claim"], r["difference"], r["provisional"]) for r in rows} == {
            ("left", "document", 0, True)
        }
        reasons = w.reasons()
        part = "all that shares its identifier comes to 50.00 USD, and only a part of it nets to zero: choose which"
        assert told(w, "u1") == ("ambiguous", part, ["u2"])
        assert told(w, "u2") == ("ambiguous", part, ["u1"])
        assert reasons["u3"] == "missing_right"
        ambiguous = {name for name, reason in reasons.items() if reason == "ambiguous"}
        assert ambiguous == {"u1", "u2", "g0", "g1", "g2", "c7", "c-", "n3", "n4", "n5"}
        assert told(w, "n3")[1:] == (
            "two identifiers put it into two groups that net to zero: choose one",
            ["n4", "n5"],
        )
        match = match_of(w, "GS-1")
        assert match["why"].endswith("; all that is open under it on the left, and it comes to zero")
        (named,) = [said for field, said in match["evidence"].items() if "external_id" in field]
        assert (named["agree"], named["right"]) == (True, None)
        assert w.drafts() == set()
        assert broken(w) == []


def test_both_sides_net_in_themselves_and_together_within_days_and_cents() -> None:
    facts = [
        # A charge and its refund, which no document knows; an invoice paid by two lines, of which one went back.
        line("c", 902, "o-7"), line("r", -900, "o-7"),
        invoice("RE-1", 500), line("b1", 500, "RE-1"), line("b2", 300, "RE-1"), line("b3", -300, "RE-1"),
        # Cents that are left have a reason: too little where it is owed to us; one is a rounding.
        invoice("u1", 10_002, currency="USD"), note("u2", -10_000, "u1", currency="USD"),
        invoice("u3", 10_000, currency="USD"), note("u4", -10_002, "u3", currency="USD"),
        invoice("u5", 501, currency="USD"), line("ub", 500, "u5", currency="USD"),
        invoice("u6", 103, currency="USD"), note("u7", -100, "u6", currency="USD"),
        invoice("u8", 1, currency="USD"), invoice("u9", 1, refs=("u8",), currency="USD"),
        # Ten days from one to the next; what follows later begins a group of its own.
        invoice("g1", 100, currency="GBP"), note("g2", -60, "g1", day=10, currency="GBP"),
        note("g3", -40, "g1", day=20, currency="GBP"), invoice("g4", 55, refs=("g1",), day=31, currency="GBP"),
        note("g5", -55, "g1", day=31, currency="GBP"),
        invoice("s1", 100, currency="SEK"), note("s2", -100, "s1", day=11, currency="SEK"),
    ]  # fmt: skip
    with world(CENTS, *facts) as w:
        w.match()
        assert together(w, "EUR") == {frozenset({"c", "r"}), frozenset({"RE-1", "b1", "b2", "b3"})}
        assert together(w, "USD") == {frozenset(pair) for pair in (("u1", "u2"), ("u3", "u4"), ("u5", "ub"))}
        assert together(w, "GBP") == {frozenset({"g1", "g2", "g3"}), frozenset({"g4", "g5"})}
        assert together(w, "SEK") == set()
        found = {(a["reason"], a["amount"]) for a in w.rows("adjustments")}
        assert found == {("write_off", 2), ("over_payment", -2), ("rounding", 1)}
        assert broken(w) == []


@pytest.mark.deep
def test_what_is_taken_apart_or_corrected_nets_no_more() -> None:
    facts = [invoice("i1", 100), note("i2", -60, "i1"), note("i3", -40, "i1"), invoice("j1", 55), note("j2", -55, "j1")]
    with world(NET, *facts) as w:
        assert w.matched() == {frozenset({"i1", "i2", "i3"}), frozenset({"j1", "j2"})}
        w.undo(w.match_id("i1", "i2", "i3"))
        w.correct("a", "j2", amount=-50)
        assert w.matched() == set()
        assert broken(w) == []


@pytest.mark.deep
def test_ledger_lines_of_one_assignment_settle_whatever_order_they_come_in() -> None:
    draw = random.Random(7)
    amounts = [300, 200, 100, -100, 50, 25, -200, -250, -126]
    lines = [
        Fact(source="b", id=f"l{n}", kind="journal_line", amount=amount, refs=(f"Z-{n % 3}",), day=n % 5)
        for n, amount in enumerate(amounts)
    ]
    right = rules_text(
        rule("assignment", keys='[{ right = "references" }]', shape='"net"'),
        claims='{ left = "booking", right = "booking" }',
    )
    found = []
    for _ in range(3):
        draw.shuffle(lines)
        with world(right, *lines) as w:
            digest = w.match()[0].digest
            found.append((w.together(), digest, w.reasons()))
            assert broken(w) == []
    assert found[0] == found[1] == found[2]
    assert found[0][0] == {frozenset({"l0", "l3", "l6"}), frozenset({"l1", "l4", "l7"})}


@pytest.mark.deep
def test_a_proposal_of_one_side_is_one_question() -> None:
    text = rules_text(rule("perhaps", keys=OWN, shape='"net"', confirm="false"))
    with world(text, invoice("RE-1", 100), note("GS-1", -60, "RE-1"), note("GS-2", -40, "RE-1")) as w:
        w.match()
        ((name, reason, said),) = [(e["external_id"], e["reason"], e["note"]) for e in w.exceptions()]
        assert reason == "proposed"
        others = {"RE-1", "GS-1", "GS-2"} - {name}
        assert said in {f"'perhaps' proposes it with {other} and 1 more: approve or reject it" for other in others}
        assert broken(w) == []
        w.judge(w.match_id("RE-1", "GS-1", "GS-2"), approved=True)
        assert w.exceptions() == []
