"""
A company that does not exist, from a seed: its workspace, a month of its files, and the truth about them.
"""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from pathlib import Path

from tieout.errors import WrongUse
from tieout.simulation._arrivals import make_arrivals
from tieout.simulation._bank_files import write_camt, write_mt940
from tieout.simulation._banks import make_other_lines, make_statements
from tieout.simulation._charts import write_postings
from tieout.simulation._days import Month
from tieout.simulation._documents import make_documents
from tieout.simulation._erp_files import write_documents, write_ledgers, write_mappings
from tieout.simulation._ledgers import make_bookings, number_bookings
from tieout.simulation._platform_files import lay_platform_rows, write_adyen, write_stripe
from tieout.simulation._profile import make_profile
from tieout.simulation._rates import Rates
from tieout.simulation._receipt_cases import WaysOfPaying
from tieout.simulation._sales import make_sales
from tieout.simulation._settling import settle
from tieout.simulation._tables import engine, lay, lay_papers
from tieout.simulation._told_balances import lay_told_balances, write_events
from tieout.simulation._transit import make_transit
from tieout.simulation._truth import write_truth
from tieout.simulation._workspace_file import write_rates, write_workspace
from tieout.simulation._world import World

__all__ = ["Company", "make_company"]

#: Platform rows of the sizes that have a name.
_SIZES = {"demo": 1_400}
_ROWS_MAX = 20_000_000


@dataclass(frozen=True, slots=True)
class Company:
    """
    What was made.

    :ivar folder: the workspace.
    :ivar truth: the folder with what a correct tieout must find.
    :ivar platform_rows: lines in the platforms' files.
    """

    folder: Path
    truth: Path
    seed: int
    month: str
    platform_rows: int
    documents: int
    bank_lines: int


def make_company(folder: Path, *, seed: int, size: str | int = "demo", month: str = "2026-10") -> Company:
    """
    Write a company's workspace, a month of its files, and the truth about them.

    :param folder: where the workspace goes; made if it is not there.
    :param seed: which company: the same seed, size and month give the same bytes.
    :param size: ``demo``, or about how many rows the platforms report.
    :param month: the month of business, such as ``2026-10``.
    :raises WrongUse: no such size or month.
    """
    profile = make_profile(seed, _rows(size), Month.of(month))
    rates = Rates(profile)
    settled = settle(profile, make_sales(profile), rates)
    documents, how = make_documents(profile, settled, rates)
    world = World(profile, rates)
    make_arrivals(world, settled.settlements)
    for bank in profile.banks:
        receipts = WaysOfPaying(world, bank)
        receipts.make()
        receipts.bring_the_rest(documents, settled.lines.amount)
    make_other_lines(world)
    statements = make_statements(world)
    make_bookings(world, statements)
    make_transit(world, settled.lines, settled.settlements)
    number_bookings(world)

    inbox, truth, scratch = folder / "inbox", folder / "truth", folder / ".making"
    scratch.mkdir(parents=True, exist_ok=True)
    try:
        con = engine(profile, scratch)
        lay(con, profile, settled.lines, settled.settlements, how, documents)
        settlements, conversions, counts = (
            settled.settlements,
            settled.conversions,
            (len(settled.lines), len(documents) + len(world.papers)),
        )
        del settled, documents, how  # the engine has them now, and may lay them down on disk
        lay_papers(con, world)
        lay_platform_rows(con, profile)
        lay_told_balances(con, profile)
        write_workspace(profile, folder)
        write_rates(profile, rates, folder / "rates")
        write_postings(profile, folder / "postings")
        write_mappings(folder / "mappings")
        write_stripe(con, profile, settlements, inbox)
        write_events(con, profile, inbox / "stripe-events")
        write_adyen(con, profile, settlements, inbox)
        write_camt([s for s in statements if s.bank.source == "bank-de"], inbox / "bank-de", repeats=3)
        write_mt940([s for s in statements if s.bank.source == "bank-us"], inbox / "bank-us")
        spoiled = write_documents(con, world, inbox)
        write_ledgers(con, world, inbox)
        write_truth(con, world, (settlements, conversions, statements), spoiled, truth)
        con.close()
    finally:
        shutil.rmtree(scratch, ignore_errors=True)
    return Company(
        folder=folder, truth=truth, seed=seed, month=month, platform_rows=counts[0],
        documents=counts[1], bank_lines=len(world.entries),
    )  # fmt: skip


def _rows(size: str | int) -> int:
    rows = _SIZES.get(size) if isinstance(size, str) else size
    if rows is None or not 1 <= rows <= _ROWS_MAX:
        message = f"expected a size such as demo, or 1 to {_ROWS_MAX:,} platform rows, got {size!r}"
        raise WrongUse(message)
    return rows
