"""The views over a book in PostgreSQL: the same answers."""

import json
from pathlib import Path

from tests.observe.company import TOML, Company, with_files
from tieout.observe.arrivals.completeness import completeness
from tieout.observe.exporting.exported import TABLES
from tieout.observe.exporting.exports import export
from tieout.observe.things.explain import explain


def test_the_same_answers_from_another_database(company: Company, tmp_path: Path, fresh_postgres: str) -> None:
    toml = TOML.replace('base_currency = "EUR"', f'base_currency = "EUR"\nbook = "{fresh_postgres}"', 1)
    other = with_files(tmp_path / "acme", toml)
    assert not other.store.book.is_sqlite
    for name in TABLES:
        written = []
        for made in (company, other):
            path = tmp_path / f"{name}.csv"
            export(made.store, made.workspace, name, path)
            written.append(path.read_text())
        assert written[0] == written[1]
    for asked in ("ch_2", "po_1", "b3.sta", "S3"):
        answers = [json.dumps(explain(made.store, asked).as_json(), sort_keys=True) for made in (company, other)]
        assert answers[0] == answers[1]
    assert completeness(company.store, company.workspace) == completeness(other.store, other.workspace)
    other.store.close()
