"""Alerts that are not over, on disk, so that a restart does not tell them again."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import msgspec

from s2fetch.archive.durable import replace_atomically
from s2fetch.daemon.alerts import OpenAlert

_FORMAT = 1


class _Memory(msgspec.Struct, frozen=True):
    format: int
    open: tuple[OpenAlert, ...]


def remember_alerts(path: Path, alerts: Sequence[OpenAlert]) -> None:
    """Write them down, atomically.

    Raises:
        ArchiveError: If the file cannot be written.
    """
    memory = _Memory(_FORMAT, tuple(alerts))
    replace_atomically(path, [msgspec.json.encode(memory) + b"\n"])


def remembered_alerts(path: Path) -> tuple[OpenAlert, ...]:
    """What was written down; nothing when there is nothing usable, which costs one alert more."""
    try:
        memory = msgspec.json.decode(path.read_bytes(), type=_Memory)
    except (OSError, msgspec.DecodeError, UnicodeDecodeError):
        return ()
    return memory.open if memory.format == _FORMAT else ()
