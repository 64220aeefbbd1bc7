"""A DHuS hub on loopback: Basic credentials, searches, OData v1, downloads, a long-term archive."""

from __future__ import annotations

import ssl
from collections.abc import Iterable
from pathlib import Path
from typing import Self

import msgspec
from aiohttp import web

from s2fetch.clock import Clock, SystemClock
from s2fetch.embedded.delivery import plain
from s2fetch.embedded.dhus.accounts import Accounts
from s2fetch.embedded.dhus.odata import ODataService
from s2fetch.embedded.dhus.refusals import processing_quota, tomcat_page, unauthorised
from s2fetch.embedded.dhus.search import SearchService
from s2fetch.embedded.dhus.settings import DhusSettings, Generation, Stub
from s2fetch.embedded.dhus.state import DhusState
from s2fetch.embedded.dhus.stats import DhusStats
from s2fetch.embedded.faults import Fault, Kind
from s2fetch.embedded.identity import User
from s2fetch.embedded.lifecycle import ServedCatalogue
from s2fetch.embedded.listing import Catalogue
from s2fetch.embedded.serving import Listener, origin
from s2fetch.embedded.state import EarlyAnswer, Handler, answering

__all__ = ["DEFAULT_USER", "DhusSettings", "EmbeddedDhus", "Generation", "User"]

DEFAULT_USER = User(name="demo@example.org", password="demo")  # noqa: S106 - for loopback only
_LONGEST_LINE = 1 << 20


class EmbeddedDhus(ServedCatalogue):
    """Serves a folder, or any catalogue, as a hub that runs the Data Hub Software.

    Use it as an async context manager. Catalogue, users, orders, faults and counters outlive
    `go_down`, so that the same hub can come back.

    Args:
        source: A folder of products, or a catalogue.
        users: Accounts; by default one, `DEFAULT_USER`. One that is not ``entitled`` may search
            but not download, one that is ``incomplete`` may do neither.
        settings: How the hub behaves; `hub.settings` may be replaced while it runs.
        faults: What goes wrong; `hub.faults` takes more while it runs.
        ssl_context: Serve HTTPS with this certificate.
        host: Address to listen on.
        port: Port; 0 for any.
        clock: Where orders, windows and dates take time from.

    Raises:
        OSError: On entering: the folder cannot be read or the port is taken.
    """

    def __init__(
        self,
        source: Path | Catalogue,
        *,
        users: Iterable[User] = (DEFAULT_USER,),
        settings: DhusSettings | None = None,
        faults: Iterable[Fault] = (),
        ssl_context: ssl.SSLContext | None = None,
        host: str = "127.0.0.1",
        port: int = 0,
        clock: Clock | None = None,
    ) -> None:
        super().__init__(source, faults)
        self.stats = DhusStats()
        self.users = tuple(users)
        self._settings = settings or DhusSettings()
        self._base = self._settings.base_path.rstrip("/")
        self._clock = clock or SystemClock()
        self._ssl_context = ssl_context
        self._host = host
        self._port = port
        self._listener: Listener | None = None
        self._state: DhusState | None = None

    async def __aenter__(self) -> Self:
        catalogue = await self._opened()
        accounts = Accounts(self.users, self._clock, self.stats)
        self._state = DhusState(
            catalogue, accounts, self.faults, self._settings, self.stats, self._clock
        )
        self._state.go_down = self._go_down_soon
        await self.come_up()
        return self

    async def come_up(self) -> None:
        """Listen, on the same port as before."""
        if self._listener is not None:
            return
        self._listener = await Listener.start(
            self._application(),
            (self._host, self._port),
            ssl_context=self._ssl_context,
            longest_line=_LONGEST_LINE,
        )
        self._port = self._listener.port
        self._live.root = self.url

    async def go_down(self) -> None:
        """Break every connection and refuse new ones."""
        listener, self._listener = self._listener, None
        if listener is not None:
            await listener.vanish()

    @property
    def url(self) -> str:
        """Root of the hub, without a trailing slash, e.g. ``http://127.0.0.1:4711/dhus``."""
        return f"{self._origin}{self._base}"

    @property
    def stats_url(self) -> str:
        """Where the counters can be read as JSON."""
        return f"{self._origin}/_hub/stats"

    @property
    def catalogue(self) -> Catalogue:
        """What the hub serves."""
        return self._live.catalogue

    @property
    def state(self) -> DhusState:
        """Orders and search documents."""
        return self._live

    @property
    def settings(self) -> DhusSettings:
        """How the hub behaves; replace it at any time."""
        return self._live.settings

    @settings.setter
    def settings(self, settings: DhusSettings) -> None:
        self._live.settings = settings

    def environment(self) -> dict[str, str]:
        """Environment variables that name this hub, as clients of such hubs know them."""
        return {
            "DHUS_URL": self.url,
            "DHUS_USER": self.users[0].name,
            "DHUS_PASSWORD": self.users[0].password,
        }

    @property
    def _live(self) -> DhusState:
        if self._state is None:
            raise RuntimeError("the hub was not started")
        return self._state

    @property
    def _origin(self) -> str:
        return origin(self._host, self._port, encrypted=self._ssl_context is not None)

    def _application(self) -> web.Application:
        application = web.Application(client_max_size=16 << 20)
        add, base = application.router.add_route, self._base
        search = answering(self._search(SearchService(self._live)), self.stats)
        for path in ("search", "search/"):
            add("GET", f"{base}/{path}", search)
            add("POST", f"{base}/{path}", search)
        odata = answering(self._odata(ODataService(self._live)), self.stats)
        add("*", f"{base}/odata/v1{{path:(?:/.*)?}}", odata)
        add("GET", f"{base}/api/stub/version", answering(self._version, self.stats))
        add("GET", "/_hub/stats", self._show_stats)
        add("POST", "/_hub/faults", self._take_faults)
        add("*", "/{path:.*}", answering(_not_found, self.stats))
        return application

    def _search(self, service: SearchService) -> Handler:
        async def search(request: web.Request) -> web.StreamResponse:
            self._admitted(request, f"{self.settings.long_name} Search")
            return await service.handle(request)

        return search

    def _odata(self, service: ODataService) -> Handler:
        async def odata(request: web.Request) -> web.StreamResponse:
            return await service.handle(request, self._admitted(request, "OData service"))

        return odata

    async def _version(self, request: web.Request) -> web.StreamResponse:
        await self._live.begin(Kind.STUB)
        settings = self.settings
        if settings.version_access is Stub.MISSING:
            return plain(tomcat_page(404, request.path))
        if settings.version_access is Stub.LOCKED:
            self._admitted(request, f"{settings.long_name} Stub")
        body = msgspec.json.encode({"value": settings.version})
        return web.Response(body=body, content_type="text/html")

    def _admitted(self, request: web.Request, realm: str) -> User:
        """Who sends the request.

        Raises:
            EarlyAnswer: It is nobody, may not, or used up the metered searches.
        """
        state, settings = self._live, self.settings
        if len(request.raw_path) > settings.most_url_characters:
            raise EarlyAnswer(plain(tomcat_page(414, "Request-URI Too Long")))
        user = state.accounts.user(request)
        if user is None:
            self.stats.refused_logins += 1
            raise EarlyAnswer(plain(unauthorised(realm)))
        if user.incomplete:
            raise EarlyAnswer(plain(tomcat_page(403, "Access is denied")))
        metering = settings.generation in (Generation.V2, Generation.V3)
        if metering and not state.accounts.metered(user, request.raw_path, settings):
            raise EarlyAnswer(plain(processing_quota(settings.metered_searches or 0)))
        return user

    async def _show_stats(self, _: web.Request) -> web.Response:
        return web.Response(body=msgspec.json.encode(self.stats), content_type="application/json")


async def _not_found(request: web.Request) -> web.StreamResponse:
    return plain(tomcat_page(404, request.path))
