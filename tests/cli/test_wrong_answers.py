"""What is asked wrongly is wrong use, at once and in one sentence; what is asked rightly is found."""

from pathlib import Path

import pytest

from tests.cli.office import Office, camt, entry
from tests.packing import zipped

COUNTED = (
    "reporting_category,currency,count,gross,fee,net\ncharge,eur,3,30.00,1.00,29.00\ntotal,eur,3,30.00,1.00,29.00\n"
)


@pytest.fixture
def office(tmp_path: Path) -> Office:
    return Office(tmp_path)


def test_wrong_use_is_said_at_once(office: Office) -> None:
    landed = office.ingest("s.xml", camt("1.00", "6.00", entry("5.00")), "bank").said["deliveries"][0]["delivery_id"]
    for arguments, sentence in [
        (("book", "move", "nonsense"), "expected a URL such as sqlite:///.tieout/book.db"),
        (("book", "move", "mysql://u:secret@h/x"), "to move the book to, got a URL of mysql"),
        (("verify", "nosuchrun"), "expected the id of a run, or how it begins, got 'nosuchrun'"),
        (("verify", ""), "expected the id of a run"),
        (("replay", "", "--reason", "x"), "at least its first 6 characters, or the name of its file, got ''"),
        (("replay", " ", "--reason", "x"), "expected the id of a delivery"),
        (("replay", landed[:5], "--reason", "x"), "expected the id of a delivery"),
        (("resolve", "", "--reason", "x"), "expected the id of an exception"),
        (("undo", "", "--reason", "x"), "expected"),
        (("approve", "", "--reason", "x"), "expected"),
        (("reject", "", "--reason", "x"), "expected"),
        (("quarantine", "--settle", "", "--reason", "x"), "expected"),
        *(
            (("export", "records", "--to", "r.csv", option, ""), "expected")
            for option in ("--entity", "--account", "--period")
        ),
        (("export", "records", "--to", "r.csv", "--as-of", ""), "expected"),
        (("export", "matches", "--to", "r.csv", "--run", ""), "expected"),
        (("ingest", "--source", ""), "expected"),
        (("match", ""), "expected"),
        (("proof", ""), "expected"),
        (("replay", landed, "--reason", ""), "expected words behind --reason"),
        (("replay", landed, "--reason", "  "), "expected words behind --reason"),
        (("resolve", "abc", "--reason", ""), "expected words behind --reason"),
        (("resolve", "abc"), "expected the reason why it needs nothing more (--reason)"),
        (
            ("resolve", "abc", "--reason", "x", "--match", "i", "--as", "discount", "--as", "bank_charge"),
            "expected an amount of each reason but one, got discount and bank_charge without",
        ),
        (
            ("resolve", "abc", "--reason", "x", "--as", "discount"),
            "expected the record that it belongs to (--match ID)",
        ),
        (("undo", "abc", "--reason", ""), "expected words behind --reason"),
        (("approve", "abc", "--reason", ""), "expected words behind --reason"),
        (("reject", "abc", "--reason", ""), "expected words behind --reason"),
        (("explain", ""), "expected an identifier to explain, got an empty one"),
    ]:
        answer = office.run(*arguments)
        assert answer.status == 2, (arguments, answer)
        assert sentence in answer.err
        assert "secret" not in answer.err


def test_a_file_in_an_archive_is_found_by_its_name(office: Office) -> None:
    office.ingest("day.zip", zipped(**{"day1.xml": camt("1.00", "6.00", entry("5.00")).encode()}), "bank")
    found = office.run("explain", "day1.xml")
    assert found.status == 0
    assert "day.zip" in found.out
    assert office.run("explain", "day2.xml").status == 1


def test_completeness_says_only_what_is_true(office: Office) -> None:
    toml = office.folder / "tieout.toml"
    toml.write_text(toml.read_text().partition('\n[[source]]\nid = "swift"')[0])
    office.ingest("s.xml", camt("1.00", "6.00", entry("5.00")), "bank")
    answer = office.run("completeness")
    assert answer.status == 0
    assert "received" not in answer.out
    assert "no source in tieout.toml says what it `expects`" in answer.out


def test_a_report_that_only_counts_is_refused_with_what_to_download(office: Office) -> None:
    for answer in (office.inspected("activity.csv", COUNTED), office.ingest("activity.csv", COUNTED, "stripe")):
        assert answer.status == 3
    inspected = office.inspected("activity.csv", COUNTED).said
    assert "balance_change_from_activity.itemized" in inspected["problems"][0]["message"]
    named = office.ingest("payout_reconciliation.csv", COUNTED.replace("3", "4"), "stripe").said
    assert "payout_reconciliation.itemized" in str(named)
