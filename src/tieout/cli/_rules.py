"""
``tieout rules test`` and ``tieout rules mine``: rules are tried on history, and proposed from decisions.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from tieout.cli._asked import JsonOption, WorkspaceOption, asked
from tieout.cli._opening import opened
from tieout.cli._output import measured, progress, say, say_json, say_table

if TYPE_CHECKING:
    from tieout.matching.backtesting.backtest import BackTest, Score
    from tieout.matching.mining.mine import Mined, Proposal

__all__ = ["rules"]

#: So many pairs that differ are shown to people, of each kind.
_SHOWN = 10

rules = typer.Typer(
    help="Try rules on history, and find new ones in decisions; nothing is activated.", rich_markup_mode=None
)

_Named = Annotated[
    str | None,
    typer.Option("--reconciliation", metavar="NAME", help="Which one (default: those that name these rules)."),
]


@rules.command(name="test")
def on_trial(
    context: typer.Context,
    candidate: Annotated[str, typer.Argument(metavar="RULES", help="A rule file, or the name of a set that ships.")],
    reconciliation: _Named = None,
    workspace: WorkspaceOption = None,
    as_json: JsonOption = False,  # noqa: FBT002 - typer calls it so
) -> None:
    """
    Hold a rule set against what is decided: what it finds, what it misses, which money it would move.

    Precision: of the pairs that it puts together and that decisions speak of, the share that is decided so. Recall: of the
    pairs that are decided, the share that it puts together. Decided are matches that a person made or approved, and those
    of exact rules; what a person rejected or took back is decided against. Nothing is kept.

    Exit status: 0 it contradicts no decision and gives up nothing that is matched; 1 it does, or nothing is decided yet.
    To leave a decided pair to a person, or only to propose it, contradicts nothing.
    """
    from tieout import pipeline

    wanted = asked(context, workspace, as_json=as_json)
    with opened(wanted) as (place, store), progress("trying ...", quiet=wanted.as_json) as heard:
        limit = None if wanted.as_json else _SHOWN
        named = _as_named(candidate, place.folder)
        found = list(pipeline.try_rules(store, place, named, reconciliation, limit=limit, progress=heard))
    if wanted.as_json:
        phases = {phase for one in found for phase in one.seconds}
        seconds = {phase: sum(one.seconds.get(phase, 0.0) for one in found) for phase in sorted(phases)}
        say_json({"tests": [_as_json(one) for one in found], **measured(seconds)})
    else:
        for one in found:
            _show(one)
    raise typer.Exit(int(not found or any(not one.harmless for one in found)))


@rules.command()
def mine(
    context: typer.Context,
    reconciliation: Annotated[
        str | None, typer.Option("--reconciliation", metavar="NAME", help="Which one (default: all).")
    ] = None,
    out: Annotated[
        Path | None,
        typer.Option(
            "--out",
            metavar="FILE",
            help="Write today's rules with what is proposed; a new file, as typed or else in the workspace.",
        ),
    ] = None,
    least: Annotated[int, typer.Option(metavar="N", min=1, help="So many decisions must speak for a proposal.")] = 3,
    workspace: WorkspaceOption = None,
    as_json: JsonOption = False,  # noqa: FBT002 - typer calls it so
) -> None:
    """
    Propose names of one party, normalisations and rules from what people decided; nothing is activated.

    Each is tried on all facts first: what puts together what a person rejected, took back or decided otherwise is not
    proposed, and listed apart. To accept: --out FILE, delete what you do not want, `tieout rules test FILE`, keep the file
    in rules/, and name it in tieout.toml.
    """
    from tieout import pipeline

    wanted = asked(context, workspace, as_json=as_json)
    with opened(wanted) as (place, store), progress("mining ...", quiet=wanted.as_json) as heard:
        into = None if out is None else _placed(out, place.folder)
        if into is not None:
            _refuse_out(into, reconciliation, [one.id for one in place.reconciliations])
        found = list(pipeline.mine(store, place, reconciliation, least=least, progress=heard))
    written = into is not None and any(one.proposals for one in found)
    if into is not None and written:
        _write_proposed(into, found[0])
    if wanted.as_json:
        content = {"mined": [_mined_as_json(one) for one in found], "out": str(out) if written else None}
        say_json({**content, **measured({"mine": sum(one.seconds["mine"] for one in found)})})
        return
    for one in found:
        _show_mined(one)
    if written:
        say(f"{out}: today's rules with what is proposed; delete what you do not want, then `tieout rules test {out}`")
    elif out is not None:
        say(f"{out} was not written: nothing is proposed")


def _placed(out: Path, folder: Path) -> Path:
    """
    Say where a file is to be written: as typed, or in the workspace where the current folder has no such folder.

    So a path names one file to ``mine --out`` and to ``test``.
    """
    from tieout.errors import WrongUse

    for place in (Path.cwd() / out, folder / out):
        if place.parent.is_dir():
            return place
    message = (
        f"--out: expected a file in a folder that is there, got {out}: neither {(Path.cwd() / out).parent} nor"
        f" {(folder / out).parent} is a folder"
    )
    raise WrongUse(message)


def _refuse_out(out: Path, reconciliation: str | None, names: list[str]) -> None:
    from tieout.errors import WrongUse

    if reconciliation is None and len(names) > 1:
        message = (
            f"expected --reconciliation NAME beside --out, which holds the rules of one ({', '.join(names)}), got none"
        )
        raise WrongUse(message)
    if out.exists():
        message = f"--out: expected a new file, got {out}, which is there: name another one"
        raise WrongUse(message)


def _write_proposed(out: Path, mined: Mined) -> None:
    from tieout.matching.mining.mine import proposed_text

    with out.open("x", encoding="utf-8") as file:
        file.write(proposed_text(mined))


def _mined_as_json(found: Mined) -> dict[str, Any]:
    return {
        "reconciliation": found.reconciliation,
        "decisions": {name.replace(" ", "_"): count for name, count in found.decisions.items()},
        "proposals": [_proposal_as_json(one) for one in found.proposals],
        "failed": [_proposal_as_json(one) for one in found.failed],
        "judged": {rule: {"approved": yes, "rejected": no} for rule, (yes, no) in found.judged.items()},
    }


def _proposal_as_json(one: Proposal) -> dict[str, Any]:
    return {
        "kind": one.kind,
        "what": one.what,
        "supports": one.supports,
        "exact": one.exact,
        "against": one.against,
        "opens": one.opens,
        "toml": one.text,
    }


def _show_mined(found: Mined) -> None:
    told = [f"{count} {name}" for name, count in found.decisions.items() if count]
    say(f"{found.reconciliation}: decisions read: {', '.join(told) or 'none'}")
    counts = frozenset({"for", "against", "open pairs"})
    if found.proposals:
        rows = [
            (str(n), p.kind, p.what, str(p.supports), str(p.against), str(p.opens))
            for n, p in enumerate(found.proposals, 1)
        ]
        say_table(("", "proposed", "what", "for", "against", "open pairs"), rows, counts)
    else:
        say("nothing is proposed")
    if found.failed:
        say("tempting, and contradicted by decisions:")
        failed = [(p.kind, p.what, str(p.supports), str(p.against)) for p in found.failed]
        say_table(("not proposed", "what", "for", "against"), failed, counts)
    for rule, (approved, rejected) in found.judged.items():
        say(f"proposals of {rule!r}: {approved} approved, {rejected} rejected")


def _as_named(candidate: str, folder: Path) -> str:
    """Give a path as typed relative to the workspace, where there is a file; else leave it, for the workspace to look up."""
    typed = Path.cwd() / candidate
    if not typed.is_file():
        return candidate
    whole = typed.resolve()
    return str(whole.relative_to(folder)) if whole.is_relative_to(folder) else str(whole)


def _as_json(found: BackTest) -> dict[str, Any]:
    return {
        "reconciliation": found.reconciliation,
        "rules": found.rules_id,
        "digest": found.digest,
        "through": found.through.isoformat(),
        "enough": found.enough,
        "harmless": found.harmless,
        "behind": found.behind,
        "decided": {how.replace(" ", "_"): count for how, count in found.decided.items()},
        "refused_pairs": found.refused,
        "outdated": found.outdated,
        **_score_as_json(found.confirmed),
        "with_proposals": _score_as_json(found.proposed),
        "found_as_of_then": found.earlier,
        "not_asked_as_of_then": found.unasked,
        "by_rule": found.rules,
        "money": found.money,
        "against": found.against,
        "against_count": found.against_count,
        "missed_count": found.missed_count,
        "moves": found.moves,
        "moves_count": found.moves_count,
    }


def _score_as_json(score: Score) -> dict[str, Any]:
    pairs = {"decided": score.decided, "found": score.found, "wrong": score.wrong, "open": score.open}
    return {"precision": score.precision, "recall": score.recall, "pairs": pairs}


def _show(found: BackTest) -> None:
    say(f"{found.rules_id} for {found.reconciliation}, through {found.through}")
    if found.behind:
        say("facts came since the last run: run `tieout match` first, or what they bring is counted as newly matched")
    told = [f"{count} {how}" for how, count in found.decided.items() if count]
    say(f"decided matches: {', '.join(told) or 'none'}; decided against: {_pairs(found.refused)}")
    if found.outdated:
        say(f"not judged: {found.outdated} matches of which a record was corrected since")
    if not found.enough:
        say(
            "too little to judge: no match is decided yet, by an exact rule or by a person; precision and recall say nothing"
        )
    say_table(
        ("", "precision", "recall", "decided pairs", "found", "wrong", "not decided"),
        [_scored("confirmed", found.confirmed), _scored("confirmed and proposed", found.proposed)],
        frozenset({"precision", "recall", "decided pairs", "found", "wrong", "not decided"}),
    )
    say("precision: of the pairs put together that decisions speak of, the share that is decided so")
    say("recall: of the pairs that are decided, the share that is put together")
    if found.earlier:
        say(f"{_pairs(found.earlier)} found as things stood when decided; what came since fits as well")
    if found.unasked:
        say(f"{_pairs(found.unasked)} not asked as of when they were decided: they are of too many moments")
    say()
    rows = [
        (r["rule"], "yes" if r["confirms"] else "no", *(str(r[n]) for n in ("right", "wrong", "open")))
        for r in found.rules
    ]
    say_table(("rule", "confirms", "right", "wrong", "not decided"), rows, frozenset({"right", "wrong", "not decided"}))
    say()
    if found.money:
        say("money that would move:")
        money = [(m["change"], m["side"], str(m["items"]), m["amount"], m["currency"]) for m in found.money]
        say_table(("change", "side", "records", "amount", "currency"), money, frozenset({"records", "amount"}))
    else:
        say("money that would move: none")
    differing = {change: [p for p in found.against if p["change"] == change] for change in ("wrong", "missed")}
    _show_pairs("against decisions", differing["wrong"], found.against_count - found.missed_count)
    _show_pairs("decided, and not confirmed by these rules", differing["missed"], found.missed_count)
    _show_pairs("that would move", found.moves, found.moves_count)


def _pairs(count: int) -> str:
    return f"{count} pair{'' if count == 1 else 's'}"


def _scored(what: str, score: Score) -> tuple[str, ...]:
    counts = (score.decided, score.found, score.wrong, score.open)
    return (what, score.precision or "-", score.recall or "-", *map(str, counts))


def _show_pairs(what: str, pairs: list[dict[str, Any]], count: int) -> None:
    if not count:
        return
    more = (f", the first {len(pairs)}" if pairs else "") + " (all: --json)" if len(pairs) < count else ""
    say(f"{_pairs(count)} {what}{more}{':' if pairs else ''}")
    if not pairs:
        return
    rows = [
        (p["change"], *_called(p["left"]), *_called(p["right"]), p["today"] or "", p["instead"] or "") for p in pairs
    ]
    headings = ("pair", "left", "amount", "right", "amount ", "today", "with these rules")
    say_table(headings, rows, frozenset({"amount", "amount "}))


def _called(record: dict[str, Any]) -> tuple[str, str]:
    name = record["external_id"] or record["record_id"][:8]
    return name, f"{record['amount']} {record['currency']}" if record["amount"] is not None else ""
