"""A process that takes slots. Arguments: folder, count, tasks, takes, seconds of each.

Prints a line when it holds its first slot. Its tasks share the takes; each writes one line for
every take to the file ``takes`` in the folder: process, and when the slot was held (monotonic time,
which all processes of a machine share).
"""

from __future__ import annotations

import asyncio
import os
import sys
import time
from pathlib import Path

from s2fetch.account.slots import Slots


async def main(folder: Path, count: int, tasks: int, takes: int, hold: float) -> None:
    slots = Slots("user@example.org", folder / "slots", count, note={"archive": "/data/archive"})
    left = iter(range(takes))
    record = os.open(folder / "takes", os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o644)

    async def work() -> None:
        for _ in left:
            async with slots.slot():
                began = time.monotonic_ns()
                if not announced:
                    announced.append(True)
                    print("held", flush=True)  # noqa: T201 - the parent waits for it
                await asyncio.sleep(hold)
                line = f"{os.getpid()} {began} {time.monotonic_ns()}\n"
                os.write(record, line.encode())

    announced: list[bool] = []
    await asyncio.gather(*(work() for _ in range(tasks)))
    slots.close()


if __name__ == "__main__":
    place, count, tasks, takes, seconds = sys.argv[1:]
    asyncio.run(main(Path(place), int(count), int(tasks), int(takes), float(seconds)))
