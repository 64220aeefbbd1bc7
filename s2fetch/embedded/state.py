"""What the hub's services share."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import timedelta
from enum import StrEnum

import msgspec
from aiohttp import web

from s2fetch.clock import Clock
from s2fetch.embedded.delivery import plain, redirect
from s2fetch.embedded.entry import Entry, hub_time
from s2fetch.embedded.faults import (
    Answer,
    Delay,
    Effects,
    EndSessions,
    ExpireTokens,
    FaultPlan,
    GoDown,
    Kind,
    Redirect,
)
from s2fetch.embedded.identity import IdentityService
from s2fetch.embedded.listing import Catalogue
from s2fetch.embedded.stats import Stats

_RESTAGED_FOR = timedelta(days=30)


class Ranges(StrEnum):
    """What the download host does with a Range header."""

    HONOUR = "honour"
    """Answers 206."""
    IGNORE = "ignore"
    """Answers 200 with the whole body."""
    ERROR = "error"
    """Refuses ranges that do not start at zero."""


class OfflineAnswer(StrEnum):
    """What the download host answers for a product that is offline."""

    ACCEPTED = "accepted"
    """202 and an empty body: it will be retrieved."""
    FORBIDDEN = "forbidden"
    """403."""
    NOT_FOUND = "not-found"
    """404."""
    ERROR = "error"
    """500."""
    QUOTA = "quota"
    """429: the account asked for too many."""


class HubSettings(msgspec.Struct, frozen=True, kw_only=True):
    """How the hub behaves when nothing goes wrong.

    Attributes:
        ranges: What a Range header does.
        range_error_status: Status of the refusal with `Ranges.ERROR`.
        bytes_per_second: Rate of each download connection; None for as fast as it goes.
        latency_seconds: Time before every answer.
        most_transfers: Downloads an account may run at a time.
        slot_release_seconds: How long after its end a download still counts.
        validators: Whether downloads have ETag and Last-Modified.
        offline_answer: Answer for offline products.
        retrieval_seconds: How long a retrieval takes.
        most_retrievals: Retrievals accepted altogether before the quota is used up.
    """

    ranges: Ranges = Ranges.HONOUR
    range_error_status: int = 416
    bytes_per_second: float | None = None
    latency_seconds: float = 0.0
    most_transfers: int = 4
    slot_release_seconds: float = 0.0
    validators: bool = True
    offline_answer: OfflineAnswer = OfflineAnswer.ACCEPTED
    retrieval_seconds: float = 1.0
    most_retrievals: int | None = None


class RequestState:
    """What every request to a hub goes through, whatever its kind.

    Args:
        faults: What goes wrong.
        stats: What was counted.

    Attributes:
        go_down: Called when a fault says so, with the seconds until the hub is to come back.
    """

    def __init__(self, faults: FaultPlan, stats: Stats) -> None:
        self.faults = faults
        self.stats = stats
        self.go_down: Callable[[float | None], None] = lambda _: None

    async def _arrive(self, kind: Kind, entry: Entry | None, latency_seconds: float) -> Effects:
        """Count a request, let its latency pass and find out what goes wrong with it."""
        self.stats.count(self.stats.requests, kind)
        if latency_seconds:
            await asyncio.sleep(latency_seconds)
        effects = self.faults.take(kind, entry)
        if delay := effects.one(Delay):
            await asyncio.sleep(delay.seconds)
        return effects

    async def _answer_early(self, effects: Effects) -> None:
        """Let a fault answer, or end it all.

        Raises:
            EarlyAnswer: A fault has answered.
        """
        if down := effects.one(GoDown):
            self.go_down(down.seconds)
            await asyncio.Event().wait()
        if answer := effects.one(Answer):
            raise EarlyAnswer(plain(answer))
        if to := effects.one(Redirect):
            raise EarlyAnswer(redirect(to))


class HubState(RequestState):
    """Catalogue, accounts, faults and counters of one hub, alive while it is down as well.

    Args:
        catalogue: What it serves.
        identity: Who may download.
        faults: What goes wrong.
        settings: How it behaves; may be replaced at any time.
        stats: What was counted.
        clock: Where time comes from.
    """

    def __init__(
        self,
        catalogue: Catalogue,
        identity: IdentityService,
        faults: FaultPlan,
        settings: HubSettings,
        stats: Stats,
        clock: Clock,
    ) -> None:
        super().__init__(faults, stats)
        self.catalogue = catalogue
        self.identity = identity
        self.settings = settings
        self.clock = clock
        self.catalogue_origin = ""
        self.download_origin = ""
        self._retrievals: dict[str, float] = {}
        self._accepted = 0

    def request_retrieval(self, entry: Entry) -> bool:
        """Begin to retrieve a product, unless that is under way; False if the quota is used up."""
        self.stats.count(self.stats.retrievals, entry.id)
        if entry.id in self._retrievals:
            return True
        most = self.settings.most_retrievals
        if most is not None and self._accepted >= most:
            return False
        self._accepted += 1
        ready = self.clock.monotonic() + self.settings.retrieval_seconds
        self._retrievals[entry.id] = ready
        return True

    def settle(self) -> None:
        """List products whose retrieval is over as online."""
        now = self.clock.monotonic()
        for product_id in [key for key, ready in self._retrievals.items() if ready <= now]:
            del self._retrievals[product_id]
            if self.catalogue.entry(product_id) is None:
                continue
            moment = self.clock.now()
            self.catalogue.relist(
                product_id,
                online=True,
                modification_date=hub_time(moment),
                eviction_date=hub_time(moment + _RESTAGED_FOR),
            )

    async def begin(self, kind: Kind, entry: Entry | None = None) -> Effects:
        """Count a request, let its latency pass and find out what goes wrong with it.

        Raises:
            EarlyAnswer: A fault answers it already.
        """
        effects = await self._arrive(kind, entry, self.settings.latency_seconds)
        if effects:
            if effects.one(ExpireTokens):
                self.identity.expire_tokens()
            if effects.one(EndSessions):
                self.identity.end_sessions()
            await self._answer_early(effects)
        return effects

    @asynccontextmanager
    async def transfer(self, account: str) -> AsyncIterator[bool]:
        """Hold one of an account's transfers; yields False where it has none left."""
        running = self.stats.open_bodies
        if running.get(account, 0) >= self.settings.most_transfers:
            yield False
            return
        self.stats.count(running, account)
        most = self.stats.most_open_bodies
        most[account] = max(most.get(account, 0), running[account])
        try:
            yield True
        finally:
            delay = self.settings.slot_release_seconds
            if delay:
                loop = asyncio.get_running_loop()
                loop.call_later(delay, self.stats.count, running, account, -1)
            else:
                self.stats.count(running, account, -1)


class EarlyAnswer(Exception):  # noqa: N818 - not an error, a way out of a handler
    """The request is answered before its handler gets to it."""

    def __init__(self, response: web.StreamResponse) -> None:
        super().__init__()
        self.response = response


Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


def answering(handler: Handler, stats: Stats) -> Handler:
    """A handler whose early answers are sent and whose statuses are counted."""

    async def answered(request: web.Request) -> web.StreamResponse:
        try:
            response = await handler(request)
        except EarlyAnswer as early:
            response = early.response
        stats.count(stats.statuses, str(response.status))
        return response

    return answered
