"""Roughly where a Sentinel-2 tile lies.

Good to some ten kilometres, which is enough for generated products.
"""

from __future__ import annotations

import math

_ROWS = "ABCDEFGHJKLMNPQRSTUV"
_COLUMNS = ("STUVWXYZ", "ABCDEFGH", "JKLMNPQR")
_BANDS = "CDEFGHJKLMNPQRSTUVWX"
_KM_PER_DEGREE = 111.2
_SIDE_KM = 109.8


def tile_ring(tile: str) -> list[tuple[float, float]]:
    """The closed ring of a tile's corners, lon lat, counter-clockwise.

    Args:
        tile: MGRS name without the leading T, e.g. ``32TQM``.

    Raises:
        ValueError: It is not the name of a tile.
    """
    try:
        zone, band = int(tile[:2]), _BANDS.index(tile[2])
        east_km = 100.0 * (_COLUMNS[zone % 3].index(tile[3]) + 1)
        row = _ROWS.index(tile[4])
    except (ValueError, IndexError) as error:
        raise ValueError(f"not a tile: {tile!r}") from error
    north_km = 100.0 * ((row - 5) % 20 if zone % 2 == 0 else row)
    middle_km = (band * 8.0 - 76.0) * _KM_PER_DEGREE
    north_km += 2000.0 * round((middle_km - north_km - _SIDE_KM / 2) / 2000.0)
    south = north_km / _KM_PER_DEGREE
    north = south + _SIDE_KM / _KM_PER_DEGREE
    scale = _KM_PER_DEGREE * math.cos(math.radians((south + north) / 2))
    west = zone * 6 - 183 + (east_km - 500.0) / scale
    east = west + _SIDE_KM / scale
    corners = [(west, south), (east, south), (east, north), (west, north), (west, south)]
    return [(round(lon, 6), round(lat, 6)) for lon, lat in corners]


def tile_wkt(tile: str) -> str:
    """The ring of a tile as a WKT polygon."""
    inside = ", ".join(f"{lon} {lat}" for lon, lat in tile_ring(tile))
    return f"POLYGON (({inside}))"
