"""
From a landed delivery to canonical facts, in one step that either happens or does not.

Read, decide, write drafts, commit. Whoever loses the race against another process decides again on the newer facts;
whoever comes second to the same delivery does nothing.
"""

from __future__ import annotations

import datetime as dt
import json
from contextlib import closing
from dataclasses import replace
from functools import partial
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, BinaryIO

import sqlalchemy as sa

from tieout.errors import BadInput, Broken, TieoutError
from tieout.intake import drafts
from tieout.intake.commit import AlreadyDoneError, Change, MovedError, commit, facts_version
from tieout.intake.contents import Contents
from tieout.intake.control import find, supersede_announced
from tieout.intake.derive import Provenance
from tieout.intake.erase import erase, redacted_copy
from tieout.intake.findings import Finding, disputed
from tieout.intake.indexes import Gathered
from tieout.intake.reader import reader_for
from tieout.intake.reissued import Covered, cover
from tieout.intake.resolution import Facts, Resolution, Said
from tieout.intake.resolve import resolve
from tieout.intake.settlements import tellers_of_whole
from tieout.intake.stage import Staged, stage
from tieout.intake.statements import created_at, names_of, places_of, rows_of, statement_row, statements_of
from tieout.intake.two_names import two_names
from tieout.intake.work import Outcome, Work, fault_of_ours
from tieout.store import schema
from tieout.store.engine import connect
from tieout.store.workplace import files_at, files_of_delivery

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from tieout.config import Workspace
    from tieout.formats.reading import Chunk
    from tieout.model.problems import Problem
    from tieout.store.lake import LakeFile
    from tieout.store.workplace import Store

__all__ = ["accept", "settled"]

_FACT_TABLES = ("records", "identities", "assertions", "witnesses", "superseded")


def accept(
    store: Store,
    workspace: Workspace,
    delivery_id: str,
    progress: Callable[[int], None] = lambda _rows: None,
    replay: str | None = None,
    reader_text: str | None = None,
    *,
    withdrawn: bool = False,
) -> Outcome | None:
    """
    Read a landed delivery and make its facts true.

    :param reader_text: the mapping to read with; None: the source's own as it stands now.
    :param replay: why a delivery that was read before is read again: with today's formats and mappings. What it does
        not say any more is withdrawn.
    :param withdrawn: whether a delivery that a person withdrew may be brought back so.
    :return: what became of it; None if another process was quicker, or it is withdrawn.
    :raises WrongUse: tieout.toml or the mapping has a fault: the delivery stays landed, to be read after the fix.
    :raises Broken: a fault of ours while it is read: it stays as it is, and is no reason not to read others.
    """
    table = schema.delivery
    with store.book.reading() as connection:
        row = connection.execute(sa.select(table).where(table.c.delivery_id == delivery_id)).one()
    if row.wrapped_key is None:
        _refuse_erased(row, replay)
        return None
    if row.state == "withdrawn" and not withdrawn:
        return None
    source = workspace.source(row.source_id)
    reader = reader_for(workspace, source, reader_text)
    store.spill.mkdir(parents=True, exist_ok=True)
    with closing(connect(store.spill)) as con, Gathered(store.spill) as references:
        work = Work(store, workspace, source, reader, row, con, replay, {}, references)
        try:
            return _through(work, progress)
        except Broken:
            with store.book.reading() as connection:
                now = connection.execute(sa.select(table).where(table.c.delivery_id == delivery_id)).one()
            if now.wrapped_key is None:  # another process found a card number in it and destroyed it meanwhile
                _refuse_erased(now, replay)
                return None
            raise
        except (TieoutError, OSError, sa.exc.OperationalError, sa.exc.InterfaceError):
            raise  # of the machine or the book: that would meet every other delivery, too
        except Exception as error:
            raise Broken(fault_of_ours(row, error)) from error


def _through(work: Work, progress: Callable[[int], None]) -> Outcome | None:
    """Read, decide and commit one delivery; None if another process was quicker."""
    staged = _read(work, progress)
    stands = work.replay is not None and work.row.state == "accepted"
    if staged.cards.numbers and not (staged.refused and stands):
        return _without_cards(work, staged, progress)
    return settled(work, staged)


def _refuse_erased(row: Any, replay: str | None) -> None:
    """Tell who asks for a replay that nothing is left to read."""
    if replay is not None:
        message = f"delivery {row.delivery_id} ({row.name}) was destroyed and cannot be read again: {row.reason}"
        raise BadInput(message)


def _without_cards(work: Work, staged: Staged, progress: Callable[[int], None]) -> Outcome | None:
    """Accept a copy without card numbers, then destroy what came."""
    line, column = min(staged.cards.places)
    place = f"line {line}, column {column}" if line else column
    note = f"{work.row.name} {place}: a full card number came in"
    held = staged.cards.numbers if work.replay is not None else ()  # the lake may hold them since an earlier reading
    copy_id = redacted_copy(work, staged.cards.numbers)
    if copy_id is None:
        reason = f"{note}, and no copy without it could be made: deliver the file again without card numbers"
        erase(work, reason, held)
        message = f"{note}: nothing of it was kept; deliver the file again without card numbers"
        raise BadInput(message)
    reason = f"{note}: a copy without it was kept and the original destroyed"
    again = _read_from_copy(work, copy_id, progress) if work.replay is not None else None
    outcome = accept(work.store, work.workspace, copy_id, progress)
    if again is not None:
        outcome = again
    erase(work, reason, held)
    return replace(outcome, reason=_both(reason, outcome.reason)) if outcome else None


def _read_from_copy(work: Work, copy_id: str, progress: Callable[[int], None]) -> Outcome | None:
    """
    Replay a delivery from its redacted copy, so that what it said before is withdrawn or masked.

    Accepting the copy alone would leave both: what the delivery said then, and what its copy says now.
    """
    table = schema.delivery
    with work.store.book.reading() as connection:
        copy = connection.execute(sa.select(table).where(table.c.delivery_id == copy_id)).one()
    content = {"path": copy.path, "wrapped_key": copy.wrapped_key, "bytes": copy.bytes}
    masked = replace(work, row=SimpleNamespace(**{**work.row._mapping, **content}))
    staged = _read(masked, progress)
    if staged.cards.numbers or staged.refused:
        return None
    return settled(masked, staged)


def _both(*sentences: str | None) -> str:
    return "; ".join(sentence for sentence in sentences if sentence)


def _read(work: Work, progress: Callable[[int], None]) -> Staged:
    """Read the landed bytes into drafts."""
    store, row = work.store, work.row
    origin = Provenance(
        system=work.system,
        source_id=row.source_id,
        delivery_id=row.delivery_id,
        seen_at=dt.datetime(1970, 1, 1, tzinfo=dt.UTC) + dt.timedelta(microseconds=row.received_at),
        owner_of=work.owner,
        number_of=work.number if any(account.numbers for account in work.workspace.accounts) else None,
    )
    digests: dict[str, str] = {}
    stream = store.landing.open(row.path, store.vault.unwrap(row.wrapped_key), row.bytes)
    with stream:

        def members() -> Iterator[tuple[str | None, Iterator[Chunk]]]:
            stream.seek(0)
            return work.reader.members(stream, row.name, digests)

        unread = partial(_from_the_start, stream, row.name)
        staged = stage(work.con, store.lake, origin, members, work.references, progress, unread)
    staged.fingerprints = {name: store.landing.fingerprints.of(sha256) for name, sha256 in digests.items()}
    return staged


def _from_the_start(stream: BinaryIO, name: str) -> Iterator[tuple[str | None, BinaryIO]]:
    from tieout.formats.containers import open_members

    stream.seek(0)
    return open_members(stream, name)


def settled(work: Work, staged: Staged) -> Outcome | None:
    """Decide on what was read, and commit; None if another process was quicker, whose files stand."""
    try:
        return _settle(work, staged)
    except AlreadyDoneError:
        if staged.records:
            work.store.lake.remove(staged.records.path)
        return None


def _settle(work: Work, staged: Staged) -> Outcome:
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


def _refuse(work: Work, staged: Staged) -> Outcome:
    """Enter that nothing of the delivery can be read, and why."""
    problem = staged.refused
    assert problem is not None  # noqa: S101 - the caller asked
    scope = f"delivery {work.row.delivery_id}"
    finding = Finding(
        scope=scope,
        reason="unreadable",
        note=f"{work.row.name}: {problem.sentence}",
        source_id=work.source.id,
        delivery_id=work.row.delivery_id,
        entity_id=work.source.entity,
    )
    if work.replay is not None and work.row.state == "accepted":
        message = f"{work.row.name}: {problem.sentence}: it cannot be read now, so what it brought before stands"
        raise BadInput(message)
    while True:
        with work.store.book.reading() as connection:
            version = facts_version(connection)
            before = files_of_delivery(connection, work.row.delivery_id) if work.replay is not None else []
        change = _change(work, "refuse", version)
        change.scopes.add(scope, [finding])
        change.files = _unread(work, list(staged.unreadable.values()) or [problem])
        change.replaced = [file.path for file in before if file.table_name == "quarantine"]
        change.delivery = {"state": "refused", "format": staged.version, "reason": problem.sentence}
        try:
            commit(work.store, change)
        except MovedError:
            for file in change.files:
                work.store.lake.remove(file.path)
            continue
        return _outcome(work, change, Resolution())


def _change(work: Work, kind: str, version: int) -> Change:
    states = ("landed",) if work.replay is None else ("accepted", "refused")
    if work.row.state == "withdrawn":  # by a person, so that nothing but a replay by one brings it back
        states = ("withdrawn",)
    return Change(
        kind="withdraw" if work.withdraws else kind if work.replay is None else f"replay: {kind}",
        from_states=states,
        reason=work.replay,
        delivery_id=work.row.delivery_id,
        expected=version,
        workspace=work.workspace,
        reader=work.reader,
    )


def _decide(work: Work, staged: Staged) -> tuple[Change, Resolution]:
    """Decide everything about a delivery on the facts as they stand now."""
    store, row = work.store, work.row
    with store.book.reading() as connection:
        live, contested = files_at(connection, _FACT_TABLES), disputed(connection)
        facts = Facts(facts_version(connection), live, contested, tellers_of_whole(connection, work))
        history = [said for said in _history(connection) if said.delivery_id != row.delivery_id]
        mine = [statement_row(work, staged, member, s) for member, s in staged.statements]
        past = rows_of(connection, work.workspace, row.delivery_id) if work.replay is not None else []
        names = names_of(work.workspace, {s["account_id"] for s in [*mine, *past]})
        statements = statements_of(connection, work.workspace, names, row.delivery_id)
        before = files_of_delivery(connection, row.delivery_id) if work.replay is not None else None
        covered = _cover(work, connection, statements, mine, past, names, sound=not staged.quarantined)
        doubled = two_names(connection, work.workspace, row.delivery_id, mine, past) if work.system == "bank" else {}
    said = Said(row.delivery_id, row.sequence, created_at(staged))
    resolution = Resolution()
    if staged.records or before or covered.weighed:
        contents = Contents(store.book, row.delivery_id)
        contents.known[row.delivery_id] = row.sequence, staged.fingerprints or {"": row.fingerprint}
        resolution = resolve(work.con, store.lake, facts, staged, said, history, covered, contents, before)
    change = _change(work, "accept", facts.version)
    change.files = _write(work, staged, resolution)
    change.replaced = [f.path for f in before or [] if f.table_name in {"balances", "quarantine"}]
    change.statements = mine
    supersede_announced(work, facts, change, statements, names)
    find(work, facts, staged, resolution, change, covered, past)
    for scope, found in doubled.items():
        change.scopes.add(scope, found)
    kept = staged.row_count - resolution.repeated
    if staged.rows_in != kept + resolution.repeated + staged.quarantined + staged.skipped:
        message = (
            f"{row.name}: {staged.rows_in} rows came in, but {kept} new, {resolution.repeated} known,"
            f" {staged.quarantined} quarantined and {staged.skipped} skipped were counted: nothing was written"
        )
        raise Broken(message)
    change.delivery = {
        "rows_in": staged.rows_in,
        "rows_new": kept + resolution.own,
        "rows_changed": resolution.changed,
        "rows_repeated": resolution.repeated - resolution.own,
        "rows_quarantined": staged.quarantined,
        "rows_skipped": staged.skipped,
        **_told(work, staged, said),
    }
    return change, resolution


def _told(work: Work, staged: Staged, said: Said) -> dict[str, Any]:
    """Say what a delivery is now: what was read, or withdrawn by whom and why; what it was known by then stays."""
    if work.withdraws:
        return {"state": "withdrawn", "reason": f"withdrawn by {work.store.actor}: {work.replay}"}
    return {
        "state": "accepted",
        "format": staged.version or work.reader.format.id,
        "created_at": said.created_at,
        "reason": None,
        "member_fingerprints": json.dumps(staged.fingerprints, sort_keys=True) if staged.fingerprints else None,
    }


def _cover(
    work: Work,
    connection: sa.Connection,
    statements: list[Any],
    mine: list[Any],
    past: list[Any],
    names: dict[str, set[str]],
    *,
    sound: bool,
) -> Covered:
    """Say where every statement of the accounts in question stands, and which of them are issues of one."""
    known = work.workspace
    others = [p for s in statements for p in places_of(known, s, sequence=s["sequence"], sound=bool(s["sound"]))]
    fresh, before = (
        [p for s in rows for p in places_of(known, s, sequence=work.row.sequence, sound=sound)] for rows in (mine, past)
    )
    covered = cover(others, fresh, before, work.row.delivery_id, names)
    covered.files = [file for name in covered.others for file in files_of_delivery(connection, name)]
    return covered


def _write(work: Work, staged: Staged, resolution: Resolution) -> list[LakeFile]:
    lake, row = work.store.lake, work.row
    files = drafts.write_records(lake, staged, resolution, row.delivery_id)
    files += drafts.write_changes(lake, resolution, row.delivery_id)
    owners = [work.owner(b.account_number, b.amount.currency) for _, b in staged.balances]
    pairs = [(o.entity_id, o.account_id) for o in owners]
    balances = drafts.balance_table(staged.balances, pairs, row.delivery_id, row.source_id)
    file = drafts.write_table(lake, "balances", balances, row.delivery_id)
    return files + ([file] if file else []) + _unread(work, staged.problems)


def _unread(work: Work, problems: Sequence[Problem]) -> list[LakeFile]:
    """Write what cannot be read, with its places and reasons."""
    rows = drafts.quarantine_table(problems, work.row.delivery_id, work.source, work.system)
    file = drafts.write_table(work.store.lake, "quarantine", rows, work.row.delivery_id)
    return [file] if file else []


def _history(connection: sa.Connection) -> list[Said]:
    table = schema.delivery
    query = sa.select(table.c.delivery_id, table.c.sequence, table.c.created_at).where(table.c.state != "landed")
    return [Said(*row) for row in connection.execute(query)]


def _outcome(work: Work, change: Change, resolution: Resolution) -> Outcome:
    values = {k: v for k, v in change.delivery.items() if k.startswith("rows_") and k != "rows_changed"}
    if values:  # what this reading brought: what an earlier one did is known
        values["rows_new"] -= resolution.own
        values["rows_repeated"] += resolution.own
    return Outcome(
        delivery_id=work.row.delivery_id,
        name=work.row.name,
        source_id=work.source.id,
        state=change.delivery["state"],
        format=change.delivery.get("format", work.row.format),
        versions=resolution.changed,
        withdrawn=resolution.withdrawn,
        rows_waiting=values.get("rows_quarantined", 0),
        findings=len(change.scopes.findings),
        found=tuple(finding.exception_id for finding in change.scopes.findings),
        again=work.replay is not None,
        reason=change.delivery.get("reason"),
        **values,
    )
