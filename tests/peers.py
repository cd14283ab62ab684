"""Real systems that tests talk to: what happens where one is not on this machine."""

import os
from typing import NoReturn

import pytest

__all__ = ["missing_peer"]


def missing_peer(what: str, how: str) -> NoReturn:
    """
    Skip the test for want of a peer, saying how to have it; under ``TIEOUT_REQUIRE_PEERS=1`` fail it.

    :param what: what is missing, as ``"PostgreSQL"``.
    :param how: how to have it, as ``"apt-get install postgresql"``.
    """
    sentence = f"{what} is not on this machine; to have it: {how}"
    if os.environ.get("TIEOUT_REQUIRE_PEERS") == "1":
        pytest.fail(f"{sentence} (TIEOUT_REQUIRE_PEERS=1 insists on it)", pytrace=False)
    pytest.skip(sentence)
