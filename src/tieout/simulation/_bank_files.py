"""
The banks' statements as files: camt.053 with batch entries from one, MT940 from the other.
"""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING
from xml.sax.saxutils import escape

from tieout.simulation._days import text_of
from tieout.simulation._names import plain
from tieout.simulation._profile import EXPONENTS

if TYPE_CHECKING:
    from pathlib import Path

    from tieout.simulation._banks import Statement
    from tieout.simulation._world import Detail, Entry

__all__ = ["decimal", "write_camt", "write_mt940"]

_LATE_FILE_DAYS = 4
_LINE = 65


def decimal(amount: int, currency: str) -> str:
    """Write minor units, without their sign."""
    exponent, size = EXPONENTS[currency], abs(amount)
    whole, rest = divmod(size, 10**exponent)
    return f"{whole}.{rest:0{exponent}d}" if exponent else str(whole)


def _late(days: list[int]) -> int:
    """Choose the day whose statement the bank delivers after those of later days."""
    return days[len(days) // 2]


def write_camt(statements: list[Statement], inbox: Path, repeats: int) -> None:
    """
    Write one file per day with the statements of all accounts.

    :param repeats: the place of a day whose file comes a second time.
    """
    by_day: defaultdict[int, list[Statement]] = defaultdict(list)
    for statement in statements:
        by_day[statement.day].append(statement)
    days = sorted(by_day)
    inbox.mkdir(parents=True, exist_ok=True)
    for place, day in enumerate(days):
        made = day + _LATE_FILE_DAYS if day == _late(days) else day
        content = _camt(by_day[day], made)
        name = f"camt053_{text_of(day)}.xml" if made == day else f"camt053_late_{text_of(made)}_for_{text_of(day)}.xml"
        (inbox / name).write_text(content, encoding="utf-8")
        if place == repeats:
            (inbox / f"camt053_{text_of(day)}_copy.xml").write_text(content, encoding="utf-8")


def _camt(statements: list[Statement], made: int) -> str:
    day = statements[0].day
    parts = [
        (
            '<?xml version="1.0" encoding="UTF-8"?>\n<Document xmlns="urn:iso:std:iso:20022:tech:xsd:camt.053.001.08">\n'
            f"<BkToCstmrStmt>\n<GrpHdr><MsgId>CAMT053-{text_of(day, '%Y%m%d')}</MsgId>"
            f"<CreDtTm>{text_of(made)}T22:05:00Z</CreDtTm></GrpHdr>\n"
        )
    ]
    for statement in statements:
        parts.append(_camt_head(statement, made))
        parts += [_camt_entry(entry, place) for place, entry in enumerate(statement.entries, 1)]
        parts.append("</Stmt>\n")
    parts.append("</BkToCstmrStmt>\n</Document>\n")
    return "".join(parts)


def _sign(amount: int) -> str:
    return "DBIT" if amount < 0 else "CRDT"


def _camt_head(statement: Statement, made: int) -> str:
    bank, day = statement.bank, text_of(statement.day)
    balances = "".join(
        f'<Bal><Tp><CdOrPrtry><Cd>{code}</Cd></CdOrPrtry></Tp><Amt Ccy="{bank.currency}">{decimal(amount, bank.currency)}</Amt>'
        f"<CdtDbtInd>{_sign(amount)}</CdtDbtInd><Dt><Dt>{day}</Dt></Dt></Bal>\n"
        for code, amount in (("OPBD", statement.opening), ("CLBD", statement.closing))
    )
    credits_ = [e.amount for e in statement.entries if e.amount >= 0]
    debits = [e.amount for e in statement.entries if e.amount < 0]
    totals = "".join(
        f"<{name}><NbOfNtries>{len(amounts)}</NbOfNtries><Sum>{decimal(sum(amounts), bank.currency)}</Sum></{name}>"
        for name, amounts in (("TtlCdtNtries", credits_), ("TtlDbtNtries", debits))
    )
    return (
        f"<Stmt>\n<Id>CAMT053-{bank.number[-6:]}-{text_of(statement.day, '%Y%m%d')}</Id><ElctrncSeqNb>{statement.number}</ElctrncSeqNb>"
        f"<CreDtTm>{text_of(made)}T22:05:00Z</CreDtTm><FrToDt><FrDtTm>{day}T00:00:00Z</FrDtTm><ToDtTm>{day}T23:59:59Z</ToDtTm></FrToDt>\n"
        f"<Acct><Id><IBAN>{bank.number}</IBAN></Id><Ccy>{bank.currency}</Ccy><Ownr><Nm>{escape(bank.entity.name)}</Nm></Ownr></Acct>\n"
        f"{balances}<TxsSummry><TtlNtries><NbOfNtries>{len(statement.entries)}</NbOfNtries></TtlNtries>{totals}</TxsSummry>\n"
    )


def _camt_entry(entry: Entry, place: int) -> str:
    currency, day = entry.bank.currency, text_of(entry.day)
    domain, family, sub = entry.code.split("-")
    details = "".join(_camt_detail(entry, detail) for detail in entry.details) if entry.details else _camt_single(entry)
    batch = f"<Btch><NbOfTxs>{len(entry.details)}</NbOfTxs></Btch>" if entry.details else ""
    return (
        f'<Ntry><NtryRef>{place}</NtryRef><Amt Ccy="{currency}">{decimal(entry.amount, currency)}</Amt>'
        f"<CdtDbtInd>{_sign(entry.amount)}</CdtDbtInd><Sts><Cd>BOOK</Cd></Sts><BookgDt><Dt>{day}</Dt></BookgDt>"
        f"<ValDt><Dt>{text_of(entry.value_day or entry.day)}</Dt></ValDt><AcctSvcrRef>{entry.reference}</AcctSvcrRef>"
        f"<BkTxCd><Domn><Cd>{domain}</Cd><Fmly><Cd>{family}</Cd><SubFmlyCd>{sub}</SubFmlyCd></Fmly></Domn></BkTxCd>\n"
        f"<NtryDtls>{batch}{details}</NtryDtls></Ntry>\n"
    )


def _party(amount: int, name: str, iban: str) -> str:
    who = "Dbtr" if amount >= 0 else "Cdtr"
    said = f"<{who}><Pty><Nm>{escape(name)}</Nm></Pty></{who}>" if name else ""
    said += f"<{who}Acct><Id><IBAN>{iban}</IBAN></Id></{who}Acct>" if iban else ""
    return f"<RltdPties>{said}</RltdPties>" if said else ""


def _camt_single(entry: Entry) -> str:
    currency, instructed, charges = entry.bank.currency, "", ""
    if entry.original:
        amount, own = entry.original
        instructed = f'<AmtDtls><InstdAmt><Amt Ccy="{own}">{decimal(amount, own)}</Amt></InstdAmt></AmtDtls>'
    if entry.charges:
        charges = f'<Chrgs><Rcrd><Amt Ccy="{currency}">{decimal(entry.charges, currency)}</Amt><CdtDbtInd>DBIT</CdtDbtInd></Rcrd></Chrgs>'
    return (
        f"<TxDtls><Refs><EndToEndId>{entry.end_to_end or 'NOTPROVIDED'}</EndToEndId></Refs>"
        f'<Amt Ccy="{currency}">{decimal(entry.amount, currency)}</Amt><CdtDbtInd>{_sign(entry.amount)}</CdtDbtInd>{instructed}{charges}'
        f"{_party(entry.amount, entry.name, entry.iban)}<RmtInf><Ustrd>{escape(entry.text)}</Ustrd></RmtInf></TxDtls>"
    )


def _camt_detail(entry: Entry, detail: Detail) -> str:
    currency = entry.bank.currency
    return (
        f"<TxDtls><Refs><AcctSvcrRef>{detail.reference}</AcctSvcrRef><EndToEndId>{detail.end_to_end}</EndToEndId></Refs>"
        f'<Amt Ccy="{currency}">{decimal(detail.amount, currency)}</Amt><CdtDbtInd>{_sign(detail.amount)}</CdtDbtInd>'
        f"{_party(detail.amount, detail.name, detail.iban)}<RmtInf><Ustrd>{escape(detail.text)}</Ustrd></RmtInf></TxDtls>"
    )


def write_mt940(statements: list[Statement], inbox: Path) -> None:
    """Write one file per week with the statements of its days; one day's comes late, in a file of its own."""
    inbox.mkdir(parents=True, exist_ok=True)
    late = _late([statement.day for statement in statements])
    weeks: defaultdict[int, list[Statement]] = defaultdict(list)
    for statement in statements:
        weeks[(statement.day + 3) // 7 if statement.day != late else -1].append(statement)
    for week, some in weeks.items():
        last = text_of(some[-1].day, "%Y%m%d")
        name = (
            f"STA_{last}.sta" if week >= 0 else f"STA_{text_of(late + _LATE_FILE_DAYS, '%Y%m%d')}_late_for_{last}.sta"
        )
        lines = [line for statement in some for line in _mt940(statement)]
        (inbox / name).write_text("\r\n".join(lines) + "\r\n", encoding="ascii")


def _comma(amount: int, currency: str) -> str:
    text = decimal(amount, currency)
    return text.replace(".", ",") if "." in text else f"{text},"


def _mt940(statement: Statement) -> list[str]:
    bank, day = statement.bank, text_of(statement.day, "%y%m%d")

    def balance(tag: str, amount: int) -> str:
        return f":{tag}:{'D' if amount < 0 else 'C'}{day}{bank.currency}{_comma(amount, bank.currency)}"

    lines = [
        f":20:STMT{day}",
        f":25:{bank.number}",
        f":28C:{statement.number:05d}/00001",
        balance("60F", statement.opening),
    ]
    for entry in statement.entries:
        mark = "D" if entry.amount < 0 else "C"
        value = text_of(entry.value_day or entry.day, "%y%m%d")
        lines.append(
            f":61:{value}{day[2:]}{mark}{_comma(entry.amount, bank.currency)}{entry.code}{entry.end_to_end[:16] or 'NONREF'}//{entry.reference}"
        )
        if entry.original:
            amount, currency = entry.original
            charges = f"/CHGS/{bank.currency}{_comma(entry.charges, bank.currency)}" if entry.charges else ""
            lines.append(f"/OCMT/{currency}{_comma(amount, currency)}{charges}/"[:34])
        lines += _information(entry)
    return [*lines, balance("62F", statement.closing), "-"]


def _information(entry: Entry) -> list[str]:
    who = "ORDP" if entry.amount >= 0 else "BENM"
    # Ampersands and letters beyond ASCII are not in SWIFT's character set.
    name, text = (
        plain(each).replace("&", "+").replace("%", " PCT").replace("_", "-").replace(";", ",")
        for each in (entry.name, entry.text)
    )
    whole = f"/{who}//NAME/{name}/REMI/{text}" if name else f"/REMI/{text}"
    first, rest = whole[: _LINE - 4], whole[_LINE - 4 :]
    return [f":86:{first}", *(rest[n : n + _LINE] for n in range(0, len(rest), _LINE))]
