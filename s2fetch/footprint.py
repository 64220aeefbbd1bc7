"""An area of interest that is the footprint of a product in the catalogue."""

from __future__ import annotations

import anyio

from s2fetch.area import from_footprint
from s2fetch.errors import QueryError
from s2fetch.events import AreaNoted, EventBus
from s2fetch.hub.base import Hub
from s2fetch.query import Query

SUFFIXES = (".SAFE", ".SEN3", ".nc", ".SEN6", ".DEM")
"""What names in the catalogue end with and people leave off."""


async def with_footprint(query: Query, name: str, *, hub: Hub, events: EventBus) -> Query:
    """A query for the ground that a product covers.

    Args:
        query: The rest of it.
        name: The product's, with or without extension.
        hub: Where to look it up.
        events: Who is told what was done to the area.

    Raises:
        QueryError: If there is no such product, or it has no footprint.
        HubError: If the catalogue cannot be read.
    """
    names = [name] if "." in name else [name, *(name + suffix for suffix in SUFFIXES)]
    found = await hub.by_name(names)
    if not found:
        advice = "Give its whole name as the catalogue has it, or its folder or zip on disk"
        what = f"the product whose footprint is the area is not in the catalogue: {name}"
        raise QueryError(what, advice=advice)
    product = next((product for product in found if product.footprint), found[0])
    if product.footprint is None:
        raise QueryError("the catalogue has no footprint of it", product=product.name)
    area = await anyio.to_thread.run_sync(from_footprint, product.footprint, product.name)
    for note in area.notes:
        events.emit(AreaNoted(note=note))
    return area.applied_to(query)
