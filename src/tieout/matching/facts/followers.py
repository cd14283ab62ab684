"""
What reconciliations share: records that another one, later in tieout.toml, may still explain; records of both sides.
"""

from __future__ import annotations

import json
from itertools import product
from typing import TYPE_CHECKING, Any

from tieout.matching.facts.sides import polarity_of
from tieout.matching.grammar.reading import rule_set
from tieout.model.kinds import KINDS

if TYPE_CHECKING:
    from collections.abc import Iterable

    from tieout.config import Workspace
    from tieout.config.workspace import Reconciliation, Side
    from tieout.matching.grammar.rules import Filter, RuleSet

__all__ = ["booked_sides", "claims_of", "followers_text", "may_share", "may_still_explain", "others_text", "sharing"]

_BOTH = ("left", "right")
_FILTERS = ("sources", "accounts", "entities")


def followers_text(workspace: Workspace, own: Reconciliation) -> str:
    """
    Say what the reconciliations that stand later in tieout.toml look at: an input of a run, since it decides what waits.

    :return: JSON: for each of their sides its sources, accounts, entities, and the claims that it may use up.
    """
    place = [r.id for r in workspace.reconciliations].index(own.id)
    told = []
    for follower in workspace.reconciliations[place + 1 :]:
        rules = rule_set(workspace, follower)
        both = zip((follower.left, follower.right), (rules.left, rules.right), rules.claims, strict=True)
        for side, own_filter, claim in both:
            filters = {name: list(getattr(side, name)) for name in _FILTERS}
            told.append({**filters, "claims": sorted(claims_of(side, own_filter, claim))})
    return json.dumps(told, sort_keys=True)


def may_still_explain(text: str, own: Reconciliation, rules: RuleSet, claims: tuple[str, str]) -> tuple[bool, bool]:
    """
    Say for each side whether a reconciliation that stands later may still explain what is left of its records.

    :param text: :func:`followers_text`.
    :param claims: what this one uses up of (left, right).
    """
    followers = json.loads(text)
    both = zip((own.left, own.right), (rules.left, rules.right), claims, strict=True)
    left, right = (
        any(_within(side, f) and claims_of(side, own_filter, claim) & set(f["claims"]) for f in followers)
        for side, own_filter, claim in both
    )
    return left, right


def others_text(workspace: Workspace, own: Reconciliation, rules: RuleSet) -> str:
    """
    Say which other reconciliations, earlier or later, may use up the same claims of the same records.

    It decides whose identifiers a rule must respect, and is an input of a run.

    :return: JSON: for each of our sides and each of theirs that it shares records with: ours (``of``), their filters of
        that side (``mine``) and of the one beside it (``theirs``); empty where there is none.
    """
    told = []
    for other in workspace.reconciliations:
        if other.id == own.id:
            continue
        seen = _looks_at(other, rule_set(workspace, other))
        for of, side in _looks_at(own, rules).items():
            for mine, theirs in (("left", "right"), ("right", "left")):
                shared = may_share(getattr(own, of), getattr(other, mine)) and {*side["claims"]} & {
                    *seen[mine]["claims"]
                }
                if shared:
                    told.append({"of": of, "mine": seen[mine], "theirs": seen[theirs]})
    return json.dumps(told, sort_keys=True) if told else ""


def sharing(workspace: Workspace, names: Iterable[str]) -> list[str]:
    """
    Name, in the order of tieout.toml, some reconciliations and those that may use up the same claims of the same records.

    What a decision frees one of them may explain, or has to leave to a person.
    """
    asked = [workspace.reconciliation(name) for name in names]
    sides = {r.id: _looks_at(r, rule_set(workspace, r)) for r in workspace.reconciliations}

    def shares(one: Reconciliation, other: Reconciliation) -> bool:
        return any(
            may_share(getattr(one, mine), getattr(other, theirs))
            and {*sides[one.id][mine]["claims"]} & {*sides[other.id][theirs]["claims"]}
            for mine, theirs in product(("left", "right"), repeat=2)
        )

    return [other.id for other in workspace.reconciliations if any(o.id == other.id or shares(o, other) for o in asked)]


def booked_sides(workspace: Workspace) -> str | None:
    """
    Say which sides of reconciliations hold records against what a ledger, or an ERP, has booked of them.

    :return: JSON: of each such side its filters, in the order of tieout.toml; None where no leg is left to an ERP.
    """
    if not any("erp" in entity.books.values() for entity in workspace.entities):
        return None
    looked = [_looks_at(own, rule_set(workspace, own))[side] for own in workspace.reconciliations for side in _BOTH]
    return json.dumps([side for side in looked if "booking" in side["claims"]], sort_keys=True)


def _looks_at(own: Reconciliation, rules: RuleSet) -> dict[str, dict[str, Any]]:
    """Say what the sides of a reconciliation let pass, which claims they may use up, and how they are turned."""
    sides = {"left": (own.left, rules.left, rules.claims[0]), "right": (own.right, rules.right, rules.claims[1])}
    # Without claims of its own the sides may stand the other way round: see ``sides.side_claims``.
    swapped = not own.left.claim and not own.right.claim and "by kind" not in rules.claims
    found = {}
    for name, (side, filtered, claim) in sides.items():
        claims = {*rules.claims} if swapped else claims_of(side, filtered, side.claim or claim)
        found[name] = {
            **{filter_: list(getattr(side, filter_)) for filter_ in (*_FILTERS, "kinds")},
            "only": [list(filtered.kinds), list(filtered.bank_codes)],
            "claims": sorted(claims),
            "polarity": polarity_of(rules, name),
        }
    return found


def claims_of(side: Side, own: Filter, claim: str) -> set[str]:
    """Name the claims that a side may use up."""
    if claim != "by kind":
        return {claim}
    kinds = set(side.kinds or KINDS) & set(own.kinds or KINDS)
    return {KINDS[kind].claims[0] for kind in kinds if KINDS[kind].claims}


def may_share(one: Side, other: Side) -> bool:
    """Say whether a record may be on both of two sides."""
    every = (*_FILTERS, "kinds")
    return not any(_apart(getattr(one, name), getattr(other, name)) for name in every)


def _apart(one: Iterable[str], other: Iterable[str]) -> bool:
    return bool(one) and bool(other) and not set(one) & set(other)


def _within(side: Side, follower: dict[str, list[str]]) -> bool:
    """Whether every record of a side may be one of a follower's side, too, as far as sources and accounts tell."""
    return all(
        not follower[name] or (getattr(side, name) and set(getattr(side, name)) <= set(follower[name]))
        for name in _FILTERS
    )
