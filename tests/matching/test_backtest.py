"""A back-test says what a rule set is worth by what is decided, and what would move; and it changes nothing."""

import random
from collections import Counter
from collections.abc import Sequence
from fractions import Fraction
from typing import Any

import pytest
from sqlalchemy import text as sql

from tests.matching.small_worlds import MENU, small_world
from tests.matching.worlds import Fact, World, invoice, line, rule, rules_text, world
from tieout import pipeline
from tieout.errors import WrongUse
from tieout.matching.backtesting.backtest import BackTest, Score, back_test
from tieout.matching.deciding.decide import take_back
from tieout.matching.grammar.reading import read_rules
from tieout.observe.exporting.exports import Filters
from tieout.observe.exporting.overview import overview

SEEDS = [0, *(pytest.param(seed, marks=pytest.mark.deep) for seed in range(1, 40))]
EXACT, NORMAL = rule("exact", reference="exact"), rule("normalised", reference="normalised")
AMOUNT = rule("amount", days="{ from = 0, to = 5 }")
ALL = rules_text(EXACT, NORMAL, AMOUNT)
FACTS = (
    *(invoice("RE-1", 100), line("b1", 100, "RE-1")),
    *(invoice("RE-2", 200), line("b2", 200, "re2")),
    *(invoice("X-3", 300), line("b3", 300)),
    *(invoice("X-4", 444), line("b4", 450)),
)


def tried(w: World, rules: str | None = None, limit: int | None = None) -> BackTest:
    """Hold rules (the active ones) against what the world decided."""
    own = w.workspace.reconciliations[0]
    chosen = (w.folder / "rules" / "own.toml").read_text() if rules is None else rules
    candidate = read_rules(chosen, "tried", folder=w.folder, claims=(own.left.claim, own.right.claim))
    return back_test(w.store, w.workspace, own, candidate, w.through, limit=limit)


def everything(w: World) -> tuple[list[str], dict[str, bytes]]:
    """Give all that the book says, and every file of the lake."""
    with w.store.book.engine.connect() as connection:
        tables = [
            r[0] for r in connection.execute(sql("select name from sqlite_master where type = 'table' order by 1"))
        ]
        book = [repr(row) for table in tables for row in connection.execute(sql(f'select * from "{table}"'))]
    return book, {str(p): p.read_bytes() for p in sorted(w.store.lake.root.rglob("*")) if p.is_file()}


def moved(found: BackTest, change: str) -> dict[tuple[str, str], tuple[int, int]]:
    return {(m["currency"], m["side"]): (m["items"], m["minor"]) for m in found.money if m["change"] == change}


def named(pairs: Sequence[dict[str, Any]]) -> set[tuple[str, str, str]]:
    return {(p["change"], p["left"]["external_id"], p["right"]["external_id"]) for p in pairs}


def test_the_active_rules_agree_with_their_own_exact_matches_and_move_nothing() -> None:
    with world(ALL, *FACTS) as w:
        w.match()
        found = tried(w)
        assert found.confirmed == Score(decided=2, found=2, wrong=0, open=1)
        assert (found.confirmed.precision, found.confirmed.recall) == ("1.0000", "1.0000")
        assert (found.money, found.moves, found.against) == ([], [], [])
        assert found.harmless
        assert not found.behind


@pytest.mark.parametrize("seed", SEEDS)
def test_whatever_the_history_the_active_rules_move_nothing(seed: int) -> None:
    """Facts come in three parts, each with a run: later ones fit what earlier ones matched, too."""
    draw = random.Random(seed)
    names = draw.sample(["exact", "normalised"], draw.randint(1, 2)) + draw.sample(sorted(MENU), 2)
    text = rules_text(*(rule(name, **MENU[name]) for name in dict.fromkeys(names)))
    smalls = [small_world(draw, number) for number in range(40)]
    parts: list[list[Fact]] = [[], [], []]
    for fact in (fact for small in smalls for fact in [*small.left, *small.right]):
        draw.choice(parts).append(fact)
    with world(text) as w:
        for part in parts:
            w.add(*part)
            w.match()
        found = tried(w)
        assert found.money == []
        assert found.moves_count == 0
        assert found.unasked == 0
        assert found.confirmed.found == found.confirmed.decided > 0
        assert found.confirmed.wrong == 0


@pytest.mark.parametrize("seed", SEEDS)
def test_a_back_test_counts_what_a_pencil_counts(seed: int) -> None:
    """Another rule set over the same facts, in a world of its own, held against all decisions by hand."""
    draw = random.Random(100 + seed)
    menu = [name for name in sorted(MENU) if "part" not in name]
    old, new = (
        rules_text(*(rule(name, **MENU[name]) for name in dict.fromkeys([first, *draw.sample(menu, 3)])))
        for first in ("exact", "normalised")
    )
    facts = [
        fact for number in range(40) for small in [small_world(draw, number)] for fact in [*small.left, *small.right]
    ]
    with world(old, *facts) as w, world(new, *facts) as other:
        w.match()
        other.match()
        final = sorted((m for m in pairs_of(w, final=True)), key=sorted)
        undone = set(draw.sample(final, min(len(final), 3)))
        ids = [bytes.fromhex(w.match_id(*{i for pair in match for i in pair})) for match in sorted(undone, key=sorted)]
        if ids:
            take_back(w.store, w.workspace, ids, "not so", "all of them")
        refused = {pair for match in undone for pair in match}
        decided = {pair for match in pairs_of(w, final=True) for pair in match}
        theirs = {pair for match in pairs_of(other) for pair in match}
        used = {one for pair in decided for one in pair}
        right = theirs & decided
        wrong = {pair for pair in theirs - decided if pair in refused or set(pair) & used}
        found = tried(w, new)
        assert found.confirmed == Score(len(decided), len(right), len(wrong), len(theirs - right - wrong))
        if decided:
            share = Fraction(len(right), len(decided))
            assert found.confirmed.recall == f"{int(share)}.{int(share * 10_000) % 10_000:04}"


def pairs_of(w: World, *, final: bool = False) -> set[frozenset[tuple[str, str]]]:
    """Give the pairs of each confirmed match (that is final)."""
    matches: dict[bytes, dict[str, list[str]]] = {}
    for row in w.rows():
        if row["status"] == "confirmed" and not (final and row["provisional"]):
            matches.setdefault(row["match_id"], {"left": [], "right": []})[row["side"]].append(row["external_id"])
    return {frozenset((a, b) for a in m["left"] for b in m["right"]) for m in matches.values()}


def test_what_a_set_gives_up_is_missed_and_no_longer_matched() -> None:
    with world(ALL, *FACTS) as w:
        w.match()
        found = tried(w, rules_text(EXACT))
        assert (found.confirmed.precision, found.confirmed.recall) == ("1.0000", "0.5000")
        assert named(found.against) == {("missed", "RE-2", "b2")}
        assert found.against[0]["today"] == "normalised"
        assert found.against[0]["instead"] == "no rule puts them together"
        assert moved(found, "no longer matched") == {("EUR", "left"): (2, 500), ("EUR", "right"): (2, 500)}
        assert named(found.moves) == {("no longer together", "RE-2", "b2"), ("no longer together", "X-3", "b3")}
        assert not found.harmless


def test_what_a_set_adds_is_newly_matched_in_each_currency() -> None:
    more = (
        *(invoice("Y-1", 1_000, currency="JPY"), line("c1", 1_000, "y1", currency="JPY")),
        *(invoice("Y-2", 10_001, currency="KWD"), line("c2", 10_001, "y2", currency="KWD")),
        *(invoice("Y-3", -77, kind="credit_note"), line("c3", -77, "y3")),
    )
    with world(rules_text(EXACT), *FACTS, *more) as w:
        w.match()
        found = tried(w, rules_text(EXACT, NORMAL))
        assert moved(found, "newly matched") == {
            (currency, side): figures
            for currency, figures in (("EUR", (2, 277)), ("JPY", (1, 1_000)), ("KWD", (1, 10_001)))
            for side in ("left", "right")
        }
        assert {m["amount"] for m in found.money} == {"2.77", "1000", "10.001"}
        assert found.harmless


def test_another_partner_and_another_amount_are_matched_differently() -> None:
    near = rule("near", reference="normalised", amount='{ pct = "10" }', difference='{ short = "discount" }')
    part = rule("part", keys='[{ left = "external_id", right = "references", how = "normalised" }]', partial="true")
    with world(rules_text(EXACT, near), invoice("RE-1", 1_000), line("b1", 950, "re1")) as w:
        w.match()
        found = tried(w, rules_text(EXACT, part))
        assert moved(found, "matched differently") == {("EUR", "left"): (1, 1_000)}
        assert found.moves_count == 0


@pytest.mark.deep
def test_what_a_person_took_back_speaks_against_a_set_that_would_do_it_again() -> None:
    with world(ALL, *FACTS) as w:
        w.match()
        w.undo(w.match_id("RE-2", "b2"))
        found = tried(w)
        assert found.confirmed == Score(decided=1, found=1, wrong=1, open=1)
        assert found.confirmed.precision == "0.5000"
        assert named(found.against) == {("wrong", "RE-2", "b2")}
        assert found.against[0]["today"] == "taken back by tester: not so"
        assert found.money == []
        assert not found.harmless


def test_an_undo_that_was_undone_speaks_against_nothing() -> None:
    with world(ALL, *FACTS) as w:
        w.match()
        w.undo(w.match_id("RE-2", "b2"))
        (undone,) = {
            row["ended_in"] for row in overview(w.store, w.workspace, "matches", Filters(history=True)).rows
        } - {None}
        w.undo(undone)
        assert tried(w).harmless


def test_proposals_are_judged_by_what_people_approved_and_rejected() -> None:
    perhaps = rules_text(EXACT, rule("perhaps", days="{ from = 0, to = 5 }", confirm="false"))
    with world(perhaps, *FACTS, invoice("X-5", 555), line("b5", 555)) as w:
        w.match()
        pipeline.judge(w.store, w.workspace, [w.match_id("X-3", "b3")], "he called", approved=True)
        pipeline.judge(w.store, w.workspace, [w.match_id("X-5", "b5")], "no", approved=False)
        found = tried(w)
        assert found.decided == {"by rule": 1, "approved": 1, "by hand": 0}
        assert found.confirmed == Score(decided=2, found=1, wrong=0, open=0)
        assert found.proposed == Score(decided=2, found=2, wrong=1, open=0)
        assert found.against[0]["instead"] == "only proposed by perhaps"
        assert (found.against_count, found.missed_count, found.harmless) == (1, 1, True)
        before = everything(w)
        sure = tried(w, rules_text(EXACT, rule("sure", days="{ from = 0, to = 5 }")))
        assert named(sure.against) == {("wrong", "X-5", "b5")}
        assert (sure.against_count, sure.missed_count, sure.harmless) == (1, 0, False)
        assert sure.against[0]["today"] == "rejected by tester: no"
        assert everything(w) == before


@pytest.mark.deep
def test_what_a_person_decided_otherwise_is_wrong_and_its_money_stays() -> None:
    with world(rules_text(EXACT), invoice("RE-1", 100), invoice("X-1", 100), line("b1", 100, name="A")) as w:
        w.match()
        w.resolve("X-1", "b1")
        w.match()
        found = tried(
            w, rules_text(EXACT, rule("in reach", days="{ from = 0, to = 1 }", left="{ kinds = ['invoice'] }"))
        )
        assert found.confirmed == Score(decided=1, found=0, wrong=0, open=0)  # two invoices fit: no answer
        w.add(line("b2", 200, "X-1"), invoice("X-2", 200))
        w.match()
        other = tried(w, rules_text(rule("any", reference="exact", amount='"any"', confirm="false"), rule("amount")))
        assert ("wrong", "RE-1", "b1") in named(other.against) or other.confirmed.found == 0
        assert moved(other, "no longer matched") == {}


def test_without_decisions_nothing_is_said_of_precision() -> None:
    with world(rules_text(AMOUNT), *FACTS) as w:
        w.match()
        found = tried(w)
        assert (found.confirmed.precision, found.confirmed.recall) == (None, None)
        assert not found.enough
        assert not found.harmless


@pytest.mark.deep
def test_a_later_line_that_fits_as_well_makes_no_old_match_wrong() -> None:
    with world(ALL, *FACTS) as w:
        w.match()
        w.add(line("b1 again", 100, "RE-1"))
        w.match()
        found = tried(w)
        assert (found.confirmed.found, found.earlier, found.money) == (2, 1, [])
        strict = tried(w, rules_text(NORMAL))
        assert (strict.confirmed.found, strict.earlier) == (2, 1)


@pytest.mark.deep
def test_a_match_of_a_record_that_was_corrected_is_not_judged() -> None:
    with world(rules_text(EXACT), *FACTS) as w:
        w.match()
        w.correct("b", "b1", amount=101)
        found = tried(w)
        assert (found.outdated, found.confirmed.decided, found.behind) == (1, 0, True)


@pytest.mark.deep
def test_the_lists_are_cut_and_counted() -> None:
    facts = [one for n in range(30) for one in (invoice(f"R{n}", 100 + n), line(f"b{n}", 100 + n, f"r{n}"))]
    with world(rules_text(NORMAL), *facts) as w:
        w.match()
        found = tried(w, rules_text(EXACT), limit=4)
        assert (len(found.against), found.against_count, len(found.moves), found.moves_count) == (4, 30, 4, 30)
        assert [p["left"]["external_id"] for p in found.against] == ["R0", "R1", "R10", "R11"]


@pytest.mark.deep
def test_several_records_of_one_match_are_pairs() -> None:
    several = rule("several", keys='[{ left = "external_id", right = "text", how = "token" }]', shape='"n:1"')
    facts = (invoice("RE-1001", 100), invoice("RE-1002", 50), line("b", 150, text="RE-1001 RE-1002"))
    with world(rules_text(EXACT), *facts) as w:
        w.match()
        w.resolve("b", "RE-1001", "RE-1002")
        w.match()
        found = tried(w, rules_text(EXACT, several))
        assert found.confirmed == Score(decided=2, found=2, wrong=0, open=0)
        assert Counter(found.decided) == Counter({"by hand": 1})


@pytest.mark.deep
def test_what_is_learned_is_tried_like_any_other_rule() -> None:
    words = ["alder", "birch", "cedar", "maple", "poplar", "willow", "linden", "juniper"]
    facts: list[Fact] = []
    for n in range(64):
        said = f"{words[n % 8]}{n} {words[n // 8 % 8]} store"
        facts += [invoice(f"i{n}", 1_000 + 13 * n, text=said, day=n % 20)]
        facts += [line(f"b{n}", 1_000 + 13 * n, text=said[:9], day=n % 20 + 1)]
    learned = rule("learned", learn='[{ left = "text", right = "text" }]', days="{ from = 0, to = 5 }")
    with world(rules_text(learned), *facts) as w:
        w.match()
        assert len(w.together()) == 64
        for n in range(3):
            w.undo(w.match_id(f"i{n}", f"b{n}"))
        found = tried(w)
        assert found.confirmed == Score(decided=0, found=0, wrong=3, open=61)
        assert found.money == []


@pytest.mark.deep
def test_it_is_asked_of_the_reconciliations_that_name_the_rules() -> None:
    two = "".join(
        f'[[reconciliation]]\nid = "{name}"\nleft = {{ source = "{left}" }}\nright = {{ source = "{right}" }}\nrules = "{rules}"\n'
        for name, left, right, rules in (("ab", "a", "b", "generic"), ("cb", "c", "b", "rules/own.toml"))
    )
    with world(rules_text(EXACT), *FACTS, sources=("a", "b", "c"), reconciliations=two) as w:
        w.match()
        asked = [found.reconciliation for found in pipeline.try_rules(w.store, w.workspace, "generic")]
        assert asked == ["ab"]
        with pytest.raises(WrongUse, match=r"--reconciliation NAME.*'intercompany'.*ab, cb"):
            list(pipeline.try_rules(w.store, w.workspace, "intercompany"))
        named_one = list(pipeline.try_rules(w.store, w.workspace, "generic", "cb"))
        assert [found.reconciliation for found in named_one] == ["cb"]


def test_a_day_is_needed() -> None:
    with world(rules_text(EXACT)) as w, pytest.raises(WrongUse, match="expected facts"):
        list(pipeline.try_rules(w.store, w.workspace, "rules/own.toml"))
