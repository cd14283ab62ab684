"""The benchmark of one line against many items runs, holds verdicts against what is known, and prints what it promises."""

import json

import pytest

from benchmarks import selection


@pytest.mark.slow
def test_it_prints_a_verdict_for_each_pool_and_what_a_run_tells(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(selection, "STEPS_MAX", 10_000)
    selection.main(["--items", "200", "--times", "1", "--json"])
    told = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert len(told["cases"]) == 3 * 8
    assert {case["verdict"] for case in told["cases"]} >= {"unique", "ambiguous", "infeasible"}
    assert {ccy: own["told"].split(":")[0] for ccy, own in told["whole"]["lines"].items() if ccy != "SEK"} == {
        "EUR": "matched with 3 items", "USD": "matched with 3 items", "CHF": "missing_left", "GBP": "ambiguous",
    }  # fmt: skip
