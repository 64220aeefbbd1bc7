"""A hub that runs the Data Hub Software: the catalogue, downloads and retrievals together.

Source: the software's published code, its long-term archive's user guide, and recorded answers of
hubs of every generation.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager

import aiohttp

from s2fetch.clock import Clock
from s2fetch.errors import (
    ConnectionLostError,
    HubAnswerError,
    HubBusyError,
    RedirectError,
    TokenRefusedError,
)
from s2fetch.events import EventBus
from s2fetch.hub.base import Body, RetrievalAnswer, Validator
from s2fetch.hub.body import ERROR_BODY_BYTES, HttpBody, error_body
from s2fetch.hub.dhus.catalogue import DhusCatalogue
from s2fetch.hub.dhus.causes import Cause, Said, read_said
from s2fetch.hub.dhus.metadata import product_url
from s2fetch.hub.dhus.refusals import (
    download_error,
    is_about_account,
    is_about_retrievals,
    means_wait,
    pause_of,
)
from s2fetch.hub.dhus.requests import Accounts, Requests, scheme
from s2fetch.hub.gate import HostGate
from s2fetch.hub.http import HttpClient
from s2fetch.hub.reply import Reply
from s2fetch.product import Product

DOWNLOADS = "downloads"
"""Search and downloads are of one host here, and one may work while the other does not."""
PROBE_RANGE = "bytes=0-1"
"""Two bytes: nothing big starts, and the software breaks over a range that it takes for empty."""
_MESSAGE_TYPES = frozenset({"text/html", "application/xml", "text/xml", "application/json"})


class DhusHub(DhusCatalogue):
    """A hub that runs the Data Hub Software; see `hub.base.Hub`.

    Args:
        client: The run's HTTP client.
        url: Root of the hub.
        accounts: Whose credentials its catalogue is asked with.
        clock: Where the time comes from.
        events: Who is told about counts.
    """

    def __init__(
        self, client: HttpClient, *, url: str, accounts: Accounts, clock: Clock, events: EventBus
    ) -> None:
        super().__init__(Requests(client, url, accounts), url, clock=clock, events=events)
        self._client = client

    def url_of(self, product: Product) -> str:
        """Where a product is downloaded from; getting it needs an account of the hub."""
        return f"{product_url(self.url, product.id)}/$value"

    async def wait_until_ready(self, account: str = "") -> None:
        """See `Hub.wait_until_ready`."""
        await self._gate.wait(account)

    def is_paused(self, account: str = "") -> bool:
        """See `Hub.is_paused`."""
        return self._gate.is_paused(account)

    @property
    def successes(self) -> int:
        """See `Hub.successes`."""
        return self._gate.successes

    @property
    def _gate(self) -> HostGate:
        return self._client.gate(self.url, DOWNLOADS)

    @asynccontextmanager
    async def open(
        self, product: Product, *, offset: int, validator: Validator, token: str, account: str
    ) -> AsyncIterator[Body]:
        """See `Hub.open`. The hub compares ``If-Range`` with its unquoted entity tag as it is."""
        headers = {}
        if offset:
            headers["Range"] = f"bytes={offset}-"
            if validator.for_if_range:
                headers["If-Range"] = validator.for_if_range
        async with self._value(product, headers, token) as answer:
            if answer.status not in (200, 206) or _is_message(answer, product):
                said = await _said(answer)
                raise self._refusal(answer, said, product, account, ranged=offset > 0)
            body = HttpBody(answer, product.name)
            if body.validator.etag == product.id:
                # Of a product without a checksum the tag is its identifier, in every version.
                body.validator = Validator(last_modified=body.validator.last_modified)
            self._gate.up(account)
            with self._gate.serving():
                yield body

    async def request_retrieval(
        self, product: Product, *, token: str, account: str
    ) -> tuple[RetrievalAnswer, str]:
        """See `Hub.request_retrieval`. Only a GET orders; repeating it orders nothing more."""
        async with self._value(product, {"Range": PROBE_RANGE}, token) as answer:
            if answer.status in (200, 206) and not _is_message(answer, product):
                self._gate.up(account)
                return RetrievalAnswer.ONLINE, str(answer.status)
            if answer.status == 202:
                self._gate.up(account)
                return RetrievalAnswer.ACCEPTED, "202"
            said = await _said(answer)
            if is_about_retrievals(said):
                return RetrievalAnswer.QUOTA, str(said)
            if means_wait(said) or answer.status == 401:
                raise self._refusal(answer, said, product, account, ranged=False)
            if answer.status >= 500 and said.cause is Cause.OTHER:
                return RetrievalAnswer.LATER, str(said)
            return RetrievalAnswer.REFUSED, str(said)

    @asynccontextmanager
    async def _value(
        self, product: Product, headers: Mapping[str, str], token: str
    ) -> AsyncIterator[aiohttp.ClientResponse]:
        url = self.url_of(product)
        sent = {"Accept-Encoding": "identity", **headers}
        answered = False
        try:
            async with self._client.open(url, headers=sent, authorization=scheme(token)) as answer:
                answered = True
                self._gate.answered()
                yield answer
        except ConnectionLostError as error:
            if answered:
                raise
            self._gate.down(error.what)
            raise HubBusyError(error.what) from error
        except (RedirectError, HubAnswerError) as error:
            error.product = product.name
            raise

    def _refusal(
        self,
        answer: aiohttp.ClientResponse,
        said: Said,
        product: Product,
        account: str,
        *,
        ranged: bool,
    ) -> Exception:
        if means_wait(said):
            account_only = is_about_account(said)
            busy = self._client.busy_error(answer, str(said), account_only=account_only)
            if busy.retry_after is None:
                busy.retry_after = pause_of(said)
            self._gate.busy(busy, account)
            return busy
        error = download_error(said, product.name, ranged=ranged)
        if said.status < 500 and not isinstance(error, TokenRefusedError):
            self._gate.up(account)
        return error


def _is_message(answer: aiohttp.ClientResponse, product: Product) -> bool:
    """Whether what came with a status of success is a message and no product.

    The oldest generation sent its refusals so, and so do maintenance pages.
    """
    if answer.content_type.lower() not in _MESSAGE_TYPES or answer.status != 200:
        return False
    length = answer.content_length
    is_small = length is None or length <= ERROR_BODY_BYTES
    is_text_itself = product.name.lower().endswith((".eof", ".xml", ".json"))
    return is_small and length != product.size and not is_text_itself


async def _said(answer: aiohttp.ClientResponse) -> Said:
    """What a refusal says."""
    return read_said(Reply(answer.status, answer.headers, await error_body(answer)))
