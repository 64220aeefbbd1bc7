"""Audits: complete means complete, and every gap has its reason."""

from __future__ import annotations

import os
import tracemalloc

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from s2fetch.archive.archive import lock_path
from s2fetch.embedded.answers import access_forbidden
from s2fetch.embedded.faults import Answer, Fault, Kind
from s2fetch.embedded.folder import FolderCatalogue
from s2fetch.errors import ExitCode, HubError, QueryError
from s2fetch.lockfile import FileLock
from s2fetch.product import Product
from s2fetch.sync.audit import AuditReport, Gap, Reason, SeenIds, day_of
from tests.sync.conftest import SiteFactory
from tests.sync.site import Site, body_of, catalogue_of, entry_of, off_loop


async def audit(site: Site, gaps: list[Gap] | None = None, **options: object) -> AuditReport:
    async with site.client(**options) as client:
        return await client.audit(gaps.append if gaps is not None else None)


def reasons(report: AuditReport) -> dict[str, int]:
    return {reason: count for reason, count in report.reasons.items() if count}


async def test_a_complete_archive_is_proven_complete(site: Site) -> None:
    """Per day and per tile; nothing is downloaded and nobody logs in."""
    synced = await site.sync()
    before = dict(site.stats.requests)
    report = await audit(site)
    assert report.exit_code == ExitCode.OK
    assert (report.listed, report.complete, reasons(report)) == (6, 6, {})
    assert report.listed_bytes == report.complete_bytes == synced.stored
    assert sum(day.complete for day in report.days) == 6
    assert sum(tile.complete for tile in report.tiles) == 6
    assert {day.key for day in report.days} == {entry.sensing_start[:10] for entry in site.entries}
    for kind in (Kind.BODY, Kind.TOKEN):
        assert site.stats.requests.get(kind, 0) == before.get(kind, 0)


async def test_an_empty_archive_lists_everything_as_not_recorded(site: Site) -> None:
    """There need not even be a folder, and none is made."""
    gaps: list[Gap] = []
    report = await audit(site, gaps)
    assert report.exit_code == ExitCode.WAITING
    assert reasons(report) == {"not-recorded": 6}
    assert report.gaps == gaps
    assert {gap.id for gap in gaps} == {entry.id for entry in site.entries}
    assert not site.root.exists()


async def test_every_gap_has_its_reason(site_factory: SiteFactory) -> None:
    """Offline, refused, wrong twice, gone, shorter, touched, outdated, new: each by its own."""
    bodies = [body_of(1000, n) for n in range(9)]
    catalogue = FolderCatalogue(
        (entry_of(n, body, online=n != 0, md5="0" * 32 if n == 1 else entry_of(n, body).md5), body)
        for n, body in enumerate(bodies)
    )
    site = await site_factory(catalogue)
    offline, wrong, refused, gone, shorter, touched, outdated, new, right = site.entries
    site.hub.faults.add(Fault(access_forbidden(), product=refused.id, times=None))
    await site.sync(name=[entry.name for entry in site.entries if entry is not new])
    off_loop(site.path_of(gone).unlink)
    off_loop(lambda: site.path_of(shorter).write_bytes(bodies[4][:-1]))
    off_loop(lambda: os.utime(site.path_of(touched), (0, 0)))
    site.catalogue.relist(outdated.id, md5="1" * 32)

    gaps: list[Gap] = []
    report = await audit(site, gaps)
    assert report.exit_code == ExitCode.FAILED
    found = {gap.id: gap for gap in gaps}
    assert {product_id: gap.reason for product_id, gap in found.items()} == {
        offline.id: Reason.WAITING,
        wrong.id: Reason.QUARANTINED,
        refused.id: Reason.FAILED,
        gone.id: Reason.MISSING,
        shorter.id: Reason.CHANGED,
        touched.id: Reason.CHANGED,
        outdated.id: Reason.OUTDATED,
        new.id: Reason.UNRECORDED,
    }
    assert (report.listed, report.complete) == (9, 1)
    assert found[offline.id].since
    assert found[refused.id].since
    assert "access-forbidden" in found[refused.id].detail
    assert "999 bytes instead of 1000" in found[shorter.id].detail
    (tile,) = report.tiles
    assert (tile.listed, tile.complete, tile.waiting, tile.missing) == (9, 1, 1, 7)
    assert right.id not in found


async def test_what_only_waits_is_not_a_failure(site_factory: SiteFactory) -> None:
    """But not complete either."""
    bodies = [body_of(1000, n) for n in range(2)]
    site = await site_factory(
        FolderCatalogue((entry_of(n, body, online=n > 0), body) for n, body in enumerate(bodies))
    )
    gaps: list[Gap] = []
    await audit(site, gaps)
    assert [gap.detail for gap in gaps] == ["it is offline", ""]
    await site.sync()
    assert (await audit(site)).exit_code == ExitCode.WAITING


async def test_withdrawn_products_are_told_and_are_no_gap(site: Site) -> None:
    """Complete means: all that the catalogue lists."""
    await site.sync()
    entry = site.entries[0]
    site.catalogue.delete(entry.id)
    report = await audit(site)
    assert (report.exit_code, report.listed, report.complete) == (ExitCode.OK, 5, 5)
    (gap,) = report.gaps
    assert (gap.id, gap.reason) == (entry.id, Reason.WITHDRAWN)
    assert gap.day == entry.sensing_start[:10]
    assert "on disk as" in gap.detail


async def test_products_of_another_query_are_not_taken_for_withdrawn(site: Site) -> None:
    """The catalogue is asked for them by name."""
    await site.sync()
    report = await audit(site, limit=2)
    assert (report.exit_code, report.listed, report.unselected) == (ExitCode.OK, 2, 4)
    assert report.gaps == []


async def test_an_audit_works_while_another_process_works_on_the_archive(site: Site) -> None:
    """It needs no lock."""
    await site.sync()
    lock = off_loop(lambda: FileLock.try_acquire(lock_path(site.root)))
    assert lock is not None
    assert (await audit(site)).exit_code == ExitCode.OK
    off_loop(lock.release)


async def test_half_a_catalogue_proves_nothing(site: Site) -> None:
    """An error, and never the end of the listing."""
    await site.sync()
    site.hub.faults.add(Fault(Answer(400), on=Kind.SEARCH, times=None))
    with pytest.raises((HubError, QueryError)):
        await audit(site)


@pytest.mark.parametrize(
    ("option", "nobody"),
    [
        ("name", "S2B_MSIL1C_20200101T000000_N0510_R065_T32TQM_20200101T000000.SAFE"),
        ("id", "11111111-1111-1111-1111-111111111111"),
    ],
)
async def test_names_the_catalogue_does_not_have_are_missing(
    site: Site, option: str, nobody: str
) -> None:
    """As a sync says it; the same for identifiers."""
    await site.sync()
    report = await audit(site, **{option: [getattr(site.entries[0], option), nobody]})
    assert (report.listed, report.missing_names) == (1, [nobody])
    assert report.exit_code == ExitCode.FAILED


async def test_what_better_versions_supersede_is_no_gap(site: Site) -> None:
    """An archive of the newest versions is complete with these."""
    old, body = site.entries[0], body_of(1000, 77)
    newer = old.name.replace("_N0510_", "_N0511_")
    site.catalogue.add(entry_of(77, body, name=newer, sensing_start=old.sensing_start), body)
    await site.sync(versions="newest")
    report = await audit(site, versions="newest")
    assert (report.exit_code, report.listed, report.complete) == (ExitCode.OK, 6, 6)
    assert (report.superseded, report.gaps) == (1, [])


async def test_a_query_that_cannot_match_is_not_a_complete_archive(
    site_factory: SiteFactory,
) -> None:
    """A mistake in the query is told as one."""
    site = await site_factory(catalogue_of(body_of(1000)))
    with pytest.raises(QueryError, match="no product of type S2MSI2A"):
        await audit(site, product_type=["S2MSI2A"])


@settings(max_examples=50)
@given(st.sets(st.text(max_size=8)), st.sets(st.text(max_size=8)))
def test_what_was_seen_is_what_was_added(added: set[str], others: set[str]) -> None:
    """Nothing else, whatever the identifiers look like."""
    seen = SeenIds()
    for product_id in added:
        seen.add(product_id)
    seen.close()
    assert all(product_id in seen for product_id in added)
    assert not any(product_id in seen for product_id in others - added)


def test_remembering_identifiers_costs_a_dozen_bytes_each() -> None:
    """So that a million products are no matter."""
    tracemalloc.start()
    try:
        seen = SeenIds()
        for number in range(50_000):
            seen.add(f"0fe82e4a-d051-573f-90a9-{number:012}")
        seen.close()
        current, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert current < 50_000 * 12
    assert peak < 50_000 * 24


@pytest.mark.parametrize(
    ("name", "day"),
    [
        ("S2B_MSIL1C_20240601T102559_N0510_R065_T32TQM_20240601T102559.SAFE", "2024-06-01"),
        ("something.SAFE", "unknown"),
    ],
)
def test_the_day_of_a_product_without_a_row_is_that_of_its_name(name: str, day: str) -> None:
    """Where it has one."""
    assert day_of(Product(id="x", name=name)) == day
