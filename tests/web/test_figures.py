"""Every figure of every page opens what it is made of, and what is listed there adds up to it."""

import re
from collections import Counter
from collections.abc import Iterator
from contextlib import closing
from decimal import Decimal
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import pytest
from lxml import html
from starlette.testclient import TestClient

from tests.observe.traded import traded
from tieout.observe.proofs.proving import prover
from tieout.web.application import create_app
from tieout.web.figures import MINUS

pytestmark = pytest.mark.slow

_FIGURE = re.compile(rf"{MINUS}?[\d,]+(\.\d+)?( [A-Z]{{3}})?")
_CELLS = "//td[contains(concat(' ', @class, ' '), ' r ')] | //*[contains(concat(' ', @class, ' '), ' fig ')]"
#: So many pages of one sort are looked at: they are written by one template.
_OF_A_SORT = Counter({"/proof?": 2, "/money/PART?": 2})
#: What a page says that is made of nothing else: the reason is in the key.
_EXCEPTIONS = {
    "what a person declared stands in tieout.toml": "//th[.='opening that tieout.toml declares']",
    "a row that a mapping leaves out is not kept": "//th[starts-with(., 'Left out by the mapping')]",
    "a draft's line is made of the records on whose page it stands": "//table[caption='Draft journals']//th",
}


@pytest.fixture(scope="module")
def client(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TestClient]:
    """Ask the console of a simulated company."""
    made = traded(tmp_path_factory, 3)
    with closing(made.store):
        app = create_app(made.workspace, made.store, prover(made.store, made.workspace))
        with TestClient(app, base_url="http://127.0.0.1:8765") as asked:
            yield asked


def _at(node: Any, path: str) -> list[Any]:
    """Give what stands at an XPath."""
    return list(node.xpath(path))


def _number(text: str) -> Decimal | None:
    """Read a figure as it is written; None: it is a day, an age, a percentage, or nothing."""
    text = text.replace("\xa0", " ").strip()
    return Decimal(text.split(" ")[0].replace(",", "").replace(MINUS, "-")) if _FIGURE.fullmatch(text) else None


def _said(cell: html.HtmlElement) -> Decimal | None:
    """Give the figure of a cell, without the currency that stands beside it in small letters."""
    text = " ".join(str(part) for part in _at(cell, ".//text()[not(ancestor::small)]")).strip()
    return _number(text)


def _opened(cell: html.HtmlElement) -> str | None:
    """Give where a figure leads."""
    found = _at(cell, ".//a/@href | ancestor::a/@href")
    return str(found[0]) if found else None


def _adds_up(cell: html.HtmlElement) -> bool:
    """Whether a figure is the sum of its own table's column: what it is made of stands right above it."""
    rows = _at(cell, "ancestor::table[1]//tbody/tr")
    place = len(_at(cell, "./preceding-sibling::*"))
    sums = [_said(row[place]) for row in rows if len(row) > place]
    return bool(_at(cell, "ancestor::tfoot")) and sum((one for one in sums if one), Decimal(0)) == _said(cell)


def _sort(path: str) -> str:
    """Say which template writes a page."""
    parts = urlsplit(path)
    keys = sorted({key for key, _ in parse_qsl(parts.query)} & {"only", "kind", "state", "which", "part", "of"})
    path = re.sub(r"/(items|exceptions|deliveries)/[^/]+", r"/\1/ID", parts.path)
    return re.sub(r"/money/.+", "/money/PART", path) + "?" + ",".join(keys)


def _crawled(client: TestClient) -> Iterator[tuple[str, html.HtmlElement]]:
    waiting, seen, sorts = ["/", "/deliveries"], set(), Counter[str]()
    while waiting:
        path = waiting.pop(0)
        if path in seen or path.startswith("/static") or sorts[_sort(path)] >= (_OF_A_SORT[_sort(path)] or 1):
            continue
        seen.add(path)
        sorts[_sort(path)] += 1
        answer = client.get(path)
        assert answer.status_code == 200, path
        page = html.fromstring(answer.text)
        yield path, page
        waiting += [str(href).partition("#")[0] for href in _at(page, "//main//a/@href") if str(href).startswith("/")]


@pytest.fixture(scope="module")
def pages(client: TestClient) -> dict[str, html.HtmlElement]:
    """Give some pages of every sort that can be reached from the first one."""
    return dict(_crawled(client))


def test_every_figure_opens_what_it_is_made_of(pages: dict[str, html.HtmlElement]) -> None:
    nothing: list[tuple[str, str, str]] = []
    for path, page in pages.items():
        excused = {row for where in _EXCEPTIONS.values() for th in _at(page, where) for row in _at(th, "..")}
        for cell in _at(page, _CELLS):
            if (
                not _said(cell)
                or _at(cell, "ancestor::thead")
                or any(row in excused for row in _at(cell, "ancestor::tr"))
            ):
                continue
            href = _opened(cell)
            if href is None and not _adds_up(cell):
                nothing.append(
                    (
                        path,
                        " ".join(" ".join(map(str, _at(cell, "ancestor::tr[1]//text()"))).split())[:60],
                        str(cell.text_content()),
                    )
                )
            if href is not None and href.startswith("#"):
                assert _at(page, f"//*[@id='{href[1:]}']"), (path, href)
    assert nothing == [], nothing
    sorts = {_sort(path) for path in pages}
    assert sorts >= {f"/proof/{part}?" for part in ("opening", "closing", "reported", "ledger")}
    assert sorts >= {
        "/proof/adjusted-inside?",
        "/proof/adjusted-outside?",
        "/proof/movement?kind",
        "/tie?",
        "/compared?",
    }
    assert sorts >= {"/?", "/in-transit?", "/accounts?", "/proof?", "/money/PART?", "/money/PART?kind", "/exceptions?"}
    assert sorts >= {"/deliveries?", "/deliveries/ID?", "/deliveries/ID/rows?which", "/items/ID?", "/compared?state"}


def _listed(client: TestClient, path: str) -> tuple[Decimal, int] | None:
    """Sum the amounts that a list shows on its pages, and count its rows; None: there are more than two pages."""
    total, count = Decimal(0), 0
    for _ in range(2):
        page = html.fromstring(client.get(path).text)
        for row in _at(page, "//table[contains(@class, 'list')]/tbody/tr"):
            total += _said(_at(row, "./td[contains(concat(' ', @class, ' '), ' r ')]")[-1]) or Decimal(0)
            count += 1
        path = next((str(href) for href in _at(page, "//a[@id='next']/@href")), "")
        if not path:
            return total, count
    return None


def test_what_is_listed_adds_up_to_the_figure(client: TestClient, pages: dict[str, html.HtmlElement]) -> None:
    lists = ("/find?of", "/proof/", "/money/PART", "/compared", "/in-transit?only", "/deliveries/ID/rows")
    checked: set[str] = set()
    for path, page in pages.items():
        for cell in _at(page, _CELLS):
            href, said = _opened(cell), _said(cell)
            sort = _sort(href) if href else ""
            if not said or not href or not sort.startswith(lists) or sort in checked or _sort(path).startswith(sort):
                continue
            found = _listed(client, href)
            if found is not None:
                assert said in {found[0], Decimal(found[1])}, (path, href, said, found)
                checked.add(sort)
    assert checked >= {f"/proof/{part}?" for part in ("opening", "reported", "ledger", "adjusted-inside")}
    assert checked >= {
        "/find?of",
        "/proof/movement?kind",
        "/in-transit?only",
        "/deliveries/ID/rows?which",
        "/money/PART?kind",
    }
