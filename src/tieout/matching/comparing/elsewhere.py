"""
What is named elsewhere: identifiers of records that other reconciliations set against the same money.

A bank's line that says "RE-90001" in its text is no payout's, whatever its amount, if there is such an invoice: where
receipts are matched, the line says what it is for. If it names documents of two reconciliations and has too little for
both, it is the better one's, and of equal ones nobody's. Nobody asks whether what is named is still open, or matched
there, so one run's answer does not depend on what other runs found, nor on their order.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from tieout.config.workspace import Side
from tieout.matching.comparing.naming import FEW
from tieout.matching.comparing.words import cut_into_words
from tieout.matching.facts.sides import listed, side_filter, turned_sql
from tieout.matching.grammar.rules import Filter
from tieout.matching.performing.families import rests_on_names
from tieout.matching.planning.operators import CARRIED_MAX
from tieout.model.kinds import KINDS, PAID_OUT

if TYPE_CHECKING:
    from tieout.matching.grammar.rules import Rule
    from tieout.matching.performing.perform import Performance

__all__ = ["columns_naming", "leave_out_rivalled", "make_named_elsewhere"]

_KEYS = ("external_key", "payment_key", "settlement_key")
#: A bank numbers its own lines: that number names nothing else.
_BANK = ("bank_entry", "bank_detail")


def columns_naming(others: str, side: str) -> tuple[str, ...]:
    """Name the columns of a side by which it may name something of another reconciliation (``followers.others_text``)."""
    shared = {one["of"] for one in json.loads(others)} if others else set()
    return (*_KEYS, "reference_keys", "text") if side in shared else ()


def make_named_elsewhere(work: Performance) -> None:
    """
    Make ``named_elsewhere`` (thing): what names a record of another reconciliation that could take it by that name; and
    ``rivals_elsewhere`` (thing, ccy, amount): such records, and what names the thing, with the amount in the run's minor
    units, without a sign; ccy null: of a currency that the run does not have.

    Once per run: what is open then is all that later rules can look at.
    """
    engine = work.engine
    if work.elsewhere_ready:
        return
    work.elsewhere_ready = True
    engine.create("named_elsewhere", "select 0::bigint as thing where false")
    engine.create(
        "rivals_elsewhere",
        "select 0::bigint as thing, 0::integer as ccy, 0::bigint as amount where false",
    )
    shared = json.loads(work.others) if work.others else []
    sides = sorted({one["of"] for one in shared})
    if not sides:
        return
    for side in sides:
        engine.create(f"naming_{side}", _naming_sql(work, side))
    engine.create("asked_elsewhere", " union ".join(f"select key from naming_{side}" for side in sides))
    if work.used_keys.find_named(engine, "asked_elsewhere", "r.status = 'booked'", also=("currency", "exponent")):
        engine.create("named_elsewhere", " union ".join(_named_sql(one, "m.thing", _claimed(one)) for one in shared))
        told = "m.thing, s.ccy, (abs(o.amount) * s.factor)::bigint as amount"
        scales = "left join scales s on s.currency = o.currency and s.exponent is not distinct from o.exponent"
        rivals = [
            f"{_named_sql(one, told, _claimed_by_number(one), joined=scales)} where m.own or o.own" for one in shared
        ]
        engine.create("rivals_elsewhere", " union ".join(rivals))


def leave_out_rivalled(work: Performance, rule: Rule, found: str) -> None:
    """
    Leave out of what a rule found by identifiers what another reconciliation could take by evidence as good, or better.

    What comes to the whole amount is better than what does not, and what is final is better than all (it is not asked).
    Where only a part is taken and enough is left for the other, neither is in the way of the other. What is only proposed
    uses nothing up, and a person chooses.

    :param found: ``paired`` or ``summed``.
    """
    engine = work.engine
    if rule.exact or rule.within or not rule.confirm or rests_on_names(rule) or not work.others:
        return
    make_named_elsewhere(work)
    if not engine.count("rivals_elsewhere"):
        return
    exact = rule.amount is not None and rule.amount.exact and not rule.amount.base
    taken = "case when abs(lt.amount) <= abs(rt.amount) then abs(lt.amount) else abs(rt.amount) end"
    if found == "paired":
        parts = f"""select p.l as bundle, u.thing, u.ccy, abs(u.amount) as amount, {taken} as taken from paired p
            join l lt on lt.thing = p.l join r rt on rt.thing = p.r
            join (select thing, ccy, amount from l union all select thing, ccy, amount from r) u
                on u.thing = p.l or u.thing = p.r"""
    else:
        parts = """select s.bundle, u.thing, u.ccy, abs(u.amount) as amount, abs(coalesce(s.taken, u.amount)) as taken
            from summed s join (select thing, ccy, amount from l union all select thing, ccy, amount from r) u
                on u.thing = s.thing"""
    better = "e.ccy = c.ccy and e.amount = c.amount" if exact else "true"
    room = "e.ccy = c.ccy and c.taken + e.amount <= abs(w.measure)"
    engine.create(
        "rivalled",
        f"""select distinct c.bundle from ({parts}) c join rivals_elsewhere e on e.thing = c.thing
            join (select thing, measure from left_all union all select thing, measure from right_all) w on w.thing = c.thing
            where ({better}) and not coalesce({room}, false)""",
    )
    if not engine.count("rivalled"):
        return
    things = "select l as thing, l as bundle from paired union all select r, l from paired"
    if found == "summed":
        things = "select thing, bundle from summed"
    engine.add("in_doubt", f"select t.thing from ({things}) t semi join rivalled v on v.bundle = t.bundle")
    bundle = "l" if found == "paired" else "bundle"
    engine.create("rest", f"select f.* from {found} f anti join rivalled v on v.bundle = f.{bundle}")
    engine.rename("rest", found)


def _naming_sql(work: Performance, side: str) -> str:
    """
    Write the query for what open things of a side name: (thing, key, own), without words that many have.

    ``own``: it is the thing's number.
    """
    settled = f"kind in ({listed(PAID_OUT)})" if work.grouped[0 if side == "left" else 1] else "true"
    said = f"select thing, key, false as own from {cut_into_words(work, side)}"
    parts = [said if settled == "true" else f"{said} where thing in (select thing from {side}_all where {settled})"]
    for key in _KEYS:
        # Of lines that are together one settlement only its own number speaks for it.
        speaks = "true" if key == "settlement_key" else settled
        speaks += f" and kind not in ({listed(_BANK)})" if key == "external_key" else ""
        own = "true" if key == "external_key" else "false"
        parts.append(f"select thing, {key} as key, {own} from {side}_all where {key} is not null and {speaks}")
    parts.append(f"select thing, unnest(reference_keys) as key, false from {side}_all where {settled}")
    return f"""select k.* from (
            select k.thing, k.key, bool_or(k.own) as own from ({" union all ".join(parts)}) k
            semi join "{side}" s on s.thing = k.thing where k.key is not null group by k.thing, k.key) k
        qualify count(*) over (partition by k.key) <= {CARRIED_MAX}"""


def _claimed(shared: dict[str, Any]) -> list[str]:
    """Name the kinds that the other side beside us uses up."""
    return [kind.name for kind in KINDS.values() if {*kind.claims} & {*shared["theirs"]["claims"]}]


def _claimed_by_number(shared: dict[str, Any]) -> list[str]:
    """Name those of them that their own number names: of what is settled together it is what was paid out."""
    claims = {*shared["theirs"]["claims"]} - {"settlement"}
    return [name for name in _claimed(shared) if name in PAID_OUT or {*KINDS[name].claims} & claims]


def _named_sql(shared: dict[str, Any], told: str, claimed: list[str], *, joined: str = "") -> str:
    """
    Write the query for things of a side that name a record beside them in another reconciliation, of the same sign.

    :param told: what is told of ``m`` (thing, key, own) and the record ``o`` (key, own; amount, currency, exponent).
    :param claimed: the kinds that the record may have.
    """
    of, mine, theirs = shared["of"], shared["mine"], shared["theirs"]
    return f"""select distinct {told} from (
            select k.thing, k.key, k.own, sign(s.amount * r.sign * ({turned_sql(mine["polarity"])}))::tinyint as sign
            from naming_{of} k join "{of}" s on s.thing = k.thing
            join (select a.*, 'booked' as status from {of}_all a) r on r.thing = k.thing
            where r.claim in ({listed(mine["claims"])}) and {_passes(mine)}
        ) m join (
            select r.key, sign(r.amount * ({turned_sql(theirs["polarity"])}))::tinyint as sign, r.amount, r.currency, r.exponent,
                coalesce(r.key = r.external_key, false) or r.kind in ({listed(PAID_OUT)}) as own
            from named r where {_passes(theirs)} and r.kind in ({listed(claimed) or "''"})
                and (r.kind not in ({listed(_BANK)}) or r.key is distinct from r.external_key)
            qualify count(*) over (partition by r.key, sign(r.amount * ({turned_sql(theirs["polarity"])}))) <= {FEW}
        ) o on o.key = m.key and o.sign = m.sign {joined}"""


def _passes(told: dict[str, Any]) -> str:
    """Write what a side of another reconciliation lets pass, over the record ``r``."""
    kinds, bank_codes = map(tuple, told["only"])
    sources, accounts, entities, only = (tuple(told[name]) for name in ("sources", "accounts", "entities", "kinds"))
    side = Side(sources=sources, accounts=accounts, entities=entities, kinds=only)
    return side_filter(side, Filter(kinds=kinds, bank_codes=bank_codes))
