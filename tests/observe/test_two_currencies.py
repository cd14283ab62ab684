"""A match of two currencies: every amount in the decimals of its own, and the difference in those of its adjustments."""

from contextlib import closing

from tests.matching.worlds import Fact, line, nine, world
from tieout.observe.results import matches_relation, prepare_results
from tieout.observe.snapshot import take_snapshot
from tieout.observe.things.story import chain_of
from tieout.store.engine import connect


def test_yen_paid_out_in_euro_differ_by_euro() -> None:
    paid = Fact(source="a", id="po_J1001", amount=-160_000, kind="payout", currency="JPY", day=1)
    with world("payout-to-bank", paid, line("B2", 99_050, text="PSP po_J1001", day=2)) as w:
        (w.folder / "rates").mkdir()
        (w.folder / "rates" / "r.csv").write_text("date,base,quote,rate\n2026-10-01,EUR,JPY,160\n")
        w.match()
        snapshot = take_snapshot(w.store, w.workspace)
        with closing(connect()) as con:
            prepare_results(con, w.store.lake, snapshot, ("matches", "adjustments"))
            relation = matches_relation(w.store.lake, snapshot)
            query = f"select external_id, allocated, exponent, difference, difference_exponent, difference_currency from {relation}"
            rows = {name: told for name, *told in con.execute(query).fetchall()}
        assert rows == {"po_J1001": [-160_000, 0, 950, 2, "EUR"], "B2": [99_050, 2, 950, 2, "EUR"]}
        (match,) = chain_of(w.store, w.record_id("B2").hex()).matches
        assert (match.difference, match.difference_currency, match.is_mixed) == ("9.50", "EUR", True)
        shown = {(p.currency, nine(p.allocated, p.exponent)) for p in match.records}
        assert shown == {("JPY", nine(-160_000, 0)), ("EUR", nine(99_050, 2))}
