"""
Where records stand with matching: what they are matched with and why, or why they are not.

For few records only: result files are in the order of their records, so that a look-up reads a small part of each.
"""

from __future__ import annotations

import json
from collections import defaultdict
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from tieout.model.kinds import PAID_OUT, measures_net
from tieout.model.money import EXPONENT_MAX, exponent_of, format_shortest
from tieout.observe.ended import sentence_of
from tieout.observe.result_rows import ResultRows, hexadecimal, spans_of
from tieout.observe.results import FREED
from tieout.observe.snapshot import moment_of
from tieout.observe.things.evidence import fields_of, runners_up, sentence, why_matched
from tieout.observe.things.lookup import fetch_versions
from tieout.observe.things.missing import missed, told_exchanged, told_together

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    import duckdb

    from tieout.observe.things.evidence import RulesOfRuns
    from tieout.store.lake import Lake, LakeFile
    from tieout.store.past import Ended, Past
    from tieout.store.runs import ResultFile

    #: The least and the largest key.
    Span = tuple[int, int]

__all__ = ["PARTNERS_MAX", "records_of_match", "standing_of", "with_exponent"]

#: So many records of one match are named; the rest is counted.
PARTNERS_MAX = 8
_NAMED = ("source_id", "account_id", "external_id", "kind", "booked_on", "counterparty")
_READ = (
    *("record_id", *_NAMED, "payment_id", "settlement_id", "parent_external_id", "references", "text"),
    *("counterparty_account", "value_on", "due_on", "bank_code", "amount", "net", "currency", "exponent", "gone"),
)
#: What is of the same side as an exception: the two are compared, and no rule sets them against each other.
_OF_ONE_SIDE = ("twin", "duplicate", "nets")
_OF_MATCH = ("reconciliation", "rule", "status", "score", "margin", "coincidence")


def records_of_match(look: ResultRows, prefix: str, most: int) -> list[bytes]:
    """Find the records of the matches whose id begins with some hexadecimal digits."""
    rows = look.rows("matches", "match_id", spans_of([prefix]))
    return sorted({bytes(row["record_id"]) for row, _ in rows if hexadecimal(row["match_id"]).startswith(prefix)})[
        :most
    ]


def standing_of(
    con: duckdb.DuckDBPyConnection,
    lake: Lake,
    files: dict[str, list[LakeFile]],
    look: ResultRows,
    ids: Sequence[bytes],
    rules: RulesOfRuns,
    past: Past | None = None,
) -> dict[str, dict[str, Any]]:
    """
    Say of each record which matches it is part of, what is left of its claims, and what a run could not decide.

    :param past: to tell the matches that were taken back, approved or voided, too.
    :return: by record id (hexadecimal): ``matches``, ``past``, ``positions``, ``run_exceptions``; amounts are decimal text.
    """
    found: dict[str, dict[str, Any]] = {
        record_id.hex(): {"matches": [], "past": [], "positions": [], "run_exceptions": []} for record_id in ids
    }
    results = look.results
    if not results.runs or not ids:
        return found
    keys = spans_of(record_id.hex() for record_id in ids)
    own = [(row, f) for row, f in look.rows("matches", "record_key", keys) if hexadecimal(row["record_id"]) in found]
    _tell_matches(look, own, found)
    if past is not None and past.voids:
        _tell_past(ResultRows(con, lake, past.everything()), keys, found, past)
    looked: defaultdict[tuple[str, str], list[tuple[dict[str, Any], ResultFile]]] = defaultdict(list)
    for row, file in (*look.rows("positions", "record_key", keys), *map(_as_freed, look.freed(keys))):
        if hexadecimal(row["record_id"]) in found:
            looked[hexadecimal(row["record_id"]), row["claim"]].append((row, file))
    for row, file in look.rows("exceptions", "record_key", keys):
        if hexadecimal(row["record_id"]) in found:
            found[hexadecimal(row["record_id"])]["run_exceptions"].append(_exception(row, file))
    about = _read_records(con, lake, files, found, {name for name, _ in looked})
    _tell_open(found, looked, about, _taken(own), results.runs)
    _tell_reasons(found, about, rules)
    for mine in found.values():
        _tell_ended(mine)
    return found


def _tell_open(
    found: dict[str, dict[str, Any]],
    looked: Mapping[tuple[str, str], list[tuple[dict[str, Any], ResultFile]]],
    about: dict[str, dict[str, Any]],
    taken: Mapping[tuple[str, str], int],
    runs: dict[str, dict[str, Any]],
) -> None:
    """Say where what is left of each claim stands, and forget the exceptions of which nothing is left."""
    for (record_id, claim), told in looked.items():
        # As in the table: the last that defers to no other says where it stands.
        row, _ = min(told, key=lambda one: (one[0]["state"] == "deferred", one[0]["amount"] == 0, -one[1].sequence))
        left = _left(about[record_id], claim, taken.get((record_id, claim), 0))
        if left:
            found[record_id]["positions"].append(_position(row, about[record_id]["currency"], left))
    for record_id, mine in found.items():
        used = {claim: amount for (name, claim), amount in taken.items() if name == record_id}
        mine["run_exceptions"] = [
            e
            for e in mine["run_exceptions"]
            if runs[e["run_id"]]["kind"] != "rules"  # what a draft lacks is no money to be found
            or e["claim"] not in used
            or _left(about[record_id], e["claim"], used[e["claim"]])
        ]


def _tell_reasons(found: dict[str, dict[str, Any]], about: dict[str, dict[str, Any]], rules: RulesOfRuns) -> None:
    """Say why each match was made, and what each exception missed."""
    _name_partners(found, about)
    for record_id, told in found.items():
        for match in told["matches"]:
            _tell_why(match, record_id, about, rules)
        for exception in told["run_exceptions"]:
            _tell_nearest(exception, record_id, about, rules)


def _taken(own: Iterable[tuple[dict[str, Any], ResultFile]]) -> dict[tuple[str, str], int]:
    """Sum what matches have used up of claims, at nine decimals: each run counts in decimals of its own, and all fit nine."""
    taken: defaultdict[tuple[str, str], int] = defaultdict(int)
    for row, _ in own:
        if row["status"] == "confirmed":
            taken[hexadecimal(row["record_id"]), row["claim"]] += row["allocated"] * 10 ** (
                EXPONENT_MAX - row["exponent"]
            )
    return taken


def _left(record: dict[str, Any], claim: str, taken: int) -> int:
    """Say what is left of what a claim measures of a record as it stands, at nine decimals; nothing of what was withdrawn."""
    amount = record["net"] if measures_net(claim, record["kind"]) and record["net"] is not None else record["amount"]
    if record["gone"] is not None or amount is None:
        return 0
    return int(amount * 10 ** (EXPONENT_MAX - with_exponent(record)["exponent"])) - taken


def _as_freed(freed: tuple[dict[str, Any], ResultFile]) -> tuple[dict[str, Any], ResultFile]:
    """Say as a position of what a match gave back that no run has looked at it since."""
    row, file = freed
    return row | {"state": "open", "amount": 0, "expected_on": None, "reason": FREED}, file


def _written(row: dict[str, Any], name: str) -> str:
    return format_shortest(row[name], row["exponent"], row["currency"])


def _tell_matches(
    look: ResultRows,
    own: list[tuple[dict[str, Any], ResultFile]],
    found: dict[str, dict[str, Any]],
    heading: str = "matches",
) -> None:
    """Describe each match of the records: the rule or the person, the partners, the difference and its reasons."""
    runs = look.results.runs
    ids = sorted({hexadecimal(row["match_id"]) for row, _ in own})
    if not ids:
        return
    spans = spans_of(ids)
    # Several runs may say the same match: what one proposed, another that of a person confirmed.
    partners: defaultdict[tuple[str, str], list[dict[str, Any]]] = defaultdict(list)
    for row, file in look.rows("matches", "match_id", spans):
        partners[hexadecimal(row["match_id"]), file.run_id].append(row)
    reasons: defaultdict[tuple[str, str], list[dict[str, Any]]] = defaultdict(list)
    counted: dict[tuple[str, str], dict[str, Any]] = {}
    for row, file in look.rows("adjustments", "match_id", spans):
        amount = format_shortest(row["amount"], row["exponent"], row["currency"])
        told = {"reason": row["reason"], "amount": amount, "currency": row["currency"], "policy": row["policy"]}
        reasons[hexadecimal(row["match_id"]), file.run_id].append(told)
        counted[hexadecimal(row["match_id"]), file.run_id] = row
    # What a payout is made of is told before where it arrived.
    in_turn = sorted(own, key=lambda o: (o[0]["claim"] != "transfer", o[0]["claim"], hexadecimal(o[0]["match_id"])))
    for row, file in in_turn:
        match_id, record_id = hexadecimal(row["match_id"]), hexadecimal(row["record_id"])
        run, members = runs[file.run_id], partners[match_id, file.run_id]
        # Of two currencies, a row's own says nothing of what they differ by: its adjustments do.
        apart = {name: counted.get((match_id, file.run_id), row)[name] for name in ("currency", "exponent")}
        others = [p for p in members if (hexadecimal(p["record_id"]), p["claim"]) != (record_id, row["claim"])]
        others.sort(key=lambda p: (p["side"] == row["side"], p["record_key"], hexadecimal(p["record_id"])))
        found[record_id][heading].append(
            {
                "match_id": match_id,
                **{name: row[name] for name in _OF_MATCH},
                "provisional": file.provisional,
                "claim": row["claim"],
                "side": row["side"],
                **{name: _written(row, name) for name in ("amount", "allocated")},
                "currency": row["currency"],
                "difference": _written(apart | {"difference": row["difference"]}, "difference"),
                "difference_currency": apart["currency"],
                "adjustments": reasons[match_id, file.run_id],
                "partners": [_partner(p) for p in others[:PARTNERS_MAX]],
                "partners_count": len(others),
                "evidence": json.loads(row["evidence"] or "{}"),
                "sums": _sums(members),
                "decided_by": row["decided_by"] or "rule",
                "run_id": file.run_id,
                "run_by": run["actor"],
                "known_at": _moment(run["at"]),
            },
        )


def _moment(microseconds: int) -> str:
    return f"{moment_of(microseconds):%Y-%m-%dT%H:%M:%SZ}"


def _tell_past(look: ResultRows, keys: list[Span], found: dict[str, dict[str, Any]], past: Past) -> None:
    """Describe the matches that the records were part of, oldest first, each with how it ended and what was said to it."""
    own, ends = [], {}
    for row, file in look.rows("matches", "record_key", keys):
        match_id = hexadecimal(row["match_id"])
        end = past.ended(bytes(row["match_id"]), row["status"], file)
        if end is not None and hexadecimal(row["record_id"]) in found:
            own.append((row, file))
            ends[match_id, file.run_id] = file.sequence, end
    _tell_matches(look, own, found, "past")
    for told in found.values():
        told["past"].sort(key=lambda match: ends[match["match_id"], match["run_id"]][0])
        for match in told["past"]:
            _, end = ends[match["match_id"], match["run_id"]]
            match |= {"ended": _end(end), "why": None}
            match |= {"said": look.results.runs[match["run_id"]]["reason"]}
            del match["sums"], match["evidence"]


def _end(end: Ended) -> dict[str, Any]:
    """Write how a match ended; ``allowed`` is who let rules make it again since, in the same form, or None."""
    allowed = None if end.allowed is None else _end(end.allowed)
    return asdict(end) | {"at": _moment(end.at), "allowed": allowed}


def _tell_ended(told: dict[str, Any]) -> None:
    """Say with an exception what a person had decided about it, where a correction ended that."""
    for exception in told["run_exceptions"]:
        decided = [m for m in told["past"] if m["decided_by"] != "rule" and m["claim"] == exception["claim"]]
        if decided and decided[-1]["ended"]["state"] == "voided":
            match = decided[-1]
            about = match | {"made_on": match["known_at"][:10], "ended_on": match["ended"]["at"][:10]}
            partners = [p["external_id"] or p["record_id"][:12] for p in match["partners"]]
            exception["note"] += "; " + sentence_of(about, partners, [a["reason"] for a in match["adjustments"]])


def _sums(rows: list[dict[str, Any]]) -> tuple[str, str] | None:
    """Sum what a match takes of both sides, where each has one currency."""
    said = []
    for side in ("left", "right"):
        taken = [row for row in rows if row["side"] == side]
        currencies = {row["currency"] for row in taken}
        if len(currencies) != 1:
            return None
        nine = sum(row["allocated"] * 10 ** (EXPONENT_MAX - row["exponent"]) for row in taken)
        said.append(format_shortest(nine, EXPONENT_MAX, currencies.pop()))
    return said[0], said[1]


def _partner(row: dict[str, Any]) -> dict[str, Any]:
    return {
        "record_id": hexadecimal(row["record_id"]),
        "side": row["side"],
        "claim": row["claim"],
        **{name: _written(row, name) for name in ("amount", "allocated")},
        "currency": row["currency"],
    }


def _position(row: dict[str, Any], currency: str, left: int) -> dict[str, Any]:
    """Say where a part stands that nothing has used up; what a later reconciliation may explain is open."""
    day = row["expected_on"]
    return {
        "reconciliation": row["reconciliation"],
        "claim": row["claim"],
        "state": "open" if row["state"] == "deferred" else row["state"],
        "amount": format_shortest(left, EXPONENT_MAX, currency),
        "currency": currency,
        "expected_on": None if day is None else day.isoformat(),
        "reason": row["reason"],
    }


def _exception(row: dict[str, Any], file: ResultFile) -> dict[str, Any]:
    """Say what a run could not decide, with what came nearest and why it was not taken."""
    plain = {
        name: row[name] for name in ("exception_id", "reconciliation", "claim", "side", "reason", "note", "currency")
    }
    return {
        **plain,
        "amount": format_shortest(row["amount"], row["exponent"], row["currency"]),
        "candidates": json.loads(row["candidates"] or "[]"),
        "run_id": file.run_id,
    }


def _read_records(
    con: duckdb.DuckDBPyConnection,
    lake: Lake,
    files: dict[str, list[LakeFile]],
    found: dict[str, dict[str, Any]],
    looked: set[str],
) -> dict[str, dict[str, Any]]:
    """Read the newest version of the records, of their partners and of what came nearest to them, by id."""
    named = looked | {name for name, told in found.items() if told["run_exceptions"]}
    named |= {p["record_id"] for told in found.values() for match in _every_match(told) for p in match["partners"]}
    named |= {one["record_id"] for told in found.values() for match in told["matches"] for one in runners_up(match)}
    named |= {c["record_id"] for told in found.values() for e in told["run_exceptions"] for c in e["candidates"]}
    if not named:
        return {}
    ids = sorted(map(bytes.fromhex, named | set(found)))
    fetch_versions(con, lake, files, ids, frozenset())
    names = ", ".join(f'"{name}"' for name in _READ)
    read = con.execute(f"select {names} from version_row order by gone is null, version").fetchall()
    rows = (dict(zip(_READ, row, strict=True)) for row in read)
    return {hexadecimal(row["record_id"]): row for row in rows}


def _every_match(told: dict[str, Any]) -> list[dict[str, Any]]:
    return [*told["matches"], *told["past"]]


def _name_partners(found: dict[str, dict[str, Any]], about: dict[str, dict[str, Any]]) -> None:
    """Say who the partners are, by their records."""
    for partner in (p for told in found.values() for match in _every_match(told) for p in match["partners"]):
        row = about.get(partner["record_id"], dict.fromkeys(_NAMED))
        day = row["booked_on"]
        partner |= {
            "source": row["source_id"],
            "account": row["account_id"],
            **{name: row[name] for name in ("external_id", "kind", "counterparty")},
            "booked_on": None if day is None else day.isoformat(),
        }


def _tell_why(match: dict[str, Any], record_id: str, about: dict[str, dict[str, Any]], rules: RulesOfRuns) -> None:
    """Say what a match rests on: ``evidence``, by field, and ``why``, as a sentence."""
    sides: dict[str, list[dict[str, Any]]] = {"left": [], "right": []}
    for side, name in [(match["side"], record_id), *((p["side"], p["record_id"]) for p in match["partners"])]:
        sides[side] += [about[name]] if name in about else []
    known = rules.rule(match["run_id"], match["rule"])
    fields = fields_of(known, sides["left"], sides["right"], match.pop("sums"))
    for one in runners_up(match):
        one["external_id"] = about[one["record_id"]]["external_id"] if one["record_id"] in about else None
    told = (sentence(fields), why_matched(match, known[1] if known else None))
    match["why"] = "; ".join(part for part in told if part) or None
    match["evidence"] = fields | match["evidence"]


def _tell_nearest(
    exception: dict[str, Any], record_id: str, about: dict[str, dict[str, Any]], rules: RulesOfRuns
) -> None:
    """Say of what came nearest which fields agree, and which rule it missed by how much."""
    ruled = rules.of(exception["run_id"])
    here = exception["side"]
    for candidate in exception["candidates"]:
        mine, theirs = about.get(record_id), about.get(candidate["record_id"])
        if mine is None or theirs is None or candidate["why"] in _OF_ONE_SIDE:
            continue
        left, right = (mine, theirs) if here == "left" else (theirs, mine)
        rows = [with_exponent(row) for row in (left, right)]
        measures = ["net" if claim == "settlement" else "amount" for claim in (ruled.claims if ruled else ("", ""))]
        amounts = [row[name] for row, name in zip(rows, measures, strict=True)]
        grouped = ruled is not None and any(
            group is not None and row["kind"] not in PAID_OUT for group, row in zip(ruled.group, rows, strict=True)
        )
        if grouped or None in amounts:  # together with the other lines of its settlement it is one thing
            continue
        texts = [
            format_shortest(amount, row["exponent"], row["currency"]) for amount, row in zip(amounts, rows, strict=True)
        ]
        candidate["evidence"] = fields_of(None, [rows[0]], [rows[1]], (texts[0], texts[1]))
        if candidate["why"] == "selection":  # no rule asked for the two of them alone
            continue
        # What is on the left, and what on the right, of those that share an identifier with the other of the two.
        told = [told_together(candidate.get(where)) for where in ("here", "there")]
        together = (told[0], told[1]) if here == "left" else (told[1], told[0])
        exchanged = told_exchanged(candidate.get("exchanged"), here)
        candidate["missed"] = missed(ruled, rows[0], rows[1], (amounts[0], amounts[1]), together, exchanged)


def with_exponent(row: dict[str, Any]) -> dict[str, Any]:
    """Give a record with its number of decimals, which is its currency's where it has none of its own."""
    exponent = row["exponent"]
    return {**row, "exponent": exponent_of(row["currency"]) if exponent is None else exponent}
