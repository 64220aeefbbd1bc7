"""Searching a hub that speaks the Copernicus Data Space's protocol."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

import msgspec
import pytest

from s2fetch.embedded.faults import Answer, BrokenJson, Fault, Kind, Listed, MissingRows
from s2fetch.embedded.folder import FolderCatalogue
from s2fetch.embedded.hub import EmbeddedHub
from s2fetch.embedded.safe import generate_products
from s2fetch.embedded.synthetic import SyntheticCatalogue
from s2fetch.errors import CatalogueError, QueryError
from s2fetch.events import CatalogueCounted, Event
from s2fetch.hub.cdse import CdseHub
from s2fetch.hub.promise import Promise
from s2fetch.product import Product
from s2fetch.query import Order, Query
from tests.conftest import HubFactory
from tests.hub.conftest import CdseFactory
from tests.rows import entry_of

LONG = 12_000


@pytest.fixture
async def long_hub(hub_factory: HubFactory) -> EmbeddedHub:
    """A hub of 12,000 products, four of each acquisition: more than one query can page through."""
    return await hub_factory(SyntheticCatalogue(LONG))


async def found(
    cdse: CdseHub, query: Query, *, attributes: bool = False, into: list[Product] | None = None
) -> list[Product]:
    """All products of a query, also of one that fails."""
    products = [] if into is None else into
    async with cdse.search(query, attributes=attributes) as matches:
        async for product in matches:
            products.append(product)
    return products


def searches(hub: EmbeddedHub) -> int:
    return hub.stats.requests.get(Kind.SEARCH, 0)


@pytest.mark.parametrize("newest_first", [False, True])
@pytest.mark.parametrize("order", [Order.SENSING, Order.PUBLICATION])
async def test_a_long_listing_is_complete_and_in_order(
    long_hub: EmbeddedHub, cdse: CdseFactory, order: Order, newest_first: bool
) -> None:
    """Beyond what one query can page through, with one request more than it has pages."""
    query = Query(order=order, newest_first=newest_first)
    products = await found(await cdse(long_hub), query)
    assert len({product.id for product in products}) == len(products) == LONG
    times = [p.published if order is Order.PUBLICATION else p.sensing_start for p in products]
    assert times == sorted((time for time in times if time), reverse=newest_first)
    assert searches(long_hub) == LONG / 1000 + 1
    assert set(long_hub.stats.requests) == {Kind.SEARCH}


async def test_a_long_listing_keeps_within_its_period(
    long_hub: EmbeddedHub, cdse: CdseFactory
) -> None:
    """Windows restrict a listing further and never widen it, on either axis."""
    begin = datetime(2015, 7, 8, tzinfo=UTC)
    end = begin + timedelta(days=36)
    query = Query(sensing_from=begin, sensing_to=end)
    hub = await cdse(long_hub)
    by_sensing = await found(hub, query)
    assert len(by_sensing) == 36 * 24 * 3 * 4
    assert all(p.sensing_start and begin <= p.sensing_start < end for p in by_sensing)
    by_publication = await found(
        hub, Query(sensing_from=begin, sensing_to=end, order=Order.PUBLICATION)
    )
    assert {p.id for p in by_publication} == {p.id for p in by_sensing}


@pytest.mark.parametrize("order", [Order.SENSING, Order.PUBLICATION])
async def test_a_long_listing_keeps_within_its_period_of_publication(
    long_hub: EmbeddedHub, cdse: CdseFactory, order: Order
) -> None:
    """Whichever axis the windows are cut along, and together with a period of sensing."""
    begin = datetime(2015, 7, 8, tzinfo=UTC)
    end = begin + timedelta(days=36)
    query = Query(published_from=begin, published_to=end, order=order)
    hub = await cdse(long_hub)
    products = await found(hub, query)
    assert len(products) == 36 * 24 * 3 * 4
    assert all(p.published and begin <= p.published < end for p in products)
    first_day = begin + timedelta(days=1)
    both = await found(hub, msgspec.structs.replace(query, sensing_to=first_day))
    assert {p.id for p in both} == {
        p.id for p in products if p.sensing_start and p.sensing_start < first_day
    }
    assert await hub.count(query) == len(products)


async def test_a_search_with_all_kinds_of_trouble_is_still_complete(
    hub_factory: HubFactory, cdse: CdseFactory
) -> None:
    """Errors, broken and short pages cost requests, and never a product."""
    hub = await hub_factory(
        SyntheticCatalogue(LONG),
        faults=[
            Fault(Answer(500), on=Kind.SEARCH, skip=2),
            Fault(Answer(404), on=Kind.SEARCH, skip=5, times=2),
            Fault(BrokenJson(100_000), skip=8),
            Fault(MissingRows(7), skip=12, times=2),
            Fault(Answer(503), on=Kind.SEARCH, skip=16, times=3),
            Fault(MissingRows(1000), skip=27),
        ],
    )
    products = await found(await cdse(hub), Query())
    assert len({product.id for product in products}) == len(products) == LONG


async def test_a_broken_catalogue_ends_the_search_with_an_error(
    long_hub: EmbeddedHub, cdse: CdseFactory
) -> None:
    """What came before is handed out; the error is the plain one and not a group."""
    long_hub.faults.add(Fault(Answer(500), on=Kind.SEARCH, skip=12, times=None))
    products: list[Product] = []
    with pytest.raises(CatalogueError, match="status 500"):
        await found(await cdse(long_hub), Query(), into=products)
    assert len({product.id for product in products}) == len(products) >= 10_000


async def test_a_search_that_is_left_early_leaves_nothing_running(
    long_hub: EmbeddedHub, cdse: CdseFactory
) -> None:
    """A few pages had been asked for ahead, and no task goes on."""
    hub = await cdse(long_hub)
    async with hub.search(Query()) as matches:
        await anext(matches)
        ahead = [task for task in asyncio.all_tasks() if Promise.keep.__qualname__ in repr(task)]
    assert searches(long_hub) <= 4
    assert ahead
    assert all(task.done() for task in ahead)


async def test_an_error_of_the_consumer_is_raised_as_it_is(
    long_hub: EmbeddedHub, cdse: CdseFactory
) -> None:
    """The search is left in good order."""
    hub = await cdse(long_hub)

    async def consume() -> None:
        async with hub.search(Query()) as matches:
            async for _ in matches:
                raise LookupError("mine")

    with pytest.raises(LookupError, match="mine"):
        await consume()


async def test_the_count_is_told_once(
    long_hub: EmbeddedHub, cdse: CdseFactory, events: list[Event]
) -> None:
    """As soon as the first page is there."""
    hub = await cdse(long_hub)
    async with hub.search(Query()) as matches:
        await anext(matches)
        assert events == [CatalogueCounted(count=LONG)]
    assert await hub.count(Query()) == LONG
    assert await hub.count(Query(tiles=("32TQM",), limit=1)) == LONG // 4


@pytest.mark.parametrize(
    ("limit", "requests"), [(0, 0), (1, 1), (1000, 1), (1001, 2), (2500, 3), (10_000, 10)]
)
async def test_a_limit_costs_its_pages_and_no_count(
    long_hub: EmbeddedHub, cdse: CdseFactory, limit: int, requests: int
) -> None:
    """The newest five of everything must not cost a count of everything."""
    products = await found(await cdse(long_hub), Query(limit=limit, newest_first=True))
    assert len({product.id for product in products}) == len(products) == limit
    assert searches(long_hub) == requests


async def test_a_limit_beyond_the_paging_limit_stops_there(
    long_hub: EmbeddedHub, cdse: CdseFactory
) -> None:
    """It is read in windows, and only as far as needed."""
    assert len(await found(await cdse(long_hub), Query(limit=10_001))) == 10_001
    assert searches(long_hub) <= 15


async def test_fewer_matches_than_the_limit_are_all(
    hub_factory: HubFactory, cdse: CdseFactory
) -> None:
    """The end of the listing is not asked for again."""
    hub = await hub_factory()
    assert len(await found(await cdse(hub), Query(limit=50))) == 6
    assert searches(hub) == 1


async def test_a_limited_page_that_is_too_short_is_read_again(
    long_hub: EmbeddedHub, cdse: CdseFactory
) -> None:
    """The link to the next page says that something is missing."""
    long_hub.faults.add(Fault(MissingRows(3), skip=1))
    products = await found(await cdse(long_hub), Query(limit=2500))
    assert len({product.id for product in products}) == len(products) == 2500
    long_hub.faults.add(Fault(MissingRows(3), times=None))
    with pytest.raises(CatalogueError, match="lists 47 of 50 products and says that more follow"):
        await found(await cdse(long_hub), Query(limit=50))


async def test_attributes_come_when_asked_for(hub_factory: HubFactory, cdse: CdseFactory) -> None:
    """They cost bytes."""
    hub = await cdse(await hub_factory())
    assert not (await found(hub, Query()))[0].attributes
    assert (await found(hub, Query(), attributes=True))[0].attributes["productType"] == "S2MSI1C"


async def test_a_collection_that_does_not_exist_is_an_error(
    hub_factory: HubFactory, cdse: CdseFactory
) -> None:
    """The hub says so, at once."""
    hub = await hub_factory()
    with pytest.raises(QueryError, match="400 Invalid value: SENTINEL-22"):
        await found(await cdse(hub), Query(collection="SENTINEL-22"))
    assert searches(hub) == 1


# Names


@pytest.fixture
async def many(hub_factory: HubFactory) -> EmbeddedHub:
    """A hub of 60 products."""
    return await hub_factory(SyntheticCatalogue(60))


def names_of(hub: EmbeddedHub) -> list[str]:
    catalogue = hub.catalogue
    assert isinstance(catalogue, SyntheticCatalogue)
    return [catalogue.row(number).name for number in range(len(catalogue))]


MISSIONS = [
    entry_of("S1A_IW_GRDH_1SDV_20240601T051532_20240601T051557_054128_06953A_1F2E.SAFE"),
    entry_of(
        "S5P_OFFL_L2__NO2____20240101T001838_20240101T020008_32222_03_020600_20240102T163450.nc"
    ),
    entry_of("S2A_MSIL1C_20240601T101031_N0510_R022_T32TQM_20240601T121212.SAFE"),
]


def by_time(products: Sequence[Product]) -> list[tuple[datetime | None, str]]:
    return [(product.sensing_start, product.id) for product in products]


@pytest.mark.parametrize("newest_first", [False, True])
async def test_named_products_come_in_the_querys_order(
    many: EmbeddedHub, cdse: CdseFactory, newest_first: bool
) -> None:
    """Fifty names to a request, whatever order they were given in; attributes take searches."""
    names = tuple(reversed(names_of(many)))
    hub = await cdse(many)
    query = Query(names=names, newest_first=newest_first)
    products = await found(hub, query)
    assert {product.name for product in products} == set(names)
    assert by_time(products) == sorted(by_time(products), reverse=newest_first)
    assert many.stats.requests == {Kind.NAMES: 2}
    described = await found(hub, query, attributes=True)
    assert [product.id for product in described] == [product.id for product in products]
    assert described[0].attributes
    assert searches(many) == 4


async def test_named_products_obey_the_rest_of_the_query(
    many: EmbeddedHub, cdse: CdseFactory
) -> None:
    """Names are one restriction among others, and a limit is one too."""
    names = (*names_of(many), "S2A_MSIL1C_NEVER.SAFE", "o'clock & +%.SAFE")
    hub = await cdse(many)
    assert len(await found(hub, Query(names=names, tiles=("32TQM",)))) == 15
    assert len(await found(hub, Query(names=names, limit=7))) == 7


async def test_a_short_answer_to_names_is_asked_for_again(
    many: EmbeddedHub, cdse: CdseFactory
) -> None:
    """A name that the hub knows must not be reported as missing."""
    many.faults.add(Fault(MissingRows(2), skip=1))
    query = Query(names=tuple(names_of(many)), product_types=("S2MSI1C",))
    hub = await cdse(many)
    assert len(await found(hub, query)) == 60
    assert searches(many) == 5
    many.faults.add(Fault(MissingRows(2), times=None))
    with pytest.raises(CatalogueError, match="counts 15 products but lists 13"):
        await found(hub, query)


@pytest.mark.parametrize("attributes", [False, True])
async def test_names_of_several_missions_are_found_together(
    hub_factory: HubFactory, cdse: CdseFactory, attributes: bool
) -> None:
    """Without a collection; what each product belongs to is known from its name."""
    hub = await cdse(await hub_factory(FolderCatalogue((mission, b"") for mission in MISSIONS)))
    names = tuple(entry.name for entry in MISSIONS)
    products = await found(hub, Query(collection="", names=names), attributes=attributes)
    assert {product.name: product.collection for product in products} == {
        entry.name: entry.collection for entry in MISSIONS
    }


async def test_names_of_another_collection_than_the_querys_do_not_match(
    hub_factory: HubFactory, cdse: CdseFactory
) -> None:
    """The bulk look-up knows no collections, so it is not used then."""
    hub = await cdse(await hub_factory(FolderCatalogue((mission, b"") for mission in MISSIONS)))
    names = tuple(entry.name for entry in MISSIONS)
    products = await found(hub, Query(collection="SENTINEL-5P", names=names))
    assert [product.name for product in products] == [MISSIONS[1].name]


async def test_products_are_found_by_their_identifiers(
    many: EmbeddedHub, cdse: CdseFactory
) -> None:
    """Fifteen to a request, beside names; what is both comes once."""
    catalogue = many.catalogue
    assert isinstance(catalogue, SyntheticCatalogue)
    ids = tuple(catalogue.row(number).id for number in range(40))
    names = tuple(names_of(many)[30:50])
    hub = await cdse(many)
    products = await found(hub, Query(collection="", ids=ids, names=names))
    assert {product.name for product in products} == set(names_of(many)[:50])
    assert len(products) == 50
    assert by_time(products) == sorted(by_time(products))
    assert await hub.count(Query(collection="", ids=ids)) == 40


async def test_products_are_looked_up_in_bulk(many: EmbeddedHub, cdse: CdseFactory) -> None:
    """Fifty names to a request; only those it leaves out are asked for once more."""
    hub = await cdse(many)
    names = [*names_of(many), "S2A_MSIL1C_NEVER.SAFE"]
    assert {product.name for product in await hub.by_name(names)} == set(names[:-1])
    assert many.stats.requests == {Kind.NAMES: 2, Kind.SEARCH: 1}
    assert await hub.by_name([]) == []


async def test_what_the_bulk_look_up_leaves_out_is_searched_for(
    many: EmbeddedHub, cdse: CdseFactory
) -> None:
    """The greatest number of names is not documented, so a partial answer has to be expected."""
    many.faults.add(Fault(Answer(200, '{"value": []}'), on=Kind.NAMES, times=None))
    products = await (await cdse(many)).by_name(names_of(many))
    assert len({product.id for product in products}) == 60
    assert many.stats.requests == {Kind.NAMES: 2, Kind.SEARCH: 4}


# Eviction


async def test_what_leaves_soonest_comes_first(hub_factory: HubFactory, cdse: CdseFactory) -> None:
    """Then the rest by sensing, the newest first if so asked; one listing is enough."""
    hub = await hub_factory()
    entries = sorted(hub.folder.entries, key=lambda entry: entry.sensing_start)
    leaving = {
        entries[4].id: "2024-08-02",
        entries[1].id: "2024-08-01",
        entries[5].id: "2024-09-01",
    }
    for product_id, date in leaving.items():
        hub.folder.relist(product_id, eviction_date=f"{date}T00:00:00.000Z")
    query = Query(order=Order.EVICTION, newest_first=True)
    products = await found(await cdse(hub), query)
    assert [product.id for product in products] == [entries[n].id for n in (1, 4, 5, 3, 2, 0)]
    assert searches(hub) == 1
    limited = await found(await cdse(hub), Query(order=Order.EVICTION, limit=2))
    assert [product.id for product in limited] == [entries[n].id for n in (1, 4)]


async def test_a_long_listing_by_eviction_is_read_twice(
    long_hub: EmbeddedHub, cdse: CdseFactory
) -> None:
    """Memory is needed for what leaves, and not for everything."""
    catalogue = long_hub.catalogue
    assert isinstance(catalogue, SyntheticCatalogue)
    last = catalogue.row(LONG - 1).id
    catalogue.relist(last, eviction_date="2024-08-01T00:00:00.000Z")
    products = await found(await cdse(long_hub), Query(order=Order.EVICTION))
    assert products[0].id == last
    assert len({product.id for product in products}) == len(products) == LONG
    assert searches(long_hub) == 2 * (LONG / 1000 + 1)


# Explanations


@pytest.mark.parametrize(
    ("query", "reason"),
    [
        (Query(product_types=("S2MSI1C", "S2MSI9X")), "no product of type S2MSI9X in SENTINEL-2"),
        (Query(orbit_direction="ASCENDING"), "SENTINEL-2 has no attribute orbitDirection"),
        (Query(baselines=("09.99",)), "no product whose processorVersion is 09.99 in SENTINEL-2"),
        (Query(product_types=("S2MSI1C",), tiles=("01CCV",)), ""),
        (Query(sensing_to=datetime(2000, 1, 1, tzinfo=UTC)), ""),
        (Query(collection="SENTINEL-6", cloud=(0, 20)), "SENTINEL-6 has no attribute cloudCover"),
        (Query(collection="CLMS", cloud=(0, 20)), ""),
    ],
)
async def test_an_empty_result_is_explained_where_it_may_be_a_mistake(
    hub_factory: HubFactory, cdse: CdseFactory, query: Query, reason: str
) -> None:
    """A type that has no product, or an attribute that does not exist, is worth a word."""
    hub = await cdse(await hub_factory())
    said = await hub.explain_empty(query)
    assert reason in said
    assert bool(reason) is bool(said)


@pytest.mark.parametrize(("cloud", "is_told"), [((101, 102), True), ((0, 100), False)])
async def test_an_attribute_of_another_type_explains_an_empty_result(
    hub_factory: HubFactory, cdse: CdseFactory, cloud: tuple[float, float], is_told: bool
) -> None:
    """Where it finds nothing at all: a service need not mind what it is asked for as."""
    listed = '[{"Name": "cloudCover", "ValueType": "String"}, {"Name": "tileId"}]'
    hub = await hub_factory(faults=[Fault(Answer(200, listed), on=Kind.ATTRIBUTES)])
    said = await (await cdse(hub)).explain_empty(Query(cloud=cloud, tiles=("01CCV",)))
    assert ("keeps cloudCover as String and was asked for it as Double" in said) is is_told
    assert bool(said) is is_told


@pytest.mark.parametrize("status", [404, 500, 403, 400])
async def test_a_hub_without_a_registry_explains_nothing(
    hub_factory: HubFactory, cdse: CdseFactory, status: int
) -> None:
    """An explanation is an extra and must not fail."""
    hub = await hub_factory(faults=[Fault(Answer(status), on=Kind.ATTRIBUTES, times=None)])
    assert await (await cdse(hub)).explain_empty(Query(cloud=(0, 20))) == ""
    assert hub.stats.requests[Kind.ATTRIBUTES] <= 3


async def test_a_query_is_described_as_it_is_sent(
    hub_factory: HubFactory, cdse: CdseFactory
) -> None:
    """For --dry-run: legible, and what the catalogue gets."""
    hub = await cdse(await hub_factory())
    assert hub.describe(Query(names=("a.SAFE",), newest_first=True)) == (
        "$filter=Collection/Name eq 'SENTINEL-2' and Name eq 'a.SAFE'"
        "&$orderby=ContentDate/Start desc"
    )


TILES = ("32TQM", "32TPM", "33TUL", "32UPU")
EMPTY_TILES = [f"{number:02d}X{letter}A" for number in range(60) for letter in "ABC"]
MANY_TILES = tuple(
    tile for n in range(4) for tile in (TILES[n], *EMPTY_TILES[45 * n : 45 * n + 45])
)
"""Four that there are, so far apart that they are in different requests."""


@pytest.mark.parametrize("newest_first", [False, True])
@pytest.mark.parametrize("order", [Order.SENSING, Order.PUBLICATION, Order.EVICTION])
async def test_more_tiles_than_fit_into_a_url_are_asked_for_in_parts(
    hub_factory: HubFactory,
    cdse: CdseFactory,
    events: list[Event],
    order: Order,
    newest_first: bool,
) -> None:
    """Nobody has to know the limits of servers; the listing is one, in order."""
    hub = await hub_factory(SyntheticCatalogue(160))
    query = Query(tiles=MANY_TILES, order=order, newest_first=newest_first)
    client = await cdse(hub)
    products = await found(client, query)
    assert len({product.id for product in products}) == len(products) == 160
    times = [time for time, _ in by_time(products) if time]
    assert times == sorted(times, reverse=newest_first)
    assert [event.count for event in events if isinstance(event, CatalogueCounted)][-1] == 160
    assert await client.count(query) == 160
    limited = Query(tiles=MANY_TILES, order=order, newest_first=newest_first, limit=9)
    assert await found(client, limited) == products[:9]


async def test_more_tiles_and_names_than_fit_are_asked_for_in_parts(
    many: EmbeddedHub, cdse: CdseFactory
) -> None:
    """Both restrict, whatever their number."""
    names = tuple(names_of(many))
    query = Query(tiles=MANY_TILES[1:], names=names)
    products = await found(await cdse(many), query)
    assert len({product.id for product in products}) == len(products) == 45
    assert by_time(products) == sorted(by_time(products))


async def test_a_query_too_long_for_the_hub_is_an_error_and_not_empty(
    hub_factory: HubFactory, cdse: CdseFactory
) -> None:
    """Servers limit the length of a URL; not everything can be asked for in parts."""
    types = tuple(f"TYPE_{number}" for number in range(100))
    with pytest.raises(QueryError):
        await found(await cdse(await hub_factory()), Query(product_types=types))


async def test_odd_rows_do_not_stop_a_search(
    tmp_path: Path, hub_factory: HubFactory, cdse: CdseFactory
) -> None:
    """One row with values of the wrong kind costs these values."""
    folder = tmp_path / "three"
    generate_products(folder, 3, size=40_000)
    hub = await hub_factory(folder)
    odd = hub.folder.entries[1].id
    hub.faults.add(
        Fault(Listed({"Checksum": [{}], "ContentLength": "-1"}), product=odd, times=None)
    )
    products = {product.id: product for product in await found(await cdse(hub), Query())}
    assert len(products) == 3
    assert products[odd].size is None
    assert products[odd].checksums == ()
