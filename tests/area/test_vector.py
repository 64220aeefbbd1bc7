"""Shapefiles, GeoPackages and FlatGeobuf files, in any reference system."""

from __future__ import annotations

import sqlite3
import warnings
import zipfile
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pyogrio
import pyproj
import pytest
import shapely

from s2fetch.area import from_files
from s2fetch.errors import AreaError
from tests.area.shapes import assert_askable, coast, shape_of

DRIVERS = {".shp": "ESRI Shapefile", ".gpkg": "GPKG", ".fgb": "FlatGeobuf"}
HOLED = shapely.box(0, 0, 9, 9).difference(shapely.box(2, 2, 4, 4))
PARTS = shapely.union(HOLED, shapely.box(20, 0, 29, 9))


def written(
    path: Path,
    shapes: Sequence[Any],
    crs: str | None = "EPSG:4326",
    *,
    layer: str | None = None,
    kind: str = "",
    append: bool = False,
) -> Path:
    """A file of these shapes, by GDAL."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "'crs' was not provided")
        pyogrio.raw.write(
            str(path),
            shapely.to_wkb(np.array(shapes)),
            [],
            [],
            geometry_type=kind or shapes[0].geom_type,
            crs=crs,
            driver=DRIVERS[path.suffix],
            layer=layer,
            append=append,
        )
    return path


@cache
def between(source: str, target: str) -> pyproj.Transformer:
    """The way from one reference system to another, which takes long to find."""
    return pyproj.Transformer.from_crs(source, target, always_xy=True)


def seen(shape: Any, crs: str) -> Any:
    """The shape in longitude and latitude, with edges that bend as they should."""
    way = between(crs, "EPSG:4326")
    dense = shapely.segmentize(shape, 500)
    return shapely.transform(dense, lambda c: np.column_stack(way.transform(c[:, 0], c[:, 1])))


@pytest.mark.parametrize("suffix", DRIVERS)
def test_holes_and_several_parts_are_kept(tmp_path: Path, suffix: str) -> None:
    """Of all features of the file; what is in degrees already stays as it is."""
    kind = "MultiPolygon" if suffix == ".shp" else "Unknown"
    shapes = [PARTS, shapely.box(40, 0, 41, 1)]
    area = from_files([written(tmp_path / f"a{suffix}", shapes, kind=kind)])
    assert assert_askable(area).equals(shapely.union_all(shapes))
    assert area.notes == ()


@pytest.mark.parametrize("suffix", DRIVERS)
@pytest.mark.parametrize("crs", ["EPSG:32632", "EPSG:3035", "EPSG:31468", "EPSG:2056"])
def test_a_projected_file_is_brought_to_degrees_without_losing_ground(
    tmp_path: Path, suffix: str, crs: str
) -> None:
    """Edges of 100 km bend by a hundred metres; what lies inside of them stays inside."""
    way = between("EPSG:4326", crs)
    x, y = way.transform(9.0, 47.0)
    square = shapely.box(x, y, x + 100_000, y + 100_000)
    holed = square.difference(shapely.box(x + 3e4, y + 3e4, x + 6e4, y + 6e4))
    area = from_files([written(tmp_path / f"a{suffix}", [holed], crs)])
    truth = seen(holed, crs)
    assert shape_of(area).covers(truth)
    assert assert_askable(area).covers(truth)
    assert shape_of(area).difference(truth).area < 3e-4 * truth.area
    assert area.notes == () or "simplified" in area.notes[0]


def test_a_field_in_a_projection_is_not_changed_at_all(tmp_path: Path) -> None:
    """Its edges are too short to bend."""
    field = shapely.box(600_000, 5_200_000, 600_300, 5_200_100)
    area = from_files([written(tmp_path / "a.shp", [field], "EPSG:32632")])
    way = between("EPSG:32632", "EPSG:4326")
    corners = np.column_stack(way.transform(*shapely.get_coordinates(field).T))
    assert shape_of(area).equals_exact(shapely.Polygon(corners), 1e-6, normalize=True)


def test_points_and_lines_in_a_projection_are_placed(tmp_path: Path) -> None:
    """A point stays a point."""
    point = shapely.Point(500_000, 0)
    area = from_files([written(tmp_path / "a.gpkg", [point], "EPSG:32632")])
    assert area.wkt == "POINT(9 0)"
    line = shapely.LineString([(500_000, 0), (600_000, 5_000_000)])
    area = from_files([written(tmp_path / "b.gpkg", [line], "EPSG:32632")])
    assert assert_askable(area).buffer(1e-5).covers(seen(line, "EPSG:32632"))


def test_a_shapefile_without_prj_is_an_error_and_not_a_guess(tmp_path: Path) -> None:
    """Its numbers may look like degrees and be something else."""
    path = written(tmp_path / "fields.shp", [HOLED])
    path.with_suffix(".prj").unlink()
    with pytest.raises(AreaError, match=r"fields\.shp has no reference system: its \.prj file"):
        from_files([path])
    path.with_suffix(".prj").write_text("rubbish")
    with pytest.raises(AreaError, match=r"fields\.shp has no reference system: its \.prj file"):
        from_files([path])


@pytest.mark.parametrize("suffix", [".gpkg", ".fgb"])
def test_other_files_without_a_reference_system_are_errors_too(tmp_path: Path, suffix: str) -> None:
    """As above."""
    with pytest.raises(AreaError, match=r"reference system|no way is known"):
        from_files([written(tmp_path / f"a{suffix}", [HOLED], None)])


def test_all_layers_with_geometry_are_taken_each_in_its_own_system(tmp_path: Path) -> None:
    """A table without geometry is none of them."""
    path = written(tmp_path / "a.gpkg", [shapely.box(0, 0, 1, 1)], layer="degrees")
    metres = shapely.box(600_000, 5_200_000, 600_100, 5_200_100)
    written(path, [metres], "EPSG:32632", layer="metres", append=True)
    written(path, [shapely.Point(5, 5)], layer="points", append=True)
    with sqlite3.connect(path) as database:
        database.execute("CREATE TABLE notes (id INTEGER PRIMARY KEY, text TEXT)")
        database.execute(
            "INSERT INTO gpkg_contents (table_name, data_type) VALUES ('notes', 'attributes')"
        )
    database.close()
    shape = shapely.from_wkt(from_files([path]).wkt)
    assert len(shape.geoms) == 3
    assert shape.covers(shapely.Point(5, 5))
    assert shape.covers(shapely.box(0, 0, 1, 1))
    assert shape.intersects(seen(metres, "EPSG:32632"))


def test_a_geopackage_of_tables_alone_is_no_area(tmp_path: Path) -> None:
    """It is said so."""
    names = np.array(["x"], dtype=object)
    pyogrio.raw.write(
        str(tmp_path / "a.gpkg"), None, [names], ["name"], geometry_type=None, driver="GPKG"
    )
    with pytest.raises(AreaError, match=r"a\.gpkg holds no layer with geometry"):
        from_files([tmp_path / "a.gpkg"])


@pytest.mark.parametrize("suffix", DRIVERS)
def test_a_file_without_features_is_empty(tmp_path: Path, suffix: str) -> None:
    """And does not select everything."""
    path = written(tmp_path / f"a{suffix}", [], kind="Polygon")
    with pytest.raises(AreaError, match=rf"a\{suffix}: the area is empty"):
        from_files([path])


def test_what_is_wrong_in_one_layer_names_it(tmp_path: Path) -> None:
    """With the place, in degrees."""
    path = written(tmp_path / "a.gpkg", [shapely.box(0, 0, 1, 1)], layer="good")
    bow = shapely.Polygon([(500_000, 0), (500_200, 200), (500_200, 0), (500_000, 200)])
    written(path, [bow], "EPSG:32632", layer="bad", append=True)
    with pytest.raises(AreaError, match=r"a\.gpkg, layer bad: .* crosses itself at 9\.000\d+ 0\.0"):
        from_files([path])


def test_a_zipped_shapefile_is_read_where_it_is(tmp_path: Path) -> None:
    """In any folder of the zip, several of them, beside other files."""
    (tmp_path / "in").mkdir()
    written(tmp_path / "in" / "a.shp", [shapely.box(0, 0, 1, 1)])
    metres = shapely.box(600_000, 5_200_000, 600_100, 5_200_100)
    written(tmp_path / "in" / "b.shp", [metres], "EPSG:32632")
    with zipfile.ZipFile(tmp_path / "both {of} them.zip", "w") as archive:
        archive.writestr("readme.txt", "fields")
        archive.writestr("__MACOSX/x/y/._a.shp", b"\0\5\x16\7")
        for file in (tmp_path / "in").iterdir():
            archive.write(file, f"x/y/{file.name}")
    shape = assert_askable(from_files([tmp_path / "both {of} them.zip"]))
    assert shape.covers(shapely.box(0, 0, 1, 1))
    assert shape.intersects(seen(metres, "EPSG:32632"))
    (tmp_path / "in" / "b.prj").unlink()
    with zipfile.ZipFile(tmp_path / "b.zip", "w") as archive:
        for file in (tmp_path / "in").glob("b.*"):
            archive.write(file, file.name)
    with pytest.raises(AreaError, match=r"b\.zip, b\.shp has no reference system: its \.prj file"):
        from_files([tmp_path / "b.zip"])


def with_geometry(path: Path, wkb: bytes) -> Path:
    """A GeoPackage whose only geometry is one that shapely has no class for."""
    written(path, [shapely.box(0, 0, 1, 1)], layer="odd", kind="Unknown")
    with sqlite3.connect(path) as database:
        ((blob,),) = database.execute("SELECT geom FROM odd").fetchall()
        without_bounds = blob[:3] + bytes([blob[3] & ~0b1110]) + blob[4:8]
        triggers = database.execute("SELECT name FROM sqlite_master WHERE type = 'trigger'")
        for (trigger,) in triggers.fetchall():
            database.execute(f'DROP TRIGGER "{trigger}"')
        database.execute("UPDATE odd SET geom = ?", (without_bounds + wkb,))
    database.close()
    return path


def test_arcs_are_followed(tmp_path: Path) -> None:
    """A CIRCULARSTRING through three points, as surveyors draw them."""
    arc = bytes([1, 8, 0, 0, 0, 3, 0, 0, 0]) + np.array([0, 0, 1, 1, 2, 0.0]).tobytes()
    area = from_files([with_geometry(tmp_path / "a.gpkg", arc)])
    points = shapely.get_coordinates(shapely.from_wkt(area.exact or area.wkt))
    assert len(points) > 20
    assert np.hypot(points[:, 0] - 1, points[:, 1]) == pytest.approx(1, abs=1e-4)


def test_solids_are_refused_with_the_feature(tmp_path: Path) -> None:
    """A TIN of one triangle: it has no place in two dimensions."""
    corners = np.array([0, 0, 1, 1, 1, 0, 0, 0.0]).tobytes()
    triangle = bytes([1, 17, 0, 0, 0, 1, 0, 0, 0, 4, 0, 0, 0]) + corners
    path = with_geometry(tmp_path / "a.gpkg", bytes([1, 16, 0, 0, 0, 1, 0, 0, 0]) + triangle)
    with pytest.raises(AreaError, match=r"a\.gpkg, feature 1: a geometry that cannot be used"):
        from_files([path])


@pytest.mark.parametrize(
    ("crs", "shape", "inside", "outside"),
    [
        ("EPSG:32760", shapely.box(7e5, 7.9e6, 9e5, 8e6), (180, -18.5), (0, -18.5)),
        ("EPSG:3832", shapely.box(2e6, -3e6, 5e6, -1e6), (-170, -15), (0, -15)),
        ("EPSG:3031", shapely.box(-1e6, -1e6, 1e6, 1e6), (77, -90), (77, -70)),
        ("EPSG:3413", shapely.box(-1e6, -1e6, 1e6, 1e6), (-77, 90), (-77, 70)),
        ("EPSG:3413", shapely.box(0, 0, 1e6, 1e6), (90, 85), (-90, 85)),
        ("EPSG:3413", shapely.box(-1e6, 0, 1e6, 1e6), (135, 85), (-45, 85)),
        ("EPSG:3413", shapely.box(-1e6, 1e5, 1e6, 1e6), (135, 85), (-45, 89.5)),
        ("EPSG:3413", shapely.box(-1e6, -1e5, 1e6, 1e6), (-45, 89.5), (-45, 85)),
        (
            "EPSG:3413",
            shapely.box(-1e6, -1e6, 1e6, 1e6).difference(shapely.box(-5e5, -5e5, 5e5, 5e5)),
            (20, 83),
            (20, 89),
        ),
        ("EPSG:3857", shapely.box(-19_000_000, -5e6, 19_000_000, 5e6), (0, 0), (180, 0)),
        ("EPSG:4269", shapely.box(-180, -90, 180, 90), (180, -90), None),
        ("EPSG:4269", shapely.box(-175, -10, 175, 10), (180, 0), (0, 0)),
    ],
)
def test_the_antimeridian_and_the_poles_are_right(
    tmp_path: Path, crs: str, shape: Any, inside: tuple[float, float], outside: Any
) -> None:
    """A projection knows what is inside, so that nothing is guessed or noted."""
    area = from_files([written(tmp_path / "a.gpkg", [shape], crs)])
    found = assert_askable(area)
    assert found.covers(shapely.Point(inside))
    assert outside is None or not found.intersects(shapely.Point(outside))
    guessed = [note for note in area.notes if "taken to" in note]
    assert len(guessed) == (shape.bounds == (-175, -10, 175, 10))


def test_coordinates_that_are_nowhere_on_the_earth_are_refused(tmp_path: Path) -> None:
    """The wrong .prj beside a file of degrees or metres is a common mistake."""
    path = written(tmp_path / "a.gpkg", [shapely.box(1e8, 1e8, 2e8, 2e8)], "EPSG:32632")
    with pytest.raises(AreaError, match=r"a\.gpkg: the point .* has no place on the Earth.*UTM"):
        from_files([path])


def test_thousands_of_vertices_are_simplified_outwards(tmp_path: Path) -> None:
    """Nothing is lost, and the exact shape is kept beside."""
    original = shapely.from_wkt(coast(11, 46, 2, 5_000, seed=1))
    area = from_files([written(tmp_path / "a.gpkg", [original])])
    assert assert_askable(area).covers(original)
    assert "simplified outwards from 5001 to" in area.notes[0]
    assert shape_of(area).equals_exact(original, 1e-11, normalize=True)


def test_thousands_of_vertices_in_metres_are_simplified_outwards(tmp_path: Path) -> None:
    """After they were brought to degrees."""
    original = shapely.from_wkt(coast(600_000, 5_000_000, 90_000, 5_000, seed=2))
    area = from_files([written(tmp_path / "a.shp", [original], "EPSG:32632")])
    assert assert_askable(area).covers(seen(original, "EPSG:32632"))
