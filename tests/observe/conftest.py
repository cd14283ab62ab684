"""What the tests of the views may ask for."""

from collections.abc import Iterator

import pytest

from tests.observe.company import Company, found_company, with_files
from tests.observe.traded import Traded, traded
from tests.web.company import Office, matched


@pytest.fixture(scope="session")
def company(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Company]:
    """Give the company with its files; nobody may bring more."""
    made = with_files(tmp_path_factory.mktemp("company") / "acme")
    yield made
    made.store.close()


@pytest.fixture
def empty(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Company]:
    """Give the company before its first file."""
    made = found_company(tmp_path_factory.mktemp("company") / "acme")
    yield made
    made.store.close()


@pytest.fixture(scope="session")
def office(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Office]:
    """Give the sample company with results; nobody may change it."""
    made = matched(tmp_path_factory.mktemp("office") / "acme")
    yield made
    made.store.close()


#: Companies that differ; the first is made in every run, the others where there is time.
_SEEDS = [3, pytest.param(11, marks=pytest.mark.deep), pytest.param(2026, marks=pytest.mark.deep)]


@pytest.fixture(scope="session", params=_SEEDS)
def group(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Traded]:
    """Give a simulated company, its files read and matched; nobody may bring more."""
    made = traded(tmp_path_factory, request.param)
    yield made
    made.store.close()
