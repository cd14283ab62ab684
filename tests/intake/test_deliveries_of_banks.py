"""What banks and people really deliver, in every order: nothing twice, nothing lost, no false gap; laws 2, 4 and 5."""

import itertools
from pathlib import Path
from typing import Any

import pytest

from tests.depth import some_of
from tests.intake.conftest import Desk
from tieout.config import load_workspace

IBAN = "DE89370400440532013000"
SOURCES = """
[[entity]]
id = "beta"
name = "Beta"
currency = "EUR"

[[source]]
id = "mt940"
format = "mt940"
entity = "acme"

[[source]]
id = "beta-bank"
format = "mt940"
entity = "beta"
"""
BOTH_CURRENCIES = "".join(
    f'\n[[account]]\nid = "main-{currency.lower()}"\nsource = "mt940"\nnumber = "4711"\ncurrency = "{currency}"\nkind = "bank"\n'
    for currency in ("EUR", "USD")
)

Entry = tuple[int, str, str]


def mt940(
    number: str, opening: int, days: tuple[str, str], *entries: Entry, account: str = IBAN, currency: str = "EUR"
) -> bytes:
    """A statement that closes, from the day of its opening balance to that of its closing one."""

    def balance(day: str, minor: int) -> str:
        return f"{'D' if minor < 0 else 'C'}{day}{currency}{abs(minor) // 100},{abs(minor) % 100:02d}"

    lines = "".join(
        f":61:{day}{'D' if minor < 0 else 'C'}{abs(minor) // 100},{abs(minor) % 100:02d}NMSCNONREF\r\n:86:{text}\r\n"
        for minor, text, day in entries
    )
    closing = opening + sum(minor for minor, _, _ in entries)
    return (
        f":20:S\r\n:25:{account}\r\n:28C:{number}\r\n:60F:{balance(days[0], opening)}\r\n{lines}"
        f":62F:{balance(days[1], closing)}\r\n-\r\n"
    ).encode()


def open_desk(folder: Path, more: str = "") -> Desk:
    desk = Desk(folder)
    toml = desk.folder / "tieout.toml"
    toml.write_text(toml.read_text().replace("\nformat = ", '\nentity = "acme"\nformat = ') + SOURCES + more)
    desk.workspace = load_workspace(desk.folder, {})
    return desk


def coffee(day: str) -> Entry:
    return (-300, "coffee", day)


CASES: dict[str, tuple[list[tuple[str, bytes]], int]] = {
    "numbers start again with the year": (
        [
            ("mt940", mt940("250/1", 1000, ("261230", "261231"), coffee("261231"))),
            ("mt940", mt940("1/1", 700, ("261231", "270102"), coffee("270102"))),
            ("mt940", mt940("2/1", 400, ("270102", "270103"), coffee("270102"))),
        ],
        3,
    ),
    "numbers start again with the month": (
        [
            ("mt940", mt940("1", 1000, ("260930", "261001"), coffee("261001"))),
            ("mt940", mt940("2", 700, ("261001", "261031"), coffee("261031"))),
            ("mt940", mt940("1", 400, ("261031", "261101"), coffee("261101"))),
        ],
        3,
    ),
    "a weekend of statements without entries": (
        [
            ("mt940", mt940("10", 1000, ("261001", "261002"), coffee("261002"))),
            ("mt940", mt940("11", 700, ("261002", "261003"))),
            ("mt940", mt940("12", 700, ("261003", "261004"))),
            ("mt940", mt940("13", 700, ("261004", "261005"), coffee("261005"))),
        ],
        2,
    ),
    "one series of numbers for two currencies": (
        [
            ("mt940", mt940("1", 1000, ("260930", "261001"), coffee("261001"))),
            ("mt940", mt940("2", 1000, ("261001", "261002"), coffee("261002"), currency="USD")),
            ("mt940", mt940("3", 700, ("261001", "261003"), coffee("261003"))),
        ],
        3,
    ),
    "accounts of two entities with one number": (
        [
            ("mt940", mt940("7", 1000, ("260930", "261001"), coffee("261001"), account="4711")),
            ("beta-bank", mt940("7", 5000, ("260930", "261001"), coffee("261001"), account="4711")),
        ],
        2,
    ),
    "exports that overlap": (
        [
            ("mt940", mt940("0", 1000, ("261001", "261020"), coffee("261015"))),
            ("mt940", mt940("0", 1000, ("261001", "261026"), coffee("261015"), (-500, "rent", "261024"))),
            ("mt940", mt940("0", 700, ("261020", "261026"), (-500, "rent", "261024"))),
        ],
        2,
    ),
    "leap days": (
        [
            ("mt940", mt940("59", 1000, ("280227", "280228"), coffee("280228"))),
            ("mt940", mt940("60", 700, ("280228", "280229"), coffee("280229"))),
            ("mt940", mt940("61", 400, ("280229", "280301"), coffee("280301"))),
        ],
        3,
    ),
    "two statements of one day under one number": (
        [
            ("mt940", mt940("1", 1000, ("261001", "261001"), coffee("261001"))),
            ("mt940", mt940("1", 700, ("261001", "261001"), (-200, "tea", "261001"))),
            ("mt940", mt940("1", 500, ("261001", "261001"), (-100, "bread", "261001"))),
        ],
        3,
    ),
}


@pytest.mark.parametrize("case", some_of(CASES, 4))
def test_every_order_gives_the_same_records_and_needs_nobody(tmp_path: Path, case: str) -> None:
    deliveries, count = CASES[case]
    states: list[Any] = []
    for order in some_of(itertools.permutations(deliveries), 6):
        desk = open_desk(tmp_path / str(len(states)))
        for source, data in order:
            desk.deliver_bytes(data, source)
        assert desk.findings() == []
        states.append(desk.records("account_id", "booked_on", "amount", "text", "record_id"))
        desk.store.close()
    assert len(states[0]) == count
    assert all(state == states[0] for state in states)


def test_an_account_number_of_two_currencies_declared_later_keeps_both_histories(tmp_path: Path) -> None:
    desk = open_desk(tmp_path / "w")
    desk.deliver_bytes(mt940("1", 1000, ("260930", "261001"), coffee("261001"), account="4711"), "mt940")
    desk.deliver_bytes(mt940("2", 900, ("261001", "261002"), account="4711", currency="USD"), "mt940")
    toml = desk.folder / "tieout.toml"
    toml.write_text(toml.read_text() + BOTH_CURRENCIES)
    desk.workspace = load_workspace(desk.folder, {})
    desk.deliver_bytes(mt940("3", 700, ("261001", "261003"), coffee("261003"), account="4711"), "mt940")
    assert desk.findings() == []
    again = mt940("1", 1000, ("260930", "261001"), (-500, "rent", "261001"), account="4711")
    desk.deliver_bytes(again, "mt940")
    assert desk.records("account_id", "text") == [("main-eur", "coffee"), ("main-eur", "rent")]
    desk.store.close()
