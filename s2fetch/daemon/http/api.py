"""The answers: each method is one operation, its docstring the operation's description."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from http import HTTPStatus
from typing import Any, TypeVar

import anyio.to_thread
import msgspec
from aiohttp import web

from s2fetch.daemon.controls import Controls
from s2fetch.daemon.events import DaemonAsked
from s2fetch.daemon.http.footprints import FeatureCollection, collection
from s2fetch.daemon.http.guard import Guard, Need
from s2fetch.daemon.http.health import Health, Readiness, health_of, readiness_of
from s2fetch.daemon.http.metrics import Metrics
from s2fetch.daemon.http.openapi import describe
from s2fetch.daemon.http.problems import RefusedError
from s2fetch.daemon.http.routes import Ask, FootprintsQuery, ProductsQuery, Route
from s2fetch.daemon.http.settings import HttpSettings
from s2fetch.daemon.http.stream import EventStream
from s2fetch.daemon.state import ArchiveState, DaemonState, DayCoverage, ProductRow, Throughput

_Query = TypeVar("_Query", bound=msgspec.Struct)


class AccessAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """What the asker may do.

    Attributes:
        changes: Whether this request's credentials allow changes.
        token: Whether there is a token that would allow them.
    """

    changes: bool
    token: bool


class Api:
    """Answers from a running daemon.

    Args:
        controls: The daemon.
        settings: Limits.
        guard: Who may do what.
        stream: Who follows.
        metrics: What is scraped.
    """

    def __init__(
        self,
        controls: Controls,
        settings: HttpSettings,
        guard: Guard,
        stream: EventStream,
        metrics: Metrics,
    ) -> None:
        self._controls = controls
        self._settings = settings
        self._guard = guard
        self._stream = stream
        self._metrics = metrics
        self._description: dict[str, Any] | None = None

    async def healthz(self, _: Ask) -> Health:
        """Whether the daemon lives.

        503 when the event loop is late or the engine has work and does not move.
        """
        return health_of(self._controls.state(), self._settings)

    async def readyz(self, _: Ask) -> Readiness:
        """Whether the daemon can work.

        503 when the hub cannot be reached, a disk is below its floor or an account was refused.
        """
        return readiness_of(self._controls.state())

    async def metrics(self, ask: Ask) -> web.Response:
        """Metrics for Prometheus.

        In the Prometheus text format, or in OpenMetrics when ``Accept`` prefers that.
        """
        body, content_type = self._metrics.scrape(ask.request.headers.get("Accept", ""))
        return web.Response(body=body, headers={"Content-Type": content_type})

    async def openapi(self, _: Ask) -> dict[str, Any]:
        """This description."""
        if self._description is None:
            self._description = describe(routes(self), self._controls.state().version)
        return self._description

    async def access(self, _: Ask) -> AccessAnswer:
        """What the asker may do."""
        return AccessAnswer(changes=self._guard.may_change(_.request), token=self._guard.has_token)

    async def state(self, _: Ask) -> DaemonState:
        """The whole daemon now."""
        return self._controls.state()

    async def archives(self, _: Ask) -> list[ArchiveState]:
        """All archives, in the order of the configuration."""
        return list(self._controls.state().archives)

    async def archive(self, ask: Ask) -> ArchiveState:
        """One archive."""
        return self._archive(ask)

    async def products(self, ask: Ask) -> list[ProductRow]:
        """Products of an archive in one state, those that are in it longest first."""
        name, query = self._archive(ask).name, _query(ask, ProductsQuery)
        return await self._controls.products(name, query.state.value, limit=query.limit)

    async def coverage(self, ask: Ask) -> list[DayCoverage]:
        """Products per day of sensing, oldest first; days without any are left out."""
        return await self._controls.coverage(self._archive(ask).name)

    async def footprints(self, ask: Ask) -> FeatureCollection:
        """Footprints of the products sensed last, as GeoJSON."""
        limit = _query(ask, FootprintsQuery).limit
        rows = await self._controls.footprints(self._archive(ask).name, limit=limit)
        return await anyio.to_thread.run_sync(collection, rows)

    async def throughput(self, _: Ask) -> list[Throughput]:
        """Bytes received over the last hours, oldest first."""
        return self._controls.throughput()

    async def events(self, ask: Ask) -> web.StreamResponse:
        """The stream of states and events (server-sent events).

        Messages are ``hello`` (whether the stream goes on after Last-Event-ID), ``state`` (as
        /api/v1/state, at most once a second) and ``event`` (one thing that happened, with an id).
        A client that reads too slowly is disconnected and may come back.
        """
        if self._stream.full:
            raise RefusedError(
                HTTPStatus.SERVICE_UNAVAILABLE,
                "too-many-streams",
                f"{self._settings.streams} clients follow already",
                headers={"Retry-After": "30"},
            )
        return await self._stream.serve(ask.request)

    async def pause_archive(self, ask: Ask) -> ArchiveState:
        """Stop fetching for one archive; what is under way ends."""
        return await self._told(ask, "pause", self._controls.pause)

    async def resume_archive(self, ask: Ask) -> ArchiveState:
        """Go on fetching for one archive."""
        return await self._told(ask, "resume", self._controls.resume)

    async def sync_archive(self, ask: Ask) -> ArchiveState:
        """Have a run of one archive begin now, whatever the schedule says."""
        return await self._told(ask, "sync", self._controls.sync)

    async def pause(self, _: Ask) -> DaemonState:
        """Stop fetching for all archives; what is under way ends."""
        await self._controls.pause()
        return self._said("pause")

    async def resume(self, _: Ask) -> DaemonState:
        """Go on fetching for all archives."""
        await self._controls.resume()
        return self._said("resume")

    async def reload(self, _: Ask) -> DaemonState:
        """Read the configuration again.

        A bad one is refused with 422, its mistakes are named, and the old one stays in force.
        """
        await self._controls.reload()
        return self._said("reload")

    def _archive(self, ask: Ask) -> ArchiveState:
        for archive in self._controls.state().archives:
            if archive.name == ask.archive:
                return archive
        raise RefusedError(
            HTTPStatus.NOT_FOUND,
            "no-such-archive",
            "there is no archive of this name",
            advice="/api/v1/archives lists them",
        )

    async def _told(
        self, ask: Ask, what: str, tell: Callable[[str], Awaitable[None]]
    ) -> ArchiveState:
        name = self._archive(ask).name
        await tell(name)
        self._controls.events.emit(DaemonAsked(what=what, archive=name, via="HTTP"))
        return self._archive(ask)

    def _said(self, what: str) -> DaemonState:
        self._controls.events.emit(DaemonAsked(what=what, archive="", via="HTTP"))
        return self._controls.state()


def routes(api: Api) -> tuple[Route, ...]:
    """Everything that can be asked."""
    v1, one = "/api/v1", "/api/v1/archives/{name}"
    change = Need.CHANGE
    alive = {200: "It is alive", 503: "It is not"}
    ready = {200: "It can work", 503: "It cannot, and why"}
    return (
        Route("GET", "/healthz", api.healthz, status=_if("alive"), statuses=alive),
        Route("GET", "/readyz", api.readyz, status=_if("ready"), statuses=ready),
        Route("GET", "/metrics", api.metrics, content="text/plain"),
        Route("GET", f"{v1}/openapi.json", api.openapi),
        Route("GET", f"{v1}/access", api.access),
        Route("GET", f"{v1}/state", api.state),
        Route("GET", f"{v1}/archives", api.archives),
        Route("GET", one, api.archive),
        Route("GET", f"{one}/products", api.products, query=ProductsQuery),
        Route("GET", f"{one}/coverage", api.coverage),
        Route(
            "GET",
            f"{one}/footprints",
            api.footprints,
            query=FootprintsQuery,
            content="application/geo+json",
        ),
        Route("GET", f"{v1}/throughput", api.throughput),
        Route("GET", f"{v1}/events", api.events, content="text/event-stream"),
        Route("POST", f"{one}/pause", api.pause_archive, change),
        Route("POST", f"{one}/resume", api.resume_archive, change),
        Route("POST", f"{one}/sync", api.sync_archive, change),
        Route("POST", f"{v1}/pause", api.pause, change),
        Route("POST", f"{v1}/resume", api.resume, change),
        Route("POST", f"{v1}/reload", api.reload, change),
    )


def _if(field: str) -> Callable[[Any], int]:
    return lambda answer: 200 if getattr(answer, field) else 503


def _query(ask: Ask, kind: type[_Query]) -> _Query:
    if not isinstance(ask.query, kind):
        raise TypeError(f"the route has another query than {kind.__name__}")
    return ask.query
