"""Attributes of a hub's products in the catalogue's words.

Searches, filters and exports then read the same whatever hub a product comes from. What has no word
of the catalogue keeps the hub's own name.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from s2fetch import vocabulary
from s2fetch.hub.dhus.fields import FIELDS
from s2fetch.product import AttributeValue

_PLACED = frozenset(
    {"uuid", "identifier", "filename", "footprint", "gmlfootprint", "size", "format"}
    | {"ingestiondate", "platformserialidentifier", "tileid", "producttype"}
)
"""Fields that are elsewhere in a product, or are read together with its name."""
_ATTRIBUTES = {field: attribute for attribute, field in FIELDS.items()}
_UNIT = re.compile(r"S[1-6]([A-Z])_")
_TILE = re.compile(r"_T(\d\d[A-Z]{3})_")
_BASELINE = re.compile(r"_N(\d\d)(\d\d)_")
_RADAR_TYPE = re.compile(r"S1._([A-Z0-9]{2}_(?:SLC_|GRD[A-Z]|OCN_|RAW_)_[012A_][A-Z_])")


def attributes_of(
    fields: Mapping[str, AttributeValue], name: str, collection: str
) -> dict[str, AttributeValue]:
    """The attributes of one product.

    Args:
        fields: By their names in lower case.
        name: Of the product; tells the unit of its platform, its tile, and the radar's types.
        collection: Of the product.
    """
    found: dict[str, AttributeValue] = {}
    for field, value in fields.items():
        if field not in _PLACED:
            attribute = _ATTRIBUTES.get(field, field)
            found[attribute] = _in_catalogue_words(collection, attribute, value)
    if level := fields.get("productlevel"):
        found["processingLevel"] = _in_catalogue_words(collection, "processingLevel", level)
    if collection == "SENTINEL-2" and (baseline := _baseline(fields, name)):
        found["processorVersion"] = found["processingBaseline"] = baseline
    named = {
        "productType": _product_type(fields, name),
        "platformSerialIdentifier": _unit(fields, name),
        "tileId": _tile(fields, name),
    }
    return found | {attribute: value for attribute, value in named.items() if value}


def _in_catalogue_words(collection: str, attribute: str, value: AttributeValue) -> AttributeValue:
    if not isinstance(value, str):
        return value
    if attribute == "orbitDirection":
        return value.upper()
    if attribute == "platformShortName":
        return value.upper()
    if attribute == "polarisationChannels":
        return "&".join(value.split())
    return vocabulary.in_catalogue(collection, attribute, value)


def _product_type(fields: Mapping[str, AttributeValue], name: str) -> str:
    radar = _RADAR_TYPE.match(name)
    if radar is not None:
        return radar[1] + ("-COG" if name.partition(".")[0].endswith("_COG") else "")
    return str(fields.get("producttype", ""))


def _unit(fields: Mapping[str, AttributeValue], name: str) -> str:
    unit = _UNIT.match(name)
    return unit[1] if unit else str(fields.get("platformserialidentifier", ""))[-1:]


def _tile(fields: Mapping[str, AttributeValue], name: str) -> str:
    tile = _TILE.search(name)
    return tile[1] if tile else str(fields.get("tileid", ""))


def _baseline(fields: Mapping[str, AttributeValue], name: str) -> str:
    baseline = _BASELINE.search(name)
    return ".".join(baseline.groups()) if baseline else str(fields.get("processingbaseline", ""))
