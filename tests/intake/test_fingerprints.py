"""Laws 1, 8 and 17: contents are known again, and nothing that is kept tells which card number was masked."""

import base64
import hashlib
import io
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq
import pytest
import sqlalchemy as sa

from tests.intake.conftest import Desk, charge, coffee
from tests.packing import zipped
from tieout.clock import FixedEntropy
from tieout.config import load_workspace
from tieout.errors import Broken, WrongUse
from tieout.intake.accept import accept
from tieout.intake.findings import open_findings
from tieout.intake.receive import delivery_id_of, delivery_named
from tieout.intake.verify import verify
from tieout.observe.exporting.exports import export
from tieout.observe.things.explain import explain
from tieout.store import schema
from tieout.store.book import audit_digest
from tieout.store.fingerprints import SECRET, Fingerprints
from tieout.store.moving import move_book
from tieout.store.workplace import open_store

CARD = "4111111111111111"
#: What the redacted copy leaves open, and so what an attacker tries; the true number is one of them.
CANDIDATES = [f"411111{middle:06}1111" for middle in range(110_611, 111_611)]
_HASHES = (hashlib.sha256, hashlib.sha1, hashlib.md5, hashlib.blake2b)


def lines(card: str, *, name: str = "a") -> bytes:
    rows = [charge(name, text=f"paid with {card}"), charge(f"{name}2"), coffee(text=f"card {card}", kind="charge")]
    return "\n".join(json.dumps(row) for row in rows).encode()


def packed(card: str) -> bytes:
    return zipped(**{"one.jsonl": lines(card, name="z"), "two.jsonl": lines("none", name="y")})


def kept(desk: Desk) -> bytes:
    """Give everything that a workspace keeps, but what its key file opens: files, tables, and what it exports."""
    found = [one for path in sorted(desk.folder.rglob("*")) if path.is_file() for one in _read(path)]
    with desk.store.book.reading() as connection:
        for table in schema.metadata.sorted_tables:
            for row in connection.execute(sa.select(table)):
                found += [value if isinstance(value, bytes) else str(value).encode() for value in row]
    for name in ("deliveries", "records", "witnesses", "exceptions", "quarantine"):
        path = desk.folder.parent / f"{name}.jsonl"
        export(desk.store, desk.workspace, name, path)
        found.append(path.read_bytes())
    return b"\n".join(found)


def _read(path: Path) -> Iterator[bytes]:
    yield path.read_bytes()
    yield path.as_posix().encode()
    if path.suffix == ".parquet":
        for row in pq.read_table(path).to_pylist():
            yield from (value if isinstance(value, bytes) else str(value).encode() for value in row.values())


def told(where: bytes, contents: Callable[[str], list[bytes]]) -> list[str]:
    """Name the candidates of which any common digest, whole or its first half, stands somewhere in any writing."""
    tried = [
        (card, written)
        for card in CANDIDATES
        for content in contents(card)
        for make in _HASHES
        for written in _writings(make(content).digest())
    ]
    eights = np.lib.stride_tricks.sliding_window_view(np.frombuffer(where, np.uint8), 8)
    stands = np.unique(np.ascontiguousarray(eights).view(np.uint64))
    begins = np.array([int.from_bytes(written[:8], "little") for _, written in tried], np.uint64)
    likely = np.flatnonzero(np.isin(begins, stands))
    return sorted({card for card, written in (tried[at] for at in likely) if written in where})


def _writings(digest: bytes) -> list[bytes]:
    """Write the first 15 bytes of a digest as they are kept: 16 make an identity, and base64 takes three at a time."""
    begin = digest[:15]
    return [begin, begin.hex().encode(), begin.hex().upper().encode(), base64.b64encode(begin)]


def parts(card: str) -> list[bytes]:
    """Give the original as a whole, and all of it in which the number stands."""
    whole = lines(card)
    rows = [line for line in whole.splitlines() if card.encode() in line]
    more = [f"{source}\x00{hashlib.sha256(whole).hexdigest()}".encode() for source in ("psp", "bank")]
    return [whole, whole + b"\n", *rows, *(row + b"\n" for row in rows), *more, card.encode()]


def parts_packed(card: str) -> list[bytes]:
    return [packed(card), lines(card, name="z")]


def test_nothing_that_is_kept_tells_which_number_was_masked(desk: Desk) -> None:
    desk.deliver_bytes(lines(CARD))
    desk.deliver_bytes(packed(CARD), name="paper.zip")
    assert [row.state for row in deliveries(desk)] == ["erased", "accepted", "erased", "accepted"]
    where = kept(desk)
    assert told(where, parts) == told(where, parts_packed) == []
    # The search finds what stands there: of the copies there are digests that only the secret makes.
    secret = desk.store.landing.fingerprints
    [original, *_] = deliveries(desk)
    assert original.fingerprint == secret.of(hashlib.sha256(lines(CARD)).hexdigest())
    assert original.fingerprint.encode() in where
    assert told(where + hashlib.sha256(lines(CARD)).digest(), parts) == [CARD]
    assert told(where + hashlib.sha256(packed(CARD)).hexdigest().encode(), parts_packed) == [CARD]


def test_a_replay_that_finds_the_number_leaves_no_digest_of_its_delivery(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    from tieout.intake import cards

    with monkeypatch.context() as blind:
        blind.setattr(cards, "_CARDS_MAX", 0)
        first = desk.deliver_bytes(packed(CARD), name="paper.zip")
    [original] = deliveries(desk)
    assert (original.state, len(json.loads(original.member_fingerprints))) == ("accepted", 2)
    accept(desk.store, desk.workspace, first.delivery_id, replay="the search got better")
    assert [row.state for row in deliveries(desk)] == ["erased", "accepted"]
    assert told(kept(desk), parts_packed) == []


def test_the_same_bytes_are_known_again_whether_erased_or_not(desk: Desk) -> None:
    first = [desk.deliver_bytes(data, name=name) for data, name in ((lines(CARD), "a.jsonl"), (b"{}", "b.jsonl"))]
    again = [desk.deliver_bytes(data, name=name) for data, name in ((lines(CARD), "c.jsonl"), (b"{}", "d.jsonl"))]
    assert [one.repeat for one in again] == [True, True]
    assert again[1].delivery_id == first[1].delivery_id
    assert len(deliveries(desk)) == 3


def said(desk: Desk) -> dict[str, Any]:
    """Give the facts without names of deliveries, and what is in doubt by their order of landing."""
    facts = {
        name: desk.query(f"select * exclude (delivery_id) from {{{name}}} order by all")
        for name in ("records", "all", "balances", "witnesses", "superseded")
    }
    names = {row.delivery_id: f"delivery number {row.sequence}" for row in deliveries(desk)}
    findings = json.dumps([dict(row) for row in _open(desk)], default=str, sort_keys=True)
    for delivery_id, name in names.items():
        findings = findings.replace(delivery_id, name).replace(delivery_id[:12], name)
    return facts | {"findings": sorted(json.loads(findings), key=lambda row: (row["scope"], row["note"]))}


def _open(desk: Desk) -> list[dict[str, Any]]:
    with desk.store.book.reading() as connection:
        return [
            {k: v for k, v in row.items() if k not in {"token", "exception_id"}} for row in open_findings(connection)
        ]


def test_facts_and_doubts_do_not_depend_on_the_secret(tmp_path: Path) -> None:
    told_by = []
    for seed in range(4):
        desk = Desk(tmp_path / str(seed), seed=seed)
        for rows in ([coffee()] * 2, [coffee()] * 3, [coffee(), coffee(text="tea")], [coffee(text="tea")]):
            desk.deliver(*rows, source="bank")
        for more in ({"amount": 1}, {"amount": 2}, {"amount": 3}):
            desk.deliver(charge("a", **more, revision=1))
        told_by.append(said(desk))
        desk.store.close()
    assert all(one == told_by[0] for one in told_by)
    assert len(told_by[0]["findings"]) > 1


def deliveries(desk: Desk) -> list[Any]:
    with desk.store.book.reading() as connection:
        return list(connection.execute(sa.select(schema.delivery).order_by(schema.delivery.c.sequence)))


def reopened(desk: Desk, seed: int = 99) -> None:
    desk.store.close()
    desk.store = open_store(desk.workspace, desk.clock, FixedEntropy(seed), "tester")


def as_before(desk: Desk, contents: list[bytes]) -> None:
    """Let the book be as it was before fingerprints: SHA-256 in the rows and in the audit log."""
    plain = {desk.store.landing.fingerprints.of(one): one for one in (hashlib.sha256(c).hexdigest() for c in contents)}
    names = {"fingerprint": "sha256", "member_fingerprints": "members"}

    def before(value: str | None) -> str | None:
        for fingerprint, sha256 in plain.items():
            value = value and value.replace(fingerprint, sha256)
        return value

    def said_before(said: dict[str, Any]) -> dict[str, Any]:
        said = {names.get(key, key): before(value) if key in names else value for key, value in said.items()}
        return {key: said_before(value) if isinstance(value, dict) else value for key, value in said.items()}

    previous, log, delivery = "", schema.audit, schema.delivery
    with desk.store.book.writing() as connection:
        for entry in connection.execute(sa.select(log).order_by(log.c.sequence)).mappings().all():
            body = said_before(json.loads(entry["body"]))
            row = {**entry, "body": json.dumps(body, sort_keys=True, ensure_ascii=False), "previous": previous}
            previous = audit_digest(row)
            connection.execute(
                sa.update(log).where(log.c.sequence == row["sequence"]).values({**row, "digest": previous})
            )
        for told_of in connection.execute(sa.select(delivery)).all():
            values = {name: before(getattr(told_of, name)) for name in names}
            connection.execute(sa.update(delivery).where(delivery.c.delivery_id == told_of.delivery_id).values(values))
        connection.execute(sa.delete(schema.about).where(schema.about.c.name == SECRET))
        for new, old in names.items():
            connection.exec_driver_sql(f"alter table delivery rename column {new} to {old}")
        connection.exec_driver_sql("update alembic_version set version_num = '0008'")
    (desk.folder / ".tieout" / "landing.bound.json").unlink(missing_ok=True)


def test_a_book_of_before_gets_fingerprints_and_goes_on(desk: Desk) -> None:
    zipped_twice = zipped(**{"one.jsonl": b"{}", "two.jsonl": lines("none")})
    contents = [lines(CARD), zipped_twice, b"{}", lines("none")]
    desk.deliver_bytes(lines(CARD))
    desk.deliver_bytes(zipped_twice, name="paper.zip")
    copy = deliveries(desk)[1]
    with desk.store.landing.open(copy.path, desk.store.vault.unwrap(copy.wrapped_key), copy.bytes) as stream:
        contents.append(stream.read())
    old = {row.delivery_id: row.fingerprint for row in deliveries(desk)}
    as_before(desk, contents)
    reopened(desk)
    rows = deliveries(desk)
    assert {row.delivery_id for row in rows} == old.keys()
    assert not {row.fingerprint for row in rows} & {hashlib.sha256(one).hexdigest() for one in contents}
    secret = desk.store.landing.fingerprints
    assert rows[0].fingerprint == secret.of(hashlib.sha256(lines(CARD)).hexdigest()) != old[rows[0].delivery_id]
    assert "take fingerprints" in [row.action for row in audit(desk)]
    assert verify(desk.store, desk.workspace).faults == []
    for content, name in ((lines(CARD), "a.jsonl"), (zipped_twice, "a.zip")):
        assert desk.deliver_bytes(content, name=name).repeat
    before = len(audit(desk))
    reopened(desk, seed=100)
    assert len(audit(desk)) == before
    assert desk.deliver_bytes(zipped_twice).repeat


def audit(desk: Desk) -> list[Any]:
    with desk.store.book.reading() as connection:
        return list(connection.execute(sa.select(schema.audit).order_by(schema.audit.c.sequence)))


def test_the_secret_moves_with_the_book(desk: Desk, tmp_path: Path) -> None:
    desk.deliver_bytes(lines(CARD))
    url = f"sqlite:///{tmp_path / 'elsewhere.db'}"
    move_book(desk.store.book, url, 1, "me")
    text = (desk.folder / "tieout.toml").read_text()
    kept_lines = [line for line in text.splitlines() if not line.startswith("book =")]
    (desk.folder / "tieout.toml").write_text(
        "\n".join(kept_lines).replace("[workspace]", f'[workspace]\nbook = "{url}"')
    )
    desk.workspace = load_workspace(desk.folder, {})
    reopened(desk)
    assert desk.deliver_bytes(lines(CARD)).repeat
    assert verify(desk.store, desk.workspace).faults == []


def test_a_missing_secret_is_said_and_none_is_made(desk: Desk) -> None:
    desk.deliver(charge("a"))
    with desk.store.book.writing() as connection:
        connection.execute(sa.delete(schema.about).where(schema.about.c.name == SECRET))
    with pytest.raises(Broken, match="secret that their fingerprints were made with is missing"):
        reopened(desk)


def test_a_fingerprint_is_the_hmac_of_the_sha256_and_names_the_delivery() -> None:
    # RFC 4231, test case 1, its data standing for a digest.
    made = Fingerprints(b"\x0b" * 20).of(b"Hi There".hex())
    assert made == "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7"
    assert delivery_id_of("psp", made) != delivery_id_of("bank", made)


def test_a_delivery_is_called_by_the_name_of_its_file_where_no_other_has_it(desk: Desk) -> None:
    first = desk.deliver(charge("a"), name="a.jsonl").delivery_id
    assert delivery_named(desk.store, "a.jsonl") == delivery_named(desk.store, first[:6]) == first
    desk.deliver(charge("b"), name="a.jsonl")
    with pytest.raises(WrongUse, match="several are called so"):
        delivery_named(desk.store, "a.jsonl")


def test_an_upload_is_landed_under_its_fingerprint(desk: Desk) -> None:
    kept_file = desk.store.landing.land(io.BytesIO(b"content"))
    assert kept_file.fingerprint in kept_file.path
    assert hashlib.sha256(b"content").hexdigest()[:8] not in kept_file.path


def test_who_has_the_file_finds_its_delivery_by_sha256_unless_it_was_erased(desk: Desk) -> None:
    desk.deliver_bytes(lines(CARD), name="a.jsonl")
    desk.deliver_bytes(b"{}", name="b.jsonl")
    found = [explain(desk.store, hashlib.sha256(data).hexdigest()).deliveries for data in (b"{}", lines(CARD))]
    assert [[one["name"] for one in few] for few in found] == [["b.jsonl"], []]
