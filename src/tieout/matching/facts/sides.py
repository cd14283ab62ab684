"""
The two sides of a reconciliation: from records that stand to things with an open amount.

A thing is what a match uses up: a record, or, on a side that is grouped, all lines of one settlement that came without
a payout. What earlier runs used up is taken off first, claim by claim.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from tieout.model.kinds import KINDS, PAID_OUT
from tieout.store.views import entry_name_sql, measured_sql, sweep_sql

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tieout.config.workspace import Reconciliation, Side
    from tieout.matching.grammar.rules import Filter, RuleSet

__all__ = [
    "OWN_MONEY",
    "TextField",
    "claim_sql",
    "cut_fields",
    "identifiers_sql",
    "listed",
    "members_sql",
    "polarity_of",
    "rows_sql",
    "shared_sql",
    "side_claims",
    "side_filter",
    "speaking_sql",
    "swept_sql",
    "things_sql",
    "turned_sql",
]

#: Kinds that move the entity's own money: what leaves the platform arrives at the bank, so their sign is the other.
OWN_MONEY = ("payout", "payout_reversal", "top_up", "sweep", "internal_transfer")


@dataclass(frozen=True, slots=True)
class TextField:
    """
    A field that may carry identifiers.

    :ivar key: the column of its key, computed at intake; None: none (remittance text).
    :ivar many: whether it is a list.
    """

    name: str
    key: str | None
    many: bool = False


FIELDS = {
    field.name: field
    for field in (
        TextField("external_id", "external_key"),
        TextField("payment_id", "payment_key"),
        TextField("settlement_id", "settlement_key"),
        TextField("parent_external_id", "parent_key"),
        TextField("references", "reference_keys", many=True),
        TextField("text", None),
        TextField("counterparty", None),
        TextField("counterparty_account", None),
    )
}


def cut_fields(fields: Sequence[str]) -> list[str]:
    """Name the fields that are cut into words where one thing stands somewhere in another."""
    return [name for name in fields if FIELDS[name].key is None or FIELDS[name].many or name == "external_id"]


def side_claims(reconciliation: Reconciliation, rules: RuleSet, kinds: tuple[set[str], set[str]]) -> tuple[str, str]:
    """
    Say which claim each side uses up; ``by kind`` where it depends on the record.

    Where a rule set speaks of documents and payments and the sides stand the other way round, its claims are swapped.

    :param kinds: the kinds that the records of each side have.
    """
    left = reconciliation.left.claim or rules.claims[0]
    right = reconciliation.right.claim or rules.claims[1]
    given = reconciliation.left.claim or reconciliation.right.claim
    if not given and left != right and "by kind" not in (left, right):

        def fits(claims: tuple[str, str]) -> int:
            return sum(claim in KINDS[k].claims for side, claim in zip(kinds, claims, strict=True) for k in side)

        if fits((right, left)) > fits((left, right)):
            return right, left
    return left, right


def claim_sql(claim: str, alias: str = "r") -> str:
    """Write the claim of a record as SQL; null where its kind has none."""
    if claim != "by kind":
        carried = [kind.name for kind in KINDS.values() if claim in kind.claims]
        return f"case when {alias}.kind in ({listed(carried)}) then '{claim}' end"
    cases = " ".join(f"when '{kind.name}' then '{kind.claims[0]}'" for kind in KINDS.values() if kind.claims)
    return f"case {alias}.kind {cases} end"


def listed(words: Sequence[str]) -> str:
    """Write words as a list of SQL literals."""
    return ", ".join("'" + word.replace("'", "''") + "'" for word in words)


def side_filter(side: Side, own: Filter) -> str:
    """Write what a side, and its rule set, lets pass, over the record ``r``."""
    parts = ["r.status = 'booked'"]
    if own.kinds:
        parts.append(f"r.kind in ({listed(own.kinds)})")
    if own.bank_codes:
        begins = " or ".join(f"starts_with(r.bank_code, {listed((code,))})" for code in own.bank_codes)
        parts.append(f"({begins})")
    for column, allowed in (
        ("source_id", side.sources),
        ("account_id", side.accounts),
        ("entity_id", side.entities),
        ("kind", side.kinds),
    ):
        if allowed:
            parts.append(f"r.{column} in ({listed(allowed)})")
    return " and ".join(parts)


def polarity_of(rules: RuleSet, side: str) -> str:
    """Say how a side (``left`` or ``right``) is turned: ``same``, ``opposite``, or ``by kind``."""
    if rules.polarity == "opposite":
        return "opposite" if side == "right" else "same"
    return rules.polarity


def turned_sql(polarity: str) -> str:
    """Write by which sign a record ``r`` is turned: see ``rows_sql``."""
    own = f"case when r.kind in ({listed(OWN_MONEY)}) then -1 else 1 end"
    return {"same": "1", "opposite": "-1"}.get(polarity, own)


#: What stands inside the amount: of a document its tax; of a bank's entry the charge that the bank says it took, where it
#: states the amount before that in the same money.
_INSIDE = """case when c.claim = 'document' then r.tax * s.factor
            when c.claim = 'bank' and r.original_currency = r.currency and r.original_exponent is not distinct from r.exponent
                and r.original_amount > r.amount and (r.original_amount > 0) = (r.amount > 0)
                then (r.original_amount - r.amount) * s.factor end"""


def rows_sql(
    records: str,
    side: tuple[Side, Filter],
    claim: str,
    columns: Sequence[str],
    through_day: int,
    *,
    polarity: str,
    taken: str | None,
    grouped: bool,
) -> str:
    """
    Write the query for the records of a side that are not used up, with what is open of each.

    Reads ``scales`` (currency, exponent, ccy, factor), ``calendars`` (account_id, calendar) and, where something is
    used up, the relation ``used`` (claim, record_key, record_id, taken).

    :param columns: further columns of the record to carry.
    :param through_day: days since 1970: later bookings are not looked at.
    :param taken: what of it is, over ``u`` and ``s``; None: nothing.
    :param polarity: ``same``, ``opposite`` (this side is turned round) or ``by kind`` (moves of own money are).
    :param grouped: with what moves between places of ours even if it is used up: its settlement is made of its lines; and
        with ``gross``, which a ``transfer`` measures, and ``net``, by which the account's balance changes.
    """
    measured = measured_sql("c.claim", "r")
    sign = turned_sql(polarity)
    gone = taken or "0"
    joined = (
        " left join used u on u.claim = c.claim and u.record_key = r.record_key and u.record_id = r.record_id"
        if taken
        else ""
    )
    moved = [kind.name for kind in KINDS.values() if "transfer" in kind.claims]
    kept = f" or r.kind in ({listed(moved)})" if grouped else ""
    whole = "r.amount * s.factor as gross, coalesce(r.net, r.amount) * s.factor as net, " if grouped else ""
    extra = "".join(f', r."{column}"' for column in columns)
    return f"""
        select r.record_id, r.record_key, r.version, c.claim, s.ccy, r.kind,
            {_INSIDE} as inside, {whole}({measured}) * s.factor as measure, {sign}::tinyint as sign,
            ((({measured}) * s.factor) - {gone}) * ({sign}) as amount,
            coalesce(r.booked_on, r.value_on, r.due_on) - date '1970-01-01' as booked,
            coalesce(k.calendar, 0) as calendar, {entry_name_sql("r")} as entry_name{extra}
        from (select r.*, {claim_sql(claim)} as claim from {records} r where {side_filter(*side)}) r
        join (select unnest([{listed(_claims_of(claim))}]) as claim) c on c.claim = r.claim
        join scales s on s.currency = r.currency and s.exponent is not distinct from r.exponent
        left join calendars k on k.account_id = r.account_id{joined}
        where {measured} <> 0 and (((({measured}) * s.factor) - {gone}) * sign({measured}) > 0{kept})
            and coalesce(r.booked_on, r.value_on, r.due_on) - date '1970-01-01' <= {through_day}
    """


def shared_sql() -> str:
    """Write the query for records that are on both sides with one claim: (external_id)."""
    return """select a.external_id from left_all a join right_all b on b.record_key = a.record_key
        and b.record_id = a.record_id and b.claim = a.claim order by 1 limit 1"""


def _claims_of(claim: str) -> list[str]:
    if claim != "by kind":
        return [claim]
    return sorted({kind.claims[0] for kind in KINDS.values() if kind.claims})


def identifiers_sql(rows: str, field: str) -> str:
    """Write the query for what an identifier says of things: (thing, key, raw), raw being a hash of the spelling."""
    key = FIELDS[field].key
    if FIELDS[field].many:
        return f"""select thing, key, raw from (select thing, unnest({key}) as key,
            unnest(list_transform("{field}", lambda x: hash(x))) as raw from {rows} where {key} is not null)
            where key is not null"""
    return f'select thing, {key} as key, hash("{field}") as raw from {rows} where {key} is not null'


def things_sql(rows: str, *, grouped: bool) -> str:
    """
    Write the query for the things of a side, over its numbered rows.

    Ungrouped, every row is a thing. Grouped, a payout is a thing, and the lines of each settlement without one are
    together one; lines that no settlement names are none yet.
    """
    columns = "thing, ccy, amount, booked, calendar"
    if not grouped:
        return f'select {columns} from "{rows}"'
    settled = f"kind in ({listed(PAID_OUT)})"
    return f"""
        select {columns} from "{rows}" where {settled} and amount <> 0
        union all
        select min(thing), ccy, sum(amount)::bigint, max(booked), any_value(calendar) from "{rows}" l
        where settlement_id is not null and amount <> 0 and not {settled}
            and not exists (select 1 from "{rows}" p where p.{settled} and p.settlement_id = l.settlement_id
                and p.ccy = l.ccy and p.account_id = l.account_id)
        group by account_id, settlement_id, ccy
        having sum(amount) <> 0
    """


def swept_sql(rows: str) -> str:
    """Write the query for bank entries that are told to be sweeps by their code: (thing)."""
    return f"""select thing from "{rows}" where claim = 'bank' and {sweep_sql("bank_code")}"""


def members_sql(rows: str) -> str:
    """
    Write the query for the records of grouped things: (thing, row, amount); payouts stand for themselves.

    What is taken of a thing of several is all of them; of a payout it may be a part, so no amount is said.
    """
    settled = f"kind in ({listed(PAID_OUT)})"
    return f"""
        with settlement as (
            select min(thing) as thing, account_id, settlement_id, ccy from "{rows}" l
            where settlement_id is not null and amount <> 0 and not {settled}
                and not exists (select 1 from "{rows}" p where p.{settled} and p.settlement_id = l.settlement_id
                    and p.ccy = l.ccy and p.account_id = l.account_id)
            group by account_id, settlement_id, ccy
        )
        select s.thing, l.thing as row, l.amount from "{rows}" l join settlement s
            on s.account_id is not distinct from l.account_id and s.settlement_id = l.settlement_id and s.ccy = l.ccy
        where l.amount <> 0 and not l.{settled}
        union all select thing, thing, null::bigint from "{rows}" where {settled} and amount <> 0
    """


def speaking_sql(side: str, *, grouped: bool) -> str:
    """
    Write the query for which thing a row speaks for, and which way that runs: (row, thing, sign).

    Lines of a settlement that are no thing by themselves, because a payout or nothing names them, speak for none.
    """
    if not grouped:
        return f'select thing as row, thing, sign(measure * sign)::tinyint as sign from "{side}_all"'
    return f"""select m.row, m.thing, sign(sum(a.measure * a.sign) over (partition by m.thing))::tinyint as sign
        from members_of_{side} m join "{side}_all" a on a.thing = m.row"""
