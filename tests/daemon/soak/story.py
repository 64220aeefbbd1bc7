"""What happens in so many days, and what came of it."""

from __future__ import annotations

import random
from datetime import timedelta
from pathlib import Path

import anyio
import msgspec
from anyio.abc import TaskGroup

from tests.daemon.soak.world import ARCHIVES, World

LARGE_BYTES = 4_000_000
"""Size of what is being downloaded when the daemon is killed."""
SAMPLES_A_DAY = 8
_HOURS = timedelta(hours=1)


class Outcome(msgspec.Struct, kw_only=True):
    """What came of it.

    Attributes:
        days: How many have passed.
        products: Published in all.
        withdrawn: Of these, taken away again.
        bodies: Downloads the hub began.
        versions: Downloads for each archive, had nothing gone wrong.
        kills: Of the daemon.
        differences: Between archives and catalogue.
        twice: Products that were completed more often than the hub changed them.
        gaps: What only a recount found.
        defects: Of the daemon.
        felt: What the daemon met, and how often it told of it.
        exit_code: Of the daemon's last process.
        resident: Bytes of memory of the daemon's process, equally spaced over all days.
        blocks: Blocks that its objects take, likewise.
    """

    days: int
    products: int = 0
    withdrawn: int = 0
    bodies: int = 0
    versions: int = 0
    kills: int = 0
    differences: list[str] = []
    twice: list[str] = []
    gaps: list[str] = []
    defects: list[str] = []
    felt: dict[str, int] = {}
    exit_code: int = -1
    resident: list[int] = []
    blocks: list[int] = []


class Thirds(msgspec.Struct, frozen=True):
    """Means over the second and the last third of all days; the first one is that of the kills.

    The mean is over the lowest of each day, when no run is under way.
    """

    middle: float
    last: float

    @classmethod
    def of(cls, samples: list[int]) -> Thirds:
        """From equally spaced samples of whole days."""
        starts = range(0, len(samples), SAMPLES_A_DAY)
        lowest = [min(samples[start : start + SAMPLES_A_DAY]) for start in starts]
        third = len(lowest) // 3
        middle, last = lowest[third : 2 * third], lowest[2 * third :]
        return cls(sum(middle) / len(middle), sum(last) / len(last))

    @property
    def growth(self) -> float:
        """The last in terms of the second."""
        return self.last / self.middle


async def soak(folder: Path, disk: Path | None, days: int) -> Outcome:
    """Let the days pass.

    The kills are in the first third, so that the memory of one process is seen over the others;
    that one is started afresh.
    """
    world = World(folder, disk)
    outcome = Outcome(days=days)
    try:
        async with world.hub, world.clock, anyio.create_task_group() as group:
            await world.start(fresh=False)
            group.start_soon(_sample, world, outcome)
            group.start_soon(_kills, world, days / 3)
            group.start_soon(_troubles, world, days)
            await _publish(world, group, days)
            # The last changes are a day old when all is compared.
            outcome.exit_code = await world.stop()
            group.cancel_scope.cancel()
    finally:
        await world.end()
    _judge(world, outcome)
    return outcome


async def _publish(world: World, group: TaskGroup, days: int) -> None:
    chance = random.Random(days)
    for day in range(days):
        quiet = day >= days - 1
        for hour in sorted(chance.sample(range(24), 4)):
            await _at(world, day, hour)
            if quiet:
                continue
            what = chance.random()
            if what < 0.3 and day < days - 2:  # or its digests come in the last hours
                entry = world.publish(summed=False)
                group.start_soon(world.add_sums, entry, 20 * _HOURS)
            elif what < 0.45:
                world.publish_old()
            elif what < 0.6:
                world.publish_late()
            else:
                world.publish()
        if day % 2 and not quiet:
            world.modify()
            world.withdraw()
        await _at(world, day + 1, 0)


async def _kills(world: World, until_day: float) -> None:
    """In the middle of a body, of a listing, of nothing, of the deletions, and of a body again.

    In a few days there is only time for the first one.
    """
    kinds = ("body", "search", "", "deleted", "body")[: 5 if until_day > 2 else 1]
    for number, kind in enumerate(kinds):
        day = (number + 0.5) * until_day / len(kinds)
        await _at(world, 0, 24 * day)
        if kind == "body":
            world.publish(LARGE_BYTES)
            world.publish(LARGE_BYTES)
        if kind:
            await world.asked(kind)
        await world.kill(fresh=number == len(kinds) - 1)


async def _troubles(world: World, days: int) -> None:
    """Two outages of the hub, one of its token server, and a full disk, after one another."""
    for share, trouble, hours in (
        (0.1, world.hub_outage, 9),
        (0.4, world.token_outage, 8),
        (0.6, world.full_disk, 7),
        (0.8, world.hub_outage, 9),
    ):
        await _at(world, 0, 24 * days * share)
        world.publish()
        await trouble(hours * _HOURS)


async def _sample(world: World, outcome: Outcome) -> None:
    while True:
        await world.clock.sleep(24 / SAMPLES_A_DAY * 3600)
        outcome.resident.append(world.resident_bytes)
        outcome.blocks.append(world.clock.blocks)


async def _at(world: World, day: float, hour: float) -> None:
    await world.clock.sleep(day * 86_400 + hour * 3600 - world.clock.monotonic())


def _judge(world: World, outcome: Outcome) -> None:
    outcome.products = len(world.versions)
    outcome.withdrawn = len(world.withdrawn)
    outcome.bodies = sum(world.hub.stats.bodies.values())
    outcome.versions = len(ARCHIVES) * sum(world.versions.values())
    outcome.kills = world.kills
    outcome.differences = [
        f"{archive}: {what}" for archive in ARCHIVES for what in world.differences(archive)
    ]
    completed = [event["product_id"] for event in world.told("product-completed")]
    outcome.twice = [
        product_id
        for product_id, versions in world.versions.items()
        if completed.count(product_id) > len(ARCHIVES) * versions
    ]
    outcome.gaps = [event["product"] for event in world.told("gap-found")]
    outcome.defects = [event["error"] for event in world.told("keeper-failed")]
    outcome.felt = world.felt | {
        kind: len(world.told(kind))
        for kind in ("hub-paused", "space-low", "space-back", "product-withdrawn")
    }
