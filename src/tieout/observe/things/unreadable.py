"""
Rows of the quarantine that an identifier names: nothing else may be known of it.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import sqlalchemy as sa

from tieout.model.normal import key_of
from tieout.store import schema
from tieout.store.views import table

if TYPE_CHECKING:
    from collections.abc import Sequence

    import duckdb

    from tieout.store.lake import LakeFile
    from tieout.store.workplace import Store

__all__ = ["quarantined_rows"]

_SHOWN_MAX = 20
# Shorter words stand in sentences by chance.
_WORD_MIN = 4


def quarantined_rows(
    connection: sa.Connection, con: duckdb.DuckDBPyConnection, store: Store, files: Sequence[LakeFile], asked: str
) -> list[dict[str, Any]]:
    """
    Find the first rows that could not be read and are called so, in any spelling, or whose fault names it.

    :return: delivery_id, file, source_id, member, line, column and message of each, in the order of deliveries.
    """
    if not files:
        return []
    delivery = schema.delivery
    known = connection.execute(sa.select(delivery.c.delivery_id, delivery.c.name, delivery.c.sequence)).all()
    turns = {"delivery_id": [row.delivery_id for row in known], "sequence": [row.sequence for row in known]}
    con.register("turns", pa.table(turns, schema=pa.schema({"delivery_id": pa.string(), "sequence": pa.int64()})))
    columns = 'delivery_id, source_id, severity, member, line, "column", message'
    word = rf"(^|[^0-9A-Za-z_]){re.escape(asked)}($|[^0-9A-Za-z_])" if len(asked) >= _WORD_MIN else None
    # Files of before have no keys of names.
    found = con.execute(
        f"""
        with told as (
            select null::bigint[] as name_keys where false
            union all by name select * from {table(store.lake, "quarantine", files)}
        )
        select {columns} from told join turns using (delivery_id)
        where severity = 'row' and (list_contains(name_keys, $key) or regexp_matches(message, $word))
        order by sequence, member nulls first, line limit {_SHOWN_MAX}
        """,
        {"key": key_of(asked), "word": word},
    ).fetchall()
    names = [name.strip().strip('"') for name in columns.split(",")]
    rows = [dict(zip(names, values, strict=True)) for values in found]
    con.unregister("turns")
    files_of = {row.delivery_id: row.name for row in known}
    return [
        {"file": files_of[row["delivery_id"]]} | {name: row[name] for name in names if name != "severity"}
        for row in rows
    ]
