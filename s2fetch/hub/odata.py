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

from s2fetch import vocabulary
from s2fetch.errors import QueryError
from s2fetch.product import AttributeValue
from s2fetch.query import Condition, Operator, Order, Query
from s2fetch.vocabulary import Kind


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


def periods_of(query: Query) -> dict[Axis, Bounds]:
    """A query's own period on every axis; open where it has none."""
    return {
        Axis.SENSING: Bounds(query.sensing_from, query.sensing_to),
        Axis.PUBLICATION: Bounds(query.published_from, query.published_to),
    }


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


def attribute(name: str, operator: str, value: AttributeValue) -> str:
    """A condition on a catalogue attribute, typed as the registry types it.

    Raises:
        QueryError: The value is not of this type.
    """
    kind = vocabulary.kind_of(name, value)
    typed = f"OData.CSC.{kind}Attribute"
    named = f"att/Name eq {string(name)}"
    literal = _literal(name, kind, value)
    return f"Attributes/{typed}/any(att:{named} and att/{typed}/Value {operator} {literal})"


def _literal(name: str, kind: Kind, value: AttributeValue) -> str:
    text = str(value).lower() if isinstance(value, bool) else str(value)
    try:
        match kind:
            case Kind.STRING:
                return string(text)
            case Kind.BOOLEAN if text.lower() in ("true", "false"):
                return text.lower()
            case Kind.INTEGER if not isinstance(value, float) or value.is_integer():
                return str(int(value))
            case Kind.DOUBLE:
                return double(float(value))
            case Kind.TIME:
                return moment(vocabulary.read_moment(text))
            case _:
                raise ValueError(value)
    except (ValueError, OverflowError):
        what = f"{name} is of type {kind} and cannot be compared with {value!r}"
        raise QueryError(what) from None


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
    """All conditions of a query but its periods, its names and its identifiers.

    Of `Query.area_relation` the service knows intersections only, which the other relations imply.
    """
    conditions = [f"({query.hub_query})"] if query.hub_query else []
    if query.collection:
        conditions.append(f"Collection/Name eq {string(query.collection)}")
    for condition in attribute_conditions(query):
        how = condition.operator
        conditions.append(
            any_of([attribute(condition.attribute, how, value) for value in condition.values])
        )
    if query.modified_from is not None:
        conditions.append(f"ModificationDate ge {moment(query.modified_from)}")
    if query.area is not None:
        conditions.append(
            f"OData.CSC.Intersects(area=geography{string(f'SRID=4326;{query.area}')})"
        )
    return conditions


def attribute_conditions(query: Query) -> list[Condition]:
    """Everything a query wants of attributes, whether it has a field of its own or not."""
    conditions: list[Condition] = []

    def one_of(restriction: str, values: tuple[AttributeValue, ...]) -> None:
        if values:
            name = vocabulary.attribute_name(query.collection, restriction)
            conditions.append(Condition(name, Operator.EQ, values))

    one_of("product-type", query.product_types)
    one_of("tile", query.tiles)
    one_of("platform", query.platforms)
    one_of("baseline", query.baselines)
    one_of("relative-orbit", query.relative_orbits)
    if query.orbit_direction:
        both = vocabulary.stored_values(query.collection, "orbit-direction", query.orbit_direction)
        one_of("orbit-direction", both)
    if query.cloud is not None:
        conditions.append(Condition("cloudCover", Operator.GE, query.cloud[:1]))
        conditions.append(Condition("cloudCover", Operator.LE, query.cloud[1:]))
    return [*conditions, *query.conditions]


def filter_of(query: Query, windows: dict[Axis, Bounds] | None = None) -> str:
    """The whole ``$filter`` of a query, within windows when given.

    A window on an axis replaces the query's own period there, which it must lie in.
    """
    conditions = restrictions(query)
    if query.names or query.ids:
        named = [f"Name eq {string(name)}" for name in query.names]
        conditions.append(any_of(named + [f"Id eq {string(one)}" for one in query.ids]))
    for axis, bounds in (periods_of(query) | (windows or {})).items():
        conditions.extend(within(axis, bounds))
    return " and ".join(conditions)


def restricted_attributes(query: Query) -> dict[str, Kind]:
    """Names of the attributes a query restricts, and the type it asks for each of them as."""
    return {
        condition.attribute: vocabulary.kind_of(condition.attribute, condition.values[0])
        for condition in attribute_conditions(query)
    }


def url_query(options: dict[str, str]) -> str:
    """Percent-encode system query options (RFC 3986); ``+`` and ``&`` in values included.

    What is no Unicode text (an argument in another encoding) cannot match anything; it goes as
    ``?`` rather than making the query impossible.
    """
    return "&".join(
        f"{name}={quote(value, safe=_SAFE, errors='replace')}" for name, value in options.items()
    )


_SAFE = "/:,()='"
