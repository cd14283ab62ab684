"""
The ERP's exports: documents week by week, and the lines of its ledger accounts; with the mappings that read them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pyarrow as pa

from tieout.simulation._days import text_of
from tieout.simulation._documents import export_windows
from tieout.simulation._profile import EXPONENTS
from tieout.simulation._tables import write

if TYPE_CHECKING:
    from pathlib import Path

    import duckdb

    from tieout.simulation._profile import Entity
    from tieout.simulation._world import World

__all__ = ["write_documents", "write_ledgers", "write_mappings"]

_BEFORE = 60  # days: the first export takes in what was open already

_GERMAN = """
    select number as "Beleg", case kind when 'invoice' then 'RE' when 'credit_note' then 'GU' else 'ER' end as "Art",
        account as "Konto", name as "Name", strftime(on_day, '%d.%m.%Y') as "Belegdatum",
        strftime(due_day, '%d.%m.%Y') as "Fällig", replace(money_text(shown, exponent), '.', ',') as "Betrag",
        replace(money_text(case when kind = 'invoice' and currency = 'EUR' then shown * 19 // 119 else 0 end, exponent), '.', ',') as "MwSt",
        currency as "Währung", shown_reference as "Bezug", replace(money_text(shown, exponent), '.', ',') as "Offen"
"""
_ENGLISH = """
    select number as "Document No", case kind when 'invoice' then 'Invoice' when 'credit_note' then 'Credit Memo' else 'Bill' end as "Type",
        account as "Account", name as "Name", strftime(on_day, '%m/%d/%Y') as "Date", strftime(due_day, '%m/%d/%Y') as "Due",
        money_text(shown, exponent) as "Amount", currency as "Currency", shown_reference as "Reference", money_text(shown, exponent) as "Open"
"""
_MAPPINGS = {
    "erp-de": """\
# Offene Posten: invoices and credit notes (+/- owed to us), bills (- owed by us). Amounts have their sign.

[mapping]
id = "erp-de"
format = "csv"
csv = { delimiter = ";", decimal = "," }
identify = ["Beleg", "Art", "Konto", "Offen"]

[fields]
external_id = "Beleg"
kind = "Art"
amount = "Betrag"
tax = "MwSt"
currency = "\\"Währung\\""
booked_on = "strptime(Belegdatum, '%d.%m.%Y')::date"
due_on = "strptime(\\"Fällig\\", '%d.%m.%Y')::date"
counterparty = "Name"
references = "[Beleg, Bezug]"
sub_account = "Konto"

[kinds]
RE = "invoice"
GU = "credit_note"
ER = "bill"
""",
    "erp-us": """\
# Open items: invoices and credit memos (+/- owed to us), bills (- owed by us). Amounts have their sign.

[mapping]
id = "erp-us"
format = "csv"
csv = { delimiter = "," }
identify = ["Document No", "Type", "Account", "Open"]

[fields]
external_id = "\\"Document No\\""
kind = "Type"
amount = "Amount"
currency = "Currency"
booked_on = "strptime(Date, '%m/%d/%Y')::date"
due_on = "strptime(Due, '%m/%d/%Y')::date"
counterparty = "Name"
references = "[\\"Document No\\", Reference]"
sub_account = "Account"

[kinds]
Invoice = "invoice"
"Credit Memo" = "credit_note"
Bill = "bill"
""",
    "ledger-de": """\
# Sachkontenblatt: what the ERP booked on its bank and clearing accounts, debit +, credit -.

[mapping]
id = "ledger-de"
format = "csv"
csv = { delimiter = ";", decimal = "," }
identify = ["Buchung", "Sachkonto", "Betrag"]

[fields]
external_id = "Buchung"
kind = "'journal_line'"
account = "Sachkonto"
amount = "Betrag"
currency = "\\"Währung\\""
booked_on = "strptime(Buchungsdatum, '%d.%m.%Y')::date"
references = "[Referenz]"
text = "Text"
""",
    "ledger-us": """\
# General ledger detail of the bank and clearing accounts, debit +, credit -.

[mapping]
id = "ledger-us"
format = "csv"
csv = { delimiter = "," }
identify = ["Entry", "GL Account", "Amount"]

[fields]
external_id = "Entry"
kind = "'journal_line'"
account = "\\"GL Account\\""
amount = "Amount"
currency = "Currency"
booked_on = "\\"Posting Date\\"::date"
references = "[Reference]"
text = "Description"
""",
}
#: Rows that a clerk spoiled: what stands in the amount's place, what in the due date's.
_SPOILED = (("zwölfhundert", None), (None, "31.02.2027"), ("1.2.3", None))


def write_mappings(folder: Path) -> None:
    """Write the mappings of the ERP's tables."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, text in _MAPPINGS.items():
        (folder / f"{name}.toml").write_text(text, encoding="utf-8")


def write_documents(con: duckdb.DuckDBPyConnection, world: World, inbox: Path) -> list[dict[str, object]]:
    """
    Write the exports of documents; what changed since an export is seen in the next one.

    :return: the rows that cannot be read: source, file, column.
    """
    spoiled: list[dict[str, object]] = []
    windows = export_windows(world.profile)
    for place, entity in enumerate(world.profile.entities):
        columns = _GERMAN if entity.country == "de" else _ENGLISH
        for nth, (begin, end) in enumerate(windows):
            first = begin - _BEFORE if nth == 0 else begin
            # What the following export takes in again is shown here as it was then.
            again = windows[nth + 1][0] if nth + 1 < len(windows) else end + 1
            query = f"""
                {columns} from (
                    select *, date '1970-01-01' + day::integer as on_day, date '1970-01-01' + due::integer as due_day,
                        case when is_late and day >= {again} then first_amount else amount end as shown,
                        case when is_late and day >= {again} then first_reference else reference end as shown_reference
                    from all_documents where entity = {place} and day between {first} and {end}
                ) order by day, number
            """
            name = f"{'offene_posten' if entity.country == 'de' else 'open_items'}_{text_of(end)}.csv"
            path = inbox / f"erp-{entity.country}" / name
            write(con, query, path, f"header, delimiter '{';' if entity.country == 'de' else ','}'")
            if entity.country == "de" and 0 < nth <= len(_SPOILED):
                spoiled.append(_spoil(world, path, nth, end))
    return spoiled


def _spoil(world: World, path: Path, nth: int, day: int) -> dict[str, object]:
    """Add a row of a document that nobody can read."""
    amount, due = _SPOILED[nth - 1]
    number = world.profile.entities[0].invoices.text(-nth)
    written, fell = amount or "416,50", due or text_of(day, "%d.%m.%Y")
    row = f"{number};RE;10999;Galerie Abendrot;{text_of(day, '%d.%m.%Y')};{fell};{written};0,00;EUR;;{written}\n"
    with path.open("a", encoding="utf-8", newline="") as file:
        file.write(row)
    return {
        "source": "erp-de", "file": path.name, "column": "amount" if amount else "due_on", "external_id": number,
        "content": amount or due,
    }  # fmt: skip


def write_ledgers(con: duckdb.DuckDBPyConnection, world: World, inbox: Path) -> None:
    """Write the ledger's lines of the month, in two exports each."""
    month = world.profile.month
    for entity in world.profile.entities:
        rows = _ledger_rows(con, world, entity)
        con.register("ledger_given", rows)
        german = entity.country == "de"
        for begin, end in ((month.first, month.first + 14), (month.first + 15, month.last)):
            date = "strftime(date '1970-01-01' + day::integer, '%d.%m.%Y')" if german else "day_text(day)"
            names = (
                ("Buchung", "Sachkonto", "Buchungsdatum", "Betrag", "Währung", "Referenz", "Text")
                if german
                else ("Entry", "GL Account", "Posting Date", "Amount", "Currency", "Reference", "Description")
            )
            amount = "replace(money_text(amount, exponent), '.', ',')" if german else "money_text(amount, exponent)"
            values = ("number", "account", date, amount, "currency", "reference", "text")
            query = ", ".join(f'{value} as "{name}"' for value, name in zip(values, names, strict=True))
            path = inbox / f"ledger-{entity.country}" / f"{'sachkonten' if german else 'gl_detail'}_{text_of(end)}.csv"
            query = f"select {query} from ledger_given where day between {begin} and {end} order by day, number"
            write(con, query, path, f"header, delimiter '{';' if german else ','}'")
        con.unregister("ledger_given")


def _ledger_rows(con: duckdb.DuckDBPyConnection, world: World, entity: Entity) -> pa.Table:
    """Lines of the bank accounts, and the weekly sums that the ERP put on the platforms' clearing accounts."""
    rows: list[dict[str, object]] = [
        {
            "number": b.number, "account": b.account, "day": b.day, "amount": b.amount, "currency": b.currency,
            "exponent": EXPONENTS[b.currency], "reference": b.reference, "text": b.text,
        }
        for b in world.bookings
        if b.entity is entity
    ]  # fmt: skip
    for platform in (p for p in world.profile.platforms if p.entity is entity):
        sums = con.execute(
            """
            select (day - $first) // 7 as week, max(day) as day, sum(amount)::bigint as amount
            from (select moment // 86400 as day, amount from line_columns where platform = $platform and kind in (0, 1))
            where day between $first and $last group by week order by week
        """,
            {"first": world.profile.month.first, "last": world.profile.month.last, "platform": platform.place},
        ).fetchall()
        for week, day, amount in sums:
            rows.append({
                "number": f"{'UM' if entity.country == 'de' else 'SL'}{platform.ledger_account}{week:02d}",
                "account": platform.ledger_account, "day": day, "amount": amount, "currency": platform.currency,
                "exponent": EXPONENTS[platform.currency], "reference": "", "text": f"Sales {platform.id} week {week + 1}",
            })  # fmt: skip
    return pa.Table.from_pylist(rows)
