"""Several statements of one day, in one file or in many, on one line or on many: equal entries add; laws 2 and 5."""

import itertools
from pathlib import Path

import pytest

from tests.depth import some_of
from tests.intake.conftest import Desk
from tests.intake.test_deliveries_of_banks import mt940, open_desk
from tests.packing import zipped

IBAN = "DE89370400440532013000"
COFFEES = [-300, -300]


def balance(code: str, minor: int) -> str:
    amount = f'<Amt Ccy="EUR">{abs(minor) // 100}.{abs(minor) % 100:02d}</Amt>'
    sign = "DBIT" if minor < 0 else "CRDT"
    kind = f"<Tp><CdOrPrtry><Cd>{code}</Cd></CdOrPrtry></Tp>"
    return f"<Bal>{kind}{amount}<CdtDbtInd>{sign}</CdtDbtInd><Dt><Dt>2026-10-01</Dt></Dt></Bal>"


def statement(number: int, opening: int, entries: list[int], *, created: str = "20:00") -> str:
    booked = "".join(
        f'<Ntry><Amt Ccy="EUR">{abs(minor) // 100}.{abs(minor) % 100:02d}</Amt>'
        f"<CdtDbtInd>{'DBIT' if minor < 0 else 'CRDT'}</CdtDbtInd><Sts>BOOK</Sts>"
        "<BookgDt><Dt>2026-10-01</Dt></BookgDt><AddtlNtryInf>coffee</AddtlNtryInf></Ntry>"
        for minor in entries
    )
    return (
        f"<Stmt><Id>S{number}</Id><ElctrncSeqNb>{number}</ElctrncSeqNb><CreDtTm>2026-10-01T{created}:00</CreDtTm>"
        "<FrToDt><FrDtTm>2026-10-01T00:00:00</FrDtTm><ToDtTm>2026-10-01T23:59:59</ToDtTm></FrToDt>"
        f"<Acct><Id><IBAN>{IBAN}</IBAN></Id><Ccy>EUR</Ccy></Acct>{balance('OPBD', opening)}"
        f"{balance('CLBD', opening + sum(entries))}{booked}</Stmt>"
    )


def file_of(*statements: str, lines: bool) -> bytes:
    text = (
        '<Document xmlns="urn:iso:std:iso:20022:tech:xsd:camt.053.001.02"><BkToCstmrStmt><GrpHdr><MsgId>M'
        f"{len(statements)}</MsgId><CreDtTm>2026-10-01T21:00:00</CreDtTm></GrpHdr>{''.join(statements)}"
        "</BkToCstmrStmt></Document>"
    )
    return (text.replace("><", ">\n<") if lines else text).encode()


DAY = [statement(n, 10_000 - 600 * (n - 1), COFFEES) for n in (1, 2, 3)]


def state(desk: Desk) -> tuple[int, list[str]]:
    return len(desk.records("record_id")), [reason for reason, _ in desk.findings()]


@pytest.mark.parametrize(
    ("cut", "lines"),
    some_of(
        [
            ([[0, 1, 2]], False),
            ([[0, 1], [2]], True),
            ([[0, 1], [1, 2]], False),
            ([[1], [0, 1, 2]], False),
            ([[0, 1, 2], [1]], True),
            ([[2, 0], [1]], False),
            ([[0, 1, 2], [2, 1, 0]], False),
        ],
        3,
    ),
    ids=str,
)
def test_three_chained_statements_of_a_day_count_all_their_coffees(
    cut: list[list[int]], lines: bool, tmp_path: Path
) -> None:
    desk = Desk(tmp_path / "workspace")
    for part in cut:
        desk.deliver_bytes(file_of(*(DAY[n] for n in part), lines=lines), source="camt", name="statement.xml")
    assert state(desk) == (6, [])
    desk.store.close()


def test_what_came_twice_tells_of_the_same_once_it_is_settled(tmp_path: Path) -> None:
    """The first and the third are proven apart by the second: the copy of the first follows it to its records."""
    desk = Desk(tmp_path / "workspace")
    third, first, second = (file_of(DAY[n], lines=False) for n in (2, 0, 1))
    for data in (third, first, zipped(**{"first.xml": first}), second):
        desk.deliver_bytes(data, source="camt", name="statement.xml")
    assert state(desk) == (6, [])
    told = desk.query("""
        with report as (
            select record_id, delivery_id, 1 as times from {all} where version = 1
            union all select record_id, delivery_id, if(withdrawn, -1, 1) from {witnesses}
        ), teller as (select record_id, delivery_id from report group by all having sum(times) > 0)
        select count(*) as records from (select record_id from teller group by record_id having count(*) = 2)
    """)
    assert told == [{"records": 2}]
    desk.store.close()


@pytest.mark.parametrize("order", some_of(list(itertools.permutations(range(3))), 3), ids=str)
def test_they_count_all_their_coffees_in_every_order(order: tuple[int, ...], tmp_path: Path) -> None:
    desk = Desk(tmp_path / "workspace")
    for n in order:
        desk.deliver_bytes(file_of(DAY[n], lines=False), source="camt", name=f"{n}.xml")
    assert state(desk) == (6, [])
    desk.store.close()


@pytest.mark.parametrize("order", [(0, 2, 1), (2, 1, 0)], ids=str)
def test_so_do_messages_of_swift(order: tuple[int, ...], tmp_path: Path) -> None:
    desk = open_desk(tmp_path / "workspace")
    entries = [(-300, "coffee", "261001")] * 2
    day = [mt940(f"{n}", 10_000 - 600 * (n - 1), ("261001", "261001"), *entries) for n in (1, 2, 3)]
    for n in order:
        desk.deliver_bytes(day[n], "mt940", f"{n}.sta")
    assert state(desk) == (6, [])
    desk.store.close()


def test_a_statement_that_comes_again_beside_others_on_one_line_says_nothing_new(tmp_path: Path) -> None:
    desk = Desk(tmp_path / "workspace")
    desk.deliver_bytes(file_of(*DAY, lines=False), source="camt", name="a.xml")
    again = desk.deliver_bytes(file_of(*DAY, lines=True), source="camt", name="b.xml")
    assert (again.rows_new, state(desk)) == (0, (6, []))
    desk.store.close()


def test_two_statements_of_one_day_that_nothing_ties_are_a_conflict(tmp_path: Path) -> None:
    desk = Desk(tmp_path / "workspace")
    for n in (0, 2):
        desk.deliver_bytes(file_of(DAY[n], lines=False), source="camt", name=f"{n}.xml")
    assert state(desk)[0] == 2
    assert "conflict" in state(desk)[1]
    desk.store.close()


@pytest.mark.parametrize("first", ["camt", "mt940"])
def test_one_statement_as_xml_and_as_swift_is_told_once_and_the_xml_holds(first: str, tmp_path: Path) -> None:
    desk = open_desk(tmp_path / "workspace")
    entries = [(-300, "Cafe", "261001"), (700, "another text", "261001")]
    swift = mt940("1", 10_000, ("261001", "261001"), *entries)
    files = {"camt": file_of(statement(1, 10_000, [-300, 700]), lines=True), "mt940": swift}
    for source in (first, *(files.keys() - {first})):
        desk.deliver_bytes(files[source], source, source)
    assert sorted(desk.records("amount", "text", "source_id")) == [(-300, "coffee", "camt"), (700, "coffee", "camt")]
    assert desk.findings() == []
    desk.store.close()
