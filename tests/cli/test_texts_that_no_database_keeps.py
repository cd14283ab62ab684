"""A NUL or half a character, wherever it comes from, stops nothing on either database, and is no reason not to move."""

from pathlib import Path

import pytest

from tests.cli.office import Office

FIELDS = (
    ":20:X",
    ":25:12",
    ":28C:1/1",
    ":60F:C261001EUR10,",
    ":61:2610011001C30,NTRFNONREF",
    ":86:a",
    ":62F:C261001EUR40,",
    "-",
)


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.peers)])
def office(request: pytest.FixtureRequest, tmp_path: Path) -> Office:
    office = Office(tmp_path)
    if request.param == "postgresql":
        name_book(office, request.getfixturevalue("fresh_postgres"))
    return office


def name_book(office: Office, url: str) -> None:
    config = office.folder / "tieout.toml"
    config.write_text(config.read_text().replace("[workspace]\n", f'[workspace]\nbook = "{url}"\n'))


def mt940(fill: str) -> str:
    return "".join(f"{field}{fill}\n" for field in FIELDS)


def test_a_statement_of_records_filled_with_nuls_says_what_it_says_without(office: Office) -> None:
    plain, filled = (office.inspected("a.sta", mt940(fill)).said for fill in ("", "\0\0"))
    assert {key: filled[key] for key in ("statements", "records", "totals")} == {
        key: plain[key] for key in ("statements", "records", "totals")
    }
    assert plain["verdict"] == filled["verdict"] == "ok"
    assert office.ingest("nul.sta", mt940("\0\0"), "swift").status in {0, 1}
    known = office.ingest("plain.sta", mt940(""), "swift").said["deliveries"][0]
    assert (known["rows_new"], known["rows_repeated"]) == (0, 1)
    assert office.lost() == []


def test_rows_whose_texts_cannot_be_kept_are_told_and_stop_nothing(office: Office) -> None:
    stripe = (
        '{"id":"txn_SIGN","object":"balance_transaction","amount":1000,"fee":0,"net":1000,"currency":"eur","created":'
    )
    stripe += '1767312000,"available_on":1767571200,"type":"charge","source":"ch_SIGN","description":"SIGN","fee_details":[]}\n'
    config = office.folder / "tieout.toml"
    config.write_text(config.read_text() + '\n[[source]]\nid = "api"\nformat = "stripe.objects"\n')
    lines = "".join(stripe.replace("SIGN", sign) for sign in (r"\u0000", r"\ud800", r"\udc00"))
    told = office.ingest("objects.jsonl", lines, "api").said["deliveries"][0]
    assert (told["state"], told["rows_new"]) == ("accepted", 3)
    assert office.table("a\0b,charge,1.00,EUR,01.10.2026,x", "c,charge,1.00,EUR,01.10.2026,x").status == 1
    assert [row["line"] for row in office.quarantined()] == [2]
    assert office.lost() == []


@pytest.mark.parametrize("odd", ["a\0b", "a\udcffb", "a\ud83d"])
def test_what_somebody_typed(office: Office, odd: str) -> None:
    office.ingest("gap.sta", mt940("").replace("EUR40,", "EUR41,"), "swift")
    delivery = office.deliveries()[0].delivery_id
    assert office.run("replay", delivery, "--reason", odd).status == 1
    exception = office.run("--json", "exceptions").said["exceptions"][0]["exception_id"]
    assert office.run("resolve", exception, "--assign", odd, "--reason", odd).status == 0
    resolved = office.run("resolve", exception, "--reason", odd)
    assert resolved.status == 0, resolved
    for command in ("explain", "deliveries", "quarantine"):
        answer = office.run(command, *([odd] if command == "explain" else []))
        assert answer.status in {0, 1, 2}, answer
    assert office.lost() == []


def test_a_book_with_them_moves(tmp_path: Path, request: pytest.FixtureRequest) -> None:
    office = Office(tmp_path)
    office.ingest("nul.sta", mt940("\0"), "swift")
    office.run("replay", office.deliveries()[0].delivery_id, "--reason", "a\0b")
    url = request.getfixturevalue("fresh_postgres")
    moved = office.run("book", "move", url)
    assert moved.status == 0, moved.err
    name_book(office, url)
    assert office.lost() == []
