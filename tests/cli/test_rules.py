"""``tieout rules``: a rule set is tried, and others are proposed, through the real command line."""

import hashlib
import shutil
from pathlib import Path

import pytest

from tests.cli.office import typed
from tests.matching.shop import lay_out

RULES = """[rules]
id = "own"
claims = { left = "document", right = "bank" }

[[rule]]
name = "number"
keys = [{ left = "external_id", right = "external_id" }]
"""
INVOICES = "Number,Day,Customer,Open,Currency\n" + "".join(
    f"INV-{4001 + n},2026-10-01,Kranz,{100 + n}.00,EUR\n" for n in range(5)
)
BANK = "bank,Day,Amount,Payer,Purpose,Currency\n" + "".join(
    f"{4001 + n},2026-10-0{2 + n},{100 + n}.00,Kranz AG,thanks,EUR\n" for n in range(5)
)


@pytest.fixture(scope="module")
def kept(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A shop with five payments whose numbers lack a prefix, so that no rule finds them."""
    tmp_path = tmp_path_factory.mktemp("kept")
    folder = tmp_path / "shop"
    lay_out(folder, RULES)
    (tmp_path / "invoices.csv").write_text(INVOICES)
    (tmp_path / "bank.csv").write_text(BANK)
    told = typed("--workspace", folder, "ingest", tmp_path / "invoices.csv", "--source", "invoices")
    assert told.status == 0, told
    assert typed("--workspace", folder, "ingest", tmp_path / "bank.csv", "--source", "bank").status == 0
    typed("--workspace", folder, "match")
    return folder


@pytest.fixture
def shop(kept: Path, tmp_path: Path) -> Path:
    """Its copy."""
    return Path(shutil.copytree(kept, tmp_path / "shop"))


def digest(folder: Path) -> str:
    """Digest everything in a workspace but what is open while a command runs."""
    found = hashlib.sha256()
    for path in sorted(p for p in folder.rglob("*") if p.is_file() and not p.name.endswith(("-wal", "-shm"))):
        found.update(str(path.relative_to(folder)).encode() + path.read_bytes())
    return found.hexdigest()


def test_a_path_is_the_same_file_to_mine_and_to_test(
    shop: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    monkeypatch.chdir(elsewhere)
    # Nothing is decided, so nothing is proposed and written; where it would be is refused all the same.
    mine = ("--workspace", shop, "rules", "mine", "--reconciliation", "items", "--out")
    taken = typed(*mine, "rules/own.toml")
    assert (taken.status, f"got {shop / 'rules' / 'own.toml'}, which is there" in taken.err) == (2, True)
    assert typed("--workspace", shop, "rules", "test", "rules/own.toml").status == 1
    (elsewhere / "rules").mkdir()
    assert typed(*mine, "rules/own.toml").status == 0  # a new file beside the current folder
    lost = typed(*mine, "nowhere/more.toml")
    assert lost.status == 2
    assert f"neither {elsewhere / 'nowhere'} nor {shop / 'nowhere'} is a folder" in lost.err


@pytest.mark.deep
def test_what_is_mined_is_tried_and_accepted(shop: Path, tmp_path: Path) -> None:
    for n in range(3):
        exceptions = typed("--workspace", shop, "exceptions", "--json").said["exceptions"]
        own = next(e for e in exceptions if e["external_id"] == f"{4001 + n}")
        done = typed(
            "--workspace", shop, "resolve", own["exception_id"], "--match", f"INV-{4001 + n}", "--reason", "called"
        )
        assert done.status == 0, done
    found = typed("--workspace", shop, "rules", "mine", "--reconciliation", "items", "--json").said["mined"][0]
    assert found["decisions"]["by_hand"] == 3
    (one,) = [p for p in found["proposals"] if p["kind"] == "normalisation"]
    assert (one["supports"], one["against"], one["opens"]) == (3, 0, 2)
    before = digest(shop)
    out = tmp_path / "more.toml"
    told = typed("--workspace", shop, "rules", "mine", "--reconciliation", "items", "--out", out)
    assert (told.status, "external_id without INV in front is external_id" in told.out) == (0, True)
    tested = typed("--workspace", shop, "rules", "test", out, "--reconciliation", "items", "--json")
    assert tested.status == 0
    (test,) = tested.said["tests"]
    assert (test["precision"], test["recall"], test["pairs"]["decided"]) == ("1.0000", "1.0000", 3)
    assert {(m["change"], m["side"], m["minor"], m["amount"]) for m in test["money"]} == {
        ("newly matched", "left", 20_700, "207.00"), ("newly matched", "right", 20_700, "207.00"),
    }  # fmt: skip
    assert digest(shop) == before
    again = typed("--workspace", shop, "rules", "mine", "--reconciliation", "items", "--out", out)
    assert again.status == 2
    assert "expected a new file" in again.err
    (shop / "rules" / "own.toml").write_text(out.read_text())
    assert typed("--workspace", shop, "match", "--json").said["runs"][0]["matches"] == 5
    assert typed("--workspace", shop, "verify").status == 0


def test_the_active_rules_are_named_as_tieout_toml_names_them(shop: Path) -> None:
    before = digest(shop)
    told = typed("--workspace", shop, "rules", "test", "rules/own.toml")
    assert told.status == 1
    assert "too little to judge" in told.out
    assert "money that would move: none" in told.out
    (test,) = typed("--workspace", shop, "rules", "test", "generic", "--reconciliation", "items", "--json").said[
        "tests"
    ]
    assert (test["precision"], test["enough"], test["money"][0]["minor"]) == (None, False, 51_000)
    assert digest(shop) == before


def test_a_fault_in_the_rules_is_told_with_its_place(shop: Path, tmp_path: Path) -> None:
    wrong = tmp_path / "wrong.toml"
    wrong.write_text(RULES + "confrim = false\n")
    told = typed("--workspace", shop, "rules", "test", wrong, "--reconciliation", "items")
    assert told.status == 2
    assert "wrong.toml line 8: unknown key 'confrim' in [[rule]]; did you mean 'confirm'?" in told.err
    for asked, says in (
        (("test", "rules/gone.toml", "--reconciliation", "items"), "rules/gone.toml"),
        (("test", "generic"), "expected --reconciliation NAME"),
        (("test", "generic", "--reconciliation", "itmes"), "'itmes'"),
        (("mine", "--out", tmp_path / "x.toml"), "expected --reconciliation NAME beside --out"),
    ):
        refused = typed("--workspace", shop, "rules", *asked)
        assert refused.status == 2, asked
        assert says in refused.err, asked
