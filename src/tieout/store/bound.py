"""
What the audit log binds, held against the book: deliveries, commits, decisions and heads; runs are in ``runs``.

Each was written in one transaction with its entry. An entry of an earlier version that does not say something is not
compared in that.
"""

from __future__ import annotations

import json
from collections import Counter, defaultdict
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from tieout.store import schema
from tieout.store.decisions import name_decision
from tieout.store.runs import results_at

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tieout.store.fingerprints import Fingerprints

__all__ = ["RECEIVED", "check_bound", "is_commit"]

#: What the entry "receive" says of a delivery beside its name, source and fingerprint.
RECEIVED = ("sequence", "bytes", "received_at", "received_by", "path", "key_id", "redacts")
#: Decisions that have an entry of their own; those of a run stand in the run's.
_ALONE = ("resolve", "assign", "reopen", "settle quarantine", "reopen quarantine")
_FILE = ("table_name", "path", "rows", "sha256", "digest")

Row = dict[str, Any]


def check_bound(connection: sa.Connection, fingerprints: Fingerprints) -> list[str]:
    """
    Hold deliveries, commits, decisions and heads against the entries of the audit log that were written with them.

    :return: one sentence for everything that does not agree.
    """
    entries = _rows(connection, schema.audit, schema.audit.c.sequence)
    for entry in entries:
        entry["said"] = json.loads(entry["body"])
    return [
        *_deliveries(connection, entries, fingerprints),
        *_commits(connection, entries),
        *_decisions(connection, entries),
        *_heads(connection),
    ]


def is_commit(action: str) -> bool:
    """Say whether an action of the audit log changes the facts."""
    return action in {"accept", "refuse", "withdraw"} or action.startswith("replay: ")


def _rows(connection: sa.Connection, table: sa.Table, order: sa.ColumnElement[Any]) -> list[Row]:
    return [dict(row) for row in connection.execute(sa.select(table).order_by(order)).mappings()]


def _other(row: Mapping[str, Any], bound: Mapping[str, Any]) -> str:
    """Name what differs from what is bound, with both values."""
    return ", ".join(f"{name} is {row[name]!r}, bound is {bound[name]!r}" for name in bound if row[name] != bound[name])


def _deliveries(connection: sa.Connection, entries: list[Row], fingerprints: Fingerprints) -> list[str]:
    bound: dict[str, Row] = {}
    seen: Counter[str] = Counter()
    erased: dict[str, str | None] = {}
    for entry in entries:
        name, action = entry["subject"].removeprefix("delivery "), entry["action"]
        if action == "receive":
            said = fingerprints.instead(entry["said"])
            bound[name] = {"source_id" if k == "source" else k: v for k, v in said.items()}
        elif is_commit(action):
            bound.setdefault(name, {}).update(fingerprints.instead(entry["said"].get("delivery", {})))
        seen[name] += action in {"receive", "receive again"}
        if action == "erase":
            erased[name] = entry["reason"]
    found = []
    for row in _rows(connection, schema.delivery, schema.delivery.c.sequence):
        name = row["delivery_id"]
        told = f"delivery {name} ({row['name']})"
        if name not in bound:
            found.append(f"{told} is in the book, and no entry of the audit log tells of it")
            continue
        said = bound.pop(name) | {"times_seen": seen[name]}
        if name in erased:
            said |= {"state": "erased", "reason": erased[name]}
        if other := _other(row, said):
            found.append(f"{told} was changed: {other} by the audit log")
    found += [
        f"delivery {name} ({said.get('name')}) is in the audit log, and was removed from the book"
        for name, said in bound.items()
    ]
    return found


def _commits(connection: sa.Connection, entries: list[Row]) -> list[str]:
    bound: dict[int, tuple[Row, list[Row]]] = {}
    for entry in entries:
        if is_commit(entry["action"]):
            said = entry["said"]
            row = {
                "kind": entry["action"],
                "delivery_id": entry["subject"].removeprefix("delivery "),
                **{name: entry[name] for name in ("at", "actor", "reason")},
                **{name: said[name] for name in ("digest", "token", "program") if name in said},
                **{f"{name}_digest": said[name] for name in ("config", "reader", "texts") if name in said},
            }
            bound[said["version"]] = (row, said["files"])
    files: dict[int, list[Row]] = defaultdict(list)
    for file in _rows(connection, schema.lake_file, schema.lake_file.c.path):
        files[file["version"]].append({name: file[name] for name in _FILE})
    masked = {
        new["from"]: new for entry in entries if entry["action"] == "erase" for new in entry["said"].get("redacted", ())
    }
    found = []
    for row in _rows(connection, schema.ledger_commit, schema.ledger_commit.c.version):
        version = row["version"]
        said, listed = bound.pop(version, ({}, []))
        listed = [_newest(file, masked) for file in listed]
        if not said:
            found.append(f"commit {version} is in the book, and no entry of the audit log tells of it")
        elif other := _other(row, said):
            found.append(f"commit {version} was changed: {other} by the audit log")
        if files.pop(version, []) != sorted(listed, key=lambda file: str(file["path"])):
            found.append(f"commit {version} was changed: its lake files are not those that the audit log binds")
    found += [f"commit {version} is in the audit log, and was removed from the book" for version in bound]
    return found + [f"the book has lake files of a commit {version} that it does not have" for version in files]


def _newest(file: Row, masked: Mapping[str, Row]) -> Row:
    """Give the file that took the place of one in which a card number stood."""
    while (new := masked.get(file["path"])) is not None:
        file = {name: new[name] for name in _FILE}
    return file


def _decisions(connection: sa.Connection, entries: list[Row]) -> list[str]:
    bound: dict[str, Row] = {}
    old = 0
    for entry in entries:
        if entry["action"] in _ALONE:
            row = {name: entry[name] for name in ("at", "actor", "subject", "reason")}
            row |= {"kind": entry["action"], "body": entry["body"]}
            bound[name_decision(row)] = row
        elif entry["action"].startswith("run "):
            if "decisions" not in entry["said"]:
                old = entry["at"]  # what was decided with a run up to here is bound by nothing
            bound |= {row["decision_id"]: row for row in entry["said"].get("decisions", ())}
    found, last = [], 0
    for row in _rows(connection, schema.decision, schema.decision.c.sequence):
        told = f"the decision {row['decision_id']} ({row['kind']} of {row['subject']} by {row['actor']})"
        said = bound.pop(row["decision_id"], None)
        last += 1
        if said is None and row["at"] > old:
            found.append(f"{told} is in the book, and no entry of the audit log tells of it")
        elif other := _other(row, said or {}):
            found.append(f"{told} was changed: {other} by the audit log")
        if row["sequence"] != last:
            found.append(f"{told} has the number {row['sequence']}, and was number {last}")
            last = row["sequence"]
    return found + [
        f"the decision {name} ({row['kind']} of {row['subject']} by {row['actor']}) is in the audit log, and was removed"
        " from the book"
        for name, row in bound.items()
    ]


def _heads(connection: sa.Connection) -> list[str]:
    """Heads count what stands: commits, and runs that used up a claim."""
    commits = connection.scalar(sa.select(sa.func.max(schema.ledger_commit.c.version))) or 0
    bound = {f"claim:{claim}": version for claim, version in results_at(connection).heads.items()}
    bound |= {"facts": commits} if commits else {}
    heads = {row["name"]: row["version"] for row in _rows(connection, schema.head, schema.head.c.name)}
    heads.pop("worklist", None)  # a counter of a list that is made again at any time
    return [
        f"the head {name!r} is {heads.get(name, 'missing')}: expected {bound.get(name, 'none')}, by what was committed"
        for name in sorted({*heads, *bound})
        if heads.get(name) != bound.get(name)
    ]
