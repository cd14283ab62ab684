"""
The documents behind what platforms collect, an invoice per charge and a credit note per refund, with what goes wrong.
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from enum import IntEnum
from typing import TYPE_CHECKING

import numpy as np

from tieout.simulation._sales import Line, Lines

if TYPE_CHECKING:
    import numpy.typing as npt

    from tieout.simulation._draws import Draws
    from tieout.simulation._profile import Profile
    from tieout.simulation._rates import Rates
    from tieout.simulation._settling import Settled

    Whole = npt.NDArray[np.int64]

__all__ = ["OVERLAP_DAYS", "Documents", "How", "Spelling", "export_windows", "make_documents"]

#: An export of documents begins so many days before the last one ended.
OVERLAP_DAYS = 2
_EXPORT_DAYS = 7


class How(IntEnum):
    """How a document (or a line without one) stands to its counterpart."""

    PLAIN = 0
    OTHER_SPELLING = 1
    PREFIX_LOST = 2
    TRUNCATED_REFERENCE = 3
    MANGLED_REFERENCE = 4
    MISSING_REFERENCE = 5
    LATE_REFERENCE = 6
    SHORT_WITHIN_TOLERANCE = 7
    OVER_WITHIN_TOLERANCE = 8
    SHORT_BEYOND_TOLERANCE = 9
    OVER_BEYOND_TOLERANCE = 10
    BOOKED_IN_BASE_CURRENCY = 11
    DUPLICATED_DOCUMENT = 12
    MISSING_DOCUMENT = 13
    CORRECTED_DOCUMENT = 14
    PAID_TWICE = 15
    MISSING_CHARGE = 16
    REFUND_WITHOUT_CREDIT_NOTE = 17
    MISSING_REFUND = 18
    RETURNED_DEBIT = 19
    PAID_IN_THREE_PARTS = 20


class Spelling(IntEnum):
    """How a reference is written in a document."""

    EXACT = 0
    LOWER = 1
    BARE = 2
    SPACED = 3
    NUMBER = 4
    CUT = 5
    SLIPPED = 6
    NONE = 7


#: Of ten thousand charges, so many.
_OF_CHARGES = {
    How.OTHER_SPELLING: 1_200, How.PREFIX_LOST: 60, How.TRUNCATED_REFERENCE: 120, How.MANGLED_REFERENCE: 120,
    How.MISSING_REFERENCE: 120, How.LATE_REFERENCE: 60, How.SHORT_WITHIN_TOLERANCE: 70, How.OVER_WITHIN_TOLERANCE: 70,
    How.SHORT_BEYOND_TOLERANCE: 50, How.OVER_BEYOND_TOLERANCE: 40, How.BOOKED_IN_BASE_CURRENCY: 60,
    How.DUPLICATED_DOCUMENT: 50, How.MISSING_DOCUMENT: 120, How.CORRECTED_DOCUMENT: 50,
}  # fmt: skip
_OF_REFUNDS = {
    How.OTHER_SPELLING: 1_000, How.TRUNCATED_REFERENCE: 300, How.MISSING_REFERENCE: 300,
    How.REFUND_WITHOUT_CREDIT_NOTE: 900, How.SHORT_WITHIN_TOLERANCE: 150,
}  # fmt: skip
_MISSING_CHARGES = 60  # of ten thousand: documents whose charge nobody reports
_PARTS_WITHIN_DAYS = 10
_IN_WINDOW = (How.LATE_REFERENCE, How.CORRECTED_DOCUMENT)


@dataclass(slots=True)
class Documents:
    """
    Documents, column by column.

    :ivar line: the place of the line that settles it; -1: none.
    :ivar number: the place in the numbering of its kind.
    :ivar currency: the place among the currencies.
    :ivar first_amount: what an earlier export said.
    :ivar first_spelling: how an earlier export wrote the reference.
    """

    line: Whole
    entity: Whole
    credit: Whole
    number: Whole
    order: Whole
    customer: Whole
    amount: Whole
    currency: Whole
    day: Whole
    due: Whole
    spelling: Whole
    named: Whole
    how: Whole
    first_amount: Whole
    first_spelling: Whole

    @classmethod
    def joined(cls, parts: list[Documents]) -> Documents:
        """Put documents below each other."""
        return cls(**{f.name: np.concatenate([getattr(part, f.name) for part in parts]) for f in fields(cls)})

    def where(self, chosen: npt.NDArray[np.bool_] | Whole) -> Documents:
        """Keep some of them."""
        return Documents(**{f.name: getattr(self, f.name)[chosen] for f in fields(self)})

    def __len__(self) -> int:
        """How many there are."""
        return len(self.line)


def export_windows(profile: Profile) -> list[tuple[int, int]]:
    """Give the days of the documents in each of the ERP's exports; neighbours overlap."""
    month = profile.month
    begins = range(month.first, month.last - _EXPORT_DAYS // 2, _EXPORT_DAYS)
    ends = [*(begin - 1 for begin in begins[1:]), month.last]
    return [(max(month.first, begin - OVERLAP_DAYS), end) for begin, end in zip(begins, ends, strict=True)]


def make_documents(profile: Profile, settled: Settled, rates: Rates) -> tuple[Documents, Whole]:
    """
    Write the documents of the month's charges and refunds.

    :return: the documents, and how every line stands to its own (:class:`How`).
    """
    draws = profile.draws("documents")
    lines = settled.lines
    how = np.full(len(lines), -1, np.int64)
    charges = np.flatnonzero(lines.kind == Line.CHARGE)
    refunds = np.flatnonzero(lines.kind == Line.REFUND)
    again = _second_payments(profile, lines, charges)
    local = _local_days(profile, lines)
    in_window = np.isin(local, [day for begin, _ in export_windows(profile)[1:] for day in (begin, begin + 1)])
    foreign = _foreign(profile)[lines.platform]
    how[charges] = _drawn(draws, _OF_CHARGES, len(charges))
    how[refunds] = _drawn(draws, _OF_REFUNDS, len(refunds))
    how[np.isin(how, _IN_WINDOW) & ~in_window] = How.PLAIN
    how[(how == How.BOOKED_IN_BASE_CURRENCY) & ~foreign] = How.PLAIN
    twice = np.isin(lines.payment, lines.payment[again[:, 0]]) & (lines.kind == Line.CHARGE)
    how[twice] = How.PAID_TWICE
    how[again[:, 1]] = How.PAID_TWICE
    how[lines.kind == Line.DEBIT_RETURNED] = How.RETURNED_DEBIT
    _part_by_part(profile, draws, lines, local, how)
    _see_to_each(how, charges[how[charges] == How.PLAIN], in_window, foreign)
    billed = np.concatenate([np.setdiff1d(charges, again[:, 1]), refunds])
    billed = billed[~np.isin(how[billed], (How.MISSING_DOCUMENT, How.REFUND_WITHOUT_CREDIT_NOTE))]
    documents = _bill(profile, draws, lines, local, billed, how)
    parts = [_spoil(profile, draws, rates, documents), _twins(draws, documents), _unpaid(profile, draws, documents)]
    joined = Documents.joined(parts)
    joined = joined.where(np.lexsort((joined.line, joined.day)))
    return _numbered(profile, joined), how


def _local_days(profile: Profile, lines: Lines) -> Whole:
    days = np.zeros(len(lines), np.int64)
    for platform in profile.platforms:
        mine = lines.platform == platform.place
        days[mine] = profile.clocks[platform.entity.zone].days(lines.at[mine])
    return days


def _foreign(profile: Profile) -> npt.NDArray[np.bool_]:
    return np.array([p.currency != p.entity.currency for p in profile.platforms], bool)


def _drawn(draws: Draws, of: dict[How, int], count: int) -> Whole:
    kinds = np.array([How.PLAIN, *of], np.int64)
    return kinds[draws.weighted([10_000 - sum(of.values()), *of.values()], count)]


def _second_payments(profile: Profile, lines: Lines, charges: Whole) -> Whole:
    """Pairs of charges that pay one order: (first, second) places."""
    entity = np.array([profile.entities.index(p.entity) for p in profile.platforms], np.int64)[lines.platform[charges]]
    key = lines.order[charges] * 2 + entity
    _, first, inverse = np.unique(key, return_index=True, return_inverse=True)
    second = np.flatnonzero(first[inverse] != np.arange(len(key)))
    return np.stack([charges[first[inverse[second]]], charges[second]], axis=1)


def _see_to_each(how: Whole, plain: Whole, in_window: npt.NDArray[np.bool_], foreign: npt.NDArray[np.bool_]) -> None:
    """Make sure that a small company has one of each trouble as well."""
    fit = {**dict.fromkeys(_IN_WINDOW, in_window), How.BOOKED_IN_BASE_CURRENCY: foreign}
    for place, kind in enumerate(_OF_CHARGES):
        if not (how == kind).any():
            fitting = plain[fit[kind][plain]] if kind in fit else plain
            fitting = fitting[how[fitting] == How.PLAIN]
            how[fitting[(place * 7 + 3) % len(fitting)]] = kind


def _part_by_part(profile: Profile, draws: Draws, lines: Lines, local: Whole, how: Whole) -> None:
    """Choose early invoices of which the card pays a part only; two bank transfers bring the rest."""
    for platform in profile.platforms:
        if platform.currency != platform.entity.currency:
            continue
        early = (
            (lines.platform == platform.place) & (how == How.PLAIN) & (local < profile.month.first + _PARTS_WITHIN_DAYS)
        )
        fitting = np.flatnonzero(early & (lines.kind == Line.CHARGE))
        if len(fitting):
            how[fitting[draws.some(len(fitting), 1 + len(fitting) // 8_000)]] = How.PAID_IN_THREE_PARTS


def _bill(profile: Profile, draws: Draws, lines: Lines, local: Whole, billed: Whole, how: Whole) -> Documents:
    """Write a faultless document for each of these lines."""
    count, month = len(billed), profile.month
    credit = (lines.kind[billed] == Line.REFUND).astype(np.int64)
    shift = draws.weighted((80, 10, 10), count)
    shifted = local[billed] + np.array([0, -1, 1], np.int64)[shift]
    kept = np.isin(how[billed], _IN_WINDOW)
    day = np.clip(np.where(kept, local[billed], shifted), month.first, month.last)
    places = [profile.platforms[int(p)] for p in range(len(profile.platforms))]
    entity = np.array([profile.entities.index(p.entity) for p in places], np.int64)
    currency = np.array([("EUR", "USD", "JPY", "KWD").index(p.currency) for p in places], np.int64)
    platform, amount = lines.platform[billed], lines.amount[billed].copy()
    none = np.zeros(count, np.int64)
    return Documents(
        line=billed, entity=entity[platform], credit=credit, number=none, order=lines.order[billed],
        customer=lines.customer[billed], amount=amount, currency=currency[platform], day=day, due=day.copy(),
        spelling=none.copy(), named=draws.weighted((62, 12, 10, 10, 6), count), how=how[billed],
        first_amount=amount.copy(), first_spelling=none.copy(),
    )  # fmt: skip


_SPELLED = {
    How.PREFIX_LOST: Spelling.NUMBER,
    How.TRUNCATED_REFERENCE: Spelling.CUT,
    How.MANGLED_REFERENCE: Spelling.SLIPPED,
    How.MISSING_REFERENCE: Spelling.NONE,
}


def _spoil(profile: Profile, draws: Draws, rates: Rates, documents: Documents) -> Documents:
    """Do to each document what :class:`How` says."""
    how, count = documents.how, len(documents)
    spelling = np.where(
        how == How.OTHER_SPELLING, draws.many(Spelling.LOWER, Spelling.SPACED, count), documents.spelling
    )
    for kind, spelled in _SPELLED.items():
        spelling[how == kind] = spelled
    documents.spelling = spelling
    documents.first_spelling = np.where(how == How.LATE_REFERENCE, Spelling.NONE, spelling)
    size, sign = np.abs(documents.amount), np.sign(documents.amount)
    # Within half a per cent of either side, and at least one minor unit; beyond: a tenth, and at least 300 of them.
    little = np.maximum(1, draws.upto(size * 9 // 2_000))
    much = np.maximum(300, size // 10) + draws.upto(size // 20)
    more = size * draws.many(80, 250, count) // 100 + 2
    signs = {
        How.PAID_IN_THREE_PARTS: more,
        How.SHORT_WITHIN_TOLERANCE: little, How.OVER_WITHIN_TOLERANCE: -little,
        How.SHORT_BEYOND_TOLERANCE: much, How.OVER_BEYOND_TOLERANCE: -np.minimum(much, size // 2),
    }  # fmt: skip
    for kind, off in signs.items():
        documents.amount = np.where(how == kind, sign * (size + off), documents.amount)
    documents.first_amount = np.where(how == How.CORRECTED_DOCUMENT, sign * (size + much), documents.amount)
    for platform in profile.platforms:
        base = platform.entity.currency
        currency = ("EUR", "USD", "JPY", "KWD").index(platform.currency)
        mine = (how == How.BOOKED_IN_BASE_CURRENCY) & (documents.currency == currency)
        mine &= documents.entity == profile.entities.index(platform.entity)
        if platform.currency == base or not mine.any():
            continue
        converted = rates.many(documents.amount[mine], platform.currency, base, documents.day[mine])
        documents.amount[mine] = converted + converted * draws.many(-4_000, 4_000, int(mine.sum())) // 1_000_000
        documents.first_amount[mine] = documents.amount[mine]
        documents.currency[mine] = ("EUR", "USD", "JPY", "KWD").index(base)
    return documents


def _twins(draws: Draws, documents: Documents) -> Documents:
    """Write some invoices a second time, under a number of their own."""
    twins = documents.where(documents.how == How.DUPLICATED_DOCUMENT)
    twins.day = np.minimum(twins.day + draws.many(0, 2, len(twins)), int(documents.day.max()))
    twins.due = twins.day.copy()
    return twins


def _unpaid(profile: Profile, draws: Draws, documents: Documents) -> Documents:
    """Documents of orders that no platform ever reports: lost charges, and a few credit notes never refunded."""
    invoices = np.flatnonzero((documents.credit == 0) & (documents.how == How.PLAIN))
    credits_ = np.flatnonzero((documents.credit == 1) & (documents.how == How.PLAIN))
    lost = invoices[draws.some(len(invoices), max(3, len(invoices) * _MISSING_CHARGES // 10_000))]
    unpaid = credits_[draws.some(len(credits_), max(1, len(credits_) * _MISSING_CHARGES // 10_000))]
    found = documents.where(np.concatenate([lost, unpaid]))
    found.line = np.full(len(found), -1, np.int64)
    found.how = np.where(found.credit == 0, How.MISSING_CHARGE, How.MISSING_REFUND).astype(np.int64)
    found.spelling = found.first_spelling = np.zeros(len(found), np.int64)
    # Another order and customer than any line's, so that nothing else explains them.
    found.order = int(documents.order.max()) + 1_000 + np.arange(len(found))
    found.customer = int(documents.customer.max()) + 1 + np.arange(len(found))
    found.amount += np.sign(found.amount) * draws.many(1, 400, len(found)) * 10
    found.first_amount = found.amount.copy()
    del profile
    return found


def _numbered(profile: Profile, documents: Documents) -> Documents:
    for place in range(len(profile.entities)):
        for credit in (0, 1):
            mine = (documents.entity == place) & (documents.credit == credit)
            documents.number[mine] = np.arange(int(mine.sum()))
    return documents
