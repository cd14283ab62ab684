"""
What a later issue of a statement does to the records of the earlier ones: laws 2 and 5.

An entry that a superseded issue told of and the issue that holds does not is void there: that report counts no more, and
a record of which no report is left is superseded, reason ``reissued``. Everything else keeps its identity, with another
witness. What changed is said to a person; where nothing proves which issue holds, both stand, and that is said.
"""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from tieout.intake.findings import Finding
from tieout.intake.issues import issues
from tieout.model.money import format_minor
from tieout.store.views import table

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    import duckdb

    from tieout.intake.issues import Family, Issues, StatementPlace
    from tieout.store.lake import Lake, LakeFile

__all__ = [
    "Covered",
    "changes",
    "cover",
    "leave_out",
    "load_held",
    "load_places",
    "load_void",
    "note_incoming",
    "void_sql",
]

_EPOCH = dt.date(1970, 1, 1)
_CANDIDATES_MAX = 10


@dataclass(slots=True)
class Covered:
    """
    Every statement of the accounts in question, those of the incoming delivery among them.

    :ivar names: of each account, what its records may call it.
    :ivar found: which of them are issues of one statement.
    :ivar weighed: the families that this delivery changes; ``scopes`` names them and those that it dissolves.
    :ivar files: what the other deliveries of these families brought.
    """

    statements: list[StatementPlace]
    found: Issues
    own: str
    names: dict[str, set[str]]
    weighed: list[Family] = field(default_factory=list)
    scopes: set[str] = field(default_factory=set)
    files: list[LakeFile] = field(default_factory=list)

    @property
    def takes_all_rows(self) -> bool:
        """Whether the incoming delivery brings a statement that others bring as well."""
        return any(self.statements[i].delivery_id == self.own for family in self.weighed for i in family.members)

    @property
    def others(self) -> list[str]:
        """Name the other deliveries of the families that are weighed."""
        members = (self.statements[i].delivery_id for family in self.weighed for i in family.members)
        return sorted(set(members) - {self.own})


def cover(
    others: Sequence[StatementPlace],
    fresh: Sequence[StatementPlace],
    before: Sequence[StatementPlace],
    own: str,
    names: dict[str, set[str]],
) -> Covered:
    """
    Find the families that a delivery changes.

    :param fresh: its statements; ``before``: those that it had when it was read before.
    """
    places = [*others, *fresh]
    covered = Covered(places, issues(places), own, names)
    earlier_places = [*others, *before]
    earlier = {_signature(earlier_places, f): f for f in issues(earlier_places).families}
    now = {_signature(places, f): f for f in covered.found.families}
    dissolved = [f for signature, f in earlier.items() if signature not in now and len(f.members) > 1]
    stirred = {_name(earlier_places[i]) for f in dissolved for i in f.members}
    changed = [
        f for signature, f in now.items() if _is_changed(places, f, stirred, fresh=signature not in earlier, own=own)
    ]
    covered.scopes = {f.scope for f in [*dissolved, *changed]}
    covered.weighed = [
        f for f in covered.found.families if f in changed or (len(f.members) > 1 and f.scope in covered.scopes)
    ]
    return covered


def _is_changed(
    places: Sequence[StatementPlace], family: Family, stirred: set[tuple[str, str, int]], *, fresh: bool, own: str
) -> bool:
    if len(family.members) > 1 and any(places[i].delivery_id == own for i in family.members):
        return True
    return fresh and (len(family.members) > 1 or any(_name(places[i]) in stirred for i in family.members))


def _name(place: StatementPlace) -> tuple[str, str, int]:
    return place.delivery_id, place.member or "", place.line


def _signature(places: Sequence[StatementPlace], family: Family) -> tuple[object, ...]:
    parts = (family.members, family.run, family.superseded, family.rivals)
    return (family.scope, *(frozenset(_name(places[i]) for i in part) for part in parts))


def load_places(con: duckdb.DuckDBPyConnection, covered: Covered) -> None:
    """
    Note where each statement begins; of several that begin in one line (a file without line ends) none is known.
    """
    rows = [
        {"position": i, "delivery_id": s.delivery_id, "member": s.member or "", "line": s.line}
        for i, s in enumerate(covered.statements)
    ]
    kinds = {"position": pa.int64(), "delivery_id": pa.string(), "member": pa.string(), "line": pa.int64()}
    con.register("places", pa.Table.from_pylist(rows, schema=pa.schema(kinds)))
    con.execute(
        "create or replace temp table statement_place as select delivery_id, member, line,"
        " case when count(*) = 1 then any_value(position) end as position from places group by all"
    )
    con.unregister("places")
    weighed = [
        {
            "position": i,
            "family": n,
            "superseded": i in f.superseded,
            "run": i in f.run,
            "rival": i in f.rivals,
        }
        for n, f in enumerate(covered.weighed)
        for i in f.members
    ]
    shape = {"position": pa.int64(), "family": pa.int64(), **dict.fromkeys(("superseded", "run", "rival"), pa.bool_())}
    # Only rows of the statement's own account are its entries.
    called = [
        {"position": i, "account_id": name}
        for f in covered.weighed
        for i in f.members
        for name in sorted(covered.names.get(covered.statements[i].account_id, {covered.statements[i].account_id}))
    ]
    kinds = {"position": pa.int64(), "account_id": pa.string()}
    con.register("called_rows", pa.Table.from_pylist(called, schema=pa.schema(kinds)))
    con.execute("create or replace temp table called as select * from called_rows")
    con.unregister("called_rows")
    con.register("weighed_rows", pa.Table.from_pylist(weighed, schema=pa.schema(shape)))
    con.execute("create or replace temp table weighed as select * from weighed_rows")
    con.unregister("weighed_rows")


def load_held(con: duckdb.DuckDBPyConnection, lake: Lake, covered: Covered) -> pa.Array:
    """
    Find which records the other deliveries of the weighed families told of, statement by statement.

    :return: the first 64 bits of their identities.
    """
    con.execute("create or replace temp table held (position bigint, record_id blob)")
    by_name = {
        name: table(lake, name, [f for f in covered.files if f.table_name == name])
        for name in ("records", "assertions", "witnesses")
    }
    columns = "record_id, record_key, delivery_id, coalesce(member, '') as member, line"
    con.execute(f"""
        create or replace temp table reported as
        select {columns}, account_id, 1 as told from {by_name["records"]} where version = 1
        union all select {columns}, account_id, 1 from {by_name["assertions"]}
        union all select {columns}, null, case when withdrawn then -1 else 1 end from {by_name["witnesses"]}
    """)
    con.execute("""
        insert into held
        with told as (
            select record_id, delivery_id, member, line, any_value(account_id) as account_id
            from reported group by record_id, delivery_id, member, line having sum(told) > 0
        )
        select distinct s.position, t.record_id from told t asof join statement_place s
        on s.delivery_id = t.delivery_id and s.member = t.member and s.line <= t.line
        semi join called c on c.position = s.position and (c.account_id = t.account_id or t.account_id is null)
    """)
    keys = con.sql("select distinct record_key from reported").to_arrow_table()["record_key"]
    con.execute("drop table reported")
    return pa.concat_arrays(keys.chunks) if keys.num_chunks else pa.array([], pa.int64())


def note_incoming(con: duckdb.DuckDBPyConnection) -> None:
    """Add what the incoming delivery tells of, once each row has its record."""
    con.execute("""
        insert into held
        select distinct s.position, i.target from incoming i asof join statement_place s
        on s.delivery_id = i.delivery_id and s.member = coalesce(i.member, '') and s.line <= i.line
        semi join called c on c.position = s.position and c.account_id = i.account_id
    """)


def load_void(con: duckdb.DuckDBPyConnection) -> None:
    """
    Find the entries that the issue that holds does not tell of any more (``void``), and all that may change (``stirred``).
    """
    con.execute("""
        create or replace temp table void as
        with place as (select h.*, w.family, w.superseded from held h join weighed w using (position)),
        gone as (
            select distinct family, record_id from place p where superseded and not exists (
                select 1 from place q where q.family = p.family and q.record_id = p.record_id and not q.superseded
            )
        )
        select p.position, p.record_id from place p semi join gone g
        on g.family = p.family and g.record_id = p.record_id
    """)
    con.execute("""
        create or replace temp table stirred as
        select record_id from void
        union
        select h.record_id from held h
        where h.record_id in (select record_id from standing)
        and h.record_id not in (select record_id from standing where current)
    """)


def void_sql(reports: str, record: str) -> str:
    """Write the right side of an anti join that leaves void reports out of a relation of reports."""
    return f"""(
        select v.record_id as void_record, s.delivery_id as void_delivery, s.member as void_member, s.line as first_line,
            s.next_line
        from void v join (
            select *, lead(line) over (partition by delivery_id, member order by line) as next_line from statement_place
        ) s using (position)
    ) on void_record = {reports}.{record} and void_delivery = {reports}.delivery_id
        and void_member = coalesce({reports}.member, '') and {reports}.line >= first_line
        and ({reports}.line < next_line or next_line is null)"""


def leave_out(con: duckdb.DuckDBPyConnection, delivery_id: str) -> tuple[pa.Table, int]:
    """
    Find the records that nothing but superseded issues tells of; the other void ones are ``kept``.

    :return: rows for ``superseded``, and how many of them stood before this delivery.
    """
    con.execute("""
        create or replace temp table kept as
        select distinct record_id from void where record_id in (select target from said)
    """)
    rows = con.sql(
        """
        with last as (
            select record_id, version, true as stood from standing where current
            union all
            select distinct target, 1, false from incoming where target not in (select record_id from standing)
        )
        select l.record_id, l.version, 'reissued' as reason, $delivery as delivery_id, l.stood
        from last l semi join void v on v.record_id = l.record_id
        anti join kept k on k.record_id = l.record_id
        order by l.record_id
        """,
        params={"delivery": delivery_id},
    ).to_arrow_table()
    return rows.drop_columns(["stood"]), sum(rows["stood"].to_pylist())


_CHANGED = """
    with place as (select h.*, w.* exclude (position) from held h join weighed w using (position)),
    side as (
        select family, record_id, bool_or(superseded) as old, bool_or(run) as now, bool_or(rival) as rival
        from place group by all
    ),
    amounts as (
        select record_id, any_value(amount) as amount, any_value(exponent) as exponent, any_value(currency) as currency,
            any_value(external_id) as external_id
        from (
            select record_id, amount, exponent, currency, external_id from standing
            union all select target, amount, exponent, currency, external_id from incoming
        ) group by record_id
    )
    select s.family, case
            when s.old and not s.now and s.record_id in (select record_id from kept) then 'kept'
            when s.old and not s.now and s.record_id in (select record_id from void) then 'withdrawn'
            when s.now and not s.old and f.superseded > 0 then 'new'
            when s.rival <> s.now and f.rivals > 0 then 'disputed' end as what,
        lower(hex(s.record_id)) as record_id, a.amount, a.exponent, a.currency, a.external_id
    from side s join amounts a using (record_id)
    join (
        select family, count(*) filter (superseded) as superseded, count(*) filter (rival) as rivals
        from weighed group by family
    ) f using (family)
    where what is not null order by family, what, amount, record_id
"""


def changes(con: duckdb.DuckDBPyConnection, covered: Covered) -> list[Finding]:
    """
    Say what each later issue changed, and where nothing proves which issue holds.

    Needs ``kept``: the void records that stand, since other files tell of them.
    """
    if not covered.weighed:
        return []
    told: dict[int, dict[str, list[dict[str, Any]]]] = {}
    names = ("record_id", "amount", "exponent", "currency", "external_id")
    for number, what, *values in con.sql(_CHANGED).fetchall():
        told.setdefault(number, {}).setdefault(what, []).append(dict(zip(names, values, strict=True)))
    found = [_finding(covered, family, told.get(n, {})) for n, family in enumerate(covered.weighed)]
    return [finding for finding in found if finding is not None]


def _finding(covered: Covered, family: Family, told: dict[str, list[dict[str, Any]]]) -> Finding | None:
    if not family.run or not (family.superseded or family.rivals):
        return None
    places = covered.statements
    holds = places[family.run[-1]]
    if family.superseded:
        others = [places[i] for i in sorted(family.superseded)]
        parts = [f"{_count(told[what])} {word}" for what, word in _WORDS.items() if what in told]
        parts += _balances(holds, places[family.run[0]], others)
        if not parts:
            return None
        note = f"{_named(holds)} was issued again: {'; '.join(parts)}; {_from(holds)} holds, not {_list(others)}"
    else:
        others = [places[i] for i in family.rivals]
        parts = [f"{_count(told['disputed'])} in one only"] if "disputed" in told else []
        parts += _balances(holds, places[family.run[0]], others)
        if not parts:
            return None
        note = (
            f"{_named(holds)} came in several issues, and {family.why}: {'; '.join(parts)}; all of them stand,"
            f" {_list([holds, *others])}: say which holds, then ask the bank for it again or leave the other"
        )
    listed = [one | {"why": word} for what, word in _ALL_WORDS.items() for one in told.get(what, [])]
    return Finding(
        scope=family.scope,
        reason="conflict",
        note=note,
        source_id=holds.source_id,
        delivery_id=holds.delivery_id,
        account_id=holds.account_id,
        currency=holds.currency,
        booked_day=holds.to_day,
        candidates=[_candidate(one) for one in listed[:_CANDIDATES_MAX]],
    )


_WORDS = {"withdrawn": "withdrawn", "new": "new", "kept": "not told any more but kept, as other files tell of it"}
_ALL_WORDS = _WORDS | {"disputed": "in one of them only"}


def _candidate(one: dict[str, Any]) -> dict[str, object]:
    amount = None if one["amount"] is None else format_minor(one["amount"], one["exponent"])
    return {name: one[name] for name in ("record_id", "external_id", "why")} | {"amount": amount}


def _count(rows: list[dict[str, Any]]) -> str:
    exponent = max(row["exponent"] or 0 for row in rows)
    total = sum((row["amount"] or 0) * 10 ** (exponent - (row["exponent"] or 0)) for row in rows)
    sums = f" of together {format_minor(total, exponent)}" if len({row["currency"] for row in rows}) == 1 else ""
    return f"{len(rows)} {'entry' if len(rows) == 1 else 'entries'}{sums}"


def _balances(last: StatementPlace, first: StatementPlace, others: Sequence[StatementPlace]) -> list[str]:
    """Say which balances differ from what another issue said."""
    found = []
    for word, now, ends in (("opens", first.opening, "begins"), ("closes", last.closing, "ends")):
        side = first if ends == "begins" else last
        said = {
            _money(other, other.opening if ends == "begins" else other.closing)
            for other in others
            if getattr(other, ends)
        }
        differing = sorted(said - {_money(side, now)})
        if differing:
            found.append(f"it {word} with {_money(side, now)}, not {', '.join(differing)}")
    return found


def _money(place: StatementPlace, minor: int | None) -> str:
    return "nothing" if minor is None else f"{format_minor(minor, place.exponent)} {place.currency}"


def _named(place: StatementPlace) -> str:
    label = place.number or place.statement_id
    day = "" if place.to_day is None else f" of {_EPOCH + dt.timedelta(days=place.to_day)}"
    return f"{f'statement {label}' if label else 'the statement'}{day} of {place.account_id}"


def _from(place: StatementPlace) -> str:
    return f"delivery {place.delivery_id[:12]}"


def _list(places: Iterable[StatementPlace]) -> str:
    return " and ".join(dict.fromkeys(_from(place) for place in places))
