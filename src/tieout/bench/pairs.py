"""
Two sides that belong together, with faults and the truth about them, as Parquet: made by SQL, drawn by the seed.

``psp.parquet`` are a payment platform's lines, ``erp.parquet`` the documents that they pay, ``bank.parquet`` what
arrived of the payouts. Money is whole minor units, days are counted from 1970. ``truth_pe.parquet`` says which document
belongs to which line and ``truth_pb.parquet`` which bank line to which payout, each with ``how`` (see :data:`HOW`) and
``decidable``. ``rates.csv`` has the rates. How things are numbered, and how people and banks write, is drawn too.

What is *decidable* is decided by what both files say, whoever reads them. A document and a line are, if the document has
the line's number, however it is spelled; or if, of the documents whose number is mangled or missing and the lines that no
number names, only these two agree in the first 18 letters of the name, the currency, the amount, and the day by
three. A payout and a bank's line are, if the line has the payout's number in full; or if, of the payouts that no line
names and the lines that name none in full, only these two agree in the currency, the amount, and the line came up to
seven days later.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import duckdb

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

__all__ = ["CURRENCIES", "HOW", "make_pairs"]

#: What became of a document on its way; those from 6 on no rule without a person may bring together.
HOW = (
    "as it is", "spelled otherwise", "cut off or mistyped", "without reference", "in another currency",
    "a small difference", "a large difference",
)  # fmt: skip
#: code -> (decimals, of ten thousand lines, hundred-thousandths of a euro for one)
CURRENCIES = {
    "EUR": (2, 5200, 100_000), "USD": (2, 2400, 92_000), "CHF": (2, 1200, 104_000), "JPY": (0, 800, 615),
    "BHD": (3, 400, 245_000),
}  # fmt: skip
_FIRST_DAY = 20_454  # 2026-01-01
_DAYS = 270
#: Documents that name their line by its number; what became of the others is seen by name, day and amount only.
_NUMBERED = "how not in (2, 3)"
#: Bank lines that name their payout by its number.
_NAMED_IN_FULL = "how in (0, 3)"
#: So many lines have four platform accounts.
_ROWS_OF_FOUR_ACCOUNTS = 300_000

#: Ways to number: SQL over ``n``, a whole number of up to nine digits.
_LINE_IDS = (
    "'py_' || printf('%x', hash(n, 1))",
    "'T' || lpad(n::varchar, 12, '0')",
    "printf('%x', hash(n, 2)) || '-' || n",
)
_ORDER_REFS = (
    "'B26-' || lpad(n::varchar, 9, '0')", "'SO/' || lpad((n // 1000)::varchar, 6, '0') || '/' || lpad((n % 1000)::varchar, 3, '0')",
    "'WEB.' || lpad(n::varchar, 9, '0') || '.DE'",
)  # fmt: skip
_SETTLEMENT_IDS = (
    "'ST' || lpad(n::varchar, 8, '0')",
    "'P-' || lpad(n::varchar, 9, '0')",
    "'SETL' || lpad(n::varchar, 7, '0')",
)
_DOCUMENT_NOS = (
    "'RG' || lpad(n::varchar, 9, '0')",
    "'INV/26/' || lpad(n::varchar, 8, '0')",
    "'7' || lpad(n::varchar, 9, '0')",
)
_BANK_TEXTS = (
    "'GUTSCHRIFT ' || token || ' ZAHLDIENST AG'", "'/ROC/' || token || '//REM/SETTLEMENT'", "'Zahldienst payout ' || token",
)  # fmt: skip

_SYLLABLES = "ka mi lo ru te san vel dor ni pa hei bra ton esk wal jo fri gun mar tol ven rik sta ul".split()  # noqa: SIM905 - read as words
_ENDINGS = ("GmbH", "Ltd", "AB", "SpA", "Oy", "NV", "Co. KG", "Sarl")
_TRADES = "Handel Werk Studio Garten Optik Medien Bau Reisen Kontor Druck Labor Mode Sport Wein Rad Papier".split()  # noqa: SIM905 - as above


def make_pairs(folder: Path, rows: int, seed: int) -> None:
    """
    Write both sides and the truth.

    :param rows: of the platform; there are 0.86 times as many documents.
    """
    folder.mkdir(parents=True, exist_ok=True)
    con = duckdb.connect(config={"threads": 2, "memory_limit": "4GB", "temp_directory": str(folder / ".making")})
    for name, body in _macros(seed):
        con.execute(f"create macro {name} as {body}")
    _make_lines(con, rows, folder)
    _make_documents(con, folder)
    _make_bank(con, folder)
    _write_rates(folder / "rates.csv")
    con.close()


def _macros(seed: int) -> list[tuple[str, str]]:
    """Name the draws and the styles of this seed."""

    def style(ways: tuple[str, ...], salt: int) -> str:
        return ways[(seed * 7 + salt * 3 + seed // 5) % len(ways)]

    def choice(values: Sequence[str], of: str) -> str:
        return f"([{', '.join(repr(v) for v in values)}])[1 + {of}]"

    syllable = [choice(_SYLLABLES, f"(hash(c, {salt}, {seed}) % {len(_SYLLABLES)})::int") for salt in (1, 2, 3)]
    name = f"upper({syllable[0]}[1]) || {syllable[0]}[2:] || {syllable[1]} || {syllable[2]}"
    trade = choice(_TRADES, f"(hash(c, 4, {seed}) % {len(_TRADES)})::int")
    ending = choice(_ENDINGS, f"(hash(c, 5, {seed}) % {len(_ENDINGS)})::int")
    weights = [w for _, w, _ in CURRENCIES.values()]
    arms = " ".join(
        f"when draw(n, 11, 10000) < {sum(weights[: at + 1])} then '{code}'" for at, code in enumerate(CURRENCIES)
    )
    worth = " ".join(f"when '{code}' then {rate}" for code, (_, _, rate) in CURRENCIES.items())
    decimals = " ".join(f"when '{code}' then {10**places}" for code, (places, _, _) in CURRENCIES.items())
    return [
        ("draw(n, salt, upto)", f"(hash(n, salt, {seed}) % upto)::bigint"),
        ("line_id(n)", style(_LINE_IDS, 1)),
        ("order_ref(n)", style(_ORDER_REFS, 2)),
        ("settlement_no(n)", style(_SETTLEMENT_IDS, 3)),
        ("document_no(n)", style(_DOCUMENT_NOS, 4)),
        ("bank_text(token)", style(_BANK_TEXTS, 5)),
        ("customer_name(c)", f"{name} || ' ' || {trade} || ' ' || {ending}"),
        ("currency_of(n)", f"case {arms} end"),
        # The rate of a day, in hundred-thousandths: it moves by up to 2 % over the months.
        ("rate_on(ccy, day)", f"case when ccy = 'EUR' then 100000 else (case ccy {worth} end) * (10000 + (day * 37) % 200) // 10000 end"),
        ("in_euro(amount, ccy, day)", f"(sign(amount)::bigint * ((abs(amount)::hugeint * rate_on(ccy, day) * 100 * 2 + 100000 * (case ccy {decimals} end)) // (100000 * (case ccy {decimals} end) * 2)))::bigint"),
    ]  # fmt: skip


def _make_lines(con: duckdb.DuckDBPyConnection, rows: int, folder: Path) -> None:
    charges, refunds, disputes = rows * 79 // 100, rows * 7 // 100, rows // 100
    accounts, customers = max(1, rows // _ROWS_OF_FOUR_ACCOUNTS) * 4, max(40, rows // 20)
    # Prices that many buy at, and amounts of every size between.
    con.execute(f"""
        create table charge as
        select n, {_FIRST_DAY} + n * {_DAYS} // {charges} as day, currency_of(n) as ccy, draw(n, 12, {accounts}) as account,
            case when draw(n, 13, 100) < 35 then ([995, 1490, 2500, 3990, 7900, 12900])[1 + draw(n, 14, 6)]
                else 150 + draw(n, 15, 1 << (9 + draw(n, 16, 8))::int) end as amount,
            draw(n, 17, {customers}) * draw(n, 18, {customers}) // {customers} as customer
        from range({charges}) t(n)
    """)
    con.execute(f"""
        create table line as
        select *, row_number() over (order by day, kind, origin) - 1 as n, account || ccy || day as settlement from (
            select 'charge' as kind, day, ccy, account, amount as gross, amount * 19 // 1000 + 30 as fee, n as origin, customer
            from charge
            union all
            select 'refund', least(day + 1 + draw(n, 21, 40), {_FIRST_DAY + _DAYS - 1}), ccy, account,
                case when draw(n, 22, 100) < 35 then -1 - amount * (100 + draw(n, 23, 800)) // 1000 else -amount end, 0, n, customer
            from (from charge order by draw(n, 24, 1000000000000), n limit {refunds})
            union all
            select 'dispute', least(day + 8 + draw(n, 25, 50), {_FIRST_DAY + _DAYS - 1}), ccy, account, -amount, 2000, n, customer
            from (from charge order by draw(n, 26, 1000000000000), n limit {disputes})
            union all
            select 'fee', {_FIRST_DAY} + draw(n, 27, {_DAYS}), currency_of(n), draw(n, 28, {accounts}), 0, 3 + draw(n, 29, 600), null, null
            from range({charges}, {rows - refunds - disputes}) t(n)
        )
    """)
    con.execute("drop table charge")
    # Settlements are numbered in the order of their hashes: neighbours are not neighbours in time.
    con.execute("""
        create table settled as
        select settlement, row_number() over (order by hash(settlement), settlement) * 3 + 1000 as number, any_value(ccy) as ccy,
            any_value(day) as day, sum(gross - fee)::bigint as net
        from line group by settlement
    """)
    con.execute(f"""
        copy (
            select line_id(n) as txn_id, kind as "type", l.ccy, gross, fee, gross - fee as net, l.day::int as day,
                settlement_no(number) as payout_id,
                case when kind = 'refund' then 'R' else '' end || order_ref(origin * 3 + 100000) as order_ref,
                case when customer is not null then customer_name(customer) end as customer
            from line l join settled using (settlement) order by n
        ) to '{folder}/psp.parquet' (format parquet)
    """)


def _make_documents(con: duckdb.DuckDBPyConnection, folder: Path) -> None:
    """Write what the lines pay: most as they are, some spelled, booked or typed otherwise, some missing, some twice."""
    con.execute("""
        create table document as
        select *, row_number() over (order by hash(n, copy), n, copy) - 1 as place,
            case when how = 4 then 'EUR' else line_ccy end as ccy,
            case how
                when 4 then euro + sign(gross)::bigint * ((draw(n * 2 + copy, 35, 7) - 3) * abs(euro) // 1000)
                when 5 then gross + (draw(n, 36, 2) * 2 - 1) * (1 + draw(n, 37, greatest(1, abs(gross) // 200)))
                when 6 then gross + (draw(n, 36, 2) * 2 - 1) * (300 + abs(gross) // 8)
                else gross end as amount
        from (
            select *, in_euro(gross, line_ccy, line_day) as euro, case
                when v < 7400 then 0 when v < 9000 then 1 when v < 9200 then 2 when v < 9400 then 3
                when v < 9650 then case when line_ccy = 'EUR' then 0 else 4 end
                when v < 9850 then 5 else 6 end as how
            from (
                select n, copy, gross, l.ccy as line_ccy, l.day as line_day, l.day - 1 + draw(n, 38, 4) as day, customer,
                    case when kind = 'refund' then 'R' else '' end || order_ref(origin * 3 + 100000) as ref,
                    draw(n * 2 + copy, 31, 10000) as v
                from line l, range(2) t(copy)
                where kind in ('charge', 'refund') and draw(n, 32, 1000) >= 15 and (copy = 0 or draw(n, 33, 1000) < 4)
            )
        )
    """)
    spelled = r"""case draw(place, 41, 4)
        when 0 then lower(ref) when 1 then regexp_replace(ref, '[-/.]', '', 'g')
        when 2 then regexp_replace(ref, '[-/.]', ' ', 'g') else '  ' || regexp_replace(ref, '[-/.]', '_', 'g') || ' ;' end"""
    # One digit is another one; or the last three are gone.
    at = "length(ref) - 5"
    broken = f"""case when draw(place, 42, 2) = 0 then left(ref, length(ref)::int - 3)
        else left(ref, ({at})::int) || translate(ref[{at} + 1], '0123456789', '5678901234') || substr(ref, ({at} + 2)::int) end"""
    con.execute(f"""
        copy (
            select document_no(place) as doc_no,
                case how when 1 then {spelled} when 2 then {broken} when 3 then '' else ref end as reference, ccy, amount,
                day::int as day, case draw(place, 43, 4) when 0 then upper(name) when 1 then left(name, 18) else name end as customer
            from (select *, customer_name(customer) as name from document) order by place
        ) to '{folder}/erp.parquet' (format parquet)
    """)
    con.execute(f"""
        create table alike as
        select d.place, l.n, count(*) over (partition by d.place) + count(*) over (partition by l.n) = 2 as alone
        from (select *, upper(left(customer_name(customer), 18)) as name from document where not ({_NUMBERED})) d
        join (
            select *, upper(left(customer_name(customer), 18)) as name from line
            where kind in ('charge', 'refund') and n not in (select n from document where {_NUMBERED})
        ) l on l.name = d.name and l.ccy = d.ccy and l.gross = d.amount and abs(l.day - d.day) <= 3
    """)
    con.execute(f"""
        copy (
            select line_id(n) as txn_id, document_no(place) as doc_no, how::tinyint as how, copy = 1 as dup,
                {_NUMBERED} or coalesce(alone, false) as decidable
            from document left join alike using (place, n) order by place
        ) to '{folder}/truth_pe.parquet' (format parquet)
    """)


def _make_bank(con: duckdb.DuckDBPyConnection, folder: Path) -> None:
    """Write what arrived of the payouts: whole, in two lines, without its number; and lines that are something else."""
    con.execute("""
        create table arrived as
        select *, row_number() over (order by hash(number, part), number, part) - 1 as place from (
            select number, ccy, part, day + 1 + draw(number, 51, 3) + part as day,
                case when halves = 1 then net when part = 0 then net * (200 + draw(number, 52, 600)) // 1000
                    else net - net * (200 + draw(number, 52, 600)) // 1000 end as amount,
                case when v < 760 then 0 when v < 900 then 1 when v < 975 then 2 else 3 end as how
            from (select *, draw(number, 53, 1000) as v, case when draw(number, 54, 1000) < 20 then 2 else 1 end as halves from settled),
                range(2) t(part)
            where net <> 0 and part < halves and draw(number, 55, 1000) >= 10
            union all
            select 10000000000 + n, currency_of(n), 0, 20454 + draw(n, 56, 270), draw(n, 57, 1000000) - 500000, 9
            from range((select greatest(10, count(*) // 5) from settled)) t(n)
        )
    """)
    con.execute(f"""
        copy (
            select 'KT' || lpad(place::varchar, 9, '0') as line_id,
                case how when 0 then bank_text(settlement_no(number)) when 1 then bank_text(left(settlement_no(number), 7))
                    when 2 then 'Zahldienst Auszahlung' when 3 then 'zahldienst ' || settlement_no(number)[1] || ' ' || settlement_no(number)[2:] || ' ref'
                    else 'LASTSCHRIFT STADTWERKE ' || place end as description,
                amount, ccy, day::int as day
            from arrived order by place
        ) to '{folder}/bank.parquet' (format parquet)
    """)
    con.execute(f"""
        create table alike_there as
        select s.number, a.place, count(*) over (partition by s.number) + count(*) over (partition by a.place) = 2 as alone
        from (from settled where net <> 0 and number not in (select number from arrived where {_NAMED_IN_FULL})) s
        join (from arrived where not ({_NAMED_IN_FULL})) a on a.ccy = s.ccy and a.amount = s.net and a.day - s.day between 0 and 7
    """)
    con.execute(f"""
        copy (
            select settlement_no(number) as payout_id, 'KT' || lpad(place::varchar, 9, '0') as line_id, how::tinyint as how,
                count(*) over (partition by number) as parts, {_NAMED_IN_FULL} or coalesce(alone, false) as decidable
            from arrived left join alike_there using (number, place) where how <> 9 order by place
        ) to '{folder}/truth_pb.parquet' (format parquet)
    """)


def _write_rates(path: Path) -> None:
    """Write the rate of every day, as the macro ``rate_on`` has it."""
    days = range(_FIRST_DAY - 10, _FIRST_DAY + _DAYS + 20)
    con = duckdb.connect()
    with path.open("w", encoding="utf-8") as out:
        out.write("date,base,quote,rate\n")
        for code, (_, _, worth) in CURRENCIES.items():
            for day in days if code != "EUR" else ():
                rate = worth * (10_000 + (day * 37) % 200) // 10_000
                date = con.execute("select date '1970-01-01' + ?::int", [day]).fetchall()[0][0]
                out.write(f"{date},{code},EUR,{rate // 100_000}.{rate % 100_000:05d}\n")
