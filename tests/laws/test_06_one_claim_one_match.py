"""
Law 6: per claim no record is ever allocated beyond what the claim measures, whatever else is matched, by whom and when.
"""

from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.depth import examples
from tests.laws.checker import broken, broken_rows
from tests.matching.worlds import Fact, World, invoice, line, rule, rules_text, world
from tieout.errors import WrongUse
from tieout.matching.deciding.decide import approve

PARTIAL = rules_text(rule(reference="exact", partial="true"))
PARTIAL_LINES = rules_text(rule(reference="exact", partial="true", shape='"1:n"'))
REFERENCE = rules_text(rule(reference="exact"))
PROPOSED = rules_text(rule(reference="exact", confirm="false"))
_SIDE = '{{ source = "{}" }}'
SHARED = "".join(
    f'[[reconciliation]]\nid = "{name}"\nleft = {{ source = "a" }}\nright = {{ source = "{right}" }}\nrules = "rules/own.toml"\n'
    for name, right in (("one", "b"), ("two", "c"))
)
SOURCES = ("a", "b", "c")


def test_a_line_of_the_other_sign_is_no_part_of_an_invoice() -> None:
    with world(PARTIAL, invoice("i", 1000), line("b", -600, "i")) as w:
        assert w.matched() == set()
        assert broken(w) == []


def test_a_part_uses_up_a_part_and_the_next_run_the_rest() -> None:
    with world(PARTIAL, invoice("i", 1000), line("b1", 600, "i")) as w:
        assert w.matched() == {frozenset({"i", "b1"})}
        assert {(p["external_id"], p["state"], p["amount"]) for p in w.positions()} == {
            ("i", "provisional", 600),
            ("i", "open", 400),
            ("b1", "provisional", 600),
        }
        assert broken(w) == []


def test_an_invoice_is_paid_in_three_parts_and_never_in_four() -> None:
    parts = [line(f"b{n}", amount, "i", day=n) for n, amount in enumerate((500, 300, 200))]
    with world(PARTIAL_LINES, invoice("i", 1000), *parts) as w:
        assert w.matched() == {frozenset({"i", "b0", "b1", "b2"})}
        w.add(line("b3", 100, "i", day=9))
        w.match()
        assert broken(w) == []


def test_an_entry_and_a_transaction_inside_it_are_not_both_summed() -> None:
    inside = [line(f"d{n}", amount, "i", kind="bank_detail", parent="e") for n, amount in enumerate((600, 300))]
    with world(PARTIAL_LINES, invoice("i", 2000), line("e", 900, "i"), *inside) as w:
        w.match()
        assert broken(w) == []


def test_a_transaction_inside_a_matched_entry_is_used_up_for_later_runs() -> None:
    inside = [line("d1", 600, "j", kind="bank_detail", parent="e"), line("d2", 300, kind="bank_detail", parent="e")]
    with world("generic", invoice("i", 900), line("e", 900, "i"), *inside) as w:
        assert w.matched() == {frozenset({"i", "e"})}
        w.add(invoice("j", 600))
        assert w.matched() == {frozenset({"i", "e"})}
        with pytest.raises(WrongUse, match="its entry, or a transaction inside it, is matched"):
            w.resolve("j", "d1")
        assert broken(w) == []


def test_an_entry_whose_transaction_is_matched_is_used_up_for_later_runs() -> None:
    inside = [line("d1", 600, "i", kind="bank_detail", parent="e"), line("d2", 300, kind="bank_detail", parent="e")]
    with world("generic", invoice("i", 600), line("e", 900, "j"), *inside) as w:
        assert w.matched() == {frozenset({"i", "d1"})}
        w.add(invoice("j", 900))
        assert w.matched() == {frozenset({"i", "d1"})}
        assert broken(w) == []


def test_a_record_on_both_sides_is_refused() -> None:
    own = '[[reconciliation]]\nid = "ab"\nleft = { source = "a" }\nright = { source = "a" }\nrules = "generic"\n'
    facts = (invoice("i", 100), invoice("j", 100, refs=("i",)))
    said = pytest.raises(WrongUse, match="share no record, got 'i' on both")
    with world("generic", *facts, reconciliations=own) as w, said:
        w.match()


def test_one_source_may_stand_on_both_sides_with_different_kinds() -> None:
    own = (
        '[[reconciliation]]\nid = "ab"\nleft = { source = "a", kinds = ["invoice"] }\n'
        'right = { source = "a", kinds = ["credit_note"] }\nrules = "generic"\n'
    )
    other = invoice("j", 100, refs=("i",), kind="credit_note")
    with world("generic", invoice("i", 100), other, reconciliations=own) as w:
        assert w.matched() == {frozenset({"i", "j"})}
        assert broken(w) == []


@pytest.mark.parametrize(("rules", "found"), [(REFERENCE, {frozenset({"i", "b"})}), (PARTIAL, set())])
def test_two_reconciliations_that_share_a_claim_share_what_is_left_of_it(
    rules: str, found: set[frozenset[str]]
) -> None:
    """Of what both could take in part by its number, neither takes any."""
    theirs = Fact(source="c", id="c", amount=100, kind="bank_entry", refs=("i",))
    with world(rules, invoice("i", 100), line("b", 100, "i"), theirs, reconciliations=SHARED, sources=SOURCES) as w:
        assert w.matched() == found
        assert broken(w) == []
        assert w.matched() == found
        assert broken(w) == []


def test_what_another_reconciliation_matched_of_a_record_that_was_corrected_is_given_back() -> None:
    theirs = Fact(source="c", id="c", amount=100, kind="bank_entry", refs=("i",))
    with world(REFERENCE, invoice("i", 100), theirs, reconciliations=SHARED, sources=SOURCES) as w:
        assert w.matched() == {frozenset({"i", "c"})}
        w.correct("a", "i", amount=200)
        w.add(line("b", 100, "i"))
        w.match("one")
        assert broken(w) == []
        assert w.together() == set()
        w.match()
        assert broken(w) == []


def test_a_run_counts_the_matches_that_stand_whoever_gave_some_back() -> None:
    theirs = Fact(source="c", id="c", amount=100, kind="bank_entry", refs=("i",))
    facts = (
        invoice("i", 100),
        theirs,
        invoice("j", 7),
        Fact(source="c", id="d", amount=7, kind="bank_entry", refs=("j",)),
    )
    with world(REFERENCE, *facts, reconciliations=SHARED, sources=SOURCES) as w:
        assert [outcome.counts["matches"] for outcome in w.match()] == [0, 2]
        w.correct("a", "i", amount=200)
        assert [outcome.counts["matches"] for outcome in w.match()] == [0, 1]  # the first gave back what the second had
        w.undo(w.match_id("j", "d"))
        assert [outcome.counts["matches"] for outcome in w.match()] == [0, 0]
        assert w.together() == set()


def test_a_person_cannot_name_a_record_twice() -> None:
    with world("generic", invoice("i", 100), line("b", 50)) as w:
        w.match()
        with pytest.raises(WrongUse, match="twice"):
            w.resolve("i", "b", "b")


def test_a_person_cannot_take_part_of_the_other_sign() -> None:
    with world("generic", invoice("i", 100), line("b", -50)) as w:
        w.match()
        with pytest.raises(WrongUse, match="same sign"):
            w.resolve("i", "b", part=True)


def test_a_person_cannot_use_up_what_a_final_match_has() -> None:
    with world(REFERENCE, invoice("i", 100), line("b", 100, "i"), invoice("j", 100)) as w:
        w.match()
        with pytest.raises(WrongUse, match="another match has used up"):
            w.resolve("j", "b")


def test_a_persons_part_leaves_the_rest_to_rules() -> None:
    with world("generic", invoice("i", 100), line("b", 60)) as w:
        w.match()
        w.resolve("i", "b", part=True)
        w.add(line("c", 40, day=1))
        assert w.matched() == {frozenset({"i", "b"}), frozenset({"i", "c"})}
        assert broken(w) == []


def test_what_is_left_of_a_persons_part_is_open_and_no_exception() -> None:
    with world("generic", invoice("i", 100), line("b", 60)) as w:
        w.match()
        w.resolve("i", "b", part=True)
        w.match()
        assert ("i", "open", 40) in {(p["external_id"], p["state"], p["amount"]) for p in w.positions()}
        assert w.reasons() == {}


def test_a_proposal_cannot_be_approved_when_its_record_is_used_up_since() -> None:
    with world(PROPOSED, invoice("i", 100), invoice("j", 100), line("b", 100, "i")) as w:
        w.match()
        proposal = bytes.fromhex(w.match_id("i", "b"))
        w.resolve("j", "b")
        with pytest.raises(WrongUse, match="matched otherwise since"):
            approve(w.store, w.workspace, [proposal], None)
        assert broken(w) == []


def test_a_proposal_cannot_be_approved_when_its_record_was_corrected_since() -> None:
    with world(PROPOSED, invoice("i", 100), line("b", 100, "i")) as w:
        w.match()
        proposal = bytes.fromhex(w.match_id("i", "b"))
        w.correct("b", "b", amount=60)
        with pytest.raises(WrongUse, match="corrected since"):
            approve(w.store, w.workspace, [proposal], None)


def test_availability_is_counted_whatever_decimals_a_source_has() -> None:
    reconciliations = SHARED.replace('"one"', '"zero"').replace('"two"', '"one"')
    theirs = Fact(source="c", id="c", amount=1_000_000, exponent=4, kind="bank_entry", refs=("i",))
    with world(
        PROPOSED, invoice("i", 10_000), line("b", 10_000, "i"), theirs, reconciliations=reconciliations, sources=SOURCES
    ) as w:
        w.match()
        first, second = (bytes.fromhex(w.match_id(*ids)) for ids in (("i", "b"), ("i", "c")))
        approve(w.store, w.workspace, [first], None)
        with pytest.raises(WrongUse, match="matched otherwise since"):
            approve(w.store, w.workspace, [second], None)


def test_a_payout_that_a_person_matched_still_is_what_its_lines_paid() -> None:
    """Else the lines, without their payout, would ask for money that has arrived."""
    charge = invoice("l", 100, kind="charge", settlement="S")
    payout = invoice("p", -100, kind="payout", settlement="S", day=1)
    with world(
        "payout-to-bank", charge, payout, line("b1", 90, day=1), line("b2", 100, day=2), line("b3", 100, day=2)
    ) as w:
        w.match()
        w.resolve("p", "b1", difference="bank_charge")
        w.withdraw("b", "b3")
        assert w.matched() == {frozenset({"p", "b1"}), frozenset({"l", "p"})}
        assert w.reasons() == {"b2": "missing_left"}
        assert broken(w, polarity="by kind") == []


_AMOUNTS = st.sampled_from([-300, -100, 50, 100, 150, 200, 300])
_REFS = st.lists(st.sampled_from(["a0", "a1", "a2", "A-0", "x1"]), max_size=2).map(tuple)
_SETS = st.sampled_from(["generic", "open-items-to-bank", "payout-to-bank", PARTIAL, PARTIAL_LINES])


@st.composite
def facts(draw: st.DrawFn) -> list[Fact]:
    """Draw a few documents, platform lines and bank lines that get into each other's way."""
    found = []
    for n in range(draw(st.integers(1, 5))):
        kind = draw(st.sampled_from(["invoice", "invoice", "credit_note", "charge", "payout", "refund"]))
        sign = {"charge": 1, "refund": -1}.get(kind)
        amount = draw(_AMOUNTS)
        found.append(
            invoice(
                f"a{n}", abs(amount) * sign if sign else amount, kind=kind, day=draw(st.integers(0, 6)),
                settlement=draw(st.sampled_from([None, "x1"])), name=draw(st.sampled_from([None, "Meier GmbH", "Meier"])),
                currency=draw(st.sampled_from(["EUR", "EUR", "JPY"])),
            )
        )  # fmt: skip
    found += [
        line(
            f"b{n}", draw(_AMOUNTS), *draw(_REFS), day=draw(st.integers(0, 9)),
            kind=draw(st.sampled_from(["bank_entry", "bank_entry", "bank_detail"])), parent="b0",
            text=draw(st.sampled_from([None, "pays a0 and a1", "x1"])), name=draw(st.sampled_from([None, "MEIER"])),
            currency=draw(st.sampled_from(["EUR", "EUR", "JPY"])),
        )
        for n in range(draw(st.integers(1, 5)))
    ]  # fmt: skip
    return found


@pytest.mark.slow
@settings(max_examples=examples(8))
@given(rules=_SETS, first=facts(), late=facts(), data=st.data())
def test_nothing_is_ever_used_up_twice(rules: str, first: list[Fact], late: list[Fact], data: st.DataObject) -> None:
    polarity = "by kind" if rules == "payout-to-bank" else "same"
    with world(rules, *first) as w:
        w.match()
        assert broken(w, polarity=polarity) == []
        _somebody_decides(w, data)
        w.add(*(replace(f, id=f"late{f.id}", parent="lateb0" if f.parent else None) for f in late))
        w.match()
        assert broken(w, polarity=polarity) == []


def _somebody_decides(w: World, data: st.DataObject) -> None:
    standing = sorted(match.parts for match in w.matches())
    taken = data.draw(st.sampled_from([None, *standing]))
    if taken is not None:
        w.undo(w.match_id(*(part[2] for part in taken)))


def test_the_checker_sees_what_is_broken() -> None:
    """The test is tested: rows that a fault of the engine would leave are all found."""
    with world(PARTIAL, invoice("i", 1000), line("b", 600, "i"), invoice("j", 5)) as w:
        w.match()
        records = {row["record_id"]: row for row in w.records()}
        rows = w.rows()
        assert broken_rows(records, rows, []) == []
        for column, wrong in (
            ("allocated", 1200),
            ("allocated", -600),
            ("claim", "payment"),
            ("currency", "USD"),
            ("amount", 1),
        ):
            assert broken_rows(records, [{**rows[0], column: wrong}, rows[1]], []), column
        assert broken_rows(records, [*rows, *({**r, "match_id": b"x" * 16} for r in rows)], [])
        assert broken_rows(records, [{**r, "difference": 7} for r in rows], [])
        assert broken_rows({k: v for k, v in records.items() if k != rows[0]["record_id"]}, rows, [])
        entry = {**records[rows[0]["record_id"]], "kind": "bank_entry", "external_id": "e", "account_id": "x"}
        part = {**records[rows[1]["record_id"]], "kind": "bank_detail", "parent_external_id": "e", "account_id": "x"}
        both = {rows[0]["record_id"]: entry, rows[1]["record_id"]: part}
        assert any("part of" in said for said in broken_rows(both, [{**r, "claim": "bank"} for r in rows], []))
