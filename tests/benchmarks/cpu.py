"""CPU seconds for every verified gigabyte over TLS, against ``curl`` to disk plus ``md5sum``."""

from __future__ import annotations

from pathlib import Path

import msgspec

from tests.benchmarks.downloads import Pair, download_in_turn
from tests.benchmarks.figures import Figure, compared
from tests.benchmarks.hub_process import Authority, running_hub
from tests.benchmarks.measured import in_another_process
from tests.benchmarks.products import write_products
from tests.benchmarks.scale import Scale

MOST = 0.85


class Size(msgspec.Struct, frozen=True):
    """Products, bytes of each, and pairs of runs; the same of those from a hub with a rate."""

    products: int
    size: int
    turns: int
    shaped_products: int
    shaped_turns: int
    rate: float


SIZES = {
    Scale.FULL: Size(8, 512_000_000, 3, 2, 1, 20e6),
    Scale.QUICK: Size(4, 128_000_000, 2, 2, 1, 20e6),
    Scale.TINY: Size(2, 200_000, 1, 2, 1, 4e6),
}


def measure(scale: Scale, work: Path) -> list[Figure]:
    """Measure it; the hub runs beside, and its own CPU time is not counted.

    First unthrottled, with products as long as most of Sentinel-2, where the baseline downloads one
    file after another over one connection, which costs it less than two at a time. Then at a rate
    as real hubs have it, where bytes come in small pieces, with two connections for both.
    """
    size = SIZES[scale]
    authority = Authority.create(work)
    pairs, gigabytes = _download(
        work / "fast", authority, size.products, size.size, [], turns=size.turns, parallel=1
    )
    shaped, shaped_gigabytes = _download(
        work / "shaped",
        authority,
        size.shaped_products,
        size.size,
        ["--rate", str(size.rate)],
        turns=size.shaped_turns,
        parallel=2,
    )
    return [
        _cpu_seconds(
            f"CPU seconds per GB over TLS, {size.products} products of {size.size / 1e6:g} MB, "
            "against curl and md5sum",
            pairs,
            gigabytes,
            most=MOST,
        ),
        compared(
            "the same, seconds of the whole process",
            [pair.ours.usage.seconds / gigabytes for pair in pairs],
            [pair.baseline.seconds / gigabytes for pair in pairs],
            "s/GB",
        ),
        _cpu_seconds(
            f"CPU seconds per GB over TLS at 2 x {size.rate / 1e6:g} MB/s", shaped, shaped_gigabytes
        ),
    ]


def _download(
    work: Path,
    authority: Authority,
    count: int,
    size: int,
    shape: list[str],
    *,
    turns: int,
    parallel: int,
) -> tuple[list[Pair], float]:
    """Pairs of downloads from a hub of its own, and how many GB each is."""
    work.mkdir()
    products = work / "products"
    payload = in_another_process(write_products, products, count, size)
    with running_hub([products, *shape], work / "hub.log", authority) as hub:
        pairs = download_in_turn(hub, products, work, turns=turns, parallel=parallel)
    return pairs, payload / 1e9


def _cpu_seconds(
    what: str, pairs: list[Pair], gigabytes: float, *, most: float | None = None
) -> Figure:
    return compared(
        what,
        [pair.ours.usage.cpu_seconds / gigabytes for pair in pairs],
        [pair.baseline.cpu_seconds / gigabytes for pair in pairs],
        "s/GB",
        most=most,
    )
