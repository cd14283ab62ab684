"""
One German account under two names: its IBAN in one source, bank code and account number in another; laws 2 and 4.

A German IBAN is made of nothing else: DE, two check digits, eight digits of bank code, ten of account number. Whoever has
not said that both are one account has its money twice; tieout does not guess, but says which line to write.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from tieout.config import clean_number
from tieout.config.accounts import called
from tieout.intake.findings import Finding
from tieout.intake.statements import account_now, standing_statements
from tieout.store import schema

if TYPE_CHECKING:
    from collections.abc import Iterable

    import sqlalchemy as sa

    from tieout.config import Workspace

__all__ = ["german_iban", "two_names"]

_GERMAN = re.compile(r"DE\d{20}")
_BANK_AND_ACCOUNT = re.compile(r"(\d{8})/(\d{1,10})")
_DIGITS = 10


def german_iban(number: str) -> str | None:
    """Give the IBAN that a number is or stands for; None: it is neither a German IBAN nor BANKCODE/ACCOUNT."""
    bare = clean_number(number)
    if _GERMAN.fullmatch(bare):
        return bare
    found = _BANK_AND_ACCOUNT.fullmatch(bare)
    if found is None:
        return None
    whole = found[1] + found[2].zfill(_DIGITS)
    return f"DE{98 - int(whole + '131400') % 97:02d}{whole}"  # ISO 13616: DE and 00 behind, as numbers


def _spellings(iban: str) -> set[str]:
    """List what files may call the account of a German IBAN."""
    bank, account = iban[4:12], iban[12:]
    zeros = len(account) - len(account.lstrip("0"))
    return {iban, *(f"{bank}/{account[cut:]}" for cut in range(min(zeros, _DIGITS - 1) + 1))}


def two_names(
    connection: sa.Connection, workspace: Workspace, delivery_id: str, mine: Iterable[Any], past: Iterable[Any]
) -> dict[str, list[Finding]]:
    """
    Find accounts that a delivery speaks of and that are known by another name as well, by scope.

    :param mine: its statements; ``past``: those that it had when it was read before.
    """
    mine = list(mine)
    named = {row["account_id"] for row in (*mine, *past)}
    named |= {number for a in workspace.accounts if a.id in named for number in called(a)}
    found = {}
    for iban in sorted({iban for name in named if (iban := german_iban(name))}):
        spelt = _spellings(iban)
        declared = {a.id for a in workspace.accounts if spelt & {*called(a)}}
        table = schema.statement
        query = (
            standing_statements()
            .where(table.c.account_id.in_(sorted(spelt | declared)), table.c.delivery_id != delivery_id)
            .with_only_columns(table.c.account_id, table.c.currency, table.c.source_id)
            .order_by(None)
            .distinct()
        )
        rows = [row for row in mine if row["account_id"] in spelt | declared]
        told = [*connection.execute(query).mappings(), *rows]
        scope = f"account {iban}"
        found[scope] = _findings(workspace, scope, iban, told)
    return found


def _findings(workspace: Workspace, scope: str, iban: str, told: list[Any]) -> list[Finding]:
    names: dict[str, dict[str, str]] = {}
    for row in sorted(told, key=lambda row: (row["currency"] or "", row["account_id"], row["source_id"])):
        name = account_now(workspace, row["account_id"], row["currency"])
        names.setdefault(row["currency"] or "", {}).setdefault(name, row["source_id"])
    for account in workspace.accounts:  # one that is declared and of which nothing came yet is known as well
        if _spellings(iban) & {*called(account)}:
            names.setdefault(account.currency, {}).setdefault(account.id, account.source or "")
    return [
        _finding(workspace, scope, iban, currency, known) for currency, known in sorted(names.items()) if len(known) > 1
    ]


def _finding(workspace: Workspace, scope: str, iban: str, currency: str, known: dict[str, str]) -> Finding:
    declared = [account for account in workspace.accounts if account.id in known and account.currency == currency]
    others = sorted(name for name in known if name not in {a.id for a in declared[:1]} and name != iban)
    spelt = [n for name in others for n in _numbers(workspace, name) if n != iban]
    written = ", ".join(f'"{number}"' for number in sorted(set(spelt)))
    if not declared:
        entity = workspace.source(min(known.values())).entity
        line = f'[[account]] with id = "{iban}", entity = "{entity}", number = "{iban}", numbers = [{written}], currency = "{currency}"'
    elif len(declared) == 1:
        line = f"numbers = [{written or chr(34) + iban + chr(34)}] in [[account]] {declared[0].id!r}"
    else:
        line = f"one [[account]] instead of {' and '.join(repr(a.id) for a in declared)}, with the other's number in numbers"
    names = " and ".join(sorted(known))
    note = (
        f"expected one name for one account, got {names}: the bank code and account number are those of {iban}, so that its"
        f" money in {currency} is there twice; write {line} in tieout.toml, then `tieout replay` what came under the"
        " other name"
    )
    return Finding(scope=scope, reason="master_data", note=note, account_id=min(known), currency=currency)


def _numbers(workspace: Workspace, name: str) -> list[str]:
    """Give the numbers of a declared account, or the name itself, which is the number of one that is not."""
    declared = [account for account in workspace.accounts if account.id == name]
    return [number for account in declared for number in called(account)] or [name]
