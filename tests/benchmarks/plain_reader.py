"""Reads pages one after another with nothing but aiohttp and json: the least a reader can do.

``python -m tests.benchmarks.plain_reader FILE`` takes a JSON list of URLs and prints how many
products it has seen.
"""

from __future__ import annotations

import asyncio
import json
import sys
from pathlib import Path

import aiohttp


async def read(urls: list[str]) -> int:
    """How many different products the pages list."""
    seen: set[str] = set()
    async with aiohttp.ClientSession() as session:
        for url in urls:
            async with session.get(url) as answer:
                page = json.loads(await answer.read())
            seen.update(row["Id"] for row in page["value"])
    return len(seen)


if __name__ == "__main__":
    listed = json.loads(Path(sys.argv[1]).read_bytes())
    sys.stdout.write(f"{asyncio.run(read(listed))}\n")
