"""Listing a long catalogue behind a slow line: several pages at a time, flat memory."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from urllib.parse import urlsplit
from urllib.request import Request

import msgspec

from tests.benchmarks.complete import answer, page_server, read_plainly
from tests.benchmarks.figures import Figure, IncompleteError, compared
from tests.benchmarks.hub_process import HubProcess, running_hub
from tests.benchmarks.measured import Usage, run
from tests.benchmarks.page_server import FORGET_PATH, LATENCY_PATH, LOG_PATH
from tests.benchmarks.scale import Scale

LEAST = 2.0
MOST_GROWTH = 1.25
LATENCY_SECONDS = 0.2
SHARE = 10
"""Memory is compared with that of a listing this many times shorter."""


class Size(msgspec.Struct, frozen=True):
    """Products in the catalogue."""

    products: int


SIZES = {Scale.FULL: Size(1_000_000), Scale.QUICK: Size(100_000), Scale.TINY: Size(1_200)}


def measure(scale: Scale, work: Path) -> list[Figure]:
    """Measure it. Pages come from memory, so that neither side waits for the hub to make them."""
    count = SIZES[scale].products
    with (
        running_hub(["--synthetic", str(count)], work / "hub.log") as hub,
        page_server(hub) as pages,
    ):
        _list(hub, pages, work, count)
        answer(Request(pages + LATENCY_PATH, str(LATENCY_SECONDS).encode(), method="POST"))
        answer(Request(pages + FORGET_PATH, method="POST"))
        ours = _list(hub, pages, work, count)
        asked = json.loads(answer(Request(pages + LOG_PATH)))
        baseline = read_plainly([pages + path for path in asked], work, count)
    short = count // SHARE
    with (
        running_hub(["--synthetic", str(short)], work / "hub.log") as hub,
        page_server(hub) as pages,
    ):
        less = _list(hub, pages, work, short)
    return [
        compared(
            f"products per second of {count:,}, {LATENCY_SECONDS * 1000:.0f} ms before each page, "
            "against the same pages one after another with aiohttp and json",
            [count / ours.seconds],
            [count / baseline.seconds],
            "/s",
            least=LEAST,
        ),
        Figure(
            what=f"peak memory of the same, against a listing of {short:,}",
            ours=f"{ours.peak_bytes / 1e6:.0f} MB",
            baseline=f"{less.peak_bytes / 1e6:.0f} MB",
            ratio=ours.peak_bytes / less.peak_bytes,
            most=MOST_GROWTH,
        ),
    ]


def _list(hub: HubProcess, pages: str, work: Path, expected: int) -> Usage:
    catalogue = pages + urlsplit(hub.ready.catalogue_url).path
    environment = hub.environment(work) | {"S2FETCH_CATALOGUE_URL": catalogue}
    log = work / "list.log"
    usage = run([sys.executable, "-m", "tests.benchmarks.lister"], log, environment)
    if int(log.read_text()) != expected:
        raise IncompleteError(f"s2fetch has listed {log.read_text()} of {expected} products")
    return usage
