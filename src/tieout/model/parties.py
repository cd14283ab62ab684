"""
Parties: who stands on the other side of records, as each system names them.

A record names its party by ``counterparty`` (a name) and ``counterparty_account`` (an account of theirs). Spellings of
a name that differ in case, marks and punctuation are one party of that system. That the parties of two systems are one
company is not known from a name: a person says so.
"""

from __future__ import annotations

import hashlib

from tieout.model.normal import normal

__all__ = ["party_id"]

_UNIT = "\x1f"


def party_id(system: str, name: str | None, account: str | None) -> str | None:
    """
    Name a party of a system by what it is called; by its account where no letter or digit names it.

    :return: 16 hexadecimal digits; None where neither is given.
    """
    called = (normal(name) if name else None) or account
    return None if called is None else hashlib.sha256(f"{system}{_UNIT}{called}".encode()).hexdigest()[:16]
