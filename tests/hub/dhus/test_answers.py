"""Search answers as hubs of every generation send them."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

import pytest

from s2fetch.embedded.dhus.settings import Generation
from s2fetch.errors import CatalogueError, QueryError
from s2fetch.hub.dhus.answers import parse_feed, read_time
from s2fetch.product import Product
from s2fetch.retry import Transient
from tests.hub.dhus import products as made

NAME = "S2A_MSIL1C_20151117T165642_N0204_R140_T15RTM_20151117T165838"
ENTRY: dict[str, Any] = {
    "title": NAME,
    "link": [{"href": "https://hub/odata/v1/Products('00000000-0000-0000-0000-000000000001')/"}],
    "id": "00000000-0000-0000-0000-000000000001",
    "summary": "Date: 2015-11-17T16:56:42Z, Instrument: MSI, Mode: , Satellite: Sentinel-2",
    "date": [
        {"name": "beginposition", "content": "2015-11-17T16:56:42Z"},
        {"name": "endposition", "content": "2015-11-17T16:56:42.5Z"},
        {"name": "ingestiondate", "content": "2015-11-18T03:06:38.76Z"},
    ],
    "int": [
        {"name": "orbitnumber", "content": "2083"},
        {"name": "relativeorbitnumber", "content": "140"},
    ],
    "double": {"name": "cloudcoverpercentage", "content": "3.6476"},
    "str": [
        {"name": "filename", "content": f"{NAME}.SAFE"},
        {"name": "format"},
        {"name": "size", "content": "740.31 KB"},
        {"name": "uuid", "content": "00000000-0000-0000-0000-000000000001"},
        {"name": "platformname", "content": "Sentinel-2"},
        {"name": "orbitdirection", "content": "descending"},
        {"name": "processinglevel", "content": "Level-1C"},
        {"name": "processingbaseline", "content": "02.04"},
        {"name": "producttype", "content": "S2MSI1C"},
        {"name": "footprint", "content": "POLYGON ((1 2,3 2,3 4,1 2))"},
        {"name": "gmlfootprint", "content": "<gml:Polygon>\n2,1 2,3</gml:Polygon>"},
        {"name": "level1cpdiidentifier", "content": "S2A_OPER_MSI_L1C"},
    ],
}


def feed(entry: object = None, total: object = "1", **more: object) -> bytes:
    """An answer with one entry, several or none."""
    members: dict[str, object] = {"opensearch:totalResults": total, **more}
    if entry is not None:
        members["entry"] = entry
    return json.dumps({"feed": members}).encode()


def only(body: bytes, collection: str = "") -> Product:
    """The product of an answer that has one."""
    (product,) = parse_feed(body, collection).products
    return product


def test_an_entry_becomes_a_product_in_the_catalogues_words() -> None:
    """Times of any precision, single-member groups, members without a value, numbers as text."""
    product = only(feed(ENTRY))
    assert product.id == "00000000-0000-0000-0000-000000000001"
    assert product.name == f"{NAME}.SAFE"
    assert product.collection == "SENTINEL-2"
    assert product.sensing_start == datetime(2015, 11, 17, 16, 56, 42, tzinfo=UTC)
    assert product.sensing_end == datetime(2015, 11, 17, 16, 56, 42, 500_000, tzinfo=UTC)
    assert product.published == datetime(2015, 11, 18, 3, 6, 38, 760_000, tzinfo=UTC)
    assert product.footprint == "POLYGON ((1 2,3 2,3 4,1 2))"
    assert product.size is None, "a rounded size is no length"
    assert product.attributes == {
        "beginningDateTime": "2015-11-17T16:56:42Z",
        "endingDateTime": "2015-11-17T16:56:42.5Z",
        "orbitNumber": 2083,
        "relativeOrbitNumber": 140,
        "cloudCover": 3.6476,
        "platformShortName": "SENTINEL-2",
        "orbitDirection": "DESCENDING",
        "processingLevel": "S2MSI1C",
        "processingBaseline": "02.04",
        "processorVersion": "02.04",
        "productType": "S2MSI1C",
        "platformSerialIdentifier": "A",
        "tileId": "15RTM",
        "level1cpdiidentifier": "S2A_OPER_MSI_L1C",
    }


@pytest.mark.parametrize(
    ("entry", "number"), [(None, 0), (ENTRY, 1), ([ENTRY], 1), ([ENTRY] * 3, 3)]
)
def test_entries_are_absent_one_object_or_a_list(entry: object, number: int) -> None:
    """The converter makes all three."""
    page = parse_feed(feed(entry, total=str(number)), "")
    assert (len(page.products), page.count) == (number, number)


@pytest.mark.parametrize("generation", Generation)
def test_every_generations_answers_are_read_alike(generation: Generation) -> None:
    """Keys in any order, indented or not."""
    name = "S5P_OFFL_L2__NO2____20240601T100000_20240601T113000_34374_03_020600_20240602T020000.nc"
    entry = made.entry_of(name, "SENTINEL-5P", made.FIRST)
    _, product = made.listed(entry, generation)
    assert product.name == entry.name
    assert product.collection == "SENTINEL-5P"
    assert product.attributes["processingMode"] == "OFFL"
    assert product.attributes["productType"] == "L2__NO2___"
    assert product.attributes["orbitNumber"] == 34374


def test_numbers_may_be_numbers() -> None:
    """The oldest converter makes them of what looks like one."""
    entry = {**ENTRY, "int": {"name": "orbitnumber", "content": 2083}}
    product = only(feed(entry, total=1))
    assert product.attributes["orbitNumber"] == 2083


def test_fields_of_several_values_are_joined() -> None:
    """Old servers list them in a group of their own."""
    entry = {**ENTRY, "arr": {"name": "polarisationmode", "str": ["VV", "VH"]}}
    assert only(feed(entry)).attributes["polarisationChannels"] == "VV&VH"


@pytest.mark.parametrize(
    ("title", "name"),
    [
        (NAME, f"{NAME}.SAFE"),
        (
            (
                "S3A_OL_1_EFR____20240601T100000_20240601T100300_20240602T120000_0179_113_022_2160"
                "_PS1_O_NT_004"
            ),
            (
                "S3A_OL_1_EFR____20240601T100000_20240601T100300_20240602T120000_0179_113_022_2160"
                "_PS1_O_NT_004.SEN3"
            ),
        ),
        (
            "S5P_OFFL_L2__NO2____20240601T100000_20240601T113000_34374_03_020600_20240602T020000",
            (
                "S5P_OFFL_L2__NO2____20240601T100000_20240601T113000_34374_03_020600_20240602T020000"
                ".nc"
            ),
        ),
        (
            "S1A_OPER_AUX_POEORB_OPOD_20210203T122423_V20210113T225942_20210115T005942",
            "S1A_OPER_AUX_POEORB_OPOD_20210203T122423_V20210113T225942_20210115T005942.EOF",
        ),
        ("SOMETHING_ELSE", "SOMETHING_ELSE"),
    ],
)
def test_a_row_without_a_file_name_gets_its_missions_ending(title: str, name: str) -> None:
    """Not every hub fills the field in."""
    rows = [member for member in ENTRY["str"] if member["name"] != "filename"]
    assert only(feed({**ENTRY, "title": title, "str": rows})).name == name


def test_a_refused_query_with_status_200_is_an_error() -> None:
    """The hub's own words are told."""
    body = json.dumps({"feed": {"error": {"code": "400", "message": "undefined field xxx"}}})
    with pytest.raises(QueryError, match="undefined field xxx"):
        parse_feed(body.encode(), "")


def test_an_answer_without_a_number_is_a_refused_query_and_not_empty() -> None:
    """So servers of 2017 answer what their index refuses."""
    with pytest.raises(QueryError, match="does not understand the query"):
        parse_feed(feed(total=None), "")


def test_trouble_of_the_server_may_pass() -> None:
    """An error of its own is asked again; one about rights is not."""
    with pytest.raises(Transient):
        parse_feed(json.dumps({"feed": {"error": {"code": "500", "message": "x"}}}).encode(), "")
    with pytest.raises(CatalogueError):
        parse_feed(json.dumps({"feed": {"error": {"code": "403", "message": "x"}}}).encode(), "")


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"<html>",
        b"[]",
        b"{}",
        b'{"feed": {}}',
        b'{"feed": {"opensearch:totalResults": "many"}}',
        feed("an entry"),
        feed({"title": ""}),
        feed(ENTRY)[:-20],
    ],
)
def test_what_is_no_whole_page_is_asked_for_again(body: bytes) -> None:
    """ValueError is what the client tries again for."""
    with pytest.raises(ValueError):
        parse_feed(body, "")


def test_a_time_that_is_none_is_left_out() -> None:
    """And one without a zone is UTC."""
    assert read_time("soon") is None
    assert read_time(7) is None
    assert read_time("2024-06-01T10:00:00") == datetime(2024, 6, 1, 10, tzinfo=UTC)
