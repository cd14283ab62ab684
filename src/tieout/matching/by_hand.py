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
from tieout.matching.facts import records_of
from tieout.matching.reading import rule_set
from tieout.matching.sides import OWN_MONEY, side_claims
from tieout.model.kinds import KINDS
from tieout.model.money import exponent_of, format_minor
from tieout.store.runs import standing_matches

if TYPE_CHECKING:
    import duckdb

    from tieout.config import Workspace
    from tieout.config.workspace import Reconciliation
    from tieout.store.lake import LakeFile
    from tieout.store.runs import Results
    from tieout.store.workplace import Store

__all__ = ["HandMatch", "Share", "adjustment_row", "allocate", "match_name", "match_row", "shares_of"]

_EXPONENT = 9


@dataclass(frozen=True, slots=True, kw_only=True)
class HandMatch:
    """
    What a person puts together.

    :ivar left, right: ids of records.
    :ivar difference: what a difference is, one of ``rules.REASONS``; None: there must be none.
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
    workspace: Workspace,
    reconciliation: Reconciliation,
    wanted: HandMatch,
    results: Results,
    files: dict[str, list[LakeFile]],
) -> list[Share]:
    """Look up the records, and what is open of each in its claim."""
    rules = rule_set(workspace, reconciliation)
    ids = [*wanted.left, *wanted.right]
    con.register("wanted", pa.table({"record_id": pa.array(ids, pa.binary(16))}))
    query = f"select r.* from {records_of(store.lake, files)} r semi join wanted w on w.record_id = r.record_id"
    records = {row["record_id"]: row for row in con.sql(query).to_arrow_table().to_pylist()}
    missing = [i.hex() for i in ids if i not in records]
    if missing:
        message = f"expected records that stand, got {', '.join(missing)}"
        raise WrongUse(message)
    kinds = ({records[i]["kind"] for i in wanted.left}, {records[i]["kind"] for i in wanted.right})
    claims = side_claims(reconciliation, rules, kinds)
    standing = standing_matches(con, store.lake, results, anew=reconciliation.id)
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


def _share(side: str, claim: str, record: dict[str, Any], used: dict[tuple[str, bytes], int], polarity: str) -> Share:
    kind = KINDS[record["kind"]]
    own = kind.claims[0] if claim == "by kind" and kind.claims else claim
    if own not in kind.claims:
        message = (
            f"expected a record with the claim {own!r} on the {side}, got {record['external_id']!r}, a {kind.name}"
        )
        raise WrongUse(message)
    exponent = record["exponent"] if record["exponent"] is not None else exponent_of(record["currency"])
    amount = int(record["net"] if own == "settlement" and record["net"] is not None else record["amount"])
    measure = amount * 10 ** (_EXPONENT - exponent)
    sign = (
        -1 if (polarity == "by kind" and kind.name in OWN_MONEY) or (polarity == "opposite" and side == "right") else 1
    )
    available = measure - used.get((own, record["record_id"]), 0)
    if not available:
        message = (
            f"expected a record with something open, got {record['external_id'] or record['record_id'].hex()!r}, which"
            " another match has used up: `tieout explain` says which, `tieout undo` takes it back"
        )
        raise WrongUse(message)
    return Share(side, own, record, measure, available, sign)


def allocate(shares: list[Share], wanted: HandMatch) -> int:
    """Decide how much of each record is used up; gives the difference (left - right), at nine decimals."""
    currencies = {share.record["currency"] for share in shares}
    sides = {side: [s for s in shares if s.side == side] for side in ("left", "right")}
    for share in shares:
        share.allocated = share.available
    if len(currencies) > 1:
        message = f"expected records of one currency, got {', '.join(sorted(currencies))}"
        raise WrongUse(message)
    totals = {side: sum(s.turned for s in of) for side, of in sides.items()}
    difference = totals["left"] - totals["right"] if all(sides.values()) else sum(totals.values())
    if not difference or wanted.difference is not None:
        return difference
    currency = shares[0].record["currency"]
    shown = f"{_shown(abs(difference), currency)} {currency}"
    if not wanted.part:
        message = (
            f"expected both sides to agree, got a difference of {shown}: say what it is (--as discount, ...), or match only"
            " as much as both have (--part)"
        )
        raise WrongUse(message)
    larger = sides["left" if abs(totals["left"]) > abs(totals["right"]) else "right"]
    if len(larger) != 1:
        message = f"expected one record on the side that has {shown} more, got {len(larger)}: which one stays open?"
        raise WrongUse(message)
    other = totals["right" if larger[0].side == "left" else "left"]
    larger[0].allocated = other * larger[0].sign
    return 0


def _shown(amount: int, currency: str) -> str:
    """Write an amount at nine decimals with the currency's own, or with more where it has more."""
    exponent = exponent_of(currency)
    while amount % 10 ** (_EXPONENT - exponent):
        exponent += 1
    return format_minor(amount // 10 ** (_EXPONENT - exponent), exponent)


def match_name(reconciliation: str, shares: list[Share], sequence: int) -> bytes:
    """Name a match by what is in it, and after which run it was made: the same may be made again after an undo."""
    parts = sorted((s.side, s.claim, s.record["record_id"].hex(), s.record["version"], s.allocated) for s in shares)
    return hashlib.sha256(repr((reconciliation, sequence, parts)).encode()).digest()[:16]


def _scaled(share: Share, amount: int) -> int:
    return int(amount // 10 ** (_EXPONENT - _exponent(share)))


def _exponent(share: Share) -> int:
    stated = share.record["exponent"]
    exponent: int = exponent_of(share.record["currency"]) if stated is None else stated
    while share.allocated % 10 ** (_EXPONENT - exponent):
        exponent += 1
    return exponent


def match_row(match_id: bytes, reconciliation: str, share: Share, difference: int, actor: str) -> dict[str, Any]:
    """Give the row of ``matches`` for a share."""
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
        "amount": _scaled(share, share.measure),
        "allocated": _scaled(share, share.allocated),
        "currency": share.record["currency"],
        "exponent": _exponent(share),
        "difference": _scaled(share, difference),
        "decided_by": actor,
    }


def adjustment_row(
    match_id: bytes, reconciliation: str, share: Share, difference: int, wanted: HandMatch, reason: str
) -> dict[str, Any]:
    """Give the row of ``adjustments`` for a difference that a person explained."""
    return {
        "match_id": match_id,
        "reconciliation": reconciliation,
        "reason": wanted.difference,
        "amount": _scaled(share, difference),
        "currency": share.record["currency"],
        "exponent": _exponent(share),
        "policy": f"by hand: {reason}",
    }
