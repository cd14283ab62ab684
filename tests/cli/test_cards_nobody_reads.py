"""A full card number does not stay where nobody reads it: columns, sheets and objects that are passed over."""

import datetime as dt
import io
import json

import openpyxl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from tests.cli.office import MAPPING, Office
from tests.cli.test_card_numbers import CARD, MASKED, SPACED, office

__all__ = ["office"]


def typed_table(**beside: list[object]) -> dict[str, list[object]]:
    """Two good rows as columns, and columns beside them."""
    return {
        "id": ["c1", "c2"],
        "type": ["charge", "charge"],
        "gross": ["10.00", "20.00"],
        "ccy": ["EUR", "EUR"],
        "day": ["01.10.2026", "01.10.2026"],
        "note": ["fine", None],
        **beside,
    }


def typed_file(kind: str, columns: dict[str, list[object]]) -> bytes:
    rows = [dict(zip(columns, values, strict=True)) for values in zip(*columns.values(), strict=True)]
    if kind == "jsonl":
        return "".join(json.dumps(row) + "\n" for row in rows).encode()
    out = io.BytesIO()
    if kind == "parquet":
        pq.write_table(pa.table(columns), out, compression="none")
        return out.getvalue()
    book = openpyxl.Workbook()
    assert book.active is not None
    for line in (list(columns), *(list(row.values()) for row in rows)):
        book.active.append(line)
    book.save(out)
    return out.getvalue()


BESIDE: dict[str, list[object]] = {
    "text": [f"card {CARD}", "none"],
    "number": [int(CARD), 3],
    "float": [float(CARD), None],
    "structure": [{"card": {"number": CARD}}, None],
    "list": [["none", CARD], []],
    "list of structures": [[{"number": f"x {CARD}"}], None],
    "bytes": [CARD.encode(), b"none"],
}
NESTED = ("structure", "list", "list of structures")


@pytest.mark.parametrize(
    ("kind", "what", "details"),
    [
        *[("parquet", what, "details = []") for what in BESIDE],
        *[("jsonl", what, "details = []") for what in ("text", "number", *NESTED)],
        *[("xlsx", what, "details = []") for what in ("text", "number")],
        # What stands in the details was looked through before, but had no copy that could be read.
        ("parquet", "number", ""),
        ("parquet", "structure", ""),
        ("jsonl", "number", ""),
        ("jsonl", "text", "where = \"type <> 'failed'\"\ndetails = []"),
    ],
)
def test_a_card_number_in_a_column_that_no_mapping_names_does_not_stay(
    kind: str, what: str, details: str, office: Office
) -> None:
    office.write_mapping(MAPPING.replace('"csv"', f'"{kind}"', 1).replace("identify", f"{details}\nidentify", 1))
    answer = office.ingest(f"cards.{kind}", typed_file(kind, typed_table(beside=BESIDE[what])), "psp")
    assert answer.status == 1, answer
    [told] = answer.said["deliveries"]
    assert (told["rows_new"], told["rows_quarantined"]) == (2, 0)
    assert "a copy without it was kept and the original destroyed" in told["reason"]
    [kept] = office.landed()
    assert shown(kind, kept).count(MASKED) == 1
    assert CARD not in shown(kind, kept)
    assert office.lost() == []


@pytest.mark.parametrize("where", ["another sheet", "a cell behind the header"])
def test_a_card_number_in_what_of_a_workbook_is_no_column_does_not_stay(where: str, office: Office) -> None:
    office.write_mapping(MAPPING.replace('"csv"', '"xlsx"', 1))
    book = openpyxl.load_workbook(io.BytesIO(typed_file("xlsx", typed_table())))
    assert book.active is not None
    if where == "another sheet":
        book.create_sheet("notes").append(["paid", int(CARD), 7, dt.date(2026, 10, 1)])
    else:
        book.active["Z3"] = f"card {CARD}"
    out = io.BytesIO()
    book.save(out)
    answer = office.ingest("cards.xlsx", out.getvalue(), "psp")
    assert answer.status == 1, answer
    assert answer.said["deliveries"][0]["rows_new"] == 2
    [kept] = office.landed()
    texts = str([list(sheet.values) for sheet in openpyxl.load_workbook(io.BytesIO(kept))])
    assert MASKED in texts
    assert CARD not in texts


def shown(kind: str, content: bytes) -> str:
    if kind == "parquet":
        return str(pq.read_table(io.BytesIO(content)).to_pylist())
    if kind == "jsonl":
        return str([json.loads(line) for line in content.splitlines()])
    book = openpyxl.load_workbook(io.BytesIO(content))
    assert book.active is not None
    return str(list(book.active.iter_rows(values_only=True)))


@pytest.mark.parametrize("kind", ["jsonl", "xlsx", "parquet"])
def test_identifiers_in_a_column_that_no_mapping_names_stay(kind: str, office: Office) -> None:
    """One in ten passes by chance."""
    office.write_mapping(MAPPING.replace('"csv"', f'"{kind}"', 1).replace("identify", "details = []\nidentify", 1))
    table = typed_table()
    for name, values in table.items():
        table[name] = [f"c{n}" for n in range(20)] if name == "id" else [values[0]] * 20
    content = typed_file(kind, {**table, "order": [str(int(CARD) + 7 * n) for n in range(20)]})
    assert office.ingest(f"orders.{kind}", content, "psp").status == 0
    assert office.landed() == [content]


@pytest.mark.parametrize("kind", ["jsonl", "xlsx"])
def test_what_cannot_be_kept_in_a_column_that_no_mapping_names_sets_no_row_aside(kind: str, office: Office) -> None:
    office.write_mapping(MAPPING.replace('"csv"', f'"{kind}"', 1).replace("identify", "details = []\nidentify", 1))
    lost: list[object] = ["half \ud83d", "\0"] if kind == "jsonl" else [1.2345678901234567e17, 0.12345678901234567]
    answer = office.ingest(f"odd.{kind}", typed_file(kind, typed_table(beside=lost)), "psp")
    assert answer.status == 0, answer
    assert answer.said["deliveries"][0]["rows_new"] == 2


API_CHARGE = {
    "id": "ch_1", "object": "charge", "amount": 1000, "amount_captured": 1000, "captured": True, "created": 1767312000,
    "currency": "eur", "paid": True, "payment_intent": "pi_1", "status": "succeeded", "balance_transaction": "txn_1",
    "metadata": {"order": "order 27"},
}  # fmt: skip


def event(item: object, **beside: object) -> dict[str, object]:
    data = {"object": item, **beside}
    return {"id": "evt_1", "object": "event", "created": 1767312001, "api_version": "2020-08-27", "data": data}


PASSED_OVER: dict[str, object] = {
    "what it was before": event(API_CHARGE, previous_attributes={"description": f"paid by {CARD}"}),
    "what its metadata were before": event(API_CHARGE, previous_attributes={"metadata": {"pan": CARD}}),
    "a customer": event({"id": "cus_1", "object": "customer", "description": f"card {SPACED}"}),
    "a customer's metadata": event({"id": "cus_1", "object": "customer", "metadata": {"pan": CARD, "tier": "gold"}}),
    "a number": event({"id": "cus_1", "object": "customer", "x": {"pan": int(CARD)}}),
    "an intent": event({"id": "pi_1", "object": "payment_intent", "amount": 1000, "description": f"card {CARD}"}),
    "a list": event({"id": "in_1", "object": "invoice", "custom_fields": [{"name": "paid", "value": CARD}]}),
    "the source of a charge": {**API_CHARGE, "source": {"id": "card_1", "object": "card", "name": CARD}},
    "a name of a key": event({"id": "cus_1", "object": "customer", "preferences": {f"card {CARD}": None}}),
    "a balance": {"object": "balance", "available": [], "pending": [], "note": CARD},
    "an object at fault": {**API_CHARGE, "amount": "much", "description": f"card {CARD}"},
}


@pytest.fixture
def stripe(office: Office) -> Office:
    toml = office.folder / "tieout.toml"
    toml.write_text(toml.read_text() + '\n[[source]]\nid = "api"\nformat = "stripe.objects"\n')
    return office


@pytest.mark.parametrize("what", PASSED_OVER)
def test_a_card_number_in_an_object_that_is_passed_over_does_not_stay(what: str, stripe: Office) -> None:
    content = json.dumps(PASSED_OVER[what], indent=2)
    answer = stripe.ingest("event.json", content, "api")
    assert answer.status == 1, answer
    assert "a copy without it was kept and the original destroyed" in answer.said["deliveries"][0]["reason"]
    [kept] = stripe.landed()
    assert CARD not in kept.decode()
    assert SPACED not in kept.decode()
    json.loads(kept)
    assert stripe.lost() == []


def test_what_objects_that_are_passed_over_are_known_by_stays(stripe: Office) -> None:
    """References with a check digit pass as card numbers do."""
    intents = [
        {"id": f"pi_{kid}", "object": "payment_intent", "amount": 1000, "metadata": {"kid": kid}}
        for kid in (CARD, "4111111111111111")
    ]
    content = json.dumps(event(API_CHARGE)) + "\n" + "".join(json.dumps(event(each)) + "\n" for each in intents)
    assert stripe.ingest("events.jsonl", content, "api").status == 0
    assert stripe.landed() == [content.encode()]


def test_an_identifier_of_a_charge_stays_where_something_that_is_passed_over_repeats_it(stripe: Office) -> None:
    charge = {**API_CHARGE, "metadata": {"kid": CARD, "other": "4111111111111111"}}
    before = {"metadata": {"kid": CARD}, "description": CARD}
    content = json.dumps(event(charge, previous_attributes=before))
    assert stripe.ingest("event.json", content, "api").status == 0
    assert stripe.landed() == [content.encode()]
