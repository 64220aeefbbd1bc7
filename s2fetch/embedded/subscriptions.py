"""Pull subscriptions: queues of notifications about products that match a filter.

Source: Copernicus Data Space documentation, "Subscriptions". Reading does not take anything from a
queue, acknowledging is cumulative, and a queue that is full silently loses its oldest entry.
"""

from __future__ import annotations

import base64
import itertools
import uuid
from collections import deque
from collections.abc import Iterable
from datetime import timedelta

import msgspec
from aiohttp import web

from s2fetch.embedded import answers
from s2fetch.embedded.delivery import deliver_bytes, plain
from s2fetch.embedded.entry import Entry, hub_time, read_time
from s2fetch.embedded.faults import Answer, Kind
from s2fetch.embedded.odata_filter import DELETED_PATHS, PRODUCT_PATHS, FilterError, parse_filter
from s2fetch.embedded.odata_match import Condition, condition
from s2fetch.embedded.paths import Segment
from s2fetch.embedded.rows import EXPANDABLE, deleted_row, product_row
from s2fetch.embedded.state import HubState

MOST_READ = 20
MOST_RUNNING = 1
MOST_IN_ALL = 10
_TOLD_IN_FULL = timedelta(days=3)
"""How long a notification holds the product; only identifiers are left then."""
_EVENTS = frozenset({"created", "modified", "deleted"})
_STATUSES = frozenset({"running", "paused", "cancelled"})


class Notification(msgspec.Struct, frozen=True):
    """One entry of a queue."""

    event: str
    entry: Entry
    date: str
    ack_id: str


class Subscription(msgspec.Struct):
    """What somebody wants to be told, and what they have not acknowledged yet."""

    id: str
    owner: str
    filter: str
    events: tuple[str, ...]
    status: str
    submitted: str
    acknowledged: str = ""
    queue: deque[Notification] = msgspec.field(default_factory=deque)

    def entity(self) -> dict[str, object]:
        """As the service shows it."""
        return {
            "@odata.context": "$metadata#OData.CSC.Subscription",
            "Id": self.id,
            "Status": self.status,
            "SubscriptionEvent": list(self.events),
            "FilterParam": self.filter,
            "StageOrder": True,
            "Priority": 1,
            "NotificationEndpoint": None,
            "NotificationEpUsername": None,
            "SubmissionDate": self.submitted,
            "LastNotificationDate": self.acknowledged or None,
        }


class _Request(msgspec.Struct):
    FilterParam: str = ""
    SubscriptionEvent: list[str] = msgspec.field(default_factory=lambda: ["created"])
    Status: str = "running"


class _Change(msgspec.Struct):
    Status: str


class SubscriptionService:
    """The subscriptions of all accounts of a hub.

    Args:
        state: The hub's.
        most_queued: Length at which a queue begins to lose its oldest entries.
    """

    def __init__(self, state: HubState, most_queued: int = 100_000) -> None:
        self.most_queued = most_queued
        self._state = state
        self._subscriptions: dict[str, Subscription] = {}
        self._conditions: dict[str, Condition] = {}
        self._numbers = itertools.count(1)
        self._encoder = msgspec.json.Encoder()

    @property
    def subscriptions(self) -> Iterable[Subscription]:
        """All that there are, the cancelled ones left out."""
        return self._subscriptions.values()

    def publish(self, event: str, entry: Entry) -> None:
        """Tell every running subscription whose filter the product matches."""
        now = self._state.clock.now()
        for subscription in self._subscriptions.values():
            if subscription.status != "running" or event not in subscription.events:
                continue
            holds = self._conditions.get(subscription.id)
            if holds is not None and not holds(entry):
                continue
            mark = f"{int(now.timestamp() * 1000)}-{next(self._numbers)}:{subscription.id}"
            ack_id = base64.b64encode(mark.encode()).decode()
            subscription.queue.append(Notification(event, entry, hub_time(now), ack_id))
            while len(subscription.queue) > self.most_queued:
                subscription.queue.popleft()

    def cancel_all(self) -> None:
        """Cancel every subscription, as the service does with neglected ones."""
        self._subscriptions.clear()
        self._conditions.clear()

    async def handle(
        self, request: web.Request, key: str | None, rest: tuple[Segment, ...]
    ) -> web.StreamResponse:
        """Answer a request below ``Subscriptions``."""
        effects = await self._state.begin(Kind.SUBSCRIPTIONS)
        owner = self._owner(request)
        if isinstance(owner, Answer):
            return plain(owner)
        body = await request.read()
        answer = self._answer(request, owner, body, key, rest)
        if isinstance(answer, Answer):
            return plain(answer)
        status, value = answer
        data = self._encoder.encode(value) if value is not None else b""
        response = await deliver_bytes(request, data, effects) if status == 200 else None
        return response or web.Response(status=status, body=data, content_type="application/json")

    def _owner(self, request: web.Request) -> str | Answer:
        scheme, _, token = request.headers.get("Authorization", "").partition(" ")
        return self._state.identity.authorise(token.strip() if scheme.lower() == "bearer" else "")

    def _answer(
        self,
        request: web.Request,
        owner: str,
        body: bytes,
        key: str | None,
        rest: tuple[Segment, ...],
    ) -> Answer | tuple[int, object]:
        mine = [each for each in self._subscriptions.values() if each.owner == owner]
        steps = tuple(segment.name for segment in rest)
        if key is None:
            match request.method, steps:
                case "POST", ():
                    return self._create(owner, mine, body)
                case "GET", () | ("Info",):
                    return 200, [each.entity() for each in mine]
            return answers.catalogue_error(404, "Not Found")
        subscription = next((each for each in mine if each.id == key), None)
        if subscription is None:
            return answers.catalogue_error(404, f"Subscription with id {key} not found.")
        match request.method, steps:
            case "GET", ():
                return 200, subscription.entity()
            case "PATCH", ():
                return self._change(subscription, body)
            case "DELETE", ():
                self._cancel(subscription)
                return 204, None
            case "GET", ("Read",):
                return self._read(subscription, request.query.get("$top", "1"))
            case "POST", ("Ack",):
                return self._acknowledge(subscription, request.query.get("$ackid", ""))
        return answers.catalogue_error(404, "Not Found")

    def _create(
        self, owner: str, mine: list[Subscription], body: bytes
    ) -> Answer | tuple[int, object]:
        try:
            wanted = msgspec.json.decode(body or b"{}", type=_Request)
            events = tuple(wanted.SubscriptionEvent)
            if not events or not _EVENTS.issuperset(events) or wanted.Status not in _STATUSES:
                return answers.catalogue_error(400, "Invalid value")
            paths = DELETED_PATHS if "deleted" in events else PRODUCT_PATHS
            holds = (
                condition(parse_filter(wanted.FilterParam, paths)) if wanted.FilterParam else None
            )
        except (msgspec.DecodeError, FilterError) as error:
            return answers.catalogue_error(400, str(error))
        running = sum(each.status == "running" for each in mine)
        if len(mine) >= MOST_IN_ALL or (wanted.Status == "running" and running >= MOST_RUNNING):
            return answers.catalogue_error(403, "Maximum number of subscriptions exceeded.")
        subscription = Subscription(
            id=str(uuid.uuid4()),
            owner=owner,
            filter=wanted.FilterParam,
            events=events,
            status=wanted.Status,
            submitted=hub_time(self._state.clock.now()),
        )
        self._subscriptions[subscription.id] = subscription
        if holds is not None:
            self._conditions[subscription.id] = holds
        return 201, subscription.entity()

    def _change(self, subscription: Subscription, body: bytes) -> Answer | tuple[int, object]:
        try:
            status = msgspec.json.decode(body, type=_Change).Status
        except msgspec.DecodeError as error:
            return answers.catalogue_error(400, str(error))
        if status not in _STATUSES:
            return answers.catalogue_error(400, "Invalid value")
        if status == "cancelled":
            self._cancel(subscription)
        subscription.status = status
        return 200, subscription.entity()

    def _cancel(self, subscription: Subscription) -> None:
        del self._subscriptions[subscription.id]
        self._conditions.pop(subscription.id, None)

    def _read(self, subscription: Subscription, top: str) -> Answer | tuple[int, object]:
        if not top.isdecimal() or not 1 <= int(top) <= MOST_READ:
            return answers.catalogue_error(422, f"$top must be 1 to {MOST_READ}")
        first = itertools.islice(subscription.queue, int(top))
        return 200, [self._rendered(subscription, notification) for notification in first]

    def _rendered(self, subscription: Subscription, told: Notification) -> dict[str, object]:
        entry = told.entry
        is_old = self._state.clock.now() - read_time(told.date) > _TOLD_IN_FULL
        row: object
        if is_old:
            row = None
        elif told.event == "deleted":
            row = deleted_row(entry, ("Attributes",))
        else:
            row = product_row(entry, EXPANDABLE, self._state.catalogue_origin)
        return {
            "@odata.context": "$metadata#Notification/$entity",
            "SubscriptionEvent": told.event,
            "ProductId": entry.id,
            "ProductName": None if is_old else entry.name,
            "SubscriptionId": subscription.id,
            "NotificationDate": told.date,
            "AckId": told.ack_id,
            "value": row,
        }

    def _acknowledge(self, subscription: Subscription, ack_id: str) -> Answer | tuple[int, object]:
        queue = subscription.queue
        if all(told.ack_id != ack_id for told in queue):
            return answers.catalogue_error(404, f"Ack id {ack_id} not found.")
        count = 0
        while queue:
            count += 1
            if queue.popleft().ack_id == ack_id:
                break
        subscription.acknowledged = hub_time(self._state.clock.now())
        return 200, {
            "@odata.context": "$metadata#Notification/$entity",
            "AckMessagesNum": count,
            "CurrentQueueLength": len(queue),
            "MaxQueueLength": self.most_queued,
        }
