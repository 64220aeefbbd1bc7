"""What the daemon starts: the server, from binding to its end."""

from __future__ import annotations

import logging
import os
import ssl
from collections.abc import Callable, Iterator, Mapping
from contextlib import AsyncExitStack, contextmanager
from typing import Any, Self

import anyio.to_thread
import msgspec
from aiohttp import web

from s2fetch.clock import Clock, SystemClock
from s2fetch.daemon.controls import Controls
from s2fetch.daemon.http.guard import MOST_BODY_BYTES, Guard, Handler, add_headers
from s2fetch.daemon.http.listening import Connections, listen
from s2fetch.daemon.http.pages import Page
from s2fetch.daemon.http.routes import Route, ask_of
from s2fetch.daemon.http.settings import HttpSettings, Tokens, read_tokens
from s2fetch.daemon.http.tls import load_certificate, server_context
from s2fetch.errors import UsageError

_SHUTDOWN_SECONDS = 2.0
_IDLE_SECONDS = 75.0
_LINGER_SECONDS = 1.0
"""How long a body that nobody asked for is read after its answer, so that the answer is read."""


class HttpFace:
    """Health, metrics, API and page of a running daemon.

    Use it as an async context manager: it listens inside the block, and ends every connection
    within seconds when the block ends.

    Args:
        controls: The daemon.
        settings: Where to listen and whom to answer.
        clock: Times of the messages in the event stream.
        environ: Tells where the service manager puts secrets; the process's own when not given.

    Raises:
        UsageError: On entering: the settings would let strangers in, a file cannot be used, the
            address is taken, or the extra ``daemon`` is not installed.
    """

    def __init__(
        self,
        controls: Controls,
        settings: HttpSettings,
        *,
        clock: Clock | None = None,
        environ: Mapping[str, str] | None = None,
    ) -> None:
        self._controls = controls
        self._settings = settings
        self._clock = clock or SystemClock()
        self._environ = os.environ if environ is None else environ
        self._stack = AsyncExitStack()
        self._address: tuple[str, int] | None = None
        self._tls: ssl.SSLContext | None = None
        self._guard = Guard(settings, Tokens())
        self._end_streams: Callable[[], None] = lambda: None

    async def __aenter__(self) -> Self:
        with _did("The HTTP face was not started"):
            self._settings.check()
            tokens, self._tls, page = await anyio.to_thread.run_sync(self._read_files)
        async with AsyncExitStack() as stack:
            self._guard.renew(tokens)
            application = self._application(page, stack)
            await self._listen(application, stack)
            self._stack = stack.pop_all()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._stack.aclose()

    async def reload(self) -> None:
        """Read tokens and certificate again; what was there stays in force if they are of no use.

        Streams end when a token changed, and their clients have to show the new one.

        Raises:
            UsageError: A file cannot be used.
        """
        settings = self._settings
        with _did("The HTTP face goes on with its tokens and certificate of before"):
            tokens = await anyio.to_thread.run_sync(read_tokens, settings, self._environ)
            if self._tls is not None and settings.certificate and settings.key:
                files = settings.certificate, settings.key, self._environ
                await anyio.to_thread.run_sync(server_context, settings, self._environ)
                await anyio.to_thread.run_sync(load_certificate, self._tls, *files)
        if self._guard.renew(tokens):
            self._end_streams()

    @property
    def url(self) -> str:
        """Root of the face, without a slash at its end.

        Raises:
            RuntimeError: It does not listen.
        """
        if self._address is None:
            raise RuntimeError("the HTTP face was not started")
        host, port = self._address
        return f"{self._settings.scheme}://{f'[{host}]' if ':' in host else host}:{port}"

    def _read_files(self) -> tuple[Tokens, ssl.SSLContext | None, Page]:
        settings, environ = self._settings, self._environ
        return read_tokens(settings, environ), server_context(settings, environ), Page()

    def _application(self, page: Page, stack: AsyncExitStack) -> web.Application:
        try:
            from s2fetch.daemon.http.api import Api, routes
            from s2fetch.daemon.http.metrics import Metrics
            from s2fetch.daemon.http.stream import EventStream
            from s2fetch.daemon.http.tally import Tally
        except ModuleNotFoundError as error:
            raise UsageError(
                f"the HTTP face needs the library {error.name}",
                did="It was not started",
                advice="Run: pip install 's2fetch[daemon]'",
            ) from None
        tally = Tally()
        stack.callback(self._controls.events.subscribe(tally))
        stream = EventStream(self._controls, self._settings, self._clock)
        stack.callback(stream.close)
        self._end_streams = stream.end_all
        metrics = Metrics(self._controls.state, tally)
        api = Api(self._controls, self._settings, self._guard, stream, metrics)

        application = web.Application(
            middlewares=[self._guard.middleware], client_max_size=MOST_BODY_BYTES
        )
        application.on_response_prepare.append(add_headers)
        application.on_shutdown.append(_ending(stream.end_all))
        for route in routes(api):
            application.router.add_route(route.method, route.path, self._answering(route))
        for path in page.paths:
            application.router.add_get(path, page.serve)
        return application

    def _answering(self, route: Route) -> Handler:
        async def answer(request: web.Request) -> web.StreamResponse:
            self._guard.admit(request, route.need)
            value = await route.handler(ask_of(request, route))
            if isinstance(value, web.StreamResponse):
                return value
            return web.Response(
                status=route.status(value),
                body=msgspec.json.encode(value),
                content_type=route.content,
            )

        return answer

    async def _listen(self, application: web.Application, stack: AsyncExitStack) -> None:
        settings = self._settings
        runner = web.AppRunner(
            application,
            access_log=None,
            logger=_of_protocol(),
            keepalive_timeout=_IDLE_SECONDS,
            lingering_time=_LINGER_SECONDS,
            shutdown_timeout=_SHUTDOWN_SECONDS,
        )
        connections = Connections(settings.connections, tls=self._tls is not None)
        where = settings.host, settings.port, connections
        try:
            listening = await anyio.to_thread.run_sync(listen, *where)
            for each in listening:
                stack.callback(each.close)
            await runner.setup()
            stack.push_async_callback(runner.cleanup)
            for each in listening:
                await web.SockSite(runner, each, ssl_context=self._tls).start()
        except OSError as error:
            raise UsageError(
                f"cannot listen on {settings.host} port {settings.port}: {error.strerror or error}",
                did="The HTTP face was not started",
                advice="End what uses the port, or set another one",
            ) from None
        self._address = _first_address(runner.addresses)
        if not settings.on_loopback and self._tls is None:
            logging.getLogger("s2fetch").warning(
                "the HTTP face on %s is not encrypted, so its tokens can be read on the way; "
                "set certificate and key, or put it behind a proxy that encrypts",
                self.url,
            )


@contextmanager
def _did(did: str) -> Iterator[None]:
    """Say with an error what the face did about it, which what reads its files cannot know."""
    try:
        yield
    except UsageError as error:
        error.did = did
        raise


def _of_protocol() -> logging.Logger:
    """Where the server library writes to: bytes that are no HTTP are not worth a traceback each.

    What goes wrong in an answer is logged by the guard.
    """
    logger = logging.getLogger("s2fetch.http.protocol")
    logger.setLevel(logging.CRITICAL)
    return logger


def _first_address(addresses: list[Any]) -> tuple[str, int]:
    host, port = addresses[0][:2]
    return str(host), int(port)


def _ending(end: Callable[[], None]) -> Callable[[web.Application], Any]:
    async def ending(_: web.Application) -> None:
        end()

    return ending
