"""An archive on disk: its folder, lock, progress file and free space."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path, PurePosixPath

import msgspec

from s2fetch.archive.durable import fsync_folder, translating
from s2fetch.archive.formats import possible_names
from s2fetch.archive.layout import Layout
from s2fetch.archive.progress import ProgressFile
from s2fetch.archive.records import Record, State
from s2fetch.archive.space import SpaceGuard
from s2fetch.errors import ArchiveInUseError, UnsafeNameError
from s2fetch.lockfile import FileLock, Holder, read_holder
from s2fetch.product import Product

OWN_FOLDER = ".s2fetch"
"""Below the archive's root: progress file, lock, quarantine."""


class FileState(msgspec.Struct, frozen=True):
    """A regular file as the file system describes it.

    Attributes:
        path: Relative to the archive's root.
        size: Bytes.
        mtime_ns: Modification time, nanoseconds since 1970.
    """

    path: str
    size: int
    mtime_ns: int


class Archive:
    """An archive that is open. Made by `opened`. Blocking; for worker threads.

    Attributes:
        root: Its folder.
        layout: Where products lie in it.
        progress: Its progress file.
        space: Its free space.
    """

    def __init__(
        self, root: Path, layout: Layout, progress: ProgressFile, space: SpaceGuard
    ) -> None:
        self.root = root
        self.layout = layout
        self.progress = progress
        self.space = space
        self._durable_folders: set[Path] = set()

    @classmethod
    @contextmanager
    def opened(cls, root: Path, layout: Layout, *, reserve_bytes: int) -> Iterator[Archive]:
        """Lock the archive, creating it when there is none, and read its progress file.

        Raises:
            ArchiveInUseError: If another process works on it.
            ArchiveError: If the folder cannot be used.
        """
        with translating(root):
            (root / OWN_FOLDER).mkdir(parents=True, exist_ok=True)
        lock = FileLock.try_acquire(lock_path(root), {"archive": str(root)})
        if lock is None:
            raise _in_use(root)
        with lock, ProgressFile.load(root, True, archive=str(root)) as progress:
            yield cls(root, layout, progress, SpaceGuard(root, reserve_bytes))

    def file_at(self, path: str) -> FileState | None:
        """The regular file at a relative path, or None."""
        return file_state(self.root, path)

    def candidates(self, product: Product, recorded: str = "") -> list[FileState]:
        """Files that may be this product, by record or name, whoever put them there."""
        try:
            folder = self.layout.path_for(product).parent
            names = [self.layout.path_for(product).name, *possible_names(product.name)]
        except UnsafeNameError:
            return []
        paths = [recorded] if recorded else []
        paths += [str(folder / name) for name in names]
        states = (file_state(self.root, path) for path in dict.fromkeys(paths))
        return [state for state in states if state is not None]

    def recorded_files(
        self, batch: Iterable[Product]
    ) -> list[tuple[Record | None, FileState | None]]:
        """Record and file of every product of a batch; one call, so one thread hop."""
        found: list[tuple[Record | None, FileState | None]] = []
        for product in batch:
            record = self.progress.get(product.id)
            has_file = record is not None and record.state is State.COMPLETE
            found.append((record, self.file_at(record.path) if record and has_file else None))
        return found

    def folder_of(self, product: Product) -> Path:
        """Where the product's part file and, later, the product lie.

        Raises:
            UnsafeNameError: If its name cannot be part of a path.
        """
        self.layout.path_for(product)
        return self.root / self.layout.folder_for(product)

    def quarantine_path(self, product: Product) -> Path:
        """Where wrong bytes of a product are kept."""
        name = self.layout.path_for(product).name
        return self.root / OWN_FOLDER / "quarantine" / f"{name}.wrong"

    def set_aside(self, path: PurePosixPath | str, now: datetime) -> Path:
        """Move a file that is in the way, and not known to be ours, out of the way.

        Returns:
            Where it is now, below ``.s2fetch/replaced``.

        Raises:
            ArchiveError: If it cannot be moved.
        """
        source = self.root / path
        stamp = now.astimezone(UTC).strftime("%Y%m%dT%H%M%SZ")
        target = self.root / OWN_FOLDER / "replaced" / f"{source.name}.{stamp}"
        with translating(source):
            target.parent.mkdir(parents=True, exist_ok=True)
            source.replace(target)
        return target

    def make_durable(self, folders: Iterable[Path]) -> None:
        """Flush folders whose entries have changed, and new ones up to the root.

        Raises:
            ArchiveError: If one cannot be flushed.
        """
        for folder in set(folders):
            with translating(folder):
                fsync_folder(folder)
                while folder != self.root and folder not in self._durable_folders:
                    self._durable_folders.add(folder)
                    folder = folder.parent
                    fsync_folder(folder)


def lock_path(root: Path) -> Path:
    """The lock of the archive at a root."""
    return root / OWN_FOLDER / "lock"


def archive_holder(root: Path) -> Holder | None:
    """Who works on the archive now, or None."""
    return read_holder(lock_path(root))


def _in_use(root: Path) -> ArchiveInUseError:
    holder = archive_holder(root)
    by = str(holder) if holder else "another process"
    return ArchiveInUseError(
        f"the archive {root} is in use by {by}",
        did="Nothing was changed",
        advice="Wait for it to end (--wait-for-lock), or stop it",
    )


def file_state(root: Path, path: str) -> FileState | None:
    """The regular file at a path relative to the root, or None."""
    try:
        status = os.stat(os.path.join(root, path), follow_symlinks=True)  # noqa: PTH116, PTH118 - hot path
    except OSError:
        return None
    if status.st_mode & 0o170000 != 0o100000:
        return None
    return FileState(path, status.st_size, status.st_mtime_ns)
