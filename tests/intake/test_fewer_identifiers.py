"""Laws 1 and 2: reports with fewer identifiers lose nothing, and count nothing twice beside those that have them."""

import pytest

from tests.intake.conftest import Desk
from tests.intake.test_batches import SOURCES
from tieout.config import load_workspace

ACCOUNTING = '\n[[source]]\nid = "accounting"\nformat = "adyen.payments_accounting"\n'
HEADER = [
    "Merchant Account",
    "Psp Reference",
    "Creation Date",
    "TimeZone",
    "Type",
    "Modification Reference",
    "Net Currency",
    "Net Debit (NC)",
    "Net Credit (NC)",
    "Commission (NC)",
    "Markup (NC)",
    "Scheme Fees (NC)",
    "Interchange (NC)",
    "Batch Number",
]
#: A payment, two refunds of one amount, one of another, and the payout.
BATCH = [
    "M1,P1,2026-10-01 10:00:00,CET,Settled,C1,EUR,,20.70,0.30,,,,7",
    "M1,P1,2026-10-02 10:00:00,CET,Refunded,R1,EUR,4.00,,,,,,7",
    "M1,P1,2026-10-02 10:05:00,CET,Refunded,R2,EUR,4.00,,,,,,7",
    "M1,P1,2026-10-02 10:05:00,CET,Refunded,R3,EUR,3.00,,,,,,7",
    "M1,,2026-10-03 10:00:00,CET,MerchantPayout,TX7XT batch 7,EUR,9.70,,,,,,7",
]
NETS = [-970, -400, -400, -300, 2070]


@pytest.fixture
def platforms(desk: Desk) -> Desk:
    toml = desk.folder / "tieout.toml"
    toml.write_text(toml.read_text() + SOURCES + ACCOUNTING)
    desk.workspace = load_workspace(desk.folder, {})
    return desk


def batch(*without: str) -> bytes:
    kept = [i for i, name in enumerate(HEADER) if name not in without]
    return "".join(",".join(row[i] for i in kept) + "\n" for row in [HEADER, *(r.split(",") for r in BATCH)]).encode()


def emptied(name: str) -> bytes:
    at = HEADER.index(name)
    rows = [HEADER, *([*row.split(",")[:at], "", *row.split(",")[at + 1 :]] for row in BATCH)]
    return "".join(",".join(row) + "\n" for row in rows).encode()


@pytest.mark.parametrize(
    "report",
    [batch("Modification Reference"), emptied("Modification Reference")],
    ids=["no column", "empty"],
)
def test_refunds_of_one_payment_without_their_own_reference_are_as_many_as_reported(
    platforms: Desk, report: bytes
) -> None:
    outcome = platforms.deliver_bytes(report, "adyen", "batch.csv")
    assert outcome.rows_new == len(BATCH)
    assert platforms.records("net") == NETS
    assert platforms.findings() == []


def test_and_so_are_those_of_the_accounting_report(platforms: Desk) -> None:
    header = (
        "Merchant Account,Psp Reference,Booking Date,TimeZone,Record Type,Modification Psp Reference,Main Currency,"
        "Main Amount,Settlement Currency,Payable (SC),Commission (SC),Markup (SC),Scheme Fees (SC),Interchange (SC)"
    )
    rows = [
        header,
        "M1,P1,2026-10-01 10:00:00,CET,Settled,,EUR,10.00,EUR,9.70,0.30,,,",
        "M1,P1,2026-10-02 10:00:00,CET,Refunded,,EUR,4.00,EUR,-4.00,,,,",
        "M1,P1,2026-10-02 11:00:00,CET,Refunded,,EUR,4.00,EUR,-4.00,,,,",
    ]
    platforms.deliver_bytes("\n".join(rows).encode(), "accounting", "accounting.csv")
    assert platforms.records("net") == [-400, -400, 970]
