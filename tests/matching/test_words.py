"""Words of a text are evidence if they are somebody's number; words that half of all texts have are not."""

import pytest

from tests.matching.worlds import invoice, line, rule, rules_text, world

KEYS = '[{ left = ["external_id", "references"], right = ["references", "text"], how = "token" }]'
TOKENS = rules_text(rule(keys=KEYS))


def test_a_year_that_many_texts_have_names_no_document_that_is_called_so() -> None:
    texts = [line(f"b{n}", 5_000 + n, text=f"payment 2026 no {n}") for n in range(101)]
    with world(TOKENS, invoice("2026", 5_007), *texts) as w:
        assert w.matched() == set()


def test_a_number_that_few_texts_have_does() -> None:
    texts = [line(f"b{n}", 5_000 + n, text="payment 7741") for n in range(3)]
    with world(TOKENS, invoice("7741", 5_001), *texts) as w:
        assert w.matched() == {frozenset({"7741", "b1"})}


def test_what_has_nothing_but_the_year_in_common_is_missing_and_not_undecided() -> None:
    """Every number of a year has its year in it, and so has every line: that is no crowd of answers."""
    many = 120  # of each: 14,400 pairs
    bills = [invoice(f"RE-2026-{10_000 + n}", 1_000 + n) for n in range(many)]
    texts = [line(f"b{n}", 900_000 + n, text=f"rent 2026 {n}") for n in range(many)]
    with world(TOKENS, *bills, *texts) as w:
        assert set(w.reasons().values()) <= {"missing_left", "missing_right"}


@pytest.mark.parametrize("text", ["RE10077 Miete", "Zahlung/INV10077/Okt", "w10077"])
def test_a_number_behind_letters_that_are_written_to_it_is_a_word_of_its_own(text: str) -> None:
    """Half the world writes RE10077 for what a ledger calls 10077."""
    with world(TOKENS, invoice("10077", 5_001), line("b1", 5_001, text=text), line("b2", 5_001, text="Miete")) as w:
        assert w.matched() == {frozenset({"10077", "b1"})}


@pytest.mark.parametrize("text", ["RE10077A", "10077RE", "RE100770", "A1B10077C", "RE077"])
def test_a_number_inside_a_word_is_none(text: str) -> None:
    own = "077" if text == "RE077" else "10077"
    with world(TOKENS, invoice(own, 5_001), line("b1", 5_001, text=text)) as w:
        assert w.matched() == set()


def test_it_is_no_word_for_two_documents_that_both_end_so() -> None:
    """RE10077 and GS10077 are two documents; what names the one is no payment of the other."""
    with world(TOKENS, invoice("RE10077", 5_001), invoice("GS10077", 5_001), line("b1", 5_001, text="RE10077")) as w:
        assert w.matched() == {frozenset({"RE10077", "b1"})}
