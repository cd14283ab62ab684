"""What the tests of the console may ask for."""

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser
from starlette.testclient import TestClient

from tests.web.browser import chromium, served
from tests.web.company import Office, crowd, found_office, ingested, matched, proof_of
from tieout.web.application import create_app


def client_of(office: Office) -> TestClient:
    return TestClient(create_app(office.workspace, office.store), base_url="http://127.0.0.1:8765")


@pytest.fixture(scope="session")
def office(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Office]:
    """Give the sample company with results; nobody may change it."""
    made = matched(tmp_path_factory.mktemp("office") / "acme")
    yield made
    made.store.close()


@pytest.fixture
def fresh(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Office]:
    """Give the sample company as its files tell it, to be changed."""
    made = ingested(tmp_path_factory.mktemp("office") / "acme")
    yield made
    made.store.close()


@pytest.fixture(scope="session")
def unmatched(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Office]:
    """Give the sample company before its first run; nobody may change it."""
    made = ingested(tmp_path_factory.mktemp("office") / "acme")
    yield made
    made.store.close()


@pytest.fixture(scope="session")
def empty(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Office]:
    """Give the sample company before its first file; nobody may change it."""
    made = found_office(tmp_path_factory.mktemp("office") / "acme")
    yield made
    made.store.close()


@pytest.fixture(scope="session")
def client(office: Office) -> Iterator[TestClient]:
    """Ask the console of the company with results."""
    with client_of(office) as made:
        yield made


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    """Give a browser; a test that asks for it is marked ``peers`` by itself."""
    with chromium() as made:
        yield made


@pytest.fixture(scope="session")
def home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Give the address of a console with more than one page of items, and proofs."""
    made = matched(tmp_path_factory.mktemp("office") / "acme")
    crowd(made, 130)
    with served(create_app(made.workspace, made.store, proof_of)) as address:
        yield address
    made.store.close()
