"""The tieout.toml that `tieout init` writes: it loads, and so does everything that it shows."""

import tomllib
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from tieout.config import WORKSPACE_KEYS, read_workspace, template
from tieout.config._sections import SECTIONS

HERE = Path(__file__).resolve().parent


def uncommented(text: str) -> str:
    """Take the ``#`` from every example line of a template, as its reader would."""
    return "".join(
        line[1:] if line.startswith("#") and line[1:2] not in (" ", "#", "\n") else line
        for line in text.splitlines(keepends=True)
    )


def test_it_loads_as_it_is_and_declares_nothing_yet() -> None:
    workspace = read_workspace(template("Acme Group"), HERE, {})
    assert (workspace.name, workspace.entities, workspace.sources) == ("Acme Group", (), ())
    assert workspace.digest == read_workspace('[workspace]\nname="Acme Group"\nbase_currency="EUR"', HERE, {}).digest


def test_every_example_in_it_loads() -> None:
    workspace = read_workspace(uncommented(template("Acme")), HERE, {})
    assert [source.id for source in workspace.sources] == ["stripe-eu", "bank-main", "bank-pl", "shop-api"]
    assert workspace.book == read_workspace(template("Acme"), HERE, {}).book
    assert workspace.reconciliation("payouts").left.sources == ("stripe-eu",)


def test_every_key_is_shown_in_an_example_or_named_beside_one() -> None:
    shown = tomllib.loads(uncommented(template("Acme")))
    assert shown["workspace"].keys() == set(WORKSPACE_KEYS)
    for section, keys in SECTIONS.items():
        used = set().union(*shown[section])
        assert set(keys) - used <= {"mapping"}, section  # a mapping is a file, which a new workspace does not have


@given(st.text(st.characters(exclude_categories=["Cs"]), max_size=60))
def test_any_name_is_written_so_that_it_is_read_back(name: str) -> None:
    assert read_workspace(template(name), HERE, {}).name == (name if name.strip() else "My company")
