"""What the program says of one product: from the query to what happens next."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import msgspec
import pytest

from s2fetch.embedded.answers import access_forbidden
from s2fetch.embedded.entry import Attribute
from s2fetch.embedded.faults import Cut, Fault
from s2fetch.embedded.folder import FolderCatalogue
from s2fetch.errors import ExitCode, UsageError
from s2fetch.query import Condition, Operator, Query
from s2fetch.sync.conditions import parts_of
from s2fetch.sync.explain import Explanation
from s2fetch.sync.withdrawals import Withdrawals, WithdrawalSettings, WithdrawnPolicy
from tests.sync.conftest import SiteFactory
from tests.sync.site import Site, body_of, catalogue_of, entry_of, off_loop


async def explain(
    site: Site, product: str, *, local: bool = False, **options: object
) -> Explanation:
    async with site.client(**options) as client:
        return await client.explain(product, local=local)


def happened(told: Explanation) -> list[str]:
    return [moment.event for moment in told.history]


async def test_a_product_that_is_here_is_explained_to_its_last_step(site: Site) -> None:
    """By name, name without ending, file or identifier alike."""
    await site.sync()
    entry = site.entries[0]
    path = str(site.file_of(entry))
    for asked in (entry.name, entry.name.removesuffix(".SAFE"), path, entry.id):
        told = await explain(site, asked)
        assert (told.id, told.name, told.matches) == (entry.id, entry.name, True)
        assert told.record is not None
        assert told.stored is not None
        assert told.stored.untouched
        assert told.verdict == "have"
        assert told.next_step == "nothing: it is on disk and verified"
    assert happened(told) == ["product-planned", "transfer-started", "product-completed"]
    assert told.history[0].text == "fetch: new"


async def test_the_condition_that_fails_is_named_with_what_the_product_has(site: Site) -> None:
    """Each is asked of the catalogue by itself."""
    attributes = (
        Attribute("productType", "String", "S2MSI1C"),
        Attribute("tileId", "String", "32TQM"),
        Attribute("cloudCover", "Double", 34.2),
        Attribute("orbitNumber", "Integer", 3),
    )
    entry = site.catalogue.relist(site.entries[0].id, attributes=attributes)
    told = await explain(
        site,
        entry.name,
        product_type=["S2MSI1C"],
        tile=["01CDE"],
        to="2024-01-01",
        cloud="0..20",
        orbit="1..2",
        where=["lastOrbitNumber=1"],
    )
    assert told.matches is False
    checks = [(each.condition, each.wanted, each.holds, each.actual) for each in told.conditions]
    assert checks == [
        ("sensing period", "before 2024-01-01T00:00:00Z", False, entry.sensing_start),
        ("product-type", "S2MSI1C", True, "S2MSI1C"),
        ("tile", "01CDE", False, "32TQM"),
        ("cloud", "0..20", False, "34.2"),
        ("orbitNumber", ">= 1", True, "3"),
        ("orbitNumber", "<= 2", False, "3"),
        ("lastOrbitNumber", "1", False, "none"),
    ]
    assert "does not select it" in told.next_step


def test_every_member_of_a_query_is_a_condition_or_says_nothing_about_one_product() -> None:
    """None that is added some day is forgotten."""
    asked = set[str]()
    time = datetime(2024, 6, 1, tzinfo=UTC)
    query = Query(
        product_types=("S2MSI1C",),
        sensing_from=time,
        published_to=time,
        area="POINT(1 2)",
        cloud=(0.0, 20.0),
        relative_orbits=(1,),
        orbit_direction="ASCENDING",
        tiles=("32TQM",),
        platforms=("A",),
        baselines=("05.10",),
        conditions=(Condition("orbitNumber", Operator.EQ, (1,)),),
        hub_query="x",
    )
    for part in parts_of(query):
        asked |= part.members.keys()
    others = {"names", "ids", "versions", "streams", "limit", "order", "newest_first"}
    every = {field.name for field in msgspec.structs.fields(Query)}
    assert asked == every - others - {"collection", "modified_from"}


async def test_a_product_that_a_better_version_supersedes_is_not_selected(site: Site) -> None:
    """And the one it gives way to is named."""
    old, body = site.entries[0], body_of(1000, 77)
    newer = old.name.replace("_N0510_", "_N0511_")
    site.catalogue.add(entry_of(77, body, name=newer, sensing_start=old.sensing_start), body)
    told = await explain(site, old.name, versions="newest")
    assert told.matches is False
    (check,) = told.conditions
    assert (check.condition, check.actual) == ("versions", f"superseded by {newer}")
    told = await explain(site, newer, versions="newest", limit=1)
    assert told.matches is True
    assert told.next_step == (
        "the next sync fetches it: new, if it is among the first 1 of the query (limit)"
    )


async def test_a_product_that_is_not_among_the_names_is_not_selected(site: Site) -> None:
    """No catalogue has to be asked for that."""
    one, other, *_ = site.entries
    told = await explain(site, one.name, name=[other.name])
    assert [(check.condition, check.holds) for check in told.conditions] == [("name", False)]


async def test_an_area_is_told_as_it_is_asked_for(site: Site) -> None:
    """With the relation and the least overlap; not with all corners of the exact one."""
    told = await explain(site, site.entries[0].name, box="100,10,101,11", area_overlap="10")
    assert [
        (check.condition, check.wanted, check.actual)
        for check in told.conditions
        if not check.holds
    ] == [
        (
            "area",
            (
                "intersects the area, 10% of the smaller at least: "
                "POLYGON((100 10,101 10,101 11,100 11,100 10))"
            ),
            "about 11.41,41.37,12.74,42.35",
        )
    ]


async def test_a_product_that_no_sync_has_met_is_fetched_by_the_next(site: Site) -> None:
    """There is no record, no file and no history."""
    told = await explain(site, site.entries[0].name)
    assert (told.record, told.stored, told.history) == (None, None, [])
    assert (told.matches, told.verdict) == (True, "fetch")
    assert told.listed is not None


async def test_one_of_two_products_of_a_name_is_told_by_its_own_row(
    site_factory: SiteFactory,
) -> None:
    """And that there is the other."""
    bodies = [body_of(1000, n) for n in range(2)]
    name = entry_of(0, bodies[0]).name
    pairs = [(entry_of(n, body, name=name), body) for n, body in enumerate(bodies)]
    site = await site_factory(FolderCatalogue(pairs))
    await site.sync()
    first, second = (entry.id for entry, _ in pairs)
    for asked, other in ((first, second), (second, first)):
        told = await explain(site, asked)
        assert told.listed is not None
        assert (told.id, told.listed.id, told.same_name) == (asked, asked, [other])


async def test_every_attempt_is_remembered_across_runs(site: Site) -> None:
    """With its error, and what came of the product in the end."""
    entry = site.entries[0]
    site.hub.faults.add(Fault(Cut(100), product=entry.id, times=2))
    assert (await site.sync(attempts=1)).exit_code == ExitCode.FAILED
    told = await explain(site, entry.name)
    assert (told.verdict, told.next_step) == (
        "fetch",
        "the next sync fetches it: failed before",
    )
    assert (await site.sync()).exit_code == ExitCode.OK
    told = await explain(site, entry.name)
    run = ["product-planned", "transfer-started"]
    assert happened(told) == [
        *run,
        "product-failed",
        *run,
        "attempt-failed",
        "transfer-started",
        "product-completed",
    ]
    (failed,) = (moment for moment in told.history if moment.event == "attempt-failed")
    assert (failed.attempt, failed.code) == (2, "body-cut")
    assert "tried again in" in failed.text


async def test_a_refusal_is_told_with_its_reason(site: Site) -> None:
    """As it is recorded."""
    entry = site.entries[0]
    site.hub.faults.add(Fault(access_forbidden(), product=entry.id, times=None))
    await site.sync()
    told = await explain(site, entry.id)
    assert told.record is not None
    assert told.record.failure is not None
    assert told.record.failure.code == "access-forbidden"
    assert happened(told)[-1] == "product-failed"


async def test_a_quarantined_product_is_left_alone(site: Site) -> None:
    """Until the catalogue changes."""
    entry = site.entries[0]
    site.catalogue.relist(entry.id, md5="0" * 32)
    await site.sync()
    await site.sync()
    told = await explain(site, entry.name)
    assert told.verdict == "quarantined"
    assert "--renew" in told.next_step
    assert happened(told).count("product-quarantined") == 1


async def test_an_offline_product_is_told_with_the_time_it_is_asked_for_again(
    site_factory: SiteFactory,
) -> None:
    """And since when it waits; runs that only wait add nothing to its history."""
    body = body_of(1000)
    site = await site_factory(
        FolderCatalogue([(entry_of(0, body, online=False), body)]), retrieval_seconds=10**9
    )
    for _ in range(3):
        assert (await site.sync(offline="request")).exit_code == ExitCode.WAITING
    told = await explain(site, site.entries[0].name)
    assert told.verdict == "offline"
    assert told.record is not None
    assert told.record.retrieval is not None
    assert told.next_time == told.record.retrieval.next
    assert happened(told) == ["retrieval-requested"]


async def test_a_withdrawn_product_that_is_here_stays(site: Site) -> None:
    """It is not in the catalogue any more, and nothing happens to it."""
    await site.sync()
    entry = site.entries[0]
    site.catalogue.delete(entry.id)
    told = await explain(site, entry.name)
    assert (told.listed, told.catalogue_asked) == (None, True)
    assert told.next_step.startswith("nothing: it is on disk, and the catalogue does not list it")


async def test_what_has_arrived_of_a_product_is_told(site_factory: SiteFactory) -> None:
    """Bytes, of so many."""
    site = await site_factory(catalogue_of(body_of(3_000_000)))
    site.hub.faults.add(Fault(Cut(2_500_000), times=None))
    await site.sync(attempts=1)
    told = await explain(site, site.entries[0].name)
    assert told.partial is not None
    assert told.partial.total == 3_000_000
    assert 0 < told.partial.size <= 3_000_000


async def test_without_the_network_the_archive_alone_is_told(site: Site) -> None:
    """Nobody is asked."""
    await site.sync()
    before = dict(site.stats.requests)
    told = await explain(site, site.entries[0].name, local=True)
    assert site.stats.requests == before
    assert told.matches is None
    assert told.record is not None
    assert "depends on the catalogue" in told.next_step


async def test_a_damaged_file_is_part_of_the_history(site: Site) -> None:
    """Whoever found it."""
    await site.sync()
    entry = site.entries[0]
    off_loop(site.file_of(entry).unlink)
    async with site.client() as client:
        await client.verify()
    told = await explain(site, entry.name)
    assert happened(told)[-1] == "file-damaged"
    assert told.stored is not None
    assert not told.stored.exists


async def test_a_product_that_the_hub_has_withdrawn_says_so_and_where_its_file_is(
    site: Site,
) -> None:
    await site.sync()
    entry = site.entries[0]
    site.catalogue.delete(entry.id, "Corrupted product")
    async with site.client() as client, client.archive() as archive:
        withdrawals = Withdrawals(
            client.hub,
            archive,
            WithdrawalSettings(policy=WithdrawnPolicy.TRASH, most_share=1.0),
            clock=site.clock,
            events=client.events,
        )
        await withdrawals.follow("SENTINEL-2", site.clock.now() - timedelta(days=1000))
    told = await explain(site, entry.name)
    assert happened(told)[-1] == "product-withdrawn"
    assert told.history[-1].text.startswith("Corrupted product; its file is ")
    assert told.record is not None
    assert told.record.withdrawn is not None
    assert off_loop((site.root / told.record.withdrawn.trash).is_file)
    assert told.next_step == "nothing: the hub has withdrawn it"


@pytest.mark.parametrize("local", [True, False])
async def test_a_product_nobody_knows_is_an_error(site: Site, local: bool) -> None:
    """Rather than an explanation of nothing."""
    with pytest.raises(UsageError, match="know a product 'S2X'"):
        await explain(site, "S2X", local=local)
