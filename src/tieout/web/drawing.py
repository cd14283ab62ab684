"""
The flow of money as a picture to scale: bands as wide as the money is much.

Only places and sizes are computed here; the template writes the SVG, and a table beside it says the same in figures.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from tieout.web.words import PARTS as WORDS

if TYPE_CHECKING:
    from tieout.observe.money.flow import Flow

__all__ = ["Band", "Block", "Picture", "picture_of"]

WIDTH, HEIGHT = 720, 300
_TOP, _GAP, _LABEL = 10, 14, 19
_LEFT, _RIGHT, _BLOCK = 4, 470, 12
#: A part that is there is never too thin to be seen.
_THIN = 1.5
_ORDER = ("bank", "on_its_way", "not_compared", "other", "refunds", "fees", "unexplained")


@dataclass(frozen=True, slots=True)
class Block:
    """A place where money is: an upright bar with its label."""

    name: str
    words: str
    tone: str
    amount: int
    x: int
    y: str
    height: str
    label_y: str


@dataclass(frozen=True, slots=True)
class Band:
    """Money that went from one place to another."""

    name: str
    tone: str
    path: str


@dataclass(frozen=True, slots=True)
class Picture:
    """Everything to draw; empty when nothing was charged."""

    blocks: list[Block]
    bands: list[Band]
    width: int = WIDTH
    height: int = HEIGHT


def picture_of(flow: Flow) -> Picture:
    """Lay out the flow; a part below zero has no width, and stands in the table."""
    charged = flow.charged.amount
    shown = [name for name in _ORDER if flow.parts[name].amount > 0]
    if charged <= 0 or not shown:
        return Picture([], [])
    whole = max(charged, sum(flow.parts[name].amount for name in shown))
    room = HEIGHT - 2 * _TOP - _GAP * (len(shown) - 1)

    def tall(amount: int) -> float:
        return max(_THIN, room * (amount * 10_000 // whole) / 10_000)

    blocks = [_block("charged", charged, _LEFT, _TOP, tall(whole), _TOP + tall(whole) / 2)]
    bands = []
    left, right, label = float(_TOP), float(_TOP), 0.0
    middle = 240 if flow.books.amount > 0 else 360
    for name in shown:
        height = tall(flow.parts[name].amount)
        label = max(label + _LABEL, right + height / 2 + 4)
        blocks.append(_block(name, flow.parts[name].amount, middle, right, height, label))
        bands.append(Band(name, WORDS[name][1], _curve(_LEFT + _BLOCK, left, middle, right, height)))
        if name == "bank" and flow.books.amount > 0:
            booked = min(height, tall(flow.books.amount))
            blocks.append(_block("books", flow.books.amount, _RIGHT, right, booked, right + booked / 2 + 4))
            bands.append(Band("books", "tied", _curve(middle + _BLOCK, right, _RIGHT, right, booked)))
        left, right = left + height, right + height + _GAP
    return Picture(blocks, bands)


def _block(name: str, amount: int, x: int, y: float, height: float, label_y: float) -> Block:
    words, tone = WORDS[name]
    return Block(name, words, tone, amount, x, f"{y:.1f}", f"{height:.1f}", f"{label_y:.1f}")


def _curve(x1: int, y1: float, x2: int, y2: float, height: float) -> str:
    middle = (x1 + x2) // 2
    there = f"M{x1} {y1:.1f}C{middle} {y1:.1f} {middle} {y2:.1f} {x2} {y2:.1f}"
    return f"{there}V{y2 + height:.1f}C{middle} {y2 + height:.1f} {middle} {y1 + height:.1f} {x1} {y1 + height:.1f}Z"
