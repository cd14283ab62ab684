"""
Journals as plain text for hledger (https://hledger.org), an independent program that adds them up.

One transaction per journal; an account is ``LEDGER ACCOUNT:NAME`` under its entity, an amount has its currency. hledger
checks by itself that every transaction balances in every currency. Lines without an amount of their own (differences
of rates, rounding) are in the books' currency only: ``books=True`` writes every line in that currency instead.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import TYPE_CHECKING

from tieout.model.money import format_minor

if TYPE_CHECKING:
    import pyarrow as pa

__all__ = ["hledger_account", "write_hledger"]

# Two blanks end an account's name, a colon makes a child of it, a semicolon begins a comment, and what is in brackets
# is exempt from balancing.
_UNFIT = re.compile(r"[^\w .,/+&-]|\s+")


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
    prefix = "base_" if books else ""
    columns = ["journal_id", "posting_date", "description", "posting", "entity_id", "account", "name"]
    columns += [f"{prefix}{name}" for name in ("debit", "credit", "currency", "exponent")]
    for batch in journals.select(columns).to_batches(max_chunksize=10_000):
        for line in batch.to_pylist():
            id_, day, description, posting, entity, account, name, debit, credit, currency, exponent = line.values()
            if id_ != before:
                before = id_
                yield f"\n{day} * ({id_.hex()}) {_plain(description or '')}  ; {_plain(posting)}\n"
            if debit or credit:
                amount = format_minor(debit - credit, exponent)
                yield f"    {hledger_account(entity, account)}  {amount} {currency}  ; {_plain(name)}\n"


def _plain(text: str) -> str:
    return " ".join(_UNFIT.sub(" ", text).split())
