"""camt as other banks write it: what they mean is read, and only what contradicts itself is said."""

from itertools import pairwise

import pytest

from tests.formats.camt_documents import balance, document, entry
from tests.formats.test_camt import chunks, problems, records, refusal, statement
from tieout.model.statements import Statement

OPENING = balance("OPBD", "100.00", "2026-10-29")


def closing(amount: str) -> str:
    return balance("CLBD", amount, "2026-10-30")


def page(number: int, *, last: bool) -> str:
    return f"<StmtPgntn><PgNb>{number}</PgNb><LastPgInd>{str(last).lower()}</LastPgInd></StmtPgntn>"


def in_one_file(*documents: str) -> str:
    """Put the statements of several documents into the first."""
    inner = [text[text.index("<Stmt>") : text.index("</Stmt>") + len("</Stmt>")] for text in documents]
    return documents[0].replace(inner[0], "".join(inner))


def statements(text: str) -> list[Statement]:
    return [statement for chunk in chunks(text) for statement in chunk.statements]


@pytest.mark.parametrize("written", ["+3.50", "3.5", " 3.50\n", "0003.50", "3.50000", "3<!-- , -->.50", "3<?x?>.50"])
def test_an_amount_may_be_written_in_any_way_that_xml_schema_allows(written: str) -> None:
    text = document(OPENING, closing("103.50"), entry(written))
    assert [(r.amount, r.exponent) for r in records(text)] == [(350, 2)]
    assert statement(text).closes
    assert not problems(text)


@pytest.mark.parametrize("written", ["3,50", "1E2", "3.5.0", "0x3", "٣.٥٠", "NaN", "INF", "--3", "3 50"])  # noqa: RUF001 - digits of another script are meant
def test_an_amount_that_xml_schema_forbids_is_a_row_and_proves_nothing(written: str) -> None:
    text = document(OPENING, closing("103.50"), entry(written), entry("1.00"))
    assert [r.amount for r in records(text)] == [100]
    assert [p.severity for p in problems(text)] == ["row", "finding"]
    assert statement(text).closes is None


@pytest.mark.parametrize("debit", [True, False])
def test_a_reversal_moves_money_as_its_own_direction_says(debit: bool) -> None:
    text = document(
        OPENING, closing("97.00" if debit else "103.00"), entry("3.00", "<RvslInd>true</RvslInd>", debit=debit)
    )
    assert statement(text).closes
    assert not problems(text)


@pytest.mark.parametrize("many", [1, 30])
def test_a_bank_that_reverses_the_other_way_round_is_told_from_one_that_does_not_close(many: int) -> None:
    reversals = [entry("3.00", "<RvslInd>true</RvslInd>")] * many
    text = document(OPENING, closing(f"{110 - 3 * many}.00"), entry("10.00"), *reversals)
    (problem,) = problems(text)
    assert "would close if its reversals (RvslInd)" in problem.message
    assert statement(text).closes is False
    (other,) = problems(document(OPENING, closing("99.00"), entry("10.00"), *reversals))
    assert "RvslInd" not in other.message


def test_a_reversed_batch_whose_transactions_kept_their_direction_leaves_the_account() -> None:
    inside = "".join(
        f"<TxDtls><Amt Ccy='EUR'>{amount}</Amt><CdtDbtInd>CRDT</CdtDbtInd></TxDtls>" for amount in ("1.00", "2.00")
    )
    batch = f"<NtryDtls>{inside}</NtryDtls>"
    text = document(entry("3.00", f"<RvslInd>true</RvslInd>{batch}", debit=True))
    assert [r.amount for r in records(text)] == [-300, -100, -200]
    assert not problems(text)
    # Without a reversal the two contradict each other.
    assert [p.reason for p in problems(document(entry("3.00", batch, debit=True)))] == ["amount_difference"]


def test_pages_that_each_state_the_whole_statements_balances_close_together() -> None:
    pages = [
        document(page(number, last=number == 3), OPENING, closing("106.00"), entry(f"{number}.00"))
        for number in (1, 2, 3)
    ]
    text = in_one_file(*pages)
    assert not problems(text)
    assert [s.closes for s in statements(text)] == [None, None, None]
    (problem,) = problems(in_one_file(*pages).replace(">3.00<", ">4.00<"))
    assert problem.reason == "balance_difference"
    assert "the 3 pages" in problem.message
    # One that came alone claims nothing, and an absent one proves nothing.
    assert not problems(pages[1])
    assert not problems(in_one_file(pages[0], pages[2]))


def test_a_page_that_closes_alone_says_so() -> None:
    text = document(page(2, last=False), OPENING, closing("103.00"), entry("3.00"))
    assert statement(text).closes
    assert not problems(text)


def test_pages_are_told_apart_so_that_equal_entries_on_two_are_two() -> None:
    pages = [document(page(number, last=False), balance("ITBD", "1", "2026-10-30"), entry()) for number in (1, 2, 3)]
    names = [s.statement_id for s in statements(in_one_file(*pages))]
    assert names[0] == "S"
    assert len(set(names)) == len(names)


def test_a_page_of_a_message_is_not_held_against_the_summary_of_the_whole() -> None:
    summary = "<TxsSummry><TtlNtries><NbOfNtries>50</NbOfNtries></TtlNtries></TxsSummry>"
    paged = "<MsgId>M</MsgId><MsgPgntn><PgNb>{}</PgNb><LastPgInd>{}</LastPgInd></MsgPgntn>"
    text = document(summary, entry())
    for number, last in ((2, "true"), (1, "false")):
        assert not problems(text.replace("<MsgId>M</MsgId>", paged.format(number, last)))
    assert problems(text.replace("<MsgId>M</MsgId>", paged.format(1, "true")))


def test_two_amounts_of_one_balance_contradict_each_other() -> None:
    (problem,) = problems(document(OPENING, closing("103.00"), closing("105.00"), entry("3.00")))
    assert "103.00 EUR and 105.00 EUR" in problem.message
    assert not problems(document(OPENING, closing("103.00"), closing("103.00"), entry("3.00")))


def test_balances_of_several_days_open_with_the_first_and_close_with_the_last() -> None:
    days = ["100.00", "103.00", "104.00", "110.00"]
    balances = [
        balance(code, amount, f"2026-10-{20 + place}")
        for place, pair in enumerate(pairwise(days))
        for code, amount in zip(("OPBD", "CLBD"), pair, strict=True)
    ]
    text = document(*balances, entry("10.00"))
    assert statement(text).closes
    assert not problems(text)


def test_a_credit_line_is_no_part_of_the_balance() -> None:
    line = "<CdtLine><Incl>{}</Incl><Amt Ccy='EUR'>5000.00</Amt></CdtLine><Amt"
    for included in ("true", "false"):
        text = document(OPENING.replace("<Amt", line.format(included)), closing("103.00"), entry("3.00"))
        assert statement(text).closes
        assert not problems(text)


def test_empty_elements_say_nothing() -> None:
    hollow = (
        "<Ntry><NtryRef/><Amt Ccy='EUR'>3.00</Amt><CdtDbtInd>CRDT</CdtDbtInd><RvslInd/><Sts/><BookgDt/><ValDt><Dt/></ValDt>"
        "<AcctSvcrRef/><BkTxCd/><NtryDtls><TxDtls><Refs><EndToEndId/></Refs><RltdPties><Dbtr><Nm/></Dbtr></RltdPties>"
        "<RmtInf><Ustrd/></RmtInf></TxDtls></NtryDtls></Ntry>"
    )
    text = document(OPENING, closing("109.00"), hollow, hollow, hollow)
    assert {(r.amount, str(r.booked_on), r.text, r.counterparty, r.references) for r in records(text)} == {
        (300, "2026-10-30", None, None, ())
    }
    assert statement(text).closes
    assert not problems(text)


@pytest.mark.parametrize("behind", ["\x00\x00", "\x1a"])
def test_padding_behind_a_document_is_refused_with_its_place(behind: str) -> None:
    problem = refusal(document(entry()) + behind)
    assert problem.line == 1
    assert problem.column


def test_utf_16_that_says_it_is_utf_8_is_read_as_it_is_written() -> None:
    text = "<?xml version='1.0' encoding='UTF-8'?>" + document(OPENING, closing("103.00"), entry("3.00"))
    assert statement(text.encode("utf-16")).closes


BEFORE = {
    "the same": ([("PRCD", "100.00", "2026-10-28"), ("OPBD", "100.00", "2026-10-29")], 0),
    "the same with other decimals": ([("PRCD", "100", "2026-10-28"), ("OPBD", "100.000", "2026-10-29")], 0),
    "another amount": ([("PRCD", "99.00", "2026-10-28"), ("OPBD", "100.00", "2026-10-29")], 1),
    "another amount, the other way round": ([("OPBD", "100.00", "2026-10-29"), ("PRCD", "99.00", "2026-10-28")], 1),
    "only the one": ([("PRCD", "100.00", "2026-10-28")], 0),
    "of each day": (
        [
            *(("PRCD", "100.00", "2026-10-28"), ("OPBD", "100.00", "2026-10-29")),
            *(("PRCD", "105.00", "2026-10-29"), ("OPBD", "105.00", "2026-10-30")),
        ],
        0,
    ),
    "of a later day": ([("OPBD", "100.00", "2026-10-28"), ("PRCD", "99.00", "2026-10-29")], 1),
    "of the same day": ([("OPBD", "100.00", "2026-10-28"), ("PRCD", "99.00", "2026-10-28")], 1),
    "after a holiday": ([("PRCD", "99.00", "2026-10-16"), ("OPBD", "100.00", "2026-10-29")], 1),
    "of each day, one by another name": (
        [
            *(("OPBD", "100.00", "2026-10-28"), ("PRCD", "105.00", "2026-10-28")),
            ("OPBD", "105.00", "2026-10-29"),
        ],
        0,
    ),
    "of none of its days": (
        [
            *(("OPBD", "100.00", "2026-10-28"), ("PRCD", "99.00", "2026-10-28")),
            ("OPBD", "105.00", "2026-10-29"),
        ],
        1,
    ),
    "of a page": ([("PRCD", "90.00", "2026-10-28"), ("OPBD/INTM", "100.00", "2026-10-29")], 0),
}


@pytest.mark.parametrize("case", BEFORE)
def test_what_a_statement_opens_with_is_what_closed_before_it(case: str) -> None:
    balances, wrong = BEFORE[case]
    written = []
    for code, amount, day in balances:
        text = balance(code.partition("/")[0], amount, day)
        written.append(text.replace("</Tp>", "<SubTp><Cd>INTM</Cd></SubTp></Tp>") if "/" in code else text)
    text = document(*written, closing("110.00"), entry("10.00"))
    found = [p for p in problems(text) if "(PRCD)" in p.message]
    assert [(p.severity, p.reason) for p in found] == [("finding", "balance_difference")] * wrong
    assert all("to be what closed before it, 99.00 EUR (PRCD), got 100.00 EUR" in p.message for p in found), found


def test_what_closed_before_is_compared_within_its_currency() -> None:
    other = balance("PRCD", "7.00", "2026-10-28", currency="USD")
    same = balance("PRCD", "100.00", "2026-10-28")
    text = document(other, same, OPENING, closing("110.00"), entry("10.00"))
    assert not [p for p in problems(text) if "(PRCD)" in p.message]


def test_what_a_later_page_carries_on_is_not_what_closed_before_the_first() -> None:
    text = document(
        page(2, last=True), balance("PRCD", "7.00", "2026-10-28"), OPENING, closing("110.00"), entry("10.00")
    )
    assert not [p for p in problems(text) if "(PRCD)" in p.message]


def in_two(*, usd: str, foreign: str = "7.00", account: str = "<Ccy>EUR</Ccy>") -> str:
    """A statement of an account in two currencies, each with its own figures."""
    text = document(
        OPENING, balance("OPBD", "1.00", "2026-10-29", currency="USD"), closing("110.00"),
        balance("CLBD", usd, "2026-10-30", currency="USD"), entry("10.00"), entry(foreign, currency="USD"),
        entry("50.00", currency="USD", status="PDNG"),
    )  # fmt: skip
    return text.replace("<Ccy>EUR</Ccy>", account)


@pytest.mark.parametrize("account", ["", "<Ccy>EUR</Ccy>", "<Ccy>USD</Ccy>"])
def test_a_statement_closes_in_each_of_its_currencies(account: str) -> None:
    def open_figures(text: str) -> list[str]:
        return [p.message for p in problems(text) if p.reason == "balance_difference"]

    assert open_figures(in_two(usd="8.00", account=account)) == []
    [message] = open_figures(in_two(usd="9.00", account=account))
    assert "to close: 1.00 opening + 7.00 credits - 0.00 debits is 8.00, got 9.00 USD" in message


def test_a_currency_whose_entries_or_balances_are_not_all_there_is_not_judged() -> None:
    without = in_two(usd="9.00").replace(
        "CLBD</Cd></CdOrPrtry></Tp><Amt Ccy='USD'", "CLAV</Cd></CdOrPrtry></Tp><Amt Ccy='USD'"
    )
    paged = in_two(usd="9.00").replace("<Acct>", page(1, last=False) + "<Acct>", 1)
    for text in (without, paged, in_two(usd="9.00", foreign="much")):
        assert not [p for p in problems(text) if p.reason == "balance_difference" and "USD" in p.message]


def test_currencies_that_no_account_says_are_not_added_up() -> None:
    text = document(
        OPENING, balance("OPBD", "0.00", "2026-10-29", currency="USD"), closing("110.00"), entry("10.00"),
        entry("7.00", currency="USD"),
    )  # fmt: skip
    text = text.replace("<Ccy>EUR</Ccy>", "")
    (told,) = statements(text)
    assert (told.currency, told.credits, told.debits, told.closes) == (None, 0, 0, None)
    totals = [(t.currency, t.credits) for chunk in chunks(text) for t in chunk.totals]
    assert totals == [("EUR", 1000), ("USD", 700)]
