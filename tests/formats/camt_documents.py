"""Writes camt documents for tests and measurements."""

from collections.abc import Iterable, Iterator

NAMESPACE = "urn:iso:std:iso:20022:tech:xsd:camt.053.001.02"
ACCOUNT = "<Acct><Id><IBAN>DE89370400440532013000</IBAN></Id><Ccy>EUR</Ccy></Acct>"


def balance(code: str, amount: str, day: str, *, currency: str = "EUR", debit: bool = False) -> str:
    return (
        f"<Bal><Tp><CdOrPrtry><Cd>{code}</Cd></CdOrPrtry></Tp><Amt Ccy='{currency}'>{amount}</Amt>"
        f"<CdtDbtInd>{'DBIT' if debit else 'CRDT'}</CdtDbtInd><Dt><Dt>{day}</Dt></Dt></Bal>"
    )


def entry(
    amount: str = "1.00",
    inside: str = "",
    *,
    currency: str = "EUR",
    debit: bool = False,
    status: str = "BOOK",
    day: str = "<Dt>2026-10-30</Dt>",
) -> str:
    return (
        f"<Ntry><Amt Ccy='{currency}'>{amount}</Amt><CdtDbtInd>{'DBIT' if debit else 'CRDT'}</CdtDbtInd>"
        f"<Sts>{status}</Sts><BookgDt>{day}</BookgDt>{inside}</Ntry>"
    )


def document(*parts: str, account: str = ACCOUNT, namespace: str = NAMESPACE) -> str:
    """One statement per document; the parts stand behind the account."""
    return (
        f"<Document xmlns='{namespace}'><BkToCstmrStmt><GrpHdr><MsgId>M</MsgId></GrpHdr>"
        f"<Stmt><Id>S</Id>{account}{''.join(parts)}</Stmt></BkToCstmrStmt></Document>"
    )


def rich_entry(number: int) -> str:
    """An entry as chatty banks print it: 62 elements, indented."""
    amount = f"{number * 37 % 90000 + 1}.{number % 100:02d}"
    day = f"2026-10-{number % 28 + 1:02d}"
    indent = "\n          "
    parts = (
        f"<Ntry>|<NtryRef>{number}</NtryRef>|<Amt Ccy='EUR'>{amount}</Amt>",
        f"<CdtDbtInd>{'CRDT' if number % 3 else 'DBIT'}</CdtDbtInd>|<Sts>BOOK</Sts>",
        f"<BookgDt>|<Dt>{day}</Dt>|</BookgDt>|<ValDt>|<Dt>{day}</Dt>|</ValDt>",
        f"<AcctSvcrRef>2026{number:012d}</AcctSvcrRef>",
        "<BkTxCd>|<Domn>|<Cd>PMNT</Cd>|<Fmly>|<Cd>RCDT</Cd>|<SubFmlyCd>ESCT</SubFmlyCd>|</Fmly>|</Domn>",
        "<Prtry>|<Cd>NTRF+166+9302</Cd>|<Issr>DK</Issr>|</Prtry>|</BkTxCd>|<NtryDtls>|<TxDtls>",
        f"<Refs>|<MsgId>MSG-{number}</MsgId>|<PmtInfId>PMT-{number // 10}</PmtInfId>|<InstrId>INS-{number}</InstrId>",
        f"<EndToEndId>E2E-{number}-RF</EndToEndId>|<MndtId>M-{number % 999}</MndtId>|</Refs>|<AmtDtls>",
        f"<InstdAmt>|<Amt Ccy='EUR'>{amount}</Amt>|</InstdAmt>|<TxAmt>|<Amt Ccy='EUR'>{amount}</Amt>|</TxAmt>",
        f"</AmtDtls>|<RltdPties>|<Dbtr>|<Nm>Payer Number {number % 5000} GmbH</Nm>|<PstlAdr>|<Ctry>DE</Ctry>",
        f"<AdrLine>Some Street {number % 100}</AdrLine>|</PstlAdr>|</Dbtr>",
        "<DbtrAcct>|<Id>|<IBAN>GB33BUKB20201555555555</IBAN>|</Id>|</DbtrAcct>|<Cdtr>|<Nm>Acme GmbH</Nm>|</Cdtr>",
        "<CdtrAcct>|<Id>|<IBAN>DE89370400440532013000</IBAN>|</Id>|</CdtrAcct>|</RltdPties>",
        "<RltdAgts>|<DbtrAgt>|<FinInstnId>|<BIC>COBADEFFXXX</BIC>|</FinInstnId>|</DbtrAgt>|</RltdAgts>",
        f"<Purp>|<Cd>GDDS</Cd>|</Purp>|<RmtInf>|<Ustrd>INVOICE {number} CUSTOMER {number % 5000}</Ustrd>",
        "<Ustrd>thank you</Ustrd>|<Strd>|<CdtrRefInf>|<Tp>|<CdOrPrtry>|<Cd>SCOR</Cd>|</CdOrPrtry>|</Tp>",
        f"<Ref>RF18{number:08d}</Ref>|</CdtrRefInf>|</Strd>|</RmtInf>|</TxDtls>|</NtryDtls>",
        "<AddtlNtryInf>SEPA credit transfer</AddtlNtryInf>|</Ntry>",
    )
    return "|".join(parts).replace("|", indent) + "\n"


def rich_statement(entries: Iterable[int]) -> Iterator[str]:
    """A statement of rich entries, piece by piece."""
    before, _, after = document("|").partition("|")
    yield before
    for number in entries:
        yield rich_entry(number)
    yield after
