"""Names of encodings: what may be named, and what a wrong name may have meant."""

import pytest

from tieout.model.encodings import encoding_names, is_encoding, writes_ascii


def test_only_encodings_of_text_are_proposed() -> None:
    names = encoding_names()
    assert {"cp1250", "utf-8", "windows-1250"} <= set(names)
    assert not {"rot13", "rot-13", "hex", "zlib", "base64", "bz2"} & set(names)


@pytest.mark.parametrize(
    ("name", "known", "plain"), [("cp852", True, True), ("utf-16", True, False), ("cp037", True, False)]
)
def test_a_code_page_leaves_ascii_alone(name: str, known: bool, plain: bool) -> None:
    assert (is_encoding(name), writes_ascii(name)) == (known, plain)
