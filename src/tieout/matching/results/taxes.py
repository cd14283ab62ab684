"""
How much tax is in a difference: the share that the documents of its match have.

A discount makes smaller what was sold, and with it the tax. The rule, for rules and for people alike:

1. The documents that run the way of the sum of all carry the difference, whichever they are: of an invoice and a credit
   note that is subtracted from it, the invoice.
2. The tax in what the match takes of each is tax * taken / amount, rounded half up to a minor unit.
3. The tax in the difference is difference * (sum of those taxes) / (sum of what is taken), rounded half up; what is left
   is without tax, so that both add up to the difference.

All in whole numbers, at the decimals in which the match is counted. Charges of banks and platforms have a tax of their own,
which no document states; a rounding, a difference of rates, an over payment and tax that was withheld have none.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["TAXED", "document_taxes_sql", "tax_in", "tax_in_sql"]

#: The reasons of differences that make smaller what a document is about.
TAXED = ("discount", "short_payment", "write_off")


def tax_in(reason: str, difference: int, documents: Sequence[tuple[int, int, int | None]]) -> int | None:
    """
    Give the tax in a difference; None where no document states any, or the reason has none.

    :param documents: (amount, what the match takes of it, the tax in the amount) of each, as one side of the match has them.
    """
    total = sum(taken for _, taken, _ in documents)
    carrying = [one for one in documents if one[1] * total > 0]
    whole = sum(abs(taken) for _, taken, _ in carrying)
    tax = sum(_half_up(abs(taken) * _stated(amount, tax), abs(amount)) for amount, taken, tax in carrying)
    if reason not in TAXED or not tax:
        return None
    return (1 if difference > 0 else -1) * _half_up(abs(difference) * tax, whole)


def _stated(amount: int, tax: int | None) -> int:
    """Give the tax in a document; one that is all of it, or more, was not meant."""
    return abs(tax) if tax is not None and abs(tax) < abs(amount) else 0


def _half_up(numerator: int, denominator: int) -> int:
    return (2 * numerator + denominator) // (2 * denominator)


def document_taxes_sql(documents: str, rows: str) -> str:
    """
    Write the query for what documents say of tax, by match: (match_id, whole, tax), sums of steps 1 and 2 as positive numbers.

    :param documents: a relation (match_id, side, thing, taken): the documents of matches; where both sides have some, they
        carry no difference of ours.
    :param rows: a relation (thing, measure, inside): the tax of each.
    """
    return f"""
        select match_id, sum(abs(taken)) as whole, sum(case when abs(inside) < abs(measure)
            then (abs(taken::hugeint) * abs(inside) * 2 + abs(measure)) // (2 * abs(measure)) else 0 end) as tax
        from (
            select d.match_id, d.taken, a.measure, a.inside, sum(d.taken) over (partition by d.match_id) as total,
                min(d.side) over (partition by d.match_id) as first_side, max(d.side) over (partition by d.match_id) as last_side
            from {documents} d join {rows} a on a.thing = d.thing
        ) t
        where first_side = last_side and (taken > 0) = (total > 0) group by match_id
    """


def tax_in_sql(reason: str, difference: str, whole: str, tax: str) -> str:
    """Write step 3; arguments are SQL, the last two from :func:`document_taxes_sql`."""
    listed = ", ".join(f"'{name}'" for name in TAXED)
    return f"""case when {reason} in ({listed}) and {tax} > 0 then (case when {difference} < 0 then -1 else 1 end)
        * ((abs({difference}::hugeint) * {tax} * 2 + {whole}) // (2 * {whole})) end"""
