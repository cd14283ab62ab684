"""
What came nearest to an exception that no identifier and no equal amount leads to: the same name, and nearly the amount.

By equal values only: an amount is in a band of its first one or two digits, and asks for that band and its two
neighbours; what is offered stands in the bands of its own length and of one digit fewer or more, so that 99.99 is found
beside 100.00. Besides, a name by itself is a key, for what ``farther`` looks for: with its currency, and where a rule
compares two currencies without.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa

from tieout.matching.comparing.columns import name_forms
from tieout.matching.comparing.two_names import names_agree
from tieout.matching.facts.sides import listed
from tieout.model.kinds import PAID_OUT

if TYPE_CHECKING:
    import numpy.typing as npt

    from tieout.matching.performing.perform import Performance

__all__ = ["CROWD_MAX", "DAYS_MAX", "NEAR_PART", "compares_currencies", "find_nearest"]

#: Amounts that differ by more than this part of the one that asks are not near.
NEAR_PART = 10
#: So many things of one name and band are set side by side; of more, none is called the nearest.
CROWD_MAX = 20
DAYS_MAX = 31
_POWERS = np.array([10**n for n in range(19)], np.int64)
_MIX = (0x9E3779B97F4A7C15, 0xC2B2AE3D27D4EB4F, 0x165667B19E3779F9)
_KEYS = pa.schema({"thing": pa.int64(), "key": pa.int64()})


def compares_currencies(work: Performance) -> bool:
    """Say whether a rule compares amounts of two currencies."""
    return any(rule.amount is not None and rule.amount.base for rule in work.rules.rules)


def find_nearest(work: Performance) -> None:
    """
    Make ``met_by_name`` (thing, other): what bears the name of an exception without candidate, and nearly its amount.

    And ``near_asked``, ``near_offered`` (thing, key): what asks, and what is there.
    """
    engine = work.engine
    # The names of a settlement's lines are its customers', and only together do they come to what a bank's line is.
    plain = f"and (o.claim <> 'settlement' or o.kind in ({listed(PAID_OUT)}))" if any(work.grouped) else ""
    wanted = f"""select o.thing, o.counterparty, o.whole::bigint as whole, o.ccy from left_over o
        where o.counterparty is not null and o.claim <> 'transfer' and o.whole <> 0 {plain}"""
    one_company = "and coalesce(a.entity_id = b.entity_id, true)" if work.by_entity else ""
    met = "select thing from met_by_key union all select thing from met_by_amount"
    for name, (asks, condition) in {
        "near_asked": (_asked, f"o.state = 'exception' and o.thing not in ({met})"),
        "near_offered": (_offered, "o.why is distinct from 'not settled yet' and o.state <> 'excluded'"),
    }.items():
        function = partial(asks, exchanged=compares_currencies(work))
        engine.derive(name, [(f"{wanted} and {condition}", function)], _KEYS)
    engine.create(
        "near_pairs",
        f"""
        select distinct a.thing, b.thing as other, a.counterparty as one, b.counterparty as another
        from near_asked k join near_offered m on m.key = k.key
        semi join (select key from near_offered group by key having count(*) <= {CROWD_MAX}) c on c.key = k.key
        join left_over a on a.thing = k.thing join left_over b on b.thing = m.thing
        where a.origin <> b.origin and a.ccy = b.ccy and abs(b.booked - a.booked) <= {DAYS_MAX}
            {one_company} and a.claim <> 'transfer' and b.claim <> 'transfer' and abs(a.whole - b.whole) * {NEAR_PART} <= abs(a.whole)
        """,
    )
    same = pa.schema({"thing": pa.int64(), "other": pa.int64()})
    engine.derive("met_by_name", [("select * from near_pairs", _of_one)], same)


def _of_one(rows: pa.Table) -> pa.Table:
    agree = [
        names_agree(one, other) for one, other in zip(rows["one"].to_pylist(), rows["another"].to_pylist(), strict=True)
    ]
    return rows.select(["thing", "other"]).filter(pa.array(agree, pa.bool_()))


def _asked(rows: pa.Table, *, exchanged: bool) -> pa.Table:
    """Give the keys under which something near is looked for."""
    amounts, digits = _measured(rows)
    # From 20 on two digits are finer than need be: one will do.
    level = np.minimum(digits + (amounts >= 2 * _POWERS[digits - 1]), len(_POWERS))
    bands = amounts // _POWERS[np.maximum(level - 2, 0)]
    return _keyed(rows, [(level, bands + step) for step in (-1, 0, 1)], exchanged=exchanged)


def _offered(rows: pa.Table, *, exchanged: bool) -> pa.Table:
    """Give the keys under which something is found."""
    amounts, digits = _measured(rows)
    levels = [np.clip(digits + step, 1, len(_POWERS)) for step in (-1, 0, 1)]
    bands = [(level, amounts // _POWERS[np.maximum(level - 2, 0)]) for level in levels]
    return _keyed(rows, bands, exchanged=exchanged)


def _measured(rows: pa.Table) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    amounts = np.abs(rows["whole"].to_numpy())
    return amounts, np.searchsorted(_POWERS, amounts, side="right")


def _keyed(
    rows: pa.Table, bands: list[tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]], *, exchanged: bool
) -> pa.Table:
    """
    Make one key of name, currency, which way the money runs, length and band; and one without length and band.

    :param exchanged: and one without the currency.
    """
    names = name_forms(rows["counterparty"].combine_chunks().cast(pa.string()))["block"].combine_chunks()
    known = names.is_valid().to_numpy(zero_copy_only=False)
    block = names.fill_null(0).to_numpy(zero_copy_only=False).astype(np.uint64)
    out = (rows["whole"].to_numpy() < 0).astype(np.uint64)
    way = rows["ccy"].to_numpy().astype(np.uint64) * np.uint64(2) + out
    things = rows["thing"].to_numpy()[known]
    nothing = np.zeros(len(way), np.int64)
    told = [(way, level, band) for level, band in [*bands, (nothing, nothing)]]
    told += [(out, nothing - 1, nothing)] if exchanged else []
    keys = []
    for run, level, band in told:
        parts = (run, level.astype(np.uint64), band.astype(np.uint64))
        mixed = block.copy()
        for part, factor in zip(parts, _MIX, strict=True):
            mixed = (mixed ^ part) * np.uint64(factor)
        keys.append(mixed[known].view(np.int64))
    table = pa.table({"thing": np.tile(things, len(told)), "key": np.concatenate(keys)})
    return table.group_by(["thing", "key"], use_threads=False).aggregate([])
