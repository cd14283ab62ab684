"""
The rules once more, slow and obvious: what a person with a pencil would do, one pair at a time.

Reads rules by itself (``pencil_rules``) and imports nothing from matching; what a side is says ``pencil_sides``, what
settles within one ``pencil_within``, and selections ``pencil_selections``. Currencies have two decimals; business days
are Mondays to Fridays.
"""

import re
import unicodedata
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

from tests.matching.given import DAY, Fact
from tests.matching.pencil_rules import Days, Drop, Key, Rule, head_of, rules_of
from tests.matching.pencil_selections import by_number, chosen
from tests.matching.pencil_sides import Thing, composed, things_of
from tests.matching.pencil_within import Open, netted, taken_back

__all__ = ["Found", "perform"]

_FEW = 5
#: Shorter identifiers begin too many others.
_LONG = 6
#: The shortest field that banks have for a name.
_FIELD = 16
_BANK = {"bank_entry", "bank_detail"}
_OWED = {"invoice", "credit_note"}
_GERMAN = {"ä": "ae", "ö": "oe", "ü": "ue", "Ä": "AE", "Ö": "OE", "Ü": "UE", "ß": "ss"}


@dataclass(frozen=True, slots=True)
class Found:
    """
    One match: what it takes of each of both sides, by id.

    :ivar difference: left - right.
    """

    rule: str
    left: frozenset[tuple[str, int]]
    right: frozenset[tuple[str, int]]
    difference: int = 0


@dataclass(slots=True)
class Pencil:
    """
    What is open of both sides, and what was found; ``seen`` are the keys that earlier rules compared.

    :ivar held: what fits two answers equally well: no later rule takes it.
    :ivar competed, in_order: pairs of which a rule had to choose, and those that it settled in order, as it says.
    :ivar tied: of earlier rules the pairs that competed.
    """

    left: dict[str, Thing]
    right: dict[str, Thing]
    open: dict[str, int]
    grouped: tuple[bool, bool]
    found: list[Found] = field(default_factory=list)
    seen: list[Key] = field(default_factory=list)
    held: set[str] = field(default_factory=set)
    competed: set[tuple[str, str]] = field(default_factory=set)
    in_order: set[tuple[str, str]] = field(default_factory=set)
    tied: list[tuple[Rule, set[tuple[str, str]]]] = field(default_factory=list)

    @property
    def things(self) -> dict[str, Thing]:
        """Give those of both sides."""
        return self.left | self.right


def perform(
    text: str, left: list[Fact], right: list[Fact], rates: dict[str, tuple[int, int]] | None = None
) -> set[Found]:
    """
    Perform the rules of a set, strongest first.

    :param rates: of currencies, what one is in euros, as (numerator, denominator).
    :return: what is taken of each record, as the record counts it.
    """
    head = head_of(text)
    lefts, rights = (things_of(facts, side, head, rates or {}) for side, facts in enumerate((left, right)))
    pencil = Pencil(
        {thing.key: thing for thing in lefts}, {thing.key: thing for thing in rights},
        {thing.key: thing.amount for thing in [*lefts, *rights]}, head.grouped,
    )  # fmt: skip
    for rule in rules_of(text):
        pencil.competed, pencil.in_order = set(), set()
        for match in _settled(pencil, rule, _matches(pencil, rule)):
            pencil.found.append(match)
            for name, taken in [*match.left, *match.right]:
                pencil.open[name] -= taken
        pencil.open = {name: amount for name, amount in pencil.open.items() if amount}
        pencil.tied.append((rule, _tied(pencil)))
        pencil.seen += [key for key in rule.keys if key.how in {"exact", "normalised", "token"}]
    proven = [
        Found(one.rule, one.lines, one.payouts)
        for side, facts in enumerate((left, right))
        for one in composed(facts, side, head)
    ]
    return {_of_records(pencil, match) for match in pencil.found} | set(proven)


def _of_records(pencil: Pencil, match: Found) -> Found:
    """Say of the records what was said of things, with the sign that they have."""
    sides = []
    for taken in (match.left, match.right):
        parts: set[tuple[str, int]] = set()
        for name, amount in taken:
            thing = pencil.things[name]
            whole = len(thing.members) > 1
            parts |= {(record, (brings if whole else amount) * sign) for record, brings, sign in thing.members}
        sides.append(frozenset(parts))
    return Found(match.rule, sides[0], sides[1], match.difference)


def _settled(pencil: Pencil, rule: Rule, matches: list[Found]) -> list[Found]:
    """Leave out what a stronger rule left open between several, if this one compares no more."""
    kept = []
    for match in matches:
        names = {name for name, _ in [*match.left, *match.right]}
        if names & pencil.held and not _by_identifier(rule):
            pencil.held |= names
        else:
            kept.append(match)
    return [match for match in kept if not _is_tied(pencil, rule, match)]


def _is_tied(pencil: Pencil, rule: Rule, match: Found) -> bool:
    """Whether something of it could be another's as well, by an earlier rule that compared all that this one does."""
    lefts, rights = {name for name, _ in match.left}, {name for name, _ in match.right}
    if any((le, ri) in pencil.in_order for le in lefts for ri in rights):
        return False
    if _by_identifier(rule) and rule.within:
        return False
    pairs = {
        pair
        for earlier, pairs in pencil.tied
        if all(any(_tells_nothing_new(key, known) for known in earlier.keys) for key in rule.keys)
        for pair in pairs
    }
    return any(le in pencil.open and ri in pencil.open and (le in lefts) != (ri in rights) for le, ri in pairs)


def _tells_nothing_new(key: Key, known: Key) -> bool:
    """Whether a key agrees wherever another does."""
    hows = {"exact": 0, "normalised": 1, "token": 2, "prefix": 2}
    if key == known or "name" in (key.how, known.how):
        return key == known
    looser = key.how == known.how or hows[key.how] > hows[known.how]
    return looser and known.plain and {*known.left} <= {*key.left} and {*known.right} <= {*key.right}


def _tied(pencil: Pencil) -> set[tuple[str, str]]:
    """Give the pairs that competed of which both are open, and one has another."""
    pairs = {(le, ri) for le, ri in pencil.competed if le in pencil.open and ri in pencil.open}
    return {(le, ri) for le, ri in pairs if not _only(pairs, le, ri)}


def _matches(pencil: Pencil, rule: Rule) -> list[Found]:
    lefts, rights = _looked_at(pencil, rule)
    if rule.within:
        return _within(pencil, rule, lefts, rights)
    if rule.subset:
        return _selected(pencil, rule, lefts, rights)
    if rule.score is not None:
        return _scored(pencil, rule, lefts, rights)
    if rule.shape == "n:m":
        return _whole_keys(pencil, rule, lefts, rights)
    if rule.shape != "1:1":
        return _sums(pencil, rule, lefts, rights)
    if _one_identifier(rule):
        pairs = _identified(pencil, rule, lefts, rights)
    else:
        pairs = {(le, ri) for le in lefts for ri in rights if _candidate(pencil, rule, le, ri)}
        pencil.competed = pairs
    matches = [(le, ri) for le, ri in pairs if _only(pairs, le, ri)]
    if rule.fifo:
        pencil.in_order = {*_in_order(pencil, rule, pairs)}
        matches += pencil.in_order
    if _by_identifier(rule) and rule.amount is not None and not rule.amount.base and not _one_identifier(rule):
        matches = _certain(pencil, rule, lefts, rights, matches)
    return [_pair(pencil, rule, le, ri) for le, ri in matches]


def _by_identifier(rule: Rule) -> bool:
    return any(key.how != "name" for key in rule.keys)


def _looked_at(pencil: Pencil, rule: Rule) -> tuple[list[str], list[str]]:
    """Say what a rule looks at: without an identifier of its own, not at what names something of the other side."""
    lefts, rights = (
        [
            name
            for name, thing in things.items()
            if name in pencil.open
            and (name not in pencil.held or not _by_identifier(rule))
            # A part of several lines would be a part of none of them in particular.
            and not (rule.partial and is_grouped and thing.kind == "settlement")
        ]
        for things, is_grouped in zip((pencil.left, pencil.right), pencil.grouped, strict=True)
    )
    if _by_identifier(rule):
        return lefts, rights
    marks = {name: _marks(fact, 0, pencil.seen) for name, fact in pencil.left.items()}
    marks |= {name: _marks(fact, 1, pencil.seen) for name, fact in pencil.right.items()}
    lefts = [name for name in lefts if not _spoken_for(pencil, marks[name], name, pencil.right, marks)]
    return lefts, [name for name in rights if not _spoken_for(pencil, marks[name], name, pencil.left, marks)]


def _spoken_for(
    pencil: Pencil, said: dict[str, bool], name: str, others: dict[str, Thing], marks: dict[str, dict[str, bool]]
) -> bool:
    """Say whether something of the other side has a mark of what a thing says that few have."""
    facts = pencil.things

    def names(other: str, mark: str) -> bool:
        """Of what is used up only whole identifiers count; an invoice speaks for no refund."""
        known = marks[other].get(mark)
        return (
            known is not None
            and (known or other in pencil.open)
            and (facts[other].amount > 0) == (facts[name].amount > 0)
        )

    for mark, whole in said.items():
        sharing = [other for other in others if names(other, mark)]
        if 0 < len(sharing) <= _FEW and any(whole or marks[other][mark] for other in sharing):
            return True
    return False


def _names_another(pencil: Pencil, rule: Rule, left: str, right: str) -> bool:
    """Say whether, by less than a whole identifier, one would be matched with what it does not name, as it names something."""
    by_name = any(key.how == "name" for key in rule.keys)
    rests_on_names = not _by_identifier(rule) or (rule.score is not None and by_name)
    if rule.within or not (rests_on_names or any(key.how == "prefix" or not key.plain for key in rule.keys)):
        return False
    called = {name: _all_marks(thing) for name, thing in pencil.things.items()}
    mine, theirs = called[left], called[right]
    if any(mine[mark] or theirs[mark] for mark in mine.keys() & theirs.keys()):
        return False
    if not rests_on_names:  # what a document is called says nothing of others
        mine, theirs = (_all_marks(pencil.things[name], spoken=True) for name in (left, right))
    return _spoken_for(pencil, mine, left, pencil.right, called) or _spoken_for(
        pencil, theirs, right, pencil.left, called
    )


def _all_marks(thing: Thing, *, spoken: bool = False) -> dict[str, bool]:
    """Give what a thing is called and says; ``spoken``: of others."""
    fields = ("payment_id", "settlement_id", "references", *(() if thing.kind in _BANK else ("external_id",)))
    marks = {_normal(raw): True for raw in _identifiers(thing, fields)} if not (spoken and thing.kind in _OWED) else {}
    for word in _words(thing, ("references", "text")):
        marks.setdefault(word, False)
    return marks


def _marks(fact: Thing, side: int, keys: list[Key]) -> dict[str, bool]:
    """Give every identifier and word of a fact that rules compared: normal form, and whether it is a whole identifier."""
    marks: dict[str, bool] = {}
    for key in keys:
        names = (key.left, key.right)[side]
        for raw in _identifiers(fact, names):
            marks[_rewritten(raw, key.drop[side], key.letters)] = True
        for word in _words(fact, names) if key.how == "token" else ():
            marks.setdefault(word, False)
    return marks


def _candidate(pencil: Pencil, rule: Rule, left: str, right: str, *, amounts: bool = True) -> bool:
    le, ri = pencil.left[left], pencil.right[right]
    if rule.days is not None and not _in_days(rule.days, le.day, ri.day):
        return False
    if not all(_agrees(key, le, ri) for key in rule.keys) or _names_another(pencil, rule, left, right):
        return False
    return not amounts or _near(rule, *_both(pencil, left, right))


def _missing_elsewhere(pencil: Pencil, met: set[tuple[str, str]], left: str, right: str) -> bool:
    """Whether one half of a pair has something else that is no more than what the other lacks, or could be split for it."""
    missing = pencil.open[left] - pencil.open[right]
    others = [(ri, missing) for le, ri in met if le == left and ri != right]
    others += [(le, -missing) for le, ri in met if ri == right and le != left]
    split = {name for name in pencil.open if sum(name in pair for pair in met) > 1}
    return any(
        lack * pencil.open[name] > 0 and (abs(pencil.open[name]) <= abs(lack) or name in split) for name, lack in others
    )


def _certain(
    pencil: Pencil, rule: Rule, lefts: list[str], rights: list[str], matches: list[tuple[str, str]]
) -> list[tuple[str, str]]:
    """Leave out what is missing elsewhere, and what may belong elsewhere as exactly: all that touches it competes."""
    met = {(le, ri) for le in lefts for ri in rights if _candidate(pencil, rule, le, ri, amounts=False)}
    met = {(le, ri) for le, ri in met if pencil.left[le].currency == pencil.right[ri].currency}
    exact = rule.amount is not None and rule.amount.exact
    if exact and any(key.how == "prefix" for key in rule.keys):
        return matches
    if not exact:
        matches = [(le, ri) for le, ri in matches if not _missing_elsewhere(pencil, met, le, ri)]
    only = {*matches} - pencil.in_order
    kept = []
    for asked in (only, {*matches} - only):  # what is settled in order is asked by itself
        left_out = {pair for pair in asked if _is_contested(pencil, met, asked, *pair)}
        kept += [pair for pair in matches if pair in asked - left_out]
        pencil.competed = pencil.competed | {
            (le, ri) for le, ri in met if any(le == one or ri == other for one, other in left_out)
        }
    pencil.in_order &= {*kept}
    return kept


def _is_contested(
    pencil: Pencil, met: set[tuple[str, str]], chosen: set[tuple[str, str]], left: str, right: str
) -> bool:
    """Whether a half completes another sum, or may be split while something fills what it leaves of the other half."""
    amount = pencil.open
    for le in {le for le, ri in met if ri == right and le != left}:
        if sum(amount[ri] for one, ri in met if one == le) == amount[le]:
            return True
    for ri in {ri for le, ri in met if le == left and ri != right}:
        if sum(amount[le] for le, one in met if one == ri) == amount[ri]:
            return True
    taken = {name for pair in chosen for name in pair}
    spare = {le for le, ri in met if ri == right and le != left and amount[le] * amount[left] > 0} - taken
    fillers = {ri for le, ri in met if le == left and ri != right and amount[ri] * amount[left] > 0} - taken
    return any(
        (le, ri) not in met and abs(amount[ri]) < abs(amount[left]) and abs(amount[ri]) <= abs(amount[le])
        for le in spare for ri in fillers
    )  # fmt: skip


def _in_days(days: Days, left: int, right: int) -> bool:
    """Business days are counted; back to the Friday before on a Sunday only where the window opens backwards."""
    within = days.first <= _apart(days, left, right) <= days.last
    return within and (not days.business or right >= left or days.first < 0)


def _apart(days: Days, left: int, right: int) -> int:
    return _business(right) - _business(left) if days.business else right - left


def _business(day: int) -> int:
    """Count the Mondays to Fridays up to a day, from a Thursday long before."""
    return sum((DAY.weekday() + one) % 7 < 5 for one in range(-70, day + 1))


def _both(pencil: Pencil, left: str, right: str) -> tuple["Money", "Money"]:
    return _money(pencil, left), _money(pencil, right)


def _money(pencil: Pencil, name: str) -> "Money":
    thing, amount = pencil.things[name], pencil.open[name]
    return Money(thing.currency, amount, thing.in_euros(amount))


@dataclass(frozen=True, slots=True)
class Money:
    """An amount, and what it is in euros; None: nobody knows."""

    currency: str
    amount: int
    base: int | None


def _near(rule: Rule, one: Money, other: Money) -> bool:
    if (one.amount > 0) != (other.amount > 0):
        return False
    compared = _compared(rule, one, other)
    return compared is not None and (rule.amount is None or _fits(rule, *compared))


def _compared(rule: Rule, one: Money, other: Money) -> tuple[int, int] | None:
    """Give what is compared of two amounts: in euros where they have two currencies and the rule says so; None: nothing is."""
    base = rule.amount is not None and rule.amount.base
    if one.currency == other.currency:
        if rule.amount is not None and rule.amount.apart:
            return None
        # The tolerance is for the rate.
        return None if base and one.amount != other.amount else (one.amount, other.amount)
    return (one.base, other.base) if base and one.base is not None and other.base is not None else None


def _tolerance(rule: Rule, amount: int) -> int:
    """In minor units of a currency with two decimals."""
    if rule.amount is None:
        return 0
    allowed = []
    if rule.amount.abs_micro is not None:
        allowed.append(rule.amount.abs_micro * 100 // 10**6)
    if rule.amount.pct_micro is not None:
        allowed.append(abs(amount) * rule.amount.pct_micro // 10**8)
    found = (min if rule.amount.take == "tighter" else max)(allowed, default=0)
    return max(found, rule.amount.minor)


def _only(pairs: set[tuple[str, str]], left: str, right: str) -> bool:
    return not any((le == left) != (ri == right) for le, ri in pairs)


def _pair(pencil: Pencil, rule: Rule, left: str, right: str) -> Found:
    one, other = _both(pencil, left, right)
    le, ri = one.amount, other.amount
    if rule.partial:
        taken = le if abs(le) <= abs(ri) else ri
        return Found(rule.name, frozenset({(left, taken)}), frozenset({(right, taken)}))
    compared = _compared(rule, one, other) or (0, 0)
    return Found(rule.name, frozenset({(left, le)}), frozenset({(right, ri)}), compared[0] - compared[1])


# -- one identifier and the exact amount


def _one_identifier(rule: Rule) -> bool:
    exact = rule.amount is not None and rule.amount.exact and not rule.amount.base
    plain = len(rule.keys) == 1 and rule.keys[0].plain and rule.keys[0].how in {"exact", "normalised"}
    return exact and rule.days is None and plain


def _identified(pencil: Pencil, rule: Rule, lefts: list[str], rights: list[str]) -> set[tuple[str, str]]:
    """An identifier speaks for two things if, with the amount, it names them and nothing else."""
    (key,) = rule.keys
    spelled: Callable[[str], str] = (lambda raw: raw) if key.how == "exact" else _normal
    pairs = set()
    for raw in {spelled(raw) for name in lefts for raw in _identifiers(pencil.left[name], key.left)}:
        for amount in {(pencil.open[name], pencil.left[name].currency) for name in lefts}:
            mine, theirs = (
                [
                    name
                    for name in names
                    if (pencil.open[name], facts[name].currency) == amount
                    and raw in {spelled(r) for r in _identifiers(facts[name], fields)}
                ]
                for names, facts, fields in ((lefts, pencil.left, key.left), (rights, pencil.right, key.right))
            )
            if len(mine) == len(theirs) == 1:
                pairs.add((mine[0], theirs[0]))
    return pairs


def _in_order(pencil: Pencil, rule: Rule, pairs: set[tuple[str, str]]) -> list[tuple[str, str]]:
    """
    Pair what is equal to each other, the first with the first: the same candidates and amount, of the larger side also
    the same party, and the same day where whose it is is not known.
    """
    found = []
    known = {name: frozenset(ri for le, ri in pairs if le == name) for name, _ in pairs}
    back = {name: frozenset(le for le, ri in pairs if ri == name) for _, name in pairs}
    for rights in set(known.values()):
        lefts = frozenset(name for name, theirs in known.items() if theirs == rights)
        if len(lefts) + len(rights) == 2 or any(back[name] != lefts for name in rights):
            continue
        both = [[pencil.things[name] for name in names] for names in (lefts, rights)]
        parties = [{_party(pencil, rule, thing) for thing in things} for things in both]
        if any(len({pencil.open[thing.key] for thing in things}) > 1 for things in both):
            continue
        if any(None in whose and len({t.day for t in things}) > 1 for whose, things in zip(parties, both, strict=True)):
            continue
        if all(
            len(whose) > 1 for whose, things in zip(parties, both, strict=True) if len(things) == max(map(len, both))
        ):
            continue
        firsts = [[t.key for t in sorted(things, key=lambda t: (t.day, by_number(t.key)))] for things in both]
        found += list(zip(*firsts, strict=False))
    return found


def _party(pencil: Pencil, rule: Rule, thing: Thing) -> str | None:
    """Say whose a thing is, as far as a rule does not compare it; None: nobody knows."""
    if rule.keys:
        return "known"
    return thing.name.lower() if thing.name and not any(pencil.grouped) else None


# -- several to one


def _sums(pencil: Pencil, rule: Rule, lefts: list[str], rights: list[str]) -> list[Found]:
    """One thing and all that point to it; what points to two belongs to neither."""
    pairs = {(le, ri) for le in lefts for ri in rights if _candidate(pencil, rule, le, ri, amounts=False)}
    base = rule.amount is not None and rule.amount.base
    if not base:
        pairs = {(le, ri) for le, ri in pairs if pencil.left[le].currency == pencil.right[ri].currency}
    if rule.shape == "n:1":
        pairs = {(ri, le) for le, ri in pairs}
    # What names one, but is all of the other sign (a fee), asks nothing of it, unless a part is taken.
    asked = {one for one, other in pairs if (pencil.open[one] > 0) == (pencil.open[other] > 0)}
    asking = pairs if rule.partial else {(one, other) for one, other in pairs if one in asked}
    in_order = rule.shape == "1:n" and (rule.partial or ((rule.amount is None or rule.amount.exact) and not base))
    found, torn = [], dict[str, list[Found]]()
    for one in asked:
        many = {second for first, second in asking if first == one}
        whole = _sum(pencil, rule, one, many)
        if any(second in many and first != one for first, second in asking):
            torn[one], whole = whole, []
        if not whole and in_order:
            whole = _in_time(pencil, rule, one, pairs)
        found += whole
    torn = {one: whole for one, whole in torn.items() if whole}
    if rule.partial:
        return found
    for one, whole in torn.items():
        parts = {second for first, second in asking if first == one}
        pencil.competed |= {
            (second, first) if rule.shape == "n:1" else (first, second) for first, second in asking if second in parts
        }
        if rule.shape == "n:1" and not base and _came_before_others(pencil, asking, {*torn}, one, whole[0].difference):
            found += whole
    return found


def _came_before_others(
    pencil: Pencil, asking: set[tuple[str, str]], torn: set[str], one: str, difference: int
) -> bool:
    """Whether what tears a sum came later, is less than any of its parts, and fits nothing, nor what is missing."""
    parts = {second for first, second in asking if first == one}
    others = {first for first, second in asking if second in parts and first != one}
    later = [abs(pencil.open[other]) for other in others]
    if others & torn or any(pencil.things[other].day <= pencil.things[one].day for other in others):
        return False
    if difference and any(sum(first == other for first, _ in asking) > 1 for other in others):
        return False
    return sum(later) < min(abs(pencil.open[part]) for part in parts) and (
        not difference or min(later) > abs(difference)
    )


def _in_time(pencil: Pencil, rule: Rule, one: str, pairs: set[tuple[str, str]]) -> list[Found]:
    """Match one with what came first for it, until something may be another's or it is too much; nothing else may fit."""
    many = {second for first, second in pairs if first == one}
    shared = {second for second in many if any(other == second and first != one for first, other in pairs)}
    came = {second: pencil.things[second].day for second in many}
    until = min((came[second] for second in shared), default=10**9)
    if rule.partial:
        apart = {second for second in many if (pencil.open[second] > 0) != (pencil.open[one] > 0)}
        alone = {second for second in many - shared if came[second] < until}
        late = {second for second in (many - shared) | apart if came[second] >= until}
        if any(came[second] < until for second in apart):
            return []
        if alone and sum(abs(pencil.open[s]) for s in late) >= min(abs(pencil.open[s]) for s in alone):
            return []
        return _sum(pencil, rule, one, alone)
    same = {second for second in many if (pencil.open[second] > 0) == (pencil.open[one] > 0)}
    kept = set[str]()
    for day in sorted({came[second] for second in same if came[second] < until}):
        more = {second for second in same if came[second] <= day}
        if sum(abs(pencil.open[second]) for second in more) > abs(pencil.open[one]):
            break
        kept = more
    later = sum(abs(pencil.open[second]) for second in same - kept)
    if not kept or later >= min(abs(pencil.open[second]) for second in kept):
        return []
    return _sum(pencil, rule, one, kept)


def _sum(pencil: Pencil, rule: Rule, one: str, many: set[str]) -> list[Found]:
    """Match one thing with several, if their sum, or a part of it, is what it should be."""
    total, whole = _together(pencil, many) if many else None, _together(pencil, {one})
    exact = rule.amount is None or rule.amount.exact
    if total is None or whole is None or len(many) < (2 if exact and not rule.partial else 1):
        return []
    left, right = (whole, total) if rule.shape == "1:n" else (total, whole)
    difference, taken = 0, whole.amount
    if (total.amount > 0) != (whole.amount > 0):
        return []
    if rule.partial:
        several_ways = len({pencil.open[name] > 0 for name in many}) > 1
        if total.currency != whole.currency or abs(total.amount) > abs(whole.amount) or several_ways:
            return []
        taken = total.amount
    else:
        compared = _compared(rule, left, right)
        if compared is None or not _fits(rule, *compared):
            return []
        difference = compared[0] - compared[1]
    ones = frozenset({(one, taken)})
    several = frozenset((name, pencil.open[name]) for name in many)
    return [Found(rule.name, *((ones, several) if rule.shape == "1:n" else (several, ones)), difference)]


def _together(pencil: Pencil, names: set[str]) -> Money | None:
    """Sum what has one currency; None: it has not, or nothing is left of it."""
    things = [pencil.things[name] for name in names]
    total = sum(pencil.open[name] for name in names)
    bases = [_money(pencil, name).base for name in names]
    base = None if None in bases else sum(base for base in bases if base is not None)
    if len({thing.currency for thing in things}) > 1 or not total:
        return None
    return Money(things[0].currency, total, base)


def _fits(rule: Rule, left: int, right: int) -> bool:
    if rule.amount is not None and rule.amount.only == "short" and abs(right) > abs(left):
        return False
    if rule.amount is not None and rule.amount.only == "over" and abs(right) < abs(left):
        return False
    return abs(left - right) <= _tolerance(rule, left)


def _whole_keys(pencil: Pencil, rule: Rule, lefts: list[str], rights: list[str]) -> list[Found]:
    """
    All of both sides that one identifier names, where both sums agree; a thing of two such spoils both.

    Two identifiers that name just the same are one.
    """
    (key,) = rule.keys
    spelled: Callable[[str], str] = (lambda raw: raw) if key.how == "exact" else _normal
    bundles = []
    known = {
        (spelled(raw), pencil.left[name].currency)
        for name in lefts
        for raw in _identifiers(pencil.left[name], key.left)
    }
    for mark, currency in known:
        mine, theirs = (
            [
                n
                for n in names
                if things[n].currency == currency and mark in {spelled(r) for r in _identifiers(things[n], fields)}
            ]
            for names, things, fields in ((lefts, pencil.left, key.left), (rights, pencil.right, key.right))
        )
        equal = sum(pencil.open[n] for n in mine) == sum(pencil.open[n] for n in theirs)
        if mine and theirs and len(mine) + len(theirs) > 2 and equal and (mine, theirs) not in bundles:
            bundles.append((mine, theirs))
    return [
        Found(
            rule.name,
            frozenset((n, pencil.open[n]) for n in mine),
            frozenset((n, pencil.open[n]) for n in theirs),
        )
        for mine, theirs in bundles
        if not any(
            other is not mine and (set(mine) & set(other) or set(theirs) & set(others)) for other, others in bundles
        )
    ]


# -- a selection, and what settles within a side


def _selected(pencil: Pencil, rule: Rule, lefts: list[str], rights: list[str]) -> list[Found]:
    """One thing and the only selection of what could be meant that has its sum."""
    ones, others = (lefts, rights) if rule.shape == "1:n" else (rights, lefts)
    ones = [one for one in ones if one not in pencil.held]
    pools: dict[str, list[Thing]] = {}
    for one in ones:
        for other in others:
            pair = (one, other) if rule.shape == "1:n" else (other, one)
            same = pencil.things[one].currency == pencil.things[other].currency
            if same and _candidate(pencil, rule, *pair, amounts=False):
                pools.setdefault(one, []).append(pencil.things[other])
    found, held = chosen(pools, pencil.open.__getitem__, pencil.open.__getitem__, fifo=rule.fifo)
    pencil.held |= held
    matches = []
    for one, some in found.items():
        ones_taken = frozenset({(one, pencil.open[one])})
        several = frozenset((name, pencil.open[name]) for name in some)
        both = (ones_taken, several) if rule.shape == "1:n" else (several, ones_taken)
        matches.append(Found(rule.name, *both))
    return matches


def _within(pencil: Pencil, rule: Rule, lefts: list[str], rights: list[str]) -> list[Found]:
    things: list[Open] = []
    for side, names in (("left", lefts), ("right", rights)):
        if side in rule.within:
            things += [(side, pencil.things[name], pencil.open[name]) for name in names]
    if rule.shape == "reversal":
        groups = [set(pair) for pair in taken_back(rule, things, _agrees)]
    else:
        groups = netted(rule, things, _spellings, _tolerance(rule, 0))
    matches = []
    for group in groups:
        both = [frozenset((n, pencil.open[n]) for n in group if n in side) for side in (pencil.left, pencil.right)]
        left, right = (sum(amount for _, amount in side) for side in both)
        matches.append(Found(rule.name, both[0], both[1], left - right if both[0] else right))
    return matches


def _spellings(thing: Thing, key: Key, side: str) -> Iterable[str]:
    """Give what the identifiers of a thing are compared by."""
    fields = key.left if side == "left" else key.right
    return [raw if key.how == "exact" else _normal(raw) for raw in _identifiers(thing, fields)]


# -- points


def _scored(pencil: Pencil, rule: Rule, lefts: list[str], rights: list[str]) -> list[Found]:
    """The best of both its sides, ahead of every rival, also of one that has too few points for a match."""
    points = {}
    for le in lefts:
        for ri in rights:
            given = _points(pencil, rule, le, ri)
            if given is not None:
                points[le, ri] = given
    found: list[Found] = []
    if rule.score is None:
        return found
    ahead = max(rule.score.margin, 1)
    for (le, ri), mine in points.items():
        rivals = {pair: other for pair, other in points.items() if (pair[0] == le) != (pair[1] == ri)}
        margin = mine - max(rivals.values(), default=0)
        if mine >= rule.score.at_least and margin >= ahead:
            found.append(_pair(pencil, rule, le, ri))
        elif mine >= rule.score.at_least and margin > -ahead:
            pencil.competed |= {(le, ri), *(pair for pair, other in rivals.items() if other > mine - ahead)}
    return found


def _points(pencil: Pencil, rule: Rule, left: str, right: str) -> int | None:
    """Give the points of a candidate; None where no key brings the two together, or amount or day keeps them apart."""
    le, ri, score = pencil.left[left], pencil.right[right], rule.score
    if score is None or (rule.days is not None and not _in_days(rule.days, le.day, ri.day)):
        return None
    both = _both(pencil, left, right)
    compared = _compared(rule, *both)
    if not _near(rule, *both) or compared is None:
        return None
    named = [_alike(le.name, ri.name) for key in rule.keys if key.how == "name"]
    identifiers = [key for key in rule.keys if key.how != "name"]
    same = bool(identifiers) and all(_agrees(key, le, ri) for key in identifiers)
    if (not same and not any(named)) or _names_another(pencil, rule, left, right):
        return None
    reach = max(_tolerance(rule, pencil.open[left]), 1) * 2
    total = score.amount * (reach - abs(compared[0] - compared[1])) // reach
    if rule.days is not None and score.days:
        far = max(abs(rule.days.first), abs(rule.days.last)) + 1
        total += score.days * (far - min(abs(_apart(rule.days, le.day, ri.day)), far)) // far
    return total + score.name * max(named, default=0) // 100 + (score.reference if same else 0)


# -- identifiers, words, names


def _agrees(key: Key, le: Thing, ri: Thing) -> bool:
    mine, theirs = set(_identifiers(le, key.left)), set(_identifiers(ri, key.right))
    if key.how == "exact":
        return bool(mine & theirs)
    whole_mine = {_rewritten(raw, key.drop[0], key.letters) for raw in mine}
    whole_theirs = {_rewritten(raw, key.drop[1], key.letters) for raw in theirs}
    if key.how == "prefix":
        both = [(one, other) for one in whole_mine for other in whole_theirs if min(len(one), len(other)) >= _LONG]
        return any(one.startswith(other) or other.startswith(one) for one, other in both)
    if key.how == "normalised":
        return bool(whole_mine & whole_theirs)
    if key.how == "token":
        words_mine, words_theirs = _words(le, key.left), _words(ri, key.right)
        return bool(whole_mine & (whole_theirs | words_theirs) or words_mine & whole_theirs)
    return _alike(le.name, ri.name) > 0


def _identifiers(fact: Thing, fields: tuple[str, ...]) -> list[str]:
    said: dict[str, list[str | None]] = {
        "external_id": [fact.id],
        "references": [*fact.refs],
        "payment_id": [fact.payment],
        "settlement_id": [fact.settlement],
    }
    return [raw for name in fields for raw in said.get(name, []) if raw and _normal(raw)]


def _words(fact: Thing, fields: tuple[str, ...]) -> set[str]:
    """Give the words of texts, and up to four neighbours written together; and numbers without the letters before them."""
    texts: dict[str, list[str | None]] = {"text": [fact.text], "references": [*fact.refs], "external_id": [fact.id]}
    found: set[str] = set()
    for text in [t for name in fields for t in texts.get(name, []) if t]:
        words = [word for word in re.split(r"[\W_]+", text.upper()) if word]
        found |= {_normal(m[1]) for m in (re.fullmatch(r"[^\W\d]+(\d{4,})", word) for word in words) if m}
        for size in range(1, 5):
            for start in range(len(words) - size + 1):
                joined = "".join(words[start : start + size])
                if len(joined) >= 4:
                    found.add(_normal(joined))
    return found


def _rewritten(raw: str, drop: Drop, letters: str | None) -> str:
    """Leave out what a rule says, where something is left; zeros that then lead fall away."""
    for sign, two in _GERMAN.items() if letters == "german" else ():
        raw = raw.replace(sign, two)
    form = _normal(raw)
    if drop.prefix and form.startswith(drop.prefix) and len(form) > len(drop.prefix):
        form = form[len(drop.prefix) :]
    if drop.suffix and form.endswith(drop.suffix) and len(form) > len(drop.suffix):
        form = form[: -len(drop.suffix)]
    if drop.last and len(form) > drop.last:
        form = form[: -drop.last]
    return _normal(form)


def _normal(raw: str) -> str:
    folded = unicodedata.normalize("NFKD", raw).upper()
    kept = [c for c in folded if c.isalnum() and not unicodedata.combining(c)]
    return "".join(str(unicodedata.decimal(c, c)) for c in kept).lstrip("0")


def _alike(mine: str | None, theirs: str | None) -> int:
    """Say how alike two names are, of 100: but for case, marks and legal form; or one cut off."""
    if not mine or not theirs:
        return 0
    forms = [re.sub(r"[\s.,]+(GMBH|AG|LTD)\.?([\s.,].*)?$", "", name.upper()) for name in (mine, theirs)]
    if sorted(_parts(forms[0])) == sorted(_parts(forms[1])) or _normal(mine) == _normal(theirs):
        return 100
    if _normal(forms[0])[:6] != _normal(forms[1])[:6]:
        return 0
    if _normal(forms[0]) == _normal(forms[1]):
        return 100
    short, long = sorted((" ".join(_parts(mine)), " ".join(_parts(theirs))), key=len)
    return 85 if long.startswith(f"{short} ") or (long.startswith(short) and len(short) >= _FIELD) else 0


def _parts(name: str) -> list[str]:
    """Give the words of a name."""
    return [_normal(word) for word in re.split(r"[\W_]+", name) if _normal(word)]
