"""The selection: settings checked against the catalogue's vocabulary, and the area of interest."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

import msgspec

from s2fetch import vocabulary
from s2fetch.config import selection as s
from s2fetch.config.conditions import read_collection, read_conditions, read_hub_query
from s2fetch.config.given import Given, Values
from s2fetch.config.setting import Setting
from s2fetch.errors import QueryError, UsageError
from s2fetch.lists import STDIN, ProductList, read_list, read_names
from s2fetch.naming import collection_of
from s2fetch.query import AreaRelation, Query
from s2fetch.units import moves

if TYPE_CHECKING:
    from s2fetch.area import Area

_TIMES: Mapping[str, Setting[object]] = {
    "sensing_from": s.FROM,
    "sensing_to": s.TO,
    "published_from": s.PUBLISHED_FROM,
    "published_to": s.PUBLISHED_TO,
}
"""The settings that are times, by their field of `Query`."""
AREAS = (s.BOX, s.WKT, s.AREA_FILE, s.AREA_TILE, s.AREA_PRODUCT)
"""The settings that each give the area of interest; there can only be one."""

T = TypeVar("T")
R = TypeVar("R")


class Read(msgspec.Struct, frozen=True):
    """What the selection says.

    Attributes:
        query: Its area is open still when it is that of a product in the catalogue.
        area_notes: What was done to the area of interest.
        area_product: The name of the product whose footprint is the area of interest, if any.
        moving: As `Config.moving`.
    """

    query: Query
    area_notes: tuple[str, ...] = ()
    area_product: str | None = None
    moving: Mapping[str, str] = {}


def read_query(values: Values) -> Read:
    """The query. Mistakes go to the values' own list."""
    hub_query = read_hub_query(values)
    begin = values.find(s.FROM)
    products = _products(values, begin if isinstance(begin, Path) else None)
    collection = _collection(values, products, hub_query)
    policy, streams = values.get(s.VERSIONS)
    direction = _checked(values, s.ORBIT_DIRECTION, vocabulary.check_orbit_direction)
    query = Query(
        collection=collection,
        product_types=_each(
            values, s.PRODUCT_TYPE, partial(vocabulary.check_product_type, collection)
        ),
        sensing_from=begin if isinstance(begin, datetime) else None,
        sensing_to=values.find(s.TO),
        published_from=values.find(s.PUBLISHED_FROM),
        published_to=values.find(s.PUBLISHED_TO),
        area_relation=values.get(s.AREA_RELATION),
        area_overlap=values.get(s.AREA_OVERLAP),
        cloud=values.find(s.CLOUD),
        relative_orbits=_each(
            values, s.RELATIVE_ORBIT, partial(vocabulary.check_relative_orbit, collection)
        ),
        orbit_direction=direction,
        tiles=_each(values, s.TILE, vocabulary.check_tile),
        platforms=_each(
            values, s.PLATFORM, lambda name: vocabulary.check_platform(name, collection)
        ),
        baselines=_each(
            values, s.BASELINE, lambda name: vocabulary.check_baseline(name, collection)
        ),
        conditions=read_conditions(values, collection),
        hub_query=hub_query,
        names=products.names,
        ids=products.ids,
        versions=policy,
        streams=streams,
        limit=values.find(s.LIMIT),
        order=values.get(s.ORDER_BY),
        newest_first=values.get(s.NEWEST_FIRST),
    )
    _check_period(values, s.FROM, s.TO, query.sensing_from, query.sensing_to)
    _check_period(
        values, s.PUBLISHED_FROM, s.PUBLISHED_TO, query.published_from, query.published_to
    )
    read = _with_area_of(values, query)
    return msgspec.structs.replace(read, moving=_moving(values))


def _moving(values: Values) -> dict[str, str]:
    """What was written for those times that depend on when they are asked for."""
    now = values.context.now
    given = {field: values.given(setting) for field, setting in _TIMES.items()}
    return {
        field: each.raw
        for field, each in given.items()
        if each is not None and isinstance(each.raw, str) and moves(each.raw, now)
    }


def _check_period(
    values: Values,
    first: Setting[object],
    last: Setting[object],
    start: datetime | None,
    end: datetime | None,
) -> None:
    """A period that ends before it begins is a mistake of its end."""
    if start and end and end <= start:
        told = (
            f"{each.name} ({time:%Y-%m-%dT%H:%M:%SZ})"
            for each, time in ((last, end), (first, start))
        )
        values.wrong(last, QueryError(" must be later than ".join(told)))


def _checked(values: Values, setting: Setting[T], check: Callable[[T], R]) -> R | None:
    value = values.find(setting)
    if value is None:
        return None
    try:
        return check(value)
    except QueryError as error:
        values.wrong(setting, error)
        return None


def _each(
    values: Values, setting: Setting[tuple[T, ...]], check: Callable[[T], R]
) -> tuple[R, ...]:
    """Every item checked; each wrong one is a mistake of its own."""
    checked: list[R] = []
    for item in values.find(setting) or ():
        try:
            checked.append(check(item))
        except QueryError as error:
            values.wrong(setting, error)
    return tuple(dict.fromkeys(checked))


def _highest(values: Values, settings: Iterable[Setting[object]]) -> tuple[Given, ...]:
    """What was given of several settings that replace each other, from the highest rank only."""
    given = [g for setting in settings if (g := values.given(setting))]
    top = max((g.rank for g in given), default=None)
    return tuple(g for g in given if g.rank == top)


def _with_area_of(values: Values, query: Query) -> Read:
    """The query with the area that was given, if any."""
    given = _highest(values, AREAS)
    if not given:
        advice = f"Give an area: {', '.join(setting.name for setting in AREAS)}"
        for about, asked in (
            (s.AREA_RELATION, query.area_relation is not AreaRelation.INTERSECTS),
            (s.AREA_OVERLAP, query.area_overlap > 0),
        ):
            if asked:
                error = UsageError("there is no area of interest to relate to", advice=advice)
                values.wrong(about, error)
        return Read(query)
    setting = next(x for x in AREAS if values.given(x) is given[0])
    if len(given) > 1:
        places = " and ".join(g.place for g in given)
        values.wrong(setting, UsageError(f"there can only be one area of interest, not {places}"))
        return Read(query)
    try:
        area = _area(values, setting)
        if isinstance(area, str):
            return Read(query, area_product=vocabulary.check_name(area))
    except UsageError as error:
        values.wrong(setting, error)
        area = None
    return Read(query) if area is None else Read(area.applied_to(query), area.notes)


def _area(values: Values, setting: Setting[object]) -> Area | str | None:
    """The area, or the name of a product whose footprint it is; None when it was mistaken."""
    from s2fetch import area

    if setting is s.BOX:
        box = values.find(s.BOX)
        return None if box is None else area.from_box(box)
    if setting is s.WKT:
        wkt = values.find(s.WKT)
        return None if wkt is None else area.from_wkt(wkt)
    if setting is s.AREA_FILE:
        paths = values.find(s.AREA_FILE)
        return None if paths is None else area.from_files(paths)
    if setting is s.AREA_TILE:
        tiles = _each(values, s.AREA_TILE, vocabulary.check_tile)
        return area.from_tiles(tiles) if tiles else None
    product = values.find(s.AREA_PRODUCT)
    return area.from_product(product) if isinstance(product, Path) else product


def _products(values: Values, of_from: Path | None) -> ProductList:
    """What all lists name; options replace everything that the configuration file lists.

    Args:
        values: Of the settings.
        of_from: The list that ``from`` is, if it is one.
    """
    lists = (s.NAME, s.NAMES_FILE, s.ID, s.FROM_LIST, *((s.FROM,) if of_from else ()))
    given = _highest(values, lists)
    found: list[ProductList] = []
    if values.given(s.NAME) in given:
        found.append(ProductList(names=_each(values, s.NAME, vocabulary.check_name)))
    if values.given(s.ID) in given:
        found.append(ProductList(ids=values.find(s.ID) or ()))
    stdin_taken_by = ""
    for setting, read in (
        (s.NAMES_FILE, read_names),
        (s.FROM_LIST, read_list),
        (s.FROM, read_list),
    ):
        if values.given(setting) not in given:
            continue
        path = of_from if setting is s.FROM else _path(values, setting)
        if path == STDIN and stdin_taken_by:
            twice = f"standard input can only be read once, and {stdin_taken_by} reads it too"
            values.wrong(setting, UsageError(twice))
        elif path is not None:
            found += _read(values, setting, partial(read, path))
        stdin_taken_by = setting.name if path == STDIN else stdin_taken_by
    names = dict.fromkeys(name for some in found for name in some.names)
    return ProductList(tuple(names), tuple(dict.fromkeys(i for some in found for i in some.ids)))


def _path(values: Values, setting: Setting[object]) -> Path | None:
    path = values.find(setting)
    return path if isinstance(path, Path) else None


def _read(
    values: Values, setting: Setting[object], read: Callable[[], ProductList]
) -> list[ProductList]:
    try:
        return [read()]
    except UsageError as error:
        values.wrong(setting, error)
        return []


def _collection(values: Values, products: ProductList, hub_query: str) -> str:
    """The one that was given; else that of the products that were named, empty for several."""
    if (products.names or products.ids) and not values.given(s.COLLECTION):
        named = {collection_of(name) for name in products.names}
        return named.pop() if len(named) == 1 and not products.ids else ""
    return read_collection(values, hub_query)
