"""
The platforms' reports: what each pays out, line by line, and what is left.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from tieout.simulation._days import text_of
from tieout.simulation._sales import Line
from tieout.simulation._tables import write

if TYPE_CHECKING:
    from pathlib import Path

    import duckdb

    from tieout.simulation._profile import Platform, Profile
    from tieout.simulation._settling import Settlement

__all__ = ["ADYEN_WORDS", "STRIPE_WORDS", "lay_platform_rows", "write_adyen", "write_stripe"]

#: Stripe's reporting category of each line.
STRIPE_WORDS = {
    Line.CHARGE: "charge", Line.REFUND: "refund", Line.DISPUTE: "dispute", Line.DISPUTE_WON: "dispute_reversal",
    Line.FEE: "fee", Line.HOLD: "risk_reserved_funds", Line.RELEASE: "risk_reserved_funds",
    Line.ADJUSTMENT: "other_adjustment", Line.PAYOUT: "payout", Line.PAYOUT_FAILED: "payout_reversal",
    Line.FEE_TAX: "tax", Line.DEBIT_RETURNED: "charge_failure",
    Line.CONVERSION: "currency_conversion",
}  # fmt: skip
#: Adyen's journal type of each line.
ADYEN_WORDS = {
    Line.CHARGE: "Settled", Line.REFUND: "Refunded", Line.DISPUTE: "Chargeback", Line.DISPUTE_WON: "ChargebackReversed",
    Line.FEE: "Fee", Line.HOLD: "DepositCorrection", Line.RELEASE: "DepositCorrection", Line.CORRECTION: "ManualCorrected",
    Line.PAYOUT: "MerchantPayout", Line.PAYOUT_FAILED: "BankInstructionReturned", Line.CARRIED_OUT: "Balancetransfer",
    Line.CARRIED_IN: "Balancetransfer",
}  # fmt: skip
_DAILY_FILES_FROM = 100_000  # platform rows: smaller companies fetch a report now and then
_DAYS_OF_A_FILE = 12


def _case(of: dict[Line, str], column: str = "kind") -> str:
    return f"case {column} " + " ".join(f"when {int(kind)} then {sql}" for kind, sql in of.items()) + " end"


def _words(of: dict[Line, str]) -> str:
    return _case({kind: f"'{word}'" for kind, word in of.items()})


def lay_platform_rows(con: duckdb.DuckDBPyConnection, profile: Profile) -> None:
    """Give every line the identifiers of its platform: ``lines_named``."""
    own = {
        Line.CHARGE: "case method when 2 then stripe_id('py', 'c', payment) else stripe_id('ch', 'c', payment) end",
        Line.REFUND: "stripe_id('re', 'r', i)",
        Line.DISPUTE: "stripe_id('du', 'd', payment)",
        Line.DISPUTE_WON: "stripe_id('du', 'd', payment)",
        Line.PAYOUT: "settlement_id",
        Line.PAYOUT_FAILED: "failed_id",
        Line.DEBIT_RETURNED: "stripe_id('pyr', 'r', i)",
    }
    on_adyen = {
        Line.CHARGE: "adyen_id('c', payment)", Line.REFUND: "adyen_id('r', i)", Line.DISPUTE: "adyen_id('d', i)",
        Line.DISPUTE_WON: "adyen_id('w', i)", Line.PAYOUT: "token", Line.PAYOUT_FAILED: "failed_token",
    }  # fmt: skip
    del profile
    con.execute(f"""
        create view lines_named as
        select l.*, failed_id, failed_token,
            case source when 'stripe' then {_case(own)} else {_case(on_adyen)} end as own_id,
            case source when 'stripe' then stripe_id('txn', 't', i) end as transaction_id
        from lines l left join (select settlement as failed, settlement_id as failed_id, token as failed_token from settlements)
            on l.kind = {int(Line.PAYOUT_FAILED)} and failed = l.order_place
    """)
    paid = ", ".join(
        str(int(kind)) for kind in (Line.CHARGE, Line.REFUND, Line.DISPUTE, Line.DISPUTE_WON, Line.DEBIT_RETURNED)
    )
    con.execute(f"""
        create view stripe_rows as
        select platform, settlement, kind, moment, i,
            case when state = 'manual' then null else settlement_id end as automatic_payout_id,
            case when state <> 'manual' then day_text(due_day) || ' 00:00:00' end as automatic_payout_effective_at_utc,
            transaction_id as balance_transaction_id, moment_text(moment) as created_utc,
            day_text(coalesce(paid_day, moment // 86400 + 4)) || ' 00:00:00' as available_on_utc, lower(currency) as currency,
            money_text(amount, exponent) as gross, money_text(fee, exponent) as fee, money_text(amount - fee, exponent) as net,
            {_words(STRIPE_WORDS)} as reporting_category, own_id as source_id,
            case when order_text is not null then case kind when {int(Line.REFUND)} then 'REFUND FOR CHARGE (' else 'Payment ('
                end || order_text || ')'
                when kind = {int(Line.PAYOUT)} then 'STRIPE PAYOUT' when kind = {int(Line.FEE_TAX)} then 'Stripe processing fees - VAT'
                when kind = {int(Line.PAYOUT_FAILED)} then 'STRIPE PAYOUT FAILURE' when kind = {int(Line.ADJUSTMENT)} then 'Balance adjustment'
                when kind = {int(Line.CONVERSION)} then 'Currency conversion'
                else 'Reserve' end as description,
            case when kind in ({paid}) then money_text(abs(amount), exponent) end as customer_facing_amount,
            case when kind in ({paid}) then lower(currency) end as customer_facing_currency,
            customer_name, customer_email,
            case when kind in ({paid}) then case method when 2 then stripe_id('py', 'c', payment)
                else stripe_id('ch', 'c', payment) end end as charge_id,
            case when kind in ({paid}) then stripe_id('pi', 'i', payment) end as payment_intent_id,
            case when kind in ({paid}) then case when method < 2 then 'card'
                when currency = 'USD' then 'us_bank_account' else 'sepa_debit' end end as payment_method_type,
            case when kind in ({paid}) then case method when 0 then 'visa' when 1 then 'mastercard' end end as card_brand,
            case when kind = {int(Line.PAYOUT)} then token end as trace_id, account as connected_account,
            order_text as "payment_metadata[order_id]"
        from lines_named where source = 'stripe'
    """)


_STRIPE_HIDDEN = "platform, settlement, kind, moment, i"


def write_stripe(con: duckdb.DuckDBPyConnection, profile: Profile, settlements: list[Settlement], inbox: Path) -> None:
    """Write payout reconciliations per currency, what changed the balances at the month's end, and what they were."""
    balances = [p for p in profile.platforms if p.source == "stripe"]
    for platform in balances:
        mine = [s for s in settlements if s.platform is platform and s.how != "manual"]
        days = sorted({s.day for s in mine})
        width = 1 if profile.rows >= _DAILY_FILES_FROM else _DAYS_OF_A_FILE
        for part in (days[n : n + width] for n in range(0, len(days), width)):
            places = ", ".join(str(s.place) for s in mine if s.day in part)
            name = f"Itemised_Payout_Reconciliation_{platform.currency}_{text_of(part[0])}_to_{text_of(part[-1])}.csv"
            # The same moment of many lines: their place decides, and the payout stands last.
            query = f"""
                select * exclude ({_STRIPE_HIDDEN}) from stripe_rows where settlement in ({places})
                order by settlement, kind = {int(Line.PAYOUT)}, moment, i
            """
            write(con, query, inbox / "stripe" / name)
    _write_activity(con, profile, settlements, inbox / "stripe-balance")
    _write_summary(con, profile, balances, inbox / "stripe-balance")


def _span(profile: Profile) -> str:
    return f"{text_of(profile.month.first)}_to_{text_of(profile.month.last)}"


def _write_activity(
    con: duckdb.DuckDBPyConnection, profile: Profile, settlements: list[Settlement], inbox: Path
) -> None:
    """
    Write what changed the balances, seen from their own side.

    Small companies fetch the last week, of which most is in the payout reports, too; large ones what no payout report
    has: lines that are not settled yet, and payouts by hand.
    """
    manual = ", ".join(str(s.place) for s in settlements if s.how == "manual")
    again = f"or moment >= {(profile.month.last - 6) * 86_400}" if profile.rows < _DAILY_FILES_FROM else ""
    query = f"""
        select * exclude ({_STRIPE_HIDDEN}, automatic_payout_effective_at_utc, automatic_payout_id)
        from stripe_rows where settlement = -1 or settlement in ({manual}) {again} order by moment, i
    """
    write(con, query, inbox / f"Itemised_Balance_Change_From_Activity_{_span(profile)}.csv")


def _write_summary(con: duckdb.DuckDBPyConnection, profile: Profile, balances: list[Platform], inbox: Path) -> None:
    """Write what the balances were at the month's ends."""
    first, last = text_of(profile.month.first), text_of(profile.month.last)
    openings = " ".join(f"when {p.place} then {p.opening}" for p in balances)
    paid = f"kind in ({int(Line.PAYOUT)}, {int(Line.PAYOUT_FAILED)})"
    places = ", ".join(str(p.place) for p in balances)
    query = f"""
        with sums as (
            select platform, case platform {openings} end as opening,
                coalesce(sum(amount - fee) filter (where not {paid}), 0)::bigint as activity,
                coalesce(sum(amount - fee) filter (where {paid}), 0)::bigint as payouts
            from line_columns where platform in ({places}) group by platform
        )
        select category, description, money_text(net, exponent) as net_amount, lower(currency) as currency,
            account as connected_account
        from (
            select platform, 1 as n, 'starting_balance' as category, 'Starting balance ({first})' as description,
                opening as net from sums
            union all select platform, 2, 'activity', 'Balance change from activity', activity from sums
            union all select platform, 3, 'payouts', 'Total payouts', payouts from sums
            union all select platform, 4, 'ending_balance', 'Ending balance ({last})', opening + activity + payouts from sums
        ) join platforms using (platform) order by platform, n
    """
    write(con, query, inbox / f"Balance_Summary_{_span(profile)}.csv")


def write_adyen(con: duckdb.DuckDBPyConnection, profile: Profile, settlements: list[Settlement], inbox: Path) -> None:
    """Write a settlement details report per batch."""
    paid = ", ".join(str(int(kind)) for kind in (Line.CHARGE, Line.REFUND, Line.DISPUTE, Line.DISPUTE_WON))
    said = {
        Line.FEE: "'Service fee ' || account", Line.HOLD: "'Deposit withheld'", Line.RELEASE: "'Deposit released'",
        Line.CORRECTION: "'Manual correction'", Line.PAYOUT: "token || ' batch ' || batch || ', ' || account",
        Line.PAYOUT_FAILED: "failed_token || ' returned by bank'", Line.CARRIED_OUT: "'Balancetransfer to next batch'",
        Line.CARRIED_IN: "'Balancetransfer from batch ' || (batch - 1)",
    }  # fmt: skip
    for settlement in (s for s in settlements if s.platform.source == "adyen"):
        query = f"""
            select '{profile.adyen_company}' as "Company Account", account as "Merchant Account",
                case when kind in ({paid}) then adyen_id('c', payment) end as "Psp Reference",
                order_text as "Merchant Reference", case when kind in ({paid}) then case method when 0 then 'visa' else 'mc' end end
                    as "Payment Method",
                strftime(local, '%Y-%m-%d %H:%M:%S') as "Creation Date",
                case when epoch(local) - moment > 3600 then 'CEST' else 'CET' end as "TimeZone",
                {_words(ADYEN_WORDS)} as "Type",
                case when kind = {int(Line.CHARGE)} then adyen_id('m', i) when kind in ({paid}) then own_id
                    else {_case(said)} end as "Modification Reference",
                case when kind in ({paid}) then currency end as "Gross Currency",
                case when kind in ({paid}) and amount < 0 then money_text(-amount, exponent) end as "Gross Debit (GC)",
                case when kind in ({paid}) and amount >= 0 then money_text(amount, exponent) end as "Gross Credit (GC)",
                case when kind in ({paid}) then '1' end as "Exchange Rate", currency as "Net Currency",
                case when amount - fee < 0 then money_text(fee - amount, exponent) end as "Net Debit (NC)",
                case when amount - fee >= 0 then money_text(amount - fee, exponent) end as "Net Credit (NC)",
                case when kind in ({paid}) and kind <> {int(Line.CHARGE)} and fee > 0 then money_text(fee, exponent) end as "Commission (NC)",
                case when kind = {int(Line.CHARGE)} then money_text(fee - fee * 3 // 10 - fee * 4 // 10, exponent) end as "Markup (NC)",
                case when kind = {int(Line.CHARGE)} then money_text(fee * 3 // 10, exponent) end as "Scheme Fees (NC)",
                case when kind = {int(Line.CHARGE)} then money_text(fee * 4 // 10, exponent) end as "Interchange (NC)",
                case when kind in ({paid}) then case method when 0 then 'visacredit' else 'mcdebit' end end as "Payment Method Variant",
                case when kind = {int(Line.REFUND)} then order_text || '-R' end as "Modification Merchant Reference",
                batch as "Batch Number", customer_name as "Shopper Name"
            from (select *, timezone('Europe/Amsterdam', timezone('UTC', make_timestamp(moment * 1000000))) as local
                  from lines_named where settlement = {settlement.place} and source = 'adyen')
            order by kind in ({int(Line.PAYOUT)}, {int(Line.CARRIED_OUT)}), moment, i
        """
        name = f"settlement_detail_report_{settlement.platform.number}_batch_{settlement.number}.csv"
        write(con, query, inbox / "adyen" / name)
