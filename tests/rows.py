"""Catalogue rows and products of any mission, made from their names."""

from __future__ import annotations

import uuid
from datetime import timedelta
from typing import Any

from s2fetch import naming
from s2fetch.embedded.entry import Entry, hub_time
from s2fetch.product import Product


def said_by(name: str) -> naming.ProductName:
    """The parts of a name that has to be understood."""
    found = naming.parse(name)
    assert found is not None, name
    return found


def entry_of(name: str, **changes: Any) -> Entry:
    """What a catalogue lists about the product of this name, unless changed."""
    said = said_by(name)
    start = hub_time(said.sensing_start)
    published = hub_time((said.created or said.sensing_start) + timedelta(hours=1))
    listed: dict[str, Any] = {
        "id": str(uuid.uuid5(uuid.NAMESPACE_URL, name)),
        "name": name,
        "collection": said.collection,
        "sensing_start": start,
        "sensing_end": hub_time(said.sensing_end or said.sensing_start),
        "origin_date": published,
        "publication_date": published,
        "modification_date": published,
    }
    return Entry(**(listed | changes))


def product_of(name: str, **changes: Any) -> Product:
    """The product of this name, unless changed."""
    said = said_by(name)
    known: dict[str, Any] = {
        "id": str(uuid.uuid5(uuid.NAMESPACE_URL, name)),
        "name": name,
        "collection": said.collection,
        "sensing_start": said.sensing_start,
        "sensing_end": said.sensing_end or said.sensing_start,
        "published": (said.created or said.sensing_start) + timedelta(hours=1),
    }
    return Product(**(known | changes))
