"""
A match that a person makes: which records, how much of each, and what a difference is.

Amounts of all sources are counted at nine decimals here, so that whatever a source states fits.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from tieout.errors import WrongUse
from tieout.matching.deciding.exchanging import exchanged
from tieout.matching.facts.records import kin_sql, records_of
from tieout.matching.facts.sides import OWN_MONEY, side_claims
from tieout.matching.results.taxes import tax_in
from tieout.model.kinds import KINDS, measures_net
from tieout.model.money import exponent_of, format_minor
from tieout.store.runs import standing_matches

if TYPE_CHECKING:
    import duckdb

    from tieout.config import Workspace
    from tieout.config.workspace import Reconciliation
    from tieout.matching.grammar.rules import RuleSet
    from tieout.store.lake import LakeFile
    from tieout.store.runs import Results
    from tieout.store.workplace import Store

__all__ = [
    "HandMatch",
    "Share",
    "adjustment_row",
    "allocate",
    "exponent_for",
    "match_name",
    "match_row",
    "shares_of",
    "shown",
]

_EXPONENT = 9


@dataclass(frozen=True, slots=True, kw_only=True)
class HandMatch:
    """
    What a person puts together.

    :ivar left, right: ids of records.
    :ivar difference: what a difference is: one of ``rules.REASONS``, or several with their amounts, of which one may be
        without: the rest (``discount=18.00,bank_charge``); None: there must be none.
    :ivar part: where one side has more, match only as much as both have, and leave the rest open.
    """

    left: tuple[bytes, ...]
    right: tuple[bytes, ...]
    difference: str | None = None
    part: bool = False


@dataclass(slots=True)
class Share:
    """What one record brings into a match, in minor units at ``exponent``."""

    side: str
    claim: str
    record: dict[str, Any]
    measure: int
    available: int
    sign: int
    allocated: int = 0

    @property
    def turned(self) -> int:
        """What is available, turned so that both sides of a match agree."""
        return self.available * self.sign


def shares_of(
    con: duckdb.DuckDBPyConnection,
    store: Store,
    reconciliation: Reconciliation,
    rules: RuleSet,
    wanted: HandMatch,
    results: Results,
    files: dict[str, list[LakeFile]],
) -> list[Share]:
    """
    Look up the records, and what is open of each in its claim.

    :raises WrongUse: one does not stand or is not booked, is named twice, or has nothing open.
    """
    ids = [*wanted.left, *wanted.right]
    if len(set(ids)) != len(ids):
        twice = next(i for i in ids if ids.count(i) > 1)
        message = f"expected records that differ from each other, got {twice.hex()} twice"
        raise WrongUse(message)
    con.register("wanted", pa.table({"record_id": pa.array(ids, pa.binary(16))}))
    query = f"select r.* from {records_of(store.lake, files)} r semi join wanted w on w.record_id = r.record_id"
    records = {row["record_id"]: row for row in con.sql(query).to_arrow_table().to_pylist()}
    missing = [i.hex() for i in ids if i not in records]
    if missing:
        message = f"expected records that stand, got {', '.join(missing)}"
        raise WrongUse(message)
    kinds = ({records[i]["kind"] for i in wanted.left}, {records[i]["kind"] for i in wanted.right})
    claims = side_claims(reconciliation, rules, kinds)
    announced = [i for i in ids if records[i]["status"] != "booked"]
    if announced:
        message = (
            f"expected records that are booked, got {announced[0].hex()}, which is {records[announced[0]]['status']}"
        )
        raise WrongUse(message)
    standing = standing_matches(con, store.lake, results, anew=reconciliation.id)
    _check_kin(con, records_of(store.lake, files), standing, records)
    used: dict[tuple[str, bytes], int] = {}
    for row in (
        con.sql(
            f"""select claim, m.record_id, allocated, exponent from {standing} m semi join wanted w on w.record_id = m.record_id
            where status = 'confirmed'"""
        )
        .to_arrow_table()
        .to_pylist()
    ):
        key = row["claim"], row["record_id"]
        used[key] = used.get(key, 0) + row["allocated"] * 10 ** (_EXPONENT - row["exponent"])
    shares = []
    for side, claim, members in (("left", claims[0], wanted.left), ("right", claims[1], wanted.right)):
        shares += [_share(side, claim, records[i], used, rules.polarity) for i in members]
    return shares


def _check_kin(
    con: duckdb.DuckDBPyConnection, records: str, standing: str, wanted: dict[bytes, dict[str, Any]]
) -> None:
    """Refuse a bank's entry of which a transaction is matched, and the other way round."""
    if not any(record["kind"] in {"bank_entry", "bank_detail"} for record in wanted.values()):
        return
    used = f"(select m.record_key, m.record_id from {standing} m where m.status = 'confirmed' and m.claim = 'bank')"
    query = f"select k.record_id from ({kin_sql(records, used)}) k semi join wanted w on w.record_id = k.record_id"
    for (record_id,) in con.execute(query).fetchall():
        message = (
            f"expected a record with something open, got {wanted[record_id]['external_id']!r}: its entry, or a transaction"
            " inside it, is matched"
        )
        raise WrongUse(message)


def _share(side: str, claim: str, record: dict[str, Any], used: dict[tuple[str, bytes], int], polarity: str) -> Share:
    kind = KINDS[record["kind"]]
    own = kind.claims[0] if claim == "by kind" and kind.claims else claim
    if own not in kind.claims:
        message = (
            f"expected a record with the claim {own!r} on the {side}, got {record['external_id']!r}, a {kind.name}"
        )
        raise WrongUse(message)
    exponent = record["exponent"] if record["exponent"] is not None else exponent_of(record["currency"])
    amount = int(record["net"] if measures_net(own, kind.name) and record["net"] is not None else record["amount"])
    measure = amount * 10 ** (_EXPONENT - exponent)
    sign = (
        -1 if (polarity == "by kind" and kind.name in OWN_MONEY) or (polarity == "opposite" and side == "right") else 1
    )
    available = measure - used.get((own, record["record_id"]), 0)
    if available * measure <= 0:
        message = (
            f"expected a record with something open, got {record['external_id'] or record['record_id'].hex()!r}, which"
            " another match has used up: `tieout explain` says which, `tieout undo` takes it back"
        )
        raise WrongUse(message)
    return Share(side, own, record, measure, available, sign)


def allocate(shares: list[Share], wanted: HandMatch, workspace: Workspace) -> tuple[int, str]:
    """Decide how much of each record is used up; gives the difference (left - right), at nine decimals, and its currency."""
    currencies = {share.record["currency"] for share in shares}
    sides = {side: [s for s in shares if s.side == side] for side in ("left", "right")}
    for share in shares:
        share.allocated = share.available
    if len(currencies) > 1:
        return exchanged(shares, wanted.difference, workspace)
    currency = shares[0].record["currency"]
    totals = {side: sum(s.turned for s in of) for side, of in sides.items()}
    difference = totals["left"] - totals["right"] if all(sides.values()) else sum(totals.values())
    if not difference or wanted.difference is not None:
        return difference, currency
    apart = f"{shown(abs(difference), currency)} {currency}"
    if not wanted.part:
        message = (
            f"expected both sides to agree, got a difference of {apart}: say what it is (--as discount, ...), or match only"
            " as much as both have (--part)"
        )
        raise WrongUse(message)
    larger = sides["left" if abs(totals["left"]) > abs(totals["right"]) else "right"]
    if len(larger) != 1:
        message = f"expected one record on the side that has {apart} more, got {len(larger)}: which one stays open?"
        raise WrongUse(message)
    other = totals["right" if larger[0].side == "left" else "left"]
    if other * larger[0].turned <= 0:
        message = f"expected both sides to have the same sign, of which one can be a part of the other, got a difference of {apart}"
        raise WrongUse(message)
    larger[0].allocated = other * larger[0].sign
    return 0, currency


def shown(amount: int, currency: str) -> str:
    """Write an amount at nine decimals with the currency's own, or with more where it has more."""
    exponent = exponent_of(currency)
    while amount % 10 ** (_EXPONENT - exponent):
        exponent += 1
    return format_minor(amount // 10 ** (_EXPONENT - exponent), exponent)


def match_name(reconciliation: str, shares: list[Share], sequence: int) -> bytes:
    """Name a match by what is in it, and after which run it was made: the same may be made again after an undo."""
    parts = sorted((s.side, s.claim, s.record["record_id"].hex(), s.record["version"], s.allocated) for s in shares)
    return hashlib.sha256(repr((reconciliation, sequence, parts)).encode()).digest()[:16]


def exponent_for(shares: list[Share], currency: str) -> int:
    """Say at how many decimals all in a match can be written: the most of its records and its difference's currency."""
    stated = [(share.record["exponent"], share.record["currency"]) for share in shares]
    stated += [(None, currency)] if currency != shares[0].record["currency"] else []
    return max(exponent_of(currency) if exponent is None else exponent for exponent, currency in stated)


def match_row(
    match_id: bytes, reconciliation: str, share: Share, difference: int, actor: str, exponent: int
) -> dict[str, Any]:
    """Give the row of ``matches`` for a share, its amounts at ``exponent`` decimals."""
    unit = 10 ** (_EXPONENT - exponent)
    return {
        "match_id": match_id,
        "reconciliation": reconciliation,
        "rule": "by hand",
        "status": "confirmed",
        "side": share.side,
        "claim": share.claim,
        "record_id": share.record["record_id"],
        "record_key": share.record["record_key"],
        "version": share.record["version"],
        "amount": share.measure // unit,
        "allocated": share.allocated // unit,
        "currency": share.record["currency"],
        "exponent": exponent,
        "difference": difference // unit,
        "decided_by": actor,
    }


def adjustment_row(
    match_id: bytes,
    reconciliation: str,
    shares: list[Share],
    difference: tuple[int, str],
    why: tuple[str, str],
    exponent: int,
) -> dict[str, Any]:
    """
    Give the row of ``adjustments`` for a difference that a person explained, its amounts at ``exponent`` decimals.

    :param difference: at nine decimals, and its currency.
    :param why: what the difference is, and what the person said to it.
    """
    unit = 10 ** (_EXPONENT - exponent)
    (apart, currency), (kind, reason) = difference, why
    documents = [share for share in shares if share.claim == "document"]
    one_side = len({share.side for share in documents}) == 1
    said = [(s.measure // unit, s.allocated * s.sign // unit, _tax_of(s, exponent)) for s in documents if one_side]
    return {
        "match_id": match_id,
        "reconciliation": reconciliation,
        "reason": kind,
        "amount": apart // unit,
        "tax_amount": tax_in(kind, apart // unit, said),
        "currency": currency,
        "exponent": exponent,
        "policy": f"by hand: {reason}",
    }


def _tax_of(share: Share, exponent: int) -> int | None:
    """Give the tax that a document states."""
    tax, own = share.record["tax"], share.record["exponent"]
    own = exponent_of(share.record["currency"]) if own is None else own
    return None if tax is None else int(tax) * 10 ** (exponent - own)
