"""
The job in pandas: what an analyst would write who knows the data.

Documents with lines: by reference and amount, by the reference however it is spelled, with a small difference, in the
currency of the books; then by name, day and about the amount, if each is the other's best. Payouts with bank lines: by
the number in the text and the sum, then by an amount that only one has. It proves nothing and keeps no reasons.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pandas as pd

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["in_euro", "is_near", "match", "match_items", "match_payouts", "mutual_best", "read_rates"]

_DECIMALS = {"JPY": 0, "KWD": 3, "BHD": 3}
_CENT = 100_000


def match(data: Path, into: Path) -> None:
    """Read the pairs of a folder, bring them together, write what was found."""
    lines = pd.read_parquet(data / "psp.parquet")
    documents = pd.read_parquet(data / "erp.parquet")
    bank = pd.read_parquet(data / "bank.parquet")
    items, left, right = match_items(documents, lines[lines["type"].isin(["charge", "refund"])], read_rates(data))
    payouts, still, unknown = match_payouts(lines, bank)
    items.to_parquet(into / "items.parquet")
    payouts.to_parquet(into / "payouts.parquet")
    open_ids = [left["doc_no"], right["txn_id"], still["payout_id"], unknown["line_id"]]
    pd.concat(open_ids).to_frame("id").to_parquet(into / "open.parquet")


def read_rates(data: Path) -> pd.DataFrame | None:
    """Read the rates of every day, in hundred-thousandths of a euro; None: there are none."""
    if not (data / "rates.csv").exists():
        return None
    rates = pd.read_csv(data / "rates.csv", dtype={"rate": str})
    rates["day"] = (pd.to_datetime(rates["date"]) - pd.Timestamp("1970-01-01")).dt.days
    whole = rates["rate"].str.split(".", expand=True)
    rates["worth"] = whole[0].astype("int64") * _CENT + whole[1].str[:5].str.ljust(5, "0").astype("int64")
    return rates.rename(columns={"base": "ccy"})[["ccy", "day", "worth"]]


def match_items(documents: Any, lines: Any, rates: Any) -> tuple[Any, Any, Any]:
    """Bring documents and lines together."""
    documents = documents.rename(columns={"reference": "ref"})
    lines = lines.rename(columns={"order_ref": "ref", "gross": "amount"})
    found = []

    def keep(pairs: Any, rule: str) -> None:
        nonlocal documents, lines
        alone = ~pairs["doc_no"].duplicated(keep=False) & ~pairs["txn_id"].duplicated(keep=False)
        pairs = pairs[alone]
        found.append(pairs[["doc_no", "txn_id"]].assign(rule=rule))
        documents = documents[~documents["doc_no"].isin(pairs["doc_no"])]
        lines = lines[~lines["txn_id"].isin(pairs["txn_id"])]

    keep(documents[documents["ref"] != ""].merge(lines, on=["ref", "ccy", "amount"]), "exact")
    for frame in (documents, lines):
        frame["norm"] = frame["ref"].str.upper().str.replace(r"[^A-Z0-9]", "", regex=True)
    keep(documents[documents["norm"] != ""].merge(lines, on=["norm", "ccy", "amount"]), "spelled otherwise")
    named = documents[documents["norm"] != ""]
    near = named.merge(lines, on=["norm", "ccy"], suffixes=("_d", "_l"))
    keep(near[is_near(near["amount_d"], near["amount_l"])], "a small difference")
    if rates is not None:
        both = (in_euro(documents[documents["norm"] != ""], rates), in_euro(lines, rates))
        near = both[0].merge(both[1], on="norm", suffixes=("_d", "_l"))
        keep(near[is_near(near["euro_d"], near["euro_l"]) & (near["ccy_d"] != near["ccy_l"])], "another currency")
    for frame in (documents, lines):
        frame["name"] = frame["customer"].str.upper().str[:18].str.strip()
    near = documents.merge(lines, on=["name", "ccy"], suffixes=("_d", "_l"))
    near["apart"] = (near["day_d"] - near["day_l"]).abs()
    near = near[(near["apart"] <= 3) & is_near(near["amount_d"], near["amount_l"])]
    near["score"] = 1000 - near["apart"] * 10 - (near["amount_d"] - near["amount_l"]).abs()
    keep(mutual_best(near), "name, day and amount")
    return pd.concat(found).rename(columns={"doc_no": "doc", "txn_id": "txn"}), documents, lines


def is_near(left: Any, right: Any) -> Any:
    """Whether two amounts differ by no more than half a percent, or one cent."""
    return (left - right).abs() <= (left.abs().combine(right.abs(), max) // 200).clip(lower=1)


def in_euro(frame: Any, rates: Any) -> Any:
    """Add what an amount is in euro cents at the rate of its day."""
    frame = frame.merge(rates, on=["ccy", "day"], how="left")
    worth = frame["worth"].fillna(_CENT).astype("int64")
    units = frame["ccy"].map(_DECIMALS).fillna(2).astype("int64")
    return frame.assign(euro=frame["amount"] * worth * 100 // (_CENT * 10**units))


def mutual_best(pairs: Any) -> Any:
    """Keep the pairs that are the best of both, without a tie."""
    for side in ("doc_no", "txn_id"):
        best = pairs.groupby(side)["score"].transform("max")
        pairs = pairs[pairs["score"] == best]
        pairs = pairs[~pairs[side].duplicated(keep=False)]
    return pairs


def match_payouts(lines: Any, bank: Any) -> tuple[Any, Any, Any]:
    """Bring the sums of payouts and bank lines together."""
    payouts = lines.groupby(["payout_id", "ccy"], as_index=False).agg(net=("net", "sum"), paid=("day", "max"))
    payouts = payouts[payouts["net"] != 0]
    found = []

    def keep(pairs: Any, rule: str) -> None:
        nonlocal payouts, bank
        found.append(pairs[["payout_id", "line_id"]].assign(rule=rule))
        payouts = payouts[~payouts["payout_id"].isin(pairs["payout_id"])]
        bank = bank[~bank["line_id"].isin(pairs["line_id"])]

    words = bank.assign(word=bank["description"].str.split(r"[\s/]+", regex=True)).explode("word")
    named = words.merge(payouts, left_on=["word", "ccy"], right_on=["payout_id", "ccy"])
    named = named.drop_duplicates(["line_id", "payout_id"])
    keep(named[named["amount"] == named["net"]].drop_duplicates("payout_id", keep=False), "number and amount")
    named = named[named["payout_id"].isin(payouts["payout_id"]) & named["line_id"].isin(bank["line_id"])]
    keep(named[named.groupby("payout_id")["amount"].transform("sum") == named["net"]], "number and sum")
    same = payouts.merge(bank, left_on=["ccy", "net"], right_on=["ccy", "amount"])
    same = same[(same["day"] - same["paid"]).between(0, 7)]
    alone = ~same["payout_id"].duplicated(keep=False) & ~same["line_id"].duplicated(keep=False)
    keep(same[alone], "the only one of that amount")
    return pd.concat(found).rename(columns={"payout_id": "payout", "line_id": "line"}), payouts, bank
