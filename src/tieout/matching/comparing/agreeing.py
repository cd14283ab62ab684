"""
How two records stand to a rule: what each of its keys compares and whether it agrees, and by how much a rule is missed.

For people, of few records, one pair at a time: the engines decide by columns, and nothing here changes what they find.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from itertools import product
from typing import TYPE_CHECKING, Any

from tieout.config.calendars import business_days
from tieout.matching.grammar.rules import Drop
from tieout.matching.planning.points import CUT_MIN
from tieout.model.money import exponent_of
from tieout.model.normal import normal

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from tieout.config.calendars import Calendars
    from tieout.matching.grammar.rules import Alias, Amount, Days, Key, Rule, RuleSet

__all__ = ["SAME", "Compared", "allowed_minor", "compared_by", "days_missed", "misses", "misses_together"]

_PREFIX_MIN = 6
#: How alike two names are, of 100: the same; or one cut off (``points.ALIKE``).
SAME, _CUT = 100, 85
_TEXTS = ("text", "counterparty", "references", "external_id")


@dataclass(frozen=True, slots=True)
class Compared:
    """
    What a key compares of two records.

    :ivar fields: of (left, right); ``said``: what each says, None where it says nothing.
    :ivar agree: how far it agrees, of 100; 0: not at all.
    """

    fields: tuple[str, str]
    said: tuple[str | None, str | None]
    agree: int


def compared_by(key: Key, left: dict[str, Any], right: dict[str, Any], aliases: Sequence[Alias] = ()) -> Compared:
    """
    Compare two records by a key: the first fields that agree, else the first of which both say something.

    :param left, right: their fields, by name.
    """
    shown: list[Compared] = []
    for mine, theirs in product(key.left, key.right):
        for one, other in product(_values(left, mine), _values(right, theirs)):
            agree = _agree(key, (mine, theirs), one, other, aliases)
            found = Compared((mine, theirs), (one, other), agree)
            if agree:
                return found
            shown.append(found)
    if shown:
        return shown[0]
    said = [
        next((v for f in fields for v in _values(of, f)), None) for of, fields in ((left, key.left), (right, key.right))
    ]
    return Compared((key.left[0], key.right[0]), (said[0], said[1]), 0)


def _values(record: dict[str, Any], field: str) -> list[str]:
    value = record.get(field)
    return [str(one) for one in (value if isinstance(value, list) else [value]) if one]


def _agree(key: Key, fields: tuple[str, str], one: str, other: str, aliases: Sequence[Alias]) -> int:
    if key.how == "exact":
        return SAME * (one == other)
    if key.how == "name":
        return _names_agree(_spelled(one, key.letters), _spelled(other, key.letters), tuple(aliases))
    mine, theirs = _form(one, key.drop[0], key.letters), _form(other, key.drop[1], key.letters)
    same = mine == theirs and "text" not in fields
    if key.how == "token":
        same = same or _stands_in(mine, fields[0], other, fields[1]) or _stands_in(theirs, fields[1], one, fields[0])
    if key.how == "prefix":
        long_enough = min(len(mine), len(theirs)) >= _PREFIX_MIN
        same = same or (long_enough and (mine.startswith(theirs) or theirs.startswith(mine)))
    return SAME * bool(mine and theirs and same)


def _stands_in(whole: str, field: str, text: str, other: str) -> bool:
    """Say whether an identifier is a word of a text."""
    return field not in ("text", "counterparty") and other in _TEXTS and whole in _words(text)


def _spelled(said: str, letters: tuple[str, ...]) -> str:
    import pyarrow as pa

    from tieout.matching.comparing.spelling import spelled_out

    return str(spelled_out(pa.array([said], pa.string()), letters)[0]) if letters else said


@lru_cache(maxsize=10_000)
def _form(said: str, drop: Drop, letters: tuple[str, ...]) -> str:
    import pyarrow as pa

    from tieout.matching.comparing.spelling import rewritten_forms

    if not letters and drop == Drop():
        return normal(said)
    return rewritten_forms(pa.array([said], pa.string()), drop, letters)[0].as_py() or ""


@lru_cache(maxsize=10_000)
def _names_agree(one: str, other: str, aliases: tuple[Alias, ...]) -> int:
    import pyarrow as pa

    from tieout.matching.comparing.spelling import names_said

    def forms(said: str, own: tuple[Alias, ...] = ()) -> list[dict[str, Any]]:
        rows = pa.table({"thing": pa.array([0], pa.int64()), "said": pa.array([said], pa.string())})
        told: list[dict[str, Any]] = names_said(rows, own).to_pylist()
        return told

    best = 0
    for mine, theirs in product(forms(one), forms(other, aliases)):
        plain, their = mine["plain"], theirs["plain"]
        if not plain or not their or mine["block"] != theirs["block"]:
            continue
        if plain == their or mine["form"] == theirs["form"]:
            return SAME
        if mine["words"] and theirs["words"] and _begins(*sorted((mine["words"], theirs["words"]), key=len)):
            best = _CUT
    return best


def _begins(short: str, long: str) -> bool:
    """Say whether a name is the beginning of another, as ``points.ALIKE`` does."""
    return long.startswith(f"{short} ") or (long.startswith(short) and len(short) >= CUT_MIN)


@lru_cache(maxsize=10_000)
def _words(text: str) -> frozenset[str]:
    """Give the words of a text as ``columns.token_words`` does, in their normal form."""
    import pyarrow as pa

    from tieout.matching.comparing.columns import token_words

    _, words = token_words(pa.array([0], pa.int64()), pa.array([text], pa.string()))
    return frozenset(normal(word) for word in words.to_pylist())


def allowed_minor(amount: Amount | None, left: int, currency: str, exponent: int) -> int:
    """Say how far from the left amount the right one may be, in units of the exponent, as the engines reckon it."""
    if amount is None:
        return 0
    parts = []
    micro = dict(amount.per_currency).get(currency, amount.abs_micro)
    if amount.abs_micro is not None or amount.per_currency:
        parts.append(0 if micro is None else micro * 10**exponent // 10**6)
    if amount.pct_micro is not None:
        parts.append(abs(left) * amount.pct_micro // 100_000_000)
    allowed: int = (min if amount.take == "tighter" else max)(parts) if parts else 0
    if amount.minor_units is None:
        return allowed
    finer: int = 10 ** max(0, exponent - exponent_of(currency))
    return max(allowed, amount.minor_units * finer)


def days_missed(
    days: Days, left: dict[str, Any], right: dict[str, Any], calendars: Calendars
) -> tuple[int, int] | None:
    """
    Say how many days the right is after the left, and by how many that is outside what a rule allows; None: a day is missing.

    :param calendars: those of the run, by which its business days are counted.
    """
    one, other = (
        record.get(name) or record.get("booked_on") for record, name in ((left, days.left), (right, days.right))
    )
    if one is None or other is None:
        return None
    days = days.of_kind(left["kind"])
    if days.calendar is None:
        apart = (other - one).days
        return apart, max(days.first - apart, apart - days.last, 0)
    apart = business_days(calendars.of(days.calendar, right.get("account_id")), one, other)
    # Back on the same count (Sunday to the Friday before) is only meant where the window opens backwards.
    least = 1 if other < one and days.first >= 0 else 0
    return apart, max(days.first - apart, apart - days.last, least)


def misses(
    rules: RuleSet, rule: Rule, left: dict[str, Any], right: dict[str, Any], amounts: tuple[int, int]
) -> Iterator[tuple[str, str | int]]:
    """
    Say what a rule that sets one thing against one misses of two records: (``key``, sentence), (``amount``, by how much), ...

    ``days`` tells by how many days, ``points`` by how many of them.

    :param rules: its set, with the calendars of the run.
    :param amounts: what is compared of (left, right), with one sign and number of decimals.
    """
    alike = [compared_by(key, left, right, rules.aliases) for key in rule.keys]
    scored = rule.score is not None
    for key, found in zip(rule.keys, alike, strict=True):
        if not found.agree and not (scored and any(one.agree for one in alike)):
            yield "key", _unlike(key.how, found)
    currency, exponent = str(left["currency"]), int(left["exponent"])
    allowed = allowed_minor(rule.amount, amounts[0], currency, exponent)
    over = abs(amounts[0] - amounts[1]) - allowed
    if rule.amount is not None and not rule.partial and over > 0:
        yield "amount", over
    elif rule.amount is not None and _wrong_way(rule.amount.only, amounts):
        yield "key", f"the right side may only have {'less' if rule.amount.only == 'short' else 'more'}"
    day = days_missed(rule.days, left, right, rules.calendars) if rule.days is not None else None
    if day is not None and day[1]:
        yield "days", day[1]
    if rule.score is not None and over <= 0 and not (day is not None and day[1]):
        points = _points(rule, alike, abs(amounts[0] - amounts[1]), allowed, 0 if day is None else abs(day[0]))
        if points < rule.score.at_least:
            yield "points", rule.score.at_least - points


def misses_together(
    rules: RuleSet, rule: Rule, left: dict[str, Any], right: dict[str, Any], sums: tuple[int, int]
) -> Iterator[tuple[str, str | int]]:
    """
    Say what a rule over several things misses of two records that it would put together with others, as :func:`misses` does.

    :param sums: what is compared of (left, right): of a side with several things what they come to together.
    """
    for key in rule.keys:
        found = compared_by(key, left, right, rules.aliases)
        if not found.agree:
            yield "key", _unlike(key.how, found)
    many = 1 if rule.shape == "1:n" else 0
    if rule.partial:
        over = abs(sums[many]) - abs(sums[1 - many])
    else:
        over = abs(sums[0] - sums[1]) - allowed_minor(
            rule.amount, sums[0], str(left["currency"]), int(left["exponent"])
        )
    if over > 0:
        yield "amount", over
    elif rule.amount is not None and _wrong_way(rule.amount.only, sums):
        yield "key", f"the right side may only have {'less' if rule.amount.only == 'short' else 'more'}"
    day = days_missed(rule.days, left, right, rules.calendars) if rule.days is not None else None
    if day is not None and day[1]:
        yield "days", day[1]


def _wrong_way(only: str | None, amounts: tuple[int, int]) -> bool:
    less = abs(amounts[1]) - abs(amounts[0])
    return less > 0 if only == "short" else only == "over" and less < 0


def _unlike(how: str, found: Compared) -> str:
    fields = [name.replace("_", " ") for name in found.fields]
    named = fields[0] if fields[0] == fields[1] else f"{fields[0]} and {fields[1]}"
    if None in found.said:
        silent = (
            "neither side" if found.said == (None, None) else ("the left" if found.said[0] is None else "the right")
        )
        return (
            f"{silent} says {named}"
            if silent == "neither side"
            else f"{silent} side says no {fields[found.said[0] is not None]}"
        )
    words = {"token": "stands in", "prefix": "begins", "name": "is a spelling of"}.get(how)
    one, other = (f"{field} {said!r}" for field, said in zip(fields, found.said, strict=True))
    return f"{one} is not {other}" if words is None else f"neither of {one} and {other} {words} the other"


def _points(rule: Rule, alike: list[Compared], apart: int, allowed: int, days: int) -> int:
    """Give the points of a pair as ``points.candidate_points`` does."""
    score = rule.score
    if score is None:
        return 0
    reach = 2 * max(allowed, 1)
    total = score.amount * (reach - apart) // reach
    if rule.days is not None and score.days:
        far = max(abs(rule.days.first), abs(rule.days.last)) + 1
        total += score.days * (far - min(days, far)) // far
    names = [found.agree for key, found in zip(rule.keys, alike, strict=True) if key.how == "name"]
    others = [found.agree for key, found in zip(rule.keys, alike, strict=True) if key.how != "name"]
    total += score.name * max(names, default=0) // 100
    return total + (score.reference if others and all(others) else 0)
