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
    "String": "productType timeliness coordinates processorName orbitDirection operationalMode"
    " processingLevel processingCenter processorVersion platformShortName baselineCollection"
    " lastOrbitDirection processingBaseline instrumentShortName platformSerialIdentifier",
    "Integer": "cycleNumber orbitNumber lastOrbitNumber relativeOrbitNumber lastRelativeOrbitNumber"
    " closedSeaCover openOceanCover continentalIceCover",
    "Double": "landCover cloudCover brightCover coastalCover snowOrIceCover salineWaterCover"
    " tidalRegionCover freshInlandWaterCover",
    "DateTimeOffset": "processingDate",
}
_SENTINEL_5P: Mapping[AttributeType, str] = {
    "String": "productType doi identifier coordinates productClass processorName qualityStatus"
    " processingMode acquisitionType processingLevel parentIdentifier processingCenter"
    " processorVersion platformShortName baselineCollection processingBaseline instrumentShortName"
    " platformSerialIdentifier",
    "Integer": "orbitNumber",
    "DateTimeOffset": "processingDate",
}
_SENTINEL_6: Mapping[AttributeType, str] = {
    "String": "productType authority origin instrumentShortName operationalMode"
    " platformSerialIdentifier platformShortName processingBaseline processingCenter"
    " processingLevel processorVersion source timeliness",
    "Integer": "orbitNumber relativeOrbitNumber spatialResolution",
    "DateTimeOffset": "processingDate",
}
_SENTINEL_1_RTC: Mapping[AttributeType, str] = {
    "String": "productType authority orbitDirection operationalMode processingLevel"
    " platformShortName instrumentShortName polarisationChannels platformSerialIdentifier",
    "Integer": "orbitNumber spatialResolution relativeOrbitNumber",
}
_SMOS: Mapping[AttributeType, str] = {
    "String": "productType authority orbitDirection acquisitionType operationalMode processingLevel"
    " processingCenter processorVersion wrsLongitudeGrid platformShortName instrumentShortName",
    "Integer": "orbitNumber spatialResolution",
}
_COP_DEM: Mapping[AttributeType, str] = {
    "String": "eopIdentifier datasetFull dataset deliveryId gridId platformName resolutionClass"
    " productType",
    "Double": "acrossTrackIncidenceAngle",
}


def _listed(names: Mapping[AttributeType, str]) -> tuple[tuple[str, AttributeType], ...]:
    return tuple((name, kind) for kind, text in names.items() for name in text.split())


ATTRIBUTES: Mapping[str, tuple[tuple[str, AttributeType], ...]] = {
    "SENTINEL-1": _listed(_SENTINEL_1),
    "SENTINEL-2": _listed(_SENTINEL_2),
    "SENTINEL-3": _listed(_SENTINEL_3),
    "SENTINEL-5P": _listed(_SENTINEL_5P),
    "SENTINEL-6": _listed(_SENTINEL_6),
    "SENTINEL-1-RTC": _listed(_SENTINEL_1_RTC),
    "SMOS": _listed(_SMOS),
    "COP-DEM": _listed(_COP_DEM),
    "CCM": _listed(_COP_DEM),
}
"""Names and types by collection; collections that are not here have an empty registry."""
