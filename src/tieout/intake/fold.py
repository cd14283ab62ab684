"""
What a record is, from everything that was said of it: laws 2 and 5.

Booked before announced; then the order of landing, in which reports with a revision of the source's own, and reports of
deliveries that say when they were made, take their turns in that order. Of each field the highest-ranked report that
states it is believed; references add up over the channels that tell of it. Money (currency, amounts, decimals) is one
statement of one report: the one that says most, unless another amount is said later. Two reports of equal rank that state
different values of a material field are a conflict; the one that stands first stays.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa

from tieout.intake.contradictions import contradictions
from tieout.intake.derive import record_keys, rekey
from tieout.intake.ranking import (
    ALIASES,
    BELIEVED_MONEY,
    DETAILS,
    KIND_TOLD,
    NAMED,
    NAMES_PAYMENT,
    RANKED,
    REFERENCES,
    SEEN,
    VALUE_DAY,
)
from tieout.intake.reissued import void_sql
from tieout.intake.resolution import Resolution
from tieout.model.records import record_schema, stated_schema
from tieout.store.tables import table_schema

if TYPE_CHECKING:
    import duckdb

    from tieout.intake.resolution import Facts
    from tieout.store.lake import Lake

__all__ = ["content_sql", "decide", "load_said", "take_back", "take_rows"]

_STATED = stated_schema().names
_NOT_CONTENT = {"line", "statement_place", "revision", "identity", "aliases", "counted", "namespace"}
_CONTENT = [name for name in _STATED if name not in _NOT_CONTENT]
_FOLDED_AT_ONCE = 20_000
_AMOUNTS = ("amount", "fee", "fee_tax", "tax", "net")
_MONEY = ("exponent", *_AMOUNTS)
# Taken from one report as they are: whose it is and where it stands.
_CARRIED = (
    "system", "source_id", "entity_id", "account_id", "delivery_id", "member", "seen_at", "normaliser", "line",
    "statement_place", "namespace", "identity", "counted", "revision",
)  # fmt: skip


def content_sql(alias: str) -> str:
    """Write the digest of what a row says, as SQL: equal digests, equal contents."""
    parts = [f'coalesce({alias}."{name}"::varchar, chr(1))' for name in [*_CONTENT, "entity_id", "account_id"]]
    parts.append(f"case when len({alias}.aliases) > 0 then {alias}.aliases::varchar end")  # another name is news
    return f"('0x' || left(sha256(concat_ws(chr(31), {', '.join(parts)})), 15))::bigint"


def load_said(con: duckdb.DuckDBPyConnection, lake: Lake, facts: Facts) -> None:
    """
    Collect what was said of each target: ``said`` holds one row per report, old and new.

    A report that was withdrawn by a replay does not count. Targets of which nothing new is said are ``settled``, but for
    those in dispute: their conflict names everybody who tells of them.
    """
    columns = ", ".join(f'"{name}"' for name in record_schema().names)
    # Of what is read again, who else tells of a record tells it beside the delivery, and not instead of it.
    con.execute(f"""create or replace temp table completed as select distinct a.record_id
        from {facts.relation(lake, "assertions")} a semi join withdrawable w using (record_key, record_id)""")
    con.register("disputed", pa.table({"record_id": pa.array(map(bytes.fromhex, facts.disputed), pa.binary())}))
    con.execute("""
        create or replace temp table settled as
        select i.target from incoming i
        left join standing s on s.record_id = i.target and s.version = 1 and s.current and s.content = i.content
        where i.target not in (select record_id from stirred) and i.target not in (select record_id from disputed)
            and i.target not in (select record_id from completed)
        group by i.target having count(*) = count(s.record_id)
    """)
    con.unregister("disputed")
    con.execute(f"""
        create or replace temp table said as
        with target as (
            select distinct target as record_id from incoming anti join settled using (target)
            union select record_id from withdrawable
            union select record_id from stirred
        ),
        contents as (
            select {columns}, content from standing s semi join target t on t.record_id = s.record_id
            where s.version = 1
            union all
            select {columns}, content from {facts.relation(lake, "assertions")} a
            semi join target t on t.record_id = a.record_id
        ),
        witness as (
            select * from {facts.relation(lake, "witnesses")} w
            semi join target t on t.record_id = w.record_id
        ),
        reports as (
            select {columns}, content from contents
            union all by name
            select c.* exclude (delivery_id, source_id, member, line, statement_place, revision),
                w.delivery_id, w.source_id, w.member, w.line, w.statement_place, w.revision
            from (select distinct on (record_id, content) * from contents) c
            join witness w on w.record_id = c.record_id and w.content = c.content and not w.withdrawn
        ),
        gone as (
            select record_id, delivery_id, content, member, line, statement_place, count(*) as times
            from witness where withdrawn group by all
        ),
        counted as (
            select r.*, row_number() over (
                partition by r.record_id, r.delivery_id, r.content, r.member, r.line, r.statement_place) as nth
            from reports r
        )
        select c.record_id as target, c.* exclude (nth), -1::bigint as row
        from counted c semi join target t on t.record_id = c.record_id
        left join gone g on g.record_id = c.record_id and g.delivery_id = c.delivery_id and g.content = c.content
            and g.member is not distinct from c.member and g.line is not distinct from c.line
            and g.statement_place is not distinct from c.statement_place
        where c.nth > coalesce(g.times, 0)
    """)
    con.execute(f"create or replace temp table said as select * from said r anti join {void_sql('r', 'target')}")


def take_back(con: duckdb.DuckDBPyConnection, delivery_id: str) -> pa.Table:
    """
    Take the reports of a delivery that is read again out of ``said``, and find those that it does not make any more.

    :return: rows for ``witnesses`` that withdraw them. What it still says the same way, at the same place, is noted in
        ``unchanged``.
    """
    con.execute(
        """
        create or replace temp table mine as
        select target, content, delivery_id, source_id, member, line, statement_place, revision,
            row_number() over (partition by target, content, member, line, statement_place) as nth
        from said where delivery_id = $delivery
    """,
        {"delivery": delivery_id},
    )
    con.execute("delete from said where delivery_id = $delivery", {"delivery": delivery_id})
    con.execute("""
        create or replace temp table unchanged as
        with now as (
            select row, target, content, member, line, statement_place,
                row_number() over (partition by target, content, member, line, statement_place order by row) as nth
            from incoming
        )
        select n.* from now n join mine m on m.target = n.target and m.content = n.content and m.nth = n.nth
            and m.member is not distinct from n.member and m.line is not distinct from n.line
            and m.statement_place is not distinct from n.statement_place
    """)
    return con.sql("""
        select m.target as record_id, m.content, m.delivery_id, m.source_id, m.member, m.line,
            m.statement_place, m.revision, true as withdrawn
        from mine m anti join unchanged u on u.target = m.target and u.content = m.content and u.nth = m.nth
            and u.member is not distinct from m.member and u.line is not distinct from m.line
            and u.statement_place is not distinct from m.statement_place
        order by m.member, m.line, m.statement_place
    """).to_arrow_table()


def decide(con: duckdb.DuckDBPyConnection, row_count: int, withdrawn: pa.Table | None = None) -> Resolution:
    """
    Sort the incoming rows into records, assertions and witnesses, and fold what was contradicted or completed.

    :param withdrawn: rows of ``witnesses`` that take back what this delivery said when it was read before.
    """
    con.execute("""
        create or replace temp table sorted as
        select i.row, i.target, i.content,
            s.record_id is null
                and row_number() over (partition by i.target order by i.identity is null, i.row) = 1 as first_version,
            k.content is null
                and row_number() over (partition by i.target, i.content order by i.identity is null, i.row) = 1 as news
        from incoming i
        left join (select distinct record_id from standing) s on s.record_id = i.target
        left join (
            select distinct target, content from said
            union select record_id, content from standing where version = 1
        ) k on k.target = i.target and k.content = i.content
    """)
    columns = ", ".join(f'"{name}"' for name in [*record_schema().names, "content"])
    con.execute(
        f"insert into said by name select target, {columns}, row from incoming r anti join settled using (target)"
        f" anti join {void_sql('r', 'target')}"
    )
    result = Resolution()
    _sort_rows(con, result, row_count)
    if withdrawn is not None and withdrawn.num_rows:
        take_rows(result, "witnesses", withdrawn, result.tables.get("witnesses"))
    _find_left(con, again=withdrawn is not None)
    con.execute(f"""
        create or replace temp table in_question as
        select s.target, (row_number() over (order by s.target) - 1) // {_FOLDED_AT_ONCE} as part from said s
        left join standing c on c.record_id = s.target and c.current
        left join standing g on g.record_id = s.target and g.gone = 'booked'
        group by s.target having count(distinct s.content) > 1 or bool_or(s.content is distinct from c.content and c.current)
            or (count(c.record_id) = 0 and count(g.record_id) = 0
                and s.target in (select record_id from standing))
            or s.target in (select record_id from left_behind)
    """)
    _fold_all(con, result)
    if withdrawn is not None:
        _withdraw(con, result)
    con.execute(
        "drop table sorted; drop table in_question; drop table settled; drop table unchanged; drop table left_behind"
    )
    return result


def _find_left(con: duckdb.DuckDBPyConnection, *, again: bool) -> None:
    """Note the records that stand in the name of a delivery that tells of them no more, and of which others tell."""
    mine = "select target from mine" if again else "select null::blob as target where false"
    con.execute(f"""
        create or replace temp table left_behind as
        select c.record_id from standing c semi join said t on t.target = c.record_id
        where c.current and c.record_id in ({mine})
            and not exists (select 1 from said s where s.target = c.record_id and s.delivery_id = c.delivery_id)
    """)


def _sort_rows(con: duckdb.DuckDBPyConnection, result: Resolution, row_count: int) -> None:
    keep = np.ones(row_count, np.bool_)
    for row, target in con.execute(
        "select i.row, i.target from incoming i join sorted s using (row)"
        " where s.first_version and i.target <> i.record_id"
    ).fetchall():
        result.new_ids[row] = target
    dropped = con.sql("select row from sorted where not first_version").to_arrow_table()["row"].to_numpy()
    keep[dropped] = False
    result.keep = keep
    result.repeated = len(dropped)
    lineage = (
        "i.target as record_id, i.content, i.delivery_id, i.source_id, i.member, i.line, i.statement_place, i.revision"
    )
    witnesses = con.sql(
        f"select {lineage}, false as withdrawn from incoming i join sorted s using (row)"
        " where not s.first_version and not s.news and i.row not in (select row from unchanged) order by i.row"
    ).to_arrow_table()
    take_rows(result, "witnesses", witnesses)
    assertions = con.sql(
        "select i.* exclude (record_id, row, target), i.target as record_id"
        " from incoming i join sorted s using (row) where not s.first_version and s.news order by i.row"
    ).to_arrow_table()
    take_rows(result, "assertions", assertions)


def _withdraw(con: duckdb.DuckDBPyConnection, result: Resolution) -> None:
    """Withdraw the records that nothing speaks of any more."""
    rows = con.sql("""
        select s.record_id, s.version, 'withdrawn' as reason,
            (select any_value(delivery_id) from mine) as delivery_id
        from standing s where s.current
        and s.record_id in (select target from mine) and s.record_id not in (select target from said)
        and s.record_id not in (select target from settled)
        order by s.record_id
    """).to_arrow_table()
    result.withdrawn = rows.num_rows
    take_rows(result, "superseded", rows, result.tables.get("superseded"))


def take_rows(result: Resolution, name: str, rows: pa.Table, before: pa.Table | None = None) -> None:
    """Bring rows to the schema of a lake table, behind those that are there already; no rows, no table."""
    if not rows.num_rows:
        return
    schema = table_schema(name)
    if "record_key" in schema.names:
        whole = pa.concat_arrays(rows["record_id"].cast(pa.binary(16)).chunks)
        rows = rows.drop_columns([c for c in ("record_key",) if c in rows.column_names])
        rows = rows.append_column("record_key", record_keys(whole))
    rows = rows.select(schema.names).cast(schema)
    result.tables[name] = rows if before is None else pa.concat_tables([before, rows])


def _fold_all(con: duckdb.DuckDBPyConnection, result: Resolution) -> None:
    """
    Fold the reports of each record in question; a version that says something new supersedes the one before.

    What is believed of a record rests on the reports of that record alone, and takes kilobytes each while it is found:
    so many at once, in the order of their ids, and memory does not grow with the file.
    """
    con.execute("""
        create or replace temp table now_standing as
        select record_id, version, content, true as current from standing where current
        union all
        select i.target, 1, i.content, true from incoming i join sorted s using (row) where s.first_version
    """)
    for (part,) in con.execute("select distinct part from in_question order by part").fetchall():
        con.execute(f"create or replace temp table refold as select target from in_question where part = {part}")
        _fold(con, result)
        con.execute("drop table refold")
    con.execute("drop table now_standing")


def _fold(con: duckdb.DuckDBPyConnection, result: Resolution) -> None:
    """Fold the reports of the records in ``refold``."""
    rescaled = ", ".join(
        f'("{name}" * (10::hugeint ** (common_exponent - exponent))::hugeint) as "{name}"' for name in _AMOUNTS
    )
    con.execute(RANKED.format(rescaled=rescaled))
    believed = [f'arg_max("{n}", place) filter ("{n}" is not null) as "{n}"' for n in _STATED if n not in _CARRIED]
    believed = [
        f'arg_max("{n}", place) filter (len("{n}") > 0) as "{n}"' if n == "references" else sql
        for n, sql in zip([n for n in _STATED if n not in _CARRIED], believed, strict=True)
    ]
    chosen_apart = ("currency", *_MONEY, "booked_on", "value_on", "payment_id", "external_id", "kind", "aliases")
    apart = tuple(f'as "{name}"' for name in chosen_apart)
    believed = [sql for sql in believed if not sql.endswith(apart)]
    believed.append("arg_max(currency, money_place) filter (settles) as currency")
    # Whose it is, and on which day in its zone, does not depend on which file came first: who says most of the money says it.
    says_most = "(booked, settles, net is not null, fee is not null, settlement_id is not null, source_rank, place)"
    believed.append(f'arg_max("booked_on", {says_most}) filter (booked_on is not null) as "booked_on"')
    believed.append(f'arg_max("value_on", {VALUE_DAY}) filter (value_on is not null) as "value_on"')
    believed.append(f"arg_max(payment_id, ({NAMES_PAYMENT}, place)) filter (payment_id is not null) as payment_id")
    believed.append(f"arg_max(external_id, ({NAMED}, place)) filter (external_id is not null) as external_id")
    believed.append(f'arg_max("kind", (booked, {KIND_TOLD}, place)) as "kind"')
    believed.append("[]::varchar[] as aliases")
    # A row without an identifier may be taken for one that has it, and takes none away.
    identified = dict.fromkeys(("namespace", "identity", "counted"), f"(identity is not null, {says_most})")
    ranks = dict.fromkeys(_CARRIED, says_most) | identified
    carried = [f'arg_max("{name}", {rank}, 1)[1] as "{name}"' for name, rank in ranks.items()]
    con.execute(BELIEVED_MONEY)
    con.execute(
        "create or replace temp table folded as"
        f" select f.*, {', '.join(f'm.{name}' for name in _MONEY)}"
        f" from (select target as record_id, {', '.join([*believed, *carried])} from ranked group by target) f"
        " left join believed_money m on m.target = f.record_id"
    )
    con.execute(DETAILS)
    con.execute(SEEN)
    con.execute(REFERENCES)
    con.execute(ALIASES)
    con.execute('update folded set "references" = coalesce("references", []), aliases = coalesce(aliases, [])')
    _supersede(con, result)
    result.conflicts += contradictions(con)
    result.folded |= {row[0] for row in con.execute("select lower(hex(target)) from refold").fetchall()}
    con.execute("drop table ranked; drop table folded; drop table believed_money")


def _supersede(con: duckdb.DuckDBPyConnection, result: Resolution) -> None:
    """Compare each folded record with the version that stands; where it differs, write the next one."""
    con.execute(f"""
        create or replace temp table moved as
        select f.*, c.version as old_version, c.content as old_content,
            coalesce(greatest(c.version, (select max(version) from standing a where a.record_id = f.record_id)), 0)
            + 1 as version
        from folded f left join now_standing c on c.record_id = f.record_id
        where c.content is distinct from {content_sql("f")} or f.record_id in (select record_id from left_behind)
    """)
    names = [name for name in record_schema().names if name not in {"record_key", "text_normal"}]
    names = [name for name in names if not name.endswith(("_key", "_keys"))]
    fresh = con.sql(f"select {', '.join(f'm.{chr(34)}{n}{chr(34)}' for n in names)} from moved m order by m.record_id")
    rows = fresh.to_arrow_table()
    if rows.num_rows:
        schema = record_schema()
        padded = [rows[n] if n in names else pa.nulls(rows.num_rows, schema.field(n).type) for n in schema.names]
        versions = rekey(pa.table(padded, names=schema.names).cast(schema)).cast(schema)
        before = result.tables.get("records")
        result.tables["records"] = versions if before is None else pa.concat_tables([before, versions])
        result.changed += rows.num_rows
    old = con.sql(
        "select record_id, old_version as version, delivery_id,"
        " case when record_id in (select record_id from left_behind) then 'withdrawn' else 'corrected' end as reason"
        " from moved where old_version is not null order by record_id"
    ).to_arrow_table()
    take_rows(result, "superseded", old, result.tables.get("superseded"))
    con.execute("drop table moved")
