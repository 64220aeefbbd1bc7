"""What a service manager hears, on a real socket."""

from __future__ import annotations

import os
import secrets
import socket
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from s2fetch.daemon.notify import Notifier, watchdog_seconds


class Manager:
    """The service manager's end."""

    def __init__(self, address: str, name: str) -> None:
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.socket.settimeout(5)
        self.socket.bind(address)
        self.name = name

    def heard(self) -> dict[str, str]:
        """The next message."""
        lines = self.socket.recv(4096).decode().split("\n")
        return dict(line.split("=", 1) for line in lines)


@pytest.fixture(params=["path", "abstract"])
def manager(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Manager]:
    """A socket in the file system, and one in the abstract namespace."""
    name = f"s2fetch-test-{secrets.token_hex(8)}"
    path = str(tmp_path / "notify")
    abstract = request.param == "abstract"
    manager = Manager(f"\0{name}" if abstract else path, f"@{name}" if abstract else path)
    yield manager
    manager.socket.close()


@pytest.fixture
def notifier(manager: Manager) -> Iterator[Notifier]:
    notifier = Notifier.from_environment({"NOTIFY_SOCKET": manager.name})
    yield notifier
    notifier.close()


def test_the_life_of_a_daemon_is_told(manager: Manager, notifier: Notifier) -> None:
    assert notifier.enabled
    assert notifier.ready("Two archives")
    assert manager.heard() == {"READY": "1", "STATUS": "Two archives"}
    notifier.status("Fetching 3 of 12")
    assert manager.heard() == {"STATUS": "Fetching 3 of 12"}
    notifier.watchdog()
    assert manager.heard() == {"WATCHDOG": "1"}
    notifier.stopping("Bye")
    assert manager.heard() == {"STOPPING": "1", "STATUS": "Bye"}


def test_a_reload_carries_the_time_the_manager_compares(
    manager: Manager, notifier: Notifier
) -> None:
    """In microseconds of CLOCK_MONOTONIC, between before and after."""
    before = time.clock_gettime_ns(time.CLOCK_MONOTONIC) // 1000
    notifier.reloading()
    after = time.clock_gettime_ns(time.CLOCK_MONOTONIC) // 1000
    heard = manager.heard()
    assert heard["RELOADING"] == "1"
    assert before <= int(heard["MONOTONIC_USEC"]) <= after


def test_a_status_cannot_forge_another_message(manager: Manager, notifier: Notifier) -> None:
    """Line breaks in an error text end no line, and a long one is cut."""
    notifier.status("hub said:\nREADY=1\r\n\x1b[31mred" + "x" * 9999)
    heard = manager.heard()
    assert set(heard) == {"STATUS"}
    assert heard["STATUS"].startswith("hub said: READY=1 [31mredxxx")
    assert len(heard["STATUS"]) == 400


def test_what_a_busy_manager_had_no_room_for_comes_with_the_next_message(
    manager: Manager, notifier: Notifier
) -> None:
    """READY must not be lost, or the start counts as failed."""
    count = 0
    while notifier.watchdog():
        count += 1
    assert not notifier.ready("Up")
    for _ in range(count):
        assert manager.heard() == {"WATCHDOG": "1"}
    assert notifier.watchdog()
    assert manager.heard() == {"WATCHDOG": "1", "READY": "1", "STATUS": "Up"}


def test_a_manager_that_is_gone_does_no_harm(manager: Manager, notifier: Notifier) -> None:
    manager.socket.close()
    assert not notifier.ready()


@pytest.mark.parametrize("environ", [{}, {"NOTIFY_SOCKET": ""}, {"NOTIFY_SOCKET": "vsock:2:1"}])
def test_without_a_manager_nothing_is_sent(environ: dict[str, str]) -> None:
    notifier = Notifier.from_environment(environ)
    assert not notifier.enabled
    assert not notifier.ready("nobody hears it")
    notifier.close()


@pytest.mark.parametrize(
    ("environ", "expected"),
    [
        ({}, None),
        ({"WATCHDOG_USEC": "30000000"}, 30.0),
        ({"WATCHDOG_USEC": "30000000", "WATCHDOG_PID": str(os.getpid())}, 30.0),
        ({"WATCHDOG_USEC": "30000000", "WATCHDOG_PID": "1"}, None),
        ({"WATCHDOG_USEC": "0"}, None),
        ({"WATCHDOG_USEC": "soon"}, None),
    ],
)
def test_the_watchdog_is_on_when_the_environment_says_so(
    environ: dict[str, str], expected: float | None
) -> None:
    """And means this process."""
    assert watchdog_seconds(environ) == expected
