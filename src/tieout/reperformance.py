"""
Performing everything again, in its order, and comparing: deliveries from their landed bytes, then every run on top.

Each run is repeated on the facts of its version, after the runs before it, with the tieout.toml, rules, calendars and
rates that it names by digest; a person's decision with what it says was decided; a run of the books with its postings.
Its digest and its name must come out the same.
"""

from __future__ import annotations

import datetime as dt
import json
import tomllib
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from tieout.accounting.run import run_journals
from tieout.clock import FixedClock
from tieout.config import FILE_NAME, read_workspace
from tieout.errors import Broken, TieoutError, WrongUse
from tieout.intake.verify import Verdict
from tieout.intake.verify import verify as verify_facts
from tieout.matching.deciding.committing import Moment
from tieout.matching.deciding.decide import repeat_decision
from tieout.matching.facts.records import EPOCH
from tieout.matching.grammar.reading import read_rules
from tieout.matching.run import Given, run_reconciliation
from tieout.store import schema
from tieout.store.runs import program

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tieout.config import Workspace
    from tieout.matching.grammar.rules import RuleSet
    from tieout.store.workplace import Store

__all__ = ["verify"]

# What differs from one machine, moment or version of the program to another.
_BESIDE = {"path", "sha256", "bytes", "program"}
# Inputs of a run that name what stood before it, not a text.
_NO_TEXTS = {"after", "matches"}
_MOMENT = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)


def verify(
    store: Store,
    workspace: Workspace,
    run: str | None = None,
    progress: Callable[[str, int, int], None] = lambda _what, _done, _of: None,
    *,
    rebuild: bool = False,
) -> Verdict:
    """
    Check every file, then perform every commit and every run again in a scratch workspace, and compare.

    :param run: how the id of a run begins: later ones are not performed.
    :param progress: hears how many deliveries, lake files, commits and runs are done: (what, done, of how many).
    :param rebuild: write lake files that are missing or differ anew.
    """
    if run is not None:
        _check_run(store, run)

    def afterwards(scratch: Store, folder: Path, verdict: Verdict) -> None:
        _repeat_runs(store, scratch, workspace, folder, run, verdict, progress)

    return verify_facts(store, workspace, progress, afterwards, rebuild=rebuild)


def _check_run(store: Store, named: str) -> None:
    with store.book.reading() as connection:
        runs = connection.scalars(sa.select(schema.run.c.run_id)).all()
    if not named or not any(run_id.startswith(named) for run_id in runs):
        message = f"expected the id of a run, or how it begins, got {named!r}: `tieout export` shows them as run_id"
        raise WrongUse(message)


def _repeat_runs(
    store: Store,
    scratch: Store,
    today: Workspace,
    folder: Path,
    last: str | None,
    verdict: Verdict,
    progress: Callable[[str, int, int], None],
) -> None:
    with store.book.reading() as connection:
        runs = connection.execute(sa.select(schema.run).order_by(schema.run.c.sequence)).mappings().all()
        texts = {row.digest: row.body for row in connection.execute(sa.select(schema.text_version))}
    for done, row in enumerate(runs, 1):
        try:
            _repeat(scratch, dict(row), texts, folder, today)
            _compare(scratch, dict(row))
        except TieoutError as error:
            told = f"run {row['run_id']} ({row['kind']} of {row['reconciliation']}): performed again, {error}"
            if row["program"] == program():
                verdict.faults.append(told)
            else:
                made = (
                    f"tieout {row['program']} made it, and it stands so; this is {program()}, which gives it otherwise"
                )
                verdict.otherwise.append(f"{told}; {made}")
                verdict.to_do.append(f"run {row['run_id']} and the runs after it: they stand, and were not proven anew")
            return  # what follows rests on it
        verdict.runs += 1
        progress("runs", done, len(runs))
        if last is not None and row["run_id"].startswith(last):
            return
    verdict.faults += _differences(store, scratch)


def _repeat(scratch: Store, row: dict[str, Any], texts: dict[str, str], folder: Path, today: Workspace) -> None:
    """Perform one run again, as it was performed."""
    inputs = json.loads(row["inputs"])
    said = {name: _text(texts, name, digest) for name, digest in inputs.items() if name not in _NO_TEXTS}
    past = _workspace_of(said, folder / "runs" / row["run_id"], today, counts_days=row["kind"] == "rules")
    then = replace(scratch, clock=FixedClock(_MOMENT + dt.timedelta(microseconds=row["at"])), actor=row["actor"])
    if row["kind"] == "journal":
        run_journals(then, past, said.get("compared"), row["facts_version"])
        return
    reconciliation = past.reconciliation(row["reconciliation"])
    claims = (reconciliation.left.claim, reconciliation.right.claim)
    rules: RuleSet | None = None
    if "rules" in said:
        rules = read_rules(said["rules"], "the rules of that time", claims=claims, kept=True)
    if row["kind"] == "rules" and rules is not None:
        given = Given(rules, said["followers"], said.get("others", ""), row["facts_version"])
        through = EPOCH + dt.timedelta(days=row["through_day"])
        run_reconciliation(then, past, reconciliation, through, again=given)
        return
    moment = Moment(row["facts_version"], int(inputs["after"]), rules)
    repeat_decision(then, past, reconciliation, json.loads(said["decision"]), row["reason"], moment)


def _text(texts: dict[str, str], name: str, digest: str) -> str:
    if digest not in texts:
        message = f"expected the text of its {name} ({digest[:16]}) in the book, found none"
        raise Broken(message)
    return texts[digest]


def _workspace_of(said: dict[str, str], place: Path, today: Workspace, *, counts_days: bool) -> Workspace:
    """
    Build the workspace as it was, with the calendars, rates and postings of that run.

    :param counts_days: it names the calendars by which it counts days; any other must only be there.
    """
    text = said["tieout.toml"]
    content = tomllib.loads(text)
    files = {FILE_NAME: text}
    files |= {name: body for name, body in said.items() if name.startswith(("calendars/", "postings/"))}
    files |= {f"rates/{n:03}.csv": body for n, body in enumerate(said.get("rates", "").split("\f")) if body}
    # Mappings and rule files must be there; what is in them is not asked: the run names its rules itself.
    files |= {table["mapping"]: "" for table in content.get("source", []) if "mapping" in table}
    files |= {t["rules"]: "" for t in content.get("reconciliation", []) if str(t.get("rules")).endswith(".toml")}
    if not counts_days:
        named = {
            table["calendar"]
            for kind in ("source", "account")
            for table in content.get(kind, [])
            if "calendar" in table
        }
        files |= {f"calendars/{name.removeprefix('calendars/').removesuffix('.toml')}.toml": "" for name in named}
    for name, body in files.items():
        path = (place / name).resolve()
        if path.is_relative_to(place.resolve()):  # one that leads elsewhere is the user's own file
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(body, encoding="utf-8")
    overridden = {"TIEOUT_NAME": ("name", today.name), "TIEOUT_BASE_CURRENCY": ("base_currency", today.base_currency)}
    own = content.get("workspace", {})
    return read_workspace(text, place, {name: value for name, (key, value) in overridden.items() if key not in own})


def _compare(scratch: Store, row: dict[str, Any]) -> None:
    """
    Hold a repeated run against what the book says of it.

    :raises Broken: it came out differently.
    """
    run = schema.run
    with scratch.book.reading() as connection:
        found = connection.execute(sa.select(run).where(run.c.sequence == row["sequence"])).mappings().first()
    if found is None:
        message = "it left no run"
        raise Broken(message)
    for name in ("digest", "run_id", "counts", "heads", "through_day", "reason"):
        if found[name] != row[name]:
            message = f"it has the {name} {found[name]!r}, and the book says {row[name]!r}"
            raise Broken(message)


def _differences(store: Store, scratch: Store) -> list[str]:
    """Hold the book's rows about runs against those that performing them again wrote."""
    found = []
    for table in (schema.run, schema.run_file, schema.void):
        now, again = _content(store, table), _content(scratch, table)
        if now != again:
            found.append(
                f"the book's table {table.name} was changed: {len(again - now)} row(s) are missing or differ,"
                f" {len(now - again)} too many"
            )
    return found


def _content(store: Store, table: sa.Table) -> set[tuple[object, ...]]:
    with store.book.reading() as connection:
        rows = connection.execute(sa.select(table)).mappings().all()
    return {tuple(value for name, value in row.items() if name not in _BESIDE) for row in rows}
