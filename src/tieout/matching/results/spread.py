"""
From what rules found to rows of matches, where the rows lie on other machines: as queries, not as columns in memory.

The same matches under the same names as :mod:`tieout.matching.results.outcome` gives; a test holds the two against each other.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from tieout.matching.facts.resting import exact_after_others, rest_on_own
from tieout.matching.performing.settlements import KEPT_BACK, SETTLEMENT_RULES, TRANSFERRED
from tieout.matching.results.found import SIDES, evidence_text, records_found, runner_up_text
from tieout.matching.results.rows import CLAIMS
from tieout.matching.unmatched.reasons import quoted

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    import pyarrow as pa

    from tieout.matching.backends.engine import Engine
    from tieout.matching.performing.perform import Performance
    from tieout.store.lake import LakeFile

__all__ = ["SpreadOutcome", "gather_spread"]

_TRANSFER = CLAIMS.index("transfer")


@dataclass(frozen=True, slots=True)
class SpreadOutcome:
    """
    The matches of a run, as relations of the engine.

    ``every_row`` is the rows of both sides; ``match_heads`` (rule, bundle, match_id, final, difference, score, margin,
    coincidence, beside, runner_up) and ``match_parts`` (rule, bundle, row, side, claim, taken) are the matches; both number claims and sides.

    :ivar rules: (name, whether it is exact, whether its matches are confirmed).
    """

    rules: list[tuple[str, bool, bool]]

    def leave_rests(self, work: Performance) -> Callable[[], None]:
        """Make ``rests`` and ``touched``: what confirmed matches leave of each row; gives what makes ``asked_used``."""
        engine = work.engine
        confirmed = _numbers(n for n, (_, _, confirm) in enumerate(self.rules) if confirm)
        engine.create(
            "taken_of_rows",
            f"""select row as thing, sum(taken)::bigint as taken from match_parts
                where rule in ({confirmed}) and claim <> {_TRANSFER} group by row""",
        )
        engine.view("touched", "select thing from taken_of_rows")
        engine.create(
            "rests",
            """select a.thing, a.amount - coalesce(t.taken, 0) as rest,
                    t.thing is not null or a.amount <> a.measure * a.sign as begun
                from every_row a left join taken_of_rows t on t.thing = a.thing
                where a.amount - coalesce(t.taken, 0) <> 0""",
        )

        def note_used() -> None:
            used = "select a.thing, t.thing is not null as used from asked a left join touched t on t.thing = a.thing"
            engine.create("asked_used", used)

        return note_used

    def matches(self, work: Performance, reconciliation: str, *, final: bool) -> Iterator[pa.Table]:
        """Give the rows of the lake table ``matches``, in total order, a part at a time."""
        import pyarrow as pa

        for batch in work.engine.batches(self._matches_sql(work, reconciliation, final=final)):
            yield pa.Table.from_batches([batch])

    def _matches_sql(self, work: Performance, reconciliation: str, *, final: bool) -> str:
        status = _cases("p.rule", ["confirmed" if confirm else "proposed" for _, _, confirm in self.rules])
        money = work.money.currencies
        currency = _cases("a.ccy", [name for _, name, _ in money])
        exponent = " ".join(f"when {code} then {exponent}" for code, _, exponent in money) or "when -1 then 0"
        return f"""
            select h.match_id, '{quoted(reconciliation)}' as reconciliation,
                {_cases("p.rule", [name for name, _, _ in self.rules])} as rule, {status} as status,
                case p.side when 0 then 'left' else 'right' end as side, {_cases("p.claim", CLAIMS)} as claim,
                a.record_id, a.record_key, a.version,
                case when p.claim = {_TRANSFER} then (p.taken * a.sign)::bigint else a.measure end as amount,
                (p.taken * a.sign)::bigint as allocated,
                {currency} as currency, (case a.ccy {exponent} end)::integer as exponent, h.difference,
                h.score, h.margin, h.coincidence, {self._evidence_sql(work)} as evidence, null::varchar as decided_by
            from match_parts p join match_heads h on h.rule = p.rule and h.bundle = p.bundle
            join every_row a on a.thing = p.row left join every_row n on n.thing = h.runner_up
            where h.final = {str(final).lower()} order by a.record_key, h.match_id, p.side, p.claim"""

    def _evidence_sql(self, work: Performance) -> str:
        """Write what rules tell of matches beside their points, as ``outcome`` does."""
        cases = []
        for number, rule in enumerate(work.rules.rules):
            if rule.tells is not None:
                before, _, after = evidence_text(rule.tells, "?").partition("?")
                cases.append(f"when {number} then concat('{before}', h.beside::varchar, '{after}')")
        text = f"case p.rule {' '.join(cases)} end" if cases else "null::varchar"
        before, _, after = runner_up_text("?").partition("?")
        next_best = f"when h.runner_up is not null then concat('{before}', lower(hex(n.record_id)), '{after}')"
        return f"case when h.beside is not null then {text} {next_best} end"

    def leave_differences(self, work: Performance) -> None:
        """Make ``differing``: the matches whose sides differ, and ``differing_parts``: what they take of documents and of a bank's entries."""
        work.engine.create(
            "differing",
            """select h.match_id, h.rule, h.final as exact, h.difference, m.mixed, m.ccy, m.sign
                from match_heads h join (
                    select p.rule, p.bundle, min(a.ccy) <> max(a.ccy) as mixed,
                        coalesce(max(case when p.side = 0 then a.ccy end), max(a.ccy)) as ccy,
                        case when sum(case when p.side = 0 then p.taken else 0 end) < 0 and max(p.side) = 1
                            then -1 else 1 end as sign
                    from match_parts p join every_row a on a.thing = p.row group by p.rule, p.bundle
                ) m on m.rule = h.rule and m.bundle = h.bundle where h.difference <> 0""",
        )
        work.engine.create(
            "differing_parts",
            f"""select h.match_id, p.side, p.claim = {CLAIMS.index("document")} as is_document, p.row as thing, p.taken from match_parts p
                join match_heads h on h.rule = p.rule and h.bundle = p.bundle
                where h.difference <> 0 and p.claim in ({CLAIMS.index("document")}, {CLAIMS.index("bank")})""",
        )

    def counts(self, work: Performance, written: Sequence[tuple[LakeFile, bool]]) -> dict[str, int]:
        """Count what a run found, for people."""
        engine = work.engine
        matches = _by_number(engine, "select rule as number, count(*) as n from match_heads group by rule")
        parts = _by_number(engine, "select rule as number, count(*) as n from match_parts group by rule")
        states = engine.arrow("select state, count(*) as n from left_over group by state").to_pylist()
        left = {row["state"]: row["n"] for row in states}
        files = {f.table_name: f.rows for f, _ in written}
        confirmed = [n for n, (_, _, confirm) in enumerate(self.rules) if confirm]
        return {
            "matches": sum(matches.get(n, 0) for n in confirmed),
            "proposed": sum(matches.values()) - sum(matches.get(n, 0) for n in confirmed),
            "final": int(engine.arrow("select count(*) as n from match_heads where final")["n"][0].as_py()),
            "matched": sum(parts.get(n, 0) for n in confirmed),
            "exceptions": files.get("exceptions", 0),
            "in_transit": left.get("in_transit", 0),
            "open": left.get("open", 0),
            "excluded": left.get("excluded", 0),
        }


def gather_spread(work: Performance, reconciliation: str) -> SpreadOutcome:
    """Bring what every rule found together, and name each match as ``outcome.gather`` does."""
    engine = work.engine
    rows = f"""thing, record_id, record_key, version, {_numbered("claim", CLAIMS)} as claim, ccy, measure::bigint as measure,
        sign, amount::bigint as amount"""
    engine.create("every_row", " union all ".join(f'select {rows} from "{side}_all"' for side in SIDES))
    parts = [part for number, shape, found in work.found for part in _spread(work, number, shape, found)]
    if any(work.grouped):
        parts.append(_composed(work))
    engine.create("match_said", " union all ".join(parts) or _nothing())
    engine.create(
        "match_parts",
        """select s.rule, s.bundle, s.row, s.side, coalesce(s.claim, a.claim) as claim, s.taken::bigint as taken
            from match_said s join every_row a on a.thing = s.row""",
    )
    rules = [(rule.name, rule.exact, rule.confirm) for rule in work.rules.rules]
    if exact_after_others(work.rules):
        loosely = _numbers(n for n, (_, exact, confirm) in enumerate(rules) if confirm and not exact)
        engine.create("loosely_taken", f"select distinct row as thing from match_parts where rule in ({loosely})")
        rest_on_own(engine, work.rules)
    _name(work, reconciliation, _numbers(n for n, (_, exact, _) in enumerate(rules) if exact))
    return SpreadOutcome(rules + [(name, False, True) for name in SETTLEMENT_RULES])


_FIGURES = """t.score::integer as score, t.margin::integer as margin, t.coincidence::bigint as coincidence,
                t.beside::integer as beside, t.runner_up::integer as runner_up"""


def _spread(work: Performance, number: int, shape: str, found: str) -> list[str]:
    """Write the parts of what a rule found, by side: things that are several records are replaced by them."""
    parts = []
    for place, (row, taken, rows_found) in enumerate(records_found(work, number, shape, found)):
        parts.append(
            f"""select {number} as rule, t.bundle::bigint as bundle, {place} as side, {row} as row, {taken}::bigint as taken,
                null::integer as claim, t.difference::bigint as difference, {_FIGURES}
                from {rows_found}"""
        )
    return parts


def _composed(work: Performance) -> str:
    """Write the parts of what settlements prove by themselves."""
    side = "left" if work.grouped[0] else "right"
    first = len(work.rules.rules)
    return f"""select {first} + {_numbered("c.rule", SETTLEMENT_RULES)} as rule, c.bundle::bigint as bundle,
            case when c.side = 'right' then 1 else 0 end as side, c.thing as row, ({TRANSFERRED})::bigint as taken,
            {_numbered("c.claim", CLAIMS)} as claim, ({KEPT_BACK})::bigint as difference,
            null::integer as score, null::integer as margin, null::bigint as coincidence, null::integer as beside,
            null::integer as runner_up
        from composed c join {side}_all a on a.thing = c.thing"""


def _nothing() -> str:
    kinds = (
        "rule",
        "bundle",
        "side",
        "row",
        "taken",
        "claim",
        "difference",
        "score",
        "margin",
        "coincidence",
        "beside",
        "runner_up",
    )
    return f"select {', '.join(f'0::bigint as {name}' for name in kinds)} where false"


def _name(work: Performance, reconciliation: str, exact: str) -> None:
    """
    Make ``match_heads``: what tells the parts of a match apart, as bytes in order, is digested with the reconciliation.

    Final is what one of the ``exact`` rules found and rests on no provisional match.

    The bytes of a part: side, claim (12, filled up with zeros), record_id, version (4), taken (8), as in ``outcome``.
    """
    padded = [claim.encode().ljust(12, b"\0").hex() for claim in CLAIMS]
    told = f"""concat(lpad(hex(p.side), 2, '0'), {_cases("p.claim", padded)}, hex(a.record_id),
        lpad(hex(a.version::bigint), 8, '0'), lpad(hex(p.taken), 16, '0'))"""
    work.engine.create(
        "match_heads",
        f"""select n.rule, n.bundle,
                unhex(substr(sha256(concat(encode('{quoted(reconciliation)}'), unhex(n.told))), 1, 32)) as match_id,
                n.rule in ({exact}) and n.sure as final, f.difference, f.score, f.margin, f.coincidence, f.beside, f.runner_up
            from (
                select p.rule, p.bundle, list_in_order({told}, p.side, p.claim, a.record_key, a.record_id) as told,
                    bool_and(q.thing is null) as sure
                from match_parts p join every_row a on a.thing = p.row left join resting q on q.thing = p.row group by p.rule, p.bundle
            ) n join (
                select rule, bundle, min(difference) as difference, min(score) as score, min(margin) as margin,
                    min(coincidence) as coincidence, min(beside) as beside,
                    min(runner_up) as runner_up from match_said group by rule, bundle
            ) f on f.rule = n.rule and f.bundle = n.bundle""",
    )


def _cases(column: str, words: Sequence[str]) -> str:
    """Write the word of a number."""
    cases = " ".join(f"when {number} then '{quoted(word)}'" for number, word in enumerate(words))
    return f"case {column} {cases or chr(39).join(('when -1 then ', '', ''))} end"


def _numbered(column: str, words: Sequence[str]) -> str:
    """Write the number of a word."""
    return f"case {column} {' '.join(f'when {chr(39)}{quoted(w)}{chr(39)} then {n}' for n, w in enumerate(words))} end"


def _numbers(numbers: Iterable[int]) -> str:
    return ", ".join(map(str, numbers)) or "-1"


def _by_number(engine: Engine, query: str) -> dict[int, int]:
    return {int(row["number"]): int(row["n"]) for row in engine.arrow(query).to_pylist()}
