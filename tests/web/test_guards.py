"""Strangers: a rebound name, a form from another site, a page in a frame, a text that wants to be obeyed."""

import pytest
from starlette.testclient import TestClient

from tests.web.company import Office
from tests.web.conftest import client_of
from tieout.observe.arrivals.deliveries import delivery_page
from tieout.observe.work import worklist

HOME = "http://127.0.0.1:8765"


@pytest.mark.parametrize("host", ["127.0.0.1:8765", "localhost:8765", "127.0.0.1", "[::1]:8765", "LOCALHOST"])
def test_this_machine_is_answered(client: TestClient, host: str) -> None:
    assert client.get("/accounts", headers={"Host": host}).status_code == 200


@pytest.mark.parametrize(
    "host",
    ["evil.example", "127.0.0.1.evil.example:8765", "localhost.evil.example", "192.168.1.7:8765", "", "[::1", "a@b:1"],
)
def test_a_name_that_is_rebound_to_this_machine_is_refused(client: TestClient, host: str) -> None:
    answer = client.get("/accounts", headers={"Host": host})
    assert answer.status_code == 421
    assert "Acme" not in answer.text


@pytest.mark.parametrize("path", ["/", "/exceptions", "/static/console.css", "/nothing"])
def test_every_answer_says_what_a_page_may_load(client: TestClient, path: str) -> None:
    headers = client.get(path).headers
    policy = headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy
    assert "frame-ancestors 'none'" in policy
    assert headers["x-content-type-options"] == "nosniff"


def test_pages_are_not_kept_and_files_are(client: TestClient) -> None:
    assert client.get("/exceptions").headers["cache-control"] == "no-store"
    assert "immutable" in client.get("/static/console.css").headers["cache-control"]


def refused_delivery(office: Office) -> str:
    rows, _ = delivery_page(office.store, wanting=True)
    return rows[0].delivery_id


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"Origin": "http://evil.example"},
        {"Origin": "null"},
        {"Origin": "http://127.0.0.1:9999"},
        {"Origin": HOME, "Sec-Fetch-Site": "cross-site"},
        {"Origin": HOME, "Sec-Fetch-Site": "same-site"},
    ],
)
def test_a_form_from_elsewhere_does_nothing(office: Office, client: TestClient, headers: dict[str, str]) -> None:
    path = f"/deliveries/{refused_delivery(office)}/replay"
    before = worklist.version(office.store.book)
    answer = client.post(path, data={"reason": "x"}, headers=headers, follow_redirects=False)
    assert answer.status_code == 403
    assert "nothing was done" in answer.text
    assert worklist.version(office.store.book) == before


def test_a_form_without_end_is_refused(office: Office, client: TestClient) -> None:
    path = f"/deliveries/{refused_delivery(office)}/replay"
    assert client.post(path, content=b"x" * 70_000, headers={"Origin": HOME}).status_code == 413
    assert client.post(path, content=iter([b"reason=x"]), headers={"Origin": HOME}).status_code == 413


def test_nothing_is_changed_by_asking(office: Office, client: TestClient) -> None:
    path = f"/deliveries/{refused_delivery(office)}/replay"
    assert client.get(path).status_code == 405


def test_reading_again_needs_a_reason_and_then_reads(fresh: Office) -> None:
    with client_of(fresh) as client:
        path = f"/deliveries/{refused_delivery(fresh)}"
        silent = client.post(f"{path}/replay", data={"reason": " "}, headers={"Origin": HOME})
        assert (silent.status_code, "Say why" in silent.text) == (400, True)
        mapping = fresh.workspace.folder / "mappings" / "acme-erp.toml"
        mapping.write_text(mapping.read_text().replace("[fields]", "where = \"Betrag <> 'zwölfhundert'\"\n[fields]"))
        answer = client.post(f"{path}/replay", data={"reason": "one row is no document"}, headers={"Origin": HOME})
        assert answer.status_code == 200
        assert answer.url.path == path
        assert "It was read again" in answer.text
        rows, _ = delivery_page(fresh.store, wanting=True)
        assert rows[0].rows_quarantined == 1


@pytest.mark.parametrize(
    ("query", "said"),
    [
        ("entity=nobody", "expected a company of tieout.toml (acme-de), got &#39;nobody&#39;"),
        ("period=2026-13", "expected a month such as 2026-10"),
        ("as_of=yesterday", "expected a day such as 2026-10-31"),
        ("known_at=noon", "expected a moment such as"),
        ("currency=ZZZ", "expected an ISO 4217 currency"),
        ("sort=colour", "expected one of value, booked"),
        ("state=gone", "expected one of open, assigned, resolved"),
        ("behind=x.y", "expected a whole number"),
        ("behind=" + "9" * 40 + ".y", "expected a whole number"),
        ("entity=%3Cscript%3Ealert(1)%3C/script%3E", "&lt;script&gt;alert(1)"),
    ],
)
def test_an_address_that_is_wrong_says_what_was_expected(client: TestClient, query: str, said: str) -> None:
    answer = client.get(f"/exceptions?{query}")
    assert answer.status_code == 400
    assert said in answer.text
    assert "Begin at the overview" in answer.text


@pytest.mark.parametrize("path", ["/exceptions/nobody", "/items/zz", f"/items/{'0' * 32}", "/deliveries/x", "/money/x"])
def test_what_is_not_there_is_said_so(client: TestClient, path: str) -> None:
    answer = client.get(path)
    assert answer.status_code == 404
    assert "Not found" in answer.text
