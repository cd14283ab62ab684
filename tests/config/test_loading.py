"""tieout.toml: everything in it is read, with defaults, and overridden by the environment."""

import datetime as dt
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
import sqlalchemy as sa

from tieout.config import (
    Account,
    Delay,
    Opening,
    Reconciliation,
    Side,
    Workspace,
    find_workspace,
    load_workspace,
    read_workspace,
)
from tieout.errors import WrongUse
from tieout.model.money import Money

FOLDER = Path(__file__).resolve().parent / "cases" / "whole"
HEAD = '[workspace]\nbase_currency = "EUR"\n'
ENTITY = HEAD + '[[entity]]\nid = "acme"\n'  # lines 1 to 4
SOURCE = ENTITY + '[[source]]\nid = "psp"\nformat = "stripe.balance"\n'  # lines 5 to 7
ACCOUNT = SOURCE + '[[account]]\nid = "psp-eur"\nsource = "psp"\ncurrency = "EUR"\n'  # lines 8 to 11


@pytest.fixture
def whole() -> Workspace:
    return load_workspace(FOLDER, {})


def test_where_things_are_kept_is_whole(whole: Workspace) -> None:
    assert (whole.name, whole.base_currency, whole.path) == ("Acme Group", "EUR", FOLDER / "tieout.toml")
    assert whole.book == f"sqlite:///{FOLDER.as_posix()}/state/book.db"
    assert (whole.lake, whole.landing) == ("s3://bucket/lake", f"{FOLDER.as_posix()}/state/landing")
    assert whole.engine == "spark://host:7077"


def test_entities_have_the_group_s_currency_and_books_unless_they_say_otherwise(whole: Workspace) -> None:
    assert whole.entity("acme-de").books == {"receipt": "tieout", "fee": "erp", "payout": "tieout", "fx": "tieout"}
    assert (whole.entity("acme-jp").name, whole.entity("acme-jp").currency) == ("acme-jp", "JPY")


def test_accounts_take_from_their_source_what_they_do_not_say(whole: Workspace) -> None:
    stripe = whole.account("stripe-eu-eur")
    assert stripe.opening == Opening(dt.date(2026, 10, 31), Money(-4122015, "EUR", 2))
    assert stripe.settles_after == Delay(2, business=True)
    assert (stripe.kind, stripe.number, stripe.ledger_account) == ("platform", "acct_1", "1361")
    assert (stripe.timezone, stripe.calendar, stripe.servicer) == ("Europe/Berlin", "ECB", "Stripe")
    assert whole.account("bank/jpy") == Account(
        id="bank/jpy",
        entity="acme-jp",
        currency="JPY",
        source="bank",
        timezone="Asia/Tokyo",
        calendar="own",
        settles_after=Delay(3, business=False),
        opening=Opening(dt.date(2026, 10, 31), Money(1000, "JPY", 0)),
    )


def test_sources_and_ledgers_keep_their_settings(whole: Workspace) -> None:
    assert whole.source("api").settings == {"page": 100, "deep": {"list": [1, "x", dt.date(2026, 10, 31)]}}
    assert (whole.source("bank").mapping, whole.source("bank").expects) == ("mappings/bank.toml", "business-daily")
    assert (whole.source("stripe-eu").path, whole.source("stripe-eu").owner) == ("inbox/stripe/*.csv", "payments team")
    ledger = whole.ledger("sap-de")
    assert (ledger.system, ledger.company, ledger.periods, ledger.settings) == (
        *("sap", "1000", "4-4-5"),
        {"client": "100"},
    )


def test_reconciliations_name_sides_rules_and_claims(whole: Workspace) -> None:
    assert whole.reconciliation("payouts") == Reconciliation(
        id="payouts",
        left=Side(sources=("stripe-eu",), kinds=("payout", "payout_reversal"), claim="settlement"),
        right=Side(accounts=("bank/jpy",), entities=("acme-de", "acme-jp"), ledgers=("sap-de",), kinds=("bank_entry",)),
        rules="payout-to-bank",
    )
    assert whole.reconciliation("payouts").built_in
    assert not whole.reconciliation("own").built_in


def test_defaults(tmp_path: Path) -> None:
    workspace = read_workspace(HEAD, tmp_path, {})
    assert workspace.book == f"sqlite:///{tmp_path.as_posix()}/.tieout/book.db"
    assert workspace.lake == f"{tmp_path.as_posix()}/.tieout/lake"
    assert workspace.landing == f"{tmp_path.as_posix()}/.tieout/landing"
    assert (workspace.engine, workspace.name, workspace.entities) == ("duckdb", tmp_path.name, ())


def test_the_only_entity_need_not_be_named(tmp_path: Path) -> None:
    assert read_workspace(ACCOUNT, tmp_path, {}).account("psp-eur").entity == "acme"


@pytest.mark.parametrize("calendar", ["ECB", "XNYS", "NYSE", "DE", "DE-BY", "US-NY", "own", "calendars/own.toml"])
def test_calendars_of_the_library_and_of_the_workspace(calendar: str) -> None:
    workspace = read_workspace(SOURCE + f"calendar = '{calendar}'", FOLDER, {})
    assert workspace.source("psp").calendar == calendar.removeprefix("calendars/").removesuffix(".toml")


@pytest.mark.parametrize(
    ("written", "whole"),
    [
        ("sqlite:////var/book.db", "sqlite:////var/book.db"),
        ("sqlite:///book.db?timeout=5", "sqlite:///{}/book.db?timeout=5"),
        ("postgresql://host/db", "postgresql+psycopg://host/db"),
        ("postgresql+psycopg:///db?host=/run", "postgresql+psycopg:///db?host=/run"),
    ],
)
def test_a_relative_book_lies_in_the_workspace(written: str, whole: str, tmp_path: Path) -> None:
    workspace = read_workspace(HEAD + f"book = '{written}'", tmp_path, {})
    assert workspace.book == whole.format(tmp_path.as_posix())


@pytest.mark.parametrize(
    "name", ["Acme%20Group", "Was?2", "a#b", "a%3Fb", "new\nline", "d\u00e9 b\u00fcro", "a@b:c;d&e"]
)
def test_a_book_lies_in_the_workspace_whatever_its_folder_is_called(name: str, tmp_path: Path) -> None:
    workspace = read_workspace(HEAD, tmp_path / name, {})
    for url, file in ((workspace.book, "book.db"), (workspace.catalog, "catalog.db")):
        parsed = sa.make_url(url)
        assert (parsed.database, dict(parsed.query)) == (str(tmp_path / name / ".tieout" / file), {})


def test_a_folder_whose_name_is_no_text_is_refused_in_one_sentence(tmp_path: Path) -> None:
    folder = tmp_path / os.fsdecode(b"M\xe4rz")
    try:
        folder.mkdir()
    except OSError:
        pytest.skip("this file system takes names in UTF-8 only")
    (folder / "tieout.toml").write_text(HEAD)
    with pytest.raises(
        WrongUse, match=r"expected a folder whose name is written in utf-8, got .*M\\xe4rz: rename the folder$"
    ):
        load_workspace(folder, {})


def test_the_environment_overrides_every_key_of_the_workspace(tmp_path: Path) -> None:
    environ = {
        "TIEOUT_NAME": "Other",
        "TIEOUT_BASE_CURRENCY": "USD",
        "TIEOUT_BOOK": "sqlite:///other.db",
        "TIEOUT_LAKE": "other",
        "TIEOUT_LANDING": "s3://x/y",
        "TIEOUT_ENGINE": "spark",
        "TIEOUT_SAMPLES": "of somebody else",
    }
    workspace = read_workspace(HEAD + "engine = 'nonsense'", tmp_path, environ)
    assert (workspace.name, workspace.base_currency, workspace.engine) == ("Other", "USD", "spark")
    assert workspace.book == f"sqlite:///{tmp_path.as_posix()}/other.db"
    assert (workspace.lake, workspace.landing) == (f"{tmp_path.as_posix()}/other", "s3://x/y")
    assert read_workspace(HEAD, tmp_path, {"TIEOUT_ENGINE": "", "TIEOUT_LAKE": " "}).engine == "duckdb"


@pytest.mark.parametrize(
    ("written", "meant"), [("BOKK", "BOOK"), ("LANDINGS", "LANDING"), ("BASECURRENCY", "BASE_CURRENCY")]
)
def test_a_misspelled_variable_of_the_environment_is_refused(tmp_path: Path, written: str, meant: str) -> None:
    said = f"unknown variable TIEOUT_{written} in the environment; did you mean TIEOUT_{meant}?"
    with pytest.raises(WrongUse, match=re.escape(said)):
        read_workspace(HEAD, tmp_path, {f"TIEOUT_{written}": "x"})


def test_the_process_s_environment_is_the_default(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "tieout.toml").write_text(HEAD)
    monkeypatch.setenv("TIEOUT_NAME", "From outside")
    assert load_workspace(tmp_path).name == "From outside"
    assert load_workspace(tmp_path, {}).name == tmp_path.name


def test_the_digest_tells_what_is_said_not_how_it_is_written_or_where_it_is_kept(tmp_path: Path) -> None:
    digest = read_workspace(ACCOUNT, FOLDER, {}).digest
    same = "# other\n" + ACCOUNT.replace('id = "acme"', "id='acme' # c").replace("\n", "\n\n")
    assert read_workspace(same, FOLDER, {}).digest == digest
    assert read_workspace(ACCOUNT, FOLDER, {"TIEOUT_LAKE": "x", "TIEOUT_ENGINE": "spark"}).digest == digest
    assert read_workspace(ACCOUNT, tmp_path / "elsewhere", {}).digest == digest
    assert read_workspace(ACCOUNT, FOLDER, {"TIEOUT_BASE_CURRENCY": "USD"}).digest != digest
    assert read_workspace(ACCOUNT.replace("stripe.balance", "camt.053"), FOLDER, {}).digest != digest


def test_a_digest_cited_years_ago_is_still_the_digest(whole: Workspace) -> None:
    assert whole.digest == "aa2d6fb55d08ea5ec9db0a3327c2ac9e143a75f3ac4f714323ddb11ee631c77e"


def test_the_nearest_folder_above_is_the_workspace(tmp_path: Path) -> None:
    inner = tmp_path / "group" / "acme"
    (inner / "inbox" / "bank").mkdir(parents=True)
    (tmp_path / "group" / "tieout.toml").touch()
    (inner / "tieout.toml").touch()
    assert find_workspace(inner / "inbox" / "bank") == inner
    assert find_workspace(inner / "tieout.toml") == inner
    assert find_workspace(tmp_path / "group" / "inbox") == tmp_path / "group"
    with pytest.raises(WrongUse, match=r"expected a tieout\.toml in .* or a folder above it, found none: 'tieout init"):
        find_workspace(tmp_path)


def test_a_file_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    with pytest.raises(WrongUse, match=r"expected a readable tieout\.toml in .*No such file"):
        load_workspace(tmp_path, {})
    path = tmp_path / "tieout.toml"
    path.write_bytes(HEAD.encode() + b"name = '\xff'")
    with pytest.raises(WrongUse, match=r"tieout\.toml line 3: expected UTF-8 text, got the byte 0xff"):
        load_workspace(tmp_path, {})
    path.write_bytes(b"#" * (1 << 20) + b"\n")
    with pytest.raises(WrongUse, match="at most 1048576 bytes, got more"):
        load_workspace(tmp_path, {})
    path.unlink()
    path.mkdir()
    with pytest.raises(WrongUse, match=r"expected a readable tieout\.toml in"):
        load_workspace(tmp_path, {})


def test_a_byte_order_mark_and_line_ends_of_windows_are_read(tmp_path: Path) -> None:
    (tmp_path / "tieout.toml").write_bytes(b"\xef\xbb\xbf" + ACCOUNT.replace("\n", "\r\n").encode())
    assert load_workspace(tmp_path, {}).account("psp-eur").currency == "EUR"


def test_something_undeclared_is_refused_with_what_there_is(whole: Workspace) -> None:
    with pytest.raises(
        WrongUse, match=r"expected a declared source, got 'x'; tieout\.toml declares 'stripe-eu', 'bank'"
    ):
        whole.source("x")


def test_a_workspace_cannot_be_changed_and_can_be_a_key(whole: Workspace) -> None:
    assert hash(whole) == hash(whole)
    with pytest.raises(AttributeError):
        whole.name = "other"  # type: ignore[misc]  # that it cannot be changed


def test_nothing_heavy_is_imported() -> None:
    heavy = "{'duckdb', 'pyarrow', 'holidays', 'zoneinfo', 'iso4217', 'sqlglot', 'numpy', 'lxml'}"
    code = f"import sys, tieout.config; print(sorted({heavy} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, env={**os.environ})
    assert done.stdout.strip() == "[]"
