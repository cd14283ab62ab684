"""
The process that is killed: forks one child for each command, so that a thousand crashes do not load Python anew.

``python -m tests.crash.victim`` reads one request a line (a JSON list of runs, started together) and answers with
one line. The parent starts no thread and opens no store; what is killed is a real process, by a real SIGKILL.
"""

import ctypes
import json
import os
import resource
import signal
import stat
import sys
import tempfile
from collections.abc import Callable
from contextlib import suppress
from importlib import import_module
from pathlib import Path
from typing import Any

__all__ = ["SECRET", "main"]

#: What fingerprints are made with in every workspace that a victim makes.
SECRET = bytes(32)

#: What commands load anyway; loaded before the fork, once.
_LOADED = (
    *("tieout.cli", "tieout.pipeline", "tieout.config", "tieout.store.workplace", "tieout.intake.verify"),
    *(
        "tieout.matching.run",
        "tieout.matching.deciding.decide",
        "tieout.observe.exporting.overview",
        "tieout.reperformance",
    ),
    *(
        "tieout.formats.registry",
        "tieout.formats.camt.messages",
        "tieout.formats.tabular",
        "tieout.formats.tabular.reader",
    ),
    *("alembic.command", "alembic.config", "duckdb", "numpy", "pyarrow.parquet", "sqlglot", "holidays", "psycopg"),
    *("sqlalchemy.dialects.sqlite", "sqlalchemy.dialects.postgresql.psycopg", "lxml.etree"),
    "cryptography.hazmat.primitives.ciphers.aead",
    "cryptography.hazmat.primitives.keywrap",
    *(
        "tieout.accounting.run",
        "tieout.observe.work.gathering",
        "tieout.observe.exporting.exports",
        "tieout.store.earlier",
    ),
    *("iso4217", "pydantic", "pyarrow.csv", "pyarrow.dataset"),
    "pandas",  # Arrow loads it wherever it is installed, with the first array that it makes
)
#: A run that takes longer than this hangs.
_SECONDS_MAX = 120


def main() -> None:
    """Answer requests until there are no more."""
    for name in (*_LOADED, *sys.argv[1:]):
        import_module(name)
    for line in sys.stdin:
        print(json.dumps(_perform(json.loads(line))), flush=True)  # noqa: T201 - the answer


def _perform(runs: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Start runs together, and tell how each ended."""
    gate, opener = os.pipe()
    children = []
    for run in runs:
        out, report = tempfile.TemporaryFile(), tempfile.TemporaryFile()  # noqa: SIM115 - closed below
        child = os.fork()
        if not child:
            os.close(opener)
            os.read(gate, 1)  # until the parent closes the other end: all begin at once
            _child(run, out.fileno(), report.fileno())
        children.append((child, out, report))
    os.close(gate)
    os.close(opener)
    answers = []
    for child, out, report in children:
        status = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
        texts = []
        for file in (out, report):
            file.seek(0)
            texts.append(file.read().decode())
            file.close()
        answers.append({"status": status, "output": texts[0], "report": texts[1]})
    return answers


def _child(run: dict[str, Any], out: int, report: int) -> None:
    """Become the command, with its faults."""
    status = 70
    try:
        signal.alarm(_SECONDS_MAX)
        os.chdir(run["folder"])
        os.environ.update(run.get("environment", {}))
        os.dup2(out, 1)
        os.dup2(out, 2)
        counted = _arrange(run, report)
        from tieout.cli import main as command

        status = command([*run["arguments"]])
        os.write(report, str(counted()).encode())
    finally:
        with suppress(OSError, ValueError):
            sys.stdout.flush()
            sys.stderr.flush()
        os._exit(status)


def _arrange(run: dict[str, Any], report: int) -> Any:
    """Set the clock, the faults and the watcher; gives what tells how many boundaries were crossed."""
    _stand_still()
    for fault in run.get("faults", ()):
        _FAULTS[fault]()
    if run.get("file_bytes"):
        resource.setrlimit(resource.RLIMIT_FSIZE, (run["file_bytes"], run["file_bytes"]))
    at, after = run.get("kill_at"), bool(run.get("after"))
    if run.get("calls"):
        watcher = ctypes.CDLL(None)
        watcher.watch_note.argtypes = [ctypes.c_char_p]
        flags = os.O_CREAT | os.O_APPEND | os.O_WRONLY
        journal = os.open(run["journal"], flags, 0o600) if run.get("journal") else -1
        watcher.watch_begin(run["folder"].encode(), journal, report, ctypes.c_long(at or -1), int(after))
        _note_answers(watcher.watch_note)
        return watcher.watch_count
    from tests.crash.boundaries import Boundaries

    boundaries = Boundaries(at, after, report)
    boundaries.watch()
    return lambda: boundaries.count


def _stand_still() -> None:
    """Let the same moment stand in every run, and one secret, so that results can be compared to the last bit."""
    import datetime as dt

    from tieout import clock

    fingerprints: Any = import_module("tieout.store.fingerprints")
    fingerprints.draw_secret = lambda _entropy: SECRET
    clock.system_clock = clock.FixedClock(dt.datetime(2026, 11, 1, 8, tzinfo=dt.UTC))


def _note_answers(note: Any) -> None:
    """Enter into the journal when a delivery was answered: from then on nothing of it may be missing."""
    pipeline: Any = import_module("tieout.pipeline")
    ingest: Any = import_module("tieout.intake.ingest")
    real_receive, real_ingest = ingest.receive, pipeline.ingest_file

    def receiving(*arguments: Any, **options: Any) -> Any:
        received = real_receive(*arguments, **options)
        note(f"received {received.delivery_id}".encode())
        return received

    def ingesting(*arguments: Any, **options: Any) -> Any:
        outcome = real_ingest(*arguments, **options)
        note(f"{outcome.state} {outcome.delivery_id}".encode())
        return outcome

    ingest.receive, pipeline.ingest_file = receiving, ingesting


def _forget_sync(is_kind: Callable[[int], bool], part: str = "") -> None:
    """Leave out the product's own fsync of files, or of folders, with ``part`` in their path."""
    real = os.fsync

    def syncing(descriptor: int) -> None:
        path = str(Path(f"/proc/self/fd/{descriptor}").readlink())
        if not (is_kind(os.fstat(descriptor).st_mode) and part in path):
            real(descriptor)

    os.fsync = syncing  # type: ignore[assignment]  # a boundary to die at


def _careless_book() -> None:
    book: Any = import_module("tieout.store.book")
    real = book._set_up_sqlite

    def set_up(connection: Any, record: object) -> None:
        real(connection, record)
        connection.execute("PRAGMA synchronous = OFF")

    book._set_up_sqlite = set_up


def _careless_commit() -> None:
    """Let two processes at once accept one delivery: the guard of the one transaction is gone."""
    commit: Any = import_module("tieout.intake.commit")

    def agreeing(connection: Any, change: Any) -> None:
        change.expected = commit.facts_version(connection)

    commit._check = agreeing


def _early_commit() -> None:
    """Mark a delivery accepted in a transaction of its own, before its facts: what a crash between must show."""
    import sqlalchemy as sa

    from tieout.store import schema

    module: Any = import_module("tieout.intake.accept")
    real = module.commit

    def committing(store: Any, change: Any) -> int:
        with store.book.writing() as connection:
            mine = sa.update(schema.delivery).where(schema.delivery.c.delivery_id == change.delivery_id)
            connection.execute(mine.values(state="accepted"))
        change.from_states = ("accepted", "landed", "refused")
        version: int = real(store, change)
        return version

    module.commit = committing


def _careless_heads() -> None:
    """Let two runs of one claim commit: what one has used up, the other uses up again."""
    runs: Any = import_module("tieout.store.runs")

    def agreeing(connection: Any, heads: Any) -> None:
        table = runs.schema.head
        for claim in heads:
            name = f"claim:{claim}"
            found = connection.scalar(runs.sa.select(table.c.version).where(table.c.name == name))
            heads[claim] = found or 0

    runs._check_heads = agreeing


def _share_leases() -> None:
    """Let every process hold a lease at once: what two write at the same time must be safe by itself."""
    lease: Any = import_module("tieout.store.lease")
    lease.Lease.take = lambda _: True


def _retry_commits() -> None:
    """Let PyIceberg send a commit that lost again, as it does by default."""
    iceberg: Any = import_module("tieout.store.iceberg")
    real = iceberg._properties

    def properties(*arguments: Any) -> dict[str, str]:
        return {**real(*arguments), "commit.retry.num-retries": "20"}

    iceberg._properties = properties


def _forget_decisions() -> None:
    """Let a command that is given again not know what it decided before it was killed."""
    pipeline: Any = import_module("tieout.pipeline")
    pipeline.decided_already = lambda *_asked, **_how: None


#: Ways to take a guard out of the product, for testing the tests.
_FAULTS = {
    "no fsync of files": lambda: _forget_sync(stat.S_ISREG),
    "no fsync of folders": lambda: _forget_sync(stat.S_ISDIR),
    "no fsync of landed files": lambda: _forget_sync(stat.S_ISREG, "/landing/"),
    "no fsync of the landing's folders": lambda: _forget_sync(stat.S_ISDIR, "/landing"),
    "no fsync of lake files": lambda: _forget_sync(stat.S_ISREG, "/lake/"),
    "no fsync of the lake's folders": lambda: _forget_sync(stat.S_ISDIR, "/lake"),
    "book not synced": _careless_book,
    "commit not checked": _careless_commit,
    "accepted too early": _early_commit,
    "heads not compared": _careless_heads,
    "decisions forgotten": _forget_decisions,
    "leases shared": _share_leases,
    "commits sent again": _retry_commits,
}


if __name__ == "__main__":
    sys.path.insert(0, str(Path.cwd()))
    main()
