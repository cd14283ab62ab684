"""
The mappings of Adyen's settlement details and payment accounting reports, made from the columns that a report has.

Both give one identity to one line of a payment's journal: type, PSP reference and modification reference, so that
``Settled`` in the accounting report and in the settlement report are one record. A row that lacks one of them is counted.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from tieout.errors import BadInput
from tieout.formats._columns import Columns, among, identifying, literal
from tieout.formats.adyen import terms
from tieout.formats.tabular import Mapping

if TYPE_CHECKING:
    from tieout.formats.reading import ReadOptions

__all__ = ["accounting_mapping", "settlement_mapping"]

# Columns whose whole content has a field; everything else is kept in details under its own name.
_TOLD = frozenset({
    "merchant_account", "psp_reference", "merchant_reference", "creation_date", "timezone", "booking_date",
    "booking_date_timezone", "modification_reference", "modification_psp_reference", "modification_merchant_reference",
    "merchant_order_reference", "gross_currency", "gross_debit_gc", "gross_credit_gc", "exchange_rate", "net_currency",
    "net_debit_nc", "net_credit_nc", "dispute_reference",
})  # fmt: skip
# The amount of a state, and what the shopper paid: the first that is there.
_STATED = ("main_amount", "captured_pc", "authorised_pc", "received_pc", "original_amount")
_PAID = ("captured_pc", "original_amount", "main_amount")
_FEES_NC = ("commission_nc", "markup_nc", "scheme_fees_nc", "interchange_nc")
_FEES_SC = ("commission_sc", "markup_sc", "scheme_fees_sc", "interchange_sc")


def settlement_mapping(header: tuple[str, ...], options: ReadOptions) -> Mapping:
    """
    Make the mapping of a settlement details report.

    What a row does to the payable balance is its net; amount = net + costs (for a payment: its gross amount in the
    settlement currency). A row without PSP reference (fee, payout, balance transfer) has no identity of its own.

    :raises BadInput: columns without which nothing can be booked are missing.
    """
    columns = Columns.of(header)
    word = _word(columns, "type")
    for name in ("net_debit_nc", "net_credit_nc"):
        _required(columns, name)  # with one of them alone, half of the money would be missing and nobody would see it
    net = _difference(columns, "net_credit_nc", "net_debit_nc") or ""
    gross = _difference(columns, "gross_credit_gc", "gross_debit_gc", empty="null")
    fee = _sum(columns, _FEES_NC)
    modification = columns.filled("modification_reference", "modification_psp_reference")
    fields = {
        "kind": _kind(word, _is_withheld(columns)),
        "amount": f"({net} + coalesce({fee}, 0))" if fee else net,
        "fee": fee,
        "net": net,
        "currency": f"upper({_required(columns, 'net_currency')})",
        "original_amount": gross if columns.has("gross_currency") else None,
        "original_currency": _original_currency(columns, "gross_currency", gross),
        "rate": columns.first("exchange_rate"),
        **_times(
            columns,
            options,
            ("booking_date", ("booking_date_timezone", "timezone")),
            ("creation_date", ("timezone", "creation_date_timezone")),
        ),
        "settlement_id": _settlement(columns),
        "account": _required(columns, "merchant_account"),
        **_identity(columns, word, modification),
        **_links(columns, word, modification),
    }
    # The gross is not known where the report leaves a kind of costs out, nor where it has one that is not ours to know.
    others = {name for name in columns.names if name.endswith("_nc")} - {*_FEES_NC, "net_debit_nc", "net_credit_nc"}
    mapping = _mapping("adyen.settlement_detail", columns, fields, terms.MONEY_KINDS)
    told = columns.has(*_FEES_NC)
    return replace(mapping, converts=told and not others, only_net=not told)


def accounting_mapping(header: tuple[str, ...], options: ReadOptions) -> Mapping:
    """
    Make the mapping of a payment accounting report.

    Types that make something payable are money in the settlement currency: net = payable, amount = payable + costs.
    All others are states of the payment in its own currency, without claims: they explain, and are never matched.

    :raises BadInput: columns without which nothing can be booked are missing.
    """
    columns = Columns.of(header)
    word = _word(columns, "record_type")
    payable = columns.first("payable_sc")
    is_money = f"{among(word, terms.MONEY_KINDS)}"
    if payable:
        unless = f"{among(word, terms.MONEY_ONLY_IF_PAYABLE)} and coalesce({payable}::decimal, 0) = 0"
        is_money = f"({is_money} and {payable} is not null and not ({unless}))"
    fee = _sum(columns, _FEES_SC)
    whole = f"({payable}::decimal + coalesce({fee}, 0))" if fee else f"{payable}::decimal"
    state, currency = _signed(columns, word, _STATED), _required(columns, "main_currency", "payment_currency")
    settled_in = columns.first("settlement_currency")
    modification = columns.filled("modification_psp_reference", "modification_reference")
    came_to_nothing = among(word, terms.MONEY_ONLY_IF_PAYABLE) + (f" and not {is_money}" if payable else "")
    is_withheld = f"coalesce(starts_with({payable}, '-'), false)" if payable else "false"
    is_state = f"({among(word, terms.NO_MONEY_KINDS)} or ({came_to_nothing}))"
    paid = _signed(columns, word, _PAID) if columns.all(*_PAID) else state
    original = _original_currency(columns, "payment_currency", state) or currency
    fields = {
        "kind": f"case when {came_to_nothing} then 'void' else ({_kind(word, is_withheld)}) end",
        "status": f"case when {among(word, _pending())} then 'pending' else 'booked' end",
        "amount": f"case when {is_money} then {whole} else {state} end" if payable else state,
        "fee": f"case when {is_money} then {fee} end" if fee and payable else None,
        "net": f"case when {is_money} then {payable}::decimal else {state} end" if payable else None,
        "currency": f"upper(case when {is_money} then {settled_in} else {currency} end)"
        if payable and settled_in
        else f"upper({currency})",
        "original_amount": f"case when {is_money} then {paid} end" if payable else None,
        "original_currency": f"case when {is_money} then {original} end" if payable else None,
        "rate": columns.first("exchange_rate"),
        **_times(columns, options, ("booking_date", ("booking_date_timezone", "timezone"))),
        "account": _required(columns, "merchant_account"),
        **_identity(columns, word, modification, is_state),
        **_links(columns, word, modification),
    }
    mapping = _mapping("adyen.payments_accounting", columns, fields, terms.MONEY_KINDS | terms.NO_MONEY_KINDS)
    return replace(mapping, only_net=payable is not None and not columns.has(*_FEES_SC))


def _mapping(format_id: str, columns: Columns, fields: dict[str, str | None], kinds: dict[str, str]) -> Mapping:
    return Mapping(
        id=format_id,
        system="adyen",
        fields={name: sql for name, sql in fields.items() if sql is not None},
        kinds={word: kind for word, kind in kinds.items() if kind != terms.RESERVE},
        details=tuple(name for plain, name in columns.names.items() if plain not in _TOLD),
        totals="net" if fields.get("net") else "amount",
        trusted=True,
    )


def _missing(columns: Columns, *names: str) -> BadInput:
    message = f"expected the column {' or '.join(names)} in the report's header, got {list(columns.names)}"
    return BadInput(message[:500])


def _required(columns: Columns, *names: str) -> str:
    found = columns.filled(*names)
    if found is None:
        raise _missing(columns, *names)
    return found


def _word(columns: Columns, name: str) -> str:
    return f"lower(split_part({_required(columns, name)}, ' ', 1))"


def _difference(columns: Columns, plus: str, minus: str, empty: str = "0") -> str | None:
    """Credit less debit; a row with neither is ``empty``."""
    credit, debit = columns.first(plus), columns.first(minus)
    if credit is None and debit is None:
        return None
    parts = [f"coalesce({name}::decimal, 0)" if name else "0" for name in (credit, debit)]
    present = " or ".join(f"{name} is not null" for name in (credit, debit) if name)
    return f"case when {present} then {parts[0]} - {parts[1]} else {empty} end"


def _sum(columns: Columns, names: tuple[str, ...]) -> str | None:
    """The sum of what a row has of these columns; null where it has none of them."""
    found = columns.all(*names)
    if not found:
        return None
    present = " or ".join(f"{name} is not null" for name in found)
    return f"case when {present} then {' + '.join(f'coalesce({name}::decimal, 0)' for name in found)} end"


def _is_withheld(columns: Columns) -> str:
    """Whether a row takes from the payable balance, by its columns as written: faulty numbers are found elsewhere."""
    debit, credit = columns.first("net_debit_nc"), columns.first("net_credit_nc")
    taken = [f"coalesce(regexp_matches({debit}, '^[^-]*[1-9]'), false)"] if debit else []
    taken += [f"coalesce(starts_with({credit}, '-'), false)"] if credit else []
    return f"({' or '.join(taken)})"


def _kind(word: str, is_withheld: str) -> str:
    reserves = among(word, (name for name, kind in terms.MONEY_KINDS.items() if kind == terms.RESERVE))
    hold = f"case when {is_withheld} then 'reserve_hold' else 'reserve_release' end"
    return f"case when {reserves} then {hold} else {word} end"


def _signed(columns: Columns, word: str, names: tuple[str, ...]) -> str:
    """The first of these amounts that a row has and that is not zero, negative where money goes to the shopper."""
    found = [f"nullif({name}::decimal, 0)" for name in columns.all(*names)]
    if not found:
        raise _missing(columns, *names)
    amount = f"abs(coalesce({', '.join([*found, '0'])}))"
    return f"case when {among(word, terms.BACKWARDS)} then -{amount} else {amount} end"


def _pending() -> list[str]:
    """Types that only announce."""
    return [word for word, kind in terms.NO_MONEY_KINDS.items() if kind != "void"]


def _original_currency(columns: Columns, name: str, amount: str | None) -> str | None:
    currency = columns.first(name)
    return f"case when {amount} is not null then upper({currency}) end" if currency and amount else None


def _utc(local: str, zone: str) -> str:
    """The SQL of the UTC moment of a local time; null where the zone is empty or unknown."""
    words, places = (", ".join(map(literal, each)) for each in (terms.ZONES, terms.ZONES.values()))
    named = f"case when contains({literal(terms.IANA_ZONES)}, '|' || {zone} || '|') then {zone} end"
    return f"timezone(case when contains({zone}, '/') then {named} else map([{words}], [{places}])[upper({zone})] end, {local})"


def _times(columns: Columns, options: ReadOptions, *sources: tuple[str, tuple[str, ...]]) -> dict[str, str | None]:
    """
    When a row happened and on which day it counts, in the account's time zone (as written where no zone is known).

    :param sources: columns of local times and of their zones: the last one that the report has is when it happened,
        the first one that a row has is when it was booked.
    """
    known = [(name, columns.filled(*zones)) for column, zones in sources if (name := columns.first(column))]
    if not known:
        raise _missing(columns, *(column for column, _ in sources))
    happened, happened_zone = known[-1]
    names = [name for name, _ in known]
    local = f"coalesce({', '.join(names)})::timestamp" if len(names) > 1 else f"{names[0]}::timestamp"
    zone = happened_zone
    if len(known) > 1 and known[0][1] != happened_zone:
        zone = f"(case when {names[0]} is not null then {known[0][1]} else {happened_zone} end)"
    if zone is None or happened_zone is None:
        return {"booked_on": local}
    return {
        "occurred_at": _utc(f"{happened}::timestamp", happened_zone),
        "booked_on": f"coalesce(timezone({literal(options.timezone)}, {_utc(local, zone)}), {local})",
    }


def _settlement(columns: Columns) -> str | None:
    """Batch numbers count per merchant account."""
    batch = columns.first("batch_number")
    return f"{_required(columns, 'merchant_account')} || '/' || {batch}" if batch else None


def _identity(columns: Columns, word: str, modification: str | None, is_state: str = "") -> dict[str, str | None]:
    """
    Namespace and identity of one line of a payment's journal.

    A payment is refunded, or captured, in as many parts as one likes, which only the reference of the modification tells
    apart; a row without it is counted. States may repeat and are told apart by their time; they move nothing.
    """
    at = columns.first("booking_date")
    payment = columns.first("psp_reference")
    known = [f"{modification} is not null"] * (modification is not None) + [is_state] * bool(is_state)
    if payment is None or not known:
        return {"namespace": literal(terms.NAMESPACE), "identity": "null::varchar"}  # else it were the external id
    whole = f"{word} || ':' || {payment} || ':'" + (f" || coalesce({modification}, '')" if modification else "")
    if at and is_state:
        whole += f" || case when {is_state} then ':' || coalesce({at}, '') else '' end"
    single = f"{payment} is not null and not {among(word, terms.REPEATING)} and ({' or '.join(known)})"
    return {"namespace": literal(terms.NAMESPACE), "identity": f"case when {single} then {whole} end"}


def _links(columns: Columns, word: str, modification: str | None) -> dict[str, str | None]:
    payment = columns.first("psp_reference") or "null"
    modified = modification or "null"
    # A capture is known by its payment, and so is a state; whatever follows (refund, chargeback) by its own reference.
    first = among(word, (*(w for w, kind in terms.MONEY_KINDS.items() if kind == "charge"), *terms.NO_MONEY_KINDS))
    # The bank's text of a payout begins with it: TX3488899933XT.
    transfer = f"regexp_extract({modified}, 'TX[0-9A-Z]+XT')"
    invoice = f"regexp_extract({modified}, 'Invoice ([A-Z0-9]+)', 1)"
    arn = columns.first("arn")
    references = [
        *(f"nullif({name}, '<auto>')" for name in columns.all(
            "merchant_reference", "modification_merchant_reference", "merchant_order_reference", "dispute_reference"
        )),
        payment,
        f"case when {payment} is not null then {modified} end",
        f"case when {payment} is null then nullif({transfer}, '') end",
        f"case when {payment} is null then nullif({invoice}, '') end",
        *([f"case when regexp_matches({arn}, '^[0-9]{{23}}$') then {arn} end"] if arn else []),
        *identifying(columns.starting("metadata[", "metadata.")),
    ]  # fmt: skip
    return {
        "external_id": f"case when {payment} is null then nullif({transfer}, '')"
        f" when {first} then {payment} else coalesce({modified}, {payment}) end",
        "payment_id": payment,
        "parent_external_id": f"case when not {first} then {payment} end",
        "references": f"[{', '.join(references)}]",
        "text": f"case when {payment} is null then {modified} end",
        "counterparty": columns.filled("shopper_name", "shopper_email", "shopper_reference"),
    }
