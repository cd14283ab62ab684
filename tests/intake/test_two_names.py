"""One German account, its IBAN in XML, bank code and account number in SWIFT lines: laws 2 and 4."""

import itertools
from pathlib import Path

import pytest
import sqlalchemy as sa
from stdnum import iban

from tests.intake.test_deliveries_of_banks import mt940, open_desk
from tieout.config import load_workspace
from tieout.intake.accept import accept
from tieout.intake.two_names import german_iban
from tieout.store import schema

IBAN, SHORT = "DE89370400440532013000", "37040044/532013000"
FILES = {
    "iban.sta": mt940("1", 1000, ("261001", "261001"), (-300, "coffee", "261001"), account=IBAN),
    "number.sta": mt940("1", 1000, ("261001", "261001"), (-300, "coffee", "261001"), account=SHORT),
}
DECLARED = f"""
[[account]]
id = "giro"
entity = "acme"
number = "{IBAN}"
numbers = ["{SHORT}"]
currency = "EUR"
"""


@pytest.mark.parametrize(
    ("number", "whole"),
    [
        (IBAN, IBAN),
        ("37040044/0532013000", IBAN),
        (SHORT, IBAN),
        ("50010517/648489890", "DE12500105170648489890"),
        ("37040044/05320130001", None),
        ("NL20INGB0001234567", None),
        ("4711", None),
    ],
)
def test_a_german_iban_is_bank_code_and_account_number(number: str, whole: str | None) -> None:
    assert german_iban(number) == whole
    assert whole is None or iban.is_valid(whole)


@pytest.mark.parametrize("order", list(itertools.permutations(FILES)))
def test_two_names_are_said_in_any_order_and_a_declaration_makes_them_one(
    order: tuple[str, ...], tmp_path: Path
) -> None:
    desk = open_desk(tmp_path)
    for name in order:
        desk.deliver_bytes(FILES[name], "mt940", name)
    [(reason, note)] = desk.findings()
    assert reason == "master_data"
    assert f"got {SHORT} and {IBAN}" in note
    assert f'number = "{IBAN}", numbers = ["{SHORT}"]' in note
    toml = desk.folder / "tieout.toml"
    toml.write_text(toml.read_text() + DECLARED)
    desk.workspace = load_workspace(desk.folder, {})
    with desk.store.book.reading() as connection:
        landed = connection.execute(sa.select(schema.delivery.c.delivery_id)).scalars().all()
    for delivery in landed:
        accept(desk.store, desk.workspace, delivery, replay="declared")
    assert desk.findings() == []
    assert desk.records("account_id", "amount") == [("giro", -300)]
    desk.store.close()


@pytest.mark.parametrize("declared", [IBAN, SHORT])
def test_a_declared_account_is_known_before_anything_of_it_came(declared: str, tmp_path: Path) -> None:
    other = FILES["number.sta"] if declared == IBAN else FILES["iban.sta"]
    desk = open_desk(
        tmp_path, f'\n[[account]]\nid = "giro"\nsource = "bank"\nnumber = "{declared}"\ncurrency = "EUR"\n'
    )
    desk.deliver_bytes(other, "beta-bank" if declared == IBAN else "mt940", "other.sta")
    [(_, note)] = desk.findings()
    assert f"numbers = [\"{SHORT if declared == IBAN else IBAN}\"] in [[account]] 'giro'" in note
    desk.store.close()
