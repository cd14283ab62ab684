"""
The chart of accounts of either entity: which ledger account each name of a posting is.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

    from tieout.simulation._profile import Profile

__all__ = ["write_postings"]

# Name, account of the German entity, account of the other one.
_CHART = (
    ("receivable", "1400", "12000"),
    ("disputed_receivable", "1405", "12050"),
    ("input_vat", "1406", "12900"),
    ("payable", "3300", "20000"),
    ("customer_deposits", "3250", "24000"),
    ("supplier_deposits", "1180", "13000"),
    ("cash_in_transit", "1460", "10900"),
    ("reserve", "1462", "10950"),
    ("fx_clearing", "1490", "10990"),
    ("platform_loans", "3560", "25500"),
    ("sales", "4400", "40000"),
    ("output_vat", "3806", "22000"),
    ("fee_expense", "6855", "61000"),
    ("fee_income", "4830", "49000"),
    ("dispute_fees", "6856", "61100"),
    ("dispute_losses", "6930", "69300"),
    ("bank_charges", "6850", "61500"),
    ("interest_income", "7100", "71000"),
    ("interest_expense", "7300", "73000"),
    ("withholding_tax", "7630", "76000"),
    ("withholding_tax_payable", "3759", "22500"),
    ("discounts_allowed", "4730", "47300"),
    ("discounts_received", "5730", "57300"),
    ("short_payments", "6960", "69600"),
    ("over_payments", "4960", "49600"),
    ("write_offs", "6931", "69310"),
    ("fx_gain", "4840", "48400"),
    ("fx_loss", "6880", "68800"),
    ("rounding", "6969", "69690"),
)

_HEAD = """\
# Which ledger account each name of a posting is. What a platform or bank account of ours is in the ledger stands
# in tieout.toml (ledger_account).
"""


def write_postings(profile: Profile, folder: Path) -> None:
    """Write postings/accounts.toml: what the postings that ship call an account, by its number in the ledger."""
    folder.mkdir(parents=True, exist_ok=True)
    parts = [_HEAD]
    for place, entity in enumerate(profile.entities, 1):
        width = max(len(row[0]) for row in _CHART)
        rows = "".join(f'{row[0].ljust(width)} = "{row[place]}"\n' for row in _CHART)
        parts.append(f"\n[accounts.{entity.id}]                # {entity.name}\n{rows}")
    (folder / "accounts.toml").write_text("".join(parts), encoding="utf-8")
