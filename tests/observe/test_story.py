"""The chain of one thing: who hangs together, what ties, and where it breaks."""

from pathlib import Path

import pytest

from tests.observe.traded import Traded
from tests.web.company import Office, claim, matched
from tieout.observe.things.chain import FOLLOWED_MAX, STAGES
from tieout.observe.things.story import Chain, chain_of


def chain(office: Office, condition: str) -> Chain:
    record = office.records(condition)[0]
    return chain_of(office.store, bytes(record["record_id"]).hex())


def stages(found: Chain) -> dict[str, tuple[str, list[str | None]]]:
    return {stage.name: (stage.state, [record.external_id for record in stage.records]) for stage in found.stages}


@pytest.mark.parametrize("condition", ["external_id = 'ch_3QE03LkdIwHu7ix1c03'", "external_id = 'A-1043'"])
def test_a_charge_leads_to_its_order_its_payout_and_the_bank(office: Office, condition: str) -> None:
    found = chain(office, condition)
    told = stages(found)
    assert list(told) == list(STAGES)
    assert told["order"] == ("seen", ["A-1043"])
    assert told["charge"][1] == ["ch_3QE03LkdIwHu7ix1c03"]
    assert told["payout"] == ("tied", ["po_1QF2a9LkdIwHu7ixPt01"])
    assert told["bank"][0] == "tied"
    assert told["journal"] == ("none", [])
    assert not found.is_broken
    (match,) = found.matches
    assert match.rule == "settlement id in the bank's text"
    assert {part.claim for part in match.records} == {"settlement", "bank"}
    assert match.evidence["amount"]["agree"]


def test_a_payout_shows_some_of_its_lines_and_counts_the_rest(office: Office) -> None:
    found = chain(office, "kind = 'payout' and external_id = 'po_1QF2a9LkdIwHu7ixPt01'")
    charges = next(stage for stage in found.stages if stage.name == "charge")
    assert len(charges.records) == 3
    assert charges.more > 0


def test_a_bank_line_that_nothing_explains_breaks_before_itself(office: Office) -> None:
    found = chain(office, "external_id = 'B26A01'")
    assert found.is_broken
    assert [stage.name for stage in found.stages if stage.breaks] == ["payout"]
    assert [item.reason for item in found.items] == ["ambiguous"]
    assert stages(found)["bank"] == ("off", ["B26A01"])


def test_the_same_chain_is_reached_from_each_of_its_ends(office: Office) -> None:
    there = chain(office, "external_id = 'ch_3QE03LkdIwHu7ix1c03'")
    bank = next(stage for stage in there.stages if stage.name == "bank").records[0]
    back = chain_of(office.store, bank.record_id)
    assert stages(back)["payout"] == stages(there)["payout"]
    assert stages(back)["bank"] == stages(there)["bank"]


def test_a_match_of_many_shows_what_the_story_is_about_and_sums_the_rest(tmp_path: Path) -> None:
    office = matched(tmp_path / "acme")
    payout = office.records("kind = 'payout' and external_id = 'po_1QF2a9LkdIwHu7ixPt01'")[0]
    listed = office.records(f"settlement_id = '{payout['settlement_id']}' and kind <> 'payout'")
    match = bytes([9]) * 16
    lines = [claim(record, match, "left", "settlement") for record in listed]
    office.run("composed", matches=[*lines, claim(payout, match, "right", "transfer")])
    ids = [bytes(record["record_id"]).hex() for record in listed]
    found = chain_of(office.store, ids[0])
    (composed,) = (one for one in found.matches if one.match_id == match.hex())
    shown = [part for part in composed.records if part.side == "left"]
    assert [part.record.record_id for part in shown if part.record] == ids[:1]
    rest = composed.rest["left"]
    assert rest.count == len(lines) - 1
    assert rest.allocated + shown[0].allocated == sum(row["allocated"] for row in lines)
    assert composed.rest["right"].count == 0
    assert found.beside == len(lines) - 1
    told = {record.record_id for stage in found.stages for record in stage.records}
    assert not told & set(ids[1:])
    whole = chain_of(office.store, bytes(payout["record_id"]).hex())
    (composed,) = (one for one in whole.matches if one.match_id == match.hex())
    assert len(composed.records) == 1 + min(len(lines), FOLLOWED_MAX)
    office.store.close()


def test_the_story_of_a_charge_has_no_other_customer_in_it(group: Traded) -> None:
    records = {row["record_id"]: row for row in group.table("records")}
    tied: dict[str, set[str]] = {}
    for row in group.table("matches"):
        tied.setdefault(row["match_id"], set()).add(row["record_id"])
    charges = [row for row in records.values() if row["kind"] == "charge" and row["settlement_id"]]
    assert charges
    for charge in sorted(charges, key=lambda row: row["record_id"])[:: len(charges) // 10]:
        found = chain_of(group.store, charge["record_id"])
        told = [one for stage in found.stages for one in stage.records]
        documents = {one.record_id for one in told if one.kind in STAGES["document"]}
        own = {name for match in tied.values() if charge["record_id"] in match for name in match}
        assert documents >= {name for name in own if records[name]["kind"] in STAGES["document"]}
        for one in told:
            there = records[one.record_id]
            if there["kind"] not in (*STAGES["payout"], *STAGES["bank"], *STAGES["journal"]):
                named = {charge["external_id"], charge["payment_id"], *charge["references"]}
                mine = {there["external_id"], there["payment_id"], there["parent_external_id"], *there["references"]}
                assert one.record_id in own or (named & mine) - {None}, (charge, there)
        lines = [row for row in records.values() if row["settlement_id"] == charge["settlement_id"]]
        lines = [row for row in lines if row["kind"] not in ("payout", "payout_reversal", "top_up", "bank_entry")]
        assert found.beside == len({row["record_id"] for row in lines} - {one.record_id for one in told})
