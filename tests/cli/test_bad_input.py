"""
What happens when what comes in is bad: a sentence with the place, the right exit status, and nothing lost.

Everything goes through the real command line. After each file the workspace is asked whether landing holds it
unaltered, whether rows in = kept + quarantined, and whether ``tieout verify`` can perform it all again.
"""

import gzip
import io
import subprocess
import sys
import zipfile
import zlib
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.cli.office import HEADER, MAPPING, TOML, Answer, Office, camt, entry, typed
from tests.depth import examples, some_of
from tieout.formats.registry import format_of

FINE = f"{HEADER}\nt1,charge,10.00,EUR,01.10.2026,one\nt2,charge,20.00,EUR,01.10.2026,two\n"
GOOD_CAMT = camt("100.00", "150.00", entry("50.00"))
GOOD_MT940 = (
    ":20:S\r\n:25:DE1\r\n:28C:1/1\r\n:60F:C261027EUR100,00\r\n:61:2610281028C50,00NTRFNONREF\r\n:86:One\r\n"
    ":62F:C261028EUR150,00\r\n-\r\n"
)
STRIPE = "automatic_payout_id,balance_transaction_id,created_utc,currency,gross,fee,net,reporting_category,source_id\n"
CHARGE_OF_TEN_THOUSAND = "po_1,txn_1,2026-10-01 10:00:00,eur,10000,0.00,10000,charge,ch_1\n"
PAYOUT_OF_A_HUNDRED = "po_1,txn_2,2026-10-02 10:00:00,eur,-100.00,0.00,-100.00,payout,po_1\n"
ENTITIES = (
    '<?xml version="1.0"?><!DOCTYPE bomb [<!ENTITY a "aaaaaaaaaa">'
    + "".join(f'<!ENTITY {b} "{f"&{a};" * 10}">' for a, b in zip("abcdefgh", "bcdefghi", strict=True))
    + "]>"
    + GOOD_CAMT.partition("?>")[2].replace("<Id>S1</Id>", "<Id>&i;</Id>")
)
OUTSIDE = GOOD_CAMT.replace("?>", '?><!DOCTYPE x [<!ENTITY i SYSTEM "file:///etc/passwd">]>', 1)


@pytest.fixture
def office(tmp_path: Path) -> Office:
    return Office(tmp_path)


def zipped(content: bytes, name: str = "inner.csv") -> bytes:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(name, content)
    return packed.getvalue()


def nested(depth: int) -> bytes:
    content = FINE.encode()
    for _ in range(depth):
        content = zipped(content, "again.zip")
    return content


UNREADABLE = {
    "no file of any kind": ("s.xml", bytes(range(256)) * 8, "bank", "expected camt.053"),
    "empty camt": ("s.xml", b"", "bank", "empty file"),
    "empty table": ("s.csv", b"", "psp", "empty file"),
    "only blanks": ("s.csv", b"  \n\n", "psp", "expected a header"),
    "a PDF named xml": ("s.xml", b"%PDF-1.7\n1 0 obj <</Type/Catalog>> endobj", "bank", "a PDF document"),
    "a PDF named csv": ("s.csv", b"%PDF-1.7\n1 0 obj <</Type/Catalog>> endobj", "psp", "a PDF document"),
    "an old workbook named csv": ("s.csv", b"\xd0\xcf\x11\xe0" + bytes(600), "psp", "an old Office document"),
    "camt cut off": ("s.xml", GOOD_CAMT[:-120].encode(), "bank", "expected well-formed XML"),
    "camt in another encoding": ("s.xml", GOOD_CAMT.replace("R1", "Zürich").encode("latin-1"), "bank", "encoding"),
    "gzip cut off": ("s.csv.gz", gzip.compress(FINE.encode())[:-12], "psp", "ends too early"),
    "zip cut off": ("s.zip", zipped(FINE.encode())[:-30], "psp", "expected"),
    "entity bomb": ("s.xml", ENTITIES.encode(), "bank", "expected"),
    "entity of another file": ("s.xml", OUTSIDE.encode(), "bank", "DOCTYPE"),
    "zip bomb": ("s.zip", zipped(b"0" * (200 << 20)), "psp", "expected"),
    "zips in zips": ("s.zip", nested(12), "psp", "expected"),
    "table with other columns": ("s.csv", b"a,b,c\n1,2,3\n", "psp", "expected a column"),
    "Stripe with other columns": ("s.csv", b"a,b,c\n1,2,3\n", "stripe", "expected stripe.payout_reconciliation"),
    "Adyen with other columns": ("s.csv", b"a,b,c\n1,2,3\n", "adyen", "expected adyen.settlement_detail"),
    "a renamed column": ("s.csv", FINE.replace("gross", "amount", 1).encode(), "psp", "'gross'"),
    "another source's file": ("s.xml", GOOD_MT940.encode(), "bank", "got mt940"),
}


@pytest.mark.parametrize("what", UNREADABLE)
def test_a_file_that_cannot_be_read_is_refused_whole_and_kept(what: str, office: Office) -> None:
    name, content, source, says = UNREADABLE[what]
    answer = office.ingest(name, content, source)
    assert answer.status == 3
    [delivery] = answer.said["deliveries"]
    assert (delivery["state"], delivery["rows_in"], delivery["rows_new"]) == ("refused", 0, 0)
    assert says in delivery["reason"]
    assert one_sentence(delivery["reason"])
    assert office.landed() == [content]
    assert office.reasons()[0][0] == "unreadable"
    assert name in office.reasons()[0][1]
    assert office.lost() == []
    assert office.ingest(name, content, source).status == 3


@pytest.mark.parametrize("what", UNREADABLE)
def test_inspect_says_so_too_and_keeps_nothing(what: str, office: Office) -> None:
    name, content, _source, _says = UNREADABLE[what]
    answer = office.inspected(name, content)
    if what == "another source's file":
        assert answer.said["format"] == "mt940"
        return
    assert (answer.status, answer.said["verdict"], answer.said["records"]) == (3, "unreadable", 0)
    assert all(one_sentence(problem["message"]) for problem in answer.said["problems"])
    assert not (office.folder / ".tieout").exists()


def test_the_files_beside_a_bad_one_are_read(office: Office) -> None:
    (office.files / "bad.csv").write_bytes(b"")
    (office.files / "fine.csv").write_text(FINE)
    answer = office.run("--json", "ingest", office.files / "bad.csv", office.files / "fine.csv", "--source", "psp")
    assert answer.status == 3
    assert [d["state"] for d in answer.said["deliveries"]] == ["refused", "accepted"]
    assert office.lost() == []


def test_a_file_at_which_tieout_itself_fails_is_kept_stops_no_other_and_is_read_once_that_is_mended(
    office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as broken:
        broken.setattr(type(format_of("mt940")), "read", None)
        answer = office.ingest("swift.sta", GOOD_MT940, "swift")
        other = office.ingest("psp.csv", FINE, "psp")
        assert [d["state"] for d in other.said["deliveries"]] == ["accepted"]
    assert answer.status == 3
    assert ["tieout itself failed" in error for error in answer.said["errors"]] == [True]
    assert office.landed()[0] == GOOD_MT940.encode()
    again = office.run("--json", "ingest")
    assert [d["rows_new"] for d in again.said["deliveries"]] == [1]
    assert office.run("verify").status == 0


def test_a_file_that_is_not_there_is_wrong_use(office: Office) -> None:
    for command in (("ingest", "--source", "psp"), ("inspect",)):
        answer = office.run(*command, office.files / "none.csv")
        assert (answer.status, answer.out) == (2 if command[0] == "ingest" else answer.status, "")
        assert "none.csv" in answer.err
    assert office.deliveries() == []


# -- Rows ---------------------------------------------------------------------------------------------------------

ROWS = {
    "amount in words": ("x,charge,twelve hundred,EUR,01.10.2026,", "gross", "'twelve hundred'"),
    "31 February": ("x,charge,1.00,EUR,31.02.2026,", "day", "'31.02.2026'"),
    "no such currency": ("x,charge,1.00,EUQ,01.10.2026,", "ccy", "'EUQ'"),
    "no currency": ("x,charge,1.00,,01.10.2026,", None, "currency"),
    "no amount": ("x,charge,,EUR,01.10.2026,", "gross", "no value"),
    "power of ten": ("x,charge,1e3,EUR,01.10.2026,", "gross", "'1e3'"),
    "not a number": ("x,charge,NaN,EUR,01.10.2026,", "gross", "'NaN'"),
    "decimal comma": ('x,charge,"1.000,00",EUR,01.10.2026,', "gross", "1.000,00"),
    "more than any balance": ("x,charge,99999999999999999999,EUR,01.10.2026,", "gross", "at most"),
    "no such kind": ("x,nonsense,1.00,EUR,01.10.2026,", "type", "'nonsense'"),
    "wrong sign": ("x,refund,1.00,EUR,01.10.2026,", "gross", "expected a negative amount"),
    "too few columns": ("x,charge,1.00,EUR", None, "expected 6 columns, got 4"),
    "too many columns": ("x,charge,1.00,EUR,01.10.2026,a,b,c", None, "expected 6 columns, got 8"),
}


@pytest.mark.parametrize("what", ROWS)
def test_a_bad_row_is_quarantined_with_its_place_and_the_others_stand(what: str, office: Office) -> None:
    row, column, says = ROWS[what]
    answer = office.table("g1,charge,5.00,EUR,01.10.2026,", row, "g2,charge,6.00,EUR,01.10.2026,")
    assert answer.status == 1
    [delivery] = answer.said["deliveries"]
    assert (delivery["rows_in"], delivery["rows_new"], delivery["rows_quarantined"]) == (3, 2, 1)
    [found] = office.quarantined()
    assert found["line"] == 3
    assert column in (None, found["column"])
    assert says in found["message"]
    assert one_sentence(found["message"])
    assert office.lost() == []


def test_bytes_of_another_encoding_set_aside_their_rows_only(office: Office) -> None:
    answer = office.ingest("psp.csv", FINE.replace("two", "zwölf").encode("latin-1"), "psp")
    assert answer.status == 1
    assert [found["line"] for found in office.quarantined()] == [3]
    assert "encoding" in office.quarantined()[0]["message"]
    assert office.lost() == []


def test_a_table_cut_off_in_a_row_keeps_the_rows_before(office: Office) -> None:
    answer = office.ingest("psp.csv", FINE[:-16], "psp")
    assert answer.status == 1
    assert [(d["rows_new"], d["rows_quarantined"]) for d in answer.said["deliveries"]] == [(1, 1)]
    assert office.lost() == []


def test_a_table_cut_off_within_quotes_is_noticed(office: Office) -> None:
    answer = office.ingest("psp.csv", f'{FINE}t3,charge,10.00,EUR,01.10.2026,"never clo', "psp")
    assert answer.status == 1
    assert [(d["rows_new"], d["rows_quarantined"]) for d in answer.said["deliveries"]] == [(2, 1)]


def test_a_column_that_moved_is_found_by_its_name(office: Office) -> None:
    office.table("a,charge,5.00,EUR,01.10.2026,one")
    moved = "day,note,ccy,type,gross,id\n01.10.2026,one,EUR,charge,5.00,a\n"
    answer = office.ingest("moved.csv", moved, "psp")
    assert answer.status == 0
    assert [(d["rows_repeated"], d["rows_new"]) for d in answer.said["deliveries"]] == [(1, 0)]


def test_bad_entries_of_a_statement_are_set_aside_and_it_is_said_that_it_cannot_be_proven(office: Office) -> None:
    for number, bad in enumerate([entry("fifty"), entry("5.00", currency="EUQ"), entry("5.00", day="2026-02-31")]):
        office.ingest(f"{number}.xml", camt("100.00", "150.00", entry("50.00", reference=f"G{number}"), bad), "bank")
    assert [found["column"] for found in office.quarantined()] == ["Amt", "Amt", "BookgDt"]
    assert sum("prove that it closes" in note for _, note in office.reasons()) == 3
    assert office.lost() == []


# -- Control totals -----------------------------------------------------------------------------------------------

CONTROLLED = {
    "camt: the closing balance": (
        "s.xml",
        camt("100.00", "10100.00", entry("100.00")),
        "bank",
        "balance_difference",
        "got 10100.00 EUR",
    ),
    "camt: the sum of the entries": (
        "s.xml",
        camt(
            "100.00",
            "200.00",
            entry("100.00"),
            summary="<TxsSummry><TtlCdtNtries><NbOfNtries>1</NbOfNtries><Sum>10000</Sum></TtlCdtNtries></TxsSummry>",
        ),
        "bank",
        "incomplete",
        "100.00, got 10000",
    ),
    "camt: the number of entries": (
        "s.xml",
        camt(
            "100.00",
            "200.00",
            entry("100.00"),
            summary="<TxsSummry><TtlNtries><NbOfNtries>9</NbOfNtries></TtlNtries></TxsSummry>",
        ),
        "bank",
        "incomplete",
        "1, got 9",
    ),
    "MT940: the closing balance": (
        "s.sta",
        GOOD_MT940.replace("C50,00", "C5000,00"),
        "swift",
        "balance_difference",
        "got 150.00",
    ),
    "Stripe: the batch and its payout": (
        "s.csv",
        f"{STRIPE}{CHARGE_OF_TEN_THOUSAND}{PAYOUT_OF_A_HUNDRED}",
        "stripe",
        "balance_difference",
        "a difference of 9900.00 EUR",
    ),
}


@pytest.mark.parametrize("what", CONTROLLED)
def test_a_unit_that_shifted_is_read_reported_and_never_dropped(what: str, office: Office) -> None:
    name, content, source, reason, says = CONTROLLED[what]
    answer = office.ingest(name, content, source)
    assert answer.status == 1
    [delivery] = answer.said["deliveries"]
    assert (delivery["state"], delivery["rows_quarantined"]) == ("accepted", 0)
    assert delivery["rows_new"] == delivery["rows_in"] > 0
    assert [found for found, _ in office.reasons()] == [reason]
    assert says in office.reasons()[0][1]
    assert office.lost() == []


def test_a_statement_that_does_not_close_is_kept_and_said_by_inspect_too(office: Office) -> None:
    lying = camt("100.00", "175.00", entry("50.00"))
    answer = office.inspected("s.xml", lying)
    assert (answer.status, answer.said["verdict"]) == (1, "problems")
    assert answer.said["statements"][0]["closes"] is False
    assert office.ingest("s.xml", lying, "bank").status == 1
    [(reason, note)] = office.reasons()
    assert reason == "balance_difference"
    assert "150.00" in note
    assert "175.00" in note
    assert office.lost() == []


# -- tieout.toml and mappings -------------------------------------------------------------------------------------

FAULTY = {
    "unknown key": (MAPPING.replace('id = "psp"', 'id = "psp"\ndelimeter = ";"'), "delimeter", "line 3"),
    "unknown field": (MAPPING.replace("text =", "txt ="), "'text'", "line 12"),
    "forbidden function": (MAPPING.replace('"gross"\n', "\"read_text('/etc/passwd')\"\n"), "read_text", "line 9"),
    "a subquery": (MAPPING.replace('"gross"\n', '"(select 1)"\n'), "not allowed", "line 9"),
    "no TOML": (MAPPING + "\n[fields", "expected TOML", "psp.toml"),
}


@pytest.mark.parametrize("what", FAULTY)
def test_a_fault_in_a_mapping_stops_before_anything_is_kept(what: str, office: Office) -> None:
    mapping, says, place = FAULTY[what]
    office.write_mapping(mapping)
    answer = office.ingest("psp.csv", FINE, "psp")
    assert (answer.status, answer.out) == (2, "")
    assert answer.err.count("\n") == 1
    for expected in ("mappings/psp.toml", says, place):
        assert expected in answer.err
    office.write_mapping(MAPPING)
    assert office.deliveries() == []
    assert office.ingest("psp.csv", FINE, "psp").status == 0
    assert office.lost() == []


def test_a_fault_in_a_mapping_that_takes_none_of_the_files_stops_none_of_them(office: Office) -> None:
    toml = office.folder / "tieout.toml"
    toml.write_text(
        toml.read_text() + 'path = "inbox/*.csv"\n\n[[source]]\nid = "draft"\nmapping = "mappings/d.toml"\n'
    )
    (office.folder / "mappings" / "d.toml").write_text(MAPPING.replace('"gross"\n', '"round(gross)"\n'))
    (office.folder / "inbox").mkdir()
    for name, content in (
        ("1", f"{HEADER}\na,charge,1.00,EUR,01.10.2026,x"),
        ("2", "Nummer,Betrag\n1,2"),
        ("3", f"{HEADER}\nb,charge,1.00,EUR,01.10.2026,x"),
    ):
        (office.folder / "inbox" / f"{name}.csv").write_text(content + "\n")
    answer = office.run("--json", "ingest")
    assert answer.status == 3
    assert [told["state"] for told in answer.said["deliveries"]] == ["accepted", "refused", "accepted"]
    assert "2.csv: " in answer.err
    assert "round" not in answer.err
    (office.files / "4.csv").write_text(f"{HEADER}\nc,charge,1.00,EUR,01.10.2026,x\n")
    assert office.run("ingest", office.files / "4.csv").status == 0  # whom it belongs to is known all the same
    (office.files / "5.csv").write_text("Nummer,Betrag\n1,2\n")
    both = office.run("ingest", office.files / "4.csv", office.files / "5.csv")
    assert (both.status, "round" in both.err) == (2, True)


def test_a_mapping_of_columns_that_do_not_exist_refuses_the_file_and_replay_reads_it_after_the_fix(
    office: Office,
) -> None:
    office.write_mapping(MAPPING.replace('"gross"\n', '"total"\n'))
    answer = office.ingest("psp.csv", FINE, "psp")
    assert answer.status == 3
    [delivery] = answer.said["deliveries"]
    assert "'total'" in delivery["reason"]
    office.write_mapping(MAPPING)
    replayed = office.run("--json", "replay", delivery["delivery_id"], "--reason", "the mapping named a wrong column")
    assert [d["rows_new"] for d in replayed.said["deliveries"]] == [2]
    assert office.reasons() == []
    assert office.lost() == []


def test_an_unknown_key_of_tieout_toml_is_named_with_its_line_and_the_nearest_known(office: Office) -> None:
    (office.folder / "tieout.toml").write_text(TOML.replace("base_currency", "base_curency"))
    answer = office.ingest("psp.csv", FINE, "psp")
    assert (answer.status, answer.out) == (2, "")
    for expected in ("tieout.toml", "line 3", "base_curency", "base_currency"):
        assert expected in answer.err
    assert not (office.folder / ".tieout").exists()


@pytest.mark.parametrize("command", ["ingest", "deliveries", "match", "export", "completeness"])
def test_a_format_that_does_not_exist_is_named_with_its_line_by_every_command(command: str, office: Office) -> None:
    (office.folder / "tieout.toml").write_text(TOML.replace('"camt.053"', '"camt.53"'))
    answer = office.run(command, *(("records", "--to", office.files / "r.csv") if command == "export" else ()))
    assert (answer.status, answer.out) == (2, "")
    assert answer.err == (
        "tieout: tieout.toml line 12: expected a format that tieout knows for 'format' in [[source]] 'bank',"
        " got 'camt.53'; did you mean 'camt.053'?\n"
    )
    assert not (office.folder / ".tieout").exists()


def test_a_format_like_no_other_is_answered_with_those_that_are_known(office: Office) -> None:
    (office.folder / "tieout.toml").write_text(TOML.replace('"camt.053"', '"xyz"'))
    answer = office.run("ingest")
    assert (answer.status, "known are adyen." in answer.err, "mt940" in answer.err) == (2, True, True)


def test_a_source_that_nobody_declared_is_wrong_use(office: Office) -> None:
    answer = office.ingest("psp.csv", FINE, "pps")
    assert (answer.status, answer.out) == (2, "")
    assert "pps" in answer.err


# -- Limits -------------------------------------------------------------------------------------------------------

GIGABYTE = 1 << 30
PEAK_MAX_MIB = 500


def packed_line(before: bytes, after: bytes = b"") -> bytes:
    """Compress ``before``, a gigabyte without a line's end, and ``after``, without ever holding it."""
    part = b"x" * (1 << 20)
    packer = zlib.compressobj(6, zlib.DEFLATED, 31)
    start = packer.compress(before) + packer.flush(zlib.Z_FULL_FLUSH)
    raw = zlib.compressobj(6, zlib.DEFLATED, -15)
    block = raw.compress(part) + raw.flush(zlib.Z_FULL_FLUSH)
    last = zlib.compressobj(6, zlib.DEFLATED, -15)
    end = last.compress(after) + last.flush()
    check = zlib.crc32(before)
    for _ in range(GIGABYTE >> 20):
        check = zlib.crc32(part, check)
    size = len(before) + GIGABYTE + len(after)
    trailer = zlib.crc32(after, check).to_bytes(4, "little") + (size & 0xFFFFFFFF).to_bytes(4, "little")
    return start + block * (GIGABYTE >> 20) + end + trailer


# The peak that the kernel tells of a child includes what its parent held when it was started; VmHWM does not.
MEASURED = """
import sys
from tieout.cli import main
status = main(sys.argv[1:])
sys.stdout.flush()
lines = open("/proc/self/status").read().splitlines()
print(next(line.split()[1] for line in lines if line.startswith("VmHWM")))
sys.exit(status)
"""


def limited(*arguments: str | Path) -> tuple[int, float, str]:
    """Run the command line in a process of its own: its exit status, the most memory in MiB, and what it said."""
    if not Path("/proc/self/status").exists():
        pytest.skip("the most memory that a process used is read from /proc, which this system does not have")
    done = subprocess.run(
        [sys.executable, "-c", MEASURED, *map(str, arguments)],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        check=False,
        encoding="utf-8",
    )
    said, _, peak_kib = done.stdout.removesuffix("\n").rpartition("\n")
    return done.returncode, int(peak_kib) / 1024, f"{said}\n"


LONG = {
    "table": ("psp", "psp.csv.gz", f"{HEADER}\nt1,charge,1.00,EUR,01.10.2026,".encode()),
    "statement": ("bank", "bank.xml.gz", GOOD_CAMT.partition("<Ntry>")[0].encode() + b"<Ntry><AddtlNtryInf>"),
    "MT940": ("swift", "swift.sta.gz", GOOD_MT940.partition("One")[0].encode()),
    "report": ("stripe", "stripe.csv.gz", f"{STRIPE}po_1,txn_1,".encode()),
}


@pytest.mark.slow
@pytest.mark.parametrize("what", some_of(LONG, 2))
def test_a_line_of_a_gigabyte_does_not_fill_memory(what: str, office: Office) -> None:
    source, name, before = LONG[what]
    path = office.files / name
    path.write_bytes(packed_line(before))
    status, peak_mib, said = limited("--workspace", office.folder, "ingest", path, "--source", source)
    assert (status in {1, 3}, "a fault of tieout itself" in said) == (True, False), said
    assert peak_mib < PEAK_MAX_MIB
    status, peak_mib, said = limited("--workspace", office.folder, "inspect", path)
    assert status in {1, 3}
    assert peak_mib < PEAK_MAX_MIB
    assert office.landed() == [path.read_bytes()]
    assert office.lost() == []


@pytest.mark.slow
def test_a_file_of_nothing_but_a_gigabyte_of_zeros_is_told_from_a_table(office: Office) -> None:
    path = office.files / "zeros.csv"
    with path.open("wb") as file:
        file.truncate(GIGABYTE)
    status, peak_mib, said = limited("--workspace", office.folder, "inspect", path)
    assert (status, peak_mib < PEAK_MAX_MIB) == (3, True), said


# -- Whatever comes -----------------------------------------------------------------------------------------------


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "content", "source"),
    [("psp.csv", FINE, "psp"), ("bank.xml", GOOD_CAMT, "bank"), ("swift.sta", GOOD_MT940, "swift")],
)
def test_a_file_cut_anywhere_is_read_or_refused_and_never_lost(
    name: str, content: str, source: str, office: Office
) -> None:
    step = max(1, len(content) // examples(6))
    for end in range(1, len(content), step):
        answer = office.ingest(f"{end}-{name}", content[:end], source)
        assert answer.status in {0, 1, 3}, answer.err
        assert "a fault of tieout itself" not in answer.err
        assert len(answer.said["deliveries"]) == 1
    assert office.lost() == []


@pytest.mark.slow
def test_a_file_with_any_byte_changed_is_read_or_refused_by_inspect(office: Office) -> None:
    for name, content in (("psp.csv", FINE), ("bank.xml", GOOD_CAMT), ("swift.sta", GOOD_MT940)):
        whole = content.encode()
        for place in range(0, len(whole), max(1, len(whole) // examples(8))):
            for value in (0, 0x22, 0xFF):
                answer = office.inspected(name, whole[:place] + bytes([value]) + whole[place + 1 :])
                assert answer.status in {0, 1, 3}
                assert "a fault of tieout itself" not in answer.out


cells = st.text(st.characters(codec="utf-8", exclude_characters='\r\n"\0,'), max_size=12)
amounts = st.one_of(cells, st.decimals(-10_000, 10_000, places=2).map(str), st.just("1.00"))
days = st.one_of(cells, st.dates().map(lambda day: day.strftime("%d.%m.%Y")), st.just("31.02.2026"))
rows_of_a_table = st.lists(
    st.tuples(
        st.sampled_from(["charge", "refund", "nonsense", ""]), amounts, st.sampled_from(["EUR", "JPY", "EUQ", ""]), days
    ),
    min_size=1,
    max_size=12,
)


@settings(max_examples=examples(10), suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(rows=rows_of_a_table)
def test_rows_in_are_rows_kept_and_rows_quarantined_whatever_stands_in_them(
    rows: list[tuple[str, str, str, str]], tmp_path_factory: pytest.TempPathFactory
) -> None:
    office = Office(tmp_path_factory.mktemp("any"))
    answer = office.table(*(f"id{number},{','.join(row)}," for number, row in enumerate(rows)))
    assert answer.status in {0, 1}, answer.err
    [delivery] = answer.said["deliveries"]
    assert delivery["rows_in"] == len(rows) == delivery["rows_new"] + delivery["rows_quarantined"]
    assert len(office.quarantined()) == delivery["rows_quarantined"]
    assert office.lost() == []


def one_sentence(message: str) -> bool:
    """Say whether a message is one line of bounded length that says what was expected."""
    return "\n" not in message and "expected" in message and len(message) < 1_000


# -- The checks themselves ----------------------------------------------------------------------------------------


def test_what_is_lost_is_noticed(office: Office) -> None:
    office.table("g1,charge,5.00,EUR,01.10.2026,")
    assert office.lost() == []
    victim = next(path for path in (office.folder / ".tieout" / "lake").rglob("*.parquet"))
    victim.write_bytes(victim.read_bytes()[:-1] + b"?")
    assert office.lost() != []


def test_an_answer_is_what_a_process_would_answer(office: Office) -> None:
    inside: Answer = typed("--workspace", office.folder, "ingest", office.files / "none.csv", "--source", "psp")
    status, _, said = limited("--workspace", office.folder, "ingest", office.files / "none.csv", "--source", "psp")
    assert (status, said) == (inside.status, inside.err)
