"""
Performing the rules of one reconciliation, strongest first, on what is open of both sides.

After each rule what it matched is taken off, so that a weaker rule never takes from a stronger one.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from sqlglot import condition

from tieout.matching.columns import name_forms, token_keys, token_words
from tieout.matching.facts import base_rates, window
from tieout.matching.operators import PAIRS_MAX, tolerance_sql
from tieout.matching.plan import plan_of
from tieout.matching.selections import select_from_pools
from tieout.matching.sides import FIELDS, SETTLED, identifier_parts, things_sql
from tieout.model.normal import keys_of, normal_column

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    import pyarrow as pa

    from tieout.config.rates import Rates
    from tieout.matching.backends.duckdb import DuckDB
    from tieout.matching.facts import Money
    from tieout.matching.plan import Plan
    from tieout.matching.rules import Filter, Key, Rule, RuleSet

__all__ = ["Performance", "columns_wanted", "perform_rules"]

#: What every row carries, for what is said of it when nothing matches.
_ALWAYS = (
    "external_key",
    "parent_key",
    "account_id",
    "settlement_id",
    "external_id",
    "source_id",
    "entity_id",
    "counterparty",
    "bank_code",
    "due_on",
)
#: Below this an identifier's beginning says nothing.
_PREFIX_MIN = 6
#: An identifier that more things carry (a customer's number) names none of them.
_FEW = 5
#: So many amounts are enough to know which are common.
_SAMPLE = 200_000


@dataclass(slots=True)
class Performance:
    """
    One performance of a rule set.

    :ivar grouped: (left, right): whether lines of a settlement are one thing.
    :ivar calendars: {code: name}.
    :ivar found: the relations of matches: (number of the rule, ``paired`` or ``summed``, relation).
    """

    engine: DuckDB
    rules: RuleSet
    money: Money
    rates: Rates
    base_currency: str
    base_exponent: int
    folder: Path
    calendars: dict[int, str | None]
    grouped: tuple[bool, bool]
    found: list[tuple[int, str, str]] = field(default_factory=list)
    spoken_for_after: tuple[int, int] = (-1, -1)
    keys_ready: dict[tuple[str, tuple[str, ...], bool], str] = field(default_factory=dict)


def columns_wanted(rules: RuleSet, side: str) -> list[str]:
    """Name the columns of records that the rules read of a side (``left`` or ``right``)."""
    wanted = dict.fromkeys(_ALWAYS)
    for rule in rules.rules:
        for key in rule.keys:
            for name in getattr(key, side):
                wanted[name] = None
                if FIELDS[name].key is not None:
                    wanted[str(FIELDS[name].key)] = None
        if rule.days is not None and getattr(rule.days, side) != "booked_on":
            wanted[getattr(rule.days, side)] = None
        if getattr(rule, side).bank_codes:
            wanted["bank_code"] = None
    return list(wanted)


def perform_rules(work: Performance) -> None:
    """Perform every rule; leaves ``left`` and ``right`` with what is open afterwards."""
    engine = work.engine
    for side, grouped in zip(("left", "right"), work.grouped, strict=True):
        engine.create(side, things_sql(f"{side}_all", grouped=grouped))
    _make_forbidden(work)
    _make_families(work)
    _leave_out_kin(work)
    for name in ("held", "beyond"):
        engine.create(name, "select ''::varchar as side, 0::bigint as thing where false")
    for number, rule in enumerate(work.rules.rules):
        if engine.count("left") == 0 or engine.count("right") == 0:
            break
        _perform(work, number, rule)


def _make_forbidden(work: Performance) -> None:
    """Make ``forbidden`` (l, r): things that a person took apart."""
    spread = []
    for side, grouped in zip(("left", "right"), work.grouped, strict=True):
        thing = "coalesce(m.thing, a.thing)" if grouped else "a.thing"
        joined = f"left join members_of_{side} m on m.row = a.thing" if grouped else ""
        spread.append(f'(select {thing} as thing, a.record_id from "{side}_all" a {joined})')
    work.engine.create(
        "forbidden",
        f"""select distinct a.thing as l, b.thing as r from apart p
            join {spread[0]} a on a.record_id = p.left_id join {spread[1]} b on b.record_id = p.right_id""",
    )


def _make_families(work: Performance) -> None:
    """
    Make ``family`` (side, parent, child): a bank's entry and the transactions inside it. A match uses the one or the others.
    """
    parts = [
        f"""select '{side}' as side, p.thing as parent, c.thing as child from {side}_all p join {side}_all c
            on c.parent_key = p.external_key and c.account_id = p.account_id and c.booked = p.booked
            where p.kind = 'bank_entry' and c.kind = 'bank_detail'"""
        for side in ("left", "right")
    ]
    work.engine.create("family", " union all ".join(parts))


def _leave_out_kin(work: Performance) -> None:
    """Take off what an earlier match has in another form: the entry of a transaction, or a transaction of an entry."""
    if not work.engine.count("kin_used"):
        return
    for side in ("left", "right"):
        kin = f'select a.thing from "{side}_all" a semi join kin_used k on k.record_id = a.record_id'
        work.engine.create("rest", f'select s.* from "{side}" s where s.thing not in ({kin})')
        work.engine.rename("rest", side)


def _perform(work: Performance, number: int, rule: Rule) -> None:
    engine = work.engine
    if not any(key.how != "name" for key in rule.keys):
        _make_spoken_for(work)
    for short, side in (("l", "left"), ("r", "right")):
        engine.create(short, _looked_at(work, rule, short, side))
    plan = plan_of(rule, work.money.currencies)
    if rule.days is not None:
        days = engine.arrow("select distinct l_day from l where l_day is not null order by l_day")["l_day"].to_pylist()
        engine.take("window", window(rule.days, work.calendars, work.folder, days))
    for place, key in enumerate(plan.keys):
        _make_keys(work, place, key)
    if any(key.how == "name" for key in rule.keys):
        _make_names(work, rule)
    if rule.interchangeable:
        _make_order(work)
    for step in plan.steps:
        engine.create(step.name, step.query)
    for place in plan.crowds:
        _note_crowds(work, place)
    if plan.result == "pools":
        select_from_pools(engine, rule, "candidates", anchor="l" if rule.shape == "1:n" else "r")
        engine.con.execute("insert into held select side, thing from held_now")
        engine.con.execute("insert into beyond select side, thing from beyond_now")
        plan.result = "summed"
    _take(work, number, rule, plan)


def _note_crowds(work: Performance, place: int) -> None:
    """Add to ``beyond`` what shares an identifier with more than may be looked at: its answer is *undecided*."""
    crowd = f"(select key from met_{place} where pairs > {PAIRS_MAX})"
    if not work.engine.arrow(f"select 1 from {crowd} limit 1").num_rows:
        return
    for short, side in (("l", "left"), ("r", "right")):
        work.engine.con.execute(
            f"insert into beyond select distinct '{side}', k.thing from {short}k_{place} k semi join {crowd} c on c.key = k.key"
        )


def _make_order(work: Performance) -> None:
    """Make ``l_order`` and ``r_order`` (thing, place): which of equal things comes first, whatever stood first in a file."""
    first = "a.account_id, a.settlement_id, a.external_id, a.record_key, a.record_id"
    for short, side in (("l", "left"), ("r", "right")):
        work.engine.create(
            f"{short}_order",
            f'select s.thing, row_number() over (order by {first}) as place from {short} s join "{side}_all" a using (thing)',
        )


def _make_spoken_for(work: Performance) -> None:
    """
    Make ``spoken_for`` (side, thing): what names something of the other side by an identifier that few share.

    A rule that looks at amounts, days and names alone must not pair it with something else.
    """
    engine = work.engine
    now = (len(work.found), len(work.keys_ready))
    if work.spoken_for_after == now:
        return
    work.spoken_for_after = now
    keys: dict[str, list[str]] = {"left": [], "right": []}
    for (side, _, _), name in work.keys_ready.items():
        keys[side].append(f"select thing, key, raw from {name}")
    if not keys["left"] or not keys["right"]:
        engine.create("spoken_for", "select ''::varchar as side, 0::bigint as thing where false")
        return
    for side, parts in keys.items():
        engine.create(
            f"known_{side}",
            f"""select k.thing, k.key, max(k.raw) as raw from ({" union all ".join(parts)}) k
                semi join "{side}" s on s.thing = k.thing group by all""",
        )
        engine.create(f"rare_{side}", f"select key from known_{side} group by key having count(*) <= {_FEW}")
    met = "from known_left l join known_right r on r.key = l.key and (l.raw <> 0 or r.raw <> 0)"
    engine.create(
        "spoken_for",
        f"""select distinct 'left' as side, l.thing {met} semi join rare_right q on q.key = l.key
            union all select distinct 'right', r.thing {met} semi join rare_left q on q.key = r.key""",
    )


def _looked_at(work: Performance, rule: Rule, short: str, side: str) -> str:
    """Write the query for what a rule looks at of a side, with the day and, where asked for, the amount in base currency."""
    own: Filter = getattr(rule, side)
    day = getattr(rule.days, side) if rule.days is not None else "booked_on"
    shown = {
        "booked_on": "s.booked",
    }.get(day, f"coalesce(m.{day} - date '1970-01-01', s.booked)")
    # What fits two answers equally well is not settled by a weaker rule.
    conditions = [f"s.thing not in (select thing from held where side = '{side}')"]
    if not any(key.how != "name" for key in rule.keys):
        conditions.append(f"s.thing not in (select thing from spoken_for where side = '{side}')")
    if own.kinds:
        conditions.append(f"m.kind in ({_listed(own.kinds)})")
    # A part of several lines would be a part of none of them in particular.
    single = rule.partial and work.grouped[0 if side == "left" else 1]
    if single:
        conditions.append(f"m.kind in ({_listed(SETTLED)})")
    if own.bank_codes:
        conditions.append(" or ".join(f"starts_with(m.bank_code, {_listed((code,))})" for code in own.bank_codes))
    needs_row = day != "booked_on" or own.kinds or own.bank_codes or single
    joined = f' join "{side}_all" m on m.thing = s.thing' if needs_row else ""
    base = "null::bigint"
    if rule.amount is not None and rule.amount.base:
        _make_base(work, side)
        joined += f' left join "base_of_{side}" b on b.ccy = s.ccy and b.day = s.booked'
        whole = "(abs(s.amount::hugeint) * b.numerator * 2 + b.denominator) // (2 * b.denominator)"
        base = f"(case when s.amount < 0 then -1 else 1 end * {whole})::bigint"
    return (
        f"select s.thing, s.ccy, s.amount, ({shown})::integer as {short}_day, s.calendar, {base} as base"
        f' from "{side}" s{joined} where ({") and (".join(conditions)})'
    )


def _make_base(work: Performance, side: str) -> None:
    found = work.engine.arrow(f'select distinct ccy, booked from "{side}" where booked is not null')
    spans = list(zip(found["ccy"].to_pylist(), found["booked"].to_pylist(), strict=True))
    work.engine.take(f"base_of_{side}", base_rates(work.money, work.rates, work.base_currency, spans))


def _listed(words: tuple[str, ...]) -> str:
    return ", ".join("'" + word.replace("'", "''") + "'" for word in words)


def _make_keys(work: Performance, place: int, key: Key) -> None:
    """Make ``l_keys_N`` and ``r_keys_N`` (thing, key, raw), and for a prefix ``l_forms_N``, ``r_forms_N`` (thing, form)."""
    engine = work.engine
    for short, side in (("l", "left"), ("r", "right")):
        fields = getattr(key, side)
        if key.how == "prefix":
            engine.take(f"{short}_forms_{place}", _forms(work, side, fields))
            continue
        name = work.keys_ready.get((side, fields, key.how == "token"))
        if name is None:
            name = f"keys_{len(work.keys_ready)}_{side}"
            parts = identifier_parts(_named_rows(work, side), fields)
            if key.how == "token":
                engine.take(f"{name}_tokens", _tokens(work, side, fields))
                parts.append(f'select thing, key, 0::ubigint as raw from "{name}_tokens"')
            elif unkeyed := [field for field in fields if FIELDS[field].key is None]:
                engine.take(f"{name}_texts", _whole_texts(work, side, unkeyed))
                parts.append(f'select thing, key, hash(said) as raw from "{name}_texts"')
            keys = (
                " union all ".join(parts)
                or "select 0::bigint as thing, 0::bigint as key, 0::ubigint as raw where false"
            )
            engine.create(name, f"select distinct thing, key, raw from ({keys}) where key is not null")
            work.keys_ready[side, fields, key.how == "token"] = name
        engine.con.execute(f'create or replace temp view "{short}_keys_{place}" as select * from "{name}"')


def _named_rows(work: Performance, side: str) -> str:
    """
    Give the rows whose identifiers speak for a thing.

    Of lines that are together one settlement only the settlement's own id does: not the order that one line paid.
    """
    grouped = work.grouped[0 if side == "left" else 1]
    if not grouped:
        return f'"{side}_all"'
    settled = f"kind in ({_listed(SETTLED)})"
    columns = work.engine.arrow(f'select * from "{side}_all" limit 0').column_names
    hidden = [
        f'case when {settled} then "{name}" end as "{name}"'
        for name in columns
        if name in FIELDS and name != "settlement_id"
    ]
    hidden += [
        f"case when {settled} then {FIELDS[name].key} end as {FIELDS[name].key}"
        for name in columns
        if name in FIELDS and FIELDS[name].key in columns and name != "settlement_id"
    ]
    return f'(select * replace ({", ".join(hidden)}) from "{side}_all")' if hidden else f'"{side}_all"'


def _tokens(work: Performance, side: str, fields: tuple[str, ...]) -> pa.Table:
    """Cut the texts of a side into words; only of things that are still open."""
    import pyarrow as pa

    tables = []
    for name in fields:
        if FIELDS[name].key is not None and not FIELDS[name].many and name != "external_id":
            continue
        shown = f'unnest("{name}")' if FIELDS[name].many else f'"{name}"'
        rows = work.engine.arrow(
            f'select a.thing, {shown} as said from "{side}_all" a semi join "{side}" s on s.thing = a.thing'
        ).combine_chunks()
        if rows.num_rows:
            tables.append(token_keys(rows["thing"].combine_chunks(), rows["said"].combine_chunks()))
    empty = pa.table({"thing": pa.array([], pa.int64()), "key": pa.array([], pa.int64())})
    return pa.concat_tables([empty, *tables])


def _whole_texts(work: Performance, side: str, fields: Sequence[str]) -> pa.Table:
    """Give the keys of texts that intake computed none for, each text as one identifier: (thing, said, key)."""
    import pyarrow as pa

    tables = []
    for name in fields:
        rows = work.engine.arrow(
            f'select a.thing, a."{name}" as said from {_named_rows(work, side)} a where a."{name}" is not null'
        )
        tables.append(rows.append_column("key", keys_of(rows["said"].combine_chunks())))
    return pa.concat_tables(tables)


def _forms(work: Performance, side: str, fields: tuple[str, ...]) -> pa.Table:
    """Give the normal forms of identifiers that may be cut off."""
    import pyarrow as pa
    import pyarrow.compute as pc

    tables = []
    for name in fields:
        shown = f'unnest("{name}")' if FIELDS[name].many else f'"{name}"'
        rows = work.engine.arrow(
            f'select a.thing, {shown} as said from "{side}_all" a semi join "{side}" s on s.thing = a.thing'
        )
        things, said = rows["thing"].combine_chunks(), rows["said"].combine_chunks()
        if FIELDS[name].key is None:  # a text: every word of it, and neighbours written together
            things, said = token_words(things, said)
        form = normal_column(said)
        table = pa.table({"thing": things, "form": form})
        tables.append(table.filter(pc.greater_equal(pc.fill_null(pc.utf8_length(form), 0), _PREFIX_MIN)))
    return pa.concat_tables(tables)


def _make_names(work: Performance, rule: Rule) -> None:
    """
    Make ``l_party`` and ``r_party``: things with a name (block, form, plain, n) and how likely their amount is (chance).

    ``n``: how many accidental candidates of that name a thing must expect, in millionths, before the amount is looked at:
    open things of the other side whose name begins alike, times the share of all days that the window covers.
    """
    import pyarrow as pa

    engine = work.engine
    key = next(key for key in rule.keys if key.how == "name")
    for short, side in (("l", "left"), ("r", "right")):
        rows = engine.arrow(
            " union all ".join(
                f'select a.thing, a."{column}" as said from "{side}_all" a semi join {short} s on s.thing = a.thing'
                f' where a."{column}" is not null'
                for column in getattr(key, side)
            )
        )
        said = rows["said"].combine_chunks()
        forms = name_forms(said)
        table = pa.table({"thing": rows["thing"].combine_chunks(), "plain": normal_column(said)})
        for name in forms.column_names:
            table = table.append_column(name, forms[name])
        engine.take(f"{short}_named", table)
    engine.create("r_names", "select * from r_named")
    width = 1 if rule.days is None else rule.days.last - rule.days.first + 1
    span = "select greatest(max(r_day) - min(r_day) + 1, 1) as days from r"
    engine.create(
        "l_names",
        f"""select a.*, coalesce(b.n, 0) * least({width} * 1000000 // (select days from ({span})), 1000000) as n
            from l_named a left join (select block, count(distinct thing) as n from r_names group by block) b on b.block = a.block""",
    )
    _make_chances(work, rule)
    for short in ("l", "r"):
        engine.create(
            f"{short}_party",
            f"select s.*, n.* exclude (thing) from {short} s join {short}_names n on n.thing = s.thing",
        )


def _make_chances(work: Performance, rule: Rule) -> None:
    """
    Give each thing of the left the share of the right's amounts that its tolerance lets pass: ``chance``, in millionths.

    Measured on all of the right, also what is matched: what is left over says too little of what amounts are common.
    """
    import numpy as np
    import pyarrow as pa

    engine = work.engine
    tolerance = "0"
    if rule.amount is not None:
        tolerance = condition(tolerance_sql(rule.amount, "l", work.money.currencies)).sql(dialect=engine.dialect)
    lefts = engine.arrow(f"select thing, ccy, amount, {tolerance} as reach from l")
    every = engine.count("right_all") // _SAMPLE + 1
    rights = engine.arrow(f"select ccy, amount from right_all where abs(record_key % {every}) = 0")
    things, ccys, amounts, reach = (lefts[n].to_numpy() for n in ("thing", "ccy", "amount", "reach"))
    r_ccys, r_amounts = rights["ccy"].to_numpy(), rights["amount"].to_numpy()
    chance = np.full(len(things), 1_000_000, np.int64)
    for ccy in np.unique(ccys):
        mine, known = ccys == ccy, np.sort(r_amounts[r_ccys == ccy])
        if len(known):
            low = np.searchsorted(known, amounts[mine] - reach[mine], "left")
            high = np.searchsorted(known, amounts[mine] + reach[mine], "right")
            chance[mine] = np.maximum(high - low, 1) * 1_000_000 // len(known)
    engine.take("chances", pa.table({"thing": things, "chance": chance}))
    engine.create("l_weighed", "select l.*, c.chance from l join chances c on c.thing = l.thing")
    engine.rename("l_weighed", "l")


def _take(work: Performance, number: int, rule: Rule, plan: Plan) -> None:
    """Keep what a rule found and take it off both sides."""
    engine = work.engine
    name = f"found_{number}"
    if plan.result == "paired":
        part = "abs(lt.amount) <= abs(rt.amount)"
        taken = f"case when {part} then lt.amount else rt.amount end"
        left, right = (taken, taken) if rule.partial else ("lt.amount", "rt.amount")
        engine.create(
            name,
            f"""select p.*, {left} as l_taken, {right} as r_taken from paired p
                join l lt on lt.thing = p.l join r rt on rt.thing = p.r""",
        )
        _leave_out_entries(work, name, "l", "select 'left', l, l from {0} union all select 'right', r, l from {0}")
        for side, short in (("left", "l"), ("right", "r")):
            engine.create("taken", f"select {short} as thing, {short}_taken as allocated from {name}")
            _take_off(work, side, partial=rule.partial)
    else:
        engine.create(
            name,
            """select p.* replace (coalesce(p.taken, lt.amount, rt.amount) as taken) from summed p
                left join l lt on p.side = 'left' and lt.thing = p.thing
                left join r rt on p.side = 'right' and rt.thing = p.thing""",
        )
        _leave_out_entries(work, name, "bundle", "select side, thing, bundle from {0}")
        for side in ("left", "right"):
            engine.create("taken", f"select thing, taken as allocated from {name} where side = '{side}'")
            _take_off(work, side, partial=rule.partial)
    _take_families(work, name, plan.result)
    if engine.count(name):
        work.found.append((number, plan.result, name))


def _leave_out_entries(work: Performance, name: str, bundle: str, taken: str) -> None:
    """Where one rule takes a bank's entry and a transaction inside it, leave out what has the entry: the part says more."""
    if not work.engine.count("family"):
        return
    work.engine.con.execute(
        f"""delete from "{name}" where {bundle} in (
            with t(side, thing, bundle) as ({taken.format(name)})
            select p.bundle from t p join family f on f.side = p.side and f.parent = p.thing
            join t c on c.side = f.side and c.thing = f.child)"""
    )


def _take_families(work: Performance, name: str, shape: str) -> None:
    """Take an entry off with its transactions, and the other way round."""
    engine = work.engine
    if not engine.count("family"):
        return
    for side, short in (("left", "l"), ("right", "r")):
        taken = f"select {short} as thing from {name}"
        if shape == "summed":
            taken = f"select thing from {name} where side = '{side}'"
        engine.create(
            "kin",
            f"""select f.child as thing from family f join ({taken}) t on t.thing = f.parent where f.side = '{side}'
                union select f.parent from family f join ({taken}) t on t.thing = f.child where f.side = '{side}'""",
        )
        engine.create("rest", f'select s.* from "{side}" s anti join kin k on k.thing = s.thing')
        engine.rename("rest", side)


def _take_off(work: Performance, side: str, *, partial: bool) -> None:
    """Leave what is still open of a side."""
    engine = work.engine
    if not partial:
        rest = f'select s.* from "{side}" s anti join taken t on t.thing = s.thing'
    else:
        rest = (
            f'select s.* replace (s.amount - coalesce(t.allocated, 0) as amount) from "{side}" s'
            " left join taken t on t.thing = s.thing where s.amount <> coalesce(t.allocated, 0)"
        )
    engine.create("rest", rest)
    engine.rename("rest", side)
