"""Offline products: asked for once, waited for without a slot, fetched when they are back."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import anyio
import msgspec
import pytest

from s2fetch.archive.progress import ProgressFile
from s2fetch.archive.records import Record, Retrieval, RetrievalState, State
from s2fetch.clock import timestamp
from s2fetch.embedded import answers
from s2fetch.embedded.entry import Entry
from s2fetch.embedded.faults import Answer, Delay, Fault, Kind, Listed, Stall
from s2fetch.embedded.folder import FolderCatalogue
from s2fetch.embedded.identity import User
from s2fetch.embedded.state import HubSettings, OfflineAnswer
from s2fetch.errors import ExitCode
from s2fetch.events import (
    HubPaused,
    ProductCompleted,
    ProductOnline,
    ProductWaiting,
    RetrievalRequested,
    TransferStarted,
)
from tests.sync.clock import JumpingClock
from tests.sync.conftest import SiteFactory
from tests.sync.site import Site, body_of, entry_of, off_loop


def half_offline(count: int = 4, offline: int = 2) -> FolderCatalogue:
    """The first products are offline, the others online."""
    bodies = [body_of(20_000, number) for number in range(count)]
    return FolderCatalogue(
        (entry_of(number, body, online=number >= offline), body)
        for number, body in enumerate(bodies)
    )


def asked(site: Site) -> dict[str, int]:
    return {key: count for key, count in site.stats.retrievals.items() if count}


def retrieval_of(site: Site, entry: Entry) -> Retrieval:
    found = site.record(entry).retrieval
    assert found is not None
    return found


async def test_offline_products_are_asked_for_and_fetched_in_the_same_run(
    site_factory: SiteFactory,
) -> None:
    """Each is asked for once, found online by a bulk look, and fetched; exit code 0."""
    site = await site_factory(half_offline(), retrieval_seconds=120)
    report = await site.sync(offline="request", wait_offline="10 min", poll_interval="10s")
    assert (report.exit_code, report.fetched, report.waiting) == (ExitCode.OK, 4, 0)
    assert asked(site) == {entry.id: 1 for entry in site.entries[:2]}
    assert len(site.seen(ProductOnline)) == 2
    assert site.stats.requests["names"] <= 13
    site.assert_whole()


async def test_what_is_still_offline_at_the_end_is_said(site_factory: SiteFactory) -> None:
    """Exit code 8, with names and since when; everything else is there."""
    site = await site_factory(half_offline(), retrieval_seconds=10_000)
    report = await site.sync(offline="request")
    assert (report.exit_code, report.fetched, report.waiting) == (ExitCode.WAITING, 2, 2)
    assert {each.name for each in report.offline} == {entry.name for entry in site.entries[:2]}
    assert all(each.since.startswith("2024-07-01T12:0") for each in report.offline)
    site.assert_whole(site.entries[2:])
    assert site.record(site.entries[0]).state is State.WAITING


async def test_a_later_run_fetches_what_an_earlier_one_asked_for(
    site_factory: SiteFactory, clock: JumpingClock
) -> None:
    """Without asking again, and "since" is the day it was first found offline."""
    site = await site_factory(half_offline(), retrieval_seconds=600)
    await site.sync(offline="request")
    since = retrieval_of(site, site.entries[0]).since
    await clock.sleep(60)
    report = await site.sync(offline="request")
    assert report.exit_code == ExitCode.WAITING
    assert retrieval_of(site, site.entries[0]).since == since
    await clock.sleep(600)
    report = await site.sync(offline="request")
    assert report.exit_code == ExitCode.OK
    assert asked(site) == {entry.id: 1 for entry in site.entries[:2]}
    site.assert_whole()


@pytest.mark.parametrize("state", [RetrievalState.REQUESTED, RetrievalState.ACCEPTED])
async def test_an_order_is_never_placed_twice_even_after_a_crash(
    site_factory: SiteFactory, clock: JumpingClock, state: RetrievalState
) -> None:
    """An intent that was written down counts as placed, whether or not the hub got it."""
    site = await site_factory(half_offline(1, 1), retrieval_seconds=10_000)
    entry = site.entries[0]
    placed = Retrieval(
        state=state,
        since=timestamp(clock.now()),
        asked=1,
        next=timestamp(clock.now() + timedelta(days=3)),
    )
    write_record(
        site.root, entry.id, Record(name=entry.name, state=State.WAITING, retrieval=placed)
    )
    for _ in range(3):
        assert (await site.sync(offline="request")).exit_code == ExitCode.WAITING
    assert asked(site) == {}


def write_record(root: Path, product_id: str, record: Record) -> None:
    def write() -> None:
        root.mkdir(exist_ok=True)
        with ProgressFile.load(root, True) as progress:
            progress.record(product_id, record)

    off_loop(write)


@pytest.mark.parametrize("mark", ["2099-01-01T00:00:00Z", "2024-07-03T00:00:00", "soon"])
async def test_a_time_that_cannot_be_right_keeps_no_order_from_being_placed(
    site_factory: SiteFactory, clock: JumpingClock, mark: str
) -> None:
    """A clock that was wrong has written it, or somebody has edited it."""
    site = await site_factory(half_offline(1, 1), retrieval_seconds=10_000)
    entry = site.entries[0]
    placed = Retrieval(
        state=RetrievalState.ACCEPTED, since=timestamp(clock.now()), asked=1, next=mark
    )
    write_record(
        site.root, entry.id, Record(name=entry.name, state=State.WAITING, retrieval=placed)
    )
    assert (await site.sync(offline="request")).exit_code == ExitCode.WAITING
    assert asked(site) == {entry.id: 1}


async def test_the_intent_is_on_disk_before_the_hub_is_asked(site_factory: SiteFactory) -> None:
    """A kill between question and answer finds it there."""
    site = await site_factory(half_offline(1, 1))
    site.hub.faults.add(Fault(Answer(202), on=Kind.BODY, times=None))
    states: list[tuple[RetrievalState, int]] = []

    class Spy(dict[str, int]):
        def __setitem__(self, key: str, value: int) -> None:
            if key == Kind.BODY:
                found = retrieval_of(site, site.entries[0])
                states.append((found.state, found.asked))
            super().__setitem__(key, value)

    site.stats.requests = Spy(site.stats.requests)
    await site.sync(offline="request")
    assert states == [(RetrievalState.REQUESTED, 1)]
    assert retrieval_of(site, site.entries[0]).state is RetrievalState.ACCEPTED


async def test_a_run_that_ends_while_an_order_waits_for_a_slot_has_ordered_nothing(
    site_factory: SiteFactory, clock: JumpingClock
) -> None:
    """Else the product would be waited for until the order that was never placed expires."""
    bodies = [body_of(20_000, number) for number in range(2)]
    online, offline = (entry_of(n, body, online=n == 0) for n, body in enumerate(bodies))
    catalogue = FolderCatalogue(zip((online, offline), bodies, strict=True))
    site = await site_factory(catalogue, retrieval_seconds=60)
    site.hub.faults.add(Fault(Stall(after=10_000), product=online.id))
    async with anyio.create_task_group() as group:

        async def end_it() -> None:
            await clock.sleep(30)
            group.cancel_scope.cancel()

        site.on(TransferStarted, lambda: group.start_soon(end_it))
        await site.sync(offline="request", slots=1)
    assert group.cancel_scope.cancelled_caught
    assert asked(site) == {}
    assert retrieval_of(site, offline).state is RetrievalState.WAITING
    report = await site.sync(offline="request", wait_offline="10 min", poll_interval="10s")
    assert report.exit_code == ExitCode.OK
    assert asked(site) == {offline.id: 1}


async def test_a_run_that_ends_while_an_order_is_written_down_takes_it_back(
    site_factory: SiteFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Writing is not cut short, and what comes after it, asking the hub, does not begin."""
    site = await site_factory(half_offline(1, 1), retrieval_seconds=60)
    write = ProgressFile.record
    with anyio.CancelScope() as scope, monkeypatch.context() as patch:

        def ending(self: ProgressFile, product_id: str, record: Record) -> None:
            write(self, product_id, record)
            if record.retrieval and record.retrieval.state is RetrievalState.REQUESTED:
                anyio.from_thread.run_sync(scope.cancel)

        patch.setattr(ProgressFile, "record", ending)
        await site.sync(offline="request")
    assert scope.cancelled_caught
    assert asked(site) == {}
    assert retrieval_of(site, site.entries[0]).state is RetrievalState.WAITING
    report = await site.sync(offline="request", wait_offline="10 min", poll_interval="10s")
    assert (report.exit_code, report.fetched) == (ExitCode.OK, 1)


async def test_an_order_whose_answer_nobody_heard_is_placed_again_before_long(
    site_factory: SiteFactory, clock: JumpingClock
) -> None:
    """A run ends while it asks. The hub may have the order: it is looked at before it is asked."""
    site = await site_factory(half_offline(1, 1), retrieval_seconds=60)
    entry = site.entries[0]
    site.hub.faults.add(Fault(Delay(3600), on=Kind.BODY))
    with anyio.CancelScope() as scope:

        class Ending(dict[str, int]):
            def __setitem__(self, key: str, value: int) -> None:
                super().__setitem__(key, value)
                if key == Kind.BODY:
                    scope.cancel()

        site.stats.requests = Ending(site.stats.requests)
        await site.sync(offline="request")
    assert scope.cancelled_caught
    site.stats.requests = dict(site.stats.requests)
    found = retrieval_of(site, entry)
    assert (found.state, found.asked, asked(site)) == (RetrievalState.REQUESTED, 1, {})
    await clock.sleep(1800)
    assert (await site.sync(offline="request")).exit_code == ExitCode.WAITING
    assert asked(site) == {}, "the hub may be at it"
    await clock.sleep(3600)
    report = await site.sync(offline="request", wait_offline="10 min", poll_interval="10s")
    assert (report.exit_code, report.fetched) == (ExitCode.OK, 1)
    assert asked(site) == {entry.id: 1}


async def test_a_refused_account_has_ordered_nothing(site_factory: SiteFactory) -> None:
    """With the right password the next run asks at once."""
    site = await site_factory(half_offline(1, 1), retrieval_seconds=60)
    refused = Fault(
        answers.invalid_grant(401, "Invalid user credentials"), on=Kind.TOKEN, times=None
    )
    site.hub.faults.add(refused)
    assert (await site.sync(offline="request")).exit_code == ExitCode.ACCOUNT
    assert asked(site) == {}
    site.hub.faults.clear()
    report = await site.sync(offline="request", wait_offline="10 min", poll_interval="10s")
    assert (report.exit_code, report.fetched) == (ExitCode.OK, 1)
    assert asked(site) == {site.entries[0].id: 1}


async def test_a_run_that_ends_while_the_hub_is_busy_leaves_no_order_behind(
    site_factory: SiteFactory, clock: JumpingClock
) -> None:
    """What the hub refused for now is not taken for placed because somebody pressed Ctrl-C."""
    site = await site_factory(half_offline(1, 1), retrieval_seconds=60)
    site.hub.faults.add(Fault(answers.rate_limited("7200"), on=Kind.BODY))
    with anyio.CancelScope() as scope:
        site.on(HubPaused, scope.cancel)
        await site.sync(offline="request")
    assert scope.cancelled_caught
    await clock.sleep(7200)
    report = await site.sync(offline="request", wait_offline="10 min", poll_interval="10s")
    assert (report.exit_code, report.fetched) == (ExitCode.OK, 1)


async def test_an_order_that_brought_nothing_for_days_is_placed_again(
    site_factory: SiteFactory, clock: JumpingClock
) -> None:
    """Hubs forget orders; the number of times it was asked for is kept."""
    site = await site_factory(half_offline(1, 1), retrieval_seconds=10_000_000)
    await site.sync(offline="request")
    await clock.sleep(timedelta(days=4).total_seconds())
    await site.sync(offline="request")
    assert asked(site) == {site.entries[0].id: 2}
    assert retrieval_of(site, site.entries[0]).asked == 2


async def test_a_quota_stops_the_asking_for_a_while(
    site_factory: SiteFactory, clock: JumpingClock
) -> None:
    """Neither this run nor the next asks again before the pause is over; then the rest is."""
    site = await site_factory(half_offline(4, 4), most_retrievals=1, retrieval_seconds=10_000_000)
    report = await site.sync(offline="request", retrieval_limit=10)
    assert report.exit_code == ExitCode.WAITING
    assert len(asked(site)) == 2, "one was accepted, one met the quota"
    count = sum(asked(site).values())
    await site.sync(offline="request", retrieval_limit=10)
    assert sum(asked(site).values()) == count
    states = {record.retrieval.state for record in site.records().values() if record.retrieval}
    assert states == {RetrievalState.ACCEPTED, RetrievalState.QUOTA, RetrievalState.WAITING}
    site.hub.settings = msgspec.structs.replace(site.hub.settings, most_retrievals=None)
    await clock.sleep(3600)
    await site.sync(offline="request", retrieval_limit=10)
    assert len(asked(site)) == 4


async def test_a_quota_that_ends_while_the_run_waits_is_used(
    site_factory: SiteFactory, clock: JumpingClock
) -> None:
    """A run that waits for hours asks again after the pause."""
    site = await site_factory(half_offline(3, 3), most_retrievals=1, retrieval_seconds=60)
    site.on(
        RetrievalRequested,
        lambda: setattr(site.hub, "settings", HubSettings(retrieval_seconds=60)),
    )
    report = await site.sync(offline="request", wait_offline="3h", poll_interval="5 min")
    assert (report.exit_code, report.fetched) == (ExitCode.OK, 3)
    site.assert_whole()


async def test_no_more_orders_at_a_time_than_the_limit(site_factory: SiteFactory) -> None:
    """The next is placed when one has come back."""
    site = await site_factory(half_offline(5, 5), retrieval_seconds=300)
    most = 0

    def count() -> None:
        nonlocal most
        under_way = len(site.seen(RetrievalRequested)) - len(site.seen(ProductOnline))
        most = max(most, under_way)

    site.on(RetrievalRequested, count)
    report = await site.sync(
        offline="request", retrieval_limit=2, wait_offline="2h", poll_interval="30s"
    )
    assert report.exit_code == ExitCode.OK
    assert most == 2
    assert asked(site) == {entry.id: 1 for entry in site.entries}


@pytest.mark.parametrize("answer", [OfflineAnswer.FORBIDDEN, OfflineAnswer.NOT_FOUND])
async def test_a_refusal_means_waiting_and_looking(
    site_factory: SiteFactory, clock: JumpingClock, answer: OfflineAnswer
) -> None:
    """Asked once; should somebody else bring it back, it is found and fetched."""
    site = await site_factory(half_offline(3, 1), offline_answer=answer)
    entry = site.entries[0]
    report = await site.sync(offline="request")
    assert (report.exit_code, report.fetched, report.failed) == (ExitCode.WAITING, 2, 0)
    assert retrieval_of(site, entry).state is RetrievalState.REFUSED
    assert retrieval_of(site, entry).answer
    await site.sync(offline="request")
    assert asked(site) == {entry.id: 1}
    site.on(ProductWaiting, lambda: site.catalogue.relist(entry.id, online=True))
    report = await site.sync(offline="request", wait_offline="5 min", poll_interval="1 min")
    assert report.exit_code == ExitCode.OK
    site.assert_whole()


async def test_an_order_that_goes_wrong_is_placed_again_before_long(
    site_factory: SiteFactory, clock: JumpingClock
) -> None:
    """A 500 says nothing about the product, and may even mean that the order was taken."""
    site = await site_factory(half_offline(3, 1), retrieval_seconds=60)
    entry = site.entries[0]
    site.hub.faults.add(Fault(answers.server_error(500), product=entry.id, on=Kind.BODY, times=1))
    report = await site.sync(offline="request")
    assert (report.exit_code, report.fetched, report.failed) == (ExitCode.WAITING, 2, 0)
    assert retrieval_of(site, entry).state is RetrievalState.WAITING
    assert retrieval_of(site, entry).answer.startswith("500")
    await site.sync(offline="request")
    assert retrieval_of(site, entry).asked == 1
    await clock.sleep(2 * 3600)
    report = await site.sync(offline="request", wait_offline="5 min", poll_interval="1 min")
    assert report.exit_code == ExitCode.OK
    assert asked(site) == {entry.id: 1}


async def test_one_order_that_goes_wrong_does_not_stop_the_others(
    site_factory: SiteFactory,
) -> None:
    """They are placed in the same run."""
    site = await site_factory(half_offline(8, 8), retrieval_seconds=1_000_000)
    bad = site.entries[0]
    fault = Fault(answers.server_error(500), product=bad.id, on=Kind.BODY, times=None)
    site.hub.faults.add(fault)
    await site.sync(offline="request")
    assert asked(site) == {entry.id: 1 for entry in site.entries[1:]}


async def test_orders_that_all_go_wrong_stop_for_a_while(
    site_factory: SiteFactory, clock: JumpingClock
) -> None:
    """A hub that has thousands to refuse by 500 is not asked for each."""
    site = await site_factory(half_offline(8, 8), offline_answer=OfflineAnswer.ERROR)
    await site.sync(offline="request")
    await site.sync(offline="request")
    assert sum(asked(site).values()) == 3
    await clock.sleep(40 * 60)
    await site.sync(offline="request")
    assert sum(asked(site).values()) == 6


async def test_waiting_only_looks_and_never_asks(site_factory: SiteFactory) -> None:
    """On the present service orders are not open to everyone."""
    site = await site_factory(half_offline())
    site.on(
        ProductWaiting,
        lambda: [site.catalogue.relist(each.id, online=True) for each in site.entries],
    )
    report = await site.sync(offline="wait", wait_offline="1 min", poll_interval="10s")
    assert report.exit_code == ExitCode.OK
    assert asked(site) == {}
    assert site.seen(RetrievalRequested) == []


async def test_skipping_neither_asks_nor_looks_nor_waits(
    site_factory: SiteFactory, clock: JumpingClock
) -> None:
    """They are still told, and recorded, as waiting."""
    site = await site_factory(half_offline())
    begin = clock.monotonic()
    report = await site.sync(offline="skip", wait_offline="1h")
    assert (report.exit_code, report.waiting) == (ExitCode.WAITING, 2)
    assert clock.monotonic() - begin < 600
    assert asked(site) == {}
    assert "names" not in site.stats.requests


async def test_waiting_ends_in_time(site_factory: SiteFactory, clock: JumpingClock) -> None:
    """The time begins when everything else is done; nobody wakes but to look."""
    site = await site_factory(half_offline(), retrieval_seconds=1_000_000)
    begin = clock.monotonic()
    report = await site.sync(offline="request", wait_offline="30 min", poll_interval="60s")
    assert report.exit_code == ExitCode.WAITING
    assert 1800 <= clock.monotonic() - begin < 2400
    assert clock.slept < 50


async def test_a_product_that_waits_holds_no_slot(site_factory: SiteFactory) -> None:
    """With one slot everything else is fetched while two wait."""
    site = await site_factory(half_offline(8, 2), retrieval_seconds=1_000_000)
    report = await site.sync(offline="request", wait_offline="1 min", slots=1)
    assert report.fetched == 6
    assert site.stats.open_bodies["demo@example.org"] == 0


async def test_an_answer_of_202_to_a_download_is_an_order(site_factory: SiteFactory) -> None:
    """A catalogue that says online while the download says not: it is not asked for twice."""
    site = await site_factory(half_offline(2, 1), retrieval_seconds=100)
    entry = site.entries[0]
    site.hub.faults.add(Fault(Listed({"Online": True}), product=entry.id, times=1))
    report = await site.sync(offline="request", wait_offline="10 min", poll_interval="10s")
    assert report.exit_code == ExitCode.OK
    assert asked(site) == {entry.id: 1}
    site.assert_whole()


async def test_a_catalogue_that_keeps_lying_about_being_online_ends_the_run_all_the_same(
    site_factory: SiteFactory,
) -> None:
    """It is believed a few times and then no more; the product waits for a later run."""
    site = await site_factory(half_offline(2, 1), retrieval_seconds=1_000_000)
    entry = site.entries[0]
    site.hub.faults.add(Fault(Listed({"Online": True}), product=entry.id, times=None))
    with anyio.fail_after(20):
        report = await site.sync(offline="request", wait_offline="10 min", poll_interval="10s")
    assert (report.exit_code, report.waiting) == (ExitCode.WAITING, 1)
    assert site.stats.retrievals[entry.id] <= 5


async def test_a_product_that_is_online_when_asked_for_is_fetched(
    site_factory: SiteFactory,
) -> None:
    """The catalogue's flag is late: the answer to the request counts."""
    site = await site_factory(half_offline(2, 1))
    entry = site.entries[0]
    site.catalogue.relist(entry.id, online=True)
    site.hub.faults.add(Fault(Listed({"Online": False}), product=entry.id, times=None))
    report = await site.sync(offline="request", wait_offline="1 min")
    assert (report.exit_code, report.fetched) == (ExitCode.OK, 2)
    site.assert_whole()


async def test_a_copy_on_disk_is_not_asked_for(site_factory: SiteFactory) -> None:
    """Quotas are small: what lies there already is adopted first."""
    site = await site_factory(half_offline(1, 1))
    entry = site.entries[0]
    site.root.mkdir()
    site.path_of(entry).write_bytes(site.bytes_of(entry))
    report = await site.sync(offline="request")
    assert (report.exit_code, report.adopted) == (ExitCode.OK, 1)
    assert asked(site) == {}


async def test_a_broken_look_is_repeated(site_factory: SiteFactory) -> None:
    """One bad answer of the catalogue neither ends the wait nor the run."""
    site = await site_factory(half_offline(), retrieval_seconds=60)
    site.hub.faults.add(Fault(answers.server_error(500), on=Kind.NAMES, times=40))
    report = await site.sync(offline="request", wait_offline="3h", poll_interval="5 min")
    assert (report.exit_code, report.fetched) == (ExitCode.OK, 4)
    site.assert_whole()


async def test_a_look_that_never_works_is_told(site_factory: SiteFactory) -> None:
    """Exit code 4: whether the products are back is not known."""
    site = await site_factory(half_offline(), retrieval_seconds=60)
    site.hub.faults.add(Fault(answers.server_error(500), on=Kind.NAMES, times=None))
    report = await site.sync(offline="request", wait_offline="30 min", poll_interval="5 min")
    assert (report.exit_code, report.fetched, report.waiting) == (ExitCode.HUB, 2, 2)


async def test_all_that_wait_get_their_turn_to_be_looked_at(
    site_factory: SiteFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also when more wait than are looked at in one round and the first never come back."""
    monkeypatch.setattr("s2fetch.sync.retrieval.MOST_POLLED", 2)
    site = await site_factory(half_offline(7, 7))
    last = site.entries[-1]
    site.on(ProductWaiting, lambda: site.catalogue.relist(last.id, online=True))
    site.hub.faults.add(
        *(
            Fault(Listed({"Online": False}), product=entry.id, times=None)
            for entry in site.entries[:-1]
        )
    )
    site.hub.faults.add(Fault(Listed({"Online": False}), on=Kind.SEARCH, times=None))
    report = await site.sync(offline="wait", wait_offline="10 min", poll_interval="30s")
    assert report.fetched == 1
    assert [event.product.id for event in site.seen(ProductCompleted)] == [last.id]


async def test_the_desk_uses_a_slot_to_ask(site_factory: SiteFactory) -> None:
    """An order is an authenticated request like any other, and counts against the cap."""
    site = await site_factory(half_offline(8, 4), most_transfers=1, bytes_per_second=500_000.0)
    report = await site.sync(offline="request", slots=1, wait_offline="10 min", poll_interval="10s")
    assert report.exit_code == ExitCode.OK
    assert "429" not in site.stats.statuses
    assert len(site.seen(TransferStarted)) == 8


async def test_orders_go_through_an_account_that_works(site_factory: SiteFactory) -> None:
    """One of two accounts is refused: offline products are asked for through the other."""
    users = (User(name="one@example.org", password="1"), User(name="two@example.org", password="2"))
    site = await site_factory(half_offline(3, 3), users=users, retrieval_seconds=60)
    for user, password in zip(users, ("1", "wrong"), strict=True):
        file = site.root.parent / f"{user.name}.toml"
        file.write_text(f'user = "{user.name}"\npassword = "{password}"\n')
        file.chmod(0o600)
    path = site.root.parent / "archive.toml"
    path.write_text(
        "".join(
            f'[[accounts]]\nuser = "{user.name}"\ncredentials-file = "{user.name}.toml"\n'
            for user in reversed(users)
        )
    )
    report = await site.sync(
        file=path, offline="request", wait_offline="10 min", poll_interval="10s"
    )
    assert (report.exit_code, report.fetched) == (ExitCode.OK, 3)
    assert site.stats.refused_tokens >= 1
    site.assert_whole()
