"""
The proof that journals balance, and the trial balance that they add up to.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from tieout.errors import Broken

if TYPE_CHECKING:
    import duckdb
    import pyarrow as pa

__all__ = ["prove_balanced", "trial_balance"]


def prove_balanced(con: duckdb.DuckDBPyConnection, journals: str) -> None:
    """
    Prove of every journal that debits equal credits, in each currency and in the books'.

    Also that every line stands on one side, that a line without an amount is a named difference, and that rounding is
    at most half a minor unit of the books per line.

    :param journals: a relation with the columns of ``RESULTS["journals"]``.
    :raises Broken: one of them does not hold; the journal is named.
    """
    found = con.execute(f"""
        with summed as (
            select journal_id, sum(base_debit) - sum(base_credit) as base, bool_or(wrong) as wrong from (
                select journal_id, sum(base_debit) as base_debit, sum(base_credit) as base_credit,
                    sum(debit) <> sum(credit)
                    or min(least(debit, credit, base_debit, base_credit)) < 0
                    or max(least(debit, credit)) > 0 or max(least(base_debit, base_credit)) > 0
                    or bool_or(debit + credit = 0 and name not in ('rounding', 'fx_gain', 'fx_loss'))
                    or 2 * sum(case when debit + credit = 0 and name = 'rounding' then base_debit + base_credit else 0 end)
                        > count(case when debit + credit > 0 then 1 end) as wrong
                from {journals} group by journal_id, currency, exponent
            ) group by journal_id
        )
        select hex(journal_id), base, wrong from summed where base <> 0 or wrong order by 1 limit 1
    """).fetchall()
    if found:
        journal, base, _ = found[0]
        what = f"debits - credits of {base} minor units in the books' currency" if base else "a line that is off"
        message = f"expected every journal to balance, got {what} in journal {journal.lower()}"
        raise Broken(message)


def trial_balance(con: duckdb.DuckDBPyConnection, journals: str) -> pa.Table:
    """
    Give every ledger account with its balance: debits equal credits in the books' currency.

    A line about a difference of rates or of rounding has an amount in that currency only, and stands in a row of it. All
    others balance in each currency by themselves.

    :param journals: a relation with the columns of ``RESULTS["journals"]``.
    :returns: one row per entity, ledger, account and currency, sorted: debit, credit, balance (debit - credit) in
        minor units at ``exponent``, and base_debit, base_credit, base_balance in the books' currency.
    """
    powers = ", ".join(str(10**n) for n in range(10))
    return con.sql(f"""
        with line as (
            select * replace (case when own then debit else base_debit end as debit,
                case when own then credit else base_credit end as credit,
                case when own then currency else base_currency end as currency,
                case when own then exponent else base_exponent end as exponent)
            from (select entity_id, ledger, account, debit, credit, currency, exponent, base_debit, base_credit,
                base_currency, base_exponent, debit + credit <> 0 as own from {journals})
        ), finest as (select currency, max(exponent) as finest from line group by currency)
        select entity_id, ledger, account, currency, any_value(finest)::integer as exponent,
            sum(debit::hugeint * [{powers}][finest - exponent + 1])::bigint as debit,
            sum(credit::hugeint * [{powers}][finest - exponent + 1])::bigint as credit,
            sum((debit - credit)::hugeint * [{powers}][finest - exponent + 1])::bigint as balance, base_currency, base_exponent,
            sum(base_debit)::bigint as base_debit, sum(base_credit)::bigint as base_credit,
            (sum(base_debit) - sum(base_credit))::bigint as base_balance
        from line join finest using (currency)
        group by entity_id, ledger, account, currency, base_currency, base_exponent
        order by entity_id, ledger, account, currency
    """).to_arrow_table()
