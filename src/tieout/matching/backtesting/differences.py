"""
What a rule set would do otherwise than is decided, or than stands: pairs with both reasons, and sums of money.

Reads the relations that ``backtest`` makes.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tieout.matching.deciding.decided import make_pairs
from tieout.matching.facts.records import records_of
from tieout.model.money import exponent_of, format_minor

if TYPE_CHECKING:
    import duckdb

    from tieout.matching.facts.opening import Reading
    from tieout.store.workplace import Store

__all__ = ["list_against", "list_moves", "moved_money"]

_NINE = 9
_NO_RULE = "'no rule puts them together'"  # nothing fits, or more than one does


def moved_money(con: duckdb.DuckDBPyConnection) -> list[dict[str, Any]]:
    """
    Sum what would be newly matched, no longer matched and matched differently; makes the pairs ``gone`` and ``come``.

    An item is a record in one claim. Of one that is matched before and after, with others or with another amount, the
    larger amount counts. What stands whichever set is used (``kept``) is left out.

    :return: change, currency, side, items, minor (at ``exponent`` decimals) and amount, in order.
    """
    con.execute(
        """create temp table going as select match_id, side, claim, record_id, currency, allocated
            from standing anti join kept using (match_id) where status = 'confirmed';
        create temp view coming as select * from acting where status = 'confirmed'"""
    )
    make_pairs(con, "pairs_going", "select * from going")
    con.execute(
        """create temp table gone as select g.* from pairs_going g anti join pairs_coming c on c.l = g.l and c.r = g.r;
        create temp table come as select c.* from pairs_coming c anti join pairs_going g on g.l = c.l and g.r = c.r"""
    )
    rows = con.execute(
        """with was as (select side, claim, record_id, currency, sum(allocated) as amount from going group by all),
        will as (select side, claim, record_id, currency, sum(allocated) as amount from coming group by all),
        touched as (
            select l as record_id from gone union all select r from gone
            union all select l from come union all select r from come)
        select case when was.record_id is null then 'newly matched' when will.record_id is null then 'no longer matched'
                else 'matched differently' end as change,
            currency, side, count(*) as items,
            sum(greatest(abs(coalesce(was.amount, 0)), abs(coalesce(will.amount, 0))))::varchar as amount
        from was full join will using (side, claim, record_id, currency)
        where was.amount is distinct from will.amount or record_id in (select record_id from touched)
        group by all order by all"""
    ).fetchall()
    return [
        {"change": row[0], "currency": row[1], "side": row[2], "items": row[3], **_minor(int(row[4]), row[1])}
        for row in rows
    ]


def _minor(nine: int, currency: str) -> dict[str, Any]:
    """Write an amount at nine decimals in the currency's minor units, or in finer ones where it needs them."""
    exponent = exponent_of(currency)
    while nine % 10 ** (_NINE - exponent):
        exponent += 1
    minor = nine // 10 ** (_NINE - exponent)
    return {"minor": minor, "exponent": exponent, "amount": format_minor(minor, exponent)}


def list_against(
    con: duckdb.DuckDBPyConnection, store: Store, reading: Reading, limit: int | None
) -> tuple[list[dict[str, Any]], int, int]:
    """
    List the pairs that differ from decisions: ones that are put together against a decision, and missed ones.

    :return: the first of them, how many there are, and how many of these are missed.
    """
    con.execute(
        """create temp table missed as
            select d.l, d.r, min(d.match_id) as match_id from decided d
            anti join (select l, r from judged where confirms) j on j.l = d.l and j.r = d.r
            anti join (select l, r from earlier where confirms) e on e.l = d.l and e.r = d.r group by d.l, d.r;
        create temp table wrong as select l, r, min(rule) as rule from judged
            where verdict in ('refused', 'otherwise') and confirms group by l, r"""
    )
    _make_rules_of(con, "found", "select l, r, rule from judged where confirms", "missed")
    _make_rules_of(con, "decided", "select l, r, rule from decided join of_match using (match_id)", "wrong")
    con.execute(
        f"""create temp table differs as
        select 'missed' as change, d.l, d.r, coalesce({_said("w")}, m.rule || coalesce(' (' || m.decided_by || ')', '')) as today,
            coalesce('only proposed by ' || p.rule, 'put with another one by ' || coalesce(a.rule, b.rule), {_NO_RULE}) as instead
        from missed d
        join of_match m on m.match_id = d.match_id
        left join words w on w.match_id = d.match_id and w.kind in ('match', 'approve')
        left join (select l, r, min(rule) as rule from judged where not confirms group by l, r) p on p.l = d.l and p.r = d.r
        left join rules_of_found a on a.record_id = d.l left join rules_of_found b on b.record_id = d.r
        union all
        select 'wrong', j.l, j.r, coalesce(f.said, 'used up by what is decided: ' || coalesce(a.rule, b.rule)), j.rule
        from wrong j
        left join (select r.l, r.r, min({_said("w")}) as said from refused r
            join words w on w.match_id = r.match_id and w.kind in ('reject', 'undo') group by all) f on f.l = j.l and f.r = j.r
        left join rules_of_decided a on a.record_id = j.l left join rules_of_decided b on b.record_id = j.r"""
    )
    missed = int(con.execute("select count(*) from differs where change = 'missed'").fetchall()[0][0])
    return *_listed(con, store, reading, "differs", limit), missed


def list_moves(
    con: duckdb.DuckDBPyConnection, store: Store, reading: Reading, limit: int | None
) -> tuple[list[dict[str, Any]], int]:
    """List the pairs that would come, and those that would go; after :func:`moved_money`."""
    con.execute("create temp table of_acting as select match_id, any_value(rule) as rule from acting group by match_id")
    make_pairs(con, "pairs_proposed", "select * from acting where status = 'proposed'")
    _make_rules_of(con, "coming", "select l, r, rule from pairs_coming join of_acting using (match_id)", "gone")
    _make_rules_of(con, "going", "select l, r, rule from pairs_going join of_match using (match_id)", "come")
    con.execute(
        f"""create temp table moves as
        select 'no longer together' as change, g.l, g.r, m.rule as today,
            coalesce('only proposed by ' || p.rule, 'put with another one by ' || coalesce(a.rule, b.rule), {_NO_RULE}) as instead
        from (select l, r, min(match_id) as match_id from gone group by l, r) g
        join of_match m on m.match_id = g.match_id
        left join (select l, r, min(rule) as rule from pairs_proposed join of_acting using (match_id) group by l, r) p
            on p.l = g.l and p.r = g.r
        left join rules_of_coming a on a.record_id = g.l left join rules_of_coming b on b.record_id = g.r
        union all
        select 'newly together', c.l, c.r,
            coalesce('put with another one by ' || coalesce(a.rule, b.rule), 'not matched'), c.rule
        from (select l, r, min(rule) as rule from come join of_acting using (match_id) group by l, r) c
        left join rules_of_going a on a.record_id = c.l left join rules_of_going b on b.record_id = c.r"""
    )
    return _listed(con, store, reading, "moves", limit)


def _make_rules_of(con: duckdb.DuckDBPyConnection, name: str, pairs: str, asked: str) -> None:
    """
    Make ``rules_of_NAME`` (record_id, rule): by which rule records are in one of some pairs; of several rules, the first.

    :param asked: the relation of pairs whose records are asked for.
    """
    con.execute(
        f"""create temp table rules_of_{name} as
            with p as ({pairs}), a as (select l as record_id from {asked} union select r from {asked})
            select record_id, min(rule) as rule from (
                select l as record_id, rule from p semi join a on a.record_id = p.l
                union all select r, rule from p semi join a on a.record_id = p.r)
            group by record_id"""
    )


def _said(words: str) -> str:
    """Write what a person said: who did what, and why."""
    verb = f"case {words}.kind when 'reject' then 'rejected' when 'undo' then 'taken back' when 'approve' then 'approved' else 'by hand' end"
    return f"{verb} || ' by ' || {words}.actor || coalesce(': ' || {words}.reason, '')"


def _listed(
    con: duckdb.DuckDBPyConnection, store: Store, reading: Reading, name: str, limit: int | None
) -> tuple[list[dict[str, Any]], int]:
    """Give the pairs of a relation with what their records are called, in order, and how many there are."""
    count = int(con.execute(f'select count(*) from "{name}"').fetchall()[0][0])
    if not count:
        return [], 0
    con.execute(
        f"""create or replace temp table called as select r.record_id, r.source_id, r.external_id, r.currency,
            decimal_text(r.amount, coalesce(r.exponent, own_exponent(r.currency))) as amount
            from {records_of(store.lake, reading.files)} r
            semi join (select l as record_id from "{name}" union select r from "{name}") n using (record_id)"""
    )
    cut = "" if limit is None else f"limit {limit}"
    rows = con.execute(
        f"""select n.change, lower(hex(n.l)), a.source_id, a.external_id, a.amount, a.currency,
            lower(hex(n.r)), b.source_id, b.external_id, b.amount, b.currency, n.today, n.instead
        from "{name}" n left join called a on a.record_id = n.l left join called b on b.record_id = n.r
        order by n.change desc, a.source_id, a.external_id, n.l, b.source_id, b.external_id, n.r {cut}"""
    ).fetchall()
    fields = ("record_id", "source", "external_id", "amount", "currency")
    return [
        {
            "change": row[0],
            "left": dict(zip(fields, row[1:6], strict=True)),
            "right": dict(zip(fields, row[6:11], strict=True)),
            "today": row[11],
            "instead": row[12],
        }
        for row in rows
    ], count
