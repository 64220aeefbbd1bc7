"""What a restart must neither repeat nor lose: alerts that are not over, or not delivered."""

from __future__ import annotations

from pathlib import Path

import msgspec

from s2fetch.archive.durable import replace_atomically, translating
from s2fetch.daemon.alert_delivery import Undelivered
from s2fetch.daemon.alerts import OpenAlert

_FORMAT = 1


class AlertMemory(msgspec.Struct, frozen=True, kw_only=True):
    """The file.

    Attributes:
        format: Of the file.
        open: Alerts that were told and are not over.
        undelivered: Alerts that a receiver did not get before the daemon ended.
    """

    format: int = _FORMAT
    open: tuple[OpenAlert, ...] = ()
    undelivered: tuple[Undelivered, ...] = ()


def remember_alerts(path: Path, memory: AlertMemory) -> None:
    """Write it down, atomically; its folder is made if it is missing.

    Raises:
        ArchiveError: If the file cannot be written.
    """
    with translating(path.parent):
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    replace_atomically(path, [msgspec.json.encode(memory) + b"\n"])


def remembered_alerts(path: Path) -> AlertMemory:
    """What was written down; nothing when there is nothing usable, which costs one alert more."""
    try:
        memory = msgspec.json.decode(path.read_bytes(), type=AlertMemory)
    except (OSError, msgspec.DecodeError, UnicodeDecodeError):
        return AlertMemory()
    return memory if memory.format == _FORMAT else AlertMemory()
