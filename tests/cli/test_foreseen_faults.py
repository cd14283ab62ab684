"""Faults that the mapping and tieout.toml show by themselves: exit 2 with file and key, before anything is kept."""

from pathlib import Path

import pytest

from tests.cli.office import HEADER, MAPPING, TOML, Office

ROW = "a,charge,1.00,EUR,01.10.2026,fine"
ACCOUNT = '\n[[account]]\nid = "psp-{0}"\nsource = "psp"\ncurrency = "{0}"\n'
BOOKED = "booked_on = \"strptime(day, '%d.%m.%Y')::date\"\n"
CURRENCY = 'currency = "upper(ccy)"\n'


@pytest.fixture
def office(tmp_path: Path) -> Office:
    return Office(tmp_path)


def faults() -> dict[str, tuple[str, str]]:
    """A mapping, and what is said of it, by what is wrong with it."""
    kinds = '\n[kinds]\nsale = "charge"\nask = "order"\n'
    no_day = MAPPING.replace(BOOKED, "")
    fixed = 'fixed = [{ name = "id", start = 1, length = 2 }]\n'
    positions = MAPPING.replace('"csv"', '"fixed"').replace('identify = ["id", "type", "gross", "day"]\n', fixed)
    headless = MAPPING.replace('"csv"', '"csv"\ncsv = { header = false }\ncolumns = ["id", "kind"]')
    return {
        "a sheet of a file that has none": (
            MAPPING.replace('"csv"\n', '"csv"\nsheet = "Data"\n'),
            "line 4: [mapping] sheet: expected none beside format 'csv', as only 'xlsx' has it, got one",
        ),
        "positions of a file that has delimiters": (
            MAPPING.replace('"csv"\n', '"csv"\n' + fixed),
            "line 4: [mapping] fixed: expected none beside format 'csv', as only 'fixed' has it, got one",
        ),
        "no currency": (MAPPING.replace(CURRENCY, ""), "line 6: [fields] currency: expected a field currency, or `cur"),
        "one kind without its day": (
            no_day.replace('"type"\na', "\"'charge'\"\na"),
            "line 8: [fields] kind: kind charge requires booked_on, expected in [fields], got none",
        ),
        "a word whose rows would all be quarantined": (
            no_day + kinds,
            "line 14: [kinds] sale: kind charge requires booked_on, expected in [fields], got none",
        ),
        "a kind that does not exist": (
            MAPPING.replace('kind = "type"', "kind = \"'sale'\""),
            "line 8: [fields] kind: expected a kind or a word of [kinds], got 'sale'",
        ),
        "a currency that does not exist": (
            MAPPING.replace('"upper(ccy)"', "\"'EURO'\""),
            "line 10: [fields] currency: expected an ISO 4217 currency such as EUR, got 'EURO'",
        ),
        "a status that does not exist": (
            MAPPING + "status = \"'done'\"\n",
            "line 13: [fields] status: expected booked, pending or provisional, got 'done'",
        ),
        "a column that its positions lack": (positions, "[mapping] fixed: expected a column 'ccy', got none"),
        "a column that its names lack": (headless, "[mapping] columns: expected a column 'ccy', got none"),
    }


@pytest.mark.parametrize("what", faults())
def test_it_is_said_before_anything_is_kept(what: str, office: Office) -> None:
    mapping, said = faults()[what]
    office.write_mapping(mapping)
    answer = office.table(ROW)
    assert answer.status == 2, answer
    assert answer.err.startswith("tieout: mappings/psp.toml ")
    assert said in answer.err
    assert office.deliveries() == []


def test_a_replay_is_refused_by_them_too_and_what_stood_stands(office: Office) -> None:
    [told] = office.table(ROW).said["deliveries"]
    office.write_mapping(faults()["no currency"][0])
    assert office.run("replay", told["delivery_id"], "--reason", "to see").status == 2
    assert [row.rows_new for row in office.deliveries()] == [1]
    assert office.run("verify").status == 0


@pytest.mark.parametrize(
    ("toml", "status"),
    [
        (TOML + 'currency = "EUR"\n', 0),
        (TOML + ACCOUNT.format("EUR"), 0),
        (TOML + 'currency = "EUR"\n' + ACCOUNT.format("USD"), 1),
        (TOML + ACCOUNT.format("EUR") + ACCOUNT.format("USD"), 2),
    ],
)
def test_the_currency_may_stand_with_the_source_or_its_accounts(toml: str, status: int, office: Office) -> None:
    (office.folder / "tieout.toml").write_text(toml)
    office.write_mapping(MAPPING.replace(CURRENCY, ""))
    assert office.table(ROW).status == status
    assert office.run("verify").status == 0


def test_kinds_that_need_less_ask_for_less(office: Office) -> None:
    office.write_mapping(MAPPING.replace(BOOKED, "") + '\n[kinds]\ncharge = "order"\n')
    assert office.table(ROW).status == 0


@pytest.mark.parametrize(
    ("key", "expression"),
    [
        ("text", "current_date"), ("text", "localtimestamp"), ("text", "CURRENT_TIMESTAMP"),
        ("text", "case when id = '1' then note else current_role end"), ("value_on", "current_date"),
    ],
)  # fmt: skip
@pytest.mark.parametrize("named", [True, False])
def test_a_function_is_no_column_unless_the_file_has_one(
    office: Office, key: str, expression: str, named: bool
) -> None:
    mapping = MAPPING.replace('text = "note"\n', "") + f'{key} = "{expression}"\n'
    line = mapping.splitlines().index(f'{key} = "{expression}"') + 1
    office.write_mapping(mapping)
    path = office.files / "psp.csv"
    path.write_text(f"{HEADER}\n{ROW}\n", encoding="utf-8")
    answer = office.run("--json", "ingest", path, *(["--source", "psp"] if named else []))
    name = next(word for word in expression.split() if "_" in word or word.startswith("local")).lower()
    place = (
        f"tieout: mappings/psp.toml line {line}: [fields] {key}: the function {name} is not allowed in an expression"
    )
    assert (answer.status, answer.out) == (2, "")
    assert answer.err.startswith(place)
    assert "psp.csv has no column of that name" in answer.err
    assert office.deliveries() == []


@pytest.mark.parametrize("expression", ["current_date", '\\"current_date\\"', "Current_Date"])
def test_a_column_may_be_called_as_a_function_is(office: Office, expression: str) -> None:
    office.write_mapping(MAPPING.replace('text = "note"', f'text = "{expression}"'))
    answer = office.ingest("psp.csv", f"{HEADER},current_date\n{ROW},2026-10-02\n", "psp")
    assert (answer.status, answer.err) == (0, "")


@pytest.mark.parametrize(
    ("expression", "header"),
    [('\\"current_date\\"', HEADER), ("user", HEADER), ("current_date", HEADER.replace("gross", "amount"))],
)
def test_a_file_that_lacks_a_column_is_at_fault_itself(office: Office, expression: str, header: str) -> None:
    office.write_mapping(MAPPING.replace('text = "note"', f'text = "{expression}"'))
    answer = office.ingest("psp.csv", f"{header}\n{ROW}\n", "psp")
    assert answer.status == 3
    assert "expected a column" in answer.err


def test_whatever_a_file_says_is_not_foreseen(office: Office) -> None:
    """Words of the file may be kinds themselves: nothing certain can be said before it is read."""
    office.write_mapping(MAPPING.replace(BOOKED, ""))
    [told] = office.ingest("a.csv", f"{HEADER}\n{ROW}\nb,order,1.00,EUR,01.10.2026,x\n", "psp").said["deliveries"]
    assert (told["rows_new"], told["rows_quarantined"]) == (1, 1)
