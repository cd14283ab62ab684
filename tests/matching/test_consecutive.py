"""Payouts that nothing names are runs of consecutive lines: certain ones are matched, the others held, and it is said why."""

import json
import random
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.depth import examples
from tests.laws.checker import broken
from tests.matching.sales import RULES, others, paid, run_with, sales
from tests.matching.worlds import Fact, line, rule, rules_text, world


def test_payouts_between_other_lines_are_found_and_say_why() -> None:
    lines = sales(60)
    with world(RULES, *lines, *paid(lines), *others(20, 16)) as w:
        assert w.matched() == {run_with(lines, k) for k in range(6)}
        assert broken(w, polarity="by kind") == []
        assert {(json.loads(r["evidence"])["consecutive"]["payouts"], r["coincidence"]) for r in w.rows()} == {(6, 1)}
        assert {match.status for match in w.matches()} == {"confirmed"}
        assert set(w.reasons().values()) == {"missing_left"}


def test_the_several_may_be_the_banks() -> None:
    """Deposits of a till: one line of ours, and the bank's lines that follow each other."""
    lines = [Fact(source="b", id=f.id, amount=f.amount, kind="bank_entry", day=f.day + 3) for f in sales(40)]
    ours = [
        Fact(source="a", id=f"p{k}", amount=sum(f.amount for f in lines[k * 8 : k * 8 + 8]), kind="invoice",
             day=lines[k * 8].day)
        for k in range(5)
    ]  # fmt: skip
    text = rules_text(rule(shape='"1:n"', consecutive="true", days="{ from = 0, to = 5 }"))
    with world(text, *ours, *lines) as w:
        assert w.matched() == {run_with(lines, k, "p", 8) for k in range(5)}


def test_currencies_of_one_account_are_chains_of_their_own() -> None:
    euro, dollar = sales(40), sales(40, seed=5, tag="us", currency="USD")
    with world(RULES, *euro, *dollar, *paid(euro), *paid(dollar, "d")) as w:
        assert w.matched() == {run_with(euro, k) for k in range(4)} | {run_with(dollar, k, "d") for k in range(4)}


def test_refunds_and_fees_are_lines_like_others() -> None:
    draw = random.Random(3)
    lines = [
        Fact(source="a", id=f"t_{n}", amount=-f.amount if n % 5 == 3 else f.amount, fee=0 if n % 5 == 3 else draw.randint(1, 99),
             kind="refund" if n % 5 == 3 else "charge", day=f.day)
        for n, f in enumerate(sales(60))
    ]  # fmt: skip
    with world(RULES, *lines, *paid(lines)) as w:
        assert w.matched() == {run_with(lines, k) for k in range(6)}
        assert broken(w, polarity="by kind") == []


def test_three_payouts_may_arrive_on_one_day() -> None:
    """Friday's, Saturday's and Sunday's on Monday, in whatever order the bank lists them."""
    lines = sales(70)
    bank = paid(lines)
    monday = [replace(b, day=bank[4].day) for b in bank[2:5]]
    with world(RULES, *lines, *bank[:2], *reversed(monday), *bank[5:]) as w:
        assert w.matched() == {run_with(lines, k) for k in range(7)}


def test_lines_after_the_payout_or_too_long_before_it_are_not_looked_at() -> None:
    lines = sales(60)
    late = [replace(b, day=b.day - 3) for b in paid(lines)]
    with world(RULES, *lines, *late) as w:
        assert w.matched() == set()
    with world(RULES.replace("to = 10", "to = 2"), *lines, *paid(lines)) as w:
        assert w.matched() == set()


def test_a_batch_entry_and_its_transactions_are_the_same_money() -> None:
    lines = sales(60)
    bank = paid(lines)
    parts = [line(f"{b.id}/1", b.amount, day=b.day, kind="bank_detail", parent=b.id) for b in bank]
    with world(RULES, *lines, *bank, *parts) as w:
        assert w.matched() == {frozenset({f"b{k}/1", *run_with(lines, k)} - {f"b{k}"}) for k in range(6)}
        assert broken(w, polarity="by kind") == []


def test_moments_say_which_of_a_day_came_first() -> None:
    """Numbers that say nothing, and the time of day that the source states."""
    draw = random.Random(6)
    names = draw.sample(range(1_000, 9_999), 60)
    lines = [replace(f, id=f"ch_{names[n]}", hour=n % 4) for n, f in enumerate(sales(60))]
    with world(RULES, *lines, *paid(lines)) as w:
        assert w.matched() == {run_with(lines, k) for k in range(6)}


def test_a_later_run_finds_what_one_run_would() -> None:
    """The last payout of the first run may wait for the next one; what was found stands."""
    lines = sales(60)
    bank = paid(lines)
    with world(RULES, *lines[:34], *bank[:3]) as w:
        assert w.matched() <= {run_with(lines, k) for k in range(3)}
        w.add(*lines[34:], *bank[3:])
        assert w.matched() == {run_with(lines, k) for k in range(6)}
        found = w.matches()
    with world(RULES, *lines, *bank) as w:
        w.match()
        assert w.matches() == found


def test_more_accounts_than_can_be_laid_are_undecided(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tieout.matching.performing.consecutive._LAID_MAX", 5)
    lines = sales(60)
    with world(RULES, *lines, *paid(lines)) as w:
        assert w.matched() == set()
        assert {w.reasons()[f"b{k}"] for k in range(6)} == {"undecided"}


@pytest.mark.deep
@settings(max_examples=examples(40), deadline=None)
@given(data=st.data())
def test_no_world_of_prices_gaps_and_strangers_has_a_wrong_match(data: st.DataObject) -> None:
    """Everything has one of a few prices; lines are missing, and other people pay what these did."""
    draw = random.Random(data.draw(st.integers(0, 10**6)))
    prices = data.draw(st.sampled_from([[999], [999, 1999, 2900], [999, 1999, 2900, 4900, 9900, 14_900]]))
    share = data.draw(st.sampled_from([0.0, 0.5, 1.0]))
    lines = [
        Fact(source="a", id=f"ch_{n}", kind="charge", day=n // 4,
             amount=draw.choice(prices) if draw.random() < share else draw.randint(500, 90_000))
        for n in range(40)
    ]  # fmt: skip
    bank = paid(lines, each=data.draw(st.sampled_from([4, 5, 8])))
    each = len(lines) // len(bank)
    gone = {draw.randrange(40) for _ in range(data.draw(st.integers(0, 2)))}
    strangers = [
        line(f"y{n}", draw.choice(prices), day=draw.randint(0, 12)) for n in range(data.draw(st.integers(0, 8)))
    ]
    with world(RULES, *(f for n, f in enumerate(lines) if n not in gone), *bank, *strangers) as w:
        found = w.matched()
        assert found <= {run_with(lines, k, each=each) for k in range(len(bank))}
        assert broken(w, polarity="by kind") == []
