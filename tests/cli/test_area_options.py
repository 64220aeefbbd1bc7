"""Areas of interest on the command line."""

from __future__ import annotations

import zipfile
from pathlib import Path

import numpy as np
import pyogrio
import pytest
import shapely

from s2fetch.embedded.hub import EmbeddedHub
from tests.area.shapes import coast
from tests.cli.conftest import Shell


def shapefile(folder: Path) -> None:
    """The middle of tile 32TQM, in UTM."""
    box = shapely.box(740_000, 4_630_000, 750_000, 4_640_000)
    pyogrio.raw.write(
        str(folder / "field.shp"),
        shapely.to_wkb(np.array([box])),
        [],
        [],
        geometry_type="Polygon",
        crs="EPSG:32632",
        driver="ESRI Shapefile",
    )


async def test_a_projected_shapefile_selects_what_lies_there(
    shell: Shell, hub: EmbeddedHub
) -> None:
    """Two of the six products lie there; one tile overlaps none of the others."""
    shapefile(shell.folder)
    done = await shell.run("search", "--area-file", "field.shp")
    assert done.code == 0, done.err
    expected = [entry.name for entry in hub.folder.entries if "_T32TQM_" in entry.name]
    assert [line.split("\t")[0] for line in done.out.splitlines()] == expected
    assert done.err.count("\n") == 1


async def test_files_can_be_given_several_times(shell: Shell, hub: EmbeddedHub) -> None:
    """And together with a relation."""
    shapefile(shell.folder)
    (shell.folder / "all.wkt").write_text("POLYGON((5 40,15 40,15 50,5 50,5 40))")
    files = ("--area-file", "field.shp", "--area-file", "all.wkt")
    done = await shell.run("search", *files, "--area-relation", "within", "--limit", "3")
    assert done.code == 0, done.err
    assert len(done.out.splitlines()) == 3


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("a.tif", b"II*\0rubbish"),
        ("a.gpkg", b"SQLite format 3\0rubbish"),
        ("a.shp", b"\0\0\x27\x0arubbish"),
        ("a.kml", b"<kml><Placemark>"),
        ("a.pdf", b"%PDF-1.4"),
    ],
)
async def test_a_broken_file_gives_one_message_and_nothing_of_a_library(
    shell: Shell, hub: EmbeddedHub, name: str, content: bytes
) -> None:
    """With the option and the file; exit code 2."""
    (shell.folder / name).write_bytes(content)
    done = await shell.run("search", "--area-file", name)
    assert done.code == 2
    assert done.out == ""
    assert done.err.startswith("Error: --area-file: ")
    assert name in done.err
    assert done.err.count("\n") == 1


async def test_the_user_hears_by_how_much_an_area_grew(shell: Shell, hub: EmbeddedHub) -> None:
    """A footprint of the catalogue as well as a file."""
    with zipfile.ZipFile(shell.folder / "a.kmz", "w") as archive:
        original = shapely.from_wkt(coast(12, 42, 0.3, 2_000, seed=3))
        inside = " ".join(f"{x},{y}" for x, y in original.exterior.coords)
        archive.writestr(
            "doc.kml",
            "<kml><Placemark><Polygon><outerBoundaryIs><LinearRing><coordinates>"
            f"{inside}</coordinates></LinearRing></outerBoundaryIs></Polygon></Placemark></kml>",
        )
    done = await shell.run("search", "--area-file", "a.kmz")
    assert done.code == 0
    assert done.err.startswith("Warning: The area was simplified outwards from 2001 to ")
    assert "percent" in done.err


async def test_a_product_of_the_catalogue_is_an_area(shell: Shell, hub: EmbeddedHub) -> None:
    """For a dry run as well; an unknown one is exit code 2."""
    name = next(entry.name for entry in hub.folder.entries if "_T32TQM_" in entry.name)
    within = ("--area-product", name, "--area-relation", "within")
    done = await shell.run("sync", "--dry-run", "--into", "archive", *within)
    assert done.code == 0, done.err
    assert "tested here: within the area" in " ".join(done.out.split())
    done = await shell.run("search", "--area-product", "S9X_NONE")
    assert done.code == 2
    assert "not in the catalogue: S9X_NONE" in done.err
