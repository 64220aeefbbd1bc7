"""The Copernicus Data Space Ecosystem: OData catalogue and download service.

Source: Copernicus Data Space documentation, OData; error codes as the download service sends them.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from urllib.parse import quote

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
from s2fetch.hub.body import HttpBody, error_body
from s2fetch.hub.catalogue import CdseCatalogue
from s2fetch.hub.http import HttpClient
from s2fetch.hub.refusals import Refusal, download_refusal, read_refusal
from s2fetch.product import Product


class CdseHub(CdseCatalogue):
    """The Copernicus Data Space, or any hub that speaks its protocol; see `hub.base.Hub`.

    Args:
        client: The run's HTTP client.
        catalogue_url: Base of the OData catalogue, ``…/odata/v1``.
        download_url: Base of the download service, ``…/odata/v1``.
        clock: Where the time comes from.
        events: Who is told about counts.
    """

    def __init__(
        self,
        client: HttpClient,
        *,
        catalogue_url: str,
        download_url: str,
        clock: Clock,
        events: EventBus,
    ) -> None:
        super().__init__(client, catalogue_url, clock=clock, events=events)
        self._download_url = download_url

    def url_of(self, product: Product) -> str:
        """See `Hub.url_of`."""
        return f"{self._download_url}/Products({quote(product.id, safe='')})/$value"

    async def wait_until_ready(self, account: str = "") -> None:
        """See `Hub.wait_until_ready`."""
        await self._client.gate(self._download_url).wait(account)

    def is_paused(self, account: str = "") -> bool:
        """See `Hub.is_paused`."""
        return self._client.gate(self._download_url).is_paused(account)

    @property
    def successes(self) -> int:
        """See `Hub.successes`."""
        return self._client.gate(self._download_url).successes

    @asynccontextmanager
    async def open(
        self, product: Product, *, offset: int, validator: Validator, token: str, account: str
    ) -> AsyncIterator[Body]:
        """See `Hub.open`."""
        headers = {"Accept-Encoding": "identity"}
        if offset:
            headers["Range"] = f"bytes={offset}-"
            if validator.for_if_range:
                headers["If-Range"] = validator.for_if_range
        async with self._value(product, headers, token) as answer:
            if answer.status not in (200, 206):
                said = await self._said(answer)
                raise self._refusal(answer, said, product, account, ranged=offset > 0)
            body = HttpBody(answer, product.name)
            gate = self._client.gate(self._download_url)
            gate.up(account)
            with gate.serving():
                yield body

    async def request_retrieval(
        self, product: Product, *, token: str, account: str
    ) -> tuple[RetrievalAnswer, str]:
        """See `Hub.request_retrieval`.

        The product is asked for by one byte, so that nothing big starts should it be online. The
        service answers 202 when it takes the order; what else it may say is not documented, and
        means that the product has to be waited for. A 429 that names no time and is not about the
        account's downloads is taken for the quota on orders.
        """
        headers = {"Accept-Encoding": "identity", "Range": "bytes=0-0"}
        gate = self._client.gate(self._download_url)
        async with self._value(product, headers, token) as answer:
            if answer.status in (200, 206):
                gate.up(account)
                return RetrievalAnswer.ONLINE, str(answer.status)
            if answer.status == 202:
                gate.up(account)
                return RetrievalAnswer.ACCEPTED, "202"
            said = await self._said(answer)
            plain_429 = answer.status == 429 and "Retry-After" not in answer.headers
            if said.about_quota or (plain_429 and not said.about_account):
                return RetrievalAnswer.QUOTA, str(said)
            if said.means_wait or said.about_token:
                raise self._refusal(answer, said, product, account, ranged=False)
            if answer.status >= 500:
                return RetrievalAnswer.LATER, str(said)
            return RetrievalAnswer.REFUSED, str(said)

    @asynccontextmanager
    async def _value(
        self, product: Product, headers: dict[str, str], token: str
    ) -> AsyncIterator[aiohttp.ClientResponse]:
        gate = self._client.gate(self._download_url)
        url = self.url_of(product)
        answered = False
        try:
            async with self._client.open(
                url, headers=headers, authorization=f"Bearer {token}"
            ) as answer:
                answered = True
                gate.answered()
                yield answer
        except ConnectionLostError as error:
            if answered:
                raise
            gate.down(error.what)
            raise HubBusyError(error.what) from error
        except (RedirectError, HubAnswerError) as error:
            error.product = product.name
            raise

    async def _said(self, answer: aiohttp.ClientResponse) -> Refusal:
        return read_refusal(answer.status, await error_body(answer))

    def _refusal(
        self,
        answer: aiohttp.ClientResponse,
        said: Refusal,
        product: Product,
        account: str,
        *,
        ranged: bool,
    ) -> Exception:
        gate = self._client.gate(self._download_url)
        if said.means_wait:
            busy = self._client.busy_error(answer, str(said), account_only=said.about_account)
            gate.busy(busy, account)
            return busy
        error = download_refusal(said, product.name, ranged=ranged)
        if said.status < 500 and not isinstance(error, TokenRefusedError):
            gate.up(account)
        return error
