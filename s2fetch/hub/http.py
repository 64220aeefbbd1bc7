"""HTTP as the hubs need it: one session, gates, redirects by hand, errors translated once."""

from __future__ import annotations

import os
import re
import ssl
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from functools import lru_cache
from types import TracebackType
from typing import Self, TypeVar

import aiohttp
import anyio
from yarl import URL

import s2fetch
from s2fetch.clock import Clock
from s2fetch.errors import (
    CatalogueError,
    ConnectionLostError,
    HubAnswerError,
    HubBusyError,
    RedirectError,
)
from s2fetch.events import EventBus
from s2fetch.hub.gate import HostGate
from s2fetch.hub.refusals import BUSY
from s2fetch.hub.reply import Asked, Judge, Reply, by_status
from s2fetch.network import describe, find_proxy, parse_retry_after, untrusted_certificate
from s2fetch.retry import Transient, repeating

READ_BUFFER_BYTES = 1 << 20
"""High-water mark of a response's buffer; large, because bodies are."""
MOST_REDIRECTS = 5
REDIRECTS = frozenset({301, 302, 303, 307, 308})
READ_ATTEMPTS = 7
"""How often a catalogue page is asked for before the listing is called broken."""
READ_IDLE_SECONDS = 60.0
"""Longest silence inside a catalogue answer."""
READ_LONGEST_SECONDS = 600.0
"""Longest time for all of a catalogue answer."""
_GOOD = frozenset({200, 201})
_ORIGIN = re.compile(r"[^/?#]*//[^/?#]*")

T = TypeVar("T")


def _certificates() -> tuple[str | None, ...]:
    """What OpenSSL's defaults depend on (SSL_CTX_load_verify_locations(3))."""
    return tuple(os.environ.get(name) for name in ("SSL_CERT_FILE", "SSL_CERT_DIR"))


_CERTIFICATES_AT_IMPORT = _certificates()
"""aiohttp reads all certificates when it is imported, which takes longer than most requests."""


class HttpClient:
    """The one HTTP session of a run.

    Args:
        trusts: Whether a URL may be asked with a token: a configured host, and TLS.
        connect_timeout: Seconds for a TCP and TLS connection.
        first_byte_timeout: Seconds from request to response headers.
        give_up_after: Seconds without success after which a host is given up.
        clock: Where the time comes from.
        events: Who is told about waits.
        read_idle_timeout: Longest silence inside a catalogue answer, in seconds.
    """

    def __init__(
        self,
        *,
        trusts: Callable[[str], bool],
        connect_timeout: float,
        first_byte_timeout: float,
        give_up_after: float,
        clock: Clock,
        events: EventBus,
        read_idle_timeout: float = READ_IDLE_SECONDS,
    ) -> None:
        self._trusts = trusts
        self._read_idle_timeout = read_idle_timeout
        self._connect_timeout = connect_timeout
        self._first_byte_timeout = first_byte_timeout
        self._give_up_after = give_up_after
        self._clock = clock
        self._events = events
        self._gates: dict[tuple[str, str], HostGate] = {}
        self._proxies: dict[str, str | None] = {}
        self._trusted: set[str] = set()
        self._session: aiohttp.ClientSession | None = None

    async def __aenter__(self) -> Self:
        context: ssl.SSLContext | bool = True  # the one that aiohttp has made of the defaults
        if _certificates() != _CERTIFICATES_AT_IMPORT:
            context = await anyio.to_thread.run_sync(ssl.create_default_context)
        self._session = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(ssl=context, limit=0),
            timeout=aiohttp.ClientTimeout(total=None, sock_connect=self._connect_timeout),
            headers={"User-Agent": f"s2fetch/{s2fetch.__version__}"},
            read_bufsize=READ_BUFFER_BYTES,
            cookie_jar=aiohttp.DummyCookieJar(),
        )
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._session is not None:
            with anyio.CancelScope(shield=True):
                await self._session.close()

    @property
    def session(self) -> aiohttp.ClientSession:
        """The open session; only inside the context.

        Raises:
            RuntimeError: Outside.
        """
        if self._session is None:
            raise RuntimeError("HttpClient is used outside its context")
        return self._session

    def gate(self, url: str, purpose: str = "") -> HostGate:
        """The gate of that URL's host.

        Args:
            url: Any URL of the host.
            purpose: Where one host does two things, of which one may work while the other does not:
                each has its own gate.
        """
        host = _authority(_origin(url))
        if (host, purpose) not in self._gates:
            self._gates[host, purpose] = HostGate(
                host, clock=self._clock, events=self._events, give_up_after=self._give_up_after
            )
        return self._gates[host, purpose]

    def proxy_for(self, url: str) -> str | None:
        """The proxy the environment names for that URL, or None.

        Raises:
            UsageError: If it is not an HTTP proxy.
        """
        origin = _origin(url)
        if origin not in self._proxies:
            self._proxies[origin] = find_proxy(url)
        return self._proxies[origin]

    def busy_error(
        self, answer: aiohttp.ClientResponse, said: str, *, account_only: bool = False
    ) -> HubBusyError:
        """The error for an answer that means "wait", with its ``Retry-After`` (RFC 9110 10.2.3)."""
        after = parse_retry_after(
            answer.headers.get("Retry-After"), answer.headers.get("Date"), now=self._clock.now()
        )
        return HubBusyError(
            f"{answer.url.host} answered {said}", retry_after=after, account_only=account_only
        )

    async def read(
        self,
        method: str,
        url: str,
        parse: Callable[[bytes], T],
        *,
        refusal: Callable[[int, bytes], Exception],
        json: object = None,
        attempts: int = READ_ATTEMPTS,
        authorization: str = "",
        judge: Judge = by_status,
    ) -> T:
        """Read a whole small answer and parse it; tries again where that can help.

        The catalogue answers good requests with 404, 500 and 503 now and then, and a page can break
        in the middle; giving up is an error, never an empty answer.

        Args:
            method: ``GET`` or ``POST``.
            url: Percent-encoded already.
            parse: Makes a value of the bytes; raises ValueError when they are not whole.
            refusal: Makes the error for a status that is no use retrying (400, 401, 403, 422 …); a
                HubBusyError says that it is, after a pause.
            json: Body of the request.
            attempts: How often to ask.
            authorization: Value of ``Authorization`` (RFC 9110 11.6.2) for hubs whose catalogue
                wants an account; empty for none.
            judge: What the hub's own words mean; is asked first, also about status 200.

        Raises:
            CatalogueError: After the last attempt.
            HubDownError: When the host stays unreachable.
            RedirectError: If the URL may not be asked with an account.
        """
        headers: dict[str, str] = {}
        if authorization:
            self._check_trusted(url)
            headers["Authorization"] = authorization
        asked = Asked(method, url, json, headers, refusal, judge)
        retrying = repeating(attempts=attempts, first=0.5, longest=30.0, sleep=self._clock.sleep)
        try:
            return await retrying(self._read_once, asked, parse)
        except Transient as error:
            raise CatalogueError(
                f"the catalogue {URL(url).authority} could not be read: {error}",
                did=f"Asked {attempts} times",
                advice="Run the same command again; what was fetched is kept",
            ) from error

    async def _read_once(self, asked: Asked, parse: Callable[[bytes], T]) -> T:
        gate = self.gate(asked.url)
        while True:
            await gate.wait()
            try:
                answer = await self._ask(asked.method, asked.url, asked.headers, json=asked.json)
                try:
                    gate.answered()
                    body = await self._whole(answer)
                finally:
                    _let_go(answer)
            except ConnectionLostError as error:
                gate.down(error.what)
                continue
            except HubAnswerError as error:
                gate.answered()
                raise Transient(error.what) from error
            except (aiohttp.ClientError, OSError) as error:
                raise Transient(f"the answer broke off ({describe(error)})") from error
            if (busy := self._trouble(answer, body, asked)) is not None:
                gate.busy(busy)
                continue
            try:
                value = parse(body)
            except (ValueError, RecursionError) as error:
                raise Transient(f"an answer of {len(body)} bytes was broken: {error}") from error
            gate.up()
            return value

    def _trouble(
        self, answer: aiohttp.ClientResponse, body: bytes, asked: Asked
    ) -> HubBusyError | None:
        """Returned when the answer means "wait", None when it is good, raised otherwise."""
        said = asked.judge(Reply(answer.status, answer.headers, body))
        if isinstance(said, HubBusyError):
            busy = self.busy_error(answer, str(said))
            busy.retry_after = said.retry_after if busy.retry_after is None else busy.retry_after
            return busy
        if said is not None:
            raise said
        return None if answer.status in _GOOD else self._no_page(answer, body, asked.refusal)

    def _no_page(
        self,
        answer: aiohttp.ClientResponse,
        body: bytes,
        refusal: Callable[[int, bytes], Exception],
    ) -> HubBusyError:
        """What an answer means that is no page: returned when it is "wait", raised otherwise."""
        status = answer.status
        if status in BUSY:
            return self.busy_error(answer, str(status))
        if status == 404:
            raise Transient("status 404, which may also mean that catalogue-url is wrong")
        if status == 408 or status >= 500:
            raise Transient(f"status {status}")
        if status in REDIRECTS:
            raise CatalogueError(
                f"the catalogue {answer.url.authority} has moved "
                f"({status} to {answer.headers.get('Location', 'nowhere')[:200]})",
                advice="Set catalogue-url to its new place",
            )
        problem = refusal(status, body)
        if isinstance(problem, HubBusyError):
            return problem
        raise problem

    async def _whole(self, answer: aiohttp.ClientResponse) -> bytes:
        parts: list[bytes] = []
        with anyio.fail_after(READ_LONGEST_SECONDS):
            while True:
                with anyio.fail_after(self._read_idle_timeout):
                    data = await answer.content.readany()
                if not data:
                    return b"".join(parts)
                parts.append(data)

    @asynccontextmanager
    async def open(
        self, url: str, *, headers: Mapping[str, str], authorization: str
    ) -> AsyncIterator[aiohttp.ClientResponse]:
        """Send one authorised GET and follow redirects to trusted hosts, with the authorisation.

        The status is for the caller to judge.

        Args:
            url: Percent-encoded already.
            headers: What else to send.
            authorization: Value of ``Authorization``: scheme and credentials (RFC 9110 11.6.2).

        Raises:
            ConnectionLostError: If no answer came.
            HubAnswerError: If the answer is no HTTP that can be read.
            RedirectError: If a redirect leads to a host that is not trusted.
        """
        for _ in range(MOST_REDIRECTS + 1):
            self._check_trusted(url)
            sent = {**headers, "Authorization": authorization}
            answer = await self._ask("GET", url, sent)
            try:
                location = answer.headers.get("Location")
                if answer.status not in REDIRECTS or location is None:
                    yield answer
                    return
                url = _joined(url, location)
            finally:
                _let_go(answer)
        raise RedirectError(
            f"more than {MOST_REDIRECTS} redirects", did="The product is left out of this run"
        )

    def _check_trusted(self, url: str) -> None:
        origin = _origin(url)
        if origin in self._trusted:
            return
        if not self._trusts(url):
            raise RedirectError(
                f"the hub redirects to {URL(url).host}, which is not one of the configured hosts",
                did="The redirect was not followed, so that no token gets there",
                advice="If the host is right, add it to trusted-hosts under [hub]",
            )
        self._trusted.add(origin)

    async def _ask(
        self, method: str, url: str, headers: Mapping[str, str], *, json: object = None
    ) -> aiohttp.ClientResponse:
        """Send a request; whoever gets the answer lets it go, see `_let_go`."""
        request = self.session.request(
            method,
            URL(url, encoded=True),
            headers=headers,
            json=json,
            allow_redirects=False,
            proxy=self.proxy_for(url),
        )
        host = _authority(_origin(url))
        try:
            with anyio.fail_after(self._first_byte_timeout):
                return await request
        except aiohttp.ClientConnectorCertificateError as error:
            raise untrusted_certificate(host, error) from error
        except aiohttp.ClientHttpProxyError as error:
            raise ConnectionLostError(f"{host} cannot be reached: {describe(error)}") from error
        except aiohttp.ClientResponseError as error:
            raise HubAnswerError(
                f"{host} sent an answer that cannot be read: {describe(error)}"
            ) from error
        except (aiohttp.ClientError, OSError) as error:
            raise ConnectionLostError(f"no answer from {host}: {describe(error)}") from error


def _let_go(answer: aiohttp.ClientResponse) -> None:
    # Unread bytes must not be waited for: a body that is not wanted is cut off here.
    if answer.content.at_eof():
        answer.release()
    else:
        answer.close()


def _origin(url: str) -> str:
    """Scheme and authority as written (RFC 3986 3.2); the whole of what has none."""
    found = _ORIGIN.match(url)
    return found[0] if found else url


@lru_cache(maxsize=64)
def _authority(origin: str) -> str:
    return URL(origin).authority


def _joined(url: str, location: str) -> str:
    """Where a redirect leads (RFC 9110 10.2.2).

    Raises:
        RedirectError: If that is no address.
    """
    try:
        return str(URL(url).join(URL(location, encoded="%" in location)))
    except ValueError as error:
        raise RedirectError(
            f"the hub redirects to {location[:200]!r}, which is no address",
            did="The product is left out of this run",
        ) from error
