"""Which conditions of a query a product does not meet, asked of the hub one by one."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

import msgspec

from s2fetch import vocabulary
from s2fetch.area.relation import described, footprint_shape
from s2fetch.clock import timestamp
from s2fetch.events import Event, EventBus, ProductSuperseded
from s2fetch.hub.base import Hub
from s2fetch.product import Product
from s2fetch.query import Operator, Query, VersionPolicy
from s2fetch.selection import selected
from s2fetch.versions import reach_of

_SIGNS = {
    Operator.EQ: "",
    Operator.NE: "!= ",
    Operator.LT: "< ",
    Operator.LE: "<= ",
    Operator.GT: "> ",
    Operator.GE: ">= ",
}
_OF_ATTRIBUTES = {
    "product_types": "product-type",
    "relative_orbits": "relative-orbit",
    "orbit_direction": "orbit-direction",
    "tiles": "tile",
    "platforms": "platform",
    "baselines": "baseline",
}
"""Members of a query that restrict one attribute each, and the settings they come from."""
_AREA = ("area", "area_relation", "area_overlap", "area_exact")


class Check(msgspec.Struct, frozen=True):
    """One condition of the query, and whether the catalogue says that the product meets it.

    Attributes:
        condition: What it is about.
        wanted: What that has to be.
        holds: Whether it is.
        actual: What it is for this product; None where that is not known or says nothing.
    """

    condition: str
    wanted: str
    holds: bool
    actual: str | None = None


class Part(msgspec.Struct, frozen=True):
    """One condition: the members of a query that make it, and what it is about."""

    condition: str
    wanted: str
    members: dict[str, object]
    attribute: str = ""


async def compare(hub: Hub, query: Query, product: Product) -> tuple[bool, list[Check]]:
    """Ask the hub whether a query selects a product, and if not, which conditions fail.

    The query's limit and order say nothing about one product alone and are left out.

    Returns:
        Whether it does; and if it does not, the conditions that were asked one by one.

    Raises:
        HubError, QueryError: If the hub cannot be asked.
    """
    alone = Query(collection=query.collection, names=(product.name,))
    if query.names and product.name not in query.names:
        return False, [Check("name", f"one of {len(query.names):,} names", False)]
    parts = list(parts_of(query))
    everything: dict[str, object] = {}
    for part in parts:
        everything |= part.members
    if query.conditions:
        everything["conditions"] = query.conditions
    if await hub.count(msgspec.structs.replace(alone, **everything)):
        by = await _superseded_by(hub, query, product)
        wanted = ", ".join(query.streams) or str(query.versions)
        return not by, [Check("versions", wanted, False, f"superseded by {by}")] if by else []
    if not await hub.count(alone):
        return False, [Check("collection", query.collection, False, product.collection or None)]
    listed = await _with_attributes(hub, product)
    checks = []
    for part in parts:
        holds = await hub.count(msgspec.structs.replace(alone, **part.members)) > 0
        checks.append(Check(part.condition, part.wanted, holds, _actual(part, listed)))
    return False, checks


def parts_of(query: Query) -> Iterator[Part]:
    """Every condition of a query on its own; members that make one together."""
    for time, name in (("sensing", "sensing period"), ("published", "publication period")):
        begin, end = getattr(query, f"{time}_from"), getattr(query, f"{time}_to")
        if begin is not None or end is not None:
            yield Part(name, _period(begin, end), {f"{time}_from": begin, f"{time}_to": end})
    if query.area is not None:
        # The exact one may have any number of corners.
        yield Part(
            "area",
            f"{described(query)}: {query.area}",
            {name: getattr(query, name) for name in _AREA},
        )
    for member, restriction in _OF_ATTRIBUTES.items():
        if value := getattr(query, member):
            values = value if isinstance(value, tuple) else (value,)
            yield Part(
                restriction,
                ", ".join(map(str, values)),
                {member: value},
                vocabulary.attribute_name(query.collection, restriction),
            )
    if query.cloud is not None:
        least, most = query.cloud
        yield Part("cloud", f"{least:g}..{most:g}", {"cloud": query.cloud}, "cloudCover")
    for condition in query.conditions:
        yield Part(
            condition.attribute,
            _SIGNS[condition.operator] + ", ".join(map(str, condition.values)),
            {"conditions": (condition,)},
            condition.attribute,
        )
    if query.hub_query:
        yield Part("query", query.hub_query, {"hub_query": query.hub_query})


def _period(begin: datetime | None, end: datetime | None) -> str:
    """A period in words; its end is not included."""
    parts = [f"from {timestamp(begin)}"] if begin is not None else []
    parts += [f"before {timestamp(end)}"] if end is not None else []
    return " and ".join(parts)


async def _with_attributes(hub: Hub, product: Product) -> Product:
    """The catalogue's row with everything the conditions may be about."""
    alone = Query(collection="", names=(product.name,))
    async with hub.search(alone, attributes=True) as found:
        rows = [row async for row in found if row.id == product.id]
    return rows[0] if rows else product


def _actual(part: Part, product: Product) -> str | None:
    """What a condition is about, as it is for this product."""
    if part.attribute:
        value = product.attributes.get(part.attribute)
        return "none" if value is None else f"{value:g}" if isinstance(value, float) else str(value)
    if "sensing_from" in part.members:
        return timestamp(product.sensing_start) or "none"
    if "published_from" in part.members:
        return timestamp(product.published) or "none"
    if "area" in part.members:
        shape = None if product.footprint is None else footprint_shape(product.footprint)
        if shape is None:
            return "no footprint"
        return "about " + ",".join(f"{round(degrees, 2):g}" for degrees in shape.bounds)
    return None


async def _superseded_by(hub: Hub, query: Query, product: Product) -> str:
    """Name of a better version, for which the query leaves the product out; empty for none."""
    start = product.sensing_start
    if query.versions is VersionPolicy.ALL or start is None:
        return ""
    better: list[str] = []

    def note(event: Event) -> None:
        if isinstance(event, ProductSuperseded) and event.product.id == product.id:
            better.append(event.by)

    events = EventBus()
    events.subscribe(note)
    reach = reach_of(product)
    near = msgspec.structs.replace(
        query,
        sensing_from=max(start - reach, query.sensing_from or start - reach),
        sensing_to=min(start + reach, query.sensing_to or start + reach),
        limit=None,
    )
    async with selected(hub, near, events=events) as others:
        async for _ in others:
            pass
    return better[0] if better else ""
