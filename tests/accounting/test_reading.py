"""Postings are read whole or refused in one sentence: file, line, what was expected, what came."""

from pathlib import Path

import pytest

from tests.accounting.facts import TOML, Facts
from tieout.accounting.postings import ACCOUNT_NAMES, DIFFERENCES, Postings, amount_of
from tieout.accounting.reading import read_postings
from tieout.config import read_workspace
from tieout.errors import WrongUse
from tieout.matching.grammar.rules import REASONS

WORKSPACE = read_workspace(TOML, Path("/acme"), {})
POSTING = """
[[posting]]
name = "x"
leg = "receipt"
when = { kind = "charge" }
lines = [
  { debit = "bank", amount = "amount" },
  { credit = "sales", amount = "amount" },
]
"""  # lines 2 to 9


def read(text: str) -> Postings:
    return read_postings({"postings/acme.toml": text}, WORKSPACE)


FAULTS = [
    ("[acounts]\nx = '1'", "line 1: unknown key 'acounts' in the file; did you mean 'accounts'?"),
    ("accounts = 3", "line 1: expected a table such as accounts = { ... }"),
    (
        "[accounts]\nreceivable = 1400",
        "line 2: expected text for 'receivable' in 'accounts' of the file, got the number",
    ),
    (
        "[accounts.acne]\nx = '1'",
        "line 1: expected a ledger account in quotes, or a table of a declared entity or of a",
    ),
    (
        "[accounts.acme.XXQ]\nx = '1'",
        "line 1: expected a ledger account in quotes, or a table of a currency, got 'XXQ'",
    ),
    ("[posting]\nname = 'x'", "line 1: expected [[posting]] with two brackets"),
    (POSTING.replace("leg", "lag"), "line 4: unknown key 'lag' in [[posting]]; did you mean 'leg'?"),
    (
        POSTING.replace('"receipt"', '"recipt"'),
        "line 4: expected one of receipt, fee, payout, fx for 'leg' in [[posting]]",
    ),
    (POSTING.replace('leg = "receipt"', ""), "line 2: expected 'leg' in [[posting]] 'x', found none"),
    (
        POSTING.replace('"charge"', '"chrage"'),
        "line 5: expected a known word for 'kind' in 'when' of [[posting]] 'x', got 'chrage'",
    ),
    (POSTING.replace('"charge"', '"chrage"'), "did you mean 'charge'?"),
    (POSTING.replace('"charge"', '"invoice"'), "line 5: expected a known word for 'kind'"),
    (POSTING.replace("kind = ", "color = "), "line 5: unknown key 'color' in 'when' of [[posting]] 'x'"),
    (POSTING.replace('kind = "charge"', 'sign = "+"'), "line 5: expected 'kind', 'part' or 'adjustment' in 'when' of"),
    (POSTING.replace('"charge" }', '"charge", entity = "acne" }'), "got 'acne'; did you mean 'acme'?"),
    (POSTING.replace('debit = "bank"', 'debit = "bnak"'), "line 7: expected the name of an account that ships or that"),
    (POSTING.replace('debit = "bank"', 'debit = "bnak"'), "got 'bnak'; did you mean 'bank'?"),
    (
        POSTING.replace('debit = "bank"', 'debit = "bank", credit = "bank"'),
        "line 7: expected one of 'debit', 'credit' in line 1",
    ),
    (
        POSTING.replace('"sales", amount = "amount"', '"sales", amount = "amuont"'),
        "line 8: expected one of amount, fee, fee_tax",
    ),
    (
        POSTING.replace('"sales", amount = "amount"', '"sales", amount = "net"'),
        "line 6: expected two lines or more that balance",
    ),
    (
        POSTING.replace('"sales", amount = "amount"', '"sales", amount = "net"'),
        "got debits - credits = +1 fee +1 fee_tax",
    ),
    (POSTING.replace('credit = "sales"', 'debit = "sales"'), "got debits - credits = +2 amount"),
    (POSTING + POSTING, "line 12: expected a new 'name' in [[posting]], got 'x' again"),
    (
        POSTING.replace('kind = "charge"', 'part = "fee"'),
        "line 6: expected amounts of a fee in [[posting]] 'x', got amount",
    ),
    ("[accounts", "postings/acme.toml line 1: expected TOML, got: "),
    ("x = 1\n" * 200_000, "postings/acme.toml: expected at most 1048576 characters"),
]


@pytest.mark.parametrize(("text", "sentence"), FAULTS, ids=range(len(FAULTS)))
def test_a_fault_is_refused_with_file_and_line(text: str, sentence: str) -> None:
    with pytest.raises(WrongUse) as caught:
        read(text)
    assert sentence in str(caught.value)
    assert str(caught.value).startswith("postings/acme.toml")
    assert caught.value.exit_status == 2


def test_the_narrowest_account_wins() -> None:
    text = """
        [accounts]
        receivable = "1"
        [accounts.USD]
        receivable = "2"
        [accounts.acme]
        receivable = "3"
        [accounts.acme.USD]
        receivable = "4"
    """
    postings = read(text)
    asked = [("other", "EUR"), ("other", "USD"), ("acme", "EUR"), ("acme", "USD")]
    assert [postings.account("receivable", *pair) for pair in asked] == ["1", "2", "3", "4"]
    assert postings.account("payable", "acme", "EUR") is None


def test_two_files_may_not_give_one_name_two_accounts() -> None:
    texts = {"postings/a.toml": "[accounts]\nbank = '1'", "postings/b.toml": "\n[accounts]\nbank = '2'"}
    with pytest.raises(WrongUse, match=r"postings/b.toml line 3: expected one ledger account for 'bank'"):
        read_postings(texts, WORKSPACE)


def test_what_a_workspace_says_comes_before_what_ships() -> None:
    facts = Facts()
    facts.texts["postings/sales.toml"] = POSTING.replace('"bank"', '"platform_clearing"').replace(
        '"charge" }', '"charge", matched = "nothing" }'
    )
    facts.record("ch_1", "charge", "10.00 EUR")
    assert "Cr 4400 sales" in facts.text()


def test_the_digest_says_what_was_read() -> None:
    assert read(POSTING).digest == read(POSTING).digest != read(POSTING + "\n").digest


def test_every_reason_of_a_match_is_a_difference_here() -> None:
    assert set(DIFFERENCES) == set(REASONS)
    shipped = {reason for posting in read("").postings for reason in posting.when.get("adjustment", ())}
    assert shipped == set(DIFFERENCES)


def test_what_ships_needs_no_account_that_is_not_listed() -> None:
    named = {line.account for posting in read("").postings for line in posting.lines}
    assert named <= set(ACCOUNT_NAMES)


def test_a_minus_turns_an_amount_around() -> None:
    assert amount_of("-net") == (-1, 1, 1, 0)
    assert amount_of("gross") is None
