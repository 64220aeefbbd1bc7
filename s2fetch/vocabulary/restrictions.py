"""What can be restricted in every mission's words: which attribute serves it, and what it may be.

Source: Copernicus Data Space documentation, OData (attributes), and the values its browser offers;
Sentinel-1 Product Specification (polarisations, modes, timeliness).
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from s2fetch.errors import QueryError
from s2fetch.vocabulary.attributes import attributes_of
from s2fetch.vocabulary.checks import ORBIT_DIRECTIONS
from s2fetch.vocabulary.missions import COLLECTIONS, PLATFORMS
from s2fetch.vocabulary.product_types import type_attribute
from s2fetch.vocabulary.synonyms import in_catalogue
from s2fetch.vocabulary.words import suggestion

RESTRICTIONS: Mapping[str, str] = {
    "product-type": "productType",
    "orbit": "orbitNumber",
    "relative-orbit": "relativeOrbitNumber",
    "orbit-direction": "orbitDirection",
    "cloud": "cloudCover",
    "tile": "tileId",
    "polarisation": "polarisationChannels",
    "swath": "swathIdentifier",
    "timeliness": "timeliness",
    "processing-level": "processingLevel",
    "processing-mode": "processingMode",
    "sensor-mode": "operationalMode",
    "processor-version": "processorVersion",
    "baseline": "processingBaseline",
    "platform": "platformSerialIdentifier",
}
"""Settings that restrict an attribute, and which; `attribute_for` knows the exceptions."""

_EXCEPTIONS = {("SENTINEL-2", "baseline"): "processorVersion"}

VALUES: Mapping[tuple[str, str], tuple[str, ...]] = {
    ("SENTINEL-1", "polarisation"): ("VV", "HH", "VH", "HV", "VV&VH", "HH&HV"),
    ("SENTINEL-1-RTC", "polarisation"): ("VV", "HH", "VH", "HV", "VV&VH", "HH&HV"),
    ("SENTINEL-1", "sensor-mode"): ("IW", "EW", "WV", "SM"),
    ("SENTINEL-1-RTC", "sensor-mode"): ("IW", "EW", "SM"),
    ("SENTINEL-1", "timeliness"): (
        *("NRT-10m", "NRT-1h", "NRT-3h", "Fast-24h", "Off-line", "Reprocessing"),
    ),
    ("SENTINEL-3", "timeliness"): ("NR", "ST", "NT"),
    ("SENTINEL-6", "timeliness"): ("NR", "ST", "NT"),
    ("SENTINEL-2", "processing-level"): ("S2MSI1C", "S2MSI2A", "S2MSI2Ap"),
    ("SENTINEL-5P", "processing-mode"): ("NRTI", "OFFL", "RPRO"),
}
"""Closed lists of values; where there is none, any value is taken as it is."""

_INSTEAD = {"tile": "What lies on the ground of a tile is found with --area-tile"}
_POLARISATIONS = {"SV": "VV", "SH": "HH", "DV": "VV&VH", "DH": "HH&HV"}
_BETWEEN = re.compile(r"[\s+&/]+")


def attribute_name(collection: str, restriction: str) -> str:
    """The attribute that a restriction is about, whether the collection has it or not.

    Args:
        collection: Empty for any.
        restriction: A key of `RESTRICTIONS`.
    """
    if restriction == "product-type":
        return type_attribute(collection)
    return _EXCEPTIONS.get((collection, restriction), RESTRICTIONS[restriction])


def attribute_for(collection: str, restriction: str) -> str:
    """The attribute of this collection that a restriction is about.

    Raises:
        QueryError: The collection has none such; lists what it has.
    """
    name = attribute_name(collection, restriction)
    listed = attributes_of(collection)
    if listed and name not in listed:
        elsewhere = [
            other
            for other in COLLECTIONS
            if attribute_name(other, restriction) in attributes_of(other)
        ]
        advice = [f"--collection chooses one that has it: {', '.join(elsewhere)}"]
        advice += [_INSTEAD[restriction]] if restriction in _INSTEAD else []
        advice.append(
            f"{collection} can be restricted by {', '.join(restrictions_of(collection))}, and with "
            f'--where by what "s2fetch products {collection}" lists'
        )
        raise QueryError(f"products of {collection} have no {name}", advice=". ".join(advice))
    return name


def restrictions_of(collection: str) -> tuple[str, ...]:
    """The restrictions that a collection has an attribute for; all where s2fetch has no list."""
    listed = attributes_of(collection)
    return tuple(
        restriction
        for restriction in RESTRICTIONS
        if not listed or attribute_name(collection, restriction) in listed
    )


def values_of(collection: str, restriction: str) -> tuple[str, ...]:
    """All values that a restriction can have; empty when there is no closed list of them."""
    if restriction == "orbit-direction":
        return ORBIT_DIRECTIONS
    if restriction == "platform":
        return PLATFORMS.get(collection, ())
    return VALUES.get((collection, restriction), ())


def stored_values(collection: str, restriction: str, text: str) -> tuple[str, ...]:
    """A value as the catalogue may have stored it, any of the returned ones.

    Two polarisations are stored in either order; they may be written ``VV+VH``, ``VV&VH`` or, as in
    product names, ``DV``. ``VV`` means single polarisation. Words that other hubs have for a value
    are understood, such as ``Non Time Critical``.

    Raises:
        QueryError: Not one of the values there are; names the nearest.
    """
    wanted = text.strip()
    if restriction == "polarisation":
        wanted = _polarisation(wanted)
    if restriction == "orbit-direction" and collection == "SENTINEL-3":
        return (wanted.upper(), wanted.lower())
    wanted = in_catalogue(collection, attribute_name(collection, restriction), wanted)
    known = values_of(collection, restriction)
    for value in known:
        if value.lower() == wanted.lower():
            first, both, second = value.partition("&")
            return (value, f"{second}&{first}") if both else (value,)
    if not known:
        return (wanted,)
    advice = suggestion(wanted, known)
    separator = " " if advice.endswith("?") else ". "
    unchecked = f"--where '{attribute_name(collection, restriction)}=={text}' asks unchecked"
    what = f"{text!r} is not a {restriction.replace('-', ' ')} of {collection}"
    raise QueryError(what, advice=f"{advice}{separator}{unchecked}")


def _polarisation(text: str) -> str:
    """Upper case, joined by ``&`` in the usual order: the transmitted and received one first."""
    parts = [part for part in _BETWEEN.split(text.upper()) if part]
    joined = _POLARISATIONS.get(parts[0], parts[0]) if len(parts) == 1 else "&".join(parts)
    return {"VH&VV": "VV&VH", "HV&HH": "HH&HV"}.get(joined, joined)
