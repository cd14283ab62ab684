"""
The rows that a delivery told, one by one: those that nobody had told of before, and those that were known already.
"""

from __future__ import annotations

import datetime as dt
from contextlib import closing
from dataclasses import dataclass
from typing import TYPE_CHECKING

from tieout.observe.exporting.writing import literal
from tieout.observe.money.money_view import PAGE_ROWS
from tieout.store.engine import connect
from tieout.store.views import table
from tieout.store.workplace import files_at, files_of_delivery

if TYPE_CHECKING:
    from tieout.store.workplace import Store

__all__ = ["WHICH", "ToldRow", "ToldRows", "told_rows"]

#: Which rows can be asked for: ``new`` and ``known`` are all of them.
WHICH = ("new", "known", "all")


@dataclass(frozen=True, slots=True, kw_only=True)
class ToldRow:
    """
    A row of a delivery, and the record that it tells of (hexadecimal).

    :ivar line, member: where it stands in the file. Amounts are minor units.
    """

    record_id: str
    member: str | None
    line: int | None
    kind: str | None
    account_id: str | None
    external_id: str | None
    booked_on: dt.date | None
    amount: int | None
    exponent: int | None
    currency: str | None


@dataclass(frozen=True, slots=True)
class ToldRows:
    """
    A page of rows, in the order of the file.

    :ivar count: of all of them.
    """

    count: int
    rows: list[ToldRow]


def told_rows(store: Store, delivery_id: str, which: str, number: int = 1) -> ToldRows:
    """
    List the rows that a delivery told.

    :param which: one of :data:`WHICH`; ``number``: of the page, from 1.
    """
    with store.book.reading() as connection:
        mine = files_of_delivery(connection, delivery_id)
        every = files_at(connection, ("records",))["records"]
    files = {
        name: [file for file in mine if file.table_name == name] for name in ("records", "witnesses", "assertions")
    }
    place = "record_id, record_key, member, line"
    told = {
        "new": f"select {place} from {table(store.lake, 'records', files['records'])} where delivery_id = $1 and version = 1",
        "known": f"""
            select {place} from {table(store.lake, "witnesses", files["witnesses"])} where delivery_id = $1 and not withdrawn
            union all
            select {place} from {table(store.lake, "assertions", files["assertions"])} where delivery_id = $1
        """,
    }
    asked = told[which] if which in told else " union all ".join(told.values())
    store.spill.mkdir(parents=True, exist_ok=True)
    with closing(connect(store.spill)) as con:
        con.execute(f"create temp table told as {asked.replace('$1', literal(delivery_id))}")
        (count,) = con.execute("select count(*) from told").fetchall()[0]
        con.execute(f"""
            create temp table page as select *, row_number() over (order by member nulls first, line, record_id) as place
            from told order by place limit {PAGE_ROWS} offset {(number - 1) * PAGE_ROWS}
        """)
        rows = con.execute(f"""
            select lower(hex(p.record_id)), p.member, p.line, r.kind, r.account_id, r.external_id, r.booked_on, r.amount,
                coalesce(r.exponent, own_exponent(r.currency)), r.currency
            from page p left join (
                select * from {table(store.lake, "records", every)} where record_key in (select record_key from page)
                qualify row_number() over (partition by record_id order by version desc) = 1
            ) r on r.record_key = p.record_key and r.record_id = p.record_id order by p.place
        """).fetchall()
    names = tuple(ToldRow.__dataclass_fields__)
    return ToldRows(int(count), [ToldRow(**dict(zip(names, row, strict=True))) for row in rows])
