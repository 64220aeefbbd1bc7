"""How the footprint of a product lies to the area of interest, where a hub cannot tell."""

from __future__ import annotations

from typing import TYPE_CHECKING

from s2fetch.product import Product
from s2fetch.query import AreaRelation, Query

if TYPE_CHECKING:
    import shapely

SLACK_DEGREES = 1e-6
"""0.1 m: the last decimal with which areas are written."""


def is_needed(query: Query) -> bool:
    """Whether a hub that only knows `AreaRelation.INTERSECTS` lists more than the query asks for.

    That is so for the other relations, for a least overlap, and for an area that was simplified
    outwards.
    """
    if query.area is None:
        return False
    return (
        query.area_exact is not None
        or query.area_relation is not AreaRelation.INTERSECTS
        or query.area_overlap > 0
    )


def described(query: Query) -> str:
    """What is tested of footprints, in words."""
    which = "exact area" if query.area_exact is not None else "area"
    overlap = f", {query.area_overlap:.0%} of the smaller at least" if query.area_overlap else ""
    return f"{query.area_relation} the {which}{overlap}"


class Relation:
    """Tests footprints against the area of a query, the exact one when there is one.

    In the plane of longitude and latitude, as catalogues do. Boundaries count as inside, to a
    tenth of a metre, as areas and footprints are rounded. Costs some microseconds per product.

    Args:
        query: One with an area.

    Raises:
        ValueError: The query has no area.
    """

    def __init__(self, query: Query) -> None:
        import shapely

        area = query.area_exact or query.area
        if area is None:
            raise ValueError("a query without an area has no relation to it")
        self._relation = query.area_relation
        self._whole = shapely.from_wkt(area)
        self._overlap = query.area_overlap
        self._area = _with_slack(self._whole, query.area_relation)
        shapely.prepare(self._area)

    def holds(self, product: Product) -> bool:
        """Whether the product's footprint lies as it should; False without a readable footprint."""
        footprint = None if product.footprint is None else footprint_shape(product.footprint)
        if footprint is None:
            return False
        return self._lies_so(footprint) and self._overlaps(footprint)

    def _overlaps(self, footprint: shapely.Geometry) -> bool:
        """Whether they have enough in common; a point or a line of interest has all or nothing."""
        smaller = min(self._whole.area, footprint.area)
        if not self._overlap or not smaller:
            return True
        return bool(self._whole.intersection(footprint).area >= self._overlap * smaller)

    def _lies_so(self, footprint: shapely.Geometry) -> bool:
        match self._relation:
            case AreaRelation.INTERSECTS:
                return bool(self._area.intersects(footprint))
            case AreaRelation.CONTAINS:
                return bool(self._area.covered_by(footprint))
            case AreaRelation.WITHIN:
                return bool(self._area.covers(footprint))


def _with_slack(area: shapely.Geometry, relation: AreaRelation) -> shapely.Geometry:
    if relation is AreaRelation.WITHIN:
        return area.buffer(SLACK_DEGREES, join_style="mitre")
    if relation is AreaRelation.CONTAINS:
        smaller = area.buffer(-SLACK_DEGREES, join_style="mitre")
        return area if smaller.is_empty else smaller
    return area


def footprint_shape(wkt: str) -> shapely.Geometry | None:
    """A footprint as a valid geometry within ±180 degrees, or None when it is not WKT or empty.

    One that crosses the antimeridian is split there, and one that goes round a pole has it inside.
    Where this cannot be told, its points are taken as they are.
    """
    import shapely
    from shapely.errors import ShapelyError

    from s2fetch.area import build, reading
    from s2fetch.errors import AreaError

    try:
        shape = reading.read_wkt(wkt)
        if shape.is_empty:
            return None
        west, _, east, _ = shape.bounds
        if east - west > 180:
            try:
                source = build.Source(shape, lenient=True)
                shape = shapely.union_all(build.parts_on_sphere(source, []))
            except AreaError:
                shape = shapely.force_2d(shape)
        return shape if shape.is_valid else shapely.make_valid(shape, method="structure")
    except (ShapelyError, AreaError):
        return None
