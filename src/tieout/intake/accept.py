"""
From a landed delivery to canonical facts, in one step that either happens or does not.

Read, decide, write drafts, commit. Whoever loses the race against another process decides again on the newer facts;
whoever comes second to the same delivery does nothing.
"""

from __future__ import annotations

import datetime as dt
from contextlib import closing
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from tieout.intake import announced, drafts
from tieout.intake.chains import AccountStatement, chain_findings, chain_scope
from tieout.intake.commit import AlreadyDoneError, Change, MovedError, commit, facts_version
from tieout.intake.derive import Owner, Provenance
from tieout.intake.findings import Finding, Scopes, open_findings, reason_of
from tieout.intake.occurrences import Covered, StatementPlace
from tieout.intake.reader import owner_of, reader_for
from tieout.intake.resolution import Facts, Resolution, Said
from tieout.intake.resolve import resolve
from tieout.intake.settlements import WHOLE_BATCHES, batch_findings, batch_scope
from tieout.intake.stage import Staged, stage
from tieout.store import schema
from tieout.store.engine import connect, paths
from tieout.store.views import current_records
from tieout.store.workplace import files_at, moment

if TYPE_CHECKING:
    from collections.abc import Callable

    import duckdb

    from tieout.config import Source, Workspace
    from tieout.intake.reader import Reader
    from tieout.store.lake import LakeFile
    from tieout.store.workplace import Store

__all__ = ["Outcome", "accept"]

_EPOCH = dt.date(1970, 1, 1)
_FACT_TABLES = ("records", "identities", "assertions", "witnesses", "superseded")


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """
    What became of a delivery. Rows in = rows new + changed + repeated + quarantined.

    :ivar state: accepted or refused.
    :ivar findings: what needs a person because of it, beside quarantined rows.
    """

    delivery_id: str
    name: str
    source_id: str
    state: str
    format: str | None
    rows_in: int = 0
    rows_new: int = 0
    rows_repeated: int = 0
    rows_quarantined: int = 0
    rows_skipped: int = 0
    versions: int = 0
    findings: int = 0
    reason: str | None = None
    repeat: bool = False


@dataclass(slots=True)
class _Work:
    """One delivery on its way: what all steps need."""

    store: Store
    workspace: Workspace
    source: Source
    reader: Reader
    row: Any
    con: duckdb.DuckDBPyConnection
    unknown: dict[tuple[str | None, str], None]

    def owner(self, number: str | None, currency: str) -> Owner:
        """Find whose a line is, remembering accounts that nobody declared."""
        found, known = owner_of(self.workspace, self.source, number, currency)
        if not known:
            self.unknown[number, currency] = None
        return found


def accept(
    store: Store,
    workspace: Workspace,
    delivery_id: str,
    progress: Callable[[int], None] = lambda _rows: None,
) -> Outcome | None:
    """
    Read a landed delivery and make its facts true.

    :return: what became of it; None if another process was quicker.
    :raises WrongUse: tieout.toml or the mapping has a fault: the delivery stays landed, to be read after the fix.
    """
    table = schema.delivery
    with store.book.reading() as connection:
        row = connection.execute(sa.select(table).where(table.c.delivery_id == delivery_id)).one()
    source = workspace.source(row.source_id)
    reader = reader_for(workspace, source)
    store.spill.mkdir(parents=True, exist_ok=True)
    with closing(connect(store.spill)) as con:
        work = _Work(store, workspace, source, reader, row, con, {})
        staged = _read(work, progress)
        try:
            return _settle(work, staged)
        except AlreadyDoneError:
            if staged.records:
                store.lake.remove(staged.records.path)
            return None


def _read(work: _Work, progress: Callable[[int], None]) -> Staged:
    """Read the landed bytes into drafts."""
    store, row = work.store, work.row
    origin = Provenance(
        system=work.reader.format.system or row.source_id,
        source_id=row.source_id,
        delivery_id=row.delivery_id,
        seen_at=dt.datetime(1970, 1, 1, tzinfo=dt.UTC) + dt.timedelta(microseconds=row.received_at),
        owner_of=work.owner,
    )
    stream = store.landing.open(row.path, store.vault.unwrap(row.wrapped_key), row.bytes)
    with stream:
        return stage(work.con, store.lake, origin, work.reader.members(stream, row.name), progress)


def _settle(work: _Work, staged: Staged) -> Outcome:
    """Decide and commit, again if the facts moved meanwhile."""
    if staged.refused:
        return _refuse(work, staged)
    while True:
        change, resolution = _decide(work, staged)
        try:
            commit(work.store, change)
        except (MovedError, AlreadyDoneError) as error:
            for file in change.files:
                if staged.records is None or file.path != staged.records.path:
                    work.store.lake.remove(file.path)
            if isinstance(error, AlreadyDoneError):
                raise
            continue
        if staged.records and all(file.path != staged.records.path for file in change.files):
            work.store.lake.remove(staged.records.path)
        return _outcome(work, change, resolution)


def _refuse(work: _Work, staged: Staged) -> Outcome:
    """Enter that nothing of the delivery can be read, and why."""
    problem = staged.refused
    assert problem is not None  # noqa: S101 - the caller asked
    place = f"line {problem.line}: " if problem.line else ""
    scope = f"delivery {work.row.delivery_id}"
    finding = Finding(
        scope=scope,
        reason="unreadable",
        note=f"{work.row.name}: {place}{problem.message}",
        source_id=work.source.id,
        delivery_id=work.row.delivery_id,
        entity_id=work.source.entity,
    )
    while True:
        with work.store.book.reading() as connection:
            version = facts_version(connection)
        change = _change(work, "refuse", version)
        change.scopes.add(scope, [finding])
        change.delivery = {"state": "refused", "format": staged.version, "reason": place + problem.message}
        try:
            commit(work.store, change)
        except MovedError:
            continue
        return _outcome(work, change, Resolution())


def _change(work: _Work, kind: str, version: int) -> Change:
    return Change(
        kind=kind,
        delivery_id=work.row.delivery_id,
        expected=version,
        config_text=work.workspace.path.read_text(encoding="utf-8"),
        reader_text=work.reader.text,
    )


def _decide(work: _Work, staged: Staged) -> tuple[Change, Resolution]:
    """Decide everything about a delivery on the facts as they stand now."""
    store, row = work.store, work.row
    with store.book.reading() as connection:
        facts = Facts(facts_version(connection), files_at(connection, _FACT_TABLES))
        history = _history(connection)
        statements = _statements(connection, {s.account_id for s in _places(work, staged)})
    own = _places(work, staged)
    covered = Covered([*(_place_of(s) for s in statements), *own])
    said = Said(row.delivery_id, row.sequence, _created_at(staged))
    resolution = resolve(work.con, store.lake, facts, staged, said, history, covered) if staged.records else Resolution()
    change = _change(work, "accept", facts.version)
    change.files = _write(work, staged, resolution)
    change.statements = [_statement_row(work, member, s) for member, s in staged.statements]
    _supersede_announced(work, facts, change, statements)
    _find(work, facts, staged, resolution, change, statements)
    kept = staged.row_count - resolution.repeated
    change.delivery = {
        "state": "accepted",
        "format": staged.version or work.reader.format.id,
        "created_at": said.created_at,
        "rows_in": staged.rows_in,
        "rows_new": kept,
        "rows_changed": resolution.changed,
        "rows_repeated": resolution.repeated,
        "rows_quarantined": staged.quarantined,
        "rows_skipped": staged.skipped,
        "reason": None,
    }
    return change, resolution


def _write(work: _Work, staged: Staged, resolution: Resolution) -> list[LakeFile]:
    lake, row = work.store.lake, work.row
    files = drafts.write_records(lake, staged, resolution, row.delivery_id)
    files += drafts.write_changes(lake, resolution, row.delivery_id)
    owners = [work.owner(b.account_number, b.amount.currency) for _, b in staged.balances]
    pairs = [(o.entity_id, o.account_id) for o in owners]
    balances = drafts.balance_table(staged.balances, pairs, row.delivery_id, row.source_id)
    problems = drafts.quarantine_table(staged.problems, row.delivery_id, row.source_id)
    for name, rows in (("balances", balances), ("quarantine", problems)):
        file = drafts.write_table(lake, name, rows, row.delivery_id)
        files += [file] if file else []
    return files


def _supersede_announced(work: _Work, facts: Facts, change: Change, statements: list[Any]) -> None:
    """Let booked statements, old and new, overtake what was only announced, old and new."""
    if (work.reader.format.system or "") != "bank":
        return
    lake = work.store.lake
    mine = [f"read_parquet({paths([lake.full(f.path)])})" for f in change.files if f.table_name == "records"]
    fresh = [dict(row) for row in change.statements if row["final"]]
    found = announced.overtaken(work.con, mine, [_cover(s._mapping) for s in statements if s.final], work.row.delivery_id)
    if fresh:
        old = current_records(lake, facts.files["records"], facts.files["superseded"])
        more = announced.overtaken(work.con, [old], [_cover(row) for row in fresh], work.row.delivery_id)
        import pyarrow as pa  # noqa: PLC0415 - heavy

        found = pa.concat_tables([found, more])
    file = drafts.write_table(lake, "superseded", found, work.row.delivery_id)
    change.files += [file] if file else []


def _cover(row: Any) -> dict[str, object]:  # noqa: ANN401 - a row of the book or one to be
    return {name: row[name] for name in ("account_id", "from_day", "to_day", "delivery_id", "created_at")}


def _find(  # noqa: PLR0913 - everything that can be wrong with a delivery
    work: _Work, facts: Facts, staged: Staged, resolution: Resolution, change: Change, statements: list[Any]
) -> None:
    """Collect what needs a person, scope by scope."""
    row, scopes = work.row, change.scopes
    scope = f"delivery {row.delivery_id}"
    origin = {"source_id": row.source_id, "delivery_id": row.delivery_id}
    found = [
        Finding(scope=scope, reason=reason_of(p.reason), note=_placed(row.name, p), entity_id=work.source.entity, **origin)
        for p in staged.problems
        if p.severity == "finding"
    ]
    for number, currency in work.unknown:
        note = f"expected an account that tieout.toml declares for {row.source_id}, got {number or 'none'} in {currency}"
        found.append(Finding(scope=scope, reason="unknown_account", note=note, currency=currency, **origin))
    found += [
        Finding(scope=scope, reason="conflict", note=c.note, candidates=c.candidates, **origin)
        for c in resolution.conflicts
        if c.record_id is None
    ]
    scopes.add(scope, found)
    for record_id in sorted(resolution.folded):
        mine = [c for c in resolution.conflicts if c.record_id == record_id]
        record = f"record {record_id}"
        scopes.add(
            record,
            [
                Finding(scope=record, reason="conflict", note=c.note, record_id=record_id, candidates=c.candidates, **origin)
                for c in mine
            ],
        )
    _find_gaps(change, statements)
    _find_open_batches(work, facts, change)


def _placed(name: str, problem: Any) -> str:  # noqa: ANN401 - a Problem
    member = f" in {problem.member}" if problem.member else ""
    line = f" line {problem.line}" if problem.line else ""
    return f"{name}{member}{line}: {problem.message}"


def _find_gaps(change: Change, statements: list[Any]) -> None:
    """Look again at the chain of every account that the delivery has a booked statement of."""
    names = AccountStatement.__dataclass_fields__.keys()
    everything = [{n: s._mapping[n] for n in names} for s in statements if s.final]
    fresh = [{n: s[n] for n in names} for s in change.statements if s["final"]]
    for account, currency in sorted({(s["account_id"], s["currency"] or "") for s in fresh}):
        chain = [
            AccountStatement(**s)
            for s in everything + fresh
            if s["account_id"] == account and (s["currency"] or "") == currency
        ]
        change.scopes.add(chain_scope(account, currency), chain_findings(chain))


def _find_open_batches(work: _Work, facts: Facts, change: Change) -> None:
    """Sum every batch that the delivery speaks of, over all deliveries."""
    fresh = [f for f in change.files if f.table_name == "records"]
    if work.reader.format.id not in WHOLE_BATCHES or not fresh:
        return
    lake = work.store.lake
    mine = paths([lake.full(f.path) for f in fresh])
    touched = [
        value
        for (value,) in work.con.sql(
            f"select distinct settlement_id from read_parquet({mine}) where settlement_id is not null order by 1"  # noqa: S608
        ).fetchall()
    ]
    gone = [f for f in change.files if f.table_name == "superseded"]
    now = current_records(lake, [*facts.files["records"], *fresh], [*facts.files["superseded"], *gone])
    findings = batch_findings(work.con, now, touched, work.source.id, work.row.delivery_id)
    by_scope: dict[str, list[Finding]] = {batch_scope(work.source.id, s): [] for s in touched}
    for finding in findings:
        by_scope[finding.scope].append(finding)
    with work.store.book.reading() as connection:
        open_now = {f["scope"] for f in open_findings(connection) if f["scope"].startswith("settlement ")}
    for scope, found in by_scope.items():
        if found or scope in open_now:
            change.scopes.add(scope, found)


def _statement_row(work: _Work, member: str | None, s: Any) -> dict[str, Any]:  # noqa: ANN401 - a Statement
    currency = s.currency or work.source.currency
    owner = work.owner(s.account_number, currency) if currency else Owner(work.source.entity, s.account_number or "")
    exponent = max(s.exponent, *(m.exponent for m in (s.opening, s.closing) if m is not None), 0)
    return {
        "delivery_id": work.row.delivery_id,
        "source_id": work.source.id,
        "account_id": owner.account_id,
        "line": s.line,
        "member": member,
        "statement_id": s.statement_id,
        "number": s.number,
        "currency": currency,
        "final": s.final,
        "from_day": _day(s.from_on),
        "to_day": _day(s.to_on),
        "created_at": None if s.created_at is None else moment(s.created_at),
        "exponent": exponent,
        "opening": None if s.opening is None else s.opening.scaled(exponent),
        "closing": None if s.closing is None else s.closing.scaled(exponent),
        "entries": s.entries,
        "credits": str(s.credits * 10 ** (exponent - s.exponent)),
        "debits": str(s.debits * 10 ** (exponent - s.exponent)),
        "closes": s.closes,
    }


def _day(on: dt.date | None) -> int | None:
    return None if on is None else (on - _EPOCH).days


def _places(work: _Work, staged: Staged) -> list[StatementPlace]:
    return [_place_of(_statement_row(work, member, s)) for member, s in staged.statements]


def _place_of(row: Any) -> StatementPlace:  # noqa: ANN401 - a row of the book or one to be
    mapping = row if isinstance(row, dict) else row._mapping
    return StatementPlace(**{name: mapping[name] for name in StatementPlace.__dataclass_fields__})


def _history(connection: sa.Connection) -> list[Said]:
    table = schema.delivery
    query = sa.select(table.c.delivery_id, table.c.sequence, table.c.created_at).where(table.c.state != "landed")
    return [Said(*row) for row in connection.execute(query)]


def _statements(connection: sa.Connection, accounts: set[str]) -> list[Any]:
    """Read the committed statements of accounts, in the order of landing."""
    table, done = schema.statement, schema.ledger_commit
    query = sa.select(table).join(done, done.c.token == table.c.token).order_by(done.c.version, table.c.position)
    rows = []
    for account in sorted(accounts):
        rows += connection.execute(query.where(table.c.account_id == account)).all()
    return rows


def _created_at(staged: Staged) -> int | None:
    """Give when the source made the delivery, where it says so."""
    moments = [s.created_at for _, s in staged.statements if s.created_at is not None]
    return moment(max(moments)) if moments else None


def _outcome(work: _Work, change: Change, resolution: Resolution) -> Outcome:
    values = {k: v for k, v in change.delivery.items() if k.startswith("rows_") and k != "rows_changed"}
    return Outcome(
        delivery_id=work.row.delivery_id,
        name=work.row.name,
        source_id=work.source.id,
        state=change.delivery["state"],
        format=change.delivery["format"],
        versions=resolution.changed,
        findings=len(change.scopes.findings),
        reason=change.delivery.get("reason"),
        **values,
    )
