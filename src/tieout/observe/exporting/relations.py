"""
The exported tables as relations: SQL over the lake's files and over the book's rows.

The book's rows stand in the DuckDB connection as ``book_deliveries``, ``book_statements`` and ``book_exceptions``
(observe.exports registers them); a relation comes in parentheses, to be put behind ``from``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from tieout.intake.fold import content_sql
from tieout.model.cross_references import IDENTIFIERS
from tieout.observe.results import run_exceptions
from tieout.store.views import current_records, table

if TYPE_CHECKING:
    from tieout.observe.snapshot import Snapshot
    from tieout.store.lake import Lake

__all__ = [
    "OWN_EXPONENT",
    "balances_relation",
    "exceptions_relation",
    "parties_relation",
    "quarantine_relation",
    "records_relation",
    "references_relation",
    "reports_sql",
    "witnesses_relation",
]

_REPORTS = ("records", "assertions", "witnesses")
#: The exponent of a record's amounts: as stated, else its currency's own. ``{}`` is the alias.
OWN_EXPONENT = "coalesce({0}.exponent, own_exponent({0}.currency))"


def records_relation(lake: Lake, snapshot: Snapshot) -> str:
    """Give the records that stand; with history every version, with ``state``, ``gone`` (why) and ``gone_in``."""
    records, superseded = snapshot.files["records"], snapshot.files["superseded"]
    if not snapshot.history:
        return current_records(lake, records, superseded)
    return f"""(
        select r.*, case when s.gone is null then 'current' else 'superseded' end as state, s.gone, s.gone_in
        from {table(lake, "records", records)} r
        left join (
            select record_key, record_id, version, min(reason) as gone, arg_min(delivery_id, reason) as gone_in
            from {table(lake, "superseded", superseded)} group by all
        ) s on s.record_key = r.record_key and s.record_id = r.record_id and s.version = r.version
    )"""


def balances_relation(lake: Lake, snapshot: Snapshot) -> str:
    """
    Give the balances that the outside reported, each once; with history also those that were told again.

    A balance is the same where its statement, kind, day, moment and amount are, in whichever delivery.
    """
    told = _with_replaced(lake, snapshot, "balances")
    said = ("entity_id", "account_id", "sub_account", "kind", "code", "statement_id", "booked_on", "told_at")
    same = ", ".join(f"b.{name}" for name in (*said, "amount", "currency", "exponent"))
    return f"""(
        with told as (
            select b.* exclude (state), b.state = 'current' and row_number() over (
                partition by b.state, {same} order by d.sequence, b.member nulls first, b.line
            ) > 1 as again, b.state, d.sequence
            from {told} b left join book_deliveries d on d.delivery_id = b.delivery_id
        )
        select * exclude (again, state), case when again then 'repeated' else state end as state
        from told {"" if snapshot.history else "where not again"}
    )"""


def quarantine_relation(lake: Lake, snapshot: Snapshot) -> str:
    """
    Give what could not be read (rows, and whole files: severity refused) and what was found wrong, with its file.

    ``settled`` says what closed an entry: ``evidence``, a delivery that ranks after the row's states its record
    readably, or ``decision``, a person's; without either it is open.
    """
    told = _with_replaced(lake, snapshot, "quarantine")
    # Of a file that was refused before its place was kept, the book knows the reason.
    refused = (
        "select delivery_id, source_id, 'refused' as severity, 'unreadable' as reason, reason as message,"
        " 'current' as state from book_deliveries where state = 'refused'"
        f" and delivery_id not in (select delivery_id from {told} where severity = 'refused')"
    )
    # Files of before have no record_id.
    rows = f"(select null::blob as record_id where false union all by name select * from {told} union all by name {refused})"
    return f"""(
        with q as (select * from {rows}),
        evidence as ({_evidence_sql(lake, snapshot)})
        select q.* exclude (record_id), d.name, d.entity_id, d.received_at, d.sequence,
            case when s.delivery_id is not null then 'decision' when e.place is not null then 'evidence' end as settled,
            coalesce(s.settled_by, e.delivery_id) as settled_by,
            coalesce(s.settled_at, e.received_at) as settled_at,
            coalesce(s.settled_because, 'delivery ' || e.delivery_id || ' states it, ' || e.place) as settled_because
        from q left join book_deliveries d on d.delivery_id = q.delivery_id
        left join book_settled s on s.delivery_id = q.delivery_id and s.member is not distinct from q.member
            and s.line is not distinct from q.line and q.severity <> 'finding'
        left join evidence e on e.asked_in = q.delivery_id and e.record_id = q.record_id and q.severity = 'row'
    )"""


def _evidence_sql(lake: Lake, snapshot: Snapshot) -> str:
    """
    Write the query for which records of quarantined rows a later delivery of the same source states readably.

    Later as facts are ranked: by the deliveries' own times of creation where both state one, else by landing. Whatever
    the row said of its record, the later delivery would have had the last word.
    """
    asked = "semi join (select record_id from q where record_id is not null) a on a.record_id = r.record_id"
    told = {name: f"{table(lake, name, files)} r {asked}" for name, files in snapshot.files.items() if name in _REPORTS}
    reports = reports_sql(
        f"(select r.* from {told['records']} where r.version = 1)",
        *(f"(select r.* from {told[name]})" for name in ("assertions", "witnesses")),
    )
    standing = current_records(lake, snapshot.files["records"], snapshot.files["superseded"])
    return f"""
        select q.delivery_id as asked_in, q.record_id, max_by(d.delivery_id, d.sequence) as delivery_id,
            max_by(d.name || ' line ' || r.line, d.sequence) as place, max(d.received_at) as received_at
        from q join book_deliveries o on o.delivery_id = q.delivery_id
        join ({reports}) r on r.record_id = q.record_id and not r.withdrawn
        join book_deliveries d on d.delivery_id = r.delivery_id and d.source_id = q.source_id
        semi join (select r.record_id from {standing} r {asked}) n on n.record_id = q.record_id
        where case when o.created_at is null or d.created_at is null or o.created_at = d.created_at
            then d.sequence > o.sequence else d.created_at > o.created_at end
        group by q.delivery_id, q.record_id
    """


def _with_replaced(lake: Lake, snapshot: Snapshot, name: str) -> str:
    """Give a lake table's rows; with history also those that a replay took out, told apart by ``state``."""
    current = f"(select *, 'current' as state from {table(lake, name, snapshot.files[name])})"
    if not snapshot.history:
        return current
    replaced = table(lake, name, snapshot.replaced[name])
    return f"(select * from {current} union all by name select *, 'replaced' as state from {replaced})"


def witnesses_relation(lake: Lake, snapshot: Snapshot) -> str:
    """
    Give every report of every record: the first one that brought it and each further delivery that carries it.

    A report that a replay withdrew counts only in a history (``state`` is then withdrawn).
    """
    records = table(lake, "records", snapshot.files["records"])
    about = "record_id, record_key, account_id, entity_id, booked_on, external_id"
    standing = f"(select {about} from {current_records(lake, snapshot.files['records'], snapshot.files['superseded'])})"
    if snapshot.history:
        standing = f"(select distinct on (record_id) {about} from {records} order by record_id, version desc)"
    shown = "" if snapshot.history else "where not r.withdrawn"
    reports = reports_sql(
        f"(select * from {records} where version = 1)",
        *(table(lake, name, snapshot.files[name]) for name in ("assertions", "witnesses")),
    )
    return f"""(
        with report as ({reports})
        select r.record_id, r.delivery_id, r.source_id, r.member, r.line, r.first, n.account_id, n.entity_id, n.booked_on,
            n.external_id, d.sequence, d.received_at as seen_at,
            case when r.withdrawn then 'withdrawn' else 'current' end as state
        from report r join {standing} n on n.record_key = r.record_key and n.record_id = r.record_id
        left join book_deliveries d on d.delivery_id = r.delivery_id {shown}
    )"""


def reports_sql(own: str, asserted: str, witness: str) -> str:
    """
    Write the query for all reports: record_id, record_key, delivery_id, source_id, member, line, first, withdrawn.

    Most records have one report; only where there are several must they be ranked and held against what was withdrawn.

    :param own: relation of the first version of records, the report that brought it.
    :param asserted, witness: relations of the lake's tables of those names.
    """
    names = "record_id, record_key, delivery_id, source_id, member, line"
    return f"""
        with several as (select record_key from {asserted} union select record_key from {witness}),
        told as (
            select {names}, {content_sql("o")} as content from {own} o semi join several using (record_key)
            union all select {names}, content from {asserted}
            union all select {names}, content from {witness} where not withdrawn
        ), taken as (
            select record_id, delivery_id, content, member, line, count(*) as times from {witness} where withdrawn group by all
        ), counted as (
            select *, row_number() over (partition by record_id, delivery_id, content, member, line) as nth from told
        ), judged as (
            select c.*, coalesce(c.nth <= t.times, false) as withdrawn from counted c
            left join taken t on t.record_id = c.record_id and t.delivery_id = c.delivery_id and t.content = c.content
                and t.member is not distinct from c.member and t.line is not distinct from c.line
        ), placed as (
            select j.*, row_number() over (
                partition by j.record_id, j.withdrawn order by d.sequence, j.member nulls first, j.line) as place
            from judged j left join book_deliveries d on d.delivery_id = j.delivery_id
        )
        select {names}, true as first, false as withdrawn from {own} o anti join several using (record_key)
        union all
        select {names}, place = 1 and not withdrawn as first, withdrawn from placed
    """


def references_relation(lake: Lake, snapshot: Snapshot) -> str:
    """Give every identifier of every record, with the part that it plays there (``role``)."""
    records = records_relation(lake, snapshot)
    names = f"record_id, source_id, entity_id, account_id, system, {_DAY} as day"
    parts = [
        f"select {names}, {place} as place, '{role}' as role, {role} as value from {records}"
        for place, role in enumerate(IDENTIFIERS, 1)
    ]
    parts.append(
        f"select {names}, {len(IDENTIFIERS) + 1}, 'reference', unnest(list_distinct(\"references\")) from {records}"
    )
    # An alias is "namespace:identity"; what the other system wrote is the identity.
    parts.append(
        f"select {names}, {len(IDENTIFIERS) + 2}, 'alias', unnest(list_distinct(list_transform(aliases, lambda a: substr(a, strpos(a, ':') + 1))))"
        f" from {records}"
    )
    distinct = "distinct" if snapshot.history else ""
    return f"(select {distinct} * from ({' union all '.join(parts)}) where value is not null)"


_DAY = "coalesce(booked_on, value_on, occurred_at::date, seen_at::date)"


def parties_relation(lake: Lake, snapshot: Snapshot) -> str:
    """
    Give who is on the other side of records, as each system names them.

    Spellings of one name that differ in case and punctuation have one ``party_id``; they stay rows of their own.
    """
    return f"""(
        select party_of(system, counterparty, counterparty_account) as party_id,
            entity_id, system, counterparty, counterparty_account, count(distinct record_id) as records,
            min(booked_on) as first_on, max(booked_on) as last_on
        from {records_relation(lake, snapshot)} where counterparty is not null or counterparty_account is not null
        group by entity_id, system, counterparty, counterparty_account
    )"""


def exceptions_relation(lake: Lake, snapshot: Snapshot) -> str:
    """
    Give what needs a person: what intake found, and what runs left over; with what was decided about it.

    With history also what did, and every state on the way.
    """
    decided = "d.state as decided, d.assignee, d.decided_by, d.decided_at, d.resolution, d.said"
    told = (
        "exception_id, reason, source_id, entity_id, account_id, external_id, kind, currency, counterparty, settlement_id,"
        " booked_on, opened_at, note, candidates"
    )
    return f"""(
        select e.*, {decided}
        from (
            select {told}, record_id, amount, state, version, null::varchar as reconciliation, null::date as due_on,
                null::varchar as run_id, null::varchar as side
            from {_intake_exceptions(lake, snapshot)}
            union all
            select {told}, lower(hex(record_id)), decimal_text(amount, exponent), 'open', 0, reconciliation, due_on, run_id,
                side
            from {run_exceptions(lake, snapshot)}
        ) e left join book_decisions d on d.exception_id = e.exception_id
            and (d.amount is null or d.amount = e.amount)
    )"""


def _intake_exceptions(lake: Lake, snapshot: Snapshot) -> str:
    """
    Give what intake found.

    What an exception says of a record by its id alone (account, amount, who) is read from the record.
    """
    shown = "" if snapshot.history else " where state <> 'closed'"
    standing = current_records(lake, snapshot.files["records"], snapshot.files["superseded"])
    told = ("entity_id", "account_id", "external_id", "kind", "currency", "counterparty", "settlement_id")
    believed = ", ".join(f"coalesce(e.{name}, r.{name}) as {name}" for name in told)
    return f"""(
        with e as (select * from book_exceptions{shown}),
        about as (select distinct unhex(record_id) as record_id from e where record_id is not null),
        r as (select s.* from {standing} s semi join about a on a.record_id = s.record_id)
        select e.* exclude (amount, booked_day, {", ".join(told)}), {believed},
            coalesce(e.amount, decimal_text(r.amount, {OWN_EXPONENT.format("r")})) as amount,
            coalesce(e.booked_day, r.booked_on) as booked_on
        from e left join r on r.record_id = unhex(e.record_id)
    )"""
