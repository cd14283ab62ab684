"""A difference is only what its rule is for: another currency's rate, a bank's charge, a discount; all else is looked at."""

import pytest

from tests.matching.worlds import Fact, World, invoice, line, rule, rules_text, world


@pytest.mark.parametrize("arrived", [9_700, 9_985, 10_100, 10_300])
def test_a_payout_that_arrives_with_another_amount_of_its_own_currency_is_an_exception(arrived: int) -> None:
    payout = invoice("po_90001", -10_000, kind="payout", settlement="S1", day=1)
    with world("payout-to-bank", payout, line("b", arrived, text="PSP po_90001", day=3)) as w:
        w.match()
        assert w.together() == set()
        assert set(w.reasons().values()) == {"amount_difference"}


@pytest.mark.parametrize(
    ("currency", "billed", "paid"),
    [("EUR", 1_600, 150), ("JPY", 2_600, 120), ("KWD", 16_000, 1_100), ("EUR", 3_000, 1_500)],
)
def test_what_is_left_of_a_small_document_is_no_bank_charge(currency: str, billed: int, paid: int) -> None:
    document = invoice("RE-90002", billed, currency=currency)
    with world("open-items-to-bank", document, line("b", paid, text="RE-90002", currency=currency)) as w:
        w.match()
        (match,) = w.matches()
        assert match.rule == "same reference, less money"
        assert match.difference == 0


def test_a_few_percent_of_a_small_document_are_a_bank_charge() -> None:
    with world("open-items-to-bank", invoice("RE-90002", 15_000), line("b", 14_000, text="RE-90002")) as w:
        w.match()
        (match,) = w.matches()
        assert match.rule == "same reference of a small document, less a bank's charge"


@pytest.mark.parametrize("parts", [(117_800, 1_200), (60_000, 59_000), (50_000, 50_000, 19_000), (120_000, -1_000)])
def test_lines_that_name_a_document_and_sum_to_it_are_no_charge_and_no_discount(parts: tuple[int, ...]) -> None:
    lines = [line(f"b{n}", amount, text="RE-2026-1001 Rest", day=n) for n, amount in enumerate(parts)]
    with world("open-items-to-bank", invoice("RE-2026-1001", 119_000), *lines) as w:
        w.match()
        (match,) = w.matches()
        assert match.rule == "reference in several lines that sum to it"
        assert match.difference == 0
        assert match.ids == {"RE-2026-1001", *(one.id for one in lines)}


def test_a_discount_that_is_paid_later_was_none() -> None:
    with world("open-items-to-bank", invoice("RE-90001", 50_000), line("b1", 49_000, text="RE-90001 Skonto")) as w:
        w.match()
        assert [match.difference for match in w.matches()] == [1_000 * 10**7]
        w.add(line("b2", 1_000, text="RE-90001 Rest", day=30))
        w.match()
        (match,) = w.matches()
        assert match.ids == {"RE-90001", "b1", "b2"}
        assert match.difference == 0


def test_what_else_came_for_a_small_document_is_no_part_of_a_charge() -> None:
    """12.00 is missing at first, and 10.00 of them come by themselves: 2.00 are still owed."""
    lines = [line("b1", 117_800, text="RE-90001"), line("b2", 1_000, text="RE-90001 Rest", day=3)]
    with world("open-items-to-bank", invoice("RE-90001", 119_000), *lines) as w:
        w.match()
        (match,) = w.matches()
        assert match.rule == "same reference, less money"
        assert match.ids == {"RE-90001", "b1", "b2"}


@pytest.mark.parametrize("sign", [1, -1])
@pytest.mark.parametrize("third", [(), (500,), (1_000,)])
def test_what_completes_one_part_is_no_evidence_for_another_line(third: tuple[int, ...], sign: int) -> None:
    """995.00 and 990.00 name an invoice of 1,000.00: a third line that is just what one of them lacks proves no charge."""
    amounts = (99_500, 99_000, *third)
    lines = [line(f"b{n}", sign * amount, text="RE-90001") for n, amount in enumerate(amounts)]
    kind = "invoice" if sign > 0 else "bill"
    with world("open-items-to-bank", invoice("RE-90001", sign * 100_000, kind=kind), *lines) as w:
        assert w.matched() == set()
        assert w.reasons()["b0"] == w.reasons()["b1"] == "ambiguous"


@pytest.mark.parametrize("turned", [False, True])
@pytest.mark.parametrize("amounts", [(100_200, 99_700, 300), (99_600, 99_900, 100)])
def test_nor_for_another_payment(turned: bool, amounts: tuple[int, ...]) -> None:
    here, there = ("b", "a") if turned else ("a", "b")
    parts = [line(f"ch_{n}", amount, "RE-90001", kind="charge", source=there) for n, amount in enumerate(amounts)]
    with world("invoice-to-payment", invoice("RE-90001", 100_000, source=here), *parts) as w:
        assert w.matched() == set()


@pytest.mark.parametrize("turned", [False, True])
def test_payments_that_name_a_document_and_sum_to_it_are_no_short_payment(turned: bool) -> None:
    here, there = ("b", "a") if turned else ("a", "b")
    parts = [line(f"ch_{n}", amount, "RE-90001", kind="charge", source=there) for n, amount in enumerate((9_960, 40))]
    with world("invoice-to-payment", invoice("RE-90001", 10_000, source=here), *parts) as w:
        w.match()
        (match,) = w.matches()
        assert match.ids == {"RE-90001", "ch_0", "ch_1"}
        assert match.difference == 0


@pytest.mark.parametrize(
    ("billed", "paid"), [((100_000,), 97_000), ((100_000, 100_000), 194_000), ((-100_000,), -97_000)]
)
def test_a_discount_of_three_percent_is_three_percent_of_what_was_billed(billed: tuple[int, ...], paid: int) -> None:
    documents = [
        invoice(f"RE-9{n}001", amount, kind="invoice" if amount > 0 else "bill") for n, amount in enumerate(billed)
    ]
    text = " ".join(document.id for document in documents)
    with world("open-items-to-bank", *documents, line("b", paid, text=text)) as w:
        w.match()
        (match,) = w.matches()
        assert match.rule == "same reference, less a discount of up to 3 %"
        assert len(match.parts) == len(billed) + 1


def test_a_part_of_a_minor_unit_is_no_tolerance() -> None:
    """Half a percent of 129.99 is 0.64995: 0.64 may be missing, and 0.65 may not."""
    near = rule("near", reference="normalised", amount='{ pct = "0.5" }', difference='{ short = "discount" }')
    for missing, found in ((64, {frozenset({"RE-1", "b1"})}), (65, set())):
        with world(rules_text(near), invoice("RE-1", 12_999), line("b1", 12_999 - missing, "RE-1")) as w:
            assert w.matched() == found, missing


@pytest.mark.parametrize(
    ("lines", "found"),
    [
        ([("USD", 10_700)], True),
        ([("USD", 10_700), ("USD", 300)], False),  # 97.27 and 2.73: all of it came
        pytest.param([("USD", 10_720), ("USD", 281)], False, marks=pytest.mark.deep),  # each is rounded by itself
        pytest.param([("USD", 10_700), ("EUR", 273)], False, marks=pytest.mark.deep),
        pytest.param([("USD", 10_700), ("USD", 400)], True, marks=pytest.mark.deep),  # more than what is missing
        pytest.param([("USD", 10_700), ("GBP", 300)], True, marks=pytest.mark.deep),  # nobody knows what it is worth
    ],
)
def test_what_came_by_itself_is_no_difference_of_rates(lines: list[tuple[str, int]], found: bool) -> None:
    with world("payout-to-bank") as w:
        _with_rate(w)
        came = [line(f"b{n}", one, text="PSP po_90001", currency=ccy, day=2) for n, (ccy, one) in enumerate(lines)]
        w.add(Fact(source="a", id="po_90001", amount=-10_000, kind="payout", settlement="S1", day=1), *came)
        assert w.matched() == ({frozenset({"po_90001", "b0"})} if found else set())
        assert len(w.rows("adjustments")) == found


def test_nor_is_what_else_was_billed() -> None:
    """113.00 USD name two documents, and are worth both."""
    rules = rules_text(
        rule(
            keys='[{ left = "external_id", right = "text", how = "token" }]',
            amount='{ pct = "3", base = true }',
            difference='{ currency = "fx" }',
        )
    )
    with world(rules) as w:
        _with_rate(w)
        w.add(invoice("RE-90001", 10_000), invoice("RE-90002", 273))
        w.add(line("b", 11_300, text="RE-90001 RE-90002", currency="USD"))
        assert w.matched() == set()


def _with_rate(w: World) -> None:
    (w.folder / "rates").mkdir()
    (w.folder / "rates" / "r.csv").write_text("date,base,quote,rate\n2026-09-28,EUR,USD,1.1\n")
