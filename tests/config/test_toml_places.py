"""Lines of keys: every key that tomllib reads has its line, in every way that TOML can be written."""

import json
import tomllib
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tieout.config._toml_places import Place, line_of, toml_places

EVERYTHING = '''\
# a comment [not.a.header] key = 1
top = 1 # "quoted" = 2
dotted.inner . "quoted key" = """
fake = 1
[fake]
"""
'literal.key' = 'a # no comment'

[workspace] # [no]
name = "a\\"] = x"
multi = """two quotes "" and \\""" and
[[source]] five"""""
raw = \'\'\'
\\ [x] ' ''
y = 1\'\'\'
[[source]]
id = "one"
inline = { a = 1, b.c = [1, { d = 2 }], "e f" = "}" }
list = [ # comment ]
  "x]",
  # y = 1
  [1, 2], { z = 2026-10-31 },
]
  [source.settings]
  deep.key = true
  [[source.part]]
  a = 1
  [[source.part]]
  a = 2
[[ source ]]
id = 1979-05-27 07:32:00
[source . part]
b = -inf
["quoted".table]
"\\u0041b" = 1
'''

EXPECTED = {
    ("top",): 2,
    ("dotted",): 3,
    ("dotted", "inner"): 3,
    ("dotted", "inner", "quoted key"): 3,
    ("literal.key",): 7,
    ("workspace",): 9,
    ("workspace", "name"): 10,
    ("workspace", "multi"): 11,
    ("workspace", "raw"): 13,
    ("source",): 16,
    ("source", 0): 16,
    ("source", 0, "id"): 17,
    ("source", 0, "inline", "b", "c", 1, "d"): 18,
    ("source", 0, "inline", "e f"): 18,
    ("source", 0, "list"): 19,
    ("source", 0, "list", 0): 20,
    ("source", 0, "list", 1, 1): 22,
    ("source", 0, "list", 2, "z"): 22,
    ("source", 0, "settings"): 24,
    ("source", 0, "settings", "deep", "key"): 25,
    ("source", 0, "part", 0, "a"): 27,
    ("source", 0, "part", 1): 28,
    ("source", 0, "part", 1, "a"): 29,
    ("source", 1): 30,
    ("source", 1, "id"): 31,
    ("source", 1, "part", "b"): 33,
    ("quoted", "table", "Ab"): 35,
}


def every_place(value: Any, place: Place = ()) -> set[Place]:
    """List the places of all keys and elements of a parsed file."""
    inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return {place}.union(*(every_place(one, (*place, key)) for key, one in inner))


def test_every_way_to_write_a_key_has_its_line() -> None:
    places = toml_places(EVERYTHING)
    assert {place: places.get(place) for place in EXPECTED} == EXPECTED
    assert places.keys() == every_place(tomllib.loads(EVERYTHING))


def test_line_ends_of_windows_count_once() -> None:
    places = toml_places(EVERYTHING.replace("\n", "\r\n"))
    assert {place: places.get(place) for place in EXPECTED} == EXPECTED


def test_a_place_that_was_not_written_has_the_line_of_what_is_around_it() -> None:
    places = toml_places("[a]\n\n[[b]]\nc = 1\n")
    assert line_of(places, ("b", 0, "missing", "deeper")) == 3
    assert line_of(places, ("missing",)) == 1


class Writer:
    """Writes a random file as a person might, and notes by itself on which line each key came to stand."""

    def __init__(self, draw: Any) -> None:
        self.draw = draw
        self.lines: list[str] = []
        self.places: dict[Place, int] = {(): 1}

    @property
    def here(self) -> int:
        return len(self.lines) + 1

    def chance(self) -> bool:
        return bool(self.draw(st.booleans()))

    def name(self, name: str) -> str:
        bare = name.isascii() and name.replace("-", "x").replace("_", "x").isalnum()
        return name if bare and self.chance() else json.dumps(name, ensure_ascii=False)

    def table(self, content: dict[str, Any], place: Place, header: str) -> None:
        """Write plain keys first, then tables and arrays of tables below headers."""
        later: list[tuple[str, Any]] = []
        for key, value in content.items():
            if (
                value != []
                and all(isinstance(one, dict) for one in (value if isinstance(value, list) else [value]))
                and self.chance()
            ):
                later.append((key, value))
            else:
                self.pair(key, value, place)
        for key, value in later:
            name = f"{header}.{self.name(key)}" if header else self.name(key)
            for number, one in enumerate(value if isinstance(value, list) else [value]):
                self.places.setdefault((*place, key), self.here)
                below = (*place, key, number) if isinstance(value, list) else (*place, key)
                self.places[below] = self.here
                self.lines.append(f" [[ {name} ]] # [x]" if isinstance(value, list) else f"[{name}]")
                self.table(one, below, name)

    def pair(self, key: str, value: Any, place: Place) -> None:
        if self.chance():
            self.lines.extend(["# x = [", ""])
        self.places[*place, key] = self.here
        text = f"{self.name(key)} = {self.value(value, (*place, key), self.here)}"
        self.lines.extend(f"{text} # c = 1".split("\n"))

    def value(self, value: Any, place: Place, line: int) -> str:
        """Write a value that begins on a line, noting the places inside."""
        if isinstance(value, dict):
            parts = []
            for key, one in value.items():
                self.places[*place, key] = line
                parts.append(f"{self.name(key)} = {self.value(one, (*place, key), line)}")
                line += parts[-1].count("\n")
            return "{" + ", ".join(parts) + "}"
        if isinstance(value, list):
            text = "["
            for number, one in enumerate(value):
                text += "\n  # ]\n" if self.chance() else " "
                at = line + text.count("\n")
                self.places[*place, number] = at
                text += self.value(one, (*place, number), at) + ","
            return text + "]"
        if isinstance(value, str) and "\\" not in value and '"""' not in value and not value.endswith('"'):
            return f'"""\n{value}"""' if self.chance() else json.dumps(value, ensure_ascii=False)
        return json.dumps(value, ensure_ascii=False)


WORDS = st.text(st.sampled_from("ab-_ .#]}=[\"'é"), min_size=1, max_size=6)
TEXTS = st.text(st.sampled_from("ab \n#[]{}=,\"'."), max_size=12)
VALUES = st.recursive(
    st.integers(-9, 9) | st.booleans() | TEXTS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(WORDS, inner, max_size=3),
    max_leaves=8,
)


@given(st.data(), st.dictionaries(WORDS, VALUES, max_size=4))
def test_lines_are_those_where_a_writer_put_the_keys(data: st.DataObject, content: dict[str, Any]) -> None:
    writer = Writer(data.draw)
    writer.table(content, (), "")
    text = "\n".join(writer.lines)
    assert tomllib.loads(text) == content
    assert toml_places(text) == writer.places


@given(st.data())
def test_a_spoilt_text_never_stops_the_scanner(data: st.DataObject) -> None:
    at = data.draw(st.integers(0, len(EVERYTHING)))
    junk = data.draw(st.text(st.sampled_from("[]{}\"'=\\\n#,.a\r\0"), max_size=5))
    places = toml_places(EVERYTHING[:at] + junk + EVERYTHING[at + data.draw(st.integers(0, 9)) :])
    assert places[()] == 1


def test_a_text_cut_anywhere_gives_the_lines_before_the_cut() -> None:
    whole = toml_places(EVERYTHING)
    for at in range(len(EVERYTHING)):
        cut = toml_places(EVERYTHING[:at])
        assert cut[()] == 1
        last = EVERYTHING.count("\n", 0, at) + 1
        assert {place: line for place, line in whole.items() if line < last and place not in cut} == {}


@pytest.mark.parametrize("piece", ["[", "{a=", '"', "'''", "a.", "[[a]]\n", 'a = """', "\\", "x = [{"])
@pytest.mark.timeout(20)
def test_much_of_anything_takes_no_long_time(piece: str) -> None:
    assert toml_places(piece * 20_000)[()] == 1
