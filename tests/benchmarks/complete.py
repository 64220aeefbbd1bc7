"""A run over an archive that is complete: what it asks for, how long it takes, how much memory."""

from __future__ import annotations

import asyncio
import json
import os
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from subprocess import PIPE, Popen
from urllib.parse import urlsplit
from urllib.request import Request, urlopen

import msgspec
from yarl import URL

from s2fetch import Client, Product, load_config
from s2fetch.archive.layout import Layout
from s2fetch.archive.progress import ProgressFile
from s2fetch.archive.records import Record, State
from s2fetch.clock import timestamp
from s2fetch.product import Proof
from tests.benchmarks.figures import Figure, IncompleteError, compared
from tests.benchmarks.hub_process import HubProcess, requests_by_kind, running_hub
from tests.benchmarks.measured import Usage, in_another_process, run
from tests.benchmarks.page_server import FORGET_PATH, LOG_PATH
from tests.benchmarks.products import TYPE
from tests.benchmarks.programs import Synced, sync
from tests.benchmarks.scale import Scale

MOST_SECONDS = 1.5
MOST_BYTES = 250e6
PRODUCT_BYTES = 800_000_000
"""Listed for every product, and length of its file, which takes no space."""
BATCH = 1000


class Size(msgspec.Struct, frozen=True):
    """Products, and pairs of runs."""

    products: int
    turns: int


SIZES = {
    Scale.FULL: Size(200_000, 3),
    Scale.QUICK: Size(40_000, 3),
    Scale.TINY: Size(1_200, 1),
}


def measure(scale: Scale, work: Path) -> list[Figure]:
    """Measure it. Pages come from memory, so that neither side waits for the hub to make them."""
    size = SIZES[scale]
    arguments = ["--synthetic", size.products, "--size", PRODUCT_BYTES]
    archive = work / "archive"
    with (
        running_hub([str(argument) for argument in arguments], work / "hub.log") as hub,
        page_server(hub) as pages,
    ):
        catalogue = pages + urlsplit(hub.ready.catalogue_url).path
        variables = {"S2FETCH_CATALOGUE_URL": catalogue}
        in_another_process(build_archive, archive, hub.environment(work) | variables)
        sync(hub, archive, work, size.products, **variables)
        before = hub.stats()
        ours, baseline = [], []
        for _ in range(size.turns):
            answer(Request(pages + FORGET_PATH, method="POST"))
            ours.append(sync(hub, archive, work, size.products, **variables))
            asked = json.loads(answer(Request(pages + LOG_PATH)))
            baseline.append(read_plainly([pages + path for path in asked], work, size.products))
        beyond = requests_by_kind(before, hub.stats())
    return [_requests(asked, beyond), *_figures(size, ours, baseline)]


def build_archive(
    archive: Path, environment: Mapping[str, str], verified: datetime | None = None
) -> None:
    """Make an archive that has everything the hub of an environment lists.

    Args:
        archive: Its folder, which is made. The files are as long as listed, and empty.
        environment: Where the hub is.
        verified: When all of it was verified; as soon as it was published when not given.
    """
    archive.mkdir()
    config = load_config(None, {"into": str(archive), "product-type": [TYPE]}, environment)
    (archive / ".s2fetch").mkdir()

    async def build() -> None:
        with ProgressFile.load(archive, True) as progress:
            async with (
                Client(config, environ=environment) as client,
                client.search(attributes=False) as products,
            ):
                batch: list[Product] = []
                async for product in products:
                    batch.append(product)
                    if len(batch) == BATCH:
                        _add(archive, progress, batch, config.hub.catalogue_url, verified)
                        batch = []
                _add(archive, progress, batch, config.hub.catalogue_url, verified)
            progress.fold()

    asyncio.run(build())


def _add(
    archive: Path,
    progress: ProgressFile,
    batch: list[Product],
    source: str,
    verified: datetime | None,
) -> None:
    layout = Layout()
    pairs = []
    for product in batch:
        path = layout.path_for(product, ".zip")
        with (archive / path).open("wb") as file:
            file.truncate(PRODUCT_BYTES)
            mtime_ns = os.fstat(file.fileno()).st_mtime_ns
        listed = str(product.best_checksum)
        record = Record(
            name=product.name,
            state=State.COMPLETE,
            path=str(path),
            size=PRODUCT_BYTES,
            checksum=listed,
            listed=listed,
            proof=Proof.MD5,
            verified=timestamp(verified or product.modified),
            source=source,
            modified=timestamp(product.modified),
            mtime_ns=mtime_ns,
        )
        pairs.append((product.id, record))
    progress.record_many(pairs)


def read_plainly(urls: list[str], work: Path, expected: int) -> Usage:
    """Read the same pages one after another with aiohttp and json."""
    listed, log = work / "urls.json", work / "plain.log"
    listed.write_text(json.dumps(urls))
    usage = run([sys.executable, "-m", "tests.benchmarks.plain_reader", listed], log)
    if int(log.read_text()) != expected:
        raise IncompleteError(f"the plain reader has seen {log.read_text()} products")
    return usage


def _requests(asked: list[str], beyond: Mapping[str, int]) -> Figure:
    """Every request of a run: the last one's pages, and what went past them to the hub."""
    pages = [path for path in asked if urlsplit(path).path.endswith("/Products")]
    short = [path for path in pages if int(URL(path).query.get("$top", "20")) < BATCH]
    others = [path for path in asked if path not in pages]
    kinds = ", ".join(f"{count} {kind}" for kind, count in beyond.items()) or "none to the hub"
    other = sum(beyond.values()) + len(others)
    return Figure(
        what="requests beyond the catalogue's pages",
        ours=f"{other} ({len(pages)} pages, of these {len(short)} with fewer rows; {kinds})",
        baseline="0",
        ratio=other,
        most=0,
    )


def _figures(size: Size, ours: list[Synced], baseline: list[Usage]) -> list[Figure]:
    peak = max(synced.usage.peak_bytes for synced in ours)
    return [
        compared(
            f"seconds over {size.products:,} products that are there, whole process, against "
            "reading the same pages with aiohttp and json",
            [synced.usage.seconds for synced in ours],
            [usage.seconds for usage in baseline],
            "s",
            most=MOST_SECONDS,
        ),
        compared(
            "the same, without the start of s2fetch",
            [synced.report.seconds for synced in ours],
            [usage.seconds for usage in baseline],
            "s",
        ),
        Figure(
            what="peak memory of the same run, against 250 MB",
            ours=f"{peak / 1e6:.0f} MB",
            baseline=f"{MOST_BYTES / 1e6:.0f} MB",
            ratio=peak / MOST_BYTES,
            most=1,
        ),
    ]


@contextmanager
def page_server(hub: HubProcess) -> Iterator[str]:
    """Run the server of remembered pages; gives its address."""
    parts = urlsplit(hub.ready.catalogue_url)
    origin = f"{parts.scheme}://{parts.netloc}"
    command = [sys.executable, "-m", "tests.benchmarks.page_server", origin]
    with Popen(command, stdout=PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            address = process.stdout.readline().strip()
            if not address:
                raise IncompleteError("the server of remembered pages did not start")
            yield address
        finally:
            process.terminate()


def answer(request: Request) -> bytes:
    """Ask and read."""
    with urlopen(request) as said:
        body: bytes = said.read()
    return body
