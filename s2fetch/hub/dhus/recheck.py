"""What a hub's index found too widely is left out here, by what the products themselves say.

The index finds by words and in any case, and knows footprints by approximation. What a row does not
say (an attribute that is indexed but not shown) is believed to be as the index found it.
"""

from __future__ import annotations

import msgspec

from s2fetch import matching, vocabulary
from s2fetch.hub.dhus.fields import Kind, field_of, kind_of
from s2fetch.product import Product
from s2fetch.query import AreaRelation, Operator, Query

_RESTRICTED_BY = {
    "product_types": "product-type",
    "tiles": "tile",
    "platforms": "platform",
    "baselines": "baseline",
    "relative_orbits": "relative-orbit",
    "orbit_direction": "orbit-direction",
}
"""Fields of a query, and what the vocabulary calls their restriction."""


def is_exact(query: Query) -> bool:
    """Whether the index itself finds just what matches, so that its count can be believed."""
    return query.area_relation is AreaRelation.INTERSECTS and all(
        condition.operator is not Operator.NE
        and kind_of(field_of(query.collection, condition.attribute)) in (Kind.WHOLE, Kind.DECIMAL)
        for condition in query.conditions
    )


def still_matches(query: Query, product: Product) -> bool:
    """Whether a product that the index has found matches, as far as it tells.

    Args:
        query: What was asked for.
        product: With its attributes.
    """
    return matching.matches(_told(query, product), product)


def _told(query: Query, product: Product) -> Query:
    """The query without what the product says nothing about."""
    has = product.attributes
    silent: dict[str, object] = {"modified_from": None}  # the index knows the time of ingestion
    silent |= {
        name: None if name == "orbit_direction" else ()
        for name, restriction in _RESTRICTED_BY.items()
        if vocabulary.attribute_name(query.collection, restriction) not in has
    }
    if "cloudCover" not in has:
        silent["cloud"] = None
    if product.sensing_start is None:
        silent |= {"sensing_from": None, "sensing_to": None}
    if query.area_relation is AreaRelation.INTERSECTS or product.footprint is None:
        silent["area"] = None  # the index is exact enough, and knows the antimeridian
    conditions = tuple(each for each in query.conditions if each.attribute in has)
    if conditions != query.conditions:
        silent["conditions"] = conditions
    return msgspec.structs.replace(query, **silent) if silent else query
