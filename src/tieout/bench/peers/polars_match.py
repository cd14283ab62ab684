"""
The job in Polars: what an analyst would write who knows the data, step by step what ``pandas_match`` does.

Documents with lines: by reference and amount, by the reference however it is spelled, with a small difference, in the
currency of the books; then by name, day and about the amount, if each is the other's best. Payouts with bank lines: by
the number in the text and the sum, then by an amount that only one has. It proves nothing and keeps no reasons.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import polars as pl

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["in_euro", "is_near", "match", "match_items", "match_payouts", "mutual_best", "read_rates"]

_DECIMALS = {"JPY": 0, "KWD": 3, "BHD": 3}
_CENT = 100_000


def match(data: Path, into: Path) -> None:
    """Read the pairs of a folder, bring them together, write what was found."""
    lines, documents, bank = (pl.read_parquet(data / f"{name}.parquet") for name in ("psp", "erp", "bank"))
    sold = lines.filter(pl.col("type").is_in(["charge", "refund"]))
    items, left, right = match_items(documents, sold, read_rates(data))
    payouts, still, unknown = match_payouts(lines, bank)
    items.write_parquet(into / "items.parquet")
    payouts.write_parquet(into / "payouts.parquet")
    opened = ((left, "doc_no"), (right, "txn_id"), (still, "payout_id"), (unknown, "line_id"))
    pl.concat([frame.select(id=name) for frame, name in opened]).write_parquet(into / "open.parquet")


def read_rates(data: Path) -> pl.DataFrame | None:
    """Read the rates of every day, in hundred-thousandths of a euro; None: there are none."""
    if not (data / "rates.csv").exists():
        return None
    whole = pl.col("rate").str.split(".")
    worth = whole.list.get(0).cast(pl.Int64) * _CENT + whole.list.get(1).str.slice(0, 5).str.pad_end(5, "0").cast(
        pl.Int64
    )
    rates = pl.read_csv(data / "rates.csv", schema_overrides={"rate": pl.String}, try_parse_dates=True)
    return rates.select(ccy="base", day=pl.col("date").cast(pl.Int32), worth=worth)


def match_items(documents: Any, lines: Any, rates: Any) -> tuple[Any, Any, Any]:
    """Bring documents and lines together."""
    documents = documents.rename({"reference": "ref"})
    lines = lines.rename({"order_ref": "ref", "gross": "amount"})
    found = []

    def keep(pairs: Any, rule: str) -> None:
        nonlocal documents, lines
        pairs = pairs.filter(pl.col("doc_no").is_unique() & pl.col("txn_id").is_unique())
        found.append(pairs.select(doc="doc_no", txn="txn_id", rule=pl.lit(rule)))
        documents = documents.join(pairs, on="doc_no", how="anti")
        lines = lines.join(pairs, on="txn_id", how="anti")

    keep(documents.filter(pl.col("ref") != "").join(lines, on=["ref", "ccy", "amount"]), "exact")
    spelled = pl.col("ref").str.to_uppercase().str.replace_all(r"[^A-Z0-9]", "")
    documents, lines = (frame.with_columns(norm=spelled) for frame in (documents, lines))
    keep(documents.filter(pl.col("norm") != "").join(lines, on=["norm", "ccy", "amount"]), "spelled otherwise")
    named = documents.filter(pl.col("norm") != "")
    near = named.join(lines, on=["norm", "ccy"], suffix="_l")
    keep(near.filter(is_near("amount", "amount_l")), "a small difference")
    if rates is not None:
        both = in_euro(documents.filter(pl.col("norm") != ""), rates).join(
            in_euro(lines, rates), on="norm", suffix="_l"
        )
        keep(both.filter(is_near("euro", "euro_l") & (pl.col("ccy") != pl.col("ccy_l"))), "another currency")
    name = pl.col("customer").str.to_uppercase().str.slice(0, 18).str.strip_chars()
    documents, lines = (frame.with_columns(name=name) for frame in (documents, lines))
    apart = (pl.col("day") - pl.col("day_l")).abs()
    near = documents.join(lines, on=["name", "ccy"], suffix="_l").filter(is_near("amount", "amount_l") & (apart <= 3))
    keep(
        mutual_best(near.with_columns(score=1000 - apart * 10 - (pl.col("amount") - pl.col("amount_l")).abs())),
        "name, day and amount",
    )
    return pl.concat(found), documents, lines


def is_near(left: str, right: str) -> Any:
    """Whether two amounts differ by no more than half a percent, or one cent."""
    one, other = pl.col(left), pl.col(right)
    return (one - other).abs() <= pl.max_horizontal(pl.max_horizontal(one.abs(), other.abs()) // 200, 1)


def in_euro(frame: Any, rates: Any) -> Any:
    """Add what an amount is in euro cents at the rate of its day."""
    worth = pl.col("worth").fill_null(_CENT)
    units = pl.col("ccy").replace_strict({code: 10**places for code, places in _DECIMALS.items()}, default=100)
    frame = frame.join(rates, on=["ccy", "day"], how="left")
    return frame.with_columns(euro=pl.col("amount") * worth * 100 // (_CENT * units.cast(pl.Int64))).drop("worth")


def mutual_best(pairs: Any) -> Any:
    """Keep the pairs that are the best of both, without a tie."""
    for side in ("doc_no", "txn_id"):
        pairs = pairs.filter(pl.col("score") == pl.col("score").max().over(side))
        pairs = pairs.filter(pl.col(side).is_unique())
    return pairs


def match_payouts(lines: Any, bank: Any) -> tuple[Any, Any, Any]:
    """Bring the sums of payouts and bank lines together."""
    payouts = lines.group_by("payout_id", "ccy").agg(net=pl.col("net").sum(), paid=pl.col("day").max())
    payouts = payouts.filter(pl.col("net") != 0)
    found = []

    def keep(pairs: Any, rule: str) -> None:
        nonlocal payouts, bank
        found.append(pairs.select(payout="payout_id", line="line_id", rule=pl.lit(rule)))
        payouts = payouts.join(pairs, on="payout_id", how="anti")
        bank = bank.join(pairs, on="line_id", how="anti")

    words = pl.col("description").str.replace_all(r"[\s/]+", " ").str.split(" ")
    named = bank.with_columns(payout_id=words).explode("payout_id").join(payouts, on=["payout_id", "ccy"])
    named = named.unique(["line_id", "payout_id"])
    keep(named.filter(pl.col("amount") == pl.col("net")).filter(pl.col("payout_id").is_unique()), "number and amount")
    named = named.join(payouts, on="payout_id", how="semi").join(bank, on="line_id", how="semi")
    keep(named.filter(pl.col("amount").sum().over("payout_id") == pl.col("net")), "number and sum")
    same = payouts.join(bank, left_on=["ccy", "net"], right_on=["ccy", "amount"])
    same = same.filter((pl.col("day") - pl.col("paid")).is_between(0, 7))
    keep(same.filter(pl.col("payout_id").is_unique() & pl.col("line_id").is_unique()), "the only one of that amount")
    return pl.concat(found), payouts, bank
