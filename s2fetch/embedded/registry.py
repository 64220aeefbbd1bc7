"""The attribute registry: which attributes a collection has, and of which type.

Source: Copernicus Data Space documentation, OData (attributes of a collection).
"""

from __future__ import annotations

from collections.abc import Mapping

from s2fetch.embedded.entry import AttributeType

_SENTINEL_1: Mapping[AttributeType, str] = {
    "String": "productType origin timeliness coordinates productClass processorName orbitDirection"
    " operationalMode processingLevel swathIdentifier processingCenter processorVersion"
    " platformShortName processingBaseline productComposition instrumentShortName"
    " polarisationChannels productConsolidation platformSerialIdentifier",
    "Integer": "datatakeID cycleNumber orbitNumber sliceNumber totalSlices relativeOrbitNumber"
    " instrumentConfigurationID",
    "Double": "startTimeFromAscendingNode completionTimeFromAscendingNode",
    "DateTimeOffset": "processingDate segmentStartTime productGeneration",
    "Boolean": "sliceProductFlag",
}
_SENTINEL_2: Mapping[AttributeType, str] = {
    "String": "productType origin tileId coordinates datastripId qualityStatus sourceProduct"
    " productGroupId operationalMode processingLevel processingCenter processorVersion"
    " granuleIdentifier platformShortName processingBaseline instrumentShortName"
    " sourceProductOriginDate platformSerialIdentifier",
    "Integer": "orbitNumber qualityInfo lastOrbitNumber relativeOrbitNumber",
    "Double": "cloudCover illuminationZenithAngle",
    "DateTimeOffset": "processingDate",
}
_SENTINEL_3: Mapping[AttributeType, str] = {
    "String": "productType timeliness brightCover coordinates cycleNumber orbitNumber coastalCover"
    " processorName orbitDirection processingDate snowOrIceCover lastOrbitNumber operationalMode"
    " processingLevel processingCenter processorVersion salineWaterCover tidalRegionCover"
    " platformShortName baselineCollection lastOrbitDirection processingBaseline"
    " instrumentShortName relativeOrbitNumber freshInlandWaterCover lastRelativeOrbitNumber"
    " platformSerialIdentifier",
    "Integer": "closedSeaCover openOceanCover continentalIceCover",
    "Double": "landCover cloudCover",
}
_SENTINEL_5P: Mapping[AttributeType, str] = {
    "String": "productType doi identifier coordinates orbitNumber productClass processorName"
    " qualityStatus processingDate processingMode acquisitionType processingLevel parentIdentifier"
    " processingCenter processorVersion platformShortName baselineCollection processingBaseline"
    " instrumentShortName platformSerialIdentifier",
}


def _listed(names: Mapping[AttributeType, str]) -> tuple[tuple[str, AttributeType], ...]:
    return tuple((name, kind) for kind, text in names.items() for name in text.split())


ATTRIBUTES: Mapping[str, tuple[tuple[str, AttributeType], ...]] = {
    "SENTINEL-1": _listed(_SENTINEL_1),
    "SENTINEL-2": _listed(_SENTINEL_2),
    "SENTINEL-3": _listed(_SENTINEL_3),
    "SENTINEL-5P": _listed(_SENTINEL_5P),
}
"""Names and types by collection; collections that are not here have an empty registry."""
