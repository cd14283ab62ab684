"""
Finding what a person decided already, word for word: after a kill the same command goes on where it was.

A decision is one commit, and runs follow from it. Killed between, the command finds its decision made when it is given
again: then nothing is decided twice, and what follows is done.
"""

from __future__ import annotations

import json
from contextlib import closing
from dataclasses import dataclass
from itertools import islice
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import sqlalchemy as sa

from tieout.errors import WrongUse
from tieout.store import schema
from tieout.store.engine import connect
from tieout.store.past import apart_since
from tieout.store.runs import results_at, standing_matches

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from tieout.store.workplace import Store

__all__ = ["allowed_already", "decided_already", "matched_already"]

#: So many decisions that the same words may mean are looked at, newest first.
_EARLIER_MAX = 100


@dataclass(frozen=True, slots=True)
class _Earlier:
    """A person's run: what was asked, and where it stands among runs."""

    run_id: str
    sequence: int
    asked: dict[str, Any]


def decided_already(
    store: Store,
    do: str,
    words: Sequence[str],
    reason: str | None,
    meant: Callable[..., list[bytes]],
    *,
    stand: bool,
) -> list[str] | None:
    """
    Say whether this person decided exactly this, and it still holds.

    :param do: undo, approve or reject.
    :param words: the ids as they were given: of matches or runs, or how they begin.
    :param meant: the matches that the words mean, ``after`` the run of that sequence.
    :param stand: the decision holds if they stand (approve), else if it keeps them apart.
    :return: the reconciliations to run again; None: it was not decided.
    """
    words = [word.lower() for word in words]
    with store.book.reading() as connection:
        runs = connection.scalars(sa.select(schema.run.c.run_id)).all()
    of_runs = any(run_id.startswith(tuple(words)) for run_id in runs)
    maybe = (
        e for e in _earlier(store, do, reason) if of_runs or any(m.startswith(tuple(words)) for m in e.asked["matches"])
    )
    for earlier in islice(maybe, _EARLIER_MAX):
        matches = [bytes.fromhex(match_id) for match_id in earlier.asked["matches"]]
        try:
            same = meant(after=earlier.sequence - 1) == matches
        except WrongUse:  # the words meant nothing then
            continue
        holds = set(_standing(store, matches)) == set(matches) if stand else _apart(store, matches, earlier.sequence)
        if same and holds:
            return sorted(set(_standing(store, matches, after=earlier.sequence - 1).values()))
    return None


def allowed_already(store: Store, run_id: str, rule: str | None, reason: str) -> list[str] | None:
    """
    Say whether this person let rules make again what a run took back, and that still holds.

    :param rule: only what this rule had matched.
    :return: the reconciliations to run again; None: it was not decided.
    """
    with store.book.reading() as connection:
        results = results_at(connection)
    last = {match_id: sequence for match_id, sequence, _ in sorted(results.voids, key=lambda v: v[1])}
    for earlier in islice(_earlier(store, "allow", reason), _EARLIER_MAX):
        if (earlier.asked["run"], earlier.asked["rule"]) != (run_id, rule):
            continue
        matches = [match_id for match_id, sequence, _ in results.voids if sequence == earlier.sequence]
        if all(last[match_id] == earlier.sequence for match_id in matches):
            before = results.runs[run_id]["sequence"] - 1
            return sorted(set(_standing(store, matches, after=before).values()))
    return None


def _apart(store: Store, matches: Sequence[bytes], sequence: int) -> bool:
    """Say whether no rule makes some matches again because of a run."""
    with store.book.reading() as connection:
        since = apart_since(results_at(connection))
    return all(since.get(match_id) == sequence for match_id in matches)


def matched_already(
    store: Store, exception: str, others: Sequence[bytes], reason: str, how: tuple[str | None, bool]
) -> tuple[str, str, str] | None:
    """
    Say whether this person put these records together for this exception, and the match stands.

    :param exception: how its id begins.
    :param how: what a difference was said to be, and whether only a part was to be matched.
    :return: the exception's id, the match's id and its reconciliation; None: it was not decided.
    """
    names = [record_id.hex() for record_id in others]
    for earlier in _earlier(store, "match", reason):
        asked, subject = earlier.asked, str(earlier.asked["subject"] or "")
        same = names in (asked["left"], asked["right"]) and (asked["difference"], asked["part"]) == how
        if same and subject.startswith(exception.lower()):
            for match_id, reconciliation in _standing(store, run_id=earlier.run_id).items():
                return subject, match_id.hex(), reconciliation
    return None


def _earlier(store: Store, do: str, reason: str | None) -> Iterator[_Earlier]:
    """Give this person's decisions with this reason, newest first; each is read when it is asked for: one may be long."""
    run, text = schema.run, schema.text_version
    mine = sa.and_(run.c.kind.in_(("hand", "undo")), run.c.actor == store.actor, run.c.reason == reason)
    with store.book.reading() as connection:
        rows = connection.execute(sa.select(run).where(mine).order_by(run.c.sequence.desc())).all()
    for row in rows:
        with store.book.reading() as connection:
            named = text.c.digest == json.loads(row.inputs)["decision"]
            asked = json.loads(connection.scalar(sa.select(text.c.body).where(named)) or "{}")
        if asked.get("do") == do:
            yield _Earlier(row.run_id, row.sequence, asked)


def _standing(
    store: Store, matches: list[bytes] | None = None, *, run_id: str | None = None, after: int | None = None
) -> dict[bytes, str]:
    """Give those of some matches, or of a run's, that stand (stood, after a run), each with its reconciliation."""
    with store.book.reading() as connection:
        results = results_at(connection, after)
    with closing(connect()) as con:
        con.register("asked", pa.table({"match_id": pa.array(matches or [], pa.binary(16))}))
        chosen = "m.run_id = $run" if run_id else "m.match_id in (select match_id from asked)"
        query = f"select distinct m.match_id, m.reconciliation from {standing_matches(con, store.lake, results)} m where {chosen}"
        rows = con.execute(query, {"run": run_id} if run_id else {}).fetchall()
    return {bytes(match_id): str(reconciliation) for match_id, reconciliation in rows}
