"""Sidecars of part files: which version of which product one holds, and how much is safe."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import msgspec

from s2fetch.archive.durable import UNFINISHED_SUFFIX, fsync_file, translating, write_all
from s2fetch.archive.manifest import MANIFESTS
from s2fetch.product import Product

PART_PREFIX = ".s2fetch-"
"""Part files and their sidecars begin with this: hidden, and no product's name can."""
_MANIFESTS = frozenset(MANIFESTS)
BOOT_ID = Path("/proc/sys/kernel/random/boot_id")


class Sidecar(msgspec.Struct, kw_only=True, omit_defaults=True):
    """What is known about a part file.

    Attributes:
        id: The product.
        name: Its name, for people.
        listed: Checksum the catalogue listed when the transfer began.
        total: Length of the whole product, when known.
        etag: Validators of the version that is being fetched.
        last_modified: As `etag`.
        boot: The machine's boot id when the bytes were written.
        durable: So many bytes were flushed.
    """

    id: str
    name: str
    listed: str = ""
    total: int | None = None
    etag: str = ""
    last_modified: str = ""
    boot: str = ""
    durable: int = 0


def read_sidecar(path: Path, product: Product) -> Sidecar | None:
    """The sidecar at a path, or None when there is none that is about this product's bytes."""
    try:
        sidecar = msgspec.json.decode(path.read_bytes(), type=Sidecar)
    except (FileNotFoundError, msgspec.DecodeError):
        return None
    listed = product.best_checksum
    same = sidecar.id == product.id
    if same and listed is not None and sidecar.listed:
        same = sidecar.listed == str(listed)
    return sidecar if same else None


def write_sidecar(path: Path, sidecar: Sidecar) -> None:
    """Put a sidecar in its place, flushed; its folder is not.

    Whoever calls holds the lock of the part file, so that the name it is written under first can
    always be the same: what a crash leaves there is written over.

    Raises:
        ArchiveError: If it cannot be written.
    """
    unfinished = _unfinished(path)
    flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC | os.O_NOFOLLOW
    with translating(path):
        descriptor = os.open(unfinished, flags, 0o666)
        try:
            write_all(descriptor, msgspec.json.encode(sidecar), 0)
            fsync_file(descriptor)
        finally:
            os.close(descriptor)
        unfinished.replace(path)


def read_sidecars(root: Path) -> Iterator[tuple[Sidecar, int]]:
    """What is known about the part files below a folder, with the bytes each has.

    Can be used while they are being written; those that vanish meanwhile are left out.
    """
    for part in part_files(root):
        try:
            content = sidecar_of(part).read_bytes()
            yield msgspec.json.decode(content, type=Sidecar), part.stat().st_size
        except (OSError, msgspec.DecodeError):
            continue


def sidecar_of(part: Path) -> Path:
    """Where the sidecar of a part file is, should there be one."""
    return part.with_suffix(".json")


def beside(part: Path) -> tuple[Path, Path]:
    """All that may lie beside a part file: its sidecar, and what a crash left of a new one."""
    sidecar = sidecar_of(part)
    return sidecar, _unfinished(sidecar)


def part_files(root: Path) -> Iterator[Path]:
    """The part files below a folder. They are in no unpacked product, which has many files."""
    for folder, folders, names in os.walk(root):
        if not _MANIFESTS.isdisjoint(names):
            folders.clear()
        for name in names:
            if name.startswith(PART_PREFIX) and name.endswith(".part"):
                yield Path(folder, name)


def _unfinished(sidecar: Path) -> Path:
    return sidecar.with_suffix(UNFINISHED_SUFFIX)


def boot_id() -> str:
    """Identifies this boot of the machine; empty where the system has no such thing."""
    try:
        return BOOT_ID.read_text().strip()
    except OSError:
        return ""
