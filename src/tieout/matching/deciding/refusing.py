"""
What a person may not put together: a difference that cannot be what they call it, a part of what is not open.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pyarrow as pa

from tieout.errors import WrongUse
from tieout.matching.deciding.by_hand import Share, shown
from tieout.matching.deciding.splitting import words_of
from tieout.store.runs import standing_matches

if TYPE_CHECKING:
    import duckdb

    from tieout.matching.deciding.by_hand import HandMatch
    from tieout.store.runs import Results
    from tieout.store.workplace import Store

__all__ = ["check_by_hand", "check_reason"]

#: What somebody keeps of money on its way: never more than what is left of it.
_CHARGES = ("fee", "fee_tax", "bank_charge")
#: What makes the money less than what is owed.
_LESS = ("discount", "withholding_tax", "short_payment")


def check_reason(wanted: HandMatch) -> None:
    """Refuse words for a difference that are none, or that do not say how much each of them is."""
    words_of(wanted.difference)


def check_by_hand(
    con: duckdb.DuckDBPyConnection,
    store: Store,
    results: Results,
    shares: list[Share],
    wanted: HandMatch,
    parts: list[tuple[str, int]],
    displaced: set[bytes],
) -> None:
    """
    Refuse what makes no sense.

    :param parts: what left - right is: (reason, amount at nine decimals).
    :param displaced: the matches by rules that would have to go.
    :raises WrongUse: the sides run opposite ways, a charge is larger than the money, there is more where less is said, or
        a part takes what a match by a rule has.
    """
    for kind, amount in parts:
        _check_difference(shares, kind, amount)
    if wanted.part and displaced:
        _check_part(con, store, results, shares, sorted(displaced))


def _check_difference(shares: list[Share], kind: str, difference: int) -> None:
    """Refuse a difference that cannot be what a person calls it; between two currencies it is the rate's."""
    if len({share.record["currency"] for share in shares}) > 1:
        return
    sums = {side: sum(s.turned for s in shares if s.side == side) for side in ("left", "right")}
    if len({share.side for share in shares}) < len(sums):
        return
    currency = shares[0].record["currency"]
    left, right = sums["left"], sums["right"]
    said = f"{_signed(left, currency)} against {_signed(right, currency)} {currency}"
    if left * right < 0:
        message = f"expected both sides to run the same way, got {said}: no {_words(kind)} turns money around"
        raise WrongUse(message)
    if kind in _CHARGES and abs(difference) > min(abs(left), abs(right)):
        message = (
            f"expected a {_words(kind)} of at most the money that is left of it, got {shown(abs(difference), currency)} of"
            f" {said}: match only as much as both have (--part), or name what it is"
        )
        raise WrongUse(message)
    owed = {share.side for share in shares if share.claim == "document"}
    if len(owed) != 1:
        return
    document, money = (left, right) if "left" in owed else (right, left)
    more = abs(money) > abs(document)
    if more and (kind in _LESS or (kind in _CHARGES and document > 0)):
        message = f"expected less money than is owed, got {said}: what is too much is an over_payment"
        raise WrongUse(message)
    if not more and kind == "over_payment":
        message = (
            f"expected more money than is owed, got {said}: what is too little is a short_payment, a discount, ..."
        )
        raise WrongUse(message)


def _check_part(
    con: duckdb.DuckDBPyConnection, store: Store, results: Results, shares: list[Share], displaced: list[bytes]
) -> None:
    """Refuse a part of what is not open: somebody says first that the match which has it is none."""
    con.register("displaced", pa.table({"match_id": pa.array(displaced, pa.binary(16))}))
    rows = con.execute(
        f"""select claim, record_id, min(match_id), sum(allocated::hugeint * (10 ** (9 - exponent))::hugeint)::varchar
            from {standing_matches(con, store.lake, results)} m semi join displaced d using (match_id)
            where status = 'confirmed' group by claim, record_id"""
    ).fetchall()
    taken = {(claim, bytes(record_id)): (bytes(match_id), int(used)) for claim, record_id, match_id, used in rows}
    for share in shares:
        match_id, used = taken.get((share.claim, share.record["record_id"]), (b"", 0))
        if used and abs(share.allocated) > abs(share.available - used):
            currency = share.record["currency"]
            message = (
                f"expected a part of at most the {shown(abs(share.available - used), currency)} {currency} that"
                f" {share.record['external_id'] or share.record['record_id'].hex()!r} has open, got"
                f" {shown(abs(share.allocated), currency)}: if match {match_id.hex()} is wrong, take it back first"
                f" (`tieout undo {match_id.hex()} --reason WHY`)"
            )
            raise WrongUse(message)


def _signed(amount: int, currency: str) -> str:
    return f"{'-' if amount < 0 else ''}{shown(abs(amount), currency)}"


def _words(kind: str) -> str:
    return kind.replace("_", " ")
