"""
How a person's decision becomes true: read, decide, commit; once more from the start where another run came first.
"""

from __future__ import annotations

import hashlib
import json
from contextlib import closing
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeVar

from tieout.errors import Transient
from tieout.store.engine import connect
from tieout.store.runs import HeadMovedError, NewRun, commit_run, facts_version, results_at
from tieout.store.workplace import files_at

if TYPE_CHECKING:
    from collections.abc import Callable

    import duckdb

    from tieout.config import Workspace
    from tieout.matching.grammar.rules import RuleSet
    from tieout.store.lake import LakeFile
    from tieout.store.runs import Results
    from tieout.store.workplace import Store

__all__ = ["Moment", "Now", "committed", "new_run"]

_TRIES = 20
_Answer = TypeVar("_Answer")


@dataclass(frozen=True, slots=True)
class Moment:
    """
    What a decision was made on, when it is performed again.

    :ivar after: the run after which it was made.
    :ivar rules: the rules of the reconciliation as they were; None: a match by hand needs them, others do not.
    """

    facts_version: int
    after: int
    rules: RuleSet | None = None


@dataclass(frozen=True, slots=True)
class Now:
    """What the book says when a decision is made."""

    facts_version: int
    results: Results
    files: dict[str, list[LakeFile]]


def committed(
    store: Store,
    attempt: Callable[[duckdb.DuckDBPyConnection, Now], tuple[NewRun, _Answer]],
    again: Moment | None,
) -> _Answer:
    """
    Decide on what the book says now (or said, ``again``), and commit; from the start where another run came first.

    :raises Transient: other runs kept coming first.
    """
    for _ in range(_TRIES):
        with store.book.reading() as connection:
            version = facts_version(connection) if again is None else again.facts_version
            results = results_at(connection, None if again is None else again.after)
            now = Now(version, results, files_at(connection, ("records", "superseded"), version))
        with closing(connect()) as con:
            run, answer = attempt(con, now)
        try:
            commit_run(store, run)
        except HeadMovedError:
            continue
        return answer
    message = "other runs kept coming first: nothing was decided, try again"
    raise Transient(message)


def new_run(
    kind: str,
    workspace: Workspace,
    reconciliation: str,
    now: Now,
    reason: str | None,
    rests_on: dict[str, Any],
) -> NewRun:
    """Describe a run by a person; ``rests_on`` is what was asked, and other texts that it can be repeated from."""
    texts = {"tieout.toml": workspace.path.read_text(encoding="utf-8")}
    for name, said in rests_on.items():
        texts[name] = said if isinstance(said, str) else json.dumps(said, sort_keys=True)
    digests = {name: hashlib.sha256(text.encode()).hexdigest() for name, text in texts.items()}
    return NewRun(
        kind=kind,
        reconciliation=reconciliation,
        through_day=None,
        facts_version=now.facts_version,
        heads={},
        inputs={**digests, "after": str(now.results.sequence)},
        texts={digests[name]: (name, text) for name, text in texts.items()},
        reason=reason,
    )
