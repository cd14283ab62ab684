"""What comes in a container is opened as it is, and no container can fill memory, lead out of its folder or run on."""

import gzip
import io
import struct
import tracemalloc
import zipfile
import zlib
from collections.abc import Callable
from typing import BinaryIO, cast

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.depth import examples
from tieout.errors import BadInput
from tieout.formats import _inflating, _zip_directory, containers
from tieout.formats.containers import MEMBERS_MAX, RATIO_FREE_BYTES, open_members, with_head

MIB = 1 << 20


class Pipe(io.RawIOBase):
    """A stream that cannot seek and gives little at a time."""

    def __init__(self, data: bytes, most: int = 1000) -> None:
        self._source, self._most = io.BytesIO(data), most

    def readable(self) -> bool:
        return True

    def read(self, size: int = -1) -> bytes:
        return self._source.read(self._most if size < 0 else min(size, self._most))


def pipe(data: bytes) -> BinaryIO:
    return cast("BinaryIO", Pipe(data))


def zipped(*files: tuple[str, bytes], method: int = zipfile.ZIP_DEFLATED) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", method) as archive:
        for name, content in files:
            archive.writestr(name, content)
    return out.getvalue()


def workbook() -> bytes:
    return zipped(("[Content_Types].xml", b"<Types/>"), ("xl/workbook.xml", b"<workbook/>"))


def contents(data: bytes, make: Callable[[bytes], BinaryIO] = io.BytesIO) -> list[tuple[str | None, bytes]]:
    return [(name, part.read()) for name, part in open_members(make(data), "FILE")]


def fault(data: bytes, make: Callable[[bytes], BinaryIO] = io.BytesIO) -> str:
    with pytest.raises(BadInput) as found:
        contents(data, make)
    return str(found.value)


BOTH = pytest.mark.parametrize("make", [io.BytesIO, pipe], ids=["file", "pipe"])


@BOTH
@pytest.mark.parametrize("data", [b"", b"a", b"PK", b"\x1f", b"plain text\n" * 20_000])
def test_a_plain_file_is_itself(data: bytes, make: Callable[[bytes], BinaryIO]) -> None:
    assert contents(data, make) == [(None, data)]


@BOTH
def test_gzip_is_its_content(make: Callable[[bytes], BinaryIO]) -> None:
    assert contents(gzip.compress(b"one\n" * 50_000), make) == [(None, b"one\n" * 50_000)]


@BOTH
def test_gzip_of_several_parts_is_one_file(make: Callable[[bytes], BinaryIO]) -> None:
    parts = [gzip.compress(str(n).encode() * n) for n in range(300)]
    assert contents(b"".join(parts), make) == [(None, b"".join(str(n).encode() * n for n in range(300)))]


@BOTH
def test_zeros_behind_gzip_are_filling_and_all_else_is_not(make: Callable[[bytes], BinaryIO]) -> None:
    assert contents(gzip.compress(b"one") + bytes(100_000), make) == [(None, b"one")]
    assert contents(gzip.compress(b"one") + bytes(70_000) + gzip.compress(b"two"), make) == [(None, b"onetwo")]
    assert "expected nothing behind the gzip content of FILE, got b'more'" in fault(
        gzip.compress(b"one") + b"more", make
    )


@BOTH
def test_a_zip_gives_its_files_in_the_order_of_names(make: Callable[[bytes], BinaryIO]) -> None:
    data = zipped(("b.txt", b"B"), ("a/z.txt", b"Z"), ("a.txt", b"A"))
    assert contents(data, make) == [("a.txt", b"A"), ("a/z.txt", b"Z"), ("b.txt", b"B")]


def test_stored_files_and_a_comment_are_read_too() -> None:
    out = io.BytesIO(zipped(("a", b"A" * 100_000), method=zipfile.ZIP_STORED))
    with zipfile.ZipFile(out, "a") as archive:
        archive.comment = b"from the bank"
    assert contents(out.getvalue()) == [("a", b"A" * 100_000)]


def test_folders_and_what_macos_adds_are_left_out() -> None:
    names = ("x/", "x/a.txt", "__MACOSX/", "__MACOSX/x/._a.txt", "x/.DS_Store", ".DS_Store", "x/._b.txt", "y\\")
    assert contents(zipped(*((name, b"") for name in names))) == [("x/a.txt", b"")]


@BOTH
def test_a_workbook_is_a_file_that_can_seek(make: Callable[[bytes], BinaryIO]) -> None:
    assert [(name, part.seekable()) for name, part in open_members(make(workbook()), "FILE")] == [(None, True)]
    assert contents(workbook(), make) == [(None, workbook())]


@pytest.mark.parametrize("inner", [workbook(), b"PAR1 a table PAR1"], ids=["xlsx", "parquet"])
@pytest.mark.parametrize("wrap", [gzip.compress, lambda data: zipped(("t", data))], ids=["gzip", "zip"])
@BOTH
def test_tables_in_containers_can_seek(
    inner: bytes, wrap: Callable[[bytes], bytes], make: Callable[[bytes], BinaryIO]
) -> None:
    found = []
    for _, part in open_members(make(wrap(inner)), "FILE"):
        size = part.seek(0, io.SEEK_END)
        part.seek(0)
        found.append((size, part.read()))
    assert found == [(len(inner), inner)]


@pytest.mark.parametrize(
    ("name", "says"),
    [
        ("../out", "leads out"),
        ("a/../../out", "leads out"),
        ("a\\..\\..\\out", "leads out"),
        ("/etc/passwd", "from the root"),
        ("\\\\server\\share", "from the root"),
        ("C:\\out", "from the root"),
        ("c:out", "from the root"),
        ("a\nb", "control characters"),
        ("a\x1b[31mb", "control characters"),
        ("a\x00b", "control characters"),
        ("n" * 1001, "a name of at most 1000"),
    ],
)
def test_tricks_with_names_are_refused_with_the_name(name: str, says: str) -> None:
    plain = "n" * len(name.encode())
    data = zipped((plain, b"x"), ("fine", b"y")).replace(plain.encode(), name.encode())
    message = fault(data)
    assert says in message
    assert "in FILE" in message
    assert "\x1b" not in message
    assert "\n" not in message


@pytest.mark.parametrize("name", ["a..b", "..a", "a.b/c..", "Größe.xml", "a:b" * 3 + "x"])
def test_names_that_only_look_like_tricks_are_fine(name: str) -> None:
    assert contents(zipped((name.replace("a:b", "ab:"), b"x")))[0][1] == b"x"


def _flagged(data: bytes, flag: int) -> bytes:
    at = data.index(b"PK\x01\x02")
    return data[: at + 8] + struct.pack("<H", flag) + data[at + 10 :]


def test_what_must_not_be_opened_is_refused_in_one_sentence() -> None:
    link = zipfile.ZipInfo("link")
    link.external_attr = 0o120777 << 16
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        archive.writestr(link, "/etc/passwd")
    assert "got an encrypted one: 'a' in FILE" in fault(_flagged(zipped(("a", b"x")), 1))
    assert "got a link or a device: 'link' in FILE" in fault(out.getvalue())
    assert "(deflate), got another: 'a' in FILE" in fault(zipped(("a", b"x" * 99), method=zipfile.ZIP_LZMA))
    assert fault(zipped()) == "expected at least one file in FILE, got none"
    assert fault(zipped(("d/", b""))) == "expected at least one file in FILE, got none"


def test_files_of_one_name_are_told_apart_by_their_place_in_the_archive() -> None:
    data = zipped(("a", b"1"), ("b", b"2"), ("a (2)", b"3"), ("c", b"4")).replace(b"b", b"a").replace(b"c", b"a")
    assert dict(contents(data)) == {"a": b"1", "a (2)": b"3", "a (3)": b"2", "a (4)": b"4"}


def test_files_that_share_their_bytes_are_refused() -> None:
    data = zipped(("a", b"same" * 1000), ("b", b""))
    at = data.rindex(b"PK\x01\x02")
    first = data.index(b"PK\x01\x02")
    # The second entry of the directory points into the first file.
    shared = (
        data[: at + 16]
        + data[first + 16 : first + 28]
        + data[at + 28 : at + 42]
        + struct.pack("<I", 2)
        + data[at + 46 :]
    )
    assert "expected files that lie apart, got overlapping ones" in fault(shared)


def test_too_many_files_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_zip_directory, "MEMBERS_MAX", 3)
    assert len(contents(zipped(*((str(n), b"") for n in range(3))))) == 3
    assert fault(zipped(*((str(n), b"") for n in range(4)))) == "expected at most 3 files in FILE, got 4"
    assert MEMBERS_MAX == 10_000


def test_a_directory_larger_than_any_honest_one_is_not_read() -> None:
    data = zipped(("a", b"x"))
    end = data.rindex(b"PK\x05\x06")
    claimed = data[: end + 12] + struct.pack("<I", 0x7FFFFFF0) + data[end + 16 :]
    tracemalloc.start()
    assert "FILE" in fault(claimed + bytes(10 * MIB) + claimed[end:])
    assert tracemalloc.get_traced_memory()[1] < 40 * MIB
    tracemalloc.stop()


@pytest.mark.parametrize(
    "inner", [gzip.compress(b"x"), zipped(("b", b"x")), zipped()], ids=["gzip", "zip", "empty zip"]
)
@pytest.mark.parametrize("wrap", [gzip.compress, lambda data: zipped(("a", data))], ids=["gzip", "zip"])
def test_a_container_in_a_container_is_refused(inner: bytes, wrap: Callable[[bytes], bytes]) -> None:
    assert "expected files in the container, got another container" in fault(wrap(inner))


def _bomb(kind: str, size: int) -> bytes:
    if kind == "gzip":
        return gzip.compress(bytes(size), 9)
    if kind == "gzip of parts":
        return gzip.compress(bytes(MIB), 9) * (size // MIB)
    return zipped(*((f"{n}", bytes(size // 4)) for n in range(4)))


@pytest.mark.parametrize("kind", ["gzip", "gzip of parts", "zip"])
@BOTH
def test_a_bomb_is_refused_before_it_fills_anything(kind: str, make: Callable[[bytes], BinaryIO]) -> None:
    data = _bomb(kind, 128 * MIB)
    given, found = 0, ""
    try:
        for _, part in open_members(make(data), "FILE"):
            while block := part.read(MIB):
                given += len(block)
    except BadInput as error:
        found = str(error)
    assert "expected FILE to grow at most 250 times when unpacked" in found
    assert given <= RATIO_FREE_BYTES + 2 * MIB


def test_what_compresses_well_but_is_small_is_fine() -> None:
    assert len(contents(gzip.compress(bytes(32 * MIB), 9))[0][1]) == 32 * MIB


def test_the_whole_output_has_a_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_inflating, "OUTPUT_MAX", 1000)
    assert "GiB in FILE, got more" in fault(gzip.compress(b"x" * 1001))
    assert "GiB in FILE, got more" in fault(zipped(("a", b"x" * 600), ("b", b"x" * 600)))
    assert contents(gzip.compress(b"x" * 1000)) == [(None, b"x" * 1000)]


def test_what_must_be_put_aside_has_a_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(containers, "SPOOL_MAX", 50)
    assert "that is not read in one go, got more: FILE" in fault(zipped(("a", b"x")), pipe)


def test_memory_stays_flat_whatever_comes_out() -> None:
    noise = b"".join(zlib.crc32(str(n).encode()).to_bytes(4, "big") for n in range(50_000))
    data = zipped(("a", noise * 300))
    tracemalloc.start()
    total = 0
    for _, part in open_members(io.BytesIO(data), "FILE"):
        while block := part.read(65_536):
            total += len(block)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert total == 60_000_000
    assert peak < 8 * MIB


@pytest.mark.parametrize("at", [0, 30])
def test_a_head_can_be_looked_at_and_read_again(at: int) -> None:
    data = bytes(range(256)) * 1000
    for make in (io.BytesIO, pipe):
        head, whole = with_head(make(data), at)
        assert head == data[:at]
        assert whole.read() == data


def test_damaged_bytes_name_the_file() -> None:
    packed = gzip.compress(b"some text " * 1000)
    assert "damaged" in fault(packed[:-8] + b"\0\0\0\0" + packed[-4:])
    assert "expected the whole of FILE, got a gzip file that ends too early" in fault(packed[:-9])
    data = zipped(("a.xml", b"some text " * 1000), method=zipfile.ZIP_STORED)
    assert "expected a whole file 'a.xml' in FILE, got a damaged one: Bad CRC-32" in fault(
        data.replace(b"some", b"same", 1)
    )
    assert "its directory, which stands at the end, is missing" in fault(data[:-30])


SMALL_ZIP = zipped(("a.xml", b"some text " * 20), ("b/c.csv", b"a,b\n1,2\n"))
SMALL_GZIP = gzip.compress(b"some text " * 20, mtime=0) + gzip.compress(b"more", mtime=0)


def refusals(data: bytes) -> list[str]:
    """Read a container to its end, from a file and from a pipe; give the sentences that refuse it."""
    found = []
    for make in (io.BytesIO, pipe):
        try:
            contents(data, make)
        except BadInput as error:
            found.append(str(error))
    return found


def survives(data: bytes) -> bool:
    """Say whether a container is read, or refused in one line that names it."""
    return all("FILE" in message and "\n" not in message for message in refusals(data))


@pytest.mark.parametrize(
    "data", [SMALL_ZIP, SMALL_GZIP, gzip.compress(workbook(), mtime=0)], ids=["zip", "gzip", "book"]
)
def test_a_container_cut_anywhere_is_refused_and_never_read_in_part(data: bytes) -> None:
    for length in range(len(data)):
        assert survives(data[:length])
    whole = contents(data)
    for length in range(len(data) - 1, 3, -1):
        try:
            assert contents(data[:length]) in (whole, [(None, b"some text " * 20)])
        except BadInput:
            continue


@settings(max_examples=examples(300))
@given(
    st.sampled_from([SMALL_ZIP, SMALL_GZIP]), st.lists(st.tuples(st.integers(0, 400), st.integers(0, 255)), max_size=4)
)
def test_no_change_of_bytes_makes_a_container_fail_otherwise(data: bytes, changes: list[tuple[int, int]]) -> None:
    mutable = bytearray(data)
    for at, value in changes:
        mutable[at % len(mutable)] = value
    assert survives(bytes(mutable))


@given(st.lists(st.binary(max_size=2000), min_size=1, max_size=5))
def test_what_was_packed_comes_out(parts: list[bytes]) -> None:
    plain = [b" " + part for part in parts]
    assert contents(b"".join(map(gzip.compress, plain)), pipe) == [(None, b"".join(plain))]
    files = [(f"{n}.bin", part) for n, part in enumerate(plain)]
    assert contents(zipped(*files)) == files
