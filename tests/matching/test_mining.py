"""What people decided is recovered as a rule, a normalisation or an alias; what contradicts a decision is not proposed."""

from typing import Any

import pytest

from tests.matching.test_backtest import everything, tried
from tests.matching.worlds import Fact, World, invoice, line, rule, rules_text, world
from tieout import pipeline
from tieout.matching.deciding.decide import HandMatch, match_by_hand
from tieout.matching.grammar.reading import read_rules
from tieout.matching.mining.mine import Mined, Proposal, mine_rules, proposed_text

EXACT = rules_text(rule("same reference", reference="exact"))


def mined(w: World, least: int = 3) -> Mined:
    return mine_rules(w.store, w.workspace, w.workspace.reconciliations[0], w.through, least=least)


def by_hand(w: World, pairs: list[tuple[str, ...]], **how: Any) -> None:
    """Let a person match what the rules left, and run once behind it."""
    w.match()
    own = w.workspace.reconciliations[0]
    ids = {row["external_id"]: row["record_id"] for row in w.records()}
    for names in pairs:
        left, right = (tuple(ids[n] for n in names if n.startswith("b") is lines) for lines in (False, True))
        match_by_hand(w.store, w.workspace, own, HandMatch(left=left, right=right, **how), "seen")
    w.match()


def told(proposals: list[Proposal]) -> list[tuple[str, str, int, int, int]]:
    return [(p.kind, p.what, p.supports, p.against, p.opens) for p in proposals]


def spelled(left: str, right: str, count: int, **more: Any) -> list[Fact]:
    """Give documents and lines; ``#`` in their ids stands for a number."""
    facts = []
    for n in range(count):
        number, amount = str(1001 + n), 1_000 + 17 * n
        facts.append(invoice(left.replace("#", number), amount, **more))
        facts.append(line(f"b{n}", amount, right.replace("#", number), **more))
    return facts


FAMILIES = [
    ("INV#", "#", "external_id without INV in front is references"),
    ("RE-#", "re #", "external_id is references, spelled otherwise"),
    ("00#", "#", "external_id is references, spelled otherwise"),
    ("#", "00AR-#", "external_id is references without AR in front"),
    ("#-DE", "#", "external_id without DE behind is references"),
    ("INV#", "RE#", "external_id without INV in front is references without RE in front"),
    ("Grün-#", "GRUEN #", "external_id is references, german letters"),
]


@pytest.mark.parametrize(
    ("left", "right", "what"), [FAMILIES[0], *(pytest.param(*f, marks=pytest.mark.deep) for f in FAMILIES[1:])]
)
def test_a_normalisation_is_recovered_and_finds_what_is_open(left: str, right: str, what: str) -> None:
    with world(EXACT, *spelled(left, right, 6)) as w:
        by_hand(w, [(left.replace("#", str(1001 + n)), f"b{n}") for n in range(4)])
        before = everything(w)
        found = mined(w)
        assert told(found.proposals) == [("normalisation", what, 4, 0, 2)]
        assert found.failed == []
        assert proposed_text(mined(w)) == proposed_text(found)
        assert everything(w) == before
        tested = tried(w, proposed_text(found))
        assert (tested.confirmed.precision, tested.confirmed.recall) == ("1.0000", "1.0000")
        assert {m["change"] for m in tested.money} == {"newly matched"}
        assert tested.harmless


@pytest.mark.deep
def test_several_normalisations_are_recovered_beside_each_other() -> None:
    facts: list[Fact] = []
    decided: list[tuple[str, ...]] = []
    for place, (left, right, _) in enumerate(FAMILIES):
        for n in range(4):
            number, amount, line_id = str(1001 + 1000 * place + n), 1_000 + 170 * place + 17 * n, f"b{place}.{n}"
            facts += [invoice(left.replace("#", number), amount), line(line_id, amount, right.replace("#", number))]
            decided += [(left.replace("#", number), line_id)] * (n < 3)
    with world(EXACT, *facts) as w:
        by_hand(w, decided)
        found = mined(w)
        assert {p.what for p in found.proposals} == {what for _, _, what in FAMILIES}
        assert sum(p.opens for p in found.proposals) == len(FAMILIES)
        assert found.failed == []


def checked(count: int) -> list[Fact]:
    """Give references with a check digit behind the number."""
    facts = []
    for n in range(count):
        amount = 1_000 + 17 * n
        facts += [invoice(f"R{2001 + n}", amount), line(f"b{n}", amount, f"R{2001 + n}{(7 * n + 3) % 10}")]
    return facts


@pytest.mark.deep
def test_a_check_digit_is_recovered() -> None:
    with world(EXACT, *checked(6)) as w:
        by_hand(w, [(f"R{2001 + n}", f"b{n}") for n in range(4)])
        found = mined(w)
        assert told(found.proposals)[0] == (
            "normalisation", "external_id is references without its last 1", 4, 0, 2,
        )  # fmt: skip


def test_one_that_is_contradicted_by_what_was_taken_back_is_not_proposed() -> None:
    with world(EXACT, *checked(6)) as w:
        by_hand(w, [(f"R{2001 + n}", f"b{n}") for n in range(5)])
        w.undo(w.match_id("R2004", "b3"))
        found = mined(w)
        assert found.proposals == []
        assert ("normalisation", "external_id is references without its last 1", 4, 1, 0) in told(found.failed)
        assert found.decisions["taken back"] == 1


@pytest.mark.deep
def test_one_that_is_contradicted_by_an_exact_match_is_not_proposed() -> None:
    """Without its last sign, the number of another document is the same: an exact rule says whose it is."""
    facts = [*checked(4), invoice("R2009", 500), line("c", 500, "R20091"), invoice("R20091", 500)]
    with world(EXACT, *facts) as w:
        by_hand(w, [(f"R{2001 + n}", f"b{n}") for n in range(4)])
        found = mined(w)
        assert ("normalisation", "external_id is references without its last 1", 4, 1, 0) in told(found.failed)
        assert all(p.what != found.failed[0].what for p in found.proposals)


@pytest.mark.deep
def test_a_number_in_a_text_becomes_a_rule() -> None:
    facts = [one for n in range(5) for one in (
        invoice(f"RE-{3001 + n}", 1_000 + n), line(f"b{n}", 1_000 + n, text=f"Rechnung {n} RE {3001 + n} danke"))]  # fmt: skip
    with world(EXACT, *facts) as w:
        by_hand(w, [(f"RE-{3001 + n}", f"b{n}") for n in range(3)])
        (one,) = mined(w).proposals
        assert (one.kind, one.supports, one.opens) == ("rule", 3, 2)
        assert 'keys = [{ left = "external_id", right = "text", how = "token" }]' in one.text


@pytest.mark.deep
def test_a_discount_becomes_a_tolerance_with_its_reason_that_only_proposes() -> None:
    facts = [one for n in range(5) for one in (
        invoice(f"RE-{n}77", 10_000 + n), line(f"b{n}", 9_800 + n, f"re{n}77"))]  # fmt: skip
    with world(EXACT, *facts) as w:
        by_hand(w, [(f"RE-{n}77", f"b{n}") for n in range(4)], difference="discount")
        (one,) = mined(w).proposals
        assert 'amount = { pct = "2.0", only = "short" }' in one.text
        assert 'difference = { short = "discount" }' in one.text
        assert "confirm = false" in one.text
        assert one.opens == 1


@pytest.mark.deep
def test_what_was_exchanged_says_nothing_of_a_tolerance() -> None:
    """98.00 EUR for 100.00 USD are no 2 % less: beside discounts of 1 % it widens nothing."""
    facts = [one for n in range(5) for one in (
        invoice(f"RE-{n}77", 10_000 + n, currency="USD" if n == 3 else "EUR"),
        line(f"b{n}", (9_800 if n == 3 else 9_900) + n, f"re{n}77"))]  # fmt: skip
    with world(EXACT, *facts) as w:
        (w.folder / "rates").mkdir()
        (w.folder / "rates" / "r.csv").write_text("date,base,quote,rate\n2026-09-28,EUR,USD,1.02\n")
        by_hand(w, [(f"RE-{n}77", f"b{n}") for n in range(3)], difference="discount")
        by_hand(w, [("RE-377", "b3")], difference="fx")
        (one,) = mined(w).proposals
        assert 'amount = { pct = "1.0", only = "short" }' in one.text
        assert 'difference = { short = "discount" }' in one.text


@pytest.mark.deep
def test_several_documents_in_one_line_become_a_rule_of_that_shape() -> None:
    facts: list[Fact] = []
    for n in range(4):
        facts += [invoice(f"RE-{n}001", 100 + n), invoice(f"RE-{n}002", 50)]
        facts += [line(f"b{n}", 150 + n, text=f"RE-{n}001 RE-{n}002")]
    with world(EXACT, *facts) as w:
        by_hand(w, [(f"b{n}", f"RE-{n}001", f"RE-{n}002") for n in range(3)])
        (one,) = mined(w).proposals
        assert 'shape = "n:1"' in one.text
        assert (one.supports, one.opens) == (3, 2)


NAMED = rules_text(
    rule("same reference", reference="exact"),
    rule("name and amount", keys='[{ left = "counterparty", right = "counterparty", how = "name" }]', days="{ from = -9, to = 9 }"),
)  # fmt: skip


def customers(ours: str, theirs: str, count: int, first: int = 0) -> list[Fact]:
    return [one for n in range(first, first + count) for one in (
        invoice(f"i{n}", 1_000 + 17 * n, name=ours), line(f"b{n}", 1_000 + 17 * n, name=theirs))]  # fmt: skip


def test_two_names_of_one_party_are_recovered_and_find_what_is_open() -> None:
    with world(NAMED, *customers("Sunrise Retail GmbH", "SRX Holding B.V.", 6)) as w:
        by_hand(w, [(f"i{n}", f"b{n}") for n in range(4)])
        found = mined(w)
        assert told(found.proposals) == [("alias", "Sunrise Retail GmbH is SRX Holding B.V.", 4, 0, 2)]
        tested = tried(w, proposed_text(found))
        assert (tested.confirmed.recall, tested.confirmed.wrong) == ("1.0000", 0)
        assert tested.moves_count == 2


def test_a_payer_who_pays_for_several_is_nobodys_other_name() -> None:
    facts = [*customers("Sunrise Retail", "Factor Bank", 4), *customers("Moon Trading", "Factor Bank", 3, first=4)]
    with world(NAMED, *facts) as w:
        by_hand(w, [(f"i{n}", f"b{n}") for n in range(7)])
        found = mined(w)
        assert found.proposals == []
        assert told(found.failed) == [
            ("alias", "Sunrise Retail is Factor Bank", 4, 3, 0),
            ("alias", "Moon Trading is Factor Bank", 3, 4, 0),
        ]


@pytest.mark.deep
def test_a_name_that_a_person_rejected_once_is_not_proposed() -> None:
    with world(NAMED, *customers("Sunrise Retail", "SRX Holding", 5)) as w:
        by_hand(w, [(f"i{n}", f"b{n}") for n in range(5)])
        w.undo(w.match_id("i4", "b4"))
        found = mined(w)
        assert found.proposals == []
        assert told(found.failed) == [("alias", "Sunrise Retail is SRX Holding", 4, 1, 0)]


@pytest.mark.deep
def test_names_without_a_rule_for_them_come_with_one() -> None:
    with world(EXACT, *customers("Bäckerei Sommer", "Baeckerei Sommer", 5)) as w:
        by_hand(w, [(f"i{n}", f"b{n}") for n in range(4)])
        (one,) = mined(w).proposals
        assert 'how = "name", letters = "german"' in one.text
        assert (one.supports, one.opens) == (4, 1)


@pytest.mark.deep
def test_too_few_decisions_teach_nothing() -> None:
    with world(EXACT, *spelled("INV#", "#", 4)) as w:
        by_hand(w, [("INV1001", "b0"), ("INV1002", "b1")])
        assert mined(w).proposals == []
        assert told(mined(w, least=2).proposals)[0][2:] == (2, 0, 2)


@pytest.mark.deep
def test_approvals_and_rejections_are_counted_by_rule_and_teach_what_the_rule_does_not_ask() -> None:
    perhaps = rules_text(rule("perhaps", days="{ from = 0, to = 5 }", confirm="false"))
    with world(perhaps, *spelled("INV#", "#", 6)) as w:
        w.match()
        ids = [w.match_id(f"INV{1001 + n}", f"b{n}") for n in range(6)]
        pipeline.judge(w.store, w.workspace, ids[:4], None, approved=True)
        pipeline.judge(w.store, w.workspace, ids[5:], "no", approved=False)
        found = mined(w)
        assert found.judged == {"perhaps": (4, 1)}
        assert found.decisions == {"by hand": 0, "approved": 4, "rejected": 1, "taken back": 0, "settled": 0}
        assert found.proposals == []
        assert found.failed[0].against == 1


@pytest.mark.deep
def test_what_is_proposed_is_the_rules_of_today_with_more_behind_them() -> None:
    with world(EXACT, *spelled("INV#", "#", 6)) as w:
        by_hand(w, [(f"INV{1001 + n}", f"b{n}") for n in range(4)])
        text = proposed_text(mined(w))
        assert text.startswith(EXACT.rstrip())
        assert [r.name for r in read_rules(text, "proposed").rules][:1] == ["same reference"]
        (w.folder / "rules" / "own.toml").write_text(text)
        w.match()
        assert frozenset({"INV1006", "b5"}) in w.together()
        assert mined(w).proposals == []
