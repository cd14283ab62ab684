"""How common an amount is, all records of a side say, also those that earlier runs have matched for good."""

from dataclasses import replace

from tests.matching.worlds import Fact, World, invoice, world

NAME = "Olga Nilsson"
THE_TWO = frozenset({"RE-99001", "c-nameless"})


def sold(number: int) -> list[Fact]:
    """Sell one thing to somebody; the charge says the invoice's number."""
    amount, day, who = 1_000 + 37 * number, 1 + number % 28, f"Person{number:03} Muster"
    charge = Fact(
        source="b", id=f"c{number}", amount=amount, kind="charge", refs=(f"RE-{number:05}",), day=day, name=who
    )
    return [invoice(f"RE-{number:05}", amount, name=who, day=day), charge]


def month() -> list[Fact]:
    """Give a month of sales that are final, and two that only amount, day and name bring together."""
    facts = [fact for number in range(150) for fact in sold(number)]
    facts.append(invoice("RE-99001", 777, name=NAME, day=19))
    facts.append(Fact(source="b", id="c-nameless", amount=777, kind="charge", refs=("SO-1",), day=19, name=NAME))
    return facts


def more(w: World, *facts: Fact) -> set[frozenset[str]]:
    """Bring facts that have nothing to do with the rest, and run again."""
    w.add(*(facts or (invoice("RE-99999", 4_711, name="Somebody Else", day=5),)))
    assert not w.match()[0].unchanged
    return w.together()


def test_what_amount_day_and_name_bring_together_stays_together_in_later_runs() -> None:
    with world("invoice-to-payment", *month()) as w:
        assert THE_TWO in w.matched()
        assert THE_TWO in more(w)
        assert THE_TWO in more(w, *sold(151))


def test_what_comes_later_is_held_against_all_that_came_before() -> None:
    facts = month()
    with world("invoice-to-payment", *facts[:-2]) as w:
        assert len(w.matched()) == 150
        assert THE_TWO in more(w, *facts[-2:])


def test_an_amount_that_was_common_is_common_in_later_runs_too() -> None:
    with world("invoice-to-payment", *(replace(fact, amount=777) for fact in month())) as w:
        assert THE_TWO not in w.matched()
        assert THE_TWO not in more(w)
