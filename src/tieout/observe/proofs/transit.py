"""
Cash in transit as an account: what left a platform on its date, what the bank has of it on the bank's, and what is
listed as on its way.

What passes through it is what the postings put through it (``kinds.THROUGH_TRANSIT`` and a bank's sweeps), and which
account of kind ``in_transit`` it is is found as the postings find it (``config.accounts.beside``). What the outside says
is the list of ``tieout in-transit``; the ledger's lines are held against the movements one by one.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from tieout.config.accounts import beside
from tieout.matching.comparing.columns import token_words
from tieout.model.kinds import PAID_OUT, THROUGH_TRANSIT
from tieout.observe.exporting.writing import literal
from tieout.observe.money.transit import in_transit_relation, lay_settlement_lines
from tieout.observe.proofs.accounts import ledger_ids_of
from tieout.observe.proofs.lines import ARRIVED, lay_items, named
from tieout.observe.results import positions_relation
from tieout.store.views import current_records

if TYPE_CHECKING:
    import datetime as dt

    import duckdb

    from tieout.config import Workspace
    from tieout.config.workspace import Account
    from tieout.observe.exporting.columns import Opened
    from tieout.observe.proofs.lines import Sides
    from tieout.observe.proofs.rolling import Roll

__all__ = ["COMPARED", "lay_transit", "lay_transit_items", "transit_rolled"]

#: Where the pairs of movements and lines of the ledger stand, and what was looked for and not found: as ``lines.Sides`` has it.
COMPARED = ("transit_paired", "transit_open")
#: A name shorter than this says nothing: "12" stands in many texts.
_NAME_MIN = 4
_NET = "coalesce(r.net, r.amount - coalesce(r.fee, 0) - coalesce(r.fee_tax, 0))"


def lay_transit(opened: Opened, accounts: list[Account]) -> None:
    """
    Add to ``moved`` what passed through accounts of kind ``in_transit``, and make ``transit_listed``: what is on its way.

    Also ``transit_name`` and ``entry_name`` (record_key, record_id, name): what the movements are called, and what the
    lines of their ledger accounts name.
    """
    con, lake, snapshot = opened.con, opened.store.lake, opened.snapshot
    lay_settlement_lines(opened)
    records = current_records(lake, snapshot.files["records"], snapshot.files["superseded"])
    con.execute(f"""
        create or replace temp table transit_left as
        select source_id, entity_id, kind, currency, coalesce(exponent, own_exponent(currency)) as exponent, record_key,
            record_id, booked_on, -amount as amount, external_id,
            list_concat([external_id, settlement_id, case when kind = 'payout_reversal' then parent_external_id end],
                coalesce("references", [])) as names
        from {records}
        where status = 'booked' and amount is not null and booked_on is not null and kind in ({named(THROUGH_TRANSIT)})
        union all
        select p.source_id, p.entity_id, 'sweep', p.currency, p.exponent, p.record_key, p.record_id, p.booked_on, -p.amount,
            p.external_id, list_concat([p.external_id], coalesce(r."references", []))
        from {positions_relation(lake, snapshot)} p join {records} r using (record_key, record_id)
        where p.state = 'excluded' and p.reason = 'sweep' and p.kind = 'bank_entry'
    """)
    con.execute(_arrived(records))
    con.execute(f"""
        create or replace temp table transit_way as
        select source_id, entity_id, currency, nine(outstanding, decimals) as amount, record_id, kind, booked_on,
            coalesce(external_id, settlement_id) as name
        from {in_transit_relation(lake, snapshot)} where kind <> 'settlement'
    """)
    _give_accounts(con, opened.workspace)
    con.execute("""
        insert into moved by name
        select g.account_id, t.entity_id, t.source_id, t.kind, t.currency, t.exponent, t.record_key, t.record_id, t.booked_on,
            null as occurred_at, t.amount, 0 as fee, 0 as fee_tax, t.amount as effect, t.external_id, null as settlement_id,
            false as carried
        from (select * exclude (names) from transit_left union all by name select * exclude (names) from transit_arrived) t
            join transit_account g using (entity_id, currency, source_id)
    """)
    con.execute("""
        create or replace temp table transit_listed as
        select g.account_id, w.amount, w.record_id, w.kind, w.booked_on, w.name from transit_way w
            join transit_account g using (entity_id, currency, source_id)
    """)
    con.execute("""
        create or replace temp table transit_name as
        select distinct record_key, record_id, normal_of(name) as name from (
            select record_key, record_id, unnest(names) as name from transit_left
            union all select record_key, record_id, unnest(names) from transit_arrived
        ) where name is not null
    """)
    _name_entries(
        con, records, [ledger_id for account in accounts for ledger_id in ledger_ids_of(opened.workspace, account)]
    )


def _arrived(records: str) -> str:
    """
    Write what makes ``transit_arrived``: what each line of a bank took of what was on its way, on the bank's day.

    Of several lines each takes what it brings, and the last one the rest: with it the match is whole, and what differs
    is an adjustment. Between two currencies a line takes its share. Lines whose payout was reported after they were
    matched have left with it; without a payout they were never on their way.
    """
    share = """case when currency = other then greatest(0, least(abs(total), {0} * sign(total)))
        else abs(total) // unit * (greatest(0, least({0} * sign(brought), abs(brought))) // other_unit)
            // (abs(brought) // other_unit) * unit end"""
    return f"""
        create or replace temp table transit_arrived as
        with record as (select * from {records}), paid as (
            select distinct account_id, settlement_id, currency from record
            where kind in ({named(PAID_OUT)}) and status = 'booked' and settlement_id is not null
        ), off as (
            select m.match_id, r.source_id, r.entity_id, m.currency, max(m.exponent) as exponent,
                sum(nine(case when r.kind in ({named(THROUGH_TRANSIT)}) then -sign(r.amount) else sign({_NET}) end
                    * abs(m.allocated), m.exponent)) as total,
                list_distinct(flatten(list([r.external_id, r.settlement_id]))) as names
            from result_matches m join record r using (record_key, record_id)
                left join paid p on p.account_id = r.account_id and p.settlement_id = r.settlement_id and p.currency = r.currency
            where m.status = 'confirmed' and m.claim in ('settlement', 'transfer') and r.booked_on is not null
                and (r.kind in ({named(THROUGH_TRANSIT)}) or p.settlement_id is not null)
            group by m.match_id, r.source_id, r.entity_id, m.currency having total <> 0
        ), line as (
            select m.match_id, m.currency as other, r.record_key, r.record_id, r.booked_on, r.external_id, r."references",
                power_of_ten(9 - max(m.exponent) over one) as other_unit,
                sum(nine(sign(r.amount) * abs(m.allocated), m.exponent)) over one as brought,
                sum(nine(sign(r.amount) * abs(m.allocated), m.exponent)) over (one order by r.booked_on, r.record_id
                    rows between unbounded preceding and current row) as until,
                nine(sign(r.amount) * abs(m.allocated), m.exponent) as own,
                row_number() over (one order by r.booked_on, r.record_id) as nth, count(*) over one as lines
            from result_matches m join record r using (record_key, record_id)
            where m.status = 'confirmed' and m.claim = 'bank' and r.status = 'booked' and r.booked_on is not null
            window one as (partition by m.match_id)
        ), taken as (
            select o.source_id, o.entity_id, o.currency, o.exponent, l.record_key, l.record_id, l.booked_on, l.external_id,
                list_concat([l.external_id], coalesce(l."references", []), o.names) as names,
                -sign(total) * (case when nth = lines then abs(total) else {share.format("until")} end
                    - {share.format("(until - own)")}) as amount
            from (select *, power_of_ten(9 - exponent) as unit from off) o join line l using (match_id)
        )
        select source_id, entity_id, {literal(ARRIVED)} as kind, currency, decimals_for(nines, finest) as exponent,
            record_key, record_id, booked_on, from_nine(nines, exponent) as amount, external_id, names
        from (
            select source_id, entity_id, currency, record_key, record_id, any_value(booked_on) as booked_on,
                sum(amount)::hugeint as nines, max(exponent) as finest, any_value(external_id) as external_id,
                list_distinct(flatten(list(names))) as names
            from taken group by source_id, entity_id, currency, record_key, record_id having sum(amount) <> 0
        )
    """


def _name_entries(con: duckdb.DuckDBPyConnection, records: str, ledger_ids: list[str]) -> None:
    """Make ``entry_name``: what the lines of ledger accounts name: their references, and the words of these and of their text."""
    rows = con.execute(f"""
        select r.record_key, r.record_id, r."references", r.text from {records} r semi join (
            select record_key, record_id from moved where kind = 'journal_line' and account_id in ({named(ledger_ids)})
        ) m on m.record_key = r.record_key and m.record_id = r.record_id order by r.record_id
    """).fetchall()
    texts = [(place, text) for place, row in enumerate(rows) for text in (*(row[2] or ()), row[3])]
    places = pa.array([place for place, _ in texts], pa.int64())
    things, words = token_words(places, pa.array([text for _, text in texts], pa.string()))
    said = [(*row[:2], name) for row in rows for name in row[2] or ()]
    said += [(*rows[thing][:2], word) for thing, word in zip(things.to_pylist(), words.to_pylist(), strict=True)]
    _take(con, "entry_said", ("record_key", "record_id", "name"), [pa.int64(), pa.binary(16), pa.string()], said)
    con.execute("""
        create or replace temp table entry_name as
        select distinct record_key, record_id, normal_of(name) as name from entry_said where name is not null
    """)


def _give_accounts(con: duckdb.DuckDBPyConnection, workspace: Workspace) -> None:
    """Make ``transit_account``: through which account what is of an entity, a currency and a source passes."""
    rows = con.execute("""
        select distinct entity_id, currency, source_id from (
            select entity_id, currency, source_id from transit_left union all
            select entity_id, currency, source_id from transit_arrived union all
            select entity_id, currency, source_id from transit_way
        ) where entity_id is not null and source_id is not null order by all
    """).fetchall()
    found = [beside(workspace, ("in_transit",), entity, currency, source) for entity, currency, source in rows]
    kept = [(*row, account.id) for row, account in zip(rows, found, strict=True) if account is not None]
    _take(con, "transit_account", ("entity_id", "currency", "source_id", "account_id"), [pa.string()] * 4, kept)


def _take(
    con: duckdb.DuckDBPyConnection, name: str, columns: tuple[str, ...], kinds: list[pa.DataType], rows: list[Any]
) -> None:
    """Make a temporary table of rows that Python made."""
    values = list(zip(*rows, strict=True)) or [()] * len(columns)
    arrays = [pa.array(value, kind) for value, kind in zip(values, kinds, strict=True)]
    con.register("transit_given", pa.Table.from_arrays(arrays, names=list(columns)))
    con.execute(f"create or replace temp table {name} as from transit_given")
    con.unregister("transit_given")


def transit_rolled(con: duckdb.DuckDBPyConnection, account: Account, own: Roll, exponent: int, day: dt.date) -> Roll:
    """
    Hold the roll-forward of cash in transit against what is listed as on its way, and what the account opened with.

    That was on its way before the first fact: no list has it, and nothing that arrives is known to be it.
    """
    listed = (
        f"select coalesce(sum(from_nine(amount, {exponent})), 0)::varchar from transit_listed where account_id = $1"
    )
    (amount,) = con.execute(listed, [account.id]).fetchall()[0]
    said = "what is on its way, payout by payout" + (", and what it opened with" if own.opening else "")
    return replace(own, reported=int(amount) + (own.opening or 0), reported_on=day, said=said)


def lay_transit_items(con: duckdb.DuckDBPyConnection, sides: Sides) -> None:
    """Make the table ``item`` of cash in transit, as ``lines.lay_items`` has it; no match of a run stands behind a pair."""
    sides = replace(sides, moved="transit_moved")
    _lay_together(con, sides)
    _pair(con, sides)
    lay_items(con, sides)
    con.execute("update item set match_id = null")


def _lay_together(con: duckdb.DuckDBPyConnection, sides: Sides) -> None:
    """
    Make the lines of both sides, in which what one line of a bank brought through several accounts of the outside is one.

    They have one ledger account, and it need not tell them apart.
    """
    outside = f"account_id in ({named(sides.outside)})"
    rest = "entity_id, source_id, booked_on, occurred_at, external_id, settlement_id, carried"
    con.execute(f"""
        create or replace temp table {sides.moved} as
        select * from moved where not {outside}
        union all by name
        select min(account_id) as account_id, kind, currency, max(exponent) as exponent, record_key, record_id,
            from_nine(sum(nine(effect, exponent))::hugeint, max(exponent)) as effect,
            {", ".join(f"any_value({name}) as {name}" for name in rest.split(", "))}
        from moved where {outside} group by record_key, record_id, kind, currency
    """)


def _pair(con: duckdb.DuckDBPyConnection, sides: Sides) -> None:
    """
    Hold the movements of cash in transit against the lines of its ledger account: make the tables :data:`COMPARED`.

    A line is a movement if it names it (the payout, its settlement, or the bank's line) and has its amount; of several
    movements of one name and amount the first is the first. What is left of either side is several of the other, if all
    of those that share a name with it come to its amount. A movement that no line names was looked for, unless there
    are no lines, or lines that name nothing could be it.
    """
    mine, theirs = _lines(con, sides)
    pairs = _singly(mine, theirs)
    pairs += _severally(mine, theirs, pairs)
    pairs += [(one, other) for other, one in _severally(theirs, mine, [(b, a) for a, b in pairs])]
    met = {record_id for pair in pairs for record_id in pair}
    known = {name for *_, names in mine.values() for name in names}
    told = {name for *_, names in theirs.values() for name in names}
    nameless = {entry for entry, (*_, names) in theirs.items() if not names & known and entry not in met}
    there = [entry for entry, (_, _, on, _) in theirs.items() if on <= sides.as_of]
    decided = bool(there) and not nameless.intersection(there)
    looked_for = [r for r, (*_, names) in mine.items() if r not in met and (names & told or decided)]
    looked_for += [entry for entry in theirs if entry not in met and entry not in nameless]
    _keep(con, sides, {**mine, **theirs}, pairs, looked_for)


def _singly(mine: dict[bytes, _Line], theirs: dict[bytes, _Line]) -> list[tuple[bytes, bytes]]:
    """Pair one movement with one line that names it and has its amount."""
    waiting: dict[tuple[str, int], list[bytes]] = {}
    for record_id, (_, amount, _, names) in theirs.items():
        for name in names:
            waiting.setdefault((name, amount), []).append(record_id)
    pairs: list[tuple[bytes, bytes]] = []
    taken: set[bytes] = set()
    for record_id, (_, amount, _, names) in mine.items():
        candidates = (
            entry for name in sorted(names) for entry in waiting.get((name, amount), ()) if entry not in taken
        )
        entry = min(candidates, key=lambda one: (theirs[one][2], one), default=None)
        if entry is not None:
            taken.add(entry)
            pairs.append((record_id, entry))
    return pairs


def _severally(
    some: dict[bytes, _Line], others: dict[bytes, _Line], pairs: list[tuple[bytes, bytes]]
) -> list[tuple[bytes, bytes]]:
    """Pair one that is left of a side with all that are left of the other, run its way and share a name with it."""
    met = {record_id for pair in pairs for record_id in pair}
    waiting: dict[str, list[bytes]] = {}
    for record_id, (*_, names) in others.items():
        if record_id not in met:
            for name in names:
                waiting.setdefault(name, []).append(record_id)
    found: list[tuple[bytes, bytes]] = []
    for record_id, (_, amount, _, names) in some.items():
        if record_id in met:
            continue
        same = {other for name in names for other in waiting.get(name, ()) if other not in met}
        same = {other for other in same if (others[other][1] > 0) == (amount > 0)}
        if len(same) > 1 and sum(others[other][1] for other in same) == amount:
            met |= same
            found += [(record_id, other) for other in sorted(same)]
    return found


_Line = tuple[int, int, "dt.date", set[str]]


def _lines(con: duckdb.DuckDBPyConnection, sides: Sides) -> tuple[dict[bytes, _Line], dict[bytes, _Line]]:
    """
    Give the movements and the lines of the ledger, by day: (record key, amount at nine decimals, day, names).
    """

    def lines(table: str, where: str) -> dict[bytes, _Line]:
        rows = con.execute(f"""
            select m.record_id, m.record_key, any_value(nine(m.effect, m.exponent))::varchar, any_value(m.booked_on),
                list(n.name) filter (length(n.name) >= {_NAME_MIN})
            from {sides.moved} m left join {table} n using (record_key, record_id)
            where {where} and m.currency = {literal(sides.currency)} group by m.record_id, m.record_key
            order by any_value(m.booked_on), m.record_id
        """).fetchall()
        return {record_id: (key, int(amount), on, set(names or ())) for record_id, key, amount, on, names in rows}

    ledger = f"m.account_id in ({named(sides.ledger)}) and m.entity_id = {literal(sides.entity)}"
    return lines("transit_name", f"m.account_id in ({named(sides.outside)})"), lines("entry_name", ledger)


def _keep(
    con: duckdb.DuckDBPyConnection, sides: Sides, lines: dict[bytes, _Line], pairs: list[tuple[bytes, bytes]],
    looked_for: list[bytes],
) -> None:  # fmt: skip
    """Write pairs as matches are, each with the id of one of its movements, and what was looked for without an exception."""
    blob = pa.binary(16)
    first: dict[bytes, bytes] = {}  # of a line of the ledger that is several movements
    for movement, entry in pairs:
        first.setdefault(entry, movement)
    paired = list(
        dict.fromkeys(
            (first[pair[1]], side, lines[one][0], one)
            for pair in pairs
            for side, one in zip(("left", "right"), pair, strict=True)
        )
    )
    columns = ("match_id", "side", "record_key", "record_id")
    _take(con, "transit_pair", columns, [blob, pa.string(), pa.int64(), blob], paired)
    con.execute(f"""
        create or replace temp table {COMPARED[0]} as
        select p.*, m.effect as allocated, m.currency, m.exponent, m.exponent as needed from transit_pair p
            join (select * from {sides.moved} where account_id in ({named((*sides.outside, *sides.ledger))})) m
                using (record_key, record_id)
    """)
    _take(
        con,
        "transit_looked",
        ("record_key", "record_id"),
        [pa.int64(), blob],
        [(lines[one][0], one) for one in looked_for],
    )
    con.execute(f"""
        create or replace temp table {COMPARED[1]} as
        select record_key, record_id, null::varchar as exception_id, null::varchar as reason from transit_looked
    """)
