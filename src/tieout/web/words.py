"""
The reader's words: what happened, and what to do next.

Every reason of an exception has one entry; a test holds them against the reasons that the interface names.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tieout.observe.money.accounts import AccountState
    from tieout.observe.proofs.proof import AccountProof

__all__ = [
    "KINDS",
    "NEARNESS",
    "PARTS",
    "REASONS",
    "STATES",
    "Reason",
    "kind_words",
    "proof_words",
    "reason_words",
    "state_words",
]


@dataclass(frozen=True, slots=True)
class Reason:
    """
    One reason in words.

    :ivar words: a few, for a list. ``step``: the best next step, a verb first.
    :ivar what: one sentence: what happened, then what to do.
    :ivar tone: ``off`` not explained, ``way`` on its way, ``plain`` neither.
    """

    words: str
    step: str
    what: str
    tone: str = "off"


REASONS: dict[str, Reason] = {
    "missing_right": Reason(
        "nothing arrived for it",
        "Find where it went",
        "It was expected by now and nothing that arrived fits. Ask who should have sent it, or wait for the next file.",
    ),
    "missing_left": Reason(
        "nothing explains it",
        "Find what it is for",
        "Money moved and nothing that we know of explains it. Find the document or the payout that it belongs to.",
    ),
    "amount_difference": Reason(
        "amount differs",
        "Explain the difference",
        "The right counterpart is there, with another amount. Say what the difference is, or ask for the rest.",
    ),
    "ambiguous": Reason(
        "two answers fit",
        "Choose, side by side",
        "More than one answer fits equally well, and none was guessed. Choose the one that is meant.",
    ),
    "proposed": Reason(
        "a rule proposes a match",
        "Approve or reject it",
        "A rule found a match that it may only propose. Look at both sides, and approve it or reject it.",
        "plain",
    ),
    "undecided": Reason(
        "too many to try",
        "Narrow it down",
        "The search reached its limit before it was sure. Give it a reference or a smaller set, and match again.",
        "plain",
    ),
    "duplicate": Reason(
        "paid twice?",
        "Compare the two",
        "The same payment seems to have come twice. Compare the two, then keep both or give one back.",
    ),
    "conflict": Reason(
        "reports disagree",
        "See what each one says",
        "Two reports of one thing say different things. See which one is right, and ask the other for a correction.",
    ),
    "late": Reason(
        "late",
        "Ask where it is",
        "It is on its way longer than usual. Ask whoever sent it.",
        "way",
    ),
    "incomplete": Reason(
        "a file is missing",
        "Bring the missing file",
        "What came in proves that something between is missing. Ask the source for it, then bring it in.",
    ),
    "balance_difference": Reason(
        "balance does not close",
        "Compare with the statement",
        "Opening balance and movements do not lead to the closing balance. Compare with the source's own statement.",
    ),
    "ledger_difference": Reason(
        "ledger differs",
        "Compare with the ledger",
        "The ledger and the outside differ. See which items only one of them has.",
    ),
    "currency_mismatch": Reason(
        "other currency",
        "Check the currency",
        "The counterpart is in another currency than was expected. Check which one was agreed.",
    ),
    "fee_variance": Reason(
        "fee over schedule",
        "Dispute or accept the fee",
        "The fee is not the one agreed. Dispute it, or accept it with a reason.",
    ),
    "closed_period": Reason(
        "belongs to a closed month",
        "Book it later or reopen",
        "It came after its month was closed. Book it in the open month, or have the month reopened.",
        "way",
    ),
    "impossible_transition": Reason(
        "impossible order of events",
        "Ask the platform",
        "The platform reports a step that cannot follow the one before. Ask it what happened.",
    ),
    "refund_without_credit_note": Reason(
        "refund without credit note",
        "Write the credit note",
        "Money was given back and no credit note says why. Have one written.",
    ),
    "returned": Reason(
        "came back",
        "Find out why it came back",
        "A payment was returned. Find out why, then pay again or cancel it.",
    ),
    "unknown_account": Reason(
        "unknown account",
        "Declare the account",
        "A file speaks of an account that tieout.toml does not name, or journals lack the number of one in the ledger. Write what"
        " the note says, then read the file or draft the journals again.",
        "plain",
    ),
    "master_data": Reason(
        "master data incomplete",
        "Complete the record",
        "Something that the books need is not known of this party or account. Complete it.",
        "plain",
    ),
    "unreadable": Reason(
        "could not be read",
        "Correct and read again",
        "A row or a file could not be read. Correct the mapping or ask for a better file, then read it again.",
    ),
    "not_fulfilled": Reason(
        "not shipped yet",
        "Ask the shop",
        "It was paid and not fulfilled. Ask the shop whether it will be.",
        "way",
    ),
    "not_captured": Reason(
        "not captured yet",
        "Capture or release",
        "It was authorised and never captured. Capture it, or release it before it expires.",
        "way",
    ),
    "rejected": Reason(
        "refused by the other side",
        "Read why, then correct",
        "The bank or the ERP refused what was sent. Read why, correct it, and send it again.",
    ),
}

#: The parts of the flow: words, and the meaning that its colour has.
PARTS: dict[str, tuple[str, str]] = {
    "charged": ("Charged", "ink"),
    "bank": ("In the bank", "tied"),
    "on_its_way": ("At a platform, or on its way", "way"),
    "not_compared": ("Paid out, not compared yet", "mute"),
    "refunds": ("Refunds and disputes", "mute"),
    "fees": ("Fees", "mute"),
    "other": ("Held back or moved", "mute"),
    "unexplained": ("Late or unexplained", "off"),
    "books": ("In the books", "tied"),
}

#: Kinds of record whose names are not what a reader says.
KINDS = {
    "bank_entry": "bank line",
    "bank_detail": "part of a bank line",
    "journal_line": "journal line",
    "tax_withheld": "tax withheld",
    "open_item": "open item",
}


#: Where a part of a record stands. "On its way" is kept for payouts that left a platform.
STATES = {
    "matched": "matched",
    "provisional": "matched, until it is posted",
    "open": "open: not due yet, or another reconciliation may explain it",
    "in_transit": "expected later",
    "on_account": "kept on account",
    "exception": "needs a person",
    "excluded": "left out: a sweep, a charge or interest that the bank's code tells, or another form of it is matched",
}

#: Why a candidate was not taken.
NEARNESS = {
    "ambiguous": "fits as well as another",
    "fits": "its number and amount, and no rule put the two together",
    "twin": "asks for the same thing",
    "duplicate": "the same again",
    "nets": "of the same side, with an identifier in common: could settle with it",
    "taken": "named by it, and matched with something else",
    "amount_difference": "named by it, with another amount",
    "currency_mismatch": "named by it, in another currency",
    "same_amount": "the same amount, and nothing else in common",
    "same_name": "the same amount and name, which may be chance",
    "other_name": "the same amount, by another name",
    "apart": "named by it, and a person took the two apart",
    "other_way": "named by it, and its money runs the other way",
    "other_company": "named by it, and another company's",
    "other_number": "nearly the amount, and one of the two names another number",
    "near_amount": "the same name, and nearly the amount",
    "near_on_day": "the only one near the amount on that day",
    "near_currency": "the same name, and nearly the amount in another currency",
    "other_amount": "the same name, and another amount",
    "other_day": "the same amount, many days apart",
    "selection": "fits only in a sum of several, and not for certain",
}


def reason_words(reason: str) -> Reason:
    """Give the words of a reason; one that is new here speaks for itself."""
    plain = reason.replace("_", " ")
    return REASONS.get(reason) or Reason(plain, "Look at it", "It needs a person.", "plain")


def state_words(state: str) -> str:
    """Give the words of where a part of a record stands."""
    return STATES.get(state, state.replace("_", " "))


def kind_words(kind: str | None) -> str:
    """Give the words of a kind of record."""
    return "item" if kind is None else KINDS.get(kind, kind.replace("_", " "))


def proof_words(account: AccountState, proof: AccountProof | None) -> str:
    """Say why an account is not proven; nothing where it is."""
    if account.kind == "ledger":
        return "the ledger's side of a proof"
    if proof is None:
        return "no proof yet" if account.currency else "stands in several currencies: declare an account for each"
    return proof.lacking or ""
