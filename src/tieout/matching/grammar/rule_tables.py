"""
One table of a rule set at a time: from TOML to the nouns of ``rules.py``.

Whether the keys of a rule fit each other is asked in ``contradictions.py``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tieout.config import checks
from tieout.config.tables import Fault, Table, nearest, shown
from tieout.errors import BadInput
from tieout.matching.grammar.contradictions import refuse_contradictions
from tieout.matching.grammar.rules import (
    CHECKS,
    DAYS,
    FIELDS,
    HOWS,
    LETTERS,
    LIKENESS,
    REASONS,
    SHAPES,
    WITHIN,
    Alias,
    Amount,
    Days,
    Drop,
    Filter,
    Key,
    Likeness,
    Rule,
    Score,
)
from tieout.model.kinds import KINDS
from tieout.model.money import exponents, parse_decimal
from tieout.model.normal import normal

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["BY_KIND", "RULE_KEYS", "read_aliases", "read_filter", "read_rule"]

#: Instead of a claim: of each record what its kind is for.
BY_KIND = "by kind"
#: The keys of ``[[rule]]``.
RULE_KEYS = (
    *("name", "keys", "amount", "days", "shape", "unique", "score", "at_least", "margin", "coincidence"),
    *("confirm", "partial", "difference", "equal", "subset", "consecutive", "together", "learn"),
    *("left", "right", "reversal"),
)

_NAME_MAX = 100
_KEYS_MAX = 8
_DAYS_MAX = 3660  # ten years
#: From first to last: so many of each of eight years' days are still listed.
_SPAN_MAX = 1830
_POINTS_MAX = 1000
_MINOR_MAX = 1_000_000
_MICRO = 6  # decimals that a millionth has
_ONE = 1_000_000
_COINCIDENCE = 10_000  # 0.01
_ACCIDENT = 1_000  # 0.001
_LIKENESS_MAX = 3
_LAST_MAX = 9
_DROPPED = ("prefix", "suffix", "check", "last", "zeros")
_ALIASES_MAX = 10_000
_ABS_MAX = 1_000_000_000
_AMOUNT_KEYS = ("abs", "pct", "minor", "take", "currency", "base", "only")
_POINTS = ("amount", "days", "name", "reference")
_DIFFERENCE = {"short": "short_payment", "over": "over_payment", "currency": "fx"}


def read_rule(table: Table, claims: tuple[str, str], files: checks.Files | None) -> Rule:
    """
    Read one ``[[rule]]`` whose name is known to be right.

    :param claims: of its set.
    :param files: of the workspace, where calendars are looked up; None: there is none.
    :raises Fault: something in it is wrong.
    """
    partial = table.flag("partial", absent=False)
    _word(table, "unique", "both", "a rule never chooses among several, it says that the answer is ambiguous")
    subset, consecutive = (table.flag(key, absent=False) for key in ("subset", "consecutive"))
    learn = tuple(_likeness(one) for one in table.tables("learn", ("left", "right"), _LIKENESS_MAX))
    usual = _ACCIDENT if learn else _COINCIDENCE
    shape = table.choice("shape", SHAPES) or "1:1"
    told = table.tables("keys", ("left", "right", "how", "drop", "letters"), _KEYS_MAX)
    keys = tuple(_key(one, within=shape in WITHIN) for one in told)
    rule = Rule(
        name=table.required("name"),
        keys=keys,
        amount=_amount(table, partial=partial),
        days=_days(table, files),
        shape=shape,
        score=_score(table),
        learn=learn,
        confirm=table.flag("confirm", absent=True),
        partial=partial,
        difference=_difference(table),
        interchangeable=_word(table, "equal", "fifo", "equal things can only be settled first in, first out"),
        subset=subset,
        consecutive=consecutive,
        together=table.flag("together", absent=False),
        coincidence_micro=((subset or consecutive or learn) and _coincidence(table)) or usual,
        left=read_filter(table, "left", claims[0]),
        right=read_filter(table, "right", claims[1]),
        reversal=_reversal(table, shape, claims[0] if keys and keys[0].left else claims[1]),
    )
    refuse_contradictions(table, rule)
    return rule


def read_filter(table: Table, key: str, claim: str) -> Filter:
    """Read which things of a side count; a kind without the side's claim could never match."""
    inner = table.table(key, ("kinds", "other_than", "bank_codes"))
    if inner is None:
        return Filter()
    if not inner.values:
        raise table.wrong(key, "kinds, other_than or bank_codes", got="an empty table")
    if "kinds" in inner.values and "other_than" in inner.values:
        raise inner.wrong(key="other_than", expected="either kinds or other_than", got="both")
    of_claim = [k.name for k in KINDS.values() if claim in k.claims or (claim == BY_KIND and k.claims)]
    named = "other_than" if "other_than" in inner.values else "kinds"
    kinds = _words(inner, named, tuple(KINDS), "the name of a kind of record")
    for kind in kinds:
        if kind not in of_claim:
            wanted = "a claim" if claim == BY_KIND else f"the claim {claim!r}"
            raise inner.wrong(key=named, expected=f"kinds that have {wanted}", got=f"{kind!r}, which has not")
    if named == "other_than":
        kinds = tuple(kind for kind in of_claim if kind not in kinds)
    return Filter(kinds=kinds, bank_codes=inner.texts("bank_codes"))


def _reversal(table: Table, shape: str, claim: str) -> Filter:
    """Read by what a reversal is known."""
    if "reversal" in table.values and shape != "reversal":
        raise table.fault(
            key="reversal", sentence=f"expected the shape 'reversal' beside 'reversal' in {table.name}, got {shape!r}"
        )
    return read_filter(table, "reversal", claim)


def _words(table: Table, key: str, known: Sequence[str], expected: str) -> tuple[str, ...]:
    """Read text or a list of texts, each of them known."""
    found = table.texts(key)
    for word in found:
        if word not in known:
            raise table.wrong(key, expected, shown(word) + nearest(word, known))
    return found


def _word(table: Table, key: str, word: str, why: str) -> bool:
    """Read a key that has one word only; False where it is absent."""
    if key in table.values and table.values[key] != word:
        raise table.wrong(key, f"{word!r} ({why})")
    return key in table.values


def _key(table: Table, *, within: bool) -> Key:
    """
    Read one key.

    :param within: things of a side settle among themselves: the other side need not be named.
    """
    expected = f"one of {', '.join(FIELDS)}"
    left, right = (_words(table, side, FIELDS, expected) for side in ("left", "right"))
    for side, fields in (("left", left), ("right", right)):
        if not (within and (left or right)):
            table.given(side, fields or None)
    how = table.choice("how", HOWS) or "exact"
    names = {"counterparty", "text"}
    if how == "name" and not {*left, *right} <= names:
        key = "right" if set(left) <= names else "left"
        raise table.wrong(key, "counterparty or text where how = 'name'")
    if "drop" in table.values and how != "normalised":
        raise table.fault(
            key="drop", sentence=f"expected how = 'normalised' beside 'drop' in {table.name}, got {how!r}"
        )
    if "letters" in table.values and how not in {"normalised", "name"}:
        wanted = "expected how = 'normalised' or 'name' beside 'letters'"
        raise table.fault(key="letters", sentence=f"{wanted} in {table.name}, got {how!r}")
    drops = _drops(table)
    for side, fields, drop in zip(("left", "right"), (left, right), drops, strict=True):
        if drop != Drop() and not fields:
            raise table.fault(key="drop", sentence=f"expected {side!r} beside what is dropped of it in {table.name}")
    return Key(left, right, how, drops, _words(table, "letters", LETTERS, f"one of {', '.join(LETTERS)}"))


def _drops(table: Table) -> tuple[Drop, Drop]:
    inner = table.table("drop", ("left", "right"))
    if inner is not None and not inner.values:
        raise table.wrong(key="drop", expected="what is dropped of left or right", got="an empty table")
    left, right = (_drop(inner, side) if inner else Drop() for side in ("left", "right"))
    return left, right


def _drop(table: Table, side: str) -> Drop:
    inner = table.table(side, _DROPPED)
    if inner is None:
        return Drop()
    if not inner.values:
        raise table.wrong(side, f"one of {', '.join(map(repr, _DROPPED))}", got="an empty table")
    signs = {key: normal(inner.text(key) or "") for key in ("prefix", "suffix")}
    for key, sign in signs.items():
        if key in inner.values and not sign:
            raise inner.wrong(key, "letters or digits, not only marks and zeros,")
    check, last = inner.choice("check", CHECKS), inner.whole("last", 1, _LAST_MAX) or 0
    return Drop(**signs, check=check, last=last, zeros=inner.flag("zeros", absent=False))


def read_aliases(content: dict[str, Any]) -> tuple[Alias, ...]:
    """
    Read all ``[[alias]]``: names of one party.

    :param content: the file.
    :raises Fault: something in one is wrong, or one stands twice.
    """
    tables = content.get("alias", [])
    if not isinstance(tables, list) or not all(isinstance(values, dict) for values in tables):
        raise Fault(("alias",), f"expected [[alias]] with two brackets, got {shown(tables)}")
    if len(tables) > _ALIASES_MAX:
        raise Fault(("alias",), f"expected at most {_ALIASES_MAX} [[alias]], got {len(tables)}")
    places: dict[Alias, int] = {}
    for number, values in enumerate(tables):
        table = Table(values, ("alias", number), "[[alias]]")
        table.only(("left", "right"))
        alias = Alias(table.required("left"), table.required("right"))
        if normal(alias.left) == normal(alias.right):
            raise table.wrong(key="right", expected=f"another name than {alias.left!r}")
        if alias in places:
            raise Fault(table.place, "expected a new [[alias]], got one again", ("alias", places[alias]))
        places[alias] = number
    return tuple(places)


def _likeness(table: Table) -> Likeness:
    left, right = (table.given(side, table.choice(side, LIKENESS)) for side in ("left", "right"))
    return Likeness(left, right)


def _micro(table: Table, key: str, most: int) -> int | None:
    """Read a decimal from 0 on, which must be text (a TOML number would be a float), in millionths."""
    text = table.text(key)
    if text is None:
        return None
    try:
        digits, decimals = parse_decimal(text)
    except BadInput as error:
        raise table.fault(key, f"{error} for {key!r} in {table.name}") from None
    micro, lost = divmod(digits * _ONE, int(10**decimals))
    if lost:
        raise table.wrong(key, f"at most {_MICRO} decimals")
    if not 0 <= micro <= most * _ONE:
        raise table.wrong(key, f"a decimal from 0 to {most}")
    return micro


def _amount(table: Table, *, partial: bool) -> Amount | None:
    value = table.values.get("amount")
    if not isinstance(value, (dict, str, type(None))):
        raise table.wrong(key="amount", expected="'exact', 'any' or a table such as amount = { abs = \"0.05\" }")
    if not isinstance(value, dict):
        word = table.choice("amount", ("exact", "any")) or ("any" if partial else "exact")
        return Amount() if word == "exact" else None
    inner = table.given("amount", table.table("amount", _AMOUNT_KEYS))
    base = inner.values.get("base", False)
    if base not in (True, False, "apart"):
        raise inner.wrong(key="base", expected="true, false or 'apart'")
    amount = Amount(
        abs_micro=_micro(inner, "abs", _ABS_MAX),
        pct_micro=_micro(inner, "pct", 100),
        take=inner.choice("take", ("tighter", "wider")) or "tighter",
        per_currency=_per_currency(inner),
        minor_units=inner.whole("minor", 1, _MINOR_MAX),
        base=bool(base),
        apart=base == "apart",
        only=inner.choice("only", ("short", "over")),
    )
    _refuse_idle(inner, amount)
    return amount


def _per_currency(table: Table) -> tuple[tuple[str, int], ...]:
    inner = table.table("currency", None)
    if inner is None:
        return ()
    for code in inner.values:
        if code not in exponents():
            hint = shown(code) + nearest(code, exponents())
            raise inner.fault(code, f"expected an ISO 4217 currency such as JPY in {inner.name}, got {hint}")
    found = ((code, _micro(inner, code, _ABS_MAX)) for code in sorted(inner.values))
    return tuple((code, micro) for code, micro in found if micro is not None)


def _refuse_idle(table: Table, amount: Amount) -> None:
    """Refuse a tolerance that permits nothing, and words in it that decide nothing."""
    if amount.per_currency and amount.abs_micro is None:
        raise table.fault(
            key="currency", sentence=f"expected 'abs' beside 'currency' in {table.name}: it is for all other currencies"
        )
    if amount.per_currency and amount.base:
        raise table.fault(
            key="currency",
            sentence=f"expected no 'currency' beside 'base' in {table.name}: 'abs' is of the entity's, in which it compares",
        )
    if "take" in table.values and (amount.abs_micro is None or amount.pct_micro is None):
        raise table.fault(
            key="take", sentence=f"expected 'abs' and 'pct' beside 'take' in {table.name}: it chooses between them"
        )
    permits = [amount.abs_micro, amount.pct_micro, amount.minor_units, *(micro for _, micro in amount.per_currency)]
    if not any(permits) and (not amount.base or any(one is not None for one in permits)):
        raise Fault(table.place, f"expected a tolerance above 0 for {table.name}, got none: amount = 'exact' says so")
    if amount.only and not any(permits):
        raise table.fault(key="only", sentence=f"expected a tolerance beside 'only' in {table.name}, found none")


def _days(table: Table, files: checks.Files | None) -> Days | None:
    inner = table.table("days", ("from", "to", "calendar", "left", "right", "either"))
    if inner is None:
        return None
    first = inner.given("from", inner.whole("from", -_DAYS_MAX, _DAYS_MAX))
    last = inner.given("to", inner.whole("to", -_DAYS_MAX, _DAYS_MAX))
    if first > last:
        raise inner.wrong(key="to", expected=f"a day not before 'from' ({first})")
    if last - first > _SPAN_MAX:
        raise inner.wrong(key="to", expected=f"a window of at most {_SPAN_MAX} days after 'from' ({first})")
    business = inner.values.get("calendar") == "business"
    return Days(
        first=first,
        last=last,
        calendar="business" if business else checks.calendar(inner, "calendar", files),
        left=inner.choice("left", DAYS) or "booked_on",
        right=inner.choice("right", DAYS) or "booked_on",
        either=_words(inner, "either", tuple(KINDS), "the name of a kind of record"),
    )


def _coincidence(table: Table) -> int | None:
    micro = _micro(table, "coincidence", 1)
    if micro == 0:
        raise table.wrong(key="coincidence", expected="a decimal above 0, such as '0.01'")
    return micro


def _score(table: Table) -> Score | None:
    inner = table.table("score", _POINTS)
    if inner is None:
        for key in ("at_least", "margin"):
            if key in table.values:
                raise table.fault(key, f"expected 'score' beside {key!r} in {table.name}, found none")
        return None
    if not inner.values:
        raise table.wrong(key="score", expected=f"points for one of {', '.join(_POINTS)}", got="an empty table")
    points = {key: inner.whole(key, 1, _POINTS_MAX) or 0 for key in _POINTS}
    most = sum(points.values())
    return Score(
        **points,
        at_least=table.given("at_least", _within_reach(table, "at_least", 1, most)),
        margin=_within_reach(table, "margin", 0, most) or 0,
        coincidence_micro=_coincidence(table),
    )


def _within_reach(table: Table, key: str, least: int, most: int) -> int | None:
    value = table.whole(key, least, len(_POINTS) * _POINTS_MAX)
    if value is not None and value > most:
        raise table.wrong(key, f"at most {most} (all points of 'score' together)")
    return value


def _difference(table: Table) -> tuple[str, str, str]:
    inner = table.table("difference", tuple(_DIFFERENCE))
    if inner is not None and not inner.values:
        raise table.wrong(
            key="difference", expected=f"reasons for one of {', '.join(_DIFFERENCE)}", got="an empty table"
        )
    short, over, currency = (
        (inner.choice(key, REASONS) if inner else None) or usual for key, usual in _DIFFERENCE.items()
    )
    return short, over, currency
