"""Hubs that ask us to wait, or are away: nothing fails, nobody is pestered, everything ends."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from email.utils import format_datetime

import anyio
import pytest

from s2fetch.embedded import answers
from s2fetch.embedded.faults import Answer, Fault, GoDown, Kind, Reset, Slow
from s2fetch.embedded.identity import User
from s2fetch.errors import ExitCode
from s2fetch.events import (
    AttemptFailed,
    HubPaused,
    ProductCompleted,
    RunStarted,
    TransferEnded,
    TransferStarted,
)
from s2fetch.retry import BUSY_LIMIT
from tests.sync.clock import JumpingClock
from tests.sync.conftest import SiteFactory
from tests.sync.site import Site, body_of, catalogue_of, name_of


async def many(site_factory: SiteFactory, count: int = 8, **options: object) -> Site:
    return await site_factory(catalogue_of(*(body_of(30_000, n) for n in range(count))), **options)


@pytest.mark.parametrize("status", [429, 503])
@pytest.mark.parametrize("names_a_time", [False, True], ids=["without a time", "Retry-After"])
async def test_ten_minutes_of_wait_cost_no_attempt(
    site_factory: SiteFactory, clock: JumpingClock, status: int, names_a_time: bool
) -> None:
    """Everything is fetched afterwards, with few requests meanwhile."""
    site = await many(site_factory)
    answer = answers.rate_limited("600" if names_a_time else "", status)
    site.hub.faults.add(Fault(answer, on=Kind.BODY, times=None))
    ends: list[asyncio.Task[None]] = []

    async def end() -> None:
        await clock.sleep(600)
        site.hub.faults.clear()

    def begin_to_wait() -> None:
        if not ends:
            ends.append(asyncio.create_task(end()))

    site.on(HubPaused, begin_to_wait)
    begin = clock.monotonic()
    report = await site.sync(give_up_after="1h")
    await asyncio.gather(*ends)
    assert report.exit_code == ExitCode.OK
    assert site.seen(AttemptFailed) == []
    assert clock.monotonic() - begin >= 600
    assert site.stats.statuses[str(status)] <= (4 if names_a_time else 30)
    assert site.seen(HubPaused)
    site.assert_whole()


async def test_a_retry_after_date_is_understood(
    site_factory: SiteFactory, clock: JumpingClock
) -> None:
    """The other form of the field."""
    site = await many(site_factory, 1)
    until = format_datetime(clock.now().replace(minute=8), usegmt=True)
    headers = {"Retry-After": until, "Date": format_datetime(clock.now(), usegmt=True)}
    site.hub.faults.add(Fault(Answer(503, headers=headers), on=Kind.BODY))
    report = await site.sync(give_up_after="3h")
    assert report.exit_code == ExitCode.OK
    assert [round(event.seconds) for event in site.seen(HubPaused)] == [480]


async def test_a_busy_catalogue_is_waited_for(site_factory: SiteFactory) -> None:
    """A listing that asks us to wait is not a listing that failed."""
    site = await many(site_factory)
    site.hub.faults.add(Fault(answers.rate_limited("30"), on=Kind.SEARCH, times=3))
    assert (await site.sync()).exit_code == ExitCode.OK
    site.assert_whole()


@pytest.mark.parametrize("slots", [1, 2])
@pytest.mark.parametrize(
    "effect", [answers.rate_limited(status=503), Reset(-1)], ids=["503", "reset before the head"]
)
async def test_one_product_the_hub_never_serves_does_not_hold_up_the_rest(
    site_factory: SiteFactory, slots: int, effect: Answer | Reset
) -> None:
    """While others are served, being put off again and again counts as failing."""
    site = await many(site_factory)
    site.hub.faults.add(Fault(effect, on=Kind.BODY, product=name_of(0), times=None))
    report = await site.sync(slots=slots, attempts=2)
    assert (report.exit_code, report.fetched, report.failed) == (ExitCode.FAILED, 7, 1)
    assert "serves others but not this one" in report.failures[0].error
    served = [event.product.name for event in site.seen(ProductCompleted)]
    assert len(served) == 7
    site.assert_whole(site.entries[1:])


async def test_several_products_the_hub_never_serves_do_not_hold_up_the_rest(
    site_factory: SiteFactory,
) -> None:
    """Also when there are more of them than slots."""
    site = await many(site_factory)
    for number in range(4):
        fault = Fault(answers.rate_limited(), on=Kind.BODY, product=name_of(number), times=None)
        site.hub.faults.add(fault)
    report = await site.sync(attempts=1, give_up_after="10h")
    assert (report.fetched, report.failed) == (4, 4)
    site.assert_whole(site.entries[4:])


async def test_a_limit_of_the_account_is_no_fault_of_a_product(site_factory: SiteFactory) -> None:
    """Somebody else uses slots of the account: we wait, and nothing fails."""
    site = await many(site_factory, 6, most_transfers=1)
    report = await site.sync(slots=3, give_up_after="10h")
    assert report.exit_code == ExitCode.OK
    assert site.seen(AttemptFailed) == []
    site.assert_whole()


async def test_being_over_the_accounts_limit_never_counts_against_a_product(
    site_factory: SiteFactory,
) -> None:
    """However often it happens to be the same one that is put off, while others are served."""
    site = await many(site_factory)
    fault = Fault(answers.too_many_transfers(), on=Kind.BODY, product=name_of(0), times=12)
    site.hub.faults.add(fault)
    assert (await site.sync(give_up_after="10h")).exit_code == ExitCode.OK
    assert site.hub.faults.happened(fault) == 12
    assert site.seen(AttemptFailed) == []
    site.assert_whole()


async def test_who_waited_for_a_slot_waits_for_the_hub_again(
    site_factory: SiteFactory, clock: JumpingClock
) -> None:
    """Once the hub has said "wait", nobody asks it, not even who was allowed to before."""
    site = await many(site_factory)
    site.hub.faults.add(
        Fault(Slow(100_000), product=name_of(0)),
        Fault(answers.rate_limited("600"), on=Kind.BODY, product=name_of(1)),
    )
    started: list[float] = []
    paused: list[float] = []
    site.on(TransferStarted, lambda: started.append(clock.elapsed))
    site.on(HubPaused, lambda: paused.append(clock.elapsed))
    assert (await site.sync()).exit_code == ExitCode.OK
    assert len(paused) == 1
    under_way = [moment for moment in started if moment < paused[0] + 600]
    assert len(under_way) == 1, "one body was asked for before"


async def test_two_accounts_go_on_while_one_of_them_has_to_wait(
    site_factory: SiteFactory, clock: JumpingClock
) -> None:
    """A limit of one account is not a limit of the other, nor a failure of any product."""
    users = (User(name="one@example.org", password="1"), User(name="two@example.org", password="2"))
    site = await many(site_factory, 12, users=users)
    path = site.root.parent / "archive.toml"
    for user in users:
        file = site.root.parent / f"{user.name}.toml"
        file.write_text(f'user = "{user.name}"\npassword = "{user.password}"\n')
        file.chmod(0o600)
    path.write_text(
        "".join(
            f'[[accounts]]\nuser = "{user.name}"\ncredentials-file = "{user.name}.toml"\n'
            for user in users
        )
    )
    session_limit = answers.too_many_transfers()
    site.hub.faults.add(Fault(session_limit, on=Kind.BODY, times=4))
    report = await site.sync(file=path)
    assert report.exit_code == ExitCode.OK
    assert site.seen(AttemptFailed) == []
    assert len({event.account for event in site.seen(ProductCompleted)}) == 2
    assert site.seen(RunStarted)[0].slots == 4
    site.assert_whole()


async def test_a_hub_that_is_down_at_the_start_is_waited_for(
    site_factory: SiteFactory, clock: JumpingClock
) -> None:
    """The run begins when the hub does."""
    site = await many(site_factory)
    await site.hub.go_down()

    async def come_up() -> None:
        await clock.sleep(240)
        await site.hub.come_up()

    coming = asyncio.create_task(come_up())
    report = await site.sync()
    await coming
    assert report.exit_code == ExitCode.OK
    assert site.seen(AttemptFailed) == []
    site.assert_whole()


async def test_a_hub_that_goes_down_in_mid_run_is_waited_for(
    site_factory: SiteFactory, clock: JumpingClock
) -> None:
    """What was under way is continued; each product loses one attempt at most."""
    bodies = [body_of(1_300_000, n) for n in range(4)]
    site = await site_factory(catalogue_of(*bodies), bytes_per_second=5_000_000.0)
    asleep: list[asyncio.Task[None]] = []
    noticed = asyncio.Event()

    async def sleep_and_wake() -> None:
        await site.hub.go_down()
        await noticed.wait()
        await clock.sleep(300)
        await site.hub.come_up()

    def go_down() -> None:
        if not asleep:
            asleep.append(asyncio.create_task(sleep_and_wake()))

    site.on(TransferStarted, go_down)
    site.on(HubPaused, noticed.set)
    report = await site.sync()
    await asyncio.gather(*asleep)
    assert report.exit_code == ExitCode.OK
    assert len(site.seen(AttemptFailed)) <= len(bodies)
    site.assert_whole()


async def test_a_hub_that_stays_down_is_given_up_in_time(
    site_factory: SiteFactory, clock: JumpingClock
) -> None:
    """Exit code 4, with the reason; what was fetched is kept and the next run goes on."""
    site = await many(site_factory)
    site.hub.faults.add(Fault(GoDown(), on=Kind.BODY, skip=3))
    begin = clock.monotonic()
    report = await site.sync(give_up_after="15 min", slots=1)
    assert report.exit_code == ExitCode.HUB
    assert "15 min" in report.error
    assert 900 <= clock.monotonic() - begin < 2000
    assert report.fetched == 3
    await site.hub.come_up()
    assert (await site.sync()).exit_code == ExitCode.OK
    assert sum(site.stats.bodies.values()) == 8
    site.assert_whole()


async def test_a_hub_that_was_never_there_is_given_up_in_time(
    site_factory: SiteFactory, clock: JumpingClock
) -> None:
    """Exit code 4 also when not even the catalogue answers; nothing is on disk but the archive."""
    site = await many(site_factory)
    await site.hub.go_down()
    report = await site.sync(give_up_after="5 min")
    assert report.exit_code == ExitCode.HUB
    assert site.visible() == []
    await site.hub.come_up()


async def test_a_catalogue_that_breaks_in_the_middle_is_an_error_and_not_the_end(
    site_factory: SiteFactory,
) -> None:
    """What is known by then is fetched, but the exit code says that there may be more."""
    site = await many(site_factory)
    site.hub.faults.add(Fault(answers.server_error(500), on=Kind.SEARCH, times=None))
    report = await site.sync()
    assert report.exit_code == ExitCode.HUB
    assert report.fetched == 0
    site.hub.faults.clear()
    assert (await site.sync()).exit_code == ExitCode.OK


@pytest.mark.parametrize("slots", [1, 2, 4])
async def test_never_more_bodies_at_a_time_than_slots(
    site_factory: SiteFactory, slots: int
) -> None:
    """The hub counts them, and never has to refuse one; with work enough all slots are used."""
    site = await site_factory(
        catalogue_of(*(body_of(60_000, n) for n in range(12))),
        bytes_per_second=1_000_000.0,
        most_transfers=slots,
    )
    assert (await site.sync(slots=slots)).exit_code == ExitCode.OK
    assert set(site.stats.most_open_bodies.values()) == {slots}
    assert "429" not in site.stats.statuses
    site.assert_whole()


async def test_two_archives_share_the_slots_of_an_account(
    site_factory: SiteFactory, clock: JumpingClock
) -> None:
    """Their locks are the operating system's, so this holds for two processes as well."""
    site = await site_factory(
        catalogue_of(*(body_of(40_000, n) for n in range(6))),
        bytes_per_second=1_000_000.0,
        most_transfers=2,
    )
    other = Site(site.hub, site.root.parent, clock, name="other")
    reports = await asyncio.gather(site.sync(), other.sync())
    assert [report.exit_code for report in reports] == [ExitCode.OK, ExitCode.OK]
    assert set(site.stats.most_open_bodies.values()) == {2}
    assert "429" not in site.stats.statuses
    site.assert_whole()
    other.assert_whole()


class HeldClock:
    """Pauses between attempts last until the test ends them."""

    def __init__(self, clock: JumpingClock) -> None:
        self.over = asyncio.Event()
        self.now = clock.now
        self.monotonic = clock.monotonic
        self._sleep = clock.sleep

    async def sleep(self, seconds: float) -> None:
        await (self.over.wait() if seconds > 0.5 else self._sleep(seconds))


async def test_a_failed_product_holds_no_slot_while_it_waits(
    site_factory: SiteFactory, clock: JumpingClock
) -> None:
    """With one slot, all others are fetched before its next attempt."""
    site = await many(site_factory)
    site.clock = held = HeldClock(clock)
    site.hub.faults.add(Fault(answers.server_error(500), product=name_of(0)))

    def let_go() -> None:
        if len(site.seen(ProductCompleted)) == 7:
            held.over.set()

    site.on(ProductCompleted, let_go)
    with anyio.fail_after(20):
        report = await site.sync(slots=1)
    assert report.exit_code == ExitCode.OK
    assert site.seen(ProductCompleted)[-1].product.name == name_of(0)
    site.assert_whole()


async def test_all_downloads_together_stay_within_the_bandwidth(
    site_factory: SiteFactory, clock: JumpingClock
) -> None:
    """Two slots at 100 kB/s altogether need their time for 600 kB."""
    site = await site_factory(catalogue_of(*(body_of(100_000, n) for n in range(6))))
    begin = clock.monotonic()
    assert (await site.sync(bandwidth="100 kB/s")).exit_code == ExitCode.OK
    # Less the quarter of a second that may be saved up; more for pauses that are none of its.
    assert 5.5 <= clock.monotonic() - begin <= 12
    site.assert_whole()


async def test_the_poison_limit_is_reached_and_not_passed(site_factory: SiteFactory) -> None:
    """So often, and no more, a product may be put off while others are served."""
    site = await many(site_factory, 12)
    fault = Fault(answers.rate_limited("1"), on=Kind.BODY, product=name_of(0), times=BUSY_LIMIT - 1)
    site.hub.faults.add(fault)
    report = await site.sync(attempts=1, slots=1)
    assert report.exit_code == ExitCode.OK
    assert site.hub.faults.happened(fault) == BUSY_LIMIT - 1


async def test_a_slot_is_free_as_soon_as_the_body_has_ended(site_factory: SiteFactory) -> None:
    """Flushing and recording are nobody's slot: bodies follow each other without gaps between."""
    site = await many(site_factory, 4)
    site.hub.faults.add(Fault(Slow(1_000_000), times=None))
    await site.sync(slots=1)
    kinds = [
        event.name
        for event in site.events
        if isinstance(event, TransferStarted | TransferEnded | ProductCompleted)
    ]
    second_start = [i for i, kind in enumerate(kinds) if kind == "transfer-started"][1]
    assert kinds[:second_start].count("transfer-ended") == 1


@pytest.mark.parametrize("hours", [1, -1])
async def test_a_wall_clock_that_jumps_changes_nothing(
    site_factory: SiteFactory, clock: JumpingClock, hours: int
) -> None:
    """Everything that is waited for goes by a clock that cannot jump."""
    site = await many(site_factory)
    site.hub.faults.add(Fault(answers.rate_limited("30"), on=Kind.BODY, skip=2))

    def jump() -> None:
        clock.wall_offset = timedelta(hours=hours)

    site.on(TransferStarted, jump)
    begin = clock.monotonic()
    report = await site.sync()
    assert report.exit_code == ExitCode.OK
    assert 0 <= report.seconds <= 600
    assert 30 <= clock.monotonic() - begin <= 600
    site.assert_whole()


async def test_a_hub_that_accepts_no_token_ends_the_run_and_not_each_product(
    site_factory: SiteFactory,
) -> None:
    """Exit code 3 after a few, instead of all attempts of all products; then it goes on."""
    site = await site_factory(catalogue_of(*(body_of(20_000, n) for n in range(12))))
    site.hub.faults.add(Fault(answers.token_expired(), on=Kind.BODY, times=None))
    report = await site.sync()
    assert (report.exit_code, report.failed) == (ExitCode.ACCOUNT, 0)
    assert "accepts no token of account demo@example.org" in report.error
    assert site.stats.statuses["401"] <= 12
    assert site.records() == {}
    site.hub.faults.clear()
    assert (await site.sync()).fetched == 12


async def test_products_that_alone_are_refused_do_not_end_the_run(
    site_factory: SiteFactory,
) -> None:
    """A 401 for some, while others come: those fail by themselves."""
    site = await site_factory(catalogue_of(*(body_of(20_000, n) for n in range(6))))
    bad = site.entries[0]
    site.hub.faults.add(Fault(answers.token_expired(), on=Kind.BODY, product=bad.id, times=None))
    report = await site.sync(attempts=4)
    assert (report.exit_code, report.fetched, report.failed) == (ExitCode.FAILED, 5, 1)
    assert report.failures[0].code == "token-refused"
