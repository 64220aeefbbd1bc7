"""Free space and claims on it."""

from __future__ import annotations

import os
import sys
import threading
from pathlib import Path

import pytest

from s2fetch.archive.space import SpaceGuard, Volumes, free_bytes
from s2fetch.errors import ArchiveError, DiskFullError, ExitCode


def guard(free: int, reserve: int = 0) -> SpaceGuard:
    return SpaceGuard(Path("/archive"), reserve, free=lambda _: free)


def test_free_bytes_are_those_an_ordinary_user_may_write(tmp_path: Path) -> None:
    """As statvfs(3) says, also for a folder that does not exist yet."""
    status = os.statvfs(tmp_path)
    total = status.f_blocks * status.f_frsize
    assert 0 < free_bytes(tmp_path) <= total
    assert 0 < free_bytes(tmp_path / "not" / "yet") <= total
    (tmp_path / "file").touch()
    assert 0 < free_bytes(tmp_path / "file" / "in the way") <= total


def test_claims_add_up() -> None:
    """What others are going to write is not free."""
    space = guard(free=100)
    first = space.claim(60)
    with pytest.raises(DiskFullError):
        space.claim(41)
    second = space.claim(40)
    first.release()
    assert space.claim(60)
    assert second.left_bytes == 40


def test_the_reserve_stays_free() -> None:
    """The message says what is free, needed and kept."""
    space = guard(free=1_000_000, reserve=600_000)
    with pytest.raises(DiskFullError) as caught:
        space.claim(400_001)
    assert "1.0 MB are free" in caught.value.what
    assert "400.0 kB are needed" in caught.value.what
    assert "600.0 kB are to stay free" in caught.value.what
    assert caught.value.exit_code is ExitCode.ARCHIVE
    assert space.claim(400_000)
    with pytest.raises(DiskFullError, match=r"2\.0 TB are needed"):
        space.claim(2 * 10**12)


def test_written_bytes_are_not_counted_twice() -> None:
    """Once on the disk they are gone from the free bytes and leave the claim."""
    free = [100]
    space = SpaceGuard(Path("/archive"), 0, free=lambda _: free[0])
    claim = space.claim(80)
    free[0] -= 50
    claim.shrink(50)
    assert claim.left_bytes == 30
    assert space.claim(20)
    with pytest.raises(DiskFullError, match="running transfers still need"):
        space.claim(1)


def test_a_claim_never_becomes_negative() -> None:
    """A body longer than listed does not make room for others."""
    space = guard(free=100)
    claim = space.claim(10)
    claim.shrink(50)
    assert claim.left_bytes == 0
    with pytest.raises(DiskFullError):
        space.claim(101)


def test_leaving_the_block_releases_the_claim_once() -> None:
    """Released twice counts once, and shrinking afterwards does nothing."""
    space = guard(free=100)
    with space.claim(100) as claim:
        pass
    claim.release()
    claim.shrink(5)
    assert claim.left_bytes == 0
    assert not space.claims
    assert space.claim(100).left_bytes == 100


def test_threads_never_claim_more_than_there_is() -> None:
    """Looking and claiming are one step."""
    space = guard(free=1000)
    got: list[object] = []
    gate = threading.Barrier(4)
    interval = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)

    def work() -> None:
        gate.wait()
        for _ in range(500):
            try:
                got.append(space.claim(10))
            except DiskFullError:
                return

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    sys.setswitchinterval(interval)
    assert len(got) == 100


def test_archives_on_one_volume_count_each_others_downloads(tmp_path: Path) -> None:
    """Together they leave the floor free; on another volume they do not meet."""
    volumes = Volumes()
    with pytest.raises(ArchiveError):
        volumes.of(tmp_path / "gone")
    first, second = (tmp_path / name for name in ("first", "second"))
    for folder in (first, second):
        folder.mkdir()
    one = SpaceGuard(first, 100, free=lambda _: 1000, volume=volumes.of(first))
    other = SpaceGuard(second, 100, free=lambda _: 1000, volume=volumes.of(second))
    with one.claim(600):
        assert other.free_beside(300) == (1000, True)
        assert other.free_beside(301) == (1000, False)
        with pytest.raises(DiskFullError) as caught:
            other.claim(301)
        assert caught.value.needed_bytes == 301
    other.claim(900).release()
    alone = SpaceGuard(first, 100, free=lambda _: 1000, volume=volumes.of(Path("/proc")))
    with one.claim(600):
        alone.claim(900)
