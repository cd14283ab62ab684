"""
A workspace for a folder of pairs: its declaration, its mappings, its rates.
"""

from __future__ import annotations

import os
import shutil
from typing import TYPE_CHECKING

from tieout.errors import WrongUse

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["FILES", "SOURCES", "copy_place", "make_place"]

#: What comes in, each from its file of that name.
SOURCES = ("psp", "erp", "bank")
#: What a folder of pairs holds.
FILES = (*(f"{source}.parquet" for source in SOURCES), "truth_pe.parquet", "truth_pb.parquet")

_WORKSPACE = """[workspace]
name = "Benchmark"
base_currency = "EUR"

[[entity]]
id = "acme"
name = "Acme"
currency = "EUR"

[[source]]
id = "psp"
mapping = "mappings/psp.toml"

[[source]]
id = "erp"
mapping = "mappings/erp.toml"

[[source]]
id = "bank"
mapping = "mappings/bank.toml"

[[reconciliation]]
id = "items"
left = { source = "erp" }
right = { source = "psp", kinds = ["charge", "refund"] }
rules = "invoice-to-payment"

[[reconciliation]]
id = "payouts"
left = { source = "psp" }
right = { source = "bank" }
rules = "payout-to-bank"
"""

_MAPPINGS = {
    "psp": """[mapping]
id = "psp"
format = "parquet"
identify = ["txn_id", "payout_id"]

[fields]
external_id = "txn_id"
kind = "type"
amount = "minor(gross)"
fee = "minor(fee)"
currency = "ccy"
booked_on = "date '1970-01-01' + day"
settlement_id = "payout_id"
references = "[order_ref]"
counterparty = "customer"
""",
    "erp": """[mapping]
id = "erp"
format = "parquet"
identify = ["doc_no", "reference"]

[fields]
external_id = "doc_no"
kind = "case when amount < 0 then 'credit_note' else 'invoice' end"
amount = "minor(amount)"
currency = "ccy"
booked_on = "date '1970-01-01' + day"
references = "[reference]"
counterparty = "customer"
""",
    "bank": """[mapping]
id = "bank"
format = "parquet"
identify = ["line_id", "description"]

[fields]
external_id = "line_id"
kind = "'bank_entry'"
amount = "minor(amount)"
currency = "ccy"
booked_on = "date '1970-01-01' + day"
text = "description"
""",
}

#: Where a folder of pairs brings no rates: about what one of each is worth in euro.
_RATES = "date,base,quote,rate\n" + "".join(
    f"{year}-{month:02d}-{day:02d},{code},EUR,{rate}\n"
    for year in (2024, 2025, 2026)
    for month in range(1, 13)
    for day in (1, 8, 15, 22, 28)
    for code, rate in (("USD", "0.92"), ("GBP", "1.17"), ("JPY", "0.0062"), ("KWD", "3.0"))
)


def make_place(folder: Path, data: Path) -> None:
    """
    Make a workspace for a folder of pairs; nothing is read in yet.

    :raises WrongUse: the folder lacks a file.
    """
    lacking = [name for name in FILES if not (data / name).is_file()]
    if lacking:
        message = f"expected {', '.join(FILES)} in {data}, found no {lacking[0]}"
        raise WrongUse(message)
    for part in ("mappings", "rates"):
        (folder / part).mkdir(parents=True)
    (folder / "tieout.toml").write_text(_WORKSPACE, encoding="utf-8")
    for name, text in _MAPPINGS.items():
        (folder / "mappings" / f"{name}.toml").write_text(text, encoding="utf-8")
    rates = data / "rates.csv"
    (folder / "rates" / "rates.csv").write_text(rates.read_text() if rates.is_file() else _RATES, encoding="utf-8")


def copy_place(place: Path, target: Path) -> None:
    """Give a workspace with the same facts, to match in: files of the lake are linked, for they never change."""
    shutil.rmtree(target, ignore_errors=True)
    shutil.copytree(place, target, copy_function=_link)


def _link(source: str, target: str) -> None:
    if "/lake/" in source.replace(os.sep, "/"):
        os.link(source, target)
    else:
        shutil.copy2(source, target)
