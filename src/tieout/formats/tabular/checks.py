"""
What every row must keep, as conditions in SQL: a row that breaks one is quarantined with its reason.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from tieout.formats.tabular.compiling import CURRENCY_OF, Meaning
from tieout.formats.tabular.stated import DECIMALS, net_of, power_of
from tieout.formats.tabular.typed import EXACT, FAST, Digits, quoted
from tieout.model.kinds import KINDS, STATUSES
from tieout.model.money import MINOR_MAX

if TYPE_CHECKING:
    from tieout.formats.tabular.mapping import Mapping

__all__ = ["Check", "checks_of"]


@dataclass(frozen=True, slots=True)
class Check:
    """
    One condition.

    :ivar what: ``field``, ``where``, ``kind``, ``currency``, ``size``, ``net``, ``converts``, ``sign``, ``required``,
        ``identified`` or ``status``.
    :ivar name: the canonical field that it is about.
    :ivar fast, exact: SQL that is true where the row breaks it, for either run.
    """

    what: str
    name: str
    fast: str
    exact: str

    def bad(self, digits: Digits) -> str:
        """The SQL for one run."""
        return self.fast if digits is FAST else self.exact


def checks_of(mapping: Mapping, meaning: Meaning) -> tuple[Check, ...]:
    """List every check of a mapping, in the order in which a row's first fault is reported."""
    found = [_same("field", name, bad) for name in meaning.first if (bad := meaning.failed(name))]
    if "where" in meaning.first:
        found.append(_same("where", "where", f"{meaning.value('where')} is null"))
    found += [_same("field", name, bad) for name in meaning.rest if (bad := meaning.failed(name))]
    found.append(_same("kind", "kind", "kind is null"))
    found += _currencies(meaning)
    found += _sizes(meaning)
    if {"amount", "net"} <= set(meaning.rest):
        found.append(_same("net", "net", f"{meaning.value('net')} <> {net_of(meaning)}"))
    if mapping.converts and {"original_amount", "net"} <= set(meaning.rest):
        found.append(Check("converts", "net", _misconverted(meaning, FAST), _misconverted(meaning, EXACT)))
    found += _kind_rules(meaning)
    if mapping.identified:
        value = meaning.value("identity") if "identity" in meaning.rest else "null"
        found.append(_same("identified", "identity", f"{value} is null"))
    if "status" in meaning.rest:
        status = meaning.value("status")
        found.append(_same("status", "status", f"{status} is null or {status} not in {_listed(STATUSES)}"))
    return tuple(found)


def _same(what: str, name: str, bad: str) -> Check:
    return Check(what, name, bad, bad)


def _listed(words: tuple[str, ...] | list[str]) -> str:
    return f"({', '.join(map(quoted, words))})"


def _currencies(meaning: Meaning) -> list[Check]:
    found = [_same("currency", "currency", "e is null")]
    for amount, currency in CURRENCY_OF.items():
        if currency != "currency" and amount in meaning.rest:
            missing = f"{meaning.value(amount)} is not null and {DECIMALS[currency]} is null"
            found.append(_same("currency", currency, missing))
    return found


def _sizes(meaning: Meaning) -> list[Check]:
    """Fast: the amount is whole in minor units of its currency. Exact: it fits 64 bits."""
    amounts = {name: meaning.value(name) for name in CURRENCY_OF if name in meaning.rest}
    if "amount" in amounts:
        amounts["net"] = f"coalesce({amounts['net']}, {net_of(meaning)})" if "net" in amounts else net_of(meaning)
    found = []
    for name, value in amounts.items():
        divisor = f"p_{DECIMALS[CURRENCY_OF[name]]}"
        too_large = f"abs({value} // {divisor}) > {MINOR_MAX}"
        # In the fast run net is whole because its parts are.
        uneven = "false" if name not in meaning.rest else f"m_{name} * {divisor} <> {value}"
        found.append(Check("size", name, uneven, too_large))
    return found


def _misconverted(meaning: Meaning, digits: Digits) -> str:
    """
    Whether original amount times rate, less costs, is surely not net.

    In one currency nothing is converted: what differs by a whole minor unit is wrong (costs may have more decimals). In two,
    the file rounds the product, and the rate to the decimals that it shows: a minor unit, and half of the rate's last
    place on the original amount. Without a rate nothing is known.
    """
    gross, net = (f"cast({meaning.value(name)} as hugeint)" for name in ("original_amount", "net"))
    costs = f" + coalesce({meaning.value('fee')}, 0)" if "fee" in meaning.rest else ""
    rest, unit = f"({net}{costs})", power_of("e", digits.scale)
    plain = f"abs({gross} - {rest}) >= {unit}"
    same = f"{meaning.value('original_currency')} = {meaning.value('currency')}"
    if "rate" not in meaning.rest:
        return f"coalesce({same} and {plain}, false)"
    rate = meaning.value("rate")
    tens = f"cast('1' || repeat('0', length(split_part({rate}, '.', 2))) as hugeint)"
    times = f"cast(replace({rate}, '.', '') as hugeint)"
    off = f"2 * abs({gross} * {times} - {rest} * {tens}) > 2 * {unit} * {tens} + abs({gross})"
    # Figures at the very end of what can be kept are beyond computing: they are taken as they are.
    alike = f"{same} and coalesce(try({times} = {tens}), true)"
    return f"coalesce(case when {alike} then {plain} else try({off}) end, false)"


def _kind_rules(meaning: Meaning) -> list[Check]:
    """The sign of the amount, and the fields that the kind requires, by ``model.kinds``."""
    found = []
    amount = meaning.value("amount") if "amount" in meaning.rest else None
    for sign, wrong in (("+", "<"), ("-", ">")):
        kinds = [kind.name for kind in KINDS.values() if kind.sign == sign]
        if amount:
            found.append(_same("sign", "amount", f"{amount} {wrong} 0 and kind in {_listed(kinds)}"))
    for name in sorted({name for kind in KINDS.values() for name in kind.requires}):
        free = [kind.name for kind in KINDS.values() if name not in kind.requires]
        value = meaning.value(name) if name in meaning.rest else "null"
        found.append(_same("required", name, f"{value} is null and kind not in {_listed(free)}"))
    return found
