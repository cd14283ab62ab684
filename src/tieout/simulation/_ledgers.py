"""
What the ERP booked on its bank accounts by itself, with what it forgot, booked late, or booked wrong.
"""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from tieout.simulation._world import Booking, Position

if TYPE_CHECKING:
    from tieout.simulation._banks import Statement
    from tieout.simulation._profile import Bank
    from tieout.simulation._world import Entry, World

__all__ = ["make_bookings", "number_bookings"]

RECONCILIATION = "bank-ledger"
#: How the ERP books a bank's line, with weights; the first ones happen to every account.
_HOWS = ("booked", "booked_without_reference", "booked_late", "not_booked", "booked_wrong")
_WEIGHTS = (90, 3, 3, 2, 1)
_WITHOUT_BOOKING = frozenset({"charge", "interest"})  # the ERP waits for a person to book them
_LATE_DAYS = (6, 9)


def make_bookings(world: World, statements: list[Statement]) -> None:
    """Book every line of every bank's account in the ledger, or do not, and one that no bank has."""
    for bank in world.profile.banks:
        entries = [entry for s in statements if s.bank is bank for entry in s.entries]
        draws = world.profile.draws(f"ledger/{bank.id}")
        amounts = Counter(entry.amount for entry in entries)
        hows = [_HOWS[int(place)] for place in draws.weighted(_WEIGHTS, len(entries))]
        plain = [
            n for n, entry in enumerate(entries) if entry.what not in _WITHOUT_BOOKING and amounts[entry.amount] == 1
        ]
        early = [n for n in plain if entries[n].day < world.profile.month.last - 14]
        for how, place in zip(_HOWS[1:], draws.mixed(early), strict=False):
            hows[place] = how
        for entry, drawn in zip(entries, hows, strict=True):
            how = "not_booked" if entry.what in _WITHOUT_BOOKING else drawn
            if how == "booked_without_reference" and amounts[entry.amount] > 1:
                how = "booked"
            if how == "booked_late" and entry.day + _LATE_DAYS[1] > world.profile.month.last:
                how = "booked"
            _book(world, bank, entry, how, draws.one(0, 999))
        _without_line(world, bank, draws.one(20_000, 200_000))


def _book(world: World, bank: Bank, entry: Entry, how: str, drawn: int) -> None:
    left = _position(bank, "left", bank.source, "bank_entry", entry.day, entry.amount, how)
    left.external_id = entry.reference
    world.positions.append(left)
    if how == "not_booked":
        left.expected, left.reason, left.also = "exception", "missing_right", "exception:ledger_difference;open"
        return
    day = entry.day + (drawn % (_LATE_DAYS[1] - _LATE_DAYS[0] + 1) + _LATE_DAYS[0] if how == "booked_late" else 0)
    amount = entry.amount + (90 + drawn * 9 if how == "booked_wrong" else 0)
    booking = Booking(
        entity=bank.entity, account=bank.ledger_account, day=day, amount=amount, currency=bank.currency,
        text=f"{entry.text[:40]} {entry.name[:20]}".strip(), reference=entry.reference,
    )  # fmt: skip
    if how == "booked_without_reference":
        booking.text, booking.reference = "Bankbuchung", ""
    right = _position(bank, "right", f"ledger-{bank.entity.country}", "journal_line", day, amount, how)
    group = world.group(RECONCILIATION)
    for position in (left, right):
        position.group = group
        if how == "booked_wrong":
            position.expected, position.reason = "exception", "amount_difference"
            position.also = "exception:ledger_difference;exception:missing_right;exception:missing_left"
        if how == "booked_late":
            position.also = "exception:late"
    booking.position = right
    world.positions.append(right)
    world.bookings.append(booking)


def _position(bank: Bank, side: str, source: str, kind: str, day: int, amount: int, trouble: str) -> Position:
    return Position(
        reconciliation=RECONCILIATION, claim="booking", side=side, source=source, kind=kind, expected="matched",
        trouble=trouble, day=day, amount=amount, currency=bank.currency,
    )  # fmt: skip


def _without_line(world: World, bank: Bank, amount: int) -> None:
    """A payment that the ERP booked and the bank has not made yet."""
    day = world.profile.bank_days(bank)[-4]
    position = _position(bank, "right", f"ledger-{bank.entity.country}", "journal_line", day, -amount, "not_at_bank")
    position.expected, position.reason, position.also = "exception", "missing_left", "open;in_transit"
    world.positions.append(position)
    world.bookings.append(
        Booking(
            entity=bank.entity,
            account=bank.ledger_account,
            day=day,
            amount=-amount,
            currency=bank.currency,
            text="Zahlungslauf",
            reference=f"ZL-{amount}",
            position=position,
        )
    )


def number_bookings(world: World) -> None:
    """Number the ledger's lines in the order of posting."""
    for entity in world.profile.entities:
        mine = sorted((b for b in world.bookings if b.entity is entity), key=lambda b: b.day)
        for place, booking in enumerate(mine, 1):
            booking.number = f"{'SB' if entity.country == 'de' else 'JE'}{100_000 + place}"
            if booking.position is not None:
                booking.position.external_id = booking.number
