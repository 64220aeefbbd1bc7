"""Areas of interest, from what people have to one valid geometry that a hub can be asked for."""

from __future__ import annotations

from s2fetch.area.area import (
    Area,
    from_box,
    from_files,
    from_footprint,
    from_product,
    from_tiles,
    from_wkt,
)

__all__ = [
    "Area",
    "from_box",
    "from_files",
    "from_footprint",
    "from_product",
    "from_tiles",
    "from_wkt",
]
