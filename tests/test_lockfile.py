"""Locks that die with their owner."""

from __future__ import annotations

import contextlib
import errno
import fcntl
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import IO

import pytest

from s2fetch.errors import ArchiveError, ExitCode, LocksUnsupportedError
from s2fetch.lockfile import FileLock, read_holder

HOLD = """
import sys
from pathlib import Path
from s2fetch.lockfile import FileLock
lock = FileLock.try_acquire(Path(sys.argv[1]), {"what": "a test"})
print("held" if lock else "busy", flush=True)
sys.stdin.read()
"""

HOLD_WITH_CHILD = """
import subprocess, sys
from pathlib import Path
from s2fetch.lockfile import FileLock
lock = FileLock.try_acquire(Path(sys.argv[1]), {})
script = "import time; print('up', flush=True); time.sleep(60)"
child = subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE, close_fds=False)
child.stdout.readline()
print(child.pid if lock else "busy", flush=True)
sys.stdin.read()
"""


@contextlib.contextmanager
def another_process(path: Path) -> Iterator[tuple[subprocess.Popen[str], str]]:
    """A real process that tries to take the lock and keeps it until its input ends."""
    with subprocess.Popen(
        [sys.executable, "-c", HOLD, str(path)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        output: IO[str] | None = process.stdout
        assert output is not None
        try:
            yield process, output.readline().strip()
        finally:
            process.kill()


def test_a_lock_keeps_others_out_until_it_is_released(tmp_path: Path) -> None:
    """Only one holder at a time, also within one process."""
    path = tmp_path / "lock"
    first = FileLock.try_acquire(path, {})
    assert first is not None
    assert FileLock.try_acquire(path, {}) is None
    first.release()
    second = FileLock.try_acquire(path, {})
    assert second is not None
    second.release()


def test_releasing_twice_does_not_release_the_next_holder(tmp_path: Path) -> None:
    """`release` is idempotent and touches only its own lock."""
    path = tmp_path / "lock"
    first = FileLock.try_acquire(path, {})
    assert first is not None
    first.release()
    with FileLock.try_acquire(path, {}) or pytest.fail("not free") as second:
        first.release()
        assert FileLock.try_acquire(path, {}) is None
        assert second.held
    assert not second.held


def test_the_note_names_the_holder(tmp_path: Path) -> None:
    """Whoever finds the lock taken learns pid, host, time and the holder's own words."""
    path = tmp_path / "folder" / "lock"
    since = datetime(2024, 7, 15, 10, 15, 59, tzinfo=UTC)
    with FileLock.try_acquire(path, {"archive": "alps"}, since=since) or pytest.fail("not free"):
        holder = read_holder(path)
    assert holder is not None
    assert holder.pid == os.getpid()
    assert holder.since == "2024-07-15T10:15:59Z"
    assert holder.note == {"archive": "alps"}
    assert str(os.getpid()) in str(holder)


def test_a_lock_of_another_process_is_seen_and_dies_with_it(tmp_path: Path) -> None:
    """SIGKILL leaves neither a lock nor a holder behind, although the note is still there."""
    path = tmp_path / "lock"
    with another_process(path) as (process, answer):
        assert answer == "held"
        assert FileLock.try_acquire(path, {}) is None
        holder = read_holder(path)
        assert holder is not None
        assert holder.pid == process.pid
        process.kill()
        process.wait()
        assert path.stat().st_size > 0
        assert read_holder(path) is None
        with FileLock.try_acquire(path, {}) or pytest.fail("the dead still hold it"):
            pass


def test_another_process_is_kept_out(tmp_path: Path) -> None:
    """The lock counts across processes in both directions."""
    path = tmp_path / "lock"
    with (
        FileLock.try_acquire(path, {}) or pytest.fail("not free"),
        another_process(path) as (_, answer),
    ):
        assert answer == "busy"


def test_programs_the_holder_started_do_not_inherit_the_lock(tmp_path: Path) -> None:
    """A hook that outlives a killed run does not keep the archive locked."""
    path = tmp_path / "lock"
    with subprocess.Popen(
        [sys.executable, "-c", HOLD_WITH_CHILD, str(path)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout is not None
        child = int(process.stdout.readline())
        try:
            assert FileLock.try_acquire(path, {}) is None
            process.kill()
            process.wait()
            os.kill(child, 0)
            with FileLock.try_acquire(path, {}) or pytest.fail("the child has inherited it"):
                pass
        finally:
            os.kill(child, signal.SIGKILL)


def test_a_forked_child_does_not_keep_a_released_lock(tmp_path: Path) -> None:
    """Releasing ends the lock itself, whoever else still has the file open."""
    path = tmp_path / "lock"
    lock = FileLock.try_acquire(path, {})
    assert lock is not None
    twin = os.dup(lock._descriptor or -1)
    try:
        lock.release()
        with FileLock.try_acquire(path, {}) or pytest.fail("the twin keeps it"):
            pass
    finally:
        os.close(twin)


def test_nobody_holds_a_lock_that_never_was(tmp_path: Path) -> None:
    """Asking for the holder creates nothing."""
    assert read_holder(tmp_path / "lock") is None
    assert not (tmp_path / "lock").exists()


def test_a_released_lock_has_no_holder(tmp_path: Path) -> None:
    """The note goes with the lock, the file stays."""
    path = tmp_path / "lock"
    with FileLock.try_acquire(path, {}) or pytest.fail("not free"):
        pass
    assert path.exists()
    assert read_holder(path) is None


def test_a_held_lock_without_a_readable_note_has_no_named_holder(tmp_path: Path) -> None:
    """Rubbish in the file is not mistaken for a holder and not an error."""
    path = tmp_path / "lock"
    with FileLock.try_acquire(path, {}) or pytest.fail("not free"):
        path.write_bytes(b'{"pid": ')
        assert read_holder(path) is None


def test_somebody_looking_does_not_keep_a_newcomer_out(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The shared lock of a probe is told from a real one and waited out."""
    path = tmp_path / "lock"
    path.touch()
    probe = os.open(path, os.O_RDONLY)
    fcntl.flock(probe, fcntl.LOCK_SH)
    pauses: list[float] = []

    def pause(seconds: float) -> None:
        pauses.append(seconds)
        fcntl.flock(probe, fcntl.LOCK_UN)

    monkeypatch.setattr(time, "sleep", pause)
    with FileLock.try_acquire(path, {}) or pytest.fail("kept out by a probe"):
        assert len(pauses) == 1
    os.close(probe)


def test_probing_disturbs_neither_holder_nor_newcomer(tmp_path: Path) -> None:
    """Taking the lock succeeds every time it is free, however often others look at it."""
    path = tmp_path / "lock"
    done = threading.Event()

    def look() -> None:
        while not done.is_set():
            read_holder(path)

    lookers = [threading.Thread(target=look) for _ in range(3)]
    for looker in lookers:
        looker.start()
    try:
        for _ in range(100):
            path.write_bytes(b'{"pid": 1, "host": "gone", "since": "2024-01-01T00:00:00Z"}')
            lock = FileLock.try_acquire(path, {})
            assert lock is not None
            lock.release()
    finally:
        done.set()
        for looker in lookers:
            looker.join()


def test_a_file_removed_while_it_is_being_locked_is_locked_anew(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A lock on a file that is no longer at its path would exclude nobody."""
    path = tmp_path / "lock"
    real = fcntl.flock
    calls: list[int] = []

    def flock_after_removal(descriptor: int, operation: int) -> None:
        if not calls:
            path.unlink()
        calls.append(operation)
        real(descriptor, operation)

    monkeypatch.setattr(fcntl, "flock", flock_after_removal)
    with FileLock.try_acquire(path, {}) or pytest.fail("not free"):
        assert FileLock.try_acquire(path, {}) is None
        assert path.exists()


@pytest.mark.parametrize("code", [errno.ENOLCK, errno.ENOSYS, errno.EOPNOTSUPP])
def test_a_file_system_without_locks_is_named_as_such(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, code: int
) -> None:
    """Working without a lock is refused, with advice."""

    def no_locks(descriptor: int, operation: int) -> None:
        raise OSError(code, os.strerror(code))

    monkeypatch.setattr(fcntl, "flock", no_locks)
    with pytest.raises(LocksUnsupportedError, match="no working locks") as caught:
        FileLock.try_acquire(tmp_path / "lock", {})
    assert "local disk" in caught.value.advice
    assert caught.value.exit_code is ExitCode.ARCHIVE


def test_a_folder_we_may_not_write_is_an_archive_error(tmp_path: Path) -> None:
    """The message names the lock file."""
    blocker = tmp_path / "file"
    blocker.touch()
    with pytest.raises(ArchiveError, match="file/lock"):
        FileLock.try_acquire(blocker / "lock", {})


def test_a_symbolic_link_is_not_followed(tmp_path: Path) -> None:
    """In a shared folder somebody else's link must not make us write elsewhere."""
    target = tmp_path / "precious"
    target.write_text("data")
    (tmp_path / "lock").symlink_to(target)
    with pytest.raises(ArchiveError):
        FileLock.try_acquire(tmp_path / "lock", {})
    assert target.read_text() == "data"


def test_a_full_disk_does_not_prevent_locking(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The note only informs; without room for it the lock still holds."""

    def full(descriptor: int, data: bytes, offset: int) -> int:
        raise OSError(errno.ENOSPC, "full")

    monkeypatch.setattr(os, "pwrite", full)
    with FileLock.try_acquire(tmp_path / "lock", {}) or pytest.fail("not free"):
        assert FileLock.try_acquire(tmp_path / "lock", {}) is None
