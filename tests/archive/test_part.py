"""Part files: what may be continued, and that every way of writing gives the same bytes."""

from __future__ import annotations

import errno
import fcntl
import hashlib
import mmap
import os
from pathlib import Path
from typing import Any

import msgspec
import pytest
from blake3 import blake3
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from s2fetch.archive import part as module
from s2fetch.archive import sidecar
from s2fetch.archive.direct_io import ALIGNMENT_BYTES
from s2fetch.archive.part import ROLLBACK_BYTES, SMALL_BYTES, PartFile
from s2fetch.archive.sidecar import Sidecar, read_sidecars
from s2fetch.errors import ArchiveError, ArchiveInUseError, DiskFullError
from s2fetch.product import Algorithm, Checksum, Product

PRODUCT = Product(id="5e7f0000-5e7f-4000-8000-000000000001", name="X.SAFE", size=3 << 20)
BYTES = hashlib.shake_128(b"a product").digest(3 << 20)


def listed(value: str, algorithm: Algorithm = Algorithm.MD5) -> Product:
    return msgspec.structs.replace(PRODUCT, checksums=(Checksum(algorithm, value),))


def opened(folder: Path, product: Product = PRODUCT) -> PartFile:
    part = PartFile(folder, product)
    part.open()
    part.begin(part.resumable, lambda _: None)
    return part


def describe(part: PartFile, total: int | None = len(BYTES)) -> None:
    part.describe(total=total, etag='"1"', last_modified="")


def append(part: PartFile, block: memoryview) -> None:
    part.write(block)
    part.digest(block)


def write(part: PartFile, data: bytes, block: int = SMALL_BYTES) -> None:
    for start in range(0, len(data), block):
        append(part, memoryview(data)[start : start + block])


@pytest.fixture
def boots(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """The file that tells one boot of the machine from another; write to it to boot."""
    path = tmp_path / "boot_id"
    path.write_text("first\n")
    monkeypatch.setattr(sidecar, "BOOT_ID", path)
    return path


def test_a_part_file_lies_beside_its_target_under_a_hidden_name(tmp_path: Path) -> None:
    """No reader takes it for a product, and the final rename stays inside one folder."""
    part = PartFile(tmp_path, PRODUCT)
    assert part.path.parent == part.sidecar_path.parent == tmp_path
    assert part.path.name.startswith(".s2fetch-")
    assert not part.path.name.endswith(".zip")


@given(st.text(max_size=500), st.text(max_size=2000))
def test_names_of_part_files_fit_every_file_system_whatever_the_hub_says(
    product_id: str, name: str
) -> None:
    """Neither id nor name is part of the name, so neither length nor slashes matter."""
    part = PartFile(Path("/archive"), Product(id=product_id, name=name))
    assert part.path.parent == part.sidecar_path.parent == Path("/archive")
    assert len(part.path.name.encode()) < 60
    other = PartFile(Path("/archive"), Product(id=product_id + "x", name=""))
    assert part.path != other.path


def test_the_sidecar_is_there_before_the_first_block(tmp_path: Path) -> None:
    """A crash within the first block leaves a part file that says what it is."""
    part = opened(tmp_path)
    describe(part)
    assert part.path.stat().st_size == 0
    kept = msgspec.json.decode(part.sidecar_path.read_bytes(), type=Sidecar)
    assert (kept.id, kept.total, kept.etag) == (PRODUCT.id, len(BYTES), '"1"')
    part.close()


def test_a_killed_transfer_goes_on_shortly_before_its_end(tmp_path: Path) -> None:
    """All bytes in the file count, apart from the last ones, which are fetched again."""
    part = opened(tmp_path)
    describe(part)
    write(part, BYTES[: 2 << 20])
    part.close()
    again = opened(tmp_path)
    assert again.position == (2 << 20) - ROLLBACK_BYTES
    write(again, BYTES[again.position :])
    again.flush()
    assert again.path.read_bytes() == BYTES
    assert again.checksum().value == hashlib.md5(BYTES).hexdigest()
    again.close()


def test_after_a_power_cut_only_flushed_bytes_count(tmp_path: Path, boots: Path) -> None:
    """With another boot id the file's length proves nothing; the last flush does."""
    part = opened(tmp_path)
    describe(part)
    write(part, BYTES[:SMALL_BYTES])
    part.checkpoint()
    write(part, BYTES[SMALL_BYTES : 2 * SMALL_BYTES])
    part.close()
    boots.write_text("second\n")
    again = opened(tmp_path)
    assert again.position == SMALL_BYTES - ROLLBACK_BYTES
    again.close()


def test_without_a_boot_id_only_flushed_bytes_count(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where the system cannot tell boots apart, the careful reading is the right one."""
    monkeypatch.setattr(sidecar, "BOOT_ID", tmp_path / "nothing")
    part = opened(tmp_path)
    describe(part)
    write(part, BYTES[: 2 << 20])
    part.close()
    assert opened(tmp_path).position == 0


@pytest.mark.parametrize(
    "changed",
    [
        pytest.param({"id": "another"}, id="another product"),
        pytest.param({"listed": "MD5:0123"}, id="another checksum"),
        pytest.param({"total": 1 << 20}, id="longer than the total"),
    ],
)
def test_bytes_of_something_else_are_not_continued(tmp_path: Path, changed: dict[str, Any]) -> None:
    """Another product, another listed checksum or an impossible length start at zero."""
    product = listed("abc")
    part = opened(tmp_path, product)
    describe(part)
    write(part, BYTES[: 2 << 20])
    part.close()
    kept = msgspec.json.decode(part.sidecar_path.read_bytes(), type=Sidecar)
    for key, value in changed.items():
        setattr(kept, key, value)
    part.sidecar_path.write_bytes(msgspec.json.encode(kept))
    again = opened(tmp_path, product)
    assert again.position == 0
    assert again.path.stat().st_size == 0
    again.close()


@pytest.mark.parametrize(("then", "now"), [(PRODUCT, listed("abc")), (listed("abc"), PRODUCT)])
def test_a_checksum_that_comes_or_goes_does_not_cost_the_bytes(
    tmp_path: Path, then: Product, now: Product
) -> None:
    """Catalogues list some late; the whole is judged by what is listed in the end."""
    part = opened(tmp_path, then)
    describe(part)
    write(part, BYTES[: 2 << 20])
    part.close()
    again = opened(tmp_path, now)
    assert again.position == (2 << 20) - ROLLBACK_BYTES
    again.close()


def test_checkpoints_leave_no_file_open(tmp_path: Path) -> None:
    """There are thousands of them in a day."""
    part = opened(tmp_path)
    describe(part)
    before = len(list(Path("/proc/self/fd").iterdir()))
    for _ in range(5):
        part.checkpoint()
    assert len(list(Path("/proc/self/fd").iterdir())) == before
    part.close()


def test_what_a_crash_left_of_a_sidecar_is_written_over(tmp_path: Path) -> None:
    """Also when it was longer, but not through a link to somewhere else."""
    part = opened(tmp_path)
    left = part.path.with_suffix(".unfinished")
    left.write_bytes(b"x" * 5000)
    describe(part)
    assert msgspec.json.decode(part.sidecar_path.read_bytes(), type=Sidecar).id == PRODUCT.id
    left.symlink_to(tmp_path / "precious")
    with pytest.raises(ArchiveError):
        describe(part)
    assert not (tmp_path / "precious").exists()
    part.close()


@pytest.mark.parametrize("content", [b"", b"{", b'{"id": 3}', b"\xff\xfe", b"[]"])
def test_a_damaged_sidecar_means_starting_again(tmp_path: Path, content: bytes) -> None:
    """A part file nobody can say anything about is not continued."""
    part = opened(tmp_path)
    describe(part)
    write(part, BYTES[: 2 << 20])
    part.close()
    part.sidecar_path.write_bytes(content)
    assert opened(tmp_path).position == 0


def test_a_sidecar_does_not_outlive_the_bytes_it_describes(tmp_path: Path) -> None:
    """When the bytes begin anew, the old description is gone before a new byte is there."""
    part = opened(tmp_path)
    describe(part)
    write(part, BYTES[: 2 << 20])
    part.close()
    again = PartFile(tmp_path, PRODUCT)
    again.open()
    again.begin(0, lambda _: None)
    assert not again.sidecar_path.exists()
    again.close()


def test_a_sidecar_that_cannot_be_read_is_the_disks_fault(tmp_path: Path) -> None:
    """The error names the file, and the part file is not left locked."""
    part = PartFile(tmp_path, PRODUCT)
    part.sidecar_path.mkdir()
    with pytest.raises(ArchiveError, match="s2fetch-"):
        part.open()
    part.close()
    part.sidecar_path.rmdir()
    opened(tmp_path).close()


def test_two_writers_cannot_have_one_part_file(tmp_path: Path) -> None:
    """The second is refused, and the bytes of the first stay as they are."""
    first = opened(tmp_path)
    describe(first)
    write(first, BYTES[:SMALL_BYTES])
    second = PartFile(tmp_path, PRODUCT)
    with pytest.raises(ArchiveInUseError, match="another process"):
        second.open()
    assert not second.is_open
    second.close()
    write(first, BYTES[SMALL_BYTES:])
    assert first.checksum().value == hashlib.md5(BYTES).hexdigest()
    first.close()


def test_a_lock_on_a_renamed_file_is_no_lock_on_the_part_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever opened the part file just before it got its final name must not truncate that."""
    first = opened(tmp_path)
    write(first, BYTES[:5000])
    target = tmp_path / "X.SAFE.zip"
    lock = fcntl.flock

    def finish_first(descriptor: int, kind: int) -> None:
        if first.is_open:
            first.flush()
            first.rename(target)
            first.close()
        lock(descriptor, kind)

    monkeypatch.setattr(fcntl, "flock", finish_first)
    second = opened(tmp_path)
    assert target.read_bytes() == BYTES[:5000]
    assert second.path.stat().st_ino != target.stat().st_ino
    second.close()


def test_a_symbolic_link_in_the_place_of_a_part_file_is_not_followed(tmp_path: Path) -> None:
    """Nothing outside the archive can be written through it."""
    precious = tmp_path / "precious"
    precious.write_text("mine")
    part = PartFile(tmp_path / "archive", PRODUCT)
    part.path.parent.mkdir()
    part.path.symlink_to(precious)
    with pytest.raises(ArchiveError):
        part.open()
    assert precious.read_text() == "mine"


_AROUND_BLOCKS = sorted(
    {
        max(0, base + off)
        for base in (0, ALIGNMENT_BYTES, SMALL_BYTES, 2 * SMALL_BYTES, 3 * SMALL_BYTES)
        for off in (-1, 0, 1, 513)
    }
)


@pytest.mark.parametrize("size", [size for size in _AROUND_BLOCKS if size <= len(BYTES)])
@pytest.mark.parametrize("direct", [True, False], ids=["direct", "buffered"])
def test_direct_and_buffered_writing_give_the_same_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, size: int, direct: bool
) -> None:
    """Whatever the size, the file has exactly the bytes that were written, and their digest."""
    if not direct:
        monkeypatch.delattr(os, "O_DIRECT")
    blocks = memoryview(aligned_memory())
    part = opened(tmp_path)
    for start in range(0, size, SMALL_BYTES):
        count = min(SMALL_BYTES, size - start)
        blocks[:count] = BYTES[start : start + count]
        append(part, blocks[:count])
    part.flush()
    assert part.path.read_bytes() == BYTES[:size]
    assert part.checksum().value == hashlib.md5(BYTES[:size]).hexdigest()
    part.close()


def aligned_memory() -> mmap.mmap:
    return mmap.mmap(-1, SMALL_BYTES)


def test_a_file_system_without_direct_writing_is_written_the_usual_way(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """EINVAL for a direct write is no failure; the block is written through the page cache."""
    real = os.pwrite
    refused = []

    def picky(descriptor: int, data: Any, position: int) -> int:
        if fcntl.fcntl(descriptor, fcntl.F_GETFL) & os.O_DIRECT:
            refused.append(position)
            raise OSError(errno.EINVAL, "Invalid argument")
        return real(descriptor, data, position)

    monkeypatch.setattr(os, "pwrite", picky)
    part = opened(tmp_path)
    blocks = memoryview(aligned_memory())
    blocks[:] = BYTES[:SMALL_BYTES]
    part.write(blocks)
    part.write(blocks)
    assert refused == [0]
    part.flush()
    assert part.path.read_bytes() == BYTES[:SMALL_BYTES] * 2
    part.close()


def test_short_writes_are_completed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A system that takes only some of the bytes is asked again for the rest."""
    real = os.pwrite
    monkeypatch.setattr(os, "pwrite", lambda fd, data, at: real(fd, data[:70_000], at))
    part = opened(tmp_path)
    write(part, BYTES[: SMALL_BYTES + 17])
    part.flush()
    assert part.path.read_bytes() == BYTES[: SMALL_BYTES + 17]
    part.close()


def test_what_was_written_before_the_disk_was_full_can_be_resumed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The error says so, and the next attempt goes on."""
    part = opened(tmp_path)
    describe(part)
    write(part, BYTES[:SMALL_BYTES])

    def full(*_: object) -> int:
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(os, "pwrite", full)
        with pytest.raises(DiskFullError):
            write(part, BYTES[SMALL_BYTES:])
    part.close(remove_if_useless=True)
    again = opened(tmp_path)
    assert again.position == SMALL_BYTES - ROLLBACK_BYTES
    again.close()


def test_space_is_reserved_without_changing_the_length(tmp_path: Path) -> None:
    """The length still says how much has arrived; a finished file keeps no spare blocks."""
    part = opened(tmp_path)
    reserved = part.describe(total=8 << 20, etag="", last_modified="")
    assert reserved is (part.path.stat().st_blocks * 512 >= 8 << 20)
    if not reserved:
        part.close()
        pytest.skip("the file system of the temporary folder cannot reserve space")
    assert part.path.stat().st_size == 0
    write(part, BYTES[:SMALL_BYTES])
    part.flush()
    assert part.path.stat().st_size == SMALL_BYTES
    assert part.path.stat().st_blocks * 512 < 2 << 20
    part.close()


def test_discarding_can_be_repeated_and_leaves_an_empty_file(tmp_path: Path) -> None:
    """After it everything begins at zero: bytes, digest, sidecar and flushes."""
    part = opened(tmp_path)
    describe(part)
    write(part, BYTES[:SMALL_BYTES])
    part.discard()
    part.discard()
    assert part.position == part.path.stat().st_size == 0
    assert not part.sidecar_path.exists()
    write(part, BYTES[:10])
    assert part.checksum().value == hashlib.md5(BYTES[:10]).hexdigest()
    part.close()


def test_closing_can_be_repeated_and_lets_the_next_one_in(tmp_path: Path) -> None:
    """The lock ends with the first call."""
    part = opened(tmp_path)
    part.close()
    part.close()
    opened(tmp_path).close()


@pytest.mark.parametrize("described", [True, False])
def test_what_cannot_be_resumed_is_not_left_behind(tmp_path: Path, described: bool) -> None:
    """Without a sidecar the bytes are useless; with one they stay."""
    part = opened(tmp_path)
    if described:
        describe(part)
    write(part, BYTES[:SMALL_BYTES])
    part.close(remove_if_useless=True)
    assert [path.name for path in sorted(tmp_path.iterdir())] == (
        sorted([part.path.name, part.sidecar_path.name]) if described else []
    )


def test_renaming_takes_the_sidecar_away(tmp_path: Path) -> None:
    """Under the final name nothing of the transfer is left."""
    part = opened(tmp_path)
    describe(part)
    write(part, BYTES)
    part.flush()
    part.rename(tmp_path / "deep" / "X.SAFE.zip")
    part.close(remove_if_useless=True)
    left = [path.relative_to(tmp_path) for path in tmp_path.rglob("*") if path.is_file()]
    assert left == [Path("deep/X.SAFE.zip")]


def test_only_blake3_is_computed_when_only_that_is_listed(tmp_path: Path) -> None:
    """The digest is the one the catalogue can be compared with."""
    part = opened(tmp_path, listed("00", Algorithm.BLAKE3))
    write(part, BYTES)
    assert part.checksum() == Checksum(Algorithm.BLAKE3, blake3(BYTES).hexdigest())
    part.close()


def test_part_files_can_be_listed_while_they_are_written(tmp_path: Path) -> None:
    """Those with a readable sidecar are told with their bytes; others are left out."""
    part = opened(tmp_path / "2024")
    describe(part)
    write(part, BYTES[:SMALL_BYTES])
    for name in (".s2fetch-feed.part", ".s2fetch-none.part"):
        (tmp_path / name).touch()
    (tmp_path / ".s2fetch-feed.json").write_text("{")
    (tmp_path / ".s2fetch-beef.json").write_bytes(msgspec.json.encode(Sidecar(id="x", name="y")))
    found = list(read_sidecars(tmp_path))
    assert [(sidecar.name, length) for sidecar, length in found] == [("X.SAFE", SMALL_BYTES)]
    part.close()


_STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("write"), st.integers(1, 400_000)),
        st.tuples(st.just("crash"), st.just(0)),
        st.tuples(st.just("power cut"), st.integers(0, 100)),
        st.tuples(st.just("flush"), st.just(0)),
        st.tuples(st.just("garbage"), st.integers(1, ROLLBACK_BYTES)),
    ),
    max_size=12,
)


@given(steps=_STEPS)
@settings(
    max_examples=40,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
def test_a_resumed_file_is_never_anything_but_the_products_bytes(
    tmp_path_factory: pytest.TempPathFactory, steps: list[tuple[str, int]]
) -> None:
    """After any crashes and power cuts, going on gives the whole product and its digest.

    A power cut leaves the flushed bytes and, of the rest, something: here zeros. Up to the
    rollback, garbage at the cut is overcome as well.
    """
    folder = tmp_path_factory.mktemp("part")
    boot = folder / "boot"
    boot.write_text("0")
    total = BYTES[: 2 * SMALL_BYTES + 777]
    boots = 0
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sidecar, "BOOT_ID", boot)
        patch.setattr(module, "CHECKPOINT_BYTES", 300_000)
        part = opened(folder)
        describe(part, len(total))
        durable = 0
        for kind, number in [*steps, ("write", len(total))]:
            if kind == "write":
                write(part, total[part.position : part.position + number], 100_000)
            elif kind == "flush":
                part.checkpoint()
            else:
                durable = part.sidecar.durable if part.sidecar else 0
                part.close()
                if kind == "garbage":
                    with part.path.open("r+b") as file:
                        end = file.seek(0, os.SEEK_END)
                        file.seek(max(0, end - number))
                        file.write(b"?" * min(number, end))
                if kind == "power cut":
                    boots += 1
                    boot.write_text(str(boots))
                    with part.path.open("r+b") as file:
                        length = file.seek(0, os.SEEK_END)
                        file.truncate(durable)
                        file.truncate(durable + (length - durable) * number // 100)
                part = opened(folder)
                assert part.position <= len(total)
                assert part.path.read_bytes() == total[: part.position]
                describe(part, len(total))
        write(part, total[part.position :])
        part.flush()
        assert part.path.read_bytes() == total
        assert part.checksum().value == hashlib.md5(total).hexdigest()
        part.close()


def test_a_new_part_file_is_made_in_one_go(tmp_path: Path) -> None:
    """And is as good as one that was opened and begun: locked, empty, to be written from 0."""
    part = PartFile(tmp_path, PRODUCT)
    assert part.create()
    part.write(memoryview(b"abc"))
    assert part.position == 3
    with pytest.raises(ArchiveInUseError):
        PartFile(tmp_path, PRODUCT).open()
    part.close()


def test_a_part_file_that_is_there_is_not_made_anew(tmp_path: Path) -> None:
    """Whoever made it may be writing to it, or have left something that can be resumed."""
    first = PartFile(tmp_path, PRODUCT)
    assert first.create()
    assert not PartFile(tmp_path, PRODUCT).create()
    first.close()


def test_a_sidecar_that_was_left_alone_does_not_outlive_a_new_part_file(tmp_path: Path) -> None:
    """What it says must never be believed of other bytes."""
    part = PartFile(tmp_path, PRODUCT)
    part.sidecar_path.write_text("{}")
    assert part.create()
    assert not part.sidecar_path.exists()
    part.close()


def is_cached(path: Path) -> bool:
    """Whether the page cache has the file's first page (preadv2(2), RWF_NOWAIT)."""
    with path.open("rb", buffering=0) as file:
        try:
            return os.preadv(file.fileno(), [bytearray(1)], 0, os.RWF_NOWAIT) == 1
        except BlockingIOError:
            return False


@pytest.mark.parametrize("when", ["checkpoint", "flush"])
def test_a_product_that_came_slowly_does_not_stay_in_memory(tmp_path: Path, when: str) -> None:
    """Small blocks go through the page cache, and terabytes must not push all else out of it."""
    other = tmp_path / "other"
    other.write_bytes(BYTES)
    with other.open("rb") as file:
        os.fsync(file.fileno())
        assert is_cached(other)
        os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)
    if is_cached(other):
        pytest.skip("a file system that is all in memory")
    part = opened(tmp_path)
    describe(part)
    write(part, BYTES, block=SMALL_BYTES // 8)
    assert is_cached(part.path)
    getattr(part, when)()
    assert not is_cached(part.path)
    part.close()


def test_a_disk_that_breaks_is_an_error_of_the_archive_and_closing_is_none(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Not even length and time of an open file can be asked for, as on a stale network share."""
    part = opened(tmp_path)
    describe(part)

    def stale(_: int) -> os.stat_result:
        raise OSError(errno.ESTALE, "Stale file handle")

    with monkeypatch.context() as patched:  # pytest asks too
        patched.setattr(os, "fstat", stale)
        with pytest.raises(ArchiveError, match="Stale file handle"):
            _ = part.resumable
        with pytest.raises(ArchiveError, match="Stale file handle"):
            part.mtime_ns()
        part.close(remove_if_useless=True)
    assert not part.is_open
