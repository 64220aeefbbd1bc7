"""What the names of products say, cut by position; and which names mean the same acquisition.

Fields are padded with ``_``, so that splitting at ``_`` would tear them apart: every field is taken
from its place. Sources: Sentinel-1, Sentinel-2 and Sentinel-3 Products Specification Documents and
naming conventions, Sentinel-5P Level 2 product user manuals, Sentinel-6 product handbook, and
the Earth Explorers' file format standard (SMOS).

Two products are *versions* of one acquisition when `ProductName.acquisition` is equal and one of
them `covers` the other. The key is, after the family:

- Sentinel-1: platform, mode, type, polarisation, orbit, datatake. The slices of a datatake share
  it and are told apart by their times. A COG is another product and no version.
- Sentinel-1 auxiliary: platform, type, start of validity. Orbit files: platform, type, validity.
- Sentinel-2: platform, level, start of the datatake, tile, relative orbit; in the old format class,
  level, relative orbit, start and stop.
- Sentinel-3: platform, type, cycle, relative orbit. Frames share it, and near-real-time granules
  with the stripes they are a part of; times tell them apart. Tiles, global composites and auxiliary
  data: platform, type, area, start, stop.
- Sentinel-5P: type and orbit. The near-real-time granules of an orbit share it with the whole.
- Sentinel-6: packaging, platform, type, cycle, pass.
- SMOS: type and day. The orbits of a day share it and are told apart by their times.
"""

from __future__ import annotations

import re

from s2fetch.naming import (
    orbit_files,
    sentinel1,
    sentinel2,
    sentinel3,
    sentinel5p,
    sentinel6,
    smos,
)
from s2fetch.naming.family import Family
from s2fetch.naming.name import COLLECTIONS, STREAMS, TOLERANCE, Acquisition, ProductName


def parse(name: str) -> ProductName | None:
    """Take a name apart, with or without extension, with or without ``.zip``, in any case.

    Returns:
        None for names of no family that is known, and where a time in the name is none.
    """
    found = _match(name)
    if found is None:
        return None
    family, match = found
    try:
        return family.read(match)
    except ValueError:
        return None


def acquisition_of(name: str) -> Acquisition | None:
    """`ProductName.acquisition` of a name, found faster than by `parse`."""
    found = _match(name)
    return None if found is None else found[0].key(found[1])


def collection_of(name: str) -> str:
    """The collection of a name, or empty for names of no family that is known."""
    found = _match(name)
    return "" if found is None else COLLECTIONS[found[1].string[:2].upper()]


def _match(name: str) -> tuple[Family, re.Match[str]] | None:
    for text in (name, name.upper()):
        for family in _FAMILIES.get(text[:2], ()):
            match = family.match(text)
            if match is not None:
                return family, match
    return None


_FAMILIES: dict[str, tuple[Family, ...]] = {
    "S1": (*sentinel1.FAMILIES, *orbit_files.FAMILIES),
    "S2": (*sentinel2.FAMILIES, *orbit_files.FAMILIES),
    "S3": sentinel3.FAMILIES,
    "S5": sentinel5p.FAMILIES,
    "S6": sentinel6.FAMILIES,
    "SM": smos.FAMILIES,
}

__all__ = [
    "STREAMS",
    "TOLERANCE",
    "Acquisition",
    "ProductName",
    "acquisition_of",
    "collection_of",
    "parse",
]
