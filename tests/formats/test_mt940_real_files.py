"""MT940 and MT942: real files of real banks, held against what other readers found in them."""

import io
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from tieout.formats.reading import Chunk, Head, ReadOptions
from tieout.formats.swift.messages import MT940, MT942
from tieout.model.problems import Problem

Samples = Callable[[str], list[tuple[Path, dict[str, Any], str]]]
READERS = {"mt940": MT940, "mt942": MT942}


def chunks(data: bytes, name: str) -> list[Chunk]:
    """Read a file as inspect would: refused when it is not taken for what it is."""
    if READERS[name].identify(Head("file.sta", data[: 64 * 1024])) is None:
        return [Chunk(problems=[Problem(message="expected to recognise the file", severity="refused")])]
    return list(READERS[name].read(io.BytesIO(data), ReadOptions()))


@pytest.mark.parametrize("name", ["mt940", "mt942"])
def test_real_files_agree_with_what_another_reader_found(name: str, samples: Samples) -> None:
    faults: list[tuple[str, object]] = []
    for path, truth, verdict in samples(name):
        data = path.read_bytes()
        read = chunks(data, name)
        found = [problem for chunk in read for problem in chunk.problems if not problem.at_ingest]
        parts = truth.get("statements") or []
        if verdict == "valid" and found:
            faults.append((path.name, found))
        if verdict != "valid" and not found:
            faults.append((path.name, verdict))
        if verdict == "invalid" or not parts:
            continue
        totals = [total for chunk in read for total in chunk.totals]
        credit = sum(Decimal(t.credits).scaleb(-t.exponent) for t in totals)
        debit = sum(Decimal(t.debits).scaleb(-t.exponent) for t in totals)
        want = [sum(abs(Decimal(p[key])) for p in parts) for key in ("sum_credits", "sum_debits")]
        if (sum(t.count for t in totals), credit, debit) != (sum(p["n_entries"] for p in parts), *want):
            faults.append((path.name, totals))
    assert faults == []


def test_another_library_reads_the_same_amounts(samples: Samples) -> None:
    """
    The library of PyPI ``mt-940`` is the second opinion, on sizes: it gives a reversal the sign of what it reverses.

    It raises on some real files, which are left out.
    """
    import mt940

    compared, differing = 0, []
    for path, _, _ in samples("mt940"):
        data = path.read_bytes()
        try:
            theirs = mt940.parse(data.decode("latin-1"))
            # A file without any transaction is one transaction without data to it.
            amounts = [t.data["amount"].amount for t in theirs if "amount" in t.data]
        except Exception:  # noqa: BLE001, S112 - whatever it raises, it has no opinion then
            continue
        ours = [Decimal(r.amount or 0).scaleb(-(r.exponent or 0)) for c in chunks(data, "mt940") for r in c.records]
        compared += 1
        if len(ours) == len(amounts) and sorted(map(abs, ours)) != sorted(map(abs, amounts)):
            differing.append((path.name, ours, amounts))
    assert compared > 40
    assert differing == []
