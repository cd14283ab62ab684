"""A reference that many documents begin with proves nothing: what belongs to one order is never given to another."""

from collections.abc import Iterator, Sequence
from contextlib import closing
from pathlib import Path

import duckdb

from tieout import pipeline
from tieout.bench.places import SOURCES, make_place
from tieout.bench.quality import found_by_us
from tieout.clock import system_clock, system_entropy
from tieout.config import load_workspace
from tieout.store.workplace import open_store

DAY = 20_643
COLUMNS = {
    "psp": "txn_id, type, ccy, gross, fee, day, payout_id, order_ref, customer",
    "erp": "doc_no, reference, ccy, amount, day, customer",
    "bank": "line_id, description, amount, ccy, day",
    "truth_pe": "txn_id, doc_no",
    "truth_pb": "payout_id, line_id",
}

Row = Sequence[str | int]


def matched(folder: Path, lines: Sequence[Row], documents: Sequence[Row]) -> Iterator[tuple[str, str, str]]:
    """
    Bring lines (id, amount, order, customer) and documents (number, reference, amount, customer) together.

    :return: (document, line, rule)
    """
    data = folder / "data"
    data.mkdir()
    rows: dict[str, list[Row]] = {
        "psp": [(i, "charge", "EUR", amount, 0, DAY, "P1", ref, name) for i, amount, ref, name in lines],
        "erp": [(i, ref, "EUR", amount, DAY, name) for i, ref, amount, name in documents],
        "bank": [("B1", "something else", 1, "EUR", DAY)],
        "truth_pe": [("", "")],
        "truth_pb": [("", "")],
    }
    for name, own in rows.items():
        values = ", ".join(map(str, own)) if all(len(row) > 1 for row in own) else ""
        query = f"copy (select * from (values {values}) t({COLUMNS[name]})) to '{data}/{name}.parquet'"
        duckdb.connect().execute(query)
    make_place(folder / "place", data)
    workspace = load_workspace(folder / "place")
    with closing(open_store(workspace, system_clock, system_entropy, "test")) as store:
        for source in SOURCES:
            list(pipeline.ingest(store, workspace, [data / f"{source}.parquet"], source))
        list(pipeline.match(store, workspace, ["items"]))
        with closing(found_by_us(store)) as con:
            found: list[tuple[str, str, str]] = con.execute("from items order by all").fetchall()
    yield from found


#: Two customers' orders of one thousand, equal in amount; 172 was billed twice, the second time with its number cut off.
LINES = [("T172", 2500, "SO/001767/172", "Eskton Reisen Oy"), ("T214", 2500, "SO/001767/214", "Venrik Studio NV")]
BILLED_TWICE: list[Row] = [
    ("A1", "SO/001767/172", 2500, "Eskton Reisen Oy"),
    ("A2", "SO/001767/", 2500, "ESKTON REISEN OY"),
]


def test_a_second_bill_with_its_number_cut_off_is_not_paid_by_another_customers_order(tmp_path: Path) -> None:
    found = list(matched(tmp_path, LINES, BILLED_TWICE))
    assert ("A2", "T214") not in {(document, line) for document, line, _ in found}


def test_a_document_that_names_its_order_in_full_goes_before_one_that_names_a_part(tmp_path: Path) -> None:
    documents = [*BILLED_TWICE, ("A3", "SO/001767/214", 2510, "Venrik Studio NV")]
    found = list(matched(tmp_path, LINES, documents))
    assert ("A3", "T214", "same reference, a small difference") in found


def test_a_part_of_the_number_is_enough_where_it_is_its_end(tmp_path: Path) -> None:
    lines = [("T1", 2500, "172", "Eskton Reisen Oy"), ("T2", 2500, "SO-2026-9914", "Venrik Studio NV")]
    documents = [("A1", "RE-2026-000172", 2500, "Eskton"), ("A2", "9914", 2500, "Venrik")]
    assert ("A2", "T2") in {(document, line) for document, line, _ in matched(tmp_path, lines, documents)}
