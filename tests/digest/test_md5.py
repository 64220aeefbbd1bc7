"""MD5 of one and of two messages, against Python's own."""

from __future__ import annotations

import ctypes
import hashlib
import shutil
import subprocess
import sysconfig
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from s2fetch.digest import compiled
from s2fetch.digest.md5 import Md5

pytestmark = pytest.mark.skipif(
    compiled.compiled_blocks() is None, reason="installed without a C compiler"
)

MESSAGES = st.lists(st.binary(max_size=300), max_size=6)


def new() -> Md5:
    digest = Md5.if_compiled()
    assert digest is not None
    return digest


def view(data: bytes) -> memoryview:
    return memoryview(bytearray(data))


def md5(pieces: list[bytes]) -> str:
    return hashlib.md5(b"".join(pieces)).hexdigest()


@given(pieces=MESSAGES)
def test_any_pieces_give_the_digest_of_the_whole(pieces: list[bytes]) -> None:
    """Whatever their lengths, and also asked for in between."""
    digest = new()
    for number, piece in enumerate(pieces, 1):
        digest.update(view(piece))
        assert digest.hexdigest() == md5(pieces[:number])
    assert digest.hexdigest() == md5(pieces)


@given(pairs=st.lists(st.tuples(st.binary(max_size=300), st.binary(max_size=300)), max_size=6))
def test_two_messages_at_a_time_do_not_disturb_each_other(pairs: list[tuple[bytes, bytes]]) -> None:
    """Of any lengths, begun anywhere in a block."""
    one, other = new(), new()
    for left, right in pairs:
        one.update_both(view(left), other, view(right))
    assert one.hexdigest() == md5([left for left, _ in pairs])
    assert other.hexdigest() == md5([right for _, right in pairs])


@pytest.mark.parametrize("length", [0, 1, 55, 56, 63, 64, 65, 119, 120, 128, 1_000_003])
def test_padding_is_right_at_every_border(length: int) -> None:
    """RFC 1321 3.1: 56 bytes of the last block are the border."""
    data = hashlib.shake_128(b"border").digest(length)
    digest = new()
    digest.update(view(data))
    assert digest.hexdigest() == md5([data])


def test_a_part_of_a_buffer_is_hashed_where_it_lies() -> None:
    """Slices begin anywhere; their neighbours do not count."""
    data = bytearray(hashlib.shake_128(b"slice").digest(1000))
    digest = new()
    digest.update(memoryview(data)[100:900])
    assert digest.hexdigest() == md5([bytes(data[100:900])])


@pytest.fixture
def fresh_look() -> Iterator[None]:
    """What was found before is looked for anew, now and afterwards."""
    compiled.compiled_blocks.cache_clear()
    yield
    compiled.compiled_blocks.cache_clear()


@pytest.mark.usefixtures("fresh_look")
def test_without_a_library_there_is_no_pairing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """That is no error: Python's own MD5 does it alone."""
    monkeypatch.setattr(compiled, "LIBRARY", tmp_path / "nothing.so")
    assert Md5.if_compiled() is None


@pytest.mark.usefixtures("fresh_look")
def test_a_library_that_computes_something_else_is_not_believed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A digest nobody can trust would call every product damaged."""
    compiler = shutil.which((sysconfig.get_config_var("CC") or "cc").split()[0])
    if compiler is None:
        pytest.skip("no C compiler")
    source = Path(compiled.__file__).with_name("md5_blocks.c").read_text()
    broken = tmp_path / "broken.c"
    broken.write_text(source.replace("0x2ad7d2bb", "0x2ad7d2bc"))
    library = tmp_path / "broken.so"
    subprocess.run([compiler, "-shared", "-fPIC", "-o", library, broken], check=True)
    ctypes.CDLL(str(library))
    monkeypatch.setattr(compiled, "LIBRARY", library)
    assert Md5.if_compiled() is None
