"""An account whose lines nothing compared is not proven, whatever its residual."""

from pathlib import Path

import pytest

from tests.cli.office import camt, entry, typed

TOML = """[workspace]
name = "Acme"
base_currency = "EUR"
[[entity]]
id = "acme"
currency = "EUR"
[[account]]
id = "main"
entity = "acme"
source = "bank"
kind = "{kind}"
currency = "EUR"
number = "DE89370400440532013000"
ledger_account = "1200"
opening = {{ on = "2026-10-27", amount = "0.00" }}
[[account]]
id = "gl-1200"
entity = "acme"
source = "ledger"
kind = "ledger"
currency = "EUR"
number = "1200"
opening = {{ on = "2026-10-27", amount = "0.00" }}
[[source]]
id = "bank"
format = "camt.053"
[[source]]
id = "ledger"
mapping = "mappings/ledger.toml"
"""
MAPPING = """[mapping]
id = "ledger"
format = "csv"
identify = ["entry"]
[fields]
account = "konto"
external_id = "entry"
kind = "'journal_line'"
amount = "amount"
currency = "'EUR'"
booked_on = "day::date"
references = "[ref]"
"""
RULES = '[[reconciliation]]\nid = "books"\nleft = { source = "bank" }\nright = { source = "ledger" }\nrules = "bank-to-ledger"\n'


def found(folder: Path, ledger: str, kind: str = "bank") -> Path:
    (folder / "mappings").mkdir(parents=True)
    (folder / "tieout.toml").write_text(TOML.format(kind=kind), encoding="utf-8")
    (folder / "mappings/ledger.toml").write_text(MAPPING, encoding="utf-8")
    (folder / "bank.xml").write_text(camt("0.00", "16702.26", entry("16702.26")), encoding="utf-8")
    (folder / "ledger.csv").write_text(
        f"entry,konto,amount,day,ref\nJ1,1200,{ledger},2026-10-28,R1\n", encoding="utf-8"
    )
    for name, source in (("bank.xml", "bank"), ("ledger.csv", "ledger")):
        answer = typed("--workspace", folder, "ingest", folder / name, "--source", source)
        assert answer.status in {0, 1}, answer.err
    return folder


@pytest.mark.parametrize("ledger", ["16702.26", "916702.26"])
def test_lines_that_nothing_compared_prove_nothing(tmp_path: Path, ledger: str) -> None:
    folder = found(tmp_path / "acme", ledger)
    answer = typed("--workspace", folder, "proof", "main")
    assert answer.status == 1
    first = answer.out.splitlines()[0]
    assert first.startswith("Not proven: ")
    told = typed("--workspace", folder, "--json", "proof", "main").said
    assert (told["proven"], told["verdict"]) == (False, first)
    assert told["closes"]  # also over a ledger line that says something else entirely
    assert "2 lines are not compared with the other side, 0 are" in first
    assert 'rules = "bank-to-ledger"' in first


@pytest.mark.parametrize(("ledger", "proven"), [("16702.26", True), ("916702.26", False)])
def test_compared_lines_are_proven_if_they_agree(tmp_path: Path, ledger: str, proven: bool) -> None:
    folder = found(tmp_path / "acme", ledger)
    with (folder / "tieout.toml").open("a", encoding="utf-8") as file:
        file.write(RULES)
    before = typed("--workspace", folder, "proof", "main")
    assert "`tieout match books` compares them" in before.out.splitlines()[0]
    typed("--workspace", folder, "match")
    answer = typed("--workspace", folder, "proof", "main")
    assert answer.out.splitlines()[0].startswith("Proven: " if proven else ("Proven: ", "Not proven: "))
    told = typed("--workspace", folder, "--json", "proof", "main").said
    assert answer.status == (0 if told["proven"] else 1)
    assert told["compared"] == 2
    assert proven <= told["proven"]
