"""A daemon to look at: real values of three archives, and a record of what it was told."""

from __future__ import annotations

import random
from datetime import UTC, datetime, timedelta

import msgspec

from s2fetch.clock import timestamp
from s2fetch.daemon.state import (
    AccountState,
    Activity,
    ArchiveState,
    DaemonState,
    DayCoverage,
    ProductRow,
    RunState,
    SlotState,
    Throughput,
)
from s2fetch.embedded.tiles import tile_wkt
from s2fetch.errors import ConfigError, UsageError
from s2fetch.events import EventBus

NOW = datetime(2026, 6, 18, 14, 32, tzinfo=UTC)
ALPS = [
    *("31TGJ", "31TGK", "31TGL", "32TLQ", "32TLR", "32TLS", "32TLT", "32TMQ", "32TMR", "32TMS"),
    *("32TMT", "32TNQ", "32TNR", "32TNS", "32TNT", "32TPQ", "32TPR", "32TPS", "32TPT", "32TQQ"),
    *("32TQR", "32TQS", "32TQT", "33TUL", "33TUM", "33TUN", "33TVL", "33TVM", "33TVN", "33TWN"),
]
GB = 10**9


def ago(**length: float) -> str:
    """A time so long before `NOW`."""
    return timestamp(NOW - timedelta(**length))


def product_name(tile: str, sensed: datetime, level: str = "L2A", platform: str = "S2B") -> str:
    """A name as Sentinel-2 products have."""
    late = sensed + timedelta(hours=3, minutes=7)
    return (
        f"{platform}_MSI{level}_{sensed:%Y%m%dT%H%M%S}_N0511_R065_T{tile}_{late:%Y%m%dT%H%M%S}.SAFE"
    )


class StillDaemon:
    """`Controls` over values that only change when they are told to.

    Attributes:
        now: What `state` gives; replace it.
        asked: What it was told, in order, such as ``pause alps``.
        refusal: What `reload` raises, or None.
        limits: Every limit a list was asked with.
        days: What `coverage` gives for the archive alps.
        periods: What `throughput` gives.
    """

    def __init__(self) -> None:
        self.events = EventBus()
        self.now = state()
        self.asked: list[str] = []
        self.refusal: ConfigError | None = None
        self.limits: list[int] = []
        self.days = coverage()
        self.periods = throughput()

    def state(self) -> DaemonState:
        return self.now

    async def products(self, archive: str, state: str, *, limit: int) -> list[ProductRow]:
        self._known(archive)
        self.limits.append(limit)
        return [row for row in rows() if (row.archive, row.state) == (archive, state)][:limit]

    async def coverage(self, archive: str) -> list[DayCoverage]:
        self._known(archive)
        return self.days if archive == "alps" else []

    async def footprints(self, archive: str, *, limit: int) -> list[tuple[str, str, str]]:
        self._known(archive)
        self.limits.append(limit)
        return footprints()[:limit] if archive == "alps" else []

    def throughput(self) -> list[Throughput]:
        return self.periods

    async def pause(self, archive: str = "") -> None:
        self._told("pause", archive)
        self._become(archive, Activity.PAUSED)

    async def resume(self, archive: str = "") -> None:
        self._told("resume", archive)
        self._become(archive, Activity.IDLE)

    async def sync(self, archive: str) -> None:
        self._told("sync", archive)
        self._become(archive, Activity.SYNCING)

    async def reload(self) -> None:
        if self.refusal is not None:
            raise self.refusal
        self._told("reload", "")

    def stop(self) -> None:
        self._told("stop", "")

    def change(self, **fields: object) -> None:
        """Change fields of the state."""
        self.now = msgspec.structs.replace(self.now, **fields)

    def change_archive(self, which: str, /, **fields: object) -> None:
        """Change fields of one archive."""
        changed = [
            msgspec.structs.replace(archive, **fields) if archive.name == which else archive
            for archive in self.now.archives
        ]
        self.change(archives=tuple(changed))

    def _told(self, what: str, archive: str) -> None:
        if archive:
            self._known(archive)
        self.asked.append(f"{what} {archive}".strip())

    def _become(self, archive: str, activity: Activity) -> None:
        if archive:
            self.change_archive(archive, activity=activity)
        else:
            self.change(paused=activity is Activity.PAUSED)

    def _known(self, archive: str) -> None:
        if archive not in {known.name for known in self.now.archives}:
            raise UsageError(f"there is no archive {archive}")


def state() -> DaemonState:
    """A daemon in the middle of its work."""
    return DaemonState(
        version="0.2.0",
        now=timestamp(NOW),
        started=ago(days=41),
        loop_delay_seconds=0.012,
        archives=(_alps(), _po(), _iceland()),
        accounts=(
            AccountState(
                name="eo-archive@example.org",
                slots=4,
                in_use=4,
                token_seconds=412.0,
                received_30_days=9_400 * GB,
                quota=12_000 * GB,
                quota_reached=timestamp(NOW + timedelta(days=9)),
            ),
            AccountState(
                name="second@example.org",
                slots=2,
                in_use=1,
                token_seconds=181.0,
                received_30_days=3_105 * GB,
                quota=12_000 * GB,
            ),
        ),
        slots=slots(),
    )


def _alps() -> ArchiveState:
    return ArchiveState(
        name="alps",
        folder="/data/sentinel/alps",
        activity=Activity.SYNCING,
        priority=10,
        products={
            "complete": 12_481,
            "waiting": 231,
            "failed": 4,
            "quarantined": 1,
            "withdrawn": 18,
        },
        bytes=9_862 * GB,
        queued=318,
        last_run=RunState(
            started=ago(hours=7),
            seconds=4210.0,
            outcome="waiting",
            found=12_700,
            fetched=96,
            waiting=220,
            failed=4,
            received=81 * GB,
        ),
        last_success=ago(hours=5.8),
        next_run=timestamp(NOW + timedelta(hours=4, minutes=49)),
        watermark=ago(hours=7),
        lag_seconds=10_260.0,
        newest=ago(hours=3),
        oldest_waiting=ago(days=2, hours=3),
        verified_share=0.9431,
        free_bytes=2_140 * GB,
        floor_bytes=500 * GB,
    )


def _po() -> ArchiveState:
    return ArchiveState(
        name="po-valley",
        folder="/data/sentinel/po-valley",
        activity=Activity.SCRUBBING,
        priority=5,
        products={"complete": 3_902, "waiting": 0, "failed": 0, "quarantined": 0, "withdrawn": 2},
        bytes=3_010 * GB,
        last_run=RunState(
            started=ago(hours=2),
            seconds=340.0,
            outcome="ok",
            found=3_902,
            fetched=11,
            received=9 * GB,
        ),
        last_success=ago(hours=1.9),
        next_run=timestamp(NOW + timedelta(minutes=38)),
        watermark=ago(hours=2),
        lag_seconds=6_120.0,
        newest=ago(hours=4),
        free_bytes=2_140 * GB,
        floor_bytes=500 * GB,
    )


def _iceland() -> ArchiveState:
    return ArchiveState(
        name="iceland",
        folder="/data/cold/iceland",
        activity=Activity.OUT_OF_SPACE,
        why="38.2 GB are free on /data/cold and 50 GB are to be left; goes on when there is space",
        products={"complete": 811, "waiting": 40, "failed": 0, "quarantined": 0, "withdrawn": 0},
        bytes=602 * GB,
        queued=62,
        last_run=RunState(started=ago(days=1), seconds=900.0, outcome="archive", fetched=12),
        next_run=timestamp(NOW + timedelta(hours=9)),
        lag_seconds=91_000.0,
        oldest_waiting=ago(hours=30),
        verified_share=1.0,
        free_bytes=38_200_000_000,
        floor_bytes=50 * GB,
    )


def slots() -> tuple[SlotState, ...]:
    """Six slots, one of them free."""
    shown = (
        ("eo-archive@example.org", 1, "alps", "32TQQ", 0.62, 7.4),
        ("eo-archive@example.org", 2, "alps", "32TPS", 0.11, 6.8),
        ("eo-archive@example.org", 3, "alps", "33TUM", 0.97, 7.1),
        ("eo-archive@example.org", 4, "iceland", "27WWM", None, 2.2),
        ("second@example.org", 1, "po-valley", "32TNR", 0.34, 5.9),
    )
    busy = [
        SlotState(
            account=account,
            slot=slot,
            archive=archive,
            product=product_name(tile, NOW - timedelta(days=2, hours=4, minutes=slot)),
            product_id=f"id-{tile}",
            position=round((share or 0.2) * 812_000_000),
            size=None if share is None else 812_000_000,
            rate=rate * 1e6,
            since=ago(minutes=2),
        )
        for account, slot, archive, tile, share, rate in shown
    ]
    return (*busy, SlotState(account="second@example.org", slot=2))


def rows() -> list[ProductRow]:
    """Products that are not settled, with reasons as the engine gives them."""
    reasons = {
        "failed": (
            "the body ended after 311 MB of 812 MB, for the eighth time",
            "the hub answered with 500 (Internal Server Error)",
            "the account is not entitled to this product",
            "the hub says it does not have the product",
        ),
        "quarantined": ("the digest of the bytes is twice not the one that the catalogue lists",),
        "waiting": ("offline; asked for, the hub said it is being retrieved",),
        "queued": ("",),
        "withdrawn": ("deleted by the hub: replaced by a newer processing baseline",),
    }
    numbers = {"failed": 4, "quarantined": 1, "waiting": 231, "queued": 318, "withdrawn": 18}
    found = []
    for kind, number in numbers.items():
        for index in range(number):
            sensed = NOW - timedelta(days=3 + index, hours=4, minutes=index % 50)
            found.append(
                ProductRow(
                    archive="alps",
                    id=f"{kind}-{index}",
                    name=product_name(ALPS[index % len(ALPS)], sensed),
                    state=kind,
                    since=ago(hours=50 - index * 0.15),
                    reason=reasons[kind][index % len(reasons[kind])],
                    attempts=8 if kind == "failed" else 1 if kind == "waiting" else 0,
                    next={
                        "failed": "tried again by the next run",
                        "quarantined": "left alone until the catalogue changes",
                        "waiting": "asked again in 40 s",
                    }.get(kind, ""),
                    size=780_000_000 + index * 1_000_000,
                )
            )
    return found


def coverage() -> list[DayCoverage]:
    """Sixteen months: an orbit every few days, late products at the end, a gap in winter."""
    chance = random.Random(4)
    found = []
    for back in range(490, -1, -1):
        day = NOW - timedelta(days=back)
        if back % 5 in (1, 4):
            continue
        number = chance.randint(2, 30)
        waiting = number // 2 if back < 6 else chance.choice((0, 0, 0, 0, 0, 0, 0, 2))
        missing = chance.randint(1, 4) if 170 < back < 176 or chance.random() < 0.012 else 0
        found.append(
            DayCoverage(
                day=f"{day:%Y-%m-%d}", complete=number - waiting, waiting=waiting, missing=missing
            )
        )
    return found


def footprints() -> list[tuple[str, str, str]]:
    """Eight products of every tile over the Alps; the newest of some are not here yet."""
    found = []
    for age in range(8):
        for index, tile in enumerate(ALPS):
            kind = "complete"
            if age == 0 and index % 7 == 3:
                kind = "waiting"
            elif age == 0 and index in (10, 23):
                kind = "missing"
            sensed = NOW - timedelta(days=5 * age + 1, hours=4)
            found.append((product_name(tile, sensed), kind, tile_wkt(tile)))
    return found


def throughput() -> list[Throughput]:
    """Twelve hours of five minutes each, busy by night and slowed by day."""
    chance = random.Random(7)
    found = []
    for index in range(144):
        start = NOW.replace(minute=30) - timedelta(minutes=5 * (144 - index))
        level = 42e6 if start.hour < 8 else 21e6
        quiet = 0.03 if 60 < index < 66 else 1.0
        rate = level * quiet * chance.uniform(0.72, 1.0)
        received = round(rate * 300)
        found.append(
            Throughput(
                start=timestamp(start),
                seconds=300.0,
                received=received,
                completed=received // 812_000_000,
            )
        )
    return found
