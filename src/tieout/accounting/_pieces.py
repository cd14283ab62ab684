"""
From facts and matches to pieces: amounts of one currency, each to be booked by one posting.

A record that moved money is cut into what its matches explain (a piece per document, or per account that a payout came
from), what differs there (a piece per adjustment), and the rest. Each piece is booked by a posting that balances, so
every journal does. Money sums to the record's amount: documents - adjustments - what earlier payments brought.

A match may hold several payments. Those before the last wait on account (``part``); the last one, by day and id,
completes the match: it books the documents and takes from the account what waits there. On account is also the rest of a
bank's line of which documents took a part. What arrives of a payout in
several lines of the bank needs no such account: each line takes its own part off the cash in transit.

Where documents and money have different currencies, each passes through FX clearing (``crossed``): the money on the
one side, what it is for on the other.
"""

from __future__ import annotations

from tieout.accounting._matches import from_whole, quoted, scaled
from tieout.accounting.reading import LINE_KINDS
from tieout.model.kinds import KINDS
from tieout.store.views import sweep_sql, unnamed_entry_sql, whole_entry_sql

__all__ = ["ONLY_IN_SHAPES", "SHAPE", "pieces", "shape_of"]

#: What decides how a piece is booked; pieces that agree in all of it are booked alike.
SHAPE = (
    *("entity_id", "source_id", "account_id", "other_account_id", "kind", "part", "matched", "document"),
    *("adjustment", "outcome", "crossed", "currency", "sign", "has_fee", "has_fee_tax", "has_tax", "bank_code"),
    *("method", "sweep"),
)

#: Columns of pieces that nothing asks for once every piece has its shape.
ONLY_IN_SHAPES = (
    *(
        "bank_code",
        "method",
        "sweep",
        "other_account_id",
        "document",
        "outcome",
        "sign",
        "has_fee",
        "has_fee_tax",
        "has_tax",
    ),
    "single",
)

# Where the details of a record say how a customer paid; a platform's report has its own word for it.
_METHODS = ("method", "payment_method", "payment_method_type", "Payment Method", "Payment Method Variant")


def _method(*, asked: bool) -> str:
    if not asked:
        return "null::varchar"
    ways = ", ".join(f"""json_extract_string(details, '$."{name}"')""" for name in _METHODS)
    return f"coalesce({ways})"


_PLATFORM_KINDS = tuple(kind for kind in LINE_KINDS if "settlement" in KINDS[kind].claims)

# other_account_id, matched: where a payment is booked that does not complete its match.
_WAITS_AT = """m.other_account_id, case when m.matched = 'document' then 'part' else m.matched end"""

_CUT = f"""
    select m.completed_by as record_id, m.completed_key as record_key, c.match_id, c.other_account_id, c.matched,
        c.document, null::varchar as adjustment, case when m.crossed then 'counter' end as crossed, c.currency,
        m.counter_exponent as exponent, m.way * {scaled("c.allocated", "c.exponent", "m.counter_exponent")} as amount,
        0::bigint as tax, c.clears, m.way * k.carried as carried, k.unvalued, c.counterparty,
        m.payments = 1 and m.things = 1 and not m.differs and not m.crossed and k.match_id is null as single
    from draft_counter c join draft_match m using (match_id)
        left join draft_carried k on k.match_id = c.match_id and k.exponent = c.exponent and k.records = c.records
            and coalesce(k.clears, encode(k.other_account_id)) = coalesce(c.clears, encode(c.other_account_id))
            and c.matched in ('document', 'payout')
    where m.problem is null
    union all
    select m.completed_by, m.completed_key, d.match_id, null, m.matched, m.document, d.reason,
        case when m.crossed and d.of_documents then 'counter' end, d.currency, d.exponent, d.amount, d.tax,
        null, null, null, null, false
    from draft_turned d join draft_match m using (match_id)
    union all
    select p.record_id, p.record_key, p.match_id, {_WAITS_AT}, m.document, null, null, p.currency, m.money_exponent,
        {scaled("p.allocated", "p.exponent", "m.money_exponent")}, 0, null, k.part, null, null, true
    from draft_money p join draft_match m using (match_id)
        left join draft_part k on k.match_id = p.match_id and k.record_id = p.record_id
    where m.problem is null and m.payments > 1 and p.record_id <> m.completed_by
    union all
    select m.completed_by, m.completed_key, p.match_id, {_WAITS_AT}, m.document, null, null, p.currency,
        m.money_exponent, -{scaled("p.allocated", "p.exponent", "m.money_exponent")}, 0, null, -k.back, k.unvalued, null, false
    from draft_money p join draft_match m using (match_id)
        left join draft_part k on k.match_id = p.match_id and k.record_id = p.record_id
    where m.problem is null and m.payments > 1 and p.record_id <> m.completed_by
    union all
    select m.completed_by, m.completed_key, m.match_id, null, m.matched, m.document, null, 'money', m.money_currency,
        m.money_exponent, {from_whole("m.money", "m.money_exponent")} + coalesce(d.amount, 0), 0, null, null, null,
        null, false
    from draft_match m left join (
        select match_id, sum(amount)::bigint as amount from draft_turned where not of_documents group by match_id
    ) d using (match_id)
    where m.problem is null and m.crossed
"""

_REST_EXPONENT = "greatest(r.exponent, coalesce(u.exponent, 0))"
_REST_AMOUNT = (
    f"({scaled('r.amount', 'r.exponent', _REST_EXPONENT)}"
    f" - coalesce({scaled('u.used', 'u.exponent', _REST_EXPONENT)}, 0))"
)
_REST_FROM = f"""
    from records r left join draft_used u on u.record_key = r.record_key and u.record_id = r.record_id
        left join draft_begun b on b.record_key = r.record_key and b.record_id = r.record_id
        left join draft_detailed t on t.account_id = r.account_id and r.kind = 'bank_entry'
            and t.entry = coalesce(r.external_id, {unnamed_entry_sql("r")})
    where r.status = 'booked' and r.kind in ({quoted(LINE_KINDS)}) and (r.kind <> 'bank_detail' or b.record_id is not null)
        and t.account_id is null
"""

_USED = f"""
create or replace temp table draft_used as
with finest as (select record_key, record_id, max(exponent) as exponent from draft_money group by all)
select record_key, record_id, any_value(f.exponent) as exponent,
    sum({scaled("m.allocated", "m.exponent", "f.exponent")})::bigint as used
from draft_money m join finest f using (record_key, record_id) group by record_key, record_id
"""

# Lines of a bank of which documents took a part: the rest is somebody's money, on account until a match takes it too.
_BEGUN = """
create or replace temp table draft_begun as
select p.record_key, p.record_id, max(m.document) as document
from matches p join draft_match m using (match_id)
where p.status = 'confirmed' and p.claim = 'bank' and p.allocated <> p.amount and m.problem is null
    and m.matched = 'document'
group by p.record_key, p.record_id
"""

# A match uses a bank's entry or its details, never both: an entry whose details are matched is booked by them.
_DETAILED = f"""
create or replace temp table draft_detailed as
with matched as (
    select r.* from draft_money m join records r using (record_key, record_id)
    where r.kind = 'bank_detail' and r.parent_external_id is not null
)
select account_id, parent_external_id as entry from matched
union select account_id, {whole_entry_sql("r")} from matched r where {whole_entry_sql("r")} <> ''
"""

_RECORD = (
    "r.record_id, r.record_key, r.entity_id, r.source_id, r.account_id, r.kind, r.external_id,"
    " case when r.kind = 'bank_entry' then r.bank_code end as bank_code, {method} as method,"
    f" case when r.kind = 'bank_entry' and {sweep_sql('r.bank_code')} then 'yes' end as sweep,"
)
_COLUMNS = (
    *("event", "record_id", "record_key", "entity_id", "source_id", "account_id", "kind", "external_id"),
    *("bank_code", "method", "sweep", "posting_date", "match_id", "other_account_id", "part", "matched", "document"),
    *("adjustment", "outcome", "crossed", "currency", "exponent", "amount", "fee", "fee_tax", "tax", "clears"),
    *("carried", "unvalued", "counterparty", "single", "whole"),
)

_OF_MATCHES = f"""
select 'amount', {{record}} r.booked_on, t.match_id, t.other_account_id, 'amount', t.matched, t.document, t.adjustment,
    null, t.crossed, t.currency, t.exponent, t.amount,
    case when {{whole}} then coalesce(r.fee, 0) else 0 end, case when {{whole}} then coalesce(r.fee_tax, 0) else 0 end,
    t.tax, t.clears, t.carried, t.unvalued, coalesce(t.counterparty, r.counterparty), t.single, {{whole}}
from ({_CUT}) t join records r on r.record_key = t.record_key and r.record_id = t.record_id
"""
_OF_REST = f"""
select 'amount', {{record}} r.booked_on, null, null, 'amount',
    case when b.record_id is null and r.record_id not in (select record_id from draft_not_aside) then 'nothing' else 'part' end,
    b.document, null, null, null, r.currency,
    {_REST_EXPONENT}, {_REST_AMOUNT},
    case when u.used is null then coalesce(r.fee, 0) else 0 end,
    case when u.used is null then coalesce(r.fee_tax, 0) else 0 end,
    case when u.used is null then coalesce(r.tax, 0) else 0 end,
    null, null, null, r.counterparty, true, u.used is null
{_REST_FROM} and {_REST_AMOUNT} <> 0
"""
_OF_FEES = f"""
select 'fee', {{record}} r.booked_on, null, null, 'fee', null, null, null, null, null, r.currency, r.exponent, 0,
    coalesce(r.fee, 0), coalesce(r.fee_tax, 0), 0, null, null, null, null, true, false
from records r
where r.status = 'booked' and r.kind in ({quoted(_PLATFORM_KINDS)})
    and (coalesce(r.fee, 0) <> 0 or coalesce(r.fee_tax, 0) <> 0)
"""
# What was matched with a document never stood among what is disputed: there is nothing of it to lose, nor to bring back.
_OF_OUTCOMES = f"""
select 'outcome', {{record}} o.decided_on, null, null, 'amount', null, null, null, o.outcome, null, r.currency,
    {_REST_EXPONENT}, {_REST_AMOUNT}, 0, 0, 0, null, null, null, r.counterparty, true, false
from outcomes o join records r on r.record_id = o.record_id
    left join draft_used u on u.record_key = r.record_key and u.record_id = r.record_id
where r.status = 'booked' and {_REST_AMOUNT} <> 0 and r.record_id not in (select record_id from draft_not_aside)
"""
# Reversals of disputes of which nothing stands aside: what comes back is on account until a document takes it.
_NOT_ASIDE = f"""
create or replace temp table draft_not_aside as
select v.record_id from reversals v join records r on r.record_id = v.dispute
    left join draft_used u on u.record_key = r.record_key and u.record_id = r.record_id
where r.status = 'booked' group by v.record_id having bool_and({_REST_AMOUNT} = 0)
"""
_ALL_ASIDE = "create or replace temp table draft_not_aside as select ''::blob as record_id where false"

# The id of a journal is made of what it is about, not of what it says: amended facts make the same journal, differently.
_JOURNAL_ID = (
    "unhex(left(sha256(concat_ws(chr(31), p.entity_id, b.ledger, p.event, hex(p.record_id),"
    " coalesce(hex(p.match_id), ''))), 32))"
)


def shape_of(alias: str = "") -> str:
    """Write the columns of a shape."""
    return ", ".join(f"{alias}{column}" for column in SHAPE)


def pieces(*, methods: bool, outcomes: bool, reversals: bool) -> list[str]:
    """
    Give the statements that make ``draft_piece``, in order.

    :param methods: some posting asks how a customer paid.
    :param outcomes: there is a relation ``outcomes`` (record_id, outcome, decided_on).
    :param reversals: there is a relation ``reversals`` (record_id, dispute).
    """
    record = _RECORD.format(method=_method(asked=methods))
    whole = "(t.amount = r.amount and t.exponent = r.exponent and t.adjustment is null and t.crossed is null)"
    parts = [_OF_MATCHES, _OF_REST, _OF_FEES, *([_OF_OUTCOMES] if outcomes else [])]
    every = "union all".join(part.format(record=record, whole=whole) for part in parts)
    first = ", ".join(_COLUMNS)
    flags = """case when p.amount < 0 then '-' else '+' end as sign,
            case when p.fee <> 0 then 'yes' end as has_fee, case when p.fee_tax <> 0 then 'yes' end as has_fee_tax,
            case when p.tax <> 0 then 'yes' end as has_tax"""
    piece = f"""
        create or replace temp table draft_piece as
        with every({first}) as ({every}), shaped as (
            select p.*, {flags}, {_JOURNAL_ID} as journal_id,
                coalesce(p.single and p.currency = b.currency and p.exponent = b.exponent, false) as direct
            from every p left join draft_books b using (entity_id)
        )
        select *, hash({shape_of()}) as shape from shaped
    """
    return [_USED, _BEGUN, _DETAILED, _NOT_ASIDE if reversals else _ALL_ASIDE, piece]
