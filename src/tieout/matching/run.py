"""
One run of one reconciliation: read what is open, perform the rules, write what was found, commit.

A run is a function of the facts, decisions, rules, calendars and rates that it names. If another run used up one of its
claims meanwhile, nothing of it counts, and it is run again on what the other left.
"""

from __future__ import annotations

import hashlib
import json
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from tieout.config.rates import read_rates
from tieout.errors import Transient, WrongUse
from tieout.matching.backends.duckdb import DuckDB
from tieout.matching.facts import (
    calendar_codes,
    day_number,
    kinds_of,
    read_forbidden,
    read_kin,
    read_scales,
    read_stale,
    read_used,
    read_used_keys,
    records_of,
)
from tieout.matching.followers import claims_of, followers_text, may_share, may_still_explain
from tieout.matching.keeping import Kept, keep_matches, keep_the_rest
from tieout.matching.leftovers import Leftovers, leave
from tieout.matching.outcome import counts, gather, leave_differences
from tieout.matching.perform import Performance, columns_wanted, perform_rules
from tieout.matching.reading import rule_set
from tieout.matching.rows import read_rows
from tieout.matching.settlements import compose
from tieout.matching.sides import members_sql, polarity_of, rows_sql, shared_sql, side_claims
from tieout.model.kinds import KINDS
from tieout.model.money import exponent_of
from tieout.store.engine import connect, prepare_macros
from tieout.store.runs import HeadMovedError, NewRun, commit_run, facts_version, results_at, standing_matches
from tieout.store.workplace import files_at

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Callable

    import sqlalchemy as sa

    from tieout.config import Workspace
    from tieout.config.workspace import Reconciliation
    from tieout.matching.outcome import Outcome
    from tieout.matching.rules import RuleSet
    from tieout.store.lake import LakeFile
    from tieout.store.runs import Results
    from tieout.store.workplace import Store

__all__ = ["Given", "RunOutcome", "run_reconciliation"]

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
class Given:
    """
    What a run rested on, when it is performed again.

    :ivar followers: what later reconciliations looked at (``followers_text``).
    """

    rules: RuleSet
    followers: str
    facts_version: int


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
    again: Given | None = None,
    progress: Callable[[str], None] = lambda _stage: None,
) -> RunOutcome:
    """
    Run one reconciliation up to a day, and make the result true.

    :param through: later bookings are not looked at.
    :param again: perform an earlier run again on what it rested on; None: a new run on what there is now.
    :raises WrongUse: a rule, calendar or rate has a fault; or one record is on both sides.
    :raises Transient: other runs of the same claims kept coming first.
    """
    for _ in range(_TRIES):
        attempt = _Attempt(store, workspace, reconciliation, through, threads, again, progress)
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
        through: dt.date,
        threads: int | None,
        again: Given | None,
        progress: Callable[[str], None],
    ) -> None:
        self.store, self.workspace, self.reconciliation = store, workspace, reconciliation
        self.through, self.threads, self.again, self.progress = through, threads, again, progress
        self.rules = rule_set(workspace, reconciliation) if again is None else again.rules
        self.seconds: dict[str, float] = {}
        self.token = store.entropy.token_bytes(6).hex()

    def run(self) -> RunOutcome:
        """Read, match, write, commit."""
        with self.store.book.reading() as connection:
            self.reading = _read(connection, self.again)
        self.rates = read_rates(self.workspace.folder)
        given = self.again
        self.followers = followers_text(self.workspace, self.reconciliation) if given is None else given.followers
        self.texts = _texts(self.workspace, self.rules, self.rates.text, self.followers)
        self.last = self._last()
        if self.last is not None and self._nothing_happened(self.last):
            return self._as_before(self.last)
        self.store.spill.mkdir(parents=True, exist_ok=True)
        with closing(connect(self.store.spill)) as con:
            if self.threads is not None:
                con.execute(f"set threads = {self.threads}")
            con.execute("set parquet_metadata_cache = true")  # files of the lake never change
            prepare_macros(con)
            return self._work(DuckDB(con))

    def _inputs(self) -> dict[str, str]:
        return {kind: hashlib.sha256(text.encode()).hexdigest() for kind, text in self.texts.items()}

    def _last(self) -> dict[str, Any] | None:
        """Give the last run, if it rests on the same facts and rules as this one would."""
        last = self.reading.results.last.get(self.reconciliation.id)
        if last is None or self.again is not None or last["facts_version"] != self.reading.facts_version:
            return None
        before = {kind: digest for kind, digest in json.loads(last["inputs"]).items() if kind != "learned"}
        same = last["through_day"] == day_number(self.through) and before == self._inputs()
        return last if same else None

    def _nothing_happened(self, last: dict[str, Any]) -> bool:
        """
        Say whether it could find nothing else than the last one did.

        No person decided anything since, and no other reconciliation gave back what it had used up before: what one took
        since can only leave less.
        """
        before: dict[str, str] = {}
        for run in sorted(self.reading.results.runs.values(), key=lambda r: int(r["sequence"])):
            name, is_rules = run["reconciliation"], run["kind"] == "rules"
            if run["sequence"] <= last["sequence"]:
                if is_rules:
                    before[name] = run["digest"]
            elif run["kind"] != "journal" and not (is_rules and before.get(name, run["digest"]) == run["digest"]):
                return False
        return True

    def _as_before(self, last: dict[str, Any]) -> RunOutcome:
        took = {"read": 0.0, "match": 0.0, "write": 0.0} | self.seconds
        name, told = self.reconciliation.id, json.loads(last["counts"])
        return RunOutcome(name, last["run_id"], last["digest"], self.through, told, took, unchanged=True)

    def _found_the_same(self, last: dict[str, Any], run: NewRun) -> bool:
        """Say whether a run found nothing new, and everything else as the last one left it: that one stands."""
        before = {
            (f.file.table_name, f.file.rows, f.file.digest)
            for f in self.reading.results.files
            if f.run_id == last["run_id"] and f.provisional
        }
        now = {(f.table_name, f.rows, f.digest) for f, provisional in run.files if provisional}
        return not run.voids and before == now and len(now) == len(run.files)

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
            if work.learned:
                self.texts["learned"] = json.dumps([weighed.told for weighed in work.learned.values()], indent=1)
            found = gather(work, self.rows, self.reconciliation.id)
            judged = Leftovers(
                reconciliation=self.reconciliation.id,
                through_day=day_number(self.through),
                later=may_still_explain(self.followers, self.reconciliation, self.rules, claims),
            )
            # Matches need nothing of what is left over: they are written meanwhile.
            with ThreadPoolExecutor(1) as meanwhile:
                matches = meanwhile.submit(
                    keep_matches, self.store.lake, self.token, work, found, self.reconciliation.id
                )
                leave(work, self.workspace, found, judged)
                leave_differences(found, work)
        with self._timed("write"):
            run = self._write(work, found, judged, matches.result())
            if self.last is not None and self._found_the_same(self.last, run):
                for file, _ in run.files:
                    self.store.lake.remove(file.path)
                return self._as_before(self.last)
            commit_run(self.store, run)
        return RunOutcome(self.reconciliation.id, run.run_id, run.digest, self.through, run.counts, self.seconds)

    def _read_sides(self, engine: DuckDB) -> tuple[Performance, tuple[str, str]]:
        """Make ``left_all`` and ``right_all``: every record of a side with something open."""
        store, own = self.store, self.reconciliation
        records = records_of(store.lake, self.reading.files)
        standing = standing_matches(engine.con, store.lake, self.reading.results, anew=own.id)
        kinds = kinds_of(engine, records, own, self.rules)
        claims = side_claims(own, self.rules, kinds)
        grouped = (self.rules.group[0] is not None, self.rules.group[1] is not None)
        self.claims = self._claims_used(claims, kinds, moved=any(grouped))
        money = read_scales(engine, records, own, self.rules, standing, self.claims)
        self.stale = read_stale(engine, store.lake, self.reading.files, self.reading.results, own.id, self.claims)
        used = read_used(engine, store.lake, self.reading.results, own.id, self.claims)
        read_used_keys(engine, records, own, self.rules, used=used)
        read_kin(engine, records, kinds[0] | kinds[1], used=used)
        read_forbidden(engine, store.lake, self.reading.results, own.id)
        calendars = calendar_codes(engine, self.workspace)
        sides = (("left", own.left, self.rules.left), ("right", own.right, self.rules.right))
        first = 0
        for (side, spec, filtered), claim, is_grouped in zip(sides, claims, grouped, strict=True):
            columns = columns_wanted(self.rules, side)
            query = rows_sql(
                records, (spec, filtered), claim, columns, day_number(self.through), polarity=polarity_of(self.rules, side), used=used,
                grouped=is_grouped,
            )  # fmt: skip
            first = engine.number(f"{side}_all", query, first)
        self.rows = read_rows(engine)
        self._refuse_shared(engine)
        work = Performance(
            engine=engine, rules=self.rules, money=money, rates=self.rates, base_currency=self._base_currency(),
            base_exponent=exponent_of(self._base_currency()), folder=self.workspace.folder, calendars=calendars,
            grouped=grouped, kinds=kinds,
        )  # fmt: skip
        for side, is_grouped in zip(("left", "right"), grouped, strict=True):
            if is_grouped:
                engine.create(f"members_of_{side}", members_sql(f"{side}_all"))
        return work, claims

    def _claims_used(self, claims: tuple[str, str], kinds: tuple[set[str], set[str]], *, moved: bool) -> set[str]:
        """Name every claim that the run uses up, or gives back: those of its last run, too."""
        own, rules = self.reconciliation, self.rules
        found = {"transfer"} if moved else set()
        for claim, have in zip(claims, kinds, strict=True):
            found |= {claim} if claim != "by kind" else {KINDS[k].claims[0] for k in have if KINDS[k].claims}
        last = self.reading.results.last.get(own.id)
        found |= set(json.loads(last["heads"])) if last else set()
        # Without any record there is still a run, and two at once are one after the other.
        return found or claims_of(own.left, rules.left, claims[0]) | claims_of(own.right, rules.right, claims[1])

    def _refuse_shared(self, engine: DuckDB) -> None:
        """
        Refuse a record on both sides: it would be matched with itself, and used up twice.

        :raises WrongUse: there is one.
        """
        own = self.reconciliation
        if not may_share(own.left, own.right):
            return
        shared = engine.arrow(shared_sql())["external_id"].to_pylist()
        if shared:
            message = (
                f"expected two sides of {own.id} that share no record, got {shared[0]!r} on both: say which sources,"
                " accounts or kinds each has"
            )
            raise WrongUse(message)

    def _base_currency(self) -> str:
        """Give the currency in which amounts of different currencies are compared: that of the sides' only entity."""
        own = self.reconciliation
        entities = {self.workspace.source(s).entity for side in (own.left, own.right) for s in side.sources}
        entities |= {e for side in (own.left, own.right) for e in side.entities}
        if len(entities) == 1:
            return self.workspace.entity(entities.pop()).currency
        return self.workspace.base_currency

    def _write(self, work: Performance, found: Outcome, judged: Leftovers, matches: list[Kept]) -> NewRun:
        """Write the other result files, and describe the run."""
        own = self.reconciliation.id
        run = NewRun(
            kind="rules",
            reconciliation=own,
            through_day=judged.through_day,
            facts_version=self.reading.facts_version,
            heads={c: self.reading.results.heads.get(c, 0) for c in self.claims | set(self._claims_given_back(work))},
            inputs=self._inputs(),
            texts={hashlib.sha256(text.encode()).hexdigest(): (kind, text) for kind, text in self.texts.items()},
            voids=dict.fromkeys(self.stale, ("a record was superseded", False)),
        )
        run.files += [*matches, *keep_the_rest(self.store.lake, self.token, work, found, judged)]
        run.counts = counts(found, work, run.files)
        given_back = sum(self.stale.values())
        run.counts["final"] -= given_back
        before = (
            json.loads(r["counts"]).get("final", 0)
            for r in self.reading.results.runs.values()
            if r["reconciliation"] == own
        )
        run.counts["matches"] += sum(before) - given_back
        return run

    def _claims_given_back(self, work: Performance) -> list[str]:
        """Name the claims of matches that rest on a record that was superseded."""
        if not self.stale:
            return []
        standing = standing_matches(work.engine.con, self.store.lake, self.reading.results)
        query = f"select distinct m.claim from {standing} m semi join stale t on t.match_id = m.match_id"
        return [str(claim) for claim in work.engine.arrow(query)["claim"].to_pylist()]


class _Timer:
    """Adds the time of a block to a phase."""

    def __init__(self, store: Store, seconds: dict[str, float], phase: str) -> None:
        self._clock, self._seconds, self._phase = store.clock, seconds, phase

    def __enter__(self) -> None:
        self._began = self._clock.monotonic()

    def __exit__(self, *_error: object) -> None:
        self._seconds[self._phase] = self._seconds.get(self._phase, 0.0) + self._clock.monotonic() - self._began


def _read(connection: sa.Connection, again: Given | None) -> _Reading:
    version = facts_version(connection) if again is None else again.facts_version
    return _Reading(version, files_at(connection, ("records", "superseded"), version), results_at(connection))


def _texts(workspace: Workspace, rules: RuleSet, rates: str, followers: str) -> dict[str, str]:
    """Gather the texts that a run rests on, by what each is."""
    texts = {"tieout.toml": workspace.path.read_text(encoding="utf-8"), "rules": rules.text, "followers": followers}
    texts |= {"rates": rates} if rates else {}
    for path in sorted((workspace.folder / "calendars").glob("*.toml")):
        texts[f"calendars/{path.name}"] = path.read_text(encoding="utf-8")
    return texts
