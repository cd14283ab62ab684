"""
What an exception and what it shares an identifier with in another currency are worth in the entity's, by the rates.

Only where a rule compares them so: else nobody said that the one may be paid in the other.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from tieout.config.rates import RATE_AGE_MAX_DAYS
from tieout.matching.facts.scales import base_rates, in_base
from tieout.matching.unmatched.nearest import compares_currencies

if TYPE_CHECKING:
    from tieout.matching.performing.perform import Performance

__all__ = ["convert", "told_converted"]

_NOTHING = """select 0::bigint as thing, 0::bigint as other, 0::bigint as here, 0::bigint as there, '' as here_text,
    '' as there_text, '' as said where false"""


def convert(work: Performance, currency: str) -> None:
    """
    Make ``converted`` (thing, other, here, there, here_text, there_text, said) of ``near``: both amounts, and how far they are
    apart.

    A text is null where there is no rate of its day; ``said`` tells then which is missing.

    :param currency: the cases of a currency's code (``reasons.money_cases``).
    """
    engine = work.engine
    if not compares_currencies(work):
        engine.create("converted", _NOTHING)
        return
    engine.create(
        "to_convert",
        """select n.thing, n.other, a.ccy, a.booked, a.whole, b.ccy as other_ccy, b.booked as other_booked, b.whole as other_whole
            from near n join asked_rows a on a.thing = n.thing join asked_rows b on b.thing = n.other
            where n.why in ('currency_mismatch', 'near_currency')""",
    )
    found = engine.arrow("select ccy, booked from to_convert union select other_ccy, other_booked from to_convert")
    spans = [(row["ccy"], row["booked"]) for row in found.to_pylist() if row["booked"] is not None]
    engine.take("rates_asked", base_rates(work.money, work.rates, work.base_currency, spans))
    base = work.base_currency
    here, there = (f"decimal_text({name}, {work.base_exponent})" for name in ("here", "there"))

    def missing(ccy: str, booked: str) -> str:
        day = f"(date '1970-01-01' + {booked}::integer)::varchar"
        return f"'no rate for ' || case {ccy} {currency} end || ' on ' || {day} || ', nor in the {RATE_AGE_MAX_DAYS} days before'"

    engine.create(
        "converted",
        f"""select thing, other, here, there, {here} as here_text, {there} as there_text, case
                when here is null then {missing("ccy", "booked")}
                when there is null then {missing("other_ccy", "other_booked")}
                else 'by the rates ' || {here} || ' against ' || {there} || ' {base}, differs by '
                    || decimal_text(abs(abs(here) - abs(there)), {work.base_exponent}) || ' {base}' end as said
            from (
                select c.*, {in_base("c.whole", "x")} as here, {in_base("c.other_whole", "y")} as there
                from to_convert c left join rates_asked x on x.ccy = c.ccy and x.day = c.booked
                left join rates_asked y on y.ccy = c.other_ccy and y.day = c.other_booked
            ) c""",
    )


def told_converted(currency: str) -> str:
    """Write both amounts as a part of a candidate; null where nothing was converted."""
    told = f"{{'here': here_text, 'there': there_text, 'currency': '{currency}'}}"
    return f"case when converted is not null then {told} end"
