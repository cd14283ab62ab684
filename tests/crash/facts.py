"""
What a workspace holds, so that two of them can be compared; and what must hold after any crash.

Asks the stores directly, never the command that was killed.
"""

import hashlib
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from tieout.clock import system_clock, system_entropy
from tieout.config import load_workspace
from tieout.intake.findings import open_findings
from tieout.store import schema
from tieout.store.engine import connect
from tieout.store.views import current_records, table
from tieout.store.workplace import Store, files_at, open_store

__all__ = ["commit_digests", "contents", "facts", "faults", "opened"]

_TABLES = ("records", "superseded", "witnesses", "balances", "quarantine")


@contextmanager
def opened(folder: Path, environment: dict[str, str] | None = None) -> Iterator[Store]:
    """Open the stores of a workspace."""
    store = open_store(load_workspace(folder, environment or {}), system_clock, system_entropy, "test")
    try:
        yield store
    finally:
        store.close()


def facts(store: Store) -> dict[str, Any]:
    """
    Give everything that a workspace says, in an order of its own: equal if and only if the facts are.

    Deliveries by their content, every current record with all its columns, all witnesses, balances, quarantined rows
    and what needs a person.
    """
    with store.book.reading() as connection:
        files = files_at(connection, _TABLES)
        deliveries = connection.execute(sa.select(schema.delivery)).mappings().all()
        findings = [
            {k: v for k, v in row.items() if k not in {"token", "opened_at"}} for row in open_findings(connection)
        ]
    stands = current_records(store.lake, files["records"], files["superseded"])
    relations = {name: table(store.lake, name, files[name]) for name in ("witnesses", "balances", "quarantine")}
    said = {name: _rows(relation) for name, relation in {"records": stands, **relations}.items()}
    # A delivery's number of rows is part of the facts; how often it was handed over is not.
    counts = ("state", "rows_in", "rows_quarantined", "rows_skipped", "fingerprint", "format")
    rows = {row["delivery_id"]: tuple(row[name] for name in counts) for row in deliveries}
    return said | {"deliveries": rows, "findings": sorted(map(repr, findings))}


def contents(store: Store) -> list[tuple[Any, ...]]:
    """Give what the current records say about money, without which delivery was first to say so."""
    with store.book.reading() as connection:
        files = files_at(connection, _TABLES)
    stands = current_records(store.lake, files["records"], files["superseded"])
    columns = "record_id, version, kind, amount, fee, net, currency, booked_on, external_id, text, status"
    return [tuple(row) for row in connect().sql(f"select {columns} from {stands} order by all").fetchall()]


def _rows(relation: str) -> str:
    rows = sorted(map(repr, connect().sql(f"select * from {relation}").to_arrow_table().to_pylist()))
    return f"{len(rows)} rows, {hashlib.sha256(repr(rows).encode()).hexdigest()}"


def commit_digests(store: Store) -> list[str]:
    """Give the digest of every commit, in order: equal lists mean the same history."""
    commit = schema.ledger_commit
    with store.book.reading() as connection:
        return list(connection.scalars(sa.select(commit.c.digest).order_by(commit.c.version)))


def faults(store: Store) -> list[str]:
    """
    Say what does not hold that must hold in any workspace at rest.

    Every delivery once and answered; rows in = kept + repeated + quarantined + skipped; what the book names is there and is
    no draft; no delivery was received or accepted twice.
    """
    with store.book.reading() as connection:
        deliveries = connection.execute(sa.select(schema.delivery)).all()
        commits = connection.execute(sa.select(schema.ledger_commit)).all()
        files = connection.execute(sa.select(schema.lake_file)).all()
        audit = connection.execute(sa.select(schema.audit.c.action, schema.audit.c.subject)).all()
    answered = {"accepted", "refused", "withdrawn", "erased"}
    found = [f"{row.name} is {row.state}" for row in deliveries if row.state not in answered]
    for row in deliveries:
        kept = row.rows_new + row.rows_repeated + row.rows_quarantined + row.rows_skipped
        if kept != row.rows_in:
            found.append(f"{row.name}: {row.rows_in} rows in, {kept} accounted for")
    first = Counter(row.delivery_id for row in commits if row.kind in {"accept", "refuse"})
    due = {row.delivery_id for row in deliveries if row.state in {"accepted", "refused"}}
    found += [f"delivery {name} was committed {first[name]} times" for name in due | set(first) if first[name] != 1]
    noted = Counter(
        (row.action, row.subject) for row in audit if row.action in {"receive", "accept", "refuse", "erase"}
    )
    found += [f"audit: {action} of {subject} {n} times" for (action, subject), n in noted.items() if n > 1]
    named = [store.lake.root / row.path for row in files]
    named += [store.landing.root / row.path for row in deliveries if row.wrapped_key is not None]
    found += [f"{path} is named and missing" for path in named if not path.is_file()]
    found += [f"{path} is a draft" for path in named if path.name.endswith(".partial")]
    return found
