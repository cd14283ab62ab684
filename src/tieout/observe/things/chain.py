"""
The chain of one thing through its matches: document, charge, payout, bank line, the ledger's line, and draft journals.

A chain runs one way from the thing to each of its ends. From a charge it goes on to the payout and to the bank line,
never back to the other charges of that payout: what a match ties beside the thing is counted, not followed.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from tieout.model.kinds import MOVED, PAID_OUT
from tieout.model.money import format_minor, format_shortest
from tieout.observe.result_rows import ResultRows, hexadecimal, spans_of
from tieout.observe.things.lookup import fetch_versions

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    import duckdb

    from tieout.store.lake import Lake, LakeFile
    from tieout.store.runs import ResultFile

__all__ = ["FOLLOWED_MAX", "STAGES", "Links", "Rest", "Tie", "links_of", "stage_of", "told_of"]

_LEFT = ("authorisation", "capture", "charge", "void", "refund", "refund_reversal", "dispute", "dispute_reversal")
_MOVED = (*PAID_OUT, *MOVED, "conversion")
#: The stages of a chain as a page shows them, and the kinds of record in each; a kind in none is a line of a platform.
STAGES: dict[str, tuple[str, ...]] = {
    "order": ("order", "fulfilment"),
    "charge": _LEFT,
    "payout": _MOVED,
    "bank": ("bank_entry", "bank_detail", "payment_order", "payment_status"),
    "journal": ("journal_line",),
    "document": ("invoice", "credit_note", "deposit", "bill", "bill_credit", "receipt", "disbursement", "write_off"),
}
# The way of money: what is earlier is what it is for, what is later is where it went.
_FLOW = ("order", "document", "charge", "payout", "bank", "journal")
#: From a match of more records than this on the other side, no record is followed further: they are many things.
FOLLOWED_MAX = 8
_STAGE_OF = {kind: name for name, kinds in STAGES.items() for kind in kinds}
_PLACE = {name: place for place, name in enumerate(_FLOW)}
# As many hops as a chain has stages.
_HOPS_MAX = len(_FLOW)
_TOLD = ("kind", "source_id", "account_id", "external_id", "counterparty", "booked_on", "settlement_id")


def stage_of(kind: str | None) -> str:
    """Name the stage in which a kind of record stands."""
    return _STAGE_OF.get(kind or "", "charge")


@dataclass(frozen=True, slots=True)
class Rest:
    """
    The records of one side of a match that a chain does not go to.

    :ivar allocated: their sum at ``exponent`` decimals; of one currency, as every side has where it has more records.
    """

    count: int
    allocated: int
    exponent: int
    currency: str

    @classmethod
    def of(cls, rows: Iterable[dict[str, Any]]) -> Rest:
        """Sum rows of a match."""
        listed = list(rows)
        exponent = max((int(row["exponent"]) for row in listed), default=0)
        allocated = sum(row["allocated"] * 10 ** (exponent - row["exponent"]) for row in listed)
        return cls(len(listed), allocated, exponent, listed[0]["currency"] if listed else "")


@dataclass(frozen=True, slots=True, kw_only=True)
class Tie:
    """
    One match as the chain comes to it.

    :ivar record_id: whence the chain came (hexadecimal); ``row``: what the match uses up of it.
    :ivar others: the records on the other side that the chain goes to, at most ``FOLLOWED_MAX``, as rows of the match.
    :ivar beside: how many other records the side whence it came has, and what the match uses up of them; ``more``: the
        same of the other side, beyond ``others``.
    """

    match_id: str
    record_id: str
    row: dict[str, Any]
    file: ResultFile
    others: tuple[dict[str, Any], ...]
    more: Rest
    beside: Rest


@dataclass(slots=True)
class Links:
    """
    Everything that matches tie to some records, both ways.

    :ivar about: {record id: what is told of it}; a record that does not stand any more is told as it stood last.
    """

    ties: list[Tie] = field(default_factory=list)
    about: dict[str, dict[str, Any]] = field(default_factory=dict)

    @property
    def ids(self) -> list[str]:
        """Give the ids of all records, in the order of the stages: documents first, the ledger last."""
        return sorted(self.about, key=lambda name: _PLACE[stage_of(self.about[name]["kind"])])


class _Walk:
    def __init__(
        self,
        con: duckdb.DuckDBPyConnection,
        lake: Lake,
        files: dict[str, list[LakeFile]],
        look: ResultRows,
        earlier_max: int,
    ) -> None:
        self._con, self._lake, self._files, self._look = con, lake, files, look
        self._earlier_max = earlier_max
        self.links = Links()
        self._met: set[str] = set()

    def go(self, ids: Sequence[str], later: Sequence[str]) -> None:
        self._read([*ids, *later])
        # Which ways each record is followed: to earlier stages (-1), to later ones (+1), to its own (0).
        ways = dict.fromkeys(later, frozenset({1})) | dict.fromkeys(ids, frozenset({-1, 0, 1}))
        ways = {name: way for name, way in ways.items() if name in self.links.about}
        for _ in range(_HOPS_MAX):
            if not ways:
                return
            ways = self._hop(ways)

    def _hop(self, ways: dict[str, frozenset[int]]) -> dict[str, frozenset[int]]:
        """Follow every record's matches one step; gives the records that this led to, and how to go on from them."""
        own = [(row, file) for row, file in self._rows("record_key", ways) if row["match_id"] not in self._met]
        matches: dict[str, list[dict[str, Any]]] = {row["match_id"]: [] for row, _ in own}
        for row, _ in self._rows("match_id", matches) if own else []:
            matches[row["match_id"]].append(row)
        before = set(self.links.about)
        seen = [row["record_id"] for mine, _ in own for row in _across(mine, matches)[:FOLLOWED_MAX]]
        self._read([name for name in dict.fromkeys(seen) if name not in before])
        onward: dict[str, frozenset[int]] = {}
        for row, file in own:
            there = _across(row, matches)
            others = [o for o in there[:FOLLOWED_MAX] if self._way(row, o) in ways[row["record_id"]]]
            alone = not there and 0 in ways[row["record_id"]]  # a settlement that nets to zero has no other side
            if row["match_id"] in self._met or not (others or alone):
                continue
            self._met.add(row["match_id"])
            self.links.ties.append(_tie(row, file, others, matches[row["match_id"]]))
            for other in others:
                name, way = other["record_id"], self._way(row, other)
                if way and name not in before and len(there) <= (self._earlier_max if way < 0 else FOLLOWED_MAX):
                    onward[name] = onward.get(name, frozenset()) | {way}
        # What was looked at and leads another way is no part of the chain.
        kept = before | {other["record_id"] for tie in self.links.ties for other in tie.others}
        self.links.about = {name: told for name, told in self.links.about.items() if name in kept}
        return onward

    def _rows(self, column: str, ids: Iterable[str]) -> list[tuple[dict[str, Any], ResultFile]]:
        wanted = set(ids)
        name = "match_id" if column == "match_id" else "record_id"
        found = []
        for row, file in self._look.rows("matches", column, spans_of(sorted(wanted))):
            row |= {"match_id": hexadecimal(row["match_id"]), "record_id": hexadecimal(row["record_id"])}
            if row["status"] == "confirmed" and row[name] in wanted:
                found.append((row, file))
        return found

    def _way(self, row: dict[str, Any], other: dict[str, Any]) -> int:
        """Say whether another record of a match stands later (+1), earlier (-1) or at the same stage (0)."""
        if other["record_id"] not in self.links.about:
            return -2  # its record is nowhere: nothing can be told of it
        here, there = (_PLACE[stage_of(self.links.about[r["record_id"]]["kind"])] for r in (row, other))
        return (there > here) - (there < here)

    def _read(self, ids: Sequence[str]) -> None:
        """Read what records are."""
        if not ids:
            return
        fetch_versions(self._con, self._lake, self._files, [bytes.fromhex(name) for name in ids], frozenset())
        names = ", ".join(_TOLD)
        rows = self._con.execute(
            f"select lower(hex(record_id)), amount, currency, coalesce(exponent, own_exponent(currency)) as exponent,"
            f" {names} from version_row order by gone is null, version"
        )
        columns = [column[0] for column in rows.description or []][1:]
        for record_id, *values in rows.fetchall():
            self.links.about[record_id] = dict(zip(columns, values, strict=True))


def _across(row: dict[str, Any], matches: dict[str, list[dict[str, Any]]]) -> list[dict[str, Any]]:
    """Give the other side of a row's match, in a fixed order."""
    others = (other for other in matches[row["match_id"]] if other["side"] != row["side"])
    return sorted(others, key=lambda other: (other["record_key"], other["record_id"]))


def _tie(row: dict[str, Any], file: ResultFile, others: list[dict[str, Any]], every: list[dict[str, Any]]) -> Tie:
    shown = {row["record_id"], *(other["record_id"] for other in others)}
    left = [other for other in every if other["record_id"] not in shown]
    return Tie(
        match_id=row["match_id"],
        record_id=row["record_id"],
        row=row,
        file=file,
        others=tuple(others),
        more=Rest.of(other for other in left if other["side"] != row["side"]),
        beside=Rest.of(other for other in left if other["side"] == row["side"]),
    )


def links_of(
    con: duckdb.DuckDBPyConnection,
    lake: Lake,
    files: dict[str, list[LakeFile]],
    look: ResultRows,
    ids: Sequence[str],
    later: Sequence[str] = (),
    earlier_max: int = FOLLOWED_MAX,
) -> Links:
    """
    Follow records through their matches to both ends.

    :param ids: hexadecimal, few; ``later``: records that are followed only to where their money went.
    :param earlier_max: of more records than this that a payout or a bank's line is made of, none is followed further.
    """
    walk = _Walk(con, lake, files, look, earlier_max)
    walk.go(ids, later)
    return walk.links


def told_of(links: Links, asked: frozenset[str]) -> list[dict[str, Any]]:
    """
    Tell a chain record by record, documents first, the ledger last.

    ``tied_by`` has the matches by which the chain came to a record: ``with`` is the record whence it came, ``beside`` how
    many others the match ties to this one together with that, ``more`` how many to that together with this one.
    """
    ties: dict[str, list[dict[str, Any]]] = {}
    for tie in links.ties:
        for other in tie.others:
            said = {name: tie.row[name] for name in ("match_id", "reconciliation", "rule", "claim")}
            said |= {"with": tie.record_id, "provisional": tie.file.provisional, "beside": tie.beside.count}
            said |= {"more": tie.more.count + len(tie.others) - 1, "currency": other["currency"]}
            allocated = format_shortest(other["allocated"], other["exponent"], other["currency"])
            ties.setdefault(other["record_id"], []).append(said | {"claim": other["claim"], "allocated": allocated})
    return [_told(name, links.about[name], ties.get(name, []), asked=name in asked) for name in links.ids]


def _told(record_id: str, about: dict[str, Any], ties: list[dict[str, Any]], *, asked: bool) -> dict[str, Any]:
    amount, day = about["amount"], about["booked_on"]
    return {
        "stage": stage_of(about["kind"]),
        "record_id": record_id,
        "kind": about["kind"],
        "source": about["source_id"],
        "account": about["account_id"],
        **{name: about[name] for name in ("external_id", "counterparty", "currency")},
        "booked_on": None if day is None else day.isoformat(),
        "amount": None if amount is None else format_minor(amount, about["exponent"]),
        "asked": asked,
        "tied_by": ties,
    }
