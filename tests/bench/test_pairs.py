"""The pairs that benchmarks are made of are what their truth says, and a function of the seed."""

from pathlib import Path

import duckdb
import pytest

from tieout.bench.pairs import CURRENCIES, make_pairs
from tieout.bench.places import FILES

ROWS = 6_000


@pytest.fixture(scope="module")
def pairs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder: Path = tmp_path_factory.mktemp("pairs")
    make_pairs(folder, ROWS, 3)
    return folder


def read(folder: Path) -> duckdb.DuckDBPyConnection:
    con = duckdb.connect()
    for file in FILES:
        con.execute(f"create view {file.removesuffix('.parquet')} as select * from read_parquet('{folder}/{file}')")
    return con


def count(con: duckdb.DuckDBPyConnection, query: str) -> int:
    found: int = con.execute(f"select count(*) from {query}").fetchall()[0][0]
    return found


def test_the_same_seed_gives_the_same_pairs_and_another_gives_others(pairs: Path, tmp_path: Path) -> None:
    make_pairs(tmp_path / "same", ROWS, 3)
    make_pairs(tmp_path / "other", ROWS, 4)
    for file in FILES:
        same, other = (f"read_parquet('{tmp_path}/{name}/{file}')" for name in ("same", "other"))
        for one, two, differ in ((same, pairs, False), (other, pairs, True)):
            rest = f"(from {one} except from read_parquet('{two}/{file}'))"
            assert (count(duckdb.connect(), rest) > 0) is differ, (file, one)


def test_every_identifier_is_one_things_and_every_currency_occurs(pairs: Path) -> None:
    con = read(pairs)
    assert count(con, "psp") == ROWS
    for table, column in (("psp", "txn_id"), ("erp", "doc_no"), ("bank", "line_id")):
        assert count(con, table) == count(con, f"(select distinct {column} from {table})")
    assert {row[0] for row in con.execute("select distinct ccy from psp").fetchall()} == set(CURRENCIES)


def test_documents_differ_from_their_lines_as_the_truth_says(pairs: Path) -> None:
    con = read(pairs)
    con.execute("""
        create view pair as select t.how, t.dup, p.gross, p.ccy as line_ccy, p.order_ref, e.*,
            upper(regexp_replace(p.order_ref, '[^A-Za-z0-9]', '', 'g')) as line_norm,
            upper(regexp_replace(e.reference, '[^A-Za-z0-9]', '', 'g')) as norm
        from truth_pe t join psp p using (txn_id) join erp e using (doc_no)
    """)
    assert count(con, "pair") == count(con, "erp")
    must = {
        0: "reference = order_ref and amount = gross and ccy = line_ccy",
        1: "norm = line_norm and amount = gross and ccy = line_ccy",
        2: "norm <> line_norm and norm <> '' and amount = gross and ccy = line_ccy",
        3: "norm = '' and amount = gross and ccy = line_ccy",
        4: "norm = line_norm and ccy = 'EUR' and line_ccy <> 'EUR'",
        5: "norm = line_norm and ccy = line_ccy and abs(amount - gross) between 1 and greatest(1, abs(gross) // 200)",
        6: "norm = line_norm and ccy = line_ccy and abs(amount - gross) > abs(gross) // 200 + 1",
    }
    for how, what in must.items():
        assert count(con, f"pair where how = {how}") > 5, how
        assert con.execute(f"select * from pair where how = {how} and not ({what})").fetchall() == []
    assert count(con, "pair where dup") > 0


def test_what_is_decidable_is_told_from_every_other(pairs: Path) -> None:
    """By its number, or as the only one of all that no number settles: counted here one pair at a time."""
    con = read(pairs)
    said = con.execute("""
        select t.decidable, how in (2, 3), e.doc_no, e.ccy, e.amount, e.day, upper(left(e.customer, 18)), p.txn_id
        from truth_pe t join erp e using (doc_no) join psp p using (txn_id) order by doc_no
    """).fetchall()
    named = {row[7] for row in said if not row[1]}
    lines = con.execute(
        "select txn_id, ccy, gross, day, upper(left(customer, 18)) from psp where type in ('charge', 'refund')"
    )
    left = [row for row in lines.fetchall() if row[0] not in named]
    unnumbered = [row for row in said if row[1]]

    def fits(document: tuple[object, ...], one: tuple[object, ...]) -> bool:
        return (
            document[3:5] == one[1:3] and document[6] == one[4] and abs(int(str(document[5])) - int(str(one[3]))) <= 3
        )

    counts = {True: 0, False: 0}
    for document in said:
        if document[1]:
            mine = [one for one in left if fits(document, one)]
            rivals = [other for other in unnumbered if any(fits(other, one) for one in mine)]
            assert document[0] == (len(mine) == len(rivals) == 1)
            counts[document[0]] += 1
        else:
            assert document[0]
    assert min(counts.values()) > 0
    assert count(con, "truth_pb where how in (0, 3) and not decidable") == 0
    for how in (1, 2):
        assert count(con, f"truth_pb where how = {how} and parts = 2 and decidable") == 0
        assert count(con, f"truth_pb where how = {how} and decidable") > 0


def test_bank_lines_sum_to_their_payouts(pairs: Path) -> None:
    con = read(pairs)
    broken = con.execute("""
        select payout_id, p.net, b.amount from (select payout_id, sum(net) as net from psp group by 1) p
        join (select payout_id, sum(amount) as amount from truth_pb join bank using (line_id) group by 1) b using (payout_id)
        where p.net <> b.amount
    """).fetchall()
    assert broken == []
    assert count(con, "truth_pb where parts = 2") > 0
    assert count(con, "(from psp anti join truth_pb using (payout_id))") > 0
    assert count(con, "(from bank anti join truth_pb using (line_id))") > 0
