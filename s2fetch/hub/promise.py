"""A page of a listing that is being read in another task."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

import anyio

from s2fetch.errors import S2FetchError
from s2fetch.hub.rows import Page


class Promise:
    """What will have been read."""

    def __init__(self) -> None:
        self._done = anyio.Event()
        self._page: Page | None = None
        self._error: S2FetchError | None = None

    async def keep(self, read: Callable[[], Awaitable[Page]]) -> None:
        """Read the page, and keep it or the error: that belongs to whoever gets to this page.

        Args:
            read: Reads it.
        """
        try:
            self._page = await read()
        except S2FetchError as error:
            self._error = error
        self._done.set()

    async def page(self) -> Page:
        """The page, once it is read.

        Raises:
            S2FetchError: That of reading it.
        """
        await self._done.wait()
        if self._error is not None:
            raise self._error
        assert self._page is not None  # noqa: S101 - set before the event
        return self._page
