"""What a collection has, for people and for programs."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from textwrap import wrap

import msgspec

from s2fetch import vocabulary as v


class TypeText(msgspec.Struct, frozen=True):
    """A product type, or a word for several.

    Attributes:
        name: As the catalogue has it.
        short: What else may be written for it.
        group: Whether it stands for several types.
    """

    name: str
    short: tuple[str, ...] = ()
    group: bool = False


class AttributeText(msgspec.Struct, frozen=True):
    """An attribute.

    Attributes:
        name: As the catalogue has it.
        type: ``String``, ``Integer``, ``Double``, ``DateTimeOffset`` or ``Boolean``.
        options: Which restrict it; with none, ``--where`` does.
        values: All it can be, when there is a closed list.
    """

    name: str
    type: str
    options: tuple[str, ...] = ()
    values: tuple[str, ...] = ()


class CollectionText(msgspec.Struct, frozen=True):
    """A collection.

    Attributes:
        collection: As the catalogue has it.
        title: What it holds.
        types: Its product types as far as they are known; empty where any is accepted.
        attributes: Its attributes; empty where any is accepted.
    """

    collection: str
    title: str
    types: tuple[TypeText, ...]
    attributes: tuple[AttributeText, ...]


def described(collection: str) -> CollectionText:
    """What s2fetch knows about a collection."""
    types = v.PRODUCT_TYPES.get(collection, ())
    return CollectionText(
        collection=collection,
        title=v.TITLES[collection],
        types=(
            *(TypeText(group, group=True) for group in v.GROUPS.get(collection, {})),
            *(TypeText(name, v.short_forms(collection, name)) for name in types),
        ),
        attributes=tuple(
            AttributeText(name, kind.value, *_restricted(collection, name))
            for name, kind in v.attributes_of(collection).items()
        ),
    )


def lines(found: CollectionText) -> list[str]:
    """A line for each type and attribute, with tabs between; one for a collection with neither."""
    every: list[tuple[str, ...]] = [
        ("type", one.name, "group" if one.group else ",".join(one.short)) for one in found.types
    ]
    every += [
        ("attribute", one.name, one.type, ",".join(one.options), ",".join(one.values))
        for one in found.attributes
    ]
    return ["\t".join((found.collection, *cells)) for cells in every] or [found.collection]


def collections_table(found: Sequence[CollectionText]) -> str:
    """The collections, with how much is known of each."""
    rows = [("COLLECTION", "TYPES", "ATTRIBUTES", "WHAT")]
    rows += [
        (one.collection, _number(one.types), _number(one.attributes), one.title) for one in found
    ]
    return "\n".join(
        (*_aligned(rows), "", "s2fetch products COLLECTION lists its types and attributes.")
    )


def tables(found: CollectionText) -> str:
    """The types and the attributes of one collection."""
    parts = [f"{found.collection}: {found.title}", ""]
    if found.types:
        rows = [("PRODUCT TYPE", "OR SHORT")]
        rows += [
            (one.name, "several types" if one.group else ", ".join(one.short))
            for one in found.types
        ]
        parts += [*_aligned(rows), ""]
    else:
        parts += ["Any product type is accepted.", ""]
    if found.attributes:
        head = ("ATTRIBUTE", "TYPE", "OPTION", "VALUES")
        parts += _aligned([head, *(_attribute_row(one) for one in found.attributes)])
    else:
        parts.append("Any attribute is accepted, with the type of its value.")
    return "\n".join(parts)


def _restricted(collection: str, name: str) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """The options that restrict an attribute, and the values it can have."""
    serving = [
        restriction
        for restriction in v.restrictions_of(collection)
        if v.attribute_name(collection, restriction) == name
    ]
    values = (v.values_of(collection, restriction) for restriction in serving)
    return tuple(f"--{one}" for one in serving), next((some for some in values if some), ())


def _attribute_row(one: AttributeText) -> tuple[str, ...]:
    return (one.name, one.type, ", ".join(one.options), ", ".join(one.values))


def _number(known: Sequence[object]) -> str:
    return str(len(known)) if known else "any"


def _aligned(rows: Sequence[tuple[str, ...]]) -> list[str]:
    """Rows in columns; the last one is wrapped to the width of the terminal."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)][:-1]
    indent = sum(widths) + 2 * len(widths)
    room = max(20, shutil.get_terminal_size().columns - indent)
    aligned: list[str] = []
    for row in rows:
        head = "".join(f"{cell:<{width}}  " for cell, width in zip(row, widths, strict=False))
        first, *more = wrap(row[-1], room) or [""]
        aligned.append(f"{head}{first}".rstrip())
        aligned += [f"{'':<{indent}}{rest}" for rest in more]
    return aligned
