"""The chain of one thing: who hangs together, what ties, and where it breaks."""

from pathlib import Path

import pytest

from tests.web.company import Office, claim, matched
from tieout.observe.story import PARTS_MAX, STAGES, Chain, chain_of


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


def test_a_match_of_many_shows_some_and_sums_the_rest(tmp_path: Path) -> None:
    office = matched(tmp_path / "acme")
    payout = office.records("kind = 'payout' and external_id = 'po_1QF2a9LkdIwHu7ixPt01'")[0]
    listed = office.records(f"settlement_id = '{payout['settlement_id']}' and kind <> 'payout'")
    match = bytes([9]) * 16
    rows = [claim(record, match, "left", "settlement") for record in listed * 3]
    office.run("composed", matches=[*rows, claim(payout, match, "right", "transfer")])
    found = chain_of(office.store, bytes(listed[0]["record_id"]).hex()).matches[0]
    shown = [part for part in found.records if part.side == "left"]
    assert len(shown) == PARTS_MAX
    assert shown[0].record is not None
    assert shown[0].record.record_id == bytes(listed[0]["record_id"]).hex()
    rest = found.rest["left"]
    assert rest.count == len(rows) - PARTS_MAX
    assert rest.allocated + sum(part.allocated for part in shown) == sum(row["allocated"] for row in rows)
    assert found.rest["right"].count == 0
    office.store.close()
