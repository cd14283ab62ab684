"""A decision whose command was killed before what follows from it: the same command again finds it made (law 18)."""

import datetime as dt
from collections.abc import Callable
from pathlib import Path

import pytest
import sqlalchemy as sa

from tests.matching.shop import Shop
from tests.test_reperformance import BANK, INVOICES
from tieout import pipeline
from tieout.errors import WrongUse
from tieout.matching.deciding.by_hand import HandMatch
from tieout.matching.deciding.decide import allow_again, approve, match_by_hand, reject, take_back
from tieout.observe.things.naming import records_named
from tieout.pipeline import Resolution
from tieout.store import schema

HOW = Resolution(others=("RE-1006",), difference="bank_charge")


@pytest.fixture
def shop(tmp_path: Path) -> Shop:
    made = Shop(tmp_path)
    made.deliver("invoices", INVOICES)
    made.deliver("bank", BANK)
    list(pipeline.match(made.store, made.workspace))
    return made


def resolve_only(shop: Shop, exception: str) -> None:
    """Decide, and let nothing follow: what a kill between the two leaves."""
    left, right = (tuple(records_named(shop.store, [name])) for name in ("RE-1006", "B7"))
    hand = HandMatch(left=left, right=right, difference="bank_charge")
    items = shop.workspace.reconciliation("items")
    match_by_hand(shop.store, shop.workspace, items, hand, "he called", exception)


def kinds(shop: Shop) -> list[str]:
    with shop.store.book.reading() as connection:
        return list(connection.scalars(sa.select(schema.run.c.kind).order_by(schema.run.c.sequence)))


def decisions(shop: Shop) -> int:
    with shop.store.book.reading() as connection:
        return connection.scalar(sa.select(sa.func.count()).select_from(schema.decision)) or 0


def once_and_followed(shop: Shop, decided: Callable[[], object], command: Callable[[], object]) -> None:
    """Decide without what follows, give the command twice: one decision, a run of what it touches, and no more."""
    before = len(kinds(shop))
    decided()
    made = decisions(shop)
    command()
    followed = kinds(shop)[before + 1 :]
    assert {*followed} == {"rules"}
    command()
    assert (decisions(shop), kinds(shop)[before + 1 :]) == (made, followed)


def test_a_match_by_hand_is_made_once_and_followed(shop: Shop) -> None:
    exception = shop.exception_id("B7")

    def resolve(reason: str = "he called", how: Resolution = HOW) -> None:
        pipeline.resolve(shop.store, shop.workspace, exception[:9], how, reason)

    once_and_followed(shop, lambda: resolve_only(shop, exception), resolve)
    for reason, how in (("he wrote", HOW), ("he called", Resolution(others=("RE-1006",), difference="rounding"))):
        with pytest.raises(WrongUse):
            resolve(reason, how)
    # What was taken back since does not stand: the same words are a new decision.
    pipeline.undo(shop.store, shop.workspace, shop.match_id("RE-1006", "B7"), "he lied")
    before = decisions(shop)
    resolve()
    assert decisions(shop) == before + 2
    shop.close()


def test_a_match_is_taken_back_once_and_followed(shop: Shop) -> None:
    match = shop.match_id("RE-1002", "B2")
    bare = lambda: take_back(shop.store, shop.workspace, [bytes.fromhex(match)], "no", match[:12])  # noqa: E731 - one line, called twice
    once_and_followed(shop, bare, lambda: pipeline.undo(shop.store, shop.workspace, match[:12], "no"))
    with pytest.raises(WrongUse):
        pipeline.undo(shop.store, shop.workspace, match[:12], "other words")
    shop.close()


def test_a_runs_matches_by_one_rule_are_taken_back_once(shop: Shop) -> None:
    run = next(row["run_id"] for row in shop.rows() if row["rule"] == "number and amount")
    pipeline.undo(shop.store, shop.workspace, run, "no", "number and amount")
    before = kinds(shop)
    pipeline.undo(shop.store, shop.workspace, run, "no", "number and amount")
    assert kinds(shop) == before
    with pytest.raises(WrongUse):  # the same words but for the rule, of which nothing stood
        pipeline.undo(shop.store, shop.workspace, run, "no", "no such rule")
    shop.close()


def test_an_undo_is_undone_once_and_followed(shop: Shop) -> None:
    match = shop.match_id("RE-1002", "B2")
    pipeline.undo(shop.store, shop.workspace, match, "no")
    run = schema.run
    with shop.store.book.reading() as connection:
        undone = str(connection.scalars(sa.select(run.c.run_id).where(run.c.kind == "undo")).one())
    bare = lambda: allow_again(shop.store, shop.workspace, undone, None, "yes")  # noqa: E731 - as above
    once_and_followed(shop, bare, lambda: pipeline.undo(shop.store, shop.workspace, undone[:12], "yes"))
    assert shop.match_id("RE-1002", "B2") == match
    with pytest.raises(WrongUse):
        pipeline.undo(shop.store, shop.workspace, undone, "other words")
    shop.close()


def test_a_proposal_is_approved_once_and_followed(shop: Shop) -> None:
    match = shop.match_id("RE-1007", "B5")

    def judge() -> None:
        pipeline.judge(shop.store, shop.workspace, [match], None, approved=True)

    once_and_followed(shop, lambda: approve(shop.store, shop.workspace, [bytes.fromhex(match)], None), judge)
    with pytest.raises(WrongUse):
        pipeline.judge(shop.store, shop.workspace, [match], "a reason", approved=True)
    pipeline.undo(shop.store, shop.workspace, match, "no")
    with pytest.raises(WrongUse):  # it was approved in these words, and does not stand any more
        judge()
    shop.close()


def test_a_proposal_is_rejected_once_and_followed(shop: Shop) -> None:
    match = shop.match_id("RE-1008", "B6")

    def judge() -> None:
        pipeline.judge(shop.store, shop.workspace, [match], None, approved=False)

    once_and_followed(shop, lambda: reject(shop.store, shop.workspace, [bytes.fromhex(match)], "rejected"), judge)
    with pytest.raises(WrongUse):
        pipeline.judge(shop.store, shop.workspace, [match], None, approved=True)
    shop.close()


def test_what_is_settled_or_assigned_is_so_once(shop: Shop) -> None:
    exception = shop.exception_id("B7")

    def resolve(reason: str, assignee: str | None = None) -> int:
        pipeline.resolve(shop.store, shop.workspace, exception, Resolution(assignee=assignee), reason)
        return decisions(shop)

    assert [resolve("small"), resolve("small"), resolve("smaller")] == [1, 1, 2]
    assert [resolve("x", assignee="ann"), resolve("x", assignee="ann"), resolve("x", assignee="bob")] == [3, 3, 4]
    assert [resolve("smaller"), resolve("x", assignee="bob")] == [4, 4]
    for _ in range(2):
        pipeline.undo(shop.store, shop.workspace, exception, "no")
        assert decisions(shop) == 5
    shop.clock.advance(dt.timedelta(seconds=1))
    assert resolve("smaller") == 6
    shop.close()
