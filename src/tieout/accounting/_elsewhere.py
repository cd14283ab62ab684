"""
What the ERP books by itself: whether anything holds it against the ERP's own records.

Nothing is drafted of such a leg. Whether the ERP did book it, and with the right amount, only a reconciliation on the claim
``booking`` can find; where none looks at its records, nobody would ever hear of what is missing.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tieout.model.kinds import KINDS

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from tieout.accounting._plans import Plan

    #: The filters of a side of a reconciliation: sources, accounts, entities, kinds, and ``only``: [kinds, bank codes] of
    #: its rule set. What is empty lets everything pass.
    Compared = Mapping[str, Any]

__all__ = ["UNHELD", "is_unheld"]

_ASKED = {"sources": "source_id", "accounts": "account_id", "entities": "entity_id", "kinds": "kind"}


def is_unheld(shape: Mapping[str, str | None], plan: Plan, compared: Sequence[Compared]) -> bool:
    """
    Say whether pieces are left to the ERP, could be found in its records one by one, and nothing looks for them.

    A fee, and what a platform pays out, have no record of their own in the ERP: the proof of the account compares those.

    :param compared: the sides of reconciliations on the claim ``booking``.
    """
    if plan.state != "erp" or plan.leg is None or shape["part"] != "amount" or shape["outcome"] is not None:
        return False
    kind = str(shape["kind"])
    if "booking" not in KINDS[kind].claims:
        return False
    return not any(
        all(not side[name] or shape[column] in side[name] for name, column in _ASKED.items())
        and (not side["only"][0] or kind in side["only"][0])
        for side in compared
    )


#: One finding per source: how many of its records are left to the ERP, and what to write so that they are looked for.
#: Reads ``draft_unheld`` (shape, leg).
UNHELD = """
    select 'master_data' as reason, entity_id, source_id, source_id as external_id,
        'expected a reconciliation that finds in the ERP what it books by itself, found none for '
            || format('{:,} ', count(distinct record_id)) || case count(distinct record_id) when 1 then 'record' else 'records' end
            || ' of ' || source_id || ' (' || list_aggregate(list_sort(list(distinct kind)), 'string_agg', ', ') || '): '
            || entity_id || ' has books = { '
            || list_aggregate(list_sort(list(distinct leg || ' = "erp"')), 'string_agg', ', ')
            || ' }, so nothing is drafted of them, and nobody would hear of what was not booked; add to tieout.toml'
            || ' [[reconciliation]] id = "' || source_id || '-booked", left = { source = "' || source_id
            || '" }, right = { source = "..." } (of the ERP), rules = "'
            || case when bool_or(kind = 'bank_entry') then 'bank-to-ledger' else 'payment-to-receipt' end || '"' as note
    from (select p.entity_id, p.source_id, p.record_id, p.kind, u.leg from draft_piece p join draft_unheld u using (shape))
    group by entity_id, source_id
"""
