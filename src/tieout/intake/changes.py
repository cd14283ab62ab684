"""
What a person must know of a statement that was issued again: what changed, or that nothing proves which issue holds.
"""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING, Any

from tieout.intake.findings import Finding
from tieout.intake.places import is_unfinished
from tieout.model.money import format_minor

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    import duckdb

    from tieout.intake.issues import Family
    from tieout.intake.places import StatementPlace
    from tieout.intake.reissued import Covered

__all__ = ["changes"]

_EPOCH = dt.date(1970, 1, 1)
_CANDIDATES_MAX = 10

_CHANGED = """
    with place as (select h.*, w.* exclude (position) from held h join weighed w using (position)),
    side as (
        select family, record_id, bool_or(superseded) as old, bool_or(run) as now, bool_or(rival) as rival
        from place group by all
    ),
    amounts as (
        select record_id, unnest(max(said)) from (
            select record_id, struct_pack(version, amount, exponent, currency, external_id) as said from standing
            union all select target, struct_pack(version := 0, amount, exponent, currency, external_id) from incoming
        ) group by record_id
    )
    select s.family, case
            when s.old and not s.now and s.record_id in (select record_id from kept) then 'kept'
            when s.old and not s.now and s.record_id in (select record_id from void) then 'withdrawn'
            when s.now and not s.old and f.superseded > 0 then 'new'
            when s.rival <> s.now and f.rivals > 0 then 'disputed' end as what,
        lower(hex(s.record_id)) as record_id, a.amount, a.exponent, a.currency, a.external_id
    from side s join amounts a using (record_id)
    join (
        select family, count(*) filter (superseded) as superseded, count(*) filter (rival) as rivals
        from weighed group by family
    ) f using (family)
    where what is not null order by family, what, s.record_id
"""


def changes(con: duckdb.DuckDBPyConnection, covered: Covered) -> list[Finding]:
    """
    Say what each later issue changed, and where nothing proves which issue holds.

    Needs ``kept``: the void records that stand, since other files tell of them.
    """
    if not covered.weighed:
        return []
    told: dict[int, dict[str, list[dict[str, Any]]]] = {}
    names = ("record_id", "amount", "exponent", "currency", "external_id")
    for number, what, *values in con.execute(_CHANGED).fetchall():
        told.setdefault(number, {}).setdefault(what, []).append(dict(zip(names, values, strict=True)))
    found = [_finding(covered, family, told.get(n, {})) for n, family in enumerate(covered.weighed)]
    return [finding for finding in found if finding is not None]


def _finding(covered: Covered, family: Family, told: dict[str, list[dict[str, Any]]]) -> Finding | None:
    if not family.run or not (family.superseded or family.rivals):
        return None
    places = covered.statements
    holds = places[family.run[-1]]
    if family.superseded:
        others = [places[i] for i in sorted(family.superseded) if not is_unfinished(places[i])]
        if not others:
            return None  # the beginning of what came whole
        if (
            holds.structured
            and not any(other.structured for other in others)
            and not _balances(holds, places[family.run[0]], others)
        ):
            return None  # the same figures in a poorer format
        parts = [f"{_count(told[what])} {word}" for what, word in _WORDS.items() if what in told]
        parts += _balances(holds, places[family.run[0]], others)
        if not parts:
            return None
        note = f"{_named(holds)} was issued again: {'; '.join(parts)}; {_from(holds)} holds, not {_list(others)}"
    else:
        others = [places[i] for i in family.rivals]
        parts = [f"{_count(told['disputed'])} in one only"] if "disputed" in told else []
        parts += _balances(holds, places[family.run[0]], others)
        if not parts:
            return None
        note = (
            f"{_named(holds)} came in several issues, and {family.why}: {'; '.join(parts)}; all of them stand,"
            f" {_list([holds, *others])}: say which holds, then ask the bank for it again or leave the other"
        )
    listed = [one | {"why": word} for what, word in _ALL_WORDS.items() for one in told.get(what, [])]
    return Finding(
        scope=family.scope,
        reason="conflict",
        note=note,
        source_id=holds.source_id,
        delivery_id=holds.delivery_id,
        account_id=holds.account_id,
        currency=holds.currency,
        booked_day=holds.to_day,
        candidates=[_candidate(one) for one in listed[:_CANDIDATES_MAX]],
    )


_WORDS = {"withdrawn": "withdrawn", "new": "new", "kept": "not told any more but kept, as other files tell of it"}
_ALL_WORDS = _WORDS | {"disputed": "in one of them only"}


def _candidate(one: dict[str, Any]) -> dict[str, object]:
    amount = None if one["amount"] is None else format_minor(one["amount"], one["exponent"])
    return {name: one[name] for name in ("record_id", "external_id", "why")} | {"amount": amount}


def _count(rows: list[dict[str, Any]]) -> str:
    exponent = max(row["exponent"] or 0 for row in rows)
    total = sum((row["amount"] or 0) * 10 ** (exponent - (row["exponent"] or 0)) for row in rows)
    sums = f" of together {format_minor(total, exponent)}" if len({row["currency"] for row in rows}) == 1 else ""
    return f"{len(rows)} {'entry' if len(rows) == 1 else 'entries'}{sums}"


def _balances(last: StatementPlace, first: StatementPlace, others: Sequence[StatementPlace]) -> list[str]:
    """Say which balances differ from what another issue said."""
    found = []
    for word, now, ends in (("opens", first.opening, "begins"), ("closes", last.closing, "ends")):
        side = first if ends == "begins" else last
        said = {
            _money(other, other.opening if ends == "begins" else other.closing)
            for other in others
            if getattr(other, ends)
        }
        differing = sorted(said - {_money(side, now)})
        if differing:
            found.append(f"it {word} with {_money(side, now)}, not {', '.join(differing)}")
    return found


def _money(place: StatementPlace, minor: int | None) -> str:
    return "nothing" if minor is None else f"{format_minor(minor, place.exponent)} {place.currency}"


def _named(place: StatementPlace) -> str:
    label = place.number or place.statement_id
    day = "" if place.to_day is None else f" of {_EPOCH + dt.timedelta(days=place.to_day)}"
    return f"{f'statement {label}' if label else 'the statement'}{day} of {place.account_id}"


def _from(place: StatementPlace) -> str:
    return f"delivery {place.delivery_id[:12]}"


def _list(places: Iterable[StatementPlace]) -> str:
    return " and ".join(sorted({_from(place) for place in places}))
