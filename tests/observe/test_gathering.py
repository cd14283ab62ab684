"""Two processes that gather the work list at once: what is committed last is on it, whoever writes last."""

from typing import Any

import pytest

from tests.matching.worlds import invoice, line, rule, rules_text, world
from tieout.observe import snapshot
from tieout.observe.work.gathering import gather_worklist
from tieout.observe.work.worklist import Wanted, total

KEYS = '[{ left = "references", right = "references" }]'


def test_a_list_that_was_overtaken_while_it_was_gathered_is_gathered_again(monkeypatch: pytest.MonkeyPatch) -> None:
    with world(rules_text(rule(keys=KEYS)), invoice("i", 100, refs=("R",))) as w:
        w.match()
        real = snapshot.take_snapshot
        overtaken: list[bool] = []

        def then_overtaken(*given: Any) -> Any:
            """When this one has seen what there is, another process ingests, matches and gathers."""
            seen = real(*given)
            if not overtaken:
                overtaken.append(True)
                w.add(line("b", 100, "R"))
                w.match()
                gather_worklist(w.store, w.workspace)
                assert total(w.store.book, Wanted()).count == 0
            return seen

        monkeypatch.setattr("tieout.observe.work.gathering.take_snapshot", then_overtaken)
        gather_worklist(w.store, w.workspace)
        assert overtaken
        assert total(w.store.book, Wanted()).count == 0
