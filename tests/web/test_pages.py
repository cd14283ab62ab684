"""Every page answers, in every state, and says what it should."""

import datetime as dt
import re
from decimal import Decimal

import pytest
from starlette.testclient import TestClient

from tests.web.company import Office
from tests.web.conftest import client_of
from tieout.observe.cash import cash
from tieout.observe.exports import Filters
from tieout.observe.overview import overview

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
