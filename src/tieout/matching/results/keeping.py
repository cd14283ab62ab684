"""
What a run found, as files of the lake.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pyarrow as pa

from tieout.matching.performing.settlements import COMPOSITION
from tieout.matching.results.taxes import document_taxes_sql, tax_in_sql
from tieout.matching.unmatched.leftovers import positions_sql
from tieout.matching.unmatched.reasons import deferred_sql, exceptions_sql, money_cases, quoted
from tieout.model.money import exponent_of
from tieout.store.lake import LakeFile
from tieout.store.tables import table_schema

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from tieout.matching.performing.perform import Performance
    from tieout.matching.results.found import Found
    from tieout.matching.unmatched.leftovers import Leftovers
    from tieout.store.lake import Lake

__all__ = ["Kept", "keep_matches", "keep_the_rest"]

#: What a bank keeps of money on its way.
_CHARGE = "bank_charge"
#: A file of results, and whether it is provisional.
Kept = tuple[LakeFile, bool]


def keep_matches(lake: Lake, token: str, work: Performance, found: Found, reconciliation: str) -> list[Kept]:
    """Write the matches: final ones, and those that stay provisional. Of DuckDB it uses nothing."""
    return [
        kept
        for final in (True, False)
        for kept in _keep(lake, token, "matches", found.matches(work, reconciliation, final=final), not final)
    ]


def keep_the_rest(lake: Lake, token: str, work: Performance, found: Found, judged: Leftovers) -> list[Kept]:
    """Write adjustments, positions, exceptions, and what is said of what later reconciliations may explain."""
    own = judged.reconciliation
    differing = work.engine.count("differing") > 0
    adjusted = [("adjustments", not final, _adjustments_sql(found, work, own, final=final)) for final in (True, False)]
    queries = (
        *(adjusted if differing else ()),
        ("positions", True, positions_sql(work, judged)),
        ("exceptions", True, exceptions_sql(own)),
        ("deferred", True, deferred_sql()),
    )
    return [
        kept
        for name, provisional, query in queries
        for kept in _keep(lake, token, name, _rows_of(work, name, query), provisional)
    ]


def _keep(lake: Lake, token: str, name: str, parts: Iterable[pa.Table], provisional: bool) -> Iterator[Kept]:  # noqa: FBT001 - what Kept says
    """Write a file of results, if there are any."""
    with lake.writer(name, table_schema(name), token) as writer:
        for part in parts:
            writer.write(part)
    if writer.rows:
        yield writer.file, provisional
    else:
        lake.remove(writer.file.path)


def _rows_of(work: Performance, name: str, query: str) -> Iterator[pa.Table]:
    """Give the rows of a query as a table of the lake has them."""
    schema = table_schema(name)
    for batch in work.engine.batches(query):
        table = pa.Table.from_batches([batch])
        yield pa.table([table[field.name].cast(field.type) for field in schema], schema=schema)


def _adjustments_sql(found: Found, work: Performance, reconciliation: str, *, final: bool) -> str:
    """
    Write the rows of the lake table ``adjustments``: the whole difference of each match, with its reason.

    What the bank states that it took of its entries is a charge of the bank's; what is left has the reason of the rule.
    """
    cases = []
    # One minor unit of the currency itself, however many digits the sources of this run carry.
    finer = [(code, 10 ** (e - exponent_of(c))) for code, c, e in work.money.currencies if e > exponent_of(c)]
    unit = f"case p.ccy {' '.join(f'when {code} then {units}' for code, units in finer)} else 1 end" if finer else "1"
    for number, rule in enumerate(work.rules.rules):
        short, over, other = rule.difference
        cases.append(
            f"when p.rule = {number} then case when p.mixed then '{other}' when abs(p.rest) <= {unit} then 'rounding'"
            f" when p.rest * p.sign > 0 then '{short}' else '{over}' end"
        )
    cases += [f"when p.rule = {n} then 'fee'" for n, (name, _, _) in enumerate(found.rules) if name == COMPOSITION]
    currency, exponent = money_cases(work)
    policy = " ".join(f"when {number} then '{quoted(name)}'" for number, (name, _, _) in enumerate(found.rules))
    reason = f"case {' '.join(cases)} end" if cases else "''"
    rows = "(select thing, measure, inside, sign from left_all union all select thing, measure, inside, sign from right_all)"
    split = f"""
        select p.*, {reason} as reason from (
            select d.*, coalesce(c.charge, 0) as charge, d.difference - coalesce(c.charge, 0) as rest
            from (select * from differing where exact = {str(final).lower()}) d
            left join ({_stated_charges_sql(rows)}) c on c.match_id = d.match_id and not d.mixed
                and case when d.difference < 0 then -c.charge else c.charge end between 1 and abs(d.difference)) p"""
    parts = f"""
        select s.*, s.rest + case when s.reason = '{_CHARGE}' then s.charge else 0 end as amount, s.reason as said
        from ({split}) s where s.rest <> 0
        union all select s.*, s.charge as amount, '{_CHARGE}' as said
        from ({split}) s where s.charge <> 0 and (s.rest = 0 or s.reason <> '{_CHARGE}')"""
    taxes = document_taxes_sql("(select * from differing_parts where is_document)", rows)
    return f"""
        select p.match_id, '{quoted(reconciliation)}' as reconciliation, p.said as reason, p.amount::bigint as amount,
            ({tax_in_sql("p.said", "p.amount", "t.whole", "t.tax")})::bigint as tax_amount,
            case when p.mixed then '{quoted(work.base_currency)}' else case p.ccy {currency} end end as currency,
            (case when p.mixed then {work.base_exponent} else case p.ccy {exponent} end end)::integer as exponent,
            case p.rule {policy} end as policy
        from ({parts}) p left join ({taxes}) t on t.match_id = p.match_id and not p.mixed
        order by p.match_id, p.said
    """


def _stated_charges_sql(rows: str) -> str:
    """
    Write the query for what banks state that they took of the entries of a match: (match_id, charge), as left - right.

    Only of entries that the match takes whole: of another it is not known whose part it was taken from.
    """
    return f"""select d.match_id, sum(case when d.side = 0 then -a.inside else a.inside end * a.sign) as charge
        from differing_parts d join {rows} a on a.thing = d.thing
        where not d.is_document and a.inside is not null and abs(d.taken) = abs(a.measure)
        group by d.match_id"""
