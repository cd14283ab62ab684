"""A small company whose files every test of the views reads: a platform by a mapping, a bank by MT940."""

import datetime as dt
from dataclasses import dataclass
from pathlib import Path

from tieout.clock import FixedClock, FixedEntropy
from tieout.config import Workspace, load_workspace
from tieout.intake.ingest import ingest_file
from tieout.store.workplace import Store, open_store

TOML = """
[workspace]
name = "Acme"
base_currency = "EUR"

[[entity]]
id = "acme"
name = "Acme GmbH"
currency = "EUR"

[[entity]]
id = "other"
name = "Other"
currency = "EUR"

[[source]]
id = "psp"
entity = "acme"
mapping = "mappings/psp.toml"
owner = "payments"
expects = "daily"

[[source]]
id = "bank"
entity = "acme"
format = "mt940"
expects = "business-daily"
calendar = "own"

[[source]]
id = "silent"
entity = "other"
format = "camt.053"
path = "inbox/silent/*"
expects = "monthly"
"""

MAPPING = """
[mapping]
id = "psp"
format = "csv"
identify = ["id", "type", "amount"]

[fields]
external_id = "id"
kind = "type"
amount = "amount"
fee = "fee"
currency = "ccy"
booked_on = "day::date"
settlement_id = "payout"
references = "[order_ref]"
counterparty = "customer"
"""

HEADINGS = "id,type,amount,fee,ccy,day,payout,order_ref,customer\n"
#: Three charges, in currencies of 2, 0 and 3 decimals; a name that a spreadsheet would calculate.
FIRST = HEADINGS + (
    "ch_1,charge,100.00,3.20,EUR,2026-10-01,po_1,INV-0012,=cmd()\n"
    "ch_2,charge,1000,0,JPY,2026-10-01,po_1,INV-0013,Ömer\n"
    'ch_3,charge,10.001,0.5,KWD,2026-10-02,po_1,"-x,y",ann s.\n'
)
#: One of them again, a refund, and a row that nobody can read.
SECOND = HEADINGS + (
    "ch_1,charge,100.00,3.20,EUR,2026-10-01,po_1,INV-0012,=cmd()\n"
    "ch_4,refund,-3.20,0,EUR,2026-10-04,po_1,INV-0012,Ann S\n"
    "ch_5,nonsense,-3.20,0,EUR,2026-10-04,po_1,INV-0012,Ann S\n"
)
#: The second charge, corrected.
THIRD = HEADINGS + "ch_2,charge,2000,0,JPY,2026-10-01,po_1,INV-0013,Ömer\n"


def statement(number: int, first: int, last: int, opening: str, closing: str) -> str:
    """Write an MT940 statement of October with one entry of 96.80."""
    return (
        f":20:S{number}\n:25:DE89370400440532013000\n:28C:{number}/1\n:60F:C2610{first:02}EUR{opening}\n"
        f":61:2610{last:02}10{last:02}C96,80NTRFPO-1//B{number}\n:86:payout po_1\nsecond line\n"
        f":62F:C2610{last:02}EUR{closing}\n"
    )


@dataclass(slots=True)
class Company:
    """A workspace with its stores and a clock that stands still."""

    workspace: Workspace
    store: Store
    clock: FixedClock

    def bring(self, source: str, name: str, text: str | bytes) -> str:
        """Deliver a file; gives the delivery's id."""
        path = self.workspace.folder / name
        path.write_bytes(text.encode() if isinstance(text, str) else text)
        done = ingest_file(self.store, self.workspace, self.workspace.source(source), path)
        self.clock.advance(dt.timedelta(hours=1))
        return done.delivery_id


def found_company(folder: Path, toml: str = TOML) -> Company:
    """Found the company, without any file yet."""
    (folder / "mappings").mkdir(parents=True)
    (folder / "calendars").mkdir()
    (folder / "tieout.toml").write_text(toml)
    (folder / "mappings" / "psp.toml").write_text(MAPPING)
    (folder / "calendars" / "own.toml").write_text("holidays = [2026-10-07]\n")
    clock = FixedClock(dt.datetime(2026, 11, 1, tzinfo=dt.UTC))
    workspace = load_workspace(folder)
    return Company(workspace, open_store(workspace, clock, FixedEntropy(), "tester"), clock)


def with_files(folder: Path, toml: str = TOML) -> Company:
    """Found the company and deliver its files."""
    company = found_company(folder, toml)
    company.bring("psp", "first.csv", FIRST)
    company.bring("psp", "second.csv", SECOND)
    company.bring("psp", "third.csv", THIRD)
    company.bring("bank", "b1.sta", statement(1, 1, 2, "100,00", "196,80"))
    company.bring("bank", "b3.sta", statement(3, 5, 6, "293,60", "390,40"))
    return company
