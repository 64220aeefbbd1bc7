"""Durable writes."""

from __future__ import annotations

import errno
import os
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from s2fetch.archive.durable import (
    archive_error,
    fsync_folder,
    publish,
    replace_atomically,
    translating,
    write_beside,
)
from s2fetch.errors import (
    ArchiveError,
    DiskFullError,
    ExitCode,
    FileTooLargeError,
    OtherVolumeError,
)
from tests.archive.disks import small_disk

Steps = list[tuple[str, str]]


@pytest.fixture
def steps(monkeypatch: pytest.MonkeyPatch) -> Steps:
    """Every flush and rename, in order, with the name of what it was done to."""
    seen: Steps = []
    real_fsync, real_replace = os.fsync, Path.replace

    def fsync(descriptor: int) -> None:
        seen.append(("fsync", Path(f"/proc/self/fd/{descriptor}").resolve().name))
        real_fsync(descriptor)

    def replace(part: Path, target: Path) -> Path:
        seen.append(("rename", target.name))
        return real_replace(part, target)

    monkeypatch.setattr(os, "fsync", fsync)
    monkeypatch.setattr(Path, "replace", replace)
    return seen


def failing(code: int) -> Callable[..., int]:
    def fail(*_: object) -> int:
        raise OSError(code, os.strerror(code))

    return fail


def test_content_is_flushed_before_the_rename_and_the_folder_after(
    tmp_path: Path, steps: Steps
) -> None:
    """The order that makes a file whole after a power cut."""
    target = tmp_path / "state.json"
    replace_atomically(target, [b"one ", b"two"])
    assert target.read_bytes() == b"one two"
    assert [kind for kind, _ in steps] == ["fsync", "rename", "fsync"]
    assert steps[0][1].startswith(".state.json.")
    assert steps[1:] == [("rename", "state.json"), ("fsync", tmp_path.name)]


def test_publishing_flushes_the_folder_after_the_rename(tmp_path: Path, steps: Steps) -> None:
    """The caller has flushed the file; the new name is made durable here."""
    (tmp_path / "part").write_bytes(b"x")
    publish(tmp_path / "part", tmp_path / "whole")
    assert steps == [("rename", "whole"), ("fsync", tmp_path.name)]
    assert [path.name for path in tmp_path.iterdir()] == ["whole"]


@pytest.mark.parametrize("code", [errno.ENOSPC, errno.EDQUOT])
def test_a_full_disk_leaves_the_old_file_and_nothing_half(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, code: int
) -> None:
    """A failed replacement is as if it had not been tried."""
    target = tmp_path / "state.json"
    target.write_bytes(b"old")
    monkeypatch.setattr(os, "pwrite", failing(code))
    with pytest.raises(DiskFullError, match=r"state\.json") as caught:
        replace_atomically(target, [b"new"])
    assert caught.value.exit_code is ExitCode.ARCHIVE
    assert target.read_bytes() == b"old"
    assert [path.name for path in tmp_path.iterdir()] == ["state.json"]


def test_what_a_crash_left_under_the_same_name_is_written_over(tmp_path: Path) -> None:
    """Also when it was longer, but not through a link; and no file stays open."""
    target = tmp_path / "state.json"
    left = write_beside(target, [b"half of something long"])
    open_before = len(list(Path("/proc/self/fd").iterdir()))
    replace_atomically(target, [b"short"])
    assert target.read_bytes() == b"short"
    assert len(list(Path("/proc/self/fd").iterdir())) == open_before
    left.symlink_to(tmp_path / "precious")
    with pytest.raises(ArchiveError):
        replace_atomically(target, [b"other"])
    assert not (tmp_path / "precious").exists()


def test_a_source_that_fails_leaves_nothing_half(tmp_path: Path) -> None:
    """Also when it is the producer of the bytes that gives up."""

    def chunks() -> Iterator[bytes]:
        yield b"half"
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        write_beside(tmp_path / "state.json", chunks())
    assert list(tmp_path.iterdir()) == []


def test_a_rename_that_fails_leaves_nothing_half(tmp_path: Path) -> None:
    """A folder in the way is reported and the new bytes are removed."""
    target = tmp_path / "state.json"
    (target / "inside").mkdir(parents=True)
    with pytest.raises(ArchiveError):
        replace_atomically(target, [b"new"])
    assert [path.name for path in tmp_path.iterdir()] == ["state.json"]


def test_a_disk_that_becomes_read_only_is_told_as_that(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Half a file stays then, as it cannot be removed either."""
    target = tmp_path / "state.json"
    target.write_bytes(b"old")
    for name in ("replace", "unlink"):
        monkeypatch.setattr(os, name, failing(errno.EROFS))
    with pytest.raises(ArchiveError, match=r"state\.json is not writable"):
        replace_atomically(target, [b"new"])
    assert target.read_bytes() == b"old"


def test_short_writes_are_continued(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The system may take fewer bytes than it is given."""
    real = os.pwrite
    monkeypatch.setattr(os, "pwrite", lambda fd, data, at: real(fd, data[:3], at))
    replace_atomically(tmp_path / "state.json", [b"abcdefgh", b"ij"])
    assert (tmp_path / "state.json").read_bytes() == b"abcdefghij"


def test_folders_that_cannot_be_flushed_are_tolerated(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Some network shares say EINVAL; a real error is passed on."""
    for code in (errno.EINVAL, errno.ENOTSUP, errno.EOPNOTSUPP):
        monkeypatch.setattr(os, "fsync", failing(code))
        fsync_folder(tmp_path)
    monkeypatch.setattr(os, "fsync", failing(errno.EIO))
    with pytest.raises(OSError, match="Input/output"):
        fsync_folder(tmp_path)


@pytest.mark.parametrize(
    ("code", "kind", "words"),
    [
        (errno.ENOSPC, DiskFullError, "no space left"),
        (errno.EDQUOT, DiskFullError, "no space left"),
        (errno.EROFS, ArchiveError, "not writable"),
        (errno.EACCES, ArchiveError, "not writable"),
        (errno.EPERM, ArchiveError, "not writable"),
        (errno.ENOTDIR, ArchiveError, "where a folder should be"),
        (errno.EEXIST, ArchiveError, "where a folder should be"),
        (errno.EISDIR, ArchiveError, "where a folder should be"),
        (errno.EXDEV, OtherVolumeError, "another volume"),
        (errno.ENAMETOOLONG, ArchiveError, "too long"),
        (errno.EFBIG, FileTooLargeError, "larger than a file may be there"),
        (errno.EMFILE, ArchiveError, "ulimit -n"),
        (errno.EIO, ArchiveError, "cannot be used"),
    ],
)
def test_every_error_of_the_system_names_the_path_and_advises(
    tmp_path: Path, code: int, kind: type[ArchiveError], words: str
) -> None:
    """No bare OSError leaves the archive room."""
    path = tmp_path / "file"
    error = archive_error(OSError(code, os.strerror(code)), path)
    assert type(error) is kind
    assert words in str(error)
    assert str(path) in error.what
    assert error.advice


def test_translating_keeps_the_cause(tmp_path: Path) -> None:
    """The original error is chained for the log."""
    with pytest.raises(ArchiveError) as caught, translating(tmp_path):
        (tmp_path / "missing").read_bytes()
    assert isinstance(caught.value.__cause__, FileNotFoundError)


def test_a_disk_with_space_and_without_room_for_files_is_told_as_that(tmp_path: Path) -> None:
    """To free some space would not help."""
    options = ",nr_inodes=2"
    with small_disk(tmp_path / "disk", size_bytes=1 << 20, options=options) as disk:
        (disk / "last").touch()
        with pytest.raises(DiskFullError, match="as many files as it can have"):
            write_beside(disk / "more", ())


def test_a_folder_that_is_a_link_to_nowhere_is_told_as_that(tmp_path: Path) -> None:
    """A disk that is not mounted, mostly; nothing is made in its place."""
    link = tmp_path / "archive"
    link.symlink_to(tmp_path / "disk")
    with (
        pytest.raises(ArchiveError, match=r"a link to .*disk, which is not there"),
        translating(link),
    ):
        link.mkdir(parents=True, exist_ok=True)
