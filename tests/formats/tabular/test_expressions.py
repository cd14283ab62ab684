"""What an expression may say, what it gives, and that nothing else is let through."""

import datetime as dt
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.depth import examples
from tests.formats.tabular.given import plain, read
from tieout.errors import TieoutError, WrongUse
from tieout.formats.tabular import Mapping, parse_mapping

HEADER = "id,amount,day,a,b,n"


def value(expression: str, row: str, field: str = "text", **options: Any) -> Any:
    """Give what a field of one row becomes."""
    got = read(plain(fields={field: expression}), f"{HEADER}\n{row}\n".encode(), **options)
    assert got.rows, got.messages
    return got.rows[0][field]


@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        ("a", "Foo Bar"), ('"a"', "Foo Bar"), ("upper(a)", "FOO BAR"), ("lower(a)", "foo bar"),
        ("substr(a, 5)", "Bar"), ("substr(a, 1, 3)", "Foo"), ("substr(a, 9)", None), ("substr(a, -3)", "Bar"),
        ("replace(a, ' ', '-')", "Foo-Bar"), ("replace(a, 'Foo Bar', '')", None), ("trim(a, 'Fr')", "oo Ba"),
        ("a || '/' || n", "Foo Bar/7"), ("a || b", None), ("concat(a, b, n)", "Foo Bar7"), ("concat(b)", None),
        ("coalesce(b, a)", "Foo Bar"), ("coalesce(nullif(a, 'Foo Bar'), n)", "7"), ("nullif(a, 'x')", "Foo Bar"),
        ("regexp_extract(a, '^(\\w+) (\\w+)$', 2)", "Bar"), ("coalesce(regexp_extract(a, 'x+'), 'none')", "none"),
        ("case when n > 5 then 'much' else 'little' end", "much"), ("case n when '7' then 'seven' end", "seven"),
        ("case when b = '' then 'empty' end", "empty"), ("case when a <> '' then 'full' end", "full"),
        ("case when b is null and not (a is null) then 'ok' end", "ok"), ("case when a in ('x', 'Foo Bar') then 'in' end", "in"),
        ("case when n between 5 and 9 then 'mid' end", "mid"), ("case when a like 'Foo%' then 'like' end", "like"),
        ("case when amount::decimal = 12.5 or n::integer = 8 then 'eq' end", "eq"), ("n + 1.50", "8.5"),
        ("abs(-n) * 2", "14"), ("'O''Brien; drop table x --'", "O'Brien; drop table x --"), ("null", None),
        ("n::integer - 9", "-2"), ("strptime(day, '%Y-%m-%d')::date + 3", "2026-10-04"),
    ],
)  # fmt: skip
def test_gives(expression: str, expected: str | None) -> None:
    assert value(expression, "t,12.5,2026-10-01,Foo Bar,,7") == expected


@pytest.mark.parametrize(
    ("expression", "text", "expected"),
    [
        ("a::date", "2026-10-01", dt.date(2026, 10, 1)), ("a", "2026-10-01", dt.date(2026, 10, 1)),
        ("a::date", "2026-10-01T23:59:59.123+02:00", dt.date(2026, 10, 1)), ("a::date", "2026-10-01 23:59", dt.date(2026, 10, 1)),
        ("strptime(a, '%d.%m.%Y')::date", "1.2.2026", dt.date(2026, 2, 1)), ("strptime(a, '%d.%m.%Y')", "29.02.2028", dt.date(2028, 2, 29)),
        ("strptime(a, ['%d.%m.%Y', '%Y%m%d'])::date", "20261001", dt.date(2026, 10, 1)),
        ("a::date + 30", "2026-12-31", dt.date(2027, 1, 30)), ("a::date - 1", "2026-03-01", dt.date(2026, 2, 28)),
        ("case when b is null then a::date end", "2026-10-01", dt.date(2026, 10, 1)),
        ("strptime(a, '%Y-%m-%d %H:%M %z')", "2026-10-01 23:30 +00:00", dt.date(2026, 10, 2)),
    ],
)  # fmt: skip
def test_gives_days(expression: str, text: str, expected: dt.date) -> None:
    assert value(expression, f"t,1,2026-10-01,{text},,", "value_on", timezone="Europe/Berlin") == expected


@pytest.mark.parametrize(
    ("expression", "text"),
    [
        ("a", "2026-10-01 10:00"), ("a", "2026-1-1"), ("a", "31.12.2026"), ("a::date", "2026-02-31"), ("a::date", "20261-01-01"),
        ("a::date", "0000-01-01"), ("strptime(a, '%d.%m.%Y')::date", "31.02.2026"), ("strptime(a, '%Y')::date", "10000000000"),
        ("strptime(a, '%d.%m.%Y')::date", "Pending"), ("a::date + 9999999", "2026-10-01"), ("a::date", "infinity"), ("a", "epoch"),
    ],
)  # fmt: skip
def test_days_that_are_none_are_quarantined(expression: str, text: str) -> None:
    got = read(plain(fields={"value_on": expression}), f"{HEADER}\nt,1,2026-10-01,{text},,\n".encode())
    (problem,) = got.problems
    assert (problem.severity, problem.line, problem.column) == ("row", 2, "a")
    assert repr(text) in problem.message


def test_moments_are_utc_and_a_time_without_zone_is_utc() -> None:
    assert (
        value("a", "t,1,2026-10-01,2026-10-01T01:30:00+02:00,,", "occurred_at").isoformat()
        == "2026-09-30T23:30:00+00:00"
    )
    assert (
        value("a", "t,1,2026-10-01,2026-10-01 01:30:00.25,,", "occurred_at").isoformat()
        == "2026-10-01T01:30:00.250000+00:00"
    )


def test_lists_drop_what_is_empty() -> None:
    assert value("[a, b, n, '']", "t,1,2026-10-01,x,,7", "references") == ["x", "7"]
    assert value("[b]", "t,1,2026-10-01,x,,7", "references") == []
    assert value("a", "t,1,2026-10-01,x,,7", "references") == ["x"]


def test_the_same_bad_value_in_two_fields_quarantines_only_its_row() -> None:
    """The engine must not lift the common part of two expressions out of where its failure is caught."""
    fields = {"booked_on": "strptime(day, '%Y-%m-%d')::date", "value_on": "strptime(day, '%Y-%m-%d')::date + 1"}
    got = read(plain(fields=fields), b"id,amount,day\na,1,2026-02-31\nb,1,2026-02-01\n")
    assert got.column("external_id") == ["b"]
    assert [p.line for p in got.problems] == [2]


def test_a_failure_in_a_branch_not_taken_is_none() -> None:
    got = read(
        plain(fields={"amount": "case when day = 'x' then day::decimal else amount::decimal end"}),
        b"id,amount,day\na,1,2026-02-01\n",
    )
    assert got.column("amount") == [100]


@pytest.mark.parametrize(
    ("expression", "named"),
    [
        ("read_csv('x')", "read_csv"), ("getenv('HOME')", "getenv"), ("(select 1)", "subquery"), ("sum(a) over ()", "window"),
        ("a::varchar", "::text"), ("a::double", "::double"), ("a::decimal(10, 2)", "::decimal(10, 2)"), ("try_cast(a as date)", "function try_cast is"), ("ltrim(a)", "function ltrim is"), ("rtrim(a)", "function rtrim is"),
        ("$1", "parameter"), ("*", "*"), ("x -> x", "json_extract"), ("list_transform([a], lambda x: x)", ""), ("a[1]", "bracket"), ("random()", "rand"),
        ("current_date", None), ("now()", "now"), ("a / b", "div"), ("a % b", "mod"), ("x.a", "table"), ("count(*)", "count"),
        ("a; drop table t", "expression"), ("a) as f, (b", "expression"), ("a from t", "expression"), ("a) from read_csv('x') --", "expression"),
        ("1e5", "1e5"), ("struct_pack(a := 1)", "struct"), ("exists(select 1)", ""), ("a in (select 1)", ""), ("interval 1 day", "interval"),
        ("strptime(a, b)", "format"), ("strptime(a, '%Q')", "%Q"), ("regexp_extract(a, b)", "pattern"), ("trim(both 'x' from a)", "trim"),
        ("a like b", "pattern"), ("minor(a)", "amounts"), ("minor(a, b)", "one argument"), ("if(a, b, c)", "if"), ("length(a)", "length"),
        ("a collate nocase", ""), ("cast(a as date format 'x')", ""), ("[[a]]", "a list"), ("a is distinct from b", ""), ("", "empty"),
        ("((((", "expression"), ("(" * 2000 + "a" + ")" * 2000, ""), ("a" * 5000, "4000 characters"), ("'x", "expression"),
    ],
)  # fmt: skip
def test_what_is_not_in_the_grammar_is_refused_with_its_place(expression: str, named: str | None) -> None:
    if named is None:  # a bare name is a column's, whatever SQL thinks of it
        assert parse_mapping(toml(expression), "m.toml").fields["text"] == expression
        return
    with pytest.raises(WrongUse) as caught:
        parse_mapping(toml(expression), "m.toml")
    assert str(caught.value).startswith("m.toml line 8: ")
    assert named.lower() in str(caught.value).lower()


def toml(expression: str) -> str:
    text = expression.replace("\\", "\\\\").replace('"', '\\"')
    return f"""[mapping]
id = "m"
format = "csv"

[fields]
kind = "'charge'"
amount = "amount"
text = "{text}"
"""


@given(
    st.text(st.characters(codec="utf-8", exclude_categories=["Cs"]), max_size=60)
    | st.text("ab(),'\"|:+-*[]=<> 19.%$?;", max_size=40)
)
@settings(max_examples=examples(50), deadline=None)
def test_no_text_does_more_than_be_refused(text: str) -> None:
    try:
        got = read(plain(fields={"text": text}), f"{HEADER}\nt,1,2026-10-01,x,,7\n".encode())
    except WrongUse:
        return
    assert got.counted <= 1


@given(st.text(st.characters(exclude_categories=["Cs", "Cc"]), min_size=1, max_size=20))
@settings(max_examples=examples(40), deadline=None)
def test_any_text_in_a_value_and_a_name_stays_text(text: str) -> None:
    name = text.replace('"', "'").strip(" \u00a0\u2007\u202f\u3000\ufeff") or "x"
    header = '"id","amount","day","' + name + '"'
    if name in {"id", "amount", "day"}:
        return
    row = '"t","1","2026-10-01","' + text.replace('"', '""') + '"'
    fields = {"text": '"' + name.replace('"', '""') + '"'}
    try:
        got = read(plain(fields=fields), f"{header}\n{row}\n".encode())
    except TieoutError as error:
        raise AssertionError(str(error)) from error
    stripped = text.strip(" \t\r\n\u00a0\u2007\u202f\u3000\ufeff")
    assert got.rows[0]["text"] == (stripped or None)


def test_our_own_mappings_may_use_any_scalar_function() -> None:
    mapping = Mapping(
        id="own",
        trusted=True,
        fields={
            "external_id": "id", "kind": "case when starts_with(id, 'c') then 'charge' else 'fee' end",
            "amount": "coalesce(amount::decimal, 0) - coalesce(fee::decimal, 0)", "currency": "upper(ccy)",
            "booked_on": "cast(timezone('Europe/Berlin', created::timestamptz) as date)", "namespace": "split_part(id, '_', 1)",
            "identity": "nullif(id, 'x')", "aliases": "['txn:' || txn]", "revision": "epoch_us(created::timestamp)",
            "references": "list_distinct([txn, id, txn])",
        },
    )  # fmt: skip
    got = read(
        mapping,
        b"id,amount,fee,ccy,created,txn\nch_1,5.25,0.25,eur,2026-10-01 23:30:00,txn_9\nx,1,,eur,2026-10-01 00:00:00,\n",
    )
    first, second = got.rows
    assert (first["kind"], first["amount"], first["booked_on"]) == ("charge", 500, dt.date(2026, 10, 2))
    assert (first["namespace"], first["identity"], first["aliases"], first["counted"]) == (
        "ch",
        "ch_1",
        ["txn:txn_9"],
        False,
    )
    assert first["revision"] == 1790897400000000
    assert sorted(first["references"]) == ["ch_1", "txn_9"]
    assert (second["identity"], second["counted"], second["aliases"]) == (None, True, [])


@pytest.mark.parametrize(
    ("text", "berlin", "new_york"),
    [
        ("2026-10-31T23:30:00Z", "2026-11-01", "2026-10-31"),
        ("2026-10-31T23:30:00+0000", "2026-11-01", "2026-10-31"),
        ("2026-11-01 00:30:00,5+02:00", "2026-10-31", "2026-10-31"),
        ("2026-11-01T02:30Z", "2026-11-01", "2026-10-31"),
        ("2026-10-31T23:30:00", "2026-10-31", "2026-10-31"),
        ("2026-10-31", "2026-10-31", "2026-10-31"),
    ],
)
def test_the_day_of_a_moment_is_that_of_the_accounts_zone(text: str, berlin: str, new_york: str) -> None:
    mapping = plain(fields={"booked_on": "day::date"})
    for zone, day in (("Europe/Berlin", berlin), ("America/New_York", new_york)):
        got = read(mapping, f'id,amount,day\na,1,"{text}"\n'.encode(), timezone=zone)
        assert [str(found) for found in got.column("booked_on")] == [day], got.messages


@pytest.mark.parametrize("day", ["01.10.26", "01.10.202", "31.12.1899"])
def test_a_year_before_1900_is_a_year_read_wrong(day: str) -> None:
    mapping = plain(fields={"booked_on": "strptime(day, '%d.%m.%Y')::date"})
    got = read(mapping, f"id,amount,day\na,1,{day}\nb,1,01.01.1900\n".encode())
    assert got.column("external_id") == ["b"]
    assert [(p.line, p.severity) for p in got.problems] == [(2, "row")]


@pytest.mark.parametrize(
    ("expression", "says"),
    [
        ("regexp_extract(a, '(')", "expected a regular expression in regexp_extract, got '(' (missing ): ()"),
        ("regexp_extract(a, '(?=x)')", "expected a regular expression in regexp_extract, got '(?=x)'"),
        ("minor(minor(a))", "expected one of minor() and major() around an amount, got minor() within minor()"),
        ("minor(-major(a))", "expected one of minor() and major() around an amount, got major() within minor()"),
    ],
)
def test_what_cannot_run_is_refused_when_the_mapping_is_loaded_with_its_line(expression: str, says: str) -> None:
    with pytest.raises(WrongUse) as caught:
        parse_mapping(toml("a").replace('"amount"', f'"{expression}"'), "p.toml")
    assert str(caught.value).startswith(f"p.toml line 7: [fields] amount: {says}")


def test_a_day_out_of_the_limits_says_them() -> None:
    got = read(plain(fields={"due_on": "due"}), b"id,amount,day,due\n1,5,2026-01-01,9999-12-31\n")
    [message] = got.messages
    assert message.endswith(
        "expected a value for due_on within its limits (1900-01-01 to 9999-12-30), got '9999-12-31' in due"
    )


@pytest.mark.parametrize("rate", ["1.1", "1.1234", "1.12345", "0.123456789", "'1.12345'"])
def test_a_rate_that_is_the_same_in_every_row_may_have_any_decimals(rate: str) -> None:
    got = read(plain(fields={"rate": rate}), b"id,amount,day\na,1,2026-01-01\nb,2,2026-01-01\n")
    assert (got.refused, got.column("rate")) == (None, [rate.strip("'")] * 2)


def test_a_product_with_too_many_decimals_says_how_many_there_may_be() -> None:
    mapping = plain(fields={"amount": "amount::decimal * x::decimal"})
    [message] = read(mapping, b"id,amount,day,x\n1,12.30,2026-01-01,1.123456789\n").messages
    assert message.endswith(
        "expected a value for amount within its limits (at most 9 decimals), got '12.30' in amount, '1.123456789' in x"
    )
