"""What a hub's index found too widely is left out here, by what the products themselves say.

The index finds by words and in any case, and knows footprints by approximation. What a row does not
say (an attribute that is indexed but not shown) is believed to be as the index found it.
"""

from __future__ import annotations

import msgspec

from s2fetch import matching, vocabulary
from s2fetch.area import relation
from s2fetch.hub.dhus.fields import (
    Kind,
    field_of,
    is_in_names,
    kind_of,
    possible_collections,
)
from s2fetch.product import Product
from s2fetch.query import Condition, Operator, Query

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
    """Whether the index itself finds just what matches, so that its count can be believed.

    A product may have one of the names and one of the identifiers; in parts it would count twice.
    """
    if query.names and query.ids:
        return False
    return not relation.is_needed(query) and all(
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
    # The index knows the time of ingestion; other times of a row may come from elsewhere.
    ingested = ("modified_from", "published_from", "published_to")
    silent: dict[str, object] = dict.fromkeys(ingested)
    silent |= {
        name: None if name == "orbit_direction" else ()
        for name, restriction in _RESTRICTED_BY.items()
        if vocabulary.attribute_name(query.collection, restriction) not in product.attributes
    }
    if "cloudCover" not in product.attributes:
        silent["cloud"] = None
    if product.sensing_start is None:
        silent |= {"sensing_from": None, "sensing_to": None}
    if not relation.is_needed(query) or product.footprint is None:
        silent["area"] = None  # the index is exact enough, and knows the antimeridian
    conditions = tuple(
        each for each in query.conditions if _is_told(each, query.collection, product)
    )
    if conditions != query.conditions:
        silent["conditions"] = conditions
    return msgspec.structs.replace(query, **silent) if silent else query


def _is_told(condition: Condition, collection: str, product: Product) -> bool:
    """Whether a product decides a condition, or the index has not been asked to decide it.

    It is not when the attribute is read from names in any mission that the query is about.
    """
    attribute = condition.attribute
    in_names = any(is_in_names(each, attribute) for each in possible_collections(collection))
    asked = condition.operator is Operator.EQ or not in_names
    return attribute in product.attributes or not asked
