"""Every page answers, in every state, and says what it should."""

import datetime as dt
import re
from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest
from starlette.testclient import TestClient

from tests.web.company import Office
from tests.web.conftest import client_of
from tieout.observe.exporting.exports import Filters
from tieout.observe.exporting.overview import overview
from tieout.observe.money.cash import cash
from tieout.observe.money.flow import Part, money
from tieout.observe.scope import Scope
from tieout.store.workplace import Store

PAGES = (
    *("/", "/exceptions", "/deliveries", "/accounts", "/tie", "/money/bank", "/in-transit"),
    *("/proof?account=bank-main-eur", "/find"),
)


@pytest.mark.parametrize("path", PAGES)
def test_every_page_answers(client: TestClient, path: str) -> None:
    answer = client.get(path)
    assert answer.status_code == 200, answer.text
    assert "<h1>" in answer.text


@pytest.mark.parametrize("path", PAGES)
def test_every_page_answers_before_the_first_file(empty: Office, path: str) -> None:
    with client_of(empty) as client:
        answer = client.get(path)
    assert answer.status_code == 200, answer.text


@pytest.mark.parametrize("path", PAGES)
def test_every_page_answers_before_the_first_run(unmatched: Office, path: str) -> None:
    with client_of(unmatched) as client:
        answer = client.get(path)
    assert answer.status_code == 200, answer.text


def test_what_was_compared_with_the_books_and_not_found_is_said_as_missing(
    office: Office, unmatched: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    with client_of(unmatched) as fresh:
        assert "not compared yet" in fresh.get("/").text

    def nothing_booked(store: Store, scope: Scope) -> Any:
        flow, tied, latest = money(store, scope)
        return replace(flow, books=Part(), compared=True), tied, latest

    monkeypatch.setattr("tieout.web.pages.overview.money", nothing_booked)
    with client_of(office) as fresh:
        text = fresh.get("/?currency=EUR").text
    assert "not compared yet" not in text
    assert "missing there" in text


@pytest.mark.slow
def test_every_link_of_every_page_leads_somewhere(client: TestClient) -> None:
    waiting, seen = ["/"], set()
    while waiting:
        path = waiting.pop().replace("&amp;", "&")
        if path in seen or path.startswith("/static"):
            continue
        seen.add(path)
        answer = client.get(path)
        assert answer.status_code == 200, (path, answer.text)
        if len(seen) < 70:
            waiting += re.findall(r'href="(/[^"#]*)', answer.text)
    assert len(seen) > 50


@pytest.mark.parametrize("as_of", ["2026-10-30", "2026-11-20"])
@pytest.mark.parametrize("currency", ["EUR", "USD"])
def test_what_is_on_its_way_is_what_the_commands_say(
    office: Office, client: TestClient, as_of: str, currency: str
) -> None:
    day = dt.date.fromisoformat(as_of)
    rows = overview(office.store, office.workspace, "in_transit", Filters(as_of=day)).rows
    mine = [row for row in rows if row["currency"] == currency]
    late = sum(row["state"] == "late" for row in mine)
    total = sum(Decimal(row["outstanding"]) for row in mine)
    position = {row["currency"]: row["in_transit"] for row in cash(office.store, office.workspace, day).totals}
    assert total == Decimal(position.get(currency, "0"))
    page = client.get(f"/?as_of={as_of}&currency={currency}").text
    (card,) = re.findall(r'href="/in-transit[^>]*><small>On its way</small><b>([^<]*)</b><span>([^<]*)</span>', page)
    assert card[0].replace(",", "") == f"{total:.2f}"
    counted = f"{currency} in {len(mine)} payout{'s' if len(mine) != 1 else ''} that left a platform"
    assert card[1].startswith(f"{counted}, {late or 'none'} late" if mine else f"{currency}, no payout")
    listed = client.get(f"/in-transit?as_of={as_of}&currency={currency}").text
    assert listed.count(">late<") == sum(row["state"] == "late" for row in rows)
    sums = {
        c: re.sub("[^0-9.]", "", a)
        for a, c in re.findall(r'<td class="r">([^<]*) <small>(\w+)</small></td><td>\w+ late', listed)
    }
    assert sums == {c: f"{Decimal(amount)}" for c, amount in position.items() if Decimal(amount)}


def test_every_figure_of_the_reconciliations_opens_what_it_is_the_sum_of(client: TestClient) -> None:
    page = client.get("/tie").text
    figures = re.findall(r'<a href="(/compared[^"]*)">([^<]*)</a>', page)
    assert len(figures) >= 8
    for href, figure in figures:
        listed = re.sub("</?a[^>]*>", "", client.get(href.replace("&amp;", "&")).text)
        if figure.strip("0.") == "":
            assert "is part of this figure" in listed
        else:
            (total,) = re.findall(
                r'<tr class="total"><th scope="row">[^<]*</th><td class="r">[^<]*</td><td class="r">([^<]*)<', listed
            )
            assert total == figure


def test_the_console_says_on_its_way_of_payouts_only(client: TestClient) -> None:
    assert '<a href="/in-transit" data-go="w"' in client.get("/").text
    page = re.sub(r"<nav.*?</nav>", "", client.get("/tie").text, flags=re.DOTALL)
    assert "Waiting</th>" in page
    assert page.count("on its way") == page.count(">on its way</a>") + page.count(", on its way,")


def test_the_story_of_a_charge_counts_the_other_lines_of_its_settlement(office: Office, client: TestClient) -> None:
    charge = office.records("external_id = 'ch_3QE03LkdIwHu7ix1c03'")[0]
    lines = office.records(f"settlement_id = '{charge['settlement_id']}' and kind not in ('payout', 'bank_entry')")
    page = client.get(f"/items/{bytes(charge['record_id']).hex()}").text
    (said,) = re.findall(r'<a href="(/find\?q=[^"]*)">with (\d+) other lines of this settlement</a>', page)
    assert int(said[1]) == len(lines) - 1
    assert all(line["external_id"] not in page for line in lines if line["external_id"] != charge["external_id"])
    assert client.get(said[0]).status_code == 200
