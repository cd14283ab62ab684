"""
Stripe's financial reports as CSV: payout reconciliation, balance change from activity, payouts, balance summary.

A row of an itemised report is a balance transaction; it has the same identity as the API object that it belongs to
(``stripe_objects``). A balance summary gives balances. Users choose the columns, their order and the decimal sign, and
add metadata: whatever is there is used, and what is missing and needed is named.

Source: Stripe's report types reference (payout reconciliation 1 to 5, ending balance, by id; balance 1 to 7; payouts).
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterator
from dataclasses import replace
from typing import TYPE_CHECKING, BinaryIO

from tieout.formats._columns import Columns
from tieout.formats._peek import peek
from tieout.formats.reading import Head, refusal
from tieout.formats.stripe.mapping import LINE_COLUMNS, THING_COLUMNS, itemised_mapping
from tieout.formats.stripe.summary import SUMMARY_COLUMNS, read_summary
from tieout.formats.tabular import CsvDialect, Mapping, header_of, read_table
from tieout.model.money import exponents

if TYPE_CHECKING:
    from tieout.formats.reading import Chunk, ReadOptions

__all__ = ["BALANCE", "PAYOUT_RECONCILIATION", "StripeBalance", "StripePayoutReconciliation"]

PAYOUT_RECONCILIATION = "stripe.payout_reconciliation"
BALANCE = "stripe.balance"

_SHAPE = Mapping(id="stripe", dialect=CsvDialect(delimiter="auto"))
# Stripe names its downloads after the report; the by-id report of one payout may hold no column with the payout's id.
_NAMED = re.compile(r"(payout|ending.balance).reconciliation", re.IGNORECASE)
_WITH_COMMA = re.compile(r"-?\d+,\d+")
_GROUPED = re.compile(r"-?[1-9]\d{0,2},\d{3}")
_DECIMALS_OF_A_GROUP = 3
_AMOUNTS = ("gross", "net", "fee", "amount", "net_amount")
_ROWS_SEEN = 1_000
_COUNTED = (
    "expected a Stripe report with one row per transaction, got a summary that counts them by category and has no"
    " identifiers: in the Dashboard choose Itemized instead of Summary, or by the API balance_change_from_activity.itemized or"
    " payout_reconciliation.itemized; the balances themselves are in balance.summary"
)
_TABLE = (
    "expected a Stripe report, got a table of its data pipeline (the columns id and amount), which counts amounts in the"
    " currency's minor units: read it by a mapping with minor(amount), or bring balance_change_from_activity.itemized"
)
# One of them must be there, or nothing tells rows apart, nor which of them another report tells of.
_IDENTIFIERS = (*LINE_COLUMNS, *THING_COLUMNS)
# What every itemised report has next to the category; who chose few columns has some of them.
_USUAL = (
    *_IDENTIFIERS,
    "payment_intent_id",
    "currency",
    *_AMOUNTS,
    "created_utc",
    "created",
    "available_on_utc",
    "available_on",
)
_USUAL_LEAST = 3
# The balance export of the Dashboard, of which columns may be left out. Tables of data pipelines have the same columns in
# minor units: they say "created", not "Created (UTC)".
_EXPORTED = {"id", "Type", "Source", "Amount", "Fee", "Net", "Currency", "Created (UTC)", "Available On (UTC)"}
_EXPORTED_DAYS = {"Created (UTC)", "Available On (UTC)"}
_EXPORTED_LEAST = 6  # other exports of the Dashboard (payments, payouts) share five


def _kind_of_report(head: Head) -> str | None:
    """Which report a file is, by its header; None if it is none of Stripe's."""
    header = header_of(head, _SHAPE)
    if header is None:
        return None
    columns = Columns.of(header)
    if _is_summary(columns, head.data):
        return BALANCE
    if columns.has("reporting_category") and len(columns.all(*_USUAL)) >= _USUAL_LEAST:
        settled = columns.has("automatic_payout_id") or _NAMED.search(head.name)
        return PAYOUT_RECONCILIATION if settled else BALANCE
    exported = _EXPORTED & set(header)
    return BALANCE if len(exported) >= _EXPORTED_LEAST and exported & _EXPORTED_DAYS else None


def _is_count(columns: Columns) -> bool:
    """Whether a report only counts transactions by category: the summaries of activity, payouts and reconciliations."""
    told_apart = columns.all(*_IDENTIFIERS)
    return columns.has("reporting_category", "currency", "count", "gross", "fee", "net") and not told_apart


def _refused(columns: Columns) -> str | None:
    """Why a report cannot be read, by its columns alone."""
    if _is_count(columns):
        return _COUNTED
    if columns.has("id", "amount", "reporting_category") and not columns.has("gross"):
        return _TABLE
    if not columns.all(*_IDENTIFIERS):
        return (
            "expected a column that tells transactions apart in the report's header, balance_transaction_id or source_id"
            f" (charge_id for charges only), got {list(columns.names.values())}: run the report again with one of them"
        )[:500]
    return None


def _is_summary(columns: Columns, data: bytes) -> bool:
    return columns.has(*SUMMARY_COLUMNS) and (b"starting_balance" in data or b"ending_balance" in data)


def _signs(data: bytes) -> tuple[str, str]:
    """
    (delimiter, decimal sign) of a report, seen from its beginning.

    Stripe writes the comma on request, and then only the comma: it never separates thousands. A program through which the
    report went may: where three digits follow one, and the currency has not as many decimals, it is no decimal sign.
    """
    text = data.decode("utf-8-sig", "replace")
    first = text.partition("\n")[0]
    delimiter = max(",;\t|", key=first.count)
    rows = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter)
    points = commas = groups = 0
    try:
        names = list(Columns.of(header := next(rows, [])).names)
        places = [names.index(name) for name in _AMOUNTS if name in names] if len(names) == len(header) else []
        currency = names.index("currency") if "currency" in names else len(names)
        for _, row in zip(range(_ROWS_SEEN), rows, strict=False):
            cells = [row[place].strip() for place in places if place < len(row)]
            code = row[currency].strip().upper() if currency < len(row) else ""
            if exponents().get(code) != _DECIMALS_OF_A_GROUP:
                groups += sum(_GROUPED.fullmatch(cell) is not None for cell in cells)
            points += sum("." in cell for cell in cells)
            commas += sum(_WITH_COMMA.fullmatch(cell) is not None for cell in cells)
    except csv.Error:
        pass  # the reader says what is wrong, and where
    return delimiter, "," if commas and not (points or groups) else "."


class _StripeReport:
    """Reads any of Stripe's reports; the two formats differ in what they claim only."""

    id: str
    system = "stripe"
    takes_encoding = True

    def identify(self, head: Head) -> str | None:
        """Say this format's id if the header is one of its reports', else None."""
        return self.id if _kind_of_report(head) == self.id else None

    def read(self, stream: BinaryIO, options: ReadOptions) -> Iterator[Chunk]:
        """Yield the rows as Arrow tables, or the balances of a summary."""
        data, whole = peek(stream)
        delimiter, decimal = _signs(data)
        header = header_of(Head("", data), _SHAPE)
        if header is not None and _is_summary(Columns.of(header), data):
            yield read_summary(whole, delimiter, decimal, options.encoding or "utf-8-sig")
            return
        if header is not None and (reason := _refused(Columns.of(header))) is not None:
            yield refusal(reason)
            return
        shape = replace(_SHAPE, dialect=CsvDialect(delimiter="auto", encoding=options.encoding or "utf-8"))
        yield from read_table(whole, options, shape, lambda names: itemised_mapping(self.id, names, options, decimal))


class StripePayoutReconciliation(_StripeReport):
    """Every transaction, with the payout that it was settled in."""

    id = PAYOUT_RECONCILIATION


class StripeBalance(_StripeReport):
    """Every transaction of a period, or the balances at its ends."""

    id = BALANCE
