"""Law 5: what a record is called does not depend on which report came last: who knows the object says it."""

import itertools
from pathlib import Path

import pytest

from tests.depth import some_of
from tests.intake.test_stripe_money import opened_for_stripe

HEAD = "created_utc,currency,gross,fee,net,reporting_category,automatic_payout_id"
DISPUTE = "2026-10-05 10:00:00,eur,-10.00,15.00,-25.00,dispute,po_1"
FEE = "2026-10-06 10:00:00,eur,-2.00,0.00,-2.00,fee,po_1"
#: With the object and the balance transaction; with the latter alone; and with another column.
REPORTS = [
    f"balance_transaction_id,source_id,{HEAD}\ntxn_1,dp_0,{DISPUTE}\ntxn_2,,{FEE}\n",
    f"balance_transaction_id,{HEAD}\ntxn_1,{DISPUTE}\ntxn_2,{FEE}\n",
    f"balance_transaction_id,description,{HEAD}\ntxn_1,lost,{DISPUTE}\ntxn_2,radar,{FEE}\n",
]


@pytest.mark.parametrize("order", some_of([*itertools.permutations(REPORTS)], 3))
def test_a_line_is_called_by_its_object_whichever_report_is_last(tmp_path: Path, order: tuple[str, ...]) -> None:
    desk = opened_for_stripe(tmp_path / "workspace")
    try:
        for number, report in enumerate(order):
            desk.deliver_bytes(report.encode(), "payouts", f"{number}.csv")
        assert desk.records("external_id", "text") == [("dp_0", "lost"), ("txn_2", "radar")]
        assert desk.findings() == []
    finally:
        desk.store.close()
