"""
The exported matches, each with its evidence: what its rule compared, what each side says, and whether it agrees.

Put together while the table is read, as ``explain`` does: the engine brings the records of each match together, and a
function of ``evidence`` says what they have in common.
"""

from __future__ import annotations

import datetime as dt
import json
from typing import TYPE_CHECKING, Any

from tieout.model.money import EXPONENT_MAX, format_shortest
from tieout.observe.results import matches_relation
from tieout.observe.things.evidence import RulesOfRuns, fields_of
from tieout.observe.things.standing import PARTNERS_MAX, with_exponent
from tieout.store.views import table

if TYPE_CHECKING:
    from collections.abc import Callable

    from tieout.matching.grammar.rules import Rule, RuleSet
    from tieout.observe.exporting.columns import Opened
    from tieout.observe.snapshot import Snapshot
    from tieout.store.lake import Lake

__all__ = ["matches_with_evidence", "ready_evidence"]

_DAYS = ("booked_on", "value_on", "due_on")
_COMPARED = (
    *("kind", "external_id", "payment_id", "settlement_id", "parent_external_id", "references", "text", "counterparty"),
    *("account_id", "counterparty_account", "currency", "exponent", *_DAYS),
)


def ready_evidence(opened: Opened) -> None:
    """Give the engine ``evidence_of``: the evidence of matches, as JSON, from their rules and records."""
    import pyarrow as pa
    from duckdb.func import ARROW, SPECIAL

    runs = opened.snapshot.results.runs
    with opened.store.book.reading() as connection:
        rules = RulesOfRuns(connection, runs)
        known = {run_id: rules.of(run_id) for run_id in runs}
    told = _teller(known)
    names = ("run_id", "rule", "lefts", "rights", "one", "other", "own")

    def evidence_of(columns: tuple[Any, ...]) -> Any:
        rows = zip(*(column.to_pylist() for column in columns), strict=True)
        return pa.array([told(dict(zip(names, row, strict=True))) for row in rows], pa.string())

    # As a lambda: the engine evaluates the annotations of what it is given.
    function = lambda a, b, c, d, e, f, g: evidence_of((a, b, c, d, e, f, g))  # noqa: E731 - see above
    opened.con.create_function(
        "evidence_of", function, ["VARCHAR"] * len(names), "VARCHAR", type=ARROW, null_handling=SPECIAL
    )


def _teller(rules: dict[str, RuleSet | None]) -> Callable[[dict[str, Any]], str]:
    named: dict[tuple[str, str], tuple[RuleSet, Rule]] = {
        (run_id, rule.name): (own, rule) for run_id, own in rules.items() if own for rule in own.rules
    }

    def tell(row: dict[str, Any]) -> str:
        left, right = ([_record(one) for one in json.loads(row[side] or "[]")] for side in ("lefts", "rights"))
        sums = [_written(row["one"], left), _written(row["other"], right)]
        amounts = None if sums[0] is None or sums[1] is None else (sums[0], sums[1])
        fields = fields_of(named.get((row["run_id"], row["rule"])), left, right, amounts)
        own = json.loads(row["own"] or "{}")
        return json.dumps(fields | (own if isinstance(own, dict) else {}), ensure_ascii=False)

    return tell


def _record(said: dict[str, Any]) -> dict[str, Any]:
    days = {name: dt.date.fromisoformat(said[name]) for name in _DAYS if said[name]}
    return with_exponent({**said, **days})


def _written(nine: str | None, rows: list[dict[str, Any]]) -> str | None:
    """Write a sum at nine decimals, if it is of one currency."""
    currencies = {row["currency"] for row in rows}
    return None if nine is None or len(currencies) != 1 else format_shortest(int(nine), EXPONENT_MAX, currencies.pop())


def matches_with_evidence(lake: Lake, snapshot: Snapshot) -> str:
    """Give the records of matches that stand, with the evidence of each match."""
    packed = ", ".join(f'"{name}" := r."{name}"' for name in _COMPARED)
    records = table(lake, "records", snapshot.files["records"])
    sides = ", ".join(
        f"""to_json(list(struct_pack({packed}) order by m.record_key, m.record_id)
                filter (m.side = '{side}' and m.place <= {PARTNERS_MAX}))::varchar as {side}s,
            sum(nine(m.allocated, m.exponent)) filter (m.side = '{side}') as {summed}"""
        for side, summed in (("left", "one"), ("right", "other"))
    )
    return f"""(
        with placed as (
            select *, row_number() over (partition by match_id, run_sequence, side order by record_key, record_id) as place
            from result_matches
        ), told as (
            select m.match_id, m.run_sequence, any_value(m.run_id) as run_id, any_value(m.rule) as rule, any_value(m.evidence) as own, {sides}
            from placed m join {records} r
                on r.record_key = m.record_key and r.record_id = m.record_id and r.version = m.version
            group by m.match_id, m.run_sequence
        ), said as (
            select match_id, run_sequence, evidence_of(run_id, rule, lefts, rights, one::varchar, other::varchar, own) as evidence from told
        )
        select m.* replace (coalesce(s.evidence, m.evidence) as evidence)
        from {matches_relation(lake, snapshot)} m left join said s on s.match_id = m.match_id and s.run_sequence = m.run_sequence
    )"""
