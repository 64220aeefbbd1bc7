"""Where the tiles of the Sentinel-2 grid lie, by arithmetic alone.

A tile is named after a 100 km square of the Military Grid Reference System. It begins at the north
west corner of the square, moved outwards to a whole multiple of 60 m, and is 109.8 km wide and high
in the UTM projection of its zone (Sentinel-2 Products Specification Document, tiling grid).
"""

from __future__ import annotations

import math

import numpy as np
import shapely

from s2fetch.area.build import Source
from s2fetch.area.projecting import Transform, geographic
from s2fetch.area.sphere import Coordinates
from s2fetch.errors import AreaError

TILE_METRES = 109_800
"""1830 pixels of 60 m."""
_PIXEL_METRES = 60
_SQUARE_METRES = 100_000
_ROWS_METRES = 20 * _SQUARE_METRES
"""After so many metres the letters of the rows begin again."""

_COLUMNS = ("STUVWXYZ", "ABCDEFGH", "JKLMNPQR")
_ROWS = "ABCDEFGHJKLMNPQRSTUV"
_BANDS = "CDEFGHJKLMNPQRSTUVWX"

_RADIUS = 6_378_137.0
_FLATTENING = 1 / 298.257223563
_SCALE = 0.9996
_FALSE_EASTING = 500_000.0
_FALSE_NORTHING = 10_000_000
"""In metres, on the southern hemisphere."""


def tile(name: str) -> Source:
    """The footprint of a tile.

    Args:
        name: Zone, band, column and row without the leading T, e.g. ``32TQM``.

    Raises:
        AreaError: There is no such tile.
    """
    zone, west, top = _corner(name)
    box = shapely.box(west, top - TILE_METRES, west + TILE_METRES, top)
    return Source(geographic(box, from_utm(zone), 1.0), f"tile {name}", dense=True)


def from_utm(zone: int) -> Transform:
    """The way back from UTM, in metres from the equator northwards, to WGS 84.

    Krüger's series to the fourth order of the third flattening (Karney 2011, Transverse Mercator
    with an accuracy of a few nanometers, equations 7 to 14 and 36): better than a millimetre
    within the width of any tile.
    """
    n = _FLATTENING / (2 - _FLATTENING)
    rectifying = _RADIUS / (1 + n) * (1 + n**2 / 4 + n**4 / 64)
    beta = (
        n / 2 - 2 / 3 * n**2 + 37 / 96 * n**3 - 1 / 360 * n**4,
        n**2 / 48 + n**3 / 15 - 437 / 1440 * n**4,
        17 / 480 * n**3 - 37 / 840 * n**4,
        4397 / 161280 * n**4,
    )
    delta = (
        2 * n - 2 / 3 * n**2 - 2 * n**3 + 116 / 45 * n**4,
        7 / 3 * n**2 - 8 / 5 * n**3 - 227 / 45 * n**4,
        56 / 15 * n**3 - 136 / 35 * n**4,
        4279 / 630 * n**4,
    )

    def transform(points: Coordinates) -> Coordinates:
        xi = points[:, 1] / (_SCALE * rectifying)
        eta = (points[:, 0] - _FALSE_EASTING) / (_SCALE * rectifying)
        xi_sphere, eta_sphere = xi.copy(), eta.copy()
        for order, b in enumerate(beta, 1):
            xi_sphere -= b * np.sin(2 * order * xi) * np.cosh(2 * order * eta)
            eta_sphere -= b * np.cos(2 * order * xi) * np.sinh(2 * order * eta)
        chi = np.arcsin(np.sin(xi_sphere) / np.cosh(eta_sphere))
        lat = chi + sum(d * np.sin(2 * order * chi) for order, d in enumerate(delta, 1))
        lon = np.arctan2(np.sinh(eta_sphere), np.cos(xi_sphere))
        return np.column_stack([np.degrees(lon) + 6 * zone - 183, np.degrees(lat)])

    return transform


def _corner(name: str) -> tuple[int, float, float]:
    """Zone, and the north west corner of a tile in metres, northwards from the equator."""
    try:
        zone, band, column, row = int(name[:-3]), *name[-3:]
        east = _SQUARE_METRES * (_COLUMNS[zone % 3].index(column) + 1)
        south = _SQUARE_METRES * ((_ROWS.index(row) - (0 if zone % 2 else 5)) % 20)
        number = _BANDS.index(band)
        if not 1 <= zone <= 60:
            raise ValueError(zone)
    except ValueError:
        advice = "Write zone, band and square, for example 32TQM"
        raise AreaError(f"{name!r} is not an MGRS tile", advice=advice) from None
    away = _middle_of_band(number) - south - _SQUARE_METRES / 2
    top = south + _ROWS_METRES * round(away / _ROWS_METRES) + _SQUARE_METRES
    # South of the equator the grid counts from 10,000 km, which is no multiple of 60 m.
    false_northing = _FALSE_NORTHING if number < len(_BANDS) // 2 else 0
    west = math.floor(east / _PIXEL_METRES) * _PIXEL_METRES
    top = math.ceil((top + false_northing) / _PIXEL_METRES) * _PIXEL_METRES - false_northing
    return zone, west, top


def _middle_of_band(number: int) -> float:
    """Metres from the equator to the middle of a band, counted from 80 degrees south.

    Bands are 8 degrees high, the last one 12. Exact to some ten kilometres, where a thousand do.
    """
    middle = 78.0 if number == len(_BANDS) - 1 else 8.0 * number - 76
    return middle * 110_950
