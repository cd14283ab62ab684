"""A statement that the bank issues again: laws 2 and 5."""

import itertools
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.depth import examples, some_of
from tests.intake.conftest import Desk, charge
from tieout.intake.accept import accept
from tieout.intake.findings import open_findings
from tieout.intake.verify import verify

AMOUNTS = {"coffee": -300, "tea": -200, "gift": 300}


def issue(
    *entries: str,
    number: str | None = "7",
    created: int | None = None,
    opening: int = 1000,
    closing: int | None = None,
    day: str = "2026-10-01",
    from_on: str | None = None,
    **more: Any,
) -> list[dict[str, Any]]:
    """A delivery of one statement; without ``closing`` it closes."""
    amounts = [AMOUNTS[name] for name in entries]
    end = opening + sum(amounts) if closing is None else closing
    said: dict[str, Any] = {
        "number": number,
        "opening": f"{opening / 100:.2f}",
        "closing": f"{end / 100:.2f}",
        "from_on": from_on or day,
        "to_on": day,
        "credits": sum(a for a in amounts if a > 0),
        "debits": -sum(a for a in amounts if a < 0),
        "entries": len(entries),
    }
    if created is not None:
        said["created_at"] = f"2026-10-02T{created:02d}:00:00"
    row = {"kind": "bank_entry", "counted": True, "booked_on": day, "account_number": "DE1"}
    return [{"statement": said | more}, *({**row, "text": name, "amount": AMOUNTS[name]} for name in entries)]


def deliver(desk: Desk, *deliveries: list[dict[str, Any]]) -> None:
    for rows in deliveries:
        desk.deliver(*rows, source="bank")


def reasons(desk: Desk) -> list[str]:
    return [reason for reason, _ in desk.findings()]


def test_what_a_later_issue_does_not_hold_is_withdrawn_and_history_kept(desk: Desk) -> None:
    deliver(desk, issue("coffee", "tea"))
    before = desk.query("select record_id from {records} where text = 'coffee'")
    outcome = desk.deliver(*issue("coffee", "gift"), source="bank")
    assert (outcome.rows_new, outcome.rows_repeated, outcome.withdrawn) == (1, 1, 1)
    assert desk.records("text") == ["coffee", "gift"]
    assert desk.query("select record_id from {records} where text = 'coffee'") == before
    assert len(desk.query("select * from {witnesses}")) == 1
    assert desk.query("select reason from {superseded}") == [{"reason": "reissued"}]
    [(reason, note)] = desk.findings()
    assert reason == "conflict"
    assert "statement 7 of 2026-10-01 of DE1 was issued again" in note
    assert "1 entry of together -2.00 withdrawn; 1 entry of together 3.00 new" in note
    assert "it closes with 10.00 EUR, not 5.00 EUR" in note
    assert verify(desk.store, desk.workspace).faults == []


@pytest.mark.parametrize("text", ["coffee", "tea"])
def test_of_equal_entries_the_same_are_withdrawn_whichever_issue_came_first(tmp_path: Path, text: str) -> None:
    """Among equals the first ones stand: the number of an entry, and not its identity's place in an order, says which."""
    issues = [issue(*[text] * 4, "gift", created=1), issue(*[text] * 2, "gift", "gift", created=2)]
    found = []
    for turned in (False, True):
        desk = Desk(tmp_path / str(turned))
        deliver(desk, *(reversed(issues) if turned else issues))
        with desk.store.book.reading() as connection:
            [said] = open_findings(connection)
        found.append((said["candidates"], desk.records("record_id", "text")))
        desk.store.close()
    assert found[0] == found[1]


def test_other_entries_with_equal_balances_are_noticed(desk: Desk) -> None:
    deliver(desk, issue("coffee", "gift", created=1), issue("tea", "tea", "gift", "coffee", "gift", "tea", created=2))
    deliver(desk, issue(created=3))
    assert desk.records("text") == []
    [(reason, note)] = desk.findings()
    assert reason == "conflict"
    assert "7 entries" not in note
    assert "closes with 10.00 EUR" in note
    deliver(desk, issue("coffee", "gift", created=4))
    assert desk.records("text") == ["coffee", "gift"]
    assert "withdrawn" in desk.findings()[0][1]


@pytest.mark.parametrize("order", some_of(list(itertools.permutations(range(3))), 4))
def test_the_creation_time_decides_in_any_order_of_arrival(desk: Desk, order: tuple[int, ...]) -> None:
    says = [issue("coffee", "coffee", created=1), issue("coffee", "tea", created=2), issue("tea", "gift", created=3)]
    deliver(desk, *(says[i] for i in order))
    assert desk.records("text") == ["gift", "tea"]
    [(reason, note)] = desk.findings()
    assert reason == "conflict"
    assert "2 entries of together -6.00 withdrawn; 1 entry of together 3.00 new" in note


def test_an_issue_that_does_not_say_when_it_was_made_leaves_the_others_in_their_order(desk: Desk) -> None:
    deliver(desk, issue("coffee"), issue("coffee", "gift", created=3), issue("coffee", "tea", created=2))
    assert desk.records("text") == ["coffee", "gift"]


def test_a_copy_in_another_file_needs_nobody(desk: Desk) -> None:
    deliver(desk, issue("coffee", "coffee"), [*issue("coffee", "coffee"), charge("x")])
    deliver(desk, issue("coffee", "coffee", created=5, statement_id="another name"))
    assert desk.records("text") == ["coffee", "coffee", None]
    assert desk.findings() == []


def test_the_same_file_under_two_sources_needs_nobody(desk: Desk) -> None:
    desk.deliver(*issue("coffee", "coffee", created=5), source="bank")
    desk.deliver(*issue("coffee", "coffee", created=5), source="intraday")
    assert desk.records("text") == ["coffee", "coffee"]
    assert desk.findings() == []


def test_the_same_creation_time_proves_nothing(desk: Desk) -> None:
    deliver(desk, issue("coffee", "tea", created=5), issue("coffee", "gift", created=5))
    assert desk.records("text") == ["coffee", "gift", "tea"]
    [(reason, note)] = desk.findings()
    assert reason == "conflict"
    assert "both have the same creation time: 2 entries of together 1.00 in one only" in note


def test_two_issues_in_one_delivery_are_a_conflict(desk: Desk) -> None:
    deliver(desk, issue("coffee", "tea") + issue("coffee", "gift"))
    assert desk.records("text") == ["coffee", "gift", "tea"]
    assert reasons(desk) == ["conflict"]


def test_an_issue_that_does_not_close_supersedes_nothing(desk: Desk) -> None:
    deliver(desk, issue("coffee", "tea"), issue("coffee", closing=500))
    assert desk.records("text") == ["coffee", "tea"]
    assert "the later one does not prove to be complete" in desk.findings()[0][1]


def test_an_issue_with_an_unreadable_row_supersedes_nothing_until_it_can_be_read(desk: Desk) -> None:
    deliver(desk, issue("coffee", "tea"), [*issue("coffee"), {"fault": "expected a decimal"}])
    assert desk.records("text") == ["coffee", "tea"]
    assert "conflict" in reasons(desk)


@pytest.mark.parametrize(
    "other",
    [
        issue("tea", day="2026-10-02", from_on="2026-10-01"),
        issue("coffee", "tea", number="8"),
        issue("tea", number="7", opening=700),
        issue("coffee", "tea", number=None, from_on="2026-09-01"),
        issue("tea", number=None, opening=700),
    ],
    ids=["another-day", "another-number", "one-number-for-all", "longer-days", "goes-on"],
)
@pytest.mark.parametrize("turned", [False, True])
def test_what_is_not_the_same_statement_withdraws_nothing(desk: Desk, other: Any, turned: bool) -> None:
    first = issue("coffee")
    deliver(desk, *((other, first) if turned else (first, other)))
    assert "coffee" in desk.records("text")
    assert "tea" in desk.records("text")
    assert desk.query("select * from {superseded}") == []


def test_without_numbers_days_and_opening_balance_name_a_statement(desk: Desk) -> None:
    first = "2026-09-01"
    deliver(
        desk, issue("coffee", "tea", number=None, from_on=first), issue("coffee", "gift", number=None, from_on=first)
    )
    assert desk.records("text") == ["coffee", "gift"]


@pytest.mark.parametrize("turned", [False, True])
def test_without_numbers_a_statement_that_may_go_on_supersedes_nothing(desk: Desk, turned: bool) -> None:
    says = [issue("coffee", "gift", number=None, created=1), issue("tea", number=None, created=2)]
    deliver(desk, *(reversed(says) if turned else says))
    assert desk.records("text") == ["coffee", "gift", "tea"]
    assert "may as well continue the earlier one" in desk.findings()[0][1]


def test_a_genuine_repeat_in_the_next_statement_survives(desk: Desk) -> None:
    following = issue("coffee", number="8", opening=700)
    deliver(desk, issue("coffee"), following, issue("gift"))
    assert desk.records("text") == ["coffee", "gift"]


def test_an_entry_that_another_file_tells_of_is_kept_and_said(desk: Desk) -> None:
    deliver(desk, issue("coffee", "tea"), issue("tea")[1:])
    deliver(desk, issue("coffee"))
    assert desk.records("text") == ["coffee", "tea"]
    assert any("not told any more but kept" in note for _, note in desk.findings())


def test_an_amount_that_changed_is_another_version_of_an_identified_entry(desk: Desk) -> None:
    def said(text: str, created: int) -> list[dict[str, Any]]:
        head, row = issue("coffee", created=created)
        return [head, row | {"identity": "R1", "external_id": "R1", "text": text, "counted": True}]

    deliver(desk, said("new words", 2), said("old words", 1))
    assert desk.records("text") == ["new words"]
    assert desk.findings() == []


@pytest.mark.parametrize("turned", [False, True])
def test_a_zero_statement_of_a_weekend_again_needs_nobody(desk: Desk, turned: bool) -> None:
    says = [issue(created=1), issue(created=2, statement_id="again")]
    deliver(desk, *(reversed(says) if turned else says))
    assert desk.findings() == []


def test_a_replay_that_takes_an_issue_back_brings_the_earlier_one_back(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    from tests.intake.conftest import Paper
    from tieout.formats import registry

    deliver(desk, issue("coffee", "tea"))
    second = desk.deliver(*issue("gift"), source="bank").delivery_id
    assert desk.records("text") == ["gift"]

    class Numbered(Paper):
        def read(self, stream: Any, options: Any) -> Any:
            import io

            yield from super().read(io.BytesIO(stream.read().replace(b'"number": "7"', b'"number": "9"')), options)

    monkeypatch.setattr(registry, "format_of", lambda _name: Numbered("paper.bank", "bank"))
    accept(desk.store, desk.workspace, second, replay="the number was read wrongly")
    assert desk.records("text") == ["coffee", "gift", "tea"]
    assert "conflict" not in reasons(desk)
    monkeypatch.undo()


ISSUES = st.lists(
    st.tuples(
        st.sampled_from(["1", "2"]),
        st.lists(st.sampled_from(sorted(AMOUNTS)), max_size=3),
        st.booleans(),
        st.booleans(),
    ),
    min_size=1,
    max_size=5,
)


def expected(said: list[tuple[str, list[str], bool, bool]]) -> Counter[tuple[str, str]]:
    """Slow and obvious: of each statement the latest issue if it closes, else the most that any issue tells."""
    found: Counter[tuple[str, str]] = Counter()
    for number in ("1", "2"):
        of_it = [(names, closes) for n, names, closes, _ in said if n == number]
        if not of_it:
            continue
        names, closes = of_it[-1]
        told = [names] if closes else [each for each, _ in of_it]
        for name in AMOUNTS:
            count = max(each.count(name) for each in told)
            found[number, name] = count
    return +found


@settings(max_examples=examples(4), suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(ISSUES, st.randoms())
def test_any_order_of_issues_gives_the_same_records_and_findings(
    tmp_path_factory: pytest.TempPathFactory, said: list[tuple[str, list[str], bool, bool]], random: Any
) -> None:
    """Against the slow reference; what was created later is later, whenever it lands."""
    deliveries = [
        issue(
            *names,
            number=number,
            created=hour,
            opening=1000 if same else 1000 + hour,
            closing=None if closes else 1,
            day=f"2026-10-0{number}",
        )
        for hour, (number, names, closes, same) in enumerate(said)
    ]
    shuffled = deliveries[:]
    random.shuffle(shuffled)
    results = []
    for order in (deliveries, shuffled):
        desk = Desk(tmp_path_factory.mktemp("ws") / "w")
        deliver(desk, *order)
        rows = desk.records("booked_on", "text", "record_id")
        found = Counter((f"{day:%d}".lstrip("0"), text) for day, text, _ in rows)
        assert found == expected(said)
        results.append((sorted(row[2] for row in rows), sorted(desk.findings())))
        if order is shuffled:
            assert verify(desk.store, desk.workspace).faults == []
        desk.store.close()
    assert results[0] == results[1]
