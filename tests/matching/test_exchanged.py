"""A person matches across two currencies: what the exchange cost is counted by the rates of the days, and booked."""

import pytest

from tests.matching.worlds import Fact, World, invoice, line, world
from tieout import pipeline
from tieout.errors import WrongUse
from tieout.observe.work import worklist
from tieout.observe.work.deciding import ways_of


def with_rates(w: World, text: str = "2026-10-01,EUR,USD,1.2000\n2026-10-05,EUR,USD,1.2500\n") -> None:
    (w.folder / "rates").mkdir()
    (w.folder / "rates" / "r.csv").write_text("date,base,quote,rate\n" + text)


def payout(name: str, amount: int) -> Fact:
    return Fact(source="a", id=name, amount=-amount, kind="payout", currency="USD", day=1)


def test_a_payout_in_another_currency_is_matched_and_its_journals_balance() -> None:
    facts = [payout("po_70002", 24_000), line("k", 18_000, text="po_70002", day=4)]
    with world("payout-to-bank", *facts) as w:
        with_rates(w)
        list(pipeline.match(w.store, w.workspace))
        (exception,) = [e for e in w.exceptions() if e["external_id"] == "k"]
        assert exception["reason"] == "currency_mismatch"
        item = worklist.item(w.store.book, exception["exception_id"])
        assert item is not None
        told = {"run_exceptions": [exception]}
        commands = [way.command for way in ways_of(w.store, w.workspace, item, told)]
        assert any(command.endswith('--as fx --reason "..."') for command in commands)
        with pytest.raises(WrongUse, match=r"expected records of one currency, got EUR, USD: .* --as fx"):
            w.resolve("k", "po_70002")
        w.resolve("k", "po_70002", difference="fx")
        w.match()
        assert w.reasons() == {}
        (adjustment,) = w.rows("adjustments")
        # 240.00 USD at 1.20 were 200.00 EUR on their day; 180.00 EUR came.
        said = {n: adjustment[n] for n in ("reason", "amount", "currency", "exponent")}
        assert said == {"reason": "fx", "amount": 2_000, "currency": "EUR", "exponent": 2}
        drafted = w.drafts()
        assert len(drafted) == 2
        assert w.journal.counts["refused"] == 0


def test_a_currency_without_decimals_keeps_its_amounts() -> None:
    with world("open-items-to-bank", invoice("i", 1_000, currency="JPY"), line("k", 600, day=4)) as w:
        with_rates(w, "2026-10-01,EUR,JPY,160\n")
        w.match()
        w.resolve("k", "i", difference="fx")
        rows = {r["external_id"]: (r["allocated"] / 10 ** r["exponent"], r["currency"]) for r in w.rows()}
        assert rows == {"i": (1_000.0, "JPY"), "k": (6.0, "EUR")}
        (adjustment,) = w.rows("adjustments")
        assert (adjustment["amount"], adjustment["currency"]) == (25, "EUR")  # 1000 / 160 = 6.25


@pytest.mark.parametrize(
    ("left", "right", "rates", "said"),
    [
        ([invoice("i", 100, currency="USD")], [line("k", 90)], "2026-01-01,EUR,USD,1.1\n", "expected a rate EUR/USD for 2026-10-01"),
        ([invoice("i", 100, currency="USD")], [line("k", -90)], "2026-10-01,EUR,USD,1.1\n", "run the same way"),
        (
            [invoice("i", 100, currency="USD"), invoice("j", 5, currency="GBP")],
            [line("k", 90)],
            "2026-10-01,EUR,USD,1.1\n2026-10-01,EUR,GBP,0.9\n",
            "one currency on either side of what was exchanged, got GBP, USD on the left",
        ),
    ],
)  # fmt: skip
def test_what_cannot_be_counted_is_refused(left: list[Fact], right: list[Fact], rates: str, said: str) -> None:
    with world("open-items-to-bank", *left, *right) as w:
        with_rates(w, rates)
        w.match()
        with pytest.raises(WrongUse, match=said):
            w.resolve("k", *(fact.id for fact in left), difference="fx")
        assert w.together() == set()
