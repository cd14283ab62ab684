"""What names documents of two reconciliations is the better one's, of equal ones nobody's; whichever stands first."""

import pytest

from tests.depth import some_of
from tests.laws.checker import broken
from tests.matching.test_left_to_later import PAPERS, charge
from tests.matching.worlds import Fact, World, invoice, line, rule, rules_text, world

SOURCES = ("a", "c", "b")


def reconciliations(order: str) -> str:
    return "".join(
        f'[[reconciliation]]\nid = "{x}b"\nleft = {{ source = "{x}" }}\nright = {{ source = "b" }}\nrules = "open-items-to-bank"\n'
        for x in order
    )


def other(amount: int, **more: object) -> Fact:
    return invoice("J-2001", amount, source="c", **more)


def found(w: World) -> set[tuple[str, ...]]:
    w.match()
    assert broken(w) == []
    return {tuple(sorted(ids)) for ids in w.together()}


@pytest.mark.parametrize(("order", "sign"), some_of([("ac", 1), ("ca", 1), ("ac", -1), ("ca", -1)], 2))
@pytest.mark.parametrize(
    ("here", "there", "paid", "text", "said", "matches"),
    [
        (10_000, 10_000, 10_000, "I-1001 J-2001", (), set()),
        (10_000, 10_000, 6_000, "I-1001 J-2001", (), set()),  # a part of which?
        (10_200, 10_000, 9_950, "I-1001 J-2001", (), set()),  # a discount of which, or a charge?
        # The whole amount is better than a discount, and than a part.
        (10_200, 10_000, 10_000, "I-1001", ("J-2001",), {("J-2001", "b")}),
        (10_200, 10_000, 10_000, "I-1001 J-2001", (), {("J-2001", "b")}),
        (50_000, 10_000, 10_000, "I-1001 J-2001", (), {("J-2001", "b")}),
    ],
)
def test_a_line_that_names_documents_of_two_reconciliations(
    order: str,
    sign: int,
    here: int,
    there: int,
    paid: int,
    text: str,
    said: tuple[str, ...],
    matches: set[tuple[str, ...]],
) -> None:
    kind = "invoice" if sign > 0 else "bill"
    facts = [
        invoice("I-1001", sign * here, kind=kind), other(sign * there, kind=kind), line("b", sign * paid, *said, text=text)
    ]  # fmt: skip
    with world("generic", *facts, sources=SOURCES, reconciliations=reconciliations(order)) as w:
        assert found(w) == matches
        if not matches:
            assert {"I-1001", "J-2001", "b"} <= {*w.reasons()}
            assert not {"missing_left", "missing_right"} & {*w.reasons().values()}


@pytest.mark.parametrize("order", ["ac", "ca"])
def test_where_there_is_enough_for_both_neither_is_in_the_way(order: str) -> None:
    parts = rules_text(
        rule(keys='[{ left = "external_id", right = "text", how = "token" }]', partial="true"),
        claims='{ left = "document", right = "bank" }',
    )
    own = reconciliations(order).replace("open-items-to-bank", "rules/own.toml")
    facts = [invoice("I-1001", 10_000), other(20_000), line("b", 30_000, text="I-1001 J-2001")]
    with world(parts, *facts, sources=SOURCES, reconciliations=own) as w:
        assert found(w) == {("I-1001", "b"), ("J-2001", "b")}


@pytest.mark.parametrize("order", ["ac", "ca"])
def test_a_better_document_that_comes_later_takes_the_line_back(order: str) -> None:
    facts = [invoice("I-1001", 10_200), line("b", 10_000, "J-2001", text="I-1001")]
    with world("generic", *facts, sources=SOURCES, reconciliations=reconciliations(order)) as w:
        assert found(w) == {("I-1001", "b")}
        w.add(other(10_000))
        w.match()  # what was provisional is given back
        assert found(w) == {("J-2001", "b")}


@pytest.mark.parametrize("order", [PAPERS, "[[reconciliation]]".join(["", *PAPERS.split("[[reconciliation]]")[:0:-1]])])
def test_an_invoice_that_a_charge_names_in_full_is_no_lines_that_has_its_number_in_a_text(order: str) -> None:
    facts = [
        invoice("RE-90001", 10_000),
        charge("ch_5001", 10_000, "RE-90001"),
        line("b", 10_000, text="RE-90001", day=2),
    ]
    with world("generic", *facts, sources=("a", "p", "b"), reconciliations=order) as w:
        assert found(w) == {("RE-90001", "ch_5001")}
