"""
From what rules found to rows of matches: which records are in which match, with how much, and what a difference is.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from tieout.matching.settlements import CARRIED, COMPOSITION, NET_ZERO, TRANSFERRED
from tieout.model.money import exponent_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tieout.matching.perform import Performance
    from tieout.store.lake import LakeFile

__all__ = ["adjustments_sql", "counts", "gather", "matches_sql"]

_SETTLEMENT_RULES = (COMPOSITION, NET_ZERO, CARRIED)


def gather(work: Performance, reconciliation: str) -> None:
    """
    Make ``parts``: one row per record of every match.

    Columns: match_id, rule, exact, confirm, side (its part in the match), origin and row (where the record stands:
    ``left_all`` or ``right_all``), what the match takes of it, the figures of the match, and the record's own columns
    that a row of ``matches`` carries. A match is named by the reconciliation, its records with their versions, and what
    it takes of each.
    """
    engine = work.engine
    engine.create("rule_names", _rule_names(work))
    name = _quoted(reconciliation)
    plain = not any(work.grouped)
    shares = [_pairs(work, *found, name) for found in work.found if found[1] == "paired" and plain]
    bundles = [_spread(work, *found) for found in work.found if found[1] == "summed" or not plain]
    if not plain:
        bundles.append(_composed(work))
    engine.create("spread", " union all ".join(bundles) or _nothing())
    if bundles or not shares:
        shares.append(_named(name))
    engine.create("parts", " union all ".join(shares))


def _rule_names(work: Performance) -> str:
    """List what each number means: a rule of the set (0, 1, ...), or what a settlement proves by itself (below 0)."""
    rows = [(number, rule.name, rule.exact, rule.confirm) for number, rule in enumerate(work.rules.rules)]
    rows += [(-number, name, False, True) for number, name in enumerate(_SETTLEMENT_RULES, 1)]
    values = ", ".join(f"({n}, '{_quoted(name)}', {exact}, {confirm})" for n, name, exact, confirm in rows)
    return f"select * from (values {values}) v(rule, name, exact, confirm)"


# What a row of a match carries of its record.
_RECORD = ("record_id", "record_key", "version", "measure", "sign", "ccy")
_FIGURES = "difference, score, margin, coincidence"


def _pairs(work: Performance, number: int, shape: str, found: str, reconciliation: str) -> str:
    """The common case, one record with one: named in one pass, with what both rows carry."""
    del shape
    rule = work.rules.rules[number]
    carried = ", ".join(f"a.{c} as l_{c}, b.{c} as r_{c}" for c in (*_RECORD, "claim"))
    work.engine.create(
        f"named_{number}",
        f"""
        select p.*, {carried}, unhex(left(sha256(a.record_id || b.record_id || encode(
            concat_ws(':', '{reconciliation}', a.version, b.version, p.l_taken, p.r_taken))), 32)) as match_id
        from "{found}" p join left_all a on a.thing = p.l join right_all b on b.thing = p.r
        """,
    )
    return " union all ".join(
        f"""select match_id, {number} as rule, '{side}' as side, '{side}' as origin, {short} as row, {short}_claim as claim,
            {short}_taken as taken, {_FIGURES}, {", ".join(f"{short}_{c} as {c}" for c in _RECORD)},
            {rule.exact} as exact, {rule.confirm} as confirm from named_{number}"""
        for side, short in (("left", "l"), ("right", "r"))
    )


def _spread(work: Performance, number: int, shape: str, found: str) -> str:
    """Give the records of bundles: things that are several records are replaced by them."""
    loose = f'select bundle, side, thing, taken, difference, null as score, null as margin, null as coincidence from "{found}"'
    if shape == "paired":
        loose = (
            f"select l as bundle, 'left' as side, l as thing, l_taken as taken, {_FIGURES} from \"{found}\""
            f" union all select l, 'right', r, r_taken, {_FIGURES} from \"{found}\""
        )
    parts = []
    for side, grouped in zip(("left", "right"), work.grouped, strict=True):
        row, taken, joined = "t.thing", "t.taken", ""
        if grouped:
            row, taken = "coalesce(m.row, t.thing)", "coalesce(m.amount, t.taken)"
            joined = f"left join members_of_{side} m on m.thing = t.thing"
        parts.append(
            f"""select {number} as rule, t.bundle, t.side, '{side}' as origin, {row} as row, {taken} as taken,
                null::varchar as claim, t.difference, t.score, t.margin, t.coincidence
            from ({loose}) t {joined} where t.side = '{side}'"""
        )
    return " union all ".join(parts)


def _composed(work: Performance) -> str:
    """Give the records of what settlements prove by themselves."""
    side = "left" if work.grouped[0] else "right"
    return f"""
        select -list_position([{", ".join(f"'{_quoted(n)}'" for n in _SETTLEMENT_RULES)}], c.rule)::integer as rule, c.bundle,
            c.side, '{side}' as origin, c.thing as row, {TRANSFERRED} as taken, c.claim, 0 as difference, null as score,
            null as margin, null as coincidence
        from composed c join {side}_all a on a.thing = c.thing"""


def _nothing() -> str:
    return """select 0 as rule, 0::bigint as bundle, '' as side, '' as origin, 0::bigint as row, 0::bigint as taken,
        '' as claim, 0::bigint as difference, 0 as score, 0 as margin, 0::bigint as coincidence where false"""


def _named(reconciliation: str) -> str:
    """Name the bundles of ``spread``: by a digest of the digests of their records, in order."""
    carried = ", ".join(f"t.{c}" for c in _RECORD)
    return f"""(
        with told as materialized (
            select s.* exclude (claim), coalesce(s.claim, a.claim) as claim, {", ".join(f"a.{c}" for c in _RECORD)}
            from spread s join every_row a on a.origin = s.origin and a.thing = s.row
        ), named as (
            select rule, bundle, unhex(left(sha256('{reconciliation}' || string_agg(
                concat_ws(':', side, claim, hex(record_id), version, taken), ',' order by side, claim, record_key, record_id)), 32)) as match_id
            from told group by rule, bundle
        )
        select n.match_id, t.rule::integer as rule, t.side, t.origin, t.row, t.claim, t.taken, t.difference, t.score,
            t.margin, t.coincidence, {carried}, r.exact, r.confirm
        from told t join named n on n.rule = t.rule and n.bundle = t.bundle join rule_names r on r.rule = t.rule)"""


def matches_sql(work: Performance, reconciliation: str, *, final: bool) -> str:
    """
    Write the rows of the lake table ``matches``, in total order.

    :param final: those of exact rules; else those that stay provisional.
    """
    money = " ".join(f"when {code} then {{}}" for code, _, _ in work.money.currencies)
    currency = money.format(*(f"'{name}'" for _, name, _ in work.money.currencies))
    exponent = money.format(*(str(exponent) for _, _, exponent in work.money.currencies))
    return f"""
        select p.match_id, '{_quoted(reconciliation)}' as reconciliation, n.name as rule,
            case when p.confirm then 'confirmed' else 'proposed' end as status, p.side, p.claim, p.record_id, p.record_key,
            p.version, p.measure::bigint as amount, (p.taken * p.sign)::bigint as allocated,
            case p.ccy {currency} end as currency, (case p.ccy {exponent} end)::integer as exponent,
            p.difference::bigint as difference, p.score::integer as score, p.margin::integer as margin,
            p.coincidence::bigint as coincidence, null::varchar as evidence, null::varchar as decided_by
        from parts p join rule_names n on n.rule = p.rule
        where p.exact = {str(final).lower()}
        order by p.record_key, p.match_id, p.side, p.claim
    """


def adjustments_sql(work: Performance, reconciliation: str, *, final: bool) -> str:
    """Write the rows of the lake table ``adjustments``: the whole difference of each match, with its reason."""
    cases = []
    # One minor unit of the currency itself, however many digits the sources of this run carry.
    finer = [(code, 10 ** (e - exponent_of(c))) for code, c, e in work.money.currencies if e > exponent_of(c)]
    unit = f"case p.ccy {' '.join(f'when {code} then {units}' for code, units in finer)} else 1 end" if finer else "1"
    for number, rule in enumerate(work.rules.rules):
        short, over, other = rule.difference
        cases.append(
            f"when p.rule = {number} then case when p.mixed then '{other}' when abs(p.difference) <= {unit} then 'rounding'"
            f" when p.difference * p.sign > 0 then '{short}' else '{over}' end"
        )
    money = work.money.currencies
    currency = " ".join(f"when {code} then '{name}'" for code, name, _ in money)
    exponent = " ".join(f"when {code} then {exponent}" for code, _, exponent in money)
    reason = f"case {' '.join(cases)} end" if cases else "''"
    return f"""
        with p as (
            select p.match_id, p.rule, p.exact, any_value(p.difference) as difference, min(p.ccy) <> max(p.ccy) as mixed,
                max(p.ccy) filter (where p.side = 'left') as ccy,
                case when sum(p.taken) filter (where p.side = 'left') < 0 then -1 else 1 end as sign
            from parts p where p.difference <> 0 group by p.match_id, p.rule, p.exact
        )
        select p.match_id, '{_quoted(reconciliation)}' as reconciliation, {reason} as reason, p.difference::bigint as amount,
            null::bigint as tax_amount,
            case when p.mixed then '{_quoted(work.base_currency)}' else case p.ccy {currency} end end as currency,
            (case when p.mixed then {work.base_exponent} else case p.ccy {exponent} end end)::integer as exponent,
            n.name as policy
        from p join rule_names n on n.rule = p.rule
        where p.exact = {str(final).lower()}
        order by p.match_id
    """


def counts(work: Performance, written: Sequence[tuple[LakeFile, bool]]) -> dict[str, int]:
    """Count what a run found, for people."""
    rows = work.engine.arrow(
        """select count(distinct match_id) filter (where confirm) as matches,
            count(distinct match_id) filter (where not confirm) as proposed,
            count(distinct match_id) filter (where exact) as final,
            count(*) filter (where confirm) as matched from parts"""
    ).to_pylist()[0]
    states = {
        row["state"]: row["n"]
        for row in work.engine.arrow("select state, count(*) as n from left_over group by state").to_pylist()
    }
    files = {f.table_name: f.rows for f, _ in written}
    return {
        **{name: int(count) for name, count in rows.items()},
        "exceptions": files.get("exceptions", 0),
        "in_transit": states.get("in_transit", 0),
        "open": states.get("open", 0),
        "excluded": states.get("excluded", 0),
    }


def _quoted(text: str) -> str:
    return text.replace("'", "''")
