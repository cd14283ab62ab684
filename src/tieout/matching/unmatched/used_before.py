"""
What an exception names that earlier runs used up: an invoice that is paid already, and what paid it.

A run does not read again what is used up; it is looked up by the identifiers of the few things that nothing matched.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from tieout.matching.comparing.naming import FEW
from tieout.store.views import measured_sql

if TYPE_CHECKING:
    from tieout.matching.performing.perform import Performance

__all__ = ["find_used_before"]

_NONE = {
    "used_before": """select 0::bigint as thing, null::varchar as entity_id, 0::integer as ccy, 0::bigint as measure,
        1::tinyint as sign, ''::blob as record_id, 0::bigint as record_key, '' as source_id, '' as external_id,
        0::integer as booked, true as used, 0::bigint as whole, 0::bigint as family, false as one_of_many where false""",
    "met_before": "select 0::bigint as thing, 0::bigint as other, false as inside where false",
}
# What it measures as its claim, as the sides count it (facts.sides).
_MEASURE = f"({measured_sql('r.claim', 'r')} * s.factor)::bigint"


def find_used_before(work: Performance) -> None:
    """
    Make ``used_before``, rows as of ``asked_rows`` with numbers below zero, and ``met_before`` (thing, other, inside).

    On the other side it is what shares an identifier that few have. On its own side it is what was matched with that by
    the same name, and has its kind and amount: this one says the same a second time.
    """
    engine = work.engine
    for name, nothing in _NONE.items():
        engine.create(name, nothing)
    engine.create(
        "asked_before",
        " union all ".join(
            f"select thing, key, whole, '{side}' as side from asked_keys_{side}" for side in ("left", "right")
        ),
    )
    if not engine.count("asked_before") or not work.used_keys.tell(engine, "asked_before"):
        return
    # What is open in part, or moves own money, is among what the run reads.
    engine.create(
        "told_used",
        f"""select r.*, s.ccy, {_MEASURE} as measure from told r
            join scales s on s.currency = r.currency and s.exponent is not distinct from r.exponent
            anti join (select record_key, record_id from left_all union all select record_key, record_id from right_all) a
                on a.record_key = r.record_key and a.record_id = r.record_id""",
    )
    engine.create(
        "told_numbers",
        """select record_key, record_id, -(row_number() over (order by record_key, record_id)) as number
            from told_used group by record_key, record_id""",
    )
    engine.create(
        "told_few",
        f"select key, side from told_used group by key, side having count(distinct record_id) <= {FEW}",
    )
    engine.create(
        "met_used",
        """select distinct a.thing, a.key, a.whole, r.match_id, n.number as other, r.external_key
            from asked_before a join told_used r on r.key = a.key and r.side <> a.side
            semi join told_few f on f.key = r.key and f.side = r.side
            join told_numbers n on n.record_key = r.record_key and n.record_id = r.record_id""",
    )
    engine.create(
        "met_before",
        """select distinct thing, other, false as inside from met_used
            union all
            select distinct o.thing, n.number, true
            from met_used o join told_used r on r.match_id = o.match_id and r.key = o.key
            join (
                select thing, 'left' as side, ccy, measure, kind from left_all
                union all select thing, 'right', ccy, measure, kind from right_all
            ) x on x.thing = o.thing and x.side = r.side and x.ccy = r.ccy and x.measure = r.measure and x.kind = r.kind
            join told_numbers n on n.record_key = r.record_key and n.record_id = r.record_id
            where o.whole = 1""",
    )
    engine.create(
        "used_before",
        """select distinct n.number as thing, r.entity_id, r.ccy, r.measure, r.sign, r.record_id, r.record_key, r.source_id,
                r.external_id, r.booked::integer as booked, true as used, r.measure * r.sign as whole, n.number as family,
                false as one_of_many
            from told_used r join told_numbers n on n.record_key = r.record_key and n.record_id = r.record_id""",
    )
