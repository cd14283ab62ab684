"""The raw bytes of a record: the right line, whatever the file's line ends and however long it is."""

import io

from hypothesis import given
from hypothesis import strategies as st

from tieout.observe.things import raw


@given(
    lines=st.lists(
        st.text(st.characters(codec="utf-8", exclude_characters="\r\n"), max_size=30), min_size=1, max_size=40
    ),
    end=st.sampled_from(["\n", "\r\n", "\r"]),
    block=st.integers(1, 64),
    wanted=st.integers(1, 45),
)
def test_a_line_is_found_across_blocks(lines: list[str], end: str, block: int, wanted: int) -> None:
    data = end.join([*lines, ""]).encode()
    ends = b"\r" if end == "\r" else b"\n"
    stream = io.BytesIO(data)
    found = list(raw._lines_from(iter(lambda: stream.read(block), b""), ends, wanted))
    assert [line.decode() for line in found] == lines[wanted - 1 :]


@given(st.binary(max_size=300), st.integers(1, 10), st.sampled_from(["camt.053.001.08", "mt940", "psp", ""]))
def test_no_bytes_make_it_fail(data: bytes, line: int, file_format: str) -> None:
    if data.startswith((b"PK", b"PAR1")):
        data = b"x" + data
    lines, note = raw._shown(io.BytesIO(data), line, file_format, ["a"])
    assert bool(lines) is (note is None)
    assert all(len(text) <= raw.SHOWN_MAX + 6 for text in lines)


def test_a_long_line_is_shown_around_what_was_looked_for() -> None:
    data = b"<Document>" + b"x" * 100_000 + b"NEEDLE" + b"y" * 100_000
    lines, _ = raw._shown(io.BytesIO(data), 1, "camt.053.001.08", ["NEEDLE"])
    assert "NEEDLE" in lines[0]
    assert len(lines[0]) < 700


def test_an_entry_is_shown_to_its_end() -> None:
    data = b"<Stmt>\n<Ntry>\n<Amt>1</Amt>\n</Ntry>\n<Ntry>\n</Ntry>\n"
    lines, _ = raw._shown(io.BytesIO(data), 2, "camt.053.001.02", [])
    assert lines == ("<Ntry>", "<Amt>1</Amt>", "</Ntry>")


def test_a_line_of_the_raw_form_of_fints_is_shown_alone() -> None:
    joined = b"@@:20:R@@:25:1@@:28C:1@@:60F:C260101EUR0,@@:61:260102D1,NMSC@@:86:one@@two@@:62F:D260102EUR1,@@-@@"
    lines, note = raw._shown(io.BytesIO(joined), 6, "mt940", [])
    assert (lines, note) == ((":61:260102D1,NMSC", ":86:one", "two"), None)


def test_a_quoted_row_is_shown_whole() -> None:
    lines, _ = raw._shown(io.BytesIO(b'a,b\n1,"x\ny"\n2,z\n'), 2, "psp", [])
    assert lines == ("a,b", '1,"x', 'y"')
