"""
What a correct tieout must find in a company's files, by construction; no product code reads it.

``truth/README.md`` says what each table means.
"""

from __future__ import annotations

import csv
import io
from dataclasses import fields
from typing import TYPE_CHECKING

import pyarrow as pa

from tieout.simulation._documents import How
from tieout.simulation._sales import Line
from tieout.simulation._tables import write_parquet
from tieout.simulation._told_balances import write_told_balances
from tieout.simulation._truth_sums import (
    write_balances,
    write_conversions,
    write_fees,
    write_in_transit,
    write_payments,
    write_transit,
)
from tieout.simulation._truth_text import README
from tieout.simulation._world import Position

if TYPE_CHECKING:
    from pathlib import Path

    import duckdb

    from tieout.simulation._banks import Statement
    from tieout.simulation._own_moves import Conversion
    from tieout.simulation._settling import Settlement
    from tieout.simulation._world import World

__all__ = ["write_truth"]

#: Lines and documents whose positions stand in one file.
_PART_ROWS = 400_000
# how -> expected, reason, decidable, also
_JUDGED: dict[How, tuple[str, str | None, bool, str]] = {
    How.PLAIN: ("matched", None, True, ""),
    How.OTHER_SPELLING: ("matched", None, True, ""),
    How.LATE_REFERENCE: ("matched", None, True, ""),
    How.CORRECTED_DOCUMENT: ("matched", None, True, ""),
    How.PREFIX_LOST: ("matched", None, True, ""),
    How.TRUNCATED_REFERENCE: ("matched", None, True, ""),
    How.MANGLED_REFERENCE: ("matched", None, True, ""),
    How.MISSING_REFERENCE: ("matched", None, True, ""),
    How.SHORT_WITHIN_TOLERANCE: ("matched", None, True, "exception:amount_difference"),
    How.OVER_WITHIN_TOLERANCE: ("matched", None, True, "exception:amount_difference"),
    How.SHORT_BEYOND_TOLERANCE: (
        "exception",
        "amount_difference",
        True,
        "exception:missing_left;exception:missing_right",
    ),
    How.OVER_BEYOND_TOLERANCE: (
        "exception",
        "amount_difference",
        True,
        "exception:missing_left;exception:missing_right",
    ),
    How.BOOKED_IN_BASE_CURRENCY: ("matched", None, True, "exception:currency_mismatch"),
    How.DUPLICATED_DOCUMENT: ("exception", "ambiguous", False, "exception:duplicate;matched"),
    How.PAID_TWICE: ("exception", "ambiguous", False, "exception:duplicate;matched;exception:missing_left"),
    How.MISSING_DOCUMENT: ("exception", "missing_left", True, "open"),
    How.MISSING_CHARGE: ("exception", "missing_right", True, "exception:late;open"),
    How.MISSING_REFUND: ("exception", "missing_right", True, "exception:late;open"),
    How.REFUND_WITHOUT_CREDIT_NOTE: ("exception", "refund_without_credit_note", True, "open"),
    How.PAID_IN_THREE_PARTS: ("matched", None, True, "exception:amount_difference"),
    How.RETURNED_DEBIT: (
        "exception",
        "returned",
        True,
        "exception:refund_without_credit_note;open",
    ),
}
#: References that do not join: amount, day and name must do.
_NAMELESS = (How.PREFIX_LOST, How.TRUNCATED_REFERENCE, How.MANGLED_REFERENCE, How.MISSING_REFERENCE)


def write_truth(
    con: duckdb.DuckDBPyConnection,
    world: World,
    made: tuple[list[Settlement], list[Conversion], list[Statement]],
    spoiled: list[dict[str, object]],
    folder: Path,
) -> None:
    """
    Write every table of the truth.

    :param made: what was settled, what was converted, and the banks' statements.
    :param spoiled: the rows that cannot be read.
    """
    settlements, conversions, statements = made
    folder.mkdir(parents=True, exist_ok=True)
    _lay_positions(con, world)
    _write_positions(con, folder)
    write_balances(con, world, statements, folder)
    write_in_transit(con, world, settlements, folder)
    write_transit(con, world, folder)
    write_conversions(con, conversions, folder)
    write_told_balances(con, folder)
    write_fees(con, folder)
    write_payments(con, folder)
    text = io.StringIO(newline="")
    writer = csv.DictWriter(text, ["source", "file", "column", "external_id", "content"], lineterminator="\n")
    writer.writeheader()
    writer.writerows(spoiled)
    (folder / "unreadable.csv").write_text(text.getvalue(), encoding="utf-8")
    (folder / "README.md").write_text(README, encoding="utf-8")


def _case(values: dict[How, str | None], column: str) -> str:
    arms = " ".join(
        f"when {int(how)} then " + ("null" if value is None else f"'{value}'") for how, value in values.items()
    )
    return f"case {column} {arms} end"


def _lay_positions(con: duckdb.DuckDBPyConnection, world: World) -> None:
    names = [field.name for field in fields(Position)]
    columns = {name: [getattr(position, name) for position in world.positions] for name in names}
    con.register("drawn_given", pa.table(columns))
    con.execute(
        """
        create table drawn as
        select row_number() over () as i, * exclude (day, "group"), date '1970-01-01' + day::integer as booked_on, "group" as group_id
        from drawn_given
    """
    )
    con.unregister("drawn_given")
    _lay_pool(con)
    con.execute(f"create view settled_side as {_settled()}")


def _write_positions(con: duckdb.DuckDBPyConnection, folder: Path) -> None:
    """Write what was drawn one by one, then what is made of columns, part by part so that each can be sorted."""
    drawn = """
        select 0 as part, i, reconciliation, claim, side, source, external_id, settlement_id, kind, booked_on, amount,
            currency, expected, reason, group_id, coalesce(allocated, amount) as allocated, decidable, trouble, also
        from drawn
    """
    lasts = con.execute("select max(i) from line_columns union all select max(i) from document_columns").fetchall()
    for nth, begin in enumerate(range(0, max(last for (last,) in lasts) + 1, _PART_ROWS)):
        chosen = f"i >= {begin} and i < {begin + _PART_ROWS}"
        parts = [drawn if begin == 0 else f"{drawn} where false"]
        parts += [f"{_judged(side)} where {chosen}" for side in ("document_side", "payment_side")]
        parts.append(f"select * from settled_side where {chosen}")
        query = f"select * exclude (part, i) from ({' union all '.join(parts)}) order by part, i"
        write_parquet(con, query, folder / (f"positions-{nth}.parquet" if nth else "positions.parquet"))


def _lay_pool(con: duckdb.DuckDBPyConnection) -> None:
    """Lay out both sides of the receivables, and which of those without a usable reference cannot be told apart."""
    nameless = ", ".join(str(int(how)) for how in _NAMELESS)
    con.execute(f"""
        create view document_side as
        select 'document' as claim, 'left' as side, case entity when 0 then 'erp-de' else 'erp-us' end as source,
            number as external_id, null::varchar as settlement_id, kind, date '1970-01-01' + day::integer as booked_on,
            amount, currency, how, full_name as name, line,
            line as tied, i, case when how = {int(How.PAID_IN_THREE_PARTS)} then paid else amount end as allocated
        from documents left join (
            select i as line, amount as paid from line_columns where how = {int(How.PAID_IN_THREE_PARTS)}
        ) using (line)
    """)
    con.execute(f"""
        create view payment_side as
        select 'payment' as claim, 'right' as side,
            case when source = 'stripe' and (settlement = -1) then 'stripe-balance' else source end as source,
            own_id as external_id, settlement_id, case kind when {int(Line.CHARGE)} then 'charge' else 'refund' end as kind,
            booked_on, amount, currency, how, customer_name as name, i as line,
            coalesce(first_paid, i) as tied, i, amount as allocated
        from lines_named left join (
            select platform, order_place, min(i) as first_paid, any_value(how) as how from line_columns
            where how = {int(How.PAID_TWICE)} group by platform, order_place
        ) using (platform, order_place, how)
        where kind in ({int(Line.CHARGE)}, {int(Line.REFUND)}, {int(Line.DEBIT_RETURNED)})
    """)
    # Left over once the references have joined what they can: the same amount, and the same name or no other amount.
    left_over = f"({nameless}, {int(How.MISSING_CHARGE)}, {int(How.MISSING_REFUND)}, {int(How.MISSING_DOCUMENT)})"
    con.execute(f"""
        create table undecidable as
        with pool as (
            select side, currency, amount, name, line, how from document_side where how in {left_over}
            union all
            select side, currency, amount, name, line, how from payment_side where how in {left_over}
        ), named as (
            select *, count(*) over (partition by side, currency, amount, name) as same from pool
        )
        select distinct line from named where how in ({nameless}) and same > 1
    """)


def _judged(side: str) -> str:
    """Judge one side of the receivables by how each document stands to its line."""
    hows = list(_JUDGED)
    expected = _case({how: _JUDGED[how][0] for how in hows}, "how")
    reason = _case({how: _JUDGED[how][1] for how in hows}, "how")
    also = _case({how: _JUDGED[how][3] for how in hows}, "how")
    trouble = _case({how: how.name.lower() for how in hows}, "how")
    decided = ", ".join(str(int(how)) for how in hows if _JUDGED[how][2])
    vague = "line in (select line from undecidable)"
    alone = ", ".join(
        str(int(how))
        for how in (
            How.MISSING_CHARGE, How.MISSING_REFUND, How.MISSING_DOCUMENT, How.REFUND_WITHOUT_CREDIT_NOTE, How.RETURNED_DEBIT,
        )
    )  # fmt: skip
    return f"""
        select case side when 'left' then 1 else 2 end, i, 'receivables', claim, side, source, external_id, settlement_id, kind, booked_on, amount, currency,
            case when {vague} then 'exception' else {expected} end, case when {vague} then 'ambiguous' else {reason} end,
            case when how not in ({alone}) then 'receivables/' || tied end, allocated, how in ({decided}) and not {vague},
            {trouble}, case when {vague} then 'matched' else {also} end
        from {side}
    """


def _settled() -> str:
    """Say of every line which settlement it is part of, and of every transfer where it was found again."""
    kinds = {
        Line.CHARGE: "charge", Line.REFUND: "refund", Line.DISPUTE: "dispute", Line.DISPUTE_WON: "dispute_reversal",
        Line.FEE: "fee", Line.FEE_TAX: "fee", Line.HOLD: "reserve_hold", Line.RELEASE: "reserve_release",
        Line.ADJUSTMENT: "adjustment", Line.CORRECTION: "adjustment", Line.PAYOUT: "payout",
        Line.PAYOUT_FAILED: "payout_reversal", Line.CARRIED_OUT: "balance_transfer", Line.CARRIED_IN: "balance_transfer",
        Line.DEBIT_RETURNED: "refund", Line.CONVERSION: "conversion",
    }  # fmt: skip
    kind = "case kind " + " ".join(f"when {int(line)} then '{word}'" for line, word in kinds.items()) + " end"
    payout, out, into = int(Line.PAYOUT), int(Line.CARRIED_OUT), int(Line.CARRIED_IN)
    hold, release, failed = int(Line.HOLD), int(Line.RELEASE), int(Line.PAYOUT_FAILED)
    source = (
        "case when source = 'stripe' and (settlement = -1 or state = 'manual') then 'stripe-balance' else source end"
    )
    same = (
        f"%s as part, i, 'payouts-' || source as reconciliation, %s as claim, 'left' as side, {source} as source,"
        f" coalesce(own_id, transaction_id) as external_id, settlement_id, {kind} as kind, booked_on"
    )
    return f"""
        select {same % (3, "'settlement'")}, amount - fee as amount, currency,
            case when settlement = -1 then 'open' else 'matched' end as expected, null as reason,
            case when settlement >= 0 then 'settlement/' || settlement_id end as group_id, amount - fee as allocated,
            true as decidable,
            case when settlement = -1 then 'not_settled_yet' when state in ('carried', 'last') then 'carried_over'
                when state = 'zero' then 'zero_sum' else 'composition' end as trouble,
            case when settlement = -1 then 'in_transit' else '' end as also
        from lines_named where kind not in ({payout}, {failed})
        union all
        select {same % (4, "'transfer'")}, amount, currency, case when state = 'manual' then 'open' else 'matched' end, null,
            case when state <> 'manual' then 'settlement/' || settlement_id end, amount, true,
            case when state = 'manual' then 'manual_payout' else 'composition' end,
            case when state = 'manual' then 'exception:missing_left;in_transit' else '' end
        from lines_named where kind in ({payout}, {failed})
        union all
        select {same % (5, "'transfer'")}, amount, currency, case when state = 'last' and kind = {out} then 'in_transit' else 'matched' end,
            null, case when not (state = 'last' and kind = {out})
                then 'carried/' || account || '/' || (case kind when {into} then batch - 1 else batch end) end,
            amount, true, 'balance_transfer', case when state = 'last' and kind = {out} then 'open' else '' end
        from lines_named where kind in ({out}, {into})
        union all
        select {same % (6, "'transfer'")}, amount, currency, case when back = 0 then 'matched' else 'in_transit' end, null,
            case when back = 0 then 'reserve/' || platform_id || '/' || order_place end, amount, true,
            case when parts = 1 then 'reserve_held' when back <> 0 then 'reserve_partly_released' when parts > 2
                then 'reserve_released_in_parts' else 'reserve_released' end,
            case when back = 0 then 'open;in_transit' else 'open' end
        from (select *, count(*) over of_one as parts, sum(amount) over of_one as back from lines_named
            where kind in ({hold}, {release}) window of_one as (partition by platform, order_place))
        union all
        select {same % (8, "'transfer'")}, amount, currency, 'open', null, 'conversion/' || order_place, amount, true, 'converted', 'matched;in_transit'
        from lines_named where kind = {int(Line.CONVERSION)}
        union all
        select {same % (7, "'settlement'")}, amount, currency, 'exception', 'returned', 'failed/' || failed_id, amount, true,
            'payout_failed', 'matched;open;in_transit'
        from lines_named where kind = {failed}
    """
