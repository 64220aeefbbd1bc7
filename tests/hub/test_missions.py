"""Searching for products of every mission, from settings to rows, over loopback."""

from __future__ import annotations

from collections.abc import Mapping

import pytest

from s2fetch.config import load_config
from s2fetch.embedded.entry import Entry
from s2fetch.embedded.faults import Answer, Fault, Kind
from s2fetch.embedded.folder import FolderCatalogue
from s2fetch.embedded.hub import EmbeddedHub
from s2fetch.embedded.missions import mission_products
from s2fetch.errors import QueryError
from s2fetch.hub.cdse import CdseHub
from s2fetch.matching import matches
from s2fetch.product import Product
from s2fetch.query import Condition, Operator, Query
from tests.conftest import HubFactory
from tests.hub.conftest import CdseFactory

EACH = 4


@pytest.fixture(scope="module")
def made() -> tuple[tuple[Entry, bytes], ...]:
    """Four products of every type."""
    return tuple(mission_products(EACH))


@pytest.fixture
async def missions(made: tuple[tuple[Entry, bytes], ...], hub_factory: HubFactory) -> EmbeddedHub:
    """A hub that has them."""
    return await hub_factory(FolderCatalogue(made))


async def found(hub: CdseHub, query: Query) -> list[Product]:
    async with hub.search(query, attributes=True) as products:
        return [product async for product in products]


def asked(options: Mapping[str, object]) -> Query:
    """The query that a user's options make."""
    return load_config(None, options, {}).query


SELECTIONS: tuple[tuple[dict[str, object], int], ...] = (
    ({"collection": "sentinel-1", "product-type": "slc"}, EACH),
    ({"collection": "SENTINEL-1", "product-type": "GRD"}, 2 * EACH),
    ({"collection": "SENTINEL-1", "product-type": "GRD-COG"}, EACH),
    ({"collection": "SENTINEL-1", "product-type": "RAW,OCN"}, 2 * EACH),
    ({"collection": "SENTINEL-1", "product-type": "aux_poeorb"}, EACH),
    ({"collection": "SENTINEL-1", "polarisation": "VV+VH"}, 4 * EACH),
    ({"collection": "SENTINEL-1", "polarisation": "VV"}, EACH),
    ({"collection": "SENTINEL-1", "polarisation": "HV+HH,SV"}, 2 * EACH),
    ({"collection": "SENTINEL-1", "orbit": "54001..54002"}, 12),
    ({"collection": "SENTINEL-1", "orbit": "54000,54002..54003"}, 18),
    ({"collection": "SENTINEL-1", "sensor-mode": "EW", "platform": "S1C"}, EACH // 2),
    ({"collection": "SENTINEL-1", "swath": "IW1 IW2 IW3"}, EACH),
    ({"collection": "SENTINEL-1", "timeliness": "nrt-3h"}, 12),
    ({"collection": "SENTINEL-1", "processing-level": "LEVEL1", "processor-version": "003.71"}, 16),
    ({"collection": "SENTINEL-1", "where": "sliceProductFlag=false"}, 12),
    ({"collection": "SENTINEL-1", "where": "segmentStartTime>=2024-06-01T12:00:00Z"}, 18),
    ({"collection": "SENTINEL-1", "where": ["orbitNumber>54000", "orbitNumber ne 54002"]}, 12),
    ({"collection": "SENTINEL-1", "where": "startTimeFromAscendingNode<1017001"}, 6),
    ({"collection": "SENTINEL-1-RTC", "product-type": "RTC", "polarisation": "DV"}, EACH),
    ({"product-type": "S2MSI2A", "tile": "32TQM", "cloud": "0..60", "baseline": "0510"}, 2),
    ({"processing-level": "s2msi1c", "platform": "S2B"}, 2),
    ({"collection": "SENTINEL-3", "product-type": "OL_1_EFR,sr_1_sra_bs"}, 2 * EACH),
    ({"collection": "SENTINEL-3", "timeliness": "NR"}, 5),
    ({"collection": "SENTINEL-3", "orbit-direction": "descending"}, 15),
    ({"collection": "SENTINEL-3", "relative-orbit": "79", "cloud": "20"}, 5),
    ({"collection": "SENTINEL-5P", "product-type": "NO2", "processing-mode": "OFFL"}, EACH),
    ({"collection": "SENTINEL-5P", "product-type": "L2__O3_TCL", "box": "-20,30,40,70"}, 0),
    ({"collection": "SENTINEL-5P", "processor-version": "020600", "orbit": 34381}, 12),
    ({"collection": "SENTINEL-6", "product-type": "P4_1B_LR", "timeliness": "NT"}, EACH),
    ({"collection": "SENTINEL-6", "baseline": "F09", "platform": "S6A"}, 12),
    ({"collection": "COP-DEM", "product-type": "GLO-30-DGED"}, EACH),
    ({"collection": "COP-DEM", "where": "gridId=N46E012", "box": "12.2,46.2,12.3,46.3"}, 3),
    ({"collection": "SMOS", "product-type": "L2", "orbit-direction": "ascending"}, 2),
)


@pytest.mark.parametrize(("options", "count"), SELECTIONS, ids=lambda given: str(given)[:70])
async def test_what_options_select_is_found(
    missions: EmbeddedHub, cdse: CdseFactory, options: dict[str, object], count: int
) -> None:
    """The hub's answer is what the query means, and as many as were made."""
    query = asked(options)
    products = await found(await cdse(missions), query)
    assert len(products) == count
    every = [
        Product(
            id=entry.id,
            name=entry.name,
            collection=entry.collection,
            footprint=entry.footprint,
            attributes={one.name: one.value for one in entry.attributes},
        )
        for entry in missions.folder.entries
    ]
    assert {product.id for product in products} == {
        product.id for product in every if matches(query, product)
    }


HUB_QUERIES: tuple[tuple[dict[str, object], int], ...] = (
    ({"query": "contains(Name,'_MSIL2A_')"}, EACH),
    ({"query": "Collection/Name eq 'SENTINEL-5P' and contains(Name,'_RPRO_')"}, 4 * EACH),
    ({"query": "Collection/Name eq 'SMOS' or Collection/Name eq 'SENTINEL-6'"}, 5 * EACH),
    ({"query": "Collection/Name eq 'SMOS' or Collection/Name eq 'SENTINEL-6'", "limit": 3}, 3),
    (
        {"collection": "SMOS", "query": "Collection/Name eq 'SMOS' or Collection/Name eq 'CCM'"},
        2 * EACH,
    ),
    (
        {
            "query": "https://x.example/odata/v1/Products?$filter=Collection%2FName%20eq%20"
            "'SENTINEL-1'%20or%20endswith(Name%2C'.nc')&$top=1",
            "from": "2024-06-01T12:00:00",
            "to": "2024-06-02T00:00:00",
            "where": "relativeOrbitNumber>1",
        },
        12,
    ),
)


@pytest.mark.parametrize(("options", "count"), HUB_QUERIES, ids=lambda given: str(given)[:70])
async def test_the_hubs_own_language_is_combined_with_everything_else(
    missions: EmbeddedHub, cdse: CdseFactory, options: dict[str, object], count: int
) -> None:
    """In parentheses; the default collection is added only where the text names none."""
    client = await cdse(missions)
    products = await found(client, asked(options))
    assert len(products) == count
    if "limit" not in options:
        assert await client.count(asked(options)) == count


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("Nam eq 'x'", "Invalid field: Nam.*--query"),
        ("Name eq", "Syntax error.*--query"),
        ("Collection/Name eq 'Sentinel2'", "Invalid value: Sentinel2.*--query"),
    ],
)
async def test_a_mistake_in_the_hubs_language_is_the_users(
    missions: EmbeddedHub, cdse: CdseFactory, text: str, said: str
) -> None:
    """Told in the hub's words, and where to look."""
    with pytest.raises(QueryError, match=said):
        await found(await cdse(missions), asked({"query": text}))


@pytest.mark.parametrize(
    ("options", "reason"),
    [
        (
            {"collection": "SENTINEL-1", "product-type": "AUX_NONE"},
            "no product of type AUX_NONE in SENTINEL-1",
        ),
        (
            {"collection": "SENTINEL-1", "swath": "IW9"},
            "no product whose swathIdentifier is IW9 in SENTINEL-1",
        ),
        (
            {"collection": "COP-DEM", "product-type": "EEA-10-DGED"},
            "no product of type COP-DEM_EEA-10-DGED in COP-DEM",
        ),
        ({"collection": "COP-DEM", "where": "colour=red"}, "no attribute colour"),
        ({"collection": "SENTINEL-1", "polarisation": "VV+VH", "from": "2030-01-01"}, ""),
        ({"collection": "SENTINEL-1", "where": "beginningDateTime>2030-01-01"}, ""),
        ({"query": "Collection/Name eq 'CCM'", "product-type": "x"}, ""),
    ],
)
async def test_an_empty_result_is_explained_for_every_mission(
    missions: EmbeddedHub, cdse: CdseFactory, options: dict[str, object], reason: str
) -> None:
    """A value that no product has is worth a word; a period without products is none."""
    client = await cdse(missions)
    query = asked(options)
    assert await found(client, query) == []
    said = await client.explain_empty(query)
    assert reason in said
    assert bool(reason) is bool(said)


async def test_more_orbits_than_fit_into_a_url_are_asked_for_in_parts(
    missions: EmbeddedHub, cdse: CdseFactory
) -> None:
    """Each product once, in order, also with a limit."""
    orbits = tuple(range(53_900, 54_100))
    query = Query(
        collection="SENTINEL-1", conditions=(Condition("orbitNumber", Operator.EQ, orbits),)
    )
    client = await cdse(missions)
    products = await found(client, query)
    times = [product.sensing_start for product in products if product.sensing_start]
    assert len({product.id for product in products}) == len(products) == 6 * EACH
    assert times == sorted(times)
    assert await client.count(query) == 6 * EACH
    assert missions.stats.requests[Kind.SEARCH] > 3


async def test_an_error_that_is_not_about_the_users_text_says_so(
    hub_factory: HubFactory, cdse: CdseFactory
) -> None:
    """Without --query, the advice is about what s2fetch wrote."""
    hub = await hub_factory(faults=[Fault(Answer(400), on=Kind.SEARCH, times=None)])
    with pytest.raises(QueryError, match="Check collection, product type and area"):
        await found(await cdse(hub), Query())
