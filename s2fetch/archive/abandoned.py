"""Part files that nobody goes on with, of products that have left catalogue or selection."""

from __future__ import annotations

import contextlib
import fcntl
import os
import stat
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path

import msgspec

from s2fetch.archive.sidecar import Sidecar, beside, part_files, sidecar_of

ABANDONED_AFTER = timedelta(days=30)
"""A part file that was not written to for so long is removed."""


class Abandoned(msgspec.Struct, frozen=True):
    """A part file that was removed: of which product, if that is known, and its bytes."""

    name: str
    size: int


def remove_abandoned(root: Path, now: datetime) -> Iterator[Abandoned]:
    """Remove the part files below a folder that are old and not being written.

    What cannot be removed is left for the next time.

    Args:
        root: The archive's folder.
        now: Aware.
    """
    before = (now - ABANDONED_AFTER).timestamp()
    for part in part_files(root):
        try:
            removed = _removed(part, before)
        except OSError:
            continue
        if removed is not None:
            yield removed


def _removed(part: Path, before: float) -> Abandoned | None:
    """What it was, when it was old enough and is gone now."""
    descriptor = os.open(part, os.O_RDWR | os.O_NOFOLLOW | os.O_CLOEXEC)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        found = os.fstat(descriptor)
        if not stat.S_ISREG(found.st_mode) or found.st_mtime >= before:
            return None
        name = _name(sidecar_of(part))
        # First, while the lock still counts: whoever begins anew makes a sidecar of their own. What
        # stays is in nobody's way.
        for each in beside(part):
            with contextlib.suppress(OSError):
                each.unlink(missing_ok=True)
        part.unlink()
        return Abandoned(name, found.st_size)
    finally:
        os.close(descriptor)


def _name(sidecar: Path) -> str:
    try:
        return msgspec.json.decode(sidecar.read_bytes(), type=Sidecar).name
    except (OSError, msgspec.DecodeError):
        return ""
