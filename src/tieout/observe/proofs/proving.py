"""
Making the proofs of accounts, as of a day and as known at a time.

The outside's balance is what statements and reports say; the ledger's is its opening and its lines (or what it reports).
What separates them is named line by line: not matched on the claim ``booking``, matched with a line of a later day, or
matched with a difference.
"""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import TYPE_CHECKING, Protocol

from tieout.errors import WrongUse
from tieout.model.money import exponent_of
from tieout.observe.exporting.writing import literal
from tieout.observe.proofs.accounts import (
    ASIDE,
    known_accounts,
    ledger_accounts_of,
    ledger_ids_of,
    money_accounts,
    platforms_of,
    remedy_of,
    sharing,
)
from tieout.observe.proofs.facts import facts_opened
from tieout.observe.proofs.items import compared_of, items_of, same_in_sum
from tieout.observe.proofs.lines import HELD, REPORTS, Sides, lay_items, lay_lines, named
from tieout.observe.proofs.proof import AccountProof, ProofItem, ProofSide
from tieout.observe.proofs.reserves import reserve_faults, reserve_of
from tieout.observe.proofs.rolling import Roll, roll
from tieout.observe.proofs.transit import COMPARED, lay_transit, lay_transit_items, transit_rolled
from tieout.observe.snapshot import moment_of
from tieout.observe.work.worklist import version as version_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    import duckdb

    from tieout.config import Workspace
    from tieout.config.workspace import Account
    from tieout.observe.exporting.columns import Opened
    from tieout.observe.snapshot import Snapshot
    from tieout.store.workplace import Store

__all__ = ["CARRIED_OVER", "ProvesAccounts", "proofs_of", "prove", "prove_all", "prover"]

#: What the item is called that has left one settlement and opens the next.
CARRIED_OVER = "carried over into the next settlement"
_KEPT_MAX = 8


class ProvesAccounts(Protocol):
    """Makes the proof of an account, as of a day and as known at a time."""

    def __call__(self, account_id: str, as_of: dt.date | None, known_at: dt.datetime | None) -> AccountProof | None:
        """Give the proof; None where there is nothing to prove it with yet."""


@dataclass(frozen=True, slots=True)
class _Facts:
    """What the proofs of some accounts are made from, laid out for one day."""

    con: duckdb.DuckDBPyConnection
    workspace: Workspace
    as_of: dt.date
    known_at: dt.datetime


def prove(
    store: Store, workspace: Workspace, account_id: str, as_of: dt.date | None = None,
    known_at: dt.datetime | None = None,
) -> AccountProof:  # fmt: skip
    """
    Make the proof of one account.

    :param as_of: nothing booked later counts; None: the last day that the facts speak of.
    :param known_at: nothing learned later counts, neither facts nor runs; None: now.
    :raises WrongUse: neither tieout.toml nor the facts have such an account, or it stands in several currencies.
    """
    found = prove_all(store, workspace, as_of, known_at, only=account_id)
    if len(found) == 1:
        return found[0]
    declared = next((a for a in workspace.accounts if a.id == account_id), None)
    if not found and declared is not None and declared.kind in ASIDE:
        message = f"expected an account that holds money, got {account_id}, which is of kind {declared.kind}: the account whose ledger_account it is has the proof"
        raise WrongUse(message)
    opening = None if declared is None else declared.opening
    if not found and opening is not None and (as_of is None or as_of < opening.on):
        message = f"expected a day from {opening.on} on, with which {account_id} opens, got {as_of or 'facts that end before'}: nothing is known of it earlier"
        raise WrongUse(message)
    if not found:
        message = f"expected an account with lines of money, got {account_id!r}; {known_accounts(workspace)}"
        if declared is None:
            message += f". What became of a payout, a payment or a document: `tieout explain {account_id}`"
        raise WrongUse(message)
    listed = " and ".join(proof.currency for proof in found)
    message = (
        f"expected an account in one currency, got {account_id!r} in {listed}, which are never added: declare an"
        " [[account]] for each in tieout.toml"
    )
    raise WrongUse(message)


def prove_all(
    store: Store, workspace: Workspace, as_of: dt.date | None = None, known_at: dt.datetime | None = None,
    *, only: str | None = None,
) -> list[AccountProof]:  # fmt: skip
    """
    Make the proofs of all accounts outside the ledger, in the order of their ids; or of one, per currency.

    :param as_of, known_at: as in :func:`prove`.
    """
    with facts_opened(store, workspace, as_of, known_at) as opened:
        return list(proofs_of(opened, only=only))


def prover(store: Store, workspace: Workspace) -> ProvesAccounts:
    """
    Give what proves one account after the other: all proofs of a day are made at once, and again when facts change.

    An account that stands in several currencies has no single proof: None.
    """

    @lru_cache(maxsize=_KEPT_MAX)
    def made(
        version: tuple[int, int, int], as_of: dt.date | None, known_at: dt.datetime | None
    ) -> dict[str, AccountProof | None]:
        del version
        found: dict[str, AccountProof | None] = {}
        for proof in prove_all(store, workspace, as_of, known_at):
            found[proof.account_id] = None if proof.account_id in found else proof
        return found

    def proven(account_id: str, as_of: dt.date | None, known_at: dt.datetime | None) -> AccountProof | None:
        return made(version_of(store.book), as_of, known_at).get(account_id)

    return proven


def proofs_of(opened: Opened, *, only: str | None = None) -> Iterator[AccountProof]:
    """
    Make proofs from one state of facts and results, one after the other.

    While a proof is in hand, the engine's table ``item`` has all of its items.
    """
    con, store, workspace, snapshot = opened.con, opened.store, opened.workspace, opened.snapshot
    accounts = [
        a for a in money_accounts(con, store, workspace, snapshot)
        if only in (None, a.id) and _is_open(a, opened.as_of)
    ]  # fmt: skip
    known_at = opened.known_at or _latest(snapshot)
    _lay(con, store, workspace, snapshot, accounts)
    moving = [a for account in accounts for a in sharing(workspace, account) if a.kind == "in_transit"]
    if moving:
        lay_transit(opened, moving)
    for account in accounts:
        day = _last_told(con, account, opened.as_of) if opened.open_end else opened.as_of
        yield _proof(_Facts(con, workspace, day, known_at), account)


def _is_open(account: Account, day: dt.date) -> bool:
    """Whether an account has opened by a day: nothing can be proven of one before."""
    return account.opening is None or account.opening.on <= day


def _latest(snapshot: Snapshot) -> dt.datetime:
    """Give the moment of the last run or delivery: everything that is known was known then."""
    moments = [moment_of(run["at"]) for run in snapshot.results.runs.values()]
    received = snapshot.deliveries["received_at"].to_pylist()
    known = [at for at in (*moments, *received) if at is not None]
    return max(known, default=dt.datetime(1970, 1, 1, tzinfo=dt.UTC))


def _last_told(con: duckdb.DuckDBPyConnection, account: Account, day: dt.date) -> dt.date:
    """Give the last day of which a balance of an account is told, where all lines end before it."""
    told = con.execute(f"""
        select max(booked_on) from reported where told_at is not null and kind in ({named(REPORTS)})
            and account_id = {literal(account.id)} and currency = {literal(account.currency)}
    """).fetchall()[0][0]
    return day if told is None else max(day, told)


def _lay(
    con: duckdb.DuckDBPyConnection, store: Store, workspace: Workspace, snapshot: Snapshot, accounts: list[Account]
) -> None:
    """Lay out what the proofs of some accounts are made from."""
    wanted: dict[str, None] = {}
    for account in accounts:
        wanted |= dict.fromkeys([account.id, *ledger_ids_of(workspace, account)])
        wanted |= dict.fromkeys(other.id for other in (*sharing(workspace, account), *platforms_of(workspace, account)))
    lay_lines(con, store.lake, snapshot, wanted)
    for reserve in (account for account in workspace.accounts if account.kind == "reserve"):
        _lay_reserve(con, workspace, reserve)


def _lay_reserve(con: duckdb.DuckDBPyConnection, workspace: Workspace, reserve: Account) -> None:
    """What a platform holds back leaves its balance and stands in the reserve, until it is released."""
    platforms = named(account.id for account in platforms_of(workspace, reserve))
    con.execute(f"""
        insert into moved select * replace ({literal(reserve.id)} as account_id, -effect as effect, -effect as amount,
            0 as fee, 0 as fee_tax, null as settlement_id)
        from moved where kind in ({named(HELD)}) and account_id in ({platforms})
    """)
    if len(platforms_of(workspace, reserve)) == 1:  # what it reports as its reserve is the balance of this account
        con.execute(f"""
            insert into told_balance select * replace ({literal(reserve.id)} as account_id, 'available' as kind)
            from told_balance where kind = 'reserved' and account_id in ({platforms})
        """)


def _proof(facts: _Facts, account: Account) -> AccountProof:
    con, day, currency = facts.con, facts.as_of, account.currency
    together = [a for a in sharing(facts.workspace, account) if _is_open(a, day)]
    ledger_ids = ledger_ids_of(facts.workspace, account)
    exponent = _exponent(con, [*(a.id for a in together), *ledger_ids], currency)
    rolls = {a.id: _rolled(facts, a, exponent) for a in together}
    own = rolls[account.id]
    ledger, opened, opened_with = _ledger(facts, account, ledger_ids, exponent)
    after = {a.id: rolls[a.id].opened_on for a in together} | dict.fromkeys(ledger_ids, opened)
    sides = Sides(
        outside=tuple(rolls), ledger=ledger_ids, entity=account.entity, currency=currency, exponent=exponent, as_of=day,
        after={name: on for name, on in after.items() if on is not None},
        level=opened_with == sum(r.opening or 0 for r in rolls.values()) and set(after.values()) == {opened},
        compared=COMPARED if account.kind == "in_transit" else ("paired", "left_open"),
    )  # fmt: skip
    outside_items, ledger_items, compared, in_sum = [], [], 0, False
    if ledger_ids:
        (lay_transit_items if account.kind == "in_transit" else lay_items)(con, sides)
        outside_items, ledger_items = items_of(con, "outside", account.kind), items_of(con, "ledger", account.kind)
        compared = compared_of(con, sides)
        in_sum = account.kind not in {None, "bank"} and same_in_sum(con)  # a bank's lines are few enough for one by one
    since = [_since(name, r) for name, r in rolls.items() if r.since]
    since += [
        ProofItem(label=CARRIED_OVER, amount=r.carried, state="timing", reference=r.settlement)
        for r in rolls.values()
        if r.carried
    ]
    reserve = reserve_of(con, facts.workspace, account, exponent, day)
    return AccountProof(
        account_id=account.id, entity_id=account.entity, kind=account.kind, currency=currency, exponent=exponent,
        as_of=day, known_at=facts.known_at, ledger_account=account.ledger_account,
        outside=ProofSide(source=_said(rolls), balance=_balance(rolls), items=(*since, *outside_items)),
        ledger=ProofSide(source=_ledger_said(account), balance=ledger, items=tuple(ledger_items)),
        opening=own.opening, opened_on=own.opened_on, movements=own.movements,
        reported=own.reported, reported_on=own.reported_on, reported_at=own.reported_at, since=own.since,
        breaks_on=own.breaks_on, notes=tuple(note for r in rolls.values() for note in r.notes),
        carried=own.carried, compared=compared, in_sum=in_sum, remedy=remedy_of(con, facts.workspace, account), reserve=reserve,
        faults=(*_faults(facts, account, rolls, ledger_ids, ledger), *reserve_faults(reserve, currency, exponent)),
    )  # fmt: skip


def _rolled(facts: _Facts, account: Account, exponent: int) -> Roll:
    """
    Roll an account outside the ledger forward.

    A reserve that the platform does not report is what is left of the holds after the releases that they are matched with.
    """
    con, day, workspace = facts.con, facts.as_of, facts.workspace
    own = roll(con, (account.id,), account.currency, exponent, day, account.opening)
    if account.kind == "in_transit":
        return transit_rolled(con, account, own, exponent, day)
    platforms = platforms_of(workspace, account)
    # What one reserve of several platforms opened with is no platform's.
    if own.reported is not None or own.opening is None or not platforms or (own.opening and len(platforms) > 1):
        return own
    kept = [reserve_of(con, workspace, platform, exponent, day) for platform in platforms]
    return replace(
        own, reported=sum(reserve.unreleased for reserve in kept if reserve is not None), reported_on=day,
        said=f"holds of {' and '.join(platform.id for platform in platforms)} that nothing released",
    )  # fmt: skip


def _exponent(con: duckdb.DuckDBPyConnection, accounts: Sequence[str], currency: str) -> int:
    """Give the decimals that hold every amount of the accounts in a currency, and every part of one: its own, or more."""
    query = f"""
        select max(exponent) from (select account_id, currency, exponent from moved
            union all select account_id, currency, exponent from reported
            union all select account_id, currency, needed from moved
                join (select record_key, record_id, currency, needed from paired) using (record_key, record_id, currency))
        where account_id in ({named(accounts)}) and currency = {literal(currency)}
    """
    return max(exponent_of(currency), con.execute(query).fetchall()[0][0] or 0)


def _balance(rolls: dict[str, Roll]) -> int | None:
    """Add what the outside says of the accounts, if it says something of each: lines are no balance of their own."""
    balances = [r.reported for r in rolls.values()]
    known = [balance for balance in balances if balance is not None]
    return sum(known) if len(known) == len(balances) else None


def _said(rolls: dict[str, Roll]) -> str:
    return " and ".join(r.said or f"{name}, of which nobody reports a balance" for name, r in rolls.items())


def _since(name: str, own: Roll) -> ProofItem:
    when = "" if own.reported_on is None else f" of {own.reported_on:%d %b %Y}"
    when += "" if own.reported_at is None else f" {own.reported_at:%H:%M:%S} UTC"
    return ProofItem(
        label=f"booked since the balance{when}", amount=own.since, state="timing", count=own.since_count,
        account_id=name,
    )  # fmt: skip


def _ledger_said(account: Account) -> str:
    if account.ledger_account is None:
        return "no ledger account"
    return f"ledger account {account.ledger_account}"


def _ledger(
    facts: _Facts, account: Account, ids: tuple[str, ...], exponent: int
) -> tuple[int | None, dt.date | None, int | None]:
    """
    Give the ledger's balance, from which day its lines count, and with what it opened.

    It is what the ledger reports, else its opening and its lines. Where none is declared for the ledger account, it
    opened with what is declared for its account; where neither is, its lines alone make no balance.
    """
    if not ids:
        return None, None, None
    openings = [a.opening for a in ledger_accounts_of(facts.workspace, account) if a.opening is not None]
    opening = openings[0] if openings else account.opening
    if opening is None or opening.amount.currency != account.currency:
        opening = None
    own = roll(facts.con, ids, account.currency, exponent, facts.as_of, opening)
    silent = own.reported is None and not own.movements
    balance = own.closing if own.reported is None else own.reported + own.since
    return (None if silent and not openings else balance), own.opened_on, own.opening


def _faults(
    facts: _Facts, account: Account, rolls: dict[str, Roll], ledger_ids: tuple[str, ...], ledger: int | None
) -> tuple[str, ...]:
    """Say what else keeps an account from being proven."""
    own = rolls[account.id]
    faults = [fault for r in rolls.values() for fault in r.faults]
    if own.opening is None:
        faults.append(
            "no opening balance: declare opening = { on = ..., amount = ... } for the account, or bring a statement"
        )
    if own.reported is None:
        nobody = "no balance can be held against the lines" if own.notes else "nobody reports a balance"
        faults.append(f"{nobody} of {account.id} up to {facts.as_of}: its lines are not held against anything")
    if ledger_ids and ledger is None:
        faults.append(_no_ledger(facts, account, ledger_ids))
    faults += _foreign(facts, account, ledger_ids)
    return tuple(faults)


def _no_ledger(facts: _Facts, account: Account, ledger_ids: tuple[str, ...]) -> str:
    """Say why there is no balance by the ledger: no line of it, or nothing that its lines could be added to."""
    count = facts.con.execute(f"""
        select count(*) from moved where account_id in ({named(ledger_ids)})
            and currency = {literal(account.currency)} and booked_on <= date '{facts.as_of}'
    """).fetchall()[0][0]
    if not count:
        return f"the ledger says nothing of account {account.ledger_account} up to {facts.as_of}"
    return (
        f"the ledger has lines on account {account.ledger_account}, and nobody says what it opened with: declare"
        f" opening = {{ on = ..., amount = ... }} for account {account.id}, with which both open, or for an [[account]]"
        f' with kind = "ledger" and number = "{account.ledger_account}"'
    )


def _foreign(facts: _Facts, account: Account, ledger_ids: tuple[str, ...]) -> list[str]:
    """Name what stands in an account in another currency: it is never added."""
    shared = {
        a.currency for a in facts.workspace.accounts
        if a.entity == account.entity and account.ledger_account is not None and a.ledger_account == account.ledger_account
    }  # fmt: skip
    rows = facts.con.execute(f"""
        select account_id, currency, count(*), min(coalesce(external_id, lower(hex(record_id)))) from moved
        where booked_on <= date '{facts.as_of}' and currency <> {literal(account.currency)}
            and ((account_id = {literal(account.id)} and {str(account.declared).lower()}) or (
                account_id in ({named(ledger_ids)}) and currency not in ({named(shared)})))
        group by all order by all
    """).fetchall()
    return [
        f"{name} has {count} lines in {currency}, such as {such}, and {account.id} is kept in {account.currency}: they are not added"
        for name, currency, count, such in rows
    ]
