"""A list of Stripe's API that is longer than one value may be: read element by element, and said alike."""

import io
import json
import tracemalloc
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.depth import examples
from tests.formats.test_stripe_objects import TXN, read, records
from tieout.formats import _json_values
from tieout.formats._json_values import VALUE_MAX, json_values
from tieout.formats.reading import ReadOptions
from tieout.formats.stripe.objects import StripeObjects


def page(count: int, **more: Any) -> dict[str, Any]:
    lines = [TXN | {"id": f"txn_{n}", "source": f"ch_{n}", "created": TXN["created"] - n} for n in range(count)]
    return {"object": "list", "data": lines, "has_more": False, "url": "/v1/balance_transactions"} | more


@pytest.fixture(autouse=True)
def _short(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let a value be of 2,000 characters at most."""
    monkeypatch.setattr(_json_values, "VALUE_MAX", 2_000)
    monkeypatch.setattr(_json_values, "_BLOCK", 512)


def told(data: object) -> list[tuple[Any, ...]]:
    return [(r.identity, r.amount, r.net, r.booked_on) for r in records(data)]


@pytest.mark.parametrize("indent", [None, 2])
def test_a_long_list_says_what_its_array_says(indent: int | None) -> None:
    text = json.dumps(page(40), indent=indent)
    assert told(text) == told(page(40)["data"])
    assert len(told(text)) == 40
    assert read(text)[-1].totals == read(page(40)["data"])[-1].totals


def test_each_element_has_its_own_line() -> None:
    text = json.dumps(page(40), indent=0)
    found = records(text)
    assert [text.splitlines()[r.line - 1] for r in found] == ["{"] * 40
    assert len({r.line for r in found}) == 40


def test_pages_one_after_the_other_are_read_whatever_their_length() -> None:
    text = "\n".join(json.dumps(one) for one in (page(1), page(40), page(2)["data"][1], page(30)))
    with pytest.raises(AssertionError):  # in JSON lines a long line behind a first short one is refused, as before
        records(text)
    text = "\n".join(json.dumps(one, indent=1) for one in (page(40), page(1), page(30)))
    assert len(records(text)) == 71


def test_a_long_list_that_is_cut_says_so() -> None:
    (problem,) = [p for chunk in read(json.dumps(page(40, has_more=True))) for p in chunk.problems]
    assert "a page with has_more that no further page follows" in problem.message
    assert "what comes behind txn_39 is not read" in problem.message
    both = "\n".join(json.dumps(one, indent=1) for one in (page(40, has_more=True), page(0)))
    assert [p for chunk in read(both) for p in chunk.problems] == []


def test_one_bad_element_is_one_problem_and_the_rest_goes_on() -> None:
    whole = page(40)
    del whole["data"][7]["amount"]
    chunks = read(json.dumps(whole))
    assert [p.severity for chunk in chunks for p in chunk.problems] == ["row"]
    assert sum(len(chunk.records) for chunk in chunks) == 39


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (lambda text: text[:-1], "expected ',' or '}' in the list in line 1, got 'the end'"),
        (lambda text: text[:3000], "expected"),
        (lambda text: text.replace('"has_more"', '"url"'), "every key of the list of line 1 once, as text, got 'url'"),
        (lambda text: text.replace(', "has_more"', ' "has_more"'), "expected ',' or '}' in the list"),
        (lambda text: text.replace('"object": "list"', '"object": "page"'), "expected values of at most"),
        (lambda text: text.replace('"data": [', '"data" ['), "expecting ':' delimiter in line 1"),
    ],
)
def test_what_is_no_list_is_refused(change: Any, says: str) -> None:
    (problem,) = [p for chunk in read(change(json.dumps(page(40)))) for p in chunk.problems]
    assert problem.severity == "refused"
    assert says in problem.message


@settings(max_examples=examples(60), deadline=None)
@given(data=st.data())
def test_no_change_of_bytes_brings_it_down(data: st.DataObject) -> None:
    text = bytearray(json.dumps(page(12)).encode())
    for _ in range(data.draw(st.integers(0, 4))):
        text[data.draw(st.integers(0, len(text) - 1))] = data.draw(st.integers(0, 255))
    text = text[: data.draw(st.integers(1, len(text)))]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(_json_values, "VALUE_MAX", 1_500)
        patch.setattr(_json_values, "_BLOCK", 256)
        list(StripeObjects().read(io.BytesIO(bytes(text)), ReadOptions()))


class _Endless(io.RawIOBase):
    """A list of some elements that is never in memory as a whole."""

    def __init__(self, count: int) -> None:
        self._parts = self._written(count)
        self._rest = b""

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        while not self._rest:
            part = next(self._parts, None)
            if part is None:
                return 0
            self._rest = part
        size = min(len(buffer), len(self._rest))
        buffer[:size], self._rest = self._rest[:size], self._rest[size:]
        return size

    @staticmethod
    def _written(count: int) -> Iterator[bytes]:
        yield b'{"object": "list", "data": ['
        for n in range(count):
            yield (", " if n else "").encode() + json.dumps(
                {"id": f"cus_{n}", "object": "customer", "x": "y" * 50_000}
            ).encode()
        yield b'], "has_more": false}'


@pytest.mark.slow
def test_memory_stays_with_the_limit_of_a_value() -> None:
    count = 2_000  # 100 MB
    assert count * 50_000 > VALUE_MAX
    stream = io.BufferedReader(_Endless(count), 1 << 16)
    tracemalloc.start()
    try:
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(_json_values, "VALUE_MAX", 1 << 20)
            values = sum(1 for _ in json_values(stream))
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert (values, peak < 16 << 20) == (count + 1, True)
