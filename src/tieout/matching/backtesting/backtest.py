"""
A rule set held against what is decided: how often it is right, what it misses, and which money it would move.

It is performed twice, and nothing of it is kept. Once as if none of the reconciliation's matches stood, and nothing was
rejected: what it finds is held against every decision (precision and recall). Once as it would work: what people
decided stands, and so does what the set, too, finds by an exact rule; what differs from today is money that would move.
A pair is a left and a right record in one match.
"""

from __future__ import annotations

from contextlib import closing
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from tieout.matching.backtesting.differences import list_against, list_moves, moved_money
from tieout.matching.backtesting.trial import as_if_open, matches_tried
from tieout.matching.deciding.decided import make_pairs, read_decided
from tieout.matching.facts.opening import Reading, read_book
from tieout.matching.facts.records import day_number
from tieout.matching.grammar.reading import rule_set
from tieout.store.engine import connect
from tieout.store.past import apart_since
from tieout.store.runs import results_at
from tieout.store.workplace import files_at

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Callable

    import duckdb
    import pyarrow as pa

    from tieout.config import Workspace
    from tieout.config.workspace import Reconciliation
    from tieout.matching.grammar.rules import RuleSet
    from tieout.store.workplace import Store

__all__ = ["BackTest", "Score", "back_test", "judge_pairs"]

#: Matches that later facts make unclear are judged as of so many earlier moments.
_MOMENTS_MAX = 5


@dataclass(frozen=True, slots=True)
class Score:
    """
    How pairs of a rule set stand to what is decided.

    :ivar decided: pairs that are decided for; ``found``: those of them that the set puts together.
    :ivar wrong: pairs that the set puts together and a person took apart or rejected, or one record of which is wholly used
        up by what is decided otherwise.
    :ivar open: pairs that nothing decided speaks for or against.
    """

    decided: int
    found: int
    wrong: int
    open: int

    @property
    def precision(self) -> str | None:
        """Of the pairs that can be judged, the share that is decided for; None: none can be judged."""
        return _share(self.found, self.found + self.wrong)

    @property
    def recall(self) -> str | None:
        """Of the pairs that are decided for, the share that the set finds; None: none is decided."""
        return _share(self.found, self.decided)


def _share(part: int, whole: int) -> str | None:
    """Write a share with four decimals, cut off, so that 1.0000 means all of it."""
    if not whole:
        return None
    return f"{part // whole}.{part * 10_000 // whole % 10_000:04}"


@dataclass(frozen=True, slots=True, kw_only=True)
class BackTest:
    """
    What a back-test found.

    :ivar decided: {how (by rule, approved, by hand): matches}, ``refused``: pairs that people took apart or rejected.
    :ivar outdated: matches that are not judged, because one of their records was corrected since.
    :ivar confirmed: what confirming rules find; ``proposed``: with what others propose.
    :ivar rules: of each rule name, confirms, right, wrong, open.
    :ivar earlier: pairs of exact rules that were found as things stood right before they were matched; ``unasked``: pairs
        that were not asked as of then, because they are of too many moments.
    :ivar money: what would be newly matched, no longer matched and matched differently, per currency and side.
    :ivar against, moves: pairs that differ from decisions, and pairs that would come or go; ``missed_count``: of the former
        those that are decided and not confirmed, be they proposed or not. The others contradict a decision.
    :ivar behind: facts came, or something was decided, since the last run: what it left is no fair comparison.
    """

    reconciliation: str
    rules_id: str
    digest: str
    through: dt.date
    decided: dict[str, int]
    refused: int
    outdated: int
    confirmed: Score
    proposed: Score
    rules: list[dict[str, Any]]
    earlier: int
    unasked: int
    money: list[dict[str, Any]]
    against: list[dict[str, Any]]
    against_count: int
    missed_count: int
    moves: list[dict[str, Any]]
    moves_count: int
    behind: bool
    seconds: dict[str, float] = field(default_factory=dict)

    @property
    def enough(self) -> bool:
        """Whether anything is decided that it could be judged by."""
        return self.confirmed.decided > 0

    @property
    def harmless(self) -> bool:
        """Whether there is enough to judge by, it contradicts no decision, and gives up or changes nothing that stands."""
        gone = any(row["change"] != "newly matched" for row in self.money)
        return self.enough and not self.confirmed.wrong and not gone


def back_test(
    store: Store,
    workspace: Workspace,
    reconciliation: Reconciliation,
    rules: RuleSet,
    through: dt.date,
    *,
    limit: int | None,
    progress: Callable[[str], None] = lambda _stage: None,
) -> BackTest:
    """
    Hold a rule set against what is decided, and against what stands.

    :param limit: so many pairs that differ are listed, of each kind; None: all.
    :raises WrongUse: a rate has a fault; or one record is on both sides.
    """
    trial = _Trial(store, workspace, reconciliation, rules, day_number(through), {})
    with store.book.reading() as connection:
        reading = read_book(connection)
    store.spill.mkdir(parents=True, exist_ok=True)
    with closing(connect(store.spill)) as con:
        with trial.timed("read", progress):
            read_decided(con, store, reconciliation.id, reading, rule_set(workspace, reconciliation))
        with trial.timed("judge", progress):
            con.execute(
                "create temp table own as select distinct match_id, sequence from standing where not provisional"
            )
            trial.perform(con, "tried", as_if_open(reading, _own(con, "true"), forget=True))
            judge_pairs(con, "tried")
            earlier, unasked = _ask_again(con, trial, reading)
        with trial.timed("move", progress):
            _keep(con, reading.results.last.get(reconciliation.id))
            if _count(con, "kept") or apart_since(reading.results):
                open_again = _own(con, "match_id not in (from kept)")
                trial.perform(con, "acting", as_if_open(reading, open_again, forget=False))
                make_pairs(con, "pairs_coming", "select * from acting where status = 'confirmed'")
            else:
                con.execute(
                    """create temp view acting as select * from tried;
                    create temp view pairs_coming as select match_id, l, l_claim, r, r_claim from judged where confirms"""
                )
        with trial.timed("compare", progress):
            return _gathered(con, trial, reading, (earlier, unasked), through, limit)


@dataclass(frozen=True, slots=True)
class _Trial:
    """One rule set on trial."""

    store: Store
    workspace: Workspace
    reconciliation: Reconciliation
    rules: RuleSet
    through_day: int
    seconds: dict[str, float]

    def perform(
        self, con: duckdb.DuckDBPyConnection, name: str, reading: Reading, through_day: int | None = None
    ) -> None:
        """Keep what the set finds under a name, with amounts at nine decimals."""
        day = self.through_day if through_day is None else through_day
        found: pa.Table = matches_tried(self.store, self.workspace, self.reconciliation, self.rules, reading, day)
        con.register("found_given", found)
        con.execute(
            f"""create or replace temp table "{name}" as
                select * replace (nine(amount, exponent) as amount, nine(allocated, exponent) as allocated) from found_given"""
        )
        con.unregister("found_given")

    def timed(self, phase: str, progress: Callable[[str], None]) -> _Timer:
        """Measure a phase, and say that it begins."""
        progress(phase)
        return _Timer(self, phase)


class _Timer:
    """Adds the time of a block to a phase."""

    def __init__(self, trial: _Trial, phase: str) -> None:
        self._clock, self._seconds, self._phase = trial.store.clock, trial.seconds, phase

    def __enter__(self) -> None:
        self._began = self._clock.monotonic()

    def __exit__(self, *_error: object) -> None:
        self._seconds[self._phase] = self._clock.monotonic() - self._began


def _own(con: duckdb.DuckDBPyConnection, condition: str) -> list[bytes]:
    """Name the final matches of the reconciliation that stand, as far as a condition on ``own`` holds."""
    found = con.sql(f"select match_id from own where {condition} order by match_id").to_arrow_table()
    return [bytes(match_id) for match_id in found["match_id"].to_pylist()]


def judge_pairs(con: duckdb.DuckDBPyConnection, tried: str) -> None:
    """
    Make ``judged`` (match_id, l, l_claim, r, r_claim, rule, confirms, final, verdict) of what a rule set finds.

    The verdict is ``right``, ``refused`` (a person took it apart), ``otherwise`` (a record is wholly used up by what is
    decided otherwise) or ``open``. Reads what ``read_decided`` made.
    """
    make_pairs(con, "pairs_tried", f'select * from "{tried}"')
    con.execute(
        f"""create or replace temp table used_up as
            select record_id, claim from standing s anti join outdated o using (match_id) where how is not null
            group by record_id, claim having abs(sum(allocated)) >= abs(any_value(amount));
        create or replace temp table judged as
        select p.*, t.rule, t.status = 'confirmed' as confirms, t.final, case
            when d.l is not null then 'right' when f.l is not null then 'refused'
            when a.record_id is not null or b.record_id is not null then 'otherwise' else 'open' end as verdict
        from pairs_tried p
        left join (select distinct l, r from decided) d on d.l = p.l and d.r = p.r
        left join (select distinct l, r from refused) f on f.l = p.l and f.r = p.r
        left join used_up a on a.record_id = p.l and a.claim = p.l_claim
        left join used_up b on b.record_id = p.r and b.claim = p.r_claim
        join (select match_id, any_value(rule) as rule, any_value(status) as status, any_value(final) as final
            from "{tried}" group by match_id) t on t.match_id = p.match_id"""
    )


def _ask_again(con: duckdb.DuckDBPyConnection, trial: _Trial, reading: Reading) -> tuple[int, int]:
    """
    Judge pairs of exact rules that are not found so today once more, as things stood right before they were matched.

    What came since may fit a record of theirs as well: then the pair is unclear today, and it was not. Makes ``earlier``
    (l, r, confirms, final).

    :return: how many pairs were found so, and how many are of moments that were not looked at.
    """
    con.execute("create temp table earlier (l blob, r blob, confirms boolean, final boolean)")
    runs = {int(run["sequence"]): run for run in reading.results.runs.values()}
    missed = con.execute(
        """select s.sequence, count(*) as n from (
                select match_id from decided d anti join (select l, r from judged where confirms and final) j using (l, r)) d
            join (select distinct match_id, sequence from standing where how = 'by rule') s using (match_id)
            group by 1 order by 2 desc, 1 desc"""
    ).fetchall()
    # Before the first run nothing stood: on the same facts there is nothing else to find.
    first = min((at for at, run in runs.items() if run["reconciliation"] == trial.reconciliation.id), default=0)
    moments = [(at, count) for at, count in missed if at > first or runs[at]["facts_version"] < reading.facts_version]
    for at, _ in moments[:_MOMENTS_MAX]:
        version = int(runs[at]["facts_version"])
        with trial.store.book.reading() as connection:
            then = Reading(version, files_at(connection, tuple(reading.files), version), results_at(connection, at - 1))
        trial.perform(con, "then", then, runs[at]["through_day"])
        make_pairs(con, "pairs_then", 'select * from "then"')
        con.execute(
            """insert into earlier select distinct p.l, p.r, t.status = 'confirmed', t.final
                from pairs_then p join (select distinct match_id, status, final from "then") t using (match_id)
                semi join (select d.l, d.r from decided d join standing s using (match_id) where s.sequence = ?) d using (l, r)
                anti join (select l, r from judged where confirms and final) j using (l, r)""",
            [at],
        )
    con.execute(
        """-- What was final then is used up: what came later does not get it.
        create temp table final_then as
            select l as record_id from earlier where confirms and final union select r from earlier where confirms and final;
        delete from judged where verdict <> 'right' and (l in (from final_then) or r in (from final_then));"""
    )
    found = _count(
        con,
        "(select distinct l, r from earlier where confirms) e anti join (select l, r from judged where confirms) j using (l, r)",
    )
    return found, sum(count for _, count in moments[_MOMENTS_MAX:])


def _keep(con: duckdb.DuckDBPyConnection, last: dict[str, Any] | None) -> None:
    """
    Make ``kept`` (match_id): what stands whichever set is used.

    What people decided; and what the set, too, finds by an exact rule and was final before the last run, or would have been
    before something else came that fits.
    """
    con.execute(
        """create temp table kept as select match_id from own where match_id not in (from outdated) and (
            match_id in (select match_id from standing where how in ('by hand', 'approved'))
            or match_id in (
                select d.match_id from decided d
                left join (select l, r, false as since from judged where confirms and final
                    union select l, r, true from earlier where confirms and final) f using (l, r)
                group by d.match_id having count(*) = count(f.l) and (bool_or(f.since) or any_value(d.match_id) in (
                    select match_id from own where sequence < ?))))""",
        [0 if last is None else last["sequence"]],
    )


def _count(con: duckdb.DuckDBPyConnection, relation: str) -> int:
    ((count,),) = con.execute(f"select count(*) from {relation}").fetchall()
    return int(count)


def _score(con: duckdb.DuckDBPyConnection, confirms: str) -> Score:
    rows = con.execute(
        f"""select (select count(*) from (select distinct l, r from decided)),
            (select count(*) from (select l, r from judged where verdict = 'right' and {confirms}
                union select l, r from earlier where {confirms})),
            (select count(*) from (select distinct l, r from judged where verdict in ('refused', 'otherwise') and {confirms})),
            (select count(*) from (select distinct l, r from judged where verdict = 'open' and {confirms}))"""
    ).fetchall()
    return Score(*(int(number) for number in rows[0]))


def _gathered(
    con: duckdb.DuckDBPyConnection,
    trial: _Trial,
    reading: Reading,
    earlier: tuple[int, int],
    through: dt.date,
    limit: int | None,
) -> BackTest:
    """Count, compare and list."""
    by_rule = {
        row[0]: row[1:]
        for row in con.execute(
            """select rule, count(*) filter (verdict = 'right'), count(*) filter (verdict in ('refused', 'otherwise')),
                count(*) filter (verdict = 'open') from judged group by rule order by rule"""
        ).fetchall()
    }
    own = {rule.name: rule.confirm for rule in trial.rules.rules}
    rules = [
        {
            "rule": name,
            "confirms": confirms,
            **dict(zip(("right", "wrong", "open"), by_rule.get(name, (0, 0, 0)), strict=True)),
        }
        # What settlements prove by themselves is no rule of the set.
        for name, confirms in [*own.items(), *((name, True) for name in sorted(by_rule) if name not in own)]
    ]
    decided = dict(
        con.execute(
            """select how, count(distinct match_id) from standing s anti join outdated o using (match_id)
                where how is not null group by how"""
        ).fetchall()
    )
    money = moved_money(con)
    against, against_count, missed_count = list_against(con, trial.store, reading, limit)
    moves, moves_count = list_moves(con, trial.store, reading, limit)
    last = reading.results.last.get(trial.reconciliation.id)
    return BackTest(
        reconciliation=trial.reconciliation.id,
        rules_id=trial.rules.id,
        digest=trial.rules.digest,
        through=through,
        decided={how: int(decided.get(how, 0)) for how in ("by rule", "approved", "by hand")},
        refused=_count(con, "(select distinct l, r from refused)"),
        outdated=_count(con, "outdated"),
        confirmed=_score(con, "confirms"),
        proposed=_score(con, "true"),
        rules=rules,
        earlier=earlier[0],
        unasked=earlier[1],
        money=money,
        against=against,
        against_count=against_count,
        missed_count=missed_count,
        moves=moves,
        moves_count=moves_count,
        behind=last is None
        or last["facts_version"] != reading.facts_version
        or last["through_day"] != trial.through_day,
        seconds=trial.seconds,
    )
