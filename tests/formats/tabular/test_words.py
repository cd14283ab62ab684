"""Fields of few words are computed once per word: it must not be seen in any result."""

import random
from collections.abc import Callable
from dataclasses import replace

import pytest

from tests.formats.tabular.given import Got, plain, read
from tieout.formats.tabular import CsvDialect, Mapping, session, words

DAYS = ["01.10.2026", "02.10.2026", "31.12.2025", "30.02.2026", "soon", "", "01.01.0001"]
KINDS = ["sale", "refund", "charge", "magic", ""]
STATUSES = ["ok", "failed", "late", ""]
CURRENCIES = ["eur", "USD", "jpy", "KWD", "xxx", ""]
BASE = plain(
    where="status <> 'failed'",
    kinds={"sale": "charge"},
    fields={
        "kind": "type",
        "booked_on": "strptime(day, '%d.%m.%Y')::date",
        "currency": "upper(ccy)",
        "fee": "fee",
        "references": "[ref]",
        "text": "lower(ref)",
    },
)
MAPPINGS = {
    "as it is": BASE,
    "no filter": replace(BASE, where=None),
    "a filter on an amount": replace(BASE, where="amount > 5 or status = 'ok'"),
    "an amount of two columns": replace(BASE, fields=dict(BASE.fields) | {"amount": "amount - fee", "net": "amount"}),
    "a literal kind": replace(BASE, fields=dict(BASE.fields) | {"kind": "'adjustment'"}),
    "words and a free text in one field": replace(BASE, fields=dict(BASE.fields) | {"text": "type || ' ' || ref"}),
    "another currency": replace(
        BASE, fields=dict(BASE.fields) | {"original_amount": "fee", "original_currency": "status", "rate": "rate"}
    ),
    "minor units": replace(BASE, fields=dict(BASE.fields) | {"amount": "minor(cents)"}),
    "a decimal comma": replace(BASE, dialect=CsvDialect(decimal=",", thousands=".")),
}


def _rows(seed: int, count: int, *, spoiled: bool) -> bytes:
    """Make rows; of a spoiled file many are at fault."""
    draw = random.Random(seed)
    most = 99 if spoiled else 3

    def word(words_: list[str], good: int) -> str:
        return draw.choice(words_) if draw.randrange(100) < most else words_[draw.randrange(good)]

    lines = ["id,amount,day,type,ccy,fee,status,ref,rate,cents"]
    for n in range(count):
        amount = f"{draw.randrange(-5, 2000)}.{draw.choice(['00', '5', '25', '125'])}"
        cells = [f"i{n % 200}", amount, word(DAYS, 3), word(KINDS, 3), word(CURRENCIES, 3)]
        cells += [draw.choice(["", "0.00", "1.50"]), word(STATUSES, 2), draw.choice(["", f"R-{n}"]), "1.5", str(n)]
        lines.append(",".join(cells))
    return "\n".join(lines).encode()


def _told(got: Got) -> tuple[object, ...]:
    return got.rows, got.problems, got.skipped, got.totals


def _counted(real: Callable[..., object], calls: list[object]) -> Callable[..., object]:
    def counting(*arguments: object) -> object:
        calls.append(given := real(*arguments))
        return given

    return counting


@pytest.mark.parametrize("spoiled", [False, True])
@pytest.mark.parametrize("mapping", MAPPINGS.values(), ids=MAPPINGS.keys())
def test_computing_once_per_word_gives_what_computing_each_row_gives(
    mapping: Mapping, spoiled: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    data = [_rows(seed, 500, spoiled=spoiled) for seed in range(2)]
    each_row = [_told(read(mapping, file)) for file in data]
    monkeypatch.setattr(words, "_ROWS_MIN", 1)
    parted: list[object] = []
    monkeypatch.setattr(session.Session, "_split", _counted(session.Session._split, parted))
    assert [_told(read(mapping, file)) for file in data] == each_row
    assert parted, "no piece was computed by words: this test shows nothing"
    assert any(rows for rows, *_ in each_row)


def test_a_column_of_too_many_words_is_computed_row_by_row(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(words, "_ROWS_MIN", 1)
    monkeypatch.setattr(words, "_WORDS_MAX", 2)
    data = _rows(1, 700, spoiled=False)
    few = _told(read(BASE, data))
    monkeypatch.setattr(words, "_ROWS_MIN", 10_000)
    assert _told(read(BASE, data)) == few
