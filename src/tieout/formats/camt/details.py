"""The transactions (``TxDtls``) inside an entry that holds several, and whether they agree with it."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING

from tieout.errors import BadInput
from tieout.formats.camt.entries import (
    details_text,
    escaped,
    find_counterparty,
    find_original,
    identifiers,
    is_debit,
    join_code,
    occurred_at,
    read_amount,
)
from tieout.formats.camt.rows import Row
from tieout.formats.camt.shapes import first_text, join_texts
from tieout.model.money import Money, format_minor, parse_money
from tieout.model.problems import Problem

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from tieout.formats.camt.entries import Account, Amount, Entry
    from tieout.formats.camt.plans import Charges, DetailPlan, EntryPlan

__all__ = ["Detail", "check_batches", "check_single", "read_details"]

#: The most transactions of which an entry takes over references and texts; ``details`` keeps what all of them say.
ADOPTED_MAX = 1_000
_NOT_INCLUDED = frozenset({"false", "0"})


@dataclass(frozen=True, slots=True)
class Detail:
    """
    One transaction as it stands in the file.

    :ivar container: which ``NtryDtls`` of the entry it is in, counted from 0 among those with transactions.
    :ivar batch: how many transactions that ``NtryDtls`` claims to hold, where it does.
    """

    plan: DetailPlan
    values: Sequence[str]
    line: int
    container: int
    batch: str | None


def _own_amount(detail: Detail, currency: str) -> Amount | None:
    """
    Read a transaction's amount in its entry's currency.

    :return: None where it states none in that currency.
    :raises BadInput: it cannot be read.
    """
    for index, stated in (*detail.plan.booked, *detail.plan.originals):
        written = detail.values[index]
        if (stated or currency) == currency and written:
            return read_amount(written, currency)
    return None


def _own_names(entry: Entry, details: Sequence[Detail]) -> list[str | None]:
    """Name each transaction by its best reference; where two share one, the second gets ``#2`` behind it."""
    names, seen = [], Counter[str]()
    for detail in details:
        candidates = identifiers(detail.values, detail.plan.own)
        name = next((name for name in candidates if name != entry.row.external_id), None)
        if name is not None:
            seen[name] += 1
            name = f"{name}#{seen[name]}" if seen[name] > 1 else name
        names.append(name)
    return names


def _parent_name(entry: Entry, plan: EntryPlan, values: Sequence[str]) -> str:
    """Name the entry for its transactions: by the bank's reference, else by what it says."""
    row = entry.row
    if row.external_id is not None:
        return row.external_id
    said = (first_text(values, plan.entry_reference), row.booked_on, row.amount, row.currency)
    return "|".join("" if part is None else str(part) for part in said)


def read_details(
    account: Account, entry: Entry, plan: EntryPlan, values: Sequence[str], details: Sequence[Detail]
) -> tuple[Row, list[Row], list[Problem]]:
    """
    Read the several transactions of an entry.

    Where one of them states no amount in the entry's currency there are no detail rows: the entry keeps what
    they say.

    :return: the entry's row, the details' rows, and what is wrong.
    """
    amounts: list[Amount | None] = []
    problems: list[Problem] = []
    unreadable: set[int] = set()
    for position, detail in enumerate(details):
        try:
            amounts.append(_own_amount(detail, entry.amount.currency))
            is_debit(first_text(detail.values, detail.plan.indicator), otherwise=entry.debit)
        except BadInput as error:
            amounts[position:] = [None]
            unreadable.add(position)
            problems.append(Problem(message=f"{error} (in TxDtls)", severity="row", line=detail.line, column="TxDtls"))
    if any(amount is None and position not in unreadable for position, amount in enumerate(amounts)):
        return (
            _adopt(entry.row, details),
            [],
            _check_counts(entry, details, comparable=not _foreign(entry, details)),
        )
    rows = _rows(account, entry, _parent_name(entry, plan, values), details, amounts)
    if entry.reversal and rows and all((row.amount < 0) is not entry.debit for row in rows):
        # Some banks leave the transactions in a reversal as they were before they were reversed.
        rows = _rows(account, entry, _parent_name(entry, plan, values), details, amounts, undone=True)
    if not unreadable:
        wrong = _check_sum(entry, plan, values, details, rows)
        # What was instructed is what was booked only if it adds up.
        if wrong and not all(detail.plan.booked for detail in details):
            return _adopt(entry.row, details), [], []
        problems += wrong
    problems += _check_counts(entry, details, comparable=True)
    return entry.row, rows, problems


def _foreign(entry: Entry, details: Sequence[Detail]) -> bool:
    """Say whether any transaction states amounts in another currency than the entry's."""
    own = entry.amount.currency
    return any((stated or own) != own for d in details for _, stated in (*d.plan.direct, *d.plan.originals))


def _adopt(row: Row, details: Sequence[Detail]) -> Row:
    """Give the entry what transactions say that cannot stand alone: references, texts, and all of it in ``details``."""
    first = details[:ADOPTED_MAX]
    inside = (r for d in first for r in identifiers(d.values, d.plan.references))
    texts = dict.fromkeys((row.text, *(join_texts(d.values, d.plan.texts) for d in first)))
    said = [row.details[1:-1]] if row.details else []
    said.append(f'"TxDtls":"{len(details)}"')
    said += [part for position, detail in enumerate(details, 1) for part in _everything(detail, position)]
    return row._replace(
        references=tuple(dict.fromkeys((*row.references, *inside)))[:ADOPTED_MAX],
        text=" ".join(text for text in texts if text) or None,
        details=f"{{{','.join(said)}}}",
    )


def _everything(detail: Detail, position: int) -> Iterator[str]:
    """Write all texts of a transaction as JSON pairs, by path and its place in the entry (``TxDtls[2]/Amt``)."""
    values = escaped(detail.values)
    for key, index in detail.plan.everything:
        yield f'"TxDtls[{position}]/{key[1:]}' + (f'"{values[index]}"' if index >= 0 else "")


def _rows(
    account: Account,
    entry: Entry,
    parent: str,
    details: Sequence[Detail],
    amounts: Sequence[Amount | None],
    *,
    undone: bool = False,
) -> list[Row]:
    rows = []
    for position, (detail, amount, name) in enumerate(
        zip(details, amounts, _own_names(entry, details), strict=True), 1
    ):
        if amount is not None:
            row = _row(account, entry, detail, amount, undone=undone)
            identity = f"{parent}|{position}|{row.amount}"
            rows.append(row._replace(identity=identity, external_id=name, parent_external_id=parent))
    return rows


def _row(account: Account, entry: Entry, detail: Detail, amount: Amount, *, undone: bool) -> Row:
    """
    Read one transaction; what it does not say is taken from its entry.

    :param undone: the direction that it states is the one before it was reversed.
    """
    plan, values, of_entry = detail.plan, detail.values, entry.row
    debit = entry.debit if undone else is_debit(first_text(values, plan.indicator), otherwise=entry.debit)
    minor = -amount.minor if debit else amount.minor
    party, number, is_debtor = find_counterparty(plan, values, account, debit=debit, reversal=entry.reversal)
    original = find_original(plan.originals, values, amount, debit=debit)
    return Row(
        line=detail.line,
        kind="bank_detail",
        currency=amount.currency,
        account_number=account.number,
        namespace="detail",
        identity=None,
        status=of_entry.status,
        booked_on=of_entry.booked_on,
        value_on=of_entry.value_on,
        occurred_at=occurred_at(plan, values) or of_entry.occurred_at,
        bank_code=join_code(values, plan.domain, plan.proprietary) or of_entry.bank_code,
        amount=minor,
        exponent=amount.exponent,
        original_amount=original.amount,
        original_currency=original.currency,
        original_exponent=original.exponent,
        rate=first_text(values, plan.rate),
        external_id=None,
        parent_external_id=None,
        references=identifiers(values, plan.references),
        text=join_texts(values, plan.texts),
        counterparty=party,
        counterparty_account=number,
        details=details_text(values, plan.templates[is_debtor, original.differs]),
        statement_place=account.place,
    )


def _charged(values: Sequence[str], charges: Charges, currency: str, exponent: int) -> tuple[int, int]:
    """
    Sum what charges took from the amount that was booked: by the single ones, and by their total.

    What is marked as no part of the amount (``ChrgInclInd``) is booked elsewhere; a charge marked as a credit gives back.
    """
    included = [c for c in charges.records if c.included is None or values[c.included].lower() not in _NOT_INCLUDED]
    single = sum(
        (-1 if c.indicator is not None and values[c.indicator].upper() == "CRDT" else 1)
        * _scaled(values[c.amount], c.currency or currency, currency, exponent)
        for c in included
    )
    if len(included) < len(charges.records):
        return single, single
    total = sum(_scaled(values[index], stated or currency, currency, exponent) for index, stated in charges.totals)
    return single, total


def _scaled(written: str, stated: str, currency: str, exponent: int) -> int:
    """Read a charge; nothing where it is in another currency, or cannot be read."""
    if stated != currency:
        return 0
    try:
        return abs(parse_money(written, currency).scaled(exponent))
    except BadInput:
        return 0


def _explained(taken: int, of_entry: tuple[int, int], inside: Sequence[tuple[int, int]]) -> bool:
    """
    Whether charges took exactly so much between the transactions and their entry: the entry's, theirs, or all.

    :param taken: the transactions' sum less the entry, by their effect on the account: charges only ever take.
    """
    for entry, transactions in zip(of_entry, map(sum, zip(*inside, strict=True)), strict=True):
        if taken > 0 and taken in {entry, transactions, entry + transactions}:
            return True
    return False


def _check_sum(
    entry: Entry,
    plan: EntryPlan,
    values: Sequence[str],
    details: Sequence[Detail],
    rows: Sequence[Row],
) -> list[Problem]:
    """Compare the transactions' sum with their entry; a difference is explained by charges that are exactly as large."""
    currency = entry.amount.currency
    exponent = max([entry.amount.exponent, *(row.exponent for row in rows)])
    stated = entry.money.scaled(exponent) * (-1 if entry.debit else 1)
    total = sum(Money(row.amount, currency, row.exponent).scaled(exponent) for row in rows)
    if total == stated:
        return []
    inside = [_charged(detail.values, detail.plan.charges, currency, exponent) for detail in details]
    if _explained(total - stated, _charged(values, plan.charges, currency, exponent), inside):
        return []
    return [_sum_problem(entry, stated, total, exponent, len(details))]


def _sum_problem(entry: Entry, stated: int, total: int, exponent: int, count: int) -> Problem:
    message = (
        f"expected the {count} TxDtls of an entry to sum to its {format_minor(stated, exponent)}"
        f" {entry.amount.currency}, got {format_minor(total, exponent)}"
    )
    return Problem(message=message, line=entry.row.line, column="TxDtls", reason="amount_difference")


def check_single(entry: Entry, plan: EntryPlan, values: Sequence[str]) -> list[Problem]:
    """
    Compare an entry with its only transaction.

    Only the transaction's own amount (``Amt``) is compared, and without sign: what was instructed may differ, and
    some banks leave the direction of a reversed payment. Many banks describe a whole batch in one ``TxDtls``: where
    ``NbOfTxs`` is not 1, nothing is compared.
    """
    detail = plan.detail
    if detail is None or not detail.direct or (first_text(values, plan.batch) or "1").lstrip("0") != "1":
        return []
    index, stated = detail.direct[0]
    written = values[index]
    if written == entry.amount.written or (stated or entry.amount.currency) != entry.amount.currency:
        return []
    try:
        money = parse_money(written, entry.amount.currency)
    except BadInput as error:
        return [Problem(message=f"{error} (in TxDtls)", line=entry.row.line, column="TxDtls")]
    exponent = max(money.exponent, entry.amount.exponent)
    booked, own = entry.money.scaled(exponent), abs(money.scaled(exponent))
    if own == booked:
        return []
    outside, inside = (_charged(values, each.charges, money.currency, exponent) for each in (plan, detail))
    if _explained(booked - own if entry.debit else own - booked, outside, [inside]):
        return []
    return [_sum_problem(entry, booked, own, exponent, 1)]


def check_batches(entry: Entry, plan: EntryPlan, values: Sequence[str], inside: Sequence[Detail]) -> list[Problem]:
    """
    Compare an entry with the totals of its batches (``TtlAmt``).

    A total in another currency says nothing of the entry; a difference is explained by charges that are exactly as large.

    :param inside: its transactions, where it holds several.
    """
    currency = entry.amount.currency
    foreign = any((batch.currency or currency) != currency for batch in plan.batches)
    if not plan.batches or foreign or len({detail.container for detail in inside}) > len(plan.batches):
        return []
    totals = []
    for batch in plan.batches:
        try:
            money = parse_money(values[batch.amount], currency)
            # Some banks leave a batch in a reversal as it was before it was reversed.
            word = None if entry.reversal or batch.indicator is None else values[batch.indicator]
            totals.append(-money if is_debit(word, otherwise=entry.debit) else money)
        except BadInput as error:
            return [Problem(message=f"{error} (in Btch)", line=entry.row.line, column="TtlAmt", reason="incomplete")]
    exponent = max([entry.amount.exponent, *(money.exponent for money in totals)])
    stated = entry.money.scaled(exponent) * (-1 if entry.debit else 1)
    total = sum(money.scaled(exponent) for money in totals)
    one = [(values, plan.detail)] if plan.detail else []
    charged = [
        _charged(texts, each.charges, currency, exponent)
        for texts, each in [*one, *((detail.values, detail.plan) for detail in inside)]
    ]
    of_entry = _charged(values, plan.charges, currency, exponent)
    if total == stated or _explained(total - stated, of_entry, charged or [(0, 0)]):
        return []
    message = (
        f"expected the TtlAmt of an entry's batches to be its {format_minor(stated, exponent)} {currency},"
        f" got {format_minor(total, exponent)}"
    )
    return [Problem(message=message, line=entry.row.line, column="TtlAmt", reason="incomplete")]


def _check_counts(entry: Entry, details: Sequence[Detail], *, comparable: bool) -> list[Problem]:
    """Compare the number of transactions in each ``NtryDtls`` with what it claims (``NbOfTxs``)."""
    counts = Counter(detail.container for detail in details)
    claims = {detail.container: detail.batch for detail in details if detail.batch}
    problems = []
    for container, claim in claims.items():
        found = counts[container]
        # One TxDtls may describe a whole batch; several that are in another currency are not its list either.
        if found == 1 or not comparable or claim.lstrip("0") == str(found):
            continue
        message = f"expected {claim[:20]} TxDtls in a batch, as its NbOfTxs says, got {found}"
        problems.append(Problem(message=message, line=entry.row.line, column="NbOfTxs", reason="incomplete"))
    return problems
