"""
What of the platforms' payouts arrives at the banks, and how: in time or late, whole or in parts, named or not.
"""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from tieout.simulation._names import iban
from tieout.simulation._world import Entry, Position

if TYPE_CHECKING:
    from tieout.simulation._draws import Draws
    from tieout.simulation._profile import Profile
    from tieout.simulation._settling import Settlement
    from tieout.simulation._world import World

__all__ = ["make_arrivals"]

_PAYER = {"stripe": "Stripe Technology Europe Ltd", "adyen": "Adyen N.V."}
_PAYER_IBAN = {"stripe": iban("IE", "AIBK93115212345678"), "adyen": iban("NL", "INGB0001234567")}
_SPREAD = 7  # of a thousand: what the bank takes when it converts
_LATE_DAYS = 4


def make_arrivals(world: World, settlements: list[Settlement]) -> None:
    """Book every payout at its bank, or do not, and write down what must be found."""
    draws = world.profile.draws("arrivals")
    special = _chosen(world.profile, draws, settlements)
    for settlement in settlements:
        if settlement.how in {"carried", "last", "zero"} or settlement.amount == 0:
            continue
        trouble = special.get(settlement.place, "plain")
        _ARRIVE.get(trouble, _plain)(world, draws, settlement, trouble)
    _merge(world, draws, [s for s in settlements if special.get(s.place) == "two_payouts_in_one_line"])
    _twins(world, [s for s in settlements if special.get(s.place) == "identical_amounts"])
    _of_last_month(world, draws)
    _judge_nameless(world)


def _chosen(profile: Profile, draws: Draws, settlements: list[Settlement]) -> dict[int, str]:
    """Choose which payouts something happens to."""
    found = {s.place: "payout_failed" for s in settlements if s.how == "failed"}
    manual = [s for s in settlements if s.how == "manual"]
    found |= {s.place: "identical_amounts" for s in manual[:2]} | {s.place: "manual_payout" for s in manual[2:]}
    found |= {s.place: "negative_payout" for s in settlements if s.how == "paid" and s.amount < 0}
    for platform in profile.platforms:
        mine = [
            s
            for s in settlements
            if s.platform is platform and s.how == "paid" and s.place not in found and s.arrives < profile.bank_end - 6
        ]
        if platform.currency != profile.bank(platform.bank).currency:
            found |= {s.place: "payout_converted" for s in settlements if s.platform is platform and s.how == "paid"}
        elif len(mine) > 3:
            kinds = (
                "payout_missing_at_bank",
                "payout_late",
                "payout_in_two_lines",
                "no_token",
                "cut_token",
                "mangled_token",
            )
            pairs = [p for p in range(len(mine) - 1) if mine[p + 1].arrives - mine[p].arrives <= 3]
            first = draws.pick(pairs) if pairs and len(mine) > 7 else -1
            if first >= 0:
                found |= {s.place: "two_payouts_in_one_line" for s in mine[first : first + 2]}
            rest = draws.mixed([s for s in mine if s.place not in found])
            found |= {s.place: kind for kind, s in zip(kinds, rest[: max(2, len(rest) - 2)], strict=False)}
    return found


def _left(world: World, settlement: Settlement, expected: str, trouble: str, **more: object) -> Position:
    """Write down what is expected of a payout's record."""
    position = Position(
        reconciliation=f"payouts-{settlement.platform.source}", claim="settlement", side="left",
        source="stripe-balance" if settlement.how == "manual" else settlement.platform.source, kind="payout",
        expected=expected, trouble=trouble, settlement_id=settlement.id, day=settlement.day,
        external_id=settlement.id if settlement.platform.source == "stripe" else settlement.token,
        amount=-settlement.amount, currency=settlement.platform.currency,
    )  # fmt: skip
    for key, value in more.items():
        setattr(position, key, value)
    world.positions.append(position)
    return position


def _right(world: World, source: str, entry: Entry, expected: str, trouble: str, **more: object) -> Position:
    position = Position(
        reconciliation=f"payouts-{source}", claim="bank", side="right", source=entry.bank.source, kind="bank_entry",
        expected=expected, trouble=trouble, day=entry.day, amount=entry.amount, currency=entry.bank.currency,
    )  # fmt: skip
    for key, value in more.items():
        setattr(position, key, value)
    entry.position = position
    world.positions.append(position)
    return position


def _text(settlement: Settlement, how: str = "plain") -> str:
    """What the bank's line says of a payout."""
    stripe = settlement.platform.source == "stripe"
    if how in {"no_token", "identical_amounts"}:
        return "STRIPE PAYMENTS" if stripe else "ADYEN MERCHANT SETTLEMENT"
    token = settlement.token
    if how == "cut_token":
        token = token[:8]
        return f"STRIPE {token}" if stripe else f"ADYEN {token}"
    if how == "mangled_token":
        return (
            f"stripe {token[:4]} {token[4:9]} {token[9:]}".lower()
            if stripe
            else f"adyen {token[:6]} {token[6:]}".lower()
        )
    if stripe:
        return f"STRIPE {token} {settlement.id}"
    return f"{token} batch {settlement.number}, {settlement.platform.number}"


def _line(world: World, settlement: Settlement, amount: int, text: str, day: int | None = None) -> Entry:
    """Let the bank book money of a platform."""
    source = settlement.platform.source
    bank = world.profile.bank(settlement.platform.bank)
    german = bank.source == "bank-de"
    credit = "PMNT-RCDT-ESCT" if german else "NTRF"
    entry = Entry(
        bank=bank, day=settlement.arrives if day is None else day, amount=amount,
        code=credit if amount > 0 else "PMNT-RDDT-ESDD" if german else "NDDT", text=text, name=_PAYER[source],
        what="payout", iban=_PAYER_IBAN[source], end_to_end=settlement.token if settlement.token in text else "",
    )  # fmt: skip
    if settlement.platform.currency != bank.currency:
        entry.original = (settlement.amount, settlement.platform.currency)
    world.entries.append(entry)
    return entry


def _in_transit(world: World, settlement: Settlement) -> bool:
    if settlement.arrives <= max(world.profile.bank_days(world.profile.bank(settlement.platform.bank))):
        return False
    _left(world, settlement, "in_transit", "in_transit_at_month_end")
    return True


def _plain(world: World, draws: Draws, settlement: Settlement, trouble: str) -> None:
    del draws
    if _in_transit(world, settlement):
        return
    group = world.group("payouts")
    _left(world, settlement, "matched", trouble, group=group)
    entry = _line(world, settlement, settlement.amount, _text(settlement, trouble))
    _right(world, settlement.platform.source, entry, "matched", trouble, group=group)


def _converted(world: World, draws: Draws, settlement: Settlement, trouble: str) -> None:
    del draws
    if _in_transit(world, settlement):
        return
    group = world.group("payouts")
    bank = world.profile.bank(settlement.platform.bank)
    whole = world.rates.converted(settlement.amount, settlement.platform.currency, bank.currency, settlement.arrives)
    entry = _line(world, settlement, whole - abs(whole) * _SPREAD // 1_000, _text(settlement))
    also = "exception:currency_mismatch"
    _left(world, settlement, "matched", trouble, group=group, also=also)
    _right(world, settlement.platform.source, entry, "matched", trouble, group=group, also=also)


def _missing(world: World, draws: Draws, settlement: Settlement, trouble: str) -> None:
    del draws
    _left(world, settlement, "exception", trouble, reason="missing_right", also="exception:late;in_transit")


def _late(world: World, draws: Draws, settlement: Settlement, trouble: str) -> None:
    calendar = settlement.platform.entity.calendar
    settlement.arrives = world.profile.working[calendar].after(settlement.arrives, _LATE_DAYS)
    _plain(world, draws, settlement, trouble)


def _split(world: World, draws: Draws, settlement: Settlement, trouble: str) -> None:
    group = world.group("payouts")
    first = settlement.amount * draws.one(30, 70) // 100
    _left(world, settlement, "matched", trouble, group=group)
    for amount in (first, settlement.amount - first):
        entry = _line(world, settlement, amount, _text(settlement))
        _right(world, settlement.platform.source, entry, "matched", trouble, group=group)


def _fail(world: World, draws: Draws, settlement: Settlement, trouble: str) -> None:
    del draws
    # The record of what came back has the same group (see _truth).
    also = {"group": f"failed/{settlement.id}", "also": "matched;exception:missing_right"}
    _left(world, settlement, "exception", trouble, reason="returned", **also)


def _wait(world: World, draws: Draws, settlement: Settlement, trouble: str) -> None:
    """Leave it to those who look at several payouts at once."""
    del world, draws, settlement, trouble


_ARRIVE = {
    "payout_converted": _converted,
    "payout_missing_at_bank": _missing,
    "payout_late": _late,
    "payout_in_two_lines": _split,
    "payout_failed": _fail,
    "two_payouts_in_one_line": _wait,
    "identical_amounts": _wait,
}


def _merge(world: World, draws: Draws, settlements: list[Settlement]) -> None:
    """One line for two payouts that follow each other, on the later one's day."""
    del draws
    for first, second in zip(settlements[::2], settlements[1::2], strict=True):
        group, trouble = world.group("payouts"), "two_payouts_in_one_line"
        text = f"{_text(first)} {second.token}"
        entry = _line(world, second, first.amount + second.amount, text, max(first.arrives, second.arrives))
        for settlement in (first, second):
            _left(world, settlement, "matched", trouble, group=group)
        _right(world, first.platform.source, entry, "matched", trouble, group=group)


def _twins(world: World, settlements: list[Settlement]) -> None:
    """Two payouts of one day and amount, two lines without a token: nobody can say which is which."""
    group, trouble = world.group("payouts"), "identical_amounts"
    for settlement in settlements:
        also = {"reason": "ambiguous", "group": group, "decidable": False, "also": "matched"}
        _left(world, settlement, "exception", trouble, **also)
        entry = _line(world, settlement, settlement.amount, _text(settlement, trouble))
        _right(world, settlement.platform.source, entry, "exception", trouble, **also)


def _of_last_month(world: World, draws: Draws) -> None:
    """A payout that was in transit when the month began: its record is in last month's files."""
    bank = world.profile.banks[0]
    entry = Entry(
        bank=bank, day=world.profile.bank_days(bank)[0], amount=draws.one(100_000, 900_000), code="PMNT-RCDT-ESCT",
        text=f"STRIPE STRP{draws.one(10**9, 10**10 - 1)}", name=_PAYER["stripe"], what="payout", iban=_PAYER_IBAN["stripe"],
    )  # fmt: skip
    world.entries.append(entry)
    _right(world, "stripe", entry, "exception", "payout_of_last_month", reason="missing_left", also="open")


def _judge_nameless(world: World) -> None:
    """A payout's line without a whole token can be told by its amount only where no other line has it."""
    amounts = Counter((entry.bank.id, entry.amount) for entry in world.entries)
    groups = {
        entry.position.group
        for entry in world.entries
        if entry.position
        and entry.position.trouble in {"no_token", "cut_token", "mangled_token"}
        and amounts[entry.bank.id, entry.amount] > 1
    }
    for position in world.positions:
        if position.group is not None and position.group in groups:
            position.decidable = False
            position.also = "exception:ambiguous"
