"""
Keys of one rule that are right by themselves and cannot stand together.

Each check yields the key at fault and the sentence; the first one found is raised. A rule that could only guess, or
could never match, is refused before anything runs.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from tieout.matching.grammar.rules import WITHIN

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tieout.config.tables import Table
    from tieout.matching.grammar.rules import Rule

__all__ = ["refuse_contradictions"]

#: How wide the days may be of a rule that compares everything with everything in them.
_WINDOW_MAX = 92
#: As likely as not, in millionths.
_EVEN = 500_000
_IDENTIFYING = ("exact", "normalised", "token", "prefix")


def refuse_contradictions(table: Table, rule: Rule) -> None:
    """
    Refuse what cannot stand together in one rule.

    :param table: the rule as it was written.
    :raises Fault: the first contradiction found.
    """
    checks = (
        _of_within,
        _of_shape,
        _of_names,
        _of_subset,
        _of_consecutive,
        _of_partial,
        _of_amount,
        _of_score,
        _of_learn,
        _of_either,
    )
    for check in (*checks, _of_difference):
        for key, sentence in check(table, rule):
            raise table.fault(key, f"{sentence}, in {table.name}")


def _of_within(table: Table, rule: Rule) -> Iterator[tuple[str, str]]:
    """What settles within a side has an identifier in common, and nothing else is asked but its days."""
    if rule.shape not in WITHIN:
        return
    shape = f"the shape {rule.shape!r}"
    if not rule.keys:
        yield "shape", f"expected 'keys' for {shape}, whose things one identifier must name, found none"
        return
    for key in ("partial", "score", "equal", "subset", "consecutive", "together", "learn"):
        if table.values.get(key):
            yield key, f"expected no {key!r} beside {shape}, got one"
    for side in ("left", "right"):
        if side in table.values and side not in rule.within:
            yield side, f"expected no {side!r} beside keys of the {rule.within[0]} only, got one"
    yield from (_of_net if rule.shape == "net" else _of_reversal)(rule)


def _of_net(rule: Rule) -> Iterator[tuple[str, str]]:
    if len(rule.keys) > 1 or rule.keys[0].how not in {"exact", "normalised"}:
        got = f"{len(rule.keys)}" if len(rule.keys) > 1 else repr(rule.keys[0].how)
        yield "keys", f"expected one key that is exact or normalised for the shape 'net', got {got}"
    amount = rule.amount
    if amount is None or amount.base or amount.only or amount.pct_micro is not None:
        expected = "expected an exact amount or what of a currency may be left ('abs', 'minor') for the shape 'net'"
        yield "amount", f"{expected}, got another: there is no left amount to compare with"
    if rule.days is not None and (rule.days.first or rule.days.last < 0):
        expected = "expected 'days' from 0 for the shape 'net': so many from one thing to the next"
        yield "days", f"{expected}, got from {rule.days.first}"


def _of_reversal(rule: Rule) -> Iterator[tuple[str, str]]:
    sides = {tuple(side for side in ("left", "right") if getattr(key, side)) for key in rule.keys}
    if len(sides) > 1 or len(rule.within) > 1:
        expected = "expected keys of one side ('left' or 'right') for the shape 'reversal', which pairs things of it"
        yield "keys", f"{expected}, got keys of both"
    if any(key.how not in {"exact", "normalised", "token"} for key in rule.keys):
        got = next(key.how for key in rule.keys if key.how not in {"exact", "normalised", "token"})
        yield "keys", f"expected keys that are exact, normalised or token for the shape 'reversal', got {got!r}"
    if rule.amount is None or not rule.amount.exact or rule.amount.base:
        yield (
            "amount",
            "expected an exact amount for the shape 'reversal', which takes back all of something, got another",
        )
    if rule.days is None or rule.days.first < 0:
        came = "none" if rule.days is None else f"from {rule.days.first}"
        expected = "expected 'days' from 0 or later for the shape 'reversal': so many after what it takes back"
        yield "days", f"{expected}, got {came}"


def _of_shape(_table: Table, rule: Rule) -> Iterator[tuple[str, str]]:
    if rule.shape == "1:1" or rule.subset or rule.consecutive or rule.shape in WITHIN:
        return
    if not rule.keys:
        yield (
            "shape",
            f"expected 'keys' for the shape {rule.shape!r}, whose things are summed over the first, found none",
        )
    elif rule.keys[0].how not in {"exact", "normalised", "token"}:
        expected = "expected a first key that is exact, normalised or token"
        yield "keys", f"{expected} for the shape {rule.shape!r}, which sums over it, got {rule.keys[0].how!r}"
    elif rule.interchangeable:
        expected = "expected no 'equal' for the shape {0!r}, which takes all that a key names and so chooses among none"
        yield "equal", f"{expected.format(rule.shape)}, got one"
    elif rule.shape == "n:m":
        yield from _of_many_to_many(rule)


def _of_many_to_many(rule: Rule) -> Iterator[tuple[str, str]]:
    """All that one identifier names is summed, whatever its day: nothing else can be asked of it."""
    if len(rule.keys) > 1 or rule.keys[0].how == "token":
        got = f"{len(rule.keys)}" if len(rule.keys) > 1 else "'token'"
        yield "keys", f"expected one key that is exact or normalised for the shape 'n:m', got {got}"
    if rule.days is not None:
        yield "days", "expected no 'days' for the shape 'n:m', which sums all that one identifier names, got some"
    if not rule.partial and (rule.amount is None or not rule.amount.exact or rule.amount.base):
        yield "amount", "expected an exact amount for the shape 'n:m', got another"


def _of_names(_table: Table, rule: Rule) -> Iterator[tuple[str, str]]:
    names = sum(key.how == "name" for key in rule.keys)
    if names > 1:
        yield "keys", f"expected at most one key with how = 'name' (it may list several fields), got {names}"


def _of_subset(table: Table, rule: Rule) -> Iterator[tuple[str, str]]:
    if not rule.subset:
        if "coincidence" in table.values and rule.score is None and not rule.learn and not rule.consecutive:
            yield "coincidence", "expected 'score', 'subset', 'consecutive' or 'learn' beside 'coincidence', found none"
        return
    if rule.shape not in {"1:n", "n:1"}:
        yield "subset", f"expected the shape '1:n' or 'n:1' beside 'subset', got {rule.shape!r}"
    if rule.amount is None or not rule.amount.exact or rule.amount.base:
        yield "amount", "expected an exact amount beside 'subset': with a tolerance more than one subset always fits"
    if any(key.how == "prefix" for key in rule.keys):
        yield "keys", "expected keys that are no 'prefix' beside 'subset', where amounts are not yet compared, got one"
    for key in ("score", "learn", "partial"):
        if table.values.get(key):
            yield key, f"expected no {key!r} beside 'subset', got one"
    if rule.interchangeable and not rule.keys:
        yield "equal", "expected 'keys' for 'equal' beside 'subset', found none: equal amounts may be two parties'"


def _of_consecutive(table: Table, rule: Rule) -> Iterator[tuple[str, str]]:
    if not rule.consecutive:
        return
    if rule.shape not in {"1:n", "n:1"}:
        expected = "expected the shape 'n:1' (lines of the left) or '1:n' (of the right) beside 'consecutive'"
        yield "shape", f"{expected}, got {rule.shape!r}"
    for key in ("keys", "score", "learn", "subset", "partial"):
        if table.values.get(key):
            yield key, f"expected no {key!r} beside 'consecutive', where sums and order decide, got one"
    if rule.days is None or rule.days.last - rule.days.first > _WINDOW_MAX:
        came = "none" if rule.days is None else f"{rule.days.last - rule.days.first}"
        yield "days", f"expected 'days' of at most {_WINDOW_MAX} from first to last beside 'consecutive', got {came}"
    if rule.amount is None or not rule.amount.exact or rule.amount.base:
        yield "amount", "expected an exact amount beside 'consecutive': with a tolerance more than one run always fits"


def _of_partial(table: Table, rule: Rule) -> Iterator[tuple[str, str]]:
    if not rule.partial:
        return
    if rule.amount is not None:
        yield "amount", "expected no 'amount' beside 'partial', which matches as much as both sides have, got one"
    if not any(key.how in _IDENTIFYING for key in rule.keys):
        yield "partial", "expected a key that identifies what is paid in part (not a name) beside 'partial', found none"
    if rule.shape == "n:m":
        yield "shape", "expected the shape '1:1', '1:n' or 'n:1' beside 'partial', got 'n:m'"
    for key in ("score", "equal", "difference"):
        if key in table.values:
            yield key, f"expected no {key!r} beside 'partial', got one"


def _of_amount(_table: Table, rule: Rule) -> Iterator[tuple[str, str]]:
    if rule.amount is None and not rule.partial:
        if not rule.keys:
            yield "amount", "expected 'keys' beside amount = 'any', found none: nothing would be compared"
        elif rule.confirm:
            yield "amount", "expected confirm = false beside amount = 'any': a difference of any size is for a person"
    if (
        rule.keys
        or rule.subset
        or rule.consecutive
        or rule.amount is None
        or (rule.amount.exact and not rule.amount.base)
    ):
        return
    span = None if rule.days is None else rule.days.last - rule.days.first
    if span is None or span > _WINDOW_MAX:
        came = "none" if span is None else f"{span}"
        wanted = f"expected 'days' of at most {_WINDOW_MAX} from first to last for a tolerance without 'keys'"
        yield "amount", f"{wanted}, got {came}: everything would be compared with everything"


def _of_score(_table: Table, rule: Rule) -> Iterator[tuple[str, str]]:
    if rule.score is None:
        if rule.together:
            yield "together", "expected 'score' beside 'together', which sums the points of pairs, found none"
        return
    if rule.shape != "1:1":
        yield "shape", f"expected the shape '1:1' beside 'score', which ranks pairs, got {rule.shape!r}"
    if rule.interchangeable:
        yield "equal", "expected no 'equal' beside 'score': a tie is ambiguous, got one"
    hows = {key.how for key in rule.keys}
    if rule.score.coincidence_micro is not None and hows and "name" not in hows:
        yield (
            "coincidence",
            "expected no 'coincidence' where identifiers alone bring things together, which is no accident, got one",
        )
    needed = (
        (rule.score.amount, rule.amount is not None, "an amount that is compared"),
        (rule.score.days, rule.days is not None, "'days'"),
        (rule.score.name, "name" in hows, "a key with how = 'name'"),
        (rule.score.reference, bool(hows & {*_IDENTIFYING}), "a key that is no name"),
    )
    for (points, there, what), key in zip(needed, ("amount", "days", "name", "reference"), strict=True):
        if points and not there:
            yield "score", f"expected {what} beside points for {key!r} in 'score', found none"


def _of_learn(table: Table, rule: Rule) -> Iterator[tuple[str, str]]:
    if not rule.learn:
        return
    for key in ("keys", "score", "subset", "partial", "equal"):
        if table.values.get(key):
            yield key, f"expected no {key!r} beside 'learn', which weighs whatever is alike, got one"
    if rule.shape != "1:1":
        yield "shape", f"expected the shape '1:1' beside 'learn', which weighs pairs, got {rule.shape!r}"
    if rule.days is None or rule.days.last - rule.days.first > _WINDOW_MAX:
        came = "none" if rule.days is None else f"{rule.days.last - rule.days.first}"
        yield "days", f"expected 'days' of at most {_WINDOW_MAX} from first to last beside 'learn', got {came}"
    if rule.amount is None or rule.amount.base or rule.amount.only:
        yield (
            "amount",
            "expected an exact amount or a plain tolerance ('abs', 'pct', 'minor') beside 'learn', got another",
        )
    if rule.coincidence_micro > _EVEN:
        expected = "expected at most '0.5' beside 'learn': what is more likely an accident is no match"
        yield "coincidence", f"{expected}, got {table.values['coincidence']!r}"
    if len(set(rule.learn)) < len(rule.learn):
        yield "learn", "expected each pair of fields once in 'learn', got one again: it would count twice"


def _of_either(table: Table, rule: Rule) -> Iterator[tuple[str, str]]:
    """Which way the days run is asked where they are a window, and not where they are counted or put in order."""
    if rule.days is None or not rule.days.either:
        return
    for key in ("score", "learn", "consecutive", "equal"):
        if table.values.get(key):
            yield "days", f"expected no 'either' in 'days' beside {key!r}, got one"
    if rule.within:
        yield "days", f"expected no 'either' in 'days' beside the shape {rule.shape!r}, got one"


def _of_difference(table: Table, rule: Rule) -> Iterator[tuple[str, str]]:
    given = table.values.get("difference")
    if given is None:
        return
    amount = rule.amount
    if amount is not None and amount.exact and not amount.base:
        yield "difference", "expected no 'difference' beside an exact amount, got one"
    if "currency" in given and not (amount is not None and amount.base):
        yield "difference", "expected amount = { base = true } beside the difference 'currency', found none"
    for direction, other in (("short", "over"), ("over", "short")):
        if amount is not None and amount.only == direction and other in given:
            yield "difference", f"expected no difference {other!r} where the amount may only be {direction!r}, got one"
