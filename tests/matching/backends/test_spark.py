"""Spark gives what DuckDB gives, row for row, without handing rows to the process that asks (law 8)."""

import json
import random
import shutil
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any

import duckdb
import pytest

from tests.matching.small_worlds import CURRENCIES, MENU, small_world
from tests.matching.test_left_to_later import PAPERS, TWO, charge, payout
from tests.matching.test_left_to_later import SOURCES as OF_PAPERS
from tests.matching.test_selections import (
    ANYBODY,
    EQUALS,
    FIFO,
    KEYED,
    MANY_PARTS,
    OF_ACCOUNTS,
    OF_ANYBODY,
)
from tests.matching.worlds import Fact, World, invoice, line, rule, rules_text, world
from tests.spark import insist_on_spark, quick_settings, standalone
from tests.store.outsiders import book_says, by_spark, catalog_of, published
from tieout import pipeline
from tieout.clock import system_clock, system_entropy
from tieout.config import load_workspace
from tieout.errors import WrongUse
from tieout.matching import run as running
from tieout.matching.backends.sessions import spark_session
from tieout.matching.backends.spark import Spark
from tieout.simulation.company import make_company
from tieout.store.engine import paths
from tieout.store.runs import results_at
from tieout.store.workplace import Store, open_store

TABLES = ("matches", "adjustments", "positions", "exceptions", "deferred")
#: What is performed by a process of Python, and where: on workers, in batches of columns.
WORKERS_PYTHON = ("MapInArrow", "FlatMapGroupsInArrow", "FlatMapCoGroupsInArrow")


@pytest.fixture(scope="module")
def spark_settings(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, str]]:
    insist_on_spark()
    with quick_settings(tmp_path_factory.mktemp("spark-conf")) as environment:
        yield environment


@pytest.fixture(scope="module")
def spark(spark_settings: dict[str, str]) -> Iterator[Any]:
    """Give a session of Spark in a process of this one."""
    assert spark_settings
    with spark_session("spark") as session:
        yield session


def run_files(store: Store, run_id: str) -> dict[tuple[str, bool], Any]:
    with store.book.reading() as connection:
        results = results_at(connection)
    return {(f.file.table_name, f.provisional): f.file for f in results.files if f.run_id == run_id}


def agree(one: Store, other: Store, runs: tuple[str, str]) -> None:
    """Compare what two runs wrote: EXCEPT both ways is empty, and so the digests are equal."""
    mine, theirs = run_files(one, runs[0]), run_files(other, runs[1])
    with closing(duckdb.connect()) as con:
        for key in mine.keys() & theirs.keys():
            here, there = paths([one.lake.full(mine[key].path)]), paths([other.lake.full(theirs[key].path)])
            for first, second in ((here, there), (there, here)):
                query = f"from read_parquet({first}) except from read_parquet({second}) limit 5"
                assert con.sql(query).fetchall() == [], key
    digests = [{key: (f.rows, f.digest) for key, f in files.items()} for files in (mine, theirs)]
    assert digests[0] == digests[1]


def agree_on(spark: Any, text: str, facts: Sequence[Fact], rates: str = "") -> set[str]:
    """Run one world on both engines; gives the rules that found something."""
    with world(text, *facts) as mine, world(text, *facts) as theirs:
        for one in (mine, theirs) if rates else ():
            (one.folder / "rates").mkdir()
            (one.folder / "rates" / "r.csv").write_text(rates)
        ours, other = mine.match()[0], theirs.match(session=spark)[0]
        agree(mine.store, theirs.store, (ours.run_id, other.run_id))
        assert (ours.digest, ours.counts, ours.run_id) == (other.digest, other.counts, other.run_id)
        assert ours.counts["matches"] + ours.counts["proposed"] > 0
        return {match.rule for match in mine.matches()}


def drawn(seed: int, worlds: int) -> list[Fact]:
    draw = random.Random(seed)
    smalls = [small_world(draw, number) for number in range(min(worlds, len(CURRENCIES)))]
    return [fact for small in smalls for fact in [*small.left, *small.right]]


SUBSET = rule(
    "several", keys='[{ left = "counterparty", right = "counterparty", how = "name" }]', shape='"n:1"', subset="true",
    days="{ from = -2, to = 3 }", coincidence='"0.5"',
)  # fmt: skip
PREFIX = rule("cut off", keys='[{ left = "external_id", right = "references", how = "prefix" }]')
BASE = rule(
    "in the other currency", reference="normalised", amount='{ pct = "1", base = true }',
    difference='{ short = "discount", over = "over_payment", currency = "fx" }',
)  # fmt: skip


#: Ways to write one thing that are asked of the workers as functions, and pools that are settled there.
SPELLED = rule(
    "as it is called", keys='[{ left = "counterparty", right = "counterparty", how = "name", letters = "german" }]',
    days="{ from = 0, to = 2 }",
)  # fmt: skip
DROPPED = rule(
    "less what one lacks",
    keys='[{ left = "external_id", right = "references", how = "normalised", drop = { left = { prefix = "INV" }, right = { last = 1 } } }]',
)
ALIAS = '[[alias]]\nleft = "Sunrise Retail"\nright = "SRX Holding"\n'
NETS = rule(
    "comes to nothing", keys='[{ left = ["external_id", "references"], how = "normalised" }]', shape='"net"',
    amount='{ abs = "0.02" }', days="{ from = 0, to = 30 }",
)  # fmt: skip
SENT_BACK = rule(
    "sent back", keys='[{ right = ["external_id", "text"], how = "token" }]', shape='"reversal"', days="{ from = 0, to = 9 }",
    confirm="false",
)  # fmt: skip
IN_A_ROW = rule("in a row", shape='"n:1"', consecutive="true", days="{ from = 0, to = 9 }")
TOGETHER = rule("all together", **MENU["points"], together="true")


def spelled_and_pooled() -> list[Fact]:
    """Give what only those rules find, in currencies that no drawn world has, and what they leave unclear."""
    draw = random.Random(5)
    *_, pounds, marks, crowns = CURRENCIES
    sales = [invoice(f"ch-{n}", draw.randint(500, 90_000), currency=pounds, day=n // 4) for n in range(40)]
    gone = sales[25]
    runs = [sales[n : n + 8] for n in range(0, 40, 8)]
    bank = [line(f"po-{k}", sum(f.amount for f in run), currency=pounds, day=run[-1].day) for k, run in enumerate(runs)]
    known: dict[str, Any] = {"currency": marks, "day": 1}
    names = [
        invoice("s-1", 777, name="Sunrise Retail", **known), line("t-1", 777, name="SRX Holding", **known),
        invoice("s-2", 888, name="Bäckerei Sommer", **known), line("t-2", 888, name="BAECKEREI SOMMER", **known),
        invoice("INV-00417", 999, **known), line("t-3", 999, "004175", **known),
        invoice("s-4", 123_401, name="Quill Verlag", **known), invoice("s-5", 43_217, name="Quill Verlag", **known),
        line("t-4", 166_618, name="Quill Verlag", currency=marks, day=0),
        # What settles within a side, and what only a part of would.
        invoice("NI-1", 444, **known), invoice("NC-1", -404, kind="credit_note", refs=("NI-1",), **known),
        invoice("NC-2", -42, kind="credit_note", refs=("ni 1",), **known),
        *(invoice(f"NP-{n}", amount, refs=("NP-9",), **known) for n, amount in enumerate((100, 250, -350, 70))),
        line("NTRF-1", -222, **known), line("b-22", 222, text="back NTRF-1", currency=marks, day=4),
        *(line(f"b-3{n}", (-1) ** n * 333, text="NTRF-9", currency=marks, day=n) for n in range(3)), line("NTRF-9", 9, **known),
    ]  # fmt: skip
    rivals = [
        fact(f"{fact.__name__}-{n}", 1_000, currency=crowns, day=2 * n + later, name="Quist AB")
        for fact, later in ((invoice, 0), (line, 2))
        for n in range(3)
    ]
    tied = [
        fact(f"{fact.__name__}-t{n}", 500, currency=crowns, name="Xylo") for n in range(2) for fact in (invoice, line)
    ]
    return [*(f for f in sales if f is not gone), *bank, *names, *rivals, *tied]


@pytest.mark.deep
@pytest.mark.timeout(1800)
@pytest.mark.parametrize("name", sorted(MENU))
def test_each_rule_by_itself_finds_the_same(spark: Any, name: str) -> None:
    agree_on(spark, rules_text(rule(name, **MENU[name])), drawn(sorted(MENU).index(name) + 10, 60))


@pytest.mark.deep
@pytest.mark.timeout(1800)
@pytest.mark.parametrize("name", ["generic", "intercompany"])
def test_the_sets_that_no_simulated_company_uses_find_the_same(spark: Any, name: str) -> None:
    sign = -1 if name == "intercompany" else 1
    facts = drawn(3, 60)
    agree_on(spark, name, [replace(f, kind="invoice", amount=sign * f.amount) if f.source == "b" else f for f in facts])


@pytest.mark.deep
@pytest.mark.timeout(900)
@pytest.mark.parametrize(
    ("text", "facts"), [(KEYED, [*OF_ACCOUNTS, *MANY_PARTS]), (ANYBODY, OF_ANYBODY), (FIFO, EQUALS)]
)
def test_selections_and_what_is_too_many_are_the_same(spark: Any, text: str, facts: Sequence[Fact]) -> None:
    agree_on(spark, text, facts)


@pytest.mark.deep
@pytest.mark.timeout(900)
def test_what_an_earlier_reconciliation_said_is_said_the_same(spark: Any) -> None:
    papers = [invoice("RE-90001", 10_000, due=400), invoice("RE-90002", 10_000, due=400, name="Anna Berger")]
    charges = [charge(f"ch_{n}", 12_000 + n, "RE-90001", day=1 + n) for n in range(2)]
    others = [charge("ch_9", 10_000, name="Pavel Huber", day=3), line("b0", 7_000, text="rent", day=3)]
    runs = []
    for session in (None, spark):
        with world("generic", *papers, *charges, *others, sources=OF_PAPERS, reconciliations=PAPERS) as w:
            found = w.match(session=session)
            assert w.reasons()["RE-90001"] == "amount_difference"
            runs.append([(one.digest, one.run_id, one.counts) for one in found])
    assert runs[0] == runs[1]


def test_what_came_back_is_told_the_same(spark: Any) -> None:
    sold = [invoice(f"c{n}", 500, kind="charge", settlement=f"PAYOUT-{n}", day=n) for n in (1, 2)]
    paid = [invoice(f"PAYOUT-{n}", -500, kind="payout", settlement=f"PAYOUT-{n}", day=n) for n in (1, 2)]
    back = [
        invoice("TXN-8", 500, kind="payout_reversal", day=5),
        invoice("TXN-9", 500, kind="payout_reversal", day=4, parent="PAYOUT-1"),
    ]
    told = []
    for session in (None, spark):
        with world("payout-to-bank", *sold, *paid, *back, line("b", 77, text="rent", day=3)) as w:
            w.match(session=session)
            told.append(w.reasons())
    assert told[0] == told[1]
    assert sorted(told[0].values()) == ["missing_left", *["returned"] * 4]


@pytest.mark.deep
@pytest.mark.timeout(900)
def test_what_speaks_against_a_match_does_so_there_too(spark: Any) -> None:
    """Names elsewhere, names of a platform, bare numbers, entities, sweeps, fees and reversals, each with and without."""
    papers = [invoice("RE-90001", 5_000), invoice("10115", 90_000, name="Meier GmbH"), invoice("INV-7003", 11_900)]
    papers += [invoice("RE-90002", 700, refs=("ch_5001",)), invoice("RE-90003", 800, entity="beta")]
    payouts = [payout(f"po_R1000{n}", amount, day=1) for n, amount in enumerate((5_000, 7_000, 6_100, 6_200, 6_300))]
    cards = [charge(f"ch_{n}", 700, "RE-90002", day=n) for n in range(1)]
    cards.append(replace(charge("dr_0", 700, "RE-90002", day=4), kind="dispute_reversal"))
    stripe = {"name": "Stripe Technology Europe", "day": 2}
    lines = [
        line("k0", 5_000, text="Rechnung RE-90001", day=4),
        line("k1", 7_000, text="po_R10001", **stripe),
        line("k2", 6_100, text="Auszahlung", **stripe),
        line("k3", 6_200, text="Miete", name="Hans Mieter", day=2),
        line("k4", 6_300, text="po_R10004", day=2, bank_code="CAMT-ACCB-SWEP"),
        line("k5", 2_000, text="10115 BERLIN", name="Allianz", day=3),
        line("k6", 11_662, text="INV-7003 2% Skonto", day=2),
        line("k7", -150, text="Entgelt zu INV-7003", day=2),
        line("k8", 800, text="RE-90003", day=2),
    ]
    more: dict[str, Any] = {
        "sources": OF_PAPERS,
        "reconciliations": TWO + PAPERS.split('[[reconciliation]]\nid = "receipts')[0],
    }
    more["extra"] = '[[entity]]\nid = "beta"\ncurrency = "EUR"\n'
    runs = []
    for session in (None, spark):
        with world("generic", *papers, *payouts, *cards, *lines, **more) as w:
            runs.append([(one.digest, one.run_id, one.counts) for one in w.match(session=session)])
            pairs = [
                ("po_R10001", "k1"),
                ("po_R10002", "k2"),
                ("RE-90001", "k0"),
                ("INV-7003", "k6"),
                ("RE-90002", "ch_0"),
            ]
            assert w.together() == {frozenset(pair) for pair in pairs}
    assert runs[0] == runs[1]


@pytest.mark.deep
@pytest.mark.timeout(900)
def test_other_numbers_batches_and_halves_that_differ_speak_the_same(spark: Any) -> None:
    papers = [invoice("RE-2001", 33_300, name="Kranz AG", day=1, due=2), invoice("10115", 90_000, day=1, due=2)]
    papers += [invoice("RE-70001", 800, entity="beta", due=2), invoice("AB-1", 30_000, name="Wolf", day=1, due=2)]
    papers += [invoice("RE-3001", 4_400, name="Meier", day=1, due=2)]
    lines = [
        line("k1", 33_300, text="Miete RE-2002", name="Kranz AG", day=3),
        line("k2", 2_000, text="Ticket B10115", day=3),
        line("k3", 800, text="RE-70001", day=3),
        line("E1", 30_000, day=4),
        line("d1", 10_000, text="Anzahlung", name="Meier", kind="bank_detail", parent="E1", day=4),
        line("d2", 20_000, text="Anzahlung", kind="bank_detail", parent="E1", day=4),
        line("k4", 4_400, text="danke", name="Meier", day=3),
    ]
    more = '[[entity]]\nid = "beta"\ncurrency = "EUR"\n'
    ab = '[[reconciliation]]\nid = "ab"\nleft = { source = "a" }\nright = { source = "b" }\nrules = "open-items-to-bank"\n'
    moved = [
        invoice("ch_1", 10_000, kind="charge", settlement="BAT1"),
        invoice("bt_1", -10_000, kind="balance_transfer", settlement="BAT1", day=1),
        invoice("bt_2", 9_000, kind="balance_transfer", settlement="BAT2", day=2),
        invoice("ch_2", 5_000, kind="charge", settlement="BAT2", day=2),
        line("k1", 14_000, text="BAT2", day=4),
        invoice("po_10001", -700, kind="payout", day=1),
        line("k2", 700, text="po_10002", day=2),
    ]
    items: tuple[Any, ...] = ("open-items-to-bank", [*papers, *lines], {"extra": more, "reconciliations": ab})
    payouts: tuple[Any, ...] = ("payout-to-bank", moved, {})
    for (rules, facts, options), reasons in (
        (items, {"k1": "other_number", "k2": "amount_difference", "k3": "other_company", "E1": "same_amount"}),
        (payouts, {"bt_1": "amount_difference", "k2": "other_number"}),
    ):
        runs = []
        for session in (None, spark):
            with world(rules, *facts, **options) as w:
                runs.append([(one.digest, one.run_id, one.counts) for one in w.match(session=session)])
                told = {row["external_id"]: json.loads(row["candidates"]) for row in w.exceptions()}
                assert {name: [one["why"] for one in told[name]] for name in reasons} == {
                    name: [why] for name, why in reasons.items()
                }
        assert runs[0] == runs[1]


@pytest.mark.deep
@pytest.mark.timeout(900)
def test_what_was_matched_corrected_and_undone_before_counts_the_same(spark: Any) -> None:
    """A second run reads what stands, what was superseded, what a person took apart: from the files, on the workers."""
    text = rules_text(rule("number", reference="normalised"), rule("amount", days="{ from = 0, to = 9 }"))
    facts = [invoice(f"RE-{n}", 100 + n, day=n % 3, name="Meier") for n in range(12)]
    facts += [line(f"b{n}", 100 + n, f"RE-{n}" if n % 2 else "", day=n % 3 + 1) for n in range(12)]
    runs = []
    with world(text, *facts) as mine, world(text, *facts) as theirs:
        for w, session in ((mine, None), (theirs, spark)):
            w.match(session=session)
            w.undo(w.match_id("RE-3", "b3"))
            w.correct("a", "RE-5", amount=999)
            w.add(invoice("RE-90", 41), line("b90", 41, "RE-90", day=1), line("b91", 999, "RE-5", day=2))
            runs.append(w.match(session=session)[0])
        agree(mine.store, theirs.store, (runs[0].run_id, runs[1].run_id))
        assert runs[0].digest == runs[1].digest
        assert mine.matches() == theirs.matches()


@pytest.mark.deep
def test_keys_are_verified_and_beginnings_found_the_same(spark: Any) -> None:
    ids = '[{ left = "references", right = "references", how = "normalised" }]'
    cut = '[{ left = "external_id", right = "references", how = "prefix" }]'
    near = '{ abs = "0.10" }'
    text = rules_text(
        rule("by number", keys=ids),
        rule("all of a number", keys=ids, shape='"n:m"'),
        rule("in words", keys='[{ left = "external_id", right = ["references", "text"], how = "token" }]', amount=near),
        rule("cut off", keys=cut, amount=near),
    )
    forged = "ADNNWTWSZ30W4DDL"  # has the key of INV-2026-1001
    facts = [
        *(invoice("f1", 11900, refs=("INV-2026-1001",)), line("f2", 11900, forged)),
        *(invoice("h1", 500, refs=("INV-5",)), line("h2", 500, "inv 5")),
        *(invoice("g1", 700, refs=("inv 77",)), line("g2", 300, "INV-77"), line("g3", 400, "INV-77")),
        *(invoice("RE-2026-5", 950, day=60), line("w", 945, text="pays re 2026/5 thanks", day=60)),
        *(invoice("RE-888-12345", 5000, day=70), line("c", 4995, "RE888123", day=70)),
    ]
    assert agree_on(spark, text, facts) == {"by number", "all of a number", "in words", "cut off"}


@pytest.mark.deep
def test_twins_accidents_and_decimals_count_the_same(spark: Any) -> None:
    """What is thinned out, counted from both sides, and counted apart."""
    days, near = "{ from = 0, to = 1 }", '{ abs = "0.10" }'
    text = rules_text(
        rule("points", **MENU["points"]),
        rule("unnamed", days=days, amount=near, score="{ amount = 50, days = 50 }", at_least="60", coincidence='"1"'),
    )
    twins = {"name": "Amazon Payments"}
    large = 2_000_000_000_000
    facts = [
        *(make(f"{mark}{n}", 3300, **twins) for make, mark in ((invoice, "t"), (line, "u")) for n in range(9)),
        *(invoice("n1", 123_400, day=30), line("n2", 123_405, day=30)),
        *(invoice("large", large, currency="IDR", day=40), line("l2", large, currency="IDR", day=40)),
        line("fine", 123_456_789, exponent=9, currency="IDR"),
    ]
    assert agree_on(spark, text, facts) == {"unnamed"}


@pytest.mark.deep
def test_what_two_currencies_are_worth_counts_the_same(spark: Any) -> None:
    """Points, accidents, what came by itself; and what one identifier, or two, name together."""
    names = '[{ left = "counterparty", right = "counterparty", how = "name" }]'
    numbers = '[{ left = "external_id", right = "text", how = "token" }]'
    text = rules_text(
        rule("all", keys='[{ left = "references", right = "references", how = "normalised" }]', shape='"n:m"'),
        rule("number", keys=numbers, amount='{ pct = "3", base = "apart" }', difference='{ currency = "fx" }'),
        rule("sums", keys=numbers, shape='"n:1"'),
        rule(
            "points", keys=names, amount='{ abs = "5", base = true }', days="{ from = 0, to = 9 }",
            score="{ amount = 40, days = 30, name = 30 }", at_least="60", coincidence='"1"',
        ),
    )  # fmt: skip
    facts = [
        invoice("i1", 160_000, currency="JPY", name="Meier"), line("b1", 99_900, name="Meier"),
        invoice("i2", 330_000, currency="KWD", name="Kranz AG"), line("b2", 100_490, name="Kranz AG"),
        invoice("i3", 5_000, currency="GBP", name="Wolf"), line("b3", 5_000, currency="GBP", name="Wolf"),
        invoice("RE-90001", 10_000), *(line(f"c{n}", one, text="RE-90001", currency="USD") for n, one in enumerate((10_700, 300))),
        invoice("RE-90002", 20_000), line("d", 21_900, text="RE-90002", currency="USD"),
        invoice("RE-90003", 7_000), invoice("RE-90004", 700), line("e", 7_700, text="RE-90003 RE-90004", day=1),
        line("f", 90, text="RE-90003", day=3),
        *(invoice(f"n{n}", one, refs=("PO-1", "LS-1")) for n, one in enumerate((100, 200))),
        *(line(f"m{n}", one, "PO-1", "LS-1") for n, one in enumerate((250, 50))),
    ]  # fmt: skip
    rates = "date,base,quote,rate\n2026-09-28,EUR,JPY,160\n2026-09-28,EUR,KWD,0.33\n2026-09-28,EUR,USD,1.1\n"
    assert agree_on(spark, text, facts, rates) == {"all", "number", "points"}


@pytest.mark.deep
@pytest.mark.timeout(900)
def test_who_came_next_which_bound_was_hit_and_what_is_farther_off_are_told_the_same(spark: Any) -> None:
    """With points for business days, check digits, and zeros that lead a number; of a settlement of several lines, too."""
    names = '[{ left = "counterparty", right = "counterparty", how = "name" }]'
    given = 'how = "normalised", letters = ["nordic"], drop = { left = { prefix = "RE", zeros = true }, right = { prefix = "RE", check = "luhn" } }'
    text = rules_text(
        rule("checked", keys=f'[{{ left = "external_id", right = "references", {given} }}]'),
        rule(
            "points", keys=names, days='{ from = -9, to = 9, calendar = "ECB" }', amount='{ abs = "0.50" }',
            score="{ amount = 40, days = 30, name = 30 }", at_least="85", margin="1",
        ),
        rule("abroad", keys=names, amount='{ abs = "5", base = "apart" }', days="{ from = 0, to = 9 }"),
        rule("several", keys=names, shape='"n:1"', subset="true"),
    )  # fmt: skip
    facts = [
        invoice("RE-007992739871", 900), line("k", 900, "RE-79927398713", day=9),
        invoice("i", 10_000, name="Meier", day=1), *(line(f"b{n}", 10_000 + n // 2, name="Meier", day=4) for n in (1, 2, 3)),
        *(invoice(f"p{n}", 1000 + 7 * n, name="Otto", day=40) for n in range(61)), line("q", 2_107, name="OTTO", day=40),
        invoice("f1", 77_700), line("f2", 77_700, day=60),
        invoice("g1", 55_500, name="Kranz AG", day=20), line("g2", 40_000, name="Kranz AG", day=22),
        invoice("h1", 33_300, day=30), line("h2", 33_333, day=30),
        invoice("j1", 160_000, currency="JPY", name="Wolf", day=10), line("j2", 94_000, name="Wolf", day=12),
    ]  # fmt: skip
    rates = "date,base,quote,rate\n2026-10-05,EUR,JPY,160\n"
    assert agree_on(spark, text, facts, rates) == {"checked", "points"}
    settled = rules_text(
        rule("points", days="{ from = -3, to = 3 }", amount='{ abs = "0.50" }', score="{ amount = 40, days = 30 }", at_least="10", margin="1"),
        claims='{ left = "settlement", right = "bank" }', group='{ left = "settlement_id" }',
    )  # fmt: skip
    sold = [
        Fact(source="a", id=f"{name}{n}", amount=5_000 + n, kind="charge", settlement=name, day=day)
        for day, name in enumerate(("S1", "S2"))
        for n in range(2)
    ]
    assert agree_on(spark, settled, [*sold, line("b1", 10_001), line("b2", 10_003, day=2)]) == {"points"}


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_no_row_comes_to_the_process_that_asks(spark: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """Reads the physical plan of every query, counts what is handed over, and takes DuckDB away."""
    plans: list[tuple[str, str]] = []
    handed: list[int] = []

    class Watched(Spark):
        def arrow(self, query: Any) -> Any:
            table = super().arrow(query)
            handed.append(table.num_rows)
            return table

    def heard(what: str, frame: Any) -> None:
        plans.append((what, frame._jdf.queryExecution().executedPlan().toString()))

    def refuse(*_given: Any, **_more: Any) -> None:
        raise AssertionError

    facts = [invoice(f"RE-{n}", 100 + n % 40, day=n % 5, name=f"Kunde {n % 9}") for n in range(1_500)]
    facts += [
        line(f"b{n}", 100 + n % 40, f"RE-{n}" if n % 3 else "", day=n % 5, name=f"Kunde {n % 9}") for n in range(1_500)
    ]
    text = rules_text(rule("number", reference="normalised"), SUBSET, IN_A_ROW, TOGETHER, rule("pts", **MENU["points"]))
    with world(text, *facts) as w:
        monkeypatch.setattr(running, "Spark", lambda session, place: Watched(session, place, heard))
        monkeypatch.setattr(duckdb, "connect", refuse)
        found = w.match(session=spark)[0].counts
    assert found["matches"] >= 1_000
    assert sum(handed) < 100  # days, currencies, states: of 3,000 records
    assert {what for what, _ in plans} == {"counted", "kept", "numbered", "small", "written"}
    assert any(node in plan for _, plan in plans for node in WORKERS_PYTHON)
    lake = w.store.lake.root.resolve().as_uri().replace("file://", "file:")
    for what, plan in plans:
        nodes = [name.strip(" +-:*()0123456789|") for name in plan.splitlines() if name.strip()]
        assert not any(n.startswith(("Collect", "BatchEvalPython", "ArrowEvalPython")) for n in nodes), plan
        assert not any("Python" in n or "Arrow" in n for n in nodes if not n.startswith(WORKERS_PYTHON)), plan
        assert "duckdb" not in plan.lower()
        if what in {"kept", "numbered"}:
            assert all(lake in n for n in nodes if n.startswith("FileScan")), plan


def test_a_rule_that_spark_cannot_perform_is_refused_by_name_before_anything_runs(tmp_path: Path) -> None:
    learns = rule("learned", learn='[{ left = "text", right = "text" }]', amount='"exact"', days="{ from = 0, to = 9 }")
    with closing_world(tmp_path, rules_text(learns)) as w:
        with pytest.raises(WrongUse, match=r"got 'learned' of ab with 'learn'.*--engine duckdb"):
            list(pipeline.match(w.store, w.workspace, engine="spark"))
        with w.store.book.reading() as connection:
            assert results_at(connection).sequence == 0


def test_an_engine_that_does_not_exist_is_refused(tmp_path: Path) -> None:
    with closing_world(tmp_path, "generic") as w, pytest.raises(WrongUse, match="expected the engine duckdb, spark or"):
        list(pipeline.match(w.store, w.workspace, engine="polars"))


def closing_world(folder: Path, text: str) -> "closing[World]":
    return closing(World(folder / "w", text))


# -- a master and workers


#: How many rows each side and each reconciliation has together where both engines are held against each other.
MANY = 100_000
#: Every operator of the language in one set: what looks at amounts only comes last.
OPERATORS = (
    NETS, SENT_BACK, PREFIX, DROPPED, SPELLED, ALIAS, IN_A_ROW, TOGETHER, SUBSET, BASE,
    *(rule(name, **MENU[name]) for name in sorted(MENU, key=lambda name: "keys" not in MENU[name])),
)  # fmt: skip


def crowd(seed: int, rows: int, left: str, right: str) -> list[Fact]:
    """Draw small worlds until there are so many facts, in the currencies that no other fact here has."""
    draw, number = random.Random(seed), 0
    facts: list[Fact] = []
    while len(facts) < rows:
        small = small_world(draw, number, len(CURRENCIES) - 3)
        facts += [replace(f, source=left) for f in small.left] + [replace(f, source=right) for f in small.right]
        number += 1
    return facts


def both_engines(places: tuple[Path, Path], master: str, environment: dict[str, str]) -> None:
    """Run every reconciliation of two equal workspaces, one on each engine, as a user does; what they write is equal."""
    said = []
    for place, engine in zip(places, ("duckdb", master), strict=True):
        command = [sys.executable, "-m", "tieout", "match", "--engine", engine, "--workspace", str(place), "--json"]
        done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
        assert done.returncode in {0, 1}, done.stderr[-3000:]
        said.append(json.loads(done.stdout)["runs"])
    stores = [open_store(load_workspace(place), system_clock, system_entropy, "tester") for place in places]
    try:
        for ours, theirs in zip(*said, strict=True):
            agree(stores[0], stores[1], (ours["run_id"], theirs["run_id"]))
            assert {**ours, "seconds": None} == {**theirs, "seconds": None}
        assert not list((stores[1].lake.root / "on-the-way").iterdir())
    finally:
        for store in stores:
            store.close()


@pytest.mark.timeout(3600)
@pytest.mark.parametrize("rows", [2_000, pytest.param(MANY, marks=pytest.mark.deep)])
def test_a_master_and_two_workers_find_the_same_by_every_operator(
    spark_settings: dict[str, str], tmp_path: Path, rows: int
) -> None:
    """And by the rule sets that no simulated company uses: ``generic`` and ``intercompany``."""
    sets = {"operators": "rules/own.toml", "generic": "generic", "intercompany": "intercompany"}
    sides = {name: (f"{name[0]}1", f"{name[0]}2") for name in sets}
    reconciliations = "".join(
        f'[[reconciliation]]\nid = "{name}"\nleft = {{ source = "{left}" }}\nright = {{ source = "{right}" }}\n'
        f'rules = "{sets[name]}"\n'
        for name, (left, right) in sides.items()
    )
    facts = [*crowd(1, rows, *sides["operators"]), *crowd(2, rows, *sides["generic"])]
    facts += [replace(f, source="o1" if f.source == "a" else "o2") for f in spelled_and_pooled()]
    facts += [
        replace(f, kind="invoice", amount=-f.amount if f.source == "i2" else f.amount)
        for f in crowd(3, rows, *sides["intercompany"])
    ]
    one = tmp_path / "one"
    options: dict[str, Any] = {
        "sources": [source for pair in sides.values() for source in pair],
        "reconciliations": reconciliations,
    }
    with closing(World(one, rules_text(*OPERATORS), **options)) as w:
        w.add(*facts)
    other = Path(shutil.copytree(one, tmp_path / "other"))
    with standalone(Path(spark_settings["SPARK_CONF_DIR"])) as master:
        both_engines((one, other), master, spark_settings)
    with closing(World(one, rules_text(*OPERATORS), **options)) as w:
        found = {match.rule for match in w.matches()}
    assert found >= {"in a row", "all together", "less what one lacks", "as it is called", "several"}
    assert found >= {"comes to nothing", "sent back"}
    assert len(found & MENU.keys()) >= len(MENU) // 2  # what each finds is up to the draw


@pytest.mark.deep
@pytest.mark.timeout(3600)
def test_a_master_and_two_workers_find_the_same_in_a_company(spark_settings: dict[str, str], tmp_path: Path) -> None:
    """By the rule sets invoice-to-payment, payout-to-bank (twice), open-items-to-bank and bank-to-ledger."""
    one = tmp_path / "one"
    make_company(one, seed=2026, size=MANY)
    workspace = load_workspace(one)
    with closing(open_store(workspace, system_clock, system_entropy, "tester")) as store:
        for source in workspace.sources:
            list(pipeline.ingest(store, workspace, None, source.id))
    other = Path(shutil.copytree(one, tmp_path / "other"))
    with standalone(Path(spark_settings["SPARK_CONF_DIR"])) as master:
        both_engines((one, other), master, spark_settings)


def test_spark_reads_of_the_open_view_what_the_book_says(spark: Any) -> None:
    """Here, because starting Spark takes longer than all that this asks of it."""
    facts = (invoice("i-1", 100, refs=("i-1", "x")), line("b1", 100, "i-1"), invoice("i-2", 200), line("b2", 7))
    with world("generic", *facts) as w:
        w.match()
        w.correct("a", "i-2", amount=201)
        w.undo(w.match_id("i-1", "b1"))
        w.match()
        w.resolve("b2", "i-2", difference="write_off")
        published(w.store)
        said = book_says(w.store)
        assert {name for name, rows in said.items() if rows} == {"records", "matches", "adjustments"}
        assert by_spark(catalog_of(w.store), spark) == said
