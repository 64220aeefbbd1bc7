"""What of a folder would be left after a power cut: what was flushed, and nothing else for sure."""

from __future__ import annotations

import os
import stat
import threading
from dataclasses import dataclass, field
from pathlib import Path

import pytest


@dataclass
class Snapshot:
    """An instant. Files and folders by inode.

    Attributes:
        root: Inode of the folder.
        contents: Bytes of every file at its last flush.
        flushed: Entries of every folder at its last flush.
        present: Entries of every folder now, with the size of files.
    """

    root: int
    contents: dict[int, bytes]
    flushed: dict[int, dict[str, int]]
    present: dict[int, dict[str, int]]
    sizes: dict[int, int] = field(default_factory=dict)

    def build(self, target: Path, *, renames_survive: bool) -> None:
        """Make the tree that is left.

        Args:
            target: Where; must not exist.
            renames_survive: Whether names are on the disk although nobody flushed their folder, as
                on journalling file systems, where bytes that were not flushed are zeros then.
        """
        self._build(target, self.root, self.present if renames_survive else self.flushed)

    def _build(self, target: Path, inode: int, folders: dict[int, dict[str, int]]) -> None:
        target.mkdir()
        for name, inner in folders.get(inode, {}).items():
            if inner in self.present:
                self._build(target / name, inner, folders)
            else:
                lost = bytes(self.sizes.get(inner, 0) if folders is self.present else 0)
                (target / name).write_bytes(self.contents.get(inner, lost))


class Disk:
    """Watches what is flushed below a folder, by os.fsync and os.fdatasync.

    Attributes:
        snapshots: One after every flush whose number was asked for.
        flushes: How many there were.
    """

    def __init__(self, root: Path, wanted: frozenset[int] = frozenset()) -> None:
        self.root = root
        self.wanted = wanted
        self.snapshots: list[Snapshot] = []
        self.flushes = 0
        self._lock = threading.Lock()
        self._contents: dict[int, bytes] = {}
        self._flushed: dict[int, dict[str, int]] = {}
        self._kept_open: dict[int, int] = {}

    def watch(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """Be told of every flush from now on."""
        for name in ("fsync", "fdatasync"):
            monkeypatch.setattr(os, name, self._flush)

    def close(self) -> None:
        """Let go of the files."""
        for descriptor in self._kept_open.values():
            os.close(descriptor)

    def _flush(self, descriptor: int) -> None:
        path = Path(f"/proc/self/fd/{descriptor}")
        status = os.fstat(descriptor)
        with self._lock:
            if not path.readlink().is_relative_to(self.root):
                return
            if status.st_ino not in self._kept_open:
                # An inode in use is not given to another file, so numbers stay meaningful.
                self._kept_open[status.st_ino] = os.open(path, os.O_RDONLY)
            if stat.S_ISDIR(status.st_mode):
                self._flushed[status.st_ino] = _entries(self._kept_open[status.st_ino])[0]
            else:
                self._contents[status.st_ino] = path.read_bytes()
            self.flushes += 1
            if self.flushes in self.wanted:
                self.snapshots.append(self._snapshot())

    def _snapshot(self) -> Snapshot:
        present: dict[int, dict[str, int]] = {}
        sizes: dict[int, int] = {}
        waiting = [self.root]
        while waiting:
            folder = waiting.pop()
            try:
                inode = folder.stat().st_ino
                entries, folders, lengths = _entries(folder)
            except FileNotFoundError:
                continue
            present[inode] = entries
            sizes |= lengths
            waiting += [folder / name for name in folders]
        return Snapshot(
            self.root.stat().st_ino,
            dict(self._contents),
            {inode: dict(entries) for inode, entries in self._flushed.items()},
            present,
            sizes,
        )


def _entries(folder: int | Path) -> tuple[dict[str, int], list[str], dict[int, int]]:
    """Names with inodes, which of them are folders, and the sizes of files by inode."""
    names: dict[str, int] = {}
    folders: list[str] = []
    sizes: dict[int, int] = {}
    with os.scandir(folder) as found:
        for entry in found:
            try:
                status = entry.stat(follow_symlinks=False)
            except FileNotFoundError:
                continue
            names[entry.name] = status.st_ino
            if stat.S_ISDIR(status.st_mode):
                folders.append(entry.name)
            else:
                sizes[status.st_ino] = status.st_size
    return names, folders, sizes
