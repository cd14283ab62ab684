"""
Money is a whole number of minor units of one currency.

The number of decimals (the exponent) comes from ISO 4217: JPY 0, EUR 2, KWD 3. A source that carries
more digits than its currency has states a larger exponent; nothing is ever rounded to fit.
No float is accepted anywhere.
"""

import re
from dataclasses import dataclass
from decimal import Decimal
from functools import cache

from tieout.errors import BadInput, Rejected

__all__ = [
    "EXPONENT_MAX",
    "MINOR_MAX",
    "Money",
    "exponent_of",
    "exponents",
    "format_minor",
    "format_shortest",
    "parse_decimal",
    "parse_money",
]

#: The most decimals that an amount may carry.
EXPONENT_MAX = 9
#: The largest amount, in minor units, that is kept (int64).
MINOR_MAX = 2**63 - 1

# Withdrawn from ISO 4217 (list three) but still found in the history of bank accounts; the maintained
# list that we install names only the currencies of today.
_WITHDRAWN = {
    2: "AFA AON ANG ATS AZM BGL BGN CSD CUC CYP DEM EEK FIM FRF GHC HRK IEP LTL LVL MRO MTL MZM NLG ROL"
    " RUR SDD SIT SKK SLL SRG STD TMM VEB VEF YUM ZMK ZWD ZWL ZWR",
    0: "BEF BYR ESP GRD ITL LUF PTE TRL",
}

_DECIMAL = re.compile(r"([+-]?)(\d*)(?:\.(\d*))?", re.ASCII)


@cache
def exponents() -> dict[str, int]:
    """
    The decimals of every currency: ``{"EUR": 2, "JPY": 0, ...}``.

    Source: ISO 4217 as the ``iso4217`` package publishes it, and the withdrawn currencies. Codes without
    decimals of their own (gold, testing, "no currency") are not money and are absent.
    """
    import iso4217

    known = {code: exponent for exponent, codes in _WITHDRAWN.items() for code in codes.split()}
    return known | {c.code: c.exponent for c in iso4217.Currency if c.exponent is not None}


def exponent_of(currency: str) -> int:
    """
    How many decimals a currency has.

    :raises BadInput: there is no such currency.
    """
    try:
        return exponents()[currency]
    except KeyError:
        message = f"expected an ISO 4217 currency such as EUR, got {currency!r}"
        raise BadInput(message) from None


def parse_decimal(text: str) -> tuple[int, int]:
    """
    Read a plain decimal as (digits, decimals): ``"-3.20"`` is ``(-320, 2)``.

    Only an optional sign, digits and one point are a decimal: no thousands separators, no exponents,
    no blanks. Trailing zeros count as decimals.

    :raises BadInput: the text is not a plain decimal, or has more than 9 decimals or 18 digits.
    """
    found = _DECIMAL.fullmatch(text)
    whole, fraction = (found[2], found[3] or "") if found else ("", "")
    if found is None or not whole + fraction:
        message = f"expected a decimal such as 1234.56, got {text[:40]!r}"
        raise BadInput(message)
    if len(fraction) > EXPONENT_MAX:
        if fraction[EXPONENT_MAX:].strip("0"):
            message = f"expected at most {EXPONENT_MAX} decimals, got {text[:40]!r}"
            raise BadInput(message)
        fraction = fraction[:EXPONENT_MAX]
    number = int(whole + fraction)
    if number > MINOR_MAX:
        message = f"expected an amount below {MINOR_MAX} minor units, got {text[:40]!r}"
        raise BadInput(message)
    return (-number if found[1] == "-" else number), len(fraction)


def format_minor(minor: int, exponent: int) -> str:
    """Write minor units as a decimal string: ``(-320, 2)`` is ``"-3.20"``, ``(1000, 0)`` is ``"1000"``."""
    sign, digits = ("-" if minor < 0 else ""), str(abs(minor)).rjust(exponent + 1, "0")
    return f"{sign}{digits[:-exponent]}.{digits[-exponent:]}" if exponent else sign + digits


def format_shortest(minor: int, exponent: int, currency: str) -> str:
    """Write minor units with the decimals that they need: the currency's own, and more only if digits stand there."""
    own = exponent_of(currency)
    while exponent > own and minor % 10 == 0:
        minor, exponent = minor // 10, exponent - 1
    return format_minor(minor, exponent)


@dataclass(frozen=True, slots=True)
class Money:
    """
    An amount of one currency, exact.

    :ivar minor: minor units (cents for EUR), within int64.
    :ivar currency: an ISO 4217 code.
    :ivar exponent: how many of the digits are decimals; at least the currency's own.
    """

    minor: int
    currency: str
    exponent: int

    def __post_init__(self) -> None:
        """Refuse what is not money: a float, an unknown currency, too few or too many decimals."""
        if type(self.minor) is not int or abs(self.minor) > MINOR_MAX:
            message = f"expected a whole number of minor units within int64, got {self.minor!r}"
            raise BadInput(message)
        if not exponent_of(self.currency) <= self.exponent <= EXPONENT_MAX:
            message = (
                f"expected {exponent_of(self.currency)} to {EXPONENT_MAX} decimals for {self.currency},"
                f" got {self.exponent}"
            )
            raise BadInput(message)

    def __add__(self, other: "Money") -> "Money":
        """Add money of the same currency; a sum across currencies is an error."""
        if not isinstance(other, Money):
            return NotImplemented
        if other.currency != self.currency:
            message = f"{self.currency} and {other.currency} cannot be added: convert one of them first"
            raise Rejected(message)
        exponent = max(self.exponent, other.exponent)
        minor = self.scaled(exponent) + other.scaled(exponent)
        return Money(minor, self.currency, exponent)

    def __neg__(self) -> "Money":
        """Turn the sign around."""
        return Money(-self.minor, self.currency, self.exponent)

    def __sub__(self, other: "Money") -> "Money":
        """Subtract money of the same currency."""
        return self + -other

    def __str__(self) -> str:
        """Write ``"-3.20 EUR"``."""
        return f"{format_minor(self.minor, self.exponent)} {self.currency}"

    @property
    def decimal(self) -> Decimal:
        """The amount in major units, exact."""
        return Decimal(self.minor).scaleb(-self.exponent)

    def scaled(self, exponent: int) -> int:
        """
        The same amount in units of a given exponent.

        :raises Rejected: digits would be lost.
        """
        if exponent >= self.exponent:
            return self.minor * int(10 ** (exponent - self.exponent))
        minor, lost = divmod(self.minor, int(10 ** (self.exponent - exponent)))
        if lost:
            message = f"{self} does not fit {exponent} decimals"
            raise Rejected(message)
        return minor


def parse_money(text: str, currency: str) -> Money:
    """
    Read ``("1234.5", "EUR")``; decimals beyond the currency's own are kept, trailing zeros are not.

    :raises BadInput: not a decimal, no such currency, more than 9 decimals, beyond int64.
    """
    own = exponent_of(currency)
    digits, decimals = parse_decimal(text)
    while decimals > own and digits % 10 == 0:
        digits, decimals = digits // 10, decimals - 1
    exponent = max(own, decimals)
    return Money(digits * 10 ** (exponent - decimals), currency, exponent)
