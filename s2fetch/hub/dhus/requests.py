"""Small requests to a hub, which wants an account for each of them."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from functools import partial
from typing import TypeVar

from yarl import URL

from s2fetch.account.account import Account
from s2fetch.errors import (
    AccountError,
    CatalogueError,
    HubBusyError,
    ProductGoneError,
    QueryError,
    TokenRefusedError,
)
from s2fetch.hub.dhus.answers import parse_feed
from s2fetch.hub.dhus.causes import Cause, Said, read_said
from s2fetch.hub.dhus.refusals import pause_of
from s2fetch.hub.http import READ_ATTEMPTS, REDIRECTS, HttpClient
from s2fetch.hub.reply import Reply
from s2fetch.retry import Transient

T = TypeVar("T")

Accounts = Callable[[], Awaitable[Sequence[Account]]]
"""Where the accounts come from, which are looked up when they are first needed."""

CHECK_ATTEMPTS = 3
"""How often a login is tried against a hub that answers badly."""


def scheme(token: str) -> str:
    """The value of ``Authorization`` (RFC 7617)."""
    return f"Basic {token}"


class Requests:
    """Asks with the first account that has not been refused.

    Args:
        client: The run's HTTP client.
        url: Root of the hub.
        accounts: Whose credentials there are.
    """

    def __init__(self, client: HttpClient, url: str, accounts: Accounts) -> None:
        self._client = client
        self._url = url
        self._accounts = accounts

    async def read(
        self, url: str, parse: Callable[[bytes], T], *, attempts: int = READ_ATTEMPTS
    ) -> T:
        """Read a whole small answer and parse it; see `HttpClient.read`.

        Raises:
            AccountError: If every account is refused.
            QueryError: If the hub does not understand the query.
            ProductGoneError: If it says that there is no such product.
            CatalogueError, HubDownError: If it cannot be read.
        """
        while True:
            account, token = await self._usable_account()
            try:
                return await ask(self._client, self._url, url, token, parse, attempts=attempts)
            except TokenRefusedError:
                account.tokens.refuse(token)

    async def _usable_account(self) -> tuple[Account, str]:
        refused: AccountError | None = None
        for account in await self._accounts():
            try:
                return account, await account.tokens.get()
            except AccountError as error:
                refused = refused or error
        raise refused or AccountError("there is no account to ask the hub with")


async def ask(
    client: HttpClient,
    hub: str,
    url: str,
    token: str,
    parse: Callable[[bytes], T],
    *,
    attempts: int = READ_ATTEMPTS,
) -> T:
    """One small request with one account's token.

    Raises:
        TokenRefusedError: If the hub refuses it; everything else as `Requests.read`.
    """

    def judge(reply: Reply) -> Exception | None:
        return _judged(reply, hub)

    return await client.read(
        "GET",
        url,
        parse,
        refusal=lambda status, _: CatalogueError(f"{URL(hub).authority} answered {status}"),
        attempts=attempts,
        authorization=scheme(token),
        judge=judge,
    )


async def check_login(client: HttpClient, hub: str, token: str) -> None:
    """Make a cheap request that needs an account.

    Raises:
        TokenRefusedError: If user and password are refused.
        HubError: If the hub cannot be asked.
    """
    url = f"{hub}/search?q=*&rows=0&format=json"
    await ask(client, hub, url, token, partial(parse_feed, collection=""), attempts=CHECK_ATTEMPTS)


def _judged(reply: Reply, hub: str) -> Exception | None:
    """What a hub's words in a small answer mean; None leaves it to the status."""
    host = URL(hub).authority
    said = read_said(reply)
    if reply.status == 200:
        return _page(said) if said.is_page else None
    if reply.status == 401:
        return TokenRefusedError(f"{host} refused user and password: {said}")
    if reply.status in REDIRECTS:
        return CatalogueError(
            f"{host} sends us elsewhere "
            f"({reply.status} to {reply.headers.get('Location', 'nowhere')[:200]})",
            advice="Set url to the hub's new place, without what follows its root",
        )
    if said.cause is Cause.TOO_LONG or reply.status in (413, 414):
        return QueryError(
            f"the query is too long for {host}",
            advice="Give an area with fewer corners, or less of everything at a time",
        )
    if said.cause is Cause.SYNTAX:
        return QueryError(
            f"{host} does not understand the query: {said}",
            advice='Check what --query and --where say; "sync --dry-run" shows the query sent',
        )
    if said.cause is Cause.UNKNOWN_PRODUCT:
        return ProductGoneError(f"{host} has no such product: {said}")
    if said.cause is Cause.PROCESSING:
        return HubBusyError(str(said), retry_after=pause_of(said))
    if said.cause is Cause.MAINTENANCE or (said.is_page and reply.status in (502, 503, 504)):
        return _page(said)
    if reply.status == 403 or said.cause is Cause.PERMISSION:
        return CatalogueError(
            f"{host} does not let the account search: {said}",
            advice="Log in with a browser and see whether the account is complete",
        )
    return _by_status(reply.status, said, host)


def _page(said: Said) -> HubBusyError:
    return HubBusyError(f"with a page for people, as hubs do that are maintained: {said}")


def _by_status(status: int, said: Said, host: str) -> Exception | None:
    if status == 400:
        return QueryError(
            f"{host} does not accept the query: {said}",
            advice='"sync --dry-run" shows the query sent',
        )
    if status == 404:
        return Transient(f"status 404, which may mean that the url {host} has another root")
    if status >= 500 and status != 503:
        return Transient(f"status {said}")
    return None
