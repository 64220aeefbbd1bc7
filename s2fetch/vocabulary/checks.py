"""Checks of single words: orbits, tiles, platforms, baselines, names.

Sources: Sentinel-2 Products Specification Document (product names, tiles); the catalogue's own
attribute registry. Every check takes any case and returns the catalogue's spelling.
"""

from __future__ import annotations

import re

from s2fetch import naming
from s2fetch.errors import QueryError
from s2fetch.vocabulary.missions import PLATFORMS, RELATIVE_ORBITS
from s2fetch.vocabulary.words import pick

ORBIT_DIRECTIONS = ("ASCENDING", "DESCENDING")

_TILE = re.compile(r"T?(\d{1,2})([A-Z])([A-Z])([A-Z])")
_ZONE_COLUMNS = ("STUVWXYZ", "ABCDEFGH", "JKLMNPQR")
_BANDS = "CDEFGHJKLMNPQRSTUVWX"
_ROWS = "ABCDEFGHJKLMNPQRSTUV"
_PLATFORM = re.compile(r"(?:S(?:ENTINEL)?[- ]?(\d))?[- ]?([A-Z])")
_FOR_PATTERNS = (
    "for a pattern write --query \"startswith(Name,'S2A_MSIL1C_2024') and "
    "contains(Name,'_T32TQM_')\""
    ', or with --kind dhus --query "filename:S2A_MSIL1C_2024*_T32TQM_*"'
)
_ELEVATION = re.compile(
    r"(DEM\d_SAR_[A-Z]{3}_\d{2}(?:_\d{8}T\d{6}){2}_[A-Z]{3}_\d{6}_\w{4})(?i:\.DEM)?(?i:\.zip)?"
)
"""Tiles of the Copernicus DEM, which two collections have; the catalogue lists them as ``.DEM``."""
_BASELINE = re.compile(r"N?(\d{1,2})\.(\d{2})|N?(\d{2})(\d{2})")


def check_orbit_direction(name: str) -> str:
    """``ASCENDING`` or ``DESCENDING``.

    Raises:
        QueryError: Neither.
    """
    return pick(name, ORBIT_DIRECTIONS, "an orbit direction")


def check_relative_orbit(collection: str, number: int) -> int:
    """The relative orbit, when the collection's repeat cycle has it (1 to 143 for Sentinel-2).

    Raises:
        QueryError: No such orbit.
    """
    last = RELATIVE_ORBITS.get(collection)
    if number < 1 or (last is not None and number > last):
        bound = f"from 1 to {last}" if last else "from 1 up"
        raise QueryError(f"{number} is not a relative orbit: {collection} has them {bound}")
    return number


def check_tile(name: str) -> str:
    """An MGRS tile without the leading T, as the ``tileId`` attribute has it: ``32TQM``.

    Raises:
        QueryError: No such tile: zone, latitude band or 100 km square does not exist.
    """
    match = _TILE.fullmatch(name.strip().upper())
    example = "Write zone, band and square, for example 32TQM"
    if match is None:
        raise QueryError(f"{name!r} is not an MGRS tile", advice=example)
    zone, band, column, row = int(match[1]), match[2], match[3], match[4]
    if not 1 <= zone <= 60:
        reason = f"zones go from 01 to 60, not {match[1]}"
    elif band not in _BANDS:
        reason = f"{band} is no latitude band (C to X without I and O)"
    elif column not in (columns := _ZONE_COLUMNS[zone % 3]):
        reason = f"zone {zone:02} has the columns {columns}, not {column}"
    elif row not in _ROWS:
        reason = f"{row} is no row (A to V without I and O)"
    else:
        return f"{zone:02}{band}{column}{row}"
    raise QueryError(f"{name!r} is not an MGRS tile: {reason}", advice=example)


def check_platform(name: str, collection: str = "SENTINEL-2") -> str:
    """The unit of a platform: ``A`` from ``A``, ``S2A`` or ``Sentinel-2A``.

    Raises:
        QueryError: No such unit, or one of another mission.
    """
    known = PLATFORMS.get(collection)
    if known is None:
        return name.strip()
    match = _PLATFORM.fullmatch(name.strip().upper())
    mission = collection.split("-")[1]
    if match is None or match[1] not in (None, mission) or match[2] not in known:
        advice = "Known are " + ", ".join(f"S{mission}{unit}" for unit in known)
        other = f"SENTINEL-{match[1]}" if match else ""
        if other != collection and match and match[2] in PLATFORMS.get(other, ()):
            advice = f"It is one of {other}: choose the collection with --collection"
        raise QueryError(f"{name!r} is not a platform of {collection}", advice=advice)
    return match[2]


def check_baseline(name: str, collection: str = "SENTINEL-2") -> str:
    """A processing baseline as the catalogue writes it: ``05.10`` from ``0510`` or ``N0510``.

    Other missions number theirs in other ways; theirs are taken as they are.

    Raises:
        QueryError: Not a baseline of Sentinel-2.
    """
    if collection != "SENTINEL-2":
        return name.strip()
    match = _BASELINE.fullmatch(name.strip().upper())
    if match is None:
        advice = "Write for example 05.10 or N0510"
        raise QueryError(f"{name!r} is not a processing baseline", advice=advice)
    return f"{int(match[1] or match[3]):02}.{match[2] or match[4]}"


def check_name(name: str) -> str:
    """A product's name as the catalogue lists it, extension included.

    A missing extension is added and ``.zip`` removed where names of this kind are known, because
    the catalogue compares names exactly and would silently find nothing.

    Raises:
        QueryError: Empty, or with characters that no product's name has.
    """
    name = name.strip()
    if not name or any(c in "/\\'\"*?" or not c.isprintable() for c in name):
        advice = "Give whole names, one each, for example S2A_MSIL1C_20240601T….SAFE"
        if "*" in name or "?" in name:
            advice += f"; {_FOR_PATTERNS}"
        raise QueryError(f"{name!r} is not a product's name", advice=advice)
    found = naming.parse(name)
    if found is not None:
        return found.listed
    elevation = _ELEVATION.fullmatch(name)
    return f"{elevation[1]}.DEM" if elevation else name
