"""What a query means, in plain Python: whether a product is one that it selects.

The same as the hubs are asked in their own languages, for what they cannot be asked and for lists
that come from elsewhere.
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Iterable
from datetime import datetime
from functools import lru_cache
from typing import Any

from s2fetch import vocabulary
from s2fetch.area.relation import Relation
from s2fetch.product import AttributeValue, Product
from s2fetch.query import Condition, Operator, Query
from s2fetch.vocabulary import Kind

_COMPARE: dict[Operator, Callable[[Any, Any], bool]] = {
    Operator.EQ: operator.eq,
    Operator.NE: operator.ne,
    Operator.LT: operator.lt,
    Operator.LE: operator.le,
    Operator.GT: operator.gt,
    Operator.GE: operator.ge,
}


def matches(query: Query, product: Product) -> bool:
    """Whether a query selects a product.

    Left out are the query's order, limit and versions, which are about several products, and what
    it asks in the hub's own language.

    Args:
        query: What is looked for.
        product: With its attributes: without the attribute that is restricted it does not match.
            A product whose collection is unknown may be of any.
    """
    return (
        (not query.collection or product.collection in ("", query.collection))
        and _is_named(query, product)
        and _sensed_within(query, product)
        and _published_within(query, product)
        and _modified_since(query.modified_from, product)
        and _has_attributes(query, product)
        and all(_holds(condition, query, product) for condition in query.conditions)
        and _lies_so(query, product)
    )


def _is_named(query: Query, product: Product) -> bool:
    if not query.names and not query.ids:
        return True
    return product.name in query.names or product.id in query.ids


def _sensed_within(query: Query, product: Product) -> bool:
    return _within(query.sensing_from, query.sensing_to, product.sensing_start)


def _published_within(query: Query, product: Product) -> bool:
    return _within(query.published_from, query.published_to, product.published)


def _within(start: datetime | None, end: datetime | None, time: datetime | None) -> bool:
    """Whether a time lies in a half-open period; an unknown one does not lie in any."""
    if start is None and end is None:
        return True
    return time is not None and (start is None or start <= time) and (end is None or time < end)


def _modified_since(start: datetime | None, product: Product) -> bool:
    return start is None or (product.modified is not None and start <= product.modified)


def _has_attributes(query: Query, product: Product) -> bool:
    """Whether what the query restricts by fields of its own is as it has to be."""
    collection = query.collection

    def one_of(restriction: str, values: Iterable[AttributeValue]) -> bool:
        values = tuple(values)
        if not values:
            return True
        name = vocabulary.attribute_name(collection, restriction)
        return _holds(Condition(name, Operator.EQ, values), query, product)

    directions: tuple[str, ...] = ()
    if query.orbit_direction:
        directions = vocabulary.stored_values(collection, "orbit-direction", query.orbit_direction)
    return (
        one_of("product-type", query.product_types)
        and one_of("tile", query.tiles)
        and one_of("platform", query.platforms)
        and one_of("baseline", query.baselines)
        and one_of("relative-orbit", query.relative_orbits)
        and one_of("orbit-direction", directions)
        and (query.cloud is None or _cloud_within(query.cloud, product))
    )


def _cloud_within(bounds: tuple[float, float], product: Product) -> bool:
    cover = _number(product.attributes.get("cloudCover"))
    return cover is not None and bounds[0] <= cover <= bounds[1]


def _holds(condition: Condition, query: Query, product: Product) -> bool:
    value = product.attributes.get(condition.attribute)
    if value is None:
        return False
    typed = condition.attribute == vocabulary.type_attribute(query.collection)
    return any(
        _is_so(value, condition, wanted, product.collection if typed else None)
        for wanted in condition.values
    )


def _is_so(
    value: AttributeValue, condition: Condition, wanted: AttributeValue, types_of: str | None
) -> bool:
    """Whether one value compares so with another; with groups for the types of a collection."""
    how = condition.operator
    if types_of is not None and how in (Operator.EQ, Operator.NE):
        belongs = vocabulary.is_of_type(_text(value), _text(wanted), types_of)
        return belongs is (how is Operator.EQ)
    read = _READERS[vocabulary.kind_of(condition.attribute, wanted)]
    left, right = read(value), read(wanted)
    return left is not None and right is not None and _COMPARE[how](left, right)


def _text(value: AttributeValue) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def _number(value: AttributeValue | None) -> float | None:
    """A number, also from text: some attributes that should be numbers hold it."""
    try:
        return None if value is None or isinstance(value, bool) else float(value)
    except ValueError:
        return None


def _moment(value: AttributeValue) -> object | None:
    try:
        return vocabulary.read_moment(str(value))
    except (ValueError, OverflowError):
        return None


_READERS: dict[Kind, Callable[[AttributeValue], Any]] = {
    Kind.STRING: _text,
    Kind.BOOLEAN: lambda value: str(value).lower(),
    Kind.INTEGER: _number,
    Kind.DOUBLE: _number,
    Kind.TIME: _moment,
}


@lru_cache(maxsize=8)
def _relation(area: Query) -> Relation:
    return Relation(area)


def _lies_so(query: Query, product: Product) -> bool:
    """Whether the footprint lies to the area as it has to; none does not."""
    if query.area is None:
        return True
    area = Query(
        area=query.area,
        area_exact=query.area_exact,
        area_relation=query.area_relation,
        area_overlap=query.area_overlap,
    )
    return _relation(area).holds(product)
