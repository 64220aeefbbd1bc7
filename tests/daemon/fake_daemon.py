"""A daemon that does nothing but what its control socket is for; also a program of its own.

    python -m tests.daemon.fake_daemon SOCKET

It prints ``ready`` once its socket listens, and then each thing it is told to do.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path

import anyio
import msgspec

from s2fetch.daemon.control import ControlServer
from s2fetch.daemon.state import (
    AccountState,
    Activity,
    AlertState,
    ArchiveState,
    DaemonState,
    DayCoverage,
    ProductRow,
    RunState,
    SlotState,
    Throughput,
)
from s2fetch.errors import ConfigError, UsageError
from s2fetch.events import EventBus

STATE = DaemonState(
    version="0.1.0",
    now="2026-11-20T15:00:00Z",
    started="2026-11-01T08:00:00Z",
    hub_reachable=False,
    hub_trouble="hub.example.org: Connection refused",
    alerts=(
        AlertState(
            rule="nothing-new",
            subject="dolomites",
            message="dolomites has had no new product for 3 days",
            since="2026-11-20T14:00:00Z",
        ),
        AlertState(rule="damage", subject="alps", message="told already", since=""),
    ),
    archives=(
        ArchiveState(
            name="dolomites",
            folder="/data/dolomites",
            activity=Activity.SYNCING,
            products={"complete": 12345, "waiting": 12, "failed": 1, "quarantined": 1},
            bytes=8_900_000_000_000,
            queued=34,
            last_run=RunState(
                started="2026-11-20T08:07:00Z", seconds=60, outcome="ok", found=20, fetched=20
            ),
            next_run="2026-11-20T18:07:00Z",
        ),
        ArchiveState(
            name="alps",
            folder="/data/alps",
            activity=Activity.OUT_OF_SPACE,
            why="400 MB are free, and 1 GB is to be left",
            damaged=2,
        ),
    ),
    accounts=(
        AccountState(
            name="institute",
            slots=2,
            in_use=1,
            token_seconds=512,
            received_30_days=3_200_000_000_000,
            quota=12_000_000_000_000,
            quota_reached="2026-12-01T00:00:00Z",
        ),
        AccountState(name="guest", slots=1, refused="wrong password", throttled=True),
    ),
    slots=(
        SlotState(
            account="institute",
            slot=1,
            archive="dolomites",
            product="S2A_MSIL1C_20240601T101031_N0510_R022_T32TQM_20240601T121212.SAFE",
            product_id="1",
            position=360_000_000,
            size=800_000_000,
            rate=5_100_000,
            since="2026-11-20T14:59:00Z",
        ),
        SlotState(account="institute", slot=2),
    ),
)


class FakeDaemon:
    """Remembers what it was told.

    Attributes:
        told: Each call.
        hang: Whether requests never end.
        stalled: Whether the engine says that it hangs; pause and resume "hanging" to set it.
    """

    def __init__(self, tell: Callable[[str], object] = lambda _: None) -> None:
        self.events = EventBus()
        self.told: list[str] = []
        self.hang = False
        self.stalled = False
        self.stopped = anyio.Event()
        self._tell = tell

    def state(self) -> DaemonState:
        return msgspec.structs.replace(STATE, stalled_seconds=1200.0) if self.stalled else STATE

    async def products(self, archive: str, state: str, *, limit: int) -> list[ProductRow]:
        raise NotImplementedError

    async def coverage(self, archive: str) -> list[DayCoverage]:
        raise NotImplementedError

    async def footprints(self, archive: str, *, limit: int) -> list[tuple[str, str, str]]:
        raise NotImplementedError

    def throughput(self) -> list[Throughput]:
        raise NotImplementedError

    async def pause(self, archive: str = "") -> None:
        await self._note("pause", archive)

    async def resume(self, archive: str = "") -> None:
        await self._note("resume", archive)

    async def sync(self, archive: str) -> None:
        await self._note("sync", archive)

    async def reload(self) -> None:
        self.told.append("reload")
        raise ConfigError("daemon.toml, line 3, archives[1].schedule: 'soon' is not a schedule")

    def stop(self) -> None:
        self.told.append("stop")
        self._tell("stop")
        self.stopped.set()

    async def _note(self, what: str, archive: str) -> None:
        if self.hang:
            await anyio.sleep_forever()
        if archive == "hanging":
            self.stalled = what == "pause"
            self._tell("hanging" if self.stalled else "well")
            return
        if archive == "defect":
            raise RuntimeError("a defect")
        if archive not in ("", *(known.name for known in STATE.archives)):
            raise UsageError(f"there is no archive {archive}", advice="There are dolomites, alps")
        self.told.append(f"{what} {archive}".strip())
        self._tell(self.told[-1])


async def serve(path: Path) -> None:
    """Serve until told to stop."""
    daemon = FakeDaemon(lambda told: print(told, flush=True))  # noqa: T201
    server = ControlServer(daemon, path)
    async with anyio.create_task_group() as group:
        group.start_soon(server.run, lambda: print("ready", flush=True))  # noqa: T201
        await daemon.stopped.wait()
        group.cancel_scope.cancel()


if __name__ == "__main__":
    anyio.run(serve, Path(sys.argv[1]))
