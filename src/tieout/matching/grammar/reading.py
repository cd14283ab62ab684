"""
Reads rule sets: the ones that ship (``sets/*.toml``) and a workspace's own (``rules/NAME.toml``).

Every fault is a WrongUse in one sentence: file, line, what was expected, what came. ``check_rules`` finds the faults
of all reconciliations before anything runs.
"""

from __future__ import annotations

import hashlib
from importlib import resources
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tieout.config import RULE_SETS
from tieout.config.checks import Files, identifier
from tieout.config.tables import Fault, Table
from tieout.config.toml_files import located, parsed, text_of
from tieout.errors import WrongUse
from tieout.matching.grammar.rule_tables import BY_KIND, RULE_KEYS, read_aliases, read_filter, read_rule
from tieout.matching.grammar.rules import FIELDS, GROUPS, MEASURES, POLARITIES, Rule, RuleSet
from tieout.model.kinds import CLAIMS

if TYPE_CHECKING:
    from tieout.config import Reconciliation, Workspace

__all__ = ["check_rules", "read_rules", "reconciliations_meant", "rule_set", "rules_named", "text_named"]

_RULES_MAX = 100
_NAME_MAX = 100
_SET_KEYS = ("id", "claims", "measure", "group", "polarity", "left", "right")
_SIDES = ("left", "right")


def read_rules(
    text: str,
    name: str,
    *,
    folder: Path | None = None,
    claims: tuple[str | None, str | None] = (None, None),
    kept: bool = False,
) -> RuleSet:
    """
    Check the text of a rule set.

    :param name: what messages call the file.
    :param folder: the workspace, where calendars are looked up; None: only those of the ``holidays`` library exist.
    :param claims: of (left, right) as the reconciliation says; None: as the file says.
    :param kept: it was checked when its text was kept: whether its calendars are still there is not asked.
    :raises WrongUse: something in it is wrong; the first fault found.
    """
    files = Files(folder or Path(), kept) if folder or kept else None
    try:
        return _rule_set(parsed(text, name), name, text, files, claims)
    except Fault as fault:
        raise WrongUse(located(fault, text, name)) from None


def rule_set(workspace: Workspace, reconciliation: Reconciliation) -> RuleSet:
    """
    Give the rules of a reconciliation, with the claims that it names in place of the file's.

    :raises WrongUse: the file cannot be read, or something in it is wrong.
    """
    return rules_named(workspace, reconciliation, reconciliation.rules)


def rules_named(workspace: Workspace, reconciliation: Reconciliation, named: str) -> RuleSet:
    """
    Give the rules that a reconciliation would have if it named these.

    :param named: a built-in set, or the path of a file, relative to the workspace.
    :raises WrongUse: the file cannot be read, or something in it is wrong.
    """
    claims = (reconciliation.left.claim, reconciliation.right.claim)
    text, name = text_named(workspace, named)
    return read_rules(text, name, folder=workspace.folder, claims=claims)


def text_named(workspace: Workspace, named: str) -> tuple[str, str]:
    """
    Give the text of a rule set, and what messages call it.

    :raises WrongUse: it cannot be read.
    """
    if named in RULE_SETS:
        text = resources.files("tieout.matching").joinpath("sets", f"{named}.toml").read_text(encoding="utf-8")
        return text, f"the built-in {named}.toml"
    return text_of(workspace.folder / named, named), named


def check_rules(workspace: Workspace) -> None:
    """
    Read the rules of every reconciliation, so that a fault is found before anything runs.

    :raises WrongUse: the first fault found.
    """
    for reconciliation in workspace.reconciliations:
        rule_set(workspace, reconciliation)


def _rule_set(
    content: dict[str, Any], name: str, text: str, files: Files | None, claimed: tuple[str | None, str | None]
) -> RuleSet:
    whole = Table(content, (), name)
    whole.only(("rules", "rule", "alias"))
    table = whole.table("rules", None)
    if table is None:
        raise Fault((), f"expected a table [rules] in {name}, found none")
    table = Table(table.values, table.place, "[rules]")
    table.only(_SET_KEYS)
    claims = _claims(table, claimed)
    group = _group(table)
    _check_measure(table, claims, claimed)
    return RuleSet(
        id=identifier(table),
        claims=claims,
        group=group,
        polarity=table.choice("polarity", POLARITIES) or "same",
        left=read_filter(table, "left", claims[0]),
        right=read_filter(table, "right", claims[1]),
        rules=_without_needed_groups(_rules(content, claims, files), group),
        aliases=read_aliases(content),
        digest=hashlib.sha256(text.encode()).hexdigest(),
        text=text,
    )


def _claims(table: Table, claimed: tuple[str | None, str | None]) -> tuple[str, str]:
    left, right = BY_KIND, BY_KIND
    value = table.values.get("claims", BY_KIND)
    if isinstance(value, dict):
        inner = table.table("claims", _SIDES) or table
        words = (*CLAIMS, BY_KIND)
        left, right = (inner.given(side, inner.choice(side, words)) for side in _SIDES)
    elif value != BY_KIND:
        raise table.wrong(
            key="claims", expected=f'{BY_KIND!r} or a table such as claims = {{ left = "document", right = "bank" }}'
        )
    return claimed[0] or left, claimed[1] or right


def _check_measure(table: Table, claims: tuple[str, str], claimed: tuple[str | None, str | None]) -> None:
    """
    Refuse another measure than what the claim of a side measures: so no match can use up more of a record.

    :param claimed: what the reconciliation says: the file cannot know it.
    """
    inner = table.table("measure", _SIDES)
    if inner is None:
        return
    for side, claim, given in zip(_SIDES, claims, claimed, strict=True):
        chosen = inner.choice(side, MEASURES)
        if claim == BY_KIND and given is None and chosen is not None:
            raise inner.fault(
                side,
                f"expected no {side!r} in {inner.name} beside claims 'by kind': each kind's claim says what is compared",
            )
        measured = "net" if claim == "settlement" else "amount"
        if claim != BY_KIND and chosen not in {None, measured}:
            raise inner.wrong(side, f"{measured!r}, which is what a {claim!r} claims,")


def _group(table: Table) -> tuple[str | None, str | None]:
    inner = table.table("group", _SIDES)
    if inner is None:
        return None, None
    if not inner.values:
        raise table.wrong(key="group", expected="a field for left or right", got="an empty table")
    for side in _SIDES:
        if inner.values.get(side) in FIELDS and inner.values[side] not in GROUPS:
            expected = (
                f"{GROUPS[0]!r} (what shares another identifier is summed by a rule: shape = 'n:m', 'n:1' or '1:n')"
            )
            raise inner.wrong(side, expected)
    return inner.choice("left", GROUPS), inner.choice("right", GROUPS)


def _rules(content: dict[str, Any], claims: tuple[str, str], files: Files | None) -> tuple[Rule, ...]:
    tables = content.get("rule", [])
    if not isinstance(tables, list) or not all(isinstance(values, dict) for values in tables):
        written = "[rule]" if isinstance(tables, dict) else "something else"
        raise Fault(("rule",), f"expected [[rule]] with two brackets, got {written}")
    if not 1 <= len(tables) <= _RULES_MAX:
        raise Fault(("rule",) if tables else (), f"expected 1 to {_RULES_MAX} [[rule]], got {len(tables) or 'none'}")
    names: dict[str, int] = {}
    rules = []
    for number, values in enumerate(tables):
        table = Table(values, ("rule", number), "[[rule]]")
        table.only(RULE_KEYS)
        name = _name(table)
        if name in names:
            first = ("rule", names[name], "name")
            raise Fault(table.at("name"), f"expected a new 'name' in [[rule]], got {name!r} again", first)
        names[name] = number
        rules.append(read_rule(Table(values, table.place, f"[[rule]] {name!r}"), claims, files))
    return tuple(rules)


def _without_needed_groups(rules: tuple[Rule, ...], group: tuple[str | None, str | None]) -> tuple[Rule, ...]:
    """Refuse to learn from things that are several records (whose text would count?), or to follow lines of such."""
    for number, rule in enumerate(rules):
        if rule.consecutive and group[0 if rule.shape == "n:1" else 1] is not None:
            side = "left" if rule.shape == "n:1" else "right"
            raise Fault(
                ("rule", number, "consecutive"),
                f"expected no 'group' of the {side} in [rules] beside 'consecutive', which follows single lines, got"
                f" {group[0 if side == 'left' else 1]!r}, in [[rule]] {rule.name!r}",
            )
        if rule.learn and any(group):
            raise Fault(
                ("rule", number, "learn"),
                f"expected no 'group' in [rules] beside 'learn', which compares the texts of single records, got one,"
                f" in [[rule]] {rule.name!r}",
            )
    return rules


def _name(table: Table) -> str:
    name = table.required("name")
    if len(name) > _NAME_MAX or not name.isprintable() or name != name.strip():
        raise table.wrong(key="name", expected=f"one line of at most {_NAME_MAX} characters")
    return name


def reconciliations_meant(workspace: Workspace, rules: str, name: str | None) -> list[Reconciliation]:
    """Say which reconciliations are meant: the one that is named, those that name these rules, or the only one."""
    if name is not None:
        return [workspace.reconciliation(name)]
    found = [one for one in workspace.reconciliations if one.rules == rules]
    if not found and len(workspace.reconciliations) == 1:
        found = list(workspace.reconciliations)
    if not found:
        names = ", ".join(one.id for one in workspace.reconciliations) or "none is declared"
        message = (
            f"expected --reconciliation NAME, since no reconciliation names {rules!r} as its rules ({names}), got none"
        )
        raise WrongUse(message)
    return found
