"""
The first rows of a table of facts, for a person to look at or a program to read: deliveries, quarantine, exceptions.
"""

from __future__ import annotations

import datetime as dt
import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from tieout.observe.exporting.exports import Filters, opened
from tieout.observe.exporting.writing import value_sql, with_exponents

if TYPE_CHECKING:
    from tieout.config import Workspace
    from tieout.store.workplace import Store

__all__ = ["ROWS_MAX", "Overview", "overview"]

#: The most rows that are given one by one; an export has all.
ROWS_MAX = 10_000


@dataclass(frozen=True, slots=True)
class Overview:
    """
    Some rows of a table, and how many there are.

    :ivar as_of: the last day that the facts speak of, to which ages are counted.
    :ivar rows: as the exported table has them; amounts are decimal text, lists are lists.
    """

    count: int
    as_of: dt.date | None
    rows: list[dict[str, Any]]


def overview(
    store: Store,
    workspace: Workspace,
    name: str,
    filters: Filters | None = None,
    condition: str = "true",
    most: int = ROWS_MAX,
    *,
    newest: bool = False,
) -> Overview:
    """
    Read the first rows of a table.

    :param condition: SQL over the alias ``t``, of our own making.
    :param newest: the last rows instead of the first, the newest in front.
    :raises WrongUse: a filter names what does not exist.
    """
    filters = filters or Filters()
    with opened(store, workspace, name, filters) as view:
        relation, columns = with_exponents(f"(select t.* from {view.relation}) t where {condition}", view.columns)
        selected = ", ".join(f'{value_sql(column, "jsonl")} as "{column.name}"' for column in columns)
        order = ", ".join(f"{part} desc" for part in view.table.order.split(", ")) if newest else view.table.order
        count = int(view.con.execute(f"select count(*) from {relation}").fetchall()[0][0])
        query = f"select {selected} from {relation} order by {order} limit {min(most, ROWS_MAX)}"
        rows = view.con.execute(query).fetchall()
        latest = filters.as_of or view.snapshot.latest
    lists = [column.kind == "json" for column in columns]
    names = [column.name for column in columns]
    read = [
        {n: _plain(value, parse=listed) for n, value, listed in zip(names, row, lists, strict=True)} for row in rows
    ]
    return Overview(count, latest, read)


def _plain(value: object, *, parse: bool) -> Any:
    if isinstance(value, dt.date):
        return value.isoformat()
    return json.loads(value) if parse and isinstance(value, str) else value
