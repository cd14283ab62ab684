"""
Adyen's vocabulary: what its journal and record types mean here, and which zones its time zone words name.

Sources: Adyen's documentation of journal types (settlement details report), of record types (payment accounting
report) and of the payments lifecycle. Words are compared in lower case, up to the first blank: ``CaptureFailed (Sales
Day payout)`` is ``capturefailed``.
"""

__all__ = [
    "BACKWARDS",
    "IANA_ZONES",
    "MONEY_KINDS",
    "MONEY_ONLY_IF_PAYABLE",
    "NAMESPACE",
    "NO_MONEY_KINDS",
    "REPEATING",
    "RESERVE",
    "ZONES",
]

#: What a payment's identities number: one line of its journal.
NAMESPACE = "journal"

#: Not a canonical kind: reserve_hold where money is withheld, reserve_release where it returns.
RESERVE = "reserve"


def _by_word(table: dict[str, str]) -> dict[str, str]:
    return {word: kind for kind, words in table.items() for word in words.split()}


#: Types that change what Adyen owes us, to the canonical kind. "ExternallyWithInfo" is money that an acquirer paid to us
#: directly: it stands in the batch, and an AcquirerPayout takes it out again.
MONEY_KINDS = _by_word({
    "charge": "settled settledbulk bulksettlement settledinstallment settledininstallments settledexternallywithinfo",
    # With Sales Day payout a capture is paid before it is certain; failing later takes the money back.
    "refund": "refunded refundedbulk refundedinstallment refundedininstallments refundedexternallywithinfo"
    " capturefailed settledreversed paidout paidoutexternallywithinfo",
    "refund_reversal": "refundedreversed refundfailed refundnotcleared paidoutreversed",
    "dispute": "chargeback secondchargeback chargebackexternallywithinfo",
    "dispute_reversal": "chargebackreversed secondchargebackreversed chargebackreversedexternallywithinfo",
    "fee": "fee misccosts paymentcost settlecost invoicededuction authorisationschemefee",
    "payout": "merchantpayout acquirerpayout epapaid",
    "payout_reversal": "bankinstructionreturned",
    "top_up": "matchedstatement merchantpayin merchantpayinreversed",
    "internal_transfer": "internalcompanypayout xastransfer",
    "balance_transfer": "balancetransfer",
    RESERVE: "depositcorrection reserveadjustment",
    "adjustment": "manualcorrected adjustmentexternallywithinfo suspendinstallment",
})  # fmt: skip

#: Record types that only change the state of a payment: nothing is owed or paid by them.
#: authorisation: a permission was asked for or given. capture: money was asked to move, or moved past Adyen. void: it
#: came to nothing.
NO_MONEY_KINDS = _by_word({
    "authorisation": "received receivedpayout authorised authorisedpending refundauthorised payoutauthorised retried",
    "capture": "sentforsettle sentforrefund sentforpayout settledexternally refundedexternally paidoutexternally"
    " chargebackexternally handledexternally",
    "void": "refused refusedpayout cancelled expired error reversed payouterror payoutfailed"
    " notificationofchargeback requestforinformation informationsupplied notificationoffraud",
})  # fmt: skip

#: Types that are money in the payment accounting report only where something became payable (Sales Day payout).
MONEY_ONLY_IF_PAYABLE = ("capturefailed", "refundfailed", "refundnotcleared", "settledreversed")

#: Types whose money goes away from us, where the report gives no sign.
BACKWARDS = (
    *(word for word, kind in MONEY_KINDS.items() if kind in {"refund", "dispute"}),
    "sentforrefund",
    "refundauthorised",
    "refundedexternally",
    "chargebackexternally",
    "sentforpayout",
    "payoutauthorised",
    "receivedpayout",
    "paidoutexternally",
)

#: Types of which one payment may have several lines under one reference: no identity tells them apart.
REPEATING = (
    "settledinstallment",
    "settledininstallments",
    "refundedinstallment",
    "refundedininstallments",
    "suspendinstallment",
    "paymentcost",
    "misccosts",
    "settlecost",
    "fee",
    "invoicededuction",
    "manualcorrected",
)

#: Time zone words to zones. Words of summer time are exact; a word of standard time names the zone, whose rules decide
#: (reports of companies that chose "CET" say CET all year). IST is read as India.
ZONES = {
    "UTC": "UTC", "GMT": "UTC", "Z": "UTC",
    "CET": "Europe/Amsterdam", "CEST": "Etc/GMT-2", "MET": "Europe/Amsterdam", "MEST": "Etc/GMT-2",
    "PST": "America/Los_Angeles", "PDT": "Etc/GMT+7", "PT": "America/Los_Angeles",
    "EST": "America/New_York", "EDT": "Etc/GMT+4", "ET": "America/New_York",
    "CST": "America/Chicago", "CDT": "Etc/GMT+5", "MST": "America/Denver", "MDT": "Etc/GMT+6",
    "BST": "Etc/GMT-1", "WET": "Europe/Lisbon", "WEST": "Etc/GMT-1",
    "EET": "Europe/Helsinki", "EEST": "Etc/GMT-3", "MSK": "Europe/Moscow", "TRT": "Europe/Istanbul",
    "AEST": "Australia/Sydney", "AEDT": "Etc/GMT-11", "ACST": "Australia/Adelaide", "ACDT": "Australia/Adelaide",
    "AWST": "Australia/Perth", "NZST": "Pacific/Auckland", "NZDT": "Etc/GMT-13",
    "SGT": "Asia/Singapore", "HKT": "Asia/Hong_Kong", "JST": "Asia/Tokyo", "KST": "Asia/Seoul", "IST": "Asia/Kolkata",
    "MYT": "Asia/Kuala_Lumpur", "PHT": "Asia/Manila", "ICT": "Asia/Bangkok", "WIB": "Asia/Jakarta",
    "GST": "Asia/Dubai", "SAST": "Africa/Johannesburg", "EAT": "Africa/Nairobi",
    "BRT": "America/Sao_Paulo", "BRST": "Etc/GMT+2", "ART": "America/Argentina/Buenos_Aires",
    "AST": "America/Halifax", "ADT": "Etc/GMT+3", "NST": "America/St_Johns", "NDT": "America/St_Johns",
    "AKST": "America/Anchorage", "AKDT": "Etc/GMT+8", "HST": "Pacific/Honolulu",
}  # fmt: skip

#: Zones that a report may name in full, each between bars. A name that DuckDB does not know would stop the whole file,
#: so that only these are read as zones; with any other the day stays as it is written.
IANA_ZONES = """
|Europe/Amsterdam|Europe/London|Europe/Paris|Europe/Berlin|Europe/Madrid|Europe/Rome|Europe/Vienna|Europe/Zurich
|Europe/Brussels|Europe/Dublin|Europe/Lisbon|Europe/Stockholm|Europe/Oslo|Europe/Copenhagen|Europe/Helsinki
|Europe/Warsaw|Europe/Prague|Europe/Budapest|Europe/Bucharest|Europe/Sofia|Europe/Athens|Europe/Istanbul|Europe/Kiev
|Europe/Moscow|Europe/Tallinn|Europe/Riga|Europe/Vilnius|Europe/Luxembourg|Europe/Belgrade|Europe/Zagreb|Europe/Malta
|Atlantic/Reykjavik|America/New_York|America/Chicago|America/Denver|America/Phoenix|America/Los_Angeles|America/Anchorage
|America/Toronto|America/Vancouver|America/Halifax|America/St_Johns|America/Mexico_City|America/Bogota|America/Lima
|America/Santiago|America/Sao_Paulo|America/Montevideo|America/Puerto_Rico|America/Panama|America/Argentina/Buenos_Aires
|US/Eastern|US/Central|US/Mountain|US/Pacific|Pacific/Honolulu|Pacific/Auckland|Asia/Dubai|Asia/Riyadh|Asia/Jerusalem
|Asia/Kolkata|Asia/Calcutta|Asia/Singapore|Asia/Kuala_Lumpur|Asia/Bangkok|Asia/Jakarta|Asia/Manila|Asia/Hong_Kong
|Asia/Shanghai|Asia/Taipei|Asia/Tokyo|Asia/Seoul|Asia/Ho_Chi_Minh|Australia/Sydney|Australia/Melbourne
|Australia/Brisbane|Australia/Adelaide|Australia/Perth|Africa/Johannesburg|Africa/Lagos|Africa/Nairobi|Africa/Cairo
|Africa/Casablanca|Etc/UTC|
""".replace("\n", "")
