"""What there is of products on disk: files and unpacked folders, under the names they may have."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterable
from pathlib import Path

import msgspec

from s2fetch.archive.formats import possible_names
from s2fetch.archive.layout import Layout
from s2fetch.archive.manifest import MANIFESTS
from s2fetch.archive.records import Record, State
from s2fetch.archive.unpacked import find_manifest, folder_names
from s2fetch.errors import UnsafeNameError
from s2fetch.product import Product
from s2fetch.utf8 import is_utf8

_MANIFESTS = frozenset(MANIFESTS)
LISTED_BYTES = 1 << 20
"""A folder whose own size is below this (some 10,000 files) is listed to see what is in it."""


class FileState(msgspec.Struct, frozen=True, gc=False):
    """A regular file, or the folder of an unpacked product, as the file system describes it.

    Attributes:
        path: Relative to the archive's root.
        size: Bytes; of an unpacked product what its record says, because counting them takes long.
        mtime_ns: Modification time, nanoseconds since 1970; of an unpacked product its manifest's.
        unpacked: Whether it is such a folder.
    """

    path: str
    size: int
    mtime_ns: int
    unpacked: bool = False


class Folders:
    """Which names there are in folders, as far as listing them is cheaper than asking for each."""

    def __init__(self, root: Path) -> None:
        self._root = root
        self._listed: dict[str, frozenset[str] | None] = {}

    def names(self, folder: str) -> frozenset[str] | None:
        """All in a folder, by its path from the root; None where each has to be asked for."""
        if folder not in self._listed:
            self._listed[folder] = self._names(folder)
        return self._listed[folder]

    def _names(self, folder: str) -> frozenset[str] | None:
        path = self._root / folder
        try:
            if path.stat().st_size >= LISTED_BYTES:
                return None
            with os.scandir(path) as entries:
                return frozenset(entry.name for entry in entries)
        except FileNotFoundError:
            return frozenset()
        except OSError:
            return None


class Elsewhere:
    """Files and unpacked products anywhere below an archive's root, by name; looked for once.

    Args:
        root: The archive's folder.
    """

    def __init__(self, root: Path) -> None:
        self._root = root
        self._folders: dict[str, list[str]] | None = None

    def candidates(self, product: Product) -> list[FileState]:
        """What may be a product, by its usual names, wherever it lies. Blocking."""
        if self._folders is None:
            self._folders = self._look()
        files = [file_state(self._root, path) for path in self._paths(possible_names(product.name))]
        names = folder_names(product.name, product.name)
        files += [folder_state(self._root, path) for path in self._paths(names)]
        return [file for file in files if file is not None]

    def _paths(self, names: Iterable[str]) -> list[str]:
        """The paths of all that has one of the names."""
        folders = self._folders or {}
        return [os.path.join(folder, name) for name in names for folder in folders.get(name, ())]  # noqa: PTH118 - relative

    def _look(self) -> dict[str, list[str]]:
        """The folders that hold something of each name, relative to the root."""
        found: dict[str, list[str]] = {}
        for folder, folders, names in os.walk(self._root):
            folders[:] = sorted(name for name in folders if _may_be_ours(name))
            if not _MANIFESTS.isdisjoint(names):
                folders.clear()
                names = []
            relative = os.path.relpath(folder, self._root)
            for name in (*names, *folders):
                if _may_be_ours(name):
                    found.setdefault(name, []).append("" if relative == "." else relative)
        return found


def _may_be_ours(name: str) -> bool:
    """Not hidden, and UTF-8, without which its path cannot be recorded."""
    return not name.startswith(".") and is_utf8(name)


def candidates_in(
    root: Path, layout: Layout, product: Product, recorded: str = "", folders: Folders | None = None
) -> list[FileState]:
    """Files and folders that may be a product, by record or name, whoever put them there.

    Args:
        root: The archive's folder.
        layout: Where products lie in it.
        product: The product.
        recorded: Another path to look at first.
        folders: What is known of the archive's folders.
    """
    try:
        path = layout.path_for(product)
    except UnsafeNameError:
        return []
    folder = str(path.parent)
    there = (folders or Folders(root)).names(folder)
    beside = "" if folder == "." else f"{folder}/"
    names = [path.name] if path.name == product.name else [path.name, product.name]
    files = [file for name in names for file in possible_names(name)]
    files += possible_names(path.name, mark_of(product))
    paths = [recorded] if recorded else []
    paths += [beside + file for file in files if there is None or file in there]
    unpacked = [recorded] if recorded else []
    for name in folder_names(product.name, path.name):
        if there is None or name in there:
            unpacked += [beside + name, f"{beside}{name}/{product.name}"]
    states = [file_state(root, each) for each in dict.fromkeys(paths)]
    states += [folder_state(root, each) for each in dict.fromkeys(unpacked)]
    return [state for state in states if state is not None]


def was_here(record: Record | None) -> bool:
    """Whether a product once had a file of ours, so that one that is gone may have been moved."""
    return record is not None and bool(record.path) and record.state is not State.QUARANTINED


def recorded_file(root: Path, record: Record) -> FileState | None:
    """The file of a complete product, or its folder when it is unpacked; None if it is gone."""
    if record.unpacked:
        return folder_state(root, record.path, record.size)
    return file_state(root, record.path)


def folder_state(root: Path, path: str, size_bytes: int = 0) -> FileState | None:
    """The unpacked product at a path relative to the root, or None.

    Args:
        root: The archive's folder.
        path: Of the folder.
        size_bytes: What is known of its size.
    """
    manifest = find_manifest(root / path)
    if manifest is None:
        return None
    try:
        return FileState(path, size_bytes, manifest.stat().st_mtime_ns, unpacked=True)
    except OSError:
        return None


def file_state(root: Path, path: str) -> FileState | None:
    """The regular file at a path relative to the root, or None."""
    try:
        status = os.stat(f"{root}/{path}")  # noqa: PTH116 - asked for every product of an archive
    except (OSError, ValueError):  # the latter for a NUL, in a record that was edited
        return None
    if status.st_mode & 0o170000 != 0o100000:
        return None
    return FileState(path, status.st_size, status.st_mtime_ns)


def mark_of(product: Product) -> str:
    """Tells products of the same name apart; of the id's digest, because ids are alike."""
    return "~" + hashlib.sha256(product.id.encode()).hexdigest()[:8]
