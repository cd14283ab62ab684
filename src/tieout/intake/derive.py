"""
What intake adds to each row that a format states: identity, owner, lineage and keys.

The identity is the first 128 bits of SHA-256 over system, account as the file names it, what the identifier numbers,
and the identifier; without an identifier, over dates, amount, currency, references, text and settlement. It never
depends on the delivery's channel, nor on ``kind``. Entries that a bank announces before they are booked (intraday reports,
advices) are named apart: they never become the booked entry, which supersedes them.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from tieout.config.accounts import is_iban
from tieout.model.cross_references import IDENTIFIERS
from tieout.model.normal import NORMALISER, keys_of, normal_column
from tieout.model.records import record_schema, stated_schema

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Callable, Sequence

    import duckdb
    import numpy.typing as npt

    from tieout.model.problems import Named
    from tieout.model.records import Record

__all__ = [
    "NUMBERED_ACROSS_ACCOUNTS",
    "Owner",
    "Provenance",
    "alias_keys",
    "common_ids",
    "derive",
    "record_id_of",
    "record_ids",
    "record_keys",
    "reference_rows",
    "rekey",
    "renumbered",
    "stated_table",
    "whole",
]

_UNIT = "\x1f"
#: Systems whose identifiers are unique across accounts: one channel names the account, another does not.
NUMBERED_ACROSS_ACCOUNTS = {"stripe"}
_PIECE_ROWS = 16_384
# Rows computed at once: their words stay in the processor's cache.
_BLOCK_ROWS = 2_048


@dataclass(frozen=True, slots=True)
class Owner:
    """Whose money a row is: the account, and the entity that it belongs to."""

    entity_id: str
    account_id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Provenance:
    """
    What is the same for every row of one delivery.

    :ivar system: the platform or bank whose identifiers these are.
    :ivar owner_of: gives the owner for (account as the file names it, currency).
    :ivar number_of: gives the number that an account goes by for the same; None: every file calls each account alike.
    """

    system: str
    source_id: str
    delivery_id: str
    seen_at: dt.datetime
    owner_of: Callable[[str | None, str], Owner]
    number_of: Callable[[str | None, str | None], str | None] | None = None


def stated_table(records: Sequence[Record]) -> pa.Table:
    """Turn records into columns of ``model.records.stated_schema``."""
    schema = stated_schema()
    columns = [pa.array([getattr(record, f.name) for record in records], f.type) for f in schema]
    return pa.Table.from_arrays(columns, schema=schema)


def renumbered(stated: pa.Table, origin: Provenance) -> pa.Table:
    """Write for each account the number that it goes by: one entry is one record, whatever a file calls its account."""
    if origin.number_of is None or not stated.num_rows:
        return stated
    distinct = _distinct(stated, ["account_number", "currency"])
    numbers = {
        (p["account_number"], p["currency"]): origin.number_of(p["account_number"], p["currency"]) for p in distinct
    }
    if all(number == said for (said, _), number in numbers.items()):
        return stated
    pairs = zip(stated["account_number"].to_pylist(), stated["currency"].to_pylist(), strict=True)
    column = pa.array([numbers[pair] for pair in pairs], pa.string())
    return stated.set_column(stated.column_names.index("account_number"), "account_number", column)


def derive(con: duckdb.DuckDBPyConnection, stated: pa.Table, origin: Provenance, member: str | None = None) -> pa.Table:
    """
    Give the rows of the ``records`` table for stated rows: version 1, identities not yet numbered among equals.

    Columns that repeat one value come dictionary-encoded.
    """
    count = stated.num_rows
    owners = _owners(stated, origin)
    owned = stated
    if origin.system == "bank":
        owned = stated.append_column("entity_id", owners["entity_id"].cast(pa.string()))
    ids = record_ids(con, owned, origin.system)
    columns: dict[str, pa.Array | pa.ChunkedArray] = {
        "record_id": ids,
        "record_key": record_keys(ids),
        "version": _constant(1, count, pa.int32()),
        "system": _constant(origin.system, count, pa.string()),
        "source_id": _constant(origin.source_id, count, pa.string()),
        "delivery_id": _constant(origin.delivery_id, count, pa.string()),
        "member": _constant(member, count, pa.string()),
        "seen_at": _constant(origin.seen_at, count, pa.timestamp("us", tz="UTC")),
        "normaliser": _constant(NORMALISER, count, pa.int32()),
        **owners,
        **_keys(stated),
        "text_normal": _normal_bank_text(stated),
    }
    names = record_schema().names
    return pa.table([columns.get(n, stated[n] if n in stated.column_names else None) for n in names], names=names)


def rekey(rows: pa.Table) -> pa.Table:
    """Compute the keys of changed rows of the ``records`` table anew."""
    fresh = {
        **_keys(rows),
        "text_normal": _normal_bank_text(rows),
        "record_key": record_keys(whole(rows["record_id"])),
    }
    return pa.table([fresh.get(name, rows[name]) for name in rows.column_names], names=rows.column_names)


def record_keys(ids: pa.Array) -> pa.Array:
    """Take the first 64 bits of each identity as a signed integer, for joins that then compare the whole."""
    words = np.frombuffer(ids.buffers()[1], ">i8", count=2 * (ids.offset + len(ids)))
    return pa.array(words[2 * ids.offset :: 2].astype(np.int64))


def alias_keys(stated: pa.Table, system: str) -> tuple[list[int], list[bytes]]:
    """
    Give the other identities of rows: (row, identity) for each alias ``"namespace:identity"``.
    """
    aliases = whole(stated["aliases"])
    rows = pc.list_parent_indices(aliases).to_pylist()
    accounts = stated["account_number"].take(pa.array(rows, pa.int64())).to_pylist() if rows else []
    found = []
    for account, alias in zip(accounts, pc.list_flatten(aliases).to_pylist(), strict=True):
        namespace, _, identity = alias.partition(":")
        text = _prefix(system, account, namespace) + "i" + identity
        found.append(hashlib.sha256(text.encode()).digest()[:16])
    return rows, found


def reference_rows(table: pa.Table, first_row: int) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int32]]:
    """
    List every key of every row for the look-up index.

    :return: keys, and the row (counted from the beginning of the records file) of each.
    """
    keys, rows = [], []
    numbers = np.arange(first_row, first_row + table.num_rows, dtype=np.int32)
    for name in IDENTIFIERS.values():
        column = table[name]
        if column.null_count == len(column):
            continue
        present = column.is_valid().to_numpy(zero_copy_only=False)
        keys.append(column.drop_null().to_numpy())
        rows.append(numbers[present])
    for listed in (whole(table["reference_keys"]), _alias_names(table)):
        flat = pc.list_flatten(listed)
        if len(flat):
            present = flat.is_valid().to_numpy(zero_copy_only=False)
            keys.append(flat.drop_null().to_numpy())
            rows.append(numbers[pc.list_parent_indices(listed).to_numpy()[present]])
    if not keys:
        return np.zeros(0, np.int64), np.zeros(0, np.int32)
    return np.concatenate(keys), np.concatenate(rows)


def whole(column: pa.ChunkedArray) -> pa.Array:
    """Join the pieces of a column; one piece is given as it is, which Arrow's own function would copy."""
    return column.chunk(0) if column.num_chunks == 1 else pa.concat_arrays(column.chunks or [pa.array([], column.type)])


def _alias_names(table: pa.Table) -> pa.Array:
    """Give the keys of what aliases name, without the namespaces before them."""
    aliases = whole(table["aliases"])
    flat = pc.list_flatten(aliases)
    if not len(flat):
        return pa.array([], pa.list_(pa.int64()))
    names = pc.replace_substring_regex(flat, "^[^:]*:", "")
    lengths = pc.fill_null(pc.list_value_length(aliases), 0).to_numpy(zero_copy_only=False)
    return pa.ListArray.from_arrays(
        pa.array(np.concatenate([[0], np.cumsum(lengths)]).astype(np.int32)), keys_of(names)
    )


def _constant(value: object, count: int, kind: pa.DataType) -> pa.Array:
    """Repeat one value, stored once."""
    if value is None or not count:
        return pa.nulls(count, kind)
    return pa.DictionaryArray.from_arrays(pa.array(np.zeros(count, np.int32)), pa.array([value], kind))


def _prefix(system: str, account: str | None, namespace: str) -> str:
    """Fold the constant part of an identity into 32 characters, so that most identities fit one hash block."""
    named = "" if system in NUMBERED_ACROSS_ACCOUNTS else account or ""
    return hashlib.sha256(_UNIT.join([system, named, namespace]).encode()).hexdigest()[:32]


_WITHOUT_IDENTIFIER = """
    'd' || concat_ws(chr(31),
        coalesce(s.booked_on::varchar, ''), coalesce(s.value_on::varchar, ''),
        coalesce(s.occurred_at::varchar, ''), coalesce(s.due_on::varchar, ''),
        coalesce(s.amount::varchar, ''), coalesce(s.exponent::varchar, ''), s.currency,
        coalesce(array_to_string(s."references", chr(30)), ''), coalesce(s.text, ''))
"""
# One fee in each of two settlements is two; the separator occurs in no text of the above.
_IN_SETTLEMENT = " || coalesce(chr(29) || s.settlement_id, '')"
_DIGESTED = [
    "booked_on", "value_on", "occurred_at", "due_on", "amount", "exponent", "currency", "references", "text",
    "settlement_id",
]  # fmt: skip


def common_ids(con: duckdb.DuckDBPyConnection, stated: pa.Table, system: str) -> tuple[list[int], list[bytes]]:
    """
    Give what rows of a settlement without identifier have in common with those of no, or another, one: (row, identity).
    """
    settled = pc.and_(pc.is_null(stated["identity"]), pc.is_valid(stated["settlement_id"]))
    if system == "bank" or not pc.any(settled).as_py():
        return [], []
    rows = pc.indices_nonzero(settled)
    return rows.to_pylist(), record_ids(con, stated.take(rows), system, common=True).to_pylist()


def record_ids(con: duckdb.DuckDBPyConnection, stated: pa.Table, system: str, *, common: bool = False) -> pa.Array:
    """
    Compute the identity of every row, in order; rows without identifier not yet numbered among equals.

    :param stated: columns of ``model.records.stated_schema``; of banks, ``entity_id`` as well.
    :param common: as if no row without identifier stood in a settlement, as a bank's never does.
    """
    grouped = ["account_number", "namespace", "status", *(["entity_id"] if system == "bank" else [])]
    groups = _distinct(stated, grouped)
    prefixes = [g | {"prefix": _prefix(system, _account(**g), _namespace(system, **g))} for g in groups]
    named = stated["identity"].null_count == 0
    text = "'i' || s.identity"
    if not named:
        without = _WITHOUT_IDENTIFIER if common or system == "bank" else _WITHOUT_IDENTIFIER + _IN_SETTLEMENT
        text = f"case when s.identity is not null then {text} else {without} end"
    columns = stated.select(["identity"] if named else ["identity", *_DIGESTED])
    if len(prefixes) == 1:
        source, prefix = "from stated s", f"'{prefixes[0]['prefix']}'"
    else:
        columns = pa.table([*columns, *stated.select(grouped)], names=[*columns.column_names, *grouped])
        columns = columns.append_column("row", pa.array(np.arange(stated.num_rows, dtype=np.int64)))
        con.register("prefixes", pa.Table.from_pylist(prefixes))
        prefix = "p.prefix"
        source = (
            "from stated s join prefixes p on "
            + " and ".join(f"p.{name} is not distinct from s.{name}" for name in grouped)
            + " order by s.row"
        )
    # Pieces let the engine work on both processors; it keeps their order.
    con.register("stated", pa.Table.from_batches(columns.to_batches(max_chunksize=_PIECE_ROWS), columns.schema))
    digests = whole(con.sql(f"select sha256({prefix} || {text}) as digest {source}").to_arrow_table()["digest"])
    con.unregister("stated")
    if len(prefixes) > 1:
        con.unregister("prefixes")
    return _first_half(digests)


def _first_half(digests: pa.Array) -> pa.Array:
    """Take the first 16 bytes of digests written as 64 hexadecimal digits: numpy reads those quicker than the engine."""
    _, offsets, data = digests.buffers()
    begin = int(np.frombuffer(offsets, np.int32)[digests.offset]) if len(digests) else 0
    digits = np.frombuffer(data or b"", "<u8", 8 * len(digests), begin).reshape(-1, 8)[:, :4]
    halves = np.empty(digits.shape, "<u4")
    for at in range(0, len(digits), _BLOCK_ROWS):
        halves[at : at + _BLOCK_ROWS] = _from_hexadecimal(digits[at : at + _BLOCK_ROWS])
    return pa.Array.from_buffers(pa.binary(16), len(digests), [None, pa.py_buffer(halves)])


def _from_hexadecimal(words: npt.NDArray[np.uint64]) -> npt.NDArray[np.uint64]:
    """Read eight digits, one a byte, as the four bytes that they write."""
    four, eight, sixteen = np.uint64(4), np.uint64(8), np.uint64(16)
    letters = (words >> np.uint64(6)) & np.uint64(0x0101010101010101)  # letters stand above 0x40; a is ten
    words = (words & np.uint64(0x0F0F0F0F0F0F0F0F)) + letters * np.uint64(9)
    words = ((words << four) | (words >> eight)) & np.uint64(0x00FF00FF00FF00FF)
    words = (words | (words >> eight)) & np.uint64(0x0000FFFF0000FFFF)
    return (words | (words >> sixteen)) & np.uint64(0xFFFFFFFF)


def _account(*, account_number: str | None, entity_id: str | None = None, **_others: object) -> str | None:
    """
    Name the account that an identifier belongs to: two banks may give one number to accounts of two entities.

    An IBAN is one account in the world, whoever delivers its statements.
    """
    if entity_id is None or (account_number is not None and is_iban(account_number)):
        return account_number
    return f"{account_number or ''}{_UNIT}{entity_id}"


def record_id_of(named: Named, system: str, entity_id: str) -> bytes:
    """Give the identity that a row of an entity would have had, as :func:`record_ids` computes it."""
    account = _account(account_number=named.account, entity_id=entity_id if system == "bank" else None)
    namespace = _namespace(system, namespace=named.namespace, status=named.status)
    text = _prefix(system, account, namespace) + "i" + named.identity
    return hashlib.sha256(text.encode()).digest()[:16]


def _namespace(system: str, *, namespace: str, status: str, **_others: object) -> str:
    """Name what a bank has not booked yet apart from what it has."""
    return f"{namespace}/announced" if system == "bank" and status != "booked" else namespace


def _owners(stated: pa.Table, origin: Provenance) -> dict[str, pa.Array]:
    """Find each row's account and entity; files name few accounts, so each is asked for once."""
    distinct = _distinct(stated, ["account_number", "currency"])
    owners = [origin.owner_of(p["account_number"], p["currency"]) for p in distinct]
    if len(owners) == 1:
        count = stated.num_rows
        return {
            "entity_id": _constant(owners[0].entity_id, count, pa.string()),
            "account_id": _constant(owners[0].account_id, count, pa.string()),
        }
    codes = {(p["account_number"], p["currency"]): i for i, p in enumerate(distinct)}
    numbers, currencies = stated["account_number"].to_pylist(), stated["currency"].to_pylist()
    index = pa.array([codes[pair] for pair in zip(numbers, currencies, strict=True)], pa.int32())
    # Encoded by their values: of one that stands twice in a dictionary, Parquet leaves bytes in the page that nobody wrote.
    named = {name: pa.array([getattr(o, name) for o in owners], pa.string()) for name in ("entity_id", "account_id")}
    return {name: values.take(index).dictionary_encode() for name, values in named.items()}


def _distinct(rows: pa.Table, names: list[str]) -> list[dict[str, Any]]:
    """Give the combinations of values that occur in some columns; quick where there is only one."""
    if rows.num_rows and all(_one_value(rows[name]) for name in names):
        distinct = rows.select(names).slice(0, 1)
    else:
        distinct = rows.select(names).group_by(names, use_threads=False).aggregate([])
    found: list[dict[str, Any]] = distinct.to_pylist()
    return found


def _one_value(column: pa.ChunkedArray) -> bool:
    """Whether all rows hold the same, or nothing."""
    if column.null_count:
        return bool(column.null_count == len(column))
    return bool(pc.all(pc.equal(column, column[0])).as_py())


def _keys(stated: pa.Table) -> dict[str, pa.Array]:
    found = {key: _key_column(whole(stated[name])) for name, key in IDENTIFIERS.items()}
    listed = whole(stated["references"])
    flat = keys_of(pc.list_flatten(listed))
    lengths = pc.fill_null(pc.list_value_length(listed), 0)
    offsets = np.concatenate([[0], np.cumsum(lengths.to_numpy(zero_copy_only=False))]).astype(np.int32)
    found["reference_keys"] = pa.ListArray.from_arrays(pa.array(offsets), flat)
    return found


def _key_column(column: pa.Array) -> pa.Array:
    if column.null_count == len(column):
        return pa.nulls(len(column), pa.int64())
    coded = column.slice(0, 1000).dictionary_encode()
    if len(column) > len(coded) * 2 and len(coded.dictionary) * 10 < len(coded):  # the same few values again and again
        coded = column.dictionary_encode()
        return keys_of(coded.dictionary).take(coded.indices)
    return keys_of(column)


def _normal_bank_text(stated: pa.Table) -> pa.Array:
    """Normalise the remittance text of bank lines, in which identifiers are looked for."""
    is_bank = pc.is_in(stated["kind"], value_set=pa.array(["bank_entry", "bank_detail"]))
    if not pc.any(is_bank).as_py():
        return pa.nulls(stated.num_rows, pa.string())
    return normal_column(pc.if_else(is_bank, stated["text"], pa.scalar(None, pa.string())).combine_chunks())
