"""Files of areas are told apart by their content, and all of them together are the area."""

from __future__ import annotations

import json
import sys
import zipfile
from pathlib import Path

import pytest
import shapely

from s2fetch.area import files, from_files
from s2fetch.errors import AreaError
from tests.area.shapes import assert_askable, coast

SQUARE = "POLYGON ((0 0,2 0,2 2,0 2,0 0),(0.5 0.5,1 0.5,1 1,0.5 1,0.5 0.5))"
FAR = "POLYGON ((5 5,6 5,6 6,5 6,5 5))"
KML = (
    '<kml xmlns="http://www.opengis.net/kml/2.2"><Placemark><Point>'
    "<coordinates>11,46</coordinates></Point></Placemark></kml>"
)


def written(path: Path, text: str) -> Path:
    path.write_text(text, encoding="utf-8")
    return path


@pytest.mark.parametrize("name", ["area.wkt", "area.txt", "area", "area.json", "area.kml"])
def test_wkt_is_known_by_its_content(tmp_path: Path, name: str) -> None:
    """Whatever the file is called; the hole is kept."""
    area = from_files([written(tmp_path / name, f"\ufeff\n {SQUARE}\n")])
    assert assert_askable(area).equals(shapely.from_wkt(SQUARE))


@pytest.mark.parametrize("name", ["area.geojson", "area.txt", "area", "area.shp"])
def test_geojson_is_known_by_its_content(tmp_path: Path, name: str) -> None:
    """As above."""
    path = written(tmp_path / name, shapely.to_geojson(shapely.from_wkt(SQUARE)))
    assert assert_askable(from_files([path])).equals(shapely.from_wkt(SQUARE))


@pytest.mark.parametrize("name", ["area.kml", "area.txt", "area"])
def test_kml_is_known_by_its_content(tmp_path: Path, name: str) -> None:
    """As above."""
    path = written(tmp_path / name, f"<?xml version='1.0'?>\n<!-- mine -->\n{KML}")
    assert from_files([path]).wkt == "POINT(11 46)"


def test_a_file_of_wkt_may_hold_several_geometries(tmp_path: Path) -> None:
    """One after the other, on one or several lines, with comments between."""
    broken_up = SQUARE.replace(",(", ",\n  (")
    text = f"# fields\n{broken_up}\n\n# another\nSRID=4326;{FAR}\nPOINT EMPTY\nPOLYGON\n ({FAR[9:]}"
    with pytest.raises(AreaError, match=r"a\.txt, line 7: the area is empty"):
        from_files([written(tmp_path / "a.txt", text)])
    area = from_files([written(tmp_path / "a.txt", text.replace("POINT EMPTY\n", ""))])
    assert assert_askable(area).equals(
        shapely.union(shapely.from_wkt(SQUARE), shapely.from_wkt(FAR))
    )


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("POINT(1 1)\nPOINT(1 1\n", r"a\.wkt, line 2: .* is not WKT"),
        ("POLYGON((0 0,1 1,1 0,0 1,0 0))", r"a\.wkt, line 1: the area crosses itself at 0\.5"),
        ("POINT(1 1)\nPOINT(1 100)\n", r"a\.wkt, line 2: .* outside"),
        ("SRID=3857;POINT(1 1)", r"a\.wkt, line 1: the area is in SRID 3857"),
    ],
)
def test_a_mistake_in_a_file_of_wkt_has_its_line(tmp_path: Path, text: str, said: str) -> None:
    """Lists of fields are long."""
    with pytest.raises(AreaError, match=said):
        from_files([written(tmp_path / "a.wkt", text)])


def test_several_files_are_one_area(tmp_path: Path) -> None:
    """Their kinds do not matter."""
    geojson = written(tmp_path / "a.geojson", shapely.to_geojson(shapely.from_wkt(SQUARE)))
    wkt = written(tmp_path / "b.wkt", FAR)
    area = from_files([geojson, wkt])
    assert assert_askable(area).equals(
        shapely.union(shapely.from_wkt(SQUARE), shapely.from_wkt(FAR))
    )


def test_of_several_files_the_wrong_one_is_named(tmp_path: Path) -> None:
    """The others need not be looked at."""
    good = written(tmp_path / "good.wkt", SQUARE)
    bad = written(tmp_path / "bad.wkt", "POLYGON((0 0,1 1,1 0,0 1,0 0))")
    with pytest.raises(AreaError, match=r"bad\.wkt, line 1: the area crosses itself") as caught:
        from_files([good, bad])
    assert "good" not in str(caught.value)


def test_no_file_at_all_is_no_area() -> None:
    """An empty list selects nothing, and not everything."""
    with pytest.raises(AreaError, match="empty"):
        from_files([])


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("a.wkt", b"\xff\xfeP", r"cannot read .*a\.wkt: it is not UTF-8 text"),
        ("a.zip", b"PK\x03\x04rubbish", r"cannot read .*a\.zip: File is not a zip file"),
        ("a.kml", b"<kml><Placemark>", r"a\.kml is not KML: no element found: line 1, column 16"),
        ("a.gpkg", b"SQLite format 3\0rubbish", r"cannot read .*a\.gpkg"),
        ("a.fgb", b"fgb\x03fgb\x00rubbish", r"a\.fgb holds no layer with geometry"),
        ("a.shp", b"\0\0\x27\x0arubbish", r"cannot read .*a\.shp"),
        ("a.shp", b"", r"cannot read .*a\.shp"),
        ("a.tif", b"II*\0rubbish", r"cannot read .*a\.tif"),
        (
            "a.pdf",
            b"%PDF-1.4",
            r"a\.pdf is no area: it is neither GeoJSON, WKT, KML, .* or an image",
        ),
        ("a.html", b"<html></html>", r"a\.html is no area"),
        ("empty", b"", r"empty is no area"),
    ],
)
def test_a_broken_or_foreign_file_is_named(
    tmp_path: Path, name: str, content: bytes, said: str
) -> None:
    """With what is wrong; nothing of a library gets through, and nothing is printed."""
    (tmp_path / name).write_bytes(content)
    with pytest.raises(AreaError, match=said):
        from_files([tmp_path / name])


def test_a_folder_is_no_file(tmp_path: Path) -> None:
    """But there is another setting for products."""
    with pytest.raises(AreaError, match=r"is a folder.*--area-product"):
        from_files([tmp_path])


def test_a_zip_without_any_area_says_so(tmp_path: Path) -> None:
    """A product is pointed to its own setting."""
    with zipfile.ZipFile(tmp_path / "p.zip", "w") as archive:
        archive.writestr("S2A.SAFE/manifest.safe", "<x/>")
    with pytest.raises(AreaError, match=r"p\.zip holds no KML.*--area-product"):
        from_files([tmp_path / "p.zip"])


@pytest.mark.parametrize(
    ("name", "content", "library", "extra"),
    [
        ("a.shp", b"\0\0\x27\x0a", "pyogrio", "vector"),
        ("a.gpkg", b"SQLite format 3\0", "pyproj", "vector"),
        ("a.tif", b"II*\0", "rasterio.errors", "raster"),
    ],
)
def test_without_its_library_a_file_is_named_with_the_extra(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    name: str,
    content: bytes,
    library: str,
    extra: str,
) -> None:
    """Nobody has to find out what to install."""
    (tmp_path / name).write_bytes(content)
    monkeypatch.setitem(sys.modules, library, None)
    with pytest.raises(
        AreaError, match=rf"{name}: this needs {library.partition('.')[0]}"
    ) as caught:
        from_files([tmp_path / name])
    assert f"pip install 's2fetch[{extra}]'" in str(caught.value)


def test_without_raster_library_an_unknown_file_is_not_taken_for_an_image(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """But it might be one."""
    monkeypatch.setattr(files, "find_spec", lambda _: None)
    (tmp_path / "a.pdf").write_bytes(b"%PDF-1.4")
    with pytest.raises(AreaError, match=r"a\.pdf is no area.*If it is an image: pip install"):
        from_files([tmp_path / "a.pdf"])


def test_text_formats_need_no_extra(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither GDAL nor PROJ is loaded for them."""
    for library in ("pyogrio", "pyproj", "rasterio", "rasterio.errors"):
        monkeypatch.setitem(sys.modules, library, None)
    with zipfile.ZipFile(tmp_path / "a.kmz", "w") as archive:
        archive.writestr("doc.kml", KML)
    paths = [
        written(tmp_path / "a.kml", KML),
        written(tmp_path / "a.wkt", SQUARE),
        written(tmp_path / "a.geojson", json.dumps({"type": "Point", "coordinates": [1, 1]})),
        tmp_path / "a.kmz",
    ]
    assert_askable(from_files(paths))


def test_thousands_of_vertices_in_a_file_of_wkt_are_simplified_outwards(tmp_path: Path) -> None:
    """As everywhere."""
    wkt = coast(11, 46, 2, 5_000, seed=5)
    area = from_files([written(tmp_path / "a.wkt", wkt)])
    assert assert_askable(area).covers(shapely.from_wkt(wkt))
    assert area.exact is not None
    assert shapely.from_wkt(area.exact).equals_exact(shapely.from_wkt(wkt), 1e-11, normalize=True)
