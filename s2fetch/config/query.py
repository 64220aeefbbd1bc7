"""The selection: settings checked against the catalogue's vocabulary, and the area of interest."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

import msgspec

from s2fetch import vocabulary
from s2fetch.config import selection as s
from s2fetch.config.given import Given, Values
from s2fetch.config.setting import Setting
from s2fetch.errors import QueryError, UsageError
from s2fetch.query import AreaRelation, Query

if TYPE_CHECKING:
    from s2fetch.area import Area

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
    """

    query: Query
    area_notes: tuple[str, ...] = ()
    area_product: str | None = None


def read_query(values: Values) -> Read:
    """The query. Mistakes go to the values' own list."""
    collection = values.get(s.COLLECTION)
    try:
        collection = vocabulary.check_collection(collection)
    except QueryError as error:
        values.wrong(s.COLLECTION, error)
    direction = _checked(values, s.ORBIT_DIRECTION, vocabulary.check_orbit_direction)
    query = Query(
        collection=collection,
        product_types=_each(
            values, s.PRODUCT_TYPE, partial(vocabulary.check_product_type, collection)
        ),
        sensing_from=values.find(s.FROM),
        sensing_to=values.find(s.TO),
        area_relation=values.get(s.AREA_RELATION),
        cloud=values.find(s.CLOUD),
        relative_orbits=_each(
            values, s.RELATIVE_ORBIT, partial(vocabulary.check_relative_orbit, collection)
        ),
        orbit_direction=direction,
        tiles=_each(values, s.TILE, vocabulary.check_tile),
        platforms=_each(
            values, s.PLATFORM, lambda name: vocabulary.check_platform(name, collection)
        ),
        baselines=_each(values, s.BASELINE, vocabulary.check_baseline),
        names=_names(values, collection),
        limit=values.find(s.LIMIT),
        order=values.get(s.ORDER_BY),
        newest_first=values.get(s.NEWEST_FIRST),
    )
    if query.sensing_from and query.sensing_to and query.sensing_to <= query.sensing_from:
        start, end = (f"{t:%Y-%m-%dT%H:%M:%SZ}" for t in (query.sensing_from, query.sensing_to))
        values.wrong(s.TO, QueryError(f"to ({end}) must be later than from ({start})"))
    return _with_area_of(values, query)


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
        if query.area_relation is not AreaRelation.INTERSECTS:
            advice = f"Give an area: {', '.join(setting.name for setting in AREAS)}"
            error = UsageError("there is no area of interest to relate to", advice=advice)
            values.wrong(s.AREA_RELATION, error)
        return Read(query)
    setting = next(x for x in AREAS if values.given(x) is given[0])
    if len(given) > 1:
        places = " and ".join(g.place for g in given)
        values.wrong(setting, UsageError(f"there can only be one area of interest, not {places}"))
        return Read(query)
    try:
        area = _area(values, setting)
        if isinstance(area, str):
            return Read(query, area_product=vocabulary.check_name("SENTINEL-2", area))
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


def _names(values: Values, collection: str) -> tuple[str, ...]:
    """Names from the list and from the file; options replace both of the configuration file."""
    given = _highest(values, (s.NAME, s.NAMES_FILE))
    check = partial(vocabulary.check_name, collection)
    names: list[str] = []
    if values.given(s.NAME) in given:
        names += _each(values, s.NAME, check)
    if values.given(s.NAMES_FILE) in given:
        names += _checked(values, s.NAMES_FILE, lambda path: _names_in(path, check)) or ()
    return tuple(dict.fromkeys(names))


def _names_in(path: Path, check: Callable[[str], str]) -> tuple[str, ...]:
    try:
        lines = path.read_text(encoding="utf-8-sig").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or "it is not UTF-8 text"
        raise QueryError(f"cannot read {path}: {reason}") from error
    names = []
    for number, line in enumerate(lines, 1):
        name = line.strip()
        if name and not name.startswith("#"):
            try:
                names.append(check(name))
            except QueryError as error:
                raise QueryError(f"{path}, line {number}: {error.what}") from error
    if not names:
        # Without this, no restriction by name would remain and everything would be selected.
        raise QueryError(f"{path} holds no names")
    return tuple(names)
