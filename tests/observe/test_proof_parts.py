"""Every figure of a proof opens lines that add up to it."""

import pytest

from tests.observe.traded import DAYS, Traded
from tieout.observe.proofs.parts import PartAsked, proof_part
from tieout.observe.proofs.proof import AccountProof
from tieout.observe.proofs.proving import prove

pytestmark = pytest.mark.slow


def figures(proof: AccountProof) -> list[tuple[PartAsked, int, int]]:
    found = [(PartAsked(part="movement", kind=m.kind), m.count, m.amount) for m in proof.movements]
    for part, side in (("outside", proof.outside), ("inside", proof.ledger)):
        for item in side.items:
            if item.account_id is not None:
                found.append((PartAsked(part="since"), item.count, item.amount))
            elif item.reference is None:
                asked = PartAsked(part=part, kind=item.kind, state=item.state, reason=item.reason)
                found.append((asked, item.count, item.amount))
    return found


@pytest.mark.parametrize(("account", "as_of"), [("adyen-us", DAYS[0]), ("stripe-eur", DAYS[-1])])
def test_the_lines_of_a_figure_add_up_to_it(group: Traded, account: str, as_of: None) -> None:
    proof = prove(group.store, group.workspace, account, as_of)
    told = figures(proof)[::9]  # each is a proof made again
    assert told
    for asked, count, amount in told:
        part = proof_part(group.store, group.workspace, account, asked, as_of)
        assert part is not None
        assert (part.count, part.amount) == (count, amount), asked
        assert sum(row.amount for row in part.rows) == amount or count > len(part.rows)
        assert all(row.record_id or row.match_id for row in part.rows)
    balances = {
        "closing": proof.closing if proof.reported is None else proof.reported + proof.since,
        "ledger": proof.ledger.balance,
        "adjusted-outside": proof.outside.adjusted,
        "adjusted-inside": proof.ledger.adjusted,
    }
    for name, stated in balances.items():
        part = proof_part(group.store, group.workspace, account, PartAsked(part=name), as_of)
        assert part is not None
        assert part.amount == stated, name
        assert all(row.record_id or row.match_id or row.label for row in part.rows)


def test_an_account_that_nobody_knows_has_no_parts(group: Traded) -> None:
    assert proof_part(group.store, group.workspace, "nobody", PartAsked(part="ledger")) is None
