"""What OData says of products, in every generation's shape."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

import pytest

from s2fetch.hub.dhus.metadata import many_url, one_url, parse_many, parse_one, product_url
from s2fetch.product import Algorithm, Checksum, Product

ROW: dict[str, Any] = {
    "__metadata": {"type": "DHuS.Product"},
    "Id": "7df46c9e-a20c-43db-a19a-4240c2ed3b8b",
    "Name": "S1A_EW_GRDM_1SDV_20151121T100356_20151121T100429_008701_00C622_A0EC",
    "ContentLength": "143549851",
    "ModificationDate": "/Date(1448271840000)/",
    "EvictionDate": None,
    "Online": True,
    "Checksum": {"Algorithm": "MD5", "Value": "D5E4DF5C38C6E97BF7E7BD540AB21C05"},
}


def one(**changes: object) -> bytes:
    """The answer about one product."""
    row = {key: value for key, value in (ROW | changes).items() if value != "absent"}
    return json.dumps({"d": row}).encode()


def test_a_product_gets_length_checksum_and_times() -> None:
    """Lengths are text, checksums of either case, times are milliseconds."""
    metadata = parse_one(one(EvictionDate="/Date(1450000000123)/"))
    product = metadata.added_to(Product(id=metadata.id, name="x.SAFE", footprint="POINT(0 0)"))
    assert product.size == 143_549_851
    assert product.checksums == (Checksum(Algorithm.MD5, "d5e4df5c38c6e97bf7e7bd540ab21c05"),)
    assert product.modified == datetime(2015, 11, 23, 9, 44, tzinfo=UTC)
    assert product.evicted == datetime(2015, 12, 13, 9, 46, 40, 123_000, tzinfo=UTC)
    assert product.online
    assert (product.name, product.footprint) == ("x.SAFE", "POINT(0 0)")


@pytest.mark.parametrize(
    ("online", "is_online"), [(True, True), (False, False), ("absent", True), ("false", False)]
)
def test_without_the_property_everything_is_online(online: object, is_online: bool) -> None:
    """Older servers do not have it."""
    assert parse_one(one(Online=online)).online is is_online


@pytest.mark.parametrize(
    "checksum",
    ["absent", None, {"Algorithm": "SHA3-256", "Value": "ab" * 32}, {"Algorithm": "MD5"}, "x"],
)
def test_what_is_no_md5_is_no_checksum(checksum: object) -> None:
    """Nothing can be compared with it."""
    assert parse_one(one(Checksum=checksum)).checksums == ()


@pytest.mark.parametrize("length", ["absent", "0", None, "many", -1])
def test_a_length_that_is_none_is_unknown(length: object) -> None:
    """Nothing is verified against it."""
    assert parse_one(one(ContentLength=length)).size is None


@pytest.mark.parametrize(
    "date", ["absent", None, "", "/Date()/", "2015", "/Date(999999999999999)/", 5]
)
def test_a_date_that_is_none_is_unknown(date: object) -> None:
    """One odd value costs itself alone."""
    assert parse_one(one(ModificationDate=date)).modified is None


def test_several_products_come_as_results_or_as_a_bare_list() -> None:
    """Version 2 and version 1 of the protocol."""
    assert [row.id for row in parse_many(json.dumps({"d": {"results": [ROW]}}).encode())] == [
        ROW["Id"]
    ]
    assert [row.id for row in parse_many(json.dumps({"d": [ROW, ROW]}).encode())] == [ROW["Id"]] * 2


@pytest.mark.parametrize("body", [b"", b"[]", b'{"d": 1}', b'{"error": {}}', b'{"d": {"Id": 5}}'])
def test_what_is_no_odata_is_asked_for_again(body: bytes) -> None:
    """Whether one product was asked for or several."""
    with pytest.raises(ValueError):
        parse_one(body)
    with pytest.raises(ValueError):
        parse_many(body)


def test_addresses_hold_nothing_but_the_identifier() -> None:
    """Whatever an identifier holds, it stays inside its quotes and its segment."""
    assert product_url("https://hub", "a-1") == "https://hub/odata/v1/Products('a-1')"
    assert one_url("https://hub", "a'/../b") == (
        "https://hub/odata/v1/Products('a%27%27%2F..%2Fb')?$format=json"
    )
    assert many_url("https://hub", ["a", "b"]) == (
        "https://hub/odata/v1/Products?$filter=Id%20eq%20'a'%20or%20Id%20eq%20'b'"
        "&$top=2&$format=json"
    )
