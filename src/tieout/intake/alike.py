"""
One line of money that one report tells with an identifier and another without: law 2.

Platforms let everybody choose the columns of a report, so that identifiers need not have anything in common. What remains
is what was moved: account, day, kind, status, currency and what arrives. A row without an identifier is taken for a record
of another delivery that is *alike* in these, and that no row of its own delivery is: of its settlement, payment, time and
text the two may leave out any, and contradict none. One payment's line may be told with another time or text. Of one
settlement, two reports that tell whole batches mean the same lines, whatever else they say.

A row moves to a record that is named better only: by an identifier, or by more. So the record that it stood under by
itself goes when the better one comes later, and the order of arrival makes no difference: its delivery is read again, as
for every two that prove to be one (intake.joined). Unless whole batches of as many lines prove it, it is in doubt.

Banks' entries are counted by their statements, and never come here.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import pyarrow as pa

from tieout.intake.derive import NUMBERED_ACROSS_ACCOUNTS
from tieout.intake.doubts import Doubt
from tieout.intake.joined import Joined
from tieout.intake.resolution import told_sql
from tieout.store.engine import paths
from tieout.store.views import current_records, table

if TYPE_CHECKING:
    from collections.abc import Sequence

    import duckdb
    import numpy.typing as npt

    from tieout.intake.resolution import Facts
    from tieout.intake.stage import Staged
    from tieout.store.lake import Lake, LakeFile

__all__ = ["Likeness", "aim_alike", "alike_doubts", "joined_alike", "load_alike"]

#: What two alike rows may both leave out, and where they do not, say the same of.
_TOLD = ("settlement_id", "payment_id", "occurred_at", "text")
_SETTLEMENT, _PAYMENT = 1, 2
_RICH = ("named", "not named")


class Likeness(NamedTuple):
    """
    Which rows and records may be one.

    :ivar keys: the first 64 bits of the records' identities; ``rows``: places in the draft. Without one there is neither.
    """

    keys: pa.Array = pa.array([], pa.int64())
    rows: npt.NDArray[np.int64] = np.zeros(0, np.int64)


def _shape(system: str) -> str:
    """Write what is compared of a row, as SQL: ``class`` must be equal; the higher of two ``weight``, ``tie`` says more."""
    account = "''" if system in NUMBERED_ACROSS_ACCOUNTS else "coalesce(account_number, '')"
    states = " + ".join(f'("{name}" is not null)::int * {1 << bit}' for bit, name in enumerate(_TOLD))
    return f"""
        settlement_id, payment_id, occurred_at::varchar as occurred_at, text, external_id, {states} as states,
        identity is not null as named, coalesce(member, '') as member, line,
        concat_ws(chr(31), {account}, kind, status, currency, booked_on::varchar,
            (coalesce(net, amount)::hugeint * (10::hugeint ** (9 - exponent))::hugeint)::varchar) as class,
        coalesce(len("references"), 0) + (text is not null)::int + (value_on is not null)::int as weight,
        concat_ws(chr(31), coalesce("references", [])::varchar, coalesce(text, ''), coalesce(occurred_at::varchar, ''),
            coalesce(value_on::varchar, ''), coalesce(due_on::varchar, '')) as tie
    """


def load_alike(
    con: duckdb.DuckDBPyConnection,
    lake: Lake,
    facts: Facts,
    staged: Staged,
    delivery_id: str,
    before: Sequence[LakeFile] = (),
) -> Likeness:
    """
    Find the rows of a draft (``likeness``) and the standing records (``alike``) that may be one.

    Reads the days of the draft only, and no more than a few columns of them. How well a record without an identifier is
    named, its first version says, which no further report changes.

    :param before: what the delivery brought when it was read before, if it is read again: that is nobody else's.
    """
    draft = staged.records
    if draft is None or draft.min_day is None or draft.max_day is None:
        return Likeness()
    rows = f"read_parquet({paths([lake.full(draft.path)])}, file_row_number = true)"
    [(system,)] = con.sql(f"select any_value(system) from {rows}").fetchall()
    near = _within(facts.files["records"], draft.min_day, draft.max_day)
    if system == "bank" or not near:
        return Likeness()
    standing = f"(select * from {current_records(lake, near, facts.files['superseded'])} where system = '{system}')"
    of_record, compared = f"record_id, record_key, {_shape(system)}", "booked_on is not null and amount is not null"
    con.execute(f"""
        create or replace temp table alike as
        select {of_record} from {standing} where identity is null and {compared}
    """)
    unnamed = bool(con.sql("select 1 from alike limit 1").fetchall())
    con.execute(f"""
        create or replace temp table likeness as
        select {of_record}, file_row_number as row, {delivery_id in facts.whole} as whole from {rows}
        where {compared} and (identity is null or {unnamed})
    """)
    con.execute(f"""
        delete from likeness where named and class not in (select class from alike);
        insert into alike select {of_record} from {standing}
        where identity is not null and {compared} and {bool(staged.counted.any())}
            and booked_on between date '1970-01-01' + {draft.min_day} and date '1970-01-01' + {draft.max_day};
        delete from alike where class not in (select class from likeness);
        update alike set weight = first.weight, tie = first.tie from (
            select {of_record} from {table(lake, "records", near)} where identity is null and version = 1
        ) first where first.record_key = alike.record_key and first.record_id = alike.record_id and not alike.named;
        delete from likeness where class not in (select class from alike)
    """)
    _load_tellers(con, lake, facts, "alike", "teller")
    own = ", ".join(f"'{name}'" for name in sorted({delivery_id, *(file.delivery_id for file in before)}))
    con.execute(f"""
        delete from alike where record_id not in (select record_id from teller where delivery_id not in ({own}))
    """)
    found = con.sql("select distinct record_key from alike").to_arrow_table()["record_key"]
    if not len(found):
        return Likeness()
    con.execute("""
        create or replace temp table poor as
        select row as id, * from likeness where not named;
        create or replace temp table rich as
        select a.record_id as id, a.*, a.record_id in (
            select record_id from teller where delivery_id in (select delivery_id from whole_delivery)) as whole
        from alike a
    """)
    places = con.sql("select row from likeness order by row").to_arrow_table()["row"].to_numpy()
    return Likeness(pa.concat_arrays(found.chunks), places)


def _within(files: Sequence[LakeFile], first: int, last: int) -> list[LakeFile]:
    """Keep the files that may have rows of some days, as days since 1970."""
    return [
        file
        for file in files
        if file.min_day is not None and file.max_day is not None and file.min_day <= last and file.max_day >= first
    ]


def _load_tellers(con: duckdb.DuckDBPyConnection, lake: Lake, facts: Facts, among: str, name: str) -> None:
    """Note who tells of some records, as a table."""
    told = told_sql(*(facts.relation(lake, name) for name in ("records", "assertions", "witnesses")), among=among)
    con.execute(f"create or replace temp table {name} as select distinct record_id, delivery_id from {told}")


def aim_alike(con: duckdb.DuckDBPyConnection, likeness: Likeness) -> None:
    """Give rows without an identifier the record that they are taken for; the others are counted (intake.occurrences)."""
    if not len(likeness.keys):
        return
    con.execute("delete from rich where id in (select target from incoming where target is not null)")
    _pair(con)
    con.execute("update incoming set target = pairs.rich from pairs where incoming.row = pairs.poor")


def _pair(con: duckdb.DuckDBPyConnection) -> None:
    """
    Pair each of ``poor`` with one of ``rich`` that is named better, those first that have most in common, in ``pairs``.

    What says least takes what says most: where a pair fails, so would all that follow, and nobody is left that fits.
    """
    con.execute("create or replace temp table pairs as select p.id as poor, r.id as rich from poor p, rich r limit 0")
    for keys, of_poor, of_rich in _attempts(con):
        by = "".join(f', "{name}"' for name in keys)
        stated = "".join(f' and "{name}" is not null' for name in keys)
        con.execute(f"""
            insert into pairs
            with p as (
                select *, row_number() over (partition by class{by} order by weight, tie, id) as k
                from poor where id not in (select poor from pairs) and {of_poor}{stated}
            ), r as (
                select *, row_number() over (partition by class{by} order by named desc, weight desc, tie desc, id) as k
                from rich where id not in (select rich from pairs) and {of_rich}{stated}
            )
            select p.id, r.id from p join r using (class, k{by})
            where r.named or r.weight > p.weight or (r.weight = p.weight and r.tie > p.tie)
        """)


def _attempts(con: duckdb.DuckDBPyConnection) -> list[tuple[tuple[str, ...], str, str]]:
    """List what rows are compared by: columns that both state, most first, and which rows and records; named ones first."""
    (poor, rich) = (con.sql(f"select distinct states from {side}").fetchall() for side in ("poor", "rich"))
    found = set[tuple[str, tuple[str, ...], str, str]]()
    for (mine,), (theirs,) in ((m, t) for m in poor for t in rich):
        of_poor, of_rich, common = f"states = {mine}", f"states = {theirs}", mine & theirs
        several = [_columns(common), [*_columns(common), "external_id"]]
        fewest = _columns(common & (_SETTLEMENT | _PAYMENT))
        proven = [*several, ["settlement_id"]] if common & _SETTLEMENT else []
        paid = [*several, fewest] if common & _PAYMENT else []
        found |= {
            (n, tuple(keys), f"{of_poor} and whole", f"{of_rich} and whole and {n}") for keys in proven for n in _RICH
        }
        found |= {(n, tuple(keys), of_poor, f"{of_rich} and {n}") for keys in paid for n in _RICH}
        found |= {(_RICH[0], tuple(keys), of_poor, f"{of_rich} and {_RICH[0]}") for keys in ([] if paid else several)}
    return [found[1:] for found in sorted(found, key=lambda one: (_RICH.index(one[0]), -len(one[1]), one))]


def _columns(states: int) -> list[str]:
    return [name for bit, name in enumerate(_TOLD) if states >> bit & 1]


def joined_alike(con: duckdb.DuckDBPyConnection, likeness: Likeness, delivery_id: str) -> list[Joined]:
    """Find records without an identifier that other deliveries tell of, and that may be what this one tells better."""
    if not len(likeness.keys):
        return []
    con.execute("""
        create or replace temp table better as
        select l.* exclude (record_id), coalesce(i.target, l.record_id) as record_id
        from likeness l left join incoming i using (row)
    """)
    lower = "select record_id from alike where not named"
    others = con.sql(
        f"select distinct delivery_id, sequence from teller join history using (delivery_id) where record_id in ({lower})"
        f" and delivery_id <> '{delivery_id}' order by sequence"
    ).fetchall()
    found = []
    for other, _ in others:
        con.execute(f"""
            create or replace temp table told_by as select record_id from teller where delivery_id = '{other}';
            create or replace temp table poor as
            select record_id as id, *, '{other}' in (select delivery_id from whole_delivery) as whole
            from alike where record_id in ({lower}) and record_id in (select record_id from told_by);
            create or replace temp table rich as
            select row as id, * from better where record_id not in (select record_id from told_by)
        """)
        _pair(con)
        found += con.sql(f"""
            select lower(hex(p.id)), p.external_id, lower(hex(r.record_id)), r.external_id, '{other}'
            from pairs join poor p on p.id = pairs.poor join rich r on r.id = pairs.rich order by all
        """).fetchall()
    by_record: dict[str, list[tuple[str | None, str, str | None, str]]] = {}
    for record, *said in found:
        by_record.setdefault(record, []).append((said[0], said[1], said[2], said[3]))
    return [
        Joined(
            record_id=record,
            external_id=said[0][0],
            target=said[0][1],
            target_id=said[0][2],
            deliveries=tuple(other for *_, other in said),
        )
        for record, said in sorted((r, sorted(told, key=_said)) for r, told in by_record.items())
    ]


def _said(told: tuple[str | None, ...]) -> tuple[str, ...]:
    """Order what deliveries told of one record by what it is said to be; else it stays in the order of landing."""
    return tuple(word or "" for word in told[:-1])


def alike_doubts(con: duckdb.DuckDBPyConnection, lake: Lake, facts: Facts, delivery_id: str) -> list[Doubt]:
    """
    Say which rows are taken for those of other deliveries that tell of a record by other means.

    Two reports that tell as many of one settlement, and whole batches, are in no doubt.
    """
    [(system,)] = con.sql("select any_value(system) from incoming").fetchall()
    con.execute("""
        create or replace temp table spoken as
        select distinct record_id, record_key from standing where record_id in (select target from incoming)
    """)
    if system in {None, "bank"}:
        return []
    shape = f"record_id, record_key, delivery_id, source_id, {_shape(system)}"
    said = "semi join spoken k on k.record_key = s.record_key and k.record_id = s.record_id"
    con.execute(f"""
        create or replace temp table content as
        select {shape}, content from standing s {said} where version = 1
        union all select {shape}, content from {facts.relation(lake, "assertions")} s {said}
    """)
    con.execute(f"create or replace temp table own as select row, target, {_shape(system)} from incoming")
    mixed = "select record_id from (select record_id, named, tie from content union select target, named, tie from own)"
    if not con.sql(f"{mixed} group by record_id having count(*) > 1 and not bool_and(named) limit 1").fetchall():
        return []
    _load_tellers(con, lake, facts, "spoken", "speaker")
    rows = con.sql(f"""
        with reports as (
            select record_id, delivery_id, source_id, settlement_id, named, tie, member, line from content
            union all
            select w.record_id, w.delivery_id, w.source_id, c.settlement_id, c.named, c.tie, coalesce(w.member, ''), w.line
            from (select * from {facts.relation(lake, "witnesses")} s {said}) w
            join (select distinct record_id, content, settlement_id, named, tie from content) c using (record_id, content)
        ), theirs as (
            select r.* from reports r semi join speaker t using (record_id, delivery_id) where delivery_id <> '{delivery_id}'
        ), known as (
            select distinct record_id, class, settlement_id from content
        ), counted as (
            select class, settlement_id, delivery_id, count(distinct record_id) as rows
            from known join speaker using (record_id) where delivery_id <> '{delivery_id}' group by all
        ), mine as (
            select *, count(*) over (partition by class, settlement_id) as rows from own
        ), alike as (
            select m.*, t.delivery_id, t.source_id, t.record_id, t.line as their_line, t.member as their_member,
                m.settlement_id = t.settlement_id and '{delivery_id}' in (select delivery_id from whole_delivery)
                and t.delivery_id in (select delivery_id from whole_delivery) and m.rows = c.rows as proven
            from mine m join theirs t on t.record_id = m.target
            left join counted c on c.class = m.class and c.settlement_id = m.settlement_id
                and c.delivery_id = t.delivery_id
            where not (m.named and t.named) and (m.named or t.named or m.tie <> t.tie)
        )
        select delivery_id, any_value(source_id), min(line), count(distinct row), min(their_line), count(distinct record_id),
            list(distinct {{'here': member, 'there': their_member}})
        from alike where not coalesce(proven, false) group by delivery_id order by delivery_id
    """).fetchall()
    return [
        Doubt(
            delivery_id=other,
            source_id=source,
            line=line,
            rows=count,
            their_line=their_line,
            their_rows=their_count,
            announced=False,
            places=tuple(((p["here"], None), (p["there"], None), "unknown") for p in places),
        )
        for other, source, line, count, their_line, their_count, places in rows
    ]
