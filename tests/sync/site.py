"""A hub, an archive and a clock in one place: what a sync from end to end needs."""

from __future__ import annotations

import hashlib
import random
import uuid
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, TypeVar

from blake3 import blake3

import s2fetch
from s2fetch.archive.progress import ProgressFile
from s2fetch.archive.records import Record, State
from s2fetch.clock import Clock
from s2fetch.config.values import Config
from s2fetch.embedded.entry import Entry, hub_time
from s2fetch.embedded.folder import FolderCatalogue
from s2fetch.embedded.hub import EmbeddedHub
from s2fetch.embedded.stats import Stats
from s2fetch.events import Event, EventBus
from s2fetch.sync.report import Report

E = TypeVar("E", bound=Event)
T = TypeVar("T")


def off_loop(function: Callable[[], T]) -> T:
    """Call in a thread what may block: only syncs are to be watched for blocking the loop."""
    with ThreadPoolExecutor(1) as thread:
        return thread.submit(function).result()


def _records(root: Path) -> dict[str, Record]:
    with ProgressFile.load(root, False) as progress:
        return dict(progress.items())


_FIRST = datetime(2024, 6, 1, 10, 5, 59, tzinfo=UTC)


def body_of(size: int, seed: int = 0) -> bytes:
    """Bytes that look like the beginning of a zip and differ from those of other seeds."""
    return b"PK\x03\x04" + random.Random(f"{seed} {size}").randbytes(max(0, size - 4))


def name_of(number: int, ending: str = ".SAFE") -> str:
    """The name of a made-up product."""
    start = _FIRST + timedelta(minutes=20 * number)
    return f"S2B_MSIL1C_{start:%Y%m%dT%H%M%S}_N0510_R065_T32TQM_{start:%Y%m%dT%H%M%S}{ending}"


def entry_of(number: int, body: bytes, **changes: Any) -> Entry:
    """What a catalogue lists for a made-up product, rightly unless changed."""
    start = hub_time(_FIRST + timedelta(minutes=20 * number))
    listed: dict[str, Any] = {
        "id": str(uuid.uuid5(uuid.NAMESPACE_URL, f"product {number}")),
        "name": name_of(number),
        "content_length": len(body),
        "sensing_start": start,
        "sensing_end": start,
        "origin_date": start,
        "publication_date": start,
        "modification_date": start,
        "checksum_date": start,
        "md5": hashlib.md5(body).hexdigest(),
        "blake3": blake3(body).hexdigest(),
    }
    return Entry(**(listed | changes))


def unlisted(number: int, body: bytes, **changes: Any) -> Entry:
    """As `entry_of`, but the catalogue lists no digest."""
    return entry_of(number, body, **({"md5": "", "blake3": "", "checksum_date": ""} | changes))


def catalogue_of(*bodies: bytes) -> FolderCatalogue:
    """A catalogue of made-up products, listed rightly."""
    return FolderCatalogue((entry_of(number, body), body) for number, body in enumerate(bodies))


class Site:
    """One archive that is filled from one hub.

    Attributes:
        hub: The hub.
        root: The archive's folder.
        usual: Settings of every run, unless it is given others.
        events: Everything that was emitted by all runs.
    """

    def __init__(
        self,
        hub: EmbeddedHub,
        folder: Path,
        clock: Clock,
        name: str = "archive",
        **usual: Any,
    ) -> None:
        self.hub = hub
        self.usual = usual
        self.root = folder / name
        self.state = folder / "state"
        self.clock: Clock = clock
        self.events: list[Event] = []
        self._reactions: list[tuple[type[Event], Callable[[], object]]] = []

    def on(self, kind: type[Event], act: Callable[[], object]) -> None:
        """Do something at once whenever such an event is emitted."""
        self._reactions.append((kind, act))

    def config(self, file: Path | None = None, **options: Any) -> Config:
        """The configuration of a run; options by their names with underscores."""
        given = {"into": str(self.root), "reserve": "0", "offline": "wait", **self.usual}
        given |= {key.replace("_", "-"): value for key, value in options.items()}
        return off_loop(
            lambda: s2fetch.load_config(file, given, self.hub.environment(), self.clock.now())
        )

    def client(self, **options: Any) -> s2fetch.Client:
        """A client for one run."""
        bus = EventBus()
        bus.subscribe(self._take)
        return s2fetch.Client(
            self.config(**options),
            events=bus,
            clock=self.clock,
            environ=self.hub.environment(),
            home=self.root.parent,
            state_folder=self.state,
        )

    def _take(self, event: Event) -> None:
        self.events.append(event)
        for kind, act in self._reactions:
            if isinstance(event, kind):
                act()

    async def sync(
        self, *, renew: bool = False, everywhere: bool = False, **options: Any
    ) -> Report:
        """One run, to its end."""
        async with self.client(**options) as client:
            return await client.sync(renew=renew, everywhere=everywhere)

    @property
    def catalogue(self) -> FolderCatalogue:
        """What the hub serves."""
        return self.hub.folder

    @property
    def entries(self) -> list[Entry]:
        """What the hub lists."""
        return self.catalogue.entries

    @property
    def stats(self) -> Stats:
        """What the hub has counted."""
        return self.hub.stats

    def seen(self, kind: type[E]) -> list[E]:
        """The events of one kind."""
        return [event for event in self.events if isinstance(event, kind)]

    def records(self) -> dict[str, Record]:
        """What the progress file says."""
        return off_loop(lambda: _records(self.root))

    def record(self, entry: Entry) -> Record:
        """What the progress file says about a product."""
        return self.records()[entry.id]

    def file_of(self, entry: Entry) -> Path:
        """The recorded file of a product."""
        return self.root / self.record(entry).path

    def path_of(self, entry: Entry) -> Path:
        """Where a product goes that comes as a zip."""
        return self.root / f"{entry.name}.zip"

    def bytes_of(self, entry: Entry) -> bytes:
        """What the hub delivers for a product."""
        body = self.catalogue.body(entry.id)
        assert body is not None
        return body if isinstance(body, bytes) else body.read_bytes()

    def assert_whole(self, entries: Iterable[Entry] | None = None) -> None:
        """Every product is recorded as complete, and its file has the hub's bytes."""
        records = self.records()
        for entry in self.entries if entries is None else entries:
            record = records[entry.id]
            assert record.state is State.COMPLETE, (entry.name, record)
            assert (self.root / record.path).read_bytes() == self.bytes_of(entry)

    def visible(self) -> list[str]:
        """Files of the archive that are not hidden, as paths relative to it."""
        paths = (path.relative_to(self.root) for path in self.root.rglob("*") if path.is_file())
        return sorted(
            str(path) for path in paths if not any(part.startswith(".") for part in path.parts)
        )

    def leftovers(self) -> list[str]:
        """Part files, sidecars and unfinished files."""
        paths = (path for path in self.root.rglob("*") if path.is_file())
        return sorted(
            path.name
            for path in paths
            if path.name.startswith(".s2fetch-") or path.name.endswith(".unfinished")
        )


def flip_a_byte(path: Path) -> None:
    """Damage a file without changing its length."""
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)
