"""The life of an embedded hub: it serves a catalogue, goes down, and comes back."""

from __future__ import annotations

import asyncio
from abc import ABC, abstractmethod
from collections.abc import Iterable
from pathlib import Path

import msgspec
from aiohttp import web

from s2fetch.embedded.faults import Fault, FaultPlan
from s2fetch.embedded.folder import FolderCatalogue
from s2fetch.embedded.listing import Catalogue


class ServedCatalogue(ABC):
    """What hubs of all kinds have in common.

    Args:
        source: A folder of products, or a catalogue.
        faults: What goes wrong.

    Attributes:
        faults: Takes more while the hub runs.
    """

    def __init__(self, source: Path | Catalogue, faults: Iterable[Fault]) -> None:
        self.faults = FaultPlan(*faults)
        self._source = source
        self._coming_back: asyncio.Task[None] | None = None

    async def __aexit__(self, *_: object) -> None:
        if self._coming_back is not None:
            self._coming_back.cancel()
            await asyncio.wait((self._coming_back,))
        await self.go_down()

    @property
    @abstractmethod
    def catalogue(self) -> Catalogue:
        """What the hub serves."""

    @abstractmethod
    async def come_up(self) -> None:
        """Listen, on the same ports as before."""

    @abstractmethod
    async def go_down(self) -> None:
        """Break every connection and refuse new ones."""

    @property
    def folder(self) -> FolderCatalogue:
        """The catalogue of a folder, which can be changed.

        Raises:
            TypeError: The hub serves another catalogue.
        """
        catalogue = self.catalogue
        if not isinstance(catalogue, FolderCatalogue):
            raise TypeError("this hub does not serve a folder")
        return catalogue

    async def _opened(self) -> Catalogue:
        if isinstance(self._source, Path):
            return await asyncio.to_thread(FolderCatalogue.open, self._source)
        return self._source

    def _go_down_soon(self, seconds: float | None) -> None:
        self._coming_back = asyncio.create_task(self._down_for(seconds))

    async def _down_for(self, seconds: float | None) -> None:
        await self.go_down()
        if seconds is not None:
            await asyncio.sleep(seconds)
            await self.come_up()

    async def _take_faults(self, request: web.Request) -> web.Response:
        try:
            faults = msgspec.json.decode(await request.read(), type=list[Fault])
        except msgspec.DecodeError as error:
            return web.Response(status=422, text=str(error))
        self.faults.clear()
        self.faults.add(*faults)
        return web.Response(status=204)
