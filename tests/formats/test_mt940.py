"""MT940 and MT942: what banks send is read, and what contradicts itself is said."""

import datetime as dt
import io
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tieout.formats.reading import Chunk, Head, ReadOptions
from tieout.formats.swift.messages import MT940, MT942
from tieout.model.money import format_minor
from tieout.model.problems import Problem
from tieout.model.records import Record
from tieout.model.statements import Statement

Samples = Callable[[str], list[tuple[Path, dict[str, Any], str]]]

CASES = Path(__file__).parent / "cases" / "mt940"
SEEDS = sorted(CASES.glob("*.sta"))
HEADER = ":20:R\n:25:4711\n:28C:1/1\n:60F:C260101EUR0,\n"


def identified(data: bytes) -> str | None:
    head = Head("file.sta", data[: 64 * 1024])
    found = [name for reader in (MT940, MT942) if (name := reader.identify(head))]
    assert len(found) <= 1
    return found[0] if found else None


def chunks(data: bytes, name: str = "mt940", **options: Any) -> list[Chunk]:
    reader = MT942 if name == "mt942" else MT940
    return list(reader.read(io.BytesIO(data), ReadOptions(**options)))


def records(data: bytes | str, name: str = "mt940", **options: Any) -> list[Record]:
    data = data.encode() if isinstance(data, str) else data
    return [record for chunk in chunks(data, name, **options) for record in chunk.records]


def statements(text: str, **options: Any) -> list[Statement]:
    return [statement for chunk in chunks(text.encode(), **options) for statement in chunk.statements]


def problems(data: bytes | str, name: str = "mt940") -> list[Problem]:
    data = data.encode() if isinstance(data, str) else data
    return [problem for chunk in chunks(data, name) for problem in chunk.problems]


def entry(field: str, *information: str, currency: str = "EUR") -> Record:
    """Read one entry in a statement that says nothing else."""
    lines = [f":61:{field}", *information]
    (record,) = records(HEADER.replace("EUR", currency) + "\n".join(lines) + "\n")
    return record


# Golden cases.


def written(data: bytes) -> str:
    """Everything a file says, one line a fact."""
    lines: list[str] = []
    read = chunks(data, identified(data) or "mt940")
    for r in (r for c in read for r in c.records):
        amount = format_minor(r.amount or 0, r.exponent or 0)
        lines += [
            f"record {r.line} {r.status} {r.booked_on} value {r.value_on} {amount} {r.currency} {r.bank_code} account={r.account_number}",
            f"  identity {r.identity}",
            f"  references {', '.join(r.references) or '-'}",
            f"  text {r.text}",
            f"  counterparty {r.counterparty} {r.counterparty_account}",
        ]
    for s in (s for c in read for s in c.statements):
        created = f" created {s.created_at.isoformat()}" if s.created_at else ""
        sums = f"+ {format_minor(s.credits, s.exponent)} - {format_minor(s.debits, s.exponent)}"
        lines.append(
            f"statement {s.line} {s.number} {s.account_number} {s.currency} {s.from_on}..{s.to_on}"
            f" {s.opening} {sums} = {s.closing} {s.closes}{created}"
        )
    lines += [f"balance {b.kind} {b.on} {b.amount}" for c in read for b in c.balances]
    for t in (t for c in read for t in c.totals):
        lines.append(
            f"total {t.currency} {t.count} {format_minor(t.credits, t.exponent)} {format_minor(t.debits, t.exponent)}"
        )
    lines += [f"problem {p.severity} {p.line}:{p.column} {p.reason} {p.message}" for c in read for p in c.problems]
    return "\n".join(lines) + "\n"


@pytest.mark.parametrize("path", SEEDS, ids=lambda path: path.stem)
def test_a_case_is_read_as_written_beside_it(path: Path) -> None:
    assert written(path.read_bytes()) == path.with_suffix(".expected").read_text(encoding="utf-8")


@pytest.mark.parametrize("path", SEEDS, ids=lambda path: path.stem)
@pytest.mark.parametrize("ending", [b"\r\n", b"\r"])
def test_line_endings_marks_and_encodings_change_nothing(path: Path, ending: bytes) -> None:
    data = path.read_bytes()
    assert written(b"\xef\xbb\xbf" + data.replace(b"\n", ending)) == written(data)


@pytest.mark.parametrize("path", SEEDS, ids=lambda path: path.stem)
def test_small_chunks_say_the_same(path: Path) -> None:
    data = path.read_bytes()
    name = identified(data) or ""
    whole, parts = chunks(data, name), chunks(data, name, batch_rows=1)
    assert all(len(chunk.records) <= 1 for chunk in parts)
    assert [r for c in parts for r in c.records] == [r for c in whole for r in c.records]
    assert [s for c in parts for s in c.statements] == [s for c in whole for s in c.statements]
    assert sum(c.rows or 0 for c in parts) == sum(c.rows or 0 for c in whole)
    assert [c.totals for c in parts if c.totals] == [whole[-1].totals]


# Which file is which.


@pytest.mark.parametrize(
    ("data", "format_id"),
    [
        (b"\r\n :20:X\r\n:25:1\r\n:28C:1\r\n:60F:C260101EUR1,\r\n:62F:C260101EUR1,\r\n-", "mt940"),
        (b"ABNANL2A\n940\nABNANL2A\n:20:X\n:25:1\n:28:1\n:61:2601010101C1,NTRFX\n", "mt940"),
        (b"{1:F01AAAABBCCAXXX0000000000}{2:O9501200260116AAAABBCCAXXX00000000002601161200N}{4:\n:20:X\n", "mt940"),
        (b"\x01{1:F01AAAABBCCAXXX0000000000}{2:I942AAAABBCCXXXXN}{4:\n:20:X\n", "mt942"),
        (b":20:X\n:25:1\n:28C:1\n:34F:EUR0,\n:13D:2601011200+0100\n", "mt942"),
        (b":61:260101C50,00NTRFNONREF\n", "mt940"),
        (b":86:free text\n-", "mt940"),
        (b":62F:C260101EUR1,\n-", "mt940"),
        (b"{1:F01AAAABBCCAXXX0000000000}{2:I103AAAABBCCXXXXN}{4:\n:20:X\n:23B:CRED\n:32A:260101EUR1,\n-}", None),
        (b":20:X\n:23B:CRED\n:32A:260101EUR1,\n:59:/123\nNAME\n:71A:SHA\n", None),
        (b":20:X\n:21:Y\n:25:1\n:13D:2601011200+0100\n:32A:260101EUR1,\n", None),
        (b":20:X\n:12:942\n:25:1\n:34F:EUR0,\n", None),
        (b"<Document>\n:20:X\n:61:2601010101C1,NTRFX\n:62F:C260101EUR1,\n</Document>", None),
        (b"date;amount\n2026-01-01;1,00\n", None),
        (b'{"a": ":61:"}', None),
        (b"1\n2\n3\n", None),
        (b"", None),
        (b"\n" * 60_000, None),
    ],
)
def test_a_file_is_told_by_its_content(data: bytes, format_id: str | None) -> None:
    assert identified(data) == format_id


@pytest.mark.parametrize("data", [b"", b"1\n2\n3\n", b":20:X\n:23B:CRED\n:32A:260101EUR1,\n", b"\xff\xfe:\x002\x00"])
def test_what_has_no_statement_is_refused(data: bytes) -> None:
    (problem,) = problems(data)
    assert (problem.severity, problem.message[:8]) == ("refused", "expected")


# Entries.


@pytest.mark.parametrize(
    ("field", "amount"),
    [
        ("2601020102C380115,NTRFX", "380115.00"),
        ("2601020102D0,12NTRFX", "-0.12"),
        ("2601020102C00,12NTRFX", "0.12"),
        ("2601020102C,5NTRFX", "0.50"),
        ("2601020102D000000004433,52N030NONREF", "-4433.52"),
        ("2601020102C1.234,56NTRFX", "1234.56"),
        ("2601020102C500NTRFX", "500.00"),
        ("2601020102C0,NTRFX", "0.00"),
        ("2601020102RC5,NTRFX", "-5.00"),
        ("2601020102RD5,NTRFX", "5.00"),
        ("2601020102RCR5,NTRFX", "-5.00"),
        ("2601020102CR5,NTRFX", "5.00"),
        ("2601020102DR5,NTRFX", "-5.00"),
        ("2601020102DD5,NTRFX", "-5.00"),
        ("260102    DN5, NTRFX", "-5.00"),
        ("260102D5,00S   X", "-5.00"),
        ("2601020102C5,0051NTRFX", "5.0051"),
    ],
)
def test_amounts_and_marks_as_banks_write_them(field: str, amount: str) -> None:
    record = entry(field)
    assert format_minor(record.amount or 0, record.exponent or 0) == amount


@pytest.mark.parametrize(
    ("field", "value_on", "booked_on"),
    [
        ("2601011231C1,NTRFX", dt.date(2026, 1, 1), dt.date(2025, 12, 31)),
        ("2512310102C1,NTRFX", dt.date(2025, 12, 31), dt.date(2026, 1, 2)),
        ("260229C1,NTRFX", dt.date(2026, 2, 28), dt.date(2026, 2, 28)),
        ("260230C1,NTRFX", dt.date(2026, 2, 28), dt.date(2026, 2, 28)),
        ("261131C1,NTRFX", dt.date(2026, 11, 30), dt.date(2026, 11, 30)),
        ("2601020000C1,NTRFX", dt.date(2026, 1, 2), dt.date(2026, 1, 2)),
    ],
)
def test_days_across_the_year_and_past_the_month(field: str, value_on: dt.date, booked_on: dt.date) -> None:
    record = entry(field)
    assert (record.value_on, record.booked_on) == (value_on, booked_on)


def dated(opens: str, field: str, closes: str = "") -> str:
    """A statement of one entry, with the days of its balances."""
    opening = f":60F:C{opens}EUR0,\n" if opens else ""
    return f":20:R\n:25:4711\n:28C:1/1\n{opening}:61:{field}\n" + (f":62F:C{closes}EUR1,\n" if closes else "")


@pytest.mark.parametrize(
    ("text", "booked_on"),
    [
        # Interest corrected with a value of half a year ago, and a value in the future.
        (dated("261101", "2604301102C1,NTRFX", "261102"), dt.date(2026, 11, 2)),
        (dated("261102", "2706011103C1,NTRFX", "261103"), dt.date(2026, 11, 3)),
        (dated("261102", "1901011103C1,NTRFX"), dt.date(2026, 11, 3)),
        (dated("", "2604301102C1,NTRFX", "261102"), dt.date(2026, 11, 2)),
        (dated("261230", "2607010102C1,NTRFX", "270102"), dt.date(2027, 1, 2)),
        (dated("270102", "2607011231C1,NTRFX", "270102"), dt.date(2026, 12, 31)),
        # A statement of a whole year, newest first, and of two years: then the value day decides.
        (dated("260101", "2612311231C1,NTRFX", "261231"), dt.date(2026, 12, 31)),
        (dated("250101", "2506300701C1,NTRFX", "261231"), dt.date(2025, 7, 1)),
        (dated("250101", "2606300701C1,NTRFX", "261231"), dt.date(2026, 7, 1)),
        (dated("240229", "2402290230C1,NTRFX"), dt.date(2024, 2, 29)),
        (dated("", "9912310103C1,NTRFX"), dt.date(2000, 1, 3)),
        (dated("null", "2512310103C1,NTRFX"), dt.date(2026, 1, 3)),
    ],
)
def test_the_year_of_an_entry_is_that_of_its_statement(text: str, booked_on: dt.date) -> None:
    assert [record.booked_on for record in records(text)] == [booked_on]


@pytest.mark.parametrize("made", [":13D:2611021200+0100", ":13:2611021200"])
def test_the_year_of_an_announced_entry_is_that_of_its_report(made: str) -> None:
    text = (
        f":20:R\n:25:4711\n:28C:1/1\n:34F:EUR0,\n{made}\n:61:2604301102C1,NTRFX\n:61:2512310103C1,NTRFX\n:90C:2EUR2,\n"
    )
    assert [record.booked_on for record in records(text, "mt942")] == [dt.date(2026, 11, 2), dt.date(2027, 1, 3)]


def test_an_entry_in_a_long_page_has_the_year_of_the_opening_balance() -> None:
    text = dated("261101", "2604301102C1,NTRFX") + ":61:2604301103C1,NTRFX\n" * 9 + ":62F:C261105EUR10,\n"
    assert {record.booked_on for record in records(text, batch_rows=2)} == {dt.date(2026, 11, 2), dt.date(2026, 11, 3)}


DOUBTFUL = {"a point": ("12.50", 1250), "a point before thousands": ("1.234", 1234), "blanks": ("1 234,00", 123400)}


@pytest.mark.parametrize("case", DOUBTFUL)
def test_an_amount_as_swift_does_not_write_it_is_set_aside_with_its_place(case: str) -> None:
    written, _ = DOUBTFUL[case]
    for closing in ("", ":62F:C260102EUR7,\n"):
        (problem,) = [p for p in problems(f"{HEADER}:61:2601020102C{written}NTRFX\n{closing}") if p.severity == "row"]
        assert (problem.line, problem.column) == (5, 16)
        assert problem.message.startswith("expected an amount with a comma such as 1234,56 in :61:, or a balance")
    text = f":20:R\n:25:4711\n:28C:1/1\n:34F:EUR0,\n:61:2601020102C{written}NTRFX\n:90C:1EUR7,\n"
    assert records(text, "mt942") == []


@pytest.mark.parametrize("case", DOUBTFUL)
def test_what_a_balance_or_a_control_total_proves_is_read(case: str) -> None:
    written, minor = DOUBTFUL[case]
    exact = written.replace(" ", "").replace(".", ",")
    (record,) = records(f"{HEADER}:61:2601020102C{written}NTRFX\n:62F:C260102EUR{exact}\n")
    assert (record.amount, record.exponent) == (minor, 3 if case == "a point before thousands" else 2)
    text = f":20:R\n:25:4711\n:28C:1/1\n:34F:EUR0,\n:61:2601020102C{written}NTRFX\n:90C:1EUR{exact}\n"
    assert [announced.amount for announced in records(text, "mt942")] == [minor]


@pytest.mark.parametrize("days", ["260231", "2602280231", "260132", "260200", "261301"])
def test_a_day_that_no_calendar_has_quarantines_its_entry_and_says_where(days: str) -> None:
    data = f":20:S\n:25:1\n:28C:1\n:60F:C260101EUR0,\n:61:{days}C1,00NTRFX\n:62F:C260101EUR1,\n".encode()
    assert records(data) == []
    [problem] = [problem for problem in problems(data) if problem.severity == "row"]
    assert problem.line is not None
    assert "date such as" in problem.message
    assert repr(days[-4:] if len(days) == 10 else days) in problem.message
    [told] = statements(data.decode())
    assert told.closes is None
    assert "expected every entry of statement 1 to prove that it closes, got 1 unreadable" in str(problems(data))


@pytest.mark.parametrize(
    ("rest", "code", "references", "external_id"),
    [
        ("NTRFNONREF//B4E07XM00J000023", "NTRF", (), "B4E07XM00J000023"),
        ("NTRFNONREF//NONREF", "NTRF", (), None),
        ("NTRFNOTPROVIDED//0000000", "NTRF", (), None),
        ("FMSC01916//", "FMSC", ("01916",), None),
        ("S10329-07-2014 10:05//X1", "S103", ("29-07-2014 10:05",), "X1"),
        ("NMSC341241773/1XXXXX//O/341241774", "NMSC", ("341241773/1XXXXX",), "O/341241774"),
        ("NMSC", "NMSC", (), None),
        ("", None, (), None),
    ],
)
def test_references_are_kept_and_placeholders_are_not(
    rest: str, code: str | None, references: tuple[str, ...], external_id: str | None
) -> None:
    record = entry("2601020102C1,00" + rest)
    assert (record.bank_code, record.references, record.external_id) == (code, references, external_id)
    assert record.identity == (f"{external_id}|2026-01-02|100|EUR" if external_id else None)
    assert record.counted


@pytest.mark.parametrize(
    ("field", "column", "expected"),
    [
        ("26010C1,NTRFX", 5, "a value date"),
        ("2601020102X1,NTRFX", 15, "a mark"),
        ("2601020102C NTRFX", 18, "an amount"),
        ("2601020102C1.2.3,4NTRFX", 16, "an amount"),
        ("2601020102C" + "9" * 30 + "NTRFX", 16, "an amount"),
        ("2601020102C" + "9" * 5000 + "NTRFX", 16, "an amount"),
        ("2613020102C1,NTRFX", 5, "a value date"),
        ("2601021302C1,NTRFX", 11, "an entry date"),
    ],
)
def test_an_entry_that_cannot_be_read_is_one_row_with_its_place(field: str, column: int, expected: str) -> None:
    text = f"{HEADER}:61:{field}\n:86:lost?\n:61:2601020102C2,NTRFX\n:86:kept\n"
    (problem,) = problems(text)
    assert (problem.severity, problem.line, problem.column) == ("row", 5, column)
    assert problem.message.startswith(f"expected {expected}")
    assert [r.text for r in records(text)] == ["kept"]
    assert sum(chunk.rows or 0 for chunk in chunks(text.encode())) == 2


# What the bank tells about an entry.


def test_subfields_are_joined_through_words_and_not_beyond() -> None:
    record = entry(
        "2601020102D1,00NDDTNONREF",
        ":86:105?00LASTSCHRIFT?10931?20EREF+E-1?21KREF+K-1?22MREF+M-1?23CRED+DE98ZZZ09999999999?24SVWZ+Beitrag 1",
        "2/2025 und?25Mahngeb?30COBADEFFXXX?31DE02120300000000202051?32Verein?33Muster?60uehr",
    )
    assert record.references == ("E-1", "K-1", "M-1")
    assert record.text == "Beitrag 12/2025 und Mahngeb uehr"
    assert (record.counterparty, record.counterparty_account) == ("Verein Muster", "DE02120300000000202051")
    assert '"CRED": "DE98ZZZ09999999999"' in (record.details or "")
    assert '"gvc": "105"' in (record.details or "")


@pytest.mark.parametrize("mark", [*"#/&|+!;%*$-="])
def test_the_separator_of_subfields_is_the_banks_choice(mark: str) -> None:
    written = (
        "166?00GUTSCHRIFT?10931?20EREF+INV-4711 12/2026?21SVWZ+2026 Rechnung?32ACME?33 GMBH?31DE89370400440532013000"
    ).replace("?", mark)
    record = entry("2601020102C1,NTRFNONREF", f":86:{written[:61]}", written[61:])
    assert record.references == ("INV-4711 12/2026",)
    assert (record.text, record.counterparty) == ("2026 Rechnung", "ACME GMBH")
    assert record.counterparty_account == "DE89370400440532013000"


@pytest.mark.parametrize(
    "text",
    [
        "166/20/2026 payment for 100/30",
        "100-20-30 rest",
        "123-20EUR-30USD",
        "100/00 pieces at 1/20",
        "166#00GUTSCHRIFT",
        "500.00EUR, fee 1.20, rest .30",
        "004/00/20 payment",
        "089/20304050 phone/33 rooms",
    ],
)
def test_free_text_that_begins_with_three_digits_stays_free(text: str) -> None:
    record = entry("2601020102C1,NTRFNONREF", f":86:{text}")
    assert (record.text, record.references) == (text, ())


@pytest.mark.parametrize(
    ("lines", "text", "counterparty", "account"),
    [
        # A code of letters or of four digits, as banks of Bulgaria and Poland write it.
        (
            [
                "TBB+00TRANSFER RECEIVED F.4483/18.07.06 HOSES +21F.4483/18.07.06 +30CBUNBGSF+31BG56CBUN91951000024580+32ACME AD "
            ],
            "TRANSFER RECEIVED F.4483/18.07.06 HOSES",
            "ACME AD",
            "BG56CBUN91951000024580",
        ),
        (
            [
                "8300<00PROWIZJE AUT.<10",
                "<20Abonament za 03.",
                "<212026",
                "<27",
                "<30124<3113",
                "<32ACME<33",
                "<3892124",
            ],
            "Abonament za 03. 2026",
            "ACME",
            "92124",
        ),
        # The separator ends the lines, and the first number is the bank's own.
        (
            ["020+14+", "20SALARY FOR MAY +", "21          +", "30      /   +", "31NL91ABNA0417164300+", "32ACME LTD"],
            "SALARY FOR MAY",
            "ACME LTD",
            "NL91ABNA0417164300",
        ),
        # Two numbers are enough where a line begins with the second.
        (["000+20Comision", "+2325-Comision MULTIX"], "Comision 25-Comision MULTIX", None, None),
    ],
)
def test_numbered_subfields_as_other_countries_write_them(
    lines: list[str], text: str, counterparty: str | None, account: str | None
) -> None:
    record = entry("2601020102C1,NTRFNONREF", f":86:{lines[0]}", *lines[1:])
    assert (record.text, record.counterparty, record.counterparty_account) == (text, counterparty, account)


@pytest.mark.parametrize(
    "lines",
    [
        ["INV-20BC-31DE-32FG and more"],
        ["INV/20AB/31CD/32EF/33GH"],
        ["2026-20AB-31CD-32EF"],
        ["PAID@10:30 IN THE CITY"],
        ["ABCD 20 pieces", "-31 of them back"],
        ["100-20 pieces", "-31 of them back"],
    ],
)
def test_free_text_that_begins_with_any_other_code_stays_free(lines: list[str]) -> None:
    record = entry("2601020102C1,NTRFNONREF", f":86:{lines[0]}", *lines[1:])
    assert (record.text, record.counterparty_account) == (" ".join(lines), None)


def test_a_word_between_slashes_that_begins_a_line_ends_the_one_before_it() -> None:
    record = entry(
        "2601020102C548,NTRFE2E-1//SB1",
        *(":86:/EREF/E2E-1", "/DBNM/Acme SA", "/DACT/FR7630006000011234567890189/DBIC/AGRIFRPPXXX"),
        *("/OAMT/466-17/FCCY/GBP/", "/ABCD/of no list", "/REMI/Invoice 7 /WITH/ slashes", "/OPRP/CASH"),
    )
    assert record.references == ("E2E-1",)
    assert (record.counterparty, record.counterparty_account) == ("Acme SA", "FR7630006000011234567890189")
    assert record.text == "Invoice 7 /WITH/ slashes"
    assert '"OAMT": "466-17", "FCCY": "GBP", "ABCD": "of no list"' in (record.details or "")


def test_of_two_parties_none_is_the_counterparty() -> None:
    record = entry("2601020102D1,NTRFNONREF", ":86:/EREF/E2E-1", "/DBNM/Us", "/DACT/1", "/CRNM/Acme", "/CACT/2")
    assert (record.counterparty, record.counterparty_account, record.references) == (None, None, ("E2E-1",))


def test_a_reference_between_slashes_need_not_begin_with_one() -> None:
    record = entry("2601020102D1,NTRFNONREF", ":86:EREF/E2E-1/PREF/RP/BANK/0002")
    assert record.references == ("E2E-1", "RP/BANK/0002")


@pytest.mark.parametrize("party", ["BENM", "ORDP"])
def test_a_party_that_begins_with_its_account_is_the_name_behind_it(party: str) -> None:
    record = entry("2601020102D1,NTRFNONREF", f":86:/{party}/300000003998473", "/ACME AD - SKOPJE", "/00//026415102020")
    assert (record.counterparty, record.counterparty_account) == ("ACME AD - SKOPJE", "300000003998473")


def test_words_between_slashes_behind_free_text() -> None:
    record = entry(
        "2601020102D61,80NINCNL44ABNA0548041814",
        ":86:NL44ABNA0548041814 multi tank card bv",
        "",
        "/TRTP/Europese Incasso/NAME/MULTI TANK CARD BV/MARF/MTC244K/REMI/Factuurnr.79/EREF/17554",
    )
    assert record.text == "Factuurnr.79"
    assert record.references == ("NL44ABNA0548041814", "17554", "MTC244K")
    assert record.counterparty == "MULTI TANK CARD BV"


def test_a_wrapped_time_of_day_is_not_a_field() -> None:
    wrapped = ":86:PAYMENT AT THE TERMINAL IN THE CITY OF EXAMPLE, 2026-01-02 AT 16"
    record = entry("2601020102D1,NTRFX", wrapped, ":20:37 O'CLOCK")
    assert record.text is not None
    assert record.text.endswith("AT 16:20:37 O'CLOCK")


def test_several_information_fields_belong_to_one_entry() -> None:
    record = entry("2601020102D1,NTRFX", ":86:Terugboeking", ":86:KOSTEN JUNI", ":86:20095731")
    assert record.text == "Terugboeking KOSTEN JUNI 20095731"


def test_fields_of_no_standard_are_kept() -> None:
    record = entry("2601020102D1,NTRFX", ":NS:01Rechnung 7", "02vom Mai", "15Firma", "16Muster", "3412345")
    assert (record.text, record.counterparty) == ("Rechnung 7 vom Mai", "Firma Muster")
    assert record.counterparty_account == "12345"


def test_a_code_that_stands_in_a_field_of_its_own_first_is_said_once() -> None:
    # ING in Poland.
    record = entry(
        "2601020102D1,S020X", ":86:020", ":86:020~00TRANSFER\n~20INVOICE 7\n~32ACME\n~38PL61109010140000071219812874"
    )
    assert (record.text, record.counterparty) == ("INVOICE 7", "ACME")
    assert record.counterparty_account == "PL61109010140000071219812874"
    assert entry("2601020102D1,S020X", ":86:020", ":86:INVOICE 7").text == "020 INVOICE 7"


@pytest.mark.parametrize(
    ("below", "text"),
    [
        ("\nOutward transfer  of June", "Outward transfer of June"),
        ("\nOutward transfer\n:86:RENT", "RENT"),
        ("\n/TRCD/00112/", None),
        ("\nDE89370400440532013000", None),
        ("", None),
    ],
    ids=["alone", "with-information", "codes", "account", "nothing"],
)
def test_words_below_an_entry_are_its_text_where_nothing_else_is_said(below: str, text: str | None) -> None:
    assert entry(f"2601020102C1,NTRFX{below}").text == text


# Statements.


def page(number: str, opening: str, closing: str, *entries: str, account: str = "4711") -> str:
    lines = [":20:R", f":25:{account}", f":28C:{number}", opening, *entries, closing, "-"]
    return "\n".join(line for line in lines if line) + "\n"


def test_pages_are_one_statement_and_their_balances_are_not_added_twice() -> None:
    text = page("5/1", ":60F:C260101EUR1,", ":62M:C260102EUR3,", ":61:260102C2,NTRFX")
    text += page("5/2", ":60M:C260102EUR3,", ":62M:C260102EUR7,", ":61:260102C4,NTRFX")
    text += page("5/3", ":60M:C260102EUR7,", ":62F:C260103EUR6,", ":61:260103D1,NTRFX")
    (statement,) = statements(text)
    assert (str(statement.opening), str(statement.closing), statement.closes) == ("1.00 EUR", "6.00 EUR", True)
    assert (statement.entries, statement.credits, statement.debits, statement.number) == (3, 600, 100, "5")
    assert problems(text) == []


def test_pages_of_another_account_or_number_are_other_statements() -> None:
    text = page("5/1", ":60F:C260101EUR1,", ":62M:C260102EUR1,")
    assert len(statements(text + page("5/2", ":60M:C260102EUR1,", ":62F:C260102EUR1,", account="4712"))) == 2
    assert len(statements(text + page("6/1", ":60M:C260102EUR1,", ":62F:C260102EUR1,"))) == 2
    assert len(statements(text + page("5/1", ":60F:C260102EUR1,", ":62F:C260102EUR1,"))) == 2


@pytest.mark.parametrize("number", ["5", "5/1", "0"])
def test_pages_without_numbers_of_their_own_are_counted_where_their_balances_prove_them(number: str) -> None:
    first = page(number, ":60F:C260101EUR1,", ":62M:C260102EUR3,", ":61:260102C2,NTRFX")
    second = page(number, ":60M:C260102EUR3,", ":62M:C260102EUR5,", ":61:260102C2,NTRFX")
    last = page(number, ":60M:C260102EUR5,", ":62F:C260103EUR5,")

    def numbers(text: str) -> list[int | None]:
        return [one.number for statement in statements(text) for one in statement.pages]

    told = 1 if number == "5/1" else None
    assert numbers(first + second + last) == [1, 2, 3]
    # A page that comes back to a balance may stand there twice; others may follow elsewhere, or stand before.
    still = page(number, ":60M:C260102EUR3,", ":62M:C260102EUR3,", ":61:260102C2,NTRFX", ":61:260102D2,NTRFX")
    assert numbers(first + still + second + last) == [told] * 4
    assert numbers(first + second) == numbers(second + last) == [told] * 2


def test_a_page_that_does_not_begin_where_the_last_one_ended_is_reported() -> None:
    text = page("5/1", ":60F:C260101EUR1,", ":62M:C260102EUR1,") + page("5/2", ":60M:C260102EUR2,", ":62F:C260102EUR2,")
    (problem,) = problems(text)
    assert (problem.reason, problem.line) == ("balance_difference", 10)
    assert "1.00 EUR" in problem.message
    assert "2.00 EUR" in problem.message


@pytest.mark.parametrize(
    "text",
    [
        page("1", ":60F:C260101EUR1,", ""),
        page("1", "", ":62F:C260101EUR1,", ":61:260101C1,NTRFX"),
        page("1", ":60F:C260101EUR1,", ":62F:C260101EUR1,").removesuffix("-\n"),
        page("1", ":60F:C260101EUR1,", ":62F:C260101EUR1,").replace("\n", "\r\n").rstrip(),
        page("1", ":60F:C260101EUR1,", " :62F:C260101EUR1,\n:65F:Dnullnull7414,3"),
        page("1", ":60F:C260101EUR1,", ":62F:C2601011,"),
        page("1", ":60F:C260101EUR1,", ":62F:C260101EUR1,\n:86:the bank wishes a good day"),
        HEADER + ":61:2601010101C1,NTRFX\n:86:and no line end",
        ":61:260101C50,00NZ10NONREF\n-",
        ":86:091\n-",
        ":NS:\n",
    ],
)
def test_what_is_merely_unusual_is_no_problem(text: str) -> None:
    assert problems(text) == []


def test_a_message_in_blocks_without_any_end_is_incomplete() -> None:
    block = "{1:F01KNABNL2HAXXX0000000000}{2:I940KNABNL2HXXXXN3020}{4:\n"
    first = block + page("1/1", ":60F:C260101EUR1,", "", ":61:260101C1,NTRFX").removesuffix("-\n")
    text = first + block + page("2/1", ":60F:C260102EUR2,", ":62F:C260102EUR2,").removesuffix("-\n") + "-}"
    (problem,) = problems(text)
    assert (problem.reason, problem.line) == ("unfinished", 2)
    assert [s.servicer for s in statements(text)] == ["KNABNL2H", "KNABNL2H"]


def test_a_second_account_in_a_message_is_a_contradiction_and_kept() -> None:
    text = HEADER + ":61:2601010101C1,NTRFX\n:25:0815\n:62F:C260101EUR1,\n"
    (problem,) = problems(text)
    assert (problem.reason, problem.line) == ("conflict", 6)
    (record,) = records(text)
    assert record.account_number == "4711"
    assert "0815" in (record.details or "")


@pytest.mark.parametrize(
    ("stated", "currency", "account"),
    [
        ("NL92 KNAB 0123 4567 89", "EUR", "NL92KNAB0123456789"),
        ("NL54INGB0001234500EUR", "EUR", "NL54INGB0001234500"),
        ("NL54INGB0001234500EUR", "USD", "NL54INGB0001234500EUR"),
        ("50880050/0194787400888", "EUR", "50880050/0194787400888"),
        ("UBRTHUHB/123456789150ABCDEF002/HUF", "HUF", "UBRTHUHB/123456789150ABCDEF002"),
        ("MU43BOMM0101123456789101000MUR", "MUR", "MU43BOMM0101123456789101000MUR"),
        ("TRIODOSBANK/0390123456", "EUR", "TRIODOSBANK/0390123456"),
        ("/GB33BUKB20201555555555", "GBP", "GB33BUKB20201555555555"),
        ("BUKBGB22XXX/GB33BUKB20201555555555", "GBP", "GB33BUKB20201555555555"),
        ("BUKBGB22/GB33 BUKB 2020 1555 5555 55/GBP", "GBP", "GB33BUKB20201555555555"),
        ("BRANCH 7/GB33BUKB20201555555555", "GBP", "BRANCH 7/GB33BUKB20201555555555"),
        ("BUKBGB22/GB34BUKB20201555555555", "GBP", "BUKBGB22/GB34BUKB20201555555555"),
        ("/4711", "GBP", "/4711"),
    ],
)
def test_accounts_are_cleaned_only_of_what_is_not_theirs(stated: str, currency: str, account: str) -> None:
    (statement,) = statements(page("1", f":60F:C260101{currency}1,", "", account=stated))
    assert statement.account_number == account


def test_a_currency_is_taken_from_wherever_it_stands() -> None:
    text = ":20:R\n:25:4711\n:28C:1\n:61:260101C5,NTRFX\n"
    assert records(text + ":62F:C260101JPY5,\n")[0].amount == 5
    assert records(text.replace("4711", "4711KWD"))[0].amount == 5000
    assert records(text, currency="USD")[0].currency == "USD"
    (unknown,) = records(text)
    assert (unknown.currency, unknown.amount, unknown.exponent) == ("XXX", 500, 2)


def test_control_totals_below_what_is_listed_or_without_a_limit_other_than_it_are_reported() -> None:
    text = ":20:R\n:25:1\n:28C:1\n:34F:EUR{limit},\n:61:260101C5,NTRFX\n:90C:{control}\n"

    def found(limit: str, control: str) -> int:
        return len(problems(text.format(limit=limit, control=control), "mt942"))

    assert found("0", "1EUR5,") == 0
    assert found("100", "3EUR25,") == 0
    assert found("0", "2EUR10,") == 1
    assert found("0", "1EUR4,") == 1
    assert found("0", "1EUR500,") == 1
    assert found("100", "1EUR500,") == 0
    assert found("100", "0EUR0,") == 1


@pytest.mark.parametrize("stated", ["500,", "50,", "5,01", "6,50", "999,", "4,99"])
@pytest.mark.parametrize("side", ["C", "D"])
def test_without_a_limit_the_sums_agree_where_the_counts_do(stated: str, side: str) -> None:
    text = f":20:R\n:25:1\n:28C:1\n:34F:EUR0,\n:61:260101{side}5,NTRFX\n:90{side}:1EUR{stated}\n"
    [problem] = problems(text, "mt942")
    assert (problem.reason, problem.line, problem.at_ingest) == ("incomplete", 6, False)
    assert f"expected :90{side}: to count the entries (1, together 5.00 EUR)" in problem.message


@pytest.mark.parametrize(
    ("side", "beside", "stated", "judged_at_ingest"),
    [
        ("D", "CHG", "6,50", True), ("D", "/CHGS/EUR1,50/", "6,50", True), ("D", "CHG", "4,", False),
        ("D", "CHG", "50,", False), ("D", "EXCHG", "6,50", False), ("C", "CHG", "6,50", False),
    ],
)  # fmt: skip
def test_only_charges_that_a_debit_names_may_be_in_the_sum_alone(
    side: str, beside: str, stated: str, judged_at_ingest: bool
) -> None:
    text = f":20:R\n:25:1\n:28C:1\n:34F:EUR0,\n:61:260101{side}5,NTRFX\n{beside}\n:90{side}:1EUR{stated}\n"
    [problem] = problems(text, "mt942")
    assert problem.at_ingest == judged_at_ingest


def summed(told: str, *pages: tuple[str, ...]) -> str:
    """A statement whose last page says what its entries are together, as ING does."""
    lines = [
        page(f"1/{n}", ":60F:C260101EUR0," if n == 1 else ":60M:C260101EUR0,", "", *entries).removesuffix("-\n")
        + (":62M:C260101EUR0,\n-\n" if n < len(pages) else f":62F:C260101EUR0,\n:86:{told}\n-\n")
        for n, entries in enumerate(pages, 1)
    ]
    return "".join(lines)


def test_what_ing_says_of_a_statement_is_held_against_its_entries() -> None:
    both = (":61:260101C5,NTRFX", ":61:260101D5,NTRFY")
    assert problems(summed("/SUM/1/1/5,00/5,00/", both)) == []
    assert problems(summed("/SUM/2/2/10,00/10,00", both, both)) == []
    assert problems(summed("the bank wishes a good day /SUM/9/9/1,/1,", both)) == []
    for told in ("/SUM/2/1/5,00/5,00/", "/SUM/1/0/5,00/5,00/", "/SUM/1/1/5,01/5,00/", "/SUM/1/1/5,00/500,00/"):
        [problem] = problems(summed(told, both))
        assert (problem.reason, problem.at_ingest) == ("incomplete", True)
        assert "(debits: 1, together 5.00, credits: 1, together 5.00), got debits: " in problem.message
    [problem] = problems(summed("/SUM/1/1/5,00/5,00/", both, both))
    assert "debits: 2, together 10.00" in problem.message


CUT_ENTRIES = {
    "in the amount": ":61:2601020102C12",
    "behind the comma": ":61:2601020102C12,",
    "in the reference": ":61:2601020102C1234,56NTRFINV",
    "in the supplementary line": ":61:2601020102C1234,56NTRFX\n/OCMT/USD4",
}


@pytest.mark.parametrize("case", CUT_ENTRIES)
@pytest.mark.parametrize("name", ["mt940", "mt942"])
def test_an_entry_that_the_file_stops_in_is_set_aside(case: str, name: str) -> None:
    header = HEADER if name == "mt940" else ":20:R\n:25:4711\n:28C:1\n:34F:EUR0,\n:13D:2601021200+0100\n"
    text = f"{header}:61:2601020102C5,NTRFX\n:86:first\n{CUT_ENTRIES[case]}"
    assert [record.amount for record in records(text, name)] == [500]
    [aside] = [problem for problem in problems(text, name) if problem.severity == "row"]
    assert aside.line == text[: text.rindex(":61:")].count("\n") + 1
    assert "got the end of the file after '12" in aside.message
    assert sum(chunk.rows or 0 for chunk in chunks(text.encode(), name)) == 2


def test_an_entry_whose_line_ends_is_kept_however_the_file_goes_on() -> None:
    for behind in ("\n", "\r\n", "\n:", "\n:8", "\n:86:te", "\n-"):
        assert [record.amount for record in records(f"{HEADER}:61:2601020102C1234,56NTRFX{behind}")] == [123456]


WHOLE = HEADER + ":61:2601010101C5,NTRFNONREF\n:62F:C260102EUR5,\n"


@pytest.mark.parametrize(
    "other",
    [
        "<?xml version='1.0'?><Document/>", "date;amount\n2026-01-01;5,00", '{"amount": 5}', "01,sender,receiver", "0" * 94,
    ],
)  # fmt: skip
@pytest.mark.parametrize("between", ["", "-\n", "-}\n", "-}", "-}{5:{CHK:0}}\n\n", "-\n$\n"])
def test_what_is_no_message_is_not_swallowed(between: str, other: str) -> None:
    text = WHOLE + between + other + "\n" + other + "\n"
    assert len(records(text)) == 1
    (problem,) = problems(text)
    assert problem.line == (WHOLE + between).count("\n") + 1
    assert f"got {other.splitlines()[0][:60]!r}, which is not read" in problem.message
    # What follows it is read, and a second stretch of the like is told by itself.
    again = text + WHOLE.replace("28C:1/1", "28C:2/1") + "-\n" + other
    assert (len(records(again)), len(problems(again))) == (2, 2)


@pytest.mark.parametrize(
    "envelope",
    [
        "ABNANL2A\n940\nABNANL2A",
        "0000 01INGBNL2AXXXX00001",
        "\x03",
        "\x1a",
        "$",
        "-XXX",
        "end of file",
        "{5:{CHK:0}}",
        "- " * 50,
        "=" * 80,
    ],
)
def test_a_banks_envelope_is_nothing_to_report(envelope: str) -> None:
    for text in (f"{WHOLE}-\n{envelope}\n{WHOLE}-\n{envelope}", f"{envelope}\n{WHOLE}"):
        assert problems(text) == []
    assert problems(WHOLE.replace(":28C:", ":11S:940, of a dialect\n:28C:")) == []


def test_a_group_of_thousands_never_begins_with_zero() -> None:
    assert problems(HEADER + ":61:2601010101C0.123,45NTRFNONREF\n")[0].severity == "row"
    assert entry("2601010101C1.123,45NTRFNONREF").amount == 112345


# Expected entries (EC, ED).


def closing_after(*fields: str, closing: str) -> str:
    """A statement that opens with 100.00 and has these entries."""
    entries = "".join(f":61:{field}NTRFNONREF\n" for field in fields)
    return HEADER.replace("EUR0,", "EUR100,") + f"{entries}:62F:C260102EUR{closing}\n-\n"


@pytest.mark.parametrize(("mark", "counted"), [("EC", "110,"), ("ED", "90,")])
def test_an_expected_entry_is_in_no_balance(mark: str, counted: str) -> None:
    left_out = closing_after(f"2601010101{mark}10,", closing="100,")
    (record,), (statement,) = records(left_out), statements(left_out)
    assert (record.status, statement.closes, statement.entries) == ("pending", True, 1)
    assert (statement.credits, statement.debits) == (0, 0)
    assert problems(left_out) == []
    counting = closing_after(f"2601010101{mark}10,", closing=counted)
    (statement,), (problem,) = statements(counting), problems(counting)
    assert (statement.closes, problem.reason) == (False, "balance_difference")
    assert problem.message.endswith("1 expected (EC, ED) left out, as they are not booked: ask the bank if they are")


def test_an_expected_entry_on_a_further_page_is_in_no_balance() -> None:
    first = HEADER.replace("EUR0,", "EUR100,")
    first += ":61:2601010101C5,NTRFNONREF\n:62M:C260101EUR105,\n-\n"
    second = ":20:R\n:25:4711\n:28C:1/2\n:60M:C260101EUR105,\n:61:2601010101EC10,NTRFNONREF\n:62F:C260102EUR105,\n-\n"
    (statement,) = statements(first + second)
    assert (statement.closes, statement.entries, statement.credits) == (True, 2, 500)
    assert problems(first + second) == []


def test_a_balance_proves_no_expected_amount() -> None:
    text = closing_after("2601010101C5.000", "2601010101EC10.000", closing="105,")
    assert [(r.amount, r.status) for r in records(text)] == [(500, "booked")]
    (problem, *_) = problems(text)
    assert (problem.severity, problem.line) == ("row", 6)


# Balance reports: MT941.

REPORT = (
    ":20:BAL\n:25:DE89370400440532013000\n:28:12/1\n:60F:C261027EUR1000,00\n:90D:2EUR300,00\n:90C:1EUR50,00\n"
    ":62F:C261028EUR750,00\n:64:C261028EUR700,00\n:65:C261029EUR700,00\n:86:NOTHING MORE\n-"
)
BLOCKS_941 = "{1:F01BANKDEFFAXXX0000000000}{2:I941BANKDEFFXXXXN}{4:\n"


def report_in_blocks(text: str) -> str:
    return f"{BLOCKS_941}{text}}}\n"


@pytest.mark.parametrize("text", [REPORT, report_in_blocks(REPORT)])
def test_a_balance_report_gives_balances_and_is_no_statement_of_what_was_booked(text: str) -> None:
    assert identified(text.encode()) == "mt940"
    (chunk,) = chunks(text.encode())
    (one,) = chunk.statements
    assert (one.final, one.closes, one.entries, one.credits, one.debits) == (False, True, 0, 5000, 30000)
    kinds = [(b.kind, str(b.amount), b.on) for b in chunk.balances]
    days = [dt.date(2026, 10, day) for day in (27, 28, 28, 29)]
    assert kinds == [
        ("opening", "1000.00 EUR", days[0]),
        ("closing", "750.00 EUR", days[1]),
        ("available", "700.00 EUR", days[2]),
        ("forward_available", "700.00 EUR", days[3]),
    ]
    assert (chunk.records, chunk.problems) == ([], [])


@pytest.mark.parametrize("text", [REPORT, report_in_blocks(REPORT)])
def test_a_balance_report_that_does_not_add_up_is_told(text: str) -> None:
    (problem,) = problems(text.replace("EUR750,00", "EUR750,01"))
    assert problem.reason == "balance_difference"
    assert (
        "(opening 1000.00 EUR + credits 50.00 - debits 300.00), got 750.01 EUR, a difference of 0.01" in problem.message
    )


def test_a_balance_report_without_totals_says_nothing_of_whether_it_closes() -> None:
    text = report_in_blocks(REPORT).replace(":90D:2EUR300,00\n", "")
    assert ([s.closes for s in statements(text)], problems(text)) == ([None], [])
    bare = text.replace(":90C:1EUR50,00\n", "")
    assert ([s.closes for s in statements(bare)], problems(bare)) == ([None], [])


def test_a_balance_report_made_on_its_day_does_not_end_that_day() -> None:
    made = REPORT.replace(":60F:", ":13D:2610281100+0100\n:60F:")
    (chunk,) = chunks(made.encode())
    assert [b.kind for b in chunk.balances][:2] == ["opening", "interim_closing"]
    (later,) = chunks(made.replace("2610281100", "2610290005").encode())
    assert [b.kind for b in later.balances][:2] == ["opening", "closing"]


@pytest.mark.parametrize("mark", ["-", "-\n"])
def test_totals_beside_entries_or_of_nothing_make_no_balance_report(mark: str) -> None:
    entries = REPORT.replace(":90D:", ":61:2610281028C50,00NTRFNONREF\n:61:261028D300,00NMSC\n:90D:")
    quiet = REPORT.replace("2EUR300,00", "0EUR0,").replace("1EUR50,00", "0EUR0,").replace("EUR750", "EUR1000")
    assert [(s.final, s.closes) for s in statements(entries + mark)] == [(True, True)]
    assert [(s.final, s.closes) for s in statements(quiet + mark)] == [(True, True)]


def test_a_statement_behind_a_balance_report_is_read_by_itself() -> None:
    text = f"{report_in_blocks(REPORT)}{BLOCKS_941.replace('I941', 'I940')}{HEADER}:61:260102C1,00NMSC\n:62F:C260102EUR1,\n-}}\n"
    assert [(s.final, s.closes) for s in statements(text)] == [(False, True), (True, True)]
    assert problems(text) == []
