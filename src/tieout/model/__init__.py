"""
The nouns of the trade: money, accounts, records, balances, statements, parties, problems. Facts are frozen; nothing here acts.

Imports nothing else of ours but ``errors``, and nothing heavy: every other folder may import this one.

To add a kind of record, add one line to the table in ``kinds.py``: its sign, its claims, the fields it requires. To
add a field, add it to :class:`~tieout.model.records.Record` and raise ``SCHEMA_VERSION``: the Arrow schema, the export
and the checks follow from it; a field never changes its meaning. To add a noun, make one module with a frozen,
slotted dataclass, and name it here if people say it aloud.
"""

from tieout.model.accounts import Account, Entity
from tieout.model.kinds import KINDS
from tieout.model.money import Money
from tieout.model.problems import Problem
from tieout.model.records import Record
from tieout.model.statements import Balance, Statement

__all__ = ["KINDS", "Account", "Balance", "Entity", "Money", "Problem", "Record", "Statement"]
