"""
The kinds of record: which fields each requires, which sign its amount has, which claims it carries.

One table, read by intake (bulk checks), matching (claims) and the documentation. Signs are the effect on the
account's balance, seen from the entity (a charge comes in, a fee goes out).
"""

from dataclasses import dataclass

__all__ = [
    "CLAIMS",
    "CLOSED_BATCHES",
    "KINDS",
    "MOVED",
    "PAID_OUT",
    "STATUSES",
    "THROUGH_TRANSIT",
    "WHOLE_BATCHES",
    "WITH_LINES",
    "Kind",
    "measures_net",
]

#: Formats whose files carry every line of a settlement together with its payout: intake holds one against the other.
WHOLE_BATCHES = ("stripe.payout_reconciliation", "adyen.settlement_detail")
#: Those of them that number the batches of an account, ``account/number``, and end each with what brings it to zero.
CLOSED_BATCHES = ("adyen.settlement_detail",)

#: What a match can use up of a record (laws.md 6).
CLAIMS = ("document", "payment", "settlement", "bank", "transfer", "booking")
#: What a platform pays out to a bank, what comes back of that, and what is sent to a platform.
PAID_OUT = ("payout", "payout_reversal", "top_up")
#: Those of them that are made of lines: money that is sent to a platform has none.
WITH_LINES = ("payout", "payout_reversal")
#: What moves between places of ours, and is found at the other as the same kind.
MOVED = ("internal_transfer", "balance_transfer", "sweep")
#: What leaves a platform into cash in transit, on the platform's date: the postings that ship book it so.
THROUGH_TRANSIT = (*PAID_OUT, *MOVED)
#: booked: final. pending: announced by the source. provisional: from an intraday report; the booked one supersedes it.
STATUSES = ("booked", "pending", "provisional")


@dataclass(frozen=True, slots=True)
class Kind:
    """
    What is true of every record of one kind.

    :ivar name: the word in the ``kind`` column.
    :ivar sign: ``"+"``, ``"-"`` or ``"any"``: the sign its amount must have; zero always passes.
    :ivar claims: what a match can use up of it.
    :ivar requires: columns that must have a value, beside kind, status and currency.
    """

    name: str
    sign: str
    claims: tuple[str, ...]
    requires: tuple[str, ...] = ("amount", "booked_on")


_LINE = ("settlement",)
# Where an ERP books by itself what customers paid, its receipts have to be found.
_CHARGE = ("payment", "settlement", "booking")
_OWN_MONEY = ("settlement", "transfer")
_ANNOUNCED = ("amount",)

KINDS: dict[str, Kind] = {
    kind.name: kind
    for kind in (
        # Lines of a payment platform.
        Kind("authorisation", "any", (), _ANNOUNCED),
        Kind("capture", "any", (), _ANNOUNCED),
        Kind("charge", "+", _CHARGE),
        Kind("void", "any", (), _ANNOUNCED),
        Kind("refund", "-", _CHARGE),
        Kind("refund_reversal", "+", _CHARGE),
        Kind("fee", "any", _LINE),
        Kind("application_fee", "any", _LINE),
        Kind("application_fee_refund", "any", _LINE),
        Kind("bank_charge", "any", _LINE),
        Kind("interest", "any", _LINE),
        Kind("tax_withheld", "any", _LINE),
        Kind("dispute", "-", _CHARGE),
        Kind("dispute_reversal", "+", _CHARGE),
        Kind("dispute_fee", "any", _LINE),
        # No money: the platform says that a dispute is lost for good.
        Kind("dispute_lost", "any", (), _ANNOUNCED),
        Kind("reserve_hold", "any", _OWN_MONEY),
        Kind("reserve_release", "any", _OWN_MONEY),
        Kind("adjustment", "any", _LINE),
        Kind("split", "any", _LINE),
        Kind("internal_transfer", "any", _OWN_MONEY),
        Kind("balance_transfer", "any", _OWN_MONEY),
        Kind("sweep", "any", _OWN_MONEY),
        Kind("conversion", "any", _OWN_MONEY),
        Kind("loan_repayment", "any", _LINE),
        Kind("payout", "any", _OWN_MONEY),
        Kind("payout_reversal", "any", _OWN_MONEY),
        Kind("top_up", "any", _OWN_MONEY),
        # Lines of a bank account.
        Kind("bank_entry", "any", ("bank", "booking")),
        Kind("bank_detail", "any", ("bank",), ("amount",)),
        # Documents and lines of a billing system or an ERP.
        Kind("order", "any", (), _ANNOUNCED),
        Kind("fulfilment", "any", (), ()),
        Kind("invoice", "any", ("document",)),
        Kind("credit_note", "any", ("document",)),
        Kind("deposit", "any", ("document",)),
        Kind("bill", "any", ("document",)),
        Kind("bill_credit", "any", ("document",)),
        Kind("receipt", "any", ("document", "booking")),
        Kind("disbursement", "any", ("document", "booking")),
        Kind("write_off", "any", ("document", "booking")),
        Kind("journal_line", "any", ("booking",)),
        # What we ask a bank to do, and its answers.
        Kind("payment_order", "any", ("transfer",), _ANNOUNCED),
        Kind("payment_status", "any", (), ()),
    )
}


def measures_net(claim: str, kind: str) -> bool:
    """
    Say whether a claim measures of a record of a kind what is left after its fee (``net``); else it is the amount.

    A line of a platform arrives net. What is paid out arrives with its amount: the fee of paying out is taken from the
    balance that it leaves.
    """
    return claim == "settlement" and kind not in PAID_OUT
