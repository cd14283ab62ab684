"""Every fault in a tieout.toml is refused in one sentence: what was expected, what came, in which line."""

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.depth import examples
from tieout.config import read_workspace
from tieout.errors import WrongUse

FOLDER = Path(__file__).resolve().parent / "cases" / "whole"
WHOLE = (FOLDER / "tieout.toml").read_text()

HEAD = '[workspace]\nbase_currency = "EUR"\n'
ENTITY = HEAD + '[[entity]]\nid = "acme"\n'  # lines 1 to 4
SOURCE = ENTITY + '[[source]]\nid = "psp"\nformat = "stripe.balance"\n'  # lines 5 to 7
ACCOUNT = SOURCE + '[[account]]\nid = "psp-eur"\nsource = "psp"\ncurrency = "EUR"\n'  # lines 8 to 11
RECONCILIATION = (
    SOURCE + '[[reconciliation]]\nid = "r"\nleft = { source = "psp" }\nright = { source = "psp" }\n'
)  # lines 8 to 11


def message_of(text: str, folder: Path = FOLDER, environ: dict[str, str] | None = None) -> str:
    with pytest.raises(WrongUse) as caught:
        read_workspace(text, folder, environ or {})
    assert caught.value.exit_status == 2
    return str(caught.value)


FAULTS = [
    # unknown keys
    (
        ENTITY + '[[source]]\nid = "x"\nfromat = "y"',
        "line 7: unknown key 'fromat' in [[source]]; did you mean 'format'?",
    ),
    ('[[sorce]]\nid = "x"', "line 1: unknown key 'sorce' in tieout.toml; did you mean 'source'?"),
    (HEAD + "\n# c\nbooks = 1", "line 5: unknown key 'books' in [workspace]; did you mean 'book'?"),
    (ENTITY + "books = { fees = 'erp' }", "line 5: unknown key 'fees' in 'books' of [[entity]] 'acme'; did"),
    (ACCOUNT + "opening.at = 1", "line 12: unknown key 'at' in 'opening' of [[account]] 'psp-eur'"),
    (RECONCILIATION.replace("{ source", "{ sources"), "line 10: unknown key 'sources' in 'left' of [[reconciliation]]"),
    # wrong shapes and types
    (HEAD + "[source]\nid = 'x'", "line 3: expected [[source]] with two brackets, got [source]"),
    ("workspace = 3", "line 1: expected a table such as workspace = { ... } for 'workspace' in tieout.toml"),
    (ACCOUNT + "ledger_account = 1361", "got the number 1361: write it in quotes"),
    (ACCOUNT + "number = true", "line 12: expected text for 'number' in [[account]] 'psp-eur', got true"),
    (SOURCE + "path = ' '", "line 8: expected text that is not blank for 'path' in [[source]] 'psp', got ' '"),
    (SOURCE + "path = ['a']", "line 8: expected text for 'path' in [[source]] 'psp', got a list"),
    (ENTITY + "books = 'erp'", "line 5: expected a table such as books = { ... }"),
    (ENTITY + "books.fee = 'sap'", "line 5: expected one of tieout, erp for 'fee' in 'books' of [[entity]] 'acme'"),
    (SOURCE + "path = '" + "x" * 1001 + "'", "line 8: expected text of at most 1000 characters"),
    (HEAD + "[[entity]]\nid = '../x'", "line 4: expected a name of at most 100 characters such as 'bank-main'"),
    # missing
    ("", "line 1: expected 'base_currency' in [workspace], found none"),
    ("\n[workspace]\nname = 'x'", "line 2: expected 'base_currency' in [workspace], found none"),
    (ENTITY + "\n[[source]]\nformat = 'x'", "line 6: expected 'id' in [[source]], found none"),
    (ENTITY + "[[source]]\nid = 'x'", "line 5: expected one of 'format', 'mapping', 'connector' in [[source]] 'x', f"),
    (HEAD + "[[source]]\nid = 'x'\nformat = 'y'", "line 3: expected 'entity' in [[source]] 'x', found none"),
    (SOURCE + "[[account]]\nid = 'x'", "line 8: expected 'currency' in [[account]] 'x', found none"),
    (ENTITY + "[[ledger]]\nid = 'x'", "line 5: expected 'system' in [[ledger]] 'x', found none"),
    (RECONCILIATION, "line 8: expected 'rules' in [[reconciliation]] 'r', found none"),
    (SOURCE + "[[reconciliation]]\nid = 'r'", "line 8: expected 'left' in [[reconciliation]] 'r' to name one of"),
    (SOURCE + "[[reconciliation]]\nid = 'r'\nleft = {}", "line 10: expected 'left' in [[reconciliation]] 'r' to name"),
    (ACCOUNT + "opening = { on = '2026-01-01' }", "line 12: expected 'amount' in 'opening' of [[account]] 'psp-eur'"),
    # twice
    (
        ENTITY + "[[entity]]\nid = 'acme'",
        "line 6: expected a new 'id' in [[entity]], got 'acme' again (first on line 4",
    ),
    (SOURCE + "mapping = 'm.toml'", "line 8: expected one of 'format', 'mapping', 'connector' in [[source]] 'psp', f"),
    (SOURCE + "settings = {}", "line 8: expected 'settings' only beside 'connector' in [[source]] 'psp'"),
    (
        ACCOUNT + "number = 'A'\n[[account]]\nid = 'y'\nsource = 'psp'\ncurrency = 'EUR'\nnumber = ' A'",
        "line 17: expected one [[account]] for EUR of a number, got a second, 'y' (first on line 12)",
    ),
    # encodings
    (
        SOURCE + "encoding = 'windows1250'",
        "such as cp1250 for 'encoding' in [[source]] 'psp', got 'windows1250'; did you mean 'windows-1250'?",
    ),
    (SOURCE + "encoding = 'base64'", "line 8: expected an encoding that Python knows"),
    (SOURCE + "encoding = 'utf-16'", "line 8: expected an encoding that writes plain letters and digits as ASCII does"),
    (SOURCE + "encoding = 1250", "got the number 1250: write it in quotes"),
    (
        SOURCE.replace('format = "stripe.balance"', 'connector = "stripe"') + "encoding = 'cp1250'",
        "line 8: expected 'encoding' only beside 'format' in [[source]] 'psp'",
    ),
    # references
    (SOURCE + "entity = 'acne'", "line 8: expected the id of a declared entity for 'entity' in [[source]] 'psp', got"),
    (SOURCE + "entity = 'acne'", "got 'acne'; did you mean 'acme'?"),
    (SOURCE + "[[account]]\nid = 'x'\nsource = 'pps'", "line 10: expected the id of a declared source for 'source'"),
    (RECONCILIATION.replace('{ source = "psp" }', '{ source = "ps" }', 1), "line 10: expected the id of a declared so"),
    (
        RECONCILIATION.replace('left = { source = "psp"', 'left = { kinds = ["pay-out"]'),
        "line 10: expected the id of a declared kind of record for 'kinds' in 'left' of [[reconciliation]] 'r', got",
    ),
    (RECONCILIATION.replace('left = { source = "psp"', 'left = { kinds = ["fee", 3]'), "got the number 3"),
    (RECONCILIATION.replace('left = { source = "psp"', 'left = { kinds = ["fee", "fee"]'), "list of different texts"),
    (
        ACCOUNT + "[[reconciliation]]\nid = 'r'\nleft = { account = 'psp-eu' }",
        "account for 'account' in 'left' of [[reconciliation]] 'r', got 'psp-eu'; did you mean 'psp-eur'?",
    ),
    # words with a meaning elsewhere
    ("[workspace]\nbase_currency = 'eur'", "line 2: expected an ISO 4217 currency such as EUR for 'base_currency'"),
    ("[workspace]\nbase_currency = 'eur'", "got 'eur'; did you mean 'EUR'?"),
    (ENTITY + "currency = 'XAU'", "line 5: expected an ISO 4217 currency such as EUR for 'currency'"),
    (SOURCE + "timezone = 'Europe/Berln'", "line 8: expected a time zone such as Europe/Berlin for 'timezone'"),
    (SOURCE + "timezone = 'Europe/Berln'", "did you mean 'Europe/Berlin'?"),
    (SOURCE + "timezone = '../../etc/passwd'", "line 8: expected a time zone"),
    (SOURCE + "timezone = 'localtime'", "line 8: expected a time zone"),
    (SOURCE + "timezone = 'Europe'", "line 8: expected a time zone"),
    (SOURCE + "calendar = 'ECBB'", "line 8: expected a calendar of the holidays library such as ECB, DE or DE-BY"),
    (SOURCE + "calendar = 'DE-XX'", "line 8: expected a calendar"),
    (SOURCE + "calendar = 'calendars/no.toml'", "line 8: expected a calendar"),
    (SOURCE + "calendar = '../x'", "line 8: expected a calendar"),
    (SOURCE + "expects = 'hourly'", "line 8: expected one of daily, business-daily, weekly, monthly for 'expects'"),
    (ENTITY + "[[source]]\nid = 'x'\nmapping = 'mappings/no.toml'", "'mappings/no.toml', which does not exist"),
    (ENTITY + "[[source]]\nid = 'x'\nmapping = '" + "x" * 999 + "'", "which does not exist"),
    (ENTITY + '[[source]]\nid = "x"\nmapping = "\\u0000"', "line 7: expected "),
    (RECONCILIATION + "rules = 'genric'", "line 12: expected one of generic, invoice-to-payment, payout-to-bank"),
    (RECONCILIATION + "rules = 'genric'", "did you mean 'generic'?"),
    (RECONCILIATION + "rules = 'own'", "got 'own'; did you mean 'rules/own.toml'?"),
    (RECONCILIATION + "rules = 'rules/no.toml'", "line 12: expected the path of a file below"),
    (RECONCILIATION + "rules = 'generic'\nclaims.left = 'bnk'", "line 13: expected one of document, payment,"),
    (ACCOUNT + "kind = 'cash'", "line 12: expected one of platform, bank, reserve, in_transit, ledger for 'kind'"),
    (ACCOUNT + "settles_after = '2'", "line 12: expected a delay of at most 366 days such as '2bd' (business days)"),
    (ACCOUNT + "settles_after = '999d'", "line 12: expected a delay of at most 366 days"),
    (ENTITY + "[[ledger]]\nid = 'x'\nsystem = 'sap'\nperiods = '13'", "line 8: expected one of monthly, 4-4-5"),
    # amounts and days
    (ACCOUNT + "opening = { on = '2026-01-01', amount = 1.5 }", "got the number 1.5: write it in quotes"),
    (ACCOUNT + "opening = { on = '2026-01-01', amount = '1,5' }", "line 12: expected a decimal such as 1234.56, got"),
    (ACCOUNT + "[account.opening]\non = '2026-01-01'\namount = 'x'", "line 14: expected a decimal such as 1234.56"),
    (ACCOUNT + "opening = { on = '31.10.2026', amount = '1' }", "line 12: expected a date such as 2026-10-31 for 'on'"),
    (ACCOUNT + "opening = { on = '20261031', amount = '1' }", "expected a date such as 2026-10-31 for 'on'"),
    (ACCOUNT + "opening = { on = 2026-10-31T10:00:00, amount = '1' }", "got the date or time 2026-10-31 10:00:00"),
    # where things are kept
    (HEAD + "engine = 'polars'", "line 3: expected duckdb, spark or spark://host:port for 'engine'"),
    (HEAD + "book = 'mysql://u:hush@host/db'", "got a URL of mysql"),
    (HEAD + "book = 'state/book.db'", "line 3: expected a URL such as sqlite:///.tieout/book.db"),
    (HEAD + "book = 'sqlite://'", "line 3: expected a URL such as sqlite:///.tieout/book.db"),
    # not TOML, or too much of it
    (HEAD + "name = ", "line 3: expected TOML, got: Invalid value"),
    (HEAD + "name = x\n", "line 3: expected TOML, got: Invalid value in column 8"),
    (HEAD + HEAD, "line 3: expected TOML, got: Cannot declare"),
    (HEAD + "name = '''", "line 3: expected TOML, got: "),
    ("x = " + "[" * 9000, "tieout.toml: expected at most 32 tables and lists in each other, got more"),
    ("x = " + "[" * 50 + "]" * 50, "tieout.toml: expected at most 32 tables and lists in each other, got more"),
    ("\n" + "a." * 100_000 + "b = 1", "line 2: expected a key of at most 32 parts, got more"),
    ("x = 0x" + "f" * 9000, "tieout.toml: expected whole numbers of at most 64 bits, got a larger one"),
    ("x = " + "9" * 9000, "line 1: expected TOML, got: "),
]


@pytest.mark.parametrize(("text", "expected"), FAULTS, ids=[str(number) for number in range(len(FAULTS))])
@pytest.mark.timeout(10)
def test_a_fault_says_what_was_expected_what_came_and_where(text: str, expected: str) -> None:
    message = message_of(text)
    assert expected in message
    assert message.startswith("tieout.toml")
    assert "\n" not in message
    assert len(message) < 500


def test_a_password_is_in_no_message_and_no_print() -> None:
    assert "hush" not in message_of(HEAD + "book = 'mysql://u:hush@host/db'")
    workspace = read_workspace(HEAD + "book = 'postgres://u:hush@host/db'", FOLDER, {})
    assert workspace.book == "postgresql+psycopg://u:hush@host/db"
    assert "hush" not in repr(workspace)


def test_a_fault_in_the_environment_names_the_variable() -> None:
    message = message_of(HEAD, environ={"TIEOUT_BASE_CURRENCY": "EURO"})
    assert message.startswith("expected an ISO 4217 currency such as EUR for 'base_currency' in the environment")
    assert "TIEOUT_BASE_CURRENCY" in message


@settings(max_examples=examples(300))
@given(
    begin=st.integers(0, len(WHOLE)),
    length=st.integers(0, 40),
    junk=st.text(st.sampled_from("[]{}\"'=\\\n#,.a1\0é"), max_size=6),
)
def test_a_spoilt_file_is_read_or_refused_in_one_sentence(begin: int, length: int, junk: str) -> None:
    text = WHOLE[:begin] + junk + WHOLE[begin + length :]
    try:
        assert read_workspace(text, FOLDER, {}).base_currency
    except WrongUse as error:
        assert str(error).startswith("tieout.toml")  # noqa: PT017 - either outcome is right
        assert "\n" not in str(error)  # noqa: PT017 - as above


def test_a_file_cut_anywhere_is_read_or_refused() -> None:
    read = 0
    for at in range(len(WHOLE)):
        try:
            read += bool(read_workspace(WHOLE[:at], FOLDER, {}).digest)
        except WrongUse as error:
            assert str(error).startswith("tieout.toml")  # noqa: PT017 - either outcome is right
    assert read > 0


SCALARS = st.sampled_from(["'x'", "1", "1.5", "true", "2026-10-31", "[]", "[1]", "['x']", "{}", "{ a = 1 }", "''"])
LINES = [line for line in WHOLE.splitlines() if "=" in line and not line.startswith(("[", "#"))]


@given(line=st.sampled_from(LINES), value=SCALARS)
def test_a_value_of_any_other_type_is_read_or_refused_on_its_line(line: str, value: str) -> None:
    number = WHOLE.splitlines().index(line)
    lines = WHOLE.splitlines()
    lines[number] = f"{line.partition('=')[0]}= {value}"
    try:
        assert read_workspace("\n".join(lines), FOLDER, {}).base_currency
    except WrongUse as error:
        assert str(error).startswith("tieout.toml line ")  # noqa: PT017 - either outcome is right
