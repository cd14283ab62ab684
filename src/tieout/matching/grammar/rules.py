"""
The nouns of a rule set: what a person may say about how two sides belong together.

Frozen, checked by the time they stand here (``reading`` reads them from TOML). Rules stand in order of
strength: within a run a later rule never takes from an earlier one.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace

from tieout.config.calendars import Calendars

__all__ = [
    "CHECKS",
    "DAYS",
    "FIELDS",
    "GROUPS",
    "HOWS",
    "LETTERS",
    "LIKENESS",
    "MEASURES",
    "POLARITIES",
    "REASONS",
    "SHAPES",
    "WITHIN",
    "Alias",
    "Amount",
    "Days",
    "Drop",
    "Filter",
    "Key",
    "Likeness",
    "Rule",
    "RuleSet",
    "Score",
]

#: How two identifiers are compared. exact: as written. normalised: case, separators, marks and leading zeros do not
#: count. token: the one stands somewhere in the other. prefix: the one begins the other (a truncated reference).
#: name: two spellings of a company or person (case, order of words, legal form and truncation do not count).
HOWS = ("exact", "normalised", "token", "prefix", "name")
#: Languages whose letters with marks are also written with two: german: ae is ä; nordic: oe is ø, aa is å; croatian: dj is đ.
LETTERS = ("german", "nordic", "croatian")
#: Schemes of check digits (``comparing.check_digits``): ISO 11649 (RF18...), mod 10 recursive (ISR, QR reference), mod 10 of
#: Luhn, the structured communication (+++090/9337/55493+++), and viitenumero.
CHECKS = ("iso11649", "swiss", "luhn", "belgian", "finnish")
#: The fields of a record that can name the same thing on both sides.
FIELDS = (
    "external_id",
    "payment_id",
    "settlement_id",
    "parent_external_id",
    "references",
    "text",
    "counterparty",
    "counterparty_account",
)
#: The field by which records of one side can be one thing; what shares another is summed by a rule's shape.
GROUPS = ("settlement_id",)
#: The fields whose likeness can be learned: what people and banks write.
LIKENESS = ("text", "counterparty", "counterparty_account", "external_id", "payment_id", "settlement_id")
#: The amounts of a record that can be compared: net by the claim ``settlement``, amount by all others.
MEASURES = ("amount", "net")
#: The days of a record from which can be counted.
DAYS = ("booked_on", "value_on", "due_on")
#: How many things of the left side (before the colon) belong to how many of the right; or what things of one side are to
#: each other. net: all that one identifier names comes to zero. reversal: the one takes the other back.
SHAPES = ("1:1", "1:n", "n:1", "n:m", "net", "reversal")
#: Those by which things of a side settle among themselves.
WITHIN = ("net", "reversal")
#: Whether both sides carry the same sign. by kind: payouts and other moves of own money are the other sign.
POLARITIES = ("same", "opposite", "by kind")
#: What a difference can be.
REASONS = (
    "fee",
    "fee_tax",
    "bank_charge",
    "discount",
    "withholding_tax",
    "fx",
    "rounding",
    "write_off",
    "short_payment",
    "over_payment",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Drop:
    """
    What is left out of the normal form of one side's identifiers before they are compared.

    :ivar prefix, suffix: signs at the beginning or end, where they stand there.
    :ivar check: the check digits of a scheme, each of :data:`CHECKS`, where they are right.
    :ivar last: so many signs at the end, whatever they are.
    :ivar zeros: the zeros that lead every number in it, not only those that lead all of it.
    """

    prefix: str = ""
    suffix: str = ""
    check: str | None = None
    last: int = 0
    zeros: bool = False


@dataclass(frozen=True, slots=True)
class Alias:
    """Two names of one party: what the left side calls it, and what the right side does."""

    left: str
    right: str


@dataclass(frozen=True, slots=True)
class Key:
    """
    Fields of both sides that must name the same thing; any of ``left`` against any of ``right``.

    Where things settle within a side, those of that side against each other, and the other may be empty.

    :ivar left, right: fields of a record, each of :data:`FIELDS`.
    :ivar how: one of :data:`HOWS`.
    :ivar drop: what is left out of identifiers of (left, right); with ``normalised`` only.
    :ivar letters: each of :data:`LETTERS`; none: a mark on a letter does not count.
    """

    left: tuple[str, ...]
    right: tuple[str, ...]
    how: str = "exact"
    drop: tuple[Drop, Drop] = (Drop(), Drop())
    letters: tuple[str, ...] = ()

    @property
    def rewritten(self) -> bool:
        """Whether identifiers are compared in another form than the one that intake computed."""
        return bool(self.letters) or any(drop != Drop() for drop in self.drop)

    def between(self, one: str, other: str) -> Key:
        """Give the key that compares things of two sides, or of one with each other (``left``, ``right``)."""
        fields, drops = {"left": self.left, "right": self.right}, dict(zip(("left", "right"), self.drop, strict=True))
        return Key(fields[one], fields[other], self.how, (drops[one], drops[other]), self.letters)


@dataclass(frozen=True, slots=True, kw_only=True)
class Amount:
    """
    How far apart two amounts may be. Both None: not at all.

    :ivar abs_micro: in millionths of a major unit of the compared currency.
    :ivar pct_micro: in millionths of a percent of the left amount.
    :ivar take: ``tighter`` or ``wider``: which of the two counts where both are given.
    :ivar per_currency: abs_micro of currencies that have one of their own.
    :ivar minor_units: at least so many minor units, whatever the currency.
    :ivar base: compared in the entity's currency, by the rates of the workspace.
    :ivar apart: with ``base``: things of one currency are not compared at all; else they must be equal.
    :ivar only: ``short``: only the right may have less than the left; ``over``: only more; None: either.
    """

    abs_micro: int | None = None
    pct_micro: int | None = None
    take: str = "tighter"
    per_currency: tuple[tuple[str, int], ...] = ()
    minor_units: int | None = None
    base: bool = False
    apart: bool = False
    only: str | None = None

    @property
    def exact(self) -> bool:
        """Whether no difference is allowed."""
        return self.abs_micro is None and self.pct_micro is None and self.minor_units is None


@dataclass(frozen=True, slots=True, kw_only=True)
class Days:
    """
    When the right side may be booked, counted from the left: day of the right - day of the left.

    :ivar first, last: from and to, in days, both inclusive.
    :ivar calendar: None: calendar days. ``business``: business days of the right side's account. Else a calendar's name.
    :ivar left, right: which day of a record counts, each of :data:`DAYS`.
    :ivar either: kinds of the left before which the right may be as long as behind them: money that the bank sends.
    """

    first: int
    last: int
    calendar: str | None = None
    left: str = "booked_on"
    right: str = "booked_on"
    either: tuple[str, ...] = ()

    def of_kind(self, kind: str) -> Days:
        """Give the days for a kind of the left."""
        return self.both_ways if kind in self.either else self

    @property
    def both_ways(self) -> Days:
        """The same, and as many days the other way round."""
        far = max(abs(self.first), abs(self.last))
        return replace(self, first=-far, last=far)


@dataclass(frozen=True, slots=True, kw_only=True)
class Score:
    """
    Points for agreement; a match is the best of both its sides, without a tie.

    :ivar amount, days, name, reference: points where it agrees wholly; fewer the further apart.
    :ivar at_least: fewer points are no candidate.
    :ivar margin: how many points a match must be ahead of every rival of either side.
    :ivar coincidence_micro: the most accidental candidates that may be expected, in millionths.
    """

    amount: int = 0
    days: int = 0
    name: int = 0
    reference: int = 0
    at_least: int = 0
    margin: int = 0
    coincidence_micro: int | None = None


@dataclass(frozen=True, slots=True)
class Likeness:
    """
    Fields of both sides of which a rule learns what it is worth that they are alike.

    :ivar left, right: a field of a record, each of :data:`LIKENESS`.
    """

    left: str
    right: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Filter:
    """Which things of a side a rule, or a whole set, looks at; empty: all."""

    kinds: tuple[str, ...] = ()
    bank_codes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """
    One way in which things of both sides belong together.

    :ivar name: what a person reads; unique in its set.
    :ivar keys: all of them must agree; none: amount and day alone decide.
    :ivar amount: None: not compared (with ``partial``: as much as both have).
    :ivar shape: one of :data:`SHAPES`; a side with ``n`` is summed over the first key.
    :ivar unique: both things must be the only candidate of each other.
    :ivar learn: what is compared where weights are learned from the workspace's own data; empty: none are.
    :ivar confirm: False: a person confirms each match.
    :ivar partial: where the right has less, that much is matched and the rest of the left stays open.
    :ivar difference: what a difference within ``amount`` is: (short, over, other currency), each of
        :data:`REASONS`. short: the right has less than the left.
    :ivar interchangeable: things of equal amount and day are settled first in, first out, and the match says so.
    :ivar subset: several things without a common key, if exactly one subset of them sums to the other side.
    :ivar consecutive: several things without a common key that follow each other in their account, if the things of the
        other side that they add up to lie end to end.
    :ivar together: candidates that compete are settled by the best assignment of all of them, not each by its best.
    :ivar coincidence_micro: the most subsets that may be expected to have that sum by accident, or chains of consecutive
        ones, in millionths; of a learned rule, how likely a match may be an accident.
    :ivar reversal: by what a reversal is known, where the shape is ``reversal``; empty: by nothing but its amount.
    """

    name: str
    keys: tuple[Key, ...] = ()
    amount: Amount | None = field(default_factory=Amount)
    days: Days | None = None
    shape: str = "1:1"
    unique: bool = True
    score: Score | None = None
    learn: tuple[Likeness, ...] = ()
    confirm: bool = True
    partial: bool = False
    difference: tuple[str, str, str] = ("short_payment", "over_payment", "fx")
    interchangeable: bool = False
    subset: bool = False
    consecutive: bool = False
    together: bool = False
    coincidence_micro: int = 10_000
    left: Filter = field(default_factory=Filter)
    right: Filter = field(default_factory=Filter)
    reversal: Filter = field(default_factory=Filter)

    @property
    def within(self) -> tuple[str, ...]:
        """Name the sides whose things settle among themselves; empty: things of one side with things of the other."""
        if self.shape not in WITHIN:
            return ()
        return tuple(side for side in ("left", "right") if any(getattr(key, side) for key in self.keys))

    @property
    def tells(self) -> tuple[str, str] | None:
        """Say what its matches tell beside points: the word of the rule, and of what they say how many there are."""
        if self.consecutive:
            return "consecutive", "payouts"
        return ("together", "things") if self.together else None

    @property
    def ranks(self) -> bool:
        """Whether its matches are the best of their candidates by points, so that one comes next."""
        return self.score is not None or bool(self.learn)

    @property
    def weighs_sums(self) -> bool:
        """Whether it says of several things that are one match by how much, and how seldom they are an accident."""
        return self.subset or self.tells is not None

    @property
    def exact(self) -> bool:
        """
        Whether its matches are final at once: an identifier and the exact amount agree, and nothing else does.

        All others stay provisional until they are posted: stronger evidence of a later run wins.
        """
        plain = bool(self.keys) and all(key.how in {"exact", "normalised"} and not key.rewritten for key in self.keys)
        amount = self.amount is not None and self.amount.exact and not self.amount.base
        return plain and amount and self.shape == "1:1" and self.confirm and not self.partial

    @property
    def equal_amounts(self) -> bool:
        """Whether amounts must be equal, in one currency."""
        return self.amount is not None and self.amount.exact and not self.amount.base

    @property
    def cut(self) -> bool:
        """Whether identifiers need not agree as a whole: something of them is left out, or was cut off."""
        return any(key.how == "prefix" or key.rewritten for key in self.keys)

    @property
    def doubtful(self) -> bool:
        """Whether all that brings things of two sides together is a word of a text."""
        return len(self.keys) == 1 and self.keys[0].how == "token" and self.score is None and not self.within


@dataclass(frozen=True, slots=True, kw_only=True)
class RuleSet:
    """
    The rules of one reconciliation, strongest first.

    :ivar claims: what a match uses up of (left, right); ``by kind``: of each record what its kind is for (its first
        claim in ``model.kinds``).
    :ivar group: a field of (left, right) by which records of a side are one thing; None: each is one.
    :ivar polarity: one of :data:`POLARITIES`.
    :ivar aliases: names of one party, for keys with how ``name``, and against the verdict that two names are two parties'.
    :ivar digest: SHA-256 of the file as it was read.
    :ivar calendars: those of the run that rested on it, where that is known: people are told of its days.
    :ivar left, right: which records of a side take part at all.
    """

    id: str
    claims: tuple[str, str]
    group: tuple[str | None, str | None]
    polarity: str
    rules: tuple[Rule, ...]
    digest: str
    aliases: tuple[Alias, ...] = ()
    text: str = field(default="", repr=False)
    calendars: Calendars = field(default_factory=Calendars, repr=False, compare=False)
    left: Filter = field(default_factory=Filter)
    right: Filter = field(default_factory=Filter)
