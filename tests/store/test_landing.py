"""The landing: unaltered, encrypted, and nothing changed in it goes unseen."""

import io
import os
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.depth import examples
from tieout.clock import FixedEntropy
from tieout.errors import Broken
from tieout.store.files import durable_file
from tieout.store.fingerprints import Fingerprints
from tieout.store.landing import Landing, Vault

_FRAME = 1 << 20


@pytest.fixture
def landing(tmp_path: Path) -> Landing:
    return Landing(tmp_path / "landing", FixedEntropy().token_bytes, Fingerprints(bytes(32)))


class Dribble(io.RawIOBase):
    """A pipe that gives a few bytes at a time."""

    def __init__(self, data: bytes) -> None:
        self.left = data

    def read(self, count: int = -1) -> bytes:
        part, self.left = self.left[: min(count, 100_003)], self.left[min(count, 100_003) :]
        return part


@pytest.mark.parametrize("size", [0, 1, 5, _FRAME - 1, _FRAME, _FRAME + 1, 3 * _FRAME])
def test_what_was_landed_is_read_back(landing: Landing, size: int) -> None:
    data = os.urandom(size)
    kept = landing.land(Dribble(data))  # type: ignore[arg-type]  # as little of a stream as is read
    assert kept.size == size
    with landing.open(kept.path, kept.key, kept.size) as stream:
        assert stream.read() == data
    assert data[:64] not in (landing.root / kept.path).read_bytes() or size < 5


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=examples(30))
@given(st.lists(st.tuples(st.integers(0, 2 * _FRAME + 50), st.integers(0, 70_000)), max_size=8))
def test_any_place_can_be_read_first(landing: Landing, reads: list[tuple[int, int]]) -> None:
    data = bytes(range(256)) * (2 * _FRAME // 256) + b"tail"
    kept = landing.land(io.BytesIO(data))
    with landing.open(kept.path, kept.key, kept.size) as stream:
        for place, count in reads:
            stream.seek(place)
            assert stream.read(count) == data[place : place + count]


@pytest.mark.parametrize("damage", ["flip", "cut", "swap", "magic"])
def test_damage_is_found(landing: Landing, damage: str) -> None:
    kept = landing.land(io.BytesIO(os.urandom(2 * _FRAME + 10)))
    file = landing.root / kept.path
    data = bytearray(file.read_bytes())
    sealed = _FRAME + 16
    if damage == "flip":
        data[-20] ^= 1
    elif damage == "cut":
        del data[8 + 2 * sealed :]
    elif damage == "swap":
        data[8 : 8 + sealed], data[8 + sealed : 8 + 2 * sealed] = (
            data[8 + sealed : 8 + 2 * sealed],
            data[8 : 8 + sealed],
        )
    else:
        data[0] ^= 1
    file.write_bytes(data)
    with pytest.raises(Broken, match=kept.path), landing.open(kept.path, kept.key, kept.size) as stream:
        stream.read()


def test_a_missing_delivery_says_so(landing: Landing) -> None:
    with pytest.raises(Broken, match="missing: restore it"):
        landing.open("ab/abc", b"k" * 32, 1)


def test_the_key_file_is_for_its_owner_only(tmp_path: Path) -> None:
    vault = Vault(tmp_path / "key", FixedEntropy().token_bytes)
    assert (tmp_path / "key").stat().st_mode & 0o777 == 0o600
    wrapped = vault.wrap(b"k" * 32)
    assert Vault(tmp_path / "key", FixedEntropy(2).token_bytes).unwrap(wrapped) == b"k" * 32
    (tmp_path / "key").chmod(0o644)
    with pytest.raises(Broken, match="chmod 600"):
        Vault(tmp_path / "key", FixedEntropy().token_bytes)


def test_a_folder_is_no_key_file(tmp_path: Path) -> None:
    (tmp_path / "key").mkdir()
    with pytest.raises(Broken, match=r"expected the key file at .*, got a folder"):
        Vault(tmp_path / "key", FixedEntropy().token_bytes)


def test_another_key_file_does_not_open_it(tmp_path: Path) -> None:
    wrapped = Vault(tmp_path / "key", FixedEntropy(1).token_bytes).wrap(b"k" * 32)
    with pytest.raises(Broken, match="is not the key file"):
        Vault(tmp_path / "other", FixedEntropy(2).token_bytes).unwrap(wrapped)


def test_a_file_whose_writing_fails_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(RuntimeError, match="stop"), durable_file(tmp_path / "a" / "b") as file:
        file.write(b"half")
        message = "stop"
        raise RuntimeError(message)
    assert list((tmp_path / "a").iterdir()) == []
