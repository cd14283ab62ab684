"""A workspace in a folder, worked on through the real command line."""

import hashlib
import io
import json
from contextlib import redirect_stderr, redirect_stdout
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from tieout.cli import main
from tieout.clock import system_clock, system_entropy
from tieout.config import load_workspace
from tieout.store import schema
from tieout.store.workplace import Store, open_store

TOML = """\
[workspace]
name = "Acme"
base_currency = "EUR"

[[entity]]
id = "acme"
name = "Acme"
currency = "EUR"

[[source]]
id = "bank"
format = "camt.053"

[[source]]
id = "swift"
format = "mt940"

[[source]]
id = "stripe"
format = "stripe.payout_reconciliation"

[[source]]
id = "adyen"
format = "adyen.settlement_detail"

[[source]]
id = "psp"
mapping = "mappings/psp.toml"
"""

MAPPING = """\
[mapping]
id = "psp"
format = "csv"
identify = ["id", "type", "gross", "day"]

[fields]
external_id = "id"
kind = "type"
amount = "gross"
currency = "upper(ccy)"
booked_on = "strptime(day, '%d.%m.%Y')::date"
text = "note"
"""

HEADER = "id,type,gross,ccy,day,note"
CAMT_HEAD = (
    '<?xml version="1.0" encoding="UTF-8"?>'
    '<Document xmlns="urn:iso:std:iso:20022:tech:xsd:camt.053.001.08"><BkToCstmrStmt>'
    "<GrpHdr><MsgId>M1</MsgId><CreDtTm>2026-10-28T22:00:00+01:00</CreDtTm></GrpHdr>"
    "<Stmt><Id>S1</Id><ElctrncSeqNb>7</ElctrncSeqNb><CreDtTm>2026-10-28T22:00:00+01:00</CreDtTm>"
    "<Acct><Id><IBAN>DE89370400440532013000</IBAN></Id><Ccy>EUR</Ccy></Acct>"
)
CAMT_FOOT = "</Stmt></BkToCstmrStmt></Document>"


@dataclass(frozen=True, slots=True)
class Answer:
    """What a command answered: its exit status and both channels."""

    status: int
    out: str
    err: str

    @property
    def said(self) -> dict[str, Any]:
        """Give the one JSON object that it printed."""
        said: dict[str, Any] = json.loads(self.out)
        return said


def typed(*arguments: str | Path) -> Answer:
    """Run the command line in this process."""
    out, err = io.StringIO(), io.StringIO()
    with redirect_stdout(out), redirect_stderr(err):
        status = main([str(argument) for argument in arguments])
    return Answer(status, out.getvalue(), err.getvalue())


class Office:
    """One workspace, and what a test does in it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder / "office"
        (self.folder / "mappings").mkdir(parents=True)
        (self.folder / "tieout.toml").write_text(TOML, encoding="utf-8")
        self.write_mapping(MAPPING)
        self.files = folder / "files"
        self.files.mkdir()

    def write_mapping(self, text: str) -> None:
        (self.folder / "mappings" / "psp.toml").write_text(text, encoding="utf-8")

    def run(self, *arguments: str | Path) -> Answer:
        return typed("--workspace", self.folder, *arguments)

    def ingest(self, name: str, content: bytes | str, source: str) -> Answer:
        path = self.files / name
        path.write_bytes(content.encode() if isinstance(content, str) else content)
        return self.run("--json", "ingest", path, "--source", source)

    def table(self, *rows: str) -> Answer:
        """Ingest a table for the mapping."""
        return self.ingest("psp.csv", "\n".join([HEADER, *rows, ""]), "psp")

    def inspected(self, name: str, content: bytes | str) -> Answer:
        path = self.files / name
        path.write_bytes(content.encode() if isinstance(content, str) else content)
        return self.run("--json", "inspect", path)

    def store(self) -> Store:
        return open_store(load_workspace(self.folder, {}), system_clock, system_entropy, "tester")

    def deliveries(self) -> list[Any]:
        store = self.store()
        try:
            with store.book.reading() as connection:
                return list(connection.execute(sa.select(schema.delivery).order_by(schema.delivery.c.sequence)))
        finally:
            store.close()

    def landed(self) -> list[bytes]:
        """Read everything that landing holds, decrypted, in the order of landing."""
        store = self.store()
        found = []
        try:
            for row in self.deliveries():
                if row.wrapped_key is not None:
                    with store.landing.open(row.path, store.vault.unwrap(row.wrapped_key), row.bytes) as stream:
                        found.append(stream.read())
        finally:
            store.close()
        return found

    def lost(self) -> list[str]:
        """Say what is not as it must be after anything came in: kept unaltered, counted whole, repeatable."""
        found = []
        store = self.store()
        store.close()
        for row, content in zip([r for r in self.deliveries() if r.wrapped_key], self.landed(), strict=True):
            if store.landing.fingerprints.of(hashlib.sha256(content).hexdigest()) != row.fingerprint:
                found.append(f"{row.name} was altered")
            if row.rows_in != row.rows_new + row.rows_repeated + row.rows_quarantined + row.rows_skipped:
                found.append(f"{row.name}: {row.rows_in} rows in, not all of them are accounted for")
            if row.state == "landed":
                found.append(f"{row.name} was never read")
        verified = self.run("verify")
        return found if verified.status == 0 else [*found, verified.err]

    def reasons(self) -> list[tuple[str, str]]:
        """List what needs a person: (reason, note)."""
        return [(row["reason"], row["note"]) for row in self.run("--json", "exceptions").said["exceptions"]]

    def quarantined(self) -> list[dict[str, Any]]:
        """List the rows that could not be read."""
        rows: list[dict[str, Any]] = self.run("--json", "quarantine").said["quarantine"]
        return rows


def entry(
    amount: str, sign: str = "CRDT", day: str = "2026-10-28", currency: str = "EUR", reference: str = "R1"
) -> str:
    """Write an entry of a camt statement."""
    return (
        f'<Ntry><Amt Ccy="{currency}">{amount}</Amt><CdtDbtInd>{sign}</CdtDbtInd><Sts><Cd>BOOK</Cd></Sts>'
        f"<BookgDt><Dt>{day}</Dt></BookgDt><AcctSvcrRef>{reference}</AcctSvcrRef></Ntry>"
    )


def camt(opening: str, closing: str, *entries: str, summary: str = "") -> str:
    """Write a camt.053 of one statement."""
    balances = "".join(
        f'<Bal><Tp><CdOrPrtry><Cd>{code}</Cd></CdOrPrtry></Tp><Amt Ccy="EUR">{amount}</Amt>'
        "<CdtDbtInd>CRDT</CdtDbtInd><Dt><Dt>2026-10-28</Dt></Dt></Bal>"
        for code, amount in (("OPBD", opening), ("CLBD", closing))
    )
    return CAMT_HEAD + balances + summary + "".join(entries) + CAMT_FOOT
