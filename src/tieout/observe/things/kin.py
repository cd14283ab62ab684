"""
What is one payment with a record, by the identifiers that systems gave it: its order, refund, dispute, fee, document.

Two records that name the same third thing are kin only if few name it: an order is one thing, a customer's number is many.
A settlement is many things too: of its records only the payout is looked at, and its lines are counted.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tieout.model.kinds import PAID_OUT
from tieout.observe.things.chain import STAGES, stage_of
from tieout.observe.things.lookup import fetch_versions, find_by_reference
from tieout.store.views import table

if TYPE_CHECKING:
    import duckdb

    from tieout.store.lake import Lake, LakeFile

__all__ = ["Kin"]

#: So many identifiers of a record are followed, and an identifier that more records name is none of one payment.
IDENTIFIERS_MAX = 8
#: So many lines of a settlement are read for the story of its payout.
_LINES_MAX = 8
# A bank's or a ledger's line names things of many kinds; what a platform settled together is not one of them.
_NAMED_AT_A_BANK = (*PAID_OUT, *STAGES["document"], *STAGES["bank"], *STAGES["journal"])
_OF_SETTLEMENT = 1 << 2
_COLUMNS = (
    "kind, amount, currency, coalesce(exponent, own_exponent(currency)) as exponent, booked_on, source_id, account_id,"
    ' external_id, counterparty, settlement_id, payment_id, parent_external_id, "references"'
)


class Kin:
    """
    The records that are one payment with another.

    :ivar told: {record id: what it says}, the record itself first.
    :ivar followed: whose matches tell the chain; ``payouts``: that are only followed to where they went.
    :ivar lines: how many lines the settlement has; ``of_settlement``: the ids of those that were read.
    :ivar focus: the stage of the record itself.
    """

    def __init__(
        self, con: duckdb.DuckDBPyConnection, lake: Lake, files: dict[str, list[LakeFile]], record_id: str
    ) -> None:
        """Gather them, from a record's id (hexadecimal, whole)."""
        self._con, self._lake, self._files = con, lake, files
        self._superseded = table(lake, "superseded", files["superseded"])
        self.told: dict[str, dict[str, Any]] = {}
        self.payouts: list[str] = []
        self.of_settlement: set[str] = set()
        self.lines = 0
        fetch_versions(con, lake, files, [bytes.fromhex(record_id)], frozenset())
        self._keep("(select * from version_row where gone is null)", "true")
        own = self.told.get(record_id)
        self.focus = stage_of(own["kind"]) if own else "charge"
        self.settlement_id: str | None = own["settlement_id"] if own else None
        if own and self.focus in ("bank", "journal"):
            self._look_up(_identifiers(own), f"kind in {_NAMED_AT_A_BANK}")
        elif own and self.focus != "payout":
            self._of_one_payment(own)
        # An order has no matches: what was paid for it has.
        several = self.focus == "order"
        self.followed = list(self.told) if several else [record_id]
        settled = [row["settlement_id"] for row in self.told.values()] if several else [self.settlement_id]
        for settlement in dict.fromkeys(name for name in settled if name):
            self._settle(settlement)

    def _of_one_payment(self, own: dict[str, Any]) -> None:
        """Look up the record's identifiers, then those that its kin have of their own."""
        banks = (*STAGES["bank"], *STAGES["journal"])
        self._look_up(_identifiers(own), f"kind not in {(*STAGES['payout'], *banks)}")
        for row in list(self.told.values())[1:]:
            self._look_up(_identifiers(row, own=True), f"kind not in {(*STAGES['payout'], *banks)}")

    def _settle(self, settlement_id: str) -> None:
        """Take in the payout of a settlement, and count its lines."""
        find_by_reference(self._con, self._lake, self._files, settlement_id)
        known = len(self.told)
        self._keep(self._found(_OF_SETTLEMENT), f"kind in {PAID_OUT}")
        self.payouts += list(self.told)[known:]
        rows = self._con.execute(
            f"select lower(hex(record_id)) from {self._found(_OF_SETTLEMENT)} where kind not in {PAID_OUT}"
            f" and kind not in {(*STAGES['bank'], *STAGES['journal'], *STAGES['document'])}"
        )
        listed = {record_id for (record_id,) in rows.fetchall()}
        self.of_settlement |= listed
        self.lines += len(listed)
        if self.focus == "payout":
            self._keep(self._found(_OF_SETTLEMENT), f"kind not in {PAID_OUT}", _LINES_MAX)

    def _look_up(self, identifiers: list[str], condition: str) -> None:
        for identifier in identifiers:
            if 0 < find_by_reference(self._con, self._lake, self._files, identifier)[0] <= IDENTIFIERS_MAX:
                self._keep(self._found(~_OF_SETTLEMENT), condition)

    def _found(self, roles: int) -> str:
        """Give the records that the last look-up found in one of some roles, as they stand."""
        return (
            "(select r.* from row_found r join hit h on h.record_id = r.record_id and h.version = r.version"
            f" anti join {self._superseded} s on s.record_key = r.record_key and s.record_id = r.record_id"
            f" and s.version = r.version where h.roles & {roles} <> 0)"
        )

    def _keep(self, relation: str, condition: str, most: int = IDENTIFIERS_MAX) -> None:
        rows = self._con.execute(
            f"select lower(hex(record_id)), {_COLUMNS} from {relation} where {condition} and status <> 'provisional'"
            f" order by booked_on nulls last, record_id limit {most}"
        )
        columns = [column[0] for column in rows.description or []][1:]
        for record_id, *values in rows.fetchall():
            self.told.setdefault(record_id, dict(zip(columns, values, strict=True)))


def _identifiers(row: dict[str, Any], *, own: bool = False) -> list[str]:
    """Give what a record is called; unless only its own names are wanted, also what it names."""
    named = [row["external_id"], row["payment_id"], row["parent_external_id"]]
    named += [] if own else row["references"] or []
    return [name for name in dict.fromkeys(named) if name and name != row["settlement_id"]][:IDENTIFIERS_MAX]
