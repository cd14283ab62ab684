"""
tieout.toml: what a company has, where its files come from, what is to be tied out, read and checked.

``load_workspace(find_workspace(here))`` gives a :class:`Workspace`, or a WrongUse that names file and line.
To add a key: name it in ``_sections.py`` (``SECTIONS``), give it a field in ``workspace.py`` and an example in
``template.py``; ``checks.py`` has the checks of what words mean.
"""

from tieout.config.accounts import account_for, clean_number, is_iban
from tieout.config.checks import absolute_book
from tieout.config.loading import (
    FILE_NAME,
    WORKSPACE_KEYS,
    find_workspace,
    load_workspace,
    read_workspace,
    refuse_folder,
)
from tieout.config.template import template
from tieout.config.workspace import (
    ACCOUNT_KINDS,
    EXPECTS,
    LEGS,
    PERIODS,
    RULE_SETS,
    Account,
    Delay,
    Entity,
    Ledger,
    Opening,
    Reconciliation,
    Side,
    Source,
    Workspace,
)

__all__ = [
    "ACCOUNT_KINDS",
    "EXPECTS",
    "FILE_NAME",
    "LEGS",
    "PERIODS",
    "RULE_SETS",
    "WORKSPACE_KEYS",
    "Account",
    "Delay",
    "Entity",
    "Ledger",
    "Opening",
    "Reconciliation",
    "Side",
    "Source",
    "Workspace",
    "absolute_book",
    "account_for",
    "clean_number",
    "find_workspace",
    "is_iban",
    "load_workspace",
    "read_workspace",
    "refuse_folder",
    "template",
]
