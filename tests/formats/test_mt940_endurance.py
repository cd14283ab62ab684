"""MT940 and MT942: no file, however cut, changed or endless, makes the reader fail, and what is written is read back."""

import datetime as dt
import io
import random
from pathlib import Path
from typing import BinaryIO

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tieout.formats.reading import Chunk, Head, ReadOptions
from tieout.formats.swift.messages import MT940, MT942
from tieout.model.money import format_minor

SEEDS = sorted((Path(__file__).parent / "cases" / "mt940").glob("*.sta"))
HEADER = ":20:R\n:25:4711\n:28C:1/1\n:60F:C260101EUR0,\n"


def chunks(data: bytes) -> list[Chunk]:
    """Read as what the file is taken for; what is nothing is read all the same."""
    reader = MT942 if MT942.identify(Head("file.sta", data[: 64 * 1024])) else MT940
    return list(reader.read(io.BytesIO(data), ReadOptions()))


class Endless(io.RawIOBase):
    """One line that does not end; counts what was asked for."""

    given = 0

    def read(self, size: int = -1) -> bytes:
        assert 0 < size < 2**20
        self.given += size
        assert self.given < 2**23
        return b":61:" if self.given == size else b"x" * size


def test_a_line_without_end_is_refused_without_reading_it() -> None:
    stream: BinaryIO = Endless()  # type: ignore[assignment]  # as little of a stream as is read
    read = list(MT940.read(stream, ReadOptions()))
    assert [p.severity for c in read for p in c.problems] == ["refused"]


def test_a_field_without_end_is_refused() -> None:
    data = (HEADER + ":61:260101C1,NTRFX\n:86:x\n" + "word " * 12 + "\n").encode() + b"more of the same\n" * 30_000
    assert [p.severity for c in chunks(data) for p in c.problems] == ["refused"]


def test_fields_without_end_about_one_entry_are_refused() -> None:
    data = (HEADER + ":61:260101C1,NTRFX\n" + ":86:more of the same\n" * 30_000).encode()
    assert [p.severity for c in chunks(data) for p in c.problems] == ["refused"]


@pytest.mark.parametrize(
    "tail",
    [":86:x\n" + "\n" * 200_000, ":62F:C260101EUR1,\n-\n" + " " * 60_000 + "x;\n"],
    ids=["empty lines of a field", "a blank line between messages"],
)
def test_blanks_are_read_once(tail: str) -> None:
    """Each took minutes while the blanks were looked at once for every blank before them."""
    assert len([r for c in chunks((HEADER + ":61:260101C1,NTRFX\n" + tail).encode()) for r in c.records]) == 1


def consistent(data: bytes) -> None:
    """Rows in are rows out, and totals count what the statements count."""
    read = chunks(data)
    refused = any(p.severity == "refused" for c in read for p in c.problems)
    rows = sum(len(c.records) + sum(p.severity == "row" for p in c.problems) for c in read)
    assert rows == sum(c.rows or 0 for c in read) or refused
    assert all(p.message.startswith("expected") for c in read for p in c.problems)
    if not refused:
        assert sum(t.count for c in read for t in c.totals) == sum(s.entries for c in read for s in c.statements)


@pytest.mark.parametrize("path", SEEDS, ids=lambda path: path.stem)
def test_a_file_cut_anywhere_is_read_as_far_as_it_goes(path: Path) -> None:
    data = path.read_bytes()
    for length in range(len(data)):
        consistent(data[:length])


@pytest.mark.parametrize("path", SEEDS, ids=lambda path: path.stem)
def test_a_file_with_changed_bytes_never_fails(path: Path) -> None:
    chance, data = random.Random(path.stem), path.read_bytes()
    for _ in range(300):
        mutant = bytearray(data)
        for _ in range(chance.randint(1, 6)):
            at = chance.randrange(len(mutant))
            piece = chance.choice(
                [b"", b":", b"\n", b"\x00", b"\xff", b"9", b"-}", b"{4:", b":61:", b"?20", b"//", b"/"]
            )
            mutant[at : at + chance.randint(0, 3)] = piece
        consistent(bytes(mutant))


@given(
    st.lists(
        st.sampled_from([b":20:", b":61:", b":86:", b":60F:", b"C260101", b"EUR1,", b"\n", b"?20", b"{1:", b"\r", b"-"])
    )
)
def test_any_order_of_pieces_is_survived(pieces: list[bytes]) -> None:
    consistent(b"".join(pieces))


@given(st.binary(max_size=300))
def test_any_bytes_are_survived(data: bytes) -> None:
    consistent(data)


AMOUNTS = st.integers(min_value=0, max_value=10**12)


@given(
    opening=st.integers(min_value=-(10**12), max_value=10**12),
    entries=st.lists(
        st.tuples(
            AMOUNTS,
            st.sampled_from(["C", "D", "RC", "RD", "CR", "DR", "RCR"]),
            st.dates(dt.date(1990, 1, 1), dt.date(2070, 1, 1)),
            st.integers(min_value=-40, max_value=40),
            st.from_regex(r"[A-Z][A-Z0-9]{5,12}", fullmatch=True).filter(lambda r: "REF" not in r),
        ),
        max_size=8,
    ),
    closes_on=st.dates(dt.date(1990, 1, 1), dt.date(2070, 1, 1)),
    currency=st.sampled_from([("EUR", 2), ("JPY", 0), ("KWD", 3)]),
    cuts=st.integers(min_value=1, max_value=4),
)
def test_what_is_written_is_read_back_and_closes(
    opening: int,
    entries: list[tuple[int, str, dt.date, int, str]],
    closes_on: dt.date,
    currency: tuple[str, int],
    cuts: int,
) -> None:
    code, exponent = currency

    def amount(minor: int) -> str:
        return format_minor(abs(minor), exponent).replace(".", ",") + ("" if exponent else ",")

    def balance(tag: str, minor: int) -> str:
        return f":{tag}:{'D' if minor < 0 else 'C'}{closes_on:%y%m%d}{code}{amount(minor)}"

    pages = [entries[at : at + cuts] for at in range(0, len(entries), cuts)] or [[]]
    text, running, wanted = "", opening, []
    for number, rows in enumerate(pages, 1):
        lines = [":20:R", ":25:4711", f":28C:9/{number}", balance("60F" if number == 1 else "60M", running)]
        for minor, mark, value_on, days, reference in rows:
            booked_on = closes_on + dt.timedelta(days=days)
            signed = minor if mark in ("C", "RD", "CR") else -minor
            running += signed
            lines.append(f":61:{value_on:%y%m%d}{booked_on:%m%d}{mark}{amount(minor)}NTRFNONREF//{reference}")
            wanted.append((signed, value_on, booked_on, reference))
        lines += [balance("62F" if number == len(pages) else "62M", running), "-"]
        text += "\n".join(lines) + "\n"
    read = chunks(text.encode())
    assert [(r.amount, r.value_on, r.booked_on, r.external_id) for c in read for r in c.records] == wanted
    (statement,) = [s for c in read for s in c.statements]
    assert statement.closes is True
    assert not any(c.problems for c in read)
