"""
Which accounts hold money, which ledger account stands for each, and which accounts belong together.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from tieout.config.workspace import Account
from tieout.observe.proofs.lines import MOVING, named
from tieout.store.views import current_records

if TYPE_CHECKING:
    import duckdb

    from tieout.config import Workspace
    from tieout.observe.snapshot import Snapshot
    from tieout.store.workplace import Store

__all__ = [
    "ASIDE",
    "known_accounts",
    "ledger_accounts_of",
    "ledger_ids_of",
    "money_accounts",
    "platforms_of",
    "remedy_of",
    "sharing",
]

#: The kind of account that has no proof of its own: it is the other side of one.
ASIDE = ("ledger",)


def money_accounts(
    con: duckdb.DuckDBPyConnection, store: Store, workspace: Workspace, snapshot: Snapshot
) -> list[Account]:
    """List the accounts that hold money: those that are declared, and those that lines of money name."""
    declared = {account.id: account for account in workspace.accounts}
    files = snapshot.files
    rows = con.execute(f"""
        select distinct account_id, currency, min(entity_id), min(source_id)
        from {current_records(store.lake, files["records"], files["superseded"])}
        where status = 'booked' and kind in ({named(k for k in MOVING if k != "journal_line")}) and account_id is not null
        group by account_id, currency
    """).fetchall()
    brought = [
        Account(id=name, entity=entity, currency=currency, source=source, declared=False)
        for name, currency, entity, source in rows
        if name not in declared
    ]
    holding = [account for account in workspace.accounts if account.kind not in ASIDE]
    return sorted((*holding, *brought), key=lambda account: (account.id, account.currency))


def known_accounts(workspace: Workspace) -> str:
    """Say which accounts can be proven, for a message."""
    names = sorted(account.id for account in workspace.accounts if account.kind not in ASIDE)
    listed = ", ".join(names[:10]) or "none"
    return f"tieout.toml declares {listed}"


def ledger_ids_of(workspace: Workspace, account: Account) -> tuple[str, ...]:
    """Give the ids under which the facts have the lines of an account's ledger account."""
    if account.ledger_account is None:
        return ()
    own = [a.id for a in ledger_accounts_of(workspace, account)]
    return tuple(dict.fromkeys([*own, account.ledger_account]))


def ledger_accounts_of(workspace: Workspace, account: Account) -> list[Account]:
    """Give the declared accounts of the ledger that an account's ``ledger_account`` names."""
    return [
        a
        for a in workspace.accounts
        if a.kind == "ledger" and a.entity == account.entity and account.ledger_account in (a.number, a.id)
    ]


def sharing(workspace: Workspace, account: Account) -> list[Account]:
    """Give the accounts that one ledger account stands for, in one currency."""
    if account.ledger_account is None:
        return [account]
    key = (account.entity, account.ledger_account, account.currency)
    return [a for a in workspace.accounts if a.kind not in ASIDE and (a.entity, a.ledger_account, a.currency) == key]


def platforms_of(workspace: Workspace, reserve: Account) -> list[Account]:
    """Give the platform accounts whose holds stand in a reserve account."""
    if reserve.kind != "reserve":
        return []
    return [
        a
        for a in workspace.accounts
        if a.kind not in (*ASIDE, "reserve", "in_transit", "bank") and (a.entity, a.currency) == (reserve.entity, reserve.currency)
        and ((reserve.source is not None and a.source == reserve.source)
             or (reserve.number is not None and a.number == reserve.number))
    ]  # fmt: skip


def remedy_of(con: duckdb.DuckDBPyConnection, workspace: Workspace, account: Account) -> str:
    """Say what would compare the lines of an account with its ledger account."""
    if account.kind == "in_transit":
        return (
            "a line of the ledger is a movement if its references or its text name the payout or the bank's line and it has its"
            " amount; journals that sum them up prove it once their sum of every month is that of the movements"
        )
    if account.kind not in (None, "bank"):
        return (
            f"no reconciliation compares lines of a {account.kind} account with the ledger yet; journals that sum them up prove"
            " it once their sum of every month is that of its lines"
        )
    ledger = named(ledger_ids_of(workspace, account))
    query = f"select distinct source_id from moved where account_id in ({ledger}) order by 1"
    sources = [source for (source,) in con.execute(query).fetchall()]
    for known in workspace.reconciliations:
        sides = [set(side.sources) for side in (known.left, known.right)]
        if any(account.source in one and other & set(sources) for one, other in (sides, sides[::-1])):
            return f"`tieout match {known.id}` compares them"
    left, right = account.source or "SOURCE", sources[0] if sources else "LEDGER"
    return (
        f'declare [[reconciliation]] with left = {{ source = "{left}" }}, right = {{ source = "{right}" }},'
        ' rules = "bank-to-ledger" in tieout.toml, then `tieout match` compares them'
    )
