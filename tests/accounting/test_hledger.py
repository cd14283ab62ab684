"""hledger, an independent program, reads our journals, finds that they balance, and comes to the same balances."""

import csv
import io
import re
import subprocess
from collections import defaultdict
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow.compute as pc

from tests.accounting.facts import Facts
from tests.accounting.test_golden import RATES, SCENES
from tieout.accounting.hledger import hledger_account, write_hledger
from tieout.accounting.proving import trial_balance
from tieout.model.money import format_minor


def everything() -> Facts:
    """All golden scenes in one company; the names of records are made different."""
    whole = Facts(rates=RATES)
    for name, make in SCENES.items():
        facts = Facts(rates=RATES)
        make(facts)
        for field in ("records", "matches", "adjustments", "outcomes"):
            for row in getattr(facts, field):
                for key in ("record_id", "match_id"):
                    if key in row:
                        row[key] = bytes(a ^ b for a, b in zip(row[key], name.encode().ljust(16)[:16], strict=True))
                getattr(whole, field).append(row)
    return whole


def ask(hledger: str, folder: Path, text: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    file = folder / "journals.journal"
    file.write_text(text, encoding="utf-8")
    command = [hledger, "--file", str(file), *arguments]
    environment = {"LC_ALL": "C.UTF-8", "PATH": "/usr/bin:/bin", "HOME": str(folder)}
    return subprocess.run(command, capture_output=True, text=True, timeout=60, check=False, env=environment)


def balances(text: str) -> dict[tuple[str, str], Decimal]:
    """Read ``hledger balance --output-format=csv``: one row per account, amounts of all currencies side by side."""
    found: dict[tuple[str, str], Decimal] = defaultdict(Decimal)
    for row in list(csv.DictReader(io.StringIO(text))):
        for amount in row["balance"].split(", "):
            if row["account"].lower() not in {"total", "total:"} and amount.strip() != "0":
                number, currency = amount.split()
                found[row["account"], currency] += Decimal(number)
    return {key: value for key, value in found.items() if value}


def ours(rows: list[dict[str, Any]], prefix: str = "") -> dict[tuple[str, str], Decimal]:
    """The balances of our trial balance, as hledger names them."""
    found: dict[tuple[str, str], Decimal] = defaultdict(Decimal)
    for row in rows:
        amount = format_minor(row[f"{prefix}balance"], row[f"{prefix}exponent"])
        found[hledger_account(row["entity_id"], row["account"]), row[f"{prefix}currency"]] += Decimal(amount)
    return {key: value for key, value in found.items() if value}


def test_hledger_comes_to_the_balances_of_our_trial_balance(hledger: str, tmp_path: Path) -> None:
    facts = everything()
    con = facts.connection()
    journals, drafts = facts.draft(con)
    rows = trial_balance(con, drafts.relation).to_pylist()
    for books in (False, True):
        text = "".join(write_hledger(journals, books=books))
        assert ask(hledger, tmp_path, text, "check", "ordereddates").stderr == ""
        for how, prefix in (((), "base_" if books else ""), (("--cost",), "base_")):
            done = ask(hledger, tmp_path, text, "balance", "--flat", "--no-total", "--output-format=csv", *how)
            assert done.returncode == 0, done.stderr
            assert balances(done.stdout) == ours(rows, prefix)
    assert len(ours(rows)) > 25
    # What rates gained and lost is there, in the currency of the books.
    assert ours(rows)["acme:6880", "EUR"] > 0 > ours(rows)["acme:4840", "EUR"]


def test_every_journal_balances_in_each_currency_by_itself(hledger: str, tmp_path: Path) -> None:
    journals = everything().draft()[0]
    text = "".join(write_hledger(journals.filter(pc.not_equal(journals["debit"], journals["credit"]))))
    assert " @@ " in text
    assert ask(hledger, tmp_path, re.sub(" @@ [0-9.]+ EUR", "", text), "balance").stderr == ""


def test_hledger_refuses_a_journal_that_does_not_balance(hledger: str, tmp_path: Path) -> None:
    text = "".join(write_hledger(everything().draft()[0]))
    assert "100.00 EUR" in text
    done = ask(hledger, tmp_path, text.replace("100.00 EUR", "100.01 EUR", 1), "balance")
    assert done.returncode != 0
    assert "balance" in done.stderr


def test_texts_of_others_cannot_break_the_format() -> None:
    facts = Facts()
    facts.record("a;b\n  c:d  [e] (f) 2026-01-01 * x", "charge", "1.00 EUR")
    text = "".join(write_hledger(facts.draft()[0]))
    assert next(line for line in text.splitlines() if line.strip()).endswith(
        "charge a b c d e f 2026-01-01 x  ; paid through a platform, no document"
    )
    assert len([line for line in text.splitlines() if line.strip()]) == 3
