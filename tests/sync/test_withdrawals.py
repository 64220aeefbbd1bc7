"""Products that the hub takes away: marked with the cause, moved only within limits."""

from __future__ import annotations

from datetime import timedelta

import pytest

from s2fetch.archive.progress import ProgressFile
from s2fetch.archive.records import State
from s2fetch.cli.status_text import status_text
from s2fetch.embedded.faults import Answer, Fault, Kind
from s2fetch.embedded.folder import FolderCatalogue
from s2fetch.errors import HubError
from s2fetch.events import ProductWithdrawn, TrashingRefused
from s2fetch.sync.withdrawals import (
    DELETIONS_READ,
    Withdrawals,
    WithdrawalSettings,
    WithdrawnPolicy,
)
from tests.sync.conftest import SiteFactory
from tests.sync.site import Site, body_of, catalogue_of, entry_of, off_loop

TRASH = WithdrawalSettings(policy=WithdrawnPolicy.TRASH)
KEEP = WithdrawalSettings(policy=WithdrawnPolicy.KEEP)


@pytest.fixture
async def site(site_factory: SiteFactory) -> Site:
    """An archive of six products, complete."""
    site = await site_factory(catalogue_of(*(body_of(2000, number) for number in range(6))))
    assert (await site.sync()).fetched == 6
    return site


async def follow(site: Site, settings: WithdrawalSettings) -> int:
    """Deal with the hub's deletions of the last thousand days."""
    since = site.clock.now() - timedelta(days=1000)
    async with site.client() as client, client.archive() as archive:
        withdrawals = Withdrawals(
            client.hub, archive, settings, clock=site.clock, events=client.events
        )
        return await withdrawals.follow("SENTINEL-2", since)


async def test_a_withdrawn_product_is_marked_with_the_cause_and_kept(site: Site) -> None:
    entry = site.entries[2]
    path = site.file_of(entry)
    site.catalogue.delete(entry.id, "Corrupted product")
    assert await follow(site, KEEP) == 1
    record = site.record(entry)
    assert record.state is State.COMPLETE
    assert record.withdrawn is not None
    assert record.withdrawn.cause == "Corrupted product"
    assert path.exists()
    (told,) = site.seen(ProductWithdrawn)
    assert (told.product_name, told.cause) == (entry.name, "Corrupted product")


async def test_the_status_counts_what_was_withdrawn_with_and_without_its_file(site: Site) -> None:
    site.catalogue.delete(site.entries[0].id)
    await follow(site, WithdrawalSettings(policy=WithdrawnPolicy.TRASH, most_share=1.0))
    for entry in site.entries[:2]:
        site.catalogue.delete(entry.id)
    await follow(site, KEEP)
    async with site.client() as client:
        status = await client.status()
    assert (status.complete, status.withdrawn_count, status.withdrawn_kept) == (5, 1, 2)
    assert "Withdrawn:   1, and 2 of the complete ones" in status_text(status)


async def test_a_mark_is_told_once(site: Site) -> None:
    """The list is read again over an overlap; what is known is not news."""
    site.catalogue.delete(site.entries[0].id)
    await follow(site, KEEP)
    await follow(site, KEEP)
    assert len(site.seen(ProductWithdrawn)) == 1


async def test_what_has_not_come_yet_is_not_waited_for(site_factory: SiteFactory) -> None:
    """It is ordered no more, and a file is none of the matter."""
    body = body_of(2000)
    site = await site_factory(FolderCatalogue([(entry_of(0, body, online=False), body)]))
    (entry,) = site.entries
    assert (await site.sync(offline="request")).waiting == 1
    site.catalogue.delete(entry.id)
    assert await follow(site, TRASH) == 1
    record = site.record(entry)
    assert (record.state, record.retrieval) == (State.WITHDRAWN, None)
    (told,) = site.seen(ProductWithdrawn)
    assert told.action == "it is not waited for any more"


async def test_what_was_read_is_not_read_again_but_for_an_overlap(site: Site) -> None:
    """Years of deletions are a long list."""
    assert await follow(site, KEEP) == 0
    overlap = timedelta(seconds=KEEP.overlap_seconds)
    early, late = (site.clock.now() - overlap + timedelta(hours=n) for n in (-1, 1))
    site.catalogue.delete(site.entries[0].id, at=early)
    site.catalogue.delete(site.entries[1].id, at=late)
    assert await follow(site, KEEP) == 1
    assert site.record(site.entries[0]).withdrawn is None


async def test_the_trash_has_the_file_and_the_archive_not(site: Site) -> None:
    entry = site.entries[1]
    held = site.file_of(entry).read_bytes()
    path = site.file_of(entry)
    site.catalogue.delete(entry.id)
    await follow(site, TRASH)
    assert not path.exists()
    (trashed,) = (site.root / ".s2fetch" / "trash").rglob("*.zip")
    assert trashed.read_bytes() == held
    record = site.record(entry)
    assert record.state is State.WITHDRAWN
    assert record.withdrawn is not None
    assert site.root / record.withdrawn.trash == trashed


async def test_too_many_at_once_are_marked_and_none_is_moved(site: Site) -> None:
    """Whatever has gone wrong at the hub, the archive does not follow it into the trash."""
    gone = site.entries[:3]
    paths = [site.file_of(entry) for entry in gone]
    for entry in gone:
        site.catalogue.delete(entry.id)
    assert await follow(site, WithdrawalSettings(policy=WithdrawnPolicy.TRASH, most_share=0.4)) == 3
    assert all(path.exists() for path in paths)
    (refused,) = site.seen(TrashingRefused)
    assert (refused.count, refused.moved, refused.most) == (3, 0, 2)


async def test_runs_together_move_no_more_in_a_day_than_one_may(site: Site) -> None:
    """A hub that withdraws an archive little by little empties it no sooner."""
    limited = WithdrawalSettings(policy=WithdrawnPolicy.TRASH, most_products=2, most_share=1.0)
    for entry in site.entries[:3]:
        site.catalogue.delete(entry.id)
        await follow(site, limited)
        await site.clock.sleep(3600)
    assert len(site.visible()) == 4
    (refused,) = site.seen(TrashingRefused)
    assert (refused.count, refused.moved, refused.most) == (1, 2, 2)
    await site.clock.sleep(86_400)
    await follow(site, limited)
    assert len(site.visible()) == 3


async def test_the_share_is_that_of_the_files_on_disk(site: Site) -> None:
    """Products that were withdrawn long ago are no part of it."""
    half = WithdrawalSettings(policy=WithdrawnPolicy.TRASH, most_share=0.5)
    for entry in site.entries[:3]:
        site.catalogue.delete(entry.id)
    await follow(site, half)
    await site.clock.sleep(2 * 86_400)
    for entry in site.entries[:2]:
        site.catalogue.delete(entry.id)
    await follow(site, half)
    assert len(site.visible()) == 3
    (refused,) = site.seen(TrashingRefused)
    assert (refused.count, refused.most) == (2, 1)


async def test_no_share_at_all_moves_nothing(site: Site) -> None:
    site.catalogue.delete(site.entries[0].id)
    await follow(site, WithdrawalSettings(policy=WithdrawnPolicy.TRASH, most_share=0.0))
    assert len(site.visible()) == 6


@pytest.mark.parametrize("mark", ["2999-01-01T00:00:00Z", "yesterday", "2024-01-01T00:00:00", 7])
async def test_a_mark_that_cannot_be_right_is_not_believed(site: Site, mark: object) -> None:
    """The clock was wrong for a while, or somebody has edited the progress file."""

    def note() -> None:
        with ProgressFile.load(site.root, True) as progress:
            progress.set_meta(DELETIONS_READ, mark)

    off_loop(note)
    site.catalogue.delete(site.entries[0].id)
    assert await follow(site, KEEP) == 1


async def test_what_was_refused_is_moved_when_the_limit_is_raised(site: Site) -> None:
    for entry in site.entries[:3]:
        site.catalogue.delete(entry.id)
    await follow(site, WithdrawalSettings(policy=WithdrawnPolicy.TRASH, most_products=2))
    await follow(site, WithdrawalSettings(policy=WithdrawnPolicy.TRASH, most_share=1.0))
    assert len(list((site.root / ".s2fetch" / "trash").rglob("*.zip"))) == 3


async def test_a_product_that_is_listed_all_the_same_is_not_withdrawn(site: Site) -> None:
    """A tombstone of something that came back is history."""
    entry, body = site.entries[0], site.bytes_of(site.entries[0])
    site.catalogue.delete(entry.id)
    site.catalogue.add(entry, body)
    assert await follow(site, TRASH) == 0
    assert site.record(entry).withdrawn is None


async def test_a_product_that_is_listed_again_later_loses_its_mark(site: Site) -> None:
    entry, body = site.entries[0], site.bytes_of(site.entries[0])
    site.catalogue.delete(entry.id)
    await follow(site, KEEP)
    site.catalogue.add(entry, body)
    report = await site.sync()
    assert (report.already, report.fetched) == (6, 0)
    assert site.record(entry).withdrawn is None


async def test_a_trashed_product_that_is_listed_again_is_fetched_again(site: Site) -> None:
    entry, body = site.entries[0], site.bytes_of(site.entries[0])
    site.catalogue.delete(entry.id)
    await follow(site, TRASH)
    site.catalogue.add(entry, body)
    assert (await site.sync()).fetched == 1
    site.assert_whole()


async def test_a_list_that_cannot_be_read_changes_nothing(site: Site) -> None:
    before = site.records()
    site.catalogue.delete(site.entries[0].id)
    site.hub.faults.add(Fault(Answer(400, '{"detail":"no"}'), on=Kind.DELETED, times=None))
    with pytest.raises(HubError):
        await follow(site, TRASH)
    assert site.records() == before
    assert len(site.visible()) == 6


async def test_an_empty_catalogue_removes_nothing(site: Site) -> None:
    """Products that are merely not listed any more are none of the deletions' business."""
    site.hub.faults.add(Fault(Answer(200, '{"value":[]}'), on=Kind.SEARCH, times=None))
    await site.sync()
    assert await follow(site, TRASH) == 0
    assert len(site.visible()) == 6


async def test_an_audit_says_where_the_file_is_and_since_when(site_factory: SiteFactory) -> None:
    """Also of what never had one: it is wanted no more, and no gap."""
    site = await site_factory(catalogue_of(body_of(2000, 0), body_of(2000, 1)))
    trashed, failed = site.entries
    site.hub.faults.add(Fault(Answer(403), on=Kind.BODY, product=failed.id, times=None))
    assert (await site.sync()).failed == 1
    site.catalogue.delete(trashed.id, "Corrupted product")
    await follow(site, TRASH)
    withdrawn = site.record(trashed).withdrawn
    assert withdrawn is not None
    site.catalogue.delete(failed.id)
    async with site.client() as client:
        gaps = {gap.id: gap for gap in (await client.audit()).gaps}
        assert (await client.status()).failed_count == 1
    assert gaps.keys() == {trashed.id, failed.id}
    assert gaps[trashed.id].since == withdrawn.at
    assert gaps[trashed.id].detail == f"Corrupted product; its file is {withdrawn.trash}"
    assert (gaps[failed.id].since, gaps[failed.id].detail) == ("", "never fetched, failed")
