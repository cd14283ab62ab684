"""
What a run begins with: the book at one moment, and from it both sides with what is open of each record.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

from tieout.errors import WrongUse
from tieout.matching.comparing.elsewhere import columns_naming
from tieout.matching.comparing.parties import platform_words
from tieout.matching.facts.followers import claims_of, may_share
from tieout.matching.facts.history import Before, UsedKeys, kin_again, records_again, scales_in
from tieout.matching.facts.records import (
    BANK_KINDS,
    bank_kinds,
    calendar_codes,
    kinds_of,
    read_forbidden,
    read_kin,
    read_stale,
    read_used,
    records_of,
)
from tieout.matching.facts.resting import rest_on_others
from tieout.matching.facts.scales import read_scales
from tieout.matching.facts.sides import members_sql, polarity_of, rows_sql, shared_sql, side_claims
from tieout.matching.performing.families import columns_of_parts, parts_beside_sql
from tieout.matching.performing.perform import Performance, columns_wanted
from tieout.matching.results.rows import read_rows
from tieout.model.kinds import KINDS
from tieout.model.money import exponent_of
from tieout.store.runs import facts_version, results_at, standing_matches
from tieout.store.workplace import files_at

if TYPE_CHECKING:
    import sqlalchemy as sa

    from tieout.config import Workspace
    from tieout.config.rates import Rates
    from tieout.config.workspace import Reconciliation
    from tieout.matching.backends.engine import Engine
    from tieout.matching.grammar.rules import RuleSet
    from tieout.matching.results.rows import Rows
    from tieout.store.lake import Lake, LakeFile
    from tieout.store.runs import Results

__all__ = ["Opened", "Reading", "open_sides", "read_before", "read_book"]

_FILES = ("records", "superseded", "references")


@dataclass(frozen=True, slots=True)
class Reading:
    """What the book said when the run began."""

    facts_version: int
    files: dict[str, list[LakeFile]]
    results: Results


@dataclass(frozen=True, slots=True)
class Opened:
    """
    Both sides, opened.

    :ivar rows: in memory, where the engine is in this process.
    :ivar claims: of (left, right), or ``by kind``; ``used``: every claim that the run uses up or gives back.
    :ivar stale: {match that rests on a superseded record: whether it is this reconciliation's, and final}.
    """

    work: Performance
    rows: Rows | None
    claims: tuple[str, str]
    used: set[str]
    stale: dict[bytes, bool]


def read_book(connection: sa.Connection, version: int | None = None) -> Reading:
    """
    Read what the book says.

    :param version: of the facts; None: of today.
    """
    version = facts_version(connection) if version is None else version
    return Reading(version, files_at(connection, _FILES, version), results_at(connection))


def read_before(connection: sa.Connection, last: dict[str, Any]) -> Before:
    """Read what stood when a run had just been committed."""
    known = files_at(connection, ("records", "superseded"), last["facts_version"])
    return Before(
        results=results_at(connection, last["sequence"]),
        known=frozenset(file.path for files in known.values() for file in files),
        claims=frozenset(json.loads(last["heads"])),
        through_day=last["through_day"],
    )


def open_sides(
    engine: Engine,
    lake: Lake,
    workspace: Workspace,
    asked: tuple[Reconciliation, RuleSet, Rates, int],
    reading: Reading,
    before: Before | None,
    *,
    others: str = "",
) -> Opened:
    """
    Make ``left_all`` and ``right_all``: every record of a side with something open.

    :param asked: the reconciliation, its rules, the rates, and the day, since 1970, through which is looked.
    :param before: the last run, where it rested on the same texts: of what it could read only what it left is read.
    :param others: what other reconciliations look at (``followers.others_text``).
    """
    own, rules, rates, through_day = asked
    files, results = reading.files, reading.results
    records = records_of(lake, files)
    kinds = kinds_of(engine, records, own, rules)
    claims = side_claims(own, rules, kinds)
    _refuse_unbooked(own, claims, kinds)
    grouped = (rules.group[0] is not None, rules.group[1] is not None)
    uses = _claims_used(own, rules, claims, kinds, results, moved=any(grouped))
    stale = read_stale(engine, lake, files, results, own.id, uses, rules, before)
    banks = _banks(engine, records, kinds, own, rules)
    among = None
    if before is not None:
        records = records_again(engine, lake, files, results, before, own, through_day, grouped=any(grouped))
        if banks == BANK_KINDS:
            records = kin_again(engine, lake, files, before, records)
        engine.create("looked_at", f"select distinct record_key from {records}")
        among = "looked_at"
    standing = standing_matches(engine, lake, results, anew=own.id, origins=False)
    likely = None if engine.distributed else partial(scales_in, lake, results)
    money = read_scales(engine, records, own, rules, standing, uses, likely)
    used = read_used(engine, lake, results, own.id, uses, money, among)
    read_kin(engine, records, banks, used=used)
    read_forbidden(engine, lake, results, own.id)
    calendars = calendar_codes(engine, workspace)
    sides = (("left", own.left, rules.left), ("right", own.right, rules.right))
    first, has, whole = 0, dict[str, list[str]](), {}
    for (side, spec, filtered), claim, is_grouped, had in zip(sides, claims, grouped, kinds, strict=True):
        columns = columns_wanted(rules, side) | dict.fromkeys((*columns_naming(others, side), *columns_of_parts(had)))
        rows_of = partial(
            rows_sql, side=(spec, filtered), claim=claim, columns=[*columns], through_day=through_day,
            polarity=polarity_of(rules, side),
        )  # fmt: skip
        whole[side] = partial(rows_of, taken=None, grouped=False)
        query = rows_of(records, taken=money.taken if used else None, grouped=is_grouped)
        first = engine.number(f"{side}_all", query, first)
        has[side] = engine.arrow(f'select * from "{side}_all" limit 0').column_names
    rest_on_others(
        engine, lake, results, own.id, uses if used else set(), rules,
        lambda side, named: whole[side](f"(select * from {records} r semi join {named} n using (record_key, record_id))"),
    )  # fmt: skip
    engine.create("parts_beside", parts_beside_sql(records, kinds, banks))
    _refuse_shared(engine, own)
    base = _base_currency(workspace, own)
    used_keys = _used_keys((lake, files, results), own, rules, uses)
    whole_right = f"({whole['right'](records_of(lake, files))})" if used_keys.any_used and not grouped[1] else None
    work = Performance(
        engine=engine, rules=rules, money=money, rates=rates, base_currency=base, base_exponent=exponent_of(base),
        folder=workspace.folder, calendars=calendars, grouped=grouped, kinds=kinds, columns=has,
        by_entity=_by_entity(workspace, own, rules), others=others, words=platform_words(workspace) if any(grouped) else {},
        used_keys=used_keys, whole_right=whole_right,
    )  # fmt: skip
    _make_members(engine, grouped)
    return Opened(work, None if engine.distributed else read_rows(engine), claims, uses, stale)


def _used_keys(
    where: tuple[Lake, dict[str, list[LakeFile]], Results], own: Reconciliation, rules: RuleSet, uses: set[str]
) -> UsedKeys:
    lake, files, results = where
    return UsedKeys(lake=lake, files=files, results=results, reconciliation=own, rules=rules, claims=frozenset(uses))


def _banks(
    engine: Engine, records: str, kinds: tuple[set[str], set[str]], own: Reconciliation, rules: RuleSet
) -> set[str]:
    """Say which of a bank's entries and details there are, beside a side that may leave some out, too."""
    limited = any(side.kinds for side in (own.left, own.right, rules.left, rules.right))
    return bank_kinds(engine, records, kinds[0] | kinds[1], limited=limited)


def _make_members(engine: Engine, grouped: tuple[bool, bool]) -> None:
    for side, is_grouped in zip(("left", "right"), grouped, strict=True):
        if is_grouped:
            engine.create(f"members_of_{side}", members_sql(f"{side}_all"))


def _claims_used(
    own: Reconciliation,
    rules: RuleSet,
    claims: tuple[str, str],
    kinds: tuple[set[str], set[str]],
    results: Results,
    *,
    moved: bool,
) -> set[str]:
    """Name every claim that the run uses up, or gives back: those of its last run, too."""
    found = {"transfer"} if moved else set()
    for claim, have in zip(claims, kinds, strict=True):
        found |= {claim} if claim != "by kind" else {KINDS[k].claims[0] for k in have if KINDS[k].claims}
    last = results.last.get(own.id)
    found |= set(json.loads(last["heads"])) if last else set()
    # Without any record there is still a run, and two at once are one after the other.
    return found or claims_of(own.left, rules.left, claims[0]) | claims_of(own.right, rules.right, claims[1])


def _refuse_shared(engine: Engine, own: Reconciliation) -> None:
    """
    Refuse a record on both sides: it would be matched with itself, and used up twice.

    :raises WrongUse: there is one.
    """
    if not may_share(own.left, own.right):
        return
    shared = engine.arrow(shared_sql())["external_id"].to_pylist()
    if shared:
        message = (
            f"expected two sides of {own.id} that share no record, got {shared[0]!r} on both: say which sources,"
            " accounts or kinds each has"
        )
        raise WrongUse(message)


def _refuse_unbooked(own: Reconciliation, claims: tuple[str, str], kinds: tuple[set[str], set[str]]) -> None:
    """
    Refuse lines of a platform that no line of a ledger is looked for, against those of a ledger account.

    They would be left out without a word, and what the ledger has of them would seem to be missing on the other side.

    :raises WrongUse: there are some.
    """
    for claim, have, others in zip(claims, kinds, reversed(kinds), strict=True):
        of_platform = {kind for kind in have if "settlement" in KINDS[kind].claims}
        left_out = sorted(kind for kind in of_platform if "booking" not in KINDS[kind].claims)
        if claim == "booking" and "journal_line" in others and left_out:
            found = sorted(of_platform.difference(left_out)) or ["charge", "refund"]
            message = (
                f"expected the lines of a bank account against the ledger in {own.id}, got {left_out[0]} of a platform, of which no"
                f" ledger line is looked for: say kinds = {json.dumps(found)} of that side, and see `tieout proof` for the rest, which"
                " holds a platform's account against its ledger account by the sums of months"
            )
            raise WrongUse(message)


def _by_entity(workspace: Workspace, own: Reconciliation, rules: RuleSet) -> bool:
    """Say whether records of two entities are kept apart: always, but where a reconciliation is of one with another."""
    crossed = own.left.entities and own.right.entities and not {*own.left.entities} & {*own.right.entities}
    return len(workspace.entities) > 1 and rules.polarity != "opposite" and not crossed


def _base_currency(workspace: Workspace, own: Reconciliation) -> str:
    """Give the currency in which amounts of different currencies are compared: that of the sides' only entity."""
    entities = {workspace.source(s).entity for side in (own.left, own.right) for s in side.sources}
    entities |= {e for side in (own.left, own.right) for e in side.entities}
    if len(entities) == 1:
        return workspace.entity(entities.pop()).currency
    return workspace.base_currency
