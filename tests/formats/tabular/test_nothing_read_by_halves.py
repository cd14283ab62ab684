"""What looks readable and is not quite: read as written, or set aside with its place, and never half of it."""

import re

import pyarrow as pa
import pytest

from tests.formats.tabular.given import plain, read
from tests.formats.tabular.test_files import DAY, parquet
from tieout.errors import WrongUse
from tieout.formats.tabular.grammar import parse_mapping

HEAD = b"id,amount,day,note\n"
NOTED = plain(fields={"text": "note"})


@pytest.mark.parametrize(
    ("row", "got"),
    [
        (b'b,2,2026-10-01,"bad"x', "'x'"),
        (b'b,2,2026-10-01,"bad" x', "' x'"),
        (b'"b"x,2,2026-10-01,note', "'x,2,2026-10-01,note'"),
        (b'b,2,2026-10-01,""x', "'x'"),
        (b'b,2,2026-10-01,"two\nlines"x', "'x'"),
        (b'b,2,2026-10-01,"say \\"hi\\" x"', "'hi"),
    ],
)
def test_text_behind_a_closing_quote_sets_its_row_aside(row: bytes, got: str) -> None:
    for rows in (
        [b"a,1,2026-10-01,x", row, b'c,3,2026-10-01,"z"'],
        [row, b"a,1,2026-10-01,x"],
        [b'a,1,2026-10-01,"x"', row],
    ):
        read_ = read(NOTED, HEAD + b"\n".join(rows) + b"\n")
        assert "b" not in read_.column("external_id")
        assert len(read_.rows) == len(rows) - 1
        (problem,) = read_.problems
        assert problem.line == 2 + sum(1 + part.count(b"\n") for part in rows[: rows.index(row)])
        assert f"behind a closing quote (one within a text is written twice), got {got}" in problem.message


def test_quotes_that_are_as_they_must_be() -> None:
    rows = [b'a,1,2026-10-01,"x" ', b'"b" ,2,2026-10-01,"y"\t', b'c,3,2026-10-01,"a ""b"" c"', b'd,4,2026-10-01,5" pipe',
            b'e,5,2026-10-01,un"quoted"', b'f,6,2026-10-01,"""z"""', b'g,7,2026-10-01,""', b'h,8,2026-10-01,"q"\r', b'i,9,2026-10-01,"end"']  # fmt: skip
    got = read(NOTED, HEAD + b"\n".join(rows))
    assert got.problems == []
    assert got.column("text") == ["x", "y", 'a "b" c', '5" pipe', 'un"quoted"', '"z"', None, "q", "end"]


@pytest.mark.parametrize("kind", [pa.float64(), pa.float32(), pa.float16()])
def test_a_floating_point_column_is_no_amount_whatever_stands_in_it(kind: pa.DataType) -> None:
    values = pa.array([5.0, 0.5, 0.1 + 0.2, 1e-12, None], pa.float64()).cast(kind, safe=False)
    got = read(plain(format="parquet"), parquet(id=list("abcde"), amount=values, day=[DAY] * 5))
    assert got.rows == []
    said = {re.sub("got .*", "", message).partition(": ")[2] for message in got.messages[:4]}
    assert said == {"expected a decimal, a whole number or a text, never a floating-point one, "}
    minor = read(
        plain(format="parquet", fields={"amount": "minor(amount)"}), parquet(id=["a"], amount=[500.0], day=[DAY])
    )
    assert (minor.rows, len(minor.problems)) == ([], 1)


def test_a_floating_point_column_may_be_compared_or_kept() -> None:
    mapping = plain(format="parquet", where="attempt = 1", fields={"text": "attempt"})
    got = read(mapping, parquet(id=["a", "b"], amount=[1, 2], day=[DAY] * 2, attempt=[1.0, 2.0]))
    assert got.column("external_id") == ["a"]


@pytest.mark.parametrize(
    ("pattern", "group", "fits"),
    [("x", 0, True), ("x", 7, False), ("(x)", 1, True), ("(x)", 2, False), (r"\(x\)", 1, False), ("(?:x)", 1, False),
     ("(?P<n>x)(y)", 2, True), ("[(]x", 1, False), ("((x))", 2, True)],
)  # fmt: skip
def test_a_group_that_a_pattern_lacks_is_refused_with_its_place(pattern: str, group: int, fits: bool) -> None:
    text = (
        '[mapping]\nid = "m"\nformat = "csv"\n[fields]\nexternal_id = "id"\nkind = "\'charge\'"\namount = "amount"\n'
        f"booked_on = \"day::date\"\ncurrency = \"'EUR'\"\ntext = '''regexp_extract(id, '{pattern}', {group})'''\n"
    )
    if fits:
        parse_mapping(text, "mappings/m.toml")
        return
    with pytest.raises(WrongUse, match=rf"mappings/m\.toml line 10: .* a pattern with a group {group} in brackets"):
        parse_mapping(text, "mappings/m.toml")


@pytest.mark.parametrize("zone", ["+25:00", "+14:60", "-2300", "+15", "+99:99"])
@pytest.mark.parametrize("expression", ["day::date", "strptime(day, '%Y-%m-%dT%H:%M:%S%z')"])
def test_no_place_is_further_from_utc_than_14_hours(zone: str, expression: str) -> None:
    data = (
        f"id,amount,day\na,1,2026-10-01T12:00:00+14:00\nb,2,2026-10-01T12:00:00{zone}\nc,3,2026-10-01T12:00:00-09:30\n"
    )
    for field in ({"occurred_at": expression.removesuffix("::date")}, {}):
        got = read(
            plain(fields={"booked_on": "substr(day, 1, 10)::date" if field else expression, **field}), data.encode()
        )
        assert got.column("external_id") == ["a", "c"]
        assert [p.line for p in got.problems] == [3]
        assert zone in got.messages[0]
