"""From a catalogue entry to the search document a hub has of the product.

Source: recorded search answers of DHuS hubs and the field declarations of the Sentinel add-ons of
the open DHuS core; names are cut by position, as the naming conventions fix the widths.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import datetime
from functools import lru_cache

from s2fetch.embedded.dhus.missions import mission_fields
from s2fetch.embedded.dhus.solr.matching import Document, Value
from s2fetch.embedded.entry import Attribute, Entry, read_time

_PACKED = (".SAFE", ".SEN3", ".SEN6")
_EXTENSION = re.compile(r"\.(?:SAFE|SEN3|SEN6|nc|EOF|cdl|TGZ|tgz|tar|TAR|zip)$")
_MULTI_SINCE = "2019"

_FIELDS: Mapping[str, str] = {
    "acquisitionType": "acquisitiontype",
    "cloudCover": "cloudcoverpercentage",
    "cycleNumber": "cyclenumber",
    "datatakeID": "missiondatatakeid",
    "datastripId": "datastripidentifier",
    "granuleIdentifier": "granuleidentifier",
    "lastOrbitNumber": "lastorbitnumber",
    "lastRelativeOrbitNumber": "lastrelativeorbitnumber",
    "operationalMode": "sensoroperationalmode",
    "orbitDirection": "orbitdirection",
    "orbitNumber": "orbitnumber",
    "passDirection": "passdirection",
    "passNumber": "passnumber",
    "productClass": "productclass",
    "productConsolidation": "productconsolidation",
    "productType": "producttype",
    "relativeOrbitNumber": "relativeorbitnumber",
    "sliceNumber": "slicenumber",
    "swathIdentifier": "swathidentifier",
    "tileId": "tileid",
    "timeliness": "timeliness",
    "closedSeaCover": "closedseacoverpercentage",
    "coastalCover": "coastalcoverpercentage",
    "continentalIceCover": "continentalicecoverpercentage",
    "freshInlandWaterCover": "freshinlandwatercoverpercentage",
    "landCover": "landcoverpercentage",
    "openOceanCover": "openoceancoverpercentage",
    "salineWaterCover": "salinewatercoverpercentage",
    "snowOrIceCover": "snowicecoverpercentage",
    "tidalRegionCover": "tidalregioncoverpercentage",
    "brightCover": "brightcoverpercentage",
}
_WHOLE = frozenset(
    {
        "orbitnumber", "lastorbitnumber", "relativeorbitnumber", "lastrelativeorbitnumber",
        "missiondatatakeid", "slicenumber", "cyclenumber",
    }
)  # fmt: skip


def search_document(entry: Entry) -> Document:
    """The search document of a product: field names in lower case, values typed.

    Any entry will do: what neither its attributes nor its name tell is left out.
    """
    document: dict[str, Value] = {
        "uuid": entry.id,
        "identifier": identifier(entry.name),
        "filename": entry.name,
        "size": size_text(entry.content_length),
        "beginposition": _milliseconds(entry.sensing_start),
        "endposition": _milliseconds(entry.sensing_end),
        "ingestiondate": _milliseconds(entry.publication_date),
        "ondemand": False,
    }
    if entry.footprint is not None:
        document["footprint"] = footprint(entry.footprint, entry.publication_date)
        document["gmlfootprint"] = gml(entry.footprint)
    known = _known(entry.attributes)
    document |= known | mission_fields(entry, document["identifier"], known)
    for begin, end in (
        ("orbitnumber", "lastorbitnumber"),
        ("relativeorbitnumber", "lastrelativeorbitnumber"),
    ):
        if begin in document and document.get("platformname") in ("Sentinel-1", "Sentinel-3"):
            document.setdefault(end, document[begin])
    if _untiled(entry):
        document.pop("tileid", None)
    return document


def identifier(name: str) -> str:
    """A product's name without its extension."""
    return _EXTENSION.sub("", name)


def download_name(name: str) -> str:
    """What a hub calls the download: a zip of anything that is a folder, others as they are."""
    if name.endswith(_PACKED) or not _EXTENSION.search(name):
        return f"{identifier(name)}.zip"
    return name


def size_text(count: int, *, whole: bool = False) -> str:
    """A size as search answers show it, e.g. ``403.60 MB``; base 1024.

    Args:
        count: Bytes.
        whole: Without decimals, as old servers did.
    """
    size, unit = float(count), "B"
    for unit in ("B", "KB", "MB", "GB", "TB"):
        if size < 1024 or unit == "TB":
            break
        size /= 1024
    return f"{size:.0f} {unit}" if whole or unit == "B" else f"{size:.2f} {unit}"


@lru_cache(maxsize=4096)
def footprint(wkt: str, ingested: str) -> str:
    """A footprint as a hub has it: products ingested since 2019 have multipolygons."""
    import shapely

    shape = shapely.from_wkt(wkt)
    if shape.geom_type not in ("Polygon", "MultiPolygon"):
        return wkt
    parts = getattr(shape, "geoms", (shape,))
    if ingested >= _MULTI_SINCE:
        polygons = ", ".join(f"({_rings(part, ', ')})" for part in parts)
        return f"MULTIPOLYGON ({polygons})"
    if len(parts) == 1:
        return f"POLYGON ({_rings(parts[0], ',')})"
    return wkt


@lru_cache(maxsize=4096)
def gml(wkt: str) -> str:
    """A footprint as GML: lat,lon pairs, with line breaks."""
    import shapely

    shape = shapely.from_wkt(wkt)
    part = getattr(shape, "geoms", (shape,))[0]
    ring = part.exterior.coords if part.geom_type == "Polygon" else part.coords
    pairs = " ".join(f"{y},{x}" for x, y, *_ in ring)
    return (
        '<gml:Polygon srsName="http://www.opengis.net/gml/srs/epsg.xml#4326"'
        ' xmlns:gml="http://www.opengis.net/gml">\n'
        "   <gml:outerBoundaryIs>\n      <gml:LinearRing>\n"
        f"         <gml:coordinates>{pairs}</gml:coordinates>\n"
        "      </gml:LinearRing>\n   </gml:outerBoundaryIs>\n</gml:Polygon>"
    )


def _untiled(entry: Entry) -> bool:
    """Whether this is one of the products that lack the tile's name, a quarter of them."""
    return entry.id[-1:] in ("3", "7", "b", "f")


def _rings(polygon: object, separator: str) -> str:
    rings = (polygon.exterior, *polygon.interiors)  # type: ignore[attr-defined]
    return ", ".join(
        f"({separator.join(f'{x} {y}' for x, y, *_ in ring.coords)})" for ring in rings
    )


def _known(attributes: tuple[Attribute, ...]) -> dict[str, Value]:
    found: dict[str, Value] = {}
    for attribute in attributes:
        field = _FIELDS.get(attribute.name)
        if field is None:
            continue
        value = _typed(field, attribute.value)
        if value is not None:
            found[field] = value
    return found


def _typed(field: str, value: str | float) -> Value | None:
    try:
        if field in _WHOLE:
            return int(value)
        if field.endswith("percentage"):
            return float(value)
    except ValueError:
        return None
    return str(value)


def _milliseconds(text: str) -> datetime:
    moment = read_time(text)
    return moment.replace(microsecond=moment.microsecond // 1000 * 1000)
