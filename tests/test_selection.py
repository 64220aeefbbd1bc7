"""What a query selects of what a real hub lists: versions, then the limit."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta

import pytest

from s2fetch.config.values import HubConfig, HubKind, authority
from s2fetch.embedded.entry import Entry
from s2fetch.embedded.faults import Kind
from s2fetch.embedded.folder import FolderCatalogue
from s2fetch.embedded.hub import EmbeddedHub
from s2fetch.embedded.synthetic import SyntheticCatalogue
from s2fetch.events import Event, EventBus, ProductSuperseded
from s2fetch.hub.cdse import CdseHub
from s2fetch.hub.http import HttpClient
from s2fetch.query import Order, Query, VersionPolicy
from s2fetch.selection import Selection, count_selected, selected
from tests.clock import FakeClock
from tests.conftest import HubFactory
from tests.names import stamp
from tests.rows import entry_of

START = datetime(2024, 6, 1, tzinfo=UTC)
ORBIT = timedelta(minutes=101)
FIVE = timedelta(minutes=5)
ORBITS = 12
GRANULES = 20
NEWEST = Query(collection="SENTINEL-5P", versions=VersionPolicy.NEWEST)


def no2(stream: str, number: int, start: datetime, length: timedelta, made: timedelta) -> Entry:
    """A row of Sentinel-5P."""
    end = start + length
    return entry_of(
        f"S5P_{stream}_L2__NO2____{stamp(start)}_{stamp(end)}_{number:05}_03_020600"
        f"_{stamp(end + made)}.nc"
    )


def orbit(number: int) -> list[Entry]:
    """An orbit's granules, its offline product, and for every other one a reprocessed one."""
    start = START + ORBIT * number
    again = [no2("RPRO", number, start, ORBIT, timedelta(days=90))] if number % 2 == 0 else []
    return [
        *again,
        no2("OFFL", number, start, ORBIT, timedelta(days=1)),
        *(
            no2("NRTI", number, start + FIVE * part, FIVE, timedelta(hours=1))
            for part in range(GRANULES)
        ),
    ]


EVERY = [entry for number in range(ORBITS) for entry in orbit(number)]
BEST = {name for n in range(ORBITS) for name in [orbit(n)[0].name]}


@pytest.fixture
async def hub(hub_factory: HubFactory) -> EmbeddedHub:
    """A hub with twelve orbits of Sentinel-5P in up to three streams."""
    return await hub_factory(FolderCatalogue((entry, b"") for entry in EVERY))


@asynccontextmanager
async def client_of(hub: EmbeddedHub, bus: EventBus) -> AsyncIterator[CdseHub]:
    """A client of the hub."""
    urls = hub.catalogue_url, hub.download_url
    config = HubConfig(
        kind=HubKind.CDSE,
        catalogue_url=hub.catalogue_url,
        download_url=hub.download_url,
        token_url="",
        trusted_hosts=tuple(authority(url) for url in urls),
        client_id="",
        give_up_after_seconds=0,
    )
    clock = FakeClock()
    async with HttpClient(
        trusts=config.trusts,
        connect_timeout=5.0,
        first_byte_timeout=10.0,
        give_up_after=900.0,
        clock=clock,
        events=bus,
    ) as http:
        yield CdseHub(http, catalogue_url=urls[0], download_url=urls[1], clock=clock, events=bus)


async def select(hub: EmbeddedHub, bus: EventBus, query: Query) -> tuple[list[str], Selection]:
    """Names in order, and what the selection says at its end."""
    async with client_of(hub, bus) as client, selected(client, query, events=bus) as products:
        return [product.name async for product in products], products


@pytest.mark.parametrize("order", [Order.SENSING, Order.PUBLICATION, Order.EVICTION])
@pytest.mark.parametrize("newest_first", [False, True])
async def test_the_newest_version_of_each_acquisition_is_selected_in_any_order(
    hub: EmbeddedHub, bus: EventBus, events: list[Event], order: Order, newest_first: bool
) -> None:
    """What is left out is counted and told, product by product."""
    query = Query(
        collection="SENTINEL-5P",
        versions=VersionPolicy.NEWEST,
        order=order,
        newest_first=newest_first,
    )
    names, selection = await select(hub, bus, query)
    assert set(names) == BEST
    assert len(names) == ORBITS
    assert selection.superseded == len(EVERY) - ORBITS
    told = [event for event in events if isinstance(event, ProductSuperseded)]
    assert {event.product.name for event in told} == {e.name for e in EVERY} - BEST
    assert {event.by for event in told} == BEST
    times = [name[20:35] for name in names]
    assert times == sorted(times, reverse=newest_first) or order is Order.PUBLICATION


async def test_streams_are_preferred_in_their_order(hub: EmbeddedHub, bus: EventBus) -> None:
    """Where the first is missing, the second is taken."""
    query = Query(
        collection="SENTINEL-5P",
        versions=VersionPolicy.PREFERENCE,
        streams=("OFFL", "RPRO", "NRTI"),
    )
    names, _ = await select(hub, bus, query)
    assert {name[4:8] for name in names} == {"OFFL"}
    assert len(names) == ORBITS


@pytest.mark.parametrize("order", [Order.SENSING, Order.PUBLICATION])
async def test_the_limit_comes_after_the_versions(
    hub: EmbeddedHub, bus: EventBus, order: Order
) -> None:
    """Five products, not five rows of which three are superseded."""
    query = Query(collection="SENTINEL-5P", versions=VersionPolicy.NEWEST, limit=5, order=order)
    names, _ = await select(hub, bus, query)
    assert len(names) == 5
    assert set(names) < BEST


async def test_all_versions_are_taken_unless_told_otherwise_and_counted(
    hub: EmbeddedHub, bus: EventBus
) -> None:
    """So that nobody has them unknowingly."""
    names, selection = await select(hub, bus, Query(collection="SENTINEL-5P"))
    assert len(names) == len(EVERY)
    assert selection.superseded == 0
    assert selection.other_versions == len(EVERY) - ORBITS


async def test_a_superseded_product_is_not_missing(hub: EmbeddedHub, bus: EventBus) -> None:
    """Names that were asked for and not found are those that the hub does not know."""
    best, offline, *granules = orbit(0)
    unknown = no2("OFFL", 99, START, ORBIT, FIVE).name
    query = Query(
        collection="",
        names=(best.name, granules[0].name, unknown),
        ids=(offline.id, "5d0e3c1b-2a4f-4a63-9f0a-6c1d2e3f4a5b"),
        versions=VersionPolicy.NEWEST,
    )
    names, selection = await select(hub, bus, query)
    assert names == [best.name]
    assert selection.superseded == 2
    assert selection.missing == ["5d0e3c1b-2a4f-4a63-9f0a-6c1d2e3f4a5b", unknown]


async def test_names_beyond_the_limit_are_not_missing(hub: EmbeddedHub, bus: EventBus) -> None:
    """They exist, they are only too many."""
    query = Query(
        collection="SENTINEL-5P", names=tuple(entry.name for entry in EVERY[:10]), limit=3
    )
    names, selection = await select(hub, bus, query)
    assert len(names) == 3
    assert selection.missing == []


async def test_a_selection_that_is_left_early_ends_the_listing(
    hub_factory: HubFactory, bus: EventBus
) -> None:
    """Nothing goes on reading behind it."""
    hub = await hub_factory(SyntheticCatalogue(25_000))
    async with client_of(hub, bus) as client, selected(client, Query(), events=bus) as products:
        async for _ in products:
            break
    assert hub.stats.requests[Kind.SEARCH] < 10


async def test_a_count_is_one_request_where_the_hub_can_count(
    hub: EmbeddedHub, bus: EventBus
) -> None:
    """A limit does not change that; versions do."""
    async with client_of(hub, bus) as client:
        counted = await count_selected(client, Query(collection="SENTINEL-5P"), events=bus)
        assert (counted.count, counted.listed) == (len(EVERY), False)
        assert hub.stats.requests == {Kind.SEARCH: 1}
        few = await count_selected(client, Query(collection="SENTINEL-5P", limit=9), events=bus)
        assert (few.count, few.listed) == (9, False)
        best = await count_selected(client, NEWEST, events=bus)
        assert (best.count, best.listed) == (ORBITS, True)
