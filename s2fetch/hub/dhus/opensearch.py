"""Queries written for a hub's OpenSearch: the ``q`` of a search and its order.

What cannot be asked exactly is asked too widely: a field of words finds ``VV VH`` for ``VV``, a
footprint that touches the area is found where it should contain it. `recheck` leaves these out.
Source: the software's published code, and its user guide's full-text search.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from urllib.parse import quote_plus

import msgspec

from s2fetch import vocabulary
from s2fetch.errors import QueryError
from s2fetch.hub.dhus import solr
from s2fetch.hub.dhus.fields import (
    PLATFORM_NAMES,
    Kind,
    field_of,
    is_in_names,
    kind_of,
    possible_collections,
)
from s2fetch.hub.odata import Axis, Bounds, periods_of
from s2fetch.hub.parts import halves
from s2fetch.product import AttributeValue
from s2fetch.query import Condition, Operator, Query

MOST_CHARACTERS = 3800
"""Longest ``q``, percent-encoded: the index refuses requests from about 3,900 up."""

EVERYTHING = "*"
TIMES = {Axis.SENSING: "beginposition", Axis.PUBLICATION: "ingestiondate"}
"""The fields of the times that a listing can be ordered by."""

_RADAR_WORDS = ("SLC", "GRD", "OCN", "RAW")
_RADAR_TYPE = re.compile(r"[A-Z0-9]{2}_(SLC|GRD|OCN|RAW)[A-Z_]_[012A_][A-Z_]")


def text_of(query: Query, windows: Mapping[Axis, Bounds] | None = None) -> str:
    """The whole ``q`` of a query, within windows when given.

    A window on an axis replaces the query's own period there, which it must lie in.
    """
    bounds = {**periods_of(query), **(windows or {})}
    periods = (solr.period(TIMES[axis], each) for axis, each in bounds.items())
    conditions = [*_restrictions(query), *filter(None, periods)]
    return solr.all_of(conditions) or EVERYTHING


def order_of(axis: Axis, *, descending: bool) -> str:
    """``orderby`` along an axis; by identifier where the time is the same, so that pages fit."""
    direction = "desc" if descending else "asc"
    return f"{TIMES[axis]} {direction},uuid {direction}"


def encoded(text: str) -> str:
    """Percent-encoded for a query string (application/x-www-form-urlencoded)."""
    return quote_plus(text, safe="*", errors="replace").replace("~", "%7E")


def parts_of(query: Query) -> list[Query]:
    """Queries that match the same together, none twice, each short enough to be asked.

    Raises:
        QueryError: If one value of everything is too long still.
    """
    length = len(encoded(text_of(query, _LONGEST_WINDOWS)))
    if length <= MOST_CHARACTERS:
        return [query]
    cut = _halves(query)
    if cut is None:
        raise QueryError(
            f"the query is too long for this hub: {length} characters, of which it reads "
            f"{MOST_CHARACTERS}",
            advice="Give an area with fewer corners, or a shorter query in the hub's language",
        )
    return [part for half in cut for part in parts_of(half)]


_FIRST = datetime(1000, 1, 1, tzinfo=UTC)
_LISTS = (
    *("product_types", "tiles", "relative_orbits", "platforms", "baselines"),
    *("names", "ids"),
)
_LONGEST_WINDOWS = {axis: Bounds(_FIRST, _FIRST) for axis in Axis}


def _halves(query: Query) -> tuple[Query, Query] | None:
    """The query cut in two by that of its lists which makes it longest."""
    if query.names and query.ids:
        # Either of the two may match, so that neither can be cut while the other stays.
        return (
            msgspec.structs.replace(query, ids=()),
            msgspec.structs.replace(query, names=()),
        )
    return halves(query, _LISTS)


def _restrictions(query: Query) -> list[str]:
    """All conditions of a query but its periods."""
    conditions: list[str] = []

    def one_of(some: Iterable[str]) -> None:
        alternatives = list(some)
        if alternatives and all(alternatives):
            conditions.append(solr.any_of(alternatives))

    collection = query.collection
    if collection:
        names = PLATFORM_NAMES.get(collection, (collection.title(),))
        one_of(solr.equal("platformname", name) for name in names)
    one_of(_product_type(collection, name) for name in query.product_types)
    one_of(_tile(tile) for tile in query.tiles)
    one_of(_platform(unit) for unit in query.platforms)
    one_of(_baseline(collection, baseline) for baseline in query.baselines)
    one_of(solr.equal("relativeorbitnumber", str(orbit)) for orbit in query.relative_orbits)
    if query.orbit_direction:
        conditions.append(solr.equal("orbitdirection", query.orbit_direction))
    if query.cloud is not None:
        least, most = (solr.number(percent) for percent in query.cloud)
        conditions.append(solr.between("cloudcoverpercentage", least, most))
    for condition in query.conditions:
        one_of(_condition(each, condition) for each in possible_collections(collection))
    named = [solr.equal("filename", name) for name in query.names]
    one_of([*named, *(solr.equal("uuid", one) for one in query.ids)])
    if query.modified_from is not None:
        # The index has no time of modification: what is new is found, what has changed is not.
        conditions.append(solr.period("ingestiondate", Bounds(query.modified_from, None)))
    if query.area is not None:
        spatial = f"Intersects({query.area}) distErrPct=0"
        conditions.append(solr.equal("footprint", spatial))
    if query.hub_query:
        conditions.append(f"({query.hub_query})")
    return conditions


def _product_type(collection: str, name: str) -> str:
    """Sentinel-1 has short types here; what they leave out is in the names of the products."""
    word, cog, _ = name.partition("-COG")
    is_type = _RADAR_TYPE.fullmatch(word) is not None
    if collection not in ("", "SENTINEL-1") or not (is_type or word in _RADAR_WORDS):
        return solr.equal("producttype", name)
    kind = f"filename:S1?_{solr.literal(word)}*" if is_type else solr.equal("producttype", word)
    if "GRD" not in word:
        return kind
    return f"({kind} AND {'' if cog else 'NOT '}filename:*_COG*)"


def _tile(tile: str) -> str:
    """Many products have no ``tileid``, but all of one tile have it in their names."""
    return f"({solr.equal('tileid', tile)} OR filename:*_T{solr.literal(tile)}_*)"


def _platform(unit: str) -> str:
    """By the name: not every product has the unit of its platform as a field."""
    return f"filename:S?{solr.literal(unit)}_*"


def _baseline(collection: str, baseline: str) -> str:
    listed = solr.equal("processingbaseline", baseline)
    if collection not in ("", "SENTINEL-2"):
        return listed
    return f"({listed} OR filename:*_N{solr.literal(baseline.replace('.', ''))}_*)"


def _condition(collection: str, condition: Condition) -> str:
    """What the index can be asked of a condition; empty when that is nothing."""
    attribute, values = condition.attribute, condition.values
    field = field_of(collection, attribute)
    if condition.operator is Operator.EQ:
        return solr.any_of(_equal(collection, attribute, field, value) for value in values)
    if is_in_names(collection, attribute):
        return ""
    if condition.operator is Operator.NE:
        if kind_of(field) in (Kind.EXACT, Kind.WHOLE):
            equal = [_equal(collection, attribute, field, value) for value in values]
            return f"({solr.exists(field)} AND NOT {' AND NOT '.join(equal)})"
        return solr.exists(field)
    return _compared(field, condition.operator, values[0])


def _equal(collection: str, attribute: str, field: str, value: AttributeValue) -> str:
    """At least what has the value: of fields of words, all that have its words."""
    text = _plain(value)
    if attribute == "productType":
        return _product_type(collection, text)
    if attribute == "tileId":
        return _tile(text)
    if attribute == "platformSerialIdentifier":
        return _platform(text)
    if field == "processingbaseline":
        return _baseline(collection, text)
    if attribute == "polarisationChannels":
        words = (solr.equal(field, word) for word in text.split("&"))
        return f"({solr.all_of(words)})"
    if kind_of(field) in (Kind.WHOLE, Kind.DECIMAL, Kind.TIME):
        return _compared(field, Operator.EQ, value)
    written = vocabulary.SYNONYMS.get((collection, attribute), {}).get(text, (text,))
    return solr.any_of(solr.equal(field, each) for each in written)


def _compared(field: str, operator: Operator, value: AttributeValue) -> str:
    """A comparison where the index compares as people do; else only that there is a value."""
    kind = kind_of(field)
    if kind is Kind.TIME:
        return _compared_time(field, operator, value)
    number = _number(value)
    if number is None or kind not in (Kind.WHOLE, Kind.DECIMAL):
        return solr.exists(field)
    if kind is Kind.WHOLE:
        return _compared_whole(field, operator, number)
    written = solr.number(number)
    if operator in (Operator.LT, Operator.GT):
        ends = ("*", written) if operator is Operator.LT else (written, "*")
        return solr.beyond(field, *ends)
    least_end = written if operator in (Operator.EQ, Operator.GE) else "*"
    most_end = written if operator in (Operator.EQ, Operator.LE) else "*"
    return solr.between(field, least_end, most_end)


def _compared_whole(field: str, operator: Operator, number: float) -> str:
    """Whole numbers next to any number; none equals a fraction, so nothing is in that range."""
    up, down = math.ceil(number), math.floor(number)
    least = {Operator.GE: up, Operator.GT: down + 1, Operator.EQ: up}.get(operator, "*")
    most = {Operator.LE: down, Operator.LT: up - 1, Operator.EQ: down}.get(operator, "*")
    return solr.between(field, least, most)


def _compared_time(field: str, operator: Operator, value: AttributeValue) -> str:
    try:
        time = datetime.fromisoformat(str(value))
    except ValueError:
        return solr.exists(field)
    time = time if time.tzinfo else time.replace(tzinfo=UTC)
    # A millisecond too much on either side: what is in between is left out afterwards.
    start, end = time - solr.MILLISECOND, time + 2 * solr.MILLISECOND
    if operator in (Operator.LT, Operator.LE):
        return solr.period(field, Bounds(None, end))
    if operator in (Operator.GT, Operator.GE):
        return solr.period(field, Bounds(start, None))
    return solr.period(field, Bounds(start, end))


def _number(value: AttributeValue) -> float | None:
    try:
        return None if isinstance(value, bool) else float(value)
    except ValueError:
        return None


def _plain(value: AttributeValue) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    return solr.number(value) if isinstance(value, float) else str(value)
