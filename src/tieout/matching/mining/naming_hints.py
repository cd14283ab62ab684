"""
What the names of both sides of people's matches say: names of one party, and a rule that compares names.
"""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

import pyarrow as pa

from tieout.matching.comparing.spelling import spelled_out
from tieout.matching.grammar.rules import LETTERS, Alias, Days, Key
from tieout.matching.mining.learnable import alike, form_of
from tieout.matching.mining.patterns import Pattern

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from tieout.matching.grammar.rules import RuleSet
    from tieout.matching.mining.learnable import Example

__all__ = ["name_rules", "tempting_aliases"]

#: As wide as a window of days may be.
_WINDOW_MAX = 92
_FIELD = ("counterparty",)


def tempting_aliases(examples: Sequence[Example], known: Sequence[Alias]) -> list[tuple[Alias, int]]:
    """List names that stand together in people's matches though they are spelled as two parties': (alias, matches)."""
    spelled: dict[tuple[str, str], Counter[tuple[str, str]]] = {}
    had = {tuple(form_of([alias.left, alias.right])) for alias in known}
    for left, right in _names(examples):
        one, other = form_of([left, right])
        if not one or not other or alike(one, other) or alike(*_written(left, right)) or (one, other) in had:
            continue
        spelled.setdefault((one, other), Counter())[left, right] += 1
    found = []
    for count in spelled.values():
        (left, right), _ = min(count.items(), key=lambda item: (-item[1], item[0]))
        found.append((Alias(left, right), count.total()))
    return sorted(found, key=lambda item: (-item[1], item[0].left, item[0].right))


def name_rules(examples: Sequence[Example], aliases: Sequence[Alias], base: RuleSet) -> Iterator[Pattern]:
    """Give a rule of names, exact amount and days, where the set has none that compares names so."""
    known = {tuple(form_of([alias.left, alias.right])) for alias in aliases}
    plain: list[Example] = []
    german: list[Example] = []
    for example in examples:
        left, right = (pair["counterparty"] for pair in example.pairs[0])
        if example.shape != "1:1" or not left or not right or example.left != example.right or example.part:
            continue
        forms = form_of([left, right])
        if alike(*forms) or tuple(forms) in known:
            plain.append(example)
        elif alike(*_written(left, right)):
            german.append(example)
    has = {key.letters for rule in base.rules for key in rule.keys if key.how == "name"}
    for letters, some in (((), plain), (LETTERS[:1], german)):
        days = _days(some)
        if some and days is not None and letters not in has:
            spelled = ", with German letters written out" if letters else ""
            key = Key(_FIELD, _FIELD, "name", letters=letters)
            ids = frozenset(one.match_id for one in some)
            name = f"name, amount and day{spelled}"
            yield Pattern(name=name, keys=(key,), matches=ids, days=days, confirm=False)


def _names(examples: Sequence[Example]) -> Iterator[tuple[str, str]]:
    """Give the names of both sides of each match that has one on each."""
    for example in examples:
        lefts = {left["counterparty"] for left, _ in example.pairs}
        rights = {right["counterparty"] for _, right in example.pairs}
        if len(lefts) == 1 and len(rights) == 1 and None not in lefts | rights:
            yield lefts.pop(), rights.pop()


def _written(left: str, right: str) -> tuple[str, str]:
    """Give the forms of two names with German letters written out."""
    one, other = form_of(spelled_out(pa.array([left, right], pa.string()), LETTERS[:1]).to_pylist())
    return one, other


def _days(examples: Sequence[Example]) -> Days | None:
    """Give the window in which examples lie; None where there is none, or it is too wide."""
    apart = [
        (right["day"] - left["day"]).days
        for example in examples
        for left, right in example.pairs
        if left["day"] is not None and right["day"] is not None
    ]
    if not apart or max(apart) - min(apart) > _WINDOW_MAX:
        return None
    return Days(first=min(apart), last=max(apart))
