"""Attributes and what restricts them: of each collection its own, and nothing that it has not."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from s2fetch import vocabulary as v
from s2fetch.embedded.registry import ATTRIBUTES
from s2fetch.errors import QueryError

RECORDED = Path(__file__).parents[3] / "shared" / "recorded"


def test_the_attributes_of_sentinel_1_are_those_of_the_service() -> None:
    """Against a recorded answer of its registry."""
    path = RECORDED / "cdse-odata-attributes-s1.json"
    if not path.exists():
        pytest.skip("no recorded answers here")
    recorded = {entry["Name"]: entry["ValueType"] for entry in json.loads(path.read_text())}
    own = {name: str(kind) for name, kind in v.attributes_of("SENTINEL-1").items()}
    assert own == recorded | dict.fromkeys(v.EVERYWHERE, "DateTimeOffset")


@pytest.mark.parametrize("page", ["cdse-odata-s1-aux-page.json", "cdse-odata-s2-l1c-page.json"])
def test_attributes_of_recorded_products_are_known_with_their_types(page: str) -> None:
    """Values are compared with the type the service gives them."""
    if not (RECORDED / page).exists():
        pytest.skip("no recorded answers here")
    collection = "SENTINEL-1" if "s1" in page else "SENTINEL-2"
    for row in json.loads((RECORDED / page).read_text())["value"]:
        for attribute in row["Attributes"]:
            assert v.attributes_of(collection)[attribute["Name"]] == attribute["ValueType"]


@pytest.mark.parametrize("collection", ATTRIBUTES)
def test_the_embedded_registry_agrees(collection: str) -> None:
    """The two lists are written independently of each other."""
    own = v.attributes_of(collection)
    for name, kind in ATTRIBUTES[collection]:
        assert own[name] == kind


def test_every_restriction_has_a_known_attribute() -> None:
    """Whatever the collection: a wrong name would restrict to nothing."""
    for collection in v.COLLECTIONS:
        listed = v.attributes_of(collection)
        for restriction in v.restrictions_of(collection):
            name = v.attribute_for(collection, restriction)
            assert not listed or name in listed


@pytest.mark.parametrize(
    ("collection", "restriction", "name"),
    [
        ("SENTINEL-2", "baseline", "processorVersion"),
        ("SENTINEL-3", "baseline", "processingBaseline"),
        ("COP-DEM", "product-type", "datasetFull"),
        ("CCM", "product-type", "datasetFull"),
        ("SENTINEL-6", "timeliness", "timeliness"),
        ("SENTINEL-1-RTC", "polarisation", "polarisationChannels"),
        ("CLMS", "swath", "swathIdentifier"),
        ("", "tile", "tileId"),
    ],
)
def test_restrictions_are_about_the_collections_own_attribute(
    collection: str, restriction: str, name: str
) -> None:
    """Collections without a list have whatever is asked for."""
    assert v.attribute_for(collection, restriction) == name


@pytest.mark.parametrize(
    ("collection", "restriction"),
    [
        ("SENTINEL-1", "cloud"),
        ("SENTINEL-1", "tile"),
        ("SENTINEL-2", "polarisation"),
        ("SENTINEL-3", "swath"),
        ("SENTINEL-5P", "relative-orbit"),
        ("SENTINEL-5P", "timeliness"),
        ("SENTINEL-1-RTC", "processor-version"),
        ("COP-DEM", "orbit"),
        ("SMOS", "relative-orbit"),
    ],
)
def test_what_a_collection_does_not_have_is_refused_with_what_it_has(
    collection: str, restriction: str
) -> None:
    """Otherwise nothing would match, silently."""
    with pytest.raises(QueryError, match=f"{collection} have no .*restricted by product-type"):
        v.attribute_for(collection, restriction)


def test_the_collections_that_have_it_are_named() -> None:
    """Who has not chosen one has the default one, and means another."""
    with pytest.raises(QueryError, match=r"--collection chooses .*: SENTINEL-1, .*SENTINEL-6\."):
        v.attribute_for("SENTINEL-2", "timeliness")


def test_who_looks_for_a_tile_of_another_mission_is_told_how() -> None:
    """By its ground: only Sentinel-2 is cut into tiles."""
    with pytest.raises(QueryError, match=r"--area-tile.*s2fetch products SENTINEL-1"):
        v.attribute_for("SENTINEL-1", "tile")


@pytest.mark.parametrize("text", ["VV+VH", "vv&vh", "VH VV", "dv", "VV/VH"])
def test_two_polarisations_are_looked_for_in_both_orders(text: str) -> None:
    """The service has both."""
    assert v.stored_values("SENTINEL-1", "polarisation", text) == ("VV&VH", "VH&VV")


@pytest.mark.parametrize(
    ("collection", "restriction", "text", "stored"),
    [
        ("SENTINEL-1", "polarisation", "sh", ("HH",)),
        ("SENTINEL-1-RTC", "polarisation", "hv+hh", ("HH&HV", "HV&HH")),
        ("SENTINEL-1", "timeliness", "fast-24H", ("Fast-24h",)),
        ("SENTINEL-3", "timeliness", "nt", ("NT",)),
        ("SENTINEL-5P", "processing-mode", "offl", ("OFFL",)),
        ("SENTINEL-1", "sensor-mode", "ew", ("EW",)),
        ("SENTINEL-3", "sensor-mode", "Earth Observation", ("Earth Observation",)),
        ("SENTINEL-3", "orbit-direction", "DESCENDING", ("DESCENDING", "descending")),
        ("SENTINEL-1", "orbit-direction", "DESCENDING", ("DESCENDING",)),
        ("SENTINEL-1", "swath", " IW1 ", ("IW1",)),
        ("SENTINEL-3", "timeliness", "Non Time  Critical", ("NT",)),
        ("SENTINEL-3", "timeliness", "nrt", ("NR",)),
        ("SENTINEL-6", "timeliness", "short time critical", ("ST",)),
        ("SENTINEL-6", "timeliness", "NTC", ("NT",)),
        ("SENTINEL-5P", "processing-mode", "Offline", ("OFFL",)),
        ("SENTINEL-5P", "processing-mode", "near real time", ("NRTI",)),
        ("SENTINEL-5P", "processing-mode", "NRT", ("NRTI",)),
        ("SENTINEL-2", "processing-level", "Level-2A", ("S2MSI2A",)),
        ("SENTINEL-3", "processing-level", "L2", ("2",)),
        ("SENTINEL-1", "timeliness", "Off-line", ("Off-line",)),
    ],
)
def test_values_are_those_the_catalogue_stores(
    collection: str, restriction: str, text: str, stored: tuple[str, ...]
) -> None:
    """Closed lists have a spelling, other hubs their own; anything else is taken as it is."""
    assert v.stored_values(collection, restriction, text) == stored


@pytest.mark.parametrize(
    ("collection", "restriction", "text", "said"),
    [
        ("SENTINEL-1", "polarisation", "VV+HH", "polarisation of SENTINEL-1"),
        ("SENTINEL-1", "sensor-mode", "IWW", "Did you mean IW"),
        ("SENTINEL-3", "timeliness", "NTX", "--where 'timeliness==NTX'"),
        ("SENTINEL-5P", "processing-mode", "OFFLI", "Did you mean OFFL"),
    ],
)
def test_values_outside_a_closed_list_are_refused(
    collection: str, restriction: str, text: str, said: str
) -> None:
    """With the nearest, and with the way to ask all the same."""
    with pytest.raises(QueryError, match=said):
        v.stored_values(collection, restriction, text)


def test_platforms_of_all_missions_become_their_unit() -> None:
    """Those of the terrain-corrected products are Sentinel-1's."""
    assert v.check_platform("S1A", "SENTINEL-1-RTC") == "A"
    assert v.check_platform("S6A", "SENTINEL-6") == "A"
    assert v.check_platform("anything", "SENTINEL-5P") == "anything"


def test_baselines_of_other_missions_are_taken_as_they_are() -> None:
    """Only Sentinel-2 numbers them 05.10."""
    assert v.check_baseline(" F09 ", "SENTINEL-6") == "F09"
