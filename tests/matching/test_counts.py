"""A run says how many matches stand, whatever was taken back, made by hand or corrected before: as counted over all history."""

from tests.matching.worlds import World, invoice, line, rule, rules_text, world
from tieout.matching.run import RunOutcome

RULES = rules_text(
    rule("exact", keys='[{ left = "external_id", right = "references" }]'),
    rule("proposed", keys='[{ left = "external_id", right = "text", how = "token" }]', confirm="false"),
)


def run(w: World) -> RunOutcome:
    (outcome,) = w.match()
    assert outcome.counts["matches"] == len(w.together("confirmed"))
    return outcome


def test_matches_that_stand_are_counted_as_history_has_them() -> None:
    facts = [
        fact for n in range(6) for fact in (invoice(f"I-100{n}", 10_000 + n), line(f"b{n}", 10_000 + n, f"I-100{n}"))
    ]
    more = [invoice("I-2001", 777), line("c1", 777, text="I-2001"), invoice("I-3001", 50), line("c2", 50, day=3)]
    with world(RULES, *facts, *more) as w:
        assert run(w).counts["matches"] == 6
        assert w.together("proposed") == {frozenset({"I-2001", "c1"})}
        w.undo(w.match_id("I-1000", "b0"))
        assert run(w).counts["matches"] == 5
        w.judge(w.match_id("I-2001", "c1"), approved=True)
        assert run(w).counts["matches"] == 6
        w.correct("a", "I-1001", amount=9_999)
        assert run(w).counts["matches"] == 5
        w.correct("a", "I-1001", amount=10_001)
        assert run(w).counts["matches"] == 6
        w.resolve("b0", "I-1000")
        w.undo(w.match_id("I-1002", "b2"))
        w.undo(w.match_id("I-2001", "c1"))
        assert run(w).counts["matches"] == 5
        w.add(invoice("I-1009", 5), line("b9", 5, "I-1009"))
        assert run(w).counts["matches"] == 6
