"""Rule sets: what is written is what is read, and every fault is refused in one sentence with file and line."""

import hashlib
import os
import re
from dataclasses import replace
from importlib import resources
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.depth import examples
from tieout.config import RULE_SETS, Workspace, load_workspace, read_workspace
from tieout.errors import WrongUse
from tieout.matching.grammar.reading import check_rules, read_rules, rule_set
from tieout.matching.grammar.rule_tables import RULE_KEYS
from tieout.matching.grammar.rules import (
    CHECKS,
    DAYS,
    FIELDS,
    HOWS,
    LETTERS,
    POLARITIES,
    REASONS,
    SHAPES,
    Amount,
    Days,
    Filter,
    Key,
    Likeness,
    Rule,
    RuleSet,
    Score,
)
from tieout.model.kinds import CLAIMS, KINDS

WHOLE = """\
[rules]
id = "own"
claims = { left = "document", right = "bank" }
measure = { left = "amount", right = "amount" }
group = { left = "settlement_id" }
polarity = "opposite"
left = { kinds = ["invoice", "bill"] }
right = { bank_codes = "PMNT" }

[[rule]]
name = "everything"
keys = [
  { left = "external_id", right = ["references", "text"], how = "token" },
  { left = ["counterparty"], right = "counterparty", how = "name" },
]
amount = { abs = "0.05", pct = "0.5", minor = 1, take = "wider", base = true }
days = { from = -3, to = 5, calendar = "ECB", left = "due_on", right = "value_on" }
shape = "1:1"
unique = "both"
score = { amount = 40, days = 30, name = 20, reference = 10 }
at_least = 70
margin = 15
together = true
coincidence = "0.000001"
confirm = false
difference = { short = "discount", over = "rounding", currency = "fx" }
left = { kinds = "invoice" }
right = { kinds = ["bank_entry", "bank_detail"], bank_codes = ["PMNT RCDT ESCT", "166"] }

[[rule]]
name = "the rest"
keys = [{ left = "references", right = "references", how = "prefix" }]
partial = true

[[rule]]
name = "equal ones"
keys = [{ left = "references", right = "references" }]
equal = "fifo"

[[rule]]
name = "a selection"
shape = "n:1"
subset = true
coincidence = "0.5"

[[rule]]
name = "lines in a row"
shape = "1:n"
consecutive = true
equal = "fifo"
days = { from = -2, to = 9, calendar = "ECB" }
coincidence = "0.001"

[[rule]]
name = "a discount"
keys = [{ left = "references", right = "references" }]
amount = { abs = "50", pct = "3", only = "short", currency = { KWD = "0.0005", JPY = "5" } }
difference = { short = "discount" }
"""

SET = '[rules]\nid = "own"\n'  # lines 1 and 2
RULE = SET + '[[rule]]\nname = "a"\n'  # lines 3 and 4
KEYED = RULE + 'keys = [{ left = "references", right = "references" }]\n'  # line 5
NAMED = RULE + 'keys = [{ left = "counterparty", right = "text", how = "name" }]\n'  # line 5
ROW = RULE + "consecutive = true\nshape = 'n:1'\ndays = { from = 0, to = 9 }\n"  # lines 5, 6 and 7
LEARNED = RULE + "learn = [{ left = 'text', right = 'text' }]\n"  # line 5
SCORED = NAMED + "days = { from = 0, to = 3 }\nscore = { days = 30, name = 30 }\n"  # lines 6 and 7


def test_what_is_written_is_what_is_read() -> None:
    found = read_rules(WHOLE, "rules/own.toml")
    everything, rest, equal, selection, row, discount = found.rules
    assert replace(found, rules=()) == RuleSet(
        id="own",
        claims=("document", "bank"),
        group=("settlement_id", None),
        polarity="opposite",
        left=Filter(kinds=("invoice", "bill")),
        right=Filter(bank_codes=("PMNT",)),
        rules=(),
        digest=hashlib.sha256(WHOLE.encode()).hexdigest(),
        text=WHOLE,
    )
    assert everything == Rule(
        name="everything",
        keys=(
            Key(("external_id",), ("references", "text"), "token"),
            Key(("counterparty",), ("counterparty",), "name"),
        ),
        amount=Amount(
            abs_micro=50_000,
            pct_micro=500_000,
            take="wider",
            minor_units=1,
            base=True,
        ),
        days=Days(first=-3, last=5, calendar="ECB", left="due_on", right="value_on"),
        score=Score(amount=40, days=30, name=20, reference=10, at_least=70, margin=15, coincidence_micro=1),
        together=True,
        confirm=False,
        difference=("discount", "rounding", "fx"),
        left=Filter(kinds=("invoice",)),
        right=Filter(kinds=("bank_entry", "bank_detail"), bank_codes=("PMNT RCDT ESCT", "166")),
    )
    assert rest == Rule(
        name="the rest", keys=(Key(("references",), ("references",), "prefix"),), amount=None, partial=True
    )
    assert equal == Rule(name="equal ones", keys=(Key(("references",), ("references",)),), interchangeable=True)
    assert selection == Rule(name="a selection", shape="n:1", subset=True, coincidence_micro=500_000)
    assert row == Rule(
        name="lines in a row",
        shape="1:n",
        consecutive=True,
        interchangeable=True,
        days=Days(first=-2, last=9, calendar="ECB"),
        coincidence_micro=1_000,
    )
    per_currency = (("JPY", 5_000_000), ("KWD", 500))
    assert discount.amount == Amount(abs_micro=50_000_000, pct_micro=3_000_000, only="short", per_currency=per_currency)
    assert discount.difference == ("discount", "over_payment", "fx")


def test_what_settles_within_a_side_names_that_side_only() -> None:
    text = (
        BACK + "reversal = { kinds = 'credit_note', bank_codes = 'X' }\n" + NET.removeprefix(SET).replace('"a"', '"b"')
    )
    back, net = read_rules(text.replace("left = 'ref", "right = 'ref"), "own").rules
    assert (back.within, back.reversal) == (("right",), Filter(kinds=("credit_note",), bank_codes=("X",)))
    assert (net.within, net.keys, net.exact) == (("right",), (Key((), ("references",)),), False)


def test_what_is_not_said_has_a_default() -> None:
    found = read_rules(RULE, "own")
    assert (found.claims, found.group, found.polarity) == (
        ("by kind", "by kind"),
        (None, None),
        "same",
    )
    assert (found.left, found.right) == (Filter(), Filter())
    assert found.rules == (Rule(name="a"),)
    assert found.rules[0].amount == Amount()


def test_what_is_compared_may_be_said_as_the_claim_measures_it() -> None:
    said = 'claims = { left = "settlement", right = "bank" }\nmeasure = { left = "net", right = "amount" }\n'
    assert read_rules(SET + said + '[[rule]]\nname = "a"', "own").claims == ("settlement", "bank")


def test_a_claim_of_the_reconciliation_measures_too() -> None:
    text = SET + 'measure = { left = "net" }\nclaims = { left = "settlement", right = "bank" }\n[[rule]]\nname = "a"'
    read_rules(text, "own", claims=("by kind", None))
    with pytest.raises(WrongUse, match="line 3: expected 'amount', which is what a 'payment' claims, for 'left'"):
        read_rules(text, "own", claims=("payment", None))


@pytest.mark.parametrize(
    ("text", "exact"),
    [
        (KEYED, True),
        (KEYED.replace(" }]", ", how = 'normalised' }]"), True),
        (KEYED.replace(" }]", ", how = 'token' }]"), False),
        (KEYED + "amount = { minor = 1 }", False),
        (KEYED + "amount = { base = true }", False),
        (KEYED + "amount = { abs = '0', currency = { EUR = '1' } }", False),
        (KEYED + "confirm = false", False),
        (KEYED + "partial = true", False),
        (KEYED + "shape = '1:n'", False),
        (RULE, False),
    ],
)
def test_only_an_identifier_with_the_exact_amount_is_final_at_once(text: str, exact: bool) -> None:
    assert read_rules(text, "own").rules[0].exact is exact


NET = RULE + "keys = [{ left = 'references' }]\nshape = 'net'\n"  # lines 5 and 6
BACK = NET.replace("'net'", "'reversal'") + "days = { from = 0, to = 9 }\n"  # line 7
WITHIN_FAULTS = [
    (
        RULE + "shape = 'net'",
        "line 5: expected 'keys' for the shape 'net', whose things one identifier must name, found",
    ),
    (
        NET.replace("{ left = 'references' }", "{ how = 'exact' }"),
        "line 5: expected 'left' in 'keys' of [[rule]] 'a', f",
    ),
    (NET + "partial = true", "line 7: expected no 'partial' beside the shape 'net', got one, in [[rule]] 'a'"),
    (NET + "equal = 'fifo'", "line 7: expected no 'equal' beside the shape 'net', got one"),
    (NET + "right = { kinds = 'bank_entry' }", "line 7: expected no 'right' beside keys of the left only, got one"),
    (
        NET.replace(" }]", ", how = 'token' }]"),
        "line 5: expected one key that is exact or normalised for the shape 'net', got 't",
    ),
    (NET + "amount = { pct = '1' }", "line 7: expected an exact amount or what of a currency may be left ('abs', 'min"),
    (
        NET + "days = { from = 0, to = 2, either = ['top_up'] }",
        "line 7: expected no 'either' in 'days' beside the shape 'net', got one",
    ),
    (
        KEYED + "days = { from = 0, to = 2, either = ['topup'] }",
        "line 6: expected the name of a kind of record for 'either' in 'days' of [[rule]] 'a', got 'topup'",
    ),
    (NET + "amount = { base = true }", "line 7: expected an exact amount or what of a currency may be left"),
    (
        NET + "days = { from = 1, to = 2 }",
        "line 7: expected 'days' from 0 for the shape 'net': so many from one thing to",
    ),
    (
        NET + "reversal = { kinds = 'invoice' }",
        "line 7: expected the shape 'reversal' beside 'reversal' in [[rule]] 'a'",
    ),
    (
        NET.replace(" }]", ", how = 'normalised', drop = { right = { last = 1 } } }]"),
        "line 5: expected 'right' beside wh",
    ),
    (
        BACK.replace("days = { from = 0, to = 9 }", ""),
        "line 3: expected 'days' from 0 or later for the shape 'reversal'",
    ),
    (
        BACK.replace("from = 0", "from = -1"),
        "line 7: expected 'days' from 0 or later for the shape 'reversal': so many",
    ),
    (
        BACK.replace("left = 'references'", "left = 'references', right = 'text'"),
        "line 5: expected keys of one side ('lef",
    ),
    (
        BACK.replace("' }]", "', how = 'prefix' }]"),
        "line 5: expected keys that are exact, normalised or token for the sh",
    ),
    (
        BACK + "amount = { abs = '1' }",
        "line 8: expected an exact amount for the shape 'reversal', which takes back all",
    ),
    (
        BACK + "reversal = {}",
        "line 8: expected kinds, other_than or bank_codes for 'reversal' in [[rule]] 'a', got an e",
    ),
    (BACK + "reversal = { kinds = 'invoyce' }", "line 8: expected the name of a kind of record for 'kinds' in 'revers"),
]

FAULTS = [
    *WITHIN_FAULTS,
    # unknown keys
    (RULE + "consecutve = true", "line 5: unknown key 'consecutve' in [[rule]]; did you mean 'consecutive'?"),
    # lines in a row, and candidates together
    (RULE + "consecutive = 1", "line 5: expected true or false for 'consecutive' in [[rule]] 'a', got the number 1"),
    (
        RULE + "consecutive = true",
        "line 3: expected the shape 'n:1' (lines of the left) or '1:n' (of the right) beside 'c",
    ),
    (
        ROW.replace("n:1", "n:m"),
        "line 6: expected the shape 'n:1' (lines of the left) or '1:n' (of the right) beside 'con",
    ),
    (
        RULE + "shape = 'n:1'\nconsecutive = true",
        "line 3: expected 'days' of at most 92 from first to last beside 'conse",
    ),
    (
        ROW.replace("to = 9", "to = 93"),
        "line 7: expected 'days' of at most 92 from first to last beside 'consecutive', go",
    ),
    (
        ROW + "subset = true",
        "line 8: expected no 'subset' beside 'consecutive', where sums and order decide, got one, in",
    ),
    (
        ROW + "partial = true",
        "line 8: expected no 'partial' beside 'consecutive', where sums and order decide, got one",
    ),
    (
        ROW + "keys = [{ left = 'text', right = 'text' }]",
        "line 8: expected no 'keys' beside 'consecutive', where sums and",
    ),
    (
        ROW + "amount = { abs = '1' }",
        "line 8: expected an exact amount beside 'consecutive': with a tolerance more than one",
    ),
    (
        ROW.replace("[[rule]]", "group = { left = 'settlement_id' }\n[[rule]]"),
        "line 6: expected no 'group' of the left in [rules] beside 'consecutive', which follows single lines, got 'settlem",
    ),
    (
        RULE + "together = true",
        "line 5: expected 'score' beside 'together', which sums the points of pairs, found none",
    ),
    ("[rulez]", "line 1: unknown key 'rulez' in rules/own.toml; did you mean 'rule"),
    (SET + "clams = 1", "line 3: unknown key 'clams' in [rules]; did you mean 'claims'?"),
    (SET + "claims = { letf = 'bank' }", "line 3: unknown key 'letf' in 'claims' of [rules]; did you mean 'left'?"),
    (SET + "measure = { rigth = 'net' }", "line 3: unknown key 'rigth' in 'measure' of [rules]; did you mean 'right'?"),
    (SET + "group = { up = 'net' }", "line 3: unknown key 'up' in 'group' of [rules]"),
    (SET + "left = { kind = 'net' }", "line 3: unknown key 'kind' in 'left' of [rules]; did you mean 'kinds'?"),
    (RULE + "confrim = true", "line 5: unknown key 'confrim' in [[rule]]; did you mean 'confirm'?"),
    (RULE + "keys = [{ lft = 'text' }]", "line 5: unknown key 'lft' in 'keys' of [[rule]] 'a'; did you mean 'left'?"),
    (RULE + "amount = { pc = '1' }", "line 5: unknown key 'pc' in 'amount' of [[rule]] 'a'; did you mean 'pct'?"),
    (RULE + "days = { form = 0 }", "line 5: unknown key 'form' in 'days' of [[rule]] 'a'; did you mean 'from'?"),
    (RULE + "score = { names = 3 }", "line 5: unknown key 'names' in 'score' of [[rule]] 'a'; did you mean 'name'?"),
    (RULE + "difference = { shor = 'fx' }", "line 5: unknown key 'shor' in 'difference' of [[rule]] 'a'; did you"),
    (RULE + "right = { bank_code = '1' }", "line 5: unknown key 'bank_code' in 'right' of [[rule]] 'a'; did you mean"),
    # missing and empty
    ("", "line 1: expected a table [rules] in rules/own.toml, found none"),
    ("[rules]", "line 1: expected 'id' in [rules], found none"),
    (SET, "line 1: expected 1 to 100 [[rule]], got none"),
    (SET + "[[rule]]", "line 3: expected 'name' in [[rule]], found none"),
    (RULE + "keys = []", "line 5: expected 1 to 8 tables for 'keys' in [[rule]] 'a', got 0"),
    (RULE + "keys = [{ right = 'text' }]", "line 5: expected 'left' in 'keys' of [[rule]] 'a', found none"),
    (RULE + "keys = [{ left = 'text' }]", "line 5: expected 'right' in 'keys' of [[rule]] 'a', found none"),
    (RULE + "keys = [{ left = [], right = 'text' }]", "line 5: expected text or a list of texts for 'left'"),
    (RULE + "days = { to = 3 }", "line 5: expected 'from' in 'days' of [[rule]] 'a', found none"),
    (RULE + "days = { from = 3 }", "line 5: expected 'to' in 'days' of [[rule]] 'a', found none"),
    (RULE + "amount = {}", "line 5: expected a tolerance above 0 for 'amount' of [[rule]] 'a', got none"),
    (RULE + "score = {}", "line 5: expected points for one of amount, days, name, reference for 'score'"),
    (RULE + "difference = {}", "line 5: expected reasons for one of short, over, currency for 'difference'"),
    (
        RULE + "left = {}",
        "line 5: expected kinds, other_than or bank_codes for 'left' in [[rule]] 'a', got an empty table",
    ),
    (RULE + "left = { kinds = 'charge', other_than = 'refund' }", "line 5: expected either kinds or other_than for"),
    (
        RULE + "left = { other_than = 'order' }",
        "line 5: expected kinds that have a claim for 'other_than' in 'left' of",
    ),
    (SET + "claims = { left = 'bank' }", "line 3: expected 'right' in 'claims' of [rules], found none"),
    (SET + "group = {}", "line 3: expected a field for left or right for 'group' in [rules], got an empty table"),
    # wrong types
    ("rules = 3", "line 1: expected a table such as rules = { ... } for 'rules' in rules/own.toml, got the number 3"),
    ("rule = 3\n" + SET, "line 1: expected [[rule]] with two brackets, got something else"),
    (SET + "[rule]\nname = 'a'", "line 3: expected [[rule]] with two brackets, got [rule]"),
    (SET + "claims = 3", "line 3: expected 'by kind' or a table such as claims = { left = \"document\", right"),
    (SET + "claims = 'by kin'", "line 3: expected 'by kind' or a table such as claims"),
    (SET + "[[rule]]\nname = 3", "line 4: expected text for 'name' in [[rule]], got the number 3: write it in quotes"),
    (RULE + "keys = 'text'", "line 5: expected a list of tables such as keys = [{ ... }] for 'keys' in [[rule]] 'a'"),
    (RULE + "keys = ['text']", "line 5: expected a list of tables such as keys = [{ ... }] for 'keys'"),
    (RULE + "keys = [{ left = 3, right = 'text' }]", "line 5: expected text for 'left' in 'keys' of [[rule]] 'a', got"),
    (RULE + "amount = 0.05", "expected 'exact', 'any' or a table such as amount = { abs = \"0.05\" } for 'amount' in"),
    (RULE + "amount = { abs = 0.05 }", "got the number 0.05: write it in quotes"),
    (RULE + "amount = { pct = 1 }", "line 5: expected text for 'pct' in 'amount' of [[rule]] 'a', got the number 1"),
    (RULE + "amount = { minor = '1' }", "line 5: expected a whole number from 1 to 1000000 for 'minor'"),
    (RULE + "amount = { minor = 1.0 }", "line 5: expected a whole number from 1 to 1000000 for 'minor'"),
    (RULE + "amount = { minor = true }", "line 5: expected a whole number from 1 to 1000000 for 'minor'"),
    (
        RULE + "amount = { base = 'yes' }",
        "line 5: expected true, false or 'apart' for 'base' in 'amount' of [[rule]] 'a'",
    ),
    (RULE + "amount = { abs = '1', currency = { EUR = 2 } }", "expected text for 'EUR' in 'currency' of 'amount' of"),
    (RULE + "days = 3", "line 5: expected a table such as days = { ... } for 'days' in [[rule]] 'a', got the number 3"),
    (RULE + "days = { from = '0', to = 3 }", "line 5: expected a whole number from -3660 to 3660 for 'from'"),
    (RULE + "confirm = 'no'", "line 5: expected true or false for 'confirm' in [[rule]] 'a', got 'no'"),
    (RULE + "partial = 1", "line 5: expected true or false for 'partial' in [[rule]] 'a', got the number 1"),
    (RULE + "subset = 'n:1'", "line 5: expected true or false for 'subset' in [[rule]] 'a', got 'n:1'"),
    (RULE + "score = 70", "line 5: expected a table such as score = { ... } for 'score' in [[rule]] 'a'"),
    (SCORED + "at_least = '50'", "line 8: expected a whole number from 1 to 4000 for 'at_least' in [[rule]] 'a'"),
    (SCORED + "at_least = 50\ncoincidence = 0.01", "line 9: expected text for 'coincidence' in [[rule]] 'a', got the"),
    (RULE + "left = 'invoice'", "line 5: expected a table such as left = { ... } for 'left' in [[rule]] 'a'"),
    # words that do not exist
    (SET + "claims = { left = 'documents', right = 'bank' }", "line 3: expected one of document, payment, settlement,"),
    (SET + "claims = { left = 'documents', right = 'bank' }", "got 'documents'; did you mean 'document'?"),
    (SET + "measure = { left = 'gross' }", "line 3: expected one of amount, net for 'left' in 'measure' of [rules]"),
    (SET + "group = { left = 'settlement' }", "got 'settlement'; did you mean 'settlement_id'?"),
    (SET + "group = { left = 'references' }", "line 3: expected 'settlement_id' (what shares another identifier is"),
    (
        SET + "group = { right = 'payment_id' }",
        "by a rule: shape = 'n:m', 'n:1' or '1:n') for 'right' in 'group' of [rules], got 'payment_id'",
    ),
    (SET + "polarity = 'opposed'", "line 3: expected one of same, opposite, by kind for 'polarity' in [rules], got"),
    (SET + "left = { kinds = 'invoyce' }", "line 3: expected the name of a kind of record for 'kinds' in 'left' of"),
    (RULE + "keys = [{ left = 'reference', right = 'text' }]", "got 'reference'; did you mean 'references'?"),
    (RULE + "keys = [{ left = 'text', right = ['text', 'amount'] }]", "line 5: expected one of external_id, payment_"),
    (RULE + "keys = [{ left = 'text', right = 'text', how = 'tokn' }]", "expected one of exact, normalised, token, p"),
    (RULE + "keys = [{ left = 'text', right = 'text', how = 'tokn' }]", "got 'tokn'; did you mean 'token'?"),
    (
        RULE + "amount = 'exactly'",
        "line 5: expected one of exact, any for 'amount' in [[rule]] 'a', got 'exactly'; did",
    ),
    (RULE + "amount = { abs = '1', pct = '1', take = 'both' }", "line 5: expected one of tighter, wider for 'take'"),
    (RULE + "amount = { abs = '1', only = 'under' }", "line 5: expected one of short, over for 'only' in 'amount'"),
    (
        RULE + "amount = { abs = '1', currency = { YEN = '5' } }",
        "expected an ISO 4217 currency such as JPY in 'currenc",
    ),
    (RULE + "days = { from = 0, to = 1, calendar = 'ECBB' }", "line 5: expected a calendar of the holidays library"),
    (RULE + "days = { from = 0, to = 1, calendar = 'ECBB' }", "got 'ECBB'; did you mean 'ECB'?"),
    (RULE + "days = { from = 0, to = 1, calendar = 'own' }", "line 5: expected a calendar of the holidays library"),
    (RULE + "days = { from = 0, to = 1, left = 'seen_at' }", "line 5: expected one of booked_on, value_on, due_on"),
    (
        RULE + "shape = '1:2'",
        "line 5: expected one of 1:1, 1:n, n:1, n:m, net, reversal for 'shape' in [[rule]] 'a', got '1:2'",
    ),
    (
        RULE + "unique = 'left'",
        "line 5: expected 'both' (a rule never chooses among several, it says that the answer i",
    ),
    (RULE + "unique = false", "line 5: expected 'both' (a rule never chooses among several"),
    (RULE + "equal = 'lifo'", "line 5: expected 'fifo' (equal things can only be settled first in, first out) for"),
    (KEYED + "amount = { pct = '1' }\ndifference = { short = 'tax' }", "line 7: expected one of fee, fee_tax, bank_c"),
    (RULE + "left = { kinds = ['invoice', 'payuot'] }", "got 'payuot'; did you mean 'payout'?"),
    # amounts
    (
        RULE + "amount = { abs = '0,05' }",
        "line 5: expected a decimal such as 1234.56, got '0,05' for 'abs' in 'amount'",
    ),
    (RULE + "amount = { abs = '-1' }", "line 5: expected a decimal from 0 to 1000000000 for 'abs' in 'amount' of"),
    (RULE + "amount = { abs = '1000000001' }", "line 5: expected a decimal from 0 to 1000000000 for 'abs' in 'amount"),
    (RULE + "amount = { abs = '0.0000001' }", "line 5: expected at most 6 decimals for 'abs' in 'amount' of [[rule]]"),
    (RULE + "amount = { abs = '9e9' }", "line 5: expected a decimal such as 1234.56, got '9e9' for 'abs'"),
    (RULE + "amount = { pct = '100.1' }", "line 5: expected a decimal from 0 to 100 for 'pct' in 'amount' of [[rule]]"),
    (RULE + "amount = { pct = '0.5%' }", "line 5: expected a decimal such as 1234.56, got '0.5%' for 'pct'"),
    (RULE + "amount = { minor = 0 }", "line 5: expected a whole number from 1 to 1000000 for 'minor' in 'amount' of"),
    (RULE + "amount = { abs = '0', pct = '0' }", "line 5: expected a tolerance above 0 for 'amount' of [[rule]] 'a'"),
    (RULE + "amount = { abs = '0', base = true }", "line 5: expected a tolerance above 0 for 'amount' of [[rule]] 'a'"),
    (RULE + "amount = { currency = { JPY = '5' } }", "line 5: expected 'abs' beside 'currency' in 'amount' of [[rul"),
    (RULE + "amount = { abs = '1', take = 'wider' }", "line 5: expected 'abs' and 'pct' beside 'take' in 'amount'"),
    (
        KEYED + "amount = { abs = '1', base = true, currency = { USD = '2' } }",
        "line 6: expected no 'currency' beside 'base' in 'amount' of [[rule]] 'a': 'abs' is of the entity's, in which it compares",
    ),
    (RULE + "amount = { base = true, only = 'short' }", "line 5: expected a tolerance beside 'only' in 'amount' of"),
    (KEYED + "amount = 'any'", "line 6: expected confirm = false beside amount = 'any': a difference of any size is"),
    (RULE + "amount = 'any'\nconfirm = false", "line 5: expected 'keys' beside amount = 'any', found none: nothing"),
    (
        RULE + "amount = { pct = '1' }",
        "line 5: expected 'days' of at most 92 from first to last for a tolerance withou",
    ),
    (RULE + "amount = { pct = '1' }\ndays = { from = -50, to = 50 }", "without 'keys', got 100: everything would be"),
    # days
    (RULE + "days = { from = 3, to = 0 }", "line 5: expected a day not before 'from' (3) for 'to' in 'days' of [[rule"),
    (RULE + "days = { from = 0, to = 3661 }", "line 5: expected a whole number from -3660 to 3660 for 'to' in 'days'"),
    (
        RULE + "days = { from = -3660, to = 3660 }",
        "line 5: expected a window of at most 1830 days after 'from' (-3660) for 'to' in 'days' of [[rule]] 'a', got 3660",
    ),
    # shapes and keys
    (RULE + "shape = 'n:1'", "line 5: expected 'keys' for the shape 'n:1', whose things are summed over the first, fo"),
    (NAMED + "shape = '1:n'", "line 5: expected a first key that is exact, normalised or token for the shape '1:n'"),
    (
        KEYED.replace(" }]", ", how = 'prefix' }]") + "shape = 'n:m'",
        "which sums over it, got 'prefix', in [[rule]] 'a'",
    ),
    (KEYED.replace(" }]", ", how = 'token' }]") + "shape = 'n:m'", "one key that is exact or normalised for the shape"),
    (
        KEYED + "shape = 'n:m'\ndays = { from = 0, to = 3 }",
        "line 7: expected no 'days' for the shape 'n:m', which sums",
    ),
    (
        KEYED + "shape = 'n:m'\namount = { pct = '1' }",
        "line 7: expected an exact amount for the shape 'n:m', got another",
    ),
    (
        NAMED.replace("}]\n", "}, { left = 'text', right = 'text', how = 'name' }]\n"),
        "line 5: expected at most one key with how = 'name' (it may list several fields), got 2",
    ),
    (RULE + "keys = [{ left = 'references', right = 'text', how = 'name' }]", "line 5: expected counterparty or text"),
    (
        RULE + "keys = [{ left = 'text', right = ['payment_id'], how = 'name' }]",
        "for 'right' in 'keys' of [[rule]] 'a'",
    ),
    # subset
    (KEYED + "subset = true", "line 6: expected the shape '1:n' or 'n:1' beside 'subset', got '1:1', in [[rule]] 'a'"),
    (RULE + "shape = 'n:1'\nsubset = true\namount = { minor = 1 }", "line 7: expected an exact amount beside 'subset'"),
    (KEYED + "shape = 'n:1'\nsubset = true\namount = 'any'", "line 8: expected an exact amount beside 'subset'"),
    (
        RULE + "shape = 'n:1'\nsubset = true\nequal = 'fifo'",
        "line 7: expected 'keys' for 'equal' beside 'subset', found none",
    ),
    (KEYED + "shape = 'n:1'\nequal = 'fifo'", "line 7: expected no 'equal' for the shape 'n:1', which takes all"),
    (KEYED + "shape = 'n:m'\nequal = 'fifo'", "line 7: expected no 'equal' for the shape 'n:m', which takes all"),
    (
        KEYED[:-3] + ", how = 'prefix' }]\nshape = 'n:1'\nsubset = true",
        "line 5: expected keys that are no 'prefix' beside 'subset'",
    ),
    (KEYED + "shape = 'n:1'\nsubset = true\npartial = true", "line 3: expected an exact amount beside 'subset'"),
    (SCORED + "at_least = 50\nshape = 'n:1'\nsubset = true", "line 7: expected no 'score' beside 'subset', got one"),
    # partial
    (
        KEYED + "partial = true\namount = 'exact'",
        "line 7: expected no 'amount' beside 'partial', which matches as much",
    ),
    (KEYED + "partial = true\namount = { pct = '1' }", "line 7: expected no 'amount' beside 'partial', which matches"),
    (RULE + "partial = true", "line 5: expected a key that identifies what is paid in part (not a name) beside"),
    (
        NAMED + "partial = true",
        "line 6: expected a key that identifies what is paid in part (not a name) beside 'parti",
    ),
    (KEYED + "partial = true\nshape = 'n:m'", "line 7: expected the shape '1:1', '1:n' or 'n:1' beside 'partial', got"),
    (
        KEYED + "partial = true\nequal = 'fifo'",
        "line 7: expected no 'equal' beside 'partial', got one, in [[rule]] 'a'",
    ),
    (KEYED + "partial = true\ndifference = { short = 'fx' }", "line 7: expected no 'difference' beside 'partial', got"),
    # score
    (SCORED, "line 3: expected 'at_least' in [[rule]] 'a', found none"),
    (NAMED + "margin = 15", "line 6: expected 'score' beside 'margin' in [[rule]] 'a', found none"),
    (NAMED + "at_least = 15", "line 6: expected 'score' beside 'at_least' in [[rule]] 'a', found none"),
    (
        NAMED + "coincidence = '0.01'",
        "line 6: expected 'score', 'subset', 'consecutive' or 'learn' beside 'coincidence', found none",
    ),
    (SCORED + "at_least = 61", "line 8: expected at most 60 (all points of 'score' together) for 'at_least' in [[rule"),
    (SCORED + "at_least = 0", "line 8: expected a whole number from 1 to 4000 for 'at_least' in [[rule]] 'a', got the"),
    (SCORED + "at_least = 50\nmargin = 61", "line 9: expected at most 60 (all points of 'score' together) for 'margin"),
    (SCORED + "at_least = 50\nmargin = -1", "line 9: expected a whole number from 0 to 4000 for 'margin' in [[rule]]"),
    (SCORED + "at_least = 50\ncoincidence = '0'", "line 9: expected a decimal above 0, such as '0.01' for 'coinciden"),
    (SCORED + "at_least = 50\ncoincidence = '1.5'", "line 9: expected a decimal from 0 to 1 for 'coincidence' in [["),
    (SCORED + "at_least = 50\nequal = 'fifo'", "line 9: expected no 'equal' beside 'score': a tie is ambiguous, got"),
    (KEYED + "at_least = 9\nscore = { amount = 9 }\nshape = '1:n'", "line 8: expected the shape '1:1' beside 'score'"),
    (NAMED + "score = { amount = 0 }\nat_least = 1", "line 6: expected a whole number from 1 to 1000 for 'amount' in"),
    (NAMED + "score = { name = 1001 }\nat_least = 1", "line 6: expected a whole number from 1 to 1000 for 'name' in"),
    (KEYED + "score = { name = 9 }\nat_least = 9", "line 6: expected a key with how = 'name' beside points for 'name'"),
    (NAMED + "score = { reference = 9 }\nat_least = 9", "line 6: expected a key that is no name beside points for 're"),
    (
        NAMED + "score = { days = 9 }\nat_least = 9",
        "line 6: expected 'days' beside points for 'days' in 'score', found",
    ),
    (
        NAMED + "score = { amount = 9 }\nat_least = 9\namount = 'any'\nconfirm = false",
        "line 6: expected an amount that is compared beside points for 'amount' in 'score', found none",
    ),
    # learning
    (RULE + "learn = []", "line 5: expected 1 to 3 tables for 'learn' in [[rule]] 'a', got 0"),
    (RULE + "learn = [{ left = 'text' }]", "line 5: expected 'right' in 'learn' of [[rule]] 'a', found none"),
    (
        RULE + "learn = [{ left = 'references', right = 'text' }]",
        "line 5: expected one of text, counterparty, counterparty_account, external_id, payment_id, settlement_id for 'left'",
    ),
    (RULE + "learn = [{ left = 'txt', right = 'text' }]", "'txt'; did you mean 'text'?"),
    (
        LEARNED[:-2] + ", { left = 'text', right = 'text' }]\ndays = { from = 0, to = 9 }",
        "line 5: expected each pair of",
    ),
    (
        LEARNED.replace("[[rule]]", "group = { left = 'settlement_id' }\n[[rule]]") + "days = { from = 0, to = 9 }",
        "line 6: expected no 'group' in [rules] beside 'learn', which compares the texts of single records, got one",
    ),
    (LEARNED, "line 3: expected 'days' of at most 92 from first to last beside 'learn', got none, in [[rule]] 'a'"),
    (
        LEARNED + "days = { from = 0, to = 93 }",
        "line 6: expected 'days' of at most 92 from first to last beside 'learn'",
    ),
    (
        LEARNED + "days = { from = 0, to = 9 }\namount = { base = true }",
        "line 7: expected an exact amount or a plain tolerance ('abs', 'pct', 'minor') beside 'learn', got another",
    ),
    (
        LEARNED + "days = { from = 0, to = 9 }\nequal = 'fifo'",
        "line 7: expected no 'equal' beside 'learn', which weighs",
    ),
    (LEARNED + "days = { from = 0, to = 9 }\nmargin = 3", "line 7: expected 'score' beside 'margin' in [[rule]] 'a'"),
    (
        LEARNED + "days = { from = 0, to = 9 }\nshape = 'n:1'\nsubset = true",
        "line 5: expected no 'learn' beside 'subset', got one",
    ),
    (
        LEARNED + "days = { from = 0, to = 9 }\ncoincidence = '0.6'",
        "line 7: expected at most '0.5' beside 'learn': what is more likely an accident is no match, got '0.6'",
    ),
    (
        KEYED + "learn = [{ left = 'text', right = 'text' }]",
        "expected no 'keys' beside 'learn', which weighs whatever is",
    ),
    # differences
    (KEYED + "difference = { short = 'fee' }", "line 6: expected no 'difference' beside an exact amount, got one, in"),
    (KEYED + "amount = { pct = '1' }\ndifference = { currency = 'fx' }", "line 7: expected amount = { base = true }"),
    (
        KEYED + "amount = { pct = '1', only = 'short' }\ndifference = { over = 'fee' }",
        "line 7: expected no difference 'over' where the amount may only be 'short', got one, in [[rule]] 'a'",
    ),
    # claims
    (SET + "claims = { left = 'settlement', right = 'bank' }\nmeasure = { left = 'amount' }", "line 4: expected 'net'"),
    (
        SET + "claims = { left = 'payment', right = 'document' }\nmeasure = { left = 'net' }",
        "line 4: expected 'amount', which is what a 'payment' claims, for 'left' in 'measure' of [rules], got 'net'",
    ),
    (
        SET + "measure = { right = 'net' }",
        "line 3: expected no 'right' in 'measure' of [rules] beside claims 'by kind': each kind's claim says what",
    ),
    (RULE + "left = { kinds = 'order' }", "line 5: expected kinds that have a claim for 'kinds' in 'left' of [[rule]]"),
    (
        SET + "claims = { left = 'bank', right = 'bank' }\n[[rule]]\nname = 'a'\nright = { kinds = ['charge'] }",
        "line 6: expected kinds that have the claim 'bank' for 'kinds' in 'right' of [[rule]] 'a', got 'charge'",
    ),
    # twice
    (RULE + "[[rule]]\nname = 'a'", "line 6: expected a new 'name' in [[rule]], got 'a' again (first on line 4)"),
    (RULE + "name = 'b'", "line 5: expected TOML, got: Cannot overwrite a value"),
    (RULE + "left = { kinds = ['bill', 'bill'] }", "line 5: expected a list of different texts for 'kinds' in 'left'"),
    # limits
    (SET + '[[rule]]\nname = "a\\nb"', "line 4: expected one line of at most 100 characters for 'name' in [[rule]]"),
    (SET + "[[rule]]\nname = '" + "x" * 101 + "'", "line 4: expected one line of at most 100 characters for 'name'"),
    ("[rules]\nid = '../x'", "line 2: expected a name of at most 100 characters such as 'bank-main' for 'id' in [rul"),
    (SET + "[[rule]]\nname = 'a'\n" * 101, "line 3: expected 1 to 100 [[rule]], got 101"),
    (RULE + f"keys = [{'{},' * 9}]", "line 5: expected 1 to 8 tables for 'keys' in [[rule]] 'a', got 9"),
    (RULE + f"left.bank_codes = {[str(n) for n in range(1001)]}", "line 5: expected a list of at most 1000 texts for"),
    (SET + "#" * (1 << 20), "rules/own.toml: expected at most 1048576 characters, got "),
    ("x = " + "[" * 9000, "rules/own.toml: expected at most 32 tables and lists in each other, got more"),
    ("\n" + "a." * 100_000 + "b = 1", "line 2: expected a key of at most 32 parts, got more"),
    (RULE + "days = { from = 0, to = 99999999999999999999 }", "expected whole numbers of at most 64 bits, got a large"),
    (RULE + "amount = ", "line 5: expected TOML, got: Invalid value"),
]


GUIDE = (Path(__file__).resolve().parents[2] / "docs" / "how-to" / "write-a-rule.md").read_text()


def test_a_rule_that_learns_says_what_is_compared_and_how_sure_it_must_be() -> None:
    text = LEARNED + "amount = { pct = '30' }\ndays = { from = 0, to = 30 }\n"
    (rule,) = read_rules(text, "rules/own.toml").rules
    assert rule.learn == (Likeness("text", "text"),)
    assert (rule.coincidence_micro, rule.exact, rule.confirm) == (1_000, False, True)
    (rule,) = read_rules(text + "coincidence = '0.25'", "rules/own.toml").rules
    assert rule.coincidence_micro == 250_000


@pytest.mark.parametrize("name", RULE_SETS)
def test_no_rule_set_that_ships_learns(name: str) -> None:
    text = resources.files("tieout.matching").joinpath("sets", f"{name}.toml").read_text(encoding="utf-8")
    assert not any(rule.learn for rule in read_rules(text, name).rules)


def test_the_guide_explains_every_word_of_the_grammar() -> None:
    keys = {*RULE_KEYS, "id", "claims", "measure", "group", "polarity", "abs", "pct", "minor", "take", "base", "only"}
    keys |= {"prefix", "suffix", "check", "last", "zeros", "letters"}
    keys |= {"from", "to", "calendar", "short", "over", "currency", "kinds", "bank_codes", "fifo", "business"}
    words = {*HOWS, *CHECKS, *LETTERS, *SHAPES, *POLARITIES, *REASONS, *FIELDS, *DAYS, *CLAIMS, *RULE_SETS}
    silent = {
        word for word in keys | words if not re.search(rf"""[`"]{re.escape(word)}[`" ]|{re.escape(word)} = """, GUIDE)
    }
    assert silent == set()


def message_of(text: str) -> str:
    with pytest.raises(WrongUse) as caught:
        read_rules(text, "rules/own.toml")
    assert caught.value.exit_status == 2
    return str(caught.value)


@pytest.mark.parametrize(("text", "expected"), FAULTS, ids=[str(number) for number in range(len(FAULTS))])
@pytest.mark.timeout(20)
def test_a_fault_says_what_was_expected_what_came_and_where(text: str, expected: str) -> None:
    message = message_of(text)
    assert expected in message
    assert message.startswith("rules/own.toml")
    assert "\n" not in message
    assert len(message) < 500


@settings(max_examples=examples(300))
@given(
    begin=st.integers(0, len(WHOLE)),
    length=st.integers(0, 40),
    junk=st.text(st.sampled_from("[]{}\"'=\\\n#,.a1\0é"), max_size=6),
)
def test_a_spoilt_file_is_read_or_refused_in_one_sentence(begin: int, length: int, junk: str) -> None:
    text = WHOLE[:begin] + junk + WHOLE[begin + length :]
    try:
        assert read_rules(text, "rules/own.toml").rules
    except WrongUse as error:
        assert str(error).startswith("rules/own.toml")  # noqa: PT017 - either outcome is right
        assert "\n" not in str(error)  # noqa: PT017 - as above


SCALARS = st.sampled_from(["'x'", "1", "1.5", "true", "2026-10-31", "[]", "[1]", "['x']", "{}", "{ a = 1 }", "''"])
LINES = [line for line in WHOLE.splitlines() if "=" in line and not line.startswith((" ", "keys"))]


@given(line=st.sampled_from(LINES), value=SCALARS)
def test_a_value_of_any_other_type_is_read_or_refused_with_its_line(line: str, value: str) -> None:
    lines = WHOLE.splitlines()
    number = lines.index(line)
    lines[number] = f"{line.partition('=')[0]}= {value}"
    try:
        assert read_rules("\n".join(lines), "rules/own.toml").rules
    except WrongUse as error:
        assert str(error).startswith("rules/own.toml line ")  # noqa: PT017 - either outcome is right


# -- in a workspace ---------------------------------------------------------------------------------------------------

TIEOUT = """\
[workspace]
base_currency = "EUR"
[[entity]]
id = "acme"
[[source]]
id = "psp"
format = "stripe.balance"
[[source]]
id = "bank"
format = "camt.053"
"""
RECONCILIATION = (
    '[[reconciliation]]\nid = "r{0}"\nleft = {{ source = "psp" }}\nright = {{ source = "bank" }}\nrules = "{1}"\n'
)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "rules").mkdir()
    (tmp_path / "rules" / "own.toml").write_text(WHOLE)
    return tmp_path


def workspace_of(folder: Path, *rules: str, more: str = "") -> Workspace:
    text = TIEOUT + "".join(RECONCILIATION.format(number, name) for number, name in enumerate(rules)) + more
    return read_workspace(text, folder, {})


def test_a_reconciliation_has_the_rules_it_names(folder: Path) -> None:
    workspace = workspace_of(folder, "rules/own.toml", "generic")
    own, generic = (rule_set(workspace, one) for one in workspace.reconciliations)
    assert (own.id, generic.id) == ("own", "generic")
    assert own == read_rules(WHOLE, "any name")


def test_a_reconciliation_s_claims_come_before_the_file_s(folder: Path) -> None:
    more = 'claims = { left = "settlement" }\n'
    workspace = workspace_of(folder, "rules/own.toml", more=more)
    (folder / "rules" / "own.toml").write_text(KEYED)
    found = rule_set(workspace, workspace.reconciliation("r0"))
    assert found.claims == ("settlement", "by kind")
    (folder / "rules" / "own.toml").write_text(KEYED + "left.kinds = 'invoice'")
    with pytest.raises(WrongUse, match="line 6: expected kinds that have the claim 'settlement'"):
        rule_set(workspace, workspace.reconciliation("r0"))


def test_calendars_of_the_workspace_are_known(folder: Path) -> None:
    workspace = workspace_of(folder, "rules/own.toml")
    (folder / "rules" / "own.toml").write_text(RULE + 'days = { from = 0, to = 3, calendar = "gulf" }')
    with pytest.raises(WrongUse, match="line 5: expected a calendar"):
        check_rules(workspace)
    (folder / "calendars").mkdir()
    (folder / "calendars" / "gulf.toml").write_text("holidays = []")
    check_rules(workspace)
    found = rule_set(workspace, workspace.reconciliation("r0"))
    assert found.rules[0].days == Days(first=0, last=3, calendar="gulf")


def test_calendars_beside_the_reader_are_not_those_of_a_workspace(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (folder / "calendars").mkdir()
    (folder / "calendars" / "gulf.toml").write_text("holidays = []")
    monkeypatch.chdir(folder)
    with pytest.raises(WrongUse, match="expected a calendar"):
        read_rules(RULE + 'days = { from = 0, to = 3, calendar = "gulf" }', "own")


def test_the_faults_of_every_reconciliation_are_found_before_anything_runs(folder: Path) -> None:
    workspace = workspace_of(folder, "generic", "payout-to-bank", "rules/own.toml")
    check_rules(workspace)
    (folder / "rules" / "own.toml").write_text(WHOLE.replace("confirm", "confrim"))
    with pytest.raises(WrongUse, match=r"^rules/own.toml line 25: unknown key 'confrim' in \[\[rule\]\]; did you mean"):
        check_rules(workspace)
    (folder / "rules" / "own.toml").write_bytes(b"[rules]\nid = '\xff'")
    with pytest.raises(WrongUse, match=r"^rules/own.toml line 2: expected UTF-8 text, got the byte 0xff$"):
        check_rules(workspace)
    (folder / "rules" / "own.toml").write_bytes(b"#" * (1 << 21))
    with pytest.raises(WrongUse, match="at most 1048576 bytes, got more"):
        check_rules(workspace)
    (folder / "rules" / "own.toml").unlink()
    with pytest.raises(WrongUse, match=r"expected a readable rules/own.toml in .*, got: No such file"):
        check_rules(workspace)


def test_a_file_of_windows_reads_the_same(folder: Path) -> None:
    workspace = workspace_of(folder, "rules/own.toml")
    plain = rule_set(workspace, workspace.reconciliation("r0"))
    (folder / "rules" / "own.toml").write_bytes(b"\xef\xbb\xbf" + WHOLE.replace("\n", "\r\n").encode())
    windows = rule_set(workspace, workspace.reconciliation("r0"))
    assert windows.rules == plain.rules
    assert windows.digest != plain.digest


def test_a_workspace_without_reconciliations_has_no_faults(folder: Path) -> None:
    (folder / "tieout.toml").write_text(TIEOUT)
    check_rules(load_workspace(folder, dict(os.environ)))


def test_all_kinds_but_some() -> None:
    told = "left = { other_than = ['dispute', 'dispute_reversal'] }"
    kinds = read_rules(RULE + told, "own.toml").rules[0].left.kinds
    assert {kind.name for kind in KINDS.values() if kind.claims} - set(kinds) == {"dispute", "dispute_reversal"}
