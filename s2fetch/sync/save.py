"""Summaries of runs as files, for the programs that read them."""

from __future__ import annotations

from pathlib import Path

import aiofiles
import aiofiles.os
import anyio
import msgspec

from s2fetch.archive.durable import UNFINISHED_SUFFIX, publish, translating


async def save_summary(summary: msgspec.Struct, path: Path) -> None:
    """Write a report, a verification report, a preview or a status as indented JSON.

    Whoever reads the file meanwhile sees the old summary or the new one, never half of one.

    Raises:
        ArchiveError: If it cannot be written; nothing half-written stays.
    """
    content = msgspec.json.format(msgspec.json.encode(summary), indent=2) + b"\n"
    unfinished = path.with_name(f".{path.name}{UNFINISHED_SUFFIX}")
    with translating(path), anyio.CancelScope(shield=True):
        try:
            async with aiofiles.open(unfinished, "wb") as file:
                await file.write(content)
            await anyio.to_thread.run_sync(publish, unfinished, path)
        except BaseException:
            if await aiofiles.os.path.exists(unfinished):
                await aiofiles.os.remove(unfinished)
            raise
