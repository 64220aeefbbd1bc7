"""Asking for changes only: nothing that was published, changed or left over is missed."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from s2fetch.archive.records import State
from s2fetch.embedded.entry import Entry, hub_time
from s2fetch.embedded.faults import Answer, Fault, Kind
from s2fetch.embedded.folder import FolderCatalogue
from s2fetch.errors import ExitCode
from s2fetch.events import GapFound, IncrementPlanned
from s2fetch.sync.report import Report
from tests.sync.clock import JumpingClock
from tests.sync.conftest import SiteFactory
from tests.sync.site import Site, body_of, catalogue_of, entry_of
from tests.transfer.test_faults import zip_of

MOMENT = timedelta(minutes=1)


class Archive:
    """A site over a catalogue that goes on changing."""

    def __init__(self, site: Site, catalogue: FolderCatalogue) -> None:
        self.site = site
        self.catalogue = catalogue

    async def sync(self, **options: Any) -> Report:
        """One incremental run, an hour after the one before."""
        report = await self.site.sync(incremental=True, **options)
        await self.site.clock.sleep(3600)
        return report

    def publish(self, number: int, *, ago: timedelta = MOMENT, **changes: Any) -> Entry:
        """Add a product that the hub lists as of now, or of some time ago."""
        body = zip_of(body_of(3000, number))
        at = hub_time(self.site.clock.now() - ago)
        listed = {"publication_date": at, "modification_date": at, "checksum_date": at} | changes
        entry = entry_of(number, body, **listed)
        self.catalogue.add(entry, body)
        return entry

    @property
    def planned(self) -> IncrementPlanned:
        """What the last run asked for."""
        return [event for event in self.site.events if isinstance(event, IncrementPlanned)][-1]

    @property
    def gaps(self) -> list[str]:
        """Names of the products that no increment brought."""
        return [e.product.name for e in self.site.events if isinstance(e, GapFound)]


@pytest.fixture
async def archive(site_factory: SiteFactory) -> Archive:
    """Complete: three products, listed as a whole once."""
    catalogue = catalogue_of(*(body_of(2000, number) for number in range(3)))
    archive = Archive(await site_factory(catalogue), catalogue)
    assert (await archive.sync()).fetched == 3
    return archive


async def test_the_first_run_lists_everything_and_the_next_only_changes(archive: Archive) -> None:
    assert archive.planned.since == ""
    archive.publish(10)
    report = await archive.sync()
    assert archive.planned.since
    assert (report.found, report.fetched, report.exit_code) == (1, 1, ExitCode.OK)


async def test_a_reprocessed_old_acquisition_is_found(archive: Archive) -> None:
    """The time of sensing is years ago, the time of publication is now."""
    old = hub_time(archive.site.clock.now() - timedelta(days=2000))
    archive.publish(11, sensing_start=old, sensing_end=old)
    assert (await archive.sync()).fetched == 1


async def test_a_choice_of_versions_lists_everything(archive: Archive) -> None:
    """What has changed does not say what supersedes it."""
    for _ in range(2):
        report = await archive.sync(versions="newest")
        assert archive.planned.since == ""
        assert report.found == 3


async def test_what_appears_late_within_the_overlap_is_found(archive: Archive) -> None:
    archive.publish(12, ago=timedelta(hours=20))
    assert (await archive.sync(overlap="24h")).fetched == 1
    assert archive.gaps == []


async def test_a_full_recount_reports_what_appeared_too_late(archive: Archive) -> None:
    """Dated before all increments' reach: only the recount sees it, and says that it is a gap."""
    await archive.sync()
    late = archive.publish(13, ago=timedelta(days=3))
    assert (await archive.sync(overlap="1h")).fetched == 0
    report = await archive.sync(overlap="1h", recount="1h")
    assert (report.found, report.fetched) == (4, 1)
    assert archive.gaps == [late.name]


async def test_what_the_next_increment_would_have_brought_is_no_gap(archive: Archive) -> None:
    """It appeared since the last run, dated a little back, and a recount happened to come first."""
    await archive.sync()
    archive.publish(13, ago=timedelta(hours=20))
    assert (await archive.sync(overlap="1d", recount="1h")).fetched == 1
    assert archive.gaps == []


async def test_a_late_checksum_is_taken_over(archive: Archive) -> None:
    """The row changes; the file is proven by the digest that is listed now."""
    entry = archive.publish(14, md5="", blake3="", checksum_date="")
    await archive.sync()
    now = hub_time(archive.site.clock.now())
    listed = entry_of(14, zip_of(body_of(3000, 14)))
    archive.catalogue.relist(entry.id, md5=listed.md5, checksum_date=now, modification_date=now)
    report = await archive.sync(overlap="0s")
    assert (report.found, report.fetched) == (1, 0)
    assert archive.site.records()[entry.id].listed == f"MD5:{listed.md5}"


async def test_a_failure_is_tried_again_without_replaying_the_period(archive: Archive) -> None:
    """The failed product is looked up by its name; the mark has moved on for all the others."""
    bad, good = archive.publish(15), archive.publish(16)
    refusal = Fault(Answer(404), on=Kind.BODY, product=bad.name, times=None)
    archive.site.hub.faults.add(refusal)
    assert (await archive.sync(attempts=1)).failed == 1
    archive.site.hub.faults.remove(refusal)
    report = await archive.sync(overlap="0s")
    assert archive.planned.unsettled == 1
    assert (report.found, report.fetched, report.exit_code) == (1, 1, ExitCode.OK)
    assert good.id in archive.site.records()


async def test_what_another_selection_left_unsettled_is_not_fetched(archive: Archive) -> None:
    """A narrower selection is one: of the wider one's failures it takes those that it has."""
    wider, both = archive.publish(18, sensing_start="2024-06-20T10:00:00.000Z"), archive.publish(19)
    for entry in (wider, both):
        fault = Fault(Answer(404), on=Kind.BODY, product=entry.name, times=1)
        archive.site.hub.faults.add(fault)
    assert (await archive.sync(attempts=1)).failed == 2
    narrower = {"to": "2024-06-15", "overlap": "0s"}
    archive.site.hub.faults.add(Fault(Answer(404), on=Kind.BODY, product=both.name, times=1))
    assert (await archive.sync(attempts=1, **narrower)).failed == 1
    report = await archive.sync(**narrower)
    assert archive.planned.unsettled == 2
    assert (report.found, report.fetched) == (1, 1)
    assert archive.site.records()[wider.id].state is State.FAILED


async def test_a_run_that_ends_early_does_not_move_the_mark(archive: Archive) -> None:
    """What the broken listing would have brought is asked for again."""
    archive.publish(17)
    broken = Fault(Answer(400, '{"detail":"no"}'), on=Kind.SEARCH, times=None)
    archive.site.hub.faults.add(broken)
    assert (await archive.sync(overlap="0s")).exit_code != ExitCode.OK
    archive.site.hub.faults.remove(broken)
    assert (await archive.sync(overlap="0s")).fetched == 1


async def test_another_selection_is_listed_as_a_whole(archive: Archive) -> None:
    report = await archive.sync(to="2025-01-01")
    assert archive.planned.since == ""
    assert report.already == 3


async def test_a_selection_that_begins_later_is_part_of_the_one_before(archive: Archive) -> None:
    """That of ``from = "-90d"`` begins later every day; only an earlier one has more in it."""
    await archive.sync(**{"from": "2024-05-01"})
    assert archive.planned.since != ""
    await archive.sync(**{"from": "2024-05-02"})
    assert archive.planned.since != ""
    await archive.sync(**{"from": "2024-05-01"})
    assert archive.planned.since == ""
    await archive.sync()
    assert archive.planned.since == ""


async def test_a_later_publication_is_part_of_the_selection_before(archive: Archive) -> None:
    await archive.sync(**{"published-from": "2024-05-01"})
    await archive.sync(**{"published-from": "2024-05-02"})
    assert archive.planned.since != ""
    await archive.sync(**{"published-from": "2024-05-01"})
    assert archive.planned.since == ""


async def test_a_period_whose_end_moves_takes_what_has_come_into_it(archive: Archive) -> None:
    """Listed by the hub long ago, too young for the selection then: no list of changes has it."""
    young = hub_time(archive.site.clock.now() - timedelta(minutes=30))
    archive.publish(14, ago=timedelta(days=3), sensing_start=young, sensing_end=young)
    options = {"to": "-1h", "overlap": "1h"}
    async with archive.site.client(incremental=True, **options) as client:
        assert (await client.sync()).found == 3
        await archive.site.clock.sleep(3600)
        assert (await client.sync()).fetched == 1


async def test_a_clock_that_was_set_back_lists_everything(
    archive: Archive, clock: JumpingClock
) -> None:
    """A mark in the future would hide what is published until then."""
    clock.wall_offset -= timedelta(days=5)
    assert (await archive.sync()).already == 3
    assert archive.planned.since == ""


async def test_nothing_new_is_no_error(archive: Archive) -> None:
    report = await archive.sync(overlap="0s")
    assert (report.found, report.exit_code, report.error) == (0, ExitCode.OK, "")
