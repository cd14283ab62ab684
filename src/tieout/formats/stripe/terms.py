"""
Stripe's vocabulary: what its words for balance transactions mean here, what its identifiers number, how it writes money.

Shared by the reports (``stripe_reports``) and the API objects (``stripe_objects``), so that a webhook, an API page and
a report row of one charge become one record. Sources: Stripe's documentation of reporting categories, of balance
transaction types and of currencies.
"""

from typing import Any

from tieout.model.money import exponent_of

__all__ = [
    "FEE_TAXES",
    "KIND_OF",
    "NAMESPACES",
    "NAMESPACE_OF",
    "RESERVE",
    "TRANSACTION",
    "identity_of",
    "kind_of",
    "scale_minor",
    "word_of",
]

#: The namespace of records that only their balance transaction tells apart.
TRANSACTION = "balance_transaction"

#: Not a canonical kind: reserve_hold where money leaves the available balance, reserve_release where it returns.
RESERVE = "reserve"

#: Stripe's word (a reporting category or a type; where both exist they agree) to the canonical kind.
KIND_OF: dict[str, str] = {
    word: kind
    for kind, words in {
        "charge": "charge payment inbound_payment",
        # What was paid and comes back: failed debits and the part of an authorisation that was not captured, too.
        "refund": "refund payment_refund charge_failure payment_failure_refund partial_capture_reversal"
        " payment_reversal inbound_payment_failure",
        "refund_reversal": "refund_failure",
        "dispute": "dispute",
        "dispute_reversal": "dispute_reversal",
        # VAT and GST on Stripe's fees is kept like a fee, and is all tax: FEE_TAXES.
        "fee": "fee stripe_fee network_cost tax tax_fee stripe_fx_fee stripe_fee_tax platform_fee validation"
        " india_mdr_processing_fee payment_method_passthrough_fee fee_credit_funding",
        "tax_withheld": "tax_withholding",
        "application_fee": "platform_earning application_fee",
        "application_fee_refund": "platform_earning_refund application_fee_refund",
        "payout": "payout outbound_transfer",
        "payout_reversal": "payout_reversal payout_cancel payout_failure outbound_transfer_reversal",
        "top_up": "topup topup_reversal inbound_transfer inbound_transfer_reversal",
        "internal_transfer": "transfer transfer_reversal transfer_cancel transfer_failure transfer_refund"
        " connect_collection_transfer",
        "balance_transfer": "balance_transfer",
        "conversion": "currency_conversion",
        # Money lent (+) and paid back (-): Capital, instant advances, Brazilian anticipation.
        "loan_repayment": "financing_payout financing_payout_reversal financing_paydown financing_paydown_reversal"
        " advance advance_funding anticipation_repayment",
        RESERVE: "connect_reserved_funds risk_reserved_funds payment_network_reserved_funds reserve_transaction"
        " reserved_funds minimum_balance_hold",
        "reserve_hold": "reserve_hold payment_network_reserve_hold payout_minimum_balance_hold"
        " issuing_authorization_hold",
        "reserve_release": "reserve_release payment_network_reserve_release payout_minimum_balance_release"
        " issuing_authorization_release",
        # Known, and without a kind of their own: a person says what they are.
        "adjustment": "other_adjustment adjustment contribution climate_order_purchase climate_order_refund"
        " issuing_transaction issuing_dispute issuing_dispute_fraud_liability_debit"
        " issuing_dispute_provisional_credit issuing_dispute_provisional_credit_reversal"
        " stripe_balance_payment_debit stripe_balance_payment_debit_reversal obligation obligation_outbound"
        " obligation_reversal_inbound received_credit received_credit_reversal received_debit"
        " received_debit_reversal outbound_payment outbound_payment_reversal return"
        " unreconciled_customer_funds payment_unreconciled tax_fund",
    }.items()
    for word in words.split()
}

#: Of the words for fees those that are VAT or GST on other fees, and nothing else.
FEE_TAXES = ("tax", "tax_fee", "stripe_fee_tax")

#: Namespace: the prefixes of its identifiers, and the words of the one balance transaction that each object has.
#: A failure or a reversal has a balance transaction of its own beside, and is told apart by that.
NAMESPACES: dict[str, tuple[tuple[str, ...], tuple[str, ...]]] = {
    "charge": (("ch_", "py_"), ("charge", "payment")),
    "refund": (
        ("re_", "pyr_"),
        ("refund", "payment_refund", "charge_failure", "payment_failure_refund", "partial_capture_reversal"),
    ),
    "payout": (("po_",), ("payout",)),
    # Payouts of before 2017 keep their names, whatever they are called today.
    "transfer": (("tr_",), ("transfer", "payout")),
    "topup": (("tu_",), ("topup",)),
}

#: (prefix, word) to namespace.
NAMESPACE_OF: dict[tuple[str, str], str] = {
    (prefix, word): namespace
    for namespace, (prefixes, words) in NAMESPACES.items()
    for prefix in prefixes
    for word in words
}

_OLD_PAYOUTS = {"transfer": "payout", "transfer_cancel": "payout_cancel", "transfer_failure": "payout_failure"}
# Where such a transfer goes; the others go to another account of Stripe's.
_BANKS = ("bank_account", "card")

# Stripe counts these in other minor units than ISO 4217: the ariary has no fifths, the Ugandan shilling and the
# Icelandic krona (both without decimals) are still sent with two.
_EXPONENTS = {"MGA": 0, "UGX": 2, "ISK": 2}


def identity_of(word: str, source: str | None, transaction: str | None) -> tuple[str, str | None, tuple[str, ...]]:
    """
    What tells one line of Stripe from every other: (namespace, identity, aliases).

    :param word: the reporting category, or the type where there is none.
    :param source: the object that caused it (``ch_1``).
    :param transaction: its balance transaction (``txn_1``).
    """
    namespace = NAMESPACE_OF.get((source.partition("_")[0] + "_", word)) if source else None
    if namespace is None:
        return TRANSACTION, transaction, ()
    return namespace, source, (f"{TRANSACTION}:{transaction}",) if transaction else ()


def word_of(word: str, source: str | None, cause: dict[str, Any] | None = None) -> str:
    """
    Give today's word for a payout: until 2017 it was called a transfer, and so do versions of the API that are pinned to then.

    :param cause: the object of that name, where it is told: a transfer with a bank account or a card is a payout.
    """
    old = (source or "").startswith("po_") or (cause is not None and _goes_to_a_bank(cause))
    return _OLD_PAYOUTS.get(word, word) if old else word


def _goes_to_a_bank(transfer: dict[str, Any]) -> bool:
    """Whether a transfer object is a payout of before 2017; one to another account of Stripe's is none."""
    if transfer.get("object") != "transfer" or transfer.get("type") == "stripe_account":
        return False
    return transfer.get("type") in _BANKS or any(transfer.get(key) is not None for key in ("bank_account", "summary"))


def kind_of(word: str, amount: int, source: str | None = None) -> str | None:
    """
    The canonical kind of a balance transaction; None for a word that Stripe has never documented.

    Before there were reporting categories a dispute was an ``adjustment`` whose source is the dispute.
    """
    prefix = (source or "").partition("_")[0]
    if word == "adjustment" and prefix in {"dp", "du"}:
        return "dispute" if amount < 0 else "dispute_reversal"
    if word == "adjustment" and prefix in {"re", "pyr"} and amount > 0:
        return "refund_reversal"
    kind = KIND_OF.get(word)
    if kind == RESERVE:
        return "reserve_hold" if amount < 0 else "reserve_release"
    return kind


def scale_minor(minor: list[int | None], currency: str) -> tuple[list[int | None], int]:
    """
    Turn Stripe's minor units of a currency into ours: the same amounts, and the decimals they are counted in.

    The exponent is ISO's, or Stripe's larger one where an amount needs it (``[50050], "UGX"`` is 500.50).

    :raises BadInput: there is no such currency.
    """
    own = exponent_of(currency)
    stripe = _EXPONENTS.get(currency, own)
    if stripe < own:
        return [None if each is None else each * 10 ** (own - stripe) for each in minor], own
    unit = 10 ** (stripe - own)
    if any(each is not None and each % unit for each in minor):
        return minor, stripe
    return [None if each is None else each // unit for each in minor], own
