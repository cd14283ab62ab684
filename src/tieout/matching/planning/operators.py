"""
The set operators that rules are compiled to, as expressions that any engine's dialect can be written from.

They see integers only. A side is a relation (``left``, ``right``) of *things*::

    thing     a number that means nothing outside this run
    ccy       code of the currency
    amount    what is open of it, in the run's minor units, turned so that both sides of a match agree
    day       of each day that a rule asks for, days since 1970
    calendar  which business days count for it

``*_keys`` relations are (thing, key, raw): an identifier's key (its normal form's) and the hash of its raw spelling,
0 for a word inside a text.
A window relation lists which day of the right may follow which day of the left: bands are equi-joins.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from tieout.matching.planning.building import Query, select
from tieout.model.money import exponent_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tieout.matching.grammar.rules import Amount

__all__ = [
    "CARRIED_MAX",
    "PAIRS_MAX",
    "allowed",
    "each_once",
    "exchanged_elsewhere",
    "first_in_first_out",
    "identified",
    "in_window",
    "key_sums",
    "keys_in_use",
    "keys_met",
    "missing_elsewhere",
    "named_once",
    "near",
    "open_keys",
    "pairs_by_amount",
    "pairs_by_key",
    "same_sign",
    "the_only_ones",
    "tolerance_sql",
]

#: A key that would bring more pairs together than this is no evidence: what hangs on it alone is *undecided*.
PAIRS_MAX = 10_000
#: A word that more things of a side carry than this names none of them.
CARRIED_MAX = 100


def same_sign(one: str, other: str) -> str:
    """
    Write that two amounts run one way; as a difference, so that it is a condition and no key.

    An engine takes an equality of two signs for one of two amounts, which few would share, and may join by it first: half
    of everything with half of everything.
    """
    return f"sign({one}) - sign({other}) = 0"


def open_keys(keys: str, side: str, columns: Sequence[str]) -> Query:
    """Give the keys of what is still open, with columns of the thing."""
    named = [f"s.{column}" for column in columns]
    return (
        select("k.thing", "k.key", "k.raw", *named).from_(f"{keys} as k").join(f"{side} as s", on="s.thing = k.thing")
    )


def named_once(keys: str, *, mine: str, by: Sequence[str]) -> Query:
    """
    Keep what one identifier, amount and currency names once on a side: (``by``, ``mine``).

    :param keys: a relation of :func:`open_keys` with ccy and amount.
    :param mine: ``l`` or ``r``: how the thing is called.
    :param by: key, ccy and amount; ``raw`` where identifiers must be written alike, ``entity_id`` where two are two.
    """
    return select(*by, f"min(thing) as {mine}").from_(keys).group_by(*by).having("min(thing) = max(thing)")


def identified(left: str, right: str, *, by: Sequence[str]) -> Query:
    """
    Pair what one identifier, amount and currency names once on each side, and nowhere else.

    :param left, right: relations of :func:`named_once`.
    :param by: as there.
    :return: (l, r), one row for each identifier that says so.
    """
    on = " and ".join(f"b.{name} = a.{name}" for name in by)
    return select("a.l", "b.r").from_(f"{left} as a").join(f"{right} as b", on=on)


def keys_met(left_keys: str, right_keys: str) -> Query:
    """
    List the keys that both sides know, how many pairs each brings together, and how many carry it as a word:
    (key, pairs, words).

    A word of one text and a word of another are no evidence, and no pair: one of the two must be a whole identifier.
    """
    words = "count(*) filter (where raw = 0) as words"
    counted = [
        select("key", "count(*) as n", words).from_(keys).group_by("key").subquery(alias)
        for keys, alias in ((left_keys, "a"), (right_keys, "b"))
    ]
    query = select("a.key", "a.n * b.n - a.words * b.words as pairs", "greatest(a.words, b.words) as words")
    return query.from_(counted[0]).join(counted[1], on="a.key = b.key and (a.n > a.words or b.n > b.words)")


def keys_in_use(keys: str, met: str) -> Query:
    """
    Keep the keys that bring together no more pairs than may be looked at, and are no word that many carry (a year).

    A relation of its own, so that no engine joins first and counts afterwards.

    :param keys: of one side.
    """
    on = f"m.key = k.key and m.pairs <= {PAIRS_MAX} and m.words <= {CARRIED_MAX}"
    return select("k.*").from_(f"{keys} as k").join(f"{met} as m", on=on)


def pairs_by_key(left_keys: str, right_keys: str, *, raw: bool, words: bool) -> Query:
    """
    Pair whatever shares a key: (l, r), distinct.

    :param left_keys: those of :func:`keys_in_use`.
    :param raw: identifiers must be written alike.
    :param words: there are words among the keys: see :func:`keys_met`.
    """

    def joined(condition: str | None) -> Query:
        query = select("l.thing as l", "r.thing as r").distinct().from_(f"{left_keys} as l")
        on = ["l.key = r.key", *(["l.raw = r.raw"] if raw else []), *([condition] if condition else [])]
        return query.join(f"{right_keys} as r", on=" and ".join(on))

    return joined("l.raw <> 0").union(joined("l.raw = 0 and r.raw <> 0")) if words else joined(None)


def pairs_by_amount(left: str, right: str, window: str | None, conditions: Sequence[str]) -> Query:
    """
    Pair things of equal amount and currency that no crowd has: (l, r).

    :param window: relation (calendar, l_day, r_day) of days that go together; None: any day.
    """
    by = ["ccy", "amount"]
    crowds = [
        select(*by, "count(*) as n").from_(side).group_by(*by).subquery(alias)
        for side, alias in ((left, "a"), (right, "b"))
    ]
    rare = (
        select("a.ccy", "a.amount")
        .from_(crowds[0])
        .join(crowds[1], on="a.ccy = b.ccy and a.amount = b.amount")
        .where(f"a.n * b.n <= {PAIRS_MAX * 100}")
        .subquery("rare")
    )
    query = (
        select("l.thing as l", "r.thing as r")
        .from_(f"{left} as l")
        .join(rare, on="rare.ccy = l.ccy and rare.amount = l.amount")
        .join(f"{right} as r", on="r.ccy = l.ccy and r.amount = l.amount")
    )
    if window:
        query = query.join(f"{window} as w", on=in_window("l", "r"))
    return query.where(*conditions) if conditions else query


def in_window(left: str, right: str) -> str:
    """Say that two days go together."""
    return f"w.calendar = {right}.calendar and w.l_day = {left}.l_day and w.r_day = {right}.r_day"


def allowed(pairs: Query, *, by_entity: bool = False, doubtful: bool = False) -> Query:
    """
    Leave out the pairs that a person took apart (``forbidden``: l, r).

    :param by_entity: and those of two entities' records.
    :param doubtful: and those that share nothing but a bare number, for which nothing else speaks (``doubtful``: l, r).
    """
    query = select("p.*").from_(pairs.subquery("p"))
    if by_entity:
        query = query.join("left_all as le", on="le.thing = p.l").join("right_all as re", on="re.thing = p.r")
        query = query.where("coalesce(le.entity_id = re.entity_id, true)")
    query = query.join("forbidden as f", on="f.l = p.l and f.r = p.r", join_type="anti")
    return query.join("doubtful as d", on="d.l = p.l and d.r = p.r", join_type="anti") if doubtful else query


def near(pairs: str, conditions: Sequence[str]) -> Query:
    """
    Keep the pairs whose amounts are near enough: (l, r).

    :param conditions: over ``lt`` and ``rt``.
    """
    query = select("p.l", "p.r").from_(f"{pairs} as p").join("l as lt", on="lt.thing = p.l")
    return query.join("r as rt", on="rt.thing = p.r").where(*conditions)


def missing_elsewhere(pairs: str, met: str) -> Query:
    """
    Leave out the pairs whose difference is no difference, as it may be what else belongs to one of the two: (l, r).

    Of what else met the half that has more, something is no more than what is missing: it came by itself. Or it met others,
    too: then any part of it may be what is missing.

    :param met: everything that the keys bring together, whatever its amount: (l, r).
    """
    parts = []
    for more, less in (("l", "r"), ("r", "l")):
        missing = f"{more}t.amount - {less}t.amount"
        several = select(less).from_(met).group_by(less).having("count(*) > 1").subquery("t")
        parts.append(
            select("p.l", "p.r")
            .from_(f"{pairs} as p")
            .join("l as lt", on="lt.thing = p.l")
            .join("r as rt", on="rt.thing = p.r")
            .join(f"{met} as m", on=f"m.{more} = p.{more} and m.{less} <> p.{less}")
            .join(f"{less} as o", on=f"o.thing = m.{less}")
            .join(several, on=f"t.{less} = m.{less}", join_type="left")
            .where(same_sign("o.amount", f"({missing})"), f"abs(o.amount) <= abs({missing}) or t.{less} is not null")
        )
    return _without(pairs, parts[0].union(parts[1]))


def the_only_ones(pairs: str) -> Query:
    """Keep the pairs of which each half has no other: (l, r), each once."""
    lonely = [
        select(f"{mine} as {mine}", f"min({other}) as {other}")
        .from_(pairs)
        .group_by(mine)
        .having(f"min({other}) = max({other})")
        .subquery(alias)
        for mine, other, alias in (("l", "r", "a"), ("r", "l", "b"))
    ]
    return select("a.l", "a.r").from_(lonely[0]).join(lonely[1], on="b.r = a.r and b.l = a.l")


def first_in_first_out(pairs: str) -> Query:
    """
    Pair things that are equal to each other, the first with the first: (l, r).

    Equal are things of one side with the same candidates, amount and currency, whose candidates know no others and are
    equal too. Of the side that has as many as the other or more they must be one party's as well: else which of them are
    taken, and for what, says whose money it is. Of a side whose party is not known all must have one day.
    ``l_order``, ``r_order`` (thing, place, party) say which comes first, and whose it is; '': nobody knows.
    """
    numbered = {}
    for mine, theirs in (("l", "r"), ("r", "l")):
        known = select(mine, f"array_agg({theirs} order by {theirs}) as theirs").from_(pairs).group_by(mine)
        numbered[mine] = (
            select(
                f"k.{mine}",
                "k.theirs",
                f"array_agg(k.{mine}) over (partition by k.theirs order by k.{mine} rows between unbounded preceding and unbounded following) as ours",
            )
            .select("row_number() over (partition by k.theirs order by o.place) as place")
            .select(
                "min(t.amount) over (partition by k.theirs) = max(t.amount) over (partition by k.theirs) as same_amount"
            )
            .select(
                f"min(t.{mine}_day) over (partition by k.theirs) = max(t.{mine}_day) over (partition by k.theirs) as same_day"
            )
            .select("min(t.ccy) over (partition by k.theirs) = max(t.ccy) over (partition by k.theirs) as same_ccy")
            .select(
                "min(o.party) over (partition by k.theirs) = max(o.party) over (partition by k.theirs) as same_party"
            )
            .select("min(o.party) over (partition by k.theirs) <> '' as is_known")
            .from_(known.subquery("k"))
            .join(f"{mine} as t", on=f"t.thing = k.{mine}")
            .join(f"{mine}_order as o", on=f"o.thing = k.{mine}")
            .subquery(f"of_{mine}")
        )
    equal = [f"of_{side}.{same}" for side in ("l", "r") for same in ("same_amount", "same_ccy")]
    equal += [f"(of_{side}.same_day or of_{side}.is_known)" for side in ("l", "r")]
    lefts, rights = "len(of_l.ours)", "len(of_r.ours)"
    equal.append(f"(of_l.same_party and {lefts} >= {rights} or of_r.same_party and {rights} >= {lefts})")
    several = f"{lefts} + {rights} > 2"
    return (
        select("of_l.l", "of_r.r")
        .from_(numbered["l"])
        .join(numbered["r"], on="of_r.place = of_l.place and of_r.ours = of_l.theirs and of_l.ours = of_r.theirs")
        .where(*equal, several)
    )


def key_sums(left_keys: str, right_keys: str, *, by: Sequence[str]) -> Query:
    """
    Sum both sides over a key, where the sums agree in amount and currency: (bundle, ``by``).

    :param left_keys, right_keys: relations of :func:`open_keys` with ccy and amount; a thing counts once per key.
    :param by: key and ccy; ``raw`` where identifiers must be written alike, ``entity_id`` where two are two.
    """
    sums = [
        select(*by, "sum(amount) as total", "count(*) as n")
        .from_(select("thing", *by, "amount").distinct().from_(keys).subquery("d"))
        .group_by(*by)
        .subquery(alias)
        for keys, alias in ((left_keys, "a"), (right_keys, "b"))
    ]
    mine = [f"a.{name}" for name in by]
    return (
        select(f"row_number() over (order by {', '.join(mine)}) as bundle", *mine)
        .from_(sums[0])
        .join(sums[1], on=" and ".join([*(f"b.{name} = a.{name}" for name in by), "a.total = b.total"]))
        .where("a.n + b.n > 2")
    )


def each_once(bundles: str) -> Query:
    """
    Keep of bundles that have the same things one: two identifiers that name the same are one answer.

    :param bundles: (bundle, thing, ...).
    """
    things = select("bundle", "array_agg(thing order by thing) as things").from_(bundles).group_by("bundle")
    first = select("min(bundle) as bundle").from_(things.subquery("t")).group_by("things").subquery("f")
    return select("e.*").from_(f"{bundles} as e").join(first, on="f.bundle = e.bundle", join_type="semi")


def tolerance_sql(amount: Amount, of: str, currencies: Sequence[tuple[int, str, int]], *, base: bool = False) -> str:
    """
    Write how far two amounts may be apart, in minor units, as SQL.

    Whole numbers only: a part of a minor unit is dropped.

    :param of: the relation whose ``amount`` and ``ccy`` count.
    :param currencies: (code, currency, exponent); the entity's has the code -1.
    :param base: two currencies are compared: what counts is its ``base``, in the entity's.
    """
    counted, ccy = (f"{of}.base", "-1") if base else (f"{of}.amount", f"{of}.ccy")
    parts = []
    if amount.abs_micro is not None or amount.per_currency:
        own = dict(amount.per_currency)
        cases = []
        for code, currency, exponent in currencies:
            micro = own.get(currency, amount.abs_micro)
            if micro is not None:
                cases.append(f"when {code} then {micro * 10**exponent // 10**6}")
        parts.append(f"case {ccy} {' '.join(cases)} else 0 end" if cases else "0")
    if amount.pct_micro is not None:
        parts.append(f"cast(abs(cast({counted} as int128)) * {amount.pct_micro} div 100000000 as bigint)")
    if not parts:
        allowed = "0"
    elif len(parts) == 1:
        allowed = parts[0]
    else:
        allowed = f"{'least' if amount.take == 'tighter' else 'greatest'}({', '.join(parts)})"
    if amount.minor_units is None:
        return allowed
    # A minor unit is the currency's own, however many digits the sources of this run carry.
    finer = [(code, 10 ** (e - exponent_of(c))) for code, c, e in currencies if e > exponent_of(c)]
    when = " ".join(f"when {code} then {amount.minor_units * factor}" for code, factor in finer)
    least = f"case {ccy} {when} else {amount.minor_units} end" if when else f"{amount.minor_units}"
    return f"greatest({allowed}, {least})"


def _without(pairs: str, others: Query) -> Query:
    """Leave out of pairs those of a query: (l, r)."""
    return (
        select("p.*").from_(f"{pairs} as p").join(others.subquery("e"), on="e.l = p.l and e.r = p.r", join_type="anti")
    )


def exchanged_elsewhere(pairs: str, met: str) -> Query:
    """
    Leave out the pairs of two currencies of which one half has what is missing elsewhere, in the entity's: (l, r).

    As :func:`missing_elsewhere` does in one currency. Each amount is converted and rounded by itself, so that what came may
    be one minor unit more than what is missing.

    :param met: everything that the keys bring together, whatever its amount and currency: (l, r).
    """
    parts = []
    for more, less in (("l", "r"), ("r", "l")):
        missing = f"{more}t.base - {less}t.base"
        parts.append(
            select("p.l", "p.r")
            .from_(f"{pairs} as p")
            .join("l as lt", on="lt.thing = p.l")
            .join("r as rt", on="rt.thing = p.r and rt.ccy <> lt.ccy")
            .join(f"{met} as m", on=f"m.{more} = p.{more} and m.{less} <> p.{less}")
            .join(f"{less} as o", on=f"o.thing = m.{less}")
            .where(same_sign("o.base", f"({missing})"), f"abs(o.base) <= abs({missing}) + 1")
        )
    return _without(pairs, parts[0].union(parts[1]))
