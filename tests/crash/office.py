"""
A shop in which everything happens that runs and people do with matches, each command ready to be killed; and all that
the book says afterwards.
"""

import hashlib
import json
import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from tests.crash.facts import opened
from tests.crash.zygote import Zygote
from tests.matching.shop import lay_out, table
from tests.test_reperformance import BANK, INVOICES
from tieout.store import schema
from tieout.store.engine import connect, paths
from tieout.store.runs import results_at, standing_matches

__all__ = ["SCENES", "STAGES", "command", "copied", "left", "prepared", "standing"]

#: What happened before each scene's command: files came, they were matched, more came, that was matched, one was settled.
SCENES = {
    "match": "came",
    "match again": "more came",
    "resolve": "matched",
    "settle": "matched",
    "assign": "matched",
    "approve": "matched",
    "reject": "matched",
    "undo": "matched",
    "undo a run": "matched",
    "reopen": "settled",
    "journal": "matched",
}
STAGES = ("came", "more came", "matched", "settled")
#: A correction gives a match back, a line finds its invoice, another reconciliation wants one too.
_MORE: dict[str, list[tuple[str, ...]]] = {
    "invoices": [("RE-1001", "2026-10-01", "Meier GmbH", "1200.00", "EUR")],
    "bank": [("B8", "2026-10-28", "61.00", "WOLF", "RE-1006", "EUR"), ("B9", "2026-10-29", "10.00", "", "?", "EUR")],
    "other": [("O1", "2026-10-16", "500.00", "Sommer", "RE-1002", "EUR")],
}
_WHY = ("--reason", "he called")
#: What differs between two workspaces that say the same: names of files, and what is digested from them.
_BESIDE = {
    "run_file": {"path", "sha256", "bytes"},
    "audit": {"digest", "previous"},
}


def prepared(zygote: Zygote, folder: Path, stage: str) -> Path:
    """Bring a workspace from the stage before to a stage, whose scenes' commands are what comes next."""
    if stage == "came":
        lay_out(folder)
        _deliver(folder, {"invoices": INVOICES, "bank": BANK})
        assert zygote.run(folder, "ingest").status == 0
    elif stage == "more came":
        assert zygote.run(folder, "match").status == 1
        _deliver(folder, _MORE)
        assert zygote.run(folder, "ingest").status == 0
    elif stage == "matched":
        assert zygote.run(folder, "match").status == 1
    else:
        assert zygote.run(folder, *command(folder, "settle")).status == 0
    return folder


def _deliver(folder: Path, files: Mapping[str, Sequence[tuple[str, ...]]]) -> None:
    for source, rows in files.items():
        (folder / "inbox" / source).mkdir(parents=True, exist_ok=True)
        number = len(list((folder / "inbox" / source).iterdir()))
        (folder / "inbox" / source / f"{number}.csv").write_text(table(source, rows))


def command(folder: Path, scene: str) -> tuple[str, ...]:
    """Give the command of a scene, with the ids that it names."""
    if scene in {"match", "match again", "journal"}:
        return (scene.split(maxsplit=1)[0],)
    with opened(folder) as store:
        work = schema.worklist
        with store.book.reading() as connection:
            exception = connection.scalars(sa.select(work.c.exception_id).where(work.c.external_id == "B7")).one()
        named = {row["external_id"]: row["match_id"] for row in standing(store)}
        runs = {row["rule"]: row["run_id"] for row in standing(store)}
    return {
        "resolve": ("resolve", exception, "--match", "RE-1005", "--as", "bank_charge", *_WHY),
        "settle": ("resolve", exception, *_WHY),
        "assign": ("resolve", exception, "--assign", "ann", *_WHY),
        "approve": ("approve", named["B5"]),
        "reject": ("reject", named["B6"], *_WHY),
        "undo": ("undo", named["B2"], *_WHY),
        "undo a run": ("undo", runs["several numbers"], "--rule", "several numbers", *_WHY),
        "reopen": ("undo", exception, *_WHY),
    }[scene]


def standing(store: Any) -> list[dict[str, Any]]:
    """Give the rows of matches that stand, with the ids of records."""
    with store.book.reading() as connection:
        results = results_at(connection)
        files = connection.execute(sa.select(schema.lake_file.c.path).where(schema.lake_file.c.table_name == "records"))
        records = paths([str(store.lake.root / row.path) for row in files])
    con = connect()
    matches = standing_matches(con, store.lake, results)
    found: list[dict[str, Any]] = (
        con.sql(
            f"""select lower(hex(m.match_id)) as match_id, r.external_id, m.allocated, m.rule, m.status, m.run_id
            from {matches} m join read_parquet({records}) r on r.record_id = m.record_id and r.version = m.version
            order by all"""
        )
        .to_arrow_table()
        .to_pylist()
    )
    return found


def left(folder: Path) -> dict[str, list[str]]:
    """
    Give all that the book says: every row of every table, runs, decisions and the audit log as much as the work list.

    The content of result files is in it by their digests; that they are there, and are what the book says, is asserted.
    """
    said = {}
    with opened(folder) as store:
        with store.book.reading() as connection:
            for one in schema.metadata.sorted_tables:
                rows = [dict(row) for row in connection.execute(sa.select(one)).mappings()]
                said[one.name] = sorted(repr(_plain(one.name, row)) for row in rows)
            named = connection.execute(sa.select(schema.run_file.c.path, schema.run_file.c.sha256)).all()
        for path, digest in named:
            assert hashlib.sha256((store.lake.root / path).read_bytes()).hexdigest() == digest, path
    return said


def _plain(name: str, row: dict[str, Any]) -> dict[str, Any]:
    kept = {key: value for key, value in row.items() if key not in _BESIDE.get(name, ())}
    if name == "audit" and "files" in (body := json.loads(row["body"])):
        files = [{k: v for k, v in file.items() if k not in _BESIDE["run_file"]} for file in body["files"]]
        kept["body"] = body | {"files": sorted(files, key=repr)}
    return kept


def copied(before: Path, folder: Path) -> Path:
    """Copy a workspace, so that it need not be made again."""
    return shutil.copytree(before, folder, dirs_exist_ok=True)
