"""
Which text of an entry means what: the tables of ISO 20022 paths, and the plans made from them.

Paths are local names, so that every version reads alike. The tables hold all versions' spellings: version 1 has
``Btch`` directly in the entry and ``CdtrRef`` for ``Ref``, version 8 puts a party's name into ``Pty``.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from itertools import chain
from typing import TYPE_CHECKING, NamedTuple

from tieout.formats.camt.shapes import Place, where

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

__all__ = [
    "Amounts",
    "Batch",
    "Charge",
    "Charges",
    "DetailPlan",
    "EntryPlan",
    "Party",
    "Template",
    "plan_detail",
    "plan_entry",
]

#: Texts that stand for amounts: (index, currency as its attribute says).
Amounts = tuple[tuple[int, str | None], ...]
#: What goes into ``details``: (``"path":``, index of its text), or ready-made JSON and -1.
Rest = tuple[tuple[str, int], ...]

_DOMAIN = ("BkTxCd/Domn/Cd", "BkTxCd/Domn/Fmly/Cd", "BkTxCd/Domn/Fmly/SubFmlyCd")
_PROPRIETARY = "BkTxCd/Prtry/Cd"
_DETAIL_ROOTS = ("NtryDtls/TxDtls/", "TxDtls/")
_ENTRY_REFERENCES = (
    "AcctSvcrRef",
    "NtryDtls/Btch/MsgId",
    "NtryDtls/Btch/PmtInfId",
    "Btch/MsgId",
    "Btch/PmtInfId",
)
_ENTRY_MAPPED = {
    *("Amt", "CdtDbtInd", "Sts", "Sts/Cd", "Sts/Prtry", "BookgDt/Dt", "ValDt/Dt"),
    *("BookgDt/Dt/DtTm", "ValDt/Dt/DtTm", "ValDt/DtTm"),
    *_ENTRY_REFERENCES,
}
#: A detail's own name, best first: the bank's reference, then the clearing's, the payer's, the sender's.
_OWN_REFERENCES = ("Refs/AcctSvcrRef", "Refs/TxId", "Refs/EndToEndId", "Refs/InstrId")
_DETAIL_REFERENCES = (
    *("Refs/EndToEndId", "Refs/MsgId", "Refs/PmtInfId", "Refs/InstrId", "Refs/TxId", "Refs/UETR", "Refs/MndtId"),
    *("Refs/ChqNb", "Refs/ClrSysRef", "Refs/AcctSvcrRef", "Refs/AcctOwnrTxId", "Refs/AcctSvcrTxId"),
    *("Refs/MktInfrstrctrTxId", "Refs/PrcgId", "Refs/Prtry/Ref"),
    *("RmtInf/Strd/CdtrRefInf/Ref", "RmtInf/Strd/CdtrRefInf/CdtrRef"),
    *("RmtInf/Strd/RfrdDocInf/Nb", "RmtInf/Strd/RfrdDocInf/RfrdDocNb"),
)
_DETAIL_TEXTS = ("RmtInf/Ustrd", "RmtInf/Strd/AddtlRmtInf", "AddtlTxInf")
_ORIGINALS = ("AmtDtls/InstdAmt/Amt", "AmtDtls/CntrValAmt/Amt", "AmtDtls/TxAmt/Amt")
_CHARGES = ("Chrgs/Rcrd/Amt", "Chrgs/Amt")
_MOMENTS = ("RltdDts/TxDtTm", "RltdDts/AccptncDtTm")


def _party_paths(role: str) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Give the paths of a party's names and account numbers; ``role`` is ``Dbtr`` or ``Cdtr``."""
    names = tuple(
        f"RltdPties/{who}/{name}"
        for who in (role, f"Ultmt{role}")
        for name in ("Nm", "Pty/Nm", "Agt/FinInstnId/Nm", "Agt/FinInstnId/CmbndId/Nm")
    )
    forms = ("IBAN", "Othr/Id", "BBAN", "UPIC", "PrtryAcct/Id")
    return names, tuple(f"RltdPties/{role}Acct/Id/{form}" for form in forms)


_PARTIES = {role: _party_paths(role) for role in ("Dbtr", "Cdtr")}
#: Of each party only the best name is mapped: an ultimate debtor beside a debtor stays in ``details``.
_DETAIL_MAPPED = {"Amt", "CdtDbtInd", *_DETAIL_REFERENCES, *_DETAIL_TEXTS}


@dataclass(frozen=True, slots=True)
class Template:
    """
    The JSON of ``details`` with ``%s`` for each text, between its quotes.

    :ivar indexes: the texts, in the order of the template.
    """

    written: str
    indexes: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Party:
    """
    The places of one side of a payment.

    :ivar rest: what ``details`` keeps of this side where it is our own, and not the counterparty.
    """

    names: tuple[int, ...]
    accounts: tuple[int, ...]
    rest: Rest


class Charge(NamedTuple):
    """Where one charge stands: its amount, and what says whom it favours and whether it is part of the amount booked."""

    amount: int
    currency: str | None
    indicator: int | None
    included: int | None


class Batch(NamedTuple):
    """Where the total of a batch (``TtlAmt``) stands, and what says its direction."""

    amount: int
    currency: str | None
    indicator: int | None


class Charges(NamedTuple):
    """Where the charges of an entry, or of a transaction, stand: one by one, and their stated total."""

    records: tuple[Charge, ...]
    totals: Amounts


@dataclass(frozen=True, slots=True)
class DetailPlan:
    """
    Where the texts of one transaction (``TxDtls``) stand.

    :ivar direct: its own amount (``Amt``); booked: that, or the one of ``TxAmt``; originals: instructed, counter value, transaction amount.
    :ivar own: references that may name it, best first.
    :ivar templates: what ``details`` keeps, by {(the debtor is the counterparty, the amounts differ)}: our own side of
        the payment, and ``AmtDtls`` only where it says something new.
    :ivar everything: all of its texts, for an entry that must keep them in the transaction's stead.
    """

    direct: Amounts
    booked: Amounts
    indicator: tuple[int, ...]
    own: tuple[int, ...]
    references: tuple[int, ...]
    texts: tuple[int, ...]
    debtor: Party
    creditor: Party
    originals: Amounts
    rate: tuple[int, ...]
    domain: tuple[int, ...]
    proprietary: tuple[int, ...]
    moments: tuple[int, ...]
    charges: Charges
    templates: dict[tuple[bool, bool], Template]
    everything: Rest


@dataclass(frozen=True, slots=True)
class EntryPlan:
    """
    Where the texts of one entry (``Ntry``) stand.

    :ivar detail: the only transaction inside it, whose texts are among the entry's; None where there is none, or
        several (they are read apart).
    :ivar references, moments: those of the only transaction first.
    :ivar batch: how many transactions the bank says are in it (``NbOfTxs``).
    :ivar batches: the totals of its batches, where every ``NtryDtls`` has one: together they are the entry.
    :ivar words: direction, status and reversal: entries that agree in them can be read together.
    """

    amount: Amounts
    indicator: tuple[int, ...]
    reversal: tuple[int, ...]
    status: tuple[int, ...]
    booked: tuple[int, ...]
    value: tuple[int, ...]
    moments: tuple[int, ...]
    reference: tuple[int, ...]
    entry_reference: tuple[int, ...]
    references: tuple[int, ...]
    domain: tuple[int, ...]
    proprietary: tuple[int, ...]
    notes: tuple[int, ...]
    charges: Charges
    originals: Amounts
    rate: tuple[int, ...]
    batch: tuple[int, ...]
    batches: tuple[Batch, ...]
    detail: DetailPlan | None
    template: Template
    words: tuple[int, ...]


def _amounts(places: Sequence[Place], *paths: str) -> Amounts:
    return tuple((place.number, place.currency) for path in paths for place in places if place.path == path)


def _charges(places: Sequence[Place]) -> Charges:
    beside = {place.exact: place.number for place in places}
    records = tuple(
        Charge(place.number, place.currency, beside.get(f"{within}/CdtDbtInd"), beside.get(f"{within}/ChrgInclInd"))
        for place in places
        if place.path in _CHARGES
        for within in [place.exact.rpartition("/")[0]]
    )
    return Charges(records, _amounts(places, "Chrgs/TtlChrgsAndTaxAmt"))


def _batches(places: Sequence[Place]) -> tuple[Batch, ...]:
    beside = {place.exact: place.number for place in places}
    found = tuple(
        Batch(place.number, place.currency, beside.get(f"{place.exact.rpartition('/')[0]}/CdtDbtInd"))
        for place in places
        if place.path in {"NtryDtls/Btch/TtlAmt", "Btch/TtlAmt"}
    )
    containers = {place.exact.partition("/")[0] for place in places if place.path.startswith("NtryDtls/")}
    return found if len(found) >= len(containers) else ()


def _rest(places: Iterable[Place], prefix: str = "") -> Rest:
    """Name what ``details`` keeps, sorted by path; a currency stands beside its amount as ``Amt/@Ccy``."""
    pairs = [(f"{prefix}{place.exact}", place) for place in places]
    keyed = [(f"{json.dumps(name, ensure_ascii=False)}:", place.number) for name, place in pairs]
    marks = [
        (f"{json.dumps(name + '/@Ccy', ensure_ascii=False)}:{json.dumps(place.currency)}", -1)
        for name, place in pairs
        if place.currency
    ]
    return tuple(sorted(chain(keyed, marks)))


def _rate(places: Sequence[Place]) -> tuple[int, ...]:
    """Find the first exchange rate, which may stand beside any of the amounts."""
    return tuple(p.number for p in places if p.path.startswith("AmtDtls/") and p.path.endswith("CcyXchg/XchgRate"))[:1]


def _template(*rests: Rest) -> Template:
    parts = [part for rest in rests for part in rest]
    fields = ((key.replace("%", "%%") + ('"%s"' if index >= 0 else "")) for key, index in parts)
    return Template("{" + ",".join(fields) + "}", tuple(index for _, index in parts if index >= 0))


def _plan_party(places: Sequence[Place], role: str, prefix: str) -> Party:
    names, accounts = _PARTIES[role]
    name, account = where(places, *names)[:1], where(places, *accounts)[:1]
    return Party(name, account, _rest((p for p in places if p.number in (*name, *account)), prefix))


def plan_detail(
    places: Sequence[Place], prefix: str = "", before: Rest = (), *, mapped: Iterable[str] = _DOMAIN
) -> DetailPlan:
    """
    Make the plan of a transaction.

    :param places: its texts, with paths below ``TxDtls``.
    :param prefix: what stands before its paths in ``details``.
    :param before: what ``details`` keeps of the entry, where both are one record.
    :param mapped: the bank codes that are the record's own, and so need not be kept in ``details``.
    """
    debtor, creditor = _plan_party(places, "Dbtr", prefix), _plan_party(places, "Cdtr", prefix)
    rate = _rate(places)
    taken = {*debtor.names, *debtor.accounts, *creditor.names, *creditor.accounts, *rate}
    known = {*_DETAIL_MAPPED, *mapped}
    rest = [p for p in places if p.path not in known and p.path not in _ORIGINALS and p.number not in taken]
    always = (*before, *_rest(rest, prefix))
    amounts = _rest((p for p in places if p.path in _ORIGINALS), prefix)
    return DetailPlan(
        direct=_amounts(places, "Amt"),
        booked=_amounts(places, "Amt", _ORIGINALS[-1]),
        indicator=where(places, "CdtDbtInd"),
        own=where(places, *_OWN_REFERENCES),
        references=where(places, *_DETAIL_REFERENCES),
        texts=where(places, *_DETAIL_TEXTS),
        debtor=debtor,
        creditor=creditor,
        originals=_amounts(places, *_ORIGINALS),
        rate=rate,
        domain=where(places, *_DOMAIN),
        proprietary=where(places, _PROPRIETARY),
        moments=where(places, *_MOMENTS),
        charges=_charges(places),
        templates={
            (is_debtor, differ): _template(always, (creditor if is_debtor else debtor).rest, amounts if differ else ())
            for is_debtor in (False, True)
            for differ in (False, True)
        },
        everything=_rest(places),
    )


def _inside(places: Sequence[Place]) -> list[Place]:
    """Give the texts of the only transaction, with paths below ``TxDtls``."""
    found = []
    for place in places:
        root = next((root for root in _DETAIL_ROOTS if place.path.startswith(root)), None)
        if root is not None:
            exact = place.exact.partition("TxDtls")[2].partition("/")[2]
            found.append(place._replace(path=place.path.removeprefix(root), exact=exact))
    return found


def plan_entry(places: Sequence[Place]) -> EntryPlan:
    """Make the plan of an entry, and of the only transaction inside it."""
    inside = _inside(places)
    own = {place.number for place in inside}
    outside = [place for place in places if place.number not in own]
    domain, proprietary = where(outside, *_DOMAIN), where(outside, _PROPRIETARY)
    codes = _DOMAIN if domain else (_PROPRIETARY,)
    has_text = any(place.path in _DETAIL_TEXTS for place in inside)
    mapped = {*_ENTRY_MAPPED, *codes} | (set() if has_text else {"AddtlNtryInf"})
    rest = _rest(place for place in outside if place.path not in mapped)
    own_code = () if domain or proprietary else _DOMAIN
    detail = plan_detail(inside, "TxDtls/", rest, mapped=own_code) if inside else None
    indicator, reversal = where(outside, "CdtDbtInd"), where(outside, "RvslInd")
    status = where(outside, "Sts", "Sts/Cd", "Sts/Prtry")
    return EntryPlan(
        amount=_amounts(outside, "Amt"),
        indicator=indicator,
        reversal=reversal,
        status=status,
        booked=where(outside, "BookgDt/Dt", "BookgDt/DtTm", "BookgDt/Dt/DtTm", "BookgDt"),
        value=where(outside, "ValDt/Dt", "ValDt/DtTm", "ValDt/Dt/DtTm", "ValDt"),
        moments=(*(detail.moments if detail else ()), *where(outside, "BookgDt/DtTm")),
        reference=where(outside, "AcctSvcrRef"),
        entry_reference=where(outside, "NtryRef"),
        references=(*(detail.references if detail else ()), *where(outside, *_ENTRY_REFERENCES)),
        domain=domain,
        proprietary=proprietary,
        notes=where(outside, "AddtlNtryInf"),
        charges=_charges(outside),
        originals=_amounts(outside, *_ORIGINALS),
        rate=_rate(outside),
        batch=where(outside, "NtryDtls/Btch/NbOfTxs", "Btch/NbOfTxs"),
        batches=_batches(places),
        detail=detail,
        template=_template(rest),
        words=(*indicator[:1], *reversal[:1], *status[:1]),
    )
