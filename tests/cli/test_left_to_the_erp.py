"""What the ERP books by itself is never drafted, and somebody hears of what it did not book, or not so."""

from pathlib import Path

from tests.cli.office import typed

PLACE = """[workspace]
name = "Left to the ERP"
base_currency = "EUR"

[[entity]]
id = "g"
currency = "EUR"
books = { receipt = "erp", fee = "erp" }

[[source]]
id = "psp"
mapping = "mappings/psp.toml"

[[source]]
id = "erp"
mapping = "mappings/erp.toml"

[[reconciliation]]
id = "orders"
left = { source = "erp", kinds = ["invoice"] }
right = { source = "psp" }
rules = "invoice-to-payment"
"""
HELD = """
[[reconciliation]]
id = "psp-booked"
left = { source = "psp" }
right = { source = "erp" }
rules = "payment-to-receipt"
"""
MAPPING = """[mapping]
id = "{name}"
format = "csv"
identify = ["{own}"]
[fields]
external_id = "{own}"
kind = "kind"
amount = "amount"
currency = "'EUR'"
booked_on = "day::date"
references = "[ref]"
"""
PAID = """charge,kind,amount,day,ref
c1,charge,100.00,2026-10-01,INV-1
c2,charge,200.00,2026-10-01,INV-2
c3,charge,300.00,2026-10-02,INV-3
"""
BOOKED = """no,kind,amount,day,ref
INV-1,invoice,100.00,2026-10-01,
INV-2,invoice,200.00,2026-10-01,
INV-3,invoice,300.00,2026-10-01,
RC-1,receipt,100.00,2026-10-03,INV-1
RC-2,receipt,190.00,2026-10-03,INV-2
"""


def reasons(folder: Path) -> set[tuple[str | None, str]]:
    told = typed("--workspace", folder, "exceptions", "--json")
    return {(row["external_id"], row["reason"]) for row in told.said["exceptions"]}


def test_what_the_erp_did_not_book_is_heard_of(tmp_path: Path) -> None:
    folder = tmp_path / "office"
    (folder / "mappings").mkdir(parents=True)
    (folder / "tieout.toml").write_text(PLACE)
    for name, own, text in (("psp", "charge", PAID), ("erp", "no", BOOKED)):
        (folder / "mappings" / f"{name}.toml").write_text(MAPPING.format(name=name, own=own))
        (tmp_path / f"{name}.csv").write_text(text)
    for name in ("psp", "erp"):
        assert typed("--workspace", folder, "ingest", tmp_path / f"{name}.csv", "--source", name).status == 0
    assert typed("--workspace", folder, "match").status == 0
    told = typed("--workspace", folder, "journal")
    assert (told.status, "3 pieces are left to the ERP, and nothing looks" in told.out) == (1, True)
    assert reasons(folder) == {("psp", "master_data")}

    (folder / "tieout.toml").write_text(PLACE + HELD)
    assert typed("--workspace", folder, "match").status == 1
    assert typed("--workspace", folder, "journal").status == 0
    assert reasons(folder) == {("c2", "amount_difference"), ("RC-2", "amount_difference"), ("c3", "missing_right")}
    assert typed("--workspace", folder, "verify").status == 0
