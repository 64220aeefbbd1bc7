"""What s2fetch needs from a hub, whatever its protocol: a few verbs over plain values."""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator, Sequence
from contextlib import AbstractAsyncContextManager
from datetime import datetime
from enum import StrEnum
from typing import Protocol

import msgspec

from s2fetch.product import Product
from s2fetch.query import Query


class RetrievalAnswer(StrEnum):
    """What a hub said when asked to bring an offline product back."""

    ACCEPTED = "accepted"
    """It will be brought back; poll for it."""
    ONLINE = "online"
    """It can be downloaded already: the catalogue's flag was late."""
    QUOTA = "quota"
    """Not now: the account has asked for too many."""
    LATER = "later"
    """It went wrong, and may have been taken all the same: hubs have answered orders they took by
    500. Poll for it, and ask again before long."""
    REFUSED = "refused"
    """The hub does not do this for this product or this account; poll for it."""


class Deletion(msgspec.Struct, frozen=True):
    """A product that a hub has taken away.

    Attributes:
        id: The hub's identifier.
        name: As it was published.
        deleted: When it was taken away.
        cause: The hub's own words, e.g. ``Duplicated product``; may be empty.
    """

    id: str
    name: str
    deleted: datetime
    cause: str = ""


class Validator(msgspec.Struct, frozen=True):
    """What identifies one version of a body (RFC 9110 8.8).

    Attributes:
        etag: As sent, quotes included; empty when the hub sent none.
        last_modified: As sent; empty when the hub sent none.
    """

    etag: str = ""
    last_modified: str = ""

    @property
    def for_if_range(self) -> str:
        """The value of ``If-Range`` (RFC 9110 13.1.5: strong validators only), or empty."""
        if self.etag and not self.etag.startswith("W/"):
            return self.etag
        return ""

    def contradicts(self, other: Validator) -> bool:
        """Whether both name a version and the versions differ.

        A strong entity tag alone decides: servers of one host may date the same bytes differently.
        """
        if self.etag and other.etag:
            if self.etag != other.etag:
                return True
            if self.for_if_range:
                return False
        both = self.last_modified and other.last_modified
        return bool(both) and self.last_modified != other.last_modified


class Body(Protocol):
    """A download under way.

    Attributes:
        status: 200 for the whole product, 206 for a part of it.
        start: Position of the first byte that `read` returns.
        total: Length of the whole product in bytes, or None when the hub does not say.
        validator: Which version of the product this is.
        content_type: As sent, lower case, without parameters.
    """

    status: int
    start: int
    total: int | None
    validator: Validator
    content_type: str

    async def read(self) -> bytes:
        """The next bytes, as they arrive; empty at the end. Not after `read_into`.

        Raises:
            ConnectionLostError: If the connection breaks.
            BodyCutError: If the body ends before its announced length.
        """

    async def read_into(self, room: memoryview) -> int:
        """Put the next bytes, as they arrive, into memory; returns how many, 0 at the end.

        Args:
            room: Where they go; writable and not empty.

        Raises:
            ConnectionLostError: If the connection breaks.
            BodyCutError: If the body ends before its announced length.
        """


class Hub(Protocol):
    """One remote archive.

    Attributes:
        url: Base of the catalogue, for records and messages.
    """

    url: str

    @property
    def successes(self) -> int:
        """How many requests to the download host were answered properly in this run."""

    def search(
        self, query: Query, *, attributes: bool = False
    ) -> AbstractAsyncContextManager[AsyncIterator[Product]]:
        """All matches in the query's order, complete or an error: ``async with … as products``.

        Args:
            query: What to look for.
            attributes: Whether the products' attributes are wanted; costs bytes.

        Raises:
            QueryError: If the hub does not understand the query.
            CatalogueError: If the listing cannot be read completely.
        """

    async def count(self, query: Query) -> int:
        """How many products match; the query's limit is not applied.

        By one request where the hub can tell itself. Where it cannot (see `area.relation`), all it
        lists is read and tested.

        Raises:
            QueryError: If the hub does not understand the query.
            HubError: If it cannot be asked, or gives no count.
        """

    async def explain_empty(self, query: Query) -> str:
        """Why a query without any match may be a mistake, or an empty text.

        Raises:
            HubError: If the hub cannot be asked.
        """

    def deletions(self, collection: str, since: datetime) -> AsyncGenerator[Deletion]:
        """What the hub has taken away since then, oldest first, complete or an error.

        Args:
            collection: Of this collection only; all when empty.
            since: Aware; what was deleted at exactly this time is included.

        Raises:
            CatalogueError: If the list cannot be read completely.
        """

    async def by_name(self, names: Sequence[str]) -> list[Product]:
        """The products of these exact names that exist, in bulk requests.

        Raises:
            HubError: If the hub cannot be asked.
        """

    def describe(self, query: Query) -> str:
        """The query as it is sent, for people."""

    def url_of(self, product: Product) -> str:
        """Where a product is downloaded from; getting it needs a token of the hub."""

    def open(
        self, product: Product, *, offset: int, validator: Validator, token: str, account: str
    ) -> AbstractAsyncContextManager[Body]:
        """Start a download at an offset. Needs a slot of the account.

        Args:
            product: What to download.
            offset: The first byte wanted, from 0.
            validator: Of the version that bytes before the offset belong to (``If-Range``).
            token: As the hub's accounts give it.
            account: Whose limits count, by name.

        Raises:
            HubBusyError: If the hub asked us to wait; the host's gate is closed already.
            ProductError: For everything that concerns this product only.
        """

    async def wait_until_ready(self, account: str = "") -> None:
        """Return when the download host may be asked (see `hub.gate`)."""

    def is_paused(self, account: str = "") -> bool:
        """Whether the download host has asked us to wait since `wait_until_ready` returned."""

    async def request_retrieval(
        self, product: Product, *, token: str, account: str
    ) -> tuple[RetrievalAnswer, str]:
        """Ask for an offline product to be brought back; the text is the hub's own. Needs a slot.

        Args:
            product: What to ask for.
            token: As the hub's accounts give it.
            account: Whose limits count, by name.

        Raises:
            HubBusyError: If the hub asked us to wait.
            ProductError: If the request could not be made.
        """
