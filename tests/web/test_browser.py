"""
The console in a real browser: WCAG 2.2 AA, 320 pixels, dark, print, the keyboard alone, and without JavaScript.
"""

import re
from collections.abc import Iterator
from typing import Any

import pytest
from fastapi.routing import APIRoute
from playwright.sync_api import Browser

from tests.web.browser import NARROW, WIDE, Visitor, visitor
from tests.web.company import Office
from tieout.web.application import create_app

#: What each route is asked with; a route that is not here fails the first test.
SAMPLES = {
    "/": ["/", "/?period=2026-10&currency=USD"],
    "/exceptions": ["/exceptions", "/exceptions?text=nobody-at-all", "/exceptions?state=resolved"],
    "/exceptions/selected": [],
    "/exceptions/{exception_id}": ["/exceptions/00000000000000c8", "/exceptions/00000001c0ffee00", "/exceptions/none"],
    "/items/{record_id}": ["CHARGE"],
    "/accounts": ["/accounts"],
    "/proof": ["/proof?account=bank-main-eur", "/proof?account=bank-second-eur"],
    "/proof/{part}": [
        "/proof/movement?account=bank-main-eur&kind=bank_entry",
        "/proof/inside?account=bank-main-eur&state=open",
        "/proof/ledger?account=nobody",
        "/proof/closing?account=bank-main-eur",
    ],
    "/deliveries": ["/deliveries", "/deliveries?show=unread"],
    "/deliveries/{delivery_id}": ["DELIVERY"],
    "/deliveries/{delivery_id}/rows": ["NEW ROWS"],
    "/money/{part}": ["/money/charged", "/money/books", "/money/charged?kind=charge"],
    "/in-transit": ["/in-transit", "/in-transit?as_of=2026-11-20", "/in-transit?only=EUR"],
    "/tie": ["/tie"],
    "/compared": ["/compared", "/compared?part=waiting", "/compared?part=matched&reconciliation=payouts"],
    "/find": [
        "/find",
        "/find?q=po_1QF2a9LkdIwHu7ixPt01",
        "/find?q=nobody-at-all",
        "/find?q=po_1QF2a9LkdIwHu7ixPt01&of=charge%20booked%20EUR",
    ],
}
FIRST_LOAD_MAX = 60 << 10


@pytest.fixture
def desk(browser: Browser, home: str) -> Iterator[Visitor]:
    """Sit down at a wide screen."""
    context = browser.new_context(viewport={"width": WIDE[0], "height": WIDE[1]}, locale="en-GB")
    seen = visitor(context, home)
    yield seen
    assert seen.complaints == []
    assert seen.strangers == []
    context.close()


def test_every_route_is_looked_at(office: Office) -> None:
    routes = create_app(office.workspace, office.store).routes
    pages = {route.path for route in routes if isinstance(route, APIRoute) and "GET" in (route.methods or ())}
    included = [r for route in routes for r in getattr(getattr(route, "original_router", None), "routes", [])]
    pages |= {route.path for route in included if isinstance(route, APIRoute) and "GET" in (route.methods or ())}
    assert pages == set(SAMPLES)


def paths(seen: Visitor) -> list[str]:
    """Fill in the ids that only the company knows."""
    seen.go("/find?q=ch_3QE03LkdIwHu7ix1c03")
    charge = seen.page.url.removeprefix(seen.home)
    seen.go("/deliveries?show=unread")
    delivery = seen.page.get_attribute("tbody th a", "href")
    named = {"CHARGE": charge, "DELIVERY": delivery, "NEW ROWS": f"{delivery}/rows?which=new"}
    return [str(named.get(path, path)) for listed in SAMPLES.values() for path in listed]


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("size", [WIDE, NARROW], ids=["wide", "narrow"])
def test_every_page_passes_wcag_and_fits(browser: Browser, home: str, scheme: Any, size: tuple[int, int]) -> None:
    context = browser.new_context(viewport={"width": size[0], "height": size[1]}, color_scheme=scheme)
    seen = visitor(context, home)
    found = []
    for path in paths(seen):
        seen.go(path)
        found += [f"{path}: {line}" for line in seen.violations()]
        width = seen.ask("document.documentElement.scrollWidth")
        if width > size[0]:
            found.append(f"{path}: {width} pixels wide on a screen of {size[0]}")
    assert not found, "\n".join(found)
    assert seen.strangers == []
    context.close()


@pytest.mark.parametrize("width", [320, 480, 900, 1100, 1400])
def test_a_headline_figure_stands_on_one_line(browser: Browser, home: str, width: int) -> None:
    context = browser.new_context(viewport={"width": width, "height": 700})
    seen = visitor(context, home)
    seen.go("/")
    seen.ask("document.querySelectorAll('.verdict b').forEach(b => { b.textContent = '12,505,734.95' })")
    lines = "[...document.querySelectorAll('.verdict b')].map(b => b.offsetHeight / parseFloat(getComputedStyle(b).lineHeight))"
    assert [round(each) for each in seen.ask(lines)] == [1, 1, 1, 1]
    assert seen.ask("document.documentElement.scrollWidth") == width
    context.close()


def test_the_check_of_wcag_fires(desk: Visitor) -> None:
    desk.go("/accounts")
    desk.ask("document.querySelector('h1').insertAdjacentHTML('beforeend', '<img src=\"/static/mark.svg\">')")
    assert any(line.startswith("image-alt") for line in desk.violations())


def test_the_first_load_is_light(browser: Browser, home: str) -> None:
    for path in ("/", "/exceptions"):
        context = browser.new_context()
        seen = visitor(context, home)
        seen.go(path)
        seen.page.wait_for_load_state("networkidle")
        assert 10_000 < seen.bytes_in < FIRST_LOAD_MAX, path
        context.close()


def test_the_grid_is_one_stop_and_follows_the_keys(desk: Visitor) -> None:
    desk.go("/exceptions")
    desk.press("j")
    assert desk.ask("document.activeElement.closest('tr').rowIndex") == 1
    desk.press("j", "j", "k", "ArrowRight", "ArrowRight")
    assert desk.ask("[document.activeElement.closest('tr').rowIndex, document.activeElement.cellIndex]") == [2, 2]
    desk.press("Home")
    assert desk.ask("document.activeElement.cellIndex") == 0
    assert desk.ask("document.querySelectorAll('[data-grid] [tabindex=\"0\"]').length") == 1
    desk.press("Tab")
    assert not desk.ask("document.querySelector('[data-grid]').contains(document.activeElement)")
    desk.press("Shift+Tab")
    assert desk.ask("document.activeElement.closest('tr').rowIndex") == 2


def test_turning_pages_keeps_the_place(desk: Visitor) -> None:
    desk.go("/exceptions")
    desk.press("j", "j", "j")
    desk.press("PageDown")
    desk.until("document.querySelector('#caption').textContent.includes('Rows 51 ')")
    desk.until("document.activeElement.closest('tr')?.getAttribute('aria-rowindex') === '54'")
    assert "behind=" in desk.page.url
    assert "Rows 51 " in desk.ask("document.querySelector('#announce').textContent")
    first = desk.ask("document.querySelector('tbody tr').id")
    desk.press("PageUp")
    desk.until("document.querySelector('#caption').textContent.includes('Rows 1 ')")
    assert desk.ask("document.querySelector('tbody tr').id") != first
    desk.page.go_back()
    desk.until("document.querySelector('#caption').textContent.includes('Rows 51 ')")
    assert desk.ask("document.querySelector('h1').textContent") == "Exceptions"
    assert desk.ask("document.querySelector('tbody tr').id") == first


def test_j_walks_on_to_the_next_page_and_k_back(desk: Visitor) -> None:
    desk.go("/exceptions")
    desk.press("j", "Control+End")
    assert desk.ask("document.activeElement.closest('tr').rowIndex") == 50
    desk.press("j")
    desk.until("document.activeElement.closest('tr')?.getAttribute('aria-rowindex') === '52'")
    desk.press("k")
    desk.until("document.activeElement.closest('tr')?.getAttribute('aria-rowindex') === '51'")


def test_enter_on_a_heading_sorts_and_the_focus_stays(desk: Visitor) -> None:
    desk.go("/exceptions")
    desk.ask("document.querySelector('#sort-booked').focus()")
    desk.press("Enter")
    desk.until("document.querySelector('#sort-booked').closest('th').getAttribute('aria-sort') === 'descending'")
    assert desk.focus() == "sort-booked"
    assert desk.violations() == []


def test_the_filter_narrows_while_typing_and_keeps_the_focus(desk: Visitor) -> None:
    desk.go("/exceptions")
    desk.press("f")
    desk.page.keyboard.type("tx-00042")
    desk.until("document.querySelectorAll('tbody tr').length === 1")
    assert desk.focus() == "text"
    assert "text=tx-00042" in desk.page.url
    assert "reason=&" not in desk.page.url
    desk.press("Escape")
    assert desk.ask("document.querySelector('[data-grid]').contains(document.activeElement)")
    assert desk.ask("document.querySelector('#text').value") == "tx-00042"


def test_the_focus_survives_when_its_row_is_swapped_away(desk: Visitor) -> None:
    desk.go("/exceptions")
    desk.press("j", "j", "j")
    before = desk.ask("document.activeElement.closest('tr').id")
    desk.ask("htmx.ajax('GET', '/exceptions?text=TX-0012', {target: '#worklist', swap: 'outerHTML'})")
    desk.until(f"!document.getElementById('{before}') && document.querySelectorAll('tbody tr').length === 10")
    desk.until("document.querySelector('[data-grid]').contains(document.activeElement)")


def test_space_selects_and_sums(desk: Visitor) -> None:
    desk.go("/exceptions?text=TX-0000&sort=value")
    desk.press("j", "Space", "j", "Space")
    desk.until("document.querySelector('#selected').textContent.includes('2 selected')")
    assert "1,999.93" in desk.page.inner_text("#selected")
    assert desk.ask("document.querySelectorAll('tr[aria-selected=true]').length") == 2
    desk.press("Space")
    desk.until("document.querySelector('#selected').textContent.includes('1 selected')")


def test_enter_opens_and_digits_step(desk: Visitor) -> None:
    desk.go("/exceptions?text=B26A01")
    desk.press("j", "Enter")
    desk.page.wait_for_url("**/exceptions/00000000000000c8*")
    desk.press("1")
    desk.page.wait_for_url("**/items/*")


def test_g_and_a_letter_go_to_a_page(desk: Visitor) -> None:
    desk.go("/?period=2026-10")
    for letter, path in (("e", "/exceptions"), ("d", "/deliveries"), ("a", "/accounts"), ("r", "/tie"), ("o", "/")):
        desk.press("g", letter)
        desk.page.wait_for_url(re.compile(re.escape(f"{path}?period=2026-10") + "$"))


def test_slash_finds_and_question_mark_shows_the_keys(desk: Visitor) -> None:
    desk.go("/accounts")
    desk.press("?")
    assert desk.ask("document.querySelector('#keys').open")
    assert desk.violations() == []
    desk.press("Escape", "/")
    desk.page.keyboard.type("A-1043")
    desk.press("Enter")
    desk.page.wait_for_url("**/find?q=A-1043")


def test_digits_open_what_needs_me(desk: Visitor) -> None:
    desk.go("/")
    desk.press("2")
    desk.page.wait_for_url("**/exceptions?reason=*")


def test_what_a_bank_wrote_is_shown_and_not_obeyed(desk: Visitor) -> None:
    desk.page.on("dialog", lambda _: pytest.fail("a bank's text ran as a script"))
    for path in (
        "/exceptions",
        "/exceptions?text=script",
        "/exceptions/00000001c0ffee00",
        "/exceptions/00000002c0ffee00",
    ):
        desk.go(path)
        assert "owned" not in desk.page.title()
        assert desk.ask("document.querySelectorAll('main script, main img').length") == 0
    text = desk.page.inner_text("main")
    assert "\x1b" not in text
    assert "\N{SYMBOL FOR ESCAPE}[2J" in text


def test_without_javascript_everything_can_be_read_and_asked(browser: Browser, home: str) -> None:
    context = browser.new_context(java_script_enabled=False)
    page = context.new_page()
    page.goto(home + "/exceptions")
    page.click("#next")
    assert "Rows 51 to 100" in page.inner_text("caption")
    page.click("#sort-booked")
    assert "sort=booked" in page.url
    page.fill("#text", "TX-00007")
    page.select_option("select[name=reason]", "ambiguous")
    page.click("form.filter button")
    assert page.locator("tbody tr").count() == 1
    page.click("tbody a")
    assert "TX-00007" in page.inner_text("h1")
    page.fill("#find", "A-1043")
    page.press("#find", "Enter")
    assert "/find" in page.url
    page.goto(home + "/")
    page.click("#scope summary")
    page.fill("[name=period]", "2026-10")
    page.click("#scope button")
    assert "period=2026-10" in page.url
    context.close()


@pytest.mark.parametrize("account", ["bank-main-eur", "bank-second-eur"])
def test_a_proof_prints_on_one_page(desk: Visitor, account: str) -> None:
    desk.go(f"/proof?account={account}")
    pages = re.findall(rb"/Type\s*/Page\b(?!s)", desk.page.pdf(format="A4"))
    assert len(pages) == 1
