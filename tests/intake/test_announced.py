"""What was announced and what was booked: one entry, whichever came first, and no entry overtaken by another's booking."""

from pathlib import Path

import pytest

from tests.intake.conftest import Desk
from tieout.config import load_workspace

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


@pytest.mark.parametrize("case", CASES)
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


def open_desk(folder: Path) -> Desk:
    desk = Desk(folder)
    toml = desk.folder / "tieout.toml"
    toml.write_text(toml.read_text() + SOURCES)
    desk.workspace = load_workspace(desk.folder, {})
    return desk
