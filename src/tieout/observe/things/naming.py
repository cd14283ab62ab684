"""
What a person means by an id on the command line or in an address: an exception, matches, records.
"""

from __future__ import annotations

import re
from contextlib import closing
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from tieout.errors import WrongUse
from tieout.observe.exporting.overview import overview
from tieout.observe.things.lookup import find_by_prefix, find_by_reference
from tieout.store import schema
from tieout.store.engine import connect
from tieout.store.past import apart_since, past_rows, read_past
from tieout.store.runs import results_at, standing_matches
from tieout.store.tables import TABLES
from tieout.store.workplace import files_at

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tieout.config import Workspace
    from tieout.store.workplace import Store

__all__ = ["exception_named", "matches_named", "records_named", "refuse_ended", "undo_named"]

_HEX = re.compile(r"[0-9a-f]{6,32}")
_MATCHES_MAX = 1_000_000


def exception_named(store: Store, workspace: Workspace, named: str, *, also: str = "") -> dict[str, Any]:
    """
    Give the exception whose id begins so, as the exported table has it.

    :param also: what else could have been named, for the message.
    :raises WrongUse: there is none, or more than one.
    """
    lowered = named.lower()
    rows: list[dict[str, Any]] = []
    if _HEX.fullmatch(lowered):
        rows = overview(store, workspace, "exceptions", None, f"starts_with(t.exception_id, '{lowered}')", 2).rows
    if len(rows) != 1:
        found = "several" if rows else f"none that {'stands or ' if also else ''}is open"
        expected = f"expected the id of {also}an exception (`tieout exceptions` lists them)"
        message = f"{expected}, got {named!r}, which is {found}"
        raise WrongUse(message)
    return rows[0]


def matches_named(
    store: Store, named: str, rule: str | None, *, required: bool = False, after: int | None = None
) -> list[bytes]:
    """
    Give the matches that stand whose id begins so, or that a run of that id made.

    :param rule: of a run, only this rule's.
    :param after: as they stood after the run of that sequence; None: now.
    :raises WrongUse: required, and there is none; several begin so.
    """
    lowered = named.lower()
    rows: list[bytes] = []
    if _HEX.fullmatch(lowered):
        with store.book.reading() as connection:
            results = results_at(connection, after)
            run = schema.run
            runs = list(connection.scalars(sa.select(run.c.run_id).where(run.c.run_id.startswith(lowered))))
        with closing(connect()) as con:
            standing = standing_matches(con, store.lake, results)
            if len(runs) == 1:
                chosen = "" if rule is None else " and m.rule = $rule"
                query = f"select distinct match_id from {standing} m where m.run_id = $run{chosen} limit {_MATCHES_MAX}"
                asked = {"run": runs[0]} | ({} if rule is None else {"rule": rule})
                rows = [bytes(row[0]) for row in con.execute(query, asked).fetchall()]
            else:
                query = f"select distinct match_id from {standing} m where starts_with(lower(hex(m.match_id)), $named) limit 2"
                rows = [bytes(row[0]) for row in con.execute(query, {"named": lowered}).fetchall()]
                if len(rows) > 1:
                    message = f"expected the id of one match, got {named!r}, with which several begin: write more of it"
                    raise WrongUse(message)
    if required and not rows:
        message = f"expected the id of a match that stands (`tieout export matches` lists them), got {named!r}"
        raise WrongUse(message)
    return sorted(rows)


def undo_named(store: Store, named: str) -> str | None:
    """Give the run whose id begins so, if a person took matches back by it, or rejected them, or let rules make some again."""
    lowered = named.lower()
    if not _HEX.fullmatch(lowered):
        return None
    run = schema.run
    with store.book.reading() as connection:
        rows = connection.execute(sa.select(run.c.run_id, run.c.kind).where(run.c.run_id.startswith(lowered))).all()
    return rows[0].run_id if len(rows) == 1 and rows[0].kind == "undo" else None


def refuse_ended(store: Store, named: str, rule: str | None) -> None:
    """
    Refuse to take back what does not stand any more, and say what became of it.

    :raises WrongUse: a match is called so, or a run, and none of it stands; else nothing happens.
    """
    lowered = named.lower()
    if not _HEX.fullmatch(lowered):
        return
    with store.book.reading() as connection:
        past = read_past(connection, results_at(connection))
    runs = [run["run_id"] for run in past.runs.values() if run["run_id"].startswith(lowered)]
    of_run = runs[0] if len(runs) == 1 else None
    chosen = "starts_with(lower(hex(m.match_id)), $named)" if of_run is None else "m.run_id = $named"
    with closing(connect()) as con:
        query = f"""with named as (select m.* from {past_rows(con, store.lake, past)} m where {chosen})
            select state, cast(cast(ended_at as timestamp) as date), ended_by, ended_because,
                (select list_sort(list(distinct rule)) from named where state = 'current'), ended_in, match_id
            from named order by ended_at desc nulls last limit 1"""
        found = con.execute(query, {"named": of_run or lowered}).fetchall()
    if of_run is not None and not found:
        message = f"expected a run that made matches, got {of_run}, which made none: there is nothing to take back"
        raise WrongUse(message)
    if of_run is not None and rule is not None and found[0][4]:
        listed = ", ".join(map(repr, found[0][4]))
        message = f"expected a rule by which run {of_run} made matches that stand ({listed}), got {rule!r}"
        raise WrongUse(message)
    if found:
        state, on, by, because, _, ended_in, match_id = found[0]
        what = f"the run {of_run}, whose matches do not: they were" if of_run else f"{named}, which was"
        said = f"{what} {state.replace('_', ' ')} on {on} by {by} ({because})"
        apart = bytes(match_id) in apart_since(past.results)
        more = f", `tieout undo {ended_in} --reason WHY` lets rules match it again" if apart else ""
        message = (
            f"expected a match that stands, or a run with such, got {said}: `tieout explain` tells their story{more}"
        )
        raise WrongUse(message)


def records_named(store: Store, names: Sequence[str]) -> list[bytes]:
    """
    Give the records that identifiers mean: the beginning of a record's id, or what one system calls it.

    :raises WrongUse: an identifier means none, or several.
    """
    found = []
    with store.book.reading() as connection:
        files = files_at(connection, ("records", *TABLES))
    with closing(connect()) as con:
        for named in names:
            ids: list[bytes] = []
            if _HEX.fullmatch(named.lower()):
                ids = find_by_prefix(con, store.lake, files, named.lower(), 2)
            if not ids and find_by_reference(con, store.lake, files, named)[0]:
                rows = con.execute("select distinct record_id from hit where roles & 1 = 1 limit 3").fetchall()
                ids = [bytes(row[0]) for row in rows]
            if len(ids) != 1:
                what = "none" if not ids else "several: name it by its record id (`tieout explain` shows it)"
                message = f"expected what identifies one record, got {named!r}, which is {what}"
                raise WrongUse(message)
            found += ids
    return found
