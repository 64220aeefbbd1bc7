"""Files of a listing: whole or not there, of any length, GeoParquet too."""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
import tempfile
from collections.abc import AsyncIterator, Iterable
from datetime import UTC, datetime
from pathlib import Path

import pyarrow.parquet as pq
import pytest
import shapely
from hypothesis import given, settings

from s2fetch.errors import ArchiveError, CatalogueError
from s2fetch.export import Exported, FileSink, ParquetSink, Sink, TextSink, export_all, make_form
from s2fetch.lists import ProductList, read_list
from s2fetch.product import AttributeValue, Product
from tests.export.made import listings, sentinel_2, url_of


async def each(
    products: Iterable[Product], error: Exception | None = None
) -> AsyncIterator[Product]:
    """A listing, which may break off."""
    for product in products:
        yield product
    if error is not None:
        raise error


def many(count: int) -> list[Product]:
    """Products that differ by their identifiers."""
    return [sentinel_2(id=f"{number:08}-0000-4000-8000-000000000000") for number in range(count)]


async def test_a_file_appears_when_it_is_whole_and_replaces_the_old_one(tmp_path: Path) -> None:
    """And what was found is counted."""
    path = tmp_path / "found.csv"
    path.write_text("old")
    unknown = sentinel_2(size=None)
    sink = FileSink(make_form("csv", url_of), path)
    exported = await export_all(each([*many(2), unknown]), sink)
    assert exported == Exported(count=3, size_bytes=1_600_000_000, unknown_sizes=1)
    assert path.read_text().count("\n") == 4
    assert [entry.name for entry in tmp_path.iterdir()] == ["found.csv"]


@pytest.mark.parametrize("form", ["geojson", "geoparquet"])
async def test_a_listing_that_breaks_off_leaves_no_file_and_keeps_the_old_one(
    tmp_path: Path, form: str
) -> None:
    """Nobody takes a part for the whole."""
    path = tmp_path / "found"
    path.write_text("old")
    sink: Sink = (
        FileSink(make_form(form, url_of), path)
        if form == "geojson"
        else ParquetSink(path, url_of, group_rows=100)
    )
    with pytest.raises(CatalogueError):
        await export_all(each(many(250), CatalogueError("broken")), sink)
    assert path.read_text() == "old"
    assert [entry.name for entry in tmp_path.iterdir()] == ["found"]


@pytest.mark.parametrize("form", ["csv", "geoparquet"])
async def test_an_empty_listing_is_a_valid_file(tmp_path: Path, form: str) -> None:
    """With its columns."""
    path = tmp_path / "found"
    sink: Sink = (
        FileSink(make_form(form, url_of), path) if form == "csv" else ParquetSink(path, url_of)
    )
    assert (await export_all(each([]), sink)).count == 0
    if form == "csv":
        assert path.read_text().startswith("id,name,")
    else:
        assert pq.read_table(path).num_rows == 0


@pytest.mark.parametrize("form", ["csv", "geoparquet"])
async def test_a_file_that_cannot_be_written_is_an_error_with_its_path(
    tmp_path: Path, form: str
) -> None:
    """The folder is not there."""
    path = tmp_path / "nowhere" / "found"
    sink: Sink = (
        FileSink(make_form(form, url_of), path) if form == "csv" else ParquetSink(path, url_of)
    )
    with pytest.raises(ArchiveError, match="nowhere"):
        await export_all(each(many(3)), sink)


async def test_text_is_handed_on_as_it_comes() -> None:
    """The first products at once, for whoever watches; later ones by the hundred."""
    pieces: list[str] = []
    await export_all(each(many(450)), TextSink(make_form("names", url_of), pieces.append))
    assert [piece.count("\n") for piece in pieces[:99]] == [1] * 99
    assert max(piece.count("\n") for piece in pieces) == 100
    assert sum(piece.count("\n") for piece in pieces) == 450


async def test_attributes_in_geoparquet_have_their_own_types(tmp_path: Path) -> None:
    """Times are times, and what does not fit its column is not lost."""
    attributes: dict[str, AttributeValue] = {
        "processingDate": "2024-06-01T12:00:00.5Z",
        "orbitNumber": 46_700,
        "cloudCover": 12.5,
        "tileId": "32TQM",
        "sliceProductFlag": True,
    }
    odd: dict[str, AttributeValue] = {"processingDate": "soon", "orbitNumber": 2.5}
    path = tmp_path / "found.parquet"
    found = each([sentinel_2(attributes=attributes), sentinel_2(attributes=odd)])
    await export_all(found, ParquetSink(path, url_of, group_rows=1))
    table = pq.read_table(path)
    kinds = {name: str(table.schema.field(name).type) for name in attributes}
    assert kinds == {
        "processingDate": "timestamp[us, tz=UTC]",
        "orbitNumber": "int64",
        "cloudCover": "double",
        "tileId": "string",
        "sliceProductFlag": "bool",
    }
    first, second = table.to_pylist()
    assert first["processingDate"] == datetime(2024, 6, 1, 12, 0, 0, 500_000, UTC)
    assert json.loads(second["other_attributes"]) == odd


async def test_geoparquet_is_written_a_group_at_a_time(tmp_path: Path) -> None:
    """So that no more rows than one group has are in memory."""
    path = tmp_path / "found.parquet"
    sink = ParquetSink(path, url_of, group_rows=200)
    most = 0

    async def watched() -> AsyncIterator[Product]:
        nonlocal most
        async for product in each(many(1050)):
            most = max(most, len(sink._waiting))
            yield product

    await export_all(watched(), sink)
    file = pq.ParquetFile(path)
    assert [file.metadata.row_group(n).num_rows for n in range(file.num_row_groups)] == [
        *(200, 200, 200, 200, 200),
        50,
    ]
    assert file.metadata.num_rows == 1050
    assert most < 200


def test_geoparquet_has_typed_columns_and_geometries(tmp_path: Path) -> None:
    """As the specification wants them, version 1.1."""
    path = tmp_path / "found.parquet"
    later = sentinel_2(attributes={"cloudCover": 3, "brandNew": "x"}, footprint=None)
    asyncio.run(export_all(each([sentinel_2(), later]), ParquetSink(path, url_of, group_rows=1)))
    table = pq.read_table(path)
    geo = json.loads(table.schema.metadata[b"geo"])
    assert geo["version"] == "1.1.0"
    assert geo["columns"][geo["primary_column"]]["encoding"] == "WKB"
    assert str(table.schema.field("sensing_start").type) == "timestamp[us, tz=UTC]"
    assert str(table.schema.field("size").type) == "int64"
    first, second = table.to_pylist()
    expected = shapely.from_wkt(sentinel_2().footprint)
    assert shapely.equals(shapely.from_wkb(first["geometry"]), expected)
    assert second["geometry"] is None
    assert (first["cloudCover"], second["cloudCover"]) == (12.5, 3.0)
    assert (first["orbitNumber"], second["orbitNumber"]) == (46_700, None)
    assert second["other_attributes"] == '{"brandNew": "x"}'
    assert first["sensing_start"] == sentinel_2().sensing_start


@given(products=listings)
@settings(max_examples=25)
def test_geoparquet_is_a_list_again(products: list[Product]) -> None:
    """Whatever the attributes are: mixed types, names of columns, no text that Parquet has."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "found.parquet")
        asyncio.run(export_all(each(products), ParquetSink(path, url_of, group_rows=2)))
        assert read_list(path) == ProductList(tuple(product.name for product in products))
        rows = pq.read_table(path).to_pylist()
        for row, product in zip(rows, products, strict=True):
            others = json.loads(row["other_attributes"] or "{}")
            for name, value in product.attributes.items():
                own = name in row and name not in ("id", "name")
                assert others.get(name, row[name] if own else None) == value


def test_without_its_library_geoparquet_is_a_usage_error(tmp_path: Path) -> None:
    """It names the file and the extra."""
    script = (
        "import sys; sys.modules['pyarrow'] = None\n"
        "from pathlib import Path\n"
        "from s2fetch.errors import UsageError\n"
        "from s2fetch.export import ParquetSink\n"
        "from s2fetch.lists import read_list\n"
        "Path(sys.argv[1]).write_bytes(b'PAR1')\n"
        "for act in (lambda p: ParquetSink(p, str), read_list):\n"
        "    try: act(Path(sys.argv[1]))\n"
        "    except UsageError as error: print(error)\n"
    )
    path = tmp_path / "found.parquet"
    done = subprocess.run(
        [sys.executable, "-c", script, str(path)], capture_output=True, text=True, check=True
    )
    lines = done.stdout.splitlines()
    assert len(lines) == 2
    assert all("found.parquet" in line and "s2fetch[parquet]" in line for line in lines)
