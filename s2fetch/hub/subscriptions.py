"""Pull subscriptions of the Copernicus Data Space: being told what is new instead of asking.

Source: Copernicus Data Space documentation, "Subscriptions". A queue is read without taking
anything from it; acknowledging an entry takes it and everything before it. A queue can overflow
(the oldest entries are lost silently) and a subscription can be cancelled by the service, so that
it is a reason to look at the catalogue and never a replacement for that.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import TypeVar
from urllib.parse import quote

import msgspec

from s2fetch.account.account import Account
from s2fetch.errors import CatalogueError, TokenRefusedError
from s2fetch.hub.http import HttpClient
from s2fetch.hub.refusals import catalogue_refusal
from s2fetch.hub.reply import Reply
from s2fetch.hub.rows import read_time

MOST_READ = 20
"""Notifications the service gives at a time."""
EVENTS = ("created", "modified")

T = TypeVar("T")


class SubscriptionLostError(CatalogueError):
    """The hub does not know the subscription any more."""


class Notification(msgspec.Struct, frozen=True, rename="pascal"):
    """One entry of a queue; what became of which product is for the catalogue to say.

    Attributes:
        notification_date: When it was put into the queue.
        ack_id: Acknowledges it and everything before it.
    """

    notification_date: str
    ack_id: str


class Acknowledged(msgspec.Struct, frozen=True):
    """What became of an acknowledgement: entries taken, entries left, and how many there can be."""

    taken: int = msgspec.field(name="AckMessagesNum")
    left: int = msgspec.field(name="CurrentQueueLength")
    most: int = msgspec.field(name="MaxQueueLength")


class _Entity(msgspec.Struct, rename="pascal"):
    id: str
    status: str = ""
    subscription_event: list[str] = []
    filter_param: str | None = None


class Subscriptions:
    """The subscriptions of one account.

    Args:
        client: Requests go through it.
        url: Base of the OData catalogue, ``…/odata/v1``.
        account: Whose they are.
    """

    def __init__(self, client: HttpClient, url: str, account: Account) -> None:
        self._client = client
        self._url = f"{url}/Subscriptions"
        self._account = account

    async def ensure(self, wanted: str, *, instead_of: str = "") -> str:
        """The identifier of a running subscription to new and changed products.

        One that there is already is used again, so that restarts do not use up the few that an
        account may have.

        Args:
            wanted: A ``$filter`` of products.
            instead_of: One that is not wanted any more; it is cancelled, if there is it still.

        Raises:
            AccountError: If the account is refused.
            CatalogueError: If there is none and none can be made.
        """
        mine = await self._ask("GET", f"{self._url}/Info", _decoder(list[_Entity]))
        found = next((each for each in mine if _is_for(each, wanted)), None)
        for entity in mine:
            if entity.id == instead_of and entity is not found and entity.status != "cancelled":
                await self._change(entity.id, "cancelled")
        if found is None:
            body = {"FilterParam": wanted, "SubscriptionEvent": list(EVENTS), "Status": "running"}
            found = await self._ask("POST", self._url, _decoder(_Entity), body)
        elif found.status == "paused":
            await self._change(found.id, "running")
        return found.id

    async def read(self, subscription: str) -> list[Notification]:
        """The oldest entries of the queue, at most `MOST_READ`; they stay there.

        Raises:
            SubscriptionLostError: If there is no such subscription any more.
            CatalogueError: If the queue cannot be read.
        """
        url = f"{self._one(subscription)}/Read?$top={MOST_READ}"
        return await self._ask("GET", url, _decoder(list[Notification]))

    async def acknowledge(self, subscription: str, ack_id: str) -> Acknowledged:
        """Take an entry and everything before it off the queue.

        Raises:
            SubscriptionLostError: If there is no such subscription or entry any more.
            CatalogueError: If it cannot be acknowledged.
        """
        url = f"{self._one(subscription)}/Ack?$ackid={quote(ack_id, safe='')}"
        return await self._ask("POST", url, _decoder(Acknowledged))

    async def _change(self, subscription: str, status: str) -> None:
        body = {"Status": status}
        await self._ask("PATCH", self._one(subscription), _decoder(_Entity), body)

    def _one(self, subscription: str) -> str:
        return f"{self._url}({quote(subscription, safe='-')})"

    async def _ask(
        self, method: str, url: str, parse: Callable[[bytes], T], body: object = None
    ) -> T:
        token = await self._account.tokens.get()
        try:
            return await self._send(method, url, parse, body, token)
        except TokenRefusedError:
            self._account.tokens.refuse(token)
        return await self._send(method, url, parse, body, await self._account.tokens.get())

    async def _send(
        self, method: str, url: str, parse: Callable[[bytes], T], body: object, token: str
    ) -> T:
        return await self._client.read(
            method,
            url,
            parse,
            json=body,
            refusal=catalogue_refusal,
            authorization=f"Bearer {token}",
            judge=_judged,
        )


def _is_for(entity: _Entity, wanted: str) -> bool:
    return (
        entity.filter_param == wanted
        and set(entity.subscription_event) == set(EVENTS)
        and entity.status in ("running", "paused")
    )


def entries_before(notifications: list[Notification], moment: datetime) -> list[Notification]:
    """Those that were put into the queue before a moment, without one that does not say when."""
    dated = [(read_time(each.notification_date), each) for each in notifications]
    return [each for date, each in dated if date is not None and date <= moment]


def _decoder(kind: type[T]) -> Callable[[bytes], T]:
    return msgspec.json.Decoder(kind).decode


def _judged(reply: Reply) -> Exception | None:
    if reply.status == 401:
        return TokenRefusedError("the hub does not accept the token for subscriptions")
    if reply.status == 404:
        return SubscriptionLostError("the hub does not know the subscription (any more)")
    if reply.status in (400, 403, 422):
        words = reply.body[:300].decode(errors="replace")
        return CatalogueError(f"the hub refuses the subscription: {reply.status} {words}")
    return None
