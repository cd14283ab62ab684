"""
Which two records are the halves of one conversion, and at what the later one takes the earlier one off FX clearing.

A platform reports what it took of one currency and what it gave of another as lines of their own. The earlier one puts
its worth on FX clearing, at the rate of its day; the later one takes off just that, so that nothing stays there, and
what it brought more or less is the gain or loss.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Hashable, Iterable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pyarrow as pa

if TYPE_CHECKING:
    import duckdb

__all__ = ["carry_conversions"]

#: Halves that share no name are of one conversion only if their worths differ by no more than one part in so many.
_PART = 10


@dataclass(frozen=True, slots=True)
class _Half:
    """
    One half.

    :ivar worth: in minor units of the books' currency, with the sign of its amount; None: there is no rate for its day.
    """

    record_id: bytes
    place: tuple[str, str]
    day: dt.date
    moment: int | None
    currency: str
    in_books: bool
    positive: bool
    worth: int | None
    names: frozenset[str]


def carry_conversions(con: duckdb.DuckDBPyConnection) -> None:
    """
    Say in ``draft_piece`` at what the later half of each conversion leaves FX clearing (``carried``).

    Of several conversions that nothing tells apart, none is touched: each half stays at the rate of its day.
    """
    halves = _halves(con)
    pairs = [sorted(pair, key=lambda half: (half.day, half.in_books, half.record_id)) for pair in _pairs(halves)]
    if not pairs:
        return
    rows = [(later.record_id, None if first.worth is None else -first.worth, first.record_id) for first, later in pairs]
    ids, carried, first_ids = zip(*rows, strict=True)
    unvalued = [None if worth is not None else first for worth, first in zip(carried, first_ids, strict=True)]
    blob = pa.binary(16)
    columns = [pa.array(ids, blob), pa.array(carried, pa.int64()), pa.array(unvalued, blob)]
    con.register("draft_given", pa.Table.from_arrays(columns, names=["record_id", "carried", "unvalued"]))
    con.execute("""
        update draft_piece set carried = g.carried, unvalued = g.unvalued, direct = false from draft_given g
        where g.record_id = draft_piece.record_id and draft_piece.event = 'amount' and draft_piece.match_id is null
    """)
    con.unregister("draft_given")


def _halves(con: duckdb.DuckDBPyConnection) -> list[_Half]:
    rows = con.execute("""
        select p.record_id, p.entity_id, p.source_id, p.posting_date, epoch_us(r.occurred_at), p.currency, p.currency = b.currency,
            p.amount > 0, case when p.currency = b.currency and p.exponent = b.exponent then p.amount::hugeint
                else sign(p.amount) * ((2 * abs(p.amount)::hugeint * v.multiplier + v.divisor) // (2 * v.divisor)) end,
            list_concat([r.external_id, r.parent_external_id, r.payment_id], coalesce(r."references", []))
        from draft_piece p join draft_books b using (entity_id) join records r using (record_key, record_id)
            left join draft_rate v on v.entity_id = p.entity_id and v.currency = p.currency and v.exponent = p.exponent
                and (v.day = p.posting_date or v.day is null)
        where p.kind = 'conversion' and p.event = 'amount' and p.match_id is null and p.amount <> 0
            and p.posting_date is not null
        order by p.posting_date, p.record_id
    """).fetchall()
    return [
        _Half(
            record, (entity, source), day, moment, currency, in_books, positive, None if worth is None else int(worth),
            frozenset(name for name in names if name),
        )
        for record, entity, source, day, moment, currency, in_books, positive, worth, names in rows
    ]  # fmt: skip


def _pairs(halves: list[_Half]) -> Iterator[tuple[_Half, _Half]]:
    """Pair halves by a name, else by the moment, else by the day, wherever just two could be meant."""
    by_name = [((half.place, name), half) for half in halves for name in sorted(half.names)]
    left = {half.record_id: half for half in halves}
    for pair in _twos(by_name):
        if {half.record_id for half in pair} <= left.keys():
            yield pair
            for half in pair:
                del left[half.record_id]
    for key in ("moment", "day"):
        near = [((half.place, getattr(half, key)), half) for half in left.values() if getattr(half, key) is not None]
        for pair in _twos(near):
            if _near(*pair):
                yield pair
                for half in pair:
                    del left[half.record_id]


def _twos(keyed: Iterable[tuple[Hashable, _Half]]) -> Iterator[tuple[_Half, _Half]]:
    """Give the halves that alone share a key, and run in opposite directions in two currencies."""
    groups: dict[Hashable, list[_Half]] = {}
    for key, half in keyed:
        groups.setdefault(key, []).append(half)
    for group in groups.values():
        if len(group) == 2 and group[0].currency != group[1].currency and group[0].positive != group[1].positive:
            yield group[0], group[1]


def _near(one: _Half, other: _Half) -> bool:
    """Whether two halves are worth about the same; without a rate nobody can tell."""
    if one.worth is None or other.worth is None:
        return False
    return abs(one.worth + other.worth) * _PART <= max(abs(one.worth), abs(other.worth))
