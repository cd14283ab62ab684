"""
What reconciliations share: records that another one, later in tieout.toml, may still explain; records of both sides.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from tieout.matching.reading import rule_set
from tieout.model.kinds import KINDS

if TYPE_CHECKING:
    from collections.abc import Iterable

    from tieout.config import Workspace
    from tieout.config.workspace import Reconciliation, Side
    from tieout.matching.rules import Filter, RuleSet

__all__ = ["claims_of", "followers_text", "may_share", "may_still_explain"]

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
