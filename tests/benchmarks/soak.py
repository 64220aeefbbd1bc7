"""Thirty days in the life of a daemon, on a fake clock: whether its memory is flat."""

from __future__ import annotations

import asyncio
from pathlib import Path

import msgspec

from tests.benchmarks.figures import Figure, IncompleteError
from tests.benchmarks.scale import Scale
from tests.daemon.soak.story import Outcome, Thirds, soak

MOST_GROWTH = 1.08
MOST_BLOCK_GROWTH = 1.03


class Size(msgspec.Struct, frozen=True):
    """Simulated days."""

    days: int


SIZES = {
    Scale.FULL: Size(30),
    Scale.QUICK: Size(12),
    Scale.TINY: Size(3),
}


def measure(scale: Scale, work: Path) -> list[Figure]:
    """Measure it. The disk does not fill up here, as that takes a volume of its own: see the test.

    Raises:
        IncompleteError: Archive and catalogue do not agree in the end.
    """
    outcome = asyncio.run(soak(work, None, SIZES[scale].days))
    wrong = [*outcome.differences, *outcome.defects, *outcome.twice]
    if wrong or outcome.exit_code:
        raise IncompleteError(f"exit status {outcome.exit_code}; {len(wrong)} wrong: {wrong[:3]}")
    resident, blocks = Thirds.of(outcome.resident), Thirds.of(outcome.blocks)
    return [
        _figure(outcome, "resident memory", resident, 1e6, "MB", MOST_GROWTH),
        _figure(outcome, "blocks of objects", blocks, 1e3, "thousand", MOST_BLOCK_GROWTH),
    ]


def _figure(
    outcome: Outcome, what: str, thirds: Thirds, unit: float, name: str, most: float
) -> Figure:
    return Figure(
        what=f"{what} in the last third of {outcome.days} days, against the third before; "
        f"{outcome.products} products, {outcome.bodies} bodies for {outcome.versions}, "
        f"{outcome.kills} kills",
        ours=f"{thirds.last / unit:.2f} {name}",
        baseline=f"{thirds.middle / unit:.2f} {name}",
        ratio=thirds.growth,
        most=most,
    )
