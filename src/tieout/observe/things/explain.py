"""
Everything about one thing, by any identifier that any system used for it.

From an external id, a payment, settlement or other reference in any spelling, or from an id of tieout's own (record,
delivery, exception), to the records as they stand, every version and why it was superseded, every delivery that says
so, the raw lines, and what needs a person.
"""

from __future__ import annotations

import re
from contextlib import closing
from dataclasses import dataclass, field
from itertools import islice
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from tieout.model.cross_references import ROLES
from tieout.model.money import format_minor
from tieout.model.texts import storable
from tieout.observe.result_rows import ResultRows
from tieout.observe.things.chain import links_of, told_of
from tieout.observe.things.drafted import journals_of, records_of_journal
from tieout.observe.things.evidence import RulesOfRuns
from tieout.observe.things.lookup import fetch_versions, find_by_prefix, find_by_reference
from tieout.observe.things.particulars import (
    Particulars,
    delivery_facts,
    exception_facts,
    listed_facts,
    statement_facts,
)
from tieout.observe.things.standing import records_of_match, standing_of
from tieout.observe.things.unreadable import quarantined_rows
from tieout.store import schema
from tieout.store.corrected import as_corrected, corrected_since
from tieout.store.engine import point_cursor
from tieout.store.past import read_past
from tieout.store.runs import results_at
from tieout.store.tables import TABLES
from tieout.store.views import table
from tieout.store.workplace import files_at

if TYPE_CHECKING:
    import duckdb

    from tieout.store.fingerprints import Fingerprints
    from tieout.store.lake import LakeFile
    from tieout.store.past import Past
    from tieout.store.workplace import Store

__all__ = ["SHOWN_MAX", "WHOLE_MAX", "Explanation", "explain"]

#: Of many records, so many are shown one by one; ``totals`` speak of all.
SHOWN_MAX = 20
#: So many records are shown in full: raw lines (each may mean reading a large delivery), matches, the chain.
WHOLE_MAX = 5
#: The shortest beginning of an id that is looked for.
PREFIX_MIN = 6
_HEX = re.compile(r"[0-9a-f]{6,64}", re.ASCII)
_SHA256 = re.compile(r"[0-9a-f]{64}", re.ASCII)
_RECORD_DIGITS = 32


@dataclass(slots=True)
class Explanation:
    """
    What is known of an identifier.

    :ivar count: how many records it names; ``records`` holds the first of them, with their history.
    :ivar totals: the records that stand, summed by kind and currency.
    :ivar quarantined: rows that could not be read and are called so; looked for where nothing else is.
    :ivar ambiguous: ids that begin with what was asked, when it was the beginning of several.
    :ivar chain: the records shown in full and all that matches tie to them, documents first, the ledger last; ``journals``:
        the drafts that book them.
    """

    asked: str
    count: int = 0
    totals: list[dict[str, Any]] = field(default_factory=list)
    records: list[dict[str, Any]] = field(default_factory=list)
    deliveries: list[dict[str, Any]] = field(default_factory=list)
    statements: list[dict[str, Any]] = field(default_factory=list)
    exceptions: list[dict[str, Any]] = field(default_factory=list)
    quarantined: list[dict[str, Any]] = field(default_factory=list)
    ambiguous: list[str] = field(default_factory=list)
    chain: list[dict[str, Any]] = field(default_factory=list)
    journals: list[dict[str, Any]] = field(default_factory=list)

    @property
    def found(self) -> bool:
        """Whether anything is known of it."""
        return bool(self.count or self.deliveries or self.statements or self.exceptions or self.quarantined)

    def as_json(self) -> dict[str, Any]:
        """Give it as JSON values."""
        return {name: getattr(self, name) for name in self.__dataclass_fields__}


def explain(
    store: Store, asked: str, *, follow: bool = True, of: tuple[str, str, str] | None = None, number: int = 1
) -> Explanation:
    """
    Find everything about an identifier; changes nothing.

    :param asked: as any system writes it, in any spelling, or the beginning (6 or more digits) of an id of tieout's.
    :param follow: also tell the chain that it stands in, and the journals.
    :param of: show only records of a kind, status and currency, as one of ``totals`` sums them; None: the first of all.
    :param number: which :data:`SHOWN_MAX` of them, from 1.
    """
    asked = storable(asked.strip())
    result = Explanation(asked)
    store.spill.mkdir(parents=True, exist_ok=True)
    with store.book.reading() as connection, closing(point_cursor(store.spill)) as con:
        files = files_at(connection, ("records", *TABLES))
        _find_in_book(connection, store.landing.fingerprints, result)
        count, read = find_by_reference(con, store.lake, files, asked)
        ids = _shown_ids(con, store, files, result, of, number) if count else []
        if not count:
            ids = _by_own_id(con, store, files, result)
        past = read_past(connection, results_at(connection))
        if not ids and not result.found:
            ids = _by_result(connection, con, store, past, result)
            result.exceptions = [] if ids else listed_facts(connection, asked, SHOWN_MAX)
        if not ids and not result.found and not result.ambiguous:
            result.quarantined = quarantined_rows(connection, con, store, files["quarantine"], asked)
            _find_member(connection, con, store, files, result)
        if ids:
            particulars = Particulars(store, connection, con, files)
            fetch_versions(con, store.lake, files, ids, read if count else frozenset())
            whole = ids if len(ids) <= WHOLE_MAX else _called_so(con, ids)
            result.records = particulars.of_records(ids, raw=frozenset(whole))
            _tell_roles(con, result)
            corrected = corrected_since(connection, past.results)
            stand = as_corrected(con, store.lake, files, corrected, past.results)
            look = ResultRows(con, store.lake, stand)
            rules = RulesOfRuns(connection, past.results.runs)
            standing = standing_of(con, store.lake, files, look, whole, rules, past)
            for one in result.records:
                one.update(standing.get(one["record"]["record_id"], {}))
            if follow:
                _follow(con, store, files, look, result, [record_id.hex() for record_id in whole])
        if not result.totals and result.records:
            result.count = len(result.records)
    return result


def _called_so(con: duckdb.DuckDBPyConnection, ids: list[bytes]) -> list[bytes]:
    """Of many records that name an identifier, give those that are called so: a payout, and not its lines."""
    rows = con.execute("select record_id from hit group by record_id having bit_or(roles) & 1 = 1").fetchall()
    called = {bytes(record_id) for (record_id,) in rows}
    found = [record_id for record_id in ids if record_id in called]
    return found if len(found) <= WHOLE_MAX else []


def _follow(
    con: duckdb.DuckDBPyConnection,
    store: Store,
    files: dict[str, list[LakeFile]],
    look: ResultRows,
    result: Explanation,
    ids: list[str],
) -> None:
    """Tell the chain of the records that are shown in full, and the journals that book what stands in it."""
    links = links_of(con, store.lake, files, look, ids)
    result.chain = told_of(links, frozenset(ids))
    result.journals = journals_of(con, store.lake, look.results, links.ids)


def _find_in_book(connection: sa.Connection, fingerprints: Fingerprints, result: Explanation) -> None:
    """Look among deliveries (id, fingerprint, name; SHA-256 of those that stand), exceptions and statements."""
    asked, lowered = result.asked, result.asked.lower()
    delivery, statement = schema.delivery, schema.statement
    named = [delivery.c.name == asked, delivery.c.fingerprint == lowered]
    if _SHA256.fullmatch(lowered):  # of an erased one nobody may try digests until the one that was is found
        named.append(sa.and_(delivery.c.fingerprint == fingerprints.of(lowered), delivery.c.state != "erased"))
    if _HEX.fullmatch(lowered):
        named.append(delivery.c.delivery_id.startswith(lowered))
    result.deliveries = delivery_facts(connection, sa.or_(*named), SHOWN_MAX)
    if _HEX.fullmatch(lowered):
        result.exceptions = exception_facts(connection, schema.exception.c.exception_id.startswith(lowered), SHOWN_MAX)
    result.statements = statement_facts(connection, statement.c.statement_id == asked, SHOWN_MAX, once=True)


def _find_member(
    connection: sa.Connection,
    con: duckdb.DuckDBPyConnection,
    store: Store,
    files: dict[str, list[LakeFile]],
    result: Explanation,
) -> None:
    """Find the archives that a file of this name came in, by what came of it: statements, records, rows set aside."""
    statement = schema.statement
    found = set(connection.scalars(sa.select(statement.c.delivery_id).where(statement.c.member == result.asked)))
    for name in ("records", "witnesses", "quarantine"):
        rows = f"select distinct delivery_id from {table(store.lake, name, files[name])} where member = $name"
        found |= {row[0] for row in con.execute(rows, {"name": result.asked}).fetchall()}
    if found:
        delivery = schema.delivery.c
        landed = connection.scalars(sa.select(delivery.delivery_id).order_by(delivery.sequence))
        first = islice((name for name in landed if name in found), SHOWN_MAX)
        result.deliveries = delivery_facts(connection, delivery.delivery_id.in_(list(first)), SHOWN_MAX)


def _by_own_id(
    con: duckdb.DuckDBPyConnection, store: Store, files: dict[str, list[LakeFile]], result: Explanation
) -> list[bytes]:
    """Find a record by the beginning of its id; several records are named, not shown."""
    lowered = result.asked.lower()
    if not _HEX.fullmatch(lowered) or len(lowered) > _RECORD_DIGITS:
        return []
    ids = find_by_prefix(con, store.lake, files, lowered, SHOWN_MAX)
    if len(ids) > 1:
        result.ambiguous = [record_id.hex() for record_id in ids]
        return []
    return ids


def _by_result(
    connection: sa.Connection, con: duckdb.DuckDBPyConnection, store: Store, past: Past, result: Explanation
) -> list[bytes]:
    """Find the records of an exception that a run left, of a match or of a journal, by the beginning of its id."""
    lowered = result.asked.lower()
    if not _HEX.fullmatch(lowered) or len(lowered) > _RECORD_DIGITS:
        return []
    listed = schema.worklist
    query = sa.select(listed.c.record_id).where(
        listed.c.exception_id.startswith(lowered), listed.c.record_id.is_not(None)
    )
    named = [bytes.fromhex(record_id) for record_id in connection.scalars(query.distinct().limit(SHOWN_MAX))]
    look = ResultRows(con, store.lake, past.results)
    found = named or records_of_match(look, lowered, SHOWN_MAX)
    if not found and past.voids:
        found = records_of_match(ResultRows(con, store.lake, past.everything()), lowered, SHOWN_MAX)
    return found or records_of_journal(look, lowered, SHOWN_MAX)


def _shown_ids(
    con: duckdb.DuckDBPyConnection, store: Store, files: dict[str, list[LakeFile]], result: Explanation,
    of: tuple[str, str, str] | None, number: int,
) -> list[bytes]:  # fmt: skip
    """Sum the records that a reference names, and choose those to show: the ones that stand first."""
    con.execute(f"""
        create or replace temp table found as
        select h.record_id, max(h.version) filter (where s.record_id is null) as version, bit_or(h.roles) as roles
        from hit h left join {table(store.lake, "superseded", files["superseded"])} s
        on s.record_key = h.record_key and s.record_id = h.record_id and s.version = h.version
        group by h.record_id
    """)
    con.execute("""
        create or replace temp table standing as
        select distinct on (r.record_id) r.record_id, kind, status, currency, account_id, booked_on, amount, net,
            coalesce(exponent, own_exponent(currency)) as exponent
        from row_found r join found f on f.record_id = r.record_id and f.version = r.version
    """)
    result.count = _number(con, "select count(*) from found")
    result.totals = _totals(con)
    rows = con.execute(
        f"""
        select f.record_id from found f left join standing s on s.record_id = f.record_id
        where {"true" if of is None else "s.kind = $1 and s.status = $2 and s.currency = $3"}
        order by f.roles & 1 = 0, f.version is null, s.account_id, s.booked_on, f.record_id
        limit {SHOWN_MAX} offset {(number - 1) * SHOWN_MAX}
    """,
        list(of or ()),
    ).fetchall()
    return [bytes(record_id) for (record_id,) in rows]


def _totals(con: duckdb.DuckDBPyConnection) -> list[dict[str, Any]]:
    rows = con.execute("""
        select kind, status, currency, exponent, count(*), sum(amount::hugeint)::varchar,
            sum(coalesce(net, amount)::hugeint)::varchar
        from standing group by all order by all
    """).fetchall()
    return [
        {
            "kind": kind,
            "status": status,
            "currency": currency,
            "count": count,
            "amount": None if amount is None else format_minor(int(amount), exponent),
            "net": None if net is None else format_minor(int(net), exponent),
        }
        for kind, status, currency, exponent, count, amount, net in rows
    ]


def _number(con: duckdb.DuckDBPyConnection, query: str) -> int:
    return int(con.execute(query).fetchall()[0][0])


def _tell_roles(con: duckdb.DuckDBPyConnection, result: Explanation) -> None:
    """Say of each shown record what the identifier is to it."""
    shown = "semi join version_row v on v.record_id = h.record_id"
    rows = con.execute(f"select h.record_id, bit_or(h.roles) from hit h {shown} group by h.record_id").fetchall()
    roles = {bytes(record_id).hex(): bits for record_id, bits in rows}
    for record in result.records:
        bits = roles.get(record["record"]["record_id"], 0)
        record["named_as"] = [role for bit, role in enumerate(ROLES) if bits >> bit & 1]
