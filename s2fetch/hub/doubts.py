"""Why nothing matches: a misspelt value finds nothing, and hubs do not say so."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterator

from s2fetch.query import Condition, Operator, Query
from s2fetch.vocabulary import Kind, attribute_name, kind_of, type_attribute


async def explain(query: Query, has_any: Callable[[Query], Awaitable[bool]]) -> str:
    """What a query asks for that the hub has none of in the whole collection; empty for nothing.

    Args:
        query: Found nothing.
        has_any: Whether the hub lists anything for another query.
    """
    if not query.collection:
        return ""
    for condition in _doubtful(query):
        if not await has_any(Query(collection=query.collection, conditions=(condition,), limit=1)):
            values = " or ".join(str(value) for value in condition.values)
            of_type = condition.attribute == type_attribute(query.collection)
            what = f"of type {values}" if of_type else f"whose {condition.attribute} is {values}"
            return f"the hub has no product {what} in {query.collection}"
    return ""


def _doubtful(query: Query) -> Iterator[Condition]:
    """What a query wants text to be."""
    for product_type in query.product_types:
        yield Condition(type_attribute(query.collection), Operator.EQ, (product_type,))
    if query.baselines:
        name = attribute_name(query.collection, "baseline")
        yield Condition(name, Operator.EQ, query.baselines)
    for condition in query.conditions:
        kinds = {kind_of(condition.attribute, value) for value in condition.values}
        if condition.operator is Operator.EQ and kinds == {Kind.STRING}:
            yield condition
