"""Which account a line belongs to: declared ones win, and an undeclared one never slips in beside them."""

import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tieout.config import Account, Workspace, account_for, clean_number, read_workspace
from tieout.config.accounts import beside
from tieout.errors import WrongUse

IBAN = "DE89370400440532013000"
OTHER_IBAN = "NL20INGB0001234567"


def account(name: str, source: str | None = None, currency: str = "EUR", numbers: str = "", **more: str) -> str:
    keys = {"id": name, "currency": currency, **({"source": source} if source else {}), **more}
    further = f"numbers = {numbers.split()}\n" if numbers else ""
    return "[[account]]\n" + "".join(f'{key} = "{value}"\n' for key, value in keys.items()) + further


def workspace(accounts: str) -> Workspace:
    text = (
        '[workspace]\nbase_currency = "EUR"\n[[entity]]\nid = "acme"\ncurrency = "GBP"\n'
        + "".join(f'[[source]]\nid = "{name}"\nformat = "x"\n' for name in ("psp", "bank", "intraday"))
        + '[[source]]\nid = "tokyo"\nformat = "x"\ntimezone = "Asia/Tokyo"\ncurrency = "JPY"\ncalendar = "JP"\n'
    )
    return read_workspace(text + accounts, Path("/nowhere"), {})


def found(accounts: str, source: str, number: str | None, currency: str | None) -> Account | None:
    return account_for(workspace(accounts), source, number, currency)


def identity(accounts: str, source: str, number: str | None, currency: str | None) -> str | None:
    account = found(accounts, source, number, currency)
    return account.id if account else None


BANK = account("bank-eur", "bank", number="de89 3704 0044 0532 0130 00")


@pytest.mark.parametrize("number", [IBAN, IBAN.lower(), " DE89 3704 0044 0532 0130 00 ", IBAN + "EUR"])
def test_an_iban_is_found_whatever_its_blanks_and_case(number: str) -> None:
    assert identity(BANK, "bank", number, "EUR") == "bank-eur"


def test_another_source_that_carries_the_same_iban_carries_the_same_account() -> None:
    assert identity(BANK, "intraday", IBAN, "EUR") == "bank-eur"
    assert identity(BANK + account("other", "intraday"), "intraday", IBAN, "EUR") == "bank-eur"


def test_a_number_that_is_no_iban_belongs_to_its_source_only() -> None:
    declared = account("bank-eur", "bank", number="12345")
    assert identity(declared, "bank", "12 345", "EUR") == "bank-eur"
    found_account = found(declared, "intraday", "12345", "EUR")
    assert found_account is not None
    assert not found_account.declared


def test_an_account_without_source_is_found_by_its_number_wherever_it_comes() -> None:
    assert identity(account("anywhere", number="12345"), "bank", "12345", "EUR") == "anywhere"
    both = account("anywhere", number="12345") + account("here", "bank", number="12345")
    assert identity(both, "bank", "12345", "EUR") == "here"


def test_a_number_with_several_currencies_is_an_account_each() -> None:
    declared = BANK + account("bank-usd", "bank", "USD", number=IBAN)
    assert identity(declared, "bank", IBAN, "EUR") == "bank-eur"
    assert identity(declared, "bank", IBAN, "USD") == "bank-usd"
    assert identity(declared, "bank", IBAN, None) is None
    assert identity(BANK, "bank", IBAN, None) == "bank-eur"


def test_an_undeclared_account_beside_a_declared_one_is_unknown() -> None:
    assert identity(BANK, "bank", OTHER_IBAN, "EUR") is None
    assert identity(BANK, "bank", IBAN, "USD") is None
    assert identity(BANK, "bank", None, "USD") is None


def test_a_file_without_number_means_the_only_account_of_its_currency() -> None:
    psp = account("psp-eur", "psp", number="acct_1") + account("psp-usd", "psp", "USD", number="acct_1")
    assert identity(psp, "psp", None, "EUR") == "psp-eur"
    assert identity(psp, "psp", " ", "USD") == "psp-usd"
    assert identity(psp + account("second", "psp", number="acct_2"), "psp", None, "EUR") is None


def test_an_account_without_number_takes_what_no_number_claims() -> None:
    declared = account("named", "psp", number="acct_1") + account("rest", "psp")
    assert identity(declared, "psp", "acct_1", "EUR") == "named"
    assert identity(declared, "psp", "acct_9", "EUR") == "rest"
    assert identity(declared, "psp", None, "EUR") == "rest"
    assert identity(declared + account("rest-2", "psp"), "psp", "acct_9", "EUR") is None


def test_reserves_and_cash_in_transit_stand_aside() -> None:
    declared = account("main", "psp", kind="platform") + account("held", "psp", kind="reserve")
    assert identity(declared, "psp", None, "EUR") == "main"
    usd = account("main", "psp", "USD", kind="platform") + account("way", "psp", kind="in_transit")
    assert identity(usd, "psp", None, "EUR") is None
    assert identity(account("held", "psp", kind="reserve"), "psp", None, "EUR") == "held"
    same = account("main", "psp", number="M1", kind="platform") + account("held", "psp", number="M1", kind="reserve")
    assert identity(same, "psp", "M1", "EUR") == "main"


def test_beside_what_is_of_a_source_stands_the_account_of_that_source() -> None:
    def way(accounts: str, *sources: str | None, currency: str = "EUR") -> str | None:
        one = beside(workspace(accounts), ("in_transit",), "acme", currency, *sources)
        return one.id if one else None

    own = account("way-psp", "psp", kind="in_transit")
    assert [way(own, source) for source in ("psp", "bank")] == ["way-psp", "way-psp"]
    assert way(own, "psp", currency="USD") is None
    two = own + account("way-tokyo", "tokyo", kind="in_transit")
    assert [way(two, "bank", source) for source in ("psp", "tokyo", None)] == ["way-psp", "way-tokyo", None]


def test_without_a_declared_account_a_source_brings_its_own() -> None:
    assert found("", "tokyo", None, None) == Account(
        id="tokyo/JPY",
        entity="acme",
        currency="JPY",
        source="tokyo",
        timezone="Asia/Tokyo",
        calendar="JP",
        declared=False,
    )
    assert identity("", "bank", "de89 3704 0044 0532 0130 00", "EUR") == IBAN
    assert identity("", "bank", "12345/67", "EUR") == "12345/67"
    assert identity("", "bank", None, "USD") == "bank/USD"
    assert identity("", "bank", None, None) == "bank/GBP"


def test_an_account_of_another_source_does_not_close_this_one() -> None:
    assert identity(BANK, "psp", None, "EUR") == "psp/EUR"


def test_an_iban_declared_for_two_sources_is_refused() -> None:
    with pytest.raises(WrongUse, match=r"expected one \[\[account\]\] for EUR of a number, got a second, 'again'"):
        found(BANK + account("again", "intraday", number=IBAN), "bank", IBAN, "EUR")


def test_a_source_that_is_not_declared_is_refused() -> None:
    with pytest.raises(WrongUse, match="expected a declared source, got 'nobody'"):
        found("", "nobody", IBAN, "EUR")


@given(st.text(max_size=40))
def test_a_cleaned_number_stays_clean_and_an_undeclared_account_is_its_own_number(number: str) -> None:
    clean = clean_number(number)
    assert clean_number(clean) == clean
    assert identity("", "bank", number, "EUR") == (clean or "bank/EUR")


@given(
    st.permutations([BANK, account("usd", "bank", "USD"), account("eur", "bank"), account("psp", "psp")]),
    st.sampled_from(["bank", "psp", "intraday", "tokyo"]),
    st.sampled_from([IBAN, OTHER_IBAN, None]),
    st.sampled_from(["EUR", "USD", "JPY", None]),
)
def test_the_order_of_declarations_does_not_matter(
    accounts: list[str], source: str, number: str | None, currency: str | None
) -> None:
    straight = found("".join(sorted(accounts)), source, number, currency)
    assert found("".join(accounts), source, number, currency) == straight


def test_a_further_number_means_the_account_whichever_source_calls_it_so() -> None:
    declared = account("giro", "bank", number=IBAN, numbers="37040044/0532013000 4711")
    for source, number in [
        ("bank", "4711"),
        ("intraday", "4711"),
        ("intraday", "37040044/0532013000"),
        ("tokyo", "4711EUR"),
    ]:
        assert identity(declared, source, number, "EUR") == "giro"
    assert identity(declared, "intraday", "4711", "USD") == "4711"
    own = account("own", "intraday", number="4711")
    assert identity(declared + own, "intraday", "4711", "EUR") == "own"
    assert identity(declared + own, "tokyo", "4711", "EUR") == "giro"


@pytest.mark.parametrize(
    ("accounts", "sentence"),
    [
        (account("a", numbers="4711"), "expected 'number' beside 'numbers' in [[account]] 'a'"),
        (account("a", number="4711", numbers="4711"), "expected each number once in [[account]] 'a', got '4711' again"),
        (account("a", number="1", numbers="4711") + account("b", number="4711"), "got a second, 'b'"),
        (
            account("a", number="1", numbers="4711") + account("b", "bank", number="2", numbers="4711"),
            "got a second, 'b'",
        ),
        (account("a", number=IBAN) + account("b", number="2", numbers=IBAN), "got a second, 'b'"),
    ],
)
def test_a_number_that_could_mean_two_accounts_is_refused(accounts: str, sentence: str) -> None:
    with pytest.raises(WrongUse, match=re.escape(sentence)):
        found(accounts, "bank", "1", "EUR")
