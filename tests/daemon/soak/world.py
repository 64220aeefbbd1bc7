"""A hub that goes on publishing, and a daemon that is killed now and then."""

from __future__ import annotations

import asyncio
import os
import random
import signal
import socket
import sys
from collections import Counter
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import msgspec

from s2fetch.archive.progress import ProgressFile
from s2fetch.archive.records import Record, State
from s2fetch.embedded.entry import Entry, hub_time
from s2fetch.embedded.faults import Answer, Fault, Kind
from s2fetch.embedded.folder import FolderCatalogue
from s2fetch.embedded.hub import EmbeddedHub
from tests.daemon.soak.clock import LeadingClock
from tests.forked import Forked, fork_module
from tests.sync.site import body_of, entry_of, off_loop
from tests.transfer.test_faults import zip_of

PATIENCE_SECONDS = 60.0
"""Real time after which something that should happen has not."""
LOOK_SECONDS = 0.0003
"""In real time; shorter than time ever stands still."""
ARCHIVES = ("alps", "coast")
_PROCESS = "tests.daemon.soak.process"
_CONFIG = """
log-format = "json"
[defaults]
schedule = "6h"
jitter = "1h"
recount = "7d"
overlap = "2d"
reserve = "100 kB"
offline = "wait"
deletions-share = "100%"
[http]
port = 0
[control]
socket = "{socket}"
[[archives]]
name = "alps"
into = "{alps}"
scrub-budget = "100 MB"
[[archives]]
name = "coast"
into = "{coast}"
intake = "subscription"
deletions = "trash"
priority = 5
"""


class World:
    """Everything there is: hub, clock, archives, and the process that keeps them.

    Args:
        folder: Where all of it is.
        disk: Where the first archive is: a volume of its own that can be filled, or None.
    """

    def __init__(self, folder: Path, disk: Path | None) -> None:
        self.roots = {"alps": (disk or folder) / "alps", "coast": folder / "coast"}
        self.disk = disk
        self.events = folder / "events.jsonl"
        self.log = folder / "daemon.log"
        self.clock = LeadingClock(self._look)
        self.hub = EmbeddedHub(FolderCatalogue(), clock=self.clock)
        self.withdrawn: dict[str, Entry] = {}
        self.versions: Counter[str] = Counter()
        self.felt: dict[str, int] = {}
        self.kills = 0
        self.process: asyncio.subprocess.Process | Forked | None = None
        self._folder = folder
        self._chance = random.Random(30)
        self._number = 0

    def _look(self) -> tuple[int, bool]:
        stats = self.hub.stats
        return sum(stats.requests.values()), any(stats.open_bodies.values())

    # The daemon

    async def start(self, *, fresh: bool) -> None:
        """Start the daemon's process, and let it follow the clock.

        Args:
            fresh: By an interpreter of its own, so that memory is only what it needs; otherwise it
                is forked with everything imported, see `tests.forked`.
        """
        config = self._folder / "daemon.toml"
        sockets = {"socket": self._folder / "control.sock", **self.roots}
        config.write_text(_CONFIG.format(**sockets))
        ours, theirs = socket.socketpair()
        arguments = [str(config), str(self.events)]
        with self.clock.held(), theirs, self.log.open("ab") as log:
            options: dict[str, Any] = {
                "cwd": Path(__file__).parents[3],
                "env": {
                    **os.environ,
                    **self.hub.environment(),
                    "S2FETCH_STATE_DIR": str(self._folder / "state"),
                    "HOME": str(self._folder),
                },
                "stdin": theirs.fileno(),
                "stdout": log.fileno(),
                "stderr": log.fileno(),
            }
            if fresh:
                self.process = await asyncio.create_subprocess_exec(
                    sys.executable, "-m", _PROCESS, *arguments, **options
                )
            else:
                self.process = await fork_module(_PROCESS, arguments, **options)
            theirs.close()
            if not await asyncio.wait_for(self.clock.follow(ours), PATIENCE_SECONDS):
                raise AssertionError(f"the daemon did not start:\n{self.log.read_text()[-4000:]}")

    async def kill(self, *, fresh: bool) -> None:
        """SIGKILL, now; and the daemon's next process."""
        process, self.process = self.process, None
        assert process is not None
        with self.clock.held():
            process.kill()
            await process.wait()
        self.kills += 1
        await self.start(fresh=fresh)

    async def stop(self) -> int:
        """SIGTERM, after which nothing waits any more; the exit status."""
        assert self.process is not None
        process = self.process
        with self.clock.held():
            process.send_signal(signal.SIGTERM)
            async with asyncio.timeout(PATIENCE_SECONDS):
                return await process.wait()

    async def end(self) -> None:
        """Leave nothing behind."""
        if self.process is not None and self.process.returncode is None:
            self.process.kill()
            await self.process.wait()

    @property
    def resident_bytes(self) -> int:
        """Memory of the daemon's process now; none while there is no process."""
        if self.process is None:
            return 0
        status = Path(f"/proc/{self.process.pid}/status").read_text()
        line = next(line for line in status.splitlines() if line.startswith("VmRSS:"))
        return int(line.split()[1]) * 1024

    async def until(self, holds: Callable[[], bool]) -> None:
        """Return as soon as something is so; time goes on meanwhile."""
        async with asyncio.timeout(PATIENCE_SECONDS):
            while not holds():
                await asyncio.sleep(LOOK_SECONDS)

    # The hub

    async def asked(self, kind: str) -> None:
        """Return when the hub is asked for such a thing once more."""
        before = self.hub.stats.requests.get(kind, 0)
        await self.until(lambda: self.hub.stats.requests.get(kind, 0) > before)

    def publish(self, size: int = 5000, *, summed: bool = True, **changes: Any) -> Entry:
        """One more product, listed as of now; without digests unless ``summed``."""
        self._number += 1
        body = zip_of(body_of(size + self._number, self._number))
        at = hub_time(self.clock.now())
        listed = {"publication_date": at, "modification_date": at, "checksum_date": at}
        if not summed:
            listed |= {"md5": "", "blake3": "", "checksum_date": ""}
        entry = entry_of(self._number, body, **(listed | changes))
        self.hub.folder.add(entry, body)
        self.versions[entry.id] += 1
        return entry

    def publish_old(self) -> Entry:
        """A product that was sensed years ago and processed again now."""
        sensed = hub_time(self.clock.now() - timedelta(days=2000))
        return self.publish(sensing_start=sensed, sensing_end=sensed)

    def publish_late(self) -> Entry:
        """A product that the hub dates most of a day back."""
        at = hub_time(self.clock.now() - timedelta(hours=20))
        return self.publish(publication_date=at, modification_date=at)

    async def add_sums(self, entry: Entry, after: timedelta) -> None:
        """List the digests of a product that had none, later."""
        await self.clock.sleep(after.total_seconds())
        if entry.id not in self.withdrawn:
            self._relist(entry.id, self.body(entry.id))

    def modify(self) -> None:
        """Another body for a product, listed rightly."""
        entry = self._chance.choice(self.hub.folder.entries)
        body = zip_of(body_of(6000, self._chance.randrange(1 << 30)))
        self.hub.folder.replace_body(entry.id, body)
        self.versions[entry.id] += 1
        self._relist(entry.id, body)

    def withdraw(self) -> None:
        """Take a product away."""
        entry = self._chance.choice(self.hub.folder.entries)
        self.withdrawn[entry.id] = entry
        self.hub.folder.delete(entry.id, "Corrupted product", self.clock.now())

    def body(self, product_id: str) -> bytes:
        """What the hub delivers."""
        body = self.hub.folder.body(product_id)
        assert isinstance(body, bytes)
        return body

    def _relist(self, product_id: str, body: bytes) -> None:
        now = hub_time(self.clock.now())
        right = entry_of(0, body)
        self.hub.folder.relist(
            product_id,
            md5=right.md5,
            blake3=right.blake3,
            content_length=len(body),
            checksum_date=now,
            modification_date=now,
        )

    async def hub_outage(self, span: timedelta) -> None:
        """No connection to the hub for a while."""
        await self.hub.go_down()
        await self.clock.sleep(span.total_seconds())
        await self.hub.come_up()

    async def token_outage(self, span: timedelta) -> None:
        """No new tokens for a while, and the old ones are not taken any more."""
        outage = Fault(Answer(503, "{}"), on=Kind.TOKEN, times=None)
        self.hub.faults.add(outage)
        self.hub.identity.expire_tokens()
        await self.clock.sleep(span.total_seconds())
        self.felt["token-outage"] = self.hub.faults.happened(outage)
        self.hub.faults.remove(outage)

    async def full_disk(self, span: timedelta) -> None:
        """Somebody fills the first archive's volume for a while, if it has one."""
        if self.disk is None:
            return
        ballast = self.disk / "ballast"
        status = os.statvfs(self.disk)
        off_loop(lambda: ballast.write_bytes(bytes(status.f_bavail * status.f_frsize - 20_000)))
        await self.clock.sleep(span.total_seconds())
        ballast.unlink()

    # What came of it

    def records(self, archive: str) -> dict[str, Record]:
        """What the progress file of an archive says."""

        def read() -> dict[str, Record]:
            with ProgressFile.load(self.roots[archive], False) as progress:
                return dict(progress.items())

        return off_loop(read)

    def told(self, kind: str) -> list[dict[str, Any]]:
        """The daemon's events of one kind, over all its processes."""
        lines = [msgspec.json.decode(line) for line in self.events.read_bytes().splitlines()]
        return [line for line in lines if line["event"] == kind]

    def differences(self, archive: str) -> list[str]:
        """Where archive, progress file and catalogue do not agree exactly, in words."""
        found, root = [], self.roots[archive]
        records = self.records(archive)
        for entry in self.hub.folder.entries:
            record = records.pop(entry.id, None)
            if record is None or record.state is not State.COMPLETE or record.withdrawn:
                found.append(f"{entry.name} is not complete: {record}")
            elif (root / record.path).read_bytes() != self.body(entry.id):
                found.append(f"{entry.name} has other bytes")
            elif entry.md5 and record.listed != f"MD5:{entry.md5}":
                found.append(f"{entry.name} is proven by {record.listed}, not {entry.md5}")
        kept = {record.path for record in self.records(archive).values() if record.path}
        for product_id, record in records.items():
            if product_id not in self.withdrawn or record.withdrawn is None:
                found.append(f"{record.name} is not in the catalogue: {record}")
        files = [path for path in root.rglob("*") if path.is_file()]
        visible = {
            str(p.relative_to(root)) for p in files if p.relative_to(root).parts[0][0] != "."
        }
        found += [f"{path} is nobody's" for path in visible - kept]
        found += [f"{path} is not there" for path in kept - visible]
        left = (".s2fetch-", ".unfinished")
        found += [f"{p.name} was left behind" for p in files if p.name.startswith(left[0])]
        return found + [f"{p.name} was left behind" for p in files if p.name.endswith(left[1])]
