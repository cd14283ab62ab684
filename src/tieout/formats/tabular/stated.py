"""
The canonical columns that a mapping gives, as SQL over what its fields say.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from tieout.formats.tabular.compiling import CURRENCY_OF, Meaning
from tieout.formats.tabular.names import Names
from tieout.formats.tabular.typed import EXACT, FAST, Digits, quoted
from tieout.model.kinds import KINDS
from tieout.model.money import exponents
from tieout.model.records import ONLY_NET

if TYPE_CHECKING:
    from tieout.formats.tabular.mapping import Mapping

__all__ = [
    "DECIMALS",
    "constants",
    "decimals_of",
    "detail_places",
    "final_columns",
    "kind_of",
    "net_of",
    "power_of",
    "weighing",
]

#: The name under which the decimals of each currency field are known in the SQL.
DECIMALS = {"currency": "e", "original_currency": "oe", "base_currency": "be"}
_EXPONENT = {"e": "exponent", "oe": "original_exponent", "be": "base_exponent"}
_NET_PARTS = ("amount", "fee", "fee_tax")
_EVERYDAY = ("EUR", "USD", "GBP", "CHF")


def decimals_of(currency: str) -> str:
    """
    The SQL of a currency's decimals; NULL where there is no such currency.

    The long list is one text that is searched, not 150 literals: planning them again for every piece took longer.
    """
    by_count: dict[int, list[str]] = {}
    for code, count in sorted(exponents().items()):
        by_count.setdefault(count, []).append(code)
    everyday = ", ".join(map(quoted, _EVERYDAY))
    usual = quoted(f",{','.join(by_count.pop(2))},")
    rare = "".join(f" when {currency} in ({', '.join(map(quoted, codes))}) then {n}" for n, codes in by_count.items())
    known = f"length({currency}) = 3 and contains({usual}, ',' || {currency} || ',')"
    return f"case when {currency} in ({everyday}) then 2{rare} when {known} then 2 end"


def kind_of(mapping: Mapping, meaning: Meaning) -> str:
    """The SQL of the canonical kind of the row's word; NULL where the word is unknown."""
    word = meaning.value("kind")
    arms = "".join(f" when {quoted(said)} then {quoted(kind)}" for said, kind in mapping.kinds.items())
    canonical = f"case when {word} in ({', '.join(map(quoted, KINDS))}) then {word} end"
    return f"case {word}{arms} else {canonical} end" if arms else canonical


def power_of(count: str, most: int) -> str:
    """The SQL of ten to the power ``most - count``, without floating point."""
    arms = "".join(f" when {n} then {10 ** (most - n)}" for n in (2, 0, 3, 4, 1, *range(5, most + 1)) if n <= most)
    return f"case {count}{arms} end"


def weighing(meaning: Meaning, digits: Digits) -> list[str]:
    """
    The SQL of the divisors that turn amounts at the run's scale into minor units: ``p_e``, ``p_oe``, ``p_be``.

    The exact run first finds the decimals that the row's amounts carry; the fast one has none beyond the currency's.
    """
    columns = []
    for currency, name in DECIMALS.items():
        amounts = [f for f in meaning.rest if CURRENCY_OF.get(f) == currency]
        if not amounts:
            continue
        if digits is FAST:
            columns.append(f"{power_of(name, digits.scale)} as p_{name}")
            columns += [f"{meaning.value(f)} // p_{name} as m_{f}" for f in amounts]
            continue
        carried = [f"coalesce({_carried(meaning.value(f), name)}, 0)" for f in amounts]
        columns.append(f"greatest({name}, {', '.join(carried)}) as x_{name}")
        columns.append(f"{power_of(f'x_{name}', digits.scale)} as p_{name}")
    return columns


def _carried(scaled: str, decimals: str) -> str:
    """The SQL of how many decimals a number at scale 9 carries beyond its currency's (0: none) without zeros at the end."""
    arms = "".join(f" when {scaled} % {10 ** (EXACT.scale - n)} = 0 then {n}" for n in range(EXACT.scale))
    usual = f" when {scaled} is null or {scaled} % {power_of(decimals, EXACT.scale)} = 0 then 0"
    return f"case{usual}{arms} else {EXACT.scale} end"


def net_of(meaning: Meaning, form: str | None = None) -> str:
    """The SQL of what net must be: at the run's scale, or of the columns that ``form`` names (``m_{}``)."""
    said = {name: form.format(name) if form else meaning.value(name) for name in _NET_PARTS if name in meaning.rest}
    return f"({said.pop('amount')}{''.join(f' - coalesce({cost}, 0)' for cost in said.values())})"


def final_columns(mapping: Mapping, meaning: Meaning, digits: Digits = FAST) -> dict[str, str]:
    """Canonical columns and their SQL, in no particular order; what is the same in every row is in ``constants``."""
    found = {"kind": "kind", "currency": meaning.value("currency")}
    for name in meaning.rest:
        if name in CURRENCY_OF:
            decimals = DECIMALS[CURRENCY_OF[name]]
            found[name] = f"m_{name}" if digits is FAST else _minor(meaning.value(name), decimals)
            exponent = decimals if digits is FAST else f"x_{decimals}"
            found[_EXPONENT[decimals]] = f"cast({exponent} as bigint)"
        else:
            found[name] = meaning.value(name)
    for name in ("original_currency", "base_currency"):
        if name in meaning.first:
            found[name] = meaning.value(name)
    if "amount" in meaning.rest:
        own = "net" in meaning.rest
        if own and "fee" in meaning.rest and not mapping.only_net:
            # Amount and net both stated, and the cell of the fee empty: it is nothing. What is announced may cost something yet.
            told = f"{found['net']} is not null"
            if "status" in meaning.rest:
                told += f" and {meaning.value('status')} = 'booked'"
            found["fee"] = f"coalesce({found['fee']}, case when {told} then 0 end)"
        default = net_of(meaning, "m_{}") if digits is FAST else _minor(net_of(meaning), "e")
        found["net"] = f"coalesce({found['net']}, {default})" if own else default
    return found | _identity(meaning) | _details(mapping, meaning)


def _minor(scaled: str, decimals: str) -> str:
    return f"try_cast({scaled} // p_{decimals} as bigint)"


def _identity(meaning: Meaning) -> dict[str, str]:
    name = next((n for n in ("identity", "external_id") if n in meaning.rest), None)
    if name is None:
        return {}
    found = {"identity": meaning.value(name)}
    if "counted" not in meaning.rest:
        found["counted"] = f"({meaning.value(name)} is null)"
    else:
        found["counted"] = f"coalesce({meaning.value('counted')}, {meaning.value(name)} is null)"
    return found


def detail_places(mapping: Mapping, meaning: Meaning) -> list[int]:
    """Give the positions of the columns that are kept in ``details`` by their names."""
    if "details" in meaning.rest or not meaning.header:
        return []
    if mapping.details is None:
        return [n for n in range(len(meaning.header)) if n not in meaning.mentioned]
    return [Names(meaning.header).place(name) for name in mapping.details]


def _details(mapping: Mapping, meaning: Meaning) -> dict[str, str]:
    """The SQL of the JSON text of the columns that no field mentions; empty values are left out."""
    header = meaning.header
    if "details" in meaning.rest or not header:
        return {}
    mark = [quoted(f'"{ONLY_NET}":true')] if mapping.only_net else []
    places = detail_places(mapping, meaning)
    if not places and not mark:
        return {}
    places.sort(key=lambda n: (header[n], n))  # columns that stand in another order say the same
    keys = [quoted(json.dumps(meaning.header[n], ensure_ascii=False) + ":") for n in places]
    values = [f"cast(to_json(cast(c{n} as varchar)) as varchar)" for n in places]
    if len(places) == 1 and not mark:
        return {"details": f"'{{{keys[0][1:]} || {values[0]} || '}}'"}
    parts = [f"{key} || {value}" for key, value in zip(keys, values, strict=True)]
    return {"details": f"'{{' || nullif(concat_ws(',', {', '.join([*parts, *mark])}), '') || '}}'"}


def constants(meaning: Meaning) -> dict[str, object]:
    """Canonical columns that are the same in every row and need no SQL."""
    found: dict[str, object] = {}
    if "namespace" not in meaning.rest:
        found["namespace"] = "entry"
    if "status" not in meaning.rest:
        found["status"] = "booked"
    if not {"identity", "external_id", "counted"} & set(meaning.rest):
        found["counted"] = True
    for name in ("references", "aliases"):
        if name not in meaning.rest:
            found[name] = []
    return found
