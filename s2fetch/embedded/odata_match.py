"""Evaluates a filter expression on catalogue entries."""

from __future__ import annotations

import operator
import re
from collections.abc import Callable, Mapping
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from s2fetch.embedded.entry import Attribute, Entry, hub_time, read_time
from s2fetch.embedded.odata_filter import (
    And,
    AttributeMatch,
    Comparison,
    Expression,
    FilterError,
    Intersects,
    Moment,
    Not,
    Operator,
    Or,
    TextMatch,
    Value,
)

if TYPE_CHECKING:
    from shapely import Geometry

Condition = Callable[[Entry], bool]
"""Whether an entry matches."""

FIELDS: Mapping[str, str] = {
    "Name": "name",
    "Id": "id",
    "Collection/Name": "collection",
    "ContentDate/Start": "sensing_start",
    "ContentDate/End": "sensing_end",
    "PublicationDate": "publication_date",
    "ModificationDate": "modification_date",
    "OriginDate": "origin_date",
    "Online": "online",
    "DeletionDate": "deletion_date",
    "DeletionCause": "deletion_cause",
}
"""Where the properties of a filter or an order are kept in an `Entry`."""

_COMPARE: Mapping[Operator, Callable[[Any, Any], bool]] = {
    "eq": operator.eq,
    "ne": operator.ne,
    "lt": operator.lt,
    "le": operator.le,
    "gt": operator.gt,
    "ge": operator.ge,
}


def condition(expression: Expression) -> Condition:
    """Compile an expression into a function of an entry.

    Raises:
        FilterError: A geometry cannot be used.
    """
    match expression:
        case And(parts):
            conditions = [condition(part) for part in parts]
            return lambda entry: all(one(entry) for one in conditions)
        case Or(parts):
            conditions = [condition(part) for part in parts]
            return lambda entry: any(one(entry) for one in conditions)
        case Not(part):
            inner = condition(part)
            return lambda entry: not inner(entry)
        case Comparison():
            return _comparison(expression)
        case TextMatch():
            return _text_match(expression)
        case AttributeMatch():
            return _attribute_match(expression)
        case Intersects(wkt):
            return _intersects(wkt)


def _comparison(comparison: Comparison) -> Condition:
    field = operator.attrgetter(FIELDS[comparison.path])
    compare = _COMPARE[comparison.operator]
    value = comparison.value.text if isinstance(comparison.value, Moment) else comparison.value
    if comparison.path == "Id":
        value = str(value).lower()
    return lambda entry: compare(field(entry), value)


def _text_match(match: TextMatch) -> Condition:
    text = match.text
    if match.function == "contains":
        return lambda entry: text in entry.name
    if match.function == "startswith":
        return lambda entry: entry.name.startswith(text)
    return lambda entry: entry.name.endswith(text)


_SHAPES = ("Point", "Polygon", "MultiPolygon")
"""What the service is known to take."""
_GROUPS = {
    "SLC": re.compile(r".._SLC__1."),
    "GRD": re.compile(r".._GRD._1."),
    "GRD-COG": re.compile(r".._GRD._1.-COG"),
    "OCN": re.compile(r".._OCN__2."),
    "RAW": re.compile(r".._RAW__0."),
}


def _attribute_match(match: AttributeMatch) -> Condition:
    if match.name == "productType" and match.value in _GROUPS and match.operator in ("eq", "ne"):
        return _group_match(_GROUPS[str(match.value)], match)
    return _plain_match(match)


def _group_match(group: re.Pattern[str], match: AttributeMatch) -> Condition:
    """A word for several types of Sentinel-1 (Copernicus Data Space documentation, OData)."""
    plain = _plain_match(match)

    def holds(entry: Entry) -> bool:
        if entry.collection != "SENTINEL-1":
            return plain(entry)
        for attribute in entry.attributes:
            if attribute.name == match.name:
                text = str(attribute.value)
                belongs = text == match.value or group.fullmatch(text) is not None
                return belongs is (match.operator == "eq")
        return False

    return holds


def _plain_match(match: AttributeMatch) -> Condition:
    compare = _COMPARE[match.operator]

    def holds(entry: Entry) -> bool:
        for attribute in entry.attributes:
            if attribute.name == match.name:
                left, right = comparable(attribute, match.value)
                return compare(left, right)
        return False

    return holds


def comparable(attribute: Attribute, value: Value) -> tuple[Any, Any]:
    """Bring an attribute and a literal to one type.

    The service does not insist on matching types (Copernicus Data Space documentation, OData, and
    clients that mix them), so numbers are compared as numbers and anything else as text.
    """
    if attribute.type == "DateTimeOffset":
        return attribute.value, _time_text(value)
    if attribute.type == "Boolean" or isinstance(value, bool):
        return str(attribute.value).lower(), str(value).lower()
    text = value.text if isinstance(value, Moment) else str(value)
    numbers = _number(attribute.value), _number(text)
    if None not in numbers and (attribute.type != "String" or not isinstance(value, str)):
        return numbers
    return str(attribute.value), text


def _number(value: str | float) -> float | None:
    try:
        return float(value)
    except ValueError:
        return None


def _time_text(value: Value) -> str:
    if isinstance(value, Moment):
        return value.text
    try:
        return hub_time(read_time(str(value)))
    except ValueError as error:
        raise FilterError(f"Invalid value: {value}") from error


def _intersects(wkt: str) -> Condition:
    area = _area(wkt)
    import shapely

    shapely.prepare(area)

    def holds(entry: Entry) -> bool:
        return entry.footprint is not None and bool(area.intersects(geometry(entry.footprint)))

    return holds


@lru_cache(maxsize=4096)
def geometry(wkt: str) -> Geometry:
    """The geometry a WKT describes; many entries share one footprint.

    Raises:
        FilterError: It is not WKT.
    """
    import shapely

    try:
        return shapely.from_wkt(wkt)
    except shapely.errors.GEOSException as error:
        raise FilterError(f"Invalid geometry: {error}") from error


def _area(wkt: str) -> Geometry:
    area = geometry(wkt)
    if area is None or area.is_empty or not area.is_valid:
        raise FilterError("Invalid geometry: empty, open or crossing itself")
    if area.geom_type not in _SHAPES:
        raise FilterError(f"Invalid geometry: {area.geom_type}")
    west, south, east, north = area.bounds
    if west < -180 or east > 180 or south < -90 or north > 90:
        raise FilterError("Invalid geometry: coordinates out of range")
    return area
