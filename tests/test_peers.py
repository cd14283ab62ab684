"""A missing system is a skip with advice, and a failure where the run insists on it."""

import pytest
from _pytest.outcomes import Failed, Skipped

from tests.peers import missing_peer


def test_without_a_peer_a_test_skips_and_says_how_to_have_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("TIEOUT_REQUIRE_PEERS", raising=False)
    with pytest.raises(Skipped, match="abacus is not on this machine; to have it: buy one"):
        missing_peer("abacus", "buy one")


def test_where_peers_are_required_a_skip_is_a_failure(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TIEOUT_REQUIRE_PEERS", "1")
    with pytest.raises(Failed, match="abacus is not on this machine"):
        missing_peer("abacus", "buy one")
