"""
What a platform's report proves by itself, before any bank is asked: what a payout is made of.

A payout's lines use up their ``settlement`` claim against the payout's ``transfer``; what the bank is asked about is
then the payout alone. A settlement without a payout that nets to zero closes by itself. What one settlement carries
over, the next one opens with, and what is held in reserve is released: in one sum, or in parts.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from tieout.matching.planning.operators import the_only_ones
from tieout.model.kinds import PAID_OUT

if TYPE_CHECKING:
    from tieout.matching.backends.engine import Engine

__all__ = ["CARRIED_DAYS", "COMPOSITION", "KEPT_BACK", "SETTLEMENT_RULES", "TRANSFERRED", "compose"]

#: The names by which matches say so.
COMPOSITION = "lines of the settlement add up to its payout"
NET_ZERO = "settlement nets to zero"
CARRIED = "held back or carried over, and back again"
RELEASED = "held back, and released to the last part"
SETTLEMENT_RULES = (COMPOSITION, NET_ZERO, CARRIED, RELEASED)
#: What a settlement's own match takes of a record (``a``) of a part (``c``): all that a transfer moves, whatever a bank's
#: line has used up of it, and what is open of a line.
TRANSFERRED = "case when c.claim = 'transfer' then a.gross * a.sign else a.amount end"
#: By how much the lines of a settlement exceed what it pays out, over its parts: the fee of paying out.
KEPT_BACK = f"""case when c.rule = '{COMPOSITION}' then sum(case when c.side = 'left' then 1 else -1 end * {TRANSFERRED})
            over (partition by c.rule, c.bundle) else 0 end"""
#: A balance that is carried over opens the next settlement within so many days.
CARRIED_DAYS = 10
#: What leaves an account's settlements for another place of ours, and as what it comes back.
_RETURNS = (("balance_transfer", "balance_transfer"), ("reserve_hold", "reserve_release"))


def compose(engine: Engine, rows: str) -> None:
    """
    Find compositions among the rows of a side: relation ``composed`` (rule, bundle, side, thing, claim, difference).

    :param rows: the side's numbered rows; ``settled`` tells which are payouts.
    """
    payouts = ", ".join(f"'{kind}'" for kind in PAID_OUT)
    engine.create(
        "settlements",
        f"""
        select min(thing) as bundle, account_id, settlement_id, ccy,
            count(*) filter (where kind in ({payouts})) as payouts,
            count(*) filter (where kind not in ({payouts}) and amount <> 0) as lines,
            coalesce(sum(net * sign) filter (where kind in ({payouts})), 0) as paid,
            coalesce(sum(gross * sign) filter (where kind in ({payouts})), 0) as arriving,
            coalesce(sum(amount) filter (where kind not in ({payouts})), 0) as earned
        from "{rows}" where settlement_id is not null group by all
        """,
    )
    member = f'from "{rows}" m join settlements s using (account_id, settlement_id, ccy)'
    engine.create(
        "composed",
        f"""
        select '{COMPOSITION}' as rule, s.bundle, case when m.kind in ({payouts}) then 'right' else 'left' end as side,
            m.thing, case when m.kind in ({payouts}) then 'transfer' else 'settlement' end as claim
        {member} where s.payouts > 0 and s.lines > 0 and s.paid = s.earned and (m.kind in ({payouts}) or m.amount <> 0)
        union all
        select '{NET_ZERO}', s.bundle, 'left', m.thing, 'settlement'
        {member} where s.payouts = 0 and s.lines > 0 and s.earned = 0 and m.amount <> 0
        """,
    )
    _carry_over(engine, rows)
    _leave_apart(engine, rows)


def _carry_over(engine: Engine, rows: str) -> None:
    """
    Pair what leaves a settlement with what comes back to the account: a balance carried over, a reserve held and released.

    What leaves is booked first, but for a balance below zero: the settlement that carries it over pays nothing out, and
    ends with the half that comes.
    """
    kinds = " or ".join(f"(a.kind = '{out}' and b.kind = '{back}')" for out, back in _RETURNS)
    engine.create(
        "carried_pairs",
        f"""
        select a.thing as l, b.thing as r from "{rows}" a join "{rows}" b
            on b.account_id = a.account_id and b.ccy = a.ccy and b.gross * b.sign = -a.gross * a.sign
        left join settlements o on o.account_id = b.account_id and o.settlement_id = b.settlement_id and o.ccy = b.ccy
            and o.payouts = 0 and o.earned = 0
        where ({kinds}) and a.gross * a.sign < 0 and b.thing <> a.thing
            and (b.booked >= a.booked or (a.kind = 'balance_transfer' and o.bundle is not null))
            and (a.kind <> 'balance_transfer' or (abs(b.booked - a.booked) <= {CARRIED_DAYS}
                and a.settlement_id is distinct from b.settlement_id))
        """,
    )
    engine.create("carried", the_only_ones("carried_pairs"))
    engine.create(
        "composed",
        f"""
        select * from composed
        union all select '{CARRIED}', l, 'left', l, 'transfer' from carried
        union all select '{CARRIED}', l, 'right', r, 'transfer' from carried
        """,
    )
    _release(engine, rows)


def _release(engine: Engine, rows: str) -> None:
    """
    Bring together what is left of an account's reserve up to the last day on which nothing of it is held any more.

    Which part of which hold a release is of nobody says; that all of them are released is certain on that day.
    """
    engine.create(
        "reserved",
        f"""
        select thing, account_id, ccy, booked, gross * sign as moved from "{rows}"
        where kind in ('reserve_hold', 'reserve_release') and thing not in (select l from carried)
            and thing not in (select r from carried)
        """,
    )
    engine.create(
        "held",
        """
        select account_id, ccy, booked, sum(moved) over (partition by account_id, ccy order by booked) as held
        from (select account_id, ccy, booked, sum(moved) as moved from reserved group by account_id, ccy, booked) d
        """,
    )
    engine.create(
        "released",
        """
        select account_id, ccy, max(case when held = 0 then booked end) as through,
            min(case when held > 0 then booked end) as never_held
        from held group by account_id, ccy
        """,
    )
    engine.create(
        "composed",
        f"""
        select * from composed
        union all
        select '{RELEASED}', min(r.thing) over (partition by r.account_id, r.ccy),
            case when r.moved < 0 then 'left' else 'right' end, r.thing, 'transfer'
        from reserved r join released d on d.account_id = r.account_id and d.ccy = r.ccy
        where r.booked <= d.through and (d.never_held is null or d.never_held > d.through)
        """,
    )


def _leave_apart(engine: Engine, rows: str) -> None:
    """Leave out what puts together again what a person took apart."""
    if not engine.count("apart"):
        return
    engine.create(
        "composed",
        f"""
        with named as (select c.*, a.record_id from composed c join "{rows}" a on a.thing = c.thing), spoilt as (
            select a.rule, a.bundle from named a join named b on b.rule = a.rule and b.bundle = a.bundle
            join apart p on p.left_id = a.record_id and p.right_id = b.record_id
        )
        select c.* from composed c anti join spoilt s on s.rule = c.rule and s.bundle = c.bundle
        """,
    )
