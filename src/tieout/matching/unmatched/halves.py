"""
Balances that were carried over, and that the next settlement opens with something else: both halves need a person.

While the other half is absent a balance is on its way. Once it is here and they are no pair, nothing can come any more.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from tieout.matching.performing.settlements import CARRIED_DAYS

if TYPE_CHECKING:
    from tieout.matching.performing.perform import Performance

__all__ = ["note_halves"]

_CANDIDATES_MAX = 3


def note_halves(work: Performance, side: str, through_day: int) -> None:
    """
    Make ``halves`` (thing, reason, note, candidates): what was carried over, is overdue, and does not agree with its other half.

    :param side: whose lines make settlements.
    """
    engine = work.engine
    nothing = "select 0::bigint as thing, '' as reason, '' as note, '' as candidates where false"
    if not any(work.grouped) or "balance_transfer" not in work.kinds[0 if side == "left" else 1]:
        engine.create("halves", nothing)
        return
    codes = work.money.currencies
    currency = " ".join(f"when {code} then '{name}'" for code, name, _ in codes)
    exponent = " ".join(f"when {code} then {exponent}" for code, _, exponent in codes)
    engine.create(
        "carried_open",
        f"""select e.thing, e.record_id, e.record_key, e.source_id, e.external_id, e.account_id, e.settlement_id, e.ccy,
                e.booked, e.gross as measure, (e.gross * e.sign)::bigint as moved,
                case e.ccy {currency} end as currency, (case e.ccy {exponent} end)::integer as exponent
            from {side}_all e anti join composed c on c.thing = e.thing and c.claim = 'transfer'
            where e.kind = 'balance_transfer'""",
    )
    pairs = " union all ".join(
        f"""select {mine}.thing, {theirs}.thing as other from carried_open a join carried_open b
            on b.account_id is not distinct from a.account_id and b.ccy = a.ccy
                and b.settlement_id is distinct from a.settlement_id and b.booked between a.booked and a.booked + {CARRIED_DAYS}
            where a.moved < 0 and b.moved > 0 and {mine}.booked + {CARRIED_DAYS} < {through_day}"""
        for mine, theirs in ("ab", "ba")
    )
    engine.create(
        "half_pairs",
        f"""select * from (
            select a.thing, a.moved, a.currency, b.source_id, b.external_id, b.record_id,
                abs(a.moved + b.moved)::bigint as apart, decimal_text(a.measure, a.exponent) as own_text,
                decimal_text(b.measure, b.exponent) as other_text,
                decimal_text(abs(a.moved + b.moved)::bigint, a.exponent) as apart_text,
                row_number() over (partition by a.thing order by abs(a.moved + b.moved), abs(b.booked - a.booked), b.record_key, b.record_id) as place
            from ({pairs}) p join carried_open a on a.thing = p.thing join carried_open b on b.thing = p.other
        ) p where place <= {_CANDIDATES_MAX}""",
    )
    why = "case when apart = 0 then 'ambiguous' else 'amount_difference' end"
    engine.create(
        "halves",
        f"""select thing, max({why}) filter (where place = 1) as reason,
                max(case when apart = 0 then 'others of the same amount fit as well: choose one'
                    when moved < 0 then own_text || ' ' || currency || ' carried over, and ' || other_text || ' opens the next settlement: differs by ' || apart_text || ' ' || currency
                    else own_text || ' ' || currency || ' opens the settlement, and ' || other_text || ' was carried over: differs by ' || apart_text || ' ' || currency
                    end) filter (where place = 1) as note,
                to_json(list({{'source': source_id, 'external_id': external_id, 'record_id': lower(hex(record_id)),
                    'amount': other_text, 'score': null, 'why': {why}, 'here': null, 'there': null, 'exchanged': null}} order by place))::varchar as candidates
            from half_pairs group by thing""",
    )
