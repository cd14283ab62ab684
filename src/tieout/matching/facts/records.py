"""
What a run reads: the records of both sides that stand, the scales of their currencies, what is used up of them already.
"""

from __future__ import annotations

import datetime as dt
from dataclasses import replace
from typing import TYPE_CHECKING

import pyarrow as pa

from tieout.matching.facts.history import among_sql, files_with
from tieout.matching.facts.sides import FIELDS, listed, side_filter
from tieout.store.corrected import MATERIAL, MOVED
from tieout.store.past import apart_since
from tieout.store.runs import standing_matches
from tieout.store.views import current_records, entry_name_sql, table

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tieout.config import Workspace
    from tieout.config.workspace import Reconciliation
    from tieout.matching.backends.engine import Engine
    from tieout.matching.facts.history import Before
    from tieout.matching.facts.scales import Money
    from tieout.matching.grammar.rules import RuleSet
    from tieout.store.lake import Lake, LakeFile
    from tieout.store.runs import Results

__all__ = [
    "BANK_KINDS",
    "EPOCH",
    "bank_kinds",
    "calendar_codes",
    "day_number",
    "kin_sql",
    "kinds_of",
    "read_forbidden",
    "read_kin",
    "read_stale",
    "read_used",
    "records_of",
]

EPOCH = dt.date(1970, 1, 1)

#: A bank's entry, and a transaction inside one.
BANK_KINDS = {"bank_entry", "bank_detail"}


def day_number(day: dt.date) -> int:
    """Count days since 1970."""
    return (day - EPOCH).days


def records_of(lake: Lake, files: dict[str, list[LakeFile]]) -> str:
    """Give the records that stand as a relation."""
    return current_records(lake, files["records"], files["superseded"])


def kinds_of(engine: Engine, records: str, reconciliation: Reconciliation, rules: RuleSet) -> tuple[set[str], set[str]]:
    """Say which kinds the records of each side have."""
    found = []
    for side, own in ((reconciliation.left, rules.left), (reconciliation.right, rules.right)):
        rows = engine.arrow(f"select distinct r.kind from {records} r where {side_filter(side, own)}")
        found.append(set(rows["kind"].to_pylist()))
    return found[0], found[1]


def read_stale(
    engine: Engine,
    lake: Lake,
    files: dict[str, list[LakeFile]],
    results: Results,
    reconciliation: str,
    claims: set[str],
    rules: RuleSet,
    before: Before | None,
) -> dict[bytes, bool]:
    """
    Find matches that rest on a record which was since superseded in amount, currency or keys.

    Those of other reconciliations, too, as far as they use up one of the claims: what they hold is held for nothing.
    Makes the relation ``stale`` (match_id).

    :param rules: of the reconciliation: what their keys read of a record is material for what they matched.
    :param before: the last run, which gave back what was stale then: of matches of its time only records that were
        superseded since are looked for. None: all that ever were.
    :return: whether each is of this reconciliation, and final.
    """
    engine.create("stale", "select ''::blob as match_id where false")
    if not files["superseded"] or not results.of("matches"):
        return {}
    looked_for = [(results, files["superseded"])]
    if before is not None and claims <= before.claims:
        new = [file for file in files["superseded"] if file.path not in before.known]
        had = {*before.results.files}
        since = replace(results, files=tuple(file for file in results.files if file not in had))
        looked_for = [(results, new), (since, files["superseded"])]
    parts: list[str] = []
    for held, changed in looked_for:
        if changed and held.of("matches"):
            parts.append(f"resting_{len(parts)}")
            _find_resting(engine, lake, files["superseded"], held, changed, (reconciliation, claims), parts[-1])
    if not parts:
        return {}
    engine.create("resting", " union ".join(f"select * from {part}" for part in parts))
    if not engine.count("resting"):
        return {}
    among = files_with(engine, lake, files["records"], "r.record_key in (select record_key from resting)")
    own = f"m.reconciliation in ({listed([reconciliation])})"
    told = ["n.record_id is null", MOVED, *(f"n.{column} is distinct from o.{column}" for column in MATERIAL)]
    for column, names in _read_by_keys(rules).items():
        told.append(f'({own} and m.rule in ({listed(names)}) and n."{column}" is distinct from o."{column}")')
    engine.create(
        "stale",
        f"""
        select m.match_id, bool_or({own} and m.status = 'confirmed') as own
        from resting m
        join {table(lake, "records", among)} o
            on o.record_key = m.record_key and o.record_id = m.record_id and o.version = m.version
        left join {current_records(lake, among, files["superseded"])} n
            on n.record_key = m.record_key and n.record_id = m.record_id
        where {" or ".join(told)}
        group by m.match_id
        """,
    )
    return {row["match_id"]: row["own"] for row in engine.arrow("from stale order by match_id").to_pylist()}


def _find_resting(
    engine: Engine,
    lake: Lake,
    superseded: Sequence[LakeFile],
    results: Results,
    changed: Sequence[LakeFile],
    asked: tuple[str, set[str]],
    name: str,
) -> None:
    """
    Make a relation of the matches that rest on a version which was superseded, of records of which some files tell.

    :param changed: those files, of ``superseded``; a match may rest on a version that was superseded long before.
    :param asked: (reconciliation that is run anew, claims).
    """
    reconciliation, claims = asked
    among = among_sql(engine, table(lake, "superseded", list(changed)))
    standing = standing_matches(engine, lake, results, anew=reconciliation, among=among)
    engine.create(
        name,
        f"""
        select m.match_id, m.reconciliation, m.rule, m.status, m.record_key, m.record_id, m.version, s.reason
        from {standing} m join {table(lake, "superseded", list(superseded))} s
            on s.record_key = m.record_key and s.record_id = m.record_id and s.version = m.version
        where m.claim in ({", ".join(f"'{claim}'" for claim in sorted(claims)) or "''"})
        """,
    )


def _read_by_keys(rules: RuleSet) -> dict[str, list[str]]:
    """Say of each field which rules' keys read more of it than the key that intake computed: (field: names of rules)."""
    found: dict[str, list[str]] = {}
    for rule in rules.rules:
        read = {name for one in rule.learn for name in (one.left, one.right)}
        for key in rule.keys:
            by_key = key.how == "normalised" and not key.rewritten
            read |= {name for name in (*key.left, *key.right) if not (by_key and FIELDS[name].key)}
        for name in sorted(read):
            found.setdefault(name, []).append(rule.name)
    return found


def read_used(
    engine: Engine,
    lake: Lake,
    results: Results,
    reconciliation: str,
    claims: set[str],
    money: Money,
    among: str | None = None,
) -> bool:
    """
    Make the relation ``used`` (claim, record_key, record_id, taken): what matches use up that stand beside this run.

    :param claims: those that the run uses up: what others hold says nothing to it.
    :param money: how ``taken`` is counted (``Money.taken``).
    :param among: a relation with ``record_key``: what is used up of other records is not asked.

    :return: whether anything is used up at all.
    """
    if not any(not (f.provisional and f.reconciliation == reconciliation) for f in results.of("matches")):
        return False
    standing = standing_matches(
        engine, lake, results, anew=reconciliation, among=None if among is None else among_sql(engine, among)
    )
    engine.create(
        "used",
        f"""select m.claim, m.record_key, m.record_id, {money.taken_sum} as taken
            from {standing} m join scales s on s.currency = m.currency and s.exponent is not distinct from m.exponent
            anti join stale t on t.match_id = m.match_id
            where m.status = 'confirmed' and m.claim in ({listed(sorted(claims)) or "''"}) group by all""",
    )
    return engine.count("used") > 0


def bank_kinds(engine: Engine, records: str, kinds: set[str], *, limited: bool) -> set[str]:
    """
    Say whether there are entries of a bank and transactions inside them.

    :param kinds: which kinds the records of both sides have.
    :param limited: a side lets some kinds pass only: what it leaves out uses up the same money all the same.
    """
    found = kinds & BANK_KINDS
    if len(found) != 1 or not limited:
        return found
    rows = engine.arrow(f"select distinct r.kind from {records} r where r.kind in ({listed(sorted(BANK_KINDS))})")
    return set(rows["kind"].to_pylist())


def read_kin(engine: Engine, records: str, kinds: set[str], *, used: bool) -> None:
    """
    Make the relation ``kin_used`` (record_id): bank entries of which a transaction is used up, and the other way round.
    """
    if not used or kinds != BANK_KINDS:
        engine.create("kin_used", "select ''::blob as record_id where false")
        return
    engine.create("kin_used", kin_sql(records, "(select * from used where claim = 'bank')"))


def kin_sql(records: str, used: str) -> str:
    """
    Write the query for what a bank's entry is to its transactions: (record_id) of the parts or the whole of what is used.

    :param used: a relation with record_key and record_id.
    """
    mine = (
        f"(select r.* from {records} r semi join {used} u on u.record_key = r.record_key and u.record_id = r.record_id)"
    )
    return " union ".join(
        f"""select c.record_id from {records} c join {mine} p on p.kind = 'bank_entry' and {named}
            and p.account_id = c.account_id and p.booked_on is not distinct from c.booked_on where c.kind = 'bank_detail'
        union select p.record_id from {records} p join {mine} c on c.kind = 'bank_detail' and {named}
            and c.account_id = p.account_id and c.booked_on is not distinct from p.booked_on where p.kind = 'bank_entry'"""
        for named in ("p.external_key = c.parent_key", f"{entry_name_sql('p')} = {entry_name_sql('c')}")
    )


def read_forbidden(engine: Engine, lake: Lake, results: Results, reconciliation: str) -> None:
    """
    Make the relation ``apart`` (left_id, right_id): records that a person took apart, which no rule pairs again.

    Of a match of one side only, its records are apart from each other.
    """
    engine.create("apart", "select ''::blob as left_id, ''::blob as right_id where false")
    blocked = list(apart_since(results))
    files = results.all_matches(reconciliation)
    if not blocked or not files:
        return
    engine.take("blocked", pa.table({"match_id": pa.array(blocked, pa.binary(16))}))
    # History is read once, and of it only by which match each row is.
    found = engine.rows_among([lake.full(f.path) for f in files], "r.match_id in (select match_id from blocked)")
    engine.create("blocked_rows", f"select m.match_id, m.side, m.record_id from {found} m")
    rows = "blocked_rows"
    engine.create(
        "apart",
        f"""select distinct a.record_id as left_id, b.record_id as right_id from {rows} a join {rows} b
            on b.match_id = a.match_id and a.side = 'left' and b.side = 'right'
            union select a.record_id, b.record_id from {rows} a join {rows} b
            on b.match_id = a.match_id and b.record_id <> a.record_id
            where a.match_id in (select match_id from {rows} group by match_id having min(side) = max(side))""",
    )


def calendar_codes(engine: Engine, workspace: Workspace) -> dict[int, str | None]:
    """Make the relation ``calendars`` (account_id, calendar), and say which calendar each code is; 0: Monday to Friday."""
    names = sorted(
        {a.calendar for a in workspace.accounts if a.calendar} | {s.calendar for s in workspace.sources if s.calendar}
    )
    codes = {name: code for code, name in enumerate(names, 1)}
    by_source = {s.id: codes.get(s.calendar or "", 0) for s in workspace.sources}
    rows = {a.id: codes[a.calendar] if a.calendar else by_source.get(a.source or "", 0) for a in workspace.accounts}
    engine.take(
        "calendars",
        pa.table(
            {
                "account_id": pa.array(list(rows), pa.string()),
                "calendar": pa.array(list(rows.values()), pa.int32()),
            },
        ),
    )
    return {0: None, **{code: name for name, code in codes.items()}}
