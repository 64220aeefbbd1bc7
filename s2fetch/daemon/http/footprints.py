"""Footprints as GeoJSON (RFC 7946), from the WKT that catalogues give.

No geometry library is needed for that, and an idle daemon is spared the memory of one.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

import msgspec

Position = tuple[float, float]
Ring = list[Position]

_NUMBER = r"[-+]?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?"
_POSITION = re.compile(rf"({_NUMBER})\s+({_NUMBER})(?:\s+{_NUMBER}){{0,2}}")
_WKT = re.compile(
    r"(?:SRID=\d+;)?\s*(MULTIPOLYGON|POLYGON)\s*(?:ZM?|M)?\s*(\(.*\))", re.IGNORECASE | re.DOTALL
)


class Polygon(msgspec.Struct, frozen=True, tag_field="type", tag="Polygon"):
    """Rings of longitude and latitude in degrees, the first the outer one."""

    coordinates: list[Ring]


class MultiPolygon(msgspec.Struct, frozen=True, tag_field="type", tag="MultiPolygon"):
    """Several polygons."""

    coordinates: list[list[Ring]]


class FootprintProperties(msgspec.Struct, frozen=True):
    """Whose footprint it is."""

    name: str
    state: str


class Feature(msgspec.Struct, frozen=True, tag_field="type", tag="Feature"):
    """One product; ``geometry`` is null when the catalogue's cannot be read."""

    geometry: Polygon | MultiPolygon | None
    properties: FootprintProperties


class FeatureCollection(msgspec.Struct, frozen=True, tag_field="type", tag="FeatureCollection"):
    """Footprints of products, those sensed last first."""

    features: list[Feature]


def collection(rows: Iterable[tuple[str, str, str]]) -> FeatureCollection:
    """Features from name, state and WKT."""
    return FeatureCollection(
        [
            Feature(geometry=geometry(wkt), properties=FootprintProperties(name, state))
            for name, state, wkt in rows
        ]
    )


def geometry(wkt: str) -> Polygon | MultiPolygon | None:
    """The polygons of a footprint, or None for what is none."""
    match = _WKT.fullmatch(wkt.strip().removeprefix("geography'").removesuffix("'"))
    if match is None:
        return None
    nested = _POSITION.sub(_as_json, match[2]).replace("(", "[").replace(")", "]")
    try:
        if match[1].upper() == "POLYGON":
            return Polygon(msgspec.json.decode(nested, type=list[Ring]))
        return MultiPolygon(msgspec.json.decode(nested, type=list[list[Ring]]))
    except msgspec.DecodeError:
        return None


def _as_json(position: re.Match[str]) -> str:
    return f"[{float(position[1])!r},{float(position[2])!r}]"
