"""An archive on disk: its folder, lock, progress file and free space."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path, PurePosixPath

import msgspec

from s2fetch.archive.durable import fsync_folder, translating
from s2fetch.archive.layout import COMPONENT_BYTES, Layout
from s2fetch.archive.presence import (
    Elsewhere,
    FileState,
    Folders,
    candidates_in,
    mark_of,
    recorded_file,
    was_here,
)
from s2fetch.archive.progress import ProgressFile
from s2fetch.archive.records import Record, State
from s2fetch.archive.sidecar import PART_PREFIX
from s2fetch.archive.space import SpaceGuard, Volumes
from s2fetch.errors import ArchiveInUseError, OtherVolumeError
from s2fetch.lockfile import FileLock, Holder, read_holder
from s2fetch.product import Product

OWN_FOLDER = ".s2fetch"
"""Below the archive's root: progress file, lock, quarantine."""
LONGEST_SUFFIX = ".zip"
"""No suffix `formats.suffix_for` appends is longer."""


class Known(msgspec.Struct, frozen=True, gc=False):
    """What an archive has of a product.

    Attributes:
        record: What the progress file says, or None.
        file: The recorded file or folder of a complete product, or None when there is none.
        candidates: Files and folders that may be the product, by record or name.
    """

    record: Record | None
    file: FileState | None
    candidates: tuple[FileState, ...]


IsSettled = Callable[[Product, Record, FileState], bool]
"""Told a product, its record and its file."""


def _never_settled(*_: object) -> bool:
    return False


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
        self._elsewhere = Elsewhere(root)

    @classmethod
    @contextmanager
    def opened(
        cls, root: Path, layout: Layout, *, reserve_bytes: int, volumes: Volumes | None = None
    ) -> Iterator[Archive]:
        """Lock the archive, creating it when there is none, and read its progress file.

        Args:
            root: Its folder.
            layout: Where products lie in it.
            reserve_bytes: Free space to leave on its volume.
            volumes: Of all archives of this process, so that they count each other's downloads.

        Raises:
            ArchiveInUseError: If another process works on it.
            ArchiveError: If the folder cannot be used.
        """
        _make_own_folder(root)
        lock = FileLock.try_acquire(lock_path(root), {"archive": str(root)})
        if lock is None:
            raise _in_use(root)
        with lock, ProgressFile.load(root, True, archive=str(root)) as progress:
            volume = volumes.of(root) if volumes is not None else None
            space = SpaceGuard(root, reserve_bytes, volume=volume)
            yield cls(root, layout, progress, space)

    def file_of(self, record: Record) -> FileState | None:
        """See `recorded_file`."""
        return recorded_file(self.root, record)

    def candidates(
        self, product: Product, recorded: str = "", folders: Folders | None = None
    ) -> list[FileState]:
        """Files and folders that may be this product, see `candidates_in`."""
        return candidates_in(self.root, self.layout, product, recorded, folders)

    def look_up(
        self,
        batch: Sequence[Product],
        *,
        everywhere: bool = False,
        is_settled: IsSettled = _never_settled,
    ) -> list[tuple[Product, Known]]:
        """What is known about products; one call for a batch, so one thread hop.

        Args:
            batch: The products.
            everywhere: Whether to look in all folders for products that are not in their places;
                for those whose recorded file is gone, that is done anyhow.
            is_settled: Tells which of those that have a record and a file need no second look: they
                are left out.
        """
        folders = Folders(self.root)
        records = self.progress.get_many([product.id for product in batch])
        found = []
        for product in batch:
            record = records.get(product.id)
            file = None
            if record is not None and record.state is State.COMPLETE:
                file = self.file_of(record)
            if record is None or file is None or not is_settled(product, record, file):
                known = self._known(product, record, file, folders, everywhere)
                found.append((product, known))
        return found

    def _known(
        self,
        product: Product,
        record: Record | None,
        file: FileState | None,
        folders: Folders,
        everywhere: bool,
    ) -> Known:
        if record is None or record.state is not State.COMPLETE:
            candidates = self.candidates(product, "", folders)
            if not candidates and (everywhere or was_here(record)):
                candidates = self._elsewhere.candidates(product)
            return Known(record, None, tuple(candidates))
        if file is not None and (file.size, file.mtime_ns) == (record.size, record.mtime_ns):
            return Known(record, file, (file,))
        candidates = self.candidates(product, record.path, folders)
        if file is None and not candidates:
            candidates = self._elsewhere.candidates(product)
        return Known(record, file, tuple(candidates))

    def is_untouched(self, record: Record) -> bool:
        """Whether the file of a complete product is as it was when it was verified."""
        file = self.file_of(record)
        return file is not None and (file.size, file.mtime_ns) == (record.size, record.mtime_ns)

    def folder_of(self, product: Product) -> Path:
        """Where the product's part file and, later, the product lie.

        Raises:
            UnsafeNameError: If its name cannot be part of a path, whatever is appended to it.
        """
        self.check_name(product)
        return self.root.joinpath(self.layout.folder_for(product))

    def check_name(self, product: Product) -> None:
        """See whether a file can have the product's name and all that may be appended to it.

        Raises:
            UnsafeNameError: If not.
        """
        self.layout.check(product, mark_of(product) + LONGEST_SUFFIX)

    def shared_path(self, product: Product, suffix: str) -> PurePosixPath:
        """The product's path when another product of the same name has the usual one."""
        return self.layout.path_for(product, mark_of(product) + suffix)

    def make_folder(self, folder: Path) -> None:
        """Make a folder that a power cut does not take away with what is put in it.

        Raises:
            ArchiveError: If it cannot be made.
        """
        if folder != self.root and folder not in self._durable_folders:
            with translating(folder):
                folder.mkdir(parents=True, exist_ok=True)
                self._make_entries_durable(folder)

    def quarantine(self, product: Product, rename: Callable[[Path], None]) -> Path:
        """Keep wrong bytes of a product; flushing their folder is the caller's.

        Args:
            product: The product, whose part file they are in.
            rename: Gives the part file another path.

        Returns:
            Where they are now, below ``.s2fetch/quarantine``.

        Raises:
            ArchiveError: If they cannot be moved.
        """
        path = self.root / self.layout.path_for(product)

        def move(folder: Path) -> Path:
            target = folder / f"{path.name}.wrong"
            self.make_folder(folder)
            rename(target)
            return target

        return self._into_own_folder(path, "quarantine", move)

    def set_aside(self, path: PurePosixPath | str, now: datetime) -> Path:
        """Move a file that is in the way, and not known to be ours, out of the way.

        Returns:
            Where it is now, below ``.s2fetch/replaced``.

        Raises:
            ArchiveError: If it cannot be moved.
        """
        stamp = now.astimezone(UTC).strftime("%Y%m%dT%H%M%SZ")
        return self._move_aside(path, "replaced", f".{stamp}")

    def _move_aside(self, path: PurePosixPath | str, kind: str, mark: str) -> Path:
        """Move a file to a folder of ours, under its name, a mark and a number where needed."""
        source = self.root / path

        def move(folder: Path) -> Path:
            self.make_folder(folder)
            with translating(source):
                number = 0
                while True:
                    ending = f"{mark}-{number}" if number else mark
                    target = folder / (_shortened(source.name, len(ending)) + ending)
                    if not os.path.lexists(target):
                        break
                    number += 1
                source.replace(target)
            return target

        target = self._into_own_folder(source, kind, move)
        # In this order: until the new entry is on the disk, the old one must be there.
        self.make_durable([target.parent])
        self.make_durable([source.parent])
        return target

    def _into_own_folder(self, source: Path, kind: str, move: Callable[[Path], Path]) -> Path:
        """Move a file into ``.s2fetch``, or beside itself where it is on another volume than that.

        A folder of the layout may be another disk, mounted or linked; copying a product to this one
        would take long, and perhaps there is no room for it.
        """
        try:
            return move(self.root / OWN_FOLDER / kind)
        except OtherVolumeError:
            return move(source.parent / f"{PART_PREFIX}{kind}")

    def trash(self, path: str, now: datetime) -> Path:
        """Move the file of a withdrawn product to ``.s2fetch/trash``, a folder for each day.

        Returns:
            Where it is now.

        Raises:
            ArchiveError: If it cannot be moved.
        """
        return self._move_aside(path, f"trash/{now.astimezone(UTC):%Y-%m-%d}", "")

    def is_taken(self, path: PurePosixPath) -> bool:
        """Whether anything at all has that name: a file, a folder, a link to nowhere."""
        return os.path.lexists(f"{self.root}/{path}")

    def make_durable(self, folders: Iterable[Path]) -> None:
        """Flush folders whose entries have changed, and new ones up to the root.

        Raises:
            ArchiveError: If one cannot be flushed.
        """
        for folder in set(folders):
            with translating(folder):
                fsync_folder(folder)
                self._make_entries_durable(folder)

    def _make_entries_durable(self, folder: Path) -> None:
        """Flush the folders a folder is an entry of, up to the root, once in a run."""
        flushed = []
        while folder != self.root and folder not in self._durable_folders:
            flushed.append(folder)
            folder = folder.parent
            fsync_folder(folder)
        self._durable_folders.update(flushed)


def _make_own_folder(root: Path) -> None:
    """Make the archive's folders, those above it too, so that a power cut takes none of them away.

    The root is flushed in any case: the process that made ours may have been killed before that.
    """
    own = root / OWN_FOLDER
    with translating(root):
        new = [folder for folder in (root, *root.parents) if not folder.exists()]
        own.mkdir(parents=True, exist_ok=True)
        fsync_folder(root)
        for folder in new:
            with suppress(PermissionError):  # one may make folders in it and not read it
                fsync_folder(folder.parent)


def lock_path(root: Path) -> Path:
    """The lock of the archive at a root."""
    return root / OWN_FOLDER / "lock"


def is_archive(root: Path) -> bool:
    """Whether a folder holds an archive.

    Raises:
        ArchiveError: One may not look.
    """
    with translating(root):
        return (root / OWN_FOLDER).is_dir()


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


def _shortened(name: str, room_bytes: int) -> str:
    """The name, cut so that so many bytes can be appended."""
    return name.encode()[: COMPONENT_BYTES - room_bytes].decode(errors="ignore")
