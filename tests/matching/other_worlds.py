"""
Small worlds of other makes: amounts at rates, settlements that are one thing, selections; each with the rules for it.

As in ``small_worlds`` nothing in one looks like anything in another, so that many share a run.
"""

import random
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any

from tests.matching.given import Fact
from tests.matching.small_worlds import CURRENCIES, MENU, Small, code_of, small_world, tag_of
from tests.matching.worlds import invoice, line

__all__ = ["FAMILIES", "RATES", "Family"]

#: Of each currency what one is in euros, as (numerator, denominator).
RATES = {code: (37 + 13 * n % 190, 100) for n, code in enumerate(CURRENCIES) if code != "EUR"}


@dataclass(frozen=True, slots=True)
class Family:
    """Worlds of one make: the rules that cascades are drawn of, what their set says of both sides, and how one is drawn."""

    menu: dict[str, dict[str, str]]
    small: Callable[[random.Random, int], Small]
    head: dict[str, str] = field(default_factory=dict)


_IDS = MENU["normalised"]["keys"]
_WORDS = MENU["word"]["keys"]
_NAME = MENU["points"]["keys"]
_WINDOW = MENU["only amount"]["days"]


def _turned(draw: random.Random, number: int) -> Small:
    small = small_world(draw, number)
    return Small(small.left, [replace(fact, amount=-fact.amount) for fact in small.right])


#: Without an identifier or a name everything of two currencies would be compared, across all worlds.
_OF_ONE: tuple[str, ...] = (
    "exact",
    "normalised",
    "normalised in days",
    "word",
    "begins",
    "near",
    "short",
    "several to one",
)
_OF_ONE += ("one to several", "several, less", "all of a key", "part", "points", "nets", "taken back")
_AT_RATES = {
    **{name: MENU[name] for name in _OF_ONE},
    "at rates": {"keys": _IDS, "amount": '{ pct = "5", base = true }'},
    "at rates, words": {"keys": _WORDS, "amount": '{ abs = "0.05", base = true }', "days": _WINDOW},
    "at rates alone": {"keys": _WORDS, "amount": '{ pct = "5", base = "apart" }', "days": _WINDOW},
    "at rates, just so": {"keys": _IDS, "amount": "{ base = true }"},
    "at rates, less": {"keys": _WORDS, "amount": '{ pct = "8", base = true, only = "short" }'},
    "sums at rates": {"keys": _WORDS, "shape": '"n:1"', "amount": '{ pct = "4", base = true }'},
    "sums at rates, right": {"keys": _WORDS, "shape": '"1:n"', "amount": '{ pct = "4", base = true, only = "over" }'},
    "sums at rates alone": {"keys": _WORDS, "shape": '"n:1"', "amount": '{ pct = "4", base = "apart" }'},
    "several just at rates": {"keys": _WORDS, "shape": '"n:1"', "amount": "{ base = true }"},
    "points at rates": {
        "keys": _NAME, "days": _WINDOW, "amount": '{ pct = "5", base = true }',
        "score": "{ amount = 40, days = 30, name = 30 }", "at_least": "50", "margin": "5",
    },
}  # fmt: skip


def _at_rates(draw: random.Random, number: int) -> Small:
    """Two currencies in one world; some lines have what a document comes to at the rate, nearly."""
    small = small_world(draw, number)
    other = CURRENCIES[(number + 1) % len(CURRENCIES)]
    left = [
        replace(f, amount=f.amount * 100, currency=draw.choice([f.currency, f.currency, other])) for f in small.left
    ]
    right = []
    for fact in small.right:
        of = draw.choice(left)
        currency = draw.choice([fact.currency, other, other])
        (one, per), (two, each) = RATES.get(of.currency, (1, 1)), RATES.get(currency, (1, 1))
        near = of.amount * one * each // (per * two) + draw.choice([0, 0, 1, -1, 40, -40])
        amount = draw.choice([fact.amount * 100, near, near]) or 1
        day = draw.choice([fact.day, fact.day, fact.day, 12])  # when no rate is known any more
        right.append(
            replace(fact, amount=amount, currency=currency, day=day, refs=(*fact.refs, *draw.choice([(), (of.id,)])))
        )
    return Small(left, right)


_SETTLED = '[{ left = ["settlement_id", "external_id", "references"], right = ["references", "text"], how = "token" }]'
_BY_ID = '[{ left = "settlement_id", right = "references", how = "normalised" }]'
_GROUPED = {
    "settlement": {"keys": _SETTLED},
    "settlement in days": {"keys": _SETTLED, "days": _WINDOW},
    "settlement in lines": {"keys": _SETTLED, "shape": '"1:n"'},
    "settlements in a line": {"keys": _SETTLED, "shape": '"n:1"'},
    "settlement nearly": {"keys": _SETTLED, "amount": '{ abs = "0.10", pct = "5", take = "wider" }'},
    "part of a payout": {"keys": _SETTLED, "partial": "true"},
    "parts of a payout": {"keys": _SETTLED, "partial": "true", "shape": '"1:n"'},
    "by its id": {"keys": _BY_ID},
    "all of its id": {"keys": _BY_ID, "shape": '"n:m"'},
    "nets by its id": {"keys": _BY_ID, "shape": '"net"'},
    "returned": {
        "keys": '[{ left = ["external_id", "references"] }]',
        "shape": '"reversal"',
        "days": _WINDOW.replace("-2", "0"),
    },
    "only amount": {"days": _WINDOW},
    "near amount": {"days": _WINDOW, "amount": '{ abs = "0.05" }'},
}
_HEAD = {
    "claims": '{ left = "settlement", right = "bank" }', "group": '{ left = "settlement_id" }', "polarity": '"by kind"',
}  # fmt: skip


def _grouped(draw: random.Random, number: int) -> Small:
    """Settlements of a platform, with and without a payout, and a bank's lines of which some name them."""
    tag, currency = tag_of(number), CURRENCIES[number]
    left: list[Fact] = []
    wholes: dict[str, int] = {}
    for n in range(draw.randint(1, 3)):
        settlement = f"{tag}S{n}"
        lines = []
        for place in range(draw.randint(1, 4)):
            amount = draw.choice([100, 60, 40, 130, -60, -100])
            lines.append(
                Fact(
                    source="a", id=f"{tag}{n}L{place}", amount=amount, kind="charge" if amount > 0 else "refund",
                    fee=draw.choice([0, 0, 3]), settlement=draw.choice([settlement] * 9 + [None]), day=draw.randint(0, 4),
                    currency=currency, refs=draw.choice([(), (f"{tag}9",)]),
                )
            )  # fmt: skip
        left += lines
        wholes[settlement] = sum(f.amount - f.fee for f in lines if f.settlement)
        for again in range(draw.choice([0, 0, 1, 1, 2])):
            paid = wholes[settlement] if not again else draw.choice([-wholes[settlement], 60])
            kind = "payout" if not again else draw.choice(["payout", "payout_reversal"])
            amount = -(paid if draw.random() < 0.8 else paid + 10) or -50
            refs = (f"{tag}{n}P{again - 1}",) if again else ()
            left.append(
                Fact(
                    source="a", id=f"{tag}{n}P{again}", amount=amount, kind=kind, settlement=settlement,
                    day=draw.randint(2, 5), currency=currency, refs=refs,
                )
            )  # fmt: skip
    right = []
    for n in range(draw.randint(1, 4)):
        some = draw.sample(sorted(wholes), min(len(wholes), draw.choice([0, 1, 1, 1, 2])))
        amount = draw.choice([sum(wholes[name] for name in some), 100, 60, -60, *wholes.values()]) or 100
        said: dict[str, Any] = {"day": draw.randint(1, 6), "currency": currency, "name": None}
        said["text"] = "payout " + " ".join(some) if some and draw.random() < 0.7 else None
        said["refs"] = tuple(some) if draw.random() < 0.4 else ()
        right.append(line(f"{tag}R{n}", amount, **said))
    return Small(left, right)


_SELECTION = {"shape": '"n:1"', "subset": "true", "coincidence": '"1"'}
_SELECTIONS = {
    "selection by name": {"keys": _NAME, **_SELECTION},
    "selection by name, in days": {"keys": _NAME, "days": _WINDOW, **_SELECTION},
    "selection in order": {"keys": _NAME, "equal": '"fifo"', **_SELECTION},
    "selection of parts": {"keys": _WORDS, **_SELECTION, "shape": '"1:n"'},
    "selection by name and word": {"keys": f"[{_NAME[1:-1]}, {_WORDS[1:-1]}]", **_SELECTION},
    "selection of anybody's": {"days": _WINDOW, **_SELECTION},
    **{
        name: MENU[name]
        for name in ("exact", "word", "only amount", "in order by name", "part", "near", "points", "nets")
    },
}


def _selections(draw: random.Random, number: int) -> Small:
    """Amounts that hardly any sum has by accident, but for the sums that are drawn twice."""
    tag, code, currency = tag_of(number), code_of(number), CURRENCIES[number]
    named: list[str | None] = [f"{code} Meier GmbH", f"{code} MEIER", f"{code} Meier Handel"]
    names: list[str | None] = draw.choice([[None], [None], named])

    def common(day: int) -> dict[str, Any]:
        return {"currency": currency, "day": day, "name": draw.choice(names)}

    amounts = [draw.randint(100_000, 9_999_999) for _ in range(draw.randint(2, 5))]
    if draw.random() < 0.3:
        amounts.append(amounts[0])
    if draw.random() < 0.3:
        amounts.append(-draw.randint(10_000, 99_999))
    if draw.random() < 0.4 and len(amounts) > 2:
        amounts.append(amounts[0] + amounts[1] - amounts[2] or 77_777)
    left = [
        invoice(f"{tag}{n}", amount, kind="invoice" if amount > 0 else "credit_note", **common(draw.randint(0, 3)))
        for n, amount in enumerate(amounts)
    ]
    right: list[Fact] = []
    for n in range(draw.randint(1, 3)):
        some = draw.sample(left, draw.randint(1, min(4, len(left))))
        amount = draw.choice([sum(f.amount for f in some)] * 4 + [draw.randint(100_000, 9_999_999)]) or 1
        text = "pays " + " and ".join(f.id for f in draw.choice([some, left])) if draw.random() < 0.4 else None
        parts = [amount]
        if text and draw.random() < 0.3:
            first = draw.randint(1, 99_999)
            parts = [first, amount - first or 1]
        right += [line(f"{tag}R{n}P{p}", part, text=text, **common(draw.randint(0, 5))) for p, part in enumerate(parts)]
    return Small(left, right)


FAMILIES = {
    "plain": Family(MENU, small_world),
    "opposite": Family(MENU, _turned, {"polarity": '"opposite"'}),
    "at rates": Family(_AT_RATES, _at_rates),
    "grouped": Family(_GROUPED, _grouped, _HEAD),
    "selections": Family(_SELECTIONS, _selections),
}
