"""Lists everything the hub of the environment has: what the start of any sync does.

``python -m tests.benchmarks.lister`` prints how many products it has seen.
"""

from __future__ import annotations

import asyncio
import os
import sys

from s2fetch import Client, load_config
from s2fetch.cli.tuning import tune_process
from tests.benchmarks.products import TYPE


async def count() -> int:
    """How many products are listed."""
    config = load_config(None, {"product-type": [TYPE]}, os.environ)
    seen = 0
    async with Client(config) as client, client.search(attributes=False) as products:
        async for _ in products:
            seen += 1
    return seen


if __name__ == "__main__":
    tune_process()
    sys.stdout.write(f"{asyncio.run(count())}\n")
