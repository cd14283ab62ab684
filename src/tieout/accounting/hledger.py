"""
Journals as plain text for hledger (https://hledger.org), an independent program that adds them up.

One transaction per journal; an account is ``LEDGER ACCOUNT:NAME`` under its entity, an amount has its currency and, where
that is not the books', what it is worth there (``100.00 USD @@ 92.00 EUR``). hledger checks by itself that every
transaction balances in the books' currency; ``balance --cost`` shows all accounts in it. Lines without an amount of their
own (realised gains and losses of rates, rounding) are in that currency. ``books=True`` writes every line in it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from tieout.model.money import format_minor

if TYPE_CHECKING:
    import pyarrow as pa

__all__ = ["hledger_account", "write_hledger"]

# Two blanks end an account's name, a colon makes a child of it, a semicolon begins a comment, and what is in brackets
# is exempt from balancing.
_UNFIT = re.compile(r"[^\w .,/+&-]|\s+")


_MONEY = ("debit", "credit", "currency", "exponent")


def hledger_account(entity: str, account: str) -> str:
    """Name a ledger account as the text does: ``acme:1400``."""
    return f"{_plain(entity)}:{_plain(account)}"


def write_hledger(journals: pa.Table, *, books: bool = False) -> Iterator[str]:
    """
    Write journals as hledger's text, a transaction at a time.

    :param journals: lines in the order of ``draft_journals``: those of one journal stand together.
    :param books: write amounts in the currency of the books.
    """
    before: bytes | None = None
    columns = ["journal_id", "posting_date", "description", "posting", "entity_id", "account", "name"]
    for batch in journals.select([*columns, *_MONEY, *(f"base_{name}" for name in _MONEY)]).to_batches(
        max_chunksize=10_000
    ):
        for line in batch.to_pylist():
            if line["journal_id"] != before:
                before = line["journal_id"]
                head = f"{line['posting_date']} * ({before.hex()}) {_plain(line['description'] or '')}"
                yield f"\n{head}  ; {_plain(line['posting'])}\n"
            amount = _amount(line, books=books)
            if amount:
                account = hledger_account(line["entity_id"], line["account"])
                yield f"    {account}  {amount}  ; {_plain(line['name'])}\n"


def _amount(line: dict[str, Any], *, books: bool) -> str:
    """Write the amount of a line with its worth in the books; empty where it has none."""
    own, worth = line["debit"] - line["credit"], line["base_debit"] - line["base_credit"]
    in_books = f"{format_minor(worth, line['base_exponent'])} {line['base_currency']}"
    if books or not own:
        return in_books if worth else ""
    amount = f"{format_minor(own, line['exponent'])} {line['currency']}"
    if (line["currency"], line["exponent"]) == (line["base_currency"], line["base_exponent"]):
        return amount
    return f"{amount} @@ {in_books.removeprefix('-')}"


def _plain(text: str) -> str:
    return " ".join(_UNFIT.sub(" ", text).split())
