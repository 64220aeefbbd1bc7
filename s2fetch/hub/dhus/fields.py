"""The fields of the hub's index: their types, and the catalogue attributes they stand for.

Source: the software's published Solr schema and Sentinel add-ons, and recorded answers.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import Enum


class Kind(Enum):
    """How a field is compared.

    ``EXACT``: the whole value, case counts. ``WORDS``: by words, in any case, so that ``VV`` also
    finds ``VV VH``; as is a field of unknown type. ``WHOLE`` and ``DECIMAL`` are numbers, ``TIME``
    are times of milliseconds.
    """

    EXACT = "exact"
    WORDS = "words"
    WHOLE = "whole"
    DECIMAL = "decimal"
    TIME = "time"


_KINDS = {
    Kind.EXACT: "uuid identifier filename format path onlinequalitycheck",
    Kind.WHOLE: "orbitnumber lastorbitnumber relativeorbitnumber lastrelativeorbitnumber "
    "missiondatatakeid slicenumber cyclenumber",
    Kind.TIME: "beginposition endposition ingestiondate creationdate",
}
_KIND_OF = {field: kind for kind, fields in _KINDS.items() for field in fields.split()}

FIELDS: Mapping[str, str] = {
    "acquisitionType": "acquisitiontype",
    "beginningDateTime": "beginposition",
    "cloudCover": "cloudcoverpercentage",
    "cycleNumber": "cyclenumber",
    "datatakeID": "missiondatatakeid",
    "datastripId": "datastripidentifier",
    "endingDateTime": "endposition",
    "granuleIdentifier": "granuleidentifier",
    "instrumentShortName": "instrumentshortname",
    "lastOrbitNumber": "lastorbitnumber",
    "lastRelativeOrbitNumber": "lastrelativeorbitnumber",
    "operationalMode": "sensoroperationalmode",
    "orbitDirection": "orbitdirection",
    "orbitNumber": "orbitnumber",
    "platformSerialIdentifier": "platformserialidentifier",
    "platformShortName": "platformname",
    "polarisationChannels": "polarisationmode",
    "processingBaseline": "processingbaseline",
    "processingLevel": "processinglevel",
    "processingMode": "processingmode",
    "productClass": "productclass",
    "productConsolidation": "productconsolidation",
    "productType": "producttype",
    "relativeOrbitNumber": "relativeorbitnumber",
    "sliceNumber": "slicenumber",
    "swathIdentifier": "swathidentifier",
    "tileId": "tileid",
    "timeliness": "timeliness",
}
"""Catalogue attributes, as queries and products have them, and the fields that hold them."""

MISSIONS = ("SENTINEL-2", "SENTINEL-3", "SENTINEL-5P")
"""Collections that keep some attributes otherwise than `FIELDS` and the catalogue do."""

PLATFORM_NAMES: Mapping[str, tuple[str, ...]] = {
    "SENTINEL-5P": ("Sentinel-5", "Sentinel-5P"),
}
"""What hubs call a mission, where that is not the collection's name in another case."""


def kind_of(field: str) -> Kind:
    """The type of a field."""
    if field.endswith("percentage"):
        return Kind.DECIMAL
    return _KIND_OF.get(field, Kind.WORDS)


def field_of(collection: str, attribute: str) -> str:
    """The field that holds an attribute; of one that is not known, its name in lower case.

    Args:
        collection: Some attributes are elsewhere in some missions.
        attribute: As the catalogue spells it.
    """
    if (collection, attribute) == ("SENTINEL-2", "processorVersion"):
        return "processingbaseline"
    if (collection, attribute) == ("SENTINEL-3", "processingLevel"):
        return "productlevel"
    return FIELDS.get(attribute, attribute.lower())


def possible_collections(collection: str) -> tuple[str, ...]:
    """Those that a query may be about, as far as they keep the same thing differently.

    Args:
        collection: Of the query; empty when it does not say.
    """
    return (collection,) if collection else ("", *MISSIONS)


def is_in_names(collection: str, attribute: str) -> bool:
    """Whether an attribute is read from names too, as the fields of many products lack it."""
    if attribute in ("processorVersion", "processingBaseline"):
        return collection == "SENTINEL-2"
    return attribute in ("productType", "platformSerialIdentifier", "tileId")


def collection_of(platform_name: str) -> str:
    """The collection of a platform's name, which is written in several ways.

    >>> collection_of("Sentinel-5 Precursor")
    'SENTINEL-5P'
    """
    name = "-".join(platform_name.upper().split())
    if name.startswith("SENTINEL-5"):
        return "SENTINEL-5P"
    return name
