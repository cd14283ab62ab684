"""
One line of money that one report tells with an identifier and another without: law 2.

Platforms let everybody choose the columns of a report, so that identifiers need not have anything in common. What remains
is what was moved: account, day, kind, status, currency and what arrives. A row without an identifier is taken for a record
of another delivery that is *alike* in these, and that no row of its own delivery is: of its settlement, payment, time and
text the two may leave out any, and contradict none. One payment's line may be told with another time or text. Two rows
without an identifier of their line are alike only where they share a payment, or the thing that they name. Of one
settlement, two reports that tell whole batches mean the same lines, whatever else they say.

An identifier of the line alone (a balance transaction), and one of the thing alone (a charge), have nothing in common
either. A row that is named by its line is taken for a record that is named by its thing, where both state one settlement,
payment or time: then both reports speak of where the line stands. What it is taken for it says without its identifier,
so that nobody believes a name that nothing proves (intake.taken).

A row moves to a record that is named better only: by an identifier, by a thing's, or by more. So the record that it
stood under by itself goes when the better one comes later, and the order of arrival makes no difference: its delivery is
read again, as for every two that prove to be one (intake.joined). Unless whole batches of as many lines prove it, it is in
doubt. The files of a container are compared as if each had come by itself.

Banks' entries are counted by their statements, and never come here.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import pyarrow as pa

from tieout.formats.stripe.terms import TRANSACTION
from tieout.intake.alike_places import KEYLESS, KIND, PLAIN, load_likely, near_sql
from tieout.intake.derive import NUMBERED_ACROSS_ACCOUNTS
from tieout.intake.joined import Joined
from tieout.intake.ranking import MERE_ADJUSTMENT
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

__all__ = ["Likeness", "aim_alike", "joined_alike", "load_alike", "load_tellers", "shape"]

#: What two alike rows may both leave out, and where they do not, say the same of.
_TOLD = ("settlement_id", "payment_id", "occurred_at", "text", "account_number")
_SETTLEMENT, _PAYMENT, _TIME = 1, 2, 4
#: How a row is named: not at all, by its line alone, by its thing alone, by both.
_UNNAMED, _LINE, _THING, _BOTH = range(4)
#: What numbers lines, and not the things that cause them, by system.
LINES = {"stripe": TRANSACTION}


class Likeness(NamedTuple):
    """
    Which rows and records may be one.

    :ivar keys: the first 64 bits of the records' identities; ``rows``: places in the draft. Without one there is neither.
    """

    keys: pa.Array = pa.array([], pa.int64())
    rows: npt.NDArray[np.int64] = np.zeros(0, np.int64)


def shape(system: str) -> str:
    """Write what is compared of a row, as SQL: ``class`` must be equal; the higher of two ``weight``, ``tie`` says more."""
    account = "''" if system in NUMBERED_ACROSS_ACCOUNTS else "coalesce(account_number, '')"
    states = " + ".join(f'("{name}" is not null)::int * {1 << bit}' for bit, name in enumerate(_TOLD))
    return f"""
        settlement_id, payment_id, occurred_at::varchar as occurred_at, text, account_number, external_id,
        {states} as states, identity is not null as named, {_naming(system)} as naming, coalesce(member, '') as member, line,
        concat_ws(chr(31), {account}, {KIND if system in LINES else "kind"}, status, currency, booked_on::varchar,
            (coalesce(net, amount)::hugeint * (10::hugeint ** (9 - exponent))::hugeint)::varchar) as class,
        coalesce(len("references"), 0) + (text is not null)::int + (value_on is not null)::int as weight,
        concat_ws(chr(31), coalesce("references", [])::varchar, coalesce(text, ''), coalesce(occurred_at::varchar, ''),
            coalesce(value_on::varchar, ''), coalesce(due_on::varchar, '')) as tie
    """


def _naming(system: str) -> str:
    """Write how a row is named, as SQL; what an adjustment names beside its line is what it adjusts."""
    line = f"coalesce(namespace = '{LINES.get(system, '')}', false)"
    return f"""case when identity is null then {_UNNAMED}
        when {line} and (external_id is not distinct from identity or {MERE_ADJUSTMENT}) and len(aliases) = 0 then {_LINE}
        when {line} or len(aliases) > 0 then {_BOTH} else {_THING} end"""


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
    con.execute("create or replace temp table alike (record_id blob, class varchar, settlement_id varchar)")
    con.execute("create or replace temp table teller (record_id blob, delivery_id varchar)")
    draft = staged.records
    if draft is None or draft.min_day is None or draft.max_day is None:
        return Likeness()
    rows = f"read_parquet({paths([lake.full(draft.path)])}, file_row_number = true)"
    [(system,)] = con.execute(f"select any_value(system) from {rows}").fetchall()
    near = _within(facts.files["records"], draft.min_day, draft.max_day)
    if system == "bank" or not (near or staged.members > 1):
        return Likeness()
    compared, naming = "booked_on is not null and amount is not null", _naming(system)
    con.execute(f"""
        create or replace temp table sought as
        select * exclude (keyless) replace (case when not keyless then occurred_at end as occurred_at)
        from (select {PLAIN}, {naming} as naming, {KEYLESS} as keyless from {rows} where {compared})
    """)
    standing = f"{table(lake, 'records', near, places=True)} where {compared}"
    days = f"booked_on between date '1970-01-01' + {draft.min_day} and date '1970-01-01' + {draft.max_day}"
    named = _named(con, system, counted=bool(staged.counted.any()))
    load_likely(con, system, f"{standing} and {days}", named[0])
    if staged.members <= 1 and not con.execute("select 1 from likely limit 1").fetchall():
        return Likeness()
    of_record = f"record_id, record_key, {shape(system)}"
    likely = current_records(lake, near, facts.files["superseded"], among="likely")
    firsts = f"select {of_record} from {table(lake, 'records', near)} semi join alike using (record_key, record_id)"
    con.execute(f"""
        create or replace temp table alike as
        select {of_record} from {likely} where case when identity is null then counted else {named[1]} end;
        create or replace temp table likeness as
        select {of_record}, file_row_number as row, {delivery_id in facts.whole} as whole from {rows}
        where {compared} and ({staged.members > 1} or file_row_number in ({near_sql("sought", "likely", "row")}));
        create or replace temp table mixed as
        select class from likeness group by class having count(distinct member) > 1 and count(distinct naming) > 1
    """)
    _narrow(con, f"{firsts} where {days} and {compared} and counted and identity is null and version = 1")
    load_tellers(con, lake, facts, "alike", "teller")
    own = ", ".join(f"'{name}'" for name in sorted({delivery_id, *(file.delivery_id for file in before)}))
    con.execute(f"""
        delete from alike where record_id not in (select record_id from teller where delivery_id not in ({own}))
    """)
    found = con.sql("select distinct record_key from alike").to_arrow_table()["record_key"]
    places = con.sql("select row from likeness order by row").to_arrow_table()["row"].to_numpy()
    if not len(places) or not (len(found) or con.execute("select 1 from mixed limit 1").fetchall()):
        return Likeness()
    return Likeness(pa.concat_arrays(found.chunks) if len(found) else pa.array([], pa.int64()), places)


def _named(con: duckdb.DuckDBPyConnection, system: str, *, counted: bool) -> tuple[str, str]:
    """
    Say which records that have an identifier may be what a row of ``sought`` is, as SQL.

    :param counted: whether any row has none.
    :return: a condition on a column that is quickly read, which leaves out some, and the whole one.
    """
    if counted:
        return "true", "true"
    if system not in LINES:
        return "false", "false"
    [(lines, things)] = con.execute(f"""
        select coalesce(bool_or(naming = {_LINE}), false), coalesce(bool_or(naming = {_THING}), false) from sought
    """).fetchall()
    if not (lines or things):
        return "false", "false"
    naming, of_line = _naming(system), f"namespace = '{LINES[system]}'"
    of_things = f"{things} and {of_line} and {naming} = {_LINE}"
    return f"({lines} or {of_line})", f"(({lines} and {naming} = {_THING}) or ({of_things}))"


def _narrow(con: duckdb.DuckDBPyConnection, firsts: str) -> None:
    """
    Keep the rows and records only that may be one.

    :param firsts: the first versions of records without an identifier, as a query.
    """
    apart = f" and t.naming = {_BOTH} - o.naming"
    con.execute(f"""
        delete from likeness where row not in ({near_sql("likeness", "alike", "row")})
            and class not in (select class from mixed);
        delete from likeness where named and row not in ({near_sql("likeness", "alike", "row", apart)})
            and class not in (select class from alike where not named union all from mixed);
        delete from alike where record_id not in ({near_sql("alike", "likeness", "record_id")});
        update alike set weight = first.weight, tie = first.tie from ({firsts}) first
        where first.record_key = alike.record_key and first.record_id = alike.record_id and not alike.named;
    """)


def _within(files: Sequence[LakeFile], first: int, last: int) -> list[LakeFile]:
    """Keep the files that may have rows of some days, as days since 1970."""
    return [
        file
        for file in files
        if file.min_day is not None and file.max_day is not None and file.min_day <= last and file.max_day >= first
    ]


def load_tellers(con: duckdb.DuckDBPyConnection, lake: Lake, facts: Facts, among: str, name: str) -> None:
    """Note who tells of some records, as a table."""
    told = told_sql(*(facts.relation(lake, name) for name in ("records", "assertions", "witnesses")), among=among)
    con.execute(f"create or replace temp table {name} as select distinct record_id, delivery_id from {told}")


def aim_alike(con: duckdb.DuckDBPyConnection, likeness: Likeness) -> None:
    """Give rows the record that they are taken for; the others without an identifier are counted (intake.occurrences)."""
    if not len(likeness.rows):
        return
    [(system,)] = con.execute("select any_value(system) from incoming").fetchall()
    con.execute(f"""
        create or replace temp table naming as
        select target, max(naming) as naming from (
            select target, {_naming(system)} as naming from incoming where target is not null
            union all select record_id, {_naming(system)} from standing where current
        ) group by target;
        create or replace temp table unaimed as
        select l.*, l.row as id from likeness l join incoming i using (row) left join naming n using (target)
        where l.naming = {_UNNAMED} or (l.naming = {_LINE} and n.naming = {_LINE} and i.target = i.record_id);
        create or replace temp table poor as select * from unaimed;
        create or replace temp table rich as
        select a.record_id as id, a.*, a.record_id in (
            select record_id from teller where delivery_id in (select delivery_id from whole_delivery)) as whole
        from alike a where a.record_id not in (select target from incoming where target is not null)
    """)
    _pair(con)
    _take(con)
    _aim_within(con)


def _aim_within(con: duckdb.DuckDBPyConnection) -> None:
    """Give rows the record that another file of their delivery names better."""
    mixed = "class in (select class from mixed) and id in (select row from incoming where identity is not null or target is null)"
    for (member,) in con.execute(f"select distinct member from unaimed where {mixed} order by all").fetchall():
        of_member = {"member": member}
        con.execute(
            f"create or replace temp table poor as select * from unaimed where {mixed} and member = $member", of_member
        )
        con.execute(
            f"""
            create or replace temp table rich as
            select l.* exclude (record_id, naming), l.row as id, i.target as record_id, n.naming
            from likeness l join incoming i using (row) join naming n using (target)
            where l.member <> $member and l.naming >= {_LINE} and i.identity is not null and i.target not in (
                select target from incoming where coalesce(member, '') = $member and target is not null)
            qualify row_number() over (partition by i.target order by l.naming desc, l.row) = 1
        """,
            of_member,
        )
        _pair(con)
        _take(con)


def _take(con: duckdb.DuckDBPyConnection) -> None:
    """Let each of ``pairs`` speak of the record that it is taken for, without an identifier of its own."""
    con.execute(f"""
        insert into taken select distinct r.record_id, p.external_id, null from pairs
        join poor p on p.id = pairs.poor join rich r on r.id = pairs.rich where p.naming = {_LINE};
        update incoming set target = r.record_id, identity = null
        from pairs join rich r on r.id = pairs.rich where incoming.row = pairs.poor
    """)


def _pair(con: duckdb.DuckDBPyConnection) -> None:
    """
    Pair each of ``poor`` with one of ``rich`` that is named better, those first that have most in common, in ``pairs``.

    What says least takes what says most: where a pair fails, so would all that follow, and nobody is left that fits.
    """
    con.execute(f"""
        create or replace temp table pairs as
        select distinct p.id as poor, r.id as rich from poor p join taken t on t.name = p.external_id
        join rich r on r.record_id = t.record_id where p.naming = {_LINE} and r.naming = {_THING}
    """)
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
    """
    List what rows are compared by: columns that both state, most first, and which rows and records.

    Rows that are named by their lines come first, then those without a name, with records that have one before others.
    """
    (poor, rich) = (con.execute(f"select distinct states from {side}").fetchall() for side in ("poor", "rich"))
    found = set[tuple[int, tuple[str, ...], str, str]]()
    by_line, by_thing = f"naming = {_LINE}", f"naming = {_THING} and record_id not in (select record_id from taken)"
    for (mine,), (theirs,) in ((m, t) for m in poor for t in rich):
        of_poor, of_rich, common = f"states = {mine}", f"states = {theirs}", mine & theirs
        several = [_columns(common), [*_columns(common), "external_id"]]
        fewest = _columns(common & (_SETTLEMENT | _PAYMENT))
        proven = [*several, ["settlement_id"]] if common & _SETTLEMENT else []
        paid = [*several, fewest] if common & _PAYMENT else []
        both_whole = [(keys, f"{of_poor} and whole", f"{of_rich} and whole") for keys in proven]
        either = [(keys, of_poor, of_rich) for keys in paid or several]
        for keys, p, r in [*both_whole, *(either if common & (_SETTLEMENT | _PAYMENT | _TIME) else [])]:
            found.add((0, tuple(keys), f"{p} and {by_line}", f"{r} and {by_thing}"))
        for keys, p, r in [*both_whole, *either]:
            found.add((1, tuple(keys), f"{p} and not named", f"{r} and named"))
        # What names its thing and not its line (a dispute) is told by that; what names nothing, by its payment at least.
        of_thing = [([*_columns(common), "external_id"], of_poor, of_rich)]
        for keys, p, r in [*both_whole, *(either if paid else of_thing)]:
            found.add((2, tuple(keys), f"{p} and not named", f"{r} and not named"))
    return [found[1:] for found in sorted(found, key=lambda one: (one[0], -len(one[1]), one))]


def _columns(states: int) -> list[str]:
    return [name for bit, name in enumerate(_TOLD) if states >> bit & 1]


def joined_alike(con: duckdb.DuckDBPyConnection, likeness: Likeness, delivery_id: str) -> list[Joined]:
    """Find records without an identifier that other deliveries tell of, and that may be what this one tells better."""
    if not len(likeness.keys):
        return []
    con.execute(f"""
        create or replace temp table better as
        select l.* exclude (record_id, naming), i.target as record_id,
            case when l.naming < {_THING} then l.naming else coalesce(n.naming, l.naming) end as naming
        from likeness l join incoming i using (row) left join naming n using (target)
    """)
    lower = f"select record_id from alike where naming <= {_LINE}"
    others = con.execute(
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
        found += con.execute(f"""
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
