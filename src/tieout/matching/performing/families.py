"""
A bank's entry and the transactions inside it: a match uses the one or the others, and the part says more than the whole.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from tieout.matching.results.found import SIDES

if TYPE_CHECKING:
    from collections.abc import Collection

    from tieout.matching.grammar.rules import Rule
    from tieout.matching.performing.perform import Performance

__all__ = ["columns_of_parts", "make_families", "rests_on_names"]

_BOTH = {"bank_entry", "bank_detail"}


def columns_of_parts(kinds: Collection[str]) -> tuple[str, ...]:
    """Name the columns by which transactions of a bank's entry say what they are for, where there are any."""
    return ("payment_key", "reference_keys", "text") if {*kinds} >= _BOTH else ()


def make_families(work: Performance) -> None:
    """
    Make ``family`` (parent, child), and ``batches`` (thing): entries whose transactions bear names or numbers of their own.

    What such an entry comes to is chance: by its sum it is nobody's, and by a number of its own it may be somebody's.
    In the books an entry is one sum, so ledgers and ``booking`` compare it by that.
    """
    told = [side for side, kinds in zip(SIDES, work.kinds, strict=True) if kinds >= _BOTH]
    parts = [
        f"""select p.thing as parent, c.thing as child from {side}_all p join {side}_all c
            on {named} and c.account_id = p.account_id and c.booked = p.booked
            where p.kind = 'bank_entry' and c.kind = 'bank_detail'"""
        for side in told
        for named in ("c.parent_key = p.external_key", "c.entry_name = p.entry_name")
    ]
    nothing = "select 0::bigint as parent, 0::bigint as child where false"
    work.engine.create("family", " union ".join(parts) or nothing)
    speaking = [
        f"""select f.parent as thing from family f join {side}_all c on c.thing = f.child
            where c.claim = 'bank' and (c.counterparty is not null or c.payment_key is not null
                or len(c.reference_keys) > 0 or regexp_matches(c.text, '[0-9]'))"""
        for side in told
    ]
    work.engine.create("batches", " union ".join(speaking) or "select 0::bigint as thing where false")


def rests_on_names(rule: Rule) -> bool:
    """Say whether a rule may match by names, amounts and days alone: no identifier is asked for, or a name does as well."""
    by_name = any(key.how == "name" for key in rule.keys)
    return not any(key.how != "name" for key in rule.keys) or (rule.score is not None and by_name)
