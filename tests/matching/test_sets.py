"""The rule sets that ship: all are there, say what the interface says, and guess nothing."""

from importlib import resources
from pathlib import Path

import pytest

from tieout.config import RULE_SETS, Workspace, read_workspace
from tieout.matching.grammar.reading import check_rules, rule_set
from tieout.matching.grammar.rules import Amount, Days, RuleSet
from tieout.model.kinds import KINDS

WORKSPACE = '[workspace]\nbase_currency = "EUR"\n[[entity]]\nid = "acme"\n[[source]]\nid = "psp"\nformat = "camt.053"\n'
SIDES = 'left = { source = "psp" }\nright = { source = "psp" }\n'
DOCUMENTS = {kind.name for kind in KINDS.values() if "document" in kind.claims}
PAYMENTS = {kind.name for kind in KINDS.values() if "payment" in kind.claims}


@pytest.fixture(scope="module")
def workspace() -> Workspace:
    named = "".join(f'[[reconciliation]]\nid = "{name}"\n{SIDES}rules = "{name}"\n' for name in RULE_SETS)
    return read_workspace(WORKSPACE + named, Path("/nowhere"), {})


def named(workspace: Workspace, name: str) -> RuleSet:
    return rule_set(workspace, workspace.reconciliation(name))


def test_every_set_that_is_promised_ships_and_no_other(workspace: Workspace) -> None:
    check_rules(workspace)
    files = {path.name for path in resources.files("tieout.matching").joinpath("sets").iterdir()}
    assert files == {f"{name}.toml" for name in RULE_SETS}
    assert [named(workspace, name).id for name in RULE_SETS] == list(RULE_SETS)


@pytest.mark.parametrize(
    ("name", "claims", "polarity"),
    [
        ("generic", ("by kind", "by kind"), "same"),
        ("invoice-to-payment", ("by kind", "by kind"), "same"),
        ("payout-to-bank", ("settlement", "bank"), "by kind"),
        ("open-items-to-bank", ("document", "bank"), "same"),
        ("bank-to-ledger", ("booking", "booking"), "same"),
        ("payment-to-receipt", ("booking", "booking"), "same"),
        ("intercompany", ("document", "document"), "opposite"),
    ],
)
def test_what_a_set_compares(workspace: Workspace, name: str, claims: tuple[str, str], polarity: str) -> None:
    found = named(workspace, name)
    assert (found.claims, found.polarity) == (claims, polarity)
    assert found.group == (("settlement_id", None) if name == "payout-to-bank" else (None, None))


@pytest.mark.parametrize("name", ["generic", "intercompany", "bank-to-ledger"])
def test_where_nothing_is_tolerated(workspace: Workspace, name: str) -> None:
    rules = named(workspace, name).rules
    # Where payments are undone, what undoes them is looked at after them.
    undone = ["normalised"] if name == "generic" else []
    assert [[key.how for key in rule.keys] for rule in rules] == [
        ["exact"],
        ["normalised"],
        *([how] for how in undone),
        [],
    ]
    assert [rule.exact for rule in rules] == [True] * (len(rules) - 1) + [False]
    assert all(rule.confirm and rule.amount == Amount() and rule.shape == "1:1" for rule in rules)
    assert rules[-1].days == Days(first=-5, last=5, calendar="business")


def test_only_the_first_rules_of_a_set_are_final_at_once(workspace: Workspace) -> None:
    exact = {name: [rule.exact for rule in named(workspace, name).rules] for name in RULE_SETS}
    assert not any(exact.pop("payout-to-bank"))
    for name, found in exact.items():
        final = 3 if name in {"generic", "invoice-to-payment", "payment-to-receipt"} else 2
        assert found == [True] * final + [False] * (len(found) - final), name


def test_either_side_may_hold_the_documents(workspace: Workspace) -> None:
    found = named(workspace, "invoice-to-payment")
    assert set(found.left.kinds) == set(found.right.kinds) == DOCUMENTS | PAYMENTS
    tolerant = [rule for rule in found.rules if rule.amount is None or not rule.amount.exact]
    assert tolerant
    straight = [(rule.keys, rule.amount, rule.score, rule.left, rule.right, rule.difference[:2]) for rule in tolerant]
    turned = [(rule.keys, rule.amount, rule.score, rule.right, rule.left, rule.difference[1::-1]) for rule in tolerant]
    assert set(turned) == set(straight)
    for rule in tolerant:
        documents_left = set(rule.left.kinds) == DOCUMENTS
        assert set(rule.right.kinds) == (PAYMENTS if documents_left else DOCUMENTS)
        assert rule.difference[0 if documents_left else 1] == "short_payment"
        assert rule.amount in {
            Amount(minor_units=1, pct_micro=500_000, base=base, apart=base) for base in (False, True)
        }
        assert rule.confirm


def test_an_exact_sum_of_all_that_names_a_document_comes_before_every_tolerance(workspace: Workspace) -> None:
    for name, shapes in {"open-items-to-bank": ["n:1", "1:n"], "invoice-to-payment": ["1:n", "n:1"]}.items():
        rules = named(workspace, name).rules
        sums = [place for place, rule in enumerate(rules) if rule.amount == Amount() and rule.keys]
        sums = [place for place in sums if rules[place].shape != "1:1" and not rules[place].subset]
        # What a part leaves can only be looked for behind it.
        sums = [place for place in sums if not any(rule.partial for rule in rules[:place])]
        assert [rules[place].shape for place in sums] == shapes
        assert max(sums) < min(n for n, rule in enumerate(rules) if rule.amount is None or not rule.amount.exact)


def test_what_scores_is_gated_by_expected_coincidences(workspace: Workspace) -> None:
    scored = [rule for name in RULE_SETS for rule in named(workspace, name).rules if rule.score]
    assert scored
    for rule in scored:
        assert rule.score is not None
        assert rule.score.coincidence_micro == 10_000
        assert rule.score.margin > 0


def test_payouts_are_found_by_token_before_amounts_are_looked_at(workspace: Workspace) -> None:
    rules = named(workspace, "payout-to-bank").rules
    by_token = [bool(rule.keys) and rule.keys[0].how == "token" for rule in rules]
    assert by_token == sorted(by_token, reverse=True)
    assert [rule.shape for rule in rules if rule.keys and rule.amount == Amount()] == ["1:1", "1:n", "n:1"]
    assert [rule.confirm for rule in rules if rule.score] == [False]
    assert all(rule.days for rule in rules)


def test_open_items_that_are_named_come_before_those_that_are_not(workspace: Workspace) -> None:
    rules = named(workspace, "open-items-to-bank").rules
    by_reference = [bool(rule.keys) and rule.keys[0].how != "name" for rule in rules]
    assert by_reference == sorted(by_reference, reverse=True)
    assert [rule.difference[0] for rule in rules if rule.amount and not rule.amount.exact] == [
        "bank_charge",
        "discount",
        "bank_charge",
    ]
    assert all(rule.amount.only == "short" for rule in rules if rule.amount and not rule.amount.exact)
    assert [rule.shape for rule in rules if rule.partial] == ["1:n"]
    assert all(rule.shape == "n:1" and rule.coincidence_micro == 10_000 for rule in rules if rule.subset)
    assert not any(rule.subset for rule, named_by in zip(rules, by_reference, strict=True) if named_by)


def test_no_set_takes_a_difference_without_a_reason(workspace: Workspace) -> None:
    for name in RULE_SETS:
        for rule in named(workspace, name).rules:
            assert rule.amount is not None or rule.partial
            assert rule.keys or rule.subset or rule.amount == Amount()
