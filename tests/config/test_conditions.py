"""Settings that restrict attributes become conditions, or mistakes with their place."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path

import pytest

from s2fetch.config import load_config
from s2fetch.errors import QueryError, UsageError
from s2fetch.query import Condition, Operator, Query

NOW = datetime(2026, 3, 1, tzinfo=UTC)
EQ, GE, LE = Operator.EQ, Operator.GE, Operator.LE


def query(options: Mapping[str, object]) -> Query:
    return load_config(None, options, {}, NOW).query


def test_nothing_given_restricts_nothing() -> None:
    assert (query({}).conditions, query({}).hub_query) == ((), "")


@pytest.mark.parametrize(
    ("given", "wanted"),
    [
        (12000, (Condition("orbitNumber", EQ, (12000,)),)),
        (
            ["12000..12010"],
            (Condition("orbitNumber", GE, (12000,)), Condition("orbitNumber", LE, (12010,))),
        ),
        (
            ["1..3", "4", "3..8"],
            (Condition("orbitNumber", GE, (1,)), Condition("orbitNumber", LE, (8,))),
        ),
        (
            "1..3000,3001..6000",
            (Condition("orbitNumber", GE, (1,)), Condition("orbitNumber", LE, (6000,))),
        ),
        ("1..1999,3000", (Condition("orbitNumber", EQ, (*range(1, 2000), 3000)),)),
        ("5,1..2", (Condition("orbitNumber", EQ, (1, 2, 5)),)),
        ("7,8", (Condition("orbitNumber", GE, (7,)), Condition("orbitNumber", LE, (8,)))),
        (["7", 7], (Condition("orbitNumber", EQ, (7,)),)),
    ],
)
def test_orbits_are_a_range_or_numbers(given: object, wanted: tuple[Condition, ...]) -> None:
    """Ranges that touch are one; conditions know no "or" but between values."""
    assert query({"orbit": given}).conditions == wanted


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ("10..5", "wrong way round"),
        ("many", "12000 or 12000..12010"),
        ("1...5", "12000 or 12000..12010"),
        ("-5", "12000 or 12000..12010"),
        ("1..5000,6000..9000", "8,001 orbits"),
        ("1..2000,3000", "2,001 orbits"),
    ],
)
def test_orbits_that_make_no_sense_are_refused(given: str, said: str) -> None:
    """Also ranges that would be too many numbers."""
    with pytest.raises(UsageError, match=f"--orbit: .*{said}"):
        query({"orbit": given})


def test_every_word_becomes_a_condition_on_the_collections_attribute() -> None:
    """Several values of one are any of them; several settings are all of them."""
    found = query(
        {
            "collection": "SENTINEL-1",
            "polarisation": ["dv", "VV"],
            "swath": "S1,S2",
            "sensor-mode": "sm",
            "where": ["sliceNumber<3", "origin='a,b'"],
        }
    )
    assert found.conditions == (
        Condition("polarisationChannels", EQ, ("VV&VH", "VH&VV", "VV")),
        Condition("swathIdentifier", EQ, ("S1", "S2")),
        Condition("operationalMode", EQ, ("SM",)),
        Condition("sliceNumber", Operator.LT, (3,)),
        Condition("origin", EQ, ("a,b",)),
    )


@pytest.mark.parametrize(
    ("options", "place"),
    [
        ({"collection": "SENTINEL-1", "cloud": "20"}, "--cloud"),
        ({"collection": "SENTINEL-3", "tile": "32TQM"}, "--tile"),
        ({"collection": "SENTINEL-5P", "relative-orbit": 3}, "--relative-orbit"),
        ({"collection": "SENTINEL-5P", "orbit-direction": "ASCENDING"}, "--orbit-direction"),
        ({"collection": "SENTINEL-1-RTC", "baseline": "1"}, "--baseline"),
        ({"collection": "COP-DEM", "platform": "A"}, "--platform"),
        ({"polarisation": "VV"}, "--polarisation"),
        ({"processing-mode": "OFFL"}, "--processing-mode"),
        ({"collection": "COP-DEM", "orbit": 5}, "--orbit"),
    ],
)
def test_what_the_collection_does_not_have_is_a_mistake(
    options: dict[str, object], place: str
) -> None:
    """With what it has; the catalogue would find nothing."""
    with pytest.raises(QueryError, match=f"{place}: products of .* can be restricted by"):
        query(options)


def test_mistakes_in_a_file_have_their_line(tmp_path: Path) -> None:
    """All of them at once."""
    path = tmp_path / "archive.toml"
    path.write_text('collection = "SENTINEL-1"\ntimeliness = ["soon"]\nwhere = ["orbit>1", "x"]\n')
    with pytest.raises(UsageError) as raised:
        load_config(path, {}, {}, NOW)
    said = str(raised.value)
    assert "3 mistakes" in said
    assert "line 2, timeliness: 'soon' is not a timeliness" in said
    assert said.count("line 3, where: ") == 2


def test_the_hubs_own_language_is_kept() -> None:
    """Taken out of what was pasted, and next to the default collection."""
    found = query({"query": "$filter=Online%20eq%20true"})
    assert (found.hub_query, found.collection) == ("Online eq true", "SENTINEL-2")


@pytest.mark.parametrize(
    ("options", "collection"),
    [
        ({"product-type": "slc"}, "SENTINEL-1"),
        ({"product-type": "L2__NO2,CH4", "processing-mode": "Offline"}, "SENTINEL-5P"),
        ({"product-type": "S2MSI2A"}, "SENTINEL-2"),
        ({"product-type": "AUX_POEORB"}, "SENTINEL-2"),
        ({"product-type": "AUX_POEORB", "collection": "SENTINEL-1"}, "SENTINEL-1"),
        ({"product-type": "RTC", "query": "Online eq true"}, "SENTINEL-1-RTC"),
    ],
)
def test_a_product_type_tells_the_collection_unless_it_is_given(
    options: dict[str, object], collection: str
) -> None:
    """When only one has it; else the default stays."""
    assert query(options).collection == collection


@pytest.mark.parametrize("types", ["slc,NO2", "L1", "xyzzy"])
def test_types_of_no_one_collection_are_a_mistake_of_the_default_one(types: str) -> None:
    """Rather than a listing of something else."""
    with pytest.raises(UsageError, match="not a product type of SENTINEL-2"):
        query({"product-type": types})


def test_a_collection_in_the_text_replaces_the_default_only(tmp_path: Path) -> None:
    """What the user chose stays, be it an option or a key."""
    text = "Collection/Name eq 'SENTINEL-3'"
    assert query({"query": text}).collection == ""
    assert query({"query": text, "collection": "SENTINEL-2"}).collection == "SENTINEL-2"
    path = tmp_path / "archive.toml"
    path.write_text('collection = "SENTINEL-1"\n')
    assert load_config(path, {"query": text}, {}, NOW).query.collection == "SENTINEL-1"
    loose = query({"query": text, "product-type": "ol_1_efr", "where": "cloudCover<5"})
    assert loose.product_types == ("OL_1_EFR___",)
    assert loose.conditions == (Condition("cloudCover", Operator.LT, (5.0,)),)


def test_text_that_cannot_be_combined_is_a_mistake() -> None:
    """It would get out of its parentheses."""
    with pytest.raises(QueryError, match="--query: the parentheses"):
        query({"query": "Online eq true) or (Online eq false"})
