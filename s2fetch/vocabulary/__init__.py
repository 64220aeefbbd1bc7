"""The words the Copernicus Data Space catalogue knows, so that a typo never finds nothing.

Collections, product types, attributes, and what they may be; one module for each. Every check takes
any case and returns the catalogue's spelling. Sources are named in the modules.
"""

from __future__ import annotations

from s2fetch.vocabulary.attributes import (
    EVERYWHERE,
    Kind,
    attributes_of,
    check_attribute,
    kind_of,
    read_moment,
)
from s2fetch.vocabulary.checks import (
    ORBIT_DIRECTIONS,
    check_baseline,
    check_name,
    check_orbit_direction,
    check_platform,
    check_relative_orbit,
    check_tile,
)
from s2fetch.vocabulary.hub_query import read_hub_query, restricts_collection
from s2fetch.vocabulary.missions import (
    COLLECTIONS,
    PLATFORMS,
    RELATIVE_ORBITS,
    TITLES,
    check_collection,
)
from s2fetch.vocabulary.product_types import (
    GROUPS,
    PRODUCT_TYPES,
    check_product_type,
    collection_of_types,
    is_of_type,
    short_forms,
    type_attribute,
)
from s2fetch.vocabulary.restrictions import (
    RESTRICTIONS,
    attribute_for,
    attribute_name,
    restrictions_of,
    stored_values,
    values_of,
)
from s2fetch.vocabulary.synonyms import SYNONYMS, in_catalogue
from s2fetch.vocabulary.where import parse_where
from s2fetch.vocabulary.words import nearest, suggestion

__all__ = [
    "COLLECTIONS",
    "EVERYWHERE",
    "GROUPS",
    "ORBIT_DIRECTIONS",
    "PLATFORMS",
    "PRODUCT_TYPES",
    "RELATIVE_ORBITS",
    "RESTRICTIONS",
    "SYNONYMS",
    "TITLES",
    "Kind",
    "attribute_for",
    "attribute_name",
    "attributes_of",
    "check_attribute",
    "check_baseline",
    "check_collection",
    "check_name",
    "check_orbit_direction",
    "check_platform",
    "check_product_type",
    "check_relative_orbit",
    "check_tile",
    "collection_of_types",
    "in_catalogue",
    "is_of_type",
    "kind_of",
    "nearest",
    "parse_where",
    "read_hub_query",
    "read_moment",
    "restrictions_of",
    "restricts_collection",
    "short_forms",
    "stored_values",
    "suggestion",
    "type_attribute",
    "values_of",
]
