"""What a rule only proposes waits for a person once, says which rule proposes it and with what, and is missing nowhere."""

from tests.laws.checker import broken
from tests.matching.worlds import Fact, World, invoice, line, rule, rules_text, world

PERHAPS = rules_text(rule("perhaps", reference="exact", confirm="false"))
SIDES = "".join(
    f'[[reconciliation]]\nid = "{name}"\nleft = {{ source = "{left}" }}\nright = {{ source = "b" }}\nrules = "rules/own.toml"\n'
    for name, left in (("one", "a"), ("two", "c"))
)


def waiting(w: World) -> list[tuple[str, str, str]]:
    assert broken(w) == []
    return sorted((e["external_id"], e["reason"], e["note"]) for e in w.exceptions())


def states(w: World) -> set[tuple[str, str, str | None]]:
    return {(p["external_id"], p["state"], p["reason"]) for p in w.positions()}


def test_a_proposal_is_one_question_and_says_who_asks_it() -> None:
    with world(PERHAPS, invoice("i", 100), line("b", 100, "i")) as w:
        w.match()
        assert waiting(w) == [("b", "proposed", "'perhaps' proposes it with i: approve or reject it")]
        assert states(w) == {("b", "exception", None), ("i", "open", "proposed")}
        w.judge(w.match_id("i", "b"), approved=False)
        w.match()
        assert [(name, reason) for name, reason, _ in waiting(w)] == [("b", "missing_left"), ("i", "missing_right")]


def test_a_proposal_that_a_correction_ended_asks_for_nothing() -> None:
    with world(PERHAPS, invoice("i", 100), line("b", 100, "i")) as w:
        w.match()
        w.correct("b", "b", amount=120)
        (told,) = w.exceptions()
        assert (told["amount"], told["exponent"]) == (120, 2)
        assert told["note"].endswith("does not stand, as a record was corrected since: run `tieout match` again")


def test_an_approved_proposal_is_no_question_any_more() -> None:
    with world(PERHAPS, invoice("i", 100), line("b", 100, "i")) as w:
        w.match()
        w.judge(w.match_id("i", "b"), approved=True)
        assert waiting(w) == []
        w.match()
        assert waiting(w) == []


def test_of_several_invoices_the_line_that_pays_them_asks() -> None:
    several = rules_text(
        rule("sum", keys='[{ left = "external_id", right = "references" }]', shape='"n:1"', confirm="false")
    )
    facts = [invoice("i1", 60), invoice("i2", 40, due=400), line("b", 100, "i1", "i2")]
    with world(several, *facts) as w:
        w.match()
        ((name, reason, note),) = waiting(w)
        assert (name, reason) == ("b", "proposed")
        assert note in {f"'sum' proposes it with {i} and 1 more: approve or reject it" for i in ("i1", "i2")}


def test_what_a_later_one_may_explain_asks_there_once_if_it_does_not() -> None:
    facts = [invoice("i", 100), line("b", 100, "i"), Fact(source="c", id="x", amount=70)]
    with world(PERHAPS, *facts, reconciliations=SIDES, sources=("a", "b", "c")) as w:
        w.match()
        assert [one for one in waiting(w) if one[0] != "x"] == [
            ("b", "proposed", "'perhaps' proposes it with i: approve or reject it")
        ]


def test_a_document_that_a_later_one_may_explain_is_open_there_while_it_is_proposed() -> None:
    both = SIDES.replace(
        'left = { source = "c" }\nright = { source = "b" }', 'left = { source = "a" }\nright = { source = "c" }'
    )
    facts = [invoice("i", 100), line("b", 100, "i"), line("x", 70, source="c")]
    with world(PERHAPS, *facts, reconciliations=both, sources=("a", "b", "c")) as w:
        w.match()
        assert [one[:2] for one in waiting(w)] == [("b", "proposed"), ("x", "missing_left")]
        assert ("i", "open", "proposed") in states(w)
