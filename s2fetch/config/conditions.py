"""Conditions on attributes, from the settings that restrict them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from s2fetch import vocabulary
from s2fetch.config import restrictions as r
from s2fetch.config import selection as s
from s2fetch.config.given import Values
from s2fetch.config.setting import Setting
from s2fetch.errors import QueryError
from s2fetch.query import Condition, Operator

MOST_ORBITS = 2000
"""Orbits that a list of numbers and ranges may come to; one range alone may be of any length."""

_FIELDS = (*(s.CLOUD, s.RELATIVE_ORBIT, s.ORBIT_DIRECTION, s.TILE, s.PLATFORM, s.BASELINE),)
_WORDS = (
    *(r.POLARISATION, r.SWATH, r.TIMELINESS, r.PROCESSING_LEVEL, r.PROCESSING_MODE),
    *(r.SENSOR_MODE, r.PROCESSOR_VERSION),
)


def read_collection(values: Values, hub_query: str) -> str:
    """The collection; empty when the user left it to the query in the hub's own language.

    Without either it is the one that has the product types, when only one has all of them.
    """
    if not values.given(s.COLLECTION):
        if vocabulary.restricts_collection(hub_query):
            return ""
        only = vocabulary.collection_of_types(values.find(s.PRODUCT_TYPE) or ())
        if only:
            return only
    collection = values.get(s.COLLECTION)
    try:
        return vocabulary.check_collection(collection)
    except QueryError as error:
        values.wrong(s.COLLECTION, error)
        return collection


def read_hub_query(values: Values) -> str:
    """What is asked in the hub's own language; empty for nothing."""
    text = values.find(r.QUERY)
    try:
        return vocabulary.read_hub_query(text) if text else ""
    except QueryError as error:
        values.wrong(r.QUERY, error)
        return ""


def read_conditions(values: Values, collection: str) -> tuple[Condition, ...]:
    """Everything that restricts an attribute and has no field of its own in a query.

    What has one is only checked here: the collection has to have an attribute for it.
    """
    for setting in _FIELDS:
        if values.given(setting):
            _attribute(values, setting, collection)
    found = list(_orbits(values, collection))
    for setting in _WORDS:
        texts = values.find(setting)
        if texts and (name := _attribute(values, setting, collection)):
            stored = _stored(values, setting, collection, texts)
            if stored:
                found.append(Condition(name, Operator.EQ, stored))
    for text in values.find(r.WHERE) or ():
        try:
            found.append(vocabulary.parse_where(text, collection))
        except QueryError as error:
            values.wrong(r.WHERE, error)
    return tuple(dict.fromkeys(found))


def _attribute(values: Values, setting: Setting[object], collection: str) -> str | None:
    try:
        return vocabulary.attribute_for(collection, setting.name)
    except QueryError as error:
        values.wrong(setting, error)
        return None


def _stored(
    values: Values, setting: Setting[object], collection: str, texts: Sequence[str]
) -> tuple[str, ...]:
    stored: list[str] = []
    for text in texts:
        try:
            stored += vocabulary.stored_values(collection, setting.name, text)
        except QueryError as error:
            values.wrong(setting, error)
    return tuple(dict.fromkeys(stored))


def _orbits(values: Values, collection: str) -> Iterator[Condition]:
    """One range as its two ends, anything else as all its numbers: conditions have no "or"."""
    spans = values.find(r.ORBIT)
    name = _attribute(values, r.ORBIT, collection) if spans else None
    if not spans or not name:
        return
    merged = _merged(spans)
    if len(merged) == 1:
        ((first, last),) = merged
        if first == last:
            yield Condition(name, Operator.EQ, (first,))
        else:
            yield Condition(name, Operator.GE, (first,))
            yield Condition(name, Operator.LE, (last,))
        return
    total = sum(last - first + 1 for first, last in merged)
    if total > MOST_ORBITS:
        advice = f"Give one range, or at most {MOST_ORBITS:,} orbits, and run once for each"
        values.wrong(r.ORBIT, QueryError(f"these are {total:,} orbits", advice=advice))
        return
    numbers = tuple(n for first, last in merged for n in range(first, last + 1))
    yield Condition(name, Operator.EQ, numbers)


def _merged(spans: Sequence[tuple[int, int]]) -> list[tuple[int, int]]:
    """Spans in order, those that touch or overlap joined."""
    merged: list[tuple[int, int]] = []
    for first, last in sorted(spans):
        if merged and first <= merged[-1][1] + 1:
            merged[-1] = (merged[-1][0], max(merged[-1][1], last))
        else:
            merged.append((first, last))
    return merged
