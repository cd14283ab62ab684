"""
What can go wrong, arranged by what the caller should do about it.

    TieoutError
      Transient     try again later: nothing was decided (a busy database, a lost connection)
      Rejected      stop and show a person: trying again gives the same answer
        BadInput    the file, row or document that came in is at fault (exit status 3, or 1 with quarantine)
        WrongUse    the command, tieout.toml, a mapping or a rule is at fault (exit status 2)
      Unknown       the outcome is not known: look it up before anything is sent again
      Broken        our own promise does not hold: stop at once, keep the evidence

A message is one sentence that says what was expected, what came, and where.
"""

__all__ = ["BadInput", "Broken", "Rejected", "TieoutError", "Transient", "Unknown", "WrongUse"]


class TieoutError(Exception):
    """
    Root of every error that tieout raises on purpose.

    :ivar exit_status: what the command line answers when this error ends a command.
    """

    exit_status = 3


class Transient(TieoutError):
    """Nothing was decided; the same call may succeed later."""


class Rejected(TieoutError):
    """The answer is no, and asking again does not change it."""


class BadInput(Rejected):
    """What came in cannot be read as what it claims to be."""


class WrongUse(Rejected):
    """The command, tieout.toml, a mapping or a rule asks for something that cannot be done."""

    exit_status = 2


class Unknown(TieoutError):
    """It is not known whether the outside acted; it must be asked before anything is repeated."""


class Broken(TieoutError):
    """A promise of tieout itself does not hold (a digest differs, a file is missing)."""
