"""CPU seconds for every verified gigabyte over TLS, against ``curl`` to disk plus ``md5sum``."""

from __future__ import annotations

from pathlib import Path

import msgspec

from tests.benchmarks.downloads import download_in_turn
from tests.benchmarks.figures import Figure, compared
from tests.benchmarks.hub_process import Authority, running_hub
from tests.benchmarks.measured import in_another_process
from tests.benchmarks.products import write_products
from tests.benchmarks.scale import Scale

MOST = 0.85


class Size(msgspec.Struct, frozen=True):
    """Products, bytes of each, and pairs of runs."""

    products: int
    size: int
    turns: int


SIZES = {
    Scale.FULL: Size(8, 256_000_000, 3),
    Scale.QUICK: Size(4, 128_000_000, 2),
    Scale.TINY: Size(2, 200_000, 1),
}


def measure(scale: Scale, work: Path) -> list[Figure]:
    """Measure it; the hub runs beside, unthrottled, and its own CPU time is not counted.

    The baseline downloads one file after another over one connection, which costs it less than two
    at a time.
    """
    size = SIZES[scale]
    products = work / "products"
    gigabytes = in_another_process(write_products, products, size.products, size.size) / 1e9
    authority = Authority.create(work)
    with running_hub([products], work / "hub.log", authority) as hub:
        pairs = download_in_turn(hub, products, work, turns=size.turns, parallel=1)
    return [
        compared(
            f"CPU seconds per GB over TLS, {size.products} products of {size.size / 1e6:g} MB, "
            "against curl and md5sum",
            [pair.ours.usage.cpu_seconds / gigabytes for pair in pairs],
            [pair.baseline.cpu_seconds / gigabytes for pair in pairs],
            "s/GB",
            most=MOST,
        ),
        compared(
            "the same, seconds of the whole process",
            [pair.ours.usage.seconds / gigabytes for pair in pairs],
            [pair.baseline.seconds / gigabytes for pair in pairs],
            "s/GB",
        ),
    ]
