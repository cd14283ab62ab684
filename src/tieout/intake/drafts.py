"""
From a decision to files: writing what a change adds to the lake, before the book makes it true.
"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from contextlib import nullcontext
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from tieout.intake.derive import alias_keys, record_id_of, record_keys, reference_rows
from tieout.intake.indexes import Gathered, write_index
from tieout.model.normal import key_of
from tieout.model.records import record_schema
from tieout.store.tables import table_schema

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy.typing as npt

    from tieout.config import Source
    from tieout.intake.resolution import Resolution
    from tieout.intake.stage import Staged
    from tieout.model.problems import Problem
    from tieout.model.statements import Balance
    from tieout.store.lake import Lake, LakeFile

__all__ = ["balance_table", "quarantine_table", "write_changes", "write_records", "write_table"]


def write_records(lake: Lake, staged: Staged, resolution: Resolution, delivery_id: str) -> list[LakeFile]:
    """
    Write the records that are new, with their two indexes.

    Where every row is new, the draft already is the file; else the kept rows are copied to another one.
    """
    draft = staged.records
    if draft is None or (resolution.keep is not None and not resolution.keep.any()):
        return []
    keys, rows = staged.keys, np.arange(staged.row_count, dtype=np.int32)
    keep = None
    alias_rows, alias_ids = np.array(staged.alias_rows, np.int32), staged.alias_ids
    if resolution.keep is not None and not (resolution.keep.all() and not resolution.new_ids):
        keep = resolution.keep
        draft, keys = _copy(lake, draft, keep, resolution.new_ids, delivery_id)
        moved = np.cumsum(keep, dtype=np.int32) - 1
        rows = np.arange(len(keys), dtype=np.int32)
        chosen = keep[alias_rows] if len(alias_rows) else np.zeros(0, np.bool_)
        alias_ids = [i for i, yes in zip(alias_ids, chosen, strict=True) if yes]
        alias_rows = moved[alias_rows[chosen]]
        # A further one of equal rows is found under their common identity as well as under its own.
        renamed = np.array([r for r in sorted(resolution.new_ids) if keep[r]], np.int64)
        keys = np.concatenate([keys, staged.keys[renamed]])
        rows = np.concatenate([rows, moved[renamed]]).astype(np.int32)
    if alias_ids:
        keys = np.concatenate([keys, record_keys(pa.array(alias_ids, pa.binary(16))).to_numpy()])
        rows = np.concatenate([rows, alias_rows]).astype(np.int32)
    with nullcontext(staged.references) if keep is None else staged.references.only(keep) as references:
        return [draft, *_indexes(lake, draft, keys, rows, references)]


def write_changes(lake: Lake, resolution: Resolution, delivery_id: str) -> list[LakeFile]:
    """Write further versions, assertions, witnesses and what they supersede."""
    files = []
    for name, rows in sorted(resolution.tables.items()):
        file = write_table(lake, name, rows, delivery_id)
        if file is None:
            continue
        files.append(file)
        if name == "records":
            references = Gathered()
            references.add(*reference_rows(rows, 0))
            files += _indexes(lake, file, *_names(rows), references)
    return files


def _names(rows: pa.Table) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int32]]:
    """Give the keys by which further versions are found, other names included, and the row of each."""
    keys = [rows["record_key"].to_numpy()]
    places = [np.arange(rows.num_rows, dtype=np.int32)]
    for system in sorted(set(rows["system"].to_pylist())):
        mine = np.flatnonzero(pc.equal(rows["system"], system).to_numpy())
        at, ids = alias_keys(rows.take(pa.array(mine)), system)
        if ids:
            keys.append(record_keys(pa.array(ids, pa.binary(16))).to_numpy())
            places.append(mine[at].astype(np.int32))
    return np.concatenate(keys), np.concatenate(places)


def write_table(lake: Lake, name: str, rows: pa.Table, delivery_id: str) -> LakeFile | None:
    """Write one file of a table; no rows, no file."""
    if not rows.num_rows:
        return None
    with lake.writer(name, table_schema(name), delivery_id) as writer:
        writer.write(rows)
    return writer.file


def _indexes(
    lake: Lake,
    file: LakeFile,
    keys: npt.NDArray[np.int64],
    rows: npt.NDArray[np.int32],
    references: Gathered,
) -> list[LakeFile]:
    identities = Gathered()
    identities.add(keys, rows)
    with ThreadPoolExecutor(max_workers=1) as beside:
        known = beside.submit(write_index, lake, "identities", identities, file.delivery_id)
        found = [write_index(lake, "references", references, file.delivery_id), known.result()]
    return [replace(index, sibling=file.path) for index in reversed(found) if index is not None]


def _copy(
    lake: Lake, draft: LakeFile, keep: npt.NDArray[np.bool_], new_ids: dict[int, bytes], delivery_id: str
) -> tuple[LakeFile, npt.NDArray[np.int64]]:
    """Copy the kept rows of a draft, with their final identities."""
    keys, first = [], 0
    with lake.writer("records", record_schema(), delivery_id) as writer, pq.ParquetFile(lake.full(draft.path)) as old:
        for batch in old.iter_batches(batch_size=100_000):
            rows = pa.Table.from_batches([batch])
            mine = {row - first: ident for row, ident in new_ids.items() if first <= row < first + len(batch)}
            if mine:
                rows = _renamed(rows, mine)
            kept = rows.filter(pa.array(keep[first : first + len(batch)]))
            first += len(batch)
            if kept.num_rows:
                writer.write(kept.cast(record_schema()))
                keys.append(kept["record_key"].to_numpy())
    return writer.file, np.concatenate(keys)


def _renamed(rows: pa.Table, new_ids: dict[int, bytes]) -> pa.Table:
    ids = rows["record_id"].to_pylist()
    for row, identity in new_ids.items():
        ids[row] = identity
    fresh = pa.array(ids, pa.binary(16))
    at = rows.schema.get_field_index
    rows = rows.set_column(at("record_id"), "record_id", fresh)
    return rows.set_column(at("record_key"), "record_key", record_keys(fresh))


def balance_table(
    balances: Sequence[tuple[str | None, Balance]], owners: Sequence[tuple[str, str]], delivery_id: str, source_id: str
) -> pa.Table:
    """Turn balances into rows; ``owners`` gives (entity, account) for each."""
    rows = [
        {
            "delivery_id": delivery_id,
            "source_id": source_id,
            "entity_id": entity,
            "account_id": account,
            "sub_account": balance.sub_account,
            "member": member,
            "line": balance.line,
            "kind": balance.kind,
            "code": balance.code,
            "statement_id": balance.statement_id,
            "booked_on": balance.on,
            "amount": balance.amount.minor,
            "currency": balance.amount.currency,
            "exponent": balance.amount.exponent,
            "told_at": balance.at,
        }
        for (member, balance), (entity, account) in zip(balances, owners, strict=True)
    ]
    return pa.Table.from_pylist(rows, schema=table_schema("balances"))


def quarantine_table(problems: Sequence[Problem], delivery_id: str, source: Source, system: str) -> pa.Table:
    """Turn problems into rows: what could not be read, and what was found wrong in what could."""
    columns = {
        "delivery_id": [delivery_id] * len(problems),
        "source_id": [source.id] * len(problems),
        "severity": [p.severity for p in problems],
        "member": [p.member for p in problems],
        "line": [p.line for p in problems],
        "column": [None if p.column is None else str(p.column) for p in problems],
        "reason": [p.reason for p in problems],
        "message": [p.message for p in problems],
        "record_id": [record_id_of(p.named, system, source.entity) if p.named else None for p in problems],
        "name_keys": [[key for name in p.names if (key := key_of(name)) is not None] for p in problems],
    }
    return pa.table(columns, schema=table_schema("quarantine"))
