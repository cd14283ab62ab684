"""Small worlds of documents and a bank's lines, drawn so that many of them share a run, and rules for them."""

import random
import string
from dataclasses import dataclass
from typing import Any

from tests.matching.worlds import Fact, invoice, line
from tieout.model.money import exponent_of, exponents

__all__ = ["CURRENCIES", "MENU", "Small", "code_of", "small_world", "tag_of"]

WORLDS_IN_A_RUN = 100

#: Currencies of two decimals: each small world has one of its own, so that a hundred of them share a run.
CURRENCIES = sorted(code for code in exponents() if exponent_of(code) == 2)[:WORLDS_IN_A_RUN]
_IDS = '[{{ left = ["external_id", "references"], right = ["external_id", "references"], how = "{}" }}]'
_WORDS = '[{ left = ["external_id", "references"], right = ["references", "text"], how = "token" }]'
_NAME = '[{ left = "counterparty", right = "counterparty", how = "name" }]'
_BOTH = f"[{_NAME[1:-1]}, {_IDS.format('normalised')[1:-1]}]"
_LOOSE = '[{{ left = "external_id", right = "references", how = "{}"{} }}]'
_OWN = '[{{ {} = ["external_id", "references"], how = "{}" }}]'
_WINDOW = "{ from = -2, to = 3 }"
_LATER = "{ from = 0, to = 3 }"
#: The rules of which cascades are drawn.
MENU = {
    "exact": {"keys": _IDS.format("exact")},
    "normalised": {"keys": _IDS.format("normalised")},
    "normalised in days": {"keys": _IDS.format("normalised"), "days": _WINDOW},
    "word": {"keys": _WORDS},
    "begins": {"keys": _LOOSE.format("prefix", "")},
    "begins in days": {"keys": _LOOSE.format("prefix", ""), "days": _WINDOW},
    "without its end": {"keys": _LOOSE.format("normalised", ', drop = { right = { suffix = "X7" } }')},
    "without the last": {"keys": _LOOSE.format("normalised", ", drop = { right = { last = 2 } }"), "days": _WINDOW},
    "as Germans write": {"keys": _LOOSE.format("normalised", ', letters = "german"')},
    "business days": {"days": '{ from = 0, to = 2, calendar = "ECB" }'},
    "business days, back": {"keys": _WORDS, "days": '{ from = -2, to = 1, calendar = "ECB" }'},
    "word and name": {"keys": f"[{_WORDS[1:-1]}, {_NAME[1:-1]}]"},
    "near": {"keys": _IDS.format("normalised"), "amount": '{ abs = "0.10", pct = "20", take = "tighter" }'},
    "near or wider": {"keys": _WORDS, "amount": '{ abs = "0.10", pct = "20", take = "wider" }', "days": _WINDOW},
    "short": {"keys": _WORDS, "amount": '{ pct = "15", only = "short" }'},
    "only amount": {"days": _WINDOW},
    "only amount, any day": {"amount": '"exact"'},
    "near amount": {"days": _WINDOW, "amount": '{ abs = "0.05" }'},
    "in order": {"days": _WINDOW, "equal": '"fifo"'},
    "in order by name": {"keys": _NAME, "equal": '"fifo"'},
    "several to one": {"keys": _WORDS, "shape": '"n:1"'},
    "one to several": {"keys": _WORDS, "shape": '"1:n"'},
    "several, less": {"keys": _WORDS, "shape": '"n:1"', "amount": '{ pct = "15", only = "short" }'},
    "all of a key": {"keys": _IDS.format("normalised"), "shape": '"n:m"'},
    "all of a spelling": {"keys": _IDS.format("exact"), "shape": '"n:m"'},
    "part": {"keys": _WORDS, "partial": "true"},
    "parts": {"keys": _WORDS, "partial": "true", "shape": '"1:n"'},
    "part of several": {"keys": _WORDS, "partial": "true", "shape": '"n:1"'},
    "nets": {"keys": _OWN.format("left", "normalised"), "shape": '"net"'},
    "nets in days": {"keys": _OWN.format("right", "exact"), "shape": '"net"', "days": "{ from = 0, to = 1 }"},
    "nets on both sides": {"keys": _IDS.format("normalised"), "shape": '"net"'},
    "nearly nets": {"keys": _IDS.format("exact"), "shape": '"net"', "amount": '{ abs = "0.10" }'},
    "taken back": {"keys": _OWN.format("left", "normalised"), "shape": '"reversal"', "days": _LATER},
    "taken back by a credit note": {
        "keys": _OWN.format("left", "normalised"), "shape": '"reversal"', "days": _LATER,
        "reversal": '{ kinds = ["credit_note"] }',
    },
    "taken back, in words": {
        "keys": '[{ right = ["external_id", "references", "text"], how = "token" }]', "shape": '"reversal"', "days": _LATER,
    },
    "points": {
        "keys": _NAME, "days": _WINDOW, "amount": '{ abs = "0.10" }', "score": "{ amount = 40, days = 30, name = 30 }",
        "at_least": "60", "margin": "10",
    },
    "points for both": {
        "keys": _BOTH, "days": '{ from = -2, to = 3, calendar = "ECB" }', "amount": '{ abs = "0.10" }',
        "score": "{ amount = 30, days = 20, name = 20, reference = 30 }", "at_least": "55",
    },
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Small:
    """One small world: nothing in it looks like anything in another."""

    left: list[Fact]
    right: list[Fact]


def tag_of(number: int) -> str:
    """Give what all identifiers of a world begin with, and of no other."""
    return f"W{number:03}Q"


def code_of(number: int) -> str:
    """Give what all names of a world begin with."""
    return "".join(string.ascii_uppercase[number // 26**place % 26] for place in range(6))


def small_world(draw: random.Random, number: int, currencies: int = len(CURRENCIES)) -> Small:
    """
    Draw a world whose identifiers and names carry its number, and its currency until there are no more.

    :param currencies: how many of the list are used; worlds that share one differ in their amounts.
    """
    times = 1 + number // currencies
    code, tag = code_of(number), tag_of(number)

    def spelled(mark: int) -> str:
        return draw.choice(
            [
                f"{tag}{mark}",
                f"{tag}{mark}",
                f"w{number:03}-q{mark}",
                f"00{tag}-{mark}",
                f"{tag}{mark}X7",
                f"{tag}{mark}\u00e4",
            ]
        )

    def common() -> dict[str, Any]:
        return {
            "currency": CURRENCIES[number % currencies],
            "day": draw.randint(0, 5),
            "refs": tuple(spelled(draw.randint(0, 4)) for _ in range(draw.choice([0, 0, 1, 1, 2]))),
            "name": draw.choice([None, f"{code} Meier GmbH", f"{code} MEIER", f"{code} Meier Handel", f"{code} Otto"]),
        }

    amounts = draw.choice(
        [[100], [30, 40, 60, 70, 100, 130], [99, 100, 101, 105, 110, -110], [50, 100, 150, -50, -100]]
    )
    amounts = [amount * times for amount in amounts]
    ends = draw.choice(["", "", "", "AE"])
    drawn = [(n, draw.choice(amounts)) for n in range(draw.randint(1, 5))]
    left = [
        invoice(f"{tag}{n}{ends}", amount, kind="invoice" if amount > 0 else "credit_note", **common())
        for n, amount in drawn
    ]
    right = []
    for n in range(draw.randint(1, 5)):
        some = draw.sample(left, min(len(left), draw.choice([0, 0, 1, 1, 1, 2, 3])))
        amount = draw.choice([*amounts, sum(f.amount for f in some) or 100, *(f.amount for f in some)])
        said = {**common(), "text": "pays " + " and ".join(f.id for f in some) if some else None}
        right.append(line(f"{tag}R{n}", amount, **said))
    return Small(left, right)
