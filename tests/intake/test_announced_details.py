"""What only an advice told of a batch stays, once a statement books the batch as one sum: laws 2 and 5."""

import random
from collections import Counter, defaultdict
from itertools import pairwise
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.intake.conftest import Desk
from tests.intake.test_announced import IBAN, day, open_desk, statement_of
from tests.packing import zipped
from tieout.config import load_workspace
from tieout.intake.accept import accept
from tieout.intake.verify import verify

ROOTS = {
    "053": ("BkToCstmrStmt", "Stmt"),
    "054": ("BkToCstmrDbtCdtNtfctn", "Ntfctn"),
}


def camt(kind: str, *, reference: str | None = "R1", parts: tuple[int, ...] = (), on: int = 1) -> bytes:
    """An advice (054) or a statement (053) of one batch of 30.00, with its transactions or without."""
    root, part = ROOTS[kind]
    inside = "".join(
        f"<TxDtls><Refs><EndToEndId>E{minor}</EndToEndId></Refs><Amt Ccy='EUR'>{minor}.00</Amt><CdtDbtInd>CRDT</CdtDbtInd></TxDtls>"
        for minor in parts
    )
    balances = "".join(
        f"<Bal><Tp><CdOrPrtry><Cd>{code}</Cd></CdOrPrtry></Tp><Amt Ccy='EUR'>{amount}</Amt><CdtDbtInd>CRDT</CdtDbtInd>"
        f"<Dt><Dt>{day(on)}</Dt></Dt></Bal>"
        for code, amount in (("OPBD", "0.00"), ("CLBD", "30.00"))
        if kind == "053"
    )
    return (
        f"<Document xmlns='urn:iso:std:iso:20022:tech:xsd:camt.{kind}.001.08'><{root}><GrpHdr><MsgId>M{kind}</MsgId></GrpHdr>"
        f"<{part}><Id>{kind}</Id><ElctrncSeqNb>1</ElctrncSeqNb><Acct><Id><IBAN>{IBAN}</IBAN></Id><Ccy>EUR</Ccy></Acct>{balances}"
        f"<Ntry><Amt Ccy='EUR'>30.00</Amt><CdtDbtInd>CRDT</CdtDbtInd><Sts><Cd>BOOK</Cd></Sts><BookgDt><Dt>{day(on)}</Dt>"
        f"</BookgDt><ValDt><Dt>{day(on + 1)}</Dt></ValDt>{f'<AcctSvcrRef>{reference}</AcctSvcrRef>' if reference else ''}"
        f"{f'<NtryDtls>{inside}</NtryDtls>' if inside else ''}</Ntry></{part}></{root}></Document>"
    ).encode()


def desk_of_advices(folder: Path) -> Desk:
    desk = open_desk(folder)
    toml = desk.folder / "tieout.toml"
    toml.write_text(toml.read_text() + '\n[[source]]\nid = "054"\nformat = "camt.054"\naccounts_of = "camt"\n')
    desk.workspace = load_workspace(desk.folder, {})
    return desk


WHOLE, FIRST, SECOND = ("bank_entry", 3000), ("bank_detail", 1000), ("bank_detail", 2000)
CASES = {
    "booked on its day": ("R1", 1, ()),
    "booked on the next day": ("R1", 2, ()),
    "without references": (None, 1, ()),
    "booked with its transactions": ("R1", 1, (10, 20)),
}


HOW = ("advice first", "statement first", "together")
SHALLOW = {*zip(CASES, HOW, strict=False)}


@pytest.mark.parametrize(
    ("case", "how"),
    [
        pytest.param(case, how, marks=[] if (case, how) in SHALLOW else pytest.mark.deep)
        for case in CASES
        for how in HOW
    ],
)
def test_the_transactions_of_an_advice_stay_with_the_sum_that_is_booked(tmp_path: Path, case: str, how: str) -> None:
    reference, on, parts = CASES[case]
    files = {
        "054": camt("054", reference=reference, parts=(10, 20)),
        "053": camt("053", reference=reference, parts=parts, on=on),
    }
    desk = desk_of_advices(tmp_path)
    if how == "together":
        desk.deliver_bytes(zipped(**{f"{name}.xml": data for name, data in files.items()}), "camt", "day.zip")
    else:
        for name in sorted(files, reverse=how == "advice first"):
            desk.deliver_bytes(files[name], "camt" if name == "053" else name, f"{name}.xml")
    found = desk.records("kind", "amount", "status", "booked_on", "external_id", "parent_external_id")
    assert sorted(row[:2] for row in found) == [FIRST, SECOND, WHOLE]
    assert {(row[2], row[3].day) for row in found} == {("booked", on)}
    named = {row[4:] for row in found if row[0] == "bank_detail"}
    assert named == {("E10", reference or "|2026-11-01|3000|EUR"), ("E20", reference or "|2026-11-01|3000|EUR")}
    assert {value.day for value in desk.records("value_on")} == {on + 1}
    assert desk.findings() == []
    if how != "together":
        assert verify(desk.store, desk.workspace).faults == []
    desk.store.close()


def test_an_advice_that_does_not_tell_them_any_more_takes_them_along(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from tests.intake.test_replay import Fixed
    from tieout.formats import registry

    desk = Desk(tmp_path / "workspace")
    batch = Batch("R1", 2, 2, (600, 400), booked_whole=False)
    advice = desk.deliver({"statement": {"final": False}}, *batch.told("provisional", whole=True), source="intraday")
    desk.deliver(statement_of(2, 2), *batch.told("booked", whole=False), source="bank")
    assert sorted(desk.records("amount", "status")) == [(-1000, "booked"), (-600, "booked"), (-400, "booked")]
    told = [(-1000, "booked"), (-600, "booked"), (-400, "booked")]
    for left_out in (-400, 0):
        without = Fixed(lambda line, amount=left_out: [] if line.get("amount") == amount else [line], "bank")
        monkeypatch.setattr(registry, "format_of", lambda _name, read=without: read)
        accept(desk.store, desk.workspace, advice.delivery_id, replay="a transaction was read wrongly")
        assert sorted(desk.records("amount", "status")) == [row for row in told if row[0] != left_out]
    desk.store.close()


class Batch(NamedTuple):
    """
    An entry that sums several transactions.

    :ivar on, booked: the days on which it is announced and booked. booked_whole: the statement tells its transactions.
    """

    name: str | None
    on: int
    booked: int
    parts: tuple[int, ...]
    booked_whole: bool
    number: int = 0

    @property
    def amount(self) -> int:
        return sum(self.parts)

    def told(self, status: str, *, whole: bool) -> list[dict[str, Any]]:
        on = self.booked if status == "booked" else self.on
        said = {"counted": True, "account_number": "DE1", "status": status, "booked_on": day(on), "value_on": day(on)}
        entry = said | {"kind": "bank_entry", "amount": -self.amount, "text": f"batch {self.number}"}
        entry |= {"external_id": self.name, "identity": f"{self.name}|{on}|{self.amount}"} if self.name else {}
        parent = self.parent(on)
        return [entry] + [
            said
            | {"kind": "bank_detail", "namespace": "detail", "amount": -part, "parent_external_id": parent}
            | {"external_id": f"E{self.number}-{nth}", "identity": f"{parent}|{nth}|{part}"}
            for nth, part in enumerate(self.parts)
            if whole
        ]

    def parent(self, on: int) -> str:
        return self.name or f"|{day(on)}|{-self.amount}|EUR"


#: The days of a statement, or None for an advice; and its batches, with or without their transactions.
Told = tuple[tuple[int, int] | None, list[tuple[Batch, bool]]]


def drawn(draw: random.Random) -> tuple[list[Told], list[Batch]]:
    """Batches of few amounts, advices of them, and statements that follow each other, of which one may be missing."""
    batches = []
    for number in range(1, draw.randint(2, 5)):
        on, total = draw.randint(1, 6), draw.choice([1000, 1000, 2000])
        booked = on + draw.choice([0, 0, 0, 1, 2])
        name = f"R{number}" if draw.random() < 0.6 else None
        batches.append(Batch(name, on, booked, (total - number, number), draw.random() < 0.25, number))
    ends = sorted(draw.sample(range(1, 9), draw.randint(1, 3)))
    told: list[Told] = [
        ((before + 1, end), [(b, b.booked_whole) for b in batches if before < b.booked <= end])
        for before, end in pairwise([0, *ends])
        if draw.random() < 0.9
    ]
    advised = (draw.sample(batches, draw.randint(0, len(batches))) for _ in range(draw.randint(1, 3)))
    told += [(None, [(b, draw.random() < 0.7) for b in some]) for some in advised]
    return told, batches


def expected(told: list[Told], batches: list[Batch]) -> Counter[tuple[Any, ...]]:
    """What stands, found the slow and obvious way."""
    spans = [days for days, _ in told if days]

    def is_within(on: int) -> bool:
        return any(begin <= on <= end for begin, end in spans)

    announced = {b for days, lines in told if not days for b, _ in lines}
    detailed = {b for days, lines in told if not days for b, whole in lines if whole}
    booked = [b for b in batches if is_within(b.booked)]
    settled = {b for b in announced if is_within(b.on) or (b.name and b in booked)}
    found: Counter[tuple[Any, ...]] = Counter()
    for b in booked:
        found["bank_entry", b.name, b.booked, b.amount, "booked", None] += 1
        for nth, part in enumerate(b.parts if b.booked_whole else ()):
            found["bank_detail", f"E{b.number}-{nth}", b.booked, part, "booked", b.parent(b.booked)] += 1
    found.update(("bank_entry", b.name, b.on, b.amount, "provisional", None) for b in announced - settled)
    groups: defaultdict[tuple[int, int], set[Batch]] = defaultdict(set)
    for b in batches:
        if b.name is None:
            groups[b.amount, b.on] |= {b} & settled
    for b in detailed:
        on, status, stays = b.on, "provisional", b not in settled
        if b in settled and b.name:
            on, status, stays = b.booked, "booked", b in booked and not b.booked_whole
        elif b in settled:
            there = [o for o in booked if (o.name, o.amount, o.booked) == (None, b.amount, b.on)]
            enough = len(there) >= len(groups[b.amount, b.on])
            status, stays = "booked", enough and not any(o.booked_whole for o in there)
        for nth, part in enumerate(b.parts if stays else ()):
            found["bank_detail", f"E{b.number}-{nth}", on, part, status, b.parent(on)] += 1
    return found


def repeats(told: list[Told]) -> bool:
    """Whether two advices tell of one batch: in one delivery they would be two of them."""
    return any(n > 1 for n in Counter(b for days, lines in told if not days for b, _ in lines).values())


def deliver_as_drawn(folder: Path, draw: random.Random) -> None:
    """Deliver drawn advices and statements in a drawn order, some together, some read again, and compare what stands."""
    told, batches = drawn(draw)
    desk, waiting, ids = Desk(folder), draw.sample(told, len(told)), []
    while waiting:
        together = [waiting.pop()]
        for _ in range(draw.choice([0, 0, 1, 9])):
            if waiting and not repeats([*together, waiting[-1]]):
                together.append(waiting.pop())
        rows = [
            row
            for days, lines in together
            for row in (
                statement_of(*days) if days else {"statement": {"final": False}},
                *(r for b, whole in lines for r in b.told("booked" if days else "provisional", whole=whole)),
            )
        ]
        outcome = desk.deliver(*rows, source="bank")
        assert outcome.state == "accepted"
        ids.append(outcome.delivery_id)
        if draw.random() < 0.3:
            accept(desk.store, desk.workspace, draw.choice(ids), replay="read again")
    found = desk.records("kind", "external_id", "booked_on", "amount", "status", "parent_external_id")
    desk.store.close()
    assert Counter((k, x, on.day, -a, s, p) for k, x, on, a, s, p in found) == expected(told, batches), told


@pytest.mark.parametrize("seed", [1])
def test_neither_order_nor_packing_decides_what_a_batch_is_made_of(tmp_path: Path, seed: int) -> None:
    deliver_as_drawn(tmp_path / "workspace", random.Random(seed))


@pytest.mark.deep
@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.integers(0, 2**32))
def test_no_drawn_order_or_packing_decides_what_a_batch_is_made_of(
    tmp_path_factory: pytest.TempPathFactory, seed: int
) -> None:
    deliver_as_drawn(tmp_path_factory.mktemp("ws") / "workspace", random.Random(seed))
