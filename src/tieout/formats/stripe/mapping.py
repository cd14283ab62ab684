"""
The mapping of Stripe's itemised reports, made from the columns that a report happens to have.

Covers, in every version and choice of columns: payout reconciliation (also by id, also ending balance), balance change
from activity, payouts, their ``connected_account_`` variants, and the balance export of the Dashboard (``Created
(UTC)``, ``Source``, ``Type``). Amounts are in major units.

Days: ``created_utc`` becomes a day of the account's time zone; ``created`` alone is in the zone that the report was
made for, which is taken to be the account's.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from tieout.errors import BadInput
from tieout.formats._columns import Columns, among, identifying, literal
from tieout.formats.stripe.terms import FEE_TAXES, KIND_OF, NAMESPACES, RESERVE, TRANSACTION
from tieout.formats.tabular import CsvDialect, Mapping

if TYPE_CHECKING:
    from tieout.formats.reading import ReadOptions

__all__ = ["LINE_COLUMNS", "THING_COLUMNS", "itemised_mapping"]

#: Columns one of which names every line, what caused it, or the payout whose lines a report tells in full.
LINE_COLUMNS = ("balance_transaction_id", "id", "source_id", "source", "automatic_payout_id", "payout_id")
#: Columns that name some lines by what caused them; a report with nothing else says of the others only what they moved.
THING_COLUMNS = ("charge_id", "refund_id")

_REFUNDED = NAMESPACES["refund"][1]
_WITH_CHARGE = (*_REFUNDED, "refund_failure", "dispute", "dispute_reversal", "adjustment")
_TRANSFERS = tuple(word for word, kind in KIND_OF.items() if kind.startswith(("internal_", "application_")))

_MOMENTS = ("created_utc", "created_date_utc", "effective_at_utc")
# Without a time of creation: the next best days, of which a row has one or another.
_OTHER_MOMENTS = (
    "effective_at",
    "automatic_payout_effective_at_utc",
    "automatic_payout_effective_at",
    "available_on_utc",
    "available_on",
)
_VALUE_DAYS = (
    "available_on_utc",
    "available_on",
    "payout_expected_arrival_date",
    "effective_at_utc",
    "effective_at",
)
_REFERENCES = (
    "balance_transaction_id",
    "payment_intent_id",
    "charge_id",
    "refund_id",
    "dispute_id",
    "fee_id",
    "invoice_id",
    "invoice_number",
    "order_id",
    "transfer_id",
    "transfer_group",
    "trace_id",
    "connected_account_direct_charge_id",
    "connected_account_charge_id",
)
_METADATA = ("payment_metadata[", "refund_metadata[", "transfer_metadata[", "metadata[")
# Columns whose whole content has a field; everything else is kept in details under its own name.
_TOLD = frozenset({
    "amount", "available_on", "available_on_utc", "balance_transaction_id", "created", "created_date_utc", "created_utc", "currency",
    "customer_facing_amount", "customer_facing_currency", "description", "fee", "gross", "id", "net", "source",
    "source_id", "payment_intent_id", "charge_id",
})  # fmt: skip


def itemised_mapping(format_id: str, header: tuple[str, ...], options: ReadOptions, decimal: str) -> Mapping:
    """
    Make the mapping for one report's columns.

    :param decimal: the decimal sign that the report was run with.
    :raises BadInput: columns without which nothing can be booked are missing.
    """
    columns = Columns.of(header)
    word = _word(columns)
    source = _source(columns, word)
    fields = {
        "kind": _kind(columns, word, source),
        "amount": _amount(columns),
        "currency": f"upper({_required(columns, 'currency')})",
        **_fee_and_net(columns),
        "tax": f"case when {among(word, FEE_TAXES)} then {_amount(columns)} end",
        **_identity(columns, word, source),
        **_links(columns, word, source),
        **_days(columns, options.timezone),
        **_seen_by_customer(columns),
    }
    kinds = {name: kind for name, kind in KIND_OF.items() if kind != RESERVE}
    details = tuple(name for plain, name in columns.names.items() if plain not in _TOLD)
    return Mapping(
        id=format_id,
        system="stripe",
        dialect=CsvDialect(delimiter="auto", decimal=decimal),
        fields={name: sql for name, sql in fields.items() if sql is not None},
        kinds=kinds,
        details=details,
        totals="net" if "net" in fields else "amount",
        only_net=columns.first("gross", "amount", "fee") is None,
        identified=() if columns.all(*LINE_COLUMNS) else ("balance_transaction_id", "source_id"),
        trusted=True,
    )


def _required(columns: Columns, *names: str) -> str:
    found = columns.filled(*names)
    if found is None:
        message = f"expected the column {' or '.join(names)} in the report's header, got {list(columns.names.values())}"
        raise BadInput(message[:500])
    return found


def _word(columns: Columns) -> str:
    return f"lower({_required(columns, 'reporting_category', 'type')})"


def _amount(columns: Columns) -> str:
    """
    The gross amount with its effect on the balance as sign.

    A payout's net says it alone: some reports print what the bank will get, positive, as the payout's gross.
    """
    gross, fee, net = columns.first("gross", "amount"), columns.first("fee"), columns.first("net")
    if net is None:
        return _required(columns, "gross", "amount", "net")
    whole = f"({net}::decimal + coalesce({fee}::decimal, 0))" if fee else f"{net}::decimal"
    if gross is None:
        return whole
    word = _word(columns)
    return f"case when {word} = 'payout' and {net} is not null then {whole} else {gross}::decimal end"


def _fee_and_net(columns: Columns) -> dict[str, str]:
    gross, fee, net = columns.first("gross", "amount"), columns.first("fee"), columns.first("net")
    found = {"net": net} if net else {}
    if fee:
        found["fee"] = fee
    elif gross and net:
        found["fee"] = f"case when {_word(columns)} <> 'payout' then {gross}::decimal - {net}::decimal end"
    return found


def _source(columns: Columns, word: str) -> str | None:
    """The object that caused the line: stated, or known from the column of its kind."""
    source = columns.filled("source_id", "source", "payout_id")
    known = [
        f"case when {among(word, words)} then {column} end"
        for words, column in (
            (NAMESPACES["charge"][1], columns.first("charge_id")),
            (_REFUNDED, columns.first("refund_id")),
        )
        if column
    ]
    parts = ([source] if source else []) + known
    return f"coalesce({', '.join(parts)})" if len(parts) > 1 else next(iter(parts), None)


def _is_negative(columns: Columns) -> str:
    """Whether money leaves the balance, by the sign as written: a number that cannot be read is found elsewhere."""
    return f"starts_with({_required(columns, 'gross', 'amount', 'net')}, '-')"


def _kind(columns: Columns, word: str, source: str | None) -> str:
    """The word that ``kinds`` knows; where one word has two meanings, the sign or the source tells."""
    reserves, leaves = (name for name, kind in KIND_OF.items() if kind == RESERVE), _is_negative(columns)
    arms = [f"when {among(word, reserves)} then case when {leaves} then 'reserve_hold' else 'reserve_release' end"]
    if source:
        is_dispute = f"{word} = 'adjustment' and regexp_matches({source}, '^(dp|du)_')"
        undone = f"{word} = 'adjustment' and regexp_matches({source}, '^(re|pyr)_') and not {leaves}"
        arms += [
            f"when {is_dispute} then case when {leaves} then 'dispute' else 'dispute_reversal' end",
            f"when {undone} then 'refund_reversal'",
        ]
    return f"case {' '.join(arms)} else {word} end"


def _identity(columns: Columns, word: str, source: str | None) -> dict[str, str | None]:
    """Namespace, identity and aliases, as ``terms.identity_of`` gives them."""
    transaction = columns.first("balance_transaction_id", "id")
    if source is None:
        return {"namespace": literal(TRANSACTION), "identity": transaction, "external_id": transaction}
    # One search per row: "charge:ch_1" is a charge's own line, "refund_failure:re_1" is not a refund's.
    own = "|".join(
        f"({'|'.join(words)}):({'|'.join(prefix.rstrip('_') for prefix in prefixes)})"
        for prefixes, words in NAMESPACES.values()
    )
    is_own = f"coalesce(regexp_matches({word} || ':' || {source}, '^({own})_'), false)"
    by_prefix = " ".join(
        f"when starts_with({source}, {literal(prefix)}) then {literal(namespace)}"
        for namespace, (prefixes, _) in NAMESPACES.items()
        for prefix in prefixes
    )
    namespace = f"case when {is_own} then case {by_prefix} end else {literal(TRANSACTION)} end"
    if transaction is None:
        return {"namespace": namespace, "identity": f"case when {is_own} then {source} end", "external_id": source}
    return {
        "namespace": namespace,
        "identity": f"case when {is_own} then {source} else {transaction} end",
        "aliases": f"case when {is_own} then {literal(TRANSACTION + ':')} || {transaction} end",
        "external_id": f"coalesce({source}, {transaction})",
    }


def _links(columns: Columns, word: str, source: str | None) -> dict[str, str | None]:
    charge, intent = columns.first("charge_id"), columns.first("payment_intent_id")
    payout = columns.filled("automatic_payout_id", "payout_id", "transfer")
    paid, parent = [each for each in (intent, charge) if each], []
    if charge:
        parent.append(f"when {among(word, _WITH_CHARGE)} then {charge}")
    if source:
        paid.append(f"case when {among(word, NAMESPACES['charge'][1])} then {source} end")
        undone = (name for name, kind in KIND_OF.items() if kind == "payout_reversal")
        parent.append(f"when {among(word, undone)} then {source}")
        own = f"case when {word} = 'payout' and starts_with({source}, 'po_') then {source} end"
        payout = f"coalesce({own}, {payout})" if payout else own
    other = columns.first("connected_account_id")
    return {
        "payment_id": f"coalesce({', '.join(paid)})" if len(paid) > 1 else next(iter(paid), None),
        "settlement_id": payout,
        "parent_external_id": f"case {' '.join(parent)} end" if parent else None,
        "references": f"[{', '.join([*columns.all(*_REFERENCES), *identifying(columns.starting(*_METADATA))])}]",
        "text": columns.first("description"),
        "counterparty": columns.filled(
            "customer_name", "customer_email", "customer_description", "customer_id", "connected_account_name"
        ),
        "counterparty_account": f"case when {among(word, _TRANSFERS)} then {other} end" if other else None,
        "account": columns.first("connected_account"),
    }


def _days(columns: Columns, timezone: str) -> dict[str, str | None]:
    zone, moment = literal(timezone), columns.first(*_MOMENTS)
    value = columns.filled(*_VALUE_DAYS)
    found = {"value_on": f"{value}::date" if value else None}
    if moment is not None:
        day = f"{moment}::date" if timezone == "UTC" else f"timezone({zone}, timezone('UTC', {moment}::timestamp))"
        return found | {"occurred_at": moment, "booked_on": day}
    local = columns.first("created") or columns.filled(*_OTHER_MOMENTS)
    if local is None:
        local = _required(columns, *_MOMENTS, "created", *_OTHER_MOMENTS)
    return found | {"occurred_at": f"timezone({zone}, {local}::timestamp)", "booked_on": f"{local}::date"}


def _seen_by_customer(columns: Columns) -> dict[str, str | None]:
    """What the customer saw, with the sign of what it did to the balance."""
    seen, currency = columns.first("customer_facing_amount"), columns.first("customer_facing_currency")
    if seen is None or currency is None:
        return {}
    value = f"(case when {_is_negative(columns)} then -1 else 1 end) * abs({seen}::decimal)"
    return {
        "original_amount": f"case when {currency} is not null then {value} end",
        "original_currency": f"case when {seen} is not null then upper({currency}) end",
    }
