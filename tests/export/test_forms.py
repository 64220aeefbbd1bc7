"""Every text form, read back by those who are to read it."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterable
from datetime import datetime
from pathlib import Path
from typing import Any

import jsonschema_rs
import msgspec
import numpy as np
import pyogrio
import pyogrio.raw
import pystac
import pytest
import shapely
from hypothesis import given, settings
from pystac.extensions.eo import EOExtension
from pystac.extensions.file import FileExtension
from pystac.extensions.projection import ProjectionExtension
from pystac.extensions.sat import OrbitState, SatExtension

from s2fetch.embedded.missions import mission_products
from s2fetch.errors import UsageError
from s2fetch.export import FORMS, make_form
from s2fetch.export.fields import ATTRIBUTES, OWN
from s2fetch.lists import ProductList, read_list
from s2fetch.product import Algorithm, Checksum, Product
from tests.export.made import listings, sentinel_2, url_of
from tests.rows import said_by


def text_of(form: str, products: Iterable[Product], fields: tuple[str, ...] = ()) -> str:
    """A listing as a file has it."""
    made = make_form(form, url_of, fields)
    return made.head + "".join(made.row(product) for product in products) + made.tail


@pytest.fixture(scope="module")
def file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where listings are written, one over the other."""
    return tmp_path_factory.mktemp("list") / "list"


@settings(max_examples=60)
@given(products=listings)
def test_what_was_exported_is_a_list_again(products: list[Product], file: Path) -> None:
    """In every form, in the same order; URLs say the identifiers."""
    names, ids = tuple(p.name for p in products), tuple(p.id for p in products)
    for form in FORMS:
        file.write_text(text_of(form, products), encoding="utf-8", newline="")
        expected = ProductList((), ids) if form == "urls" else ProductList(names)
        assert read_list(file) == expected, form


@settings(max_examples=40)
@given(products=listings)
def test_chosen_fields_are_a_list_again_as_long_as_they_name_products(
    products: list[Product], file: Path
) -> None:
    """Wherever the name stands."""
    fields = ("size", "cloudCover", "name", "footprint")
    for form in ("plain", "json", "csv", "geojson"):
        file.write_text(text_of(form, products, fields), encoding="utf-8", newline="")
        assert read_list(file).names == tuple(p.name for p in products), form


def test_plain_lines_have_six_cells_whatever_is_in_them() -> None:
    """Names come from outside: no tab and no line break of theirs makes a cell or a line."""
    line = text_of("plain", [sentinel_2(name="a\tb\nc\x1b[31m")])
    assert line.count("\n") == 1
    assert line.split("\t")[1:] == [
        "800000000",
        "2024-06-01T10:10:31.024000Z",
        "2024-06-01T14:10:31.024000Z",
        "online",
        "5d0e3c1b-2a4f-4a63-9f0a-6c1d2e3f4a5b\n",
    ]


def test_json_lines_keep_what_is_nested() -> None:
    """Checksums and attributes as the product has them."""
    (row,) = [json.loads(line) for line in text_of("json", [sentinel_2()]).splitlines()]
    assert row["checksums"] == [{"algorithm": "MD5", "value": "0f343b0931126a20f133d67c2b018a3b"}]
    assert row["attributes"]["orbitNumber"] == 46_700
    assert set(row) == set(Product.__struct_fields__)


def test_chosen_fields_are_written_in_their_order_with_their_types() -> None:
    """Own ones, attributes, and what is worked out."""
    fields = ("cloudcover", "NAME", "size", "online", "evicted", "md5", "url", "checksum")
    (line,) = text_of("json", [sentinel_2()], fields).splitlines()
    assert list(json.loads(line).items()) == [
        ("cloudCover", 12.5),
        ("name", sentinel_2().name),
        ("size", 800_000_000),
        ("online", True),
        ("evicted", None),
        ("md5", "0f343b0931126a20f133d67c2b018a3b"),
        ("url", url_of(sentinel_2())),
        ("checksum", "MD5:0f343b0931126a20f133d67c2b018a3b"),
    ]


def test_csv_has_the_chosen_columns() -> None:
    """With a header, true and false, and empty cells for what is not known."""
    text = text_of("csv", [sentinel_2()], ("name", "online", "blake3", "tileId"))
    rows = list(csv.reader(io.StringIO(text)))
    assert rows == [
        ["name", "online", "blake3", "tileId"],
        [sentinel_2().name, "true", "", "32TQM"],
    ]


def test_attributes_are_only_asked_for_where_they_are_written() -> None:
    """They cost bytes."""
    assert not make_form("names", url_of).attributes
    assert not make_form("plain", url_of).attributes
    assert not make_form("urls", url_of).attributes
    assert not make_form("csv", url_of, ("name", "size")).attributes
    assert make_form("csv", url_of, ("name", "cloudCover")).attributes
    assert make_form("csv", url_of).attributes
    assert make_form("geojson", url_of).attributes
    assert make_form("stac", url_of).attributes


@pytest.mark.parametrize(
    ("form", "fields", "said"),
    [
        ("xml", (), "Known are plain, json"),
        ("csv", ("nmae",), "Did you mean name"),
        ("csv", ("cloudCovr",), "Did you mean cloudCover"),
        ("stac", ("name",), "fields of its own"),
        ("names", ("name",), "fields of its own"),
    ],
)
def test_what_cannot_be_written_is_refused_before_anything_is_asked(
    form: str, fields: tuple[str, ...], said: str
) -> None:
    """With the nearest names."""
    with pytest.raises(UsageError, match=said):
        make_form(form, url_of, fields)


def test_no_attribute_hides_behind_a_field() -> None:
    """Every attribute of every collection can be chosen."""
    own = {name.lower() for name in OWN}
    assert not [name for name in ATTRIBUTES if name.lower() in own]


@given(products=listings)
@settings(max_examples=30)
def test_geojson_opens_in_a_gis_with_usable_columns(
    products: list[Product], tmp_path_factory: pytest.TempPathFactory
) -> None:
    """Read by GDAL: one flat column for each field, every row, every geometry."""
    path = tmp_path_factory.mktemp("gis") / "found.geojson"
    path.write_text(text_of("geojson", products), encoding="utf-8")
    meta, _, geometries, columns = pyogrio.raw.read(path)
    table = dict(zip(meta["fields"], columns, strict=True))
    assert list(table["name"]) == [product.name for product in products]
    assert list(table["md5"]) == [
        product.checksums[0].value if product.checksums else None for product in products
    ]
    attributes = {name for product in products for name in product.attributes}
    assert attributes - {"id"} <= set(table)
    for geometry, product in zip(geometries, products, strict=True):
        expected = product.footprint and shapely.from_wkt(product.footprint)
        assert (geometry is None) == (expected is None)
        if expected is not None:
            assert shapely.equals(shapely.from_wkb(geometry), expected)


def test_columns_have_types_that_a_gis_can_work_with(tmp_path: Path) -> None:
    """Numbers, times and truth values, and nothing that is JSON in a cell."""
    path = tmp_path / "found.geojson"
    others = [sentinel_2(id=str(n), evicted=sentinel_2().published) for n in range(3)]
    path.write_text(text_of("geojson", others), encoding="utf-8")
    info = pyogrio.read_info(path)
    kinds = dict(zip(info["fields"], info["dtypes"], strict=True))
    assert kinds["size"] == "int32" or kinds["size"] == "int64"
    assert kinds["cloudCover"] == "float64"
    assert kinds["orbitNumber"].startswith("int")
    assert kinds["online"] == "bool"
    assert {"published", "modified", "md5", "blake3", "url"} <= set(kinds)
    assert kinds["sensing_start"].startswith("datetime64")
    assert kinds["evicted"].startswith("datetime64")
    assert {str(kind) for kind in kinds.values()} <= {
        *("int32", "int64", "float64", "bool", "object", "datetime64[ms]", "datetime64[us]"),
    }
    _, _, _, columns = pyogrio.raw.read(path)
    cells = [cell for column in columns for cell in np.asarray(column, dtype=object)]
    assert not [cell for cell in cells if isinstance(cell, str) and cell.startswith(("{", "["))]


def published_schema() -> jsonschema_rs.Validator:
    """Of STAC items, as the specification has it; pystac brings its files."""
    folder = Path(pystac.__file__).parent / "validation" / "jsonschemas"
    schemas = {}
    for path in sorted(folder.rglob("*.json")):
        schema = json.loads(path.read_text())
        schemas[schema["$id"].rstrip("#")] = schema
    base = "https://schemas.stacspec.org/v1.1.0/item-spec/json-schema"
    # One of them has a slip in its own address.
    schemas.setdefault(f"{base}/common.json", schemas.get(f"{base}/commonjson"))
    registry = jsonschema_rs.Registry(list(schemas.items()))
    found: jsonschema_rs.Validator = jsonschema_rs.validator_for(
        schemas[f"{base}/item.json"], registry=registry, validate_formats=True
    )
    return found


SCHEMA = published_schema()


def test_stac_items_of_every_mission_are_valid() -> None:
    """By the published schema, as pystac would check them with a network."""
    products = []
    for entry, _ in mission_products(2):
        attributes = {one.name: one.value for one in entry.attributes}
        start = datetime.fromisoformat(entry.sensing_start)
        products.append(
            sentinel_2(
                id=entry.id,
                name=entry.name,
                collection=entry.collection,
                sensing_start=start,
                footprint=entry.footprint,
                attributes=attributes,
            )
        )
    items = json.loads(text_of("stac", products))["features"]
    assert len({product.collection for product in products}) >= 8
    for item in items:
        SCHEMA.validate(item)
    broken = items[0] | {"bbox": None}
    assert not SCHEMA.is_valid(broken)


@given(products=listings)
@settings(max_examples=30)
def test_stac_items_are_read_by_pystac(products: list[Product]) -> None:
    """An item collection of which every item stands for its product."""
    held = json.loads(text_of("stac", products))
    assert pystac.ItemCollection.is_item_collection(held)
    for row, product in zip(held["features"], products, strict=True):
        SCHEMA.validate(row)
        item = pystac.Item.from_dict(row)
        assert product.name.startswith(item.id)
        assert item.assets["product"].href == url_of(product)
        named = said_by(product.name).sensing_start
        assert item.datetime == (product.sensing_start or product.sensing_end or named)
        assert (item.geometry is None) == (item.bbox is None) == (product.footprint is None)


def stac_item(**changes: Any) -> pystac.Item:
    """An ordinary product as pystac reads it."""
    row = json.loads(text_of("stac", [sentinel_2(**changes)]))["features"][0]
    return pystac.Item.from_dict(row)


def test_stac_fields_of_the_extensions_are_filled() -> None:
    """eo, sat, proj, file, grid, product, processing and timestamps."""
    item = stac_item()
    assert EOExtension.ext(item).cloud_cover == 12.5
    sat = SatExtension.ext(item)
    assert (sat.absolute_orbit, sat.relative_orbit) == (46_700, 22)
    assert sat.orbit_state is OrbitState.DESCENDING
    assert ProjectionExtension.ext(item).code == "EPSG:32632"
    file = FileExtension.ext(item.assets["product"])
    assert file.size == 800_000_000
    assert file.checksum == "d501100f343b0931126a20f133d67c2b018a3b"
    properties = item.properties
    assert properties["grid:code"] == "MGRS-32TQM"
    assert properties["product:type"] == "S2MSI1C"
    assert properties["processing:version"] == "05.10"
    from_name = stac_item(attributes={}).properties
    assert from_name["processing:version"] == "05.10"
    assert properties["published"] == "2024-06-01T14:10:31.024000Z"
    assert (properties["platform"], properties["constellation"]) == ("sentinel-2a", "sentinel-2")
    assert properties["instruments"] == ["msi"]
    used = {key.split(":")[0] for key in (*properties, *item.assets["product"].extra_fields)}
    assert len(item.stac_extensions) == 8
    for prefix in ("eo", "sat", "file", "grid", "product", "processing"):
        assert (prefix in used) == any(f"/{prefix}/" in url for url in item.stac_extensions)


def test_stac_leaves_out_what_is_not_known() -> None:
    """No field is made up: unknown cloud cover is listed as -1, and some rows have nothing."""
    bare = stac_item(attributes={"cloudCover": -1.0}, checksums=(), size=None, footprint=None)
    assert not [key for key in bare.properties if key.startswith(("eo:", "sat:absolute"))]
    assert not [key for key in bare.assets["product"].extra_fields if key.startswith("file:")]
    assert not [url for url in bare.stac_extensions if "/eo/" in url or "/file/" in url]
    southern = stac_item(name=sentinel_2().name.replace("T32TQM", "T32MQM"))
    assert southern.properties["proj:code"] == "EPSG:32732"
    digest = Checksum(Algorithm.BLAKE3, "ab" * 32)
    hashed = stac_item(checksums=(digest,)).assets["product"].extra_fields["file:checksum"]
    assert hashed == "1e20" + "ab" * 32


def test_a_box_across_the_antimeridian_has_west_greater_than_east() -> None:
    """As RFC 7946 has it."""
    across = "MULTIPOLYGON (((178 1, 180 1, 180 2, 178 1)), ((-180 1, -179 1, -179 2, -180 1)))"
    assert stac_item(footprint=across).bbox == [178, 1, -179, 2]
    assert stac_item().bbox == [11, 46, 12, 47]


def test_a_footprint_that_cannot_be_read_is_none() -> None:
    """One odd row does not end a listing."""
    for form in ("geojson", "stac"):
        (feature,) = json.loads(text_of(form, [sentinel_2(footprint="POLYGON((1 2")]))["features"]
        assert feature["geometry"] is None


def test_a_collection_that_was_cut_short_is_no_valid_json() -> None:
    """Nobody takes a part for the whole."""
    made = make_form("geojson", url_of)
    with pytest.raises(msgspec.DecodeError):
        msgspec.json.decode(made.head + made.row(sentinel_2()))
