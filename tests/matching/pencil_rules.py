"""
What a rule asks, read from its text once more: only what the slow reference can say, in its own few words.

The grammar is docs/how-to/write-a-rule.md. Anything else in a rule is an error here, so that the reference never passes
over a word that it does not know.
"""

import tomllib
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

__all__ = ["Amount", "Days", "Drop", "Head", "Key", "Rule", "Score", "head_of", "rules_of"]


@dataclass(frozen=True, slots=True)
class Drop:
    """What is left out of an identifier of one side, after it was normalised."""

    prefix: str = ""
    suffix: str = ""
    last: int = 0


@dataclass(frozen=True, slots=True)
class Key:
    """Any of the left fields names what any of the right ones does."""

    left: tuple[str, ...]
    right: tuple[str, ...]
    how: str
    drop: tuple[Drop, Drop]
    letters: str | None

    @property
    def plain(self) -> bool:
        """Whether identifiers are compared as a source gives them, or in their normal form."""
        return self.drop == (Drop(), Drop()) and self.letters is None

    def between(self, one: str, other: str) -> "Key":
        """Compare fields of two sides, or of one with each other."""
        fields = {"left": self.left, "right": self.right}
        return Key(fields[one], fields[other], self.how, self.drop, self.letters)


@dataclass(frozen=True, slots=True)
class Amount:
    """How far apart amounts may be, in millionths; None: not said."""

    abs_micro: int | None = None
    pct_micro: int | None = None
    take: str = "tighter"
    minor: int = 0
    only: str | None = None
    base: bool = False
    apart: bool = False

    @property
    def exact(self) -> bool:
        """Whether they must be equal."""
        return self.abs_micro is None and self.pct_micro is None and not self.minor


@dataclass(frozen=True, slots=True)
class Days:
    """How many days the right may be after the left; ``business``: only Mondays to Fridays count."""

    first: int
    last: int
    business: bool


@dataclass(frozen=True, slots=True)
class Score:
    """Points for what agrees, how many there must be, and by how many the best must be ahead."""

    amount: int = 0
    days: int = 0
    name: int = 0
    reference: int = 0
    at_least: int = 0
    margin: int = 0


@dataclass(frozen=True, slots=True)
class Rule:
    """One rule; ``amount`` None: as much as both have, or anything."""

    name: str
    keys: tuple[Key, ...]
    amount: Amount | None
    days: Days | None
    shape: str
    partial: bool
    fifo: bool
    score: Score | None
    subset: bool = False
    reversal: tuple[str, ...] = ()

    @property
    def within(self) -> list[str]:
        """Name the sides that settle among themselves."""
        named = [side for side in ("left", "right") if any(getattr(key, side) for key in self.keys)]
        return named if self.shape in {"net", "reversal"} else []


@dataclass(frozen=True, slots=True)
class Head:
    """
    What is said of both sides.

    :ivar grouped: whether lines of one settlement are one thing, of left and right; :ivar net: whether their net counts.
    """

    polarity: str
    grouped: tuple[bool, bool]
    net: tuple[bool, bool]


_KNOWN = {"name", "keys", "amount", "days", "shape", "unique", "partial", "equal", "score", "at_least", "margin"}
_KNOWN |= {"subset", "coincidence", "reversal"}


def head_of(text: str) -> Head:
    """Read what a set says of its sides."""
    said = tomllib.loads(text)["rules"]
    group, claims = said.get("group", {}), said["claims"]
    return Head(
        said.get("polarity", "same"), ("left" in group, "right" in group),
        (claims["left"] == "settlement", claims["right"] == "settlement"),
    )  # fmt: skip


def rules_of(text: str) -> list[Rule]:
    """Read the rules of a set."""
    return [_rule(said) for said in tomllib.loads(text)["rule"]]


def _rule(said: dict[str, Any]) -> Rule:
    unknown = set(said) - _KNOWN
    if unknown:
        message = f"the pencil does not know {sorted(unknown)}"
        raise ValueError(message)
    amount = said.get("amount", "exact")
    partial = bool(said.get("partial", False))
    points = {"at_least": said.get("at_least", 0), "margin": said.get("margin", 0)}
    return Rule(
        name=said["name"],
        keys=tuple(_key(one) for one in said.get("keys", [])),
        amount=None if partial or amount == "any" else _amount(amount),
        days=_days(said["days"]) if "days" in said else None,
        shape=said.get("shape", "1:1"),
        partial=partial,
        fifo=said.get("equal") == "fifo",
        score=Score(**said["score"], **points) if "score" in said else None,
        subset=bool(said.get("subset", False)),
        reversal=tuple(said.get("reversal", {}).get("kinds", ())),
    )


def _key(said: dict[str, Any]) -> Key:
    fields = [said.get(side, []) for side in ("left", "right")]
    left, right = ((one,) if isinstance(one, str) else tuple(one) for one in fields)
    drop = said.get("drop", {})
    drops = Drop(**drop.get("left", {})), Drop(**drop.get("right", {}))
    return Key(left, right, said.get("how", "exact"), drops, said.get("letters"))


def _amount(said: str | dict[str, Any]) -> Amount:
    if isinstance(said, str):
        return Amount()
    return Amount(
        abs_micro=_micro(said.get("abs")), pct_micro=_micro(said.get("pct")), take=said.get("take", "tighter"),
        minor=said.get("minor", 0), only=said.get("only"), base=bool(said.get("base", False)),
        apart=said.get("base") == "apart",
    )  # fmt: skip


def _micro(said: str | None) -> int | None:
    return None if said is None else int(Decimal(said) * 10**6)


def _days(said: dict[str, Any]) -> Days:
    return Days(said["from"], said["to"], "calendar" in said)
