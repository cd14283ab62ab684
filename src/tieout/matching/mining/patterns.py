"""
Patterns of what people put together: the keys that examples share, and what their amounts have in common.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from tieout.matching.grammar.rules import REASONS
from tieout.matching.grammar.writing import key_words, rule_text
from tieout.matching.mining.hints import agreeing_keys, strength

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tieout.matching.grammar.rules import Days, Key
    from tieout.matching.mining.learnable import Example

__all__ = ["Pattern", "patterns_of"]

#: A larger share is no tolerance: in tenths of a percent.
_TOLERANCE_MAX = 100
_TENTHS = 1_000
_NAME_MAX = 90  # a rule's name may have 100
_SUMMED = ("exact", "normalised", "token")


@dataclass(frozen=True, slots=True, kw_only=True)
class Pattern:
    """
    A rule that examples suggest.

    :ivar matches: the examples that suggest it.
    """

    name: str
    keys: tuple[Key, ...]
    matches: frozenset[bytes]
    amount: str | None = None
    difference: str | None = None
    days: Days | None = None
    shape: str = "1:1"
    partial: bool = False
    confirm: bool = True

    def text(self, name: str) -> str:
        """Write it as a rule of some name."""
        return rule_text(
            name, self.keys, amount=self.amount, difference=self.difference, days=self.days, shape=self.shape,
            partial=self.partial, confirm=self.confirm,
        )  # fmt: skip


def patterns_of(examples: list[Example]) -> Iterator[Pattern]:
    """Give the patterns of identifiers, the strongest evidence first; of equal ones, what more examples share."""
    shared: dict[tuple[str, Key], list[Example]] = {}
    for example in examples:
        keys = set.intersection(*(agreeing_keys(left, right) for left, right in example.pairs))
        for key in keys:
            if example.shape == "1:1" or (example.shape != "n:m" and key.how in _SUMMED and not key.rewritten):
                shared.setdefault((example.shape, key), []).append(example)
    order = sorted(shared, key=lambda at: (at[0] != "1:1", strength(at[1]), -len(shared[at]), repr(at)))
    for shape, key in order:
        yield from _by_amount(shape, key, shared[shape, key])


def _by_amount(shape: str, key: Key, examples: list[Example]) -> Iterator[Pattern]:
    """Tell apart examples whose amounts are equal, that are a part, or that differ a little."""
    words = key_words(key)
    whole = [one for one in examples if one.left == one.right and not one.part]
    several = "" if shape == "1:1" else ", several in one"
    sure = key.how != "prefix"
    if whole:
        yield Pattern(name=f"{words}{several}"[:_NAME_MAX], keys=(key,), matches=_ids(whole), shape=shape, confirm=sure)
    if shape != "1:1":
        return
    parts = [one for one in examples if one.part and one.left == one.right]
    if parts and sure:
        name = f"{words}, a part of the amount"[:_NAME_MAX]
        yield Pattern(name=name, keys=(key,), matches=_ids(parts), partial=True, confirm=False)
    for only, differing in (
        ("short", [one for one in examples if one.left > one.right]),
        ("over", [one for one in examples if one.left < one.right]),
    ):
        tenths = [-(-abs(one.left - one.right) * _TENTHS // one.left) for one in differing if one.left]
        near = [one for one, share in zip(differing, tenths, strict=False) if share <= _TOLERANCE_MAX]
        if not near or len(tenths) < len(differing):
            continue
        most = max(share for share in tenths if share <= _TOLERANCE_MAX)
        reasons = {one.reason for one in near}
        reason = reasons.pop() if len(reasons) == 1 else None
        pct = f"{most // 10}.{most % 10}"
        yield Pattern(
            name=f"{words}, up to {pct} % {'less' if only == 'short' else 'more'}"[:_NAME_MAX],
            keys=(key,),
            matches=_ids(near),
            amount=f'{{ pct = "{pct}", only = "{only}" }}',
            difference=f'{{ {only} = "{reason}" }}' if reason in REASONS else None,
            confirm=False,
        )


def _ids(examples: list[Example]) -> frozenset[bytes]:
    return frozenset(example.match_id for example in examples)
