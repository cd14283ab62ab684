"""
What a person wants done with an exception.
"""

from __future__ import annotations

from dataclasses import dataclass

from tieout.errors import WrongUse

__all__ = ["Resolution"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Resolution:
    """
    How an exception is settled.

    :ivar others: identifiers of the records that it belongs to; none: it is settled without a match.
    :ivar difference: what a difference is (``discount``), or what its parts are (``discount=18.00,bank_charge``).
    :ivar part: match only as much as both have.
    :ivar assignee: only say who looks after it.
    """

    others: tuple[str, ...] = ()
    difference: str | None = None
    part: bool = False
    assignee: str | None = None

    def why(self, reason: str | None) -> str:
        """
        Give the reason; that it was matched or assigned by hand says enough.

        :raises WrongUse: nothing says why.
        """
        why = reason or ("assigned" if self.assignee is not None else "matched by hand" if self.others else None)
        if why is None:
            message = "expected the reason why it needs nothing more (--reason), or a record that it belongs to (--match ID), got neither"
            raise WrongUse(message)
        return why
