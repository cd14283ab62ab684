"""
What becomes of one shape of facts: the lines of its posting with their ledger accounts, or why there are none.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple

from tieout.accounting._returning import ASIDE
from tieout.accounting.postings import MONEY_NAMES, Line, Posting, Postings
from tieout.config.accounts import beside
from tieout.model.kinds import KINDS

if TYPE_CHECKING:
    from tieout.config import Account, Workspace

__all__ = ["Chart", "Plan", "PlanLine", "plan_of"]

#: Documents that the ERP booked as money: the payment stands in the ledger already.
_BOOKED_BY_ERP = ("receipt", "disbursement", "write_off")


#: What a posting looks like that a person writes for something that nobody foresaw.
_OWN_LINES = '{ debit = "money", amount = "amount" }, { credit = "NAME", amount = "amount" }'


class PlanLine(NamedTuple):
    """
    A line that every piece of a shape gets.

    :ivar name: what the posting calls the account.
    :ivar account_id: the account of ours that it moves; None for income, receivables and the like.
    :ivar side: 1 debit, -1 credit.
    :ivar clears: it pays the document of its piece.
    :ivar carries: it takes what its piece is about out of the books at what it stands there for.
    """

    name: str
    account: str
    account_id: str | None
    side: int
    amount: int
    fee: int
    fee_tax: int
    tax: int
    clears: bool
    carries: bool
    tax_code: str | None
    dimensions: str | None


@dataclass(frozen=True, slots=True)
class Plan:
    """
    What becomes of a shape.

    :ivar state: ``drafted``; ``erp``: the ERP books it, ``leg`` being which of its legs (None: what it booked is matched); ``waiting``: for a match; ``silent``: nothing to book; ``refused``: with reason and note.
    :ivar books_fee: the fee is in it, and needs no journal of its own.
    :ivar lacking: names without a ledger account, each with the account of ours that it would be; of a refused one.
    """

    state: str
    lines: tuple[PlanLine, ...] = ()
    posting: str | None = None
    reason: str | None = None
    note: str | None = None
    books_fee: bool = False
    leg: str | None = None
    lacking: tuple[tuple[str, str | None], ...] = ()


@dataclass(slots=True)
class Chart:
    """The ledger accounts of a workspace: those of its accounts, and those that its postings name."""

    postings: Postings
    workspace: Workspace
    _accounts: dict[str, Account] = field(init=False)
    _books: dict[str, Mapping[str, str]] = field(init=False)

    def __post_init__(self) -> None:
        """Index what is looked up per shape."""
        self._accounts = {account.id: account for account in self.workspace.accounts}
        self._books = {entity.id: entity.books for entity in self.workspace.entities}

    def books(self, entity: str, leg: str) -> str | None:
        """Say who books a leg of an entity: ``tieout`` or ``erp``; None: the entity is not declared."""
        return self._books[entity].get(leg, "tieout") if entity in self._books else None

    def kind(self, account_id: str | None, kind: str) -> str:
        """Give the kind of an account: as declared, else as its records say."""
        declared = self._accounts.get(account_id or "")
        if declared is not None and declared.kind is not None:
            return declared.kind
        return "bank" if "bank" in KINDS[kind].claims else "platform"

    def account(self, name: str, shape: Mapping[str, str | None]) -> tuple[str | None, str | None]:
        """
        Give (ledger account, account of ours) of a name.

        A name of money stands for the record's own account, if it is of that kind, else for the account on the other
        side of its match, else for the one that is declared beside it; failing that, and for every other name, it is
        what ``[accounts]`` says.
        """
        ours = self._ours(name, shape) if name in MONEY_NAMES else None
        declared = self._accounts.get(ours or "")
        if declared is not None and declared.ledger_account is not None:
            return declared.ledger_account, ours
        return self.postings.account(name, str(shape["entity_id"]), str(shape["currency"])), ours

    def word(self, name: str, shape: Mapping[str, str | None]) -> str:
        """Say which account ``money`` is: the bank, the platform's, ...; every other name stays as it is."""
        if name != "money":
            return name
        kind = self.kind(shape["account_id"], str(shape["kind"]))
        return next((word for word, kinds in MONEY_NAMES.items() if kinds == (kind,)), name)

    def _ours(self, name: str, shape: Mapping[str, str | None]) -> str | None:
        kinds, own = MONEY_NAMES[name], shape["account_id"]
        if self.kind(own, str(shape["kind"])) in kinds:
            return own
        other = shape["other_account_id"]
        # What stands on the other side of a bank's entry is a platform, unless it was declared as something else.
        if other is not None and self.kind(other, "payout") in kinds:
            return other
        if name == "platform_clearing":
            return None
        came_from = self._accounts.get(other or "")
        sources = (shape["source_id"], None if came_from is None else came_from.source)
        found = beside(self.workspace, kinds, shape["entity_id"], shape["currency"], *sources)
        return None if found is None else found.id


def plan_of(shape: Mapping[str, str | None], chart: Chart) -> Plan:
    """Choose the posting of a shape and give every line its ledger account."""
    entity = str(shape["entity_id"])
    if shape["document"] in _BOOKED_BY_ERP:
        return Plan("erp")
    if chart.books(entity, "receipt") is None:
        note = f"expected a declared entity, got {entity!r}: declare it as [[entity]] in tieout.toml"
        return Plan("refused", reason="master_data", note=note)
    asked = {
        **shape,
        "at": chart.kind(shape["account_id"], str(shape["kind"])),
        "entity": entity,
        "account": shape["account_id"],
        "source": shape["source_id"],
    }
    posting = chart.postings.posting_for(asked, fees=chart.books(entity, "fee") == "tieout")
    if posting is None:
        return _unknown(shape)
    if chart.books(entity, posting.leg) == "erp" and shape["crossed"] != "money":
        return Plan("erp", leg=posting.leg)
    if shape["crossed"] == "money":
        return _through_clearing(shape, posting, chart)
    return _planned(shape, posting, chart)


def _unknown(shape: Mapping[str, str | None]) -> Plan:
    """Nobody said what such a fact does: an entry of a bank waits for its match, anything else needs a person."""
    if shape["outcome"] is not None:
        return Plan("silent")  # a dispute that was won is booked when its money comes back
    if shape["kind"] == "bank_entry" and shape["matched"] == "nothing":
        return Plan("waiting")
    keys = ("kind", "matched", "document", "adjustment", "sign")
    said = ", ".join(f'{key} = "{shape[key]}"' for key in keys if shape[key] is not None)
    own = f'posting = [{{ name = "{shape["kind"]}", leg = "receipt", when = {{ {said} }}, lines = [{_OWN_LINES}] }}]'
    note = f"expected a posting for {said}, found none: write to postings/own.toml {own} with the name of an account of [accounts]"
    return Plan("refused", reason="master_data", note=note)


def _through_clearing(shape: Mapping[str, str | None], posting: Posting, chart: Chart) -> Plan:
    """Book the money of a match in two currencies against FX clearing, as its posting books the other half."""
    if chart.books(str(shape["entity_id"]), posting.leg) == "erp":
        return Plan("erp", leg=posting.leg)
    lines = (
        Line(account="money", debit=True, amount=(1, 0, 0, 0)),
        Line(account="fx_clearing", debit=False, amount=(1, 0, 0, 0)),
    )
    name = posting.name
    return _planned({**shape, "crossed": None}, Posting(name=name, leg=posting.leg, when={}, lines=lines), chart)


def _planned(shape: Mapping[str, str | None], posting: Posting, chart: Chart) -> Plan:
    planned: list[PlanLine] = []
    lacking: list[tuple[str, str | None]] = []
    crossed = shape["crossed"] == "counter"
    kind = str(shape["kind"])
    aside = {**ASIDE, "conversion": "fx_clearing"}.get(kind) if shape["matched"] in {None, "nothing"} else None
    present = {1: shape["has_fee"], 2: shape["has_fee_tax"], 3: shape["has_tax"]}
    beside = [line for line in posting.lines if not _moves_money(line, shape, chart)]
    for line in posting.lines:
        if not (line.amount[0] or any(line.amount[place] and there for place, there in present.items())):
            continue
        money = _moves_money(line, shape, chart)
        name = chart.word(line.account, shape) if not (crossed and money) else "fx_clearing"
        account, ours = chart.account(name, shape)
        if account is None:
            lacking.append((name, ours))
            continue
        clears = not money and name != "fx_clearing"
        converts = line.account == aside == "fx_clearing"
        carries = line.account == aside if aside else len(beside) == 1
        planned.append(
            PlanLine(
                name,
                account,
                ours,
                1 if line.debit else -1,
                *line.amount,
                clears,
                (clears or converts) and carries and line.amount[1:] == (0, 0, 0),
                line.tax_code,
                json.dumps(dict(line.dimensions), sort_keys=True) if line.dimensions else None,
            )
        )
    if lacking:
        return Plan("refused", reason="unknown_account", lacking=tuple(dict.fromkeys(lacking)))
    return Plan("drafted", tuple(planned), posting.name, books_fee=posting.books_fee)


def _moves_money(line: Line, shape: Mapping[str, str | None], chart: Chart) -> bool:
    """Say whether a line stands for the record's own account."""
    kinds = MONEY_NAMES.get(line.account)
    return kinds is not None and chart.kind(shape["account_id"], str(shape["kind"])) in kinds
