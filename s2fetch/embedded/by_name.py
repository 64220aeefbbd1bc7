"""What the name of a file tells a catalogue: its collection, its times and its attributes.

Names follow the missions' conventions (see `naming`), attributes the catalogue's registry
(Copernicus Data Space documentation, OData).
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

import msgspec

from s2fetch import naming
from s2fetch.embedded.entry import Attribute, AttributeType, hub_time
from s2fetch.embedded.registry import ATTRIBUTES
from s2fetch.naming import ProductName

_POLARISATIONS = {"SV": "VV", "SH": "HH", "DV": "VV&VH", "DH": "HH&HV"}
_Value = str | int


class Told(msgspec.Struct, frozen=True):
    """What a name tells.

    Attributes:
        collection: Of the catalogue.
        sensing_start: When it begins, as the catalogue writes it.
        sensing_end: When it ends.
        attributes: In the order of the registry.
    """

    collection: str
    sensing_start: str
    sensing_end: str
    attributes: tuple[Attribute, ...]


def told_by(name: str) -> Told | None:
    """What the name of a product tells; None when it is of no mission that is known."""
    parsed = naming.parse(name)
    if parsed is None:
        return None
    values = {key: value for key, value in _values(parsed) if value not in (None, "")}
    types: dict[str, AttributeType] = dict(ATTRIBUTES[parsed.collection])
    attributes = [Attribute(key, types[key], values[key]) for key in types if key in values]
    start, end = parsed.sensing_start, parsed.sensing_end or parsed.sensing_start
    return Told(parsed.collection, hub_time(start), hub_time(end), tuple(attributes))


def _values(name: ProductName) -> Iterator[tuple[str, _Value | None]]:
    """Attributes and values, also of attributes that the collection has not."""
    yield "productType", name.product_type
    yield "platformShortName", name.collection
    yield "platformSerialIdentifier", "" if name.platform == "S5P" else name.platform[2:]
    yield "orbitNumber", name.orbit
    yield "relativeOrbitNumber", name.relative_orbit
    yield "cycleNumber", name.cycle
    yield "tileId", name.tile
    yield "processingDate", _time(name.created)
    match name.collection:
        case "SENTINEL-1":
            yield from _radar(name)
        case "SENTINEL-2":
            yield "processingLevel", name.product_type if name.tile else ""
            yield "processorVersion", name.baseline
            yield "instrumentShortName", "MSI" if name.tile else ""
        case "SENTINEL-3":
            yield "processingLevel", name.product_type[3:4].strip("_")
            yield "timeliness", _stream(name)
            yield "baselineCollection", name.baseline
        case "SENTINEL-5P":
            yield "processingLevel", name.product_type[:3].rstrip("_")
            yield "processingMode", _stream(name)
            yield "baselineCollection", name.baseline
            yield "instrumentShortName", "TROPOMI"
        case "SENTINEL-6":
            yield "processingLevel", name.product_type[3:5].rstrip("_")
            yield "timeliness", _stream(name)
            yield "processingBaseline", name.baseline


def _radar(name: ProductName) -> Iterator[tuple[str, _Value]]:
    if name.orbit is None:
        return  # auxiliary data
    mode = name.stem[4:6]
    yield "operationalMode", "SM" if mode[1:].isdigit() else mode
    yield "swathIdentifier", mode
    yield "processingLevel", f"LEVEL{name.stem[12]}"
    yield "polarisationChannels", _POLARISATIONS.get(name.stem[14:16], name.stem[14:16])
    yield "instrumentShortName", "SAR"


def _stream(name: ProductName) -> str:
    return name.streams[0] if name.streams else ""


def _time(time: datetime | None) -> str:
    return hub_time(time) if time is not None else ""
