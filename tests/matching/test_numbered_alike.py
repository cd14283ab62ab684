"""Two companies that number alike: a record of the other one is no rival of ours (law 7: a unique answer is unique)."""

from dataclasses import replace
from typing import Any

import pytest

from tests.matching.worlds import Fact, World, invoice, line, rule, rules_text, world

BETA = '[[entity]]\nid = "beta"\ncurrency = "EUR"\n'
SOURCES = ("a", "a2", "b", "b2")
AB = """[[reconciliation]]
id = "ab"
left = {{ source = ["a", "a2"] }}
right = {{ source = ["b", "b2"] }}
rules = "{}"
"""
FIELDS = '["external_id", "references"]'


def of_both(*facts: Fact) -> list[Fact]:
    """Give facts of a company, and the same of another."""
    return [*facts, *(replace(fact, source=f"{fact.source}2", entity="beta") for fact in facts)]


def kept_apart(w: World) -> set[frozenset[tuple[str, str]]]:
    """Say what is together, each by its source and id."""
    sources = {row["record_id"]: row["source_id"] for row in w.records()}
    found: dict[bytes, set[tuple[str, str]]] = {}
    for row in w.rows():
        found.setdefault(row["match_id"], set()).add((sources[row["record_id"]], row["external_id"]))
    return set(map(frozenset, found.values()))


@pytest.mark.parametrize("rules", ["generic", "invoice-to-payment"])
@pytest.mark.parametrize("named", ["RE-2026-1001", "re 2026 1001"])
def test_each_company_pairs_by_an_exact_rule(rules: str, named: str) -> None:
    facts = of_both(invoice("RE-2026-1001", 11_900), line("ch_1", 11_900, named, kind="charge"))
    with world(rules, *facts, extra=BETA, sources=SOURCES, reconciliations=AB.format(rules)) as w:
        w.match()
        assert kept_apart(w) == {
            frozenset({("a", "RE-2026-1001"), ("b", "ch_1")}),
            frozenset({("a2", "RE-2026-1001"), ("b2", "ch_1")}),
        }
        assert {row["rule"].partition(", spelled")[0] for row in w.rows()} <= {
            "same reference and amount",
            "same reference",
        }
        assert not any(row["provisional"] for row in w.rows())


def test_another_companys_second_is_no_second_of_ours() -> None:
    twice = [Fact(source="b2", id=f"x{n}", amount=500, refs=("R-1",), kind="charge", entity="beta") for n in range(2)]
    ours = [invoice("R-1", 500), line("ch_1", 500, "R-1", kind="charge")]
    with world("generic", *ours, *twice, extra=BETA, sources=SOURCES, reconciliations=AB.format("generic")) as w:
        w.match()
        assert kept_apart(w) == {frozenset({("a", "R-1"), ("b", "ch_1")})}


def test_all_of_one_number_and_what_nets_is_asked_of_each_company() -> None:
    keys = f'[{{ left = {FIELDS}, right = {FIELDS}, how = "normalised" }}]'
    nets = f'[{{ left = {FIELDS}, how = "normalised" }}]'
    own = rules_text(rule("nets", keys=nets, shape='"net"'), rule("all", keys=keys, shape='"n:m"'))
    facts = of_both(
        invoice("R-1", 500), line("p1", 300, "R-1"), line("p2", 200, "R-1"),
        invoice("R-2", 400), invoice("G-2", -400, refs=("R-2",)),
    )  # fmt: skip
    facts.append(invoice("G-3", -50, refs=("R-2",), source="a2", entity="beta"))
    with world(own, *facts, extra=BETA, sources=SOURCES, reconciliations=AB.format("rules/own.toml")) as w:
        w.match()
        assert kept_apart(w) == {
            frozenset({("a", "R-1"), ("b", "p1"), ("b", "p2")}),
            frozenset({("a2", "R-1"), ("b2", "p1"), ("b2", "p2")}),
            frozenset({("a", "R-2"), ("a", "G-2")}),
        }


def payout_and_lines(**more: Any) -> tuple[Fact, ...]:
    """Give a payout, a line of its company with that amount, and one of another company that names it."""
    return (
        invoice("po_R10001", -5_000, kind="payout", day=1),
        line("k1", 5_000, name="Hans Mieter", text="Auszahlung", day=2),
        Fact(
            source="b2",
            id="k2",
            kind="bank_entry",
            entity="beta",
            text="po_R10001",
            day=2,
            **({"amount": 5_000} | more),
        ),
    )


@pytest.mark.parametrize("amount", [5_000, 4_990])
def test_a_payout_that_another_companys_line_names_is_still_proposed_with_our_own(amount: int) -> None:
    payouts = AB.format("payout-to-bank")
    with world(
        "payout-to-bank", *payout_and_lines(amount=amount), extra=BETA, sources=SOURCES, reconciliations=payouts
    ) as w:
        w.match()
        assert (w.together(), w.together("proposed")) == (set(), {frozenset({"po_R10001", "k1"})})
        notes = {row["external_id"]: row["note"] for row in w.exceptions()}
        assert notes.keys() == {"k1", "k2"}
        assert "proposes it with po_R10001" in notes["k1"]
        assert notes["k2"] == "po_R10001 shares its number, and is another company's, acme"
        w.match()  # once more on what the first run left
        assert w.together("proposed") == {frozenset({"po_R10001", "k1"})}


def test_what_another_companys_line_names_is_no_certain_answer_to_ours() -> None:
    payouts = AB.format("payout-to-bank")
    p, k1, k2 = payout_and_lines()
    plain = replace(k1, name=None)
    with world("payout-to-bank", p, plain, extra=BETA, sources=SOURCES, reconciliations=payouts) as w:
        assert w.matched() == {frozenset({"po_R10001", "k1"})}
    with world("payout-to-bank", p, plain, k2, extra=BETA, sources=SOURCES, reconciliations=payouts) as w:
        assert w.matched() == set()
        assert w.together("proposed") == {frozenset({"po_R10001", "k1"})}


def test_a_line_that_names_another_companys_payout_is_not_proposed_with_one_of_its_own_nor_is_a_named_one_with_another() -> (
    None
):
    payouts = AB.format("payout-to-bank")
    p, k1, k2 = payout_and_lines()
    theirs = Fact(source="a2", id="po_B7", amount=-5_000, kind="payout", entity="beta", day=1)
    with world("payout-to-bank", p, k2, theirs, extra=BETA, sources=SOURCES, reconciliations=payouts) as w:
        w.match()
        assert w.together("proposed") == set()
    ours = line("k3", 4_990, text="po_R10001", day=2)
    with world("payout-to-bank", p, k1, k2, ours, extra=BETA, sources=SOURCES, reconciliations=payouts) as w:
        w.match()
        assert w.together("proposed") == set()
