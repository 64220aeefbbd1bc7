"""Catalogue rows with everything that is odd about them."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from s2fetch.hub.rows import Page, parse_page
from s2fetch.product import Algorithm, Checksum, Product

RECORDED = Path(__file__).parents[3] / "shared" / "recorded"
MD5 = "0f343b0931126a20f133d67c2b018a3b"
BLAKE3 = "6a7eacd5bd2ac39a1761270e3194302951d4db3a3ca44d0f2917b4473c45e955"
ROW: dict[str, Any] = {
    "@odata.mediaContentType": "application/octet-stream",
    "Id": "5d0e3c1b-2a4f-4a63-9f0a-6c1d2e3f4a5b",
    "Name": "S2B_MSIL2A_20240715T101559_N0510_R065_T32TQM_20240715T131022.SAFE",
    "ContentLength": 1123456789,
    "OriginDate": "2024-07-15T14:20:11.000000Z",
    "PublicationDate": "2024-07-15T14:31:45.118204Z",
    "ModificationDate": "2024-07-15T14:32:06.901Z",
    "Online": True,
    "EvictionDate": "9999-12-31T23:59:59.999999Z",
    "Checksum": [
        {"Value": MD5.upper(), "Algorithm": "MD5", "ChecksumDate": "2024-07-15T14:31:58.402917Z"},
        {"Value": BLAKE3, "Algorithm": "BLAKE3", "ChecksumDate": "2024-07-15T14:32:05.777120Z"},
    ],
    "ContentDate": {"Start": "2024-07-15T10:15:59.024Z", "End": "2024-07-15T10:15:59.024000Z"},
    "Footprint": "geography'SRID=4326;POLYGON ((11 46, 12 46, 12 45, 11 46))'",
    "Attributes": [
        {"@odata.type": "#OData.CSC.DoubleAttribute", "Name": "cloudCover", "Value": 12.34},
        {"@odata.type": "#OData.CSC.IntegerAttribute", "Name": "spatialResolution", "Value": "2.3"},
    ],
}


def page(*rows: dict[str, Any], **members: Any) -> Page:
    return parse_page(json.dumps({"value": rows, **members}).encode(), "SENTINEL-2")


def product(**changes: Any) -> Product:
    """The product of the row with some members changed; None leaves one out."""
    row = {name: value for name, value in {**ROW, **changes}.items() if value is not ...}
    (found,) = page(row).products
    return found


def test_a_row_becomes_a_product() -> None:
    """All that the engine needs, times in UTC, digests in lower case."""
    assert product() == Product(
        id="5d0e3c1b-2a4f-4a63-9f0a-6c1d2e3f4a5b",
        name="S2B_MSIL2A_20240715T101559_N0510_R065_T32TQM_20240715T131022.SAFE",
        collection="SENTINEL-2",
        size=1123456789,
        checksums=(Checksum(Algorithm.MD5, MD5), Checksum(Algorithm.BLAKE3, BLAKE3)),
        online=True,
        sensing_start=datetime(2024, 7, 15, 10, 15, 59, 24_000, UTC),
        sensing_end=datetime(2024, 7, 15, 10, 15, 59, 24_000, UTC),
        published=datetime(2024, 7, 15, 14, 31, 45, 118_204, UTC),
        modified=datetime(2024, 7, 15, 14, 32, 6, 901_000, UTC),
        footprint="POLYGON ((11 46, 12 46, 12 45, 11 46))",
        attributes={"cloudCover": 12.34, "spatialResolution": "2.3"},
    )


@pytest.mark.parametrize(
    ("length", "size"),
    [
        (0, None),
        (-1, None),
        (None, None),
        (..., None),
        ("1123456789", 1123456789),
        ("", None),
        ("much", None),
        (12.0, 12),
        ("0", None),
        ([], None),
    ],
)
def test_a_length_is_a_positive_number_or_unknown(length: object, size: int | None) -> None:
    """0, negative, missing and unreadable lengths mean that the catalogue does not know."""
    assert product(ContentLength=length).size == size


@pytest.mark.parametrize(
    ("listed", "known"),
    [
        ([], ()),
        (None, ()),
        (..., ()),
        ([{}], ()),
        ([None], ()),
        ({}, ()),
        ([{"Value": None, "Algorithm": "MD5"}], ()),
        ([{"Value": MD5, "Algorithm": "SHA3-256"}], ()),
        ([{"Value": MD5[:-1], "Algorithm": "MD5"}], ()),
        ([{"Value": "unknown", "Algorithm": "MD5"}], ()),
        ([{"Value": "g" * 32, "Algorithm": "MD5"}], ()),
        ([{"Value": MD5, "Algorithm": "md5"}], (Checksum(Algorithm.MD5, MD5),)),
        ([{}, {"Value": BLAKE3, "Algorithm": "BLAKE3"}], (Checksum(Algorithm.BLAKE3, BLAKE3),)),
    ],
)
def test_a_checksum_that_nothing_can_match_is_none(
    listed: object, known: tuple[Checksum, ...]
) -> None:
    """Empty entries, other algorithms and texts that are no digest must not fail a product."""
    assert product(Checksum=listed).checksums == known


@pytest.mark.parametrize(
    ("date", "evicted"),
    [
        ("", None),
        (None, None),
        (..., None),
        ("9999-12-31T23:59:59.999Z", None),
        ("9999-12-31T23:59:59.999999Z", None),
        ("soon", None),
        (7, None),
        ("2024-08-01T00:00:00.000Z", datetime(2024, 8, 1, tzinfo=UTC)),
    ],
)
def test_only_a_near_eviction_date_is_one(date: object, evicted: datetime | None) -> None:
    """The year 9999 and the empty text both stand for products that stay."""
    assert product(EvictionDate=date).evicted == evicted


@pytest.mark.parametrize(
    ("date", "time"),
    [
        ("2024-07-15T10:15:59.024Z", datetime(2024, 7, 15, 10, 15, 59, 24_000, UTC)),
        ("2024-07-15T10:15:59.024001Z", datetime(2024, 7, 15, 10, 15, 59, 24_001, UTC)),
        ("2024-07-15T10:15:59", datetime(2024, 7, 15, 10, 15, 59, tzinfo=UTC)),
        ("2024-07-15T12:15:59+02:00", datetime(2024, 7, 15, 10, 15, 59, tzinfo=UTC)),
        ("20240715T101559Z", datetime(2024, 7, 15, 10, 15, 59, tzinfo=UTC)),
        ("2024-07-15", datetime(2024, 7, 15, tzinfo=UTC)),
        ("20240715", datetime(2024, 7, 15, tzinfo=UTC)),
        ("0001-01-01T00:00:00+14:00", None),
        ("yesterday", None),
        ("", None),
        (None, None),
        (1721038559, None),
    ],
)
def test_dates_of_any_form_are_read_in_utc(date: object, time: datetime | None) -> None:
    """A date in an odd form costs itself at most, never the page; without a zone it is UTC."""
    found = product(PublicationDate=date, ContentDate={"Start": date, "End": date})
    assert found.published == found.sensing_start == found.sensing_end == time
    assert found.modified is not None
    assert time is None or found.published is None or found.published.tzinfo is UTC


@pytest.mark.parametrize(
    ("footprint", "wkt"),
    [
        (None, None),
        (..., None),
        ("", None),
        ("geography''", None),
        ("geography'SRID=4326;'", None),
        ("geography'SRID=4326;POINT (1 2)'", "POINT (1 2)"),
        ("geography'POINT (1 2)'", "POINT (1 2)"),
        ("POINT (1 2)", "POINT (1 2)"),
        ({"type": "Point"}, None),
    ],
)
def test_a_footprint_is_wkt_without_its_wrapping(footprint: object, wkt: str | None) -> None:
    """Auxiliary data has none."""
    assert product(Footprint=footprint).footprint == wkt


@pytest.mark.parametrize(
    ("online", "expected"),
    [(True, True), (False, False), (None, True), (..., True), ("false", False)],
)
def test_a_product_is_online_unless_the_hub_says_not(online: object, expected: bool) -> None:
    """A missing flag must not send a product to the retrieval desk."""
    assert product(Online=online).online is expected


def test_attributes_that_are_no_plain_values_are_left_out() -> None:
    """Null and nested values cannot be compared or shown."""
    odd = [{"Name": "a", "Value": None}, {"Name": "b", "Value": {}}, {"Name": "c", "Value": 0}, {}]
    assert product(Attributes=odd).attributes == {"c": 0}
    assert product(Attributes=None).attributes == {}


def test_missing_dates_do_not_matter() -> None:
    """A row without any date is still a product."""
    found = product(ContentDate=..., PublicationDate=..., ModificationDate=...)
    assert found.sensing_start is found.published is found.modified is None
    assert product(ContentDate=None).sensing_end is None


def test_an_odd_row_leaves_the_others_as_they_are() -> None:
    """The page is read in another way then, with the same results."""
    odd = {**ROW, "Id": "odd", "PublicationDate": "never", "ContentLength": "17"}
    assert page(ROW, odd, ROW).products[::2] == page(ROW, ROW).products


def test_count_and_next_link_are_read() -> None:
    """They tell how many rows there are and whether this was the last page."""
    assert page(ROW).last
    assert page(ROW).count is None
    more = page(ROW, **{"@odata.count": 47, "@odata.nextLink": "https://hub/odata/v1/Products?…"})
    assert (more.count, more.last) == (47, False)
    assert page(**{"@odata.count": "0"}).count == 0


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"null",
        b"[]",
        b"{}",
        b'{"value": null}',
        b'{"value": [null]}',
        b'{"value": [{"Id": "1"}]}',
        b'{"value": [{"Id": 1, "Name": "a"}]}',
        b'{"detail": {"message": "Internal error"}}',
        b"<!DOCTYPE html><html></html>",
        b'{"value": []} {',
        b'{"value": ["\xff"]}',
    ],
)
def test_what_is_no_page_is_a_value_error(body: bytes) -> None:
    """Error pages with status 200 and broken JSON are never an empty listing."""
    with pytest.raises(ValueError):
        parse_page(body, "SENTINEL-2")


@pytest.mark.parametrize("regular", [True, False])
def test_a_page_cut_at_any_byte_is_a_value_error(regular: bool) -> None:
    """A connection that ends early can never look like a shorter listing."""
    row = ROW if regular else {**ROW, "ContentLength": "17"}
    body = json.dumps({"@odata.count": 2, "value": [row, row], "@odata.nextLink": "x"}).encode()
    assert len(parse_page(body, "").products) == 2
    for length in range(len(body)):
        with pytest.raises(ValueError):
            parse_page(body[:length], "")


json_values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=5,
)


@given(st.dictionaries(st.sampled_from(sorted(set(ROW) - {"Id", "Name"})), json_values))
def test_no_value_of_any_member_breaks_a_page(changes: dict[str, Any]) -> None:
    """Whatever a hub puts into a member, the row is a product that can be written and read."""
    found = product(**changes)
    assert found.size is None or found.size > 0
    assert msgspec.json.decode(msgspec.json.encode(found.checksums)) is not None


@pytest.mark.skipif(not RECORDED.is_dir(), reason="recorded answers are not part of the project")
@pytest.mark.parametrize("name", ["cdse-odata-s2-l1c-page.json", "cdse-odata-s1-aux-page.json"])
def test_recorded_answers_are_read(name: str) -> None:
    """Answers of the real service, without exception."""
    body = (RECORDED / name).read_bytes()
    raw = json.loads(body)
    read = parse_page(body, "SENTINEL")
    assert [row["Id"] for row in raw["value"]] == [found.id for found in read.products]
    assert read.count == raw.get("@odata.count")
    assert read.last is ("@odata.nextLink" not in raw)
    for row, found in zip(raw["value"], read.products, strict=True):
        assert found.size == row["ContentLength"]
        assert {c.algorithm.value: c.value for c in found.checksums} == {
            c["Algorithm"]: c["Value"] for c in row["Checksum"]
        }
        assert found.evicted is None
        assert found.sensing_start is not None
        assert found.published is not None
        assert (found.footprint is None) is (row["Footprint"] is None)
        assert len(found.attributes) == len({a["Name"] for a in row.get("Attributes", ())})
