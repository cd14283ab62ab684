"""
The story of one record: the chain from the order to the ERP, left to right, and where it breaks.

Every identifier of the record leads to others; matches and settlements lead on. What stands in a chain was reported
by somebody or matched by a run; a resemblance alone never puts a record there.
"""

from __future__ import annotations

import datetime as dt
import json
from contextlib import closing
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from tieout.observe import worklist
from tieout.observe.lookup import fetch_versions, find_by_reference, identity_range
from tieout.observe.results import prepare_results
from tieout.observe.snapshot import moment_of, take_snapshot
from tieout.store.engine import connect, prepare_macros

if TYPE_CHECKING:
    import duckdb

    from tieout.observe.worklist import Item
    from tieout.store.lake import LakeFile
    from tieout.store.workplace import Store

__all__ = ["STAGES", "Chain", "ChainRecord", "Match", "MatchedRecord", "Rest", "Stage", "chain_of"]

_LEFT = ("authorisation", "capture", "charge", "void", "refund", "refund_reversal", "dispute", "dispute_reversal")
_MOVED = ("payout", "payout_reversal", "top_up", "internal_transfer", "balance_transfer", "sweep", "conversion")
#: The stages of a chain, and the kinds of record that stand in each; a kind in none is a line of a platform.
STAGES: dict[str, tuple[str, ...]] = {
    "order": ("order", "fulfilment"),
    "charge": _LEFT,
    "payout": _MOVED,
    "bank": ("bank_entry", "bank_detail", "payment_order", "payment_status"),
    "journal": ("journal_line",),
    "document": ("invoice", "credit_note", "deposit", "bill", "bill_credit", "receipt", "disbursement", "write_off"),
}
#: So many identifiers of a record are followed, and so many records of a stage are kept.
IDENTIFIERS_MAX = 8
KEPT_MAX = 40
#: So many records of each side of a match are shown; the rest is summed.
PARTS_MAX = 8


@dataclass(frozen=True, slots=True, kw_only=True)
class ChainRecord:
    """One record of a chain; amounts in minor units, ids hexadecimal."""

    record_id: str
    kind: str
    amount: int | None
    currency: str
    exponent: int
    booked_on: dt.date | None
    source_id: str
    account_id: str | None
    external_id: str | None
    counterparty: str | None
    settlement_id: str | None
    item: Item | None = None
    on_its_way: bool = False


@dataclass(frozen=True, slots=True)
class MatchedRecord:
    """One record of a match: what the claim measures, and what the match uses up."""

    record: ChainRecord | None
    side: str
    claim: str
    amount: int
    allocated: int


@dataclass(frozen=True, slots=True)
class Rest:
    """The records of one side of a match that are not shown."""

    count: int
    allocated: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Match:
    """
    A match of the chain, and why it was made.

    :ivar rest: by side, what is not shown of it.
    :ivar evidence: by field: ``{left, right, agree}``. ``margin``: points that the runner-up was behind.
    """

    match_id: str
    reconciliation: str
    rule: str
    difference: int
    currency: str
    exponent: int
    score: int | None
    margin: int | None
    decided_by: str | None
    made_at: dt.datetime | None
    evidence: dict[str, Any]
    records: list[MatchedRecord] = field(default_factory=list)
    rest: dict[str, Rest] = field(default_factory=dict)


@dataclass(slots=True)
class Stage:
    """
    A place of the chain.

    :ivar state: ``tied`` (matched with the next one), ``way``, ``off`` (needs a person), ``seen``, or ``none``.
    :ivar breaks: the chain breaks between this stage and the next one that should be there.
    :ivar more: records of this stage that are not shown.
    """

    name: str
    records: list[ChainRecord] = field(default_factory=list)
    state: str = "none"
    breaks: bool = False
    more: int = 0


@dataclass(slots=True)
class Chain:
    """
    Everything that hangs together with one record.

    :ivar matches: of all its stages, those of the record itself first.
    """

    record_id: str
    stages: list[Stage]
    matches: list[Match]

    @property
    def is_broken(self) -> bool:
        """Whether something in it needs a person."""
        return any(stage.state == "off" for stage in self.stages)

    @property
    def items(self) -> list[Item]:
        """What needs a person, of all stages."""
        return [record.item for stage in self.stages for record in stage.records if record.item is not None]


def chain_of(store: Store, record_id: str) -> Chain:
    """
    Follow a record to both sides.

    :param record_id: hexadecimal, whole.
    """
    snapshot = take_snapshot(store)
    store.spill.mkdir(parents=True, exist_ok=True)
    with closing(connect(store.spill)) as con:
        prepare_macros(con)
        prepare_results(con, store.lake, snapshot, ("matches", "positions"))
        walk = _Walk(store, con, snapshot.files)
        walk.take([bytes.fromhex(record_id)])
        walk.follow()
        matches = walk.through_matches()
        walk.mark()
    open_items = {i.record_id: i for i in worklist.open_records(store.book, list(walk.found)) if i.state != "resolved"}
    records = [_record(row, open_items.get(name), name in walk.moving) for name, row in walk.found.items()]
    for row in matches:
        row["made_at"] = moment_of(snapshot.results.runs[row["run_id"]]["at"])
    told = _matches(matches, {record.record_id: record for record in records})
    tied = {row["record_id"] for row in matches}
    return Chain(record_id, _stages(records, tied, record_id), told)


class _Walk:
    """Gathers the records that hang together, in bounded steps."""

    def __init__(self, store: Store, con: duckdb.DuckDBPyConnection, files: dict[str, list[LakeFile]]) -> None:
        self._store, self._con, self._files = store, con, files
        self.found: dict[str, dict[str, Any]] = {}
        self.moving: set[str] = set()
        self._asked: set[tuple[str, str]] = set()

    def take(self, ids: list[bytes]) -> None:
        """Read some records as they stand."""
        ids = [record_id for record_id in ids if record_id.hex() not in self.found]
        if not ids:
            return
        fetch_versions(self._con, self._store.lake, self._files, ids[:KEPT_MAX], frozenset())
        self._keep("(select * from version_row where gone is null)")

    def follow(self) -> None:
        """Look every identifier up: of the record, then of the charges and documents that it leads to."""
        for _ in range(2):
            for row in list(self.found.values()):
                if row["kind"] not in _MOVED:
                    self._look_up(_identifiers(row), "true")
        settlements = [row["settlement_id"] for row in self.found.values() if row["settlement_id"]]
        kinds = ", ".join(f"'{kind}'" for kind in _MOVED)
        self._look_up(list(dict.fromkeys(settlements)), f"kind in ({kinds})")
        focus = next(iter(self.found.values()), None)
        if focus and focus["kind"] in _MOVED and focus["settlement_id"]:
            self._look_up([focus["settlement_id"]], "kind not in ('bank_entry', 'bank_detail')", again=True)

    def _look_up(self, identifiers: list[str], condition: str, *, again: bool = False) -> None:
        for identifier in identifiers[:IDENTIFIERS_MAX]:
            if (identifier, condition) in self._asked and not again:
                continue
            self._asked.add((identifier, condition))
            if find_by_reference(self._con, self._store.lake, self._files, identifier)[0]:
                rows = (
                    "(select r.*, null as gone from row_found r"
                    " join hit h on h.record_id = r.record_id and h.version = r.version)"
                )
                self._keep(rows, condition)

    def _keep(self, relation: str, condition: str = "true") -> None:
        names = (
            "record_id, kind, amount, currency, coalesce(exponent, own_exponent(currency)) as exponent, booked_on,"
            " source_id, account_id, external_id, counterparty, settlement_id, payment_id, parent_external_id,"
            ' "references", version'
        )
        rows = self._con.execute(
            f"select {names} from {relation} where {condition} and status <> 'provisional'"
            f" order by booked_on nulls last, record_id, version limit {KEPT_MAX}"
        )
        columns = [column[0] for column in rows.description or []]
        for values in rows.fetchall():
            row = dict(zip(columns, values, strict=True))
            name = bytes(row["record_id"]).hex()
            if name not in self.found or self.found[name]["version"] < row["version"]:
                self.found[name] = row

    def through_matches(self) -> list[dict[str, Any]]:
        """Read the matches of the records that were found, and take in what they were matched with."""
        focus, found = next(iter(self.found), None), []
        for _ in range(2):
            keys = ", ".join(str(identity_range(name).low) for name in self.found) or "null"
            own = f"lower(hex(record_id)) = '{focus or ''}'"
            rows = self._con.execute(f"""
                with met as (
                    select match_id, bool_or({own}) as focus from result_matches where record_key in ({keys})
                    and status = 'confirmed' group by match_id order by focus desc, match_id limit {KEPT_MAX}
                ), told as (
                    select e.*, m.focus, count(*) over sides as parts, sum(allocated) over sides as whole,
                        row_number() over (sides order by {own} desc, record_key in ({keys}) desc, record_id) as place
                    from result_matches e join met m using (match_id) window sides as (partition by match_id, side)
                )
                select * from told where place <= {PARTS_MAX} order by focus desc, match_id, side, place
            """)
            columns = [column[0] for column in rows.description or []]
            found = [dict(zip(columns, values, strict=True)) for values in rows.fetchall()]
            for row in found:
                row["record_id"] = bytes(row["record_id"]).hex()
            partners = [row["record_id"] for row in found if row["record_id"] not in self.found]
            self.take([bytes.fromhex(name) for name in dict.fromkeys(partners)])
        return found

    def mark(self) -> None:
        """Note which records are on their way."""
        keys = ", ".join(str(identity_range(name).low) for name in self.found) or "null"
        rows = self._con.execute(
            f"select record_id from result_positions where record_key in ({keys}) and state = 'in_transit'"
        )
        self.moving = {bytes(row[0]).hex() for row in rows.fetchall()} & set(self.found)


def _identifiers(row: dict[str, Any]) -> list[str]:
    named = [row["external_id"], row["payment_id"], row["parent_external_id"], *(row["references"] or [])]
    return [name for name in dict.fromkeys(named) if name and name != row["settlement_id"]][:IDENTIFIERS_MAX]


def _record(row: dict[str, Any], item: Item | None, moving: bool) -> ChainRecord:  # noqa: FBT001 - two facts about a row
    named = {name: row[name] for name in ChainRecord.__dataclass_fields__ if name in row}
    return ChainRecord(**named | {"record_id": bytes(row["record_id"]).hex(), "item": item, "on_its_way": moving})


def _stages(records: list[ChainRecord], tied: set[str], focus: str) -> list[Stage]:
    stages = {name: Stage(name) for name in STAGES}
    of_kind = {kind: name for name, kinds in STAGES.items() for kind in kinds}
    for record in sorted(records, key=lambda one: (one.record_id != focus, one.item is None)):
        stages[of_kind.get(record.kind, "charge")].records.append(record)
    listed = list(stages.values())
    for place, stage in enumerate(listed):
        stage.state = _state(stage, tied)
        broken = [record.item for record in stage.records if record.item is not None]
        for item in broken:
            listed[max(0, place - _is_left(item, stage.name))].breaks = True
        stage.more, stage.records = max(0, len(stage.records) - 3), stage.records[:3]
    return listed


def _is_left(item: Item, stage: str) -> bool:
    """Say whether what is missing belongs before a stage, rather than behind it."""
    if stage == "bank":
        return item.reason != "missing_right"
    return item.reason == "missing_left" or stage in ("journal", "document")


def _state(stage: Stage, tied: set[str]) -> str:
    if any(record.item is not None for record in stage.records):
        return "off"
    if any(record.on_its_way for record in stage.records):
        return "way"
    if any(record.record_id in tied for record in stage.records):
        return "tied"
    return "seen" if stage.records else "none"


def _matches(rows: list[dict[str, Any]], records: dict[str, ChainRecord]) -> list[Match]:
    found: dict[str, Match] = {}
    for row in rows:
        match_id = bytes(row["match_id"]).hex()
        match = found.get(match_id)
        if match is None:
            evidence = json.loads(row["evidence"] or "{}")
            match = found[match_id] = Match(
                match_id=match_id,
                evidence=evidence if isinstance(evidence, dict) else {},
                **{name: row[name] for name in ("reconciliation", "rule", "difference", "currency", "exponent")},
                **{name: row[name] for name in ("score", "margin", "decided_by", "made_at")},
            )
        record = records.get(row["record_id"])
        match.records.append(MatchedRecord(record, row["side"], row["claim"], row["amount"], row["allocated"]))
        before = match.rest.get(row["side"]) or Rest(row["parts"], int(row["whole"]))
        match.rest[row["side"]] = Rest(before.count - 1, before.allocated - row["allocated"])
    return list(found.values())
