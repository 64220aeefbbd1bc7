"""``s2fetch demo``: a real sync from the embedded hub, to be seen without an account."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
import tempfile
from pathlib import Path

import click

from s2fetch.cli.output import Output

PRODUCTS = 12
PRODUCT_BYTES = 3_000_000
OFFLINE = 2
RETRIEVAL_SECONDS = 4.0
BYTES_PER_SECOND = 2_500_000.0
DROPPED_AFTER_BYTES = 1_500_000
OPTIONS = ("--product-type", "S2MSI1C", "--wait-offline", "60s", "--poll-interval", "1s")
EXAMPLES = """\b
Examples:
  s2fetch demo
  s2fetch demo --hub-folder demo-hub --into demo-archive
"""


@click.command(short_help="Show a sync without an account.", epilog=EXAMPLES)
@click.argument("archive", required=False, metavar="[ARCHIVE.toml]")
@click.option(
    "--hub-folder",
    default="demo-hub",
    metavar="FOLDER",
    help="Where the hub's products are made, default demo-hub",
)
@click.option(
    "--into",
    metavar="FOLDER",
    help="Folder of the archive, default demo-archive unless ARCHIVE.toml names one",
)
@click.pass_obj
def command(output: Output, /, archive: str | None, hub_folder: str, into: str | None) -> int:
    """Sync a dozen small, generated Sentinel-2 products from a hub on this machine.

    Two of them are offline at first and are retrieved; one connection is dropped and resumed. Run
    it again and everything is skipped, because it is on disk and verified.
    """
    arguments = ["sync", *([archive] if archive else OPTIONS)]
    if into or not archive:
        arguments += ["--into", into or "demo-archive"]
    return asyncio.run(_demonstrate(output, Path(hub_folder), arguments))


async def _demonstrate(output: Output, folder: Path, arguments: list[str]) -> int:
    from s2fetch.embedded.faults import Fault, Reset
    from s2fetch.embedded.hub import EmbeddedHub
    from s2fetch.embedded.safe import generate_products
    from s2fetch.embedded.state import HubSettings

    entries = await asyncio.to_thread(
        generate_products, folder, PRODUCTS, size=PRODUCT_BYTES, offline=OFFLINE
    )
    dropped = entries[PRODUCTS // 2]
    hub = EmbeddedHub(
        folder,
        settings=HubSettings(
            bytes_per_second=BYTES_PER_SECOND, retrieval_seconds=RETRIEVAL_SECONDS
        ),
        faults=(Fault(Reset(DROPPED_AFTER_BYTES), product=dropped.id),),
    )
    async with hub:
        output.result(
            f"A hub with {len(entries)} products ({OFFLINE} of them offline) listens on this "
            f"machine.\n\n$ s2fetch {' '.join(arguments)}"
        )
        with tempfile.TemporaryDirectory(prefix="s2fetch-demo-") as state:
            local = {"S2FETCH_STATE_DIR": state, "NO_PROXY": "127.0.0.1", "no_proxy": "127.0.0.1"}
            code = await _run(arguments, {**os.environ, **hub.environment(), **local})
    if code == 0:
        output.result("\nRun it again: everything is on disk and verified, so it will be skipped.")
    return code


async def _run(arguments: list[str], environment: dict[str, str]) -> int:
    """Run s2fetch as its user would, in a process of its own; signals are passed on."""
    sys.stdout.flush()
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "s2fetch", *arguments, env=environment
    )
    loop = asyncio.get_running_loop()
    # Ctrl-C reaches the process from the terminal; here it must only not end the hub before it.
    loop.add_signal_handler(signal.SIGINT, lambda: None)
    loop.add_signal_handler(signal.SIGTERM, process.terminate)
    return await process.wait()
