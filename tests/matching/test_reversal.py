"""An item and its reversal settle each other: opposite amounts, an identifier in common, and no other answer."""

import pytest

from tests.laws.checker import broken
from tests.matching.test_net import note, together, told
from tests.matching.worlds import Fact, invoice, line, rule, rules_text, world
from tests.observe.test_why import match_of

IDS = '[{ left = ["external_id", "references"], how = "normalised" }]'
WORDS = '[{ right = ["external_id", "references", "text"], how = "token" }]'
DAYS = "{ from = 0, to = 30 }"
KNOWN = rules_text(
    rule("credit", keys=IDS, shape='"reversal"', days=DAYS, reversal='{ kinds = ["credit_note"] }'),
    rule("returned", keys=WORDS, shape='"reversal"', days=DAYS),
    rule("returned by code", keys=WORDS, shape='"reversal"', days=DAYS, reversal='{ bank_codes = ["PMNT-ICDT-RRTN"] }'),
)
AGAIN = "RE-1", "GS-1", "RE-1c"


def back(
    own_id: str, amount: int, text: str = "", *, code: str | None = None, day: int = 0, currency: str = "EUR"
) -> Fact:
    return line(own_id, amount, text=text or None, bank_code=code, day=day, currency=currency)


FACTS = [
    # A reversal of a reversal leaves the third open: an invoice, its credit note, and the invoice once more.
    invoice("RE-1", 100), note("GS-1", -100, "re 1", day=3), invoice("RE-1c", 100, refs=("GS-1", "RE-1"), day=5),
    # Before what it would take back; too late; two that it could take back; one amount more; another identifier.
    note("u1", -100, "u2", currency="USD"), invoice("u2", 100, day=1, currency="USD"),
    invoice("u3", 200, currency="USD"), note("u4", -200, "u3", day=31, currency="USD"),
    invoice("u5", 300, refs=("o",), currency="USD"), invoice("u6", 300, refs=("o",), currency="USD"),
    note("u7", -300, "o", currency="USD"),
    invoice("u8", 400, currency="USD"), note("u9", -401, "u8", currency="USD"),
    # Two credit notes of two invoices of one order stay what they are: which is whose?
    *(invoice(f"gi{n}", 50, refs=("o-9",), currency="GBP") for n in range(2)),
    *(note(f"gn{n}", -50, "o-9", currency="GBP") for n in range(2)),
    # On the bank's side: the text names the line that it sends back, and of three the code says which is the return.
    back("NTRF-1", -700), back("b2", 700, "Rueckgabe zu NTRF-1", day=2),
    back("NTRF-5", -800, currency="SEK"), back("s2", 800, "NTRF-5", code="PMNT-ICDT-RRTN-NTAV", day=1, currency="SEK"),
    back("s3", -800, "NTRF-5 erneut", day=2, currency="SEK"),
    # Words that two texts share are nobody's identifier.
    back("d1", -60, "Miete Oktober", currency="DKK"), back("d2", 60, "Miete Oktober", currency="DKK"),
]  # fmt: skip


def test_an_item_and_its_reversal_settle_each_other_and_a_third_stays_open() -> None:
    with world(KNOWN, *FACTS) as w:
        w.match()
        assert together(w, "EUR") == {frozenset({"RE-1", "GS-1"}), frozenset({"NTRF-1", "b2"})}
        assert together(w, "SEK") == {frozenset({"NTRF-5", "s2"})}
        assert len(w.together()) == 3
        assert {(r["side"], r["difference"]) for r in w.rows()} == {("left", 0), ("right", 0)}
        why = "same text and external id, currency; an item and its reversal: opposite amounts, and neither could be another's"
        assert match_of(w, "b2")["why"] == why
        reasons = w.reasons()
        assert reasons["RE-1c"] == "missing_right"
        ambiguous = {name for name, reason in reasons.items() if reason == "ambiguous"}
        assert ambiguous == {"u5", "u6", "u7", "gi0", "gi1", "gn0", "gn1"}
        said = "more than one could be its reversal, or what it takes back: choose one"
        assert told(w, "u7") == ("ambiguous", said, ["u5", "u6"])
        assert broken(w) == []


@pytest.mark.deep
def test_without_a_sign_which_is_the_reversal_the_middle_one_is_ambiguous() -> None:
    """An item, its reversal and the reversal's: either pair would leave the third, and nothing says which."""
    plain = rules_text(rule("reversal", keys=IDS, shape='"reversal"', days=DAYS))
    with world(plain, *FACTS[:3]) as w:
        assert w.matched() == set()
        assert set(w.reasons().values()) == {"ambiguous"}
        w.withdraw("a", "RE-1c")
        assert w.matched() == {frozenset({"RE-1", "GS-1"})}
        w.undo(w.match_id("RE-1", "GS-1"))
        assert w.matched() == set()


@pytest.mark.deep
def test_what_more_than_a_hundred_share_is_undecided() -> None:
    plain = rules_text(rule("reversal", keys=IDS, shape='"reversal"', days=DAYS))
    many = [invoice(f"i{n}", 100 + n, refs=("2026-10",)) for n in range(101)]
    with world(plain, *many, note("n", -107, "2026-10")) as w:
        assert w.matched() == set()
        assert {name for name, reason in w.reasons().items() if reason == "undecided"} == {"i7", "n"}
