"""Queries in parts: what hubs cannot be asked at a time, because the text would be too long."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TypeVar

import msgspec

from s2fetch.hub.odata import axis_of, periods_of
from s2fetch.hub.window import Window
from s2fetch.product import AttributeValue
from s2fetch.query import Operator, Query

T = TypeVar("T")
_OVERHEAD = 20
"""Characters that a value costs about, besides its own."""


def whole_listing(query: Query) -> Window:
    """All of a query's listing, as one window."""
    return Window.around(axis_of(query), periods_of(query))


def halves(query: Query, fields: Sequence[str]) -> tuple[Query, Query] | None:
    """The query with either half of its longest list of values; None where there is none.

    The two have no match in common as long as a product has one of the values only.

    Args:
        query: To be cut.
        fields: Of its lists, those that may be; its conditions may be, too.
    """
    replace = msgspec.structs.replace
    cuts: list[tuple[int, Query, Query]] = []
    for field in fields:
        values = tuple(dict.fromkeys(getattr(query, field)))
        few, rest = _cut(values)
        cuts.append(
            (_length(values), replace(query, **{field: few}), replace(query, **{field: rest}))
        )
    for place, condition in enumerate(query.conditions):
        values = tuple(dict.fromkeys(condition.values))
        if condition.operator is Operator.EQ:
            both = [_with_condition(query, place, some) for some in _cut(values)]
            cuts.append((_length(values), both[0], both[1]))
    length, first, second = max(cuts, key=lambda cut: cut[0], default=(0, query, query))
    return (first, second) if length else None


def batches(items: Sequence[T], size: int) -> Iterator[Sequence[T]]:
    """So many of them at a time."""
    for start in range(0, len(items), size):
        yield items[start : start + size]


def _with_condition(query: Query, place: int, values: tuple[AttributeValue, ...]) -> Query:
    conditions = list(query.conditions)
    conditions[place] = msgspec.structs.replace(conditions[place], values=values)
    return msgspec.structs.replace(query, conditions=tuple(conditions))


def _cut(values: tuple[T, ...]) -> tuple[tuple[T, ...], tuple[T, ...]]:
    half = len(values) // 2
    return values[:half], values[half:]


def _length(values: Sequence[object]) -> int:
    """How much there is to gain; nothing where there are not two values."""
    return sum(len(str(value)) + _OVERHEAD for value in values) if len(values) > 1 else 0
