"""
A run of the books: draft journals from the facts and matches that stand, kept as results like any other run's.

Drafts are said anew by each run: what stood before and does not follow from facts and matches any more is gone.
"""

from __future__ import annotations

import hashlib
import json
from contextlib import closing
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import pyarrow as pa

from tieout.accounting.drafting import draft_journals
from tieout.accounting.outcomes import make_outcomes
from tieout.accounting.reading import read_postings
from tieout.config.rates import read_rates
from tieout.errors import Transient, WrongUse
from tieout.store.corrected import as_corrected, corrected_since
from tieout.store.engine import connect
from tieout.store.runs import HeadMovedError, NewRun, commit_run, facts_version, results_at, standing_matches
from tieout.store.tables import table_schema
from tieout.store.views import current_records
from tieout.store.workplace import files_at

if TYPE_CHECKING:
    import duckdb

    from tieout.accounting.drafting import JournalDrafts
    from tieout.config import Workspace
    from tieout.store.lake import LakeFile
    from tieout.store.runs import Results
    from tieout.store.workplace import Store

__all__ = ["JOURNALS", "JournalOutcome", "drafts_are_outdated", "postings_texts", "run_journals"]

#: The name under which runs of the books stand among those of reconciliations.
JOURNALS = "journals"
_TRIES = 20


@dataclass(slots=True)
class JournalOutcome:
    """
    What a run of the books drafted.

    :ivar counts: journals, lines, refused, waiting, erp, unheld; and reopened: matches of which nothing is drafted, because a record
        was corrected since.
    :ivar unchanged: nothing that it rests on has changed since the last one, which therefore stands.
    """

    run_id: str
    digest: str
    counts: dict[str, int] = field(default_factory=dict)
    unchanged: bool = False


def postings_texts(workspace: Workspace) -> dict[str, str]:
    """
    Read the workspace's own postings.

    :return: {path relative to the workspace: text}.
    :raises WrongUse: a file cannot be read.
    """
    found = {}
    for path in sorted((workspace.folder / "postings").glob("*.toml")):
        try:
            found[path.relative_to(workspace.folder).as_posix()] = path.read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError) as error:
            message = f"expected postings as text in UTF-8, got {error} ({path})"
            raise WrongUse(message) from None
    return found


def run_journals(store: Store, workspace: Workspace, compared: str | None, again: int | None = None) -> JournalOutcome:
    """
    Draft the journals of everything that stands, and make the drafts true.

    :param compared: JSON: the sides of reconciliations that hold records against what an ERP booked; None: it is not asked,
        as nothing is left to one.
    :param again: the version of the facts on which an earlier run is performed again; None: what there is now.
    :raises WrongUse: a posting or a rate has a fault.
    :raises Transient: other runs of the books kept coming first.
    """
    for _ in range(_TRIES):
        try:
            return _run(store, workspace, compared, again)
        except HeadMovedError:
            continue
    message = f"other runs of the books came first {_TRIES} times: try again"
    raise Transient(message)


def _run(store: Store, workspace: Workspace, compared: str | None, again: int | None) -> JournalOutcome:
    texts, rates = postings_texts(workspace), read_rates(workspace.folder)
    postings = read_postings(texts, workspace)
    with store.book.reading() as connection:
        version = facts_version(connection) if again is None else again
        files, results = files_at(connection, ("records", "superseded"), version), results_at(connection)
        corrected = corrected_since(connection, results, version)
    kept = {"tieout.toml": workspace.path.read_text(encoding="utf-8"), "rates": rates.text, **texts}
    kept |= {} if compared is None else {"compared": compared}
    named = {kind: hashlib.sha256(text.encode()).hexdigest() for kind, text in kept.items()}
    inputs = {**named, "matches": _matched(results)}
    last = results.last.get(JOURNALS) if again is None else None
    if last is not None and last["facts_version"] == version and json.loads(last["inputs"]) == inputs:
        return JournalOutcome(last["run_id"], last["digest"], json.loads(last["counts"]), unchanged=True)
    run = NewRun(
        kind="journal",
        reconciliation=JOURNALS,
        through_day=None,
        facts_version=version,
        heads={"ledger": results.heads.get("ledger", 0)},
        inputs=inputs,
        texts={named[kind]: (kind, text) for kind, text in kept.items()},
    )
    store.spill.mkdir(parents=True, exist_ok=True)
    with closing(connect(store.spill)) as con:
        stand = as_corrected(con, store.lake, files, corrected, results)
        _relations(con, store, files, stand)
        make_outcomes(con)
        drafts = draft_journals(
            con, postings, workspace, rates, compared=None if compared is None else json.loads(compared)
        )
        _write(store, con, drafts, run)
        run.counts["reopened"] = len(stand.voids) - len(results.voids)
    commit_run(store, run)
    return JournalOutcome(run.run_id, run.digest, run.counts)


def drafts_are_outdated(store: Store) -> bool:
    """Say whether facts or matches have changed since the drafts that stand were made."""
    with store.book.reading() as connection:
        version, results = facts_version(connection), results_at(connection)
    last = results.last.get(JOURNALS)
    if last is None:
        return False
    return (last["facts_version"], json.loads(last["inputs"])["matches"]) != (version, _matched(results))


def _matched(results: Results) -> str:
    """Say which matches stand: a digest of those of their files and of what was taken back."""
    files = sorted(f.file.digest for name in ("matches", "adjustments") for f in results.of(name))
    stand = [files, sorted((match.hex(), sequence) for match, sequence, _ in results.voids)]
    return hashlib.sha256(json.dumps(stand).encode()).hexdigest()


def _relations(
    con: duckdb.DuckDBPyConnection, store: Store, files: dict[str, list[LakeFile]], results: Results
) -> None:
    """Give the connection what drafting reads."""
    con.execute(
        "create temp view records as select * from"
        f" {current_records(store.lake, files['records'], files['superseded'])}"
    )
    for name, condition in (("matches", " where status = 'confirmed'"), ("adjustments", "")):
        relation = standing_matches(con, store.lake, results, table_name=name)
        con.execute(f"create temp view {name} as select * from {relation}{condition}")


def _write(store: Store, con: duckdb.DuckDBPyConnection, drafts: JournalDrafts, run: NewRun) -> None:
    """Write the drafts, and what could not be drafted as exceptions."""
    token = store.entropy.token_bytes(6).hex()
    with store.lake.writer("journals", table_schema("journals"), token) as writer:
        writer.write(drafts.table(con))
    run.files.append((writer.file, True))
    if drafts.findings.num_rows:
        with store.lake.writer("exceptions", table_schema("exceptions"), token) as writer:
            writer.write(_exceptions(drafts.findings))
        run.files.append((writer.file, True))
    run.counts = {name: int(count) for name, count in drafts.counts.items()}


def _exceptions(findings: pa.Table) -> pa.Table:
    """Give what could not be drafted as rows of the lake's ``exceptions``, in total order."""
    rows = []
    for row in findings.to_pylist():
        # What lacks a name is about the name, however many journals wait for it.
        own = [row["note"]] if row["record_id"] else [row["entity_id"], row["external_id"]]
        about = [JOURNALS, row["reason"], (row["record_id"] or b"").hex(), (row["match_id"] or b"").hex(), *own]
        named = hashlib.sha256(json.dumps(about).encode()).hexdigest()[:16]
        rows.append({**row, "exception_id": named, "reconciliation": JOURNALS, "claim": "booking", "candidates": "[]"})
    rows.sort(key=lambda row: row["exception_id"])
    return pa.Table.from_pylist(rows, schema=table_schema("exceptions"))
