"""
What a run finds in the files of simulated companies: nothing wrong, nothing gone, nearly everything as expected.

And the judge itself: changed truths must show.
"""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import duckdb
import pytest

from tests.shared import demo_read_in
from tieout import pipeline
from tieout.bench.judging import Judgement, judge
from tieout.bench.proving import judge_proofs
from tieout.clock import system_clock, system_entropy
from tieout.config import Workspace, load_workspace
from tieout.simulation.company import make_company
from tieout.store.workplace import Store, open_store

RIGHT_MIN = 0.97

pytestmark = [pytest.mark.slow, pytest.mark.timeout(1200)]


@contextmanager
def opened(folder: Path) -> Iterator[tuple[Store, Workspace]]:
    workspace = load_workspace(folder)
    store = open_store(workspace, system_clock, system_entropy, "test")
    try:
        yield store, workspace
    finally:
        store.close()


def tied_out(folder: Path) -> Judgement:
    """Match what was read in, and hold it against the truth beside it."""
    with opened(folder) as (store, workspace):
        list(pipeline.match(store, workspace))
        return judge(store, workspace, folder / "truth")


def must_be_nearly_right(found: Judgement) -> None:
    assert found.wrong == ()
    assert found.gone == ()
    assert found.unknown == 0
    assert found.right >= RIGHT_MIN * found.positions, found.misses[:20]


@pytest.fixture(scope="module")
def judged(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Judgement]:
    folder = demo_read_in(tmp_path_factory)
    return folder, tied_out(folder)


@pytest.fixture(scope="module")
def company(judged: tuple[Path, Judgement]) -> Path:
    return judged[0]


def test_nothing_is_matched_wrongly_nothing_is_gone_and_nearly_all_is_right(judged: tuple[Path, Judgement]) -> None:
    must_be_nearly_right(judged[1])


def test_every_proof_is_off_by_nothing_and_a_balance_of_another_truth_shows(company: Path, tmp_path: Path) -> None:
    shutil.copytree(company / "truth", tmp_path / "truth")
    raised = f"select * replace (closing + 1 as closing) from read_parquet('{company}/truth/balances.parquet')"
    duckdb.connect().execute(f"copy ({raised}) to '{tmp_path}/truth/balances.parquet'")
    with opened(company) as (store, workspace):
        proofs = judge_proofs(store, workspace, company / "truth")
        others = judge_proofs(store, workspace, tmp_path / "truth")
    assert [proof for proof in proofs if not proof.is_right] == []
    for name in ("rolled", "residual", "apart"):
        assert sum(getattr(proof, name) == 0 for proof in proofs) >= len(proofs) / 2
    assert {proof.apart for proof in others} <= {-1, None}


@pytest.mark.deep
@pytest.mark.parametrize(("seed", "size"), [(5, "demo"), (21, "demo"), (303, "demo"), (44, 8_000)])
def test_so_it_is_of_other_companies(tmp_path: Path, seed: int, size: str | int) -> None:
    make_company(tmp_path, seed=seed, size=size)
    with opened(tmp_path) as (store, workspace):
        assert not [found for found in pipeline.ingest(store, workspace) if isinstance(found, Exception)]
    must_be_nearly_right(tied_out(tmp_path))


def judged_with(company: Path, scratch: Path, changed: str) -> Judgement:
    """Judge against a truth that somebody changed."""
    shutil.copytree(company / "truth", scratch / "truth")
    file = scratch / "truth" / "positions.parquet"
    changed = changed.format(truth=f"read_parquet('{company}/truth/positions.parquet')")
    duckdb.connect().execute(f"copy ({changed}) to '{file}'")
    with opened(company) as (store, workspace):
        return judge(store, workspace, scratch / "truth")


def test_a_match_across_two_groups_is_found_wrong(company: Path, tmp_path: Path) -> None:
    found = judged_with(
        company,
        tmp_path,
        """
        select * replace (case when side = 'left' and group_id = (
            select min(group_id) from {truth} where reconciliation = 'receivables' and trouble = 'plain' and expected = 'matched'
        ) then 'another' else group_id end as group_id) from {truth}
        """,
    )
    assert len(found.wrong) == 1
    assert "another" in found.wrong[0].groups


def test_a_matched_record_that_belongs_to_nothing_is_found_wrong(company: Path, tmp_path: Path) -> None:
    found = judged_with(
        company,
        tmp_path,
        """
        select * replace (case when reconciliation = 'receivables' and trouble = 'plain' then null else group_id end as group_id)
        from {truth}
        """,
    )
    assert len(found.wrong) > 100


def test_a_matched_record_that_should_be_open_is_missed_and_not_shown(company: Path, tmp_path: Path) -> None:
    found = judged_with(
        company,
        tmp_path,
        "select * replace (case when trouble = 'plain' then 'open' else expected end as expected) from {truth}",
    )
    assert found.gone != ()
    assert {miss.state for miss in found.gone} == {"matched"}
    assert found.right < RIGHT_MIN * found.positions


def test_a_position_without_a_record_is_counted(company: Path, tmp_path: Path) -> None:
    found = judged_with(
        company,
        tmp_path,
        "select * replace (case when trouble = 'rent' then 'nobody' else external_id end as external_id) from {truth}",
    )
    assert found.unknown > 0
