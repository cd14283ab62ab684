"""
Which rule came nearest to what is not matched, and by how much it was missed, as one sentence.

Told when it is read, as ``evidence`` is; what several things of a side come to together is told by the run, which had
all of them before it.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from tieout.matching.comparing.agreeing import misses, misses_together
from tieout.matching.facts.sides import OWN_MONEY
from tieout.matching.grammar.rules import Amount
from tieout.model.money import exponent_of, format_shortest, parse_decimal

if TYPE_CHECKING:
    from collections.abc import Iterable

    from tieout.matching.grammar.rules import Rule, RuleSet

    Row = dict[str, Any]

__all__ = ["Exchanged", "Together", "missed", "told_exchanged", "told_together"]


@dataclass(frozen=True, slots=True)
class Together:
    """
    What shares an identifier with one thing of the other side.

    :ivar several: how many are open; ``total``: what they come to, and ``nearest``, where it is known, the selection of
        them that comes nearest to the one; both at ``exponent`` decimals, turned so that both sides agree.
    """

    several: int
    total: int
    nearest: int | None
    exponent: int

    def at(self, exponent: int) -> tuple[int, int | None]:
        """Give both amounts at more decimals."""
        unit = 10 ** (exponent - self.exponent)
        return self.total * unit, None if self.nearest is None else self.nearest * unit


def told_together(told: dict[str, Any] | None) -> Together | None:
    """Read what a run told of several things."""
    if not told:
        return None
    total, exponent = parse_decimal(told["sum"])
    nearest = None if told["nearest"] is None else parse_decimal(told["nearest"])[0]
    return Together(int(told["several"]), total, nearest, exponent)


def missed(
    rules: RuleSet | None,
    left: Row,
    right: Row,
    amounts: tuple[int, int],
    together: tuple[Together | None, Together | None] = (None, None),
    exchanged: Exchanged | None = None,
) -> str | None:
    """
    Say which rule two records came nearest to, and by how much they missed it; None: no rule compares the two.

    :param amounts: what is open of (left, right), as the records count it.
    :param exchanged: what both are worth in the entity's currency, where theirs differ.
    :param together: what of the left shares an identifier with the right record, and of the right with the left one.
    """
    if rules is None:
        return None
    if left["currency"] != right["currency"]:
        return None if exchanged is None else _of_two_currencies(rules, left, right, exchanged)
    exponent = max(int(left["exponent"]), int(right["exponent"]), *(one.exponent for one in together if one))
    mine, theirs = (
        amount * 10 ** (exponent - int(row["exponent"])) for amount, row in zip(amounts, (left, right), strict=True)
    )
    own_money = [rules.polarity == "by kind" and row["kind"] in OWN_MONEY for row in (left, right)]
    if rules.polarity == "opposite" or own_money[0] != own_money[1]:
        theirs = -theirs
    pair = _Pair({**left, "exponent": exponent}, right, (mine, theirs), together, -1 if own_money[0] else 1)
    return _nearest(
        _of_two(rules, rule, pair) if rule.shape == "1:1" else _of_several(rules, rule, pair)
        for rule in map(_in_one_currency, rules.rules)
        if _looks_at(rule, left, right) and not (rule.amount is not None and rule.amount.apart)
    )


def _in_one_currency(rule: Rule) -> Rule:
    """Give what a rule asks of two things of one currency: a tolerance for the rate is none for them."""
    if rule.amount is None or not rule.amount.base:
        return rule
    return replace(rule, amount=Amount(apart=rule.amount.apart, only=rule.amount.only))


def _nearest(told: Iterable[_Told | None]) -> str | None:
    """Say the sentence of the rule that is missed least, the first of several; None: none tells anything."""
    ranks = [
        (
            sum(what == "key" for what, _ in found),
            len(found),
            sum(int(one) for what, one in found if what != "key"),
            n,
            said,
        )
        for n, one in enumerate(told)
        if one is not None
        for found, said in [one]
    ]
    return min(ranks)[-1] if ranks else None


@dataclass(frozen=True, slots=True)
class Exchanged:
    """
    What two records of different currencies are worth by the rates of their days.

    :ivar amounts: of (left, right), in minor units of ``currency``; None: there is no rate.
    """

    amounts: tuple[int | None, int | None]
    currency: str


def _of_two_currencies(rules: RuleSet, left: Row, right: Row, exchanged: Exchanged) -> str | None:
    """Hold two records against the rules that compare one with one by the rates."""
    worth = (exchanged.amounts[0] or 0, exchanged.amounts[1] or 0)
    measured = {"currency": exchanged.currency, "exponent": exponent_of(exchanged.currency)}
    pair = _Pair({**left, **measured}, {**right, **measured}, worth, (None, None), 1)
    asked = [
        rule
        for rule in rules.rules
        if rule.amount is not None and rule.amount.base and rule.shape == "1:1" and _looks_at(rule, left, right)
    ]
    unknown = [row for row, amount in zip((left, right), exchanged.amounts, strict=True) if amount is None]
    if not unknown:
        return _nearest(_of_two(rules, rule, pair) for rule in asked)
    lacking = " and ".join(f"no rate for {row['currency']} on {row['booked_on']}" for row in unknown)
    alike = [
        rule for rule in asked if all(what != "key" for what, _ in misses(rules, rule, pair.left, pair.right, (0, 0)))
    ]
    return f"missed {alike[0].name!r}: {lacking}" if alike else None


def told_exchanged(told: dict[str, Any] | None, side: str) -> Exchanged | None:
    """
    Read what a run told of an exception and its candidate in another currency.

    :param side: on which the exception stands, ``left`` or ``right``.
    """
    if not told:
        return None
    exponent = exponent_of(told["currency"])
    here, there = (None if one is None else abs(_minor(one, exponent)) for one in (told["here"], told["there"]))
    return Exchanged((here, there) if side == "left" else (there, here), told["currency"])


def _minor(written: str, exponent: int) -> int:
    amount, decimals = parse_decimal(written)
    unit: int = 10 ** (exponent - decimals)
    return amount * unit


@dataclass(frozen=True, slots=True)
class _Pair:
    """
    Two records that are held against rules.

    :ivar amounts: of (left, right), turned alike; ``way``: by which sign sums are turned to be as these.
    """

    left: Row
    right: Row
    amounts: tuple[int, int]
    together: tuple[Together | None, Together | None]
    way: int


_Told = tuple[list[tuple[str, "str | int"]], str]


def _of_two(rules: RuleSet, rule: Rule, pair: _Pair) -> _Told | None:
    if rule.consecutive or rule.learn:
        return None
    found = list(misses(rules, rule, pair.left, pair.right, pair.amounts))
    if not found:
        return found, f"meets all that {rule.name!r} asks of the two by themselves"
    return found, _said(rule, found, pair)


def _of_several(rules: RuleSet, rule: Rule, pair: _Pair) -> _Told | None:
    """Hold what shares an identifier against a rule over several things; None: it is not known, or not asked."""
    if rule.within or rule.consecutive or not any(key.how != "name" for key in rule.keys):
        return None
    sums, counts = list(pair.amounts), [1, 1]
    for place, several in enumerate(rule.shape.split(":")):
        told = pair.together[place]
        if several == "1":
            continue
        if told is None:
            return None
        total, nearest = (None if one is None else one * pair.way for one in told.at(int(pair.left["exponent"])))
        sums[place] = nearest if rule.subset and nearest is not None else total or 0
        counts[place] = told.several
    found = list(misses_together(rules, rule, pair.left, pair.right, (sums[0], sums[1])))
    what = " and ".join(
        f"{'the nearest selection of ' if rule.subset and count > 1 else ''}{count} on the {side}"
        f" {'comes' if count == 1 or rule.subset else 'come'} to {_written(amount, pair)}"
        for side, count, amount in zip(("left", "right"), counts, sums, strict=True)
    )
    if not found:
        return found, f"meets what {rule.name!r} asks of an amount: {what}"
    return found, f"{_said(rule, found, pair)}: {what}"


def _said(rule: Rule, found: list[tuple[str, str | int]], pair: _Pair) -> str:
    measured = [_by(what, one, pair) for what, one in found if what != "key"]
    said = [str(one) for what, one in found if what == "key"]
    told = f"missed {rule.name!r}" + (" by " + " and by ".join(measured) if measured else "")
    return told + (": " + "; ".join(said) if said else "")


def _looks_at(rule: Rule, left: Row, right: Row) -> bool:
    sides = ((rule.left, left), (rule.right, right))
    return all(
        (not own.kinds or row["kind"] in own.kinds)
        and (not own.bank_codes or any((row.get("bank_code") or "").startswith(code) for code in own.bank_codes))
        for own, row in sides
    )


def _written(amount: int, pair: _Pair) -> str:
    return f"{format_shortest(amount, int(pair.left['exponent']), pair.left['currency'])} {pair.left['currency']}"


def _by(what: str, much: str | int, pair: _Pair) -> str:
    if what == "amount":
        return _written(int(much), pair)
    unit = {"days": "day", "points": "point"}[what]
    return f"{much} {unit}{'' if much == 1 else 's'}"
