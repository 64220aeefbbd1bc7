"""Footprints from the metadata of products on disk."""

from __future__ import annotations

import shutil
import zipfile
from datetime import UTC, datetime
from pathlib import Path

import pytest
import shapely

from s2fetch.area import from_footprint, from_product
from s2fetch.embedded.safe import ProductSpec, make_product
from s2fetch.errors import AreaError
from tests.area.shapes import assert_askable, shape_of

RECORDED = Path(__file__).parents[3] / "shared" / "recorded"
SENTINEL1 = (
    '<xfdu:XFDU xmlns:xfdu="urn:ccsds:schema:xfdu:1" xmlns:gml="http://www.opengis.net/gml" '
    'xmlns:safe="http://www.esa.int/safe/sentinel-1.0"><metadataSection><safe:frameSet>{}'
    "</safe:frameSet></metadataSection></xfdu:XFDU>"
)


def frame(coordinates: str) -> str:
    return (
        '<safe:frame><safe:footPrint srsName="http://www.opengis.net/gml/srs/epsg.xml#4326">'
        f"<gml:coordinates>{coordinates}</gml:coordinates></safe:footPrint></safe:frame>"
    )


def folder(path: Path, name: str, content: str) -> Path:
    path.mkdir()
    (path / name).write_text(content, encoding="utf-8")
    return path


@pytest.fixture
def product(tmp_path: Path) -> tuple[Path, shapely.Geometry]:
    """A zip as the archive has them, and the footprint the catalogue lists for it."""
    spec = ProductSpec(sensing=datetime(2024, 6, 1, 10, tzinfo=UTC), tile="32TQM")
    entry = make_product(tmp_path / "products", spec)
    return tmp_path / "products" / f"{spec.name}.zip", shapely.from_wkt(entry.footprint)


def test_a_product_has_the_same_footprint_as_zip_folder_and_manifest(
    product: tuple[Path, shapely.Geometry], tmp_path: Path
) -> None:
    """And it is the catalogue's."""
    path, footprint = product
    with zipfile.ZipFile(path) as archive:
        archive.extractall(tmp_path)
    unpacked = tmp_path / path.name.removesuffix(".zip")
    for form in (path, unpacked, unpacked / "manifest.safe"):
        assert shape_of(from_product(form)).equals(footprint)


def test_without_manifest_the_metadata_of_the_product_will_do(
    product: tuple[Path, shapely.Geometry], tmp_path: Path
) -> None:
    """Its EXT_POS_LIST is the same outline."""
    path, footprint = product
    with zipfile.ZipFile(path) as archive:
        archive.extractall(tmp_path)
    unpacked = tmp_path / path.name.removesuffix(".zip")
    (unpacked / "manifest.safe").unlink()
    assert shape_of(from_product(unpacked)).equals(footprint)
    shutil.make_archive(str(tmp_path / "again"), "zip", tmp_path, unpacked.name)
    assert shape_of(from_product(tmp_path / "again.zip")).equals(footprint)


def test_sentinel_1_has_commas_open_outlines_and_several_frames(tmp_path: Path) -> None:
    """As wave mode has them: one vignette after the other."""
    one, two = "46,11 46,12 47,12 47,11", "40.0,11.0 40.0,12.0\n41.0,12.0 41.0,11.0"
    safe = folder(tmp_path / "S1A.SAFE", "manifest.safe", SENTINEL1.format(frame(one) + frame(two)))
    shape = assert_askable(from_product(safe))
    assert shape.equals(shapely.union(shapely.box(11, 46, 12, 47), shapely.box(11, 40, 12, 41)))


def test_a_footprint_over_the_antimeridian_is_split(tmp_path: Path) -> None:
    """As for any area."""
    inside = SENTINEL1.format(frame("10,175 10,-175 20,-175 20,175"))
    shape = assert_askable(from_product(folder(tmp_path / "a", "manifest.safe", inside)))
    assert shape.area == pytest.approx(100)


def test_a_footprint_that_crosses_itself_is_taken_with_everything_inside(tmp_path: Path) -> None:
    """Nobody can correct a product, and its footprint is what it is."""
    inside = SENTINEL1.format(frame("0,0 1,1 0,1 1,0"))
    area = from_product(folder(tmp_path / "a", "manifest.safe", inside))
    assert assert_askable(area).area == pytest.approx(0.5)
    assert "everything inside was taken" in area.notes[0]
    again = from_footprint("POLYGON((0 0,1 1,1 0,0 1,0 0))", "S1A")
    assert again.wkt == area.wkt


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("<a/>", "has no footprint: its metadata have none"),
        ("<a>", "manifest.safe cannot be understood: no element found"),
        ('<?xml version="1.0" encoding="no"?><a/>', "cannot be understood: unknown encoding"),
        (SENTINEL1.format(frame("1 2 3")), "its footprint is no list of latitudes"),
        (SENTINEL1.format(frame("1,2 x,4 5,6")), "manifest.safe cannot be understood: could not"),
        (SENTINEL1.format(frame("100,2 101,4 100,6")), "manifest.safe: .* outside"),
    ],
)
def test_metadata_without_a_usable_footprint_say_so(
    tmp_path: Path, content: str, said: str
) -> None:
    """With the file that was read."""
    with pytest.raises(AreaError, match=said):
        from_product(folder(tmp_path / "P.SAFE", "manifest.safe", content))


def test_what_is_no_product_is_named(tmp_path: Path) -> None:
    """Missing, empty, or something else; with another way to get at a footprint."""
    with pytest.raises(AreaError, match=r"cannot read .*gone\.SAFE: No such file"):
        from_product(tmp_path / "gone.SAFE")
    (tmp_path / "empty").mkdir()
    with pytest.raises(AreaError, match=r"there is no manifest in it.*the product's name"):
        from_product(tmp_path / "empty")
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as archive:
        archive.writestr("a/b/manifest.safe", "too deep")
    with pytest.raises(AreaError, match=r"a\.zip has no footprint: there is no manifest"):
        from_product(tmp_path / "a.zip")
    (tmp_path / "a.nc").write_bytes(b"\x89HDF")
    with pytest.raises(AreaError, match=r"a\.nc has no footprint.*the product's name"):
        from_product(tmp_path / "a.nc")


@pytest.mark.skipif(not RECORDED.is_dir(), reason="recorded answers are not part of the project")
@pytest.mark.parametrize(
    ("file", "name", "inside", "bounds"),
    [
        ("manifest-s2.safe", "manifest.safe", (-78.6, 53.6), (-80, 53, -77, 55)),
        ("manifest-s2-l1c.safe", "manifest.safe", (74.1, -53.59), (73, -55, 76, -53)),
        ("xfdumanifest-s3.xml", "xfdumanifest.xml", (6.4, 45.9), (-10, 25, 20, 60)),
    ],
)
def test_recorded_manifests_are_read(
    tmp_path: Path, file: str, name: str, inside: tuple[float, float], bounds: tuple[float, ...]
) -> None:
    """Sentinel-2 and Sentinel-3, as the service delivers them."""
    (tmp_path / "P.SAFE").mkdir()
    shutil.copy(RECORDED / file, tmp_path / "P.SAFE" / name)
    shape = assert_askable(from_product(tmp_path / "P.SAFE"))
    assert shape.covers(shapely.Point(inside))
    assert shapely.box(*bounds).covers(shape)
