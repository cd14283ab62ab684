"""
Which account a line of a file belongs to.

Declared accounts win. A source for which none is declared brings its own; a source for which one is declared may
bring no other, so that a new bank account never slips in unseen.
"""

import re

from tieout.config.workspace import Account, Source, Workspace

__all__ = ["ASIDE", "account_for", "beside", "called", "clean_number", "is_iban"]

_IBAN = re.compile(r"[A-Z]{2}[0-9]{2}[A-Z0-9]{11,30}")
_BLANKS = re.compile(r"\s+")

#: An account of these kinds is fed by transfers, not by the lines of a file that names no account.
ASIDE = ("reserve", "in_transit")


def is_iban(number: str) -> bool:
    """
    Whether a number has the form of an IBAN (ISO 13616), blanks and case aside.

    The check digits are not looked at: an IBAN with a typing error must still meet itself.
    """
    return _IBAN.fullmatch(_BLANKS.sub("", number).upper()) is not None


def clean_number(number: str) -> str:
    """Write an account number as it is compared: without blanks, and an IBAN in capitals."""
    bare = _BLANKS.sub("", number)
    return bare.upper() if is_iban(bare) else bare


def account_for(workspace: Workspace, source_id: str, number: str | None, currency: str | None) -> Account | None:
    """
    Give the account that a statement or line of a source belongs to; None means ``unknown_account``.

    In this order: the source's declared account of that number and currency; the account declared with that
    IBAN for another source, with that number for none, or with it among its ``numbers`` (an intraday and an end-of-day
    source carry the same account); the source's declared account of that currency, if it is the only one that could be meant. Failing
    that, None if any account is declared for the source, and else an account that nobody declared: its id is the
    number, or ``SOURCE/CURRENCY``.

    :param number: the account as the file names it; None or blank where it does not.
    :param currency: as the file states it; None where it does not (a number may be enough).
    A source with ``accounts_of`` tells of the accounts of that source.

    :raises WrongUse: the source is not declared.
    """
    source = workspace.home(source_id)
    source_id = source.id
    wanted = clean_number(number or "")
    fitting = [account for account in workspace.accounts if currency in (None, account.currency)]
    own = [account for account in fitting if account.source == source_id]
    if wanted:
        elsewhere = [a for a in fitting if a.source != source_id and _is_anyones(a, wanted)]
        for candidates in (own, elsewhere):
            numbered = [account for account in candidates if _is_number(account, wanted)]
            if numbered:
                return _only(numbered)
    declared = [account for account in workspace.accounts if account.source == source_id]
    if not declared:
        return _implicit(workspace, source, wanted, currency)
    aside_only = all(account.kind in ASIDE for account in declared)
    plain = [account for account in own if aside_only or account.kind not in ASIDE]
    nameless = [account for account in plain if account.number is None]
    return _only(nameless if wanted or nameless else plain)


def beside(
    workspace: Workspace, kinds: tuple[str, ...], entity: str | None, currency: str | None, *sources: str | None
) -> Account | None:
    """
    Give the one account of some kinds that stands beside what is of an entity and a currency.

    Those that are declared for one of its sources come first; where several could be meant, none is.
    """
    fitting = [a for a in workspace.accounts if a.kind in kinds and (a.entity, a.currency) == (entity, currency)]
    found = [a for a in fitting if a.source is not None and a.source in sources] or fitting
    return found[0] if len(found) == 1 else None


def called(account: Account) -> tuple[str, ...]:
    """Give every number of an account as it is compared, the one that it goes by first."""
    return tuple(clean_number(number) for number in (account.number, *account.numbers) if number)


def _is_anyones(account: Account, wanted: str) -> bool:
    """Whether a number may mean an account of another source, or of none."""
    further = called(account)[1:]
    return (
        account.source is None
        or is_iban(account.number or "")
        or bool({wanted, wanted.removesuffix(account.currency)} & {*further})
    )


def _is_number(account: Account, wanted: str) -> bool:
    # Some banks write the currency behind the number (":25:NL20INGB0001234567EUR").
    return any(wanted in (own, own + account.currency) for own in called(account))


def _only(candidates: list[Account]) -> Account | None:
    """Give the one account that can be meant; beside others, reserves and cash in transit stand aside."""
    front = candidates if len(candidates) == 1 else [a for a in candidates if a.kind not in ASIDE]
    return front[0] if len(front) == 1 else None


def _implicit(workspace: Workspace, source: Source, number: str, currency: str | None) -> Account:
    known = currency or source.currency or workspace.entity(source.entity).currency
    return Account(
        id=number or f"{source.id}/{known}",
        entity=source.entity,
        currency=known,
        source=source.id,
        number=number or None,
        timezone=source.timezone,
        calendar=source.calendar,
        declared=False,
    )
