"""A sync that says when bytes arrive: ``python -m tests.sync.child FOLDER``."""

from __future__ import annotations

import asyncio
import os
import sys
from datetime import UTC, datetime

import s2fetch
from s2fetch.events import Event, TransferProgressed


async def main(folder: str) -> int:
    """Run it; returns the exit code."""

    def tell(event: Event) -> None:
        if isinstance(event, TransferProgressed):
            sys.stdout.write("bytes\n")
            sys.stdout.flush()

    bus = s2fetch.EventBus()
    bus.subscribe(tell)
    options = {"into": folder, "reserve": "0", "wait-for-lock": "10s"}
    config = s2fetch.load_config(None, options, os.environ, datetime.now(UTC))
    async with s2fetch.Client(config, events=bus) as client:
        return (await client.sync()).exit_code


if __name__ == "__main__":
    sys.exit(asyncio.run(main(sys.argv[1])))
