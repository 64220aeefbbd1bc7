"""Collections of the catalogue, their platforms and their orbits.

Source: Copernicus Data Space documentation, OData.
"""

from __future__ import annotations

import re

from s2fetch.vocabulary.words import pick

COLLECTIONS = (
    "SENTINEL-1",
    "SENTINEL-2",
    "SENTINEL-3",
    "SENTINEL-5P",
    "SENTINEL-6",
    "SENTINEL-1-RTC",
    "GLOBAL-MOSAICS",
    "SMOS",
    "ENVISAT",
    "LANDSAT-5",
    "LANDSAT-7",
    "LANDSAT-8",
    "LANDSAT-9",
    "COP-DEM",
    "TERRAAQUA",
    "S2GLC",
    "CCM",
    "CLMS",
)
"""Values of ``Collection/Name``."""

TITLES = {
    "SENTINEL-1": "C-band radar",
    "SENTINEL-2": "Multispectral images",
    "SENTINEL-3": "Ocean and land colour, surface temperature, altimetry",
    "SENTINEL-5P": "Trace gases, clouds and aerosol (TROPOMI)",
    "SENTINEL-6": "Radar altimetry (Michael Freilich)",
    "SENTINEL-1-RTC": "Sentinel-1 backscatter, radiometrically terrain corrected",
    "GLOBAL-MOSAICS": "Quarterly mosaics of Sentinel-2",
    "SMOS": "Soil moisture and ocean salinity",
    "ENVISAT": "Envisat",
    "LANDSAT-5": "Landsat 5",
    "LANDSAT-7": "Landsat 7",
    "LANDSAT-8": "Landsat 8",
    "LANDSAT-9": "Landsat 9",
    "COP-DEM": "Copernicus digital elevation model",
    "TERRAAQUA": "MODIS on Terra and Aqua",
    "S2GLC": "Land cover from Sentinel-2",
    "CCM": "Copernicus contributing missions, elevation models included",
    "CLMS": "Copernicus land monitoring service",
}
"""What each collection holds, in a few words."""

PLATFORMS = {
    "SENTINEL-1": ("A", "B", "C", "D"),
    "SENTINEL-2": ("A", "B", "C"),
    "SENTINEL-3": ("A", "B", "C"),
    "SENTINEL-6": ("A", "B"),
    "SENTINEL-1-RTC": ("A", "B", "C", "D"),
}
"""Values of ``platformSerialIdentifier``."""

RELATIVE_ORBITS = {
    "SENTINEL-1": 175,
    "SENTINEL-2": 143,
    "SENTINEL-3": 385,
    "SENTINEL-1-RTC": 175,
}
"""Orbits in one repeat cycle; relative orbits count from 1."""


def check_collection(name: str) -> str:
    """The collection in the catalogue's spelling, from ``sentinel2`` or ``S2`` as well.

    Raises:
        QueryError: Unknown; names the nearest known ones.
    """
    known = _SHORT.get(_folded(name))
    return known or pick(name, COLLECTIONS, "a collection of the catalogue")


def _folded(name: str) -> str:
    """A name without case and separators."""
    return re.sub(r"[\s_-]", "", name.upper())


_SHORT = {
    form: known
    for known in COLLECTIONS
    for form in (_folded(known), _folded(known).replace("SENTINEL", "S"))
}
