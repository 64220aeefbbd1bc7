"""Products that somebody has used up: fetched again, or left alone where that is wanted."""

from __future__ import annotations

import hashlib
from typing import Any

import pytest

from s2fetch.archive.records import State
from s2fetch.errors import ExitCode
from s2fetch.events import ProductConsumed
from tests.sync.conftest import SiteFactory
from tests.sync.site import Site, body_of, catalogue_of


@pytest.fixture
async def site(site_factory: SiteFactory) -> Site:
    """An archive of three products whose first was deleted; its products get used up."""
    site = await site_factory(catalogue_of(*(body_of(20_000, n) for n in range(3))))
    site.usual["on-missing"] = "leave"
    assert (await site.sync()).fetched == 3
    site.path_of(site.entries[0]).unlink()
    return site


async def test_a_consumed_product_is_not_fetched_again(site: Site) -> None:
    """Exit code 0, it is counted by itself, and told once."""
    for _ in range(2):
        report = await site.sync()
        assert (report.exit_code, report.found, report.fetched) == (ExitCode.OK, 3, 0)
        assert (report.already, report.consumed) == (2, 1)
    assert site.record(site.entries[0]).state is State.CONSUMED
    assert len(site.seen(ProductConsumed)) == 1
    assert sum(site.stats.bodies.values()) == 3


async def test_without_the_setting_it_is_fetched_again(site: Site) -> None:
    """The archive is to be complete then, also when the product was left alone before."""
    await site.sync()
    report = await site.sync(on_missing="fetch")
    assert (report.exit_code, report.fetched, report.consumed) == (ExitCode.OK, 1, 0)
    site.assert_whole()


async def test_renewing_by_name_brings_it_back(site: Site) -> None:
    """The way to have one again."""
    entry = site.entries[0]
    await site.sync()
    assert (await site.sync(renew=True, name=[entry.name])).fetched == 1
    site.assert_whole()
    assert (await site.sync()).already == 3


async def test_a_new_version_of_a_consumed_product_is_fetched(site: Site) -> None:
    """What was used up was the old one."""
    entry = site.entries[0]
    await site.sync()
    new = body_of(30_000, 7)
    site.catalogue.replace_body(entry.id, new)
    md5 = hashlib.md5(new).hexdigest()
    site.catalogue.relist(entry.id, md5=md5, blake3="", content_length=len(new))
    report = await site.sync()
    assert (report.fetched, report.consumed) == (1, 0)
    site.assert_whole()


async def test_a_product_that_never_was_here_is_fetched(site: Site) -> None:
    """Only what was verified once can have been consumed; a failure is none."""
    site.path_of(site.entries[0]).write_bytes(b"cut off")
    report = await site.sync()
    assert (report.fetched, report.consumed) == (1, 0)
    site.assert_whole()


async def test_a_consumed_product_that_comes_back_is_adopted(site: Site) -> None:
    """From a backup, say."""
    entry = site.entries[0]
    await site.sync()
    site.path_of(entry).write_bytes(site.bytes_of(entry))
    report = await site.sync()
    assert (report.adopted, report.consumed, report.fetched) == (1, 0, 0)
    assert (await site.sync()).already == 3


async def test_something_else_in_its_place_is_left_alone(site: Site) -> None:
    """It is hashed, is not the product, and is none of our business."""
    entry = site.entries[0]
    path = site.path_of(entry)
    await site.sync()
    path.write_bytes(bytes(20_000))
    report = await site.sync()
    assert (report.exit_code, report.consumed, report.fetched) == (ExitCode.OK, 1, 0)
    assert path.read_bytes() == bytes(20_000)


@pytest.mark.parametrize("command", ["verify", "scrub"])
async def test_hashing_again_does_not_miss_what_was_consumed(site: Site, command: str) -> None:
    """It is no damage, and the next sync does not fetch it."""
    await site.clock.sleep(10)
    async with site.client(scrub_period="1s") as client:
        found: Any = await (client.verify() if command == "verify" else client.scrub())
    assert (found.exit_code, found.intact, found.consumed) == (ExitCode.OK, 2, 1)
    assert found.damaged == []
    assert site.record(site.entries[0]).state is State.CONSUMED
    assert (await site.sync()).consumed == 1


async def test_what_is_consumed_is_no_gap(site: Site) -> None:
    """Neither before nor after a sync has noticed; status, preview and explain agree."""
    for _ in range(2):
        async with site.client() as client:
            audit = await client.audit()
            preview = await client.preview()
        assert (audit.exit_code, audit.complete, audit.gaps) == (ExitCode.OK, 3, [])
        assert audit.reasons["consumed"] == 1
        assert audit.days[0].missing == 0
        assert (preview.already, preview.consumed, preview.to_fetch) == (2, 1, 0)
        await site.sync()
    async with site.client() as client:
        status = await client.status()
        told = await client.explain(site.entries[0].name)
    assert (status.complete, status.consumed_count, status.failed_count) == (2, 1, 0)
    assert told.next_step.startswith("nothing, unless --renew")
    async with site.client(on_missing="fetch") as client:
        audit = await client.audit()
    assert (audit.exit_code, audit.complete) == (ExitCode.FAILED, 2)
