"""
A bank's entry and the transactions inside it: a match uses the one or the others, and the part says more than the whole.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from tieout.matching.facts.records import BANK_KINDS
from tieout.matching.results.found import SIDES
from tieout.store.views import entry_name_sql

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from tieout.matching.grammar.rules import Rule
    from tieout.matching.performing.perform import Performance

__all__ = ["columns_of_parts", "make_families", "parts_beside_sql", "rests_on_names"]


def columns_of_parts(kinds: Collection[str]) -> tuple[str, ...]:
    """Name the columns by which transactions of a bank's entry say what they are for, where there are any."""
    return ("payment_key", "reference_keys", "text") if {*kinds} >= BANK_KINDS else ()


def parts_beside_sql(records: str, kinds: Sequence[set[str]], banks: set[str]) -> str:
    """
    Write the query for transactions that a side leaves out, and with them its entries' meaning.

    :param kinds: which kinds the records of (left, right) have.
    :param banks: which of both kinds there are (``facts.records.bank_kinds``).
    """
    beside = banks >= BANK_KINDS and any(had & BANK_KINDS == {"bank_entry"} for had in kinds)
    return f"""select r.parent_key, r.account_id, r.counterparty, r.payment_key, r.reference_keys, r.text,
            {entry_name_sql("r")} as entry_name, coalesce(r.booked_on, r.value_on, r.due_on) - date '1970-01-01' as booked
        from {records} r where {"r.kind = 'bank_detail' and r.status = 'booked'" if beside else "false"}"""


def make_families(work: Performance) -> None:
    """
    Make ``family`` (parent, child), and ``batches`` (thing): entries whose transactions bear names or numbers of their own.

    What such an entry comes to is chance: by its sum it is nobody's, and by a number of its own it may be somebody's.
    In the books an entry is one sum, so ledgers and ``booking`` compare it by that.
    """
    told = [side for side, kinds in zip(SIDES, work.kinds, strict=True) if kinds >= BANK_KINDS]
    parts = [
        f"""select p.thing as parent, c.thing as child from {side}_all p join {side}_all c
            on {named} and c.account_id = p.account_id and c.booked = p.booked
            where p.kind = 'bank_entry' and c.kind = 'bank_detail'"""
        for side in told
        for named in ("c.parent_key = p.external_key", "c.entry_name = p.entry_name")
    ]
    nothing = "select 0::bigint as parent, 0::bigint as child where false"
    work.engine.create("family", " union ".join(parts) or nothing)
    says = """(c.counterparty is not null or c.payment_key is not null
        or array_length(c.reference_keys) > 0 or regexp_matches(c.text, '[0-9]'))"""
    speaking = [
        f"select f.parent as thing from family f join {side}_all c on c.thing = f.child where c.claim = 'bank' and {says}"
        for side in told
    ]
    if work.engine.count("parts_beside"):
        speaking += [
            f"""select p.thing from {side}_all p join parts_beside c
                on {named} and c.account_id = p.account_id and c.booked = p.booked
                where p.kind = 'bank_entry' and p.claim = 'bank' and {says}"""
            for side, kinds in zip(SIDES, work.kinds, strict=True)
            for named in ("c.parent_key = p.external_key", "c.entry_name = p.entry_name")
            if kinds & BANK_KINDS == {"bank_entry"}
        ]
    work.engine.create("batches", " union ".join(speaking) or "select 0::bigint as thing where false")


def rests_on_names(rule: Rule) -> bool:
    """Say whether a rule may match by names, amounts and days alone: no identifier is asked for, or a name does as well."""
    by_name = any(key.how == "name" for key in rule.keys)
    return not any(key.how != "name" for key in rule.keys) or (rule.score is not None and by_name)
