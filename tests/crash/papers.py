"""
A small company's files, made so that everything that intake does happens once: overlaps, a correction, bad rows, a
file nobody can read, a full card number, rows that no identifier tells apart, a bank's statement.
"""

from pathlib import Path

__all__ = [
    "FIXED_PSP",
    "PSP",
    "SCENES",
    "TILL",
    "errors_told",
    "make_workspace",
    "psp_rows",
    "statement",
    "till_rows",
    "write",
]

_TOML = """[workspace]
name = "Crash"
base_currency = "EUR"
{extra}
[[entity]]
id = "acme"
name = "Acme"
currency = "EUR"

[[source]]
id = "psp"
mapping = "mappings/psp.toml"
path = "inbox/psp/*.csv"

[[source]]
id = "till"
mapping = "mappings/till.toml"
path = "inbox/till/*.csv"

[[source]]
id = "bank"
format = "camt.053"
path = "inbox/bank/*.xml"
"""

PSP = """[mapping]
id = "crash-psp"
format = "csv"
identify = ["id", "gross"]

[fields]
external_id = "id"
kind = "type"
amount = "gross"
fee = "fee"
currency = "ccy"
booked_on = "day::date"
references = "[ref]"
text = "note"
"""

#: The same after somebody fixed it: `EUR 5.00` is an amount, and what was voided never happened.
FIXED_PSP = PSP.replace('amount = "gross"', "amount = \"replace(gross, 'EUR ', '')\"").replace(
    '"gross"]', '"gross"]\nwhere = "note <> \'void\'"'
)

TILL = """[mapping]
id = "crash-till"
format = "csv"
csv = { delimiter = ";" }
identify = ["what", "price"]

[fields]
kind = "what"
amount = "price"
currency = "'EUR'"
booked_on = "day::date"
text = "note"
"""

_STATEMENT = """<?xml version="1.0" encoding="UTF-8"?>
<Document xmlns="urn:iso:std:iso:20022:tech:xsd:camt.053.001.02"><BkToCstmrStmt>
<GrpHdr><MsgId>M{number}</MsgId><CreDtTm>2026-10-0{day}T20:00:00</CreDtTm></GrpHdr>
<Stmt><Id>S{number}</Id><ElctrncSeqNb>{number}</ElctrncSeqNb><CreDtTm>2026-10-0{day}T20:00:00</CreDtTm>
<Acct><Id><IBAN>DE89370400440532013000</IBAN></Id><Ccy>EUR</Ccy></Acct>
{opening}{closing}{entries}
</Stmt></BkToCstmrStmt></Document>
"""
_BALANCE = """<Bal><Tp><CdOrPrtry><Cd>{code}</Cd></CdOrPrtry></Tp><Amt Ccy="EUR">{amount}.00</Amt>
<CdtDbtInd>CRDT</CdtDbtInd><Dt><Dt>2026-10-0{day}</Dt></Dt></Bal>
"""
#: Which files each scene delivers, by a part of their names.
SCENES = {
    "everything": ("/",),
    "corrected": ("psp/1", "psp/2", "psp/4"),
    "bad rows and a card": ("psp/3", "psp/5"),
    "till": ("till/",),
    "bank": ("bank/",),
    "nothing": (),
}
_ENTRY = """<Ntry><Amt Ccy="EUR">{amount}.00</Amt><CdtDbtInd>CRDT</CdtDbtInd><Sts>BOOK</Sts>
<BookgDt><Dt>2026-10-0{day}</Dt></BookgDt><ValDt><Dt>2026-10-0{day}</Dt></ValDt>
<AcctSvcrRef>R{reference}</AcctSvcrRef><BkTxCd><Prtry><Cd>NTRF</Cd></Prtry></BkTxCd></Ntry>
"""


def psp_rows(first: int, last: int, cents: int = 0, note: str = "sale") -> str:
    """Write charges ``first`` to ``last``; ``cents`` moves every amount, which makes them a correction."""
    lines = ["id,type,gross,fee,ccy,day,ref,note"]
    lines += [
        f"ch_{n},charge,{n + 10}.{cents:02},0.25,EUR,2026-10-{n % 28 + 1:02},INV-{n},{note} {n}"
        for n in range(first, last)
    ]
    return "\n".join(lines) + "\n"


def till_rows(*counts: int) -> str:
    """Write cash sales without any identifier: ``counts`` says how many of each price there were."""
    rows = [f"charge;{price}.00;2026-10-05;coffee" for price, count in enumerate(counts, 1) for _ in range(count)]
    return "\n".join(["what;price;day;note", *rows]) + "\n"


def statement(number: int) -> str:
    """Write a bank's statement of two entries; consecutive numbers chain."""
    opening = 1000 + 30 * (number - 1)
    return _STATEMENT.format(
        number=number,
        day=number,
        opening=_BALANCE.format(code="OPBD", amount=opening, day=number),
        closing=_BALANCE.format(code="CLBD", amount=opening + 30, day=number),
        entries="".join(_ENTRY.format(amount=10 * n, day=number, reference=f"{number}-{n}") for n in (1, 2)),
    )


def write(folder: Path, files: dict[str, str]) -> None:
    """Write files below a folder."""
    for name, text in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)


def make_workspace(folder: Path, scene: str = "everything", extra: str = "") -> Path:
    """
    Make a workspace with the files of a scene waiting in it.

    :param extra: more lines of ``[workspace]``.
    """
    files = {
        "tieout.toml": _TOML.format(extra=extra),
        "mappings/psp.toml": PSP,
        "mappings/till.toml": TILL,
    }
    waiting = _inbox()
    write(folder, files | {name: waiting[name] for name in waiting if any(part in name for part in SCENES[scene])})
    return folder


def _inbox() -> dict[str, str]:
    bad = psp_rows(70, 74) + "ch_74,charge,EUR 5.00,0.25,EUR,2026-10-02,INV-74,sale\n"
    bad += "ch_75,charge,twelve,0.25,EUR,2026-10-02,INV-75,sale\nch_76,charge,9.00,0.25,EUR,2026-10-02,INV-76,void\n"
    return {
        "inbox/psp/1.csv": psp_rows(0, 40),
        "inbox/psp/2-overlaps.csv": psp_rows(30, 60),
        "inbox/psp/3-bad-rows.csv": bad,
        "inbox/psp/4-corrects.csv": psp_rows(0, 5, cents=50),
        "inbox/psp/5-card.csv": psp_rows(80, 82)
        + psp_rows(82, 83, note="paid by 4111111111111111 till").splitlines()[1]
        + "\n",
        "inbox/till/1.csv": till_rows(3, 1, 2),
        "inbox/till/2-overlaps.csv": till_rows(2, 4, 2),
        "inbox/bank/1.xml": statement(1),
        "inbox/bank/2.xml": statement(2),
        "inbox/bank/3-torn.xml": statement(3)[:700],
    }


def errors_told(output: str) -> list[str]:
    """Give the errors that a command told, but for the file that is torn on purpose."""
    return [line for line in output.splitlines() if line.startswith("tieout:") and "torn" not in line]
