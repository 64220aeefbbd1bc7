"""Task groups whose single failure looks like what it is."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import anyio
from anyio.abc import TaskGroup


@asynccontextmanager
async def one_error_task_group() -> AsyncIterator[TaskGroup]:
    """A task group that raises the first error of its tasks by itself, not inside a group.

    The first error cancels the other tasks; what they raise while being cancelled is of no use to
    a caller who has to decide by the kind of the error.
    """
    try:
        async with anyio.create_task_group() as group:
            yield group
    except BaseExceptionGroup as errors:
        first = _first(errors)
        raise first from first.__cause__


def _first(errors: BaseExceptionGroup[BaseException]) -> BaseException:
    first = errors.exceptions[0]
    return _first(first) if isinstance(first, BaseExceptionGroup) else first
