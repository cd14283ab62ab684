"""
Law 8: the same facts, decisions, rules and cut into runs give the same result, however the facts were delivered.

Metamorphic, through real files: shuffle rows, split and repeat files, rename ids, add what has nothing to do with it.
"""

import datetime as dt
import random
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.depth import DEEP
from tests.laws.checker import broken
from tests.laws.drawn import facts, few_worlds, rule_names, set_of
from tests.matching.sales import RULES, others, paid, sales
from tests.matching.shop import Shop
from tests.matching.worlds import Fact, invoice, line, rule, rules_text, world
from tieout import pipeline
from tieout.matching.results import outcome, parts

Rows = dict[str, list[tuple[str, ...]]]
_SEEDS = range(20 if DEEP else 1)


def drawn(seed: int) -> Rows:
    """Draw invoices and lines: named, in part, several at once, less a discount, equal ones, accidents."""
    draw = random.Random(seed)
    invoices: list[tuple[str, ...]] = []
    bank: list[tuple[str, ...]] = []
    other: list[tuple[str, ...]] = []
    for n in range(40):
        amount, day = draw.choice([100, 100, 250, 300 + n, 1000 + n]), draw.randint(1, 20)
        name = draw.choice(["Meier GmbH", "Kranz AG", f"Firma {n} KG"])
        invoices.append((f"RE-{1000 + n}", f"2026-10-{day:02}", name, f"{amount}.00", "EUR"))
        target = draw.choice([bank, bank, other])
        paid, said = draw.choice(
            [
                (amount, f"RE-{1000 + n}"),
                (amount, f"re {1000 + n} danke"),
                (amount * 0.98, f"RE-{1000 + n}"),
                (amount, ""),
                (amount / 2, f"Teil RE-{1000 + n}"),
                (amount + 7, f"RE-{1000 + n} RE-{1000 + n - 1}"),
            ]
        )
        mark = "B" if target is bank else "O"
        target.append((f"{mark}{n}", f"2026-10-{day + 3:02}", f"{paid:.2f}", draw.choice([name, ""]), said, "EUR"))
    return {"invoices": invoices, "bank": bank, "other": other}


@pytest.fixture
def shops(tmp_path: Path) -> Iterator[Callable[[str], Shop]]:
    made: list[Shop] = []

    def shop(name: str) -> Shop:
        made.append(Shop(tmp_path / name))
        return made[-1]

    yield shop
    for one in made:
        one.close()


def delivered(shop: Shop, rows: Rows, threads: int | None = None) -> list[str]:
    for source, said in rows.items():
        shop.deliver(source, said)
    return shop.match(threads=threads)


def shuffled(rows: Rows, seed: int) -> Rows:
    draw = random.Random(seed)
    sources = draw.sample(sorted(rows), len(rows))
    return {source: draw.sample(rows[source], len(rows[source])) for source in sources}


@pytest.mark.slow
@pytest.mark.parametrize("seed", _SEEDS)
def test_order_of_rows_and_files_and_threads_change_nothing(shops: Callable[[str], Shop], seed: int) -> None:
    rows = drawn(seed)
    digests = delivered(shops("first"), rows, threads=1)
    assert delivered(shops("second"), shuffled(rows, seed), threads=4) == digests


@pytest.mark.slow
@pytest.mark.deep  # what is drawn below is put in order by pieces, too
@pytest.mark.parametrize("at_once", [1, 32])
def test_how_many_are_put_in_order_at_a_time_changes_nothing(
    shops: Callable[[str], Shop], monkeypatch: pytest.MonkeyPatch, at_once: int
) -> None:
    rows = drawn(5)
    digests = delivered(shops("first"), rows)
    monkeypatch.setattr(outcome, "_SORTED_AT_ONCE", at_once)
    monkeypatch.setattr(parts, "_NAMED_AT_ONCE", at_once)
    assert delivered(shops("second"), rows) == digests


@pytest.mark.slow
@pytest.mark.parametrize("seed", _SEEDS)
def test_split_and_repeated_files_change_nothing(shops: Callable[[str], Shop], seed: int) -> None:
    rows = drawn(seed)
    first = shops("first")
    digests = delivered(first, rows)
    split = shops("split")
    for source, said in rows.items():
        for part in (said[:15], said[10:], said):
            split.deliver(source, part)
    assert split.match() == digests
    assert split.matches() == first.matches()


@pytest.mark.slow
def test_renamed_ids_and_unrelated_rows_change_nothing(shops: Callable[[str], Shop]) -> None:
    rows = drawn(7)
    first, second = shops("first"), shops("second")
    delivered(first, rows)
    renamed = {
        source: [tuple(cell.replace("RE-1", "RE-7").replace("re 1", "re 7") for cell in row) for row in said]
        for source, said in rows.items()
    }
    renamed["invoices"] += [("X-99001", "2026-10-05", "Niemand SE", "7777.77", "USD")]
    renamed["bank"] += [("B99", "2026-10-06", "3333.33", "Keiner", "?", "CHF")]
    delivered(second, renamed)

    def told(shop: Shop) -> set[object]:
        return {
            (rec, rule, status, frozenset((i.replace("RE-7", "RE-1"), a) for i, a in parts))
            for rec, rule, status, parts in shop.matches()
        }

    assert told(first) == told(second)


@pytest.mark.slow
def test_a_second_run_is_unchanged_and_has_the_same_digest(shops: Callable[[str], Shop]) -> None:
    shop = shops("shop")
    delivered(shop, drawn(3))
    settled = shop.match()
    runs = {row["run_id"] for row in shop.rows()}
    assert shop.match() == settled
    assert {row["run_id"] for row in shop.rows()} == runs


def test_reconciliations_of_one_claim_come_to_rest() -> None:
    """What one uses up sends the other to look again; when neither finds anything new, no run is made."""
    own = "".join(
        f'[[reconciliation]]\nid = "{name}"\nleft = {{ source = "a" }}\nright = {{ source = "{right}" }}\nrules = "generic"\n'
        for name, right in (("one", "b"), ("two", "c"))
    )
    facts = [invoice("i1", 100), invoice("i2", 50, day=40), line("b1", 100, "i1"), line("c1", 50, source="c", day=41)]
    with world("generic", *facts, reconciliations=own, sources=("a", "b", "c")) as w:
        for _ in range(3):
            w.match()
        assert [run.unchanged for run in w.match()] == [True, True]


def test_a_decision_between_makes_the_next_run_a_new_one(shops: Callable[[str], Shop]) -> None:
    shop = shops("shop")
    shop.deliver("invoices", [("RE-1001", "2026-10-01", "Meier", "10.00", "EUR")])
    shop.deliver("bank", [("B1", "2026-10-02", "10.00", "Meier", "RE-1001", "EUR")])
    before = shop.match()
    pipeline.undo(shop.store, shop.workspace, shop.match_id("RE-1001", "B1"), "no")
    assert shop.match() != before
    assert shop.matches() == set()


def test_finer_decimals_of_unrelated_rows_change_no_tolerance_and_no_reason() -> None:
    """A minor unit is the currency's own, however many digits another source carries."""
    keys = '[{ left = "external_id", right = "references", how = "exact" }]'
    rules = rules_text(rule(keys=keys, amount="{ minor = 1 }"))
    facts = [invoice("i", 1000), line("b", 999, "i")]
    fine = line("x", 12345678, exponent=6)
    for more in ([], [fine]):
        with world(rules, *facts, *more) as w:
            assert w.matched() == {frozenset({"i", "b"})}
            assert {a["reason"] for a in w.rows("adjustments")} == {"rounding"}
            assert broken(w) == []


def test_currencies_without_and_with_three_decimals_are_counted_in_their_own_units() -> None:
    keys = '[{ left = "external_id", right = "references", how = "exact" }]'
    rules = rules_text(rule(keys=keys, amount='{ abs = "1.5" }'))
    facts = [
        *(invoice("y", 1000, currency="JPY"), line("by", 999, "y", currency="JPY")),
        *(invoice("y2", 1000, currency="JPY"), line("by2", 998, "y2", currency="JPY")),
        *(invoice("k", 10_001, currency="KWD"), line("bk", 8_501, "k", currency="KWD")),
        *(invoice("k2", 10_001, currency="KWD"), line("bk2", 8_500, "k2", currency="KWD")),
        *(invoice("e", 100), line("be", 1_000_000, "e", exponent=6)),
    ]
    with world(rules, *facts) as w:
        assert w.matched() == {frozenset({"y", "by"}), frozenset({"k", "bk"}), frozenset({"e", "be"})}
        assert broken(w) == []


def test_a_match_of_a_corrected_record_is_reopened_by_the_next_run() -> None:
    facts = [invoice("i", 100), line("b", 100, "i"), invoice("j", 70), line("c", 70, "j")]
    with world("generic", *facts) as w:
        assert len(w.matched()) == 2
        w.correct("b", "b", amount=90)
        assert w.matched() == {frozenset({"j", "c"})}
        assert w.reasons() == {"i": "amount_difference", "b": "amount_difference"}
        w.correct("b", "b", amount=100)
        assert frozenset({"i", "b"}) in w.matched()
        w.withdraw("a", "j")
        assert w.matched() == {frozenset({"i", "b"})}
        assert broken(w) == []


def test_a_match_of_a_record_whose_text_was_corrected_stands_and_still_says_whose_it_is() -> None:
    with world("generic", invoice("i", 100), line("b", 100, "i")) as w:
        w.match()
        w.correct("b", "b", text="another purpose")
        assert w.matched() == {frozenset({"i", "b"})}
        assert {(p["external_id"], p["state"]) for p in w.positions()} == {("i", "matched"), ("b", "matched")}


@pytest.mark.parametrize(
    ("field", "how", "was", "now"),
    [
        pytest.param("their_account", "exact", "DE11 2233", "FR99 8877", marks=pytest.mark.deep),
        ("text", "normalised", "order 4711", "order 8150"),
        pytest.param("payment", "exact", "pay-4711", "PAY 4711", marks=pytest.mark.deep),
    ],
)
def test_a_match_is_reopened_where_what_its_rule_compared_was_corrected(
    field: str, how: str, was: str, now: str
) -> None:
    """The owner of the new identifier gets it, as in one run; another rule's field moves nothing."""
    name = {"their_account": "counterparty_account", "payment": "payment_id"}.get(field, field)
    keys = f'[{{ left = "{name}", right = "{name}", how = "{how}" }}]'
    weaker = rule("weaker", keys='[{ left = "external_id", right = "counterparty", how = "token" }]')
    facts: list[Fact] = [invoice("i", 100, **{field: was}), line("b", 100, **{field: was})]
    with world(rules_text(rule(keys=keys), weaker), *facts) as w:
        assert w.matched() == {frozenset({"i", "b"})}
        assert {r["provisional"] for r in w.rows()} == {False}
        first = {r["match_id"] for r in w.rows()}
        w.correct("b", "b", name="somebody else")
        w.match()
        assert {r["match_id"] for r in w.rows()} == first
        w.correct("b", "b", **{field: now})
        w.add(invoice("j", 100, **{field: now}))
        assert w.matched() == {frozenset({"j", "b"})}
        assert broken(w) == []


def test_days_back_and_forth_are_runs_of_their_own() -> None:
    """Also where there is no record at all to be claimed."""
    with world("generic") as w:
        w.add(invoice("order", 5, kind="order"))
        for day in (1, 2, 1):
            w.through = w.through.replace(day=day)
            w.match()


def test_the_order_of_rows_changes_nothing() -> None:
    lines = sales(60)
    facts = [*lines, *paid(lines), *others(30, 16)]
    digests = []
    for seed in range(3):
        random.Random(seed).shuffle(facts)
        with world(RULES, *facts) as w:
            digests.append(w.match(threads=seed + 1)[0].digest)
    assert len(set(digests)) == 1


@pytest.mark.slow
@few_worlds
@given(rules=rule_names().map(set_of) | st.just("open-items-to-bank"), drawn=facts(), data=st.data())
def test_the_order_of_rows_their_files_threads_and_batches_change_nothing(
    rules: str, drawn: list[Fact], data: st.DataObject
) -> None:
    """And a year later the same run has nothing to do."""
    with world(rules, *drawn) as w:
        (first,) = w.match(threads=1)
        stands = w.matches()
    otherwise = data.draw(st.permutations(drawn))
    cut = data.draw(st.integers(0, len(drawn)))
    at_once, threads = data.draw(st.sampled_from([1, 2, 1_000])), data.draw(st.integers(2, 4))
    with pytest.MonkeyPatch.context() as patch, world(rules, *otherwise[:cut]) as w:
        patch.setattr(outcome, "_SORTED_AT_ONCE", at_once)
        patch.setattr(parts, "_NAMED_AT_ONCE", at_once)
        w.add(*otherwise[cut:])
        (second,) = w.match(threads=threads)
        assert (second.digest, w.matches()) == (first.digest, stands)
        w.clock.advance(dt.timedelta(days=365))
        (later,) = w.match()
        assert (later.digest, w.matches()) == (first.digest, stands)
