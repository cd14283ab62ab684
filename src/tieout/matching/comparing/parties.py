"""
Whose money it is: names that speak against what a rule found by amounts alone, or by a bare number.

Both sides of a match may bear names; of two parties it is none. Where one side is settlements of a platform, the names
of their lines are its customers', and the platform has none in them: which names it pays under is told by lines of the
bank that identifiers matched, and by words of its source.
"""

from __future__ import annotations

import re
from functools import partial
from typing import TYPE_CHECKING

import pyarrow as pa
import pyarrow.compute as pc

from tieout.matching.comparing.spelling import agree_by_name, apart_by_name
from tieout.matching.comparing.two_names import names_of_two
from tieout.matching.facts.records import records_of
from tieout.matching.facts.sides import FIELDS, listed
from tieout.matching.planning.operators import PAIRS_MAX
from tieout.matching.results.found import SIDES, things_found
from tieout.model.kinds import PAID_OUT
from tieout.store.runs import standing_matches

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from tieout.config import Workspace
    from tieout.matching.grammar.rules import Alias, Rule
    from tieout.matching.performing.perform import Performance

__all__ = [
    "leave_out_mixed",
    "leave_out_other_names",
    "leave_out_other_parties",
    "make_doubtful",
    "note_other_names",
    "platform_words",
]

#: So many names of one platform are known, those of the most lines first.
_NAMES_MAX = 20
#: Shorter words name nobody.
_WORD_MIN = 4
_WORD = re.compile(r"[^\W_]+")
#: Words of sources that say what they are, not who.
_PLAIN = {"bank", "fees", "lines", "payment", "payments", "payout", "payouts", "platform", "report", "settlement"}
#: A number of up to six digits, which a text may have for many reasons.
_BARE = r"^[0 ./-]*[1-9]([ ./-]?[0-9]){0,5}[ ./-]*$"
_PAIRS = pa.schema({"l": pa.int64(), "r": pa.int64()})
_BUNDLES = pa.schema({"bundle": pa.int64()})
_NAMES = pa.schema({"one": pa.string(), "other": pa.string()})
#: Of a thing with more candidates names are not compared: what could be meant is beyond any search.
_COMPARED_MAX = 1_000


def platform_words(workspace: Workspace) -> dict[str, tuple[str, ...]]:
    """Give of each source the words of its own name, its format's, and whoever keeps its accounts, in upper case."""
    found = {}
    for source in workspace.sources:
        said = [source.id, (source.format or "").partition(".")[0], source.connector or ""]
        said += [account.servicer or "" for account in workspace.accounts if account.source == source.id]
        words = {word for text in said for word in _WORD.findall(text.lower())} - _PLAIN
        found[source.id] = tuple(sorted(word.upper() for word in words if len(word) >= _WORD_MIN))
    return found


def leave_out_other_names(work: Performance, rule: Rule, found: str) -> None:
    """
    Leave out of what a rule found by amounts alone the matches whose two sides are two parties'.

    :param found: ``paired`` or ``summed``.
    """
    engine = work.engine
    both = "select p.l as bundle, p.l, p.r from paired p"
    if found == "summed":
        both = """select a.bundle, a.thing as l, b.thing as r from summed a
            join summed b on b.bundle = a.bundle and a.side = 'left' and b.side = 'right'"""
    note_other_names(work, rule, both)
    if not engine.count("of_two"):
        return
    bundle = "l" if found == "paired" else "bundle"
    engine.create("rest", f"select p.* from {found} p anti join of_two t on t.bundle = p.{bundle}")
    engine.rename("rest", found)


def note_other_names(work: Performance, rule: Rule, both: str) -> None:
    """
    Make ``of_two`` (bundle): of what is brought together what is two parties'.

    :param both: the query for it (bundle, l, r).
    """
    engine = work.engine
    if all(work.grouped):
        engine.create("of_two", "select 0::bigint as bundle where false")
    elif any(work.grouped):
        _note_strangers(work, rule, both)
    else:
        query = f"""select p.bundle, a.counterparty as one, b.counterparty as other from ({both}) p
            join left_all a on a.thing = p.l join right_all b on b.thing = p.r
            where a.counterparty is not null and b.counterparty is not null"""
        engine.derive("of_two", [(query, partial(apart_by_name, aliases=work.rules.aliases))], _BUNDLES)


def leave_out_other_parties(work: Performance, anchor: str, pairs: str) -> None:
    """
    Leave out of pairs (l, r) that no identifier or name brought together those whose names are two parties'.

    :param pairs: the name of their relation.
    :param anchor: ``l`` or ``r``: of which half things with very many candidates are left as they are.
    """
    if any(work.grouped):  # a settlement's lines are its customers'
        return
    engine = work.engine
    few = f"select {anchor} from {pairs} group by {anchor} having count(*) <= {_COMPARED_MAX}"
    named = f"""{pairs} c join left_all a on a.thing = c.l join right_all b on b.thing = c.r"""
    query = f"""select distinct a.counterparty as one, b.counterparty as other from {named}
        semi join ({few}) f on f.{anchor} = c.{anchor}
        where a.counterparty is not null and b.counterparty is not null"""
    engine.derive("names_apart", [(query, partial(_names_apart, aliases=work.rules.aliases))], _NAMES)
    if engine.count("names_apart"):
        apart = "names_apart n on n.one = a.counterparty and n.other = b.counterparty"
        engine.create("rest", f"select c.l, c.r from {named} anti join {apart}")
        engine.rename("rest", pairs)


def _names_apart(rows: pa.Table, aliases: Sequence[Alias]) -> pa.Table:
    """Keep the names that are two parties': (one, other)."""
    numbered = rows.append_column("bundle", pa.array(range(rows.num_rows), pa.int64()))
    apart = apart_by_name(numbered, aliases)["bundle"].combine_chunks()
    return rows.filter(pc.is_in(numbered["bundle"], value_set=apart))


def leave_out_mixed(work: Performance) -> None:
    """Leave out of ``summed`` the matches of two entities' records: what is laid end to end was not paired before."""
    both = """select a.bundle from summed a join summed b on b.bundle = a.bundle
        join left_all le on le.thing = a.thing join right_all re on re.thing = b.thing
        where a.side = 'left' and b.side = 'right' and le.entity_id <> re.entity_id"""
    work.engine.create("rest", f"select s.* from summed s anti join ({both}) m on m.bundle = s.bundle")
    work.engine.rename("rest", "summed")


def make_doubtful(work: Performance, rule: Rule) -> None:
    """
    Make ``doubtful`` (l, r): what shares only a part of a longer number, or a bare one, and nothing else speaks for it.

    Who writes ``RE-4711-2`` may mean RE-4711, or a document that we do not know. And a postal code, a ticket or a year in
    a text may be the number of a document by accident: amounts that need not agree are no evidence beside it. Neither is
    a name that is not told: the names must agree, and not only have a word in common. A day before the document's, or a part of the other sign, speak
    against it whoever pays.
    Reads ``l_keys_0`` and ``r_keys_0`` (thing, key, raw, is_part).
    """
    engine = work.engine
    engine.create("doubtful", "select 0::bigint as l, 0::bigint as r where false")
    key = rule.keys[0]
    bare = []
    # A settlement's lines are its customers', and so are their numbers.
    if not rule.equal_amounts and not any(work.grouped):
        bare = [_bare_sql(f"{side}_all", name) for side in SIDES for name in getattr(key, side) if FIELDS[name].key]
    engine.create("bare", " union ".join(bare) or "select 0::bigint as key where false")
    if not engine.count("bare") and not any(
        engine.arrow(f"select 1 from {short}_keys_0 where is_part limit 1").num_rows for short in ("l", "r")
    ):
        return
    shared = "from l_keys_0 l join r_keys_0 r on r.key = l.key and (l.raw <> 0 or r.raw <> 0)"
    doubted = "(l.is_part or r.is_part or l.key in (select key from bare))"
    few = f"""select key from (select key, count(*) as n from l_keys_0 group by key) a
        join (select key, count(*) as n from r_keys_0 group by key) b using (key) where a.n * b.n <= {PAIRS_MAX}"""
    engine.create(
        "by_number",
        f"select distinct l.thing as l, r.thing as r {shared} where {doubted} and l.key in ({few})",
    )
    if not engine.count("by_number"):
        return
    engine.create(
        "by_more",
        f"""select distinct n.l, n.r from by_number n join l_keys_0 l on l.thing = n.l
            join r_keys_0 r on r.thing = n.r and r.key = l.key and (l.raw <> 0 or r.raw <> 0)
            where not {doubted}""",
    )
    if any(work.grouped):  # there is no name that could speak for it
        engine.create("doubtful", "select n.l, n.r from by_number n anti join by_more m on m.l = n.l and m.r = n.r")
        return
    before = """case when a.claim = 'document' and b.claim <> 'document' then b.booked < a.booked
        when b.claim = 'document' and a.claim <> 'document' then a.booked < b.booked else false end"""
    turned = "(a.measure * a.sign < 0) <> (b.measure * b.sign < 0)" if rule.partial else "false"
    query = f"""select n.l, n.r, a.counterparty as one, b.counterparty as other,
            coalesce({before}, false) or {turned} as against
        from by_number n join left_all a on a.thing = n.l join right_all b on b.thing = n.r
        anti join by_more m on m.l = n.l and m.r = n.r"""
    engine.derive("doubtful", [(query, partial(_doubted, aliases=work.rules.aliases))], _PAIRS)


def _bare_sql(rows: str, name: str) -> str:
    """Write the query for the keys of identifiers that are short numbers and nothing else: (key)."""
    key, said = f'"{FIELDS[name].key}"', f'"{name}"'
    if FIELDS[name].many:
        both = f"select unnest({key}) as key, unnest({said}) as said from {rows} where {key} is not null"
    else:
        both = f"select {key} as key, {said} as said from {rows}"
    return f"select distinct key from ({both}) where key is not null and regexp_matches(said, '{_BARE}')"


def _doubted(rows: pa.Table, aliases: Sequence[Alias]) -> pa.Table:
    """Keep the pairs that no name speaks for, or something against: (l, r)."""
    agree = pa.array(agree_by_name(rows["one"].to_pylist(), rows["other"].to_pylist(), aliases), pa.bool_())
    return rows.select(["l", "r"]).filter(pc.or_(rows["against"], pc.invert(agree)))


def _note_strangers(work: Performance, rule: Rule, both: str) -> None:
    """
    Make ``of_two`` (bundle): settlements with a line under a name that their platform is not known to pay under.

    Where no name of it is known, a rule that only proposes may propose it.
    """
    engine = work.engine
    grouped, other = SIDES if work.grouped[0] else SIDES[::-1]
    text = "b.text" if "text" in work.columns[other] else "null::varchar"
    query = f"""select p.bundle, a.source_id, b.counterparty as name, {text} as text,
            case when a.kind in ({listed(PAID_OUT)}) then a.counterparty end as own from ({both}) p
        join {grouped}_all a on a.thing = p.{grouped[0]} join {other}_all b on b.thing = p.{other[0]}
        where b.counterparty is not null"""
    engine.create("perhaps_strangers", query)
    if not engine.count("perhaps_strangers"):
        engine.create("of_two", "select 0::bigint as bundle where false")
        return
    function = partial(
        _strangers,
        known=_names_known(work, grouped, other), words=work.words, aliases=work.rules.aliases, confirm=rule.confirm,
    )  # fmt: skip
    engine.derive("of_two", [("select * from perhaps_strangers", function)], _BUNDLES)


def _strangers(
    rows: pa.Table,
    known: Mapping[str, Sequence[str]],
    words: Mapping[str, Sequence[str]],
    aliases: Sequence[Alias],
    *,
    confirm: bool,
) -> pa.Table:
    """
    Keep the bundles of lines that are not the platform's: (bundle).

    :param known: of each source names of lines that identifiers matched with it.
    :param confirm: where nothing is known, the name must be the payout's own, or have a word of the source.
    """
    found = []
    for row in rows.to_pylist():
        names = known.get(row["source_id"], ())
        if not names and not confirm:
            continue
        own = [*names, *([row["own"]] if row["own"] else [])]
        own += [alias.right for alias in aliases if alias.left.upper() == row["source_id"].upper()]
        apart = all(names_of_two([row["name"]] * len(own), own))
        said = _WORD.findall(f"{row['name']} {row['text'] or ''}".upper())
        if apart and not any(one.startswith(word) for word in words.get(row["source_id"], ()) for one in said):
            found.append(row["bundle"])
    return pa.table({"bundle": pa.array(found, pa.int64())})


def _names_known(work: Performance, grouped: str, other: str) -> dict[str, list[str]]:
    """Give of each source of a platform the names of lines that an identifier, or a person, matched with it."""
    engine = work.engine
    parts = [_final_names(work, grouped, other)]
    for number, shape, name in work.found:
        rule = work.rules.rules[number]
        if rule.confirm and any(key.how != "name" for key in rule.keys):
            things = things_found(shape, name)
            parts.append(
                f"""select a.source_id, b.counterparty as name from ({things}) x join ({things}) y on y.bundle = x.bundle
                    join {grouped}_all a on a.thing = x.thing join {other}_all b on b.thing = y.thing
                    where x.side = '{grouped}' and y.side = '{other}' and b.counterparty is not null"""
            )
    ranked = engine.arrow(
        f"""select source_id, name from (
                select source_id, name, row_number() over (partition by source_id order by lines desc, name) as place from (
                    select source_id, name, count(*) as lines from ({" union all ".join(parts)}) group by source_id, name))
            where place <= {_NAMES_MAX} order by source_id, name"""
    )
    known: dict[str, list[str]] = {}
    for row in ranked.to_pylist():
        known.setdefault(row["source_id"], []).append(row["name"])
    return known


def _final_names(work: Performance, grouped: str, other: str) -> str:
    """Write the query for names of final matches of earlier runs: (source_id, name)."""
    lake, results, own = work.used_keys.lake, work.used_keys.results, work.used_keys.reconciliation.id
    if not any(not file.provisional for file in results.of("matches", own)):
        return "select null::varchar as source_id, null::varchar as name where false"
    engine = work.engine
    standing = standing_matches(engine, lake, results, anew=own)
    engine.create(
        "final_parts",
        f"""select m.match_id, m.side, m.record_key, m.record_id from {standing} m anti join stale t on t.match_id = m.match_id
            where m.reconciliation = '{own.replace("'", "''")}' and m.status = 'confirmed'
                and m.match_id in (select match_id from {standing} x where x.side = '{other}' and x.claim = 'bank')""",
    )
    engine.create(
        "final_names",
        f"""select p.match_id, p.side, r.source_id, r.counterparty from final_parts p join {records_of(lake, work.used_keys.files)} r
            on r.record_key = p.record_key and r.record_id = p.record_id""",
    )
    return f"""select source_id, name from (
        select distinct a.match_id, a.source_id, b.counterparty as name from final_names a
        join final_names b on b.match_id = a.match_id
        where a.side = '{grouped}' and b.side = '{other}' and b.counterparty is not null)"""
