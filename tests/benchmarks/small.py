"""Small products per second, against ``curl`` with two transfers at a time, then ``md5sum``."""

from __future__ import annotations

from pathlib import Path

import msgspec

from tests.benchmarks.downloads import download_in_turn
from tests.benchmarks.figures import Figure, compared
from tests.benchmarks.hub_process import running_hub
from tests.benchmarks.measured import in_another_process
from tests.benchmarks.products import write_products
from tests.benchmarks.scale import Scale

LEAST = 0.8


class Size(msgspec.Struct, frozen=True):
    """Products, bytes of each, and pairs of runs."""

    products: int
    size: int
    turns: int


SIZES = {
    Scale.FULL: Size(1000, 100_000, 5),
    Scale.QUICK: Size(300, 100_000, 3),
    Scale.TINY: Size(10, 10_000, 1),
}


def measure(scale: Scale, work: Path) -> list[Figure]:
    """Measure it: s2fetch from start to end, catalogue, flushes and records included."""
    size = SIZES[scale]
    products = work / "products"
    in_another_process(write_products, products, size.products, size.size)
    with running_hub([products], work / "hub.log") as hub:
        pairs = download_in_turn(hub, products, work, turns=size.turns, parallel=2, keep=True)
    baseline = [size.products / pair.baseline.seconds for pair in pairs]
    what = f"products per second, {size.products} of {size.size / 1e3:g} kB"
    return [
        compared(
            f"{what}, whole process against curl and md5sum",
            [size.products / pair.ours.usage.seconds for pair in pairs],
            baseline,
            "/s",
            least=LEAST,
        ),
        compared(
            "the same, without the start of the process",
            [size.products / pair.ours.report.seconds for pair in pairs],
            baseline,
            "/s",
        ),
        compared(
            "the same, CPU seconds of the whole process",
            [pair.ours.usage.cpu_seconds for pair in pairs],
            [pair.baseline.cpu_seconds for pair in pairs],
            "s",
        ),
    ]
