"""
The proofs of a simulated company's accounts, each held against the balance that the truth has.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import duckdb

from tieout.observe.proofs.proving import prove_all

if TYPE_CHECKING:
    import datetime as dt
    from pathlib import Path

    from tieout.config import Workspace
    from tieout.observe.proofs.proof import AccountProof
    from tieout.store.workplace import Store

__all__ = ["JudgedProof", "judge_proofs"]


@dataclass(frozen=True, slots=True)
class JudgedProof:
    """
    One account's proof; amounts are whole minor units of its currency, and 0 is what each should be.

    :ivar rolled: what the roll-forward does not explain of the balance that the outside reports; None: it reports none.
    :ivar residual: what the outside and the ledger differ by, when all that separates them is named; None: one is silent.
    :ivar apart: what opening and movements lead to, less the truth's balance of that day; None: the truth has none.
    :ivar verdict: what the proof itself says.
    :ivar breaks_on: the first day of which the outside reports a balance that the movements do not lead to.
    """

    account_id: str
    currency: str
    rolled: int | None
    residual: int | None
    apart: int | None
    verdict: str
    breaks_on: dt.date | None = None

    @property
    def is_right(self) -> bool:
        """Whether nothing that is known is off by anything."""
        return not (self.rolled or self.residual or self.apart or self.breaks_on)


def judge_proofs(store: Store, workspace: Workspace, truth: Path) -> tuple[JudgedProof, ...]:
    """
    Prove every account outside the ledger, and compare where each proof ends with the truth.

    :param truth: the folder that ``make_company`` wrote.
    """
    known = _balances(truth)
    return tuple(_judged(proof, known.get(proof.account_id, [])) for proof in prove_all(store, workspace))


def _balances(truth: Path) -> dict[str, list[tuple[dt.date, int]]]:
    """Give each account's closing balances of the truth, by day."""
    found: dict[str, list[tuple[dt.date, int]]] = {}
    rows = duckdb.connect().execute(
        f"select account, day, closing from read_parquet('{truth}/balances.parquet') order by day"
    )
    for account, day, closing in rows.fetchall():
        found.setdefault(account, []).append((day, closing))
    return found


def _judged(proof: AccountProof, known: list[tuple[dt.date, int]]) -> JudgedProof:
    true = next((closing for day, closing in reversed(known) if day <= proof.as_of), None)
    return JudgedProof(
        account_id=proof.account_id, currency=proof.currency, rolled=proof.rolled, residual=proof.residual,
        apart=None if true is None or proof.closing is None else proof.closing - true, verdict=proof.verdict,
        breaks_on=proof.breaks_on,
    )  # fmt: skip
