"""Disks that are full, read-only or somebody else's: nothing is lost, and the next run goes on."""

from __future__ import annotations

import asyncio
import errno
import fcntl
import os
import resource
import signal
import subprocess
import sys
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pytest

from s2fetch.archive import part as part_module
from s2fetch.archive.part import PartFile
from s2fetch.archive.space import SpaceGuard
from s2fetch.embedded.faults import Chunked, Fault, FlippedByte
from s2fetch.embedded.folder import FolderCatalogue
from s2fetch.errors import ArchiveError, ArchiveInUseError, ExitCode, LocksUnsupportedError
from s2fetch.events import AttemptFailed, Healed, TransferStarted
from s2fetch.product import Product
from tests.archive.disks import small_disk
from tests.sync.conftest import SiteFactory, on_disk
from tests.sync.site import body_of, catalogue_of, name_of, off_loop, unlisted

MIB = 1 << 20


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of 6 MiB."""
    with small_disk(tmp_path / "disk", size_bytes=6 * MIB) as disk:
        yield disk


def fill(disk: Path, leave: int) -> Path:
    """A file that leaves so many bytes free."""
    statistics = os.statvfs(disk)
    ballast = disk / "ballast"
    ballast.write_bytes(bytes(statistics.f_bavail * statistics.f_frsize - leave))
    return ballast


@pytest.mark.parametrize("reserves", [True, False], ids=["reserving", "without fallocate"])
async def test_a_disk_that_fills_up_in_mid_transfer_ends_the_run_and_loses_nothing(
    site_factory: SiteFactory,
    disk: Path,
    monkeypatch: pytest.MonkeyPatch,
    reserves: bool,
) -> None:
    """Exit code 5; after space is freed the same command goes on with what is there."""
    bodies = [body_of(2 * MIB, n) for n in range(2)]
    site = await on_disk(site_factory, disk, *bodies)
    assert (await site.sync(limit=1)).exit_code == ExitCode.OK
    if not reserves:
        monkeypatch.setattr(part_module, "preallocate", lambda *_: False)
        # Free space that only seems to be there, as with quotas: the write is what fails.
        monkeypatch.setattr(
            "s2fetch.archive.archive.SpaceGuard", partial(SpaceGuard, free=lambda _: 1 << 40)
        )
    ballast = fill(disk, int(1.5 * MIB))
    report = await site.sync()
    assert report.exit_code == ExitCode.ARCHIVE
    assert "space" in report.error
    site.assert_whole(site.entries[:1])
    ballast.unlink()
    monkeypatch.undo()
    assert (await site.sync()).exit_code == ExitCode.OK
    site.assert_whole()
    assert site.leftovers() == []


@pytest.mark.parametrize("size", [MIB, 2 * MIB], ids=["small", "large"])
async def test_the_reserve_is_never_used(site_factory: SiteFactory, disk: Path, size: int) -> None:
    """A product that would fit, but not beside the reserve, is not begun."""
    site = await on_disk(site_factory, disk, body_of(size))
    report = await site.sync(reserve="5 MiB")
    assert report.exit_code == ExitCode.ARCHIVE
    assert "are to stay free" in report.error
    assert site.stats.bodies == {}
    assert (await site.sync(reserve="2 MiB")).exit_code == ExitCode.OK


async def test_of_small_products_that_came_together_those_that_fit_are_kept(
    site_factory: SiteFactory, disk: Path
) -> None:
    """Else every run on a nearly full disk would fetch the same ones again."""
    site = await on_disk(site_factory, disk, *(body_of(1_000_000, n) for n in range(3)))
    report = await site.sync(reserve="4 MB")
    assert report.exit_code == ExitCode.ARCHIVE
    assert (report.fetched, len(site.records())) == (2, 2)
    report = await site.sync(reserve="0")
    assert (report.exit_code, report.already, report.fetched) == (ExitCode.OK, 2, 1)
    site.assert_whole()
    assert site.leftovers() == []


async def test_two_products_that_fit_only_one_after_the_other_are_not_begun_together(
    site_factory: SiteFactory, disk: Path
) -> None:
    """What is being written counts as used, so that no download fails at its end."""
    site = await on_disk(site_factory, disk, body_of(4 * MIB), body_of(4 * MIB, 1))
    report = await site.sync()
    assert report.exit_code == ExitCode.ARCHIVE
    assert "not enough space" in report.error
    assert len(site.seen(TransferStarted)) <= 1


@pytest.mark.parametrize("chunked", [False, True])
async def test_a_product_of_unlisted_size_respects_the_reserve(
    site_factory: SiteFactory, disk: Path, chunked: bool
) -> None:
    """The length the hub announces is what is claimed; without one, it is claimed in steps."""
    body = body_of(3 * MIB)
    site = await site_factory(FolderCatalogue([(unlisted(0, body, content_length=0), body)]))
    site.root = disk / "archive"
    if chunked:
        site.hub.faults.add(Fault(Chunked(), times=None))
    report = await site.sync(reserve="4 MiB")
    assert report.exit_code == ExitCode.ARCHIVE
    statistics = os.statvfs(disk)
    assert statistics.f_bavail * statistics.f_frsize >= 4 * MIB


async def test_a_full_disk_in_the_commit_is_healed_by_the_next_run(
    site_factory: SiteFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Files that have their names but no records are adopted; nothing is fetched twice.

    The same process goes on: no file stays open or locked.
    """
    site = await site_factory(catalogue_of(*(body_of(1_500_000, n) for n in range(3))))

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr("s2fetch.archive.journal.fsync_file", full)
        report = await site.sync()
    assert report.exit_code == ExitCode.ARCHIVE
    bodies = sum(site.stats.bodies.values())
    report = await site.sync()
    assert report.exit_code == ExitCode.OK
    assert report.adopted >= 1
    assert sum(site.stats.bodies.values()) <= bodies + 3
    site.assert_whole()
    assert site.leftovers() == []


async def test_a_rename_that_fails_does_not_lose_those_before_it(
    site_factory: SiteFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Products of the same commit that have their names are recorded; the rest is resumed."""
    site = await site_factory(catalogue_of(*(body_of(1_500_000, n) for n in range(3))))
    real = part_module.PartFile.rename

    def picky(part: part_module.PartFile, target: Path) -> None:
        if name_of(1) in target.name:
            raise ArchiveError(f"{target} cannot be used")
        real(part, target)

    with monkeypatch.context() as patch:
        patch.setattr(part_module.PartFile, "rename", picky)
        report = await site.sync()
    assert report.exit_code == ExitCode.ARCHIVE
    assert all(site.path_of(e).exists() == (e.id in site.records()) for e in site.entries)
    served = site.stats.all_bytes_served
    assert (await site.sync()).exit_code == ExitCode.OK
    site.assert_whole()
    assert site.stats.all_bytes_served - served <= 2 * 1_500_000


async def test_an_unwritable_archive_is_an_error_of_the_archive(
    site_factory: SiteFactory, tmp_path: Path
) -> None:
    """Exit code 5 with the folder's name; nothing is asked of the hub."""
    site = await site_factory()
    with small_disk(tmp_path / "disk", size_bytes=MIB, options=",ro") as disk:
        site.root = disk / "archive"
        with pytest.raises(ArchiveError, match="disk/archive") as caught:
            await site.sync()
    assert caught.value.exit_code == ExitCode.ARCHIVE
    assert site.stats.requests == {}


async def test_an_unwritable_subfolder_is_an_error_of_the_archive(
    site_factory: SiteFactory, tmp_path: Path
) -> None:
    """Products elsewhere that are done stay done; once it is put right, the run goes on."""
    site = await site_factory()
    site.root.mkdir()
    with small_disk(site.root / "2024", size_bytes=MIB, options=",ro"):
        report = await site.sync(layout="{year}/{name}")
        assert report.exit_code == ExitCode.ARCHIVE
        assert "2024" in report.error
    assert (await site.sync(layout="{year}/{name}")).exit_code == ExitCode.OK
    site.assert_whole()


async def test_a_file_in_the_place_of_a_subfolder_is_an_error_of_the_archive(
    site_factory: SiteFactory,
) -> None:
    """It is not ours to move: the user is told."""
    site = await site_factory()
    site.root.mkdir()
    (site.root / "2024").write_text("mine")
    report = await site.sync(layout="{year}/{name}")
    assert report.exit_code == ExitCode.ARCHIVE
    assert (site.root / "2024").read_text() == "mine"


HOLD = """
import sys
from pathlib import Path
from s2fetch.archive.archive import Archive
from s2fetch.archive.layout import Layout
with Archive.opened(Path(sys.argv[1]), Layout(), reserve_bytes=0):
    print("held", flush=True)
    sys.stdin.read()
"""


def holder_of(root: Path) -> subprocess.Popen[bytes]:
    process = subprocess.Popen(
        [sys.executable, "-c", HOLD, str(root)], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    assert process.stdout is not None
    assert process.stdout.readline() == b"held\n"
    return process


async def test_a_second_run_on_an_archive_is_told_of_the_first(site_factory: SiteFactory) -> None:
    """Exit code 6, process, machine and time; nothing is changed."""
    site = await site_factory()
    holder = await asyncio.to_thread(holder_of, site.root)
    try:
        with pytest.raises(
            ArchiveInUseError, match=f"process {holder.pid} on .* since 20"
        ) as caught:
            await site.sync()
        assert caught.value.exit_code == ExitCode.IN_USE
    finally:
        off_loop(holder.communicate)
    assert site.visible() == []


async def test_a_second_run_can_wait_for_the_first(site_factory: SiteFactory) -> None:
    """It begins when the first has ended, however that ended."""
    site = await site_factory()
    holder = await asyncio.to_thread(holder_of, site.root)
    run = asyncio.create_task(site.sync(wait_for_lock="1000 h"))
    await asyncio.sleep(0.05)
    assert not run.done()
    holder.send_signal(signal.SIGKILL)
    off_loop(holder.communicate)
    assert (await run).exit_code == ExitCode.OK
    site.assert_whole()


async def test_a_file_system_without_locks_is_refused(
    site_factory: SiteFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Two runs at once could damage the archive there; the error says so, with exit code 5."""
    site = await site_factory()

    def no_locks(*_: object) -> None:
        raise OSError(errno.ENOLCK, "No locks available")

    monkeypatch.setattr(fcntl, "flock", no_locks)
    with pytest.raises(LocksUnsupportedError, match="no working locks") as caught:
        await site.sync()
    assert caught.value.exit_code == ExitCode.ARCHIVE
    assert site.stats.requests == {}


async def test_a_product_somebody_else_writes_is_tried_again(site_factory: SiteFactory) -> None:
    """Its part file is locked: the others go on, and it follows when the lock is gone."""
    site = await site_factory(catalogue_of(body_of(1_500_000), body_of(50_000, 1)))
    entry = site.entries[0]
    other = part_module.PartFile(site.root, Product(id=entry.id, name=entry.name))
    off_loop(other.open)
    site.on(AttemptFailed, other.close)
    assert (await site.sync()).exit_code == ExitCode.OK
    assert [event.code for event in site.seen(AttemptFailed)] == ["archive-in-use"]
    site.assert_whole()


async def test_a_folder_of_the_layout_may_be_another_disk(
    site_factory: SiteFactory, disk: Path
) -> None:
    """What is kept aside there stays on that disk, and the run goes on."""
    site = await site_factory(catalogue_of(*(body_of(50_000, n) for n in range(3))))
    foreign, wrong, sound = site.entries
    site.root.mkdir()
    (site.root / "2024").symlink_to(disk)
    (disk / f"{foreign.name}.zip").write_bytes(b"somebody else's")
    site.hub.faults.add(Fault(FlippedByte(10), product=wrong.id, times=None))
    report = await site.sync(layout="{year}/{name}", attempts=3)
    assert (report.exit_code, report.fetched, report.failed) == (ExitCode.FAILED, 2, 1)
    site.assert_whole([foreign, sound])
    kept = site.root / site.record(wrong).path
    assert kept.parent == site.root / "2024" / ".s2fetch-quarantine"
    assert len(kept.read_bytes()) == 50_000
    (replaced,) = (disk / ".s2fetch-replaced").iterdir()
    assert replaced.read_bytes() == b"somebody else's"
    assert str(replaced.name) in site.seen(Healed)[0].what
    assert site.leftovers() == []


@pytest.mark.parametrize("size", [50_000, 3 * MIB], ids=["small", "large"])
async def test_a_part_file_that_cannot_be_used_stops_only_its_product(
    site_factory: SiteFactory, size: int
) -> None:
    """Somebody else's, or not even a file: it is told, and the others are fetched."""
    site = await site_factory(catalogue_of(*(body_of(size, n) for n in range(3))))
    entry = site.entries[0]
    part = PartFile(site.root, Product(id=entry.id, name=entry.name)).path
    part.mkdir(parents=True)
    report = await site.sync()
    assert (report.exit_code, report.fetched, report.failed) == (ExitCode.FAILED, 2, 1)
    assert report.failures[0].code == "part-file"
    assert str(part) in report.failures[0].error
    part.rmdir()
    assert (await site.sync()).exit_code == ExitCode.OK
    site.assert_whole()


async def test_a_product_that_is_too_large_for_the_file_system_stops_only_itself(
    site_factory: SiteFactory,
) -> None:
    """It is told what to do, as on FAT32; the others are fetched, and nothing of it stays."""
    site = await site_factory(catalogue_of(*(body_of(s * MIB, s) for s in (4, 2, 1))))
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (3 * MIB, hard))
    try:
        report = await site.sync()
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert (report.exit_code, report.fetched, report.failed) == (ExitCode.FAILED, 2, 1)
    assert report.failures[0].code == "product-too-large"
    assert "larger than a file may be there" in report.failures[0].error
    assert site.leftovers() == []
    assert (await site.sync()).exit_code == ExitCode.OK
    site.assert_whole()
