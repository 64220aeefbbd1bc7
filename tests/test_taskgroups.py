"""Task groups that raise what happened."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from functools import partial
from typing import Any

import anyio
import pytest

from s2fetch.taskgroups import one_error_task_group


async def fail(error: BaseException, after: float = 0) -> None:
    await anyio.sleep(after)
    raise error


async def together(*tasks: Callable[[], Coroutine[Any, Any, Any]], body: float = 60) -> None:
    """Run tasks in a group whose body takes so long."""
    async with one_error_task_group() as group:
        for task in tasks:
            group.start_soon(task)
        await anyio.sleep(body)


async def test_the_error_of_a_task_is_raised_by_itself() -> None:
    """A caller decides by the kind of the error, so it must not be wrapped; its cause is kept."""
    error = ValueError("broken")
    error.__cause__ = cause = OSError("cable")
    with pytest.raises(ValueError, match="broken") as raised:
        await together(partial(fail, error))
    assert raised.value is error
    assert raised.value.__cause__ is cause


async def test_the_first_of_several_errors_is_raised() -> None:
    """What tasks raise because they were cancelled is of no use."""

    async def complain() -> None:
        try:
            await anyio.sleep(60)
        finally:
            raise RuntimeError("cancelled")

    with pytest.raises(KeyError):
        await together(complain, partial(fail, KeyError("first"), 0.01))


async def test_groups_inside_groups_are_unwrapped_too() -> None:
    """However deep the error sits."""

    async def inner() -> None:
        async with anyio.create_task_group() as group:
            group.start_soon(fail, LookupError("deep"))

    with pytest.raises(LookupError, match="deep"):
        await together(inner)


async def test_an_error_of_the_body_is_raised_by_itself() -> None:
    """The tasks are cancelled then."""

    async def work() -> None:
        async with one_error_task_group() as group:
            group.start_soon(anyio.sleep, 60)
            await fail(ZeroDivisionError())

    with pytest.raises(ZeroDivisionError):
        await work()
