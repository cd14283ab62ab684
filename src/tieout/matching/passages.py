"""
Reconciliations in turn: what a later one leaves of a record, an earlier one of the same call hears of.

What is used up is used up (law 6), and mostly that is all an earlier one need know. But of an invoice of 1,000.00 of
which a later one matched two transfers, 500.00 are left, which may be just what a card paid; and of two candidates that
were ambiguous one may be gone. An earlier reconciliation to which that happened is run once more, and whatever comes
after it; else the same facts would end in two ways, and the next fact that comes would decide which.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from tieout.matching.facts.rests import hears_of_rests
from tieout.matching.run import run_reconciliation

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Callable, Iterator, Sequence

    from pyspark.sql import SparkSession

    from tieout.config import Workspace
    from tieout.config.workspace import Reconciliation
    from tieout.matching.run import RunOutcome
    from tieout.store.workplace import Store

__all__ = ["run_in_turn"]

#: So often reconciliations are gone through again in one call; what is left to hear of after that, the next call hears.
_AGAIN_MAX = 2


def run_in_turn(
    store: Store,
    workspace: Workspace,
    wanted: Sequence[Reconciliation],
    through: dt.date,
    *,
    threads: int | None = None,
    session: SparkSession | None = None,
    progress: Callable[[str], None] = lambda _stage: None,
) -> Iterator[RunOutcome]:
    """
    Run reconciliations in an order, as :func:`run_reconciliation` does one.

    :param progress: hears ``reconciliation: stage``.
    :return: an outcome each, as soon as it is there. When all have been given, those of which something was run once more
        say what the last of their runs found.
    :raises WrongUse, Transient: as a run does.
    """
    outcomes: list[RunOutcome] = []

    def run(reconciliation: Reconciliation) -> RunOutcome:
        def heard(stage: str) -> None:
            progress(f"{reconciliation.id}: {stage}")

        return run_reconciliation(
            store, workspace, reconciliation, through, threads=threads, session=session, progress=heard
        )

    for reconciliation in wanted:
        outcomes.append(run(reconciliation))
        yield outcomes[-1]
    for _ in range(_AGAIN_MAX if len(wanted) > 1 else 0):
        moved = False
        for reconciliation, outcome in zip(wanted, outcomes, strict=True):
            if moved or hears_of_rests(store, reconciliation.id):
                again = run(reconciliation)
                moved |= not again.unchanged
                _take_over(outcome, again)
        if not moved:
            return


def _take_over(outcome: RunOutcome, again: RunOutcome) -> None:
    """Say of a reconciliation what the later of two runs found, and what both took."""
    if again.unchanged:
        return
    final = outcome.counts.get("final", 0) * (not outcome.unchanged) + again.counts.get("final", 0)
    outcome.run_id, outcome.digest, outcome.unchanged = again.run_id, again.digest, False
    outcome.counts = {**again.counts, "final": final}
    outcome.seconds = {phase: outcome.seconds.get(phase, 0.0) + took for phase, took in again.seconds.items()}
