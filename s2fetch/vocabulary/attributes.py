"""Attributes of each collection's products, with their types.

Source: the catalogue's attribute registry (Copernicus Data Space documentation, OData), as it is
published for these collections. A name has the same type wherever it occurs.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC, datetime
from enum import StrEnum

from s2fetch.errors import QueryError
from s2fetch.product import AttributeValue
from s2fetch.vocabulary.words import suggestion


class Kind(StrEnum):
    """Type of an attribute, as the registry calls it."""

    STRING = "String"
    INTEGER = "Integer"
    DOUBLE = "Double"
    TIME = "DateTimeOffset"
    BOOLEAN = "Boolean"


EVERYWHERE = ("beginningDateTime", "endingDateTime")
"""What every product has, although the registry does not list it."""

_LANDSAT = (
    "authority cloudCover cloudCoverLand card4lSpecification card4lSpecificationVersion"
    " collectionCategory collectionNumber {} geometricRmse geometricXBias geometricXStddev"
    " geometricYBias geometricYStddev instrumentShortName numberOfBands offNadir operationalMode"
    " orbitNumber pathNumber rowNumber platformShortName processingLevel productType proj:epsg"
    " projShape projTransform sceneId spatialResolution sunAzimuthAngle sunElevationAngle"
    " view:sun_azimuth view:sun_elevation wrsPath wrsRow wrsType"
)
_ELEVATION = (
    "eopIdentifier datasetFull dataset deliveryId gridId platformName platformShortName productType"
    " resolutionClass acrossTrackIncidenceAngle"
)
_NAMES: Mapping[str, str] = {
    "SENTINEL-1": "productType origin datatakeID timeliness coordinates cycleNumber orbitNumber"
    " sliceNumber totalSlices productClass processorName orbitDirection processingDate"
    " operationalMode processingLevel swathIdentifier processingCenter processorVersion"
    " segmentStartTime sliceProductFlag platformShortName productGeneration processingBaseline"
    " productComposition instrumentShortName relativeOrbitNumber polarisationChannels"
    " productConsolidation platformSerialIdentifier instrumentConfigurationID"
    " startTimeFromAscendingNode completionTimeFromAscendingNode",
    # orbitDirection is not in the registry of Sentinel-2, but the documentation filters by it.
    "SENTINEL-2": "productType origin tileId cloudCover coordinates datastripId orbitNumber"
    " qualityInfo qualityStatus sourceProduct processingDate productGroupId lastOrbitNumber"
    " operationalMode processingLevel processingCenter processorVersion granuleIdentifier"
    " platformShortName processingBaseline instrumentShortName relativeOrbitNumber orbitDirection"
    " illuminationZenithAngle sourceProductOriginDate platformSerialIdentifier",
    "SENTINEL-3": "productType landCover cloudCover timeliness brightCover coordinates cycleNumber"
    " orbitNumber coastalCover processorName closedSeaCover openOceanCover orbitDirection"
    " processingDate snowOrIceCover lastOrbitNumber operationalMode processingLevel"
    " processingCenter processorVersion salineWaterCover tidalRegionCover platformShortName"
    " baselineCollection lastOrbitDirection processingBaseline continentalIceCover"
    " instrumentShortName relativeOrbitNumber freshInlandWaterCover lastRelativeOrbitNumber"
    " platformSerialIdentifier",
    "SENTINEL-5P": "productType doi identifier coordinates orbitNumber productClass processorName"
    " qualityStatus processingDate processingMode acquisitionType processingLevel parentIdentifier"
    " processingCenter processorVersion platformShortName baselineCollection processingBaseline"
    " instrumentShortName platformSerialIdentifier",
    "SENTINEL-6": "productType authority origin instrumentShortName operationalMode orbitNumber"
    " platformSerialIdentifier platformShortName processingBaseline processingCenter"
    " processingDate processingLevel processorVersion relativeOrbitNumber source spatialResolution"
    " timeliness",
    "SENTINEL-1-RTC": "productType authority orbitNumber orbitDirection operationalMode"
    " processingLevel platformShortName spatialResolution instrumentShortName relativeOrbitNumber"
    " polarisationChannels platformSerialIdentifier",
    "SMOS": "productType authority orbitNumber orbitDirection acquisitionType operationalMode"
    " processingLevel processingCenter processorVersion wrsLongitudeGrid platformShortName"
    " spatialResolution instrumentShortName",
    "ENVISAT": "productType authority cycleNumber instrumentShortName orbitNumber phaseNumber"
    " platformShortName processingLevel spatialResolution",
    "LANDSAT-5": _LANDSAT.format("collectionName"),
    "LANDSAT-7": _LANDSAT.format("collectionName"),
    "LANDSAT-8": _LANDSAT.format("USGScollection"),
    "LANDSAT-9": _LANDSAT.format("USGScollection"),
    "COP-DEM": _ELEVATION,
    "CCM": f"{_ELEVATION} cloudCover",
}
INCOMPLETE = ("SMOS", "COP-DEM", "CCM")
"""Collections that have more attributes than are listed: others are accepted too."""

_KINDS: Mapping[Kind, str] = {
    Kind.INTEGER: "closedSeaCover continentalIceCover cycleNumber datatakeID"
    " instrumentConfigurationID lastOrbitNumber lastRelativeOrbitNumber numberOfBands"
    " openOceanCover orbitNumber pathNumber phaseNumber proj:epsg qualityInfo relativeOrbitNumber"
    " rowNumber sliceNumber spatialResolution totalSlices",
    Kind.DOUBLE: "acrossTrackIncidenceAngle brightCover cloudCover cloudCoverLand coastalCover"
    " completionTimeFromAscendingNode freshInlandWaterCover geometricRmse geometricXBias"
    " geometricXStddev geometricYBias geometricYStddev illuminationZenithAngle landCover offNadir"
    " salineWaterCover snowOrIceCover startTimeFromAscendingNode sunAzimuthAngle"
    " sunElevationAngle tidalRegionCover view:sun_azimuth view:sun_elevation",
    Kind.TIME: "processingDate productGeneration segmentStartTime beginningDateTime endingDateTime",
    Kind.BOOLEAN: "sliceProductFlag",
}
_KIND_OF = {name: kind for kind, names in _KINDS.items() for name in names.split()}
_LISTED = {collection: (*names.split(), *EVERYWHERE) for collection, names in _NAMES.items()}
_KNOWN = frozenset(name for names in _LISTED.values() for name in names)
_MOMENT = re.compile(
    r"\d{4}-\d\d-\d\d([T ]\d\d:\d\d(:\d\d(\.\d+)?)?(Z|[+-]\d\d:?\d\d)?)?", re.IGNORECASE
)


def attributes_of(collection: str) -> Mapping[str, Kind]:
    """Names and types of a collection's attributes; empty when s2fetch has no list of them."""
    return {name: _KIND_OF.get(name, Kind.STRING) for name in _LISTED.get(collection, ())}


def check_attribute(collection: str, name: str) -> str:
    """The attribute in the catalogue's spelling.

    Collections whose attributes s2fetch has no list of, or no complete one, accept any.

    Raises:
        QueryError: The collection has no such attribute; names the nearest.
    """
    name = name.strip()
    listed = _LISTED.get(collection, ()) if collection else tuple(sorted(_KNOWN))
    for known in listed:
        if known.lower() == name.lower():
            return known
    if not collection or collection in INCOMPLETE or not listed:
        return name
    raise QueryError(
        f"{collection} has no attribute {name!r}", advice=suggestion(name, sorted(listed))
    )


def kind_of(name: str, value: AttributeValue) -> Kind:
    """The type of an attribute; one that s2fetch does not know is of the type of its value.

    Text in the form of a date, with or without a time, counts as a time there.
    """
    if name in _KNOWN:
        return _KIND_OF.get(name, Kind.STRING)
    if isinstance(value, bool):
        return Kind.BOOLEAN
    if isinstance(value, int):
        return Kind.INTEGER
    if isinstance(value, float):
        return Kind.DOUBLE
    return Kind.TIME if _MOMENT.fullmatch(value) else Kind.STRING


def read_moment(text: str) -> datetime:
    """A point in time, aware, from ISO 8601; without a zone it is in UTC.

    Raises:
        ValueError: It is not one.
    """
    time = datetime.fromisoformat(text.strip())
    return time.replace(tzinfo=UTC) if time.tzinfo is None else time.astimezone(UTC)
