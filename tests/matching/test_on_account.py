"""
What is left of a payment when documents took a part of it: shown, booked as a deposit, and taken from there by what comes.
"""

import datetime as dt

from tests.matching.worlds import World, invoice, line, world
from tieout.observe.exporting.exports import Filters, opened


def listed(w: World, as_of: dt.date | None = None) -> list[tuple[str, str, int]]:
    """The open items: name, state, what is open."""
    with opened(w.store, w.workspace, "open_items", Filters(as_of=as_of)) as view:
        query = f"select external_id, how, still_open from (select * from {view.relation}) order by 1"
        return [tuple(row) for row in view.con.execute(query).fetchall()]


def test_what_is_left_of_a_customers_payment_is_a_deposit_until_a_document_takes_it() -> None:
    with world("open-items-to-bank", invoice("RE-2", 20000), line("k2", 30000, "RE-3", day=2)) as w:
        w.match()
        w.resolve("k2", "RE-2", part=True)
        w.match()
        paid = (("bank", 20000), ("receivable", -20000))
        assert w.drafts() == {paid, (("bank", 10000), ("customer_deposits", -10000))}
        assert w.journal.counts["waiting"] == 0
        assert listed(w) == [("k2", "on_account", -10000)]
        w.add(invoice("RE-3", 10000, day=5))
        w.match()
        assert {"RE-3", "k2"} in w.together()
        assert w.drafts() == {paid, (("bank", 10000), ("receivable", -10000))}
        assert listed(w) == []
        before = dt.date(2026, 10, 4)
        assert listed(w, before) == [("k2", "on_account", -10000)]
        w.undo(w.match_id("RE-2", "k2"))
        assert w.drafts() == {
            (("bank", 20000), ("customer_deposits", -20000)),
            (("bank", 10000), ("receivable", -10000)),
        }


def test_what_is_left_of_what_we_paid_stands_with_the_supplier() -> None:
    bill = invoice("B-1", -20000, kind="bill")
    with world("open-items-to-bank", bill, line("k2", -30000)) as w:
        w.match()
        w.resolve("k2", "B-1", part=True)
        left = (("bank", -10000), ("supplier_deposits", 10000))
        assert w.drafts() == {(("bank", -20000), ("payable", 20000)), left}
        assert listed(w) == [("k2", "on_account", 10000)]


def test_what_is_left_of_a_line_that_no_document_is_in_waits() -> None:
    with world("payout-to-bank", invoice("po", -20000, kind="payout"), line("k2", 30000)) as w:
        w.match()
        w.resolve("k2", "po", part=True)
        assert {lines for lines in w.drafts() if any(name == "bank" for name, _ in lines)} == {
            (("bank", 20000), ("cash_in_transit", -20000))
        }
        assert w.journal.counts["waiting"] == 1
        assert listed(w) == []
