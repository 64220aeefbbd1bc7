"""Summaries of runs as files, for the programs that read them."""

from __future__ import annotations

import contextlib
import os
import stat
from pathlib import Path

import aiofiles
import aiofiles.os
import anyio
import msgspec

from s2fetch.archive.durable import UNFINISHED_SUFFIX, publish, translating


async def save_summary(summary: msgspec.Struct, path: Path) -> None:
    """Write a report, a verification report, a preview or a status as indented JSON.

    Whoever reads the file meanwhile sees the old summary or the new one, never half of one. What is
    no file, such as a pipe or ``/dev/stdout``, is written to and stays what it is; a link, too.

    Raises:
        ArchiveError: If it cannot be written; nothing half-written stays.
    """
    content = msgspec.json.format(msgspec.json.encode(summary), indent=2) + b"\n"
    with translating(path), anyio.CancelScope(shield=True):
        if await anyio.to_thread.run_sync(_written_to, path, content):
            return
        path = Path(await anyio.to_thread.run_sync(os.path.realpath, path))
        unfinished = path.with_name(f".{path.name}{UNFINISHED_SUFFIX}")
        try:
            async with aiofiles.open(unfinished, "wb") as file:
                await file.write(content)
            await anyio.to_thread.run_sync(publish, unfinished, path)
        except BaseException:
            if await aiofiles.os.path.exists(unfinished):
                await aiofiles.os.remove(unfinished)
            raise


def replaces_file(path: Path) -> bool:
    """Whether a summary of this name would take the place of a file."""
    try:
        found = path.stat()
    except OSError:
        return False
    return stat.S_ISREG(found.st_mode) and _standard(found) is None


def _written_to(path: Path, content: bytes) -> bool:
    """Write into what no file may take the place of; False when ``path`` is none of it."""
    try:
        found = path.stat()
    except FileNotFoundError:
        return False
    descriptor = _standard(found)
    if descriptor is None and stat.S_ISREG(found.st_mode):
        return False
    if descriptor is None:
        # A pipe that nobody reads is an error at once, and no wait for a reader.
        descriptor = os.open(path, os.O_WRONLY | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC)
        os.set_blocking(descriptor, True)
    with os.fdopen(descriptor, "wb", closefd=descriptor > 2) as file:
        file.write(content)
    return True


def _standard(found: os.stat_result) -> int | None:
    """Standard output or standard error, should that be it, also when it goes to a file."""
    for descriptor in (1, 2):
        with contextlib.suppress(OSError):
            if os.path.samestat(found, os.fstat(descriptor)):
                return descriptor
    return None
