"""
The draft journals that few records lead to, line by line.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tieout.accounting.daily_rates import written_rate
from tieout.model.money import format_minor
from tieout.observe.exporting.writing import literal
from tieout.observe.result_rows import ResultRows, hexadecimal, spans_of
from tieout.store.engine import paths

if TYPE_CHECKING:
    from collections.abc import Sequence

    import duckdb

    from tieout.store.lake import Lake
    from tieout.store.runs import Results

__all__ = ["JOURNALS_MAX", "journals_of", "records_of_journal"]

#: So many journals are told of one chain.
JOURNALS_MAX = 40
_WORDS = ("ledger", "period", "posting", "state", "description")
_OF_LINE = ("line_no", "account", "name", "account_id", "currency", "base_currency", "counterparty", "tax_code")
_AMOUNTS = (
    ("debit", "exponent"),
    ("credit", "exponent"),
    ("base_debit", "base_exponent"),
    ("base_credit", "base_exponent"),
)


def journals_of(
    con: duckdb.DuckDBPyConnection, lake: Lake, results: Results, ids: Sequence[str]
) -> list[dict[str, Any]]:
    """
    Give the draft journals that are about some records, oldest first.

    A journal is about the record whose money it books, which it names first; that it clears a document does not make it
    one of that document's other payments. Of one whose match does not stand any more, the lines are not told: its state
    is ``outdated`` until journals are drafted again.

    :param ids: hexadecimal.
    """
    files = [lake.full(f.file.path) for f in results.of("journals")]
    if not files or not ids:
        return []
    wanted = ", ".join(f"unhex({literal(name)})" for name in ids)
    rows = con.execute(f"""
        select * from read_parquet({paths(files)}) where record_ids[1] in ({wanted})
        order by posting_date, journal_id, line_no
    """)
    columns = [column[0] for column in rows.description or []]
    found: dict[str, dict[str, Any]] = {}
    for values in rows.fetchall():
        row = dict(zip(columns, values, strict=True))
        journal_id = hexadecimal(row["journal_id"])
        if journal_id not in found and len(found) == JOURNALS_MAX:
            break
        journal = found.setdefault(journal_id, _journal(row))
        journal["lines"].append(_line(row))
        journal["record_ids"] += [
            i for i in map(hexadecimal, row["record_ids"] or []) if i not in journal["record_ids"]
        ]
    _note_outdated(ResultRows(con, lake, results), list(found.values()))
    return list(found.values())


def _note_outdated(look: ResultRows, journals: list[dict[str, Any]]) -> None:
    """Say which journals book a match that was taken back, voided or made otherwise since."""
    named = {journal["match_id"] for journal in journals} - {None}
    rows = look.rows("matches", "match_id", spans_of(sorted(named))) if named else []
    standing = {hexadecimal(row["match_id"]) for row, _ in rows if row["status"] == "confirmed"}
    for journal in journals:
        if journal["match_id"] in named - standing:
            journal |= {"state": "outdated", "lines": []}


def records_of_journal(look: ResultRows, prefix: str, most: int) -> list[bytes]:
    """Find the records whose money is booked by the journals whose id begins with some hexadecimal digits."""
    rows = look.rows("journals", "journal_id", spans_of([prefix]))
    named = {bytes(row["record_ids"][0]) for row, _ in rows if hexadecimal(row["journal_id"]).startswith(prefix)}
    return sorted(named)[:most]


def _journal(row: dict[str, Any]) -> dict[str, Any]:
    return {
        "journal_id": hexadecimal(row["journal_id"]),
        "entity": row["entity_id"],
        **{name: row[name] for name in _WORDS},
        "posting_date": None if row["posting_date"] is None else row["posting_date"].isoformat(),
        "match_id": _hex(row["match_id"]),
        "record_ids": [],
        "lines": [],
    }


def _line(row: dict[str, Any]) -> dict[str, Any]:
    told = {name: row[name] for name in _OF_LINE}
    told |= {name: format_minor(row[name], row[exponent] or 0) for name, exponent in _AMOUNTS}
    rate = row["rate"]
    told |= {"rate": rate and written_rate(rate), "rate_stated": rate}
    return told | {"clears": _hex(row["clears"])}


def _hex(value: Any) -> str | None:
    return None if value is None else hexadecimal(value)
