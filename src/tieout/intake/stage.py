"""
Reading a delivery into draft files: nothing of it counts until the book says so.

The rows of a delivery stream through here once: chunk by chunk they get identity, owner and keys, and are written to a
draft file of the lake. What must be known of all rows together is kept as plain integers: 9 bytes a row for
identities; entries of the look-up index wait in a file where they are many.
"""

from __future__ import annotations

from collections import deque
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from functools import partial
from queue import Queue
from threading import Thread
from typing import TYPE_CHECKING, BinaryIO, Self

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from tieout.intake.cards import CardScan
from tieout.intake.derive import Provenance, alias_keys, common_ids, derive, reference_rows, renumbered, stated_table
from tieout.model.money import exponents
from tieout.model.problems import Problem
from tieout.model.records import record_schema

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Callable, Iterable, Mapping
    from types import TracebackType

    import duckdb
    import numpy.typing as npt

    from tieout.formats.reading import Chunk, Total
    from tieout.intake.indexes import Gathered
    from tieout.model.statements import Balance, Statement
    from tieout.store.lake import Lake, LakeFile, LakeWriter

    Members = Iterable[tuple[str | None, Iterable[Chunk]]]

__all__ = ["PROBLEMS_MAX", "Staged", "stage"]

#: The most problems that are kept one by one; beyond it they are only counted.
PROBLEMS_MAX = 1_000_000
# Chunks between reading and deriving: enough that neither waits, few enough that memory stays flat.
_WAITING_MAX = 2


@dataclass(slots=True)
class Staged:
    """
    A delivery, read.

    :ivar references: key and row of every identifier.
    :ivar records: the draft of its records file; None when it has no rows.
    :ivar keys: the first 64 bits of each row's identity, in row order.
    :ivar counted: which rows are told apart by counting.
    :ivar alias_rows, alias_ids: rows that have other identities, or something in common with equal rows, and these.
    :ivar first_days: the first day on which each statement, or page, has a booked entry, by (member, place).
    :ivar rows_in: rows of the file = records + quarantined + skipped; ``skipped`` were left out on purpose: by the
        mapping's own ``where``, or because nothing stands in them that moves money.
    :ivar refused: why nothing of the file can be used.
    :ivar unreadable: of a container, why nothing of these files in it can be used; ``members``: how many it holds.
    :ivar cards: full card numbers in it: then there is no draft.
    :ivar fingerprints: of each file that came in a container, by name (empty unless in a ZIP).
    """

    references: Gathered
    records: LakeFile | None = None
    keys: npt.NDArray[np.int64] = field(default_factory=lambda: np.zeros(0, np.int64))
    counted: npt.NDArray[np.bool_] = field(default_factory=lambda: np.zeros(0, np.bool_))
    alias_rows: list[int] = field(default_factory=list)
    alias_ids: list[bytes] = field(default_factory=list)
    first_days: dict[tuple[str | None, int], dt.date] = field(default_factory=dict)
    statements: list[tuple[str | None, Statement]] = field(default_factory=list)
    balances: list[tuple[str | None, Balance]] = field(default_factory=list)
    problems: list[Problem] = field(default_factory=list)
    problems_beyond: int = 0
    totals: list[Total] = field(default_factory=list)
    version: str | None = None
    rows_in: int = 0
    quarantined: int = 0
    skipped: int = 0
    refused: Problem | None = None
    unreadable: dict[str, Problem] = field(default_factory=dict)
    members: int = 0
    cards: CardScan = field(default_factory=CardScan)
    fingerprints: dict[str, str] = field(default_factory=dict)

    @property
    def row_count(self) -> int:
        """How many records the draft holds."""
        return len(self.keys)


def stage(
    con: duckdb.DuckDBPyConnection,
    lake: Lake,
    origin: Provenance,
    members: Callable[[], Members],
    references: Gathered,
    progress: Callable[[int], None] = lambda _rows: None,
    unread: Callable[[], Iterable[tuple[str | None, BinaryIO]]] | None = None,
) -> Staged:
    """
    Read all chunks of all members of a delivery into drafts.

    A refused file leaves no draft. Of a container, what can be read is, and a file in it that cannot is one row that is
    quarantined; that may show at its end only, so that the others are then read again without it.

    :param members: gives the files from their beginning.
    :param references: takes the entries of the look-up index.
    :param progress: hears how many rows are done.
    :param unread: gives the delivery's raw files, to look for card numbers in what cannot be read.
    """
    staged = _staged(con, lake, origin, members(), {}, references, progress, unread)
    if staged.unreadable and not staged.refused:
        if len(staged.unreadable) == staged.members:
            staged.refused = next(iter(staged.unreadable.values()))
        elif not staged.cards.numbers:
            staged = _staged(con, lake, origin, members(), staged.unreadable, references, progress, unread)
    return staged


def _staged(
    con: duckdb.DuckDBPyConnection,
    lake: Lake,
    origin: Provenance,
    members: Members,
    without: Mapping[str, Problem],
    references: Gathered,
    progress: Callable[[int], None],
    unread: Callable[[], Iterable[tuple[str | None, BinaryIO]]] | None,
) -> Staged:
    """Read everything once, leaving out members that are known to be unreadable."""
    references.clear()
    staged, found = Staged(references), _Found()
    with _Writing(lake.writer("records", record_schema(), origin.delivery_id)) as drafts:
        rows = 0
        with _InTurn() as deriving:
            for member, chunks in members:
                staged.members += 1
                staged.cards.look_at_name(member)
                if member is not None and member in without:
                    _leave_out(staged, member, without[member])
                    continue
                for chunk in chunks:
                    _set_aside_without_currency(chunk)
                    if origin.number_of:
                        chunk.problems = [_renamed(problem, origin.number_of) for problem in chunk.problems]
                    _note(staged, chunk, member)
                    if chunk.unseen:
                        deriving.do(partial(staged.cards.look_at_unseen, chunk.unseen))
                    table = chunk.table if chunk.table is not None else stated_table(chunk.records)
                    if staged.refused or table.num_rows == 0:
                        continue
                    deriving.do(partial(_place, con, origin, staged, found, drafts, table, member, rows))
                    rows += table.num_rows
                    progress(rows)
        staged.cards.close()
        if unread is not None and (staged.refused or staged.quarantined or staged.unreadable):
            faulty: set[tuple[str | None, int | None]] = {
                (p.member, p.line) for p in staged.problems if p.severity == "row" and p.line
            }
            faulty |= {(member, None) for member in staged.unreadable}
            said = ((p.line or 0, p.message) for p in staged.problems)
            staged.cards.look_at_unread(unread(), None if staged.refused else faulty, said)
        torn = staged.unreadable.keys() - without.keys()
        drafts.keep = rows > 0 and not staged.refused and not torn and not staged.cards.numbers
    if drafts.keep:
        staged.records = drafts.file
        staged.keys = np.frombuffer(found.keys, np.int64)
        staged.counted = np.frombuffer(found.counted, np.bool_)
    return staged


@dataclass(slots=True)
class _Found:
    """What is gathered chunk by chunk, in buffers that grow in place: joined at the end, it would be held twice."""

    keys: bytearray = field(default_factory=bytearray)
    counted: bytearray = field(default_factory=bytearray)


def _place(
    con: duckdb.DuckDBPyConnection,
    origin: Provenance,
    staged: Staged,
    found: _Found,
    drafts: _Writing,
    table: pa.Table,
    member: str | None,
    first: int,
) -> None:
    """Give the rows of one chunk what intake adds, and hand them to the writer; ``first`` is their place in the draft."""
    table = renumbered(table, origin)
    staged.cards.look(table)
    if origin.system == "bank":
        _note_first_days(staged, table, member)
    rows = derive(con, table, origin, member)
    drafts.write(rows)
    found.keys += rows["record_key"].to_numpy().tobytes()
    found.counted += rows["counted"].to_numpy().tobytes()
    staged.references.add(*reference_rows(rows, first))
    if len(pc.list_flatten(table["aliases"])):
        _note_aliases(staged, first, *alias_keys(table, origin.system))
    _note_aliases(staged, first, *common_ids(con, table, origin.system))


def _note_aliases(staged: Staged, first: int, rows: list[int], ids: list[bytes]) -> None:
    staged.alias_rows += [first + row for row in rows]
    staged.alias_ids += ids


def _note_first_days(staged: Staged, table: pa.Table, member: str | None) -> None:
    booked = table.select(["statement_place", "status", "booked_on", "value_on"]).filter(
        pc.and_(pc.equal(table["status"], "booked"), pc.is_valid(table["statement_place"]))
    )
    days = pa.table([booked["statement_place"], pc.coalesce(booked["booked_on"], booked["value_on"])], ["place", "day"])
    for first in days.group_by("place").aggregate([("day", "min")]).to_pylist():
        place, day = (member, first["place"]), first["day_min"]
        if day is not None:
            staged.first_days[place] = min(day, staged.first_days.get(place, day))


class _InTurn:
    """Does one thing after the other in a thread of its own, a few at most waiting; an error is raised here."""

    def __init__(self) -> None:
        self._pool = ThreadPoolExecutor(max_workers=1, thread_name_prefix="derive")
        self._waiting: deque[Future[None]] = deque()

    def __enter__(self) -> Self:
        return self

    def do(self, task: Callable[[], None]) -> None:
        self._waiting.append(self._pool.submit(task))
        while len(self._waiting) > _WAITING_MAX:
            self._waiting.popleft().result()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._pool.shutdown(wait=True, cancel_futures=kind is not None)
        while kind is None and self._waiting:
            self._waiting.popleft().result()


def _note(staged: Staged, chunk: Chunk, member: str | None) -> None:
    """Take everything of a chunk but its rows."""
    staged.statements += [(member, s) for s in chunk.statements]
    staged.balances += [(member, b) for b in chunk.balances]
    staged.totals += chunk.totals
    staged.version = staged.version or chunk.version
    staged.skipped += chunk.skipped
    good = chunk.table.num_rows if chunk.table is not None else len(chunk.records)
    faulty = len({(p.line, p.column if p.line is None else None) for p in chunk.problems if p.severity == "row"})
    if chunk.rows is not None:
        faulty = chunk.rows - good
    staged.quarantined += faulty
    staged.rows_in += good + faulty + chunk.skipped
    room = PROBLEMS_MAX - len(staged.problems)
    staged.problems += [p if member is None else replace(p, member=member) for p in chunk.problems[:room]]
    staged.problems_beyond += max(0, len(chunk.problems) - room)
    refused = next((p for p in chunk.problems if p.severity == "refused"), None)
    if refused is not None and member is not None:
        staged.unreadable.setdefault(member, _within(member, refused))
    else:
        staged.refused = staged.refused or refused


def _renamed(problem: Problem, number_of: Callable[[str | None, str | None], str | None]) -> Problem:
    """Name a row that cannot be read by the number that its account goes by."""
    named = problem.named
    return replace(problem, named=replace(named, account=number_of(named.account, None))) if named else problem


def _within(member: str, problem: Problem) -> Problem:
    """Name the file in the container that a problem is about."""
    named = problem.message if member in problem.message else f"{problem.message} (in {member})"
    return replace(problem, message=named, member=member)


def _leave_out(staged: Staged, member: str, problem: Problem) -> None:
    """Quarantine a file of a container that cannot be read, as one row of the delivery."""
    staged.unreadable[member] = problem
    staged.problems.append(problem)
    staged.rows_in += 1
    staged.quarantined += 1


def _set_aside_without_currency(chunk: Chunk) -> None:
    """Quarantine records of which neither the file nor tieout.toml says the currency."""
    if not any(record.currency not in exponents() for record in chunk.records):
        return
    good = [record for record in chunk.records if record.currency in exponents()]
    message = "expected a currency in the file or as `currency` of its source in tieout.toml, got none"
    bad = [
        Problem(message=message, severity="row", line=record.line, column="currency")
        for record in chunk.records
        if record.currency not in exponents()
    ]
    chunk.records, chunk.problems = good, [*chunk.problems, *bad]


class _Writing:
    """Writes drafts in a thread, so that encoding one chunk overlaps with reading the next."""

    def __init__(self, writer: LakeWriter) -> None:
        self._writer = writer
        self._stack = ExitStack()
        self._queue: Queue[pa.Table | None] = Queue(maxsize=2)
        self._error: BaseException | None = None
        self.keep = False

    def __enter__(self) -> Self:
        self._stack.enter_context(self._writer)
        self._thread = Thread(target=self._run, daemon=True)
        self._thread.start()
        return self

    def _run(self) -> None:
        while (table := self._queue.get()) is not None:
            if self._error is None:
                try:
                    self._writer.write(table)
                except BaseException as error:  # noqa: BLE001 - raised again in the reading thread
                    self._error = error

    def write(self, table: pa.Table) -> None:
        if self._error is not None:
            raise self._error
        self._queue.put(table)

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> bool | None:
        self._queue.put(None)
        self._thread.join()
        if kind is None and self._error is not None:
            self._stack.__exit__(type(self._error), self._error, self._error.__traceback__)
            raise self._error
        if kind is None and not self.keep:
            drop = _Dropped()
            self._stack.__exit__(_Dropped, drop, None)
            return None
        return self._stack.__exit__(kind, error, trace)

    @property
    def file(self) -> LakeFile:
        return self._writer.file


class _Dropped(Exception):
    """Nothing was worth keeping."""
