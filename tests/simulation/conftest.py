"""Companies that do not exist, made once for all tests that only look."""

import functools
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from tieout.simulation.company import Company, make_company

#: Seeds and months that differ in holidays, leap days, year's ends and summer time.
MONTHS = {1: "2026-10", 2: "2026-02", 3: "2026-04", 4: "2026-12", 5: "2028-02", 6: "2026-03"}

Make = Callable[[int], Company]


@pytest.fixture(scope="session")
def company(tmp_path_factory: pytest.TempPathFactory) -> Make:
    """Give the company of a seed; made at the first call."""

    @functools.cache
    def made(seed: int) -> Company:
        folder: Path = tmp_path_factory.mktemp(f"o'company{seed}")
        return make_company(folder, seed=seed, month=MONTHS[seed])

    return made


def positions(truth: Path) -> list[dict[str, Any]]:
    """Read what is expected of a company's records."""
    parts = [pq.read_table(path) for path in sorted(truth.glob("positions*.parquet"))]
    found: list[dict[str, Any]] = pa.concat_tables(parts).to_pylist()
    return found
