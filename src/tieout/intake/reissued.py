"""
What a later issue of a statement does to the records of the earlier ones: laws 2 and 5.

An entry that a superseded issue told of and the issue that holds does not is void there: that report counts no more, and
a record of which no report is left is superseded, reason ``reissued``. Everything else keeps its identity, with another
witness. What changed is said to a person (intake.changes).
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING

import pyarrow as pa

from tieout.intake.issues import issues, standing
from tieout.intake.overlap import TOLD, Chains, relation
from tieout.intake.resolution import told_sql
from tieout.store.views import table

if TYPE_CHECKING:
    from collections.abc import Sequence

    import duckdb

    from tieout.intake.issues import Family, Issues
    from tieout.intake.places import StatementPlace
    from tieout.store.lake import Lake, LakeFile

__all__ = [
    "Covered",
    "cover",
    "leave_out",
    "load_held",
    "load_places",
    "load_void",
    "note_incoming",
    "void_sql",
]


@dataclass
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

    def relation(self, one: int, other: int) -> str:
        """Say how two statements relate (intake.overlap), knowing which are issues of one and what leads to what."""
        found = self._told(one, other)
        if found != "unknown":
            return found
        if self._apart_by_copy(one, other) or self._apart_by_copy(other, one):
            return "disjoint"
        return "disjoint" if self.chains.tie(self.statements[one], self.statements[other]) else found

    def _told(self, one: int, other: int) -> str:
        """Say what two statements tell of each other."""
        family_of, first, second = self.found.family_of, self.statements[one], self.statements[other]
        return relation(first, second, family=one in family_of and family_of[one] == family_of.get(other))

    def _apart_by_copy(self, one: int, other: int) -> bool:
        """
        Whether what stands in the file of one is the same as the other, and apart from it.

        Pages without a number are counted through within their file only: exported again they are so there as well.
        """
        place = self.statements[other]
        file = self.statements[one].delivery_id, self.statements[one].member
        return any(
            copy not in {one, other} and self._told(copy, other) == "same" and self._told(one, copy) == "disjoint"
            for copy in self._copies.get((*file, *_said(place)), ())
        )

    @cached_property
    def _copies(self) -> dict[tuple[object, ...], list[int]]:
        """Where the statements of a file stand that say one thing of themselves."""
        found: dict[tuple[object, ...], list[int]] = {}
        for position, place in enumerate(self.statements):
            found.setdefault((place.delivery_id, place.member, *_said(place)), []).append(position)
        return found

    @cached_property
    def chains(self) -> Chains:
        """What leads from one of the statements that stand to another."""
        return Chains(standing(self.statements, self.found))

    @property
    def ranks(self) -> list[int]:
        """Number the statements by what they say of themselves, whoever brings them: issues of one have one number."""
        family_of = self.found.family_of
        said = [json.dumps([s.to_day or 0, *(getattr(s, name) for name in TOLD)]) for s in self.statements]
        of_family: dict[int, str] = {}
        for i, family in family_of.items():
            of_family[family] = min(said[i], of_family.get(family, said[i]))
        said = [of_family[family_of[i]] if i in family_of else one for i, one in enumerate(said)]
        numbers = {one: n for n, one in enumerate(sorted(set(said)))}
        return [numbers[one] for one in said]

    @property
    def takes_all_rows(self) -> bool:
        """Whether the incoming delivery brings a statement that others bring as well."""
        return any(self.statements[i].delivery_id == self.own for family in self.weighed for i in family.members)

    @property
    def others(self) -> list[str]:
        """Name the other deliveries of the families that are weighed, in the order of landing."""
        members = {self.statements[i] for family in self.weighed for i in family.members}
        turns = {(place.sequence, place.delivery_id) for place in members if place.delivery_id != self.own}
        return [name for _, name in sorted(turns)]


def _said(place: StatementPlace) -> tuple[object, ...]:
    return tuple(getattr(place, name) for name in TOLD)


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
    return place.delivery_id, place.member or "", place.place


def _signature(places: Sequence[StatementPlace], family: Family) -> tuple[object, ...]:
    parts = (family.members, family.run, family.superseded, family.rivals)
    return (family.scope, *(frozenset(_name(places[i]) for i in part) for part in parts))


def load_places(con: duckdb.DuckDBPyConnection, covered: Covered) -> None:
    """Note which statement stands at which place of its delivery, and which of all it is, whoever brought it (``rank``)."""
    ranks = covered.ranks
    rows = [
        {"position": i, "delivery_id": s.delivery_id, "member": s.member or "", "place": s.place, "rank": ranks[i]}
        for i, s in enumerate(covered.statements)
    ]
    kinds = {
        "position": pa.int64(),
        "delivery_id": pa.string(),
        "member": pa.string(),
        "place": pa.int64(),
        "rank": pa.int64(),
    }
    con.register("places", pa.Table.from_pylist(rows, schema=pa.schema(kinds)))
    con.execute("create or replace temp table covered as select * from places")
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
    records, assertions, witnesses = (
        table(lake, name, [f for f in covered.files if f.table_name == name])
        for name in ("records", "assertions", "witnesses")
    )
    con.execute(f"create or replace temp table reported as select * from {told_sql(records, assertions, witnesses)}")
    con.execute("""
        insert into held
        select distinct s.position, t.record_id from reported t join covered s
        on s.delivery_id = t.delivery_id and s.member = t.member and s.place = t.statement_place
        semi join called c on c.position = s.position and (c.account_id = t.account_id or t.account_id is null)
    """)
    keys = con.sql("select distinct record_key from reported").to_arrow_table()["record_key"]
    con.execute("drop table reported")
    return pa.concat_arrays(keys.chunks) if keys.num_chunks else pa.array([], pa.int64())


def note_incoming(con: duckdb.DuckDBPyConnection) -> None:
    """Add what the incoming delivery tells of, once each row has its record."""
    con.execute("""
        insert into held
        select distinct s.position, i.target from incoming i join covered s
        on s.delivery_id = i.delivery_id and s.member = coalesce(i.member, '') and s.place = i.statement_place
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
        select v.record_id as void_record, s.delivery_id as void_delivery, s.member as void_member, s.place as void_place
        from void v join covered s using (position)
    ) on void_record = {reports}.{record} and void_delivery = {reports}.delivery_id
        and void_member = coalesce({reports}.member, '') and void_place = {reports}.statement_place"""


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
