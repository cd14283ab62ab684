"""
What is named elsewhere: identifiers of records that other reconciliations set against the same money.

A bank's line that says "RE-90001" in its text is no payout's, whatever its amount, if there is such an invoice: where
receipts are matched, the line says what it is for. Nobody asks whether what is named is still open, or matched there,
so one run's answer does not depend on what other runs found.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from tieout.config.workspace import Side
from tieout.matching.comparing.naming import FEW
from tieout.matching.comparing.words import cut_into_words
from tieout.matching.facts.sides import listed, side_filter, turned_sql
from tieout.matching.grammar.rules import Filter
from tieout.matching.planning.operators import CARRIED_MAX
from tieout.model.kinds import KINDS, PAID_OUT

if TYPE_CHECKING:
    from tieout.matching.performing.perform import Performance

__all__ = ["columns_naming", "make_named_elsewhere"]

_KEYS = ("external_key", "payment_key", "settlement_key")
#: A bank numbers its own lines: that number names nothing else.
_BANK = ("bank_entry", "bank_detail")


def columns_naming(others: str, side: str) -> tuple[str, ...]:
    """Name the columns of a side by which it may name something of another reconciliation (``followers.others_text``)."""
    shared = {one["of"] for one in json.loads(others)} if others else set()
    return (*_KEYS, "reference_keys", "text") if side in shared else ()


def make_named_elsewhere(work: Performance) -> None:
    """
    Make ``named_elsewhere`` (thing): what names a record of another reconciliation that could take it by that name.

    Once per run: what is open then is all that later rules can look at.
    """
    engine = work.engine
    if work.elsewhere_ready:
        return
    work.elsewhere_ready = True
    engine.create("named_elsewhere", "select 0::bigint as thing where false")
    shared = json.loads(work.others) if work.others else []
    sides = sorted({one["of"] for one in shared})
    if not sides:
        return
    for side in sides:
        engine.create(f"naming_{side}", _naming_sql(work, side))
    engine.create("asked_elsewhere", " union ".join(f"select key from naming_{side}" for side in sides))
    if work.used_keys.find_named(engine, "asked_elsewhere", "r.status = 'booked'"):
        engine.create("named_elsewhere", " union ".join(_named_sql(one) for one in shared))


def _naming_sql(work: Performance, side: str) -> str:
    """Write the query for what open things of a side name: (thing, key), without words that many have."""
    settled = f"kind in ({listed(PAID_OUT)})" if work.grouped[0 if side == "left" else 1] else "true"
    said = f"select thing, key from {cut_into_words(work, side)}"
    parts = [said if settled == "true" else f"{said} where thing in (select thing from {side}_all where {settled})"]
    for key in _KEYS:
        # Of lines that are together one settlement only its own number speaks for it.
        speaks = "true" if key == "settlement_key" else settled
        speaks += f" and kind not in ({listed(_BANK)})" if key == "external_key" else ""
        parts.append(f"select thing, {key} as key from {side}_all where {key} is not null and {speaks}")
    parts.append(f"select thing, unnest(reference_keys) as key from {side}_all where {settled}")
    return f"""select k.* from (select distinct k.thing, k.key from ({" union all ".join(parts)}) k
            semi join "{side}" s on s.thing = k.thing where k.key is not null) k
        qualify count(*) over (partition by k.key) <= {CARRIED_MAX}"""


def _named_sql(shared: dict[str, Any]) -> str:
    """Write the query for things of a side that name a record beside them in another reconciliation, of the same sign."""
    of, mine, theirs = shared["of"], shared["mine"], shared["theirs"]
    claimed = [kind.name for kind in KINDS.values() if {*kind.claims} & {*theirs["claims"]}]
    return f"""select m.thing from (
            select k.thing, k.key, sign(s.amount * r.sign * ({turned_sql(mine["polarity"])}))::tinyint as sign
            from naming_{of} k join "{of}" s on s.thing = k.thing
            join (select a.*, 'booked' as status from {of}_all a) r on r.thing = k.thing
            where r.claim in ({listed(mine["claims"])}) and {_passes(mine)}
        ) m join (
            select r.key, sign(r.amount * ({turned_sql(theirs["polarity"])}))::tinyint as sign from named r
            where {_passes(theirs)} and r.kind in ({listed(claimed)})
                and (r.kind not in ({listed(_BANK)}) or r.key is distinct from r.external_key)
            group by all having count(distinct r.record_id) <= {FEW}
        ) o on o.key = m.key and o.sign = m.sign"""


def _passes(told: dict[str, Any]) -> str:
    """Write what a side of another reconciliation lets pass, over the record ``r``."""
    kinds, bank_codes = map(tuple, told["only"])
    sources, accounts, entities, only = (tuple(told[name]) for name in ("sources", "accounts", "entities", "kinds"))
    side = Side(sources=sources, accounts=accounts, entities=entities, kinds=only)
    return side_filter(side, Filter(kinds=kinds, bank_codes=bank_codes))
