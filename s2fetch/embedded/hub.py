"""The embedded hub: a Copernicus Data Space in one process, over a folder of products."""

from __future__ import annotations

import ssl
from collections.abc import Iterable
from pathlib import Path
from typing import Self

import msgspec
from aiohttp import web

from s2fetch.clock import Clock, SystemClock
from s2fetch.embedded.catalogue import CatalogueService
from s2fetch.embedded.delivery import deliver_bytes, plain
from s2fetch.embedded.download import DownloadService
from s2fetch.embedded.faults import Fault, Kind
from s2fetch.embedded.folder import FolderCatalogue
from s2fetch.embedded.identity import REALM_PATH, IdentityService, TokenPolicy, User
from s2fetch.embedded.lifecycle import ServedCatalogue
from s2fetch.embedded.listing import Catalogue
from s2fetch.embedded.serving import Listener, origin
from s2fetch.embedded.state import Handler, HubSettings, HubState, answering
from s2fetch.embedded.stats import Stats
from s2fetch.embedded.subscriptions import SubscriptionService

DEFAULT_USER = User(name="demo@example.org", password="demo")  # noqa: S106 - for loopback only
_OPENID = f"{REALM_PATH}/protocol/openid-connect"


class EmbeddedHub(ServedCatalogue):
    """Serves a folder, or any catalogue, from two ports: catalogue with identity, and download.

    Use it as an async context manager. Catalogue, accounts, faults and counters outlive
    `go_down`, so that the same hub can come back.

    Args:
        source: A folder of products, or a catalogue.
        users: Accounts; by default one, `DEFAULT_USER`.
        settings: How the hub behaves; `hub.settings` may be replaced while it runs.
        tokens: Lifetimes and limits of tokens and sessions.
        faults: What goes wrong; `hub.faults` takes more while it runs.
        ssl_context: Serve HTTPS with this certificate.
        host: Address to listen on.
        catalogue_port: Port of the catalogue; 0 for any.
        download_port: Port of the download host; 0 for any.
        clock: Where tokens, retrievals and dates take time from.

    Raises:
        OSError: On entering: the folder cannot be read or a port is taken.
    """

    def __init__(
        self,
        source: Path | Catalogue,
        *,
        users: Iterable[User] = (DEFAULT_USER,),
        settings: HubSettings | None = None,
        tokens: TokenPolicy | None = None,
        faults: Iterable[Fault] = (),
        ssl_context: ssl.SSLContext | None = None,
        host: str = "127.0.0.1",
        catalogue_port: int = 0,
        download_port: int = 0,
        clock: Clock | None = None,
    ) -> None:
        super().__init__(source, faults)
        self.stats = Stats()
        self.users = tuple(users)
        self._settings = settings or HubSettings()
        self._clock = clock or SystemClock()
        policy = tokens or TokenPolicy()
        self.identity = IdentityService(self.users, self._clock, self.stats, policy)
        self._ssl_context = ssl_context
        self._host = host
        self._ports = [catalogue_port, download_port]
        self._listeners: list[Listener] = []
        self._state: HubState | None = None
        self._subscriptions: SubscriptionService | None = None

    async def __aenter__(self) -> Self:
        catalogue = await self._opened()
        self._state = HubState(
            catalogue, self.identity, self.faults, self._settings, self.stats, self._clock
        )
        self._state.go_down = self._go_down_soon
        self._subscriptions = SubscriptionService(self._state)
        if isinstance(catalogue, FolderCatalogue):
            catalogue.watch(self._subscriptions.publish)
        await self.come_up()
        return self

    async def come_up(self) -> None:
        """Listen, on the same ports as before."""
        if self._listeners:
            return
        state = self._live
        applications = (self._catalogue_application(), self._download_application())
        try:
            for application, port in zip(applications, self._ports, strict=True):
                self._listeners.append(
                    await Listener.start(
                        application, (self._host, port), ssl_context=self._ssl_context
                    )
                )
        except OSError:
            await self.go_down()
            raise
        self._ports = [listener.port for listener in self._listeners]
        state.catalogue_origin, state.download_origin = map(self._origin, self._ports)
        self.identity.issuer = f"{state.catalogue_origin}{REALM_PATH}"

    async def go_down(self) -> None:
        """Break every connection and refuse new ones."""
        listeners, self._listeners = self._listeners, []
        for listener in listeners:
            await listener.vanish()

    @property
    def subscriptions(self) -> SubscriptionService:
        """Who is told what is new; only inside the context.

        Raises:
            RuntimeError: Outside.
        """
        if self._subscriptions is None:
            raise RuntimeError("EmbeddedHub is used outside its context")
        return self._subscriptions

    @property
    def catalogue_url(self) -> str:
        """Root of the catalogue, ``…/odata/v1``."""
        return f"{self._live.catalogue_origin}/odata/v1"

    @property
    def download_url(self) -> str:
        """Root of the download host, ``…/odata/v1``."""
        return f"{self._live.download_origin}/odata/v1"

    @property
    def token_url(self) -> str:
        """The token endpoint."""
        return f"{self._live.catalogue_origin}{_OPENID}/token"

    @property
    def logout_url(self) -> str:
        """The logout endpoint."""
        return f"{self._live.catalogue_origin}{_OPENID}/logout"

    @property
    def stats_url(self) -> str:
        """Where the counters can be read as JSON."""
        return f"{self._live.catalogue_origin}/_hub/stats"

    @property
    def catalogue(self) -> Catalogue:
        """What the hub serves."""
        return self._live.catalogue

    @property
    def settings(self) -> HubSettings:
        """How the hub behaves; replace it at any time."""
        return self._live.settings

    @settings.setter
    def settings(self, settings: HubSettings) -> None:
        self._live.settings = settings

    def environment(self) -> dict[str, str]:
        """Environment variables with which the command ``s2fetch`` uses this hub."""
        return {
            "S2FETCH_CATALOGUE_URL": self.catalogue_url,
            "S2FETCH_DOWNLOAD_URL": self.download_url,
            "S2FETCH_TOKEN_URL": self.token_url,
            "S2FETCH_USER": self.users[0].name,
            "S2FETCH_PASSWORD": self.users[0].password,
        }

    @property
    def _live(self) -> HubState:
        if self._state is None:
            raise RuntimeError("the hub was not started")
        return self._state

    def _origin(self, port: int) -> str:
        return origin(self._host, port, encrypted=self._ssl_context is not None)

    def _catalogue_application(self) -> web.Application:
        service = CatalogueService(self._live, self.subscriptions)
        application = self._application(service.handle)
        add = application.router.add_route
        add("POST", f"{_OPENID}/token", self._counted(self._token))
        add("POST", f"{_OPENID}/logout", self._counted(self._logout))
        add("GET", f"{REALM_PATH}/.well-known/openid-configuration", self._discovery)
        add("GET", "/_hub/stats", self._show_stats)
        add("POST", "/_hub/faults", self._take_faults)
        return application

    def _download_application(self) -> web.Application:
        return self._application(DownloadService(self._live).handle)

    def _application(self, handler: Handler) -> web.Application:
        application = web.Application(client_max_size=16 << 20)
        application.router.add_route("*", "/odata/v1/{path:.*}", self._counted(handler))
        return application

    def _counted(self, handler: Handler) -> Handler:
        return answering(handler, self.stats)

    async def _token(self, request: web.Request) -> web.StreamResponse:
        effects = await self._live.begin(Kind.TOKEN)
        answer = self.identity.token(await _form(request))
        if answer.status != 200:
            return plain(answer)
        return await deliver_bytes(request, answer.body.encode(), effects)

    async def _logout(self, request: web.Request) -> web.StreamResponse:
        await self._live.begin(Kind.LOGOUT)
        return plain(self.identity.logout(await _form(request)))

    async def _discovery(self, _: web.Request) -> web.Response:
        realm = self.identity.issuer
        endpoints = {"token_endpoint": "token", "end_session_endpoint": "logout"}
        found = {
            name: f"{realm}/protocol/openid-connect/{path}" for name, path in endpoints.items()
        }
        body = {"issuer": realm, "grant_types_supported": ["password", "refresh_token"]} | found
        return web.Response(body=msgspec.json.encode(body), content_type="application/json")

    async def _show_stats(self, _: web.Request) -> web.Response:
        body = msgspec.to_builtins(self.stats) | {"open_sessions": self.identity.open_sessions}
        return web.Response(body=msgspec.json.encode(body), content_type="application/json")


async def _form(request: web.Request) -> dict[str, str]:
    return {key: value for key, value in (await request.post()).items() if isinstance(value, str)}
