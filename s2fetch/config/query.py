"""The selection: settings checked against the catalogue's vocabulary, and the area of interest."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from s2fetch import vocabulary
from s2fetch.config import selection as s
from s2fetch.config.conditions import read_collection, read_conditions, read_hub_query
from s2fetch.config.given import Given, Values
from s2fetch.config.setting import Setting
from s2fetch.errors import QueryError, UsageError
from s2fetch.query import Query

if TYPE_CHECKING:
    from s2fetch.area import Area

T = TypeVar("T")
R = TypeVar("R")


def read_query(values: Values) -> tuple[Query, tuple[str, ...]]:
    """The query, and what was done to the area of interest. Mistakes go to the values' own list."""
    hub_query = read_hub_query(values)
    collection = read_collection(values, hub_query)
    direction = _checked(values, s.ORBIT_DIRECTION, vocabulary.check_orbit_direction)
    area, notes = _area(values)
    query = Query(
        collection=collection,
        product_types=_each(
            values, s.PRODUCT_TYPE, partial(vocabulary.check_product_type, collection)
        ),
        sensing_from=values.find(s.FROM),
        sensing_to=values.find(s.TO),
        area=area,
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
        names=_names(values, collection),
        limit=values.find(s.LIMIT),
        order=values.get(s.ORDER_BY),
        newest_first=values.get(s.NEWEST_FIRST),
    )
    if query.sensing_from and query.sensing_to and query.sensing_to <= query.sensing_from:
        start, end = (f"{t:%Y-%m-%dT%H:%M:%SZ}" for t in (query.sensing_from, query.sensing_to))
        values.wrong(s.TO, QueryError(f"to ({end}) must be later than from ({start})"))
    return query, notes


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


def _area(values: Values) -> tuple[str | None, tuple[str, ...]]:
    given = _highest(values, (s.BOX, s.WKT, s.AREA_FILE))
    if not given:
        return None, ()
    setting = next(x for x in (s.BOX, s.WKT, s.AREA_FILE) if values.given(x) is given[0])
    if len(given) > 1:
        places = " and ".join(g.place for g in given)
        values.wrong(setting, UsageError(f"there can only be one area of interest, not {places}"))
        return None, ()
    try:
        found = _built(values, setting)
    except UsageError as error:
        values.wrong(setting, error)
        found = None
    return (found.wkt, found.notes) if found else (None, ())


def _built(values: Values, setting: Setting[object]) -> Area | None:
    from s2fetch import area

    if setting is s.BOX:
        box = values.find(s.BOX)
        return None if box is None else area.from_box(box)
    if setting is s.WKT:
        wkt = values.find(s.WKT)
        return None if wkt is None else area.from_wkt(wkt)
    path = values.find(s.AREA_FILE)
    return None if path is None else area.from_geojson(path)


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
