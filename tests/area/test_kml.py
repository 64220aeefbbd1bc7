"""KML and KMZ, as Google Earth, GDAL and people write them."""

from __future__ import annotations

import zipfile
from pathlib import Path

import numpy as np
import pyogrio
import pytest
import shapely

from s2fetch.area import from_files
from s2fetch.area import kml as kml_module
from s2fetch.errors import AreaError
from tests.area.shapes import assert_askable, coast, shape_of

HEAD = (
    "<?xml version='1.0' encoding='UTF-8'?>\n<kml xmlns='http://www.opengis.net/kml/2.2' "
    "xmlns:gx='http://www.google.com/kml/ext/2.2'><Document>"
)
TAIL = "</Document></kml>"


def ring(*points: tuple[float, float]) -> str:
    inside = " ".join(f"{lon},{lat},0" for lon, lat in points)
    return f"<LinearRing><coordinates>\n {inside}\n</coordinates></LinearRing>"


def box(west: float, south: float, east: float, north: float) -> str:
    corners = ((west, south), (east, south), (east, north), (west, north), (west, south))
    return f"<Polygon><outerBoundaryIs>{ring(*corners)}</outerBoundaryIs></Polygon>"


def place(inside: str, name: str = "field") -> str:
    return f"<Placemark><name>{name}</name>{inside}</Placemark>"


def kml(path: Path, *inside: str) -> Path:
    path.write_text(HEAD + "".join(inside) + TAIL, encoding="utf-8")
    return path


def kmz(path: Path, **members: str) -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, inside in members.items():
            archive.writestr(name.replace("__", "/") + ".kml", HEAD + inside + TAIL)
    return path


def test_placemarks_in_folders_at_any_depth_are_taken(tmp_path: Path) -> None:
    """With all parts of multi geometries, at any depth as well."""
    several = f"<MultiGeometry>{box(0, 0, 1, 1)}<MultiGeometry>{box(4, 4, 5, 5)}</MultiGeometry>"
    path = kml(
        tmp_path / "a.kml",
        place(several + "</MultiGeometry>"),
        f"<Folder><Folder><Document><Folder>{place(box(8, 8, 9, 9))}</Folder></Document></Folder>",
        f"{place(box(0.5, 0, 1.5, 1))}</Folder>",
    )
    expected = [shapely.box(0, 0, 1.5, 1), shapely.box(4, 4, 5, 5), shapely.box(8, 8, 9, 9)]
    assert assert_askable(from_files([path])).equals(shapely.union_all(expected))


def test_holes_are_kept_and_open_rings_closed(tmp_path: Path) -> None:
    """Several holes may share one boundary element."""
    holes = ring((1, 1), (2, 1), (2, 2), (1, 2)) + ring((3, 3), (4, 3), (4, 4), (3, 3))
    outer = ring((0, 0), (9, 0), (9, 9), (0, 9))
    polygon = (
        f"<Polygon><outerBoundaryIs>{outer}</outerBoundaryIs>"
        f"<innerBoundaryIs>{holes}</innerBoundaryIs></Polygon>"
    )
    shape = assert_askable(from_files([kml(tmp_path / "a.kml", place(polygon))]))
    assert shape.area == pytest.approx(81 - 1 - 0.5)


def test_tracks_lines_and_sloppy_blanks_are_understood(tmp_path: Path) -> None:
    """A recorded walk, and coordinates with blanks after the commas."""
    track = "<gx:Track><gx:coord>11 46 300</gx:coord><gx:coord>11.5 46 310</gx:coord></gx:Track>"
    line = "<LineString><coordinates>12, 46, 0\n12 ,47</coordinates></LineString>"
    shape = assert_askable(from_files([kml(tmp_path / "a.kml", place(track), place(line))]))
    assert shape.covers(shapely.from_wkt("MULTILINESTRING((11 46,11.5 46),(12 46,12 47))"))


@pytest.mark.parametrize("version", ["http://earth.google.com/kml/2.0", "", "urn:x"])
def test_any_version_of_kml_will_do(tmp_path: Path, version: str) -> None:
    """Each has a namespace of its own."""
    path = tmp_path / "a.kml"
    path.write_text(f"<kml xmlns='{version}'>{place(box(0, 0, 1, 1))}</kml>", encoding="utf-8")
    assert assert_askable(from_files([path])).equals(shapely.box(0, 0, 1, 1))


def test_a_polygon_over_the_antimeridian_is_split(tmp_path: Path) -> None:
    """Google Earth writes it with a jump from 180 to -180."""
    crossing = ring((175, 0), (-175, 0), (-175, 10), (175, 10), (175, 0))
    polygon = f"<Polygon><outerBoundaryIs>{crossing}</outerBoundaryIs></Polygon>"
    area = from_files([kml(tmp_path / "a.kml", place(polygon))])
    assert assert_askable(area).area == pytest.approx(100)
    assert "antimeridian" in area.notes[0]


def test_all_files_of_a_kmz_are_read(tmp_path: Path) -> None:
    """The main one links to the others, and may have placemarks of its own."""
    link = "<NetworkLink><Link><href>layers/b.kml</href></Link></NetworkLink>"
    path = kmz(
        tmp_path / "a.kmz", doc=link + place(box(0, 0, 1, 1)), layers__b=place(box(3, 3, 4, 4))
    )
    assert assert_askable(from_files([path])).area == pytest.approx(2)
    with zipfile.ZipFile(path, "a") as archive:
        archive.writestr("__MACOSX/._doc.kml", b"\0\5\x16\7")
    assert assert_askable(from_files([path])).area == pytest.approx(2)
    only_links = kmz(tmp_path / "b.kmz", doc=link, layers__b=place(box(3, 3, 4, 4)))
    assert assert_askable(from_files([only_links])).equals(shapely.box(3, 3, 4, 4))


def test_a_kml_brings_the_files_it_links_to(tmp_path: Path) -> None:
    """Also in a circle, and in a KMZ."""

    def link(href: str) -> str:
        return f"<Folder><NetworkLink><Link><href> {href} </href></Link></NetworkLink></Folder>"

    main = kml(
        tmp_path / "a.kml", link("sub/with%20blank.kml"), link("c.kmz"), place(box(0, 0, 1, 1))
    )
    (tmp_path / "sub").mkdir()
    kml(tmp_path / "sub" / "with blank.kml", link("../a.kml"), place(box(2, 2, 3, 3)))
    kmz(tmp_path / "c.kmz", doc=place(box(4, 4, 5, 5)))
    assert assert_askable(from_files([main])).area == pytest.approx(3)


@pytest.mark.parametrize("as_kmz", [False, True])
@pytest.mark.parametrize(
    ("href", "said"),
    [
        ("https://example.org/x.kml", "links to https://example.org/x.kml, which is not fetched"),
        ("gone.kml", r"links to .*gone\.kml, which is not there"),
        ("http://[/x.kml", r"links to http://\[/x\.kml, which is no address"),
    ],
)
def test_a_link_that_cannot_be_followed_is_an_error(
    tmp_path: Path, href: str, said: str, as_kmz: bool
) -> None:
    """A part of the area would be missing without anybody noticing."""
    inside = f"<NetworkLink><Link><href>{href}</href></Link></NetworkLink>" + place(box(0, 0, 1, 1))
    path = kmz(tmp_path / "a.kmz", doc=inside) if as_kmz else kml(tmp_path / "a.kml", inside)
    with pytest.raises(AreaError, match=said):
        from_files([path])


@pytest.mark.parametrize(
    ("inside", "said"),
    [
        (place("<Point><coordinates>11</coordinates></Point>"), "'field'.*'11' is not longitude"),
        (place("<Point><coordinates>a,b</coordinates></Point>"), "'field'.*'a,b' is not longitude"),
        (place("<Polygon/>") + place("<Point/>"), "the area is empty"),
        ("", "the area is empty"),
        (place("<MultiGeometry>" * 2000 + "</MultiGeometry>" * 2000), "'field'.*recursion"),
        (place(box(0, 0, 1, 100)), "outside"),
        (
            place(f"<Polygon><outerBoundaryIs>{ring((0, 0), (1, 1))}</outerBoundaryIs></Polygon>"),
            "'field'|no extent",
        ),
        (
            place(
                "<Polygon><outerBoundaryIs>"
                + ring((0, 0), (1, 1), (1, 0), (0, 1))
                + "</outerBoundaryIs></Polygon>"
            ),
            r"crosses itself at 0\.500000 0\.500000",
        ),
    ],
)
def test_a_kml_that_is_no_area_says_why(tmp_path: Path, inside: str, said: str) -> None:
    """And names the file, in a KMZ also its member."""
    with pytest.raises(AreaError, match=rf"a\.kml.*({said})"):
        from_files([kml(tmp_path / "a.kml", inside)])
    member = "a.kmz" if "empty" in said else r"a\.kmz, doc\.kml"
    with pytest.raises(AreaError, match=rf"{member}.*({said})"):
        from_files([kmz(tmp_path / "a.kmz", doc=inside)])


@pytest.mark.parametrize("compression", [zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
def test_a_damaged_kmz_is_named(tmp_path: Path, compression: int) -> None:
    """Its directory is there and a member is not whole."""
    path = tmp_path / "a.kmz"
    with zipfile.ZipFile(path, "w", compression) as archive:
        archive.writestr("doc.kml", HEAD + place(box(0, 0, 1, 1)) + TAIL)
    content = bytearray(path.read_bytes())
    content[60] ^= 0xFF
    path.write_bytes(content)
    with pytest.raises(AreaError, match=r"cannot read .*a\.kmz"):
        from_files([path])


def test_a_kmz_that_would_fill_the_memory_is_not_unpacked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A few kilobytes can hold gigabytes of blanks."""
    path = kmz(tmp_path / "a.kmz", doc=place(box(0, 0, 1, 1)))
    monkeypatch.setattr(kml_module, "LARGEST_BYTES", 100)
    with pytest.raises(AreaError, match=r"a\.kmz: doc\.kml is larger than"):
        from_files([path])


def test_a_kmz_with_a_directory_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    """It wants a version of the zip format that there is not."""
    path = kmz(tmp_path / "a.kmz", doc=place(box(0, 0, 1, 1)))
    content = bytearray(path.read_bytes())
    content[content.index(b"PK\x01\x02") + 6] = 250
    path.write_bytes(content)
    with pytest.raises(AreaError, match=r"cannot read .*a\.kmz"):
        from_files([path])


@pytest.mark.parametrize(
    ("driver", "name"), [("KML", "a.kml"), ("LIBKML", "a.kml"), ("LIBKML", "a.kmz")]
)
def test_what_gdal_writes_is_read(tmp_path: Path, driver: str, name: str) -> None:
    """Several features, a hole, several parts, by either of its drivers."""
    shapes = [
        shapely.box(0, 0, 3, 3).difference(shapely.box(1, 1, 2, 2)),
        shapely.union(shapely.box(5, 5, 6, 6), shapely.box(8, 8, 9, 9)),
    ]
    encoded = shapely.to_wkb(np.array(shapes))
    pyogrio.raw.write(
        str(tmp_path / name),
        encoded,
        [],
        [],
        geometry_type="Unknown",
        crs="EPSG:4326",
        driver=driver,
    )
    assert assert_askable(from_files([tmp_path / name])).equals(shapely.union_all(shapes))


def test_thousands_of_vertices_in_a_kmz_are_simplified_outwards(tmp_path: Path) -> None:
    """As everywhere."""
    original = shapely.from_wkt(coast(11, 46, 2, 5_000, seed=6))
    polygon = (
        f"<Polygon><outerBoundaryIs>{ring(*original.exterior.coords)}</outerBoundaryIs></Polygon>"
    )
    area = from_files([kmz(tmp_path / "a.kmz", doc=place(polygon))])
    assert assert_askable(area).covers(original)
    assert shape_of(area).equals_exact(original, 1e-11, normalize=True)
