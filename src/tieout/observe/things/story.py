"""
The story of one record: the chain from the order to the ERP, left to right, and where it breaks.

Identifiers lead to what is one payment with it (order, refund, dispute, fee, document), matches lead on to the payout and
the bank. What stands in a chain was reported by somebody or matched by a run; a resemblance alone never puts a record
there. Other lines of the same settlement are counted, and are no part of the story.
"""

from __future__ import annotations

import datetime as dt
from contextlib import closing
from dataclasses import dataclass, field
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from tieout.observe.result_rows import ResultRows, hexadecimal, spans_of
from tieout.observe.snapshot import moment_of, take_snapshot
from tieout.observe.things.chain import STAGES, Links, Rest, links_of, stage_of
from tieout.observe.things.drafted import journals_of
from tieout.observe.things.evidence import BESIDE_FIELDS, RulesOfRuns
from tieout.observe.things.kin import Kin
from tieout.observe.things.standing import standing_of
from tieout.observe.work import worklist
from tieout.store.corrected import as_corrected
from tieout.store.engine import connect

if TYPE_CHECKING:
    from tieout.observe.work.worklist import Item
    from tieout.store.workplace import Store

__all__ = ["Chain", "ChainRecord", "Match", "MatchedRecord", "Stage", "chain_of"]

#: So many records of a stage are shown; the rest is counted.
SHOWN_MAX = 3


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
    """One record of a match: what the claim measures, and what the match uses up, in minor units of its own currency."""

    record: ChainRecord | None
    side: str
    claim: str
    amount: int
    allocated: int
    currency: str
    exponent: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Match:
    """
    A match of the chain, and why it was made.

    :ivar difference: as decimal text, in a currency of its own where the sides have two.
    :ivar rest: by side, what is not shown of it.
    :ivar why: what it rests on, as a sentence. ``evidence``: by field: ``{left, right, agree}``.
    """

    match_id: str
    reconciliation: str
    rule: str
    difference: str
    difference_currency: str
    why: str | None
    decided_by: str | None
    made_at: dt.datetime | None
    evidence: dict[str, Any]
    records: list[MatchedRecord] = field(default_factory=list)
    rest: dict[str, Rest] = field(default_factory=dict)

    @property
    def of_settlement(self) -> bool:
        """Whether it says what a settlement is made of."""
        return any(part.claim == "settlement" and part.side in self._sides for part in self.records)

    @property
    def is_mixed(self) -> bool:
        """Whether its records have several currencies."""
        return len({part.currency for part in self.records}) > 1

    @property
    def differs(self) -> bool:
        """Whether there is a difference."""
        return Decimal(self.difference) != 0

    @property
    def _sides(self) -> set[str]:
        return {side for side, rest in self.rest.items() if rest.count}


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
    :ivar settlement_id: in which the record was settled; ``beside``: how many other lines that settlement has.
    :ivar is_payout: the record is what the settlement paid out, so that its lines are its own.
    :ivar journals: the drafts that book it, as ``explain`` tells them.
    """

    record_id: str
    stages: list[Stage]
    matches: list[Match]
    settlement_id: str | None = None
    beside: int = 0
    is_payout: bool = False
    journals: list[dict[str, Any]] = field(default_factory=list)

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
        stand = as_corrected(con, store.lake, snapshot.files, snapshot.corrected, snapshot.results)
        look = ResultRows(con, store.lake, stand)
        kin = Kin(con, store.lake, snapshot.files, record_id)
        links = links_of(con, store.lake, snapshot.files, look, kin.followed, kin.payouts, earlier_max=1)
        told = kin.told | links.about
        moving = _on_their_way(look, told)
        with store.book.reading() as connection:
            rules = RulesOfRuns(connection, snapshot.results.runs)
            ids = sorted({bytes.fromhex(tie.record_id) for tie in links.ties})
            standing = standing_of(con, store.lake, snapshot.files, look, ids, rules)
        journals = journals_of(con, store.lake, stand, _booked(links, kin.focus))
    open_items = {i.record_id: i for i in worklist.open_records(store.book, list(told)) if i.state != "resolved"}
    records = {name: _record(name, row, open_items.get(name), name in moving) for name, row in told.items()}
    tied = {name for tie in links.ties for name in (tie.record_id, *(other["record_id"] for other in tie.others))}
    stages = _stages(list(records.values()), tied, record_id)
    beside = kin.lines - sum(name in kin.of_settlement for name in told)
    _count_lines(stages, kin.focus, beside)
    return Chain(
        record_id,
        stages,
        _matches(links, records, snapshot.results.runs, standing),
        kin.settlement_id,
        beside,
        kin.focus == "payout",
        journals,
    )


def _booked(links: Links, focus: str) -> list[str]:
    """Choose the records whose journals are told: of a payout or a bank's line not those of all that it is made of."""
    made_of = [name for name in links.ids if stage_of(links.about[name]["kind"]) in ("charge", "document", "order")]
    left_out = set(made_of) if focus in ("payout", "bank", "journal") and len(made_of) > 1 else set()
    return [name for name in links.ids if name not in left_out]


def _on_their_way(look: ResultRows, told: dict[str, Any]) -> set[str]:
    """Find which records are on their way."""
    rows = look.rows("positions", "record_key", spans_of(told)) if told else []
    return {name for row, _ in rows if row["state"] == "in_transit" and (name := hexadecimal(row["record_id"])) in told}


def _record(record_id: str, row: dict[str, Any], item: Item | None, moving: bool) -> ChainRecord:  # noqa: FBT001 - two facts about a row
    named = {name: row[name] for name in ChainRecord.__dataclass_fields__ if name in row}
    return ChainRecord(**named | {"record_id": record_id, "item": item, "on_its_way": moving})


def _count_lines(stages: list[Stage], focus: str, beside: int) -> None:
    """Say at a payout how many lines it has that are not shown."""
    if focus == "payout":
        charges = next(stage for stage in stages if stage.name == "charge")
        charges.more += beside


def _stages(records: list[ChainRecord], tied: set[str], focus: str) -> list[Stage]:
    stages = {name: Stage(name) for name in STAGES}
    for record in sorted(records, key=lambda one: (one.record_id != focus, one.item is None)):
        stages[stage_of(record.kind)].records.append(record)
    listed = list(stages.values())
    for place, stage in enumerate(listed):
        stage.state = _state(stage, tied)
        broken = [record.item for record in stage.records if record.item is not None]
        for item in broken:
            listed[max(0, place - _is_left(item, stage.name))].breaks = True
        stage.more, stage.records = max(0, len(stage.records) - SHOWN_MAX), stage.records[:SHOWN_MAX]
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


def _matches(
    links: Links, records: dict[str, ChainRecord], runs: dict[str, Any], standing: dict[str, dict[str, Any]]
) -> list[Match]:
    told = {match["match_id"]: match for one in standing.values() for match in one["matches"]}
    found = []
    for tie in links.ties:
        about = told[tie.match_id]
        evidence = about["evidence"]
        side, other = tie.row["side"], "right" if tie.row["side"] == "left" else "left"
        names = ("match_id", "reconciliation", "rule", "decided_by")
        match = Match(
            made_at=moment_of(runs[tie.file.run_id]["at"]),
            why=about["why"],
            difference=about["difference"],
            difference_currency=about["difference_currency"],
            evidence={name: one for name, one in evidence.items() if name not in BESIDE_FIELDS},
            rest={side: tie.beside, other: tie.more},
            **{name: tie.row[name] for name in names},
        )
        for row in (tie.row, *tie.others):
            record = records.get(row["record_id"])
            said = {name: row[name] for name in ("side", "claim", "amount", "allocated", "currency", "exponent")}
            match.records.append(MatchedRecord(record, **said))
        found.append(match)
    return found
