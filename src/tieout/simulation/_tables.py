"""
The columns of a company as tables of an engine, where identifiers, names and texts are made of whole numbers.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa

from tieout.simulation._documents import How, Spelling
from tieout.simulation._names import FIRST, LAST
from tieout.simulation._profile import CURRENCIES, EXPONENTS
from tieout.simulation._sales import Line

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    import duckdb

    from tieout.simulation._documents import Documents
    from tieout.simulation._profile import Profile
    from tieout.simulation._sales import Lines
    from tieout.simulation._settling import Settlement
    from tieout.simulation._world import World

__all__ = ["engine", "lay", "lay_papers", "write", "write_parquet"]

_MEMORY = "700MB"

# {seed} is a number of ours; everything else is bound or written here.
_MACROS = """
create macro day_text(d) as (date '1970-01-01' + d::integer)::varchar;
create macro moment_text(moment) as strftime(make_timestamp(moment * 1000000), '%Y-%m-%d %H:%M:%S');
create macro tens(e) as case e when 0 then 1 when 2 then 100 else 1000 end;
create macro money_text(x, e) as case when x < 0 then '-' else '' end || (abs(x) // tens(e))::varchar
    || case when e > 0 then '.' || lpad((abs(x) % tens(e))::varchar, e::integer, '0') else '' end;
create macro hash_of(what, n) as md5('{seed}/' || what || '/' || n::varchar);
create macro stripe_id(prefix, what, n) as prefix || '_3' || substr(hash_of(what, n), 1, 6) || '{suffix}'
    || substr(hash_of(what, n), 7, 10);
create macro first_name(c) as {firsts}[(c * 7 + c // {first_count}) % {first_count} + 1];
create macro last_name(c) as {lasts}[(c + c // {last_count}) % {last_count} + 1];
create macro middle(c) as case when c >= {first_count} * {last_count}
    then ' ' || chr((65 + c // ({first_count} * {last_count}) % 26)::integer) || '.' else '' end;
create macro full_name(c) as case when c >= 0 then first_name(c) || middle(c) || ' ' || last_name(c) end;
create macro plain(t) as translate(t, 'ÖöäüßéèëêáàíóøåÅØšŁłñç', 'OoauseeeeaaiooaAOsLlnc');
create macro email(c) as case when c >= 0
    then lower(plain(replace(first_name(c) || '.' || last_name(c), chr(39), ''))) || c || '@example.com' end;
create macro adyen_id(what, n) as translate(substr(hash_of(what, n), 1, 16), '0123456789abcdef', 'B7C4D9F2G8H3J5KN');
"""


def engine(profile: Profile, scratch: Path) -> duckdb.DuckDBPyConnection:
    """Open an engine that keeps to its memory, with the functions that name things."""
    import duckdb

    con = duckdb.connect()
    con.execute(f"set memory_limit = '{_MEMORY}'; set temp_directory = {_quoted(str(scratch))}; set threads = 2")
    con.execute("set preserve_insertion_order = true; set enable_progress_bar = false")
    words = {"firsts": _listed(FIRST), "lasts": _listed(LAST), "first_count": len(FIRST), "last_count": len(LAST)}
    con.execute(_MACROS.format(seed=profile.seed, suffix=profile.stripe_account[6:12], **words))
    return con


def _listed(words: Iterable[str]) -> str:
    return "[" + ", ".join(map(_quoted, words)) + "]"


def _quoted(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"


def write(con: duckdb.DuckDBPyConnection, query: str, path: Path, options: str = "header, delimiter ','") -> None:
    """Write a table as a text file."""
    path.parent.mkdir(parents=True, exist_ok=True)
    con.execute(f"copy ({query}) to {_quoted(str(path))} (format csv, {options})")


def write_parquet(con: duckdb.DuckDBPyConnection, query: str, path: Path) -> None:
    """Write a table as a Parquet file."""
    con.execute(f"copy ({query}) to {_quoted(str(path))} (format parquet, compression zstd)")


def lay(
    con: duckdb.DuckDBPyConnection,
    profile: Profile,
    lines: Lines,
    settlements: Iterable[Settlement],
    how: object,
    documents: Documents,
) -> None:
    """Lay the columns out as tables: lines, settlements, platforms, documents."""
    # In the order in which files want them, so that a file is found without reading everything.
    _columns(con, "line_columns", lines, "settlement", how=how)
    _columns(con, "document_columns", documents, "day")
    _table(con, "platforms", [
        {
            "platform": p.place, "platform_id": p.id, "source": p.source, "entity": profile.entities.index(p.entity),
            "currency": p.currency, "exponent": EXPONENTS[p.currency], "account": p.number, "zone": p.entity.zone,
        }
        for p in profile.platforms
    ])  # fmt: skip
    _table(con, "settlements", [
        {
            "settlement": s.place, "settlement_id": s.id, "token": s.token, "paid_day": s.day, "batch": s.number,
            "due_day": s.due, "state": s.how, "total": s.amount, "platform": s.platform.place,
        }
        for s in settlements
    ])  # fmt: skip
    _table(con, "currencies", [
        {"currency_place": n, "currency": name, "exponent": EXPONENTS[name]} for n, name in enumerate(CURRENCIES)
    ])  # fmt: skip
    _lines(con, profile)
    _documents(con, profile)


def _columns(con: duckdb.DuckDBPyConnection, name: str, columns: object, by: str, **more: object) -> None:
    names = list(type(columns).__dataclass_fields__)  # type: ignore[attr-defined]  # a dataclass of columns
    values = {each: getattr(columns, each) for each in names} | more
    # "at" and "order" are words of SQL.
    said = {"at": "moment", "order": "order_place"}
    columns_given = {said.get(each, each): pa.array(value) for each, value in values.items()}
    columns_given["i"] = pa.array(np.arange(len(next(iter(columns_given.values())))))
    con.register(f"{name}_given", pa.table(columns_given))
    con.execute(f"create table {name} as select * from {name}_given order by {by}, i")
    con.unregister(f"{name}_given")


def _table(con: duckdb.DuckDBPyConnection, name: str, rows: list[dict[str, object]]) -> None:
    con.register(f"{name}_given", pa.Table.from_pylist(rows))
    con.execute(f"create table {name} as select * from {name}_given")
    con.unregister(f"{name}_given")


def _lines(con: duckdb.DuckDBPyConnection, profile: Profile) -> None:
    """Give every line its local day and its place in the settlement's file."""
    zones = sorted({p.entity.zone for p in profile.platforms})
    local = " ".join(
        f"when '{zone}' then timezone('{zone}', timezone('UTC', make_timestamp(moment * 1000000)))" for zone in zones
    )
    orders = " ".join(
        f"when {n} then {entity.orders.sql('l.order_place')}" for n, entity in enumerate(profile.entities)
    )
    plain = ", ".join(
        str(int(kind)) for kind in (Line.CHARGE, Line.REFUND, Line.DISPUTE, Line.DISPUTE_WON, Line.DEBIT_RETURNED)
    )
    con.execute(
        f"""
        create view lines as
        select l.*, p.* exclude (platform), s.settlement_id, s.token, s.paid_day, s.batch, s.due_day, s.state,
            (case p.zone {local} end)::date as booked_on,
            case when l.kind in ({plain}) then case p.entity {orders} end end as order_text,
            full_name(l.customer) as customer_name, email(l.customer) as customer_email
        from line_columns l join platforms p using (platform)
            left join settlements s using (settlement)
    """
    )


def _documents(con: duckdb.DuckDBPyConnection, profile: Profile) -> None:
    """Write numbers, references and names of documents the way clerks do."""
    here, there = profile.entities

    def either(of: str) -> str:
        first, second = (getattr(entity, of) for entity in (here, there))
        place = "d.order_place" if of == "orders" else "d.number"
        return f"case d.entity when 0 then {first.sql(place)} else {second.sql(place)} end"

    digits = f"case d.entity when 0 then {len(here.orders.prefix)} else {len(there.orders.prefix)} end"

    def spelled(column: str) -> str:
        return f"""case {column}
            when {int(Spelling.LOWER)} then lower(order_text)
            when {int(Spelling.BARE)} then regexp_replace(order_text, '[^A-Za-z0-9]', '', 'g')
            when {int(Spelling.SPACED)} then ' ' || regexp_replace(order_text, '[^A-Za-z0-9]', ' ', 'g') || '.'
            when {int(Spelling.NUMBER)} then substr(order_text, {digits} + 1)
            when {int(Spelling.CUT)} then substr(order_text, 1, length(order_text) - 2)
            when {int(Spelling.SLIPPED)} then substr(order_text, 1, length(order_text) - 1)
                || ((substr(order_text, -1)::integer + 5) % 10)::varchar
            when {int(Spelling.NONE)} then '' else order_text end"""

    con.execute(
        f"""
        create view documents as
        select d.i, d.line, d.entity, d.how, d.credit, d.day, d.due, d.amount, d.first_amount, k.currency, k.exponent,
            case d.credit when 1 then {either("credits")} else {either("invoices")} end as number,
            case d.credit when 1 then 'credit_note' else 'invoice' end as kind,
            {spelled("d.spelling")} as reference, {spelled("d.first_spelling")} as first_reference,
            case d.named when 0 then full_name(d.customer) when 1 then upper(plain(full_name(d.customer)))
                when 2 then substr(full_name(d.customer), 1, 12) when 3 then plain(full_name(d.customer))
                else last_name(d.customer) || ', ' || first_name(d.customer) || middle(d.customer) end as name,
            full_name(d.customer) as full_name, (20000 + d.customer)::varchar as account,
            d.how in ({int(How.LATE_REFERENCE)}, {int(How.CORRECTED_DOCUMENT)}) as is_late
        from (select *, {either("orders").replace("d.order_place", "dc.order_place").replace("d.entity", "dc.entity")} as order_text
              from document_columns dc) d
            join currencies k on k.currency_place = d.currency
    """
    )


def lay_papers(con: duckdb.DuckDBPyConnection, world: World) -> None:
    """Put the papers that were drawn one by one beside the documents, as ``all_documents``."""
    _table(con, "papers", [
        {
            "entity": world.profile.entities.index(p.entity), "number": p.number, "kind": p.kind, "account": p.account,
            "name": p.name, "day": p.day, "due": p.due, "amount": p.amount, "currency": p.currency,
            "exponent": EXPONENTS[p.currency], "reference": p.reference,
        }
        for p in world.papers
    ])  # fmt: skip
    con.execute("""
        create view all_documents as
        select entity, number, kind, account, name, day, due, amount, first_amount, currency, exponent, reference,
            first_reference, is_late
        from documents
        union all
        select entity, number, kind, account, name, day, due, amount, amount, currency, exponent, reference,
            reference, false
        from papers
    """)
