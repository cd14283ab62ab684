"""
The stages of tieout, in their order: the first file to read.

    deliveries -> facts        intake      keep, recognise, canonicalise, prove complete
    facts -> matches           matching    pair what was expected with what arrived, prove it, name what is left
    matches -> journals        accounting  draft what follows from them for the books
    all of it -> views         observe     what came in, what is missing, the story of one thing

Money flows down this list and never up. What stands here is what the command line, the console and workers call; each
stage is a function of what the one above it left in the stores.
"""

from __future__ import annotations

from contextlib import nullcontext
from functools import partial
from typing import TYPE_CHECKING

from tieout.accounting.run import run_journals
from tieout.errors import BadInput, Broken, TieoutError, WrongUse
from tieout.intake.accept import accept
from tieout.intake.ingest import (
    check_before,
    expected_files,
    ingest_file,
    ingest_landed,
    source_for,
    unclaimed_files,
    with_takers,
)
from tieout.intake.recount import recount
from tieout.intake.settle import decide_entries
from tieout.intake.withdraw import withdraw as withdraw_delivery
from tieout.matching.backends.sessions import refuse_unsupported, spark_session
from tieout.matching.backtesting.backtest import back_test
from tieout.matching.deciding.by_hand import HandMatch
from tieout.matching.deciding.decide import allow_again, approve, match_by_hand, reject, take_back
from tieout.matching.deciding.resolution import Resolution
from tieout.matching.deciding.splitting import words_of
from tieout.matching.facts.followers import booked_sides, sharing
from tieout.matching.grammar.reading import check_rules, reconciliations_meant, rule_set, rules_named
from tieout.matching.mining.mine import mine_rules
from tieout.matching.passages import run_in_turn
from tieout.observe.snapshot import latest_day
from tieout.observe.things.naming import exception_named, matches_named, records_named, refuse_ended, undo_named
from tieout.observe.work.gathering import gather_worklist
from tieout.observe.work.left import left_now
from tieout.reperformance import verify
from tieout.store.decisions import decide, decision_row
from tieout.store.earlier import allowed_already, decided_already, matched_already
from tieout.store.sweep import sweep

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Callable, Iterator, Sequence
    from pathlib import Path

    from tieout.accounting.run import JournalOutcome
    from tieout.config import Source, Workspace
    from tieout.intake.settle import Entry
    from tieout.intake.work import Outcome
    from tieout.matching.backtesting.backtest import BackTest
    from tieout.matching.mining.mine import Mined
    from tieout.matching.run import RunOutcome
    from tieout.store.workplace import Store

__all__ = [
    "Resolution",
    "decide_quarantine",
    "ingest",
    "journal",
    "judge",
    "match",
    "mine",
    "replay",
    "resolve",
    "try_rules",
    "unclaimed_files",
    "undo",
    "verify",
    "withdraw",
]


def ingest(
    store: Store,
    workspace: Workspace,
    files: Sequence[Path] | None = None,
    source_id: str | None = None,
    progress: Callable[[str, int], None] = lambda _name, _rows: None,
) -> Iterator[Outcome | TieoutError]:
    """
    Keep files and make their facts true, one after the other; first what an earlier run left unfinished.

    What a crash left behind is swept at the end.

    :param files: None: what waits at the path of each source (of the one named).
    :param source_id: whose files they are; None: each file's path, or what it is, tells.
    :return: what became of each; a file that no source takes gives its error, and the rest goes on.
    :raises WrongUse: a file is not there, or a mapping or format has a fault: before anything is kept.
    """
    waiting: list[tuple[Source | None, Path]]
    named = workspace.source(source_id) if source_id is not None else None
    if files is None:
        waiting = [(s, path) for s, path in expected_files(workspace) if named in (None, s)]
    else:
        waiting = [(named, path) for path in files]
    check_before(workspace, waiting)
    changed = False
    for found in ingest_landed(store, workspace, progress):
        changed = True
        yield found
    for source, path in waiting:
        try:
            outcome = ingest_file(store, workspace, source or source_for(workspace, path), path, progress)
            changed |= not outcome.repeat
            yield outcome if outcome.state == "accepted" else with_takers(workspace, outcome, path)
        except (BadInput, Broken) as error:
            yield error
    for found in recount(store, workspace):
        changed = True
        yield found
    sweep(store)
    if changed:
        gather_worklist(store, workspace)


def decide_quarantine(
    store: Store, workspace: Workspace, entries: Sequence[Entry], reason: str, *, settled: bool
) -> int:
    """
    Close entries of the quarantine by a person's decision, or open them again.

    :raises WrongUse: no reason is given.
    """
    count = decide_entries(store, entries, reason, settled=settled)
    gather_worklist(store, workspace)
    return count


def replay(
    store: Store, workspace: Workspace, delivery_id: str, reason: str, progress: Callable[[int], None] = lambda _: None
) -> Outcome | None:
    """
    Read a delivery again with today's formats and mappings, and withdraw what it no longer yields.

    :param progress: hears how many rows are read.
    :raises BadInput: it cannot be read now: what it brought before stands.
    """
    return _taken_in(store, workspace, accept(store, workspace, delivery_id, progress, replay=reason, withdrawn=True))


def withdraw(store: Store, workspace: Workspace, delivery_id: str, reason: str) -> Outcome | None:
    """
    Take back everything that a delivery told: it came under a wrong source, or is not ours. A replay brings it back.

    :return: None: it was withdrawn already.
    :raises WrongUse: it was not read yet, or its content was destroyed.
    """
    return _taken_in(store, workspace, withdraw_delivery(store, workspace, delivery_id, reason))


def _taken_in(store: Store, workspace: Workspace, outcome: Outcome | None) -> Outcome | None:
    """Read again what another reading of one delivery touches, and list what needs a person then."""
    errors = [found for found in recount(store, workspace) if isinstance(found, TieoutError)]
    gather_worklist(store, workspace)
    if errors:
        raise errors[0]
    return outcome


def match(
    store: Store,
    workspace: Workspace,
    names: Sequence[str] | None = None,
    through: dt.date | None = None,
    *,
    engine: str | None = None,
    progress: Callable[[str], None] = lambda _stage: None,
) -> Iterator[RunOutcome]:
    """
    Run reconciliations in the order of tieout.toml, and again one of whose open records a later one used up a part.

    When all have run, each outcome's counts are of what is left then: a later one may have used up what is open in an
    earlier one's. The book keeps what a run left when it was made.

    :param names: which; None: all.
    :param through: nothing booked later; None: the last day that the facts speak of, never today.
    :param engine: ``duckdb``, ``spark`` or ``spark://host:port``; None: as tieout.toml says.
    :raises WrongUse: no such reconciliation, a fault in a rule, or an engine that is not here or cannot perform one.
    """
    wanted = [workspace.reconciliation(name) for name in names] if names else list(workspace.reconciliations)
    check_rules(workspace)
    chosen = engine or workspace.engine
    if chosen not in {"duckdb", "spark"} and not chosen.startswith("spark://"):
        message = f"expected the engine duckdb, spark or spark://host:port, got {chosen!r}"
        raise WrongUse(message)
    if chosen != "duckdb":
        for reconciliation in wanted:
            refuse_unsupported(rule_set(workspace, reconciliation), reconciliation.id)
    with store.book.reading() as connection:
        day = through or latest_day(connection)
    if day is None:
        return
    outcomes = []
    with nullcontext() if chosen == "duckdb" else spark_session(chosen) as session:
        for outcome in run_in_turn(store, workspace, wanted, day, session=session, progress=progress):
            outcomes.append(outcome)
            yield outcome
    if len(workspace.reconciliations) > 1:  # else nothing else can have taken what is left
        left = left_now(store, {outcome.run_id for outcome in outcomes})
        for outcome in outcomes:
            outcome.counts |= left.get(outcome.run_id, {})
    gather_worklist(store, workspace)


def try_rules(
    store: Store,
    workspace: Workspace,
    rules: str,
    name: str | None = None,
    *,
    limit: int | None = None,
    progress: Callable[[str], None] = lambda _stage: None,
) -> Iterator[BackTest]:
    """
    Hold a rule set against what is decided in the reconciliations that would use it; nothing is kept.

    :param rules: a set that ships, or a rule file, relative to the workspace.
    :param name: of the reconciliation; None: those that name these rules, or the only one.
    :param limit: so many pairs that differ are listed, of each kind; None: all.
    :raises WrongUse: a rule has a fault; there are no facts; or it is not clear which reconciliation is meant.
    """
    wanted = reconciliations_meant(workspace, rules, name)
    chosen = [(reconciliation, rules_named(workspace, reconciliation, rules)) for reconciliation in wanted]
    day = _last_day(store)
    for reconciliation, candidate in chosen:
        yield back_test(store, workspace, reconciliation, candidate, day, limit=limit, progress=progress)


def mine(
    store: Store,
    workspace: Workspace,
    name: str | None = None,
    *,
    least: int = 3,
    progress: Callable[[str], None] = lambda _stage: None,
) -> Iterator[Mined]:
    """
    Propose aliases and rules from what people decided; nothing is kept.

    :param name: of the reconciliation; None: all.
    :param least: so many decisions must speak for a proposal.
    :raises WrongUse: a rule has a fault; there are no facts; or no such reconciliation is declared.
    """
    wanted = [workspace.reconciliation(name)] if name is not None else list(workspace.reconciliations)
    check_rules(workspace)
    day = _last_day(store)
    for reconciliation in wanted:
        yield mine_rules(store, workspace, reconciliation, day, least=least, progress=progress)


def _last_day(store: Store) -> dt.date:
    with store.book.reading() as connection:
        day = latest_day(connection)
    if day is None:
        message = "expected facts that rules can be tried on, got none: bring them in with `tieout ingest`"
        raise WrongUse(message)
    return day


def journal(store: Store, workspace: Workspace) -> JournalOutcome:
    """
    Draft the journals of everything that is matched; nothing is posted.

    :raises WrongUse: a posting or a rate has a fault.
    """
    outcome = run_journals(store, workspace, booked_sides(workspace))
    gather_worklist(store, workspace)
    return outcome


def resolve(
    store: Store, workspace: Workspace, exception_id: str, wanted: Resolution, reason: str | None
) -> tuple[str, list[RunOutcome]]:
    """
    Settle an exception: by matching its record with others, or by saying why it needs nothing more.

    The same again, after a kill, decides nothing twice and does what had not followed yet; so do the three below.

    :param reason: None: that it was matched or assigned by hand says enough.
    :return: what was done, in words, and the runs that followed from it.
    :raises WrongUse: no such exception, it cannot be settled so, or nothing says why.
    """
    why = wanted.why(reason)
    words_of(wanted.difference)
    if (wanted.difference is not None or wanted.part) and (not wanted.others or wanted.assignee is not None):
        message = "expected the record that it belongs to (--match ID) beside what a difference is (--as) and --part, got none"
        raise WrongUse(message)
    others = tuple(records_named(store, wanted.others)) if wanted.assignee is None else ()
    if others:
        how = (wanted.difference, wanted.part)
        already = matched_already(store, exception_id, others, why, how)
        if already is not None:
            subject, made, name = already
            return f"{subject} is match {made}", _follow(store, workspace, [name])
    row = exception_named(store, workspace, exception_id)
    if wanted.assignee is not None:
        decide(store, [decision_row(store, "assign", row["exception_id"], why, {"assignee": wanted.assignee})])
        gather_worklist(store, workspace)
        return f"{row['exception_id']} is {wanted.assignee}'s", []
    if not others:
        body = {"resolution": "settled", "amount": row["amount"]}
        decide(store, [decision_row(store, "resolve", row["exception_id"], why, body)])
        gather_worklist(store, workspace)
        return f"{row['exception_id']} is settled: {why}", []
    if row["reconciliation"] is None or row["record_id"] is None:
        message = f"expected an exception of a reconciliation, got {exception_id!r}, which has no other side to match"
        raise WrongUse(message)
    own = bytes.fromhex(row["record_id"])
    left, right = ((own,), others) if row["side"] == "left" else (others, (own,))
    hand = HandMatch(left=left, right=right, difference=wanted.difference, part=wanted.part)
    reconciliation = workspace.reconciliation(row["reconciliation"])
    match_id = match_by_hand(store, workspace, reconciliation, hand, why, row["exception_id"])
    return f"{row['exception_id']} is match {match_id}", _follow(store, workspace, [reconciliation.id])


def undo(
    store: Store, workspace: Workspace, named: str, reason: str, rule: str | None = None
) -> tuple[str, list[RunOutcome]]:
    """
    Take back a match, all matches of a run (of one rule), a resolution, or that matches were taken back or rejected.

    What is taken back is open again, and no rule matches it so again, unless that is taken back in its turn.

    :return: what was done, in words, and the runs that followed from it.
    :raises WrongUse: nothing of that name stands.
    """
    taken = f"{named} is taken back"
    found = matches_named(store, named, rule)
    names = take_back(store, workspace, found, reason, named) if found else None
    if names is None:
        meant = partial(matches_named, store, named, rule)
        names = decided_already(store, "undo", (named,), reason, meant, stand=False)
    if names is not None:
        return taken, _follow(store, workspace, names)
    undone = undo_named(store, named)
    if undone is not None:
        names = allowed_already(store, undone, rule, reason)
        names = names or allow_again(store, workspace, undone, rule, reason)
        return f"rules may match again what run {undone} took back", _follow(store, workspace, names)
    refuse_ended(store, named, rule)
    row = exception_named(store, workspace, named, also="a match or a run (`tieout explain` names a record's), or of ")
    decide(store, [decision_row(store, "reopen", row["exception_id"], reason)])
    gather_worklist(store, workspace)
    return taken, []


def judge(
    store: Store, workspace: Workspace, ids: Sequence[str], reason: str | None, *, approved: bool
) -> list[RunOutcome]:
    """
    Approve or reject proposed matches.

    :raises WrongUse: one of them is not proposed.
    """
    why = reason or "rejected"

    def meant(after: int | None = None) -> list[bytes]:
        return [i for named in ids for i in matches_named(store, named, None, required=True, after=after)]

    try:
        names = approve(store, workspace, meant(), reason) if approved else reject(store, workspace, meant(), why)
    except WrongUse:
        do, said = ("approve", reason) if approved else ("reject", why)
        already = decided_already(store, do, ids, said, meant, stand=approved)
        if already is None:
            raise
        names = already
    return _follow(store, workspace, names)


def _follow(store: Store, workspace: Workspace, names: Sequence[str]) -> list[RunOutcome]:
    """Run again what a decision about some reconciliations may touch: also those that may explain what it frees."""
    return list(match(store, workspace, sharing(workspace, names)))
