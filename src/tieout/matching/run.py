"""
One run of one reconciliation: read what is open, perform the rules, write what was found, commit.

A run is a function of the facts, decisions, rules, calendars and rates that it names. If another run used up one of its
claims meanwhile, nothing of it counts, and it is run again on what the other left.
"""

from __future__ import annotations

import hashlib
import json
from contextlib import closing
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from tieout.config.rates import read_rates
from tieout.errors import Transient
from tieout.matching.backends.duckdb import DuckDB
from tieout.matching.facts import (
    calendar_codes,
    day_number,
    kinds_of,
    read_forbidden,
    read_scales,
    read_stale,
    read_used,
    records_of,
)
from tieout.matching.leftovers import Leftovers, exceptions_sql, leave, positions_sql
from tieout.matching.outcome import adjustments_sql, gather, matches_sql
from tieout.matching.perform import Performance, columns_wanted, perform_rules
from tieout.matching.reading import rule_set
from tieout.matching.settlements import compose
from tieout.matching.sides import members_sql, rows_sql, side_claims
from tieout.model.kinds import KINDS
from tieout.model.money import exponent_of
from tieout.store.engine import connect, prepare_macros
from tieout.store.runs import HeadMovedError, NewRun, commit_run, results_at, standing_matches
from tieout.store.tables import table_schema
from tieout.store.workplace import files_at

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Callable

    import sqlalchemy as sa

    from tieout.config import Workspace
    from tieout.config.workspace import Reconciliation, Side
    from tieout.matching.rules import RuleSet
    from tieout.store.lake import LakeFile
    from tieout.store.runs import Results
    from tieout.store.workplace import Store

__all__ = ["RunOutcome", "run_reconciliation"]

#: So often another run may come first before we give up.
_TRIES = 20


@dataclass(slots=True)
class RunOutcome:
    """
    What one run found.

    :ivar unchanged: nothing that it rests on has changed since the last one, which therefore stands.
    :ivar counts: matches (all that stand), proposed, final (new ones), exceptions, in transit, open.
    :ivar seconds: {read, match, write}.
    """

    reconciliation: str
    run_id: str
    digest: str
    through: dt.date | None
    counts: dict[str, int] = field(default_factory=dict)
    seconds: dict[str, float] = field(default_factory=dict)
    unchanged: bool = False


@dataclass(frozen=True, slots=True)
class _Reading:
    """What the book said when the run began."""

    facts_version: int
    files: dict[str, list[LakeFile]]
    results: Results


def run_reconciliation(
    store: Store,
    workspace: Workspace,
    reconciliation: Reconciliation,
    through: dt.date,
    *,
    threads: int | None = None,
    progress: Callable[[str], None] = lambda _stage: None,
) -> RunOutcome:
    """
    Run one reconciliation up to a day, and make the result true.

    :param through: later bookings are not looked at.
    :raises WrongUse: a rule, calendar or rate has a fault.
    :raises Transient: other runs of the same claims kept coming first.
    """
    rules = rule_set(workspace, reconciliation)
    for _ in range(_TRIES):
        attempt = _Attempt(store, workspace, reconciliation, rules, through, threads, progress)
        try:
            return attempt.run()
        except HeadMovedError:
            continue
    message = f"other runs used up the claims of {reconciliation.id} {_TRIES} times while it ran: try again"
    raise Transient(message)


class _Attempt:
    """One try of a run."""

    def __init__(
        self,
        store: Store,
        workspace: Workspace,
        reconciliation: Reconciliation,
        rules: RuleSet,
        through: dt.date,
        threads: int | None,
        progress: Callable[[str], None],
    ) -> None:
        self.store, self.workspace, self.reconciliation = store, workspace, reconciliation
        self.rules, self.through, self.threads, self.progress = rules, through, threads, progress
        self.seconds: dict[str, float] = {}

    def run(self) -> RunOutcome:
        """Read, match, write, commit."""
        with self.store.book.reading() as connection:
            self.reading = _read(connection)
        self.rates = read_rates(self.workspace.folder)
        self.texts = _texts(self.workspace, self.rules, self.rates.text)
        last = self._last()
        if last is not None:
            nothing = {"read": 0.0, "match": 0.0, "write": 0.0}
            counts = json.loads(last["counts"])
            return RunOutcome(
                self.reconciliation.id, last["run_id"], last["digest"], self.through, counts, nothing, unchanged=True
            )
        self.store.spill.mkdir(parents=True, exist_ok=True)
        with closing(connect(self.store.spill)) as con:
            if self.threads is not None:
                con.execute(f"set threads = {self.threads}")
            prepare_macros(con)
            return self._work(DuckDB(con))

    def _inputs(self) -> dict[str, str]:
        return {kind: digest for digest, (kind, _) in self.texts.items()}

    def _last(self) -> dict[str, Any] | None:
        """
        Give the last run, if this one could find nothing else.

        The same facts, rules and day; and since then no person decided anything, and no other reconciliation gave back
        what it had used up before: what one took since can only leave less.
        """
        results = self.reading.results
        last = results.last.get(self.reconciliation.id)
        if last is None or last["facts_version"] != self.reading.facts_version:
            return None
        if last["through_day"] != day_number(self.through) or json.loads(last["inputs"]) != self._inputs():
            return None
        before: dict[str, str] = {}
        for run in sorted(results.runs.values(), key=lambda r: int(r["sequence"])):
            earlier, name = run["sequence"] <= last["sequence"], run["reconciliation"]
            if (
                not earlier
                and run["kind"] != "journal"
                and (run["kind"] != "rules" or before.get(name, run["digest"]) != run["digest"])
            ):
                return None
            if earlier and run["kind"] == "rules":
                before[name] = run["digest"]
        return last

    def _timed(self, phase: str) -> _Timer:
        self.progress(phase)
        return _Timer(self.store, self.seconds, phase)

    def _work(self, engine: DuckDB) -> RunOutcome:
        with self._timed("read"):
            work, claims = self._read_sides(engine)
        with self._timed("match"):
            if any(work.grouped):
                compose(engine, f"{'left' if work.grouped[0] else 'right'}_all")
            perform_rules(work)
            gather(work, self.reconciliation.id)
            judged = Leftovers(
                reconciliation=self.reconciliation.id,
                through_day=day_number(self.through),
                later=_later(self.workspace, self.reconciliation, claims),
            )
            leave(work, self.workspace, judged)
        with self._timed("write"):
            run = self._write(work, judged, claims)
            commit_run(self.store, run)
        return RunOutcome(self.reconciliation.id, run.run_id, run.digest, self.through, run.counts, self.seconds)

    def _read_sides(self, engine: DuckDB) -> tuple[Performance, tuple[str, str]]:
        """Make ``left_all`` and ``right_all``: every record of a side with something open."""
        store, own = self.store, self.reconciliation
        records = records_of(store.lake, self.reading.files)
        standing = standing_matches(engine.con, store.lake, self.reading.results, anew=own.id)
        money = read_scales(engine, records, own, standing)
        self.stale = read_stale(engine, store.lake, self.reading.files, self.reading.results, own.id)
        used = read_used(engine, store.lake, self.reading.results, own.id)
        read_forbidden(engine, store.lake, self.reading.results, own.id)
        calendars = calendar_codes(engine, self.workspace)
        claims = side_claims(own, self.rules, kinds_of(engine, records, own))
        grouped = (self.rules.group[0] is not None, self.rules.group[1] is not None)
        polarity = self.rules.polarity
        for side, spec, claim in (("left", own.left, claims[0]), ("right", own.right, claims[1])):
            turned = (
                polarity
                if polarity == "by kind"
                else ("opposite" if polarity == "opposite" and side == "right" else "same")
            )
            columns = columns_wanted(self.rules, side)
            query = rows_sql(records, spec, claim, columns, day_number(self.through), polarity=turned, used=used)
            engine.number(f"{side}_all", query)
        engine.con.execute(
            """create or replace temp view every_row as select 'left' as origin, * from left_all
                union all by name select 'right' as origin, * from right_all"""
        )
        work = Performance(
            engine=engine, rules=self.rules, money=money, rates=self.rates, base_currency=self._base_currency(),
            base_exponent=exponent_of(self._base_currency()), folder=self.workspace.folder, calendars=calendars,
            grouped=grouped,
        )  # fmt: skip
        for side, is_grouped in zip(("left", "right"), grouped, strict=True):
            if is_grouped:
                engine.create(f"members_of_{side}", members_sql(f"{side}_all"))
        return work, claims

    def _base_currency(self) -> str:
        """Give the currency in which amounts of different currencies are compared: that of the sides' only entity."""
        own = self.reconciliation
        entities = {self.workspace.source(s).entity for side in (own.left, own.right) for s in side.sources}
        entities |= {e for side in (own.left, own.right) for e in side.entities}
        if len(entities) == 1:
            return self.workspace.entity(entities.pop()).currency
        return self.workspace.base_currency

    def _write(self, work: Performance, judged: Leftovers, claims: tuple[str, str]) -> NewRun:
        """Write the result files, and describe the run."""
        own = self.reconciliation.id
        run = NewRun(
            kind="rules",
            reconciliation=own,
            through_day=judged.through_day,
            facts_version=self.reading.facts_version,
            heads={c: self.reading.results.heads.get(c, 0) for c in _claims_used(claims, work)},
            inputs=self._inputs(),
            texts=self.texts,
            voids=dict.fromkeys(self.stale, ("a record was superseded", False)),
        )
        queries = [
            ("matches", False, matches_sql(work, own, final=True)),
            ("matches", True, matches_sql(work, own, final=False)),
            ("adjustments", False, adjustments_sql(work, own, final=True)),
            ("adjustments", True, adjustments_sql(work, own, final=False)),
            ("positions", True, positions_sql(work, judged)),
            ("exceptions", True, exceptions_sql(work, judged)),
        ]
        token = self.store.entropy.token_bytes(6).hex()
        for name, provisional, query in queries:
            with self.store.lake.writer(name, table_schema(name), token) as writer:
                for batch in work.engine.batches(query):
                    writer.write(_table(batch, name))
            if writer.rows:
                run.files.append((writer.file, provisional))
            else:
                self.store.lake.remove(writer.file.path)
        run.counts = _counts(work, run)
        run.counts["final"] -= len(self.stale)
        before = (
            json.loads(r["counts"]).get("final", 0)
            for r in self.reading.results.runs.values()
            if r["reconciliation"] == own
        )
        run.counts["matches"] += sum(before) - len(self.stale)
        return run


class _Timer:
    """Adds the time of a block to a phase."""

    def __init__(self, store: Store, seconds: dict[str, float], phase: str) -> None:
        self._clock, self._seconds, self._phase = store.clock, seconds, phase

    def __enter__(self) -> None:
        self._began = self._clock.monotonic()

    def __exit__(self, *_error: object) -> None:
        self._seconds[self._phase] = self._seconds.get(self._phase, 0.0) + self._clock.monotonic() - self._began


def _table(batch: object, name: str) -> object:
    import pyarrow as pa

    table = pa.Table.from_batches([batch])
    schema = table_schema(name)
    return pa.table([table[f.name].cast(f.type) for f in schema], schema=schema)


def _read(connection: sa.Connection) -> _Reading:
    import sqlalchemy as sa

    from tieout.store import schema

    head = schema.head
    version = connection.scalar(sa.select(head.c.version).where(head.c.name == "facts")) or 0
    return _Reading(version, files_at(connection, ("records", "superseded")), results_at(connection))


def _texts(workspace: Workspace, rules: RuleSet, rates: str) -> dict[str, tuple[str, str]]:
    """Gather the texts that a run rests on, by digest."""
    texts = {"tieout.toml": workspace.path.read_text(encoding="utf-8"), "rules": rules.text}
    if rates:
        texts["rates"] = rates
    for path in sorted((workspace.folder / "calendars").glob("*.toml")):
        texts[f"calendars/{path.name}"] = path.read_text(encoding="utf-8")
    return {hashlib.sha256(text.encode()).hexdigest(): (kind, text) for kind, text in texts.items()}


def _claims_used(claims: tuple[str, str], work: Performance) -> list[str]:
    """Name every claim that the run uses up."""
    found = work.engine.arrow("select distinct claim from every_row")["claim"].to_pylist()
    return sorted({c for c in (*claims, *found) if c != "by kind"} | ({"transfer"} if any(work.grouped) else set()))


def _later(workspace: Workspace, own: Reconciliation, claims: tuple[str, str]) -> tuple[bool, bool]:
    """Say for each side whether a reconciliation that stands later in tieout.toml may still explain its records."""
    place = [r.id for r in workspace.reconciliations].index(own.id)
    followers = []
    for follower in workspace.reconciliations[place + 1 :]:
        said = rule_set(workspace, follower).claims
        followers += [(follower.left, said[0]), (follower.right, said[1])]
    left, right = (
        any(_overlap(side, other) and _claims(side, claim) & _claims(other, said) for other, said in followers)
        for side, claim in zip((own.left, own.right), claims, strict=True)
    )
    return left, right


def _overlap(side: Side, other: Side) -> bool:
    """Whether every record of a side may be one of another side, too, as far as sources and accounts tell."""
    return all(
        not theirs or (ours and set(ours) <= set(theirs))
        for ours, theirs in (
            (side.sources, other.sources),
            (side.accounts, other.accounts),
            (side.entities, other.entities),
        )
    )


def _claims(side: Side, claim: str) -> set[str]:
    """Name the claims that a side may use up."""
    if claim != "by kind":
        return {claim}
    kinds = side.kinds or tuple(KINDS)
    return {KINDS[kind].claims[0] for kind in kinds if KINDS[kind].claims}


def _counts(work: Performance, run: NewRun) -> dict[str, int]:
    """Count what a run found, for people."""
    rows = work.engine.arrow(
        """select count(distinct match_id) filter (where confirm) as matches,
            count(distinct match_id) filter (where not confirm) as proposed,
            count(distinct match_id) filter (where exact) as final,
            count(*) filter (where confirm) as matched from parts"""
    ).to_pylist()[0]
    states = {
        row["state"]: row["n"]
        for row in work.engine.arrow("select state, count(*) as n from left_over group by state").to_pylist()
    }
    files = {f.table_name: f.rows for f, _ in run.files}
    return {
        **{name: int(count) for name, count in rows.items()},
        "exceptions": files.get("exceptions", 0),
        "in_transit": states.get("in_transit", 0),
        "open": states.get("open", 0),
        "excluded": states.get("excluded", 0),
    }
