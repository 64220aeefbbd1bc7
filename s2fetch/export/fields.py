"""The fields of a product as columns: its own, and the catalogue's attributes."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import msgspec

from s2fetch.clock import timestamp
from s2fetch.errors import UsageError
from s2fetch.product import Algorithm, AttributeValue, Product
from s2fetch.vocabulary import COLLECTIONS, EVERYWHERE, attributes_of, suggestion

UrlOf = Callable[[Product], str]
"""Where a product is downloaded from, which its hub knows."""
Value = AttributeValue | None


class Field(msgspec.Struct, frozen=True):
    """One column.

    Attributes:
        name: As the user writes it, and its heading.
        value: Of a product; times in ISO 8601, UTC.
        is_attribute: Whether the catalogue has to be asked for attributes.
    """

    name: str
    value: Callable[[Product, UrlOf], Value]
    is_attribute: bool = False


def _digest(algorithm: Algorithm) -> Callable[[Product, UrlOf], Value]:
    def value(product: Product, _: UrlOf) -> Value:
        checksum = product.checksum(algorithm)
        return None if checksum is None else checksum.value

    return value


def _best_checksum(product: Product, _: UrlOf) -> Value:
    return None if product.best_checksum is None else str(product.best_checksum)


def _attribute(name: str) -> Callable[[Product, UrlOf], Value]:
    return lambda product, _: product.attributes.get(name)


def _time(name: str) -> Callable[[Product, UrlOf], Value]:
    return lambda product, _: timestamp(getattr(product, name)) or None


TIMES = ("sensing_start", "sensing_end", "published", "modified", "evicted")
"""Fields that are times."""
OWN = {
    field.name: field
    for field in (
        Field("id", lambda product, _: product.id),
        Field("name", lambda product, _: product.name),
        Field("collection", lambda product, _: product.collection),
        Field("size", lambda product, _: product.size),
        Field("online", lambda product, _: product.online),
        *(Field(name, _time(name)) for name in TIMES),
        Field("checksum", _best_checksum),
        Field("md5", _digest(Algorithm.MD5)),
        Field("blake3", _digest(Algorithm.BLAKE3)),
        Field("cloud_cover", _attribute("cloudCover"), is_attribute=True),
        Field("url", lambda product, url_of: url_of(product)),
        Field("footprint", lambda product, _: product.footprint),
    )
}
"""Fields that every product has."""
FLAT = (
    *("id", "name", "collection", "size", "online", "sensing_start", "sensing_end"),
    *("published", "modified", "evicted", "md5", "blake3", "url"),
)
"""Those that stand beside a geometry and all attributes."""
DEFAULT = (
    *("id", "name", "collection", "size", "online", "sensing_start", "sensing_end"),
    *("published", "modified", "evicted", "checksum", "cloud_cover", "footprint"),
)
"""Columns of a table in a file, unless others are chosen."""

ATTRIBUTES = tuple(
    dict.fromkeys(
        (*(name for collection in COLLECTIONS for name in attributes_of(collection)), *EVERYWHERE)
    )
)
"""Attributes of all collections together."""


def fields_of(names: Sequence[str]) -> tuple[Field, ...]:
    """The fields of these names, in this order; any case will do.

    Raises:
        UsageError: There is no such field; names the nearest.
    """
    own = {name.lower(): field for name, field in OWN.items()}
    attributes = {name.lower(): name for name in ATTRIBUTES}
    found = []
    for name in dict.fromkeys(names):
        wanted = name.strip().lower()
        if wanted in own:
            found.append(own[wanted])
        elif wanted in attributes:
            spelling = attributes[wanted]
            found.append(Field(spelling, _attribute(spelling), is_attribute=True))
        else:
            raise UsageError(
                f"{name!r} is no field of a product", advice=suggestion(name, (*OWN, *ATTRIBUTES))
            )
    return tuple(found)


def flattened(product: Product, url_of: UrlOf) -> Mapping[str, Value]:
    """All fields but the footprint, and all attributes beside them, as plain values."""
    values = {name: OWN[name].value(product, url_of) for name in FLAT}
    for name, value in product.attributes.items():
        values.setdefault(name, value)
    return values
