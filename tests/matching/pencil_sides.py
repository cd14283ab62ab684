"""
The two sides, with a pencil: what is one thing, how much of it is open, and what a settlement proves by itself.
"""

from collections import defaultdict
from dataclasses import dataclass

from tests.matching.given import Fact
from tests.matching.pencil_rules import Head

__all__ = ["COMPOSED", "NET_ZERO", "Composed", "Thing", "composed", "things_of"]

#: How matches are called that no rule makes.
COMPOSED, NET_ZERO = "lines of the settlement add up to its payout", "settlement nets to zero"
_PAID_OUT = {"payout", "payout_reversal", "top_up"}
_OWN_MONEY = _PAID_OUT | {"sweep", "internal_transfer"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Thing:
    """
    What is matched: a record, or all lines of one settlement.

    :ivar key: how it is called here; ``id``: its own number, which a settlement's lines do not share.
    :ivar amount: turned, so that both sides of a match agree.
    :ivar rate: what one of its currency is in euros, as (numerator, denominator); None: nobody knows.
    :ivar members: of each record its id, what it brings (turned), and the sign by which it was turned.
    """

    key: str
    id: str | None
    amount: int
    rate: tuple[int, int] | None
    day: int
    kind: str
    currency: str
    refs: tuple[str, ...] = ()
    payment: str | None = None
    settlement: str | None = None
    text: str | None = None
    name: str | None = None
    members: tuple[tuple[str, int, int], ...]

    def in_euros(self, amount: int) -> int | None:
        """Convert half up, without the sign."""
        if self.rate is None:
            return None
        numerator, denominator = self.rate
        return (1 if amount > 0 else -1) * ((2 * abs(amount) * numerator + denominator) // (2 * denominator))


@dataclass(frozen=True, slots=True)
class Composed:
    """What a settlement proves: lines, and the payouts that they add up to; (id, amount as the record has it)."""

    rule: str
    lines: frozenset[tuple[str, int]]
    payouts: frozenset[tuple[str, int]]


def things_of(facts: list[Fact], side: int, head: Head, rates: dict[str, tuple[int, int]]) -> list[Thing]:
    """
    Give what can be matched of a side (0: left).

    :param rates: of currencies, what one is in euros, as (numerator, denominator); for ten days.
    """
    single = facts
    found = []
    if head.grouped[side]:
        single = [fact for fact in facts if fact.kind in _PAID_OUT]
        for (settlement, currency), lines in _settlements(facts).items():
            if any(line.kind in _PAID_OUT for line in lines):
                continue
            parts = [line for line in lines if _measure(line, side, head)]
            signs = {line.id: _sign(line, side, head) for line in parts}
            members = tuple((line.id, _measure(line, side, head) * signs[line.id], signs[line.id]) for line in parts)
            whole = sum(amount for _, amount, _ in members)
            if whole:
                found.append(
                    Thing(
                        key=f"#{settlement}/{currency}", id=None, amount=whole, rate=None, day=max(line.day for line in parts),
                        kind="settlement", currency=currency, settlement=settlement, members=members,
                    )
                )  # fmt: skip
    for fact in single:
        sign = _sign(fact, side, head)
        amount = _measure(fact, side, head) * sign
        if not amount:
            continue
        # The settlement in which a payout came back is the name of the payout that takes it to the bank.
        came_back = head.grouped[side] and fact.kind == "payout_reversal"
        found.append(
            Thing(
                key=fact.id, id=fact.id, amount=amount, rate=_rate(fact, rates), day=fact.day, kind=fact.kind,
                currency=fact.currency, refs=fact.refs, payment=fact.payment, settlement=None if came_back else fact.settlement, text=fact.text,
                name=fact.name, members=((fact.id, amount, sign),),
            )
        )  # fmt: skip
    return found


def composed(facts: list[Fact], side: int, head: Head) -> list[Composed]:
    """Say what the settlements of a grouped side prove by themselves, before any rule."""
    if not head.grouped[side]:
        return []
    found = []
    for lines in _settlements(facts).values():
        payouts = [line for line in lines if line.kind in _PAID_OUT]
        others = [line for line in lines if line.kind not in _PAID_OUT and _measure(line, side, head)]
        turned = [sum(_measure(f, side, head) * _sign(f, side, head) for f in some) for some in (payouts, others)]
        if others and payouts and turned[0] == turned[1]:
            found.append(Composed(COMPOSED, _parts(others, side, head), _parts(payouts, side, head)))
        elif others and not payouts and not turned[1]:
            found.append(Composed(NET_ZERO, _parts(others, side, head), frozenset()))
    return found


def _settlements(facts: list[Fact]) -> dict[tuple[str, str], list[Fact]]:
    found: dict[tuple[str, str], list[Fact]] = defaultdict(list)
    for fact in facts:
        if fact.settlement is not None:
            found[fact.settlement, fact.currency].append(fact)
    return found


def _parts(facts: list[Fact], side: int, head: Head) -> frozenset[tuple[str, int]]:
    return frozenset((fact.id, _measure(fact, side, head)) for fact in facts)


def _measure(fact: Fact, side: int, head: Head) -> int:
    return fact.amount - fact.fee if head.net[side] else fact.amount


def _sign(fact: Fact, side: int, head: Head) -> int:
    if head.polarity == "by kind":
        return -1 if fact.kind in _OWN_MONEY else 1
    return -1 if head.polarity == "opposite" and side == 1 else 1


def _rate(fact: Fact, rates: dict[str, tuple[int, int]]) -> tuple[int, int] | None:
    """Give the rate of the day before the first, which is none after ten days."""
    if fact.currency == "EUR":
        return 1, 1
    return rates.get(fact.currency) if fact.day <= 9 else None
