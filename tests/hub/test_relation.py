"""The service only intersects; what else is asked of footprints is tested on what it lists."""

from __future__ import annotations

import math
from functools import lru_cache

import msgspec
import pytest
import shapely

from s2fetch.area import from_wkt
from s2fetch.embedded.faults import Fault, Kind, MissingRows
from s2fetch.embedded.hub import EmbeddedHub
from s2fetch.embedded.synthetic import SyntheticCatalogue
from s2fetch.errors import CatalogueError
from s2fetch.events import CatalogueCounted, Event
from s2fetch.product import Product
from s2fetch.query import AreaRelation, Order, Query
from tests.conftest import HubFactory
from tests.hub.conftest import CdseFactory
from tests.hub.test_search import found, searches

COUNT = 1_360
AREA = shapely.box(10.0, 41.0, 13.0, 49.0)
"""Cuts some of the tiles and holds others whole."""
SPOT = shapely.box(11.42, 41.5, 12.0, 42.0)
"""Lies in one tile and partly in another."""


@pytest.fixture
async def hub(hub_factory: HubFactory) -> EmbeddedHub:
    """1,360 products of eight tiles, of six of which there are more than a page holds."""
    return await hub_factory(SyntheticCatalogue(COUNT, same_start=8))


async def every(hub: EmbeddedHub, cdse: CdseFactory, query: Query) -> list[Product]:
    """What would be listed without any area, in the query's order; asked for once."""
    order = (query.order, query.newest_first)
    if order not in _EVERY:
        plain = Query(order=query.order, newest_first=query.newest_first)
        _EVERY[order] = await found(await cdse(hub), plain)
    return _EVERY[order]


_EVERY: dict[tuple[Order, bool], list[Product]] = {}
"""Every hub of these tests has the same products."""


read_once = lru_cache(from_wkt)
"""Simplifying takes longer than the rest of a test."""


def shape_of(product: Product) -> shapely.Geometry:
    return _shape(product.footprint)


@lru_cache
def _shape(wkt: str) -> shapely.Geometry:
    return shapely.from_wkt(wkt)


def ragged(count: int = 2_000) -> shapely.Geometry:
    """An area with more vertices than can be sent."""
    points = []
    for step in range(count):
        angle = 2 * math.pi * step / count
        reach = 1.0 + 0.1 * math.sin(37 * angle) + 0.05 * math.sin(211 * angle)
        points.append((11.5 + 2.6 * reach * math.cos(angle), 44.5 + 5 * reach * math.sin(angle)))
    return shapely.Polygon(points)


@pytest.mark.parametrize("newest_first", [False, True])
@pytest.mark.parametrize("order", list(Order))
@pytest.mark.parametrize(
    ("relation", "area"),
    [
        (AreaRelation.CONTAINS, SPOT),
        (AreaRelation.WITHIN, AREA),
        (AreaRelation.INTERSECTS, ragged()),
        (AreaRelation.WITHIN, ragged()),
    ],
)
async def test_exactly_what_the_geometries_say_is_listed_before_the_limit_counts(
    hub: EmbeddedHub,
    cdse: CdseFactory,
    relation: AreaRelation,
    area: shapely.Geometry,
    order: Order,
    newest_first: bool,
) -> None:
    """In order, and as many as were asked for even when the first that intersect do not match."""
    query = Query(order=order, newest_first=newest_first, area_relation=relation)
    query = read_once(area.wkt).applied_to(query)
    tests = {
        AreaRelation.CONTAINS: lambda shape: shape.covers(area),
        AreaRelation.WITHIN: area.covers,
        AreaRelation.INTERSECTS: area.intersects,
    }
    everything = await every(hub, cdse, query)
    footprints = {product.footprint for product in everything}
    chosen = {wkt for wkt in footprints if tests[relation](shapely.from_wkt(wkt))}
    expected = [product for product in everything if product.footprint in chosen]
    assert 0 < len(expected) < COUNT
    client = await cdse(hub)
    assert await found(client, query) == expected
    limited = msgspec.structs.replace(query, limit=7)
    assert await found(client, limited) == expected[:7]
    assert await client.count(limited) == len(expected)


async def test_what_hardly_overlaps_is_left_out_before_the_limit_counts(
    hub: EmbeddedHub, cdse: CdseFactory
) -> None:
    """And the count is that of what is left."""
    query = from_wkt(AREA.wkt).applied_to(Query(area_overlap=0.4))

    def overlaps(shape: shapely.Geometry) -> bool:
        common = shape.intersection(AREA).area
        return bool(common >= 0.4 * min(shape.area, AREA.area))

    everything = await every(hub, cdse, Query())
    expected = [product for product in everything if overlaps(shape_of(product))]
    touching = [product for product in everything if AREA.intersects(shape_of(product))]
    assert 0 < len(expected) < len(touching)
    client = await cdse(hub)
    assert await found(client, query) == expected
    assert await found(client, msgspec.structs.replace(query, limit=2)) == expected[:2]
    assert await client.count(query) == len(expected)
    assert client.describe(query).endswith("intersects the area, 40% of the smaller at least)")


async def test_what_only_touches_the_rim_of_a_simplified_area_is_left_out(
    hub: EmbeddedHub, cdse: CdseFactory
) -> None:
    """The service lists it, as the area that is sent is larger."""
    tile = shape_of((await every(hub, cdse, Query(limit=1)))[0])
    # A comb whose teeth end a little beside the tile: simplified, it touches the tile. Its back
    # goes round a corner, so that it is not just closed.
    west, south, east, north = tile.bounds
    edge = [
        (east + (0.001 if n % 2 else 0.02), south + (north - south) * n / 600) for n in range(601)
    ]
    comb = shapely.Polygon([(east + 0.1, north), *reversed(edge), (east + 0.1, south)])
    comb |= shapely.box(west, north + 0.02, east + 0.1, north + 0.1)
    comb |= shapely.box(east + 0.05, south, east + 0.1, north + 0.1)
    assert not comb.intersects(tile)
    area = from_wkt(comb.wkt)
    assert shapely.from_wkt(area.wkt).intersects(tile)
    query = area.applied_to(Query())
    products = await found(await cdse(hub), query)
    assert all(comb.intersects(shape_of(product)) for product in products)
    loose = await found(await cdse(hub), msgspec.structs.replace(query, area_exact=None))
    assert len(products) < len(loose)


async def test_a_listing_that_is_not_whole_is_found_out_before_anything_is_left_out(
    hub: EmbeddedHub, cdse: CdseFactory
) -> None:
    """The hub's count is of what it lists, and not of what matches in the end."""
    query = Query(area=AREA.wkt, area_relation=AreaRelation.WITHIN)
    whole = await found(await cdse(hub), query)
    hub.faults.add(Fault(MissingRows(3), skip=1, times=2))
    again = await found(await cdse(hub), query)
    assert sorted(p.id for p in again) == sorted(p.id for p in whole)
    hub.faults.add(Fault(MissingRows(3), times=None))
    with pytest.raises(CatalogueError, match="counts"):
        await found(await cdse(hub), query)


async def test_no_count_is_told_that_will_not_be_reached(
    hub: EmbeddedHub, cdse: CdseFactory, events: list[Event]
) -> None:
    """A bar would never be full."""
    query = Query(area=AREA.wkt, area_relation=AreaRelation.WITHIN)
    await found(await cdse(hub), query)
    assert not [event for event in events if isinstance(event, CatalogueCounted)]


async def test_what_the_service_can_tell_costs_no_more_than_before(
    hub: EmbeddedHub, cdse: CdseFactory
) -> None:
    """A count is one request, and so are the first few."""
    client = await cdse(hub)
    query = Query(area=AREA.wkt, limit=5)
    await client.count(query)
    assert searches(hub) == 1
    assert len(await found(client, query)) == 5
    assert searches(hub) == 2
    assert "tested here" not in client.describe(query)


async def test_names_and_many_tiles_are_tested_as_well(hub: EmbeddedHub, cdse: CdseFactory) -> None:
    """Whatever way the service is asked."""
    everything = await every(hub, cdse, Query())
    within = [product for product in everything if AREA.covers(shape_of(product))]
    base = Query(area=AREA.wkt, area_relation=AreaRelation.WITHIN)
    named = msgspec.structs.replace(base, names=tuple(p.name for p in everything[:40]), limit=3)
    client = await cdse(hub)
    assert await found(client, named) == [p for p in everything[:40] if p in within][:3]
    tiles = {product.name[38:44].lstrip("T") for product in everything}
    assert "32TQM" in tiles
    many = [
        f"{zone:02}T{column}{row}" for zone in (1, 2) for column in "JKL" for row in "ABCDEFGHJK"
    ]
    parted = msgspec.structs.replace(base, tiles=(*sorted(tiles), *many), limit=11)
    before = searches(hub)
    assert await found(client, parted) == within[:11]
    assert searches(hub) > before + 1


async def test_a_description_says_what_is_done_here(hub: EmbeddedHub, cdse: CdseFactory) -> None:
    """For those who copy the query elsewhere."""
    client = await cdse(hub)
    said = client.describe(Query(area=AREA.wkt, area_relation=AreaRelation.CONTAINS))
    assert said.endswith("(then footprints are tested here: contains the area)")
    said = client.describe(Query(area=AREA.wkt, area_exact=AREA.wkt))
    assert said.endswith("(then footprints are tested here: intersects the exact area)")


async def test_a_product_without_footprint_never_matches(
    hub_factory: HubFactory, cdse: CdseFactory
) -> None:
    """Auxiliary data have none."""
    catalogue = SyntheticCatalogue(8, same_start=8)
    hub = await hub_factory(catalogue)
    query = Query(area=AREA.wkt, area_relation=AreaRelation.WITHIN)
    whole = await found(await cdse(hub), query)
    catalogue.relist(whole[0].id, footprint=None)
    assert await found(await cdse(hub), query) == whole[1:]
    assert hub.stats.requests[Kind.SEARCH] > 1
