"""The footprint of a product in the catalogue as the area of interest."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path

import anyio
import pytest
import shapely

import s2fetch
from s2fetch.embedded.faults import Kind
from s2fetch.embedded.hub import EmbeddedHub
from s2fetch.embedded.safe import ProductSpec, make_product
from s2fetch.embedded.synthetic import SyntheticCatalogue
from s2fetch.errors import QueryError
from s2fetch.events import AreaNoted, Event, EventBus
from s2fetch.query import AreaRelation
from tests.area.shapes import coast
from tests.conftest import HubFactory

TILES = ("32TQM", "32TPM", "33TUL", "31TGL")


@pytest.fixture
async def hub(hub_factory: HubFactory, tmp_path: Path) -> EmbeddedHub:
    """Four products: two overlap, one lies near, one far away."""
    for day, tile in enumerate(TILES, 1):
        sensing = datetime(2024, 6, day, 10, tzinfo=UTC)
        make_product(tmp_path / "four", ProductSpec(sensing=sensing, tile=tile, size=30_000))
    return await hub_factory(tmp_path / "four")


def name_of(hub: EmbeddedHub, tile: str) -> str:
    (name,) = [entry.name for entry in hub.folder.entries if f"_T{tile}_" in entry.name]
    return name


def client_of(
    hub: EmbeddedHub, folder: Path, events: EventBus | None = None, **options: object
) -> s2fetch.Client:
    environment: Mapping[str, str] = hub.environment()
    given = {key.replace("_", "-"): value for key, value in options.items()}
    config = s2fetch.load_config(None, {"into": str(folder / "archive"), **given}, environment)
    return s2fetch.Client(config, events=events, environ=environment, state_folder=folder / "state")


async def names(client: s2fetch.Client) -> list[str]:
    async with client.search() as products:
        return [product.name async for product in products]


async def test_what_intersects_a_product_is_found_by_its_name(
    hub: EmbeddedHub, tmp_path: Path
) -> None:
    """With or without its extension; the product itself is among it."""
    name = name_of(hub, "32TQM")
    expected = [name, name_of(hub, "32TPM")]
    for given in (name, name.removesuffix(".SAFE")):
        async with client_of(hub, tmp_path, area_product=given) as client:
            assert await names(client) == expected


async def test_a_product_contains_itself(hub: EmbeddedHub, tmp_path: Path) -> None:
    """And nothing else does."""
    name = name_of(hub, "32TQM")
    for relation in ("contains", "within"):
        async with client_of(hub, tmp_path, area_product=name, area_relation=relation) as client:
            assert await names(client) == [name]
            assert (await client.query()).area_relation is AreaRelation(relation)


async def test_search_preview_and_sync_use_the_same_footprint_and_ask_for_it_once(
    hub: EmbeddedHub, tmp_path: Path
) -> None:
    """Also when they ask for it at the same time."""
    name = name_of(hub, "33TUL")
    async with client_of(hub, tmp_path, area_product=name) as client:
        async with anyio.create_task_group() as group:
            for _ in range(3):
                group.start_soon(client.query)
        assert await names(client) == [name]
        assert (await client.preview()).found == 1
        report = await client.sync()
        query = await client.query()
        assert await client.hub.count(query) == 1
    assert report.fetched == 1
    assert hub.stats.requests[Kind.NAMES] == 1


async def test_a_query_of_its_own_needs_no_footprint(hub: EmbeddedHub, tmp_path: Path) -> None:
    """Only the configuration's has it."""
    async with (
        client_of(hub, tmp_path, area_product="S9X_NONE") as client,
        client.search(s2fetch.Query()) as products,
    ):
        assert len([product async for product in products]) == 4


async def test_an_unknown_product_is_an_error_before_anything_is_done(
    hub: EmbeddedHub, tmp_path: Path
) -> None:
    """For everything that would use it; and the archive is not touched."""
    async with client_of(hub, tmp_path, area_product="S9X_NONE") as client:
        for wanted in (names(client), client.preview(), client.sync(), client.query()):
            with pytest.raises(QueryError, match="is not in the catalogue: S9X_NONE"):
                await wanted
    assert not (tmp_path / "archive").exists()


async def test_a_product_without_footprint_is_no_area(
    hub_factory: HubFactory, tmp_path: Path
) -> None:
    """It is named."""
    catalogue = SyntheticCatalogue(8)
    row = catalogue.row(0)
    catalogue.relist(row.id, footprint=None)
    hub = await hub_factory(catalogue)
    async with client_of(hub, tmp_path, area_product=row.name) as client:
        with pytest.raises(QueryError, match=f"{row.name}: the catalogue has no footprint"):
            await client.query()


async def test_a_large_footprint_is_simplified_and_its_exact_form_tested(
    hub_factory: HubFactory, tmp_path: Path
) -> None:
    """The listeners hear of it."""
    catalogue = SyntheticCatalogue(8)
    row, ragged = catalogue.row(0), coast(12, 42, 0.6, 3_000, seed=4)
    catalogue.relist(row.id, footprint=ragged)
    hub = await hub_factory(catalogue)
    bus = EventBus()
    heard: list[Event] = []
    bus.subscribe(heard.append)
    async with client_of(hub, tmp_path, bus, area_product=row.name) as client:
        query = await client.query()
    assert shapely.get_num_coordinates(shapely.from_wkt(query.area_exact)) == 3_001
    (noted,) = [event for event in heard if isinstance(event, AreaNoted)]
    assert "grew by" in noted.note
