"""The few steps every durable write goes through.

A file is published in this order: write it beside its target, flush it, rename it, flush the
folder. Only then is it there after a power cut, whole, under its final name (fsync(2), rename(2)).
"""

from __future__ import annotations

import contextlib
import errno
import os
import threading
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

from s2fetch.errors import ArchiveError, DiskFullError, FileTooLargeError, OtherVolumeError
from s2fetch.lockfile import MORE_FILES
from s2fetch.paths import is_file

_FULL = frozenset({errno.ENOSPC, errno.EDQUOT})
_NOT_ALLOWED = frozenset({errno.EROFS, errno.EACCES, errno.EPERM})
_CANNOT_SYNC_FOLDERS = frozenset({errno.EINVAL, errno.ENOTSUP, errno.EOPNOTSUPP})
UNFINISHED_SUFFIX = ".unfinished"
"""Ends the name of a file that `write_beside` is still writing, or that a crash left half."""


def archive_error(error: OSError, path: Path) -> ArchiveError:
    """The error to show a user for a failed operation on ``path``."""
    reason = error.strerror or str(error)
    if error.errno in _FULL:
        if error.errno == errno.ENOSPC and _has_most_files(path):
            return DiskFullError(
                f"the file system has as many files as it can have, no room for {path}",
                did="What was complete before is untouched",
                advice="Remove files there (df -i shows how many there are), and run the same "
                "command again",
            )
        return DiskFullError(
            f"no space left for {path} ({reason})",
            did="What was complete before is untouched",
            advice="Free some space, or raise the quota, and run the same command again",
        )
    if error.errno in _NOT_ALLOWED:
        return ArchiveError(
            f"{path} is not writable or not accessible ({reason})",
            advice="Check owner and mode of the archive's folders and that it is mounted writable",
        )
    if error.errno == errno.EFBIG:
        return FileTooLargeError(
            f"{path} would be larger than a file may be there ({reason})",
            advice="Put the archive on another file system (FAT32 has files of up to 4 GB), or "
            "raise the limit of the shell or service (ulimit -f, LimitFSIZE=)",
        )
    if error.errno == errno.EEXIST and path.is_symlink():
        return ArchiveError(
            f"{path} is a link to {path.readlink()}, which is not there",
            advice="Mount the disk it leads to, or make the folder",
        )
    if error.errno in (errno.EEXIST, errno.ENOTDIR, errno.EISDIR):
        return ArchiveError(
            f"{path} cannot be used, a file stands where a folder should be or the reverse",
            advice="Move what is in the way, or choose another folder or layout",
        )
    if error.errno == errno.EXDEV:
        return OtherVolumeError(
            f"{path} cannot be moved to or from another volume",
            advice="Mount the archive's folders as one volume",
        )
    if error.errno == errno.ENAMETOOLONG:
        return ArchiveError(
            f"{path} is too long for the file system", advice="Choose a shorter folder or layout"
        )
    if error.errno in (errno.EMFILE, errno.ENFILE):
        return ArchiveError(f"{path} cannot be opened ({reason})", advice=MORE_FILES)
    return ArchiveError(
        f"{path} cannot be used ({reason})",
        advice="Check that the disk is mounted and healthy, and run the same command again",
    )


def _has_most_files(path: Path) -> bool:
    """Whether the file system of ``path`` has bytes left, and nothing left to make a file with."""
    try:
        status = os.statvfs(path.parent)
    except OSError:
        return False
    return bool(status.f_files and not status.f_favail and status.f_bavail)


@contextmanager
def translating(path: Path) -> Iterator[None]:
    """Turn the operating system's errors inside the block into `ArchiveError` about ``path``."""
    try:
        yield
    except OSError as error:
        raise archive_error(error, path) from error


def fsync_file(descriptor: int) -> None:
    """Have the file's bytes on the disk before going on (fsync(2))."""
    os.fsync(descriptor)


def fsync_tree(path: Path) -> None:
    """Have a file, or a folder with all that is in it, on the disk; its own name is the caller's.

    Raises:
        ArchiveError: Something there cannot be opened or flushed.
    """
    with translating(path):
        folders = list(os.walk(path)) if path.is_dir() else []
        files = [os.path.join(folder, name) for folder, _, names in folders for name in names]  # noqa: PTH118
        for file in files if folders else [path]:
            if not is_file(file):  # links to nowhere, and what is no file
                continue
            descriptor = os.open(file, os.O_RDONLY | os.O_CLOEXEC)
            try:
                fsync_file(descriptor)
            finally:
                os.close(descriptor)
        for folder, *_ in folders:
            fsync_folder(Path(folder))


def fsync_folder(path: Path) -> None:
    """Have the folder's entries on the disk before going on.

    File systems that cannot flush a folder and say so (some network shares) are left to their own
    ways.
    """
    descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    except OSError as error:
        if error.errno not in _CANNOT_SYNC_FOLDERS:
            raise
    finally:
        os.close(descriptor)


def publish(part: Path, target: Path) -> None:
    """Give a flushed file its final name, replacing what is there, and flush the folder.

    Raises:
        ArchiveError: The file could not be renamed; ``part`` is still there then.
    """
    with translating(target):
        part.replace(target)
        fsync_folder(target.parent)


def write_all(descriptor: int, data: bytes, position: int) -> None:
    """Write every byte at ``position``, however often the system takes only some of them."""
    view = memoryview(data)
    while view:
        written = os.pwrite(descriptor, view, position)
        view = view[written:]
        position += written


def write_beside(path: Path, chunks: Iterable[bytes]) -> Path:
    """Write a flushed file beside ``path``, ready for `publish`; nothing stays when it fails.

    Raises:
        ArchiveError: The file could not be written.
    """
    unfinished = path.with_name(
        f".{path.name}.{os.getpid()}-{threading.get_ident():x}{UNFINISHED_SUFFIX}"
    )
    flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC | os.O_NOFOLLOW
    with translating(path):
        descriptor = os.open(unfinished, flags, 0o666)
        try:
            position = 0
            for chunk in chunks:
                write_all(descriptor, chunk, position)
                position += len(chunk)
            fsync_file(descriptor)
        except BaseException:
            remove_unfinished(unfinished)
            raise
        finally:
            os.close(descriptor)
    return unfinished


def replace_atomically(path: Path, chunks: Iterable[bytes]) -> None:
    """Give ``path`` new content; a reader sees the old or the new one and never a part of either.

    Raises:
        ArchiveError: The file could not be written; the old one is untouched.
    """
    unfinished = write_beside(path, chunks)
    try:
        publish(unfinished, path)
    except BaseException:
        remove_unfinished(unfinished)
        raise


def remove_unfinished(path: Path) -> None:
    """Remove what `write_beside` has made, if it is still there and the disk lets us.

    On a disk that has become read-only, what went wrong before is what has to be told.
    """
    with contextlib.suppress(OSError):
        path.unlink(missing_ok=True)
