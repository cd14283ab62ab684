"""
Proposes aliases and rules, with the normalisations they need, from what people decided; a person accepts.

A pattern of what people put together (``hints``) is only proposed after it was performed as a rule on all facts, as if
nothing stood: it must find enough of the decisions that it comes from, and put nothing together that a person took
apart or rejected, or that is decided otherwise. What was tempting and failed is told, too.
"""

from __future__ import annotations

from contextlib import closing
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

import sqlalchemy as sa

from tieout.matching.backtesting.backtest import judge_pairs
from tieout.matching.backtesting.trial import as_if_open, matches_tried
from tieout.matching.deciding.decided import make_pairs, read_decided
from tieout.matching.facts.opening import read_book
from tieout.matching.facts.records import day_number
from tieout.matching.grammar.reading import read_rules, rule_set
from tieout.matching.grammar.writing import alias_text
from tieout.matching.mining.learnable import examples_of, form_of, names_decided
from tieout.matching.mining.naming_hints import name_rules, tempting_aliases
from tieout.matching.mining.patterns import Pattern, patterns_of
from tieout.store import schema
from tieout.store.engine import connect

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Callable

    import duckdb

    from tieout.config import Workspace
    from tieout.config.workspace import Reconciliation
    from tieout.matching.facts.opening import Reading
    from tieout.matching.grammar.rules import Alias, Rule, RuleSet
    from tieout.matching.mining.learnable import Example
    from tieout.store.workplace import Store

__all__ = ["Mined", "Proposal", "mine_rules", "proposed_text"]

#: So many patterns are performed.
_TRIED_MAX = 20


@dataclass(frozen=True, slots=True, kw_only=True)
class Proposal:
    """
    What could be added to a rule set.

    :ivar kind: ``rule``, ``normalisation`` (a rule that compares identifiers in another form) or ``alias``.
    :ivar what: in words; ``text``: as TOML.
    :ivar supports: people's decisions that it agrees with; ``exact``: pairs of exact rules that it finds, too.
    :ivar against: decisions that it contradicts.
    :ivar opens: pairs that are open and that it would match.
    """

    kind: str
    what: str
    text: str
    supports: int
    exact: int
    against: int
    opens: int
    rule: Rule | None = None
    alias: Alias | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Mined:
    """
    What was found in the decisions of a reconciliation.

    :ivar decisions: {by hand, approved: matches; rejected, taken back: pairs; settled: exceptions that needed no match}.
    :ivar proposals: the best first; ``failed``: what was tempting, and contradicts a decision.
    :ivar judged: {rule: (proposals that people approved, that they rejected or took back)}.
    :ivar base: the rules that the reconciliation names today.
    """

    reconciliation: str
    base: RuleSet
    decisions: dict[str, int]
    proposals: list[Proposal]
    failed: list[Proposal]
    judged: dict[str, tuple[int, int]]
    seconds: dict[str, float] = field(default_factory=dict)


def mine_rules(
    store: Store,
    workspace: Workspace,
    reconciliation: Reconciliation,
    through: dt.date,
    *,
    least: int,
    progress: Callable[[str], None] = lambda _stage: None,
) -> Mined:
    """
    Propose what the decisions of a reconciliation teach; nothing is kept.

    :param least: so many decisions must speak for a proposal.
    :raises WrongUse: a rule or a rate has a fault.
    """
    began = store.clock.monotonic()
    base = rule_set(workspace, reconciliation)
    with store.book.reading() as connection:
        reading = read_book(connection)
    store.spill.mkdir(parents=True, exist_ok=True)
    with closing(connect(store.spill)) as con:
        progress("read")
        read_decided(con, store, reconciliation.id, reading, base)
        own = [
            bytes(r[0]) for r in con.execute("select distinct match_id from standing where not provisional").fetchall()
        ]
        bench = _Bench(con, store, workspace, reconciliation, base, reading, own, day_number(through))
        examples = examples_of(con, store, reading)
        progress("try")
        aliases, failed_aliases = _aliases(bench, examples, least)
        rules, failed = _rules(bench, examples, aliases, least)
        progress("count")
        proposals = _with_opens(bench, rules, aliases)
        return Mined(
            reconciliation=reconciliation.id,
            base=base,
            decisions=_decisions(bench),
            proposals=sorted(proposals, key=lambda p: (-p.supports, -p.opens, p.kind, p.what)),
            failed=failed_aliases + failed,
            judged=_judged(con),
            seconds={"mine": store.clock.monotonic() - began},
        )


def proposed_text(mined: Mined) -> str:
    """Write the rules that a reconciliation has today, with everything that is proposed behind them."""
    parts = [mined.base.text.rstrip() + "\n"]
    for number, one in enumerate(mined.proposals, 1):
        said = (
            f"Proposed {number}. Decisions for it: {one.supports}, against it: {one.against}; open pairs: {one.opens}."
        )
        parts.append(f"# {said} Delete it if you do not want it.\n{one.text}")
    return "\n".join(parts)


@dataclass(frozen=True, slots=True)
class _Bench:
    """Where patterns are tried."""

    con: duckdb.DuckDBPyConnection
    store: Store
    workspace: Workspace
    reconciliation: Reconciliation
    base: RuleSet
    reading: Reading
    own: list[bytes]
    through_day: int

    def perform(self, rules: RuleSet, reading: Reading) -> None:
        """Make ``tried``, with amounts at nine decimals."""
        found = matches_tried(self.store, self.workspace, self.reconciliation, rules, reading, self.through_day)
        self.con.register("found_given", found)
        self.con.execute(
            """create or replace temp table tried as
                select * replace (nine(amount, exponent) as amount, nine(allocated, exponent) as allocated) from found_given"""
        )
        self.con.unregister("found_given")

    def judge(self, rule: Rule, aliases: list[Alias]) -> tuple[int, int, int]:
        """
        Perform a rule alone, as if nothing stood.

        :return: people's matches that it finds, pairs of exact rules that it finds, and pairs that contradict a decision.
        """
        every = tuple(dict.fromkeys((*self.base.aliases, *aliases)))
        alone = replace(self.base, rules=(rule,), aliases=every)
        self.perform(alone, as_if_open(self.reading, self.own, forget=True))
        judge_pairs(self.con, "tried")
        rows = self.con.execute(
            """select
                (select count(distinct d.match_id) from judged j join decided d on d.l = j.l and d.r = j.r
                    join of_match m on m.match_id = d.match_id where j.verdict = 'right' and m.decided_by is not null),
                (select count(*) from judged j join decided d on d.l = j.l and d.r = j.r
                    join of_match m on m.match_id = d.match_id where j.verdict = 'right' and m.decided_by is null),
                (select count(*) from judged where verdict in ('refused', 'otherwise'))"""
        ).fetchall()
        people, exact, against = (int(number) for number in rows[0])
        return people, exact, against


def _rules(
    bench: _Bench, examples: list[Example], aliases: list[Proposal], least: int
) -> tuple[list[Proposal], list[Proposal]]:
    """Try patterns, the strongest first; what a stronger one finds speaks for no weaker one."""
    kept: list[Proposal] = []
    failed: list[Proposal] = []
    covered: set[bytes] = set()
    said = [one.alias for one in aliases if one.alias is not None]
    tried = 0
    names = {rule.name for rule in bench.base.rules}
    by_name = list(name_rules(examples, [*bench.base.aliases, *said], bench.base))
    for pattern in [*patterns_of(examples), *by_name]:
        # A name that is proposed needs a rule that compares names, whatever else its examples have in common.
        new = pattern.matches if said and pattern in by_name else pattern.matches - covered
        if len(new) < least or tried == _TRIED_MAX:
            continue
        rule, text = _as_rule(bench, pattern, names)
        if any(_same(rule, own) for own in bench.base.rules):
            continue
        tried += 1
        people, exact, against = bench.judge(rule, said)
        normalises = any(key.rewritten or key.how == "normalised" for key in rule.keys)
        kind = "normalisation" if normalises else "rule"
        one = Proposal(
            kind=kind, what=rule.name, text=text, supports=people, exact=exact, against=against, opens=0, rule=rule
        )
        if against:
            failed.append(one)
        elif people >= least:
            kept.append(one)
            names.add(rule.name)
            covered |= pattern.matches
    return kept, failed


def _as_rule(bench: _Bench, pattern: Pattern, names: set[str]) -> tuple[Rule, str]:
    """Read what would be written, so that whatever is proposed is a rule that can be read."""
    name, number = pattern.name, 1
    while name in names:
        number += 1
        name = f"{pattern.name} ({number})"
    text = pattern.text(name)
    claims = (bench.base.claims[0], bench.base.claims[1])
    read = read_rules(
        f'[rules]\nid = "proposed"\n\n{text}', "a proposed rule", folder=bench.workspace.folder, claims=claims
    )
    return read.rules[0], text


def _same(one: Rule, other: Rule) -> bool:
    """Say whether two rules ask for the same, whatever they are called and whether they confirm."""
    return replace(one, name="", confirm=True) == replace(other, name="", confirm=True)


def _aliases(bench: _Bench, examples: list[Example], least: int) -> tuple[list[Proposal], list[Proposal]]:
    """Propose names that people's matches say are one party's, if nothing that is decided says otherwise."""
    kept: list[Proposal] = []
    failed: list[Proposal] = []
    tempting = tempting_aliases(examples, bench.base.aliases)
    if not tempting:
        return [], []
    refused = names_decided(bench.con, bench.store, bench.reading, "refused")
    decided = names_decided(bench.con, bench.store, bench.reading, "decided")
    payer = 0 if bench.base.claims[0] in {"bank", "payment", "settlement"} and bench.base.claims[1] == "document" else 1
    for alias, supports in tempting:
        if supports < least:
            continue
        own = tuple(form_of([alias.left, alias.right]))
        against = sum(n for left, right, n in refused if tuple(form_of([left, right])) == own)
        against += sum(
            n
            for left, right, n in decided
            if (forms := form_of([left, right]))[payer] == own[payer] and forms[1 - payer] not in own
        )
        what = f"{alias.left} is {alias.right}"
        one = Proposal(
            kind="alias",
            what=what,
            text=alias_text(alias),
            supports=supports,
            exact=0,
            against=against,
            opens=0,
            alias=alias,
        )
        (failed if against else kept).append(one)
    return kept, failed


def _with_opens(bench: _Bench, rules: list[Proposal], aliases: list[Proposal]) -> list[Proposal]:
    """Count the open pairs that each proposal would match, behind the rules of today, with all that is decided."""
    if not rules and not aliases:
        return []
    added = tuple(one.rule for one in rules if one.rule is not None)
    said = tuple(one.alias for one in aliases if one.alias is not None)
    base = bench.base
    bench.perform(
        replace(base, rules=(*base.rules, *added), aliases=tuple(dict.fromkeys((*base.aliases, *said)))), bench.reading
    )
    con = bench.con
    make_pairs(con, "pairs_tried", "select * from tried")
    con.execute(
        """create or replace temp table opened as
            select p.l, p.r, t.rule from pairs_tried p join (select match_id, any_value(rule) as rule from tried group by match_id) t
                using (match_id)"""
    )
    by_rule = dict(con.execute("select rule, count(*) from opened group by rule").fetchall())
    counted = [replace(one, opens=int(by_rule.get(one.what, 0))) for one in rules]
    by_names: dict[tuple[str, ...], int] = {}
    for left, right, count in names_decided(con, bench.store, bench.reading, "opened") if aliases else ():
        forms = tuple(form_of([left, right]))
        by_names[forms] = by_names.get(forms, 0) + count
    for one in aliases:
        if one.alias is not None:
            opens = by_names.get(tuple(form_of([one.alias.left, one.alias.right])), 0)
            counted.append(replace(one, opens=opens))
    return counted


def _decisions(bench: _Bench) -> dict[str, int]:
    """Count what was read."""
    rows = dict(
        bench.con.execute(
            "select how, count(distinct match_id) from standing where how is not null group by how"
        ).fetchall()
    )
    against = dict(
        bench.con.execute(
            """select w.kind, count(distinct (r.l, r.r)) from refused r join words w on w.match_id = r.match_id
                and w.kind in ('reject', 'undo') group by w.kind"""
        ).fetchall()
    )
    table = schema.decision
    with bench.store.book.reading() as connection:
        settled = connection.scalar(
            sa.select(sa.func.count())
            .select_from(table)
            .where(table.c.kind == "resolve", table.c.body.not_like('%"match_id"%'))
        )
    return {
        "by hand": int(rows.get("by hand", 0)),
        "approved": int(rows.get("approved", 0)),
        "rejected": int(against.get("reject", 0)),
        "taken back": int(against.get("undo", 0)),
        "settled": int(settled or 0),
    }


def _judged(con: duckdb.DuckDBPyConnection) -> dict[str, tuple[int, int]]:
    """Say of each rule how many of its proposals people approved, and how many they rejected."""
    rows = con.execute(
        """select rule, count(distinct match_id) filter (how = 'approved'), count(distinct match_id) filter (how is null) from (
                select rule, match_id, how from standing where how = 'approved'
                union all select a.rule, a.match_id, null from apart_of a
                    join words w on w.match_id = a.match_id and w.kind = 'reject')
            group by rule order by rule"""
    ).fetchall()
    return {str(row[0]): (int(row[1]), int(row[2])) for row in rows}
