"""What the service manager is told: the protocol of sd_notify(3), in the few lines it needs.

A message is a datagram of ``NAME=value`` lines to the socket that ``NOTIFY_SOCKET`` names. Without
that variable nobody listens, and nothing is sent.
"""

from __future__ import annotations

import os
import socket
import time
from collections.abc import Mapping

MOST_STATUS_CHARACTERS = 400
_MICROSECONDS = 1_000_000


class Notifier:
    """Tells the service manager how the daemon is. Never raises and never blocks.

    A message that the manager has no room for is sent together with the next one.

    Args:
        address: Path of the socket; ``@`` begins a name in the abstract namespace (unix(7)). Empty
            when there is no service manager.
    """

    def __init__(self, address: str = "") -> None:
        self._socket: socket.socket | None = None
        self._address = f"\0{address[1:]}" if address.startswith("@") else address
        self._unsent: dict[str, str] = {}
        if address.startswith(("/", "@")):
            self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC)
            self._socket.setblocking(False)

    @classmethod
    def from_environment(cls, environ: Mapping[str, str]) -> Notifier:
        """The notifier that ``NOTIFY_SOCKET`` asks for."""
        return cls(environ.get("NOTIFY_SOCKET", ""))

    @property
    def enabled(self) -> bool:
        """Whether there is a service manager that listens."""
        return self._socket is not None

    def ready(self, status: str = "") -> bool:
        """The start, or a reload, is complete."""
        return self._send({"READY": "1", **_status(status)})

    def status(self, text: str) -> bool:
        """One line for ``systemctl status``."""
        return self._send(_status(text))

    def reloading(self, status: str = "") -> bool:
        """The configuration is being read again; `ready` has to follow.

        The time is what the manager tells this reload from an earlier one by (Type=notify-reload).
        """
        now = time.clock_gettime_ns(time.CLOCK_MONOTONIC) // 1000
        return self._send({"RELOADING": "1", "MONOTONIC_USEC": str(now), **_status(status)})

    def stopping(self, status: str = "") -> bool:
        """The daemon is about to end."""
        return self._send({"STOPPING": "1", **_status(status)})

    def watchdog(self) -> bool:
        """The daemon is alive; see `watchdog.Watchdog`, which knows."""
        return self._send({"WATCHDOG": "1"})

    def close(self) -> None:
        """Tell nothing more."""
        if self._socket is not None:
            self._socket.close()
            self._socket = None

    def _send(self, fields: Mapping[str, str]) -> bool:
        if self._socket is None:
            return False
        everything = {**self._unsent, **fields}
        message = "\n".join(f"{name}={value}" for name, value in everything.items())
        try:
            self._socket.sendto(message.encode(), self._address)
        except OSError:
            self._unsent = everything
            return False
        self._unsent = {}
        return True


def watchdog_seconds(environ: Mapping[str, str]) -> float | None:
    """How long the service manager waits for a sign of life, or None when it does not.

    As sd_watchdog_enabled(3): ``WATCHDOG_USEC``, unless ``WATCHDOG_PID`` means another process.
    """
    microseconds = environ.get("WATCHDOG_USEC", "")
    whose = environ.get("WATCHDOG_PID", "")
    if not (microseconds.isascii() and microseconds.isdecimal()) or int(microseconds) == 0:
        return None
    if whose and whose != str(os.getpid()):
        return None
    return int(microseconds) / _MICROSECONDS


def _status(text: str) -> dict[str, str]:
    """A status in one line; an empty one leaves the last in place."""
    shown = " ".join("".join(c if c.isprintable() else " " for c in text).split())
    return {"STATUS": shown[:MOST_STATUS_CHARACTERS]} if shown else {}
