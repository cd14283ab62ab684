"""Every page answers, in every state, and says what it should."""

import re

import pytest
from starlette.testclient import TestClient

from tests.web.company import Office
from tests.web.conftest import client_of

PAGES = ("/", "/exceptions", "/deliveries", "/accounts", "/tie", "/money/bank", "/proof?account=bank-main-eur", "/find")


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
