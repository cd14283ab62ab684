"""A party is one by what it is called: in Python, and in the engine that tells a million of them apart."""

import pytest

from tieout.model.parties import party_id
from tieout.store.engine import connect

TOLD = [
    ("bank", "Müller & Co. KG", None),
    ("bank", "MUELLER CO KG", "DE89370400440532013000"),
    ("bank", None, "DE89370400440532013000"),
    ("bank", "...", "DE89370400440532013000"),
    ("bank", "", None),
    ("erp", None, None),
    ("erp", "株式会社", None),
    ("erp", "000815", "x"),
]


@pytest.mark.parametrize(("system", "name", "account"), TOLD)
def test_the_engine_names_a_party_as_the_model_does(system: str, name: str | None, account: str | None) -> None:
    (told,) = connect().execute("select party_of($1, $2, $3)", [system, name, account]).fetchall()
    assert told == (party_id(system, name, account),)


def test_spellings_are_one_party_of_a_system_and_systems_are_apart() -> None:
    named = party_id("bank", "Acme, Inc.", None)
    assert named is not None
    assert len(named) == 16
    assert party_id("bank", "ACME INC", "DE1") == named
    assert party_id("bank", "Acme Ltd", None) != named
    assert party_id("erp", "Acme, Inc.", None) != named
    assert party_id("bank", None, "DE1") != party_id("bank", None, "DE2")
    assert party_id("bank", None, None) is None
