"""Killing a sync again and again: how much is fetched twice, and whether the archive is right."""

from __future__ import annotations

import random
import subprocess
import time
from pathlib import Path

import msgspec

from tests.benchmarks.figures import Figure, IncompleteError
from tests.benchmarks.hub_process import HubProcess, running_hub
from tests.benchmarks.measured import in_another_process
from tests.benchmarks.products import check_archive, md5s_of, write_products
from tests.benchmarks.programs import empty, sync, sync_command
from tests.benchmarks.scale import Scale

MOST = 1.05
LOOK_SECONDS = 0.02
LONGEST_SECONDS = 60.0
"""A run that serves no more bytes for so long will not go on."""


class Size(msgspec.Struct, frozen=True):
    """Products, bytes of each, bytes per second of a connection, and kills."""

    products: int
    size: int
    rate: float
    kills: int


SIZES = {
    Scale.FULL: Size(10, 100_000_000, 20e6, 50),
    Scale.QUICK: Size(10, 20_000_000, 20e6, 10),
    Scale.TINY: Size(3, 1_000_000, 2e6, 2),
}


def measure(scale: Scale, work: Path) -> list[Figure]:
    """Measure it: kills at random places of equal parts of the bytes, then a run to the end."""
    size = SIZES[scale]
    products, archive = work / "products", work / "archive"
    payload = in_another_process(write_products, products, size.products, size.size)
    digests = in_another_process(md5s_of, products)
    empty(archive)
    with running_hub([products, "--rate", str(size.rate)], work / "hub.log") as hub:
        places = random.Random(50)
        for number in range(size.kills):
            share = (number + places.uniform(0.1, 0.9)) / size.kills
            _run_and_kill(hub, archive, work, round(payload * share))
        last = sync(hub, archive, work, size.products)
        check_archive(archive, digests)
        served = hub.stats().all_bytes_served
    return [
        Figure(
            what=f"bytes served / payload, {size.kills} kills in {payload / 1e6:g} MB, every "
            f"product verified ({last.report.fetched} by the last run)",
            ours=f"{served / 1e6:.1f} MB",
            baseline=f"{payload / 1e6:g} MB",
            ratio=served / payload,
            most=MOST,
        )
    ]


def _run_and_kill(hub: HubProcess, archive: Path, work: Path, place: int) -> None:
    """Run until the hub has served so many bytes in all, then SIGKILL; or until it ends.

    Raises:
        IncompleteError: It ends with an error, or gets nowhere.
    """
    log = work / "killed.log"
    with log.open("wb") as output:
        process = subprocess.Popen(
            sync_command(archive, work / "killed.json"),
            env=hub.environment(work),
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
        )
    served, moved = -1, time.monotonic()
    try:
        while process.poll() is None:
            now = hub.stats().all_bytes_served
            if now >= place:
                return
            if now > served:
                served, moved = now, time.monotonic()
            if time.monotonic() - moved > LONGEST_SECONDS:
                raise IncompleteError("a run that was to be killed serves no more bytes")
            time.sleep(LOOK_SECONDS)
    finally:
        process.kill()
        process.wait()
    if process.returncode:
        text = log.read_text(errors="replace")[-1000:]
        raise IncompleteError(f"a run ended with {process.returncode} before its kill:\n{text}")
