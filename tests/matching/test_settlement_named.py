"""What speaks for a settlement, and how much of a payout a match takes: one thing, however many lines it has."""

from typing import Any

from tests.laws.checker import broken
from tests.matching.worlds import Fact, line, rule, rules_text, world

KEYS = '[{ left = ["settlement_id", "external_id"], right = ["references", "text"], how = "token" }]'
RULES = rules_text(
    rule("named", keys=KEYS),
    rule("a part", keys=KEYS, partial="true", right='{ bank_codes = ["PART"] }'),
    rule("only amount", days="{ from = 0, to = 5 }"),
    claims='{ left = "settlement", right = "bank" }', group='{ left = "settlement_id" }', polarity='"by kind"',
)  # fmt: skip


def paid(name: str, amount: int, currency: str, lines: int = 8) -> list[Fact]:
    """Give a payout with its lines."""
    said: dict[str, Any] = {"settlement": name, "currency": currency}
    charges = [Fact(source="a", id=f"{name}-{n}", amount=amount // lines, kind="charge", **said) for n in range(lines)]
    return [Fact(source="a", id=f"po_{name}", amount=-amount, kind="payout", day=1, **said), *charges]


def test_a_line_that_names_a_settlement_of_many_lines_is_no_other_payouts() -> None:
    """And a part of a payout is as much as the bank has: the rest of it stays open."""
    facts = [*paid("S90001", 80_000, "EUR"), *paid("S90002", 79_200, "EUR"), line("b", 79_200, text="S90001", day=2)]
    facts += [*paid("S70001", 8_000, "USD"), line("ub", 6_000, text="S70001", bank_code="PART", day=2, currency="USD")]
    with world(RULES, *facts) as w:
        w.match()
        found = {match.rule for match in w.matches()}
        assert found == {"a part", "lines of the settlement add up to its payout"}
        assert w.reasons()["b"] == "amount_difference"
        (part,) = [match for match in w.matches() if match.rule == "a part"]
        assert sorted(amount for *_, amount in part.parts) == [-60_000_000_000, 60_000_000_000]
        assert broken(w, polarity="by kind") == []
