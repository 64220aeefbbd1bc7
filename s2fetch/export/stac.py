"""Products as STAC items.

Sources: STAC specification 1.1.0, and its extensions for eo, file, grid, processing, product,
projection, sat and timestamps.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

from s2fetch import naming
from s2fetch.clock import timestamp
from s2fetch.export.fields import UrlOf
from s2fetch.export.forms import geometry_of
from s2fetch.product import Algorithm, Product

VERSION = "1.1.0"
SCHEMAS = {
    "eo": "https://stac-extensions.github.io/eo/v1.1.0/schema.json",
    "file": "https://stac-extensions.github.io/file/v2.1.0/schema.json",
    "grid": "https://stac-extensions.github.io/grid/v1.1.0/schema.json",
    "processing": "https://stac-extensions.github.io/processing/v1.2.0/schema.json",
    "product": "https://stac-extensions.github.io/product/v0.1.0/schema.json",
    "proj": "https://stac-extensions.github.io/projection/v2.0.0/schema.json",
    "sat": "https://stac-extensions.github.io/sat/v1.0.0/schema.json",
}
"""Extensions by the prefix of their fields."""
TIMESTAMPS = "https://stac-extensions.github.io/timestamps/v1.1.0/schema.json"
"""The extension whose fields have no prefix."""

# Code and length of a digest before its bytes (https://github.com/multiformats/multihash).
_MULTIHASH = {Algorithm.MD5: "d50110", Algorithm.BLAKE3: "1e20"}
_MEDIA_TYPES = {".nc": "application/netcdf", ".EOF": "application/xml"}
_ORBIT_STATES = ("ascending", "descending")


def item_of(product: Product, url_of: UrlOf) -> dict[str, Any]:
    """A product as an item with one asset, the download.

    The identifier is the product's name without its extension where the extension can be known
    again, otherwise the whole name.
    """
    said = naming.parse(product.name)
    properties = {
        **_times(product, said),
        **_platform(product, said),
        **_processing(product, said),
        **_orbit(product, said),
        **_place(product, said),
    }
    asset = _asset(product, url_of)
    prefixes = {key.partition(":")[0] for key in (*properties, *asset) if ":" in key}
    extensions = [url for prefix, url in SCHEMAS.items() if prefix in prefixes]
    if "published" in properties or "expires" in properties:
        extensions.append(TIMESTAMPS)
    item: dict[str, Any] = {
        "type": "Feature",
        "stac_version": VERSION,
        "stac_extensions": extensions,
        "id": said.stem if said and said.listed == product.name else product.name,
        "geometry": geometry_of(product),
        "properties": properties,
        "links": [],
        "assets": {"product": asset},
    }
    if (box := _box(product)) is not None:
        item["bbox"] = box
    else:
        item["geometry"] = None
    return item


def _times(product: Product, said: naming.ProductName | None) -> dict[str, str | None]:
    start, end = product.sensing_start, product.sensing_end
    named = said.sensing_start if said else None
    known = start or end or named or product.published or product.modified
    times: dict[str, datetime | None] = {
        "start_datetime": start if end else None,
        "end_datetime": end if start else None,
        "updated": product.modified,
        "published": product.published,
        "expires": product.evicted,
    }
    return {
        "datetime": timestamp(known) or None,
        **{name: timestamp(time) for name, time in times.items() if time is not None},
    }


def _platform(product: Product, said: naming.ProductName | None) -> dict[str, object]:
    attributes = product.attributes
    found: dict[str, object] = {}
    if said is not None:
        mission = said.collection.lower()
        found["constellation"] = mission
        found["platform"] = mission + said.platform[2:].lower().removeprefix("p")
    elif "platformShortName" in attributes:
        unit = attributes.get("platformSerialIdentifier", "")
        found["platform"] = f"{attributes['platformShortName']}{unit}".lower()
    if "instrumentShortName" in attributes:
        found["instruments"] = [str(attributes["instrumentShortName"]).lower()]
    return found


def _processing(product: Product, said: naming.ProductName | None) -> dict[str, object]:
    attributes = product.attributes
    kind = attributes.get("productType") or (said.product_type if said else None)
    version = attributes.get("processorVersion") or (said.baseline if said else None)
    found = {
        "product:type": kind,
        "processing:version": version,
        "processing:facility": attributes.get("processingCenter"),
    }
    return {name: str(value) for name, value in found.items() if value}


def _orbit(product: Product, said: naming.ProductName | None) -> dict[str, object]:
    attributes = product.attributes
    found: dict[str, object] = {}
    for name, attribute, of_name in (
        ("sat:absolute_orbit", "orbitNumber", said.orbit if said else None),
        ("sat:relative_orbit", "relativeOrbitNumber", said.relative_orbit if said else None),
    ):
        number = _whole(attributes.get(attribute, of_name))
        if number is not None and number > 0:
            found[name] = number
    state = str(attributes.get("orbitDirection", "")).lower()
    if state in _ORBIT_STATES:
        found["sat:orbit_state"] = state
    return found


def _place(product: Product, said: naming.ProductName | None) -> dict[str, object]:
    found: dict[str, object] = {}
    cloud = product.attributes.get("cloudCover")
    if isinstance(cloud, int | float) and not isinstance(cloud, bool) and 0 <= cloud <= 100:
        found["eo:cloud_cover"] = cloud  # unknown is listed as -1
    tile = said.tile if said else ""
    if tile:
        found["grid:code"] = f"MGRS-{tile}"
        hemisphere = 326 if tile[2] >= "N" else 327
        found["proj:code"] = f"EPSG:{hemisphere}{tile[:2]}"
    return found


def _asset(product: Product, url_of: UrlOf) -> dict[str, object]:
    dot = product.name.rfind(".")
    asset: dict[str, object] = {
        "href": url_of(product),
        "title": product.name,
        "type": _MEDIA_TYPES.get(product.name[dot:], "application/zip"),
        "roles": ["data"],
    }
    if product.size is not None:
        asset["file:size"] = product.size
    if (checksum := product.best_checksum) is not None:
        asset["file:checksum"] = _MULTIHASH[checksum.algorithm] + checksum.value
    return asset


def _box(product: Product) -> list[float] | None:
    """West, south, east, north; west is greater than east across the antimeridian (RFC 7946 5.2).

    A footprint is taken to cross it when parts of it lie at either side and touch it.
    """
    import shapely

    try:
        shape = shapely.from_wkt(product.footprint) if product.footprint else None
    except shapely.errors.ShapelyError:
        return None
    if shape is None or shape.is_empty:
        return None
    west, south, east, north = shape.bounds
    parts = [part.bounds for part in shapely.get_parts(shape)]
    if len(parts) > 1 and west == -180 and east == 180:
        west = min((part[0] for part in parts if part[2] == 180), default=west)
        east = max((part[2] for part in parts if part[0] == -180), default=east)
    return [west, south, east, north]


def _whole(value: object) -> int | None:
    try:
        return int(value) if isinstance(value, int | str) else None
    except ValueError:
        return None
