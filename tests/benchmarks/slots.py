"""Whether the slots of an account stay full: ideal time against real time at a shaped hub."""

from __future__ import annotations

from pathlib import Path

import msgspec

from tests.benchmarks.figures import Figure
from tests.benchmarks.hub_process import running_hub
from tests.benchmarks.measured import in_another_process
from tests.benchmarks.products import check_archive, md5s_of, write_products
from tests.benchmarks.programs import Synced, empty, sync
from tests.benchmarks.scale import Scale

LEAST = 0.95
SLOTS = 2
LATENCY_SECONDS = 0.05


class Size(msgspec.Struct, frozen=True):
    """Products, bytes of each, bytes per second of a connection, and runs."""

    products: int
    size: int
    rate: float
    turns: int


SIZES = {
    Scale.FULL: Size(30, 32_000_000, 20e6, 3),
    Scale.QUICK: Size(10, 16_000_000, 20e6, 1),
    Scale.TINY: Size(4, 200_000, 4e6, 1),
}


def measure(scale: Scale, work: Path) -> list[Figure]:
    """Measure it, with the strict ideal that knows no latency, and with the one that does."""
    size = SIZES[scale]
    products, archive = work / "products", work / "archive"
    payload = in_another_process(write_products, products, size.products, size.size)
    digests = in_another_process(md5s_of, products)
    shape = ["--rate", str(size.rate), "--latency", str(LATENCY_SECONDS)]
    runs = []
    with running_hub([products, *shape], work / "hub.log") as hub:
        for _ in range(size.turns):
            empty(archive)
            runs.append(sync(hub, archive, work, size.products))
            check_archive(archive, digests)
    ideal = payload / (SLOTS * size.rate)
    waits = LATENCY_SECONDS * -(-size.products // SLOTS)
    what = f"{size.products} products of {size.size / 1e6:g} MB, {SLOTS} slots: ideal / real time"
    return [
        _kept_full(f"{what} of the whole process", ideal, runs, whole=True, least=LEAST),
        _kept_full(f"{what} of the engine", ideal, runs, whole=False),
        _kept_full(
            "the same, with the 50 ms before each body in the ideal",
            ideal + waits,
            runs,
            whole=False,
        ),
    ]


def _kept_full(
    what: str, ideal: float, runs: list[Synced], *, whole: bool, least: float | None = None
) -> Figure:
    seconds = sorted(run.usage.seconds if whole else run.report.seconds for run in runs)
    middle = seconds[len(seconds) // 2]
    return Figure(
        what=what,
        ours=f"{middle:.2f} s",
        baseline=f"{ideal:.2f} s",
        ratio=ideal / middle,
        spread=tuple(ideal / value for value in seconds),
        least=least,
    )
