"""
Laws 6 to 9 with a million and a half on a side, where known systems stop at 5,000 rows: what is certain is found, what is
not stays open, and neither size nor the order of rows changes that.

Two runs of both sides and laying them out took 217 s on two crowded cores (27 November 2026), and 2.2 GB at most.
"""

from collections import Counter

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pytest

from tests.matching.worlds import Fact, invoice, line, rule, rules_text, world
from tieout.intake.derive import stated_table

MANY = 1_500_000
#: Of so many invoices one has two lines, the next one a line of another amount, and the one after that none.
EVERY = 100_000
_DOUBLED, _OTHER, _NONE = range(3)
RULES = rules_text(
    rule("reference", keys='[{ left = "external_id", right = "references", how = "normalised" }]'),
    rule("only", days="{ from = -5, to = 5 }"),
)


def stated(like: Fact, ids: pa.Array, amounts: pa.Array, refs: pa.Array | None = None) -> pa.Table:
    """Give what a format would have stated of many facts like one."""
    table = stated_table([like.record(1)]).take(pa.array(np.zeros(len(ids), np.int64)))
    columns = {"line": pa.array(np.arange(1, len(ids) + 1)), "identity": ids, "external_id": ids}
    columns |= {"amount": amounts, "net": amounts}
    if refs is not None:
        columns["references"] = pa.ListArray.from_arrays(pa.array(np.arange(len(refs) + 1, dtype=np.int32)), refs)
    for name, column in columns.items():
        place = table.schema.get_field_index(name)
        table = table.set_column(place, table.schema.field(name), column.cast(table.schema.field(name).type))
    return table


def named(prefix: str, numbers: "np.ndarray[tuple[int], np.dtype[np.int64]]", separator: str) -> pa.Array:
    """Write identifiers of numbers."""
    return pc.binary_join_element_wise(prefix, pa.array(numbers).cast(pa.string()), separator)


def sides(*, backwards: bool) -> tuple[pa.Table, pa.Table]:
    """Lay out the invoices, and the lines that pay them."""
    invoices = np.arange(MANY)
    pays = np.concatenate([invoices[invoices % EVERY != _NONE], invoices[invoices % EVERY == _DOUBLED]])
    ids = np.arange(len(pays))
    amounts = pays * 7 + 100 + (pays % EVERY == _OTHER)
    if backwards:
        invoices, pays, ids, amounts = invoices[::-1], pays[::-1], ids[::-1], amounts[::-1]
    left = stated(invoice("x", 100), named("INV", invoices, "-"), pa.array(invoices * 7 + 100))
    right = stated(line("y", 100, "x"), named("L", ids, "-"), pa.array(amounts), named("inv", pays, " "))
    return left, right


@pytest.mark.deep
def test_what_is_certain_among_one_and_a_half_million_is_found_and_nothing_else() -> None:
    digests = set()
    for backwards in (False, True):
        with world(RULES) as w:
            for source, table in zip(("a", "b"), sides(backwards=backwards), strict=True):
                w.lay(source, table)
            (outcome,) = w.match()
            each = MANY // EVERY
            # Of each hundred thousand: an invoice and its two lines, an invoice and its other line, and one without any.
            assert (outcome.counts["matches"], outcome.counts["exceptions"]) == (MANY - 3 * each, 6 * each)
            reasons = Counter(w.reasons().values())
            assert reasons["ambiguous"] == 3 * each
            assert reasons["amount_difference"] == 2 * each
            digests.add(outcome.digest)
    assert len(digests) == 1
