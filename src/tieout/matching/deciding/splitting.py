"""
What a difference is, as a person says it: one word, or several with the amount of each.

``discount`` is all of it; ``discount=18.00,bank_charge=5.00`` are its parts, of which one may be without an amount: it is
what the others leave. A difference is never divided by anything but what was said.
"""

from __future__ import annotations

from tieout.errors import BadInput, WrongUse
from tieout.matching.deciding.by_hand import shown
from tieout.matching.grammar.rules import REASONS
from tieout.model.money import format_minor, parse_decimal

__all__ = ["parts_of", "words_of"]

_EXPONENT = 9


def words_of(difference: str | None) -> list[tuple[str, int | None]]:
    """
    Read what a difference is said to be: (reason, amount at nine decimals; None: all, or the rest).

    :raises WrongUse: a word is no reason or stands twice, an amount is none above zero, or two are without an amount.
    """
    found: list[tuple[str, int | None]] = []
    for part in [] if difference is None else difference.split(","):
        word, _, amount = (text.strip() for text in part.partition("="))
        if word not in REASONS:
            message = f"expected a reason for the difference ({', '.join(REASONS)}), got {word!r}"
            raise WrongUse(message)
        found.append((word, _read(word, amount) if "=" in part else None))
    words = [word for word, _ in found]
    if len(set(words)) < len(words):
        message = f"expected each reason once, got {', '.join(words)}: say one amount for all that is of one kind"
        raise WrongUse(message)
    open_ones = [word for word, amount in found if amount is None]
    if len(open_ones) > 1:
        message = (
            f"expected an amount of each reason but one, got {' and '.join(open_ones)} without: say how much of the difference"
            f" is what, such as --as {open_ones[0]}=18.00 --as {open_ones[1]}"
        )
        raise WrongUse(message)
    return found


def _read(word: str, text: str) -> int:
    try:
        digits, decimals = parse_decimal(text)
    except BadInput as fault:
        message = f"expected {word}=AMOUNT with a decimal such as {word}=18.00, got {word}={text}: {fault}"
        raise WrongUse(message) from None
    if digits <= 0:
        message = f"expected an amount above zero, got {word}={text}: what is of the other sign is another reason"
        raise WrongUse(message)
    amount: int = digits * 10 ** (_EXPONENT - decimals)
    return amount


def parts_of(difference: str | None, apart: int, currency: str, exponent: int) -> list[tuple[str, int]]:
    """
    Divide a difference as it was said: (reason, amount with the difference's sign), at nine decimals.

    :param apart: the difference, at nine decimals.
    :param exponent: at how many decimals the match is counted: no part has more.
    :raises WrongUse: the amounts do not come to the difference, leave nothing for the one without, or are finer than that.
    """
    words = words_of(difference)
    said = sum(amount for _, amount in words if amount is not None)
    rest = abs(apart) - said
    is_open = any(amount is None for _, amount in words)
    if len(words) == 1 and is_open:
        return [(words[0][0], apart)] if apart else []
    if rest < 0 or (rest == 0) == is_open:
        told = ", ".join(word if amount is None else f"{word} {shown(amount, currency)}" for word, amount in words)
        message = (
            f"expected amounts that come to the difference of {shown(abs(apart), currency)} {currency}, got {told}"
        )
        raise WrongUse(message)
    fine = next((amount for _, amount in words if amount is not None and amount % 10 ** (_EXPONENT - exponent)), None)
    if fine is not None:
        message = f"expected amounts with at most {exponent} decimals, got {format_minor(fine, _EXPONENT).rstrip('0')}"
        raise WrongUse(message)
    sign = 1 if apart > 0 else -1
    return [(word, sign * (rest if amount is None else amount)) for word, amount in words]
