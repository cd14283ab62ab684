"""
What is put aside without a match and comes back: a dispute until its outcome, a reserve until its release, a charge of which
no document is known until it is refunded.

It leaves at what it was put there for: that of its own dispute or charge where an identifier says which, else, but for a
charge, which is another customer's, the oldest first. What was never put there, since it stood there before the first
fact, leaves at the rate of its day.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from tieout.accounting._matches import quoted

if TYPE_CHECKING:
    from collections.abc import Iterator

    import duckdb

__all__ = ["ASIDE", "carry_back"]

_DEPOSITED = ("charge", "refund", "refund_reversal")
#: Kinds that put money aside and bring it back: each group's account has a name of its own in the postings.
ASIDE = {
    "dispute": "disputed_receivable",
    "dispute_reversal": "disputed_receivable",
    "reserve_hold": "reserve",
    "reserve_release": "reserve",
    **dict.fromkeys(_DEPOSITED, "customer_deposits"),
}
# Of charges only those that a refund names: there are many.
_REFUNDED = """p.kind = 'charge' and not (r.external_id in (select name from draft_refunded)
            or coalesce(r.payment_id in (select name from draft_refunded), false))"""
_FINEST = 9


@dataclass(slots=True)
class _Put:
    """What is left of something that was put aside, at nine decimals, and what that stands at."""

    amount: int
    stands_at: int

    def take(self, amount: int) -> int:
        """Take some of it off; gives what that stood at."""
        worth = (2 * self.stands_at * amount + self.amount) // (2 * self.amount)
        self.amount -= amount
        self.stands_at -= worth
        return worth


class _Aside:
    """What stands aside on one account."""

    def __init__(self) -> None:
        self.all: deque[_Put] = deque()
        self.named: dict[str, list[_Put]] = {}

    def put(self, amount: int, worth: int, names: list[str]) -> None:
        put = _Put(amount, worth)
        self.all.append(put)
        for name in dict.fromkeys(names):
            self.named.setdefault(name, []).append(put)

    def take(self, amount: int, worth: int, names: list[str], *, oldest: bool) -> int | None:
        """
        Take some off; gives what it stood at: None where nothing of it was put there.

        :param oldest: what no name finds, or not enough of it, is taken off the oldest.
        """
        left, stood_at = amount, 0
        for put in self._of(names, oldest=oldest):
            if not left:
                break
            some = min(put.amount, left)
            if some:
                stood_at += put.take(some)
                left -= some
        if left == amount:
            return None
        return stood_at + (2 * worth * left + amount) // (2 * amount)

    def _of(self, names: list[str], *, oldest: bool) -> Iterator[_Put]:
        for name in names:
            yield from self.named.get(name, ())
        while self.all and oldest:
            if self.all[0].amount:
                yield self.all[0]
            if self.all[0].amount:
                return
            self.all.popleft()


def carry_back(con: duckdb.DuckDBPyConnection) -> None:
    """Say in ``draft_piece`` at what the pieces that bring something back leave its account (``carried``)."""
    con.execute(f"""
        create or replace temp table draft_refunded as
        select distinct unnest(list_concat([r.parent_external_id, r.payment_id], coalesce(r."references", []))) as name
        from draft_piece p join records r using (record_key, record_id)
        where p.kind in ({quoted(_DEPOSITED[1:])}) and p.event = 'amount' and p.match_id is null and p.matched = 'nothing'
    """)
    con.execute("delete from draft_refunded where name is null")
    rows = con.execute(f"""
        select p.event, p.record_id, p.entity_id, case when p.kind like 'reserve%' then p.account_id end, p.currency,
            p.kind, case when p.event = 'outcome' or p.kind in ({quoted(_DEPOSITED)}) then p.amount else -p.amount end as aside, p.exponent, v.multiplier, v.divisor,
            r.external_id, r.parent_external_id, r.payment_id, r."references"
        from draft_piece p join draft_books b using (entity_id) join records r using (record_key, record_id)
            left join draft_rate v on v.entity_id = p.entity_id and v.currency = p.currency and v.exponent = p.exponent
                and v.day = p.posting_date
        where p.kind in ({quoted(tuple(ASIDE))}) and p.event in ('amount', 'outcome') and p.match_id is null
            and coalesce(p.matched, 'nothing') = 'nothing' and coalesce(p.outcome, 'lost') = 'lost' and p.currency <> b.currency
            and p.amount <> 0 and p.posting_date is not null and not ({_REFUNDED})
        order by p.posting_date, aside < 0, p.event, p.record_id
    """).fetchall()
    found = list(_carried(rows))
    if not found:
        return
    events, records, carried, unvalued = zip(*found, strict=True)
    blob = pa.binary(16)
    columns = [pa.array(events), pa.array(records, blob), pa.array(carried, pa.int64()), pa.array(unvalued, blob)]
    con.register("draft_given", pa.Table.from_arrays(columns, names=["event", "record_id", "carried", "unvalued"]))
    con.execute("""
        update draft_piece set carried = g.carried, unvalued = g.unvalued from draft_given g
        where g.event = draft_piece.event and g.record_id = draft_piece.record_id and draft_piece.match_id is null
    """)
    con.unregister("draft_given")


def _carried(rows: list[tuple[Any, ...]]) -> Iterator[tuple[str, bytes, int | None, bytes | None]]:
    """Go through what was put aside and brought back, in the order of days: (event, record, carried, unvalued)."""
    places: dict[tuple[Any, ...], _Aside] = {}
    unrated: dict[tuple[Any, ...], bytes] = {}
    for event, record, entity, account, currency, kind, aside, exponent, up, down, own, parent, payment, named in rows:
        place = entity, account, currency, ASIDE[kind]
        standing = places.setdefault(place, _Aside())
        amount = abs(aside) * 10 ** (_FINEST - exponent)
        names = [name for name in (record.hex(), parent, own, *(named or ()), payment) if name]
        worth = None if down is None else (2 * abs(aside) * int(up) + int(down)) // (2 * int(down))
        own_only = kind in _DEPOSITED
        if place in unrated:
            yield event, record, None, unrated[place]
        elif worth is None:
            if not own_only:  # what no name finds stays what its day says
                unrated[place] = record
        elif aside > 0:
            standing.put(amount, worth, [name for name in (record.hex(), own, payment) if name])
        else:
            stood_at = standing.take(amount, worth, names, oldest=not own_only)
            if stood_at is not None:
                # Written with the sign of the piece: what brings back a rest has the other sign than what stands aside.
                yield event, record, -stood_at if event == "outcome" or own_only else stood_at, None
