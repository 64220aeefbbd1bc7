"""Search documents of every mission, made from names and attributes."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from s2fetch.embedded.dhus.documents import (
    download_name,
    gml,
    identifier,
    search_document,
    size_text,
)
from s2fetch.embedded.dhus.solr.fields import SCHEMA
from s2fetch.embedded.dhus.solr.matching import Value, matches
from s2fetch.embedded.entry import Attribute
from tests.embedded.dhus.conftest import GRD, L1C, L2A, NO2, OLCI, ORBIT, SLC, listed

OLD_L1C = "S2A_OPER_PRD_MSIL1C_PDMC_20160606T232310_R122_V20160606T101022_20160606T101558.SAFE"
SRA = (
    "S3B_SR_1_SRA_BS_20200103T094700_20200103T095000_20200103T110000_0179_034_250_____"
    "_LN3_O_NR_004.SEN3"
)
AUX = "S1A_AUX_CAL_V20190228T092500_G20210104T141310.SAFE"
S6 = (
    "S6A_P4_2__LR_STD__20210401T000000_20210401T001000_20210402T000000_0600_014_100_050"
    "_EUM__OPE_ST_F09.SEN6"
)


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        (
            SLC,
            {
                "platformname": "Sentinel-1",
                "platformidentifier": "2014-016A",
                "producttype": "SLC",
                "sensoroperationalmode": "IW",
                "swathidentifier": "IW1 IW2 IW3",
                "polarisationmode": "VV VH",
                "productclass": "S",
                "orbitnumber": 30639,
                "lastorbitnumber": 30639,
                "relativeorbitnumber": 117,
                "missiondatatakeid": 0x0382D5,
                "slicenumber": 1,
                "format": "SAFE",
                "status": "ARCHIVED",
            },
        ),
        (
            GRD,
            {
                "producttype": "GRD",
                "sensoroperationalmode": "EW",
                "swathidentifier": "EW",
                "polarisationmode": "HH HV",
                "relativeorbitnumber": (19700 - 27) % 175 + 1,
            },
        ),
        (SLC.replace("_IW_", "_S3_").replace("SDV", "SSH"), {
            "sensoroperationalmode": "SM", "swathidentifier": "S3", "polarisationmode": "HH",
        }),
        (AUX, {"platformname": "Sentinel-1", "producttype": "AUX_CAL"}),
        (
            L1C,
            {
                "platformname": "Sentinel-2",
                "platformserialidentifier": "Sentinel-2B",
                "producttype": "S2MSI1C",
                "processinglevel": "Level-1C",
                "processingbaseline": "02.06",
                "relativeorbitnumber": 51,
                "instrumentshortname": "MSI",
            },
        ),
        (
            L2A,
            {
                "producttype": "S2MSI2A",
                "processinglevel": "Level-2A",
                "datatakesensingstart": datetime(2023, 6, 15, 10, 6, 1, tzinfo=UTC),
                "hv_order_tileid": "UP33U",
            },
        ),
        (OLD_L1C, {"producttype": "S2MSI1C", "relativeorbitnumber": 122}),
        (
            OLCI,
            {
                "platformname": "Sentinel-3",
                "producttype": "OL_1_EFR___",
                "productlevel": "L1",
                "processinglevel": "1",
                "instrumentshortname": "OLCI",
                "timeliness": "Non Time Critical",
                "cyclenumber": 53,
                "relativeorbitnumber": 250,
                "orbitdirection": "descending",
                "creationdate": datetime(2020, 1, 4, 14, tzinfo=UTC),
            },
        ),
        (SRA, {"producttype": "SR_1_SRA_BS", "timeliness": "Near Real Time"}),
        (
            NO2,
            {
                "platformname": "Sentinel-5",
                "producttype": "L2__NO2___",
                "processinglevel": "L2",
                "processingmode": "Offline",
                "orbitnumber": 11511,
            },
        ),
        (NO2.replace("OFFL_L2__NO2___", "NRTI_L1B_RA_BD1"), {
            "producttype": "L1B_RA_BD1", "processinglevel": "L1B",
            "processingmode": "Near real time",
        }),
        (
            ORBIT,
            {
                "producttype": "AUX_POEORB",
                "platformserialidentifier": "1A",
                "format": "EOF",
                "generationdate": datetime(2020, 1, 24, 12, 8, 19, tzinfo=UTC),
            },
        ),
    ],
)  # fmt: skip
def test_a_name_tells_a_missions_fields(name: str, expected: dict[str, Value]) -> None:
    """Cut by position; every field is in the schema."""
    document = search_document(listed(name))
    assert {field: document.get(field) for field in expected} == expected
    assert set(document) <= set(SCHEMA)
    assert document["filename"] == name
    assert document["identifier"] == name.rsplit(".", 1)[0]


def test_attributes_tell_more() -> None:
    """Those of other services under their names there, typed; the name wins where both speak."""
    document = search_document(
        listed(
            L1C,
            Attribute("cloudCover", "Double", 3),
            Attribute("orbitNumber", "String", "4300"),
            Attribute("productType", "String", "S2MSI1C"),
            Attribute("tileId", "String", "32TQM"),
            Attribute("cycleNumber", "String", "not a number"),
            Attribute("unheardOf", "String", "x"),
            id="5c2c4a6e-6f5b-5d0e-8a3c-9f3d5b0f7a10",
        )
    )
    assert document["cloudcoverpercentage"] == 3.0
    assert isinstance(document["cloudcoverpercentage"], float)
    assert document["orbitnumber"] == 4300
    assert document["tileid"] == "32TQM"
    assert document["s2datatakeid"] == "GS2B_20180101T105439_004300_N02.06"
    assert "cyclenumber" not in document
    assert "lastorbitnumber" not in document


def test_other_missions_have_what_their_attributes_say() -> None:
    """The platform by its collection."""
    document = search_document(listed(S6, collection="SENTINEL-6"))
    assert document["platformname"] == "Sentinel-6"
    named = Attribute("instrumentShortName", "String", "P4")
    entry = listed(S6, named, Attribute("platformShortName", "String", "SENTINEL-6A"))
    document = search_document(entry)
    assert (document["platformname"], document["instrumentshortname"]) == ("Sentinel-6A", "P4")


def test_names_nobody_knows_do_no_harm() -> None:
    """Too short ones, empty ones, and ones of a mission's beginning only."""
    for name in ("S1", "S2A_x", "S3A_", "S5P", "", "S1A_OPER.EOF", "Copernicus_DSM_10_N45.tar"):
        assert search_document(listed(name))["filename"] == name


def test_level_2a_has_shares_of_its_classes() -> None:
    """Numbers with fractions, the same each time."""
    document = search_document(listed(L2A))
    assert isinstance(document["vegetationpercentage"], float)
    assert document == search_document(listed(L2A))


def test_some_tiled_products_lack_the_name_of_their_tile() -> None:
    """Whoever looks for a tile has to look at the file name as well."""
    tile = Attribute("tileId", "String", "32TQM")
    documents = [
        search_document(listed(L1C, tile, id=f"5c2c4a6e-6f5b-5d0e-8a3c-9f3d5b0f7a{n:02x}"))
        for n in range(64)
    ]
    assert sum("tileid" in document for document in documents) == 48
    assert all(matches("tileid:32TQM OR filename:*_T32TQM_*", one) for one in documents)


def test_times_have_milliseconds() -> None:
    """What is finer is cut off."""
    document = search_document(listed(SLC, sensing_start="2020-01-03T10:47:00.520999Z"))
    assert document["beginposition"] == datetime(2020, 1, 3, 10, 47, 0, 520_000, tzinfo=UTC)


@pytest.mark.parametrize(
    ("count", "text"),
    [(7, "7 B"), (758_077, "740.31 KB"), (423_205_274, "403.60 MB"), (1_707_250_000, "1.59 GB")],
)
def test_sizes_are_texts_of_base_1024(count: int, text: str) -> None:
    """With two decimals."""
    assert size_text(count) == text


def test_old_sizes_are_whole() -> None:
    """Without decimals."""
    assert size_text(530_579_456, whole=True) == "506 MB"


def test_products_without_a_footprint_have_none() -> None:
    """Auxiliary data."""
    document = search_document(listed(AUX, footprint=None))
    assert "footprint" not in document
    assert not matches('footprint:"Intersects(ENVELOPE(-180,180,90,-90))"', document)


@pytest.mark.parametrize(
    "wkt",
    [
        "POLYGON ((0 0, 9 0, 9 9, 0 9, 0 0), (1 1, 2 1, 2 2, 1 1))",
        "MULTIPOLYGON (((0 0, 9 0, 9 9, 0 0)), ((20 20, 29 20, 29 29, 20 20)))",
        "POINT (5 5)",
        "LINESTRING (0 0, 5 5)",
    ],
)
def test_footprints_of_any_kind_keep_their_shape(wkt: str) -> None:
    """Holes, several parts, points and lines, in both spellings."""
    import shapely

    for ingested in ("2018-01-01T00:00:00.000000Z", "2020-01-01T00:00:00.000000Z"):
        document = search_document(listed(SLC, footprint=wkt, publication_date=ingested))
        assert shapely.from_wkt(str(document["footprint"])).equals(shapely.from_wkt(wkt))
    assert "<gml:coordinates>" in gml(wkt)


@pytest.mark.parametrize(
    ("name", "stem", "file_name"),
    [
        (SLC, SLC[:-5], f"{SLC[:-5]}.zip"),
        (S6, S6[:-5], f"{S6[:-5]}.zip"),
        (NO2, NO2[:-3], NO2),
        (ORBIT, ORBIT[:-4], ORBIT),
        ("x", "x", "x.zip"),
        ("x.TGZ", "x", "x.TGZ"),
    ],
)
def test_names_lose_their_extension_and_downloads_have_one(
    name: str, stem: str, file_name: str
) -> None:
    """What is a folder arrives as a zip."""
    assert (identifier(name), download_name(name)) == (stem, file_name)
