"""Searching a hub: complete listings, counts, names, and what goes wrong."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import Any

import pytest
from aiohttp import web

from s2fetch.embedded.dhus.hub import Generation, User
from s2fetch.embedded.dhus.refusals import processing_quota
from s2fetch.embedded.entry import Attribute, Entry, hub_time
from s2fetch.embedded.faults import Answer, BrokenJson, Fault, Kind, MissingRows, Redirect
from s2fetch.embedded.folder import FolderCatalogue
from s2fetch.errors import (
    CatalogueError,
    HubDownError,
    QueryError,
    WrongPasswordError,
)
from s2fetch.hub.dhus import catalogue as module
from s2fetch.hub.dhus.hub import DhusHub
from s2fetch.hub.dhus.refusals import LONG_PAUSE_SECONDS
from s2fetch.product import Product
from s2fetch.query import AreaRelation, Condition, Operator, Order, Query
from tests.clock import FakeClock
from tests.hub.conftest import Server
from tests.hub.dhus.conftest import DhusFactory, TwinFactory
from tests.hub.dhus.products import FIRST, TILES, box, entry_of

ServerFactory = Callable[..., Awaitable[Server]]


def optical(number: int, *, tile: str = TILES[0], **changes: Any) -> Entry:
    """The product of a number, three of them at a time."""
    moment = FIRST + timedelta(seconds=number // 3)
    stamp = f"{moment:%Y%m%dT%H%M%S}"
    name = f"S2A_MSIL1C_{stamp}_N0510_R065_T{tile}_20240701T{number:06}.SAFE"
    cloud = Attribute("cloudCover", "Double", float(number % 100))
    listed: dict[str, Any] = {"attributes": (cloud,), "footprint": box(number % 5, 0, 1, 1)}
    return entry_of(name, "SENTINEL-2", moment, **(listed | changes))


def catalogue(*entries: Entry) -> FolderCatalogue:
    """Products without contents."""
    return FolderCatalogue((entry, b"") for entry in entries)


async def found(hub: DhusHub, query: Query, **options: Any) -> list[Product]:
    async with hub.search(query, **options) as products:
        return [product async for product in products]


async def names(hub: DhusHub, query: Query) -> list[str]:
    return [product.name for product in await found(hub, query)]


@pytest.fixture
def small_windows(monkeypatch: pytest.MonkeyPatch) -> None:
    """Pages of ten and windows of thirty, so that small listings are long."""
    monkeypatch.setattr(module, "PAGE_ROWS", 10)
    monkeypatch.setattr(module, "WINDOW_ROWS", 30)


@pytest.mark.parametrize("newest_first", [False, True])
@pytest.mark.parametrize("order", [Order.SENSING, Order.PUBLICATION])
async def test_a_long_listing_is_complete_and_in_order(
    twin: TwinFactory, dhus: DhusFactory, small_windows: None, order: Order, newest_first: bool
) -> None:
    """In windows of time, although rows of one time come in another order each time."""
    entries = [optical(n) for n in range(250)]
    server = await twin(catalogue(*entries), unstable_ties=True)
    hub = await dhus(server.url)
    listed = await found(hub, Query(order=order, newest_first=newest_first))
    assert len(listed) == len({product.id for product in listed}) == 250
    times = [product.sensing_start or FIRST for product in listed]
    assert times == sorted(times, reverse=newest_first)
    assert all(product.size == 1000 for product in listed)
    assert max(server.stats.metered.values(), default=0) == 0


async def test_pages_hold_as_many_rows_as_cost_nothing(
    twin: TwinFactory, dhus: DhusFactory
) -> None:
    """99, and the metadata of 50 products at a time."""
    server = await twin(catalogue(*(optical(n) for n in range(170))))
    hub = await dhus(server.url)
    assert len(await found(hub, Query())) == 170
    assert server.stats.requests == {"search": 2, "feed": 4}
    assert not server.stats.metered


@pytest.mark.parametrize("fault", [MissingRows(count=3), BrokenJson(keep=200)])
async def test_a_page_that_lacks_something_is_read_again(
    twin: TwinFactory, dhus: DhusFactory, small_windows: None, fault: Any
) -> None:
    """Nothing is taken for the end that is not."""
    entries = [optical(n) for n in range(60)]
    server = await twin(catalogue(*entries), faults=(Fault(fault, skip=1),))
    listed = await found(await dhus(server.url), Query())
    assert {product.id for product in listed} == {entry.id for entry in entries}


async def test_what_comes_and_goes_while_pages_are_read_hides_nothing(
    twin: TwinFactory, dhus: DhusFactory, small_windows: None
) -> None:
    """One product leaves and one comes between two pages: the number is right, a row is skipped."""
    entries = [optical(n) for n in range(28)]
    served = catalogue(*entries)
    server = await twin(served)
    hub = await dhus(server.url)
    seen: list[str] = []
    async with hub.search(Query()) as products:
        async for product in products:
            seen.append(product.id)
            if len(seen) == 1:
                served.delete(entries[2].id)
                served.add(optical(900), b"")
    staying = {entry.id for entry in entries} - {entries[2].id}
    assert staying <= set(seen)
    assert len(seen) == len(set(seen))


async def test_a_page_that_stays_short_is_an_error(twin: TwinFactory, dhus: DhusFactory) -> None:
    """Whether a few are wanted or all."""
    missing = Fault(MissingRows(count=1), times=None)
    server = await twin(catalogue(*(optical(n) for n in range(5))), faults=(missing,))
    hub = await dhus(server.url)
    with pytest.raises(CatalogueError, match="4"):
        await found(hub, Query())
    with pytest.raises(CatalogueError, match="says that more follow"):
        await found(hub, Query(limit=5))


@pytest.mark.parametrize("generation", Generation)
async def test_searches_of_every_kind(
    twin: TwinFactory, dhus: DhusFactory, generation: Generation
) -> None:
    """Tile, cloud, period, area, names, limit, order, conditions, the hub's own language."""
    entries = [optical(n, tile=TILES[n % 2]) for n in range(12)]
    server = await twin(catalogue(*entries), generation=generation)
    hub = await dhus(server.url)
    assert len(await found(hub, Query(tiles=(TILES[1],)))) == 6
    assert len(await found(hub, Query(tiles=TILES, cloud=(3, 5)))) == 3
    second = FIRST + timedelta(seconds=1)
    assert await names(
        hub, Query(sensing_from=second, sensing_to=second + timedelta(seconds=1))
    ) == [entry.name for entry in sorted(entries[3:6], key=lambda entry: entry.id)]
    assert len(await found(hub, Query(limit=5))) == 5
    newest = await found(hub, Query(limit=1, newest_first=True))
    assert newest[0].sensing_start == FIRST + timedelta(seconds=3)
    chosen = (entries[7].name, entries[2].name, "S2A_NONE.SAFE")
    assert await names(hub, Query(names=chosen)) == [entries[2].name, entries[7].name]
    assert await names(hub, Query(hub_query="cloudcoverpercentage:11")) == [entries[11].name]
    few = Condition("cloudCover", Operator.GE, (10,))
    assert len(await found(hub, Query(conditions=(few,)))) == 2
    inside = Query(area=box(0, -1, 3, 3), area_relation=AreaRelation.WITHIN)
    assert len(await found(hub, inside)) == 8
    assert await hub.count(inside) == 8
    assert await hub.count(Query(area=box(0, -1, 0.5, 3))) == 3
    around = Query(area="POINT(2.5 0.5)", area_relation=AreaRelation.CONTAINS)
    assert len(await found(hub, around)) == 2


async def test_a_count_is_one_request(twin: TwinFactory, dhus: DhusFactory) -> None:
    """Without a single row; the limit does not matter."""
    server = await twin(catalogue(*(optical(n) for n in range(120))))
    assert await (await dhus(server.url)).count(Query(limit=3)) == 120
    assert server.stats.requests == {"search": 1}


async def test_a_query_of_many_tiles_is_asked_in_parts(
    twin: TwinFactory, dhus: DhusFactory, small_windows: None
) -> None:
    """In one order all the same; the hub refuses none of them."""
    tiles = tuple(f"32T{a}{b}" for a in "ABCDEFGH" for b in "ABCDEFGHJKLMNPQRSTUV")
    entries = [optical(n, tile=tiles[n]) for n in range(len(tiles))]
    server = await twin(catalogue(*entries))
    hub = await dhus(server.url)
    listed = await found(hub, Query(tiles=tiles, newest_first=True))
    assert len(listed) == len(tiles)
    times = [product.sensing_start for product in listed]
    assert times == sorted(times, reverse=True)  # type: ignore[type-var]
    assert await hub.count(Query(tiles=tiles)) == len(tiles)


async def test_what_leaves_the_hub_first_comes_first(twin: TwinFactory, dhus: DhusFactory) -> None:
    """The time is in the metadata only."""
    leaving = [optical(n, eviction_date=hub_time(FIRST + timedelta(days=9 - n))) for n in range(3)]
    staying = [optical(n) for n in range(3, 6)]
    server = await twin(catalogue(*staying, *leaving))
    server.folder.relist(leaving[0].id, online=True)
    listed = await names(await dhus(server.url), Query(order=Order.EVICTION))
    assert set(listed[3:]) == {entry.name for entry in staying}
    assert listed[:3] == [leaving[2].name, leaving[1].name, leaving[0].name]


async def test_attributes_come_only_when_they_are_wanted(
    twin: TwinFactory, dhus: DhusFactory
) -> None:
    """They cost memory."""
    server = await twin(catalogue(optical(7)))
    hub = await dhus(server.url)
    assert not (await found(hub, Query()))[0].attributes
    (product,) = await found(hub, Query(), attributes=True)
    assert product.attributes["cloudCover"] == 7.0
    assert product.attributes["tileId"] == TILES[0]


async def test_names_are_looked_up_in_bulk_and_the_offline_ones_only_once(
    twin: TwinFactory, dhus: DhusFactory
) -> None:
    """Polling asks for the state alone; one that has gone is looked for again."""
    entries = [optical(n, online=False) for n in range(100)]
    server = await twin(catalogue(*entries))
    hub = await dhus(server.url)
    wanted = [entry.name for entry in entries]
    assert len(await hub.by_name(wanted)) == 100
    searches = server.stats.requests["search"]
    assert searches < 7
    server.folder.relist(entries[5].id, online=True)
    again = await hub.by_name(wanted)
    assert [product.name for product in again if product.online] == [entries[5].name]
    assert server.stats.requests["search"] == searches
    server.folder.delete(entries[6].id)
    assert len(await hub.by_name(wanted)) == 99


async def test_a_product_that_odata_does_not_know_is_listed_all_the_same(
    twin: TwinFactory, dhus: DhusFactory
) -> None:
    """It has just left; the download will say so."""
    gone = Answer(500, headers={"cause-message": "InvalidKeyException : Invalid key (x)"})
    faults = (Fault(gone, on=Kind.FEED, times=None), Fault(gone, on=Kind.LOOKUP, times=None))
    server = await twin(catalogue(optical(1), optical(2)), faults=faults)
    listed = await found(await dhus(server.url), Query())
    assert [product.size for product in listed] == [None, None]


@pytest.mark.parametrize(
    ("query", "reason"),
    [
        (Query(collection="SENTINEL-3"), "no products of SENTINEL-3"),
        (Query(product_types=("S2MSI1C", "S2MSI2A")), "no product of type S2MSI2A"),
        (Query(baselines=("09.99",)), "no product whose processorVersion is 09.99 in SENTINEL-2"),
        (
            Query(conditions=(Condition("processingLevel", Operator.EQ, ("LEVEL1",)),)),
            "no product whose processingLevel is LEVEL1",
        ),
        (
            Query(conditions=(Condition("origin", Operator.EQ, ("ESA",)),)),
            "no product whose origin is ESA",
        ),
        (Query(tiles=("01CCV",)), ""),
        (Query(collection="", names=("x",)), ""),
    ],
)
async def test_an_empty_result_is_explained(
    twin: TwinFactory, dhus: DhusFactory, query: Query, reason: str
) -> None:
    """As far as it may be a mistake."""
    server = await twin(catalogue(optical(1)))
    said = await (await dhus(server.url)).explain_empty(query)
    assert reason in said
    assert bool(said) == bool(reason)


@pytest.mark.parametrize("generation", Generation)
async def test_a_query_that_the_hub_refuses_is_the_users_mistake(
    twin: TwinFactory, dhus: DhusFactory, generation: Generation
) -> None:
    """200 with an error, 200 without a number, or 500: never an empty result."""
    server = await twin(catalogue(optical(1)), generation=generation)
    hub = await dhus(server.url)
    with pytest.raises(QueryError) as caught:
        await found(hub, Query(hub_query="colour:red"))
    assert "localhost" not in str(caught.value)
    with pytest.raises(QueryError):
        await hub.count(Query(hub_query="colour:red"))
    assert server.stats.requests["search"] == 2


@pytest.mark.parametrize("generation", [Generation.V2, Generation.OLD_A])
async def test_a_query_that_the_hub_finds_too_long_is_told(
    twin: TwinFactory, dhus: DhusFactory, generation: Generation
) -> None:
    """One with a lower limit than others."""
    server = await twin(catalogue(optical(1)), generation=generation, most_query_characters=50)
    with pytest.raises(QueryError, match="too long"):
        await found(await dhus(server.url), Query(tiles=TILES))


async def test_the_catalogue_is_asked_with_the_first_account_that_works(
    twin: TwinFactory, dhus: DhusFactory
) -> None:
    """One refusal for each wrong password, and never again."""
    server = await twin(catalogue(optical(1)), users=(User(name="b", password="right"),))
    hub = await dhus(server.url, {"a": "wrong", "b": "right"})
    assert len(await found(hub, Query())) == 1
    assert len(await found(hub, Query())) == 1
    assert server.stats.refused_logins == 1


async def test_without_an_account_that_works_nothing_is_found(
    twin: TwinFactory, dhus: DhusFactory
) -> None:
    """The first account's refusal is told."""
    server = await twin(catalogue(optical(1)))
    hub = await dhus(server.url, {"a": "wrong", "b": "wrong"})
    for _ in range(2):
        with pytest.raises(WrongPasswordError, match="refused user a"):
            await found(hub, Query())
    assert server.stats.refused_logins == 2


async def test_an_account_that_may_not_search_is_told_so(
    twin: TwinFactory, dhus: DhusFactory
) -> None:
    """403, or 500 with such words in old generations, is not taken for a passing trouble."""
    users = (User(name="me", password="secret", incomplete=True),)
    server = await twin(catalogue(optical(1)), users=users)
    words = {"cause-message": "ExpectedException : Insufficient permissions"}
    older = await twin(
        catalogue(optical(1)), faults=(Fault(Answer(500, headers=words), on=Kind.SEARCH),)
    )
    for each, status in ((server, "403"), (older, "500")):
        with pytest.raises(CatalogueError, match="does not let the account search"):
            await found(await dhus(each.url), Query())
        assert each.stats.statuses == {status: 1}


async def test_an_account_that_has_searched_too_much_pauses_for_long(
    twin: TwinFactory, dhus: DhusFactory, clock: FakeClock
) -> None:
    """It is the requests of an hour that are counted."""
    server = await twin(catalogue(optical(1)), faults=(Fault(processing_quota(), on=Kind.SEARCH),))
    begun = clock.monotonic()
    assert len(await found(await dhus(server.url), Query())) == 1
    assert clock.monotonic() - begun >= LONG_PAUSE_SECONDS


async def test_passwords_do_not_follow_redirects(
    twin: TwinFactory, dhus: DhusFactory, servers: ServerFactory
) -> None:
    """The catalogue has one address; where it leads elsewhere, the user decides."""
    other = await servers(web.Response(text="caught"))
    fault = Fault(Redirect(f"{other.url}/login"), on=Kind.SEARCH, times=None)
    server = await twin(catalogue(optical(1)), faults=(fault,))
    with pytest.raises(CatalogueError, match="sends us elsewhere"):
        await found(await dhus(server.url), Query())
    assert not other.requests


async def test_a_page_for_people_is_waited_for(
    twin: TwinFactory, dhus: DhusFactory, clock: Any
) -> None:
    """As long as the user wants to wait."""
    page = Answer(200, "<html><h1>Will be back soon</h1></html>", "text/html")
    server = await twin(catalogue(optical(1)), faults=(Fault(page, on=Kind.SEARCH, times=4),))
    assert len(await found(await dhus(server.url), Query())) == 1
    server.faults.add(Fault(page, on=Kind.SEARCH, times=None))
    with pytest.raises(HubDownError, match="back soon"):
        await found(await dhus(server.url, give_up_after=600.0), Query())


async def test_an_address_that_is_no_hub_is_told(twin: TwinFactory, dhus: DhusFactory) -> None:
    """After a few tries, as hubs have answered 404 for no reason."""
    server = await twin(catalogue(optical(1)))
    with pytest.raises(CatalogueError, match="another root"):
        await found(await dhus(f"{server.url}/no"), Query())


async def test_deletions_are_listed_oldest_first_however_many_share_a_moment(
    twin: TwinFactory, dhus: DhusFactory
) -> None:
    """More of them than a page has."""
    entries = [optical(number) for number in range(2 * module.PAGE_ROWS + 3)]
    source = catalogue(*entries)
    for number, entry in enumerate(entries):
        source.delete(entry.id, "Corrupted product", FIRST + timedelta(days=number // 150))
    hub = await dhus((await twin(source)).url)
    found = [deletion async for deletion in hub.deletions("SENTINEL-2", FIRST)]
    assert [deletion.deleted for deletion in found] == sorted(each.deleted for each in found)
    assert {deletion.id for deletion in found} == {entry.id for entry in entries}
    assert len(found) == len(entries)
    later = [each async for each in hub.deletions("", FIRST + timedelta(hours=1))]
    assert len(later) == len(entries) - 150


async def test_the_query_is_shown_as_it_is_sent(dhus: DhusFactory) -> None:
    """For --dry-run."""
    hub = await dhus("http://127.0.0.1:1/dhus")
    assert hub.describe(Query(newest_first=True)) == (
        'q=platformname:"Sentinel-2"&orderby=beginposition desc,uuid desc'
    )
