"""Being told what is new, by a real hub: nothing is acknowledged before it is settled."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack
from datetime import timedelta
from pathlib import Path

import anyio
import pytest

from s2fetch.daemon.events import IntakeChanged
from s2fetch.daemon.intake import TROUBLE_SECONDS, Intake, Notifications
from s2fetch.daemon.subscribed import Subscribed
from s2fetch.embedded.entry import hub_time
from s2fetch.embedded.faults import Answer, Fault, Kind
from s2fetch.embedded.hub import EmbeddedHub
from s2fetch.errors import (
    ArchiveError,
    CatalogueError,
    CredentialsMissingError,
    QueryError,
    S2FetchError,
)
from s2fetch.events import Event, EventBus
from s2fetch.hub.subscriptions import Subscriptions
from tests.conftest import HubFactory
from tests.sync.clock import JumpingClock
from tests.sync.site import Site, body_of, catalogue_of, entry_of

FILTER = "Collection/Name eq 'SENTINEL-2'"


class Watched:
    """A hub that publishes, and an intake that watches its queue."""

    def __init__(
        self, hub: EmbeddedHub, subscriptions: Subscriptions, clock: JumpingClock, folder: Path
    ) -> None:
        self.hub = hub
        self.folder = folder
        self.wanted = FILTER
        self.clock = clock
        self.bus = EventBus()
        self.events: list[Event] = []
        self.bus.subscribe(self.events.append)
        self.wakes = 0
        self.subscriptions: Subscriptions | None = subscriptions
        self.errors: list[S2FetchError] = []
        self.intake = self.another()

    def another(self) -> Intake:
        """An intake as after a restart."""
        subscribed = Subscribed(self.folder / "state", self.folder / "alps")
        return Intake(
            "alps", self._queue, subscribed, self._wake, clock=self.clock, events=self.bus
        )

    async def _queue(self) -> Notifications | None:
        if self.errors:
            raise self.errors.pop()
        return Notifications(self.subscriptions, self.wanted) if self.subscriptions else None

    def _wake(self) -> None:
        self.wakes += 1

    def publish(self, number: int) -> None:
        """One more product at the hub."""
        body = body_of(1000, number)
        now = hub_time(self.clock.now())
        self.hub.folder.add(entry_of(number, body, publication_date=now), body)

    async def watch(self, looks: int = 1, intake: Intake | None = None) -> None:
        """Watch until the queue was asked for so many times, and all of that is done."""
        goal = self._asked + looks
        with anyio.fail_after(20):
            async with anyio.create_task_group() as group:
                group.start_soon((intake or self.intake).run)
                while self._asked < goal:
                    await anyio.sleep(0.005)
                group.cancel_scope.cancel()

    async def watch_until(self, holds: Callable[[], bool]) -> None:
        """Watch until something is so."""
        with anyio.fail_after(20):
            async with anyio.create_task_group() as group:
                group.start_soon(self.intake.run)
                while not holds():
                    await anyio.sleep(0.005)
                group.cancel_scope.cancel()

    @property
    def _asked(self) -> int:
        return self.hub.stats.requests.get("subscriptions", 0)

    @property
    def queued(self) -> int:
        """Entries in all queues of the hub."""
        return sum(len(each.queue) for each in self.hub.subscriptions.subscriptions)

    @property
    def states(self) -> list[bool]:
        """Whether notifications come, each time that changed."""
        return [event.works for event in self.events if isinstance(event, IntakeChanged)]


@pytest.fixture
async def clock() -> AsyncIterator[JumpingClock]:
    async with JumpingClock() as clock:
        yield clock


@pytest.fixture
async def watched(
    hub_factory: HubFactory, clock: JumpingClock, tmp_path: Path
) -> AsyncIterator[Watched]:
    hub = await hub_factory(catalogue_of(body_of(100)), clock=clock)
    async with AsyncExitStack() as stack:
        client = await stack.enter_async_context(Site(hub, tmp_path, clock).client())
        (account,) = await client.accounts()
        subscriptions = client.connection.subscriptions(account)
        assert subscriptions is not None
        yield Watched(hub, subscriptions, clock, tmp_path)


async def test_a_new_product_wakes_the_archive(watched: Watched) -> None:
    await watched.watch_until(lambda: watched.states == [True])
    assert watched.wakes == 0
    watched.publish(1)
    await watched.watch_until(lambda: watched.wakes > 0)


async def test_nothing_is_acknowledged_before_a_run_has_settled_it(watched: Watched) -> None:
    await watched.watch_until(lambda: watched.states == [True])
    watched.publish(1)
    watched.publish(2)
    await watched.watch(6)
    assert watched.queued == 2
    await watched.clock.sleep(60)
    watched.intake.settled(watched.clock.now())
    await watched.watch_until(lambda: watched.queued == 0)


async def test_what_was_told_after_the_run_began_stays_in_the_queue(watched: Watched) -> None:
    await watched.watch_until(lambda: watched.states == [True])
    watched.publish(1)
    await watched.clock.sleep(60)
    begun = watched.clock.now()
    await watched.clock.sleep(60)
    watched.publish(2)
    watched.intake.settled(begun)
    await watched.watch_until(lambda: watched.queued == 1)
    await watched.watch(6)
    assert watched.queued == 1
    assert watched.wakes > 0


async def test_notifications_of_days_ago_still_wake_and_are_acknowledged(watched: Watched) -> None:
    """The hub has forgotten name and product by then; the catalogue has not."""
    await watched.watch_until(lambda: watched.states == [True])
    watched.publish(1)
    await watched.clock.sleep(4 * 86_400)
    await watched.watch_until(lambda: watched.wakes > 0)
    watched.intake.settled(watched.clock.now())
    await watched.watch_until(lambda: watched.queued == 0)
    assert watched.states == [True]


async def test_a_long_queue_is_acknowledged_to_its_end(watched: Watched) -> None:
    await watched.watch_until(lambda: watched.states == [True])
    for number in range(1, 48):
        watched.publish(number)
    await watched.clock.sleep(60)
    watched.intake.settled(watched.clock.now())
    await watched.watch_until(lambda: watched.queued == 0)


async def test_a_restart_uses_the_subscription_that_is_there(watched: Watched) -> None:
    await watched.watch_until(lambda: watched.states == [True])
    watched.intake = watched.another()
    await watched.watch(3)
    assert len(list(watched.hub.subscriptions.subscriptions)) == 1


@pytest.mark.parametrize("restarted", [False, True])
async def test_another_selection_takes_the_place_of_the_one_before(
    watched: Watched, restarted: bool
) -> None:
    """The account may have one subscription that runs, and nobody else could cancel the old one."""
    await watched.watch_until(lambda: watched.states == [True])
    (before,) = watched.hub.subscriptions.subscriptions
    watched.wanted = f"{FILTER} and contains(Name,'T32TQM')"
    if restarted:
        watched.intake = watched.another()
    else:
        watched.intake.reopen()
    await watched.watch_until(lambda: len(watched.states) == 2)
    (after,) = watched.hub.subscriptions.subscriptions
    assert (before.filter, after.filter) == (FILTER, watched.wanted)
    assert watched.states == [True, True]


async def test_a_subscription_of_somebody_else_is_left_alone(
    watched: Watched, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("s2fetch.embedded.subscriptions.MOST_RUNNING", 2)
    assert watched.subscriptions is not None
    others = await watched.subscriptions.ensure("Collection/Name eq 'SENTINEL-1'")
    await watched.watch_until(lambda: watched.states == [True])
    watched.wanted = f"{FILTER} and contains(Name,'T32TQM')"
    watched.intake.reopen()
    await watched.watch_until(lambda: len(watched.states) == 2)
    found = {each.id: each.filter for each in watched.hub.subscriptions.subscriptions}
    assert len(found) == 2
    assert found[others] == "Collection/Name eq 'SENTINEL-1'"


async def test_a_queue_that_gives_up_nothing_is_not_asked_without_end(watched: Watched) -> None:
    await watched.watch_until(lambda: watched.states == [True])
    watched.publish(1)
    nothing = '{"AckMessagesNum":0,"CurrentQueueLength":1,"MaxQueueLength":100000}'
    watched.hub.faults.add(Fault(Answer(200, nothing), on=Kind.SUBSCRIPTIONS, skip=1, times=1))
    await watched.clock.sleep(60)
    watched.intake.settled(watched.clock.now())
    begun = watched.clock.now()
    await watched.watch(3)
    assert watched.clock.now() - begun >= timedelta(seconds=60)


async def test_a_cancelled_subscription_is_made_anew_and_wakes_the_archive(
    watched: Watched,
) -> None:
    """What was in the queue is lost there; the run asks the catalogue for changes."""
    await watched.watch_until(lambda: watched.states == [True])
    watched.publish(1)
    watched.hub.subscriptions.cancel_all()
    await watched.watch_until(lambda: watched.states == [True, False, True])
    assert watched.wakes == 1
    assert len(list(watched.hub.subscriptions.subscriptions)) == 1


async def test_a_hub_that_refuses_subscriptions_is_told_once_and_asked_rarely(
    watched: Watched,
) -> None:
    watched.hub.faults.add(Fault(Answer(403, "no"), on=Kind.SUBSCRIPTIONS, times=None))
    begun = watched.clock.now()
    await watched.watch(3)
    assert watched.states == [False]
    assert watched.clock.now() - begun >= timedelta(seconds=2 * TROUBLE_SECONDS)


async def test_an_expired_token_is_renewed(watched: Watched) -> None:
    await watched.watch_until(lambda: watched.states == [True])
    watched.hub.identity.expire_tokens()
    watched.publish(1)
    await watched.watch_until(lambda: watched.wakes > 0)
    assert watched.states == [True]


async def test_an_overflowing_queue_is_no_loss(watched: Watched) -> None:
    """The oldest entries are gone; one that is left is enough to look at all changes."""
    await watched.watch_until(lambda: watched.states == [True])
    watched.hub.subscriptions.most_queued = 2
    for number in range(1, 9):
        watched.publish(number)
    await watched.watch_until(lambda: watched.wakes > 0)
    await watched.clock.sleep(120)
    watched.intake.settled(watched.clock.now())
    await watched.watch_until(lambda: watched.queued == 0)


@pytest.mark.parametrize(
    "error",
    [
        CredentialsMissingError("no password"),
        QueryError("there is no such product"),
        CatalogueError("the hub is down"),
        ArchiveError("the state folder is read-only"),
    ],
)
async def test_whatever_is_in_the_way_at_first_is_told_and_tried_again(
    watched: Watched, error: S2FetchError
) -> None:
    watched.errors.append(error)
    begun = watched.clock.now()
    await watched.watch_until(lambda: watched.states == [False, True])
    assert watched.clock.now() - begun >= timedelta(seconds=TROUBLE_SECONDS)


async def test_a_token_that_is_refused_twice_is_told_and_tried_again(watched: Watched) -> None:
    """It is no error of hub or account, and ends the watch no more than those."""
    await watched.watch_until(lambda: watched.states == [True])
    refusal = Fault(Answer(401, "no"), on=Kind.SUBSCRIPTIONS, times=None)
    watched.hub.faults.add(refusal)
    await watched.watch_until(lambda: watched.states == [True, False])
    watched.hub.faults.remove(refusal)
    await watched.watch_until(lambda: watched.states == [True, False, True])


async def test_a_hub_without_subscriptions_is_told_once(watched: Watched) -> None:
    watched.subscriptions = None
    with anyio.fail_after(20):
        await watched.intake.run()
    assert watched.states == [False]
