"""One spelling for identifiers, and keys that are the same everywhere."""

import pyarrow as pa
import pytest
import xxhash
from hypothesis import given
from hypothesis import strategies as st

from tieout.model.normal import key_of, keys_of, normal, normal_column

texts = st.lists(st.none() | st.text(max_size=60) | st.text("aB01-_ .é0", max_size=200), max_size=30)


@pytest.mark.parametrize(
    ("written", "spelled"),
    [
        ("inv-0012 ", "INV0012"),
        ("000815", "815"),
        ("Müller & Söhne", "MULLERSOHNE"),
        ("Straße", "STRASSE"),
        ("Łódź/Øre", "LODZORE"),
        ("inv-\u0661\u0662\u0663\u0664", "INV1234"),  # Arabic
        ("\u0660\u0660\u06f8\u0967\u0e55\uff16", "8156"),  # leading zeros, Persian, Devanagari, Thai, wide
        ("\u0418\u0432\u0430\u043d", "\u0418\u0412\u0410\u041d"),  # another script's letters stay what they are
        ("--", ""),
        ("000", ""),
    ],
)
def test_the_normal_form(written: str, spelled: str) -> None:
    assert normal(written) == spelled


def test_spellings_of_one_identifier_share_a_key() -> None:
    assert len({key_of(text) for text in ("INV-2026/0815", "inv 2026 0815", "Inv.20260815", "00INV20260815")}) == 1
    assert key_of("-") is None


@given(texts)
def test_whole_columns_give_what_single_values_give(values: list[str | None]) -> None:
    column = pa.array(values, pa.string())
    expected = [None if value is None else normal(value) or None for value in values]
    assert normal_column(column).to_pylist() == expected
    hashes = [None if text is None else xxhash.xxh64_intdigest(text.encode()) for text in expected]
    signed = [h if h is None or h < 2**63 else h - 2**64 for h in hashes]
    assert keys_of(column).to_pylist() == signed


@given(texts, st.integers(0, 10), st.integers(0, 10))
def test_a_slice_of_a_column_gives_the_slice_of_its_keys(values: list[str | None], begin: int, count: int) -> None:
    column = pa.array(values, pa.string())
    assert keys_of(column.slice(begin, count)).to_pylist() == keys_of(column).to_pylist()[begin : begin + count]
