"""
What no rule matched: where it stands, whether a person is needed, and what came nearest.

Money that cannot have arrived yet is on its way; a document that is not due is open; a record that another
reconciliation, later in tieout.toml, may still explain is open too. Everything else is an exception with its reason.
"""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pyarrow as pa

from tieout.config.arrivals import arrival_days
from tieout.matching.facts.records import EPOCH, day_number
from tieout.matching.facts.sides import listed
from tieout.matching.performing.settlements import CARRIED_DAYS
from tieout.matching.planning.operators import the_only_ones
from tieout.matching.unmatched.candidates import find_candidates
from tieout.matching.unmatched.halves import note_halves
from tieout.matching.unmatched.proposals import PROPOSED, note_proposals
from tieout.matching.unmatched.reasons import give_reasons, money_cases, quoted, take_earlier
from tieout.model.kinds import KINDS, PAID_OUT, WHOLE_BATCHES
from tieout.store.views import bank_own_sql

if TYPE_CHECKING:
    from tieout.config import Workspace
    from tieout.matching.backends.engine import Engine
    from tieout.matching.performing.perform import Performance
    from tieout.matching.results.found import Found

__all__ = ["Leftovers", "leave", "positions_sql"]

#: How long a document without a due date may stay open.
TERM_DAYS = 30
#: A bank that cannot pay out sends the money back within so many days.
_RETURNED_DAYS = 30

# What is told of a row that is left over.
_TOLD = """e.thing, e.record_id, e.record_key, e.version, e.claim, e.ccy, e.kind, e.measure, e.sign, e.booked,
    e.account_id, e.source_id, e.entity_id, e.settlement_id, e.external_id, e.counterparty, e.bank_code, e.due_on"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Leftovers:
    """
    How leftovers of a run are judged.

    :ivar through_day: the day of the run, since 1970.
    :ivar later: claims of (left, right) that a later reconciliation may still use up of the same records.
    :ivar earlier: files of what earlier ones said of what they left to this one, in the order of tieout.toml.
    """

    reconciliation: str
    through_day: int
    later: tuple[bool, bool]
    earlier: tuple[str, ...]


def leave(work: Performance, workspace: Workspace, found: Found, judged: Leftovers) -> None:
    """Make ``left_over``: each record with something open, its state, the reason, and when it is expected."""
    engine = work.engine
    note_used = found.leave_rests(work)
    _make_open_rows(work)
    _make_expected(work, workspace)
    _note_unbalanced(work, workspace)
    later = dict(zip(("left", "right"), judged.later, strict=True))
    through = judged.through_day
    document = "claim = 'document'"
    due = f"coalesce(due_on - date '1970-01-01', booked + {TERM_DAYS})"
    unsettled = f"settlement_id is null and kind not in ({listed(PAID_OUT)})"
    grouped = [side for side, flag in zip(("left", "right"), work.grouped, strict=True) if flag]
    lines = f"origin in ({listed(tuple(grouped))}) and claim = 'settlement'" if grouped else "false"
    deferred = f"(origin = 'left' and {later['left']} or origin = 'right' and {later['right']})".lower()
    engine.create(
        "left_over",
        f"""
        select o.*, null::bigint as earned, null::bigint as takes, case
            when elsewhere then 'excluded'
            when thing in (select thing from swept) then 'excluded'
            when {document} and begun then 'open'
            when claim = 'bank' and begun then 'on_account'
            when {lines} and ({unsettled} or thing in (select thing from unbalanced where not paid)) then 'open'
            when {lines} and expected >= {through} then 'in_transit'
            when {document} and {due} >= {through} then 'open'
            else 'exception' end as state,
            case when {document} then {due} when {lines} and not ({unsettled}) then expected end as expected_day,
            case when elsewhere then 'its entry or its transactions are matched'
                when thing in (select thing from swept) then 'sweep'
                when {lines} and {unsettled} then 'not settled yet'
                when {lines} and thing in (select thing from unbalanced where not paid) then 'its settlement differs from its payout'
                when {document} and not begun and {due} >= {through} then 'not due' end as why
        from (
            select r.*, x.expected from open_rows r
            left join expected x on x.account_id = r.account_id and x.booked = r.booked
        ) o
        """,
    )
    _leave_proposals(work, deferred)
    _leave_transfers(work, through)
    _note_returned(work)
    take_earlier(work, judged.earlier)
    find_candidates(work, note_used)
    give_reasons(work, judged.reconciliation)
    _leave_banks_own(engine)
    engine.create(
        "left_over",
        """select l.* replace (
                case when l.deferred then 'deferred' when b.thing is not null then 'excluded' else l.state end as state,
                case when l.deferred then null when b.thing is not null then 'charge or interest by its code' else l.why end as why)
            from left_over l left join banks_own b on b.thing = l.thing and l.claim = 'bank'""",
    )


def _leave_banks_own(engine: Engine) -> None:
    """
    Make ``banks_own`` (thing): charges and interest, told by the bank's code, that nothing explains and nothing needs to.

    Such an entry is booked by its code (``accounting/standard.toml``). A rule may still match one, and one that
    could be something else stays with a person.
    """
    engine.create(
        "banks_own",
        f"""select thing from reasoned where claim = 'bank' and not deferred and reason in ('missing_left', 'missing_right')
            and kind = 'bank_entry' and {bank_own_sql("bank_code")}""",
    )
    if engine.count("banks_own"):
        engine.leave_out("reasoned", "claim = 'bank' and thing in (select thing from banks_own)")


def _leave_proposals(work: Performance, deferred: str) -> None:
    """Judge what is proposed: one of its records waits for a person; and note what a later reconciliation may explain."""
    note_proposals(work)
    work.engine.create(
        "left_over",
        f"""
        select o.* replace (
                case when p.thing is null or state = 'excluded' then state
                    when p.proposal <> '' or {deferred} then 'exception' else 'open' end as state,
                case when p.thing is null or state = 'excluded' then why
                    when p.proposal <> '' or {deferred} then null else '{PROPOSED}' end as why),
            {deferred} and (state = 'exception' or coalesce(why, '') = 'not due' or p.thing is not null) as deferred,
            case when state <> 'excluded' then p.proposal end as proposal
        from left_over o left join proposals p on p.thing = o.thing
        """,
    )


def _make_open_rows(work: Performance) -> None:
    """Make ``open_rows``: of each record what is left, and whether another form of it is matched (``elsewhere``)."""
    engine = work.engine
    engine.create(
        "elsewhere",
        """select f.parent as thing from family f semi join touched t on t.thing = f.child
            union select f.child from family f semi join touched t on t.thing = f.parent
            union select e.thing from left_all e semi join kin_used k on k.record_id = e.record_id
            union select e.thing from right_all e semi join kin_used k on k.record_id = e.record_id""",
    )
    engine.create(
        "open_rows",
        " union all ".join(
            f"""select '{side}' as origin, {_TOLD}, s.rest as amount, s.begun, w.thing is not null as elsewhere
                from {side}_all e join rests s on s.thing = e.thing left join elsewhere w on w.thing = e.thing"""
            for side in ("left", "right")
        ),
    )


def _leave_transfers(work: Performance, through: int) -> None:
    """
    Add what moved between places of ours and is not found at the other: on its way, and no exception (but for ``halves``).

    What is asked of the bank about a payout is its settlement; its transfer is what it is made of.
    """
    side = "left" if work.grouped[0] else "right"
    note_halves(work, side, through)
    if not any(work.grouped):
        return
    moved = listed(tuple(kind.name for kind in KINDS.values() if "transfer" in kind.claims))
    work.engine.create(
        "transfers_open",
        f"""
        select '{side}' as origin, {_TOLD}, (e.gross * e.sign)::bigint as amount, false as begun, false as elsewhere, false as deferred, null::varchar as proposal, null::integer as expected,
            case when u.thing is not null or h.thing is not null then 'exception' when e.kind in ({listed(PAID_OUT)}) then 'open' else 'in_transit' end as state,
            case when h.thing is not null then e.booked + {CARRIED_DAYS} end::bigint as expected_day,
            case when e.kind in ({listed(PAID_OUT)}) then 'made of no lines' end as why, u.earned, u.takes
        from {side}_all e left join unbalanced u on u.thing = e.thing and u.paid left join halves h on h.thing = e.thing
        anti join composed c on c.thing = e.thing and c.claim = 'transfer' where e.kind in ({moved})
        """,
    )
    work.engine.create(
        "left_over",
        "select * from left_over union all by name select * replace ('transfer' as claim) from transfers_open",
    )


def _note_unbalanced(work: Performance, workspace: Workspace) -> None:
    """
    Make ``unbalanced`` (thing, paid, earned, takes): rows of settlements whose lines add up to something else than their
    payout; ``takes``: that with the fee of paying out, where it has one.

    Where a format states whole settlements, intake has said so already.
    """
    others = tuple(source.id for source in workspace.sources if source.format not in WHOLE_BATCHES)
    if not any(work.grouped) or not others:
        work.engine.create(
            "unbalanced",
            "select 0::bigint as thing, false as paid, 0::bigint as earned, 0::bigint as takes where false",
        )
        return
    side = "left" if work.grouped[0] else "right"
    work.engine.create(
        "unbalanced",
        f"""select m.thing, m.kind in ({listed(PAID_OUT)}) as paid, s.earned,
                case when s.paid <> s.arriving then s.paid end as takes from {side}_all m join settlements s
            on s.account_id is not distinct from m.account_id and s.settlement_id = m.settlement_id and s.ccy = m.ccy
            where s.payouts > 0 and s.lines > 0 and s.paid <> s.earned and m.source_id in ({listed(others)})""",
    )


def _note_returned(work: Performance) -> None:
    """
    Make ``returned`` (thing): payouts that are in the account's balance again, as far as it is clear which they are.

    What came back may say whose money it is (its parent): then it is that payout, however long it took, and no other.
    """
    engine = work.engine
    sides = [side for side, kinds in zip(("left", "right"), work.kinds, strict=True) if "payout_reversal" in kinds]
    none = "select 0::bigint as l, 0::bigint as r, 0::bigint as apart, 0::bigint as days where false"
    for name, on in (("called_back", "r.parent_key = p.external_key"), ("sent_back", "r.measure = -p.measure")):
        met = [
            f"""select p.thing as l, r.thing as r, r.measure + p.measure as apart, r.booked - p.booked as days
                from {side}_all p join {side}_all r on r.account_id is not distinct from p.account_id and r.ccy = p.ccy and {on}
                where p.kind = 'payout' and r.kind = 'payout_reversal' and p.claim = 'settlement' and r.claim = 'settlement'
                    and r.booked >= p.booked"""
            for side in sides
        ]
        engine.create(name, " union all ".join(met) or none)
    engine.create("named_back", "select l, r from called_back where apart = 0")
    engine.create(
        "like_back",
        f"""select l, r from sent_back where days <= {_RETURNED_DAYS} and l not in (select l from named_back)
            and r not in (select r from called_back)""",
    )
    only = [the_only_ones(name).sql(engine.dialect) for name in ("named_back", "like_back")]
    ends = [f"select {end} as thing from ({each})" for each in only for end in ("l", "r")]
    engine.create("returned", " union ".join(ends))


def _make_expected(work: Performance, workspace: Workspace) -> None:
    """Make ``expected`` (account_id, booked, expected): by when money that left on a day should have arrived."""
    rows = work.engine.arrow("select distinct account_id, booked from open_rows where booked is not null").to_pylist()
    left = [(r["account_id"], EPOCH + dt.timedelta(days=r["booked"])) for r in rows]
    found = [day_number(day) for day in arrival_days(workspace.accounts, work.folder, left)]
    work.engine.take(
        "expected",
        pa.table(
            {
                "account_id": pa.array([r["account_id"] for r in rows], pa.string()),
                "booked": pa.array([r["booked"] for r in rows], pa.int32()),
                "expected": pa.array(found, pa.int32()),
            },
        ),
    )


def positions_sql(work: Performance, judged: Leftovers) -> str:
    """Write the rows of the lake table ``positions``, in total order; what an earlier one said stands under its name."""
    currency, exponent = money_cases(work)
    return f"""
        select coalesce(r.reconciliation, '{quoted(judged.reconciliation)}') as reconciliation, o.claim,
            coalesce(r.side, o.origin) as side, o.record_id, o.record_key,
            o.version, o.state, (o.amount * o.sign)::bigint as amount, case o.ccy {currency} end as currency,
            (case o.ccy {exponent} end)::integer as exponent, (date '1970-01-01' + o.expected_day::integer) as expected_on,
            o.why as reason
        from left_over o left join (select thing, claim, reconciliation, side from reasoned where not deferred) r
            on r.thing = o.thing and r.claim = o.claim
        order by o.record_key, o.record_id, o.claim, o.origin
    """
