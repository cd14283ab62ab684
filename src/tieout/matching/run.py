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

import pyarrow as pa

from tieout.config.calendars import public_texts
from tieout.config.rates import read_rates
from tieout.errors import Transient
from tieout.matching.backends.duckdb import DuckDB
from tieout.matching.backends.spark import Spark, spark_place
from tieout.matching.facts.followers import followers_text, may_still_explain, others_text
from tieout.matching.facts.opening import open_sides, read_before, read_book
from tieout.matching.facts.records import day_number
from tieout.matching.facts.rests import hears_of_rests
from tieout.matching.grammar.reading import rule_set
from tieout.matching.performing.perform import Performance, perform_rules
from tieout.matching.performing.settlements import compose
from tieout.matching.results.keeping import Kept, keep_matches, keep_the_rest
from tieout.matching.results.outcome import gather
from tieout.matching.results.spread import gather_spread
from tieout.matching.unmatched.leftovers import Leftovers, leave
from tieout.store.engine import SHARED_ROWS, connect, paths
from tieout.store.runs import HeadMovedError, NewRun, commit_run, program, standing_matches

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Callable

    from pyspark.sql import SparkSession

    from tieout.config import Workspace
    from tieout.config.workspace import Reconciliation
    from tieout.matching.backends.engine import Engine
    from tieout.matching.facts.history import Before
    from tieout.matching.facts.opening import Opened
    from tieout.matching.grammar.rules import RuleSet
    from tieout.matching.results.found import Found
    from tieout.store.workplace import Store

__all__ = ["Given", "RunOutcome", "find_matches", "run_reconciliation"]

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
    :ivar others: what all others looked at (``others_text``).
    """

    rules: RuleSet
    followers: str
    others: str
    facts_version: int


def run_reconciliation(
    store: Store,
    workspace: Workspace,
    reconciliation: Reconciliation,
    through: dt.date,
    *,
    threads: int | None = None,
    session: SparkSession | None = None,
    again: Given | None = None,
    progress: Callable[[str], None] = lambda _stage: None,
) -> RunOutcome:
    """
    Run one reconciliation up to a day, and make the result true.

    :param through: later bookings are not looked at.
    :param session: of Spark, which performs the rules; None: DuckDB does.
    :param again: perform an earlier run again on what it rested on; None: a new run on what there is now.
    :raises WrongUse: a rule, calendar or rate has a fault; or one record is on both sides.
    :raises Transient: other runs of the same claims kept coming first.
    """
    for _ in range(_TRIES):
        attempt = _Attempt(store, workspace, reconciliation, through, threads, session, again, progress)
        try:
            return attempt.run()
        except HeadMovedError:
            continue
    message = f"other runs used up the claims of {reconciliation.id} {_TRIES} times while it ran: try again"
    raise Transient(message)


def find_matches(opened: Opened, reconciliation: str) -> Found:
    """Perform the rules on both sides, and bring together what they found; nothing is written."""
    work = opened.work
    if any(work.grouped):
        compose(work.engine, f"{'left' if work.grouped[0] else 'right'}_all")
    perform_rules(work)
    if opened.rows is None:
        return gather_spread(work, reconciliation)
    return gather(work, opened.rows, reconciliation)


class _Attempt:
    """One try of a run."""

    def __init__(
        self,
        store: Store,
        workspace: Workspace,
        reconciliation: Reconciliation,
        through: dt.date,
        threads: int | None,
        session: SparkSession | None,
        again: Given | None,
        progress: Callable[[str], None],
    ) -> None:
        self.store, self.workspace, self.reconciliation = store, workspace, reconciliation
        self.through, self.threads, self.session = through, threads, session
        self.again, self.progress = again, progress
        self.rules = rule_set(workspace, reconciliation) if again is None else again.rules
        self.seconds: dict[str, float] = {}
        self.token = store.entropy.token_bytes(6).hex()

    def run(self) -> RunOutcome:
        """Read, match, write, commit."""
        with self.store.book.reading() as connection:
            self.reading = read_book(connection, None if self.again is None else self.again.facts_version)
        self.rates = read_rates(self.workspace.folder)
        given = self.again
        self.followers = followers_text(self.workspace, self.reconciliation) if given is None else given.followers
        others = others_text(self.workspace, self.reconciliation, self.rules) if given is None else given.others
        self.texts = _texts(self.workspace, self.rules, self.rates.text, self.followers)
        # A run that is performed again finds those it named in its folder.
        self.texts |= _public_calendars(self.workspace, self.rules) if given is None else {}
        self.texts |= {"others": others} if others else {}
        last = self._last()
        self.last = last if last is not None and self._same_facts(last) else None
        if self.last is not None and self._nothing_happened(self.last):
            return self._as_before(self.last)
        before = None
        if last is not None:
            with self.store.book.reading() as connection:
                before = read_before(connection, last)
        if self.session is not None:
            with spark_place(self.store, self.token) as place:
                return self._work(Spark(self.session.newSession(), place), before)
        self.store.spill.mkdir(parents=True, exist_ok=True)
        with closing(connect(self.store.spill)) as con:
            if (threads := self._threads()) is not None:
                con.execute(f"set threads = {threads}")
            con.execute("set parquet_metadata_cache = true")  # files of the lake never change
            return self._work(DuckDB(con), before)

    def _threads(self) -> int | None:
        """Say how many threads there are to be; None: as many as the engine usually has."""
        few = sum(file.rows for file in self.reading.files.get("records", ())) <= SHARED_ROWS
        return 1 if self.threads is None and few else self.threads

    def _inputs(self) -> dict[str, str]:
        return {kind: hashlib.sha256(text.encode()).hexdigest() for kind, text in self.texts.items()}

    def _last(self) -> dict[str, Any] | None:
        """Give the last run, if it rests on the same rules, rates and settings as this one will."""
        last = self.reading.results.last.get(self.reconciliation.id)
        if last is None or self.again is not None or last["program"] != program():
            return None
        before = {kind: digest for kind, digest in json.loads(last["inputs"]).items() if kind != "learned"}
        return last if before == self._inputs() else None

    def _same_facts(self, last: dict[str, Any]) -> bool:
        facts = (last["facts_version"], last["through_day"])
        return facts == (self.reading.facts_version, day_number(self.through))

    def _nothing_happened(self, last: dict[str, Any]) -> bool:
        """
        Say whether it could find nothing else than the last one did.

        No person decided anything since, and no other reconciliation gave back what it had used up before. What one took
        since can only leave less, and of what this one left all or nothing: a rest may be just what fits.
        """
        before: dict[str, str] = {}
        for run in sorted(self.reading.results.runs.values(), key=lambda r: int(r["sequence"])):
            name, is_rules = run["reconciliation"], run["kind"] == "rules"
            if run["sequence"] <= last["sequence"]:
                if is_rules:
                    before[name] = run["digest"]
            elif run["kind"] != "journal" and not (is_rules and before.get(name, run["digest"]) == run["digest"]):
                return False
        return not hears_of_rests(self.store, self.reconciliation.id)

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

    def _work(self, engine: Engine, before: Before | None) -> RunOutcome:
        with self._timed("read"):
            asked = (self.reconciliation, self.rules, self.rates, day_number(self.through))
            others = self.texts.get("others", "")
            opened = open_sides(engine, self.store.lake, self.workspace, asked, self.reading, before, others=others)
            work = opened.work
        with self._timed("match"):
            own = self.reconciliation.id
            found = find_matches(opened, own)
            if work.learned:
                self.texts["learned"] = json.dumps([weighed.told for weighed in work.learned.values()], indent=1)
            judged = Leftovers(
                reconciliation=self.reconciliation.id,
                through_day=day_number(self.through),
                later=may_still_explain(self.followers, self.reconciliation, self.rules, opened.claims),
                earlier=self._said_earlier(),
            )
            # Matches need nothing of what is left over: they are written meanwhile.
            with ThreadPoolExecutor(1) as meanwhile:
                matches = meanwhile.submit(keep_matches, self.store.lake, self.token, work, found, own)
                leave(work, self.workspace, found, judged)
                found.leave_differences(work)
        with self._timed("write"):
            run = self._write(opened, found, judged, matches.result())
            if self.last is not None and self._found_the_same(self.last, run):
                for file, _ in run.files:
                    self.store.lake.remove(file.path)
                return self._as_before(self.last)
            commit_run(self.store, run)
        return RunOutcome(self.reconciliation.id, run.run_id, run.digest, self.through, run.counts, self.seconds)

    def _said_earlier(self) -> tuple[str, ...]:
        """List what reconciliations that stand before this one in tieout.toml said of what they left to later ones."""
        names = [r.id for r in self.workspace.reconciliations]
        before = names[: names.index(self.reconciliation.id)]
        said = [f.file.path for name in before for f in self.reading.results.of("deferred", name)]
        return tuple(map(self.store.lake.full, said))

    def _write(self, opened: Opened, found: Found, judged: Leftovers, matches: list[Kept]) -> NewRun:
        """Write the other result files, and describe the run."""
        own, work, stale = self.reconciliation.id, opened.work, opened.stale
        used = opened.used | (set(self._claims_given_back(work)) if stale else set())
        run = NewRun(
            kind="rules",
            reconciliation=own,
            through_day=judged.through_day,
            facts_version=self.reading.facts_version,
            heads={claim: self.reading.results.heads.get(claim, 0) for claim in used},
            inputs=self._inputs(),
            texts={hashlib.sha256(text.encode()).hexdigest(): (kind, text) for kind, text in self.texts.items()},
            voids=dict.fromkeys(stale, ("a record was superseded", False)),
        )
        run.files += [*matches, *keep_the_rest(self.store.lake, self.token, work, found, judged)]
        run.counts = found.counts(work, run.files)
        given_back = sum(stale.values())
        run.counts["final"] -= given_back
        run.counts["matches"] += self._finals_standing(work, stale)
        return run

    def _finals_standing(self, work: Performance, stale: dict[bytes, bool]) -> int:
        """
        Count the final matches of earlier runs that stand, and are not given back now.

        As the last run counted them, with what happened since: history is asked only for what was taken back since.
        """
        own, results = self.reconciliation.id, self.reading.results
        last = results.last.get(own)
        since = 0 if last is None else int(last["sequence"])
        count = 0 if last is None else json.loads(last["counts"])["matches"] - self._provisional(work)
        for run in results.runs.values():
            if run["reconciliation"] == own and run["kind"] == "hand" and run["sequence"] > since:
                count += json.loads(run["counts"]).get("final", 0)
        return count - self._taken_back(work, since) - sum(stale.values())

    def _provisional(self, work: Performance) -> int:
        """Count the confirmed matches of the last run that stood until this one."""
        files = [f for f in self.reading.results.of("matches", self.reconciliation.id) if f.provisional]
        if not files:
            return 0
        listed = paths([self.store.lake.full(file.file.path) for file in files])
        query = f"select count(distinct match_id) as n from read_parquet({listed}) where status = 'confirmed'"
        return int(work.engine.arrow(query)["n"][0].as_py())

    def _taken_back(self, work: Performance, since: int) -> int:
        """Count the final matches that were taken back after a run."""
        results, engine = self.reading.results, work.engine
        voids = [(match_id, sequence) for match_id, sequence, _ in results.voids if sequence > since]
        files = [f for f in results.of("matches", self.reconciliation.id) if not f.provisional]
        if not voids or not files:
            return 0
        names, sequences = zip(*voids, strict=True)
        engine.take("given_up", pa.table({"match_id": pa.array(names, pa.binary(16)), "sequence": sequences}))
        listed = [self.store.lake.full(file.file.path) for file in files]
        engine.take("given_up_in", pa.table({"path": listed, "sequence": [file.sequence for file in files]}))
        rows = engine.rows_among(listed, "r.match_id in (select match_id from given_up)")
        query = f"""select count(distinct m.match_id) as n from {rows} m join given_up_in o on o.path = m.filename
            join given_up t on t.match_id = m.match_id and t.sequence > o.sequence where m.status = 'confirmed'"""
        return int(engine.arrow(query)["n"][0].as_py())

    def _claims_given_back(self, work: Performance) -> list[str]:
        """Name the claims of matches that rest on a record that was superseded."""
        standing = standing_matches(work.engine, self.store.lake, self.reading.results)
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


def _texts(workspace: Workspace, rules: RuleSet, rates: str, followers: str) -> dict[str, str]:
    """Gather the texts that a run rests on, by what each is."""
    texts = {"tieout.toml": workspace.path.read_text(encoding="utf-8"), "rules": rules.text, "followers": followers}
    texts |= {"rates": rates} if rates else {}
    for path in sorted((workspace.folder / "calendars").glob("*.toml")):
        texts[f"calendars/{path.name}"] = path.read_text(encoding="utf-8")
    return texts


def _public_calendars(workspace: Workspace, rules: RuleSet) -> dict[str, str]:
    """Gather the texts of the public calendars that accounts, sources and rules name: another version may say otherwise."""
    named = {account.calendar for account in workspace.accounts} | {source.calendar for source in workspace.sources}
    named |= {rule.days.calendar for rule in rules.rules if rule.days is not None}
    return public_texts((name for name in named if name not in {None, "business"}), workspace.folder)
