"""
What a match rests on: field by field, and as one sentence.

Told when it is read, from the rules that a run rested on and the records: ``explain``, the console and exports say the
same, and no run is slower for it.
"""

from __future__ import annotations

import json
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from tieout.config.calendars import Calendars
from tieout.errors import WrongUse
from tieout.matching.comparing.agreeing import SAME, compared_by, days_missed
from tieout.matching.comparing.two_names import names_of_two
from tieout.matching.grammar.reading import read_rules
from tieout.matching.grammar.rules import Key
from tieout.store import schema

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tieout.matching.grammar.rules import Alias, Rule, RuleSet

    #: By field, or both fields of a key: {left, right, agree}; agree is None where nothing tells: names that are neither
    #: one name nor shown to be two parties'; ``cut``: one name is only the beginning of the other; ``part``: the amount is
    #: what was taken of both, and was not compared.
    Fields = dict[str, dict[str, Any]]
    Row = dict[str, Any]

__all__ = ["BESIDE_FIELDS", "RulesOfRuns", "fields_of", "runners_up", "sentence", "why_matched"]

#: So many records of a side are named; so many signs of a text.
_NAMED_MAX = 3
_SIGNS_MAX = 80
#: By the shape of a rule that takes a part, why nothing else is it.
_NO_OTHER_PART = {
    "1:1": "no other candidate on either side",
    "1:n": "whatever else shares it came later",
    "n:1": "nothing else shares it",
}
#: What evidence tells beside the fields that were compared.
BESIDE_FIELDS = ("consecutive", "together", "runner_up")
_CALLED = {"booked_on": "booking day", "value_on": "value day", "due_on": "due day"}


class RulesOfRuns:
    """The rule sets that runs rested on, by the texts that the book keeps."""

    def __init__(self, connection: sa.Connection, runs: dict[str, Row]) -> None:
        """Read them when they are asked for."""
        self._connection, self._runs = connection, runs
        self._read: dict[str, RuleSet | None] = {}

    def of(self, run_id: str) -> RuleSet | None:
        """Give the rules of a run, with the calendars that it rested on; None: it has none."""
        every = json.loads(self._runs[run_id]["inputs"])
        if "rules" not in every:
            return None
        inputs = {n: d for n, d in every.items() if n in {"rules", "tieout.toml"} or n.startswith("calendars/")}
        asked = json.dumps(inputs, sort_keys=True)
        if asked not in self._read:
            self._read[asked] = self._rules_of(inputs)
        return self._read[asked]

    def _rules_of(self, inputs: dict[str, str]) -> RuleSet | None:
        table = schema.text_version
        query = sa.select(table.c.digest, table.c.body).where(table.c.digest.in_(inputs.values()))
        bodies = {row.digest: row.body for row in self._connection.execute(query)}
        texts = {name: bodies[digest] for name, digest in inputs.items() if digest in bodies}
        if "rules" not in texts:
            return None
        try:
            rules = read_rules(texts["rules"], "rules", kept=True)
        except WrongUse:  # of a version that knew other words
            return None
        return replace(rules, calendars=Calendars.kept(texts))

    def rule(self, run_id: str, name: str) -> tuple[RuleSet, Rule] | None:
        """Give a rule of a run with its set."""
        rules = self.of(run_id)
        found = next((rule for rule in rules.rules if rule.name == name), None) if rules else None
        return (rules, found) if rules and found else None


def fields_of(
    known: tuple[RuleSet, Rule] | None, left: Sequence[Row], right: Sequence[Row], amounts: tuple[str, str] | None
) -> Fields:
    """
    Say of each field that a rule compared, and of amount, currency, day and name anyway, what each side says of it.

    A field agrees if each record of both sides agrees with one of the other; of names nothing may tell (None).

    :param known: the rule and its set; None: a person put them together.
    :param left, right: records, as many of each as are known.
    :param amounts: what is compared of both sides, as text.
    """
    found: Fields = {}
    if known and known[1].within:
        return _within(known[1], left, right, amounts)
    for key in known[1].keys if known else ():
        aliases = known[0].aliases if known else ()
        pairs = [[compared_by(key, one, other, aliases) for other in right] for one in left]
        agreeing = [one for row in pairs for one in row if one.agree] or [one for row in pairs for one in row]
        agree = bool(pairs) and all(any(o.agree for o in row) for row in pairs)
        agree = agree and all(any(row[n].agree for row in pairs) for n in range(len(right)))
        mine, theirs = agreeing[0].fields if agreeing else (key.left[0], key.right[0])
        said = [_listed([one.said[place] for one in agreeing]) for place in (0, 1)]
        name = mine if mine == theirs else f"{mine}/{theirs}"
        found[name] = {"left": said[0], "right": said[1], "agree": agree}
        if agree and any(one.agree < SAME for one in agreeing):
            found[name]["cut"] = True
    if amounts is not None:
        found["amount"] = {"left": amounts[0], "right": amounts[1], "agree": _same_size(*amounts)}
        if known and known[1].partial:
            found["amount"]["part"] = True
    if not left or not right:
        return found
    currencies = [_listed([row["currency"] for row in side]) for side in (left, right)]
    found["currency"] = {"left": currencies[0], "right": currencies[1], "agree": currencies[0] == currencies[1]}
    found |= _day_of(known, left, right)
    names = [[row["counterparty"] for row in side if row.get("counterparty")] for side in (left, right)]
    if all(names) and not any("counterparty" in field for field in found):
        one_party = _one_party(names[0], names[1], known[0].aliases if known else ())
        found["counterparty"] = {"left": _listed(names[0]), "right": _listed(names[1]), "agree": one_party}
    return found


def _one_party(left: Sequence[str], right: Sequence[str], aliases: Sequence[Alias]) -> bool | None:
    """
    Say whether names of both sides are one party's, each being one of the other side's; None: nothing tells.

    Anna Schmidt and Anna Meier have a word in common: that shows neither one party nor two.
    """
    apart, rows = [], []
    for one in left:
        two = names_of_two([one] * len(right), list(right))
        apart += two
        rows.append([_same_name(one, other, aliases, two=far) for other, far in zip(right, two, strict=True)])
    if all(map(any, rows)) and all(map(any, zip(*rows, strict=True))):
        return True
    return False if any(apart) else None


def _same_name(one: str, other: str, aliases: Sequence[Alias], *, two: bool) -> bool:
    if one == other:
        return True
    if two and not aliases:
        return False
    names = Key(("counterparty",), ("counterparty",), "name")
    return compared_by(names, {"counterparty": one}, {"counterparty": other}, aliases).agree == SAME


def _within(rule: Rule, left: Sequence[Row], right: Sequence[Row], amounts: tuple[str, str] | None) -> Fields:
    """
    Say what the records of a match that settles within a side have in common: each with the first, and of both sides the sums.
    """
    rows = [("left", row) for row in left] + [("right", row) for row in right]
    found: Fields = {}
    for key in rule.keys if len(rows) > 1 else ():
        side, first = rows[0]
        told = [(other, compared_by(key.between(side, other), first, row)) for other, row in rows[1:]]
        said: dict[str, list[str | None]] = {"left": [], "right": []}
        for other, one in told:
            said[side].append(one.said[0])
            said[other].append(one.said[1])
        name = "/".join(dict.fromkeys(field for _, one in told for field in one.fields))
        agree = all(one.agree for _, one in told)
        found[name] = {"left": _listed(said["left"]), "right": _listed(said["right"]), "agree": agree}
    if amounts is not None:
        found["amount"] = {"left": amounts[0], "right": amounts[1], "agree": _same_size(*amounts)}
    currencies = [_listed([row["currency"] for row in side]) for side in (left, right)]
    found["currency"] = {"left": currencies[0], "right": currencies[1], "agree": True}
    return found


def _same_size(one: str, other: str) -> bool:
    return one.lstrip("-") == other.lstrip("-")


def _day_of(known: tuple[RuleSet, Rule] | None, left: Sequence[Row], right: Sequence[Row]) -> Fields:
    days = known[1].days if known else None
    names = (days.left, days.right) if days else ("booked_on", "booked_on")
    said = [
        [day for row in side if (day := row.get(name) or row.get("booked_on")) is not None]
        for side, name in zip((left, right), names, strict=True)
    ]
    if not all(said):
        return {}
    if known is None or days is None:
        agree = min(said[0]) == max(said[0]) == min(said[1]) == max(said[1])
    else:
        apart = [days_missed(days, one, other, known[0].calendars) for one in left for other in right]
        agree = all(found is None or not found[1] for found in apart)
    field = names[0] if names[0] == names[1] else "/".join(names)
    spans = [str(min(one)) if min(one) == max(one) else f"{min(one)} to {max(one)}" for one in said]
    return {field: {"left": spans[0], "right": spans[1], "agree": agree}}


def _listed(said: Sequence[str | None]) -> str | None:
    """Name a few things, each once, and count the others."""
    plain = list(dict.fromkeys(one if len(one) <= _SIGNS_MAX else f"{one[: _SIGNS_MAX - 3]}..." for one in said if one))
    more = len(plain) - _NAMED_MAX
    return ", ".join(plain[:_NAMED_MAX]) + (f" and {more} more" if more > 0 else "") if plain else None


def sentence(fields: Fields) -> str | None:
    """Say which fields agree, which differ, and of which nothing tells."""
    near = [name for name, one in fields.items() if one["agree"] and name in _CALLED and one["left"] != one["right"]]
    cut = [name for name, one in fields.items() if one.get("cut")]
    taken = [name for name, one in fields.items() if one.get("part")]
    agreeing = [_words(name) for name, one in fields.items() if one["agree"] and name not in (*near, *cut, *taken)]
    differing = [
        f"{_words(name)} ({one['left'] or 'nothing'} against {one['right'] or 'nothing'})"
        for name, one in fields.items()
        if one["agree"] is False
    ]
    unclear = [name for name, one in fields.items() if one["agree"] is None]
    parts = ["same " + ", ".join(agreeing)] if agreeing else []
    parts += [f"{_words(name)} begins alike ({fields[name]['left']} against {fields[name]['right']})" for name in cut]
    parts += [f"{_words(name)} within the rule's days" for name in near]
    parts += [
        f"{_words(name)} written otherwise ({fields[name]['left']} against {fields[name]['right']})" for name in unclear
    ]
    parts += ["other " + ", ".join(differing)] if differing else []
    return "; ".join(parts) or None


def _words(field: str) -> str:
    return " and ".join(_CALLED.get(name, name.replace("_", " ")) for name in field.split("/"))


def runners_up(match: Row) -> list[Row]:
    """Give who came next to a match: one, or none."""
    return [match["evidence"]["runner_up"]] if "runner_up" in match["evidence"] else []


def why_matched(match: Row, rule: Rule | None = None) -> str | None:
    """
    Say what a match rests on beside its fields: points, runner-up, chance; None: there is nothing more to say.

    :param match: with ``evidence``, ``score``, ``margin`` and ``coincidence``, as the lake has them; who came next may have
        an ``external_id`` there.
    """
    score, margin, evidence = match["score"], match["margin"], match["evidence"]
    millionths = match["coincidence"]
    gated = rule is None or rule.score is None or rule.score.coincidence_micro is not None
    chance = None if millionths is None or not gated else f"by accident: {millionths:,} in a million"
    if "consecutive" in evidence:
        payouts = evidence["consecutive"]["payouts"]
        said = "the only run of consecutive lines with that sum"
        if payouts > 1:
            said = f"consecutive lines, and one of {payouts:,} payouts in a row whose lines follow each other without a gap"
        ordered = "" if margin is None else "equal amounts of one moment by their numbers"
        return "; ".join(part for part in (said, ordered, chance) if part)
    if score is None:
        return None if rule is None else "; ".join(part for part in (_the_only(rule, margin), chance) if part)
    said = f"{score:,} points"
    if "together" in evidence:
        things = evidence["together"]["things"]
        said += f"; of {things:,} that compete, all together would have {margin:,} fewer without this match"
    elif margin is not None and margin == score:
        said += ", and nothing else competes"
    elif margin is not None:
        said += f", {margin:,} ahead of the next best"
        said += "".join(f", {one.get('external_id') or one['record_id'][:12]}" for one in runners_up(match))
    return said if chance is None else f"{said}; {chance}"


def _the_only(rule: Rule, margin: int | None) -> str:
    """Say why there was no choice, or how it was settled."""
    if rule.interchangeable and margin == 0:
        return "others of the same amount fit as well: settled by date, then by id, as the rule says"
    if rule.within:
        return _settled_within(rule)
    if rule.subset:
        return "the only selection with that sum"
    if rule.partial:
        return f"as much as both have; {_NO_OTHER_PART[rule.shape]}"
    return "no other candidate on either side" if rule.shape == "1:1" else _the_only_sum(rule)


def _the_only_sum(rule: Rule) -> str:
    if rule.shape == "1:n" and (rule.amount is None or rule.equal_amounts):
        return "together they come to the sum; whatever else shares it came later, and is less than any of them"
    said = "all that share it, and together they come to the sum"
    return said if rule.amount is None or rule.equal_amounts else f"{said} but for what the rule allows"


def _settled_within(rule: Rule) -> str:
    if rule.shape == "reversal":
        return "an item and its reversal: opposite amounts, and neither could be another's"
    where = "both sides" if len(rule.within) > 1 else f"the {rule.within[0]}"
    exact = rule.amount is not None and rule.amount.exact
    said = f"all that is open under it on {where}, and it comes to zero"
    return said if exact else f"{said} but for what the rule allows"
