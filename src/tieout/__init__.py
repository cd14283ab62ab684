"""
tieout: follows every movement of money from the customer's card to the general ledger, and proves that it ties out.

Start reading at ``pipeline.py``, which names the stages in order, or at ``model/``, which holds the nouns. Every
folder's docstring says what lives there and how to add one more.

Data flows down this list, and imports point the other way, towards ``model``: formats and connectors bring files and
events in, intake keeps and canonicalises them, lifecycle folds the events of one payment, matching pairs what was
expected with what arrived, accounting turns it into journals, dispatch sends what was approved, observe shows all of
it, web and cli are how people ask. To add a package, give it a layer in ``pyproject.toml`` (import-linter); an
undeclared one fails the build.

``__version__`` is the installed version, as text.
"""

__all__ = ["__version__"]

__version__: str


def __getattr__(name: str) -> str:
    """Look the version up when somebody first asks for it: reading package metadata is not paid for by every command."""
    if name != "__version__":
        message = f"module {__name__!r} has no attribute {name!r}"
        raise AttributeError(message)
    from importlib.metadata import version

    found = globals()["__version__"] = version("tieout")
    return found
