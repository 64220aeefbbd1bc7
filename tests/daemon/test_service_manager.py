"""What a running daemon tells the service manager: a real process, and a real socket to listen at.

The messages are those of sd_notify(3).
"""

from __future__ import annotations

import asyncio
import signal
import socket
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from s2fetch.embedded.faults import Delay, Fault, Kind
from s2fetch.embedded.safe import demo_specs, make_product
from tests.cli.conftest import PATIENCE_SECONDS
from tests.daemon.server import Server

WATCHDOG_SECONDS = 0.8
Message = dict[str, str]


class Manager:
    """Listens as systemd does.

    Attributes:
        messages: Everything it was told so far.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.messages: list[Message] = []
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.socket.bind(str(path))
        self.socket.setblocking(False)

    async def until(self, holds: Callable[[Message], object], count: int = 1) -> Message:
        """Wait for so many messages of which something is so; returns the last of them."""
        loop = asyncio.get_running_loop()
        async with asyncio.timeout(PATIENCE_SECONDS):
            while len(found := [each for each in self.messages if holds(each)]) < count:
                self._take(await loop.sock_recv(self.socket, 4096))
        return found[count - 1]

    def drain(self) -> None:
        """Take what is there without waiting."""
        while True:
            try:
                self._take(self.socket.recv(4096))
            except BlockingIOError:
                return

    @property
    def signs(self) -> int:
        """How many signs of life there were."""
        self.drain()
        return sum("WATCHDOG" in message for message in self.messages)

    def _take(self, content: bytes) -> None:
        fields = (line.partition("=") for line in content.decode().splitlines())
        self.messages.append({name: value for name, _, value in fields})


@pytest.fixture
def manager(server: Server) -> Iterator[Manager]:
    """The service manager of the server's commands."""
    manager = Manager(server.folder / "run" / "notify")
    server.shell.environment["NOTIFY_SOCKET"] = str(manager.path)
    yield manager
    manager.socket.close()


def watched(server: Server) -> None:
    """Have the manager wait for signs of life."""
    server.shell.environment["WATCHDOG_USEC"] = str(round(WATCHDOG_SECONDS * 1e6))


async def test_it_says_when_it_is_ready_what_it_does_and_that_it_stops(
    server: Server, products: Path, manager: Manager
) -> None:
    await server.hub(products)
    server.write("alps", "plain")
    daemon = await server.start()
    ready = await manager.until(lambda m: m.get("READY") == "1")
    assert ready["STATUS"].startswith("2 archives, ")
    assert manager.messages[0] == ready, "nothing is told before"
    daemon.process.send_signal(signal.SIGTERM)
    stopping = await manager.until(lambda m: "STOPPING" in m)
    assert "part files stay resumable" in stopping["STATUS"]
    assert await daemon.ended() == 0
    manager.drain()
    assert manager.messages[-1] == stopping


@pytest.mark.parametrize("way", ["a signal", "ctl"])
@pytest.mark.parametrize("change", ["coast", 'alps\nschedule = "sometimes"'])
async def test_it_says_when_it_reads_its_file_again_and_when_it_has(
    server: Server, products: Path, manager: Manager, change: str, way: str
) -> None:
    """Whoever asks for it, and whether the file is good or bad: systemd waits for READY."""
    await server.hub(products)
    server.write("alps")
    daemon = await server.start()
    await manager.until(lambda m: "READY" in m)
    server.write(change)
    before = read_monotonic()
    if way == "ctl":
        await server.ctl("reload")
    else:
        daemon.process.send_signal(signal.SIGHUP)
    reloading = await manager.until(lambda m: m.get("RELOADING") == "1")
    await manager.until(lambda m: "READY" in m, count=2)
    assert before <= int(reloading["MONOTONIC_USEC"]) <= read_monotonic()
    at = [index for index, m in enumerate(manager.messages) if "READY" in m or "RELOADING" in m]
    assert ["RELOADING" in manager.messages[index] for index in at] == [False, True, False]


async def test_an_idle_daemon_and_one_that_works_give_signs_of_life(
    server: Server, products: Path, manager: Manager
) -> None:
    watched(server)
    await server.hub(products, "--rate", "40000")
    server.write('alps\nschedule = "365d"')
    daemon = await server.start()
    await manager.until(lambda m: "WATCHDOG" in m, count=4)
    assert not daemon.logged("run-finished"), "it works"
    await daemon.until("run-finished")
    idle_since = manager.signs
    await manager.until(lambda m: "WATCHDOG" in m, count=idle_since + 4)


async def test_a_wedged_engine_gives_none_although_its_event_loop_turns(
    server: Server, products: Path, manager: Manager
) -> None:
    """The hub takes a request and never answers, and no limit ends the wait."""
    watched(server)
    hub = await server.hub(products)
    await hub.fail(Fault(Delay(3600), on=Kind.SEARCH, times=None))
    server.write('alps\nfirst-byte-timeout = "1h"')
    daemon = await server.start()
    await server.until_state(lambda state: state.stalled_seconds > WATCHDOG_SECONDS)
    signs = manager.signs
    await server.until_state(lambda state: state.stalled_seconds > 4 * WATCHDOG_SECONDS)
    assert manager.signs == signs
    assert (await server.ctl("status")).code == 0
    daemon.process.send_signal(signal.SIGTERM)
    assert await daemon.ended() == 0


async def test_an_engine_that_waits_with_a_reason_gives_signs(
    server: Server, products: Path, manager: Manager
) -> None:
    """All products are on tape, and the run stays to wait for them."""
    watched(server)
    folder = server.folder / "tape"
    await server.hub(offline_only(folder), "--retrieval", "3600")
    server.write('alps\nwait-offline = "10h"\npoll-interval = "1h"')
    daemon = await server.start()
    await daemon.until("retrieval-requested", count=2)
    before = manager.signs
    await manager.until(lambda m: "WATCHDOG" in m, count=before + 8)
    assert (await server.archive("alps")).activity == "syncing"
    assert not daemon.logged("run-finished")


def offline_only(folder: Path) -> Path:
    """A folder of two products that are both offline."""
    for spec in demo_specs(3, 40_000, 2, 7)[1:]:
        make_product(folder, spec)
    return folder


def read_monotonic() -> int:
    """The clock of ``MONOTONIC_USEC``."""
    return time.clock_gettime_ns(time.CLOCK_MONOTONIC) // 1000
