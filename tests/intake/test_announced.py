"""What was announced and what was booked: one entry, whichever came first, and no entry overtaken by another's booking."""

import random
from collections import Counter
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.depth import some_of
from tests.intake.conftest import Desk
from tests.intake.test_replay import Fixed
from tests.packing import zipped
from tieout.config import load_workspace
from tieout.formats import registry
from tieout.intake.accept import accept

IBAN = "DE02120300000000202051"
Entry = tuple[str, str, str | None]


def camt(
    kind: str, entries: list[Entry], period: tuple[str, str] | None = None, opens: str = "", closes: str = ""
) -> bytes:
    """A report (052) or a statement (053) of booked entries: (day, amount, reference)."""
    root, part = {"052": ("BkToCstmrAcctRpt", "Rpt"), "053": ("BkToCstmrStmt", "Stmt")}[kind]
    code, _, day = opens.partition(" ")
    balances = [(code, day)] if opens else []
    balances += [("CLBD", closes)] if closes else []
    said = "".join(
        f"<Bal><Tp><CdOrPrtry><Cd>{code}</Cd></CdOrPrtry></Tp><Amt Ccy='EUR'>90.00</Amt><CdtDbtInd>CRDT</CdtDbtInd>"
        f"<Dt><Dt>{day}</Dt></Dt></Bal>"
        for code, day in balances
    )
    said += "".join(
        f"<Ntry><Amt Ccy='EUR'>{amount}</Amt><CdtDbtInd>DBIT</CdtDbtInd><Sts><Cd>BOOK</Cd></Sts><BookgDt><Dt>{day}</Dt>"
        f"</BookgDt><ValDt><Dt>{day}</Dt></ValDt>{f'<AcctSvcrRef>{name}</AcctSvcrRef>' if name else ''}</Ntry>"
        for day, amount, name in entries
    )
    covers = period and (f"<FrToDt><FrDtTm>{period[0]}T00:00:00</FrDtTm><ToDtTm>{period[1]}T23:59:59</ToDtTm></FrToDt>")
    return (
        f"<Document xmlns='urn:iso:std:iso:20022:tech:xsd:camt.{kind}.001.08'><{root}><GrpHdr><MsgId>M</MsgId>"
        f"<CreDtTm>2026-11-07T06:00:00Z</CreDtTm></GrpHdr><{part}><Id>{kind}</Id>{covers or ''}<Acct><Id><IBAN>{IBAN}"
        f"</IBAN></Id><Ccy>EUR</Ccy></Acct>{said}</{part}></{root}></Document>"
    ).encode()


def mt940(opens: str, entries: list[Entry], closes: str) -> bytes:
    lines = "".join(f":61:{day}{day[2:]}D{amount},00NMSCNONREF\r\n:86:X\r\n" for day, amount, _ in entries)
    return (
        f":20:S\r\n:25:{IBAN}\r\n:28C:7\r\n:60F:C{opens}EUR100,00\r\n{lines}:62F:C{closes}EUR70,00\r\n-\r\n"
    ).encode()


def mt942(entries: list[Entry]) -> bytes:
    lines = "".join(f":61:{day}{day[2:]}D{amount},00NMSCNONREF\r\n:86:X\r\n" for day, amount, _ in entries)
    return (
        f":20:I\r\n:25:{IBAN}\r\n:28C:1/1\r\n:34F:EUR0,\r\n:13D:2611021200+0100\r\n{lines}:90D:{len(entries)}EUR10,\r\n-\r\n"
    ).encode()


TWO, FIVE = ("2026-11-02", "10.00", None), ("2026-11-05", "20.00", None)
SWIFT_TWO, SWIFT_FIVE = ("261102", "10", None), ("261105", "20", None)
NAMED, NAMED_LATER = ("2026-11-02", "10.00", "X1"), ("2026-11-03", "10.00", "X1")

# What is delivered, and what stands then: (day of the month, whether booked).
CASES: dict[str, tuple[list[tuple[str, bytes]], list[tuple[int, bool]]]] = {
    "on the first day of the period": (
        [
            ("camt.052", camt("052", [TWO])),
            ("camt.053", camt("053", [TWO, FIVE], ("2026-11-02", "2026-11-06"), "OPBD 2026-11-02", "2026-11-06")),
        ],
        [(2, True), (5, True)],
    ),
    "on the first day of the period, on which nothing was booked": (
        [
            ("camt.052", camt("052", [TWO])),
            ("camt.053", camt("053", [FIVE], ("2026-11-02", "2026-11-06"), "OPBD 2026-11-02", "2026-11-06")),
        ],
        [(5, True)],
    ),
    "on the day of the opening balance, on which the statement's entries begin": (
        [
            ("camt.052", camt("052", [TWO])),
            ("camt.053", camt("053", [TWO, FIVE], None, "OPBD 2026-11-02", "2026-11-06")),
        ],
        [(2, True), (5, True)],
    ),
    "on the day of the opening balance, which may have been booked before": (
        [("camt.052", camt("052", [TWO])), ("camt.053", camt("053", [FIVE], None, "OPBD 2026-11-02", "2026-11-06"))],
        [(2, False), (5, True)],
    ),
    "on the day that was closed before": (
        [("camt.052", camt("052", [TWO])), ("camt.053", camt("053", [FIVE], None, "PRCD 2026-11-02", "2026-11-06"))],
        [(2, False), (5, True)],
    ),
    "by SWIFT, on the day of the opening balance": (
        [("mt942", mt942([SWIFT_TWO])), ("mt940", mt940("261102", [SWIFT_TWO, SWIFT_FIVE], "261106"))],
        [(2, True), (5, True)],
    ),
    "by SWIFT, on the day that was closed before": (
        [("mt942", mt942([SWIFT_TWO])), ("mt940", mt940("261102", [SWIFT_FIVE], "261106"))],
        [(2, False), (5, True)],
    ),
    "before a statement that does not say where it begins": (
        [("camt.052", camt("052", [("2026-10-30", "10.00", None), TWO])), ("camt.053", camt("053", [TWO], None, "", "2026-11-03"))],
        [(2, True), (30, False)],
    ),
    "before a statement of nothing that does not say where it begins": (
        [("camt.052", camt("052", [TWO])), ("camt.053", camt("053", [], None, "", "2026-11-03"))],
        [(2, False)],
    ),
    "two of one reference, of which one is booked": (
        [
            ("camt.052", camt("052", [NAMED, NAMED])),
            ("camt.053", camt("053", [NAMED_LATER], ("2026-11-03", "2026-11-03"), "OPBD 2026-11-03", "2026-11-03")),
        ],
        [(2, False), (3, True)],
    ),
    "two of one reference, booked on two days": (
        [
            ("camt.052", camt("052", [NAMED, NAMED])),
            ("camt.053", camt("053", [NAMED_LATER], ("2026-11-03", "2026-11-03"), "OPBD 2026-11-03", "2026-11-03")),
            (
                "camt.053",
                camt("053", [("2026-11-04", "10.00", "X1")], ("2026-11-04", "2026-11-04"), "OPBD 2026-11-04", "2026-11-04"),
            ),
        ],
        [(3, True), (4, True)],
    ),
    "two of one reference, of which one is booked on its day": (
        [
            ("camt.052", camt("052", [NAMED])),
            ("camt.052", camt("052", [("2026-11-04", "10.00", "X1")])),
            ("camt.053", camt("053", [NAMED], ("2026-11-02", "2026-11-02"), "OPBD 2026-11-02", "2026-11-02")),
        ],
        [(2, True), (4, False)],
    ),
}  # fmt: skip
SOURCES = "".join(
    f'\n[[source]]\nid = "{name}"\nformat = "{form}"\naccounts_of = "camt"\n'
    for name, form in (("052", "camt.052"), ("940", "mt940"), ("942", "mt942"))
)


@pytest.mark.parametrize("case", some_of(CASES, 5))
def test_both_orders_leave_the_same_entries(tmp_path: Path, case: str) -> None:
    deliveries, stands = CASES[case]
    for nth, order in enumerate([deliveries, deliveries[::-1]]):
        desk = open_desk(tmp_path / str(nth))
        for name, data in order:
            source = {"camt.053": "camt"}.get(name, name[-3:])
            outcome = desk.deliver_bytes(data, source, name)
            assert outcome.state == "accepted", outcome
        found = [(day.day, status == "booked") for day, status in desk.records("booked_on", "status")]
        desk.store.close()
        assert sorted(found) == stands, [name for name, _ in order]


@pytest.mark.parametrize("turned", [False, True])
@pytest.mark.parametrize("case", ["on the first day of the period", "by SWIFT, on the day of the opening balance"])
def test_what_was_announced_and_what_was_booked_may_come_in_one_package(
    tmp_path: Path, case: str, turned: bool
) -> None:
    deliveries, stands = CASES[case]
    packed = deliveries[::-1] if turned else deliveries
    desk = open_desk(tmp_path)
    outcome = desk.deliver_bytes(zipped(**dict(packed)), "camt" if "SWIFT" not in case else "940", "day.zip")
    assert (outcome.state, outcome.rows_quarantined) == ("accepted", 0), outcome
    found = [(day.day, status == "booked") for day, status in desk.records("booked_on", "status")]
    desk.store.close()
    assert sorted(found) == stands


def said_pending(end: int, pending_on: int, name: str | None, *booked_on: int) -> tuple[dict[str, Any], ...]:
    """A statement of booked entries up to a day of November, which also tells of one that is not booked yet."""
    days = {"from_on": day(end), "whole_from": day(end), "to_on": day(end), "number": str(end)}
    return (
        {"statement": days},
        entry(name, pending_on, 1000, "pending"),
        *(entry(name, on, 1000, "booked") for on in booked_on),
    )


@pytest.mark.parametrize("how", ["one by one", "turned", "together"])
def test_what_a_statement_itself_calls_pending_is_settled_by_the_next_one(tmp_path: Path, how: str) -> None:
    desk = Desk(tmp_path / "workspace")
    friday, monday = said_pending(6, 6, None), said_pending(9, 9, None, 9)
    if how == "one by one":
        desk.deliver(*friday, source="bank")
        assert desk.records("status") == ["pending"]
    parts = {"one by one": [monday], "turned": [monday, friday], "together": [(*friday, *monday)]}[how]
    for rows in parts:
        desk.deliver(*rows, source="bank")
    assert [(on.day, status) for on, status in desk.records("booked_on", "status")] == [(9, "booked"), (9, "pending")]
    desk.store.close()


@pytest.mark.parametrize("order", [(0, 1, 2), (1, 2, 0), (2, 1, 0)])
def test_of_two_announced_entries_the_earlier_one_was_booked_whichever_came_first(
    tmp_path: Path, order: tuple[int, ...]
) -> None:
    desk = Desk(tmp_path / "workspace")
    report = {"statement": {"final": False}}
    told = [
        (report, entry("X", 2, 1000, "provisional")),
        (report, entry("X", 4, 1000, "provisional")),
        (statement_of(5, 5), entry("X", 5, 1000, "booked")),
    ]
    for index in order:
        desk.deliver(*told[index], source="bank")
    assert [(on.day, status) for on, status in desk.records("booked_on", "status")] == [
        (4, "provisional"),
        (5, "booked"),
    ]
    desk.store.close()


def test_what_a_replay_does_not_book_any_more_is_announced_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    desk = Desk(tmp_path / "workspace")
    desk.deliver({"statement": {"final": False}}, entry("X", 2, 1000, "provisional"), source="intraday")
    booked = desk.deliver(statement_of(4, 4), entry("X", 4, 1000, "booked"), source="bank")
    assert desk.records("status") == ["booked"]
    fixed = Fixed(lambda line: [line | {"amount": -2000, "net": -2000}] if "amount" in line else [line], "bank")
    monkeypatch.setattr(registry, "format_of", lambda _name: fixed)
    assert accept(desk.store, desk.workspace, booked.delivery_id, replay="the amount was wrong") is not None
    assert desk.records("status", "amount", "version") == [("booked", -2000, 2), ("provisional", -1000, 2)]
    desk.store.close()


def open_desk(folder: Path) -> Desk:
    desk = Desk(folder)
    toml = desk.folder / "tieout.toml"
    toml.write_text(toml.read_text() + SOURCES)
    desk.workspace = load_workspace(desk.folder, {})
    return desk


def day(number: int) -> str:
    """A day of November."""
    return f"2026-11-{number:02d}"


def statement_of(begin: int, end: int) -> dict[str, Any]:
    return {"statement": {"from_on": day(begin), "whole_from": day(begin), "to_on": day(end), "number": str(end)}}


def entry(name: str | None, on: int, amount: int, status: str) -> dict[str, Any]:
    said = {"kind": "bank_entry", "counted": True, "account_number": "DE1", "status": status}
    said |= {"amount": -amount, "booked_on": day(on), "text": f"{name or 'without name'} {amount}"}
    return said | ({"external_id": name, "identity": f"{name}|{on}|{amount}"} if name else {})


#: One line of money: (reference, day, amount, status). Amounts of lines without a reference occur once.
Line = tuple[str | None, int, int, str]
#: (first day, last day; None for an intraday report), and its lines.
Told = tuple[tuple[int, int] | None, list[Line]]


def drawn(draw: random.Random) -> list[Told]:
    """Statements that follow each other, some of which also tell of pending lines, and reports of the days before."""
    ends = sorted(draw.sample(range(1, 9), draw.randint(1, 3)))
    told: list[Told] = [((before + 1, end), []) for before, end in pairwise([0, *ends])]
    told = [one for one in told if draw.random() < 0.9]
    told += [(None, []) for _ in range(draw.randint(1, 3))]
    serial, announced = 10, set[tuple[str, int, int]]()
    for days, lines in told:
        for _ in range(draw.randint(0, 3)):
            name, on, amount = (
                draw.choice(["X", "X", "X", "Y", None]),
                draw.randint(*(days or (1, 9))),
                draw.choice([1, 1, 1, 2]),
            )
            status = "provisional" if days is None else draw.choice(["booked", "booked", "pending"])
            on = draw.randint(days[0], 9) if days and status == "pending" else on
            if name is None:
                serial, amount = serial + 1, serial
            elif status != "booked":
                if (name, on, amount) in announced:
                    continue  # of one entry in two reports each says so: which count holds is another question
                announced.add((name, on, amount))
            lines.extend([(name, on, amount, status)] * draw.choice([1, 1, 1, 2]))
    return told


def expected(told: list[Told]) -> Counter[Line]:
    """What stands, found the slow and obvious way."""
    booked = [line for days, lines in told if days for line in lines if line[3] == "booked"]
    announced = [(line, days) for days, lines in told for line in lines if line[3] != "booked"]
    statements = [days for days, _ in told if days]

    def is_covered(line: Line, own: tuple[int, int] | None) -> bool:
        if own is not None and line[1] <= own[1]:
            return any(end > own[1] for _, end in statements)
        return any(begin <= line[1] <= end for begin, end in statements)

    free, stands = sorted(booked, key=lambda line: line[1]), booked.copy()
    judged = sorted(((not is_covered(line, own), line[1], line) for line, own in announced), key=lambda one: one[:2])
    for waits, on, line in judged:
        fits = (b for b in free if b[0] and (b[0], b[2]) == (line[0], line[2]) and b[1] >= on)
        partner = next(fits, None)
        if partner is not None:
            free.remove(partner)
        elif waits:
            stands.append(line)
    return Counter(stands)


def settle_as_packed(folder: Path, draw: random.Random) -> None:
    """Deliver drawn statements in a drawn order, some of them together, and compare what stands."""
    told, desk = drawn(draw), Desk(folder)
    waiting = draw.sample(told, len(told))
    while waiting:
        together = [waiting.pop() for _ in range(min(len(waiting), draw.choice([1, 1, 2, 9])))]
        rows = [
            row
            for days, lines in together
            for row in (statement_of(*days) if days else {"statement": {"final": False}}, *(entry(*x) for x in lines))
        ]
        assert desk.deliver(*rows, source="bank").state == "accepted"
    found = desk.records("external_id", "booked_on", "amount", "status")
    desk.store.close()
    assert Counter((name, on.day, -amount, status) for name, on, amount, status in found) == expected(told), told


@pytest.mark.parametrize("seed", range(3))
def test_neither_order_nor_packing_of_statements_decides_what_is_settled(tmp_path: Path, seed: int) -> None:
    settle_as_packed(tmp_path / "workspace", random.Random(seed))


@pytest.mark.deep
@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.integers(0, 2**32))
def test_no_drawn_order_or_packing_decides_what_is_settled(tmp_path_factory: pytest.TempPathFactory, seed: int) -> None:
    settle_as_packed(tmp_path_factory.mktemp("ws") / "workspace", random.Random(seed))
