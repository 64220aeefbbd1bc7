"""Whole syncs from hubs that run the Data Hub Software, of every generation."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack
from datetime import timedelta
from pathlib import Path
from typing import Any, cast

import pytest

from s2fetch.archive.records import State
from s2fetch.embedded.dhus.hub import DhusSettings, EmbeddedDhus, Generation, User
from s2fetch.embedded.dhus.stats import DhusStats
from s2fetch.embedded.entry import Entry
from s2fetch.embedded.faults import Answer, Cut, Fault, Kind, Listed, OrderFails
from s2fetch.embedded.folder import FolderCatalogue
from s2fetch.embedded.state import Ranges
from s2fetch.errors import ExitCode
from s2fetch.events import AttemptFailed, HubPaused, ProductOnline, TransferEnded, TransferStarted
from tests.sync.clock import JumpingClock
from tests.sync.site import Site, body_of, catalogue_of, entry_of

PAGE = "<!DOCTYPE html><html><h1>The Sentinels Scientific Data Hub will be back soon!</h1></html>"
MAINTENANCE = Answer(200, PAGE, "text/html")
MEGABYTE = 1 << 20


class DhusSite(Site):
    """An archive that is filled from a hub of this kind."""

    hub: EmbeddedDhus  # type: ignore[assignment]

    def __init__(self, hub: EmbeddedDhus, folder: Path, clock: JumpingClock) -> None:
        super().__init__(cast("Any", hub), folder, clock, kind="dhus")

    @property
    def dhus_stats(self) -> DhusStats:
        """What such a hub counts."""
        return self.hub.stats

    def bytes_of(self, entry: Entry) -> bytes:
        body = self.hub.state.orders.body(entry)
        assert body is not None
        return body if isinstance(body, bytes) else body.read_bytes()


@pytest.fixture
async def dhus_site(
    tmp_path: Path, clock: JumpingClock
) -> AsyncIterator[Callable[..., Awaitable[DhusSite]]]:
    """Starts a hub over a catalogue, with an archive that is filled from it."""
    async with AsyncExitStack() as stack:

        async def start(
            source: FolderCatalogue | None = None,
            *,
            users: tuple[User, ...] | None = None,
            faults: tuple[Fault, ...] = (),
            **settings: Any,
        ) -> DhusSite:
            catalogue = source or catalogue_of(*(body_of(20_000, n) for n in range(6)))
            more: dict[str, Any] = {} if users is None else {"users": users}
            hub = EmbeddedDhus(
                catalogue, settings=DhusSettings(**settings), faults=faults, clock=clock, **more
            )
            await stack.enter_async_context(hub)
            return DhusSite(hub, tmp_path, clock)

        yield start


DhusFactory = Callable[..., Awaitable[DhusSite]]


def some_offline(offline: int, count: int = 4) -> FolderCatalogue:
    """The first products are offline, the others online."""
    bodies = [body_of(20_000, number) for number in range(count)]
    return FolderCatalogue(
        (entry_of(number, body, online=number >= offline), body)
        for number, body in enumerate(bodies)
    )


@pytest.mark.parametrize("base_path", ["/dhus", ""])
@pytest.mark.parametrize("generation", Generation)
async def test_a_sync_works_with_every_generation(
    dhus_site: DhusFactory, generation: Generation, base_path: str
) -> None:
    """Everything arrives and is verified by MD5 in either case; a second run fetches nothing."""
    site = await dhus_site(generation=generation, base_path=base_path)
    report = await site.sync()
    assert (report.exit_code, report.fetched, report.failures) == (ExitCode.OK, 6, [])
    assert {record.proof for record in site.records().values()} == {"md5"}
    site.assert_whole()
    served = site.stats.all_bytes_served
    again = await site.sync()
    assert (again.exit_code, again.fetched, again.already) == (ExitCode.OK, 0, 6)
    assert site.stats.all_bytes_served == served


@pytest.mark.parametrize("generation", Generation)
async def test_a_download_that_breaks_goes_on_where_it_was(
    dhus_site: DhusFactory, generation: Generation
) -> None:
    """By a range and the entity tag as it came, without quotes."""
    body = body_of(4 * MEGABYTE)
    cut = Fault(Cut(after=3 * MEGABYTE))
    site = await dhus_site(catalogue_of(body), generation=generation, faults=(cut,))
    report = await site.sync()
    assert (report.exit_code, report.fetched) == (ExitCode.OK, 1)
    first, second = site.seen(TransferStarted)
    assert (first.offset, second.offset > MEGABYTE) == (0, True)
    site.assert_whole()
    assert site.stats.statuses["206"] == 1


async def test_a_hub_that_ignores_ranges_is_read_from_the_beginning(
    dhus_site: DhusFactory,
) -> None:
    """The whole product as an answer to a range is not appended to what is there."""
    body = body_of(4 * MEGABYTE)
    site = await dhus_site(
        catalogue_of(body), ranges=Ranges.IGNORE, faults=(Fault(Cut(after=3 * MEGABYTE)),)
    )
    report = await site.sync()
    assert (report.exit_code, report.fetched) == (ExitCode.OK, 1)
    site.assert_whole()


async def test_a_body_that_changed_is_not_joined_to_the_old_part(dhus_site: DhusFactory) -> None:
    """The entity tag is another one, so that the whole product comes."""
    body, other = body_of(4 * MEGABYTE, 1), body_of(4 * MEGABYTE, 2)
    site = await dhus_site(catalogue_of(body), faults=(Fault(Cut(after=3 * MEGABYTE)),))
    report = await site.sync(attempts=1)
    assert report.exit_code == ExitCode.FAILED
    (entry,) = site.entries
    changed = entry_of(0, other)
    site.catalogue.replace_body(entry.id, other)
    site.catalogue.relist(entry.id, md5=changed.md5)
    assert (await site.sync()).exit_code == ExitCode.OK
    site.assert_whole()


@pytest.mark.parametrize("repacked", [False, True])
async def test_offline_products_are_ordered_once_polled_and_fetched(
    dhus_site: DhusFactory, repacked: bool
) -> None:
    """A restored product may be another zip: what the hub says of it then is what counts."""
    site = await dhus_site(some_offline(2), restore_seconds=3600, repacked_on_restore=repacked)
    listed = {entry.id: entry.md5 for entry in site.entries}
    report = await site.sync(offline="request", wait_offline="3h", poll_interval="60s")
    assert (report.exit_code, report.fetched, report.waiting) == (ExitCode.OK, 4, 0)
    assert site.dhus_stats.orders == {entry.id: 1 for entry in site.entries[:2]}
    assert site.stats.retrievals == site.dhus_stats.orders, "polling is no request for a product"
    assert len(site.seen(ProductOnline)) == 2
    assert not site.seen(AttemptFailed)
    site.assert_whole()
    changed = [entry for entry in site.entries if entry.md5 != listed[entry.id]]
    assert len(changed) == (2 if repacked else 0)


async def test_polling_many_costs_few_requests(dhus_site: DhusFactory) -> None:
    """The state of all that wait is asked in one request, and names are looked up once."""
    site = await dhus_site(some_offline(30, 30), restore_seconds=600, most_pending_orders=30)
    report = await site.sync(
        offline="request", wait_offline="3h", poll_interval="2 min", retrieval_limit=30
    )
    assert (report.exit_code, report.fetched) == (ExitCode.OK, 30)
    looks = site.stats.requests["feed"]
    assert looks < 60
    assert site.stats.requests["search"] < 12
    assert site.stats.requests.get("lookup", 0) < 10


async def test_a_product_that_is_back_when_it_is_ordered_has_its_new_checksum(
    dhus_site: DhusFactory,
) -> None:
    """The catalogue was read before; the answer to the order says that it is online."""
    site = await dhus_site(some_offline(1, 1))
    (entry,) = site.entries
    other = body_of(21_000, 9)
    lying = Fault(Listed({"online": False, "md5": entry.md5}), on=Kind.FEED, times=1)
    first = Fault(Listed({"online": False, "md5": entry.md5}), on=Kind.LOOKUP, times=1)
    site.hub.faults.add(lying, first)
    site.catalogue.replace_body(entry.id, other)
    changed = entry_of(0, other)
    site.catalogue.relist(entry.id, online=True, md5=changed.md5, content_length=len(other))
    report = await site.sync(offline="request")
    assert (report.exit_code, report.fetched) == (ExitCode.OK, 1)
    assert not site.seen(AttemptFailed)
    site.assert_whole()


async def test_a_product_that_is_only_listed_as_online_is_ordered_by_its_download(
    dhus_site: DhusFactory,
) -> None:
    """202 to the download is the order; the product waits without a slot."""
    lying = Fault(Listed({"online": True}), on=Kind.LOOKUP, times=1)
    site = await dhus_site(some_offline(1, 1), faults=(lying,), restore_seconds=600)
    (entry,) = site.entries
    report = await site.sync(offline="request", wait_offline="1h", poll_interval="60s")
    assert (report.exit_code, report.fetched) == (ExitCode.OK, 1)
    assert site.dhus_stats.orders == {entry.id: 1}


async def test_old_servers_do_not_tell_what_is_offline(dhus_site: DhusFactory) -> None:
    """They are asked again by download a few times, and then by a later run."""
    site = await dhus_site(some_offline(1), generation=Generation.OLD_B, restore_seconds=90)
    report = await site.sync(offline="request", wait_offline="1h", poll_interval="60s")
    assert (report.exit_code, report.fetched) == (ExitCode.OK, 4)
    site.assert_whole()


@pytest.mark.parametrize("generation", [Generation.V2, Generation.OLD_B])
async def test_the_quota_on_orders_is_waited_for(
    dhus_site: DhusFactory, generation: Generation
) -> None:
    """403 with the user's quota stops the asking for half an hour; nothing fails."""
    site = await dhus_site(
        some_offline(3), generation=generation, most_orders=1, restore_seconds=60, has_online=True
    )
    report = await site.sync(offline="request", wait_offline="6h", poll_interval="60s")
    assert (report.exit_code, report.fetched) == (ExitCode.OK, 4)
    assert sum(site.dhus_stats.orders.values()) == 3
    assert sum(site.dhus_stats.refused_orders.values()) <= 3
    site.assert_whole()


async def test_a_full_queue_of_orders_is_waited_for(dhus_site: DhusFactory) -> None:
    """503 about retrievals pauses the orders, and not the downloads of what is online."""
    site = await dhus_site(
        some_offline(3), most_running_orders=1, most_pending_orders=0, restore_seconds=60
    )
    report = await site.sync(offline="request", wait_offline="6h", poll_interval="60s")
    assert (report.exit_code, report.fetched) == (ExitCode.OK, 4)
    assert not site.seen(HubPaused)
    site.assert_whole()


async def test_a_refused_order_at_a_download_is_no_order(dhus_site: DhusFactory) -> None:
    """The quota met by a download of what is listed as online: it is ordered when there is room."""
    lying = Fault(Listed({"online": True}), on=Kind.LOOKUP, times=1)
    site = await dhus_site(some_offline(1, 1), faults=(lying,), most_orders=0)
    report = await site.sync(offline="request")
    assert (report.exit_code, report.waiting) == (ExitCode.WAITING, 1)
    (entry,) = site.entries
    record = site.record(entry)
    assert record.state is State.WAITING
    assert record.retrieval is not None
    assert record.retrieval.next is not None
    tomorrow = (site.clock.now() + timedelta(days=1)).isoformat()
    assert record.retrieval.next < tomorrow, "it is not taken for ordered for days"


async def test_an_order_that_failed_is_placed_again_after_days(
    dhus_site: DhusFactory, clock: JumpingClock
) -> None:
    """It looks like a product that never comes back."""
    failing = Fault(OrderFails())
    site = await dhus_site(some_offline(1, 1), faults=(failing,), restore_seconds=600)
    (entry,) = site.entries
    waiting: dict[str, Any] = {
        "offline": "request",
        "wait_offline": "15 min",
        "poll_interval": "60s",
    }
    assert (await site.sync(**waiting)).exit_code == ExitCode.WAITING
    assert (await site.sync(**waiting)).exit_code == ExitCode.WAITING
    assert site.dhus_stats.orders == {entry.id: 1}
    clock.wall_offset += timedelta(days=3)
    assert (await site.sync(**waiting)).exit_code == ExitCode.OK
    assert site.dhus_stats.orders == {entry.id: 2}


@pytest.mark.parametrize("generation", Generation)
async def test_the_limit_on_concurrent_downloads_costs_no_attempt(
    dhus_site: DhusFactory, generation: Generation
) -> None:
    """403 or 500: the words say that the account has to wait."""
    site = await dhus_site(generation=generation, most_flows=1)
    report = await site.sync(slots=3, give_up_after="2h")
    assert (report.exit_code, report.fetched) == (ExitCode.OK, 6)
    assert not site.seen(AttemptFailed)
    assert max(site.stats.most_open_bodies.values()) == 1
    site.assert_whole()


@pytest.mark.parametrize("limit", [{"most_downloads": 4}, {"most_download_bytes": 85_000}])
async def test_the_share_of_a_period_is_waited_for(
    dhus_site: DhusFactory, limit: dict[str, int]
) -> None:
    """Long pauses of the account, no failures."""
    site = await dhus_site(**limit, download_window_seconds=900)
    report = await site.sync(give_up_after="4h")
    assert (report.exit_code, report.fetched) == (ExitCode.OK, 6)
    assert not site.seen(AttemptFailed)
    pauses = site.seen(HubPaused)
    assert pauses
    assert all(pause.seconds >= 600 and pause.account for pause in pauses)


async def test_a_product_that_is_too_large_for_the_account_fails_alone(
    dhus_site: DhusFactory,
) -> None:
    """The others are fetched; the reason is told."""
    bodies = (body_of(20_000), body_of(90_000))
    site = await dhus_site(catalogue_of(*bodies), most_flow_bytes=50_000)
    report = await site.sync()
    assert (report.exit_code, report.fetched) == (ExitCode.FAILED, 1)
    (failure,) = report.failures
    assert "larger than the account may download" in failure.error


async def test_an_incremental_run_asks_by_name_for_what_is_unsettled(
    dhus_site: DhusFactory,
) -> None:
    """With the rest of the query: what a narrower one does not have any more is left alone."""
    site = await dhus_site()
    first, last = site.entries[0], site.entries[-1]
    for entry in (first, last):
        site.hub.faults.add(Fault(Answer(404), on=Kind.BODY, product=entry.name, times=1))
    assert (await site.sync(incremental=True, attempts=1)).failed == 2
    narrower: dict[str, Any] = {"incremental": True, "overlap": "0s", "to": last.sensing_start}
    site.hub.faults.add(Fault(Answer(404), on=Kind.BODY, product=first.name, times=1))
    assert (await site.sync(**narrower, attempts=1)).failed == 1
    report = await site.sync(**narrower)
    assert (report.found, report.fetched) == (1, 1)
    assert site.records()[last.id].state is State.FAILED


async def test_a_wrong_password_is_told_at_once(dhus_site: DhusFactory) -> None:
    """One request, exit code 3, and not a word of the password."""
    site = await dhus_site()
    environment = site.hub.environment() | {"DHUS_PASSWORD": "not-this-one"}
    site.hub.environment = lambda: environment  # type: ignore[method-assign]
    report = await site.sync()
    assert report.exit_code == ExitCode.ACCOUNT
    assert site.dhus_stats.refused_logins == 1
    assert "refused user demo@example.org" in str(report.error)
    assert "not-this-one" not in str(report.error)


async def test_an_account_that_is_refused_leaves_the_work_to_the_others(
    dhus_site: DhusFactory, tmp_path: Path
) -> None:
    """Search and downloads go on with the next account."""
    users = tuple(User(name=name, password="right") for name in ("c", "a", "b"))
    site = await dhus_site(users=users)
    file = accounts_file(tmp_path, {"a": "wrong", "b": "right"})
    report = await site.sync(file=file)
    assert (report.exit_code, report.fetched) == (ExitCode.OK, 6)
    assert set(site.dhus_stats.downloads) == {"b"}
    site.assert_whole()


async def test_every_account_brings_its_own_slots(dhus_site: DhusFactory, tmp_path: Path) -> None:
    """Two accounts with two slots each: four downloads at a time, two of each."""
    users = (User(name="a", password="one"), User(name="b", password="two"))
    bodies = (body_of(200_000, n) for n in range(12))
    site = await dhus_site(catalogue_of(*bodies), users=users, bytes_per_second=2_000_000)
    file = accounts_file(tmp_path, {"a": "one", "b": "two"})
    report = await site.sync(file=file)
    assert (report.exit_code, report.fetched) == (ExitCode.OK, 12)
    assert site.stats.most_open_bodies == {"a": 2, "b": 2}
    assert not site.seen(HubPaused)


def accounts_file(folder: Path, passwords: dict[str, str]) -> Path:
    """A configuration with an account for each password."""
    lines = []
    for user, password in passwords.items():
        credentials = folder / f"{user}.toml"
        credentials.write_text(f'user = "{user}"\npassword = "{password}"\n')
        credentials.chmod(0o600)
        lines += ["[[accounts]]", f'user = "{user}"', f'credentials-file = "{credentials}"']
    file = folder / "accounts.toml"
    file.write_text("\n".join(lines) + "\n")
    return file


@pytest.mark.parametrize("kind", [Kind.SEARCH, Kind.FEED, Kind.BODY])
async def test_a_maintenance_page_is_waited_for_and_never_kept(
    dhus_site: DhusFactory, kind: Kind
) -> None:
    """With status 200, in place of data: nothing fails, no attempt is spent."""
    site = await dhus_site(faults=(Fault(MAINTENANCE, on=kind, times=3),))
    report = await site.sync()
    assert (report.exit_code, report.fetched) == (ExitCode.OK, 6)
    assert not site.seen(AttemptFailed)
    assert "will be back soon" in site.seen(HubPaused)[0].reason
    site.assert_whole()


async def test_a_maintenance_that_lasts_ends_the_run_with_what_the_hub_says(
    dhus_site: DhusFactory,
) -> None:
    """Exit code 4 after the time the user wants to wait."""
    site = await dhus_site(faults=(Fault(MAINTENANCE, on=Kind.SEARCH, times=None),))
    report = await site.sync(give_up_after="10 min")
    assert report.exit_code == ExitCode.HUB
    assert "will be back soon" in str(report.error)


async def test_an_error_in_xml_with_status_200_is_understood(dhus_site: DhusFactory) -> None:
    """So the oldest servers refused downloads; their words count."""
    words = 'Maximum number of 2 concurrent flows achieved by the user "x"'
    message = Answer(200, f"<error><message>{words}</message></error>", "application/xml")
    site = await dhus_site(faults=(Fault(message, on=Kind.BODY, times=2),))
    report = await site.sync()
    assert (report.exit_code, report.fetched) == (ExitCode.OK, 6)
    assert not site.seen(AttemptFailed)


async def test_a_hub_without_feeds_is_asked_for_one_product_at_a_time(
    dhus_site: DhusFactory,
) -> None:
    """Lengths and checksums come all the same."""
    broken = Answer(500, headers={"cause-message": "ODataException : not implemented"})
    site = await dhus_site(faults=(Fault(broken, on=Kind.FEED, times=None),))
    report = await site.sync()
    assert (report.exit_code, report.fetched) == (ExitCode.OK, 6)
    assert site.stats.requests["lookup"] == 6
    assert {record.proof for record in site.records().values()} == {"md5"}


async def test_verify_status_and_preview_need_nothing_of_their_own(dhus_site: DhusFactory) -> None:
    """They work as with any other hub."""
    site = await dhus_site(some_offline(1))
    async with site.client() as client:
        preview = await client.preview()
    assert (preview.found, preview.to_fetch, preview.offline) == (4, 3, 1)
    assert preview.found_bytes == 80_000
    assert preview.query.startswith('q=platformname:"Sentinel-2"')
    assert (await site.sync()).exit_code == ExitCode.WAITING
    async with site.client() as client:
        status = await client.status()
        verified = await client.verify()
    assert (status.complete, status.waiting_count) == (3, 1)
    assert (verified.checked, verified.intact) == (3, 3)


async def test_logging_in_asks_the_hub_and_says_whose_slots_there_are(
    dhus_site: DhusFactory,
) -> None:
    """A cheap search, for every account."""
    site = await dhus_site()
    async with site.client(slots=3) as client:
        (login,) = await client.login()
    assert (login.account, login.slots, login.holders) == ("demo@example.org", 3, {})
    assert site.stats.requests == {"search": 1}
    transfers = site.seen(TransferEnded)
    assert not transfers
