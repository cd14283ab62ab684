"""What a command says at its end is what is open then: not what each delivery opened on its way in."""

import io
import zipfile
from pathlib import Path

import pytest

from tests.cli.office import HEADER, Office


@pytest.fixture
def office(tmp_path: Path) -> Office:
    return Office(tmp_path)


def statement(number: int, opening: int, *, day: int | None = None) -> str:
    on = f"2610{day or number:02d}"
    return (
        f":20:S{number}\n:25:DE89370400440532013000\n:28C:{number}/1\n:60F:C{on}EUR{opening},00\n"
        f":61:{on}{on[2:]}C10,00NTRFREF{number}//B{number}\n:86:{number}\n:62F:C{on}EUR{opening + 10},00\n-\n"
    )


def written(office: Office, *numbers: int) -> list[Path]:
    paths = []
    for number in numbers:
        path = office.files / f"{number}.sta"
        path.write_text(statement(number, 10 * (number - 1)), encoding="utf-8")
        paths.append(path)
    return paths


def test_statements_in_the_wrong_order_need_nobody_when_all_are_in(office: Office) -> None:
    answer = office.run("ingest", *written(office, 1, 10, 11, 2, 3, 4, 5, 6, 7, 8, 9), "--source", "swift")
    assert answer.status == 0
    assert "finding" not in answer.out
    assert office.reasons() == []


def test_what_is_missing_is_said_once(office: Office) -> None:
    answer = office.run("ingest", *written(office, 1, 10, 11, 2, 3, 4, 5, 6, 7, 8), "--source", "swift")
    assert answer.status == 1
    assert "1 finding(s) need a person" in answer.out
    assert len(office.reasons()) == 1


def test_what_a_person_settled_needs_nobody(office: Office) -> None:
    files = written(office, 1, 3)
    assert office.run("ingest", *files, "--source", "swift").status == 1
    [found] = office.run("--json", "exceptions").said["exceptions"]
    assert office.run("resolve", found["exception_id"], "--assign", "anna").status == 0
    settled = office.run("resolve", found["exception_id"], "--reason", "the bank skipped a number")
    assert settled.status == 0, settled.err
    [delivery] = office.run("--json", "ingest", *written(office, 4), "--source", "swift").said["deliveries"]
    assert delivery["findings"] == 0


def test_a_row_that_a_later_file_states_readably_waits_no_more(office: Office) -> None:
    bad, good = office.files / "a.csv", office.files / "b.csv"
    bad.write_text(f"{HEADER}\n1,charge,ten,eur,01.10.2026,x\n2,charge,2.00,eur,01.10.2026,x\n", encoding="utf-8")
    good.write_text(f"{HEADER}\n1,charge,10.00,eur,01.10.2026,x\n", encoding="utf-8")
    answer = office.run("ingest", bad, good, "--source", "psp")
    assert answer.status == 0, answer.out
    assert "quarantine`" not in answer.out
    assert office.run("quarantine").status == 0
    [first, _] = office.deliveries()
    assert (first.rows_in, first.rows_new, first.rows_quarantined) == (2, 1, 1)


def test_a_row_that_nothing_states_readably_waits(office: Office) -> None:
    answer = office.table("1,charge,ten,eur,01.10.2026,x")
    assert (answer.status, answer.said["deliveries"][0]["rows_waiting"]) == (1, 1)
    again = office.run("--json", "replay", answer.said["deliveries"][0]["delivery_id"], "--reason", "look again")
    assert (again.status, again.said["deliveries"][0]["rows_waiting"]) == (1, 1)


def test_the_same_file_again_is_judged_as_it_was(office: Office) -> None:
    first = office.table("1,charge,ten,eur,01.10.2026,x", "2,charge,2.00,eur,01.10.2026,x")
    again = office.table("1,charge,ten,eur,01.10.2026,x", "2,charge,2.00,eur,01.10.2026,x")
    assert (first.status, again.status) == (1, 1)
    [told] = again.said["deliveries"]
    assert (told["repeat"], told["rows_waiting"]) == (True, 1)
    shown = office.run("ingest", office.files / "psp.csv", "--source", "psp")
    assert (shown.status, "wait in `tieout quarantine`" in shown.out) == (1, True)
    office.run("quarantine", "--settle", told["delivery_id"], "--reason", "booked by hand")
    assert office.run("ingest", office.files / "psp.csv", "--source", "psp").status == 0


def test_the_same_statement_again_is_judged_by_what_is_open_still(office: Office) -> None:
    files = written(office, 1, 3)
    assert [office.run("ingest", *files, "--source", "swift").status for _ in range(2)] == [1, 1]
    assert office.run("ingest", files[1], "--source", "swift").status == 1
    assert office.run("ingest", files[0], "--source", "swift").status == 0
    assert office.run("ingest", *written(office, 2), "--source", "swift").status == 0
    assert office.run("ingest", *files, "--source", "swift").status == 0


def test_the_same_refused_file_again_is_judged_as_it_was_until_a_person_settles_it(office: Office) -> None:
    path = office.files / "letter.sta"
    path.write_bytes(b"%PDF-1.7")
    answers = [office.run("ingest", path, "--source", "swift") for _ in range(2)]
    assert [answer.status for answer in answers] == [3, 3]
    assert all("could not be read" in answer.out and answer.err for answer in answers)
    office.run("quarantine", "--settle", "letter.sta", "--reason", "a letter")
    after = office.run("ingest", path, "--source", "swift")
    assert (after.status, after.err) == (0, "")
    assert "known already, refused" in after.out
    assert "could not be read" not in after.out


def test_a_delivery_that_is_read_again_at_once_is_told_once_with_what_came_from_it(office: Office) -> None:
    coffee = "<Ntry><Amt Ccy='EUR'>3.00</Amt><CdtDbtInd>DBIT</CdtDbtInd><Sts>BOOK</Sts><BookgDt><Dt>2026-10-05</Dt></BookgDt></Ntry>"
    parts = {name: intraday(name, coffee) for name in ("i1", "i2")} | {"day": closing(coffee * 2)}
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        for name, text in parts.items():
            archive.writestr(f"{name}.xml", text)
    answer = office.ingest("pack.zip", packed.getvalue(), "bank")
    [told] = answer.said["deliveries"]
    assert (answer.status, told["findings"], told["rows_in"]) == (0, 0, 4)
    assert office.reasons() == []
    [row] = office.deliveries()
    assert (row.rows_new, row.rows_repeated) == (told["rows_new"], told["rows_repeated"]) == (3, 1)
    assert office.run("replay", row.delivery_id, "--reason", "once more").status == 0
    assert [(row.rows_new, row.rows_repeated) for row in office.deliveries()] == [(3, 1)]


ACCOUNT = "<Acct><Id><IBAN>DE89370400440532013000</IBAN></Id><Ccy>EUR</Ccy></Acct>"


def document(kind: str, holder: str, inside: str) -> str:
    name = f"urn:iso:std:iso:20022:tech:xsd:camt.{kind}.001.08"
    return (
        f'<Document xmlns="{name}"><{holder}><GrpHdr><MsgId>M</MsgId><CreDtTm>2026-10-06T06:00:00</CreDtTm></GrpHdr>'
        f"{inside}</{holder}></Document>"
    )


def intraday(name: str, entries: str) -> str:
    head = f"<Rpt><Id>{name}</Id><CreDtTm>2026-10-05T1{name[-1]}:00:00</CreDtTm>{ACCOUNT}"
    return document("052", "BkToCstmrAcctRpt", f"{head}{entries.replace('BOOK', '<Cd>PDNG</Cd>')}</Rpt>")


def closing(entries: str) -> str:
    balances = "".join(
        f"<Bal><Tp><CdOrPrtry><Cd>{code}</Cd></CdOrPrtry></Tp><Amt Ccy='EUR'>{amount}</Amt><CdtDbtInd>CRDT</CdtDbtInd>"
        "<Dt><Dt>2026-10-05</Dt></Dt></Bal>"
        for code, amount in (("OPBD", "10.00"), ("CLBD", "4.00"))
    )
    head = f"<Stmt><Id>S1</Id><ElctrncSeqNb>1</ElctrncSeqNb><CreDtTm>2026-10-06T06:00:00</CreDtTm>{ACCOUNT}"
    return document("053", "BkToCstmrStmt", f"{head}{balances}{entries.replace('BOOK', '<Cd>BOOK</Cd>')}</Stmt>")
