"""
What rules compare: keys of identifiers, words of texts, names, as relations of one performance.

Each function leaves relations in the engine under the names that ``planning.plan`` reads.
"""

from __future__ import annotations

import hashlib
from functools import partial
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from sqlglot import condition

from tieout.matching.comparing.beginnings import PREFIX_MIN
from tieout.matching.comparing.columns import token_words
from tieout.matching.comparing.spelling import names_said, rewritten_keys
from tieout.matching.comparing.words import make_words, said_by_open
from tieout.matching.facts.scales import base_rates, in_base
from tieout.matching.facts.sides import FIELDS, identifiers_sql, listed
from tieout.matching.planning.operators import CARRIED_MAX, PAIRS_MAX, tolerance_sql
from tieout.model.kinds import PAID_OUT
from tieout.model.normal import keys_of, normal_column

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from tieout.matching.backends.engine import Function
    from tieout.matching.grammar.rules import Key, Rule
    from tieout.matching.performing.perform import Performance

__all__ = [
    "make_counts",
    "make_keys",
    "make_names",
    "make_rates",
    "named_rows",
    "note_crowds",
    "said_by",
    "together",
]

#: So many amounts are enough to know which are common.
_SAMPLE = 200_000


def note_crowds(work: Performance, place: int) -> None:
    """Add to ``beyond`` and ``crowded`` what shares an identifier with more than may be looked at: it is *undecided*."""
    for bound, most in (("pairs", PAIRS_MAX), ("words", CARRIED_MAX)):
        crowd = f"(select key, {bound} as had from met_{place} where {bound} > {most})"
        if not work.engine.arrow(f"select 1 from {crowd} limit 1").num_rows:
            continue
        for short in ("l", "r"):
            things = f"from {short}k_{place} k join {crowd} c on c.key = k.key group by k.thing"
            figures = f"'{bound}' as bound, max(c.had)::bigint as had, {most}::bigint as most"
            work.engine.add("beyond", f"select k.thing, {figures} {things}")
            work.engine.add("crowded", f"select k.thing {things}")


def make_keys(work: Performance, place: int, key: Key, whole: Collection[str]) -> set[str] | None:
    """
    Make ``l_keys_N`` and ``r_keys_N`` (thing, key, raw, is_part), and for a prefix ``l_forms_N``, ``r_forms_N`` (thing, form).

    Only keys that both sides have: the others bring nothing together.

    :param whole: sides (``l``, ``r``) of which the rule looks at all that is open.
    :return: relations made of the plan's: keys that are made now are those of what is open (``lk_N``, ``rk_N``); None: the
        sides have none in common.
    """
    engine = work.engine
    if key.how == "prefix":
        for short, side in (("l", "left"), ("r", "right")):
            engine.derive(f"{short}_forms_{place}", _forms(side, getattr(key, side)), _FORMS)
        return set()
    mine, other = (said_by(work, side, key) for side in ("left", "right"))
    shared = work.keys_shared.get((mine, other))
    ready = set() if shared else {f"{short}k_{place}" for short in whole}
    if shared is None:
        number = len(work.keys_shared)
        shared = (f"shared_{number}_left", f"shared_{number}_right")
        # What is used up once stays used up: only what is open now can be named later.
        engine.create(shared[1], _shared("right", other, f"({together(mine)})"))
        engine.create(shared[0], _shared("left", mine, shared[1]))
        work.keys_shared[mine, other] = shared
    if not engine.count(shared[0]):
        return None
    for short, name in zip(("l", "r"), shared, strict=True):
        engine.view(f"{short}_keys_{place}", f'select * from "{name}"')
        if f"{short}k_{place}" in ready:
            engine.view(f"{short}k_{place}", f'select * from "{name}"')
    return ready


def said_by(work: Performance, side: str, key: Key) -> tuple[str, ...]:
    """Make what a side says of a key, once per run, and name the relations (thing, key, raw)."""
    if key.rewritten:
        return _rewritten(work, side, key)
    return _said(work, side, getattr(key, side), words=key.how == "token")


def _said(work: Performance, side: str, fields: tuple[str, ...], *, words: bool) -> tuple[str, ...]:
    """
    Make what fields of a side say, once per run, and name the relations (thing, key, raw).

    :param words: also the words of their texts.
    """
    engine = work.engine
    found = []
    for field in fields:
        name = f"said_{side}_{field}"
        if words and FIELDS[field].key is None:
            continue
        found.append(name)
        if name in work.keys_ready[side]:
            continue
        if FIELDS[field].key is None:
            query = f'select a.thing, a."{field}" as said from {named_rows(work, side)} a where a."{field}" is not null'
            engine.derive(f"{name}_texts", [(query, _whole_texts)], _TEXTS)
            engine.create(name, f'select thing, key, hash(said) as raw from "{name}_texts" where key is not null')
        else:
            engine.create(name, identifiers_sql(named_rows(work, side), field))
        work.keys_ready[side].append(name)
    if words:
        name = f"words_{side}_{'_'.join(fields)}"
        found.append(name)
        if name not in work.keys_ready[side]:
            make_words(work, side, name, fields)
            work.keys_ready[side].append(name)
    return tuple(found)


def _rewritten(work: Performance, side: str, key: Key) -> tuple[str, ...]:
    """Make what fields of a side say without what a key drops, once per run: relations (thing, key, raw)."""
    drop = key.drop[0 if side == "left" else 1]
    form = hashlib.sha256(repr((drop, key.letters)).encode()).hexdigest()[:8]
    found = []
    for field in getattr(key, side):
        name = f"said_{side}_{field}_{form}"
        found.append(name)
        if name in work.keys_ready[side]:
            continue
        shown = f'unnest(a."{field}")' if FIELDS[field].many else f'a."{field}"'
        query = f'select a.thing, {shown} as said from {named_rows(work, side)} a where a."{field}" is not null'
        function = partial(rewritten_keys, drop=drop, letters=key.letters)
        work.engine.derive(f"{name}_texts", [(query, function)], _TEXTS)
        work.engine.create(name, f'select thing, key, hash(said) as raw from "{name}_texts" where key is not null')
        work.keys_ready[side].append(name)
    return tuple(found)


def _shared(side: str, names: Sequence[str], others: str) -> str:
    """
    Write the query for what relations say of open things of a side, as far as others say it, too.

    With what is open of the thing: nobody need look that up before a rule has taken something.
    """
    said = " union all ".join(
        f'select thing, key, raw, {"is_part" if name.startswith("words_") else "false as is_part"} from "{name}"'
        for name in names
    )
    return f"""select k.*, s.ccy, s.amount from ({said}) k join "{side}" s on s.thing = k.thing
        semi join {others} o on o.key = k.key"""


def together(names: Sequence[str]) -> str:
    """Write the query for what several relations say: (thing, key, raw)."""
    return " union all ".join(f'select thing, key, raw from "{name}"' for name in names)


def named_rows(work: Performance, side: str) -> str:
    """
    Give the rows whose identifiers speak for a thing.

    Of lines that are together one settlement only the settlement's own id does: not the order that one line paid. What
    the bank sent back is not named by the settlement that it came back in: that is the name of the settlement's payout.
    """
    grouped = work.grouped[0 if side == "left" else 1]
    if not grouped:
        return f'"{side}_all"'
    settled = f"kind in ({listed(PAID_OUT)})"
    columns = work.columns[side]
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
    if "payout_reversal" in work.kinds[0 if side == "left" else 1]:
        hidden += [
            f'case when kind <> \'payout_reversal\' then "{name}" end as "{name}"'
            for name in ("settlement_id", "settlement_key")
            if name in columns
        ]
    return f'(select * replace ({", ".join(hidden)}) from "{side}_all")' if hidden else f'"{side}_all"'


def _forms(side: str, fields: tuple[str, ...]) -> list[tuple[str, Function]]:
    """Say how normal forms are made of identifiers that may be cut off; of a text, of its words."""
    return [(said_by_open(side, name), _forms_of_words if FIELDS[name].key is None else _forms_of) for name in fields]


_TEXTS = pa.schema({"thing": pa.int64(), "said": pa.string(), "key": pa.int64()})
_FORMS = pa.schema({"thing": pa.int64(), "form": pa.string()})
_NAMES = pa.schema(
    {"thing": pa.int64(), "plain": pa.string(), "form": pa.string(), "block": pa.int64(), "words": pa.string()}
)
_CHANCES = pa.schema({"thing": pa.int64(), "chance": pa.int64()})


def _whole_texts(rows: pa.Table) -> pa.Table:
    """Give the keys of a text that intake computed none for, as one identifier: (thing, said, key)."""
    return rows.append_column("key", keys_of(rows["said"].combine_chunks()))


def _forms_of(rows: pa.Table) -> pa.Table:
    return _long_forms(rows["thing"].combine_chunks(), rows["said"].combine_chunks())


def _forms_of_words(rows: pa.Table) -> pa.Table:
    """Give the normal forms of every word of texts, and of neighbours written together."""
    return _long_forms(*token_words(rows["thing"].combine_chunks(), rows["said"].combine_chunks()))


def _long_forms(things: pa.Array, said: pa.Array) -> pa.Table:
    form = normal_column(said)
    table = pa.table({"thing": things, "form": form})
    return table.filter(pc.greater_equal(pc.fill_null(pc.utf8_length(form), 0), PREFIX_MIN))


def make_names(work: Performance, rule: Rule) -> None:
    """
    Make ``l_party`` and ``r_party``: things with a name (block, form, plain, words, n) and how likely their amount is (chance).

    ``n``: how many accidental candidates of that name a thing must expect, in millionths, before the amount is looked at:
    open things of the other side whose name begins alike, times the share of all days that the window covers. In another
    order of its words a name agrees as a whole only, and so it is counted.
    """
    engine = work.engine
    key = next(key for key in rule.keys if key.how == "name")
    for short, side in (("l", "left"), ("r", "right")):
        query = " union all ".join(
            f'select a.thing, a."{column}" as said from "{side}_all" a semi join {short} s on s.thing = a.thing'
            f' where a."{column}" is not null'
            for column in getattr(key, side)
        )
        aliases = work.rules.aliases if side == "right" else ()
        function = partial(names_said, aliases=aliases, letters=key.letters)
        engine.derive(f"{short}_named", [(query, function)], _NAMES)
    engine.create("r_names", "select * from r_named")
    engine.create(
        "l_names",
        f"""select a.*, coalesce(case when a.words is null then f.n else b.n end, 0) * {_share_of_days(rule)} as n
            from l_named a
            left join (select block, count(distinct thing) as n from r_names where words is not null group by block) b
                on b.block = a.block
            left join (select form, count(distinct thing) as n from r_names group by form) f on f.form = a.form""",
    )
    _make_chances(work, rule)
    for short in ("l", "r"):
        engine.create(
            f"{short}_party",
            f"select s.*, n.* exclude (thing) from {short} s join {short}_names n on n.thing = s.thing",
        )


def make_counts(work: Performance, rule: Rule) -> None:
    """
    Give each thing of the left its accidental candidates where no name is compared (n, as in :func:`make_names`), and chance.

    Counted from the larger side: what few things of the one have, many of the other may claim.
    """
    by = "0" if rule.amount is not None and rule.amount.base else "ccy"
    counted = " union all ".join(f"select {by} as ccy, count(*) as n from {side} group by {by}" for side in ("l", "r"))
    most = f"select ccy, max(n) as n from ({counted}) group by ccy"
    work.engine.create(
        "l_counted",
        f"select l.*, m.n * {_share_of_days(rule)} as n from l join ({most}) m on m.ccy = {by.replace('ccy', 'l.ccy')}",
    )
    work.engine.rename("l_counted", "l")
    _make_chances(work, rule)


def _share_of_days(rule: Rule) -> str:
    """Write which share of all days of the right a rule's window covers, in millionths; ten business days are a fortnight."""
    if rule.days is None:
        return "1000000"
    width = 'select max(n) from (select count(*) as n from "window" group by calendar, l_day)'
    span = "select greatest(max(r_day) - min(r_day) + 1, 1) from r"
    return f"least(coalesce(({width}), 1) * 1000000 // ({span}), 1000000)"


def make_rates(work: Performance, things: str) -> None:
    """Make ``base_of_...`` of a relation (ccy, booked, ...): the rates of its days into the entity's currency."""
    found = work.engine.arrow(f'select distinct ccy, booked from "{things}" where booked is not null')
    spans = list(zip(found["ccy"].to_pylist(), found["booked"].to_pylist(), strict=True))
    work.engine.take(f"base_of_{things}", base_rates(work.money, work.rates, work.base_currency, spans))


def _make_chances(work: Performance, rule: Rule) -> None:
    """
    Give each thing of the left the share of the right's amounts that its tolerance lets pass: ``chance``, in millionths.

    Measured on all of the right, also what is matched, by whichever run: what is left over says too little of what amounts
    are common, and a later run would take back what an earlier one found.
    """
    engine = work.engine
    if rule.amount is None:  # any amount would do
        engine.create("l_weighed", "select l.*, 1000000::bigint as chance from l")
        engine.rename("l_weighed", "l")
        return
    base, measured = rule.amount.base, _measured(work)
    tolerance = condition(tolerance_sql(rule.amount, "l", work.currencies, base=base)).sql(dialect=engine.dialect)
    lefts = f"select thing, ccy, amount, {tolerance} as reach from l"
    rights = f"select a.ccy, a.amount from {measured} a"
    if base:  # whatever their currency, they are compared in the entity's
        lefts = f"select thing, 0 as ccy, base as amount, {tolerance} as reach from l where base is not null"
        make_rates(work, measured)
        rights = f"""select 0 as ccy, {in_base("a.amount", "b")} as amount from {measured} a
            join base_of_{measured} b on b.ccy = a.ccy and b.day = a.booked"""
    engine.combine("chances", (lefts, rights), "ccy", _chances, _CHANCES)
    # What has no rate may be as common as all of them.
    engine.create(
        "l_weighed",
        "select l.*, coalesce(c.chance, 1000000) as chance from l left join chances c on c.thing = l.thing",
    )
    engine.rename("l_weighed", "l")


def _measured(work: Performance) -> str:
    """Make the relation of what amounts the right has (ccy, amount, booked), of many a sample; once per run."""
    engine, name = work.engine, "right_measured"
    if name not in work.made:
        work.made.add(name)
        whole = work.whole_right or "right_all"
        (count,) = engine.arrow(f"select count(*) as n from {whole} a")["n"].to_pylist()
        sampled = f"abs(a.record_key % {count // _SAMPLE + 1}) = 0"
        engine.create(name, f"select a.ccy, a.amount, a.booked from {whole} a where {sampled}")
    return name


def _chances(lefts: pa.Table, rights: pa.Table) -> pa.Table:
    """Say of each left amount how large a part of the right ones of its currency lies within its reach."""
    things, ccys, amounts, reach = (lefts[n].to_numpy() for n in ("thing", "ccy", "amount", "reach"))
    r_ccys, r_amounts = rights["ccy"].to_numpy(), rights["amount"].to_numpy()
    chance = np.full(len(things), 1_000_000, np.int64)
    for ccy in np.unique(ccys):
        mine, known = ccys == ccy, np.sort(r_amounts[r_ccys == ccy])
        if len(known):
            low = np.searchsorted(known, amounts[mine] - reach[mine], "left")
            high = np.searchsorted(known, amounts[mine] + reach[mine], "right")
            chance[mine] = np.maximum(high - low, 1) * 1_000_000 // len(known)
    return pa.table({"thing": things, "chance": chance})
