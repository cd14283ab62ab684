"""
Completeness: which files should have come, and which did.

A source's files are expected as often as tieout.toml says (``expects``), from the first day that they speak of up to
a date; statements must chain; and a source that never delivered is said so. What a file covers is judged by what is in
it, never by the day it arrived. A file that came and was refused was not received.
"""

from __future__ import annotations

import datetime as dt
from collections import defaultdict
from contextlib import closing
from dataclasses import asdict, dataclass, replace
from typing import TYPE_CHECKING, Any

from tieout.config.accounts import ASIDE
from tieout.config.calendars import calendar_named
from tieout.observe.arrivals.coverage import Coverage, coverage_of, units_between
from tieout.observe.snapshot import take_snapshot
from tieout.store.engine import connect

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from tieout.config import Source, Workspace
    from tieout.observe.arrivals.coverage import Unit
    from tieout.observe.snapshot import Snapshot
    from tieout.store.workplace import Store

__all__ = ["Completeness", "ExpectedFile", "completeness"]


@dataclass(frozen=True, slots=True, kw_only=True)
class ExpectedFile:
    """
    One thing that should have come.

    :ivar expected: what, in words: ``file``, ``statement``, ``a first file``.
    :ivar day: the day, or the last day of the week or month, that it should cover; None where no day is known.
    :ivar state: ``received``, ``missing`` (later days came without it), or ``late`` (nothing came since).
    :ivar evidence: the delivery that covers it, or a sentence.
    """

    source: str
    owner: str | None
    account: str | None
    expected: str
    day: dt.date | None
    state: str
    evidence: str

    def as_json(self) -> dict[str, Any]:
        """Give it as JSON values."""
        return asdict(self) | {"day": None if self.day is None else self.day.isoformat()}


@dataclass(frozen=True, slots=True)
class Completeness:
    """
    What should have come up to a day.

    :ivar as_of: None while there are no facts at all and no day was asked for.
    """

    as_of: dt.date | None
    rows: list[ExpectedFile]

    @property
    def outstanding(self) -> list[ExpectedFile]:
        """What is missing or late."""
        return [row for row in self.rows if row.state != "received"]


def completeness(store: Store, workspace: Workspace, as_of: dt.date | None = None) -> Completeness:
    """
    Say which files should have come, and which did.

    :param as_of: by default the last day that the facts speak of, never today.
    :raises WrongUse: a calendar has a fault.
    """
    snapshot = take_snapshot(store, workspace, wanted=("deliveries", "statements", "exceptions"))
    last = as_of or snapshot.latest
    store.spill.mkdir(parents=True, exist_ok=True)
    with closing(connect(store.spill)) as con:
        covered = coverage_of(con, store.lake, snapshot)
    deliveries: defaultdict[str, list[dict[str, Any]]] = defaultdict(list)
    for row in snapshot.deliveries.to_pylist():
        deliveries[row["source_id"]].append(row)
    gaps = _gaps(snapshot, last)
    rows: list[ExpectedFile] = []
    for source in sorted(workspace.sources, key=lambda source: source.id):
        mine = deliveries[source.id]
        if not any(row["state"] == "accepted" for row in mine):
            if source.expects is not None or mine:  # else nobody waits for its files
                rows.append(_never(source, mine))
            continue
        asked: list[ExpectedFile] = []
        if source.expects is not None and last is not None:
            asked = _expected(workspace, source, covered[source.id], mine, last)
        rows += _with_gaps(source, asked, gaps.get(source.id, []))
    return Completeness(last, rows)


def _never(source: Source, deliveries: list[dict[str, Any]]) -> ExpectedFile:
    """Say that a source never delivered anything that can be read."""
    looked = f" (expected at {source.path})" if source.path else ""
    evidence = _refused(deliveries) or f"nothing ever came{looked}"
    return _row(source, None, "a first file", None, "missing", evidence)


def _refused(deliveries: Iterable[Mapping[str, Any]]) -> str | None:
    """Name the last file that came and could not be used."""
    refused = [row for row in deliveries if row["state"] == "refused"]
    if not refused:
        return None
    last = refused[-1]
    return f"{last['name']}, which came on {last['received_at'].date()}, was refused: {last['reason']}"


def _expected(
    workspace: Workspace, source: Source, covered: Coverage, deliveries: list[dict[str, Any]], last: dt.date
) -> list[ExpectedFile]:
    """List what a source's ``expects`` asks for: of each account that has statements, else of the source as a whole."""
    declared = {a.id: a for a in workspace.accounts if a.source == source.id and a.kind not in ASIDE}
    accounts: list[str | None] = [None]
    if covered.statements:
        accounts = [*sorted({*covered.statements, *declared})]
    rows: list[ExpectedFile] = []
    for account in accounts:
        days = covered.days_of(account)
        if not days:
            told = _refused(deliveries) or "files came, and none of them speaks of it"
            rows.append(_row(source, account, "a first statement", None, "missing", told))
            continue
        first = min(days)
        if first > last:
            continue
        own = declared.get(account or "")
        name = own.calendar if own and own.calendar else source.calendar
        calendar = calendar_named(name, workspace.folder)
        units = units_between(source.expects or "daily", first, last, calendar)
        if account is None:
            covered.place_empty(deliveries, units, days)
        rows += _asked(source, account, units, days, _refused(deliveries))
    return rows


def _asked(
    source: Source, account: str | None, units: Sequence[Unit], days: Mapping[dt.date, str], refused: str | None
) -> list[ExpectedFile]:
    """Hold the days, weeks or months of one account against what is covered."""
    what = f"{source.expects} {'file' if account is None else 'statement'}"
    known = [next((days[day] for day in unit.days if day in days), None) for unit in units]
    newest = max((number for number, evidence in enumerate(known) if evidence is not None), default=-1)
    # Of a week or month a file may cover a part only.
    covered = max((day for day in units[newest].days if day in days), default=None) if newest >= 0 else None
    rows = []
    for number, (unit, evidence) in enumerate(zip(units, known, strict=True)):
        if evidence is not None:
            rows.append(_row(source, account, what, unit.last, "received", evidence))
        elif unit.over:
            state = "late" if number > newest else "missing"
            rows.append(_row(source, account, what, unit.last, state, _nothing(state, covered, refused)))
    return rows


def _row(
    source: Source, account: str | None, expected: str, day: dt.date | None, state: str, evidence: str
) -> ExpectedFile:
    return ExpectedFile(
        source=source.id,
        owner=source.owner,
        account=account,
        expected=expected,
        day=day,
        state=state,
        evidence=evidence,
    )


def _nothing(state: str, newest: dt.date | None, refused: str | None) -> str:
    said = "later days came without it"
    if state == "late":
        said = f"the last day covered is {newest}" if newest else "nothing came"
    return f"{said}; {refused}" if refused else said


def _gaps(snapshot: Snapshot, last: dt.date | None) -> dict[str, list[dict[str, Any]]]:
    """Collect the breaks in chains of statements, numbers of batches and pages of messages that are open, by source."""
    found: defaultdict[str, list[dict[str, Any]]] = defaultdict(list)
    for row in snapshot.exceptions.to_pylist():
        if (
            row["state"] != "open"
            or row["reason"] != "incomplete"
            or not row["scope"].startswith(("chain ", "batches ", "message "))
        ):
            continue
        if row["booked_day"] is None or last is None or row["booked_day"] <= last:
            found[row["source_id"]].append(row)
    for rows in found.values():
        rows.sort(key=lambda row: (row["account_id"] or "", row["booked_day"] or dt.date.min, row["note"]))
    return found


def _with_gaps(source: Source, rows: list[ExpectedFile], gaps: list[dict[str, Any]]) -> list[ExpectedFile]:
    """Add what balances and numbers prove missing; where that day is asked for anyway, the proof is its evidence."""
    proofs = {(gap["account_id"], gap["booked_day"]): gap for gap in gaps}
    merged, used = [], []
    for row in rows:
        proof = proofs.pop((row.account, row.day), None) if row.state != "received" else None
        merged.append(replace(row, state="missing", evidence=proof["note"]) if proof else row)
        used += [proof] if proof else []
    return merged + [
        _row(source, gap["account_id"], _before(gap), gap["booked_day"], "missing", gap["note"])
        for gap in gaps
        if not any(gap is proof for proof in used)
    ]


def _before(gap: dict[str, Any]) -> str:
    """Say what is missing before a day."""
    what = {"batches": "batch before", "message": "page of a message"}
    return what.get(gap["scope"].partition(" ")[0], "statement before")
