"""The TOML of a mapping: all of its keys are read, and every fault is one sentence with its place."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.depth import examples
from tests.formats.tabular.given import read
from tieout.errors import WrongUse
from tieout.formats.tabular import CsvDialect, FixedColumn, parse_mapping
from tieout.formats.tabular.toml_lines import key_lines

WHOLE = """
# A comment = "no key"
[mapping]
id = "acme-psp"
format = "csv"
csv = { delimiter = ";", encoding = "cp1252", decimal = ",", thousands = ".", skip_rows = 2, header = true }
identify = [
  "txn_id",   # with = and [ in it
  "payout_id",
]
where = "status <> 'failed'"
system = "acme"
account = "DE1"
details = ["note"]
skip_footer = 1

[fields]
external_id = "txn_id"
"kind" = "type"
amount = '''
gross'''
currency = "upper(ccy)"

[kinds]
chargeback = "dispute"
"two words" = "fee"
"""


def test_every_key_is_read() -> None:
    mapping = parse_mapping(WHOLE, "mappings/acme.toml")
    assert (mapping.id, mapping.format, mapping.system, mapping.account) == ("acme-psp", "csv", "acme", "DE1")
    assert mapping.dialect == CsvDialect(delimiter=";", encoding="cp1252", decimal=",", thousands=".", skip_rows=2)
    assert (mapping.identify, mapping.details, mapping.skip_footer) == (("txn_id", "payout_id"), ("note",), 1)
    assert mapping.where == "status <> 'failed'"
    assert mapping.fields["amount"] == "gross"
    assert mapping.kinds == {"chargeback": "dispute", "two words": "fee"}
    assert not mapping.trusted


def test_tsv_and_fixed_and_details_off() -> None:
    text = "[mapping]\nid='m'\nformat='{}'\n{}\n[fields]\nkind=\"'fee'\"\namount='a'\n"
    assert parse_mapping(text.format("tsv", "details = false"), "m").dialect.delimiter == "\t"
    assert parse_mapping(text.format("tsv", "details = false"), "m").details == ()
    fixed = parse_mapping(text.format("fixed", "fixed=[{name='a', start=1, length=9}]"), "m")
    assert fixed.fixed == (FixedColumn("a", 1, 9),)


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("system =", "sistem =", "m.toml line 12: unknown key 'sistem'; did you mean 'system'?"),
        ("delimiter", "delimeter", "m.toml line 6: unknown key 'delimeter'; did you mean 'delimiter'?"),
        ("external_id", "externalid", "m.toml line 18: unknown field 'externalid'; did you mean 'external_id'?"),
        ("external_id", "identity", "m.toml line 18: unknown field 'identity'; did you mean"),
        ('"dispute"', '"disputes"', "m.toml line 25: unknown kind 'disputes'; did you mean 'dispute'?"),
        ("[kinds]", "[kind]", "m.toml line 24: unknown table 'kind'; did you mean 'kinds'?"),
        ('format = "csv"', 'format = "cvs"', "m.toml line 5: unknown format 'cvs'; did you mean 'csv'?"),
        ('id = "acme-psp"', "", "m.toml line 3: expected a key 'id' in [mapping], got none"),
        ("skip_footer = 1", "delimeter = ';'", "m.toml line 15: unknown key 'delimeter'; did you mean 'delimiter' within csv"),
        ("skip_footer = 1", "skip_footer = true", "m.toml line 15: expected a whole number for 'skip_footer', got True"),
        ("skip_footer = 1", "skip_footer = -1", "m.toml line 15: expected 0 to 1000 for 'skip_footer', got -1"),
        ('"note"', "7", "m.toml line 14: expected text for 'details', got 7"),
        ('"upper(ccy)"', "5", "m.toml line 22: expected text for 'currency', got 5"),
        ('"upper(ccy)"', '"uper(ccy)"', "m.toml line 22: [fields] currency: the function uper is not allowed"),
        ("status <> 'failed'", "status <> sleep(9)", "m.toml line 11: [mapping] where: the function sleep is not allowed"),
        ("cp1252", "cp9999", "m.toml line 6: expected an encoding that Python knows, such as utf-8, got 'cp9999'"),
        ("cp1252", "base64", "m.toml line 6: expected an encoding"),
        ('delimiter = ";"', 'delimiter = ";;"', "m.toml line 6: expected one ASCII character or 'auto' for 'delimiter', got ';;'"),
        ('thousands = "."', 'thousands = ","', "m.toml line 6: expected different signs"),
        ('decimal = ","', 'decimal = "5"', "m.toml line 6: expected one sign for 'decimal'"),
        ("header = true", "header = false", "m.toml line 5: expected 'columns' for a file without a header row, got none"),
        ('"kind" = "type"', "", "m.toml line 17: [fields] kind: expected a field kind"),
        ('external_id = "txn_id"', 'account = "x"', "m.toml line 13: expected one of 'account' in [mapping] and in [fields], got both"),
        ('external_id = "txn_id"', 'base_amount = "x"', "m.toml line 18: [fields] base_amount: expected a field base_currency beside it"),
        ("[fields]", "[fields", "m.toml: expected TOML, got a fault: "),
    ],
)  # fmt: skip
def test_a_fault_is_one_sentence_with_its_place(old: str, new: str, said: str) -> None:
    assert old in WHOLE
    with pytest.raises(WrongUse) as caught:
        parse_mapping(WHOLE.replace(old, new, 1), "m.toml")
    assert str(caught.value).startswith(said)
    assert "\n" not in str(caught.value)
    assert caught.value.exit_status == 2


def test_lines_of_keys() -> None:
    lines = key_lines('a = 1\n[t."x y"]\nb.c = """\nd = 2\n"""\ne = [\n  1, # f = 2\n]\n[[list]]\n"g" = { h = 1 }\n')
    assert lines == {"a": 1, "t.x y": 2, "t.x y.b.c": 3, "t.x y.e": 6, "list": 9, "list.g": 10}


@given(st.integers(0, len(WHOLE)), st.text(max_size=5), st.integers(0, 5))
@settings(max_examples=examples(150), deadline=None)
def test_broken_text_is_refused_and_nothing_worse(place: int, put: str, cut: int) -> None:
    said = "m.toml"
    try:
        parse_mapping(WHOLE[:place] + put + WHOLE[place + cut :], "m.toml")
    except WrongUse as error:
        said = str(error)
    assert "m.toml" in said
    assert "\n" not in said


def test_columns_are_those_of_a_file_without_a_header() -> None:
    text = '[mapping]\nid = "m"\nformat = "tsv"\ncolumns = ["id", "amt", "day"]\n[fields]\nkind = "\'adjustment\'"\n'
    mapping = parse_mapping(
        text + 'external_id = "id"\namount = "amt"\ncurrency = "\'EUR\'"\nbooked_on = "day::date"\n', "m.toml"
    )
    got = read(mapping, b"T1\t5.00\t2026-01-01\nT2\t6.00\t2026-01-01\n")
    assert (got.column("external_id"), got.column("amount")) == (["T1", "T2"], [500, 600])
    with pytest.raises(WrongUse, match="expected no 'header' beside 'columns'"):
        parse_mapping(text.replace("[fields]", "csv = { header = true }\n[fields]"), "m.toml")
