"""
Time and randomness, the one module that they come from.

Everything else is handed a :class:`Clock` and an :class:`Entropy`, so that a run can be performed again with the same
result and a test can say what day it is. A lint rule keeps ``datetime.now``, ``time.time``, ``random`` and their like
out of every other module.
"""

import datetime as dt
import hashlib
import secrets
import time
from dataclasses import dataclass
from typing import Protocol

__all__ = ["Clock", "Entropy", "FixedClock", "FixedEntropy", "system_clock", "system_entropy"]

#: The most random bytes that one call gives.
TOKEN_BYTES_MAX = 1024


class Clock(Protocol):
    """What time it is, and how long something took."""

    def now(self) -> dt.datetime:
        """Say the moment, with the time zone UTC; it may jump when the machine's clock is set."""

    def monotonic(self) -> float:
        """Give seconds that never run backwards; only differences mean something."""


class Entropy(Protocol):
    """Where ids, keys and secrets that nobody can guess come from."""

    def token_bytes(self, count: int) -> bytes:
        """Draw ``count`` random bytes (1 to 1,024)."""


@dataclass(frozen=True, slots=True)
class _SystemClock:
    def now(self) -> dt.datetime:
        return dt.datetime.now(dt.UTC)

    def monotonic(self) -> float:
        return time.monotonic()


@dataclass(frozen=True, slots=True)
class _SystemEntropy:
    def token_bytes(self, count: int) -> bytes:
        return secrets.token_bytes(_within_limit(count))


def _within_limit(count: int) -> int:
    if not 1 <= count <= TOKEN_BYTES_MAX:
        message = f"expected 1 to {TOKEN_BYTES_MAX} random bytes, got {count}"
        raise ValueError(message)
    return count


#: The machine's own clock.
system_clock: Clock = _SystemClock()
#: The operating system's generator, fit for keys.
system_entropy: Entropy = _SystemEntropy()


class FixedClock:
    """
    A clock that stands still until it is told to go on: for tests, and for performing a run again.

    :param at: the moment it shows first; must say its time zone.
    """

    def __init__(self, at: dt.datetime) -> None:
        """Set the clock."""
        self._now = _in_utc(at)
        self._elapsed = dt.timedelta()

    def now(self) -> dt.datetime:
        """Say the moment that the clock stands at, in UTC."""
        return self._now

    def monotonic(self) -> float:
        """Give the seconds it was told to go on since it was made; setting it does not count."""
        return self._elapsed.total_seconds()

    def advance(self, by: dt.timedelta) -> None:
        """
        Let time pass.

        :raises ValueError: time does not pass backwards; use :meth:`set`.
        """
        if by < dt.timedelta():
            message = f"expected time to pass forwards, got {by}"
            raise ValueError(message)
        self._now += by
        self._elapsed += by

    def set(self, at: dt.datetime) -> None:
        """Let the clock jump, as when somebody sets the machine's; also backwards."""
        self._now = _in_utc(at)


def _in_utc(at: dt.datetime) -> dt.datetime:
    if at.tzinfo is None:
        message = f"expected a moment with a time zone, got {at.isoformat()}"
        raise ValueError(message)
    return at.astimezone(dt.UTC)


class FixedEntropy:
    """
    Bytes that look random and are the same every time: for tests only, never for keys.

    :param seed: equal seeds give equal bytes (SHA-256 over the seed and a counter).
    """

    def __init__(self, seed: int = 0) -> None:
        """Start over."""
        self._seed = seed
        self._drawn = 0

    def token_bytes(self, count: int) -> bytes:
        """Draw the next ``count`` bytes (1 to 1,024)."""
        wanted, out = _within_limit(count), b""
        while len(out) < wanted:
            out += hashlib.sha256(f"{self._seed}:{self._drawn}".encode()).digest()
            self._drawn += 1
        return out[:wanted]
