"""Queries written in OData, as the Copernicus Data Space catalogue reads them.

Syntax: OData 4.01 part 2, 5.1.1, with the service's own functions and attribute lambdas
(Copernicus Data Space documentation, OData).
"""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal
from enum import StrEnum
from urllib.parse import quote

import msgspec

from s2fetch.query import Order, Query

ATTRIBUTE_TYPES = {
    "productType": "String",
    "tileId": "String",
    "cloudCover": "Double",
    "relativeOrbitNumber": "Integer",
    "orbitDirection": "String",
    "platformSerialIdentifier": "String",
    "processorVersion": "String",
}
"""Attributes that a query can restrict, with the types the registry gives them."""


class Axis(StrEnum):
    """A time by which a listing can be ordered and cut into windows."""

    SENSING = "ContentDate/Start"
    PUBLICATION = "PublicationDate"


class Bounds(msgspec.Struct, frozen=True):
    """``start <= time < end`` on one axis; None is open."""

    start: datetime | None = None
    end: datetime | None = None


def axis_of(query: Query) -> Axis:
    """The axis that a query's order goes along."""
    return Axis.PUBLICATION if query.order is Order.PUBLICATION else Axis.SENSING


def string(text: str) -> str:
    """A string literal; quotes are doubled (OData 4.01 part 2, 5.1.1.6.1)."""
    return "'" + text.replace("'", "''") + "'"


def moment(time: datetime) -> str:
    """A date-time literal in UTC, unquoted: milliseconds, or more digits where there are any."""
    utc = time.astimezone(UTC)
    digits = "microseconds" if utc.microsecond % 1000 else "milliseconds"
    return utc.replace(tzinfo=None).isoformat(timespec=digits) + "Z"


def double(value: float) -> str:
    """A decimal literal with two digits at least, and as many more as the value has."""
    exact = format(Decimal(repr(float(value))), "f")
    whole, _, fraction = exact.partition(".")
    return f"{whole}.{fraction:0<2}"


def attribute(name: str, operator: str, value: str | float) -> str:
    """A condition on a catalogue attribute, typed as the registry types it."""
    kind = ATTRIBUTE_TYPES[name]
    if kind == "String":
        literal = string(str(value))
    elif kind == "Integer":
        literal = str(int(value))
    else:
        literal = double(float(value))
    typed = f"OData.CSC.{kind}Attribute"
    named = f"att/Name eq '{name}'"
    return f"Attributes/{typed}/any(att:{named} and att/{typed}/Value {operator} {literal})"


def any_of(conditions: list[str]) -> str:
    """Conditions of which one has to hold."""
    return conditions[0] if len(conditions) == 1 else "(" + " or ".join(conditions) + ")"


def within(axis: Axis, bounds: Bounds) -> list[str]:
    """The conditions of a half-open window: ``ge`` includes, ``lt`` excludes."""
    conditions = []
    if bounds.start is not None:
        conditions.append(f"{axis} ge {moment(bounds.start)}")
    if bounds.end is not None:
        conditions.append(f"{axis} lt {moment(bounds.end)}")
    return conditions


def restrictions(query: Query) -> list[str]:
    """All conditions of a query but its sensing period, its names and its identifiers."""
    conditions = [f"Collection/Name eq {string(query.collection)}"] if query.collection else []

    def one_of(name: str, values: tuple[str, ...] | tuple[int, ...]) -> None:
        if values:
            conditions.append(any_of([attribute(name, "eq", value) for value in values]))

    one_of("productType", query.product_types)
    one_of("tileId", query.tiles)
    one_of("platformSerialIdentifier", query.platforms)
    one_of("processorVersion", query.baselines)
    one_of("relativeOrbitNumber", query.relative_orbits)
    if query.orbit_direction:
        conditions.append(attribute("orbitDirection", "eq", query.orbit_direction))
    if query.cloud is not None:
        conditions.append(attribute("cloudCover", "ge", query.cloud[0]))
        conditions.append(attribute("cloudCover", "le", query.cloud[1]))
    if query.area is not None:
        conditions.append(
            f"OData.CSC.Intersects(area=geography{string(f'SRID=4326;{query.area}')})"
        )
    return conditions


def filter_of(query: Query, windows: dict[Axis, Bounds] | None = None) -> str:
    """The whole ``$filter`` of a query, within windows when given.

    A window on the sensing axis replaces the query's own period, which it must lie in.
    """
    windows = dict(windows or {})
    windows.setdefault(Axis.SENSING, Bounds(query.sensing_from, query.sensing_to))
    conditions = restrictions(query)
    if query.names or query.ids:
        named = [f"Name eq {string(name)}" for name in query.names]
        conditions.append(any_of(named + [f"Id eq {string(one)}" for one in query.ids]))
    for axis, bounds in windows.items():
        conditions.extend(within(axis, bounds))
    return " and ".join(conditions)


def restricted_attributes(query: Query) -> list[str]:
    """Names of the attributes a query restricts."""
    used = {
        "productType": query.product_types,
        "tileId": query.tiles,
        "platformSerialIdentifier": query.platforms,
        "processorVersion": query.baselines,
        "relativeOrbitNumber": query.relative_orbits,
        "orbitDirection": query.orbit_direction,
        "cloudCover": query.cloud is not None,
    }
    return [name for name, value in used.items() if value]


def url_query(options: dict[str, str]) -> str:
    """Percent-encode system query options (RFC 3986); ``+`` and ``&`` in values included.

    What is no Unicode text (an argument in another encoding) cannot match anything; it goes as
    ``?`` rather than making the query impossible.
    """
    return "&".join(
        f"{name}={quote(value, safe=_SAFE, errors='replace')}" for name, value in options.items()
    )


_SAFE = "/:,()='"
